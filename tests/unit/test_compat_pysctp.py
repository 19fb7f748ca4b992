"""sctpffi.compat.pysctp without a stack: its names, its page, its value classes, and conversions no stack can show.

What it does on a stack is in tests/contract/test_compat_pysctp.py and test_compat_pysctp_options.py.
"""

from __future__ import annotations

import copy
import inspect
import re
import socket
from pathlib import Path

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
from sctpffi.options import Options
from sctpffi.optvalues import DelayedSack

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "migration-pysctp.md").read_text(encoding="utf-8")
ERRORS = """
    error_FAILED_THRESHOLD error_HEARTBEAT_SUCCESS error_INTERNAL_ERROR error_PEER_FAULTY error_RECEIVED_SACK
    error_RESPONSE_TO_USER_REQ error_SHUTDOWN_GUARD_EXPIRES
"""
# Every public name of pysctp 0.7.3: of the module, and of each class what is on it and what its objects have.
# Modules that it imports are left out.
PYSCTP = {
    "module": """
        BINDX_ADD BINDX_REM BINDX_REMOVE FLAG_DONTROUTE FLAG_EOR FLAG_NOTIFICATION HAVE_KERNEL_SCTP HAVE_SCTP
        HAVE_SCTP_ADDIP HAVE_SCTP_CANSET_PRIMARY HAVE_SCTP_MULTIBUF HAVE_SCTP_NOCONNECT HAVE_SCTP_PRSCTP
        HAVE_SCTP_SAT_NETWORK_CAPABILITY IPPROTO_SCTP MSG_ABORT MSG_ADDR_OVER MSG_ADDR_OVERRIDE MSG_EOF MSG_FIN
        MSG_SENDALL MSG_UNORDERED SOCK_SEQPACKET SOCK_STREAM SOL_SCTP STYLE_TCP STYLE_UDP TCP_STYLE UDP_STYLE
        adaptation_event assoc_change assocparams event_subscribe features initmsg initparams notification
        notification_factory notification_table paddr_change paddrinfo paddrparams pdapi_event remote_error rtoinfo
        sctpsocket sctpsocket_tcp sctpsocket_udp send_failed shutdown_event sndrcvinfo status""",
    "adaptation_event": "adaptation_ind assoc_id",
    "assoc_change": ERRORS
    + """
        state_CANT_START_ASSOCIATION state_CANT_STR_ASSOC state_COMM_LOST state_COMM_UP state_RESTART
        state_SHUTDOWN_COMP state error outbound_streams inbound_streams assoc_id""",
    "assocparams": "assoc_id assocmaxrxt number_peer_destinations peer_rwnd local_rwnd cookie_life",
    "event_subscribe": """
        adaptation_layer adaptationlayer address association clear data_io dataio flush get_adaptation_layer
        get_address get_association get_data_io get_partial_delivery get_peer_error get_send_failure get_shutdown
        partial_delivery partialdelivery peer_error peererror send_failure sendfailure set_adaptation_layer set_address
        set_association set_data_io set_partial_delivery set_peer_error set_send_failure set_shutdown shutdown
        sndrcvinfo autoflush container""",
    "initmsg": "num_ostreams max_instreams max_attempts max_init_timeo",
    "initparams": """
        flush get_max_attempts get_max_init_timeo get_max_instreams get_num_ostreams initmsg max_attempts
        max_init_timeo max_instreams num_ostreams set_max_attempts set_max_init_timeo set_max_instreams
        set_num_ostreams autoflush container""",
    "notification": """
        type_ADAPTATION_INDICATION type_ASSOC_CHANGE type_PARTIAL_DELIVERY_EVENT type_PEER_ADDR_CHANGE
        type_REMOTE_ERROR type_SEND_FAILED type_SHUTDOWN_EVENT type_SN_TYPE_BASE type flags""",
    "paddr_change": ERRORS
    + """
        state_ADDR_ADDED state_ADDR_AVAILABLE state_ADDR_MADE_PRIM state_ADDR_REMOVED state_ADDR_UNREACHABLE addr state
        error assoc_id""",
    "paddrinfo": "state_ACTIVE state_INACTIVE assoc_id sockaddr state cwnd srtt rto mtu",
    "paddrparams": """
        flags_HB_DISABLE flags_HB_DISABLED flags_HB_ENABLE flags_HB_ENABLED flags_PMTUD_DISABLE flags_PMTUD_DISABLED
        flags_PMTUD_ENABLE flags_PMTUD_ENABLED flags_SACKDELAY_DISABLE flags_SACKDELAY_DISABLED
        flags_SACKDELAY_ENABLE flags_SACKDELAY_ENABLED assoc_id sockaddr hbinterval pathmaxrxt pathmtu sackdelay
        flags""",
    "pdapi_event": "indication_PARTIAL_DELIVERY_ABORTED indication_PD_ABORTED indication assoc_id",
    "remote_error": "error assoc_id data",
    "rtoinfo": "assoc_id initial max min",
    "sctpsocket": """
        accept adaptation autoclose bindx connectx disable_fragments get_adaptation get_assocparams get_autoclose
        get_disable_fragments get_mappedv4 get_maxseg get_nodelay get_paddrinfo get_paddrparams get_rcvbuf get_rtoinfo
        get_sndbuf get_status get_streamid get_ttl getladdrs getpaddrs mappedv4 maxseg nodelay peeloff sctp_recv
        sctp_send set_adaptation set_assocparams set_autoclose set_disable_fragments set_mappedv4 set_maxseg
        set_nodelay set_paddrparams set_peer_primary set_primary set_rcvbuf set_rtoinfo set_sndbuf set_streamid
        set_ttl sock streamid ttl initparams events unexpected_event_raises_exception datalogging""",
    "sctpsocket_tcp": "get_autoclose peeloff set_autoclose",
    "sctpsocket_udp": "accept",
    "send_failed": "flag_DATA_SENT flag_DATA_UNSENT error assoc_id data info",
    "shutdown_event": "assoc_id",
    "sndrcvinfo": "stream ssn flags ppid context timetolive tsn cumtsn assoc_id",
    "status": """
        state_BOUND state_CLOSED state_COOKIE_ECHOED state_COOKIE_WAIT state_EMPTY state_ESTABLISHED state_LISTEN
        state_SHUTDOWN_ACK_SENT state_SHUTDOWN_PENDING state_SHUTDOWN_RECEIVED state_SHUTDOWN_SENT assoc_id state rwnd
        unackdata penddata instrms outstrms fragmentation_point primary""",
}
# What its sockets hand on to one of the standard library, and its programs use.
DELEGATED = """
    bind listen connect close fileno getsockname getpeername connect_ex settimeout gettimeout setblocking timeout
    getblocking shutdown send sendall sendto recv recvfrom recv_into recvfrom_into getsockopt setsockopt family type
    proto
"""
SIGNATURES = {
    "sctpsocket_tcp.__init__": "family sk",
    "sctpsocket_udp.__init__": "family sk",
    "sctpsocket.__init__": "family style sk",
    "sctpsocket.bindx": "sockaddrs action",
    "sctpsocket.connectx": "sockaddrs assoc_id",
    "sctpsocket.getpaddrs": "assoc_id",
    "sctpsocket.getladdrs": "assoc_id",
    "sctpsocket.sctp_send": "msg to ppid flags stream timetolive context record_file_prefix datalogging",
    "sctpsocket.sctp_recv": "maxlen",
    "sctpsocket.peeloff": "assoc_id",
    "sctpsocket.accept": "",
    "sctpsocket.set_primary": "assoc_id addr",
    "sctpsocket.set_peer_primary": "assoc_id addr",
    "sctpsocket.get_status": "assoc_id",
    "sctpsocket.get_paddrinfo": "assoc_id sockaddr",
    "sctpsocket.get_assocparams": "assoc_id",
    "sctpsocket.set_assocparams": "o",
    "sctpsocket.get_paddrparams": "assoc_id sockaddr",
    "sctpsocket.set_paddrparams": "o",
    "sctpsocket.get_rtoinfo": "assoc_id",
    "sctpsocket.set_rtoinfo": "o",
    "sctpsocket.set_nodelay": "rvalue",
    "sctpsocket.set_ttl": "newVal",
    "sctpsocket.set_streamid": "newVal",
    "notification_factory": "raw_notification",
    "features": "",
    "initparams.__init__": "container",
    "event_subscribe.__init__": "container",
    "sndrcvinfo.__init__": "values",
    "notification.__init__": "values",
}


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


def sections():
    """The page's tables by their headings: of each row the names in the first column, and the text of the second."""
    parts = re.split(r"^### (\w+)$", PAGE, flags=re.M)
    tables = {}
    for name, text in zip(parts[1::2], parts[2::2]):
        rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
        tables[name] = [(re.findall(r"`(\w+)`", row[1]), row[2]) for row in rows]
    return tables


# -- names


@pytest.mark.parametrize("name", [*PYSCTP, "delegated"])
def test_the_page_has_every_name(name):
    """The table names everything that pysctp has, each once, and nothing else."""
    wanted = (DELEGATED if name == "delegated" else PYSCTP[name]).split()
    found = [each for names, _ in sections()[name] for each in names]
    assert sorted(found) == sorted(wanted)


def test_the_page_has_no_other_sections():
    """There is a table for each class that pysctp has."""
    assert set(sections()) == {*PYSCTP, "delegated"}


def test_what_the_page_leads_to_is_there():
    """What stands for a name is a name of sctpffi: exported, a method, an option, an attribute."""
    places = (sctpffi, sctpffi.Socket, sctpffi.Connection)
    for name, rows in sections().items():
        for _, text in rows:
            for token in re.findall(r"`([A-Za-z_][\w.]*)[`(]", text):
                first, _, rest = token.partition(".")
                if first == "opts":
                    assert not rest or hasattr(Options, rest), f"{name}: {token}"
                    continue
                found = next((getattr(place, first) for place in places if hasattr(place, first)), None)
                assert found is not None, f"{name}: {token}"
                known = inspect.isclass(found) and rest in (dir(found) + list(annotations_of(found)))
                assert not rest or known or rest in getattr(found, "__slots__", ()), f"{name}: {token}"


def annotations_of(cls):
    """The names of a class's fields, with those of its bases."""
    return {name for base in cls.__mro__ for name in getattr(base, "__annotations__", {})}


@pytest.mark.parametrize("name", PYSCTP["module"].split())
def test_the_module_has_every_name(name):
    """Each name of pysctp's module is in compat's, and comes with `import *`."""
    assert hasattr(sctp, name)
    assert name in sctp.__all__


@pytest.mark.parametrize("name", [name for name in PYSCTP if name != "module"])
def test_classes_have_every_name(name):
    """Each class has the names of pysctp's, or its objects have."""
    cls = getattr(sctp, name)
    made = cls
    if issubclass(cls, (sctp.initparams, sctp.event_subscribe)):
        made = cls(Box())
    elif not issubclass(cls, sctp.sctpsocket):
        made = cls()
    when_open = {"initparams", "events", "unexpected_event_raises_exception", "datalogging"}  # of a socket
    assert [each for each in PYSCTP[name].split() if not hasattr(made, each) and each not in when_open] == []


@pytest.mark.parametrize("name", DELEGATED.split())
def test_sockets_have_what_is_handed_on(name):
    """The calls of the standard library's sockets are there."""
    assert hasattr(sctp.sctpsocket, name)


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    """Arguments have pysctp's names, in its order; only keywords and defaults are added."""
    function = sctp
    for part in name.split("."):
        function = getattr(function, part)
    parameters = inspect.signature(function).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in ("self", "backend")]
    assert positional == SIGNATURES[name].split()


def test_the_names_of_socket():
    """pysctp has the names of `socket`, which `import *` brings along; its own win. Others are no attribute."""
    names = {}
    exec("from sctpffi.compat.pysctp import *", names)  # noqa: S102  # as its programs do
    assert names["AF_INET"] is socket.AF_INET
    assert names["ntohl"] is socket.ntohl
    assert names["socket"] is socket
    assert names["MSG_EOF"] == sctp.MSG_EOF == sctp.MSG_FIN
    assert {"time", "os", "sys", "sctpsocket_tcp"} <= set(names)
    assert "AF_INET6" in dir(sctp)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sctp.no_such_name


def test_flags_and_numbers_differ():
    """Flags that can go together are different bits, and so are states and types of one class."""
    flags = [sctp.MSG_UNORDERED, sctp.MSG_ADDR_OVER, sctp.MSG_ABORT, sctp.MSG_EOF, sctp.MSG_SENDALL]
    for group in (flags, [sctp.FLAG_EOR, sctp.FLAG_NOTIFICATION, sctp.FLAG_DONTROUTE]):
        assert all(bit and bit & (bit - 1) == 0 for bit in group)
        assert len(set(group)) == len(group)
    for cls in (sctp.notification, sctp.assoc_change, sctp.paddr_change, sctp.status):
        prefix = "type_" if cls is sctp.notification else "state_"
        names = [n for n in vars(cls) if n.startswith(prefix) and n != "state_CANT_START_ASSOCIATION"]
        assert len({getattr(cls, n) for n in names}) == len(names) > 4
    assert set(sctp.notification_table) == {
        getattr(sctp.notification, n) for n in vars(sctp.notification) if n.startswith("type_") and "BASE" not in n
    }


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


def test_the_pages_programs_are_python():
    """The examples of the page can be compiled, and are both there: with pysctp's names and without."""
    code = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(code) == 3
    for block in code:
        compile(block, "migration-pysctp.md", "exec")
