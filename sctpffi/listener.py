"""Listener: takes associations that peers set up and gives each as a Connection; and `listen`, which makes one.

A thin layer over a one-to-one Socket that listens. ListenerBase is what the asynchronous twins share.
"""

from __future__ import annotations

from typing import Iterable, Iterator, List, Optional, Tuple, Type, TypeVar

from sctpffi._socket_base import UNSET, Timeout
from sctpffi.addresses import Address, AddressLike, parse
from sctpffi.association import SocketCalls
from sctpffi.config import Config, combine, prepare
from sctpffi.connection import Connection
from sctpffi.enums import Event, Style
from sctpffi.errors import ArgumentError, ArgumentTypeError, ClosedError, Error
from sctpffi.options import Options
from sctpffi.optvalues import InitParams
from sctpffi.sockets import Socket

L = TypeVar("L", bound="ListenerBase")


class ListenerBase(SocketCalls):
    """What a Listener does without waiting, blocking and asynchronous alike."""

    def __init__(self, sock: Socket) -> None:
        if not isinstance(sock, Socket):
            raise ArgumentTypeError("sock", f"a Socket, not {type(sock).__name__}")
        if not sock._listening:
            raise ArgumentError("sock", "it does not listen; call listen() first")
        self.socket = sock

    @classmethod
    def from_fileno(cls: Type[L], fileno: int, *, backend: Optional[str] = None) -> L:
        """A Listener of an inherited descriptor of a socket that listens, which it owns from now on.

        As systemd's socket activation gives it, see `inherited_descriptors`. Raises ArgumentError for what is no SCTP
        socket that listens, UnsupportedOption on usrsctp, which has no descriptors.
        """
        sock = Socket(fileno=fileno, backend=backend)
        try:
            return cls(sock)
        except Error:
            sock.detach()  # it is still the caller's
            raise

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

    def close(self) -> None:
        """Stop listening; who connected but was not accepted is shut down gracefully. Wakes every `accept`."""
        self.socket.close()

    def __repr__(self) -> str:
        return self._shown()


class Listener(ListenerBase):
    """A listening socket. Iterating gives Connections until another thread closes it.

    Concurrency: any number of threads may accept.
    """

    def accept(self, *, timeout: Timeout = UNSET) -> Tuple[Connection, Address]:
        """The next association and the peer's address. timeout in seconds.

        Raises WouldBlock, WaitTimeout, ClosedError.
        """
        sock, peer = self.socket.accept(timeout=timeout)
        return Connection(sock), peer

    def __iter__(self) -> Iterator[Connection]:
        while True:
            try:
                connection, _ = self.accept()
            except ClosedError:
                return
            yield connection

    def __enter__(self: L) -> L:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_listener(address: AddressLike, backlog: int, config: Config, backend: Optional[str]) -> Socket:
    """A socket that listens."""
    local = parse(address)
    sock = Socket(local.family if local.hosts else 6, Style.ONE_TO_ONE, backend=backend)
    try:
        prepare(sock, config)
        sock.bind(local)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def listen(
    address: AddressLike,
    *,
    backlog: int = 128,
    events: Iterable[Event] = (),
    init: Optional[InitParams] = None,
    config: Optional[Config] = None,
    backend: Optional[str] = None,
) -> Listener:
    """Listen on one or several addresses with one port (RFC 6458 sections 4.1.3 and 9.1).

    address: "10.0.0.1/10.0.1.1:3868"; port 0 lets the stack choose, see `Listener.port`; ":3868" is every address,
    IPv6 and IPv4. backlog: how many may wait to be accepted. The rest as for `connect`; accepted connections
    inherit it.
    Raises AddressError, AddressInUse, AddressNotAvailable, BackendUnavailable.
    """
    return Listener(open_listener(address, backlog, combine(config, init, events), backend))
