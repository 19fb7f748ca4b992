"""The inbox at its ends: how an association ended, pieces and peeking, and what is read early.

The same fake handle as in test_inbox.py plays the stack; nothing here waits, but one thread for another.
"""

from __future__ import annotations

import errno
import threading

import pytest

from sctpffi import errors
from sctpffi._wait import Deadline
from sctpffi.enums import AssocChangeState, AssocId, Cause, Event
from sctpffi.inbox import BUFFER_BYTES, Inbox
from sctpffi.lifecycle import Life, Phase

from .script import DONE, DRY, EAGAIN, SHUTDOWN, UP, End, Piece, Script, another, change, many, one, take

# -- the end


@pytest.mark.parametrize("before", [[], [SHUTDOWN, DONE], [SHUTDOWN]], ids=["alone", "notified", "half notified"])
def test_end_is_remembered(before):
    """After EOF every receive says EndOfAssociation, and the stack is not asked again (RFC 9260 section 9.2)."""
    inbox = one(Piece(b"last"), *before, End())
    assert take(inbox).data == b"last"
    seen = [pytest.raises(errors.EndOfAssociation, take, inbox).value for _ in range(3)]
    assert len(set(map(id, seen))) == 3
    assert len(inbox.handle.calls) == 2 + len(before)


def test_notified_end_does_not_wait_for_eof():
    """Linux gives no EOF after our own shutdown: SHUTDOWN_COMP and an empty queue are the end, without waiting."""
    inbox = one(DONE)
    with pytest.raises(errors.EndOfAssociation):
        take(inbox, None)
    assert [timeout for _, _, timeout in inbox.handle.calls] == [-1, 0]


def test_data_before_the_end_is_delivered():
    """What is queued behind the notification of the end is still read, without waiting."""
    inbox = one(DONE, Piece(b"a"), Piece(b"b"))
    assert [take(inbox, None).data for _ in range(2)] == [b"a", b"b"]
    with pytest.raises(errors.EndOfAssociation):
        take(inbox, None)


def test_abort_is_remembered_with_its_cause():
    """After COMM_LOST every receive says AssociationAborted with the cause: Linux gives ECONNRESET only once."""
    lost = change("COMM_LOST", cause=12, info=b"\0\x0c\0\x04")
    inbox = one(Piece(b"before"), lost, -errno.ECONNRESET)
    assert take(inbox).data == b"before"
    for _ in range(3):
        with pytest.raises(errors.AssociationAborted) as caught:
            take(inbox)
        assert (caught.value.cause, caught.value.info) == (Cause.USER_INITIATED_ABORT, b"\0\x0c\0\x04")
    assert len(inbox.handle.calls) == 3


@pytest.mark.parametrize("after", [EAGAIN, -errno.ENOTCONN, -errno.ENOENT, End()])
def test_abort_is_an_abort_whatever_follows(after):
    """After COMM_LOST the stacks answer differently; the loss is the answer, not what they say."""
    inbox = one(change("COMM_LOST", cause=12), after)
    for _ in range(2):
        with pytest.raises(errors.AssociationAborted):
            take(inbox)


@pytest.mark.parametrize(
    ("number", "cls"),
    [
        (errno.ECONNRESET, errors.AssociationAborted),
        (errno.ECONNABORTED, errors.AssociationAborted),
        (errno.ETIMEDOUT, errors.AssociationTimedOut),
        (errno.EHOSTUNREACH, errors.AssociationTimedOut),
        (errno.ECONNREFUSED, errors.ConnectionRefused),
    ],
)
def test_errno_of_the_end_is_remembered(number, cls):
    """An errno that means the end is told each time, and asked for once."""
    inbox = one(-number, Piece(b"never read"))
    for _ in range(2):
        error = pytest.raises(cls, take, inbox).value
        assert type(error) is cls
    assert len(inbox.handle.calls) == 1


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.EPIPE, errno.ENOENT, errno.ESHUTDOWN, errno.EINVAL])
def test_no_association_is_one_error(number):
    """The stacks' errnos for "there is no association" are one NotConnected, and end nothing."""
    inbox = one(-number, Piece(b"data"))
    with pytest.raises(errors.NotConnected) as caught:
        take(inbox)
    assert caught.value.errno == errno.EPIPE
    assert take(inbox).data == b"data"


def test_socket_without_association_is_not_asked():
    """A one-to-one socket that was never connected has nothing to receive, and does not wait for it."""
    inbox = Inbox(Script(Piece(b"data")), Life(), True)
    with pytest.raises(errors.NotConnected):
        take(inbox, None)
    assert inbox.handle.calls == []


def test_closed_socket_is_told():
    """EBADF is ClosedError on both styles, and no end of an association."""
    for inbox in (one(-errno.EBADF), many(-errno.EBADF)):
        phase = inbox.life.phase
        with pytest.raises(errors.ClosedError):
            take(inbox, None)
        assert inbox.life.phase is phase


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EIO])
def test_other_errors_end_nothing(number):
    """An error that says nothing about the association is raised as it is, and the next receive goes on."""
    inbox = one(-number, Piece(b"data"))
    assert pytest.raises(errors.SctpOSError, take, inbox).value.errno == number
    assert take(inbox).data == b"data"


def test_one_to_many_errors_are_not_the_end():
    """On a one-to-many socket an errno of one association ends nothing."""
    inbox = many(-errno.ECONNRESET, Piece(b"data"))
    with pytest.raises(errors.AssociationAborted):
        take(inbox)
    assert take(inbox).data == b"data"


# -- pieces, peeking


def test_pieces_for_those_who_ask():
    """take_piece gives at most size bytes at a time; the last piece is complete (RFC 6458 section 3.1.4)."""
    inbox = one(Piece(b"abcdefgh", ssn=3))
    pieces = [inbox.take_piece(3, Deadline(0), "recv_partial") for _ in range(3)]
    assert [(p.data, p.complete, p.ssn) for p in pieces] == [(b"abc", False, 3), (b"def", False, 3), (b"gh", True, 3)]


def test_piece_is_never_longer_than_the_buffer():
    """A size beyond the buffer's asks for the buffer's."""
    inbox = one(Piece(b"x" * BUFFER_BYTES * 2))
    assert len(inbox.take_piece(BUFFER_BYTES * 2, Deadline(0), "recv_partial")) == BUFFER_BYTES


def test_piece_skips_filtered_notifications():
    """take_piece shows the same notifications as take."""
    inbox = one(UP, Piece(b"data"))
    assert inbox.take_piece(9, Deadline(0), "recv_partial").data == b"data"


def test_peek_leaves_the_item():
    """peek shows at most size bytes of the next message as often as one likes, and take has it whole after that."""
    inbox = one(Piece(b"hello"))
    for _ in range(2):
        message = inbox.peek(2, Deadline(0), "peek")
        assert (message.data, message.complete) == (b"he", False)
    assert take(inbox).data == b"hello"


def test_peek_shows_a_wanted_notification():
    """peek shows a notification that was subscribed to, and leaves it."""
    inbox = one(SHUTDOWN, wanted={Event.SHUTDOWN_EVENT})
    for _ in range(2):
        assert inbox.peek(BUFFER_BYTES, Deadline(0), "peek").type is Event.SHUTDOWN_EVENT
    assert take(inbox).type is Event.SHUTDOWN_EVENT


def test_peek_skips_filtered_notifications():
    """A notification that nobody subscribed to is not in peek's way, and is heard."""
    inbox = one(SHUTDOWN, Piece(b"data"))
    assert inbox.peek(9, Deadline(0), "peek").data == b"data"
    assert inbox.life.peer_shut_down


@pytest.mark.parametrize("wanted", [set(), {Event.SHUTDOWN_EVENT}], ids=["not subscribed", "subscribed"])
def test_peek_shows_what_take_takes(wanted):
    """What peek shows is what the next take gives: looking drops nothing."""
    seen = []
    for look in (False, True):
        inbox = one(SHUTDOWN, Piece(b"data"), wanted=wanted)
        if look:
            inbox.peek(BUFFER_BYTES, Deadline(0), "peek")
        seen.append(type(take(inbox)))
    assert seen[0] is seen[1]


@pytest.mark.parametrize("size", [1, 4, 9])
def test_peek_of_a_few_bytes_keeps_a_notification(size):
    """The size of a peek is that of messages; a notification longer than it is shown whole and stays."""
    inbox = one(DRY, Piece(b"data"))
    assert inbox.peek(size, Deadline(0), "peek").type is Event.SENDER_DRY_EVENT
    assert take(inbox).type is Event.SENDER_DRY_EVENT
    assert take(inbox).data == b"data"


def test_peek_tells_the_end():
    """peek answers the end as take does, each time."""
    inbox = one(End())
    for _ in range(2):
        with pytest.raises(errors.EndOfAssociation):
            inbox.peek(9, Deadline(0), "peek")


# -- before subscribing, and after failed sends


def test_drop_unwanted_takes_notifications_off_the_head():
    """Before a subscription what nobody wanted is taken off, so that nothing old is replayed, and it is heard."""
    inbox = one(UP, SHUTDOWN, Piece(b"data"), DONE)
    inbox.drop_unwanted()
    for event in (Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT):
        inbox.wanted.change(event, True, AssocId.FUTURE, ())
    assert take(inbox).data == b"data"
    assert inbox.life.peer_shut_down
    assert take(inbox).state is AssocChangeState.SHUTDOWN_COMP


@pytest.mark.parametrize("phase", [Phase.NEW, Phase.UP])
@pytest.mark.parametrize("items", [[], [-errno.EBADF], [End()]], ids=["empty", "closed", "end"])
def test_drop_unwanted_never_raises(items, phase):
    """With nothing to drop, drop_unwanted does nothing and does not wait."""
    inbox = Inbox(Script(*items), Life(phase), True)
    inbox.drop_unwanted()
    assert all(timeout == 0 for _, _, timeout in inbox.handle.calls)


def test_drop_unwanted_does_not_wait_for_a_reader():
    """While another thread waits for a message, subscribing does not wait for it: no call but a receive waits."""
    entered, leave = threading.Event(), threading.Event()

    class Waiting(Script):
        def recv(self, buffer, size, peek, timeout_ms):
            if timeout_ms == -1:
                entered.set()
                assert leave.wait(30)
            return super().recv(buffer, size, peek, timeout_ms)

    inbox = Inbox(Waiting(Piece(b"data")), Life(Phase.UP), True)
    reader = threading.Thread(target=take, args=(inbox, None), daemon=True)
    reader.start()
    assert entered.wait(30)
    subscriber = threading.Thread(target=inbox.drop_unwanted, daemon=True)
    subscriber.start()
    subscriber.join(1)
    waited = subscriber.is_alive()
    leave.set()
    reader.join(30)
    subscriber.join(30)
    assert not waited


def test_catch_up_reads_what_is_queued_and_learns_the_end():
    """catch_up keeps everything that is queued, in order, and knows the end before anybody reads it."""
    inbox = one(Piece(b"a"), SHUTDOWN, Piece(b"b", last=False), Piece(b"c"), DONE, End())
    inbox.catch_up()
    assert inbox.life.over
    assert [take(inbox).data for _ in range(2)] == [b"a", b"bc"]
    with pytest.raises(errors.EndOfAssociation):
        take(inbox)


def test_caught_up_items_are_peeked_and_taken_in_pieces():
    """What catch_up kept is what peek shows and take_piece gives."""
    inbox = one(Piece(b"a"), Piece(b"b"))
    inbox.catch_up()
    assert inbox.peek(9, Deadline(0), "peek").data == b"a"
    assert inbox.take_piece(9, Deadline(0), "recv_partial").data == b"a"
    assert take(inbox).data == b"b"


@pytest.mark.parametrize("call", ["peek", "take_piece"])
def test_caught_up_messages_are_cut_to_size(call):
    """peek and take_piece give at most size bytes of a message that catch_up kept, as of any other."""
    inbox = one(Piece(b"abcdef"))
    inbox.catch_up()
    message = getattr(inbox, call)(3, Deadline(0), "recv_partial")
    assert (message.data, message.complete) == (b"abc", False)
    if call == "take_piece":
        rest = inbox.take_piece(3, Deadline(0), "recv_partial")
        assert (rest.data, rest.complete) == (b"def", True)


def test_catch_up_leaves_a_reader_alone():
    """While another thread reads, catch_up does nothing: that thread hears what there is."""
    inbox = one(Piece(b"a"))
    with another(inbox):
        inbox.catch_up()
    assert inbox.handle.calls == []


def test_catch_up_goes_on_after_a_message_over_the_limit():
    """A message over the limit does not keep catch_up from the end, and is still told to the reader."""
    inbox = one(Piece(b"12345678", last=False), Piece(b"9012"), Piece(b"next"), DONE, End())
    inbox.max_message_bytes = 10
    inbox.catch_up()
    assert inbox.life.over
    with pytest.raises(errors.ReceiveLimitExceeded):
        take(inbox)
    assert take(inbox).data == b"next"
