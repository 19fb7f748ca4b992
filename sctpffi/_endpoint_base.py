"""EndpointBase and AssociationBase: what Endpoints and their associations do without waiting.

The table of associations, which hears what becomes of each, whoever reads. `endpoint.py` and the asynchronous twins
build on it; nothing here waits.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Dict, Generic, Iterable, List, Optional, Set, Tuple, Type, TypeVar, Union, cast

from sctpffi._reading import Item
from sctpffi.addresses import Address, AddressLike, AddressSet, parse
from sctpffi.association import AssociationCalls, SocketCalls
from sctpffi.config import Config, combine, prepare
from sctpffi.connection import Noticing
from sctpffi.enums import AssocChangeState, AssocId, AssocState, Event, Style
from sctpffi.errors import (
    ArgumentError,
    ArgumentTypeError,
    ConnectInProgress,
    ConnectionRefused,
    Error,
    NoSuchAssociation,
    WaitTimeout,
    WrongStyle,
    build,
)
from sctpffi.lifecycle import Life, Phase
from sctpffi.notifications import AssocChange
from sctpffi.options import Options, check_number
from sctpffi.optvalues import InitParams
from sctpffi.sockets import Socket

_OVER = (AssocChangeState.COMM_LOST, AssocChangeState.SHUTDOWN_COMP, AssocChangeState.CANT_STR_ASSOC)

_SETTING_UP = (AssocState.COOKIE_WAIT, AssocState.COOKIE_ECHOED)


class AssociationBase(AssociationCalls):
    """What an Association of an Endpoint does without waiting, blocking and asynchronous alike.

    The same object as long as the association is; compared by identity. Concurrency: any thread.
    """

    def __init__(self, endpoint: EndpointBase[Any], assoc_id: int, life: Life) -> None:
        self.endpoint = endpoint
        self.socket = endpoint.socket
        self._number = assoc_id
        self._life = life
        self._peers: Tuple[Address, ...] = ()  # whom it is being set up with
        self._begun = self._heard = 0.0  # when that began, and when it was last heard of

    @property
    def id(self) -> int:
        """The association's id, as messages and notifications have it."""
        return self._number

    @property
    def ended(self) -> bool:
        """Whether it ended, as far as the endpoint has read."""
        return self._life.over

    def shutdown(self) -> None:
        """End it gracefully: what is queued is sent, nothing more can be. Raises NoSuchAssociation."""
        self.socket.shutdown(assoc_id=self._number)

    def abort(self, reason: bytes = b"") -> None:
        """End it at once by ABORT; reason goes to the peer as the cause's text. Raises NoSuchAssociation."""
        self.socket.abort(reason, self._number)

    def _check(self, op: str) -> None:
        if self._life.lost:
            raise self._life.loss(op, **self.socket._where(), assoc_id=self._number)

    def __repr__(self) -> str:
        return f"<sctpffi.{type(self).__name__} {self._number} of {self.endpoint!r} {self._life.phase.value}>"


A = TypeVar("A", bound=AssociationBase)
To = Union[int, AssociationBase, AddressLike]


class EndpointBase(SocketCalls, Noticing, Generic[A]):
    """What an Endpoint does without waiting, blocking and asynchronous alike."""

    _association_class: Type[A]

    def __init__(
        self,
        address: Union[AddressLike, Socket] = ":0",
        *,
        backlog: int = 128,
        events: Iterable[Event] = (),
        init: Optional[InitParams] = None,
        config: Optional[Config] = None,
        backend: Optional[str] = None,
    ) -> None:
        super().__init__()
        wanted = combine(config, init, events)
        self._table: Dict[int, A] = {}
        self._guard = threading.Lock()  # of the table; never held while something waits
        self._connecting = 0
        self._early: Dict[int, AssocChange] = {}  # what was heard while somebody was about to enter it
        if isinstance(address, Socket):
            if address.style is not Style.ONE_TO_MANY:
                detail = "one-to-one sockets make a Connection"
                raise build(WrongStyle, "Endpoint", detail=detail, backend=address.backend)
            self.socket = address
        else:
            self.socket = _open(parse(address), backlog, wanted, backend)
        self.socket._inbox.on_change = self._hear

    # -- associations

    def associations(self) -> List[A]:
        """Every association that there is, as the stack has it now (RFC 6458 section 8.2.6). Raises ClosedError."""
        return [self._enter(assoc_id) for assoc_id in self.socket.associations()]

    def association(self, of: Union[int, Item, AddressLike]) -> A:
        """One association: by id, by a message or notification of it, or by an address of the peer with its port.

        Raises NoSuchAssociation, ClosedError.
        """
        number: Any = getattr(of, "assoc_id", of)
        if not isinstance(number, int) or isinstance(number, bool):
            return self._enter(self.socket.find_association(cast(AddressLike, of)))
        if check_number("of", number) <= AssocId.ALL or number not in self.socket.associations():
            raise build(NoSuchAssociation, "association", assoc_id=number, **self.socket._where())
        return self._enter(number)

    def _enter(self, assoc_id: int, phase: Optional[Phase] = None) -> A:
        if phase is None and assoc_id not in self._table:
            phase = self._phase(assoc_id)
        with self._guard:
            found = self._table.get(assoc_id)
            if found is None:
                life = Life(phase or Phase.UP)
                life.assoc_id = assoc_id
                found = self._table[assoc_id] = self._association_class(self, assoc_id, life)
            return found

    def _phase(self, assoc_id: int) -> Phase:
        try:
            state = self.socket.status(assoc_id).state
        except Error:
            return Phase.UP  # it ended meanwhile, which is heard
        return Phase.CONNECTING if state in _SETTING_UP else Phase.UP

    def _hear(self, event: AssocChange) -> None:
        """Called by whoever reads, of every change."""
        with self._guard:
            found = self._table.get(event.assoc_id)
            if found is None and event.state is AssocChangeState.CANT_STR_ASSOC and not event.assoc_id:
                found = self._of_source(event)
            if found is None and self._connecting:
                self._early[event.assoc_id] = event
            if found is not None:
                found._life.hear(event)
                found._heard = time.monotonic()
                if event.state in _OVER:
                    self._table.pop(found.id, None)
        self._changed(event)

    def _of_source(self, event: AssocChange) -> Optional[A]:
        """The association being set up that an event without an id means: Linux gives none (docs/differences.md)."""
        for each in self._table.values():
            if each._life.phase is Phase.CONNECTING and event.source in each._peers:
                return each
        return None

    def _changed(self, event: AssocChange) -> None:
        """Something became of an association; for the asynchronous twins."""

    def _start(self, address: AddressLike) -> A:
        """Begin to set an association up."""
        remote = parse(address)
        begun = time.monotonic()
        with self._guard:
            self._connecting += 1
        try:
            number = self.socket.connect(remote) or self.socket.find_association(remote.hosts[0])
            found = self._enter(number, Phase.CONNECTING)
            found._peers, found._begun = remote.hosts, begun
            with self._guard:
                event = self._early.pop(number, None)
                if event is not None:  # another thread read it before it was entered
                    found._life.hear(event)
                    found._heard = time.monotonic()
                    if event.state in _OVER:
                        self._table.pop(number, None)
            return found
        finally:
            with self._guard:
                self._connecting -= 1
                if not self._connecting:
                    self._early.clear()

    def _finished(self, association: A) -> A:
        """What `connect` gives once the association is up or is not going to be."""
        if association._life.over:
            if association._life.guessed and association._heard - association._begun < self._shortest_failure():
                association._life.fail(build(ConnectionRefused, "connect"))
            error = association._life.loss("connect", **self.socket._where())
            error.remote = str(AddressSet(association._peers, association._peers[0].port))
            raise error
        return association

    def _shortest_failure(self) -> float:
        """Seconds that all attempts take at least. One-to-many, Linux does not tell a refusal from a time-out."""
        init, rto_ms = self.opts.init_params, self.opts.rto_info.initial_ms
        return min(rto_ms, init.timeout_ms or rto_ms) * max(1, init.attempts) / 1000

    def _abandon(self, association: A) -> None:
        """Nobody waits for it to come up any more: leave nothing behind."""
        with self._guard:
            self._table.pop(association.id, None)
        try:
            association.abort()
        except ConnectInProgress:  # BSD can't before COOKIE ACK; but a socket of its own can be closed
            self._discard(association.id)
        except Error:
            pass  # it failed meanwhile

    def _discard(self, number: int) -> None:
        try:
            self.socket.peeloff(number).discard()
        except Error:
            pass  # it failed meanwhile

    def _settled(self, association: A) -> bool:
        return association._life.phase is not Phase.CONNECTING

    def _peel(self, association: Union[int, AssociationBase]) -> Socket:
        if isinstance(association, AssociationBase):
            if association.endpoint is not self:
                raise ArgumentError("association", "it is another endpoint's")
            association = association.id
        sock = self.socket.peeloff(association)
        with self._guard:
            self._table.pop(association, None)
        return sock

    # -- messages

    def _where_to(self, to: To) -> Dict[str, Any]:
        """`to` as `Socket.send` takes it."""
        if isinstance(to, AssociationBase):
            if to.endpoint is not self:
                raise ArgumentError("to", "an association of another endpoint")
            to._check("send")
            return {"assoc_id": to.id}
        if isinstance(to, int) and not isinstance(to, bool):
            if check_number("to", to) <= AssocId.ALL:
                raise build(NoSuchAssociation, "send", assoc_id=to, **self.socket._where())
            return {"assoc_id": to}
        return {"to": to}

    # -- ending

    def _all_gone(self, asked: Set[int]) -> bool:
        """Shut down every association that was not asked to end yet; whether none is left."""
        numbers = self.socket.associations()
        for number in numbers:
            if number not in asked:
                try:
                    self.socket.shutdown(assoc_id=number)
                except ConnectInProgress:
                    continue  # again once it is up
                except NoSuchAssociation:
                    pass  # it ended meanwhile
                asked.add(number)
        return not numbers

    def _give_up(self) -> WaitTimeout:
        """Some peers did not answer in time: abort them. The error for it."""
        left = self.socket.associations()
        for number in left:
            try:
                self.socket.abort(b"", number)
            except ConnectInProgress:
                self._discard(number)
            except Error:
                pass  # it ended meanwhile
        detail = f"{len(left)} associations did not end in time; they were aborted"
        error = build(WaitTimeout, "close", detail=detail, **self.socket._where())
        assert isinstance(error, WaitTimeout)
        return error

    # -- what it is

    @property
    def addresses(self) -> List[Address]:
        """Where it listens."""
        return self.socket.local_addresses()

    @property
    def port(self) -> int:
        """The port that it is bound to."""
        return self.addresses[0].port

    @property
    def opts(self) -> Options:
        """Socket options, of associations to come; `association(...).opts` of one that there is."""
        return self.socket.opts

    @property
    def backend(self) -> str:
        """The stack's name."""
        return self.socket.backend

    def subscribe(self, *events: int) -> None:
        """Have notifications of these types delivered, of associations to come, see `Socket.subscribe`."""
        self.socket.subscribe(*events)

    def unsubscribe(self, *events: int) -> None:
        """Have notifications of these types no longer delivered, of associations to come."""
        self.socket.unsubscribe(*events)

    def __repr__(self) -> str:
        return self._shown()


def _open(local: AddressSet, backlog: int, config: Config, backend: Optional[str]) -> Socket:
    if not isinstance(backlog, int):
        raise ArgumentTypeError("backlog", f"an int, not {type(backlog).__name__}")
    sock = Socket(local.family if local.hosts else 6, Style.ONE_TO_MANY, backend=backend)
    try:
        prepare(sock, config)
        sock.bind(local)
        if backlog:
            sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock
