"""The calls of socket.socket that receive, with what only SCTP has: RcvInfo, notifications, pieces, the end.

What CPython's own tests ask is in test_cpython_stream.py, whole messages in one's own memory in test_recv_into.py.
"""

from __future__ import annotations

import socket

import pytest

from sctpffi import (
    AssocChange,
    AssociationAborted,
    EndOfAssociation,
    Event,
    MsgFlag,
    NextInfo,
    NotConnected,
    RcvInfo,
    Socket,
    WouldBlock,
    WrongStyle,
    errors,
)
from sctpffi.notifications import SenderDryEvent
from sctpffi.testing import LIMIT, Worker

# -- recvmsg


def test_rcvinfo(linked):
    """RcvInfo has what a Message has (RFC 6458 section 5.3.5)."""
    linked.server.opts.context = 77
    for _ in range(2):
        linked.client.send(b"x", stream=3, ppid=46, unordered=True)
    data, (info,), flags, address = linked.server.recvmsg(10, 1)
    message = linked.server.recv()
    assert info == RcvInfo(
        3, info.ssn, MsgFlag.UNORDERED, 46, message.tsn - 1, info.cumtsn, 77, linked.server.status().assoc_id
    )
    assert (info.ppid_name, type(info.flags)) == ("DIAMETER", MsgFlag)
    assert (data, flags) == (b"x", MsgFlag.EOR | MsgFlag.UNORDERED)
    assert address == linked.client.getsockname()


def test_rcvinfo_of_ordered_messages(linked):
    """Ordered messages have sequence numbers, and no flag."""
    for _ in range(3):
        linked.client.send(b"x", stream=1)
    found = [linked.server.recvmsg(10, 1)[1][0] for _ in range(3)]
    assert [(info.ssn, info.flags) for info in found] == [(n, MsgFlag.NONE) for n in range(3)]


def test_nextinfo(linked):
    """With receive_nxtinfo a NextInfo tells of the message after (RFC 6458 section 5.3.6)."""
    linked.server.opts.receive_nxtinfo = True
    linked.client.send(b"first")
    linked.client.send(b"second", stream=4, ppid=46)
    for _ in range(100):  # the second one may be late
        linked.client.send(b"again", stream=4, ppid=46)
        found = [item for item in linked.server.recvmsg(100, 100)[1] if isinstance(item, NextInfo)]
        if found:
            break
    assert [(item.stream, item.ppid) for item in found] == [(4, 46)]


def test_the_pieces_of_a_message_are_told(linked):
    """Each piece comes with the same RcvInfo; the end of record is on the last one (RFC 6458 section 3.1.4)."""
    linked.client.send(b"0123456789", stream=2, ppid=9)
    found = [linked.server.recvmsg(4, 1) for _ in range(3)]
    assert [each[0] for each in found] == [b"0123", b"4567", b"89"]
    assert [each[2] for each in found] == [MsgFlag.NONE, MsgFlag.NONE, MsgFlag.EOR]
    assert {(each[1][0].stream, each[1][0].ssn, each[1][0].ppid) for each in found} == {(2, 0, 9)}


def test_recv_after_a_piece(linked):
    """recv after a piece gives the rest of that message."""
    linked.client.send(b"0123456789")
    assert linked.server.recvmsg(4)[0] == b"0123"
    assert linked.server.recv().data == b"456789"


@pytest.mark.parametrize("room", [1, 65536, 65537, 150_000, 1 << 40])
def test_any_room(linked, room):
    """A message comes in as many pieces as it takes, each of the size that is asked for at most."""
    data = bytes(i * 7 & 0xFF for i in range(150_000 if room > 1 else 300))
    sender = Worker(linked.client.send, data)
    found, whole = b"", False
    while not whole:
        piece, _, flags, _ = linked.server.recvmsg(room)
        assert 0 < len(piece) <= room
        found, whole = found + piece, bool(flags & MsgFlag.EOR)
    sender.join()
    assert found == data


def test_pieces_are_not_limited(linked):
    """max_message_bytes is the limit of what is put together, and no one's who takes pieces."""
    linked.server.max_message_bytes = 10
    for room in (1000, 100_000):
        linked.client.send(b"x" * 1000)
        assert linked.server.recvmsg(room) == (b"x" * 1000, [], MsgFlag.EOR, linked.client.getsockname())


@pytest.mark.parametrize("call", ["recvmsg", "recvmsg_into"])
@pytest.mark.parametrize("room", [0, 100])
def test_a_notification(linked, call, room):
    """A notification is b"" with MsgFlag.NOTIFICATION, and stands in ancdata with or without room (RFC 6458 6.1)."""
    linked.server.subscribe(Event.SENDER_DRY_EVENT)
    receive = {
        "recvmsg": lambda *more: linked.server.recvmsg(100, room, *more),
        "recvmsg_into": lambda *more: linked.server.recvmsg_into([bytearray(50), bytearray(50)], room, *more),
    }[call]
    linked.server.wait_readable()
    for more in ((socket.MSG_PEEK,), ()):
        data, ancillary, flags, _ = receive(*more)
        assert data == (b"" if call == "recvmsg" else 0)
        assert flags == MsgFlag.NOTIFICATION | MsgFlag.EOR
        assert [type(item) for item in ancillary] == [SenderDryEvent]
    with pytest.raises(WouldBlock):
        receive(socket.MSG_DONTWAIT)


def test_the_end_is_told_apart_from_a_notification(watched):
    """The graceful end is b"" without any flag and without an address, each time; notifications come before it."""
    watched.client.shutdown()
    found = []
    while not found or found[-1][1]:
        found.append(watched.server.recvmsg(100))
    assert all(flags & MsgFlag.NOTIFICATION for _, _, flags, _ in found[:-1])
    assert isinstance(found[-2][1][0], AssocChange)
    assert found[-1] == (b"", [], MsgFlag.NONE, None)
    assert watched.server.recvmsg(100) == (b"", [], MsgFlag.NONE, None)
    assert watched.server.recvmsg(100, 100, socket.MSG_PEEK) == (b"", [], MsgFlag.NONE, None)
    assert watched.server.recvmsg_into([bytearray(9)]) == (0, [], MsgFlag.NONE, None)
    assert watched.server.recvfrom(9) == (b"", None)
    assert watched.server.recvfrom_into(bytearray(9)) == (0, None)
    with pytest.raises(EndOfAssociation):
        watched.server.recv()


RECEIVE = {
    "recvmsg": lambda sock, *more: sock.recvmsg(9, 0, *more),
    "recvmsg_into": lambda sock, *more: sock.recvmsg_into([bytearray(9)], 0, *more),
    "recvfrom": lambda sock, *more: sock.recvfrom(9, *more),
    "recvfrom_into": lambda sock, *more: sock.recvfrom_into(bytearray(9), 0, *more),
}


@pytest.mark.parametrize("call", RECEIVE)
def test_a_loss_is_no_end(linked, call):
    """After an ABORT they raise, each time: only a graceful end reads as b"" (RFC 9260 section 9.1)."""
    linked.client.abort()
    for _ in range(2):
        with pytest.raises(AssociationAborted):
            RECEIVE[call](linked.server)


@pytest.mark.parametrize("call", RECEIVE)
def test_without_an_association(backend, call):
    """Without an association there is nothing to receive, which is no end either (ENOTCONN)."""
    with Socket(backend=backend) as sock, pytest.raises(NotConnected):
        RECEIVE[call](sock)


@pytest.mark.parametrize("call", RECEIVE)
def test_flags_of_receiving(linked, call):
    """MSG_PEEK and MSG_DONTWAIT, alone and together, are all; another flag is refused by name."""
    linked.server.settimeout(None)
    with pytest.raises(WouldBlock):
        RECEIVE[call](linked.server, socket.MSG_DONTWAIT)
    with pytest.raises(WouldBlock):
        RECEIVE[call](linked.server, socket.MSG_DONTWAIT | socket.MSG_PEEK)
    linked.client.send(b"hello")
    linked.server.wait_readable(LIMIT)
    assert RECEIVE[call](linked.server, socket.MSG_PEEK)[0] in (b"hello", 5)
    for wrong in (socket.MSG_WAITALL, socket.MSG_OOB, -1, 1 << 40):
        with pytest.raises(errors.ArgumentError, match="flags"):
            RECEIVE[call](linked.server, wrong)
    for wrong in (None, "MSG_PEEK", 2.0, True):
        with pytest.raises(errors.ArgumentTypeError, match="flags"):
            RECEIVE[call](linked.server, wrong)
    assert RECEIVE[call](linked.server)[0] in (b"hello", 5)


@pytest.mark.parametrize(
    "call",
    [
        lambda sock: sock.recvmsg(0),
        lambda sock: sock.recvfrom(0),
        lambda sock: sock.recvmsg_into([]),
        lambda sock: sock.recvmsg_into([bytearray(), bytearray()]),
        lambda sock: sock.recvfrom_into(bytearray()),
        lambda sock: sock.recvfrom_into(bytearray(4), 5),
        lambda sock: sock.recvfrom_into(bytearray(4), -1),
        lambda sock: sock.recvfrom_into(memoryview(bytearray(8))[::2]),
        lambda sock: sock.recvfrom(-1),
    ],
)
def test_room_that_is_none(linked, call):
    """Room for nothing, which would read as the end, and more than there is, are ValueErrors; nothing is received."""
    linked.client.send(b"x")
    with pytest.raises(errors.ArgumentError):
        call(linked.server)
    assert linked.server.recv().data == b"x"


@pytest.mark.parametrize("count", [1, 2])
def test_buffers_are_free_after_a_failure(linked, count):
    """A call that failed holds no memory: a bytearray can change its size, even while the error is kept."""
    buffers = [bytearray(9) for _ in range(count)]
    with pytest.raises(WouldBlock) as kept:
        linked.server.recvmsg_into(buffers, 0, socket.MSG_DONTWAIT)
    for buffer in buffers:
        buffer.extend(b"more")
    assert kept.value.op == "recvmsg_into"


# -- recvfrom and recvfrom_into


def test_recvfrom(linked):
    """recvfrom gives data and the peer's (host, port); the rest of a longer message is the next call's."""
    linked.client.send(b"hello")
    there = linked.client.getsockname()
    assert linked.server.recvfrom(3) == (b"hel", there)
    assert linked.server.recvfrom(100) == (b"lo", there)


def test_recvfrom_into(linked):
    """recvfrom_into does so into a buffer, or the first nbytes of it."""
    there, buffer = linked.client.getsockname(), bytearray(b"-" * 8)
    for message in (b"hello", b"again"):
        linked.client.send(message)
    assert linked.server.recvfrom(5) == (b"hello", there)
    assert linked.server.recvfrom_into(buffer, 2) == (2, there)
    assert linked.server.recvfrom_into(memoryview(buffer)[4:]) == (3, there)
    assert (buffer[:2], buffer[4:7]) == (b"ag", b"ain")


@pytest.mark.parametrize("call", ["recvfrom", "recvfrom_into"])
def test_a_notification_has_no_place_there(linked, call):
    """recvfrom can't show a notification: it raises, and the notification stays where it was, in its turn."""
    linked.client.send(b"before")
    linked.server.wait_readable(LIMIT)
    assert RECEIVE[call](linked.server)[0] in (b"before", 6)
    linked.server.subscribe(Event.SENDER_DRY_EVENT)
    linked.client.send(b"after")
    for flags in (0, socket.MSG_PEEK, 0):
        with pytest.raises(WrongStyle, match="recvmsg"):
            RECEIVE[call](linked.server, flags)
    assert isinstance(linked.server.recv(), SenderDryEvent)
    assert RECEIVE[call](linked.server)[0] in (b"after", 5)


def test_readers_of_all_kinds(linked):
    """Threads that read by different calls take turns: every message comes once."""
    count = 200
    reads = [
        lambda: linked.server.recvmsg(100)[0],
        lambda: linked.server.recvfrom(100)[0],
        lambda: read_into(linked.server.recvmsg_into, [bytearray(100)]),
        lambda: read_into(linked.server.recvfrom_into, bytearray(100)),
    ]

    def read(receive) -> list:
        found = []
        while True:
            data = receive()
            if not data:
                return found
            found.append(int(data))

    workers = [Worker(read, receive) for receive in reads]
    for number in range(count):
        linked.client.send(b"%d" % number)
    linked.client.shutdown()
    assert sorted(number for worker in workers for number in worker.join()) == list(range(count))


def read_into(receive, buffer):
    """What a call put into a buffer, or a list of one."""
    size = receive(buffer)[0]
    return bytes((buffer[0] if isinstance(buffer, list) else buffer)[:size])
