"""The shim's own ABI (csrc/sfi.h) against the Python side: constants, structs and prototypes, both ways.

Read from the header's text and from the compiled module of every backend that was built here; a module that is
older than the header fails here, with what to do.
"""

from __future__ import annotations

import importlib
import re
from types import ModuleType
from typing import Any, Dict, Optional, Tuple

import pytest

from sctpffi import _reading, _socket_send, addresses, enums, errors
from sctpffi._optrows import pick
from sctpffi._tables import BACKENDS, CONSTANTS, OPTIONS
from sctpffi.backends import _memory, _shim, base
from sctpffi.backends.base import Outgoing, RawNotification, Received

from .probing import BUILT, CSRC

REBUILD = "the compiled module is older than csrc/sfi.h: python setup.py -q build_ext -i"
CDEF = (CSRC / "sfi.h").read_text().split("/* cdef: begin */")[1].split("/* cdef: end */")[0]
DEFINED: Dict[str, int] = {
    name: int(value, 0) for name, value in re.findall(r"^#define (SFI_\w+) (\w+)", CDEF, re.MULTILINE)
}
PROTOTYPES: Tuple[str, ...] = tuple(re.findall(r"^\w+ (?:\*)?(sfi_\w+)\(", CDEF, re.MULTILINE))

# Families with an enumeration of their own.
FAMILIES = {
    "SFI_EVENT_": enums.Event,
    "SFI_CHANGE_": enums.AssocChangeState,
    "SFI_PADDR_": enums.PeerAddrState,
    "SFI_STATE_": enums.AssocState,
    "SFI_PATH_": enums.PathState,
    "SFI_FEATURE_": enums.PeerFeature,
    "SFI_PR_": enums.PrPolicy,
    "SFI_SEND_": enums.SendFlag,
    "SFI_RCV_": enums.MsgFlag,
    "SFI_STYLE_": enums.Style,
    "SFI_SS_": enums.StreamScheduler,
    "SFI_FAILED_": enums.FailedFlag,
    "SFI_AUTH_": enums.AuthIndication,
    "SFI_PARTIAL_DELIVERY_": enums.PartialDelivery,
    "SFI_RESET_": enums.ResetFlag,
    "SFI_NEXT_": enums.NextFlag,
}
# What Python has and the header does not: no flag at all, a convenience of Python's.
NO_FLAG = [prefix for prefix, cls in FAMILIES.items() if issubclass(cls, enums.IntFlag)]
# Numbers that Python has under a name of its own, or that a method's meaning fixes.
ALONE = {
    "SFI_ABI": _shim.ABI,
    "SFI_UNKNOWN": enums.UNKNOWN,
    "SFI_EFORKED": errors.EFORKED,
    "SFI_EABSENT": errors.EABSENT,
    "SFI_EFAILED": errors.EFAILED,
    "SFI_AF_ANY": 0,
    "SFI_AF_INET": addresses.Address("127.0.0.1", 0).family,
    "SFI_AF_INET6": addresses.Address("::1", 0).family,
    "SFI_KIND_DATA": _reading.KIND_DATA,
    "SFI_KIND_NOTIFICATION": _reading.KIND_NOTIFICATION,
    "SFI_KIND_EOF": _reading.KIND_EOF,
    "SFI_RECV_OTHER": base.RECV_OTHER,
    "SFI_MANY_OTHER": base.MANY_OTHER,
    "SFI_RECV_PEEK": 1,
    "SFI_READ": 1,
    "SFI_WRITE": 2,
    "SFI_PR_UNSET": _socket_send._PR_UNSET,
    "SFI_RCV_NEXT": _reading.HAS_NEXT,  # taken off before a message has its flags
    "SFI_TAIL_NONE": 0,
    "SFI_TAIL_CAUSES": _shim._TAIL_CAUSES,
    "SFI_TAIL_FEATURES": _shim._TAIL_FEATURES,
    "SFI_TAIL_DATA": _shim._TAIL_DATA,
    "SFI_TAIL_STREAMS": _shim._TAIL_STREAMS,
    "SFI_EVENT_MAX": max(enums.Event),
}
# Used by name through the compiled module, so that no Python number can differ.
BY_NAME = {
    "SFI_BIND_ADD",
    "SFI_BIND_REMOVE",
    "SFI_SIDE_LOCAL",
    "SFI_SIDE_PEER",
    "SFI_MORE_KEY",
    "SFI_MORE_INIT",
    "SFI_MORE_TO",
}
# Enumerations whose numbers are the same on every stack, so that nobody converts them: the names that the stacks have
# for the members, and those that a stack lacks.
SAME_NUMBERS = {
    enums.PathFlag: "SPP_{}",
    enums.StreamResetAllow: "SCTP_ENABLE_{}_REQ",
    enums.HmacId: "SCTP_AUTH_HMAC_ID_{}",
    enums.CcModule: "SCTP_CC_{}",
    enums.AssocId: "SCTP_{}_ASSOC",
    enums.PfExposure: "SCTP_PF_EXPOSE_{}",
}
OWN_NAMES = {"RESET_STREAMS": "RESET_STREAM", "ENABLED": "ENABLE", "DISABLED": "DISABLE"}


@pytest.fixture(scope="module", params=BUILT)
def compiled(request: pytest.FixtureRequest) -> ModuleType:
    """The compiled module of a backend."""
    return importlib.import_module(f"sctpffi.backends._ffi_{request.param}")


@pytest.mark.parametrize("prefix", FAMILIES)
def test_families_have_the_members_of_their_enumeration(prefix):
    """The header's constants of a family and the members of its enumeration are the same, name by name."""
    members = {name: int(member) for name, member in FAMILIES[prefix].__members__.items()}
    if prefix in NO_FLAG:
        assert members.pop("NONE") == 0
    header = {n[len(prefix) :]: v for n, v in DEFINED.items() if n.startswith(prefix) and n not in ALONE}
    assert header == members


@pytest.mark.parametrize("name", ALONE)
def test_single_constants_are_pythons(name):
    """A constant without an enumeration has the number that Python uses for it."""
    assert DEFINED[name] == ALONE[name]


def test_message_flags_of_the_inbox_are_the_headers():
    """The numbers that the receiving code keeps for speed are those of the header."""
    assert DEFINED["SFI_RCV_EOR"] == _reading.EOR
    assert DEFINED["SFI_RCV_UNORDERED"] == _reading.UNORDERED


def test_option_numbers_are_one_run_without_gaps():
    """Option numbers go from 1 to SFI_OPT_MAX, each once, as the shim's array of rows wants them."""
    numbers = {n: v for n, v in DEFINED.items() if n.startswith("SFI_OPT_") and n != "SFI_OPT_MAX"}
    assert sorted(numbers.values()) == list(range(1, DEFINED["SFI_OPT_MAX"] + 1))


def test_every_option_row_has_a_number_in_the_header():
    """Each option of the table is an SFI_OPT_ constant of its own, and but for subscribing there is no other."""
    numbers = {}
    for row in OPTIONS:
        c_name = pick(row.c_name, "bsd").replace("SCTP_", "", 1)
        numbers[row.name] = "SFI_OPT_" + _shim._CANONICAL_NAMES.get(c_name, c_name)
    assert [name for name, constant in numbers.items() if constant not in DEFINED] == []
    assert len(set(numbers.values())) == len(numbers)
    others = {name for name in DEFINED if name.startswith("SFI_OPT_")} - set(numbers.values())
    assert others == {"SFI_OPT_MAX", "SFI_OPT_EVENT"}


def test_converted_values_are_the_headers():
    """Each kind of value that the shim converts is an SFI_VALUE_ constant, and vice versa."""
    header = {n[len("SFI_VALUE_") :].lower(): v for n, v in DEFINED.items() if n.startswith("SFI_VALUE_")}
    assert header == _shim._CONVERTED


def test_no_constant_of_the_header_is_unaccounted_for():
    """Every SFI_ constant belongs to a family, or is compared by itself, so that a new one can't slip by."""
    families = (*FAMILIES, "SFI_OPT_", "SFI_VALUE_")
    assert [n for n in DEFINED if not n.startswith(families) and n not in ALONE and n not in BY_NAME] == []
    assert len(DEFINED) == len(re.findall(r"^#define ", CDEF, re.MULTILINE))


def test_compiled_constants_are_the_headers(compiled):
    """The compiled module has every constant of the header, with its number, and no other."""
    found = {name: getattr(compiled.lib, name) for name in dir(compiled.lib) if name.startswith("SFI_")}
    assert found == DEFINED, REBUILD


def test_compiled_functions_are_the_headers(compiled):
    """The compiled module has every function that the header declares, and no other."""
    assert len(PROTOTYPES) > 30
    assert {name for name in dir(compiled.lib) if name.startswith("sfi_")} == set(PROTOTYPES), REBUILD
    assert all(callable(getattr(compiled.lib, name)) for name in PROTOTYPES)


def test_compiled_abi_number_is_pythons(compiled):
    """sfi_abi() is the ABI number that the Python side was written for."""
    assert compiled.lib.sfi_abi() == _shim.ABI == DEFINED["SFI_ABI"], REBUILD


def test_a_module_of_another_abi_is_refused(compiled, monkeypatch):
    """A compiled module whose ABI number differs does not load, and says to rebuild."""
    monkeypatch.setattr(_shim, "ABI", _shim.ABI + 1)
    with pytest.raises(ImportError, match="rebuild"):
        _shim.ShimBackend("linux", compiled.ffi, compiled.lib, frozenset())


def test_struct_rcv_is_what_python_unpacks(compiled):
    """The formats that unpack struct sfi_rcv have the compiler's size, and base.Received names its fields in order."""
    ffi = compiled.ffi
    assert ffi.sizeof("sfi_rcv") == _memory.RCV.size + _memory.NEXT.size
    plain, address, where = Received._fields[:9], Received._fields[9:13], Received._fields[13:]
    offsets = [ffi.offsetof("sfi_rcv", name) for name in plain]
    offsets += [ffi.offsetof("sfi_rcv", "from", name) for name in address]
    assert offsets == [4 * i for i in range(13)]
    assert [ffi.offsetof("sfi_rcv", name) for name in where] == [64, 68]
    assert _memory.EACH.size == ffi.sizeof("sfi_rcv")
    assert ffi.sizeof(getattr(ffi.new("sfi_rcv *"), "from").ip) == 16
    following = [f"next_{name}" for name in ("sid", "flags", "ppid", "length", "assoc_id")]
    assert [ffi.offsetof("sfi_rcv", name) for name in following] == [_memory.RCV.size + 4 * i for i in range(5)]
    assert [name for name, _ in ffi.typeof("sfi_rcv").fields] == [*plain, "from", *where, *following]


def test_struct_ntf_is_what_python_reads(compiled):
    """Every field of struct sfi_ntf reaches Python, under its own name or as one of the tails."""
    fields = [name for name, _ in compiled.ffi.typeof("sfi_ntf").fields]
    tails = {"tail_kind", "tail_offset", "tail_length"}
    assert set(fields) - tails <= set(RawNotification._fields)
    assert tails < set(fields)
    assert set(RawNotification._fields) - set(fields) == {
        "features", "causes", "undelivered", "streams", "source", "data",
    }  # fmt: skip


def test_struct_rcv_unpacks_to_its_values(compiled):
    """Values put into struct sfi_rcv by name come out of the format under the same names."""
    room = compiled.ffi.new("sfi_rcv *")
    for number, name in enumerate(Received._fields[:9], 1):
        setattr(room, name, number * 0x01010101)
    place = getattr(room, "from")
    place.family, place.port, place.scope_id, place.ip = 6, 3868, 7, list(range(16))
    room.offset, room.length = 11, 12
    got = Received(*_memory.RCV.unpack_from(compiled.ffi.buffer(room)))
    assert got[:9] == tuple(n * 0x01010101 for n in range(1, 10))
    assert got[9:] == (6, 3868, 7, bytes(range(16)), 11, 12)
    assert [tuple(each) for each in _memory.EACH.iter_unpack(compiled.ffi.buffer(room)[:])] == [tuple(got)]


def test_struct_snd_is_what_python_packs(compiled):
    """The format that packs struct sfi_snd has the compiler's layout, and base.Outgoing names its fields in order."""
    ffi = compiled.ffi
    names = ["assoc_id", "sid", "ppid", "flags", "context", "pr_policy", "pr_value"]
    assert [name for name, _ in ffi.typeof("sfi_snd").fields] == [*names, "to"]
    assert Outgoing._fields == ("assoc_id", "stream", *names[2:], "to")
    packed = _shim._SND.pack(*range(1, 8), 6, 3868, 7, bytes(range(16)))
    found = ffi.from_buffer("sfi_snd[]", packed)[0]
    assert [getattr(found, name) for name in names] == list(range(1, 8))
    assert (found.to.family, found.to.port, found.to.scope_id, bytes(found.to.ip)) == (6, 3868, 7, bytes(range(16)))
    assert ffi.sizeof("sfi_snd") == _shim._SND.size


# -- values inside options


def _native(backend: str, constant: str) -> Optional[int]:
    return CONSTANTS[constant][BACKENDS.index(backend)]


# What is converted: kind, the stacks' names of the members, and members with other names.
CONVERTED = [
    ("assoc_state", enums.AssocState, "SCTP_{}"),
    ("path_state", enums.PathState, "SCTP_{}"),
    ("pr_policy", enums.PrPolicy, "SCTP_PR_SCTP_{}"),
    ("scheduler", enums.StreamScheduler, "SCTP_SS_{}"),
    ("send_flags", enums.SendFlag, "SCTP_{}"),
]
LINUX_NAMES = {"POTENTIALLY_FAILED": "PF"}
BSD_NAMES = {
    "RR": "ROUND_ROBIN",
    "RR_PKT": "ROUND_ROBIN_PACKET",
    "PRIO": "PRIORITY",
    "FC": "FAIR_BANDWITH",
    "FCFS": "FIRST_COME",
}
# Linux' header of 6.1 has no names for the schedulers of 6.4.
UNNAMED = {"linux": {enums.StreamScheduler.FC: 3, enums.StreamScheduler.WFQ: 4}}
# The default of Linux is first come, first served, under one number.
FIRST_NAMES = {("linux", "scheduler", 0): enums.StreamScheduler.FCFS}
ONLY_READ = ("assoc_state", "path_state")


def _stacks_number(backend: str, kind: str, member: Any, pattern: str) -> Optional[int]:
    if member in UNNAMED.get(backend, {}) and kind == "scheduler":
        return UNNAMED[backend][member]
    names = LINUX_NAMES if backend == "linux" else BSD_NAMES if kind == "scheduler" else {}
    constant = pattern.format(names.get(member.name, member.name))
    return _native(backend, constant) if constant in CONSTANTS else None


@pytest.mark.parametrize("backend_name", BUILT)
@pytest.mark.parametrize(("kind", "cls", "pattern"), CONVERTED, ids=[row[0] for row in CONVERTED])
def test_values_go_there_and_back(backend_name, kind, cls, pattern):
    """Each member has the stack's own number there and is itself again here; one that the stack lacks is absent."""
    lib = importlib.import_module(f"sctpffi.backends._ffi_{backend_name}").lib
    number = _shim._CONVERTED[kind]
    seen: Dict[int, Any] = {}
    for member in cls:
        wanted = _stacks_number(backend_name, kind, member, pattern)
        if kind == "send_flags" and not member:
            wanted = 0
        native = lib.sfi_to_native(number, int(member))
        if kind in ONLY_READ:
            assert native == -errors.EABSENT
        else:
            assert native == (-errors.EABSENT if wanted is None else wanted), member
        if wanted is not None and wanted not in seen:
            # The default of Linux is first come, first served, under one number.
            first = (
                enums.StreamScheduler.FCFS if backend_name == "linux" and kind == "scheduler" and not wanted else member
            )
            assert lib.sfi_to_canonical(number, wanted) == first
            seen[wanted] = member
    assert len(seen) > 1


@pytest.mark.parametrize("value", [0x77, 0xFFFF, 0x10077, 0xFFFFFFFF])
@pytest.mark.parametrize("kind", [kind for kind in _shim._CONVERTED if kind != "send_flags"])
def test_values_without_a_name_are_marked(compiled, kind, value):
    """A number of the stack without a canonical one is marked as unknown and kept; the mark can't be set."""
    number = _shim._CONVERTED[kind]
    found = compiled.lib.sfi_to_canonical(number, value)
    assert found & enums.UNKNOWN
    assert found & 0xFFFF == value & 0xFFFF
    assert compiled.lib.sfi_to_native(number, found) == -errors.EABSENT


@pytest.mark.parametrize("kind", [-1, 0, max(_shim._CONVERTED.values()) + 1])
def test_values_of_no_kind_are_refused(compiled, kind):
    """A kind that does not exist is absent one way and unknown the other."""
    assert compiled.lib.sfi_to_native(kind, 0) == -errors.EABSENT
    assert compiled.lib.sfi_to_canonical(kind, 5) == enums.UNKNOWN | 5


def test_flags_go_bit_by_bit(compiled):
    """Flags of a message go over one by one; one that is none is refused as a whole (RFC 6458 section 5.3.4)."""
    lib, kind = compiled.lib, _shim._CONVERTED["send_flags"]
    both = enums.SendFlag.UNORDERED | enums.SendFlag.EOF
    native = lib.sfi_to_native(kind, int(both))
    assert native == lib.sfi_to_native(kind, 1) | lib.sfi_to_native(kind, 8)
    assert lib.sfi_to_canonical(kind, native) == both
    assert lib.sfi_to_native(kind, int(both) | 0x80) == -errors.EABSENT
    assert lib.sfi_to_canonical(kind, native | 0x8000_0000) == both


@pytest.mark.parametrize("backend_name", BUILT)
@pytest.mark.parametrize("cls", SAME_NUMBERS, ids=lambda cls: cls.__name__)
def test_values_that_nobody_converts_are_the_same_everywhere(cls, backend_name):
    """An enumeration that goes over as it is has the stacks' own numbers, as far as they have the members."""
    found = 0
    for member in cls:
        name = SAME_NUMBERS[cls].format(OWN_NAMES.get(member.name, member.name))
        numbers = [number for number in CONSTANTS.get(name, ()) if number is not None]
        assert set(numbers) <= {int(member)}
        found += bool(numbers) and _native(backend_name, name) is not None
    missing = {enums.PfExposure: BACKENDS, enums.CcModule: ("linux",)}  # no header has names, and Linux no modules
    assert bool(found) is (backend_name not in missing.get(cls, ()))


def test_reset_flags_are_the_same_everywhere():
    """Directions and results of stream resets have one number on every stack, in requests and events (RFC 6525)."""
    told = {
        "SCTP_STREAM_RESET_INCOMING_SSN": 1, "SCTP_STREAM_RESET_OUTGOING_SSN": 2, "SCTP_STREAM_RESET_DENIED": 4,
        "SCTP_STREAM_RESET_FAILED": 8, "SCTP_ASSOC_RESET_DENIED": 4, "SCTP_ASSOC_RESET_FAILED": 8,
        "SCTP_STREAM_CHANGE_DENIED": 4, "SCTP_STREAM_CHANGE_FAILED": 8, "SCTP_STREAM_RESET_INCOMING": 1,
        "SCTP_STREAM_RESET_OUTGOING": 2,
    }  # fmt: skip
    assert {name: CONSTANTS[name] for name in told} == {name: (number,) * 3 for name, number in told.items()}
    flags = enums.ResetFlag
    assert (flags.INCOMING, flags.OUTGOING, flags.DENIED, flags.FAILED) == (1, 2, 4, 8)


# -- limits


def test_most_addresses_of_a_call_are_the_same_in_c():
    """Python refuses more addresses than the shim has room for, and not one fewer."""
    room = re.search(r"#define SFI_MAX_ADDRS (\d+)", (CSRC / "sfi_common.h").read_text())
    assert room is not None
    assert int(room[1]) == addresses.MAX_ADDRESSES
