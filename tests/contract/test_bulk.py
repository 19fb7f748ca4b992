"""recv_many: batches of messages and notifications, in their order, with what each says, up to the end.

Views are in test_bulk_views.py, threads and signals in test_bulk_threads.py; made-up batches in any order are in
tests/unit/test_inbox_many.py.
"""

from __future__ import annotations

import selectors
import time

import pytest

import sctpffi
from sctpffi import (
    AssociationAborted,
    ClosedError,
    DelayedSack,
    EndOfAssociation,
    Event,
    Message,
    NotConnected,
    ReceiveLimitExceeded,
    RtoInfo,
    Socket,
    WaitTimeout,
    WouldBlock,
    errors,
)
from sctpffi.bulk import Arena, Outgoing
from sctpffi.notifications import AssocChange, ShutdownEvent
from sctpffi.testing import LIMIT, Worker, delivered, pair


@pytest.fixture
def linked(prompt):
    """What was sent is acknowledged at once, not after 200 ms: most tests here wait until all has arrived."""
    return prompt


def queue(sender, *messages, **how):
    """Have the peer of a socket get these messages, so that all of them lie there."""
    assert sender.send_many(messages, **how) == len(messages)
    delivered(sender)


def data_of(items):
    """What the messages of a batch are."""
    return [bytes(item.data) for item in items]


def read(sock, total, count=64, **how):
    """Batches until there are so many messages."""
    found = []
    while len(found) < total:
        found += sock.recv_many(count, **how)
    return found


def numbers(total):
    """Messages that are told apart."""
    return [b"%d" % number for number in range(total)]


# -- batches


def test_a_batch(linked):
    """One call gives all messages that are there, in their order, as bytes."""
    queue(linked.client, *numbers(20))
    found = linked.server.recv_many()
    assert data_of(found) == numbers(20)
    assert all(type(message.data) is bytes and message.complete for message in found)


def test_each_has_its_own_rcvinfo(linked):
    """Each message has its own stream, ssn, PPID, order, TSN, association and address (RFC 6458 section 5.3.5)."""
    said = [(1, 46, False), (2, 47, True), (1, 0xFFFFFFFF, False), (0, 0, True)]
    queue(linked.client, *[Outgoing(b"x", stream, ppid, unordered) for stream, ppid, unordered in said])
    found = sorted(linked.server.recv_many(), key=lambda m: m.tsn)  # the sender's scheduler chooses between streams
    assert sorted((m.stream, m.ppid, m.unordered) for m in found) == sorted(said)
    assert [(m.ssn, m.ppid) for m in found if not m.unordered] == [(0, 46), (1, 0xFFFFFFFF)]
    assert len({m.tsn for m in found}) == 4
    assert {m.address for m in found} == {linked.peer}
    assert {m.assoc_id for m in found} == {linked.server.status().assoc_id}


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 100, 1000, 65536])
def test_count(linked, count):
    """A call gives count messages at most, and the next call what comes after them."""
    queue(linked.client, *numbers(100))
    first = linked.server.recv_many(count)
    assert len(first) == min(count, 100)
    rest = read(linked.server, 100 - len(first), count)
    assert data_of(first + rest) == numbers(100)


def test_the_usual_count(linked):
    """Without a count it is 64."""
    queue(linked.client, *numbers(70))
    assert [len(linked.server.recv_many()) for _ in range(2)] == [64, 6]


@pytest.mark.parametrize("wrong", [0, -1, 65537, 2**40])
def test_counts_that_are_none(linked, wrong):
    """A count outside of 1..65536 is refused by name, and nothing is read."""
    linked.client.send(b"x")
    with pytest.raises(errors.ArgumentError, match="count"):
        linked.server.recv_many(wrong)
    assert linked.server.recv().data == b"x"


@pytest.mark.parametrize("wrong", [None, 1.0, True, "1", b"1"])
def test_counts_of_another_type(linked, wrong):
    """A count that is no int is refused by name."""
    with pytest.raises(errors.ArgumentTypeError, match="count"):
        linked.server.recv_many(wrong)


def test_more_than_there_is_room_for(linked):
    """Of more messages than the memory has room for each call gives some, and all of them come."""
    given = [b"%06d" % number + bytes(1000) for number in range(100)]
    queue(linked.client, *given)
    found, arena = [], Arena(65536)
    while len(found) < 100:
        batch = data_of(linked.server.recv_many(65536, arena=arena))
        assert 0 < len(batch) < 66  # 65536 bytes are not more
        found += batch
    assert found == given


def test_a_hundred_thousand_messages(backend):
    """100,000 messages, more than 1 MiB together, come once each and in order (nothing is lost or sent twice)."""
    total = 100_000
    # Linux waits 200 ms with a SACK for every few hundred, and discards packets that come while somebody reads.
    options = {"delayed_sack": DelayedSack(frequency=1), "rto_info": RtoInfo(100, 200, 50), "nodelay": True}
    with pair(backend, send_buffer_bytes=100_000, receive_buffer_bytes=400_000, **options) as both:
        sender = Worker(both.client.send_many, [b"%012d" % number for number in range(total)])
        found = read(both.server, total, 1000)
        assert sender.join() == total
    assert [int(message.data) for message in found] == list(range(total))


# -- waiting


def test_it_waits_for_the_first(linked):
    """Without a message it waits until one comes, and does not wait for a second."""
    reader = Worker(linked.server.recv_many, 10)
    linked.client.send(b"first")
    assert data_of(reader.join()) == [b"first"]


def test_times(linked):
    """It waits as long as it is told to, or by the socket's own time-out; 0 does not wait."""
    with pytest.raises(WouldBlock):
        linked.server.recv_many(timeout=0)
    begun = time.monotonic()
    with pytest.raises(WaitTimeout) as caught:
        linked.server.recv_many(timeout=0.1)
    assert time.monotonic() - begun >= 0.1
    assert caught.value.op == "recv_many"
    linked.server.settimeout(0.05)
    with pytest.raises(WaitTimeout):
        linked.server.recv_many()
    linked.client.send(b"x")
    assert linked.server.wait_readable(LIMIT)
    assert data_of(linked.server.recv_many(timeout=0)) == [b"x"]


@pytest.mark.parametrize("wrong", [-1, "1", True, float("nan")])
def test_a_wrong_timeout(linked, wrong):
    """The time-out goes by name, and is checked."""
    with pytest.raises((errors.ArgumentError, errors.ArgumentTypeError), match="timeout"):
        linked.server.recv_many(timeout=wrong)


@pytest.mark.parametrize("count", [3, 4])
def test_selectors(linked, count):
    """The descriptor is readable while messages lie there, and no longer when a batch has taken the last one."""
    with selectors.DefaultSelector() as selector:
        selector.register(linked.server.fileno(), selectors.EVENT_READ)
        queue(linked.client, *numbers(6))
        assert selector.select(LIMIT)
        assert data_of(linked.server.recv_many(3)) == numbers(6)[:3]
        assert selector.select(0)
        assert data_of(linked.server.recv_many(count)) == numbers(6)[3:]
        end = time.monotonic() + LIMIT
        while selector.select(0):  # a mark may stay for a moment on usrsctp
            assert time.monotonic() < end


def test_without_an_association(backend):
    """A socket that has no association has nothing to read (ENOTCONN), and a closed one is closed."""
    with Socket(backend=backend) as sock:
        with pytest.raises(NotConnected):
            sock.recv_many()
        sock.close()
        with pytest.raises(ClosedError):
            sock.recv_many()


# -- with other calls


def test_mixed_with_other_reads(linked):
    """recv, recv_many, recv_into, recv_partial and peek read one queue in its order."""
    queue(linked.client, *numbers(10))
    server = linked.server
    assert server.recv().data == b"0"
    assert data_of(server.recv_many(2)) == [b"1", b"2"]
    assert server.peek().data == b"3"
    assert data_of(server.recv_many(1)) == [b"3"]
    assert server.recv_into(bytearray(9)).data == b"4"
    assert data_of(server.recv_many(3)) == [b"5", b"6", b"7"]
    assert server.recv_partial().data == b"8"
    assert data_of(server.recv_many()) == [b"9"]


def test_after_a_piece(linked):
    """After a piece of a message by recv_partial the rest of it is the batch's first (RFC 6458 section 3.1.4)."""
    queue(linked.client, b"half and half", b"next")
    piece = linked.server.recv_partial(5)
    assert (piece.data, piece.complete) == (b"half ", False)
    assert data_of(linked.server.recv_many()) == [b"and half", b"next"]


def test_what_was_read_before_comes_first(backend):
    """What a recv that ran out of time has of a long message is not lost to a batch (RFC 6458 section 3.1.4)."""
    data = bytes(range(256)) * 600
    with pair(backend, receive_buffer_bytes=20_000, send_buffer_bytes=400_000, nodelay=True) as both:
        sender = Worker(both.client.send, data)
        end = time.monotonic() + LIMIT
        while not both.server._inbox.holds():
            assert time.monotonic() < end
            both.server._inbox.store("recv")  # one piece, if there is one
        assert data_of(both.server.recv_many()) == [data]
        sender.join()


def test_nothing_is_replayed(linked):
    """What was not subscribed to when it came is not given by a batch after a subscription."""
    linked.client.send(b"x")
    assert data_of(linked.server.recv_many()) == [b"x"]
    linked.server.subscribe(Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT)
    linked.client.send(b"y")
    linked.client.shutdown()
    found = []
    with pytest.raises(EndOfAssociation):
        while True:
            found += linked.server.recv_many()
    assert data_of([item for item in found if isinstance(item, Message)]) == [b"y"]
    changes = [item.state for item in found if isinstance(item, AssocChange)]
    assert sctpffi.AssocChangeState.COMM_UP not in changes
    assert any(isinstance(item, ShutdownEvent) for item in found)


def test_the_message_after_each(linked):
    """With receive_nxtinfo each message of a batch tells of the one behind it (RFC 6458 section 5.3.6)."""
    linked.server.opts.receive_nxtinfo = True
    queue(linked.client, *[Outgoing(b"x" * size, ppid=40 + size) for size in (1, 2, 3)], stream=5)
    found = linked.server.recv_many()
    following = [None if m.next is None else (m.next.stream, m.next.ppid, m.next.length_bytes) for m in found]
    assert following == [(5, 42, 2), (5, 43, 3), None]
    assert [len(m) for m in found] == [1, 2, 3]


# -- notifications


def test_notifications_in_their_place(net):
    """On a Socket notifications that were subscribed to stand between the messages (RFC 6458 section 6)."""
    server = net.listener(sctpffi.Style.ONE_TO_MANY, [Event.ASSOC_CHANGE])
    for number in range(3):
        client = net.bound()
        client.connect(net.where(server))
        queue(client, b"%d" % number)
    found = server.recv_many()
    assert [type(item) for item in found] == [AssocChange, Message] * 3
    assert data_of(found[1::2]) == numbers(3)
    assert [item.assoc_id for item in found[::2]] == [item.assoc_id for item in found[1::2]]
    assert len({message.address for message in found[1::2]}) == 3


def test_notifications_that_nobody_wants(linked):
    """A call that finds nothing but notifications that nobody subscribed to goes on waiting, for its time."""
    linked.client.shutdown()
    with pytest.raises(EndOfAssociation):
        linked.server.recv_many(timeout=LIMIT)


def test_a_connection_notices(joined):
    """A Connection's batch has messages only; notifications wait in `notifications`."""
    client, server = joined
    client.send_many(numbers(3))
    client.shutdown()
    assert data_of(read(server, 3)) == numbers(3)
    with pytest.raises(EndOfAssociation):
        server.recv_many()
    assert [type(event) for event in server.notifications] == [ShutdownEvent]


def test_what_on_notification_raises_loses_nothing(backend):
    """If on_notification raises amid a batch the messages around it come with the next call."""
    with sctpffi.Endpoint("127.0.0.1:0", backend=backend, events=[Event.ASSOC_CHANGE]) as server:
        seen = []

        def heard(event):
            seen.append(event)
            raise ZeroDivisionError

        server.on_notification = heard
        for number in range(2):
            with sctpffi.connect(f"127.0.0.1:{server.port}", backend=backend, timeout=LIMIT) as client:
                queue(client.socket, b"%d" % number)
                client.close(timeout=LIMIT)
        found, failures = [], 0
        while len(found) < 2:
            try:
                found += server.recv_many(timeout=LIMIT)
            except ZeroDivisionError:
                failures += 1
        assert data_of(found) == numbers(2)
        assert failures == len(seen) > 1


def test_an_endpoint(backend):
    """An Endpoint's batch has messages of all its associations; each tells whose it is."""
    with sctpffi.Endpoint("127.0.0.1:0", backend=backend) as server:
        for number in range(3):
            with sctpffi.connect(f"127.0.0.1:{server.port}", backend=backend, timeout=LIMIT) as client:
                queue(client.socket, b"%d" % number, b"%d" % number)
                client.close(timeout=LIMIT)
        found = read(server, 6, timeout=LIMIT)
        assert data_of(found) == [b"0", b"0", b"1", b"1", b"2", b"2"]
        assert len({message.address for message in found}) == 3


# -- long messages


@pytest.mark.parametrize("count", [1, 64])
def test_messages_longer_than_what_is_kept_for_them(backend, count):
    """Messages longer than a batch keeps room for come whole, in order, with short ones between them."""
    sizes = [10, 100_000, 1, 5000, 5001, 2, 70_000, 3, 2048, 2047, 4097]
    sent = [bytes([number]) * size for number, size in enumerate(sizes)]
    with pair(backend, receive_buffer_bytes=1_000_000, send_buffer_bytes=1_000_000) as both:
        for _ in range(3):  # the arena has learnt then
            sender = Worker(both.client.send_many, sent)
            found = data_of(read(both.server, len(sent), count))
            assert sender.join() == len(sent)
            assert [(data[0], len(data)) for data in found] == [(data[0], len(data)) for data in sent]
            assert found == sent


def test_interleaved_messages(interleaved):
    """Messages whose pieces interleave come whole (RFC 8260 section 2)."""
    long = {stream: bytes([stream]) * 50_000 for stream in (1, 2, 3)}
    sender = Worker(interleaved.client.send_many, [Outgoing(data, stream) for stream, data in long.items()])
    found = read(interleaved.server, 3)
    assert sender.join() == 3
    assert {message.stream: message.data for message in found} == long


def test_one_of_a_batch_is_too_long(linked):
    """A message over max_message_bytes is an error in its turn; those before and behind it come whole and in order."""
    linked.server.max_message_bytes = 10
    queue(linked.client, b"a", b"b", b"x" * 11, b"c", b"y" * 3000, b"d")
    server = linked.server
    assert data_of(server.recv_many()) == [b"a", b"b"]
    with pytest.raises(ReceiveLimitExceeded) as caught:
        server.recv_many()
    assert (caught.value.limit_bytes, caught.value.length_bytes) == (10, 11)
    assert data_of(server.recv_many()) == [b"c"]
    with pytest.raises(ReceiveLimitExceeded) as caught:
        server.recv()  # whoever reads
    assert caught.value.length_bytes == 3000
    assert server.recv().data == b"d"


def test_the_first_of_a_batch_is_too_long(linked):
    """A batch that begins with a message over the limit is that error, and the others come next."""
    linked.server.max_message_bytes = 10
    queue(linked.client, b"x" * 11, b"y" * 12, b"a")
    for length in (11, 12):
        with pytest.raises(ReceiveLimitExceeded) as caught:
            linked.server.recv_many()
        assert caught.value.length_bytes == length
    assert data_of(linked.server.recv_many(timeout=0)) == [b"a"]


# -- the end


def test_the_graceful_end(linked):
    """What was sent before the peer's shutdown comes first, then EndOfAssociation (RFC 6458 section 4.1.7)."""
    linked.client.send_many(numbers(5))
    linked.client.shutdown()
    assert data_of(read(linked.server, 5)) == numbers(5)
    for _ in range(3):
        with pytest.raises(EndOfAssociation):
            linked.server.recv_many()


def abort(both):
    """Have the client abort; the server's stack knows of it then."""
    both.client.abort()
    end = time.monotonic() + LIMIT
    while _lives(both.server.opts):
        assert time.monotonic() < end


@pytest.mark.parametrize(("total", "count"), [(5, 64), (5, 2), (1, 1), (100, 65536), (200, 64)])
def test_messages_before_an_abort(backend, total, count):
    """What lies there when the peer aborts comes first and whole, then AssociationAborted (RFC 9260 section 9.1)."""
    with pair(backend) as both:
        queue(both.client, *numbers(total))
        abort(both)
        assert data_of(read(both.server, total, count)) == numbers(total)
        for _ in range(2):
            with pytest.raises(AssociationAborted):
                both.server.recv_many(count)


def _lives(opts):
    """Whether the stack still has the association."""
    try:
        return opts.status.state is not sctpffi.AssocState.CLOSED
    except errors.Error:
        return False


def test_the_end_is_readable(linked):
    """After the last batch a socket whose association was aborted looks readable: there is the error to come."""
    queue(linked.client, *numbers(3))
    abort(linked)
    assert data_of(read(linked.server, 3)) == numbers(3)
    assert linked.server.wait_readable(LIMIT)
    with pytest.raises(AssociationAborted):
        linked.server.recv_many()


def test_the_end_as_it_is_subscribed(watched):
    """The end's notifications stand behind the messages, and the error comes after them (RFC 6458 section 6.1.1)."""
    watched.client.send_many(numbers(3))
    watched.client.abort()
    found = []
    with pytest.raises(AssociationAborted):
        while True:
            found += watched.server.recv_many()
    messages = [item for item in found if isinstance(item, Message)]
    assert data_of(messages) == numbers(len(messages))
    assert isinstance(found[-1], AssocChange)
    assert found[-1].state == sctpffi.AssocChangeState.COMM_LOST


def test_recv_tells_the_end_of_a_batch(linked):
    """An end that a batch ran into is told by recv, too, each time."""
    linked.client.send(b"x")
    linked.client.shutdown()
    assert data_of(linked.server.recv_many()) == [b"x"]
    for _ in range(2):
        with pytest.raises(EndOfAssociation):
            linked.server.recv()
