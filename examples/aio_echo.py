"""An echo service over SCTP in an asyncio event loop, with sctpffi.aio: serve, connect, send, recv.

python examples/aio_echo.py --backend usrsctp --clients 5          server and clients in one event loop
python examples/aio_echo.py --backend linux server 0.0.0.0:7000    until Ctrl-C
python examples/aio_echo.py --backend linux client 10.0.0.1:7000 hello world
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Iterable, List, Optional

from sctpffi import aio


async def answer(conn: aio.Connection) -> None:
    """Send every message back on the stream it came on, with the same PPID, until the peer shuts down."""
    async for message in conn:
        await conn.send(message.data, stream=message.stream, ppid=message.ppid)


async def ask(address: str, words: Iterable[str], backend: Optional[str]) -> List[str]:
    """Send each word on a stream of its own; what comes back."""
    replies = []
    async with await aio.connect(address, backend=backend, timeout=5) as conn:
        for number, word in enumerate(words):
            stream = number % conn.status().out_streams
            await conn.send(word.encode(), stream=stream, ppid=number)
            reply = await conn.recv(timeout=5)
            replies.append(f"stream {reply.stream} ppid {reply.ppid}: {reply.data.decode()}")
        await conn.close(timeout=5)  # the peer has acknowledged everything when it returns
    return replies


async def run(role: str, address: str, words: List[str], clients: int, backend: Optional[str]) -> None:
    """One of the roles, or both."""
    if role == "client":
        for line in await ask(address, words, backend):
            print(line)
        return
    async with await aio.serve(answer, address, backend=backend) as server:
        print(f"listening on {server.addresses[0]}, {server.backend}", flush=True)
        if role == "server":
            await server.serve_forever()
            return
        there = str(server.addresses[0])
        asked = [ask(there, [f"{word} {number}" for word in words], backend) for number in range(clients)]
        for lines in await asyncio.gather(*asked):
            for line in lines:
                print(line)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="An echo service over SCTP, with asyncio.")
    parser.add_argument("--backend", help="linux, freebsd or usrsctp; else SCTPFFI_BACKEND, else this kernel")
    parser.add_argument("--clients", type=int, default=2, help="how many at once, when both roles are in this process")
    parser.add_argument("role", nargs="?", choices=("both", "server", "client"), default="both")
    parser.add_argument("address", nargs="?", default="127.0.0.1:0")
    parser.add_argument("words", nargs="*", default=["hello", "world"])
    options = parser.parse_args()
    try:
        asyncio.run(run(options.role, options.address, options.words, options.clients, options.backend))
    except KeyboardInterrupt:
        print("bye")


if __name__ == "__main__":
    main()
