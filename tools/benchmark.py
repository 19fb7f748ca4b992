"""`make bench`: makes environments for CPython and PyPy with tox, then runs benchmarks/bench.py in them.

Its arguments are those of benchmarks/bench.py; what is measured is no concern of this file.
"""

from __future__ import annotations

import subprocess
import sys
from typing import List, Optional, Sequence

import bootstrap
import check
from check import ROOT, WORK

PYPY_ENV = "bench-pypy3"


def tox(env: str, *arguments: str) -> List[str]:
    """The command line of an environment."""
    start = [str(bootstrap.venv_python()), "-m", "tox", "run", "--workdir", str(WORK), "-c", str(ROOT / "tox.ini")]
    return [*start, "--colored", "no", "-q", "--skip-missing-interpreters", "false", "-e", env, *arguments]


def pypy() -> Optional[str]:
    """A PyPy with the project's wheel; None if there is no PyPy, or the wheel can't be built for it."""
    found = check.find_interpreters().get("pypy3")
    if found is None:
        bootstrap.say("no PyPy was found; going on without")
        return None
    if subprocess.run(tox(PYPY_ENV, "--notest", "--discover", found.path), stdin=subprocess.DEVNULL).returncode != 0:
        bootstrap.say("the package can't be installed for PyPy, see above; going on without")
        return None
    return str(WORK / PYPY_ENV / "bin" / "python")


def main(arguments: Sequence[str]) -> int:
    """Get ready and run; the status is that of benchmarks/bench.py."""
    if bootstrap.main(["bench"]) != 0:
        return 1
    other = pypy()
    try:
        wheel = check.build_wheel()
    except bootstrap.BootstrapError as exc:
        print(f"benchmark.py: {exc}", file=sys.stderr)
        return 1
    more = ["--pypy", other] if other else []
    command = tox("bench", "--installpkg", str(wheel), "--", *arguments, *more)
    return subprocess.run(command, stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
