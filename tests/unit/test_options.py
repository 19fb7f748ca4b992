"""Options as attributes: the table against the descriptors, values in and out, and what is refused.

A fake source stands for the socket and must not be called for a bad value. What the stacks do with them is in
tests/contract.
"""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from sctpffi import optvalues
from sctpffi._tables import OPTIONS
from sctpffi.addresses import Address
from sctpffi.enums import UNKNOWN, AssocState, PathState
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.options import ROWS, Option, Options, check_number
from sctpffi.optvalues import AssocParams, DelayedSack, InitParams, Linger, PathInfo, RtoInfo, Status, UdpEncaps

PEER = Address("10.0.0.2", 5000)
DESCRIPTORS = {name: value for name, value in vars(Options).items() if isinstance(value, Option)}
WRITABLE = [row for row in OPTIONS if "w" in row.access]
READ_ONLY = [row for row in OPTIONS if "w" not in row.access]
PATH = {"address": PEER, "state": 1, "cwnd_bytes": 4380, "srtt_ms": 10, "rto_ms": 1000, "mtu_bytes": 1500}
PATH_INFO = PathInfo(PEER, PathState.ACTIVE, 4380, 10, 1000, 1500)
STATUS = {
    "assoc_id": 9,
    "state": 4,
    "rwnd_bytes": 1000,
    "unacked": 1,
    "pending": 2,
    "in_streams": 3,
    "out_streams": 4,
    "fragmentation_point_bytes": 1452,
}

# Name, what a source gives, and what the attribute is.
READ = [
    ("rto_info", {"initial_ms": 1, "max_ms": 2, "min_ms": 3}, RtoInfo(1, 2, 3)),
    (
        "assoc_params",
        {
            "max_retrans": 1,
            "peer_destinations": 2,
            "peer_rwnd_bytes": 3,
            "local_rwnd_bytes": 4,
            "cookie_life_ms": 5,
        },
        AssocParams(1, 2, 3, 4, 5),
    ),
    ("init_params", {"out_streams": 1, "in_streams": 2, "attempts": 3, "timeout_ms": 4}, InitParams(1, 2, 3, 4)),
    ("nodelay", {"value": 1}, True),
    ("nodelay", {"value": 0}, False),
    ("primary_address", {"address": PEER}, PEER),
    ("disable_fragments", {"value": 1}, True),
    ("max_segment_bytes", {"value": 1200}, 1200),
    ("delayed_sack", {"delay_ms": 200, "frequency": 2}, DelayedSack(200, 2)),
    ("fragment_interleave", {"value": 2}, 2),
    ("partial_delivery_point_bytes", {"value": 4096}, 4096),
    ("context", {"value": 77}, 77),
    ("receive_rcvinfo", {"value": 1}, True),
    ("path_info", PATH, PATH_INFO),
    ("status", {**STATUS, **{f"primary.{k}": v for k, v in PATH.items()}}, Status(**STATUS, primary=PATH_INFO)),
    ("udp_encaps_port", {"address": None, "port": 9899}, UdpEncaps(None, 9899)),
    ("send_buffer_bytes", {"value": 65536}, 65536),
    ("receive_buffer_bytes", {"value": 65536}, 65536),
    ("linger", {"on": 1, "seconds": 5}, Linger(True, 5)),
]
# Name, value, and the argument that the error names.
BAD_TYPE = [
    ("rto_info", 1000, "rto_info"),
    ("rto_info", {"initial_ms": 1}, "rto_info"),
    ("rto_info", DelayedSack(1, 1), "rto_info"),
    ("rto_info", None, "rto_info"),
    ("rto_info", RtoInfo("1"), "rto_info.initial_ms"),
    ("rto_info", RtoInfo(1, 2.5), "rto_info.max_ms"),
    ("nodelay", "yes", "nodelay"),
    ("nodelay", None, "nodelay"),
    ("nodelay", 1.0, "nodelay"),
    ("context", "7", "context"),
    ("context", None, "context"),
    ("context", 7.0, "context"),
    ("context", True, "context"),
    ("primary_address", "10.0.0.2:5000", "primary_address"),
    ("primary_address", None, "primary_address"),
    ("linger", True, "linger"),
    ("linger", (True, 5), "linger"),
    ("linger", Linger(True, "5"), "linger.seconds"),
    ("udp_encaps_port", 9899, "udp_encaps_port"),
]
# These once reached the source, to fail there as a bare TypeError or to mean something else.
NOT_A_NUMBER = [
    ("rto_info", RtoInfo(None), "rto_info.initial_ms"),
    ("rto_info", RtoInfo(True), "rto_info.initial_ms"),
    ("rto_info", RtoInfo(PEER), "rto_info.initial_ms"),
    ("udp_encaps_port", UdpEncaps(None, None), "udp_encaps_port.port"),
    ("udp_encaps_port", UdpEncaps("10.0.0.2:5000", 9899), "udp_encaps_port.address"),
    ("linger", Linger(None, 5), "linger.on"),
]
BAD_VALUE = [
    ("rto_info", RtoInfo(-1), "rto_info.initial_ms"),
    ("rto_info", RtoInfo(0, 2**32), "rto_info.max_ms"),
    ("init_params", InitParams(out_streams=65536), "init_params.out_streams"),
    ("init_params", InitParams(timeout_ms=65536), "init_params.timeout_ms"),
    ("assoc_params", AssocParams(max_retrans=65536), "assoc_params.max_retrans"),
    ("assoc_params", AssocParams(cookie_life_ms=2**32), "assoc_params.cookie_life_ms"),
    ("udp_encaps_port", UdpEncaps(None, 65536), "udp_encaps_port.port"),
    ("udp_encaps_port", UdpEncaps(None, -1), "udp_encaps_port.port"),
    ("context", -1, "context"),
    ("context", 2**32, "context"),
    ("max_segment_bytes", -1, "max_segment_bytes"),
    ("delayed_sack", DelayedSack(2**32, 1), "delayed_sack.delay_ms"),
    ("linger", Linger(True, -1), "linger.seconds"),
]
# A C int takes 31 bits; more of them reached the struct as a bare OverflowError.
OVER_INT = [(r.name, 2**31, r.name) for r in OPTIONS if r.struct == "int" and DESCRIPTORS[r.name].kind is int]
OVER_INT += [("linger", Linger(True, 2**31), "linger.seconds")]


class Source:
    """What options need of a socket: keeps what is asked of it."""

    def __init__(self, values=None) -> None:
        self.values = values
        self.calls = []

    def get_option(self, row, assoc_id, address):
        """Give the values of the test."""
        self.calls.append(("get", row, assoc_id, address))
        return dict(self.values)

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
    """A row's fields are the fields of its value, no one more and no one less."""
    kind = DESCRIPTORS[row.name].kind
    wanted = _fields_of(kind) if dataclasses.is_dataclass(kind) else {"address"} if kind is Address else {"value"}
    assert {field.name for field in row.fields} == wanted
    assert len(row.fields) == len(wanted)


def test_every_value_class_belongs_to_an_option():
    """There is no value class that no option has, and each one is frozen."""
    classes = {c for c in vars(optvalues).values() if inspect.isclass(c) and dataclasses.is_dataclass(c)}
    assert classes == {o.kind for o in DESCRIPTORS.values() if dataclasses.is_dataclass(o.kind)}
    assert all(c.__dataclass_params__.frozen for c in classes)


def test_every_option_is_read_below():
    """No option is left out of the tests of reading."""
    assert {row[0] for row in READ} == set(DESCRIPTORS)


# -- reading


@pytest.mark.parametrize(("name", "values", "result"), READ, ids=names(READ))
def test_reading_gives_typed_values(name, values, result):
    """What the stack's struct holds becomes the option's own type."""
    source = Source(values)
    found = getattr(Options(source), name)
    assert found == result
    assert type(found) is type(result)
    assert source.calls == [("get", ROWS[name], 0, None)]
    assert Options(source).get(name) == result


def test_states_are_enumerations():
    """States come as members, an unknown one with its number kept."""
    path = Options(Source({**PATH, "state": UNKNOWN | 77})).path_info
    assert (path.state.name, path.state.known) == ("UNKNOWN_77", False)
    values = {**STATUS, **{f"primary.{k}": v for k, v in PATH.items()}}
    status = Options(Source(values)).status
    assert status.state is AssocState.ESTABLISHED
    assert status.primary.state is PathState.ACTIVE


def test_scope_goes_to_the_source():
    """`of` names the association and the path for reading and for writing."""
    source = Source({"value": 1})
    options = Options(source).of(9, PEER)
    assert options.nodelay is True
    options.nodelay = False
    assert source.calls == [
        ("get", ROWS["nodelay"], 9, PEER),
        ("set", ROWS["nodelay"], {"value": 0}, 9, PEER),
    ]
    assert Options(source).of(9).of().assoc_id == 0


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
    """A value of a wrong type is an ArgumentTypeError that names option and field; the stack is not asked."""
    source = Source()
    with pytest.raises(ArgumentTypeError) as caught:
        setattr(Options(source), name, value)
    assert caught.value.argument == argument
    assert source.calls == []


@pytest.mark.parametrize(("name", "value", "argument"), NOT_A_NUMBER, ids=names(NOT_A_NUMBER))
def test_wrong_types_of_fields_are_refused_by_name(name, value, argument):
    """A field of a wrong type, None and bool included where a number belongs, is refused before the stack is asked."""
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


def test_read_only_options_are_these():
    """Status and path information are what RFC 6458 section 8.2 lets one only read."""
    assert [row.name for row in READ_ONLY] == ["status", "path_info"]
    assert len(READ_ONLY) + len(WRITABLE) == len(OPTIONS)


@pytest.mark.parametrize("name", ["no_such_option", "", "of", "get", "source", "SCTP_NODELAY"])
def test_unknown_names_are_refused(name):
    """A name that is no option is an ArgumentError that lists the options, even if it is an attribute."""
    options = Options(Source())
    for call in (lambda: options.get(name), lambda: options.set(name, 1)):
        with pytest.raises(ArgumentError, match="nodelay, ") as caught:
            call()
        assert caught.value.argument == "name"


def test_misspelt_attribute_is_an_error():
    """Setting an attribute that does not exist is an error, not a new attribute."""
    with pytest.raises(AttributeError):
        Options(Source()).no_delay = True


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
