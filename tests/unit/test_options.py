"""Options as attributes: the table against the descriptors, values in and out, and what is refused.

A fake source stands for the socket and must not be called for a bad value. What the stacks do with them is in
tests/contract.
"""

from __future__ import annotations

import dataclasses
import inspect
from enum import IntFlag

import pytest

from sctpffi import optvalues
from sctpffi._tables import OPTIONS
from sctpffi.addresses import Address
from sctpffi.enums import UNKNOWN, AssocState, HmacId, PathFlag, PathState, PrPolicy, SendFlag
from sctpffi.errors import ArgumentError, ArgumentTypeError, OptionNotTaken
from sctpffi.options import DEFAULT_KEYS, ENUMS, ROWS, Option, Options, check_number
from sctpffi.optvalues import AssocParams, Linger, PathInfo, PathParams, RtoInfo, SndInfo

from .option_cases import BAD_TYPE, BAD_VALUE, PATH, PEER, READ, STATUS_VALUES, UNKNOWN_VALUES, WRITE

DESCRIPTORS = {name: value for name, value in vars(Options).items() if isinstance(value, Option)}
READABLE = [row for row in OPTIONS if "r" in row.access]
WRITABLE = [row for row in OPTIONS if "w" in row.access]
READ_ONLY = [row for row in OPTIONS if "w" not in row.access]
WRITE_ONLY = [row for row in OPTIONS if "r" not in row.access]
# A C int takes 31 bits; more of them reached the struct as a bare OverflowError.
OVER_INT = [(r.name, 2**31, r.name) for r in WRITABLE if r.struct == "int" and DESCRIPTORS[r.name].kind is int]
OVER_INT += [("linger", Linger(True, 2**31), "linger.seconds")]


class Source:
    """What options need of a socket: keeps what is asked of it."""

    def __init__(self, values=None, has=True) -> None:
        self.values = values
        self.has = has
        self.calls = []

    def get_option(self, row, assoc_id, address, keys):
        """Give the values of the test."""
        self.calls.append(("get", row, assoc_id, address, dict(keys)))
        return dict(self.values)

    def has_option(self, row):
        """Whether there is this option."""
        self.calls.append(("has", row))
        return self.has

    def set_option(self, row, values, assoc_id, address):
        """Keep the values."""
        self.calls.append(("set", row, values, assoc_id, address))


def names(rows):
    """Ids of a table's rows."""
    return [f"{row[0]}-{str(row[1])[:24]}" for row in rows]


# -- the table and the descriptors


def test_every_row_has_a_descriptor_and_vice_versa():
    """The table and the attributes are the same options, each under its own name, in the same order."""
    assert list(DESCRIPTORS) == [row.name for row in OPTIONS]
    assert all(option.row.name == name for name, option in DESCRIPTORS.items())
    assert all(option.row is ROWS[name] for name, option in DESCRIPTORS.items())


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_descriptors_are_documented(row):
    """Each attribute's help names the C option, the RFC section, scope and access."""
    text = DESCRIPTORS[row.name].__doc__
    assert all(part in text for part in (row.c_name, row.rfc, f"{row.scope} scope", row.access))


def _fields_of(kind):
    """The fields that a value has, those of a nested path as primary.x, as the table writes them."""
    found = set()
    for field in dataclasses.fields(kind):
        if field.name == "primary":
            found |= {f"primary.{inner.name}" for inner in dataclasses.fields(PathInfo)}
        else:
            found.add(field.name)
    return found


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_fields_of_table_and_value_are_the_same(row):
    """A row's fields, but for its keys, are the fields of its value, no one more and no one less."""
    kind = DESCRIPTORS[row.name].kind
    wanted = _fields_of(kind) if dataclasses.is_dataclass(kind) else {"address"} if kind is Address else {"value"}
    if row.struct == "assoc_id":
        wanted = set()  # setting it is all that there is to say
    fields = [*row.fields, *([row.tail] if row.tail else [])]
    found = [field.name for field in fields if field.name not in row.keys]
    assert set(found) == wanted
    assert len(found) == len(wanted)


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_enumerations_of_table_and_value_are_the_same(row):
    """A field that is an enumeration in the table is the same one in its value's class, and vice versa."""
    kind = DESCRIPTORS[row.name].kind
    if dataclasses.is_dataclass(kind):
        types = {part.name: part.type for part in dataclasses.fields(kind)}
        told = {field.name: ENUMS[field.kind].__name__ for field in row.fields if field.kind in ENUMS}
        names = {cls.__name__ for cls in ENUMS.values()}
        assert {n: t for n, t in types.items() if t in names} == {n: t for n, t in told.items() if n in types}
    elif row.fields and row.fields[-1].kind in ENUMS and row.fields[-1].name == "value":
        assert kind is ENUMS[row.fields[-1].kind]


def test_every_value_class_belongs_to_an_option():
    """There is no value class that no option has, and each one is frozen."""
    classes = {c for c in vars(optvalues).values() if inspect.isclass(c) and dataclasses.is_dataclass(c)}
    assert classes == {o.kind for o in DESCRIPTORS.values() if dataclasses.is_dataclass(o.kind)}
    assert all(c.__dataclass_params__.frozen for c in classes)


def test_every_option_is_read_or_written_below():
    """No option is left out of the tests of reading and writing."""
    assert [row.name for row in READABLE if row.name not in {case[0] for case in READ}] == []
    assert {case[0] for case in WRITE} == {row.name for row in WRITE_ONLY}
    assert {case[0] for case in READ} <= {row.name for row in READABLE}


def test_keys_have_a_default():
    """What `of` does not say is stream 0, all policies, option 0."""
    assert DEFAULT_KEYS == Options(Source()).of().keys == {"stream": 0, "policy": PrPolicy.ALL, "option": 0}


# -- reading


@pytest.mark.parametrize(("name", "values", "result"), READ, ids=names(READ))
def test_reading_gives_typed_values(name, values, result):
    """What the stack's struct holds becomes the option's own type."""
    source = Source(values)
    found = getattr(Options(source), name)
    assert found == result
    assert type(found) is type(result)
    assert source.calls == [("get", ROWS[name], 0, None, DEFAULT_KEYS)]
    assert Options(source).get(name) == result


def test_states_are_enumerations():
    """States come as members, an unknown one with its number kept."""
    path = Options(Source({**PATH, "state": UNKNOWN | 77})).path_info
    assert (path.state.name, path.state.known) == ("UNKNOWN_77", False)
    status = Options(Source(STATUS_VALUES)).status
    assert status.state is AssocState.ESTABLISHED
    assert status.primary.state is PathState.ACTIVE


@pytest.mark.parametrize(("name", "values", "field"), UNKNOWN_VALUES, ids=[case[0] for case in UNKNOWN_VALUES])
def test_values_without_a_name_are_kept(name, values, field):
    """A stack that is newer than this library may give a number that has no name here; it is kept, not an error."""
    found = getattr(Options(Source(values)), name)
    number = getattr(found, field) if dataclasses.is_dataclass(found) else found
    assert number == values[field]


def test_lists_are_enumerations_item_by_item():
    """Items of a list come as members, an unknown one with its number kept (RFC 6458 section 8.1.17)."""
    found = Options(Source({"value": (1, 4)})).hmac_identifiers
    assert found[0] is HmacId.SHA1
    assert [item.name for item in found] == ["SHA1", "UNKNOWN_4"]


def test_scope_goes_to_the_source():
    """`of` names the association and the path for reading and for writing."""
    source = Source({"value": 1})
    options = Options(source).of(9, PEER)
    assert options.nodelay is True
    options.nodelay = False
    assert source.calls == [
        ("get", ROWS["nodelay"], 9, PEER, DEFAULT_KEYS),
        ("set", ROWS["nodelay"], {"value": 0}, 9, PEER),
    ]
    assert Options(source).of(9).of().assoc_id == 0


def test_keys_go_to_the_source():
    """`of` says which stream, policy or congestion control option is meant (RFC 7496 section 4.3, RFC 8260 4.3.3)."""
    source = Source({"unsent": 1, "sent": 2, "stream": 5, "policy": PrPolicy.TTL})
    options = Options(source).of(9, stream=5, policy=PrPolicy.TTL, option=0x2000)
    assert options.pr_stream_status.unsent == 1
    assert source.calls[0] == (
        "get", ROWS["pr_stream_status"], 9, None, {"stream": 5, "policy": PrPolicy.TTL, "option": 0x2000},
    )  # fmt: skip
    options.stream_scheduler_value = 7
    options.cc_option = 1
    options.context = 4
    assert [call[2] for call in source.calls[1:]] == [
        {"stream": 5, "value": 7},
        {"option": 0x2000, "value": 1},
        {"value": 4},
    ]


@pytest.mark.parametrize(
    ("keys", "cls", "argument"),
    [
        ({"stream": -1}, ArgumentError, "stream"),
        ({"stream": 65536}, ArgumentError, "stream"),
        ({"stream": "0"}, ArgumentTypeError, "stream"),
        ({"policy": 5}, ArgumentError, "policy"),
        ({"policy": "TTL"}, ArgumentTypeError, "policy"),
        ({"option": -1}, ArgumentError, "option"),
        ({"option": 2**32}, ArgumentError, "option"),
        ({"option": None}, ArgumentTypeError, "option"),
        ({"address": "10.0.0.2"}, ArgumentTypeError, "address"),
    ],
    ids=str,
)
def test_bad_keys_are_refused_by_name(keys, cls, argument):
    """`of` refuses what can be no stream, policy, option or address."""
    with pytest.raises(cls) as caught:
        Options(Source()).of(**keys)
    assert caught.value.argument == argument


# -- writing


@pytest.mark.parametrize(
    ("name", "values", "value"), [row for row in READ if "w" in ROWS[row[0]].access], ids=lambda v: str(v)[:20]
)
def test_writing_gives_the_struct_what_was_read(name, values, value):
    """Writing what was read gives the source the same values again."""
    source = Source()
    setattr(Options(source), name, value)
    assert source.calls == [("set", ROWS[name], values, 0, None)]
    Options(source).set(name, value)
    assert source.calls[1] == source.calls[0]


@pytest.mark.parametrize(("name", "value", "values"), WRITE, ids=names(WRITE))
def test_writing_gives_the_source_plain_values(name, value, values):
    """What can only be set reaches the source as numbers, bytes and tuples of numbers, checked."""
    source = Source()
    setattr(Options(source).of(9), name, value)
    assert source.calls == [("set", ROWS[name], values, 9, None)]


@pytest.mark.parametrize("value", [[3, 1], (3, 1), iter((3, 1)), {3: "", 1: ""}.keys()], ids=lambda v: type(v).__name__)
def test_lists_may_be_any_iterable(value):
    """A list of numbers may be written as any iterable of them."""
    source = Source()
    Options(source).hmac_identifiers = value
    assert source.calls == [("set", ROWS["hmac_identifiers"], {"value": (3, 1)}, 0, None)]


@pytest.mark.parametrize("row", [r for r in WRITABLE if any(f.kind in ENUMS for f in r.fields)], ids=lambda r: r.name)
def test_members_and_their_numbers_are_taken(row):
    """An enumeration is given as its member or as its number; a number that is none is refused."""
    field = next(field for field in row.fields if field.kind in ENUMS)
    kind = ENUMS[field.kind]
    bad = 0x4000_0000 if issubclass(kind, IntFlag) else 999
    value_kind = DESCRIPTORS[row.name].kind
    for number, good in ((1, True), (bad, False)):
        source = Source()
        value = value_kind(**{field.name: number}) if dataclasses.is_dataclass(value_kind) else number
        if good:
            setattr(Options(source), row.name, value)
            assert source.calls[0][2][field.name] == number
        else:
            with pytest.raises(ArgumentError, match=kind.__name__):
                setattr(Options(source), row.name, value)
            assert source.calls == []


@pytest.mark.parametrize(("value", "number"), [(True, 1), (False, 0), (1, 1), (0, 0)])
def test_switches_take_bools_and_their_numbers(value, number):
    """An option that is a switch takes True and False, 1 and 0."""
    source = Source()
    Options(source).nodelay = value
    assert source.calls[0][2] == {"value": number}


@pytest.mark.parametrize("value", [2, -1, 2**40])
def test_switches_have_two_positions(value):
    """A switch gives the stack 1 or 0 and nothing else, or refuses the number by name."""
    source = Source()
    try:
        Options(source).nodelay = value
    except ArgumentError as exc:
        assert exc.argument == "nodelay"
        assert source.calls == []
    else:
        assert source.calls[0][2] == {"value": 1}


@pytest.mark.parametrize(("name", "value", "argument"), BAD_TYPE, ids=names(BAD_TYPE))
def test_wrong_types_are_refused_by_name(name, value, argument):
    """A value of a wrong type, in a field too, is an ArgumentTypeError that names it; the stack is not asked."""
    source = Source()
    with pytest.raises(ArgumentTypeError) as caught:
        setattr(Options(source), name, value)
    assert caught.value.argument == argument
    assert source.calls == []


@pytest.mark.parametrize(("name", "value", "argument"), BAD_VALUE + OVER_INT, ids=names(BAD_VALUE + OVER_INT))
def test_bad_values_are_refused_by_name(name, value, argument):
    """A number that the struct's field can't hold is an ArgumentError that names it; the stack is not asked."""
    source = Source()
    with pytest.raises(ArgumentError) as caught:
        setattr(Options(source), name, value)
    assert caught.value.argument == argument
    assert source.calls == []


@pytest.mark.parametrize("row", READ_ONLY, ids=lambda row: row.name)
def test_read_only_options_say_so(row):
    """An option that can only be read can't be set, and the error names it."""
    source = Source()
    for change in (lambda: setattr(Options(source), row.name, 1), lambda: Options(source).set(row.name, 1)):
        with pytest.raises(AttributeError, match=f"{row.name} can only be read"):
            change()
    assert source.calls == []


@pytest.mark.parametrize("row", WRITE_ONLY, ids=lambda row: row.name)
def test_write_only_options_say_so(row):
    """An option that can only be set can't be read, and the error names it."""
    source = Source()
    for read in (lambda: getattr(Options(source), row.name), lambda: Options(source).get(row.name)):
        with pytest.raises(AttributeError, match=f"{row.name} can only be set"):
            read()
    assert source.calls == []


def test_what_can_only_be_read_is_what_the_rfcs_say():
    """RFC 6458 section 8.2 has what can only be read, section 8.3 what can only be set."""
    inside = {row.name: row.rfc for row in OPTIONS if row.rfc.startswith("RFC 6458 section 8.")}
    kinds = {"1": "rw", "2": "r", "3": "w"}
    assert [name for name, rfc in inside.items() if ROWS[name].access != kinds[rfc.split(".")[1]]] == []
    assert {row.access for row in OPTIONS} == {"r", "w", "rw"}


# -- by name


@pytest.mark.parametrize("name", ["no_such_option", "", "of", "get", "source", "SCTP_NODELAY"])
def test_unknown_names_are_refused(name):
    """A name that is no option is an ArgumentError that lists the options, even if it is an attribute."""
    options = Options(Source())
    for call in (lambda: options.get(name), lambda: options.set(name, 1), lambda: options.supports(name)):
        with pytest.raises(ArgumentError, match="nodelay, ") as caught:
            call()
        assert caught.value.argument == "name"


def test_misspelt_attribute_is_an_error():
    """Setting an attribute that does not exist is an error, not a new attribute."""
    with pytest.raises(AttributeError):
        Options(Source()).no_delay = True


@pytest.mark.parametrize("has", [True, False])
def test_supports_asks_the_source(has):
    """`supports` tells whether the backend was built with an option, and calls no stack."""
    source = Source(has=has)
    assert Options(source).supports("cc_module") is has
    assert source.calls == [("has", ROWS["cc_module"])]


# -- strict


@pytest.mark.parametrize(
    ("name", "wanted", "found"),
    [
        ("nodelay", True, {"value": 1}),
        ("nodelay", 1, {"value": 1}),
        ("reuse_address", True, {"value": 1}),
        ("fragment_interleave", 2, {"value": 2}),
        ("send_buffer_bytes", 4096, {"value": 8192}),  # Linux doubles it
        ("rto_info", RtoInfo(initial_ms=0, max_ms=5000, min_ms=0), {"initial_ms": 3000, "max_ms": 5000, "min_ms": 7}),
        ("assoc_params", AssocParams(max_retrans=5, peer_rwnd_bytes=9), {
            "max_retrans": 5, "peer_destinations": 2, "peer_rwnd_bytes": 3, "local_rwnd_bytes": 4, "cookie_life_ms": 5,
        }),
        ("path_params", PathParams(None, 1000, flags=PathFlag.HB_ENABLE), {
            "address": PEER, "heartbeat_ms": 1000, "max_retrans": 5, "mtu_bytes": 1500, "flags": 0x29, "flow_label": 0,
            "dscp": 0,
        }),
        ("linger", Linger(False, 0), {"on": 0, "seconds": 0}),
        ("primary_address", PEER, {"address": PEER}),
        ("hmac_identifiers", (3, 1), {"value": (3, 1)}),
        ("hmac_identifiers", [3, 1], {"value": (3, 1)}),
        ("stream_scheduler", 4, {"value": 4}),
        ("default_sndinfo", SndInfo(1, SendFlag.UNORDERED), {"stream": 1, "flags": 1, "ppid": 0, "context": 0}),
    ],
    ids=str,
)  # fmt: skip
def test_strict_is_content_with_what_was_taken(name, wanted, found):
    """strict reads back, and compares what was given: a 0 that keeps, and what is only read, is not."""
    source = Source(found)
    Options(source).of(3).set(name, wanted, strict=True)
    assert [call[0] for call in source.calls] == ["set", "get"]
    assert {call[1] for call in source.calls} == {ROWS[name]}
    assert source.calls[1][2] == 3


@pytest.mark.parametrize(
    ("name", "wanted", "found", "is_"),
    [
        ("fragment_interleave", 2, {"value": 1}, 1),
        ("nodelay", True, {"value": 0}, False),
        ("reuse_port", True, {"value": 0}, False),
        ("send_buffer_bytes", 8192, {"value": 4096}, 4096),
        ("max_burst", 4, {"value": 5}, 5),
        ("rto_info", RtoInfo(0, 5000), {"initial_ms": 1, "max_ms": 6000, "min_ms": 3}, RtoInfo(1, 6000, 3)),
        ("linger", Linger(True, 5), {"on": 1, "seconds": 4}, Linger(True, 4)),
        ("linger", Linger(False, 0), {"on": 1, "seconds": 0}, Linger(True, 0)),
        ("hmac_identifiers", (3, 1), {"value": (1,)}, (HmacId.SHA1,)),
        (
            "default_sndinfo", SndInfo(1, SendFlag.UNORDERED), {"stream": 1, "flags": 0, "ppid": 0, "context": 0},
            SndInfo(1),
        ),
    ],
    ids=str,
)  # fmt: skip
def test_strict_tells_what_was_not_taken(name, wanted, found, is_):
    """strict raises OptionNotTaken with both values where the stack has another one than was set."""
    with pytest.raises(OptionNotTaken) as caught:
        Options(Source(found)).set(name, wanted, strict=True)
    assert (caught.value.option, caught.value.wanted, caught.value.found) == (name, wanted, is_)
    assert str(caught.value) == f"{name}: {wanted!r} was set, and the stack has {is_!r}"
    Options(Source(found)).set(name, wanted)


@pytest.mark.parametrize("row", [*READ_ONLY, *WRITE_ONLY], ids=lambda row: row.name)
def test_strict_wants_what_can_be_read_back(row):
    """strict makes no sense for what can't be both set and read; the source is not asked."""
    source = Source()
    with pytest.raises(ArgumentError) as caught:
        Options(source).set(row.name, 1, strict=True)
    assert caught.value.argument == "strict"
    assert source.calls == []


# -- checks


@pytest.mark.parametrize(("value", "cls"), [(-1, ArgumentError), (2**32, ArgumentError), ("1", ArgumentTypeError)])
def test_bad_association_is_refused(value, cls):
    """`of` refuses what can be no association id."""
    with pytest.raises(cls) as caught:
        Options(Source()).of(value)
    assert caught.value.argument == "assoc_id"


@pytest.mark.parametrize("value", [0, 1, 100])
def test_numbers_in_range_pass(value):
    """check_number gives the number back when it is in range, both ends included."""
    assert check_number("x", value, 100) == value


@pytest.mark.parametrize("value", [-1, 101, 2**64])
def test_numbers_out_of_range_are_refused(value):
    """check_number names the argument and the range."""
    with pytest.raises(ArgumentError, match=rf"^x: {value} is not in 0\.\.100$"):
        check_number("x", value, 100)
