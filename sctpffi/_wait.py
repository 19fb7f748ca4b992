"""Deadlines: a time-out in seconds as callers give it, and what is left of it in milliseconds.

The waiting itself happens in the shim; nothing here sleeps.
"""

from __future__ import annotations

import math
import time
from typing import Optional, Protocol

from sctpffi.errors import ArgumentError, ArgumentTypeError

_MAX_SECONDS = 10**9


class Deadline:
    """A point in time, or never. begun: when the call began, if that was before now."""

    __slots__ = ("_at", "_seconds")

    def __init__(self, seconds: Optional[float], begun: Optional[float] = None) -> None:
        self._seconds = seconds
        self._at = None if seconds is None else (time.monotonic() if begun is None else begun) + seconds

    @property
    def seconds(self) -> Optional[float]:
        """The time-out that was given."""
        return self._seconds

    def left_ms(self) -> int:
        """What is left, rounded up; -1 is for ever."""
        if self._at is None:
            return -1
        return max(0, math.ceil((self._at - time.monotonic()) * 1000))

    def shim_ms(self) -> int:
        """What is left, as a backend's calls take it."""
        return self.left_ms()

    def left(self) -> Optional[float]:
        """What is left in seconds; None is for ever."""
        left = self.left_ms()
        return None if left < 0 else left / 1000


class _NoWait(Deadline):
    """A deadline that has passed."""

    __slots__ = ()

    def left_ms(self) -> int:
        return 0


NO_WAIT = _NoWait(0)


class HasTimeout(Protocol):
    """What has a time-out of its own."""

    def gettimeout(self) -> Optional[float]: ...


class OwnDeadline(Deadline):
    """The time-out that a socket has of its own; another thread may change it while a call waits.

    Without a time-out nobody looks at the clock: one that is set while the call waits counts from its first wait.
    """

    __slots__ = ("_holder", "_begun")

    def __init__(self, holder: HasTimeout, begun: Optional[float] = None) -> None:
        self._holder = holder
        self._begun = time.monotonic() if begun is None and holder.gettimeout() is not None else begun

    @property
    def seconds(self) -> Optional[float]:
        return self._holder.gettimeout()

    def left_ms(self) -> int:
        seconds = self._holder.gettimeout()
        if seconds is None:
            return -1
        now = time.monotonic()
        if self._begun is None:
            self._begun = now
        return max(0, math.ceil((self._begun + seconds - now) * 1000))

    def shim_ms(self) -> int:
        if self._holder.gettimeout() == 0:
            return 0
        return -2 if self._begun is None else -2 - int((time.monotonic() - self._begun) * 1000)


def check_timeout(timeout: Optional[float]) -> Optional[float]:
    """A time-out in seconds as every waiting call takes it: None waits for ever, 0 does not wait.

    Raises ArgumentError if it is negative or no number of seconds.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise ArgumentTypeError("timeout", f"a number of seconds or None, not {type(timeout).__name__}")
    if not timeout >= 0:  # also refuses nan
        raise ArgumentError("timeout", f"{timeout} is not a number of seconds >= 0")
    return None if timeout > _MAX_SECONDS else timeout
