"""`sctpffi.trio.serve`: a handler for each association, by trio's rules (docs/asyncio.md). Needs trio."""

from __future__ import annotations

import pytest
import trio

import sctpffi.trio
from sctpffi import ArgumentTypeError, AssociationAborted
from sctpffi.testing import LIMIT

HERE = "127.0.0.1:0"


async def echo(connection):
    """A handler."""
    async for message in connection:
        await connection.send(message.data, stream=message.stream)


def run(main):
    """Run a test within bounded time."""

    async def bounded():
        with trio.fail_after(2 * LIMIT):
            await main()

    trio.run(bounded)


def test_echo(backend):
    """nursery.start gives the Listener; clients are answered side by side; cancelling ends it."""

    async def main():
        async with trio.open_nursery() as nursery:
            listener = await nursery.start(lambda **kw: sctpffi.trio.serve(echo, HERE, backend=backend, **kw))
            there = f"127.0.0.1:{listener.port}"
            clients = [await sctpffi.trio.connect(there, backend=backend, timeout=LIMIT) for _ in range(3)]
            for number, client in enumerate(clients):
                await client.send(b"%d" % number, stream=number)
            for number, client in enumerate(clients):
                message = await client.recv(timeout=LIMIT)
                assert (message.data, message.stream) == (b"%d" % number, number)
            await clients[0].close(timeout=LIMIT)
            nursery.cancel_scope.cancel()
        assert listener.closed
        for client in clients[1:]:
            with pytest.raises(AssociationAborted):  # its handler was cancelled
                await client.recv(timeout=LIMIT)
            await client.close()

    run(main)


def test_it_ends_with_its_listener(backend):
    """Closing the Listener ends serve once the handlers have ended."""

    async def main():
        async with trio.open_nursery() as nursery:
            listener = await nursery.start(lambda **kw: sctpffi.trio.serve(echo, HERE, backend=backend, **kw))
            client = await sctpffi.trio.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT)
            async with client:
                await client.send(b"x")
                assert (await client.recv(timeout=LIMIT)).data == b"x"
                listener.close()

    run(main)


def test_a_handler_that_fails(backend):
    """What a handler raises ends serve, as trio has it; the end of an association does not."""

    async def handler(connection):
        async for message in connection:
            if message.data == b"fail":
                raise KeyError("deliberate")

    failures = []

    async def serve(task_status=trio.TASK_STATUS_IGNORED):
        try:
            await sctpffi.trio.serve(handler, HERE, backend=backend, task_status=task_status)
        except BaseException as exc:  # noqa: BLE001  # trio wraps it in a group, whose class Python 3.9 does not have
            failures.append(exc)

    async def main():
        async with trio.open_nursery() as nursery:
            listener = await nursery.start(serve)
            there = f"127.0.0.1:{listener.port}"
            lost = await sctpffi.trio.connect(there, backend=backend, timeout=LIMIT)
            lost.abort(b"why")
            async with await sctpffi.trio.connect(there, backend=backend, timeout=LIMIT) as client:
                await client.send(b"fail")
                with pytest.raises(AssociationAborted):
                    await client.recv(timeout=LIMIT)

    run(main)
    assert "deliberate" in repr(failures)


def test_a_handler_that_is_none(backend):
    """What can't be called is refused by name."""

    async def main():
        with pytest.raises(ArgumentTypeError, match="handler"):
            await sctpffi.trio.serve(None, HERE, backend=backend)

    run(main)
