"""Messages: what is sent arrives whole, with its stream, PPID, order and rcvinfo; pieces, peeking, full buffers."""

from __future__ import annotations

import errno

import pytest

from sctpffi import InitParams, Message, Ppid, SendFlag, errors
from sctpffi.testing import LIMIT, Worker, expected, pair


def test_the_whole_rcvinfo(linked):
    """recv gives stream, ssn, ppid, tsn, address and the association's id (RFC 6458 section 5.3.5)."""
    for number in range(3):
        linked.client.send(b"m%d" % number, stream=4, ppid=Ppid.NGAP)
    got = [linked.server.recv() for _ in range(3)]
    assert [m.data for m in got] == [b"m0", b"m1", b"m2"]
    assert [m.ssn for m in got] == [0, 1, 2]
    assert {m.stream for m in got} == {4}
    assert {m.ppid for m in got} == {Ppid.NGAP}
    assert [m.tsn - got[0].tsn for m in got] == [0, 1, 2]
    assert {m.assoc_id for m in got} == {linked.server.status().assoc_id}
    assert got[0].address == linked.peer
    assert not got[0].unordered
    assert got[0].complete


def test_streams_count_separately(linked):
    """Each stream has stream sequence numbers of its own (RFC 9260 section 6.6)."""
    for stream in (0, 1, 0, 1):
        linked.client.send(b"x", stream=stream)
    got = [linked.server.recv() for _ in range(4)]
    assert [(m.stream, m.ssn) for m in got] == [(0, 0), (1, 0), (0, 1), (1, 1)]


@pytest.mark.parametrize("ppid", [0, 1, 46, 0x01020304, 0xFFFFFFFF])
def test_ppids_are_host_order(linked, ppid):
    """A PPID is the same integer at both ends (RFC 6458 section 5.3.4)."""
    linked.client.send(b"x", ppid=ppid)
    assert linked.server.recv().ppid == ppid


def test_ppids_are_big_endian_on_the_wire(linked):
    """The PPID goes out in network order: a peer that reads it raw sees it so (RFC 9260 section 3.3.1)."""
    assert Ppid.DIAMETER == 46
    linked.client.send(b"x", ppid=0x2E000000)
    message = linked.server.recv()
    assert message.ppid == 0x2E000000
    assert message.ppid_name.startswith("UNKNOWN")


def test_unordered(linked):
    """An unordered message arrives marked so, whatever the stack's number for it (RFC 6458 section 5.3.5)."""
    linked.client.send(b"u", unordered=True)
    linked.client.send(b"o")
    got = [linked.server.recv(), linked.server.recv()]
    assert {(m.data, m.unordered) for m in got} == {(b"u", True), (b"o", False)}


def test_cumtsn(linked, backend):
    """rcv_cumtsn of ordered messages is filled where the table says so (RFC 6458 section 5.3.5)."""
    linked.client.send(b"x")
    message = linked.server.recv()
    assert (message.cumtsn != 0) is expected("cumtsn_of_ordered", backend)


def test_context_of_the_receiver(linked):
    """SCTP_CONTEXT set on the receiving side comes with each message (RFC 6458 section 8.1.25)."""
    linked.server.opts.context = 77
    linked.client.send(b"x")
    assert linked.server.recv().context == 77


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 1000, 1452, 1453, 16384, 65535, 65536, 65537, 100_000])
def test_sizes(linked, size):
    """A message of any size arrives as one, byte by byte (RFC 9260 section 6.9)."""
    data = bytes(i * 7 & 0xFF for i in range(size))
    linked.client.send(data)
    assert linked.server.recv().data == data


def test_a_message_larger_than_the_receive_window(linked):
    """A message that the stack delivers in pieces is put together by recv (RFC 6458 section 3.1.4)."""
    data = bytes(range(256)) * 800  # 204,800
    sender = Worker(linked.client.send, data)
    message = linked.server.recv()
    sender.join()
    assert message.data == data
    assert message.complete
    linked.client.send(b"next")
    assert linked.server.recv().data == b"next"


def test_a_message_over_the_limit_is_dropped_whole(linked):
    """recv drops a message over max_message_bytes, says its size, and gives the next one intact."""
    linked.server.max_message_bytes = 100_000
    sender = Worker(linked.client.send, b"a" * 200_000)
    with pytest.raises(errors.ReceiveLimitExceeded) as caught:
        linked.server.recv()
    sender.join()
    assert caught.value.length_bytes == 200_000
    linked.client.send(b"b" * 1000)
    assert linked.server.recv().data == b"b" * 1000


def test_pieces_for_those_who_ask(linked):
    """recv_partial gives pieces with the same stream, ssn and ppid; complete is on the last (docs/stacks.md)."""
    linked.client.send(b"0123456789", stream=2, ppid=9)
    got = [linked.server.recv_partial(4) for _ in range(3)]
    assert [m.data for m in got] == [b"0123", b"4567", b"89"]
    assert [m.complete for m in got] == [False, False, True]
    assert {(m.stream, m.ssn, m.ppid) for m in got} == {(2, 0, 9)}


def test_peek_leaves_the_message(linked):
    """peek shows the next message with its rcvinfo and leaves it there (RFC 6458 section 3.1.4)."""
    linked.client.send(b"look", stream=3, ppid=5)
    seen = linked.server.peek()
    assert (seen.data, seen.stream, seen.ppid) == (b"look", 3, 5)
    assert linked.server.peek() == seen
    assert linked.server.recv() == seen
    with pytest.raises(errors.WouldBlock):
        linked.server.peek(timeout=0)


def test_peek_at_a_part(linked):
    """peek with a small size shows the beginning only."""
    linked.client.send(b"0123456789")
    seen = linked.server.peek(4)
    assert seen.data == b"0123"
    assert not seen.complete
    assert linked.server.recv().data == b"0123456789"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_sent(linked, kind):
    """bytes, bytearray and memoryview are payloads (RFC 6458 section 7.1)."""
    assert linked.client.send(kind(b"payload")) == 7
    assert linked.server.recv().data == b"payload"


def test_a_strided_view_is_sent_as_its_bytes(linked):
    """A memoryview that is not contiguous is sent as what it shows."""
    linked.client.send(memoryview(b"a-b-c-")[::2])
    assert linked.server.recv().data == b"abc"


def test_last_stream(backend):
    """The highest stream that was negotiated works, the next one is refused by name (RFC 6458 section 5.3.4)."""
    with pair(backend, init_params=InitParams(out_streams=4, in_streams=4)) as both:
        both.client.send(b"x", stream=3)
        assert both.server.recv().stream == 3
        with pytest.raises(errors.StreamOutOfRange, match=r"0\.\.3") as caught:
            both.client.send(b"x", stream=4)
        assert caught.value.errno == errno.EINVAL
        assert isinstance(caught.value, ValueError)
        both.client.send(b"still works", stream=0)
        assert both.server.recv().data == b"still works"


def test_a_message_larger_than_the_send_buffer(linked):
    """A message that can never fit is refused with its size, and nothing of it is sent (docs/stacks.md)."""
    size = linked.client.opts.send_buffer_bytes + 100_000
    with pytest.raises(errors.MessageTooLong, match=str(size)) as caught:
        linked.client.send(b"x" * size)
    assert caught.value.errno == errno.EMSGSIZE
    linked.client.send(b"small")
    assert linked.server.recv().data == b"small"


def test_a_full_queue_would_block_and_loses_nothing(linked):
    """Sending without waiting ends in WouldBlock when the peer does not read; what was taken arrives in order."""
    taken = 0
    with pytest.raises(errors.WouldBlock) as caught:
        while True:
            linked.client.send(b"%06d" % taken + b"." * 5000, timeout=0)
            taken += 1
            assert taken < 20_000
    assert isinstance(caught.value, BlockingIOError)
    assert taken > 3
    for number in range(taken):
        assert linked.server.recv().data[:6] == b"%06d" % number


def test_a_full_queue_times_out(tight):
    """Sending with a time-out raises WaitTimeout when there is no room in time; the message was not sent."""
    with pytest.raises(errors.WaitTimeout) as caught:
        for _ in range(20_000):
            tight.client.send(b"x" * 10_000, timeout=0.2)
    assert isinstance(caught.value, TimeoutError)


def test_a_waiting_send_goes_on_when_the_peer_reads(linked):
    """A send that waits for room ends when the peer reads; everything arrives (RFC 6458 section 3.1.4)."""
    count = 400

    def send_all() -> None:
        for number in range(count):
            linked.client.send(b"%06d" % number + b"." * 8000, timeout=LIMIT)

    sender = Worker(send_all)
    for number in range(count):
        assert linked.server.recv().data[:6] == b"%06d" % number
    sender.join()


def test_writable_when_full(linked, backend):
    """A full socket is not writable, except where the table says so; it is again when the peer has read."""
    writable = True
    for _ in range(1000):  # an acknowledgement may come between the two
        _fill(linked.client)
        writable = linked.client.wait_writable(0)
        if not writable:
            break
    assert writable is not expected("not_writable_when_full", backend)
    reader = Worker(_drain, linked.server)
    assert linked.client.wait_writable(LIMIT)
    linked.client.send(b"end", timeout=LIMIT)
    reader.join()


def _fill(sock) -> None:
    with pytest.raises(errors.WouldBlock):
        for _ in range(100_000):
            sock.send(b"x" * 1000, timeout=0)


def _drain(sock) -> None:
    while sock.recv(timeout=LIMIT).data != b"end":
        pass


def test_ttl_is_taken(linked):
    """A message with a time to live arrives when the peer reads in time (RFC 3758 section 4.1)."""
    linked.client.send(b"soon", ttl=60)
    assert linked.server.recv().data == b"soon"


def test_sack_immediately_is_taken(linked):
    """The SACK_IMMEDIATELY flag is accepted by every stack (RFC 7053 section 7)."""
    linked.client.send(b"x", flags=SendFlag.SACK_IMMEDIATELY)
    assert linked.server.recv().data == b"x"


def test_many_messages_in_order(linked):
    """A thousand messages over ten streams arrive complete and in order for each stream."""
    count = 1000
    sender = Worker(lambda: [linked.client.send(b"%d" % n, stream=n % 10) for n in range(count)])
    seen = {stream: [] for stream in range(10)}
    for _ in range(count):
        message = linked.server.recv()
        assert isinstance(message, Message)
        seen[message.stream].append(int(message.data))
    sender.join()
    for stream, numbers in seen.items():
        assert numbers == list(range(stream, count, 10))
