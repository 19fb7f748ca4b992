"""Listeners and connections being set up: what georgeyanev/go-sctp's listen, dial, server and conn tests verify.

Time-outs are in test_gosctp_times.py, messages in test_gosctp_messages.py; tests/suites/gosctp.txt has the whole list.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

import sctpffi
from sctpffi import (
    AddressError,
    AddressInUse,
    AddressNotAvailable,
    AssociationAborted,
    AssocParams,
    ClosedError,
    Config,
    Connection,
    ConnectionRefused,
    EndOfAssociation,
    Error,
    InitParams,
    Listener,
    NotConnected,
    WaitTimeout,
)
from sctpffi.testing import LIMIT, Worker

ANY4, ANY6, ANY_MAPPED, LO4, LO6 = "0.0.0.0", "[::]", "[::ffff:0.0.0.0]", "127.0.0.1", "[::1]"


def written(host: str) -> str:
    """A host as the text of an address has it."""
    return f"[{host}]" if ":" in host else host


def served(listener: Listener) -> bytes:
    """Accept one connection, answer its messages in capitals until it ends; the last one."""
    connection, _ = listener.accept(timeout=LIMIT)
    last = b""
    with connection:
        connection.settimeout(LIMIT)
        for message in connection:
            last = message.data
            connection.send(last.upper(), stream=message.stream)
    return last


def echoed(connection: Connection, data: bytes) -> bytes:
    """What comes back for a message."""
    connection.send(data, timeout=LIMIT)
    return connection.recv(timeout=LIMIT).data


# -- listening


@pytest.mark.parametrize("host", [LO4, "[::ffff:127.0.0.1]", "", ANY4, ANY_MAPPED, LO6, ANY6, f"{LO6}/{LO4}"])
def test_a_second_listener_on_the_same_address(backend, host):
    """Whatever text names an address, one can listen there, and a second listener is refused (RFC 6458 4.1.2)."""
    with sctpffi.listen(f"{host}:0", backend=backend) as first:
        assert first.port > 0
        with pytest.raises(AddressInUse):
            sctpffi.listen(f"{host}:{first.port}", backend=backend)
    with sctpffi.listen(f"{host}:{first_port(first)}", backend=backend):
        pass  # as soon as the first one is gone


def first_port(listener: Listener) -> int:
    """The port that a closed listener had, as its repr keeps it."""
    return int(repr(listener).partition("->")[0].rpartition(":")[2])


def test_a_second_listener_on_two_addresses(backend, two_hosts):
    """A listener on two addresses has both: nobody else listens on either (RFC 6458 section 9.1)."""
    hosts = [written(host) for host in two_hosts]
    with sctpffi.listen(f"{'/'.join(hosts)}:0", backend=backend) as first:
        assert sorted(address.host for address in first.addresses) == sorted(two_hosts)
        for host in ["/".join(hosts), *hosts]:
            with pytest.raises(AddressInUse):
                sctpffi.listen(f"{host}:{first.port}", backend=backend)


@pytest.mark.parametrize(
    ("first", "second"),
    [("", ""), ("", ANY4), (ANY4, ""), ("", ANY6), (ANY6, ""), (ANY4, ANY6), (ANY6, ANY4), (ANY_MAPPED, ANY6)],
)
def test_wildcards_share_no_port(backend, first, second):
    """A wildcard of IPv6 takes IPv4 too, so that two wildcards never share a port, whatever their family (RFC 3493)."""
    with sctpffi.listen(f"{first}:0", backend=backend) as listener, pytest.raises(AddressInUse):
        sctpffi.listen(f"{second}:{listener.port}", backend=backend)


@pytest.mark.parametrize(("first", "second"), [(LO4, LO6), (LO6, LO4)])
def test_one_port_on_addresses_of_two_families(backend, first, second):
    """Two listeners may have one port on different addresses, and each gets its own peers (RFC 6458 4.1.2)."""
    with (
        sctpffi.listen(f"{first}:0", backend=backend) as one,
        sctpffi.listen(f"{second}:{one.port}", backend=backend) as other,
    ):
        for listener, host in ((one, first), (other, second)):
            with sctpffi.connect(f"{host}:{one.port}", backend=backend, timeout=LIMIT) as client:
                server = Worker(served, listener)
                assert echoed(client, b"hello") == b"HELLO"
                client.close()
                assert server.join() == b"hello"


@pytest.mark.parametrize("address", ["[::1%no-such-interface]:0", "[::]/127.0.0.1:0", "0.0.0.0/127.0.0.1:0"])
def test_addresses_that_nobody_can_listen_on(backend, address):
    """An interface that is not there, and a wildcard beside others, are refused by name, and nothing stays open."""
    with pytest.raises(AddressError) as caught:
        sctpffi.listen(address, backend=backend)
    assert caught.value.argument == "address"


@pytest.mark.parametrize(("kept", "moved"), [(LO4, LO6), (LO6, LO4)])
def test_addresses_of_a_listener_come_and_go(backend, free_port, kept, moved):
    """Addresses that are taken from a listener are free and no longer reached; added again, they are (RFC 6458 9.1)."""
    with sctpffi.listen(f"{kept}/{moved}:{free_port}", backend=backend) as listener:
        listener.bind_remove(moved)
        assert [written(address.host) for address in listener.addresses] == [kept]
        with sctpffi.listen(f"{moved}:{listener.port}", backend=backend):
            pass
        with pytest.raises(ConnectionRefused):
            sctpffi.connect(f"{moved}:{listener.port}", backend=backend, timeout=LIMIT)
        listener.bind_add(moved)
        assert sorted(written(address.host) for address in listener.addresses) == sorted([kept, moved])
        end = time.monotonic() + LIMIT
        while not _reached(backend, listener, moved):
            assert time.monotonic() < end


def _reached(backend: str, listener: Listener, host: str) -> bool:
    """Whether a peer is served there; usrsctp changes addresses in the background, and aborts who comes too early."""
    try:
        with sctpffi.connect(f"{host}:{listener.port}", backend=backend, timeout=LIMIT) as client:
            server, _ = listener.accept(timeout=LIMIT)
            with server:
                client.send(b"again")
                assert server.recv(timeout=LIMIT).data == b"again"
                server.send(b"AGAIN")
                assert client.recv(timeout=LIMIT).data == b"AGAIN"
                client.shutdown()
                with pytest.raises(EndOfAssociation):
                    server.recv(timeout=LIMIT)
        return True
    except (AssociationAborted, ConnectionRefused, NotConnected):
        return False


def test_closing_a_listener_frees_its_address(backend):
    """A listener that is closed while a thread accepts gives its address back at once, each time (RFC 6458 4.1.6)."""
    with sctpffi.listen("127.0.0.1:0", backend=backend) as listener:
        port = listener.port
    for _ in range(10):
        with sctpffi.listen(f"127.0.0.1:{port}", backend=backend) as listener:
            acceptor = Worker(list, listener)
        assert acceptor.join() == []


def test_a_closed_listener_accepts_nobody(backend):
    """Those who connected but were not accepted before the listener was closed are not accepted after (RFC 6458)."""
    with ExitStack() as stack:
        listener = stack.enter_context(sctpffi.listen("127.0.0.1:0", backend=backend))
        clients = [
            stack.enter_context(sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT))
            for _ in range(2)
        ]
        server, _ = listener.accept(timeout=LIMIT)
        server.close()
        listener.close()
        with pytest.raises(ClosedError):
            listener.accept(timeout=LIMIT)
        for client in clients:
            with pytest.raises(EndOfAssociation):
                client.recv(timeout=LIMIT)


# -- connecting


@pytest.mark.parametrize(
    ("there", "targets"),
    [
        ("", [LO4, LO6]),
        (ANY6, [LO4, LO6]),
        (ANY4, [LO4]),
        (ANY_MAPPED, [LO4]),
        (LO4, [LO4, "[::ffff:127.0.0.1]"]),
        (LO6, [LO6]),
    ],
)
def test_servers(backend, there, targets):
    """Three threads serve three clients by one listener, on each address that its own one covers (RFC 6458 4.1)."""
    with sctpffi.listen(f"{there}:0", backend=backend) as listener:
        for target in targets:
            servers = [Worker(served, listener) for _ in range(3)]
            with ExitStack() as stack:
                address = f"{target}:{listener.port}"
                clients = [
                    stack.enter_context(sctpffi.connect(address, backend=backend, timeout=LIMIT)) for _ in range(3)
                ]
                for number, client in enumerate(clients):
                    assert echoed(client, b"client %d" % number) == b"CLIENT %d" % number
            assert sorted(server.join() for server in servers) == [b"client 0", b"client 1", b"client 2"]


@pytest.mark.parametrize("local", [None, ":0", f"{ANY4}:0", f"{ANY_MAPPED}:0", f"{ANY6}:0", "loopback"])
@pytest.mark.parametrize("host", [LO4, LO6])
def test_local_addresses(backend, host, local):
    """connect goes out from any address, from each wildcard, and from one address of the peer's family."""
    with sctpffi.listen(f"{host}:0", backend=backend) as listener:
        server = Worker(served, listener)
        here = f"{host}:0" if local == "loopback" else local
        address = f"{host}:{listener.port}"
        with sctpffi.connect(address, local=here, backend=backend, timeout=LIMIT) as client:
            if local == "loopback":
                assert [written(found.host) for found in client.local_addresses] == [host]
            assert echoed(client, b"x") == b"X"
        assert server.join() == b"x"


@pytest.mark.parametrize(("host", "local"), [(LO4, LO6), (LO6, LO4), (LO6, "[::ffff:127.0.0.1]")])
def test_a_local_address_of_the_other_family(backend, host, local):
    """From an address of the other family alone the peer can't be reached: refused by name, without waiting."""
    with sctpffi.listen(f"{host}:0", backend=backend) as listener, pytest.raises(AddressError) as caught:
        sctpffi.connect(f"{host}:{listener.port}", local=f"{local}:0", backend=backend, timeout=1)
    assert caught.value.argument == "local"


def test_a_foreign_local_address(backend):
    """From an address that this host does not have nobody is reached: it says which (EADDRNOTAVAIL)."""
    with sctpffi.listen("127.0.0.1:0", backend=backend) as listener, pytest.raises(AddressNotAvailable) as caught:
        sctpffi.connect(f"127.0.0.1:{listener.port}", local="192.0.2.77:0", backend=backend, timeout=LIMIT)
    assert caught.value.local == "192.0.2.77:0"


@pytest.mark.parametrize("host", [LO4, LO6])
def test_a_closed_port_refuses_at_once(backend, host):
    """Where a listener was closed connect is refused, though a connection of it still lives (RFC 9260 section 5.1)."""
    with sctpffi.listen(f"{host}:0", backend=backend) as listener:
        port = listener.port
        with sctpffi.connect(f"{host}:{port}", backend=backend, timeout=LIMIT) as first:
            server, _ = listener.accept(timeout=LIMIT)
            with server:
                listener.close()
                for _ in range(3):
                    with pytest.raises(ConnectionRefused):
                        sctpffi.connect(f"{host}:{port}", backend=backend, timeout=LIMIT)
                first.send(b"still here")
                assert server.recv(timeout=LIMIT).data == b"still here"


def test_streams_of_both_ends(backend):
    """11 streams offered to 10, 10 offered to 9: the smaller number counts each way (RFC 9260 section 5.1.1)."""
    init = InitParams(out_streams=11, in_streams=9)
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT, init=init) as client,
    ):
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            for end, streams in ((server, (10, 9)), (client, (9, 10))):
                status = end.status()
                assert (status.in_streams, status.out_streams) == streams
                assert status.primary.address == end.peer_addresses[0]


def test_the_life_of_a_cookie(backend):
    """A listener's cookie life is that of the connections that it accepts (RFC 6458 section 8.1.2)."""
    config = Config(association=AssocParams(cookie_life_ms=61_120))
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend, config=config) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT) as client,
    ):
        assert listener.opts.assoc_params.cookie_life_ms == 61_120
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            assert server.opts.assoc_params.cookie_life_ms == 61_120
            assert client.opts.assoc_params.cookie_life_ms == 60_000


def test_many_threads_accept(backend):
    """Of ten threads that accept each gets some of a hundred clients, and none is lost (RFC 6458 section 4.1.4)."""

    def accept() -> int:
        count = 0
        for connection in listener:
            connection.close()
            count += 1
        return count

    with sctpffi.listen("127.0.0.1:0", backend=backend) as listener:
        acceptors = [Worker(accept) for _ in range(10)]
        for _ in range(100):
            client = sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT)
            with client, pytest.raises(EndOfAssociation):  # it was accepted, and closed
                client.recv(timeout=LIMIT)
    assert sum(acceptor.join() for acceptor in acceptors) == 100


def test_a_connect_succeeds_or_fails(backend):
    """While the listener goes, a connect gives a connection that was up, or an error that tells why; never a half."""

    def attempt() -> int:
        good = 0
        for _ in range(10):
            try:
                client = sctpffi.connect(address, backend=backend, timeout=0.5)
            except (ConnectionRefused, WaitTimeout):
                continue
            with client:
                good += 1
                try:
                    client.send(b"x", timeout=LIMIT)
                except Error as exc:
                    assert "there is no association" not in str(exc)
        return good

    def serve() -> None:
        for connection in listener:
            with connection:
                try:
                    connection.recv(timeout=LIMIT)
                except (EndOfAssociation, ConnectionResetError):
                    pass

    for _ in range(3):
        with sctpffi.listen("127.0.0.1:0", backend=backend) as listener:
            address = f"127.0.0.1:{listener.port}"
            server = Worker(serve)
            clients = [Worker(attempt) for _ in range(4)]
            with sctpffi.connect(address, backend=backend, timeout=LIMIT) as first:
                first.send(b"x")
        server.join()
        for client in clients:
            client.join()
