"""asyncio's Waiter reads as soon as the loop finds that there is something: what becomes of that if its task is gone.

Over a pipe; that no message is lost is in tests/contract/test_async_bulk.py and test_async_cancel.py.
"""

from __future__ import annotations

import asyncio
import os
from types import SimpleNamespace

import pytest

from sctpffi import errors
from sctpffi._async_wait import Waiting
from sctpffi.aio import _LoopWaiter

from .script import Piece, one, take

BATCH = ["one", "two"]


@pytest.fixture
def pipe():
    """Its reading end, which is readable; and the writing one."""
    ends = os.pipe()
    os.write(ends[1], b"x")
    yield ends
    for end in ends:
        os.close(end)


def run(pipe, test):
    """Run a test with a waiter for the pipe and the list of what it was given to keep."""

    async def main():
        kept = []
        waiter = _LoopWaiter(pipe[0], kept.append)
        waiter.check()
        try:
            await asyncio.wait_for(test(waiter, kept), 10)
        finally:
            waiter._end()

    asyncio.run(main())


def test_it_reads_early(pipe):
    """What the attempt gives, made by the loop, is what the wait gives; nothing is kept."""

    async def test(waiter, kept):
        assert await waiter.readable(5, lambda: BATCH) is BATCH
        assert kept == []

    run(pipe, test)


def test_an_attempt_in_vain(pipe):
    """An attempt that finds nothing leaves the wait as it is."""
    found = [None, None, BATCH]

    async def test(waiter, kept):
        assert await waiter.readable(5, lambda: found.pop(0)) is BATCH
        assert (found, kept) == ([], [])

    run(pipe, test)


def test_an_error(pipe):
    """An error of ours that the attempt raises is raised by the wait."""

    def attempt():
        raise errors.EndOfAssociation("over")

    async def test(waiter, kept):
        with pytest.raises(errors.EndOfAssociation):
            await waiter.readable(5, attempt)
        assert kept == []

    run(pipe, test)


@pytest.mark.parametrize("when", ["before", "between"])
@pytest.mark.parametrize("outcome", ["batch", "error", "nothing"])
def test_a_task_that_is_cancelled(pipe, when, outcome):
    """If the task is cancelled during the attempt, or before its turn, what was read is put back, errors too."""
    error = errors.ReceiveLimitExceeded(1, 2)

    async def test(waiter, kept):
        tries = []

        def attempt():
            if not tries:
                if when == "before":
                    task.cancel()
                else:
                    asyncio.get_running_loop().call_soon(task.cancel)
            tries.append(1)
            if outcome == "error":
                raise error
            return BATCH if outcome == "batch" else None

        task = asyncio.ensure_future(waiter.readable(5, attempt))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert kept == {"batch": [BATCH], "error": [error], "nothing": []}[outcome]
        assert tries == [1]

    run(pipe, test)


def test_time(pipe):
    """A wait without an attempt just waits: for the descriptor, or for its time."""
    os.read(pipe[0], 1)

    async def test(waiter, kept):
        assert await waiter.readable(0.01, lambda: BATCH) is None
        os.write(pipe[1], b"x")
        assert await waiter.readable(5, None) is None
        assert kept == []

    run(pipe, test)


# -- what is put back


class Kept(Waiting):
    """Something that waits, over a script."""

    def __init__(self, *items) -> None:
        self.socket = SimpleNamespace(_inbox=one(*items))


def test_a_batch_is_put_back_in_its_order():
    """A batch, a single item and an error are delivered next, before what comes after them."""
    waiting = Kept(Piece(b"1"), Piece(b"2"), Piece(b"3"))
    inbox = waiting.socket._inbox
    inbox.catch_up()
    first = list(inbox._pending)
    inbox._pending.clear()
    waiting._keep(errors.ReceiveLimitExceeded(1, 2))
    waiting._keep(first[0])
    waiting._keep(first[1:])
    assert [take(inbox).data for _ in range(3)] == [b"2", b"3", b"1"]
    with pytest.raises(errors.ReceiveLimitExceeded):
        take(inbox)


def test_a_busy_arena_is_nobody_elses():
    """ResourceBusy is told to the call that met it only: nothing was read, so the next one has nothing to hear."""
    waiting = Kept(Piece(b"1"))
    waiting._keep(errors.ResourceBusy("recv_many: busy"))
    assert take(waiting.socket._inbox).data == b"1"
