"""Fixtures for all tests: which backend, what leaked, which loopback addresses there are.

The only file that knows what can run where. A backend that was asked for, by --backend or SCTPFFI_EXPECT_BACKENDS,
and can't be used is a failure; only one that nobody expects is left out, with its reason in the header.
"""

from __future__ import annotations

import os
import socket
import subprocess
from typing import Iterator, List

import pytest

from sctpffi import backends
from sctpffi.testing import Census


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--backend=linux,usrsctp`."""
    parser.addoption("--backend", default="", help="comma list; default: every backend that can be used here")


def _wanted(config: pytest.Config) -> List[str]:
    named = config.getoption("--backend") or os.environ.get("SCTPFFI_EXPECT_BACKENDS", "")
    names = [name.strip() for name in named.split(",") if name.strip()]
    return names or [s.name for s in backends.probe_all() if s.usable]


def pytest_report_header(config: pytest.Config) -> List[str]:
    """Say which backends run, and why others don't."""
    lines = ["sctpffi backends under test: " + (", ".join(_wanted(config)) or "none")]
    return lines + [f"  not used: {s.name}: {s.reason}" for s in backends.probe_all() if not s.usable]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that takes `backend` once for each."""
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", _wanted(metafunc.config), scope="session")


@pytest.fixture(scope="session", autouse=True)
def loopback() -> None:
    """See to it that 127.0.0.2 and 127.0.0.3 are addresses of the loopback interface, where that may be done."""
    for host in ("127.0.0.2", "127.0.0.3"):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((host, 0))
        except OSError:  # FreeBSD wants an alias
            subprocess.run(["ifconfig", "lo0", "alias", f"{host}/32"], check=False, timeout=30)


@pytest.fixture(autouse=True)
def census(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test with a backend: nothing it opened is still open."""
    if "backend" not in request.fixturenames:
        yield
        return
    name = request.getfixturevalue("backend")
    backend = backends.load(name)
    backends.open_handle(backend, 4, 1).close()  # usrsctp starts its threads and sockets with the first
    before = Census(name)
    yield
    leaked = before.leaks()
    assert not leaked, "; ".join(leaked)
