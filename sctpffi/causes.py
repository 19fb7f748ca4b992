"""Error causes off the wire: taken apart, and put into words (RFC 9260 section 3.3.10 and its extensions).

Reads bytes that a peer sent, so nothing is trusted and nothing raises. No notification class lives here.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple

from sctpffi.enums import Cause, ChunkType, HmacId

_TEXTS: Dict[int, str] = {
    Cause.NONE: "no cause was given",
    Cause.INVALID_STREAM: "invalid stream identifier",
    Cause.MISSING_PARAMETER: "missing mandatory parameter",
    Cause.STALE_COOKIE: "stale cookie",
    Cause.OUT_OF_RESOURCE: "out of resource",
    Cause.UNRESOLVABLE_ADDRESS: "unresolvable address",
    Cause.UNRECOGNIZED_CHUNK: "unrecognized chunk type",
    Cause.INVALID_PARAMETER: "invalid mandatory parameter",
    Cause.UNRECOGNIZED_PARAMETER: "unrecognized parameters",
    Cause.NO_USER_DATA: "no user data",
    Cause.COOKIE_IN_SHUTDOWN: "cookie received while shutting down",
    Cause.RESTART_WITH_NEW_ADDRESSES: "restart with new addresses",
    Cause.USER_INITIATED_ABORT: "user-initiated abort",
    Cause.PROTOCOL_VIOLATION: "protocol violation",
    Cause.DELETING_LAST_ADDRESS: "request to delete the last address",
    Cause.RESOURCE_SHORTAGE: "operation refused for lack of resources",
    Cause.DELETING_SOURCE_ADDRESS: "request to delete the source address",
    Cause.ILLEGAL_ASCONF_ACK: "illegal ASCONF-ACK",
    Cause.REQUEST_REFUSED: "request refused, no authorization",
    Cause.UNSUPPORTED_HMAC: "unsupported HMAC identifier",
}


def cause_text(code: int) -> str:
    """A cause code in words."""
    return _TEXTS.get(code, f"cause {int(code)}")


def _number(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "big")


def _stream(data: bytes) -> str:
    return f"stream {_number(data, 0, 2)}" if len(data) >= 2 else ""


def _missing(data: bytes) -> str:
    count = min(_number(data, 0, 4), (len(data) - 4) // 2)
    return ", ".join(str(_number(data, 4 + 2 * i, 2)) for i in range(max(count, 0)))


def _stale(data: bytes) -> str:
    return f"by {_number(data, 0, 4)} microseconds" if len(data) >= 4 else ""


def _chunk(data: bytes) -> str:
    return str(ChunkType(data[0])) if data else ""


def _tsn(data: bytes) -> str:
    return f"TSN {_number(data, 0, 4)}" if len(data) >= 4 else ""


def _hmac(data: bytes) -> str:
    return str(HmacId(_number(data, 0, 2))) if len(data) >= 2 else ""


def _said(data: bytes) -> str:
    return repr(data.rstrip(b"\0").decode("utf-8", "backslashreplace")) if data.rstrip(b"\0") else ""


_DETAILS: Dict[int, Callable[[bytes], str]] = {
    Cause.INVALID_STREAM: _stream,
    Cause.MISSING_PARAMETER: _missing,
    Cause.STALE_COOKIE: _stale,
    Cause.UNRECOGNIZED_CHUNK: _chunk,
    Cause.NO_USER_DATA: _tsn,
    Cause.USER_INITIATED_ABORT: _said,
    Cause.PROTOCOL_VIOLATION: _said,
    Cause.UNSUPPORTED_HMAC: _hmac,
}


class ErrorCause(NamedTuple):
    """One error cause. data: what follows its 4-byte header, as the peer sent it."""

    code: Cause
    data: bytes

    @property
    def text(self) -> str:
        """The cause in words, with what its data tells."""
        detail = _DETAILS[self.code](self.data) if self.code in _DETAILS else ""
        return f"{cause_text(self.code)}: {detail}" if detail else cause_text(self.code)


def parse_causes(data: bytes) -> List[ErrorCause]:
    """The causes in a chain of them; what is malformed, and what comes after it, is left out."""
    found = []
    rest = data
    while len(rest) >= 4:
        length = _number(rest, 2, 2)
        if length < 4 or length > len(rest):
            break
        found.append(ErrorCause(Cause(_number(rest, 0, 2)), rest[4:length]))
        rest = rest[(length + 3) & ~3 :]
    return found
