"""Cancellation: a cancelled call has done nothing, wherever it was cut off (docs/asyncio.md).

Messages are numbered, so that one that was lost or came twice is seen.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from sctpffi import AssociationLost, EndOfAssociation, Event, NotConnected, WaitTimeout
from sctpffi.testing import LIMIT

HERE = "127.0.0.1:0"


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


def test_a_cancelled_recv_loses_no_message(loop, on_loop):
    """recv that is cancelled again and again, at random, still gives every message once and in order."""

    async def test(client, server):
        chance = random.Random(1)
        found = []

        async def read():
            found.append((await server.recv()).data)

        async def write():
            for number in range(300):
                await client.send(b"%d" % number)
                await loop.sleep(chance.choice((0, 0, 0.0005)))

        job = loop.start(write)
        while len(found) < 300:
            await loop.within(chance.choice((0, 0.0001, 0.0005, 0.002)), read)
        await job.result()
        assert found == [b"%d" % number for number in range(300)]

    on_loop(test)


def test_a_cancelled_send_sends_all_or_nothing(loop, on_loop):
    """send that is cancelled while it waits for room has sent nothing; one that came back has sent all."""

    async def test(client, server):
        chance = random.Random(2)
        sent, found = [], []

        async def read():
            async for message in server:
                assert len(set(message.data[4:])) == 1
                found.append(int(message.data[:4]))
                await loop.sleep(chance.choice((0, 0.0005)))

        reader = None
        for number in range(400):
            if reader is None and len(sent) < number:  # full: the first one was cut off
                reader = loop.start(read)

            async def write(number=number):
                await client.send(b"%04d" % number + bytes([number % 251]) * 20_000)
                sent.append(number)

            await loop.within(chance.choice((0.0001, 0.001, 0.01)), write)
        client.shutdown()
        await reader.result()
        assert found == sent
        assert 0 < len(sent) < 400

    on_loop(test)


def test_a_cancelled_accept_loses_no_association(loop, backend):
    """accept that is cancelled again and again still gives every association."""

    async def main():
        chance = random.Random(3)
        accepted, clients = [], []
        async with loop.api.listen(HERE, backend=backend) as listener:
            there = f"127.0.0.1:{listener.port}"

            async def accept():
                accepted.append((await listener.accept())[0])

            async def connect():
                for _ in range(30):
                    clients.append(await loop.api.connect(there, backend=backend, timeout=LIMIT))
                    await loop.sleep(chance.choice((0, 0.001)))

            job = loop.start(connect)
            while len(accepted) < 30:
                await loop.within(chance.choice((0, 0.0002, 0.001)), accept)
            await job.result()
            for server in accepted:
                await server.close()
            for client in clients:
                await client.close()

    loop.run(main, 3 * LIMIT)


def test_a_cancelled_connect_leaves_nothing(loop, backend):
    """connect that is cancelled at any moment leaves no association, here or at the peer (RFC 9260 section 9.1)."""

    async def main():
        chance = random.Random(4)
        async with loop.api.Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE]) as peer:
            there = f"127.0.0.1:{peer.port}"
            done = 0

            async def connect():
                connection = await loop.api.connect(there, local=HERE, backend=backend)
                await connection.close(timeout=LIMIT)

            for number in range(60):
                done += await loop.within((number % 12) * 0.00005 + chance.random() * 0.0003, connect)
            # One that stays: whatever the others left is before it.
            async with await loop.api.connect(there, local=HERE, backend=backend, timeout=LIMIT) as client:
                await client.send(b"the last")
                message = await peer.recv(timeout=LIMIT)
                assert message.data == b"the last"
                items = peer.events(timeout=LIMIT)
                while len(peer.associations()) > 1:  # its end is on the way
                    await items.__anext__()
                assert [each.id for each in peer.associations()] == [message.assoc_id]

    loop.run(main, 3 * LIMIT)


def test_a_connect_that_is_cancelled_while_it_waits(loop, backend, unanswered):
    """connect to a peer that says nothing is cancelled or times out: the call can be made again at once."""

    async def main():
        async def connect():
            await loop.api.connect(unanswered.address, config=unanswered.config, backend=backend)

        async with loop.api.Endpoint(HERE, config=unanswered.config, backend=backend) as endpoint:
            for _ in range(3):
                assert not await loop.within(0.05, connect)
                assert not await loop.within(0.05, lambda: endpoint.connect(unanswered.address))
                with pytest.raises(WaitTimeout):
                    await endpoint.connect(unanswered.address, timeout=0.05)
                assert endpoint.associations() == []
            with pytest.raises(WaitTimeout):
                await loop.api.connect(unanswered.address, config=unanswered.config, backend=backend, timeout=0.05)

    loop.run(main, 3 * LIMIT)


def test_a_cancelled_connect_of_an_endpoint(loop, backend):
    """Endpoint.connect that is cancelled leaves no association at either end, and the endpoint usable."""

    async def main():
        chance = random.Random(5)
        wanted = {"backend": backend, "events": [Event.ASSOC_CHANGE]}
        async with loop.api.Endpoint(HERE, **wanted) as ours, loop.api.Endpoint(HERE, **wanted) as peer:
            there = f"127.0.0.1:{peer.port}"

            async def connect():
                found = await ours.connect(there)
                found.abort()

            for _ in range(40):
                await loop.within(chance.random() * 0.0008, connect)
                items = ours.events(timeout=LIMIT)
                while ours.associations():  # its end is on the way
                    await items.__anext__()
            found = await ours.connect(there, timeout=LIMIT)
            await found.send(b"the last")
            assert (await peer.recv(timeout=LIMIT)).data == b"the last"
            items = peer.events(timeout=LIMIT)
            while len(peer.associations()) > 1:
                await items.__anext__()

    loop.run(main, 3 * LIMIT)


def test_churn(loop, backend):
    """Connect, accept, echo, close, each cut off at random: nothing leaks, nothing hangs, no task stays.

    Ten rounds for each association of SCTPFFI_MANY, 2,000 at most, and 300 on other loops than asyncio.
    """
    rounds = min(10 * int(os.environ.get("SCTPFFI_MANY", "20")), 2000 if loop.name == "asyncio" else 300)

    async def main():
        chance = random.Random(6)
        served = []

        async def echo(connection):
            try:
                async for message in connection:
                    await connection.send(message.data)
            except (AssociationLost, EndOfAssociation, NotConnected):
                pass
            finally:
                served.append(None)
                await connection.close()

        async def once(there):
            connection = await loop.api.connect(there, local=HERE, backend=backend, timeout=LIMIT)
            async with connection:
                for number in range(3):
                    await connection.send(b"%d" % number)
                    assert (await connection.recv()).data == b"%d" % number
                await connection.close(timeout=LIMIT)

        async def fastest(there):
            times = []
            for _ in range(3):
                begun = time.monotonic()
                await once(there)
                times.append(time.monotonic() - begun)
            return min(times)

        async with loop.api.listen(HERE, backend=backend) as listener:
            there = f"127.0.0.1:{listener.port}"

            async def accept():
                jobs = []
                async for connection in listener:
                    jobs.append(loop.start(lambda connection=connection: echo(connection)))
                for job in jobs:
                    await job.result()

            server = loop.start(accept)
            finished = tried = 0
            slow = max(1.0, await fastest(there) / 0.02)  # an emulated machine needs ten times as long
            while tried < rounds:
                tried += 1
                limit = chance.choice((0.0002, 0.001, 0.005, 0.02)) * chance.random() * 2 * slow
                finished += await loop.within(limit, lambda: once(there))
            assert await loop.within(LIMIT, lambda: once(there))
        await server.result()
        assert 0 < finished < tried
        assert served

    loop.run(main, 10 * LIMIT)
