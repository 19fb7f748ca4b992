"""A compiled module whose options are kept in memory: the real structs and conversions, and no stack.

`handle("linux")` is a ShimHandle over it. What it says to a get can be set, lies included. Nothing is opened.
"""

from __future__ import annotations

import errno
from typing import Any, Callable, Dict, List, Tuple

from sctpffi.backends import load
from sctpffi.backends._shim import ShimHandle

Answer = Callable[[bytes], Any]  # what lies in the block, to what is put there, or a negative code


class StoringLib:
    """The `lib` of a compiled module, but for getting and setting options."""

    def __init__(self, real: Any, ffi: Any) -> None:
        self._real = real
        self._ffi = ffi
        self.kept: Dict[int, bytes] = {}
        self.answers: Dict[int, Answer] = {}
        self.refuse: Dict[int, int] = {}
        self.asked: List[Tuple[int, bytes]] = []  # option and block of every get

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def sfi_setopt(self, pointer: Any, option: int, block: Any, size: int) -> int:
        """Keep the bytes, as a stack may: it never keeps the pointer."""
        if option in self.refuse:
            return -self.refuse[option]
        self.kept[option] = bytes(self._ffi.buffer(block, size))
        return 0

    def sfi_getopt(self, pointer: Any, option: int, block: Any, size: int) -> int:
        """Give back what was kept; EINVAL for too little room, as the stacks say. Only what fits is ever written."""
        given = bytes(self._ffi.buffer(block, size))
        self.asked.append((option, given))
        found = self.answers[option](given) if option in self.answers else self.kept.get(option, given)
        if isinstance(found, int):
            return found
        if len(found) > size:
            return -errno.EINVAL
        self._ffi.buffer(block, len(found))[:] = found
        return len(found)


def handle(name: str) -> Any:
    """A handle of a backend, without a socket; its `_lib` is a StoringLib."""
    backend: Any = load(name)
    found = ShimHandle.__new__(ShimHandle)
    found._backend, found._ffi = backend, backend.ffi
    found._lib = StoringLib(backend.lib, backend.ffi)
    found._ptr = backend.ffi.NULL
    found._rcv = backend.ffi.new("sfi_rcv *")
    found._rcv_view = backend.ffi.buffer(found._rcv)
    return found
