"""A run's rows and bars as text. Pure functions."""

from __future__ import annotations

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

from report import Bar, Row, Rows


class Column(NamedTuple):
    """One number in a table. name: in a row's stats."""

    title: str
    name: str
    form: str


_MESSAGES = (
    Column("MB/s", "mb", "{:,.1f}"),
    Column("send us", "send_us", "{:.2f}"),
    Column("recv us", "receive_us", "{:.2f}"),
    Column("trips/s", "trips", "{:,.0f}"),
    Column("p50 us", "p50", "{:,.0f}"),
    Column("p99 us", "p99", "{:,.0f}"),
    Column("send MiB", "send_mib", "{:.1f}"),
    Column("recv MiB", "receive_mib", "{:.1f}"),
)
_ANSWERS = (_MESSAGES[1], _MESSAGES[2], _MESSAGES[6], _MESSAGES[7])


_READING = """/ c: divided by what the C program has. +-%: half of what lies between the least and the most.
send us, recv us: processor time of the process for a message; p50, p99: of round trips, by the clock.
MiB: the most memory that the process had."""


def aligned(lines: Sequence[Sequence[str]]) -> List[str]:
    """Columns: the first to the left, all others to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(
            [line[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(line[1:], widths[1:]))]
        ).rstrip()
        for line in lines
    ]


def _cell(row: Row, column: Column) -> str:
    value = row.value(column.name)
    return "" if value is None else column.form.format(value)


def _rate_cells(row: Row, reference: Optional[float]) -> List[str]:
    stat = row.stats.get("rate")
    if stat is None:
        return ["-", "", ""]
    ratio = f"{stat.median / reference:.2f}" if reference else ""
    return [f"{stat.median:,.0f}", f"{100 * stat.spread:.0f}", ratio]


def _notes(rows: Sequence[Row]) -> List[str]:
    notes = [f"  {row.contender}: {error}" for row in rows for error in row.errors]
    stalls = [f"{row.contender} {row.stalls} of {row.samples}" for row in rows if row.stalls]
    return notes + ([f"  samples in which the stack stood still: {', '.join(stalls)}"] if stalls else [])


def _block(title: str, rows: Sequence[Row], unit: str, columns: Sequence[Column]) -> List[str]:
    """The contenders of one point."""
    reference = next((row.value("rate") for row in rows if row.contender == "c"), None)
    lines = [["contender", unit, "+-%", "/ c", *(column.title for column in columns)]]
    lines += [
        [row.contender, *_rate_cells(row, reference), *(_cell(row, column) for column in columns)] for row in rows
    ]
    return [title, *aligned(lines), *_notes(rows), ""]


def _calls_block(title: str, rows: Sequence[Row]) -> List[str]:
    reference = next((row for row in rows if row.contender == "c"), None)
    lines = [["contender", "send us", "+-%", "above c", "recv us", "+-%", "above c"]]
    for row in rows:
        line = [row.contender]
        for name in ("send_us", "receive_us"):
            stat, base = row.stats.get(name), None if reference is None else reference.value(name)
            if stat is None:
                line += ["-", "", ""]
            else:
                above = "" if base is None else f"{stat.median - base:+.2f}"
                line += [f"{stat.median:.2f}", f"{100 * stat.spread:.0f}", above]
        lines.append(line)
    return [title, *aligned(lines), *_notes(rows), ""]


def _by(rows: Sequence[Row], name: str) -> Dict[int, List[Row]]:
    found: Dict[int, List[Row]] = {}
    for row in rows:
        found.setdefault(getattr(row, name), []).append(row)
    return found


def _memory_lines(rows: Sequence[Row]) -> List[str]:
    """What an association costs in memory: the slope from the fewest to the most."""
    found = []
    for contender in dict.fromkeys(row.contender for row in rows):
        own = sorted((row for row in rows if row.contender == contender), key=lambda row: row.associations)
        more = own[-1].associations - own[0].associations
        text = []
        for name, side in (("send_mib", "client"), ("receive_mib", "server")):
            first, last = own[0].value(name), own[-1].value(name)
            if more and first is not None and last is not None:
                text.append(f"{side} {(last - first) * 1024 / more:.1f} KiB")
        if text:
            found.append(f"  {contender}: {', '.join(text)}")
    return ["memory of the process for each association", *found, ""] if found else []


def _backend_lines(rows: Rows, backend: str) -> List[str]:
    lines: List[str] = []
    for size, found in _by(rows.of(backend, "messages"), "size").items():
        lines += _block(f"{backend}: one association, {size:,} bytes", found, "msg/s", _MESSAGES)
    for count, found in _by(rows.of(backend, "streams"), "streams").items():
        lines += _block(
            f"{backend}: 1,000 bytes, over {count} stream{'s' * (count > 1)} in turn", found, "msg/s", _MESSAGES[:3]
        )
    answers = rows.of(backend, "associations")
    for count, found in _by(answers, "associations").items():
        title = f"{backend}: 1,000 bytes, each answered, 32 under way, over {count} association{'s' * (count > 1)}"
        lines += _block(title, found, "answers/s", _ANSWERS)
    lines += _memory_lines(answers)
    for size, found in _by(rows.of(backend, "calls"), "size").items():
        title = f"{backend}: {size:,} bytes, the thread's own time for each message, nothing waits"
        lines += _calls_block(title, found)
    for found in _by(rows.of(backend, "endurance"), "size").values():
        lines += _block(f"{backend}: a long run", found, "msg/s", _MESSAGES[1:3] + _MESSAGES[6:])
    return lines


def bar_lines(found: Sequence[Bar]) -> List[str]:
    """The bars, one a line."""
    lines = [["bar", "", "value", "limit"]]
    for bar in found:
        value = "-" if bar.value is None else f"{bar.value:.2f}"
        lines.append([bar.title, bar.verdict, value, f"{'>=' if bar.at_least else '<='} {bar.limit:g}"])
    texts = aligned(lines)
    return [text if not bar.why else f"{text}  ({bar.why})" for text, bar in zip(texts, [Bar("", 0, 0, True), *found])]


def table(rows: Rows, found: Sequence[Bar], facts: Mapping[str, str], legend: Mapping[str, str]) -> str:
    """Everything as text. facts: about the machine. legend: what the contenders' names mean."""
    lines = ["bars: ratios of medians of this run", *bar_lines(found), ""]
    for backend in rows.backends:
        lines += _backend_lines(rows, backend)
    seen = dict.fromkeys(row.contender for row in rows.all)
    width = max((len(name) for name in seen), default=0)
    lines += ["contenders", *(f"  {name.ljust(width)}  {legend.get(name, '')}".rstrip() for name in seen), ""]
    lines += [_READING, ""]
    lines += [f"{name}: {text}" for name, text in facts.items()]
    return "\n".join(lines) + "\n"
