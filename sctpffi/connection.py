"""Connection: one association, at the level where most programs live; and `connect`, which makes one.

A thin layer over a one-to-one Socket: defaults that suit signalling, messages and events kept apart. Waiting, life and
errors belong to `sockets.py`.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Iterable, Iterator, List, Optional, Union

from sctpffi._socket_base import UNSET, Timeout
from sctpffi._wait import Deadline, check_timeout
from sctpffi.addresses import Address, AddressLike, AddressSet, parse
from sctpffi.auth import AuthKeys
from sctpffi.enums import Event, PrPolicy, Style
from sctpffi.errors import ArgumentTypeError, EndOfAssociation, Error, UnsupportedOption
from sctpffi.inbox import Item
from sctpffi.messages import Message
from sctpffi.notifications import Notification
from sctpffi.options import Options
from sctpffi.optvalues import InitParams, PathInfo, PrInfo, PrStatus, RtoInfo, Status
from sctpffi.sockets import Socket
from sctpffi.statistics import Snapshot

BUFFER_BYTES = 512 * 1024
STREAMS = 10
RTO_INITIAL_MS = 1000  # RFC 9260 section 16; usrsctp and Linux still start with RFC 4960's 3000
EXTENSIONS = ("auth_supported", "asconf_supported", "reconfig_supported")  # in this order: ASCONF needs AUTH
KEPT_NOTIFICATIONS = 256


def prepare(sock: Socket, init: Optional[InitParams], nodelay: bool, buffer_bytes: Optional[int]) -> None:
    """Give a fresh socket the defaults of the high level, the same on every stack.

    NODELAY, FRAGMENT_INTERLEAVE, RTO.initial, and before listen or connect, where alone they count, stream counts,
    buffers, and the extensions that Linux has off: AUTH and ASCONF for addresses that change, and RE-CONFIG.
    """
    wanted = init if init is not None else InitParams()
    if not isinstance(wanted, InitParams):
        raise ArgumentTypeError("init", f"an InitParams, not {type(wanted).__name__}")
    sock.opts.init_params = InitParams(
        wanted.out_streams or STREAMS, wanted.in_streams or STREAMS, wanted.attempts, wanted.timeout_ms
    )
    sock.opts.nodelay = nodelay
    sock.opts.fragment_interleave = 1
    sock.opts.rto_info = RtoInfo(initial_ms=RTO_INITIAL_MS)
    for name in EXTENSIONS:
        try:
            sock.opts.set(name, True)
        except UnsupportedOption:
            pass  # Linux before 5.4: as its sysctls say
    if buffer_bytes is not None:
        sock.opts.send_buffer_bytes = buffer_bytes
        sock.opts.receive_buffer_bytes = buffer_bytes


class Connection:
    """One association with a peer. Made by `connect`, `Listener.accept`, or around a one-to-one Socket.

    Iterating gives messages until the peer shuts the association down. Notifications that were asked for by `events=`
    go to `on_notification` if it is set, else they wait in `notifications` (the newest 256) while `recv` reads
    messages; `events()` gives both in their order of arrival.
    Concurrency: one thread may send, another receive, a third close.
    """

    def __init__(self, sock: Socket) -> None:
        if not isinstance(sock, Socket):
            raise ArgumentTypeError("sock", f"a Socket, not {type(sock).__name__}")
        self.socket = sock
        self.on_notification: Optional[Callable[[Notification], None]] = None
        self.notifications: Deque[Notification] = deque(maxlen=KEPT_NOTIFICATIONS)

    # -- messages

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
        to: Optional[Union[str, Address]] = None,
        auth_key: Optional[int] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send one message, whole or not at all; arguments and errors as `Socket.send`. to: the path to use."""
        return self.socket.send(
            data,
            stream,
            ppid,
            unordered=unordered,
            ttl=ttl,
            prinfo=prinfo,
            context=context,
            to=to,
            auth_key=auth_key,
            timeout=timeout,
        )

    def recv(self, *, timeout: Timeout = UNSET) -> Message:
        """Receive the next message, whole. timeout in seconds.

        Raises EndOfAssociation after a graceful end, AssociationAborted or AssociationTimedOut after a loss, each time;
        WouldBlock, WaitTimeout, ClosedError.
        """
        deadline = self.socket._deadline(timeout)
        while True:
            item = self.socket._inbox.take(deadline, "recv")
            if isinstance(item, Message):
                return item
            self._notice(item)

    def _notice(self, event: Notification) -> None:
        if self.on_notification is not None:
            self.on_notification(event)
        else:
            self.notifications.append(event)

    def __iter__(self) -> Iterator[Message]:
        while True:
            try:
                message = self.recv()
            except EndOfAssociation:
                return
            yield message

    def events(self, *, timeout: Timeout = UNSET) -> Iterator[Item]:
        """Messages and notifications in their order of arrival, until the peer shuts the association down.

        timeout: seconds for each. Raises as `recv`.
        """
        while self.notifications:
            yield self.notifications.popleft()
        while True:
            try:
                item = self.socket.recv(timeout=timeout)
            except EndOfAssociation:
                return
            yield item

    # -- the association

    def status(self) -> Status:
        """The association's state, windows and streams (RFC 6458 section 8.2.1). Raises NotConnected."""
        return self.socket.status()

    def paths(self) -> List[PathInfo]:
        """Every path with its state, cwnd, srtt, rto and mtu (RFC 6458 section 8.2.2)."""
        return self.socket.paths()

    def pr_status(self, policy: int = PrPolicy.ALL, stream: Optional[int] = None) -> PrStatus:
        """How many messages were given up, see `Socket.pr_status`."""
        return self.socket.pr_status(policy, stream)

    def snapshot(self) -> Snapshot:
        """Everything that can be counted now, see `Socket.snapshot`."""
        return self.socket.snapshot()

    def heartbeat(self, address: Optional[AddressLike] = None) -> None:
        """Send a heartbeat now, see `Socket.heartbeat`."""
        self.socket.heartbeat(address)

    def request_primary(self, address: AddressLike) -> None:
        """Ask the peer to send to this address of ours, see `Socket.request_primary`."""
        self.socket.request_primary(address)

    def reset_streams(self, streams: Iterable[int] = (), *, outgoing: bool = True, incoming: bool = False) -> None:
        """Start the numbering of streams anew, see `Socket.reset_streams`."""
        self.socket.reset_streams(streams, outgoing=outgoing, incoming=incoming)

    def reset_association(self) -> None:
        """Start all numbering anew, see `Socket.reset_association`."""
        self.socket.reset_association()

    def add_streams(self, outgoing: int = 0, incoming: int = 0) -> None:
        """Add streams, see `Socket.add_streams`."""
        self.socket.add_streams(outgoing, incoming)

    @property
    def auth(self) -> AuthKeys:
        """The shared keys of AUTH, see `sctpffi.auth.AuthKeys`."""
        return self.socket.auth

    @property
    def opts(self) -> Options:
        """Socket options, see `sctpffi.options`."""
        return self.socket.opts

    @property
    def backend(self) -> str:
        """The stack's name."""
        return self.socket.backend

    @property
    def local_addresses(self) -> List[Address]:
        """Our addresses of the association."""
        return self.socket.local_addresses()

    @property
    def peer_addresses(self) -> List[Address]:
        """The peer's addresses."""
        return self.socket.peer_addresses()

    def bind_add(self, hosts: Union[str, Address, Iterable[Union[str, Address]]]) -> None:
        """Add local addresses, see `Socket.bind_add`."""
        self.socket.bind_add(hosts)

    def bind_remove(self, hosts: Union[str, Address, Iterable[Union[str, Address]]]) -> None:
        """Remove local addresses, see `Socket.bind_remove`."""
        self.socket.bind_remove(hosts)

    def set_primary(self, host: Union[str, Address]) -> None:
        """Send to this address of the peer unless told otherwise (RFC 6458 section 8.1.9)."""
        found = [a for a in self.peer_addresses if host in (a, a.host)]
        self.opts.primary_address = found[0] if found else parse((str(host), self.socket._peer_port)).hosts[0]

    def fileno(self) -> int:
        """A descriptor for selectors, see `Socket.fileno`."""
        return self.socket.fileno()

    def shutdown(self) -> None:
        """End gracefully: nothing more can be sent, receiving goes on until the end."""
        self.socket.shutdown()

    def abort(self, reason: bytes = b"") -> None:
        """End at once by ABORT and close, see `Socket.abort`."""
        self.socket.abort(reason)

    def close(self) -> None:
        """Close; what was sent is still delivered in the background, see `Socket.close`."""
        self.socket.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self.socket.closed

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self.socket).replace("Socket", "Connection", 1)


def family_of(*sets: Optional[AddressSet]) -> int:
    """The family for a socket that has to take all these addresses."""
    return max((s.family for s in sets if s is not None), default=4)


def connect(
    address: AddressLike,
    *,
    local: Optional[AddressLike] = None,
    timeout: Optional[float] = None,
    events: Iterable[Event] = (),
    init: Optional[InitParams] = None,
    nodelay: bool = True,
    buffer_bytes: Optional[int] = BUFFER_BYTES,
    backend: Optional[str] = None,
) -> Connection:
    """Set up an association and return it as a Connection (RFC 9260 section 5.1).

    address: the peer, "10.0.0.1/10.0.0.2:3868". local: our addresses, port 0 for any.
    timeout: seconds to wait; None as long as INIT's retransmissions last. events: notifications to have delivered.
    init: streams and attempts, `InitParams`; 10 streams each way are asked for otherwise.
    nodelay: send small messages at once. buffer_bytes: asked for each way; None keeps the stack's.
    backend: as for `Socket`. Nothing is left behind if it fails.
    Raises ConnectionRefused, ConnectTimeout, WaitTimeout, AddressError, AddressInUse, BackendUnavailable.
    """
    remote = parse(address)
    bound = None if local is None else parse(local, "local")
    deadline = Deadline(check_timeout(timeout))
    sock = Socket(family_of(remote, bound), Style.ONE_TO_ONE, backend=backend)
    try:
        prepare(sock, init, nodelay, buffer_bytes)
        wanted = tuple(events)
        if wanted:
            sock.subscribe(*wanted)
        if bound is not None:
            sock.bind(bound)
        sock.connect(remote, timeout=None if timeout is None else deadline.left_ms() / 1000)
    except (Error, OSError, KeyboardInterrupt):
        sock.close()
        raise
    return Connection(sock)
