"""Reads the dynamic symbols of a 64-bit little-endian ELF file: enough to say what a shared object still needs.

For objects of another system, where the host's own tools may be missing or know another format. Names come with
their versions, which say whose they are. Nothing is written.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

X86_64, AARCH64 = 62, 183
_DYNSYM, _VERSYM, _VERNEED, _DYNAMIC = 11, 0x6FFFFFFF, 0x6FFFFFFE, 6
_NEEDED = 1


class Section(NamedTuple):
    """One section: its type, the index of the section it refers to, and its bytes."""

    kind: int
    link: int
    data: bytes


class Elf:
    """A shared object."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is no 64-bit little-endian ELF file")
        self.machine = struct.unpack_from("<H", self.data, 18)[0]
        start = struct.unpack_from("<Q", self.data, 40)[0]
        size, count = struct.unpack_from("<HH", self.data, 58)
        self.sections = [self._section(start + i * size) for i in range(count)]

    def _section(self, at: int) -> Section:
        _, kind, _, _, offset, size, link, _, _, _ = struct.unpack_from("<IIQQQQIIQQ", self.data, at)
        return Section(kind, link, self.data[offset : offset + size])

    def _one(self, kind: int) -> Section:
        return next(section for section in self.sections if section.kind == kind)

    def _text(self, section: Section, at: int) -> str:
        table = self.sections[section.link].data
        return table[at : table.index(b"\0", at)].decode()

    def _versions(self) -> Dict[int, str]:
        """Version numbers of the symbols to their names, of those that other objects define."""
        section = self._one(_VERNEED)
        found: Dict[int, str] = {}
        at = 0
        while True:
            _, count, _, first, following = struct.unpack_from("<HHIII", section.data, at)
            inner = at + first
            for _ in range(count):
                _, _, number, name, step = struct.unpack_from("<IHHII", section.data, inner)
                found[number] = self._text(section, name)
                inner += step
            if following == 0:
                return found
            at += following

    def _symbols(self) -> Iterator[Tuple[str, str, bool]]:
        """Name, version ("" if none) and whether it is defined here, of every dynamic symbol."""
        symbols, versions = self._one(_DYNSYM), self._versions()
        numbers = self._one(_VERSYM).data
        for i in range(1, len(symbols.data) // 24):
            name, _, _, home = struct.unpack_from("<IBBH", symbols.data, i * 24)
            number = struct.unpack_from("<H", numbers, i * 2)[0] & 0x7FFF
            yield self._text(symbols, name), versions.get(number, ""), home != 0

    def undefined(self) -> Dict[str, str]:
        """The symbols that must come from elsewhere, with their versions."""
        return {name: version for name, version, here in self._symbols() if not here}

    def defined(self) -> List[str]:
        """The symbols that others may use."""
        return [name for name, _, here in self._symbols() if here]

    def needed(self) -> List[str]:
        """The shared objects it asks for."""
        section = self._one(_DYNAMIC)
        return [self._text(section, value) for tag, value in struct.iter_unpack("<qQ", section.data) if tag == _NEEDED]
