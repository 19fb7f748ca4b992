"""The inbox reading into the caller's memory: whole messages, pieces, and what waits already.

A fake handle plays the stack, as in test_inbox.py; that the bytes lie where they should is checked here.
"""

from __future__ import annotations

import pytest

from sctpffi import errors
from sctpffi._wait import Deadline
from sctpffi.enums import Event
from sctpffi.inbox import BUFFER_BYTES, Inbox
from sctpffi.lifecycle import Life, Phase
from sctpffi.messages import Message
from sctpffi.notifications import AssocChange, SenderDryEvent
from sctpffi.subscriptions import Wanted

from .script import DRY, EAGAIN, UP, End, Note, Piece, Script, change


class Memory:
    """base.Room over the caller's memory, or of its own; counts how often bytes are copied out of it."""

    def __init__(self, owner, memory=None) -> None:
        self.owner, self.memory, self.released = owner, memory, False
        self.data = b""

    @property
    def view(self):
        return self

    @view.setter
    def view(self, data) -> None:
        self.data = data
        if self.memory is not None:
            self.memory[: len(data)] = data

    def __getitem__(self, part):
        self.owner.copies += 1
        return self.data[part] if self.memory is None else bytes(self.memory[part])

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        self.released = True


class Direct(Script):
    """A script that can be read into the caller's memory; counts how often bytes were copied out of a room."""

    def __init__(self, *items) -> None:
        super().__init__(*items)
        self.memories, self.copies = [], 0

    def new_buffer(self, size):
        return Memory(self)

    def recv_into(self, view, timeout_ms):
        """A receive into the caller's memory."""
        with self.as_buffer(view) as room:
            return self.recv(room, len(view), False, timeout_ms)

    def as_buffer(self, view):
        """The caller's memory."""
        self.memories.append(Memory(self, view))
        return self.memories[-1]


def inbox_of(*items, wanted=(), one=True):
    inbox = Inbox(Direct(*items), Life(Phase.UP) if one else Life(), one)
    inbox.wanted = Wanted(wanted)
    return inbox


def take_into(inbox, room, seconds=0):
    """What recv_into would give, and the bytes of the memory."""
    memory = bytearray(b"-" * room)
    return inbox.take_into(memoryview(memory), Deadline(seconds), "recv_into"), memory


def test_a_whole_message_is_read_in_place():
    """A message that comes whole is read into the memory, which its data is a view of; nothing is copied."""
    inbox = inbox_of(Piece(b"hello", stream=3, ssn=4, assoc=9))
    message, memory = take_into(inbox, 8)
    assert (message.data, memory) == (b"hello", b"hello---")
    assert (message.stream, message.ssn, message.assoc_id, message.complete) == (3, 4, 9, True)
    assert message.data.obj is memory
    assert inbox.handle.copies == 0
    assert inbox.handle.calls == [(8, False, 0)]


def test_the_memory_is_let_go():
    """The stack's hold on the memory ends with the call, whatever its outcome."""
    inbox = inbox_of(Piece(b"hello"))
    take_into(inbox, 8)
    with pytest.raises(errors.WouldBlock):
        take_into(inbox, 8)
    assert [memory.released for memory in inbox.handle.memories] == [True, True]


def test_a_message_as_long_as_the_memory():
    """A message that fills the memory to its last byte is whole."""
    message, memory = take_into(inbox_of(Piece(b"12345678")), 8)
    assert (message.data, memory, message.complete) == (b"12345678", b"12345678", True)


def test_a_longer_message_is_drained_and_the_next_is_intact():
    """A message longer than the memory is reported with both numbers, and the next one comes whole."""
    inbox = inbox_of(Piece(b"x" * 100_000), Piece(b"next"))
    with pytest.raises(errors.ReceiveLimitExceeded) as caught:
        take_into(inbox, 8)
    assert (caught.value.limit_bytes, caught.value.length_bytes) == (8, 100_000)
    assert take_into(inbox, 8)[0].data == b"next"


def test_a_longer_message_is_not_drained_by_crumbs():
    """What does not fit is read by the inbox's own buffer, not by the few bytes of the caller's."""
    inbox = inbox_of(Piece(b"x" * 100_000))
    with pytest.raises(errors.ReceiveLimitExceeded):
        take_into(inbox, 8)
    assert [size for size, _, _ in inbox.handle.calls] == [8, BUFFER_BYTES, BUFFER_BYTES]


def test_pieces_become_one_message():
    """Pieces of a message come as one, in the memory (RFC 6458 section 3.1.4)."""
    inbox = inbox_of(Piece(b"a", last=False, ssn=3), Piece(b"b", last=False, ssn=3), Piece(b"c", ssn=3))
    message, memory = take_into(inbox, 5)
    assert (message.data, memory[:3], message.ssn, message.complete) == (b"abc", b"abc", 3, True)
    assert message.data.obj is memory


@pytest.mark.parametrize("differs", ["assoc", "stream", "unordered"])
def test_interleaved_pieces_are_told_apart(differs):
    """Pieces of two messages that lie between each other come as two messages (RFC 8260 section 2)."""
    a, b = {differs: 0}, {differs: 1}
    inbox = inbox_of(
        Piece(b"a1", last=False, **a),
        Piece(b"b1", last=False, **b),
        Piece(b"a2", last=False, **a),
        Piece(b"b2", **b),
        Piece(b"a3", **a),
        one=False,
    )
    assert [bytes(take_into(inbox, 9)[0]) for _ in range(2)] == [b"b1b2", b"a1a2a3"]


def test_a_whole_message_between_pieces_overtakes():
    """A whole message of another association between the pieces of a first is given at once."""
    inbox = inbox_of(Piece(b"a1", last=False, assoc=1), Piece(b"b", assoc=2), Piece(b"a2", assoc=1), one=False)
    assert [bytes(take_into(inbox, 9)[0]) for _ in range(2)] == [b"b", b"a1a2"]


def test_a_long_message_between_the_pieces_of_a_short_one():
    """One message that is too long does not take another one along whose pieces lie between (RFC 8260 section 2)."""
    inbox = inbox_of(
        Piece(b"a" * 6, last=False, stream=1),
        Piece(b"b", last=False, stream=2),
        Piece(b"a" * 6, stream=1),
        Piece(b"B", stream=2),
    )
    with pytest.raises(errors.ReceiveLimitExceeded) as caught:
        take_into(inbox, 8)
    assert caught.value.length_bytes == 12
    assert take_into(inbox, 8)[0].data == b"bB"


def test_what_does_not_fit_here_may_fit_elsewhere():
    """Half a message that is longer than this memory is kept for a call that has more room."""
    inbox = inbox_of(Piece(b"1234567", last=False), EAGAIN, Piece(b"89"))
    with pytest.raises(errors.WouldBlock):
        take_into(inbox, 4)
    assert take_into(inbox, 9)[0].data == b"123456789"


def test_the_memory_takes_the_limits_place():
    """max_message_bytes is recv's limit; memory that is larger takes longer messages, in pieces too."""
    inbox = inbox_of(Piece(b"whole whole"), Piece(b"pieces ", last=False), Piece(b"pieces"))
    inbox.max_message_bytes = 3
    assert take_into(inbox, 20)[0].data == b"whole whole"
    assert take_into(inbox, 20)[0].data == b"pieces pieces"


def test_the_memory_is_the_limit_that_is_told():
    """Of a message that is longer than both, the memory and max_message_bytes, the memory's size is told."""
    inbox = inbox_of(Piece(b"12345678", last=False), Piece(b"90"), Piece(b"next"))
    inbox.max_message_bytes = 7
    with pytest.raises(errors.ReceiveLimitExceeded) as caught:
        take_into(inbox, 4)
    assert (caught.value.limit_bytes, caught.value.length_bytes) == (4, 10)
    assert take_into(inbox, 4)[0].data == b"next"


def test_half_a_message_that_was_dropped_stays_dropped():
    """What a recv with a lower limit has begun to drop is not taken for a whole message by a call with more room."""
    inbox = inbox_of(Piece(b"12345", last=False), EAGAIN, Piece(b"67"), Piece(b"next"))
    inbox.max_message_bytes = 3
    with pytest.raises(errors.WouldBlock):
        inbox.take(Deadline(0), "recv")
    with pytest.raises(errors.ReceiveLimitExceeded) as caught:
        take_into(inbox, 20)
    assert (caught.value.limit_bytes, caught.value.length_bytes) == (3, 7)
    assert take_into(inbox, 20)[0].data == b"next"


def test_what_was_read_early_is_copied():
    """A message that was read before, to learn how the association ended, is put into the memory in its turn."""
    inbox = inbox_of(Piece(b"one"), Piece(b"two"))
    inbox.catch_up()
    assert [bytes(take_into(inbox, 4)[0]) for _ in range(2)] == [b"one", b"two"]


def test_what_was_read_early_and_is_too_long_is_dropped():
    """A message that was read before and does not fit is reported, and the next one is intact."""
    inbox = inbox_of(Piece(b"too long"), Piece(b"two"))
    inbox.catch_up()
    with pytest.raises(errors.ReceiveLimitExceeded) as caught:
        take_into(inbox, 4)
    assert (caught.value.limit_bytes, caught.value.length_bytes) == (4, 8)
    assert take_into(inbox, 4)[0].data == b"two"


def test_pieces_that_wait_are_finished_in_the_memory():
    """What a recv that ran out of time has of a message comes with the rest of it."""
    inbox = inbox_of(Piece(b"wait", last=False), EAGAIN, Piece(b"ing"))
    with pytest.raises(errors.WouldBlock):
        inbox.take(Deadline(0), "recv")
    message, memory = take_into(inbox, 9)
    assert (message.data, memory) == (b"waiting", b"waiting--")


def test_notifications_come_out_as_they_are():
    """A notification that is wanted is given, one that is not is passed over, whatever the size of the memory."""
    inbox = inbox_of(UP, DRY, Piece(b"x"))
    item, _ = take_into(inbox, 1)
    assert isinstance(item, SenderDryEvent)
    assert take_into(inbox, 1)[0].data == b"x"
    wanted = inbox_of(change("COMM_UP"), wanted=[Event.ASSOC_CHANGE])
    assert isinstance(take_into(wanted, 1)[0], AssocChange)


def test_a_long_notification_is_put_together_in_crumbs():
    """A notification that is longer than the memory is heard whole."""
    inbox = inbox_of(Note(Event.ASSOC_CHANGE, 1, data=b"long" * 50), wanted=[Event.ASSOC_CHANGE])
    assert isinstance(take_into(inbox, 3)[0], AssocChange)


def test_the_end():
    """After the end, EndOfAssociation, each time; what was there before it comes first."""
    inbox = inbox_of(Piece(b"last"), End())
    assert take_into(inbox, 4)[0].data == b"last"
    for _ in range(2):
        with pytest.raises(errors.EndOfAssociation):
            take_into(inbox, 4)


# -- pieces in the caller's memory, and pieces that wait


def piece_into(inbox, room):
    memory = bytearray(b"-" * room)
    view = memoryview(memory)
    return inbox.take_piece(room, Deadline(0), "recvmsg_into", Memory(inbox.handle, view), view), memory


def test_a_piece_in_the_memory():
    """A piece is read into the memory, with the end of record on the last one (RFC 6458 section 3.1.4)."""
    inbox = inbox_of(Piece(b"hello"))
    found = [piece_into(inbox, 3) for _ in range(2)]
    assert [(item.data, item.complete) for item, _ in found] == [(b"hel", False), (b"lo", True)]
    assert all(item.data.obj is memory for item, memory in found)


def test_a_piece_of_what_was_read_early():
    """Pieces of a message that was read before are put into the memory too."""
    inbox = inbox_of(Piece(b"hello"))
    inbox.catch_up()
    assert [bytes(piece_into(inbox, 3)[0]) for _ in range(2)] == [b"hel", b"lo"]


@pytest.mark.parametrize("size", [3, 100])
def test_pieces_begin_with_what_waits(size):
    """What a recv that ran out of time has of a message is the beginning of the pieces: nothing is lost."""
    inbox = inbox_of(Piece(b"wait", last=False), EAGAIN, Piece(b"ing"), Piece(b"next"))
    with pytest.raises(errors.WouldBlock):
        inbox.take(Deadline(0), "recv")
    found = b""
    while True:
        item = inbox.take_piece(size, Deadline(0), "recv_partial")
        found += item.data
        if item.complete:
            break
    assert found == b"waiting"
    assert inbox.take_piece(100, Deadline(0), "recv_partial").data == b"next"


def test_peek_shows_what_waits():
    """peek shows the message whose beginning a recv that ran out of time has, from its beginning."""
    inbox = inbox_of(Piece(b"wait", last=False), EAGAIN, Piece(b"ing"))
    with pytest.raises(errors.WouldBlock):
        inbox.take(Deadline(0), "recv")
    assert inbox.peek(100, Deadline(0), "peek").data == b"waiting"
    assert inbox.take(Deadline(0), "recv").data == b"waiting"


def test_whether_something_is_held():
    """The inbox holds something while there are pieces, or what was read early."""
    inbox = inbox_of(Piece(b"wait", last=False), EAGAIN, Piece(b"ing"))
    assert inbox.holds() is False
    with pytest.raises(errors.WouldBlock):
        inbox.take(Deadline(0), "recv")
    assert inbox.holds() is True
    inbox.catch_up()
    assert inbox.holds() is True
    assert isinstance(inbox.take(Deadline(0), "recv"), Message)
    assert inbox.holds() is False
