"""The C decoders alone, under AddressSanitizer and UndefinedBehaviorSanitizer, with arbitrary bytes of exact size.

Also those that are static and that no module shows: control messages and packed addresses. That an astray read would be
found is proved with copies of the C files that were broken on purpose.
"""

from __future__ import annotations

import errno
import shutil
import socket
import struct
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sctpffi.addresses import from_raw
from sctpffi.backends import _build_info
from sctpffi.enums import NextFlag
from sctpffi.options import LIMITS

from . import strategies
from .harness import CONTROL, Harness, addresses_of, compile_harness
from .near import CSRC, natives
from .test_decoders import SAMPLES, STACKS, notifications

BUILT = tuple(_build_info.BUILT)
SIX = struct.pack("=H", socket.AF_INET6)
FOUR = struct.pack("=H", socket.AF_INET)
U32 = LIMITS["u32"]
# struct cmsghdr: the length with the header, level and type; on FreeBSD the length has 32 bits.
WIDE = sys.platform == "linux"
HEADER = struct.Struct("=Qii") if WIDE else struct.Struct("=Iii4x")
ALIGN = 8
OVERFLOW = "heap-buffer-overflow"


@pytest.fixture(scope="module")
def harnesses(tmp_path_factory):
    """The harness of each backend that was built; it must have had nothing to complain about."""
    folder = tmp_path_factory.mktemp("harness")
    found = {name: Harness(name, compile_harness(name, folder)) for name in BUILT}
    yield found
    assert {name: one.close() for name, one in found.items()} == dict.fromkeys(BUILT, "")


@pytest.fixture(scope="module", params=BUILT)
def harness(request, harnesses):
    """Each of them."""
    return harnesses[request.param]


@pytest.fixture(scope="module", params=[name for name in BUILT if name in CONTROL])
def receiver(request, harnesses):
    """Each that receives by recvmsg."""
    return harnesses[request.param]


# -- notifications


@given(data=st.data())
def test_notifications_are_read_within_their_bytes(harness, data):
    """No byte beyond a notification is read, and the compiled module makes the same of it."""
    given_ = data.draw(notifications(harness.name))
    code, out = harness.ask("N", given_)
    stack = STACKS[harness.name]
    room = stack.ffi.new("sfi_ntf *")
    assert stack.lib.sfi_notification(given_, len(given_), room) == code
    assert code in (0, -errno.EBADMSG)
    assert bytes(stack.ffi.buffer(room)) == out


def test_notifications_cut_anywhere_are_read_within_their_bytes(harness):
    """No byte beyond a notification is read wherever it is cut off, whatever its length field says."""
    for sample in SAMPLES[harness.name]:
        for size in range(len(sample) + 1):
            for claimed in (None, 0, size, size + 1, U32):
                data = sample[:size]
                if claimed is not None and size >= 8:
                    data = data[:4] + struct.pack("=I", claimed) + data[8:]
                harness.ask("N", data)


# -- addresses


@given(data=st.binary(max_size=160), family=st.one_of(st.sampled_from([FOUR, SIX]), st.binary(min_size=2, max_size=2)))
def test_addresses_are_read_within_their_bytes(harness, data, family):
    """No byte beyond an address is read, however short it is."""
    code, out = harness.ask("F", family[: len(data)] + data[2:])
    assert code == 0
    ((found, port, scope, ip),) = addresses_of(out)
    assert found in (0, 4, 6)
    assert (from_raw(found, port, scope, ip) is None) is (found == 0)


@given(data=st.binary(min_size=28, max_size=28), family=st.one_of(st.sampled_from([0, 4, 6]), strategies.edges(U32)))
def test_addresses_are_written_within_their_room(harness, data, family):
    """Every sfi_addr becomes an address of the stack, of 16 or 28 bytes; what is none becomes the wildcard."""
    code, storage = harness.ask("T", struct.pack("=I", family) + data[4:])
    assert code == (28 if family == 6 else 16)
    assert storage[code:] == bytes(len(storage) - code)


packed = st.lists(st.one_of(
    st.binary(min_size=14, max_size=14).map(lambda rest: FOUR + rest),
    st.binary(min_size=26, max_size=26).map(lambda rest: SIX + rest),
), max_size=8)  # fmt: skip


@given(items=packed, room=st.integers(0, 10))
def test_packed_addresses_are_all_found(harness, items, room):
    """Addresses of 16 and 28 bytes, back to back, are all found, and as many given as there is room for."""
    code, out = harness.ask("U", b"".join(items), len(items), room)
    assert code == len(items)
    assert len(addresses_of(out)) == min(room, len(items))


@given(items=packed, junk=st.binary(max_size=30), cut=st.integers(0, 300), count=st.one_of(
    st.integers(0, 12), strategies.edges(U32)
), room=st.integers(0, 64))  # fmt: skip
@example(items=[SIX + bytes(26)], junk=b"", cut=27, count=1, room=1)
@example(items=[FOUR + bytes(14)], junk=b"\2", cut=17, count=U32, room=64)
def test_packed_addresses_are_read_within_their_bytes(harness, items, junk, cut, count, room):
    """However many addresses a list is said to have, none is read beyond its bytes."""
    data = (b"".join(items) + junk)[:cut]
    code, out = harness.ask("U", data, count, room)
    assert 0 <= code <= min(count, len(data) // 16)
    assert len(addresses_of(out)) == min(room, code)


@given(items=st.lists(st.binary(min_size=24, max_size=24), max_size=8), family=st.sampled_from([4, 6, 4, 6, 0, 7]),
       size=st.integers(0, 300))  # fmt: skip
def test_addresses_are_packed_within_their_room(harness, items, family, size):
    """A list that does not fit is E2BIG, one with what is no address EAFNOSUPPORT, and no byte is written beyond."""
    data = b"".join(struct.pack("=I", family) + item for item in items)
    code, out = harness.ask("P", data, 0, size)
    width = {4: 16, 6: 28}.get(family, 0)
    if width == 0 and items:
        assert code == -errno.EAFNOSUPPORT
    elif width * len(items) > size:
        assert code == -errno.E2BIG
    else:
        assert code == len(out) == width * len(items)


# -- control messages


def number(name, constant):
    """A stack's own number."""
    return STACKS[name].number(constant)


def cmsg(level, kind, payload, length=None):
    """A control message, padded."""
    whole = HEADER.pack(HEADER.size + len(payload) if length is None else length, level, kind) + payload
    return whole + bytes(-len(whole) % ALIGN)


def rcvinfo(name, **fields):
    """struct sctp_rcvinfo, or with next=True sctp_nxtinfo."""
    ffi = STACKS[name].ffi
    struct_name, prefix = ("sctp_nxtinfo", "nxt") if fields.pop("next", False) else ("sctp_rcvinfo", "rcv")
    room = ffi.new(f"struct {struct_name} *")
    for field, value in fields.items():
        setattr(room, f"{prefix}_{field}", value)
    return bytes(ffi.buffer(room))


def read(out):
    """struct sfi_rcv: flags, the message's words, and those of the next message."""
    words = struct.unpack("=12I16s2I5I", out)
    return words[1], words[2:9], words[15:]


def test_control_messages_are_read(receiver):
    """Both control messages are read, in either order and with others between them (RFC 6458 sections 5.3.5, 5.3.6)."""
    name = receiver.name
    info = rcvinfo(name, sid=1, ssn=2, ppid=natives.swapped(3), tsn=4, cumtsn=5, context=6, assoc_id=7,
                   flags=number(name, "SCTP_UNORDERED"))  # fmt: skip
    following = rcvinfo(name, next=True, sid=8, ppid=natives.swapped(9), length=10, assoc_id=11,
                        flags=number(name, "SCTP_NOTIFICATION"))  # fmt: skip
    level = socket.IPPROTO_SCTP
    parts = [
        cmsg(level, number(name, "SCTP_RCVINFO"), info),
        cmsg(socket.SOL_SOCKET, 1, b"x" * 5),
        cmsg(level, number(name, "SCTP_SNDRCV"), b"y" * 32),
        cmsg(level, number(name, "SCTP_NXTINFO"), following),
    ]
    for order in (parts, parts[::-1]):
        _, out = receiver.ask("C", b"".join(order))
        flags, words, next_words = read(out)
        assert flags == 2 | 8
        assert words == (1, 2, 3, 4, 5, 6, 7)
        assert next_words == (8, NextFlag.NOTIFICATION, 9, 10, 11)


@st.composite
def controls(draw, name):
    """A control buffer: messages of ours and of others, with lengths that are right or not, cut off somewhere."""
    levels = st.sampled_from([socket.IPPROTO_SCTP, socket.IPPROTO_SCTP, socket.SOL_SOCKET, -1])
    ours = [number(name, f"SCTP_{kind}") for kind in ("RCVINFO", "NXTINFO", "SNDRCV", "INIT")]
    data = b""
    for _ in range(draw(st.integers(0, 4))):
        payload = draw(st.one_of(st.binary(max_size=40), st.binary(min_size=28, max_size=28)))
        lengths = st.one_of(st.none(), st.none(), st.integers(0, 80), strategies.edges(2**64 - 1 if WIDE else U32))
        kind = draw(st.one_of(st.sampled_from(ours), st.integers(-1, 200)))
        data += cmsg(draw(levels), kind, payload, draw(lengths))
    data += draw(st.binary(max_size=20))
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@given(data=st.data())
def test_control_messages_are_read_within_their_bytes(receiver, data):
    """However long a control message says it is, no byte beyond the buffer is read, and the walk ends."""
    _, out = receiver.ask("C", data.draw(controls(receiver.name)))
    flags, _, _ = read(out)
    assert flags & ~(2 | 8) == 0


def test_control_messages_cut_anywhere_are_read_within_their_bytes(receiver):
    """A message that was cut off tells nothing: FreeBSD leaves its length as it was (MSG_CTRUNC)."""
    name = receiver.name
    whole = cmsg(socket.IPPROTO_SCTP, number(name, "SCTP_RCVINFO"), rcvinfo(name, sid=1))
    whole += cmsg(socket.IPPROTO_SCTP, number(name, "SCTP_NXTINFO"), rcvinfo(name, next=True, sid=2))
    first = HEADER.size + 28
    for size in range(len(whole) + 1):
        flags, words, _ = read(receiver.ask("C", whole[:size])[1])
        assert words[0] == (1 if size >= first else 0)
        assert bool(flags & 8) is (size >= len(whole))


# -- that it would be seen

# Checks of lengths: file, what is there, what is put in its place, the question that then ends badly, and what is said.
# Those of one group are broken together, in a copy of the C files.
BROKEN = [
    [
        ("sfi_notify.inc.c", "    if (length < sizeof var) \\\n        return -EBADMSG;    \\\n", "", "N", OVERFLOW),
        ("sfi_common.h", " || size - at < length)", ")", "U", OVERFLOW),
        ("sfi_common.h", "AF_INET6 && size >= sizeof six", "AF_INET6", "F", OVERFLOW),
        ("sfi_posix.inc.c", "if (c->cmsg_len > left)", "if (left == 0)", "C", OVERFLOW),
    ],
    [
        ("sfi_notify.inc.c", "    if (claimed < length)\n", "    if (claimed > length)\n", "N", "harness: tail"),
        ("sfi_common.h", "        if (i < room)\n", "", "U", OVERFLOW),
        ("sfi_common.h", "        if (used + length > size)\n            return -E2BIG;\n", "", "P", OVERFLOW),
    ],
]


def questions(name, kind):
    """Cases of a kind that a decoder without its check does not survive."""
    info = cmsg(socket.IPPROTO_SCTP, number(name, "SCTP_RCVINFO"), bytes(28))
    if kind == "N":
        for sample in SAMPLES[name]:
            lying = sample[:4] + struct.pack("=I", U32) + sample[8:]
            yield from (lying[:size] for size in range(2, len(lying) + 1))
    elif kind == "U":
        yield from ((SIX + bytes(26)) * 3, (SIX + bytes(26)) * 2 + SIX + bytes(20))
    elif kind == "F":
        yield from (SIX + bytes(size) for size in range(30))
    elif kind == "P":
        yield struct.pack("=I", 6) + bytes(24)
    else:
        yield from (info[:size] for size in range(len(info)))


@pytest.fixture(scope="module", params=range(len(BROKEN)), ids=lambda group: f"group{group}")
def broken(request, tmp_path_factory):
    """A harness of C files without some of their checks, and what was taken out."""
    folder = tmp_path_factory.mktemp("broken")
    csrc = folder / "csrc"
    shutil.copytree(CSRC, csrc)
    for name, old, new, _, _ in BROKEN[request.param]:
        text = (csrc / name).read_text()
        assert text.count(old) == 1, f"{name} has no longer one {old!r}: break it in another way"
        (csrc / name).write_text(text.replace(old, new))
    return Harness("linux", compile_harness("linux", folder, csrc)), BROKEN[request.param]


def test_missing_checks_would_be_found(broken):
    """Without a check of lengths, questions end in a report of the sanitizer, or of the harness itself."""
    harness, taken_out = broken
    for _, old, _, kind, said in taken_out:
        with pytest.raises(AssertionError, match=said):
            for question in questions(harness.name, kind):
                harness.ask(kind, question, 4, 1)
            raise AssertionError(f"nothing was found without {old!r}")
    harness.close()
