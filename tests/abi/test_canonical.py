"""The shim's own ABI (csrc/sfi.h) against the Python side: constants, structs and prototypes, both ways.

Read from the header's text and from the compiled module of every backend that was built here; a module that is
older than the header fails here, with what to do.
"""

from __future__ import annotations

import importlib
import re
from types import ModuleType
from typing import Dict, Tuple

import pytest

from sctpffi import addresses, enums, errors, inbox
from sctpffi._tables import OPTIONS
from sctpffi.backends import _shim
from sctpffi.backends.base import Received

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
}
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
    "SFI_KIND_DATA": 0,
    "SFI_KIND_NOTIFICATION": inbox._KIND_NOTIFICATION,
    "SFI_KIND_EOF": inbox._KIND_EOF,
    "SFI_RECV_PEEK": 1,
    "SFI_READ": 1,
    "SFI_WRITE": 2,
    "SFI_TAIL_NONE": 0,
    "SFI_TAIL_CAUSES": _shim._TAIL_CAUSES,
    "SFI_TAIL_FEATURES": _shim._TAIL_FEATURES,
    "SFI_EVENT_MAX": max(enums.Event),
}
# Used by name through the compiled module, so that no Python number can differ.
BY_NAME = {"SFI_BIND_ADD", "SFI_BIND_REMOVE", "SFI_SIDE_LOCAL", "SFI_SIDE_PEER", "SFI_TAIL_OTHER"}


@pytest.fixture(scope="module", params=BUILT)
def compiled(request: pytest.FixtureRequest) -> ModuleType:
    """The compiled module of a backend."""
    return importlib.import_module(f"sctpffi.backends._ffi_{request.param}")


@pytest.mark.parametrize("prefix", FAMILIES)
def test_families_have_the_members_of_their_enumeration(prefix):
    """The header's constants of a family and the members of its enumeration are the same, name by name."""
    members = {name: int(member) for name, member in FAMILIES[prefix].__members__.items()}
    if prefix in ("SFI_SEND_", "SFI_RCV_"):
        assert members.pop("NONE") == 0  # no flag at all: a convenience of Python's
    header = {n[len(prefix) :]: v for n, v in DEFINED.items() if n.startswith(prefix) and n not in ALONE}
    assert header == members


@pytest.mark.parametrize("name", ALONE)
def test_single_constants_are_pythons(name):
    """A constant without an enumeration has the number that Python uses for it."""
    assert DEFINED[name] == ALONE[name]


def test_message_flags_of_the_inbox_are_the_headers():
    """The numbers that the receiving code keeps for speed are those of the header."""
    assert DEFINED["SFI_RCV_EOR"] == inbox._EOR
    assert DEFINED["SFI_RCV_UNORDERED"] == inbox._UNORDERED


def test_option_numbers_are_one_run_without_gaps():
    """Option numbers go from 1 to SFI_OPT_MAX, each once, as the shim's array of rows wants them."""
    numbers = {n: v for n, v in DEFINED.items() if n.startswith("SFI_OPT_") and n != "SFI_OPT_MAX"}
    assert sorted(numbers.values()) == list(range(1, DEFINED["SFI_OPT_MAX"] + 1))


def test_every_option_row_has_a_number_in_the_header():
    """Each option of the table is an SFI_OPT_ constant under its C name."""
    assert [r.name for r in OPTIONS if "SFI_OPT_" + re.sub(r"^SCTP_", "", r.c_name) not in DEFINED] == []


def test_no_constant_of_the_header_is_unaccounted_for():
    """Every SFI_ constant belongs to a family, or is compared by itself, so that a new one can't slip by."""
    families = (*FAMILIES, "SFI_OPT_")
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
    """The format that unpacks struct sfi_rcv has the compiler's size, and base.Received names its fields in order."""
    ffi = compiled.ffi
    assert ffi.sizeof("sfi_rcv") == _shim._RCV.size
    plain, address = Received._fields[:9], Received._fields[9:]
    offsets = [ffi.offsetof("sfi_rcv", name) for name in plain]
    offsets += [ffi.offsetof("sfi_rcv", "from", name) for name in address]
    assert offsets == [4 * i for i in range(13)]
    assert ffi.sizeof(getattr(ffi.new("sfi_rcv *"), "from").ip) == 16


def test_struct_rcv_unpacks_to_its_values(compiled):
    """Values put into struct sfi_rcv by name come out of the format under the same names."""
    room = compiled.ffi.new("sfi_rcv *")
    for number, name in enumerate(Received._fields[:9], 1):
        setattr(room, name, number * 0x01010101)
    place = getattr(room, "from")
    place.family, place.port, place.scope_id, place.ip = 6, 3868, 7, list(range(16))
    got = Received(*_shim._RCV.unpack_from(compiled.ffi.buffer(room)))
    assert got[:9] == tuple(n * 0x01010101 for n in range(1, 10))
    assert got[9:] == (6, 3868, 7, bytes(range(16)))


def test_most_addresses_of_a_call_are_the_same_in_c():
    """Python refuses more addresses than the shim has room for, and not one fewer."""
    room = re.search(r"#define SFI_MAX_ADDRS (\d+)", (CSRC / "sfi_common.h").read_text())
    assert room is not None
    assert int(room[1]) == addresses.MAX_ADDRESSES
