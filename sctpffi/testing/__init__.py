"""What tests of programs over sctpffi need, and the contract suite itself uses: pairs of associated sockets,
workers in threads, leak counts, and the table of documented differences.

Standard library only, so that it runs on a bare FreeBSD. No test framework is imported here.
"""

from __future__ import annotations

from sctpffi.testing.differences import DIFFERENCES, Difference, expected
from sctpffi.testing.leaks import Census
from sctpffi.testing.pairs import LIMIT, Pair, delivered, listener, many_pair, pair
from sctpffi.testing.workers import Worker

__all__ = [
    "DIFFERENCES",
    "LIMIT",
    "Census",
    "Difference",
    "Pair",
    "Worker",
    "delivered",
    "expected",
    "listener",
    "many_pair",
    "pair",
]
