"""Sending and receiving: what lksctp-tools' programs and packetdrill's scripts check, in our words.

Of lksctp-tools send, sendto, sendmsg, sendvrecvv, recvfrom, recvmsg, nonblock, fragments, threads; of packetdrill
cmsgs, sctp_send, sctp_sendmsg, sctp_sendv, sctp_recvv. tests/suites/*.txt say which check is which test.
Messages that expire are in test_lksctp_events.py, set-up in test_lksctp_setup.py, ends in test_lksctp_end.py.
"""

from __future__ import annotations

import pytest

from sctpffi import (
    ArgumentError,
    ChunkType,
    EndOfAssociation,
    Event,
    InitParams,
    Message,
    MessageTooLong,
    NextFlag,
    NotConnected,
    PrInfo,
    PrPolicy,
    SenderDryEvent,
    SendFlag,
    Socket,
    Style,
    UnsupportedOption,
    WaitTimeout,
    WouldBlock,
)
from sctpffi.testing import LIMIT, Worker, expected

MANY = Style.ONE_TO_MANY
CHUNK = b"m" * 1000


def delivered(sock, assoc_id=0):
    """Wait until everything that was sent is acknowledged, and so is in the peer's queue."""
    sock.subscribe(Event.SENDER_DRY_EVENT, assoc_id=assoc_id)
    found = sock.recv(timeout=LIMIT)
    assert isinstance(found, SenderDryEvent), found
    sock.unsubscribe(Event.SENDER_DRY_EVENT, assoc_id=assoc_id)


def seen(message):
    """What a message says of itself that is the same at both ends."""
    assert isinstance(message, Message), message
    assert message.complete
    return message.data, message.stream, message.ppid, message.unordered


# -- one-to-one


def test_nothing_goes_over_a_listener(net):
    """Sending, receiving and shutting down need an association, on a listener too (RFC 6458 sections 4.1.7, 4.1.8)."""
    both = net.linked()
    for call in (
        lambda: both.listener.send(b"x"),
        lambda: both.listener.send(b"x", to=both.peer),
        lambda: both.listener.recv(timeout=0),
        lambda: both.listener.recv_partial(10, timeout=0),
        lambda: both.listener.shutdown(),
    ):
        with pytest.raises(NotConnected):
            call()
    late = net.bound()
    late.connect(net.where(both.listener))
    net.keep(both.listener.accept()[0])


@pytest.mark.parametrize("path", [False, True], ids=["without_path", "with_path"])
def test_both_ways(net, path):
    """A message goes each way, without an address and with the peer's, stream 0 and PPID 0 (RFC 6458 4.1.8, 7.1)."""
    both = net.linked()
    for sender, receiver in ((both.client, both.server), (both.server, both.client)):
        there = sender.peer_addresses()[0] if path else None
        assert sender.send(CHUNK, to=there) == len(CHUNK)
        message = receiver.recv()
        assert seen(message) == (CHUNK, 0, 0, False)
        assert message.address == sender.local_addresses()[0]


def test_a_part_of_a_buffer(net):
    """Of a longer buffer only what is given arrives (RFC 6458 section 7.1)."""
    both = net.linked()
    for there in (None, both.client.peer_addresses()[0]):
        assert both.client.send(memoryview(b"first, and more")[:5], to=there) == 5
        assert both.server.recv().data == b"first"


def test_a_peer_that_is_gone_when_accepted(net):
    """Accepting an association that has ended gives what came on it and its end; sending fails (RFC 6458 4.1.8)."""
    head = net.listener()
    client = net.bound()
    client.connect(net.where(head))
    client.send(b"goodbye")
    client.shutdown()
    with pytest.raises(EndOfAssociation):
        client.recv()
    assert head.wait_readable(LIMIT)
    server = net.keep(head.accept()[0])
    with pytest.raises(NotConnected):
        server.send(b"x")
    assert server.recv().data == b"goodbye"
    with pytest.raises(EndOfAssociation):
        server.recv()
    with pytest.raises(NotConnected):
        server.send(b"x")


@pytest.mark.parametrize("flag", [SendFlag.EOF, SendFlag.ABORT, SendFlag.EOF | SendFlag.ABORT])
@pytest.mark.parametrize("data", [b"", b"data"])
def test_ending_by_flags_is_for_one_to_many(net, data, flag):
    """EOF and ABORT, with data and without, are refused by name on one-to-one sockets (RFC 6458 section 5.3.4)."""
    both = net.linked()
    with pytest.raises(ArgumentError) as caught:
        both.client.send(data, flags=flag)
    assert caught.value.argument == "flags"
    both.client.send(b"unharmed", flags=SendFlag.NONE)
    assert both.server.recv().data == b"unharmed"


@pytest.mark.parametrize("flags", [999, 0x80, 1 << 20])
def test_flags_that_are_none(net, flags):
    """A flag that does not exist is refused by name (RFC 6458 section 5.3.4)."""
    both = net.linked()
    with pytest.raises(ArgumentError) as caught:
        both.client.send(b"x", flags=flags)
    assert caught.value.argument == "flags"


def test_nothing_to_receive(net, style):
    """Receiving where nothing came would block, without an association and with one (RFC 6458 section 3.2)."""
    if style is MANY:
        for sock in (net.open(MANY), net.bound(MANY), net.listener(MANY)):
            with pytest.raises(WouldBlock):
                sock.recv(timeout=0)
            with pytest.raises(WaitTimeout):
                sock.recv(timeout=0.01)
    else:
        both = net.linked()
        with pytest.raises(WouldBlock):
            both.server.recv(timeout=0)
        both.client.send(CHUNK)
        assert both.server.recv().data == CHUNK
        with pytest.raises(WouldBlock):
            both.server.recv(timeout=0)


def test_threads_on_one_association(net):
    """Ten threads receive from and send on one association at once; every message stays whole (RFC 6458 4.1.8)."""
    both = net.linked()

    def echo():
        for _ in range(10):
            message = both.server.recv()
            both.server.send(message.data, message.stream, message.ppid)

    workers = [Worker(echo) for _ in range(9)]
    messages = {number: b"%d" % number * 100 for number in range(90)}
    sender = Worker(lambda: [both.client.send(data, number % 10, number) for number, data in messages.items()])
    found = {}
    for _ in messages:
        message = both.client.recv()
        assert message.stream == message.ppid % 10
        found[message.ppid] = message.data
    for worker in (sender, *workers):
        worker.join()
    assert found == messages


# -- one-to-many


def test_by_address_by_id_and_by_both(net):
    """An association that is up is sent on by its id, by the peer's address, and by both (RFC 6458 section 3.1.4)."""
    server, there, client, here = net.couple()
    address = net.where(server)
    for arguments in ({"assoc_id": here}, {"to": address}, {"assoc_id": here, "to": address}):
        assert client.send(CHUNK, 2, 1234, **arguments) == len(CHUNK)
        message = server.recv()
        assert seen(message) == (CHUNK, 2, 1234, False)
        assert message.assoc_id == there
        assert message.address == client.local_addresses()[0]
    assert client.associations() == (here,)


def test_implicit_set_up_by_a_list(net):
    """One send to several addresses, most of them a stranger's, sets up one association (RFC 6458 5.3.9, 5.3.10)."""
    server, client = net.listener(MANY), net.bound(MANY)
    hosts = f"{net.host}/192.0.2.1/198.51.100.2/203.0.113.3" if net.family == 4 else f"{net.host}/[2001:db8::1]"
    client.send(b"by a list", to=f"{hosts}:{server.local_addresses()[0].port}")
    assert server.recv().data == b"by a list"
    (number,) = client.associations()
    assert client.peer_addresses(number) == server.local_addresses()


def test_implicit_set_up_with_parameters(net, backend):
    """INIT parameters given with the first message hold for its association alone (RFC 6458 section 5.3.1)."""
    server, client = net.listener(MANY), net.bound(MANY)
    wanted = InitParams(out_streams=3, in_streams=2, attempts=1, timeout_ms=1000)
    if not expected("init_per_message", backend):
        with pytest.raises(UnsupportedOption):
            client.send(b"x", 2, 1234, to=net.where(server), init=wanted)
        return
    before = client.opts.init_params
    client.send(b"x", 2, 1234, to=net.where(server), init=wanted)
    message = server.recv()
    assert seen(message) == (b"x", 2, 1234, False)
    status = client.status(client.associations()[0])
    assert (status.out_streams, status.in_streams) == (3, 2)
    assert client.opts.init_params == before


RELIABILITY = [None, PrInfo(PrPolicy.RTX, 10), PrInfo(PrPolicy.TTL, 30_000), PrInfo()]


@pytest.mark.parametrize("prinfo", RELIABILITY, ids=["default", "rtx", "ttl", "reliable"])
@pytest.mark.parametrize(("stream", "ppid", "unordered"), [(0, 0, False), (3, 7, False), (1, 1234, True)])
def test_attributes_of_a_message(net, style, stream, ppid, unordered, prinfo):
    """Stream, PPID, order and reliability go together in one send (RFC 6458 sections 5.3.4, 5.3.7 and 9.12)."""
    if style is MANY:
        receiver, _, sender, number = net.couple(nodelay=True)
    else:
        both = net.linked(nodelay=True)
        receiver, sender, number = both.server, both.client, 0
    for _ in range(2):
        sender.send(CHUNK, stream, ppid, unordered=unordered, prinfo=prinfo, assoc_id=number)
    messages = [receiver.recv() for _ in range(2)]
    assert [seen(message) for message in messages] == [(CHUNK, stream, ppid, unordered)] * 2
    if not unordered:
        before = int(style is MANY and stream == 0)  # the message that set it up
        assert [message.ssn for message in messages] == [before, before + 1]


def test_streams_count_for_themselves(net):
    """Messages on several streams, one twice, have the numbers of their streams (RFC 6458 section 5.3.4)."""
    both = net.linked()
    for stream, ppid in ((1, 2), (1, 3), (3, 4), (4, 5)):
        both.client.send(CHUNK, stream, ppid)
    messages = [both.server.recv() for _ in range(4)]
    assert sorted((m.stream, m.ssn, m.ppid) for m in messages) == [(1, 0, 2), (1, 1, 3), (3, 0, 4), (4, 0, 5)]
    assert [m.tsn - messages[0].tsn for m in messages] == [0, 1, 2, 3]


@pytest.mark.parametrize("key", [0, 123], ids=["key_zero", "key_never_set"])
def test_a_key_where_nothing_is_authenticated(net, backend, key):
    """A key's number means nothing on an association without AUTH, alone and with all else (RFC 6458 5.3.8, 9.12)."""
    server, _, client, number = net.couple()
    for arguments in ({}, {"stream": 4, "unordered": True, "prinfo": PrInfo(PrPolicy.RTX, 10)}):
        if expected("auth_key_per_message", backend):
            client.send(CHUNK, assoc_id=number, auth_key=key, **arguments)
            assert seen(server.recv()) == (CHUNK, arguments.get("stream", 0), 0, "unordered" in arguments)
        else:
            with pytest.raises(UnsupportedOption, match="auth_key"):
                client.send(CHUNK, assoc_id=number, auth_key=key, **arguments)


def test_key_zero_where_data_is_authenticated(net, backend):
    """Key 0, the empty one that is there from the beginning, authenticates a message (RFC 6458 section 5.3.8)."""
    server, client = (net.open(MANY) for _ in range(2))
    for sock in (server, client):
        sock.auth.enable([ChunkType.DATA])
        sock.bind(f"{net.host}:0")
        sock.listen()
    key = {"auth_key": 0} if expected("auth_key_per_message", backend) else {}
    client.send(CHUNK, to=net.where(server), **key)
    assert server.recv().data == CHUNK
    assert ChunkType.DATA in client.opts.of(client.associations()[0]).peer_auth_chunks


# -- what comes with a message


@pytest.mark.parametrize("rcvinfo", [True, False], ids=["rcvinfo", "without"])
def test_receive_information(net, style, rcvinfo):
    """Without RECVRCVINFO messages come whole and with their address, but tell no stream (RFC 6458 8.1.29, 9.13)."""
    if style is MANY:
        receiver, _, sender, number = net.couple()
    else:
        both = net.linked()
        receiver, sender, number = both.server, both.client, 0
    receiver.opts.receive_rcvinfo = rcvinfo
    sender.send(CHUNK, 1, 1234, assoc_id=number)
    message = receiver.recv()
    assert seen(message) == (CHUNK, 1, 1234, False) if rcvinfo else (CHUNK, 0, 0, False)
    assert message.address == sender.local_addresses()[0]
    assert message.next is None
    receiver.opts.receive_rcvinfo = True
    sender.send(CHUNK, 1, 1234, unordered=True, assoc_id=number)
    assert seen(receiver.recv()) == (CHUNK, 1, 1234, True)


def test_next_information(net, style):
    """With RECVNXTINFO each message tells stream, PPID, order and size of the next one (RFC 6458 5.3.6, 8.1.30)."""
    if style is MANY:
        receiver, _, sender, number = net.couple()
    else:
        both = net.linked()
        receiver, sender, number = both.server, both.client, 0
    assert receiver.opts.receive_nxtinfo is False
    receiver.opts.receive_nxtinfo = True
    sender.send(CHUNK, 1, 10, assoc_id=number)
    sender.send(CHUNK[:700], 3, 11, assoc_id=number)
    sender.send(CHUNK[:300], 2, 12, unordered=True, assoc_id=number)
    delivered(sender, number)
    messages = [receiver.recv() for _ in range(3)]
    for message, following in zip(messages, messages[1:]):
        told = message.next
        assert (told.stream, told.ppid, told.length_bytes) == (following.stream, following.ppid, len(following.data))
        assert bool(told.flags & NextFlag.UNORDERED) is following.unordered
        assert told.assoc_id == following.assoc_id
    assert messages[-1].next is None
    receiver.opts.receive_nxtinfo = False
    sender.send(CHUNK, assoc_id=number)
    sender.send(CHUNK, assoc_id=number)
    delivered(sender, number)
    assert receiver.recv().next is None


# -- pieces


def test_peek_and_read_in_turns(net):
    """Each peek shows all that is left of a message, each short read takes its part (RFC 6458 section 3.1.5)."""
    server, _, client, number = net.couple()
    data = bytes(range(250)) * 120  # 30,000
    client.send(data, 1, 5, assoc_id=number)
    delivered(client, number)
    for begin in range(0, len(data), 2000):
        look = server.peek(65536)
        assert (look.data, look.complete) == (data[begin:], True)
        piece = server.recv_partial(2000)
        assert (piece.data, piece.stream, piece.ppid) == (data[begin : begin + 2000], 1, 5)
        assert piece.complete is (begin + 2000 == len(data))


def test_fragmentation(net):
    """With DISABLE_FRAGMENTS a large message is refused; without it any size arrives whole (RFC 6458 8.1.11)."""
    server, _, client, number = net.couple()
    assert client.opts.disable_fragments is False
    client.opts.disable_fragments = True
    assert client.opts.disable_fragments is True
    with pytest.raises(MessageTooLong):
        client.send(b"x" * 100_000, assoc_id=number)
    client.opts.disable_fragments = False
    for size in (1353, 2000, 5000, 10_000, 20_000, 32_768):
        data = bytes(size // 251 for _ in range(size))
        client.send(data, 1, size, assoc_id=number)
        assert seen(server.recv()) == (data, 1, size, False)


def test_small_segments(net):
    """With MAXSEG a message goes in many small chunks, read back as one (RFC 6458 section 8.1.16)."""
    server, _, client, _ = net.couple(max_segment_bytes=500)
    data = bytes(range(256)) * 20
    client.send(data, 1, 77, to=net.where(server))
    message = server.recv()
    assert seen(message) == (data, 1, 77, False)
    client.send(b"after", to=net.where(server))
    assert server.recv().tsn - message.tsn >= len(data) // 500


def test_a_socket_is_not_connected_by_sending(net):
    """A one-to-one socket does not set an association up by sending: it connects first (RFC 6458 section 4.1.8)."""
    head = net.listener()
    sock = net.bound()
    for there in (None, head.local_addresses()[0]):
        with pytest.raises(NotConnected):
            sock.send(b"x", to=there)
    with pytest.raises(WouldBlock):
        head.accept(timeout=0)
    with Socket(net.family, backend=net.backend) as other, pytest.raises(NotConnected):
        other.recv(timeout=0)
