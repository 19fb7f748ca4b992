"""Inbox: the receiving half of a socket: whose turn it is to read, what was read early, and what comes next.

One reader at a time has its turn. What one receive means is in `_reading.py`; `sockets.py` decides what is subscribed
and how long to wait. No address parsing, no sending.
"""

from __future__ import annotations

import errno
import sys
import threading
from collections import deque
from typing import Any, Callable, Deque, Iterable, List, Optional, Sequence, Type, Union

from sctpffi import errors
from sctpffi._reading import EOR, HAS_NEXT, KIND_DATA, UNORDERED, Item, Reader, key_of
from sctpffi._turn import Turn
from sctpffi._wait import Deadline
from sctpffi.backends.base import MANY_OTHER, RECEIVED, RECEIVED_STEP, RECV_OTHER, Handle, Room, Shelf
from sctpffi.bulk import Arena
from sctpffi.lifecycle import Life, Phase
from sctpffi.messages import Message, cut, received

Found = Union[Item, errors.Error]  # an error is raised in its turn
BUFFER_BYTES = 65536
_TURN_S = 0.05  # how long one who waits for an association reads before he looks whether others want to
_RECEIVED_BYTES = RECEIVED.size
_new: Callable[[Type[Message]], Message] = object.__new__


def _take_goes_on(wait_ms: int) -> int:
    """A receive into no room yet, after which `take` makes one."""
    return -errno.EINTR


class Inbox(Reader):
    """What a socket has to read. Public calls may come from any thread; one at a time reads."""

    def __init__(self, handle: Handle, life: Life, one_association: bool) -> None:
        super().__init__(handle, life, one_association)
        self.on_store: List[Callable[[], None]] = []  # called when something was read that is to be delivered later
        self._turn = Turn()
        self._changed = threading.Condition()  # for `until`: somebody has read, or an association has changed
        self._watchers = 0  # who waits for it
        self._pending: Deque[Found] = deque()  # read early
        self._room: Optional[Room] = None
        self._receive: Callable[[int], int] = _take_goes_on  # into it
        self._view = self._words = b""  # of it, and of what came with it
        self._usual = Phase.UP if one_association else life.phase  # while there is something to receive

    # -- taking turns

    def _acquire(self, deadline: Deadline, op: str) -> None:
        turn = self._turn
        if not turn.take_now() and not turn.take_soon(deadline.left()):
            raise self._no_time(deadline, op)

    def _release(self) -> None:
        self._turn.give()
        if self._watchers:
            self._tell()

    def _tell(self) -> None:
        if self._watchers:
            with self._changed:
                self._changed.notify_all()

    # -- what callers use

    def quick(self, wait_ms: int, op: str) -> Union[Item, int, None]:
        """What `take` does, with one native receive and without a Deadline, in the plain case: a whole message comes.

        Else `take` has to go on: after a negative number, the stack's error, or None. For every message: kept short.
        """
        turn = self._turn
        try:
            turn.take()
        except IndexError:
            return None
        try:
            life = self.life
            if self._pending or self._parts or life.phase is not self._usual:
                return None
            size = self._receive(wait_ms)
            if size < 0:
                return size
            if life.aborting:
                return -errno.EBADF
            if size <= self.max_message_bytes and size < RECV_OTHER:
                message = _new(Message)  # as `messages.received` does, without its call
                message.data = self._view[:size]
                message._raw = self._words[:_RECEIVED_BYTES]
                message._next = None
                return message
            raw = self.handle.received()
            return self._got(raw, self._view, False, False, op, None, self.max_message_bytes)
        finally:
            turn.put(True)
            if turn.queueing:
                turn.tell()
            if self._watchers:
                self._tell()

    def quick_into(self, view: memoryview, wait_ms: int, op: str) -> Union[Item, int, None]:
        """As `quick`, but for `take_into`."""
        if not self._turn.take_now():
            return None
        try:
            life = self.life
            if self._pending or self._parts or life.phase is not self._usual:
                return None
            handle = self.handle
            size = handle.recv_into(view, wait_ms)
            if size < 0:
                return size
            if life.aborting:
                return -errno.EBADF
            raw = handle.received()
            if raw[0] == KIND_DATA and raw[1] & ~UNORDERED == EOR:
                return received(view[:size], raw)
            item = self._got(raw, view, False, False, op, view, max(len(view), self.max_message_bytes))
            return None if item is None else _placed(item, view)
        except errors.ReceiveLimitExceeded as exc:
            raise _less_room(exc, view) from None
        finally:
            self._release()

    def take(self, deadline: Deadline, op: str, tried: Optional[int] = None) -> Item:
        """The next whole message, or notification that is wanted. tried: what `quick` said."""
        self._acquire(deadline, op)
        try:
            if tried is not None and tried != -errno.EINTR and not self._pending:
                self._failed(tried, deadline, op)
            return self._take(deadline, op)
        finally:
            self._release()

    def take_many(self, arena: Arena, count: int, deadline: Deadline, op: str, views: bool) -> List[Item]:
        """The next whole messages and notifications that are wanted: one at least, count at most, those that there are.

        views: have the data of messages stay in the arena.
        """
        self._acquire(deadline, op)
        try:
            while True:
                if self._pending:
                    return self._pop_many(count)
                if self.life.phase is not self._usual:
                    self._check_alive(op)
                shelf = arena.take(self.handle, count)
                try:
                    found = self._read_many(arena, shelf, count, deadline, op, views)
                finally:
                    arena.give_back()
                if found:
                    return found
        finally:
            self._release()

    def take_into(self, view: memoryview, deadline: Deadline, op: str, tried: Optional[int] = None) -> Item:
        """As `take`, but a message lies in the caller's memory, and its data is that part of view.

        A message that comes whole is read there at once; of pieces nobody knows yet whose they are, or what follows.
        """
        self._acquire(deadline, op)
        try:
            if tried is not None and tried != -errno.EINTR and not self._pending:
                self._failed(tried, deadline, op)
            with self.handle.as_buffer(view) as room:
                limit = max(len(view), self.max_message_bytes)  # of what is put together: it may be another message
                while True:
                    if self._pending:
                        return _placed(self._pop(sys.maxsize), view)
                    if self._parts:
                        item = self._read(BUFFER_BYTES, deadline, op, pieces=False, limit=limit)
                    else:
                        item = self._read(len(view), deadline, op, False, room=room, view=view, limit=limit)
                    if item is not None:
                        return _placed(item, view)
        except errors.ReceiveLimitExceeded as exc:
            raise _less_room(exc, view) from None
        finally:
            self._release()

    def take_piece(
        self, size: int, deadline: Deadline, op: str, room: Optional[Room] = None, view: Optional[memoryview] = None
    ) -> Item:
        """The next piece of a message, at most size bytes of it, or notification.

        room, view: memory of that size to read into, as `_read` takes them; view: to leave a message's data there.
        """
        self._acquire(deadline, op)
        try:
            while True:
                if self._pending:
                    return _placed(self._pop(size), view)
                if self._parts:  # who reads whole messages has taken the beginning of one
                    self._keep(self._read(BUFFER_BYTES, deadline, op, pieces=False))
                    continue
                item = self._read(size, deadline, op, pieces=True, room=room, view=view)
                if item is not None:
                    return item
        finally:
            self._release()

    def waiting(self) -> bool:
        """Whether there is something to be had without the stack."""
        return bool(self._pending)

    def _delay(self, items: Iterable[Found]) -> None:
        """Have these delivered after what is pending."""
        before = len(self._pending)
        self._pending.extend(items)
        if self.on_store and len(self._pending) > before:
            for tell in tuple(self.on_store):
                tell()

    def holds(self) -> bool:
        """Whether something was read that nobody has got yet."""
        return bool(self._pending or self._parts or self._note)

    def _pop(self, size: int) -> Item:
        """The first pending item; of a message at most size bytes, the rest stays."""
        item = self._pending.popleft()
        if isinstance(item, errors.Error):
            raise item
        if isinstance(item, Message) and len(item.data) > size:
            self._pending.appendleft(received(item.data[size:], item._words(), item._next))
            item = cut(item, size)
        return item

    def _pop_many(self, count: int) -> List[Item]:
        """What is pending, up to an error; that one alone."""
        found: List[Item] = []
        while self._pending and len(found) < count and not (found and isinstance(self._pending[0], errors.Error)):
            found.append(self._pop(sys.maxsize))
        return found

    def peek(self, size: int, deadline: Deadline, op: str) -> Item:
        """The next item, left where it is; of a message at most size bytes."""
        self._acquire(deadline, op)
        try:
            while True:
                if self._pending:
                    first = self._pending[0]
                    if isinstance(first, errors.Error):
                        raise first
                    return _cut(first, size)
                if self._parts:  # who reads whole messages has taken the beginning of one
                    self._keep(self._read(BUFFER_BYTES, deadline, op, pieces=False))
                    continue
                item = self._read(BUFFER_BYTES, deadline, op, pieces=True, peek=True)
                if item is not None:
                    return _cut(item, size)
                self._keep(self._read(BUFFER_BYTES, deadline, op, pieces=True))  # a notification is in the way
        finally:
            self._release()

    def drop_unwanted(self) -> None:
        """Take off the queue's head what is not subscribed, so that a subscription made now replays nothing."""
        if not self._turn.take_now():
            return  # whoever reads now takes it off
        try:
            while not self._pending:
                item = self._read(BUFFER_BYTES, Deadline(0), "subscribe", pieces=True, peek=True)
                if item is not None:
                    return
                self._keep(self._read(BUFFER_BYTES, Deadline(0), "subscribe", pieces=True))
        except errors.Error:
            pass
        finally:
            self._release()

    def until(self, done: Callable[[], bool], deadline: Deadline, op: str, keep: bool = True) -> None:
        """Wait until something is so that notifications tell: reads meanwhile, or lets whoever reads go on.

        keep: have what comes delivered later; else it is thrown away. Raises WaitTimeout, and what reading raises while
        it is not so yet.
        """
        while not done():
            if not (self._turn.queueing and self._pending) and self._turn.take_now():
                try:
                    if not done():
                        self._store_soon(deadline, op, keep)
                finally:
                    self._release()
            else:
                self._watch(done, deadline, op)

    def _store_soon(self, deadline: Deadline, op: str, keep: bool) -> None:
        """Read one item, but not for long: a reader may have come to wait for its turn after we looked for one."""
        left = deadline.left()
        try:
            self._store(Deadline(_TURN_S if left is None else min(_TURN_S, left)), op, keep)
        except (errors.WaitTimeout, errors.WouldBlock):
            if deadline.left_ms() == 0:
                raise self._no_time(deadline, op) from None

    def _watch(self, done: Callable[[], bool], deadline: Deadline, op: str) -> None:
        """Wait until whoever reads has read something."""
        with self._changed:
            self._watchers += 1  # from here on whoever reads tells
            try:
                busy = self._turn.taken() or (self._turn.queueing and self._pending)
                if busy and not done() and not self._changed.wait(deadline.left()):
                    raise self._no_time(deadline, op)
            finally:
                self._watchers -= 1

    def store(self, op: str, keep: bool = True) -> bool:
        """Read one item, to be delivered later or thrown away, without waiting; whether there was something to read."""
        if not self._turn.take_now():
            return False  # whoever reads now hears it
        try:
            self._store(Deadline(0), op, keep)
        except errors.WouldBlock:
            return False
        finally:
            self._release()
        return True

    def _store(self, deadline: Deadline, op: str, keep: bool) -> None:
        try:
            item = self._read(BUFFER_BYTES, deadline, op, pieces=False)
        except errors.ReceiveLimitExceeded as exc:
            if keep:
                self._delay([exc])  # for the reader
            return
        if keep:
            self._keep(item)

    def part_with(self, assoc_id: int) -> List[Item]:
        """Give away what was read early of an association that moves to a socket of its own."""
        if not self._pending or not self._turn.take_now():
            return []
        try:
            items = [i for i in self._pending if not isinstance(i, errors.Error) and i.assoc_id == assoc_id]
            for item in items:
                self._pending.remove(item)
            return items
        finally:
            self._release()

    def put_first(self, items: Sequence[Found]) -> None:
        """Have these items delivered first; while nobody else reads."""
        later = list(self._pending)
        self._pending.clear()
        self._delay([*map(_kept, items), *later])

    def _keep(self, item: Optional[Item]) -> None:
        if item is not None:
            self._delay([item])

    def catch_up(self) -> None:
        """Read everything that is queued into memory, to learn how the association ended."""
        if not self._turn.take_now():
            return  # whoever reads now hears it
        try:
            while True:
                try:
                    self._keep(self._read(BUFFER_BYTES, Deadline(0), "receive", pieces=False))
                except errors.ReceiveLimitExceeded as exc:
                    self._delay([exc])  # for the reader
        except errors.Error:
            pass  # nothing more, or the end: either is in `life` now
        finally:
            self._release()

    # -- reading

    def _take(self, deadline: Deadline, op: str) -> Item:
        while True:
            if self._pending:
                return self._pop(sys.maxsize)
            item = self._read(BUFFER_BYTES, deadline, op, pieces=False)
            if item is not None:
                return item

    def _read(
        self,
        size: int,
        deadline: Deadline,
        op: str,
        pieces: bool,
        peek: bool = False,
        room: Optional[Room] = None,
        view: Optional[memoryview] = None,
        limit: int = 0,
    ) -> Optional[Item]:
        """One native receive; None if what came is not (yet) for the user.

        room: to read into, size bytes long; None is the inbox's own. view: the same as Python has it, if data may
        stay there. limit: the longest message that is put together; 0 is `max_message_bytes`.
        """
        life = self.life
        self._check_alive(op)
        handle = self.handle
        if room is None:
            if self._room is None:
                self._room = handle.new_buffer(BUFFER_BYTES)
                self._view = self._room.view
                self._receive, self._words = handle.receiver(self._room)
            room, size = self._room, min(size, BUFFER_BYTES)
        while True:
            code = handle.recv(room, size, peek, 0 if life.over else deadline.shim_ms())
            if life.aborting:
                raise errors.from_code(-errno.EBADF, op, **self.where)
            if code >= 0:
                return self._got(handle.received(), room.view, pieces, peek, op, view, limit or self.max_message_bytes)
            if code != -errno.EINTR:
                self._failed(code, deadline, op)

    def _read_many(
        self, arena: Arena, shelf: Shelf, count: int, deadline: Deadline, op: str, views: bool
    ) -> List[Item]:
        """One native receive of many; what can't be given to the user now goes to the pending."""
        life = self.life
        while True:
            wait_ms = 0 if life.over else deadline.shim_ms()
            got = self.handle.recv_many(shelf, arena.least, count, wait_ms)
            if life.aborting:
                raise errors.from_code(-errno.EBADF, op, **self.where)
            if got >= 0:
                break
            if got != -errno.EINTR:
                self._failed(got, deadline, op)
        data = arena.lend(shelf) if views else shelf.view
        if got < MANY_OTHER and not self._parts and arena.size_bytes <= self.max_message_bytes:
            whole = _plain(shelf, got, data)
            arena.learn(False)
            if views:
                arena.lent([message.data for message in whole])
            return whole  # type: ignore[return-value]  # messages are items
        found = self._sorted(shelf, got % MANY_OTHER, data, op, arena)
        if views:
            arena.lent([getattr(item, "data", None) for item in found])
        for number, item in enumerate(found):
            if isinstance(item, errors.Error):  # it and what is behind it come in their turn
                self._delay(map(_kept, found[number:]))
                return found[:number]  # type: ignore[return-value]  # no error among them
        return found  # type: ignore[return-value]  # nor here

    def _sorted(self, shelf: Shelf, got: int, data: Any, op: str, arena: Arena) -> List[Found]:
        """What came: whole messages, notifications that are wanted, and errors."""
        found: List[Found] = []
        longest, cut_off = self.max_message_bytes, False
        for number, raw in enumerate(shelf.items(got)):
            flags, offset, length = raw[1], raw[13], raw[14]
            following = shelf.next_info(number) if flags & HAS_NEXT else None
            alone = not self._parts or key_of(raw) not in self._parts
            if raw[0] == KIND_DATA and flags & EOR and alone and length <= longest:
                found.append(received(data[offset : offset + length], raw, following))
                continue
            cut_off = cut_off or (length >= arena.least and not flags & EOR)
            try:
                item = self._got(raw, data[offset : offset + length], False, False, op, None, longest, following)
            except errors.Error as exc:
                found.append(exc.with_traceback(None))  # which would keep a part of data in use
            else:
                if item is not None:
                    found.append(item)
        arena.learn(cut_off)
        return found


def _plain(shelf: Shelf, count: int, data: Any) -> List[Message]:
    """A batch of whole messages without anything special. For every message: `messages.received` without its call."""
    found = []
    words, at = shelf.words, 0
    for offset, length in shelf.places(count):
        message = _new(Message)
        message.data = data[offset : offset + length]
        message._raw = words[at : at + _RECEIVED_BYTES]
        message._next = None
        found.append(message)
        at += RECEIVED_STEP
    return found


def _less_room(exc: errors.ReceiveLimitExceeded, view: memoryview) -> errors.ReceiveLimitExceeded:
    """The limit that was exceeded, or the memory if that is smaller."""
    return errors.ReceiveLimitExceeded(min(len(view), exc.limit_bytes), exc.length_bytes)


def _placed(item: Item, view: Optional[memoryview]) -> Item:
    """A message with its data in view, where it may be already."""
    if view is None or not isinstance(item, Message):
        return item
    data: Any = item.data
    if isinstance(data, memoryview):
        return item
    size = len(data)
    if size > len(view):
        raise errors.ReceiveLimitExceeded(len(view), size)
    view[:size] = data
    data = view[:size]
    item.data = data
    return item


def _cut(item: Item, size: int) -> Item:
    """At most size bytes of a message; notifications are never cut."""
    return cut(item, size) if isinstance(item, Message) and len(item.data) > size else item


def _kept(item: Found) -> Found:
    """Something for later, with its data out of memory that is going to be used again."""
    if isinstance(item, Message):
        item.data = bytes(item.data)
    return item
