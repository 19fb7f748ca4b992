"""What CPython's own tests ask of a one-to-one SCTP socket, asked of Socket: sendmsg, recvmsg and recvmsg_into.

Re-enacted from SendmsgSCTPStreamTest, RecvmsgSCTPStreamTest and RecvmsgIntoSCTPStreamTest of Lib/test/test_socket.py;
tests/suites/cpython.txt says which is which. Every receiving test runs by recvmsg and by recvmsg_into. What Socket does
with what only it has (typed ancillary data, notifications) is in test_socket_habits.py.
"""

from __future__ import annotations

import array
import errno
import socket

import pytest

from sctpffi import MsgFlag, RcvInfo
from sctpffi.testing import LIMIT, Worker

TEXT = b"Some bytes of nothing in particular, which are sent as one message."
SHORT = 3  # how much of TEXT a buffer lacks


def by_recvmsg(sock, size, *more):
    """recvmsg as it is."""
    return sock.recvmsg(size, *more)


def by_recvmsg_into(sock, size, *more):
    """recvmsg_into with one buffer, as recvmsg gives it."""
    buffer = bytearray(size)
    count, *rest = sock.recvmsg_into([buffer], *more)
    assert 0 <= count <= size
    return (bytes(buffer[:count]), *rest)


@pytest.fixture(params=[by_recvmsg, by_recvmsg_into])
def receive(request):
    """Both ways to receive, one after the other."""
    return request.param


def check(found, data, whole=True):
    """What came is this data, without ancillary data; whole tells whether a message ended with it."""
    got, ancillary, flags, _ = found
    assert (got, ancillary) == (data, [])
    assert bool(flags & MsgFlag.EOR) is whole
    assert not flags & (MsgFlag.CONTROL_TRUNCATED | MsgFlag.NOTIFICATION)


# -- sendmsg


def arrives(linked, *arguments):
    """One message that sendmsg sends, which says that it was taken whole."""
    assert linked.client.sendmsg(*arguments) == len(TEXT)
    check(linked.server.recvmsg(len(TEXT)), TEXT)


def test_sendmsg(linked):
    """sendmsg sends the one buffer of a list, and tells its size (RFC 6458 section 4.1.8)."""
    arrives(linked, [TEXT])


def test_sendmsg_takes_buffers_from_a_generator(linked):
    """The buffers may come from a generator."""
    arrives(linked, (part for part in [TEXT]))


def test_sendmsg_takes_ancillary_data_from_a_generator(linked):
    """So may the ancillary data, though there be none."""
    arrives(linked, [TEXT], (item for item in []))


def test_sendmsg_takes_an_array(linked):
    """A buffer may be an array."""
    arrives(linked, [array.array("B", TEXT)])


def test_sendmsg_gathers(linked):
    """Several buffers are one message."""
    arrives(linked, [TEXT[:SHORT], TEXT[SHORT:]])


def test_sendmsg_takes_none_for_an_address(linked):
    """An address of None is none."""
    arrives(linked, [TEXT], [], 0, None)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (b"one buffer is no iterable of buffers",),
        ("nor is text",),
        (object(),),
        ([object()],),
        (["text"],),
        ([TEXT, object()],),
        ([TEXT], object()),
        ([TEXT], [], object()),
        ([TEXT], [], 0, object()),
    ],
)
def test_sendmsg_refuses_other_types(linked, arguments):
    """Arguments of other types are TypeErrors, and nothing is sent."""
    with pytest.raises(TypeError):
        linked.client.sendmsg(*arguments)
    linked.client.send(b"done")
    check(linked.server.recvmsg(1000), b"done")


@pytest.mark.parametrize(
    "ancillary",
    [
        [object()],
        [(object(), 0, b"data")],
        [(0, object(), b"data")],
        [(0, 0, object())],
        [(0, 0)],
        [(0, 0, b"data", 42)],
        [0, 0, b""],
        [(0, 0, b""), object()],
        [(socket.IPPROTO_IP, 2, b"data")],
    ],
)
def test_sendmsg_refuses_what_is_no_ancillary_data(linked, ancillary):
    """What is no ancillary data is a TypeError, one or several; tuples of a stack's numbers and bytes are none here."""
    with pytest.raises(TypeError, match="SndInfo"):
        linked.client.sendmsg([TEXT], ancillary)
    linked.client.send(b"done")
    check(linked.server.recvmsg(1000), b"done")


def test_sendmsg_after_close(linked):
    """A closed socket sends nothing: OSError."""
    linked.client.close()
    with pytest.raises(OSError) as caught:
        linked.client.sendmsg([TEXT])
    assert caught.value.errno == errno.EBADF


def fill(send):
    """Send until it fails; the error."""
    with pytest.raises(OSError) as caught:
        for _ in range(1_000_000):
            send()
    return caught.value


def test_sendmsg_times_out(linked):
    """Without room sendmsg waits for the socket's time-out and then raises TimeoutError; what was taken arrives."""
    linked.client.settimeout(0.03)
    assert isinstance(fill(lambda: linked.client.sendmsg([b"a" * 512])), TimeoutError)
    check(linked.server.recvmsg(512), b"a" * 512)


def test_sendmsg_does_not_wait_if_told_so(linked):
    """socket.MSG_DONTWAIT has it fail with EAGAIN at once, though the socket may wait for ever."""
    linked.client.settimeout(None)
    error = fill(lambda: linked.client.sendmsg([b"a" * 512], [], socket.MSG_DONTWAIT))
    assert (error.errno, isinstance(error, BlockingIOError)) == (errno.EAGAIN, True)
    check(linked.server.recvmsg(512), b"a" * 512)


# -- recvmsg and recvmsg_into


@pytest.mark.parametrize("more", [(), (0, 0)], ids=["defaults", "explicit"])
@pytest.mark.parametrize("spare", [0, 42], ids=["as_long", "longer"])
def test_recvmsg(linked, receive, more, spare):
    """A message that fits comes whole with the end of record, without ancillary data (RFC 6458 section 4.1.8)."""
    linked.client.send(TEXT)
    check(receive(linked.server, len(TEXT) + spare, *more), TEXT)


def test_recvmsg_of_what_sendmsg_sent(linked, receive):
    """What sendmsg gathered comes as one message."""
    linked.client.sendmsg([TEXT[:SHORT], TEXT[SHORT:]])
    check(receive(linked.server, len(TEXT)), TEXT)


def test_recvmsg_of_a_longer_message(linked, receive):
    """Of a longer message what fits comes first, without the end of record; the rest is the next call's."""
    linked.client.send(TEXT)
    check(receive(linked.server, len(TEXT) - SHORT), TEXT[:-SHORT], whole=False)
    check(receive(linked.server, 1024), TEXT[-SHORT:])


@pytest.mark.parametrize("room", [1, 10240])
def test_recvmsg_with_room_for_ancillary_data(linked, receive, room):
    """With room for ancillary data a message comes with it, however much room: what CPython's socket has to ask for."""
    linked.client.send(TEXT)
    got, ancillary, flags, _ = receive(linked.server, len(TEXT), room)
    assert (got, flags) == (TEXT, MsgFlag.EOR)
    assert [type(item) for item in ancillary] == [RcvInfo]


def test_recvmsg_peeks(linked, receive):
    """socket.MSG_PEEK shows the beginning, or all, of a message and leaves it there."""
    linked.client.send(TEXT)
    check(receive(linked.server, len(TEXT) - SHORT, 0, socket.MSG_PEEK), TEXT[:-SHORT], whole=False)
    check(receive(linked.server, len(TEXT), 0, socket.MSG_PEEK), TEXT)
    check(receive(linked.server, len(TEXT)), TEXT)


def test_recvmsg_at_the_end(linked, receive):
    """After the peer has closed, b"" without ancillary data, as often as one asks."""
    linked.client.send(TEXT)
    linked.client.close()
    check(receive(linked.server, 1024), TEXT)
    for _ in range(3):
        got, ancillary, _, _ = receive(linked.server, 1024)
        assert (got, ancillary) == (b"", [])


def test_recvmsg_times_out(linked, receive):
    """With nothing to receive the socket's time-out passes, and TimeoutError is raised."""
    linked.server.settimeout(0.03)
    with pytest.raises(TimeoutError):
        receive(linked.server, len(TEXT))


def test_recvmsg_waits_for_what_comes(linked, receive):
    """A call that waits gets what is sent meanwhile."""
    reader = Worker(receive, linked.server, 1024)
    linked.client.send(TEXT)
    check(reader.join(LIMIT), TEXT)


def test_recvmsg_after_close(linked, receive):
    """A closed socket receives nothing: OSError."""
    linked.server.close()
    with pytest.raises(OSError) as caught:
        receive(linked.server, 1024)
    assert caught.value.errno == errno.EBADF


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (TypeError, ()),
        (ValueError, (-1, 0, 0)),
        (ValueError, (len(TEXT), -1, 0)),
        (TypeError, ([bytearray(10)], 0, 0)),
        (TypeError, (object(), 0, 0)),
        (TypeError, (len(TEXT), object(), 0)),
        (TypeError, (len(TEXT), 0, object())),
    ],
)
def test_recvmsg_refuses_other_arguments(linked, error, arguments):
    """Wrong arguments are TypeErrors and ValueErrors, and nothing is received."""
    with pytest.raises(error):
        linked.server.recvmsg(*arguments)
    linked.client.send(TEXT)
    check(linked.server.recvmsg(len(TEXT), 0, 0), TEXT)
