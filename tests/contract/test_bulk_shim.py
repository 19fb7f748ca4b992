"""sfi_send_many and sfi_recv_many by themselves (csrc/sfi.h): what they refuse, and where they put messages.

Called through the compiled module, as Python's own callers never would.
"""

from __future__ import annotations

import errno

import pytest

from sctpffi import errors
from sctpffi.testing import LIMIT, delivered

WAIT_MS = int(LIMIT * 1000)
INT_MAX = 2**31 - 1


class Raw:
    """The calls for one socket, with arguments that are right unless others are given."""

    def __init__(self, sock) -> None:
        self.handle = sock._handle
        self.ffi, self.lib, self.null = self.handle._ffi, self.handle._lib, self.handle._ffi.NULL
        self.pointer = self.handle._ptr
        self.room = self.ffi.new("char[]", 65536)
        self.out = self.ffi.new("sfi_rcv[]", 256)

    def infos(self, *each):
        """What messages say: a PPID each; nothing else, unless it is a dict."""
        found = self.ffi.new("sfi_snd[]", len(each))
        for info, one in zip(found, each):
            info.pr_policy = self.lib.SFI_PR_UNSET
            for name, value in (one if isinstance(one, dict) else {"ppid": one}).items():
                setattr(info, name, value)
        return found

    def send(self, **wrong):
        """sfi_send_many of three messages b"a", b"bb", b"ccc"."""
        given = {
            "sock": self.pointer,
            "data": b"abbccc",
            "size": 6,
            "lengths": self.ffi.new("uint32_t[]", [1, 2, 3]),
            "count": 3,
            "infos": self.infos(1, 2, 3),
            "infos_count": 3,
            "timeout_ms": 0,
        }
        given.update(wrong)
        return self.lib.sfi_send_many(*given.values())

    def send_these(self, **wrong):
        """sfi_send_these of the same messages."""
        held = [self.ffi.from_buffer(data) for data in (b"a", b"bb", b"ccc")]
        given = {
            "sock": self.pointer,
            "datas": self.ffi.new("char *[]", held),
            "lengths": self.ffi.new("uint32_t[]", [1, 2, 3]),
            "count": 3,
            "infos": self.infos(1, 2, 3),
            "infos_count": 3,
            "timeout_ms": 0,
        }
        given.update(wrong)
        return self.lib.sfi_send_these(*given.values())

    def recv(self, **wrong):
        """sfi_recv_many into 64 KiB."""
        given = {
            "sock": self.pointer,
            "room": self.room,
            "size": 65536,
            "least": 2048,
            "out": self.out,
            "count": 256,
            "timeout_ms": WAIT_MS,
        }
        given.update(wrong)
        return self.lib.sfi_recv_many(*given.values())

    def came(self, count):
        """The bytes of the first messages, and their PPIDs."""
        whole = self.ffi.buffer(self.room)
        return [(whole[i.offset : i.offset + i.length], i.ppid) for i in self.out[0:count]]


@pytest.fixture
def linked(prompt):
    """What was sent is acknowledged at once, not after 200 ms: most tests here wait until all has arrived."""
    return prompt


@pytest.fixture
def client(linked):
    """The calls for one end."""
    return Raw(linked.client)


@pytest.fixture
def server(linked):
    """The calls for the other."""
    return Raw(linked.server)


@pytest.mark.parametrize("how", ["send", "send_these"])
def test_there_and_back(linked, client, server, how):
    """Messages that lie together, or each somewhere, are sent with an info each or one for all, and come apart."""
    send = getattr(client, how)
    assert send() == 3
    delivered(linked.client)
    assert server.came(server.recv()) == [(b"a", 1), (b"bb", 2), (b"ccc", 3)]
    assert send(infos=client.infos(9), infos_count=1) == 3
    delivered(linked.client)
    assert server.came(server.recv()) == [(b"a", 9), (b"bb", 9), (b"ccc", 9)]
    assert server.recv(timeout_ms=0) == -errno.EAGAIN


WRONG_PARCELS = {
    "data": lambda raw: {"data": raw.null},
    "lengths": lambda raw: {"lengths": raw.null},
    "infos": lambda raw: {"infos": raw.null},
    "count": lambda raw: {"count": 0},
    "count over INT_MAX": lambda raw: {"count": INT_MAX + 1},
    "no infos": lambda raw: {"infos_count": 0},
    "fewer infos": lambda raw: {"infos_count": 2},
    "more infos": lambda raw: {"infos": raw.infos(1, 2, 3, 4), "infos_count": 4},
    "lengths beyond the data": lambda raw: {"size": 5},
    "data beyond the lengths": lambda raw: {"data": b"abbcccd", "size": 7},
    "no data": lambda raw: {"size": 0},
    "lengths that wrap": lambda raw: {"lengths": raw.ffi.new("uint32_t[]", [6, 2**32 - 1, 1])},
    "an empty message": lambda raw: {"lengths": raw.ffi.new("uint32_t[]", [3, 0, 3])},
    "a stream": lambda raw: {"infos": raw.infos(1, {"sid": 65536}, 3)},
    "EOF": lambda raw: {"infos": raw.infos(1, {"flags": raw.lib.SFI_SEND_EOF}, 3)},
    "ABORT": lambda raw: {"infos": raw.infos(1, 2, {"flags": raw.lib.SFI_SEND_ABORT})},
}


@pytest.mark.parametrize("what", WRONG_PARCELS)
def test_parcels_that_are_wrong(linked, client, what):
    """A parcel that does not add up, or of which one message is wrong, is EINVAL before any of it is sent."""
    assert client.send(**WRONG_PARCELS[what](client)) == -errno.EINVAL
    linked.client.send(b"after")
    assert linked.server.recv().data == b"after"


@pytest.mark.parametrize(
    "what", [what for what in WRONG_PARCELS if not what.startswith(("data", "no data", "lengths "))]
)
def test_parcels_from_anywhere_that_are_wrong(linked, client, what):
    """The same of messages that lie each somewhere."""
    assert client.send_these(**WRONG_PARCELS[what](client)) == -errno.EINVAL
    linked.client.send(b"after")
    assert linked.server.recv().data == b"after"


def test_messages_that_are_nowhere(linked, client):
    """No pointers, or one that points nowhere, are EINVAL before anything is sent."""
    held = client.ffi.from_buffer(b"there")
    assert client.send_these(datas=client.null) == -errno.EINVAL
    assert client.send_these(datas=client.ffi.new("char *[]", [held, client.null, held])) == -errno.EINVAL
    linked.client.send(b"after")
    assert linked.server.recv().data == b"after"


@pytest.mark.parametrize("what", [{"flags": 0x8000}, {"pr_policy": 77}])
def test_parcels_that_the_stack_lacks(linked, client, what):
    """A flag or policy that is none of the stack's, of whatever message, is EABSENT before any is sent."""
    assert client.send(infos=client.infos(1, 2, what)) == -errors.EABSENT
    linked.client.send(b"after")
    assert linked.server.recv().data == b"after"


WRONG_ROOMS = {
    "room": lambda raw: {"room": raw.null},
    "out": lambda raw: {"out": raw.null},
    "size": lambda raw: {"size": 0},
    "size over 32 bits": lambda raw: {"size": 2**32},
    "count": lambda raw: {"count": 0},
    "count over INT_MAX": lambda raw: {"count": INT_MAX + 1},
    "least": lambda raw: {"least": 0},
    "least over size": lambda raw: {"least": 65537},
}


@pytest.mark.parametrize("what", WRONG_ROOMS)
def test_rooms_that_are_wrong(linked, server, what):
    """Memory that is none, or of no use, is EINVAL, without a wait, and nothing is read."""
    linked.client.send(b"x")
    delivered(linked.client)
    assert server.recv(**WRONG_ROOMS[what](server)) == -errno.EINVAL
    assert linked.server.recv().data == b"x"


def test_no_socket(client, server):
    """No socket is EBADF, as a closed one is."""
    for sock in (client, server):
        assert sock.send(sock=sock.null) == sock.recv(sock=sock.null) == -errno.EBADF
    server.handle.close()
    assert server.send() == server.recv() == -errno.EBADF


@pytest.mark.parametrize("least", [1, 64, 1000, 2048, 4096, 16384, 21000, 32768, 65536])
@pytest.mark.parametrize("size", [65536, 65535 + 2048])
def test_each_has_the_least(linked, server, least, size):
    """Each message of a batch has `least` bytes of space or more: one of that length is not cut, and none overlap."""
    server.room = server.ffi.new("char[]", size)
    given = [bytes([65 + number % 26]) * min(least, 5000) for number in range(10)]
    assert linked.client.send_many(given) == 10
    delivered(linked.client)
    found = []
    while len(found) < 10:
        count = server.recv(size=size, least=least)
        assert count > 0
        assert all(info.flags & server.lib.SFI_RCV_EOR for info in server.out[0:count])
        assert all(info.offset + info.length <= size for info in server.out[0:count])
        found += [data for data, _ in server.came(count)]
    assert found == given


def test_nothing_is_written_beside_the_room(linked, server):
    """What lies behind the room, and behind the infos that were asked for, stays as it is."""
    server.room = server.ffi.new("char[]", b"-" * 65600)
    linked.client.send_many([b"x" * 4000] * 20)
    delivered(linked.client)
    server.out[5].length = 77
    assert server.recv(size=65536, count=5) == 5
    assert server.out[5].length == 77
    assert server.recv(size=65536, least=4096) > 0
    assert bytes(server.ffi.buffer(server.room))[65536:65600] == b"-" * 64
