"""Installs pysctp from PyPI into the running interpreter's environment, to be compared with; never fails.

It has no wheels and is built against libsctp (Debian: libsctp-dev). Where that does not work, the reason is kept in
pysctp-missing.txt beside the environment's pyvenv.cfg, and the report says it.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

NOTE = Path(sys.prefix) / "pysctp-missing.txt"
LIMIT_S = 180


def reason(output: str) -> str:
    """The line that says why it failed."""
    for pattern in (r"(?:fatal )?error: (?!subprocess|command|legacy|metadata).+", r"ERROR: .+"):
        found = re.findall(pattern, output)
        if found:
            return str(found[0]).strip()
    return (output.strip().splitlines() or ["pip said nothing"])[-1]


def install() -> str:
    """Install it; the reason if that fails."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "pysctp"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return f"pip took more than {LIMIT_S} s"
    return "" if done.returncode == 0 else reason(done.stdout)


def main() -> int:
    """See to it that it is there, or that one knows why not."""
    why = "" if importlib.util.find_spec("sctp") else install()
    if why:
        NOTE.write_text(f"pysctp could not be installed: {why}\n")
        print(f"peers.py: pysctp could not be installed: {why}", file=sys.stderr)
    else:
        NOTE.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
