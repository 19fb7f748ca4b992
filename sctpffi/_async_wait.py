"""Waiting for sockets in any event loop: the Waiter that a loop supplies, and what reads and writes by it.

Its two primitives, wait readable and wait writable, are all that is asked of a loop. Every call tries without waiting,
and the wait is the only place where it can be cancelled: so a cancelled call has done nothing. Nothing of one loop may
stand here, and no class that users see: those are in `_async.py`.
"""

from __future__ import annotations

import errno
from typing import Any, AsyncIterator, Awaitable, Callable, Iterable, List, Optional, Protocol, Type, TypeVar

from sctpffi._reading import Item
from sctpffi._socket_base import UNSET, Patience, Timeout
from sctpffi._socket_bulk import BATCH
from sctpffi._wait import NO_WAIT, Deadline
from sctpffi.bulk import Arena, Outgoing
from sctpffi.errors import ConnectInProgress, Error, ResourceBusy, WaitTimeout, WouldBlock, build
from sctpffi.inbox import BUFFER_BYTES
from sctpffi.messages import Message
from sctpffi.sockets import Socket

T = TypeVar("T")
R = TypeVar("R")


class Waiter(Protocol):
    """What a loop does for one socket. Used by its own loop only, but for `closing`.

    readable, writable: return when it is so, seconds have passed, or `wake` was called; any number of tasks at once.
    readable may make the attempt itself, as soon as it is so, and then returns what that gave; if the task was
    cancelled meanwhile the result, or the Error, goes to keep.
    writable's turn counts waits in vain: a stack that calls itself writable without room (FreeBSD) is given time then.
    """

    def check(self) -> None:
        """Raise WrongLoop unless the loop that runs is ours."""

    def turn(self) -> bool:
        """Whether others have to be given a turn now, though nothing has to be waited for."""

    async def checkpoint(self) -> None:
        """Give it them."""

    async def readable(self, seconds: Optional[float], attempt: Optional[Callable[[], Optional[R]]]) -> Optional[R]: ...

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
    _make_waiter: Callable[[int, Callable[[Any], None]], Waiter]  # of the loop, by descriptor

    def _watch(self) -> None:
        make = type(self)._make_waiter
        self._waiter = make(self.socket.fileno(), self._keep)
        self._receiving = False  # a task is in recv, accept or events
        self.socket._keeper = self._waiter.closing

    def _keep(self, result: Any) -> None:
        """Have delivered to the next one what a task did not get, because it was cancelled just then."""
        if not isinstance(result, ResourceBusy):  # nothing was read then
            self.socket._inbox.put_first(result if isinstance(result, list) else [result])

    def _ready(self, op: str) -> None:
        self._waiter.check()
        self.socket._alive(op)

    def _time_up(self, deadline: Deadline, op: str) -> None:
        if deadline.left_ms() == 0:
            raise build(WaitTimeout, op, **self.socket._where())

    async def _read(self, op: str, attempt: Callable[[], Optional[T]], timeout: Patience, early: bool = False) -> T:
        """Try until there is something to read; one task at a time.

        attempt: gives None if there is nothing. early: it gives items, and may be made by the loop, before the task's
        turn comes.
        """
        self._ready(op)
        if self._receiving:
            raise ResourceBusy(f"{op}: another task is receiving; one at a time can")
        self._receiving = True
        try:
            if self._waiter.turn():
                await self._waiter.checkpoint()
                self._ready(op)
            found = attempt()
            return await self._read_later(op, attempt, timeout, early) if found is None else found
        finally:
            self._receiving = False

    async def _read_later(self, op: str, attempt: Callable[[], Optional[T]], timeout: Patience, early: bool) -> T:
        deadline = self.socket._deadline(timeout)
        if deadline.seconds == 0:
            raise build(WouldBlock, op, **self.socket._where())
        while True:
            self._time_up(deadline, op)
            found = await self._waiter.readable(deadline.left(), attempt if early else None)
            if found is not None:
                return found
            self._ready(op)
            found = attempt()
            if found is not None:
                return found

    async def _write(self, op: str, attempt: Callable[[], T], timeout: Patience) -> T:
        """Try until there is room to write; tasks may wait side by side."""
        self._ready(op)
        if self._waiter.turn():
            await self._waiter.checkpoint()
            self._ready(op)
        deadline: Optional[Deadline] = None
        turn = 0
        while True:
            try:
                return attempt()
            except (WouldBlock, ConnectInProgress):
                deadline = deadline or self.socket._deadline(timeout)
                if deadline.seconds == 0:
                    raise
            self._time_up(deadline, op)
            await self._waiter.writable(deadline.left(), turn)
            turn += 1
            self._ready(op)

    async def _write_many(self, op: str, messages: Iterable[Any], common: Outgoing, timeout: Timeout) -> int:
        """Send all of them, as there is room; how many were sent before something failed."""
        self._ready(op)
        parcel = self.socket._parcel(messages, common)
        deadline = self.socket._deadline(timeout)
        sent = 0

        def attempt() -> int:
            return self.socket._send_parcel(parcel, sent, NO_WAIT)

        while True:
            try:
                sent += await self._write(op, attempt, deadline)
            except Error:
                if sent:
                    break  # the next call says it
                raise
            except BaseException as exc:  # a cancel
                exc.sent = sent  # type: ignore[attr-defined]  # documented: of this call only
                raise
            if sent == len(parcel.sizes):
                break
        return sent

    async def _until(self, done: Callable[[], bool], deadline: Deadline, op: str, keep: bool = True) -> None:
        """Wait until something is so that notifications tell; reads meanwhile, unless another task does."""
        if self._waiter.turn():
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
            await self._waiter.readable(deadline.left(), None)  # or until whoever reads hears a change

    def settimeout(self, timeout: Optional[float]) -> None:
        """Set the time-out in seconds for calls that give none; calls that wait by it already obey at once.

        In the loop's own thread only.
        """
        self.socket.settimeout(timeout)
        self._waiter.wake()


class Reading(Waiting):
    """Receiving, as Connection and Endpoint do."""

    _notice: Callable[[Any], None]
    _messages: Callable[[List[Item]], List[Message]]
    notifications: Any

    async def recv(self, *, timeout: Timeout = UNSET) -> Message:
        """Receive the next message, whole; see the blocking twin. A cancelled recv loses no message.

        Raises besides ResourceBusy if another task receives, WrongLoop.
        """
        return await self._message("recv", self._try_item, timeout, early=True)

    async def recv_partial(self, size: int = BUFFER_BYTES, *, timeout: Timeout = UNSET) -> Message:
        """Receive the next piece of a message, at most size bytes, see `Socket.recv_partial`."""
        self.socket._check_size(size)
        take = self.socket._inbox.take_piece
        return await self._message("recv_partial", lambda: tried(take, size, NO_WAIT, "recv_partial"), timeout)

    async def recv_many(
        self, count: int = BATCH, *, views: bool = False, arena: Optional[Arena] = None, timeout: Timeout = UNSET
    ) -> List[Message]:
        """Receive up to count messages with one native call, waiting for the first. See `Socket.recv_many`."""
        room = self.socket._check_many(count, arena)
        take = self.socket._inbox.take_many
        early = arena is None or not views  # else another task's batch might come before this one's turn
        patience: Patience = timeout

        def attempt() -> Optional[List[Item]]:
            return tried(take, room, count, NO_WAIT, "recv_many", views)

        while True:
            items = await self._read("recv_many", attempt, patience, early)
            found = self._messages(items)
            if found:
                return found
            patience = self.socket._deadline(patience)

    async def _message(
        self, op: str, attempt: Callable[[], Optional[Item]], timeout: Timeout, early: bool = False
    ) -> Message:
        item = await self._read(op, attempt, timeout, early)
        if isinstance(item, Message):
            return item
        deadline = self.socket._deadline(timeout)
        while not isinstance(item, Message):
            self._notice(item)
            item = await self._read(op, attempt, deadline, early)
        return item

    def _try_item(self) -> Optional[Item]:
        """What there is to receive now."""
        inbox = self.socket._inbox
        found = inbox.quick(0, "recv")
        if found is None:
            return tried(inbox.take, NO_WAIT, "recv")
        if not isinstance(found, int):
            return found
        if found == -errno.EAGAIN:
            return None
        return tried(inbox.take, NO_WAIT, "recv", found)

    async def _item(self, timeout: Timeout) -> Item:
        if self.notifications:
            first: Item = self.notifications.popleft()
            return first
        return await self._read("recv", self._try_item, timeout, early=True)


def tried(call: Callable[..., T], *arguments: Any) -> Optional[T]:
    """What a call gives that does not wait; None if it would have to."""
    try:
        return call(*arguments)
    except WouldBlock:
        return None
