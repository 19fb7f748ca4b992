"""The end of an association, as each side sees it: the same on every stack (docs/stacks.md, traps 1, 2, 3, 5, 6).

Graceful ends, aborts, what receiving and sending answer afterwards, each time.
"""

from __future__ import annotations

import errno

import pytest

from sctpffi import (
    AssocChange,
    AssocChangeState,
    AssociationAborted,
    Cause,
    EndOfAssociation,
    Event,
    Linger,
    Message,
    NotConnected,
    SendFlag,
    ShutdownEvent,
    Socket,
    errors,
)
from sctpffi.testing import LIMIT, Worker, expected, pair
from sctpffi.testing.pairs import listener


def until_the_end(sock):
    """Everything that is received until the association ends, and how it ended."""
    items = []
    while True:
        try:
            items.append(sock.recv(timeout=LIMIT))
        except errors.Error as exc:
            return items, exc


def changes(items):
    """The states of the association changes among items."""
    return [i.state.name for i in items if isinstance(i, AssocChange)]


def test_graceful_end_seen_by_the_peer(watched):
    """The peer gets queued data, SHUTDOWN_EVENT, SHUTDOWN_COMP, then the end each time (RFC 6458 section 6.1.5)."""
    watched.client.send(b"last")
    watched.client.close()
    items, end = until_the_end(watched.server)
    assert isinstance(end, EndOfAssociation)
    assert isinstance(end, EOFError)
    assert [type(i).__name__ for i in items] == ["AssocChange", "Message", "ShutdownEvent", "AssocChange"]
    assert changes(items) == ["COMM_UP", "SHUTDOWN_COMP"]
    for _ in range(3):
        with pytest.raises(EndOfAssociation):
            watched.server.recv(timeout=LIMIT)


def test_graceful_end_seen_by_the_one_that_shut_down(watched):
    """Who calls shutdown gets SHUTDOWN_COMP and then the end each time, on Linux too (docs/stacks.md, trap 3)."""
    watched.client.shutdown()
    assert isinstance(until_the_end(watched.server)[1], EndOfAssociation)
    items, end = until_the_end(watched.client)
    assert isinstance(end, EndOfAssociation)
    assert changes(items) == ["COMM_UP", "SHUTDOWN_COMP"]
    for _ in range(3):
        with pytest.raises(EndOfAssociation):
            watched.client.recv(timeout=0)


def test_the_end_without_subscriptions(linked):
    """The end is reported to those who subscribed to nothing (docs/stacks.md, traps 3 and 6)."""
    linked.client.shutdown()
    for sock in (linked.server, linked.client):
        for _ in range(2):
            with pytest.raises(EndOfAssociation):
                sock.recv(timeout=LIMIT)


def test_data_still_comes_after_our_shutdown(linked):
    """After shutdown what the peer had sent is still received (RFC 6458 section 4.1.7)."""
    linked.server.send(b"one")
    linked.server.send(b"two")
    linked.client.shutdown()
    assert [linked.client.recv(timeout=LIMIT).data for _ in range(2)] == [b"one", b"two"]
    with pytest.raises(EndOfAssociation):
        linked.client.recv(timeout=LIMIT)


def test_what_was_sent_before_close_arrives(linked):
    """close sends what is queued before it shuts down, also when it follows at once (RFC 9260 section 9.2)."""
    for number in range(50):
        linked.client.send(b"%d" % number)
    linked.client.close()
    items, end = until_the_end(linked.server)
    assert [i.data for i in items] == [b"%d" % n for n in range(50)]
    assert isinstance(end, EndOfAssociation)


def test_close_with_unread_notifications_is_graceful(backend):
    """Closing with notifications unread shuts down, although the BSD stacks would abort (docs/stacks.md, trap 1)."""
    with pair(backend, [Event.ASSOC_CHANGE, Event.PEER_ADDR_CHANGE, Event.SENDER_DRY_EVENT]) as both:
        both.client.send(b"x")
        both.client.close()
        items, end = until_the_end(both.server)
        assert isinstance(end, EndOfAssociation)
        assert b"x" in [i.data for i in items if isinstance(i, Message)]


@pytest.mark.parametrize("end", ["client", "server"])
def test_a_sender_that_never_reads_closes_gracefully(backend, end):
    """Neither end needs to read its internal notifications for a graceful close (docs/stacks.md, trap 1)."""
    with pair(backend) as both:
        closing, other = (both.client, both.server) if end == "client" else (both.server, both.client)
        closing.send(b"x" * 1000)
        closing.close()
        items, how = until_the_end(other)
        assert [i.data for i in items] == [b"x" * 1000]
        assert isinstance(how, EndOfAssociation)


def test_close_with_unread_data_aborts(watched):
    """Closing with data unread aborts, on every stack (RFC 6458 section 4.1.6)."""
    watched.client.send(b"never read")
    assert watched.server.wait_readable(LIMIT)
    while not isinstance(watched.server.peek(), Message):
        watched.server.recv()
    watched.server.close()
    items, end = until_the_end(watched.client)
    assert isinstance(end, AssociationAborted)
    assert changes(items)[-1] == "COMM_LOST"


def test_linger_zero_aborts(watched):
    """Linger on with 0 seconds makes close an abort (RFC 6458 section 8.1.4)."""
    watched.client.opts.linger = Linger(True, 0)
    assert watched.client.opts.linger == Linger(True, 0)
    watched.client.close()
    assert isinstance(until_the_end(watched.server)[1], AssociationAborted)


def test_abort_seen_by_the_peer(watched, backend):
    """abort gives the peer queued data, COMM_LOST with cause 12, then ConnectionResetError each time (RFC 9260 9.1)."""
    watched.client.send(b"before")
    assert watched.server.recv(timeout=LIMIT).state is AssocChangeState.COMM_UP
    assert watched.server.recv(timeout=LIMIT).data == b"before"
    watched.client.abort(b"because")
    lost = watched.server.recv(timeout=LIMIT)
    assert isinstance(lost, AssocChange)
    assert lost.state is AssocChangeState.COMM_LOST
    assert lost.cause is Cause.USER_INITIATED_ABORT
    assert [cause for cause, _ in lost.causes] == [Cause.USER_INITIATED_ABORT]
    text = lost.causes[0][1]
    assert text == (b"because" if expected("abort_reason_one_to_one", backend) else b"")
    for _ in range(3):
        with pytest.raises(ConnectionResetError) as caught:
            watched.server.recv(timeout=LIMIT)
        assert isinstance(caught.value, AssociationAborted)
        assert caught.value.cause == Cause.USER_INITIATED_ABORT
        assert caught.value.errno == errno.ECONNRESET


def test_an_aborted_association_without_subscriptions(linked):
    """An abort raises AssociationAborted each time, with its cause, for those who subscribed to nothing."""
    linked.client.abort()
    for _ in range(3):
        with pytest.raises(AssociationAborted) as caught:
            linked.server.recv(timeout=LIMIT)
        assert caught.value.cause == Cause.USER_INITIATED_ABORT
    with pytest.raises(AssociationAborted):
        linked.server.recv(timeout=0)


def test_abort_closes(linked):
    """abort closes the socket (documented on Socket.abort)."""
    linked.client.abort()
    assert linked.client.closed
    with pytest.raises(errors.ClosedError):
        linked.client.recv(timeout=0)


def test_send_after_the_peers_end(linked):
    """Sending after the association ended gracefully is a BrokenPipeError, whatever the stack's errno."""
    linked.client.close()
    with pytest.raises(EndOfAssociation):
        linked.server.recv(timeout=LIMIT)
    for _ in range(2):
        with pytest.raises(BrokenPipeError) as caught:
            linked.server.send(b"x")
        assert isinstance(caught.value, NotConnected)
        assert caught.value.errno == errno.EPIPE


def test_send_after_the_end_before_reading_it(linked):
    """A sender that has not yet read the end learns it from send, and data that came before is still received."""
    linked.client.send(b"goodbye")
    linked.client.shutdown()  # not close: what reaches a closed end is answered by ABORT
    with pytest.raises(NotConnected):
        for _ in range(100_000):
            linked.server.send(b"x", timeout=LIMIT)
    assert linked.server.recv(timeout=LIMIT).data == b"goodbye"
    with pytest.raises(EndOfAssociation):
        linked.server.recv(timeout=LIMIT)


def test_send_after_an_abort(linked):
    """Sending after the peer's abort raises AssociationAborted, before and after the loss was read."""
    linked.client.abort()
    with pytest.raises(AssociationAborted):
        for _ in range(100_000):
            linked.server.send(b"x", timeout=LIMIT)
    with pytest.raises(AssociationAborted):
        linked.server.recv(timeout=LIMIT)
    with pytest.raises(AssociationAborted):
        linked.server.send(b"x")


def test_send_after_our_shutdown(linked):
    """Sending after shutdown is a BrokenPipeError at once, and again after the end (docs/stacks.md)."""
    linked.client.shutdown()
    with pytest.raises(NotConnected, match="shutdown"):
        linked.client.send(b"x")
    with pytest.raises(EndOfAssociation):
        linked.client.recv(timeout=LIMIT)
    with pytest.raises(NotConnected):
        linked.client.send(b"x")


def test_shutdown_twice_and_after_the_end(linked):
    """shutdown may be called again, also once the association has ended: nothing is left to do."""
    linked.client.shutdown()
    linked.client.shutdown()
    with pytest.raises(EndOfAssociation):
        linked.client.recv(timeout=LIMIT)
    linked.client.shutdown()
    with pytest.raises(EndOfAssociation):
        linked.server.recv(timeout=LIMIT)
    linked.server.shutdown()


def test_eof_and_abort_flags_are_refused(linked):
    """SCTP_EOF and SCTP_ABORT on a one-to-one socket are refused by name on every stack (docs/stacks.md, trap 2)."""
    for flag in (SendFlag.EOF, SendFlag.ABORT):
        with pytest.raises(errors.ArgumentError, match=r"shutdown\(\) or abort\(\)") as caught:
            linked.client.send(b"", flags=flag)
        assert caught.value.argument == "flags"
    linked.client.send(b"unharmed")
    assert linked.server.recv().data == b"unharmed"


def test_the_end_is_readable(linked):
    """The end of the association makes the socket readable (docs/stacks.md: poll after EOF)."""
    linked.client.close()
    assert linked.server.wait_readable(LIMIT)
    with pytest.raises(EndOfAssociation):
        linked.server.recv(timeout=LIMIT)


def test_a_loss_is_readable(linked):
    """An abort makes the socket readable (docs/stacks.md: poll after ABORT)."""
    linked.client.abort()
    assert linked.server.wait_readable(LIMIT)
    with pytest.raises(AssociationAborted):
        linked.server.recv(timeout=LIMIT)


def test_a_waiting_receiver_learns_the_end(linked):
    """A recv that waits ends when the peer shuts down."""
    reader = Worker(until_the_end, linked.server)
    linked.client.send(b"x")
    linked.client.close()
    items, end = reader.join()
    assert [i.data for i in items] == [b"x"]
    assert isinstance(end, EndOfAssociation)


def test_a_waiting_receiver_learns_of_its_own_shutdown(linked):
    """A recv that waits ends when another thread shuts the association down (docs/stacks.md, trap 3)."""
    reader = Worker(until_the_end, linked.client)
    linked.client.shutdown()
    with pytest.raises(EndOfAssociation):
        linked.server.recv(timeout=LIMIT)
    assert isinstance(reader.join()[1], EndOfAssociation)


def test_both_ends_close_at_once(backend):
    """When both ends shut down at the same time both see a graceful end (RFC 9260 section 9.2)."""
    with pair(backend) as both:
        both.client.shutdown()
        both.server.shutdown()
        for sock in (both.client, both.server):
            with pytest.raises(EndOfAssociation):
                sock.recv(timeout=LIMIT)


def test_a_peer_that_aborts_before_accept(backend):
    """A client that aborts before it is accepted does not disturb the listener: it is passed over or seen dead."""
    head, port = listener(backend)
    with head:
        with Socket(backend=backend) as client:
            client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
            client.abort()
        with Socket(backend=backend) as second:
            second.bind("127.0.0.1:0")
            second.connect(f"127.0.0.1:{port}", timeout=LIMIT)
            second.send(b"alive")
            while True:
                server, _ = head.accept(timeout=LIMIT)
                with server:
                    try:
                        assert server.recv(timeout=LIMIT).data == b"alive"
                    except (AssociationAborted, EndOfAssociation):
                        continue  # the first one
                    break


def test_shutdown_event_carries_the_association(watched):
    """SHUTDOWN_EVENT names the association and the peer (RFC 6458 section 6.1.5)."""
    number = watched.server.status().assoc_id
    watched.client.shutdown()
    items, _ = until_the_end(watched.server)
    events = [i for i in items if isinstance(i, ShutdownEvent)]
    assert [e.assoc_id for e in events] == [number]
    assert events[0].type is Event.SHUTDOWN_EVENT
