"""Socket options: what lksctp-tools' programs sockopt, 1_to_1_sockopt, rtoinfo and packetdrill's option scripts check.

On sockets without an association, with one, and peeled off. What test_apitester_*.py check already is not repeated;
tests/suites/*.txt say which check is which test. Reconfiguration and I-DATA are in test_lksctp_extensions.py.
"""

from __future__ import annotations

import pytest

from sctpffi import (
    Address,
    ArgumentError,
    AssocParams,
    AssocState,
    DelayedSack,
    Event,
    InitParams,
    Linger,
    NoSuchAssociation,
    NotConnected,
    OptionRefused,
    PathFlag,
    PathParams,
    PathState,
    RtoInfo,
    SndInfo,
    Style,
    WrongStyle,
    errors,
)

ONE, MANY = Style.ONE_TO_ONE, Style.ONE_TO_MANY
NOBODY = 1234  # the id of no association


@pytest.fixture
def foreign(net):
    """An address that no peer has."""
    return Address("127.0.0.9" if net.family == 4 else "::2", 9)


# -- values that read back


ON_A_CONNECTION = {
    "rto_info": (RtoInfo(200, 400, 100), RtoInfo(300, 400, 100)),
    "context": (1100, 1200),
    "delayed_sack": (DelayedSack(200, 2), DelayedSack(400, 3)),
    "max_burst": (5, 4),
    "default_sndinfo": (SndInfo(0, ppid=1, context=1), SndInfo(1, ppid=2, context=2)),
    "disable_fragments": (True, False),
    "nodelay": (True, False),
    "partial_delivery_point_bytes": (1000, 2000),
    "receive_nxtinfo": (True, False),
    "linger": (Linger(True, 30), Linger(True, 7)),
    "init_params": (InitParams(2, 2, 2, 30), InitParams(3, 3, 3, 60)),
    "adaptation_layer": (2, 3),
}


@pytest.mark.parametrize("name", ON_A_CONNECTION)
def test_values_on_a_connection(net, name):
    """A connected one-to-one socket reads back what was set, with its association's id and without (RFC 6458 7.2)."""
    client = net.linked().client
    own = client.opts.of(client.status().assoc_id)
    scoped = name in ("rto_info", "context", "delayed_sack", "max_burst", "default_sndinfo")
    for wanted in ON_A_CONNECTION[name]:
        client.opts.set(name, wanted)
        assert client.opts.get(name) == wanted
        if scoped:
            assert own.get(name) == wanted
    for wanted in ON_A_CONNECTION[name] if scoped else ():
        own.set(name, wanted)
        assert client.opts.get(name) == wanted
    client.opts.linger = Linger(False, 0)


def test_init_params_of_two_sockets(net, style):
    """INITMSG reads back, and another socket keeps its own (RFC 6458 section 8.1.3)."""
    first, second = net.open(style), net.open(style)
    default = second.opts.init_params
    first.opts.init_params = InitParams(5, 5, 3, 30)
    assert first.opts.init_params == InitParams(5, 5, 3, 30)
    assert second.opts.init_params == default != InitParams(5, 5, 3, 30)


def test_small_buffers_of_a_connection(net):
    """The buffers of a connected socket shrink to about what is asked, and it still works (RFC 6458 8.1.6, 8.1.7)."""
    both = net.linked()
    for name, size in (("receive_buffer_bytes", 2048), ("send_buffer_bytes", 2304)):
        before = both.client.opts.get(name)
        both.client.opts.set(name, size)
        assert size <= both.client.opts.get(name) < before
    both.client.send(b"x" * 1000)
    assert both.server.recv().data == b"x" * 1000
    both.server.send(b"y" * 1000)
    assert both.client.recv().data == b"y" * 1000


def test_assoc_params_of_a_connection(net):
    """ASSOCINFO of a connection changes from what it was, and only where it is asked to (RFC 6458 section 8.1.2)."""
    client = net.linked().client
    before = client.opts.assoc_params
    client.opts.assoc_params = AssocParams(before.max_retrans + 5, 3, 1800, 2000, before.cookie_life_ms + 10_000)
    after = client.opts.assoc_params
    assert after.max_retrans == before.max_retrans + 5
    assert after.cookie_life_ms == before.cookie_life_ms + 10_000
    assert (after.peer_destinations, after.peer_rwnd_bytes) == (1, before.peer_rwnd_bytes)


def test_primary_address_of_a_connection(net):
    """The primary address is the listener's, and can be set to what it is (RFC 6458 section 8.1.9)."""
    both = net.linked()
    primary = both.client.opts.primary_address
    assert primary == both.listener.local_addresses()[0]
    both.client.opts.primary_address = primary
    own = both.client.opts.of(both.client.status().assoc_id)
    own.primary_address = primary
    assert own.primary_address == both.client.opts.primary_address == primary


def test_another_level(net, style):
    """An option of a level that there is not is refused (RFC 6458 section 7.2)."""
    sock = net.open(style)
    for level in (-1, 9999):
        with pytest.raises(errors.SctpOSError):
            sock.setsockopt_raw(level, 0, bytes(16))


def test_autoclose_of_a_connection(net):
    """AUTOCLOSE is of one-to-many sockets, connected or not (RFC 6458 section 8.1.8)."""
    for sock in (net.open(), net.linked().client):
        with pytest.raises(WrongStyle):
            sock.opts.autoclose_s = 1
        with pytest.raises(WrongStyle):
            _ = sock.opts.autoclose_s


# -- status


def test_status_of_one_of_many(net):
    """STATUS tells of the association with the id that is given, and of no other (RFC 6458 section 8.2.1)."""
    server, there, client, here = net.couple()
    status = client.status(here)
    assert (status.assoc_id, status.state) == (here, AssocState.ESTABLISHED)
    assert (status.in_streams, status.out_streams) == (10, 10)
    assert status.primary.address == server.local_addresses()[0]
    assert status.primary.state is PathState.ACTIVE
    assert client.opts.of(here).status.primary.address == status.primary.address
    assert server.status(there).primary.address == client.local_addresses()[0]


def test_status_of_nobody(net):
    """Without an association, without an id and with a stranger's there is no status (RFC 6458 section 8.2.1)."""
    lonely = net.bound(MANY)
    couple = net.couple()
    for sock in (lonely, couple.server):
        with pytest.raises(ArgumentError, match="assoc_id"):
            sock.status()
        with pytest.raises(NoSuchAssociation):
            sock.status(NOBODY)
    with pytest.raises(NotConnected):
        net.bound(ONE).status()


# -- one path


def test_path_info_of_each_style(net):
    """GET_PEER_ADDR_INFO knows the peer's address by id, peeled off, and on one-to-one sockets (RFC 6458 8.2.2)."""
    server, number, _, _ = net.couple()
    both = net.linked()
    (address,) = server.peer_addresses(number)
    peeled = net.keep(server.peeloff(number))
    for opts, path in (
        (peeled.opts.of(0, address), address),
        (both.server.opts.of(0, both.peer), both.peer),
        (both.client.opts.of(both.client.status().assoc_id, both.client.peer_addresses()[0]), None),
    ):
        info = opts.path_info
        assert info.address == (path or both.client.peer_addresses()[0])
        assert info.state is PathState.ACTIVE
        assert min(info.cwnd_bytes, info.mtu_bytes) > 500
    other, there, _, _ = net.couple()
    (path,) = other.peer_addresses(there)
    assert other.opts.of(there, path).path_info.address == path


def test_path_info_of_what_is_no_path(net, foreign):
    """Without an address, or with one that is not the peer's, there is no path to tell of (RFC 6458 8.2.2)."""
    server, number, _, _ = net.couple()
    for address in (None, foreign):
        with pytest.raises(OptionRefused):
            _ = server.opts.of(number, address).path_info
    both = net.linked()
    for address in (None, foreign):
        with pytest.raises(OptionRefused):
            _ = both.client.opts.of(0, address).path_info


def test_path_info_of_an_unknown_association(net):
    """An id that is no association's is refused although the address is a peer's (RFC 6458 section 8.2.2)."""
    server, number, _, _ = net.couple()
    (address,) = server.peer_addresses(number)
    with pytest.raises(NoSuchAssociation):
        _ = server.opts.of(NOBODY, address).path_info


def test_path_params_of_one_path(net):
    """Heartbeats and retransmissions of a path change and go off, the socket keeps its own (RFC 6458 8.1.12)."""
    server, number, _, _ = net.couple()
    (address,) = server.peer_addresses(number)
    default = server.opts.path_params
    own = server.opts.of(number, address)
    wanted = own.path_params.max_retrans + 1
    own.path_params = PathParams(heartbeat_ms=1000, max_retrans=wanted, flags=PathFlag.HB_ENABLE)
    found = own.path_params
    assert (found.heartbeat_ms, found.max_retrans) == (1000, wanted)
    assert found.flags & PathFlag.HB_ENABLE
    own.path_params = PathParams(flags=PathFlag.HB_DISABLE)
    found = own.path_params
    assert found.flags & (PathFlag.HB_ENABLE | PathFlag.HB_DISABLE) == PathFlag.HB_DISABLE
    assert found.flags & PathFlag.PMTUD_ENABLE
    assert server.opts.path_params == default


def test_path_params_of_two_sockets(net):
    """What is set on a socket reads back there and not on another one (RFC 6458 sections 8.1.12 and 8.1.19)."""
    first, second = net.open(MANY), net.open(MANY)
    default, delay = second.opts.path_params, second.opts.delayed_sack
    first.opts.path_params = PathParams(max_retrans=default.max_retrans + 1)
    first.opts.delayed_sack = DelayedSack(250, 2)
    assert first.opts.path_params.max_retrans == default.max_retrans + 1
    assert first.opts.delayed_sack == DelayedSack(250, 2)
    assert (second.opts.path_params, second.opts.delayed_sack) == (default, delay)


def test_path_params_of_nobody(net, foreign):
    """A stranger's id or address is refused, and no default changes by it (RFC 6458 section 8.1.12)."""
    server, number, _, _ = net.couple()
    before = server.opts.path_params
    wanted = PathParams(max_retrans=before.max_retrans + 1)
    with pytest.raises(NoSuchAssociation):
        server.opts.of(NOBODY).path_params = wanted
    with pytest.raises(OptionRefused):
        server.opts.of(number, foreign).path_params = wanted
    with pytest.raises((OptionRefused, NoSuchAssociation)):
        server.opts.of(0, foreign).path_params = wanted
    assert server.opts.path_params == before
    assert server.opts.of(number).path_params.max_retrans == before.max_retrans


@pytest.mark.parametrize(
    "wanted",
    [
        PathParams(flags=PathFlag.HB_ENABLE | PathFlag.HB_DISABLE),
        PathParams(flags=PathFlag.PMTUD_ENABLE | PathFlag.PMTUD_DISABLE),
        PathParams(flags=PathFlag.SACKDELAY_ENABLE | PathFlag.SACKDELAY_DISABLE),
        PathParams(flags=PathFlag.SACKDELAY_ENABLE),
        PathParams(mtu_bytes=511, flags=PathFlag.PMTUD_DISABLE),
    ],
    ids=["heartbeats", "discovery", "sack_delay", "sack_delay_here", "mtu"],
)
def test_bad_path_params(net, wanted):
    """Contradicting flags and an MTU under 512 are refused, and nothing changes (RFC 6458 section 8.1.12)."""
    server, number, _, _ = net.couple()
    (address,) = server.peer_addresses(number)
    for opts in (server.opts, server.opts.of(number), server.opts.of(number, address)):
        before = opts.path_params
        with pytest.raises((ArgumentError, OptionRefused)):
            opts.path_params = wanted
        assert opts.path_params == before


def test_a_delay_of_half_a_second_and_more(net, style):
    """Acknowledgements may be delayed by 500 ms at most (RFC 6458 section 8.1.19, RFC 9260 section 6.2)."""
    sock = net.open(style)
    with pytest.raises(ArgumentError, match="delayed_sack"):
        sock.opts.delayed_sack = DelayedSack(501, 2)
    sock.opts.delayed_sack = DelayedSack(500, 2)
    assert sock.opts.delayed_sack == DelayedSack(500, 2)


def test_heartbeat_on_demand_needs_an_association(net):
    """A heartbeat can be demanded of one association only (RFC 6458 section 8.1.12)."""
    demand = PathParams(flags=PathFlag.HB_DEMAND)
    server, number, _, _ = net.couple()
    server.opts.of(number).path_params = demand
    for opts in (server.opts, net.open(MANY).opts, net.open(ONE).opts):
        with pytest.raises((OptionRefused, NotConnected)):
            opts.path_params = demand


# -- how messages are sent by default


def test_default_sndinfo_of_one_of_many(net):
    """Defaults of sending are the socket's, an association's, and go along when it is peeled off (RFC 6458 8.1.31)."""
    server, client = net.listener(MANY), net.bound(MANY)
    for sock in (server, client):
        sock.opts.default_sndinfo = SndInfo(ppid=1000)
        assert sock.opts.default_sndinfo.ppid == 1000
    client.send(b"by default", to=net.where(server))
    first = server.recv()
    assert first.ppid == 1000
    (here,) = client.associations()
    with pytest.raises(NoSuchAssociation):
        client.opts.of(NOBODY).default_sndinfo = SndInfo(ppid=3000)
    client.opts.of(here).default_sndinfo = SndInfo(ppid=3000)
    assert client.opts.of(here).default_sndinfo.ppid == 3000
    assert client.opts.default_sndinfo.ppid == 1000
    client.send(b"of this one", assoc_id=here)
    assert server.recv().ppid == 3000
    peeled = net.keep(client.peeloff(here))
    assert peeled.opts.default_sndinfo.ppid == 3000
    peeled.send(b"peeled off")
    assert server.recv().ppid == 3000
    server.send(b"answer", assoc_id=first.assoc_id)
    assert peeled.recv().ppid == 1000


def test_default_sndinfo_of_a_connection(net):
    """Ids mean nothing there, accepted sockets start with the listener's, each keeps its own (RFC 6458 8.1.31)."""
    head, client = net.listener(), net.bound()
    head.opts.of(NOBODY).default_sndinfo = SndInfo(ppid=2000)
    client.opts.default_sndinfo = SndInfo(ppid=2000)
    assert (head.opts.default_sndinfo.ppid, client.opts.of(NOBODY).default_sndinfo.ppid) == (2000, 2000)
    client.connect(net.where(head))
    server = net.keep(head.accept()[0])
    client.opts.default_sndinfo = SndInfo(ppid=4000)
    found = [sock.opts.default_sndinfo.ppid for sock in (client, head, server)]
    assert found == [4000, 2000, 2000]
    for sender, receiver in ((client, server), (server, client)):
        sender.send(b"x")
        assert receiver.recv().ppid == sender.opts.default_sndinfo.ppid


# -- events


def test_events_of_two_sockets(net):
    """A subscription shows on the socket that made it alone (RFC 6458 section 6.2.2)."""
    first, second = net.open(MANY), net.open(MANY)
    first.subscribe(Event.SHUTDOWN_EVENT, Event.PEER_ADDR_CHANGE)
    assert first.subscriptions == {Event.SHUTDOWN_EVENT, Event.PEER_ADDR_CHANGE}
    assert (first.subscribed(Event.PEER_ADDR_CHANGE), second.subscribed(Event.PEER_ADDR_CHANGE)) == (True, False)
    assert second.subscriptions == set()
