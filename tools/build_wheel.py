"""Build the wheel from a clean copy of the tree: `build_wheel.py --out DIR`, with the interpreter that runs it.

A build in the tree would leave files there and pack what an older build left. Nothing is built again while
neither the sources nor the interpreter changed. Standard library and pip only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, Optional, Sequence

ROOT = Path(__file__).resolve().parent.parent
FILES = ("pyproject.toml", "setup.py", "build_ffi.py", "MANIFEST.in", "README.md", "LICENSE", "LICENSE.usrsctp")
FOLDERS = ("csrc", "sctpffi")
# What a build in the tree leaves, which is not source.
LEFT_OVER = ("__pycache__", "*.so", "*.o", "*.py[cod]", "_ffi_*.c", "_build_info.py")
# What else the result depends on: the backends that are asked for, and the compiler.
VARIABLES = ("SCTPFFI_BACKENDS", "SCTPFFI_CFLAGS", "SCTPFFI_PREFIX", "CC", "CFLAGS", "LDFLAGS")


def copy_sources(target: Path, root: Path = ROOT) -> None:
    """Put everything that the build needs, and nothing else, into target."""
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if (root / name).exists():
            shutil.copy2(root / name, target / name)
    for name in FOLDERS:
        shutil.copytree(root / name, target / name, ignore=shutil.ignore_patterns(*LEFT_OVER))


def files_below(folder: Path) -> Iterator[Path]:
    """All files, in an order that does not depend on the file system."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def fingerprint(sources: Path) -> str:
    """A hash of the copied sources, the interpreter and the variables that steer the build."""
    digest = hashlib.sha256(sys.version.encode())
    for name in VARIABLES:
        digest.update(f"{name}={os.environ.get(name, '')}\0".encode())
    for path in files_below(sources):
        digest.update(f"{path.relative_to(sources).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def build(out: Path, root: Path = ROOT) -> Path:
    """The wheel in out, built now unless the one that is there is of the same sources."""
    stamp = out / "fingerprint"
    with tempfile.TemporaryDirectory(prefix="sctpffi-wheel-") as scratch:
        sources = Path(scratch) / "sctpffi"
        copy_sources(sources, root)
        wanted = fingerprint(sources)
        wheels = list(out.glob("*.whl"))
        if len(wheels) == 1 and stamp.exists() and stamp.read_text() == wanted:
            return wheels[0]
        shutil.rmtree(out, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", str(out), str(sources)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    stamp.write_text(wanted)
    (wheel,) = out.glob("*.whl")
    return wheel


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line; the last line of the output is the wheel's path."""
    parser = argparse.ArgumentParser(description="Build the wheel from a clean copy of the tree.")
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(arguments)
    try:
        print(build(options.out))
    except subprocess.CalledProcessError as exc:
        print(f"build_wheel.py: pip could not build the wheel (status {exc.returncode})", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
