"""SocketSending: one message on its way out: what it may say, whom it goes to, and what a failure means.

Checks arguments in the order in which they are given, calls the stack once, and turns its number into an error by
name. Setting an association up and reading belong to `sockets.py`.
"""

from __future__ import annotations

import errno
from time import monotonic
from typing import Any, Optional, Tuple

from sctpffi import errors
from sctpffi._socket_base import OWN_MS, UNSET, Patience, Timeout
from sctpffi._socket_features import SocketFeatures
from sctpffi._wait import NO_WAIT, Deadline
from sctpffi.addresses import WILDCARDS, Address, AddressLike, parse, parse_near
from sctpffi.enums import PrPolicy, SendFlag, Style
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.lifecycle import Phase
from sctpffi.optchecks import check_pr
from sctpffi.options import check_member, check_number
from sctpffi.optvalues import InitParams, PrInfo, SndInfo

_U16, _U32 = 0xFFFF, 0xFFFFFFFF
_UNORDERED = int(SendFlag.UNORDERED)
_ADDR_OVER = int(SendFlag.ADDR_OVER)
_SENDALL = int(SendFlag.SENDALL)
_ENDING = int(SendFlag.ABORT | SendFlag.EOF)
_NO_FLAGS = ~sum(SendFlag)
_PR_TTL, _PR_UNSET = int(PrPolicy.TTL), 5
_UP = Phase.UP
GONE = frozenset({errno.EPIPE, errno.ENOENT, errno.ENOTCONN, errno.ESHUTDOWN, errno.ECONNRESET, errno.ECONNABORTED})


# Stream, PPID, flags, context, policy and value of partial reliability.
Said = Tuple[int, int, int, int, int, int]


def payload(data: Any) -> Tuple[Any, int]:
    """What goes to the shim, and its size."""
    if isinstance(data, str):
        raise ArgumentTypeError("data", "bytes or a buffer, not str; encode it first")
    try:
        view = memoryview(data)
    except TypeError:
        raise ArgumentTypeError("data", f"bytes or a buffer, not {type(data).__name__}") from None
    if not view.contiguous:
        view = memoryview(view.tobytes())
    return view, view.nbytes


class SocketSending(SocketFeatures):
    """The sending half of a socket."""

    def _finish_connect(self, deadline: Deadline, op: str) -> None:
        raise NotImplementedError  # `sockets.py` has it

    def _check_peeled(self, address: Address, op: str) -> None:
        """Refuse an address whose association has a socket of its own: BSD would restart it (docs/stacks.md)."""
        for ref, held in self._peeled:
            child = ref()
            if child is not None and not child.closed and not child._life.over and address in held:
                detail = f"{address} belongs to an association that was peeled off"
                raise errors.build(errors.NoSuchAssociation, op, detail=detail, **self._where())

    def send(
        self,
        data: Any,
        stream: Optional[int] = None,
        ppid: Optional[int] = None,
        *,
        unordered: bool = False,
        ttl: Optional[float] = None,
        prinfo: Optional[PrInfo] = None,
        context: Optional[int] = None,
        flags: int = 0,
        assoc_id: int = 0,
        to: Optional[AddressLike] = None,
        auth_key: Optional[int] = None,
        init: Optional[InitParams] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send one message, whole or not at all (RFC 6458 sections 3.1.4, 4.1.8 and 5.3).

        data: bytes or any buffer, not empty. stream: 0..65535. ppid: in host order. unordered: deliver at once.
        ttl: seconds after which the stack may give the message up (RFC 3758); or prinfo: any `PrInfo` (RFC 7496).
        context: 32 bits that come back with a send failure. flags: `SendFlag`s. What is None is 0, or as
        `opts.default_sndinfo` and `default_prinfo` say.
        assoc_id: the association, on one-to-many sockets. to: the peer's address; on one-to-one sockets the path to
        use; on one-to-many sockets an association is set up if there is none, to all addresses that `to` names, with
        init as its parameters (not on usrsctp).
        auth_key: the number of the key to authenticate the message with (RFC 6458 section 5.3.8; not on usrsctp).
        timeout: seconds to wait for room.
        Returns the size of the message in bytes; with `opts.explicit_eor`, how much of it was taken.
        Raises ArgumentError and ArgumentTypeError naming the argument, StreamOutOfRange, MessageTooLong, WouldBlock,
        WaitTimeout, NotConnected, AssociationAborted, AssociationTimedOut, NoSuchAssociation, UnsupportedOption,
        ClosedError.
        Concurrency: any number of threads; each message stays whole.
        """
        return self._send(
            data, stream, ppid, unordered, ttl, prinfo, context, flags, assoc_id, to, auth_key, init, timeout
        )

    def _send(
        self,
        data: Any,
        stream: Optional[int],
        ppid: Optional[int],
        unordered: bool,
        ttl: Optional[float],
        prinfo: Optional[PrInfo],
        context: Optional[int],
        flags: int,
        assoc_id: int,
        to: Optional[AddressLike],
        auth_key: Optional[int],
        init: Optional[InitParams],
        timeout: Patience,
    ) -> int:
        """`send`, whose arguments by name take time. The plain case makes no call but the stack's."""
        patient = timeout is UNSET and self._timeout is None
        begun = 0.0 if patient or timeout is NO_WAIT else monotonic()
        if (
            type(data) is bytes
            and data
            and (stream is None or (type(stream) is int and 0 <= stream <= _U16))
            and (ppid is None or (type(ppid) is int and 0 <= ppid <= _U32))
            and ttl is None
            and prinfo is None
            and context is None
            and to is None
            and auth_key is None
            and init is None
            and not (flags or self._has_defaults)
            and (
                not assoc_id and self._life.phase is _UP and not self._life.shut_down
                if self._one
                else type(assoc_id) is int and 0 < assoc_id <= _U32
            )
        ):
            size = len(data)
            wait_ms = OWN_MS if patient else self._wait_ms(timeout)
            code = self._send_plain(
                data, size, assoc_id, stream or 0, ppid or 0, _UNORDERED if unordered else 0, wait_ms
            )
            if code >= 0:
                return code
            if code != -errno.EINTR:
                raise self._send_failed(
                    code, size, stream or 0, assoc_id, self._since(timeout, begun), None, None, None
                )
        return self._send_any(
            data, stream, ppid, unordered, ttl, prinfo, context, flags, assoc_id, to, auth_key, init, timeout, begun
        )

    def _send_any(
        self,
        data: Any,
        stream: Optional[int],
        ppid: Optional[int],
        unordered: bool,
        ttl: Optional[float],
        prinfo: Optional[PrInfo],
        context: Optional[int],
        flags: int,
        assoc_id: int,
        to: Optional[AddressLike],
        auth_key: Optional[int],
        init: Optional[InitParams],
        timeout: Patience,
        begun: float,
    ) -> int:
        """Any message, by a call that began at begun."""
        if type(data) is bytes:
            size = len(data)
        else:
            data, size = payload(data)
        said = self._said(stream, ppid, unordered, ttl, prinfo, context, flags, assoc_id, to)
        number = said[2]
        if not size or number & _ENDING:
            self._check_ending(size, number)
        target = more = None
        if self._one:
            if to is not None:
                target = self._path(to)
                number |= _ADDR_OVER
            if self._life.phase is not _UP or self._life.shut_down:
                self._check_sendable(self._since(timeout, begun))
            if auth_key is not None or init is not None:
                more = self._more(auth_key, init, ())
        else:
            target, others = self._target(assoc_id, to, number)
            if others or auth_key is not None or init is not None:
                more = self._more(auth_key, init, others)
        while True:
            deadline = self._since(timeout, begun)
            wait_ms = deadline.shim_ms()
            code = self._handle.send(
                data, size, assoc_id, said[0], said[1], number, said[3], said[4], said[5], target, wait_ms, more
            )
            if code >= 0:
                return code
            if code != -errno.EINTR:
                raise self._send_failed(code, size, said[0], assoc_id, deadline, target, auth_key, init)

    def _said(
        self,
        stream: Optional[int],
        ppid: Optional[int],
        unordered: bool,
        ttl: Optional[float],
        prinfo: Optional[PrInfo],
        context: Optional[int],
        flags: int,
        assoc_id: int,
        to: Optional[AddressLike],
    ) -> Said:
        """What a message says besides its data, checked, with the defaults filled in."""
        number = int(flags) | _UNORDERED if unordered else int(flags)
        if self._has_defaults:
            stream, ppid, context, number, prinfo = self._with_defaults(
                stream, ppid, context, number, prinfo, ttl is None, assoc_id
            )
        stream = 0 if stream is None else check_number("stream", stream, _U16)
        ppid = 0 if ppid is None else check_number("ppid", ppid)
        context = 0 if context is None else check_number("context", context)
        pr_policy, pr_value = _PR_UNSET, 0
        if ttl is not None or prinfo is not None:
            pr_policy, pr_value = self._reliability(ttl, prinfo)
        if number & _NO_FLAGS:
            check_member("flags", number, SendFlag)  # says which
        if number & _ADDR_OVER and to is None:
            raise ArgumentError("to", "ADDR_OVER needs the address to use")
        return stream, ppid, number, context, pr_policy, pr_value

    def _with_defaults(
        self,
        stream: Optional[int],
        ppid: Optional[int],
        context: Optional[int],
        flags: int,
        prinfo: Optional[PrInfo],
        no_ttl: bool,
        assoc_id: int,
    ) -> Tuple[Optional[int], Optional[int], Optional[int], int, Optional[PrInfo]]:
        """Fill in what the caller left out; the stacks do so only if everything is left out (section 8.1.31)."""
        default, default_prinfo = self._defaults(assoc_id)
        if prinfo is None and no_ttl:
            prinfo = default_prinfo
        return (
            default.stream if stream is None else stream,
            default.ppid if ppid is None else ppid,
            default.context if context is None else context,
            flags | int(default.flags),
            prinfo,
        )

    def _defaults(self, assoc_id: int) -> Tuple[SndInfo, PrInfo]:
        """default_sndinfo and default_prinfo; of a socket with one association they are asked for once."""
        found = self._known_defaults
        if found is None:
            opts = self.opts.of(0 if self._one else assoc_id)
            found = opts.default_sndinfo, opts.default_prinfo
            if self._one and self._life.phase is Phase.UP:
                self._known_defaults = found
        return found

    def _reliability(self, ttl: Optional[float], prinfo: Optional[PrInfo]) -> Tuple[int, int]:
        if ttl is not None:
            if prinfo is not None:
                raise ArgumentError("ttl", "give either ttl or prinfo")
            return _PR_TTL, self._ttl_ms(ttl)
        if not isinstance(prinfo, PrInfo):
            raise ArgumentTypeError("prinfo", f"a PrInfo or None, not {type(prinfo).__name__}")
        policy = check_member("prinfo.policy", prinfo.policy, PrPolicy)
        value = check_number("prinfo.value", prinfo.value)
        check_pr("prinfo", prinfo)
        return policy, value

    def _path(self, to: AddressLike) -> Address:
        hosts = parse_near(to, self._peer_port, "to").hosts
        if len(hosts) != 1:
            raise ArgumentError("to", f"{to}: a message takes one path")
        if hosts[0].host in WILDCARDS:
            raise errors.AddressError("to", f"{hosts[0]}: the wildcard is nobody's address")
        if self._style is Style.PEELED and hosts[0] not in self.peer_addresses():  # Linux would not look at it
            raise self._foreign(hosts[0])
        return hosts[0]

    def _foreign(self, address: Address, op: str = "send") -> errors.SctpOSError:
        detail = f"not the peer's: {address}"
        return errors.build(errors.AddressNotAvailable, op, detail=detail, **self._where())

    def _more(self, auth_key: Optional[int], init: Optional[InitParams], others: Tuple[Address, ...]) -> Any:
        if auth_key is not None:
            check_number("auth_key", auth_key, _U16)
        numbers = None
        if init is not None:
            if not isinstance(init, InitParams):
                raise ArgumentTypeError("init", f"an InitParams or None, not {type(init).__name__}")
            if self._one:
                raise ArgumentError("init", "a message sets associations up on one-to-many sockets only")
            numbers = (init.out_streams, init.in_streams, init.attempts, init.timeout_ms)
            for name, value in zip(("out_streams", "in_streams", "attempts", "timeout_ms"), numbers):
                check_number(f"init.{name}", value, _U16)
        return self._handle.more(auth_key, numbers, others)

    @staticmethod
    def _ttl_ms(ttl: float) -> int:
        if isinstance(ttl, bool) or not isinstance(ttl, (int, float)):
            raise ArgumentTypeError("ttl", f"a number of seconds or None, not {type(ttl).__name__}")
        if not 0 < ttl <= _U32 / 1000:
            raise ArgumentError("ttl", f"{ttl} is not in 0..{_U32 // 1000} seconds")
        return max(1, round(ttl * 1000))

    def _check_ending(self, size: int, flags: int) -> None:
        if flags & _ENDING and self._one:
            raise ArgumentError("flags", "EOF and ABORT are for one-to-many sockets; use shutdown() or abort()")
        if flags & int(SendFlag.EOF) and size:
            raise ArgumentError("data", "EOF goes without data; send it first")
        if not size and not flags & _ENDING:
            raise ArgumentError("data", "an SCTP message is never empty (RFC 9260 section 3.3.10.9)")

    def _check_sendable(self, deadline: Deadline) -> None:
        self._alive("send")
        if self._life.phase is Phase.CONNECTING:
            self._finish_connect(deadline, "send")
        if self._life.phase is not Phase.UP or self._life.shut_down:
            raise self._life.send_error("send", **self._where())

    def _target(
        self, assoc_id: int, to: Optional[AddressLike], flags: int
    ) -> Tuple[Optional[Address], Tuple[Address, ...]]:
        """The address that a message goes to, and further ones for an association that it sets up."""
        if assoc_id:
            check_number("assoc_id", assoc_id)
        if to is None:
            if not assoc_id and not flags & _SENDALL:
                raise ArgumentError("to", "a one-to-many socket needs an address or an assoc_id to send to")
            return None, ()
        found = (to,) if isinstance(to, Address) else parse(to, "to").hosts
        if found[0].port == 0:
            raise errors.AddressError("to", f"{found[0]} has no port")
        if self._family == 4 and found[0].family == 6:
            raise errors.AddressError("to", f"{found[0]}: an IPv4 socket takes no IPv6 address")
        if self._peeled:
            self._check_peeled(found[0], "send")
        return found[0], found[1:]

    def _send_failed(
        self,
        code: int,
        size: int,
        stream: int,
        assoc_id: int,
        deadline: Deadline,
        target: Optional[Address],
        auth_key: Optional[int],
        init: Optional[InitParams],
        op: str = "send",
    ) -> errors.Error:
        number = -code
        if number == errno.EAGAIN:
            cls = errors.WouldBlock if deadline.seconds == 0 else errors.WaitTimeout
            return errors.build(cls, op, assoc_id=assoc_id or None, **self._where())
        if self._life.aborting:
            return self._error(-errno.EBADF, op)
        if number in GONE:
            if not self._one:
                return errors.build(errors.NoSuchAssociation, op, assoc_id=assoc_id, **self._where())
            self._inbox.catch_up()
            return self._life.send_error(op, **self._where())
        found = self._error(code, op, assoc_id)
        if number == errno.EINVAL:
            self._explain_invalid(stream, assoc_id, op)
            if self._one and target is not None and target not in self.peer_addresses():
                return self._foreign(target, op)
        if not isinstance(found, errors.SctpOSError):
            return found
        if number == errno.EDEADLK:
            found.detail = "this stack hangs when a path is chosen under the stream scheduler that was set"
        if isinstance(found, errors.UnsupportedOption):
            asked = "auth_key" if auth_key is not None else "init" if init is not None else "one of these flags"
            found.detail = f"{self.backend} can't send a message with {asked}"
        elif auth_key is not None and number in (errno.EINVAL, errno.EACCES):
            found.detail = f"key {auth_key} is not set, or AUTH was not negotiated"
        if isinstance(found, errors.MessageTooLong):
            found.detail = f"{size} bytes do not fit the send buffer of {self.opts.send_buffer_bytes}"
        return found

    def _explain_invalid(self, stream: int, assoc_id: int, op: str) -> None:
        try:
            streams = self.opts.of(assoc_id).status.out_streams
        except errors.Error:
            if not self._one and assoc_id:
                raise errors.build(errors.NoSuchAssociation, op, assoc_id=assoc_id, **self._where()) from None
            return
        if stream >= streams:
            detail = f"stream {stream}: the association has {streams} outgoing streams, 0..{streams - 1}"
            raise errors.build(errors.StreamOutOfRange, op, detail=detail, **self._where()) from None
