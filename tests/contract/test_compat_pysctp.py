"""sctpffi.compat.pysctp: programs written for pysctp 0.7.3 do the same over sctpffi, on every backend.

What pysctp's own tests verify, programs as its README shows them, and what was observed of pysctp on Linux. The
conversions that no stack can be made to show are in tests/unit/test_compat_pysctp.py.
"""

from __future__ import annotations

import errno
import select
import socket
import textwrap
import threading
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

import sctpffi.compat.pysctp as sctp
from sctpffi import Ppid, errors
from sctpffi.testing import LIMIT, Worker, delivered

HOST = "127.0.0.1"
FREE = (HOST, 0)


class Bench:
    """Opens compat sockets; all are closed at the end of the test."""

    def __init__(self, stack, backend):
        self.stack, self.backend = stack, backend

    def keep(self, sock):
        """Have a socket closed at the end; it waits `LIMIT` at most."""
        self.stack.callback(lambda: sock.close())
        sock.settimeout(LIMIT)
        return sock

    def tcp(self, family=socket.AF_INET, **events):
        """A TCP-style socket that fills in `sndrcvinfo`, with these events switched on."""
        return self.prepared(sctp.sctpsocket_tcp(family, backend=self.backend), events)

    def prepared(self, sock, events):
        """A socket with data_io and these events switched on."""
        self.keep(sock)
        sock.events.data_io = 1
        for name, value in events.items():
            setattr(sock.events, name, value)
        return sock

    def pair(self, family=socket.AF_INET, host=HOST, **events):
        """A listener, a client and what the listener accepted."""
        head, client = self.tcp(family, **events), self.tcp(family, **events)
        for sock in (head, client):
            sock.bind((host, 0))
        head.listen(5)
        client.connect(head.getsockname())
        server, peer = head.accept()
        return SimpleNamespace(head=head, client=client, server=self.keep(server), peer=peer)


@pytest.fixture
def bench(backend):
    """See `Bench`."""
    with ExitStack() as stack:
        yield Bench(stack, backend)


@pytest.fixture
def both(bench):
    """A connected pair, see `Bench.pair`."""
    return bench.pair()


# -- what pysctp's own tests verify


def test_loopback_of_its_own_suite(bench):
    """A bound client with 3 streams each way and messages only sends one; what is accepted gets it whole."""
    assert sctp.IPPROTO_SCTP == 132
    server = bench.keep(sctp.sctpsocket_tcp(socket.AF_INET, backend=bench.backend))
    server.bind(FREE)
    server.listen(5)
    client = bench.keep(sctp.sctpsocket_tcp(socket.AF_INET, backend=bench.backend))
    client.initparams.max_instreams = 3
    client.initparams.num_ostreams = 3
    client.events.clear()
    client.events.data_io = 1
    client.bind(FREE)
    client.connect(server.getsockname())
    text = b"ABCDEF: it worked\n\\l"
    assert client.sctp_send(text) == len(text)
    accepted, address = server.accept()
    bench.keep(accepted)
    assert isinstance(accepted, sctp.sctpsocket_tcp)
    assert address == client.getsockname()
    assert accepted.sctp_recv(2048)[:3] == (address, sctp.FLAG_EOR, text)
    assert (client.get_status().instrms, client.get_status().outstrms) == (3, 3)


def test_messages_only(both):
    """After `events.clear()` nothing but messages comes, each with FLAG_EOR; then the end (RFC 6458 section 6.2)."""
    both.client.events.clear()
    for number in range(3):
        both.server.sctp_send(b"%d" % number)
    assert [both.client.sctp_recv(1000)[1:3] for _ in range(3)] == [(sctp.FLAG_EOR, b"%d" % n) for n in range(3)]
    both.server.close()
    for _ in range(2):
        address, flags, message, details = both.client.sctp_recv(1000)
        assert (address, flags, message) == (None, 0, b"")
        assert vars(details) == vars(sctp.sndrcvinfo())


# -- programs with nothing but their import changed

README = """
    import socket
    import {module} as sctp

    sk = sctp.sctpsocket_tcp(socket.AF_INET)
    sk.connect(("127.0.0.1", PORT))
    sk.sctp_send(b"from the README")
    ANSWERS.append(sk.recv(100))
    sk.close()
"""
SERVER = """
    from {module} import *

    listener = sctpsocket_tcp(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.initparams.max_instreams = 5
    listener.initparams.num_ostreams = 5
    listener.events.clear()
    listener.bind(("", PORT))
    listener.listen(5)
    READY()
    clients, done = [], 0
    while done < 2:
        readable, _, _ = select.select([listener] + clients, [], [], LIMIT)
        for sk in readable:
            if sk is listener:
                connection, (host, port) = listener.accept()
                print("connected:", host)
                clients.append(connection)
                continue
            fromaddr, flags, msg, notif = sk.sctp_recv(2000)
            if flags & FLAG_NOTIFICATION:
                raise Exception("not subscribed")
            if not msg:
                sk.close()
                clients.remove(sk)
                done += 1
                continue
            sk.sctp_send(msg.upper(), stream=notif.stream, ppid=ntohl(notif.ppid))
    listener.close()
"""
CLIENT = """
    import socket, sys, time
    import {module} as sctp

    sk = sctp.sctpsocket_tcp(socket.AF_INET)
    sk.events.clear()
    while True:
        try:
            sk.connect(("127.0.0.1", PORT))
            break
        except socket.error as exc:
            REFUSED()
    sk.nodelay = True
    for stream in range(3):
        sk.sctp_send("hello on %d" % stream, ppid=60, stream=stream)
        fromaddr, flags, msg, notif = sk.sctp_recv(2048)
        assert socket.ntohl(notif.ppid) == 60 and notif.stream == stream
        ANSWERS.append(msg)
    sk.close()
"""


def run(program, **names):
    """Run a program that was written for pysctp, over the module under test; its names."""
    names = {"LIMIT": LIMIT, "select": select, **names}
    exec(textwrap.dedent(program).format(module="sctpffi.compat.pysctp"), names)  # noqa: S102  # it is above
    return names


def test_the_program_of_its_readme(bench, backend, monkeypatch):
    """Connect, use the socket as any other, close: the program of pysctp's README, with the default backend."""
    monkeypatch.setenv("SCTPFFI_BACKEND", backend)
    head = bench.tcp()
    head.bind(FREE)
    head.listen(1)
    answers = []
    program = Worker(lambda: run(README, PORT=head.getsockname()[1], ANSWERS=answers))
    server = bench.keep(head.accept()[0])
    assert server.recv(100) == b"from the README"
    server.send(b"welcome")
    program.join(LIMIT)
    assert answers == [b"welcome"]
    assert server.recv(100) == b""


def test_a_server_and_clients(bench, backend, monkeypatch, capsys):
    """A server with select and two clients, the first of which comes too early and tries again with its socket."""
    monkeypatch.setenv("SCTPFFI_BACKEND", backend)
    probe = bench.tcp()
    probe.bind(FREE)
    port = probe.getsockname()[1]
    probe.close()
    answers, servers = [], []

    def refused():
        """Start the server at the first refusal, and wait until it listens."""
        if not servers:
            ready = threading.Event()
            servers.append(Worker(lambda: run(SERVER, PORT=port, READY=ready.set)))
            assert ready.wait(LIMIT)

    monkeypatch.setattr(socket, "getdefaulttimeout", lambda: LIMIT)
    for _ in range(2):
        run(CLIENT, PORT=port, ANSWERS=answers, REFUSED=refused)
    servers[0].join(LIMIT)
    assert answers == [b"HELLO ON 0", b"HELLO ON 1", b"HELLO ON 2"] * 2
    assert [line[:15] for line in capsys.readouterr().out.splitlines()] == ["connected: 127."] * 2


def test_select_tells_the_truth(both):
    """A socket is readable while something is there for its program, whose next call may be one that waits."""
    assert select.select([both.head, both.client, both.server], [], [], 0)[0] == []
    both.client.sctp_send(b"x")
    assert select.select([both.head, both.client, both.server], [], [], LIMIT)[0] == [both.server]
    both.server.sctp_recv(10)
    assert select.select([both.head, both.client, both.server], [], [], 0)[0] == []


# -- messages

PPIDS = [0, 1, Ppid.DIAMETER, 0x80, 0x11223344, 0xFFFFFFFF]


@pytest.mark.parametrize("ppid", PPIDS)
def test_ppids_as_with_pysctp(both, ppid):
    """A PPID is given in host order and comes back in network order; on the wire it is right (RFC 9260 3.3.1)."""
    both.client.sctp_send(b"x", ppid=ppid)
    assert both.server.sctp_recv(10)[3].ppid == socket.htonl(ppid)
    both.client.sctp_send(b"x", ppid=ppid)
    assert both.server.sock().recv().ppid == ppid
    both.server.sock().send(b"x", ppid=ppid)
    assert both.client.sctp_recv(10)[3].ppid == socket.htonl(ppid)


def test_ppids_in_host_order(bench):
    """`ppid_in_host_order` gives PPIDs as they were sent; accepted sockets do as their listener."""
    head, client = bench.tcp(), bench.tcp()
    head.ppid_in_host_order = True
    head.bind(FREE)
    head.listen(1)
    client.connect(head.getsockname())
    server = bench.keep(head.accept()[0])
    client.sctp_send(b"x", ppid=60)
    found = server.sctp_recv(10)[3]
    assert found.ppid == 60
    server.sctp_send(b"y", ppid=found.ppid)
    assert client.sctp_recv(10)[3].ppid == socket.htonl(60)


def test_ppids_in_host_order_for_all(both, monkeypatch):
    """Set on the class, `ppid_in_host_order` holds for every socket that says nothing else."""
    monkeypatch.setattr(sctp.sctpsocket, "ppid_in_host_order", True)
    both.client.sctp_send(b"x", ppid=60)
    assert both.server.sctp_recv(10)[3].ppid == 60


def test_the_adaptation_is_the_default_ppid(both):
    """A message that is given no PPID has the socket's adaptation value for one; PPID 0 is 0."""
    both.client.adaptation = 46
    both.client.sctp_send(b"default")
    both.client.sctp_send(b"none", ppid=0)
    assert [both.server.sock().recv().ppid for _ in range(2)] == [46, 0]


def test_details_of_a_message(both):
    """`sndrcvinfo` has stream, SSN, order, TSN and association; without data_io it is all 0 (RFC 6458 5.3.2)."""
    both.client.sctp_send(b"ordered", stream=3)
    both.client.sctp_send(b"unordered", stream=4, flags=sctp.MSG_UNORDERED, context=7)
    first, second = both.server.sctp_recv(100)[3], both.server.sctp_recv(100)[3]
    assert (first.stream, first.ssn, first.flags, first.timetolive) == (3, 0, 0, 0)
    assert (second.stream, second.flags) == (4, sctp.MSG_UNORDERED)
    assert second.tsn == (first.tsn + 1) & 0xFFFFFFFF
    assert first.assoc_id == second.assoc_id == both.server.sock().status().assoc_id
    both.server.events.data_io = 0
    both.client.sctp_send(b"bare", stream=3, ppid=9)
    found = both.server.sctp_recv(100)
    assert found[:3] == (both.peer, sctp.FLAG_EOR, b"bare")
    assert vars(found[3]) == vars(sctp.sndrcvinfo())


def test_default_stream_and_lifetime(both):
    """`streamid` and `ttl` hold for messages that say nothing else."""
    both.client.streamid, both.client.ttl = 5, 255
    both.client.sctp_send(b"default")
    both.client.sctp_send(b"own", stream=1, timetolive=0)
    assert [both.server.sctp_recv(100)[3].stream for _ in range(2)] == [5, 1]
    assert (both.client.streamid, both.client.ttl, both.server.streamid, both.server.ttl) == (5, 255, 0, 0)


def test_pieces(both):
    """A message longer than the buffer comes in pieces, of which only the last has FLAG_EOR (RFC 6458 3.1.5)."""
    both.client.sctp_send(b"0123456789", stream=2)
    both.client.sctp_send(b"next")
    found = [both.server.sctp_recv(4)[1:3] for _ in range(4)]
    eor = sctp.FLAG_EOR
    assert found == [(0, b"0123"), (0, b"4567"), (eor, b"89"), (eor, b"next")]


@pytest.mark.parametrize("size", [65536, 65537, 120_000])
def test_long_messages(bench, size):
    """With a buffer as long as the message, it comes whole, if all of it is there (RFC 6458 section 3.1.5)."""
    both = bench.pair()
    message = bytes(range(256)) * (size // 256) + b"!" * (size % 256)
    for sock in (both.client, both.server):
        sock.set_sndbuf(400_000)
        sock.set_rcvbuf(400_000)
    both.client.sctp_send(message, stream=2)
    delivered(both.client.sock())
    _, flags, found, details = both.server.sctp_recv(1_000_000)
    assert (flags, found, details.stream) == (sctp.FLAG_EOR, message, 2)
    both.client.sctp_send(message)
    both.client.sctp_send(b"behind it")
    while both.server.sctp_recv(700)[2] != b"behind it":  # short pieces after long ones
        pass
    both.client.sctp_send(b"behind it")
    assert both.server.sctp_recv(7)[1:3] == (0, b"behind ")
    assert both.server.sctp_recv(7)[1:3] == (sctp.FLAG_EOR, b"it")


def test_text_goes_as_utf8(both):
    """`sctp_send` takes text as well as bytes, and tells the number of bytes."""
    assert both.client.sctp_send("grüß") == 6
    assert both.server.sctp_recv(100)[2] == "grüß".encode()


def test_send_to_an_address(both, bench):
    """A TCP-style socket may name its peer; others are refused; an unconnected one connects (RFC 6458 4.1.8)."""
    there = both.server.getsockname()
    both.client.sctp_send(b"named", to=there)
    both.client.sctp_send(b"this way", to=there, flags=sctp.MSG_ADDR_OVER)
    assert [both.server.sctp_recv(100)[2] for _ in range(2)] == [b"named", b"this way"]
    with pytest.raises(errors.AddressNotAvailable):
        both.client.sctp_send(b"x", to=(HOST, 9))
    fresh = bench.tcp()
    assert fresh.sctp_send(b"hello", to=there) == 5
    assert bench.keep(both.head.accept()[0]).sctp_recv(100)[2] == b"hello"


# -- setting up


def test_addresses_are_pairs(bench):
    """getladdrs and getpaddrs are tuples of (host, port); a TCP-style socket ignores the id (RFC 6458 9.3, 9.5)."""
    both = bench.pair()
    for sock, other in ((both.client, both.server), (both.server, both.client)):
        assert sock.getladdrs() == (sock.getsockname(),)
        assert sock.getpaddrs() == sock.getpaddrs(99) == (other.getsockname(),) == (sock.getpeername(),)
    fresh = bench.tcp()
    assert fresh.getladdrs() == ()
    assert fresh.getsockname() == ("0.0.0.0", 0)
    with pytest.raises(errors.NotConnected):
        fresh.getpaddrs()


def test_several_addresses(bench, two_hosts):
    """bindx binds to several addresses, adds and removes; connectx names all and tells the id (RFC 6458 9.1, 9.9)."""
    family = socket.AF_INET6 if ":" in two_hosts[1] else socket.AF_INET
    head, client = bench.tcp(family), bench.tcp(family)
    head.mappedv4 = client.mappedv4 = False
    head.bindx([(two_hosts[0], 0)])
    port = head.getsockname()[1]
    head.bindx([(two_hosts[1], port)])
    assert sorted(head.getladdrs()) == sorted((host, port) for host in two_hosts)
    head.bindx([(two_hosts[1], port)], sctp.BINDX_REMOVE)
    assert head.getladdrs() == ((two_hosts[0], port),)
    for wrong in ([(two_hosts[1], port % 65535 + 1)], [(two_hosts[1], 0), (two_hosts[0], port)]):
        with pytest.raises(ValueError, match="sockaddrs"):
            head.bindx(wrong)
    head.bindx([(two_hosts[1], 0)], sctp.BINDX_ADD)
    head.listen(1)
    client.bindx([(host, 0) for host in two_hosts])
    told = {}
    assert client.connectx([(host, port) for host in two_hosts], told) is None
    server = bench.keep(head.accept()[0])
    assert told == {"assoc_id": client.sock().status().assoc_id}
    assert sorted(client.getpaddrs()) == sorted(server.getladdrs()) == sorted((host, port) for host in two_hosts)
    assert sorted(host for host, _ in server.getpaddrs()) == sorted(two_hosts)
    for sock, other in ((client, server), (server, client)):
        for address in sock.getpaddrs():
            sock.set_primary(0, address)
            assert sock.get_status().primary.sockaddr == address
            assert sock.get_paddrinfo(0, address).state in (sctp.paddrinfo.state_ACTIVE, 3)  # or not yet confirmed
        assert other.getladdrs()


def test_mapped_addresses(bench):
    """An IPv6 socket shows IPv4 addresses as IPv6 ones, and takes them, unless mappedv4 is off (RFC 6458 8.1.15)."""
    head, client = bench.tcp(socket.AF_INET6), bench.tcp()
    assert head.mappedv4 is True
    head.bind(("::", 0))
    head.listen(1)
    port = head.getsockname()[1]
    client.bind(FREE)
    client.connect((HOST, port))
    here = client.getsockname()
    server, peer = head.accept()
    bench.keep(server)
    mapped = (f"::ffff:{here[0]}", here[1])
    assert peer == (*mapped, 0, 0)
    client.sctp_send(b"x")
    assert server.sctp_recv(10)[0] == server.getpaddrs()[0] == mapped
    assert server.get_status().primary.sockaddr == mapped
    server.sctp_send(b"y", to=mapped)
    assert client.sctp_recv(10)[0] in client.getpaddrs()  # from whichever address it likes
    server.mappedv4 = False
    assert server.getpaddrs()[0] == here
    assert client.mappedv4 is True  # which means nothing there
    assert client.getladdrs() == (here,)


def test_connect_again_after_a_refusal(bench):
    """A client may try again with its socket, which keeps its options, its address and its time-out."""
    probe = bench.tcp()
    probe.bind(FREE)
    there = probe.getsockname()
    probe.close()
    client = bench.tcp(association=1)
    client.bind(FREE)
    here = client.getsockname()
    assert here[1] != 0
    client.nodelay, client.adaptation, client.initparams.num_ostreams = True, 77, 4
    client.settimeout(LIMIT)
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            client.connect(there)
    head = bench.tcp()
    head.bind(there)
    head.listen(1)
    assert client.connect_ex(there) == 0
    assert client.sctp_recv(100)[3].state == sctp.assoc_change.state_COMM_UP
    server, peer = head.accept()
    bench.keep(server)
    assert peer == here == client.getsockname()
    assert (client.nodelay, client.adaptation, client.get_status().outstrms) == (True, 77, 4)
    assert client.gettimeout() == LIMIT
    with pytest.raises(errors.AlreadyConnected):
        client.connect(there)


def test_connect_without_waiting(bench):
    """A socket that does not wait is connected when it is writable and SO_ERROR is 0 (RFC 6458 section 4.1.5)."""
    head, client = bench.tcp(), bench.tcp()
    head.bind(FREE)
    head.listen(1)
    client.setblocking(False)
    assert client.getblocking() is False
    assert client.connect_ex(head.getsockname()) in (0, errno.EINPROGRESS)
    _, writable, _ = select.select([], [client], [], LIMIT)
    assert writable == [client]
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    bench.keep(head.accept()[0])
    with pytest.raises(BlockingIOError):
        client.sctp_recv(10)


@pytest.mark.parametrize("way", ["SO_ERROR", "connect"])
def test_refused_without_waiting(bench, way):
    """If a connect that did not wait is refused, SO_ERROR and a second connect say so; then the socket tries again."""
    head, client = bench.tcp(), bench.tcp()
    head.bind(FREE)
    there = head.getsockname()
    client.settimeout(0)
    if client.connect_ex(there) == errno.EINPROGRESS:
        select.select([], [client], [], LIMIT)
        if way == "SO_ERROR":
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
        else:
            assert client.connect_ex(there) == errno.ECONNREFUSED
    head.listen(1)
    client.settimeout(LIMIT)
    client.connect(there)
    bench.keep(head.accept()[0])
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_names_are_resolved(bench):
    """bind and connect take names, as the standard library's do; what pysctp passes to C is numeric."""
    head, client = bench.tcp(), bench.tcp()
    head.bind(("localhost", 0))
    head.listen(1)
    client.connect(("localhost", head.getsockname()[1]))
    bench.keep(head.accept()[0])
    with pytest.raises(ValueError, match="localhost"):
        client.sctp_send(b"x", to=("localhost", 1))
    with pytest.raises(ValueError, match="localhost"):
        bench.tcp().bindx([("localhost", 0)])


# -- the calls of the standard library that pysctp passes on


def test_plain_messages(both):
    """send, sendto, recv, recvfrom and their like move messages, without notifications (RFC 6458 section 4.1.8)."""
    both.server.events.association = both.server.events.shutdown = 1
    there, here = both.client.getpeername(), both.client.getsockname()
    assert both.client.send(b"one") == 3
    assert both.client.sendall(b"two") is None
    assert both.client.sendto(b"three", there) == both.client.sendto(b"three", 0, there) == 5
    assert both.server.recv(100) == b"one"
    assert both.server.recvfrom(100) == (b"two", here)
    buffer = bytearray(8)
    assert both.server.recv_into(buffer) == 5
    assert both.server.recvfrom_into(memoryview(buffer)[5:], 2) == (2, here)
    assert bytes(buffer) == b"threeth\0"
    assert both.server.recv(100) == b"ree"
    both.client.shutdown(socket.SHUT_WR)
    assert both.server.recv(100) == b""  # SHUTDOWN_EVENT and SHUTDOWN_COMP came before
    assert both.server.recvfrom(100) == (b"", None)


def test_flags_of_plain_messages(bench):
    """MSG_PEEK leaves a message there, MSG_DONTWAIT does not wait; what can't be had is refused."""
    both = bench.pair(association=1)
    both.client.send(b"message", socket.MSG_DONTWAIT)
    assert both.server.recv(3, socket.MSG_PEEK) == b"mes"  # behind COMM_UP
    assert both.server.recv(100, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"message"
    assert both.server.recv(100) == b"message"
    calls = [
        lambda: both.server.recv(100, socket.MSG_DONTWAIT),
        lambda: both.server.recv(100, socket.MSG_DONTWAIT | socket.MSG_PEEK),
        lambda: [both.client.send(b"x" * 5000, socket.MSG_DONTWAIT) for _ in range(100_000)],
    ]
    for call in calls:
        with pytest.raises(BlockingIOError) as caught:
            call()
        assert type(caught.value) is errors.WouldBlock
    for call in (lambda: both.server.recv(1, socket.MSG_OOB), lambda: both.client.send(b"x", socket.MSG_OOB)):
        with pytest.raises(ValueError, match="flags"):
            call()


def test_time_outs(both):
    """After its time each call raises what is both socket.timeout and, as pysctp's own calls raise, BlockingIOError."""
    both.server.settimeout(0.01)
    both.head.settimeout(0.01)
    assert (both.server.gettimeout(), both.server.timeout, both.server.getblocking()) == (0.01, 0.01, True)
    calls = [
        lambda: both.server.sctp_recv(10),
        lambda: both.server.recv(10),
        lambda: both.server.recv(10, socket.MSG_PEEK),
        lambda: both.head.accept(),
    ]
    for call in calls:
        for kind in (socket.timeout, BlockingIOError, errors.WaitTimeout):
            with pytest.raises(kind) as caught:
                call()
            assert caught.value.errno == errno.EAGAIN
    both.client.settimeout(0.01)
    with pytest.raises(sctp.TimedOut):
        for _ in range(100_000):
            both.client.sctp_send(b"x" * 5000)


def test_shutdown_by_either_side(both):
    """SHUT_WR ends the association once all is sent; SHUT_RD only waits no more (RFC 6458 section 4.1.7)."""
    both.client.sctp_send(b"last")
    both.client.shutdown(socket.SHUT_WR)
    with pytest.raises(BrokenPipeError):
        both.client.sctp_send(b"too late")
    both.server.shutdown(socket.SHUT_RD)
    assert data_and_end(both.server) == [b"last", b""]


def test_not_reading_any_more(both):
    """After SHUT_RD what has come is still read, then there is the end at once, although the peer is there."""
    both.server.shutdown(socket.SHUT_RD)
    assert both.server.sctp_recv(10)[:3] == (None, 0, b"")
    both.server.sctp_send(b"still sending")
    assert both.client.recv(100) == b"still sending"
    with pytest.raises(ValueError, match="how"):
        both.server.shutdown(7)


def data_and_end(sock):
    """The next message, waited for, and what comes after it."""
    select.select([sock], [], [], LIMIT)
    return [sock.sctp_recv(10)[2] for _ in range(2)]
