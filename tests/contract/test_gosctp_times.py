"""Time-outs of connections, listeners and endpoints: what georgeyanev/go-sctp's timeout and dial tests verify.

Time-outs of a Socket are in test_waiting.py, changes while calls wait in test_deadlines.py.
"""

from __future__ import annotations

import threading
import time
from typing import Callable, Iterator, Tuple

import pytest

import sctpffi
from sctpffi import (
    AddressInUse,
    AuthKey,
    ChunkType,
    ClosedError,
    Config,
    Connection,
    Endpoint,
    WaitTimeout,
    WouldBlock,
    errors,
)
from sctpffi.testing import LIMIT, Worker, delivered

LITTLE_ROOM = Config(send_buffer_bytes=100_000, receive_buffer_bytes=100_000)  # FreeBSD's own take 3.6 MB
STRANGER = Config(auth_keys=(AuthKey(7, b"not the listener's"),), auth_active_key=7)


@pytest.fixture
def silent(backend) -> Iterator[str]:
    """Where nobody answers a STRANGER's COOKIE ECHO, which is authenticated by a key that the listener lacks."""
    config = Config(auth_chunks=(ChunkType.COOKIE_ECHO,))
    with sctpffi.listen("127.0.0.1:0", backend=backend, config=config) as listener:
        yield f"127.0.0.1:{listener.port}"


@pytest.fixture
def ends(backend) -> Iterator[Tuple[Connection, Connection]]:
    """Two connected Connections."""
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT) as client,
    ):
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            yield client, server


def fill(connection: Connection) -> None:
    """Send until there is no more room at either end."""
    with pytest.raises(WaitTimeout):
        while True:
            connection.send(b"x" * 10_000, timeout=0.3)


def send_for_ever(connection: Connection) -> None:
    """Send on, because some room may come late."""
    while True:
        connection.send(b"x" * 10_000)


def free_again(local: str, backend: str) -> None:
    """Wait until an address can be bound: usrsctp gives it back when nothing of the association can come any more."""
    end = time.monotonic() + LIMIT
    while True:
        try:
            sctpffi.listen(local, backend=backend).close()
            return
        except AddressInUse:
            assert time.monotonic() < end, f"{local} is still in use"
            time.sleep(0.01)  # between two looks


def caught(call: Callable[[], object]) -> errors.Error:
    """What a call raises that goes on until it does."""
    while True:
        try:
            call()
        except errors.Error as exc:
            return exc


# -- connecting


@pytest.mark.parametrize("timeout", [1e-9, 1e-6, 0.001, 0.05, 0.5])
def test_connect_to_a_peer_that_does_not_answer(backend, silent, timeout):
    """connect waits as long as told, however short that is, and then nothing of it is left (RFC 9260 section 5.1)."""
    with sctpffi.listen("127.0.0.1:0", backend=backend) as probe:
        local = f"127.0.0.1:{probe.port}"
    start = time.monotonic()
    with pytest.raises(WaitTimeout) as raised:
        sctpffi.connect(silent, local=local, backend=backend, config=STRANGER, timeout=timeout)
    assert timeout <= time.monotonic() - start < LIMIT
    assert isinstance(raised.value, TimeoutError)
    assert (raised.value.op, raised.value.remote) == ("connect", silent)
    free_again(local, backend)


def test_connect_without_waiting_for_a_peer_that_does_not_answer(backend, silent):
    """With no time at all connect says that it would have to wait, and nothing of it is left."""
    with sctpffi.listen("127.0.0.1:0", backend=backend) as probe:
        local = f"127.0.0.1:{probe.port}"
    with pytest.raises(BlockingIOError):
        sctpffi.connect(silent, local=local, backend=backend, config=STRANGER, timeout=0)
    free_again(local, backend)


@pytest.mark.parametrize("timeout", [0.001, 0.1])
def test_an_endpoint_connects_to_a_peer_that_does_not_answer(backend, silent, timeout):
    """Endpoint.connect waits as long as told; then the association is gone, and may be tried again (RFC 6458 3.1)."""
    with Endpoint("127.0.0.1:0", backend=backend, config=STRANGER) as endpoint:
        for _ in range(2):
            start = time.monotonic()
            with pytest.raises(WaitTimeout):
                endpoint.connect(silent, timeout=timeout)
            assert timeout <= time.monotonic() - start < LIMIT
            assert endpoint.associations() == []


@pytest.mark.parametrize("timeout", [1e300, float("inf"), 2**63, 2**31])
def test_immense_time_outs(backend, timeout):
    """A time-out that no clock can count is as good as none, in every call."""
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=timeout) as client,
    ):
        server, _ = listener.accept(timeout=timeout)
        with server:
            client.send(b"by argument", timeout=timeout)
            assert server.recv(timeout=timeout).data == b"by argument"
            for end in (client, server):
                end.settimeout(timeout)
            client.send(b"by settimeout")
            assert server.recv().data == b"by settimeout"
            client.close(timeout=timeout)


def test_the_time_out_of_connect_is_for_connect(backend):
    """When the time that connect was given is over, the connection that it made waits and works as any other."""
    with sctpffi.listen("127.0.0.1:0", backend=backend) as listener:
        start = time.monotonic()
        with sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=2) as client:
            assert client.gettimeout() is None
            server, _ = listener.accept(timeout=LIMIT)
            with server, pytest.raises(WaitTimeout):
                client.recv(timeout=max(0.1, start + 2.2 - time.monotonic()))
            assert time.monotonic() - start > 2


def test_a_listeners_time_out_is_its_own(backend):
    """What is accepted does not have its listener's time-out: it waits for ever."""
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT) as client,
    ):
        listener.settimeout(0.3)
        server, _ = listener.accept()
        with server:
            assert server.gettimeout() is None
            reader = Worker(server.recv)
            with pytest.raises(WaitTimeout):
                listener.accept()  # its time has passed, and the reader's has not
            assert reader.alive()
            client.send(b"late")
            assert reader.join().data == b"late"


# -- which time-out counts


def test_what_is_there_needs_no_time(backend):
    """Who waits to be accepted, and what came, is given with a time-out of 0; after it there is nothing to give."""
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT) as client,
    ):
        server, _ = listener.accept(timeout=0)
        with server:
            for timeout, error in ((0, WouldBlock), (0.05, WaitTimeout)):
                client.send(b"x")
                delivered(client.socket)
                assert server.recv(timeout=0).data == b"x"
                for call in (listener.accept, server.recv, server.recv_partial):
                    with pytest.raises(error):
                        call(timeout=timeout)


@pytest.mark.parametrize("name", ["accept", "recv", "recv_partial", "send"])
def test_the_last_time_out_counts(backend, name):
    """A call that is begun after settimeout(0) and settimeout(None) waits, until somebody closes."""
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend, config=LITTLE_ROOM) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, config=LITTLE_ROOM, timeout=LIMIT) as client,
    ):
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            if name == "send":
                fill(client)
            waiting = listener if name == "accept" else client
            waiting.settimeout(0)
            waiting.settimeout(None)
            call = {"accept": listener.accept, "send": lambda: send_for_ever(client)}.get(name)
            worker = Worker(caught, call or getattr(client, name))
            with pytest.raises(TimeoutError):
                worker.join(0.2)
            waiting.close()
            assert isinstance(worker.join(), ClosedError)


@pytest.mark.parametrize("name", ["accept", "recv", "recv_partial", "recv_into", "send", "endpoint"])
def test_waits_are_as_long_as_told(backend, name):
    """No wait is shorter than its time-out; one of some seconds at most is not much longer either."""
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend, config=LITTLE_ROOM) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, config=LITTLE_ROOM, timeout=LIMIT) as client,
        Endpoint("127.0.0.1:0", backend=backend) as endpoint,
    ):
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            if name == "send":
                fill(client)
            calls = {
                "accept": listener.accept,
                "recv_into": lambda timeout: client.recv_into(bytearray(10), timeout=timeout),
                "send": lambda timeout: client.send(b"x" * 100_000, timeout=timeout),
                "endpoint": endpoint.recv,
            }
            for timeout in (0.001, 0.01, 0.1, 1, 4):
                start = time.monotonic()
                with pytest.raises(WaitTimeout):
                    calls.get(name, getattr(client, name, None))(timeout=timeout)
                took = time.monotonic() - start
                assert took >= timeout
                if took <= timeout * 1.2:
                    return
            pytest.fail(f"a wait of {timeout} s took {took} s")


@pytest.mark.parametrize("timeout", [1e-9, 5e-8, 1e-6, 2.5e-5, 5e-4, 0.001, 0.005, 0.1])
def test_short_time_outs(ends, timeout):
    """Every time-out above 0, however short, ends in WaitTimeout: as an argument and of the connection itself."""
    client, _ = ends
    client.settimeout(timeout)
    for _ in range(5):
        for call in (client.recv, lambda: client.recv(timeout=timeout), lambda: next(client.events())):
            start = time.monotonic()
            with pytest.raises(WaitTimeout):
                call()
            assert time.monotonic() - start >= timeout


# -- time-outs and traffic


def test_time_outs_that_never_strike(ends):
    """A long time-out that is set anew before each call disturbs no message, in two threads at each end."""

    def send(end: Connection) -> None:
        for number in range(200):
            end.settimeout(3600)
            end.send(b"%d" % number)

    def recv(end: Connection) -> list:
        found = []
        for _ in range(200):
            end.settimeout(3600)
            found.append(int(end.recv().data))
        return found

    readers = [Worker(recv, end) for end in ends]
    for sender in [Worker(send, end) for end in ends]:
        sender.join()
    for reader in readers:
        assert reader.join() == list(range(200))


def test_time_outs_that_race_with_calls(ends):
    """Tiny time-outs, set by one thread while others send and receive, lose no message and send none twice."""
    client, server = ends
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            client.settimeout(2e-6)
            client.settimeout(LIMIT)

    def send() -> int:
        sent = 0
        while sent < 300:
            try:
                client.send(b"%d" % sent)
            except WaitTimeout:
                continue
            sent += 1
        return sent

    def recv() -> list:
        found = []
        while len(found) < 300:
            try:
                found.append(int(client.recv().data))
            except WaitTimeout:
                continue
        return found

    changer, sender, reader = Worker(change), Worker(send), Worker(recv)
    try:
        for number in range(300):
            assert server.recv(timeout=LIMIT).data == b"%d" % number
            server.send(b"%d" % number, timeout=LIMIT)
        assert sender.join() == 300
        assert reader.join() == list(range(300))
    finally:
        stop.set()
        changer.join()
    with pytest.raises(WaitTimeout):
        server.recv(timeout=0.05)


def test_many_threads_set_time_outs(backend):
    """Eight threads that set the time-outs of ten connections again and again leave each with one that was set."""

    def change(which: int) -> None:
        for attempt in range(50, 0, -1):
            for number, client in enumerate(clients):
                client.settimeout(3600 + which * attempt * number)

    with sctpffi.listen("127.0.0.1:0", backend=backend) as listener:
        clients, servers = [], []
        try:
            for _ in range(10):
                clients.append(sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT))
                servers.append(listener.accept(timeout=LIMIT)[0])
            for worker in [Worker(change, which) for which in range(8)]:
                worker.join()
            for number, (client, server) in enumerate(zip(clients, servers)):
                assert client.gettimeout() in {3600 + which * number for which in range(8)}
                server.send(b"%d" % number)
                assert client.recv().data == b"%d" % number
        finally:
            for end in clients + servers:
                end.close()
