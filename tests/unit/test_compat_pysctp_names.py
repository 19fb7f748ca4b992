"""sctpffi.compat.pysctp has every name of pysctp 0.7.3, and docs/migration-pysctp.md says what stands for each.

The names are kept here as data. What they do is in test_compat_pysctp.py and in the contract tests.
"""

from __future__ import annotations

import inspect
import re
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

import sctpffi
import sctpffi.compat.pysctp as sctp
from sctpffi.compat._pysctp_values import SWITCHES
from sctpffi.options import Options

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "migration-pysctp.md").read_text(encoding="utf-8")
INIT = ("num_ostreams", "max_instreams", "max_attempts", "max_init_timeo")
# What `initparams` and `event_subscribe` read of a socket.
BOX = SimpleNamespace(_get_initparams=lambda: dict.fromkeys(INIT, 0), _get_events=lambda: dict.fromkeys(SWITCHES, 0))
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
        made = cls(BOX)
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


def test_the_pages_programs_are_python():
    """The examples of the page can be compiled, and are both there: with pysctp's names and without."""
    code = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(code) == 3
    for block in code:
        compile(block, "migration-pysctp.md", "exec")
