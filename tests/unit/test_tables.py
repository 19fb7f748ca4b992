"""The protocol tables against themselves: names, sections, numbers and structs that must agree.

Against the stacks' headers they are checked in tests/abi.
"""

from __future__ import annotations

import re

import pytest

from sctpffi._structs import STRUCTS, layout
from sctpffi._tables import BACKENDS, CONSTANTS, LINUX_SINCE, OPTIONS
from sctpffi.backends import NAMES
from sctpffi.backends._shim import _c_type

SCTP_ROWS = [row for row in OPTIONS if row.level == "sctp"]


def test_backends_have_one_order():
    """The columns of the tables are the backends of the registry, in its order."""
    assert BACKENDS == NAMES
    assert {len(row) for row in CONSTANTS.values()} == {len(BACKENDS)}


@pytest.mark.parametrize("row", SCTP_ROWS, ids=lambda row: row.name)
def test_option_numbers_are_those_of_the_constants(row):
    """An option's numbers are the constants' of its C name; FreeBSD's and usrsctp's are the same."""
    assert (row.linux, row.bsd, row.bsd) == CONSTANTS[row.c_name]


@pytest.mark.parametrize("row", [r for r in OPTIONS if r.level != "sctp"], ids=lambda row: row.name)
def test_socket_level_options_have_no_sctp_number(row):
    """Options of the socket level are the host's own, with no number of SCTP's."""
    assert (row.level, row.linux, row.bsd) == ("socket", None, None)
    assert row.c_name.startswith("SO_")


def test_option_names_are_unique():
    """No two rows have one name or one C name."""
    for names in ([row.name for row in OPTIONS], [row.c_name for row in OPTIONS]):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_option_rows_are_well_formed(row):
    """Each row has a Python name, a section of an RFC, and words of the known vocabularies."""
    assert re.fullmatch(r"[a-z][a-z_]*", row.name)
    assert re.fullmatch(r"RFC \d+ section \d+(\.\d+)*", row.rfc)
    assert row.scope in ("socket", "assoc", "path")
    assert row.access in ("r", "w", "rw")
    assert row.styles in ("both", "one_to_one", "one_to_many")
    assert {field.kind for field in row.fields} <= {"int", "port", "address"}
    assert row.fields


@pytest.mark.parametrize("side", ["linux", "freebsd"])
@pytest.mark.parametrize("row", [r for r in SCTP_ROWS if r.struct != "int"], ids=lambda row: row.name)
def test_option_fields_are_fields_of_its_struct(row, side):
    """Each field of an option, and its association id, is a field of the struct that the stack has."""
    struct = _c_type(row.struct, side).split()[1]
    found = layout(struct, side)
    assert found is not None, f"{side} has no struct {struct}"
    paths = [field.path.split(".")[0] for field in row.fields] + [row.assoc_field] * bool(row.assoc_field)
    assert [path for path in paths if path not in found[1]] == []


@pytest.mark.parametrize(
    ("text", "linux", "bsd"),
    [
        ("int", "int", "int"),
        ("struct sctp_rtoinfo", "struct sctp_rtoinfo", "struct sctp_rtoinfo"),
        ("struct {sctp_prim|sctp_setprim}", "struct sctp_prim", "struct sctp_setprim"),
    ],
)
def test_struct_names_are_chosen_by_stack(text, linux, bsd):
    """Where the stacks name a struct differently each one gets its own name."""
    assert (_c_type(text, "linux"), _c_type(text, "bsd")) == (linux, bsd)


def test_assoc_scope_means_an_association_field():
    """An option of an association or a path has a field for its id, an option of the socket has none."""
    assert [r.name for r in OPTIONS if (r.scope == "socket") is not (r.assoc_field == "")] == []


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
