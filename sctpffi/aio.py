"""sctpffi for asyncio: the same names and parameters as the blocking API, what waits is a coroutine; and `serve`.

No threads: the loop watches the sockets' descriptors, on every backend. Works with any asyncio loop that has
add_reader, uvloop among them. The classes are in `_async.py`; here is what asyncio itself has to do.
"""

from __future__ import annotations

import asyncio
from threading import get_ident
from typing import Any, Awaitable, Callable, Dict, Iterable, List, Optional, Tuple

from sctpffi._async import (
    AsyncAssociation,
    AsyncConnection,
    AsyncEndpoint,
    AsyncListener,
    open_connection,
)
from sctpffi._wait import Deadline, check_timeout
from sctpffi.addresses import Address, AddressLike
from sctpffi.config import Config, combine
from sctpffi.enums import Event
from sctpffi.errors import (
    ArgumentError,
    ArgumentTypeError,
    AssociationLost,
    ClosedError,
    EndOfAssociation,
    Error,
    NotConnected,
    SctpOSError,
    WrongLoop,
)
from sctpffi.listener import open_listener
from sctpffi.options import check_number
from sctpffi.optvalues import InitParams

__all__ = ["Association", "Connection", "Endpoint", "Listener", "Server", "connect", "listen", "serve"]

_TURNS = 64  # calls that did not have to wait before others get a turn
_BACK_OFF_S = 0.001  # first wait when a socket called itself writable in vain; doubles up to 16 times that
_REST_S = 0.1  # after an accept that failed for want of descriptors or memory


Reader = Tuple["asyncio.Future[Any]", Optional[Callable[[], Any]]]


class _LoopWaiter:
    """`_async_wait.Waiter` over a loop's add_reader and add_writer.

    Readers stay registered until the descriptor is readable and nobody wants it: most wait again at once. And messages
    are read right when the loop finds them, so that it does not find them a second time before their task's turn.
    """

    __slots__ = ("_fd", "_keep", "_loop", "_readers", "_thread", "_turns", "_watching", "_writers")

    def __init__(self, fd: int, keep: Callable[[Any], None]) -> None:
        self._fd = fd
        self._keep = keep
        self._loop: Optional[asyncio.AbstractEventLoop] = None  # that of the first call
        self._thread = 0  # where it ran
        self._readers: List[Reader] = []
        self._watching = False  # registered for reading
        self._writers: List[asyncio.Future[None]] = []
        self._turns = _TURNS  # the first call gives way: many connects in a row would overrun a listener's backlog

    def check(self) -> None:
        # A thread runs one loop. To ask which is a system call, getpid(), before CPython 3.12.
        loop = self._loop
        if loop is None or self._thread != get_ident() or not loop.is_running():
            self._check_loop()

    def _check_loop(self) -> None:
        loop = _running()
        if loop is None:
            raise WrongLoop("no event loop runs here")
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise WrongLoop("it belongs to another event loop, the one that used it first")
        self._thread = get_ident()

    def turn(self) -> bool:
        self._turns += 1
        return self._turns >= _TURNS

    async def checkpoint(self) -> None:
        self._turns = 0
        await asyncio.sleep(0)

    # -- reading

    async def readable(self, seconds: Optional[float], attempt: Optional[Callable[[], Any]]) -> Any:
        assert self._loop is not None
        self._turns = 0
        if not self._watching:
            self._loop.add_reader(self._fd, self._on_readable)
            self._watching = True
        future: asyncio.Future[Any] = self._loop.create_future()
        reader = (future, attempt)
        self._readers.append(reader)
        timer = None if seconds is None else self._loop.call_later(seconds, _set, future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # it had something already
                found = future.exception() or future.result()
                if found is not None:
                    self._keep(found)
            raise
        finally:
            self._readers.remove(reader)
            if timer is not None:
                timer.cancel()

    def _on_readable(self) -> None:
        if not self._readers:
            self._unwatch()
        for future, attempt in self._readers:
            if future.done():
                continue
            if attempt is None:
                future.set_result(None)
                continue
            found: Any
            try:
                found = attempt()
            except Error as exc:
                found = exc
            if future.done() and found is not None:  # what was read has woken it
                self._keep(found)
            elif isinstance(found, Error):
                future.set_exception(found)
            elif found is not None:
                future.set_result(found)

    def _unwatch(self) -> None:
        if self._watching and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        self._watching = False

    # -- writing

    async def writable(self, seconds: Optional[float], turn: int) -> None:
        assert self._loop is not None
        self._turns = 0
        if turn:
            pause = _BACK_OFF_S * 2 ** min(turn - 1, 4)
            await asyncio.sleep(pause if seconds is None else min(pause, seconds))
            return
        if not self._writers:
            self._loop.add_writer(self._fd, self._on_writable)
        future: asyncio.Future[None] = self._loop.create_future()
        self._writers.append(future)
        timer = None if seconds is None else self._loop.call_later(seconds, _set, future)
        try:
            await future
        finally:
            if timer is not None:
                timer.cancel()
            if future in self._writers:  # time is up, or it was cancelled
                self._writers.remove(future)
                if not self._writers and not self._loop.is_closed():
                    self._loop.remove_writer(self._fd)

    def _on_writable(self) -> None:
        """Let everybody look again; nothing is registered any more."""
        if self._writers:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_writer(self._fd)
            woken = self._writers[:]
            self._writers.clear()
            for future in woken:
                _set(future)

    # -- both

    def wake(self) -> None:
        for future, _ in self._readers:
            _set(future)
        self._on_writable()

    def closing(self, close: Callable[[], None]) -> bool:
        loop = self._loop
        if loop is None or loop.is_closed() or not (self._watching or self._writers):
            return False
        if _running() is loop or not loop.is_running():
            self._end()
            return False
        try:
            loop.call_soon_threadsafe(self._close_here, close)
        except RuntimeError:  # closed in the meantime
            return False
        return True

    def _end(self) -> None:
        self.wake()
        self._unwatch()

    def _close_here(self, close: Callable[[], None]) -> None:
        self._end()
        close()


def _running() -> Optional[asyncio.AbstractEventLoop]:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _set(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)


class Connection(AsyncConnection):
    """One association with a peer; see `sctpffi.Connection`. `async with`, `async for`."""

    _make_waiter = _LoopWaiter


class Listener(AsyncListener[Connection]):
    """A listening socket; see `sctpffi.Listener`. `async with`, `async for`."""

    _make_waiter = _LoopWaiter
    _connection_class = Connection


class Association(AsyncAssociation):
    """One association of an Endpoint; see `sctpffi.Association`."""


class Endpoint(AsyncEndpoint[Association, Connection]):
    """A one-to-many socket; see `sctpffi.Endpoint`. `async with`, `async for`."""

    _make_waiter = _LoopWaiter
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


class Server:
    """Accepts associations and runs a handler for each in a task of its own. Made by `serve`.

    Leaving `async with` closes it.
    """

    def __init__(self, listener: Listener, handler: Handler, max_connections: Optional[int]) -> None:
        self._listener = listener
        self._handler = handler
        self._room = None if max_connections is None else asyncio.Semaphore(max_connections)
        self._tasks: Dict[asyncio.Task[None], Connection] = {}
        self._accepting = asyncio.ensure_future(self._accept_all())

    @property
    def addresses(self) -> List[Address]:
        """Where it listens."""
        return self._listener.addresses

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    @property
    def backend(self) -> str:
        """The stack's name."""
        return self._listener.backend

    @property
    def connections(self) -> List[Connection]:
        """The connections whose handlers run."""
        return list(self._tasks.values())

    @property
    def closed(self) -> bool:
        """Whether it no longer accepts."""
        return self._listener.closed

    async def _accept_all(self) -> None:
        while True:
            if self._room is not None:
                await self._room.acquire()  # those who connect meanwhile wait in the backlog
            try:
                connection, _ = await self._listener.accept()
            except ClosedError:
                return
            except SctpOSError as exc:  # out of descriptors or memory: others may give some back
                _report("accept failed", exc, self)
                await asyncio.sleep(_REST_S)
                if self._room is not None:
                    self._room.release()
                continue
            task = asyncio.ensure_future(self._handle(connection))
            self._tasks[task] = connection
            task.add_done_callback(self._done)

    async def _handle(self, connection: Connection) -> None:
        try:
            await self._handler(connection)
        except (EndOfAssociation, AssociationLost, NotConnected, ClosedError):
            pass  # how associations end
        except asyncio.CancelledError:
            connection.socket.discard()
            raise
        except Exception as exc:  # noqa: BLE001  # the handler's; others go on
            connection.socket.discard()
            _report("a handler failed", exc, connection)
        finally:
            connection.socket.close()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task).socket.discard()  # cancelled before it began: nobody else has closed it
        if self._room is not None:
            self._room.release()

    async def serve_forever(self) -> None:
        """Wait until it is closed. Cancelled, it closes."""
        try:
            await asyncio.wait([self._accepting])
        finally:
            await self.close()

    async def close(self, *, timeout: Optional[float] = 10) -> None:
        """Accept no more, shut all associations down, and wait until the handlers have ended.

        timeout: seconds; then, or at once with 0, the handlers are cancelled and their associations aborted. None waits
        for ever. Any number of times.
        """
        deadline = Deadline(check_timeout(timeout))
        self._listener.close()
        await asyncio.wait([self._accepting])
        for connection in self.connections:
            try:
                connection.shutdown()
            except Error:
                pass  # it ended meanwhile
        if self._tasks and timeout != 0:
            await asyncio.wait(list(self._tasks), timeout=deadline.left())
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<sctpffi.aio.Server {self._listener!r}, {len(self._tasks)} connections>"


def _report(what: str, exc: Exception, where: object) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": f"sctpffi: {what}", "exception": exc, "where": where})


async def serve(
    handler: Handler,
    address: AddressLike,
    *,
    max_connections: Optional[int] = None,
    backlog: int = 128,
    events: Iterable[Event] = (),
    init: Optional[InitParams] = None,
    config: Optional[Config] = None,
    backend: Optional[str] = None,
) -> Server:
    """Listen, and run a handler for each association; returns the Server, which accepts already.

    handler: a coroutine function that gets a Connection, which is closed when it returns. What it raises because the
    association ended is its end; if it raises anything else the association is aborted, and the loop's exception
    handler is called. max_connections: how many handlers run at most; who connects meanwhile waits in the backlog.
    The rest as for `listen`.
    Raises ArgumentError, ArgumentTypeError, and what `listen` raises.
    """
    if not callable(handler):
        raise ArgumentTypeError("handler", f"a coroutine function, not {type(handler).__name__}")
    if max_connections is not None and check_number("max_connections", max_connections) == 0:
        raise ArgumentError("max_connections", "0 would serve nobody")
    return Server(
        listen(address, backlog=backlog, events=events, init=init, config=config, backend=backend),
        handler,
        max_connections,
    )
