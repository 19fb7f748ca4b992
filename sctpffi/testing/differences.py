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
    "auth_key_per_message": Difference(
        True,
        True,
        False,
        "usrsctp's sendv has no place for a key number; activate the key instead (RFC 6458 section 5.3.8).",
    ),
    "empty_auth_key": Difference(
        False,
        True,
        True,
        "Linux refuses an empty secret for an AUTH key, RFC 6458 section 8.3.3 makes it the null key.",
    ),
    "hmac_sha256": Difference(
        True,
        True,
        False,
        "usrsctp is built without HMAC-SHA-256 for AUTH; auth.enable() takes the best that there is (RFC 4895 3.3).",
    ),
    "next_info_tells_complete": Difference(
        False,
        True,
        True,
        "Linux never says that the next message is complete; it tells of complete messages only (RFC 6458 5.3.6).",
    ),
    "init_per_message": Difference(
        True,
        True,
        False,
        "usrsctp's sendv has no place for INIT parameters; set opts.init_params before (RFC 6458 section 5.3.1).",
    ),
    "expired_before_it_is_sent": Difference(
        True,
        False,
        False,
        "A message over its TTL is never sent on Linux; BSD looks only when it sent in vain (RFC 3758 section 4.1).",
    ),
    "sent_in_vain_comes_back": Difference(
        False,
        True,
        True,
        "A message given up after it was sent brings no SEND_FAILED_EVENT on Linux; pr_status() counts it (RFC 6458).",
    ),
    "pr_stream_status_by_policy": Difference(
        True,
        False,
        False,
        "BSD counts abandoned messages of one stream for all policies together only (RFC 7496 section 4.3).",
    ),
    "priority_makes_room": Difference(
        True,
        False,
        False,
        "BSD gives up messages by priority only inside a blocking send, and our sockets never block (RFC 7496 3.2).",
    ),
    "schedulers": Difference(
        "DEFAULT FCFS RR PRIO",
        "DEFAULT FCFS RR RR_PKT PRIO FC",
        "DEFAULT FCFS RR RR_PKT PRIO FC",
        "Which stream schedulers there are (RFC 8260 section 3).",
    ),
    "later_schedulers": Difference(
        "FC WFQ from 6.4",
        "none",
        "none",
        "Which stream schedulers newer versions have besides (RFC 8260 sections 3.5 and 3.6).",
    ),
    "default_scheduler": Difference(
        "FCFS",
        "DEFAULT",
        "DEFAULT",
        "Linux sends in the order of sending, BSD goes round the streams (RFC 8260 section 3).",
    ),
    "scheduler_values_always": Difference(
        True,
        False,
        False,
        "STREAM_SCHEDULER_VALUE under a scheduler without values is 0 on Linux, refused on BSD (RFC 8260 4.3.3).",
    ),
    "interleaving_without_root": Difference(
        False,
        True,
        True,
        "Linux lets I-DATA be switched on only where the sysctl net.sctp.intl_enable is 1 (RFC 8260 section 4.3.1).",
    ),
    "primary_switchover": Difference(
        True,
        False,
        False,
        "Only Linux switches the primary path over, exposes potentially failed paths and probes MTUs (RFC 7829, 8899).",
    ),
    "extensions_on_at_first": Difference(
        False,
        True,
        True,
        "AUTH, ASCONF and RE-CONFIG are off on a fresh Socket on Linux; connect() and listen() switch them on.",
    ),
    "bsd_options": Difference(
        False,
        True,
        True,
        "NR-SACK, PKTDROP, congestion control modules and a limit of the congestion window are BSD's own.",
    ),
    "association_counters": Difference(
        True,
        False,
        False,
        "Linux counts the chunks of each association (opts.assoc_stats), BSD its timers and buffers (timeouts).",
    ),
    "partial_delivery_event_after_abort": Difference(
        True,
        False,
        True,
        "FreeBSD drops PARTIAL_DELIVERY_EVENT when a one-to-one association is aborted (RFC 6458 section 6.1.7).",
    ),
    "partial_delivery_tells_stream": Difference(
        False,
        True,
        True,
        "PARTIAL_DELIVERY_EVENT at the end of an association has stream and ssn 0 on Linux (RFC 6458 section 6.1.7).",
    ),
    "reset_association_may_stall": Difference(
        False,
        True,
        True,
        "On BSD nothing is acknowledged any more to who asked for a reset of the association, in half of all cases.",
    ),
    "stream_change_tells_added": Difference(
        True,
        False,
        False,
        "StreamChangeEvent tells how many streams were added on Linux, how many there are now on BSD (RFC 6525 6.1.3).",
    ),
    "assoc_reset_tells_streams": Difference(
        False,
        True,
        True,
        "A reset of the association brings a STREAM_RESET_EVENT for each direction too on BSD (RFC 6525 section 6.1).",
    ),
    "default_rto_initial_ms": Difference(
        3000,
        1000,
        3000,
        "RTO.Initial of a fresh Socket: 3 s by RFC 4960, 1 s by RFC 9260 section 16; connect() and listen() set 1 s.",
    ),
    "window_before_association": Difference(
        False,
        True,
        True,
        "Linux opens the window with the association: local_rwnd_bytes of a socket is 0 (RFC 6458 section 8.1.2).",
    ),
    "ipv6_only": Difference(
        True,
        True,
        False,
        "usrsctp has no IPV6_V6ONLY; elsewhere the raw door can switch it on, sctpffi switches it off (RFC 3493).",
    ),
    "explicit_eor": Difference(
        False,
        True,
        True,
        "Linux has no EXPLICIT_EOR: a message is sent whole by one call there (RFC 6458 section 8.1.26).",
    ),
    "default_fragment_interleave": Difference(
        0,
        1,
        1,
        "FRAGMENT_INTERLEAVE of a fresh Socket; recv() gives whole messages whatever it is (RFC 6458 section 8.1.20).",
    ),
    "most_fragment_interleave": Difference(
        1,
        2,
        2,
        "Linux knows FRAGMENT_INTERLEAVE 0 and 1, and stores 2 as 1 (RFC 6458 section 8.1.20).",
    ),
    "full_backlog_refuses": Difference(
        True,
        False,
        False,
        "Linux takes backlog + 1 and refuses the next; BSD leaves it waiting until there is room (RFC 6458 4.1.3).",
    ),
    "privileged_ports": Difference(
        True,
        True,
        False,
        "usrsctp lets everybody bind ports below 1024: its ports are inside UDP (RFC 6951).",
    ),
    "works_after_fork": Difference(
        True,
        True,
        False,
        "usrsctp's threads do not survive fork(); the child gets ForkedError at once.",
    ),
    "asking_needs_permission": Difference(
        True,
        False,
        False,
        "Linux wants opts.enable_stream_reset of the side that asks for a reconfiguration, too (RFC 6525 6.3.1).",
    ),
}


def expected(name: str, backend: str) -> Any:
    """What a stack does, by the table."""
    return getattr(DIFFERENCES[name], backend)
