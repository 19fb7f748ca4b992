"""Run a command under AddressSanitizer: `asan.py -- COMMAND`, with a sctpffi that was built with it (tox -e asan).

Python itself is not built so, hence the sanitizer's library is loaded first, by LD_PRELOAD. Before the command it is
proved that a read beyond a buffer inside the module is found; a run that would see nothing is a failure.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence

# Tells the shim that 16 bytes are an IPv6 address of 28.
PROOF = """
import sys
from sctpffi.backends import load
backend = load(sys.argv[1])
room = backend.ffi.new("struct sockaddr_storage *")
backend.lib.sfi_addr_to_native(backend.pack([__import__("sctpffi").Address("::1", 5)]), room, 128)
short = backend.ffi.new("char[]", bytes(backend.ffi.buffer(room, 15)))
backend.lib.sfi_addr_from_native(short, 28, backend.ffi.new("sfi_addr *"))
print("not found")
"""


class AsanError(Exception):
    """It can't be run so; the text says why."""


def library() -> Path:
    """The sanitizer's library of the compiler that built the module."""
    compiler = shlex.split(os.environ.get("CC", "gcc"))
    done = subprocess.run([*compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=False)
    found = Path(done.stdout.strip())
    if done.returncode != 0 or not found.is_absolute():
        raise AsanError(f"{' '.join(compiler)} has no libasan.so; gcc on Linux has (Debian: package gcc)")
    return found


def environment() -> Dict[str, str]:
    """What makes an ordinary Python run with the sanitizer: every object of its own in memory of its own."""
    options = os.environ.get("ASAN_OPTIONS", "")
    return {
        **os.environ,
        "LD_PRELOAD": str(library()),
        "PYTHONMALLOC": "malloc",
        # What Python keeps until it ends is no leak of ours.
        "ASAN_OPTIONS": f"detect_leaks=0{':' + options if options else ''}",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def instrumented() -> List[str]:
    """The backends of the installed package; each must have been built with the sanitizer."""
    spec = importlib.util.find_spec("sctpffi")
    if spec is None or not spec.submodule_search_locations:
        raise AsanError("sctpffi is not installed here")
    modules = sorted(Path(spec.submodule_search_locations[0], "backends").glob("_ffi_*.so"))
    bare = [module.name for module in modules if b"__asan_init" not in module.read_bytes()]
    if bare or not modules:
        raise AsanError(f"built without -fsanitize=address: {', '.join(bare) or 'nothing is built'}")
    return [module.name[len("_ffi_") :].split(".")[0] for module in modules]


def prove(backend: str, env: Dict[str, str]) -> None:
    """Have a module read beyond a buffer, which the sanitizer must find."""
    done = subprocess.run([sys.executable, "-c", PROOF, backend], capture_output=True, text=True, env=env, check=False)
    if done.returncode == 0 or "AddressSanitizer" not in done.stderr or "sfi_canonical" not in done.stderr:
        raise AsanError(f"a read beyond a buffer in {backend} was not found:\n{done.stdout}{done.stderr}")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run a command under AddressSanitizer.")
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args(arguments)
    try:
        env = environment()
        for backend in instrumented():
            prove(backend, env)
    except AsanError as exc:
        print(f"asan.py: {exc}", file=sys.stderr)
        return 1
    sys.stdout.flush()
    return subprocess.run(options.command, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
