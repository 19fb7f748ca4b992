"""sctpffi for trio: the same names and parameters as the blocking API, what waits is async; and `serve`.

Needs the extra `sctpffi[trio]`. By trio's rules: every call is a checkpoint, and cancelled it has done nothing. The
classes are in `_async.py`; here is what trio itself has to do.
"""

from __future__ import annotations

import math
from typing import Any, Awaitable, Callable, Iterable, List, Optional

import trio

from sctpffi._async import AsyncAssociation, AsyncConnection, AsyncEndpoint, AsyncListener, open_connection
from sctpffi.addresses import AddressLike
from sctpffi.config import Config, combine
from sctpffi.enums import Event
from sctpffi.errors import ArgumentTypeError, AssociationLost, ClosedError, EndOfAssociation, NotConnected, WrongLoop
from sctpffi.listener import open_listener
from sctpffi.optvalues import InitParams

__all__ = ["Association", "Connection", "Endpoint", "Listener", "connect", "listen", "serve"]

_BACK_OFF_S = 0.001  # first wait when a socket called itself writable in vain; doubles up to 16 times that


class _Side:
    """Waiting to read, or to write: one task asks trio, which allows no more, and the others wait for it."""

    __slots__ = ("_fd", "_followers", "_scope", "_wait")

    def __init__(self, fd: int, wait: Callable[[int], Awaitable[None]]) -> None:
        self._fd = fd
        self._wait = wait
        self._scope: Optional[trio.CancelScope] = None  # of the one that asks
        self._followers: List[trio.Event] = []

    async def ready(self, seconds: Optional[float]) -> None:
        with trio.move_on_after(math.inf if seconds is None else seconds) as scope:
            if self._scope is not None:
                turn = trio.Event()
                self._followers.append(turn)
                await turn.wait()
                return
            self._scope = scope
            try:
                await self._wait(self._fd)
            finally:
                self._scope = None
                self._release()

    def _release(self) -> None:
        woken, self._followers = self._followers, []
        for turn in woken:
            turn.set()

    def wake(self) -> None:
        if self._scope is not None:
            self._scope.cancel()
        self._release()


class _TrioWaiter:
    """`_async_wait.Waiter` over trio.lowlevel."""

    __slots__ = ("_reading", "_token", "_writing")

    def __init__(self, fd: int, keep: Callable[[Any], None]) -> None:
        del keep  # nothing is read before the task's turn
        self._token: Optional[trio.lowlevel.TrioToken] = None  # of the run of the first call
        self._reading = _Side(fd, trio.lowlevel.wait_readable)
        self._writing = _Side(fd, trio.lowlevel.wait_writable)

    def check(self) -> None:
        try:
            token = trio.lowlevel.current_trio_token()
        except RuntimeError:
            raise WrongLoop("trio does not run here") from None
        if self._token is None:
            self._token = token
        elif self._token is not token:
            raise WrongLoop("it belongs to another run of trio, the one that used it first")

    def turn(self) -> bool:
        return True

    async def checkpoint(self) -> None:
        await trio.lowlevel.checkpoint()

    async def readable(self, seconds: Optional[float], attempt: Optional[Callable[[], Any]]) -> Any:
        await self._reading.ready(seconds)

    async def writable(self, seconds: Optional[float], turn: int) -> None:
        if turn:
            pause = _BACK_OFF_S * 2 ** min(turn - 1, 4)
            await trio.sleep(pause if seconds is None else min(pause, seconds))
        else:
            await self._writing.ready(seconds)

    def wake(self) -> None:
        self._reading.wake()
        self._writing.wake()

    def closing(self, close: Callable[[], None]) -> bool:
        try:
            here: Optional[trio.lowlevel.TrioToken] = trio.lowlevel.current_trio_token()
        except RuntimeError:
            here = None
        if self._token is None:
            return False
        if here is self._token:
            self.wake()
            return False
        try:
            self._token.run_sync_soon(self._close_here, close)
        except trio.RunFinishedError:
            return False
        return True

    def _close_here(self, close: Callable[[], None]) -> None:
        self.wake()
        close()


class Connection(AsyncConnection):
    """One association with a peer; see `sctpffi.Connection`. `async with`, `async for`."""

    _make_waiter = _TrioWaiter


class Listener(AsyncListener[Connection]):
    """A listening socket; see `sctpffi.Listener`. `async with`, `async for`."""

    _make_waiter = _TrioWaiter
    _connection_class = Connection


class Association(AsyncAssociation):
    """One association of an Endpoint; see `sctpffi.Association`."""


class Endpoint(AsyncEndpoint[Association, Connection]):
    """A one-to-many socket; see `sctpffi.Endpoint`. `async with`, `async for`."""

    _make_waiter = _TrioWaiter
    _association_class = Association
    _connection_class = Connection


async def connect(
    address: AddressLike,
    *,
    local: Optional[AddressLike] = None,
    timeout: Optional[float] = None,
    events: Iterable[Event] = (),
    init: Optional[InitParams] = None,
    config: Optional[Config] = None,
    backend: Optional[str] = None,
) -> Connection:
    """Set up an association; see `sctpffi.connect`. Cancelled, nothing is left behind, at the peer neither."""
    return await open_connection(Connection, address, local, timeout, combine(config, init, events), backend)


def listen(
    address: AddressLike,
    *,
    backlog: int = 128,
    events: Iterable[Event] = (),
    init: Optional[InitParams] = None,
    config: Optional[Config] = None,
    backend: Optional[str] = None,
) -> Listener:
    """Listen; see `sctpffi.listen`."""
    return Listener(open_listener(address, backlog, combine(config, init, events), backend))


Handler = Callable[[Connection], Awaitable[Any]]


async def serve(
    handler: Handler,
    address: AddressLike,
    *,
    backlog: int = 128,
    events: Iterable[Event] = (),
    init: Optional[InitParams] = None,
    config: Optional[Config] = None,
    backend: Optional[str] = None,
    task_status: Any = trio.TASK_STATUS_IGNORED,
) -> None:
    """Listen, and run a handler for each association, until it is cancelled or the Listener is closed.

    `listener = await nursery.start(serve, handler, address)` gives the Listener. handler: an async function that gets a
    Connection, which is closed when it returns. What it raises because the association ended is its end; anything else
    ends `serve`, as trio has it. Raises ArgumentTypeError, and what `listen` raises.
    """
    if not callable(handler):
        raise ArgumentTypeError("handler", f"an async function, not {type(handler).__name__}")

    async def handle(connection: Connection) -> None:
        try:
            await handler(connection)
        except (EndOfAssociation, AssociationLost, NotConnected, ClosedError):
            pass  # how associations end
        except BaseException:
            connection.socket.discard()
            raise
        finally:
            connection.socket.close()

    async with (
        listen(address, backlog=backlog, events=events, init=init, config=config, backend=backend) as listener,
        trio.open_nursery() as nursery,
    ):
        task_status.started(listener)
        async for connection in listener:
            nursery.start_soon(handle, connection)
