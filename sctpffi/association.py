"""AssociationCalls: what can be asked of one association, or done to it, without waiting.

Connection has it for its only association, `endpoint.Association` for one of an Endpoint's; blocking and asynchronous
alike. What waits is in their own modules.
"""

from __future__ import annotations

from typing import Iterable, List, Optional, Union

from sctpffi.addresses import Address, AddressLike, parse_one
from sctpffi.auth import AuthKeys
from sctpffi.enums import PrPolicy
from sctpffi.options import Options
from sctpffi.optvalues import PathInfo, PrStatus, Status
from sctpffi.sockets import Socket
from sctpffi.statistics import Snapshot


class AssociationCalls:
    """State, paths, options and reconfiguration of one association. Concurrency: any thread."""

    socket: Socket  # what everything is asked of
    _number = 0  # the association's id; 0 where the socket has only one

    # -- state and counters

    def status(self) -> Status:
        """The association's state, windows and streams (RFC 6458 section 8.2.1). Raises NotConnected."""
        return self.socket.status(self._number)

    def paths(self) -> List[PathInfo]:
        """Every path with its state, cwnd, srtt, rto and mtu (RFC 6458 section 8.2.2)."""
        return self.socket.paths(self._number)

    def pr_status(self, policy: int = PrPolicy.ALL, stream: Optional[int] = None) -> PrStatus:
        """How many messages were given up, see `Socket.pr_status`."""
        return self.socket.pr_status(policy, stream, self._number)

    def snapshot(self) -> Snapshot:
        """Everything that can be counted now, see `Socket.snapshot`."""
        return self.socket.snapshot(self._number)

    @property
    def opts(self) -> Options:
        """Socket options, see `sctpffi.options`."""
        return self.socket.opts.of(self._number) if self._number else self.socket.opts

    @property
    def auth(self) -> AuthKeys:
        """The shared keys of AUTH, see `sctpffi.auth.AuthKeys`."""
        return AuthKeys(self.opts)

    @property
    def backend(self) -> str:
        """The stack's name."""
        return self.socket.backend

    # -- paths

    @property
    def local_addresses(self) -> List[Address]:
        """Our addresses of the association, as the stack has them now (RFC 6458 section 9.5)."""
        return self.socket.local_addresses(self._number)

    @property
    def peer_addresses(self) -> List[Address]:
        """The peer's addresses, as the stack has them now (RFC 6458 section 9.3)."""
        return self.socket.peer_addresses(self._number)

    @property
    def primary_address(self) -> Optional[Address]:
        """The peer's address that is sent to unless told otherwise (RFC 6458 section 8.1.9)."""
        return self.status().primary.address

    def set_primary(self, host: AddressLike) -> None:
        """Send to this address of the peer unless told otherwise (RFC 6458 section 8.1.9).

        host: "10.0.0.2", with or without the port. Raises OptionRefused for what is not the peer's.
        """
        peers = self.peer_addresses
        self.opts.primary_address = parse_one(host, peers[0].port if peers else 0, "host")

    def request_primary(self, address: AddressLike) -> None:
        """Ask the peer to send to this address of ours, see `Socket.request_primary`."""
        self.socket.request_primary(address, self._number)

    def heartbeat(self, address: Optional[AddressLike] = None) -> None:
        """Send a heartbeat now, to one address of the peer or to all, see `Socket.heartbeat`."""
        self.socket.heartbeat(address, self._number)

    # -- stream reconfiguration

    def reset_streams(self, streams: Iterable[int] = (), *, outgoing: bool = True, incoming: bool = False) -> None:
        """Start the numbering of streams anew, see `Socket.reset_streams`."""
        self.socket.reset_streams(streams, outgoing=outgoing, incoming=incoming, assoc_id=self._number)

    def reset_association(self) -> None:
        """Start all numbering anew, see `Socket.reset_association`."""
        self.socket.reset_association(self._number)

    def add_streams(self, outgoing: int = 0, incoming: int = 0) -> None:
        """Add streams, see `Socket.add_streams`."""
        self.socket.add_streams(outgoing, incoming, self._number)

    # -- notifications

    def subscribe(self, *events: int) -> None:
        """Have notifications of these types delivered from now on, see `Socket.subscribe`."""
        self.socket.subscribe(*events, assoc_id=self._number)

    def unsubscribe(self, *events: int) -> None:
        """Have notifications of these types no longer delivered."""
        self.socket.unsubscribe(*events, assoc_id=self._number)


class SocketCalls:
    """What is of a whole socket: its addresses, which may change while it is in use, time-out, descriptor."""

    socket: Socket

    def bind_add(self, hosts: Union[str, Address, Iterable[Union[str, Address]]]) -> None:
        """Add local addresses; the peer hears of them by ASCONF, see `Socket.bind_add`."""
        self.socket.bind_add(hosts)

    def bind_remove(self, hosts: Union[str, Address, Iterable[Union[str, Address]]]) -> None:
        """Remove local addresses; one has to stay, see `Socket.bind_remove`."""
        self.socket.bind_remove(hosts)

    def settimeout(self, timeout: Optional[float]) -> None:
        """Set the time-out in seconds for calls that give none, see `Socket.settimeout`."""
        self.socket.settimeout(timeout)

    def gettimeout(self) -> Optional[float]:
        """The time-out in seconds for calls that give none."""
        return self.socket.gettimeout()

    def fileno(self) -> int:
        """A descriptor for selectors, see `Socket.fileno`."""
        return self.socket.fileno()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self.socket.closed

    def _shown(self) -> str:
        return repr(self.socket).replace("Socket", type(self).__name__, 1)
