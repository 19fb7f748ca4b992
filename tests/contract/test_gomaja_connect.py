"""Set-up that fails, is given up or comes again: what gomaja/go-sctp's dial, already, backlog and leak tests verify."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import cache
from typing import Iterator, List, Tuple

import pytest

import sctpffi
from sctpffi import (
    AddressInUse,
    AddressNotAvailable,
    AlreadyConnected,
    ArgumentError,
    AssociationAborted,
    AssocState,
    AuthKey,
    ChunkType,
    Config,
    ConnectInProgress,
    Connection,
    ConnectionRefused,
    ConnectTimeout,
    EndOfAssociation,
    Endpoint,
    Error,
    InitParams,
    RtoInfo,
    Socket,
    WaitTimeout,
)
from sctpffi.testing import LIMIT, Census, Worker

HERE = "127.0.0.1:0"
STRANGER = Config(auth_keys=(AuthKey(7, b"not the listener's"),), auth_active_key=7)


@pytest.fixture
def silent(backend) -> Iterator[str]:
    """Where nobody answers a STRANGER's COOKIE ECHO, which is authenticated by a key that the listener lacks."""
    config = Config(auth_chunks=(ChunkType.COOKIE_ECHO,))
    with sctpffi.listen(HERE, backend=backend, config=config) as listener:
        yield f"127.0.0.1:{listener.port}"


def stranger(backend: str) -> Socket:
    """A socket that a silent peer does not answer."""
    sock = Socket(4, backend=backend)
    sock.auth.enable(())
    sock.auth.set(7, b"not the listener's")
    sock.auth.activate(7)
    return sock


# -- an attempt that goes on


def test_connect_while_connecting(backend, silent):
    """A socket that is connecting does not connect again, and is not taken for connected (RFC 6458 section 4.1.5)."""
    with stranger(backend) as sock:
        with pytest.raises(ConnectInProgress):
            sock.connect(silent, timeout=0)
        with pytest.raises(AlreadyConnected):
            sock.connect(silent, timeout=0)
        assert not sock.connect_done()
        with pytest.raises(BlockingIOError):
            sock.send(b"x", timeout=0)


def test_connect_while_another_thread_connects(backend, silent):
    """A thread that connects a socket on which another one waits for its connect is refused, and that one waits on."""
    with stranger(backend) as sock:
        waiter = Worker(_raised, lambda: sock.connect(silent, timeout=2))
        while "connecting" not in repr(sock):  # until it is under way
            assert waiter.alive()
        with pytest.raises(AlreadyConnected):
            sock.connect(silent, timeout=LIMIT)
        assert isinstance(waiter.join(), WaitTimeout)


def _raised(call) -> object:
    try:
        return call()
    except Error as exc:
        return exc


def test_attempts_run_out(backend, silent):
    """Without a time-out connect ends when INIT's attempts are over, with another error (RFC 9260 section 5.1)."""
    config = Config(
        auth_keys=STRANGER.auth_keys,
        auth_active_key=7,
        init=InitParams(attempts=2, timeout_ms=200),
        rto=RtoInfo(initial_ms=100, max_ms=200, min_ms=50),
    )
    with pytest.raises(ConnectTimeout) as caught:
        sctpffi.connect(silent, backend=backend, config=config, timeout=LIMIT)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.remote == silent


def test_attempts_that_are_given_up(backend, silent):
    """Fifty attempts that are given up leave no socket, no descriptor and no association (RFC 6458 section 4.1.5)."""
    before = Census(backend)
    for _ in range(50):
        with pytest.raises(WaitTimeout):
            sctpffi.connect(silent, backend=backend, config=STRANGER, timeout=0.01)
    assert before.leaks() == []


def test_a_refusal_leaves_time(backend):
    """A refusal is told at once and not when the time is up, also where the port was listened on a moment ago."""
    for _ in range(20):
        with sctpffi.listen(HERE, backend=backend) as listener:
            address = f"127.0.0.1:{listener.port}"
        with pytest.raises(ConnectionRefused) as caught:
            sctpffi.connect(address, backend=backend, timeout=LIMIT)
        assert caught.value.remote == address


# -- again and again


@pytest.mark.parametrize("end", ["close", "abort", "peer closes", "peer aborts"])
def test_the_same_addresses_again(backend, end):
    """A client comes again from the same port, as soon as that is free again, and gets a new association."""
    with sctpffi.listen(HERE, backend=backend) as listener:
        with sctpffi.listen(HERE, backend=backend) as probe:
            local = f"127.0.0.1:{probe.port}"
        for number in range(20):
            address = f"127.0.0.1:{listener.port}"
            client = _from_a_free_port(address, local, backend)
            server, peer = listener.accept(timeout=LIMIT)
            with client, server:
                assert str(peer) == local
                assert client.status().state is AssocState.ESTABLISHED
                client.send(b"%d" % number)
                assert server.recv(timeout=LIMIT).data == b"%d" % number
                if end == "close":
                    client.close(timeout=LIMIT)
                elif end == "abort":
                    client.abort()
                elif end == "peer closes":
                    server.close(timeout=LIMIT)
                else:
                    server.abort()
                for each in (client, server):
                    if not each.closed:
                        with pytest.raises((EndOfAssociation, AssociationAborted)):
                            each.recv(timeout=LIMIT)


def _from_a_free_port(address: str, local: str, backend: str) -> Connection:
    """BSD keeps a port for a moment after its socket was closed (docs/differences.md), and nothing tells its end."""
    end = time.monotonic() + LIMIT
    while True:
        try:
            return sctpffi.connect(address, local=local, backend=backend, timeout=LIMIT)
        except AddressInUse:
            assert time.monotonic() < end


def test_what_connect_gives_is_up(backend):
    """Of many threads that connect at once each gets an association that is up at both ends (RFC 9260 section 5.1)."""

    def use(which: int) -> None:
        for number in range(10):
            with sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT) as client:
                assert client.status().state is AssocState.ESTABLISHED
                client.send(b"%d %d" % (which, number))
                assert client.recv(timeout=LIMIT).data == b"%d %d" % (which, number)

    def serve() -> None:
        for connection in listener:
            with connection:
                for message in connection:
                    connection.send(message.data)

    with sctpffi.listen(HERE, backend=backend) as listener:
        servers = [Worker(serve) for _ in range(6)]
        for user in [Worker(use, which) for which in range(6)]:
            user.join()
        listener.close()
        for server in servers:
            server.join()


def test_a_hundred_wait(backend):
    """A listener with a backlog of 100 lets so many clients in before it accepts any; none is lost (RFC 6458 4.1.3)."""
    with ExitStack() as stack:
        listener = stack.enter_context(sctpffi.listen(HERE, backlog=100, backend=backend))
        for number in range(100):
            client = sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT)
            stack.enter_context(client)
            client.send(b"%d" % number)
        for number in range(100):
            server = stack.enter_context(listener.accept(timeout=LIMIT)[0])
            assert server.recv(timeout=LIMIT).data == b"%d" % number


# -- what fails half-way


BAD = [
    ("no such option", {"config": Config(options={"no_such_option": 1})}, ArgumentError),
    ("value", {"config": Config(options={"delayed_sack": 7})}, TypeError),
    ("range", {"config": Config(max_message_bytes=-1)}, ArgumentError),
    ("streams", {"init": InitParams(out_streams=70_000)}, ArgumentError),
    ("order of RTOs", {"config": Config(rto=RtoInfo(initial_ms=10, max_ms=5, min_ms=20))}, ArgumentError),
    ("no such key", {"config": Config(auth_active_key=99)}, Error),
    ("event", {"events": [4711]}, ArgumentError),
]


@pytest.mark.parametrize(("why", "arguments", "error"), BAD, ids=[why for why, *_ in BAD])
@pytest.mark.parametrize("name", ["connect", "listen", "Endpoint"])
def test_a_set_up_that_fails(backend, name, why, arguments, error):
    """A socket that can't be set to what is asked for is not left open, however often that is tried."""
    before = Census(backend)
    address = "127.0.0.1:9" if name == "connect" else HERE
    for _ in range(5):
        with pytest.raises(error):
            getattr(sctpffi, name)(address, backend=backend, **arguments)
    assert before.leaks() == []


@pytest.mark.parametrize("name", ["connect", "listen", "Endpoint"])
def test_an_address_that_can_not_be_had(backend, name):
    """An address that is in use, or not of this host, leaves nothing open; one of several is enough (RFC 6458 9.1)."""
    with sctpffi.listen(HERE, backend=backend) as taken:
        before = Census(backend)
        for local, error in (
            (f"127.0.0.1:{taken.port}", AddressInUse),
            ("192.0.2.77:0", AddressNotAvailable),
            ("127.0.0.1/192.0.2.77:0", AddressNotAvailable),
            (f"[::1]/127.0.0.1:{taken.port}", AddressInUse),
        ):
            with pytest.raises(error):
                if name == "connect":
                    sctpffi.connect(f"127.0.0.1:{taken.port}", local=local, backend=backend, timeout=LIMIT)
                else:
                    getattr(sctpffi, name)(local, backend=backend)
        assert before.leaks() == []


def test_what_was_set_up_stays_open(backend):
    """What succeeds is not closed by what cleans up after failures: listener and endpoint go on."""
    with sctpffi.listen(HERE, backend=backend) as listener, Endpoint(HERE, backend=backend) as endpoint:
        for each in (listener, endpoint):
            with pytest.raises(AddressInUse):
                sctpffi.listen(f"127.0.0.1:{each.port}", backend=backend)
        with sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT) as client:
            server, _ = listener.accept(timeout=LIMIT)
            with server:
                endpoint.connect(f"127.0.0.1:{listener.port}", timeout=LIMIT).send(b"from the endpoint")
                other, _ = listener.accept(timeout=LIMIT)
                with other:
                    assert other.recv(timeout=LIMIT).data == b"from the endpoint"
                client.send(b"x")
                assert server.recv(timeout=LIMIT).data == b"x"


ZERO = """
import fcntl, os, sys
import sctpffi
from sctpffi.testing import LIMIT
backend = sys.argv[1]
for case in sys.argv[2:]:
    pid = os.fork()  # before there is a stack; half a second of imports is done once
    if pid == 0:
        which, how = case.split("-")
        break
    if os.waitpid(pid, 0)[1] != 0:
        print(case, "failed", flush=True)
else:
    sys.exit()
here = "127.0.0.1:0"
sctpffi.listen(here, backend=backend).close()  # the stack has its own descriptors now

def vacate(name):
    if name == which:
        os.close(0)

vacate("listener")
listener = sctpffi.listen(here, backend=backend)
vacate("client")
client = sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT)
vacate("server")
server, _ = listener.accept(timeout=LIMIT)
vacate("endpoint")
endpoint = sctpffi.Endpoint(here, backend=backend)
fcntl.fcntl(0, fcntl.F_GETFD)  # somebody has it
for end, other in ((client, server), (server, client)):
    end.send(b"x")
    assert other.recv(timeout=LIMIT).data == b"x"
    try:
        end.recv(timeout=0.01)
    except sctpffi.WaitTimeout:
        pass
endpoint.connect(f"127.0.0.1:{listener.port}", timeout=LIMIT).send(b"y")
other, _ = listener.accept(timeout=LIMIT)
assert other.recv(timeout=LIMIT).data == b"y"
for each in (client, server, endpoint, other):
    if how == "abort" and each is not endpoint:
        each.abort()
    elif how == "wait" and each not in (server, other):
        each.close(timeout=LIMIT)
    else:
        each.close()
listener.close()
try:
    fcntl.fcntl(0, fcntl.F_GETFD)
except OSError:
    print(case, "given back", flush=True)
"""
SOCKETS = ("listener", "client", "server", "endpoint")
ENDS = ("close", "wait", "abort")


@cache
def with_descriptor_zero(backend: str) -> Tuple[List[str], str]:
    """What became of each case, and what was said about it."""
    cases = [f"{which}-{how}" for which in SOCKETS for how in ENDS]
    done = subprocess.run(
        [sys.executable, "-c", ZERO, backend, *cases],
        capture_output=True,
        text=True,
        timeout=3 * LIMIT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    return done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("which", SOCKETS)
def test_descriptor_zero(backend, which, how):
    """A socket whose descriptor is 0, as in a daemon that closed its stdin, works and is closed like any other."""
    said, errors = with_descriptor_zero(backend)
    assert f"{which}-{how} given back" in said, errors
