"""The one Python implementation over the shim ABI (csrc/sfi.h), for every stack.

`ffi` and `lib` of a compiled `_ffi_<backend>` module come in, canonical Python values go out. The only module that
touches cffi objects, hence untyped where it does; no decision about a particular stack may stand here.
"""

from __future__ import annotations

import errno
import ipaddress
import struct
from functools import partial
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from sctpffi import errors
from sctpffi._optrows import OPTIONS, Field, OptionRow, pick
from sctpffi.addresses import Address, from_raw, make_address
from sctpffi.backends._memory import NEXT, RCV, ShimRoom, ShimShelf
from sctpffi.backends.base import Adopted, Outgoing, Raw, RawNext, RawNotification, Support

ABI = 6
_SND = struct.Struct("=10I16s")  # struct sfi_snd
_NOBODY = (0, 0, 0, b"")
_CONVERTED = {"assoc_state": 1, "path_state": 2, "pr_policy": 3, "send_flags": 4, "scheduler": 5}  # SFI_VALUE_*
_ITEM = {"u8[]": "B", "u16[]": "H", "u32[]": "I"}
_NO_ADDRESS = (None, Address("0.0.0.0", 0), Address("::", 0))  # what was passed for "all paths"
_MOST_ITEMS = 16000  # FreeBSD takes no more than 64 KiB at a time
_ROOM_ITEMS = 512  # of a list that is read; grows if the stack says it is too small
_TAIL_CAUSES, _TAIL_FEATURES, _TAIL_DATA, _TAIL_STREAMS = 1, 2, 3, 4


class Codec(NamedTuple):
    """An option as this backend has it: C names chosen, numbers looked up."""

    number: int  # SFI_OPT_*
    c_type: str
    paths: Tuple[Tuple[Tuple[str, ...], Field], ...]
    tail: Optional[Field]
    count_field: str


class ShimHandle:
    """One open socket: the shim's pointer, its scratch structs, and conversions. See base.Handle."""

    __slots__ = ("_backend", "_ffi", "_lib", "_null", "_ptr", "_rcv", "_rcv_view")

    def __init__(self, backend: ShimBackend, pointer: Any) -> None:
        self._backend = backend
        self._ffi = backend.ffi
        self._lib = backend.lib
        self._null = self._ffi.NULL
        # Collected with the last call that uses it, so a call under way never meets freed memory.
        self._ptr = self._ffi.gc(pointer, self._lib.sfi_free)
        self._rcv = self._ffi.new("sfi_rcv *")
        self._rcv_view = self._ffi.buffer(self._rcv)

    @property
    def name(self) -> str:
        """The backend's."""
        return self._backend.name

    def error(self, code: int, op: str) -> Exception:
        """The exception for a negative result."""
        return errors.from_code(code, op, backend=self._backend.name)

    def _check(self, code: int, op: str) -> int:
        if code < 0:
            raise self.error(code, op)
        return code

    # -- life

    def close(self) -> None:
        self._lib.sfi_close(self._ptr)

    def fileno(self) -> int:
        return self._check(self._lib.sfi_fileno(self._ptr), "fileno")

    def detach(self) -> int:
        """Give the descriptor up, open; the handle is closed then."""
        return self._check(self._lib.sfi_detach(self._ptr), "detach")

    def dup(self) -> ShimHandle:
        """Another handle of the same socket."""
        out = self._ffi.new("sfi_sock **")
        self._check(self._lib.sfi_dup(self._ptr, out), "dup")
        return ShimHandle(self._backend, out[0])

    def bind(self, addresses: Sequence[Address]) -> None:
        packed = self._backend.pack(addresses)
        self._check(self._lib.sfi_bind(self._ptr, packed, len(addresses)), "bind")

    def bindx(self, addresses: Sequence[Address], add: bool) -> None:
        packed = self._backend.pack(addresses)
        action = self._lib.SFI_BIND_ADD if add else self._lib.SFI_BIND_REMOVE
        op = "bind_add" if add else "bind_remove"
        self._check(self._lib.sfi_bindx(self._ptr, packed, len(addresses), action), op)

    def listen(self, backlog: int) -> None:
        self._check(self._lib.sfi_listen(self._ptr, backlog), "listen")

    def accept(self, timeout_ms: int) -> Tuple[ShimHandle, Optional[Address]]:
        out = self._ffi.new("sfi_sock **")
        peer = self._ffi.new("sfi_addr *")
        self._check(self._lib.sfi_accept(self._ptr, out, peer, timeout_ms), "accept")
        return ShimHandle(self._backend, out[0]), self._backend.address(peer)

    def connect(self, addresses: Sequence[Address]) -> Tuple[int, bool]:
        """Start; returns the association id (0 if the stack does not tell yet) and whether to wait for it."""
        packed = self._backend.pack(addresses)
        assoc_id = self._ffi.new("uint32_t *")
        code = self._lib.sfi_connect(self._ptr, packed, len(addresses), assoc_id)
        if code < 0 and code != -errno.EINPROGRESS:
            raise self.error(code, "connect")
        return assoc_id[0], code < 0

    def connect_result(self) -> int:
        return int(self._lib.sfi_connect_result(self._ptr))

    def peeloff(self, assoc_id: int) -> ShimHandle:
        out = self._ffi.new("sfi_sock **")
        self._check(self._lib.sfi_peeloff(self._ptr, assoc_id, out), "peeloff")
        return ShimHandle(self._backend, out[0])

    def shutdown(self, assoc_id: int) -> None:
        self._check(self._lib.sfi_shutdown(self._ptr, assoc_id), "shutdown")

    def abort(self, assoc_id: int, reason: bytes) -> None:
        self._check(self._lib.sfi_abort(self._ptr, assoc_id, reason, len(reason)), "abort")

    def set_timeout(self, timeout_ms: int) -> None:
        self._check(self._lib.sfi_set_timeout(self._ptr, timeout_ms), "settimeout")

    def wait(self, events: int, timeout_ms: int) -> int:
        return int(self._lib.sfi_wait(self._ptr, events, timeout_ms))

    # -- messages: called once for each, so they return the number and leave errors to the caller

    def sender(self) -> Callable[[bytes, int, int, int, int, int, int], int]:
        return partial(self._lib.sfi_send_plain, self._ptr)  # no frame of Python between the caller and the shim

    def receiver(self, room: Any) -> Tuple[Callable[[int], int], Any]:
        return partial(self._lib.sfi_recv_plain, self._ptr, room.data, room.size, self._rcv), self._rcv_view

    def send(
        self,
        data: Any,
        size: int,
        assoc_id: int,
        stream: int,
        ppid: int,
        flags: int,
        context: int,
        pr_policy: int,
        pr_value: int,
        to: Optional[Address],
        timeout_ms: int,
        more: Any = None,
    ) -> int:
        if type(data) is not bytes:
            data = self._ffi.from_buffer("char[]", data)
        target = self._null if to is None else self._backend.pack((to,))
        code: int = self._lib.sfi_send(
            self._ptr,
            data,
            size,
            assoc_id,
            stream,
            ppid,
            flags,
            context,
            pr_policy,
            pr_value,
            target,
            self._null if more is None else more,
            timeout_ms,
        )
        return code

    def more(self, key: Optional[int], init: Optional[Tuple[int, int, int, int]], others: Sequence[Address]) -> Any:
        """What few messages need on their way out: struct sfi_more."""
        more = self._ffi.new("sfi_more *")
        if key is not None:
            more.given |= self._lib.SFI_MORE_KEY
            more.key = key
        if init is not None:
            more.given |= self._lib.SFI_MORE_INIT
            more.out_streams, more.in_streams, more.attempts, more.timeout_ms = init
        if not others:
            return more
        more.given |= self._lib.SFI_MORE_TO
        packed = self._backend.pack(others)
        more.count, more.others = len(others), packed
        return self._ffi.gc(more, lambda _, keep=packed: None)  # the addresses live as long as what points to them

    def send_many(self, data: bytes, lengths: Sequence[int], infos: Sequence[Outgoing], timeout_ms: int) -> int:
        said = self._said(lengths, infos)
        code: int = self._lib.sfi_send_many(self._ptr, data, len(data), *said, timeout_ms)
        return code

    def send_these(
        self, datas: Sequence[bytes], lengths: Sequence[int], infos: Sequence[Outgoing], timeout_ms: int
    ) -> int:
        held = [self._ffi.from_buffer(data) for data in datas]  # keeps the bytes where they are
        said = self._said(lengths, infos)
        code: int = self._lib.sfi_send_these(self._ptr, self._ffi.new("char *[]", held), *said, timeout_ms)
        return code

    def _said(self, lengths: Sequence[int], infos: Sequence[Outgoing]) -> Tuple[Any, int, Any, int]:
        """How long messages are and what they say, as the shim takes it."""
        ffi = self._ffi
        packed = b"".join([_SND.pack(*info[:7], *self._raw_address(info.to)) for info in infos])
        return (
            ffi.from_buffer("uint32_t[]", lengths),
            len(lengths),
            ffi.from_buffer("sfi_snd[]", packed),
            len(infos),
        )

    @staticmethod
    def _raw_address(address: Optional[Address]) -> Tuple[int, int, int, bytes]:
        if address is None:
            return _NOBODY
        return address.family, address.port, address.scope_id, _ip_bytes(address)

    def new_buffer(self, size: int) -> ShimRoom:
        data = self._backend.allocate("char[]", size)
        return ShimRoom(data, size, self._ffi.buffer(data))

    def as_buffer(self, writable: Any) -> ShimRoom:
        data = self._ffi.from_buffer("char[]", writable, require_writable=True)
        return ShimRoom(data, len(data), writable)

    def recv(self, room: Any, size: int, peek: bool, timeout_ms: int) -> int:
        code: int = self._lib.sfi_recv(self._ptr, room.data, size, peek, timeout_ms, self._rcv)
        return code

    def recv_into(self, writable: Any, timeout_ms: int) -> int:
        with self._ffi.from_buffer(writable) as data:
            code: int = self._lib.sfi_recv(self._ptr, data, len(data), 0, timeout_ms, self._rcv)
        return code

    def received(self) -> Raw:
        """What came with the last successful `recv`, as in base.Received."""
        return RCV.unpack_from(self._rcv_view)

    def next_info(self) -> RawNext:
        """Stream, NextFlags, PPID, length and association of the message after the one just received."""
        return NEXT.unpack_from(self._rcv_view, RCV.size)

    def new_shelf(self, size: int) -> ShimShelf:
        return ShimShelf(self._backend.allocate, self._ffi.buffer, size)

    def recv_many(self, shelf: Any, least: int, count: int, timeout_ms: int) -> int:
        code: int = self._lib.sfi_recv_many(self._ptr, shelf.data, shelf.size, least, shelf.infos, count, timeout_ms)
        return code

    def decode(self, data: bytes, source: Optional[Address]) -> RawNotification:
        out = self._ffi.new("sfi_ntf *")
        code = self._lib.sfi_notification(data, len(data), out)
        if code < 0:  # too short for its type: kept as it is
            return RawNotification(0x10000, data=data, source=source)
        address = self._backend.address(self._ffi.addressof(out, "address"))
        if address is not None and address.port == 0 and source is not None:
            address = address._replace(port=source.port)  # usrsctp leaves it out in MADE_PRIM
        tail = data[out.tail_offset : out.tail_offset + out.tail_length]
        return RawNotification(
            type=out.type,
            flags=out.flags,
            state=out.state,
            error=out.error,
            out_streams=out.out_streams,
            in_streams=out.in_streams,
            assoc_id=out.assoc_id,
            features=tail if out.tail_kind == _TAIL_FEATURES else None,
            causes=tail if out.tail_kind == _TAIL_CAUSES else b"",
            undelivered=tail if out.tail_kind == _TAIL_DATA else b"",
            streams=_unpack("H", tail) if out.tail_kind == _TAIL_STREAMS else (),
            indication=out.indication,
            key=out.key,
            other_key=out.other_key,
            sid=out.sid,
            ssn=out.ssn,
            ppid=out.ppid,
            context=out.context,
            local_tsn=out.local_tsn,
            remote_tsn=out.remote_tsn,
            address=address,
            source=source,
            data=data,
        )

    # -- addresses and options

    def addresses(self, local: bool, assoc_id: int) -> List[Address]:
        side = self._lib.SFI_SIDE_LOCAL if local else self._lib.SFI_SIDE_PEER
        room = 16
        while True:
            out = self._ffi.new("sfi_addr[]", room)
            op = "local_addresses" if local else "peer_addresses"
            count = self._check(self._lib.sfi_addrs(self._ptr, side, assoc_id, out, room), op)
            if count <= room:
                found = [self._backend.address(out + i) for i in range(count)]
                return [a for a in found if a is not None]
            room = count

    def subscribe(self, assoc_id: int, event: int, on: bool) -> None:
        self._check(self._lib.sfi_subscribe(self._ptr, assoc_id, event, int(on)), "subscribe")

    def subscribed(self, assoc_id: int, event: int) -> bool:
        return bool(self._check(self._lib.sfi_subscribed(self._ptr, assoc_id, event), "subscribed"))

    def has_option(self, row: OptionRow) -> bool:
        return bool(self._lib.sfi_native_option(self._backend.codec(row).number) >= 0)

    def get_option(
        self, row: OptionRow, assoc_id: int, address: Optional[Address], keys: Dict[str, int]
    ) -> Dict[str, Any]:
        codec = self._codec(row, "get")
        values = {key: keys.get(key, 0) for key in row.keys}
        room = _ROOM_ITEMS if codec.tail is not None else 0
        while True:
            size, block, value = self._block(codec, room)
            self._fill(row, codec, value, values, assoc_id, address)
            code = self._lib.sfi_getopt(self._ptr, codec.number, block, size)
            if code != -errno.EINVAL or not room or room == _MOST_ITEMS:
                break
            room = min(room * 8, _MOST_ITEMS)  # a list that is too small is EINVAL
        self._check_option(code, row, "get")
        found = {field.name: self._take(value, path, field) for path, field in codec.paths}
        if codec.tail is not None:
            found[codec.tail.name] = self._take_tail(codec, block, value, code)
        return found

    def set_option(self, row: OptionRow, values: Dict[str, Any], assoc_id: int, address: Optional[Address]) -> None:
        codec = self._codec(row, "set")
        tail = self._pack_tail(codec, values)
        size, block, value = self._block(codec, 0, len(tail))
        self._fill(row, codec, value, values, assoc_id, address)
        if codec.tail is not None:
            start = self._ffi.offsetof(codec.c_type, codec.tail.path)
            setattr(value, codec.count_field, len(values[codec.tail.name]))
            self._ffi.memmove(block + start, tail, len(tail))
            size = max(start + len(tail), self._ffi.sizeof(codec.c_type))
        code = self._lib.sfi_setopt(self._ptr, codec.number, block, size)
        self._check_option(code, row, "set")

    def _codec(self, row: OptionRow, verb: str) -> Codec:
        codec = self._backend.codec(row)
        self._check_option(self._lib.sfi_native_option(codec.number), row, verb)
        return codec

    def _block(self, codec: Codec, items: int, extra: int = 0) -> Tuple[int, Any, Any]:
        """Memory for a struct and what follows it, zeroed: its size, the bytes, and the struct in them."""
        width = struct.calcsize(_ITEM[codec.tail.kind]) if codec.tail is not None and items else 0
        size = self._ffi.sizeof(codec.c_type) + items * width + extra
        block = self._ffi.new("char[]", size)
        return size, block, self._ffi.cast(f"{codec.c_type} *", block)

    def _check_option(self, code: int, row: OptionRow, verb: str) -> None:
        if code >= 0:
            return
        error = errors.from_code(code, f"{verb} {row.name}", backend=self._backend.name)
        if isinstance(error, errors.UnsupportedOption):
            c_name = pick(row.c_name, self._backend.name)
            error.detail = f"{c_name} ({row.rfc}) is not there on {self._backend.name} {self._backend.version()}"
        raise error

    def _fill(
        self,
        row: OptionRow,
        codec: Codec,
        value: Any,
        values: Dict[str, Any],
        assoc_id: int,
        address: Optional[Address],
    ) -> None:
        if row.struct == "assoc_id":
            value[0] = assoc_id
        elif row.assoc_field:
            try:
                self._put(value, tuple(row.assoc_field.split(".")), assoc_id)
            except OverflowError:  # Linux' ids have a sign
                raise errors.build(errors.NoSuchAssociation, row.name, assoc_id=assoc_id) from None
        for path, field in codec.paths:
            if field.kind == "address":
                if len(path) == 1:  # else inside a struct that is only read
                    self._put_address(value, path[0], values.get(field.name) or address)
            elif field.name in values:
                self._put(value, path, self._native(row, field, int(values[field.name])))

    @staticmethod
    def _put(value: Any, path: Tuple[str, ...], number: int) -> None:
        if path == ("value",):
            value[0] = number
            return
        for part in path[:-1]:
            value = getattr(value, part)
        setattr(value, path[-1], number)

    def _native(self, row: OptionRow, field: Field, number: int) -> int:
        if field.kind in _CONVERTED:
            code = int(self._lib.sfi_to_native(_CONVERTED[field.kind], number))
            if code < 0:
                self._check_option(code, row, "set")
            return code
        if field.kind == "port":
            return _swapped(number, 2)
        return _swapped(number, 4) if field.kind == "net32" else number

    def _put_address(self, value: Any, name: str, address: Optional[Address]) -> None:
        given = self._ffi.new("sfi_addr *") if address is None else self._backend.pack((address,))
        place = self._ffi.addressof(value[0], name)
        code = self._lib.sfi_addr_to_native(given, place, self._ffi.sizeof("struct sockaddr_storage"))
        self._check(code, "address")

    def _take(self, value: Any, path: Tuple[str, ...], field: Field) -> Any:
        if path == ("value",):
            return int(value[0])
        if field.kind == "address":
            out = self._ffi.new("sfi_addr *")
            place = self._ffi.addressof(value[0], *path)
            self._lib.sfi_addr_from_native(place, self._ffi.sizeof("struct sockaddr_storage"), out)
            found = self._backend.address(out)
            return None if found in _NO_ADDRESS else found
        for part in path:
            value = getattr(value, part)
        number = int(value)
        if field.kind in _CONVERTED:
            return int(self._lib.sfi_to_canonical(_CONVERTED[field.kind], number & 0xFFFFFFFF))
        if field.kind == "port":
            return _swapped(number, 2)
        return _swapped(number, 4) if field.kind == "net32" else number

    def _take_tail(self, codec: Codec, block: Any, value: Any, size: int) -> Tuple[int, ...]:
        """The list behind a struct: no more of it than the stack wrote, and no more than it counted."""
        assert codec.tail is not None
        start = self._ffi.offsetof(codec.c_type, codec.tail.path)
        data = bytes(self._ffi.buffer(block, size)[start:]) if size > start else b""
        return _unpack(_ITEM[codec.tail.kind], data)[: int(getattr(value, codec.count_field))]

    def _pack_tail(self, codec: Codec, values: Dict[str, Any]) -> bytes:
        if codec.tail is None:
            return b""
        items = values[codec.tail.name]
        if codec.tail.kind == "bytes":
            return bytes(items)
        return struct.pack(f"={len(items)}{_ITEM[codec.tail.kind]}", *items)

    def get_raw(self, level: int, number: int, size: int) -> bytes:
        room = self._ffi.new("char[]", max(size, 1))
        used = self._check(self._lib.sfi_getopt_raw(self._ptr, level, number, room, size), "getsockopt_raw")
        return bytes(self._ffi.unpack(room, used))

    def set_raw(self, level: int, number: int, value: bytes) -> None:
        room = self._ffi.new("char[]", value)  # a copy: the BSD stacks write into it
        self._check(self._lib.sfi_setopt_raw(self._ptr, level, number, room, len(value)), "setsockopt_raw")


def _swapped(number: int, size: int) -> int:
    """A number of the network's byte order as the machine has it in memory, or back."""
    return int.from_bytes(number.to_bytes(size, "big"), _NATIVE)


def _unpack(item: str, data: bytes) -> Tuple[int, ...]:
    """Numbers that lie one after the other; what is left over at the end is cut off."""
    width = struct.calcsize(item)
    return struct.unpack(f"={len(data) // width}{item}", data[: len(data) // width * width])


_NATIVE: Any = "little" if struct.pack("=H", 1) == b"\x01\x00" else "big"


class ShimBackend:
    """One stack behind a compiled module. See base.Backend."""

    def __init__(self, name: str, ffi: Any, lib: Any, features: FrozenSet[str]) -> None:
        self.name = name
        self.features = features
        self.ffi = ffi
        self.lib = lib
        self.allocate = ffi.new_allocator(should_clear_after_alloc=False)
        if lib.sfi_abi() != ABI:
            raise ImportError(
                f"sctpffi's compiled module for {name!r} has shim ABI {lib.sfi_abi()}, the Python code wants {ABI}:"
                " rebuild the package"
            )
        self._codecs: Dict[str, Codec] = {row.name: self._make_codec(row) for row in OPTIONS}

    def _make_codec(self, row: OptionRow) -> Codec:
        c_name = pick(row.c_name, "bsd").replace("SCTP_", "", 1)
        number = getattr(self.lib, "SFI_OPT_" + _CANONICAL_NAMES.get(c_name, c_name))
        c_type = "uint32_t" if row.struct == "assoc_id" else pick(row.struct, self.name)
        paths = tuple((tuple(pick(field.path, self.name).split(".")), field) for field in row.fields)
        return Codec(number, c_type, paths, row.tail, pick(row.count_field, self.name))

    def version(self) -> str:
        """The running kernel's or the library's version."""
        room = self.ffi.new("char[]", 128)
        code = self.lib.sfi_stack_version(room, 128)
        return self.ffi.string(room).decode() if code >= 0 else ""

    def codec(self, row: OptionRow) -> Codec:
        """How an option is passed to this stack."""
        return self._codecs[row.name]

    def counters(self) -> Dict[str, int]:
        """The stack's counters by its own names. Raises SctpOSError, ForkedError."""
        size = 16384
        while True:
            room = self.ffi.new("char[]", size)
            used = self.lib.sfi_counters(room, size)
            if used < 0:
                raise errors.from_code(used, "counters", backend=self.name)
            if used < size:
                break
            size *= 2
        lines = self.ffi.unpack(room, used).decode("ascii").splitlines()
        return {name: int(value) for name, value in (line.split() for line in lines if line.strip())}

    def probe(self) -> Support:
        """Whether the stack can be used now; never raises."""
        code = self.lib.sfi_probe()
        reason = "" if code >= 0 else str(errors.from_code(code, "probe", backend=self.name))
        return Support(self.name, code >= 0, reason, self.version())

    def open(self, family: int, style: int) -> ShimHandle:
        """Open a socket: non-blocking, close-on-exec, RECVRCVINFO on, V6ONLY off."""
        out = self.ffi.new("sfi_sock **")
        code = self.lib.sfi_open(family, style, out)
        if code < 0:
            raise errors.from_code(code, "open", backend=self.name)
        return ShimHandle(self, out[0])

    def adopt(self, fileno: int) -> Tuple[ShimHandle, Adopted]:
        """A handle around an open descriptor, and what that is; on failure it stays the caller's."""
        out = self.ffi.new("sfi_sock **")
        info = self.ffi.new("sfi_adopted *")
        code = self.lib.sfi_adopt(fileno, out, info)
        if code < 0:
            raise errors.from_code(code, "adopt", backend=self.name)
        found = Adopted(info.family, info.style, info.listening, info.used, info.state, info.assoc_id)
        return ShimHandle(self, out[0]), found

    def live_handles(self) -> int:
        """Sockets that the stack has open for this process; 0 when everything was closed."""
        return int(self.lib.sfi_live())

    def pack(self, addresses: Sequence[Address]) -> Any:
        """Addresses as the shim's array."""
        packed = self.ffi.new("sfi_addr[]", len(addresses))
        for place, address in zip(packed, addresses):
            checked = make_address(address.host, address.port)
            ip = _ip_bytes(checked)
            place.family = checked.family
            place.port = checked.port
            place.scope_id = address.scope_id
            self.ffi.memmove(place.ip, ip, len(ip))
        return packed

    def address(self, place: Any) -> Optional[Address]:
        """The shim's address as an Address; None if there is none."""
        return from_raw(place.family, place.port, place.scope_id, bytes(self.ffi.buffer(place.ip)))


def _ip_bytes(address: Address) -> bytes:
    return ipaddress.ip_address(address.host).packed


# The two that FreeBSD 13 knows only by their older names.
_CANONICAL_NAMES = {"PLUGGABLE_SS": "STREAM_SCHEDULER", "SS_VALUE": "STREAM_SCHEDULER_VALUE"}
