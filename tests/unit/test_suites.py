"""The lists in tests/suites: which check of another project's suite is which test of ours, and which is none.

A line is a check's id, then "= file.py::test ..." (in tests/contract, or with its folder), or "- why not". Here they
are held against the tests that exist and the table in docs/testing.md; the tests themselves run elsewhere.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = sorted((ROOT / "tests" / "suites").glob("*.txt"))
LINE = re.compile(r"(?P<check>\S+(?: \S+)*?) (?P<sign>[=-]) (?P<rest>\S.*)")
HEADING = "## Other suites, re-enacted"
ROW = re.compile(
    r"\| *(?P<suite>\w+)\b[^|]*\| *(?P<checks>\d+) *\| *(?P<covered>\d+) *\| *(?P<not_covered>\d+)\b(?P<why>.*)\|"
)

EACH = pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)


def checks_of(path):
    """The lines of a list, taken apart: id, "=" or "-", the rest."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [(line, LINE.fullmatch(line)) for line in lines if line.strip() and not line.startswith("#")]
    assert [line for line, match in found if match is None] == []
    return [match.group("check", "sign", "rest") for _, match in found]


def named_in(path):
    """Every "file.py::test" that a list names."""
    return {name for _, sign, rest in checks_of(path) if sign == "=" for name in re.split(r"[,\s]+", rest)}


@functools.cache
def functions_of(path):
    """The names of a file's tests, those of its classes too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def exists(name):
    """Whether there is a test of this name."""
    file, colons, function = name.partition("::")
    path = ROOT / "tests" / (file if "/" in file else f"contract/{file}")
    return bool(colons) and path.is_file() and function in functions_of(path)


def table():
    """The rows of docs/testing.md about other suites, by the suite's name."""
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    section = text.partition(HEADING)[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert [row for row in rows if ROW.fullmatch(row) is None] == []
    return {match["suite"]: match for match in map(ROW.fullmatch, rows)}


def test_there_are_lists():
    """The lists are found, whatever folder the tests run in."""
    assert LISTS


@EACH
def test_every_check_has_one_line(path):
    """No check stands twice, and one that is left out has a reason."""
    checks = checks_of(path)
    ids = [check for check, _, _ in checks]
    assert [check for check in set(ids) if ids.count(check) > 1] == []
    assert [check for check, sign, rest in checks if sign == "-" and len(rest.split()) < 3] == []


@EACH
def test_every_named_test_exists(path):
    """Each test that a list names is there."""
    assert sorted(name for name in named_in(path) if not exists(name)) == []


@EACH
def test_the_table_has_the_lists_numbers(path):
    """docs/testing.md tells how many checks there are, how many are covered, and why the others are not."""
    signs = [sign for _, sign, _ in checks_of(path)]
    row = table()[path.stem]
    counts = len(signs), signs.count("="), signs.count("-")
    assert tuple(int(row[column]) for column in ("checks", "covered", "not_covered")) == counts
    assert bool(row["why"].strip(" :,")) is (counts[2] > 0)


def test_no_row_is_made_up():
    """Each row of the table has its list."""
    assert sorted(table()) == [path.stem for path in LISTS]
