"""Where no backend can be used: the package imports, and `sctpffi info` says what is missing and how to get it.

Each test runs a copy of the package without its compiled modules, in a process of its own, with what build_ffi.py
would have written down on the platform in question. Nothing is built.
"""

from __future__ import annotations

import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sctpffi

from .loading import load_by_path

PACKAGE = Path(sctpffi.__file__).parent
NO_HEADER = "fatal error: no such file"


@pytest.fixture
def bare(tmp_path):
    """A directory with the package as it is in a checkout where nothing was built."""
    shutil.copytree(
        PACKAGE, tmp_path / "sctpffi", ignore=shutil.ignore_patterns("_ffi_*", "_build_info.py", "__pycache__")
    )
    return tmp_path


def build_on(bare, platform, monkeypatch, **said):
    """Leave what a build there would leave where the compiler says NO_HEADER to each of the stacks' headers."""
    build = load_by_path("build_ffi_elsewhere", "build_ffi.py")
    monkeypatch.delenv("SCTPFFI_BACKENDS", raising=False)
    monkeypatch.setattr(build, "PLATFORM", platform)
    monkeypatch.setattr(build, "BUILD_INFO", bare / "sctpffi" / "backends" / "_build_info.py")
    monkeypatch.setattr(build, "no_tools", lambda: said.get("no_tools"))
    monkeypatch.setattr(build, "first_error", lambda *arguments: NO_HEADER)
    assert build.cffi_modules() == []


def python(bare, code, platform="linux"):
    """What a program prints that runs there; it must not fail."""
    env = {name: value for name, value in os.environ.items() if name not in ("SCTPFFI_BACKEND", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys; sys.platform = {platform!r}\n{code}"],
        cwd=bare,
        env=env,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


INFO = "from sctpffi import cli; sys.exit(cli.main(['info']))"
REFUSED = """
import sctpffi
try:
    sctpffi.connect("127.0.0.1:9")
except sctpffi.BackendUnavailable as exc:
    print(exc)
"""


def test_every_module_can_be_imported(bare):
    """All but the backends' own modules, and trio's, need nothing that was compiled; cffi is not looked at."""
    names = [found.name for found in pkgutil.walk_packages([str(PACKAGE)], "sctpffi.")]
    needy = ("sctpffi.backends.", "sctpffi.trio", "sctpffi.__main__")
    plain = [name for name in names if not name.startswith(needy)]
    assert len(plain) > 40
    code = "import importlib; sys.modules['cffi'] = None"
    if sys.implementation.name == "cpython":  # PyPy's own library uses it
        code += "; sys.modules['_cffi_backend'] = None"
    code += f"\nfor name in {plain}: print(importlib.import_module(name).__name__)"
    assert python(bare, code).split() == plain


@pytest.mark.parametrize(
    ("platform", "kernel", "advice"),
    [
        ("linux", "linux", "Debian: linux-libc-dev"),
        ("freebsd14", "freebsd", "FreeBSD's base system"),
        ("darwin", None, "macOS: package libusrsctp"),
    ],
)
def test_info_says_what_is_missing(bare, monkeypatch, platform, kernel, advice):
    """On each platform `info` names the missing header of each backend that could be there, and what to install."""
    build_on(bare, platform, monkeypatch)
    out = " ".join(python(bare, INFO, platform).split())
    for name, header in (("linux", "linux/sctp.h"), ("freebsd", "netinet/sctp.h"), ("usrsctp", "usrsctp.h")):
        if name in (kernel, "usrsctp"):
            assert f"{name} not built: <{header}> is missing or unusable ({NO_HEADER}): install" in out
        else:
            assert f"{name} not built: it is for {name}, and this is {platform}" in out
    assert advice in out
    assert "pip install --force-reinstall --no-cache-dir sctpffi" in out
    assert f"default {kernel or 'none'}: " in out


def test_info_where_the_compiler_is_missing(bare, monkeypatch):
    """Where there was no compiler, that is said of each backend that could have been built."""
    build_on(bare, "linux", monkeypatch, no_tools="no C compiler: nothing; install one")
    out = " ".join(python(bare, INFO).split())
    assert out.count("not built: no C compiler: nothing; install one") == 2


@pytest.mark.parametrize("platform", ["linux", "freebsd14", "darwin"])
def test_first_use_says_the_same(bare, monkeypatch, platform):
    """The first call that needs a stack is refused with every backend's reason, as `info` has them."""
    build_on(bare, platform, monkeypatch)
    lines = python(bare, REFUSED, platform).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == list(sctpffi.backends.NAMES)
    assert "usrsctp: not built: <usrsctp.h> is missing or unusable" in lines[-1]


def test_checkout_without_a_build(bare):
    """Where nothing was ever built, it says how to build."""
    out = " ".join(python(bare, INFO).split())
    assert out.count("build it from a checkout or an sdist with `pip install .`") == len(sctpffi.backends.NAMES)
