"""Socket options of this level: get, set, read back, and their effect where it shows (RFC 6458 section 8)."""

from __future__ import annotations

import pytest

from sctpffi import (
    ArgumentError,
    ArgumentTypeError,
    AssocParams,
    DelayedSack,
    InitParams,
    Linger,
    PathState,
    RtoInfo,
    Socket,
    UnsupportedOption,
    errors,
)
from sctpffi._tables import OPTIONS
from sctpffi.testing import pair


def test_nodelay(backend):
    """NODELAY is switched on and off (RFC 6458 section 8.1.5)."""
    with Socket(backend=backend) as sock:
        for value in (True, False):
            sock.opts.nodelay = value
            assert sock.opts.nodelay is value


def test_init_params(backend):
    """INITMSG reads back what was set, and 0 keeps what is there (RFC 6458 section 8.1.3)."""
    with Socket(backend=backend) as sock:
        sock.opts.init_params = InitParams(17, 23, 4, 2000)
        assert sock.opts.init_params == InitParams(17, 23, 4, 2000)
        sock.opts.init_params = InitParams(out_streams=18)
        assert sock.opts.init_params == InitParams(18, 23, 4, 2000)


def test_rto_info(backend):
    """RTOINFO reads back what was set (RFC 6458 section 8.1.1)."""
    with Socket(backend=backend) as sock:
        sock.opts.rto_info = RtoInfo(initial_ms=500, max_ms=5000, min_ms=200)
        assert sock.opts.rto_info == RtoInfo(500, 5000, 200)


def test_assoc_params(linked):
    """ASSOCINFO sets the limits and tells the windows of an association (RFC 6458 section 8.1.2)."""
    linked.client.opts.assoc_params = AssocParams(max_retrans=7)
    found = linked.client.opts.assoc_params
    assert found.max_retrans == 7
    assert found.peer_destinations == 1
    assert found.peer_rwnd_bytes > 1000
    assert found.cookie_life_ms > 1000


def test_delayed_sack(backend):
    """DELAYED_SACK reads back what was set (RFC 6458 section 8.1.19)."""
    with Socket(backend=backend) as sock:
        sock.opts.delayed_sack = DelayedSack(100, 3)
        assert sock.opts.delayed_sack == DelayedSack(100, 3)


def test_buffers(backend):
    """The buffer sizes grow when asked for; what is read back is at least that (RFC 6458 8.1.6, 8.1.7)."""
    with Socket(backend=backend) as sock:
        for name in ("send_buffer_bytes", "receive_buffer_bytes"):
            sock.opts.set(name, 100_000)
            assert sock.opts.get(name) >= 100_000


def test_linger(backend):
    """LINGER reads back what was set (RFC 6458 section 8.1.4)."""
    with Socket(backend=backend) as sock:
        assert sock.opts.linger == Linger(False, 0)
        sock.opts.linger = Linger(True, 3)
        assert sock.opts.linger == Linger(True, 3)
        sock.opts.linger = Linger(False, 0)


@pytest.mark.parametrize("level", [0, 1])
def test_fragment_interleave(backend, level):
    """FRAGMENT_INTERLEAVE 0 and 1 exist on every stack (RFC 6458 section 8.1.20)."""
    with Socket(backend=backend) as sock:
        sock.opts.fragment_interleave = level
        assert sock.opts.fragment_interleave == level


def test_max_segment(linked):
    """MAXSEG limits the fragments of an association (RFC 6458 section 8.1.16)."""
    linked.client.opts.max_segment_bytes = 600
    assert 0 < linked.client.status().fragmentation_point_bytes <= 600
    linked.client.send(b"x" * 5000)
    assert linked.server.recv().data == b"x" * 5000


def test_disable_fragments(linked):
    """With DISABLE_FRAGMENTS a message over the path MTU is refused (RFC 6458 section 8.1.11)."""
    linked.client.opts.disable_fragments = True
    with pytest.raises(errors.MessageTooLong):
        linked.client.send(b"x" * (linked.client.status().fragmentation_point_bytes + 100))
    linked.client.send(b"fits")
    assert linked.server.recv().data == b"fits"


def test_context(linked):
    """CONTEXT reads back what was set (RFC 6458 section 8.1.25)."""
    linked.client.opts.context = 0xFFFFFFFF
    assert linked.client.opts.context == 0xFFFFFFFF


def test_paths(linked):
    """GET_PEER_ADDR_INFO gives each path's state, window, timer and MTU (RFC 6458 section 8.2.2)."""
    paths = linked.client.paths()
    assert [p.address for p in paths] == linked.client.peer_addresses()
    path = paths[0]
    assert path.state is PathState.ACTIVE
    assert path.cwnd_bytes > 1000
    assert path.rto_ms >= 0
    assert path.mtu_bytes > 500
    assert linked.client.opts.of(0, path.address).path_info.address == path.address


def test_primary_address(linked):
    """PRIMARY_ADDR can be set to the peer's address, and STATUS shows it (RFC 6458 section 8.1.9)."""
    address = linked.client.peer_addresses()[0]
    linked.client.opts.primary_address = address
    assert linked.client.status().primary.address == address


def test_options_by_name(backend):
    """get and set by name do the same as the attribute; a name that is none is refused by name."""
    with Socket(backend=backend) as sock:
        sock.opts.set("nodelay", True)
        assert sock.opts.get("nodelay") is True
        for call in (lambda: sock.opts.get("nonsense"), lambda: sock.opts.set("nonsense", 1)):
            with pytest.raises(ArgumentError, match="nonsense") as caught:
                call()
            assert caught.value.argument == "name"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nodelay", "on"), ("rto_info", 5), ("rto_info", RtoInfo(-1)), ("init_params", InitParams(65536)),
        ("init_params", InitParams(1.5)), ("context", -1), ("context", 2**32), ("linger", (1, 0)),
        ("primary_address", "x"),
        ("send_buffer_bytes", "big"), ("max_segment_bytes", -5),
    ],
)  # fmt: skip
def test_bad_values(backend, name, value):
    """A value of a wrong type or range is refused by name before the stack is called."""
    with Socket(backend=backend) as sock, pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
        sock.opts.set(name, value)
    assert caught.value.argument.split(".")[0] == name


def test_read_only_options(linked):
    """status and path_info can't be set."""
    for name in ("status", "path_info"):
        with pytest.raises(AttributeError):
            linked.client.opts.set(name, None)


def test_the_raw_door(backend):
    """Raw bytes go in and out by the stack's own numbers; RTOINFO's struct is the same on all (docs/stacks.md)."""
    from sctpffi.backends import load

    row = next(r for r in OPTIONS if r.name == "rto_info")
    number = row.linux if backend == "linux" else row.bsd
    assert load(backend).name == backend
    with Socket(backend=backend) as sock:
        sock.opts.rto_info = RtoInfo(700, 7000, 300)
        raw = sock.getsockopt_raw(132, number, 16)
        assert len(raw) == 16
        assert (700).to_bytes(4, "little") in raw
        sock.setsockopt_raw(132, number, raw.replace((700).to_bytes(4, "little"), (800).to_bytes(4, "little")))
        assert sock.opts.rto_info.initial_ms == 800


def test_an_option_that_no_stack_has(backend):
    """An option number that does not exist is UnsupportedOption, with ENOPROTOOPT."""
    with Socket(backend=backend) as sock, pytest.raises(UnsupportedOption) as caught:
        sock.getsockopt_raw(132, 0x7FF0, 16)
    assert isinstance(caught.value, NotImplementedError)


def test_options_are_set_before_an_association_hold_for_it(backend):
    """What is set on a socket before it connects or listens holds for its associations (docs/stacks.md)."""
    with pair(backend, rto_info=RtoInfo(900, 9000, 400)) as both:
        for sock in (both.client, both.server):
            assert sock.opts.rto_info == RtoInfo(900, 9000, 400)
