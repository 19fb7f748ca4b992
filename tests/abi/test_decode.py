"""The shim's pure functions in the compiled modules: notifications and addresses, native to canonical and back.

Native bytes are put together with the stack's own structs and the tables' native numbers, so that each state is
met without a stack. Nothing here opens a socket.
"""

from __future__ import annotations

import errno
import sys
from typing import Any, Optional

import pytest

from sctpffi._tables import BACKENDS, CONSTANTS
from sctpffi.addresses import Address
from sctpffi.backends import load
from sctpffi.backends._shim import ShimHandle
from sctpffi.enums import AssocChangeState, Cause, Event, PeerAddrState, PeerFeature
from sctpffi.notifications import AssocChange, PeerAddrChange, ShutdownEvent, UnknownNotification, decode

from .probing import BUILT

SOURCE = Address("192.0.2.1", 5000)
ABORT_CHUNK_HEADER = b"\x06\x00\x00\x08"  # the BSD stacks hand on the whole chunk (RFC 9260 section 3.3.7)
USER_ABORT = b"\x00\x0c\x00\x07why\x00"  # cause 12 (RFC 9260 section 3.3.10.12)
CHANGES = {
    AssocChangeState.COMM_UP: "SCTP_COMM_UP",
    AssocChangeState.COMM_LOST: "SCTP_COMM_LOST",
    AssocChangeState.RESTART: "SCTP_RESTART",
    AssocChangeState.SHUTDOWN_COMP: "SCTP_SHUTDOWN_COMP",
    AssocChangeState.CANT_STR_ASSOC: "SCTP_CANT_STR_ASSOC",
}


class Stack:
    """A compiled module: makes native notifications and has them decoded."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.backend: Any = load(name)
        self.ffi, self.lib = self.backend.ffi, self.backend.lib
        self.handle = ShimHandle.__new__(ShimHandle)  # decoding wants no open socket
        self.handle._backend, self.handle._ffi, self.handle._lib = self.backend, self.ffi, self.lib
        self.chunk_header = b"" if name == "linux" else ABORT_CHUNK_HEADER

    def number(self, constant: str) -> Optional[int]:
        """The stack's own number of a constant."""
        return CONSTANTS[constant][BACKENDS.index(self.name)]

    def cause(self, code: int) -> int:
        """A cause code as the stack gives it: in network order on Linux, in host order elsewhere."""
        swapped = self.name == "linux" and sys.byteorder == "little"
        return int.from_bytes(code.to_bytes(2, "big"), "little") if swapped else code

    def native(self, struct: str, prefix: str, tail: bytes = b"", **fields: Any) -> bytes:
        """A notification's bytes; its length field is right unless it is given."""
        room = self.ffi.new(f"struct {struct} *")
        size = self.ffi.sizeof(f"struct {struct}")
        fields.setdefault("length", size + len(tail))
        for name, value in fields.items():
            setattr(room, f"{prefix}_{name}", value)
        return bytes(self.ffi.buffer(room)) + tail

    def assoc_change(self, state: str, tail: bytes = b"", **fields: Any) -> bytes:
        """An ASSOC_CHANGE notification."""
        kind = self.number("SCTP_ASSOC_CHANGE")
        fields.setdefault("assoc_id", 9)
        return self.native("sctp_assoc_change", "sac", tail, type=kind, state=self.number(state), **fields)

    def decode(self, data: bytes) -> Any:
        """The notification's object."""
        return decode(self.handle.decode(data, SOURCE))


@pytest.fixture(scope="module", params=BUILT)
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each backend that was built."""
    return Stack(request.param)


@pytest.mark.parametrize("state", AssocChangeState)
def test_association_changes_become_canonical(stack, state):
    """Every sac_state of the stack becomes its canonical member (RFC 6458 section 6.1.1)."""
    event = stack.decode(stack.assoc_change(CHANGES[state]))
    assert isinstance(event, AssocChange)
    assert (event.state, event.assoc_id, event.source) == (state, 9, SOURCE)


def test_comm_up_tells_streams_and_features(stack):
    """COMM_UP has stream counts, and its info bytes are features (RFC 6458 section 6.1.1)."""
    data = stack.assoc_change("SCTP_COMM_UP", b"\x01\x06", outbound_streams=10, inbound_streams=2048)
    event = stack.decode(data)
    assert (event.out_streams, event.in_streams) == (10, 2048)
    assert event.features == {PeerFeature.PR, PeerFeature.INTERLEAVING}
    assert (event.info, event.cause) == (b"", Cause.NONE)


def test_comm_up_without_info_has_no_features(stack):
    """Without info bytes nothing is known of the peer's features, which is not the same as none."""
    assert stack.decode(stack.assoc_change("SCTP_COMM_UP")).features is None


def test_comm_lost_tells_the_causes(stack):
    """COMM_LOST has the peer's causes without a chunk header, and its code in host order (RFC 9260 section 3.3.10)."""
    tail = stack.chunk_header + USER_ABORT
    event = stack.decode(stack.assoc_change("SCTP_COMM_LOST", tail, error=stack.cause(12), outbound_streams=10))
    assert event.cause is Cause.USER_INITIATED_ABORT
    assert event.info == USER_ABORT
    assert event.causes == [(Cause.USER_INITIATED_ABORT, b"why")]
    assert event.out_streams is None


def test_length_field_cuts_the_tail(stack):
    """Bytes beyond the notification's own length are not part of it."""
    tail = stack.chunk_header + USER_ABORT
    size = stack.ffi.sizeof("struct sctp_assoc_change") + len(tail)
    assert stack.decode(stack.assoc_change("SCTP_COMM_LOST", tail + b"junk", length=size)).info == USER_ABORT


@pytest.mark.parametrize("claimed", [0, 1, 19, 4096, 0xFFFFFFFF])
def test_length_field_is_not_trusted(stack, claimed):
    """A length field that is too small or too large never reaches beyond the bytes that arrived."""
    tail = stack.chunk_header + USER_ABORT
    event = stack.decode(stack.assoc_change("SCTP_COMM_LOST", tail, length=claimed))
    assert event.state is AssocChangeState.COMM_LOST
    assert event.info == (USER_ABORT if claimed > 64 else b"")


def test_unknown_change_keeps_its_number(stack):
    """A sac_state without a name comes up as unknown with the number kept, never as an exception."""
    kind = stack.number("SCTP_ASSOC_CHANGE")
    event = stack.decode(stack.native("sctp_assoc_change", "sac", type=kind, state=0x77))
    assert (event.state.name, event.state.known) == ("UNKNOWN_119", False)


@pytest.mark.parametrize("state", PeerAddrState)
def test_peer_address_changes_become_canonical(stack, state):
    """Every spc_state that the stack has becomes its canonical member (RFC 6458 section 6.1.2, RFC 7829)."""
    number = stack.number(f"SCTP_ADDR_{state.name}")
    unknown = 0x99 if number is None else number  # a stack without this state: the next test's case
    kind = stack.number("SCTP_PEER_ADDR_CHANGE")
    event = stack.decode(stack.native("sctp_paddr_change", "spc", type=kind, state=unknown, error=5, assoc_id=3))
    assert isinstance(event, PeerAddrChange)
    assert event.state == (PeerAddrState(0x10099) if number is None else state)
    assert (event.error, event.assoc_id, event.address) == (5, 3, None)


@pytest.mark.parametrize(
    "address",
    [Address("192.0.2.7", 3868), Address("2001:db8::7", 36412), Address("fe80::1", 1, 2), Address("0.0.0.0", 0)],
    ids=str,
)
def test_addresses_go_there_and_back(stack, address):
    """An address in the stack's own form and back again is the same, zone and port included."""
    room = stack.ffi.new("struct sockaddr_storage *")
    size = stack.ffi.sizeof("struct sockaddr_storage")
    length = stack.lib.sfi_addr_to_native(stack.backend.pack([address]), room, size)
    assert length == (28 if address.family == 6 else 16)
    out = stack.ffi.new("sfi_addr *")
    assert stack.lib.sfi_addr_from_native(room, size, out) == 0
    assert stack.backend.address(out) == address


def test_mapped_address_comes_up_as_ipv4(stack):
    """A v4-mapped IPv6 address of the stack is plain IPv4 in Python (RFC 4291 section 2.5.5.2)."""
    size = stack.ffi.sizeof("struct sockaddr_storage")
    room = stack.ffi.new("struct sockaddr_storage *")
    stack.lib.sfi_addr_to_native(stack.backend.pack([Address("2001:db8::", 80)]), room, size)
    stack.ffi.buffer(room)[8:24] = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 1])
    out = stack.ffi.new("sfi_addr *")
    stack.lib.sfi_addr_from_native(room, size, out)
    assert stack.backend.address(out) == Address("192.0.2.1", 80)


def test_no_address_becomes_the_wildcard(stack):
    """ "No address" is 0.0.0.0 for the stack, because an all-zero family is refused by the BSD stacks."""
    size = stack.ffi.sizeof("struct sockaddr_storage")
    room = stack.ffi.new("struct sockaddr_storage *")
    assert stack.lib.sfi_addr_to_native(stack.ffi.new("sfi_addr *"), room, size) == 16
    out = stack.ffi.new("sfi_addr *")
    stack.lib.sfi_addr_from_native(room, size, out)
    assert stack.backend.address(out) == Address("0.0.0.0", 0)


def test_short_address_is_refused_or_none(stack):
    """Too little room is EINVAL on the way in; too few bytes are no address on the way out."""
    size = stack.ffi.sizeof("struct sockaddr_storage")
    room = stack.ffi.new("struct sockaddr_storage *")
    packed = stack.backend.pack([Address("192.0.2.1", 80)])
    assert stack.lib.sfi_addr_to_native(packed, room, size - 1) == -errno.EINVAL
    assert stack.lib.sfi_addr_to_native(packed, stack.ffi.NULL, size) == -errno.EINVAL
    stack.lib.sfi_addr_to_native(packed, room, size)
    out = stack.ffi.new("sfi_addr *")
    assert stack.lib.sfi_addr_from_native(room, 15, out) == 0
    assert stack.backend.address(out) is None


def test_shutdown_event_names_its_association(stack):
    """SHUTDOWN_EVENT has its association id (RFC 6458 section 6.1.5)."""
    kind = stack.number("SCTP_SHUTDOWN_EVENT")
    event = stack.decode(stack.native("sctp_shutdown_event", "sse", type=kind, assoc_id=0x12345678))
    assert event == ShutdownEvent(0x12345678, SOURCE)


@pytest.mark.parametrize(
    ("struct", "prefix", "constant"),
    [
        ("sctp_sender_dry_event", "sender_dry", "SCTP_SENDER_DRY_EVENT"),
        ("sctp_adaptation_event", "sai", "SCTP_ADAPTATION_INDICATION"),
        ("sctp_remote_error", "sre", "SCTP_REMOTE_ERROR"),
    ],
)
def test_other_events_name_their_association(stack, struct, prefix, constant):
    """Notifications without a class of their own still have their type, association id and bytes."""
    data = stack.native(struct, prefix, type=stack.number(constant), flags=3, assoc_id=77)
    event = stack.decode(data)
    assert isinstance(event, UnknownNotification)
    assert (event.type.name, event.assoc_id, event.flags, event.data) == (constant[5:], 77, 3, data)


def test_every_event_type_becomes_canonical(stack):
    """Every notification type that the stack has becomes its canonical Event."""
    for event in Event:
        number = stack.number(f"SCTP_{event.name}")
        if number is not None:
            data = number.to_bytes(2, sys.byteorder) + bytes(510)
            assert stack.decode(data).type is event


def test_unknown_event_type_keeps_its_number(stack):
    """A type without a name comes up as unknown with the number and all bytes kept."""
    data = (0x4444).to_bytes(2, sys.byteorder) + b"\x05\x00\x08\x00\x00\x00"
    event = stack.decode(data)
    assert isinstance(event, UnknownNotification)
    assert (event.type.name, event.data) == (f"UNKNOWN_{0x4444}", data)


@pytest.mark.parametrize("constant", ["SCTP_ASSOC_CHANGE", "SCTP_PEER_ADDR_CHANGE", "SCTP_SHUTDOWN_EVENT"])
def test_short_notification_is_kept_as_bytes(stack, constant):
    """A notification that ends before its struct does is handed on as bytes, never read beyond its end."""
    struct = {"SCTP_PEER_ADDR_CHANGE": "sctp_paddr_change"}.get(constant, constant.lower())
    size = stack.ffi.sizeof(f"struct {struct}")
    data = stack.number(constant).to_bytes(2, sys.byteorder) + bytes(size - 3)
    assert len(data) == size - 1
    for cut in (data, data[:8], data[:7], b""):
        event = stack.decode(cut)
        assert isinstance(event, UnknownNotification)
        assert event.data == cut


def test_null_pointers_are_refused(stack):
    """The pure functions answer EINVAL to a null pointer."""
    null, ntf = stack.ffi.NULL, stack.ffi.new("sfi_ntf *")
    assert stack.lib.sfi_notification(null, 0, ntf) == -errno.EINVAL
    assert stack.lib.sfi_notification(b"12345678", 8, null) == -errno.EINVAL
    assert stack.lib.sfi_addr_from_native(null, 128, stack.ffi.new("sfi_addr *")) == -errno.EINVAL
