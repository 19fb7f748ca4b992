"""Calls that signals interrupt all the time: what gomaja/go-sctp's eintr tests verify (PEP 475).

Each call runs in the main thread, where Python's handlers run. One signal is in test_waiting.py.
"""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from typing import Any, Callable, Iterator, List, Optional, Tuple

import pytest

import sctpffi
from sctpffi import (
    AddressInUse,
    AssocState,
    AuthKey,
    ChunkType,
    Config,
    Connection,
    EndOfAssociation,
    Endpoint,
    WaitTimeout,
)
from sctpffi.testing import LIMIT, Worker

HERE = "127.0.0.1:0"
PLAIN = Config()
LITTLE_ROOM = Config(send_buffer_bytes=100_000, receive_buffer_bytes=100_000)  # FreeBSD's own take 3.6 MB
DEAF = Config(auth_chunks=(ChunkType.DATA, ChunkType.SHUTDOWN, ChunkType.COOKIE_ECHO))
HALF_DEAF = Config(auth_chunks=(ChunkType.DATA, ChunkType.SHUTDOWN))
UNHEARD = Config(auth_keys=(AuthKey(7, b"a key that the other one lacks"),), auth_active_key=7)


class Storm:
    """Signals that strike the main thread every few milliseconds; one of them does something."""

    def __init__(self) -> None:
        self.count = 0
        self._at = 0
        self._action: Optional[Callable[[], object]] = None

    def __call__(self, *_: Any) -> None:
        self.count += 1
        if self._action is not None and self.count >= self._at:
            action, self._action = self._action, None
            action()

    def after(self, more: int, action: Callable[[], object]) -> None:
        """Have the handler do this when so many more signals have come."""
        self._at = self.count + more
        self._action = action


@pytest.fixture
def storm() -> Iterator[Storm]:
    """Signals from the beginning to the end of the test."""
    found = Storm()
    before = signal.signal(signal.SIGALRM, found)
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    try:
        yield found
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert found.count > 0


def connected(
    stack: ExitStack, backend: str, ours: Config = PLAIN, theirs: Config = PLAIN
) -> Tuple[Connection, Connection]:
    """Two connected Connections, which the stack closes."""
    listener = stack.enter_context(sctpffi.listen(HERE, backend=backend, config=theirs))
    address = f"127.0.0.1:{listener.port}"
    client = stack.enter_context(sctpffi.connect(address, local=HERE, backend=backend, config=ours, timeout=LIMIT))
    return client, stack.enter_context(listener.accept(timeout=LIMIT)[0])


@pytest.mark.parametrize("name", ["recv", "recv_partial", "events", "iterating"])
def test_receiving(backend, storm, name):
    """A wait for a message that signals interrupt again and again gets it when it comes, on the same association."""
    with ExitStack() as stack:
        client, server = connected(stack, backend)
        calls = {"events": lambda: next(client.events()), "iterating": lambda: next(iter(client))}
        for _ in range(5):
            storm.after(10, lambda: server.send(b"late"))
            assert calls.get(name, getattr(client, name, None))().data == b"late"


def test_accepting(backend, storm):
    """A wait for a client that signals interrupt again and again gets it when it comes."""
    with ExitStack() as stack:
        listener = stack.enter_context(sctpffi.listen(HERE, backend=backend))
        for _ in range(5):
            workers: List[Worker[Connection]] = []

            def call() -> Connection:
                return sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT)

            storm.after(10, lambda w=workers: w.append(Worker(call)))
            server, _ = listener.accept()
            client = workers[0].join()
            with server, client:
                client.send(b"x")
                assert server.recv(timeout=LIMIT).data == b"x"


def test_sending(backend, storm):
    """A wait for room that signals interrupt again and again ends when the peer reads, and each message goes once."""
    with ExitStack() as stack:
        client, server = connected(stack, backend)
        readers: List[Worker[List[int]]] = []
        storm.after(30, lambda: readers.append(Worker(lambda: [int(server.recv().data[:10]) for _ in range(400)])))
        for number in range(400):
            client.send(b"%010d" % number * 1000)
        assert readers[0].join() == list(range(400))


def test_connecting(backend, storm):
    """What connect gives while signals interrupt it is an association that is up (RFC 9260 section 5.1)."""
    with ExitStack() as stack:
        listener = stack.enter_context(sctpffi.listen(HERE, backend=backend))
        for _ in range(30):
            with sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT) as client:
                assert client.status().state is AssocState.ESTABLISHED
                server, _ = listener.accept(timeout=LIMIT)
                with server:
                    client.send(b"x")
                    assert server.recv(timeout=LIMIT).data == b"x"


def test_waits_end_in_time(backend, storm):
    """Signals neither shorten nor prolong a wait: connect, accept, recv and close end when their time is up."""
    with ExitStack() as stack:
        listener = stack.enter_context(sctpffi.listen(HERE, backend=backend, config=DEAF))
        client, _ = connected(stack, backend, UNHEARD, HALF_DEAF)
        endpoint = stack.enter_context(Endpoint(HERE, backend=backend))
        client.send(b"never acknowledged")
        for call in (
            lambda timeout: sctpffi.connect(
                f"127.0.0.1:{listener.port}", backend=backend, config=UNHEARD, timeout=timeout
            ),
            lambda timeout: listener.accept(timeout=timeout),
            lambda timeout: client.recv(timeout=timeout),
            lambda timeout: endpoint.recv(timeout=timeout),
            lambda timeout: client.close(timeout=timeout),
        ):
            before, start = storm.count, time.monotonic()
            with pytest.raises(WaitTimeout):
                call(0.4)
            assert 0.4 <= time.monotonic() - start < LIMIT
            assert storm.count > before


def test_closing(backend, storm):
    """However often signals interrupt it, close ends gracefully and not by ABORT, as each peer sees (RFC 9260 9.2)."""
    with ExitStack() as stack:
        for timeout in (LIMIT, 0) * 15:
            client, server = connected(stack, backend)
            client.send(b"last words")
            client.close(timeout=timeout)
            assert server.recv(timeout=LIMIT).data == b"last words"
            with pytest.raises(EndOfAssociation):
                server.recv(timeout=LIMIT)


def test_closing_while_the_peer_reads_slowly(backend, storm):
    """A close that has to wait for the peer goes on after each signal until everything is acknowledged."""
    with ExitStack() as stack:
        client, server = connected(stack, backend, LITTLE_ROOM, LITTLE_ROOM)
        sent = 0
        with pytest.raises(WaitTimeout):
            while True:
                client.send(b"%06d" % sent * 1000, timeout=0.3)
                sent += 1
        readers: List[Worker[List[int]]] = []
        storm.after(20, lambda: readers.append(Worker(lambda: [int(message.data[:6]) for message in server])))
        client.close(timeout=LIMIT)
        assert readers[0].join() == list(range(sent))


def test_an_endpoint(backend, storm):
    """An endpoint's connect, recv and close go on after each signal, too (RFC 6458 section 3.1)."""
    with ExitStack() as stack:
        ours, theirs = (stack.enter_context(Endpoint(HERE, backend=backend)) for _ in range(2))
        for _ in range(10):
            found = ours.connect(f"127.0.0.1:{theirs.port}", timeout=LIMIT)
            storm.after(3, lambda f=found: f.send(b"late"))
            message = theirs.recv(timeout=LIMIT)
            assert message.data == b"late"
            connection = theirs.peeloff(message.assoc_id)
            with connection:
                connection.close(timeout=LIMIT)
            while ours.associations():
                with pytest.raises(WaitTimeout):
                    ours.recv(timeout=0.01)
        theirs.close(timeout=LIMIT)
        ours.close(timeout=LIMIT)


@pytest.mark.parametrize("end", ["closed", "aborted", "shut down"])
def test_sending_to_nobody_raises_no_sigpipe(backend, end):
    """Sending on an association that is over is an exception and no SIGPIPE, which may end a program."""
    seen: List[int] = []
    before = signal.signal(signal.SIGPIPE, lambda number, frame: seen.append(number))
    try:
        with ExitStack() as stack:
            client, server = connected(stack, backend)
            if end == "shut down":
                client.shutdown()
            else:
                server.close() if end == "closed" else server.abort()
            with pytest.raises((EndOfAssociation, ConnectionResetError)):
                client.recv(timeout=LIMIT)
            for _ in range(20):
                with pytest.raises((BrokenPipeError, ConnectionResetError)):
                    client.send(b"x")
    finally:
        signal.signal(signal.SIGPIPE, before)
    assert seen == []


class Enough(Exception):
    """What a handler raises."""


def enough() -> None:
    """Raise it."""
    raise Enough


def test_an_exception_of_a_handler(backend, storm):
    """An exception of a handler ends recv and loses nothing: what comes then is received by the next call."""
    with ExitStack() as stack:
        client, server = connected(stack, backend)
        for number in range(10):
            with pytest.raises(Enough):
                storm.after(2, enough)  # in here, because on a slow machine both come at once
                client.recv()
            server.send(b"%d" % number)
            assert client.recv(timeout=LIMIT).data == b"%d" % number


def test_an_exception_of_a_handler_while_closing(backend, storm):
    """An exception of a handler ends a close that waits, and it is closed all the same."""
    with ExitStack() as stack:
        client, _ = connected(stack, backend, UNHEARD, HALF_DEAF)
        client.send(b"never acknowledged")
        storm.after(5, enough)
        with pytest.raises(Enough):
            client.close(timeout=None)
        assert client.closed


def test_an_exception_of_a_handler_while_connecting(backend, storm):
    """An exception of a handler ends a connect, and nothing of it is left: its address is free (RFC 9260 5.1)."""
    with ExitStack() as stack:
        listener = stack.enter_context(sctpffi.listen(HERE, backend=backend, config=DEAF))
        with sctpffi.listen(HERE, backend=backend) as probe:
            local = f"127.0.0.1:{probe.port}"
        storm.after(5, enough)
        with pytest.raises(Enough):
            sctpffi.connect(f"127.0.0.1:{listener.port}", local=local, backend=backend, config=UNHEARD)
        end = time.monotonic() + LIMIT
        while True:
            try:
                sctpffi.listen(local, backend=backend).close()
                break
            except AddressInUse:
                assert time.monotonic() < end, f"{local} is still in use"
                time.sleep(0.01)  # between two looks
