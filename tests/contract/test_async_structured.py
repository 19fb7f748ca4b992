"""sctpffi.aio under asyncio's own tools for structure: timeout and TaskGroup of Python 3.11, wait_for and gather."""

from __future__ import annotations

import asyncio
import sys

import pytest

from sctpffi import AssociationAborted, aio
from sctpffi.testing import LIMIT

HERE = "127.0.0.1:0"
since_3_11 = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="asyncio.timeout and TaskGroup came with Python 3.11"
)


async def echo(connection):
    """A handler."""
    async for message in connection:
        await connection.send(message.data)


@since_3_11
def test_timeout(backend):
    """asyncio.timeout ends a recv that waits; the message that comes later is not lost."""

    async def main():
        server = await aio.serve(echo, HERE, backend=backend)
        async with server, await aio.connect(f"127.0.0.1:{server.port}", backend=backend) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.recv()
            await client.send(b"after it")
            async with asyncio.timeout(LIMIT):
                assert (await client.recv()).data == b"after it"

    asyncio.run(main())


@since_3_11
def test_task_group(backend):
    """A TaskGroup cancels what waits when one task fails; each connection is whole afterwards."""

    async def main():
        async with await aio.serve(echo, HERE, backend=backend) as server:
            there = f"127.0.0.1:{server.port}"
            clients = [await aio.connect(there, backend=backend) for _ in range(3)]

            async def fail():
                await asyncio.sleep(0.02)
                raise KeyError("deliberate")

            with pytest.raises(BaseExceptionGroup) as caught:  # noqa: F821  # of Python 3.11
                async with asyncio.TaskGroup() as group:
                    for client in clients:
                        group.create_task(client.recv())
                    group.create_task(fail())
            assert caught.group_contains(KeyError)
            for number, client in enumerate(clients):
                await client.send(b"%d" % number)
                assert (await client.recv(timeout=LIMIT)).data == b"%d" % number
                await client.close(timeout=LIMIT)

    asyncio.run(main())


def test_wait_for_and_gather(backend):
    """wait_for and gather work with every call; an abort of the peer is an exception in one of them only."""

    async def main():
        async with await aio.serve(echo, HERE, backend=backend) as server:
            there = f"127.0.0.1:{server.port}"
            one, two = await asyncio.gather(*(aio.connect(there, backend=backend) for _ in range(2)))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(one.recv(), 0.05)
            while len(server.connections) < 2:
                await asyncio.sleep(0)
            await two.send(b"x")
            await two.recv(timeout=LIMIT)
            port = two.local_addresses[0].port
            for connection in server.connections:
                if connection.peer_addresses[0].port == port:
                    connection.abort()
            await one.send(b"y")
            first, second = await asyncio.gather(
                one.recv(timeout=LIMIT), two.recv(timeout=LIMIT), return_exceptions=True
            )
            assert first.data == b"y"
            assert isinstance(second, AssociationAborted)
            await one.close()
            await two.close()

    asyncio.run(main())
