"""Compiles harness.c around a backend's C file with the sanitizers on, starts it, and asks it.

A process that a sanitizer ended, or that says nothing for too long, is an AssertionError with what it said; the next
question starts another one.
"""

from __future__ import annotations

import os
import select
import shlex
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from sctpffi.testing import LIMIT

from .near import CSRC, load_by_path

HERE = Path(__file__).resolve().parent
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
FLAGS = ["-std=c11", "-g", "-O0", "-w", *SANITIZERS]
CONTROL = ("linux", "freebsd")  # those that receive by recvmsg


def environment() -> Dict[str, str]:
    """That of the process, without a sanitizer of its own: under `tox -e asan` Python is started with one."""
    env = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "PYTHONMALLOC")}
    return {**env, "LC_ALL": "C", "ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}


def compile_harness(backend: str, folder: Path, csrc: Path = CSRC) -> Path:
    """The harness of a backend, made of the C files in csrc. Raises AssertionError with the compiler's messages."""
    build_ffi = load_by_path("build_ffi", "build_ffi.py")
    spec = build_ffi.SPECS[backend]
    program = folder / f"harness-{backend}"
    command = [*shlex.split(os.environ.get("CC", "cc")), *FLAGS, f'-DSFI_SOURCE="{spec.source}"', "-I", str(csrc)]
    command += ['-DSFI_USRSCTP_VERSION="0"', *(["-DSFI_HAS_CONTROL"] if backend in CONTROL else [])]
    command += ["-I" + found for found in build_ffi.include_dirs() if found != str(CSRC)]
    command += ["-L" + found for found in build_ffi.library_dirs()]
    command += [str(HERE / "harness.c"), "-o", str(program), *("-l" + name for name in spec.libraries), "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    return program


class Harness:
    """A running harness."""

    def __init__(self, name: str, program: Path) -> None:
        self.name = name  # of the backend
        self.program = program
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._errors: Any = None

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
            self._process = subprocess.Popen(
                [str(self.program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment(),
                bufsize=0,
            )
        return self._process

    def close(self) -> str:
        """End the process; what it had to complain about."""
        process, self._process = self._process, None
        if process is None:
            return ""
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        self._errors.close()
        return str(said)

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        found = b""
        while len(found) < size:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self._process.kill()
                raise AssertionError(f"no answer within {LIMIT:.0f} s\n{self.close()}")
            more = os.read(self._process.stdout.fileno(), size - len(found))
            if not more:
                raise AssertionError(f"the harness ended\n{self.close()}")
            found += more
        return found

    def ask(self, kind: str, data: bytes, a: int = 0, b: int = 0) -> Tuple[int, bytes]:
        """One case: the code and the bytes that came back."""
        process = self._start()
        assert process.stdin is not None
        try:
            rest = memoryview(struct.pack("=4I", ord(kind), a, b, len(data)) + data)
            while rest:
                rest = rest[process.stdin.write(rest) :]
        except BrokenPipeError:
            raise AssertionError(f"the harness ended\n{self.close()}") from None
        deadline = time.monotonic() + LIMIT
        code, size = struct.unpack("=qI", self._read(12, deadline))
        return code, self._read(size, deadline)


def addresses_of(data: bytes) -> List[Tuple[int, int, int, bytes]]:
    """struct sfi_addr, one after the other."""
    return [(f, p, s, ip) for f, p, s, ip in struct.iter_unpack("=3I16s", data)]
