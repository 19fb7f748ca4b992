"""Socket: SCTP at the level of RFC 6458, with the names of `socket.socket` wherever one exists.

Setting up, sending, receiving and ending: checks arguments, waits, tracks the association's life and raises errors by
name. What every socket has besides is in `_socket_base.py`, the reading in `inbox.py`, options in `options.py`.
"""

from __future__ import annotations

import errno
import socket
import weakref
from typing import Any, List, Optional, Tuple, Union

from sctpffi import backends, errors
from sctpffi._socket_base import UNSET, WRITE, SocketBase, Timeout
from sctpffi._wait import Deadline
from sctpffi.addresses import Address, AddressLike, AddressSet, parse, parse_hosts
from sctpffi.backends.base import Handle
from sctpffi.enums import PrPolicy, SendFlag, Style
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.inbox import BUFFER_BYTES, INTERNAL, Item
from sctpffi.lifecycle import Life, Phase
from sctpffi.options import check_number

_U16, _U32 = 0xFFFF, 0xFFFFFFFF
_UNORDERED = int(SendFlag.UNORDERED)
_ADDR_OVER = int(SendFlag.ADDR_OVER)
_SENDALL = int(SendFlag.SENDALL)
_ENDING = int(SendFlag.ABORT | SendFlag.EOF)
_PR_TTL = int(PrPolicy.TTL)
_GONE = frozenset({errno.EPIPE, errno.ENOENT, errno.ENOTCONN, errno.ESHUTDOWN, errno.ECONNRESET, errno.ECONNABORTED})


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


def _payload(data: Any) -> Tuple[Any, int]:
    """What goes to the shim, and its size."""
    if isinstance(data, str):
        raise ArgumentTypeError("data", "bytes or a buffer, not str; encode it first")
    try:
        view = memoryview(data)
    except TypeError:
        raise ArgumentTypeError("data", f"bytes or a buffer, not {type(data).__name__}") from None
    if not view.contiguous:
        view = memoryview(view.tobytes())
    return view, view.nbytes


class Socket(SocketBase):
    """One SCTP socket of any stack, one-to-one or one-to-many.

    family: AF_INET or AF_INET6 (4 or 6); an IPv6 socket takes IPv4 addresses too, on every stack.
    style: `Style.ONE_TO_ONE` (default) or `Style.ONE_TO_MANY`.
    backend: "linux", "freebsd", "usrsctp", or None for SCTPFFI_BACKEND or this platform's kernel.
    Raises ArgumentError, BackendUnavailable.

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
    ) -> None:
        chosen = backends.select(backend)
        number, kind = _family(family), _style(style)
        self._setup(chosen, backends.open_handle(chosen, number, kind), number, kind, Life())
        for event in INTERNAL:
            self._handle.subscribe(0, event, True)

    @classmethod
    def _adopt(cls, parent: Socket, handle: Handle, style: Style, life: Life) -> Socket:
        """A socket around a handle that accept or peeloff gave."""
        self = cls.__new__(cls)
        self._setup(parent._backend, handle, parent._family, style, life)
        self._inbox.wanted = set(parent._inbox.wanted)
        self._inbox.max_message_bytes = parent._inbox.max_message_bytes
        return self

    # -- setting up

    def listen(self, backlog: int = 128) -> None:
        """Let peers connect (RFC 6458 sections 3.1.3 and 4.1.3). backlog: how many may wait to be accepted."""
        self._alive("listen")
        check_number("backlog", backlog, 0x7FFFFFFF)
        try:
            self._handle.listen(backlog)
        except errors.SctpOSError as exc:
            raise self._located(exc) from None
        self._listening = True
        bound = self._handle.addresses(True, 0)
        if bound and self._local is None:
            self._locate(local=AddressSet(tuple(bound), bound[0].port))

    def accept(self, timeout: Timeout = UNSET) -> Tuple[Socket, Address]:
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
        return child, peer

    def _accept(self, deadline: Deadline) -> Tuple[Handle, Optional[Address]]:
        while True:
            try:
                return self._handle.accept(deadline.left_ms())
            except errors.WouldBlock:
                cls = errors.WouldBlock if deadline.seconds == 0 else errors.WaitTimeout
                raise errors.build(cls, "accept", **self._where()) from None
            except errors.SctpOSError as exc:
                if exc.errno != errno.EINTR:  # after it, handlers have run (PEP 475)
                    raise self._located(exc) from None

    def connect(self, address: AddressLike, timeout: Timeout = UNSET) -> int:
        """Set up an association with a peer that has one or several addresses (RFC 6458 sections 4.1.5 and 9.9).

        On one-to-one sockets waits until it is up. With timeout=0 raises ConnectInProgress: wait for writability
        and call `connect_done`. A failed socket can't connect again, on no stack. On one-to-many sockets never waits:
        COMM_UP or CANT_STR_ASSOC tells.
        Returns the association id, 0 if the stack tells it only later.
        Raises ConnectionRefused, ConnectTimeout, WaitTimeout, AlreadyConnected, AddressError, ClosedError.
        """
        self._alive("connect")
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
            raise self._connect_failed(exc, remote) from None
        if not self._one:
            return assoc_id
        self._peer_port = remote.port
        self._locate(remote=remote)
        life.assoc_id = assoc_id
        life.phase = Phase.CONNECTING if waiting else Phase.UP
        if waiting:
            self._finish_connect(self._deadline(timeout), "connect")
        return assoc_id

    def _check_remote(self, remote: AddressSet) -> None:
        if not remote.hosts or remote.port == 0:
            raise errors.AddressError("address", f"{remote}: a peer has an address and a port")
        if any(a.host in ("0.0.0.0", "::") for a in remote.hosts):
            raise errors.AddressError("address", f"{remote}: the wildcard is nobody's address")
        self._check_families(remote)

    def _connect_failed(self, exc: errors.SctpOSError, remote: AddressSet) -> errors.SctpOSError:
        if isinstance(exc, errors.AssociationTimedOut):
            exc = errors.build(errors.ConnectTimeout, "connect", backend=self.backend)
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
        self._peeled = [(ref, held) for ref, held in self._peeled if ref() is not None]
        self._peeled.append((weakref.ref(child), frozenset(peers)))
        return child

    def _check_peeled(self, address: Address, op: str) -> None:
        """Refuse an address whose association has a socket of its own: BSD would restart it (docs/stacks.md)."""
        for ref, held in self._peeled:
            child = ref()
            if child is not None and not child.closed and not child._life.over and address in held:
                detail = f"{address} belongs to an association that was peeled off"
                raise errors.build(errors.NoSuchAssociation, op, detail=detail, **self._where())

    def _association_peers(self, assoc_id: int, op: str) -> List[Address]:
        peers = self.peer_addresses(assoc_id) if assoc_id else []
        if not peers:
            raise errors.build(errors.NoSuchAssociation, op, assoc_id=assoc_id, **self._where())
        return peers

    # -- messages

    def send(
        self,
        data: Any,
        stream: int = 0,
        ppid: int = 0,
        *,
        unordered: bool = False,
        ttl: Optional[float] = None,
        context: int = 0,
        flags: int = 0,
        assoc_id: int = 0,
        to: Optional[Union[str, Address]] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send one message, whole or not at all (RFC 6458 sections 3.1.4, 4.1.8 and 5.3.4).

        data: bytes or any buffer, not empty. stream: 0..65535. ppid: in host order. unordered: deliver at once.
        ttl: seconds after which the stack may give the message up (RFC 3758). context: 32 bits that come back
        with a send failure. flags: `SendFlag`s. assoc_id: the association, on one-to-many sockets. to: the peer's
        address; on one-to-one sockets the path to use; on one-to-many sockets an association is set up if there is
        none.
        timeout: seconds to wait for room.
        Returns the size of the message in bytes.
        Raises ArgumentError and ArgumentTypeError naming the argument, StreamOutOfRange, MessageTooLong,
        WouldBlock, WaitTimeout, NotConnected, AssociationAborted, AssociationTimedOut, NoSuchAssociation, ClosedError.
        Concurrency: any number of threads; each message stays whole.
        """
        if type(data) is bytes:
            size = len(data)
        else:
            data, size = _payload(data)
        if type(stream) is not int or not 0 <= stream <= _U16:
            stream = check_number("stream", stream, _U16)
        if type(ppid) is not int or not 0 <= ppid <= _U32:
            ppid = check_number("ppid", ppid)
        if context:
            check_number("context", context)
        number = int(flags) | _UNORDERED if unordered else int(flags)
        pr_policy = pr_value = 0
        if ttl is not None:
            pr_policy, pr_value = _PR_TTL, self._ttl_ms(ttl)
        if not size or number & _ENDING:
            self._check_ending(size, number)
        deadline = self._deadline(timeout)
        target = None
        if self._one:
            if to is not None:
                target = parse_hosts(to, self._peer_port, "to").hosts[0]
                number |= _ADDR_OVER
            if self._life.phase is not Phase.UP or self._life.shut_down:
                self._check_sendable(deadline)
        else:
            target = self._target(assoc_id, to, number)
        while True:
            code = self._handle.send(
                data,
                size,
                assoc_id,
                stream,
                ppid,
                number,
                context,
                pr_policy,
                pr_value,
                target,
                deadline.left_ms() if deadline.seconds else (0 if deadline.seconds == 0 else -1),
            )
            if code >= 0:
                return size
            if code != -errno.EINTR:
                raise self._send_failed(code, size, stream, assoc_id, deadline)

    @staticmethod
    def _ttl_ms(ttl: float) -> int:
        if isinstance(ttl, bool) or not isinstance(ttl, (int, float)):
            raise ArgumentTypeError("ttl", f"a number of seconds or None, not {type(ttl).__name__}")
        if not 0 < ttl <= _U32 / 1000:
            raise ArgumentError("ttl", f"{ttl} is not in 0..{_U32 // 1000} seconds")
        return max(1, round(ttl * 1000))

    def _check_ending(self, size: int, flags: int) -> None:
        if flags & _ENDING and self._one:
            raise ArgumentError("flags", "EOF and ABORT are for one-to-many sockets; use shutdown() or abort()")
        if flags & int(SendFlag.EOF) and size:
            raise ArgumentError("data", "EOF goes without data; send it first")
        if not size and not flags & _ENDING:
            raise ArgumentError("data", "an SCTP message is never empty (RFC 9260 section 3.3.10.9)")

    def _check_sendable(self, deadline: Deadline) -> None:
        self._alive("send")
        if self._life.phase is Phase.CONNECTING:
            self._finish_connect(deadline, "send")
        if self._life.phase is not Phase.UP or self._life.shut_down:
            raise self._life.send_error("send", **self._where())

    def _target(self, assoc_id: int, to: Optional[Union[str, Address]], flags: int) -> Optional[Address]:
        if assoc_id:
            check_number("assoc_id", assoc_id)
        if to is None:
            if not assoc_id and not flags & _SENDALL:
                raise ArgumentError("to", "a one-to-many socket needs an address or an assoc_id to send to")
            return None
        found = to if isinstance(to, Address) else parse(to, "to").hosts[0]
        if found.port == 0:
            raise errors.AddressError("to", f"{found} has no port")
        if self._peeled:
            self._check_peeled(found, "send")
        return found

    def _send_failed(self, code: int, size: int, stream: int, assoc_id: int, deadline: Deadline) -> errors.Error:
        number = -code
        if number == errno.EAGAIN:
            cls = errors.WouldBlock if deadline.seconds == 0 else errors.WaitTimeout
            return errors.build(cls, "send", assoc_id=assoc_id or None, **self._where())
        if number in _GONE:
            if not self._one:
                return errors.build(errors.NoSuchAssociation, "send", assoc_id=assoc_id, **self._where())
            self._inbox.catch_up()
            return self._life.send_error("send", **self._where())
        found = self._error(code, "send", assoc_id)
        if number == errno.EINVAL:
            self._explain_invalid(stream, assoc_id)
        if number == errno.EDEADLK and isinstance(found, errors.SctpOSError):
            found.detail = "this stack hangs when a path is chosen under the stream scheduler that was set"
        if isinstance(found, errors.MessageTooLong):
            found.detail = f"{size} bytes do not fit the send buffer of {self.opts.send_buffer_bytes}"
        return found

    def _explain_invalid(self, stream: int, assoc_id: int) -> None:
        try:
            streams = self.opts.of(assoc_id).status.out_streams
        except errors.Error:
            if not self._one and assoc_id:
                raise errors.build(errors.NoSuchAssociation, "send", assoc_id=assoc_id, **self._where()) from None
            return
        if stream >= streams:
            detail = f"stream {stream}: the association has {streams} outgoing streams, 0..{streams - 1}"
            raise errors.build(errors.StreamOutOfRange, "send", detail=detail, **self._where()) from None

    def recv(self, timeout: Timeout = UNSET) -> Item:
        """Receive the next message, whole, or notification that was subscribed to (RFC 6458 section 3.1.5).

        Messages in pieces are put together; one over `max_message_bytes` is dropped with ReceiveLimitExceeded and the
        next one is intact. timeout in seconds.
        Raises EndOfAssociation after a graceful end and AssociationAborted or AssociationTimedOut after a loss, each
        time; WouldBlock, WaitTimeout, NotConnected, ClosedError. Concurrency: readers take turns.
        """
        return self._inbox.take(self._deadline(timeout), "recv")

    def recv_partial(self, size: int = BUFFER_BYTES, timeout: Timeout = UNSET) -> Item:
        """Receive the next piece of a message, at most size bytes (1..65536); `complete` tells its last one.

        Pieces of one message carry the same stream, ssn and ppid. Not to be mixed with `recv` within a message.
        """
        return self._inbox.take_piece(self._check_size(size), self._deadline(timeout), "recv_partial")

    def peek(self, size: int = BUFFER_BYTES, timeout: Timeout = UNSET) -> Item:
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

    def shutdown(self, assoc_id: int = 0) -> None:
        """End the association gracefully: what is queued is sent, nothing more can be (RFC 6458 section 4.1.7).

        Receiving goes on until EndOfAssociation. assoc_id: on one-to-many sockets, which one.
        Once the association has ended it does nothing. Raises NotConnected, NoSuchAssociation.
        """
        self._alive("shutdown")
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
        try:
            self._handle.abort(0, text)
        except errors.SctpOSError:
            pass  # no association any more: nothing is left to abort
        self.close()

    def _end(self, action: Any, op: str, assoc_id: int) -> None:
        try:
            action()
        except errors.SctpOSError as exc:
            if exc.errno in _GONE or exc.errno == errno.EINVAL:
                raise errors.build(errors.NoSuchAssociation, op, assoc_id=assoc_id, **self._where()) from None
            raise self._located(exc) from None

    def __enter__(self) -> Socket:
        return self
