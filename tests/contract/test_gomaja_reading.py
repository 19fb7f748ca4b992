"""Receiving whole messages: what gomaja/go-sctp's readmsg, eor, fragment, contract and path failure tests verify.

Pieces for those who ask are in test_messages.py, buffers in test_recv_into.py.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Iterator, List, Tuple

import pytest

import sctpffi
from sctpffi import (
    ArgumentError,
    ArgumentTypeError,
    AssocChange,
    AssociationAborted,
    AuthKey,
    ChunkType,
    ClosedError,
    Config,
    Connection,
    EndOfAssociation,
    Error,
    Event,
    ExtensionOff,
    NotConnected,
    OptionRefused,
    ReceiveLimitExceeded,
    RtoInfo,
    SenderDryEvent,
    UnsupportedOption,
    WaitTimeout,
)
from sctpffi._optrows import OPTIONS
from sctpffi.testing import LIMIT, Worker

HERE = "127.0.0.1:0"
PLAIN = Config()
DEAF = Config(auth_chunks=(ChunkType.DATA,), rto=RtoInfo(initial_ms=100, max_ms=200, min_ms=50))
UNHEARD = Config(auth_keys=(AuthKey(7, b"a key that the other one lacks"),), auth_active_key=7, rto=DEAF.rto)


def connected(
    stack: ExitStack, backend: str, ours: Config = PLAIN, theirs: Config = PLAIN, events: Tuple[Event, ...] = ()
) -> Tuple[Connection, Connection]:
    """Two connected Connections with LIMIT for a time-out, which the stack closes."""
    listener = stack.enter_context(sctpffi.listen(HERE, backend=backend, config=theirs, events=events))
    address = f"127.0.0.1:{listener.port}"
    client = sctpffi.connect(address, local=HERE, backend=backend, config=ours, events=events, timeout=LIMIT)
    stack.enter_context(client)
    server = stack.enter_context(listener.accept(timeout=LIMIT)[0])
    for end in (client, server):
        end.settimeout(LIMIT)
    return client, server


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as found:
        yield found


@pytest.fixture
def ends(stack, backend) -> Tuple[Connection, Connection]:
    """Two connected Connections."""
    return connected(stack, backend)


def patterned(size: int) -> bytes:
    """Bytes of which no fragment looks like another one."""
    return b"".join(b"%08x" % number for number in range(size // 8 + 1))[:size]


# -- sizes and limits


@pytest.mark.parametrize("limit", [1, 2, 2047, 2048, 2049, 65_535, 65_536, 65_537, 100_000])
def test_sizes_around_a_limit(ends, limit):
    """A message of just max_message_bytes comes whole, one byte more is told and taken off, the next is intact."""
    client, server = ends
    server.socket.max_message_bytes = limit
    for size in (1, limit - 1, limit, limit + 1, 2 * limit, 3 * limit + 7):
        if not size:
            continue
        data = patterned(size)
        sender = Worker(lambda d=data: (client.send(d), client.send(b"*")))
        if size <= limit:
            assert server.recv().data == data
        else:
            with pytest.raises(ReceiveLimitExceeded) as caught:
                server.recv()
            assert (caught.value.limit_bytes, caught.value.length_bytes) == (limit, size)
        assert server.recv().data == b"*"
        sender.join()


@pytest.mark.parametrize(("limit", "error"), [(-1, ArgumentError), (2**31, ArgumentError), ("5", ArgumentTypeError)])
def test_limits_that_are_none(ends, limit, error):
    """What is no limit is refused by name, and the one before stays."""
    _, server = ends
    before = server.socket.max_message_bytes
    with pytest.raises(error) as caught:
        server.socket.max_message_bytes = limit
    assert caught.value.argument == "max_message_bytes"
    assert server.socket.max_message_bytes == before


def test_around_the_fragmentation_point(ends):
    """Messages on both sides of every multiple of the fragmentation point come whole, to the byte (RFC 9260 6.9)."""
    client, server = ends
    point = client.status().fragmentation_point_bytes
    for size in sorted({1, *(max(1, times * point + more) for times in (1, 2, 3) for more in (-1, 0, 1, 7))}):
        data = patterned(size)
        sender = Worker(client.send, data)
        assert server.recv().data == data
        assert sender.join() == size


def test_pieces_of_a_fragmented_message(ends):
    """Of a message in many chunks each piece but the last says that more follows, and all are one stream's (3.1.4)."""
    client, server = ends
    size = 3 * client.status().fragmentation_point_bytes + 17
    sender = Worker(client.send, patterned(size), 5, 46)
    pieces = [server.recv_partial(1000)]
    while not pieces[-1].complete:
        pieces.append(server.recv_partial(1000))
    sender.join()
    assert b"".join(piece.data for piece in pieces) == patterned(size)
    assert {(piece.stream, piece.ppid, piece.ssn) for piece in pieces} == {(5, 46, 0)}


# -- what else comes


def test_messages_among_notifications(stack, backend):
    """Long messages come whole though notifications come between them, and these go to the handler, each whole."""
    client, server = connected(stack, backend, events=(Event.ASSOC_CHANGE, Event.SENDER_DRY_EVENT))
    heard: List[object] = []
    server.on_notification = heard.append
    data = patterned(150_000)

    def send() -> None:
        for number in range(10):
            client.send(b"%d" % number + data)

    sender = Worker(send)
    for number in range(10):
        server.send(b"so that it is dry again")
        assert server.recv().data == b"%d" % number + data
    sender.join()
    assert isinstance(heard[0], AssocChange)
    assert any(isinstance(event, SenderDryEvent) for event in heard)


def test_a_handler_that_receives(stack, backend):
    """A handler may receive itself: it gets the next message, and who called recv gets the one after (RFC 6458 6.1)."""
    client, server = connected(stack, backend, events=(Event.ASSOC_CHANGE,))
    inner: List[bytes] = []
    server.on_notification = lambda event: inner.append(server.recv().data)
    client.send(b"first")
    client.send(b"second")
    assert server.recv().data == b"second"
    assert inner == [b"first"]


def test_a_handler_that_fails(stack, backend):
    """What a handler raises comes out of recv, and the message that came with it is received by the next call."""
    client, server = connected(stack, backend, events=(Event.ASSOC_CHANGE,))

    def fail(event: object) -> None:
        raise ZeroDivisionError

    server.on_notification = fail
    client.send(b"not lost")
    with pytest.raises(ZeroDivisionError):
        server.recv()
    assert server.recv().data == b"not lost"


def test_notifications_do_not_prolong_a_wait(stack, backend):
    """A recv that notifications come to all the time ends when its time is up, counted from its beginning."""
    client, server = connected(stack, backend, events=(Event.SENDER_DRY_EVENT,))
    heard: List[float] = []
    client.on_notification = lambda event: (heard.append(time.monotonic()), client.send(b"x"))
    client.send(b"x")
    reader = Worker(lambda: [message.data for message in server])
    for name in ("recv", "recv_partial", "recv_into"):
        start = time.monotonic()
        with pytest.raises(WaitTimeout):
            if name == "recv_into":
                client.recv_into(bytearray(10), timeout=0.4)
            else:
                getattr(client, name)(timeout=0.4)
        assert 0.4 <= time.monotonic() - start < LIMIT
        assert any(moment > start for moment in heard)
    client.on_notification = None
    client.close(timeout=LIMIT)
    reader.join()


# -- ends


@pytest.mark.parametrize("name", ["recv", "recv_partial", "recv_into"])
def test_an_abort_in_the_midst_of_a_message(ends, name):
    """A message of which the rest never comes is not given as if it were whole; the loss is told (RFC 6458 6.1.7)."""
    client, server = ends
    buffer = bytearray(2_000_000)
    server.socket.max_message_bytes = 10_000_000
    with pytest.raises(Error):
        while True:
            client.send(patterned(100_000), timeout=0.3)
    client.abort(b"midst")
    pieces = b""
    with pytest.raises(AssociationAborted):
        while True:
            if name == "recv_partial":
                piece = server.recv_partial()
                pieces += piece.data
                if piece.complete:
                    assert pieces == patterned(100_000)
                    pieces = b""
            else:
                message = server.recv_into(buffer) if name == "recv_into" else server.recv()
                assert bytes(message.data) == patterned(100_000)


@pytest.mark.parametrize("name", ["recv", "recv_partial", "recv_into"])
def test_the_end_of_a_closed_peer(ends, name):
    """After the peer's close what it sent is received, then the end, each time (RFC 6458 section 4.1.6)."""
    client, server = ends
    for number in range(3):
        client.send(b"%d" % number)
    client.close()
    buffer = bytearray(10)
    call = (lambda: server.recv_into(buffer)) if name == "recv_into" else getattr(server, name)
    assert [bytes(call().data) for _ in range(3)] == [b"0", b"1", b"2"]
    for _ in range(3):
        with pytest.raises(EndOfAssociation):
            call()


def test_every_option_of_a_closed_connection(ends):
    """No option of a closed connection is read or set: its descriptor may be somebody else's (RFC 6458 section 8)."""
    client, _ = ends
    client.close()
    for row in OPTIONS:
        if "r" in row.access:
            with pytest.raises(ClosedError):
                client.opts.get(row.name)
    for name, value in (("nodelay", True), ("max_segment_bytes", 600), ("rto_info", RtoInfo()), ("context", 5)):
        with pytest.raises(ClosedError):
            client.opts.set(name, value)


@pytest.mark.parametrize("name", ["status", "assoc_stats", "peer_auth_chunks", "pr_assoc_status", "timeouts"])
def test_options_without_an_association(backend, name):
    """What is of an association can't be read without one, whatever the stack has of it (RFC 6458 section 8.2)."""
    with sctpffi.listen(HERE, backend=backend) as listener, pytest.raises((NotConnected, UnsupportedOption)):
        listener.opts.get(name)


# -- paths


@pytest.mark.parametrize("call", ["set_primary", "request_primary"])
def test_one_address_is_the_primary_one(stack, backend, call):
    """Of several addresses none is picked: set_primary and request_primary take one (RFC 6458 8.1.9, 8.3.1)."""
    both = "127.0.0.1/[::1]"
    listener = stack.enter_context(sctpffi.listen(f"{both}:0", backend=backend))
    address = f"{both}:{listener.port}"
    client = stack.enter_context(sctpffi.connect(address, local=f"{both}:0", backend=backend, timeout=LIMIT))
    stack.enter_context(listener.accept(timeout=LIMIT)[0])
    own = client.peer_addresses if call == "set_primary" else client.local_addresses
    before = client.primary_address
    for several in (f"127.0.0.1/[::1]:{own[0].port}", "127.0.0.1/::1", own):
        with pytest.raises(ArgumentError):
            getattr(client, call)(several)
    assert client.primary_address == before
    for host in ("::1", "127.0.0.1", str(own[0])):
        getattr(client, call)(host)


def test_a_request_without_asconf(stack, backend):
    """The peer's primary path can't be asked for where ASCONF is off, and the error says what is off (RFC 5061)."""
    client, server = connected(stack, backend, Config(asconf=False), Config())
    for end in (client, server):
        with pytest.raises((ExtensionOff, OptionRefused)):
            end.request_primary("127.0.0.1")


def test_unacknowledged_messages_show(stack, backend):
    """What a peer does not acknowledge shows in STATUS, before the association is given up (RFC 6458 section 8.2.1)."""
    client, server = connected(stack, backend, UNHEARD, DEAF)
    assert client.status().unacked == 0
    for _ in range(3):
        client.send(b"never acknowledged")
    end = time.monotonic() + LIMIT
    while client.status().unacked == 0:
        assert time.monotonic() < end, "nothing shows"
        with pytest.raises(WaitTimeout):
            client.recv(timeout=0.02)
    with pytest.raises(WaitTimeout):
        server.recv(timeout=0.05)
    client.abort()
