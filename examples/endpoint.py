"""A hub for any number of peers on one socket, with Endpoint: associations are objects, found by message or id.

python examples/endpoint.py --backend usrsctp --peers 4

Each peer joins by its first message. The hub greets it, tells everybody, gives the first one a connection of its own,
and waits at the end until all peers have everything. many_peers.py does the like with the Socket API.
"""

from __future__ import annotations

import argparse
from typing import List, Optional

from sctpffi import Endpoint, Message

LIMIT = 10.0  # seconds for anything that has to happen


def receive(endpoint: Endpoint) -> Message:
    """The next message of any association."""
    return endpoint.recv(timeout=LIMIT)


def run(hub: Endpoint, peers: List[Endpoint]) -> None:
    """Everybody joins, hears of it, and leaves."""
    where = f"127.0.0.1:{hub.port}"
    for number, peer in enumerate(peers):
        peer.send(b"peer %d joins" % number, to=where)  # sets the association up
        message = receive(hub)
        member = hub.association(message)
        member.send(b"welcome, " + message.data.split(b" joins")[0], stream=1)
        print(receive(peer).data.decode())

    told = hub.send_all(b"everybody is here")
    print(f"told {len(told)}: {[receive(peer).data.decode() for peer in peers]}")

    first = hub.association(f"127.0.0.1:{peers[0].port}")
    with first.peeloff() as conn:  # a Connection
        conn.send(b"just you")
        print(f"peer 0 alone: {receive(peers[0]).data.decode()}")
        conn.close(timeout=LIMIT)
    print(f"{len(hub.associations())} left on the hub")

    hub.send_all(b"goodbye")
    hub.close(timeout=LIMIT)  # shuts every association down, and waits until the peers have acknowledged everything
    for peer in peers[1:]:
        print(receive(peer).data.decode())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A hub for any number of peers.")
    parser.add_argument("--backend", help="linux, freebsd or usrsctp; else SCTPFFI_BACKEND, else this kernel")
    parser.add_argument("--peers", type=int, default=3)
    options = parser.parse_args()
    endpoints: List[Endpoint] = []
    backend: Optional[str] = options.backend
    try:
        for _ in range(1 + max(1, options.peers)):
            endpoints.append(Endpoint("127.0.0.1:0", backend=backend))
        run(endpoints[0], endpoints[1:])
    finally:
        for endpoint in endpoints:
            endpoint.close()


if __name__ == "__main__":
    main()
