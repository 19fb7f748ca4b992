"""send_many's parcels: what goes with one native call, what is checked, and what an interrupted call goes on with.

A fake handle plays the stack; that messages arrive is in tests/contract/test_bulk_send.py.
"""

from __future__ import annotations

import errno
from array import array

import pytest

from sctpffi import errors
from sctpffi._socket_bulk import _stretch, as_list
from sctpffi.bulk import Outgoing
from sctpffi.enums import SendFlag, Style
from sctpffi.lifecycle import Life, Phase
from sctpffi.sockets import Socket

from .script import EAGAIN, Script

MIB = 1048576


class Stack:
    """base.Backend as far as a socket asks it before it is used."""

    name = "script"


@pytest.fixture
def sock():
    """A one-to-one socket whose association is up, over a script."""
    found = Socket.__new__(Socket)
    found._setup(Stack(), Script(), 4, Style.ONE_TO_ONE, Life(Phase.UP))
    yield found
    found._closed = True


@pytest.fixture
def hub():
    """A one-to-many socket."""
    found = Socket.__new__(Socket)
    found._setup(Stack(), Script(), 4, Style.ONE_TO_MANY, Life())
    yield found
    found._closed = True


def said(sock):
    """What each message of the native calls said: stream and PPID."""
    return [(info.stream, info.ppid) for _, infos, _ in sock._handle.parcels for info in infos]


# -- native calls


def test_one_native_call(sock):
    """Messages that say the same go with one call and one info."""
    assert sock.send_many([b"1", bytearray(b"22"), memoryview(b"333")], 3, 46) == 3
    (parcel,) = sock._handle.parcels
    assert parcel[0] == [b"1", b"22", b"333"]
    assert [(info.stream, info.ppid, info.to) for info in parcel[1]] == [(3, 46, None)]


def test_infos_of_their_own(sock):
    """Messages that say different things have an info each, those that say the same share what was checked once."""
    given = [Outgoing(b"%d" % number, number % 2) for number in range(6)]
    assert sock.send_many(given) == 6
    (parcel,) = sock._handle.parcels
    assert [info.stream for info in parcel[1]] == [0, 1] * 3
    assert len({id(info) for info in parcel[1]}) == 2


def test_equal_is_not_the_same(sock):
    """What equals a number that was checked, such as 1.0 and True, is checked all the same."""
    for wrong in (1.0, True):
        with pytest.raises(errors.ArgumentTypeError) as caught:
            sock.send_many([Outgoing(b"a", 1), Outgoing(b"b", wrong)])
        assert caught.value.argument == "messages[1].stream"
    assert sock._handle.parcels == []


@pytest.mark.parametrize(
    ("sizes", "ends"),
    [
        ([1], [1]),
        ([MIB, 1], [1, 2]),
        ([MIB - 1, 1, 1], [2, 3]),
        ([MIB + 1, MIB + 1], [1, 2]),
        ([1, MIB, 1], [1, 2, 3]),
        ([10] * 1000, [1000]),
        ([MIB // 2] * 5, [2, 4, 5]),
    ],
)
def test_stretches(sizes, ends):
    """Messages are copied together up to a megabyte; a longer one goes alone, without a copy."""
    found, at = [], 0
    while at < len(sizes):
        at = _stretch(array("I", sizes), at)
        found.append(at)
    assert found == ends


@pytest.mark.parametrize("longest", [8192, 8193])
def test_long_messages_are_not_copied(sock, longest):
    """With a message over 8 KiB among them, all are given to the stack as they are, with one call."""
    given = [b"1", bytes(longest), b"2", bytes(longest)]
    seen = []
    sock._handle.send_these = lambda datas, lengths, infos, timeout_ms: seen.append(datas) or len(lengths)
    assert sock.send_many(given) == 4
    assert [[id(data) for data in datas] for datas in seen] == (
        [[id(data) for data in given]] if longest > 8192 else []
    )
    assert len(sock._handle.parcels) == (longest <= 8192)


def test_long_messages_go_on_after_a_part(sock):
    """Where it stopped, the next native call goes on, each message with what it says."""
    sock._handle.answers = [2, -errno.EINTR, 1]
    given = [Outgoing(bytes([number]) * 9000, number) for number in range(5)]
    assert sock.send_many(given) == 5
    assert [[data[0] for data in datas] for datas, _, _ in sock._handle.parcels] == [
        [0, 1, 2, 3, 4],
        [2, 3, 4],
        [2, 3, 4],
        [3, 4],
    ]
    assert all(
        [info.stream for info in infos] == [data[0] for data in datas] for datas, infos, _ in sock._handle.parcels
    )


def test_infos_follow_their_messages(sock):
    """With several native calls each message keeps what it says."""
    given = [Outgoing(bytes(8192), number) for number in range(300)]
    assert sock.send_many(given) == 300
    assert said(sock) == [(number, 0) for number in range(300)]
    assert [len(infos) for _, infos, _ in sock._handle.parcels] == [128, 128, 44]


# -- what stops it


def test_it_goes_on_after_a_part(sock):
    """After a part, and after EINTR, the next native call begins with the message behind (PEP 475)."""
    sock._handle.answers = [-errno.EINTR, 2, -errno.EINTR, 1]
    assert sock.send_many([b"%d" % number for number in range(5)]) == 5
    assert [parcel[0][0] for parcel in sock._handle.parcels] == [b"0", b"0", b"2", b"2", b"3"]


@pytest.mark.parametrize("code", [EAGAIN, -errno.EINVAL, -errno.EMSGSIZE, -errno.EPIPE, -errno.EBADF])
def test_what_was_sent_counts(sock, code):
    """What stops it after the first message is not raised: it gives how many were sent, and asks no more."""
    sock._handle.answers = [3, code]
    assert sock.send_many([b"%d" % number for number in range(5)]) == 3
    assert len(sock._handle.parcels) == 2


@pytest.mark.parametrize(
    ("code", "kind"), [(EAGAIN, errors.WouldBlock), (-errno.EBADF, errors.ClosedError), (-errno.ENOMEM, OSError)]
)
def test_what_stops_the_first_is_raised(sock, code, kind):
    """What stops it before the first message is raised, as an error of send_many."""
    sock._handle.answers = [code]
    with pytest.raises(kind) as caught:
        sock.send_many([b"1"], timeout=0)
    assert caught.value.op == "send_many"


def test_a_flag_that_the_stack_lacks(sock):
    """UnsupportedOption says what it may be by."""
    sock._handle.answers = [-errors.EABSENT]
    with pytest.raises(errors.UnsupportedOption, match="explicit_eor"):
        sock.send_many([b"1"])


def test_a_parcel_goes_on_where_it_was(sock):
    """A parcel that was checked is sent from any message on, for the asynchronous twins."""
    parcel = sock._parcel([b"0", Outgoing(b"1", 5), b"2"], Outgoing(b"", 1, 2, False))
    sock._handle.answers = [1]
    assert sock._send_parcel(parcel, 1, sock._deadline(0)) == 2
    assert [parcel[0] for parcel in sock._handle.parcels] == [[b"1", b"2"], [b"2"]]
    assert said(sock) == [(5, 2), (1, 2), (1, 2)]
    assert sock._send_parcel(parcel, 3, sock._deadline(0)) == 0


# -- whom it goes to


def test_its_own_target_takes_the_calls_place(hub):
    """An address or id of a message's own replaces both of the call's; with ADDR_OVER an address is a path."""
    given = [b"0", Outgoing(b"1", assoc_id=7), Outgoing(b"2", to="10.0.0.2:9")]
    for common, first in (({"assoc_id": 5}, (5, None)), ({"to": "10.0.0.1:9"}, (0, "10.0.0.1:9"))):
        hub._handle.parcels.clear()
        hub.send_many(given, **common)
        ((_, infos, _),) = hub._handle.parcels
        assert [(i.assoc_id, i.to and str(i.to)) for i in infos] == [first, (7, None), (0, "10.0.0.2:9")]
    hub._handle.parcels.clear()
    hub.send_many([Outgoing(b"3", to="10.0.0.2:9", flags=SendFlag.ADDR_OVER)], assoc_id=5)
    ((_, (info,), _),) = hub._handle.parcels
    assert (info.assoc_id, str(info.to)) == (5, "10.0.0.2:9")


# -- what messages are


def test_lists():
    """Any iterable becomes a list, a list a copy of it; one message is none."""
    given = [b"1", b"2"]
    assert as_list(given) == given
    assert as_list(given) is not given
    assert as_list(iter(given)) == given
    for one in (b"1", "1", bytearray(b"1"), memoryview(b"1"), Outgoing(b"1"), None, 5):
        with pytest.raises(errors.ArgumentTypeError) as caught:
            as_list(one)
        assert caught.value.argument == "messages"


def test_what_an_iterable_raises_is_its_own():
    """A TypeError of the iterable's own is not taken for one of ours."""

    def failing():
        raise TypeError("mine")
        yield

    with pytest.raises(TypeError, match="mine") as caught:
        as_list(failing())
    assert not isinstance(caught.value, errors.Error)
