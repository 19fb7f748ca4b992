"""Counters: the whole stack's, an association's, and both together as plain data that turns into JSON.

`_tables.COUNTERS` has the names that every stack counts under (the MIB of RFC 3873); the rest keeps the stack's own
names. Nothing is computed here.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from sctpffi import backends
from sctpffi._tables import COUNTERS
from sctpffi.addresses import Address
from sctpffi.optvalues import AssocStats, PathInfo, PrStatus, Status, Timeouts


@dataclass(frozen=True)
class StackCounters:
    """What a whole stack counted since it started (RFC 3873 section 3.1.1).

    All associations of the host, or on Linux of the network namespace, on usrsctp of the process.
    other: what else the stack counts, under its own names.
    """

    current_established: int
    active_established: int
    passive_established: int
    aborted: int
    shutdown: int
    out_of_the_blue: int
    checksum_errors: int
    out_control_chunks: int
    out_ordered_chunks: int
    out_unordered_chunks: int
    in_control_chunks: int
    in_ordered_chunks: int
    in_unordered_chunks: int
    fragmented_messages: int
    reassembled_messages: int
    out_packets: int
    in_packets: int
    other: Dict[str, int]


@dataclass(frozen=True)
class AssociationSnapshot:
    """One association. stats: Linux only. timeouts: BSD only. pr: None where partial reliability is off."""

    status: Status
    paths: List[PathInfo]
    stats: Optional[AssocStats]
    timeouts: Optional[Timeouts]
    pr: Optional[PrStatus]


@dataclass(frozen=True)
class Snapshot:
    """A stack and the associations of one socket at one moment."""

    backend: str
    version: str
    stack: StackCounters
    associations: List[AssociationSnapshot]

    def as_dict(self) -> Dict[str, Any]:
        """Dicts, lists, strings and numbers; enumerations and addresses by name."""
        found: Dict[str, Any] = _plain(self)
        return found

    def to_json(self, indent: Optional[int] = None) -> str:
        """`as_dict` as JSON."""
        return json.dumps(self.as_dict(), indent=indent)


def _plain(value: Any) -> Any:
    if isinstance(value, Address):
        return str(value)
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, int) and type(value) is not int and type(value) is not bool:
        return str(value)  # an enumeration
    return value


def stack_counters(backend: Optional[str] = None) -> StackCounters:
    """The counters of a stack: "linux", "freebsd", "usrsctp", or None as for `Socket`.

    On usrsctp all are 0 before the first socket. Raises BackendUnavailable, ForkedError, SctpOSError.
    """
    stack = backends.select(backend)
    found = stack.counters()
    column = 1 if stack.name == "linux" else 2
    named = {row[0]: found.pop(row[column], 0) for row in COUNTERS}
    return StackCounters(**named, other=found)
