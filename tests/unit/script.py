"""A fake handle for the inbox: a script of what the stack gives, receive by receive.

It cuts messages and notifications to the size of the receive as every stack does, leaves them where they are when
peeked at, and says EAGAIN once the script is over; the same by batches, and what a batch of sends is answered. Helpers
make inboxes over it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno

from sctpffi import errors
from sctpffi._wait import Deadline
from sctpffi.backends.base import MANY_OTHER, RECEIVED, RECEIVED_STEP, RECV_OTHER, RawNotification
from sctpffi.bulk import Arena
from sctpffi.enums import AssocChangeState, Event, MsgFlag
from sctpffi.inbox import BUFFER_BYTES, Inbox
from sctpffi.lifecycle import Life, Phase
from sctpffi.messages import Message
from sctpffi.subscriptions import Wanted

DATA, NOTIFICATION, EOF = 0, 1, 2
HAS_NEXT = 8
FROM = (4, 5000, 0, bytes([10, 0, 0, 2]) + bytes(12))
EAGAIN = -errno.EAGAIN


class Script:
    """base.Handle as far as the inbox uses it: hands out scripted items, then says EAGAIN for ever."""

    def __init__(self, *items) -> None:
        self.items = list(items)
        self.calls = []  # (size, peek, timeout_ms) of every native receive
        self.batches = []  # (least, count, timeout_ms) of every one of many
        self.answers = []  # to sends of many; then all are sent
        self.parcels = []  # (messages, what they say, timeout_ms) of every one
        self.last = None
        self.words = Words()
        self.notes = {}
        for item in items:
            if isinstance(item, Note):
                self.notes[item.data] = item

    name = "script"

    def wait(self, events, timeout_ms):
        return 0

    def new_shelf(self, size):
        """Memory for many messages."""
        return Shelf(size)

    def recv_many(self, shelf, least, count, timeout_ms):
        """One native receive of many, into equal shares of the memory, until there is an error or nothing more."""
        assert isinstance(timeout_ms, int)
        assert 0 < count <= shelf.reserved
        self.batches.append((least, count, timeout_ms))
        slots = max(1, min(count, shelf.size // least))
        share = shelf.size // slots
        shelf.came = []
        while self.items and len(shelf.came) < slots:
            item = self.items[0]
            if isinstance(item, int):
                if not shelf.came:
                    return self.items.pop(0)
                if item == EAGAIN:
                    self.items.pop(0)
                break  # an error comes with the next call
            shown = item.cut(share)
            if len(item.data) <= share:
                self.items.pop(0)
            else:
                self.items[0] = item.rest(share)
            shelf.put(shown, share * len(shelf.came))
            if shown.kind == EOF:
                break
        if not all(is_plain(item.header()) for item, _ in shelf.came):
            return len(shelf.came) + MANY_OTHER
        return len(shelf.came) or EAGAIN

    def send_many(self, data, lengths, infos, timeout_ms):
        """One native send of many: notes them, and answers as it was told to, or that all were sent."""
        assert sum(lengths) == len(data)
        assert len(infos) in (1, len(lengths))
        ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
        self.parcels.append(([data[end - size : end] for size, end in zip(lengths, ends)], list(infos), timeout_ms))
        return self.answers.pop(0) if self.answers else len(lengths)

    def send_these(self, datas, lengths, infos, timeout_ms):
        """The same of messages that lie each somewhere."""
        assert [len(data) for data in datas] == list(lengths)
        return self.send_many(b"".join(datas), lengths, infos, timeout_ms)

    def new_buffer(self, size):
        """A room to receive into; its view is whatever came last."""
        assert size == BUFFER_BYTES
        return Room()

    def recv(self, room, size, peek, timeout_ms):
        """One native receive: cuts data to size and leaves the rest, as every stack does."""
        assert isinstance(timeout_ms, int)
        self.calls.append((size, peek, timeout_ms))
        if not self.items:
            return EAGAIN
        item = self.items[0]
        if isinstance(item, int):
            self.items.pop(0)
            return item
        whole = len(item.data) <= size
        shown = item.cut(size)
        if not peek:
            if whole:
                self.items.pop(0)
            else:
                self.items[0] = item.rest(size)
        self.last, room.view = shown, shown.data
        return len(shown.data)

    def sender(self):
        """The quick send; nobody sends one message by a script."""

    def receiver(self, room):
        """The quick receive, and its words: by the slow one."""

        def receive(timeout_ms):
            size = self.recv(room, BUFFER_BYTES, False, timeout_ms)
            if size >= 0:
                self.words.packed = RECEIVED.pack(*self.last.header())
                return size if is_plain(self.last.header()) else size + RECV_OTHER
            return size

        return receive, self.words

    def received(self):
        """What came with the last receive, as base.Received."""
        return self.last.header()

    def next_info(self):
        """What comes after the message of the last receive."""
        assert self.last.next is not None
        return self.last.next

    def decode(self, data, source):
        """A notification of the script by its bytes; one that was cut is of no known type."""
        if data not in self.notes:
            return RawNotification(0x10000, source=source, data=data)
        note = self.notes[data]
        return RawNotification(
            note.type,
            state=note.state,
            error=note.cause,
            out_streams=1,
            in_streams=1,
            assoc_id=note.assoc_id,
            causes=note.info,
            source=source,
            data=data,
        )


def is_plain(header):
    """Whether something is a whole message without anything special."""
    return header[0] == DATA and header[1] & ~MsgFlag.UNORDERED == MsgFlag.EOR


class Words:
    """A view of what came with the last receive."""

    packed = b""

    def __getitem__(self, part):
        return self.packed[part]


class Room:
    """base.Room."""

    view = b""


class Shelf:
    """base.Shelf over memory of ctypes, whose objects can be weakly referred to as cffi's can."""

    def __init__(self, size) -> None:
        self.size, self.reserved, self.came = size, 0, []
        self._memory = bytearray(size)

    @property
    def view(self):
        """Its bytes: slices are `bytes`."""
        return self

    def __getitem__(self, part):
        return bytes(self._memory[part])

    def exporter(self):
        """A new object that shows all of it."""
        return (ctypes.c_ubyte * self.size).from_buffer(self._memory)

    def reserve(self, count) -> None:
        """Have a place for what comes with so many."""
        self.reserved = max(self.reserved, count)

    def put(self, item, offset) -> None:
        """What one native receive gives, at its place."""
        self._memory[offset : offset + len(item.data)] = item.data
        self.came.append((item, offset))

    def items(self, count):
        """The first count of what came, each as base.Received."""
        assert count == len(self.came)
        return iter([(*item.header()[:13], offset, len(item.data)) for item, offset in self.came])

    @property
    def words(self):
        """The same as bytes."""
        step = bytes(RECEIVED_STEP - RECEIVED.size)
        return b"".join(RECEIVED.pack(*raw) + step for raw in self.items(len(self.came)))

    def places(self, count):
        """Where the bytes of each of them lie, and how many they are."""
        return iter([raw[13:15] for raw in self.items(count)])

    def next_info(self, number):
        """What comes after one of them."""
        following = self.came[number][0].next
        assert following is not None
        return following


class Piece:
    """Bytes of a message as one native receive gives them."""

    kind = DATA

    def __init__(self, data, last=True, assoc=1, stream=0, ssn=0, unordered=False, following=None) -> None:
        self.data, self.last, self.assoc = data, last, assoc
        self.stream, self.ssn, self.unordered = stream, ssn, unordered
        self.next = following  # stream, NextFlags, PPID, length and association of the message after this one

    def cut(self, size):
        """What a receive of size bytes gives."""
        if len(self.data) <= size:
            return self
        return Piece(self.data[:size], False, self.assoc, self.stream, self.ssn, self.unordered, self.next)

    def rest(self, size):
        """What it leaves."""
        return Piece(self.data[size:], self.last, self.assoc, self.stream, self.ssn, self.unordered, self.next)

    def header(self):
        """base.Received of it."""
        flags = (MsgFlag.EOR if self.last else 0) | (MsgFlag.UNORDERED if self.unordered else 0)
        flags |= HAS_NEXT if self.next is not None else 0
        return (self.kind, int(flags), self.stream, self.ssn, 46, 100, 99, 5, self.assoc, *FROM, 0, len(self.data))


class Note(Piece):
    """A notification."""

    kind = NOTIFICATION

    def __init__(self, type_, state=0, assoc=1, cause=0, info=b"", data=None) -> None:
        super().__init__(data or b"note %d %d %d" % (type_, state, assoc), True, assoc)
        self.type, self.state, self.cause, self.info, self.assoc_id = type_, state, cause, info, assoc

    def cut(self, size):
        """A piece of it; the last one has the end of record."""
        return self if len(self.data) <= size else Fragment(self.data[:size], False)

    def rest(self, size):
        """The rest of it."""
        return Fragment(self.data[size:], True)


class Fragment(Piece):
    """A notification that did not fit, or what is left of it."""

    kind = NOTIFICATION

    def cut(self, size):
        """A piece of the piece."""
        return self if len(self.data) <= size else Fragment(self.data[:size], False)

    def rest(self, size):
        """What that leaves."""
        return Fragment(self.data[size:], self.last)


class End(Piece):
    """EOF: no bytes, and on FreeBSD a zeroed rcvinfo."""

    kind = EOF

    def __init__(self) -> None:
        super().__init__(b"", False, 0)


def change(state, assoc=1, cause=0, info=b""):
    """An ASSOC_CHANGE."""
    return Note(Event.ASSOC_CHANGE, AssocChangeState[state], assoc, cause, info)


UP, DONE = change("COMM_UP"), change("SHUTDOWN_COMP")
SHUTDOWN = Note(Event.SHUTDOWN_EVENT)
DRY = Note(Event.SENDER_DRY_EVENT)


def one(*items, wanted=()):
    """The inbox of a one-to-one socket whose association is up."""
    inbox = Inbox(Script(*items), Life(Phase.UP), True)
    inbox.wanted = Wanted(wanted)
    return inbox


def many(*items, wanted=()):
    """The inbox of a one-to-many socket."""
    inbox = Inbox(Script(*items), Life(), False)
    inbox.wanted = Wanted(wanted)
    return inbox


def take(inbox, seconds=0):
    """What recv() would give."""
    return inbox.take(Deadline(seconds), "recv")


def take_many(inbox, count=64, views=False, arena=None):
    """What recv_many() would give without waiting."""
    return inbox.take_many(arena or Arena(), count, Deadline(0), "recv_many", views)


def drain(inbox):
    """All that there is to take without waiting: data of messages, and notifications."""
    found = []
    while True:
        try:
            item = take(inbox)
        except errors.WouldBlock:
            return found
        found.append(item.data if isinstance(item, Message) else item)


@contextlib.contextmanager
def another(inbox):
    """As if another thread were reading."""
    assert inbox._turn.take_now()
    yield
    inbox._turn.give()
