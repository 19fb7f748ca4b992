"""Turn: one at a time, those who wait in line, and no look at the clock where it is free."""

from __future__ import annotations

import threading
import time

import pytest

from sctpffi import _turn
from sctpffi._turn import Turn
from sctpffi.testing import Worker


def test_one_at_a_time():
    """It is given to one, and to the next one when that one gives it back."""
    turn = Turn()
    assert not turn.taken()
    assert turn.take_now()
    assert turn.taken()
    assert not turn.take_now()
    with pytest.raises(IndexError):
        turn.take()
    turn.give()
    assert turn.take_now()


def test_waiting_for_it(monkeypatch):
    """Waiting ends when the time is up, and not before; nobody is in line then."""
    turn = Turn()
    turn.take()
    start = time.monotonic()
    assert not turn.take_soon(0.05)
    assert time.monotonic() - start >= 0.05
    assert not turn.take_soon(0)
    assert turn.queueing == 0
    turn.give()
    monkeypatch.setattr(_turn, "monotonic", lambda: 1 / 0)
    assert turn.take_soon(1)  # free: without a look at the clock


@pytest.mark.parametrize("seconds", [None, 30])
def test_it_is_handed_on(seconds):
    """Everybody who waits gets it in the end, and never two at once."""
    turn, inside, most, count = Turn(), [], [], [0]

    def work() -> None:
        for _ in range(500):
            if count[0] % 3:
                assert turn.take_soon(seconds)
            else:
                while not turn.take_now():
                    time.sleep(0)  # lets the others run, which is all that is wanted
            inside.append(1)
            most.append(len(inside))
            count[0] += 1
            inside.pop()
            turn.put(True)
            if turn.queueing:
                turn.tell()

    for worker in [Worker(work) for _ in range(6)]:
        worker.join()
    assert count[0] == 3000
    assert max(most) == 1
    assert not turn.taken()


def test_who_waits_is_told():
    """Who waits for ever gets it as soon as it is given back."""
    turn = Turn()
    turn.take()
    waiter = Worker(turn.take_soon, None)
    while not turn.queueing:
        time.sleep(0)  # lets the waiter run, until it says that it waits
    assert waiter.alive
    turn.give()
    assert waiter.join()
    assert turn.taken()


def test_a_waiter_that_is_interrupted_leaves_the_line(monkeypatch):
    """An exception in a wait, as by Ctrl-C, leaves nobody in line and the turn with whom it was."""
    turn = Turn()
    turn.take()

    def interrupt(self, timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Condition, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        turn.take_soon(None)
    assert turn.queueing == 0
    assert turn.taken()


def test_a_waiter_that_is_interrupted_hands_on_what_woke_it():
    """Who is told that the turn is free, and is interrupted before it takes it, does not leave the others waiting."""
    turn = Turn()
    turn.take()
    other = Worker(turn.take_soon, None)
    while not turn.queueing:
        time.sleep(0)  # lets the other run, until it says that it waits
    given = turn._given
    wait = given.wait

    def interrupt(timeout=None):
        turn.put(True)  # whoever had it told this one alone
        raise KeyboardInterrupt

    given.wait = interrupt
    with pytest.raises(KeyboardInterrupt):
        turn.take_soon(None)
    given.wait = wait
    assert other.join(10)
