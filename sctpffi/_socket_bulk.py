"""SocketBulk: many messages with one native call, either way (RFC 6458 leaves that to the stacks).

What a message may say and what a failure means is in `_socket_send.py`, what is in a batch that came in `inbox.py`.
"""

from __future__ import annotations

import errno
from array import array
from typing import Any, Dict, Iterable, List, NamedTuple, Optional

from sctpffi import errors
from sctpffi._reading import Item
from sctpffi._socket_base import UNSET, Timeout
from sctpffi._socket_send import SocketSending, payload
from sctpffi._wait import Deadline
from sctpffi.addresses import AddressLike
from sctpffi.backends.base import Outgoing as Packed
from sctpffi.bulk import MOST, Arena, Outgoing
from sctpffi.enums import SendFlag
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.lifecycle import Phase
from sctpffi.options import check_number
from sctpffi.optvalues import PrInfo

BATCH = 64
_COPIED_BYTES = 8192  # longer messages are not copied together for a native call: a pointer to each costs less
_AT_ONCE_BYTES = 1048576  # that are copied together for one
_ENDING = SendFlag.ABORT | SendFlag.EOF
_ADDR_OVER = int(SendFlag.ADDR_OVER)
_PLAIN = Outgoing(b"")


class Parcel(NamedTuple):
    """Messages that were checked: the data of each, what each says or what all say, and how long they are."""

    datas: List[bytes]
    infos: List[Packed]
    sizes: array[int]
    longest: int


class SocketBulk(SocketSending):
    """The bulk calls of a socket."""

    _arena: Optional[Arena] = None

    def recv_many(
        self,
        count: int = BATCH,
        *,
        views: bool = False,
        arena: Optional[Arena] = None,
        timeout: Timeout = UNSET,
    ) -> List[Item]:
        """Receive up to count messages and notifications with one native call, in their order of arrival.

        Waits for the first as `recv` does, then takes what is there. An error after the first comes with the next call,
        and nothing is lost. count: 1..65536. timeout in seconds.
        views: `data` of the messages are memoryviews, valid until the next call that uses the same memory: then they
        are released, so that using them raises ValueError; if a slice of one is still in use that call raises
        ResourceBusy (on CPython; elsewhere such a slice shows other bytes). A message that came in pieces is bytes.
        arena: the memory to read into, `sctpffi.bulk.Arena`; None is one of the socket's own, which it keeps.
        Raises as `recv`. Concurrency: readers take turns.
        """
        arena = self._check_many(count, arena)
        return self._inbox.take_many(arena, count, self._deadline(timeout), "recv_many", views)

    def _check_many(self, count: int, arena: Optional[Arena]) -> Arena:
        """Check what `recv_many` was given; the memory to use."""
        if check_number("count", count, MOST) == 0:
            raise ArgumentError("count", "0 messages are received without a call")
        if arena is None:
            arena = self._arena = self._arena or Arena()
        elif not isinstance(arena, Arena):
            raise ArgumentTypeError("arena", f"an Arena or None, not {type(arena).__name__}")
        return arena

    def send_many(
        self,
        messages: Iterable[Any],
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
        timeout: Timeout = UNSET,
    ) -> int:
        """Send many messages, each whole or not at all, in their order; returns how many were sent.

        messages: of bytes or any buffer, or `sctpffi.bulk.Outgoing`, which says what differs from the rest, as `send`
        takes it: all are checked before the first is sent. timeout: seconds to wait for room, for all of them.
        It is fewer than there are if the time ran out or something failed after the first: what stopped it comes with
        the next call. If nothing was sent it raises as `send` does; ArgumentError names the message. Not with
        `opts.explicit_eor` on FreeBSD and usrsctp (UnsupportedOption), nor with the flags EOF and ABORT.
        Concurrency: any number of threads; each message stays whole.
        """
        parcel = self._parcel(
            messages, Outgoing(b"", stream, ppid, unordered, ttl, prinfo, context, flags, assoc_id, to)
        )
        return self._send_parcel(parcel, 0, self._deadline(timeout))

    def _send_parcel(self, parcel: Parcel, start: int, deadline: Deadline) -> int:
        """Send a parcel from one message on; how many were sent."""
        _, infos, sizes, _ = parcel
        if start == len(sizes):
            return 0
        if self._one and (self._life.phase is not Phase.UP or self._life.shut_down):
            self._check_sendable(deadline)
        sent = start
        while sent < len(sizes):
            code = self._send_some(parcel, sent, deadline.shim_ms())
            if code > 0:
                sent += code
            elif code != -errno.EINTR:
                if sent > start:
                    break  # the next call says it
                raise self._many_failed(code, sizes[sent], infos[0 if len(infos) == 1 else sent], deadline)
        return sent - start

    def _send_some(self, parcel: Parcel, start: int, wait_ms: int) -> int:
        """One native call, with as many messages as go into it."""
        datas, infos, sizes, longest = parcel
        copied = longest <= _COPIED_BYTES
        end = _stretch(sizes, start) if copied else len(sizes)
        datas, sizes = datas[start:end], sizes[start:end]
        infos = infos if len(infos) == 1 else infos[start:end]
        if copied:
            return self._handle.send_many(b"".join(datas), sizes, infos, wait_ms)
        return self._handle.send_these(datas, sizes, infos, wait_ms)

    def _many_failed(self, code: int, size: int, info: Packed, deadline: Deadline) -> errors.Error:
        found = self._send_failed(code, size, info.stream, info.assoc_id, deadline, info.to, None, None, "send_many")
        if isinstance(found, errors.UnsupportedOption):
            found.detail = f"{self.backend} can't send many with one of these flags, or with explicit_eor"
        return found

    def _parcel(self, messages: Iterable[Any], common: Outgoing) -> Parcel:
        """All messages, checked; nothing is sent."""
        given = as_list(messages)
        if set(map(type, given)) - {bytes}:
            infos = self._unwrap(given, common)
        else:
            infos = [self._packed(common)] if given else []
        lengths = [*map(len, given)]
        if 0 in lengths:
            raise ArgumentError(f"messages[{lengths.index(0)}]", "an SCTP message is never empty")
        return Parcel(given, infos, array("I", lengths), max(lengths, default=0))

    def _unwrap(self, given: List[Any], common: Outgoing) -> List[Packed]:
        """Make bytes of what is given, and return what each message says; one for all if they say the same."""
        known: Dict[Any, Packed] = {}
        infos: List[Packed] = []
        for number, message in enumerate(given):
            own = message if isinstance(message, Outgoing) else _PLAIN
            data = message.data if isinstance(message, Outgoing) else message
            try:
                infos.append(self._own(own, common, known))
                given[number] = data if type(data) is bytes else bytes(payload(data)[0])
            except (ArgumentError, ArgumentTypeError) as exc:
                if not _is_of_all(exc.argument, own, common):
                    exc.argument = f"messages[{number}].{exc.argument}"
                    exc.args = (exc.argument, exc.message)
                raise
        return infos if len(known) > 1 else infos[:1]

    def _own(self, message: Outgoing, common: Outgoing, known: Dict[Any, Packed]) -> Packed:
        """What one message says; many say the same, so what was found once is kept."""
        if message is _PLAIN:
            key: Any = None
        else:  # 1, True and 1.0 are equal, and not all of them are numbers of a stream
            key = (*message[1:-1], repr(message.to), *map(type, message[1:-1]))
        try:
            found = known.get(key)
        except TypeError:  # not hashable, hence none of what may stand there
            found, key = None, object()
        if found is None:
            if message.ttl is not None or message.prinfo is not None:
                common = common._replace(ttl=None, prinfo=None)
            if message.assoc_id is not None or message.to is not None:
                common = _without_target(message, common)
            whole = (own if own is not None else general for own, general in zip(message, common))
            found = known[key] = self._packed(Outgoing(*whole))
        return found

    def _packed(self, message: Outgoing) -> Packed:
        """What a message says, checked, as a backend takes it."""
        _, stream, ppid, unordered, ttl, prinfo, context, flags, assoc_id, to = message
        number_id = assoc_id or 0
        said = self._said(stream, ppid, bool(unordered), ttl, prinfo, context, flags or 0, number_id, to)
        number = said[2]
        if number & _ENDING:
            raise ArgumentError("flags", "EOF and ABORT go alone, by send()")
        target = None
        if self._one:
            if to is not None:
                target = self._path(to)
                number |= _ADDR_OVER
        else:
            target, others = self._target(number_id, to, number)
            if others:
                raise ArgumentError("to", "one address; connect() first to a peer that has several")
        return Packed(number_id, said[0], said[1], number, said[3], said[4], said[5], target)


def as_list(messages: Iterable[Any]) -> List[Any]:
    """A list of what was given to `send_many`."""
    if isinstance(messages, (bytes, bytearray, memoryview, str, Outgoing)):
        detail = f"a sequence of messages, not one {type(messages).__name__}; send() sends one"
        raise ArgumentTypeError("messages", detail)
    try:
        items = iter(messages)
    except TypeError:
        raise ArgumentTypeError("messages", f"a sequence, not {type(messages).__name__}") from None
    return list(items)


def _is_of_all(argument: str, message: Outgoing, common: Outgoing) -> bool:
    """Whether a wrong argument is one that the call gave for all messages."""
    name = argument.partition(".")[0]
    said = getattr(common, name, None)
    return name != "data" and getattr(message, name, None) is None and (bool(said) or (name == "ttl" and said == 0))


def _without_target(message: Outgoing, common: Outgoing) -> Outgoing:
    """What the call says of all, but for the association that a message chooses itself.

    An address with ADDR_OVER is a path of the association that the call names.
    """
    flags = common.flags if message.flags is None else message.flags
    if message.to is None:
        return common._replace(to=None)
    if isinstance(flags, int) and flags & _ADDR_OVER:
        return common
    return common._replace(assoc_id=0)


def _stretch(sizes: array[int], start: int) -> int:
    """The end of what is copied together for one native call."""
    room = _AT_ONCE_BYTES - sizes[start]
    end = start + 1
    while end < len(sizes) and sizes[end] <= room:
        room -= sizes[end]
        end += 1
    return end
