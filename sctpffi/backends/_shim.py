"""The one Python implementation over the shim ABI (csrc/sfi.h), for every stack.

`ffi` and `lib` of a compiled `_ffi_<backend>` module come in, canonical Python values go out. The only module that
touches cffi objects, hence untyped where it does; no decision about a particular stack may stand here.
"""

from __future__ import annotations

import errno
import ipaddress
import struct
from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Tuple

from sctpffi import errors
from sctpffi._tables import OPTIONS, Field, OptionRow
from sctpffi.addresses import Address, from_raw, make_address
from sctpffi.backends.base import RawNotification, Support

ABI = 1
_RCV = struct.Struct("=12I16s")  # struct sfi_rcv; tests/abi checks it against the compiler's layout
_TAIL_CAUSES, _TAIL_FEATURES = 1, 2


class ShimHandle:
    """One open socket: the shim's pointer, its scratch structs, and conversions. See base.Handle."""

    __slots__ = ("_backend", "_ffi", "_lib", "_ptr", "_rcv", "_rcv_view")

    def __init__(self, backend: ShimBackend, pointer: Any) -> None:
        self._backend = backend
        self._ffi = backend.ffi
        self._lib = backend.lib
        # Collected with the last call that uses it, so a call under way never meets freed memory.
        self._ptr = self._ffi.gc(pointer, self._lib.sfi_free)
        self._rcv = self._ffi.new("sfi_rcv *")
        self._rcv_view = self._ffi.buffer(self._rcv)

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

    def wait(self, events: int, timeout_ms: int) -> int:
        return int(self._lib.sfi_wait(self._ptr, events, timeout_ms))

    # -- messages: called once for each, so they return the number and leave errors to the caller

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
    ) -> int:
        if type(data) is not bytes:
            data = self._ffi.from_buffer("char[]", data)
        target = self._ffi.NULL if to is None else self._backend.pack((to,))
        return int(
            self._lib.sfi_send(
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
                timeout_ms,
            )
        )

    def new_buffer(self, size: int) -> Any:
        return self._backend.allocate("char[]", size)

    def as_buffer(self, writable: Any) -> Any:
        return self._ffi.from_buffer("char[]", writable, require_writable=True)

    def recv(self, buffer: Any, size: int, peek: bool, timeout_ms: int) -> int:
        return int(self._lib.sfi_recv(self._ptr, buffer, size, 1 if peek else 0, timeout_ms, self._rcv))

    def received(self) -> Tuple[int, int, int, int, int, int, int, int, int, int, int, int, bytes]:
        """What came with the last successful `recv`, as in base.Received."""
        return _RCV.unpack_from(self._rcv_view)

    def take_bytes(self, buffer: Any, size: int) -> bytes:
        return bytes(self._ffi.unpack(buffer, size))

    def decode(self, data: bytes, source: Optional[Address]) -> RawNotification:
        out = self._ffi.new("sfi_ntf *")
        code = self._lib.sfi_notification(data, len(data), out)
        if code < 0:  # too short for its type: kept as it is
            return RawNotification(0x10000, 0, 0, 0, 0, 0, 0, None, b"", None, source, data)
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
            address=self._backend.address(self._ffi.addressof(out, "address")),
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

    def get_option(self, row: OptionRow, assoc_id: int, address: Optional[Address]) -> Dict[str, Any]:
        number, c_type = self._backend.option(row)
        value = self._fill(row, c_type, {}, assoc_id, address)
        code = self._lib.sfi_getopt(self._ptr, number, value, self._ffi.sizeof(c_type))
        self._check_option(code, row, "get")
        return {field.name: self._take(value, field) for field in row.fields}

    def set_option(self, row: OptionRow, values: Dict[str, Any], assoc_id: int, address: Optional[Address]) -> None:
        number, c_type = self._backend.option(row)
        value = self._fill(row, c_type, values, assoc_id, address)
        code = self._lib.sfi_setopt(self._ptr, number, value, self._ffi.sizeof(c_type))
        self._check_option(code, row, "set")

    def _check_option(self, code: int, row: OptionRow, verb: str) -> None:
        if code >= 0:
            return
        error = errors.from_code(code, f"{verb} {row.name}", backend=self._backend.name)
        if isinstance(error, errors.UnsupportedOption):
            error.detail = f"{row.c_name} ({row.rfc}) is not there on {self._backend.name} {self._backend.version()}"
        raise error

    def _fill(
        self, row: OptionRow, c_type: str, values: Dict[str, Any], assoc_id: int, address: Optional[Address]
    ) -> Any:
        value = self._ffi.new(f"{c_type} *")
        if row.struct == "int":
            value[0] = int(values.get("value", 0))
            return value
        if row.assoc_field:
            setattr(value, row.assoc_field, assoc_id)
        for field in row.fields:
            if "." in field.path:
                continue  # inside a read-only struct
            if field.kind == "address":
                self._put_address(value, field, values.get(field.name, address))
            elif field.name in values:
                number = int(values[field.name])
                setattr(value, field.path, _swap16(number) if field.kind == "port" else number)
        return value

    def _put_address(self, value: Any, field: Field, address: Optional[Address]) -> None:
        packed = self._ffi.NULL if address is None else self._backend.pack((address,))
        empty = self._ffi.new("sfi_addr *")
        place = self._ffi.addressof(value[0], field.path)
        code = self._lib.sfi_addr_to_native(
            packed if packed != self._ffi.NULL else empty, place, self._ffi.sizeof("struct sockaddr_storage")
        )
        self._check(code, "address")

    def _take(self, value: Any, field: Field) -> Any:
        parts = field.path.split(".")
        if parts == ["value"]:
            return int(value[0])
        if field.kind == "address":
            out = self._ffi.new("sfi_addr *")
            place = self._ffi.addressof(value[0], *parts)
            self._lib.sfi_addr_from_native(place, self._ffi.sizeof("struct sockaddr_storage"), out)
            return self._backend.address(out)
        for part in parts:
            value = getattr(value, part)
        return _swap16(value) if field.kind == "port" else int(value)

    def get_raw(self, level: int, number: int, size: int) -> bytes:
        room = self._ffi.new("char[]", max(size, 1))
        used = self._check(self._lib.sfi_getopt_raw(self._ptr, level, number, room, size), "getsockopt_raw")
        return bytes(self._ffi.unpack(room, used))

    def set_raw(self, level: int, number: int, value: bytes) -> None:
        room = self._ffi.new("char[]", value)  # a copy: the BSD stacks write into it
        self._check(self._lib.sfi_setopt_raw(self._ptr, level, number, room, len(value)), "setsockopt_raw")


def _swap16(number: int) -> int:
    return int.from_bytes(number.to_bytes(2, "big"), _NATIVE)


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
        side = "linux" if name == "linux" else "bsd"
        self._options: Dict[str, Tuple[int, str]] = {}
        for row in OPTIONS:
            number = getattr(lib, "SFI_OPT_" + row.c_name.replace("SCTP_", "", 1))
            self._options[row.name] = (number, _c_type(row.struct, side))

    def version(self) -> str:
        """The running kernel's or the library's version."""
        room = self.ffi.new("char[]", 128)
        code = self.lib.sfi_stack_version(room, 128)
        return self.ffi.string(room).decode() if code >= 0 else ""

    def option(self, row: OptionRow) -> Tuple[int, str]:
        """The canonical number and the C type of an option."""
        return self._options[row.name]

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


def _c_type(text: str, side: str) -> str:
    if "{" not in text:
        return text
    head, _, choice = text.partition("{")
    linux, _, bsd = choice.rstrip("}").partition("|")
    return head + (linux if side == "linux" else bsd)
