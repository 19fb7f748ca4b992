"""Endpoint: a one-to-many socket whose associations are objects, found by id or address (RFC 6458 section 3).

A thin layer over a one-to-many Socket: what waits. The rest is in `_endpoint_base.py`.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List, Optional, Set, Tuple, Union

from sctpffi._endpoint_base import AssociationBase, EndpointBase, To
from sctpffi._reading import Item
from sctpffi._socket_base import UNSET, Timeout
from sctpffi._wait import Deadline, check_timeout
from sctpffi.addresses import AddressLike
from sctpffi.connection import Connection, Receiving
from sctpffi.errors import ClosedError, Error, NoSuchAssociation, WaitTimeout
from sctpffi.messages import Message
from sctpffi.optvalues import PrInfo


class Association(AssociationBase):
    """One association of an Endpoint. Made by `Endpoint.connect`, or found by `Endpoint.association`."""

    endpoint: Endpoint

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
        auth_key: Optional[int] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send one message to this peer, whole or not at all; arguments and errors as `Endpoint.send`."""
        return self.endpoint.send(
            data,
            stream,
            ppid,
            to=self,
            unordered=unordered,
            ttl=ttl,
            prinfo=prinfo,
            context=context,
            auth_key=auth_key,
            timeout=timeout,
        )

    def peeloff(self) -> Connection:
        """Give it a socket of its own, see `Endpoint.peeloff`."""
        return self.endpoint.peeloff(self)


class Endpoint(Receiving, EndpointBase[Association]):
    """A one-to-many socket: any number of associations, set up by peers, by `connect`, or by the first message to one.

    address: where to bind, "10.0.0.1/10.0.1.1:3868"; the default is every address and a free port. Or a one-to-many
    Socket, which it owns from now on. backlog: 0 to take no associations from peers. The rest as for `connect`.
    Iterating gives messages until another thread closes it. Notifications as with `Connection`; each names its
    association.
    Concurrency: one thread may receive, others send and connect, another close.
    """

    _association_class = Association

    def connect(self, address: AddressLike, *, timeout: Timeout = UNSET) -> Association:
        """Set up an association and wait until it is up (RFC 9260 section 5.1). timeout in seconds.

        What comes from others meanwhile is delivered later. If it fails, or the time is up, nothing is left behind.
        Raises ConnectionRefused, ConnectTimeout, AlreadyConnected, WaitTimeout, AddressError, ClosedError.
        """
        deadline = self.socket._deadline(timeout)
        found = self._start(address)
        try:
            self.socket._inbox.until(lambda: self._settled(found), deadline, "connect")
        except BaseException:
            self._abandon(found)
            raise
        return self._finished(found)

    def send(
        self,
        data: Any,
        stream: Optional[int] = None,
        ppid: Optional[int] = None,
        *,
        to: To,
        unordered: bool = False,
        ttl: Optional[float] = None,
        prinfo: Optional[PrInfo] = None,
        context: Optional[int] = None,
        auth_key: Optional[int] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send one message, whole or not at all; see `Socket.send`.

        to: an association, its id, or an address of the peer; to an address that has no association yet one is set up.
        Raises NoSuchAssociation, for an association that was lost what it was lost by, and what `Socket.send` raises.
        """
        return self.socket.send(
            data,
            stream,
            ppid,
            unordered=unordered,
            ttl=ttl,
            prinfo=prinfo,
            context=context,
            auth_key=auth_key,
            timeout=timeout,
            **self._where_to(to),
        )

    def send_all(
        self,
        data: Any,
        stream: Optional[int] = None,
        ppid: Optional[int] = None,
        *,
        unordered: bool = False,
        ttl: Optional[float] = None,
        prinfo: Optional[PrInfo] = None,
        context: Optional[int] = None,
        timeout: Timeout = UNSET,
    ) -> Tuple[int, ...]:
        """Send one message to every association; returns the ids of those that it went to.

        Who ends meanwhile is left out. timeout: seconds for all of them together; WaitTimeout has `sent`, the ids of
        those that it went to before. Raises else what `send` raises.
        """
        deadline = self.socket._deadline(timeout)
        sent: List[int] = []
        for number in self.socket.associations():
            try:
                self.socket._send(
                    data, stream, ppid, unordered, ttl, prinfo, context, 0, number, None, None, None, deadline
                )
            except NoSuchAssociation:
                continue
            except Error as exc:
                exc.sent = tuple(sent)  # type: ignore[attr-defined]  # documented: of this call only
                raise
            sent.append(number)
        return tuple(sent)

    def send_many(
        self,
        messages: Iterable[Any],
        stream: Optional[int] = None,
        ppid: Optional[int] = None,
        *,
        to: Optional[To] = None,
        unordered: bool = False,
        ttl: Optional[float] = None,
        prinfo: Optional[PrInfo] = None,
        context: Optional[int] = None,
        timeout: Timeout = UNSET,
    ) -> int:
        """Send many messages with one native call; how many were sent. See `Socket.send_many`.

        to: as in `send`; None if every message is an `Outgoing` that says it.
        """
        where = {} if to is None else self._where_to(to)
        return self.socket.send_many(
            messages,
            stream,
            ppid,
            unordered=unordered,
            ttl=ttl,
            prinfo=prinfo,
            context=context,
            timeout=timeout,
            **where,
        )

    def __iter__(self) -> Iterator[Message]:
        while True:
            try:
                message = self.recv()
            except ClosedError:
                return
            yield message

    def events(self, *, timeout: Timeout = UNSET) -> Iterator[Item]:
        """Messages and notifications in their order of arrival, until another thread closes it.

        timeout: seconds for each. Raises as `recv`.
        """
        while self.notifications:
            yield self.notifications.popleft()
        while True:
            try:
                item = self.socket.recv(timeout=timeout)
            except ClosedError:
                return
            yield item

    def peeloff(self, association: Union[int, Association]) -> Connection:
        """Give one association a socket of its own, as a Connection (RFC 6458 section 9.2).

        What was received of it and not read yet moves along. Raises NoSuchAssociation.
        """
        return Connection(self._peel(association))

    def close(self, *, timeout: Optional[float] = 0) -> None:
        """Close; any number of times.

        timeout: 0 returns at once, and the associations end gracefully in the background (see `Socket.close`). More, or
        None for ever: shut them all down and wait so many seconds until every peer has acknowledged everything; what
        they still send is thrown away. Raises WaitTimeout if that takes longer; those that are left are aborted.
        """
        deadline = Deadline(check_timeout(timeout))
        if self.closed or timeout == 0:
            self.socket.close()
            return
        try:
            asked: Set[int] = set()
            self.socket._inbox.until(lambda: self._all_gone(asked), deadline, "close", keep=False)
        except WaitTimeout:
            raise self._give_up() from None
        finally:
            self.socket.close()

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
