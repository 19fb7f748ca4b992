"""Socket: SCTP at the level of RFC 6458, with the names of `socket.socket` wherever one exists.

Setting up, sending, receiving and ending: checks arguments, waits, tracks the association's life and raises errors by
name. What every socket has besides is in `_socket_base.py`, the reading in `inbox.py`, options in `options.py`.
"""

from __future__ import annotations

import copy
import errno
import socket
import weakref
from time import monotonic
from typing import Any, Callable, List, NoReturn, Optional, Tuple, Union

from sctpffi import backends, errors
from sctpffi._reading import Item
from sctpffi._socket_base import OWN_MS, UNSET, WRITE, Timeout
from sctpffi._socket_habits import SocketHabits
from sctpffi._socket_send import GONE
from sctpffi._wait import Deadline
from sctpffi.addresses import WILDCARDS, Address, AddressLike, AddressSet, parse
from sctpffi.backends.base import Backend, Handle
from sctpffi.enums import AssocId, AssocState, Style
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.inbox import BUFFER_BYTES
from sctpffi.lifecycle import Life, Phase
from sctpffi.messages import Message
from sctpffi.notifications import Notification
from sctpffi.options import check_number
from sctpffi.optvalues import PrInfo, SndInfo
from sctpffi.subscriptions import INTERNAL, Wanted

_NO_SOCKET = {
    errno.EBADF: "is no open descriptor",
    errno.ENOTSOCK: "is no socket",
    errno.EPROTOTYPE: "is no SCTP socket",
    errno.EAFNOSUPPORT: "is no socket of IPv4 or IPv6",
}
_SETTING_UP = frozenset({AssocState.COOKIE_WAIT, AssocState.COOKIE_ECHOED})
_WE_SHUT_DOWN = frozenset({AssocState.SHUTDOWN_PENDING, AssocState.SHUTDOWN_SENT})
_PEER_SHUT_DOWN = frozenset({AssocState.SHUTDOWN_RECEIVED, AssocState.SHUTDOWN_ACK_SENT})


def _family(value: int) -> int:
    if value in (4, socket.AF_INET):
        return 4
    if value in (6, socket.AF_INET6):
        return 6
    raise ArgumentError("family", f"{value!r} is neither AF_INET nor AF_INET6 (nor 4 nor 6)")


def _style(value: int) -> Style:
    if value in (Style.ONE_TO_ONE, Style.ONE_TO_MANY):
        return Style(value)
    raise ArgumentError("style", f"{value!r} is neither Style.ONE_TO_ONE nor Style.ONE_TO_MANY")


def _life_of(used: int, state: int, assoc_id: int) -> Life:
    """The life of an association that began before we had it, by the state that the stack tells; 0 is none."""
    life = Life(Phase.NEW)
    life.assoc_id = assoc_id
    if used:  # over: it is read to its end, and what is there may tell that it was lost
        life.phase = Phase.CONNECTING if state in _SETTING_UP else Phase.UP if state else Phase.ENDED
    life.shut_down = state in _WE_SHUT_DOWN
    life.peer_shut_down = state in _PEER_SHUT_DOWN
    return life


class Socket(SocketHabits):
    """One SCTP socket of any stack, one-to-one or one-to-many.

    family: AF_INET or AF_INET6 (4 or 6); an IPv6 socket takes IPv4 addresses too, on every stack.
    style: `Style.ONE_TO_ONE` (default) or `Style.ONE_TO_MANY`.
    backend: "linux", "freebsd", "usrsctp", or None for SCTPFFI_BACKEND or this platform's kernel.
    fileno: the descriptor of an SCTP socket, inherited or detached, which is the Socket's own from now on. Family and
    style are found out, and what is given of them is not looked at. Made non-blocking and close-on-exec.
    Raises ArgumentError, BackendUnavailable; with fileno UnsupportedOption on usrsctp, which has no descriptors. The
    descriptor then stays the caller's.

    The socket keeps the stack's defaults, except that RECVRCVINFO is on, V6ONLY and mapped addresses are off, and
    ASSOC_CHANGE, SHUTDOWN_EVENT and PARTIAL_DELIVERY_EVENT are subscribed inside (and shown only to those who
    subscribe).
    One thread may send while another receives and a third closes, which wakes both with ClosedError.
    RFC 6458. Availability: every backend.
    """

    def __init__(
        self,
        family: int = socket.AF_INET,
        style: int = Style.ONE_TO_ONE,
        *,
        backend: Optional[str] = None,
        fileno: Optional[int] = None,
    ) -> None:
        chosen = backends.select(backend)
        if fileno is not None:
            self._inherit(chosen, check_number("fileno", fileno, 0x7FFFFFFF))
            return
        number, kind = _family(family), _style(style)
        self._setup(chosen, backends.open_handle(chosen, number, kind), number, kind, Life())
        for event in INTERNAL:
            self._handle.subscribe(0, event, True)

    def _inherit(self, chosen: Backend, fileno: int) -> None:
        """Become the socket of a descriptor."""
        try:
            handle, found = chosen.adopt(fileno)
        except errors.UnsupportedOption as exc:
            exc.op, exc.detail = "fileno", f"{chosen.name} has no descriptors"
            raise
        except errors.SctpOSError as exc:
            if exc.errno in _NO_SOCKET:
                raise ArgumentError("fileno", f"{fileno} {_NO_SOCKET[exc.errno]}") from None
            raise
        life = _life_of(found.used, found.state, found.assoc_id)
        self._setup(chosen, handle, found.family, Style(found.style), life)
        self._listening = bool(found.listening)
        try:
            for event in INTERNAL:
                self._handle.subscribe(0 if self._one else AssocId.ALL, event, True)
            self._look_around()
        except BaseException:
            self.detach()  # it is still the caller's
            raise

    def _look_around(self) -> None:
        """Find out what else a new socket knows of itself: its ends, and whether messages have defaults."""
        self.refresh()
        peers = self.peer_addresses() if self._one else []
        self._peer_port = peers[0].port if peers else 0
        for assoc_id in (0,) if self._one else (0, *self.opts.assoc_ids):
            sending, reliability = (self._try_option(f"default_{name}", assoc_id) for name in ("sndinfo", "prinfo"))
            if (isinstance(sending, SndInfo) and sending != SndInfo()) or (
                isinstance(reliability, PrInfo) and reliability != PrInfo()
            ):
                self._has_defaults = True

    @classmethod
    def _adopt(cls, parent: Socket, handle: Handle, style: Style, life: Life) -> Socket:
        """A socket around a handle that accept or peeloff gave."""
        self = cls.__new__(cls)
        self._setup(parent._backend, handle, parent._family, style, life)
        self._inbox.wanted = Wanted(parent._inbox.wanted.of(life.assoc_id))
        self._has_defaults = parent._has_defaults
        self._inbox.max_message_bytes = parent._inbox.max_message_bytes
        return self

    def dup(self) -> Socket:
        """Another Socket of the same socket, with a descriptor of its own; it lives until both are closed.

        What one of them reads, the other one does not, notifications of the association's end included: let one read.
        Raises UnsupportedOption on usrsctp.
        """
        self._alive("dup")
        try:
            handle = self._handle.dup()
        except errors.UnsupportedOption as exc:
            exc.detail = f"{self.backend} has no descriptors"
            raise self._located(exc) from None
        other = Socket._adopt(self, handle, self._style, copy.copy(self._life))
        other._inbox.wanted = copy.deepcopy(self._inbox.wanted)
        other._listening, other._peer_port, other._peeled = self._listening, self._peer_port, list(self._peeled)
        other._locate(local=self._local, remote=self._remote)
        other.settimeout(self.gettimeout())
        return other

    # -- setting up

    def listen(self, backlog: int = 128) -> None:
        """Let peers connect (RFC 6458 sections 3.1.3 and 4.1.3). backlog: how many may wait to be accepted."""
        self._alive("listen")
        check_number("backlog", backlog, 0x7FFFFFFF)
        try:
            self._handle.listen(max(backlog, 1))  # 0 is EINVAL on Linux and nobody on BSD
        except errors.SctpOSError as exc:
            raise self._located(exc) from None
        self._listening = True
        bound = self._handle.addresses(True, 0)
        if bound and self._local is None:
            self._locate(local=AddressSet(tuple(bound), bound[0].port))

    def accept(self, *, timeout: Timeout = UNSET) -> Tuple[Socket, Address]:
        """Take the next association that a peer set up (RFC 6458 section 4.1.4).

        Returns its socket, which has the listener's options and subscriptions, and the peer's address. One that was
        aborted while it waited is passed over.
        timeout in seconds. Raises WouldBlock, WaitTimeout, ClosedError (another thread closed it), ArgumentError if the
        socket does not listen, WrongStyle on one-to-many. Concurrency: any number of threads.
        """
        self._alive("accept")
        if self._style is not Style.ONE_TO_ONE:
            detail = "use recv() and peeloff()"
            raise errors.build(errors.WrongStyle, "accept", detail=detail, **self._where())
        if not self._listening:
            raise ArgumentError("socket", "accept() needs a socket that listens; call listen() first")
        handle, peer = self._accept(self._deadline(timeout))
        child = Socket._adopt(self, handle, Style.ONE_TO_ONE, Life(Phase.UP))
        if peer is None:  # the stack gave no name: ask
            found = child.peer_addresses()
            peer = found[0] if found else Address("0.0.0.0", 0)
        child._peer_port = peer.port
        child._locate(local=self._local, remote=peer)
        child._inbox.drop_unwanted()  # COMM_UP is there, and would look like a message to a selector
        return child, peer

    def _accept(self, deadline: Deadline) -> Tuple[Handle, Optional[Address]]:
        while True:
            try:
                return self._handle.accept(deadline.shim_ms())
            except errors.WouldBlock:
                cls = errors.WouldBlock if deadline.seconds == 0 else errors.WaitTimeout
                raise errors.build(cls, "accept", **self._where()) from None
            except errors.SctpOSError as exc:
                if exc.errno != errno.EINTR:  # after it, handlers have run (PEP 475)
                    raise self._located(exc) from None

    def connect(self, address: AddressLike, *, timeout: Timeout = UNSET) -> int:
        """Set up an association with a peer that has one or several addresses (RFC 6458 sections 4.1.5 and 9.9).

        On one-to-one sockets waits until it is up. With timeout=0 raises ConnectInProgress: wait for writability
        and call `connect_done`. A failed socket can't connect again, on no stack. On one-to-many sockets never waits:
        COMM_UP or CANT_STR_ASSOC tells.
        Returns the association id, 0 if the stack tells it only later.
        Raises ConnectionRefused, ConnectTimeout, WaitTimeout, AlreadyConnected, AddressError, ClosedError.
        """
        self._alive("connect")
        if self._one and self._listening:  # usrsctp would break the socket
            raise ArgumentError("socket", "connect() needs a socket that does not listen")
        remote = parse(address)
        self._check_remote(remote)
        life = self._life
        for host in remote.hosts:
            self._check_peeled(host, "connect")
        if self._one and life.phase is not Phase.NEW:
            if life.over:
                detail = "this socket's association ended or failed; open a new socket"
                raise errors.build(errors.AlreadyConnected, "connect", detail=detail, **self._where())
            raise errors.build(errors.AlreadyConnected, "connect", **self._where())
        try:
            assoc_id, waiting = self._handle.connect(remote.hosts)
        except errors.SctpOSError as exc:
            if not self._one and isinstance(exc, errors.ConnectInProgress):  # BSD: EALREADY, however long it is up
                detail = "there is an association with this peer, or it is being set up"
                raise errors.build(errors.AlreadyConnected, "connect", detail=detail, **self._where()) from None
            raise self._connect_failed(exc, remote) from None
        if not self._one:
            return assoc_id
        self._peer_port = remote.port
        self._locate(remote=remote)
        life.assoc_id = assoc_id
        life.phase = Phase.CONNECTING if waiting else Phase.UP
        if waiting:
            self._finish_connect(self._deadline(timeout), "connect")
        else:
            self._inbox.drop_unwanted()
        return assoc_id

    def _check_remote(self, remote: AddressSet) -> None:
        if not remote.hosts or remote.port == 0:
            raise errors.AddressError("address", f"{remote}: a peer has an address and a port")
        if any(a.host in WILDCARDS for a in remote.hosts):
            raise errors.AddressError("address", f"{remote}: the wildcard is nobody's address")
        self._check_families(remote)

    def _connect_failed(self, exc: errors.SctpOSError, remote: AddressSet) -> errors.SctpOSError:
        if isinstance(exc, errors.AssociationTimedOut):
            exc = errors.build(errors.ConnectTimeout, "connect", backend=self.backend)
        elif self._one and isinstance(exc, errors.AssociationAborted):  # what was never up is not lost
            exc = errors.build(errors.ConnectionRefused, "connect", backend=self.backend)
        self._located(exc, remote=remote)
        if self._one and not isinstance(exc, (errors.AlreadyConnected, errors.ConnectInProgress, errors.ClosedError)):
            self._life.fail(exc)
        return exc

    def connect_done(self) -> bool:
        """Whether a connect that was left in progress is complete; raises its error if it failed.

        Raises ConnectionRefused, ConnectTimeout, NotConnected if none was started.
        """
        self._alive("connect_done")
        life = self._life
        if life.phase is Phase.LOST and not life.guessed:
            raise life.loss("connect", **self._where())
        if life.phase is Phase.NEW:
            raise life.send_error("connect_done", **self._where())
        if life.phase not in (Phase.CONNECTING, Phase.LOST):
            return True
        code = self._handle.connect_result()
        if life.phase is Phase.LOST and code in (0, -errno.EINPROGRESS):  # somebody else took the errno
            raise life.loss("connect", **self._where())
        if code == -errno.EINPROGRESS:
            return False
        if code < 0:
            found = self._error(code, "connect")
            if isinstance(found, errors.SctpOSError):
                found = self._connect_failed(found, parse(self._remote or ":0"))
            raise found
        if life.phase is Phase.CONNECTING:
            life.phase = Phase.UP
        self._inbox.drop_unwanted()
        return True

    def _finish_connect(self, deadline: Deadline, op: str) -> None:
        while not self.connect_done():
            if deadline.left_ms() == 0:
                cls = errors.ConnectInProgress if deadline.seconds == 0 else errors.WaitTimeout
                raise errors.build(cls, op, errno.EINPROGRESS, **self._where())
            self._wait(WRITE, deadline)

    def peeloff(self, assoc_id: int) -> Socket:
        """Give one association of a one-to-many socket a socket of its own (RFC 6458 section 9.2).

        What is queued of it moves along. Raises NoSuchAssociation, WrongStyle on one-to-one sockets.
        """
        self._alive("peeloff")
        check_number("assoc_id", assoc_id)
        if self._one:
            raise errors.build(errors.WrongStyle, "peeloff", detail="only one-to-many sockets", **self._where())
        peers = self._association_peers(assoc_id, "peeloff")
        try:
            handle = self._handle.peeloff(assoc_id)
        except errors.SctpOSError as exc:
            if exc.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTCONN):
                raise errors.build(errors.NoSuchAssociation, "peeloff", assoc_id=assoc_id, **self._where()) from None
            raise self._located(exc) from None
        life = Life(Phase.UP)
        life.assoc_id = assoc_id
        child = Socket._adopt(self, handle, Style.PEELED, life)
        child._peer_port = peers[0].port
        child._locate(local=self._local, remote=AddressSet(tuple(peers), peers[0].port))
        child._inbox.put_first(self._inbox.part_with(assoc_id))
        self._peeled = [(ref, held) for ref, held in self._peeled if ref() is not None]
        self._peeled.append((weakref.ref(child), frozenset(peers)))
        return child

    def _association_peers(self, assoc_id: int, op: str) -> List[Address]:
        peers = self.peer_addresses(assoc_id) if assoc_id else []
        if not peers:
            raise errors.build(errors.NoSuchAssociation, op, assoc_id=assoc_id, **self._where())
        return peers

    # -- receiving

    def recv(self, *size: NoReturn, timeout: Timeout = UNSET) -> Item:
        """Receive the next message, whole, or notification that was subscribed to (RFC 6458 section 3.1.5).

        Messages in pieces are put together; one over `max_message_bytes` is dropped with ReceiveLimitExceeded and the
        next one is intact. timeout in seconds.
        Raises EndOfAssociation after a graceful end and AssociationAborted or AssociationTimedOut after a loss, each
        time; WouldBlock, WaitTimeout, NotConnected, ClosedError. Concurrency: readers take turns.
        """
        if size:
            raise ArgumentTypeError(
                "size", "recv() takes none: it gives a whole Message; or recvmsg(size); timeout=..."
            )
        patient = timeout is UNSET and self._timeout is None
        begun = 0.0 if patient else monotonic()
        found = self._inbox.quick(OWN_MS if patient else self._wait_ms(timeout), "recv")
        if found is None or isinstance(found, int):
            return self._inbox.take(self._since(timeout, begun), "recv", found)
        return found

    def _message(
        self, timeout: Timeout, begun: float, found: Union[Item, int, None], notice: Callable[[Notification], None]
    ) -> Message:
        """The next message, after `Inbox.quick` gave found; notifications before it go to notice."""
        while not isinstance(found, Message):
            deadline = self._since(timeout, begun)
            if found is None or isinstance(found, int):
                found = self._inbox.take(deadline, "recv", found)
            else:
                notice(found)
                found = self._inbox.take(deadline, "recv")
        return found

    def recv_partial(self, size: int = BUFFER_BYTES, *, timeout: Timeout = UNSET) -> Item:
        """Receive the next piece of a message, at most size bytes (1..65536); `complete` tells its last one.

        Pieces of one message carry the same stream, ssn and ppid. Not to be mixed with `recv` within a message.
        """
        return self._inbox.take_piece(self._check_size(size), self._deadline(timeout), "recv_partial")

    def peek(self, size: int = BUFFER_BYTES, *, timeout: Timeout = UNSET) -> Item:
        """Look at the next item and leave it there; of a message at most size bytes (1..65536)."""
        return self._inbox.peek(self._check_size(size), self._deadline(timeout), "peek")

    @staticmethod
    def _check_size(size: int) -> int:
        if check_number("size", size, BUFFER_BYTES) == 0:
            raise ArgumentError("size", "an empty buffer receives nothing")
        return size

    @property
    def max_message_bytes(self) -> int:
        """The longest message that `recv` puts together; 64 MiB at first."""
        return self._inbox.max_message_bytes

    @max_message_bytes.setter
    def max_message_bytes(self, value: int) -> None:
        self._inbox.max_message_bytes = check_number("max_message_bytes", value, 0x7FFFFFFF)

    # -- ending

    def shutdown(self, how: Optional[int] = None, *, assoc_id: int = 0) -> None:
        """End the association gracefully: what is queued is sent, nothing more can be (RFC 6458 section 4.1.7).

        Receiving goes on until EndOfAssociation. assoc_id: on one-to-many sockets, which one.
        how: `socket.SHUT_WR` or `socket.SHUT_RDWR`, which mean this; SHUT_RD is refused.
        Once the association has ended it does nothing. Raises NotConnected, NoSuchAssociation, ArgumentError.
        """
        self._alive("shutdown")
        if how is not None:
            self._check_how(how)
        if not self._one:
            self._association_peers(check_number("assoc_id", assoc_id), "shutdown")
            self._end(lambda: self._handle.shutdown(assoc_id), "shutdown", assoc_id)
            return
        if self._life.over or self._life.shut_down:
            return
        if self._life.phase is not Phase.UP:
            raise self._life.send_error("shutdown", **self._where())
        try:
            self._handle.shutdown(0)
        except errors.SctpOSError as exc:
            self._inbox.catch_up()
            if not self._life.over:
                raise self._located(exc) from None
        self._life.shut_down = True

    @staticmethod
    def _check_how(how: int) -> None:
        if check_number("how", how) == socket.SHUT_RD:
            detail = "SHUT_RD tells the peer nothing (RFC 6458 section 4.1.7), who would go on sending; abort() ends it"
            raise ArgumentError("how", detail)
        if how not in (socket.SHUT_WR, socket.SHUT_RDWR):
            raise ArgumentError("how", f"{how} is neither SHUT_WR nor SHUT_RDWR")

    def abort(self, reason: bytes = b"", assoc_id: int = 0) -> None:
        """End the association at once by ABORT; the peer's recv raises AssociationAborted (RFC 9260 section 9.1).

        Closes one-to-one and peeled-off sockets. reason: goes to the peer as the cause's text, except from a
        one-to-one socket on Linux, whose kernel can't (see docs/differences.md). assoc_id: on one-to-many sockets.
        """
        self._alive("abort")
        if not isinstance(reason, (bytes, bytearray, memoryview)):
            raise ArgumentTypeError("reason", f"bytes, not {type(reason).__name__}")
        text = bytes(reason)
        if len(text) > 1024:
            raise ArgumentError("reason", f"{len(text)} bytes; at most 1024 fit one ABORT safely")
        if not self._one:
            self._association_peers(check_number("assoc_id", assoc_id), "abort")
            self._end(lambda: self._handle.abort(assoc_id, text), "abort", assoc_id)
            return
        self._life.aborting = True
        try:
            self._handle.abort(0, text)
        except errors.SctpOSError:
            pass  # no association any more: nothing is left to abort
        self.close()

    def discard(self) -> None:
        """Close, and end what there is or is being set up by ABORT; waits for nothing and raises nothing."""
        if self._one and not self._closed and self._life.phase in (Phase.CONNECTING, Phase.UP):
            self._life.aborting = True
            try:
                self._handle.abort(0, b"")
            except errors.Error:
                pass  # no association any more, or none yet: closing is enough
        self.close()

    def _end(self, action: Any, op: str, assoc_id: int) -> None:
        try:
            action()
        except errors.SctpOSError as exc:
            if exc.errno == errno.EINVAL and self.peer_addresses(assoc_id):  # BSD, before COOKIE ACK
                detail = "the association is still being set up"
                raise errors.build(
                    errors.ConnectInProgress, op, assoc_id=assoc_id, detail=detail, **self._where()
                ) from None
            if exc.errno in GONE or exc.errno == errno.EINVAL:
                raise errors.build(errors.NoSuchAssociation, op, assoc_id=assoc_id, **self._where()) from None
            raise self._located(exc) from None

    def __enter__(self) -> Socket:
        return self
