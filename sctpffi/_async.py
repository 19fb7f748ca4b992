"""The asynchronous twins, for any event loop: AsyncConnection, AsyncListener, AsyncEndpoint, AsyncAssociation.

Same names and parameters as the blocking ones; what waits is a coroutine, what never waits is not. A loop supplies a
Waiter, whose two primitives, wait readable and wait writable, are all that is asked of it. Every call tries without
waiting, and the wait is the only place where it can be cancelled: so a cancelled call has done nothing.
Nothing of one loop may stand here; see `aio.py` and `trio.py`.
"""

from __future__ import annotations

from typing import (
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Generic,
    Iterable,
    List,
    Optional,
    Protocol,
    Tuple,
    Type,
    TypeVar,
    Union,
    cast,
)

from sctpffi._socket_base import UNSET, Timeout
from sctpffi._wait import Deadline, OwnDeadline, check_timeout
from sctpffi.addresses import Address, AddressLike, parse
from sctpffi.config import Config
from sctpffi.connection import ConnectionBase, in_vain, open_client
from sctpffi.endpoint import AssociationBase, EndpointBase, To
from sctpffi.enums import Event
from sctpffi.errors import (
    ClosedError,
    ConnectInProgress,
    EndOfAssociation,
    Error,
    NoSuchAssociation,
    ResourceBusy,
    WaitTimeout,
    WouldBlock,
    build,
)
from sctpffi.inbox import BUFFER_BYTES, Item
from sctpffi.listener import ListenerBase
from sctpffi.messages import Message
from sctpffi.notifications import AssocChange
from sctpffi.optvalues import InitParams, PrInfo
from sctpffi.sockets import Socket

T = TypeVar("T")
C = TypeVar("C", bound="AsyncConnection")
L = TypeVar("L", bound="AsyncListener[Any]")
N = TypeVar("N", bound="AsyncConnection")
A = TypeVar("A", bound="AsyncAssociation")
_NO_WAIT = Deadline(0)


class Waiter(Protocol):
    """What a loop does for one socket. Used by its own loop only, but for `closing`.

    readable, writable: return when it is so, seconds have passed, or `wake` was called; any number of tasks at once.
    writable's turn counts waits in vain: a stack that calls itself writable without room (FreeBSD) is given time then.
    """

    def check(self) -> None:
        """Raise WrongLoop unless the loop that runs is ours."""

    async def checkpoint(self) -> None:
        """Give others a turn now and then, though nothing has to be waited for."""

    async def readable(self, seconds: Optional[float]) -> None: ...

    async def writable(self, seconds: Optional[float], turn: int) -> None: ...

    def wake(self) -> None:
        """Every wait returns, to look again."""

    def closing(self, close: Callable[[], None]) -> bool:
        """The descriptor goes: forget it. True if close is going to be called by us. Any thread."""


class Until(AsyncIterator[T]):
    """What a call gives again and again, until an error that means the end. May be left at any point."""

    __slots__ = ("_call", "_end")

    def __init__(self, call: Callable[[], Awaitable[T]], end: Type[Error]) -> None:
        self._call = call
        self._end = end

    async def __anext__(self) -> T:
        try:
            return await self._call()
        except self._end:
            raise StopAsyncIteration from None


class Waiting:
    """Waiting for one socket. The base of all asynchronous classes."""

    socket: Socket
    _make_waiter: Callable[[int], Waiter]  # of the loop, by descriptor

    def _watch(self) -> None:
        make = type(self)._make_waiter
        self._waiter = make(self.socket.fileno())
        self._receiving = False  # a task is in recv, accept or events
        self.socket._keeper = self._waiter.closing

    def _ready(self, op: str) -> None:
        self._waiter.check()
        self.socket._alive(op)

    def _time_up(self, deadline: Deadline, op: str) -> None:
        if deadline.left_ms() == 0:
            raise build(WaitTimeout, op, **self.socket._where())

    async def _read(self, op: str, attempt: Callable[[], T], deadline: Deadline) -> T:
        """Try until there is something to read; one task at a time."""
        self._ready(op)
        if self._receiving:
            raise ResourceBusy(f"{op}: another task is receiving; one at a time can")
        self._receiving = True
        try:
            await self._waiter.checkpoint()
            while True:
                self._ready(op)
                try:
                    return attempt()
                except WouldBlock:
                    if deadline.seconds == 0:
                        raise
                self._time_up(deadline, op)
                await self._waiter.readable(deadline.left())
        finally:
            self._receiving = False

    async def _write(self, op: str, attempt: Callable[[], T], deadline: Deadline) -> T:
        """Try until there is room to write; tasks may wait side by side."""
        self._ready(op)
        await self._waiter.checkpoint()
        turn = 0
        while True:
            self._ready(op)
            try:
                return attempt()
            except (WouldBlock, ConnectInProgress):
                if deadline.seconds == 0:
                    raise
            self._time_up(deadline, op)
            await self._waiter.writable(deadline.left(), turn)
            turn += 1

    async def _until(self, done: Callable[[], bool], deadline: Deadline, op: str, keep: bool = True) -> None:
        """Wait until something is so that notifications tell; reads meanwhile, unless another task does."""
        await self._waiter.checkpoint()
        while True:
            self._ready(op)
            if done():
                return
            if not self._receiving and self.socket._inbox.store(op, keep):
                continue
            if done():
                return
            self._time_up(deadline, op)
            await self._waiter.readable(deadline.left())  # or until whoever reads hears a change

    def settimeout(self, timeout: Optional[float]) -> None:
        """Set the time-out in seconds for calls that give none; calls that wait by it already obey at once.

        In the loop's own thread only.
        """
        self.socket.settimeout(timeout)
        self._waiter.wake()


class Reading(Waiting):
    """Receiving, as Connection and Endpoint do."""

    _notice: Callable[[Any], None]
    notifications: Any

    async def recv(self, *, timeout: Timeout = UNSET) -> Message:
        """Receive the next message, whole; see the blocking twin. A cancelled recv loses no message.

        Raises besides ResourceBusy if another task receives, WrongLoop.
        """
        return await self._message("recv", lambda: self.socket._inbox.take(_NO_WAIT, "recv"), timeout)

    async def recv_partial(self, size: int = BUFFER_BYTES, *, timeout: Timeout = UNSET) -> Message:
        """Receive the next piece of a message, at most size bytes, see `Socket.recv_partial`."""
        self.socket._check_size(size)
        take = self.socket._inbox.take_piece
        return await self._message("recv_partial", lambda: take(size, _NO_WAIT, "recv_partial"), timeout)

    async def _message(self, op: str, attempt: Callable[[], Item], timeout: Timeout) -> Message:
        deadline = self.socket._deadline(timeout)
        while True:
            item = await self._read(op, attempt, deadline)
            if isinstance(item, Message):
                return item
            self._notice(item)

    async def _item(self, timeout: Timeout) -> Item:
        if self.notifications:
            first: Item = self.notifications.popleft()
            return first
        deadline = self.socket._deadline(timeout)
        return await self._read("recv", lambda: self.socket._inbox.take(_NO_WAIT, "recv"), deadline)


class AsyncConnection(Reading, ConnectionBase):
    """One association with a peer, for tasks of an event loop; see `sctpffi.Connection`."""

    def __init__(self, sock: Socket) -> None:
        super().__init__(sock)
        self._watch()

    async def send(
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
        """Send one message, whole or not at all, waiting while there is no room; see `Connection.send`.

        A cancelled send has sent nothing.
        """

        def attempt() -> int:
            return self.socket.send(
                data,
                stream,
                ppid,
                unordered=unordered,
                ttl=ttl,
                prinfo=prinfo,
                context=context,
                to=to,
                auth_key=auth_key,
                timeout=0,
            )

        return await self._write("send", attempt, self.socket._deadline(timeout))

    async def recv_into(self, buffer: Any, *, timeout: Timeout = UNSET) -> Message:
        """Receive the next message, whole, into a writable buffer; see `Connection.recv_into`."""
        return await self._message("recv_into", lambda: self.socket.recv_into(buffer, timeout=0), timeout)

    def __aiter__(self) -> AsyncIterator[Message]:
        return Until(self.recv, EndOfAssociation)

    def events(self, *, timeout: Timeout = UNSET) -> AsyncIterator[Item]:
        """Messages and notifications in their order of arrival, until the peer shuts the association down."""
        return Until(lambda: self._item(timeout), EndOfAssociation)

    async def close(self, *, timeout: Optional[float] = 0) -> None:
        """Close; see `Connection.close`. Wakes every task that waits on it with ClosedError."""
        deadline = Deadline(check_timeout(timeout))
        if self.closed or timeout == 0:
            self.socket.close()
            return
        self.socket._inbox.on_change = lambda event: self._waiter.wake()
        try:
            if not self._over():
                self._begin_end()
                await self._until_over(deadline)
            self._check_end()
        except WaitTimeout:
            raise self._give_up() from None
        finally:
            self.socket.close()

    async def _until_over(self, deadline: Deadline) -> None:
        try:
            await self._until(self._over, deadline, "close", keep=False)
        except Error:
            if not self._over():
                raise

    async def __aenter__(self: C) -> C:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


class AsyncListener(Waiting, ListenerBase, Generic[N]):
    """A listening socket, for tasks of an event loop; see `sctpffi.Listener`."""

    _connection_class: Type[N]

    def __init__(self, sock: Socket) -> None:
        super().__init__(sock)
        self._watch()

    async def accept(self, *, timeout: Timeout = UNSET) -> Tuple[N, Address]:
        """The next association and the peer's address; see `Listener.accept`. A cancelled accept loses none."""
        deadline = self.socket._deadline(timeout)
        sock, peer = await self._read("accept", lambda: self.socket.accept(timeout=0), deadline)
        return self._connection_class(sock), peer

    async def _next(self) -> N:
        connection, _ = await self.accept()
        return connection

    def __aiter__(self) -> AsyncIterator[N]:
        return Until(self._next, ClosedError)

    async def __aenter__(self: L) -> L:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()


class AsyncAssociation(AssociationBase):
    """One association of an Endpoint, for tasks of an event loop; see `sctpffi.Association`."""

    async def send(
        self,
        data: Any,
        stream: Optional[int] = None,
        ppid: Optional[int] = None,
        *,
        unordered: bool = False,
        ttl: Optional[float] = None,
        prinfo: Optional[PrInfo] = None,
        context: Optional[int] = None,
        auth_key: Optional[int] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send one message to this peer, whole or not at all; arguments and errors as `Endpoint.send`."""
        endpoint = cast("AsyncEndpoint[Any, Any]", self.endpoint)
        return await endpoint.send(
            data,
            stream,
            ppid,
            to=self,
            unordered=unordered,
            ttl=ttl,
            prinfo=prinfo,
            context=context,
            auth_key=auth_key,
            timeout=timeout,
        )

    def peeloff(self) -> Any:
        """Give it a socket of its own, see `Endpoint.peeloff`."""
        return cast("AsyncEndpoint[Any, Any]", self.endpoint).peeloff(self)


class AsyncEndpoint(Reading, EndpointBase[A], Generic[A, N]):
    """A one-to-many socket, for tasks of an event loop; see `sctpffi.Endpoint`."""

    _connection_class: Type[N]

    def __init__(
        self,
        address: Union[AddressLike, Socket] = ":0",
        *,
        backlog: int = 128,
        events: Iterable[Event] = (),
        init: Optional[InitParams] = None,
        config: Optional[Config] = None,
        backend: Optional[str] = None,
    ) -> None:
        super().__init__(address, backlog=backlog, events=events, init=init, config=config, backend=backend)
        self._watch()

    def _changed(self, event: AssocChange) -> None:
        self._waiter.wake()

    async def connect(self, address: AddressLike, *, timeout: Timeout = UNSET) -> A:
        """Set up an association and wait until it is up; see `Endpoint.connect`. Cancelled, nothing is left behind."""
        self._ready("connect")
        deadline = self.socket._deadline(timeout)
        await self._waiter.checkpoint()
        found = self._start(address)
        try:
            await self._until(lambda: self._settled(found), deadline, "connect")
        except BaseException:
            self._abandon(found)
            raise
        return self._finished(found)

    async def send(
        self,
        data: Any,
        stream: Optional[int] = None,
        ppid: Optional[int] = None,
        *,
        to: To,
        unordered: bool = False,
        ttl: Optional[float] = None,
        prinfo: Optional[PrInfo] = None,
        context: Optional[int] = None,
        auth_key: Optional[int] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send one message, whole or not at all; see `Endpoint.send`. A cancelled send has sent nothing."""

        def attempt() -> int:
            return self.socket.send(
                data,
                stream,
                ppid,
                unordered=unordered,
                ttl=ttl,
                prinfo=prinfo,
                context=context,
                auth_key=auth_key,
                timeout=0,
                **self._where_to(to),
            )

        return await self._write("send", attempt, self.socket._deadline(timeout))

    async def send_all(
        self,
        data: Any,
        stream: Optional[int] = None,
        ppid: Optional[int] = None,
        *,
        unordered: bool = False,
        ttl: Optional[float] = None,
        prinfo: Optional[PrInfo] = None,
        context: Optional[int] = None,
        timeout: Timeout = UNSET,
    ) -> Tuple[int, ...]:
        """Send one message to every association; returns the ids of those that it went to; see `Endpoint.send_all`."""
        deadline = self.socket._deadline(timeout)
        sent: List[int] = []
        for number in self.socket.associations():
            try:
                await self.send(
                    data,
                    stream,
                    ppid,
                    to=number,
                    unordered=unordered,
                    ttl=ttl,
                    prinfo=prinfo,
                    context=context,
                    timeout=timeout if isinstance(deadline, OwnDeadline) else deadline.left(),
                )
            except NoSuchAssociation:
                continue
            except Error as exc:
                exc.sent = tuple(sent)  # type: ignore[attr-defined]  # documented: of this call only
                raise
            sent.append(number)
        return tuple(sent)

    def __aiter__(self) -> AsyncIterator[Message]:
        return Until(self.recv, ClosedError)

    def events(self, *, timeout: Timeout = UNSET) -> AsyncIterator[Item]:
        """Messages and notifications in their order of arrival, until it is closed."""
        return Until(lambda: self._item(timeout), ClosedError)

    def peeloff(self, association: Union[int, AsyncAssociation]) -> N:
        """Give one association a socket of its own, as a Connection; see `Endpoint.peeloff`."""
        return self._connection_class(self._peel(association))

    async def close(self, *, timeout: Optional[float] = 0) -> None:
        """Close; see `Endpoint.close`. Wakes every task that waits on it with ClosedError."""
        deadline = Deadline(check_timeout(timeout))
        if self.closed or timeout == 0:
            self.socket.close()
            return
        try:
            asked: set[int] = set()
            await self._until(lambda: self._all_gone(asked), deadline, "close", keep=False)
        except WaitTimeout:
            raise self._give_up() from None
        finally:
            self.socket.close()

    async def __aenter__(self: T) -> T:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


async def open_connection(
    kind: Type[C],
    address: AddressLike,
    local: Optional[AddressLike],
    timeout: Optional[float],
    config: Config,
    backend: Optional[str],
) -> C:
    """Set up an association; cancelled or failed, nothing is left behind, at the peer neither."""
    remote = parse(address)
    deadline = Deadline(check_timeout(timeout))
    sock = open_client(remote, local, config, backend)
    try:
        connection = kind(sock)

        def attempt() -> None:
            if not sock.connect_done():
                raise build(ConnectInProgress, "connect", **sock._where())

        try:
            sock.connect(remote, timeout=0)
        except ConnectInProgress:
            if deadline.seconds == 0:
                raise in_vain(sock, deadline) from None
            await connection._write("connect", attempt, deadline)
        else:
            await connection._waiter.checkpoint()
        return connection
    except BaseException:
        sock.discard()
        raise
