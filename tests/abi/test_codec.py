"""The codec of options: Python values into a stack's structs and back, over the compiled modules and no stack.

Every struct is the compiler's; what the stack would say is made up, lies about lengths included. Arbitrary values are
in tests/fuzz.
"""

from __future__ import annotations

import errno
import socket
import struct

import pytest

from sctpffi import errors
from sctpffi._optrows import pick
from sctpffi._tables import BACKENDS, CONSTANTS, OPTIONS
from sctpffi.addresses import Address
from sctpffi.backends._shim import _MOST_ITEMS, ShimBackend
from sctpffi.enums import PrPolicy, SendFlag, StreamScheduler
from sctpffi.errors import EABSENT, UnsupportedOption
from sctpffi.options import ROWS

from .probing import BUILT
from .storing import handle

PEER = Address("192.0.2.7", 3868)
SIX = Address("fe80::7", 3868, 2)
LISTS = ("hmac_identifiers", "peer_auth_chunks", "local_auth_chunks", "assoc_ids")


class Stack:
    """A handle, and the native side of its options."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.handle = handle(name)
        self.ffi, self.lib = self.handle._ffi, self.handle._lib

    def number(self, constant):
        """The stack's own number of a constant."""
        return CONSTANTS[constant][BACKENDS.index(self.name)]

    def codec(self, option):
        """How an option is passed."""
        return self.handle._backend.codec(ROWS[option])

    def set(self, option, values, assoc_id=0, address=None):
        """Set an option; the bytes that the stack gets."""
        self.handle.set_option(ROWS[option], values, assoc_id, address)
        return self.lib.kept[self.codec(option).number]

    def get(self, name, assoc_id=0, address=None, **keys):
        """Get an option."""
        return self.handle.get_option(ROWS[name], assoc_id, address, keys)

    def answer(self, option, reply):
        """What the stack says to a get of this option: bytes, a code, or what makes them of what was asked."""
        self.lib.answers[self.codec(option).number] = reply if callable(reply) else lambda given: reply

    def asked(self):
        """The last block that the stack was asked with."""
        return self.lib.asked[-1][1]

    def view(self, option, data):
        """Bytes as the option's struct, kept alive by itself."""
        block = self.ffi.new("char[]", bytes(data))
        return block, self.ffi.cast(f"{self.codec(option).c_type} *", block)

    def field(self, option, data, path):
        """One field of the struct in some bytes."""
        _keep, value = self.view(option, data)
        for part in path.split("."):
            value = getattr(value, part)
        return value

    def address_in(self, option, data, name):
        """An address in the struct in some bytes, as the shim reads it."""
        _keep, value = self.view(option, data)
        out = self.ffi.new("sfi_addr *")
        self.lib.sfi_addr_from_native(self.ffi.addressof(value[0], name), 128, out)
        return out

    def size(self, option):
        """The struct's size."""
        return self.ffi.sizeof(self.codec(option).c_type)

    def start(self, option):
        """Where the list behind the struct begins."""
        return self.ffi.offsetof(self.codec(option).c_type, ROWS[option].tail.path)

    def with_tail(self, option, count, tail):
        """A struct that says it has count items, with these bytes behind it."""
        block, value = self.view(option, bytes(self.start(option)) + bytes(8))
        setattr(value, self.codec(option).count_field, count)
        return bytes(self.ffi.buffer(block, self.start(option))) + tail


@pytest.fixture(params=BUILT)
def stack(request):
    """Each backend that was built."""
    return Stack(request.param)


def has(name, row):
    """Whether a backend has an option."""
    number = row.linux if name == "linux" else row.bsd
    return row.lacks != name and (number is not None or row.level == "socket")


# -- structs


def test_fields_are_put_where_the_stack_looks(stack):
    """Each value is in its field of the stack's own struct, the association id in its own (RFC 6458 section 8.1.1)."""
    data = stack.set("rto_info", {"initial_ms": 1, "max_ms": 2**32 - 1, "min_ms": 3}, 9)
    assert len(data) == stack.size("rto_info") == 16
    fields = [stack.field("rto_info", data, f"srto_{name}") for name in ("assoc_id", "initial", "max", "min")]
    assert fields == [9, 1, 2**32 - 1, 3]
    assert stack.get("rto_info", 9) == {"initial_ms": 1, "max_ms": 2**32 - 1, "min_ms": 3}


def test_get_asks_with_the_association(stack):
    """A get names the association, and nothing else is in what it asks with (RFC 6458 section 8.1.25)."""
    stack.get("context", 0x7FFFFFFF)
    assert stack.field("context", stack.asked(), "assoc_id") == 0x7FFFFFFF
    assert stack.field("context", stack.asked(), "assoc_value") == 0


def test_plain_numbers_are_ints(stack):
    """An option of the socket is one C int."""
    assert stack.set("nodelay", {"value": 1}) == struct.pack("i", 1)
    assert stack.set("send_buffer_bytes", {"value": 2**31 - 1}) == struct.pack("i", 2**31 - 1)
    assert stack.get("send_buffer_bytes") == {"value": 2**31 - 1}


def test_numbers_of_the_network_are_in_its_order(stack):
    """PPIDs and ports are in network order for the stack and in host order here (RFC 6458 5.3.4, RFC 6951 6.1)."""
    data = stack.set("default_sndinfo", {"stream": 1, "flags": 0, "ppid": 0x01020304, "context": 5}, 9)
    at = stack.ffi.offsetof("struct sctp_sndinfo", "snd_ppid")
    assert data[at : at + 4] == b"\1\2\3\4"
    assert stack.get("default_sndinfo")["ppid"] == 0x01020304
    data = stack.set("udp_encaps_port", {"address": None, "port": 0x0102})
    at = stack.ffi.offsetof("struct sctp_udpencaps", "sue_port")
    assert data[at : at + 2] == b"\1\2"
    assert stack.get("udp_encaps_port")["port"] == 0x0102


@pytest.mark.parametrize("address", [PEER, SIX], ids=str)
def test_addresses_are_the_stacks_own(stack, address):
    """A path is named by the value's address, or else by the one that `of` has (RFC 6951 section 6.1)."""
    stack.set("udp_encaps_port", {"address": address, "port": 1}, 9, Address("192.0.2.9", 1))
    assert stack.get("udp_encaps_port")["address"] == address
    stack.set("udp_encaps_port", {"address": None, "port": 1}, 9, address)
    assert stack.get("udp_encaps_port")["address"] == address


def test_no_address_is_the_wildcard(stack):
    """Without an address the stack gets 0.0.0.0, because BSD refuses an all-zero family (RFC 6458 section 8.1.12)."""
    stack.get("path_params", 9)
    out = stack.address_in("path_params", stack.asked(), "spp_address")
    assert (out.family, out.port, bytes(out.ip)) == (4, 0, bytes(16))


def test_get_asks_with_the_path(stack):
    """A get of a path names it (RFC 6458 section 8.2.2)."""
    stack.get("path_info", 9, PEER)
    assert stack.handle._backend.address(stack.address_in("path_info", stack.asked(), "spinfo_address")) == PEER


def test_status_has_a_path_inside(stack):
    """The primary path inside a status comes under its own names, states converted (RFC 6458 section 8.2.1)."""

    def reply(given):
        block, value = stack.view("status", given)
        value.sstat_state = stack.number("SCTP_ESTABLISHED")
        value.sstat_primary.spinfo_state = stack.number("SCTP_UNCONFIRMED")
        value.sstat_primary.spinfo_mtu = 1500
        place = stack.ffi.addressof(value[0], "sstat_primary", "spinfo_address")
        stack.lib.sfi_addr_to_native(stack.handle._backend.pack([PEER]), place, 128)
        return bytes(stack.ffi.buffer(block, len(given)))

    stack.answer("status", reply)
    found = stack.get("status", 9)
    assert (found["assoc_id"], found["state"], found["primary.state"]) == (9, 4, 3)
    assert (found["primary.address"], found["primary.mtu_bytes"]) == (PEER, 1500)


def test_association_alone_is_a_number(stack):
    """A reset of an association is its id and nothing else (RFC 6525 section 6.3.3)."""
    assert stack.set("reset_assoc", {"value": 1}, 9) == struct.pack("=I", 9)


# -- enumerations


@pytest.mark.parametrize("policy", PrPolicy)
def test_policies_are_the_stacks_own(stack, policy):
    """Policies of partial reliability have the stack's numbers, and come back as ours (RFC 7496 section 4.1)."""
    data = stack.set("default_prinfo", {"policy": int(policy), "value": 7}, 9)
    assert stack.field("default_prinfo", data, "pr_policy") == stack.number(f"SCTP_PR_SCTP_{policy.name}")
    assert stack.get("default_prinfo") == {"policy": policy, "value": 7}


def test_send_flags_are_the_stacks_own(stack):
    """Flags of a message go over bit by bit (RFC 6458 section 8.1.31)."""
    flags = SendFlag.UNORDERED | SendFlag.SACK_IMMEDIATELY
    data = stack.set("default_sndinfo", {"stream": 0, "flags": int(flags), "ppid": 0, "context": 0})
    native = stack.number("SCTP_UNORDERED") | stack.number("SCTP_SACK_IMMEDIATELY")
    assert stack.field("default_sndinfo", data, "snd_flags") == native
    assert stack.get("default_sndinfo")["flags"] == flags


@pytest.mark.parametrize("scheduler", StreamScheduler)
def test_schedulers_are_the_stacks_own(stack, scheduler):
    """A scheduler has the stack's number; one that it lacks is an UnsupportedOption (RFC 8260 section 3)."""
    lacking = {"linux": {StreamScheduler.RR_PKT}}.get(stack.name, {StreamScheduler.WFQ})
    values = {"value": int(scheduler)}
    if scheduler in lacking:
        with pytest.raises(UnsupportedOption):
            stack.set("stream_scheduler", values, 9)
        assert stack.lib.kept == {}
        return
    stack.set("stream_scheduler", values, 9)
    same = {StreamScheduler.DEFAULT: StreamScheduler.FCFS} if stack.name == "linux" else {}
    assert stack.get("stream_scheduler") == {"value": same.get(scheduler, scheduler)}


# -- keys


def test_keys_say_what_is_asked_for(stack):
    """A get of a stream's status names stream and policy, in the stack's numbers (RFC 7496 section 4.3)."""
    stack.get("pr_stream_status", 9, stream=5, policy=int(PrPolicy.TTL), option=3)
    fields = [stack.field("pr_stream_status", stack.asked(), f"sprstat_{n}") for n in ("assoc_id", "sid", "policy")]
    assert fields == [9, 5, stack.number("SCTP_PR_SCTP_TTL")]


def test_keys_are_not_made_up(stack):
    """What nobody names is 0, and values of other options' keys are left out (RFC 8260 section 4.3.3)."""
    stack.get("stream_scheduler_value", 9, policy=4)
    assert stack.field("stream_scheduler_value", stack.asked(), "stream_id") == 0
    data = stack.set("stream_scheduler_value", {"stream": 3, "value": 65535}, 9)
    assert stack.field("stream_scheduler_value", data, "stream_id") == 3
    assert stack.field("stream_scheduler_value", data, "stream_value") == 65535


# -- lists behind a struct, on their way in


@pytest.mark.parametrize("items", [(), (1,), (3, 1), tuple(range(65535))], ids=len)
def test_lists_follow_the_struct(stack, items):
    """A list is counted in the struct and lies behind it; the stack gets the whole struct even without a list."""
    data = stack.set("hmac_identifiers", {"value": items})
    start = stack.start("hmac_identifiers")
    assert len(data) == max(start + 2 * len(items), stack.size("hmac_identifiers"))
    assert stack.field("hmac_identifiers", data, stack.codec("hmac_identifiers").count_field) == len(items)
    assert data[start : start + 2 * len(items)] == struct.pack(f"={len(items)}H", *items)


@pytest.mark.parametrize("streams", [(), (0,), (65535, 0, 7)], ids=len)
def test_streams_to_reset_follow_the_struct(stack, streams):
    """No streams at all mean all of them, and their count is 0 (RFC 6525 section 6.3.2)."""
    data = stack.set("reset_streams", {"flags": 3, "streams": streams}, 9)
    assert stack.field("reset_streams", data, "srs_number_streams") == len(streams)
    assert stack.field("reset_streams", data, "srs_flags") == 3
    assert data[stack.start("reset_streams") :] == struct.pack(f"={len(streams)}H", *streams)


@pytest.mark.parametrize("secret", [b"", b"k", b"key\0key", bytes(65535)], ids=len)
def test_secrets_follow_the_struct(stack, secret):
    """A key of any length lies behind its struct, zeros included (RFC 6458 section 8.3.3)."""
    data = stack.set("auth_key", {"number": 65535, "secret": secret}, 9)
    assert data[stack.start("auth_key") :] == secret
    assert stack.field("auth_key", data, "sca_keylength") == len(secret)
    assert stack.field("auth_key", data, "sca_keynumber") == 65535


# -- lists behind a struct, on their way out


@pytest.mark.parametrize("option", LISTS)
def test_empty_lists_are_empty(stack, option):
    """A list without items is empty, also where the stack writes less than its own struct (RFC 6458 section 8.2)."""
    for size in (0, 1, stack.start(option)):
        stack.answer(option, stack.with_tail(option, 0, b"")[:size])
        assert stack.get(option) == {"value": ()}


@pytest.mark.parametrize("option", LISTS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 65535, 2**32 - 1])
def test_count_of_a_list_is_not_trusted(stack, option, count):
    """Of a list there is no more than the stack wrote, and no more than it counted."""
    item = {"u8[]": "B", "u16[]": "H", "u32[]": "I"}[ROWS[option].tail.kind]
    stack.answer(option, stack.with_tail(option, count, struct.pack(f"=2{item}", 7, 8)))
    assert stack.get(option) == {"value": (7, 8)[:count]}


@pytest.mark.parametrize(("option", "item"), [("hmac_identifiers", "H"), ("assoc_ids", "I")])
def test_half_an_item_is_none(stack, option, item):
    """Bytes that are left over are no item."""
    whole = struct.pack(f"=2{item}", 7, 8)
    for cut in range(1, struct.calcsize(item)):
        stack.answer(option, stack.with_tail(option, 9, whole[:-cut]))
        assert stack.get(option) == {"value": (7,)}


@pytest.mark.parametrize("option", LISTS)
@pytest.mark.parametrize("count", [513, 5000, _MOST_ITEMS])
def test_room_grows_until_the_list_fits(stack, option, count):
    """A list that does not fit is EINVAL, and is asked for again with more room (RFC 6458 section 8.2.6)."""
    item = {"u8[]": "B", "u16[]": "H", "u32[]": "I"}[ROWS[option].tail.kind]
    items = [number & 0xFF for number in range(count)]
    stack.answer(option, stack.with_tail(option, count, struct.pack(f"={count}{item}", *items)))
    assert stack.get(option, 9) == {"value": tuple(items)}
    sizes = [len(given) for _, given in stack.lib.asked]
    assert sizes == sorted(set(sizes))
    assert len(sizes) <= 4
    if ROWS[option].assoc_field:
        assert {stack.field(option, given, ROWS[option].assoc_field) for _, given in stack.lib.asked} == {9}


def test_growing_has_an_end(stack):
    """An EINVAL that means something else is told after a few tries (RFC 6458 section 8.2.6)."""
    stack.answer("assoc_ids", -errno.EINVAL)
    with pytest.raises(errors.SctpOSError) as caught:
        stack.get("assoc_ids")
    assert caught.value.errno == errno.EINVAL
    assert 1 < len(stack.lib.asked) < 6
    assert len(stack.asked()) <= stack.size("assoc_ids") + 4 * _MOST_ITEMS


def test_nothing_else_is_asked_twice(stack):
    """An option without a list is asked once, and so is a list that is refused with another error."""
    for option, number in (("context", errno.EINVAL), ("assoc_ids", errno.ENOENT)):
        stack.lib.asked.clear()
        stack.answer(option, -number)
        with pytest.raises(errors.SctpOSError) as caught:
            stack.get(option)
        assert (caught.value.errno, caught.value.op) == (number, f"get {option}")
        assert len(stack.lib.asked) == 1


# -- what is not there


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_options_that_a_stack_lacks_say_so(stack, row):
    """An option that the backend lacks is told so by `supports`, and raises UnsupportedOption with what it is."""
    there = has(stack.name, row)
    assert stack.handle.has_option(row) is there
    if there:
        return
    calls = [lambda: stack.get(row.name)] * ("r" in row.access)
    calls += [lambda: stack.set(row.name, {"value": 1})] * ("w" in row.access)
    for call in calls:
        with pytest.raises(UnsupportedOption) as caught:
            call()
        assert caught.value.errno == errno.ENOPROTOOPT
        assert pick(row.c_name, stack.name) in caught.value.detail
        assert row.rfc in caught.value.detail
        assert stack.name in caught.value.detail
    assert stack.lib.kept == {}
    assert stack.lib.asked == []


@pytest.mark.parametrize("number", [errno.ENOPROTOOPT, EABSENT])
def test_running_stack_may_lack_an_option(stack, number):
    """An option that the header has and the running stack does not is an UnsupportedOption as well."""
    stack.lib.refuse[stack.codec("context").number] = number
    with pytest.raises(UnsupportedOption, match="SCTP_CONTEXT"):
        stack.set("context", {"value": 1})


def test_other_refusals_keep_their_errno(stack):
    """What a stack refuses for another reason has its errno, and says which option it was."""
    stack.lib.refuse[stack.codec("context").number] = errno.EPERM
    with pytest.raises(errors.PermissionDenied) as caught:
        stack.set("context", {"value": 1})
    assert (caught.value.errno, caught.value.op, caught.value.backend) == (errno.EPERM, "set context", stack.name)


@pytest.mark.parametrize("assoc_id", [0, 2, 2**31 - 1, 2**31, 2**32 - 1])
def test_association_ids_have_32_bits(stack, assoc_id):
    """Each number that `of` takes for an association reaches the stack, or is an error of ours (RFC 6458 7.1)."""
    try:
        data = stack.set("context", {"value": 1}, assoc_id)
        stack.get("context", assoc_id)
    except errors.Error:
        assert assoc_id >= 2**31
        assert stack.lib.kept == {}
    else:
        assert stack.field("context", data, "assoc_id") & 0xFFFFFFFF == assoc_id


# -- what else is passed


def test_what_few_messages_need_is_passed(stack):
    """Key, INIT's numbers and further addresses reach the shim, and live as long as they are needed."""
    more = stack.handle.more(5, (1, 2, 3, 4), [PEER, SIX])
    assert (more.given, more.key, more.count) == (1 | 2 | 4, 5, 2)
    assert (more.out_streams, more.in_streams, more.attempts, more.timeout_ms) == (1, 2, 3, 4)
    assert [stack.handle._backend.address(more.others + i) for i in range(2)] == [PEER, SIX]
    assert stack.handle.more(None, None, []).given == 0
    assert stack.handle.more(0, None, []).given == 1
    assert stack.handle.more(None, (0, 0, 0, 0), []).given == 2


def test_received_and_next_are_read_from_the_struct(stack):
    """What came with a message, and what comes after it, is read from one struct (RFC 6458 sections 5.3.5, 5.3.6)."""
    room = stack.handle._rcv
    room.sid, room.assoc_id = 3, 9
    room.next_sid, room.next_flags, room.next_ppid, room.next_length, room.next_assoc_id = 1, 2, 3, 4, 5
    assert stack.handle.received()[2] == 3
    assert stack.handle.received()[8] == 9
    assert stack.handle.next_info() == (1, 2, 3, 4, 5)


class Counting:
    """A lib that counts, in a text of its own."""

    def __init__(self, real, text, code=0):
        self._real, self.text, self.code, self.sizes = real, text, code, []

    def __getattr__(self, name):
        return getattr(self._real, name)


def counting(stack, text, code=0):
    """A backend whose stack counts this; writes what fits, and tells how much there is, as snprintf does."""
    backend = ShimBackend(stack.name, stack.ffi, stack.handle._backend.lib, frozenset())
    backend.lib = Counting(backend.lib, text, code)

    def counters(room, size):
        backend.lib.sizes.append(size)
        data = text.encode()[:size]
        stack.ffi.buffer(room, len(data))[:] = data
        return code or (len(data) if stack.name == "linux" else len(text))

    backend.lib.sfi_counters = counters
    return backend


def test_counters_are_names_and_numbers(stack):
    """The stack's text becomes numbers under its names; empty lines are passed over."""
    backend = counting(stack, "SctpCurrEstab\t1\n\nSctpInSCTPPacks 4294967295\n")
    assert backend.counters() == {"SctpCurrEstab": 1, "SctpInSCTPPacks": 2**32 - 1}


@pytest.mark.parametrize("lines", [1000, 1638, 1639, 5000])
def test_counters_get_all_the_room_that_they_need(stack, lines):
    """A text that does not fit, or just fills the room, is asked for again with more of it."""
    text = "".join(f"n{number:06d} 1\n" for number in range(lines))
    backend = counting(stack, text)
    assert len(backend.counters()) == lines
    assert backend.lib.sizes == [16384 * 2**i for i in range(len(backend.lib.sizes))]


def test_counters_that_are_not_there(stack):
    """Counters that can't be read are an error with the stack's errno."""
    with pytest.raises(errors.PermissionDenied):
        counting(stack, "", -errno.EACCES).counters()


def test_socket_level_options_are_the_hosts(stack):
    """Options of the socket level have the host's own numbers."""
    names = {"SO_LINGER": "linger", "SO_RCVBUF": "receive_buffer_bytes", "SO_SNDBUF": "send_buffer_bytes"}
    for constant, option in names.items():
        assert stack.lib.sfi_native_option(stack.codec(option).number) == getattr(socket, constant)
