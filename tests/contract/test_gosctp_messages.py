"""Connections in use: what georgeyanev/go-sctp's conn, net and sock tests verify of reading, writing and settings."""

from __future__ import annotations

import random
import time
from typing import Callable, Iterator, Tuple

import pytest

import sctpffi
from sctpffi import (
    AssociationAborted,
    Config,
    Connection,
    EndOfAssociation,
    Linger,
    NotConnected,
    PathFlag,
    PathParams,
    PathState,
    RtoInfo,
)
from sctpffi.testing import LIMIT, Worker

QUICK = Config(rto=RtoInfo(initial_ms=100, max_ms=200, min_ms=50))


@pytest.fixture
def ends(backend) -> Iterator[Tuple[Connection, Connection]]:
    """Two connected Connections, each with LIMIT for its time-out."""
    with (
        sctpffi.listen("127.0.0.1:0", backend=backend) as listener,
        sctpffi.connect(f"127.0.0.1:{listener.port}", local="127.0.0.1:0", backend=backend, timeout=LIMIT) as client,
    ):
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            for end in (client, server):
                end.settimeout(LIMIT)
            yield client, server


def test_a_message_byte_by_byte(ends):
    """Each byte of a message comes with its stream and PPID, the last one complete; then the end (RFC 6458 3.1.4)."""
    client, server = ends
    client.send(b"123", stream=4, ppid=77)
    client.close()
    pieces = [server.recv_partial(1) for _ in range(3)]
    assert [(p.data, p.complete, p.stream, p.ppid) for p in pieces] == [
        (b"1", False, 4, 77),
        (b"2", False, 4, 77),
        (b"3", True, 4, 77),
    ]
    for _ in range(3):
        with pytest.raises(EndOfAssociation):
            server.recv_partial(1)


def test_two_echoes_at_once(backend):
    """Two connections of one listener carry 500 requests and answers each, side by side, and all bytes are right."""

    def serve() -> None:
        connection, _ = listener.accept(timeout=LIMIT)
        with connection:
            for message in connection:
                connection.send(message.data, timeout=LIMIT)

    def ask(seed: int) -> None:
        source = random.Random(seed)
        with sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT) as client:
            for _ in range(500):
                data = bytes(source.getrandbits(8) for _ in range(64)) * 8
                client.send(data, timeout=LIMIT)
                assert client.recv(timeout=LIMIT).data == data

    with sctpffi.listen("127.0.0.1:0", backend=backend) as listener:
        workers = [Worker(serve), Worker(serve), Worker(ask, 1), Worker(ask, 2)]
        for worker in workers:
            worker.join(3 * LIMIT)


def test_settings_of_a_connection(ends):
    """A connection in use takes and tells heartbeats, Nagle, fragments, linger and buffers (RFC 6458 section 8.1)."""
    client, server = ends
    client.opts.path_params = PathParams(flags=PathFlag.HB_DISABLE)
    assert client.opts.path_params.flags & PathFlag.HB_DISABLE
    path = client.peer_addresses[0]
    client.opts.of(0, path).path_params = PathParams(path, heartbeat_ms=1200, flags=PathFlag.HB_ENABLE)
    assert client.opts.of(0, path).path_params.heartbeat_ms == 1200
    client.heartbeat()
    client.opts.nodelay = False
    assert client.opts.nodelay is False
    client.opts.disable_fragments = True
    assert client.opts.disable_fragments is True
    assert client.opts.send_buffer_bytes > 0 and client.opts.receive_buffer_bytes > 0
    assert [str(address) for address in client.local_addresses] == [str(address) for address in server.peer_addresses]
    assert client.status().out_streams == server.status().in_streams
    client.send(b"question")
    assert server.recv().data == b"question"
    server.send(b"answer")
    assert client.recv().data == b"answer"
    client.opts.linger = Linger(on=True, seconds=0)
    assert client.opts.linger == Linger(on=True, seconds=0)


def test_addresses_of_a_connection_come_and_go(backend, free_port):
    """An added address reaches the peer, the first one is given up, and messages go on (RFC 5061 section 5)."""

    def until(done: Callable[[], bool]) -> None:
        give_up = time.monotonic() + LIMIT
        while not done():
            assert time.monotonic() < give_up, f"{client.local_addresses} {client.paths()} {server.paths()}"
            time.sleep(0.01)  # between two looks

    def known(*wanted: str) -> bool:
        return all({a.host for a in found} == {*wanted} for found in (client.local_addresses, server.peer_addresses))

    def confirmed() -> bool:
        server.heartbeat(second)  # the first may come before the answer to ASCONF; the next would be due in 30 s
        return {path.state for path in server.paths()} == {PathState.ACTIVE}

    # Linux refuses IPv4 addresses in an ASCONF that came by IPv6. usrsctp loses the association, or crashes, when the
    # first of two IPv4 addresses goes (docs/stacks.md, bugs n and o).
    second, more = ("127.0.0.2", "") if backend == "linux" else ("::1", "/[::1]")
    with sctpffi.listen(f"127.0.0.1{more}:0", backend=backend, config=QUICK) as listener:
        there = f"127.0.0.1{more}:{listener.port}"
        with sctpffi.connect(
            there, local=f"127.0.0.1:{free_port}", backend=backend, config=QUICK, timeout=LIMIT
        ) as client:
            server, _ = listener.accept(timeout=LIMIT)
            with server:
                client.bind_add(second)
                until(lambda: known("127.0.0.1", second))
                until(confirmed)
                if more:
                    client.set_primary(second)
                server.set_primary(second)
                client.send(b"with both", timeout=LIMIT)
                assert server.recv(timeout=LIMIT).data == b"with both"
                client.bind_remove("127.0.0.1")
                until(lambda: known(second))
                client.refresh()
                assert second in repr(client) and "127.0.0.1:" not in repr(client).partition("->")[0]
                for data in (b"by the new one", b"again"):
                    client.send(data, timeout=LIMIT)
                    assert server.recv(timeout=LIMIT).data == data
                    server.send(data, timeout=LIMIT)
                    assert client.recv(timeout=LIMIT).data == data


def test_an_abort_does_not_pass(ends):
    """After the peer's ABORT each recv raises the same, which is neither a time-out nor a reason to try again."""
    client, server = ends
    server.opts.linger = Linger(on=True, seconds=0)
    server.close()
    for _ in range(3):
        with pytest.raises(AssociationAborted) as caught:
            client.recv()
        assert isinstance(caught.value, ConnectionResetError)
        assert not isinstance(caught.value, (TimeoutError, BlockingIOError, EOFError))


def test_after_shutdown(ends):
    """After shutdown nothing can be sent, the peer sees the end, and who shut down sees it too (RFC 9260 9.2)."""
    client, server = ends
    client.send(b"last words")
    client.shutdown()
    with pytest.raises(NotConnected):
        client.send(b"x")
    assert [message.data for message in server] == [b"last words"]
    for end in ends:
        with pytest.raises(EndOfAssociation):
            end.recv()
        with pytest.raises(NotConnected):
            end.send(b"x")
