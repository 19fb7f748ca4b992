"""The demo's sending side: cuts files into messages of all sizes and spreads them over the streams.

Reads files and counts; how a message reaches the wire is the caller's affair, so no socket is touched here.
"""

from __future__ import annotations

import hashlib
import json
from typing import Callable, Dict, Iterator, NamedTuple

from sctpffi.cli.demo_files import DemoError, Entry, open_entry, shown
from sctpffi.cli.demo_wire import Head, Kind, Tally, ppid_of

SMALL = (1_400, 16_000, 700)  # payload bytes of chunks, in turn with one or two that exceed the path MTU
LARGE = 48_000
LARGEST = 100_000  # of one message; half of what Linux grants as a receive window, or it stalls
UNORDERED_EVERY = 4


class Sent(NamedTuple):
    """One file as it left."""

    name: str
    size: int  # bytes
    sha256: str


class Sender:
    """Cuts files into messages and spreads them over the streams.

    post: sends one message, `post(data, stream, ppid, unordered)`. mtu: bytes; some chunks are made larger.
    """

    def __init__(self, post: Callable[[bytes, int, int, bool], None], streams: int, mtu: int) -> None:
        self.tallies: Dict[int, Tally] = {}
        self.over_mtu = 0
        self._post = post
        self._streams = streams
        self._mtu = mtu
        large = large_chunk(mtu)
        self._sizes = (*SMALL, large, SMALL[0])
        self._large = large
        self._messages = 0
        self._chunks = 0

    def _send(
        self, kind: Kind, turn: int, payload: bytes, unordered: bool = False, file_id: int = 0, offset: int = 0
    ) -> None:
        stream = turn % self._streams
        head = Head(kind, unordered, stream, ppid_of(kind, stream), file_id, offset)
        data = head.pack() + payload
        self._post(data, stream, head.ppid, unordered)
        self._messages += 1
        self.over_mtu += len(data) > self._mtu
        self.tallies.setdefault(stream, Tally()).add(len(data), head.ppid, unordered)

    def send_file(self, number: int, entry: Entry, progress: Callable[[int], None]) -> Sent:
        """Send one file. progress: called with the bytes of each chunk. Raises DemoError if it can't be read."""
        digest = hashlib.sha256()
        done = 0
        self._send(Kind.FILE, number, json.dumps({"name": entry.name, "size": entry.size}).encode(), file_id=number)
        for piece in self._pieces(entry):
            digest.update(piece)
            self._send(Kind.CHUNK, self._chunks, piece, self._unordered(), number, done)
            self._chunks += 1
            done += len(piece)
            progress(len(piece))
        return Sent(entry.name, done, digest.hexdigest())

    def _pieces(self, entry: Entry) -> Iterator[bytes]:
        """The file's content, each piece as large as the next chunk is to be."""
        left = entry.size
        try:
            with open_entry(entry) as file:
                while left:
                    piece = file.read(min(self._chunk_size(left), left))
                    if not piece:
                        raise DemoError(f"{shown(entry.name)} became shorter while it was sent")
                    left -= len(piece)
                    yield piece
        except OSError as exc:
            raise DemoError(f"cannot read {shown(entry.name)}: {exc.strerror}") from None

    def _chunk_size(self, left: int) -> int:
        if not self.over_mtu and left > self._mtu:
            return self._large  # whatever the turn, one at least
        return self._sizes[self._place() % len(self._sizes)]

    def _unordered(self) -> bool:
        return self._place() % UNORDERED_EVERY == UNORDERED_EVERY - 1

    def _place(self) -> int:
        """The lap and the stream together: every stream gets everything in turn, and no two the same at once."""
        lap, stream = divmod(self._chunks, self._streams)
        return lap + stream

    def finish(self) -> None:
        """Tell the receiver how many messages there were."""
        self._send(Kind.END, 0, json.dumps({"messages": self._messages + 1}).encode())


def large_chunk(mtu: int) -> int:
    """Payload bytes of a chunk that exceeds the path MTU, if messages may get so large at all."""
    return min(max(LARGE, mtu * 3 // 2), LARGEST)
