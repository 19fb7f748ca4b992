"""Single-valued options, primary addresses and lists of associations: what the public apitester suite checks.

Its suites setprim, setpeerprim, read, mapped, fraginter, assoclist, nodelay, events, disfrag, autoclose, adaptation,
pdapi, xrcvinfo, eeor and aasconf, in our words. SCTP_EVENTS and SCTP_USE_EXT_RCVINFO are checked by their successors
(RFC 6458 sections 8.1.14, 8.1.22). Which upstream check is which test: tests/suites/apitester.txt.
"""

from __future__ import annotations

import struct

import pytest

from sctpffi import (
    Address,
    AddressNotAvailable,
    ArgumentError,
    AssocState,
    Event,
    OptionRefused,
    PathState,
    Socket,
    Style,
    UnsupportedOption,
    WrongStyle,
)
from sctpffi._optrows import OPTIONS
from sctpffi.testing import LIMIT, expected

CLIENTS = 12
NOBODY = "18.52.86.120"


def number(name, backend):
    """An option's number on a stack, for the raw door."""
    row = next(row for row in OPTIONS if row.name == name)
    return row.linux if backend == "linux" else row.bsd


# -- switches and single numbers


@pytest.mark.parametrize("name", ["nodelay", "disable_fragments", "receive_nxtinfo"])
def test_switches(fresh, name):
    """NODELAY, DISABLE_FRAGMENTS, RECVNXTINFO start off and can be switched (RFC 6458 8.1.5, 8.1.11, 8.1.30)."""
    assert fresh.opts.get(name) is False
    for wanted in (True, False):
        fresh.opts.set(name, wanted)
        assert fresh.opts.get(name) is wanted


def test_explicit_eor(fresh, backend):
    """EXPLICIT_EOR starts off, and goes on and off where the stack has it (RFC 6458 section 8.1.26)."""
    assert fresh.opts.supports("explicit_eor") is expected("explicit_eor", backend)
    if not expected("explicit_eor", backend):
        with pytest.raises(UnsupportedOption):
            fresh.opts.explicit_eor = True
        return
    assert fresh.opts.explicit_eor is False
    for wanted in (True, False):
        fresh.opts.explicit_eor = wanted
        assert fresh.opts.explicit_eor is wanted


def test_auto_asconf(fresh):
    """AUTO_ASCONF goes on and off on a socket that is bound to every address (RFC 6458 section 8.1.23)."""
    fresh.auth.enable([])
    fresh.opts.asconf_supported = True
    fresh.bind(":0")
    was = fresh.opts.auto_asconf
    for wanted in (not was, was):
        fresh.opts.auto_asconf = wanted
        assert fresh.opts.auto_asconf is wanted


def test_mapped_addresses(backend, style):
    """I_WANT_MAPPED_V4_ADDR starts off here on every stack, and goes on and off (RFC 6458 section 8.1.15)."""
    with Socket(6, style, backend=backend) as sock:
        assert sock.opts.mapped_v4_addresses is False
        for wanted in (True, False):
            sock.opts.mapped_v4_addresses = wanted
            assert sock.opts.mapped_v4_addresses is wanted


def test_mapped_addresses_are_for_ipv6(fresh):
    """An IPv4 socket has no use for mapped addresses and refuses them (RFC 6458 section 8.1.15)."""
    with pytest.raises(OptionRefused):
        fresh.opts.mapped_v4_addresses = True
    assert fresh.opts.mapped_v4_addresses is False


def test_fragment_interleave(fresh, backend):
    """Levels 0 and 1 read back; 2 becomes 1 where the stack has no more (RFC 6458 section 8.1.20)."""
    assert fresh.opts.fragment_interleave == expected("default_fragment_interleave", backend)
    most = expected("most_fragment_interleave", backend)
    for wanted in (0, 1, 2, 0, 1, 2):
        fresh.opts.fragment_interleave = wanted
        assert fresh.opts.fragment_interleave == min(wanted, most)
    with pytest.raises(ArgumentError, match="fragment_interleave"):
        fresh.opts.fragment_interleave = 42
    assert fresh.opts.fragment_interleave == most


def test_autoclose(backend):
    """AUTOCLOSE starts at 0, never, and reads back in seconds (RFC 6458 section 8.1.8)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as sock:
        assert sock.opts.autoclose_s == 0
        sock.opts.autoclose_s = 40
        assert sock.opts.autoclose_s == 40


def test_autoclose_is_for_one_to_many(backend):
    """AUTOCLOSE is refused on one-to-one sockets, getting and setting (RFC 6458 section 8.1.8)."""
    with Socket(4, backend=backend) as sock:
        with pytest.raises(WrongStyle):
            _ = sock.opts.autoclose_s
        with pytest.raises(WrongStyle):
            sock.opts.autoclose_s = 40


def test_adaptation_layer(fresh):
    """The adaptation layer indication reads back (RFC 6458 section 8.1.10)."""
    wanted = fresh.opts.adaptation_layer + 1
    fresh.opts.adaptation_layer = wanted
    assert fresh.opts.adaptation_layer == wanted


def test_partial_delivery_point(fresh):
    """The partial delivery point can be read, and reads back what was set (RFC 6458 section 8.1.21)."""
    assert fresh.opts.partial_delivery_point_bytes >= 0
    for wanted in (4000, 2000):
        fresh.opts.partial_delivery_point_bytes = wanted
        assert fresh.opts.partial_delivery_point_bytes == wanted


EVENTS = [
    Event.ASSOC_CHANGE,
    Event.PEER_ADDR_CHANGE,
    Event.SEND_FAILED_EVENT,
    Event.REMOTE_ERROR,
    Event.SHUTDOWN_EVENT,
    Event.PARTIAL_DELIVERY_EVENT,
    Event.ADAPTATION_INDICATION,
    Event.AUTHENTICATION_EVENT,
]


def test_no_event_at_first(fresh):
    """A fresh socket delivers no notification (RFC 6458 section 6.2)."""
    assert fresh.subscriptions == set()
    assert [event for event in EVENTS if fresh.subscribed(event)] == []


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_one_event(fresh, event):
    """Subscribing to one type changes no other, and so does giving it up (RFC 6458 section 6.2.2)."""
    fresh.subscribe(event)
    assert [item for item in EVENTS if fresh.subscribed(item)] == [event]
    fresh.unsubscribe(event)
    assert [item for item in EVENTS if fresh.subscribed(item)] == []


def test_receive_information(fresh):
    """What comes with a message is on here from the beginning, and goes off and on (RFC 6458 section 8.1.29)."""
    for wanted in (True, False, True):
        fresh.opts.receive_rcvinfo = wanted
        assert fresh.opts.receive_rcvinfo is wanted
        assert fresh.subscriptions == set()


# -- primary addresses


def active(found):
    """The end that set the association up, whose peer's addresses are all proved; and the id there."""
    return (found.sock, found.assoc_id) if found.assoc_id else (found.peer, 0)


def test_primary_address(associate, two_hosts):
    """The primary address is one of the peer's, and each of them can be made it (RFC 6458 section 8.1.9)."""
    sock, assoc_id = active(associate(hosts=two_hosts))
    opts, peers = sock.opts.of(assoc_id), sock.peer_addresses(assoc_id)
    assert opts.primary_address in peers
    for wanted in sorted(peers, key=lambda address: address == opts.primary_address):
        opts.primary_address = wanted
        assert opts.primary_address == wanted


def test_a_foreign_primary_address(associate):
    """An address that is not the peer's can't be its primary one (RFC 6458 section 8.1.9)."""
    sock, assoc_id = active(associate())
    opts = sock.opts.of(assoc_id)
    before = opts.primary_address
    with pytest.raises(OptionRefused):
        opts.primary_address = Address(NOBODY, before.port)
    assert opts.primary_address == before


def dynamic(sock):
    """AUTH and ASCONF on."""
    sock.auth.enable([])
    sock.opts.asconf_supported = True


def test_peer_primary_address(associate, two_hosts):
    """The peer can be asked to send to any of our addresses (RFC 6458 section 8.3.1, RFC 5061 section 4.2.4)."""
    found = associate(before=dynamic, at_peer=dynamic, hosts=two_hosts)
    first = found.sock.local_addresses(found.assoc_id)[0]
    found.own.peer_primary_address = first
    assert first in found.peer.peer_addresses()


def test_a_foreign_peer_primary_address(associate):
    """The peer can't be asked to send to an address that is not ours (RFC 6458 section 8.3.1)."""
    found = associate(before=dynamic, at_peer=dynamic)
    port = found.sock.local_addresses()[0].port
    with pytest.raises(AddressNotAvailable):
        found.own.peer_primary_address = Address(NOBODY, port)


# -- what can only be read


def test_status_and_path(associate):
    """STATUS tells the primary path, which PEER_ADDR_INFO knows (RFC 6458 sections 8.2.1 and 8.2.2)."""
    found = associate()
    status = found.own.status
    assert status.state is AssocState.ESTABLISHED
    info = found.sock.opts.of(found.assoc_id, status.primary.address).path_info
    assert info.address == status.primary.address == found.own.primary_address
    assert info.state is PathState.ACTIVE
    assert (status.in_streams > 0, status.out_streams > 0, status.rwnd_bytes > 0) == (True, True, True)


@pytest.fixture
def hub(backend):
    """A one-to-many socket with associations of as many clients."""
    clients = []
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as sock:
        sock.bind("127.0.0.1:0")
        sock.listen()
        there = sock.getsockname()
        try:
            for _ in range(CLIENTS):
                clients.append(Socket(4, backend=backend))
                clients[-1].bind("127.0.0.1:0")
                clients[-1].connect(there, timeout=LIMIT)
            yield sock
        finally:
            for client in clients:
                client.close()


def test_numbers_of_associations(hub):
    """GET_ASSOC_NUMBER counts the associations, GET_ASSOC_ID_LIST names them (RFC 6458 sections 8.2.5 and 8.2.6)."""
    assert hub.opts.assoc_number == CLIENTS
    ids = hub.opts.assoc_ids
    assert len(ids) == len(set(ids)) == CLIENTS
    assert hub.associations() == ids


@pytest.mark.parametrize("room", [CLIENTS, CLIENTS + 1, CLIENTS - 1], ids=["fitting", "larger", "smaller"])
def test_room_for_association_ids(hub, backend, room):
    """A list of ids fits or is refused by the stack; sctpffi finds the room itself (RFC 6458 section 8.2.6)."""
    option = number("assoc_ids", backend)
    if room < CLIENTS:
        with pytest.raises(OSError):
            hub.getsockopt_raw(132, option, 4 + 4 * room)
        return
    found = hub.getsockopt_raw(132, option, 4 + 4 * room)
    count, *ids = struct.unpack(f"={1 + CLIENTS}I", found[: 4 + 4 * CLIENTS])
    assert count == CLIENTS
    assert sorted(ids) == sorted(hub.opts.assoc_ids)


@pytest.mark.parametrize("name", ["assoc_number", "assoc_ids"])
def test_one_to_one_sockets_count_no_associations(backend, linked, name):
    """One-to-one sockets have no list of associations, connected or not (RFC 6458 sections 8.2.5 and 8.2.6)."""
    with Socket(4, backend=backend) as sock:
        for each in (sock, linked.client):
            with pytest.raises(WrongStyle):
                each.opts.get(name)


def test_no_association_at_first(backend):
    """A fresh one-to-many socket has no association (RFC 6458 sections 8.2.5 and 8.2.6)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as sock:
        assert (sock.opts.assoc_number, sock.opts.assoc_ids) == (0, ())
