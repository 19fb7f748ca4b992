"""The life of an association: what receiving and sending answer after each sequence of notifications and errors.

The stacks disagree on what they answer once an association ended, so these answers come from here, and each time
anew.
"""

from __future__ import annotations

import errno

import pytest

from sctpffi import errors
from sctpffi.enums import AssocChangeState, Cause
from sctpffi.errors import from_code
from sctpffi.lifecycle import Life, Phase
from sctpffi.notifications import AssocChange, PeerAddrChange, ShutdownEvent

CAUSE = b"\0\x0c\0\x07bye\0"


def change(state, cause=Cause.NONE, info=b"", assoc_id=7):
    """An ASSOC_CHANGE."""
    return AssocChange(assoc_id, None, AssocChangeState[state], Cause(cause), None, None, None, info)


def failure(number):
    """The error that an errno of the stack becomes."""
    return from_code(-number, "recv")


UP = change("COMM_UP")
RESTART = change("RESTART")
DONE = change("SHUTDOWN_COMP")
ABORTED = change("COMM_LOST", Cause.USER_INITIATED_ABORT, CAUSE)
ABORTED_BARE = change("COMM_LOST", Cause.USER_INITIATED_ABORT)
SILENT = change("COMM_LOST")
REFUSED = change("CANT_STR_ASSOC", Cause.USER_INITIATED_ABORT, CAUSE)
UNANSWERED = change("CANT_STR_ASSOC")
SHUTDOWN = ShutdownEvent(7, None)
RESET, TIMED_OUT, NO_LISTENER = errno.ECONNRESET, errno.ETIMEDOUT, errno.ECONNREFUSED

END = errors.EndOfAssociation
ABORT = errors.AssociationAborted
GONE = errors.NotConnected
# A name, what was heard (notifications, and errnos as errors), the phase, and what receiving and sending answer.
SEQUENCES = [
    ("up", [UP], Phase.UP, END, GONE),
    ("restarted", [UP, RESTART], Phase.UP, END, GONE),
    ("graceful", [UP, SHUTDOWN, DONE], Phase.ENDED, END, GONE),
    ("graceful, ours", [UP, DONE], Phase.ENDED, END, GONE),
    ("peer shuts down", [UP, SHUTDOWN], Phase.UP, END, GONE),
    ("aborted", [UP, ABORTED], Phase.LOST, ABORT, ABORT),
    ("aborted without info", [UP, ABORTED_BARE], Phase.LOST, ABORT, ABORT),
    ("aborted, then reset", [UP, ABORTED, RESET], Phase.LOST, ABORT, ABORT),
    ("aborted, then refused", [UP, ABORTED, NO_LISTENER], Phase.LOST, ABORT, ABORT),
    ("reset alone", [UP, RESET], Phase.LOST, ABORT, ABORT),
    ("silent peer", [UP, SILENT], Phase.LOST, errors.AssociationTimedOut, errors.AssociationTimedOut),
    ("silent peer, errno", [UP, TIMED_OUT], Phase.LOST, errors.AssociationTimedOut, errors.AssociationTimedOut),
    # The stack's errno is surer than the guess by a notification without a cause.
    ("guess corrected", [UP, SILENT, RESET], Phase.LOST, ABORT, ABORT),
    ("aborted in shutdown", [UP, SHUTDOWN, ABORTED], Phase.LOST, ABORT, ABORT),
    ("refused", [REFUSED], Phase.LOST, errors.ConnectionRefused, errors.ConnectionRefused),
    ("refused, errno", [NO_LISTENER], Phase.LOST, errors.ConnectionRefused, errors.ConnectionRefused),
    ("refused twice", [NO_LISTENER, UNANSWERED], Phase.LOST, errors.ConnectionRefused, errors.ConnectionRefused),
    ("guess refused", [UNANSWERED, NO_LISTENER], Phase.LOST, errors.ConnectionRefused, errors.ConnectionRefused),
    ("never answered", [UNANSWERED], Phase.LOST, errors.ConnectTimeout, errors.ConnectTimeout),
]
OVER = [row for row in SEQUENCES if row[2] is not Phase.UP]


def live(heard, start=Phase.CONNECTING):
    """A life that heard all this."""
    life = Life(start)
    for item in heard:
        if isinstance(item, int):
            life.fail(failure(item))
        else:
            life.hear(item)
    return life


def ids(rows):
    """The names of a table's rows."""
    return [row[0] for row in rows]


@pytest.mark.parametrize(("name", "heard", "phase", "receive", "send"), SEQUENCES, ids=ids(SEQUENCES))
def test_phase_follows_what_was_heard(name, heard, phase, receive, send):
    """After what was heard the association is in this phase, and over unless it is up."""
    life = live(heard)
    assert life.phase is phase
    assert life.over is (phase is not Phase.UP)


@pytest.mark.parametrize(("name", "heard", "phase", "receive", "send"), OVER, ids=ids(OVER))
def test_answers_are_the_same_each_time_and_new(name, heard, phase, receive, send):
    """Once it is over, receiving and sending answer the same each time, with a new exception each time."""
    life = live(heard)
    for answer, cls in ((life.receive_error, receive), (life.send_error, send)):
        first, second = answer("recv"), answer("recv")
        assert type(first) is type(second) is cls
        assert first is not second
        assert str(first) == str(second)


@pytest.mark.parametrize(("name", "heard", "phase", "receive", "send"), SEQUENCES, ids=ids(SEQUENCES))
def test_sending_answers(name, heard, phase, receive, send):
    """Once the stack refuses to send, this is why."""
    assert type(live(heard).send_error("send")) is send


@pytest.mark.parametrize("heard", [[UP, ABORTED], [UP, ABORTED, RESET]], ids=["notification", "then errno"])
def test_loss_tells_the_cause(heard):
    """The cause and its bytes, which only the notification has, are in every answer (RFC 9260 section 3.3.10)."""
    life = live(heard)
    for answer in (life.receive_error, life.send_error, life.loss):
        error = answer("recv")
        assert (error.cause, error.info) == (Cause.USER_INITIATED_ABORT, CAUSE)


def test_loss_without_notification_has_no_cause():
    """An errno alone tells no cause."""
    error = live([UP, RESET]).receive_error("recv")
    assert (error.cause, error.info) == (0, b"")


def test_failed_set_up_has_no_cause_attribute():
    """A refused connection is no lost association, and has none of its attributes."""
    error = live([REFUSED]).receive_error("connect")
    assert not isinstance(error, errors.AssociationLost)
    assert not hasattr(error, "cause")


def test_context_is_in_the_answers():
    """Operation, ends and backend are those of the call that asks, not of the one that first failed."""
    life = live([UP, RESET])
    error = life.receive_error("peek", backend="linux", local="10.0.0.1:1", remote="10.0.0.2:2")
    assert (error.op, error.backend, error.local, error.remote) == ("peek", "linux", "10.0.0.1:1", "10.0.0.2:2")
    assert "peek" in str(live([UP, DONE]).receive_error("peek"))
    assert live([UP, DONE]).send_error("send", backend="linux").backend == "linux"


@pytest.mark.parametrize(
    ("heard", "shut_down", "detail"),
    [
        ([], False, "there is no association"),
        ([UP], True, "shutdown() was called"),
        ([UP, SHUTDOWN], False, "the association was shut down"),
        ([UP, SHUTDOWN], True, "the association was shut down"),
        ([UP, SHUTDOWN, DONE], False, "the association was shut down"),
    ],
)
def test_sending_says_why(heard, shut_down, detail):
    """NotConnected says whether there never was an association, we shut it down, or it ended."""
    life = live(heard)
    life.shut_down = shut_down
    assert life.send_error("send").detail == detail


@pytest.mark.parametrize("start", [Phase.NEW, Phase.CONNECTING, Phase.UP])
def test_coming_up_tells_the_association(start):
    """COMM_UP and RESTART bring the association id."""
    for event in (change("COMM_UP", assoc_id=33), change("RESTART", assoc_id=33)):
        life = live([event], start)
        assert (life.phase, life.assoc_id) == (Phase.UP, 33)


def test_shutdown_event_does_not_end_it():
    """After the peer's SHUTDOWN its data may still be read (RFC 9260 section 9.2)."""
    life = live([UP, SHUTDOWN])
    assert life.peer_shut_down
    assert not life.over


@pytest.mark.parametrize(("name", "heard", "phase", "receive", "send"), OVER, ids=ids(OVER))
def test_eof_after_the_end_changes_nothing(name, heard, phase, receive, send):
    """An EOF of the stack after the end says only that nothing more will come: BSD gives one after an ABORT too."""
    life = live(heard)
    assert not life.drained
    life.end()
    assert life.drained
    assert (life.phase, type(life.receive_error("recv"))) == (phase, receive)


def test_eof_alone_ends_it():
    """An EOF of the stack without any notification is a graceful end."""
    life = live([UP])
    life.end()
    assert (life.phase, life.drained) == (Phase.ENDED, True)
    assert type(life.receive_error("recv")) is END


def test_other_notifications_change_nothing():
    """What is about addresses, or unknown, leaves the life as it is."""
    address_change = PeerAddrChange(7, None, None, 2, 0)
    unknown = AssocChange(7, None, AssocChangeState(0x10063), Cause.NONE, None, None, None, b"")
    life = live([UP, address_change, unknown])
    assert life.phase is Phase.UP
    assert not life.peer_shut_down


def test_new_life_is_not_over():
    """A new socket's association has neither begun nor ended."""
    life = Life()
    assert (life.phase, life.over, life.assoc_id) == (Phase.NEW, False, 0)
