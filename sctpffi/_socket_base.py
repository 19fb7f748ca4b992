"""SocketBase: what every socket has, whatever it does: state, time, addresses, subscriptions, options, closing.

`sockets.py` adds setting up, sending and receiving. No stack's number and no cffi object comes this high.
"""

from __future__ import annotations

import errno
import math
import threading
import warnings
import weakref
from time import monotonic
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Optional, Set, Tuple, Union

from sctpffi import errors
from sctpffi._wait import NO_WAIT, Deadline, OwnDeadline, check_timeout
from sctpffi.addresses import Address, AddressLike, AddressSet, parse, parse_hosts, resolve_any
from sctpffi.backends.base import Backend, Handle
from sctpffi.enums import AssocId, Event, Style
from sctpffi.errors import ArgumentError
from sctpffi.inbox import Inbox
from sctpffi.lifecycle import Life, Phase
from sctpffi.options import Options, check_number
from sctpffi.optvalues import PrInfo, SndInfo
from sctpffi.subscriptions import INTERNAL

READ, WRITE = 1, 2
OWN_MS = -2  # to a backend: the socket's own time-out, of which nothing has passed


class _Unset:
    """The type of "take the socket's own time-out"."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()
Timeout = Union[float, None, _Unset]
Patience = Union[Timeout, Deadline]  # what a call within a call gets: the time is the outer one's


class SocketBase:
    """State and plain operations of a socket; see `Socket`."""

    _closed = True  # until there is something to close
    opts: Options  # made by `_socket_options.py`

    def _setup(self, backend: Backend, handle: Handle, family: int, style: Style, life: Life) -> None:
        self._backend = backend
        self._handle = handle
        self._send_plain = handle.sender()
        self._family = family
        self._style = style
        self._life = life
        self._one = style is not Style.ONE_TO_MANY
        self._timeout: Optional[float] = None
        self._listening = False
        self._local: Optional[str] = None
        self._remote: Optional[str] = None
        self._peer_port = 0
        self._binding = threading.Lock()  # bind_add and bind_remove look first what is bound, then change it
        self._has_defaults = False  # opts.default_sndinfo or default_prinfo was set
        self._known_defaults: Optional[Tuple[SndInfo, PrInfo]] = None  # what they are, once asked for
        # Associations that peeloff gave sockets of their own, and their peers' addresses.
        self._peeled: List[Tuple[weakref.ReferenceType[SocketBase], FrozenSet[Address]]] = []
        # Of whoever has registered the descriptor with a selector: told that it goes; whether he will close it himself.
        self._keeper: Optional[Callable[[Callable[[], None]], bool]] = None
        self._inbox = Inbox(handle, life, self._one)
        self._inbox.where = self._where()
        self._closed = False

    # -- what it is

    @property
    def backend(self) -> str:
        """The stack's name."""
        return self._backend.name

    @property
    def family(self) -> int:
        """4 or 6."""
        return self._family

    @property
    def style(self) -> Style:
        """One-to-one, one-to-many, or peeled off."""
        return self._style

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def fileno(self) -> int:
        """A descriptor for selectors: readable when something may be read, writable when a send may succeed.

        usrsctp has no descriptors; there it is one end of a socket pair that means the same and must not be
        read or written. On FreeBSD it may look writable when a send would wait (see docs/differences.md).
        Raises ClosedError. Concurrency: any thread.
        """
        return self._handle.fileno()

    def __repr__(self) -> str:
        state = "closed" if self._closed else self._life.phase.value if self._one else "open"
        ends = f" {self._local or ''}->{self._remote or ''}" if self._local or self._remote else ""
        return f"<sctpffi.Socket {self.backend} {self._style.name}{ends} {state}>"

    def _where(self) -> Dict[str, Any]:
        return {"backend": self._backend.name, "local": self._local, "remote": self._remote}

    def _locate(self, local: Optional[object] = None, remote: Optional[object] = None) -> None:
        if local is not None:
            self._local = str(local)
        if remote is not None:
            self._remote = str(remote)
        self._inbox.where = self._where()

    def _error(self, code: int, op: str, assoc_id: int = 0) -> errors.Error:
        return errors.from_code(code, op, assoc_id=assoc_id or None, **self._where())

    def _alive(self, op: str) -> None:
        if self._closed:
            raise errors.build(errors.ClosedError, op, **self._where())

    def _located(self, exc: errors.SctpOSError, local: object = None, remote: object = None) -> errors.SctpOSError:
        exc.local = str(local) if local is not None else self._local
        exc.remote = str(remote) if remote is not None else self._remote
        return exc

    # -- time

    def settimeout(self, timeout: Optional[float]) -> None:
        """Set the time-out in seconds for calls that give none; None waits for ever, 0 does not wait.

        Calls that wait by it already, in other threads, obey at once, counted from when they began.
        Raises ArgumentError, ClosedError. Concurrency: any thread.
        """
        seconds = check_timeout(timeout)
        self._timeout = seconds
        self._handle.set_timeout(-1 if seconds is None else math.ceil(seconds * 1000))

    def gettimeout(self) -> Optional[float]:
        """The time-out in seconds for calls that give none."""
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        """`settimeout(None)` or `settimeout(0)`."""
        self.settimeout(None if flag else 0.0)

    def _deadline(self, timeout: Patience) -> Deadline:
        if isinstance(timeout, _Unset):
            return OwnDeadline(self)
        if isinstance(timeout, Deadline):
            return timeout
        return Deadline(check_timeout(timeout))

    # For every message: no Deadline is made unless something goes another way than usual.

    def _wait_ms(self, timeout: Patience) -> int:
        """How long a call that begins now may wait, as a backend takes it."""
        if timeout is NO_WAIT:
            return 0
        if isinstance(timeout, _Unset):
            return 0 if self._timeout == 0 else OWN_MS
        if isinstance(timeout, Deadline):
            return timeout.shim_ms()
        seconds = check_timeout(timeout)
        return -1 if seconds is None else math.ceil(seconds * 1000)

    def _begins(self, timeout: Patience) -> float:
        """When a call begins, now; 0 if nobody is going to ask, because there is no time-out."""
        if timeout is UNSET:
            return 0.0 if self._timeout is None else monotonic()
        return 0.0 if timeout is None or timeout == 0 or isinstance(timeout, Deadline) else monotonic()

    def _since(self, timeout: Patience, begun: float) -> Deadline:
        """The deadline of a call that began then. 0 is now: there was no time-out, so nobody looked at the clock."""
        if isinstance(timeout, _Unset):
            return OwnDeadline(self, begun or None)
        if isinstance(timeout, Deadline):
            return timeout
        return Deadline(check_timeout(timeout), begun)

    def wait_readable(self, timeout: Timeout = UNSET) -> bool:
        """Wait until something may be read; False if the time ran out. timeout in seconds."""
        return self._wait(READ, self._deadline(timeout))

    def wait_writable(self, timeout: Timeout = UNSET) -> bool:
        """Wait until a send may succeed or a connect is decided; False if the time ran out. timeout in seconds."""
        return self._wait(WRITE, self._deadline(timeout))

    def _wait(self, event: int, deadline: Deadline) -> bool:
        while True:
            code = self._handle.wait(event, deadline.shim_ms())
            if code >= 0:
                return code > 0
            if code != -errno.EINTR:
                raise self._error(code, "wait")

    # -- addresses

    def bind(self, address: AddressLike) -> None:
        """Bind to one or several local addresses with one port (RFC 6458 sections 3.1.2 and 9.1).

        address: "10.0.0.1/10.0.1.1:3868"; ":3868" for any address; port 0 lets the stack choose.
        Raises AddressError, AddressInUse, AddressNotAvailable, SctpOSError. After a failure with several addresses
        the socket may be bound to some of them: close it.
        """
        self._alive("bind")
        local = resolve_any(parse(address), self._family)
        self._check_families(local)
        if local.port == 0 and len(local.hosts) > 1:
            local = self._with_free_port(local)
        try:
            self._handle.bind(local.hosts)
        except errors.SctpOSError as exc:
            raise self._located(exc, local) from None
        bound = self._handle.addresses(True, 0)
        port = bound[0].port if bound else local.port
        self._locate(local=AddressSet(tuple(a._replace(port=port) for a in local.hosts), port))

    def _with_free_port(self, local: AddressSet) -> AddressSet:
        """The same hosts with a port that is free on all of them: a stack only looks at the first one."""
        for attempt in range(16):
            probe = self._backend.open(self._family, Style.ONE_TO_ONE)
            try:
                probe.bind(local.hosts)
                port = probe.addresses(True, 0)[0].port
                return AddressSet(tuple(a._replace(port=port) for a in local.hosts), port)
            except errors.AddressInUse as exc:
                if attempt == 15:
                    raise self._located(exc, local) from None
            except errors.SctpOSError:
                break  # bind says it better
            finally:
                probe.close()
        return local

    def _check_families(self, addresses: AddressSet) -> None:
        if self._family == 4 and addresses.family == 6:
            raise errors.AddressError("address", f"{addresses}: an IPv4 socket takes no IPv6 address")

    def _bindx(self, hosts: Union[str, Address, Iterable[Union[str, Address]]], add: bool) -> None:
        with self._binding:
            self._bindx_locked(hosts, add)

    def _bindx_locked(self, hosts: Union[str, Address, Iterable[Union[str, Address]]], add: bool) -> None:
        self._alive("bind_add" if add else "bind_remove")
        bound = self._handle.addresses(True, 0)
        wanted = parse_hosts(hosts, bound[0].port if bound else 0, "hosts")
        self._check_families(wanted)
        if bound and wanted.port != bound[0].port:
            raise errors.AddressError("hosts", f"{wanted}: the port is the bound one, {bound[0].port}")
        # The stacks disagree about what is there already and what is not: BSD adds twice, and then takes back too much.
        there = [host for host in wanted.hosts if host in bound]
        if add:
            wanted = wanted._replace(hosts=tuple(host for host in wanted.hosts if host not in bound))
        elif len(there) < len(wanted.hosts):
            foreign = next(host for host in wanted.hosts if host not in bound)
            detail = f"not bound to {foreign}"
            raise errors.build(errors.AddressNotAvailable, "bind_remove", detail=detail, **self._where())
        if not wanted.hosts:
            return
        try:
            self._handle.bindx(wanted.hosts, add)
        except errors.SctpOSError as exc:
            raise self._located(exc) from None

    def bind_add(self, hosts: Union[str, Address, Iterable[Union[str, Address]]]) -> None:
        """Bind to further addresses, all or none (RFC 6458 section 9.1).

        hosts: "10.0.1.1", "10.0.1.1/10.0.2.1", or several; the port is the bound one.
        """
        self._bindx(hosts, True)

    def bind_remove(self, hosts: Union[str, Address, Iterable[Union[str, Address]]]) -> None:
        """Unbind from addresses, all or none; one has to stay (RFC 6458 section 9.1)."""
        self._bindx(hosts, False)

    def local_addresses(self, assoc_id: int = 0) -> List[Address]:
        """The local addresses of the socket or of an association (RFC 6458 section 9.5)."""
        self._alive("local_addresses")
        return self._handle.addresses(True, check_number("assoc_id", assoc_id))

    def peer_addresses(self, assoc_id: int = 0) -> List[Address]:
        """The peer's addresses; empty without an association (RFC 6458 section 9.3)."""
        self._alive("peer_addresses")
        check_number("assoc_id", assoc_id)
        if self._one and self._life.phase is Phase.NEW:
            return []
        try:
            return self._handle.addresses(False, assoc_id)
        except errors.SctpOSError:
            self._alive("peer_addresses")
            return []

    def refresh(self) -> None:
        """Take both ends' addresses anew from the stack, for what errors and repr show."""
        local = self.local_addresses()
        peers = self.peer_addresses() if self._one else []
        self._locate(
            AddressSet(tuple(local), local[0].port) if local else None,
            AddressSet(tuple(peers), peers[0].port) if peers else None,
        )

    def getsockname(self) -> Tuple[str, int]:
        """The first local address as (host, port), ("0.0.0.0", 0) if unbound; see `local_addresses` for all."""
        found = self.local_addresses()
        return (found[0].host, found[0].port) if found else ("::" if self._family == 6 else "0.0.0.0", 0)

    def getpeername(self) -> Tuple[str, int]:
        """The peer's first address as (host, port); see `peer_addresses` for all. Raises NotConnected."""
        found = self.peer_addresses()
        if not found:
            raise errors.build(errors.NotConnected, "getpeername", **self._where())
        return found[0].host, found[0].port

    # -- notifications

    def subscribe(self, *events: int, assoc_id: int = 0) -> None:
        """Have notifications of these types delivered by `recv` from now on (RFC 6458 section 6.2.2).

        assoc_id: on one-to-many sockets, of this association only, or an `AssocId`: FUTURE, what 0 means, is all that
        come to be; those that there are keep theirs. Nothing is replayed.
        Raises ArgumentError, UnsupportedOption, NoSuchAssociation.
        """
        self._change_subscription(events, assoc_id, True)

    def unsubscribe(self, *events: int, assoc_id: int = 0) -> None:
        """Have notifications of these types no longer delivered."""
        self._change_subscription(events, assoc_id, False)

    def _change_subscription(self, events: Tuple[int, ...], assoc_id: int, on: bool) -> None:
        op = "subscribe" if on else "unsubscribe"
        self._alive(op)
        check_number("assoc_id", assoc_id)
        existing = () if self._one else self.opts.assoc_ids
        if assoc_id > AssocId.ALL and not self._one and assoc_id not in existing:
            raise errors.build(errors.NoSuchAssociation, op, assoc_id=assoc_id, **self._where())
        for event in self._check_events(events):
            if event not in INTERNAL:
                try:
                    self._handle.subscribe(0 if self._one else assoc_id, event, on)
                except errors.UnsupportedOption as exc:
                    exc.detail = f"{event} is not sent by {self.backend} {self._backend.version()}"
                    raise self._located(exc) from None
            elif on:
                self._inbox.drop_unwanted()
            self._inbox.wanted.change(event, on, 0 if self._one else assoc_id, existing)

    @staticmethod
    def _check_events(events: Tuple[int, ...]) -> List[Event]:
        if not events:
            raise ArgumentError("events", "name at least one Event")
        for event in events:
            if not isinstance(event, int) or event not in Event.__members__.values():
                raise ArgumentError("events", f"{event!r} is no Event")
        return [Event(event) for event in events]

    @property
    def subscriptions(self) -> Set[Event]:
        """The types that are delivered, on one-to-many sockets of associations to come."""
        return set(self._inbox.wanted.base)

    def subscribed(self, event: int, assoc_id: int = 0) -> bool:
        """Whether notifications of a type are delivered, of one association or of those to come."""
        self._alive("subscribed")
        (kind,) = self._check_events((event,))
        check_number("assoc_id", assoc_id)
        if kind in INTERNAL:
            return kind in (self._inbox.wanted.base if self._one else self._inbox.wanted.of(assoc_id))
        return self._handle.subscribed(0 if self._one else assoc_id, kind)

    # -- closing

    def detach(self) -> int:
        """Give the descriptor up and close the Socket; the association lives on. Returns the descriptor.

        It stays close-on-exec and non-blocking. Wakes every thread that waits on the socket with ClosedError. Raises
        UnsupportedOption on usrsctp, which has no descriptors; SctpOSError with EBUSY while another thread's loop
        watches it, or something was read that nobody has got yet, such as half a message: recv() it first.
        """
        self._alive("detach")
        watched = self._keeper is not None and self._keeper(lambda: None)  # true: by a loop in another thread
        if watched or self._inbox.holds():
            detail = "an event loop watches it" if watched else "something was read: recv() it first"
            raise errors.build(errors.SctpOSError, "detach", errno.EBUSY, detail=detail, **self._where())
        try:
            fileno = self._handle.detach()
        except errors.UnsupportedOption as exc:
            exc.detail = f"{self.backend} has no descriptors"
            raise self._located(exc) from None
        except errors.SctpOSError as exc:
            raise self._located(exc) from None
        self._closed = True
        return fileno

    def close(self) -> None:
        """Close the socket; its associations end gracefully in the background (RFC 6458 section 4.1.6).

        Unread data makes it an ABORT, on every stack. Wakes every thread that waits on the socket with
        ClosedError. Any number of times, from any thread.
        """
        if not self._closed:
            self._closed = True
            if self._keeper is None or not self._keeper(self._handle.close):
                self._handle.close()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self.close()
