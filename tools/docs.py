"""Writes docs/options.md and docs/rfc6458.md, or checks that they are what it would write: `docs.py write|check`.

Both come from the package's tables and docstrings and from the docstrings of the contract tests. It fails too if they
can't be true: an option or a section without a test, a test of a section that is not, a native option without a reason.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # the checkout's package, built or not

import docs_options  # noqa: E402  # needs the path
from docs_options import TESTS, available, option_available, rfc_link, table  # noqa: E402  # needs the path
from docs_rfc6458 import NO, OTHERS, RFC_6458, YES, Section  # noqa: E402  # needs the path
from docs_tests import Proof, by_section, links, scan, sections_of  # noqa: E402  # needs the path

from sctpffi._tables import BACKENDS, CONSTANTS, OPTIONS, OptionRow  # noqa: E402  # needs the path

Pages = Dict[str, str]
OLDEST_LINUX = [5, 0]  # that is supported
Tests = Dict[Tuple[int, str], List[Proof]]
INTRODUCTION = """\
# RFC 6458 in sctpffi

Made by `make docs` from tools/docs_rfc6458.py, the table of options and the contract tests. Don't edit it.

Every section of RFC 6458 from 3 to 9, and what later RFCs add to the socket API. Methods are those of `Socket`, most of
`Connection` too; options are explained in [options.md](options.md).

- **on**: the backends, with the first version if not every supported one has it.
- **status**: "yes"; "by other means" where Python needs no call of its own; "no", with the reason beside it; "see
  ..." for sections that only hold others, or mean another one.
- **proved by**: the contract tests that name the section. They run on every backend, and what may differ between
  backends is in [differences.md](differences.md). Each "yes" has one.
""".splitlines()


def _options(section: Section, rfc: int) -> List[OptionRow]:
    return [row for row in OPTIONS if row.rfc == f"RFC {rfc} section {section.number}"]


def _where(section: Section, rfc: int) -> str:
    """The backends of a section, with versions."""
    rows = _options(section, rfc)
    if section.status == NO or section.status.startswith("see"):
        return ""
    if section.on and section.on not in CONSTANTS:
        return section.on
    found = available(section.on) if section.on else option_available(rows[0]) if rows else ("yes",) * len(BACKENDS)
    names = [f"{name}{_version(since)}" for name, since in zip(BACKENDS, found) if since != "no"]
    return "all" if names == list(BACKENDS) else ", ".join(names)


def _version(since: str) -> str:
    """A version as it is said, if at all."""
    return "" if since == "yes" or [int(part) for part in since.split(".")] <= OLDEST_LINUX else f" {since}"


def _how(section: Section, rfc: int) -> str:
    parts = [f"[`opts.{row.name}`](options.md#opt-{row.name})" for row in _options(section, rfc)]
    return "; ".join(filter(None, [*parts, section.how]))


def _chapter(rfc: int, sections: Sequence[Section], tests: Tests) -> List[str]:
    rows = []
    for section in sections:
        number = rfc_link(f"RFC {rfc} section {section.number}").replace(f"[{rfc} ", "[")
        proved = links(tests.get((rfc, section.number), ()), TESTS)
        rows.append([number, section.title, _how(section, rfc), _where(section, rfc), section.status, proved])
    return table(["section", "title", "in sctpffi", "on", "status", "proved by"], rows)


def rfc_page(proofs: Sequence[Proof]) -> str:
    """docs/rfc6458.md."""
    tests = by_section(proofs)
    lines = [*INTRODUCTION, ""]
    for top in (section for section in RFC_6458 if "." not in section.number):
        inside = [each for each in RFC_6458 if each.number.split(".")[0] == top.number]
        lines += [f"## {top.number} {top.title}", "", *_chapter(6458, inside, tests)]
    for rfc, title, sections in OTHERS:
        lines += [f"## RFC {rfc}: {title}", "", *_chapter(rfc, sections, tests)]
    return "\n".join(lines).rstrip("\n") + "\n"


def problems(proofs: Sequence[Proof]) -> List[str]:
    """What keeps the pages from being true, a sentence each."""
    tests = by_section(proofs)
    chapters = [(6458, RFC_6458), *((rfc, sections) for rfc, _, sections in OTHERS)]
    known = {section.number for section in RFC_6458}
    found = [
        f"RFC {rfc} section {section.number}, {section.title}: no contract test names it"
        for rfc, sections in chapters
        for section in sections
        if section.status == YES and (rfc, section.number) not in tests
    ]
    found += [
        f"{proof.file}::{proof.test}: RFC 6458 has no section {number} about the socket API"
        for (rfc, number), named in tests.items()
        for proof in named
        if rfc == 6458 and number not in known
    ]
    described = {(rfc, section.number) for rfc, sections in chapters for section in sections}
    found += [
        f"opts.{row.name}: {row.rfc} is no section of docs_rfc6458.py"
        for row in OPTIONS
        if row.rfc.startswith("RFC ") and not sections_of(row.rfc) <= described
    ]
    return found + docs_options.problems(proofs)


def pages(root: Path, proofs: Sequence[Proof]) -> Pages:
    """What the pages should say, by their names."""
    return {"options.md": docs_options.page(proofs, root / "sctpffi"), "rfc6458.md": rfc_page(proofs)}


def stale(folder: Path, wanted: Pages) -> List[str]:
    """The pages that say something else, each with the first lines that differ."""
    found = []
    for name, text in wanted.items():
        path = folder / name
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        if there != text:
            lines = difflib.unified_diff(
                there.splitlines(), text.splitlines(), name, "as it should be", lineterm="", n=0
            )
            hint = "\n".join(line[:160] for line in list(lines)[:12])
            found.append(f"docs/{name} is stale; `make docs` writes it\n{hint}")
    return found


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Write the pages or check them; 1 if one is stale, or can't be true."""
    if list(arguments) not in (["write"], ["check"]):
        print("usage: docs.py write|check", file=sys.stderr)
        return 2
    proofs = scan(root / "tests" / "contract")
    wanted = pages(root, proofs)
    if list(arguments) == ["write"]:
        for name, text in wanted.items():
            (root / "docs" / name).write_text(text, encoding="utf-8")
    found = problems(proofs) + stale(root / "docs", wanted)
    for line in found:
        print(line, file=sys.stderr)
    print(f"docs.py: {len(wanted)} pages, {len(proofs)} tests, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
