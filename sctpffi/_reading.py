"""Reader: what becomes of what the stack gives: pieces, notifications, ends and errors.

Knows one receive at a time. Whose turn it is, what was read early and what users ask for is in `inbox.py`.
"""

from __future__ import annotations

import errno
from typing import Any, Callable, Dict, List, NoReturn, Optional, Tuple, Union

from sctpffi import errors
from sctpffi._wait import Deadline
from sctpffi.addresses import from_raw
from sctpffi.backends.base import Handle, Raw, RawNext
from sctpffi.enums import AssocChangeState, Event
from sctpffi.lifecycle import Life, Phase
from sctpffi.messages import Message, received
from sctpffi.notifications import AssocChange, Notification, decode
from sctpffi.subscriptions import Wanted

Item = Union[Message, Notification]
KIND_DATA, KIND_NOTIFICATION, KIND_EOF = 0, 1, 2
EOR, UNORDERED, HAS_NEXT = 1, 2, 8
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


def key_of(raw: Raw) -> Tuple[int, int, int]:
    """What the pieces of one message have in common: association, stream and order."""
    return raw[8], raw[2], raw[1] & UNORDERED


class Reader:
    """Makes messages and notifications of what one receive gave. Not locked: one thread at a time."""

    def __init__(self, handle: Handle, life: Life, one_association: bool) -> None:
        self.handle = handle
        self.life = life
        self.one_association = one_association
        self.wanted = Wanted()
        self.max_message_bytes = 64 * 1024 * 1024
        self.where: Dict[str, Any] = {}  # local and remote, for errors
        self.on_change: Optional[Callable[[AssocChange], None]] = None  # hears every change, by the reader's thread
        self._parts: Dict[Tuple[int, int, int], _Parts] = {}
        self._note: List[bytes] = []  # pieces of a notification longer than the buffer

    def _tell(self) -> None:
        """Somebody waits for a change of an association."""

    def _no_time(self, deadline: Deadline, op: str) -> errors.SctpOSError:
        cls = errors.WouldBlock if deadline.seconds == 0 else errors.WaitTimeout
        return errors.build(cls, op, **self.where)

    def _check_alive(self, op: str) -> None:
        """Raise what receiving answers where there is nothing to be received."""
        life = self.life
        if life.over and life.drained:
            self._check_open(op)
            raise life.receive_error(op, **self.where)
        if life.phase is Phase.NEW and self.one_association:
            self._check_open(op)
            raise errors.build(errors.NotConnected, op, detail="there is no association", **self.where)

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
        self,
        raw: Raw,
        came: Any,
        pieces: bool,
        peek: bool,
        op: str,
        view: Optional[memoryview],
        limit: int,
        following: Optional[RawNext] = None,
    ) -> Optional[Item]:
        """What one receive gave. came: its bytes, or more; following: what comes after it, if it was one of many."""
        kind, flags, size = raw[0], raw[1], raw[14]
        if kind == KIND_EOF:
            self.life.end()
            raise self.life.receive_error(op, **self.where)
        if view is not None and kind != KIND_NOTIFICATION and (pieces or flags & EOR):
            data: Any = view[:size]  # where it stays
        else:
            data = bytes(came[:size])
            if kind == KIND_NOTIFICATION:
                return self._notification(data, flags, peek, raw[9:13])
            if not pieces and (not flags & EOR or self._parts or size > limit):
                data = self._assemble(key_of(raw), raw[3], data, bool(flags & EOR), limit)
                if data is None:
                    return None
        if flags & HAS_NEXT and following is None:
            following = self.handle.next_info()
        return received(data, raw, following)

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
            if not flags & EOR:
                return None  # longer than the buffer: put together by taking it off
            return self._shown(decode(self.handle.decode(data, from_raw(*raw_source))))
        self._note.append(data)
        if not flags & EOR:
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
            self._tell()
        state = event.state if isinstance(event, AssocChange) else None
        ended = state in _ENDED
        if ended and state is not AssocChangeState.RESTART:
            self.wanted.forget(event.assoc_id)
        if ended or event.type is Event.PARTIAL_DELIVERY_EVENT:
            for key in [k for k in self._parts if k[0] == event.assoc_id]:
                del self._parts[key]  # the rest of a half-delivered message never comes


def _end_error(code: int, op: str) -> errors.SctpOSError:
    if code == -errno.EHOSTUNREACH:
        return errors.build(errors.AssociationTimedOut, op)
    error = errors.from_code(code, op)
    assert isinstance(error, errors.SctpOSError)
    return error
