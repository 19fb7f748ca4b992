"""Binding, listening, accepting, connecting, addresses and names: what lksctp-tools' programs check, in our words.

Its programs socket_bind_listen, accept_close, connect, connectx, initmsg_connect, addrs, getname, inaddr_any, and
packetdrill's scripts of the same functions. tests/suites/lksctp.txt and packetdrill.txt say which check is which test.
"""

from __future__ import annotations

import os
import socket

import pytest

from sctpffi import (
    AlreadyConnected,
    ArgumentError,
    AssocChange,
    AssocChangeState,
    ClosedError,
    ConnectionRefused,
    Event,
    InitParams,
    NoSuchAssociation,
    NotConnected,
    PermissionDenied,
    RtoInfo,
    Socket,
    Style,
    WaitTimeout,
    errors,
)
from sctpffi.testing import LIMIT, expected

ONE, MANY = Style.ONE_TO_ONE, Style.ONE_TO_MANY


def bare(host):
    """A host as it is written before a port."""
    return f"[{host}]" if ":" in host else host


def free_port(net):
    """A port that nobody has."""
    with Socket(net.family, backend=net.backend) as sock:
        sock.bind(f"{net.host}:0")
        return sock.getsockname()[1]


def change(sock, state=AssocChangeState.COMM_UP):
    """The next item, which must be this change of an association."""
    found = sock.recv(timeout=LIMIT)
    assert isinstance(found, AssocChange), found
    assert found.state is state
    return found


# -- bind and listen


@pytest.mark.parametrize("chosen", [False, True], ids=["port_zero", "chosen_port"])
@pytest.mark.parametrize("everywhere", [False, True], ids=["loopback", "wildcard"])
def test_bind_and_listen(net, style, everywhere, chosen):
    """The wildcard and one address, port 0 and a chosen port can be bound and reached (RFC 6458 3.1.2 and 4.1.2)."""
    wanted = free_port(net) if chosen else 0
    head = net.open(style)
    head.bind(f":{wanted}" if everywhere else f"{net.host}:{wanted}")
    head.listen()
    port = head.local_addresses()[0].port
    assert port == wanted if chosen else port > 0
    client = net.bound(ONE)
    client.connect(f"{net.host}:{port}")
    client.send(b"x")
    server = head if style is MANY else net.keep(head.accept()[0])
    assert server.recv().data == b"x"


def test_privileged_ports(net):
    """A port below 1024 needs privileges where the stack knows of any, as it does for TCP (RFC 6458 section 4.1.2)."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        try:
            with socket.socket(socket.AF_INET if net.family == 4 else socket.AF_INET6) as tcp:
                tcp.bind((net.host.strip("[]"), 7))
            free = True  # the host gives such ports to everybody
        except PermissionError:
            free = not expected("privileged_ports", net.backend)
        sock = net.open()
        if free:
            sock.bind(f"{net.host}:7")
        else:
            with pytest.raises(PermissionDenied):
                sock.bind(f"{net.host}:7")
    finally:
        if before == 0:
            os.seteuid(0)


def test_a_backlog_of_zero(net):
    """listen(0) lets at least one client in, like socket.socket (RFC 6458 section 4.1.3)."""
    head = net.bound()
    head.listen(0)
    client = net.bound()
    client.connect(net.where(head))
    net.keep(head.accept()[0])


# -- accept and close


def test_accept_needs_a_listener(net):
    """accept on a bound, a connected and an accepted socket is refused by name (RFC 6458 section 4.1.4)."""
    both = net.linked()
    for sock in (net.bound(), both.client, both.server):
        with pytest.raises(ArgumentError, match=r"listen\(\)") as caught:
            sock.accept(timeout=0)
        assert caught.value.argument == "socket"


def test_accept_one_after_the_other(net):
    """After an accepted socket was closed the next client is accepted, and then nine that wait (RFC 6458 4.1.4)."""
    head = net.listener()
    first = net.bound()
    first.connect(net.where(head))
    head.accept()[0].close()
    clients = [net.bound() for _ in range(10)]
    clients[0].connect(net.where(head))
    assert net.keep(head.accept()[0]).getpeername() == clients[0].getsockname()
    for client in clients[1:]:
        client.connect(net.where(head))
    peers = set()
    for _ in clients[1:]:
        assert head.wait_readable(LIMIT)
        server, peer = head.accept()
        assert net.keep(server).getpeername()[1] == peer.port
        peers.add(peer)
    assert peers == {client.local_addresses()[0] for client in clients[1:]}


def test_names_of_a_closed_socket(net):
    """A closed socket has no name and no peer: ClosedError (RFC 6458 sections 7.4 and 4.1.9)."""
    both = net.linked()
    both.client.close()
    both.client.close()
    for call in (both.client.getsockname, both.client.getpeername, both.client.local_addresses):
        with pytest.raises(ClosedError):
            call()


# -- connect


@pytest.fixture(params=["one_address", "two_addresses"])
def head(request, backend, net):
    """A listener with a backlog of nine on one address or two, and the text by which it is reached."""
    if request.param == "one_address":
        sock = net.bound()
        hosts = net.host
    else:
        sock = net.keep(Socket(6, backend=backend))
        hosts = "/".join(bare(host) for host in request.getfixturevalue("two_hosts"))
        sock.bind(f"{hosts}:0")
    sock.listen(9)
    return sock, f"{hosts}:{sock.local_addresses()[0].port}"


def caller(head):
    """A socket that can connect to a listener."""
    return Socket(head.family, backend=head.backend)


def test_as_many_as_the_backlog_connect(net, head):
    """As many clients as the backlog says connect before anybody is accepted, and ten are (RFC 6458 4.1.3, 9.9)."""
    sock, there = head
    clients = [net.keep(caller(sock)) for _ in range(9)]
    for client in clients:
        client.connect(there)
    for client in clients:
        client.send(b"x")
    servers = [net.keep(sock.accept()[0]) for _ in range(9)]
    assert [server.recv().data for server in servers] == [b"x"] * 9


def test_a_full_backlog(net, backend):
    """Who finds the backlog full is refused, or gets in when somebody is accepted: differences (RFC 6458 4.1.3)."""
    head = net.bound()
    head.listen(2)
    refuses = expected("full_backlog_refuses", backend)
    for _ in range(3 if refuses else 2):  # who refuses takes one more
        net.bound().connect(net.where(head))
    late = net.bound(rto_info=RtoInfo(100, 200, 100))
    if refuses:
        with pytest.raises(ConnectionRefused):
            late.connect(net.where(head))
        return
    with pytest.raises(WaitTimeout):
        late.connect(net.where(head), timeout=0.3)
    net.keep(head.accept()[0])
    while not late.connect_done():
        assert late.wait_writable(LIMIT)


def test_connect_on_a_listener(net, head):
    """A one-to-one socket that listens does not connect, and goes on listening (RFC 6458 section 4.1.5)."""
    sock, there = head
    with pytest.raises(ArgumentError):
        sock.connect(there)
    client = net.keep(caller(sock))
    client.connect(there)
    net.keep(sock.accept()[0])


def test_connect_on_an_associated_socket(net, head):
    """An accepted and a connected socket do not connect again (RFC 6458 sections 4.1.5 and 9.9)."""
    sock, there = head
    client = net.keep(caller(sock))
    client.connect(there)
    server = net.keep(sock.accept()[0])
    for each in (client, server):
        with pytest.raises(AlreadyConnected):
            each.connect(there)
    client.send(b"still up")
    assert server.recv().data == b"still up"


def test_connect_after_others_were_closed(net, head):
    """A fresh socket connects after four associations with the listener came and went (RFC 6458 section 4.1.5)."""
    sock, there = head
    for _ in range(4):
        with caller(sock) as client:
            client.connect(there, timeout=LIMIT)
            sock.accept()[0].close()
    client = net.keep(caller(sock))
    client.connect(there)
    net.keep(sock.accept()[0]).send(b"x")
    assert client.recv().data == b"x"


def test_every_stream_of_65535(net):
    """65535 outgoing streams are negotiated, and the last one carries a message (RFC 6458 section 8.1.3)."""
    head = net.listener(init_params=InitParams(10, 65535))
    client = net.bound(init_params=InitParams(65535, 10, 1, 0))
    client.connect(net.where(head))
    server = net.keep(head.accept()[0])
    assert (client.status().out_streams, client.status().in_streams) == (65535, 10)
    client.send(b"x", stream=65534)
    message = server.recv()
    assert (message.data, message.stream) == (b"x", 65534)


# -- one-to-many


@pytest.mark.parametrize("addresses", [1, 2])
def test_many_connect(net, backend, two_hosts, addresses):
    """connect on one-to-many sockets, to one address or a list, brings COMM_UP with its id (RFC 6458 9.9, 3.1.6)."""
    hosts = net.host if addresses == 1 else "/".join(bare(host) for host in two_hosts)
    server, *clients = (net.keep(Socket(6, MANY, backend=backend)) for _ in range(3))
    for sock in (server, *clients):
        sock.subscribe(Event.ASSOC_CHANGE)
        sock.bind(f"{hosts}:0")
        sock.listen()
    port = server.local_addresses()[0].port
    for client in clients:
        # One that the server does not have: the list is a hint, and INIT ACK tells what holds.
        number = client.connect(f"{hosts}/127.0.0.3:{port}")
        here, there = change(client), change(server)
        assert here.assoc_id == number
        assert {a.host for a in client.peer_addresses(number)} == {a.host for a in server.local_addresses()}
        assert {a.host for a in server.peer_addresses(there.assoc_id)} == {a.host for a in client.local_addresses()}
        assert {a.port for a in client.peer_addresses(number)} == {port}
    assert len(server.associations()) == 2


def test_many_connect_twice(net):
    """Connecting to a peer that there is, or is about to be, an association with is refused (RFC 6458 3.1.6)."""
    server = net.listener(MANY)
    client = net.bound(MANY, [Event.ASSOC_CHANGE])
    client.connect(net.where(server))
    with pytest.raises(AlreadyConnected):
        client.connect(net.where(server))
    change(client)
    with pytest.raises(AlreadyConnected):
        client.connect(net.where(server))
    with pytest.raises(AlreadyConnected):
        server.connect(net.where(client))


def test_connect_around_a_peeled_socket(net):
    """A peeled-off socket does not connect, nor does its parent to the same peer (RFC 6458 sections 9.2, 3.1.6)."""
    server, number, client, _ = net.couple()
    peers = server.peer_addresses(number)
    elsewhere = net.listener()
    peeled = net.keep(server.peeloff(number))
    for there in (net.where(elsewhere), net.where(client)):
        with pytest.raises(AlreadyConnected):
            peeled.connect(there)
    with pytest.raises(NoSuchAssociation):
        server.connect(peers)
    peeled.send(b"unharmed")
    assert client.recv().data == b"unharmed"


def test_one_socket_on_the_wildcard(net):
    """A one-to-many socket on the wildcard and port 0 is reached at its port, and hears of all (RFC 6458 3.1.2)."""
    server = net.open(MANY, [Event.ASSOC_CHANGE])
    server.bind(":0")
    server.listen()
    client = net.bound(MANY, [Event.ASSOC_CHANGE])
    there = f"{net.host}:{server.local_addresses()[0].port}"
    client.send(b"first", stream=1, ppid=1001, to=there)
    up = change(client)
    client.send(b"second", stream=2, ppid=1002, assoc_id=up.assoc_id)
    change(server)
    first, second = server.recv(), server.recv()
    assert [(m.data, m.stream, m.ppid, m.complete) for m in (first, second)] == [
        (b"first", 1, 1001, True),
        (b"second", 2, 1002, True),
    ]
    server.send(b"third", stream=3, ppid=1003, assoc_id=first.assoc_id)
    third = client.recv()
    assert (third.data, third.stream, third.ppid) == (b"third", 3, 1003)
    client.close()
    assert change(server, AssocChangeState.SHUTDOWN_COMP).assoc_id == first.assoc_id


# -- addresses and names


def test_names(net):
    """Each end's own name is the other's peer name, and a socket without a peer says so (RFC 6458 7.4, 4.1.9)."""
    lonely = net.bound()
    assert lonely.getsockname()[0] == net.host.strip("[]")
    with pytest.raises(NotConnected):
        lonely.getpeername()
    both = net.linked()
    assert both.client.getsockname() == both.server.getpeername()
    assert both.server.getsockname() == both.client.getpeername() == both.listener.getsockname()
    assert both.client.getsockname() != both.server.getsockname()


def test_addresses_of_both_styles(net):
    """A listener's addresses start with what it was bound to, peers' with where they are (RFC 6458 9.3 and 9.5)."""
    both = net.linked()
    bound = both.listener.local_addresses()[0]
    assert f"{bare(bound.host)}:{bound.port}" == net.where(both.listener)
    assert both.server.peer_addresses()[0] == both.peer
    assert both.server.local_addresses()[0] == both.client.peer_addresses()[0] == bound
    server, there, client, here = net.couple()
    assert server.peer_addresses(there) == client.local_addresses(here) == client.local_addresses()
    assert client.peer_addresses(here) == server.local_addresses(there) == server.local_addresses()


def test_addresses_of_nobody(net):
    """A fresh socket and an unknown association have no peer's addresses (RFC 6458 section 9.3)."""
    assert net.bound().peer_addresses() == []
    server = net.couple().server
    assert server.peer_addresses(77777) == []


def test_one_address_at_a_time(net, two_hosts, backend):
    """Addresses are added one by one before connecting by a list, and show at the peer (RFC 6458 section 9.1)."""
    first, second = two_hosts
    head = net.keep(Socket(6, backend=backend))
    client = net.keep(Socket(6, backend=backend))
    for sock in (head, client):
        sock.bind(f"{bare(first)}:0")
        sock.bind_add(second)
    head.listen()
    hosts = f"{bare(first)}/{bare(second)}"
    client.connect(f"{hosts}:{head.local_addresses()[0].port}")
    server = net.keep(head.accept()[0])
    assert {a.host for a in server.peer_addresses()} == set(two_hosts)
    assert {a.host for a in client.peer_addresses()} == set(two_hosts)
    assert {a.port for a in client.peer_addresses()} == {head.local_addresses()[0].port}


def test_a_second_bind(net, style):
    """A bound socket can't be bound again (RFC 6458 sections 3.1.2 and 4.1.2)."""
    sock = net.bound(style)
    before = sock.getsockname()
    with pytest.raises(errors.SctpOSError):
        sock.bind(f"{net.host}:0")
    assert sock.getsockname() == before
