"""Making, binding, listening, connecting, sharing ports, sending, ending: what the public apitester suite checks.

Its suites socket, bind, bindx, listen, connect, reuseport, peeloff, sctp_sendmsg, sctp_recvmsg and shutdown, in our
words. Which upstream check is which test, and which has none: tests/suites/apitester.txt.
"""

from __future__ import annotations

import socket as std
import struct
from contextlib import ExitStack

import pytest

from sctpffi import (
    Address,
    AddressError,
    AddressInUse,
    AddressNotAvailable,
    ArgumentError,
    ArgumentTypeError,
    AssocState,
    ConnectionRefused,
    NoSuchAssociation,
    NotConnected,
    OptionRefused,
    SctpOSError,
    SendFlag,
    Socket,
    Style,
    UnsupportedOption,
    WrongStyle,
)
from sctpffi.testing import LIMIT, expected

HERE = "127.0.0.1"
FOREIGN = "18.52.86.120"


@pytest.fixture
def opened(backend):
    """Makes sockets that are closed after the test: opened(family=4, style=Style.ONE_TO_ONE)."""
    with ExitStack() as stack:

        def make(family=4, style=Style.ONE_TO_ONE):
            sock = stack.enter_context(Socket(family, style, backend=backend))
            sock.settimeout(LIMIT)
            return sock

        yield make


@pytest.fixture
def port(backend):
    """A port that nobody has."""
    with Socket(4, backend=backend) as sock:
        sock.bind(f"{HERE}:0")
        return sock.getsockname()[1]


@pytest.fixture
def shared(opened):
    """Makes one-to-one sockets that share their port."""

    def make():
        sock = opened()
        sock.opts.reuse_port = True
        return sock

    return make


# -- socket


@pytest.mark.parametrize("family", [std.AF_INET, std.AF_INET6], ids=["ipv4", "ipv6"])
def test_sockets_of_both_families(opened, style, family):
    """Both styles exist for IPv4 and IPv6 (RFC 6458 sections 3.1.1 and 4.1.1)."""
    sock = opened(family, style)
    assert sock.family == (4 if family == std.AF_INET else 6)
    assert sock.style is style
    assert sock.local_addresses() == []


# -- bind


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("host", [HERE, "0.0.0.0"])
def test_bind_to_a_port(opened, port, family, host):
    """A chosen port is bound to, of one IPv4 address or all, also by an IPv6 socket (RFC 6458 section 4.1.2)."""
    sock = opened(family)
    sock.bind((host, port))
    assert {address.port for address in sock.local_addresses()} == {port}
    if host == HERE:
        assert sock.local_addresses() == [Address(HERE, port)]


@pytest.mark.parametrize("host", [HERE, "0.0.0.0"])
def test_ipv6_only(opened, backend, host):
    """A socket that was made IPv6-only by the raw door binds to no IPv4 address (RFC 3493 section 5.3)."""
    sock = opened(6)

    def only():
        sock.setsockopt_raw(std.IPPROTO_IPV6, std.IPV6_V6ONLY, struct.pack("=i", 1))

    if not expected("ipv6_only", backend):
        with pytest.raises(UnsupportedOption):
            only()
        return
    only()
    with pytest.raises(SctpOSError):
        sock.bind((host, 0))
    assert sock.local_addresses() == []


def test_an_address_is_bound_to_once(opened):
    """A second socket can't have the same address and port (RFC 6458 section 4.1.2)."""
    first, second = opened(), opened()
    first.bind(f"{HERE}:0")
    with pytest.raises(AddressInUse):
        second.bind(first.getsockname())


@pytest.mark.parametrize("host", [HERE, "0.0.0.0"])
def test_a_socket_is_bound_once(opened, host):
    """A bound socket can't be bound again, be it to the same address or to one of all (RFC 6458 section 4.1.2)."""
    sock = opened()
    sock.bind((host, 0))
    bound = sock.local_addresses()
    with pytest.raises(SctpOSError):
        sock.bind((HERE, bound[0].port))
    assert sock.local_addresses() == bound


# -- bindx

MANY = pytest.mark.parametrize("style", [Style.ONE_TO_MANY], ids=["one_to_many"], indirect=True)


@MANY
@pytest.mark.parametrize("host", [HERE, "0.0.0.0"])
@pytest.mark.parametrize("chosen", [False, True], ids=["any port", "chosen port"])
def test_bind_add_binds(fresh, port, host, chosen):
    """bindx binds a socket that is not bound, to one address or all, to a chosen port or any (RFC 6458 9.1)."""
    fresh.bind_add(Address(host, port if chosen else 0))
    found = fresh.local_addresses()
    assert Address(HERE, found[0].port) in found
    assert found[0].port == port or not chosen
    assert found[0].port > 0


@MANY
@pytest.mark.parametrize("nothing", [[], (), "", None], ids=["list", "tuple", "text", "None"])
def test_bind_of_nothing(fresh, nothing):
    """Adding or removing no address at all is refused by name (RFC 6458 section 9.1)."""
    fresh.bind(f"{HERE}:0")
    for change in (fresh.bind_add, fresh.bind_remove):
        with pytest.raises((AddressError, ArgumentTypeError)) as caught:
            change(nothing)
        assert caught.value.argument == "hosts"
    assert [address.host for address in fresh.local_addresses()] == [HERE]


@MANY
def test_add_an_address_twice(fresh):
    """Adding an address that is bound already changes nothing (RFC 6458 section 9.1)."""
    fresh.bind_add(HERE)
    bound = fresh.local_addresses()
    fresh.bind_add(HERE)
    fresh.bind_add(bound[0])
    assert fresh.local_addresses() == bound


def test_a_failed_bind_add_takes_nothing_away(backend, style, two_hosts):
    """When one address can't be added, those that were bound before stay (RFC 6458 section 9.1)."""
    with Socket(6 if ":" in two_hosts[1] else 4, style, backend=backend) as sock:
        sock.bind("/".join(f"[{host}]" if ":" in host else host for host in two_hosts) + ":0")
        with pytest.raises(AddressNotAvailable):
            sock.bind_add([two_hosts[1], FOREIGN])
        assert sorted(address.host for address in sock.local_addresses()) == sorted(two_hosts)


@MANY
@pytest.mark.parametrize("host", [HERE, "0.0.0.0"])
def test_the_last_address_stays(fresh, host):
    """The only address can't be removed, and none of a socket that is bound to all (RFC 6458 section 9.1)."""
    fresh.bind((host, 0))
    bound = fresh.local_addresses()
    with pytest.raises(SctpOSError):
        fresh.bind_remove(HERE)
    assert fresh.local_addresses() == bound


# -- listen


@pytest.mark.parametrize("family", [4, 6])
def test_listen_binds(opened, style, family):
    """A socket that is not bound is bound by listening (RFC 6458 sections 3.1.3 and 4.1.3)."""
    sock = opened(family, style)
    sock.listen()
    assert sock.getsockname()[1] > 0


# -- connect


def test_a_bound_socket_refuses(opened):
    """A socket that is bound and does not listen refuses connections (RFC 9260 section 5.1)."""
    head, client = opened(), opened()
    head.bind(f"{HERE}:0")
    with pytest.raises(ConnectionRefused):
        client.connect(head.getsockname())


def test_a_listener_answers(opened):
    """A socket that listens takes connections (RFC 6458 section 4.1.5)."""
    head, client = opened(), opened()
    head.bind(f"{HERE}:0")
    head.listen()
    client.connect(head.getsockname())
    assert client.status().state is AssocState.ESTABLISHED
    assert client.getpeername() == head.getsockname()


def test_connect_to_itself(opened):
    """A socket can be its own peer: both INITs of a collision are its own (RFC 9260 section 5.2.1)."""
    sock = opened()
    sock.bind(f"{HERE}:0")
    sock.connect(sock.getsockname())
    assert sock.getpeername() == sock.getsockname()
    sock.send(b"to me")
    assert sock.recv().data == b"to me"


def test_a_listener_does_not_connect(opened):
    """A one-to-one socket that listens can't connect, and still takes connections (RFC 6458 section 4.1.5)."""
    head, client = opened(), opened()
    head.bind(f"{HERE}:0")
    head.listen()
    with pytest.raises(ArgumentError, match="does not listen"):
        head.connect(head.getsockname())
    client.connect(head.getsockname())
    with head.accept()[0] as server:
        client.send(b"x")
        assert server.recv(timeout=LIMIT).data == b"x"


# -- REUSE_PORT


def test_reuse_port(opened):
    """REUSE_PORT starts off and reads back on (RFC 6458 section 8.1.27)."""
    sock = opened()
    assert sock.opts.reuse_port is False
    sock.opts.reuse_port = True
    assert sock.opts.reuse_port is True


def test_reuse_port_is_for_one_to_one(opened):
    """REUSE_PORT is refused on one-to-many sockets, getting and setting (RFC 6458 section 8.1.27)."""
    sock = opened(style=Style.ONE_TO_MANY)
    with pytest.raises(WrongStyle):
        sock.opts.reuse_port = True
    with pytest.raises(WrongStyle):
        _ = sock.opts.reuse_port


@pytest.mark.parametrize("how", ["bind", "bind_add"])
def test_reuse_port_comes_before_bind(opened, how):
    """REUSE_PORT can't be set on a bound socket, however it was bound (RFC 6458 section 8.1.27)."""
    sock = opened()
    getattr(sock, how)((HERE, 0) if how == "bind" else HERE)
    with pytest.raises(OptionRefused):
        sock.opts.reuse_port = True
    assert sock.opts.reuse_port is False


@pytest.mark.parametrize("second_host", [HERE, "0.0.0.0"], ids=["same", "wildcard"])
def test_a_port_is_shared(shared, second_host):
    """With REUSE_PORT two sockets have one port, of the same or overlapping addresses (RFC 6458 section 8.1.27)."""
    first, second = shared(), shared()
    first.bind(f"{HERE}:0")
    second.bind((second_host, first.getsockname()[1]))
    assert Address(*first.getsockname()) in second.local_addresses()


@pytest.mark.parametrize("which", ["first", "second"])
def test_both_have_to_share(opened, shared, which):
    """One socket with REUSE_PORT and one without don't share a port (RFC 6458 section 8.1.27)."""
    first, second = (shared(), opened()) if which == "first" else (opened(), shared())
    first.bind(f"{HERE}:0")
    with pytest.raises(AddressInUse):
        second.bind(first.getsockname())


@pytest.mark.parametrize("host", [HERE, "0.0.0.0"], ids=["specific", "wildcard"])
def test_one_listens_on_a_shared_port(shared, host):
    """Of two sockets that share a port one can listen, the second can't (RFC 6458 section 8.1.27)."""
    first, second = shared(), shared()
    first.bind((host, 0))
    second.bind((host, first.getsockname()[1]))
    first.listen()
    with pytest.raises(AddressInUse):
        second.listen()


def test_sharing_is_inherited(opened, shared):
    """An accepted socket has its listener's REUSE_PORT (RFC 6458 section 8.1.27)."""
    head, client = shared(), opened()
    head.bind(f"{HERE}:0")
    head.listen()
    client.connect(head.getsockname())
    with head.accept()[0] as server:
        assert server.opts.reuse_port is True


def test_connect_from_a_shared_port(opened, shared):
    """Two sockets connect from one port to two listeners (RFC 6458 section 8.1.27)."""
    heads, clients = [opened(), opened()], [shared(), shared()]
    clients[0].bind(f"{HERE}:0")
    clients[1].bind(clients[0].getsockname())
    for head, client in zip(heads, clients):
        head.bind(f"{HERE}:0")
        head.listen()
        client.connect(head.getsockname())
    for head, client in zip(heads, clients):
        server, peer = head.accept()
        with server:
            assert (peer.host, peer.port) == clients[0].getsockname()
            client.send(b"x")
            assert server.recv(timeout=LIMIT).data == b"x"


# -- peeloff


@MANY
def test_peel_off(associate):
    """An association that a one-to-many socket set up gets a socket of its own (RFC 6458 section 9.2)."""
    found = associate()
    with found.sock.peeloff(found.assoc_id) as peeled:
        assert peeled.style is Style.PEELED
        peeled.send(b"x")
        assert found.peer.recv().data == b"x"
        assert found.sock.associations() == ()


# -- receiving


@pytest.mark.parametrize(("size", "wanted", "complete"), [(10, b"hello", True), (5, b"hello", True), (1, b"h", False)])
def test_receive_into_a_buffer(linked, size, wanted, complete):
    """A message that fits its buffer is complete; one that doesn't comes in pieces (RFC 6458 section 4.1.8)."""
    linked.client.send(b"hello")
    piece = linked.server.recv_partial(size)
    assert (piece.data, piece.complete) == (wanted, complete)
    while not piece.complete:
        piece = linked.server.recv_partial(size)
        wanted += piece.data
    assert wanted == b"hello"


def test_peek_into_a_buffer(linked):
    """Peeking into too small a buffer gives the beginning, and takes nothing away (RFC 6458 section 4.1.8)."""
    linked.client.send(b"hello")
    for _ in range(2):
        piece = linked.server.peek(1)
        assert (piece.data, piece.complete) == (b"h", False)
    assert linked.server.recv().data == b"hello"


# -- sending on a connected one-to-one socket, where `to` always chooses the path (ADDR_OVER)


def exchange(both):
    """The association still works."""
    both.client.send(b"and on")
    assert both.server.recv().data == b"and on"


@pytest.mark.parametrize("port_given", [True, False, None], ids=["its port", "port 0", "no port"])
def test_send_to_the_peer(linked, port_given):
    """The peer's address as a path is taken, with its port or without (RFC 6458 section 5.3.4)."""
    host, port = linked.client.getpeername()
    to = host if port_given is None else Address(host, port if port_given else 0)
    assert linked.client.send(b"x", to=to) == 1
    assert linked.server.recv().data == b"x"


def test_send_without_an_address(linked):
    """A message without an address goes to the peer (RFC 6458 section 4.1.8)."""
    exchange(linked)


@pytest.mark.parametrize(
    ("host", "its_port"),
    [(HERE, False), (FOREIGN, True), (FOREIGN, None), (FOREIGN, False)],
    ids=["other port", "other host", "other host, port 0", "other host and port"],
)
def test_send_to_a_foreign_path(linked, host, its_port):
    """An address that is not the peer's is refused as a path, and nothing is sent (RFC 6458 section 5.3.4)."""
    port = linked.client.getpeername()[1] if its_port else 0 if its_port is None else 1
    with pytest.raises(AddressNotAvailable):
        linked.client.send(b"astray", to=Address(host, port))
    exchange(linked)


@pytest.mark.parametrize("its_port", [True, False, None], ids=["its port", "other port", "port 0"])
def test_send_to_the_wildcard(linked, its_port):
    """The wildcard is nobody's address, whatever the port (RFC 6458 section 5.3.4)."""
    port = linked.client.getpeername()[1] if its_port else 0 if its_port is None else 1
    with pytest.raises(AddressError, match="nobody's address"):
        linked.client.send(b"astray", to=Address("0.0.0.0", port))
    exchange(linked)


def test_a_chosen_path_needs_an_address(linked):
    """ADDR_OVER without an address is refused, and nothing is sent (RFC 6458 section 5.3.4)."""
    with pytest.raises(ArgumentError, match="ADDR_OVER"):
        linked.client.send(b"astray", flags=SendFlag.ADDR_OVER)
    exchange(linked)


# -- shutdown


@MANY
def test_a_one_to_many_socket_is_not_shut_down(associate):
    """shutdown ends one association, which has to be named; the others go on (RFC 6458 section 3.1.5)."""
    found = associate()
    with pytest.raises(NoSuchAssociation):
        found.sock.shutdown()
    found.sock.send(b"x", assoc_id=found.assoc_id)
    assert found.peer.recv().data == b"x"


def test_shutdown_needs_an_association(opened):
    """A socket that was never connected can't be shut down (RFC 6458 section 4.1.7)."""
    with pytest.raises(NotConnected):
        opened().shutdown()
