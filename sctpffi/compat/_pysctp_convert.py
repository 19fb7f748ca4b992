"""Between pysctp's shapes and sctpffi's: addresses, received items, option values. The only place that knows both.

Pure functions; what they need of a socket, they are told. Nothing waits but the resolver, for names.
"""

from __future__ import annotations

import socket
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from sctpffi import errors
from sctpffi.addresses import WILDCARDS, Address, AddressSet, make_address
from sctpffi.compat._pysctp_values import (
    FLAG_EOR,
    FLAG_NOTIFICATION,
    MSG_UNORDERED,
    SWITCHES,
    SockAddr,
    assocparams,
    notification,
    notification_factory,
    notification_table,
    paddrinfo,
    paddrparams,
    rtoinfo,
    sndrcvinfo,
    status,
    whole,
)
from sctpffi.enums import FailedFlag, PathFlag
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.messages import Message
from sctpffi.notifications import (
    AdaptationIndication,
    AssocChange,
    Notification,
    PartialDeliveryEvent,
    PeerAddrChange,
    RemoteError,
    SendFailed,
    UnknownNotification,
)
from sctpffi.optvalues import AssocParams, DelayedSack, InitParams, PathInfo, PathParams, RtoInfo, Status

Received = Tuple[Optional[SockAddr], int, Optional[bytes], Union[sndrcvinfo, notification]]
_SACK_FLAGS = PathFlag.SACKDELAY_ENABLE | PathFlag.SACKDELAY_DISABLE
_TRIED = FailedFlag.SENT | FailedFlag.UNSENT


class View(NamedTuple):
    """How a socket shows what it has. mapped: IPv4 addresses as IPv6 ones. host_order: PPIDs as they were sent.

    details: whether messages come with a filled-in `sndrcvinfo`.
    """

    mapped: bool
    host_order: bool
    details: bool


# -- addresses


def address_of(pair: Any, argument: str) -> Optional[Address]:
    """The address that a (host, port) pair of pysctp means, numeric only; None for ("", port)."""
    host, port = _two(pair, argument)
    return None if host in ("", *WILDCARDS) else make_address(host, port, argument)


def addresses_of(pairs: Any, argument: str) -> AddressSet:
    """The addresses that a sequence of (host, port) pairs means; none for the wildcard alone."""
    if isinstance(pairs, (str, bytes)) or not isinstance(pairs, Sequence):
        raise ArgumentError(argument, "a sequence of (host, port) pairs")
    if not pairs:
        raise ArgumentError(argument, "at least one (host, port) pair")
    hosts = [address_of(pair, argument) for pair in pairs]
    ports = {_two(pair, argument)[1] for pair in pairs}
    if len(ports) > 1:
        raise ArgumentError(argument, "all addresses of an endpoint share one port (RFC 9260 section 1.3)")
    if None in hosts and len(hosts) > 1:
        raise ArgumentError(argument, "a wildcard can't go together with other addresses")
    return AddressSet(tuple(host for host in hosts if host is not None), ports.pop())


def _two(pair: Any, argument: str) -> SockAddr:
    if not isinstance(pair, Sequence) or isinstance(pair, (str, bytes)) or len(pair) < 2:
        raise ArgumentTypeError(argument, f"a (host, port) pair, not {pair!r}")
    host, port = pair[0], pair[1]
    if not isinstance(host, str):
        raise ArgumentTypeError(argument, f"a host is a str, not {type(host).__name__}")
    if whole(argument, port) not in range(65536):
        raise errors.AddressError(argument, f"port {port} is not in 0..65535")
    return host, port


def resolve(pair: Any, family: int, argument: str) -> AddressSet:
    """The address that the standard library's (host, port) means, with names resolved as it does.

    Raises socket.gaierror for a name that is not known.
    """
    host, port = _two(pair, argument)
    if host == "":
        return AddressSet((), port)
    if len(pair) == 4 and pair[3] and "%" not in host:  # host, port, flow information, scope
        host = f"{host}%{pair[3]}"
    try:
        one = make_address(host, port, argument)
    except errors.AddressError:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        one = make_address(str(found[0][4][0]), port, argument)
    return AddressSet((one,), port)


def pair_of(address: Optional[Address], mapped: bool) -> Optional[SockAddr]:
    """An address as pysctp gives it."""
    if address is None:
        return None
    return (f"::ffff:{address.host}" if mapped and address.family == 4 else address.host), address.port


def pairs_of(addresses: Sequence[Address], mapped: bool) -> Tuple[SockAddr, ...]:
    """Addresses as pysctp gives them."""
    return tuple(pair for pair in (pair_of(address, mapped) for address in addresses) if pair is not None)


def name_of(address: Address, family: int, mapped: bool) -> Tuple[Any, ...]:
    """An address as the standard library gives it: four items on IPv6 sockets."""
    if family != socket.AF_INET6:
        return address.host, address.port
    return (
        (f"::ffff:{address.host}" if mapped and address.family == 4 else address.host),
        address.port,
        0,
        address.scope_id,
    )


# -- what was received


def received(item: Union[Message, Notification], view: View) -> Received:
    """What `sctp_recv` returns for a message or a piece of one, or for a notification."""
    if isinstance(item, Message):
        details = sndrcvinfo(_message_values(item, view) if view.details else None)
        return pair_of(item.address, view.mapped), FLAG_EOR if item.complete else 0, item.data, details
    note = notification_factory(_notification_values(item, view))
    return pair_of(item.source, view.mapped), FLAG_NOTIFICATION | FLAG_EOR, None, note


def is_known(item: Union[Message, Notification]) -> bool:
    """Whether pysctp has a class for what was received."""
    return isinstance(item, Message) or int(item.type) in notification_table


def ended() -> Received:
    """What `sctp_recv` returns once the association has ended gracefully."""
    return None, 0, b"", sndrcvinfo()


def _ppid(value: int, view: View) -> int:
    return value if view.host_order else socket.htonl(value)


def _message_values(message: Message, view: View) -> Dict[str, int]:
    return {
        "stream": message.stream,
        "ssn": message.ssn,
        "flags": MSG_UNORDERED if message.unordered else 0,
        "ppid": _ppid(message.ppid, view),
        "context": message.context,
        "tsn": message.tsn,
        "cumtsn": message.cumtsn,
        "assoc_id": message.assoc_id,
    }


def _notification_values(event: Notification, view: View) -> Dict[str, Any]:
    values: Dict[str, Any] = {"type": int(event.type), "assoc_id": event.assoc_id}
    if isinstance(event, AssocChange):
        values.update(state=int(event.state), error=int(event.cause))
        values.update(outbound_streams=event.out_streams or 0, inbound_streams=event.in_streams or 0)
    elif isinstance(event, PeerAddrChange):
        values.update(addr=pair_of(event.address, view.mapped), state=int(event.state), error=event.error)
    elif isinstance(event, SendFailed):
        values.update(_failure_values(event, view))
    elif isinstance(event, RemoteError):
        data = event.causes[0].data if event.causes else b""
        values.update(error=int(event.cause), data=_text(data), data_bytes=data)
    elif isinstance(event, PartialDeliveryEvent):
        values.update(indication=int(event.indication))
    elif isinstance(event, AdaptationIndication):
        values.update(adaptation_ind=event.indication)
    elif isinstance(event, UnknownNotification):
        values.update(flags=event.flags, length=len(event.data))
    return values


def _failure_values(event: SendFailed, view: View) -> Dict[str, Any]:
    info = {
        "stream": event.stream,
        "ssn": event.ssn,
        "ppid": _ppid(event.ppid, view),
        "context": event.context,
        "assoc_id": event.assoc_id,
    }
    return {
        "flags": int(event.flags & _TRIED),
        "error": int(event.cause),
        "data": _text(event.data),
        "data_bytes": event.data,
        "_info": info,
    }


def _text(data: bytes) -> str:
    """pysctp makes text of it, and fails where it is no UTF-8; this never fails, and loses nothing."""
    return data.decode("utf-8", "surrogateescape")


# -- options


def init_params(parts: Dict[str, int]) -> InitParams:
    """From `initparams`."""
    names = ("num_ostreams", "max_instreams", "max_attempts", "max_init_timeo")
    return InitParams(*(whole(name, parts[name], 0xFFFF) for name in names))


def init_parts(value: InitParams) -> Dict[str, int]:
    """For `initparams`."""
    return {
        "num_ostreams": value.out_streams,
        "max_instreams": value.in_streams,
        "max_attempts": value.attempts,
        "max_init_timeo": value.timeout_ms,
    }


def switches(parts: Dict[str, int]) -> Tuple[List[int], List[int]]:
    """From `event_subscribe`: the events to subscribe to, and those not to."""
    wanted = {event: whole(name, parts[name]) for name, event in SWITCHES.items() if event is not None}
    return [event for event, on in wanted.items() if on], [event for event, on in wanted.items() if not on]


def rto_info(value: rtoinfo) -> RtoInfo:
    """From `rtoinfo`."""
    return RtoInfo(value.initial, value.max, value.min)


def fill_rtoinfo(target: rtoinfo, value: RtoInfo) -> rtoinfo:
    """Into `rtoinfo`."""
    target.initial, target.max, target.min = value.initial_ms, value.max_ms, value.min_ms
    return target


def assoc_params(value: assocparams) -> AssocParams:
    """From `assocparams`: what can be set."""
    return AssocParams(max_retrans=value.assocmaxrxt, cookie_life_ms=value.cookie_life)


def fill_assocparams(target: assocparams, value: AssocParams) -> assocparams:
    """Into `assocparams`."""
    target.assocmaxrxt = value.max_retrans
    target.number_peer_destinations = value.peer_destinations
    target.peer_rwnd = value.peer_rwnd_bytes
    target.local_rwnd = value.local_rwnd_bytes
    target.cookie_life = value.cookie_life_ms
    return target


def path_params(value: paddrparams) -> Tuple[PathParams, Optional[DelayedSack]]:
    """From `paddrparams`. What needs a flag to be set goes along only with it; as a read value is set again."""
    flags = PathFlag(whole("flags", value.flags))
    sack = None
    if flags & PathFlag.SACKDELAY_DISABLE:
        sack = DelayedSack(frequency=1)
    elif flags & PathFlag.SACKDELAY_ENABLE:
        sack = DelayedSack(delay_ms=whole("sackdelay", value.sackdelay), frequency=2)
    path = PathParams(
        heartbeat_ms=value.hbinterval if flags & PathFlag.HB_ENABLE else 0,
        max_retrans=value.pathmaxrxt,
        mtu_bytes=value.pathmtu if flags & PathFlag.PMTUD_DISABLE else 0,
        flags=flags & ~_SACK_FLAGS,
    )
    return path, sack


def fill_paddrparams(target: paddrparams, value: PathParams, sack: DelayedSack) -> paddrparams:
    """Into `paddrparams`."""
    delayed = PathFlag.SACKDELAY_DISABLE if sack.frequency == 1 else PathFlag.SACKDELAY_ENABLE
    known = PathFlag.HB_ENABLE | PathFlag.HB_DISABLE | PathFlag.PMTUD_ENABLE | PathFlag.PMTUD_DISABLE
    target.hbinterval = value.heartbeat_ms
    target.pathmaxrxt = value.max_retrans
    target.pathmtu = value.mtu_bytes
    target.sackdelay = sack.delay_ms
    target.flags = int((value.flags & known) | delayed)
    return target


def fill_paddrinfo(target: paddrinfo, value: PathInfo, mapped: bool) -> paddrinfo:
    """Into `paddrinfo`."""
    target.sockaddr = pair_of(value.address, mapped)
    target.state = int(value.state)
    target.cwnd = value.cwnd_bytes
    target.srtt = value.srtt_ms
    target.rto = value.rto_ms
    target.mtu = value.mtu_bytes
    return target


def fill_status(target: status, value: Status, mapped: bool) -> status:
    """Into `status`."""
    target.state = int(value.state)
    target.rwnd = value.rwnd_bytes
    target.unackdata = value.unacked
    target.penddata = value.pending
    target.instrms = value.in_streams
    target.outstrms = value.out_streams
    target.fragmentation_point = value.fragmentation_point_bytes
    target.primary.assoc_id = value.assoc_id
    fill_paddrinfo(target.primary, value.primary, mapped)
    return target
