"""The one table of what differs between the stacks and is not made the same, with why.

Each row has a test for every stack in tests/contract and a paragraph in docs/differences.md. Nothing else in the
tests may branch on a stack's name.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple


class Difference(NamedTuple):
    """One thing that a program can notice, and what each stack does."""

    linux: Any
    freebsd: Any
    usrsctp: Any
    why: str


DIFFERENCES: Dict[str, Difference] = {
    "features_in_comm_up": Difference(
        False,
        True,
        True,
        "Linux leaves sac_info empty in COMM_UP; AssocChange.features is None there (RFC 6458 section 6.1.1).",
    ),
    "confirmed_follows_comm_up": Difference(
        False,
        True,
        True,
        "The accepting side gets PEER_ADDR_CHANGE CONFIRMED for the primary path on BSD; Linux never sends it.",
    ),
    "assoc_id_in_cant_str": Difference(
        False,
        True,
        True,
        "Linux reports id 0 in CANT_STR_ASSOC of an association that a send set up; use the notification's source.",
    ),
    "abort_reason_one_to_one": Difference(
        False,
        True,
        True,
        "Linux refuses SCTP_ABORT on one-to-one sockets; abort() falls back to linger 0, which carries no text.",
    ),
    "cumtsn_of_ordered": Difference(
        False,
        True,
        True,
        "Linux fills rcv_cumtsn for unordered messages only.",
    ),
    "assoc_ids_start_per_socket": Difference(
        False,
        True,
        True,
        "BSD counts association ids for each socket, so the first is the same everywhere; Linux counts over the host.",
    ),
    "default_in_streams": Difference(
        65535,
        2048,
        2048,
        "The most incoming streams that a fresh Socket accepts; the high-level API asks for 10 on every stack.",
    ),
    "not_writable_when_full": Difference(
        True,
        False,
        True,
        "FreeBSD keeps POLLOUT on while a send would wait; a waiting send backs off there instead of polling.",
    ),
    "descriptor_is_the_socket": Difference(
        True,
        True,
        False,
        "usrsctp has no descriptors; fileno() is one end of a socket pair that only tells readiness.",
    ),
    "works_after_fork": Difference(
        True,
        True,
        False,
        "usrsctp's threads do not survive fork(); the child gets ForkedError at once.",
    ),
}


def expected(name: str, backend: str) -> Any:
    """What a stack does, by the table."""
    return getattr(DIFFERENCES[name], backend)
