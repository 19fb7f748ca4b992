"""Options with arbitrary values: what is set is read back, whatever a stack says is survived, junk is refused by name.

Over the compiled modules' own structs, with options kept in memory in place of a stack.
"""

from __future__ import annotations

import dataclasses
import errno
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sctpffi import errors
from sctpffi._tables import OPTIONS
from sctpffi.addresses import Address
from sctpffi.backends import _build_info
from sctpffi.errors import ArgumentError, ArgumentTypeError, OptionNotTaken, UnsupportedOption
from sctpffi.options import DEFAULT_KEYS, ENUMS, LIMITS, ROWS, Option, Options

from . import strategies
from .near import fewer, storing

BUILT = tuple(_build_info.BUILT)
HANDLES = {name: storing.handle(name) for name in BUILT}
HAVE = {row.name: [name for name in BUILT if HANDLES[name].has_option(row)] for row in OPTIONS}
HERE = [row for row in OPTIONS if HAVE[row.name]]
BOTH_WAYS = [row for row in HERE if row.access == "rw" and (row.fields or row.tail)]
WRITTEN = [row for row in HERE if row.access == "w"]
READ = [row for row in HERE if "r" in row.access]


def by_name(row):
    """The id of a test."""
    return row.name


def draw_handle(data, row):
    """A handle of one of the backends that have an option, with nothing kept in it."""
    return fresh(data.draw(st.sampled_from(HAVE[row.name])))


def fresh(name):
    """A handle with nothing kept in it."""
    handle = HANDLES[name]
    handle._lib.kept.clear()
    handle._lib.answers.clear()
    handle._lib.asked.clear()
    return handle


def plain(values, address):
    """Values as they come back: the path that was meant, if it was any; the wildcard stands for none."""
    found = dict(values)
    if "address" in found:
        meant = found["address"] or address
        none = meant is None or (meant.host in ("0.0.0.0", "::") and meant.port == 0)
        found["address"] = None if none else meant
    return found


@pytest.mark.parametrize("row", BOTH_WAYS, ids=by_name)
@fewer(15)
@given(data=st.data())
def test_what_is_set_is_read_back(row, data):
    """Every number that an option's fields hold comes back from the stack's own struct as it went in."""
    handle = draw_handle(data, row)
    values = data.draw(strategies.row_values(row, handle._lib))
    assoc_id = data.draw(strategies.edges(2**31 - 1))
    address = data.draw(st.one_of(st.none(), strategies.addresses))
    handle.set_option(row, values, assoc_id, address)
    keys = {key: values[key] for key in row.keys}
    assert handle.get_option(row, assoc_id, address, keys) == plain(values, address)


@pytest.mark.parametrize("row", BOTH_WAYS, ids=by_name)
@fewer(15)
@given(data=st.data())
def test_typed_values_are_read_back(row, data):
    """Every typed value that the checks let through comes back equal; what they refuse reaches no stack."""
    handle = draw_handle(data, row)
    values = plain(data.draw(strategies.row_values(row, handle._lib)), None)

    class Source:
        """Gives the values, to have them typed."""

        def get_option(self, row, assoc_id, address, keys):
            return dict(values)

    keys = {key: values[key] for key in row.keys}
    value = getattr(Options(Source()), row.name)
    try:
        options = Options(handle).of(7, **keys)
        options.set(row.name, value)
    except (ArgumentError, ArgumentTypeError):
        assert handle._lib.kept == {}
        return
    if row.struct == "int" and isinstance(value, bool):
        assert getattr(options, row.name) is value
    else:
        assert getattr(options, row.name) == value
    if row.level != "socket":
        options.set(row.name, value, strict=True)


@pytest.mark.parametrize("row", WRITTEN, ids=by_name)
@fewer(15)
@given(data=st.data())
def test_what_is_only_set_is_whole(row, data):
    """What can only be set reaches the stack with all of its list, and never with less than its struct."""
    handle = draw_handle(data, row)
    values = data.draw(strategies.row_values(row, handle._lib))
    handle.set_option(row, values, 7, data.draw(st.one_of(st.none(), strategies.addresses)))
    codec = handle._backend.codec(row)
    kept = handle._lib.kept[codec.number]
    size = handle._ffi.sizeof(codec.c_type)
    if row.tail is None:
        assert len(kept) == size
        return
    start = handle._ffi.offsetof(codec.c_type, codec.tail.path)
    items = values[row.tail.name]
    width = {"bytes": 1, "u16[]": 2}[row.tail.kind]
    assert len(kept) == max(size, start + width * len(items))
    if row.tail.kind == "bytes":
        assert kept[start : start + len(items)] == items


def holds(row, values, size):
    """Whether what was read is within its ranges, and no longer than what the stack wrote."""
    kinds = {field.name: field.kind for field in row.fields}
    for key, value in values.items():
        if row.tail is not None and key == row.tail.name:
            assert len(value) <= size
            assert all(0 <= item <= LIMITS[row.tail.kind] for item in value)
        elif kinds[key] == "address":
            assert value is None or isinstance(value, Address)
        else:
            assert isinstance(value, int)


@pytest.mark.parametrize("row", READ, ids=by_name)
@fewer(15)
@given(data=st.data())
def test_whatever_a_stack_says_is_survived(row, data):
    """Bytes of any length and content that a stack gives are an option's value, or an error of ours."""
    handle = draw_handle(data, row)
    codec = handle._backend.codec(row)
    size = handle._ffi.sizeof(codec.c_type)
    reply = data.draw(
        st.one_of(
            st.binary(max_size=size + 64),
            st.binary(min_size=size, max_size=size),
            st.integers(1, 0x7FFFFFFF).map(lambda n: -n),
            st.sampled_from([errno.EINVAL, errno.ENOPROTOOPT, errno.ENOENT, errno.EINTR]).map(lambda n: -n),
        )
    )
    handle._lib.answers[codec.number] = lambda given: reply
    keys = {key: data.draw(strategies.edges(0xFFFF)) for key in ("stream",)}
    try:
        options = Options(handle).of(7, **keys)
        found = handle.get_option(row, 7, None, options.keys)
        typed = options.get(row.name)
    except errors.Error as exc:
        assert isinstance(reply, int) or len(reply) > size
        assert str(exc)
        return
    assert not isinstance(reply, int)
    holds(row, found, len(reply))
    assert repr(typed)


def set_anything(name, option, value, strict):
    """Set an option to whatever it is; fails on what is documented nowhere."""
    handle = fresh(name)
    options = Options(handle).of(7)
    try:
        options.set(option, value, strict)
    except (ArgumentError, ArgumentTypeError) as exc:
        assert re.match(rf"{option}\b|address$|strict$", exc.argument)
        assert handle._lib.kept == {}
    except AttributeError as exc:
        assert f"{option} can only be read" in str(exc)
    except UnsupportedOption:
        assert handle._lib.kept == {}
    except OptionNotTaken:
        assert strict  # two names of one number, as Linux has for schedulers


@pytest.mark.parametrize("option", sorted(ROWS))
@fewer(15)
@given(data=st.data())
def test_what_looks_right_is_taken_or_refused(option, data):
    """A value of the right class with anything in its fields is taken, or refused by name before a stack sees it."""
    name = data.draw(st.sampled_from(BUILT))
    set_anything(name, option, data.draw(strategies.like(option)), data.draw(st.booleans()))


@given(option=strategies.names, value=strategies.junk, name=st.sampled_from(BUILT), strict=st.booleans())
def test_junk_is_refused_by_name(option, value, name, strict):
    """Whatever is set as an option is taken, or refused by an error that is documented before a stack sees it."""
    set_anything(name, option, value, strict)


@pytest.mark.parametrize("name", BUILT)
@given(data=st.data())
def test_junk_is_no_scope(name, data):
    """Whatever `of` gets is taken or refused by name, and what it takes is read without an error of Python's own."""
    handle = fresh(name)
    anything = st.one_of(strategies.junk, strategies.edges(2**32 - 1))
    arguments = {
        key: data.draw(anything) for key in data.draw(st.sets(st.sampled_from(["stream", "policy", "option"])))
    }
    assoc_id, address = data.draw(anything), data.draw(st.one_of(st.none(), strategies.junk, strategies.addresses))
    option = data.draw(strategies.names)
    try:
        options = Options(handle).of(assoc_id, address, **arguments)
    except (ArgumentError, ArgumentTypeError) as exc:
        assert exc.argument in ("assoc_id", "address", *arguments)
        return
    try:
        options.get(option)
    except AttributeError as exc:
        assert f"{option} can only be set" in str(exc)
    except errors.Error:
        pass  # a stack may be without it, and an id may be too large for it
    assert set(options.keys) == set(DEFAULT_KEYS)


@given(members=st.data())
def test_enumerations_take_every_number(members):
    """A number of 32 bits is a member of every enumeration that a stack's value is read as, named or not."""
    kind = members.draw(st.sampled_from(sorted(ENUMS)))
    number = members.draw(strategies.edges(2**32 - 1))
    found = ENUMS[kind](number)
    assert int(found) == number
    assert str(found)


def test_every_descriptor_is_tried():
    """Each option that a backend has is in one of the tests above, and each class of values among the junk."""
    assert {row.name for row in (*BOTH_WAYS, *WRITTEN, *READ)} == {row.name for row in HERE}
    assert len(HERE) > 60
    kinds = {option.kind for option in vars(Options).values() if isinstance(option, Option)}
    assert {kind for kind in kinds if dataclasses.is_dataclass(kind)} == set(strategies._CLASSES)
