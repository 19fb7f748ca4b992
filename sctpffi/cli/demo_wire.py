"""What the demo's two processes say to each other: the messages' layout, and one file's pieces put in place.

Every message starts with a head that repeats its stream, PPID and order, so that the receiver can check that
they arrived as they were sent. No socket is touched here.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from sctpffi import AssocChange, Message, Notification, PeerAddrChange, Ppid, ShutdownEvent

_HEAD = struct.Struct("!BBHIIQ")
HEAD_BYTES = _HEAD.size
SEGMENT_BYTES = 16_000  # of the report on its way back


class Kind(IntEnum):
    """What a message is."""

    FILE = 1  # JSON: name and size of a file
    CHUNK = 2  # a piece of a file
    END = 3  # JSON: how many messages there were, this one included
    REPORT = 4  # a piece of the receiver's report
    REPORT_END = 5  # its last piece


class WireError(Exception):
    """A message that this protocol does not know."""


# What carries what. Chunks take turns by stream, to show that any number goes through.
PPIDS = {Kind.FILE: Ppid.WEBRTC_STRING, Kind.END: Ppid.WEBRTC_STRING}
CHUNK_PPIDS = (Ppid.DIAMETER, Ppid.S1AP, Ppid.NGAP, Ppid.M3UA)


def ppid_of(kind: Kind, stream: int) -> int:
    """The PPID for a message on a stream."""
    if kind is Kind.CHUNK:
        return int(CHUNK_PPIDS[stream % len(CHUNK_PPIDS)])
    return int(PPIDS.get(kind, Ppid.WEBRTC_BINARY))


class Head(NamedTuple):
    """The start of every message."""

    kind: Kind
    unordered: bool
    stream: int
    ppid: int
    file_id: int = 0
    offset: int = 0  # bytes from the file's start

    def pack(self) -> bytes:
        """As bytes, in network order."""
        return _HEAD.pack(self.kind, self.unordered, self.stream, self.ppid, self.file_id, self.offset)


def unpack(data: bytes) -> Tuple[Head, bytes]:
    """Split a message into head and payload. Raises WireError."""
    if len(data) < HEAD_BYTES:
        raise WireError(f"a message of {len(data)} bytes is shorter than the demo's head")
    kind, unordered, stream, ppid, file_id, offset = _HEAD.unpack_from(data)
    if kind not in Kind.__members__.values():
        raise WireError(f"a message is of kind {kind}, which the demo does not know")
    return Head(Kind(kind), bool(unordered), stream, ppid, file_id, offset), data[HEAD_BYTES:]


def misdelivered(message: Message, head: Head) -> Optional[str]:
    """What of a message arrived otherwise than its sender wrote down, as a sentence; None if nothing."""
    pairs = (
        ("stream", head.stream, message.stream),
        ("PPID", head.ppid, message.ppid),
        ("unordered", head.unordered, message.unordered),
    )
    wrong = [f"{name} {sent} arrived as {came}" for name, sent, came in pairs if sent != came]
    if head.ppid != message.ppid:
        wrong.append(f"{Ppid(head.ppid)} became {message.ppid_name}")
    return "; ".join(wrong) or None


@dataclass
class Tally:
    """What went over one stream, at either end."""

    messages: int = 0
    bytes: int = 0
    unordered: int = 0
    largest: int = 0  # bytes
    first_ssn: Optional[int] = None  # of ordered messages; only the receiver knows
    last_ssn: Optional[int] = None
    ppids: List[int] = field(default_factory=list)

    def add(self, size: int, ppid: int, unordered: bool) -> None:
        """Count a message of size bytes."""
        self.messages += 1
        self.bytes += size
        self.unordered += unordered
        self.largest = max(self.largest, size)
        if ppid not in self.ppids:
            self.ppids.append(ppid)

    def follow(self, ssn: int) -> Optional[str]:
        """Note the SSN of an ordered message; a sentence if it is not the next one."""
        expected = 0 if self.last_ssn is None else (self.last_ssn + 1) & 0xFFFF
        if self.first_ssn is None:
            self.first_ssn = ssn
        self.last_ssn = ssn
        return None if ssn == expected else f"SSN {ssn} came where {expected} was due"

    def as_json(self) -> Dict[str, Any]:
        """For the report."""
        return asdict(self)


class Pieces:
    """One file at the receiver: hashes what is complete up to here, keeps what came too early."""

    def __init__(self) -> None:
        self.name: Optional[str] = None
        self.size: Optional[int] = None
        self.arrived = 0  # bytes without a gap
        self._digest = hashlib.sha256()
        self._early: Dict[int, bytes] = {}

    def add(self, offset: int, data: bytes) -> Optional[str]:
        """Put a piece in its place; a sentence if something is there already."""
        if offset < self.arrived or offset in self._early:
            return f"bytes from {offset} came twice"
        self._early[offset] = data
        while self.arrived in self._early:
            piece = self._early.pop(self.arrived)
            self._digest.update(piece)
            self.arrived += len(piece)
        return None

    @property
    def sha256(self) -> Optional[str]:
        """Of the whole file, in hexadecimal; None as long as something is missing."""
        return self._digest.hexdigest() if self.size == self.arrived and not self._early else None


def describe(event: Notification) -> str:
    """A notification in words, for the association's life."""
    if isinstance(event, AssocChange):
        return f"{event.state}{_assoc_details(event)}"
    if isinstance(event, PeerAddrChange):
        host = "an address" if event.address is None else event.address.host
        return f"PEER_ADDR_CHANGE: {host} is {event.state}"
    if isinstance(event, ShutdownEvent):
        return "SHUTDOWN_EVENT: the peer sends no more data and takes none"
    return str(event.type)


def _assoc_details(event: AssocChange) -> str:
    if event.out_streams is not None:
        features = ", ".join(sorted(str(f) for f in event.features or ()))
        return f": {event.out_streams} streams out, {event.in_streams} in" + (
            f"; peer has {features}" if features else ""
        )
    if event.state.name == "SHUTDOWN_COMP":
        return ": ended gracefully"
    return f": {event.cause}" if event.cause else ""
