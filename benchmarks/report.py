"""What a run's samples say: medians, spread, and the bars that are to be reached.

Pure functions over plain data. table.py and plot.py show it.
"""

from __future__ import annotations

import operator
from statistics import median
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

Sample = Mapping[str, Any]


class Stat(NamedTuple):
    """Several samples of one number."""

    median: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """Half of what lies between the extremes, as a part of the median."""
        return (self.high - self.low) / 2 / self.median if self.median else 0.0


class Row(NamedTuple):
    """One contender at one point."""

    backend: str
    test: str
    size: int
    associations: int
    streams: int
    contender: str
    stats: Mapping[str, Stat]
    samples: int
    stalls: int  # samples in which the stack stood still for most of the time
    errors: Sequence[str]

    def value(self, name: str) -> Optional[float]:
        """The median of a number, None if it was not measured."""
        stat = self.stats.get(name)
        return None if stat is None else stat.median


class Bar(NamedTuple):
    """What has to be reached, and whether it was. value None: not measured, and why."""

    title: str
    value: Optional[float]
    limit: float
    at_least: bool
    why: str = ""

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        good = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "pass" if good else "FAIL"


# -- samples to rows


def stalled(sample: Sample) -> bool:
    """Whether the receiver saw no whole window, as the stack was waiting for a time-out."""
    return "receiver" in sample and sample["receiver"]["seconds"] < 0.7 * sample["seconds"]


def numbers(sample: Sample) -> Dict[str, float]:
    """The numbers of one sample, by name; of a stall, the rate over all of its time."""
    if "both" in sample:
        both = sample["both"]
        found = {"peak_mib": both["peak_kib"] / 1024}
        if both["counted"]:
            found["send_us"] = both["send_cpu"] / both["counted"] * 1e6
            found["receive_us"] = both["receive_cpu"] / both["counted"] * 1e6
        return {**found, **_growth("sender", both)}
    sender, receiver = sample["sender"], sample["receiver"]
    elapsed = max(sender["elapsed"], receiver["elapsed"])
    if not stalled(sample):
        rate = receiver["messages"] / receiver["seconds"]
    else:
        rate = receiver["total"] / elapsed if elapsed else 0.0
    found = {
        "rate": rate,
        "mb": rate * sample["size"] / 1e6,
        "send_mib": sender["peak_kib"] / 1024,
        "receive_mib": receiver["peak_kib"] / 1024,
    }
    for name, side in (("send_us", sender), ("receive_us", receiver)):
        if side["messages"]:
            found[name] = side["cpu"] / side["messages"] * 1e6
    if sender.get("trips"):
        found.update(trips=sender["trips"] / sender["trip_seconds"], p50=sender["p50_us"], p99=sender["p99_us"])
    return {**found, **_growth("sender", sender), **_growth("receiver", receiver)}


def _growth(role: str, side: Mapping[str, Any]) -> Dict[str, float]:
    peaks = side.get("peaks_kib")
    return {f"{role}_growth_kib": peaks[-1] - peaks[0]} if peaks else {}


_KEY = ("backend", "test", "size", "associations", "streams", "contender")


def summarise(samples: Iterable[Sample]) -> List[Row]:
    """A row for each contender at each point, in the order of their first sample."""
    groups: Dict[Tuple[Any, ...], List[Sample]] = {}
    for sample in samples:
        groups.setdefault(tuple(sample[name] for name in _KEY), []).append(sample)
    rows = []
    for group in groups.values():
        good = [sample for sample in group if "error" not in sample]
        values: Dict[str, List[float]] = {}
        for sample in good:
            for name, value in numbers(sample).items():
                values.setdefault(name, []).append(value)
        stats = {name: Stat(median(each), min(each), max(each)) for name, each in values.items()}
        errors = sorted({str(sample["error"]) for sample in group if "error" in sample})
        first = group[0]
        rows.append(
            Row(
                first["backend"],
                first["test"],
                first["size"],
                first["associations"],
                first["streams"],
                first["contender"],
                stats,
                len(good),
                sum(map(stalled, good)),
                errors,
            )
        )
    return rows


def row_as_dict(row: Row) -> Dict[str, Any]:
    """For JSON."""
    stats = {name: {**stat._asdict(), "spread": stat.spread} for name, stat in row.stats.items()}
    return {**row._asdict(), "stats": stats}


class Rows:
    """Rows by what they are of."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.all = list(rows)
        self._by = {row[:6]: row for row in self.all}

    def find(self, backend: str, test: str, size: int, contender: str, associations: int = 1) -> Optional[Row]:
        """The row of one stream."""
        return self._by.get((backend, test, size, associations, 1, contender))

    def of(self, backend: str, test: str) -> List[Row]:
        """All of a test."""
        return [row for row in self.all if (row.backend, row.test) == (backend, test)]

    @property
    def backends(self) -> List[str]:
        """Those that were measured, in their order."""
        return list(dict.fromkeys(row.backend for row in self.all))


# -- bars


class Wanted(NamedTuple):
    """A ratio that is to be reached: messages a second of one contender over those of another."""

    over: str
    under: str
    size: int
    limit: float
    backends: Tuple[str, ...] = ("linux", "freebsd", "usrsctp")


_RATIOS = (
    Wanted("one", "c", 1000, 0.90),
    Wanted("one", "pysctp", 1000, 1.25, ("linux", "freebsd")),
    Wanted("one", "socket", 1000, 1.00, ("linux", "freebsd")),
    Wanted("bulk", "c-mmsg", 64, 0.90, ("linux",)),
    Wanted("bulk", "c-mmsg", 1000, 0.90, ("linux",)),
    Wanted("bulk", "one", 64, 1.3, ("linux", "freebsd")),
    Wanted("bulk", "one", 1000, 1.3, ("linux", "freebsd")),
    Wanted("aio", "one", 1000, 0.60),
    Wanted("aio-bulk", "bulk", 1000, 0.85),
)
_MOST_US = 1.5  # of processor time, above C's
GROWTH_KIB = 1024  # of the peak, over ten million messages: a byte for every ten


def _why(row: Optional[Row], contender: str, missing: Mapping[str, str]) -> str:
    """Why there is no number."""
    if contender in missing:
        return f"{contender}: {missing[contender]}"
    if row is None:
        return f"{contender}: not part of this run"
    return f"{contender}: {'; '.join(row.errors) or 'no samples'}"


def _bar(
    bar: Bar,
    pair: Sequence[Tuple[str, Optional[Row]]],
    name: str,
    missing: Mapping[str, str],
    compare: Callable[[float, float], float],
) -> Bar:
    """The bar with its value, or with the reason why there is none."""
    values = [None if row is None else row.value(name) for _, row in pair]
    if values[0] and values[1]:
        return bar._replace(value=compare(values[0], values[1]))
    reasons = [_why(row, contender, missing) for (contender, row), value in zip(pair, values) if not value]
    return bar._replace(why="; ".join(reasons))


def bars(rows: Rows, missing: Mapping[str, str]) -> List[Bar]:
    """Every bar of the backends that were measured. missing: contenders that are not here, and why."""
    found: List[Bar] = []
    for backend in rows.backends:
        for want in _RATIOS if rows.of(backend, "messages") else ():
            if backend in want.backends:
                pair = [(name, rows.find(backend, "messages", want.size, name)) for name in (want.over, want.under)]
                bar = Bar(f"{backend}, {want.size} bytes: {want.over} / {want.under}", None, want.limit, True)
                found.append(_bar(bar, pair, "rate", missing, operator.truediv))
        # Without a stack, or on a kernel: on usrsctp a call also does work for the stack's threads.
        for side in ("send", "receive") if rows.of(backend, "calls") and backend != "usrsctp" else ():
            pair = [(name, rows.find(backend, "calls", 1000, name)) for name in ("one", "c")]
            bar = Bar(f"{backend}, 1000 bytes: one above c, us of processor time to {side}", None, _MOST_US, False)
            found.append(_bar(bar, pair, f"{side}_us", missing, operator.sub))
    return found + _growth_bars(rows)


def _growth_bars(rows: Rows) -> List[Bar]:
    """Of a long run: by how much the peak of each side's memory grew, from the first tenth to the end."""
    found = []
    for row in rows.all:
        for side in ("sender", "receiver"):
            grown = row.value(f"{side}_growth_kib")
            if grown is not None:
                found.append(Bar(f"{row.backend}, {row.contender}: KiB that its {side} grew", grown, GROWTH_KIB, False))
    return found


def last_line(found: Sequence[Bar]) -> str:
    """How many bars were reached."""
    verdicts = [bar.verdict for bar in found]
    passed, failed = verdicts.count("pass"), verdicts.count("FAIL")
    return f"bars: {passed} passed, {failed} failed, {len(verdicts) - passed - failed} not measured"
