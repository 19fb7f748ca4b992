"""Census: counts of what a test must give back, open sockets of a backend and descriptors of the process.

Only counts; deciding and failing is the caller's.
"""

from __future__ import annotations

import gc
import select
from typing import List

from sctpffi.backends import load

_MOST = 512  # descriptors that are looked at
_all = select.poll()
for _fd in range(_MOST):
    _all.register(_fd, 0)


class Census:
    """What is open when it is made; `leaks` tells what came since and stayed."""

    def __init__(self, backend: str) -> None:
        self._backend = load(backend)
        self.handles = self._backend.live_handles()
        self.descriptors = self._open_descriptors()

    @staticmethod
    def _collect() -> None:
        for _ in range(3):  # PyPy runs finalizers one collection later
            gc.collect()

    @staticmethod
    def _open_descriptors() -> List[int]:
        """By one system call: a suite asks twice for each test, and emulated machines are slow."""
        closed = {fd for fd, events in _all.poll(0) if events & select.POLLNVAL}
        return [fd for fd in range(_MOST) if fd not in closed]

    def leaks(self) -> List[str]:
        """One sentence for each kind of leak; empty if there is none. What only garbage holds is no leak."""
        found = self._count()
        if found:
            self._collect()
            found = self._count()
        return found

    def _count(self) -> List[str]:
        found = []
        handles = self._backend.live_handles()
        if handles > self.handles:
            found.append(f"{handles - self.handles} sockets of {self._backend.name} are still open")
        fds = [fd for fd in self._open_descriptors() if fd not in self.descriptors]
        if fds:
            found.append(f"descriptors {fds} are still open")
        return found
