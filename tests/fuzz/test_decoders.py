"""Bytes from outside, through the compiled modules: notifications, addresses and error causes of any content.

Nothing may raise but what is documented, and nothing may tell of bytes that did not come. That nothing is read beyond
them either is seen when these tests run under a sanitizer (tox -e asan).
"""

from __future__ import annotations

import dataclasses
import errno
import ipaddress
import socket
import struct
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sctpffi import addresses, causes
from sctpffi.addresses import Address, AddressSet, from_raw, parse, parse_hosts
from sctpffi.backends import _build_info
from sctpffi.causes import parse_causes
from sctpffi.enums import Cause, Event
from sctpffi.errors import AddressError, ArgumentTypeError
from sctpffi.notifications import (
    AssocChange,
    Notification,
    RemoteError,
    SendFailedEvent,
    StreamResetEvent,
    UnknownNotification,
)

from . import strategies
from .near import natives

BUILT = tuple(_build_info.BUILT)
STACKS = {name: natives.Stack(name) for name in BUILT}
SAMPLES = {name: [sample.data for sample in natives.samples(stack).values()] for name, stack in STACKS.items()}


@st.composite
def notifications(draw, name):
    """Bytes that may be a notification: arbitrary, or a good one that was cut, lengthened or changed."""
    if draw(st.booleans()):
        kinds = st.one_of(st.integers(0, 0xFFFF), st.sampled_from(range(0x8000, 0x8010)), st.integers(0, 16))
        return struct.pack("=H", draw(kinds)) + draw(st.binary(max_size=400))
    data = bytearray(draw(st.sampled_from(SAMPLES[name])))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(strategies.edges(0xFF))
    if draw(st.booleans()):
        data[4:8] = struct.pack("=I", draw(strategies.edges(2**32 - 1)))
    cut = draw(st.integers(0, len(data)))
    return bytes(data[:cut]) if draw(st.booleans()) else bytes(data) + draw(st.binary(max_size=40))


# -- notifications


@pytest.mark.parametrize("name", BUILT)
@given(data=st.data())
def test_tails_lie_within_the_bytes(name, data):
    """What the shim says of a notification's tail lies within the bytes that came, whatever they say of themselves."""
    stack, given_ = STACKS[name], data.draw(notifications(name))
    out = stack.ffi.new("sfi_ntf *")
    code = stack.lib.sfi_notification(given_, len(given_), out)
    assert code in (0, -errno.EBADMSG)
    if out.tail_kind:
        assert code == 0
        assert out.tail_offset >= 8
        assert out.tail_length > 0
        assert out.tail_offset + out.tail_length <= len(given_)
    else:
        assert (out.tail_offset, out.tail_length) == (0, 0)


def tail(event):
    """The bytes that a notification tells of."""
    if isinstance(event, StreamResetEvent):
        return struct.pack(f"={len(event.streams)}H", *event.streams)
    if isinstance(event, SendFailedEvent):
        return event.data
    return event.info if isinstance(event, (AssocChange, RemoteError)) else b""


@pytest.mark.parametrize("name", BUILT)
@given(data=st.data())
def test_notifications_are_objects(name, data):
    """Any bytes become an object of one of the classes, which can be shown, compared and hashed."""
    stack, given_ = STACKS[name], data.draw(notifications(name))
    event = stack.decode(given_)
    assert isinstance(event, Notification)
    assert isinstance(event.type, Event)
    assert repr(event)
    assert event == dataclasses.replace(event)
    assert len({event, dataclasses.replace(event)}) == 1
    assert tail(event) in given_
    if isinstance(event, UnknownNotification):
        assert event.data == given_
    if isinstance(event, AssocChange) and event.features is not None:
        assert len(event.features) <= len(given_)
    for derived in ("text", "causes", "sent", "whole", "ok"):
        if hasattr(type(event), derived):
            getattr(event, derived)


@pytest.mark.parametrize("name", BUILT)
@given(data=st.data(), more=st.binary(max_size=32))
def test_bytes_beyond_a_notification_change_nothing(name, data, more):
    """A notification whose length field is right means the same with any bytes behind it."""
    stack = STACKS[name]
    sample = data.draw(st.sampled_from(SAMPLES[name]))
    assert stack.decode(sample + more) == stack.decode(sample)


# -- error causes


@given(st.one_of(st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 0x200), st.binary(max_size=20))).map(
    lambda items: b"".join(
        struct.pack(">HH", code, 4 + len(data)) + data + bytes(-len(data) % 4) for code, data in items
    )
)))  # fmt: skip
@example(b"\0\x0c\0\x04" * 16000)
@example(b"\0\2\0\x08\xff\xff\xff\xff")
def test_causes_are_within_the_bytes(info):
    """Causes are found in any bytes, told in words, and none of them is made of bytes that were not there."""
    found = parse_causes(info)
    assert sum(4 + len(cause.data) for cause in found) <= len(info)
    at = 0
    for cause in found:
        assert info[at : at + 4] == struct.pack(">HH", cause.code, 4 + len(cause.data))
        assert info[at + 4 : at + 4 + len(cause.data)] == cause.data
        at += (4 + len(cause.data) + 3) & ~3
        assert cause.text.startswith(causes.cause_text(cause.code))
        assert "\n" not in cause.text


@given(code=st.one_of(st.sampled_from(sorted(Cause)), st.integers(0, 0xFFFF)), data=st.binary(max_size=40))
def test_details_never_fail(code, data):
    """Every cause is told in words with any data."""
    text = causes.ErrorCause(Cause(code), data).text
    assert text
    assert text.isprintable()


# -- addresses


@pytest.mark.parametrize("name", BUILT)
@given(data=st.one_of(st.binary(max_size=160), st.binary(min_size=16, max_size=40)), family=st.integers(0, 40))
def test_native_addresses_are_addresses_or_none(name, data, family):
    """Any bytes are an address that can be written and read again, or none."""
    stack = STACKS[name]
    head = struct.pack("=H", family) if sys.platform == "linux" else bytes([0, family])
    data = head + data[2:]
    out = stack.ffi.new("sfi_addr *")
    assert stack.lib.sfi_addr_from_native(stack.ffi.from_buffer(data), len(data), out) == 0
    found = stack.backend.address(out)
    if found is None:
        assert out.family == 0
        return
    assert found.family == out.family
    assert len(data) >= (16 if found.family == 4 else 28)
    (again,) = parse(str(found)).hosts
    assert ipaddress.ip_address(again.host) == ipaddress.ip_address(found.host)
    assert (again.port, again.scope_id) == (found.port, found.scope_id)
    place, size = stack.ffi.new("struct sockaddr_storage *"), stack.ffi.sizeof("struct sockaddr_storage")
    assert stack.lib.sfi_addr_to_native(stack.backend.pack([found]), place, size) > 0
    stack.lib.sfi_addr_from_native(place, size, out)
    assert stack.backend.address(out) == found


@pytest.mark.parametrize("name", BUILT)
@given(address=strategies.addresses)
def test_addresses_go_there_and_back(name, address):
    """Every address is itself again after it was the stack's."""
    stack = STACKS[name]
    place, size = stack.ffi.new("struct sockaddr_storage *"), stack.ffi.sizeof("struct sockaddr_storage")
    assert stack.lib.sfi_addr_to_native(stack.backend.pack([address]), place, size) in (16, 28)
    out = stack.ffi.new("sfi_addr *")
    stack.lib.sfi_addr_from_native(place, size, out)
    assert stack.backend.address(out) == address


@given(
    family=st.one_of(st.sampled_from([0, 4, 6]), strategies.edges(2**32 - 1)),
    port=strategies.edges(0xFFFF),
    scope=strategies.edges(2**32 - 1),
    ip=st.binary(min_size=16, max_size=16),
)
def test_raw_addresses_are_addresses_or_none(family, port, scope, ip):
    """What the shim gives is an address, or none for a family that is none."""
    found = from_raw(family, port, scope, ip)
    assert (found is None) is (family not in (4, 6))
    if found is not None:
        kind, size = (socket.AF_INET, 4) if family == 4 else (socket.AF_INET6, 16)
        assert socket.inet_pton(kind, found.host) == ip[:size]


TEXT = st.one_of(
    st.text("0123456789abcdefABCDEF:./[]%", max_size=40),
    st.text(max_size=20),
    strategies.addresses.map(str),
    st.lists(strategies.addresses, max_size=4).map(lambda some: "/".join(str(a).rpartition(":")[0] for a in some)),
    st.integers(0, 2**32 - 1).map(lambda n: f"[fe80::1%{n}]:80"),
)


@given(TEXT)
@example(":")
@example("[::1%lo]:5")
@example("[::1%\0]:5")
@example("[::1%\ud800]:5")
@example("[::1%" + "9" * 5000 + "]:5")
@example("[::1]:" + "9" * 5000)
@example("1" * 5000 + ":5")
@example("٣.0.0.1:5")
@example("10.0.0.1:٣")
def test_text_is_an_address_or_refused(text):
    """Any text is a set of addresses that is written so that it reads the same, or an AddressError."""
    try:
        found = parse(text, "to")
    except AddressError as exc:
        assert exc.argument == "to"
        return
    assert isinstance(found, AddressSet)
    assert parse(str(found)) == found
    assert len(found.hosts) <= addresses.MAX_ADDRESSES
    assert all(isinstance(host, Address) and host.port == found.port for host in found.hosts)


@given(value=strategies.junk)
def test_junk_is_no_address(value):
    """Whatever is given for an address is one, or is refused by the argument's name."""
    for call in (parse, lambda item, argument: parse_hosts(item, 5, argument)):
        try:
            found = call(value, "to")
        except (AddressError, ArgumentTypeError) as exc:
            assert exc.argument == "to"
        else:
            assert isinstance(found, AddressSet)
