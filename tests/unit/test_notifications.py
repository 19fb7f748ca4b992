"""Notifications: from what the shim gives to frozen objects, one class a type.

Types and values that are new must come through as unknown with everything kept. The native side is in
tests/abi/test_decode.py, error causes are in test_causes.py.
"""

from __future__ import annotations

import dataclasses

import pytest

import sctpffi
from sctpffi import notifications
from sctpffi.addresses import Address
from sctpffi.backends.base import RawNotification
from sctpffi.enums import (
    UNKNOWN,
    AssocChangeState,
    AuthIndication,
    Cause,
    Event,
    FailedFlag,
    PartialDelivery,
    PeerAddrState,
    PeerFeature,
    ResetFlag,
)
from sctpffi.notifications import (
    AdaptationIndication,
    AssocChange,
    AssocResetEvent,
    AuthenticationEvent,
    Notification,
    NotificationsStopped,
    PartialDeliveryEvent,
    PeerAddrChange,
    RemoteError,
    SenderDryEvent,
    SendFailed,
    SendFailedEvent,
    ShutdownEvent,
    StreamChangeEvent,
    StreamResetEvent,
    UnknownNotification,
    decode,
)

SOURCE = Address("10.0.0.2", 5000)
UP = (AssocChangeState.COMM_UP, AssocChangeState.RESTART)
DOWN = tuple(state for state in AssocChangeState if state not in UP)
WHY = b"\0\x0c\0\x07why\0"  # cause 12 (RFC 9260 section 3.3.10.12)
# Fields of RawNotification that a type has, and what becomes of them.
CASES = [
    (Event.REMOTE_ERROR, {"error": 12, "causes": WHY}, RemoteError(7, SOURCE, Cause.USER_INITIATED_ABORT, WHY)),
    (
        Event.SEND_FAILED_EVENT,
        {"flags": 0x32, "error": 0, "undelivered": b"data", "sid": 3, "ppid": 46, "context": 9},
        SendFailedEvent(7, SOURCE, FailedFlag.SENT | FailedFlag.FIRST | FailedFlag.LAST, Cause.NONE, b"data", 3, 46, 9),
    ),
    (
        Event.SEND_FAILED,
        {"flags": 0x11, "error": 1, "undelivered": b"data", "sid": 3, "ssn": 4, "ppid": 46, "context": 9},
        SendFailed(7, SOURCE, FailedFlag.UNSENT | FailedFlag.FIRST, Cause.INVALID_STREAM, b"data", 3, 46, 9, 4),
    ),
    (Event.SHUTDOWN_EVENT, {}, ShutdownEvent(7, SOURCE)),
    (Event.ADAPTATION_INDICATION, {"indication": 0xFFFFFFFF}, AdaptationIndication(7, SOURCE, 0xFFFFFFFF)),
    (
        Event.PARTIAL_DELIVERY_EVENT,
        {"indication": 1, "sid": 3, "ssn": 4},
        PartialDeliveryEvent(7, SOURCE, PartialDelivery.ABORTED, 3, 4),
    ),
    (
        Event.AUTHENTICATION_EVENT,
        {"indication": 3, "key": 8, "other_key": 9},
        AuthenticationEvent(7, SOURCE, AuthIndication.FREE_KEY, 8, 9),
    ),
    (Event.SENDER_DRY_EVENT, {}, SenderDryEvent(7, SOURCE)),
    (Event.NOTIFICATIONS_STOPPED_EVENT, {}, NotificationsStopped(7, SOURCE)),
    (
        Event.STREAM_RESET_EVENT,
        {"flags": 3, "streams": (1, 65535)},
        StreamResetEvent(7, SOURCE, ResetFlag.INCOMING | ResetFlag.OUTGOING, (1, 65535)),
    ),
    (
        Event.ASSOC_RESET_EVENT,
        {"flags": 8, "local_tsn": 2**32 - 1, "remote_tsn": 1},
        AssocResetEvent(7, SOURCE, ResetFlag.FAILED, 2**32 - 1, 1),
    ),
    (
        Event.STREAM_CHANGE_EVENT,
        {"flags": 0, "in_streams": 11, "out_streams": 12},
        StreamChangeEvent(7, SOURCE, ResetFlag.NONE, 11, 12),
    ),
]
CLASSES = [c for c in vars(notifications).values() if isinstance(c, type) and issubclass(c, Notification)]


def raw(**fields):
    """What the shim makes of a notification, with defaults for what a test does not care about."""
    plain = RawNotification(
        Event.ASSOC_CHANGE, state=1, out_streams=10, in_streams=20, assoc_id=7, source=SOURCE, data=b"whole"
    )
    return plain._replace(**fields)


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


@pytest.mark.parametrize(("kind", "fields", "event"), CASES, ids=[case[0].name for case in CASES])
def test_each_type_has_its_class(kind, fields, event):
    """Each type of notification becomes an object of its own class (RFC 6458 section 6.1, RFC 6525 section 6.1)."""
    found = decode(raw(**{"out_streams": 0, "in_streams": 0, **fields, "type": kind}))
    assert type(found) is type(event)
    assert found == event
    assert found.type is found.event is kind


def test_every_type_is_decoded_above():
    """No type of notification and no class is left out; the two with states have tests of their own."""
    tested = {case[0] for case in CASES} | {Event.ASSOC_CHANGE, Event.PEER_ADDR_CHANGE}
    assert tested == set(Event) == set(notifications._DECODERS)
    classes = {type(case[2]) for case in CASES} | {AssocChange, PeerAddrChange, Notification, UnknownNotification}
    assert classes == set(CLASSES)


@pytest.mark.parametrize("cls", CLASSES)
def test_classes_are_public_and_explained(cls):
    """Each class is there for isinstance under its name in the package, and its docstring tells the section."""
    assert getattr(sctpffi, cls.__name__) is cls
    assert cls.__name__ in sctpffi.__all__
    assert "RFC" in cls.__dict__["__doc__"] or cls in (Notification, UnknownNotification)


@pytest.mark.parametrize("number", [UNKNOWN, UNKNOWN | 0x8123, UNKNOWN | 15, 15])
def test_types_without_a_class_keep_everything(number):
    """A type without a class of its own keeps its type, its flags and all its bytes."""
    event = decode(raw(type=number, flags=3))
    assert event == UnknownNotification(7, SOURCE, Event(number), 3, b"whole")
    assert event.type == number


def test_base_has_no_type():
    """The base class stands for no notification."""
    with pytest.raises(AttributeError):
        _ = Notification(1, None).type


@pytest.mark.parametrize(
    ("flags", "sent", "whole"),
    [
        (0, False, False),
        (FailedFlag.UNSENT, False, False),
        (FailedFlag.SENT, True, False),
        (FailedFlag.UNSENT | FailedFlag.FIRST, False, False),
        (FailedFlag.SENT | FailedFlag.LAST, True, False),
        (FailedFlag.UNSENT | FailedFlag.FIRST | FailedFlag.LAST, False, True),
        (FailedFlag.SENT | FailedFlag.FIRST | FailedFlag.LAST | 0x40, True, True),
    ],
)
def test_failed_message_tells_what_became_of_it(flags, sent, whole):
    """`sent` and `whole` tell whether it went out, and whether all of it is here (RFC 6458 section 6.1.11)."""
    for kind in (Event.SEND_FAILED_EVENT, Event.SEND_FAILED):
        event = decode(raw(type=kind, flags=int(flags)))
        assert (event.sent, event.whole) == (sent, whole)


@pytest.mark.parametrize("kind", [Event.STREAM_RESET_EVENT, Event.ASSOC_RESET_EVENT, Event.STREAM_CHANGE_EVENT])
@pytest.mark.parametrize(("flags", "ok"), [(0, True), (1, True), (3, True), (4, False), (8, False), (6, False)])
def test_reconfiguration_tells_whether_it_was_done(kind, flags, ok):
    """`ok` is False for what was denied or failed (RFC 6525 section 6.1)."""
    assert decode(raw(type=kind, flags=flags)).ok is ok


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (Event.PARTIAL_DELIVERY_EVENT, "indication"),
        (Event.AUTHENTICATION_EVENT, "indication"),
        (Event.PEER_ADDR_CHANGE, "state"),
    ],
)
def test_values_without_a_name_come_through(kind, field):
    """A value that this library has no name for keeps its number, and is no exception."""
    event = decode(raw(type=kind, **{field: UNKNOWN | 9}))
    assert (getattr(event, field).name, getattr(event, field).known) == ("UNKNOWN_9", False)


def test_flags_without_a_name_are_kept():
    """A flag that this library has no name for stays in the flags."""
    assert int(decode(raw(type=Event.STREAM_RESET_EVENT, flags=0x80)).flags) == 0x80
    assert int(decode(raw(type=Event.SEND_FAILED_EVENT, flags=0x102)).flags) == 0x102


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"state": 1}, ""),
        ({"state": 4}, ""),
        ({"state": 2}, "the peer did not answer"),
        ({"state": 5}, "the peer did not answer"),
        ({"state": 2, "error": 13}, "protocol violation"),
        ({"state": 2, "error": 12, "causes": WHY}, "user-initiated abort: 'why'"),
        ({"state": 2, "error": 12, "causes": b"\0\x01\0\x08\0\x05\0\0" + WHY},
         "invalid stream identifier: stream 5; user-initiated abort: 'why'"),
        ({"state": 2, "error": 12, "causes": b"\0\x0c"}, "user-initiated abort"),
    ],
    ids=str,
)  # fmt: skip
def test_change_tells_why_in_words(fields, text):
    """`text` of an end is its causes, or the code alone, or that nobody answered (RFC 9260 sections 3.3.10, 8.1)."""
    assert decode(raw(**fields)).text == text


def test_remote_error_tells_why_in_words():
    """`text` of an ERROR chunk is its causes, or the code alone (RFC 9260 section 3.3.10)."""
    assert decode(raw(type=Event.REMOTE_ERROR, error=12, causes=WHY)).text == "user-initiated abort: 'why'"
    assert decode(raw(type=Event.REMOTE_ERROR, error=9)).text == "no user data"
    assert decode(raw(type=Event.REMOTE_ERROR, error=0x1234)).text == "cause 4660"


@pytest.mark.parametrize(
    "event", [decode(raw(type=t)) for t in (*Event, UNKNOWN | 99)], ids=lambda event: type(event).__name__
)
def test_notifications_are_frozen_values(event):
    """A notification can't be changed, compares by value and can be put into a set."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.assoc_id = 8
    twin = dataclasses.replace(event)
    assert twin == event
    assert len({twin, event}) == 1
    assert dataclasses.replace(event, assoc_id=8) != event
