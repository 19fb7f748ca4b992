"""Connection and Listener for event loops: messages, ends, time-outs, misuse (docs/asyncio.md).

Cancellation is in test_async_cancel.py, Endpoint in test_async_endpoint.py, `serve` in test_serve.py.
"""

from __future__ import annotations

import threading

import pytest

from sctpffi import (
    AssocChange,
    AssociationAborted,
    ClosedError,
    ConnectionRefused,
    EndOfAssociation,
    Error,
    Event,
    Message,
    Ppid,
    ReceiveLimitExceeded,
    ResourceBusy,
    ShutdownEvent,
    WaitTimeout,
    WouldBlock,
    WrongLoop,
)
from sctpffi.testing import LIMIT

HERE = "127.0.0.1:0"


@pytest.fixture
def on_loop(loop, backend):
    """Runs a test function with two connections: `on_loop(test, events=...)`."""

    def run(test, **options):
        async def main():
            async with loop.api.listen(HERE, backend=backend, **options) as listener:
                client = await loop.api.connect(
                    f"127.0.0.1:{listener.port}", local=HERE, backend=backend, timeout=LIMIT, **options
                )
                async with client:
                    server, _ = await listener.accept(timeout=LIMIT)
                    async with server:
                        await test(client, server)

        loop.run(main, 2 * LIMIT)

    return run


async def raised(awaitable):
    """The exception that an awaitable raises, or None."""
    try:
        await awaitable
    except Error as exc:
        return exc
    return None


def test_messages_both_ways(on_loop):
    """send and recv carry stream, PPID and order, as the blocking twins do (RFC 6458 section 3.1)."""

    async def test(client, server):
        assert await client.send(b"a", stream=3, ppid=Ppid.DIAMETER) == 1
        message = await server.recv(timeout=LIMIT)
        assert (message.data, message.stream, message.ppid) == (b"a", 3, Ppid.DIAMETER)
        await server.send(b"b", unordered=True)
        assert (await client.recv(timeout=LIMIT)).unordered

    on_loop(test)


def test_iterating_ends_with_the_association(on_loop):
    """async for gives messages until the peer shuts the association down."""

    async def test(client, server):
        for number in range(5):
            await client.send(b"%d" % number)
        client.shutdown()
        assert [m.data async for m in server] == [b"%d" % n for n in range(5)]

    on_loop(test)


def test_iterating_raises_on_a_loss(on_loop):
    """async for raises when the association is aborted."""

    async def test(client, server):
        await client.send(b"x")
        assert (await server.recv(timeout=LIMIT)).data == b"x"
        client.abort(b"why")
        with pytest.raises(AssociationAborted):
            async for _ in server:
                pass

    on_loop(test)


def test_events_come_in_order(on_loop):
    """events gives messages and notifications in their order of arrival, until the end (RFC 6458 section 6)."""

    async def test(client, server):
        await client.send(b"x")
        client.shutdown()
        found = [type(item) async for item in server.events(timeout=LIMIT)]
        assert found == [AssocChange, Message, ShutdownEvent, AssocChange]

    on_loop(test, events=[Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT])


def test_notifications_are_kept_aside(on_loop):
    """recv reads messages only; notifications go to the handler, or wait."""

    async def test(client, server):
        await client.send(b"x")
        await server.recv(timeout=LIMIT)
        assert [type(n) for n in server.notifications] == [AssocChange]
        seen = []
        server.on_notification = seen.append
        client.shutdown()
        assert isinstance(await raised(server.recv(timeout=LIMIT)), EndOfAssociation)
        assert [type(n) for n in seen] == [ShutdownEvent, AssocChange]

    on_loop(test, events=[Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT])


def test_time_outs(on_loop):
    """timeout= bounds each wait: WaitTimeout, or WouldBlock where 0 was given."""

    async def test(client, server):
        assert isinstance(await raised(client.recv(timeout=0.05)), WaitTimeout)
        assert isinstance(await raised(client.recv(timeout=0)), WouldBlock)
        client.settimeout(0.05)
        assert isinstance(await raised(client.recv()), WaitTimeout)
        await server.send(b"still works")
        assert (await client.recv(timeout=LIMIT)).data == b"still works"

    on_loop(test)


def test_a_new_time_out_reaches_a_wait(loop, on_loop):
    """settimeout in one task ends a recv of another that waits by it."""

    async def test(client, server):
        job = loop.start(lambda: raised(client.recv()))
        await loop.settle()
        client.settimeout(0.01)
        assert isinstance(await job.result(), WaitTimeout)

    on_loop(test)


def test_a_refused_connect(loop, backend):
    """A connect that is refused raises ConnectionRefused, and nothing stays open."""

    async def main():
        async with loop.api.listen(HERE, backend=backend) as listener:
            port = listener.port
        assert isinstance(
            await raised(loop.api.connect(f"127.0.0.1:{port}", backend=backend, timeout=LIMIT)), ConnectionRefused
        )

    loop.run(main, 2 * LIMIT)


def test_recv_into_and_partial(on_loop):
    """recv_into fills a buffer with a whole message or tells that it is too long; recv_partial gives pieces."""

    async def test(client, server):
        room = bytearray(10)
        for data in (b"whole", b"far too long for it", b"next", b"in pieces"):
            await client.send(data)
        message = await server.recv_into(room, timeout=LIMIT)
        assert (bytes(message.data), bytes(room[:5])) == (b"whole", b"whole")
        assert isinstance(await raised(server.recv_into(room, timeout=LIMIT)), ReceiveLimitExceeded)
        assert bytes((await server.recv_into(room, timeout=LIMIT)).data) == b"next"
        pieces = [await server.recv_partial(4, timeout=LIMIT) for _ in range(3)]
        assert [(p.data, p.complete) for p in pieces] == [(b"in p", False), (b"iece", False), (b"s", True)]

    on_loop(test)


def test_a_listener_iterates(loop, backend):
    """async for over a listener gives connections until it is closed."""

    async def main():
        listener = loop.api.listen(HERE, backend=backend)
        port = listener.port

        async def serve():
            served = 0
            async for conn in listener:
                async with conn:
                    async for message in conn:
                        await conn.send(message.data.upper())
                served += 1
            return served

        job = loop.start(serve)
        for _ in range(3):
            async with await loop.api.connect(f"127.0.0.1:{port}", backend=backend, timeout=LIMIT) as client:
                await client.send(b"echo")
                assert (await client.recv(timeout=LIMIT)).data == b"ECHO"
        listener.close()
        assert await job.result() == 3

    loop.run(main, 2 * LIMIT)


@pytest.mark.parametrize("where", ["task", "thread"])
def test_closing_wakes_who_waits(loop, on_loop, where):
    """Closing, in another task or another thread, ends recv and send that wait with ClosedError."""

    async def test(client, server):
        async def fill():
            while True:
                await client.send(b"x" * 20_000)

        jobs = [loop.start(lambda: raised(client.recv())), loop.start(lambda: raised(fill()))]
        await loop.settle()
        if where == "task":
            await client.close()
        else:
            thread = threading.Thread(target=client.socket.close)
            thread.start()
            await loop.sleep(0)
        assert [type(await job.result()) for job in jobs] == [ClosedError, ClosedError]
        if where == "thread":
            thread.join()

    on_loop(test)


def test_closing_a_listener_wakes_accept(loop, backend):
    """Closing a listener ends an accept that waits with ClosedError."""

    async def main():
        listener = loop.api.listen(HERE, backend=backend)
        job = loop.start(lambda: raised(listener.accept()))
        await loop.settle()
        listener.close()
        assert isinstance(await job.result(), ClosedError)

    loop.run(main, 2 * LIMIT)


def test_a_descriptor_that_is_used_again(loop, backend):
    """A socket that gets the descriptor of one that was closed while tasks waited on it is waited for, too."""

    async def main():
        for _ in range(20):
            old = loop.api.listen(HERE, backend=backend)
            job = loop.start(lambda listener=old: raised(listener.accept()))
            await loop.settle()
            old.close()
            new = loop.api.listen(HERE, backend=backend)
            async with new, await loop.api.connect(f"127.0.0.1:{new.port}", backend=backend, timeout=LIMIT):
                server, _ = await new.accept(timeout=LIMIT)
                await server.close()
            assert isinstance(await job.result(), ClosedError)

    loop.run(main, 2 * LIMIT)


def test_two_readers(loop, on_loop):
    """A second recv while one waits is ResourceBusy; the first one gets its message."""

    async def test(client, server):
        first = loop.start(lambda: client.recv(timeout=LIMIT))
        await loop.settle()
        assert isinstance(await raised(client.recv(timeout=LIMIT)), ResourceBusy)
        await server.send(b"for the first")
        assert (await first.result()).data == b"for the first"

    on_loop(test)


def test_several_senders(loop, on_loop):
    """Tasks may send side by side, also while they wait for room; each message stays whole."""

    async def test(client, server):
        async def send(stream):
            for number in range(40):
                await client.send(b"%03d" % number + bytes([stream]) * 20_000, stream=stream, timeout=LIMIT)

        jobs = [loop.start(lambda stream=stream: send(stream)) for stream in range(4)]
        counts = dict.fromkeys(range(4), 0)
        for _ in range(160):
            message = await server.recv(timeout=LIMIT)
            assert message.data == b"%03d" % counts[message.stream] + bytes([message.stream]) * 20_000
            counts[message.stream] += 1
        for job in jobs:
            await job.result()

    on_loop(test)


def test_backpressure(loop, on_loop):
    """send waits while the peer does not read, times out without losing anything, and goes on (RFC 6458 3.1.4)."""

    async def test(client, server):
        sent = 0
        while not isinstance(await raised(client.send(b"%06d" % sent + b"x" * 10_000, timeout=0.1)), WaitTimeout):
            sent += 1
        assert sent > 0
        waiting = loop.start(lambda: client.send(b"the last", timeout=LIMIT))
        await loop.settle()
        for number in range(sent):
            assert (await server.recv(timeout=LIMIT)).data[:6] == b"%06d" % number
        assert (await server.recv(timeout=LIMIT)).data == b"the last"
        await waiting.result()

    on_loop(test)


def test_others_get_their_turn(loop, on_loop):
    """A task that always finds a message lets others run."""

    async def test(client, server):
        for number in range(500):
            await client.send(b"%d" % number)
        turns = []

        async def count():
            while True:
                turns.append(None)
                await loop.sleep(0)

        job = loop.start(count)
        for _ in range(500):
            await server.recv(timeout=LIMIT)
        job.cancel()
        with pytest.raises(loop.Cancelled):
            await job.result()
        assert len(turns) > 3

    on_loop(test)


def test_use_after_close(on_loop):
    """A closed connection raises ClosedError for whatever waits."""

    async def test(client, server):
        await client.close()
        for call in (client.recv(), client.send(b"x"), client.recv_partial(), client.recv_into(bytearray(9))):
            assert isinstance(await raised(call), ClosedError)
        await client.close()
        assert isinstance(await raised(server.recv(timeout=LIMIT)), EndOfAssociation)

    on_loop(test)


def test_the_wrong_loop(loop, backend):
    """A connection belongs to the loop that used it first: another one, or none, is WrongLoop."""
    kept = []

    async def first():
        listener = loop.api.listen(HERE, backend=backend)
        kept.append(listener)
        assert isinstance(await raised(listener.accept(timeout=0)), WouldBlock)

    async def second():
        assert isinstance(await raised(kept[0].accept(timeout=0)), WrongLoop)

    loop.run(first, LIMIT)
    loop.run(second, LIMIT)
    coroutine = kept[0].accept()
    with pytest.raises(WrongLoop):
        coroutine.send(None)
    kept[0].close()


def test_close_waits_for_the_peer(loop, on_loop):
    """close(timeout=) returns when the peer has everything; what it still sends is lost (RFC 9260 section 9.2)."""

    async def test(client, server):
        for number in range(10):
            await client.send(b"%02d" % number * 5_000, timeout=LIMIT)
            await server.send(b"unread")
        job = loop.start(lambda: client.close(timeout=LIMIT))
        found = [m.data[:2] async for m in server]
        assert found == [b"%02d" % n for n in range(10)]
        await job.result()

    on_loop(test)


def test_close_aborts_when_the_time_is_up(on_loop):
    """close(timeout=) of a peer that does not read raises WaitTimeout, and the association is aborted."""

    async def test(client, server):
        while not isinstance(await raised(client.send(b"x" * 10_000, timeout=0.05)), WaitTimeout):
            pass
        assert isinstance(await raised(client.close(timeout=0.2)), WaitTimeout)
        assert client.closed
        with pytest.raises(AssociationAborted):
            while True:
                await server.recv(timeout=LIMIT)

    on_loop(test)


def test_close_while_another_task_receives(loop, on_loop):
    """close(timeout=) works while another task is in recv, which sees the end."""

    async def test(client, server):
        reader = loop.start(lambda: raised(client.recv()))
        peer = loop.start(lambda: raised(server.recv(timeout=LIMIT)))
        await loop.settle()
        await client.close(timeout=LIMIT)
        assert isinstance(await reader.result(), (EndOfAssociation, ClosedError))
        assert isinstance(await peer.result(), EndOfAssociation)

    on_loop(test)
