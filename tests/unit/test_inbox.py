"""The inbox: messages put together from pieces, the limit, notifications filtered, and waiting.

A fake handle plays the stack, so that every order of events is met without one; nothing here waits. The end of an
association, peeking and subscribing are in test_inbox_end.py.
"""

from __future__ import annotations

import errno

import pytest

from sctpffi import errors
from sctpffi._wait import Deadline
from sctpffi.addresses import Address
from sctpffi.enums import AssocChangeState, Cause, Event, MsgFlag, NextFlag
from sctpffi.inbox import BUFFER_BYTES
from sctpffi.lifecycle import Phase
from sctpffi.messages import Message, NextInfo
from sctpffi.notifications import AssocChange, SenderDryEvent, ShutdownEvent

from .script import DRY, EAGAIN, FROM, SHUTDOWN, UP, End, Note, Piece, another, change, drain, many, one, take

# -- whole messages


def test_whole_message_comes_with_its_values():
    """A message in one piece comes with all values of its rcvinfo (RFC 6458 section 5.3.5)."""
    message = take(one(Piece(b"hello", stream=3, ssn=4, assoc=9)))
    assert message == Message(b"hello", 3, 4, 46, 100, 99, MsgFlag.EOR, 5, 9, FROM)
    assert message.address == Address("10.0.0.2", 5000)


def test_pieces_become_one_message():
    """Pieces of a message come as one, with the end of record set (RFC 6458 section 3.1.4)."""
    message = take(one(Piece(b"a", last=False, ssn=3), Piece(b"b", last=False, ssn=3), Piece(b"c", ssn=3)))
    assert (message.data, message.ssn, message.complete) == (b"abc", 3, True)


def test_message_longer_than_the_buffer_is_whole():
    """A message longer than the receive buffer is read to its end."""
    data = bytes(range(256)) * 1000
    inbox = one(Piece(data), Piece(b"next"))
    assert drain(inbox) == [data, b"next"]


@pytest.mark.parametrize("differs", ["assoc", "stream", "unordered"])
def test_interleaved_pieces_are_told_apart(differs):
    """Pieces of two messages that lie between each other come as two messages (RFC 8260 section 2)."""
    a, b = {differs: 0}, {differs: 1}
    inbox = many(
        Piece(b"a1", last=False, **a),
        Piece(b"b1", last=False, **b),
        Piece(b"a2", last=False, **a),
        Piece(b"b2", **b),
        Piece(b"a3", **a),
    )
    assert drain(inbox) == [b"b1b2", b"a1a2a3"]


def test_whole_message_between_pieces_overtakes():
    """A whole message of another association between the pieces of a first is given at once."""
    inbox = many(Piece(b"a1", last=False, assoc=1), Piece(b"b", assoc=2), Piece(b"a2", assoc=1))
    assert drain(inbox) == [b"b", b"a1a2"]


def test_pieces_wait_for_the_rest():
    """Pieces without their end are kept over calls that time out; nothing is lost."""
    inbox = one(Piece(b"a", last=False), EAGAIN, Piece(b"b"))
    with pytest.raises(errors.WouldBlock):
        take(inbox)
    assert take(inbox).data == b"ab"


@pytest.mark.parametrize("state", ["COMM_LOST", "SHUTDOWN_COMP", "RESTART"])
def test_half_a_message_dies_with_its_association(state):
    """Half a message whose association ended or restarted is forgotten; that of another one is not."""
    inbox = many(
        Piece(b"lost", last=False, assoc=1),
        Piece(b"kept ", last=False, assoc=2),
        change(state, assoc=1),
        Piece(b"new", assoc=1),
        Piece(b"whole", assoc=2),
    )
    assert drain(inbox) == [b"new", b"kept whole"]


def test_coming_up_leaves_half_a_message_alone():
    """COMM_UP of an association does not touch pieces."""
    inbox = many(Piece(b"a", last=False, assoc=1), change("COMM_UP", assoc=2), Piece(b"b", assoc=1))
    assert drain(inbox) == [b"ab"]


def test_abandoned_message_is_not_glued_to_the_next():
    """Pieces with another ssn are another message: the one before was abandoned half-way (RFC 3758 section 3.6)."""
    inbox = one(Piece(b"abandoned ", last=False, ssn=5), Piece(b"next", ssn=6))
    assert drain(inbox) == [b"next"]


def test_partial_delivery_event_drops_the_pieces():
    """PARTIAL_DELIVERY_EVENT says that a message begun will not be completed (RFC 6458 section 6.1.7)."""
    inbox = one(
        Piece(b"abandoned ", last=False, unordered=True),
        Note(Event.PARTIAL_DELIVERY_EVENT),
        Piece(b"next", unordered=True),
    )
    assert [item for item in drain(inbox) if isinstance(item, bytes)] == [b"next"]


# -- the message after this one


def test_next_is_told_with_the_message():
    """What comes after a message is told with it, and its mark is no flag of the message (RFC 6458 section 5.3.6)."""
    inbox = one(Piece(b"a", following=(3, 2, 46, 100, 1)), Piece(b"b"))
    first, second = take(inbox), take(inbox)
    assert first.next == NextInfo(3, NextFlag.COMPLETE, 46, 100, 1)
    assert first.flags == MsgFlag.EOR
    assert second.next is None


def test_next_of_a_message_in_pieces_is_the_last_pieces():
    """Of a message that is put together the last piece tells what comes after it."""
    inbox = one(Piece(b"a", last=False, following=(1, 0, 0, 1, 1)), Piece(b"b", following=(2, 4, 0, 9, 1)))
    message = take(inbox)
    assert (message.data, message.next) == (b"ab", NextInfo(2, NextFlag.NOTIFICATION, 0, 9, 1))
    assert message.flags == MsgFlag.EOR


def test_next_is_told_when_peeking():
    """peek tells the next message too, and a piece that is cut keeps it."""
    inbox = one(Piece(b"abc", following=(3, 2, 46, 100, 1)))
    piece = inbox.peek(1, Deadline(0), "peek")
    assert (piece.data, piece.complete, piece.next.stream) == (b"a", False, 3)
    assert take(inbox).next.stream == 3


# -- the limit


def test_message_over_the_limit_is_dropped_and_the_next_intact():
    """A message over the limit is read to its end and dropped, with both numbers told; the next one is intact."""
    inbox = one(Piece(b"1234", last=False), Piece(b"5678", last=False), Piece(b"9012"), Piece(b"next"))
    inbox.max_message_bytes = 10
    with pytest.raises(errors.ReceiveLimitExceeded) as caught:
        take(inbox)
    assert (caught.value.limit_bytes, caught.value.length_bytes) == (10, 12)
    assert drain(inbox) == [b"next"]


def test_message_at_the_limit_is_taken():
    """A message of exactly the limit is whole."""
    inbox = one(Piece(b"12345", last=False), Piece(b"67890"))
    inbox.max_message_bytes = 10
    assert take(inbox).data == b"1234567890"


@pytest.mark.parametrize("before", [[], [Piece(b"begun", last=False, assoc=2)]], ids=["alone", "between pieces"])
def test_message_in_one_piece_has_the_same_limit(before):
    """The limit is one of messages, not of pieces: a short message over it is refused as a long one is."""
    inbox = many(*before, Piece(b"12345678901"), Piece(b"next"))
    inbox.max_message_bytes = 10
    with pytest.raises(errors.ReceiveLimitExceeded) as caught:
        take(inbox)
    assert (caught.value.limit_bytes, caught.value.length_bytes) == (10, 11)
    assert drain(inbox) == [b"next"]


def test_message_over_the_limit_does_not_hide_another():
    """While a message over the limit is dropped, what lies between its pieces is delivered."""
    inbox = many(Piece(b"123456", last=False, assoc=1), Piece(b"b", assoc=2), Piece(b"789012", assoc=1))
    inbox.max_message_bytes = 10
    assert take(inbox).data == b"b"
    with pytest.raises(errors.ReceiveLimitExceeded):
        take(inbox)


def test_dropped_pieces_are_not_kept():
    """Once a message is over the limit its bytes are given back, however long it goes on."""
    inbox = one(*(Piece(b"x" * 8, last=False) for _ in range(100)))
    inbox.max_message_bytes = 10
    with pytest.raises(errors.WouldBlock):
        take(inbox)
    (parts,) = inbox._parts.values()
    assert (parts.pieces, parts.size) == ([], 800)


# -- notifications


def test_internal_notifications_are_filtered():
    """ASSOC_CHANGE and SHUTDOWN_EVENT are heard, but shown only to those who subscribed."""
    inbox = one(UP, Piece(b"data"), SHUTDOWN)
    assert drain(inbox) == [b"data"]
    assert inbox.life.peer_shut_down


def test_wanted_notifications_come_in_order():
    """Notifications that were subscribed to come between the messages, in the order of arrival."""
    inbox = one(UP, Piece(b"data"), DRY, SHUTDOWN, wanted={Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT})
    up, data, dry, shutdown = drain(inbox)
    assert isinstance(up, AssocChange)
    assert up.state is AssocChangeState.COMM_UP
    assert up.source == Address("10.0.0.2", 5000)
    assert data == b"data"
    assert dry == SenderDryEvent(1, Address("10.0.0.2", 5000))
    assert isinstance(shutdown, ShutdownEvent)


def test_each_association_has_its_own_subscriptions():
    """A notification is shown if its association's subscription says so (RFC 6458 section 6.2.2)."""
    inbox = many(change("COMM_UP", assoc=3), change("COMM_UP", assoc=4), wanted={Event.ASSOC_CHANGE})
    inbox.wanted.change(Event.ASSOC_CHANGE, False, 3, ())
    assert [event.assoc_id for event in drain(inbox)] == [4]


@pytest.mark.parametrize("state", ["COMM_LOST", "SHUTDOWN_COMP"])
def test_an_associations_subscriptions_end_with_it(state):
    """The end of an association is shown or not as it was subscribed; a later one of the same id starts anew."""
    inbox = many(change(state, assoc=3), change("COMM_UP", assoc=3), wanted={Event.ASSOC_CHANGE})
    inbox.wanted.change(Event.ASSOC_CHANGE, False, 3, ())
    assert [event.state for event in drain(inbox)] == [AssocChangeState.COMM_UP]


def test_restart_keeps_the_subscriptions():
    """An association that restarts is the same one, with the subscriptions that it had (RFC 9260 section 5.2)."""
    inbox = many(change("RESTART", assoc=3), change("RESTART", assoc=3), wanted={Event.ASSOC_CHANGE})
    inbox.wanted.change(Event.ASSOC_CHANGE, False, 3, ())
    assert drain(inbox) == []


def test_what_the_stack_sends_only_when_asked_is_shown():
    """A notification of a type that is subscribed with the stack alone is shown without asking again."""
    assert [event.type for event in drain(one(DRY))] == [Event.SENDER_DRY_EVENT]


def test_notification_in_pieces_is_put_together():
    """A notification longer than the buffer is decoded as a whole (RFC 6458 section 6.1)."""
    long = Note(Event.ASSOC_CHANGE, AssocChangeState.COMM_LOST, cause=12, data=b"n" * (BUFFER_BYTES * 2 + 1))
    inbox = one(long, wanted={Event.ASSOC_CHANGE})
    event = take(inbox)
    assert (event.state, event.cause) == (AssocChangeState.COMM_LOST, Cause.USER_INITIATED_ABORT)
    assert len(inbox.handle.calls) == 3


def test_notification_between_pieces_of_a_message():
    """A notification between the pieces of a message does not break it."""
    inbox = one(Piece(b"a", last=False), DRY, Piece(b"b"))
    dry, data = drain(inbox)
    assert (dry.type, data) == (Event.SENDER_DRY_EVENT, b"ab")


def test_one_to_many_does_not_end():
    """On a one-to-many socket an association's end does not end the socket's receiving."""
    inbox = many(change("COMM_LOST", assoc=1), Piece(b"data", assoc=2))
    assert drain(inbox) == [b"data"]
    assert inbox.life.phase is Phase.NEW


# -- waiting


def test_interrupted_receive_is_repeated(monkeypatch):
    """A receive that a signal interrupted goes on with what is left of its time (PEP 475)."""
    now = [100.0]
    monkeypatch.setattr("sctpffi._wait.time.monotonic", lambda: now[0])
    inbox = one(-errno.EINTR, -errno.EINTR, Piece(b"data"))
    real = inbox.handle.recv

    def slow(*arguments):
        code = real(*arguments)
        now[0] += 1
        return code

    monkeypatch.setattr(inbox.handle, "recv", slow)
    assert take(inbox, 5).data == b"data"
    assert [timeout for _, _, timeout in inbox.handle.calls] == [5000, 4000, 3000]


def test_filtered_notifications_do_not_extend_the_time(monkeypatch):
    """Notifications that nobody sees do not start the time anew."""
    now = [100.0]
    monkeypatch.setattr("sctpffi._wait.time.monotonic", lambda: now[0])
    inbox = one(UP, SHUTDOWN)
    real = inbox.handle.recv

    def slow(*arguments):
        code = real(*arguments)
        now[0] += 2
        return code

    monkeypatch.setattr(inbox.handle, "recv", slow)
    with pytest.raises(errors.WaitTimeout):
        take(inbox, 5)
    assert [timeout for _, _, timeout in inbox.handle.calls] == [5000, 3000, 1000]


@pytest.mark.parametrize(("seconds", "cls"), [(0, errors.WouldBlock), (0.001, errors.WaitTimeout)])
def test_no_message_in_time(seconds, cls):
    """Without waiting, no message is WouldBlock; with waiting it is WaitTimeout; both name the call."""
    inbox = one()
    inbox.where = {"backend": "linux", "local": "10.0.0.1:1"}
    with pytest.raises(cls) as caught:
        take(inbox, seconds)
    assert (caught.value.op, caught.value.backend, caught.value.local) == ("recv", "linux", "10.0.0.1:1")


def test_waiting_for_ever_is_told_to_the_stack():
    """No time-out is -1 for the shim."""
    inbox = one(Piece(b"data"))
    assert take(inbox, None).data == b"data"
    assert inbox.handle.calls == [(BUFFER_BYTES, False, -1)]


def test_readers_take_turns():
    """A reader without time finds another one reading and is told to come again."""
    inbox = one(Piece(b"data"))
    with another(inbox):
        for seconds, cls in ((0, errors.WouldBlock), (0.01, errors.WaitTimeout)):
            with pytest.raises(cls):
                take(inbox, seconds)
    assert take(inbox).data == b"data"


@pytest.mark.parametrize("item", [Piece(b"x" * 99), -errno.EIO, End()], ids=["limit", "error", "end"])
def test_lock_is_released_after_an_error(item):
    """After a receive that failed the next one is not locked out."""
    inbox = one(item)
    inbox.max_message_bytes = 10
    for call in (inbox.take, lambda *a: inbox.take_piece(5, *a), lambda *a: inbox.peek(5, *a)):
        try:
            call(Deadline(0), "recv")
        except errors.Error:
            pass
        assert not inbox._turn.taken()
