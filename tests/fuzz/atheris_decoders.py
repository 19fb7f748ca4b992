"""The decoders under atheris, which looks for bytes that take new paths through the Python code.

By hand only, see docs/testing.md: atheris is for CPython on Linux, and no environment of tox installs it. What it finds
belongs into test_decoders.py as an example.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sctpffi"]):
    from sctpffi import errors
    from sctpffi.addresses import AddressSet, from_raw, parse
    from sctpffi.backends import _build_info
    from sctpffi.causes import parse_causes
    from sctpffi.notifications import Notification

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "abi"))
from natives import Stack, samples  # by hand, so not as a part of the tests

STACKS = [Stack(name) for name in _build_info.BUILT]


def notification(data: bytes, which: int) -> None:
    """Any bytes are a notification of some class, and of its bytes alone."""
    event = STACKS[which % len(STACKS)].decode(data)
    assert isinstance(event, Notification)
    assert repr(event)
    for derived in ("text", "causes", "sent", "whole", "ok"):
        getattr(event, derived, None)


def causes(data: bytes, _which: int) -> None:
    """Any bytes are causes, told in words."""
    found = parse_causes(data)
    assert sum(4 + len(cause.data) for cause in found) <= len(data)
    assert all(cause.text for cause in found)


def text(data: bytes, _which: int) -> None:
    """Any text is addresses or an AddressError."""
    try:
        found = parse(data.decode("utf-8", "surrogatepass"))
    except (errors.AddressError, UnicodeDecodeError):
        return
    assert isinstance(found, AddressSet)
    assert parse(str(found)) == found


def raw(data: bytes, which: int) -> None:
    """What the shim gives is an address or none."""
    if len(data) >= 16:
        from_raw((4, 6, which)[which % 3], which, which, data[:16])


TARGETS = (notification, causes, text, raw)


def one_input(data: bytes) -> None:
    """The first byte chooses what is tried, the second one is passed on."""
    if len(data) >= 2:
        TARGETS[data[0] % len(TARGETS)](data[2:], data[1])


def main() -> None:
    """With -seeds=DIR the good notifications are written there first, to start from."""
    for argument in [found for found in sys.argv if found.startswith("-seeds=")]:
        sys.argv.remove(argument)
        folder = Path(argument.split("=", 1)[1])
        folder.mkdir(parents=True, exist_ok=True)
        for number, stack in enumerate(STACKS):
            for kind, sample in samples(stack).items():
                (folder / f"{stack.name}-{kind.name}").write_bytes(bytes([0, number]) + sample.data)
        sys.argv.append(str(folder))
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
