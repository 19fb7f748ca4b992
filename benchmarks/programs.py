"""Compiles the C contenders and the stand-in with the machine's compiler, where it can be done."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence

HERE = Path(__file__).resolve().parent
CONTENDERS = HERE / "contenders"


class Built(NamedTuple):
    """Names to files, and names to the reason why there is none."""

    files: Dict[str, Path]
    missing: Dict[str, str]


def usrsctp_flags() -> List[str]:
    """What pkg-config says of usrsctp, or the usual places of BSD and macOS."""
    if shutil.which("pkg-config"):
        done = subprocess.run(["pkg-config", "--cflags", "--libs", "usrsctp"], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip():
            return shlex.split(done.stdout)
    return ["-I/usr/local/include", "-L/usr/local/lib", "-lusrsctp"]


def sources() -> Dict[str, Sequence[str]]:
    """Names to the arguments of the compiler."""
    found: Dict[str, Sequence[str]] = {"usrsctp": [str(CONTENDERS / "usrsctp.c"), *usrsctp_flags(), "-lpthread"]}
    if sys.platform.startswith(("linux", "freebsd")):
        found["kernel"] = [str(CONTENDERS / "kernel.c")]
    if sys.platform == "linux":
        found["standin"] = ["-shared", "-fPIC", str(HERE / "standin.c"), "-ldl"]
    return found


def build(out: Path) -> Built:
    """Compile everything into out."""
    out.mkdir(parents=True, exist_ok=True)
    built = Built({}, {})
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    for name, arguments in sources().items():
        if compiler is None:
            built.missing[name] = "there is no C compiler"
            continue
        target = out / name
        command = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", str(target), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            built.files[name] = target
        else:
            built.missing[name] = (done.stderr.strip().splitlines() or ["the compiler failed"])[-1]
    return built
