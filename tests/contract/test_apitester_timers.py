"""Timers and limits of sockets and associations: what the public apitester suite checks, in our words.

SCTP_RTOINFO, SCTP_ASSOCINFO and SCTP_INITMSG (its suites rtoinfo, associnfo, initmsg). Which upstream check is which
test: tests/suites/apitester.txt. Delayed acknowledgements are in test_apitester_scopes.py.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from sctpffi import (
    ArgumentError,
    AssocId,
    AssocParams,
    InitParams,
    NoSuchAssociation,
    RtoInfo,
    Socket,
    Style,
)
from sctpffi._optrows import OPTIONS
from sctpffi.testing import expected, listener

RTO = RtoInfo(initial_ms=2000, max_ms=20_000, min_ms=500)
DOUBLED = RtoInfo(initial_ms=4000, max_ms=40_000, min_ms=1000)


def number(name, backend):
    """An option's number on a stack, for the raw door."""
    row = next(row for row in OPTIONS if row.name == name)
    return row.linux if backend == "linux" else row.bsd


# -- RTOINFO


def test_rto_defaults(fresh, backend):
    """RTO.Min and RTO.Max start as RFC 9260 section 16 says; RTO.Initial is 1 s there and 3 s in RFC 4960."""
    initial = expected("default_rto_initial_ms", backend)
    assert fresh.opts.rto_info == RtoInfo(initial_ms=initial, max_ms=60_000, min_ms=1000)


def test_rto_of_a_socket(fresh):
    """All three values read back (RFC 6458 section 8.1.1)."""
    for wanted in (RTO, DOUBLED):
        fresh.opts.rto_info = wanted
        assert fresh.opts.rto_info == wanted


@pytest.mark.parametrize("field", ["initial_ms", "max_ms", "min_ms"])
def test_one_rto_value(fresh, field):
    """A value changes alone where the others are 0 (RFC 6458 section 8.1.1)."""
    fresh.opts.rto_info = RTO
    wanted = getattr(RTO, field) + 10
    fresh.opts.rto_info = replace(RtoInfo(), **{field: wanted})
    assert fresh.opts.rto_info == replace(RTO, **{field: wanted})


def test_equal_rto_values(fresh):
    """All three values may be the same (RFC 6458 section 8.1.1)."""
    fresh.opts.rto_info = RtoInfo(100, 100, 100)
    assert fresh.opts.rto_info == RtoInfo(100, 100, 100)


@pytest.mark.parametrize(
    "wanted",
    [
        replace(RTO, initial_ms=RTO.min_ms - 10),
        replace(RTO, initial_ms=RTO.max_ms + 10),
        replace(RTO, min_ms=RTO.initial_ms + 10),
        replace(RTO, min_ms=RTO.max_ms + 10),
        replace(RTO, max_ms=RTO.initial_ms - 10),
        replace(RTO, max_ms=RTO.min_ms - 10),
    ],
    ids=["initial<min", "initial>max", "min>initial", "min>max", "max<initial", "max<min"],
)
def test_rto_out_of_order(backend, wanted):
    """RTO.Min <= RTO.Initial <= RTO.Max, else the values are refused by name and nothing changes (RFC 9260 6.3.1)."""
    with Socket(backend=backend) as sock:
        sock.opts.rto_info = RTO
        with pytest.raises(ArgumentError, match="rto_info"):
            sock.opts.rto_info = wanted
        assert sock.opts.rto_info == RTO


@pytest.mark.parametrize(
    "wanted",
    [
        RtoInfo(initial_ms=RTO.min_ms - 10),
        RtoInfo(initial_ms=RTO.max_ms + 10),
        RtoInfo(min_ms=RTO.initial_ms + 10),
        RtoInfo(min_ms=RTO.max_ms + 10),
        RtoInfo(max_ms=RTO.initial_ms - 10),
        RtoInfo(max_ms=RTO.min_ms - 10),
    ],
    ids=["initial<min", "initial>max", "min>initial", "min>max", "max<initial", "max<min"],
)
def test_one_rto_value_out_of_order(backend, wanted):
    """A single value that does not go with those that stand is refused, and nothing changes (RFC 9260 6.3.1)."""
    with Socket(backend=backend) as sock:
        sock.opts.rto_info = RTO
        with pytest.raises(ArgumentError, match="rto_info"):
            sock.opts.rto_info = wanted
        assert sock.opts.rto_info == RTO


@pytest.mark.parametrize("assoc_id", [AssocId.CURRENT, AssocId.ALL, 3, 77])
@pytest.mark.parametrize("connected", [False, True], ids=["fresh", "connected"])
def test_ids_mean_nothing_on_one_to_one_sockets(backend, linked, assoc_id, connected):
    """On one-to-one sockets an association id is ignored, getting and setting (RFC 6458 section 8.1.1)."""
    with Socket(backend=backend) as alone:
        sock = linked.server if connected else alone
        opts = sock.opts.of(assoc_id)
        before = sock.opts.rto_info
        assert opts.rto_info == before
        opts.rto_info = RTO
        assert sock.opts.rto_info == opts.rto_info == RTO


def test_ids_mean_nothing_to_the_stacks_either(backend, linked):
    """The stacks ignore id 1, which has a meaning on one-to-many sockets, on one-to-one ones (RFC 6458 section 7.2)."""
    option = number("rto_info", backend)
    with Socket(backend=backend) as alone:
        for sock in (alone, linked.client):
            value = struct.pack("=4I", 1, RTO.initial_ms, RTO.max_ms, RTO.min_ms)
            sock.setsockopt_raw(132, option, value)
            found = sock.getsockopt_raw(132, option, len(value))
            assert found[4:] == value[4:]
            assert sock.opts.rto_info == RTO


def test_unknown_ids(backend):
    """On one-to-many sockets an id without an association is refused, getting and setting (RFC 6458 section 8.1.1)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as sock:
        opts = sock.opts.of(3)
        with pytest.raises(NoSuchAssociation) as caught:
            _ = opts.rto_info
        assert caught.value.assoc_id == 3
        before = sock.opts.rto_info
        for wanted in (RTO, RtoInfo(initial_ms=RTO.initial_ms)):
            with pytest.raises(NoSuchAssociation):
                opts.rto_info = wanted
        assert sock.opts.rto_info == before


def test_rto_is_inherited_by_accepted_sockets(backend):
    """What is set on a one-to-one listener holds for what a one-to-many peer sets up (RFC 6458 section 8.1.1)."""
    head, port = listener(backend, rto_info=DOUBLED)
    with head, Socket(4, Style.ONE_TO_MANY, backend=backend) as client:
        client.bind("127.0.0.1:0")
        client.connect(f"127.0.0.1:{port}")
        server, _ = head.accept()
        with server:
            assert server.opts.rto_info == DOUBLED
            assert client.opts.rto_info != DOUBLED


@pytest.mark.parametrize("style", [Style.ONE_TO_MANY], ids=["one_to_many"], indirect=True)
def test_rto_is_inherited_by_peeled_sockets(associate):
    """What is set on a one-to-many socket holds for the association that is peeled off it (RFC 6458 section 9.2)."""
    found = associate(before=lambda sock: sock.opts.set("rto_info", DOUBLED))
    assert found.own.rto_info == DOUBLED
    with found.sock.peeloff(found.assoc_id) as peeled:
        assert peeled.opts.rto_info == DOUBLED


# -- ASSOCINFO


def test_assoc_params_defaults(fresh, backend):
    """10 retransmissions, cookies for 60 s (RFC 9260 section 16), no peer; the window may be unknown as yet."""
    found = fresh.opts.assoc_params
    assert (found.max_retrans, found.cookie_life_ms) == (10, 60_000)
    assert (found.peer_rwnd_bytes, found.peer_destinations) == (0, 0)
    if expected("window_before_association", backend):
        assert found.local_rwnd_bytes >= 4096
    else:
        assert found.local_rwnd_bytes == 0


WRITABLE = [AssocParams(max_retrans=20), AssocParams(cookie_life_ms=120_000)]


def merged(before, wanted):
    """What reading gives after parameters were set."""
    return replace(
        before,
        max_retrans=wanted.max_retrans or before.max_retrans,
        cookie_life_ms=wanted.cookie_life_ms or before.cookie_life_ms,
    )


@pytest.mark.parametrize("wanted", WRITABLE, ids=["retransmissions", "cookie life"])
def test_assoc_params_of_a_socket(fresh, wanted):
    """Retransmissions and cookie life change alone where the rest is 0 (RFC 6458 section 8.1.2)."""
    before = fresh.opts.assoc_params
    fresh.opts.assoc_params = wanted
    assert fresh.opts.assoc_params == merged(before, wanted) != before


@pytest.mark.parametrize("wanted", WRITABLE, ids=["retransmissions", "cookie life"])
def test_assoc_params_of_an_association(associate, wanted):
    """An association's limits change without those of its socket (RFC 6458 section 8.1.2)."""
    found = associate()
    own, base = found.own.assoc_params, found.base.assoc_params
    found.own.assoc_params = wanted
    assert found.own.assoc_params == merged(own, wanted) != own
    assert found.base.assoc_params == base


@pytest.mark.parametrize("wanted", WRITABLE, ids=["retransmissions", "cookie life"])
def test_assoc_params_are_inherited(associate, wanted):
    """A socket's limits hold for its associations (RFC 6458 section 8.1.2)."""
    found = associate(before=lambda sock: sock.opts.set("assoc_params", wanted))
    for opts in (found.own, found.base):
        assert opts.assoc_params == merged(opts.assoc_params, wanted)


@pytest.mark.parametrize("field", ["local_rwnd_bytes", "peer_rwnd_bytes", "peer_destinations"])
def test_windows_and_destinations_of_a_socket_are_read_only(fresh, field):
    """Windows and the number of destinations can't be set on a socket (RFC 6458 section 8.1.2)."""
    before = fresh.opts.assoc_params
    fresh.opts.assoc_params = AssocParams(**{field: getattr(before, field) * 2 + 3})
    assert fresh.opts.assoc_params == before


@pytest.mark.parametrize("field", ["local_rwnd_bytes", "peer_rwnd_bytes", "peer_destinations"])
def test_windows_and_destinations_of_an_association_are_read_only(associate, field):
    """Windows and the number of destinations can't be set on an association (RFC 6458 section 8.1.2)."""
    found = associate()
    own, base = found.own.assoc_params, found.base.assoc_params
    assert (own.peer_destinations, own.peer_rwnd_bytes > 0, own.local_rwnd_bytes > 0) == (1, True, True)
    found.own.assoc_params = AssocParams(**{field: getattr(own, field) * 2 + 3})
    assert found.own.assoc_params == own
    assert found.base.assoc_params == base


# -- INITMSG


def test_init_defaults(fresh, backend):
    """8 attempts, 60 s at most between two, 10 streams out (RFC 9260 section 16, RFC 6458 section 8.1.3)."""
    streams = expected("default_in_streams", backend)
    assert fresh.opts.init_params == InitParams(10, streams, attempts=8, timeout_ms=60_000)


@pytest.mark.parametrize(
    ("field", "wanted"), [("out_streams", 20), ("in_streams", 4096), ("attempts", 16), ("timeout_ms", 16)]
)
def test_one_init_parameter(fresh, field, wanted):
    """A parameter of INIT changes alone where the others are 0 (RFC 6458 section 8.1.3)."""
    before = fresh.opts.init_params
    fresh.opts.init_params = InitParams(**{field: wanted})
    assert fresh.opts.init_params == replace(before, **{field: wanted}) != before
