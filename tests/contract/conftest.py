"""Fixtures of the contract suite: every test takes `backend` and runs unchanged on each stack.

Needs nothing but pytest, pytest-timeout and sctpffi.testing, so that it runs on a bare FreeBSD.
"""

from __future__ import annotations

import importlib.util
import os
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

import pytest

import sctpffi
from sctpffi import (
    AddressInUse,
    AddressNotAvailable,
    AssocChangeState,
    AuthKey,
    ChunkType,
    Config,
    Connection,
    DelayedSack,
    Event,
    Message,
    RtoInfo,
    Socket,
    StreamScheduler,
    Style,
)
from sctpffi.options import Options
from sctpffi.testing import LIMIT, Pair, many_pair, pair


def _loops() -> Any:
    """The module beside this file: with importlib's import mode a test directory is no package."""
    spec = importlib.util.spec_from_file_location("sctpffi_contract_loops", Path(__file__).with_name("loops.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOOPS = _loops()
LITTLE_ROOM = 100_000
GATE = Path("/proc/sys/net/sctp/intl_enable")  # Linux' own switch of interleaving, of the network namespace
# asyncio is always there; CI says which others have to be.
WANTED_LOOPS = [LOOPS.make(name) for name in os.environ.get("SCTPFFI_EXPECT_LOOPS", "asyncio").split(",") if name]
# Nothing that needs trio is collected where nobody expects it.
collect_ignore = [] if "trio" in [loop.name for loop in WANTED_LOOPS] else ["test_serve_trio.py"]


@pytest.fixture(params=WANTED_LOOPS, ids=lambda loop: str(loop.name))
def loop(request: pytest.FixtureRequest) -> Any:
    """Every event loop that is expected here, one after the other: see loops.py."""
    return request.param


@pytest.fixture
def linked(backend: str) -> Iterator[Pair]:
    """Two associated one-to-one sockets that subscribed to nothing."""
    with pair(backend) as both:
        yield both


@pytest.fixture
def tight(backend: str) -> Iterator[Pair]:
    """As `linked`, with little room at both ends: FreeBSD's own buffers take 3.6 MB before they are full."""
    with pair(backend, send_buffer_bytes=LITTLE_ROOM, receive_buffer_bytes=LITTLE_ROOM) as both:
        yield both


@pytest.fixture
def prompt(backend: str) -> Iterator[Pair]:
    """As `linked`, but nothing is late: Linux acknowledges after 200 ms, and sends again after a second, else."""
    quick: Dict[str, Any] = {"delayed_sack": DelayedSack(frequency=1), "rto_info": RtoInfo(100, 200, 50)}
    with pair(backend, nodelay=True, **quick) as both:
        yield both


@pytest.fixture
def watched(backend: str) -> Iterator[Pair]:
    """Two associated one-to-one sockets that subscribed to ASSOC_CHANGE and SHUTDOWN_EVENT."""
    with pair(backend, [Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT]) as both:
        yield both


@pytest.fixture
def joined(backend: str) -> Iterator[Tuple[Connection, Connection]]:
    """Two Connections with an association between them, client and server, that subscribed to SHUTDOWN_EVENT."""
    with ExitStack() as stack:
        listener = stack.enter_context(sctpffi.listen("127.0.0.1:0", backend=backend, events=[Event.SHUTDOWN_EVENT]))
        client = sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT)
        stack.enter_context(client)
        server = stack.enter_context(listener.accept(timeout=LIMIT)[0])
        for each in (client, server):
            each.settimeout(LIMIT)
        yield client, server


@pytest.fixture
def two_hosts(backend: str) -> Tuple[str, str]:
    """Two loopback addresses that this stack has: usrsctp knows 127.0.0.2 only if it is configured on lo."""
    with Socket(4, backend=backend) as probe:
        try:
            probe.bind("127.0.0.2:0")
        except AddressNotAvailable:
            return "127.0.0.1", "::1"
    return "127.0.0.1", "127.0.0.2"


@pytest.fixture
def free_port(backend: str) -> int:
    """A port that is free on 127.0.0.1 and ::1, for a socket and for a further address of one.

    BSD looks at more when it adds an address than when it binds one: connected sockets that use the port count too,
    also those of a listener that is gone and those that are still ending. Hence it is tried, on either address.
    """
    for _ in range(100):
        with sctpffi.listen("[::1]:0", backend=backend) as probe:
            try:
                probe.bind_add("127.0.0.1")
                probe.bind_remove("::1")
                probe.bind_add("::1")
            except AddressInUse:
                continue
            return probe.port
    raise AssertionError("no port is free on both")


class Unanswered(NamedTuple):
    """A peer whose COOKIE ACK never comes, and the Config of whoever calls it."""

    address: str
    config: Config


@pytest.fixture
def unanswered(backend: str) -> Iterator[Unanswered]:
    """It wants COOKIE ECHO authenticated by a key that it lacks, and drops it (RFC 4895 section 6.3)."""
    wants = Config(auth_chunks=(ChunkType.COOKIE_ECHO,))
    stranger = Config(auth_keys=(AuthKey(1, b"stranger"),), auth_active_key=1)
    with sctpffi.listen("127.0.0.1:0", backend=backend, config=wants) as listener:
        yield Unanswered(f"127.0.0.1:{listener.port}", stranger)


@pytest.fixture
def interleaved(backend: str) -> Iterator[Pair]:
    """A pair that may interleave messages, whose server has little room (RFC 8260 section 4.3.1)."""
    before = GATE.read_text() if GATE.exists() else None
    if before is not None:
        GATE.write_text("1")
    options: Dict[str, Any] = {
        "fragment_interleave": 2,
        "interleaving_supported": True,
        "stream_scheduler": StreamScheduler.RR,
    }
    options.update(max_segment_bytes=1200, partial_delivery_point_bytes=2000, receive_buffer_bytes=20_000)
    try:
        with pair(backend, send_buffer_bytes=400_000, nodelay=True, **options) as both:
            yield both
    finally:
        if before is not None:
            GATE.write_text(before)


class Association(NamedTuple):
    """An association as the socket under test has it.

    sock: the socket; assoc_id: 0 on one-to-one sockets. base: the options that it started with, of the listener on
    one-to-one sockets, of those to come on one-to-many. own: its options. peer: the socket at its other end.
    """

    sock: Socket
    assoc_id: int
    base: Options
    own: Options
    peer: Socket


@pytest.fixture(params=[Style.ONE_TO_ONE, Style.ONE_TO_MANY], ids=["one_to_one", "one_to_many"])
def style(request: pytest.FixtureRequest) -> Style:
    """Both styles of sockets, one after the other."""
    return request.param  # type: ignore[no-any-return]  # pytest's params have no type


@pytest.fixture
def fresh(backend: str, style: Style) -> Iterator[Socket]:
    """A socket of either style that nothing was done to."""
    with Socket(4, style, backend=backend) as sock:
        yield sock


@pytest.fixture
def associate(backend: str, style: Style) -> Iterator[Callable[..., Association]]:
    """Makes an association of a socket of either style: see `_associate`."""
    with ExitStack() as stack:
        yield partial(_associate, stack, backend, style)


def _associate(
    stack: ExitStack,
    backend: str,
    style: Style,
    before: Callable[[Socket], object] = lambda sock: None,
    at_peer: Callable[[Socket], object] = lambda sock: None,
    hosts: Sequence[str] = ("127.0.0.1",),
    hub: Optional[Socket] = None,
) -> Association:
    """One-to-one: what a listener accepted. One-to-many: what the socket itself set up.

    before, at_peer: called with the socket under test (the listener, on one-to-one) and with the other end's, before
    anything else. hosts: of both ends. hub: the one-to-many socket, if there is one already.
    """

    def opened(kind: Style, prepare: Callable[[Socket], object]) -> Socket:
        sock = stack.enter_context(Socket(6 if ":" in "".join(hosts) else 4, kind, backend=backend))
        sock.settimeout(LIMIT)
        prepare(sock)
        sock.bind(f"{here}:0")
        return sock

    here = "/".join(f"[{host}]" if ":" in host else host for host in hosts)
    head = opened(Style.ONE_TO_ONE, before if style is Style.ONE_TO_ONE else at_peer)
    head.listen()
    there = f"{here}:{head.getsockname()[1]}"
    if style is Style.ONE_TO_ONE:
        client = opened(Style.ONE_TO_ONE, at_peer)
        client.connect(there)
        server = stack.enter_context(head.accept()[0])
        server.settimeout(LIMIT)
        return Association(server, 0, head.opts, server.opts, client)
    sock = hub or opened(Style.ONE_TO_MANY, before)
    sock.subscribe(Event.ASSOC_CHANGE)
    assoc_id = sock.connect(there)
    change = sock.recv()
    assert (change.state, change.assoc_id) == (AssocChangeState.COMM_UP, assoc_id)
    server = stack.enter_context(head.accept()[0])
    server.settimeout(LIMIT)
    return Association(sock, assoc_id, sock.opts, sock.opts.of(assoc_id), server)


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def net(request: pytest.FixtureRequest, backend: str) -> Iterator[Loopback]:
    """IPv4 and IPv6 loopback, one after the other: see `Loopback`."""
    with ExitStack() as stack:
        yield Loopback(stack, backend, request.param)


class Couple(NamedTuple):
    """Two one-to-many sockets with an association between them, and the id that each has for it."""

    server: Socket
    server_id: int
    client: Socket
    client_id: int


class Loopback:
    """Opens sockets of one family, on its loopback address; all are closed at the end of the test."""

    def __init__(self, stack: ExitStack, backend: str, family: int) -> None:
        self._stack = stack
        self.backend = backend
        self.family = family
        self.host = "127.0.0.1" if family == 4 else "[::1]"

    def keep(self, sock: Socket) -> Socket:
        """Have a socket closed at the end; it waits `LIMIT` at most."""
        sock.settimeout(LIMIT)
        return self._stack.enter_context(sock)

    def open(self, style: Style = Style.ONE_TO_ONE, events: Sequence[Event] = (), **options: object) -> Socket:
        """A socket that is not bound, with options set and events subscribed to."""
        sock = self.keep(Socket(self.family, style, backend=self.backend))
        for name, value in options.items():
            sock.opts.set(name, value)
        if events:
            sock.subscribe(*events)
        return sock

    def bound(self, style: Style = Style.ONE_TO_ONE, events: Sequence[Event] = (), **options: object) -> Socket:
        """A socket bound to the loopback address and a free port."""
        sock = self.open(style, events, **options)
        sock.bind(f"{self.host}:0")
        return sock

    def listener(self, style: Style = Style.ONE_TO_ONE, events: Sequence[Event] = (), **options: object) -> Socket:
        """A socket that listens."""
        sock = self.bound(style, events, **options)
        sock.listen()
        return sock

    def where(self, sock: Socket) -> str:
        """The address of a socket, to connect or send to."""
        return f"{self.host}:{sock.local_addresses()[0].port}"

    def linked(self, events: Sequence[Event] = (), **options: object) -> Pair:
        """Two associated one-to-one sockets; options and events are of both."""
        head = self.listener(Style.ONE_TO_ONE, events, **options)
        client = self.bound(Style.ONE_TO_ONE, events, **options)
        client.connect(self.where(head))
        server, peer = head.accept()
        return Pair(head, client, self.keep(server), peer)

    def couple(self, events: Sequence[Event] = (), **options: object) -> Couple:
        """Two associated one-to-many sockets that have exchanged a message on stream 0: both know that they are up."""
        server, client, first = many_pair(self.backend, events, self.family, **options)
        self.keep(server)
        self.keep(client)
        server.send(b"ho", assoc_id=first.assoc_id)
        while not isinstance(client.recv(), Message):
            pass
        (number,) = client.associations()
        return Couple(server, first.assoc_id, client, number)
