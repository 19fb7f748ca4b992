"""Many peers at once: what gomaja/go-sctp's multiclient, multihome, streams and buffer pool tests verify.

Each peer sends what nobody else does, so that a mix-up shows.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Dict, Iterator, List, Optional, Tuple

import pytest

import sctpffi
from sctpffi import (
    AssocChange,
    AssocChangeState,
    AssociationAborted,
    AssocState,
    Config,
    Connection,
    EndOfAssociation,
    Endpoint,
    Event,
    InitParams,
    Listener,
    PrInfo,
    PrPolicy,
    WaitTimeout,
)
from sctpffi.testing import LIMIT, Worker

HERE = "127.0.0.1:0"
BOTH = "127.0.0.1/[::1]"
PEERS = 20


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as found:
        yield found


def dialled(
    stack: ExitStack, listener: Listener, local: Optional[str] = None, config: Optional[Config] = None
) -> Connection:
    """A client of a listener, which the stack closes."""
    hosts = "/".join(sorted({str(address).rpartition(":")[0] for address in listener.addresses}))
    client = sctpffi.connect(
        f"{hosts}:{listener.port}", local=local, config=config, backend=listener.backend, timeout=LIMIT
    )
    client.settimeout(LIMIT)
    return stack.enter_context(client)


def accepted(stack: ExitStack, listener: Listener) -> Connection:
    """The next connection of a listener, which the stack closes."""
    server = stack.enter_context(listener.accept(timeout=LIMIT)[0])
    server.settimeout(LIMIT)
    return server


def pairs(stack: ExitStack, backend: str, count: int) -> List[Tuple[Connection, Connection]]:
    """Clients and servers of one listener, as they belong together."""
    listener = stack.enter_context(sctpffi.listen(HERE, backend=backend))
    found = []
    for _ in range(count):
        client = dialled(stack, listener)
        found.append((client, accepted(stack, listener)))
    return found


def echo(connection: Connection) -> int:
    """Send everything back the way it came, until the end; how many messages."""
    count = 0
    with connection:
        for message in connection:
            connection.send(message.data, message.stream, message.ppid, timeout=LIMIT)
            count += 1
    return count


def serving(listener: Listener) -> List[int]:
    """Echo each connection in a thread of its own until the listener is closed; how many messages each had."""
    threads = [Worker(echo, connection) for connection in listener]
    return [thread.join() for thread in threads]


# -- many clients


def test_each_client_gets_its_own_answers(backend):
    """Twenty clients ask at the same time, a thread each, and every one gets back what it asked, and no other's."""

    def ask(which: int) -> None:
        with ExitStack() as mine:
            client = dialled(mine, listener)
            for number in range(20):
                data = b"client %d, question %d" % (which, number) * 10
                client.send(data)
                assert client.recv().data == data

    with sctpffi.listen(HERE, backend=backend) as listener:
        server = Worker(serving, listener)
        for client in [Worker(ask, which) for which in range(PEERS)]:
            client.join()
        listener.close()
        assert server.join() == [20] * PEERS


def test_all_are_there_at_once(backend):
    """All clients are connected before the first one sends: their associations are up side by side (RFC 6458 4.1)."""
    ready = threading.Barrier(PEERS + 1)

    def ask(which: int) -> None:
        with ExitStack() as mine:
            client = dialled(mine, listener)
            ready.wait(LIMIT)
            client.send(b"%d" % which)
            assert client.recv().data == b"%d" % which

    with ExitStack() as stack, sctpffi.listen(HERE, backend=backend) as listener:
        clients = [Worker(ask, which) for which in range(PEERS)]
        servers = [accepted(stack, listener) for _ in range(PEERS)]
        assert [server.status().state for server in servers] == [AssocState.ESTABLISHED] * PEERS
        ready.wait(LIMIT)
        for worker in clients + [Worker(echo, server) for server in servers]:
            worker.join()


def test_peers_are_told_apart(stack, backend):
    """Each connection that a listener accepted has its peer's address and an id of its own (RFC 6458 section 8.2.1)."""
    found = pairs(stack, backend, PEERS)
    assert len({server.peer_addresses[0].port for _, server in found}) == PEERS
    assert len({server.status().assoc_id for _, server in found}) == PEERS
    for number, (client, server) in enumerate(found):
        server.send(b"%d" % number)
        assert client.recv().data == b"%d" % number


def test_each_connection_has_its_own_time_out(stack, backend):
    """A time-out of one connection that strikes leaves those of the others alone."""
    found = pairs(stack, backend, 5)
    found[0][1].settimeout(0.01)
    readers = [Worker(server.recv) for _, server in found[1:]]
    for _ in range(5):
        with pytest.raises(WaitTimeout):
            found[0][1].recv()
    assert all(reader.alive() for reader in readers)
    for number, (client, _) in enumerate(found[1:]):
        client.send(b"%d" % number)
    assert [reader.join().data for reader in readers] == [b"%d" % number for number in range(4)]


def test_streams_of_many_clients(backend):
    """Each of ten clients uses ten streams, with PPIDs of its own; all comes back on the stream that it went by."""
    config = Config(init=InitParams(10, 10))

    def ask(which: int) -> None:
        with ExitStack() as mine:
            client = dialled(mine, listener, config=config)
            for number in range(5):
                for stream in range(10):
                    client.send(b"%d %d %d" % (which, stream, number), stream, which * 100 + stream)
            found: Dict[int, List[Tuple[int, bytes]]] = {}
            for _ in range(50):
                message = client.recv()
                found.setdefault(message.stream, []).append((message.ppid, message.data))
            for stream in range(10):
                wanted = [(which * 100 + stream, b"%d %d %d" % (which, stream, number)) for number in range(5)]
                assert found[stream] == wanted

    with sctpffi.listen(HERE, backend=backend, config=config) as listener:
        server = Worker(serving, listener)
        for client in [Worker(ask, which) for which in range(10)]:
            client.join()
        listener.close()
        assert server.join() == [50] * 10


def test_half_of_them_go(stack, backend):
    """Clients that close, in each way, in the midst of it all disturb no other's association, and no descriptor."""
    found = pairs(stack, backend, PEERS)
    for number, (client, _) in enumerate(found):
        client.send(b"%d" % number)
    for number, (client, server) in enumerate(found[::2]):
        (client.close, client.abort, server.close, server.abort)[number % 4]()
    fresh = pairs(stack, backend, 5)  # which get the descriptors that came free
    for number, (client, server) in list(enumerate(found))[1::2]:
        assert server.recv().data == b"%d" % number
        server.send(b"still there")
        assert client.recv().data == b"still there"
    for number, (client, server) in enumerate(fresh):
        client.send(b"fresh %d" % number)
        assert server.recv().data == b"fresh %d" % number


def test_notifications_name_their_association(backend):
    """One handler hears of many associations: each event names its own, so that peers are told apart (RFC 6458 6.1)."""
    states: Dict[int, List[AssocChangeState]] = {}

    def handle(event) -> None:
        assert isinstance(event, AssocChange)
        states.setdefault(event.assoc_id, []).append(event.state)

    with ExitStack() as stack:
        hub = stack.enter_context(Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE]))
        hub.on_notification = handle
        peers = [stack.enter_context(Endpoint(HERE, backend=backend)) for _ in range(8)]
        for number, peer in enumerate(peers):
            peer.connect(f"127.0.0.1:{hub.port}", timeout=LIMIT).send(b"%d" % number)
        ids = {hub.recv(timeout=LIMIT).assoc_id for _ in peers}
        assert set(states) == ids
        assert len(ids) == 8
        for peer in peers:
            peer.associations()[0].abort(b"gone")
        peers[0].connect(f"127.0.0.1:{hub.port}", timeout=LIMIT).send(b"again")
        assert hub.recv(timeout=LIMIT).data == b"again"
        for number in ids:
            assert states[number] == [AssocChangeState.COMM_UP, AssocChangeState.COMM_LOST]


def test_handlers_of_accepted_connections(backend):
    """Each accepted connection hears of itself what its listener subscribed to, and of no other (RFC 6458 6.2.2)."""
    with ExitStack() as stack:
        listener = stack.enter_context(sctpffi.listen(HERE, backend=backend, events=[Event.ASSOC_CHANGE]))
        heard: List[List[AssocChangeState]] = []
        for number in range(6):
            client = dialled(stack, listener)
            server = accepted(stack, listener)
            mine: List[AssocChangeState] = []
            heard.append(mine)
            server.on_notification = lambda event, mine=mine: mine.append(event.state)
            if number % 2:
                client.abort()
                with pytest.raises(AssociationAborted):
                    server.recv()
            else:
                client.close()
                with pytest.raises(EndOfAssociation):
                    server.recv()
        up, lost, done = AssocChangeState.COMM_UP, AssocChangeState.COMM_LOST, AssocChangeState.SHUTDOWN_COMP
        assert heard == [[up, done], [up, lost]] * 3


# -- what was received


def test_messages_that_are_kept(stack, backend):
    """What came with a message stays with it, however many are received after it, by one thread or several."""
    found = pairs(stack, backend, 4)
    config = PrInfo(PrPolicy.NONE)  # one object for all senders

    def send(client: Connection, which: int) -> None:
        for number in range(100):
            client.send(b"%d %d" % (which, number), number % 10, which << 16 | number, prinfo=config)

    senders = [Worker(send, client, which) for which, (client, _) in enumerate(found)]
    readers = [Worker(lambda s=server: [s.recv() for _ in range(100)]) for _, server in found]
    for sender in senders:
        sender.join()
    for which, reader in enumerate(readers):
        for number, message in enumerate(reader.join()):
            assert (message.data, message.stream) == (b"%d %d" % (which, number), number % 10)
            assert (message.ppid, message.ssn) == (which << 16 | number, number // 10)
            assert message.address.port == found[which][0].local_addresses[0].port


# -- many homes


def test_many_peers_with_two_homes(stack, backend):
    """A listener with two addresses serves eight peers with two each; nobody's are mixed up (RFC 6458 9.3 and 9.5)."""
    listener = stack.enter_context(sctpffi.listen(f"{BOTH}:0", backend=backend))
    found = []
    for _ in range(8):
        client = dialled(stack, listener, local=f"{BOTH}:0")
        found.append((client, accepted(stack, listener)))
    for client, server in found:
        for end, other in ((client, server), (server, client)):
            assert {address.host for address in end.local_addresses} == {"127.0.0.1", "::1"}
            assert set(end.peer_addresses) == set(other.local_addresses)
            assert len(end.paths()) == 2
    for number, (client, _) in enumerate(found):
        client.send(b"%d" % number)
    for number, (client, server) in enumerate(found):
        message = server.recv()
        assert message.data == b"%d" % number
        assert message.address in client.local_addresses
        server.send(b"back %d" % number, to=server.peer_addresses[1])
        assert client.recv().data == b"back %d" % number


def test_a_bare_subset_is_not_bound(backend):
    """If one of several addresses can't be had, none is: there is no listener with fewer (RFC 6458 section 9.1)."""
    with sctpffi.listen(HERE, backend=backend) as probe:
        port = probe.port
    for address in (f"127.0.0.1/192.0.2.77:{port}", f"127.0.0.1/192.0.2.77/[::1]:{port}"):
        with pytest.raises(sctpffi.AddressNotAvailable):
            sctpffi.listen(address, backend=backend)
        with pytest.raises(sctpffi.ConnectionRefused):
            sctpffi.connect(f"127.0.0.1:{port}", backend=backend, timeout=LIMIT)
    sctpffi.listen(f"{BOTH}:{port}", backend=backend).close()
