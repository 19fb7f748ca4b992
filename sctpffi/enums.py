"""Canonical enumerations: the same numbers on every stack, converted from the native ones by the shim.

csrc/sfi.h has the same values (tests/abi compares them); a native value that has no name here comes up as a
member called UNKNOWN_n that keeps the raw number n. No native number and no logic belongs here.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any, Type, TypeVar

UNKNOWN = 0x10000

_E = TypeVar("_E", bound="_Canonical")


class _Canonical(IntEnum):
    """An enumeration that takes unknown values instead of failing on them."""

    @classmethod
    def _missing_(cls: Type[_E], value: object) -> _E:
        if not isinstance(value, int):
            raise ValueError(f"{value!r} is no {cls.__name__}")
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{cls._number(value)}"
        member._value_ = value
        return member

    @classmethod
    def _number(cls, value: int) -> int:
        """The native number of an unknown value, without the shim's mark."""
        return value & (UNKNOWN - 1)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copied and pickled by value: early 3.11 does it by name, which unknown ones do not have."""
        return self.__class__, (self._value_,)

    @property
    def known(self) -> bool:
        """Whether this library has a name for the value."""
        return not self._name_.startswith("UNKNOWN_")

    def __str__(self) -> str:
        return self._name_


class _Registered(_Canonical):
    """An enumeration of numbers off the wire, which carry no mark of the shim's."""

    @classmethod
    def _number(cls, value: int) -> int:
        return value


class Style(IntEnum):
    """The two styles of the sockets API (RFC 6458 sections 3 and 4)."""

    ONE_TO_ONE = 1
    """One association a socket, like TCP (section 4)."""
    ONE_TO_MANY = 2
    """Many associations on one socket, like UDP (section 3)."""
    PEELED = 3
    """A one-to-many association that `peeloff` gave a socket of its own (section 9.2)."""


class Event(_Canonical):
    """Types of notification, to subscribe to (RFC 6458 section 6.1, RFC 6525 section 6.1)."""

    ASSOC_CHANGE = 1
    """The association came up, ended, restarted or could not start (RFC 6458 section 6.1.1)."""
    PEER_ADDR_CHANGE = 2
    """An address of the peer changed its state (RFC 6458 section 6.1.2)."""
    REMOTE_ERROR = 3
    """The peer sent an ERROR chunk (RFC 6458 section 6.1.3)."""
    SEND_FAILED = 4
    """A message could not be delivered; deprecated form (RFC 6458 section 6.1.4)."""
    SHUTDOWN_EVENT = 5
    """The peer sent SHUTDOWN: no more data may be sent (RFC 6458 section 6.1.5)."""
    ADAPTATION_INDICATION = 6
    """The peer's adaptation layer indication (RFC 6458 section 6.1.6)."""
    PARTIAL_DELIVERY_EVENT = 7
    """A message delivered in part will not be completed (RFC 6458 section 6.1.7)."""
    AUTHENTICATION_EVENT = 8
    """A key became active or free, or the peer has no AUTH (RFC 6458 section 6.1.8)."""
    SENDER_DRY_EVENT = 9
    """Everything sent was acknowledged (RFC 6458 section 6.1.9)."""
    NOTIFICATIONS_STOPPED_EVENT = 10
    """The stack stopped to notify for lack of room; no stack sends it (RFC 6458 section 6.1.10)."""
    SEND_FAILED_EVENT = 11
    """A message could not be delivered (RFC 6458 section 6.1.11)."""
    STREAM_RESET_EVENT = 12
    """Streams were reset (RFC 6525 section 6.1.1)."""
    ASSOC_RESET_EVENT = 13
    """The association was reset (RFC 6525 section 6.1.2)."""
    STREAM_CHANGE_EVENT = 14
    """Streams were added (RFC 6525 section 6.1.3)."""


class AssocChangeState(_Canonical):
    """What happened to an association (RFC 6458 section 6.1.1)."""

    COMM_UP = 1
    """Ready for data."""
    COMM_LOST = 2
    """Ended without SHUTDOWN: aborted, or the peer can't be reached."""
    RESTART = 3
    """The peer started it anew (RFC 9260 section 5.2)."""
    SHUTDOWN_COMP = 4
    """Ended gracefully."""
    CANT_STR_ASSOC = 5
    """Could not be set up."""


class PeerAddrState(_Canonical):
    """What happened to an address of the peer (RFC 6458 section 6.1.2)."""

    AVAILABLE = 1
    """Reachable again."""
    UNREACHABLE = 2
    """Path.Max.Retrans was exceeded (RFC 9260 section 8.2)."""
    REMOVED = 3
    """No longer part of the association (RFC 5061)."""
    ADDED = 4
    """Now part of the association (RFC 5061)."""
    MADE_PRIM = 5
    """Now the primary destination."""
    CONFIRMED = 6
    """Proved to belong to the peer (RFC 9260 section 5.4)."""
    POTENTIALLY_FAILED = 7
    """Losing packets, but not given up (RFC 7829 section 7.1)."""


class AssocState(_Canonical):
    """The state of an association (RFC 6458 section 8.2.1, RFC 9260 section 4)."""

    CLOSED = 1
    """No association."""
    COOKIE_WAIT = 2
    """INIT sent."""
    COOKIE_ECHOED = 3
    """COOKIE ECHO sent."""
    ESTABLISHED = 4
    """Data may flow."""
    SHUTDOWN_PENDING = 5
    """Shutdown asked for, data still outstanding."""
    SHUTDOWN_SENT = 6
    """SHUTDOWN sent."""
    SHUTDOWN_RECEIVED = 7
    """SHUTDOWN received."""
    SHUTDOWN_ACK_SENT = 8
    """SHUTDOWN ACK sent."""
    EMPTY = 9
    """Not set up yet (Linux)."""
    BOUND = 10
    """The socket is bound; never seen on an association (RFC 6458 section 8.2.1)."""
    LISTEN = 11
    """The socket listens; never seen on an association (RFC 6458 section 8.2.1)."""


class PathState(_Canonical):
    """The state of a path (RFC 6458 section 8.2.2, RFC 7829 section 7.1)."""

    ACTIVE = 1
    """In use or usable."""
    INACTIVE = 2
    """Given up until a heartbeat is answered."""
    UNCONFIRMED = 3
    """Not yet proved to belong to the peer."""
    POTENTIALLY_FAILED = 4
    """Losing packets, but not given up (RFC 7829)."""


class PeerFeature(_Canonical):
    """What the peer supports, as COMM_UP and RESTART tell (RFC 6458 section 6.1.1)."""

    PR = 1
    """Partial reliability (RFC 3758)."""
    AUTH = 2
    """Authenticated chunks (RFC 4895)."""
    ASCONF = 3
    """Dynamic addresses (RFC 5061)."""
    MULTIBUF = 4
    """A buffer for each stream."""
    RE_CONFIG = 5
    """Stream reconfiguration (RFC 6525)."""
    INTERLEAVING = 6
    """I-DATA (RFC 8260)."""


class PrPolicy(_Canonical):
    """How reliable a message is (RFC 3758, RFC 7496 section 4.2)."""

    NONE = 0
    """Fully."""
    TTL = 1
    """Given up after so many milliseconds."""
    RTX = 2
    """Given up after so many retransmissions."""
    PRIO = 3
    """Given up when room is needed for a message of higher priority (RFC 7496 section 3.2)."""
    ALL = 4
    """In queries only: all policies together (RFC 7496 section 4.3)."""


class AssocId(IntEnum):
    """What stands in the place of an association id on a one-to-many socket (RFC 6458 section 7.2)."""

    FUTURE = 0
    """Associations that come to be from now on."""
    CURRENT = 1
    """All that there are, none to come."""
    ALL = 2
    """All that there are and those to come."""


class SendFlag(IntFlag):
    """Flags of one message on its way out (RFC 6458 section 5.3.4)."""

    NONE = 0
    """No flag."""
    UNORDERED = 0x01
    """Deliver as soon as it arrives."""
    ADDR_OVER = 0x02
    """Use the given address rather than the primary one."""
    ABORT = 0x04
    """Abort the association; the data is the reason. One-to-many only: see `Socket.abort`."""
    EOF = 0x08
    """Shut the association down. One-to-many only: see `Socket.shutdown`."""
    SENDALL = 0x10
    """Send to every association of a one-to-many socket."""
    SACK_IMMEDIATELY = 0x20
    """Ask the receiver not to delay its acknowledgement (RFC 7053)."""
    EOR = 0x40
    """With `opts.explicit_eor`: the message ends with this piece (RFC 6458 section 8.1.26). BSD only."""


class MsgFlag(IntFlag):
    """Flags of one message that came in (RFC 6458 sections 3.1.4 and 5.3.5)."""

    NONE = 0
    """No flag."""
    EOR = 0x01
    """The message ends here."""
    UNORDERED = 0x02
    """It was sent unordered."""
    CONTROL_TRUNCATED = 0x04
    """Ancillary data did not fit."""
    NOTIFICATION = 0x10
    """No message but a notification came: `Socket.recvmsg` only."""


class Cause(_Registered):
    """Error cause codes, protocol numbers (RFC 9260 section 3.3.10; RFC 5061; RFC 4895)."""

    NONE = 0
    """The stack told none."""
    INVALID_STREAM = 1
    """DATA for a stream that does not exist (RFC 9260 section 3.3.10.1)."""
    MISSING_PARAMETER = 2
    """A mandatory parameter was missing (section 3.3.10.2)."""
    STALE_COOKIE = 3
    """The state cookie had expired (section 3.3.10.3)."""
    OUT_OF_RESOURCE = 4
    """The sender ran out of resources (section 3.3.10.4)."""
    UNRESOLVABLE_ADDRESS = 5
    """An address could not be used (section 3.3.10.5)."""
    UNRECOGNIZED_CHUNK = 6
    """A chunk of an unknown type (section 3.3.10.6)."""
    INVALID_PARAMETER = 7
    """A mandatory parameter had an impossible value (section 3.3.10.7)."""
    UNRECOGNIZED_PARAMETER = 8
    """A parameter of an unknown type (section 3.3.10.8)."""
    NO_USER_DATA = 9
    """A DATA chunk without data (section 3.3.10.9)."""
    COOKIE_IN_SHUTDOWN = 10
    """COOKIE ECHO came during the shutdown (section 3.3.10.10)."""
    RESTART_WITH_NEW_ADDRESSES = 11
    """A restart tried to add addresses (section 3.3.10.11)."""
    USER_INITIATED_ABORT = 12
    """The application aborted; its reason may follow (section 3.3.10.12)."""
    PROTOCOL_VIOLATION = 13
    """The peer broke the protocol in another way (section 3.3.10.13)."""
    DELETING_LAST_ADDRESS = 0xA0
    """A request to delete the last address (RFC 5061 section 4.3.1)."""
    RESOURCE_SHORTAGE = 0xA1
    """An operation was refused for lack of resources (RFC 5061 section 4.3.2)."""
    DELETING_SOURCE_ADDRESS = 0xA2
    """A request to delete the address that it came from (RFC 5061 section 4.3.3)."""
    ILLEGAL_ASCONF_ACK = 0xA3
    """An ASCONF-ACK that nothing had asked for (RFC 5061 section 4.3.4)."""
    REQUEST_REFUSED = 0xA4
    """The peer may not do what it asked for (RFC 5061 section 4.3.5)."""
    UNSUPPORTED_HMAC = 0x105
    """A chunk was authenticated by an algorithm that was not offered (RFC 4895 section 4.1)."""


class FailedFlag(IntFlag):
    """What became of a message that failed, and which part of it this is (RFC 6458 section 6.1.11)."""

    NONE = 0
    """The stack told nothing."""
    UNSENT = 1
    """Never went out."""
    SENT = 2
    """Went out, and was not acknowledged."""
    FIRST = 0x10
    """The beginning of the message."""
    LAST = 0x20
    """The end of the message."""


class PartialDelivery(_Canonical):
    """What a partial delivery event tells (RFC 6458 section 6.1.7)."""

    ABORTED = 1
    """The rest of the message will not come."""


class AuthIndication(_Canonical):
    """What happened to the authentication of an association (RFC 6458 section 6.1.8)."""

    NEW_KEY = 1
    """The peer uses a new key."""
    NO_AUTH = 2
    """The peer does not support AUTH."""
    FREE_KEY = 3
    """A deactivated key is no longer in use and may be deleted."""


class ResetFlag(IntFlag):
    """Directions and results of a stream reset, and results of other reconfigurations (RFC 6525 sections 6.1, 6.3)."""

    NONE = 0
    """Done; no direction is meant."""
    INCOMING = 1
    """The streams towards us."""
    OUTGOING = 2
    """The streams towards the peer."""
    DENIED = 4
    """The peer refused it; nothing changed."""
    FAILED = 8
    """It failed for another reason; nothing changed."""


class StreamResetAllow(IntFlag):
    """Which requests of the peer are granted: `opts.enable_stream_reset` (RFC 6525 section 6.3.1)."""

    NONE = 0
    """None; what the stacks start with."""
    RESET_STREAMS = 1
    """To reset streams."""
    RESET_ASSOC = 2
    """To reset the association."""
    CHANGE_ASSOC = 4
    """To add streams."""


class StreamScheduler(_Canonical):
    """How the messages of the streams are interleaved on their way out (RFC 8260 section 3)."""

    DEFAULT = 0
    """BSD's own default: round robin by streams. On Linux it is FCFS, and reads back as that."""
    FCFS = 1
    """First come, first served (section 3.1)."""
    RR = 2
    """Round robin by messages (section 3.2)."""
    RR_PKT = 3
    """Round robin by packets (section 3.3). BSD only."""
    PRIO = 4
    """By priority: the lowest `stream_scheduler_value` first (section 3.4)."""
    FC = 5
    """Fair capacity, the same bytes for each (section 3.5). BSD; Linux 6.4 and later."""
    WFQ = 6
    """Weighted fair queueing (section 3.6). Linux 6.4 and later."""


class HmacId(_Registered):
    """HMAC algorithms of AUTH (RFC 4895 section 3.3)."""

    SHA1 = 1
    """HMAC-SHA-1; every list has to have it."""
    SHA256 = 3
    """HMAC-SHA-256."""


class ChunkType(_Registered):
    """Types of chunks, protocol numbers (RFC 9260 section 3.2 and its extensions)."""

    DATA = 0
    """User data (RFC 9260 section 3.3.1)."""
    INIT = 1
    """Starts an association (section 3.3.2); can't be authenticated."""
    INIT_ACK = 2
    """Answers INIT (section 3.3.3); can't be authenticated."""
    SACK = 3
    """Acknowledges (section 3.3.4)."""
    HEARTBEAT = 4
    """Probes a path (section 3.3.5)."""
    HEARTBEAT_ACK = 5
    """Answers HEARTBEAT (section 3.3.6)."""
    ABORT = 6
    """Ends the association at once (section 3.3.7)."""
    SHUTDOWN = 7
    """Ends the association gracefully (section 3.3.8)."""
    SHUTDOWN_ACK = 8
    """Answers SHUTDOWN (section 3.3.9)."""
    ERROR = 9
    """Reports an error (section 3.3.10)."""
    COOKIE_ECHO = 10
    """Returns the state cookie (section 3.3.11)."""
    COOKIE_ACK = 11
    """Answers COOKIE ECHO (section 3.3.12)."""
    ECNE = 12
    """Echoes congestion (RFC 9260 appendix A)."""
    CWR = 13
    """Congestion window reduced (RFC 9260 appendix A)."""
    SHUTDOWN_COMPLETE = 14
    """Ends the shutdown (section 3.3.13); can't be authenticated."""
    AUTH = 15
    """Authenticates what follows (RFC 4895 section 5.1); can't be authenticated."""
    I_DATA = 0x40
    """User data that may be interleaved (RFC 8260 section 2.1)."""
    ASCONF_ACK = 0x80
    """Answers ASCONF (RFC 5061 section 4.1.2)."""
    RE_CONFIG = 0x82
    """Stream reconfiguration (RFC 6525 section 3.1)."""
    PAD = 0x84
    """Padding (RFC 4820 section 3)."""
    FORWARD_TSN = 0xC0
    """Skips abandoned data (RFC 3758 section 3.2)."""
    ASCONF = 0xC1
    """Changes addresses (RFC 5061 section 4.1.1)."""
    I_FORWARD_TSN = 0xC2
    """Skips abandoned interleaved data (RFC 8260 section 2.3.1)."""


class PathFlag(IntFlag):
    """What `path_params` changes, and how it stands (RFC 6458 section 8.1.12)."""

    NONE = 0
    """Only what has a value other than 0."""
    HB_ENABLE = 0x01
    """Heartbeats on; what has to be given to change their interval."""
    HB_DISABLE = 0x02
    """Heartbeats off."""
    HB_DEMAND = 0x04
    """Send one heartbeat now."""
    PMTUD_ENABLE = 0x08
    """Path MTU discovery on."""
    PMTUD_DISABLE = 0x10
    """Path MTU discovery off; `mtu_bytes` holds."""
    SACKDELAY_ENABLE = 0x20
    """Delayed acknowledgements are on. Linux only; set them by `delayed_sack`."""
    SACKDELAY_DISABLE = 0x40
    """Delayed acknowledgements are off. Linux only."""
    HB_TIME_IS_ZERO = 0x80
    """The interval is 0: a heartbeat each RTO. Without it, 0 keeps the interval."""
    IPV6_FLOWLABEL = 0x100
    """`flow_label` is given."""
    DSCP = 0x200
    """`dscp` is given."""


class PfExposure(_Registered):
    """Whether the potentially failed state of paths is shown (RFC 7829 section 7.3)."""

    UNSET = 0
    """Linux' default: readable, not notified."""
    DISABLED = 1
    """Neither readable nor notified."""
    ENABLED = 2
    """Readable and notified."""


class CcModule(_Registered):
    """Congestion control of an association, on BSD."""

    RFC2581 = 0
    """The standard one (RFC 9260 section 7)."""
    HSTCP = 1
    """High-speed TCP's (RFC 3649)."""
    HTCP = 2
    """H-TCP."""
    RTCC = 3
    """By data-centre round-trip times."""


class ErrorDetection(_Registered):
    """What protects packets whose checksum is zero (RFC 9653 section 4)."""

    NONE = 0
    """Nothing does: the checksum must be right."""
    LOWER_LAYER_DTLS = 1
    """DTLS below SCTP."""


class NextFlag(IntFlag):
    """About the message after this one (RFC 6458 section 5.3.6)."""

    NONE = 0
    """Nothing of note."""
    UNORDERED = 1
    """It was sent unordered."""
    COMPLETE = 2
    """All of it is there. Linux never says so."""
    NOTIFICATION = 4
    """It is a notification."""


class Ppid(_Registered):
    """Payload protocol identifiers of IANA's registry (RFC 9260 section 15.5); docs/ppid.md explains each."""

    UNSPECIFIED = 0
    IUA = 1
    M2UA = 2
    M3UA = 3
    SUA = 4
    M2PA = 5
    V5UA = 6
    H248 = 7
    BICC = 8
    TALI = 9
    DUA = 10
    ASAP = 11
    ENRP = 12
    H323 = 13
    Q_IPC = 14
    SIMCO = 15
    DDP_SEGMENT = 16
    DDP_STREAM_SESSION = 17
    S1AP = 18
    RUA = 19
    HNBAP = 20
    FORCES_HP = 21
    FORCES_MP = 22
    FORCES_LP = 23
    SBC_AP = 24
    NBAP = 25
    X2AP = 27
    IRCP = 28
    LCS_AP = 29
    MPICH2 = 30
    SABP = 31
    FGP = 32
    PPP = 33
    CALCAPP = 34
    SSP = 35
    NPMP_CONTROL = 36
    NPMP_DATA = 37
    ECHO = 38
    DISCARD = 39
    DAYTIME = 40
    CHARGEN = 41
    RNA = 42
    M2AP = 43
    M3AP = 44
    SSH = 45
    DIAMETER = 46
    DIAMETER_DTLS = 47
    R14P = 48
    GDT = 49
    WEBRTC_DCEP = 50
    WEBRTC_STRING = 51
    WEBRTC_BINARY_PARTIAL = 52
    WEBRTC_BINARY = 53
    WEBRTC_STRING_PARTIAL = 54
    PUA = 55
    WEBRTC_STRING_EMPTY = 56
    WEBRTC_BINARY_EMPTY = 57
    XWAP = 58
    XW_CP = 59
    NGAP = 60
    XNAP = 61
    F1AP = 62
    HTTP = 63
    E1AP = 64
    ELE2 = 65
    NGAP_DTLS = 66
    XNAP_DTLS = 67
    F1AP_DTLS = 68
    E1AP_DTLS = 69
    E2_CP = 70
    O_RAN_D2 = 71
    E2_DU = 72
    W1AP = 73
    DTLS_KEY_MANAGEMENT = 4242

    @classmethod
    def shown(cls, value: object) -> str:
        """A PPID as a repr shows it, by name and number; what is none as it is."""
        return repr(cls(value)) if isinstance(value, int) else repr(value)
