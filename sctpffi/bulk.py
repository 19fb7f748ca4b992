"""Many messages per call: Outgoing, what one of `send_many` says, and Arena, the memory that `recv_many` reads into.

Plain values and memory. The calls are methods of Socket, Connection and Endpoint and of their twins; what comes is
sorted out in `inbox.py`.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any, Dict, Iterable, List, NamedTuple, Optional

from sctpffi import errors
from sctpffi._turn import Turn
from sctpffi.addresses import AddressLike
from sctpffi.backends.base import Handle, Shelf
from sctpffi.optvalues import PrInfo

__all__ = ["Arena", "Outgoing"]

ARENA_BYTES = 262144
MOST = 65536  # messages per call
_LEAST, _GREATEST = 2048, 65536  # bytes that are kept for a message
_WHOLE_BATCHES = 64  # without a message in pieces, before less is kept
_COUNTS_REFERENCES = sys.implementation.name == "cpython"


class Outgoing(NamedTuple):
    """One message of `send_many` (RFC 6458 sections 5.3.4 and 5.3.7); what is None is as the call says.

    The fields are as the arguments of `Socket.send`: ttl in seconds, ppid in host order.
    """

    data: Any
    stream: Optional[int] = None
    ppid: Optional[int] = None
    unordered: Optional[bool] = None
    ttl: Optional[float] = None
    prinfo: Optional[PrInfo] = None
    context: Optional[int] = None
    flags: Optional[int] = None
    assoc_id: Optional[int] = None
    to: Optional[AddressLike] = None


class Arena:
    """Memory that `recv_many` reads into, made once and used again by each call.

    A socket makes one for itself; with one of your own all sockets that a thread reads can share it.
    size_bytes: at least 65536. A call takes at most as many messages as there is room for, keeping 2048 bytes for each,
    and more once longer ones have come.
    Concurrency: one thread at a time; another one's call raises ResourceBusy.
    """

    __slots__ = ("_exporter", "_least", "_lent", "_shelves", "_turn", "_whole", "size_bytes")

    def __init__(self, size_bytes: int = ARENA_BYTES) -> None:
        if isinstance(size_bytes, bool) or not isinstance(size_bytes, int):
            raise errors.ArgumentTypeError("size_bytes", f"an int, not {type(size_bytes).__name__}")
        if not _GREATEST <= size_bytes <= 0x7FFFFFFF:
            raise errors.ArgumentError("size_bytes", f"{size_bytes} is not in {_GREATEST}..{0x7FFFFFFF}")
        self.size_bytes = size_bytes
        self._least = _LEAST
        self._whole = 0
        self._shelves: Dict[str, Shelf] = {}
        self._turn = Turn()
        self._lent: List[memoryview] = []  # views of the last batch
        self._exporter: Optional[weakref.ReferenceType[Any]] = None

    # -- for the inbox

    def take(self, handle: Handle, count: int) -> Shelf:
        """Have it for one call; `give_back` ends that. The views of the last batch end here."""
        if not self._turn.take_now():
            raise errors.ResourceBusy("recv_many: another thread uses this arena; each needs its own")
        try:
            if self._exporter is not None:
                self._end_views()
            shelf = self._shelves.get(handle.name)
            if shelf is None:
                shelf = self._shelves[handle.name] = handle.new_shelf(self.size_bytes)
            shelf.reserve(count)
            return shelf
        except BaseException:
            self._turn.give()
            raise

    def give_back(self) -> None:
        """Others may take it."""
        self._turn.give()

    @property
    def least(self) -> int:
        """How many bytes to keep for each message."""
        return self._least

    def learn(self, cut_off: bool) -> None:
        """Whether messages came in pieces, because they were longer than what was kept for them."""
        if cut_off:
            self._least, self._whole = min(self._least * 4, _GREATEST), 0
        elif self._least > _LEAST:
            self._whole += 1
            if self._whole == _WHOLE_BATCHES:
                self._least, self._whole = max(self._least // 4, _LEAST), 0

    def lend(self, shelf: Shelf) -> memoryview:
        """A view of all of it, for a batch of views."""
        exporter = shelf.exporter()
        whole = memoryview(exporter)
        self._exporter = weakref.ref(exporter)
        self._lent.append(whole)
        return whole

    def lent(self, given: Iterable[object]) -> None:
        """What of this is a view ends with the next batch."""
        self._lent.extend(each for each in given if isinstance(each, memoryview))

    def _end_views(self) -> None:
        try:
            while self._lent:
                self._lent[-1].release()
                self._lent.pop()
        except BufferError:
            raise errors.ResourceBusy(_STILL_USED) from None
        if _COUNTS_REFERENCES and self._exporter is not None and self._exporter() is not None:
            raise errors.ResourceBusy(_STILL_USED)  # else a slice of a view would change under its user
        self._exporter = None


_STILL_USED = "recv_many: a part of a view of the last batch is still in use; copy what is to be kept by bytes()"
