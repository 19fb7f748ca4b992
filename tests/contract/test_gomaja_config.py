"""What is set before an association can be: what gomaja/go-sctp's preassociation tests verify of Config."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import FrozenInstanceError, replace
from typing import Any, Iterator, Tuple

import pytest

import sctpffi
from sctpffi import (
    AdaptationIndication,
    ArgumentError,
    ArgumentTypeError,
    AssocParams,
    AuthKey,
    ChunkType,
    Config,
    Connection,
    DelayedSack,
    Endpoint,
    Event,
    ExtensionOff,
    HmacId,
    InitParams,
    Linger,
    PathFlag,
    PathParams,
    PrInfo,
    PrPolicy,
    ReceiveLimitExceeded,
    ResetStreams,
    RtoInfo,
    SendFlag,
    SndInfo,
    StreamResetAllow,
    StreamScheduler,
    UnsupportedOption,
)
from sctpffi.testing import LIMIT, Census, expected

HERE = "127.0.0.1:0"
RESETS = StreamResetAllow.RESET_STREAMS | StreamResetAllow.CHANGE_ASSOC

# A field of Config, its value, and what the option then reads: None is the value itself.
PLAIN = [
    ("nodelay", False, "nodelay", None),
    ("rto", RtoInfo(initial_ms=500, max_ms=2000, min_ms=200), "rto_info", None),
    ("association", AssocParams(max_retrans=3), "assoc_params", lambda found: found.max_retrans == 3),
    ("delayed_sack", DelayedSack(delay_ms=250, frequency=4), "delayed_sack", None),
    ("delayed_sack", DelayedSack(delay_ms=500, frequency=2), "delayed_sack", None),
    ("path", PathParams(max_retrans=2), "path_params", lambda found: found.max_retrans == 2),
    (
        "path",
        PathParams(flags=PathFlag.HB_DISABLE),
        "path_params",
        lambda found: bool(found.flags & PathFlag.HB_DISABLE),
    ),
    ("send_buffer_bytes", 100_000, "send_buffer_bytes", lambda found: found >= 100_000),
    ("receive_buffer_bytes", 100_000, "receive_buffer_bytes", lambda found: found >= 100_000),
    ("partial_reliability", False, "pr_supported", None),
    ("partial_reliability", True, "pr_supported", None),
    ("ecn", False, "ecn_supported", None),
    ("ecn", True, "ecn_supported", None),
    ("auth", True, "auth_supported", None),
    ("auth", False, "auth_supported", None),
    ("asconf", True, "asconf_supported", None),
    ("asconf", False, "asconf_supported", None),
    ("reconfig", True, "reconfig_supported", None),
    ("reconfig", False, "reconfig_supported", None),
    ("interleaving", False, "interleaving_supported", None),
    ("adaptation", 0x10203040, "adaptation_layer", None),
    ("adaptation", 0, "adaptation_layer", None),
    ("reset_allowed", RESETS, "enable_stream_reset", None),
    ("scheduler", StreamScheduler.RR, "stream_scheduler", None),
    ("send_defaults", SndInfo(stream=2, ppid=46), "default_sndinfo", None),
    ("pr_defaults", PrInfo(PrPolicy.RTX, 3), "default_prinfo", None),
    ("options", {"disable_fragments": True}, "disable_fragments", True),
    ("options", {"receive_nxtinfo": True}, "receive_nxtinfo", True),
    ("options", {"max_burst": 8}, "max_burst", 8),
    ("options", {"max_segment_bytes": 600}, "max_segment_bytes", 600),
]


def connected(stack: ExitStack, backend: str, ours: Config, theirs: Config) -> Tuple[Connection, Connection]:
    """Two connected Connections, which the stack closes."""
    listener = stack.enter_context(sctpffi.listen(HERE, backend=backend, config=theirs))
    client = sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, config=ours, timeout=LIMIT)
    stack.enter_context(client)
    server = stack.enter_context(listener.accept(timeout=LIMIT)[0])
    for end in (client, server):
        end.settimeout(LIMIT)
    return client, server


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as found:
        yield found


# -- what is set is there


@pytest.mark.parametrize(("field", "value", "option", "reads"), PLAIN, ids=[f"{row[0]}={row[1]}" for row in PLAIN])
@pytest.mark.parametrize("kind", ["listener", "endpoint", "silent endpoint"])
def test_of_a_socket(backend, kind, field, value, option, reads):
    """What Config sets is what a listener and an endpoint have, with backlog and without (RFC 6458 section 7.2)."""
    config = replace(Config(), **{field: value})
    with (
        sctpffi.listen(HERE, backend=backend, config=config)
        if kind == "listener"
        else Endpoint(HERE, backend=backend, config=config, backlog=0 if kind == "silent endpoint" else 5)
    ) as head:
        found = head.opts.get(option)
        assert reads(found) if callable(reads) else found == (value if reads is None else reads)


@pytest.mark.parametrize("side", ["both", "ours", "theirs"])
def test_of_an_association(stack, backend, side):
    """What Config sets at an end is in force for its side of the association, and the other keeps its own."""
    special = Config(
        nodelay=False,
        rto=RtoInfo(initial_ms=500, max_ms=2000, min_ms=200),
        association=AssocParams(max_retrans=3),
        delayed_sack=DelayedSack(delay_ms=140, frequency=2),
        path=PathParams(max_retrans=2),
        reset_allowed=RESETS,
        linger=Linger(on=True, seconds=5),
        options={"max_burst": 8},
    )
    ours, theirs = (special if side in ("both", name) else Config() for name in ("ours", "theirs"))
    client, server = connected(stack, backend, ours, theirs)
    for end, config in ((client, ours), (server, theirs)):
        is_special = config is special
        assert end.opts.nodelay is not is_special
        assert (end.opts.rto_info == special.rto) is is_special
        assert (end.opts.assoc_params.max_retrans == 3) is is_special
        assert (end.opts.delayed_sack == special.delayed_sack) is is_special
        path = end.opts.of(0, end.peer_addresses[0]).path_params
        assert (path.max_retrans == 2) is is_special
        assert (end.opts.enable_stream_reset == RESETS) is is_special
        assert (end.opts.linger == special.linger) is is_special
        assert (end.opts.max_burst == 8) is is_special


def test_streams(stack, backend):
    """What is 0 of init is 10 streams and the stack's attempts; an init= besides takes the place of Config's."""
    with sctpffi.listen(HERE, backend=backend, config=Config(init=InitParams(attempts=3, timeout_ms=800))) as head:
        assert head.opts.init_params == InitParams(10, 10, 3, 800)
    other = InitParams(out_streams=17, in_streams=19, attempts=3, timeout_ms=800)
    for config in (Config(init=other), Config(init=InitParams(5, 5))):
        with Endpoint(HERE, backend=backend, config=config, init=other) as endpoint:
            assert endpoint.opts.init_params == other


def test_extensions_of_both_ends(stack, backend):
    """What both ends switch on is negotiated: AUTH with its chunks, ASCONF, RE-CONFIG and PR (RFC 4895 section 6.1)."""
    chunks = (ChunkType.HEARTBEAT, ChunkType.HEARTBEAT_ACK)
    config = Config(
        auth=True, asconf=True, reconfig=True, partial_reliability=True, auth_chunks=chunks, reset_allowed=RESETS
    )
    for end in connected(stack, backend, config, config):
        assert end.opts.auth_supported and end.opts.asconf_supported and end.opts.reconfig_supported
        assert end.opts.pr_supported
        assert set(chunks) <= set(end.opts.local_auth_chunks)
        assert set(chunks) <= set(end.opts.peer_auth_chunks)
        assert end.opts.enable_stream_reset == RESETS


def test_an_extension_of_one_end(stack, backend):
    """What one end switches off is not negotiated, and asking for it says what is off (RFC 6525 section 5)."""
    client, server = connected(stack, backend, Config(), Config(reconfig=False))
    for end in (client, server):
        with pytest.raises(ExtensionOff) as caught:
            end.reset_streams()
        assert caught.value.extension == "reconfig"


def test_extensions_that_nobody_wants(stack, backend):
    """With everything off an association is as plain as RFC 9260's, and works."""
    off = Config(auth=False, asconf=False, reconfig=False, partial_reliability=False, ecn=False, interleaving=False)
    client, server = connected(stack, backend, off, off)
    for end in (client, server):
        assert not end.opts.auth_supported and not end.opts.asconf_supported and not end.opts.reconfig_supported
    client.send(b"plain")
    assert server.recv().data == b"plain"


def test_interleaving(stack, backend):
    """Interleaving is negotiated where both ends ask for it and the stack lets them (RFC 8260 section 2.2.1)."""
    if not expected("interleaving_without_root", backend):
        with pytest.raises(ExtensionOff) as caught:
            sctpffi.listen(HERE, backend=backend, config=Config(interleaving=True))
        assert caught.value.extension == "interleaving"
        return
    client, server = connected(stack, backend, Config(interleaving=True), Config(interleaving=True))
    for end in (client, server):
        assert end.opts.interleaving_supported is True
        assert end.opts.fragment_interleave == expected("most_fragment_interleave", backend)
    client.send(b"x" * 100_000)
    assert server.recv().data == b"x" * 100_000


def test_keys(stack, backend):
    """Keys, the active one, algorithms and chunks are set before the association, which then uses them (RFC 4895)."""
    config = Config(
        auth_keys=(AuthKey(3, b"three"), AuthKey(5, b"five")),
        auth_active_key=5,
        auth_chunks=(ChunkType.DATA,),
        auth_hmacs=(HmacId.SHA1,),
    )
    client, server = connected(stack, backend, config, config)
    for end in (client, server):
        assert end.opts.auth_active_key == 5
        assert ChunkType.DATA in end.opts.peer_auth_chunks
        assert tuple(end.opts.hmac_identifiers) == (HmacId.SHA1,)
        end.auth.activate(3)
    client.send(b"authenticated")
    assert server.recv().data == b"authenticated"


def test_defaults_of_sending(stack, backend):
    """What send is not told comes from Config, at both ends (RFC 6458 section 8.1.31)."""
    config = Config(send_defaults=SndInfo(stream=3, flags=SendFlag.UNORDERED, ppid=46))
    client, server = connected(stack, backend, config, config)
    for end, other in ((client, server), (server, client)):
        end.send(b"default")
        message = other.recv()
        assert (message.stream, message.unordered, message.ppid) == (3, True, 46)
        end.send(b"told", 4, 5)
        message = other.recv()
        assert (message.stream, message.unordered, message.ppid) == (4, True, 5)


def test_events_and_limits(stack, backend):
    """Events of Config and of events= come together; the limit of messages holds at each end (RFC 6458 6.2.2)."""
    config = Config(events=(Event.ADAPTATION_INDICATION,), adaptation=77, max_message_bytes=5)
    with sctpffi.listen(HERE, backend=backend, config=config, events=[Event.ASSOC_CHANGE]) as listener:
        assert listener.socket.subscriptions == {Event.ADAPTATION_INDICATION, Event.ASSOC_CHANGE}
        address = f"127.0.0.1:{listener.port}"
        client = stack.enter_context(sctpffi.connect(address, backend=backend, config=config, timeout=LIMIT))
        server = stack.enter_context(listener.accept(timeout=LIMIT)[0])
        for end, other in ((client, server), (server, client)):
            end.send(b"123456")
            end.send(b"12345")
            with pytest.raises(ReceiveLimitExceeded):
                other.recv(timeout=LIMIT)
            assert other.recv(timeout=LIMIT).data == b"12345"
            found = [event for event in other.notifications if isinstance(event, AdaptationIndication)]
            assert [event.indication for event in found] == [77]
        assert len(client.notifications) == 1
        assert len(server.notifications) > 1


# -- what is refused

CONFIG_ERRORS = [
    ({"delayed_sack": DelayedSack(delay_ms=501, frequency=2)}, ArgumentError),
    ({"delayed_sack": RtoInfo()}, ArgumentTypeError),
    ({"rto": RtoInfo(initial_ms=100, max_ms=50, min_ms=10)}, ArgumentError),
    ({"association": AssocParams(cookie_life_ms=10)}, ArgumentError),
    ({"path": PathParams(flags=PathFlag.HB_ENABLE | PathFlag.HB_DISABLE)}, ArgumentError),
    ({"auth": False, "asconf": True}, ArgumentError),
    ({"auth": False, "auth_chunks": (ChunkType.DATA,)}, ArgumentError),
    ({"auth": False, "auth_keys": (AuthKey(1, b"x"),)}, ArgumentError),
    ({"auth": False, "auth_hmacs": (HmacId.SHA1,)}, ArgumentError),
    ({"auth": False, "auth_active_key": 0}, ArgumentError),
    ({"auth_hmacs": ()}, ArgumentError),
    ({"auth_hmacs": (HmacId.SHA256,)}, ArgumentError),
    ({"auth_hmacs": (HmacId.SHA1, 2)}, ArgumentError),
    ({"auth_hmacs": (HmacId.SHA1, HmacId.SHA1)}, ValueError),
    ({"auth_chunks": (ChunkType.INIT,)}, ArgumentError),
    ({"auth_chunks": (256,)}, ArgumentError),
    ({"auth_keys": (AuthKey(65_536, b"x"),)}, ArgumentError),
    ({"auth_keys": (b"x",)}, ArgumentTypeError),
    ({"reset_allowed": 8}, ArgumentError),
    ({"reset_allowed": RESETS, "reconfig": False}, ArgumentError),
    ({"scheduler": 77}, (ArgumentError, UnsupportedOption)),
    ({"adaptation": -1}, ArgumentError),
    ({"adaptation": 2**32}, ArgumentError),
    ({"send_buffer_bytes": -1}, ArgumentError),
    ({"max_message_bytes": "5"}, ArgumentTypeError),
    ({"init": 5}, ArgumentTypeError),
    ({"init": InitParams(in_streams=65_536)}, ArgumentError),
    ({"send_defaults": SndInfo(flags=SendFlag.EOF)}, ArgumentError),
    ({"pr_defaults": PrInfo(9, 1)}, ArgumentError),  # type: ignore[arg-type]  # no policy, which is what is tested
    ({"events": (4711,)}, ArgumentError),
    ({"events": Event.ASSOC_CHANGE}, (ArgumentError, ArgumentTypeError, TypeError)),
    ({"options": {"status": 1}}, (ArgumentError, AttributeError)),
    ({"options": {"reset_streams": ResetStreams()}}, sctpffi.Error),
    ({"options": {"autoclose_s": "soon"}}, (ArgumentError, ArgumentTypeError, sctpffi.WrongStyle)),
]


@pytest.mark.parametrize(("fields", "error"), CONFIG_ERRORS, ids=[str(fields) for fields, _ in CONFIG_ERRORS])
@pytest.mark.parametrize("name", ["connect", "listen", "Endpoint"])
def test_a_bad_config(backend, name, fields, error):
    """What no stack takes, and what contradicts itself, is refused by name before anybody hears of it."""
    before = Census(backend)
    address: Any = "127.0.0.1:9" if name == "connect" else HERE
    with pytest.raises(error) as caught:
        getattr(sctpffi, name)(address, backend=backend, config=Config(**fields))
    assert str(caught.value)
    assert before.leaks() == []


@pytest.mark.parametrize("config", [5, "x", {}, InitParams(), Config])
@pytest.mark.parametrize("name", ["connect", "listen", "Endpoint"])
def test_what_is_no_config(backend, name, config):
    """Something else than a Config is refused by name."""
    with pytest.raises(ArgumentTypeError) as caught:
        getattr(sctpffi, name)("127.0.0.1:9", backend=backend, config=config)
    assert caught.value.argument == "config"


def test_of_one_style_only(stack, backend):
    """An option of the other style is refused as on the socket itself: AUTOCLOSE is of one-to-many ones (8.1.8)."""
    config = Config(options={"autoclose_s": 3})
    with pytest.raises(sctpffi.WrongStyle):
        sctpffi.listen(HERE, backend=backend, config=config)
    with Endpoint(HERE, backend=backend, config=config) as endpoint:
        assert endpoint.opts.autoclose_s == 3


# -- what a Config is


def test_a_config_is_used_again(stack, backend):
    """One Config serves listeners, connections and endpoints, in any number, and is not changed by it."""
    config = Config(init=InitParams(7, 7), options={"max_burst": 8}, events=(Event.SHUTDOWN_EVENT,))
    copy = replace(config, options=dict(config.options))
    for _ in range(3):
        connected(stack, backend, config, config)
        stack.enter_context(Endpoint(HERE, backend=backend, config=config, events=[Event.ASSOC_CHANGE]))
    assert config == copy
    with pytest.raises(FrozenInstanceError):
        config.nodelay = False  # type: ignore[misc]  # which is what is tested
