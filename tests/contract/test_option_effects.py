"""What an option does, where it can be seen: in the peer's traffic and statistics, or in what arrives when.

That each option reads back is in test_options.py and the test_apitester_* files; options with a topic of their own
(AUTH, reconfiguration, schedulers, reliability, ancillary data) are in those files.
"""

from __future__ import annotations

import time

import pytest

from sctpffi import (
    Address,
    AddressNotAvailable,
    AssocChange,
    AssocChangeState,
    CcModule,
    DelayedSack,
    ErrorDetection,
    Event,
    ExtensionOff,
    InitParams,
    OptionNotTaken,
    OptionRefused,
    PathFlag,
    PathParams,
    PathState,
    PathThresholds,
    PeerAddrState,
    PfExposure,
    ProbeInterval,
    RtoInfo,
    Socket,
    Style,
    UdpEncaps,
    UnsupportedOption,
    WaitTimeout,
    stack_counters,
)
from sctpffi.testing import LIMIT, expected, listener, many_pair, pair

# Time-outs so short that heartbeats and losses show within a test.
QUICK = RtoInfo(200, 400, 100)


def control_chunks(backend):
    """How many control chunks the stack has sent."""
    return stack_counters(backend).out_control_chunks


def wait_for(condition, what):
    """Wait until something is so; it is the stack's own timers that make it so."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)  # no event tells of a counter or of a peer's primary path


# -- heartbeats and paths


def test_heartbeat_interval(backend):
    """A shorter heartbeat interval shows in the traffic of an idle association (RFC 6458 section 8.1.12)."""
    with pair(backend, rto_info=QUICK) as both:
        before = control_chunks(backend)
        both.client.opts.path_params = PathParams(heartbeat_ms=100, flags=PathFlag.HB_ENABLE)
        assert both.client.opts.of(0, both.client.peer_addresses()[0]).path_params.heartbeat_ms == 100
        wait_for(lambda: control_chunks(backend) >= before + 6, "three heartbeats and their answers")


def test_heartbeat_disabled(backend):
    """With HB_DISABLE an idle association is silent (RFC 6458 section 8.1.12).

    The stack counts for all its associations, and one that an earlier test has closed may still send a chunk or two.
    Ours would send ten and more: see the test before this one.
    """
    with pair(backend, rto_info=QUICK) as both:
        for sock in (both.client, both.server):
            sock.opts.path_params = PathParams(heartbeat_ms=50, flags=PathFlag.HB_ENABLE)
            sock.opts.path_params = PathParams(flags=PathFlag.HB_DISABLE)
            path = sock.opts.of(0, sock.peer_addresses()[0])
            assert path.path_params.flags & PathFlag.HB_DISABLE
            assert not path.path_params.flags & PathFlag.HB_ENABLE
        with pytest.raises(WaitTimeout):
            both.client.recv(timeout=0.3)  # let what is under way arrive
        before = control_chunks(backend)
        with pytest.raises(WaitTimeout):
            both.client.recv(timeout=2)
        assert control_chunks(backend) < before + 6


def test_heartbeat_on_demand(backend):
    """A heartbeat on demand goes out at once and is answered (RFC 6458 section 8.1.12)."""
    with pair(backend) as both:
        before = control_chunks(backend)
        both.client.heartbeat()
        wait_for(lambda: control_chunks(backend) >= before + 2, "a heartbeat and its answer")
        both.client.heartbeat(both.client.peer_addresses()[0])
        wait_for(lambda: control_chunks(backend) >= before + 4, "another")


def test_fixed_path_mtu(backend):
    """A path MTU that is fixed limits the fragments of messages (RFC 6458 section 8.1.12)."""
    with pair(backend) as both:
        both.client.opts.path_params = PathParams(mtu_bytes=1200, flags=PathFlag.PMTUD_DISABLE)
        path = both.client.opts.of(0, both.client.peer_addresses()[0]).path_params
        assert path.flags & PathFlag.PMTUD_DISABLE
        assert path.mtu_bytes <= 1200
        both.client.send(bytes(5000))
        assert len(both.server.recv(timeout=LIMIT).data) == 5000


@pytest.mark.parametrize("dscp", [0x28, 0xB8])
def test_dscp(linked, dscp):
    """DSCP reads back for the association's paths (RFC 6458 section 8.1.12)."""
    linked.client.opts.path_params = PathParams(dscp=dscp, flags=PathFlag.DSCP)
    assert linked.client.opts.of(0, linked.client.peer_addresses()[0]).path_params.dscp == dscp
    linked.client.send(b"marked")
    assert linked.server.recv(timeout=LIMIT).data == b"marked"


def test_flow_label(backend):
    """The IPv6 flow label reads back (RFC 6458 section 8.1.12)."""
    head, port = listener(backend, "[::1]:0", 6)
    with head, Socket(6, backend=backend) as client:
        client.settimeout(LIMIT)
        client.connect(f"[::1]:{port}")
        server, _ = head.accept()
        with server:
            client.opts.path_params = PathParams(flow_label=0xABCDE, flags=PathFlag.IPV6_FLOWLABEL)
            assert client.opts.of(0, client.peer_addresses()[0]).path_params.flow_label == 0xABCDE


def test_path_max_retrans(linked):
    """Path.Max.Retrans reads back for one path and for all (RFC 6458 section 8.1.12)."""
    linked.client.opts.path_params = PathParams(max_retrans=7)
    path = linked.client.opts.of(0, linked.client.peer_addresses()[0])
    assert path.path_params.max_retrans == 7
    path.path_params = PathParams(max_retrans=3)
    assert path.path_params.max_retrans == 3


def test_path_thresholds(linked):
    """The thresholds of a path read back; switching over is off (RFC 7829 section 7.2)."""
    path = linked.client.opts.of(0, linked.client.peer_addresses()[0])
    path.path_thresholds = PathThresholds(max_retrans=6, potentially_failed=2)
    found = path.path_thresholds
    assert (found.max_retrans, found.potentially_failed, found.primary_switchover) == (6, 2, 0xFFFF)


def test_primary_switchover(linked, backend):
    """A threshold for switching the primary path over is taken by Linux only (RFC 7829 section 7.2)."""
    path = linked.client.opts.of(0, linked.client.peer_addresses()[0])
    wanted = PathThresholds(max_retrans=6, potentially_failed=2, primary_switchover=4)
    if expected("primary_switchover", backend):
        path.path_thresholds = wanted
        assert path.path_thresholds.primary_switchover == 4
    else:
        with pytest.raises(OptionRefused):
            path.path_thresholds = wanted


def test_exposing_potentially_failed(backend):
    """Whether the potentially failed state is shown can be chosen on Linux, whose own it is (RFC 7829 section 7.3)."""
    with Socket(backend=backend) as sock:
        if expected("primary_switchover", backend):
            for value in PfExposure:
                sock.opts.set("expose_potentially_failed", value, strict=True)
        else:
            with pytest.raises(UnsupportedOption):
                sock.opts.expose_potentially_failed = PfExposure.ENABLED


def test_probe_interval(linked, backend):
    """The interval of path MTU probes can be set on Linux (RFC 8899)."""
    options = linked.client.opts
    if expected("primary_switchover", backend):
        options.probe_interval = ProbeInterval(interval_ms=6000)
        assert options.of(0, linked.client.peer_addresses()[0]).probe_interval.interval_ms == 6000
    else:
        with pytest.raises(UnsupportedOption):
            options.probe_interval = ProbeInterval(interval_ms=6000)


# -- timers


def test_init_attempts(backend):
    """INITMSG's attempts and time-out decide how soon a silent peer is given up (RFC 6458 section 8.1.3)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as sock, Socket(4, backend=backend) as silent:
        silent.bind("127.0.0.1:0")
        sock.opts.init_params = InitParams(attempts=1, timeout_ms=100)
        sock.opts.rto_info = QUICK
        sock.subscribe(Event.ASSOC_CHANGE)
        sock.bind("127.0.0.1:0")
        sock.connect(silent.local_addresses()[0])
        event = sock.recv(timeout=LIMIT)
        assert isinstance(event, AssocChange)
        assert event.state is AssocChangeState.CANT_STR_ASSOC


@pytest.mark.parametrize("style", [Style.ONE_TO_MANY])
def test_autoclose(backend, style):
    """AUTOCLOSE ends an association that was idle for so many seconds (RFC 6458 section 8.1.8)."""
    server, client, _ = many_pair(backend, [Event.ASSOC_CHANGE])
    with server, client:
        client.opts.set("autoclose_s", 1, strict=True)
    with Socket(4, style, backend=backend) as head, Socket(4, style, backend=backend) as sock:
        for each in (head, sock):
            each.settimeout(LIMIT)
            each.bind("127.0.0.1:0")
        head.listen()
        sock.opts.autoclose_s = 1
        sock.subscribe(Event.ASSOC_CHANGE)
        sock.send(b"hi", to=head.local_addresses()[0])
        states = []
        while not states or states[-1] is not AssocChangeState.SHUTDOWN_COMP:
            states.append(sock.recv(timeout=LIMIT).state)
        assert states == [AssocChangeState.COMM_UP, AssocChangeState.SHUTDOWN_COMP]


def test_delayed_sack_of_one(backend):
    """With a frequency of 1 every message is acknowledged at once (RFC 6458 section 8.1.19)."""
    with pair(backend, delayed_sack=DelayedSack(500, 1)) as both:
        both.client.subscribe(Event.SENDER_DRY_EVENT)
        both.client.recv(timeout=LIMIT)
        start = time.monotonic()
        for _ in range(3):
            both.client.send(b"x")
            both.client.recv(timeout=LIMIT)  # everything is acknowledged
        assert time.monotonic() - start < 1.4  # three delays would be 1.5 s


def test_rto_min_shows_in_the_path(backend):
    """RTO.min is what a path's RTO comes down to on loopback (RFC 6458 section 8.1.1)."""
    with pair(backend, rto_info=RtoInfo(300, 2000, 300)) as both:
        for _ in range(5):
            both.client.send(b"x")
            both.server.recv(timeout=LIMIT)
            both.server.send(b"y")
            both.client.recv(timeout=LIMIT)
        assert both.client.paths()[0].rto_ms <= 400


# -- windows and bursts


def test_max_burst(backend):
    """MAX_BURST reads back at socket and association scope (RFC 6458 section 8.1.24)."""
    with Socket(backend=backend) as sock:
        sock.opts.set("max_burst", 7, strict=True)
    with pair(backend) as both:
        both.client.opts.set("max_burst", 2, strict=True)
        both.client.send(bytes(50_000))
        assert len(both.server.recv(timeout=LIMIT).data) == 50_000


def test_receive_context(linked):
    """CONTEXT set at the receiver comes with every message (RFC 6458 section 8.1.25)."""
    linked.server.opts.context = 0xC0FFEE
    linked.client.send(b"x")
    assert linked.server.recv(timeout=LIMIT).context == 0xC0FFEE


def test_strict(backend):
    """strict=True tells that the stack took another value than was set (RFC 6458 section 8.1.20)."""
    with Socket(backend=backend) as sock:
        sock.opts.set("fragment_interleave", 1, strict=True)
        if expected("most_fragment_interleave", backend) == 2:
            sock.opts.set("fragment_interleave", 2, strict=True)
        else:
            with pytest.raises(OptionNotTaken) as caught:
                sock.opts.set("fragment_interleave", 2, strict=True)
            assert (caught.value.option, caught.value.wanted, caught.value.found) == ("fragment_interleave", 2, 1)


# -- addresses (RFC 5061)


def asconf_pair(backend):
    """Two associated sockets that may change their addresses."""
    return pair(backend, auth_supported=True, asconf_supported=True)


def test_peer_primary(backend, two_hosts):
    """The peer sends to the address of ours that we ask for (RFC 6458 section 8.3.1, RFC 5061)."""
    family = 6 if any(":" in host for host in two_hosts) else 4
    text = "/".join(f"[{host}]" if ":" in host else host for host in two_hosts)
    head, port = listener(backend, f"{text}:0", family, auth_supported=True, asconf_supported=True)
    with head, Socket(family, backend=backend) as client:
        client.settimeout(LIMIT)
        for name in ("auth_supported", "asconf_supported"):
            client.opts.set(name, True)
        client.bind(f"{text}:0")
        client.connect(f"{text}:{port}")
        server, _ = head.accept()
        with server:
            other = next(a for a in client.local_addresses() if a != server.status().primary.address)
            client.request_primary(other)
            wait_for(lambda: server.status().primary.address == other, "the primary path to change")


def test_peer_primary_needs_asconf(backend):
    """Without ASCONF asking for a primary address raises ExtensionOff (RFC 5061 section 4.2.4)."""
    with pair(backend, asconf_supported=False) as both, pytest.raises(ExtensionOff, match="asconf"):
        both.client.request_primary(both.client.local_addresses()[0])


def test_peer_primary_must_be_ours(backend):
    """An address that is not bound can't become the peer's primary one (RFC 6458 section 8.3.1)."""
    with asconf_pair(backend) as both, pytest.raises(AddressNotAvailable):
        both.client.request_primary("127.0.0.9:1")


def test_an_address_is_added_while_associated(backend, two_hosts, free_port):
    """An address that is added becomes a path that is used, and goes away again (RFC 5061 section 5.1)."""
    family = 6 if any(":" in host for host in two_hosts) else 4
    first, second = (f"[{host}]" if ":" in host else host for host in two_hosts)
    options = {"auth_supported": True, "asconf_supported": True, "rto_info": QUICK}
    head, port = listener(backend, f"{first}:0", family, **options)
    with head, Socket(family, backend=backend) as client:
        client.settimeout(LIMIT)
        for name, value in options.items():
            client.opts.set(name, value)
        head.subscribe(Event.PEER_ADDR_CHANGE)
        client.bind(f"{first}:{free_port}")
        client.connect(f"{first}:{port}")
        server, _ = head.accept(timeout=LIMIT)
        with server:
            server.settimeout(LIMIT)
            client.bind_add(two_hosts[1])
            added = Address(two_hosts[1], client.local_addresses()[0].port)
            wait_for(lambda: added in server.peer_addresses(), "the new address")
            states = []
            while PeerAddrState.CONFIRMED not in states:
                event = server.recv()
                states += [event.state] if event.address == added else []
            assert PeerAddrState.ADDED in states
            server.send(b"by the new path", to=added)
            assert client.recv().data == b"by the new path"
            client.bind_remove(two_hosts[1])
            wait_for(lambda: added not in server.peer_addresses(), "the address to go")
            server.send(b"by the old path")
            assert client.recv().data == b"by the old path"


def test_auto_asconf(backend):
    """AUTO_ASCONF can be on for a socket that is bound to every address (RFC 6458 section 8.1.23)."""
    with Socket(backend=backend) as sock:
        sock.opts.asconf_supported = False
        sock.opts.auth_supported = True
        sock.opts.asconf_supported = True
        sock.bind(":0")
        sock.opts.auto_asconf = True
        assert sock.opts.auto_asconf is True
        sock.opts.auto_asconf = False
        assert sock.opts.auto_asconf is False


# -- extensions that are negotiated


@pytest.mark.parametrize("name", ["auth_supported", "asconf_supported", "reconfig_supported"])
def test_extensions_at_first(backend, name):
    """Linux has AUTH, ASCONF and RE-CONFIG off until they are switched on; BSD has them on."""
    with Socket(backend=backend) as sock:
        assert sock.opts.get(name) is expected("extensions_on_at_first", backend)


@pytest.mark.parametrize("name", ["ecn_supported", "pr_supported", "reconfig_supported"])
@pytest.mark.parametrize("on", [True, False])
def test_extensions_are_negotiated(backend, name, on):
    """An extension is used if both ends have it on; the association tells what was agreed."""
    with pair(backend, **{name: on}) as both:
        assert both.client.opts.get(name) is on
        assert both.server.opts.get(name) is on


def test_accepted_sockets_keep_the_extensions(backend):
    """An accepted socket has the listener's extensions in force, to be used from its side too."""
    options = {"auth_supported": True, "asconf_supported": True, "reconfig_supported": True}
    with pair(backend, **options) as both:
        both.server.request_primary(both.server.local_addresses()[0])
        both.server.opts.enable_stream_reset = 1
        for name in options:
            assert both.server.opts.get(name) is True


def test_udp_encapsulation_port(backend):
    """The remote UDP port reads back for the socket and for a path (RFC 6951 section 6.1)."""
    with Socket(backend=backend) as sock:
        sock.opts.udp_encaps_port = UdpEncaps(None, 9900)
        assert sock.opts.udp_encaps_port == UdpEncaps(None, 9900)
    with pair(backend) as both:
        path = both.client.opts.of(0, both.client.peer_addresses()[0])
        before = path.udp_encaps_port
        path.udp_encaps_port = before
        assert path.udp_encaps_port == before
        assert before.address == both.client.peer_addresses()[0]
        both.client.send(b"x")
        assert both.server.recv(timeout=LIMIT).data == b"x"


def test_reuse_address(backend):
    """SO_REUSEADDR is switched on and off on a kernel; usrsctp has no such option."""
    with Socket(backend=backend) as sock:
        if expected("descriptor_is_the_socket", backend):
            for value in (True, False):
                sock.opts.set("reuse_address", value, strict=True)
        else:
            with pytest.raises(UnsupportedOption, match="SO_REUSEADDR"):
                sock.opts.reuse_address = True


def test_potentially_failed_paths(backend):
    """Whether the potentially failed state is shown is chosen; a good path is active (RFC 7829 section 7.1)."""
    with pair(backend) as both:
        if not expected("primary_switchover", backend):
            assert both.client.paths()[0].state is PathState.ACTIVE
            return
        both.client.opts.expose_potentially_failed = PfExposure.ENABLED
        assert both.client.opts.expose_potentially_failed is PfExposure.ENABLED
        assert both.client.paths()[0].state is PathState.ACTIVE


# -- BSD's own


def test_multipath(linked, backend):
    """Concurrent multipath transfer is off, and only BSD has it at all."""
    if expected("bsd_options", backend):
        assert linked.client.opts.cmt == 0
    else:
        with pytest.raises(UnsupportedOption):
            linked.client.opts.get("cmt")


@pytest.mark.parametrize("name", ["nrsack_supported", "pktdrop_supported"])
def test_bsd_extensions(backend, name):
    """NR-SACK and PKTDROP can be switched on BSD, and are refused by name on Linux."""
    with Socket(backend=backend) as sock:
        if expected("bsd_options", backend):
            assert sock.opts.get(name) is False
            sock.opts.set(name, True, strict=True)
        else:
            with pytest.raises(UnsupportedOption, match=name.upper()):
                sock.opts.get(name)
    if expected("bsd_options", backend):
        with pair(backend, **{name: True}) as both:
            both.client.send(b"x")
            assert both.server.recv(timeout=LIMIT).data == b"x"


@pytest.mark.parametrize("module", list(CcModule), ids=str)
def test_congestion_control(backend, module):
    """BSD's congestion control can be chosen, and messages flow under each."""
    with pair(backend) as both:
        if not expected("bsd_options", backend):
            with pytest.raises(UnsupportedOption):
                both.client.opts.cc_module = module
            return
        both.client.opts.set("cc_module", module, strict=True)
        both.client.send(bytes(50_000))
        assert len(both.server.recv(timeout=LIMIT).data) == 50_000


def test_max_cwnd(backend):
    """BSD limits the congestion window of an association when told to."""
    with pair(backend) as both:
        if not expected("bsd_options", backend):
            with pytest.raises(UnsupportedOption):
                both.client.opts.max_cwnd_bytes = 10_000
            return
        both.client.opts.set("max_cwnd_bytes", 40_000, strict=True)  # more than the MTU of loopback
        for _ in range(10):
            both.client.send(bytes(100_000))
            assert len(both.server.recv(timeout=LIMIT).data) == 100_000
        assert both.client.paths()[0].cwnd_bytes <= 40_000


def test_cc_options(linked, backend):
    """Options of a congestion control are refused by a module that has none (BSD)."""
    options = linked.client.opts.of(option=0x2000)
    with pytest.raises(OptionRefused if expected("bsd_options", backend) else UnsupportedOption):
        options.get("cc_option")


def test_zero_checksum(backend):
    """A zero checksum is accepted by FreeBSD 14 and later only (RFC 9653 section 7.1)."""
    with Socket(backend=backend) as sock:
        assert sock.opts.supports("nodelay")
        if not sock.opts.supports("accept_zero_checksum"):
            with pytest.raises(UnsupportedOption, match="RFC 9653"):
                sock.opts.accept_zero_checksum = ErrorDetection.LOWER_LAYER_DTLS
