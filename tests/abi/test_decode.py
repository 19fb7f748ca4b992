"""The shim's pure functions in the compiled modules: notifications and addresses, native to canonical and back.

Native bytes are put together with the stack's own structs and the tables' native numbers, so that each state is
met without a stack. Nothing here opens a socket.
"""

from __future__ import annotations

import errno
import struct
import sys

import pytest

from sctpffi.addresses import Address
from sctpffi.enums import AssocChangeState, AuthIndication, Cause, Event, FailedFlag, PeerAddrState, PeerFeature
from sctpffi.notifications import AssocChange, PeerAddrChange, UnknownNotification

from .natives import SOURCE, Stack, samples
from .natives import WHY as USER_ABORT
from .probing import BUILT

CHANGES = {
    AssocChangeState.COMM_UP: "SCTP_COMM_UP",
    AssocChangeState.COMM_LOST: "SCTP_COMM_LOST",
    AssocChangeState.RESTART: "SCTP_RESTART",
    AssocChangeState.SHUTDOWN_COMP: "SCTP_SHUTDOWN_COMP",
    AssocChangeState.CANT_STR_ASSOC: "SCTP_CANT_STR_ASSOC",
}
SAMPLES = {name: samples(Stack(name)) for name in BUILT}
EACH = [(name, kind) for name in BUILT for kind in SAMPLES[name]]
WITH_TAIL = [(name, kind) for name, kind in EACH if len(SAMPLES[name][kind].data) > SAMPLES[name][kind].size]
STACKS = {name: Stack(name) for name in BUILT}


def tail_of(event):
    """What a notification made of the bytes behind its struct."""
    for name in ("info", "data", "streams"):
        if not isinstance(event, UnknownNotification) and hasattr(event, name):
            return getattr(event, name)
    return None


def ids(item):
    """The name of a type, or of a backend."""
    return item if isinstance(item, str) else item.name


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


# -- every type


def test_every_type_has_a_sample():
    """Each type of notification that a stack sends is among the samples below (RFC 6458 section 6.1, RFC 6525 6.1)."""
    for name in BUILT:
        assert set(SAMPLES[name]) == {event for event in Event if STACKS[name].number(f"SCTP_{event.name}") is not None}


@pytest.mark.parametrize(("name", "kind"), EACH, ids=ids)
def test_every_type_is_decoded(name, kind):
    """Each field of each type comes up canonical, from the stack's own struct (RFC 6458 section 6.1, RFC 6525 6.1)."""
    data, _, _, event = SAMPLES[name][kind]
    found = STACKS[name].decode(data)
    assert type(found) is type(event)
    assert found == event


@pytest.mark.parametrize(("name", "kind"), EACH, ids=ids)
def test_every_length_is_survived(name, kind):
    """A notification that is cut off anywhere is bytes without its struct, or has the tail that is left."""
    data, size, skip, event = SAMPLES[name][kind]
    for length in range(len(data)):
        found = STACKS[name].decode(data[:length])
        if length < size:
            assert isinstance(found, UnknownNotification)
            assert found.data == data[:length]
            continue
        assert type(found) is type(event)
        whole, tail = tail_of(event), tail_of(found)
        width = 2 if kind is Event.STREAM_RESET_EVENT else 1
        assert tail == whole[: max(0, length - size - skip) // width]


@pytest.mark.parametrize(("name", "kind"), EACH, ids=ids)
@pytest.mark.parametrize("beyond", [-1, 0, 1, 2**31, 2**32 - 1], ids=str)
def test_length_fields_are_not_trusted(name, kind, beyond):
    """The length field cuts the tail, and never lengthens it; one that is smaller than the struct leaves none."""
    data, size, skip, event = SAMPLES[name][kind]
    claims = [beyond] if beyond > 1 else [8 + beyond, size + beyond, len(data) + beyond]
    for claimed in (claim for claim in claims if claim >= 0):
        lying = data[:4] + struct.pack("=I", claimed) + data[8:]
        for junk in (b"", b"\xffjunk"):
            found = STACKS[name].decode(lying + junk)
            assert type(found) is type(event)
            if tail_of(event) is None:
                assert found == event
                continue
            width = 2 if kind is Event.STREAM_RESET_EVENT else 1
            length = min(claimed, len(lying + junk))
            rest = (lying + junk)[size + skip : max(length, size + skip)]
            if width == 2:
                rest = struct.unpack(f"={len(rest) // 2}H", rest[: len(rest) // 2 * 2])
            assert tail_of(found) == rest


@pytest.mark.parametrize(("name", "kind"), WITH_TAIL, ids=ids)
def test_tails_may_be_empty(name, kind):
    """A notification without a tail has an empty one, a chunk header alone included."""
    data, size, skip, event = SAMPLES[name][kind]
    for length in (size, size + skip):
        found = STACKS[name].decode(data[:4] + struct.pack("=I", length) + data[8:length])
        assert type(found) is type(event)
        assert len(tail_of(found)) == 0


@pytest.mark.parametrize("size", [0, 1, 2**16 - 1, 2**18])
def test_undelivered_data_is_whole(stack, size):
    """What was not delivered comes back to the byte, however long it is (RFC 6458 section 6.1.11)."""
    lost = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    for kind in (Event.SEND_FAILED_EVENT, Event.SEND_FAILED):
        data, fixed, _, _ = SAMPLES[stack.name][kind]
        length = struct.pack("=I", fixed + size)
        assert stack.decode(data[:4] + length + data[8:fixed] + lost).data == lost


def _with_flags(stack, kind, flags, bits):
    """A failed message: the notification's flags, and those that its data chunk had."""
    data, _, _, _ = SAMPLES[stack.name][kind]
    inner = {Event.SEND_FAILED: 12 + 4, Event.SEND_FAILED_EVENT: 12 + 2}[kind]
    changed = bytearray(data)
    changed[2:4] = struct.pack("=H", flags)
    changed[inner : inner + 2] = struct.pack("=H", bits)
    return bytes(changed)


@pytest.mark.parametrize("kind", [Event.SEND_FAILED, Event.SEND_FAILED_EVENT], ids=ids)
@pytest.mark.parametrize(
    ("bits", "part"),
    [(0, 0), (1, FailedFlag.LAST), (2, FailedFlag.FIRST), (3, FailedFlag.FIRST | FailedFlag.LAST)],
)
def test_part_of_a_failed_message_is_told(stack, kind, bits, part):
    """The B and E bits of a message's chunk tell which part of it failed (RFC 9260 section 3.3.1)."""
    for constant, flag in (("SCTP_DATA_UNSENT", FailedFlag.UNSENT), ("SCTP_DATA_SENT", FailedFlag.SENT)):
        found = stack.decode(_with_flags(stack, kind, stack.number(constant), bits))
        assert found.flags == flag | part
    assert stack.decode(_with_flags(stack, kind, 0x77, bits)).flags == part


@pytest.mark.parametrize("member", AuthIndication)
def test_authentication_events_become_canonical(stack, member):
    """Every auth_indication of the stack becomes its canonical member (RFC 6458 section 6.1.8)."""
    data = bytearray(SAMPLES[stack.name][Event.AUTHENTICATION_EVENT].data)
    data[12:16] = struct.pack("=I", stack.number(f"SCTP_AUTH_{member.name}"))
    assert stack.decode(bytes(data)).indication is member


@pytest.mark.parametrize("kind", [Event.AUTHENTICATION_EVENT, Event.PARTIAL_DELIVERY_EVENT], ids=ids)
def test_unknown_indications_keep_their_number(stack, kind):
    """An indication without a name comes up as unknown with the number kept."""
    data = bytearray(SAMPLES[stack.name][kind].data)
    at = {Event.AUTHENTICATION_EVENT: 12, Event.PARTIAL_DELIVERY_EVENT: 8}[kind]
    for number in (0x77, 0x10077, 0xFFFF0077):
        data[at : at + 4] = struct.pack("=I", number)
        assert stack.decode(bytes(data)).indication.name == "UNKNOWN_119"


def test_giving_up_is_no_abort_of_the_peers(stack):
    """A stack that gave up a silent peer reports no cause, or its own ABORT, which is not the peer's (RFC 9260 8.1)."""
    if stack.name == "linux":
        data = stack.assoc_change("SCTP_COMM_LOST")
    else:
        text = b"\0\x0d\0\x2e" + b"Association error counter exceeded in file"
        data = stack.assoc_change("SCTP_COMM_LOST", stack.chunk_header + text, error=13)
    event = stack.decode(data)
    assert (event.state, event.cause, event.info) == (AssocChangeState.COMM_LOST, Cause.NONE, b"")
    assert event.text == "the peer did not answer"


def test_every_event_type_becomes_canonical(stack):
    """Every notification type that the stack has becomes its canonical Event."""
    for event in Event:
        number = stack.number(f"SCTP_{event.name}")
        if number is not None:
            data = number.to_bytes(2, sys.byteorder) + bytes(510)
            assert stack.decode(data).type is event


@pytest.mark.parametrize("number", [0, 15, 0x4444, 0x7FFF, 0x800F, 0xFFFF])
def test_types_that_a_stack_lacks_are_unknown(stack, number):
    """A type number that the stack has no name for is none of ours, 0 included, which stands for "none" inside."""
    assert number not in {stack.number(f"SCTP_{event.name}") for event in Event}
    event = stack.decode(number.to_bytes(2, sys.byteorder) + bytes(510))
    assert isinstance(event, UnknownNotification)
    assert event.type.name == f"UNKNOWN_{number}"


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
