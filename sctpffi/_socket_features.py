"""SocketFeatures: what sockets do with an association besides moving messages: status, counters, reconfiguration, keys.

Each is a call or two of `opts`, under the name that the field uses. Nothing here waits.
"""

from __future__ import annotations

from typing import Any, Iterable, List, Optional, Tuple

from sctpffi import errors
from sctpffi._socket_options import SocketOptions
from sctpffi.addresses import AddressLike, parse, parse_near, parse_one
from sctpffi.auth import AuthKeys
from sctpffi.enums import PathFlag, PrPolicy, ResetFlag, Style
from sctpffi.options import check_number
from sctpffi.optvalues import AddStreams, AssocStats, PathInfo, PathParams, PrStatus, ResetStreams, Status, Timeouts
from sctpffi.statistics import AssociationSnapshot, Snapshot, stack_counters


class SocketFeatures(SocketOptions):
    """What a socket does with its association, or on one-to-many sockets with the one that `assoc_id` names."""

    # -- state and counters

    def status(self, assoc_id: int = 0) -> Status:
        """The association's state, windows and streams (RFC 6458 section 8.2.1). Raises NotConnected."""
        return self.opts.of(assoc_id).status

    def paths(self, assoc_id: int = 0) -> List[PathInfo]:
        """Every path of the association with its state, cwnd, srtt, rto and mtu (RFC 6458 section 8.2.2)."""
        return [self.opts.of(assoc_id, address).path_info for address in self.peer_addresses(assoc_id)]

    def pr_status(self, policy: int = PrPolicy.ALL, stream: Optional[int] = None, assoc_id: int = 0) -> PrStatus:
        """How many messages were given up, of one stream or all (RFC 7496 sections 4.3 and 4.4).

        policy: by which `PrPolicy`. Raises NotConnected, NoSuchAssociation, OptionRefused for a stream that is not.
        """
        if stream is None:
            return self.opts.of(assoc_id, policy=policy).pr_assoc_status
        return self.opts.of(assoc_id, stream=stream, policy=policy).pr_stream_status

    def associations(self) -> Tuple[int, ...]:
        """The ids of a one-to-many socket's associations (RFC 6458 section 8.2.6). Raises WrongStyle."""
        return self.opts.assoc_ids

    def find_association(self, address: AddressLike) -> int:
        """The id of the association with the peer that has this address and port. Raises NoSuchAssociation."""
        self._alive("find_association")
        wanted = parse(address).hosts[0]
        if self._style is not Style.ONE_TO_MANY:
            raise errors.build(errors.WrongStyle, "find_association", detail="only one-to-many", **self._where())
        for assoc_id in self.associations():
            if wanted in self.peer_addresses(assoc_id):
                return assoc_id
        raise errors.build(errors.NoSuchAssociation, "find_association", detail=f"{wanted}", **self._where())

    def snapshot(self, assoc_id: int = 0) -> Snapshot:
        """Everything that can be counted now, as plain data that turns into JSON.

        The stack's counters, and of the association, or of all of a one-to-many socket, its status, paths and counters.
        """
        self._alive("snapshot")
        if self._style is not Style.ONE_TO_MANY:
            ids: Iterable[int] = (0,) if self.peer_addresses() else ()
        else:
            ids = (assoc_id,) if check_number("assoc_id", assoc_id) else self.associations()
        found = [item for item in map(self._association_snapshot, ids) if item is not None]
        return Snapshot(self.backend, self._backend.version(), stack_counters(self.backend), found)

    def _association_snapshot(self, assoc_id: int) -> Optional[AssociationSnapshot]:
        try:
            status = self.status(assoc_id)
            paths = self.paths(assoc_id)
        except (errors.NotConnected, errors.NoSuchAssociation):
            return None  # it ended meanwhile
        stats: Any = self._try_option("assoc_stats", assoc_id)
        timeouts: Any = self._try_option("timeouts", assoc_id)
        pr: Any = self._try_option("pr_assoc_status", assoc_id)
        return AssociationSnapshot(
            status,
            paths,
            stats if isinstance(stats, AssocStats) else None,
            timeouts if isinstance(timeouts, Timeouts) else None,
            pr if isinstance(pr, PrStatus) else None,
        )

    # -- paths

    def heartbeat(self, address: Optional[AddressLike] = None, assoc_id: int = 0) -> None:
        """Send one heartbeat now, to one address of the peer or to all (RFC 6458 section 8.1.12)."""
        peers = self.peer_addresses(assoc_id)
        for target in peers if address is None else parse_near(address, peers[0].port if peers else 0, "address").hosts:
            try:
                self.opts.of(assoc_id).path_params = PathParams(target, flags=PathFlag.HB_DEMAND)
            except errors.OptionRefused:
                if address is not None or target in self.peer_addresses(assoc_id):
                    raise  # else it went while we went through them

    def request_primary(self, address: AddressLike, assoc_id: int = 0) -> None:
        """Ask the peer to send to this address of ours from now on (RFC 6458 section 8.3.1, RFC 5061).

        Raises ExtensionOff without asconf, AddressNotAvailable for what is not bound.
        """
        self._alive("request_primary")
        local = self.local_addresses(assoc_id)
        found = parse_one(address, local[0].port if local else 0, "address")
        self.opts.of(assoc_id).peer_primary_address = found

    # -- stream reconfiguration

    def reset_streams(
        self,
        streams: Iterable[int] = (),
        *,
        outgoing: bool = True,
        incoming: bool = False,
        assoc_id: int = 0,
    ) -> None:
        """Start the numbering of streams anew, which both ends hear by STREAM_RESET_EVENT (RFC 6525 section 6.3.2).

        streams: which; none is all. outgoing: ours. incoming: ask the peer to reset his.
        What the peer asks for is granted as far as `opts.enable_stream_reset` says. Raises ExtensionOff,
        RequestPending while an earlier request is unanswered, OptionRefused for a stream that is not, NotConnected.
        """
        flags = (ResetFlag.OUTGOING if outgoing else ResetFlag.NONE) | (
            ResetFlag.INCOMING if incoming else ResetFlag.NONE
        )
        self.opts.of(assoc_id).reset_streams = ResetStreams(flags, tuple(streams))

    def reset_association(self, assoc_id: int = 0) -> None:
        """Start TSNs and stream numbering anew; both ends hear by ASSOC_RESET_EVENT (RFC 6525 section 6.3.3).

        Beware on BSD: a bug of the stack stops the sending of who asked, in half of all cases (docs/stacks.md, bug j).
        Raises ExtensionOff, RequestPending while data or an earlier request is on its way, NotConnected.
        """
        self.opts.of(assoc_id).reset_assoc = True

    def add_streams(self, outgoing: int = 0, incoming: int = 0, assoc_id: int = 0) -> None:
        """Add streams to the association; both ends hear by STREAM_CHANGE_EVENT (RFC 6525 section 6.3.4).

        outgoing: of ours. incoming: ask the peer for more of his. Raises ExtensionOff, RequestPending, NotConnected.
        """
        self.opts.of(assoc_id).add_streams = AddStreams(incoming, outgoing)

    # -- authentication

    @property
    def auth(self) -> AuthKeys:
        """The shared keys of AUTH (RFC 4895), see `AuthKeys`; `auth.of(assoc_id)` on one-to-many sockets."""
        return AuthKeys(self.opts)
