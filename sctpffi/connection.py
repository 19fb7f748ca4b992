"""Connection: one association, at the level where most programs live; and `connect`, which makes one.

A thin layer over a one-to-one Socket: messages and events kept apart, and ends that wait. ConnectionBase is what the
asynchronous twins share. Waiting, life and errors belong to `sockets.py`, defaults to `config.py`.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Any, Callable, Deque, Iterable, Iterator, List, Optional, Type, TypeVar, Union

from sctpffi._reading import Item
from sctpffi._socket_base import OWN_MS, UNSET, Timeout
from sctpffi._socket_bulk import BATCH
from sctpffi._wait import Deadline, check_timeout
from sctpffi.addresses import WILDCARDS, Address, AddressLike, AddressSet, parse
from sctpffi.association import AssociationCalls, SocketCalls
from sctpffi.bulk import Arena
from sctpffi.config import Config, combine, prepare
from sctpffi.enums import Event, Style
from sctpffi.errors import (
    AddressError,
    ArgumentTypeError,
    ConnectInProgress,
    EndOfAssociation,
    Error,
    NotConnected,
    SctpOSError,
    WaitTimeout,
    WouldBlock,
    WrongStyle,
    build,
)
from sctpffi.inbox import BUFFER_BYTES
from sctpffi.messages import Message
from sctpffi.notifications import Notification
from sctpffi.optvalues import InitParams, PrInfo
from sctpffi.sockets import Socket

KEPT_NOTIFICATIONS = 256
_MESSAGES = {Message}
C = TypeVar("C", bound="ConnectionBase")


class Noticing:
    """Keeps notifications apart from messages, for those who read only the latter.

    Those that were asked for by `events=` go to `on_notification` if it is set, else they wait in `notifications`, the
    newest 256.
    """

    socket: Socket

    def __init__(self) -> None:
        self.on_notification: Optional[Callable[[Notification], None]] = None
        self.notifications: Deque[Notification] = deque(maxlen=KEPT_NOTIFICATIONS)

    def _messages(self, items: List[Item]) -> List[Message]:
        """Those that are messages; the others are noticed."""
        if {*map(type, items)} == _MESSAGES:
            return items  # type: ignore[return-value]  # all of them
        found: List[Message] = []
        for number, item in enumerate(items):
            if isinstance(item, Message):
                found.append(item)
                continue
            try:
                self._notice(item)
            except BaseException:  # on_notification's own: the messages around it come with the next call
                self.socket._inbox.put_first([*found, *items[number + 1 :]])
                raise
        return found

    def _notice(self, event: Notification) -> None:
        if self.on_notification is not None:
            self.on_notification(event)
        else:
            self.notifications.append(event)


class ConnectionBase(AssociationCalls, SocketCalls, Noticing):
    """What a Connection does without waiting, blocking and asynchronous alike."""

    def __init__(self, sock: Socket) -> None:
        if not isinstance(sock, Socket):
            raise ArgumentTypeError("sock", f"a Socket, not {type(sock).__name__}")
        if sock.style is Style.ONE_TO_MANY:
            raise build(WrongStyle, "Connection", detail="one-to-many sockets make an Endpoint", backend=sock.backend)
        super().__init__()
        self.socket = sock

    @classmethod
    def from_fileno(cls: Type[C], fileno: int, *, backend: Optional[str] = None) -> C:
        """A Connection of an inherited descriptor of an SCTP socket, which it owns from now on.

        Raises ArgumentError for what is no SCTP socket, UnsupportedOption on usrsctp, which has no descriptors.
        """
        sock = Socket(fileno=fileno, backend=backend)
        try:
            return cls(sock)
        except Error:
            sock.detach()  # it is still the caller's
            raise

    @property
    def assoc_id(self) -> int:
        """The association's id, as notifications and messages have it; 0 before the stack told it."""
        return self.socket._life.assoc_id

    def refresh(self) -> None:
        """Take both ends' addresses anew from the stack, for what errors and repr show.

        `local_addresses` and `peer_addresses` are always as the stack has them. Raises ClosedError.
        """
        self.socket.refresh()

    def shutdown(self) -> None:
        """End gracefully: nothing more can be sent, receiving goes on until the end, see `Socket.shutdown`."""
        self.socket.shutdown()

    def abort(self, reason: bytes = b"") -> None:
        """End at once by ABORT and close, see `Socket.abort`."""
        self.socket.abort(reason)

    def _over(self) -> bool:
        """Whether there is nothing left to wait for at a graceful close."""
        life = self.socket._life
        return life.over or not life.up

    def _begin_end(self) -> None:
        try:
            self.socket.shutdown()
        except NotConnected:
            pass  # it is ending already: another thread closes it too, or the peer was first

    def _give_up(self) -> WaitTimeout:
        """The peer did not answer in time: abort. The error for it."""
        self.socket.abort()
        detail = "the peer did not acknowledge everything in time; the association was aborted"
        error = build(WaitTimeout, "close", detail=detail, **self.socket._where())
        assert isinstance(error, WaitTimeout)
        return error

    def _check_end(self) -> None:
        """Raise the reason if what was sent last may not have been delivered."""
        if self.socket._life.lost:
            raise self.socket._life.loss("close", **self.socket._where())

    def __repr__(self) -> str:
        return self._shown()


class Receiving:
    """Receiving without a loop, as Connection and Endpoint do."""

    socket: Socket
    _notice: Callable[[Notification], None]
    _messages: Callable[[List[Item]], List[Message]]

    def recv(self, *, timeout: Timeout = UNSET) -> Message:
        """Receive the next message, whole; of an Endpoint, of any association: `assoc_id` tells. timeout in seconds.

        Of a Connection raises EndOfAssociation after a graceful end, AssociationAborted or AssociationTimedOut after a
        loss, each time. Raises WouldBlock, WaitTimeout, ReceiveLimitExceeded (the next message is intact), ClosedError.
        """
        sock = self.socket
        if timeout is UNSET and sock._timeout is None:  # for every message: no other call than that which receives
            found = sock._inbox.quick(OWN_MS, "recv")
            if type(found) is Message:
                return found
            return sock._message(timeout, 0.0, found, self._notice)
        begun = monotonic()
        found = sock._inbox.quick(sock._wait_ms(timeout), "recv")
        return sock._message(timeout, begun, found, self._notice)

    def recv_many(
        self, count: int = BATCH, *, views: bool = False, arena: Optional[Arena] = None, timeout: Timeout = UNSET
    ) -> List[Message]:
        """Receive up to count messages with one native call, waiting for the first. See `Socket.recv_many`.

        Of an Endpoint, of any of its associations.
        """
        found: List[Message] = []
        deadline = self.socket._deadline(timeout)
        room = self.socket._check_many(count, arena)
        while not found:
            found = self._messages(self.socket._inbox.take_many(room, count, deadline, "recv_many", views))
        return found

    def recv_partial(self, size: int = BUFFER_BYTES, *, timeout: Timeout = UNSET) -> Message:
        """Receive the next piece of a message, at most size bytes, see `Socket.recv_partial`."""
        deadline = self.socket._deadline(timeout)
        while True:
            item = self.socket._inbox.take_piece(self.socket._check_size(size), deadline, "recv_partial")
            if isinstance(item, Message):
                return item
            self._notice(item)


class Connection(Receiving, ConnectionBase):
    """One association with a peer. Made by `connect`, `Listener.accept`, or around a one-to-one Socket.

    Iterating gives messages until the peer shuts the association down. Notifications that were asked for by `events=`
    go to `on_notification` if it is set, else they wait in `notifications` (the newest 256) while `recv` reads
    messages; `events()` gives both in their order of arrival.
    Concurrency: one thread may send, another receive, a third close.
    """

    # -- messages

    def send(
        self,
        data: Any,
        stream: Optional[int] = None,
        ppid: Optional[int] = None,
        *,
        unordered: bool = False,
        ttl: Optional[float] = None,
        prinfo: Optional[PrInfo] = None,
        context: Optional[int] = None,
        to: Optional[Union[str, Address]] = None,
        auth_key: Optional[int] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send one message, whole or not at all; arguments and errors as `Socket.send`. to: the path to use.

        Waits while there is no room; after timeout seconds WaitTimeout, and nothing was sent.
        """
        return self.socket._send(data, stream, ppid, unordered, ttl, prinfo, context, 0, 0, to, auth_key, None, timeout)

    def recv_into(self, buffer: Any, *, timeout: Timeout = UNSET) -> Message:
        """Receive the next message, whole, into a writable buffer; `data` of the result is a view of its part.

        Raises as `recv`; ReceiveLimitExceeded for a message that is longer than the buffer.
        """
        begun = self.socket._begins(timeout)
        item = self.socket._recv_into(buffer, timeout)
        while not isinstance(item, Message):
            self._notice(item)
            item = self.socket._recv_into(buffer, self.socket._since(timeout, begun))
        return item

    def send_many(
        self,
        messages: Iterable[Any],
        stream: Optional[int] = None,
        ppid: Optional[int] = None,
        *,
        unordered: bool = False,
        ttl: Optional[float] = None,
        prinfo: Optional[PrInfo] = None,
        context: Optional[int] = None,
        to: Optional[Union[str, Address]] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send many messages with one native call; how many were sent. See `Socket.send_many`."""
        return self.socket.send_many(
            messages,
            stream,
            ppid,
            unordered=unordered,
            ttl=ttl,
            prinfo=prinfo,
            context=context,
            to=to,
            timeout=timeout,
        )

    def __iter__(self) -> Iterator[Message]:
        while True:
            try:
                message = self.recv()
            except EndOfAssociation:
                return
            yield message

    def events(self, *, timeout: Timeout = UNSET) -> Iterator[Item]:
        """Messages and notifications in their order of arrival, until the peer shuts the association down.

        timeout: seconds for each. Raises as `recv`.
        """
        while self.notifications:
            yield self.notifications.popleft()
        while True:
            try:
                item = self.socket.recv(timeout=timeout)
            except EndOfAssociation:
                return
            yield item

    # -- ending

    def close(self, *, timeout: Optional[float] = 0) -> None:
        """Close; any number of times.

        timeout: 0 returns at once, and what was sent is still delivered in the background (see `Socket.close`).
        More, or None for ever: shut down and wait so many seconds until the peer has acknowledged everything; what it
        still sends is thrown away. Raises WaitTimeout if that takes longer, and then the association is aborted;
        AssociationAborted or AssociationTimedOut if it is lost meanwhile. It is closed in each case.
        """
        deadline = Deadline(check_timeout(timeout))
        if self.closed or timeout == 0:
            self.socket.close()
            return
        try:
            if not self._over():
                self._begin_end()
                self.socket._inbox.until(self._over, deadline, "close", keep=False)
            self._check_end()
        except WaitTimeout:
            raise self._give_up() from None
        finally:
            self.socket.close()

    def __enter__(self: C) -> C:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def family_of(*sets: Optional[AddressSet]) -> int:
    """The family for a socket that has to take all these addresses."""
    return max((s.family for s in sets if s is not None), default=4)


def _check_reachable(remote: AddressSet, bound: AddressSet) -> None:
    """Refuse local addresses none of which can reach the peer: the stacks would send INITs that nobody answers."""
    families = {a.family for a in bound.hosts}
    anywhere = any(a.host in WILDCARDS for a in bound.hosts)
    if families and not anywhere and not families & {a.family for a in remote.hosts}:
        raise AddressError("local", f"{bound}: no address of the family of {remote}")


def open_client(remote: AddressSet, local: Optional[AddressLike], config: Config, backend: Optional[str]) -> Socket:
    """A socket that is ready to connect."""
    bound = None if local is None else parse(local, "local")
    if bound is not None:
        _check_reachable(remote, bound)
    sock = Socket(family_of(remote, bound), Style.ONE_TO_ONE, backend=backend)
    try:
        prepare(sock, config)
        if bound is not None:
            sock.bind(bound)
    except BaseException:
        sock.close()
        raise
    return sock


def in_vain(sock: Socket, deadline: Deadline) -> SctpOSError:
    """The error of a connect that did not come up in time."""
    return build(WouldBlock if deadline.seconds == 0 else WaitTimeout, "connect", **sock._where())


def connect(
    address: AddressLike,
    *,
    local: Optional[AddressLike] = None,
    timeout: Optional[float] = None,
    events: Iterable[Event] = (),
    init: Optional[InitParams] = None,
    config: Optional[Config] = None,
    backend: Optional[str] = None,
) -> Connection:
    """Set up an association and return it as a Connection (RFC 9260 section 5.1).

    address: the peer, "10.0.0.1/10.0.0.2:3868". local: our addresses, port 0 for any.
    timeout: seconds to wait; None as long as INIT's retransmissions last. events: notifications to have delivered.
    init: streams and attempts, `InitParams`; 10 streams each way are asked for otherwise.
    config: everything else that has to be set before, `Config`. backend: as for `Socket`.
    If it fails or is interrupted nothing is left behind, at the peer neither.
    Raises ConnectionRefused, ConnectTimeout, WaitTimeout, WouldBlock if timeout is 0 and it takes a while,
    AddressError, AddressInUse, BackendUnavailable.
    """
    wanted = combine(config, init, events)
    remote = parse(address)
    deadline = Deadline(check_timeout(timeout))
    sock = open_client(remote, local, wanted, backend)
    try:
        sock.connect(remote, timeout=deadline.left())
    except ConnectInProgress:  # the time is up already
        sock.discard()
        raise in_vain(sock, deadline) from None
    except BaseException:
        sock.discard()
        raise
    return Connection(sock)
