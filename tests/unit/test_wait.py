"""Deadlines and time-outs: what is left of them, and which ones are refused.

The clock is a fake one: nothing here waits.
"""

from __future__ import annotations

import math

import pytest

from sctpffi import _wait
from sctpffi._wait import Deadline, OwnDeadline, check_timeout
from sctpffi.errors import ArgumentError, ArgumentTypeError


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is moved."""
    now = [1000.0]
    monkeypatch.setattr(_wait.time, "monotonic", lambda: now[0])
    return now


def test_no_deadline_is_for_ever(clock):
    """None is for ever: -1 for the shim, however late it is."""
    deadline = Deadline(None)
    clock[0] += 10**9
    assert deadline.left_ms() == -1
    assert deadline.seconds is None


@pytest.mark.parametrize(
    ("passed", "left"), [(0.0, 2000), (0.5, 1500), (1.9995, 1), (1.99999, 1), (2.0, 0), (2.5, 0), (10**6, 0)]
)
def test_what_is_left_is_rounded_up(clock, passed, left):
    """What is left is in whole milliseconds, rounded up so that no wait ends early, and never below zero."""
    deadline = Deadline(2)
    clock[0] += passed
    assert deadline.left_ms() == left
    assert deadline.seconds == 2


def test_zero_does_not_wait(clock):
    """A time-out of 0 has nothing left from the start."""
    assert Deadline(0).left_ms() == 0


def test_tiny_timeout_still_waits(clock):
    """A time-out below a millisecond waits for one, for 0 would not wait at all."""
    assert Deadline(1e-6).left_ms() == 1


@pytest.mark.parametrize("value", [None, 0, 0.0, 1, 0.25, 10**9])
def test_good_timeouts_pass(value):
    """None, and numbers of seconds from 0 on, are taken as they are."""
    assert check_timeout(value) == value


@pytest.mark.parametrize("value", [10**9 + 1, 1e300, math.inf, 10**400])
def test_immense_timeouts_are_for_ever(value):
    """A time-out beyond what a clock can count is for ever."""
    assert check_timeout(value) is None


@pytest.mark.parametrize("value", [-1, -1e-9, -math.inf, math.nan, -(10**400)], ids=lambda v: str(v)[:8])
def test_bad_timeouts_are_refused_by_name(value):
    """A time-out that is negative, or no number, is an ArgumentError about `timeout`."""
    with pytest.raises(ArgumentError) as caught:
        check_timeout(value)
    assert caught.value.argument == "timeout"


@pytest.mark.parametrize("value", ["1", b"1", True, False, [], 1j, object], ids=repr)
def test_timeouts_of_another_type_are_refused_by_name(value):
    """A time-out of another type, bool included, is an ArgumentTypeError about `timeout`."""
    with pytest.raises(ArgumentTypeError) as caught:
        check_timeout(value)
    assert caught.value.argument == "timeout"


class _Holder:
    """What has a time-out of its own."""

    def __init__(self, timeout) -> None:
        self.timeout = timeout

    def gettimeout(self):
        """The time-out as it is now."""
        return self.timeout


def test_own_timeout_counts_from_the_call(clock):
    """A socket's own time-out counts from when the call began; the shim is told what of it has passed."""
    deadline = OwnDeadline(_Holder(2))
    clock[0] += 0.5
    assert (deadline.left_ms(), deadline.shim_ms(), deadline.seconds) == (1500, -502, 2)


def test_own_timeout_without_one_looks_at_no_clock(monkeypatch):
    """Without a time-out nobody looks at the clock, which is a system call in some virtual machines."""
    monkeypatch.setattr(_wait.time, "monotonic", lambda: 1 / 0)
    deadline = OwnDeadline(_Holder(None))
    assert (deadline.left_ms(), deadline.shim_ms(), deadline.seconds) == (-1, -2, None)


def test_own_timeout_that_is_set_later(clock):
    """A time-out that is set while the call waits counts from the first look after that."""
    holder = _Holder(None)
    deadline = OwnDeadline(holder)
    assert deadline.shim_ms() == -2
    clock[0] += 5
    holder.timeout = 2
    assert deadline.left_ms() == 2000
    clock[0] += 1.5
    assert (deadline.left_ms(), deadline.shim_ms()) == (500, -1502)
    holder.timeout = 0
    assert (deadline.left_ms(), deadline.shim_ms()) == (0, 0)
