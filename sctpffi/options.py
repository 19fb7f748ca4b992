"""Socket options as typed attributes: `sock.opts.rto_info`, `sock.opts.of(assoc_id).status` (RFC 6458 section 8).

One line an option; `_optrows.OPTIONS` has the facts and tests compare both. Conversion of structs happens in
the backend, checks of types and ranges here, further ones in `optchecks.py`.
"""

from __future__ import annotations

import dataclasses
from enum import IntEnum, IntFlag
from typing import Any, Dict, FrozenSet, Generic, Optional, Protocol, Tuple, Type, TypeVar, Union, overload

from sctpffi._tables import OPTIONS, Field, OptionRow
from sctpffi.addresses import Address, check_address
from sctpffi.enums import (
    AssocState,
    CcModule,
    ChunkType,
    ErrorDetection,
    HmacId,
    PathFlag,
    PathState,
    PfExposure,
    PrPolicy,
    ResetFlag,
    SendFlag,
    StreamResetAllow,
    StreamScheduler,
)
from sctpffi.errors import ArgumentError, ArgumentTypeError, OptionNotTaken
from sctpffi.optchecks import CHECKS
from sctpffi.optvalues import (
    AddStreams,
    AssocParams,
    AssocStats,
    AuthKey,
    BufferUse,
    DelayedSack,
    InitParams,
    Linger,
    PathInfo,
    PathParams,
    PathThresholds,
    PrInfo,
    ProbeInterval,
    PrStatus,
    ResetStreams,
    RtoInfo,
    SndInfo,
    Status,
    Timeouts,
    UdpEncaps,
)

T = TypeVar("T")
ROWS: Dict[str, OptionRow] = {row.name: row for row in OPTIONS}
_U32 = 0xFFFFFFFF
LIMITS = {
    "u8": 0xFF, "u16": 0xFFFF, "u32": _U32, "u64": 2**64 - 1, "int": 0x7FFFFFFF, "net32": _U32, "port": 0xFFFF,
    "u8[]": 0xFF, "u16[]": 0xFFFF, "u32[]": _U32,
}  # fmt: skip
ENUMS: Dict[str, Type[Any]] = {
    "assoc_state": AssocState,
    "path_state": PathState,
    "pr_policy": PrPolicy,
    "send_flags": SendFlag,
    "scheduler": StreamScheduler,
    "path_flags": PathFlag,
    "reset_flags": ResetFlag,
    "cc_module": CcModule,
}
# Fields that do not read back what was set: they only say what is asked for, or can't be set at all.
READ_ONLY_FIELDS: Dict[str, FrozenSet[str]] = {
    "assoc_params": frozenset({"peer_destinations", "peer_rwnd_bytes", "local_rwnd_bytes"}),
    "path_params": frozenset({"address", "flags"}),
    "path_thresholds": frozenset({"address"}),
    "probe_interval": frozenset({"address"}),
    "udp_encaps_port": frozenset({"address"}),
}
DEFAULT_KEYS: Dict[str, int] = {"stream": 0, "policy": int(PrPolicy.ALL), "option": 0}
_MOST_TAIL = 65535


class OptionSource(Protocol):
    """What options need of a socket."""

    def get_option(
        self, row: OptionRow, assoc_id: int, address: Optional[Address], keys: Dict[str, int]
    ) -> Dict[str, Any]: ...

    def set_option(self, row: OptionRow, values: Dict[str, Any], assoc_id: int, address: Optional[Address]) -> None: ...

    def has_option(self, row: OptionRow) -> bool: ...


# -- from Python to the backend


def check_number(argument: str, value: Any, top: int = _U32) -> int:
    """An int in 0..top. Raises ArgumentTypeError, ArgumentError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ArgumentTypeError(argument, f"an int, not {type(value).__name__}")
    if not 0 <= value <= top:
        raise ArgumentError(argument, f"{value} is not in 0..{top}")
    return value


def check_member(argument: str, value: Any, kind: Type[Any]) -> int:
    """A member of an enumeration, or an int that is one. Raises ArgumentTypeError, ArgumentError."""
    number = check_number(argument, value)
    if issubclass(kind, IntFlag):
        known = 0
        for member in kind:
            known |= int(member)
        if number & ~known:
            raise ArgumentError(argument, f"{number:#x} has bits that are no {kind.__name__}")
    elif number not in kind.__members__.values():
        raise ArgumentError(argument, f"{number} is no {kind.__name__}")
    return number


def _check_tail(argument: str, value: Any, tail: Field) -> Any:
    if tail.kind == "bytes":
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise ArgumentTypeError(argument, f"bytes, not {type(value).__name__}")
        return bytes(value)
    if isinstance(value, (str, bytes, int)) or not hasattr(value, "__iter__"):
        raise ArgumentTypeError(argument, f"a sequence of ints, not {type(value).__name__}")
    items = tuple(check_number(argument, item, LIMITS[tail.kind]) for item in value)
    if len(items) > _MOST_TAIL:
        raise ArgumentError(argument, f"{len(items)} are too many")
    return items


def _check_field(argument: str, value: Any, field: Field) -> Any:
    if field.kind == "address":
        if value is not None and not isinstance(value, Address):
            raise ArgumentTypeError(argument, f"an Address or None, not {type(value).__name__}")
        return value if value is None else check_address(value, argument)
    if field.kind in ENUMS:
        return check_member(argument, value, ENUMS[field.kind])
    return check_number(argument, value, LIMITS[field.kind])


def _check_bool(argument: str, value: Any) -> int:
    if not isinstance(value, (bool, int)):
        raise ArgumentTypeError(argument, f"a bool, not {type(value).__name__}")
    return int(bool(value))


def _values_of(row: OptionRow, value: Any, kind: Type[Any]) -> Dict[str, Any]:
    """What goes to the backend, checked."""
    single = next((f for f in row.fields if f.name not in row.keys), None)
    if kind is bool:
        return {"value": _check_bool(row.name, value)}
    if kind is tuple:
        assert row.tail is not None
        return {"value": _check_tail(row.name, value, row.tail)}
    if kind is Address:
        if not isinstance(value, Address):
            raise ArgumentTypeError(row.name, f"an Address, not {type(value).__name__}")
        return {"address": check_address(value, row.name)}
    if issubclass(kind, IntEnum) or issubclass(kind, IntFlag):
        return {"value": check_member(row.name, value, kind)}
    if kind is int:
        assert single is not None
        return {single.name: check_number(row.name, value, LIMITS[single.kind])}
    if not isinstance(value, kind):
        raise ArgumentTypeError(row.name, f"a {kind.__name__}, not {type(value).__name__}")
    return _fields_of(row, value)


def _fields_of(row: OptionRow, value: Any) -> Dict[str, Any]:
    fields = {field.name: field for field in row.fields}
    found: Dict[str, Any] = {}
    for part in dataclasses.fields(value):
        argument, item = f"{row.name}.{part.name}", getattr(value, part.name)
        if row.tail is not None and part.name == row.tail.name:
            found[part.name] = _check_tail(argument, item, row.tail)
        elif part.type in (bool, "bool"):
            found[part.name] = _check_bool(argument, item)
        else:
            found[part.name] = _check_field(argument, item, fields[part.name])
    return found


# -- from the backend to Python


def _value(kind: Any, item: Optional[Type[Any]], row: OptionRow, values: Dict[str, Any]) -> Any:
    kinds = {field.name: field.kind for field in row.fields}
    found = {
        name: ENUMS[kinds[name]](value) if kinds.get(name) in ENUMS else value
        for name, value in values.items()
        if name not in row.keys
    }
    if kind is Address:
        return found["address"]
    if kind is tuple:
        return tuple(item(v) for v in found["value"]) if item is not None else tuple(found["value"])
    if not dataclasses.is_dataclass(kind):
        return kind(found["value"])
    if kind is Linger:
        found["on"] = bool(found["on"])
    inner = {name.partition(".")[2]: found.pop(name) for name in list(found) if "." in name}
    if inner:
        found["primary"] = PathInfo(**inner)
    return kind(**found)


def _taken(wanted: Any, found: Any, row: OptionRow) -> bool:
    """Whether what is read back is what was set; 0 in a record keeps, buffers may be larger."""
    if row.level == "socket" and isinstance(wanted, int) and not isinstance(found, bool):
        return bool(found >= wanted)
    if dataclasses.is_dataclass(wanted) and row.name != "linger":
        return all(
            getattr(found, part.name) == getattr(wanted, part.name)
            for part in dataclasses.fields(wanted)
            if part.name not in READ_ONLY_FIELDS.get(row.name, ()) and getattr(wanted, part.name)
        )
    if row.name == "linger":
        return bool(found.on) is bool(wanted.on) and found.seconds == wanted.seconds
    if isinstance(found, tuple):
        return found == tuple(wanted)
    return bool(found == (bool(wanted) if isinstance(found, bool) else wanted))


class Option(Generic[T]):
    """One option as an attribute. Getting and setting it call the stack.

    Raises UnsupportedOption where the backend lacks it, ExtensionOff where it belongs to an extension that is switched
    off, WrongStyle on the wrong style of socket, ArgumentError and ArgumentTypeError for bad values, before the stack
    is called, and OptionRefused for what the stack refuses.
    """

    def __init__(self, name: str, kind: Type[Any], item: Optional[Type[Any]] = None) -> None:
        self.row = ROWS[name]
        self.kind = kind
        self.item = item
        self.__doc__ = f"{self.row.c_name} ({self.row.rfc}); {self.row.scope} scope, {self.row.access}."

    @overload
    def __get__(self, opts: None, owner: Any) -> Option[T]: ...

    @overload
    def __get__(self, opts: Options, owner: Any) -> T: ...

    def __get__(self, opts: Optional[Options], owner: Any) -> Union[Option[T], T]:
        if opts is None:
            return self
        row = self.row
        if "r" not in row.access:
            raise AttributeError(f"{row.name} can only be set ({row.rfc})")
        values = opts.source.get_option(row, opts.assoc_id, opts.address, opts.keys)
        found: T = _value(self.kind, self.item, row, values)
        return found

    def __set__(self, opts: Options, value: T) -> None:
        row = self.row
        if "w" not in row.access:
            raise AttributeError(f"{row.name} can only be read ({row.rfc})")
        values = _values_of(row, value, self.kind)
        if row.name in CHECKS:
            CHECKS[row.name](values["value"] if self.kind is tuple else value)
        for key in row.keys:
            values[key] = opts.keys.get(key, 0)
        opts.source.set_option(row, values, opts.assoc_id, opts.address)


class Options:
    """The options of a socket, or of one association, path or stream of it.

    `of(assoc_id, address)` gives the same for an association or a path; without it, one-to-one sockets mean their
    association, and one-to-many sockets the associations to come (`AssocId.FUTURE`).
    """

    __slots__ = ("source", "assoc_id", "address", "keys")

    def __init__(
        self,
        source: OptionSource,
        assoc_id: int = 0,
        address: Optional[Address] = None,
        keys: Optional[Dict[str, int]] = None,
    ) -> None:
        self.source = source
        self.assoc_id = assoc_id
        self.address = address
        self.keys = keys or DEFAULT_KEYS

    def of(
        self,
        assoc_id: int = 0,
        address: Optional[Address] = None,
        *,
        stream: int = 0,
        policy: int = PrPolicy.ALL,
        option: int = 0,
    ) -> Options:
        """The options of one association, and of one of its paths if an address is given.

        assoc_id: an id, or an `AssocId` for the associations to come, those that there are, or both.
        stream: for stream_scheduler_value and pr_stream_status. policy: for pr_stream_status and pr_assoc_status.
        option: for cc_option.
        """
        if address is not None and not isinstance(address, Address):
            raise ArgumentTypeError("address", f"an Address or None, not {type(address).__name__}")
        if address is not None:
            address = check_address(address, "address")
        keys = {
            "stream": check_number("stream", stream, 0xFFFF),
            "policy": check_member("policy", policy, PrPolicy),
            "option": check_number("option", option, LIMITS["int"]),
        }
        return Options(self.source, check_number("assoc_id", assoc_id), address, keys)

    def get(self, name: str) -> Any:
        """An option by name. Raises ArgumentError for a name that is no option."""
        return getattr(self, _known(name))

    def set(self, name: str, value: Any, strict: bool = False) -> None:
        """Set an option by name. Raises ArgumentError for a name that is no option.

        strict: read it back, and raise OptionNotTaken if the stack did not take the value as it is: Linux stores
        fragment_interleave 2 as 1, and caps buffers. A 0 that keeps what was set is not compared.
        """
        row = ROWS[_known(name)]
        if strict and row.access != "rw":
            raise ArgumentError("strict", f"{name} can't be read back")
        if hasattr(value, "__next__"):
            value = tuple(value)  # an iterator, which can be gone through only once
        setattr(self, name, value)
        if strict:
            found = getattr(self, name)
            if not _taken(value, found, row):
                raise OptionNotTaken(name, value, found)

    def supports(self, name: str) -> bool:
        """Whether this backend was built with the option; the running stack may still be too old for it."""
        return self.source.has_option(ROWS[_known(name)])

    rto_info: Option[RtoInfo] = Option("rto_info", RtoInfo)
    assoc_params: Option[AssocParams] = Option("assoc_params", AssocParams)
    init_params: Option[InitParams] = Option("init_params", InitParams)
    linger: Option[Linger] = Option("linger", Linger)
    nodelay: Option[bool] = Option("nodelay", bool)
    receive_buffer_bytes: Option[int] = Option("receive_buffer_bytes", int)
    send_buffer_bytes: Option[int] = Option("send_buffer_bytes", int)
    autoclose_s: Option[int] = Option("autoclose_s", int)
    primary_address: Option[Optional[Address]] = Option("primary_address", Address)
    adaptation_layer: Option[int] = Option("adaptation_layer", int)
    disable_fragments: Option[bool] = Option("disable_fragments", bool)
    path_params: Option[PathParams] = Option("path_params", PathParams)
    mapped_v4_addresses: Option[bool] = Option("mapped_v4_addresses", bool)
    max_segment_bytes: Option[int] = Option("max_segment_bytes", int)
    hmac_identifiers: Option[Tuple[int, ...]] = Option("hmac_identifiers", tuple, HmacId)
    auth_active_key: Option[int] = Option("auth_active_key", int)
    delayed_sack: Option[DelayedSack] = Option("delayed_sack", DelayedSack)
    fragment_interleave: Option[int] = Option("fragment_interleave", int)
    partial_delivery_point_bytes: Option[int] = Option("partial_delivery_point_bytes", int)
    auto_asconf: Option[bool] = Option("auto_asconf", bool)
    max_burst: Option[int] = Option("max_burst", int)
    context: Option[int] = Option("context", int)
    explicit_eor: Option[bool] = Option("explicit_eor", bool)
    reuse_port: Option[bool] = Option("reuse_port", bool)
    receive_rcvinfo: Option[bool] = Option("receive_rcvinfo", bool)
    receive_nxtinfo: Option[bool] = Option("receive_nxtinfo", bool)
    default_sndinfo: Option[SndInfo] = Option("default_sndinfo", SndInfo)
    default_prinfo: Option[PrInfo] = Option("default_prinfo", PrInfo)
    status: Option[Status] = Option("status", Status)
    path_info: Option[PathInfo] = Option("path_info", PathInfo)
    peer_auth_chunks: Option[Tuple[int, ...]] = Option("peer_auth_chunks", tuple, ChunkType)
    local_auth_chunks: Option[Tuple[int, ...]] = Option("local_auth_chunks", tuple, ChunkType)
    assoc_number: Option[int] = Option("assoc_number", int)
    assoc_ids: Option[Tuple[int, ...]] = Option("assoc_ids", tuple)
    peer_primary_address: Option[Address] = Option("peer_primary_address", Address)
    auth_chunk: Option[int] = Option("auth_chunk", int)
    auth_key: Option[AuthKey] = Option("auth_key", AuthKey)
    auth_deactivate_key: Option[int] = Option("auth_deactivate_key", int)
    auth_delete_key: Option[int] = Option("auth_delete_key", int)
    reconfig_supported: Option[bool] = Option("reconfig_supported", bool)
    enable_stream_reset: Option[int] = Option("enable_stream_reset", StreamResetAllow)
    reset_streams: Option[ResetStreams] = Option("reset_streams", ResetStreams)
    reset_assoc: Option[bool] = Option("reset_assoc", bool)
    add_streams: Option[AddStreams] = Option("add_streams", AddStreams)
    pr_supported: Option[bool] = Option("pr_supported", bool)
    pr_stream_status: Option[PrStatus] = Option("pr_stream_status", PrStatus)
    pr_assoc_status: Option[PrStatus] = Option("pr_assoc_status", PrStatus)
    stream_scheduler: Option[int] = Option("stream_scheduler", StreamScheduler)
    stream_scheduler_value: Option[int] = Option("stream_scheduler_value", int)
    interleaving_supported: Option[bool] = Option("interleaving_supported", bool)
    udp_encaps_port: Option[UdpEncaps] = Option("udp_encaps_port", UdpEncaps)
    path_thresholds: Option[PathThresholds] = Option("path_thresholds", PathThresholds)
    expose_potentially_failed: Option[int] = Option("expose_potentially_failed", PfExposure)
    accept_zero_checksum: Option[int] = Option("accept_zero_checksum", ErrorDetection)
    ecn_supported: Option[bool] = Option("ecn_supported", bool)
    auth_supported: Option[bool] = Option("auth_supported", bool)
    asconf_supported: Option[bool] = Option("asconf_supported", bool)
    assoc_stats: Option[AssocStats] = Option("assoc_stats", AssocStats)
    probe_interval: Option[ProbeInterval] = Option("probe_interval", ProbeInterval)
    max_cwnd_bytes: Option[int] = Option("max_cwnd_bytes", int)
    timeouts: Option[Timeouts] = Option("timeouts", Timeouts)
    nrsack_supported: Option[bool] = Option("nrsack_supported", bool)
    pktdrop_supported: Option[bool] = Option("pktdrop_supported", bool)
    cc_module: Option[int] = Option("cc_module", CcModule)
    cc_option: Option[int] = Option("cc_option", int)
    cmt: Option[int] = Option("cmt", int)
    buffer_use: Option[BufferUse] = Option("buffer_use", BufferUse)
    reuse_address: Option[bool] = Option("reuse_address", bool)


def _known(name: str) -> str:
    if name not in ROWS:
        raise ArgumentError("name", f"{name!r} is no option; there are {', '.join(sorted(ROWS))}")
    return name
