"""recv_many(views=True): data that stays in the arena until the next call, and what happens to who keeps it longer.

That views end by counting references is CPython's; the suite runs on nothing else.
"""

from __future__ import annotations

import gc
import pickle
import sys
import threading

import pytest

from sctpffi import EndOfAssociation, ReceiveLimitExceeded, ResourceBusy, WouldBlock, errors
from sctpffi.bulk import Arena, Outgoing
from sctpffi.testing import LIMIT, Worker, delivered, many_pair, pair


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


def test_views(linked):
    """On request the data of each message of a batch is a memoryview of bytes into one memory."""
    queue(linked.client, b"one", b"two", b"three")
    found = linked.server.recv_many(views=True)
    assert [type(message.data) for message in found] == [memoryview] * 3
    assert data_of(found) == [b"one", b"two", b"three"]
    assert [len(message) for message in found] == [3, 3, 5]
    assert len({id(message.data.obj) for message in found}) == 1
    assert all(message.data.format in ("B", "c") and message.data.contiguous for message in found)


def test_they_say_as_much(linked):
    """A message of a view says what others do, compares and shows as they do."""
    queue(linked.client, Outgoing(b"x", ppid=46, stream=3))
    (message,) = linked.server.recv_many(views=True)
    assert (message.ppid, message.stream, message.complete, message.address) == (46, 3, True, linked.peer)
    assert bytes(message) == b"x"
    assert "b'x'" in repr(message)


@pytest.mark.parametrize("views", [True, False])
def test_the_next_call_ends_them(linked, views):
    """The next call releases the views of the last batch: using one raises ValueError and shows no other bytes."""
    queue(linked.client, b"one", b"two")
    (first,) = linked.server.recv_many(1, views=True)
    (second,) = linked.server.recv_many(1, views=views)
    assert second.data == b"two"
    for use in (bytes, len, lambda data: data[0], lambda data: data == b"one" or bytes(data)):
        with pytest.raises(ValueError, match="released"):
            use(first.data)
    assert first.stream == 0  # the rest of it stays


def test_a_call_that_finds_nothing_ends_them(linked):
    """Views end with the next call even if it finds nothing, since it had to have the memory."""
    queue(linked.client, b"one")
    (first,) = linked.server.recv_many(views=True)
    with pytest.raises(WouldBlock):
        linked.server.recv_many(timeout=0)
    with pytest.raises(ValueError, match="released"):
        bytes(first.data)


def test_other_calls_do_not(linked):
    """recv, recv_into and peek use other memory: the views of the last batch stay as they are."""
    queue(linked.client, b"one", b"two", b"three", b"four")
    (first,) = linked.server.recv_many(1, views=True)
    linked.server.peek()
    linked.server.recv()
    linked.server.recv_into(bytearray(9))
    assert first.data == b"one"


@pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="only CPython counts references, so slices are not found out elsewhere"
)
@pytest.mark.parametrize(
    "keep",
    [
        lambda data: data[1:],
        memoryview,
        lambda data: data.cast("B"),
        pickle.PickleBuffer,
        lambda data: memoryview(data)[1:][:1],
        lambda data: (each for each in (data[1:],)),
    ],
    ids=["slice", "view", "cast", "buffer", "slice of a slice", "generator"],
)
def test_a_part_that_is_still_in_use(linked, keep):
    """While a part of a view is in use the next call raises ResourceBusy, reads nothing, and loses nothing."""
    queue(linked.client, b"one", b"two")
    (first,) = linked.server.recv_many(1, views=True)
    kept = keep(first.data)
    for _ in range(2):
        with pytest.raises(ResourceBusy, match="bytes"):
            linked.server.recv_many(views=True)
    assert linked.server.peek().data == b"two"
    del kept
    (second,) = linked.server.recv_many(views=True)
    assert second.data == b"two"


@pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="only CPython counts references, so slices are not found out elsewhere"
)
def test_the_part_shows_what_it_did(linked):
    """What is still in use shows the bytes that it did, however often the call is tried."""
    queue(linked.client, b"one", b"two")
    (first,) = linked.server.recv_many(1, views=True)
    kept = first.data[1:]
    with pytest.raises(ResourceBusy):
        linked.server.recv_many()
    assert kept == b"ne"
    kept.release()
    assert data_of(linked.server.recv_many()) == [b"two"]


def test_with_other_memory_meanwhile(linked):
    """While a part is in use a call with another arena works."""
    queue(linked.client, b"one", b"two")
    (first,) = linked.server.recv_many(1, views=True)
    kept = first.data[:]
    assert data_of(linked.server.recv_many(1, arena=Arena())) == [b"two"]
    assert kept == b"one"


def test_copies_may_be_kept(linked):
    """What was copied by bytes() before the next call stays."""
    queue(linked.client, b"one", b"two")
    kept = [bytes(message) for message in linked.server.recv_many(1, views=True)]
    kept += [bytes(message) for message in linked.server.recv_many(1, views=True)]
    assert kept == [b"one", b"two"]


def test_a_message_in_pieces_is_bytes(backend):
    """A message that came in pieces, because it was longer than what was kept for it, is bytes; others are views."""
    long = bytes(range(256)) * 400
    with pair(backend, receive_buffer_bytes=400_000, send_buffer_bytes=400_000) as both:
        queue(both.client, b"short", long, b"short")
        found = []
        while len(found) < 3:
            found += [(type(m.data), bytes(m.data)) for m in both.server.recv_many(views=True, arena=Arena(65536))]
        assert found == [(memoryview, b"short"), (bytes, long), (memoryview, b"short")]


def test_short_messages_between_pieces(interleaved):
    """A short message between the pieces of a long one is a view as ever; what came in pieces is not (RFC 8260 2)."""
    sender = Worker(interleaved.client.send_many, [Outgoing(b"x" * 100_000, 1), *[Outgoing(b"short", 2)] * 5])
    found = []
    while len(found) < 6:
        found += [(type(message.data), len(message)) for message in interleaved.server.recv_many(views=True)]
    sender.join()
    assert [kind for kind, size in found if size == 5] == [memoryview] * 5
    assert [size for _, size in found if size != 5] == [100_000]  # in pieces, or all at once if it was there in time


def test_views_with_the_message_after_each(linked):
    """With receive_nxtinfo they are views, too (RFC 6458 section 5.3.6)."""
    linked.server.opts.receive_nxtinfo = True
    queue(linked.client, b"one", b"two")
    found = linked.server.recv_many(views=True)
    assert [type(message.data) for message in found] == [memoryview] * 2
    assert found[0].next.length_bytes == 3


def test_errors_do_not_keep_them(linked):
    """An error in a batch, even while it is kept, is no use of a view: the next call works."""
    gc.disable()  # a cycle would be found by luck only
    try:
        linked.server.max_message_bytes = 10
        queue(linked.client, b"one", b"x" * 11, b"two")
        arena, kept = Arena(), []
        assert data_of(linked.server.recv_many(views=True, arena=arena)) == [b"one"]
        with pytest.raises(ReceiveLimitExceeded) as caught:
            linked.server.recv_many(views=True, arena=arena)
        kept.append(caught)
        assert data_of(linked.server.recv_many(views=True, arena=arena)) == [b"two"]
        queue(linked.client, b"x" * 12, b"three")
        with pytest.raises(ReceiveLimitExceeded):
            linked.server.recv_many(views=True, arena=arena)
        assert data_of(linked.server.recv_many(views=True, arena=arena)) == [b"three"]
        linked.client.shutdown()
        for _ in range(2):
            with pytest.raises(EndOfAssociation):
                linked.server.recv_many(views=True, arena=arena)
    finally:
        gc.enable()


def test_what_is_behind_an_error_is_whole(linked):
    """What a batch has behind an error is delivered as it was sent, though the memory was used again by others."""
    linked.server.max_message_bytes = 10
    queue(linked.client, b"one", b"x" * 11, b"two", b"three")
    arena = Arena()
    with pair(linked.client.backend) as other:
        queue(other.client, *[b"-" * 100] * 20)
        assert data_of(linked.server.recv_many(views=True, arena=arena)) == [b"one"]
        assert len(other.server.recv_many(views=True, arena=arena)) == 20
        with pytest.raises(ReceiveLimitExceeded):
            linked.server.recv_many(views=True, arena=arena)
        assert data_of(linked.server.recv_many(views=True, arena=arena)) == [b"two", b"three"]


def test_after_the_socket_is_gone(linked):
    """Views stay good after the socket was closed, as long as nothing is read by the same memory."""
    queue(linked.client, b"one")
    (message,) = linked.server.recv_many(views=True)
    linked.server.close()
    gc.collect()
    assert message.data == b"one"


# -- arenas


@pytest.mark.parametrize("size", [65536, 65537, 100_000, 2**20])
def test_an_arena_of_any_size(linked, size):
    """An arena of 64 KiB or more is taken; what does not fit now comes with the next call."""
    arena = Arena(size)
    assert arena.size_bytes == size
    queue(linked.client, *[bytes([number]) * 1000 for number in range(50)])
    found = []
    while len(found) < 50:
        found += data_of(linked.server.recv_many(arena=arena))
    assert found == [bytes([number]) * 1000 for number in range(50)]


@pytest.mark.parametrize("wrong", [0, -1, 65535, 2**31, None, "65536", 65536.0, True])
def test_arenas_that_are_none(wrong):
    """Sizes outside of 65536..2147483647, and what is no int, are refused by name."""
    with pytest.raises((errors.ArgumentError, errors.ArgumentTypeError), match="size_bytes"):
        Arena(wrong)


@pytest.mark.parametrize("wrong", [65536, bytearray(65536), Arena, object()])
def test_what_is_no_arena(linked, wrong):
    """What is no Arena is refused by name, and nothing is read."""
    linked.client.send(b"x")
    with pytest.raises(errors.ArgumentTypeError, match="arena"):
        linked.server.recv_many(arena=wrong)
    assert linked.server.recv().data == b"x"


def test_sockets_share_an_arena(backend):
    """Several sockets can read into one arena, of either style; each call ends the views of the one before."""
    server, client, _ = many_pair(backend)
    arena = Arena()
    with server, client, pair(backend) as both:
        queue(both.client, b"of one")
        (assoc_id,) = client.associations()
        client.send_many([b"of many"], assoc_id=assoc_id)
        (first,) = both.server.recv_many(views=True, arena=arena)
        assert first.data == b"of one"
        (second,) = server.recv_many(views=True, arena=arena)
        assert second.data == b"of many"
        with pytest.raises(ValueError, match="released"):
            bytes(first.data)


def test_a_socket_has_its_own(linked):
    """Without an arena each socket has one of its own: the views of two sockets live side by side."""
    linked.client.send(b"there")
    linked.server.send(b"here")
    (first,) = linked.server.recv_many(views=True)
    (second,) = linked.client.recv_many(views=True)
    assert (first.data, second.data) == (b"there", b"here")


def test_two_threads_in_one_arena(linked):
    """While a thread waits with an arena another one's call is refused by ResourceBusy, and neither loses anything."""
    arena, entered = Arena(), threading.Event()

    def wait():
        entered.set()
        return data_of(linked.server.recv_many(arena=arena))

    linked.server.send(b"here")
    reader = Worker(wait)
    entered.wait()
    refused = 0
    while not refused:  # until the reader is inside
        try:
            found = data_of(linked.client.recv_many(arena=arena, timeout=0.01))
            linked.server.send(found[0])  # it was faster
        except ResourceBusy as exc:
            assert "arena" in str(exc)
            refused += 1
        except errors.WaitTimeout:
            pass
    linked.client.send(b"there")
    assert reader.join() == [b"there"]
    assert data_of(linked.client.recv_many(arena=arena, timeout=LIMIT)) == [b"here"]


def test_an_arena_is_free_after_a_failure(linked):
    """A call that failed gives its arena back: another thread can use it."""
    arena = Arena()
    with pytest.raises(WouldBlock):
        linked.server.recv_many(arena=arena, timeout=0)
    linked.server.max_message_bytes = 1
    queue(linked.client, b"long")
    with pytest.raises(ReceiveLimitExceeded):
        linked.server.recv_many(arena=arena)
    linked.client.send(b"x")
    assert Worker(lambda: data_of(linked.server.recv_many(arena=arena))).join() == [b"x"]
