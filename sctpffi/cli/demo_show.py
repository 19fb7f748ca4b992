"""How the demo looks: colours, tables, the progress bar, and the sections of its output.

Everything goes through `Screen`; nothing here decides whether the demo succeeded, nor talks to a socket.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from typing import Any, Dict, Iterable, List, Optional, Sequence, TextIO

from sctpffi import Ppid
from sctpffi.cli.demo_client import Outcome
from sctpffi.cli.demo_compare import Verdict
from sctpffi.cli.demo_files import shown
from sctpffi.enums import PathState

WIDTH = 100
LABEL = 10
SHOWN_ROWS = 32  # of streams, unless all are asked for
SHOWN_FILES = 8
BAR = 24
REDRAW_S = 0.08
_COLORS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def amount(number: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def plural(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Screen:
    """Where the demo writes. color: whether colours may be used, if it is a terminal at all."""

    def __init__(self, color: bool, out: Optional[TextIO] = None) -> None:
        self.out = sys.stdout if out is None else out
        self.live = self.out.isatty()
        self.color = color and self.live
        self._bar_drawn = False

    def paint(self, text: str, *colors: str) -> str:
        """The text in colours, if there are any."""
        if not self.color:
            return text
        return f"\033[{';'.join(_COLORS[color] for color in colors)}m{text}\033[0m"

    def line(self, text: str = "") -> None:
        """A line, at once."""
        print(text, file=self.out, flush=True)

    def heading(self, text: str, aside: str = "") -> None:
        """The start of a section."""
        self.line()
        self.line(self.paint(text, "bold") + (f"  {aside}" if aside else ""))

    def fact(self, label: str, text: str) -> None:
        """A labelled line."""
        self.line((self.paint(f"{label:<{LABEL}}", "cyan") if label else " " * LABEL) + text)

    def aside(self, text: str) -> None:
        """A remark to the fact above it, in as many lines as it takes."""
        for part in textwrap.wrap(text, WIDTH - LABEL, break_on_hyphens=False):
            self.fact("", self.paint(part, "dim"))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> None:
        """A table. left: the columns that are not numbers."""
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

        def layout(row: Sequence[str]) -> str:
            cells = (c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths)))
            return ("  " + "  ".join(cells)).rstrip()

        self.line(self.paint(layout(head), "dim"))
        for row in rows:
            self.line(layout(row))

    def wipe(self) -> None:
        """Take the progress bar away."""
        if self._bar_drawn:
            self.out.write("\r\033[K")
            self.out.flush()
            self._bar_drawn = False

    def draw(self, text: str) -> None:
        """Show a line that the next one replaces; on terminals only."""
        if self.live:
            columns = shutil.get_terminal_size().columns
            self.out.write(f"\r{text[: columns - 1]}\033[K")
            self.out.flush()
            self._bar_drawn = True


class Progress:
    """The live bar. total: bytes."""

    def __init__(self, screen: Screen, total: int) -> None:
        self._screen = screen
        self._total = total
        self._done = 0
        self._begun = time.monotonic()
        self._drawn = 0.0

    def add(self, size: int) -> None:
        """So many more bytes were handed to the stack."""
        self._done += size
        now = time.monotonic()
        if now - self._drawn >= REDRAW_S:
            self._drawn = now
            self._screen.draw(self._text(now))

    def _text(self, now: float) -> str:
        share = self._done / self._total if self._total else 1.0
        bar = "#" * round(share * BAR)
        rate = amount(self._done / max(now - self._begun, 1e-6))
        return f"sending   [{bar:.<{BAR}}] {share:4.0%}  {amount(self._done)} of {amount(self._total)}, {rate}/s"


def show_throughput(screen: Screen, outcome: Outcome, total: int) -> None:
    """The progress bar's last word."""
    screen.wipe()
    seconds = max(outcome.seconds, 1e-6)
    rate = f"{amount(total / seconds)}/s, {outcome.messages / seconds:,.0f} messages/s"
    text = f"{amount(total)} in {plural(outcome.messages, 'message')} in {outcome.seconds:.2f} s: {rate}"
    screen.fact("sent", f"[{'#' * BAR}] 100%")
    screen.fact("", f"{text}, until the server's report was back")
    over = plural(outcome.over_mtu, "message")
    screen.fact("", f"{over} larger than the path MTU of {outcome.mtu:,} bytes went in fragments")


def show_streams(screen: Screen, report: Dict[str, Any], verbose: bool) -> None:
    """What the server received on each stream."""
    screen.heading("Streams", "as the server received them")
    items = [(int(number), tally) for number, tally in report["streams"].items()]
    rows = [_stream_row(str(number), tally) for number, tally in (items if verbose else items[:SHOWN_ROWS])]
    if len(items) > 1:
        rows.append(_stream_row("all", _sum(report["streams"].values())))
    head = ("stream", "messages", "unordered", "bytes", "largest", "SSNs", "PPIDs")
    screen.table(head, rows, left=(6,))
    if len(items) > SHOWN_ROWS and not verbose:
        screen.line(screen.paint(f"  and {len(items) - SHOWN_ROWS:,} more streams; --verbose shows them", "dim"))


def _sum(tallies: Iterable[Dict[str, Any]]) -> Dict[str, Any]:
    """All streams in one; sequence numbers and PPIDs are of one stream each."""
    every = list(tallies)
    total = {name: sum(tally[name] for tally in every) for name in ("messages", "unordered", "bytes")}
    return {**total, "largest": max(tally["largest"] for tally in every), "first_ssn": None, "ppids": []}


def _stream_row(number: str, tally: Dict[str, Any]) -> List[str]:
    ssns = "-" if tally["first_ssn"] is None else f"{tally['first_ssn']}-{tally['last_ssn']}"
    counts = [f"{tally[name]:,}" for name in ("messages", "unordered", "bytes", "largest")]
    return [number, *counts, ssns, ", ".join(str(Ppid(ppid)) for ppid in sorted(tally["ppids"]))]


def show_paths(screen: Screen, outcome: Outcome) -> None:
    """The client's paths at the end of the transfer."""
    screen.heading("Paths", "from the client, after the transfer")
    rows = []
    for path in outcome.paths:
        host = path.address.host if path.address else "?"
        state = str(path.state) + (", primary" if host == outcome.primary else "")
        numbers = (path.cwnd_bytes, path.srtt_ms, path.rto_ms, path.mtu_bytes)
        rows.append([host, state, *(f"{number:,}" for number in numbers)])
    screen.table(("to", "state", "cwnd bytes", "srtt ms", "rto ms", "MTU bytes"), rows, left=(0, 1))
    if any(path.state is PathState.UNCONFIRMED for path in outcome.paths):
        screen.line(
            screen.paint("  UNCONFIRMED: no heartbeat was answered yet on that path; it is tried in the end", "dim")
        )


def show_life(screen: Screen, outcome: Outcome) -> None:
    """The association's life as both ends heard of it."""
    screen.heading("The association's life", "as both ends were notified of it, in seconds")
    for note in outcome.life:
        who = screen.paint(f"{note.who:<7}", "cyan" if note.who == "client" else "yellow")
        own = note.text[0].islower()  # what the client did, between what it was told
        text = screen.paint(note.text, "dim") if own else note.text
        screen.line(f"  {note.time - outcome.started:+8.3f}  {who} {text}")


def show_files(screen: Screen, verdicts: List[Verdict], verbose: bool) -> None:
    """The comparison of every file; all that differ, and some or all of those that do not."""
    screen.heading("SHA-256 of every file at the far end")
    differ = [verdict for verdict in verdicts if not verdict.same]
    same = [verdict for verdict in verdicts if verdict.same]
    for verdict in differ:
        arrived = verdict.arrived or "missing or not whole"
        mark = screen.paint("DIFFERS", "red", "bold")
        screen.line(f"  {mark}  {shown(verdict.sent.name)}")
        screen.line(f"           sent {verdict.sent.sha256}, arrived {arrived}")
    listed = same if verbose else same[:SHOWN_FILES]
    for verdict in listed:
        size = amount(verdict.sent.size)
        mark = screen.paint("ok", "green")
        screen.line(f"  {mark}  {verdict.sent.sha256[:16]}  {size:>10}  {_short(shown(verdict.sent.name))}")
    if len(listed) < len(same):
        more = f"  ok  and {len(same) - len(listed):,} more, equal all of them; --verbose lists them"
        screen.line(screen.paint(more, "dim"))


def _short(name: str, room: int = WIDTH - 36) -> str:
    return name if len(name) <= room else f"...{name[3 - room :]}"
