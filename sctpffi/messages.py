"""Message: one SCTP user message as it was received, with its whole rcvinfo (RFC 6458 section 5.3.5).

Made once per message, so it keeps the words as the backend gave them, and builds everything else when asked. It
never refers to a socket.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple, Union

from sctpffi.addresses import Address, from_raw
from sctpffi.backends.base import RECEIVED, Raw, RawNext
from sctpffi.enums import MsgFlag, NextFlag, Ppid

RawAddress = Tuple[int, int, int, bytes]
_EOR = int(MsgFlag.EOR)
_UNORDERED = int(MsgFlag.UNORDERED)
_TRUNCATED = int(MsgFlag.CONTROL_TRUNCATED)
_PUBLIC = int(MsgFlag.EOR | MsgFlag.UNORDERED | MsgFlag.CONTROL_TRUNCATED | MsgFlag.NOTIFICATION)
_new = object.__new__


class NextInfo(NamedTuple):
    """What comes after a message, if it was there already (RFC 6458 section 5.3.6).

    length_bytes: of what is there of it so far.
    """

    stream: int
    flags: NextFlag
    ppid: int
    length_bytes: int
    assoc_id: int

    @property
    def ppid_name(self) -> str:
        """The PPID's registered name, or UNKNOWN_n."""
        return str(Ppid(self.ppid))

    def __repr__(self) -> str:
        return (
            f"NextInfo(stream={self.stream!r}, flags={self.flags!r}, ppid={Ppid.shown(self.ppid)},"
            f" length_bytes={self.length_bytes!r}, assoc_id={self.assoc_id!r})"
        )


class RcvInfo(NamedTuple):
    """What comes with a message besides its data (RFC 6458 section 5.3.5), as `Socket.recvmsg` gives it.

    flags: `MsgFlag.UNORDERED` or none. The others are as in `Message`.
    """

    stream: int
    ssn: int
    flags: MsgFlag
    ppid: int
    tsn: int
    cumtsn: int
    context: int
    assoc_id: int

    @property
    def ppid_name(self) -> str:
        """The PPID's registered name, or UNKNOWN_n."""
        return str(Ppid(self.ppid))


def _word(number: int) -> Any:
    """An attribute that is taken from what the backend gave, when it is asked for; an int, to who reads it."""

    def get(self: Message) -> Any:
        raw = self._raw
        if type(raw) is bytes:
            raw = self._raw = RECEIVED.unpack(raw)
        return raw[number]

    return property(get)


class Message:
    """One message, or one piece of it where pieces were asked for.

    Attributes:
        data: the payload; of `Socket.recv_into`, and of `recv_many(views=True)`, a memoryview of it.
        stream, ssn: stream number and stream sequence number.
        ppid: payload protocol identifier in host order; an int, `ppid_name` tells its name.
        tsn, cumtsn: transmission sequence number of the first chunk and the cumulative one; Linux gives
            cumtsn for unordered messages only.
        flags: a `MsgFlag` as int; see `unordered` and `complete`.
        context: what the receiver set by SCTP_CONTEXT.
        assoc_id: the association; meaningful together with its socket only.
    """

    __slots__ = ("data", "_raw", "_next")
    data: bytes
    _raw: Union[bytes, Raw]  # as the backend has it, or unpacked
    _next: Optional[RawNext]
    stream: int = _word(2)
    ssn: int = _word(3)
    ppid: int = _word(4)
    tsn: int = _word(5)
    cumtsn: int = _word(6)
    context: int = _word(7)
    assoc_id: int = _word(8)
    flags: int = property(lambda self: self._words()[1] & _PUBLIC)  # type: ignore[assignment]  # as _word says

    def __init__(
        self,
        data: bytes,
        stream: int,
        ssn: int,
        ppid: int,
        tsn: int,
        cumtsn: int,
        flags: int,
        context: int,
        assoc_id: int,
        raw_address: RawAddress,
        raw_next: Optional[RawNext] = None,
    ) -> None:
        self.data = data
        self._raw = (0, flags, stream, ssn, ppid, tsn, cumtsn, context, assoc_id, *raw_address, 0, len(data))
        self._next = raw_next

    def _words(self) -> Raw:
        raw = self._raw
        if isinstance(raw, bytes):
            raw = self._raw = RECEIVED.unpack(raw)
        return raw

    @property
    def address(self) -> Optional[Address]:
        """The peer's address that the message came from."""
        return from_raw(*self._words()[9:13])

    @property
    def next(self) -> Optional[NextInfo]:
        """About the message after this one; None if none was there, or `opts.receive_nxtinfo` is off."""
        if self._next is None:
            return None
        stream, flags, ppid, length, assoc_id = self._next
        return NextInfo(stream, NextFlag(flags), ppid, length, assoc_id)

    @property
    def control_truncated(self) -> bool:
        """Whether ancillary data did not fit, so that some of the above may be missing (RFC 6458 section 5)."""
        return bool(self._words()[1] & _TRUNCATED)

    @property
    def unordered(self) -> bool:
        """Whether it was sent unordered."""
        return bool(self._words()[1] & _UNORDERED)

    @property
    def complete(self) -> bool:
        """Whether the message ends here; False only for the pieces of `recv_partial`."""
        return bool(self._words()[1] & _EOR)

    @property
    def ppid_name(self) -> str:
        """The PPID's registered name, or UNKNOWN_n."""
        return str(Ppid(self.ppid))

    def __len__(self) -> int:
        return len(self.data)

    def __bytes__(self) -> bytes:
        return bytes(self.data)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return self._values() == other._values()

    def _values(self) -> Tuple[Any, ...]:
        return (self.data, self.flags, self._words()[2:13], self._next)

    __hash__ = None  # type: ignore[assignment]  # mutable, like bytearray

    def __repr__(self) -> str:
        shown = repr(bytes(self.data[:32])) + ("..." if len(self.data) > 32 else "")
        order = " unordered" if self.unordered else f" ssn={self.ssn}"
        part = "" if self.complete else " partial"
        return (
            f"<Message {len(self.data)} bytes stream={self.stream}{order} ppid={self.ppid_name}"
            f" assoc_id={self.assoc_id}{part} {shown}>"
        )


def received(data: Any, raw: Raw, following: Optional[RawNext] = None) -> Message:
    """A Message of what a backend gave; for every one that comes, hence without a call of its constructor."""
    message: Message = _new(Message)
    message.data = data
    message._raw = raw
    message._next = following
    return message


def cut(message: Message, size: int) -> Message:
    """The first size bytes of a message, which does not end there."""
    raw = message._words()
    return received(message.data[:size], (raw[0], raw[1] & ~_EOR, *raw[2:]), message._next)
