"""Setting up: bind, listen, accept, connect, addresses, in IPv4, IPv6 and mixed, one-to-one style.

One-to-many is in test_one_to_many.py, failures in test_errors.py.
"""

from __future__ import annotations

import fcntl
import os

import pytest

from sctpffi import AddressInUse, AssocState, ConnectionRefused, InitParams, Message, Socket, Style, errors
from sctpffi.testing import LIMIT, expected, pair
from sctpffi.testing.pairs import listener


def _bare(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def test_connect_accept_and_echo(linked):
    """A message goes each way over an association that connect and accept made (RFC 6458 sections 4.1.3 and 4.1.8)."""
    linked.client.send(b"there", stream=1, ppid=7)
    there = linked.server.recv()
    assert (there.data, there.stream, there.ppid) == (b"there", 1, 7)
    linked.server.send(b"back", stream=2, ppid=8)
    back = linked.client.recv()
    assert (back.data, back.stream, back.ppid) == (b"back", 2, 8)


def test_accept_gives_the_peers_address(linked):
    """accept returns the address that the client is bound to (RFC 6458 sections 4.1.4, 4.1.9 and 7.4)."""
    assert linked.peer == linked.client.local_addresses()[0]
    assert linked.server.getpeername() == linked.client.getsockname()


def test_status_is_established_on_both_ends(linked):
    """SCTP_STATUS says ESTABLISHED whatever number the stack has for it (RFC 6458 section 8.2.1)."""
    for sock in (linked.client, linked.server):
        status = sock.status()
        assert status.state is AssocState.ESTABLISHED
        assert status.assoc_id > 2
        assert status.fragmentation_point_bytes > 500
        assert status.primary.mtu_bytes > 500


def test_ids_count_per_socket_or_per_host(backend):
    """The association ids of two fresh clients are equal where the stack counts per socket (differences table)."""
    with pair(backend) as one, pair(backend) as two:
        same = one.client.status().assoc_id == two.client.status().assoc_id
    assert same is expected("assoc_ids_start_per_socket", backend)


def test_port_zero_gives_a_port(backend):
    """Binding to port 0 chooses a port, which the local addresses then show (RFC 6458 sections 4.1.2 and 7.4)."""
    with Socket(backend=backend) as sock:
        assert sock.getsockname() == ("0.0.0.0", 0)
        sock.bind("127.0.0.1:0")
        host, port = sock.getsockname()
        assert host == "127.0.0.1"
        assert port > 0


def test_bind_to_two_addresses_shares_one_port(backend, two_hosts):
    """bind with two hosts and port 0 gives both the same chosen port (RFC 6458 section 9.1)."""
    family = 6 if ":" in two_hosts[1] else 4
    with Socket(family, backend=backend) as sock:
        sock.bind(f"{two_hosts[0]}/{_bare(two_hosts[1])}:0")
        found = sock.local_addresses()
        assert sorted(a.host for a in found) == sorted(two_hosts)
        assert len({a.port for a in found}) == 1
        assert found[0].port > 0


def test_bind_add_and_remove(backend, two_hosts, free_port):
    """bindx adds and removes addresses of a bound socket (RFC 6458 sections 9.1 and 9.5)."""
    family = 6 if ":" in two_hosts[1] else 4
    with Socket(family, backend=backend) as sock:
        sock.bind(f"{two_hosts[0]}:{free_port}")
        sock.bind_add(two_hosts[1])
        assert sorted(a.host for a in sock.local_addresses()) == sorted(two_hosts)
        sock.bind_remove(two_hosts[1])
        assert [a.host for a in sock.local_addresses()] == [two_hosts[0]]


def test_the_last_address_stays(backend):
    """Removing the only address is refused, and it stays bound (RFC 6458 section 9.1)."""
    with Socket(backend=backend) as sock:
        sock.bind("127.0.0.1:0")
        with pytest.raises(errors.SctpOSError):
            sock.bind_remove("127.0.0.1")
        assert [a.host for a in sock.local_addresses()] == ["127.0.0.1"]


def test_two_addresses_on_both_ends(backend, two_hosts):
    """An association between two multi-homed ends has two paths on each (RFC 6458 sections 9.1, 9.3, 9.9)."""
    family = 6 if ":" in two_hosts[1] else 4
    both = f"{two_hosts[0]}/{_bare(two_hosts[1])}"
    head, port = listener(backend, f"{both}:0", family)
    with head, Socket(family, backend=backend) as client:
        client.bind(f"{both}:0")
        client.connect(f"{both}:{port}", timeout=LIMIT)
        server, _ = head.accept()
        with server:
            for sock in (client, server):
                assert sorted(a.host for a in sock.peer_addresses()) == sorted(two_hosts)
                assert sorted(a.host for a in sock.local_addresses()) == sorted(two_hosts)
                assert sorted(p.address.host for p in sock.paths() if p.address) == sorted(two_hosts)
            client.send(b"x", to=two_hosts[1])
            assert server.recv(timeout=LIMIT).address.host in two_hosts


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_an_ipv6_socket_takes_both_families(backend, host):
    """An AF_INET6 listener on the wildcard takes IPv4 and IPv6 peers, and shows IPv4 ones as IPv4 on every stack."""
    head, port = listener(backend, ":0", 6)
    bare = host.strip("[]")
    with head, Socket(6 if ":" in host else 4, backend=backend) as client:
        client.bind(f"{host}:0")
        client.connect(f"{host}:{port}", timeout=LIMIT)
        server, peer = head.accept()
        with server:
            assert peer.host == bare
            client.send(b"x")
            message = server.recv(timeout=LIMIT)
            assert message.address is not None
            assert message.address.host == bare
            assert [a.host for a in server.peer_addresses()] == [bare]


def test_ipv4_client_socket_in_ipv6_family(backend):
    """An AF_INET6 client socket connects to an IPv4 address (RFC 6458 section 4.1.5)."""
    head, port = listener(backend)
    with head, Socket(6, backend=backend) as client:
        client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
        server, _ = head.accept()
        with server:
            server.send(b"x")
            assert client.recv(timeout=LIMIT).data == b"x"
            assert client.peer_addresses()[0].host == "127.0.0.1"


def test_connect_refused(backend):
    """Connecting to a port where nobody listens is refused at once (RFC 9260 section 5.1)."""
    with Socket(backend=backend) as free:
        free.bind("127.0.0.1:0")
        port = free.local_addresses()[0].port
    with Socket(backend=backend) as client, pytest.raises(ConnectionRefused) as caught:
        client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
    assert caught.value.remote == f"127.0.0.1:{port}"
    assert isinstance(caught.value, ConnectionRefusedError)


def test_a_refused_socket_connects_no_more(backend):
    """After a refused connect the socket says so instead of trying again, on every stack alike."""
    head, port = listener(backend)
    head.close()
    with Socket(backend=backend) as client:
        with pytest.raises(ConnectionRefused):
            client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
        head, port = listener(backend)
        with head, pytest.raises(errors.AlreadyConnected, match="open a new socket"):
            client.connect(f"127.0.0.1:{port}", timeout=LIMIT)


def test_second_connect_is_refused(linked):
    """A connected socket can't connect again (RFC 6458 section 4.1.5)."""
    with pytest.raises(errors.AlreadyConnected):
        linked.client.connect(f"127.0.0.1:{linked.listener.getsockname()[1]}")


def test_connect_in_progress(backend):
    """With no time to wait, connect is in progress; writability and connect_done tell its end."""
    head, port = listener(backend)
    with head, Socket(backend=backend) as client:
        client.bind("127.0.0.1:0")
        try:
            client.connect(f"127.0.0.1:{port}", timeout=0)
        except errors.ConnectInProgress as exc:
            assert isinstance(exc, BlockingIOError)
        assert client.wait_writable(LIMIT)
        assert client.connect_done()
        server, _ = head.accept()
        server.close()


def test_connect_in_progress_refused(backend):
    """A connect in progress that is refused makes the socket ready, and connect_done raises the reason each time."""
    head, port = listener(backend)
    head.close()
    with Socket(backend=backend) as client:
        with pytest.raises((errors.ConnectInProgress, ConnectionRefused)):
            client.connect(f"127.0.0.1:{port}", timeout=0)
        client.wait_writable(LIMIT)
        for _ in range(2):
            with pytest.raises(ConnectionRefused):
                client.connect_done()
        for _ in range(2):
            with pytest.raises(ConnectionRefused):
                client.recv(timeout=LIMIT)
        with pytest.raises(ConnectionRefused):
            client.send(b"x")


def test_the_port_of_a_closed_listener_is_free(backend):
    """A listener's port can be bound again as soon as it is closed (docs/stacks.md)."""
    head, port = listener(backend)
    head.close()
    again, same = listener(backend, f"127.0.0.1:{port}")
    again.close()
    assert same == port


def test_a_port_in_use_is_refused(backend):
    """Two sockets can't bind to one address and port (RFC 6458 section 4.1.2)."""
    head, port = listener(backend)
    with head, Socket(backend=backend) as other, pytest.raises(AddressInUse) as caught:
        other.bind(f"127.0.0.1:{port}")
    assert caught.value.local == f"127.0.0.1:{port}"


def test_accepted_sockets_are_not_inherited(linked):
    """Every descriptor is close-on-exec, accepted ones too."""
    for sock in (linked.listener, linked.client, linked.server):
        assert fcntl.fcntl(sock.fileno(), fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        assert not os.get_inheritable(sock.fileno())


def test_accepted_sockets_inherit_options_and_subscriptions(backend):
    """What is set on a listener holds for accepted sockets (RFC 6458 section 7.2)."""
    with pair(backend, nodelay=True) as both:
        assert both.server.opts.nodelay is True
    with pair(backend) as both:
        assert both.server.opts.nodelay is False


def test_defaults_of_a_fresh_socket(backend):
    """A Socket keeps the stack's defaults: NODELAY off, 10 outgoing streams, its own number of incoming ones."""
    with Socket(backend=backend) as sock:
        assert sock.opts.nodelay is False
        assert sock.opts.receive_rcvinfo is True
        init = sock.opts.init_params
        assert init.out_streams == 10
        assert init.in_streams == expected("default_in_streams", backend)
        assert sock.opts.send_buffer_bytes > 65536
        assert sock.opts.receive_buffer_bytes > 65536


def test_streams_are_negotiated(backend):
    """Each direction gets the smaller of what one end offers and the other takes (RFC 9260 section 5.1.1)."""
    init = InitParams(out_streams=5, in_streams=3)
    with pair(backend, init_params=init) as both:
        for sock in (both.client, both.server):
            status = sock.status()
            assert (status.out_streams, status.in_streams) == (3, 3)


def test_a_listener_that_closes_shuts_waiting_clients_down(backend):
    """A connected client that was not accepted sees a graceful end when the listener closes, on every stack."""
    head, port = listener(backend)
    with Socket(backend=backend) as client:
        client.bind("127.0.0.1:0")
        client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
        assert head.wait_readable(LIMIT)
        head.close()
        with pytest.raises(errors.EndOfAssociation):
            client.recv(timeout=LIMIT)


def test_style_and_family_are_shown(backend):
    """A socket tells its backend, style and family (RFC 6458 section 3.1.1)."""
    with Socket(6, Style.ONE_TO_MANY, backend=backend) as sock:
        assert (sock.backend, sock.style, sock.family) == (backend, Style.ONE_TO_MANY, 6)
        assert backend in repr(sock)


def test_first_item_is_data_when_nothing_is_subscribed(linked):
    """Internal subscriptions are invisible: the first thing read is the first message."""
    linked.client.send(b"first")
    assert isinstance(linked.server.recv(), Message)
