"""Turn: one at a time, for the hot path: whose turn it is to read a socket.

A lock in all but one thing: taking it while it is free looks at no clock, as `threading.Lock` does on CPython before
3.13. Knows nothing of what is done in a turn.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import Callable, Optional


class Turn:
    """Given to one at a time. queueing: how many wait for it.

    For every message: take() raises IndexError while another has it, and put(True), with tell() if somebody is
    queueing, is `give`.
    """

    __slots__ = ("take", "put", "queueing", "_free", "_given")

    def __init__(self) -> None:
        self._free = [True]  # lists pop and append atomically
        self.take: Callable[[], bool] = self._free.pop
        self.put: Callable[[bool], None] = self._free.append
        self.queueing = 0
        self._given = threading.Condition()

    def take_soon(self, seconds: Optional[float]) -> bool:
        """Wait for it, for so long; None is for ever. Whether it was given."""
        if self.take_now():
            return True
        end = None if seconds is None else monotonic() + seconds
        with self._given:
            self.queueing += 1  # first: who gives it back from here on tells
            try:
                while not self.take_now():
                    left = None if end is None else end - monotonic()
                    if left is not None and left <= 0:
                        return False
                    self._given.wait(left)
            except BaseException:
                self._given.notify()  # what woke this one is for another now
                raise
            finally:
                self.queueing -= 1
        return True

    def take_now(self) -> bool:
        """Take it if nobody has it."""
        try:
            return self.take()
        except IndexError:
            return False

    def give(self) -> None:
        """Give it back."""
        self.put(True)
        if self.queueing:
            self.tell()

    def tell(self) -> None:
        """Have one of those who wait for it look again."""
        with self._given:
            self._given.notify()

    def taken(self) -> bool:
        """Whether somebody has it."""
        return not self._free
