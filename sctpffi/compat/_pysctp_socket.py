"""pysctp's socket classes over `sctpffi.Socket`: setting up, names and ending.

Has the calls that pysctp's classes have and those that they pass on to a socket of the standard library. Messages are
in `_pysctp_messages.py`, options in `_pysctp_options.py`, conversions in `_pysctp_convert.py`.
"""

from __future__ import annotations

import socket
from typing import Any, Dict, NoReturn, Optional, Sequence, Tuple

from sctpffi import backends, errors
from sctpffi.addresses import Address, AddressSet
from sctpffi.compat import _pysctp_convert as convert
from sctpffi.compat._pysctp_messages import PysctpMessages, timed_out
from sctpffi.compat._pysctp_values import (
    BINDX_ADD,
    BINDX_REMOVE,
    HAVE_KERNEL_SCTP,
    HAVE_SCTP,
    HAVE_SCTP_ADDIP,
    HAVE_SCTP_CANSET_PRIMARY,
    HAVE_SCTP_NOCONNECT,
    HAVE_SCTP_PRSCTP,
    IPPROTO_SCTP,
    STYLE_TCP,
    STYLE_UDP,
    SockAddr,
    event_subscribe,
    initparams,
    whole,
)
from sctpffi.enums import Style
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.sockets import Socket

_STYLES = {STYLE_TCP: (Style.ONE_TO_ONE, Style.PEELED), STYLE_UDP: (Style.ONE_TO_MANY,)}
# Errors of a connect after which the socket is as before.
_NOT_FAILED = (
    errors.AlreadyConnected,
    errors.ClosedError,
    errors.ConnectInProgress,
    errors.NotConnected,
    errors.WaitTimeout,
)


def features(backend: Optional[str] = None) -> int:
    """What the stack can do, as `HAVE_` bits. Every backend has partial reliability and dynamic addresses."""
    found = HAVE_SCTP | HAVE_SCTP_NOCONNECT | HAVE_SCTP_PRSCTP | HAVE_SCTP_ADDIP | HAVE_SCTP_CANSET_PRIMARY
    return found | (HAVE_KERNEL_SCTP if "kernel" in backends.select(backend).features else 0)


class sctpsocket(PysctpMessages):
    """An SCTP socket of either style; programs use `sctpsocket_tcp` and `sctpsocket_udp`.

    family: socket.AF_INET or AF_INET6. style: TCP_STYLE or UDP_STYLE. sk: an `sctpffi.Socket` to use; by default a new
    one is opened. backend: as for `sctpffi.Socket`.
    What is not here is looked up in the `sctpffi.Socket` underneath, which `sock()` gives: its methods and `opts`.

    ppid_in_host_order: pysctp sends a PPID that is given in host order, and returns it in network order, from
    `sctp_recv` and in `send_failed`. So does this. Set it to True, on a socket or on the class for all sockets, to get
    PPIDs as they were sent. Sockets from `accept` and `peeloff` do as theirs.
    """

    def __init__(self, family: int, style: int, sk: Optional[Socket] = None, *, backend: Optional[str] = None) -> None:
        if style not in _STYLES:
            raise ArgumentError("style", f"{style!r} is neither TCP_STYLE nor UDP_STYLE")
        own = sk is None
        if sk is None:
            sk = Socket(family, _STYLES[style][0], backend=backend)
            sk.settimeout(socket.getdefaulttimeout())
        else:
            _check_sk(sk, family, style, backend)
        self._begin(sk, family, style, own)

    def _begin(self, sk: Socket, family: int, style: int, own: bool, parent: Optional[sctpsocket] = None) -> None:
        """parent: the socket that it came from, by `accept` or `peeloff`; some of what that has is handed down."""
        self._start(sk, family, style, own)
        self._failed = False
        if parent is not None:
            self._mapped = parent._mapped
            self._data_io = parent._data_io
            if "ppid_in_host_order" in parent.__dict__:
                self.ppid_in_host_order = parent.ppid_in_host_order
        self.unexpected_event_raises_exception = False
        self.datalogging = False
        self.initparams = initparams(self)
        self.events = event_subscribe(self)

    def sock(self) -> Socket:
        """The `sctpffi.Socket` underneath. A client that connects again after a failure gets another one."""
        return self._sk

    def __getattr__(self, name: str) -> Any:
        if name == "_sk":  # not there yet
            raise AttributeError(name)
        return getattr(self._sk, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self._sk!r}>"

    def __enter__(self) -> sctpsocket:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def family(self) -> socket.AddressFamily:
        """AF_INET or AF_INET6."""
        return self._family

    @property
    def type(self) -> int:
        """SOCK_STREAM or SOCK_SEQPACKET."""
        return self._style

    @property
    def proto(self) -> int:
        """IPPROTO_SCTP."""
        return IPPROTO_SCTP

    @property
    def timeout(self) -> Optional[float]:
        """The time-out in seconds, as `gettimeout` tells it."""
        return self._sk.gettimeout()

    # -- setting up

    def bind(self, address: SockAddr) -> None:
        """Bind to one local address, or with host "" to all. Names are resolved."""
        self._bind(convert.resolve(address, self._family, "address"))

    def _bind(self, local: AddressSet) -> None:
        self._sk.bind(local)
        port = self._sk.getsockname()[1]  # if the stack chose it, a new socket is to have the same
        again = AddressSet(tuple(host._replace(port=port) for host in local.hosts), port)
        self._remember("bind", lambda sk: sk.bind(again))

    def bindx(self, sockaddrs: Sequence[SockAddr], action: int = BINDX_ADD) -> None:
        """Bind to several local addresses, add some, or with BINDX_REMOVE take some away (RFC 6458 section 9.1)."""
        wanted = convert.addresses_of(sockaddrs, "sockaddrs")
        if whole("action", action) not in (BINDX_ADD, BINDX_REMOVE):
            raise ArgumentError("action", f"{action} is neither BINDX_ADD nor BINDX_REMOVE")
        port = self._sk.getsockname()[1]
        if not port:
            if action == BINDX_REMOVE:
                detail = "the socket is not bound"
                raise errors.build(errors.AddressNotAvailable, "bindx", backend=self._sk.backend, detail=detail)
            self._bind(wanted)
            return
        if wanted.port not in (0, port):
            raise ArgumentError("sockaddrs", f"port {wanted.port}, but the socket is bound to {port}")
        if not wanted.hosts:
            raise ArgumentError("sockaddrs", "the wildcard can't be added or taken away")
        change = Socket.bind_add if action == BINDX_ADD else Socket.bind_remove
        self._say(("bindx", action, wanted.hosts), lambda sk: change(sk, wanted.hosts))

    def listen(self, backlog: int = 128) -> None:
        """Let peers connect; UDP-style sockets have to call it, too."""
        self._sk.listen(max(whole("backlog", backlog), 0))

    def accept(self) -> Tuple[sctpsocket_tcp, Tuple[Any, ...]]:
        """Take the next association; its socket and the peer's address."""
        try:
            child, peer = self._sk.accept()
        except errors.WaitTimeout as exc:
            raise timed_out(exc) from None
        return self._adopt(child), convert.name_of(peer, self._family, self._mapped)

    def peeloff(self, assoc_id: int) -> sctpsocket_tcp:
        """Give an association of a UDP-style socket a TCP-style socket of its own (RFC 6458 section 9.2)."""
        return self._adopt(self._sk.peeloff(assoc_id))

    def _adopt(self, sk: Socket) -> sctpsocket_tcp:
        child = sctpsocket_tcp.__new__(sctpsocket_tcp)
        try:
            sk.settimeout(socket.getdefaulttimeout())
            child._begin(sk, self._family, STYLE_TCP, own=False, parent=self)
        except BaseException:
            sk.close()
            raise
        return child

    def connect(self, address: SockAddr) -> None:
        """Set up an association. Names are resolved."""
        self._connect(convert.resolve(address, self._family, "address"))

    def connect_ex(self, address: SockAddr) -> int:
        """As `connect`; returns the errno where that raises an error of the stack, 0 if it went well."""
        try:
            self.connect(address)
        except errors.SctpOSError as exc:
            return exc.errno or 0
        return 0

    def connectx(self, sockaddrs: Sequence[SockAddr], assoc_id: Optional[Dict[str, int]] = None) -> None:
        """Set up an association with a peer that has several addresses (RFC 6458 section 9.9).

        assoc_id: a dict that gets the association's id, as its item "assoc_id".
        """
        remote = convert.addresses_of(sockaddrs, "sockaddrs")
        number = self._connect(remote)
        if isinstance(assoc_id, dict):
            assoc_id["assoc_id"] = number or self._sk.status().assoc_id

    def _connect(self, remote: AddressSet) -> int:
        if self._failed and self._said is not None:
            self._reopen()
        try:
            number = self._sk.connect(remote)
        except errors.WaitTimeout as exc:
            raise timed_out(exc) from None
        except errors.AlreadyConnected:
            if self._style == STYLE_TCP and not self._done():
                raise errors.build(errors.ConnectInProgress, "connect", backend=self._sk.backend) from None
            raise
        except errors.SctpOSError as exc:
            self._failed = not isinstance(exc, _NOT_FAILED)
            raise
        self._said = None  # from here on there is nothing to begin anew
        return number

    def _reopen(self) -> None:
        """A new socket in the place of one whose connect failed, with everything set on it that was set on that."""
        before, said = self._sk, self._said or {}
        before.close()
        self._failed = False
        self._sk = Socket(self._family, backend=before.backend)
        self._sk.settimeout(before.gettimeout())
        for action in said.values():
            action(self._sk)

    def _done(self) -> bool:
        """Whether a connect that did not wait is through; raises its error if it failed."""
        try:
            return self._sk.connect_done()
        except errors.SctpOSError as exc:
            self._failed = not isinstance(exc, _NOT_FAILED)
            raise

    def _connect_error(self) -> int:
        try:
            self._done()
        except errors.NotConnected:
            pass  # none was begun
        except errors.SctpOSError as exc:
            return exc.errno or 0
        return 0

    # -- addresses

    def getladdrs(self, assoc_id: int = 0) -> Tuple[SockAddr, ...]:
        """The local addresses of an association, or of the socket (RFC 6458 section 9.5)."""
        number = self._number(assoc_id)
        return convert.pairs_of(self._sk.local_addresses(number), self._shows_mapped)

    def getpaddrs(self, assoc_id: int = 0) -> Tuple[SockAddr, ...]:
        """The peer's addresses (RFC 6458 section 9.3). Raises NotConnected, NoSuchAssociation."""
        number = self._number(assoc_id)
        found = self._sk.peer_addresses(number)
        if not found:
            cls = errors.NotConnected if self._style == STYLE_TCP else errors.NoSuchAssociation
            raise errors.build(cls, "getpaddrs", backend=self._sk.backend, assoc_id=number or None)
        return convert.pairs_of(found, self._shows_mapped)

    def _number(self, assoc_id: int) -> int:
        """TCP-style sockets take any id, and do not look at it."""
        number = whole("assoc_id", assoc_id)
        return 0 if self._style == STYLE_TCP else number

    def getsockname(self) -> Tuple[Any, ...]:
        """The first local address, as the standard library gives it."""
        found = self._sk.local_addresses()
        return convert.name_of(found[0] if found else Address(*self._sk.getsockname()), self._family, self._mapped)

    def getpeername(self) -> Tuple[Any, ...]:
        """The peer's first address, as the standard library gives it. Raises NotConnected."""
        found = self._sk.peer_addresses()
        return convert.name_of(found[0] if found else Address(*self._sk.getpeername()), self._family, self._mapped)

    # -- time and ending

    def settimeout(self, value: Optional[float]) -> None:
        """Set the time-out in seconds of every call that may wait; None waits for ever, 0 does not wait."""
        self._sk.settimeout(value)

    def gettimeout(self) -> Optional[float]:
        """The time-out in seconds."""
        return self._sk.gettimeout()

    def setblocking(self, flag: bool) -> None:
        """`settimeout(None)` or `settimeout(0)`."""
        self._sk.setblocking(bool(flag))

    def getblocking(self) -> bool:
        """Whether calls wait."""
        return self._sk.gettimeout() != 0

    def fileno(self) -> int:
        """A descriptor for selectors, as `sctpffi.Socket.fileno` has it; -1 once closed."""
        return -1 if self._sk.closed else self._sk.fileno()

    def shutdown(self, how: int) -> None:
        """End sending, and with it the association, receiving, or both (RFC 6458 section 4.1.7).

        Not receiving only means that nothing is waited for any more. Raises WrongStyle on UDP-style sockets, where one
        sends MSG_EOF.
        """
        if whole("how", how) not in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR):
            raise ArgumentError("how", f"{how} is neither SHUT_RD, SHUT_WR nor SHUT_RDWR")
        if self._style == STYLE_UDP:
            self._wrong_style("shutdown", "send MSG_EOF to the peer")
        if how in (socket.SHUT_WR, socket.SHUT_RDWR):
            self._sk.shutdown()
        if how in (socket.SHUT_RD, socket.SHUT_RDWR):
            self._no_more_reading = True

    def close(self) -> None:
        """Close the socket; its associations end gracefully."""
        self._sk.close()

    def _wrong_style(self, op: str, detail: str) -> NoReturn:
        raise errors.build(errors.WrongStyle, op, backend=self._sk.backend, detail=detail)


class sctpsocket_tcp(sctpsocket):
    """A TCP-style socket: one association, as a client, or after `listen` and `accept`."""

    def __init__(self, family: int, sk: Optional[Socket] = None, *, backend: Optional[str] = None) -> None:
        super().__init__(family, STYLE_TCP, sk, backend=backend)

    def peeloff(self, *params: object) -> NoReturn:
        """Raises WrongStyle."""
        self._wrong_style("peeloff", "TCP-style sockets have one association")

    def get_autoclose(self) -> NoReturn:
        """Raises WrongStyle."""
        self._wrong_style("get_autoclose", "only on UDP-style sockets")

    def set_autoclose(self, rvalue: int) -> NoReturn:
        """Raises WrongStyle."""
        self._wrong_style("set_autoclose", "only on UDP-style sockets")


class sctpsocket_udp(sctpsocket):
    """A UDP-style socket: many associations, which come up by sending, or by peers once it listens."""

    def __init__(self, family: int, sk: Optional[Socket] = None, *, backend: Optional[str] = None) -> None:
        super().__init__(family, STYLE_UDP, sk, backend=backend)

    def accept(self, *params: object) -> NoReturn:
        """Raises WrongStyle."""
        self._wrong_style("accept", "UDP-style sockets have peeloff()")


def _check_sk(sk: Any, family: int, style: int, backend: Optional[str]) -> None:
    """Refuse a socket that can't be taken over, and say what to do."""
    if not isinstance(sk, Socket):
        theirs = isinstance(sk, socket.socket)
        advice = "; on a kernel, sctpffi.Socket(fileno=sk.detach()) makes one of it" if theirs else ""
        raise ArgumentTypeError("sk", f"an sctpffi.Socket, not {type(sk).__name__}{advice}")
    if sk.style not in _STYLES[style]:
        raise ArgumentError("sk", f"{sk!r} is of another style")
    if (sk.family == 6) is not (family == socket.AF_INET6):
        raise ArgumentError("sk", f"{sk!r} is of another family than {family}")
    if backend not in (None, sk.backend):
        raise ArgumentError("backend", f"{backend!r}, but sk is of {sk.backend}")
