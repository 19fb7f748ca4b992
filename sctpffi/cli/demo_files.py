"""The demo's files: which ones of a directory are sent, and how they are read.

Knows the file system only: no socket, no printing.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections import Counter
from pathlib import Path
from typing import BinaryIO, List, NamedTuple, Optional, Tuple

import sctpffi

LIMIT_BYTES = 64 * 1024 * 1024
VERSION_CONTROL = {".git", ".hg", ".svn"}
ENVIRONMENTS = {".tox", ".nox", ".venv", "venv", "node_modules"}
CACHES = {".cache", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache", "__pycache__"}
SKIPPED_DIRECTORIES = VERSION_CONTROL | ENVIRONMENTS | CACHES | {"build", "dist"}
SKIPPED_SUFFIXES = frozenset({".pyc", ".pyo", ".so", ".o", ".egg-info"})


class DemoError(Exception):
    """The demo can't go on; the text is one sentence for the user."""


class Entry(NamedTuple):
    """One file to send."""

    name: str  # relative to the directory
    path: Optional[str]  # None: its content is made up, see `made_up`
    size: int  # bytes


class Plan(NamedTuple):
    """What is sent, and what is not."""

    root: str
    entries: List[Entry]
    left_out: List[str]  # for people: names of directories, kinds and numbers of files

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(entry.size for entry in self.entries)


def default_root() -> str:
    """The project's source tree: where the package lies, or the current directory; else the installed package."""
    package = Path(sctpffi.__file__).resolve().parent
    for folder in (package.parent, Path.cwd()):
        if (folder / "pyproject.toml").exists() and (folder / "csrc" / "sfi.h").exists():
            return str(folder)
    return str(package)


def _walk(root: str, everything: bool) -> Tuple[List[Entry], List[str]]:
    """Every regular file under root by name, and what was passed over."""

    def fail(error: OSError) -> None:
        raise error

    entries: List[Entry] = []
    skipped: List[str] = []
    kinds: Counter[str] = Counter()
    for folder, directories, files in os.walk(root, onerror=fail):
        keep = [d for d in sorted(directories) if everything or not _skipped_directory(d)]
        skipped += [d for d in sorted(directories) if d not in keep]
        directories[:] = keep
        for name in sorted(files):
            path = os.path.join(folder, name)
            suffix = os.path.splitext(name)[1]
            if suffix in SKIPPED_SUFFIXES and not everything:
                kinds[suffix] += 1
                continue
            facts = os.lstat(path)
            if stat.S_ISREG(facts.st_mode):
                entries.append(Entry(os.path.relpath(path, root), path, facts.st_size))
    notes = sorted(set(skipped)) + [f"{count} *{suffix}" for suffix, count in sorted(kinds.items())]
    return entries, notes


def _skipped_directory(name: str) -> bool:
    return name in SKIPPED_DIRECTORIES or os.path.splitext(name)[1] in SKIPPED_SUFFIXES


def _capped(entries: List[Entry]) -> Tuple[List[Entry], List[str]]:
    """As many as fit the limit, in their order."""
    kept: List[Entry] = []
    total = 0
    for entry in entries:
        if total + entry.size <= LIMIT_BYTES:
            kept.append(entry)
            total += entry.size
    over = len(entries) - len(kept)
    return kept, [f"{over} beyond {LIMIT_BYTES >> 20} MiB"] if over else []


def collect(directory: Optional[str], everything: bool) -> Plan:
    """Find what to send.

    directory: None is `default_root`. everything: neither pass over build products nor stop at 64 MiB.
    Raises DemoError if it is no directory, can't be read, or holds nothing to send.
    """
    root = default_root() if directory is None else directory
    if not os.path.exists(root):
        raise DemoError(f"there is no directory {shown(root)}")
    if not os.path.isdir(root):
        raise DemoError(f"{shown(root)} is not a directory")
    try:
        entries, left_out = _walk(root, everything)
    except OSError as exc:
        raise DemoError(f"cannot read {shown(str(exc.filename or root))}: {exc.strerror}") from None
    if not everything:
        entries, over = _capped(entries)
        left_out += over
    if not entries:
        hint = f" (left out: {', '.join(left_out)}; --all sends them)" if left_out else ""
        raise DemoError(f"there is no file to send in {shown(root)}{hint}")
    return Plan(root, entries, left_out)


def made_up(size: int) -> Entry:
    """A file that exists nowhere, with the same content each time, for a directory of small files. size in bytes."""
    return Entry("(made up)", None, size)


def open_entry(entry: Entry) -> BinaryIO:
    """Open a file to read. Raises OSError."""
    if entry.path is None:
        return io.BytesIO(hashlib.shake_256(b"sctpffi demo").digest(entry.size))
    return open(entry.path, "rb")


def shown(name: str) -> str:
    """A file's name, safe to print: one with control characters must not drive the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
