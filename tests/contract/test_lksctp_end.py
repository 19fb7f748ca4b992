"""How associations end, and peeling them off: what lksctp-tools' programs check, in our words.

Its programs shutdown, assoc_abort, assoc_shutdown, autoclose, peeloff, tcp_style. tests/suites/lksctp.txt says which
check is which test. Set-up is in test_lksctp_setup.py, single messages in test_lksctp_messages.py.
"""

from __future__ import annotations

import time

import pytest

from sctpffi import (
    AddressNotAvailable,
    AssocChange,
    AssocChangeState,
    AssocState,
    Cause,
    EndOfAssociation,
    Event,
    Message,
    NoSuchAssociation,
    NotConnected,
    SendFlag,
    ShutdownEvent,
    Style,
    WouldBlock,
    WrongStyle,
    errors,
)
from sctpffi.testing import LIMIT

ONE, MANY = Style.ONE_TO_ONE, Style.ONE_TO_MANY
CHUNK = b"m" * 1000


def change(sock, state):
    """The next item that is this change of an association."""
    while True:
        found = sock.recv(timeout=LIMIT)
        if isinstance(found, AssocChange) and found.state is state:
            return found


def none_left(sock):
    """Wait until a socket has no association: BSD's list may show one for a moment after its notification."""
    end = time.monotonic() + LIMIT
    while sock.associations():
        assert time.monotonic() < end, "the association did not end"


def ends(sock, times=2):
    """Check that receiving says each time that the association ended gracefully."""
    for _ in range(times):
        with pytest.raises(EndOfAssociation):
            sock.recv(timeout=LIMIT)


# -- one-to-one


def test_shutdown_with_a_message_on_its_way(net):
    """Who shuts down still gets what was sent to it, then both see the end and neither sends (RFC 6458 4.1.7)."""
    both = net.linked()
    both.server.send(b"on its way")
    both.client.shutdown()
    ends(both.server)
    assert both.client.recv().data == b"on its way"
    ends(both.client)
    for sock in (both.client, both.server):
        with pytest.raises(NotConnected):
            sock.send(b"x")


def test_shutdown_seen_by_a_late_subscriber(net):
    """Subscribed to after a message, SHUTDOWN_COMP comes to the one that shut down, then the end (RFC 6458 6.1.1)."""
    both = net.linked()
    both.server.send(b"pending")
    assert both.client.recv().data == b"pending"
    both.client.subscribe(Event.ASSOC_CHANGE)
    both.client.shutdown()
    assert both.client.recv().state is AssocChangeState.SHUTDOWN_COMP
    ends(both.client)
    ends(both.server)


def test_shutdown_from_both_ends(net):
    """When both ends shut down both see a graceful end (RFC 6458 section 4.1.7, RFC 9260 section 9.2)."""
    both = net.linked()
    both.client.shutdown()
    both.server.shutdown()
    ends(both.client)
    ends(both.server)


def test_ten_at_a_time(net):
    """Ten clients are accepted as they get readable, talk both ways, and all end gracefully (RFC 6458 section 4.1)."""
    head = net.listener()
    clients = [net.bound() for _ in range(10)]
    for client in clients:
        client.connect(net.where(head))
    servers = []
    for _ in clients:
        assert head.wait_readable(LIMIT)
        servers.append(net.keep(head.accept(timeout=0)[0]))
    by_peer = {server.getpeername(): server for server in servers}
    pairs = [(client, by_peer[client.getsockname()]) for client in clients]
    for number, (client, server) in enumerate(pairs):
        client.send(b"to %d" % number)
        assert server.recv().data == b"to %d" % number
        server.send(b"from %d" % number)
        assert client.recv().data == b"from %d" % number
    for number, (client, server) in enumerate(pairs):
        (client if number % 2 else server).shutdown()
    for client, server in pairs:
        ends(client)
        ends(server)


# -- one-to-many


@pytest.fixture
def crowd(net):
    """A one-to-many socket and ten clients that it has associations with: the ids, and each client by its id."""
    hub = net.listener(MANY, [Event.ASSOC_CHANGE])
    clients = {}
    for number in range(10):
        client = net.bound(MANY, [Event.ASSOC_CHANGE])
        client.send(b"%d" % number, to=net.where(hub))
        change(client, AssocChangeState.COMM_UP)
        up = change(hub, AssocChangeState.COMM_UP)
        message = hub.recv()
        assert (message.data, message.assoc_id) == (b"%d" % number, up.assoc_id)
        clients[up.assoc_id] = client
    assert len(clients) == 10
    assert set(hub.associations()) == set(clients)
    return hub, clients


def test_abort_of_each_association(crowd):
    """ABORT ends one association after the other; each peer hears why, its id is gone (RFC 6458 section 5.3.4)."""
    hub, clients = crowd
    for number, client in clients.items():
        assert hub.status(number).state is AssocState.ESTABLISHED
        hub.send(b"", assoc_id=number, flags=SendFlag.ABORT)
        with pytest.raises(NoSuchAssociation):
            hub.status(number)
        lost = change(client, AssocChangeState.COMM_LOST)
        assert lost.cause is Cause.USER_INITIATED_ABORT
        assert [cause for cause, _ in lost.causes] == [Cause.USER_INITIATED_ABORT]
        assert client.associations() == ()
    assert hub.associations() == ()


def test_shutdown_of_each_association(crowd):
    """EOF ends one association after the other gracefully; its id is gone when that is done (RFC 6458 5.3.4)."""
    hub, clients = crowd
    for number, client in clients.items():
        assert hub.status(number).state is AssocState.ESTABLISHED
        hub.send(b"", assoc_id=number, flags=SendFlag.EOF)
        change(client, AssocChangeState.SHUTDOWN_COMP)
        assert change(hub, AssocChangeState.SHUTDOWN_COMP).assoc_id == number
        with pytest.raises(NoSuchAssociation):
            hub.status(number)
    assert hub.associations() == ()


def test_the_end_of_one_of_many(crowd):
    """When one client closes the socket hears of it, and goes on with the others (RFC 6458 section 3.1.5)."""
    hub, clients = crowd
    (gone, client), *others = clients.items()
    hub.subscribe(Event.SHUTDOWN_EVENT, assoc_id=gone)
    client.close()
    ending = hub.recv()
    assert isinstance(ending, ShutdownEvent)
    assert ending.assoc_id == change(hub, AssocChangeState.SHUTDOWN_COMP).assoc_id == gone
    for number, other in others:
        hub.send(CHUNK, assoc_id=number)
        assert other.recv().data == CHUNK
    with pytest.raises(NoSuchAssociation):
        hub.send(CHUNK, assoc_id=gone)


def test_autoclose(net):
    """An idle association ends gracefully after AUTOCLOSE's seconds, at both ends (RFC 6458 section 8.1.8)."""
    server, there, client, here = net.couple([Event.ASSOC_CHANGE], autoclose_s=1)
    client.send(CHUNK, assoc_id=here)
    message = server.recv()
    assert (message.data, message.complete) == (CHUNK, True)
    assert change(server, AssocChangeState.SHUTDOWN_COMP).assoc_id == there
    assert change(client, AssocChangeState.SHUTDOWN_COMP).assoc_id == here
    for sock in (server, client):
        none_left(sock)


# -- peeling off


def test_ten_peeled_off(net, crowd):
    """Messages of peeled-off associations come to their own sockets, and go from them (RFC 6458 section 9.2)."""
    hub, clients = crowd
    peeled = {number: net.keep(hub.peeloff(number)) for number in clients}
    assert hub.associations() == ()
    for number, client in clients.items():
        client.send(b"to %d" % number, to=net.where(hub))
    for number, sock in peeled.items():
        message = sock.recv()
        assert (message.data, message.assoc_id) == (b"to %d" % number, number)
        sock.send(b"from %d" % number, 1, 7)
    for number, client in clients.items():
        message = client.recv()
        assert (message.data, message.stream, message.ppid) == (b"from %d" % number, 1, 7)
    with pytest.raises(WouldBlock):
        hub.recv(timeout=0)


def test_what_a_peeled_socket_is_not_for(net):
    """A peeled-off socket does not listen, accept or peel off, and stays as it is (RFC 6458 section 9.2)."""
    server, number, client, _ = net.couple()
    peeled = net.keep(server.peeloff(number))
    with pytest.raises(errors.SctpOSError):
        peeled.listen()
    with pytest.raises(WrongStyle):
        peeled.accept(timeout=0)
    with pytest.raises(WrongStyle):
        peeled.peeloff(number)
    with pytest.raises(NoSuchAssociation):
        server.peeloff(number)
    peeled.send(CHUNK)
    assert client.recv().data == CHUNK


def test_a_peeled_socket_sends_to_its_own_peer_only(net, crowd):
    """Another peer's address does not lead away from the association of a peeled-off socket (RFC 6458 9.2)."""
    hub, clients = crowd
    (number, client), (_, other), *_ = clients.items()
    peeled = net.keep(hub.peeloff(number))
    with pytest.raises(AddressNotAvailable):
        peeled.send(b"astray", to=other.local_addresses()[0])
    peeled.send(b"home", to=client.local_addresses()[0])
    message = client.recv()
    assert isinstance(message, Message)
    assert message.data == b"home"
    with pytest.raises(WouldBlock):
        other.recv(timeout=0)
