"""`python -m sctpffi`: the same as the installed `sctpffi` command. Nothing else belongs here."""

from __future__ import annotations

import sys

from sctpffi.cli import main

if __name__ == "__main__":
    sys.exit(main())
