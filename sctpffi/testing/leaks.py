"""Census: counts of what a test must give back, open sockets of a backend and descriptors of the process.

Only counts; deciding and failing is the caller's.
"""

from __future__ import annotations

import fcntl
import gc
from typing import List

from sctpffi.backends import load


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
        found = []
        for fd in range(512):
            try:
                fcntl.fcntl(fd, fcntl.F_GETFD)
            except OSError:
                continue
            found.append(fd)
        return found

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
