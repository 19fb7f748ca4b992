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
    """The state of a path (RFC 6458 section 8.2.2, RFC 7829 section 7.2)."""

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
    """How reliable a message is (RFC 3758, RFC 7496 section 4.1)."""

    NONE = 0
    """Fully."""
    TTL = 1
    """Given up after so many milliseconds."""
    RTX = 2
    """Given up after so many retransmissions."""
    PRIO = 3
    """Given up when room is needed for a message of higher priority."""


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


class Cause(_Registered):
    """Error cause codes, protocol numbers (RFC 9260 section 3.3.10; RFC 5061; RFC 4895)."""

    NONE = 0
    INVALID_STREAM = 1
    MISSING_PARAMETER = 2
    STALE_COOKIE = 3
    OUT_OF_RESOURCE = 4
    UNRESOLVABLE_ADDRESS = 5
    UNRECOGNIZED_CHUNK = 6
    INVALID_PARAMETER = 7
    UNRECOGNIZED_PARAMETER = 8
    NO_USER_DATA = 9
    COOKIE_IN_SHUTDOWN = 10
    RESTART_WITH_NEW_ADDRESSES = 11
    USER_INITIATED_ABORT = 12
    PROTOCOL_VIOLATION = 13
    DELETING_LAST_ADDRESS = 0xA0
    RESOURCE_SHORTAGE = 0xA1
    DELETING_SOURCE_ADDRESS = 0xA2
    ILLEGAL_ASCONF_ACK = 0xA3
    REQUEST_REFUSED = 0xA4
    UNSUPPORTED_HMAC = 0x105


class Ppid(_Registered):
    """Payload protocol identifiers of IANA's registry that are met most (RFC 9260 section 15.6)."""

    UNSPECIFIED = 0
    IUA = 1
    M2UA = 2
    M3UA = 3
    SUA = 4
    M2PA = 5
    S1AP = 18
    X2AP = 27
    DIAMETER = 46
    DIAMETER_DTLS = 47
    WEBRTC_DCEP = 50
    WEBRTC_STRING = 51
    WEBRTC_BINARY = 53
    NGAP = 60
    XNAP = 61
    F1AP = 62
    E1AP = 64
