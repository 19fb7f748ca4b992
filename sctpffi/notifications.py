"""Notifications as frozen classes, one a type (RFC 6458 section 6.1).

The shim has already made every number canonical; here are only the classes and the table from type to class.
Types without a class of their own come as UnknownNotification with the raw bytes kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, FrozenSet, List, Optional, Tuple

from sctpffi.addresses import Address
from sctpffi.backends.base import RawNotification
from sctpffi.enums import AssocChangeState, Cause, Event, PeerAddrState, PeerFeature


@dataclass(frozen=True)
class Notification:
    """The base of all notifications.

    assoc_id: the association; Linux gives 0 where it could not be set up.
    source: the peer's address that came with the notification, or None.
    """

    assoc_id: int
    source: Optional[Address]

    @property
    def type(self) -> Event:
        """Which notification this is."""
        raise NotImplementedError  # each class says it


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

    state: AssocChangeState
    cause: Cause
    out_streams: Optional[int]
    in_streams: Optional[int]
    features: Optional[FrozenSet[PeerFeature]]
    info: bytes

    @property
    def type(self) -> Event:
        """`Event.ASSOC_CHANGE`."""
        return Event.ASSOC_CHANGE

    @property
    def causes(self) -> List[Tuple[Cause, bytes]]:
        """The error causes in `info`, each with its data; what is malformed is left out."""
        found = []
        rest = self.info
        while len(rest) >= 4:
            length = int.from_bytes(rest[2:4], "big")
            if length < 4 or length > len(rest):
                break
            found.append((Cause(int.from_bytes(rest[:2], "big")), rest[4:length]))
            rest = rest[(length + 3) & ~3 :]
        return found


@dataclass(frozen=True)
class PeerAddrChange(Notification):
    """An address of the peer changed its state (RFC 6458 section 6.1.2).

    address: which. state: to what. error: the stack's errno-like reason, 0 if none.
    """

    address: Optional[Address]
    state: PeerAddrState
    error: int

    @property
    def type(self) -> Event:
        """`Event.PEER_ADDR_CHANGE`."""
        return Event.PEER_ADDR_CHANGE


@dataclass(frozen=True)
class ShutdownEvent(Notification):
    """The peer sent SHUTDOWN: it takes no more data (RFC 6458 section 6.1.5)."""

    @property
    def type(self) -> Event:
        """`Event.SHUTDOWN_EVENT`."""
        return Event.SHUTDOWN_EVENT


@dataclass(frozen=True)
class UnknownNotification(Notification):
    """A notification without a class of its own.

    event: its type; a member UNKNOWN_n if this library has no name for it.
    flags: the flags as the stack gives them. data: all its bytes, in the stack's own layout.
    """

    event: Event
    flags: int
    data: bytes

    @property
    def type(self) -> Event:
        """Which notification this is."""
        return self.event


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


def _peer_addr_change(raw: RawNotification) -> Notification:
    return PeerAddrChange(raw.assoc_id, raw.source, raw.address, PeerAddrState(raw.state), raw.error)


def _shutdown_event(raw: RawNotification) -> Notification:
    return ShutdownEvent(raw.assoc_id, raw.source)


_DECODERS: Dict[int, Callable[[RawNotification], Notification]] = {
    Event.ASSOC_CHANGE: _assoc_change,
    Event.PEER_ADDR_CHANGE: _peer_addr_change,
    Event.SHUTDOWN_EVENT: _shutdown_event,
}


def decode(raw: RawNotification) -> Notification:
    """The notification's object; never fails on a type or value that is new."""
    decoder = _DECODERS.get(raw.type)
    if decoder is not None:
        return decoder(raw)
    return UnknownNotification(raw.assoc_id, raw.source, Event(raw.type), raw.flags, raw.data)
