"""Notifications: types, fields, order, subscription, the same on every stack (RFC 6458 section 6)."""

from __future__ import annotations

import pytest

from sctpffi import (
    AssocChange,
    AssocChangeState,
    Event,
    Message,
    PeerAddrChange,
    PeerAddrState,
    PeerFeature,
    Socket,
    WouldBlock,
    errors,
)
from sctpffi.testing import LIMIT, expected, pair
from sctpffi.testing.pairs import listener


def test_comm_up_comes_first_on_both_ends(watched):
    """COMM_UP is the first thing read on both ends; an accepted socket has its listener's subscription."""
    for sock in (watched.client, watched.server):
        first = sock.recv()
        assert isinstance(first, AssocChange)
        assert first.state is AssocChangeState.COMM_UP
        assert first.type is Event.ASSOC_CHANGE
        assert first.out_streams == 10
        assert first.in_streams == 10
        assert first.assoc_id == sock.status().assoc_id
        assert first.info == b""
        assert first.source is not None


def test_features_of_the_peer(watched, backend):
    """COMM_UP tells what the peer supports where the table says so, else None (RFC 6458 section 6.1.1)."""
    features = watched.client.recv().features
    if expected("features_in_comm_up", backend):
        assert features is not None
        assert PeerFeature.PR in features
    else:
        assert features is None


def test_confirmed_follows_comm_up(backend):
    """The accepting side gets PEER_ADDR_CHANGE CONFIRMED after COMM_UP where the table says so."""
    with pair(backend, [Event.ASSOC_CHANGE, Event.PEER_ADDR_CHANGE]) as both:
        both.client.send(b"x")
        items = [both.server.recv()]
        while not isinstance(items[-1], Message):
            items.append(both.server.recv())
        confirmed = [i for i in items if isinstance(i, PeerAddrChange)]
        assert bool(confirmed) is expected("confirmed_follows_comm_up", backend)
        for change in confirmed:
            assert change.state is PeerAddrState.CONFIRMED
            assert change.address == both.peer
            assert change.assoc_id == both.server.status().assoc_id


def test_peer_addr_change_of_a_second_path(backend, two_hosts):
    """A second path of the peer is confirmed by a heartbeat and reported by its address (RFC 6458 section 6.1.2)."""
    family = 6 if ":" in two_hosts[1] else 4
    both = "/".join(f"[{h}]" if ":" in h else h for h in two_hosts)
    head, port = listener(backend, f"{both}:0", family)
    head.subscribe(Event.PEER_ADDR_CHANGE)
    with head, Socket(family, backend=backend) as client:
        client.bind(f"{both}:0")
        client.connect(f"{two_hosts[0]}:{port}", timeout=LIMIT)
        server, _ = head.accept()
        with server:
            seen = set()
            while two_hosts[1] not in seen:
                change = server.recv(timeout=LIMIT)
                assert isinstance(change, PeerAddrChange)
                assert change.state is PeerAddrState.CONFIRMED
                assert change.address is not None
                seen.add(change.address.host)


def test_nothing_is_replayed(linked):
    """Subscribing after the association came up delivers no COMM_UP of before (docs/stacks.md)."""
    for sock in (linked.client, linked.server):
        sock.subscribe(Event.ASSOC_CHANGE)
        with pytest.raises(WouldBlock):
            sock.recv(timeout=0)


def test_a_late_subscription_counts_from_now_on(linked):
    """After subscribing late, what happens next is delivered."""
    linked.server.subscribe(Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT)
    linked.client.shutdown()
    names = [type(linked.server.recv(timeout=LIMIT)).__name__ for _ in range(2)]
    assert names == ["ShutdownEvent", "AssocChange"]


def test_unsubscribed_means_silent(watched):
    """After unsubscribing nothing more of these types is delivered, and the end is still told."""
    watched.server.unsubscribe(Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT)
    assert watched.server.subscriptions == set()
    watched.client.close()
    with pytest.raises(errors.EndOfAssociation):
        watched.server.recv(timeout=LIMIT)


def test_sender_dry_with_nothing_queued(linked):
    """Subscribing to SENDER_DRY with nothing queued notifies at once, and the socket gets readable (RFC 6458 6.1.9)."""
    linked.client.subscribe(Event.SENDER_DRY_EVENT)
    assert linked.client.wait_readable(LIMIT)
    event = linked.client.recv(timeout=LIMIT)
    assert event.type is Event.SENDER_DRY_EVENT
    assert event.assoc_id == linked.client.status().assoc_id


def test_subscriptions_are_shown(backend):
    """subscriptions tells what the user asked for, and nothing internal."""
    with Socket(backend=backend) as sock:
        assert sock.subscriptions == set()
        sock.subscribe(Event.ASSOC_CHANGE, Event.PEER_ADDR_CHANGE)
        sock.unsubscribe(Event.ASSOC_CHANGE)
        assert sock.subscriptions == {Event.PEER_ADDR_CHANGE}


@pytest.mark.parametrize(
    "event",
    [e for e in Event if e not in (Event.NOTIFICATIONS_STOPPED_EVENT, Event.SENDER_DRY_EVENT)],
    ids=lambda e: e.name,
)
def test_every_type_can_be_subscribed(backend, event):
    """Every type that a stack sends can be switched on and off on a fresh socket (RFC 6458 section 6.2.2)."""
    with Socket(backend=backend) as sock:
        sock.subscribe(event)
        sock.unsubscribe(event)


def test_order_of_arrival(watched):
    """Messages and notifications come in their order of arrival (RFC 6458 section 6.1)."""
    watched.client.send(b"1")
    watched.client.send(b"2")
    watched.client.shutdown()
    kinds = [type(watched.server.recv(timeout=LIMIT)).__name__ for _ in range(5)]
    assert kinds == ["AssocChange", "Message", "Message", "ShutdownEvent", "AssocChange"]


def test_peek_at_a_notification(watched):
    """peek shows a notification and leaves it there."""
    seen = watched.server.peek()
    assert isinstance(seen, AssocChange)
    assert watched.server.recv() == seen


def test_cant_start(backend):
    """A refused connect reports CANT_STR_ASSOC to those who subscribed, then the refusal each time (RFC 6458 6.1.1)."""
    head, port = listener(backend)
    head.close()
    with Socket(backend=backend) as client:
        client.subscribe(Event.ASSOC_CHANGE)
        with pytest.raises(errors.ConnectionRefused):
            client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
        event = client.recv(timeout=LIMIT)
        assert isinstance(event, AssocChange)
        assert event.state is AssocChangeState.CANT_STR_ASSOC
        for _ in range(2):
            with pytest.raises(errors.ConnectionRefused):
                client.recv(timeout=LIMIT)
