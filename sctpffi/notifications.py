"""Notifications as frozen classes, one a type (RFC 6458 section 6.1, RFC 6525 section 6.1).

The shim has already made every number canonical; here are only the classes and the table from type to class.
A type without a class, from a stack newer than this library, comes as UnknownNotification with its bytes kept.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Callable, ClassVar, Dict, FrozenSet, List, Optional, Tuple

from sctpffi.addresses import Address
from sctpffi.backends.base import RawNotification
from sctpffi.causes import ErrorCause, cause_text, parse_causes
from sctpffi.enums import (
    AssocChangeState,
    AuthIndication,
    Cause,
    Event,
    FailedFlag,
    PartialDelivery,
    PeerAddrState,
    PeerFeature,
    Ppid,
    ResetFlag,
)


@dataclass(frozen=True)
class Notification:
    """The base of all notifications.

    assoc_id: the association; Linux gives 0 where it could not be set up.
    source: the peer's address that came with the notification, or None.
    """

    assoc_id: int
    source: Optional[Address]
    event: ClassVar[Event]

    @property
    def type(self) -> Event:
        """Which notification this is."""
        return self.event


@dataclass(frozen=True)
class AssocChange(Notification):
    """An association came up, ended, restarted or could not start (RFC 6458 section 6.1.1).

    state: what happened.
    cause: why, for COMM_LOST and CANT_STR_ASSOC (RFC 9260 section 3.3.10); `Cause.NONE` if the stack does
        not tell.
    out_streams, in_streams: how many were negotiated, for COMM_UP and RESTART; else None.
    features: what the peer supports, for COMM_UP and RESTART; None on Linux, which does not tell.
    info: the error causes of the peer's ABORT, each with its 4-byte header; empty if there was none.
    """

    event = Event.ASSOC_CHANGE
    state: AssocChangeState
    cause: Cause
    out_streams: Optional[int]
    in_streams: Optional[int]
    features: Optional[FrozenSet[PeerFeature]]
    info: bytes

    @property
    def causes(self) -> List[ErrorCause]:
        """The error causes in `info`, each with its data; what is malformed is left out."""
        return parse_causes(self.info)

    @property
    def text(self) -> str:
        """Why it ended, in words; empty if it did not, or ended gracefully."""
        if self.state not in (AssocChangeState.COMM_LOST, AssocChangeState.CANT_STR_ASSOC):
            return ""
        found = self.causes
        if found:
            return "; ".join(cause.text for cause in found)
        return cause_text(self.cause) if self.cause != Cause.NONE else "the peer did not answer"


@dataclass(frozen=True)
class PeerAddrChange(Notification):
    """An address of the peer changed its state (RFC 6458 section 6.1.2).

    address: which. state: to what. error: the stack's errno-like reason, 0 if none.
    """

    event = Event.PEER_ADDR_CHANGE
    address: Optional[Address]
    state: PeerAddrState
    error: int


@dataclass(frozen=True)
class RemoteError(Notification):
    """The peer sent an ERROR chunk (RFC 6458 section 6.1.3).

    cause: the first cause. info: all of them as they came, each with its 4-byte header.
    """

    event = Event.REMOTE_ERROR
    cause: Cause
    info: bytes

    @property
    def causes(self) -> List[ErrorCause]:
        """The error causes in `info`, each with its data; what is malformed is left out."""
        return parse_causes(self.info)

    @property
    def text(self) -> str:
        """The causes in words."""
        return "; ".join(cause.text for cause in self.causes) or cause_text(self.cause)


@dataclass(frozen=True)
class SendFailedEvent(Notification):
    """A message, or a part of it, could not be delivered (RFC 6458 section 6.1.11).

    flags: `FailedFlag`: whether it was sent, and which part of the message this is; a long message may fail in several
        notifications, and what was acknowledged is in none of them.
    cause: why, `Cause.NONE` when it was given up for its age or number of retransmissions.
    data: what was not delivered. stream, ppid, context: as they were given to send.
    """

    event = Event.SEND_FAILED_EVENT
    flags: FailedFlag
    cause: Cause
    data: bytes
    stream: int
    ppid: int
    context: int

    @property
    def sent(self) -> bool:
        """Whether it went out at least once, so that the peer may have got it."""
        return bool(self.flags & FailedFlag.SENT)

    @property
    def whole(self) -> bool:
        """Whether `data` is the whole message."""
        both = FailedFlag.FIRST | FailedFlag.LAST
        return self.flags & both == both

    @property
    def ppid_name(self) -> str:
        """The PPID's registered name, or UNKNOWN_n."""
        return str(Ppid(self.ppid))

    def __repr__(self) -> str:
        """As dataclasses write it, with the PPID's name."""
        values = ((part.name, getattr(self, part.name)) for part in fields(self))
        shown = (f"{name}={Ppid.shown(value) if name == 'ppid' else repr(value)}" for name, value in values)
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, repr=False)
class SendFailed(SendFailedEvent):
    """The deprecated form of SendFailedEvent (RFC 6458 section 6.1.4). ssn: the stream sequence number."""

    event = Event.SEND_FAILED
    ssn: int


@dataclass(frozen=True)
class ShutdownEvent(Notification):
    """The peer sent SHUTDOWN: it takes no more data (RFC 6458 section 6.1.5)."""

    event = Event.SHUTDOWN_EVENT


@dataclass(frozen=True)
class AdaptationIndication(Notification):
    """The peer's adaptation layer said something at set-up (RFC 6458 section 6.1.6). indication: its 32 bits."""

    event = Event.ADAPTATION_INDICATION
    indication: int


@dataclass(frozen=True)
class PartialDeliveryEvent(Notification):
    """A message of which a part was delivered will not be completed (RFC 6458 section 6.1.7).

    stream, ssn: of which message. indication: what happened.
    """

    event = Event.PARTIAL_DELIVERY_EVENT
    indication: PartialDelivery
    stream: int
    ssn: int


@dataclass(frozen=True)
class AuthenticationEvent(Notification):
    """Something happened to the keys of the association (RFC 6458 section 6.1.8).

    indication: what. key: the number that it is about. other_key: the number in use before, for NEW_KEY.
    """

    event = Event.AUTHENTICATION_EVENT
    indication: AuthIndication
    key: int
    other_key: int


@dataclass(frozen=True)
class SenderDryEvent(Notification):
    """Everything that was sent is acknowledged (RFC 6458 section 6.1.9)."""

    event = Event.SENDER_DRY_EVENT


@dataclass(frozen=True)
class NotificationsStopped(Notification):
    """The stack stopped to notify for lack of room (RFC 6458 section 6.1.10). No stack sends it yet."""

    event = Event.NOTIFICATIONS_STOPPED_EVENT


@dataclass(frozen=True)
class StreamResetEvent(Notification):
    """Streams were reset, or a request to do so was answered (RFC 6525 section 6.1.1).

    flags: the direction, INCOMING or OUTGOING, and DENIED or FAILED if nothing happened. streams: which; none is all.
    """

    event = Event.STREAM_RESET_EVENT
    flags: ResetFlag
    streams: Tuple[int, ...]

    @property
    def ok(self) -> bool:
        """Whether the streams were reset."""
        return not self.flags & (ResetFlag.DENIED | ResetFlag.FAILED)


@dataclass(frozen=True)
class AssocResetEvent(Notification):
    """The association was reset, or a request to do so was answered (RFC 6525 section 6.1.2).

    flags: DENIED or FAILED if nothing happened. local_tsn, remote_tsn: the next TSNs of either side.
    """

    event = Event.ASSOC_RESET_EVENT
    flags: ResetFlag
    local_tsn: int
    remote_tsn: int

    @property
    def ok(self) -> bool:
        """Whether the association was reset."""
        return not self.flags & (ResetFlag.DENIED | ResetFlag.FAILED)


@dataclass(frozen=True)
class StreamChangeEvent(Notification):
    """Streams were added, or a request to do so was answered (RFC 6525 section 6.1.3).

    flags: DENIED or FAILED if nothing happened. in_streams, out_streams: see docs/differences.md; `status()` has the
        numbers of now on every stack.
    """

    event = Event.STREAM_CHANGE_EVENT
    flags: ResetFlag
    in_streams: int
    out_streams: int

    @property
    def ok(self) -> bool:
        """Whether the streams were added."""
        return not self.flags & (ResetFlag.DENIED | ResetFlag.FAILED)


@dataclass(frozen=True)
class UnknownNotification(Notification):
    """A notification without a class of its own.

    kind: its type; a member UNKNOWN_n if this library has no name for it.
    flags: the flags as the stack gives them. data: all its bytes, in the stack's own layout.
    """

    kind: Event
    flags: int
    data: bytes

    @property
    def type(self) -> Event:
        """Which notification this is."""
        return self.kind


def _assoc_change(raw: RawNotification) -> Notification:
    state = AssocChangeState(raw.state)
    up = state in (AssocChangeState.COMM_UP, AssocChangeState.RESTART)
    features = None if raw.features is None else frozenset(PeerFeature(b) for b in raw.features)
    return AssocChange(
        assoc_id=raw.assoc_id,
        source=raw.source,
        state=state,
        cause=Cause(raw.error),
        out_streams=raw.out_streams if up else None,
        in_streams=raw.in_streams if up else None,
        features=features if up else None,
        info=b"" if up else raw.causes,
    )


def _failure(raw: RawNotification) -> Tuple[int, Optional[Address], FailedFlag, Cause, bytes, int, int, int]:
    flags = FailedFlag(raw.flags)
    return raw.assoc_id, raw.source, flags, Cause(raw.error), raw.undelivered, raw.sid, raw.ppid, raw.context


_DECODERS: Dict[int, Callable[[RawNotification], Notification]] = {
    Event.ASSOC_CHANGE: _assoc_change,
    Event.PEER_ADDR_CHANGE: lambda raw: PeerAddrChange(
        raw.assoc_id, raw.source, raw.address, PeerAddrState(raw.state), raw.error
    ),
    Event.REMOTE_ERROR: lambda raw: RemoteError(raw.assoc_id, raw.source, Cause(raw.error), raw.causes),
    Event.SEND_FAILED: lambda raw: SendFailed(*_failure(raw), raw.ssn),
    Event.SEND_FAILED_EVENT: lambda raw: SendFailedEvent(*_failure(raw)),
    Event.SHUTDOWN_EVENT: lambda raw: ShutdownEvent(raw.assoc_id, raw.source),
    Event.ADAPTATION_INDICATION: lambda raw: AdaptationIndication(raw.assoc_id, raw.source, raw.indication),
    Event.PARTIAL_DELIVERY_EVENT: lambda raw: PartialDeliveryEvent(
        raw.assoc_id, raw.source, PartialDelivery(raw.indication), raw.sid, raw.ssn
    ),
    Event.AUTHENTICATION_EVENT: lambda raw: AuthenticationEvent(
        raw.assoc_id, raw.source, AuthIndication(raw.indication), raw.key, raw.other_key
    ),
    Event.SENDER_DRY_EVENT: lambda raw: SenderDryEvent(raw.assoc_id, raw.source),
    Event.NOTIFICATIONS_STOPPED_EVENT: lambda raw: NotificationsStopped(raw.assoc_id, raw.source),
    Event.STREAM_RESET_EVENT: lambda raw: StreamResetEvent(raw.assoc_id, raw.source, ResetFlag(raw.flags), raw.streams),
    Event.ASSOC_RESET_EVENT: lambda raw: AssocResetEvent(
        raw.assoc_id, raw.source, ResetFlag(raw.flags), raw.local_tsn, raw.remote_tsn
    ),
    Event.STREAM_CHANGE_EVENT: lambda raw: StreamChangeEvent(
        raw.assoc_id, raw.source, ResetFlag(raw.flags), raw.in_streams, raw.out_streams
    ),
}


def decode(raw: RawNotification) -> Notification:
    """The notification's object; never fails on a type or value that is new."""
    decoder = _DECODERS.get(raw.type)
    if decoder is not None:
        return decoder(raw)
    return UnknownNotification(raw.assoc_id, raw.source, Event(raw.type), raw.flags, raw.data)
