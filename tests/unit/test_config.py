"""Config where a stack lacks an extension: what is asked for by name raises, what is wished by default does not."""

from __future__ import annotations

from typing import Any, List, Tuple

import pytest

from sctpffi import Config, UnsupportedOption
from sctpffi.config import _switch_extensions
from sctpffi.errors import build


class Lacking:
    """A socket whose options take no extension: Linux before 5.4."""

    def __init__(self) -> None:
        self.opts = self
        self.asked: List[Tuple[str, bool]] = []

    def set(self, name: str, value: bool) -> None:
        self.asked.append((name, value))
        raise build(UnsupportedOption, f"set {name}")


def test_wished_by_default():
    """The extensions that are on by default are tried, and done without where they are not."""
    sock: Any = Lacking()
    _switch_extensions(sock, Config())
    assert sock.asked == [("auth_supported", True), ("asconf_supported", True), ("reconfig_supported", True)]


@pytest.mark.parametrize("name", ["auth", "asconf", "reconfig"])
@pytest.mark.parametrize("wanted", [True, False])
def test_asked_for(name, wanted):
    """An extension that is asked for, on or off, raises UnsupportedOption where it can't be."""
    with pytest.raises(UnsupportedOption):
        _switch_extensions(Lacking(), Config(**{name: wanted}))
