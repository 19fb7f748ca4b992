"""Values to try: addresses, fields of options, whole typed values, and things that are nothing of the kind.

Made from the tables, so that a new option is tried without a word here. Kept, because making them is what takes time.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
from typing import Any

from hypothesis import strategies as st

from sctpffi import optvalues
from sctpffi._optrows import Field, OptionRow
from sctpffi.addresses import Address
from sctpffi.backends._shim import _CONVERTED
from sctpffi.options import ENUMS, LIMITS, ROWS, Options

MAX_ITEMS = 40
_BITS = {"path_flags": 0x3FF, "reset_flags": 0xF}


@functools.cache
def edges(top: int) -> st.SearchStrategy[int]:
    """Numbers of 0..top, those at the edges often."""
    some = sorted({0, 1, top, top // 2, top // 2 + 1, min(top, 0xFF), min(top, 0x100), min(top, 0xFFFF)})
    return st.one_of(st.sampled_from(some), st.integers(0, top))


def _six(number: int) -> bool:
    """Whether a number is an IPv6 address whose text is the same everywhere: neither mapped nor compatible IPv4."""
    return number >> 32 != 0xFFFF and not 0xFFFF < number < 2**32


ports = edges(0xFFFF)
four = st.tuples(st.integers(0, 2**32 - 1), ports).map(lambda t: Address(str(ipaddress.IPv4Address(t[0])), t[1]))
six = st.tuples(st.integers(0, 2**128 - 1).filter(_six), ports).map(
    lambda t: Address(str(ipaddress.IPv6Address(t[0])), t[1])
)
# Only link-local addresses have a zone (RFC 4007 section 4).
zoned = st.tuples(
    st.sampled_from([0xFE80 << 112, 0xFEBF << 112, 0xFF02 << 112]),
    st.integers(0, 2**64 - 1),
    ports,
    st.one_of(st.just(0), edges(2**32 - 1)),
).map(lambda t: Address(str(ipaddress.IPv6Address(t[0] + t[1])), t[2], t[3]))
addresses = st.one_of(four, six, zoned)


def usable(lib: Any, kind: str) -> st.SearchStrategy[int]:
    """Members of an enumeration that the shim converts, which a stack has and which come back as themselves."""
    number = _CONVERTED[kind]
    members = [int(m) for m in ENUMS[kind]]
    if kind == "send_flags":
        there = [m for m in members if lib.sfi_to_native(number, m) >= 0]
        return st.lists(st.sampled_from(there), max_size=len(there)).map(lambda found: sum(set(found)))
    there = [m for m in members if lib.sfi_to_native(number, m) >= 0]
    return st.sampled_from([m for m in there if lib.sfi_to_canonical(number, lib.sfi_to_native(number, m)) == m])


def field_values(field: Field, lib: Any) -> st.SearchStrategy[Any]:
    """What a field of an option may be, as it goes to the codec."""
    if field.kind == "address":
        return st.one_of(st.none(), addresses)
    if field.kind in _CONVERTED:
        return usable(lib, field.kind)
    if field.kind in _BITS:
        return st.integers(0, _BITS[field.kind])
    if field.kind in ENUMS:
        return st.sampled_from([int(member) for member in ENUMS[field.kind]])
    return edges(LIMITS[field.kind])


def tail_values(tail: Field) -> st.SearchStrategy[Any]:
    """What may follow a struct."""
    if tail.kind == "bytes":
        return st.binary(max_size=MAX_ITEMS)
    return st.lists(edges(LIMITS[tail.kind]), max_size=MAX_ITEMS).map(tuple)


@functools.cache
def row_values(row: OptionRow, lib: Any) -> st.SearchStrategy[Any]:
    """All values of an option, by name, as they go to the codec."""
    found = {field.name: field_values(field, lib) for field in row.fields if "." not in field.name}
    if row.tail is not None:
        found[row.tail.name] = tail_values(row.tail)
    return st.fixed_dictionaries(found)


# -- what is no value at all

_plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    edges(2**32 - 1),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=8),
    addresses,
    st.just(object()),
)
_lists = st.one_of(
    st.lists(_plain, max_size=4),
    st.lists(_plain, max_size=4).map(tuple),
    st.dictionaries(st.text(max_size=3), _plain, max_size=2),
    st.lists(_plain, max_size=4).map(iter),
)


_scopes = st.one_of(st.just(0), st.sampled_from([-1, 1, 2**32 - 1, 2**32, None, "eth0"]), _plain)
_handmade = st.one_of(
    st.builds(Address, st.sampled_from(["::1", "10.0.0.1", "fe80::1", "::ffff:1.2.3.4"]), ports, _scopes),
    st.builds(Address, st.one_of(st.just("no host"), _plain), st.one_of(edges(2**16), _plain), _scopes),
)
_anything = st.one_of(_plain, _lists, _handmade)
_CLASSES = [c for c in vars(optvalues).values() if isinstance(c, type) and dataclasses.is_dataclass(c)]


def _made(cls: Any) -> st.SearchStrategy[Any]:
    """A value of a class, with something that may be right in each field."""
    kinds = {part.name: str(part.type) for part in dataclasses.fields(cls)}
    likely = {name: _handmade if "Address" in kind else edges(2**32 - 1) for name, kind in kinds.items()}
    fields = {name: st.one_of(found, _anything) for name, found in likely.items()}
    return st.fixed_dictionaries(fields).map(lambda values: cls(**values))


junk = st.one_of(_anything, st.one_of([_made(cls) for cls in _CLASSES]))
names = st.sampled_from(sorted(ROWS))


@functools.cache
def like(option: str) -> st.SearchStrategy[Any]:
    """Something that looks like the value of an option."""
    kind = vars(Options)[option].kind
    if dataclasses.is_dataclass(kind):
        return _made(kind)
    return _handmade if kind is Address else _anything
