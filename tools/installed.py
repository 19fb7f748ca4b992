"""Says which sctpffi the running interpreter imports; fails if it is the checkout's own.

Each tox environment runs it before its tests, which are to see what a user gets: the installed wheel.
"""

from __future__ import annotations

import sys
from pathlib import Path

import sctpffi

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Print version and place of the package."""
    place = Path(sctpffi.__file__).resolve().parent
    print(f"sctpffi {sctpffi.__version__} from {place}")
    if place == ROOT / "sctpffi":
        print("installed.py: this is the source tree, not the installed package", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
