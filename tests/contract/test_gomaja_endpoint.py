"""Endpoints: what gomaja/go-sctp's endpoint tests verify beyond test_endpoint.py (RFC 6458 section 3)."""

from __future__ import annotations

import fcntl
import time
from typing import Iterator, List, Tuple

import pytest

from sctpffi import (
    AlreadyConnected,
    ArgumentError,
    AssocChange,
    AssocChangeState,
    ClosedError,
    ConnectionRefused,
    EndOfAssociation,
    Endpoint,
    Event,
    Message,
    NoSuchAssociation,
    PrInfo,
    PrPolicy,
    WaitTimeout,
    WouldBlock,
)
from sctpffi.testing import LIMIT, Worker

HERE = "127.0.0.1:0"


@pytest.fixture
def ends(backend) -> Iterator[Tuple[Endpoint, Endpoint]]:
    """Two endpoints that subscribed to ASSOC_CHANGE."""
    with (
        Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE]) as ours,
        Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE]) as theirs,
    ):
        for endpoint in (ours, theirs):
            endpoint.settimeout(LIMIT)
        yield ours, theirs


def there(endpoint: Endpoint) -> str:
    """Where an endpoint is."""
    return f"127.0.0.1:{endpoint.port}"


def until(endpoint: Endpoint, assoc_id: int, state: AssocChangeState) -> None:
    """Read on until an association has come to a state."""
    for item in endpoint.events():
        if isinstance(item, AssocChange) and (item.assoc_id, item.state) == (assoc_id, state):
            return


# -- one association


def test_both_ends_of_an_association(ends):
    """Each end has the other's addresses, and a message tells all but the sender's context (RFC 6458 section 5.3.5)."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    found.send(b"request", stream=3, ppid=0x11223344, context=0x55667788)
    message = theirs.recv()
    other = theirs.association(message)
    for one, two in ((found, other), (other, found)):
        assert [str(a) for a in one.local_addresses] == [str(a) for a in two.peer_addresses]
    assert {a.port for a in found.peer_addresses} == {theirs.port}
    assert (message.data, message.stream, message.ppid, message.context) == (b"request", 3, 0x11223344, 0)
    assert message.assoc_id == other.id
    assert message.complete


def test_what_was_peeled_off_is_a_connections_own(ends):
    """A peeled-off association is no longer the endpoint's, outlives it, and is close-on-exec (RFC 6458 9.2)."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    found.send(b"before")
    number = theirs.recv().assoc_id
    with theirs.peeloff(number) as connection:
        assert fcntl.fcntl(connection.fileno(), fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        for call in (
            lambda: theirs.send(b"stale", to=number),
            lambda: theirs.association(number),
            lambda: theirs.peeloff(number),
        ):
            with pytest.raises(NoSuchAssociation):
                call()
        found.send(b"after")
        assert connection.recv(timeout=LIMIT).data == b"after"
        theirs.close(timeout=LIMIT)
        found.send(b"without it")
        assert connection.recv(timeout=LIMIT).data == b"without it"
        connection.send(b"and back")
        assert ours.recv().data == b"and back"
        connection.close(timeout=LIMIT)
    until(ours, found.id, AssocChangeState.SHUTDOWN_COMP)


@pytest.mark.parametrize("data", [b"", bytearray(), memoryview(b"")], ids=["bytes", "bytearray", "memoryview"])
def test_empty_messages(ends, data):
    """An empty message is refused with whatever goes along, and nothing is queued of it (RFC 9260 3.3.10.9)."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    for more in ({}, {"prinfo": PrInfo(PrPolicy.TTL, 1000)}, {"stream": 3, "ppid": 46}, {"unordered": True}):
        with pytest.raises(ArgumentError) as caught:
            found.send(data, **more)
        assert caught.value.argument == "data"
    found.send(b"not empty")
    assert theirs.recv().data == b"not empty"


def test_connecting_twice(ends):
    """A second connect to a peer is no new association, and tells so, however often (RFC 6458 section 3.1.6)."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    for _ in range(3):
        with pytest.raises(AlreadyConnected):
            ours.connect(there(theirs))
    assert ours.associations() == [found]


def test_pieces_and_a_handler(backend):
    """Each piece tells stream, PPID and association; the handler hears of it once, and may send (RFC 6458 3.1.5)."""
    heard: List[int] = []

    def handle(event) -> None:
        if isinstance(event, AssocChange) and event.state is AssocChangeState.COMM_UP:
            heard.append(event.assoc_id)
            theirs.send(b"welcome", to=event.assoc_id)

    with (
        Endpoint(HERE, backend=backend) as ours,
        Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE]) as theirs,
    ):
        theirs.on_notification = handle
        found = ours.connect(there(theirs), timeout=LIMIT)
        found.send(b"fragment" * 41, stream=5, ppid=0xAABBCCDD)
        pieces = [theirs.recv_partial(31, timeout=LIMIT)]
        while not pieces[-1].complete:
            pieces.append(theirs.recv_partial(31, timeout=LIMIT))
        assert len(pieces) == 11
        assert b"".join(piece.data for piece in pieces) == b"fragment" * 41
        assert {(piece.stream, piece.ppid, piece.assoc_id) for piece in pieces} == {(5, 0xAABBCCDD, heard[0])}
        assert len(heard) == 1 and not theirs.notifications
        assert ours.recv(timeout=LIMIT).data == b"welcome"


def test_a_byte_of_room(backend):
    """A notification is whole, however little room there is for messages (RFC 6458 section 6.1)."""
    with (
        Endpoint(HERE, backend=backend) as ours,
        Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE]) as theirs,
    ):
        ours.connect(there(theirs), timeout=LIMIT).send(b"x")
        message = theirs.recv_partial(1, timeout=LIMIT)
        assert (message.data, message.complete) == (b"x", True)
        (event,) = theirs.notifications
        assert (event.state, event.assoc_id) == (AssocChangeState.COMM_UP, message.assoc_id)
        assert event.out_streams == 10


# -- several associations


def test_several_associations(ends, backend):
    """Threads send to two peers by one endpoint: each gets its own, with its stream and PPID (RFC 6458 3.1.4)."""
    ours, theirs = ends
    with Endpoint(HERE, backend=backend) as third:
        peers = (theirs, third)
        found = [ours.connect(there(peer)) for peer in peers]
        assert len({each.id for each in found}) == 2
        assert set(ours.associations()) == set(found)
        senders = [
            Worker(lambda n=number, a=each: [a.send(b"%d" % n, stream=n + 1, ppid=0x100 + n) for _ in range(20)])
            for number, each in enumerate(found)
        ]
        for sender in senders:
            sender.join()
        for number, peer in enumerate(peers):
            messages = [peer.recv(timeout=LIMIT) for _ in range(20)]
            assert {(m.data, m.stream, m.ppid) for m in messages} == {(b"%d" % number, number + 1, 0x100 + number)}
            assert [each.id for each in peer.associations()] == [messages[0].assoc_id]


def test_the_list_of_associations_is_the_callers(ends):
    """The list of associations, and of addresses, is a new one each time: changing it changes nothing."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    ours.associations().clear()
    found.peer_addresses.clear()
    assert ours.associations() == [found]
    assert len(found.peer_addresses) >= 1


def test_more_associations_than_fit_a_small_list(backend):
    """However many associations there are, each is listed once, at both ends (RFC 6458 section 8.2.6)."""
    with Endpoint(HERE, backend=backend) as hub:
        peers = [Endpoint(HERE, backend=backend) for _ in range(20)]
        try:
            ids = [hub.connect(there(peer), timeout=LIMIT).id for peer in peers]
            assert sorted(each.id for each in hub.associations()) == sorted(ids)
            assert len(set(hub.send_all(b"everybody"))) == 20
            for peer in peers:
                assert peer.recv(timeout=LIMIT).data == b"everybody"
                assert len(peer.associations()) == 1
        finally:
            for peer in peers:
                peer.close()


def test_the_end_of_one_leaves_the_others(ends, backend):
    """One ends by SHUTDOWN, one by ABORT with its cause; each peer hears so, and the list empties (RFC 6458 3.1.5)."""
    ours, theirs = ends
    with Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE]) as third:
        third.settimeout(LIMIT)
        first, second = ours.connect(there(theirs)), ours.connect(there(third))
        number, other = theirs.association(there(ours)).id, third.association(there(ours)).id
        first.shutdown()
        until(ours, first.id, AssocChangeState.SHUTDOWN_COMP)
        until(theirs, number, AssocChangeState.SHUTDOWN_COMP)
        second.send(b"still open")
        assert third.recv().data == b"still open"
        second.abort(b"\xde\xad\xbe\xef\x01")
        for item in third.events():
            if isinstance(item, AssocChange) and item.state is AssocChangeState.COMM_LOST:
                assert item.assoc_id == other
                assert [cause.data for cause in item.causes] == [b"\xde\xad\xbe\xef\x01"]
                break
        assert ours.associations() == third.associations() == []
        with pytest.raises(NoSuchAssociation):
            second.status()


def test_close_ends_all_gracefully(ends, backend):
    """close with a time-out is prompt where peers answer, and each of them hears SHUTDOWN_COMP (RFC 9260 9.2)."""
    ours, theirs = ends
    with Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE]) as third:
        third.settimeout(LIMIT)
        for peer in (theirs, third):
            ours.connect(there(peer))
        ids = [peer.association(there(ours)).id for peer in (theirs, third)]
        start = time.monotonic()
        ours.close(timeout=LIMIT)
        assert time.monotonic() - start < LIMIT / 3
        for peer, number in zip((theirs, third), ids):
            until(peer, number, AssocChangeState.SHUTDOWN_COMP)


# -- what is refused


@pytest.mark.parametrize("number", [0, 1, 2, 999_999_999, 0xFFFFFFFF])
@pytest.mark.parametrize("connected", [False, True])
def test_reserved_and_unknown_ids(ends, connected, number):
    """Ids that stand for all, or for nobody, name no association, connected or not (RFC 6458 section 7.1)."""
    ours, theirs = ends
    if connected:
        ours.connect(there(theirs)).send(b"x")
    for call in (
        lambda: ours.send(b"x", to=number),
        lambda: ours.peeloff(number),
        lambda: ours.association(number),
        lambda: ours.socket.shutdown(assoc_id=number),
        lambda: ours.socket.abort(b"", number),
    ):
        with pytest.raises((NoSuchAssociation, ArgumentError)):
            call()
    if connected:
        assert theirs.recv().data == b"x"
        assert len(ours.associations()) == 1


def test_an_ipv6_peer_of_an_ipv4_endpoint(backend):
    """An endpoint that is bound to an IPv4 address has no way to an IPv6 peer, and says so."""
    with Endpoint(HERE, backend=backend) as endpoint:
        for call in (lambda: endpoint.connect("[::1]:9", timeout=LIMIT), lambda: endpoint.send(b"x", to="[::1]:9")):
            with pytest.raises(ArgumentError) as caught:
                call()
            assert "[::1]:9" in str(caught.value)


def test_time_outs(ends):
    """settimeout holds for recv, send and connect alike; cleared, the endpoint works as before."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    ours.settimeout(0.05)
    with pytest.raises(WaitTimeout):
        ours.recv()
    with pytest.raises(WaitTimeout):
        while True:
            found.send(b"x" * 10_000)
    ours.settimeout(0)
    with pytest.raises(WouldBlock):
        ours.recv()
    with pytest.raises(WouldBlock):
        while True:
            found.send(b"x" * 10_000)
    ours.settimeout(None)
    reader = Worker(lambda: next(message for message in theirs if message.data == b"last"))
    found.send(b"last")
    reader.join()


@pytest.mark.parametrize("name", ["recv", "recv_partial", "events", "send", "connect"])
def test_close_wakes(ends, name):
    """Closing from another thread wakes each call that waits, with ClosedError; events ends."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    if name == "send":
        with pytest.raises(WaitTimeout):
            while True:
                found.send(b"x" * 10_000, timeout=0.3)

    def wait() -> object:
        if name == "events":
            return [item for item in ours.events() if isinstance(item, Message)]
        calls = {"send": lambda: found.send(b"x" * 10_000), "connect": lambda: ours.connect("127.0.0.1:9")}
        while True:
            try:
                calls.get(name, getattr(ours, name, None))()
            except ConnectionRefused:
                continue
            except ClosedError as exc:
                return exc

    waiter = Worker(wait)
    ours.close()
    got = waiter.join()
    assert got == [] if name == "events" else isinstance(got, ClosedError)


def test_every_call_on_a_closed_endpoint(ends):
    """Whatever is asked of a closed endpoint, or of an association of it, is ClosedError."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    ours.close()
    for call in (
        lambda: ours.settimeout(1),
        lambda: ours.bind_add("::1"),
        lambda: ours.bind_remove("127.0.0.1"),
        lambda: ours.addresses,
        lambda: ours.port,
        lambda: ours.opts.autoclose_s,
        lambda: ours.opts.set("autoclose_s", 1),
        lambda: ours.recv_partial(timeout=0),
        lambda: ours.subscribe(Event.ASSOC_CHANGE),
        lambda: ours.unsubscribe(Event.ASSOC_CHANGE),
        lambda: ours.peeloff(found),
        lambda: ours.fileno(),
        lambda: found.abort(),
        lambda: found.paths(),
        lambda: found.local_addresses,
        lambda: found.peer_addresses,
        lambda: found.primary_address,
        lambda: found.set_primary("127.0.0.1"),
        lambda: found.heartbeat(),
        lambda: found.snapshot(),
        lambda: found.opts.rto_info,
        lambda: found.subscribe(Event.SENDER_DRY_EVENT),
        lambda: found.peeloff(),
        lambda: found.reset_streams(),
        lambda: found.add_streams(outgoing=1),
        lambda: found.request_primary("127.0.0.1"),
    ):
        with pytest.raises(ClosedError):
            call()


# -- the socket


def test_a_fresh_endpoint(backend):
    """A fresh endpoint has no association; AUTOCLOSE is off, goes on and off (RFC 6458 section 8.1.8)."""
    with Endpoint(HERE, backend=backend) as endpoint:
        assert endpoint.associations() == []
        assert endpoint.send_all(b"x") == ()
        for seconds in (0, 2, 0):
            endpoint.opts.autoclose_s = seconds
            assert endpoint.opts.autoclose_s == seconds
        assert fcntl.fcntl(endpoint.fileno(), fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_addresses_come_and_go(backend, free_port):
    """Addresses are added and removed with the port that there is; peers reach the endpoint by them (RFC 6458 9.1)."""
    with Endpoint(f"[::1]:{free_port}", backend=backend) as endpoint, Endpoint(HERE, backend=backend) as peer:
        port = endpoint.port
        endpoint.bind_add("127.0.0.1")
        assert {str(address) for address in endpoint.addresses} == {f"[::1]:{port}", f"127.0.0.1:{port}"}
        peer.connect(f"127.0.0.1:{port}", timeout=LIMIT).send(b"by the added one")
        message = endpoint.recv(timeout=LIMIT)
        assert message.data == b"by the added one"
        with endpoint.peeloff(message.assoc_id):
            pass
        endpoint.bind_remove("127.0.0.1")
        assert {str(address) for address in endpoint.addresses} == {f"[::1]:{port}"}


def test_events_that_it_needs_itself(ends):
    """What the endpoint hears for itself is not lost when its user unsubscribes: ends are known all the same."""
    ours, theirs = ends
    ours.unsubscribe(Event.ASSOC_CHANGE)
    found = ours.connect(there(theirs))
    with theirs.peeloff(theirs.association(there(ours))) as connection:
        connection.send(b"last")
        connection.close(timeout=LIMIT)
    assert ours.recv().data == b"last"
    end = time.monotonic() + LIMIT
    while not found.ended:
        assert time.monotonic() < end, "nobody heard of the end"
        with pytest.raises(WaitTimeout):
            ours.recv(timeout=0.05)
    with pytest.raises((NoSuchAssociation, EndOfAssociation)):
        found.send(b"too late")
