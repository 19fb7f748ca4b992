"""SocketHabits: how programs for `socket.socket` send and receive, with objects in place of packed control messages.

Each call is `send` or a read of the inbox in another form; docs/sockets.md has the whole list of names, and which are
left out. The standard library's MSG_* numbers are known here and nowhere else.
"""

from __future__ import annotations

import socket
import sys
from typing import Any, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union, overload

from sctpffi import errors
from sctpffi._reading import Item
from sctpffi._socket_base import UNSET, Patience, Timeout
from sctpffi._socket_bulk import SocketBulk
from sctpffi.addresses import Address, AddressLike
from sctpffi.enums import MsgFlag, SendFlag, Style
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.inbox import BUFFER_BYTES
from sctpffi.messages import Message, NextInfo, RcvInfo
from sctpffi.notifications import Notification
from sctpffi.options import check_member, check_number
from sctpffi.optvalues import AuthKey, InitParams, PrInfo, SndInfo

PROTOCOL = 132  # IANA's number of SCTP, which not every build of the socket module has a name for
_DONTWAIT = int(socket.MSG_DONTWAIT)
_PEEK = int(socket.MSG_PEEK)
_NOSIGNAL = int(getattr(socket, "MSG_NOSIGNAL", 0))  # macOS has none

SentAncillary = Union[SndInfo, PrInfo, AuthKey, InitParams]
ReceivedAncillary = Union[RcvInfo, NextInfo, Notification]
HostPort = Tuple[str, int]
_SENT = (SndInfo, PrInfo, AuthKey, InitParams)
_SENT_NAMES = "SndInfo, PrInfo, AuthKey or InitParams"


class _How(NamedTuple):
    """What the ancillary data of a message says."""

    info: Optional[SndInfo]
    prinfo: Optional[PrInfo]
    key: Optional[AuthKey]
    init: Optional[InitParams]


class SocketHabits(SocketBulk):
    """The calls of `socket.socket` that `send` and `recv` have no place for."""

    # -- what it is

    @property
    def type(self) -> socket.SocketKind:
        """SOCK_STREAM of one-to-one and peeled-off sockets, SOCK_SEQPACKET of one-to-many ones (RFC 6458 section 2)."""
        return socket.SOCK_SEQPACKET if self._style is Style.ONE_TO_MANY else socket.SOCK_STREAM

    @property
    def proto(self) -> int:
        """132, SCTP's protocol number."""
        return PROTOCOL

    @property
    def timeout(self) -> Optional[float]:
        """As `gettimeout`."""
        return self.gettimeout()

    def getblocking(self) -> bool:
        """Whether calls that give no time-out may wait."""
        return self.gettimeout() != 0

    # -- sending

    def sendmsg(
        self,
        buffers: Iterable[Any],
        ancdata: Iterable[SentAncillary] = (),
        flags: int = 0,
        address: Optional[AddressLike] = None,
        *,
        assoc_id: int = 0,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send the bytes of several buffers as one message (RFC 6458 section 4.1.8).

        ancdata: at most one each of `SndInfo`, `PrInfo`, `AuthKey` (its number only) and `InitParams`, objects instead
        of tuples of numbers and bytes (RFC 6458 section 5.3). flags: `socket.MSG_DONTWAIT`, `socket.MSG_NOSIGNAL`; or
        `SendFlag`s, which may stand in SndInfo too: both kinds in one number can't be told apart.
        address, assoc_id, timeout, result and errors as `send`.
        """
        data = _gather(buffers)
        how = _how(ancdata)
        number, timeout = _sending(flags, timeout)
        info = how.info
        return self.send(
            data,
            None if info is None else info.stream,
            None if info is None else info.ppid,
            prinfo=how.prinfo,
            context=None if info is None else info.context,
            flags=number if info is None else number | check_member("ancdata", info.flags, SendFlag),
            assoc_id=assoc_id,
            to=_peer(address),
            auth_key=None if how.key is None else how.key.number,
            init=how.init,
            timeout=timeout,
        )

    def sendall(self, data: Any, flags: int = 0, *, timeout: Timeout = UNSET) -> None:
        """`send` without a result; with `opts.explicit_eor` until all of it was taken. flags as `sendmsg`."""
        number, timeout = _sending(flags, timeout)
        deadline = self._deadline(timeout)
        sent = self.send(data, flags=number, timeout=timeout)
        with memoryview(data) as whole:
            if sent == whole.nbytes:
                return
            rest = whole.tobytes()
        while sent < len(rest):
            sent += self._send(rest[sent:], None, None, False, None, None, None, number, 0, None, None, None, deadline)

    @overload
    def sendto(self, data: Any, address: AddressLike, /, *, timeout: Timeout = UNSET) -> int: ...

    @overload
    def sendto(self, data: Any, flags: int, address: AddressLike, /, *, timeout: Timeout = UNSET) -> int: ...

    def sendto(self, data: Any, /, *flags_and_address: Any, timeout: Timeout = UNSET) -> int:
        """`send` to an address: `sendto(data, address)` or `sendto(data, flags, address)`. flags as `sendmsg`.

        On one-to-many sockets an association is set up if there is none; on one-to-one sockets it is the path to take.
        """
        if len(flags_and_address) not in (1, 2):
            raise ArgumentTypeError("address", "sendto(data, address) or sendto(data, flags, address)")
        flags = flags_and_address[0] if len(flags_and_address) == 2 else 0
        number, timeout = _sending(flags, timeout)
        return self.send(data, flags=number, to=_peer(flags_and_address[-1]), timeout=timeout)

    # -- receiving

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, *, timeout: Timeout = UNSET
    ) -> Tuple[bytes, List[ReceivedAncillary], MsgFlag, Optional[HostPort]]:
        """Receive at most bufsize bytes of one message: (data, ancdata, msg_flags, address) (RFC 6458 section 4.1.8).

        The rest of a longer message comes with the next calls; `MsgFlag.EOR` is set with its last byte. ancdata: unless
        ancbufsize is 0, a `RcvInfo`, and a `NextInfo` if there is one. flags: `socket.MSG_PEEK`, `socket.MSG_DONTWAIT`.
        After the graceful end b"" without flags and without an address, as often as one asks. A notification that was
        subscribed to is b"" with `MsgFlag.NOTIFICATION`, and stands in ancdata whatever ancbufsize is.
        Raises AssociationAborted or AssociationTimedOut after a loss, WouldBlock, WaitTimeout, NotConnected,
        ClosedError, ArgumentError and ArgumentTypeError. Not to be mixed with `recv` within a message.
        """
        size = _size("bufsize", bufsize)
        check_number("ancbufsize", ancbufsize, sys.maxsize)
        item = self._piece("recvmsg", size, flags, timeout)
        return (item.data if isinstance(item, Message) else b"", *_described(item, ancbufsize))

    def recvmsg_into(
        self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, *, timeout: Timeout = UNSET
    ) -> Tuple[int, List[ReceivedAncillary], MsgFlag, Optional[HostPort]]:
        """As `recvmsg`, into writable buffers that are filled one after the other; how many bytes in place of them."""
        check_number("ancbufsize", ancbufsize, sys.maxsize)
        views = list(_writable_views(buffers))
        try:
            if not views:
                raise ArgumentError("buffers", "empty buffers receive nothing")
            size = sum(map(len, views))
            if len(views) == 1:
                item = self._piece("recvmsg_into", size, flags, timeout, views[0])
            else:
                item = self._piece("recvmsg_into", size, flags, timeout)
                _scatter(item, views)
            return (len(item) if isinstance(item, Message) else 0, *_described(item, ancbufsize))
        finally:
            for view in views:
                view.release()

    def recvfrom(self, bufsize: int, flags: int = 0, *, timeout: Timeout = UNSET) -> Tuple[bytes, Optional[HostPort]]:
        """As `recvmsg`, only (data, address). A notification that is next stays there and raises WrongStyle."""
        item = self._piece("recvfrom", _size("bufsize", bufsize), flags, timeout)
        item = self._no_notification(item, "recvfrom", flags)
        return (b"", None) if item is None else (item.data, _host_port(item.address))

    def recvfrom_into(
        self, buffer: Any, nbytes: int = 0, flags: int = 0, *, timeout: Timeout = UNSET
    ) -> Tuple[int, Optional[HostPort]]:
        """As `recvfrom`, into a writable buffer, at most nbytes of it; 0 is all. How many bytes, and the address."""
        with _writable_view("buffer", buffer) as whole:
            if check_number("nbytes", nbytes, sys.maxsize) > len(whole):
                raise ArgumentError("nbytes", f"{nbytes} is more than the {len(whole)} bytes of the buffer")
            size = nbytes or _size("buffer", len(whole))
            with whole[:size] as view:
                item = self._piece("recvfrom_into", size, flags, timeout, view)
                item = self._no_notification(item, "recvfrom_into", flags)
                return (0, None) if item is None else (len(item), _host_port(item.address))

    def recv_into(self, buffer: Any, *, timeout: Timeout = UNSET) -> Item:
        """As `recv`, but a message lies in a writable buffer, and `data` of the result is a memoryview of that part.

        A message that is longer is dropped with ReceiveLimitExceeded, and the next one is intact: the buffer takes the
        place of `max_message_bytes`. What else is in the buffer afterwards is undefined. timeout in seconds.
        Raises as `recv`; ArgumentTypeError for what can't be written to.
        """
        return self._recv_into(buffer, timeout)

    def _recv_into(self, buffer: Any, timeout: Patience) -> Item:
        begun = self._begins(timeout)
        with _writable_view("buffer", buffer) as view:
            _size("buffer", len(view))
            found = self._inbox.quick_into(view, self._wait_ms(timeout), "recv_into")
            if found is None or isinstance(found, int):
                return self._inbox.take_into(view, self._since(timeout, begun), "recv_into", found)
            return found

    def _piece(
        self, op: str, size: int, flags: int, timeout: Timeout, view: Optional[memoryview] = None
    ) -> Optional[Item]:
        """The next piece of a message, in view if there is one, or a notification; None after the graceful end."""
        peek, timeout = _receiving(flags, timeout)
        deadline = self._deadline(timeout)
        try:
            if peek:
                item = self._inbox.peek(size, deadline, op)
                if view is not None:
                    _scatter(item, (view,))
                return item
            if view is not None:
                with self._handle.as_buffer(view) as buffer:
                    return self._inbox.take_piece(size, deadline, op, buffer, view)
            if size <= BUFFER_BYTES:
                return self._inbox.take_piece(size, deadline, op)
            size = min(size, max(BUFFER_BYTES, self._inbox.max_message_bytes))  # of memory; the rest comes later
            return self._inbox.take_piece(size, deadline, op, self._handle.new_buffer(size))
        except errors.EndOfAssociation:
            return None

    def _no_notification(self, item: Optional[Item], op: str, flags: int) -> Optional[Message]:
        if item is None or isinstance(item, Message):
            return item
        if not flags & _PEEK:
            self._inbox.put_first([item])
        detail = f"a notification is next, which {op}() can't show: use recv() or recvmsg()"
        raise errors.build(errors.WrongStyle, op, detail=detail, **self._where())


# -- arguments


def _gather(buffers: Iterable[Any]) -> Any:
    """One buffer with the bytes of all."""
    views = list(_views("buffers", buffers))
    if len(views) == 1:
        return views[0]
    return b"".join(view if view.c_contiguous else view.tobytes() for view in views)


def _views(argument: str, buffers: Iterable[Any]) -> Iterator[memoryview]:
    if isinstance(buffers, (str, bytes, bytearray, memoryview)):
        raise ArgumentTypeError(argument, f"an iterable of buffers, not one {type(buffers).__name__}")
    try:
        items = iter(buffers)
    except TypeError:
        raise ArgumentTypeError(argument, f"an iterable of buffers, not {type(buffers).__name__}") from None
    for item in items:
        yield _view(argument, item)


def _view(argument: str, item: Any) -> memoryview:
    try:
        return memoryview(item)
    except TypeError:
        raise ArgumentTypeError(argument, f"bytes or a buffer, not {type(item).__name__}") from None


def _writable_view(argument: str, item: Any) -> memoryview:
    """The bytes of a buffer, to be written to."""
    view = _view(argument, item)
    if view.readonly:
        raise ArgumentTypeError(argument, f"a writable buffer, not {type(item).__name__}")
    if not view.c_contiguous:
        raise ArgumentError(argument, "a buffer without gaps is needed")
    if view.nbytes == 0:
        return memoryview(bytearray())  # of any shape
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")


def _writable_views(buffers: Iterable[Any]) -> Iterator[memoryview]:
    for item in _views("buffers", buffers):
        view = _writable_view("buffers", item)
        if len(view):
            yield view


def _size(argument: str, size: int) -> int:
    if check_number(argument, size, sys.maxsize) == 0:
        raise ArgumentError(argument, "an empty buffer receives nothing")
    return size


def _how(ancdata: Iterable[SentAncillary]) -> _How:
    try:
        items = iter(ancdata)
    except TypeError:
        raise ArgumentTypeError("ancdata", f"an iterable of {_SENT_NAMES}, not {type(ancdata).__name__}") from None
    found: List[Any] = [None, None, None, None]
    for item in items:
        place = next((i for i, kind in enumerate(_SENT) if isinstance(item, kind)), None)
        if place is None:
            raise ArgumentTypeError("ancdata", f"{_SENT_NAMES}, not {type(item).__name__}")
        if found[place] is not None:
            raise ArgumentError("ancdata", f"{type(item).__name__} is there twice")
        found[place] = item
    return _How(*found)


def _sending(flags: int, timeout: Timeout) -> Tuple[int, Timeout]:
    """The SendFlags and the time-out that flags mean."""
    if isinstance(flags, bool) or not isinstance(flags, int):
        raise ArgumentTypeError("flags", f"an int, not {type(flags).__name__}")
    if isinstance(flags, SendFlag):
        if flags & SendFlag.EOR:  # on Linux the same number as MSG_DONTWAIT, which was added perhaps
            raise ArgumentError("flags", "EOR goes into SndInfo(flags=SendFlag.EOR); MSG_DONTWAIT goes alone")
        return check_member("flags", flags, SendFlag), timeout
    if flags & ~(_DONTWAIT | _NOSIGNAL):
        detail = "MSG_DONTWAIT and MSG_NOSIGNAL, or SendFlags alone; both together: SndInfo(flags=...) for SendFlags"
        raise ArgumentError("flags", f"{flags:#x}: {detail}")
    return 0, 0.0 if flags & _DONTWAIT else timeout


def _receiving(flags: int, timeout: Timeout) -> Tuple[bool, Timeout]:
    """Whether to peek, and the time-out, that flags mean."""
    if isinstance(flags, bool) or not isinstance(flags, int):
        raise ArgumentTypeError("flags", f"an int, not {type(flags).__name__}")
    if flags & ~(_DONTWAIT | _PEEK):
        raise ArgumentError("flags", f"{flags:#x}: MSG_PEEK and MSG_DONTWAIT are all that there is")
    return bool(flags & _PEEK), 0.0 if flags & _DONTWAIT else timeout


def _peer(address: Any) -> Optional[AddressLike]:
    """An address as `send` takes it; of the standard library's four items for IPv6 the last one is the zone."""
    if type(address) is tuple and len(address) == 4 and isinstance(address[0], str):
        host, port, _, zone = address
        address = (f"{host}%{zone}" if zone and "%" not in host else host, port)
    found: Optional[AddressLike] = address
    return found


# -- results


def _host_port(address: Optional[Address]) -> Optional[HostPort]:
    if address is None:
        return None
    return (f"{address.host}%{address.scope_id}" if address.scope_id else address.host), address.port


def _scatter(item: Optional[Item], views: Iterable[memoryview]) -> None:
    """The data of a message, one buffer after the other."""
    if not isinstance(item, Message):
        return
    data, at = memoryview(item.data), 0
    for view in views:
        part = data[at : at + len(view)]
        view[: len(part)] = part
        at += len(part)


def _described(item: Optional[Item], ancbufsize: int) -> Tuple[List[ReceivedAncillary], MsgFlag, Optional[HostPort]]:
    """Ancillary data, flags and address of what came."""
    if item is None:
        return [], MsgFlag.NONE, None
    if not isinstance(item, Message):
        return [item], MsgFlag.NOTIFICATION | MsgFlag.EOR, _host_port(item.source)
    found: List[ReceivedAncillary] = []
    if ancbufsize:
        unordered = MsgFlag.UNORDERED if item.unordered else MsgFlag.NONE
        numbers = item.ppid, item.tsn, item.cumtsn, item.context, item.assoc_id
        found.append(RcvInfo(item.stream, item.ssn, unordered, *numbers))
        following = item.next
        if following is not None:
            found.append(following)
    return found, MsgFlag(item.flags), _host_port(item.address)
