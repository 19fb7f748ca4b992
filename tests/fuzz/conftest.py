"""How much is tried: 200 examples a test, the same on every run, or as many as are asked for.

SCTPFFI_FUZZ_EXAMPLES=100000 tries so many, and others on each run if it is more than that. Nothing is written here.
"""

from __future__ import annotations

import os
import tempfile

import hypothesis
from hypothesis import HealthCheck, configuration, settings

SHORT = 200
EXAMPLES = int(os.environ.get("SCTPFFI_FUZZ_EXAMPLES", "") or SHORT)
FIXED = EXAMPLES <= SHORT

configuration.set_hypothesis_home_dir(tempfile.mkdtemp(prefix="sctpffi-fuzz-"))
settings.register_profile(
    "sctpffi",
    max_examples=EXAMPLES,
    derandomize=FIXED,
    deadline=None,  # another process may have the processor
    database=None,
    print_blob=not FIXED,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("sctpffi")


def pytest_report_header() -> str:
    """Say how much is tried."""
    how = "the same on every run" if FIXED else "others on each run"
    return f"hypothesis {hypothesis.__version__}: {EXAMPLES} examples a test, {how}"
