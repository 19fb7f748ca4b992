"""Values of structured socket options, one frozen class a struct (RFC 6458 section 8 and its successors).

Plain data with units in the names; `_optrows.OPTIONS` says which struct field each one is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple

from sctpffi.addresses import Address
from sctpffi.enums import AssocState, PathFlag, PathState, Ppid, PrPolicy, ResetFlag, SendFlag


@dataclass(frozen=True)
class RtoInfo:
    """Retransmission time-outs in milliseconds; 0 keeps what is set (RFC 6458 section 8.1.1)."""

    initial_ms: int = 0
    max_ms: int = 0
    min_ms: int = 0


@dataclass(frozen=True)
class AssocParams:
    """Limits of an association (RFC 6458 section 8.1.2).

    max_retrans: Association.Max.Retrans; 0 keeps it. cookie_life_ms: 0 keeps it, else 1000..3,600,000.
    peer_destinations, peer_rwnd_bytes, local_rwnd_bytes: read-only.
    """

    max_retrans: int = 0
    peer_destinations: int = 0
    peer_rwnd_bytes: int = 0
    local_rwnd_bytes: int = 0
    cookie_life_ms: int = 0


@dataclass(frozen=True)
class InitParams:
    """What INIT asks for; 0 keeps the default; set before connect or listen (RFC 6458 section 8.1.3).

    out_streams, in_streams: wanted and accepted streams. attempts: how often INIT is sent.
    timeout_ms: the longest wait between two of them.
    """

    out_streams: int = 0
    in_streams: int = 0
    attempts: int = 0
    timeout_ms: int = 0


@dataclass(frozen=True)
class DelayedSack:
    """When to acknowledge: after so many ms (at most 500) or packets; 0 keeps (RFC 6458 section 8.1.19).

    frequency 1: at once.
    """

    delay_ms: int = 0
    frequency: int = 0


@dataclass(frozen=True)
class Linger:
    """What close() does with unsent data (RFC 6458 section 8.1.4). on with 0 seconds: abort."""

    on: bool = False
    seconds: int = 0


@dataclass(frozen=True)
class PathParams:
    """How a path is watched and used; without an address, all paths (RFC 6458 section 8.1.12).

    heartbeat_ms: added to the RTO between heartbeats; set with PathFlag.HB_ENABLE. max_retrans: Path.Max.Retrans.
    mtu_bytes: the path MTU, fixed with PathFlag.PMTUD_DISABLE; with IP headers on Linux, without on BSD.
    flow_label: of IPv6, with PathFlag.IPV6_FLOWLABEL. dscp: the whole DS field, with PathFlag.DSCP; its two lowest
    bits are ECN's and stay 0. 0 keeps each. flags: what to change; read, how it stands.
    """

    address: Optional[Address] = None
    heartbeat_ms: int = 0
    max_retrans: int = 0
    mtu_bytes: int = 0
    flags: PathFlag = PathFlag.NONE
    flow_label: int = 0
    dscp: int = 0


@dataclass(frozen=True)
class PathThresholds:
    """When a path counts as failing (RFC 7829 section 7.2), in consecutive lost packets.

    max_retrans: unreachable after so many. potentially_failed: avoided after so many; 0xFFFF never.
    primary_switchover: no longer primary after so many; 0xFFFF never, the only value that BSD takes.
    """

    address: Optional[Address] = None
    max_retrans: int = 5
    potentially_failed: int = 0xFFFF
    primary_switchover: int = 0xFFFF


@dataclass(frozen=True)
class ProbeInterval:
    """How often a path's MTU is probed, in ms; 0 not at all, else 5000 at least (RFC 8899; Linux 5.14)."""

    address: Optional[Address] = None
    interval_ms: int = 0


@dataclass(frozen=True)
class SndInfo:
    """How a message is sent for which send() is told nothing else (RFC 6458 section 8.1.31)."""

    stream: int = 0
    flags: SendFlag = SendFlag.NONE
    ppid: int = 0
    context: int = 0

    def __repr__(self) -> str:
        """As dataclasses write it, with the PPID's name."""
        ppid = Ppid.shown(self.ppid)
        return f"SndInfo(stream={self.stream!r}, flags={self.flags!r}, ppid={ppid}, context={self.context!r})"


@dataclass(frozen=True)
class PrInfo:
    """How reliable a message is (RFC 6458 section 5.3.7, RFC 7496 section 4.2).

    value: milliseconds for TTL, retransmissions for RTX, priority for PRIO (a higher number is given up first).
    """

    policy: PrPolicy = PrPolicy.NONE
    value: int = 0


@dataclass(frozen=True)
class AuthKey:
    """A shared key of AUTH (RFC 6458 section 8.3.3).

    number: 0..65535; 0 is there from the beginning, empty. secret: the key itself, never shown.
    """

    number: int
    secret: bytes = field(repr=False, default=b"")


@dataclass(frozen=True)
class ResetStreams:
    """A request to reset streams (RFC 6525 section 6.3.2).

    flags: ResetFlag.INCOMING, OUTGOING or both. streams: which; none is all.
    """

    flags: ResetFlag = ResetFlag.OUTGOING
    streams: Tuple[int, ...] = ()


@dataclass(frozen=True)
class AddStreams:
    """A request to add streams (RFC 6525 section 6.3.4). incoming, outgoing: how many more."""

    incoming: int = 0
    outgoing: int = 0


@dataclass(frozen=True)
class PathInfo:
    """One path of an association (RFC 6458 section 8.2.2).

    srtt_ms: on Linux in the kernel's own clock ticks, so a hint only. mtu_bytes: the IP path MTU on Linux,
    without the headers' overhead on BSD.
    """

    address: Optional[Address]
    state: PathState
    cwnd_bytes: int
    srtt_ms: int
    rto_ms: int
    mtu_bytes: int


@dataclass(frozen=True)
class Status:
    """The state of an association (RFC 6458 section 8.2.1).

    rwnd_bytes: the peer's receive window. unacked, pending: chunks sent but not acknowledged, and received but
    not yet read. fragmentation_point_bytes: the most user data in one packet.
    """

    assoc_id: int
    state: AssocState
    rwnd_bytes: int
    unacked: int
    pending: int
    in_streams: int
    out_streams: int
    fragmentation_point_bytes: int
    primary: PathInfo


@dataclass(frozen=True)
class PrStatus:
    """How many messages were given up before, and after, they were sent once (RFC 7496 sections 4.3 and 4.4)."""

    unsent: int
    sent: int


@dataclass(frozen=True)
class AssocStats:
    """Counters of an association, on Linux.

    max_rto_ms, max_rto_address: the longest RTO since the last reading, and the path that had it.
    The others count since the set-up; chunks are user data unless called control.
    """

    max_rto_address: Optional[Address]
    max_rto_ms: int
    in_sacks: int
    out_sacks: int
    out_packets: int
    in_packets: int
    retransmitted_chunks: int
    out_of_sequence_tsns: int
    duplicate_chunks: int
    gap_acks: int
    out_unordered_chunks: int
    in_unordered_chunks: int
    out_ordered_chunks: int
    in_ordered_chunks: int
    out_control_chunks: int
    in_control_chunks: int


@dataclass(frozen=True)
class Timeouts:
    """How often each timer of an association ran out, on BSD."""

    init: int
    data: int
    sack: int
    shutdown: int
    heartbeat: int
    cookie: int
    shutdown_ack: int


@dataclass(frozen=True)
class BufferUse:
    """How much of its buffers an association uses, in bytes, on BSD."""

    send_bytes: int
    receive_bytes: int


@dataclass(frozen=True)
class UdpEncaps:
    """The UDP port that a peer's packets go to (RFC 6951 section 6.1); 0: plain SCTP over IP.

    address: the path, or None for the whole association or socket.
    """

    address: Optional[Address]
    port: int
