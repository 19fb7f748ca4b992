"""Addresses: text to objects and back, which may go together, and what is refused.

Every refusal is an error of ours that names the argument, whatever nonsense came in; no bare ValueError escapes.
"""

from __future__ import annotations

import socket

import pytest

from sctpffi.addresses import (
    MAX_ADDRESSES,
    Address,
    AddressSet,
    from_raw,
    make_address,
    parse,
    parse_hosts,
    resolve_any,
)
from sctpffi.errors import AddressError, ArgumentError, ArgumentTypeError

GOOD = [
    ("10.0.0.1:3868", [("10.0.0.1", 0)], 3868, 4),
    ("10.0.0.1:0", [("10.0.0.1", 0)], 0, 4),
    ("10.0.0.1:65535", [("10.0.0.1", 0)], 65535, 4),
    ("10.0.0.1/10.0.0.2/10.0.0.3:1", [("10.0.0.1", 0), ("10.0.0.2", 0), ("10.0.0.3", 0)], 1, 4),
    ("[::1]:80", [("::1", 0)], 80, 6),
    ("[2001:db8::1]/[2001:db8::2]:80", [("2001:db8::1", 0), ("2001:db8::2", 0)], 80, 6),
    ("10.0.0.1/[2001:db8::1]:80", [("10.0.0.1", 0), ("2001:db8::1", 0)], 80, 6),
    ("[fe80::1%3]:80", [("fe80::1", 3)], 80, 6),
    ("[fe80::1%3]/[fe80::1%4]:80", [("fe80::1", 3), ("fe80::1", 4)], 80, 6),
    (":3868", [], 3868, 4),
    (":0", [], 0, 4),
    ("0.0.0.0:9", [("0.0.0.0", 0)], 9, 4),
    ("[::]:9", [("::", 0)], 9, 6),
]
BAD_TEXT = [
    ("", "no port"),
    ("10.0.0.1", "no port"),
    ("[::1]", "no port"),
    ("10.0.0.1:", "not a port number"),
    ("10.0.0.1:x", "not a port number"),
    ("10.0.0.1:-1", "not a port number"),
    ("10.0.0.1:+1", "not a port number"),
    ("10.0.0.1: 1", "not a port number"),
    ("10.0.0.1:\u0663", "not a port number"),
    ("10.0.0.1:65536", "not in 0..65535"),
    ("::1:80", "needs brackets"),
    ("10.0.0.1/::1:80", "needs brackets"),
    ("[::1]x:80", "needs brackets"),
    ("[10.0.0.1]:80", "brackets are for IPv6"),
    ("[]:80", "brackets are for IPv6"),
    ("localhost:80", "not a numeric"),
    ("10.0.0:80", "not a numeric"),
    ("10.0.0.256:80", "not a numeric"),
    (" 10.0.0.1:80", "not a numeric"),
    ("[::1::]:80", "not a numeric"),
    ("10.0.0.1/:80", "not a numeric"),
    ("/10.0.0.1:80", "not a numeric"),
    ("/:80", "not a numeric"),
    ("10.0.0.1//10.0.0.2:80", "not a numeric"),
    ("10.0.0.1%1:80", "IPv4 address has no zone"),
    ("[fe80::1%]:80", "zone after % is empty"),
    ("[fe80::1%no-such-if]:80", "no interface 'no-such-if'"),
    ("10.0.0.1/10.0.0.1:80", "an address twice"),
    ("[::1]/[0:0::1]:80", "an address twice"),
    ("10.0.0.1/[::ffff:10.0.0.1]:80", "an address twice"),
    ("0.0.0.0/10.0.0.1:80", "wildcard"),
    ("10.0.0.1/[::]:80", "wildcard"),
    ("/".join(f"10.0.{i}.1" for i in range(MAX_ADDRESSES + 1)) + ":80", f"at most {MAX_ADDRESSES}"),
]
# Each of these once made its way to int(), ipaddress or the resolver and came back as a bare ValueError.
STRAY = [
    pytest.param("[fe80::1%\u00b2]:80", id="zone-superscript"),
    pytest.param("[fe80::1%a\0b]:80", id="zone-with-nul"),
    pytest.param("10.0.0.1:" + "9" * 5000, id="port-of-5000-digits"),
    pytest.param([Address("nonsense", 1), Address("more", 1)], id="list-of-nonsense"),
    pytest.param(AddressSet((Address("nonsense", 1), Address("more", 1)), 1), id="set-of-nonsense"),
]
# Each of these was accepted, to fail in the backend or to be sent somewhere else.
ACCEPTED = [
    pytest.param([Address("nonsense", 1)], id="list-of-one"),
    pytest.param([Address("10.0.0.1", 70000)], id="list-port"),
    pytest.param([Address("10.0.0.1", 1), Address("::ffff:10.0.0.1", 1)], id="list-mapped-twice"),
    pytest.param(AddressSet((Address("nonsense", 1),), 1), id="set-of-one"),
    pytest.param(AddressSet((Address("10.0.0.1", 1),), 2), id="set-of-two-ports"),
    pytest.param(AddressSet((), 70000), id="set-port"),
    pytest.param("[::ffff:10.0.0.1%1]:80", id="zone-of-a-mapped-address"),
    pytest.param("[fe80::1%4294967296]:80", id="zone-over-32-bits"),
]


@pytest.mark.parametrize(("text", "hosts", "port", "family"), GOOD, ids=[row[0] for row in GOOD])
def test_text_is_understood(text, hosts, port, family):
    """host[/host...]:port gives each host with its zone, the one port, and the family of a socket that takes all."""
    found = parse(text)
    assert [(a.host, a.scope_id) for a in found.hosts] == hosts
    assert {a.port for a in found.hosts} <= {port}
    assert (found.port, found.family) == (port, family)


@pytest.mark.parametrize("text", [row[0] for row in GOOD])
def test_printed_text_is_the_text(text):
    """str() of what was parsed is the text again, and parses to the same."""
    found = parse(text)
    assert str(found) == text
    assert parse(str(found)) == found
    assert parse(found) == found


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("[0:0:0:0:0:0:0:1]:80", "[::1]:80"),
        ("[2001:DB8::A]:80", "[2001:db8::a]:80"),
        ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
        ("[fe80::1%0]:80", "[fe80::1]:80"),
        ("10.0.0.1:0080", "10.0.0.1:80"),
    ],
)
def test_other_spellings_become_one(text, printed):
    """Each address has one spelling, RFC 5952's; a v4-mapped one is plain IPv4."""
    assert str(parse(text)) == printed


@pytest.mark.parametrize("text", ["10.0.0.1:80", "[::1]:0", "[fe80::1%7]:65535"])
def test_one_address_prints_as_it_parses(text):
    """str() of one Address is text that parses to that Address."""
    (address,) = parse(text).hosts
    assert str(address) == text
    assert parse(address).hosts == (address,)


@pytest.mark.parametrize(("text", "why"), BAD_TEXT, ids=[repr(row[0][:30]) for row in BAD_TEXT])
def test_bad_text_is_refused_by_name(text, why):
    """Text that can't be understood is an AddressError, hence ValueError, that names the argument and says why."""
    with pytest.raises(AddressError) as caught:
        parse(text, "local")
    assert caught.value.argument == "local"
    assert why in str(caught.value)
    assert str(caught.value).startswith("local: ")


@pytest.mark.parametrize("value", STRAY)
def test_no_bare_error_escapes(value):
    """Whatever comes in, what comes out is an error of ours that names the argument."""
    with pytest.raises(ValueError) as caught:
        parse(value, "local")
    assert isinstance(caught.value, ArgumentError), f"a bare {caught.value!r}"
    assert caught.value.argument == "local"


@pytest.mark.parametrize("value", ACCEPTED)
def test_objects_are_checked_like_text(value):
    """An Address made by hand is checked as its text would be, before a stack sees it."""
    with pytest.raises(AddressError) as caught:
        parse(value, "local")
    assert caught.value.argument == "local"


@pytest.mark.parametrize(
    "value",
    [None, 80, b"10.0.0.1:80", 1.5, [], (), ["10.0.0.1:80"], ("10.0.0.1",), (1, 2), [None], {"10.0.0.1:80"}, object],
    ids=repr,
)
def test_other_types_are_refused_by_name(value):
    """A value of a type that is no address is an ArgumentTypeError, hence TypeError, that names the argument."""
    with pytest.raises(ArgumentTypeError) as caught:
        parse(value, "remote")
    assert caught.value.argument == "remote"


@pytest.mark.parametrize("port", ["80", None, 1.0, True, b"80"], ids=repr)
@pytest.mark.parametrize("host", ["10.0.0.1", ""])
def test_port_of_a_pair_is_an_int(host, port):
    """In a (host, port) pair the port is an int, and a bool is none."""
    with pytest.raises(ArgumentTypeError, match="^peer: a port is an int"):
        parse((host, port), "peer")


@pytest.mark.parametrize("port", [-1, 65536])
@pytest.mark.parametrize("host", ["10.0.0.1", ""])
def test_port_of_a_pair_is_in_range(host, port):
    """In a (host, port) pair the port is in 0..65535 (RFC 9260 section 3.1)."""
    with pytest.raises(AddressError, match=r"^peer: port -?\d+ is not in 0..65535"):
        parse((host, port), "peer")


def test_pair_of_host_and_port_is_understood():
    """A (host, port) pair is what `socket` takes; an empty host is any address."""
    assert parse(("10.0.0.1", 80)) == AddressSet((Address("10.0.0.1", 80),), 80)
    assert parse(("fe80::1%2", 80)) == AddressSet((Address("fe80::1", 80, 2),), 80)
    assert parse(("", 80)) == AddressSet((), 80)


def test_several_address_objects_are_understood():
    """Several Address objects are one endpoint; they share its port (RFC 9260 section 1.3)."""
    two = [Address("10.0.0.1", 80), Address("10.0.0.2", 80)]
    assert parse(two) == parse(tuple(two)) == AddressSet(tuple(two), 80)
    with pytest.raises(AddressError, match="share one port"):
        parse([Address("10.0.0.1", 80), Address("10.0.0.2", 81)])


def test_most_addresses_of_a_call_are_accepted():
    """As many addresses as one call takes are accepted, one more is not (see BAD_TEXT)."""
    text = "/".join(f"10.0.{i}.1" for i in range(MAX_ADDRESSES)) + ":80"
    assert len(parse(text).hosts) == MAX_ADDRESSES


def test_zone_may_be_an_interfaces_name(monkeypatch):
    """A zone is a number or the name of an interface (RFC 4007 section 11)."""
    monkeypatch.setattr(socket, "if_nametoindex", {"eth7": 7}.__getitem__, raising=False)
    assert parse("[fe80::1%eth7]:80").hosts == (Address("fe80::1", 80, 7),)


def test_make_address_wants_text():
    """A host is a str."""
    with pytest.raises(ArgumentTypeError, match="^to: a host is a str, not bytes"):
        make_address(b"10.0.0.1", 80, "to")


def test_default_argument_name():
    """Without a name for it the argument is called address."""
    for refused in (lambda: parse("x"), lambda: make_address("x", 1)):
        with pytest.raises(AddressError) as caught:
            refused()
        assert caught.value.argument == "address"


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("10.0.0.2", ["10.0.0.2"]),
        ("10.0.0.2/10.0.0.3", ["10.0.0.2", "10.0.0.3"]),
        ("[::1]/10.0.0.3", ["::1", "10.0.0.3"]),
        ("::1", ["::1"]),
        (["10.0.0.2", "[::1]"], ["10.0.0.2", "::1"]),
        (("10.0.0.2",), ["10.0.0.2"]),
    ],
    ids=repr,
)
def test_hosts_without_a_port_get_the_given_one(value, hosts):
    """Hosts for bindx and for a path come without a port and get the socket's."""
    found = parse_hosts(value, 3868, "addresses")
    assert [(a.host, a.port) for a in found.hosts] == [(host, 3868) for host in hosts]
    assert found.port == 3868


def test_hosts_may_be_address_objects():
    """An Address with port 0 gets the given port; one with a port keeps it."""
    assert parse_hosts(Address("10.0.0.2", 0), 80, "to").hosts == (Address("10.0.0.2", 80),)
    assert parse_hosts([Address("10.0.0.2", 81)], 80, "to").port == 81


@pytest.mark.parametrize("value", ["", "10.0.0.2:80", "10.0.0.2/", "host", [], ["x"], "10.0.0.2/10.0.0.2"], ids=repr)
def test_bad_hosts_are_refused_by_name(value):
    """Hosts that can't be understood are an AddressError that names the argument."""
    with pytest.raises(AddressError) as caught:
        parse_hosts(value, 80, "to")
    assert caught.value.argument == "to"


@pytest.mark.parametrize("value", [None, 7, b"10.0.0.2", ("10.0.0.2", 80), [None]], ids=repr)
def test_hosts_of_another_type_are_refused_by_name(value):
    """Hosts of a wrong type are an ArgumentTypeError that names the argument."""
    with pytest.raises(ArgumentTypeError) as caught:
        parse_hosts(value, 80, "to")
    assert caught.value.argument == "to"


def test_hand_made_host_is_checked():
    """An Address made by hand is checked as its text would be."""
    with pytest.raises(AddressError, match="^to: "):
        parse_hosts(Address("nonsense", 0), 80, "to")


@pytest.mark.parametrize(("family", "host"), [(4, "0.0.0.0"), (6, "::")])
def test_any_address_becomes_the_familys_wildcard(family, host):
    """An empty host is the wildcard of the socket's family; named hosts stay."""
    assert resolve_any(parse(":80"), family) == AddressSet((Address(host, 80),), 80)
    named = parse("10.0.0.1:80")
    assert resolve_any(named, family) is named


def test_raw_addresses_become_objects():
    """The shim's four values become an Address, or None where there is none."""
    ip = bytes([192, 0, 2, 1]) + bytes(12)
    assert from_raw(4, 80, 0, ip) == Address("192.0.2.1", 80)
    assert from_raw(6, 80, 3, bytes.fromhex("fe80") + bytes(13) + b"\x01") == Address("fe80::1", 80, 3)
    assert from_raw(0, 0, 0, bytes(16)) is None


def test_family_follows_the_host():
    """An Address knows its family by its host."""
    assert Address("10.0.0.1", 1).family == 4
    assert Address("::1", 1).family == 6
