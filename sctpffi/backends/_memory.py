"""Memory that the shim reads into, as Python sees it: for one message, and for many with what came with each.

The layouts of struct sfi_rcv are here; what is done with the bytes is not.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Iterator, Tuple

from sctpffi.backends.base import RECEIVED, Raw, RawNext

# struct sfi_rcv without next_*, what these are, and all of it; tests/abi checks them against the compiler's layout.
RCV = RECEIVED
NEXT = struct.Struct("=5I")
EACH = struct.Struct("=12I16s2I20x")
_PLACES = struct.Struct("=64x2I20x")  # of it, where bytes lie and how many they are


class ShimRoom:
    """Memory to read into. See base.Room."""

    __slots__ = ("data", "size", "view")

    def __init__(self, data: Any, size: int, view: Any) -> None:
        self.data = data
        self.size = size
        self.view = view

    def __enter__(self) -> ShimRoom:
        return self

    def __exit__(self, *exc: object) -> None:
        self.data.__exit__(*exc)


class ShimShelf:
    """Memory for many messages. See base.Shelf."""

    __slots__ = ("_allocate", "_buffer", "_count", "data", "infos", "size", "view", "words")

    def __init__(self, allocate: Callable[[str, int], Any], buffer: Callable[[Any], Any], size: int) -> None:
        self._allocate = allocate
        self._buffer = buffer
        self.size = size
        self.data = allocate("char[]", size)
        self.view = buffer(self.data)
        self._count = 0

    def exporter(self) -> Any:
        return self._buffer(self.data)

    def reserve(self, count: int) -> None:
        if count > self._count:
            self.infos = self._allocate("sfi_rcv[]", count)
            self.words = self._buffer(self.infos)
            self._count = count

    def items(self, count: int) -> Iterator[Raw]:
        return EACH.iter_unpack(self.words[: count * EACH.size])

    def places(self, count: int) -> Iterator[Tuple[int, int]]:
        return _PLACES.iter_unpack(self.words[: count * EACH.size])

    def next_info(self, number: int) -> RawNext:
        return NEXT.unpack_from(self.words, number * EACH.size + RCV.size)
