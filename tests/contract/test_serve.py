"""`sctpffi.aio.serve`: a handler for each association, its limits, its end (docs/asyncio.md)."""

from __future__ import annotations

import asyncio

import pytest

from sctpffi import (
    ArgumentError,
    ArgumentTypeError,
    AssociationAborted,
    ConnectionRefused,
    EndOfAssociation,
    WaitTimeout,
    aio,
)
from sctpffi.testing import LIMIT

HERE = "127.0.0.1:0"


@pytest.fixture
def run(backend):
    """Runs a coroutine function; complaints to the loop are collected, tasks that are left fail."""

    def run(main):
        complaints = []

        async def bounded():
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
            await asyncio.wait_for(main(), 3 * LIMIT)
            await asyncio.sleep(0)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left

        asyncio.run(bounded())
        return complaints

    return run


async def echo(connection):
    """A handler."""
    async for message in connection:
        await connection.send(message.data, stream=message.stream)


def test_echo(run, backend):
    """serve answers several clients at once; closing ends everything."""

    async def main():
        async with await aio.serve(echo, HERE, backend=backend) as server:
            assert server.backend == backend
            clients = [await aio.connect(f"127.0.0.1:{server.port}", backend=backend, timeout=LIMIT) for _ in range(5)]
            for number, client in enumerate(clients):
                await client.send(b"%d" % number, stream=number)
            for number, client in enumerate(clients):
                message = await client.recv(timeout=LIMIT)
                assert (message.data, message.stream) == (b"%d" % number, number)
            assert len(server.connections) == 5
            await clients[0].close(timeout=LIMIT)
        for client in clients[1:]:
            with pytest.raises(EndOfAssociation):
                await client.recv(timeout=LIMIT)
            await client.close()
        assert server.closed
        assert server.connections == []

    assert run(main) == []


def test_a_handler_that_fails(run, backend):
    """A handler that raises has its association aborted and is reported to the loop; the others go on."""

    async def handler(connection):
        async for message in connection:
            if message.data == b"fail":
                raise KeyError("deliberate")
            await connection.send(message.data)

    async def main():
        async with await aio.serve(handler, HERE, backend=backend) as server:
            there = f"127.0.0.1:{server.port}"
            bad = await aio.connect(there, backend=backend)
            async with bad, await aio.connect(there, backend=backend) as good:
                await bad.send(b"fail")
                with pytest.raises(AssociationAborted):
                    await bad.recv(timeout=LIMIT)
                await good.send(b"still served")
                assert (await good.recv(timeout=LIMIT)).data == b"still served"

    (complaint,) = run(main)
    assert isinstance(complaint["exception"], KeyError)


def test_ends_are_no_failures(run, backend):
    """A handler that raises because the association ended or was lost is no failure."""

    async def handler(connection):
        while True:
            await connection.recv()

    async def main():
        async with await aio.serve(handler, HERE, backend=backend) as server:
            there = f"127.0.0.1:{server.port}"
            gone = await aio.connect(there, backend=backend)
            lost = await aio.connect(there, backend=backend)
            await gone.close(timeout=LIMIT)
            lost.abort(b"why")
            last = await aio.connect(there, backend=backend)
            await last.close(timeout=LIMIT)

    assert run(main) == []


def test_max_connections(run, backend):
    """No more than max_connections handlers run; who comes later is served when one ends."""

    async def main():
        running = []

        async def handler(connection):
            running.append(connection)
            assert len(running) <= 2
            await echo(connection)
            running.remove(connection)

        async with await aio.serve(handler, HERE, backend=backend, max_connections=2) as server:
            there = f"127.0.0.1:{server.port}"
            clients = [await aio.connect(there, backend=backend, timeout=LIMIT) for _ in range(4)]
            for client in clients:
                await client.send(b"x")
            for client in clients[:2]:
                assert (await client.recv(timeout=LIMIT)).data == b"x"
            with pytest.raises(WaitTimeout):
                await clients[2].recv(timeout=0.1)
            for client in clients[:2]:
                await client.close(timeout=LIMIT)
            for client in clients[2:]:
                assert (await client.recv(timeout=LIMIT)).data == b"x"
                await client.close()

    assert run(main) == []


def test_a_graceful_close(run, backend):
    """close shuts the associations down: what handlers sent arrives, and handlers see the end."""

    async def main():
        ended = []

        async def handler(connection):
            message = await connection.recv()
            for number in range(20):
                await connection.send(message.data + b"%d" % number)
            async for _ in connection:
                pass
            ended.append(None)

        server = await aio.serve(handler, HERE, backend=backend)
        there = f"127.0.0.1:{server.port}"
        async with await aio.connect(there, backend=backend, timeout=LIMIT) as client:
            await client.send(b"x")
            first = await client.recv(timeout=LIMIT)
            job = asyncio.ensure_future(server.close(timeout=LIMIT))
            found = [first.data] + [message.data async for message in client]
            assert found == [b"x%d" % number for number in range(20)]
            await job
            assert ended == [None]
        with pytest.raises(ConnectionRefused):
            await aio.connect(there, backend=backend, timeout=LIMIT)

    assert run(main) == []


@pytest.mark.parametrize("timeout", [0, 0.1])
def test_handlers_that_do_not_end(run, backend, timeout):
    """close cancels the handlers that are left when its time is up, and aborts their associations."""

    async def main():
        cancelled = []
        begun = asyncio.Event()

        async def handler(connection):
            begun.set()
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.append(None)
                raise

        server = await aio.serve(handler, HERE, backend=backend)
        async with await aio.connect(f"127.0.0.1:{server.port}", backend=backend, timeout=LIMIT) as client:
            await begun.wait()
            await server.close(timeout=timeout)
            assert cancelled == [None]
            with pytest.raises((AssociationAborted, EndOfAssociation)):
                await client.recv(timeout=LIMIT)

    assert run(main) == []


def test_serve_forever(run, backend):
    """serve_forever waits until the server is closed, or closes it when it is cancelled."""

    async def main():
        server = await aio.serve(echo, HERE, backend=backend)
        job = asyncio.ensure_future(server.serve_forever())
        await asyncio.sleep(0)
        await server.close()
        await job
        server = await aio.serve(echo, HERE, backend=backend)
        job = asyncio.ensure_future(server.serve_forever())
        await asyncio.sleep(0)
        job.cancel()
        await asyncio.wait([job])
        assert server.closed

    assert run(main) == []


def test_a_server_that_is_left_by_an_error(run, backend):
    """Leaving `async with` by an exception closes the server too."""

    async def main():
        with pytest.raises(KeyError):
            async with await aio.serve(echo, HERE, backend=backend) as server:
                raise KeyError
        assert server.closed

    assert run(main) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"handler": None}, ArgumentTypeError),
        ({"max_connections": 0}, ArgumentError),
        ({"max_connections": -1}, ArgumentError),
        ({"max_connections": "x"}, ArgumentTypeError),
        ({"address": "x"}, ArgumentError),
        ({"init": 1}, ArgumentTypeError),
        ({"config": 1}, ArgumentTypeError),
    ],
)
def test_bad_arguments(run, backend, arguments, error):
    """A bad argument of serve is refused by name, and nothing stays open."""

    async def main():
        with pytest.raises(error):
            await aio.serve(**{"handler": echo, "address": HERE, "backend": backend, **arguments})

    assert run(main) == []
