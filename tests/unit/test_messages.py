"""Message: its values, what is derived from them when asked, and comparison.

Plain data; how it comes to be is in test_inbox.py.
"""

from __future__ import annotations

import pytest

from sctpffi import messages
from sctpffi.addresses import Address
from sctpffi.enums import MsgFlag, NextFlag, Ppid
from sctpffi.messages import Message, NextInfo

RAW = (4, 5000, 0, bytes([10, 0, 0, 2]) + bytes(12))
FIELDS = ("data", "stream", "ssn", "ppid", "tsn", "cumtsn", "flags", "context", "assoc_id")
VALUES = (b"hello", 3, 4, 46, 1000, 999, int(MsgFlag.EOR), 77, 9)


def make(**changed):
    """A message with some of its values changed."""
    values = {**dict(zip(FIELDS, VALUES)), **changed}
    address, following = values.pop("raw_address", RAW), values.pop("raw_next", None)
    return Message(*(values[name] for name in FIELDS), address, following)


def test_values_are_kept():
    """Each value of the rcvinfo is an attribute under its own name (RFC 6458 section 5.3.5)."""
    message = make()
    assert tuple(getattr(message, name) for name in FIELDS) == VALUES


def test_length_and_bytes_are_the_datas():
    """len() and bytes() are those of the payload."""
    assert len(make()) == 5
    assert bytes(make()) == b"hello"
    assert not len(make(data=b""))


def test_equal_values_make_equal_messages():
    """Two messages with the same values are equal."""
    assert make() == make()
    assert make().__ne__(make()) is False


@pytest.mark.parametrize("name", FIELDS)
def test_each_value_counts_in_comparison(name):
    """A message that differs in one value is another message."""
    other = b"other" if name == "data" else 12345
    assert make() != make(**{name: other})


def test_address_counts_in_comparison():
    """A message from another address is another message."""
    assert make() != make(raw_address=(4, 5001, 0, RAW[3]))


def test_next_counts_in_comparison():
    """A message that another one follows is another message."""
    assert make() != make(raw_next=(3, 2, 46, 100, 1))
    assert make(raw_next=(3, 2, 46, 100, 1)) == make(raw_next=(3, 2, 46, 100, 1))


def test_next_is_none_unless_told():
    """Where the stack told nothing of the next message there is nothing (RFC 6458 section 5.3.6)."""
    assert make().next is None


@pytest.mark.parametrize(
    ("flags", "members"),
    [
        (0, NextFlag.NONE),
        (1, NextFlag.UNORDERED),
        (6, NextFlag.COMPLETE | NextFlag.NOTIFICATION),
        (8, NextFlag(8)),
    ],
)
def test_next_tells_stream_flags_ppid_length_and_association(flags, members):
    """The five values of nxtinfo are told under names, the flags as members (RFC 6458 section 5.3.6)."""
    found = make(raw_next=(3, flags, 0xFFFFFFFF, 100, 9)).next
    assert found == NextInfo(stream=3, flags=members, ppid=0xFFFFFFFF, length_bytes=100, assoc_id=9)
    assert isinstance(found.flags, NextFlag)


@pytest.mark.parametrize("other", [b"hello", None, VALUES], ids=repr)
def test_message_is_no_other_type(other):
    """A message is equal to messages only."""
    assert make() != other
    assert make().__eq__(other) is NotImplemented


def test_message_is_not_hashable():
    """A message can be changed, so it has no hash."""
    with pytest.raises(TypeError):
        hash(make())


def test_message_has_no_other_attributes():
    """A message has slots: a wrong name is an error, and no dictionary is made for each message."""
    message = make()
    with pytest.raises(AttributeError):
        message.strem = 4
    assert not hasattr(message, "__dict__")


def test_address_is_built_when_asked(monkeypatch):
    """No Address is made for a message until somebody asks for it."""
    asked = []
    monkeypatch.setattr(messages, "from_raw", lambda *raw: asked.append(raw))
    message = make()
    repr(message)
    assert asked == []
    assert message.address is None
    assert asked == [RAW]


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        (RAW, Address("10.0.0.2", 5000)),
        ((6, 80, 2, bytes.fromhex("fe80") + bytes(13) + b"\x01"), Address("fe80::1", 80, 2)),
        ((0, 0, 0, bytes(16)), None),
    ],
)
def test_address_is_the_peers(raw, address):
    """The address is the peer's, or None where the stack gave none."""
    assert make(raw_address=raw).address == address


@pytest.mark.parametrize(
    ("flags", "unordered", "complete"),
    [
        (0, False, False),
        (MsgFlag.EOR, False, True),
        (MsgFlag.UNORDERED, True, False),
        (MsgFlag.EOR | MsgFlag.UNORDERED | MsgFlag.CONTROL_TRUNCATED, True, True),
    ],
)
def test_flags_are_told(flags, unordered, complete):
    """`unordered` and `complete` are the U bit and the end of record (RFC 6458 sections 3.1.4 and 5.3.5)."""
    message = make(flags=int(flags))
    assert (message.unordered, message.complete) == (unordered, complete)
    assert message.control_truncated is bool(flags & MsgFlag.CONTROL_TRUNCATED)


@pytest.mark.parametrize(
    ("ppid", "name"),
    [
        *((int(ppid), ppid.name) for ppid in Ppid),
        (9999, "UNKNOWN_9999"),
        (0x10000, "UNKNOWN_65536"),
        (0x10012, "UNKNOWN_65554"),
        (0xFFFFFFFF, "UNKNOWN_4294967295"),
    ],
)
def test_ppid_has_its_registered_name(ppid, name):
    """A PPID of IANA's registry has its name, any other one its whole number (RFC 9260 section 15.6)."""
    assert make(ppid=ppid).ppid_name == name


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, "<Message 5 bytes stream=3 ssn=4 ppid=DIAMETER assoc_id=9 b'hello'>"),
        ({"flags": 3}, "<Message 5 bytes stream=3 unordered ppid=DIAMETER assoc_id=9 b'hello'>"),
        ({"flags": 0}, "<Message 5 bytes stream=3 ssn=4 ppid=DIAMETER assoc_id=9 partial b'hello'>"),
        ({"ppid": 70000}, "<Message 5 bytes stream=3 ssn=4 ppid=UNKNOWN_70000 assoc_id=9 b'hello'>"),
    ],
)
def test_repr_tells_what_matters(changed, text):
    """repr() tells size, stream, order, PPID, association and the data's beginning."""
    assert repr(make(**changed)) == text


@pytest.mark.parametrize(("size", "end"), [(32, "'>"), (33, "'...>"), (10**6, "'...>")])
def test_repr_of_a_long_message_is_short(size, end):
    """repr() shows at most 32 bytes of the data, and says if there are more."""
    text = repr(make(data=b"x" * size))
    assert text.endswith("x" * 32 + end)
    assert len(text) < 130
