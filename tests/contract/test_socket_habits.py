"""The calls of socket.socket with what only SCTP has: what sends, ends and describes; typed ancillary data.

What CPython's own tests ask is in test_cpython_stream.py, receiving in test_socket_receiving.py.
"""

from __future__ import annotations

import array
import socket

import pytest

from sctpffi import (
    AssocState,
    AuthKey,
    EndOfAssociation,
    Event,
    InitParams,
    NotConnected,
    Ppid,
    PrInfo,
    PrPolicy,
    SendFlag,
    SndInfo,
    Socket,
    Style,
    UnsupportedOption,
    WouldBlock,
    errors,
)
from sctpffi.notifications import ShutdownEvent
from sctpffi.testing import LIMIT, Worker, expected, many_pair, pair

SHUT_RD, SHUT_WR, SHUT_RDWR = socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR

# -- what a socket is


def test_what_it_is(linked, backend):
    """type, proto, timeout and getblocking tell what the standard library's tell."""
    sock = linked.client
    assert (sock.type, sock.proto) == (socket.SOCK_STREAM, 132)
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as many:
        assert (many.type, many.proto) == (socket.SOCK_SEQPACKET, 132)
        assert (many.timeout, many.getblocking()) == (None, True)
    sock.settimeout(2.5)
    assert (sock.timeout, sock.getblocking()) == (2.5, True)
    sock.setblocking(False)
    assert (sock.timeout, sock.getblocking()) == (0.0, False)


def test_the_type_of_a_peeled_off_socket(backend):
    """A peeled-off socket is one-to-one in style (RFC 6458 section 9.2)."""
    server, client, first = many_pair(backend)
    with server, client, server.peeloff(first.assoc_id) as peeled:
        assert peeled.type == socket.SOCK_STREAM


def test_recv_takes_no_size(linked):
    """recv(4096) is a TypeError that says what to write; nothing is received."""
    linked.client.send(b"x")
    with pytest.raises(TypeError, match=r"recvmsg\(size\)"):
        linked.server.recv(4096)
    assert linked.server.recv().data == b"x"


# -- sendmsg: ancillary data


def test_sndinfo(linked):
    """SndInfo says stream, PPID and flags of a message (RFC 6458 section 5.3.4)."""
    info = SndInfo(stream=3, flags=SendFlag.UNORDERED, ppid=Ppid.NGAP, context=9)
    assert linked.client.sendmsg([b"x"], [info]) == 1
    message = linked.server.recv()
    assert (message.stream, message.ppid, message.unordered) == (3, Ppid.NGAP, True)


def test_context_comes_back(backend):
    """SndInfo's context comes back with a message that could not be sent (RFC 6458 sections 5.3.4 and 6.1.11)."""
    with pair(backend, [Event.SEND_FAILED_EVENT]) as both:
        try:
            for _ in range(100_000):
                both.client.sendmsg([b"x" * 10_000], [SndInfo(context=4711)], socket.MSG_DONTWAIT)
        except WouldBlock:
            pass
        both.server.abort()
        assert both.client.recv().context == 4711


def test_sndinfo_overrides_defaults_and_its_absence_does_not(linked):
    """What SndInfo says holds, zeros too; without it a message goes as default_sndinfo says (RFC 6458 8.1.31)."""
    linked.client.opts.default_sndinfo = SndInfo(stream=3, ppid=46)
    linked.client.sendmsg([b"x"])
    linked.client.sendmsg([b"x"], [SndInfo(stream=1)])
    assert [(m.stream, m.ppid) for m in (linked.server.recv(), linked.server.recv())] == [(3, 46), (1, 0)]


def test_prinfo(linked):
    """PrInfo says how reliable a message is: one that can't be sent in time is given up (RFC 6458 section 5.3.7)."""
    linked.client.sendmsg([b"first"], [PrInfo(PrPolicy.TTL, 60_000), SndInfo(stream=2)])
    message = linked.server.recv()
    assert (message.data, message.stream) == (b"first", 2)
    with pytest.raises(errors.ArgumentError, match="prinfo"):
        linked.client.sendmsg([b"x"], [PrInfo(99, 1)])


def test_auth_key(backend):
    """AuthKey names the key to authenticate a message with, by its number (RFC 6458 section 5.3.8)."""
    with Socket(backend=backend) as head, Socket(backend=backend) as client:
        for sock in (head, client):
            sock.settimeout(LIMIT)
            sock.auth.enable()
            sock.auth.set(2, b"secret")
            sock.bind("127.0.0.1:0")
        head.listen()
        client.connect(head.getsockname())
        with head.accept()[0] as server:
            if not expected("auth_key_per_message", backend):
                with pytest.raises(UnsupportedOption, match="auth_key"):
                    client.sendmsg([b"x"], [AuthKey(2)])
                return
            client.sendmsg([b"x"], [AuthKey(2)])
            assert server.recv(timeout=LIMIT).data == b"x"


def test_init(backend):
    """InitParams are those of the association that a message sets up (RFC 6458 section 5.3.1)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as server, Socket(4, 2, backend=backend) as client:
        for sock in (server, client):
            sock.settimeout(LIMIT)
            sock.bind("127.0.0.1:0")
            sock.listen()
        there = server.getsockname()
        if not expected("init_per_message", backend):
            with pytest.raises(UnsupportedOption, match="init"):
                client.sendmsg([b"x"], [InitParams(out_streams=3)], 0, there)
            return
        client.sendmsg([b"x"], [InitParams(out_streams=3)], 0, there)
        message = server.recv()
        assert server.status(message.assoc_id).in_streams == 3


@pytest.mark.parametrize(
    "twice",
    [[SndInfo(), SndInfo()], [PrInfo(), SndInfo(), PrInfo()], [AuthKey(1), AuthKey(2)], [InitParams(), InitParams()]],
)
def test_one_of_each_kind(linked, twice):
    """Ancillary data of one kind goes once with a message."""
    with pytest.raises(errors.ArgumentError, match=f"{type(twice[0]).__name__} is there twice"):
        linked.client.sendmsg([b"x"], twice)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (SndInfo(stream=65536), "stream"),
        (SndInfo(stream="1"), "stream"),
        (SndInfo(ppid=-1), "ppid"),
        (SndInfo(context=2**32), "context"),
        (SndInfo(flags=0x8000), "ancdata"),
        (SndInfo(flags="UNORDERED"), "ancdata"),
        (AuthKey(65536), "auth_key"),
    ],
)
def test_wrong_values_in_ancillary_data(linked, wrong, name):
    """What is wrong in ancillary data is refused by name before the stack sees it."""
    with pytest.raises((errors.ArgumentError, errors.ArgumentTypeError)) as caught:
        linked.client.sendmsg([b"x"], [wrong])
    assert caught.value.argument == name


# -- sendmsg: buffers and flags


@pytest.mark.parametrize(
    ("buffers", "data"),
    [
        ([b"%d," % i for i in range(2000)], b"".join(b"%d," % i for i in range(2000))),
        ([b"", b"a", b"", bytearray(b"b"), memoryview(b"-c-")[1:2]], b"abc"),
        ([array.array("B", b"ab"), memoryview(b"c-d-e-")[::2]], b"abcde"),
        ([memoryview(b"a-b-c-")[::2]], b"abc"),
        ([memoryview(b"abcdef").cast("B", (2, 3))], b"abcdef"),
    ],
    ids=["many", "empty_ones", "gaps", "one_with_gaps", "two_dimensions"],
)
def test_buffers(linked, buffers, data):
    """Any number of buffers of any kind are one message, of the size that sendmsg tells."""
    assert linked.client.sendmsg(buffers) == len(data)
    assert linked.server.recv().data == data


@pytest.mark.parametrize("nothing", [[], [b""], [b"", bytearray()]])
def test_no_bytes(linked, nothing):
    """A message without a byte is refused: SCTP has none (RFC 9260 section 3.3.10.9)."""
    with pytest.raises(errors.ArgumentError, match="never empty"):
        linked.client.sendmsg(nothing)


@pytest.mark.parametrize("call", ["sendmsg", "sendall", "sendto"])
def test_send_flags(linked, call):
    """SendFlags may be the flags of a call, and MSG_NOSIGNAL, which is always so, may be there."""
    there = linked.client.getpeername()
    calls = {
        "sendmsg": lambda flags: linked.client.sendmsg([b"x"], [], flags),
        "sendall": lambda flags: linked.client.sendall(b"x", flags),
        "sendto": lambda flags: linked.client.sendto(b"x", flags, there),
    }
    calls[call](SendFlag.UNORDERED)
    assert linked.server.recv().unordered is True
    calls[call](getattr(socket, "MSG_NOSIGNAL", 0))
    assert linked.server.recv().unordered is False


def test_send_flags_of_both_places(linked):
    """Flags of the call and of SndInfo hold together."""
    linked.client.sendmsg([b"x"], [SndInfo(flags=SendFlag.UNORDERED)], SendFlag.SACK_IMMEDIATELY)
    assert linked.server.recv().unordered is True
    linked.client.sendmsg([b"x"], [SndInfo(flags=SendFlag.UNORDERED)], socket.MSG_DONTWAIT)
    assert linked.server.recv().unordered is True


@pytest.mark.parametrize(
    "flags",
    [
        SendFlag.EOR,
        SendFlag.UNORDERED | socket.MSG_DONTWAIT,
        socket.MSG_DONTWAIT | SendFlag.UNORDERED,
        socket.MSG_OOB,
        socket.MSG_PEEK,
        socket.MSG_EOR,
        1,
        -1,
        1 << 40,
    ],
    ids=str,
)
def test_flags_that_are_refused(linked, flags):
    """Numbers that may mean two things, or nothing here, are refused by name, and nothing is sent."""
    for call in (
        lambda: linked.client.sendmsg([b"x"], [], flags),
        lambda: linked.client.sendall(b"x", flags),
        lambda: linked.client.sendto(b"x", flags, "127.0.0.1"),
    ):
        with pytest.raises(errors.ArgumentError) as caught:
            call()
        assert caught.value.argument == "flags"
    with pytest.raises(WouldBlock):
        linked.server.recv(timeout=0)


@pytest.mark.parametrize("call", ["sendmsg", "sendall", "sendto"])
def test_msg_dontwait_does_not_wait(linked, call):
    """socket.MSG_DONTWAIT has any of them fail at once where there is no room."""
    there = linked.client.getpeername()
    calls = {
        "sendmsg": lambda: linked.client.sendmsg([b"x" * 10_000], [], socket.MSG_DONTWAIT),
        "sendall": lambda: linked.client.sendall(b"x" * 10_000, socket.MSG_DONTWAIT),
        "sendto": lambda: linked.client.sendto(b"x" * 10_000, socket.MSG_DONTWAIT, there),
    }
    linked.client.settimeout(None)
    with pytest.raises(WouldBlock):
        for _ in range(100_000):
            calls[call]()


# -- sendall and sendto


def test_sendall(linked):
    """sendall sends one message, whole, and returns nothing."""
    assert linked.client.sendall(b"x" * 100_000) is None
    assert linked.server.recv().data == b"x" * 100_000
    linked.client.sendall(array.array("H", b"12345678"))
    assert linked.server.recv().data == b"12345678"


def test_sendall_of_a_message_by_pieces(backend):
    """With explicit_eor sendall goes on until all was taken, piece by piece (RFC 6458 section 8.1.26)."""
    with pair(backend, send_buffer_bytes=20_000) as both:
        if not expected("explicit_eor", backend):
            assert both.client.opts.supports("explicit_eor") is False
            return
        both.client.opts.explicit_eor = True
        data = bytes(range(256)) * 600

        def send() -> None:
            assert both.client.sendall(data) is None
            both.client.send(b"end", flags=SendFlag.EOR)

        sender = Worker(send)
        assert both.server.recv().data == data + b"end"
        sender.join()


def test_sendto_sets_an_association_up(backend):
    """On a one-to-many socket sendto sets an association up; recvfrom tells whom to answer (RFC 6458 section 3.1.4)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as server, Socket(4, 2, backend=backend) as client:
        for sock in (server, client):
            sock.settimeout(LIMIT)
            sock.bind("127.0.0.1:0")
            sock.listen()
        assert client.sendto(b"question", server.getsockname()) == 8
        data, address = server.recvfrom(100)
        assert (data, address) == (b"question", client.getsockname())
        while server.status(server.associations()[0]).state is not AssocState.ESTABLISHED:
            server.wait_readable(0.005)
        assert server.sendto(b"answer", 0, address) == 6
        assert client.recvfrom(100) == (b"answer", server.getsockname())


def test_sendto_on_ipv6(net):
    """An address may be the standard library's four items for IPv6."""
    server, client = net.bound(Style.ONE_TO_MANY), net.bound(Style.ONE_TO_MANY)
    server.listen()
    host, port = server.getsockname()
    client.sendto(b"x", (host, port, 0, 0) if net.family == 6 else (host, port))
    assert server.recv().data == b"x"


@pytest.mark.parametrize("arguments", [(), (0,), (0, 1), (None, None, None), ("text",), (0, "text")])
def test_sendto_needs_an_address(linked, arguments):
    """sendto without an address, or with something else in its place, is refused by name."""
    with pytest.raises((errors.ArgumentError, errors.ArgumentTypeError)):
        linked.client.sendto(b"x", *arguments)


def test_answering_by_association(backend):
    """What recvmsg tells of a message is enough to answer by sendmsg (RFC 6458 section 5.3.5)."""
    server, client, first = many_pair(backend)
    with server, client:
        client.send(b"question", assoc_id=client.associations()[0], stream=2)
        _, (info,), _, _ = server.recvmsg(100, 100)
        assert info.assoc_id == first.assoc_id
        server.sendmsg([b"answer"], [SndInfo(stream=info.stream)], assoc_id=info.assoc_id)
        message = client.recv()
        assert (message.data, message.stream) == (b"answer", 2)


# -- shutdown


@pytest.mark.parametrize("how", [SHUT_WR, SHUT_RDWR, 1, 2, None])
def test_shutdown(linked, how):
    """SHUT_WR and SHUT_RDWR end the association gracefully; what still comes is received (RFC 6458 section 4.1.7)."""
    linked.server.send(b"on its way")
    linked.client.send(b"last")
    linked.client.shutdown(how)
    with pytest.raises(NotConnected):
        linked.client.send(b"x")
    assert linked.client.recv().data == b"on its way"
    assert linked.server.recv().data == b"last"
    for sock in (linked.server, linked.client):
        with pytest.raises(EndOfAssociation):
            sock.recv()


def test_shutdown_of_one_of_many(backend):
    """On one-to-many sockets the association is named, and only by name."""
    server, client, first = many_pair(backend)
    with server, client:
        with pytest.raises(errors.NoSuchAssociation):
            server.shutdown(SHUT_WR)
        with pytest.raises(TypeError):
            server.shutdown(SHUT_WR, first.assoc_id)
        client.subscribe(Event.SHUTDOWN_EVENT, assoc_id=client.associations()[0])
        server.shutdown(SHUT_WR, assoc_id=first.assoc_id)
        assert isinstance(client.recv(), ShutdownEvent)


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        (SHUT_RD, errors.ArgumentError, "RFC 6458 section 4.1.7"),
        (3, errors.ArgumentError, "neither SHUT_WR nor SHUT_RDWR"),
        (77777, errors.ArgumentError, "neither"),
        (-1, errors.ArgumentError, "how"),
        ("SHUT_WR", errors.ArgumentTypeError, "how"),
        (True, errors.ArgumentTypeError, "how"),
    ],
)
def test_shutdown_that_is_refused(linked, how, error, text):
    """SHUT_RD, which no stack tells the peer, and what is no such number, are refused with the reason."""
    with pytest.raises(error, match=text) as caught:
        linked.client.shutdown(how)
    assert caught.value.argument == "how"
    linked.client.send(b"still up")
    assert linked.server.recv().data == b"still up"
