"""The demo's judgement: what was sent against what arrived, file by file and stream by stream.

Pure functions over plain data; nothing is printed here.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from sctpffi.cli.demo_sender import Sent
from sctpffi.cli.demo_wire import Tally


class Verdict(NamedTuple):
    """One file, compared."""

    sent: Sent
    arrived: Optional[str]  # SHA-256 at the far end; None: the file is not there, or not whole

    @property
    def same(self) -> bool:
        """Whether what arrived is what was sent."""
        return self.arrived == self.sent.sha256


def compare_files(sent: List[Sent], report: Dict[str, Any]) -> List[Verdict]:
    """Compare every file with the receiver's report; its id is its place in `sent`."""
    arrived = {item["id"]: item for item in report["files"]}
    verdicts = []
    for number, one in enumerate(sent):
        item = arrived.get(number, {})
        known = item.get("name") == one.name and item.get("bytes") == one.size
        verdicts.append(Verdict(one, item["sha256"] if known else None))
    return verdicts


def compare_streams(sent: Dict[int, Tally], report: Dict[str, Any]) -> List[str]:
    """What differs between the streams as they were sent and as they arrived, in sentences; empty if nothing."""
    found = list(report["problems"])
    for number in sorted({*sent, *map(int, report["streams"])}):
        ours = sent.get(number, Tally())
        theirs = report["streams"].get(str(number), Tally().as_json())
        for what in ("messages", "bytes", "unordered"):
            if theirs[what] != getattr(ours, what):
                found.append(f"stream {number}: {getattr(ours, what)} {what} sent, {theirs[what]} arrived")
    return found
