"""The inbox taking many at once: batches sorted out, errors in their turn, arenas and their views.

A fake handle plays the stack, as in test_inbox.py; batches of arbitrary parcels are in tests/fuzz/test_inbox.py.
"""

from __future__ import annotations

import errno
import gc
import sys
import threading

import pytest

from sctpffi import errors
from sctpffi._wait import Deadline
from sctpffi.bulk import Arena
from sctpffi.enums import Event
from sctpffi.lifecycle import Phase
from sctpffi.messages import Message
from sctpffi.notifications import AssocChange, ShutdownEvent
from sctpffi.testing import Worker

from .script import DONE, DRY, EAGAIN, SHUTDOWN, UP, End, Note, Piece, change, many, one, take, take_many

RESET = -errno.ECONNRESET
LOST = change("COMM_LOST")


def shown(items):
    """Data of messages, types of notifications."""
    return [bytes(item.data) if isinstance(item, Message) else type(item) for item in items]


# -- batches


def test_a_batch_is_one_receive():
    """What is there is taken with one native receive, each message with its own bytes and header."""
    inbox = many(*[Piece(b"%d" % number, assoc=number, stream=number + 1) for number in range(5)])
    found = take_many(inbox)
    assert [(m.data, m.assoc_id, m.stream, m.ppid) for m in found] == [(b"%d" % n, n, n + 1, 46) for n in range(5)]
    assert inbox.handle.batches == [(2048, 64, 0)]


def test_notifications_in_their_place():
    """Those that are wanted stand between the messages, others are heard and passed over."""
    inbox = one(UP, Piece(b"1"), DRY, Piece(b"2"), SHUTDOWN, wanted=[Event.SHUTDOWN_EVENT])
    found = take_many(inbox)
    assert shown(found)[0] == b"1"
    assert shown(found)[2:] == [b"2", ShutdownEvent]
    assert inbox.life.peer_shut_down


def test_nothing_but_what_nobody_wants():
    """If all of a batch is for nobody it reads on, and says when there is nothing."""
    inbox = one(UP, EAGAIN, UP, EAGAIN, Piece(b"1"))
    assert shown(take_many(inbox)) == [b"1"]
    assert len(inbox.handle.batches) == 3
    with pytest.raises(errors.WouldBlock):
        take_many(inbox)


def test_an_interrupted_receive_is_made_again():
    """After EINTR it receives again (PEP 475)."""
    inbox = one(-errno.EINTR, -errno.EINTR, Piece(b"1"))
    assert shown(take_many(inbox)) == [b"1"]


def test_what_was_read_early_comes_alone():
    """What is in memory already is given first, count at most, and the stack is not asked."""
    inbox = one(*[Piece(b"%d" % number) for number in range(4)])
    inbox.catch_up()
    assert shown(take_many(inbox, 3)) == [b"0", b"1", b"2"]
    assert shown(take_many(inbox, 3)) == [b"3"]
    assert inbox.handle.batches == []


# -- pieces


@pytest.mark.parametrize("views", [False, True])
def test_pieces_become_messages(views):
    """Pieces of several messages between each other, and of one before, become whole messages of bytes."""
    before = [Piece(b"a1", False, stream=1), EAGAIN]
    batch = [Piece(b"b1", False, stream=2), Piece(b"c", stream=3), Piece(b"a2", stream=1)]
    inbox = many(*before, *batch, Piece(b"b2", stream=2), Piece(b"d", stream=1))
    with pytest.raises(errors.WouldBlock):
        take(inbox)
    found = take_many(inbox, views=views)
    assert shown(found) == [b"c", b"a1a2", b"b1b2", b"d"]
    assert [type(m.data) is memoryview for m in found] == [views, False, False, views]


def test_a_whole_message_in_the_place_of_a_rest():
    """A whole message of a stream whose last message was given up half-way does not get that one's beginning."""
    inbox = many(Piece(b"half", False, ssn=1), Piece(b"whole", ssn=2), Piece(b"next", ssn=3))
    assert shown(take_many(inbox)) == [b"whole", b"next"]


def test_a_message_longer_than_its_share():
    """A message that is cut, because of the others, is put together, and the one behind it is intact."""
    long = bytes(range(256)) * 40
    inbox = one(Piece(b"a"), Piece(long), Piece(b"b"))
    arena, found = Arena(65536), []
    while len(found) < 3:
        found += shown(take_many(inbox, arena=arena))
    assert found == [b"a", long, b"b"]


def test_a_long_notification():
    """A notification in several pieces is heard whole, as much as one of recv."""
    inbox = one(Note(Event.ASSOC_CHANGE, 1, data=b"long" * 1000), Piece(b"1"), wanted=[Event.ASSOC_CHANGE])
    found = []
    while len(found) < 2:
        found += shown(take_many(inbox, arena=Arena(65536)))
    assert found == [AssocChange, b"1"]


def test_the_message_after_each():
    """What the stack tells of the next message is each one's own, of a view as well."""
    following = (1, 2, 3, 4, 5)
    for views in (False, True):
        inbox = one(Piece(b"1", following=following), Piece(b"2"), Piece(b"3", following=(6, 7, 8, 9, 10)))
        found = take_many(inbox, views=views)
        assert [m._next for m in found] == [following, None, (6, 7, 8, 9, 10)]
        assert [type(m.data) is memoryview for m in found] == [views] * 3


# -- errors in their turn


def test_too_long_in_the_middle():
    """A message over the limit is told in its turn; what was read behind it comes after it."""
    inbox = one(Piece(b"1"), Piece(b"22"), Piece(b"3"), Piece(b"44"), Piece(b"5"))
    inbox.max_message_bytes = 1
    assert shown(take_many(inbox)) == [b"1"]
    for length, after in ((2, b"3"), (2, b"5")):
        with pytest.raises(errors.ReceiveLimitExceeded) as caught:
            take_many(inbox)
        assert (caught.value.limit_bytes, caught.value.length_bytes) == (1, length)
        assert shown(take_many(inbox)) == [after]
    assert len(inbox.handle.batches) == 1


@pytest.mark.parametrize("before", [0, 1, 3])
def test_the_end_in_the_middle(before):
    """The end comes after what was there before it, and then each time without asking the stack."""
    inbox = one(*[Piece(b"%d" % number) for number in range(before)], SHUTDOWN, DONE, End())
    if before:
        assert shown(take_many(inbox)) == [b"%d" % number for number in range(before)]
    for _ in range(3):
        with pytest.raises(errors.EndOfAssociation):
            take_many(inbox)
    assert len(inbox.handle.batches) == 1


def test_an_error_behind_messages():
    """What stopped a receive behind its messages comes with the next call."""
    inbox = one(Piece(b"1"), Piece(b"2"), RESET)
    assert shown(take_many(inbox)) == [b"1", b"2"]
    for _ in range(2):
        with pytest.raises(errors.AssociationAborted):
            take_many(inbox)
    assert inbox.life.phase is Phase.LOST


def test_after_the_end_nothing_is_waited_for():
    """After a notification of the end a receive does not wait: what it does not find is the end."""
    inbox = one(Piece(b"1"), LOST)
    assert shown(inbox.take_many(Arena(), 64, Deadline(9), "recv_many", False)) == [b"1"]
    with pytest.raises(errors.AssociationTimedOut):
        inbox.take_many(Arena(), 64, Deadline(9), "recv_many", False)
    assert [timeout > 0 for _, _, timeout in inbox.handle.batches] == [True, False]


def test_the_other_calls_get_it_too():
    """What a batch has left is what recv, peek and recv_partial find."""
    inbox = one(Piece(b"1"), Piece(b"22"), Piece(b"3"), Piece(b"4"))
    inbox.max_message_bytes = 1
    take_many(inbox)
    assert inbox.holds()
    with pytest.raises(errors.ReceiveLimitExceeded):
        take(inbox)
    assert inbox.peek(9, Deadline(0), "peek").data == b"3"
    assert take(inbox).data == b"3"
    assert inbox.take_piece(9, Deadline(0), "recv_partial").data == b"4"


def test_our_own_abort():
    """What comes while we abort is nobody's: the call ends as by a close."""
    inbox = one(Piece(b"1"))
    inbox.life.aborting = True
    with pytest.raises(errors.ClosedError):
        take_many(inbox)


# -- arenas


def test_more_is_kept_after_longer_messages():
    """After a message that was longer than what was kept for it four times as much is kept, 64 KiB at most."""
    arena, least = Arena(65536), []
    for _ in range(5):
        inbox = one(Piece(b"x" * 200_000))
        least.append(arena.least)
        assert len(take_many(inbox, 1000, arena=arena)[0].data) == 200_000
    assert least[:2] == [2048, 65536]
    assert arena.least == 65536


def test_less_is_kept_again():
    """After 64 batches without one in pieces less is kept, but never less than 2048 bytes."""
    arena = Arena()
    for _ in range(9):
        arena.learn(True)
    seen = []
    for _ in range(64 * 4):
        arena.learn(False)
        seen.append(arena.least)
    assert [seen[number] for number in (62, 63, 127, 191, 255)] == [65536, 16384, 4096, 2048, 2048]


def test_pieces_that_more_room_would_not_spare():
    """The end, and a stack that gives a message in short pieces, are no reason to keep more for each."""
    arena = Arena()
    take_many(one(*[Piece(b"x" * 100, False)] * 5, Piece(b"x")), arena=arena)
    with pytest.raises(errors.EndOfAssociation):
        take_many(one(End()), arena=arena)
    assert arena.least == 2048


def test_as_many_as_there_is_room_for():
    """A batch is no larger than the memory has room for; what is left comes next."""
    arena = Arena(65536)
    inbox = one(*[Piece(b"%d" % number) for number in range(40)])
    assert len(take_many(inbox, 1000, arena=arena)) == 32
    assert len(take_many(inbox, 1000, arena=arena)) == 8


def test_one_memory_for_all():
    """The memory is made once, whatever number of sockets and calls use it."""
    arena, made = Arena(), []
    for _ in range(3):
        inbox = one(Piece(b"1"), EAGAIN, Piece(b"2"))
        make = inbox.handle.new_shelf
        inbox.handle.new_shelf = lambda size, make=make: made.append(size) or make(size)
        take_many(inbox, arena=arena)
        take_many(inbox, arena=arena)
    assert made == [arena.size_bytes]


def test_busy():
    """While one call uses an arena another thread's is refused, and its inbox can be read by others then."""
    arena, inbox = Arena(), one(Piece(b"1"))
    inside, leave = threading.Event(), threading.Event()

    def hold(shelf, least, count, timeout_ms):
        inside.set()
        leave.wait(10)
        return EAGAIN

    other = one()
    other.handle.recv_many = hold
    worker = Worker(lambda: pytest.raises(errors.WouldBlock, take_many, other, 64, False, arena))
    inside.wait(10)
    with pytest.raises(errors.ResourceBusy, match="another thread"):
        take_many(inbox, arena=arena)
    assert not inbox._turn.taken()
    leave.set()
    worker.join()
    assert shown(take_many(inbox, arena=arena)) == [b"1"]


@pytest.mark.parametrize("failure", [MemoryError, KeyboardInterrupt])
def test_free_after_a_failure(failure):
    """Whatever a call fails by, the arena and the inbox are free after it."""
    arena, inbox = Arena(), one(Piece(b"1"))
    make, inbox.handle.new_shelf = inbox.handle.new_shelf, lambda size: (_ for _ in ()).throw(failure)
    with pytest.raises(failure):
        take_many(inbox, arena=arena)
    inbox.handle.new_shelf = make
    assert shown(take_many(inbox, arena=arena)) == [b"1"]


# -- views


def test_views_end_with_the_next_batch():
    """Views are of the memory, and released by the next call that uses it, of whatever socket."""
    arena = Arena()
    found = take_many(one(Piece(b"1"), Piece(b"22")), views=True, arena=arena)
    assert shown(found) == [b"1", b"22"]
    with pytest.raises(errors.WouldBlock):
        take_many(one(), arena=arena)
    for message in found:
        with pytest.raises(ValueError, match="released"):
            bytes(message.data)


@pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="only CPython counts references, so slices are not found out elsewhere"
)
def test_what_is_in_use_is_busy():
    """While a part of a view is used the memory can't be had; afterwards it can, and nothing was read meanwhile."""
    arena = Arena()
    (message,) = take_many(one(Piece(b"123")), views=True, arena=arena)
    kept = message.data[1:]
    inbox = one(Piece(b"next"))
    for _ in range(2):
        with pytest.raises(errors.ResourceBusy, match="bytes"):
            take_many(inbox, arena=arena)
    assert inbox.handle.batches == []
    assert bytes(kept) == b"23"
    del kept
    assert shown(take_many(inbox, arena=arena)) == [b"next"]


def test_what_is_left_in_memory_is_bytes():
    """Messages behind an error are copied, as the memory is used again before they are given."""
    arena = Arena()
    inbox = one(Piece(b"1"), Piece(b"22"), Piece(b"3"))
    inbox.max_message_bytes = 1
    take_many(inbox, views=True, arena=arena)
    take_many(one(Piece(b"-" * 500)), arena=arena)
    with pytest.raises(errors.ReceiveLimitExceeded):
        take_many(inbox, views=True, arena=arena)
    (message,) = take_many(inbox, views=True, arena=arena)
    assert message.data == b"3"


def test_errors_are_no_use_of_a_view():
    """Neither an error that waits for its turn nor one that is kept holds the memory."""
    gc.disable()
    try:
        arena, kept = Arena(), []
        for end in (Piece(b"22"), End()):
            inbox = one(Piece(b"1"), end)
            inbox.max_message_bytes = 1
            assert len(take_many(inbox, views=True, arena=arena)) == 1
            assert len(take_many(one(Piece(b"x")), views=True, arena=arena)) == 1
            with pytest.raises(errors.Error) as caught:
                take_many(inbox, views=True, arena=arena)
            kept.append(caught)
            assert len(take_many(one(Piece(b"x")), views=True, arena=arena)) == 1
    finally:
        gc.enable()


def test_put_first_copies():
    """What goes back, because the task that it was read for was cancelled, is copied out of the memory, in order."""
    arena = Arena()
    inbox = one(Piece(b"1"), Piece(b"2"), EAGAIN, Piece(b"3"))
    inbox.put_first(take_many(inbox, views=True, arena=arena))
    take_many(one(Piece(b"-" * 500)), arena=arena)
    assert shown(take_many(inbox)) == [b"1", b"2"]
    assert shown(take_many(inbox)) == [b"3"]
