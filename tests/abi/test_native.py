"""The protocol tables against the headers that are installed here, for every backend that was built.

One C program a backend tells every number, so a whole table costs one compiler run. What the header lacks must
be younger than it (Linux) or known to the stack only (usrsctp); all else is a wrong row.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import pytest

from sctpffi._structs import STRUCTS, layout
from sctpffi._tables import BACKENDS, CONSTANTS, LINUX_SINCE, OPTIONS
from sctpffi.backends import kernel_name, load
from sctpffi.enums import Event
from sctpffi.errors import EABSENT

from .probing import BUILT, evaluate, missing_structs, struct_expressions

# The stack takes these values, usrsctp.h of 0.9.5 has no name for them; a header that has one is compared.
STACK_ONLY_TEXT = """
SCTP_DEFAULT_SEND_PARAM SCTP_EVENTS SCTP_USE_EXT_RCVINFO SCTP_PEER_ADDR_THLDS SCTP_INTERLEAVING_SUPPORTED
SCTP_CMT_ON_OFF SCTP_CMT_USE_DAC SCTP_PLUGGABLE_CC SCTP_CC_OPTION SCTP_GET_SNDBUF_USE SCTP_PCB_STATUS
SCTP_GET_NONCE_VALUES SCTP_SET_DYNAMIC_PRIMARY SCTP_VRF_ID SCTP_ADD_VRF_ID SCTP_GET_VRF_IDS SCTP_GET_ASOC_VRF
SCTP_DEL_VRF_ID SCTP_GET_PACKET_LOG SCTP_SET_DEBUG_LEVEL SCTP_CLR_STAT_LOG SCTP_GET_STAT_LOG
SCTP_SET_INITIAL_DBG_SEQ SCTP_GET_PEER_ADDRESSES SCTP_GET_LOCAL_ADDRESSES SCTP_GET_LOCAL_ADDR_SIZE
SCTP_GET_REMOTE_ADDR_SIZE SCTP_CONNECT_X SCTP_CONNECT_X_DELAYED SCTP_CONNECT_X_COMPLETE SCTP_PEELOFF
SCTP_GET_ADDR_LEN SCTP_INIT SCTP_SNDRCV SCTP_EXTRCV SCTP_SNDINFO SCTP_RCVINFO SCTP_NXTINFO SCTP_PRINFO
SCTP_AUTHINFO SCTP_DSTADDRV4 SCTP_DSTADDRV6 SCTP_PR_SCTP_PRIO SCTP_PR_SCTP_MAX SCTP_PR_SCTP_ALL SPP_IPV4_TOS
SCTP_CC_OPT_USE_DCCC_ECN SCTP_FRAG_LEVEL_0 SCTP_FRAG_LEVEL_1 SCTP_FRAG_LEVEL_2
"""
STACK_ONLY = frozenset(STACK_ONLY_TEXT.split()) | {name for name in CONSTANTS if name.startswith("SCTP_CAUSE_")}
# Structs that came to <linux/sctp.h> together with an option.
STRUCT_CAME_WITH = {
    "sctp_probeinterval": "SCTP_PLPMTUD_PROBE_INTERVAL",
    "sctp_udpencaps": "SCTP_REMOTE_UDP_ENCAPS_PORT",
    "sctp_paddrthlds_v2": "SCTP_PEER_ADDR_THLDS_V2",
    "sctp_event": "SCTP_EVENT",
    "sctp_send_failed_event": "SCTP_SEND_FAILED_EVENT",
    "sctp_event_subscribe": "SCTP_SEND_FAILED_EVENT",
    "sctp_prinfo": "SCTP_PRINFO",
    "sctp_authinfo": "SCTP_AUTHINFO",
}
# Not a struct of its own: <linux/sctp.h> has "#define sctp_setprim sctp_prim".
SECOND_NAMES = {"linux": {"sctp_setprim"}}
# usrsctp's MSG_* are those of the host it runs on.
HOSTS_OWN = frozenset({"MSG_EOR"})


class Header(NamedTuple):
    """A backend's installed header: what it says, and what the table does."""

    name: str
    says: Dict[str, Optional[int]]
    constants: Dict[str, Optional[int]]
    structs: Dict[str, int]
    version: str  # of Linux' header


@pytest.fixture(scope="module", params=BUILT)
def header(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Header:
    """One compiler run for all that a backend's tests ask."""
    name: str = request.param
    folder: Path = tmp_path_factory.mktemp(name)
    column = BACKENDS.index(name)
    constants = {c: row[column] for c, row in CONSTANTS.items()}
    if name == "usrsctp":
        host = 0 if kernel_name() == "linux" else 1
        constants.update({c: CONSTANTS[c][host] for c in HOSTS_OWN})
    structs = struct_expressions(name)
    absent = [f"sizeof(struct {s})" for s in missing_structs(name)]
    code = ["LINUX_VERSION_CODE"] if name == "linux" else []
    says = evaluate(name, [*constants, *structs, *absent, *code], folder)
    number = says.get("LINUX_VERSION_CODE") or 0
    return Header(name, says, constants, structs, f"{number >> 16}.{number >> 8 & 255}")


def _release(text: str) -> List[int]:
    return [int(part) for part in text.split(".")]


def _excused(header: Header, constant: str) -> bool:
    """Whether the header may lack a name that the table has a number for."""
    if header.name == "linux":
        return constant in LINUX_SINCE and _release(LINUX_SINCE[constant]) > _release(header.version)
    return header.name == "usrsctp" and constant in STACK_ONLY


def test_something_is_built():
    """At least one backend was built here, so that the tests below test something."""
    assert BUILT
    assert set(BUILT) <= set(BACKENDS)


def test_constants_have_the_headers_numbers(header):
    """Every native constant that the header has is in the table with the header's number."""
    wrong = {
        name: {"table": number, "header": header.says[name]}
        for name, number in header.constants.items()
        if number is not None and header.says[name] not in (None, number)
    }
    assert not wrong


def test_constants_missing_from_the_header_are_excused(header, record_property):
    """A constant of the table that the header lacks is younger than the header, or only the stack knows it."""
    missing = [n for n, number in header.constants.items() if number is not None and header.says[n] is None]
    record_property(f"not in the header of {header.name}", missing)
    assert [name for name in missing if not _excused(header, name)] == []


def test_constants_absent_from_the_table_are_absent_from_the_header(header):
    """Where the table says that a stack has no such name, its header has none."""
    absent = [name for name, number in header.constants.items() if number is None]
    assert absent
    assert {name: header.says[name] for name in absent if header.says[name] is not None} == {}


def test_structs_have_the_headers_layout(header, record_property):
    """Size of every struct and offset of every field are the compiler's."""
    wrong = {e: {"table": at, "header": header.says[e]} for e, at in header.structs.items() if header.says[e] != at}
    excused = []
    for expression in list(wrong):
        struct = expression.partition("struct ")[2].partition(",")[0].rstrip(")")
        if struct in STRUCT_CAME_WITH and header.name == "linux" and _excused(header, STRUCT_CAME_WITH[struct]):
            excused.append(expression)
            del wrong[expression]
    record_property(f"not in the header of {header.name}", excused)
    assert not wrong


def test_structs_absent_from_the_table_are_absent_from_the_header(header):
    """A struct without a layout for a backend does not exist in its header."""
    there = [s for s in missing_structs(header.name) if header.says[f"sizeof(struct {s})"] is not None]
    assert set(there) == SECOND_NAMES.get(header.name, set())


def test_names_known_to_the_stack_only_are_rows_of_the_table():
    """The list of names that usrsctp.h lacks holds no name that the table has no usrsctp number for."""
    column = BACKENDS.index("usrsctp")
    assert [name for name in sorted(STACK_ONLY) if name not in CONSTANTS or CONSTANTS[name][column] is None] == []


@pytest.mark.parametrize("name", BUILT)
def test_compiled_options_have_the_tables_numbers(name):
    """sfi_native_option gives the table's number for every option of the sctp level, and an error for others."""
    lib = importlib.import_module(f"sctpffi.backends._ffi_{name}").lib
    options = [o[len("SFI_OPT_") :] for o in dir(lib) if o.startswith("SFI_OPT_") and not o.startswith("SFI_OPT_SO_")]
    options.remove("MAX")
    wanted = {o: CONSTANTS[f"SCTP_{o}"][BACKENDS.index(name)] for o in options}
    assert {o: lib.sfi_native_option(getattr(lib, f"SFI_OPT_{o}")) for o in options} == {
        o: -EABSENT if number is None else number for o, number in wanted.items()
    }
    assert [lib.sfi_native_option(n) for n in (-1, 0, lib.SFI_OPT_MAX + 1)] == [-EABSENT] * 3


@pytest.mark.parametrize("name", BUILT)
def test_compiled_events_have_the_tables_numbers(name):
    """sfi_native_event gives the table's number for every event, and an error for one the stack lacks."""
    lib = importlib.import_module(f"sctpffi.backends._ffi_{name}").lib
    wanted = {e: CONSTANTS[f"SCTP_{e.name}"][BACKENDS.index(name)] for e in Event}
    assert {e: lib.sfi_native_event(e) for e in Event} == {
        e: -EABSENT if number is None else number for e, number in wanted.items()
    }
    assert [lib.sfi_native_event(n) for n in (-1, 0, lib.SFI_EVENT_MAX + 1)] == [-EABSENT] * 3


@pytest.mark.parametrize("name", BUILT)
def test_options_structs_and_fields_are_declared_to_cffi(name):
    """Each option's C struct is known to the compiled module, with its association id and all its fields."""
    backend, ffi = load(name), importlib.import_module(f"sctpffi.backends._ffi_{name}").ffi
    lacking = []
    for row in OPTIONS:
        _, c_type = backend.option(row)
        if row.struct == "int":
            assert c_type == "int"
            continue
        for path in [field.path for field in row.fields] + [row.assoc_field] * bool(row.assoc_field):
            try:
                ffi.offsetof(c_type, *path.split("."))
            except (KeyError, ffi.error) as exc:
                lacking.append(f"{row.name}: {c_type} {path}: {exc}")
    assert lacking == []


@pytest.mark.parametrize("name", BUILT)
def test_compiled_structs_have_the_tables_layout(name):
    """The modules were compiled with the layouts of the table: every struct they declare has its size and offsets."""
    ffi = importlib.import_module(f"sctpffi.backends._ffi_{name}").ffi
    typedefs, structs, unions = ffi.list_types()
    declared = [s for s in structs if s in STRUCTS]
    assert "sctp_rcvinfo" in declared
    assert unions == []
    wrong = []
    for struct in declared:
        row = layout(struct, name)
        assert row is not None, f"{name} declares struct {struct}, which the table says it lacks"
        size, offsets = row
        for field, kind in ffi.typeof(f"struct {struct}").fields:
            if offsets.get(field) != kind.offset:
                wrong.append(f"{struct}.{field} at {kind.offset}")
        if ffi.sizeof(f"struct {struct}") != size:
            wrong.append(f"{struct} has {ffi.sizeof(f'struct {struct}')} bytes")
    assert wrong == []
