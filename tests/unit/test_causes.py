"""Error causes off the wire: taken apart and put into words, malformed ones included.

Every byte here could come from a peer, so nothing may raise; arbitrary bytes are in tests/fuzz.
"""

from __future__ import annotations

import struct

import pytest

from sctpffi import causes
from sctpffi.causes import ErrorCause, cause_text, parse_causes
from sctpffi.enums import Cause


def cause(code: int, data: bytes = b"") -> bytes:
    """A cause as it is on the wire, padded (RFC 9260 section 3.3.10)."""
    whole = struct.pack(">HH", code, 4 + len(data)) + data
    return whole + bytes(-len(whole) % 4)


# -- taken apart


@pytest.mark.parametrize(
    ("info", "found"),
    [
        (b"", []),
        (b"\0\x0c\0\x04", [(Cause.USER_INITIATED_ABORT, b"")]),
        (b"\0\x0c\0\x07why", [(Cause.USER_INITIATED_ABORT, b"why")]),
        (b"\0\x0c\0\x07why\0", [(Cause.USER_INITIATED_ABORT, b"why")]),
        (
            b"\0\x0c\0\x05y\0\0\0\0\x01\0\x08\0\x05\0\0",
            [(Cause.USER_INITIATED_ABORT, b"y"), (Cause.INVALID_STREAM, b"\0\x05\0\0")],
        ),
        (b"\x12\x34\0\x05z", [(Cause(0x1234), b"z")]),
        (b"\0\x0d\xff\xff" + bytes(65531), [(Cause.PROTOCOL_VIOLATION, bytes(65531))]),
    ],
    ids=["none", "empty", "unpadded", "padded", "two", "unknown", "longest"],
)
def test_causes_are_read(info, found):
    """Each cause has a code, a length and data, padded to four bytes (RFC 9260 section 3.3.10)."""
    assert parse_causes(info) == found
    assert all(isinstance(item, ErrorCause) and isinstance(item.code, Cause) for item in parse_causes(info))


MALFORMED = [
    b"\0",
    b"\0\x0c\0",
    b"\0\x0c\0\0",
    b"\0\x0c\0\x03",
    b"\0\x0c\0\x05",
    b"\0\x0c\0\x08why",
    b"\0\x0c\xff\xffwhy",
    b"\xff\xff\xff\xff",
]


@pytest.mark.parametrize("info", MALFORMED, ids=repr)
def test_malformed_causes_are_left_out(info):
    """A cause that is cut short, or whose length can't be, is left out."""
    assert parse_causes(info) == []


@pytest.mark.parametrize("junk", MALFORMED, ids=repr)
def test_good_causes_before_malformed_ones_are_kept(junk):
    """What follows a malformed cause can't be told apart any more; what comes before it can."""
    good = cause(12, b"y")
    assert parse_causes(good + junk) == [(Cause.USER_INITIATED_ABORT, b"y")]


def test_padding_that_was_cut_off_hurts_nobody():
    """The last cause may lack its padding, as the stacks may cut it off."""
    both = cause(12, b"a") + cause(12, b"bcd")[:-1]
    assert [item.data for item in parse_causes(both)] == [b"a", b"bcd"]
    assert parse_causes(cause(12, b"a")[:-2]) == [(Cause.USER_INITIATED_ABORT, b"a")]


# -- in words


def test_every_cause_has_a_text():
    """Each cause code of the RFCs has words of its own."""
    assert set(causes._TEXTS) == set(Cause)
    assert len(set(causes._TEXTS.values())) == len(Cause)
    assert all(cause_text(code) == cause_text(int(code)) != f"cause {int(code)}" for code in Cause)


@pytest.mark.parametrize("code", [14, 0xA5, 0xFFFF])
def test_cause_without_a_name_is_told_by_its_number(code):
    """A code that no RFC of ours has is told by its number, and has no details."""
    assert cause_text(code) == f"cause {code}"
    assert ErrorCause(Cause(code), b"data").text == f"cause {code}"


@pytest.mark.parametrize(
    ("code", "data", "text"),
    [
        (1, b"\x01\x02\0\0", "invalid stream identifier: stream 258"),
        (2, b"\0\0\0\x02\0\x07\x80\x08", "missing mandatory parameter: 7, 32776"),
        (3, b"\0\x0f\x42\x40", "stale cookie: by 1000000 microseconds"),
        (4, b"", "out of resource"),
        (5, b"\0\x05\0\x08\x0a\0\0\1", "unresolvable address"),
        (6, b"\x0f\0\0\x04", "unrecognized chunk type: AUTH"),
        (6, b"\x3f", "unrecognized chunk type: UNKNOWN_63"),
        (7, b"", "invalid mandatory parameter"),
        (8, b"\xc0\x06\0\x04", "unrecognized parameters"),
        (9, b"\xff\xff\xff\xff", "no user data: TSN 4294967295"),
        (10, b"", "cookie received while shutting down"),
        (11, b"", "restart with new addresses"),
        (12, b"enough", "user-initiated abort: 'enough'"),
        (12, b"enough\0\0", "user-initiated abort: 'enough'"),
        (12, "schöner Tag".encode(), "user-initiated abort: 'schöner Tag'"),
        (12, b"\xff\xfe", "user-initiated abort: '\\\\xff\\\\xfe'"),
        (12, b"a\nb", "user-initiated abort: 'a\\nb'"),
        (13, b"no", "protocol violation: 'no'"),
        (0x105, b"\0\x03", "unsupported HMAC identifier: SHA256"),
        (0x105, b"\0\x02\0\0", "unsupported HMAC identifier: UNKNOWN_2"),
    ],
)
def test_details_are_told(code, data, text):
    """What a cause says about itself is told in words (RFC 9260 sections 3.3.10.1 to 3.3.10.13, RFC 4895 4.1)."""
    assert ErrorCause(Cause(code), data).text == text


@pytest.mark.parametrize("code", Cause)
@pytest.mark.parametrize("size", range(5))
def test_details_that_are_cut_short_are_left_out(code, size):
    """A cause without the data that it should have is told by its code alone; none reads beyond what there is."""
    text = ErrorCause(code, bytes(size)).text
    assert text.startswith(cause_text(code))
    if size == 0:
        assert text == cause_text(code)


@pytest.mark.parametrize(
    ("data", "listed"),
    [
        (b"", ""),
        (b"\0\0\0", ""),
        (b"\0\0\0\0", ""),
        (b"\0\0\0\x01", ""),
        (b"\0\0\0\x01\0", ""),
        (b"\0\0\0\x01\0\x07\0\x08", "7"),
        (b"\0\0\0\x03\0\x07\0\x08", "7, 8"),
        (b"\xff\xff\xff\xff\0\x07\0", "7"),
    ],
    ids=repr,
)
def test_count_of_missing_parameters_is_not_trusted(data, listed):
    """As many parameters are told as are there, whatever the count says (RFC 9260 section 3.3.10.2)."""
    text = ErrorCause(Cause.MISSING_PARAMETER, data).text
    assert text == "missing mandatory parameter" + (f": {listed}" if listed else "")
