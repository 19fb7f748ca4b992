"""Closing Connections: what gomaja/go-sctp's close, close fuzz, shutdown wait and state tests verify.

Closing with signals under way is in test_gomaja_signals.py, of endpoints in test_gomaja_endpoint.py.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import ExitStack
from functools import partial
from typing import Callable, Iterator, Tuple

import pytest

import sctpffi
from sctpffi import (
    AddressInUse,
    ArgumentError,
    ArgumentTypeError,
    AssociationAborted,
    AssocState,
    AuthKey,
    ChunkType,
    ClosedError,
    Config,
    Connection,
    EndOfAssociation,
    Endpoint,
    Error,
    NoSuchAssociation,
    WaitTimeout,
)
from sctpffi.testing import LIMIT, Worker

HERE = "127.0.0.1:0"
PLAIN = Config()
LITTLE_ROOM = Config(send_buffer_bytes=100_000, receive_buffer_bytes=100_000)  # FreeBSD's own take 3.6 MB
DEAF = Config(auth_chunks=(ChunkType.DATA, ChunkType.SHUTDOWN))
UNHEARD = Config(auth_keys=(AuthKey(7, b"a key that the other one lacks"),), auth_active_key=7)


@pytest.fixture
def ends(backend) -> Iterator[Tuple[Connection, Connection]]:
    """Two connected Connections."""
    with ExitStack() as stack:
        yield connected(stack, backend, LITTLE_ROOM, LITTLE_ROOM)


@pytest.fixture
def apart(backend) -> Iterator[Tuple[Connection, Connection]]:
    """Two connected Connections, of which the second takes neither messages nor SHUTDOWN of the first."""
    with ExitStack() as stack:
        yield connected(stack, backend, UNHEARD, DEAF)


def connected(
    stack: ExitStack, backend: str, ours: Config = PLAIN, theirs: Config = PLAIN
) -> Tuple[Connection, Connection]:
    """Two connected Connections with LIMIT for a time-out; the stack closes them."""
    listener = stack.enter_context(sctpffi.listen(HERE, backend=backend, config=theirs))
    address = f"127.0.0.1:{listener.port}"
    client = sctpffi.connect(address, local=HERE, backend=backend, config=ours, timeout=LIMIT)
    stack.enter_context(client)
    server = stack.enter_context(listener.accept(timeout=LIMIT)[0])
    for end in (client, server):
        end.settimeout(LIMIT)
    return client, server


def fill(connection: Connection) -> int:
    """Send until there is no more room at either end; how many messages."""
    sent = 0
    with pytest.raises(WaitTimeout):
        while True:
            connection.send(b"%06d" % sent * 1000, timeout=0.3)
            sent += 1
    return sent


def free_again(connection: Connection, port: int) -> None:
    """Wait until a port of ours can be bound."""
    end = time.monotonic() + LIMIT
    while True:
        try:
            sctpffi.listen(f"127.0.0.1:{port}", backend=connection.backend).close()
            return
        except AddressInUse:
            assert time.monotonic() < end, f"port {port} is still in use"
            time.sleep(0.01)  # between two looks


def last_error(connection: Connection) -> Error:
    """What a connection raises when all that came is read."""
    while True:
        try:
            connection.recv(timeout=LIMIT)
        except Error as exc:
            return exc


def quietly(call: Callable[[], object]) -> object:
    """A call's error of ours, or None."""
    try:
        call()
    except Error as exc:
        return exc
    return None


# -- how long


@pytest.mark.parametrize("timeout", [None, 0, 1e-9, 1e-6, 1e-4, 0.01, LIMIT, 1e300, float("inf")])
def test_any_grace_period(ends, timeout):
    """Whatever time close is given it returns, the socket is closed, and closing again does nothing (RFC 9260 9.2)."""
    client, server = ends
    failed = quietly(lambda: client.close(timeout=timeout))
    assert failed is None or (isinstance(failed, WaitTimeout) and timeout < 1)
    assert client.closed
    for again in (timeout, 0, LIMIT, None):
        client.close(timeout=again)
    assert isinstance(
        last_error(server), EndOfAssociation if failed is None else (EndOfAssociation, AssociationAborted)
    )


@pytest.mark.parametrize("timeout", [-1, -1e-9, float("nan"), "1", True, [1]])
def test_a_grace_period_that_is_none(ends, timeout):
    """What is no time is refused by name, and the connection lives on."""
    client, server = ends
    with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
        client.close(timeout=timeout)
    assert caught.value.argument == "timeout"
    client.send(b"alive")
    assert server.recv().data == b"alive"


@pytest.mark.parametrize("timeout", [1e-6, 0.05, 0.5])
@pytest.mark.parametrize("unsent", [b"", b"never acknowledged"])
def test_a_peer_that_does_not_answer(apart, unsent, timeout):
    """close waits for the peer's answer as long as told, then aborts: the peer hears it, and the port is free."""
    client, server = apart
    port = client.local_addresses[0].port
    if unsent:
        client.send(unsent)
    start = time.monotonic()
    with pytest.raises(WaitTimeout):
        client.close(timeout=timeout)
    assert timeout <= time.monotonic() - start < LIMIT
    assert client.closed
    with pytest.raises(AssociationAborted):
        server.recv()
    free_again(client, port)


def test_a_peer_that_answers(backend):
    """close with a time-out returns when the peer has answered, and our address is free soon (RFC 6458 4.1.6)."""
    with ExitStack() as stack:
        for _ in range(10):
            client, server = connected(stack, backend)
            port = client.local_addresses[0].port
            reader = Worker(last_error, server)
            start = time.monotonic()
            client.close(timeout=LIMIT)
            assert time.monotonic() - start < LIMIT / 3
            free_again(client, port)
            assert isinstance(reader.join(), EndOfAssociation)


@pytest.mark.parametrize("timeout", [0, LIMIT])
def test_a_peer_that_waits_sees_the_end(ends, timeout):
    """A peer that waits in recv sees the graceful end of a close, whether that waits or not (RFC 9260 section 9.2)."""
    client, server = ends
    readers = [Worker(last_error, server)]
    client.send(b"last words")
    client.close(timeout=timeout)
    assert isinstance(readers[0].join(), EndOfAssociation)


def test_what_comes_while_closing_is_thrown_away(ends):
    """close with a time-out goes on while the peer still sends, who then sees the end and no ABORT (RFC 9260 9.2)."""
    client, server = ends
    for number in range(20):
        server.send(b"%d" % number * 100)
    client.send(b"question")
    closer = Worker(lambda: client.close(timeout=LIMIT))
    assert server.recv().data == b"question"
    closer.join()
    assert isinstance(last_error(server), EndOfAssociation)


def test_all_is_sent_before_the_end(ends):
    """close with a time-out waits for a slow reader: all that filled the buffers arrives before the end."""
    client, server = ends
    sent = fill(client)
    closer = Worker(lambda: client.close(timeout=LIMIT))
    assert [int(server.recv().data[:6]) for _ in range(sent)] == list(range(sent))
    with pytest.raises(EndOfAssociation):
        server.recv()
    closer.join()


def test_the_state_on_the_way_out(apart):
    """A shutdown that waits for the peer's acknowledgement shows in STATUS, until the end (RFC 6458 section 8.2.1)."""
    client, server = apart
    assert {end.status().state for end in (client, server)} == {AssocState.ESTABLISHED}
    client.send(b"never acknowledged")
    client.shutdown()
    assert client.status().state is AssocState.SHUTDOWN_PENDING
    assert server.status().state is AssocState.ESTABLISHED
    with pytest.raises(WaitTimeout):
        client.recv(timeout=0.05)
    client.abort()
    with pytest.raises(AssociationAborted):
        server.recv()
    with pytest.raises(Error):
        server.status()


def test_a_lost_connection_is_not_closed_in_peace(ends):
    """close with a time-out tells that the peer aborted, if it did not know yet; without one it says nothing."""
    client, server = ends
    client.send(b"unread")
    server.socket.wait_readable(LIMIT)
    server.abort()
    with pytest.raises(AssociationAborted):
        client.close(timeout=LIMIT)
    assert client.closed
    client.close(timeout=LIMIT)


# -- abort


def test_abort_does_not_wait(apart):
    """abort of a connection whose peer answers nothing is done at once, and wakes whoever receives (RFC 9260 9.1)."""
    client, server = apart
    port = client.local_addresses[0].port
    client.send(b"never acknowledged")
    reader = Worker(last_error, client)
    start = time.monotonic()
    client.abort()
    assert time.monotonic() - start < LIMIT / 3
    assert isinstance(reader.join(), ClosedError)
    with pytest.raises(AssociationAborted):
        server.recv()
    free_again(client, port)


@pytest.mark.parametrize("name", ["recv", "recv_partial", "events", "send"])
def test_abort_wakes_whoever_waits(ends, name):
    """abort in one thread ends calls of others with ClosedError, and the peer hears of it although they waited."""
    client, server = ends
    if name == "send":
        fill(client)

    def wait() -> None:
        while True:
            if name == "events":
                next(client.events())
            elif name == "send":
                client.send(b"x" * 10_000)
            else:
                getattr(client, name)()

    waiter = Worker(quietly, wait)
    client.abort(b"enough")
    assert isinstance(waiter.join(), ClosedError)
    assert isinstance(last_error(server), AssociationAborted)


# -- several at once


@pytest.mark.parametrize("timeout", [0, LIMIT])
def test_many_threads_close(backend, timeout):
    """Of threads that close one connection at once none fails, and the end is graceful."""
    with ExitStack() as stack:
        for _ in range(20):
            client, server = connected(stack, backend)
            closers = [Worker(quietly, partial(client.close, timeout=timeout)) for _ in range(4)]
            assert [closer.join() for closer in closers] == [None] * 4
            assert isinstance(last_error(server), EndOfAssociation)


def test_a_close_overtakes_one_that_waits(backend):
    """A close that waits returns, or says that another thread closed the connection; the end is graceful anyway."""
    with ExitStack() as stack:
        for _ in range(20):
            client, server = connected(stack, backend)
            waiter = Worker(quietly, partial(client.close, timeout=LIMIT))
            client.close()
            assert isinstance(waiter.join(), (ClosedError, type(None)))
            assert isinstance(last_error(server), EndOfAssociation)


def test_close_and_abort_at_once(backend):
    """Of threads that close and abort one connection at once each is told no worse than that it is closed."""
    with ExitStack() as stack:
        for _ in range(20):
            client, server = connected(stack, backend)
            calls = [client.close, client.abort, lambda c=client: c.close(timeout=LIMIT), client.abort]
            found = [closer.join() for closer in [Worker(quietly, call) for call in calls]]
            assert [each for each in found[::2] if not isinstance(each, (type(None), AssociationAborted))] == []
            assert [each for each in found[1::2] if not isinstance(each, (type(None), ClosedError))] == []
            assert client.closed
            assert isinstance(last_error(server), (EndOfAssociation, AssociationAborted))


def test_close_while_another_thread_receives(backend):
    """close with a time-out works while another thread is in recv, which gets what came and then an end."""
    with ExitStack() as stack:
        for _ in range(10):
            client, server = connected(stack, backend)
            reader = Worker(last_error, client)
            server.send(b"something")
            client.close(timeout=LIMIT)
            assert isinstance(reader.join(), (EndOfAssociation, ClosedError))
            assert isinstance(last_error(server), EndOfAssociation)


def test_churn(backend):
    """Four threads connect, talk and end in each way, again and again; the listener serves them all, nothing leaks."""

    def serve() -> int:
        count = 0
        for connection in listener:
            count += 1
            with connection:
                try:
                    for message in connection:
                        connection.send(message.data, timeout=LIMIT)
                except Error:
                    pass
        return count

    def use(which: int) -> None:
        for attempt in range(15):
            client = sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT)
            with client:
                client.send(b"%d" % attempt)
                assert client.recv(timeout=LIMIT).data == b"%d" % attempt
                how = (which + attempt) % 4
                if how == 0:
                    client.abort(b"churn")
                elif how == 1:
                    client.close(timeout=LIMIT)
                elif how == 2:
                    client.send(b"unread answer")
                    client.close()

    with sctpffi.listen(HERE, backend=backend) as listener:
        servers = [Worker(serve) for _ in range(4)]
        for user in [Worker(use, which) for which in range(4)]:
            user.join(2 * LIMIT)
        listener.close()
        assert sum(server.join() for server in servers) == 60


# -- descriptors


@pytest.mark.parametrize("kind", ["connection", "listener", "endpoint"])
def test_closing_twice_closes_nobody_else(backend, kind):
    """A second close leaves alone who has the descriptor's number meanwhile."""
    with ExitStack() as stack:
        client, _ = connected(stack, backend)
        if kind == "connection":
            first, again = client, [client.close, lambda: client.close(timeout=LIMIT), lambda: quietly(client.abort)]
        elif kind == "listener":
            listener = sctpffi.listen(HERE, backend=backend)
            first, again = listener, [listener.close]
        else:
            endpoint = Endpoint(HERE, backend=backend)
            first, again = endpoint, [endpoint.close, lambda: endpoint.close(timeout=LIMIT)]
        number = first.fileno()
        first.close()
        with pytest.raises(OSError):
            fcntl.fcntl(number, fcntl.F_GETFD)
        pipe = os.pipe()
        taken = {*pipe, number}
        try:
            if number not in pipe:
                os.dup2(pipe[0], number)
            for call in again:
                call()
            os.write(pipe[1], b"still open")
            assert os.read(pipe[0] if number == pipe[1] else number, 100) == b"still open"
        finally:
            for each in taken:
                os.close(each)


# -- peeled off


def peeled(stack: ExitStack, backend: str) -> Tuple[Connection, Endpoint]:
    """A Connection that was peeled off an Endpoint, and its peer."""
    ours, theirs = (stack.enter_context(Endpoint(HERE, backend=backend, config=LITTLE_ROOM)) for _ in range(2))
    theirs.settimeout(LIMIT)
    found = ours.connect(f"127.0.0.1:{theirs.port}", timeout=LIMIT)
    return stack.enter_context(found.peeloff()), theirs


@pytest.mark.parametrize("timeout", [0, LIMIT])
def test_a_peeled_off_connection_closes_gracefully(backend, timeout):
    """A peeled-off connection closes gracefully, with all that filled its buffers, waiting or not (RFC 6458 9.2)."""
    with ExitStack() as stack:
        connection, theirs = peeled(stack, backend)
        sent = fill(connection)
        closer = Worker(lambda: connection.close(timeout=timeout))
        assert [int(theirs.recv().data[:6]) for _ in range(sent)] == list(range(sent))
        closer.join()
        end = time.monotonic() + LIMIT
        while theirs.associations():
            assert time.monotonic() < end, "the association did not end"
            quietly(lambda: theirs.recv(timeout=0.05))
        assert theirs.socket.snapshot().stack.aborted == stack_aborted(theirs)


def stack_aborted(endpoint: Endpoint) -> int:
    """How many associations the stack has aborted so far."""
    return sctpffi.stack_counters(endpoint.backend).aborted


def test_peeloff_races_with_close(backend):
    """While an endpoint closes, peeloff gives a connection that works, or fails; never somebody else's descriptor."""
    with ExitStack() as stack:
        for _ in range(20):
            ours, theirs = (stack.enter_context(Endpoint(HERE, backend=backend)) for _ in range(2))
            found = ours.connect(f"127.0.0.1:{theirs.port}", timeout=LIMIT)
            peeler = Worker(quietly_given, found.peeloff)
            ours.close()
            got = peeler.join()
            if isinstance(got, Connection):
                with got:
                    assert got.fileno() > 2
                    got.send(b"mine")
                    assert theirs.recv(timeout=LIMIT).data == b"mine"
            else:
                assert isinstance(got, (ClosedError, NoSuchAssociation))


def quietly_given(call: Callable[[], object]) -> object:
    """A call's result, or its error of ours."""
    try:
        return call()
    except Error as exc:
        return exc
