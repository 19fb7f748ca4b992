"""Build sctpffi for FreeBSD on another system: `freebsd_cross.py --arch x86_64 --out DIR`.

Leaves DIR/sctpffi complete with the freebsd backend as a stable-ABI module. Copied to a FreeBSD 13.2+ machine
with Python >= 3.9, cffi, pytest and pytest-timeout, DIR plus tests/ runs
`python3 -m pytest tests/contract --backend=freebsd`.
Needs ziglang from PyPI, which carries FreeBSD's headers and libc stubs, and the headers of the running Python.
Nothing of a checkout outside DIR is written.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import List, Optional, Sequence

ROOT = Path(__file__).resolve().parent.parent
ARCHES = ("x86_64", "aarch64")
WARNINGS = ("-Wall", "-Wextra", "-Werror")
# Linux' pyconfig.h asks for strict POSIX, which would hide FreeBSD's own names.
VISIBLE = "-D__BSD_VISIBLE=1"


class CrossError(Exception):
    """Something that the build needs is missing, or the compiler refused; the text says what to do."""


def compiler(arch: str) -> List[str]:
    """The command that compiles and links for FreeBSD."""
    if importlib.util.find_spec("ziglang") is None:
        raise CrossError(f"{sys.executable} has no ziglang: pip install ziglang")
    return [sys.executable, "-m", "ziglang", "cc", "-target", f"{arch}-freebsd"]


def python_headers() -> Path:
    """Where Python.h is."""
    folder = Path(sysconfig.get_paths()["include"])
    if not (folder / "Python.h").exists():
        raise CrossError(f"{folder}/Python.h is missing: install the headers of {sys.executable} (Debian: python3-dev)")
    return folder


def copy_headers(folder: Path) -> Path:
    """Python's headers in one place. Debian's pyconfig.h only leads to the host's own, by the host's architecture."""
    source = python_headers()
    target = folder / "python"
    shutil.copytree(source, target)
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    real = source.parent / multiarch / source.name / "pyconfig.h"
    if multiarch and real.exists():
        shutil.copy(real, target / "pyconfig.h")
    return target


def run(command: Sequence[str]) -> str:
    """Run a compiler; CrossError with its messages if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise CrossError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def check_shim(arch: str, folder: Path) -> None:
    """Compile the shim alone, warnings as errors, and link it with nothing undefined: libc has every sctp_* call.

    The extension itself cannot be linked so, because Python's symbols come from the interpreter.
    """
    source = ROOT / "csrc" / "sfi_freebsd.c"
    flags = ["-std=c11", "-O2", "-fPIC", "-shared", "-Wl,--no-undefined", *WARNINGS]
    run([*compiler(arch), *flags, str(source), "-o", str(folder / "shim.so")])


def build_module(arch: str, folder: Path, target: Path) -> None:
    """Build the cffi extension against CPython's stable ABI, which is the same on FreeBSD."""
    sys.path.insert(0, str(ROOT))
    try:
        import build_ffi
    finally:
        sys.path.pop(0)
    source = folder / "_ffi_freebsd.c"
    build_ffi.make_ffi("freebsd").emit_c_code(str(source))
    flags = ["-std=c11", "-O2", "-fPIC", "-shared", "-DPy_LIMITED_API=0x03090000", VISIBLE]
    flags += ["-I", str(ROOT / "csrc"), "-I", str(copy_headers(folder)), "-Wno-macro-redefined"]
    run([*compiler(arch), *flags, str(source), "-o", str(target)])


def build(arch: str, out: Path) -> Path:
    """Build everything; returns the compiled module's path."""
    if arch not in ARCHES:
        raise CrossError(f"--arch {arch}: there are {', '.join(ARCHES)}")
    package = out / "sctpffi"
    shutil.rmtree(package, ignore_errors=True)
    ignored = shutil.ignore_patterns("*.so", "__pycache__", "_build_info.py", "_ffi_*.c")
    shutil.copytree(ROOT / "sctpffi", package, ignore=ignored)
    target = package / "backends" / "_ffi_freebsd.abi3.so"
    with tempfile.TemporaryDirectory() as scratch:
        check_shim(arch, Path(scratch))
        build_module(arch, Path(scratch), target)
    (package / "backends" / "_build_info.py").write_text(
        '"""Written by tools/freebsd_cross.py."""\n\nBUILT = ("freebsd",)\n'
        'NOT_BUILT = {"linux": "built for FreeBSD", "usrsctp": "the cross build has no libusrsctp"}\n'
    )
    return target


def probe(arch: str, lines: Sequence[str]) -> List[int]:
    """Evaluate integer C expressions with FreeBSD's headers, without running anything there.

    Each becomes an array whose bytes are its value; they are read out of the object file.
    """
    marker = b"SFI-PROBE-"
    text = ["#include <sys/types.h>", "#include <stddef.h>", "#include <stdint.h>", "#include <sys/socket.h>"]
    text += ["#include <netinet/in.h>", "#include <netinet/sctp.h>", "#include <netinet/sctp_uio.h>"]
    text += ["struct probe { char mark[10]; int64_t value; } __attribute__((packed));"]
    text += ["__attribute__((used)) const struct probe probes[] = {"]
    for expression in lines:
        text.append(f"  {{ {{{', '.join(str(b) for b in marker)}}}, (int64_t)({expression}) }},")
    text.append("};")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "probe.c"
        source.write_text("\n".join(text) + "\n")
        target = Path(scratch) / "probe.o"
        run([*compiler(arch), "-c", str(source), "-o", str(target)])
        found = target.read_bytes().split(marker)[1:]
    if len(found) != len(lines):
        raise CrossError(f"{len(lines)} probes went in and {len(found)} came out")
    return [int.from_bytes(item[:8], "little", signed=True) for item in found]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build sctpffi for FreeBSD on another system.")
    parser.add_argument("--arch", choices=ARCHES, default="x86_64")
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(arguments)
    try:
        target = build(options.arch, options.out)
    except CrossError as exc:
        print(f"freebsd_cross.py: {exc}", file=sys.stderr)
        return 1
    print(f"{target} ({os.path.getsize(target)} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
