"""The inbox over arbitrary scripts of pieces, notifications, errors and ends: no hang, no loss, no error but ours.

A compiled module decodes the notifications, from arbitrary bytes. A plain model says what whole messages there are.
"""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sctpffi import errors
from sctpffi._wait import Deadline
from sctpffi.backends import _build_info
from sctpffi.bulk import Arena
from sctpffi.enums import AssocChangeState, Event
from sctpffi.inbox import BUFFER_BYTES, Inbox
from sctpffi.lifecycle import Life, Phase
from sctpffi.messages import Message
from sctpffi.notifications import Notification
from sctpffi.subscriptions import INTERNAL, Wanted

from .near import natives, script

BUILT = tuple(_build_info.BUILT)
STACKS = {name: natives.Stack(name) for name in BUILT}
SAMPLES = {name: [sample.data for sample in natives.samples(stack).values()] for name, stack in STACKS.items()}
ERRNOS = (errno.EAGAIN, errno.EINTR, errno.ECONNRESET, errno.ETIMEDOUT, errno.ECONNABORTED, errno.ENOTCONN)
ERRNOS += (errno.EPIPE, errno.EINVAL, errno.EBADF, errno.ENOMEM, errno.EHOSTUNREACH, 100001, 9999)


class NativeNote(script.Fragment):
    """A notification of arbitrary bytes."""


class NativeScript(script.Script):
    """A script whose notifications a compiled module decodes."""

    def __init__(self, stack, *items) -> None:
        super().__init__(*items)
        self.stack = stack

    def decode(self, data, source):
        """What the shim makes of the bytes."""
        return self.stack.handle.decode(data, source)


def _piece(parts):
    data, last, assoc, stream, ssn, unordered, following = parts
    return script.Piece(data, last, assoc, stream, ssn, unordered, (1, 2, 3, 4, 5) if following else None)


def _pieces(data):
    numbers = st.integers(0, 2), st.integers(0, 1), st.integers(0, 1)
    return st.tuples(data, st.booleans(), *numbers, st.booleans(), st.booleans()).map(_piece)


short_pieces = _pieces(st.binary(min_size=1, max_size=12))
long_pieces = _pieces(st.integers(1, 3).map(lambda n: b"x" * (BUFFER_BYTES * n + n - 2)))
pieces = st.one_of(short_pieces, short_pieces, long_pieces)
changes = st.tuples(st.sampled_from(AssocChangeState), st.integers(0, 2)).map(
    lambda t: script.Note(Event.ASSOC_CHANGE, t[0], t[1])
)


@st.composite
def scripts(draw, name):
    """What a stack may give, one receive after the other."""
    notes = st.one_of(st.sampled_from(SAMPLES[name]), st.binary(min_size=1, max_size=60))
    native = st.tuples(notes, st.integers(0, 40), st.booleans()).map(
        lambda t: NativeNote(t[0][: t[1]] or t[0], last=t[2])
    )
    ends = st.builds(script.End)
    failures = st.sampled_from(ERRNOS).map(lambda number: -number)
    item = st.one_of(pieces, pieces, native, native, failures, ends)
    return draw(st.lists(item, max_size=12))


calls = st.one_of(
    st.just(("take",)),
    st.just(("take",)),
    st.tuples(st.just("piece"), st.one_of(st.integers(1, 9), st.just(BUFFER_BYTES * 2))),
    st.tuples(st.just("peek"), st.one_of(st.integers(1, 9), st.just(BUFFER_BYTES * 2))),
    st.just(("drop",)),
    st.just(("catch up",)),
    st.tuples(st.just("many"), st.integers(1, 9), st.booleans()),
    st.tuples(st.just("limit"), st.sampled_from([0, 1, 10, 2**20])),
    st.tuples(st.just("want"), st.sampled_from(sorted(INTERNAL)), st.booleans(), st.integers(0, 9)),
)


def call(inbox, name, *arguments):
    """One call of the inbox, and what it gave."""
    if name == "take":
        return inbox.take(Deadline(0), "recv")
    if name == "piece":
        return inbox.take_piece(arguments[0], Deadline(0), "recv_partial")
    if name == "peek":
        return inbox.peek(arguments[0], Deadline(0), "peek")
    if name == "many":
        count, views = arguments
        found = script.take_many(inbox, count, views)
        assert 0 < len(found) <= count
        assert all(isinstance(item, (Message, Notification)) for item in found)
        return None
    if name == "drop":
        return inbox.drop_unwanted()
    if name == "catch up":
        return inbox.catch_up()
    if name == "limit":
        inbox.max_message_bytes = arguments[0]
    else:
        inbox.wanted.change(*arguments, (1, 2))
    return None


@pytest.mark.parametrize("name", BUILT)
@given(data=st.data())
def test_every_call_ends_with_something_of_ours(name, data):
    """Any calls over any script give messages, notifications or errors of ours, and end."""
    items = data.draw(scripts(name))
    phase = data.draw(st.sampled_from([Phase.NEW, Phase.CONNECTING, Phase.UP]))
    inbox = Inbox(NativeScript(STACKS[name], *items), Life(phase), data.draw(st.booleans()))
    inbox.wanted = Wanted(data.draw(st.sets(st.sampled_from(sorted(INTERNAL)))))
    for step in data.draw(st.lists(calls, max_size=20)):
        try:
            found = call(inbox, *step)
        except errors.Error as exc:
            assert str(exc)
        else:
            assert found is None or isinstance(found, (Message, Notification))
            if isinstance(found, Message) and step[0] in ("piece", "peek"):
                assert len(found.data) <= step[1]
        assert not inbox._turn.taken()
    received = [*inbox.handle.calls, *inbox.handle.batches]
    assert len(received) < 100 + 20 * len(items)
    assert all(timeout == 0 for _, _, timeout in received)


def whole_messages(items):
    """The messages in a list of pieces: those of one association, stream and order belong together until the last."""
    begun, found = {}, []
    for item in items:
        key = (item.assoc, item.stream, item.unordered)
        ssn, data = begun.pop(key, (item.ssn, b""))
        if ssn != item.ssn and not item.unordered:
            data = b""  # abandoned half-way
        data += item.data
        if item.last:
            found.append(data)
        else:
            begun[key] = (item.ssn, data)
    return found


@given(st.lists(pieces, max_size=12))
def test_pieces_become_the_messages_that_they_were(items):
    """Pieces in any order give the same messages as a plain model of RFC 6458 section 3.1.4 and RFC 8260 section 2."""
    expected = whole_messages(items)
    assert script.drain(script.many(*items)) == expected


@given(st.lists(pieces, max_size=20), st.lists(st.integers(0, 5), max_size=20), st.booleans(), st.integers(0, 30))
def test_batches_are_the_messages_that_they_were(items, counts, views, limit):
    """By batches of any size, between other calls, with views or without, the same messages come in the same order."""
    sizes = [len(data) for data in whole_messages(items)]
    expected = [data if size <= limit * 1000 else size for data, size in zip(whole_messages(items), sizes)]
    inbox, arena, found = script.many(*items), Arena(), []
    inbox.max_message_bytes = limit * 1000
    counts = [*counts, *[3] * 100]
    while True:
        try:
            count = counts.pop(0)
            batch = script.take_many(inbox, count, views, arena) if count else [inbox.take(Deadline(0), "recv")]
            found += [bytes(message.data) for message in batch]
        except errors.ReceiveLimitExceeded as exc:
            found.append(exc.length_bytes)
        except errors.WouldBlock:
            break
    assert found == expected


@given(st.lists(pieces, max_size=8), st.lists(st.integers(0, 8), max_size=4), st.sampled_from([0, 1, 5]))
def test_what_came_early_is_not_lost(items, early, peeked):
    """Reading ahead, peeking and subscribing lose and reorder nothing (RFC 6458 section 3.1.4)."""
    expected = whole_messages(items)
    inbox = script.many(*items)
    found = []
    for _ in early:
        inbox.catch_up()
        inbox.drop_unwanted()
        if peeked and inbox._pending:
            inbox.peek(peeked, Deadline(0), "peek")
        if inbox._pending:
            found.append(inbox.take(Deadline(0), "recv").data)
    assert found + script.drain(inbox) == expected


@given(
    st.one_of(
        st.tuples(st.lists(short_pieces, max_size=8), st.integers(1, 15)),
        st.tuples(st.lists(pieces, max_size=4), st.integers(BUFFER_BYTES // 2, BUFFER_BYTES * 2)),
    )
)
def test_pieces_on_demand_are_all_there_is(case):
    """Asked for in pieces, every byte comes once and in order, and a piece that ends a message says so."""
    items, size = case
    inbox = script.many(*items)
    data, ends = b"", 0
    with pytest.raises(errors.WouldBlock):
        while True:
            piece = inbox.take_piece(size, Deadline(0), "recv_partial")
            assert 0 < len(piece.data) <= min(size, BUFFER_BYTES)
            data += piece.data
            ends += piece.complete
    assert data == b"".join(item.data for item in items)
    assert ends == sum(item.last for item in items)


@given(st.lists(pieces, max_size=8), st.integers(0, 30))
def test_the_limit_drops_what_is_longer_and_nothing_else(items, limit):
    """A message over the limit is dropped with its length told, and all others come (docs of max_message_bytes)."""
    expected = whole_messages(items)
    inbox = script.many(*items)
    inbox.max_message_bytes = limit
    found = []
    while True:
        try:
            found.append(len(inbox.take(Deadline(0), "recv").data))
        except errors.ReceiveLimitExceeded as exc:
            assert exc.length_bytes > exc.limit_bytes == limit
            found.append(exc.length_bytes)
        except errors.WouldBlock:
            break
    assert found == [len(data) for data in expected]


@given(st.lists(st.one_of(pieces, changes), max_size=12))
def test_associations_end_with_their_half_messages(items):
    """The end of an association takes its half messages along, and no others (RFC 6458 section 6.1.1)."""
    begun, expected = [], []
    for item in items:
        if isinstance(item, script.Note):
            if item.state in (AssocChangeState.COMM_LOST, AssocChangeState.SHUTDOWN_COMP, AssocChangeState.RESTART):
                begun = [piece for piece in begun if piece.assoc != item.assoc_id]
            continue
        before = len(whole_messages(begun))
        begun.append(item)
        expected += whole_messages(begun)[before:]
    assert script.drain(script.many(*items)) == expected
