"""Listener: takes associations that peers set up and gives each as a Connection; and `listen`, which makes one.

A thin layer over a one-to-one Socket that listens.
"""

from __future__ import annotations

from typing import Iterable, Iterator, List, Optional, Tuple

from sctpffi._socket_base import UNSET, Timeout
from sctpffi.addresses import Address, AddressLike, parse
from sctpffi.connection import BUFFER_BYTES, Connection, prepare
from sctpffi.enums import Event, Style
from sctpffi.errors import ClosedError, Error
from sctpffi.options import Options
from sctpffi.optvalues import InitParams
from sctpffi.sockets import Socket


class Listener:
    """A listening socket. Iterating gives Connections until another thread closes it.

    Concurrency: any number of threads may accept.
    """

    def __init__(self, sock: Socket) -> None:
        self.socket = sock

    def accept(self, *, timeout: Timeout = UNSET) -> Tuple[Connection, Address]:
        """The next association and the peer's address. timeout in seconds.

        Raises WouldBlock, WaitTimeout, ClosedError.
        """
        sock, peer = self.socket.accept(timeout=timeout)
        return Connection(sock), peer

    def __iter__(self) -> Iterator[Connection]:
        while True:
            try:
                connection, _ = self.accept(timeout=None)
            except ClosedError:
                return
            yield connection

    @property
    def addresses(self) -> List[Address]:
        """Where it listens."""
        return self.socket.local_addresses()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.addresses[0].port

    @property
    def opts(self) -> Options:
        """Socket options; what accepted connections start with."""
        return self.socket.opts

    @property
    def backend(self) -> str:
        """The stack's name."""
        return self.socket.backend

    def fileno(self) -> int:
        """A descriptor for selectors: readable when a connection waits."""
        return self.socket.fileno()

    def close(self) -> None:
        """Stop listening; who connected but was not accepted is shut down gracefully. Wakes every `accept`."""
        self.socket.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self.socket.closed

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self.socket).replace("Socket", "Listener", 1)


def listen(
    address: AddressLike,
    *,
    backlog: int = 128,
    events: Iterable[Event] = (),
    init: Optional[InitParams] = None,
    nodelay: bool = True,
    buffer_bytes: Optional[int] = BUFFER_BYTES,
    backend: Optional[str] = None,
) -> Listener:
    """Listen on one or several addresses with one port (RFC 6458 sections 4.1.3 and 9.1).

    address: "10.0.0.1/10.0.1.1:3868"; port 0 lets the stack choose, see `Listener.port`; ":3868" is every address,
    IPv6 and IPv4. backlog: how many may wait to be accepted. The rest as for `connect`; accepted connections
    inherit it.
    Raises AddressError, AddressInUse, AddressNotAvailable, BackendUnavailable.
    """
    local = parse(address)
    family = local.family if local.hosts else 6
    sock = Socket(family, Style.ONE_TO_ONE, backend=backend)
    try:
        prepare(sock, init, nodelay, buffer_bytes)
        wanted = tuple(events)
        if wanted:
            sock.subscribe(*wanted)
        sock.bind(local)
        sock.listen(backlog)
    except (Error, OSError, KeyboardInterrupt):
        sock.close()
        raise
    return Listener(sock)
