"""Checks of option values that types and ranges do not make: what the RFCs forbid, refused by name in advance.

One function an option, found by the option's name. A stack may still refuse what depends on its state.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

from sctpffi.enums import ChunkType, HmacId, PathFlag, PrPolicy, ResetFlag, SendFlag
from sctpffi.errors import ArgumentError
from sctpffi.optvalues import (
    AddStreams,
    AssocParams,
    AuthKey,
    DelayedSack,
    PathParams,
    PrInfo,
    ProbeInterval,
    ResetStreams,
    RtoInfo,
    SndInfo,
)

MAX_SACK_DELAY_MS = 500  # RFC 9260 section 6.2
COOKIE_LIFE_MS = (1000, 3_600_000)
LEAST_PROBE_MS = 5000
NEVER_AUTHENTICATED = frozenset({ChunkType.INIT, ChunkType.INIT_ACK, ChunkType.SHUTDOWN_COMPLETE, ChunkType.AUTH})
_STATES = PathFlag.SACKDELAY_ENABLE | PathFlag.SACKDELAY_DISABLE


def check_rto(value: RtoInfo) -> None:
    """Refuse time-outs out of order; 0 is not looked at."""
    order = [("min_ms", value.min_ms), ("initial_ms", value.initial_ms), ("max_ms", value.max_ms)]
    given = [(name, ms) for name, ms in order if ms]
    for (low, low_ms), (high, high_ms) in zip(given, given[1:]):
        if low_ms > high_ms:
            raise ArgumentError(f"rto_info.{low}", f"{low_ms} is more than {high}, {high_ms}")


def _assoc_params(value: AssocParams) -> None:
    low, high = COOKIE_LIFE_MS
    if value.cookie_life_ms and not low <= value.cookie_life_ms <= high:
        raise ArgumentError("assoc_params.cookie_life_ms", f"{value.cookie_life_ms} is neither 0 nor in {low}..{high}")


def _delayed_sack(value: DelayedSack) -> None:
    if value.delay_ms > MAX_SACK_DELAY_MS:
        raise ArgumentError("delayed_sack.delay_ms", f"{value.delay_ms} is over 500 (RFC 9260 section 6.2)")


def _path_params(value: PathParams) -> None:
    for pair in (
        PathFlag.HB_ENABLE | PathFlag.HB_DISABLE,
        PathFlag.PMTUD_ENABLE | PathFlag.PMTUD_DISABLE,
        PathFlag.HB_DISABLE | PathFlag.HB_DEMAND,
    ):
        if value.flags & pair == pair:
            raise ArgumentError("path_params.flags", f"{pair!r} contradict each other")
    if value.flags & _STATES:
        raise ArgumentError("path_params.flags", "set delayed acknowledgements by delayed_sack")
    if value.flow_label > 0xFFFFF:
        raise ArgumentError("path_params.flow_label", f"{value.flow_label} is over 20 bits (RFC 6437)")
    if value.dscp & 3:
        raise ArgumentError("path_params.dscp", f"{value.dscp}: the two lowest bits belong to ECN (RFC 3168)")
    if value.heartbeat_ms and not value.flags & PathFlag.HB_ENABLE:
        raise ArgumentError("path_params.heartbeat_ms", "changes only with PathFlag.HB_ENABLE (RFC 6458)")
    if value.mtu_bytes and not value.flags & PathFlag.PMTUD_DISABLE:
        raise ArgumentError("path_params.mtu_bytes", "is fixed only with PathFlag.PMTUD_DISABLE (RFC 6458)")


def _default_sndinfo(value: SndInfo) -> None:
    extra = value.flags & ~(SendFlag.UNORDERED | SendFlag.SACK_IMMEDIATELY)
    if extra:
        raise ArgumentError("default_sndinfo.flags", f"{extra!r} is for single messages")


def _default_prinfo(value: PrInfo) -> None:
    check_pr("default_prinfo", value)


def check_pr(argument: str, value: PrInfo) -> None:
    """Refuse what no message can have."""
    if value.policy == PrPolicy.ALL:
        raise ArgumentError(f"{argument}.policy", "ALL is for queries")
    if value.policy == PrPolicy.NONE and value.value:
        raise ArgumentError(f"{argument}.value", "means nothing with PrPolicy.NONE")


def _hmac_identifiers(value: Tuple[int, ...]) -> None:
    if HmacId.SHA1 not in value:
        raise ArgumentError("hmac_identifiers", "must have HmacId.SHA1 (RFC 4895 section 3.3)")
    for item in value:
        if item not in (HmacId.SHA1, HmacId.SHA256):
            raise ArgumentError("hmac_identifiers", f"{item} is neither SHA1 nor SHA256")
    if len(set(value)) != len(value):
        raise ArgumentError("hmac_identifiers", "an algorithm stands twice")


def _auth_chunk(value: int) -> None:
    if value in NEVER_AUTHENTICATED:
        raise ArgumentError("auth_chunk", f"{ChunkType(value)} can't be authenticated (RFC 4895 section 3.2)")


def _auth_key(value: AuthKey) -> None:
    if len(value.secret) > 0xFFFF:
        raise ArgumentError("auth_key.secret", f"{len(value.secret)} bytes; at most 65535")


def _reset_streams(value: ResetStreams) -> None:
    both = ResetFlag.INCOMING | ResetFlag.OUTGOING
    if not value.flags & both or value.flags & ~both:
        raise ArgumentError("reset_streams.flags", "INCOMING, OUTGOING or both")


def _add_streams(value: AddStreams) -> None:
    if not value.incoming and not value.outgoing:
        raise ArgumentError("add_streams", "adds nothing")


def _probe_interval(value: ProbeInterval) -> None:
    if 0 < value.interval_ms < LEAST_PROBE_MS:
        raise ArgumentError("probe_interval.interval_ms", f"{value.interval_ms} is neither 0 nor 5000 or more")


def _upto(name: str, top: int, why: str) -> Callable[[int], None]:
    def check(value: int) -> None:
        if value > top:
            raise ArgumentError(name, f"{value} is not in 0..{top} ({why})")

    return check


def _reuse_port(value: bool) -> None:
    if not value:
        raise ArgumentError("reuse_port", "can only be switched on: BSD takes 0 for 1, and it is off to begin with")


def _reset_assoc(value: bool) -> None:
    if not value:
        raise ArgumentError("reset_assoc", "set it to True to ask for a reset")


CHECKS: Dict[str, Callable[[Any], None]] = {
    "rto_info": check_rto,
    "assoc_params": _assoc_params,
    "delayed_sack": _delayed_sack,
    "path_params": _path_params,
    "default_sndinfo": _default_sndinfo,
    "default_prinfo": _default_prinfo,
    "hmac_identifiers": _hmac_identifiers,
    "auth_chunk": _auth_chunk,
    "auth_key": _auth_key,
    "reset_streams": _reset_streams,
    "add_streams": _add_streams,
    "probe_interval": _probe_interval,
    "fragment_interleave": _upto("fragment_interleave", 2, "RFC 6458 section 8.1.20"),
    "enable_stream_reset": _upto("enable_stream_reset", 7, "RFC 6525 section 6.3.1"),
    "expose_potentially_failed": _upto("expose_potentially_failed", 2, "RFC 7829 section 7.3"),
    "reuse_port": _reuse_port,
    "reset_assoc": _reset_assoc,
}
