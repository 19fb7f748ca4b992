"""Socket: SCTP at the level of RFC 6458, with the names of `socket.socket` wherever one exists.

Checks arguments, waits, tracks the association's life and raises errors by name. Receiving is in `inbox.py`,
options in `options.py`; no stack's number and no cffi object comes this high.
"""

from __future__ import annotations

import errno
import socket
import warnings
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple, Union

from sctpffi import backends, errors
from sctpffi._tables import OptionRow
from sctpffi._wait import Deadline, check_timeout
from sctpffi.addresses import Address, AddressLike, AddressSet, parse, parse_hosts, resolve_any
from sctpffi.backends.base import Backend, Handle
from sctpffi.enums import Event, PrPolicy, SendFlag, Style
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.inbox import BUFFER_BYTES, INTERNAL, Inbox, Item
from sctpffi.lifecycle import Life, Phase
from sctpffi.options import Options, check_number
from sctpffi.optvalues import PathInfo, Status

READ, WRITE = 1, 2
_U16, _U32 = 0xFFFF, 0xFFFFFFFF
_UNORDERED = int(SendFlag.UNORDERED)
_ADDR_OVER = int(SendFlag.ADDR_OVER)
_SENDALL = int(SendFlag.SENDALL)
_ENDING = int(SendFlag.ABORT | SendFlag.EOF)
_PR_TTL = int(PrPolicy.TTL)
_GONE = frozenset({errno.EPIPE, errno.ENOENT, errno.ENOTCONN, errno.ESHUTDOWN, errno.ECONNRESET, errno.ECONNABORTED})


class _Unset:
    """The type of "take the socket's own time-out"."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()
Timeout = Union[float, None, _Unset]


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


class Socket:
    """One SCTP socket of any stack, one-to-one or one-to-many.

    family: AF_INET or AF_INET6 (4 or 6); an IPv6 socket takes IPv4 addresses too, on every stack.
    style: `Style.ONE_TO_ONE` (default) or `Style.ONE_TO_MANY`.
    backend: "linux", "freebsd", "usrsctp", or None for SCTPFFI_BACKEND or this platform's kernel.
    Raises ArgumentError, BackendUnavailable.

    The socket keeps the stack's defaults, except that RECVRCVINFO is on, V6ONLY and mapped addresses are off, and
    ASSOC_CHANGE and SHUTDOWN_EVENT are subscribed inside (and shown only to those who subscribe).
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
        self._closed = True  # until there is something to close
        chosen = backends.select(backend)
        number, kind = _family(family), _style(style)
        self._setup(chosen, backends.open_handle(chosen, number, kind), number, kind, Life())
        for event in INTERNAL:
            self._handle.subscribe(0, event, True)

    def _setup(self, backend: Backend, handle: Handle, family: int, style: Style, life: Life) -> None:
        self._backend = backend
        self._handle = handle
        self._family = family
        self._style = style
        self._life = life
        self._one = style is not Style.ONE_TO_MANY
        self._timeout: Optional[float] = None
        self._listening = False
        self._local: Optional[str] = None
        self._remote: Optional[str] = None
        self._peer_port = 0
        self._inbox = Inbox(handle, life, self._one)
        self._inbox.where = self._where()
        self._closed = False
        self.opts = Options(self)

    @classmethod
    def _adopt(cls, parent: Socket, handle: Handle, style: Style, life: Life) -> Socket:
        """A socket around a handle that accept or peeloff gave."""
        self = cls.__new__(cls)
        self._setup(parent._backend, handle, parent._family, style, life)
        self._inbox.wanted = set(parent._inbox.wanted)
        self._inbox.max_message_bytes = parent._inbox.max_message_bytes
        return self

    # -- what it is

    @property
    def backend(self) -> str:
        """The stack's name."""
        return self._backend.name

    @property
    def family(self) -> int:
        """4 or 6."""
        return self._family

    @property
    def style(self) -> Style:
        """One-to-one, one-to-many, or peeled off."""
        return self._style

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def fileno(self) -> int:
        """A descriptor for selectors: readable when something may be read, writable when a send may succeed.

        usrsctp has no descriptors; there it is one end of a socket pair that means the same and must not be
        read or written. On FreeBSD it may look writable when a send would wait (see docs/differences.md).
        Raises ClosedError. Concurrency: any thread.
        """
        return self._handle.fileno()

    def __repr__(self) -> str:
        state = "closed" if self._closed else self._life.phase.value if self._one else "open"
        ends = f" {self._local or ''}->{self._remote or ''}" if self._local or self._remote else ""
        return f"<sctpffi.Socket {self.backend} {self._style.name}{ends} {state}>"

    def _where(self) -> Dict[str, Any]:
        return {"backend": self._backend.name, "local": self._local, "remote": self._remote}

    def _locate(self, local: Optional[object] = None, remote: Optional[object] = None) -> None:
        if local is not None:
            self._local = str(local)
        if remote is not None:
            self._remote = str(remote)
        self._inbox.where = self._where()

    def _error(self, code: int, op: str, assoc_id: int = 0) -> errors.Error:
        return errors.from_code(code, op, assoc_id=assoc_id or None, **self._where())

    def _alive(self, op: str) -> None:
        if self._closed:
            raise errors.build(errors.ClosedError, op, **self._where())

    def _located(self, exc: errors.SctpOSError, local: object = None, remote: object = None) -> errors.SctpOSError:
        exc.local = str(local) if local is not None else self._local
        exc.remote = str(remote) if remote is not None else self._remote
        return exc

    # -- time

    def settimeout(self, timeout: Optional[float]) -> None:
        """Set the time-out in seconds for calls that give none; None waits for ever, 0 does not wait."""
        self._timeout = check_timeout(timeout)

    def gettimeout(self) -> Optional[float]:
        """The time-out in seconds for calls that give none."""
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        """`settimeout(None)` or `settimeout(0)`."""
        self._timeout = None if flag else 0.0

    def _deadline(self, timeout: Timeout) -> Deadline:
        return Deadline(self._timeout if isinstance(timeout, _Unset) else check_timeout(timeout))

    def wait_readable(self, timeout: Timeout = UNSET) -> bool:
        """Wait until something may be read; False if the time ran out. timeout in seconds."""
        return self._wait(READ, self._deadline(timeout))

    def wait_writable(self, timeout: Timeout = UNSET) -> bool:
        """Wait until a send may succeed or a connect is decided; False if the time ran out. timeout in seconds."""
        return self._wait(WRITE, self._deadline(timeout))

    def _wait(self, event: int, deadline: Deadline) -> bool:
        while True:
            code = self._handle.wait(event, deadline.left_ms())
            if code >= 0:
                return code > 0
            if code != -errno.EINTR:
                raise self._error(code, "wait")

    # -- addresses

    def bind(self, address: AddressLike) -> None:
        """Bind to one or several local addresses with one port (RFC 6458 sections 3.1.2 and 9.1).

        address: "10.0.0.1/10.0.1.1:3868"; ":3868" for any address; port 0 lets the stack choose.
        Raises AddressError, AddressInUse, AddressNotAvailable, SctpOSError. After a failure with several addresses
        the socket may be bound to some of them: close it.
        """
        self._alive("bind")
        local = resolve_any(parse(address), self._family)
        self._check_families(local)
        try:
            self._handle.bind(local.hosts)
        except errors.SctpOSError as exc:
            raise self._located(exc, local) from None
        bound = self._handle.addresses(True, 0)
        port = bound[0].port if bound else local.port
        self._locate(local=AddressSet(tuple(a._replace(port=port) for a in local.hosts), port))

    def _check_families(self, addresses: AddressSet) -> None:
        if self._family == 4 and addresses.family == 6:
            raise errors.AddressError("address", f"{addresses}: an IPv4 socket takes no IPv6 address")

    def _bindx(self, hosts: Union[str, Address, Iterable[Union[str, Address]]], add: bool) -> None:
        self._alive("bind_add" if add else "bind_remove")
        bound = self._handle.addresses(True, 0)
        wanted = parse_hosts(hosts, bound[0].port if bound else 0, "hosts")
        self._check_families(wanted)
        try:
            self._handle.bindx(wanted.hosts, add)
        except errors.SctpOSError as exc:
            raise self._located(exc) from None

    def bind_add(self, hosts: Union[str, Address, Iterable[Union[str, Address]]]) -> None:
        """Bind to further addresses, all or none (RFC 6458 section 9.1).

        hosts: "10.0.1.1", "10.0.1.1/10.0.2.1", or several; the port is the bound one.
        """
        self._bindx(hosts, True)

    def bind_remove(self, hosts: Union[str, Address, Iterable[Union[str, Address]]]) -> None:
        """Unbind from addresses, all or none; one has to stay (RFC 6458 section 9.1)."""
        self._bindx(hosts, False)

    def local_addresses(self, assoc_id: int = 0) -> List[Address]:
        """The local addresses of the socket or of an association (RFC 6458 section 9.5)."""
        self._alive("local_addresses")
        return self._handle.addresses(True, check_number("assoc_id", assoc_id))

    def peer_addresses(self, assoc_id: int = 0) -> List[Address]:
        """The peer's addresses; empty without an association (RFC 6458 section 9.3)."""
        self._alive("peer_addresses")
        check_number("assoc_id", assoc_id)
        if self._one and self._life.phase is Phase.NEW:
            return []
        try:
            return self._handle.addresses(False, assoc_id)
        except errors.SctpOSError:
            self._alive("peer_addresses")
            return []

    def getsockname(self) -> Tuple[str, int]:
        """The first local address as (host, port), ("0.0.0.0", 0) if unbound; see `local_addresses` for all."""
        found = self.local_addresses()
        return (found[0].host, found[0].port) if found else ("::" if self._family == 6 else "0.0.0.0", 0)

    def getpeername(self) -> Tuple[str, int]:
        """The peer's first address as (host, port); see `peer_addresses` for all. Raises NotConnected."""
        found = self.peer_addresses()
        if not found:
            raise errors.build(errors.NotConnected, "getpeername", **self._where())
        return found[0].host, found[0].port

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
        deadline = self._deadline(timeout)
        while True:
            try:
                handle, peer = self._handle.accept(deadline.left_ms())
                break
            except InterruptedError:
                continue
            except errors.SctpOSError as exc:
                if exc.errno == errno.EINTR:
                    continue
                if isinstance(exc, errors.WouldBlock):
                    cls = errors.WouldBlock if deadline.seconds == 0 else errors.WaitTimeout
                    raise errors.build(cls, "accept", **self._where()) from None
                raise self._located(exc) from None
        child = Socket._adopt(self, handle, Style.ONE_TO_ONE, Life(Phase.UP))
        if peer is None:  # the stack gave no name: ask
            found = child.peer_addresses()
            peer = found[0] if found else Address("0.0.0.0", 0)
        child._peer_port = peer.port
        child._locate(local=self._local, remote=peer)
        return child, peer

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
        if life.phase is Phase.LOST:
            raise life.loss("connect", **self._where())
        if life.phase is Phase.NEW:
            raise life.send_error("connect_done", **self._where())
        if life.phase is not Phase.CONNECTING:
            return True
        code = self._handle.connect_result()
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
        return child

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
        address; on one-to-one sockets the path to use, on one-to-many sockets an association is set up if there is none.
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
        Raises EndOfAssociation after a graceful end and AssociationAborted or AssociationTimedOut after a loss, each time;
        WouldBlock, WaitTimeout, NotConnected, ClosedError. Concurrency: readers take turns.
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

    # -- notifications

    def subscribe(self, *events: int, assoc_id: int = 0) -> None:
        """Have notifications of these types delivered by `recv` from now on (RFC 6458 section 6.2.2).

        assoc_id: on one-to-many sockets, of this association only; 0 is all that come to be. Nothing is replayed.
        Raises ArgumentError, UnsupportedOption, NoSuchAssociation.
        """
        self._alive("subscribe")
        for event in self._check_events(events):
            if event in INTERNAL:
                self._inbox.drop_unwanted()
            else:
                self._handle.subscribe(self._scope(assoc_id), event, True)
            self._inbox.wanted.add(event)

    def unsubscribe(self, *events: int, assoc_id: int = 0) -> None:
        """Have notifications of these types no longer delivered."""
        self._alive("unsubscribe")
        for event in self._check_events(events):
            if event not in INTERNAL:
                self._handle.subscribe(self._scope(assoc_id), event, False)
            self._inbox.wanted.discard(event)

    def _scope(self, assoc_id: int) -> int:
        return check_number("assoc_id", assoc_id)

    @staticmethod
    def _check_events(events: Tuple[int, ...]) -> List[Event]:
        if not events:
            raise ArgumentError("events", "name at least one Event")
        for event in events:
            if not isinstance(event, int) or event not in Event.__members__.values():
                raise ArgumentError("events", f"{event!r} is no Event")
        return [Event(event) for event in events]

    @property
    def subscriptions(self) -> Set[Event]:
        """The types that are delivered."""
        return set(self._inbox.wanted)

    # -- options and status

    def get_option(self, row: OptionRow, assoc_id: int, address: Optional[Address]) -> Dict[str, Any]:
        """For `opts`: the fields of an option."""
        self._alive(f"get {row.name}")
        try:
            return self._handle.get_option(row, assoc_id, address)
        except errors.SctpOSError as exc:
            raise self._option_error(exc, row, assoc_id) from None

    def set_option(self, row: OptionRow, values: Dict[str, Any], assoc_id: int, address: Optional[Address]) -> None:
        """For `opts`: set the fields of an option."""
        self._alive(f"set {row.name}")
        try:
            self._handle.set_option(row, values, assoc_id, address)
        except errors.SctpOSError as exc:
            raise self._option_error(exc, row, assoc_id) from None

    def _option_error(self, exc: errors.SctpOSError, row: OptionRow, assoc_id: int) -> errors.SctpOSError:
        missing = exc.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTCONN, errno.EPIPE)
        if missing and not self._one and assoc_id > 2:
            return errors.build(errors.NoSuchAssociation, exc.op, assoc_id=assoc_id, **self._where())
        if missing and row.access == "r":
            cls = errors.NotConnected if self._one else errors.NoSuchAssociation
            return errors.build(cls, exc.op, detail=f"{row.name} is of an association", **self._where())
        return self._located(exc)

    def status(self, assoc_id: int = 0) -> Status:
        """The association's state, windows and streams (RFC 6458 section 8.2.1). Raises NotConnected."""
        return self.opts.of(assoc_id).status

    def paths(self, assoc_id: int = 0) -> List[PathInfo]:
        """Every path of the association with its state, cwnd, srtt, rto and mtu (RFC 6458 section 8.2.2)."""
        return [self.opts.of(assoc_id, address).path_info for address in self.peer_addresses(assoc_id)]

    def getsockopt_raw(self, level: int, number: int, size: int) -> bytes:
        """An option by the stack's own numbers, as bytes: for experiments, not portable. size in bytes."""
        self._alive("getsockopt_raw")
        return self._handle.get_raw(level, number, check_number("size", size, 65536))

    def setsockopt_raw(self, level: int, number: int, value: bytes) -> None:
        """Set an option by the stack's own numbers: for experiments, not portable."""
        self._alive("setsockopt_raw")
        self._handle.set_raw(level, number, bytes(value))

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

    def close(self) -> None:
        """Close the socket; its associations end gracefully in the background (RFC 6458 section 4.1.6).

        Unread data makes it an ABORT, on every stack. Wakes every thread that waits on the socket with
        ClosedError. Any number of times, from any thread.
        """
        if not self._closed:
            self._closed = True
            self._handle.close()

    def __enter__(self) -> Socket:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self.close()


