"""pysctp's messages over `sctpffi.Socket`: sending and receiving, with pysctp's calls and the standard library's.

Setting up and ending are in `_pysctp_socket.py`, conversions in `_pysctp_convert.py`.
"""

from __future__ import annotations

import datetime
import os
import socket
from typing import Any, Dict, List, Optional, Tuple, Union

from sctpffi import errors
from sctpffi._reading import Item
from sctpffi._wait import Deadline
from sctpffi.addresses import Address, AddressSet
from sctpffi.compat import _pysctp_convert as convert
from sctpffi.compat._pysctp_options import PysctpOptions
from sctpffi.compat._pysctp_values import (
    MSG_ABORT,
    MSG_ADDR_OVER,
    MSG_EOF,
    MSG_SENDALL,
    STYLE_TCP,
    STYLE_UDP,
    SockAddr,
    whole,
)
from sctpffi.enums import PrPolicy
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.inbox import BUFFER_BYTES
from sctpffi.messages import Message
from sctpffi.optvalues import PrInfo

_NO_SIGNAL = int(getattr(socket, "MSG_NOSIGNAL", 0))
_SEND_FLAGS = socket.MSG_DONTWAIT | socket.MSG_EOR | _NO_SIGNAL
_RECV_FLAGS = socket.MSG_DONTWAIT | socket.MSG_PEEK | socket.MSG_WAITALL | _NO_SIGNAL


class TimedOut(errors.WaitTimeout, errors.WouldBlock, socket.timeout):
    """The time that `settimeout` gave ran out.

    Under pysctp, `sctp_recv` raises BlockingIOError then, at once, and `accept` socket.timeout: this is both.
    """


def timed_out(exc: errors.SctpOSError) -> errors.SctpOSError:
    found = TimedOut(*errors.build(errors.WouldBlock, exc.op).args)
    found.__dict__.update(exc.__dict__)
    return found


class PysctpMessages(PysctpOptions):
    """The sending and receiving half of a socket."""

    ppid_in_host_order = False
    unexpected_event_raises_exception: bool
    datalogging: bool

    def _connect(self, remote: AddressSet) -> int:
        raise NotImplementedError  # `_pysctp_socket.py` has it

    # -- sending

    def sctp_send(
        self,
        msg: Union[bytes, str, bytearray, memoryview],
        to: SockAddr = ("", 0),
        ppid: Optional[int] = None,
        flags: int = 0,
        stream: Optional[int] = None,
        timetolive: Optional[int] = None,
        context: int = 0,
        record_file_prefix: str = "RECORD_sctp_traffic",
        datalogging: bool = False,
    ) -> int:
        """Send one message; its size in bytes. Text goes as UTF-8.

        to: the peer's address, numeric; what a UDP-style socket needs. ppid: in host order; if none is given,
        `adaptation`. flags: `MSG_` bits. stream, timetolive (ms): if none is given, `streamid` and `ttl`.
        record_file_prefix, datalogging: write the message to a file, too, for each one a new one.
        MSG_EOF without data shuts the association down, MSG_ABORT aborts it; on TCP-style sockets as `shutdown` and
        `abort` do.
        """
        data = msg.encode() if isinstance(msg, str) else msg
        target = convert.address_of(to, "to")
        if ppid is None:
            ppid = self.get_adaptation()
        lifetime = whole("timetolive", self._ttl if timetolive is None else timetolive, 0xFFFFFFFF)
        if datalogging is True or self.datalogging is True:
            _record(record_file_prefix, data)
        number = whole("flags", flags)
        if self._style == STYLE_TCP and number & (MSG_EOF | MSG_ABORT):
            return self._end(data, number)
        return self._send(
            data,
            target,
            number,
            stream=self._streamid if stream is None else stream,
            ppid=ppid,
            prinfo=PrInfo(PrPolicy.TTL, lifetime) if lifetime else None,
            context=context,
        )

    def _send(self, data: Any, target: Optional[Address], flags: int = 0, **more: Any) -> int:
        if self._style == STYLE_UDP:
            if target is None and not flags & MSG_SENDALL:
                detail = "a UDP-style socket needs an address to send to"
                raise errors.build(errors.NotConnected, "send", backend=self._sk.backend, detail=detail)
        elif target is not None and not flags & MSG_ADDR_OVER:
            self._check_peer(target)
            target = None  # it said to whom, not which way
        try:
            return self._sk.send(data, flags=flags, to=target, **more)
        except errors.WaitTimeout as exc:
            raise timed_out(exc) from None

    def _check_peer(self, target: Address) -> None:
        """See to it that a TCP-style socket is connected to an address, as sending to it does."""
        peers = self._sk.peer_addresses()
        if not peers:
            try:
                self._connect(AddressSet((target,), target.port))
            except errors.AlreadyConnected:
                pass  # it was: sending says how it ended
        elif target not in peers:
            detail = f"not the peer's: {target}"
            raise errors.build(errors.AddressNotAvailable, "send", backend=self._sk.backend, detail=detail)

    def _end(self, data: Any, flags: int) -> int:
        size = memoryview(data).nbytes
        if flags & MSG_ABORT:
            self._sk.abort(bytes(data))
        elif size:
            raise ArgumentError("msg", "MSG_EOF goes without data; send it first")
        else:
            self._sk.shutdown()
        return size

    def send(self, data: Any, flags: int = 0) -> int:
        """Send one message on stream 0 with PPID 0; its size in bytes."""
        return self._send(data, None, **_sending(flags))

    def sendall(self, data: Any, flags: int = 0) -> None:
        """As `send`."""
        self.send(data, flags)

    def sendto(self, data: Any, *arguments: Any) -> int:
        """Send one message to an address: `sendto(data, address)` or `sendto(data, flags, address)`."""
        if len(arguments) not in (1, 2):
            raise ArgumentTypeError("address", "give data and address, or data, flags and address")
        address = convert.resolve(arguments[-1], self._family, "address")
        target = address.hosts[0] if address.hosts else None
        return self._send(data, target, **_sending(arguments[0] if len(arguments) == 2 else 0))

    # -- receiving

    def sctp_recv(self, maxlen: int) -> convert.Received:
        """Receive a message, or a notification that is switched on: (address, flags, message, details).

        A message of more than maxlen bytes comes in pieces, the last with FLAG_EOR. A notification has
        FLAG_NOTIFICATION, and None for a message. After a graceful end: (None, 0, b"", sndrcvinfo()).
        """
        try:
            item = self._take(whole("maxlen", maxlen, 0x7FFFFFFF), self._patience())
        except errors.EndOfAssociation:
            return convert.ended()
        if self.unexpected_event_raises_exception and not convert.is_known(item):
            detail = "a notification of a type that pysctp does not know"
            raise errors.build(errors.SctpOSError, "sctp_recv", backend=self._sk.backend, detail=detail)
        return convert.received(item, convert.View(self._shows_mapped, self.ppid_in_host_order, bool(self._data_io)))

    def _patience(self, flags: int = 0) -> Deadline:
        now = flags & socket.MSG_DONTWAIT or self._no_more_reading
        return Deadline(0.0 if now else self._sk.gettimeout())

    def _take(self, size: int, deadline: Deadline) -> Item:
        """The next notification or piece of a message, of at most size bytes. Raises EndOfAssociation."""
        try:
            item = self._sk.recv_partial(min(size, BUFFER_BYTES), timeout=deadline.left())
            if isinstance(item, Message) and not item.complete and size > BUFFER_BYTES:
                self._lengthen(item, size)
            return item
        except errors.WouldBlock as exc:
            if self._no_more_reading:
                raise errors.EndOfAssociation("sctp_recv: shut down for reading") from None
            raise exc if deadline.seconds == 0 else timed_out(exc) from None
        except errors.WaitTimeout as exc:
            raise timed_out(exc) from None

    def _lengthen(self, item: Message, size: int) -> None:
        """Add to a piece what is there of the rest, up to size bytes, as if the buffer were as large as that."""
        pieces: List[bytes] = [item.data]
        left = size - len(item.data)
        while left and not item.complete:
            try:
                following = self._sk.peek(1, timeout=0)
                if not isinstance(following, Message) or _which(following) != _which(item):
                    break
                following = self._sk.recv_partial(min(left, BUFFER_BYTES), timeout=0)
            except errors.Error:
                break  # it says the same to whoever asks next
            assert isinstance(following, Message)
            pieces.append(following.data)
            left -= len(following.data)
            item._raw = following._raw  # its flags: whether the message ends there
        item.data = b"".join(pieces)

    def _take_plain(self, bufsize: int, flags: int) -> Optional[Message]:
        """What `recv` gives: the next piece of a message, notifications left out; None after a graceful end."""
        if whole("flags", flags) & ~_RECV_FLAGS:
            raise ArgumentError("flags", f"{flags:#x}: of the flags of recv, MSG_PEEK and MSG_DONTWAIT can be had")
        size = whole("bufsize", bufsize, 0x7FFFFFFF)
        deadline = self._patience(flags)
        try:
            while True:
                if flags & socket.MSG_PEEK:
                    seen = self._peek(size, deadline)
                    if seen is not None:
                        return seen
                item = self._take(size, deadline)
                if isinstance(item, Message):
                    return item
        except errors.EndOfAssociation:
            return None

    def _peek(self, size: int, deadline: Deadline) -> Optional[Message]:
        try:
            item = self._sk.peek(min(size, BUFFER_BYTES), timeout=deadline.left())
        except errors.WaitTimeout as exc:
            raise timed_out(exc) from None
        return item if isinstance(item, Message) else None

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Receive a message, or at most bufsize bytes of it; b"" after a graceful end. Notifications are dropped."""
        message = self._take_plain(bufsize, flags)
        return b"" if message is None else message.data

    def recvfrom(self, bufsize: int, flags: int = 0) -> Tuple[bytes, Optional[Tuple[Any, ...]]]:
        """As `recv`, with the address that the message came from."""
        message = self._take_plain(bufsize, flags)
        if message is None:
            return b"", None
        address = message.address
        return message.data, None if address is None else convert.name_of(address, self._family, self._shows_mapped)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As `recv`, into a buffer; how many bytes."""
        return self.recvfrom_into(buffer, nbytes, flags)[0]

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> Tuple[int, Optional[Tuple[Any, ...]]]:
        """As `recvfrom`, into a buffer; how many bytes."""
        view = memoryview(buffer).cast("B")
        data, address = self.recvfrom(nbytes or view.nbytes, flags)
        view[: len(data)] = data
        return len(data), address


def _which(message: Message) -> Tuple[int, int, int, bool]:
    """What pieces of one message have in common."""
    return message.assoc_id, message.stream, 0 if message.unordered else message.ssn, message.unordered


def _sending(flags: int) -> Dict[str, Any]:
    """The arguments of `Socket.send` that flags of the standard library mean."""
    if whole("flags", flags) & ~_SEND_FLAGS:
        raise ArgumentError("flags", f"{flags:#x}: of the flags of send, MSG_DONTWAIT can be had")
    return {"timeout": 0} if flags & socket.MSG_DONTWAIT else {}


def _record(prefix: str, data: Any) -> None:
    """Write a message to a file of its own."""
    stem = f"{prefix}-{datetime.datetime.now():%Y%m%d%H%M%S}-c2s."
    number = 1
    while os.path.exists(f"{stem}{number}"):
        number += 1
    with open(f"{stem}{number}", "wb") as file:
        file.write(data)
