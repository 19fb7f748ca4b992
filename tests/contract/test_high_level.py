"""The high level: connect, listen, Connection, Listener in their simplest complete form (ARCHITECTURE.md)."""

from __future__ import annotations

import pytest

import sctpffi
from sctpffi import (
    AssocChange,
    AssociationAborted,
    ClosedError,
    ConnectionRefused,
    EndOfAssociation,
    Event,
    InitParams,
    Message,
    Ppid,
    ShutdownEvent,
    errors,
)
from sctpffi.testing import LIMIT, Worker


@pytest.fixture
def ends(backend):
    """A listener, a client Connection and its accepted peer."""
    wanted = [Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT]
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend, events=wanted) as listener,
        sctpffi.connect(
            f"127.0.0.1:{listener.port}", local="127.0.0.1:0", backend=backend, timeout=LIMIT, events=wanted
        ) as client,
    ):
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            yield listener, client, server


def test_messages_both_ways(ends):
    """send and recv carry stream, PPID and order."""
    _, client, server = ends
    client.send(b"a", stream=3, ppid=Ppid.DIAMETER)
    message = server.recv(timeout=LIMIT)
    assert (message.data, message.stream, message.ppid_name) == (b"a", 3, "DIAMETER")
    server.send(b"b", unordered=True)
    assert client.recv(timeout=LIMIT).unordered


def test_iterating_ends_with_the_association(ends):
    """Iterating gives messages until the peer shuts down."""
    _, client, server = ends
    for number in range(5):
        client.send(b"%d" % number)
    client.shutdown()
    assert [m.data for m in server] == [b"0", b"1", b"2", b"3", b"4"]


def test_iterating_raises_on_a_loss(ends):
    """Iterating raises when the association is aborted: the end is not mistaken for a graceful one."""
    _, client, server = ends
    client.send(b"x")
    assert server.recv(timeout=LIMIT).data == b"x"
    client.abort(b"why")
    with pytest.raises(AssociationAborted):
        for _ in server:
            pass


def test_notifications_are_kept_aside(ends):
    """recv reads messages only; notifications that were asked for wait in `notifications`, in order."""
    _, client, server = ends
    client.send(b"x")
    assert server.recv(timeout=LIMIT).data == b"x"
    client.shutdown()
    with pytest.raises(EndOfAssociation):
        server.recv(timeout=LIMIT)
    assert [type(n) for n in server.notifications] == [AssocChange, ShutdownEvent, AssocChange]


def test_notification_handler(ends):
    """on_notification gets notifications as recv meets them."""
    _, client, server = ends
    seen = []
    server.on_notification = seen.append
    client.send(b"x")
    server.recv(timeout=LIMIT)
    assert [type(n) for n in seen] == [AssocChange]
    assert not server.notifications


def test_events_come_in_order(ends):
    """events gives messages and notifications in their order of arrival, until the end."""
    _, client, server = ends
    client.send(b"x")
    client.shutdown()
    assert [type(i) for i in server.events(timeout=LIMIT)] == [AssocChange, Message, ShutdownEvent, AssocChange]


def test_nothing_is_shown_that_was_not_asked_for(backend):
    """Without events= there are messages only."""
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT) as client,
    ):
        client.send(b"x")
        client.shutdown()
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            assert [type(i) for i in server.events(timeout=LIMIT)] == [Message]


def test_defaults(ends):
    """The high level asks for 10 streams each way, NODELAY, RTO.initial 1 s on every stack (documented)."""
    _, client, server = ends
    for conn in (client, server):
        status = conn.status()
        assert (status.out_streams, status.in_streams) == (10, 10)
        assert conn.opts.nodelay is True
        assert conn.opts.rto_info.initial_ms == 1000
        assert conn.opts.fragment_interleave == 1
        assert conn.opts.send_buffer_bytes >= 212_992


def test_streams_asked_for(backend):
    """init= asks for another number of streams."""
    init = InitParams(out_streams=64, in_streams=64)
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend, init=init) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, init=init, timeout=LIMIT) as client,
    ):
        assert client.status().out_streams == 64
        client.send(b"x", stream=63)
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            assert server.recv(timeout=LIMIT).stream == 63


def test_two_addresses_each(backend, two_hosts):
    """Address text with two hosts makes a multi-homed association (RFC 9260 section 1.3)."""
    both = "/".join(f"[{h}]" if ":" in h else h for h in two_hosts)
    with (
        sctpffi.listen(f"{both}:0", backend=backend) as listener,
        sctpffi.connect(f"{both}:{listener.port}", local=f"{both}:0", backend=backend, timeout=LIMIT) as client,
    ):
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            for conn in (client, server):
                assert sorted(a.host for a in conn.peer_addresses) == sorted(two_hosts)
                assert sorted(a.host for a in conn.local_addresses) == sorted(two_hosts)
                assert len(conn.paths()) == 2
            client.set_primary(two_hosts[1])
            assert client.status().primary.address.host == two_hosts[1]
            client.send(b"x")
            assert server.recv(timeout=LIMIT).data == b"x"


def test_any_address(backend):
    """ ":port" listens on every address of both families."""
    with sctpffi.listen(":0", backend=backend) as listener:
        for host in ("127.0.0.1", "[::1]"):
            with sctpffi.connect(f"{host}:{listener.port}", backend=backend, timeout=LIMIT) as client:
                client.send(b"x")
                server, _ = listener.accept(timeout=LIMIT)
                with server:
                    assert server.recv(timeout=LIMIT).data == b"x"


def test_refused(backend):
    """A refused connect raises ConnectionRefused and leaves nothing open."""
    with sctpffi.listen("127.0.0.1:0", backend=backend) as listener:
        port = listener.port
    with pytest.raises(ConnectionRefused):
        sctpffi.connect(f"127.0.0.1:{port}", backend=backend, timeout=LIMIT)


def test_a_listener_iterates(backend):
    """Iterating a listener gives connections until another thread closes it."""
    listener = sctpffi.listen("127.0.0.1:0", backend=backend)
    port = listener.port

    def serve() -> int:
        served = 0
        for conn in listener:
            with conn:
                for message in conn:
                    conn.send(message.data.upper())
            served += 1
        return served

    worker = Worker(serve)
    for _ in range(3):
        with sctpffi.connect(f"127.0.0.1:{port}", backend=backend, timeout=LIMIT) as client:
            client.send(b"echo")
            assert client.recv(timeout=LIMIT).data == b"ECHO"
    listener.close()
    assert worker.join() == 3


def test_closed(ends):
    """A closed Connection or Listener raises ClosedError."""
    listener, client, server = ends
    client.close()
    with pytest.raises(ClosedError):
        client.recv(timeout=0)
    with pytest.raises(ClosedError):
        client.send(b"x")
    with pytest.raises(EndOfAssociation):
        server.recv(timeout=LIMIT)
    listener.close()
    with pytest.raises(ClosedError):
        listener.accept(timeout=0)


@pytest.mark.parametrize(
    "arguments", [{"init": 5}, {"init": "x"}, {"events": [99]}, {"timeout": -1}, {"local": "x"}, {"timeout": "1"}]
)
def test_bad_arguments_of_connect(backend, arguments):
    """A bad argument of connect is refused by name, and nothing stays open."""
    with pytest.raises((errors.ArgumentError, errors.ArgumentTypeError)) as caught:
        sctpffi.connect("127.0.0.1:5", backend=backend, **arguments)
    assert caught.value.argument in arguments


def test_reprs(ends):
    """Reprs name backend, ends and state."""
    listener, client, _ = ends
    assert "Listener" in repr(listener)
    assert f"{client.backend} ONE_TO_ONE 127.0.0.1" in repr(client)
    assert "up" in repr(client)


def test_the_example_of_the_readme(backend):
    """The README's example, on every backend: an echo over stream 3."""
    with sctpffi.listen("127.0.0.1:0", backend=backend) as listener:
        echo = Worker(_echo_once, listener)
        with sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=5) as conn:
            conn.send(b"hello", stream=3, ppid=Ppid.DIAMETER)
            reply = conn.recv(timeout=5)
        echo.join()
    assert (reply.data, reply.stream, reply.ppid) == (b"HELLO", 3, Ppid.DIAMETER)


def _echo_once(listener) -> None:
    conn, _ = listener.accept(timeout=5)
    with conn:
        for message in conn:
            conn.send(message.data.upper(), stream=message.stream, ppid=message.ppid)
