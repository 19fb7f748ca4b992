"""What the other test folders have and these tests use: loaded by path, because the folders are no packages of one.

Also where the C files are, and how many examples a test gets that is run for each of many rows.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from hypothesis import settings

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"


def load_by_path(name: str, *parts: str) -> ModuleType:
    """The file at parts below the checkout, as a module of that name."""
    spec = importlib.util.spec_from_file_location(name, ROOT.joinpath(*parts))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its classes are looked up there
    spec.loader.exec_module(module)
    return module


natives = load_by_path("sctpffi_tests_natives", "tests", "abi", "natives.py")
storing = load_by_path("sctpffi_tests_storing", "tests", "abi", "storing.py")
script = load_by_path("sctpffi_tests_script", "tests", "unit", "script.py")


def fewer(part: int) -> settings:
    """Settings for a test that is run once for each of many rows: a part of the examples."""
    return settings(max_examples=max(5, settings.default.max_examples // part))
