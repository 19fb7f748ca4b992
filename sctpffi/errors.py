"""Every exception of sctpffi, and the one table from errno to class.

Each is an `sctpffi.Error` and also the builtin that its meaning has (`ConnectionRefusedError`,
`TimeoutError`, `EOFError` ...), so that code written for sockets catches it. No I/O happens here, and no
other module of ours but `_tables` may be imported.
"""

from __future__ import annotations

import errno as _errno
import os
from typing import Any, Dict, Mapping, Optional, Type

# Errors of the shim that no errno stands for; csrc/sfi.h has the same numbers and tests/abi compares them.
EFORKED = 100001
EABSENT = 100002
EFAILED = 100003


class Error(Exception):
    """The base of everything that sctpffi raises by itself."""


class ArgumentError(Error, ValueError):
    """An argument has a value that no stack could take; `argument` names it."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(argument, message)
        self.argument = argument
        self.message = message

    def __str__(self) -> str:
        return f"{self.argument}: {self.message}"


class ArgumentTypeError(Error, TypeError):
    """An argument is of the wrong type; `argument` names it."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(argument, message)
        self.argument = argument
        self.message = message

    def __str__(self) -> str:
        return f"{self.argument}: {self.message}"


class AddressError(ArgumentError):
    """An address text or port can't be understood, or a list of addresses can't go together."""


class BackendUnavailable(Error, RuntimeError):
    """The wanted stack can't be used; `reasons` tells of every backend why, and what to do about it."""

    def __init__(self, wanted: str, reasons: Mapping[str, str]) -> None:
        super().__init__(wanted, dict(reasons))
        self.wanted = wanted
        self.reasons: Dict[str, str] = dict(reasons)

    def __str__(self) -> str:
        lines = [f"backend {self.wanted!r} can't be used here:"]
        lines += [f"  {name}: {reason}" for name, reason in self.reasons.items()]
        return "\n".join(lines)


class ForkedError(Error, RuntimeError):
    """The usrsctp stack lives in the process that started it; a forked child can't use it.

    Start the stack after the fork, or use multiprocessing's "spawn".
    """


class EndOfAssociation(Error, EOFError):
    """The association ended gracefully, by SHUTDOWN (RFC 9260 section 9.2); nothing more will come."""


class ReceiveLimitExceeded(Error):
    """A message was longer than the set maximum. It was taken off the queue; the next one is intact."""

    def __init__(self, limit_bytes: int, length_bytes: int) -> None:
        super().__init__(limit_bytes, length_bytes)
        self.limit_bytes = limit_bytes
        self.length_bytes = length_bytes

    def __str__(self) -> str:
        return f"a message of {self.length_bytes} bytes was dropped: the limit is {self.limit_bytes}"


class SctpOSError(Error, OSError):
    """An operation failed; carries what was tried and where.

    Attributes: `errno` and `strerror` as with every OSError; `op` (the method's name), `backend`, `local`
    and `remote` (address texts or None), `assoc_id` (or None), `detail` (a sentence or None).
    """

    op: str = ""
    backend: str = ""
    local: Optional[str] = None
    remote: Optional[str] = None
    assoc_id: Optional[int] = None
    detail: Optional[str] = None

    def __str__(self) -> str:
        ends = f" {self.local or ''}->{self.remote or ''}" if self.local or self.remote else ""
        which = f" [{self.backend}]" if self.backend else ""
        assoc = f" association {self.assoc_id}" if self.assoc_id else ""
        text = f"{self.op} sctp{ends}{which}{assoc}: {self.strerror}"
        return f"{text} ({self.detail})" if self.detail else text


class ClosedError(SctpOSError):
    """The socket was closed, by this thread or another (EBADF)."""


class WouldBlock(SctpOSError, BlockingIOError):
    """The operation can't be done now, and no waiting was asked for (EAGAIN)."""


class WaitTimeout(SctpOSError, TimeoutError):
    """The time given by `timeout=` ran out; nothing was lost, nothing was sent."""


class ConnectInProgress(SctpOSError, BlockingIOError):
    """The association is being set up; wait for writability and call `connect_done()` (EINPROGRESS)."""


class ConnectionRefused(SctpOSError, ConnectionRefusedError):
    """The peer answered INIT with ABORT: nobody listens there (RFC 9260 section 5.1)."""


class ConnectTimeout(SctpOSError, TimeoutError):
    """The peer never answered: as many INITs were sent as INITMSG allows (RFC 9260 section 5.1)."""


class AssociationLost(SctpOSError):
    """The association ended without SHUTDOWN. Unacknowledged data may be lost.

    Attributes: `cause` (a `Cause`, RFC 9260 section 3.3.10; 0 if the stack does not tell), `info` (the error causes of
    the peer's ABORT as bytes).
    """

    cause: int = 0
    info: bytes = b""


class AssociationAborted(AssociationLost, ConnectionResetError):
    """The peer sent ABORT (RFC 9260 section 9.1)."""


class AssociationTimedOut(AssociationLost, TimeoutError):
    """The peer can't be reached any more: Association.Max.Retrans was exceeded (RFC 9260 section 8.1)."""


class NotConnected(SctpOSError, BrokenPipeError):
    """There is no association to send on: never set up, shut down by us, or ended (EPIPE)."""


class AlreadyConnected(SctpOSError):
    """The socket has, or is setting up, an association (EISCONN)."""


class NoSuchAssociation(SctpOSError, LookupError):
    """The association id or address names no association of this socket (ENOENT)."""


class MessageTooLong(SctpOSError):
    """The message can never be sent as a whole: it is longer than the send buffer (EMSGSIZE)."""


class StreamOutOfRange(SctpOSError, ValueError):
    """The association has fewer outgoing streams than `stream` says (EINVAL)."""


class AddressInUse(SctpOSError):
    """Another socket has this address and port (EADDRINUSE)."""


class AddressNotAvailable(SctpOSError):
    """The address is not one of this host's (EADDRNOTAVAIL)."""


class PermissionDenied(SctpOSError, PermissionError):
    """The process may not do this (EACCES, EPERM)."""


class WrongStyle(SctpOSError, NotImplementedError):
    """The call makes no sense for this style of socket (EOPNOTSUPP)."""


class UnsupportedOption(SctpOSError, NotImplementedError):
    """This backend, or the running version of its stack, has no such option (ENOPROTOOPT)."""


class ExtensionOff(UnsupportedOption):
    """The extension is switched off on the socket, or the association did not negotiate it.

    `extension` names it: "auth", "asconf", "reconfig". Switch it on at both ends before they connect:
    `opts.auth_supported`, `asconf_supported`, `reconfig_supported`.
    """

    extension: str = ""


class RequestPending(SctpOSError, BlockingIOError):
    """An earlier reconfiguration is not answered yet, or data is still on its way (RFC 6525 section 5.1.1)."""


class OptionRefused(SctpOSError, ValueError):
    """The stack refuses this value in the state that the socket is in (EINVAL)."""


class ResourceBusy(Error, RuntimeError):
    """Two want what only one can have: tasks that receive from one socket, threads that use one `bulk.Arena`."""


class WrongLoop(Error, RuntimeError):
    """The object belongs to another event loop than the one that runs, or none runs."""


class OptionNotTaken(Error, ValueError):
    """The stack took another value than was set; raised by `opts.set(..., strict=True)`.

    Attributes: `option`, `wanted`, `found`.
    """

    def __init__(self, option: str, wanted: Any, found: Any) -> None:
        super().__init__(option, wanted, found)
        self.option = option
        self.wanted = wanted
        self.found = found

    def __str__(self) -> str:
        return f"{self.option}: {self.wanted!r} was set, and the stack has {self.found!r}"


_BY_ERRNO: Dict[int, Type[SctpOSError]] = {
    _errno.EBADF: ClosedError,
    _errno.EAGAIN: WouldBlock,
    _errno.EINPROGRESS: ConnectInProgress,
    _errno.EALREADY: ConnectInProgress,
    _errno.ECONNREFUSED: ConnectionRefused,
    _errno.ECONNRESET: AssociationAborted,
    _errno.ECONNABORTED: AssociationAborted,
    _errno.ETIMEDOUT: AssociationTimedOut,
    _errno.EPIPE: NotConnected,
    _errno.ENOTCONN: NotConnected,
    _errno.ESHUTDOWN: NotConnected,
    _errno.EISCONN: AlreadyConnected,
    _errno.ENOENT: NoSuchAssociation,
    _errno.EMSGSIZE: MessageTooLong,
    _errno.EADDRINUSE: AddressInUse,
    _errno.EADDRNOTAVAIL: AddressNotAvailable,
    _errno.EACCES: PermissionDenied,
    _errno.EPERM: PermissionDenied,
    _errno.EOPNOTSUPP: WrongStyle,
    _errno.ENOPROTOOPT: UnsupportedOption,
    EABSENT: UnsupportedOption,
}

# What the builtin of a class promises: an error found by class has this errno, whatever the stack said.
_ERRNO_OF: Dict[Type[SctpOSError], int] = {
    ClosedError: _errno.EBADF,
    NotConnected: _errno.EPIPE,
    AlreadyConnected: _errno.EISCONN,
    NoSuchAssociation: _errno.ENOENT,
    AssociationAborted: _errno.ECONNRESET,
    AssociationTimedOut: _errno.ETIMEDOUT,
    ConnectTimeout: _errno.ETIMEDOUT,
    WaitTimeout: _errno.ETIMEDOUT,
    ConnectInProgress: _errno.EINPROGRESS,
    ConnectionRefused: _errno.ECONNREFUSED,
    UnsupportedOption: _errno.ENOPROTOOPT,
    ExtensionOff: _errno.EOPNOTSUPP,
    RequestPending: _errno.EALREADY,
    OptionRefused: _errno.EINVAL,
    WrongStyle: _errno.EOPNOTSUPP,
    StreamOutOfRange: _errno.EINVAL,
    MessageTooLong: _errno.EMSGSIZE,
    WouldBlock: _errno.EAGAIN,
    AddressInUse: _errno.EADDRINUSE,
    AddressNotAvailable: _errno.EADDRNOTAVAIL,
}


def build(cls: Type[SctpOSError], op: str, number: Optional[int] = None, **context: Any) -> SctpOSError:
    """Make an error of a class, with its context as attributes.

    number: the errno where the class does not fix one.
    """
    code = _ERRNO_OF.get(cls, number or _errno.EIO)
    error = cls(code, os.strerror(code))
    error.op = op
    for name, value in context.items():
        setattr(error, name, value)
    return error


def from_code(code: int, op: str, **context: Any) -> Error:
    """The exception for a negative result of the shim: the only door from numbers to exceptions."""
    number = -code if code < 0 else code
    if number == EFORKED:
        return ForkedError(
            f"{op}: the usrsctp stack belongs to the parent process; start it after fork(), or use"
            " multiprocessing's spawn"
        )
    if number == EFAILED:
        return BackendUnavailable("usrsctp", {"usrsctp": "the stack failed or has ended in this process"})
    return build(_BY_ERRNO.get(number, SctpOSError), op, number, **context)
