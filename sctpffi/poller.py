"""Poller: receives from many sockets, in one thread or several, by the batch: to an iterator, a callback or a queue.

It watches descriptors by epoll (Linux) or kqueue (BSD, macOS), those of usrsctp too, and reads by `recv_many`. What is
in a batch is `inbox.py`'s affair; nothing is sent here.
"""

from __future__ import annotations

import select
import socket
import threading
import warnings
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterator, List, NamedTuple, Optional, Protocol, Union

from sctpffi._wait import NO_WAIT, Deadline, check_timeout
from sctpffi.bulk import MOST, Arena
from sctpffi.connection import Connection
from sctpffi.endpoint import Endpoint
from sctpffi.errors import (
    ArgumentError,
    ArgumentTypeError,
    ClosedError,
    Error,
    ReceiveLimitExceeded,
    ResourceBusy,
    WouldBlock,
)
from sctpffi.listener import Listener
from sctpffi.options import check_number
from sctpffi.sockets import Socket

__all__ = ["Batch", "Poller"]

Source = Union[Connection, Endpoint, Listener, Socket]
_AT_ONCE = 64  # descriptors that one look gives a single thread
_MANY_THREADS = 1024


class Batch(NamedTuple):
    """What came from one source.

    source: the object that was added. items: messages and notifications in their order of arrival; of a Listener new
    Connections. error: why nothing more comes, and then it is watched no longer; or ReceiveLimitExceeded, after which
    it goes on. Either items or error.
    """

    source: Any
    items: List[Any]
    error: Optional[Error] = None


class _Watcher(Protocol):
    """What the platform has: which descriptors are readable."""

    def add(self, fd: int, once: bool, exclusive: bool) -> None: ...
    def again(self, fd: int) -> None:
        """After once: watch it again."""

    def remove(self, fd: int) -> None: ...
    def wait(self, seconds: Optional[float], most: int) -> List[int]: ...
    def close(self) -> None: ...


class _Epoll:
    """Linux: EPOLLONESHOT gives a descriptor to one thread, EPOLLEXCLUSIVE to one of several pollers."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def add(self, fd: int, once: bool, exclusive: bool) -> None:
        flags = (select.EPOLLONESHOT if once else 0) | (_EPOLLEXCLUSIVE if exclusive else 0)
        self._epoll.register(fd, select.EPOLLIN | flags)

    def again(self, fd: int) -> None:
        self._epoll.modify(fd, select.EPOLLIN | select.EPOLLONESHOT)

    def remove(self, fd: int) -> None:
        self._epoll.unregister(fd)

    def wait(self, seconds: Optional[float], most: int) -> List[int]:
        return [fd for fd, _ in self._epoll.poll(-1 if seconds is None else seconds, most)]  # PyPy takes no None

    def close(self) -> None:
        self._epoll.close()


class _Kqueue:
    """BSD and macOS: EV_DISPATCH gives a descriptor to one thread; a kqueue has no such thing for several pollers."""

    def __init__(self) -> None:
        self._kqueue = select.kqueue()  # type: ignore[attr-defined,unused-ignore]  # not on Linux

    def _change(self, fd: int, flags: int) -> None:
        event = select.kevent(fd, select.KQ_FILTER_READ, flags)  # type: ignore[attr-defined,unused-ignore]  # as above
        self._kqueue.control([event], 0)

    def add(self, fd: int, once: bool, exclusive: bool) -> None:
        self._change(fd, select.KQ_EV_ADD | (_EV_DISPATCH if once else 0))  # type: ignore[attr-defined,unused-ignore]  # as above

    def again(self, fd: int) -> None:
        self._change(fd, select.KQ_EV_ENABLE)  # type: ignore[attr-defined,unused-ignore]  # as above

    def remove(self, fd: int) -> None:
        self._change(fd, select.KQ_EV_DELETE)  # type: ignore[attr-defined,unused-ignore]  # as above

    def wait(self, seconds: Optional[float], most: int) -> List[int]:
        return [event.ident for event in self._kqueue.control(None, most, seconds)]

    def close(self) -> None:
        self._kqueue.close()


# Where the select module has no name for it: PyPy; CPython (<sys/event.h>).
_EPOLLEXCLUSIVE = getattr(select, "EPOLLEXCLUSIVE", 1 << 28)
_EV_DISPATCH = 0x80
_PLATFORM: Callable[[], _Watcher] = _Epoll if hasattr(select, "epoll") else _Kqueue


class _Entry:
    """One source that is watched."""

    __slots__ = ("_before", "_going", "_stored", "busy", "fd", "gone", "later", "queued", "sock", "source")

    def __init__(self, source: Source, sock: Socket) -> None:
        self.source = source
        self.sock = sock
        self.fd = sock.fileno()
        self.busy = False  # a thread has it
        self.queued = False  # it is among those that are ready
        self.later = False  # something came while a thread had it, which does not show at the descriptor
        self.gone = False

    def watch(self, poller: Poller) -> None:
        """Hear of its close, and of what others read early."""
        before = self._before = self.sock._keeper

        def going(close: Callable[[], None]) -> bool:
            poller._forget(self)
            return before is not None and before(close)

        def stored() -> None:
            poller._stored(self)

        self._going, self._stored = going, stored
        self.sock._keeper = going
        self.sock._inbox.on_store.append(stored)

    def unwatch(self) -> None:
        """Hear no more of it."""
        if self.sock._keeper is self._going:
            self.sock._keeper = self._before
        if self._stored in self.sock._inbox.on_store:
            self.sock._inbox.on_store.remove(self._stored)


class Poller:
    """Watches Connections, Endpoints, Listeners and Sockets, and gives what they receive by the batch.

    count: the most messages of a batch. views: have their data stay in memory that the thread's next batch uses again,
    see `Socket.recv_many`. threads: how many may take batches at the same time.
    A source is with one thread at a time, until that takes its next batch: so the messages of one source are dealt with
    in order, and a source wakes one thread. Sources stay the caller's: nothing is closed here.
    Iterating gives `Batch`es until it is closed, each iterator for a thread of its own; or see `run` and `feed`.
    A Poller is not to be used in a forked child.
    Availability: every backend. Concurrency: any thread, but for `threads`.
    """

    def __init__(self, *, count: int = 64, views: bool = False, threads: int = 1) -> None:
        for name, value, most in (("count", count, MOST), ("threads", threads, _MANY_THREADS)):
            if check_number(name, value, most) == 0:
                raise ArgumentError(name, "0 would receive nothing")
        self._count = count
        self._views = views
        self._threads = threads
        self._taking = 0  # iterators that run
        self._looking = 0  # threads that use the watcher
        self._closed = False
        self._lock = threading.Lock()  # of all below; never held while something waits
        self._entries: Dict[int, _Entry] = {}
        self._ready: Deque[_Entry] = deque()
        self._watcher = _PLATFORM()
        self._bell, self._ringer = socket.socketpair()  # readable: look again, or for good once it is closed
        self._bell.setblocking(False)
        self._ringer.setblocking(False)
        self._watcher.add(self._bell.fileno(), False, False)

    # -- what is watched

    def add(self, source: Source, *, exclusive: bool = False) -> None:
        """Watch it from now on; also while threads wait.

        exclusive: where several Pollers watch the same socket, of one thread each, have one of them woken and not all
        (Linux, EPOLLEXCLUSIVE; elsewhere all are); then which of them gets a message is open.
        Raises ArgumentTypeError, ArgumentError if it is watched already, ClosedError.
        """
        sock = source if isinstance(source, Socket) else getattr(source, "socket", None)
        if not isinstance(sock, Socket) or not isinstance(source, (Connection, Endpoint, Listener, Socket)):
            detail = f"a Connection, Endpoint, Listener or Socket, not {type(source).__name__}"
            raise ArgumentTypeError("source", detail)
        if exclusive and self._threads > 1:
            raise ArgumentError("exclusive", "threads of one Poller share a source anyway; this is for several Pollers")
        entry = _Entry(source, sock)
        with self._lock:
            self._check_open()
            if entry.fd in self._entries:
                raise ArgumentError("source", "it is watched already")
            self._watcher.add(entry.fd, self._threads > 1, exclusive)
            self._entries[entry.fd] = entry
        entry.watch(self)
        self._stored(entry)  # what was read early does not show at the descriptor

    def remove(self, source: Source) -> None:
        """Watch it no longer. A batch of it that a thread has already stays that thread's. Raises ArgumentError."""
        for entry in list(self._entries.values()):
            if entry.source is source:
                self._forget(entry)
                return
        raise ArgumentError("source", "it is not watched")

    def _forget(self, entry: _Entry) -> None:
        with self._lock:
            if not entry.gone:
                entry.gone = True
                del self._entries[entry.fd]
                self._watcher.remove(entry.fd)
        entry.unwatch()

    def __contains__(self, source: object) -> bool:
        return any(entry.source is source for entry in list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    # -- what is ready

    def _stored(self, entry: _Entry) -> None:
        """Called by whoever has read something that is to be delivered later."""
        if not entry.sock._inbox.waiting():
            return
        with self._lock:
            if entry.gone or entry.queued:
                return
            if entry.busy:
                entry.later = True
                return
            entry.queued = True
            self._ready.append(entry)
        self._ring()

    def _ring(self) -> None:
        try:
            self._ringer.send(b"\0")
        except OSError:
            pass  # it rings already, or is closed

    def _next(self, deadline: Deadline) -> Optional[_Entry]:
        """A source with something to read, which is the caller's until `_done`; None: closed, or the time is up."""
        most = _AT_ONCE if self._threads == 1 else 1
        while True:
            with self._lock:
                if self._closed:
                    return None
                while self._ready:
                    entry = self._ready.popleft()
                    entry.queued = False
                    if not entry.gone and not entry.busy:
                        entry.busy = True
                        return entry
                self._looking += 1
            found: List[int] = []
            try:
                found = self._watcher.wait(deadline.left(), most)
            finally:
                with self._lock:
                    self._looking -= 1
                    for fd in found:
                        self._found(fd)
                    self._release()
            if not found and deadline.left_ms() == 0:
                return None

    def _found(self, fd: int) -> None:
        entry = self._entries.get(fd)
        if entry is not None:
            if not entry.busy and not entry.queued:
                entry.queued = True
                self._ready.append(entry)
        elif not self._closed and fd == self._bell.fileno():
            try:
                self._bell.recv(64)
            except BlockingIOError:
                pass  # another thread was quicker

    def _done(self, entry: _Entry) -> None:
        waiting = entry.sock._inbox.waiting()
        with self._lock:
            entry.busy = False
            if entry.gone or self._closed:
                return
            if entry.later or waiting:
                entry.later = False
                entry.queued = True
                self._ready.append(entry)
            if self._threads > 1:
                self._watcher.again(entry.fd)
        if waiting and self._threads > 1:
            self._ring()

    # -- taking

    def _read(self, entry: _Entry, arena: Arena) -> Optional[Batch]:
        """A batch of a source; None if there was nothing for the user."""
        source = entry.source
        try:
            if isinstance(source, Listener):
                return Batch(source, self._accepted(source))
            items = entry.sock._inbox.take_many(arena, self._count, NO_WAIT, "recv_many", self._views)
            return Batch(source, list(items))
        except WouldBlock:
            return None
        except Error as exc:
            if not isinstance(exc, ReceiveLimitExceeded):
                self._forget(entry)
            # It is told, not raised; its traceback would keep the iteration alive.
            return None if isinstance(exc, ClosedError) else Batch(source, [], exc.with_traceback(None))

    def _accepted(self, listener: Listener) -> List[Any]:
        found: List[Any] = [listener.accept(timeout=0)[0]]
        while len(found) < self._count:
            try:
                found.append(listener.accept(timeout=0)[0])
            except Error:
                break  # no more, or what the next look says
        return found

    def batches(self, *, timeout: Optional[float] = None) -> Batches:
        """Batches until it is closed, or until nothing has come for timeout seconds; what iterating does.

        Raises ResourceBusy if `threads` do so already.
        """
        return Batches(self, check_timeout(timeout))

    def __iter__(self) -> Batches:
        return self.batches()

    def _enter(self) -> None:
        with self._lock:
            self._check_open()
            if self._taking == self._threads:
                detail = f"{self._threads} at a time take batches, and do so; Poller(threads=...) allows for more"
                raise ResourceBusy(f"batches: {detail}")
            self._taking += 1

    def _leave(self) -> None:
        with self._lock:
            self._taking -= 1

    def _release(self) -> None:
        """Give the descriptors back once nobody uses them; with the lock held."""
        if self._closed and self._looking == 0:
            self._watcher.close()
            self._bell.close()
            self._ringer.close()

    def run(self, callback: Callable[[Batch], object]) -> None:
        """Call callback with each batch, in as many threads as `threads` says, this one among them, until it is closed.

        What callback raises ends all of it and is raised here, once every thread has returned.
        """
        if not callable(callback):
            raise ArgumentTypeError("callback", f"something to call, not {type(callback).__name__}")
        failures: List[BaseException] = []

        def take(batches: Batches) -> None:
            try:
                with batches:
                    for batch in batches:
                        callback(batch)
            except BaseException as exc:  # noqa: BLE001  # it is raised below, in the thread that called
                failures.append(exc)
                self.close()

        shares = [self.batches() for _ in range(self._threads)]
        others = [threading.Thread(target=take, args=(share,), daemon=True) for share in shares[1:]]
        for thread in others:
            thread.start()
        take(shares[0])
        for thread in others:
            thread.join()
        if failures:
            raise failures[0]

    def feed(self, queue: Any) -> None:
        """Put each batch into queue, `queue.Queue` or whatever has `put`, as `run` does; a full one makes it wait.

        The batches of one source come in order. Not with views, which would end before they are taken out.
        """
        if self._views:
            raise ArgumentError("queue", "views of a batch end with the next one: Poller(views=False) for queues")
        put = getattr(queue, "put", None)
        if put is None:
            raise ArgumentTypeError("queue", f"something with put(), not {type(queue).__name__}")
        self.run(put)

    # -- ending

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("poller: it is closed")

    def close(self) -> None:
        """Watch nothing any more; every thread's iteration ends. Any number of times, from any thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            entries = list(self._entries.values())
        for entry in entries:
            self._forget(entry)
        self._ring()
        with self._lock:
            self._release()

    def __enter__(self) -> Poller:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{len(self._entries)} sources"
        return f"<sctpffi.Poller {state}>"


class Batches(Iterator[Batch]):
    """The batches that one thread takes from a Poller. Leaving it by `with` or `close` gives its last source back."""

    def __init__(self, poller: Poller, limit: Optional[float]) -> None:
        self._over = True
        poller._enter()
        self._over = False
        self._poller = poller
        self._limit = limit
        self._arena = Arena()
        self._entry: Optional[_Entry] = None

    def __next__(self) -> Batch:
        self._give_back()
        deadline = Deadline(self._limit)
        while not self._over:
            entry = self._poller._next(deadline)
            if entry is None:
                break
            self._entry = entry
            batch = self._poller._read(entry, self._arena)
            if batch is not None:
                return batch
            self._give_back()
        self.close()
        raise StopIteration

    def _give_back(self) -> None:
        entry, self._entry = self._entry, None
        if entry is not None:
            self._poller._done(entry)

    def close(self) -> None:
        """Take no more. Any number of times."""
        if not self._over:
            self._over = True
            self._give_back()
            self._poller._leave()

    def __enter__(self) -> Batches:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
