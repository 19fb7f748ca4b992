"""sctpffi.compat.pysctp: options, notifications, UDP-style sockets and misuse, over sockets that sctpffi set up.

The compat sockets are made around them by `sk=`. Programs and messages are in test_compat_pysctp.py.
"""

from __future__ import annotations

import socket
import struct
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

import sctpffi.compat.pysctp as sctp
from sctpffi import Event, Socket, Style, errors
from sctpffi.testing import LIMIT, many_pair, pair

INET = socket.AF_INET
SWITCHES = ["association", "address", "send_failure", "peer_error", "shutdown", "partial_delivery", "adaptation_layer"]
ALIASES = [
    ("dataio", "data_io"),
    ("sndrcvinfo", "data_io"),
    ("sendfailure", "send_failure"),
    ("peererror", "peer_error"),
]
ALIASES += [("partialdelivery", "partial_delivery"), ("adaptationlayer", "adaptation_layer")]


@pytest.fixture
def tcp(linked):
    """A connected pair of TCP-style sockets, around those of `linked`."""
    found = [sctp.sctpsocket_tcp(INET, sk) for sk in (linked.client, linked.server)]
    for sock in found:
        sock.events.data_io = 1
    return SimpleNamespace(client=found[0], server=found[1])


@pytest.fixture
def udp(backend):
    """Two UDP-style sockets with an association, and its id at the server."""
    server, client, first = many_pair(backend)
    with server, client:
        found = [sctp.sctpsocket_udp(INET, sk) for sk in (server, client)]
        for sock in found:
            sock.events.data_io = 1
        yield SimpleNamespace(server=found[0], client=found[1], assoc_id=first.assoc_id)


@pytest.fixture(params=["tcp", "udp"])
def alone(backend, request):
    """A socket of either style that nothing was done to."""
    kind = sctp.sctpsocket_tcp if request.param == "tcp" else sctp.sctpsocket_udp
    with kind(INET, backend=backend) as sock:
        sock.settimeout(LIMIT)
        yield sock


def note(sock, kind):
    """The next notification of a class; others and messages are passed over."""
    while True:
        _, flags, message, found = sock.sctp_recv(100_000)
        assert message != b"", "the association ended before"
        if isinstance(found, kind):
            assert flags == sctp.FLAG_NOTIFICATION | sctp.FLAG_EOR
            assert message is None
            return found


# -- options


@pytest.mark.parametrize(
    ("name", "value"),
    [("nodelay", True), ("adaptation", 46), ("disable_fragments", True), ("maxseg", 800), ("mappedv4", False)],
)
def test_options(alone, name, value):
    """An option can be set and read as a property and by its methods (RFC 6458 section 8.1)."""
    before = getattr(alone, f"get_{name}")()
    assert getattr(alone, name) == before != value
    setattr(alone, name, value)
    assert getattr(alone, name) == getattr(alone, f"get_{name}")() == value
    assert type(getattr(alone, name)) is type(value)
    getattr(alone, f"set_{name}")(before)
    assert getattr(alone, name) == before


@pytest.mark.parametrize("which", ["sndbuf", "rcvbuf"])
def test_buffers_read_back(alone, which):
    """Buffers read back as they were set, on stacks that double the number and on others (RFC 6458 8.1.6, 8.1.7)."""
    getattr(alone, f"set_{which}")(50_000)
    assert getattr(alone, f"get_{which}")() == 50_000


def test_autoclose(udp, backend):
    """autoclose is for UDP-style sockets, and ends what is idle (RFC 6458 section 8.1.8)."""
    assert udp.server.autoclose == 0
    udp.server.set_autoclose(1)
    assert udp.server.get_autoclose() == udp.server.autoclose == 1
    with sctp.sctpsocket_tcp(INET, backend=backend) as sock:
        for call in (sock.get_autoclose, lambda: sock.set_autoclose(1), lambda: sock.autoclose):
            with pytest.raises(errors.WrongStyle):
                call()


def test_parameters_of_init(alone):
    """initparams are read from the socket, and one that is set goes to it at once, unless autoflush is off."""
    params = alone.initparams
    assert (params.num_ostreams, params.max_attempts) == (10, 8)
    params.num_ostreams = 4
    params.set_max_init_timeo(3000)
    found = alone.sock().opts.init_params
    assert (found.out_streams, found.timeout_ms) == (params.get_num_ostreams(), params.max_init_timeo) == (4, 3000)
    params.autoflush = False
    params.max_attempts, params.max_instreams = 3, 7
    assert alone.sock().opts.init_params == found
    params.flush()
    found = alone.sock().opts.init_params
    assert (found.attempts, found.in_streams) == (3, 7)
    assert vars(params.initmsg()) == {
        "num_ostreams": 4, "max_instreams": 7, "max_attempts": 3, "max_init_timeo": 3000,
    }  # fmt: skip


def test_switches_of_notifications(alone):
    """Each switch is of one notification; all are off at first, and `clear` leaves messages (RFC 6458 6.2.1)."""
    events = alone.events
    assert not any(getattr(events, name) for name in [*SWITCHES, "data_io"])
    for name in SWITCHES:
        setattr(events, name, 1)
        assert getattr(events, f"get_{name}")() == 1
    assert alone.sock().subscribed(Event.SEND_FAILED)
    assert not alone.sock().subscribed(Event.SENDER_DRY_EVENT)
    again = sctp.event_subscribe(alone)
    assert all(getattr(again, name) for name in SWITCHES)
    events.clear()
    assert [getattr(events, name) for name in SWITCHES] == [0] * len(SWITCHES)
    assert events.data_io == 1
    assert not any(alone.sock().subscribed(event) for event in (Event.ASSOC_CHANGE, Event.REMOTE_ERROR))
    events.autoflush = False
    events.association = 1
    assert not alone.sock().subscribed(Event.ASSOC_CHANGE)
    events.flush()
    assert alone.sock().subscribed(Event.ASSOC_CHANGE)


@pytest.mark.parametrize(("alias", "name"), ALIASES)
def test_other_names_of_switches(alone, alias, name):
    """Some switches have two names."""
    setattr(alone.events, alias, 1)
    assert getattr(alone.events, name) == 1


def test_state_of_an_association(tcp, udp):
    """get_status tells state, streams, windows and the primary path (RFC 6458 section 8.2.1)."""
    for sock, number in ((tcp.client, 0), (udp.server, udp.assoc_id)):
        found = sock.get_status(number)
        assert (found.assoc_id, found.state) == (number, sctp.status.state_ESTABLISHED)
        assert (found.instrms, found.outstrms) == (10, 10)
        assert found.rwnd > 0
        assert found.fragmentation_point > 0
        assert found.primary.sockaddr in sock.getpaddrs(number)
        assert found.primary.assoc_id == number or number == 0
        path = sock.get_paddrinfo(number, found.primary.sockaddr)
        assert (path.assoc_id, path.sockaddr) == (number, found.primary.sockaddr)
        assert path.rto > 0 < path.mtu
        assert path.cwnd > 0


def test_retransmission_time_outs(tcp, udp, alone):
    """rtoinfo is read, changed and set, of an association and of those to come (RFC 6458 section 8.1.1)."""
    for sock, number in ((tcp.client, 0), (udp.server, udp.assoc_id), (udp.server, 0), (alone, 0)):
        found = sock.get_rtoinfo(number)
        assert found.assoc_id == number
        assert found.min <= found.initial <= found.max
        found.max = 45_000
        sock.set_rtoinfo(found)
        assert vars(sock.get_rtoinfo(number)) == vars(found)


def test_limits_of_an_association(tcp, udp, alone):
    """Of assocparams retransmissions and cookie life can be set, the rest is told (RFC 6458 section 8.1.2)."""
    for sock, number in ((tcp.client, 0), (udp.server, udp.assoc_id), (alone, 0)):
        found = sock.get_assocparams(number)
        assert found.assocmaxrxt == 10
        assert sock is alone or found.number_peer_destinations == 1
        found.assocmaxrxt, found.cookie_life = 6, 30_000
        sock.set_assocparams(found)
        after = sock.get_assocparams(number)
        assert (after.assocmaxrxt, after.cookie_life) == (6, 30_000)


def test_watching_paths(tcp, udp):
    """paddrparams that were read, changed and set again change that and no more (RFC 6458 section 8.1.12)."""
    kind = sctp.paddrparams
    for sock, number in ((tcp.client, 0), (udp.server, udp.assoc_id)):
        address = sock.getpaddrs(number)[0]
        before = sock.get_paddrparams(number, address)
        assert before.flags & kind.flags_HB_ENABLED
        assert before.flags & kind.flags_PMTUD_ENABLED
        assert before.flags & kind.flags_SACKDELAY_ENABLED
        assert before.sackdelay == 200
        before.hbinterval, before.pathmaxrxt = 7000, 3
        sock.set_paddrparams(before)
        after = sock.get_paddrparams(number, address)
        assert vars(after) == vars(before)
        after.flags = kind.flags_HB_DISABLED | kind.flags_SACKDELAY_DISABLED
        sock.set_paddrparams(after)
        found = sock.get_paddrparams(number, address).flags
        assert found & kind.flags_HB_DISABLED
        assert found & kind.flags_SACKDELAY_DISABLED
        assert found & kind.flags_PMTUD_ENABLED


def test_all_paths(backend):
    """("", 0) is the paths to come of a client (RFC 6458 section 8.1.12)."""
    with sctp.sctpsocket_tcp(INET, backend=backend) as sock:
        found = sock.get_paddrparams(0, ("", 0))
        found.hbinterval, found.sackdelay = 9000, 100
        sock.set_paddrparams(found)
        assert vars(sock.get_paddrparams(0, ("", 0))) == vars(found)


def test_which_association(tcp, udp):
    """A TCP-style socket takes id 0 alone, a UDP-style one no 0 where one association is meant."""
    address = tcp.client.getpaddrs()[0]
    calls = ["get_status", "get_paddrinfo", "get_paddrparams", "set_primary", "set_peer_primary"]
    for name in calls:
        arguments = [] if name == "get_status" else [address]
        with pytest.raises(ValueError, match="TCP-style"):
            getattr(tcp.client, name)(5, *arguments)
        if name != "set_peer_primary":
            with pytest.raises(ValueError, match="UDP-style"):
                getattr(udp.server, name)(0, *arguments)
    with pytest.raises(errors.NoSuchAssociation):
        udp.server.get_status(udp.assoc_id + 999)


def test_peer_primary(backend, two_hosts):
    """set_peer_primary asks the peer to use an address of ours; without ASCONF it is ExtensionOff (RFC 6458 8.3.1)."""
    with ExitStack() as stack:
        both = stack.enter_context(pair(backend, auth_supported=True, asconf_supported=True))
        sock = sctp.sctpsocket_tcp(INET, both.client)
        sock.set_peer_primary(0, sock.getladdrs()[0])
        with pytest.raises(errors.AddressNotAvailable):
            sock.set_peer_primary(0, ("192.0.2.1", sock.getladdrs()[0][1]))
        both = stack.enter_context(pair(backend, asconf_supported=False))
        sock = sctp.sctpsocket_tcp(INET, both.client)
        with pytest.raises(errors.ExtensionOff):
            sock.set_peer_primary(0, sock.getladdrs()[0])


def test_options_by_number(backend):
    """getsockopt and setsockopt take the stack's own numbers; SO_REUSEADDR and SO_ERROR are the same everywhere."""
    with sctp.sctpsocket_tcp(INET, backend=backend) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) in (0, 1)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 5))
        on, seconds = struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
        assert (on != 0, seconds) == (True, 5)
        assert (sock.opts.linger.on, sock.opts.linger.seconds) == (True, 5)
        with pytest.raises(errors.UnsupportedOption, match="settimeout"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 0))
        for value in (b"", 2**31):
            with pytest.raises(ValueError, match="value"):
                sock.setsockopt(sctp.SOL_SCTP, 1, value)
        with pytest.raises(TypeError, match="value"):
            sock.setsockopt(sctp.SOL_SCTP, 1, "1")


# -- notifications


def test_an_association_comes_and_goes(tcp):
    """COMM_UP tells the streams; SHUTDOWN and the end follow when the peer closes (RFC 6458 6.1.1, 6.1.5)."""
    tcp.server.events.association = tcp.server.events.shutdown = 1
    number = tcp.server.sock().status().assoc_id
    address = tcp.client.getsockname()
    tcp.client.close()
    first = tcp.server.sctp_recv(100)
    assert first[0] == address
    assert isinstance(first[3], sctp.shutdown_event)
    assert (first[3].type, first[3].assoc_id) == (sctp.notification.type_SHUTDOWN_EVENT, number)
    second = note(tcp.server, sctp.assoc_change)
    assert (second.type, second.state) == (sctp.notification.type_ASSOC_CHANGE, sctp.assoc_change.state_SHUTDOWN_COMP)
    assert (second.assoc_id, second.error) == (number, 0)
    assert tcp.server.sctp_recv(100)[:3] == (None, 0, b"")


def test_an_abort_tells_its_cause(udp):
    """COMM_LOST has the cause of the peer's ABORT for its error (RFC 6458 section 6.1.1; RFC 9260 3.3.10.12)."""
    udp.server.events.association = 1
    udp.client.sctp_send(b"why", to=udp.server.getsockname(), flags=sctp.MSG_ABORT)
    found = note(udp.server, sctp.assoc_change)
    assert (found.state, found.error, found.assoc_id) == (sctp.assoc_change.state_COMM_LOST, 12, udp.assoc_id)


def test_an_adaptation_is_heard(backend):
    """The adaptation that was set before the association comes as adaptation_event (RFC 6458 section 6.1.6)."""
    with pair(backend, [Event.ADAPTATION_INDICATION], adaptation_layer=0xCAFE) as both:
        sock = sctp.sctpsocket_tcp(INET, both.server)
        assert sock.events.adaptation_layer == 1
        assert note(sock, sctp.adaptation_event).adaptation_ind == 0xCAFE


def test_messages_that_failed(backend):
    """send_failed has the message, as text and as bytes, and how it was sent (RFC 6458 section 6.1.4)."""
    with pair(backend, receive_buffer_bytes=5000, nodelay=True) as both:
        both.client.opts.receive_buffer_bytes = 100_000  # BSD drops notifications for which there is no room
        sock = sctp.sctpsocket_tcp(INET, both.client)
        sock.events.send_failure = 1
        text = bytes([0xFF, 0]) + b"!" * 998
        for number in range(12):
            sock.sctp_send(text, stream=2, ppid=46, context=number)
        both.server.abort()
        found = note(sock, sctp.send_failed)
        while found.info.context != 11:
            found = note(sock, sctp.send_failed)
    assert found.type == sctp.notification.type_SEND_FAILED
    assert found.flags in (sctp.send_failed.flag_DATA_SENT, sctp.send_failed.flag_DATA_UNSENT)
    assert found.data_bytes == text
    assert found.data.encode("utf-8", "surrogateescape") == text
    assert (found.info.stream, found.info.ppid) == (2, socket.htonl(46))


def test_a_notification_that_pysctp_does_not_know(tcp):
    """Of an unknown type, a plain `notification` and a warning come, or an error if that is wanted."""
    tcp.client.subscribe(Event.SENDER_DRY_EVENT)  # by the socket underneath
    tcp.client.sctp_send(b"x")
    with pytest.warns(RuntimeWarning, match="does not know"):
        found = tcp.client.sctp_recv(100)
    assert found[1] == sctp.FLAG_NOTIFICATION | sctp.FLAG_EOR
    assert type(found[3]) is sctp.notification
    assert found[3].type == Event.SENDER_DRY_EVENT
    tcp.client.unexpected_event_raises_exception = True
    tcp.client.sctp_send(b"x")
    with pytest.raises(OSError, match="does not know"):
        tcp.client.sctp_recv(100)


# -- UDP-style sockets


def test_associations_by_sending(backend):
    """Sending sets an association up; the receiver hears of it, with id and address (RFC 6458 section 3.1.4)."""
    with sctp.sctpsocket_udp(INET, backend=backend) as server, sctp.sctpsocket_udp(INET, backend=backend) as client:
        for sock in (server, client):
            sock.settimeout(LIMIT)
            sock.bind(("127.0.0.1", 0))
        server.listen(5)
        server.events.clear()
        server.events.association = 1
        assert client.sctp_send(b"hi", to=server.getsockname(), ppid=7) == 2
        address, flags, message, up = server.sctp_recv(100)
        assert (address, message) == (client.getsockname(), None)
        assert flags & sctp.FLAG_NOTIFICATION
        assert (up.state, up.outbound_streams, up.inbound_streams) == (sctp.assoc_change.state_COMM_UP, 10, 10)
        address, flags, message, details = server.sctp_recv(100)
        assert (address, flags, message) == (client.getsockname(), sctp.FLAG_EOR, b"hi")
        assert details.assoc_id == up.assoc_id
        assert server.getpaddrs(up.assoc_id) == (client.getsockname(),)
        assert server.getladdrs() == server.getladdrs(up.assoc_id) == (server.getsockname(),)
        server.sctp_send(b"ho", to=address)
        assert client.recvfrom(100) == (b"ho", server.getsockname())
        assert client.sctp_send(b"", to=server.getsockname(), flags=sctp.MSG_EOF) == 0
        assert note(server, sctp.assoc_change).state == sctp.assoc_change.state_SHUTDOWN_COMP
        with pytest.raises(errors.NoSuchAssociation):
            server.getpaddrs(up.assoc_id)


def test_connect_of_udp_style(udp, backend):
    """connectx sets an association up and tells its id; it does not wait until it is up (RFC 6458 section 9.9)."""
    told = {}
    with sctp.sctpsocket_udp(INET, backend=backend) as sock:
        sock.settimeout(LIMIT)
        sock.events.association = 1
        sock.bind(("127.0.0.1", 0))
        sock.connectx([udp.server.getsockname()], told)
        up = note(sock, sctp.assoc_change)
        assert (up.state, up.assoc_id) == (sctp.assoc_change.state_COMM_UP, told["assoc_id"])
        assert sock.get_status(told["assoc_id"]).state == sctp.status.state_ESTABLISHED


def test_peeled_off(udp):
    """peeloff gives a TCP-style socket with the association's switches and what is queued (RFC 6458 section 9.2)."""
    udp.server.events.association = 1
    udp.server.mappedv4 = False
    udp.server.ppid_in_host_order = True
    own = udp.server.peeloff(udp.assoc_id)
    with own:
        own.settimeout(LIMIT)
        assert type(own) is sctp.sctpsocket_tcp
        assert own.sock().style is Style.PEELED
        assert (own.events.data_io, own.events.association, own.events.shutdown) == (1, 1, 0)
        assert (own.mappedv4, own.ppid_in_host_order) == (False, True)
        assert own.getpaddrs() == (udp.client.getsockname(),)
        own.sctp_send(b"only you", ppid=46)
        assert udp.client.sctp_recv(100)[2] == b"only you"
        udp.client.sctp_send(b"to you", to=own.getsockname(), ppid=60)
        found = own.sctp_recv(100)
        assert (found[2], found[3].ppid) == (b"to you", 60)
        with pytest.raises(errors.WrongStyle):
            own.peeloff(udp.assoc_id)
    with pytest.raises(errors.NoSuchAssociation):
        udp.server.peeloff(udp.assoc_id + 999)


def test_what_udp_style_has_not(udp):
    """accept, shutdown and sending to nobody are errors of the operating system's kind."""
    for call in (udp.server.accept, lambda: udp.server.shutdown(socket.SHUT_WR)):
        with pytest.raises(OSError) as caught:
            call()
        assert isinstance(caught.value, errors.WrongStyle)
    for call in (lambda: udp.server.sctp_send(b"x"), lambda: udp.server.send(b"x")):
        with pytest.raises(BrokenPipeError):
            call()


# -- ending by flags, and misuse


def test_ending_by_flags(tcp, backend):
    """MSG_EOF without data is shutdown, MSG_ABORT is abort, on TCP-style sockets too (RFC 6458 section 5.3.2)."""
    with pytest.raises(ValueError, match="msg"):
        tcp.client.sctp_send(b"data", flags=sctp.MSG_EOF)
    assert tcp.client.sctp_send(b"", flags=sctp.MSG_FIN) == 0
    assert tcp.server.sctp_recv(100)[2] == b""
    with pair(backend) as both:
        client, server = (sctp.sctpsocket_tcp(INET, sk) for sk in (both.client, both.server))
        assert client.sctp_send(b"why", flags=sctp.MSG_ABORT) == 3
        with pytest.raises(ConnectionResetError):
            server.sctp_recv(100)


def test_closed(backend):
    """Everything on a closed socket is EBADF, and fileno is -1; closing again does nothing."""
    sock = sctp.sctpsocket_tcp(INET, backend=backend)
    sock.close()
    sock.close()
    calls = [
        lambda: sock.sctp_recv(10), lambda: sock.sctp_send(b"x"), lambda: sock.recv(10), lambda: sock.send(b"x"),
        sock.accept, sock.getladdrs, sock.getpaddrs, sock.getsockname, sock.get_status, lambda: sock.nodelay,
        lambda: sock.bind(("127.0.0.1", 0)), lambda: sock.connect(("127.0.0.1", 9)), sock.listen, sock.events.flush,
        sock.initparams.flush, lambda: sock.shutdown(socket.SHUT_WR), lambda: sock.settimeout(1),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(errors.ClosedError):
            call()
    assert sock.fileno() == -1


WRONG_TYPES = [
    lambda sock: sock.sctp_send(5),
    lambda sock: sock.sctp_send(b"x", to=5),
    lambda sock: sock.sctp_send(b"x", to=(1, 2)),
    lambda sock: sock.sctp_send(b"x", ppid="46"),
    lambda sock: sock.sctp_send(b"x", flags="1"),
    lambda sock: sock.sctp_send(b"x", timetolive=0.5),
    lambda sock: sock.sctp_recv("10"),
    lambda sock: sock.bindx([5]),
    lambda sock: sock.connectx([("127.0.0.1", "9")]),
    lambda sock: sock.getpaddrs("1"),
    lambda sock: sock.get_rtoinfo("1"),
    lambda sock: setattr(sock, "nodelay", "yes"),
    lambda sock: setattr(sock.events, "association", "yes"),
    lambda sock: setattr(sock.initparams, "num_ostreams", 1.5),
    lambda sock: sock.set_sndbuf(None),
    lambda sock: sock.sendto(b"x"),
]
WRONG_VALUES = [
    lambda sock: sock.sctp_send(b""),
    lambda sock: sock.sctp_send(b"x", to=("nonsense", 1)),
    lambda sock: sock.sctp_send(b"x", ppid=2**32),
    lambda sock: sock.sctp_send(b"x", flags=0x4000),
    lambda sock: sock.sctp_send(b"x", timetolive=-1),
    lambda sock: sock.sctp_send(b"x", stream=65536),
    lambda sock: sock.sctp_recv(0),
    lambda sock: sock.sctp_recv(-1),
    lambda sock: sock.bindx([]),
    lambda sock: sock.bindx(5),
    lambda sock: sock.bindx([("nonsense", 1)]),
    lambda sock: sock.bindx([("127.0.0.1", 0)], 3),
    lambda sock: sock.connectx([("127.0.0.1", 9), ("127.0.0.2", 10)]),
    lambda sock: sock.set_primary(0, ("", 0)),
    lambda sock: setattr(sock, "ttl", 256),
    lambda sock: setattr(sock, "ttl", "1"),
    lambda sock: setattr(sock, "streamid", -1),
    lambda sock: setattr(sock.initparams, "num_ostreams", 65536),
    lambda sock: sock.bind(("127.0.0.1", 70000)),
]


@pytest.mark.parametrize("number", range(len(WRONG_TYPES)))
def test_wrong_types(tcp, number):
    """An argument of a wrong type is a TypeError by name, and nothing is changed."""
    with pytest.raises(errors.ArgumentTypeError):
        WRONG_TYPES[number](tcp.client)
    assert (tcp.client.nodelay, tcp.client.events.association, tcp.client.initparams.num_ostreams) == (False, 0, 10)


@pytest.mark.parametrize("number", range(len(WRONG_VALUES)))
def test_wrong_values(tcp, number):
    """An argument with an impossible value is a ValueError by name, and nothing is changed."""
    with pytest.raises(errors.ArgumentError):
        WRONG_VALUES[number](tcp.client)
    assert (tcp.client.ttl, tcp.client.streamid, tcp.client.initparams.num_ostreams) == (0, 0, 10)


def test_sockets_of_others(linked, backend):
    """`sk=` takes a sctpffi.Socket of the right style, family and backend, and says what to do with another."""
    with socket.socket() as theirs, pytest.raises(TypeError, match=r"Socket\(fileno=sk.detach\(\)\)"):
        sctp.sctpsocket_tcp(INET, theirs)
    with pytest.raises(TypeError, match="sk: an sctpffi.Socket, not int"):
        sctp.sctpsocket_tcp(INET, sk=5)
    with pytest.raises(ValueError, match="style"):
        sctp.sctpsocket_udp(INET, linked.client)
    with pytest.raises(ValueError, match="family"):
        sctp.sctpsocket_tcp(socket.AF_INET6, linked.client)
    with pytest.raises(ValueError, match="backend"):
        sctp.sctpsocket_tcp(INET, linked.client, backend="another")
    with pytest.raises(ValueError, match="style"):
        sctp.sctpsocket(INET, 99, None, backend=backend)
    with sctp.sctpsocket(INET, sctp.TCP_STYLE, linked.client) as sock:
        assert sock.sock() is linked.client


def test_what_it_is_made_of(alone, backend):
    """By default the backend is chosen as for `sctpffi.Socket`; `features` tells what it can do."""
    assert isinstance(alone.sock(), Socket)
    assert alone.sock().backend == backend
    found = sctp.features(backend)
    assert found & sctp.HAVE_SCTP
    assert found & sctp.HAVE_SCTP_PRSCTP
    assert not found & sctp.HAVE_SCTP_SAT_NETWORK_CAPABILITY
    with pytest.raises(errors.BackendUnavailable):
        sctp.sctpsocket_tcp(INET, backend="nonesuch")


def test_default_time_out(backend, monkeypatch):
    """socket.setdefaulttimeout holds for new and accepted sockets, as it does for pysctp's."""
    monkeypatch.setattr(socket, "getdefaulttimeout", lambda: LIMIT)
    with sctp.sctpsocket_tcp(INET, backend=backend) as head, sctp.sctpsocket_tcp(INET, backend=backend) as client:
        head.bind(("127.0.0.1", 0))
        head.listen(1)
        client.connect(head.getsockname())
        with head.accept()[0] as server:
            assert head.gettimeout() == client.gettimeout() == server.gettimeout() == LIMIT


def test_messages_are_recorded(tcp, tmp_path):
    """`datalogging`, of a call or of the socket, writes each message to a file of its own."""
    prefix = str(tmp_path / "log")
    tcp.client.sctp_send(b"one", record_file_prefix=prefix, datalogging=True)
    tcp.client.datalogging = True
    tcp.client.sctp_send("two", record_file_prefix=prefix)
    tcp.client.datalogging = False
    tcp.client.sctp_send(b"three", record_file_prefix=prefix)
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"one", b"two"]
    assert all(path.name.startswith("log-") and "-c2s." in path.name for path in tmp_path.iterdir())


def test_what_is_not_there_is_the_sockets(tcp, backend):
    """Other names are those of the sctpffi.Socket underneath, which `sock()` gives; unknown ones are no attribute."""
    sock = tcp.client
    assert sock.opts.nodelay is False
    assert sock.backend == backend
    assert sock.sock().getsockname() == sock.getsockname()
    assert (sock.family, sock.type, sock.proto) == (INET, socket.SOCK_STREAM, sctp.IPPROTO_SCTP)
    assert sock.fileno() == sock.sock().fileno()
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sock.no_such_name
    with tcp.client as same:
        assert same is sock
    assert sock.fileno() == -1
    sock.close()
