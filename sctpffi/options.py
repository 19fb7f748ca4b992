"""Socket options as typed attributes: `sock.opts.rto_info`, `sock.opts.of(assoc_id).status` (RFC 6458 section 8).

One line an option; `_tables.OPTIONS` has the facts and tests compare both. Conversion of structs happens in
the backend, checks of values here.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Dict, Generic, Optional, Protocol, Type, TypeVar, Union, overload

from sctpffi._tables import OPTIONS, OptionRow
from sctpffi.addresses import Address
from sctpffi.enums import AssocState, PathState
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.optvalues import AssocParams, DelayedSack, InitParams, Linger, PathInfo, RtoInfo, Status, UdpEncaps

T = TypeVar("T")
ROWS: Dict[str, OptionRow] = {row.name: row for row in OPTIONS}
_U32 = 0xFFFFFFFF


class OptionSource(Protocol):
    """What options need of a socket."""

    def get_option(self, row: OptionRow, assoc_id: int, address: Optional[Address]) -> Dict[str, Any]: ...

    def set_option(self, row: OptionRow, values: Dict[str, Any], assoc_id: int, address: Optional[Address]) -> None: ...


def _number(values: Dict[str, Any]) -> int:
    return int(values["value"])


def _flag(values: Dict[str, Any]) -> bool:
    return bool(values["value"])


def _path_info(values: Dict[str, Any]) -> PathInfo:
    return PathInfo(**{**values, "state": PathState(values["state"])})


def _status(values: Dict[str, Any]) -> Status:
    own = {name: value for name, value in values.items() if "." not in name}
    primary = {name.split(".")[1]: value for name, value in values.items() if "." in name}
    own["state"] = AssocState(own["state"])
    return Status(**own, primary=_path_info(primary))


def _linger(values: Dict[str, Any]) -> Linger:
    return Linger(bool(values["on"]), int(values["seconds"]))


def _address(values: Dict[str, Any]) -> Optional[Address]:
    found: Optional[Address] = values["address"]
    return found


def check_number(argument: str, value: Any, top: int = _U32) -> int:
    """An int in 0..top. Raises ArgumentTypeError, ArgumentError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ArgumentTypeError(argument, f"an int, not {type(value).__name__}")
    if not 0 <= value <= top:
        raise ArgumentError(argument, f"{value} is not in 0..{top}")
    return value


def _values_of(row: OptionRow, value: Any, kind: Type[Any]) -> Dict[str, Any]:
    if kind in (int, bool):
        if kind is bool and not isinstance(value, (bool, int)):
            raise ArgumentTypeError(row.name, f"a bool, not {type(value).__name__}")
        return {"value": int(bool(value)) if kind is bool else check_number(row.name, value, _limit(row, ""))}
    if not isinstance(value, kind):
        raise ArgumentTypeError(row.name, f"a {kind.__name__}, not {type(value).__name__}")
    if kind is Address:
        return {"address": value}
    for field in dataclasses.fields(value):
        argument, item = f"{row.name}.{field.name}", getattr(value, field.name)
        if field.name == "address":
            if item is not None and not isinstance(item, Address):
                raise ArgumentTypeError(argument, f"an Address or None, not {type(item).__name__}")
        elif field.type in (bool, "bool"):
            if not isinstance(item, (bool, int)):
                raise ArgumentTypeError(argument, f"a bool, not {type(item).__name__}")
        else:
            check_number(argument, item, _limit(row, field.name))
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


_SHORT = {"init_params": 0xFFFF, "assoc_params.max_retrans": 0xFFFF, "udp_encaps_port.port": 0xFFFF}
_C_INT = 0x7FFFFFFF


def _limit(row: OptionRow, name: str) -> int:
    if row.struct in ("int", "struct linger"):
        return _C_INT
    return _SHORT.get(row.name, _SHORT.get(f"{row.name}.{name}", _U32))


class Option(Generic[T]):
    """One option as an attribute. Getting and setting it call the stack.

    Raises UnsupportedOption where the backend lacks it, ArgumentError and ArgumentTypeError for bad values,
    before the stack is called.
    """

    def __init__(self, name: str, kind: Type[Any], read: Callable[[Dict[str, Any]], T]) -> None:
        self.row = ROWS[name]
        self.kind = kind
        self.read = read
        self.__doc__ = f"{self.row.c_name} ({self.row.rfc}); {self.row.scope} scope, {self.row.access}."

    @overload
    def __get__(self, opts: None, owner: Any) -> Option[T]: ...

    @overload
    def __get__(self, opts: Options, owner: Any) -> T: ...

    def __get__(self, opts: Optional[Options], owner: Any) -> Union[Option[T], T]:
        if opts is None:
            return self
        return self.read(opts.source.get_option(self.row, opts.assoc_id, opts.address))

    def __set__(self, opts: Options, value: T) -> None:
        if "w" not in self.row.access:
            raise AttributeError(f"{self.row.name} can only be read ({self.row.rfc})")
        opts.source.set_option(self.row, _values_of(self.row, value, self.kind), opts.assoc_id, opts.address)


def _record(cls: Callable[..., T]) -> Callable[[Dict[str, Any]], T]:
    def read(values: Dict[str, Any]) -> T:
        return cls(**values)

    return read


class Options:
    """The options of a socket, or of one association or path of it.

    `of(assoc_id, address)` gives the same for an association or a path; without it, one-to-one sockets mean their
    association, and one-to-many sockets the associations to come (SCTP_FUTURE_ASSOC).
    """

    __slots__ = ("source", "assoc_id", "address")

    def __init__(self, source: OptionSource, assoc_id: int = 0, address: Optional[Address] = None) -> None:
        self.source = source
        self.assoc_id = assoc_id
        self.address = address

    def of(self, assoc_id: int = 0, address: Optional[Address] = None) -> Options:
        """The options of one association, and of one of its paths if an address is given."""
        return Options(self.source, check_number("assoc_id", assoc_id), address)

    def get(self, name: str) -> Any:
        """An option by name. Raises ArgumentError for a name that is no option."""
        return getattr(self, _known(name))

    def set(self, name: str, value: Any) -> None:
        """Set an option by name. Raises ArgumentError for a name that is no option."""
        setattr(self, _known(name), value)

    rto_info = Option("rto_info", RtoInfo, _record(RtoInfo))
    assoc_params = Option("assoc_params", AssocParams, _record(AssocParams))
    init_params = Option("init_params", InitParams, _record(InitParams))
    nodelay = Option("nodelay", bool, _flag)
    primary_address = Option("primary_address", Address, _address)
    disable_fragments = Option("disable_fragments", bool, _flag)
    max_segment_bytes = Option("max_segment_bytes", int, _number)
    delayed_sack = Option("delayed_sack", DelayedSack, _record(DelayedSack))
    fragment_interleave = Option("fragment_interleave", int, _number)
    partial_delivery_point_bytes = Option("partial_delivery_point_bytes", int, _number)
    context = Option("context", int, _number)
    receive_rcvinfo = Option("receive_rcvinfo", bool, _flag)
    status = Option("status", Status, _status)
    path_info = Option("path_info", PathInfo, _path_info)
    udp_encaps_port = Option("udp_encaps_port", UdpEncaps, _record(UdpEncaps))
    send_buffer_bytes = Option("send_buffer_bytes", int, _number)
    receive_buffer_bytes = Option("receive_buffer_bytes", int, _number)
    linger = Option("linger", Linger, _linger)


def _known(name: str) -> str:
    if name not in ROWS:
        raise ArgumentError("name", f"{name!r} is no option; there are {', '.join(sorted(ROWS))}")
    return name
