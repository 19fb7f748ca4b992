"""Reads the junit files of a test run and says what they mean: the closing table, skips, failures, the last line.

Pure functions of files and names; nothing is run here. What ran, and with what, tools/check.py knows.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple

BACKENDS = ("linux", "freebsd", "usrsctp")
HEADINGS = ("environment", "backend", "interpreter", "passed", "failed", "skipped", "seconds", "")


class Trouble(NamedTuple):
    """A test that failed, or was skipped: its name and the reason that it gave."""

    test: str
    reason: str


class Suite(NamedTuple):
    """One junit file."""

    backend: str  # "" if the tests are about none
    passed: int
    failed: Sequence[Trouble]
    skipped: Sequence[Trouble]
    seconds: float
    kernel: str = ""  # its release, where an environment has several

    def title(self) -> str:
        """What it is about, for the table."""
        return f"{self.backend} {self.kernel}".strip() or "-"


class Outcome(NamedTuple):
    """One environment after its run. No suites is right for checks without tests, such as lint."""

    env: str
    interpreter: str
    status: int
    seconds: float
    suites: Sequence[Suite]
    absent: Sequence[str] = ()  # result files that should be there: the tests crashed, or never began
    said: Sequence[str] = ()  # the end of its log, if it failed


def suite_of(env: str, file_name: str) -> Optional[str]:
    """The backend that the file of an environment is about, "" for none; None if it is another environment's."""
    stem = file_name[: -len(".xml")] if file_name.endswith(".xml") else file_name
    if stem == env:
        return ""
    # Behind the backend may stand the release of a kernel, if one environment has more than one.
    return next((backend for backend in BACKENDS if f"{stem}-".startswith(f"{env}-{backend}-")), None)


def kernel_of(env: str, file_name: str) -> str:
    """The kernel that the file of an environment names, "" if it names none."""
    backend = suite_of(env, file_name)
    return file_name[len(f"{env}-{backend}-") : -len(".xml")] if backend else ""


def first_line(text: Optional[str]) -> str:
    """The first line that is not empty, shortened."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[0][:200] if lines else ""


def read_suite(path: Path, backend: str, kernel: str = "") -> Suite:
    """What a junit file says. A test that failed and whose teardown failed too counts once."""
    failed: List[Trouble] = []
    skipped: List[Trouble] = []
    names: List[str] = []
    seconds = 0.0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        names.append(name)
        seconds += float(case.get("time", 0))
        for kind in ("failure", "error"):
            found = case.find(kind)
            if found is not None:
                failed.append(Trouble(name, first_line(found.get("message") or found.text)))
                break
        else:
            found = case.find("skipped")
            if found is not None:
                skipped.append(Trouble(name, first_line(found.get("message"))))
    bad = {trouble.test for trouble in failed}
    skipped = [trouble for trouble in skipped if trouble.test not in bad]
    passed = len(set(names) - bad - {trouble.test for trouble in skipped})
    unique = list({trouble.test: trouble for trouble in reversed(failed)}.values())[::-1]
    return Suite(backend, passed, unique, skipped, seconds, kernel)


def counts(outcome: Outcome) -> Tuple[int, int, int]:
    """Passed, failed, skipped. An environment without tests is one check; one that failed has at least one failure."""
    passed = sum(suite.passed for suite in outcome.suites)
    failed = sum(len(suite.failed) for suite in outcome.suites) + len(outcome.absent)
    skipped = sum(len(suite.skipped) for suite in outcome.suites)
    if outcome.status != 0 and failed == 0:
        failed = 1
    if outcome.status == 0 and not outcome.suites and not outcome.absent:
        passed = 1
    return passed, failed, skipped


def rows_of(outcome: Outcome) -> List[Tuple[str, ...]]:
    """The lines of the table for one environment: one for each result file, or one for all if there is none."""
    # What failed besides tests is a failure of all.
    blamed = bool(outcome.absent) or any(suite.failed for suite in outcome.suites)
    everywhere = "FAILED" if outcome.status != 0 and not blamed else ""
    rows: List[Tuple[str, ...]] = [
        (
            outcome.env,
            suite.title(),
            outcome.interpreter,
            str(suite.passed),
            str(len(suite.failed)),
            str(len(suite.skipped)),
            f"{suite.seconds:.0f}",
            "FAILED" if suite.failed else everywhere,
        )
        for suite in outcome.suites
    ]
    for name in outcome.absent:
        backend = suite_of(outcome.env, name) or "-"
        rows.append((outcome.env, backend, outcome.interpreter, "0", "1", "0", "-", "NO RESULTS"))
    if not rows:
        passed, failed, skipped = (str(number) for number in counts(outcome))
        rows.append(
            (outcome.env, "-", outcome.interpreter, passed, failed, skipped, f"{outcome.seconds:.0f}", everywhere)
        )
    return rows


def table(outcomes: Iterable[Outcome]) -> List[str]:
    """The closing table; numbers stand to the right."""
    rows = [HEADINGS, *(row for outcome in outcomes for row in rows_of(outcome))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = []
    for row in rows:
        cells = [text.rjust(w) if 3 <= i <= 6 else text.ljust(w) for i, (text, w) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def skip_lines(outcomes: Iterable[Outcome]) -> List[str]:
    """Every skip with its reason; those of one reason and environment stand together."""
    lines: List[str] = []
    for outcome in outcomes:
        reasons: dict[str, List[str]] = {}
        for suite in outcome.suites:
            for trouble in suite.skipped:
                reasons.setdefault(trouble.reason or "NO REASON GIVEN", []).append(trouble.test)
        for reason, tests in reasons.items():
            lines.append(f"{outcome.env}: {reason}")
            lines += [f"    {test}" for test in tests]
    return lines


def failure_lines(outcomes: Iterable[Outcome]) -> List[str]:
    """Every failure: of tests with the first line of their error, of environments with their status."""
    lines: List[str] = []
    for outcome in outcomes:
        for suite in outcome.suites:
            where = f"{outcome.env} {suite.kernel}".strip()
            lines += [f"{where}: {trouble.test}: {trouble.reason}" for trouble in suite.failed]
        lines += [f"{outcome.env}: no results in {name}: the tests crashed or never began" for name in outcome.absent]
        if outcome.status != 0 and not outcome.absent and not any(suite.failed for suite in outcome.suites):
            # No test tells what it was: the whole log may be gone by the time that somebody asks.
            lines.append(f"{outcome.env}: ended with status {outcome.status}")
            lines += [f"    | {line}" for line in outcome.said]
    return lines


def complaints(outcomes: Sequence[Outcome], required: Iterable[str]) -> List[str]:
    """What is wrong besides failed tests: backends that ran no test, skips without a reason."""
    ran = {s.backend for outcome in outcomes for s in outcome.suites if s.passed + len(s.failed) > 0}
    lines = [f"no test ran on the backend {backend!r}, which this system must have" for backend in required
             if backend not in ran]  # fmt: skip
    for outcome in outcomes:
        silent = [trouble.test for suite in outcome.suites for trouble in suite.skipped if not trouble.reason]
        lines += [f"{outcome.env}: skipped without a reason: {test}" for test in silent]
    return lines


def last_line(outcomes: Iterable[Outcome]) -> str:
    """The sum of everything, in the form that others read."""
    passed, failed, skipped = (sum(column) for column in zip((0, 0, 0), *map(counts, outcomes)))
    return f"{passed} passed, {failed} failed, {skipped} skipped"
