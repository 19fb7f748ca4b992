"""The asynchronous twins, for any event loop: AsyncConnection, AsyncListener, AsyncEndpoint, AsyncAssociation.

Same names and parameters as the blocking ones; what waits is a coroutine, what never waits is not. How they wait is in
`_async_wait.py`. Nothing of one loop may stand here; see `aio.py` and `trio.py`.
"""

from __future__ import annotations

from functools import partial
from typing import (
    Any,
    AsyncIterator,
    Generic,
    Iterable,
    List,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
    cast,
)

from sctpffi._async_wait import Reading, Until, Waiting, tried
from sctpffi._endpoint_base import AssociationBase, EndpointBase, To
from sctpffi._reading import Item
from sctpffi._socket_base import UNSET, Timeout
from sctpffi._wait import NO_WAIT, Deadline, check_timeout
from sctpffi.addresses import Address, AddressLike, parse
from sctpffi.bulk import Outgoing
from sctpffi.config import Config
from sctpffi.connection import ConnectionBase, in_vain, open_client
from sctpffi.enums import Event
from sctpffi.errors import (
    ClosedError,
    ConnectInProgress,
    EndOfAssociation,
    Error,
    NoSuchAssociation,
    WaitTimeout,
    build,
)
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
            return self.socket._send(
                data, stream, ppid, unordered, ttl, prinfo, context, 0, 0, to, auth_key, None, NO_WAIT
            )

        return await self._write("send", attempt, timeout)

    async def send_many(
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
        """Send many messages with one native call; how many were sent. See `Socket.send_many`.

        If it is cancelled while it waits for room, the exception has `sent`: how many were sent before.
        """

        common = Outgoing(b"", stream, ppid, unordered, ttl, prinfo, context, 0, 0, to)
        return await self._write_many("send_many", messages, common, timeout)

    async def recv_into(self, buffer: Any, *, timeout: Timeout = UNSET) -> Message:
        """Receive the next message, whole, into a writable buffer; see `Connection.recv_into`."""
        take = self.socket.recv_into
        return await self._message("recv_into", lambda: tried(lambda: take(buffer, timeout=0)), timeout, early=True)

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
        accept = self.socket.accept
        sock, peer = await self._read("accept", lambda: tried(lambda: accept(timeout=0)), timeout)
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
        if self._waiter.turn():
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

        return await self._write("send", attempt, timeout)

    async def send_many(
        self,
        messages: Iterable[Any],
        stream: Optional[int] = None,
        ppid: Optional[int] = None,
        *,
        to: Optional[To] = None,
        unordered: bool = False,
        ttl: Optional[float] = None,
        prinfo: Optional[PrInfo] = None,
        context: Optional[int] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send many messages with one native call; how many were sent. See `Endpoint.send_many`.

        to: as in `send`; None if every message is an `Outgoing` that says it. If it is cancelled while it waits for
        room, the exception has `sent`: how many were sent before.
        """
        where = {} if to is None else self._where_to(to)
        common = Outgoing(b"", stream, ppid, unordered, ttl, prinfo, context, 0, **where)
        return await self._write_many("send_many", messages, common, timeout)

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
                what = (data, stream, ppid, unordered, ttl, prinfo, context, 0, number, None, None, None, NO_WAIT)
                await self._write("send_all", partial(self.socket._send, *what), deadline)
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
