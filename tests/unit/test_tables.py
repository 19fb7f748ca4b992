"""The protocol tables against themselves: names, sections, numbers and structs that must agree.

Against the stacks' headers they are checked in tests/abi.
"""

from __future__ import annotations

import dataclasses
import re

import pytest

from sctpffi._optrows import pick
from sctpffi._structs import STAND_INS, STRUCTS, layout
from sctpffi._tables import BACKENDS, CONSTANTS, COUNTERS, LINUX_SINCE, OPTIONS
from sctpffi.backends import NAMES
from sctpffi.options import DEFAULT_KEYS, ENUMS, LIMITS
from sctpffi.statistics import StackCounters

SCTP_ROWS = [row for row in OPTIONS if row.level == "sctp"]
TAILS = ("u8[]", "u16[]", "u32[]", "bytes")


def has(row, backend):
    """Whether the table says that a backend has an option."""
    number = row.linux if backend == "linux" else row.bsd
    return number is not None and row.lacks != backend


STRUCTS_OF = [(row, b) for row in SCTP_ROWS for b in BACKENDS if has(row, b) and row.struct.startswith("struct ")]


def test_backends_have_one_order():
    """The columns of the tables are the backends of the registry, in its order."""
    assert BACKENDS == NAMES
    assert {len(row) for row in CONSTANTS.values()} == {len(BACKENDS)}


@pytest.mark.parametrize("stack", BACKENDS)
@pytest.mark.parametrize("row", SCTP_ROWS, ids=lambda row: row.name)
def test_option_numbers_are_those_of_the_constants(row, stack):
    """An option's number is the constant's of its C name on that stack, and none where the stack is without it."""
    number = row.linux if stack == "linux" else row.bsd
    wanted = CONSTANTS[pick(row.c_name, stack)][BACKENDS.index(stack)]
    assert wanted == (number if has(row, stack) else None)


def test_every_option_is_somebodys():
    """Each option of SCTP's level exists on a stack; one that is lacking is lacking where the number would be."""
    assert [row.name for row in SCTP_ROWS if row.linux is None and row.bsd is None] == []
    assert {row.lacks for row in OPTIONS} <= {"", *BACKENDS}
    lacking = [row for row in SCTP_ROWS if row.lacks]
    assert [row.name for row in lacking if (row.linux if row.lacks == "linux" else row.bsd) is None] == []


@pytest.mark.parametrize("row", [r for r in OPTIONS if r.level != "sctp"], ids=lambda row: row.name)
def test_socket_level_options_have_no_sctp_number(row):
    """Options of the socket level are the host's own, with no number of SCTP's."""
    assert (row.level, row.linux, row.bsd) == ("socket", None, None)
    assert row.c_name.startswith("SO_")


def test_option_names_are_unique():
    """No two rows have one name, or one C name on a stack."""
    columns = [[row.name for row in OPTIONS]]
    columns += [[pick(row.c_name, backend) for row in OPTIONS] for backend in BACKENDS]
    for names in columns:
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_option_rows_are_well_formed(row):
    """Each row has a Python name, a section of an RFC or the word that there is none, and words of the vocabularies."""
    assert re.fullmatch(r"[a-z][a-z_0-9]*", row.name)
    assert re.fullmatch(r"RFC \d+ section \d+(\.\d+)*|no RFC; \S.*|POSIX", row.rfc)
    assert row.scope in ("socket", "assoc", "path")
    assert row.access in ("r", "w", "rw")
    assert row.styles in ("both", "one_to_one", "one_to_many")
    assert row.needs in ("", "auth", "asconf", "reconfig")
    numbers = {kind for kind in LIMITS if not kind.endswith("[]")}
    assert {field.kind for field in row.fields} <= {*numbers, *ENUMS, "address"}
    assert row.fields or row.tail is not None or row.struct == "assoc_id"
    assert row.struct in ("int", "assoc_id") or row.struct.startswith("struct ")


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_association_ids_are_told_for_what_can_be_done(row):
    """`ids` tells of Future, Current, All and Id in this order, for setting and getting as far as there is either."""
    found = re.fullmatch(r"(F?C?A?I?)/(F?I?)", row.ids)
    assert found is not None
    by_assoc = row.scope != "socket"
    assert (bool(found[1]), bool(found[2])) == (by_assoc and "w" in row.access, by_assoc and "r" in row.access)


@pytest.mark.parametrize("row", [r for r in OPTIONS if r.tail or r.count_field], ids=lambda row: row.name)
def test_tails_have_a_count(row):
    """What follows a struct is counted in one of its fields, and its kind is one that the codec knows."""
    assert row.tail is not None
    assert row.tail.kind in TAILS
    for backend in filter(lambda backend: has(row, backend), BACKENDS):
        found = layout(pick(row.struct, backend).split()[1], backend)
        assert found is not None
        size, offsets = found
        assert pick(row.count_field, backend) in offsets
        assert offsets[row.tail.path] == size  # nothing of the struct comes after it
    assert row.tail.name not in {field.name for field in row.fields}


@pytest.mark.parametrize("row", [r for r in OPTIONS if r.keys], ids=lambda row: row.name)
def test_keys_are_fields_that_can_be_given(row):
    """What says what is asked for is a field of the struct, and `of()` has an argument for it."""
    assert set(row.keys) <= {field.name for field in row.fields}
    assert set(row.keys) <= set(DEFAULT_KEYS)
    assert [field.name for field in row.fields if field.name not in row.keys] != []


def test_extensions_have_a_switch():
    """What an option needs can be switched on by an option of its own, which needs nothing."""
    switches = {row.name: row for row in OPTIONS if row.name.endswith("_supported")}
    for needs in {row.needs for row in OPTIONS if row.needs}:
        assert switches[f"{needs}_supported"].needs == ""
        assert switches[f"{needs}_supported"].access == "rw"


@pytest.mark.parametrize(("row", "stack"), STRUCTS_OF, ids=lambda item: item if isinstance(item, str) else item.name)
def test_option_fields_are_fields_of_its_struct(row, stack):
    """Each field of an option, and its association id, is a field of the struct that the stack has."""
    struct = pick(row.struct, stack).split()[1]
    found = layout(struct, stack)
    assert found is not None, f"{stack} has no struct {struct}"
    paths = [pick(field.path, stack).split(".")[0] for field in row.fields]
    paths += [row.assoc_field.split(".")[0]] * bool(row.assoc_field)
    assert [path for path in paths if path not in found[1]] == []


@pytest.mark.parametrize(
    ("text", "linux", "bsd"),
    [
        ("int", "int", "int"),
        ("struct sctp_rtoinfo", "struct sctp_rtoinfo", "struct sctp_rtoinfo"),
        ("struct {sctp_prim|sctp_setprim}", "struct sctp_prim", "struct sctp_setprim"),
        ("{SCTP_STREAM_SCHEDULER|SCTP_PLUGGABLE_SS}", "SCTP_STREAM_SCHEDULER", "SCTP_PLUGGABLE_SS"),
        ("a{b|c}d", "abd", "acd"),
        ("", "", ""),
    ],
)
def test_names_are_chosen_by_stack(text, linux, bsd):
    """Where the stacks name a thing differently each one gets its own name."""
    assert (pick(text, "linux"), pick(text, "freebsd"), pick(text, "usrsctp")) == (linux, bsd, bsd)


def test_assoc_scope_means_an_association_field():
    """An option of an association or a path has a field for its id, an option of the socket has none."""
    assert [r.name for r in OPTIONS if (r.scope == "socket") is not (r.assoc_field == "")] == []


def test_counters_have_names_of_their_own():
    """Each counter of the SCTP MIB is a field of StackCounters, under another name on each stack (RFC 3873)."""
    names = [row[0] for row in COUNTERS]
    assert [*names, "other"] == [field.name for field in dataclasses.fields(StackCounters)]
    for column in zip(*COUNTERS):
        assert len(set(column)) == len(COUNTERS)


def test_years_of_linux_are_of_names_that_linux_has():
    """Every name with a first Linux version is a constant that Linux has, and the version is one."""
    assert [name for name in LINUX_SINCE if CONSTANTS.get(name, (None,))[0] is None] == []
    assert [version for version in LINUX_SINCE.values() if not re.fullmatch(r"\d+\.\d+", version)] == []


def test_struct_layouts_are_plausible():
    """In each layout no field lies beyond the end, no two fields at one place, and the first one at 0."""
    for name in STRUCTS:
        for backend in BACKENDS:
            found = layout(name, backend)
            if found is None:
                continue
            size, offsets = found
            places = list(offsets.values())
            assert places[0] == 0, name
            assert places == sorted(set(places)), name
            assert max(places) <= size, name


def test_own_layout_wins():
    """A stack's own layout wins over that of both BSDs, which wins over that of all; Linux is no BSD."""
    assert layout("sctp_pdapi_event", "usrsctp")[0] == 24
    assert layout("sctp_pdapi_event", "freebsd")[0] == 20
    assert layout("sctp_setprim", "usrsctp") == layout("sctp_setprim", "freebsd")
    assert layout("sctp_setprim", "linux") is None
    assert layout("sctp_rcvinfo", "linux") == layout("sctp_rcvinfo", "usrsctp")


def test_stand_ins_are_laid_out_as_freebsds():
    """A struct that the shim declares itself is FreeBSD's on both BSDs, and on Linux there is none."""
    for name, real in STAND_INS.items():
        assert name not in STRUCTS
        assert layout(name, "usrsctp") == layout(name, "freebsd") == layout(real, "freebsd") is not None
        assert layout(name, "linux") is None
