"""optchecks: what the RFCs forbid of option values is refused by name before a stack sees it, rule by rule.

Types and ranges are in test_options.py; what a stack refuses in the state that it is in, in tests/contract.
"""

from __future__ import annotations

import pytest

from sctpffi.addresses import Address
from sctpffi.enums import ChunkType, HmacId, PathFlag, PrPolicy, ResetFlag, SendFlag
from sctpffi.errors import ArgumentError
from sctpffi.optchecks import CHECKS, NEVER_AUTHENTICATED, check_pr
from sctpffi.options import ROWS, Options
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

ON, OFF, DEMAND = PathFlag.HB_ENABLE, PathFlag.HB_DISABLE, PathFlag.HB_DEMAND
PEER = Address("10.0.0.2", 5000)

# Option, value, and the argument that the error names, or None for a value that passes.
CASES = [
    # 0 keeps, so it is compared with nothing (RFC 6458 section 8.1.1)
    ("rto_info", RtoInfo(), None),
    ("rto_info", RtoInfo(2, 3, 1), None),
    ("rto_info", RtoInfo(1, 1, 1), None),
    ("rto_info", RtoInfo(initial_ms=1), None),
    ("rto_info", RtoInfo(0, 3, 4), "rto_info.min_ms"),
    ("rto_info", RtoInfo(1, 0, 2), "rto_info.min_ms"),
    ("rto_info", RtoInfo(4, 3, 1), "rto_info.initial_ms"),
    ("rto_info", RtoInfo(4, 3, 0), "rto_info.initial_ms"),
    # RFC 6458 section 8.1.2
    ("assoc_params", AssocParams(), None),
    ("assoc_params", AssocParams(cookie_life_ms=1000), None),
    ("assoc_params", AssocParams(cookie_life_ms=3_600_000), None),
    ("assoc_params", AssocParams(cookie_life_ms=999), "assoc_params.cookie_life_ms"),
    ("assoc_params", AssocParams(cookie_life_ms=3_600_001), "assoc_params.cookie_life_ms"),
    # RFC 9260 section 6.2
    ("delayed_sack", DelayedSack(500, 2), None),
    ("delayed_sack", DelayedSack(501, 2), "delayed_sack.delay_ms"),
    # RFC 6458 section 8.1.12
    ("path_params", PathParams(), None),
    ("path_params", PathParams(PEER, 30000, 5, 1400, ON | PathFlag.PMTUD_DISABLE), None),
    ("path_params", PathParams(flags=ON | DEMAND), None),
    ("path_params", PathParams(flags=ON | PathFlag.HB_TIME_IS_ZERO), None),
    ("path_params", PathParams(flags=DEMAND), None),
    ("path_params", PathParams(flags=ON | OFF), "path_params.flags"),
    ("path_params", PathParams(flags=OFF | DEMAND), "path_params.flags"),
    ("path_params", PathParams(flags=int(ON | OFF)), "path_params.flags"),
    ("path_params", PathParams(flags=PathFlag.PMTUD_ENABLE | PathFlag.PMTUD_DISABLE), "path_params.flags"),
    ("path_params", PathParams(flags=PathFlag.SACKDELAY_ENABLE), "path_params.flags"),
    ("path_params", PathParams(flags=PathFlag.SACKDELAY_DISABLE), "path_params.flags"),
    ("path_params", PathParams(heartbeat_ms=1), "path_params.heartbeat_ms"),
    ("path_params", PathParams(heartbeat_ms=1, flags=DEMAND), "path_params.heartbeat_ms"),
    ("path_params", PathParams(mtu_bytes=1400), "path_params.mtu_bytes"),
    ("path_params", PathParams(mtu_bytes=1400, flags=PathFlag.PMTUD_ENABLE), "path_params.mtu_bytes"),
    ("path_params", PathParams(flow_label=0xFFFFF), None),
    ("path_params", PathParams(flow_label=0x100000), "path_params.flow_label"),
    ("path_params", PathParams(dscp=0xB8), None),
    ("path_params", PathParams(dscp=0xB9), "path_params.dscp"),
    ("path_params", PathParams(dscp=2), "path_params.dscp"),
    # RFC 6458 sections 8.1.31 and 8.1.32
    ("default_sndinfo", SndInfo(), None),
    ("default_sndinfo", SndInfo(1, SendFlag.UNORDERED | SendFlag.SACK_IMMEDIATELY, 2, 3), None),
    ("default_sndinfo", SndInfo(flags=SendFlag.EOF), "default_sndinfo.flags"),
    ("default_sndinfo", SndInfo(flags=SendFlag.ABORT | SendFlag.UNORDERED), "default_sndinfo.flags"),
    ("default_sndinfo", SndInfo(flags=int(SendFlag.SENDALL)), "default_sndinfo.flags"),
    ("default_sndinfo", SndInfo(flags=SendFlag.ADDR_OVER), "default_sndinfo.flags"),
    ("default_prinfo", PrInfo(), None),
    ("default_prinfo", PrInfo(PrPolicy.TTL, 0), None),
    ("default_prinfo", PrInfo(PrPolicy.PRIO, 2**32 - 1), None),
    ("default_prinfo", PrInfo(PrPolicy.NONE, 1), "default_prinfo.value"),
    ("default_prinfo", PrInfo(PrPolicy.ALL, 0), "default_prinfo.policy"),
    # RFC 4895 sections 3.2 and 3.3
    ("hmac_identifiers", (HmacId.SHA1,), None),
    ("hmac_identifiers", (3, 1), None),
    ("hmac_identifiers", (), "hmac_identifiers"),
    ("hmac_identifiers", (HmacId.SHA256,), "hmac_identifiers"),
    ("hmac_identifiers", (1, 2), "hmac_identifiers"),
    ("auth_chunk", ChunkType.DATA, None),
    ("auth_chunk", 0x99, None),
    *(("auth_chunk", chunk, "auth_chunk") for chunk in sorted(NEVER_AUTHENTICATED)),
    ("auth_key", AuthKey(1, bytes(65535)), None),
    ("auth_key", AuthKey(1, bytes(65536)), "auth_key.secret"),
    # RFC 6525 section 6.3
    ("reset_streams", ResetStreams(), None),
    ("reset_streams", ResetStreams(ResetFlag.INCOMING | ResetFlag.OUTGOING, (1,)), None),
    ("reset_streams", ResetStreams(ResetFlag.NONE), "reset_streams.flags"),
    ("reset_streams", ResetStreams(ResetFlag.DENIED), "reset_streams.flags"),
    ("reset_streams", ResetStreams(ResetFlag.OUTGOING | ResetFlag.FAILED), "reset_streams.flags"),
    ("add_streams", AddStreams(0, 1), None),
    ("add_streams", AddStreams(1, 0), None),
    ("add_streams", AddStreams(), "add_streams"),
    ("reset_assoc", True, None),
    ("reset_assoc", False, "reset_assoc"),
    ("enable_stream_reset", 7, None),
    ("enable_stream_reset", 8, "enable_stream_reset"),
    # RFC 8899 on Linux
    ("probe_interval", ProbeInterval(None, 0), None),
    ("probe_interval", ProbeInterval(None, 5000), None),
    ("probe_interval", ProbeInterval(None, 1), "probe_interval.interval_ms"),
    ("probe_interval", ProbeInterval(None, 4999), "probe_interval.interval_ms"),
    # RFC 6458 sections 8.1.20 and 8.1.27, RFC 7829 section 7.3
    ("fragment_interleave", 2, None),
    ("fragment_interleave", 3, "fragment_interleave"),
    ("reuse_port", True, None),
    ("reuse_port", False, "reuse_port"),
    ("expose_potentially_failed", 2, None),
    ("expose_potentially_failed", 3, "expose_potentially_failed"),
]


class Source:
    """Counts what it is given."""

    def __init__(self) -> None:
        self.given = []

    def set_option(self, row, values, assoc_id, address):
        """Keep the row's name."""
        self.given.append(row.name)


@pytest.mark.parametrize(("name", "value", "argument"), CASES, ids=[f"{c[0]}-{str(c[1])[:40]}" for c in CASES])
def test_rules_are_kept_before_a_stack_is_asked(name, value, argument):
    """What a rule forbids is an ArgumentError that names option and field; what none forbids goes on to the stack."""
    source = Source()
    if argument is None:
        setattr(Options(source), name, value)
        assert source.given == [name]
        return
    with pytest.raises(ArgumentError) as caught:
        setattr(Options(source), name, value)
    assert caught.value.argument == argument
    assert source.given == []


def test_every_rule_is_tested_both_ways():
    """Each option with a rule has a value above that passes and one that does not, and is an option that can be set."""
    for wanted in (True, False):
        tested = {name for name, _, argument in CASES if (argument is None) is wanted}
        assert set(CHECKS) - tested == set()
    assert [name for name in CHECKS if "w" not in ROWS[name].access] == []


def test_messages_have_the_same_rule_for_reliability():
    """What a message can't have is refused under the argument's own name (RFC 7496 section 4.1)."""
    check_pr("prinfo", PrInfo(PrPolicy.TTL, 1000))
    with pytest.raises(ArgumentError) as caught:
        check_pr("prinfo", PrInfo(PrPolicy.ALL))
    assert caught.value.argument == "prinfo.policy"
