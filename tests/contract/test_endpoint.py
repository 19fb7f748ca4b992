"""Endpoint: associations as objects over a one-to-many socket (RFC 6458 section 3)."""

from __future__ import annotations

import threading

import pytest

import sctpffi
from sctpffi import (
    AlreadyConnected,
    ArgumentError,
    ArgumentTypeError,
    AssocChange,
    AssocChangeState,
    AssociationAborted,
    AssocState,
    ClosedError,
    Config,
    ConnectionRefused,
    EndOfAssociation,
    Endpoint,
    Event,
    InitParams,
    Message,
    NoSuchAssociation,
    ReceiveLimitExceeded,
    Socket,
    Style,
    WaitTimeout,
    WouldBlock,
    WrongStyle,
    errors,
)
from sctpffi._wait import Deadline
from sctpffi.testing import LIMIT, Worker

HERE = "127.0.0.1:0"


@pytest.fixture
def ends(backend):
    """Two endpoints that subscribed to ASSOC_CHANGE."""
    with (
        Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE]) as ours,
        Endpoint(HERE, backend=backend, events=[Event.ASSOC_CHANGE]) as theirs,
    ):
        ours.settimeout(LIMIT)
        theirs.settimeout(LIMIT)
        yield ours, theirs


def there(endpoint: Endpoint) -> str:
    """Where an endpoint is."""
    return f"127.0.0.1:{endpoint.port}"


def gone(endpoint: Endpoint) -> None:
    """Read on until an endpoint has no association left."""
    items = endpoint.events(timeout=LIMIT)
    while endpoint.associations():
        next(items)


def test_connect_gives_an_association(ends):
    """connect returns once the association is up; both ends have it as an object, found by id, message and address."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    assert found.status().state is AssocState.ESTABLISHED
    assert ours.associations() == [found]
    assert ours.association(found.id) is found
    assert ours.association(there(theirs)) is found
    assert found.peer_addresses[0].port == theirs.port
    found.send(b"hello", stream=2, ppid=46)
    message = theirs.recv()
    assert (message.data, message.stream, message.ppid) == (b"hello", 2, 46)
    back = theirs.association(message)
    back.send(b"and back")
    assert ours.recv().data == b"and back"
    assert not found.ended and not back.ended


def test_the_first_send_sets_it_up(ends):
    """send to an address without an association sets one up (RFC 6458 section 3.1.4)."""
    ours, theirs = ends
    ours.send(b"first", to=there(theirs))
    message = theirs.recv()
    theirs.send(b"reply", to=message.assoc_id)
    reply = ours.recv()
    assert [each.id for each in ours.associations()] == [reply.assoc_id]


def test_a_refused_connect(ends, backend):
    """connect to a port where nobody listens raises ConnectionRefused and leaves no association."""
    ours, _ = ends
    with Socket(4, backend=backend) as probe:
        probe.bind(HERE)
        port = probe.getsockname()[1]
    with pytest.raises(ConnectionRefused) as caught:
        ours.connect(f"127.0.0.1:{port}")
    assert caught.value.remote == f"127.0.0.1:{port}"
    assert ours.associations() == []


def test_connect_twice(ends):
    """connect to a peer that there is an association with raises AlreadyConnected; it stays as it was."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    with pytest.raises(AlreadyConnected):
        ours.connect(there(theirs))
    found.send(b"still up")
    assert theirs.recv().data == b"still up"


def test_an_endpoint_that_takes_nobody(backend):
    """backlog=0: peers are refused, own associations work."""
    with Endpoint(HERE, backend=backend, backlog=0) as ours, Endpoint(HERE, backend=backend) as theirs:
        with pytest.raises(ConnectionRefused):
            theirs.connect(there(ours), timeout=LIMIT)
        ours.connect(there(theirs), timeout=LIMIT).send(b"x")
        assert theirs.recv(timeout=LIMIT).data == b"x"


def test_messages_that_come_while_connecting(ends, backend):
    """What others send while connect waits is delivered afterwards, in order."""
    ours, theirs = ends
    with Endpoint(HERE, backend=backend) as third:
        third.connect(there(ours), timeout=LIMIT)
        for number in range(20):
            third.association(there(ours)).send(b"%d" % number)
        ours.connect(there(theirs))
        assert [ours.recv().data for _ in range(20)] == [b"%d" % number for number in range(20)]


def test_connect_while_another_thread_receives(ends):
    """connect in one thread works while another is in recv, which gets the message that is for it."""
    ours, theirs = ends
    reader = Worker(lambda: ours.recv(timeout=LIMIT))
    found = ours.connect(there(theirs))
    found.send(b"ask")
    theirs.send(b"answer", to=theirs.recv().assoc_id)
    assert reader.join().data == b"answer"


def test_connect_while_another_thread_receives_messages_only(backend):
    """The same where nobody subscribed to ASSOC_CHANGE: the reader hears it without ever coming back."""
    with Endpoint(HERE, backend=backend) as ours, Endpoint(HERE, backend=backend) as theirs:
        reader = Worker(lambda: ours.recv(timeout=LIMIT))
        found = ours.connect(there(theirs), timeout=LIMIT)
        theirs.send(b"x", to=there(ours))
        assert reader.join().data == b"x"
        found.abort()


def test_who_waits_reads_on_when_the_reader_leaves(ends):
    """A thread that waits for an end while another receives goes on reading when that one has its message."""
    ours, theirs = ends
    for _ in range(20):
        found = ours.connect(there(theirs))
        found.send(b"x")
        message = theirs.recv()
        reader = Worker(lambda: ours.recv(timeout=LIMIT))
        waiter = Worker(ours.socket._inbox.until, lambda found=found: found.ended, Deadline(LIMIT), "test")
        theirs.send(b"for the reader", to=message.assoc_id)
        assert reader.join().data == b"for the reader"
        theirs.association(message).shutdown()
        waiter.join()
        gone(theirs)


def test_a_reader_gets_its_turn_while_connect_waits(backend, unanswered):
    """What connect reads for others is theirs at once, however long it goes on waiting for a peer that says nothing."""
    with (
        Endpoint(HERE, backend=backend, config=unanswered.config) as ours,
        Endpoint(HERE, backend=backend) as third,
    ):
        third.connect(there(ours), timeout=LIMIT)
        connecting = Worker(_caught, lambda: ours.connect(unanswered.address, timeout=LIMIT))
        for number in range(50):
            reader = Worker(lambda: ours.recv(timeout=LIMIT).data)
            third.send_all(b"%d" % number)
            assert reader.join(LIMIT / 2) == b"%d" % number
        assert connecting.alive()
        ours.close()
        assert isinstance(connecting.join(), ClosedError)


def _caught(call):
    try:
        return call()
    except errors.Error as exc:
        return exc


def test_several_threads_connect(ends, backend):
    """Threads connect to several peers side by side, while one receives."""
    ours, _ = ends
    peers = [Endpoint(HERE, backend=backend) for _ in range(6)]
    reader = Worker(lambda: [ours.recv(timeout=LIMIT).data for _ in range(6)])
    workers = [Worker(lambda peer=peer: ours.connect(there(peer), timeout=LIMIT)) for peer in peers]
    found = [worker.join() for worker in workers]
    assert len({each.id for each in found}) == 6
    for number, peer in enumerate(peers):
        peer.send(b"%d" % number, to=there(ours))
    assert sorted(reader.join()) == [b"%d" % number for number in range(6)]
    for peer in peers:
        peer.close()


def test_shutdown_of_one(ends, backend):
    """An association's shutdown ends it alone; both ends hear, and its object says so (RFC 6458 section 3.1.5)."""
    ours, theirs = ends
    with Endpoint(HERE, backend=backend) as third:
        kept = ours.connect(there(third))
        found = ours.connect(there(theirs))
        found.shutdown()
        gone(theirs)
        items = ours.events()
        while not found.ended:
            next(items)
        assert ours.associations() == [kept]
        with pytest.raises(NoSuchAssociation):
            found.send(b"too late")
        kept.send(b"x")
        assert third.recv(timeout=LIMIT).data == b"x"


def test_abort_of_one(ends):
    """An association's abort takes its reason to the peer, whose object tells the loss (RFC 9260 section 9.1)."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    found.send(b"x")
    other = theirs.association(theirs.recv())
    found.abort(b"because")
    for item in theirs.events():
        if isinstance(item, AssocChange) and item.state is AssocChangeState.COMM_LOST:
            assert "because" in item.text
            break
    assert other.ended
    with pytest.raises(AssociationAborted):
        other.send(b"too late")


def test_send_all(ends, backend):
    """send_all sends to every association and returns their ids."""
    ours, theirs = ends
    with Endpoint(HERE, backend=backend) as third:
        ids = {ours.connect(there(peer)).id for peer in (theirs, third)}
        assert set(ours.send_all(b"everybody", stream=1, ppid=3)) == ids
        for peer in (theirs, third):
            message = peer.recv(timeout=LIMIT)
            assert (message.data, message.stream, message.ppid) == (b"everybody", 1, 3)
    assert ours.send_all(b"x") is not None


def test_send_all_to_nobody(ends):
    """send_all without associations sends nothing."""
    assert ends[0].send_all(b"x") == ()


def test_send_all_that_times_out(ends, backend):
    """send_all raises WaitTimeout if a peer does not read, with the ids of those that got it."""
    ours, theirs = ends
    ours.connect(there(theirs))
    with pytest.raises(WaitTimeout) as caught:
        while True:
            ours.send_all(b"x" * 10_000, timeout=0.1)
    assert caught.value.sent == ()


def test_peeloff(ends):
    """peeloff gives an association a Connection; what was queued moves along (RFC 6458 section 9.2)."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    found.send(b"one")
    found.send(b"two")
    first = theirs.recv()
    with theirs.peeloff(first.assoc_id) as conn:
        assert conn.recv(timeout=LIMIT).data == b"two"
        conn.send(b"from the connection")
        assert ours.recv().data == b"from the connection"
        assert theirs.associations() == []
        found.shutdown()
        with pytest.raises(EndOfAssociation):
            conn.recv(timeout=LIMIT)


def test_peeloff_takes_along_what_was_read_early(ends, backend):
    """Messages that were read while connect waited go with the association that is peeled off."""
    ours, theirs = ends
    with Endpoint(HERE, backend=backend) as third:
        third.connect(there(ours), timeout=LIMIT)
        third.send_all(b"early")
        assert ours.socket.wait_readable(LIMIT)
        ours.connect(there(theirs))
        number = ours.association(there(third)).id
        with ours.association(number).peeloff() as conn:
            with pytest.raises(WouldBlock):
                ours.recv(timeout=0)
            assert conn.recv(timeout=LIMIT).data == b"early"


def test_closing_wakes_who_waits(ends):
    """Closing ends recv, iteration and connect that wait in other threads."""
    ours, _ = ends

    def caught() -> object:
        try:
            return ours.recv(timeout=LIMIT)
        except errors.Error as exc:
            return exc

    workers = [Worker(caught), Worker(lambda: list(ours))]
    ours.close()
    assert isinstance(workers[0].join(), ClosedError)
    assert workers[1].join() == []


def test_close_waits_for_the_peers(ends, backend):
    """close(timeout=) shuts everything down and returns when every peer has what was sent (RFC 9260 section 9.2)."""
    ours, theirs = ends
    with Endpoint(HERE, backend=backend) as third:
        for peer in (theirs, third):
            found = ours.connect(there(peer))
            for number in range(10):
                found.send(b"%d" % number * 1000)
        readers = [
            Worker(lambda peer=peer: [peer.recv(timeout=LIMIT).data[:1] for _ in range(10)]) for peer in (theirs, third)
        ]
        ours.close(timeout=LIMIT)
        assert [reader.join() for reader in readers] == [[b"%d" % n for n in range(10)]] * 2
        gone(theirs)


def test_close_aborts_when_the_time_is_up(ends):
    """close(timeout=) with a peer that does not read raises WaitTimeout; the association is aborted."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    with pytest.raises(WaitTimeout):
        while True:
            found.send(b"x" * 10_000, timeout=0.1)
    with pytest.raises(WaitTimeout):
        ours.close(timeout=0.2)
    assert ours.closed
    states = []
    for item in theirs.events():
        if isinstance(item, AssocChange):
            states.append(item.state)
            if item.state is AssocChangeState.COMM_LOST:
                break
    assert states == [AssocChangeState.COMM_UP, AssocChangeState.COMM_LOST]


def test_iterating(ends):
    """Iterating gives messages of all associations until another thread closes it."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    for number in range(5):
        found.send(b"%d" % number)
    seen = []
    for message in theirs:
        assert isinstance(message, Message)
        seen.append(message.data)
        if len(seen) == 5:
            theirs.close()
    assert seen == [b"%d" % number for number in range(5)]


def test_the_limit_of_a_message(ends):
    """A message over max_message_bytes is told, the next one is intact."""
    ours, theirs = ends
    theirs.socket.max_message_bytes = 100_000
    found = ours.connect(there(theirs))
    found.send(b"x" * 100_001, timeout=LIMIT)
    found.send(b"next")
    with pytest.raises(ReceiveLimitExceeded):
        theirs.recv()
    assert theirs.recv().data == b"next"


def test_configuration(backend):
    """config= and init= are in force for associations that the endpoint makes and takes (RFC 6458 section 8.1.3)."""
    config = Config(init=InitParams(out_streams=7, in_streams=9), max_message_bytes=5, adaptation=77)
    wanted = {"backend": backend, "config": config, "events": [Event.ADAPTATION_INDICATION]}
    with Endpoint(HERE, **wanted) as ours, Endpoint(HERE, **wanted) as theirs:
        found = ours.connect(there(theirs), timeout=LIMIT)
        assert (found.status().out_streams, found.status().in_streams) == (7, 7)
        assert next(theirs.events(timeout=LIMIT)).indication == 77
        found.send(b"123456")
        with pytest.raises(ReceiveLimitExceeded):
            theirs.recv(timeout=LIMIT)


def test_around_a_socket(backend):
    """An Endpoint can be made around a one-to-many Socket, not around another."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as sock, Endpoint(sock) as endpoint:
        assert endpoint.socket is sock
    with Socket(4, backend=backend) as sock, pytest.raises(WrongStyle):
        Endpoint(sock)
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as sock, pytest.raises(WrongStyle):
        sctpffi.Connection(sock)


@pytest.mark.parametrize(
    ("to", "error"),
    [
        (0, NoSuchAssociation),
        (2, NoSuchAssociation),
        (77777, NoSuchAssociation),
        (-1, ArgumentError),
        (None, ArgumentError),
        (True, ArgumentTypeError),
        (3.5, ArgumentTypeError),
        ("nonsense", ArgumentError),
        (b"127.0.0.1:5", ArgumentTypeError),
    ],
)
def test_bad_destinations(ends, to, error):
    """What names no association, or nothing at all, is refused by name."""
    with pytest.raises(error):
        ends[0].send(b"x", to=to)


def test_an_association_of_another_endpoint(ends):
    """An association of another endpoint is refused; an id of nobody is NoSuchAssociation."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    with pytest.raises(ArgumentError, match="another endpoint"):
        theirs.send(b"x", to=found)
    with pytest.raises(ArgumentError, match="another endpoint"):
        theirs.peeloff(found)
    for nobody in (0, 1, 77777, "127.0.0.1:9"):
        with pytest.raises(NoSuchAssociation):
            ours.association(nobody)


def test_closed(ends):
    """Everything of a closed endpoint raises ClosedError."""
    ours, theirs = ends
    found = ours.connect(there(theirs))
    ours.close()
    ours.close(timeout=LIMIT)
    for call in (
        ours.recv,
        ours.associations,
        lambda: ours.send(b"x", to=there(theirs)),
        lambda: found.send(b"x"),
        lambda: ours.connect(there(theirs)),
        found.shutdown,
        found.status,
        lambda: ours.association(found.id),
        lambda: ours.send_all(b"x"),
    ):
        with pytest.raises(ClosedError):
            call()


def test_each_end_is_heard_by_whoever_reads(ends):
    """Objects learn of the end from any reader's thread, without a race: many come and go while others send."""
    ours, theirs = ends
    stop = threading.Event()

    def drain() -> None:
        while not stop.is_set():
            try:
                theirs.recv(timeout=0.05)
            except WaitTimeout:
                pass

    reader = Worker(drain)
    try:
        for _ in range(30):
            found = ours.connect(there(theirs))
            found.send(b"x")
            found.abort(b"next")
            items = ours.events()
            while not found.ended:
                next(items)
    finally:
        stop.set()
        reader.join()
    gone(theirs)
