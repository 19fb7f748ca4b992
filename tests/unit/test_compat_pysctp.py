"""sctpffi.compat.pysctp without a stack: its value classes, and conversions that no stack can be made to show.

Its names are in test_compat_pysctp_names.py; what it does on a stack is in tests/contract.
"""

from __future__ import annotations

import copy
import socket

import pytest

import sctpffi
import sctpffi.compat.pysctp as sctp
from sctpffi import (
    Address,
    AssocChange,
    AssocChangeState,
    Event,
    FailedFlag,
    Message,
    MsgFlag,
    PartialDelivery,
    PartialDeliveryEvent,
    PathFlag,
    PathParams,
    PeerAddrChange,
    PeerAddrState,
    RemoteError,
    SendFailed,
    UnknownNotification,
    errors,
)
from sctpffi.compat import _pysctp_convert as convert
from sctpffi.compat import _pysctp_messages as messages
from sctpffi.enums import Cause
from sctpffi.optvalues import DelayedSack


class Box:
    """What `initparams` and `event_subscribe` need of a socket."""

    def __init__(self):
        self.sent = []

    def _get_initparams(self):
        return dict.fromkeys(("num_ostreams", "max_instreams", "max_attempts", "max_init_timeo"), 5)

    def _get_events(self):
        return dict.fromkeys(convert.SWITCHES, 0)

    def _set_events(self, parts):
        self.sent.append(parts)

    _set_initparams = _set_events


# -- groups


@pytest.mark.parametrize("name", ["num_ostreams", "max_instreams", "max_attempts", "max_init_timeo"])
def test_init_parameters_are_sent_at_once(name):
    """Setting one of initparams sends all four; without autoflush only `flush` does."""
    box = Box()
    params = sctp.initparams(box)
    setattr(params, name, 9)
    getattr(params, f"set_{name}")(11)
    assert getattr(params, f"get_{name}")() == getattr(params, name) == 11
    assert [sent[name] for sent in box.sent] == [9, 11]
    assert all(value == 5 for key, value in box.sent[1].items() if key != name)
    params.autoflush = False
    setattr(params, name, 12)
    assert len(box.sent) == 2
    params.flush()
    assert box.sent[2][name] == getattr(params.initmsg(), name) == 12


def test_clear_without_autoflush():
    """`clear` leaves the sending to `flush` if autoflush is off."""
    box = Box()
    events = sctp.event_subscribe(box)
    events.autoflush = False
    events.clear()
    assert box.sent == []
    events.flush()
    assert box.sent == [{**dict.fromkeys(convert.SWITCHES, 0), "data_io": 1}]


def test_what_is_refused_is_not_kept():
    """A value that the socket refuses, or that is no number, leaves the group as it was."""

    class Refusing(Box):
        def _set_events(self, parts):
            raise OSError("no")

    events = sctp.event_subscribe(Refusing())
    with pytest.raises(OSError, match="no"):
        events.association = 1
    with pytest.raises(TypeError, match="shutdown: an int, not str"):
        events.shutdown = "1"
    assert (events.association, events.shutdown) == (0, 0)


# -- what was received

PEER = Address("10.0.0.2", 5000)
PLAIN = convert.View(mapped=False, host_order=False, details=True)
RAW = (4, 5000, 0, bytes([10, 0, 0, 2]) + bytes(12))
HEAD = (7, PEER)  # association and source of a notification


def shown(item, view=PLAIN):
    """What `sctp_recv` gives for an item: flags and details."""
    _, flags, _, details = convert.received(item, view)
    return flags, vars(details)


@pytest.mark.parametrize("flags", [MsgFlag.EOR | MsgFlag.UNORDERED, MsgFlag.NONE])
def test_a_message(flags):
    """Every field of a message has its place; the end and the order are different flags."""
    message = Message(b"data", 3, 4, 0x11223344, 5, 6, int(flags), 7, 8, RAW)
    address, native, data, details = convert.received(message, PLAIN)
    assert (address, data) == (("10.0.0.2", 5000), b"data")
    assert native == (sctp.FLAG_EOR if flags else 0)
    assert vars(details) == {
        "stream": 3, "ssn": 4, "flags": sctp.MSG_UNORDERED if flags else 0, "ppid": socket.htonl(0x11223344),
        "context": 7, "timetolive": 0, "tsn": 5, "cumtsn": 6, "assoc_id": 8,
    }  # fmt: skip
    assert convert.received(message, PLAIN._replace(host_order=True))[3].ppid == 0x11223344
    assert vars(convert.received(message, PLAIN._replace(details=False))[3]) == vars(sctp.sndrcvinfo())
    assert convert.received(message, PLAIN._replace(mapped=True))[0] == ("::ffff:10.0.0.2", 5000)


class Queue:
    """A Socket as far as a few calls need one: pieces and notifications in order, and what was sent."""

    def __init__(self, *items):
        self.items = list(items)
        self.sent = []

    def peek(self, size, *, timeout):
        """The first item, left there."""
        assert (size, timeout) == (1, 0)
        if not self.items:
            raise errors.build(errors.WouldBlock, "peek")
        return self.items[0]

    def recv_partial(self, size, *, timeout):
        """The first item, taken off; of a message at most size bytes."""
        assert timeout == 0
        first = self.items[0]
        if len(first.data) <= size:
            return self.items.pop(0)
        self.items[0] = copy.copy(first)
        self.items[0].data = first.data[size:]
        return piece(first.data[:size])

    def send(self, data, **more):
        """Note what was sent."""
        self.sent.append(more)
        return len(data)

    def peer_addresses(self):
        """The peer has one address."""
        return [PEER]

    def getsockopt_raw(self, level, number, size):
        """An option that is -1."""
        return bytes([255]) * size


def piece(data, stream=3, ssn=4, end=False, unordered=False, assoc_id=7):
    """A piece of a message."""
    flags = (MsgFlag.EOR if end else 0) | (MsgFlag.UNORDERED if unordered else 0)
    return Message(data, stream, ssn, 0, 5, 6, int(flags), 0, assoc_id, RAW)


def over(*items):
    """A socket of pysctp's over a queue."""
    sock = sctp.sctpsocket_tcp.__new__(sctp.sctpsocket_tcp)
    sock._start(Queue(*items), socket.AF_INET, sctp.STYLE_TCP, False)
    sock.datalogging = False
    return sock


@pytest.mark.parametrize(
    ("rest", "left", "size", "found", "ended"),
    [
        ([piece(b"c", end=True)], 0, 9, b"abc", True),
        ([piece(b"c"), piece(b"d", end=True), piece(b"x", end=True)], 1, 9, b"abcd", True),
        ([piece(b"cdef", end=True)], 1, 4, b"abcd", False),
        ([piece(b"c"), piece(b"x", stream=2)], 1, 9, b"abc", False),
        ([piece(b"x", ssn=5)], 1, 9, b"ab", False),
        ([piece(b"x", assoc_id=8)], 1, 9, b"ab", False),
        ([piece(b"x", unordered=True)], 1, 9, b"ab", False),
        ([sctpffi.ShutdownEvent(*HEAD), piece(b"c")], 2, 9, b"ab", False),
        ([], 0, 9, b"ab", False),
    ],
)
def test_pieces_that_are_there_go_together(rest, left, size, found, ended):
    """To a piece comes what is there of the same message, up to the buffer's size, and nothing of another one."""
    sock, first = over(*rest), piece(b"ab")
    sock._lengthen(first, size)
    assert (first.data, first.complete) == (found, ended)
    assert len(sock.sock().items) == left


def test_an_address_names_the_peer_and_not_the_way():
    """On a TCP-style socket `to` is the peer's name; with MSG_ADDR_OVER it is the path as well (RFC 6458 5.3.2)."""
    sock = over()
    for flags, to in ((0, None), (sctp.MSG_ADDR_OVER, PEER)):
        sock.sctp_send(b"x", to=PEER[:2], ppid=0, flags=flags)
        assert sock.sock().sent[-1]["to"] == to


def test_options_by_number_are_signed():
    """An option that is read as an int may be negative, as with the standard library."""
    assert over().getsockopt(132, 1) == -1
    assert over().getsockopt(132, 1, 2) == b"\xff\xff"


@pytest.mark.parametrize(
    "swap", [lambda value: value, lambda value: int.from_bytes(value.to_bytes(4, "big"), "little")]
)
def test_ppids_on_machines_of_either_order(monkeypatch, swap):
    """The PPID that is shown is what lies in memory in network order, whatever the machine's order is."""
    monkeypatch.setattr(socket, "htonl", swap)
    message = Message(b"", 0, 0, 46, 0, 0, 1, 0, 0, RAW)
    assert convert.received(message, PLAIN)[3].ppid == swap(46)


NOTES = [
    (
        AssocChange(*HEAD, AssocChangeState.COMM_UP, Cause.NONE, 10, 12, None, b""),
        sctp.assoc_change,
        {"state": sctp.assoc_change.state_COMM_UP, "error": 0, "outbound_streams": 10, "inbound_streams": 12},
    ),
    (
        AssocChange(*HEAD, AssocChangeState.COMM_LOST, Cause.USER_INITIATED_ABORT, None, None, None, b""),
        sctp.assoc_change,
        {"state": sctp.assoc_change.state_COMM_LOST, "error": 12, "outbound_streams": 0, "inbound_streams": 0},
    ),
    (
        PeerAddrChange(*HEAD, Address("::1", 9), PeerAddrState.MADE_PRIM, 4),
        sctp.paddr_change,
        {"addr": ("::1", 9), "state": sctp.paddr_change.state_ADDR_MADE_PRIM, "error": 4},
    ),
    (PeerAddrChange(*HEAD, None, PeerAddrState.ADDED, 0), sctp.paddr_change, {"addr": None}),
    (
        RemoteError(*HEAD, Cause.INVALID_STREAM, b"\0\1\0\x08\0\7\0\0"),
        sctp.remote_error,
        {"error": 1, "data": "\0\7\0\0", "data_bytes": b"\0\7\0\0"},
    ),
    (RemoteError(*HEAD, Cause.NO_USER_DATA, b""), sctp.remote_error, {"error": 9, "data": "", "data_bytes": b""}),
    (sctpffi.ShutdownEvent(*HEAD), sctp.shutdown_event, {}),
    (sctpffi.AdaptationIndication(*HEAD, 0xCAFE), sctp.adaptation_event, {"adaptation_ind": 0xCAFE}),
    (
        PartialDeliveryEvent(*HEAD, PartialDelivery.ABORTED, 3, 4),
        sctp.pdapi_event,
        {"indication": sctp.pdapi_event.indication_PD_ABORTED},
    ),
]


@pytest.mark.parametrize(("event", "cls", "values"), NOTES, ids=lambda each: getattr(each, "__name__", ""))
def test_notifications(event, cls, values):
    """Each of sctpffi's notifications becomes pysctp's, with the type that its table has for the class."""
    address, flags, data, found = convert.received(event, PLAIN)
    assert (address, flags, data) == (("10.0.0.2", 5000), sctp.FLAG_NOTIFICATION | sctp.FLAG_EOR, None)
    assert type(found) is cls is sctp.notification_table[found.type]
    assert vars(found) == {
        "type": int(event.type),
        "flags": 0,
        "length": 0,
        "assoc_id": 7,
        **vars(cls()),
        **vars(found),
    }
    assert {name: getattr(found, name) for name in values} == values
    assert found.assoc_id == 7
    assert convert.is_known(event)


@pytest.mark.parametrize("view", [PLAIN, PLAIN._replace(host_order=True)])
def test_a_failure(view):
    """send_failed tells whether it was sent, without which part it is, and how it was sent, with its PPID."""
    flags = FailedFlag.SENT | FailedFlag.FIRST | FailedFlag.LAST
    event = SendFailed(*HEAD, flags, Cause.NONE, b"\xffdata", 3, 46, 9, 4)
    found = convert.received(event, view)[3]
    assert type(found) is sctp.send_failed
    assert (found.flags, found.error, found.assoc_id) == (sctp.send_failed.flag_DATA_SENT, 0, 7)
    assert (found.data, found.data_bytes) == ("\udcffdata", b"\xffdata")
    assert (found.info.stream, found.info.ssn, found.info.context, found.info.assoc_id) == (3, 4, 9, 7)
    assert found.info.ppid == (46 if view.host_order else socket.htonl(46))
    assert "_info" not in vars(found)


def test_a_type_without_a_class():
    """It comes as plain notification with type, flags and size; the factory warns, and needs a type."""
    event = UnknownNotification(*HEAD, Event(0x10000 | 77), 5, b"12345678")
    assert not convert.is_known(event)
    with pytest.warns(RuntimeWarning, match="does not know"):
        found = convert.received(event, PLAIN)[3]
    assert type(found) is sctp.notification
    assert (found.type, found.flags, found.length) == (0x10000 | 77, 5, 8)
    for values in ({}, None, 5):
        with pytest.raises(ValueError, match="no type"):
            sctp.notification_factory(values)
    assert type(sctp.notification_factory({"type": sctp.notification.type_SHUTDOWN_EVENT})) is sctp.shutdown_event


# -- addresses and options


@pytest.mark.parametrize(
    ("pair", "address"),
    [
        (("10.0.0.1", 5), Address("10.0.0.1", 5)),
        (["::ffff:10.0.0.1", 5], Address("10.0.0.1", 5)),
        (("::1", 5, 0, 0), Address("::1", 5)),
        (("", 5), None),
        (("0.0.0.0", 5), None),
        (("::", 0), None),
    ],
)
def test_addresses(pair, address):
    """A pair is an address; host "" and wildcards are none. Further items, of the standard library's, do no harm."""
    assert convert.address_of(pair, "to") == address


@pytest.mark.parametrize("pair", [5, None, "10.0.0.1:5", b"ab", ("10.0.0.1",), (1, 2), ("10.0.0.1", "5"), ()])
def test_what_is_no_address(pair):
    """What is no pair of text and number is a TypeError that names the argument."""
    with pytest.raises(errors.ArgumentTypeError, match="to: "):
        convert.address_of(pair, "to")


def test_scopes_of_the_standard_library():
    """The fourth item of an IPv6 address is its scope, and goes back there."""
    found = convert.resolve(("fe80::1", 5, 0, 3), socket.AF_INET6, "address").hosts[0]
    assert found == Address("fe80::1", 5, 3)
    assert convert.name_of(found, socket.AF_INET6, True) == ("fe80::1", 5, 0, 3)
    assert convert.pair_of(found, True) == ("fe80::1", 5)
    assert convert.pair_of(None, True) is None
    assert convert.name_of(PEER, socket.AF_INET6, True) == ("::ffff:10.0.0.2", 5000, 0, 0)
    assert convert.name_of(PEER, socket.AF_INET6, False) == ("10.0.0.2", 5000, 0, 0)
    assert convert.name_of(PEER, socket.AF_INET, True) == ("10.0.0.2", 5000)


def test_unknown_names_are_the_resolvers():
    """A name that nobody knows is socket.gaierror, as with the standard library."""
    with pytest.raises(socket.gaierror):
        convert.resolve(("no-such-host.invalid", 5), socket.AF_INET, "address")


def test_path_parameters_that_need_a_flag():
    """Interval, MTU and delay are left out unless their flag is given; read values can be set as they are."""
    value = sctp.paddrparams()
    value.hbinterval, value.pathmtu, value.sackdelay, value.pathmaxrxt = 7000, 1400, 100, 3
    assert convert.path_params(value) == (PathParams(max_retrans=3), None)
    value.flags = value.flags_HB_ENABLE | value.flags_PMTUD_DISABLE | value.flags_SACKDELAY_ENABLE
    flags = PathFlag.HB_ENABLE | PathFlag.PMTUD_DISABLE
    wanted = PathParams(heartbeat_ms=7000, max_retrans=3, mtu_bytes=1400, flags=flags)
    assert convert.path_params(value) == (wanted, DelayedSack(100, 2))
    value.flags = value.flags_SACKDELAY_DISABLED
    assert convert.path_params(value)[1] == DelayedSack(0, 1)
    read = PathParams(None, 30_000, 5, 1500, PathFlag.HB_ENABLE | PathFlag.PMTUD_ENABLE | PathFlag.DSCP, 0, 4)
    again = convert.fill_paddrparams(sctp.paddrparams(), read, DelayedSack(200, 2))
    assert again.flags == again.flags_HB_ENABLED | again.flags_PMTUD_ENABLED | again.flags_SACKDELAY_ENABLED
    assert convert.path_params(again)[0] == PathParams(None, 30_000, 5, 0, PathFlag.HB_ENABLE | PathFlag.PMTUD_ENABLE)


def test_the_time_is_over_in_every_way():
    """What is raised then is a time-out and a BlockingIOError, and tells what the original told."""
    before = errors.build(errors.WaitTimeout, "recv", backend="linux", local="here", detail="why")
    found = messages.timed_out(before)
    assert isinstance(found, (socket.timeout, BlockingIOError))
    assert isinstance(found, errors.WaitTimeout)
    assert isinstance(found, TimeoutError)
    assert (found.op, found.backend, found.local, found.detail) == ("recv", "linux", "here", "why")
    assert str(found).startswith("recv sctp here->")
