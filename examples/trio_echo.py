"""An echo service over SCTP in trio, with sctpffi.trio: serve, connect, send, recv. Needs the extra `sctpffi[trio]`.

python examples/trio_echo.py --backend usrsctp --clients 5

Server and clients are in one program: the server is a task of the nursery, each client another.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Optional

import trio

import sctpffi.trio


async def answer(conn: sctpffi.trio.Connection) -> None:
    """Send every message back on the stream it came on, with the same PPID, until the peer shuts down."""
    async for message in conn:
        await conn.send(message.data, stream=message.stream, ppid=message.ppid)


async def ask(address: str, number: int, backend: Optional[str]) -> None:
    """One client: two messages, each on a stream of its own."""
    async with await sctpffi.trio.connect(address, backend=backend, timeout=5) as conn:
        for stream, word in enumerate(("hello", "world")):
            await conn.send(f"{word} {number}".encode(), stream=stream, ppid=number)
            reply = await conn.recv(timeout=5)
            print(f"stream {reply.stream} ppid {reply.ppid}: {reply.data.decode()}")
        await conn.close(timeout=5)  # the peer has acknowledged everything when it returns


async def run(clients: int, backend: Optional[str]) -> None:
    """The server in one task, the clients in others, until all of them have their answers."""
    async with trio.open_nursery() as server:
        listener = await server.start(partial(sctpffi.trio.serve, answer, "127.0.0.1:0", backend=backend))
        print(f"listening on {listener.addresses[0]}, {listener.backend}", flush=True)
        async with trio.open_nursery() as nursery:
            for number in range(clients):
                nursery.start_soon(ask, str(listener.addresses[0]), number, backend)
        listener.close()  # `serve` ends when its handlers have


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="An echo service over SCTP, with trio.")
    parser.add_argument("--backend", help="linux, freebsd or usrsctp; else SCTPFFI_BACKEND, else this kernel")
    parser.add_argument("--clients", type=int, default=2)
    options = parser.parse_args()
    trio.run(run, options.clients, options.backend)


if __name__ == "__main__":
    main()
