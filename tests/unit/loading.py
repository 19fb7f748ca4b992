"""Loads files of the checkout that are no part of the package, by path: build_ffi.py and the tools.

Each call of load_by_path gives a fresh module, so that a test may change it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]


def load_by_path(name: str, *parts: str) -> ModuleType:
    """The file at parts below the checkout, as a module of that name."""
    spec = importlib.util.spec_from_file_location(name, ROOT.joinpath(*parts))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_runners(*names: str) -> SimpleNamespace:
    """Modules of tools/vm. They import each other by name, as scripts do, so each is loaded once for all tests."""
    folder = str(ROOT / "tools" / "vm")
    sys.path.insert(0, folder)
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(folder)
