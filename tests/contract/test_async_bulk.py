"""recv_many and send_many of the asynchronous twins, in every loop: as the blocking ones, cancelled at any moment.

Messages are numbered, so that one that was lost or came twice is seen.
"""

from __future__ import annotations

import random
import sys

import pytest

from sctpffi import (
    AssociationAborted,
    ClosedError,
    EndOfAssociation,
    Event,
    Message,
    ResourceBusy,
    WaitTimeout,
    WouldBlock,
    errors,
)
from sctpffi.bulk import Arena, Outgoing
from sctpffi.notifications import AssocChange
from sctpffi.testing import LIMIT

HERE = "127.0.0.1:0"
FULL = [b"%06d" % number + bytes(1000) for number in range(1500)]  # more than any stack takes at once


@pytest.fixture
def on_loop(loop, backend):
    """Runs a test function with two connections: `on_loop(test)`."""

    def run(test):
        async def main():
            async with loop.api.listen(HERE, backend=backend) as listener:
                client = await loop.api.connect(f"127.0.0.1:{listener.port}", local=HERE, backend=backend)
                async with client:
                    server, _ = await listener.accept(timeout=LIMIT)
                    async with server:
                        await test(client, server)

        loop.run(main, 3 * LIMIT)

    return run


def numbers(total):
    """Messages that are told apart."""
    return [b"%d" % number for number in range(total)]


def data_of(messages):
    """What they are."""
    return [bytes(message.data) for message in messages]


async def rest_of(connection, **how):
    """All messages up to the end of the association, by batches."""
    found = []
    while True:
        try:
            found += data_of(await connection.recv_many(**how))
        except EndOfAssociation:
            return found


# -- the same as the blocking ones


def test_batches(on_loop):
    """Messages that each say their own are sent with one call and received by batches, in order."""

    async def test(client, server):
        given = [b"0", Outgoing(b"1", stream=3, ppid=47), bytearray(b"2")]
        assert await client.send_many(given, 3, 46, context=1, timeout=LIMIT) == 3
        found = []
        while len(found) < 3:
            found += await server.recv_many(2, timeout=LIMIT)
        assert [(m.data, m.stream, m.ppid) for m in found] == [(b"0", 3, 46), (b"1", 3, 47), (b"2", 3, 46)]
        assert await client.send_many([]) == 0
        client.shutdown()
        with pytest.raises(EndOfAssociation):
            await server.recv_many()

    on_loop(test)


def test_more_than_there_is_room_for(loop, on_loop):
    """A send_many that has to wait for room goes on when there is some; each message comes once and in order."""

    async def test(client, server):
        reader = loop.start(lambda: rest_of(server))
        assert await client.send_many(FULL) == len(FULL)
        client.shutdown()
        assert await reader.result() == FULL

    on_loop(test)


def test_what_is_sent_is_what_was_given(loop, on_loop):
    """Buffers are taken when the call begins: what is written there while it waits is not sent."""

    async def test(client, server):
        buffer = bytearray(b"before" + bytes(1000))
        job = loop.start(lambda: client.send_many([*FULL, buffer]))
        await loop.settle()
        buffer[:6] = b"after "
        reader = loop.start(lambda: rest_of(server))
        assert await job.result() == len(FULL) + 1
        client.shutdown()
        assert (await reader.result())[-1] == b"before" + bytes(1000)

    on_loop(test)


def test_a_long_list_is_checked_once(loop, on_loop):
    """A list of which only a part finds room is gone through and checked once, and not at each try."""

    async def test(client, server):
        checked = []
        parcel = client.socket._parcel
        client.socket._parcel = lambda *arguments: checked.append(1) or parcel(*arguments)
        reader = loop.start(lambda: rest_of(server))
        assert await client.send_many(FULL) == len(FULL)
        client.shutdown()
        assert await reader.result() == FULL
        assert len(checked) == 1

    on_loop(test)


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_there_is_no_room(loop, on_loop, timeout):
    """If the time runs out how many were sent is returned, and if none was the error; the rest goes later."""

    async def test(client, server):
        sent = await client.send_many(FULL, timeout=timeout)
        assert 0 < sent < len(FULL)
        with pytest.raises((WouldBlock, WaitTimeout)):
            while True:
                sent += await client.send_many(FULL[sent:], timeout=timeout)
        reader = loop.start(lambda: rest_of(server))
        assert await client.send_many(FULL[sent:], timeout=LIMIT) == len(FULL) - sent
        client.shutdown()
        assert await reader.result() == FULL

    on_loop(test)


def test_what_is_refused(on_loop):
    """What the blocking calls refuse by name these do, too, before anything is sent."""

    async def test(client, server):
        for wrong, name in ((b"one", "messages"), ([b"0", ""], "messages[1].data"), ([b""], "messages[0]")):
            with pytest.raises((errors.ArgumentError, errors.ArgumentTypeError)) as caught:
                await client.send_many(wrong)
            assert caught.value.argument == name
        with pytest.raises(errors.ArgumentError, match="count"):
            await server.recv_many(0)
        with pytest.raises(errors.ArgumentTypeError, match="arena"):
            await server.recv_many(arena=5)
        await client.send(b"after")
        assert (await server.recv()).data == b"after"

    on_loop(test)


def test_times(on_loop):
    """recv_many waits as long as it is told to; 0 does not wait."""

    async def test(client, server):
        with pytest.raises(WouldBlock):
            await server.recv_many(timeout=0)
        with pytest.raises(WaitTimeout):
            await server.recv_many(timeout=0.05)
        server.settimeout(0.05)
        with pytest.raises(WaitTimeout):
            await server.recv_many()
        await client.send(b"x")
        assert data_of(await server.recv_many(timeout=LIMIT)) == [b"x"]

    on_loop(test)


def test_an_abort(on_loop):
    """What was received before the peer's ABORT comes first, then AssociationAborted, each time."""

    async def test(client, server):
        await client.send_many(numbers(10))
        found = []
        while len(found) < 10:
            found += data_of(await server.recv_many(3))
        client.abort()
        for _ in range(2):
            with pytest.raises(AssociationAborted):
                await server.recv_many(timeout=LIMIT)
        assert found == numbers(10)

    on_loop(test)


def test_views(loop, on_loop):
    """Views are good until the next call, which releases them, also if it has to wait."""

    async def test(client, server):
        await client.send_many([b"one"])
        (first,) = await server.recv_many(views=True, timeout=LIMIT)
        assert isinstance(first.data, memoryview)
        assert first.data == b"one"
        job = loop.start(lambda: server.recv_many(views=True, timeout=LIMIT))
        await loop.settle()
        await client.send_many([b"two"])
        (second,) = await job.result()
        assert second.data == b"two"
        with pytest.raises(ValueError, match="released"):
            bytes(first.data)
        kept = second.data[1:]
        if sys.implementation.name == "cpython":  # elsewhere references are not counted
            with pytest.raises(ResourceBusy):
                await server.recv_many(timeout=LIMIT)
            assert kept == b"wo"

    on_loop(test)


def test_an_arena_for_several(loop, on_loop):
    """Tasks that read several connections can share an arena: each has its views until another one's next call."""

    async def test(client, server):
        arena, total = Arena(), 200

        async def read(connection):
            found = []
            while len(found) < total:
                batch = await connection.recv_many(5, views=True, arena=arena, timeout=LIMIT)
                found += data_of(batch)
                del batch
            return found

        async def write(connection, mark):
            for number in range(total):
                await connection.send_many([b"%s %d" % (mark, number)])

        results = await loop.together(
            lambda: read(server), lambda: read(client), lambda: write(client, b"there"), lambda: write(server, b"here")
        )
        assert results[:2] == [[b"%s %d" % (mark, n) for n in range(total)] for mark in (b"there", b"here")]

    on_loop(test)


def test_an_endpoint(loop, backend):
    """An Endpoint moves batches of all its associations, and notices what is no message."""

    async def test(one, two):
        found = await two.connect(f"127.0.0.1:{one.port}", timeout=LIMIT)
        assert await two.send_many(numbers(3), to=found) == 3
        assert await two.send_many([Outgoing(b"3", assoc_id=found.id)]) == 1
        got = []
        while len(got) < 4:
            got += await one.recv_many(timeout=LIMIT)
        assert data_of(got) == numbers(4)
        assert all(isinstance(message, Message) for message in got)
        assert isinstance(one.notifications[0], AssocChange)
        back = [Outgoing(b"by id", assoc_id=got[0].assoc_id), Outgoing(b"by address", to=got[0].address)]
        assert await one.send_many(back, timeout=LIMIT) == 2
        got = []
        while len(got) < 2:
            got += await two.recv_many(timeout=LIMIT)
        assert data_of(got) == [b"by id", b"by address"]

    async def main():
        one = loop.api.Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE])
        async with one, loop.api.Endpoint(HERE, backend=backend) as two:
            await test(one, two)

    loop.run(main, 3 * LIMIT)


# -- others


@pytest.mark.parametrize("other", ["recv_many", "recv", "recv_into"])
def test_one_task_receives(loop, on_loop, other):
    """While a task waits in recv_many another one's call is refused by ResourceBusy."""

    async def test(client, server):
        job = loop.start(server.recv_many)
        await loop.settle()
        with pytest.raises(ResourceBusy):
            await getattr(server, other)(*([bytearray(9)] if other == "recv_into" else []))
        await client.send(b"x")
        assert data_of(await job.result()) == [b"x"]

    on_loop(test)


def test_close_wakes_both(loop, on_loop):
    """close wakes who waits in recv_many, by ClosedError, and in send_many, which gives how many were sent."""

    async def test(client, server):
        reader = loop.start(client.recv_many)
        writer = loop.start(lambda: client.send_many(FULL))
        await loop.settle()
        await client.close()
        with pytest.raises(ClosedError):
            await reader.result()
        assert 0 < await writer.result() < len(FULL)
        with pytest.raises(ClosedError):
            await client.send_many(FULL)

    on_loop(test)


def test_others_get_their_turn(loop, on_loop):
    """A task that receives batches without ever having to wait leaves others their turn."""

    async def test(client, server):
        turns = []

        async def count():
            while True:
                turns.append(1)
                await loop.sleep(0)

        await client.send_many(numbers(300))
        job = loop.start(count)
        found = []
        while len(found) < 300:
            found += data_of(await server.recv_many(1, timeout=LIMIT))
        job.cancel()
        assert found == numbers(300)
        assert len(turns) > 3
        await loop.settle()

    on_loop(test)


# -- cancelling


@pytest.mark.parametrize("views", [False, True])
def test_a_cancelled_recv_many_loses_nothing(loop, on_loop, views):
    """recv_many that is cancelled again and again, at random, still gives every message once and in order."""

    async def test(client, server):
        chance = random.Random(1)
        found, rounds = [], 0

        async def read():
            found.extend(data_of(await server.recv_many(chance.choice((1, 3, 64)), views=views)))

        async def write():
            for number in range(0, 600, 3):
                await client.send_many([b"%d" % each for each in range(number, number + 3)])
                await loop.sleep(chance.choice((0, 0, 0.0005)))

        job = loop.start(write)
        while len(found) < 600 or rounds < 200:
            rounds += 1
            await loop.within(chance.choice((0, 0.0001, 0.0005, 0.002)), read)
        await job.result()
        assert found == numbers(600)

    on_loop(test)


def test_cancelled_when_something_is_there(loop, on_loop):
    """recv_many that is cancelled in the moment in which its messages come leaves them to the next call (200 times)."""

    async def test(client, server):
        for number in range(200):
            job = loop.start(server.recv_many)
            await loop.settle()
            await client.send_many([b"%d a" % number, b"%d b" % number])
            for _ in range(number % 4):
                await loop.sleep(0)
            job.cancel()
            found = []
            try:
                found += data_of(await job.result())
            except loop.Cancelled:
                pass
            while len(found) < 2:
                found += data_of(await server.recv_many(timeout=LIMIT))
            assert found == [b"%d a" % number, b"%d b" % number]

    on_loop(test)


def test_a_cancelled_send_many_says_how_many(loop, on_loop):
    """The exception of a send_many that is cancelled has `sent`: exactly those come, each once and in order."""

    async def test(client, server):
        chance = random.Random(2)
        sent, cuts = 0, 0
        given = [b"%06d" % number + bytes(2000) for number in range(1500)]

        async def write():
            nonlocal sent, cuts
            try:
                sent += await client.send_many(given[sent:])
            except BaseException as exc:
                sent += exc.sent
                cuts += 1
                raise

        reader = None
        while sent < len(given):
            await loop.within(chance.choice((0.0005, 0.002, 0.01)), write)
            if cuts and reader is None:  # full: the first one was cut off
                reader = loop.start(lambda: rest_of(server))
        client.shutdown()
        assert await reader.result() == given
        assert cuts > 0

    on_loop(test)


def test_a_call_that_failed_spoils_nothing(loop, on_loop):
    """After ResourceBusy, time-outs and cancels the connection works as ever, either way."""

    async def test(client, server):
        for _ in range(20):
            await loop.within(0.0005, server.recv_many)
            with pytest.raises(WaitTimeout):
                await server.recv_many(timeout=0.001)
            await client.send_many([b"x", b"y"])
            found = []
            while len(found) < 2:
                found += data_of(await server.recv_many(timeout=LIMIT))
            assert found == [b"x", b"y"]

    on_loop(test)
