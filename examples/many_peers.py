"""One one-to-many socket with several peers, and one of its associations peeled off, with the Socket API.

python examples/many_peers.py --backend usrsctp --peers 4

The hub answers every peer on one socket. The first peer then gets a socket of its own, by peeloff. endpoint.py does
the like with Endpoint.
"""

from __future__ import annotations

import argparse
from typing import Dict, List, Optional

from sctpffi import AssocChange, AssocChangeState, EndOfAssociation, Event, Message, Socket, Style

LIMIT = 10.0  # seconds for anything that has to happen


def open_socket(backend: Optional[str]) -> Socket:
    """A bound one-to-many socket that hears of associations."""
    sock = Socket(style=Style.ONE_TO_MANY, backend=backend)
    sock.settimeout(LIMIT)
    sock.subscribe(Event.ASSOC_CHANGE)
    sock.bind("127.0.0.1:0")
    return sock


def next_message(sock: Socket) -> Message:
    """The next message; what else comes is printed."""
    while True:
        item = sock.recv()
        if isinstance(item, Message):
            return item
        if isinstance(item, AssocChange):
            print(f"  {sock.local_addresses()[0]}: {item.state} of association {item.assoc_id}")


def wait_for_end(sock: Socket, assoc_ids: List[int]) -> None:
    """Read until these associations have ended."""
    left = set(assoc_ids)
    while left:
        item = sock.recv()
        if isinstance(item, AssocChange) and item.state is AssocChangeState.SHUTDOWN_COMP:
            left.discard(item.assoc_id)


def run(hub: Socket, peers: List[Socket]) -> None:
    """Everybody says hello; the hub answers; the first one moves to a socket of its own."""
    hub.listen()
    host, port = hub.getsockname()
    for number, peer in enumerate(peers):
        peer.send(b"hello from %d" % number, to=f"{host}:{port}")  # sets the association up

    names: Dict[int, str] = {}  # association id to what the peer said
    for _ in peers:
        message = next_message(hub)
        names[message.assoc_id] = message.data.decode()
        hub.send(message.data.upper(), assoc_id=message.assoc_id, stream=message.stream)
    for peer in peers:
        print(next_message(peer).data.decode())

    first = min(names, key=lambda assoc_id: names[assoc_id])
    with hub.peeloff(first) as own:
        own.settimeout(LIMIT)
        own.send(b"this is yours alone")
        reply = next_message(peers[0])
        print(f"{names[first]!r} was peeled off: {reply.data.decode()}")
        peers[0].shutdown(assoc_id=reply.assoc_id)  # SCTP_EOF: this association only
        try:
            next_message(own)
        except EndOfAssociation:
            print("it ended gracefully")

    rest = [assoc_id for assoc_id in names if assoc_id != first]
    for assoc_id in rest:
        hub.shutdown(assoc_id=assoc_id)
    wait_for_end(hub, rest)
    print(f"{len(rest)} more ended gracefully")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="One socket, many peers.")
    parser.add_argument("--backend", help="linux, freebsd or usrsctp; else SCTPFFI_BACKEND, else this kernel")
    parser.add_argument("--peers", type=int, default=3)
    options = parser.parse_args()
    hub = open_socket(options.backend)
    peers: List[Socket] = []
    try:
        for _ in range(max(1, options.peers)):
            peers.append(open_socket(options.backend))
        run(hub, peers)
    finally:
        for sock in [hub, *peers]:
            sock.close()


if __name__ == "__main__":
    main()
