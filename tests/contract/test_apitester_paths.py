"""Path parameters of sockets, associations and single paths: what the public apitester suite checks, in our words.

SCTP_PEER_ADDR_PARAMS only (its suite paddrpara). Which upstream check is which test: tests/suites/apitester.txt.
Other options belong to the other test_apitester_*.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Tuple

import pytest

from sctpffi import ArgumentError, PathFlag, PathParams
from sctpffi.options import Options

HEARTBEATS = PathFlag.HB_ENABLE | PathFlag.HB_DISABLE
DISCOVERY = PathFlag.PMTUD_ENABLE | PathFlag.PMTUD_DISABLE
SWITCHES = ~(PathFlag.IPV6_FLOWLABEL | PathFlag.DSCP)
ON, OFF, ZERO = PathFlag.HB_ENABLE, PathFlag.HB_DISABLE, PathFlag.HB_ENABLE | PathFlag.HB_TIME_IS_ZERO


class Target(NamedTuple):
    """Options under test, and options that must not change with them."""

    opts: Options
    others: Tuple[Options, ...]

    def change(self, wanted):
        """Set parameters; what was read before and after."""
        before, beside = self.opts.path_params, [other.path_params for other in self.others]
        self.opts.path_params = wanted
        after = self.opts.path_params
        assert [other.path_params for other in self.others] == beside
        return before, after


@pytest.fixture(params=["socket", "association", "path"])
def target(request, backend, style):
    """A fresh socket, an association of one, or one path of an association that has two."""
    if request.param == "socket":
        return Target(request.getfixturevalue("fresh").opts, ())
    associate = request.getfixturevalue("associate")
    if request.param == "association":
        found = associate()
        return Target(found.own, (found.base, found.peer.opts))
    found = associate(hosts=request.getfixturevalue("two_hosts"))
    first, second = found.sock.peer_addresses(found.assoc_id)
    own, other = (found.sock.opts.of(found.assoc_id, address) for address in (first, second))
    return Target(own, (other, found.base, found.peer.opts))


def switched_off(params):
    """What parameters are like with heartbeats switched off and nothing else changed."""
    return replace(params, flags=params.flags & ~HEARTBEATS | OFF)


def test_defaults(fresh):
    """A fresh socket has RFC 9260's values: 30 s, 5 retransmissions, heartbeats and discovery on (section 16)."""
    found = fresh.opts.path_params
    assert (found.heartbeat_ms, found.max_retrans, found.flow_label, found.dscp) == (30_000, 5, 0, 0)
    assert found.flags & HEARTBEATS == ON
    assert found.flags & DISCOVERY == PathFlag.PMTUD_ENABLE


def test_heartbeat_interval(target):
    """HB_ENABLE with an interval changes that and nothing else, at each scope (RFC 6458 section 8.1.12)."""
    wanted = target.opts.path_params.heartbeat_ms * 2 + 20  # a kernel counts in ticks, of 10, 4 or 1 ms
    before, after = target.change(PathParams(heartbeat_ms=wanted, flags=ON))
    assert after == replace(before, heartbeat_ms=wanted)


def test_heartbeat_interval_zero(target):
    """HB_TIME_IS_ZERO makes the interval 0 and changes nothing else (RFC 6458 section 8.1.12)."""
    before, after = target.change(PathParams(flags=ZERO))
    assert before.heartbeat_ms
    assert after == replace(before, heartbeat_ms=0)


def test_heartbeats_off(target):
    """HB_DISABLE switches heartbeats off and keeps the interval and the other flags (RFC 6458 section 8.1.12)."""
    before, after = target.change(PathParams(flags=OFF))
    assert after == switched_off(before)


def test_heartbeats_off_and_on(target):
    """HB_DISABLE and then HB_ENABLE with interval 0 brings back all that was (RFC 6458 section 8.1.12)."""
    before, off = target.change(PathParams(flags=OFF))
    assert off != before
    _, after = target.change(PathParams(flags=ON))
    assert after == before


def test_retransmissions(target):
    """A number of retransmissions without any flag changes that alone (RFC 6458 section 8.1.12)."""
    wanted = target.opts.path_params.max_retrans * 2
    before, after = target.change(PathParams(max_retrans=wanted))
    assert after == replace(before, max_retrans=wanted)


@pytest.mark.parametrize("pair", [HEARTBEATS, DISCOVERY, OFF | PathFlag.HB_DEMAND])
def test_contradicting_flags(target, pair):
    """Enabling and disabling at once is refused by name, and nothing changes (RFC 6458 section 8.1.12)."""
    before = target.opts.path_params
    with pytest.raises(ArgumentError, match="contradict") as caught:
        target.opts.path_params = PathParams(flags=pair)
    assert caught.value.argument == "path_params.flags"
    assert target.opts.path_params == before


def test_fixed_path_mtu(associate):
    """PMTUD_DISABLE with an MTU fixes exactly that on the primary path (RFC 6458 section 8.1.12)."""
    found = associate()
    primary = found.sock.opts.of(found.assoc_id, found.own.primary_address)
    before = primary.path_params
    wanted = max(before.mtu_bytes // 2, 1024) // 4 * 4
    primary.path_params = PathParams(mtu_bytes=wanted, flags=PathFlag.PMTUD_DISABLE)
    flags = before.flags & ~DISCOVERY | PathFlag.PMTUD_DISABLE
    assert primary.path_params == replace(before, mtu_bytes=wanted, flags=flags)


def test_flow_label(associate):
    """A flow label reads back on an association of IPv4 too, and only its flag is added (RFC 6458 section 8.1.12)."""
    found = associate()
    target = Target(found.own, (found.base,))
    before, after = target.change(PathParams(flow_label=1, flags=PathFlag.IPV6_FLOWLABEL))
    assert after == replace(before, flow_label=1, flags=before.flags | PathFlag.IPV6_FLOWLABEL)


@pytest.mark.parametrize("which", ["association", "path"])
def test_dscp(associate, two_hosts, which):
    """A DSCP reads back and changes nothing but itself, of an association and of one path (RFC 6458 section 8.1.12)."""
    found = associate() if which == "association" else associate(hosts=two_hosts)
    address = None if which == "association" else found.sock.peer_addresses(found.assoc_id)[0]
    target = Target(found.sock.opts.of(found.assoc_id, address), (found.base,))
    before, after = target.change(PathParams(dscp=4, flags=PathFlag.DSCP))
    assert replace(after, flags=after.flags & SWITCHES) == replace(before, dscp=4, flags=before.flags & SWITCHES)


@pytest.mark.parametrize(
    "wanted",
    [
        PathParams(heartbeat_ms=60_000, flags=ON),
        PathParams(flags=ZERO),
        PathParams(flags=OFF),
        PathParams(max_retrans=10),
    ],
    ids=["interval", "zero", "off", "retransmissions"],
)
def test_inherited(associate, fresh, wanted):
    """What is set on a socket beforehand holds for its associations (RFC 6458 section 8.1.12)."""
    default = fresh.opts.path_params
    found = associate(before=lambda sock: sock.opts.set("path_params", wanted))
    own, base = found.own.path_params, found.base.path_params
    interval = 0 if wanted.flags == ZERO else wanted.heartbeat_ms or default.heartbeat_ms
    assert own.heartbeat_ms == base.heartbeat_ms == interval
    assert own.max_retrans == base.max_retrans == (wanted.max_retrans or default.max_retrans)
    assert own.flags & SWITCHES == base.flags & SWITCHES
    assert own.flags & HEARTBEATS == (OFF if wanted.flags == OFF else ON)
    assert own.flags & DISCOVERY == default.flags & DISCOVERY


def test_heartbeat_on_demand(associate, two_hosts):
    """HB_DEMAND sends a heartbeat and changes no parameter and no flag (RFC 6458 section 8.1.12)."""
    found = associate(hosts=two_hosts)
    for address in found.sock.peer_addresses(found.assoc_id):
        target = Target(found.sock.opts.of(found.assoc_id, address), (found.base,))
        before, after = target.change(PathParams(flags=PathFlag.HB_DEMAND))
        assert after == before
        found.sock.heartbeat((address.host, address.port), found.assoc_id)
        assert target.opts.path_params == before
