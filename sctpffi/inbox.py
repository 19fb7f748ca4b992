"""Inbox: the receiving half of a socket. Reads, reassembles messages, hears notifications, answers ends.

One reader at a time holds its lock. It decides what comes next out of the queue; `sockets.py` decides what is
subscribed and how long to wait. No address parsing, no sending.
"""

from __future__ import annotations

import copy
import errno
import sys
import threading
from collections import deque
from typing import Any, Callable, Deque, Dict, List, NoReturn, Optional, Tuple, Union

from sctpffi import errors
from sctpffi._wait import Deadline
from sctpffi.addresses import from_raw
from sctpffi.backends.base import Handle
from sctpffi.enums import AssocChangeState, Event
from sctpffi.lifecycle import Life, Phase
from sctpffi.messages import Message
from sctpffi.notifications import AssocChange, Notification, decode
from sctpffi.subscriptions import Wanted

Item = Union[Message, Notification]
BUFFER_BYTES = 65536
_TURN_S = 0.05  # how long one who waits for an association reads before he looks whether others want to
_KIND_NOTIFICATION, _KIND_EOF = 1, 2
_EOR, _UNORDERED, _NEXT = 1, 2, 8
_ENDED = frozenset({AssocChangeState.COMM_LOST, AssocChangeState.SHUTDOWN_COMP, AssocChangeState.RESTART})
_ENDS = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.ETIMEDOUT, errno.ECONNREFUSED, errno.EHOSTUNREACH})
_NO_ASSOCIATION = frozenset({errno.ENOTCONN, errno.EPIPE, errno.ENOENT, errno.ESHUTDOWN, errno.EINVAL})


class _Parts:
    """A message that is being put together from pieces."""

    __slots__ = ("pieces", "size", "ssn", "over")

    def __init__(self, ssn: int) -> None:
        self.ssn = ssn
        self.pieces: List[bytes] = []
        self.size = 0
        self.over: Optional[int] = None  # the limit that it exceeded


class Inbox:
    """What a socket has to read. Public calls may come from any thread; one at a time reads."""

    def __init__(self, handle: Handle, life: Life, one_association: bool) -> None:
        self.handle = handle
        self.life = life
        self.one_association = one_association
        self.wanted = Wanted()
        self.max_message_bytes = 64 * 1024 * 1024
        self.where: Dict[str, Any] = {}  # local and remote, for errors
        self.on_change: Optional[Callable[[AssocChange], None]] = None  # hears every change, by the reader's thread
        self._lock = threading.Lock()
        self._changed = threading.Condition()  # for `until`: somebody has read, or an association has changed
        self._watchers = 0  # who waits for it
        self._queueing = 0  # readers that wait for their turn
        self._pending: Deque[Union[Item, errors.Error]] = deque()  # read early; an error is raised in its turn
        self._parts: Dict[Tuple[int, int, int], _Parts] = {}
        self._note: List[bytes] = []  # pieces of a notification longer than the buffer
        self._buffer: Any = None

    # -- taking turns

    def _acquire(self, deadline: Deadline, op: str) -> None:
        if self._lock.acquire(blocking=False):
            return
        left = deadline.left_ms()
        with self._changed:
            self._queueing += 1
        try:
            taken = self._lock.acquire(timeout=-1 if left < 0 else left / 1000)
        finally:
            with self._changed:
                self._queueing -= 1
        if not taken:
            raise self._no_time(deadline, op)

    def _release(self) -> None:
        self._lock.release()
        if self._watchers:
            self._tell()

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _no_time(self, deadline: Deadline, op: str) -> errors.SctpOSError:
        cls = errors.WouldBlock if deadline.seconds == 0 else errors.WaitTimeout
        return errors.build(cls, op, **self.where)

    # -- what callers use

    def take(self, deadline: Deadline, op: str) -> Item:
        """The next whole message, or notification that is wanted."""
        self._acquire(deadline, op)
        try:
            return self._take(deadline, op)
        finally:
            self._release()

    def take_into(self, view: memoryview, deadline: Deadline, op: str) -> Item:
        """As `take`, but a message lies in the caller's memory, and its data is that part of view.

        A message that comes whole is read there at once; of pieces nobody knows yet whose they are, or what follows.
        """
        self._acquire(deadline, op)
        try:
            with self.handle.as_buffer(view) as buffer:
                limit = max(len(view), self.max_message_bytes)  # of what is put together: it may be another message
                while True:
                    if self._pending:
                        return _placed(self._pop(sys.maxsize), view)
                    if self._parts:
                        item = self._read(BUFFER_BYTES, deadline, op, pieces=False, limit=limit)
                    else:
                        item = self._read(len(view), deadline, op, False, buffer=buffer, view=view, limit=limit)
                    if item is not None:
                        return _placed(item, view)
        except errors.ReceiveLimitExceeded as exc:
            raise errors.ReceiveLimitExceeded(min(len(view), exc.limit_bytes), exc.length_bytes) from None
        finally:
            self._release()

    def take_piece(
        self, size: int, deadline: Deadline, op: str, buffer: Any = None, view: Optional[memoryview] = None
    ) -> Item:
        """The next piece of a message, at most size bytes of it, or notification.

        buffer, view: memory of that size to read into, as `_read` takes them; view: to leave a message's data there.
        """
        self._acquire(deadline, op)
        try:
            while True:
                if self._pending:
                    return _placed(self._pop(size), view)
                if self._parts:  # who reads whole messages has taken the beginning of one
                    self._keep(self._read(BUFFER_BYTES, deadline, op, pieces=False))
                    continue
                item = self._read(size, deadline, op, pieces=True, buffer=buffer, view=view)
                if item is not None:
                    return item
        finally:
            self._release()

    def holds(self) -> bool:
        """Whether something was read that nobody has got yet."""
        return bool(self._pending or self._parts or self._note)

    def _pop(self, size: int) -> Item:
        """The first pending item; of a message at most size bytes, the rest stays."""
        item = self._pending.popleft()
        if isinstance(item, errors.Error):
            raise item
        if isinstance(item, Message) and len(item.data) > size:
            rest = copy.copy(item)
            rest.data = item.data[size:]
            self._pending.appendleft(rest)
            item = _cut(item, size)
        return item

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
        if not self._lock.acquire(blocking=False):
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
            if not (self._queueing and self._pending) and self._lock.acquire(blocking=False):
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
                busy = self._lock.locked() or (self._queueing and self._pending)
                if busy and not done() and not self._changed.wait(deadline.left()):
                    raise self._no_time(deadline, op)
            finally:
                self._watchers -= 1

    def store(self, op: str, keep: bool = True) -> bool:
        """Read one item, to be delivered later or thrown away, without waiting; whether there was something to read."""
        if not self._lock.acquire(blocking=False):
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
                self._pending.append(exc)  # for the reader
            return
        if keep:
            self._keep(item)

    def part_with(self, assoc_id: int) -> List[Item]:
        """Give away what was read early of an association that moves to a socket of its own."""
        if not self._pending or not self._lock.acquire(blocking=False):
            return []
        try:
            items = [i for i in self._pending if not isinstance(i, errors.Error) and i.assoc_id == assoc_id]
            for item in items:
                self._pending.remove(item)
            return items
        finally:
            self._release()

    def put_first(self, items: List[Item]) -> None:
        """Have these items delivered first; of a socket that nobody else has yet."""
        self._pending.extendleft(reversed(items))

    def _keep(self, item: Optional[Item]) -> None:
        if item is not None:
            self._pending.append(item)

    def catch_up(self) -> None:
        """Read everything that is queued into memory, to learn how the association ended."""
        if not self._lock.acquire(blocking=False):
            return  # whoever reads now hears it
        try:
            while True:
                try:
                    self._keep(self._read(BUFFER_BYTES, Deadline(0), "receive", pieces=False))
                except errors.ReceiveLimitExceeded as exc:
                    self._pending.append(exc)  # for the reader
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
        buffer: Any = None,
        view: Optional[memoryview] = None,
        limit: int = 0,
    ) -> Optional[Item]:
        """One native receive; None if what came is not (yet) for the user.

        buffer: to read into, size bytes long; None is the inbox's own. view: the same as Python has it, if data may
        stay there. limit: the longest message that is put together; 0 is `max_message_bytes`.
        """
        life = self.life
        if life.over and life.drained:
            self._check_open(op)
            raise life.receive_error(op, **self.where)
        if life.phase is Phase.NEW and self.one_association:
            self._check_open(op)
            raise errors.build(errors.NotConnected, op, detail="there is no association", **self.where)
        handle = self.handle
        if buffer is None:
            if self._buffer is None:
                self._buffer = handle.new_buffer(BUFFER_BYTES)
            buffer, size = self._buffer, min(size, BUFFER_BYTES)
        while True:
            code = handle.recv(buffer, size, peek, 0 if life.over else deadline.shim_ms())
            if life.aborting:
                raise errors.from_code(-errno.EBADF, op, **self.where)
            if code >= 0:
                return self._got(code, pieces, peek, op, buffer, view, limit or self.max_message_bytes)
            if code != -errno.EINTR:
                self._failed(code, deadline, op)

    def _check_open(self, op: str) -> None:
        """Where no stack is going to be asked, which would say so."""
        if self.handle.wait(1, 0) == -errno.EBADF:
            raise errors.from_code(-errno.EBADF, op, **self.where)

    def _failed(self, code: int, deadline: Deadline, op: str) -> NoReturn:
        life = self.life
        if code == -errno.EAGAIN and not life.over:
            raise self._no_time(deadline, op)
        if not self.one_association or code == -errno.EBADF:
            raise errors.from_code(code, op, **self.where)
        if -code in _ENDS:
            # ECONNABORTED is an ABORT of our own stack, for a reason that a notification before it told.
            if code != -errno.ECONNABORTED or not life.over:
                life.fail(_end_error(code, op))
        elif -code in _NO_ASSOCIATION or code == -errno.EAGAIN:
            if not life.over:
                raise errors.build(errors.NotConnected, op, detail="there is no association", **self.where)
        else:
            raise errors.from_code(code, op, **self.where)
        life.drained = True
        raise life.receive_error(op, **self.where)

    def _got(
        self, size: int, pieces: bool, peek: bool, op: str, buffer: Any, view: Optional[memoryview], limit: int
    ) -> Optional[Item]:
        kind, flags, sid, ssn, ppid, tsn, cumtsn, context, assoc_id, family, port, scope, ip = self.handle.received()
        if kind == _KIND_EOF:
            self.life.end()
            raise self.life.receive_error(op, **self.where)
        if view is not None and kind != _KIND_NOTIFICATION and (pieces or flags & _EOR):
            data: Any = view[:size]  # where it stays
        else:
            data = self.handle.take_bytes(buffer, size)
            if kind == _KIND_NOTIFICATION:
                return self._notification(data, flags, peek, (family, port, scope, ip))
            if not pieces and (not flags & _EOR or self._parts or size > limit):
                data = self._assemble((assoc_id, sid, flags & _UNORDERED), ssn, data, bool(flags & _EOR), limit)
                if data is None:
                    return None
        raw_next = None
        if flags & _NEXT:
            flags, raw_next = flags & ~_NEXT, self.handle.next_info()
        return Message(data, sid, ssn, ppid, tsn, cumtsn, flags, context, assoc_id, (family, port, scope, ip), raw_next)

    def _assemble(self, key: Tuple[int, int, int], ssn: int, piece: bytes, last: bool, limit: int) -> Optional[bytes]:
        """Add a piece; the whole message with its last piece. Pieces of other associations may lie between."""
        parts = self._parts.get(key)
        if parts is None or (parts.ssn != ssn and not key[2]):  # else abandoned half-way (RFC 3758 section 3.6)
            parts = self._parts[key] = _Parts(ssn)
        parts.size += len(piece)
        if parts.over is None:
            parts.pieces.append(piece)
            if parts.size > limit:
                parts.over = limit
                parts.pieces = []  # dropped, and read to its end, so that the next message is intact
        if not last:
            return None
        del self._parts[key]
        if parts.over is not None:
            raise errors.ReceiveLimitExceeded(parts.over, parts.size)
        return b"".join(parts.pieces)

    def _notification(
        self, data: bytes, flags: int, peek: bool, raw_source: Tuple[int, int, int, bytes]
    ) -> Optional[Notification]:
        if peek:
            if not flags & _EOR:
                return None  # longer than the buffer: put together by taking it off
            return self._shown(decode(self.handle.decode(data, from_raw(*raw_source))))
        self._note.append(data)
        if not flags & _EOR:
            return None
        data = b"".join(self._note)
        self._note = []
        event = decode(self.handle.decode(data, from_raw(*raw_source)))
        shown = self._shown(event)
        self._hear(event)
        return shown

    def _shown(self, event: Notification) -> Optional[Notification]:
        return event if self.wanted.shows(event) else None

    def _hear(self, event: Notification) -> None:
        if self.one_association:
            self.life.hear(event)
        if isinstance(event, AssocChange):
            if self.on_change is not None:
                self.on_change(event)
            if self._watchers:
                self._tell()
        state = event.state if isinstance(event, AssocChange) else None
        ended = state in _ENDED
        if ended and state is not AssocChangeState.RESTART:
            self.wanted.forget(event.assoc_id)
        if ended or event.type is Event.PARTIAL_DELIVERY_EVENT:
            for key in [k for k in self._parts if k[0] == event.assoc_id]:
                del self._parts[key]  # the rest of a half-delivered message never comes


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
    if not isinstance(item, Message) or len(item.data) <= size:
        return item
    piece = copy.copy(item)
    piece.data, piece.flags = item.data[:size], item.flags & ~_EOR
    return piece


def _end_error(code: int, op: str) -> errors.SctpOSError:
    if code == -errno.EHOSTUNREACH:
        return errors.build(errors.AssociationTimedOut, op)
    error = errors.from_code(code, op)
    assert isinstance(error, errors.SctpOSError)
    return error
