"""Notifications: from what the shim gives to frozen objects, and error causes out of an ABORT's bytes.

Types and values that are new must come through as unknown with everything kept. The native side is in
tests/abi/test_decode.py.
"""

from __future__ import annotations

import dataclasses

import pytest

from sctpffi.addresses import Address
from sctpffi.backends.base import RawNotification
from sctpffi.enums import UNKNOWN, AssocChangeState, Cause, Event, PeerAddrState, PeerFeature
from sctpffi.notifications import (
    AssocChange,
    Notification,
    PeerAddrChange,
    ShutdownEvent,
    UnknownNotification,
    decode,
)

SOURCE = Address("10.0.0.2", 5000)
UP = (AssocChangeState.COMM_UP, AssocChangeState.RESTART)
DOWN = tuple(state for state in AssocChangeState if state not in UP)


def raw(**fields):
    """What the shim makes of a notification, with defaults for what a test does not care about."""
    plain = RawNotification(Event.ASSOC_CHANGE, 0, 1, 0, 10, 20, 7, None, b"", None, SOURCE, b"whole")
    return plain._replace(**fields)


def lost(causes: bytes) -> AssocChange:
    """A COMM_LOST with these cause bytes."""
    event = decode(raw(state=AssocChangeState.COMM_LOST, causes=causes))
    assert isinstance(event, AssocChange)
    return event


@pytest.mark.parametrize("state", UP)
def test_beginning_has_streams_and_features(state):
    """COMM_UP and RESTART tell the streams and what the peer supports, and no causes (RFC 6458 section 6.1.1)."""
    event = decode(raw(state=state, features=b"\x01\x05", causes=b"junk"))
    assert event == AssocChange(
        assoc_id=7,
        source=SOURCE,
        state=state,
        cause=Cause.NONE,
        out_streams=10,
        in_streams=20,
        features=frozenset({PeerFeature.PR, PeerFeature.RE_CONFIG}),
        info=b"",
    )
    assert event.type is Event.ASSOC_CHANGE


@pytest.mark.parametrize("state", DOWN)
def test_end_has_causes_and_no_streams(state):
    """All other states tell the cause; stream counts and features mean nothing there and are None."""
    event = decode(raw(state=state, error=12, features=b"\x01", causes=b"\0\x0c\0\x04"))
    assert (event.state, event.cause) == (state, Cause.USER_INITIATED_ABORT)
    assert (event.out_streams, event.in_streams, event.features) == (None, None, None)
    assert event.info == b"\0\x0c\0\x04"


def test_unknown_features_are_kept():
    """A feature byte without a name comes up as an unknown member; no bytes at all are an empty set."""
    (feature,) = decode(raw(features=b"\xc8")).features
    assert (int(feature), feature.known) == (200, False)
    assert decode(raw(features=b"")).features == frozenset()
    assert decode(raw(features=None)).features is None


def test_unknown_change_is_no_beginning():
    """A state without a name comes through, and is not taken for a beginning."""
    event = decode(raw(state=UNKNOWN | 9))
    assert (event.state.name, event.out_streams) == ("UNKNOWN_9", None)


@pytest.mark.parametrize("state", [*PeerAddrState, UNKNOWN | 99])
def test_peer_address_change(state):
    """PEER_ADDR_CHANGE tells which address, its state and the stack's reason (RFC 6458 section 6.1.2)."""
    address = Address("10.0.0.3", 5000)
    event = decode(raw(type=Event.PEER_ADDR_CHANGE, state=state, error=5, address=address))
    assert event == PeerAddrChange(7, SOURCE, address, PeerAddrState(state), 5)
    assert event.type is Event.PEER_ADDR_CHANGE


def test_shutdown_event():
    """SHUTDOWN_EVENT tells only whose (RFC 6458 section 6.1.5)."""
    event = decode(raw(type=Event.SHUTDOWN_EVENT))
    assert event == ShutdownEvent(7, SOURCE)
    assert event.type is Event.SHUTDOWN_EVENT


@pytest.mark.parametrize(
    "number",
    [e for e in Event if e not in (Event.ASSOC_CHANGE, Event.PEER_ADDR_CHANGE, Event.SHUTDOWN_EVENT)]
    + [UNKNOWN, UNKNOWN | 0x8123],
)
def test_types_without_a_class_keep_everything(number):
    """A type without a class of its own keeps its type, its flags and all its bytes."""
    event = decode(raw(type=number, flags=3))
    assert event == UnknownNotification(7, SOURCE, Event(number), 3, b"whole")
    assert event.type == number


def test_base_has_no_type():
    """The base class stands for no notification."""
    with pytest.raises(NotImplementedError):
        _ = Notification(1, None).type


@pytest.mark.parametrize("event", [decode(raw(type=t)) for t in (1, 2, 5, 9)], ids=lambda event: type(event).__name__)
def test_notifications_are_frozen_values(event):
    """A notification can't be changed, compares by value and can be put into a set."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.assoc_id = 8
    twin = dataclasses.replace(event)
    assert twin == event
    assert len({twin, event}) == 1
    assert dataclasses.replace(event, assoc_id=8) != event


@pytest.mark.parametrize(
    ("info", "causes"),
    [
        (b"", []),
        (b"\0\x0c\0\x04", [(Cause.USER_INITIATED_ABORT, b"")]),
        (b"\0\x0c\0\x07why", [(Cause.USER_INITIATED_ABORT, b"why")]),
        (b"\0\x0c\0\x07why\0", [(Cause.USER_INITIATED_ABORT, b"why")]),
        (
            b"\0\x0c\0\x05y\0\0\0\0\x01\0\x08\0\x05\0\0",
            [(Cause.USER_INITIATED_ABORT, b"y"), (Cause.INVALID_STREAM, b"\0\x05\0\0")],
        ),
        (b"\x12\x34\0\x05z", [(Cause(0x1234), b"z")]),
        (b"\0\x0d\xff\xff" + bytes(65531), [(Cause.PROTOCOL_VIOLATION, bytes(65531))]),
    ],
    ids=["none", "empty", "unpadded", "padded", "two", "unknown", "longest"],
)
def test_causes_are_read(info, causes):
    """Each cause has a code, a length and data, padded to four bytes (RFC 9260 section 3.3.10)."""
    assert lost(info).causes == causes


@pytest.mark.parametrize(
    "info",
    [
        b"\0",
        b"\0\x0c\0",
        b"\0\x0c\0\0",
        b"\0\x0c\0\x03",
        b"\0\x0c\0\x05",
        b"\0\x0c\0\x08why",
        b"\0\x0c\xff\xffwhy",
    ],
    ids=repr,
)
def test_malformed_causes_are_left_out(info):
    """A cause that is cut short, or whose length can't be, is left out; the bytes are still there."""
    event = lost(info)
    assert event.causes == []
    assert event.info == info


@pytest.mark.parametrize("junk", [b"\0", b"\0\x01\0", b"\0\x01\0\0", b"\0\x01\0\x02", b"\0\x01\0\x09data"], ids=repr)
def test_good_causes_before_malformed_ones_are_kept(junk):
    """What follows a malformed cause can't be told apart any more; what comes before it can."""
    assert lost(b"\0\x0c\0\x05y\0\0\0" + junk).causes == [(Cause.USER_INITIATED_ABORT, b"y")]
