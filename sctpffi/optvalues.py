"""Values of structured socket options, one frozen class a struct (RFC 6458 section 8).

Plain data with units in the names; `_tables.OPTIONS` says which struct field each one is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from sctpffi.addresses import Address
from sctpffi.enums import AssocState, PathState


@dataclass(frozen=True)
class RtoInfo:
    """Retransmission time-outs in milliseconds; 0 keeps what is set (RFC 6458 section 8.1.1)."""

    initial_ms: int = 0
    max_ms: int = 0
    min_ms: int = 0


@dataclass(frozen=True)
class AssocParams:
    """Limits of an association (RFC 6458 section 8.1.2).

    max_retrans: Association.Max.Retrans; 0 keeps it. cookie_life_ms: 0 keeps it.
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
    """When to acknowledge: after so many ms or packets (RFC 6458 section 8.1.19). frequency 1: at once."""

    delay_ms: int = 0
    frequency: int = 0


@dataclass(frozen=True)
class Linger:
    """What close() does with unsent data (RFC 6458 section 8.1.4). on with 0 seconds: abort."""

    on: bool = False
    seconds: int = 0


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
class UdpEncaps:
    """The UDP port that a peer's packets go to (RFC 6951 section 6.1); 0: plain SCTP over IP.

    address: the path, or None for the whole association or socket.
    """

    address: Optional[Address]
    port: int
