"""Runs jobs of Python contenders: `serve.py CONTENDER...`, then a line `CONTENDER name=value...` for each on its input.

The libraries are imported once; each job is a fork, so that it starts with a fresh process and not with an import of
half a second on a slow kernel. After its lines, which are the contender's own, comes {"status": N}.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Callable, Dict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from contenders.driver import Contender, Job, parse, run, say  # found by the line above

PLACES = {
    "sctpffi": ("contenders.sctpffi_blocking", "make"),
    "sctpffi-aio": ("contenders.sctpffi_aio", "make"),
    "socket": ("contenders.bare_socket", "make"),
    "pysctp": ("contenders.pysctp", "make"),
}


def load(name: str) -> Callable[[Job], Contender]:
    """What makes a contender of that name."""
    module, function = PLACES[name]
    found: Callable[[Job], Contender] = getattr(importlib.import_module(module), function)
    return found


def work(makers: Dict[str, Callable[[Job], Contender]], name: str, words: str) -> int:
    """A job, in a process of its own; its exit status."""
    say({"pid": os.getpid()})  # before all else that it says
    try:
        run(makers[name], parse(words.split()))
    except Exception as exc:  # noqa: BLE001  # whatever it is belongs into the report
        traceback.print_exc()
        say({"error": f"{type(exc).__name__}: {exc}"})
        return 1
    return 0


def main() -> int:
    """Serve until the input ends."""
    makers: Dict[str, Callable[[Job], Contender]] = {}
    missing: Dict[str, str] = {}
    for name in sys.argv[1:]:
        try:
            makers[name] = load(name)
        except ImportError as exc:  # what is not installed is left out of the comparison, by name
            missing[name] = str(exc)
    gc.collect()
    if hasattr(gc, "freeze"):
        gc.freeze()  # else the first collection of each fork would copy all of this
    say({"ready": sorted(makers), "missing": missing, "version": sys.version})
    while True:
        name, _, words = sys.stdin.readline().strip().partition(" ")
        if not name:
            return 0
        pid = os.fork()
        if pid == 0:
            os._exit(work(makers, name, words))
        say({"status": os.waitpid(pid, 0)[1]})


if __name__ == "__main__":
    sys.exit(main())
