"""The guides, docs/connections.md, asyncio.md and bulk.md, against the code: tables, names, and links of all pages.

Their samples run in test_examples.py; that the twins are twins, test_twins.py says.
"""

from __future__ import annotations

import asyncio
import builtins
import importlib
import inspect
import os
import re
from dataclasses import fields

import pytest

import sctpffi
from sctpffi import Config, errors
from sctpffi._tables import OPTIONS

from .loading import ROOT

LOOPS = os.environ.get("SCTPFFI_EXPECT_LOOPS", "asyncio").split(",")  # as in tests/contract/conftest.py
MODULES = ["sctpffi.aio", *(["sctpffi.trio"] if "trio" in LOOPS else [])]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
GUIDES = ("connections.md", "asyncio.md", "bulk.md")
ROWS = {row.name: row for row in OPTIONS}


def text_of(guide):
    """A guide's text."""
    return (ROOT / "docs" / guide).read_text(encoding="utf-8")


def table(guide, first):
    """The cells of each row of the table whose first column has this heading."""
    found = re.search(rf"^\| {first} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text_of(guide), re.M)
    assert found is not None, first
    return [[cell.strip() for cell in row.strip("|\n").split("|")] for row in found.group(1).splitlines()]


# -- Config


CONFIG = {row[0].strip("`"): row[1:] for row in table("connections.md", "field")}


def test_the_table_of_config_has_every_field():
    """Every field of Config has a row, in the class's order, and no row is of another."""
    assert list(CONFIG) == [field.name for field in fields(Config)]


@pytest.mark.parametrize("name", CONFIG)
def test_defaults_of_config(name):
    """The default in the table is the field's."""
    assert eval(CONFIG[name][0].strip("`"), vars(sctpffi)) == getattr(Config(), name)  # it is our own page


@pytest.mark.parametrize("name", [name for name, (_, text, _) in CONFIG.items() if text.startswith("`opts.")])
def test_options_of_config(name):
    """The option that a field sets is one, of the RFC in the row."""
    _, text, rfc = CONFIG[name]
    row = ROWS[re.match(r"`opts\.(\w+)`", text).group(1)]
    assert set(rfc.split()) <= set(row.rfc.split()), row.rfc


# -- exceptions


def test_table_of_exceptions():
    """Each exception of the table is also what it says."""
    for name, other, *_ in table("connections.md", "exception"):
        parent = getattr(builtins, other, None) or getattr(sctpffi, other)
        assert issubclass(getattr(sctpffi, name), parent)


# -- coroutines


@pytest.mark.parametrize("module", MODULES)
def test_table_of_coroutines(module):
    """What the table lists to await is a coroutine function, and nothing else of the class is one."""
    place = importlib.import_module(module)
    for of, awaited, plain in table("asyncio.md", "of"):
        name = re.match(r"`(\w+)`", of)
        if name is None:
            owner, public = place, place.__all__
        elif hasattr(place, name.group(1)):
            owner = getattr(place, name.group(1))
            public = [each for each in dir(owner) if not each.startswith("_")]
        else:
            assert "(aio)" in of
            continue
        found = {each for each in public if inspect.iscoroutinefunction(getattr(owner, each))}
        assert found == set(re.findall(r"`(\w+)`", awaited)), of
        assert all(hasattr(owner, each) for each in re.findall(r"`(\w+)`", plain)), of


# -- names and links


@pytest.mark.parametrize("guide", GUIDES)
def test_names_of_errors(guide):
    """What looks like an error's name in a guide is one, of ours, of Python's or of asyncio's."""
    ends = "Error|Timeout|TimedOut|Refused|Aborted|Lost|Exceeded|Connected|Association|Block|Busy|Loop"
    named = set(re.findall(rf"\b([A-Z][a-zA-Z]+(?:{ends}))\b", text_of(guide)))
    assert len(named) > 5
    assert [name for name in named if not any(hasattr(place, name) for place in (errors, builtins, asyncio))] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_names_of_options(guide):
    """An option that a guide names is one."""
    assert set(re.findall(r"opts\.(\w+)", text_of(guide))) <= set(ROWS)


def anchors(page):
    """What a link may lead to inside a page."""
    text = page.read_text(encoding="utf-8")
    headings = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)}
    return headings | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Each link of a page that is no address leads to a file, and to a heading or an anchor if it names one."""
    for target in set(re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8"))):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target
