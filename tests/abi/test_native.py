"""The protocol tables against the headers that are installed here, for every backend that was built.

One C program a backend tells every number, so a whole table costs one compiler run. What the header lacks must
be younger than it (Linux) or known to the stack only (usrsctp); all else is a wrong row.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import pytest

from sctpffi._optrows import OptionRow
from sctpffi._structs import STAND_INS, STRUCTS, layout
from sctpffi._tables import BACKENDS, CONSTANTS, LINUX_SINCE, OPTIONS
from sctpffi.backends import kernel_name, load
from sctpffi.enums import Event
from sctpffi.errors import EABSENT
from sctpffi.options import LIMITS

from .probing import (
    BUILT,
    CSRC,
    compile_c,
    compiler,
    evaluate,
    include_flags,
    missing_structs,
    stand_in_checks,
    struct_expressions,
)

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


def _table_number(row: OptionRow, name: str) -> Optional[int]:
    return None if row.lacks == name else row.linux if name == "linux" else row.bsd


@pytest.mark.parametrize("name", BUILT)
def test_compiled_options_have_the_tables_numbers(name):
    """sfi_native_option gives the table's number for every option of the sctp level, and an error for others."""
    backend = load(name)
    rows = [row for row in OPTIONS if row.level == "sctp"]
    wanted = {row.name: _table_number(row, name) for row in rows}
    assert {row.name: backend.lib.sfi_native_option(backend.codec(row).number) for row in rows} == {
        option: -EABSENT if number is None else number for option, number in wanted.items()
    }
    lib = backend.lib
    assert lib.sfi_native_option(lib.SFI_OPT_EVENT) == CONSTANTS["SCTP_EVENT"][BACKENDS.index(name)]
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


def _field_type(ffi: Any, c_type: str, path: Sequence[str]) -> Any:
    """The C type of a field, which may lie in an inner struct."""
    found = ffi.typeof(c_type)
    for part in path:
        found = dict(found.fields)[part].type
    return found


def _top(ffi: Any, kind: Any) -> int:
    """The largest number that an integer type takes."""
    bits = 8 * ffi.sizeof(kind)
    signed = int(ffi.cast(kind, -1)) < 0
    return int(2 ** (bits - signed) - 1)


@pytest.mark.parametrize("name", BUILT)
def test_options_structs_and_fields_are_declared_to_cffi(name):
    """Each option's C struct is known to the compiled module, with its association id and all its fields."""
    backend = load(name)
    ffi, lacking = backend.ffi, []
    for row in OPTIONS:
        codec = backend.codec(row)
        if row.struct in ("int", "assoc_id"):
            assert codec.c_type == {"int": "int", "assoc_id": "uint32_t"}[row.struct]
            continue
        if _table_number(row, name) is None and row.level == "sctp":
            continue
        paths = [list(path) for path, _ in codec.paths] + [row.assoc_field.split(".")] * bool(row.assoc_field)
        paths += [[codec.tail.path], [codec.count_field]] if codec.tail is not None else []
        for path in paths:
            try:
                _field_type(ffi, codec.c_type, path)
            except (KeyError, ffi.error) as exc:
                lacking.append(f"{row.name}: {codec.c_type} {path}: {exc}")
    assert lacking == []


@pytest.mark.parametrize("name", BUILT)
def test_fields_hold_what_their_kind_lets_through(name):
    """Each field of each struct is as wide as its kind says, so that no number that passes the checks is too large."""
    backend = load(name)
    ffi, wrong = backend.ffi, []
    widths = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "int": 4, "port": 2, "net32": 4}
    for row in OPTIONS:
        codec = backend.codec(row)
        if not row.struct.startswith("struct ") or (_table_number(row, name) is None and row.level == "sctp"):
            continue
        for path, field in codec.paths:
            kind = _field_type(ffi, codec.c_type, path)
            if field.kind not in widths:
                continue
            given = "w" in row.access or field.name in row.keys
            if ffi.sizeof(kind) != widths[field.kind] or (given and _top(ffi, kind) < LIMITS[field.kind]):
                wrong.append(f"{row.name}.{field.name} is {kind.cname} and {field.kind}")
        if codec.tail is not None:
            items = dict(ffi.typeof(codec.c_type).fields)[codec.tail.path].type.item
            if ffi.sizeof(items) != {"u8[]": 1, "u16[]": 2, "u32[]": 4, "bytes": 1}[codec.tail.kind]:
                wrong.append(f"{row.name}: {items.cname} behind it, and {codec.tail.kind}")
    assert wrong == []


@pytest.mark.parametrize("name", BUILT)
def test_stand_ins_are_laid_out_as_the_stacks_own(name, tmp_path):
    """Structs that the C files declare themselves have the layouts of the table (docs/stacks.md, bug c)."""
    source = tmp_path / "checks.c"
    source.write_text(f'#include "sfi_{name}.c"\n' + "\n".join(stand_in_checks(name)) + "\n")
    command = [*compiler(), "-std=c11", "-w", "-I", str(CSRC), *include_flags(), "-fsyntax-only", str(source)]
    done = compile_c([*command, '-DSFI_USRSCTP_VERSION="0"'])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", BUILT)
def test_compiled_structs_have_the_tables_layout(name):
    """The modules were compiled with the layouts of the table: every struct they declare has its size and offsets."""
    ffi = importlib.import_module(f"sctpffi.backends._ffi_{name}").ffi
    typedefs, structs, unions = ffi.list_types()
    declared = [s for s in structs if s in STRUCTS or s in STAND_INS]
    assert [s for s in structs if s.startswith(("sctp_", "sfi_")) and s not in declared and s not in typedefs] == []
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
