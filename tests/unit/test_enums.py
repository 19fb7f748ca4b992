"""Canonical enumerations: unknown values, names, and that everything is explained in the source.

That their numbers are the shim's is in tests/abi/test_canonical.py.
"""

from __future__ import annotations

import ast
import copy
import enum
import inspect
import pickle

import pytest

from sctpffi import enums
from sctpffi.enums import UNKNOWN, AssocId, Cause, ChunkType, Event, HmacId, PfExposure, Ppid, Style

ALL = [c for c in vars(enums).values() if inspect.isclass(c) and issubclass(c, enum.IntEnum) and len(c)]
OPEN = [c for c in ALL if issubclass(c, enums._Canonical)]
FLAGS = [c for c in vars(enums).values() if inspect.isclass(c) and issubclass(c, enum.IntFlag) and len(c)]
# Numbers off the wire, of RFC 9260 and IANA, or with one meaning on every stack that has them: none is marked.
REGISTERED = [c for c in OPEN if issubclass(c, enums._Registered)]
MARKED = [c for c in OPEN if c not in REGISTERED]
# IANA's registry explains its own names.
REGISTRIES = {"Ppid"}
# No RFC has it.
STACKS_OWN = {"CcModule"}


def test_the_classes_are_found():
    """The module's enumerations are all covered by the tests below."""
    names = "AssocChangeState AssocState AuthIndication Cause CcModule ChunkType ErrorDetection Event HmacId"
    names += " PartialDelivery PathState PeerAddrState PeerFeature PfExposure Ppid PrPolicy StreamScheduler"
    assert sorted(c.__name__ for c in OPEN) == names.split()
    assert {c.__name__ for c in ALL} - {c.__name__ for c in OPEN} == {"AssocId", "Style"}
    names = "FailedFlag MsgFlag NextFlag PathFlag ResetFlag SendFlag StreamResetAllow"
    assert sorted(c.__name__ for c in FLAGS) == names.split()
    names = "Cause CcModule ChunkType ErrorDetection HmacId PfExposure Ppid"
    assert sorted(c.__name__ for c in REGISTERED) == names.split()


@pytest.mark.parametrize("cls", MARKED)
def test_native_value_without_a_name_keeps_its_number(cls):
    """What the shim marks as unknown becomes a member UNKNOWN_n of the class, with the native number n kept."""
    member = cls(UNKNOWN | 4242)
    assert type(member) is cls
    assert member == UNKNOWN | 4242
    assert (member.name, member.value, str(member)) == ("UNKNOWN_4242", UNKNOWN | 4242, "UNKNOWN_4242")
    assert not member.known


@pytest.mark.parametrize("cls", MARKED)
def test_unknown_members_are_equal_and_stay_out_of_the_class(cls):
    """Two members of one unknown value are equal with one hash; neither joins the class's members."""
    before = list(cls)
    one, two = cls(UNKNOWN | 7), cls(UNKNOWN | 7)
    assert one == two
    assert len({one, two}) == 1
    assert list(cls) == before
    assert one not in list(cls)


@pytest.mark.parametrize("cls", MARKED)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_unknown_members_can_be_copied(cls, duplicate):
    """Copies and pickles of an unknown member have its value, name and class."""
    member = duplicate(cls(UNKNOWN | 99))
    assert (type(member), member.value, member.name) == (cls, UNKNOWN | 99, "UNKNOWN_99")


@pytest.mark.parametrize("cls", OPEN)
@pytest.mark.parametrize("value", ["EOF", None, 1.5, b"1"], ids=repr)
def test_what_is_no_number_is_refused(cls, value):
    """A value that is no int is a ValueError that names the class."""
    with pytest.raises(ValueError, match=cls.__name__):
        cls(value)


@pytest.mark.parametrize("cls", OPEN)
def test_known_members_say_so(cls):
    """Every member of a class is known and prints as its name."""
    assert all(member.known and str(member) == member.name for member in cls)


@pytest.mark.parametrize("number", [999, 0x0FFF, 0xFFFF])
def test_unknown_cause_keeps_its_code(number):
    """A cause code that no RFC of ours has keeps its number, unmarked, because it comes off the wire as it is."""
    assert Cause(number) == number
    assert Cause(number).name == f"UNKNOWN_{number}"


@pytest.mark.parametrize("number", [26, 0xFFFF, 0x10012, 0x12345678, 0xFFFFFFFF])
def test_unknown_ppid_keeps_all_its_32_bits(number):
    """A PPID has 32 bits (RFC 9260 section 3.3.1), and one that is unknown is named by all of them."""
    assert Ppid(number) == number
    assert Ppid(number).name == f"UNKNOWN_{number}"


@pytest.mark.parametrize("cls", REGISTERED)
@pytest.mark.parametrize("number", [250, UNKNOWN | 1])
def test_numbers_off_the_wire_carry_no_mark(cls, number):
    """A registered number without a name is named by the whole of it, and can be copied and pickled."""
    member = cls(number)
    assert (type(member), int(member), member.name, member.known) == (cls, number, f"UNKNOWN_{number}", False)
    for twin in (copy.copy(member), copy.deepcopy(member), pickle.loads(pickle.dumps(member))):
        assert (type(twin), int(twin), twin.name) == (cls, number, member.name)


def test_chunk_types_are_the_registrys():
    """The types that must never be authenticated are INIT, INIT ACK, SHUTDOWN COMPLETE, AUTH (RFC 4895 section 3.2)."""
    assert [ChunkType.INIT, ChunkType.INIT_ACK, ChunkType.SHUTDOWN_COMPLETE, ChunkType.AUTH] == [1, 2, 14, 15]
    assert [ChunkType.I_DATA, ChunkType.ASCONF_ACK, ChunkType.ASCONF, ChunkType.I_FORWARD_TSN] == [64, 128, 193, 194]


def test_hmac_2_does_not_exist():
    """Number 2 of the HMAC registry was withdrawn (RFC 4895 section 8)."""
    assert not HmacId(2).known


def test_association_ids_that_are_none():
    """FUTURE, CURRENT and ALL are 0, 1 and 2 (RFC 6458 section 7.1)."""
    assert list(AssocId) == [AssocId.FUTURE, AssocId.CURRENT, AssocId.ALL] == [0, 1, 2]
    assert list(PfExposure) == [0, 1, 2]


@pytest.mark.parametrize("value", [0, 4, 99])
def test_style_is_closed(value):
    """Only the three styles of RFC 6458 exist."""
    with pytest.raises(ValueError):
        Style(value)


@pytest.mark.parametrize("cls", FLAGS)
def test_flags_are_single_bits_that_combine(cls):
    """Flags are one bit each, and NONE is none of them."""
    bits = [int(m) for name, m in cls.__members__.items() if name != "NONE"]
    assert all(bit & (bit - 1) == 0 and bit for bit in bits)
    assert len(set(bits)) == len(bits)
    assert int(cls.NONE) == 0
    assert int(cls(0x8000_0000)) == 0x8000_0000  # a bit without a name is kept


@pytest.mark.parametrize("cls", [*ALL, *FLAGS])
def test_values_are_unique(cls):
    """No two names of a class share a value."""
    values = [int(member) for member in cls.__members__.values()]
    assert len(set(values)) == len(values)


def test_events_are_numbered_from_one():
    """Events are 1..n, because the shim looks them up by number."""
    assert sorted(int(e) for e in Event) == list(range(1, len(Event) + 1))


def _classes():
    tree = ast.parse(inspect.getsource(enums))
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize("node", _classes(), ids=lambda n: n.name)
def test_every_class_is_explained(node):
    """Every enumeration has a docstring, and all but the bases and a stack's own name an RFC's section."""
    text = ast.get_docstring(node)
    assert text
    assert node.name.startswith("_") or node.name in STACKS_OWN or "RFC" in text or "section" in text


@pytest.mark.parametrize("node", [n for n in _classes() if n.name not in REGISTRIES], ids=lambda n: n.name)
def test_every_member_is_explained(node):
    """Every member is followed by a docstring that says what it means."""
    missing = []
    for statement, following in zip(node.body, [*node.body[1:], None]):
        if not isinstance(statement, ast.Assign):
            continue
        told = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if not (told and isinstance(following.value.value, str) and following.value.value.endswith(".")):
            missing.append(statement.targets[0].id)
    assert missing == []
