"""pysctp's constants and value classes: what its programs read, fill in, and get from `sctp_recv`.

Numbers are sctpffi's canonical ones, the same on every stack. Plain data; no socket is touched here.
"""

from __future__ import annotations

import socket
import warnings
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Type, Union, overload

from sctpffi.enums import (
    AssocChangeState,
    AssocState,
    Event,
    FailedFlag,
    PartialDelivery,
    PathFlag,
    PathState,
    PeerAddrState,
    SendFlag,
)
from sctpffi.errors import ArgumentError, ArgumentTypeError

SockAddr = Tuple[str, int]

BINDX_ADD = 1
BINDX_REMOVE = 2
BINDX_REM = BINDX_REMOVE

# Of one message: `sctp_send(flags=)` and `sndrcvinfo.flags`.
MSG_UNORDERED = int(SendFlag.UNORDERED)
MSG_ADDR_OVER = int(SendFlag.ADDR_OVER)
MSG_ADDR_OVERRIDE = MSG_ADDR_OVER
MSG_ABORT = int(SendFlag.ABORT)
MSG_EOF = int(SendFlag.EOF)
MSG_FIN = MSG_EOF
MSG_SENDALL = int(SendFlag.SENDALL)

# Of one call: the second item of what `sctp_recv` returns.
FLAG_NOTIFICATION = int(getattr(socket, "MSG_NOTIFICATION", 0x8000))
FLAG_EOR = int(socket.MSG_EOR)
FLAG_DONTROUTE = int(socket.MSG_DONTROUTE)

HAVE_SCTP = 1
HAVE_KERNEL_SCTP = 2
HAVE_SCTP_MULTIBUF = 4
HAVE_SCTP_NOCONNECT = 8
HAVE_SCTP_PRSCTP = 16
HAVE_SCTP_ADDIP = 32
HAVE_SCTP_CANSET_PRIMARY = 64
HAVE_SCTP_SAT_NETWORK_CAPABILITY = 128

SOL_SCTP = 132
IPPROTO_SCTP = 132
SOCK_STREAM = int(socket.SOCK_STREAM)
SOCK_SEQPACKET = int(socket.SOCK_SEQPACKET)
STYLE_TCP = TCP_STYLE = SOCK_STREAM
STYLE_UDP = UDP_STYLE = SOCK_SEQPACKET


def whole(argument: str, value: Any, top: Optional[int] = None) -> int:
    """A number, or a bool as one. Raises ArgumentTypeError; ArgumentError if it is not in 0..top."""
    if not isinstance(value, int):
        raise ArgumentTypeError(argument, f"an int, not {type(value).__name__}")
    if top is not None and not 0 <= value <= top:
        raise ArgumentError(argument, f"{value} is not in 0..{top}")
    return int(value)


# -- parameters that go to the socket as soon as one is set


class _Part:
    """One number of a group that is set on the socket together."""

    def __init__(self, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, group: None, owner: Any = None) -> _Part: ...

    @overload
    def __get__(self, group: _Group, owner: Any = None) -> int: ...

    def __get__(self, group: Optional[_Group], owner: Any = None) -> Union[_Part, int]:
        return self if group is None else group._parts[self._name]

    def __set__(self, group: _Group, value: int) -> None:
        before = group._parts[self._name]
        group._parts[self._name] = whole(self._name, value)
        try:
            if group.autoflush:
                group.flush()
        except BaseException:
            group._parts[self._name] = before
            raise

    def methods(self) -> Tuple[Callable[[Any], int], Callable[[Any, int], None]]:
        """pysctp's `get_` and `set_` methods of it."""
        return (lambda group: int(group._parts[self._name])), (lambda group, value: self.__set__(group, value))


class _Group:
    """Parameters that belong together. autoflush: whether setting one sends all of them to the socket at once."""

    autoflush: bool

    def __init__(self, container: Any) -> None:
        self.autoflush = True
        self.container = container
        self._parts: Dict[str, int] = {}

    def flush(self) -> None:
        """Send all of them to the socket."""
        raise NotImplementedError


class initmsg:
    """INIT parameters of one association, as `initparams.initmsg()` copies them."""

    def __init__(self) -> None:
        self.num_ostreams = 0
        self.max_instreams = 0
        self.max_attempts = 0
        self.max_init_timeo = 0


_InitMsg = initmsg  # `initparams` has a method of that name


class initparams(_Group):
    """What INIT asks for, of a socket (RFC 6458 section 8.1.3). max_init_timeo is in milliseconds."""

    def __init__(self, container: Any) -> None:
        super().__init__(container)
        self._parts.update(container._get_initparams())

    def flush(self) -> None:
        """Send all four to the socket."""
        self.container._set_initparams(dict(self._parts))

    def initmsg(self) -> _InitMsg:
        """A copy of the values."""
        copy = _InitMsg()
        copy.__dict__.update(self._parts)
        return copy

    num_ostreams = _Part("num_ostreams")
    get_num_ostreams, set_num_ostreams = num_ostreams.methods()
    max_instreams = _Part("max_instreams")
    get_max_instreams, set_max_instreams = max_instreams.methods()
    max_attempts = _Part("max_attempts")
    get_max_attempts, set_max_attempts = max_attempts.methods()
    max_init_timeo = _Part("max_init_timeo")
    get_max_init_timeo, set_max_init_timeo = max_init_timeo.methods()


# Which of sctpffi's notifications each switch is about; data_io has none.
SWITCHES: Dict[str, Optional[Event]] = {
    "data_io": None,
    "association": Event.ASSOC_CHANGE,
    "address": Event.PEER_ADDR_CHANGE,
    "send_failure": Event.SEND_FAILED,
    "peer_error": Event.REMOTE_ERROR,
    "shutdown": Event.SHUTDOWN_EVENT,
    "partial_delivery": Event.PARTIAL_DELIVERY_EVENT,
    "adaptation_layer": Event.ADAPTATION_INDICATION,
}


class event_subscribe(_Group):
    """Which notifications `sctp_recv` gives, and by `data_io` whether `sndrcvinfo` is filled in."""

    def __init__(self, container: Any) -> None:
        super().__init__(container)
        self._parts.update(container._get_events())

    def flush(self) -> None:
        """Send all switches to the socket."""
        self.container._set_events(dict(self._parts))

    def clear(self) -> None:
        """Switch all off but data_io, which is switched on."""
        self._parts.update(dict.fromkeys(SWITCHES, 0), data_io=1)
        if self.autoflush:
            self.flush()

    data_io = dataio = sndrcvinfo = _Part("data_io")
    get_data_io, set_data_io = data_io.methods()
    association = _Part("association")
    get_association, set_association = association.methods()
    address = _Part("address")
    get_address, set_address = address.methods()
    send_failure = sendfailure = _Part("send_failure")
    get_send_failure, set_send_failure = send_failure.methods()
    peer_error = peererror = _Part("peer_error")
    get_peer_error, set_peer_error = peer_error.methods()
    shutdown = _Part("shutdown")
    get_shutdown, set_shutdown = shutdown.methods()
    partial_delivery = partialdelivery = _Part("partial_delivery")
    get_partial_delivery, set_partial_delivery = partial_delivery.methods()
    adaptation_layer = adaptationlayer = _Part("adaptation_layer")
    get_adaptation_layer, set_adaptation_layer = adaptation_layer.methods()


# -- what comes with a message, and notifications


class sndrcvinfo:
    """About a message that came, or one that failed. All 0 unless `events.data_io` is on.

    flags: MSG_UNORDERED or 0. ppid: in network order, unless the socket says `ppid_in_host_order`.
    """

    def __init__(self, values: Optional[Mapping[str, Any]] = None) -> None:
        self.stream = 0
        self.ssn = 0
        self.flags = 0
        self.ppid = 0
        self.context = 0
        self.timetolive = 0
        self.tsn = 0
        self.cumtsn = 0
        self.assoc_id = 0
        self.__dict__.update(values or {})


class notification:
    """A notification; one of this very class is of a type that pysctp has no class for.

    type: a `type_` number. flags: what the type says. length: of no use here, 0.
    """

    type_SN_TYPE_BASE = 0
    type_ASSOC_CHANGE = int(Event.ASSOC_CHANGE)
    type_PEER_ADDR_CHANGE = int(Event.PEER_ADDR_CHANGE)
    type_SEND_FAILED = int(Event.SEND_FAILED)
    type_REMOTE_ERROR = int(Event.REMOTE_ERROR)
    type_SHUTDOWN_EVENT = int(Event.SHUTDOWN_EVENT)
    type_PARTIAL_DELIVERY_EVENT = int(Event.PARTIAL_DELIVERY_EVENT)
    type_ADAPTATION_INDICATION = int(Event.ADAPTATION_INDICATION)

    def __init__(self, values: Optional[Mapping[str, Any]] = None) -> None:
        self.type = 0
        self.flags = 0
        self.length = 0
        self.assoc_id = 0
        self.__dict__.update(values or {})


class _Errors:
    """Numbers of pysctp that no stack reports; they are here to be named."""

    error_FAILED_THRESHOLD = 0x04
    error_HEARTBEAT_SUCCESS = 0x08
    error_RESPONSE_TO_USER_REQ = 0x0F
    error_INTERNAL_ERROR = 0x10
    error_SHUTDOWN_GUARD_EXPIRES = 0x20
    error_RECEIVED_SACK = 0x40
    error_PEER_FAULTY = 0x80


class assoc_change(notification, _Errors):
    """An association changed its state. error: the cause code of RFC 9260 section 3.3.10, 0 if there is none."""

    state_COMM_UP = int(AssocChangeState.COMM_UP)
    state_COMM_LOST = int(AssocChangeState.COMM_LOST)
    state_RESTART = int(AssocChangeState.RESTART)
    state_SHUTDOWN_COMP = int(AssocChangeState.SHUTDOWN_COMP)
    state_CANT_STR_ASSOC = int(AssocChangeState.CANT_STR_ASSOC)
    state_CANT_START_ASSOCIATION = state_CANT_STR_ASSOC

    def __init__(self, values: Optional[Mapping[str, Any]] = None) -> None:
        self.state = 0
        self.error = 0
        self.outbound_streams = 0
        self.inbound_streams = 0
        super().__init__(values)


class paddr_change(notification, _Errors):
    """An address of the peer changed its state."""

    state_ADDR_AVAILABLE = int(PeerAddrState.AVAILABLE)
    state_ADDR_UNREACHABLE = int(PeerAddrState.UNREACHABLE)
    state_ADDR_REMOVED = int(PeerAddrState.REMOVED)
    state_ADDR_ADDED = int(PeerAddrState.ADDED)
    state_ADDR_MADE_PRIM = int(PeerAddrState.MADE_PRIM)

    def __init__(self, values: Optional[Mapping[str, Any]] = None) -> None:
        self.addr: Optional[SockAddr] = ("", 0)
        self.state = 0
        self.error = 0
        super().__init__(values)


class remote_error(notification):
    """The peer sent an ERROR chunk. error: its first cause. data: that cause's data as text, data_bytes as it came."""

    def __init__(self, values: Optional[Mapping[str, Any]] = None) -> None:
        self.error = 0
        self.data = ""
        self.data_bytes = b""
        super().__init__(values)


class send_failed(notification):
    """A message failed. flags: a `flag_` number. data: it as text, data_bytes: as it was. info: how it was sent."""

    flag_DATA_UNSENT = int(FailedFlag.UNSENT)
    flag_DATA_SENT = int(FailedFlag.SENT)

    def __init__(self, values: Optional[Mapping[str, Any]] = None) -> None:
        self.error = 0
        self.data = ""
        self.data_bytes = b""
        super().__init__(values)
        self.info = sndrcvinfo(self.__dict__.pop("_info", None))


class shutdown_event(notification):
    """The peer sent SHUTDOWN."""


class adaptation_event(notification):
    """The peer told its adaptation layer, when the association came up."""

    def __init__(self, values: Optional[Mapping[str, Any]] = None) -> None:
        self.adaptation_ind = 0
        super().__init__(values)


class pdapi_event(notification):
    """The rest of a message that was delivered in part will not come."""

    indication_PD_ABORTED = int(PartialDelivery.ABORTED)
    indication_PARTIAL_DELIVERY_ABORTED = indication_PD_ABORTED

    def __init__(self, values: Optional[Mapping[str, Any]] = None) -> None:
        self.indication = 0
        super().__init__(values)


notification_table: Dict[int, Type[notification]] = {
    notification.type_ASSOC_CHANGE: assoc_change,
    notification.type_PEER_ADDR_CHANGE: paddr_change,
    notification.type_SEND_FAILED: send_failed,
    notification.type_REMOTE_ERROR: remote_error,
    notification.type_SHUTDOWN_EVENT: shutdown_event,
    notification.type_PARTIAL_DELIVERY_EVENT: pdapi_event,
    notification.type_ADAPTATION_INDICATION: adaptation_event,
}


def notification_factory(raw_notification: Mapping[str, Any]) -> notification:
    """The object for a notification's values. One of an unknown type is a plain `notification`, with a warning."""
    try:
        kind = raw_notification["type"]
    except (KeyError, TypeError, IndexError):
        raise ArgumentError("raw_notification", "has no type") from None
    if kind not in notification_table:
        warnings.warn(f"a notification of a type that pysctp does not know: {kind}", RuntimeWarning, stacklevel=2)
    return notification_table.get(kind, notification)(raw_notification)


# -- values of options


class rtoinfo:
    """Retransmission time-outs in milliseconds; 0 keeps."""

    def __init__(self) -> None:
        self.assoc_id = 0
        self.initial = 0
        self.max = 0
        self.min = 0


class assocparams:
    """Limits of an association; only assocmaxrxt and cookie_life (ms) can be set, and 0 keeps."""

    def __init__(self) -> None:
        self.assoc_id = 0
        self.assocmaxrxt = 0
        self.number_peer_destinations = 0
        self.peer_rwnd = 0
        self.local_rwnd = 0
        self.cookie_life = 0


class paddrparams:
    """How a path is watched and used; times in ms. 0 keeps; what a `flags_` bit is about changes only with it."""

    flags_HB_ENABLED = flags_HB_ENABLE = int(PathFlag.HB_ENABLE)
    flags_HB_DISABLED = flags_HB_DISABLE = int(PathFlag.HB_DISABLE)
    flags_PMTUD_ENABLED = flags_PMTUD_ENABLE = int(PathFlag.PMTUD_ENABLE)
    flags_PMTUD_DISABLED = flags_PMTUD_DISABLE = int(PathFlag.PMTUD_DISABLE)
    flags_SACKDELAY_ENABLED = flags_SACKDELAY_ENABLE = int(PathFlag.SACKDELAY_ENABLE)
    flags_SACKDELAY_DISABLED = flags_SACKDELAY_DISABLE = int(PathFlag.SACKDELAY_DISABLE)

    def __init__(self) -> None:
        self.assoc_id = 0
        self.sockaddr: SockAddr = ("", 0)
        self.hbinterval = 0
        self.pathmaxrxt = 0
        self.pathmtu = 0
        self.sackdelay = 0
        self.flags = 0


class paddrinfo:
    """How a path is doing."""

    state_ACTIVE = int(PathState.ACTIVE)
    state_INACTIVE = int(PathState.INACTIVE)

    def __init__(self) -> None:
        self.assoc_id = 0
        self.sockaddr: Optional[SockAddr] = ("", 0)
        self.state = 0
        self.cwnd = 0
        self.srtt = 0
        self.rto = 0
        self.mtu = 0


class status:
    """How an association is doing. primary: a `paddrinfo` of its primary path."""

    state_EMPTY = int(AssocState.EMPTY)
    state_CLOSED = int(AssocState.CLOSED)
    state_COOKIE_WAIT = int(AssocState.COOKIE_WAIT)
    state_COOKIE_ECHOED = int(AssocState.COOKIE_ECHOED)
    state_ESTABLISHED = int(AssocState.ESTABLISHED)
    state_SHUTDOWN_PENDING = int(AssocState.SHUTDOWN_PENDING)
    state_SHUTDOWN_SENT = int(AssocState.SHUTDOWN_SENT)
    state_SHUTDOWN_RECEIVED = int(AssocState.SHUTDOWN_RECEIVED)
    state_SHUTDOWN_ACK_SENT = int(AssocState.SHUTDOWN_ACK_SENT)
    state_BOUND = int(AssocState.BOUND)
    state_LISTEN = int(AssocState.LISTEN)

    def __init__(self) -> None:
        self.assoc_id = 0
        self.state = 0
        self.rwnd = 0
        self.unackdata = 0
        self.penddata = 0
        self.instrms = 0
        self.outstrms = 0
        self.fragmentation_point = 0
        self.primary = paddrinfo()
