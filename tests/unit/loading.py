"""Loads files of the checkout that are no part of the package, by path: build_ffi.py and the tools.

Each call gives a fresh module, so that a test may change it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def load_by_path(name: str, *parts: str) -> ModuleType:
    """The file at parts below the checkout, as a module of that name."""
    spec = importlib.util.spec_from_file_location(name, ROOT.joinpath(*parts))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
