"""Which contract tests prove what: the RFC sections that their docstrings name, and the names that they use.

Tests are read as text and never imported. What is made of it stands in docs.py and docs_options.py.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Sequence, Set, Tuple, Union

Section = Tuple[int, str]
MOST_LINKS = 4  # in one cell
_NUMBER = r"\d+(?:\.\d+)*"
_MENTION = re.compile(
    rf"(?:RFC \d+ sections? |RFC \d+ (?=\d+\.\d)|sections? )"
    rf"({_NUMBER}(?:(?:, and |, or |, | and | or )(?:section )?{_NUMBER})*)"
)
_RFC = re.compile(r"RFC (\d+)")
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


class Proof(NamedTuple):
    """One test: its file's name, its name, the sections that it names, and every word of it that may be a name."""

    file: str
    test: str
    sections: FrozenSet[Section]
    words: FrozenSet[str]

    def link(self, folder: str) -> str:
        """A link in Markdown, from a page beside which the tests are in `folder`."""
        return f"[{self.test}]({folder}/{self.file})"


def sections_of(docstring: str, module: str = "") -> Set[Section]:
    """The sections that a docstring names: "RFC 6458 section 8.1.1", "sections 5.3 and 5.4", "RFC 6458 9.2".

    A section without an RFC belongs to the one named last, or else to the only one that the module's docstring names.
    """
    found: Set[Section] = set()
    default = set(_RFC.findall(module))
    for mention in _MENTION.finditer(docstring):
        named = _RFC.findall(docstring[: mention.start(1)]) or (list(default) if len(default) == 1 else [])
        if named:
            found |= {(int(named[-1]), number) for number in re.findall(_NUMBER, mention.group(1))}
    return found


def _words(node: ast.AST, tables: Dict[str, ast.expr]) -> Iterator[str]:
    """What may be the name of an option: attributes, strings that are a name, a text's words in capitals.

    Of the tables of the module that the test uses too: what it is parametrised by is often in one.
    """
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
            yield from re.findall(r"\b[A-Z][A-Z0-9_]+\b", part.value)
        elif isinstance(part, ast.Name) and part.id in tables:
            yield from _words(tables[part.id], {name: tables[name] for name in tables if name != part.id})


def _tables(tree: ast.Module) -> Dict[str, ast.expr]:
    """What a module assigns to names at its top level."""
    found: Dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
    return found


def _tests(tree: ast.Module) -> Iterator[Union[ast.FunctionDef, ast.AsyncFunctionDef]]:
    for node in ast.walk(tree):
        if isinstance(node, _Function) and node.name.startswith("test_"):
            yield node


def scan(folder: Path) -> List[Proof]:
    """Every test below a folder, in the order of files and lines."""
    found: List[Proof] = []
    for path in sorted(folder.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        module, tables = ast.get_docstring(tree) or "", _tables(tree)
        for node in sorted(_tests(tree), key=lambda each: each.lineno):
            docstring = " ".join((ast.get_docstring(node) or "").split())
            sections = frozenset(sections_of(docstring, module))
            found.append(Proof(path.name, node.name, sections, frozenset(_words(node, tables))))
    return found


def by_section(proofs: Iterable[Proof]) -> Dict[Section, List[Proof]]:
    """The tests that name each section."""
    found: Dict[Section, List[Proof]] = {}
    for proof in proofs:
        for section in proof.sections:
            found.setdefault(section, []).append(proof)
    return found


def using(proofs: Iterable[Proof], *names: str) -> List[Proof]:
    """The tests in which one of the names occurs."""
    return [proof for proof in proofs if proof.words.intersection(names)]


def links(proofs: Sequence[Proof], folder: str) -> str:
    """Some of them as links, one under the other in a cell of a table, from as many files as possible."""
    place: Dict[Proof, int] = {}
    in_file: Dict[str, int] = {}
    for proof in proofs:
        place[proof] = in_file[proof.file] = in_file.get(proof.file, 0) + 1
    shown = sorted(proofs, key=lambda each: place[each])[:MOST_LINKS]
    rest = len(proofs) - len(shown)
    return "<br>".join([proof.link(folder) for proof in shown] + [f"and {rest} more"] * bool(rest))
