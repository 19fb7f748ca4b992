"""Pairs of sockets with an association between them, on loopback, on any backend.

The client is bound to 127.0.0.1: an unbound one may appear as any of the host's addresses.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Iterable, Optional, Tuple

from sctpffi.addresses import Address
from sctpffi.enums import AssocState, Event, Style
from sctpffi.messages import Message
from sctpffi.notifications import SenderDryEvent
from sctpffi.sockets import Socket

LIMIT = 30.0  # seconds for what has to happen; an emulated machine is slow


class Pair:
    """A listener, a client that connected to it, and the accepted server; closed together."""

    def __init__(self, listener: Socket, client: Socket, server: Socket, peer: Address) -> None:
        self.listener = listener
        self.client = client
        self.server = server
        self.peer = peer

    def close(self) -> None:
        """Close all three."""
        for sock in (self.client, self.server, self.listener):
            sock.close()

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def listener(backend: str, address: str = "127.0.0.1:0", family: int = 4, **options: Any) -> Tuple[Socket, int]:
    """A one-to-one socket that listens, and its port. options: set on it before."""
    sock = Socket(family, Style.ONE_TO_ONE, backend=backend)
    try:
        sock.settimeout(LIMIT)
        for name, value in options.items():
            sock.opts.set(name, value)
        sock.bind(address)
        sock.listen()
    except BaseException:
        sock.close()
        raise
    return sock, sock.local_addresses()[0].port


def pair(backend: str, events: Iterable[Event] = (), **options: Any) -> Pair:
    """Two associated one-to-one sockets. events: what both ends subscribe to. options: set on both before."""
    wanted = tuple(events)
    head, port = listener(backend, **options)
    client = Socket(4, Style.ONE_TO_ONE, backend=backend)
    try:
        client.settimeout(LIMIT)
        for name, value in options.items():
            client.opts.set(name, value)
        for sock in (head, client):
            if wanted:
                sock.subscribe(*wanted)
        client.bind("127.0.0.1:0")
        client.connect(f"127.0.0.1:{port}")
        server, peer = head.accept()
    except BaseException:
        client.close()
        head.close()
        raise
    server.settimeout(LIMIT)
    return Pair(head, client, server, peer)


def many_pair(
    backend: str,
    events: Iterable[Event] = (),
    family: int = 4,
    before: Optional[Callable[[Socket], Any]] = None,
    **options: Any,
) -> Tuple[Socket, Socket, Message]:
    """Two one-to-many sockets, the association set up by a first message b"hi"; and that message as received.

    before: called with each before it is bound. options: set on both before.
    """
    here = "127.0.0.1" if family == 4 else "[::1]"
    wanted = tuple(events)
    socks = []
    try:
        for _ in range(2):
            sock = Socket(family, Style.ONE_TO_MANY, backend=backend)
            socks.append(sock)
            sock.settimeout(LIMIT)
            if before is not None:
                before(sock)
            for name, value in options.items():
                sock.opts.set(name, value)
            if wanted:
                sock.subscribe(*wanted)
            sock.bind(f"{here}:0")
            sock.listen()
        server, client = socks
        client.send(b"hi", to=f"{here}:{server.local_addresses()[0].port}")
        while True:
            item = server.recv()
            if isinstance(item, Message):
                _wait_until_up(client)
                return server, client, item
    except BaseException:
        for sock in socks:
            sock.close()
        raise


def _wait_until_up(sock: Socket) -> None:
    """The peer has a message before COOKIE ACK is back, and until then BSD refuses to end the association."""
    end = time.monotonic() + LIMIT
    while sock.status(sock.associations()[0]).state is not AssocState.ESTABLISHED:
        if time.monotonic() > end:
            raise AssertionError("the association did not come up")
        sock.wait_readable(0.005)


def delivered(sock: Socket, assoc_id: int = 0) -> None:
    """Wait until the peer has everything that was sent (RFC 6458 section 6.1.9); nothing else may be unread."""
    sock.subscribe(Event.SENDER_DRY_EVENT, assoc_id=assoc_id)
    found = sock.recv(timeout=LIMIT)
    if not isinstance(found, SenderDryEvent):
        raise AssertionError(f"{found!r} was unread")
    sock.unsubscribe(Event.SENDER_DRY_EVENT, assoc_id=assoc_id)
