"""Many associations in one process and one event loop: none is lost, nothing is left (docs/asyncio.md).

SCTPFFI_MANY says how many; both ends are in this process, so each counts twice against the limit of descriptors.
"""

from __future__ import annotations

import asyncio
import os
import resource
from typing import Iterator

import pytest

from sctpffi import Config, aio
from sctpffi.testing import LIMIT

COUNT = int(os.environ.get("SCTPFFI_MANY", "20"))
MESSAGES = 100
AT_ONCE = 50  # that are being set up


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Room for all of them."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.timeout(600)
def test_many_associations(backend, descriptors):
    """20 associations, or SCTPFFI_MANY, are served by one asyncio process, each echoing 100 messages."""
    config = Config(send_buffer_bytes=65536, receive_buffer_bytes=65536)

    async def echo(connection):
        async for message in connection:
            await connection.send(message.data, stream=message.stream)

    async def client(there, number, gate):
        async with gate:
            connection = await aio.connect(
                there, local="127.0.0.1:0", config=config, backend=backend, timeout=4 * LIMIT
            )
        async with connection:
            for turn in range(MESSAGES):
                await connection.send(b"%d %d" % (number, turn), stream=turn % 10)
                message = await connection.recv(timeout=4 * LIMIT)
                assert (message.data, message.stream) == (b"%d %d" % (number, turn), turn % 10)
            await connection.close(timeout=4 * LIMIT)
        return MESSAGES

    async def main():
        async with await aio.serve(echo, "127.0.0.1:0", config=config, backend=backend) as server:
            there, gate = f"127.0.0.1:{server.port}", asyncio.Semaphore(AT_ONCE)
            echoed = await asyncio.gather(*(client(there, number, gate) for number in range(COUNT)))
            assert sum(echoed) == COUNT * MESSAGES
        assert server.connections == []
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
