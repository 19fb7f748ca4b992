"""Notifications as a stack writes them, made by the compiler's layouts and the tables' native numbers; and decoded.

One whole sample of each type with the object that it has to become. No stack is needed; tests/fuzz starts from them.
"""

from __future__ import annotations

import struct
import sys
from typing import Any, Dict, NamedTuple, Optional

from sctpffi._structs import layout
from sctpffi._tables import BACKENDS, CONSTANTS
from sctpffi.addresses import Address
from sctpffi.backends import load
from sctpffi.backends._shim import ShimHandle
from sctpffi.enums import (
    AssocChangeState,
    AuthIndication,
    Cause,
    Event,
    FailedFlag,
    PartialDelivery,
    PeerAddrState,
    ResetFlag,
)
from sctpffi.notifications import (
    AdaptationIndication,
    AssocChange,
    AssocResetEvent,
    AuthenticationEvent,
    Notification,
    NotificationsStopped,
    PartialDeliveryEvent,
    PeerAddrChange,
    RemoteError,
    SenderDryEvent,
    SendFailed,
    SendFailedEvent,
    ShutdownEvent,
    StreamChangeEvent,
    StreamResetEvent,
    decode,
)

SOURCE = Address("192.0.2.1", 5000)
PEER = Address("2001:db8::7", 3868)
CHUNK_HEADER = b"\x06\x00\x00\x08"  # the BSD stacks hand on the whole chunk (RFC 9260 section 3.3.7)
WHY = b"\x00\x0c\x00\x07why\x00"  # cause 12 (RFC 9260 section 3.3.10.12)
PPID = 0x01020304
# What neither cffi nor usrsctp's header knows as the stack writes it: the layout in `_structs`, and the fields' widths.
BY_TABLE = {
    "sctp_pdapi_event": {"pdapi_stream": (2, 4), "pdapi_seq": (2, 4)},
    "sctp_send_failed": {"ssf_error": (4, 4), "ssf_assoc_id": (4, 4)},
    "sctp_authkey_event": {"auth_keynumber": (2, 2), "auth_altkeynumber": (2, 2)},
    "sctp_tlv": {},
}
_HEAD = {"type": 2, "flags": 2, "length": 4}


class Sample(NamedTuple):
    """A whole notification: its bytes, the size of its struct, what follows that and is no part of the tail."""

    data: bytes
    size: int
    skip: int
    event: Notification


class Stack:
    """A compiled module: makes native notifications and has them decoded."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.backend: Any = load(name)
        self.ffi, self.lib = self.backend.ffi, self.backend.lib
        self.handle: Any = ShimHandle.__new__(ShimHandle)  # decoding wants no open socket
        self.handle._backend, self.handle._ffi, self.handle._lib = self.backend, self.ffi, self.lib
        self.chunk_header = b"" if name == "linux" else CHUNK_HEADER

    def number(self, constant: str) -> Optional[int]:
        """The stack's own number of a constant."""
        return CONSTANTS[constant][BACKENDS.index(self.name)]

    def cause(self, code: int) -> int:
        """A cause code as the stack gives it: in network order on Linux, in host order elsewhere."""
        swapped = self.name == "linux" and sys.byteorder == "little"
        return int.from_bytes(code.to_bytes(2, "big"), "little") if swapped else code

    def native(self, struct_name: str, prefix: str, tail: bytes = b"", **fields: Any) -> bytes:
        """A notification's bytes; its length field is right unless it is given."""
        room = self.ffi.new(f"struct {struct_name} *")
        size = self.ffi.sizeof(f"struct {struct_name}")
        fields.setdefault("length", size + len(tail))
        for name, value in fields.items():
            setattr(room, f"{prefix}_{name}", value)
        return bytes(self.ffi.buffer(room)) + tail

    def by_table(self, struct_name: str, prefix: str, tail: bytes = b"", **fields: Any) -> bytes:
        """As native, for a struct that is no part of the module; a field that is given as bytes is put as it is."""
        found = layout(struct_name, "linux" if self.name == "linux" else "freebsd")
        if struct_name == "sctp_tlv":
            found = (8, {"sn_type": 0, "sn_flags": 2, "sn_length": 4})
        assert found is not None
        size, offsets = found
        room = bytearray(size)
        fields.setdefault("length", size + len(tail))
        for name, value in fields.items():
            full = f"{prefix}_{name}"
            if not isinstance(value, bytes):
                bsd, linux = BY_TABLE[struct_name].get(full, (_HEAD.get(name, 4),) * 2)
                value = value.to_bytes(linux if self.name == "linux" else bsd, sys.byteorder)
            room[offsets[full] : offsets[full] + len(value)] = value
        return bytes(room) + tail

    def size_of(self, struct_name: str) -> int:
        """The size of a struct as the stack writes it."""
        if struct_name == "sctp_tlv":
            return 8
        if struct_name in BY_TABLE:
            found = layout(struct_name, "linux" if self.name == "linux" else "freebsd")
            assert found is not None
            return found[0]
        return int(self.ffi.sizeof(f"struct {struct_name}"))

    def address(self, address: Address) -> Any:
        """An address as the stack's struct."""
        room = self.ffi.new("struct sockaddr_storage *")
        size = self.ffi.sizeof("struct sockaddr_storage")
        self.lib.sfi_addr_to_native(self.backend.pack([address]), room, size)
        return room[0]

    def sndinfo(self, **fields: Any) -> Any:
        """What a failed message had been sent with; the PPID in network order."""
        room = self.ffi.new("struct sctp_sndinfo *")
        for name, value in fields.items():
            setattr(room, f"snd_{name}", value)
        return room[0]

    def sndrcvinfo(self, sid: int, ssn: int, flags: int, ppid: int, context: int) -> bytes:
        """The beginning of struct sctp_sndrcvinfo, the same on every stack."""
        return struct.pack("=HHHHIIIII", sid, ssn, flags, 0, swapped(ppid), context, 0, 0, 0)

    def assoc_change(self, state: str, tail: bytes = b"", **fields: Any) -> bytes:
        """An ASSOC_CHANGE notification."""
        kind = self.number("SCTP_ASSOC_CHANGE")
        fields.setdefault("assoc_id", 9)
        return self.native("sctp_assoc_change", "sac", tail, type=kind, state=self.number(state), **fields)

    def decode(self, data: bytes) -> Any:
        """The notification's object."""
        return decode(self.handle.decode(data, SOURCE))


def swapped(number: int) -> int:
    """A PPID in network order, as the machine has it in memory."""
    return int.from_bytes(number.to_bytes(4, "big"), sys.byteorder)


def samples(stack: Stack) -> Dict[Event, Sample]:
    """One notification of each type that a stack has, each field with a value of its own."""
    found: Dict[Event, Sample] = {}

    def add(event: Notification, struct_name: str, prefix: str, tail: bytes = b"", **fields: Any) -> None:
        number = stack.number(f"SCTP_{event.type.name}")
        if number is None:
            return
        make = stack.by_table if struct_name in BY_TABLE else stack.native
        skip = len(stack.chunk_header) if isinstance(event, (AssocChange, RemoteError)) else 0
        data = make(struct_name, prefix, tail, type=number, **fields)
        found[event.type] = Sample(data, stack.size_of(struct_name), skip, event)

    info = stack.chunk_header + WHY
    code = stack.cause(12)
    bsd = stack.name != "linux"
    add(
        AssocChange(9, SOURCE, AssocChangeState.CANT_STR_ASSOC, Cause.USER_INITIATED_ABORT, None, None, None, WHY),
        "sctp_assoc_change", "sac", info, state=stack.number("SCTP_CANT_STR_ASSOC"), error=code, assoc_id=9,
        outbound_streams=1, inbound_streams=2,
    )  # fmt: skip
    add(
        PeerAddrChange(9, SOURCE, PEER, PeerAddrState.UNREACHABLE, 5), "sctp_paddr_change", "spc",
        aaddr=stack.address(PEER), state=stack.number("SCTP_ADDR_UNREACHABLE"), error=5, assoc_id=9,
    )  # fmt: skip
    add(
        RemoteError(9, SOURCE, Cause.USER_INITIATED_ABORT, WHY), "sctp_remote_error", "sre", info, error=code,
        assoc_id=9,
    )  # fmt: skip
    whole = FailedFlag.SENT | FailedFlag.FIRST | FailedFlag.LAST
    add(
        SendFailed(9, SOURCE, whole, Cause.USER_INITIATED_ABORT, b"da\0ta", 3, PPID, 6, 4), "sctp_send_failed", "ssf",
        b"da\0ta", flags=stack.number("SCTP_DATA_SENT"), error=code, assoc_id=9,
        info=stack.sndrcvinfo(3, 4, 3, PPID, 6),
    )  # fmt: skip
    # Linux has one prefix for the struct and another for what is inside.
    prefix, inside = ("ssfe", "info") if bsd else ("ssf", "")
    failed = SendFailedEvent(9, SOURCE, FailedFlag.UNSENT | FailedFlag.FIRST, Cause.NONE, b"data", 3, PPID, 6)
    add(
        failed, "sctp_send_failed_event", prefix, b"data", flags=stack.number("SCTP_DATA_UNSENT"), assoc_id=9,
        **({inside: stack.sndinfo(sid=3, flags=2, ppid=swapped(PPID), context=6, assoc_id=1)} if inside else {}),
    )  # fmt: skip
    if not bsd:
        data = bytearray(found[Event.SEND_FAILED_EVENT].data)
        at = stack.ffi.offsetof("struct sctp_send_failed_event", "ssfe_info")
        room = stack.ffi.new("struct sctp_sndinfo *", stack.sndinfo(sid=3, flags=2, ppid=swapped(PPID), context=6))
        data[at : at + 16] = stack.ffi.buffer(room)
        found[Event.SEND_FAILED_EVENT] = found[Event.SEND_FAILED_EVENT]._replace(data=bytes(data))
    add(ShutdownEvent(9, SOURCE), "sctp_shutdown_event", "sse", assoc_id=9)
    add(
        AdaptationIndication(9, SOURCE, 0xFEDCBA98), "sctp_adaptation_event", "sai", adaptation_ind=0xFEDCBA98,
        assoc_id=9,
    )  # fmt: skip
    add(
        PartialDeliveryEvent(9, SOURCE, PartialDelivery.ABORTED, 3, 4), "sctp_pdapi_event", "pdapi",
        indication=stack.number("SCTP_PARTIAL_DELIVERY_ABORTED"), stream=3, seq=4, assoc_id=9,
    )  # fmt: skip
    add(
        AuthenticationEvent(9, SOURCE, AuthIndication.FREE_KEY, 7, 8), "sctp_authkey_event", "auth", keynumber=7,
        altkeynumber=8, indication=stack.number("SCTP_AUTH_FREE_KEY"), assoc_id=9,
    )  # fmt: skip
    add(SenderDryEvent(9, SOURCE), "sctp_sender_dry_event", "sender_dry", assoc_id=9)
    add(NotificationsStopped(0, SOURCE), "sctp_tlv", "sn")
    add(
        StreamResetEvent(9, SOURCE, ResetFlag.INCOMING | ResetFlag.DENIED, (1, 65535, 0)), "sctp_stream_reset_event",
        "strreset", struct.pack("=3H", 1, 65535, 0), flags=5, assoc_id=9,
    )  # fmt: skip
    add(
        AssocResetEvent(9, SOURCE, ResetFlag.FAILED, 0xFFFFFFFF, 2), "sctp_assoc_reset_event", "assocreset", flags=8,
        assoc_id=9, local_tsn=0xFFFFFFFF, remote_tsn=2,
    )  # fmt: skip
    add(
        StreamChangeEvent(9, SOURCE, ResetFlag.NONE, 11, 12), "sctp_stream_change_event", "strchange", assoc_id=9,
        instrms=11, outstrms=12,
    )  # fmt: skip
    return found
