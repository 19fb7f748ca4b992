"""Each of the 14 notifications: what brings it and what it tells (RFC 6458 section 6.1, RFC 6525 section 6.1).

How ASSOC_CHANGE and SHUTDOWN_EVENT drive a socket's life is in test_end.py and test_notifications.py; AUTH's events are
in test_auth.py, those of reconfiguration in test_reconfig.py, SEND_FAILED_EVENT of partial reliability in
test_reliability.py.
"""

from __future__ import annotations

import pytest

from sctpffi import (
    AdaptationIndication,
    AssocChange,
    AssocChangeState,
    AssociationAborted,
    AssocId,
    Cause,
    Event,
    FailedFlag,
    Message,
    NoSuchAssociation,
    PartialDelivery,
    PartialDeliveryEvent,
    PeerAddrChange,
    PeerAddrState,
    RemoteError,
    RtoInfo,
    SenderDryEvent,
    SendFailed,
    SendFailedEvent,
    ShutdownEvent,
    Socket,
    Style,
    UnsupportedOption,
    WaitTimeout,
)
from sctpffi.testing import LIMIT, expected, listener, many_pair, pair

NEVER_SENT = {Event.NOTIFICATIONS_STOPPED_EVENT}


def await_(sock, kind, limit=LIMIT):
    """The next notification of a class; what comes before it is passed over."""
    while True:
        found = sock.recv(timeout=limit)
        if type(found) is kind:
            return found


# -- subscribing


@pytest.mark.parametrize("event", [e for e in Event if e not in NEVER_SENT], ids=str)
def test_every_type_can_be_subscribed(backend, event):
    """SCTP_EVENT switches each type on and off, and tells how it stands (RFC 6458 section 6.2.2)."""
    for style in (Style.ONE_TO_ONE, Style.ONE_TO_MANY):
        with Socket(4, style, backend=backend) as sock:
            assert sock.subscribed(event) is False
            sock.subscribe(event)
            assert sock.subscribed(event) is True
            assert event in sock.subscriptions
            sock.unsubscribe(event)
            assert sock.subscribed(event) is False
            assert event not in sock.subscriptions


@pytest.mark.parametrize("event", sorted(NEVER_SENT), ids=str)
def test_types_that_no_stack_sends(backend, event):
    """A type that no stack sends is UnsupportedOption, which names it (RFC 6458 section 6.1.10)."""
    with Socket(backend=backend) as sock, pytest.raises(UnsupportedOption, match=event.name):
        sock.subscribe(event)


@pytest.mark.parametrize("event", [Event.ASSOC_CHANGE, Event.SENDER_DRY_EVENT], ids=str)
def test_future_associations_only(backend, event):
    """Without an association id a subscription is for associations to come; the others keep theirs (6.2.2)."""
    server, client, first = many_pair(backend)
    with server, client:
        server.subscribe(event)
        assert server.subscribed(event)
        assert server.subscribed(event, first.assoc_id) is False
        server.subscribe(event, assoc_id=AssocId.CURRENT)
        assert server.subscribed(event, first.assoc_id) is True


@pytest.mark.parametrize("event", [Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT, Event.SENDER_DRY_EVENT], ids=str)
def test_all_associations(backend, event):
    """AssocId.ALL is those that there are and those to come (RFC 6458 sections 6.2.2 and 7.2)."""
    server, client, first = many_pair(backend)
    with server, client:
        server.subscribe(event, assoc_id=AssocId.ALL)
        assert server.subscribed(event)
        assert server.subscribed(event, first.assoc_id)
        server.unsubscribe(event, assoc_id=AssocId.ALL)
        assert not server.subscribed(event)
        assert not server.subscribed(event, first.assoc_id)


@pytest.mark.parametrize("event", [Event.ASSOC_CHANGE, Event.SENDER_DRY_EVENT], ids=str)
def test_one_association(backend, event):
    """A subscription to one association shows its notifications and no others' (RFC 6458 section 6.2.2)."""
    server, client, first = many_pair(backend)
    with server, client, Socket(4, Style.ONE_TO_MANY, backend=backend) as other:
        other.settimeout(LIMIT)
        other.bind("127.0.0.1:0")
        other.send(b"second", to=server.local_addresses()[0])
        second = server.recv(timeout=LIMIT)
        server.subscribe(event, assoc_id=second.assoc_id)
        assert not server.subscribed(event)
        assert not server.subscribed(event, first.assoc_id)
        if event is Event.SENDER_DRY_EVENT:
            server.send(b"to both", assoc_id=first.assoc_id)
            server.send(b"to both", assoc_id=second.assoc_id)
        else:
            client.abort(assoc_id=client.associations()[0])
            other.abort(assoc_id=other.associations()[0])
        assert server.recv(timeout=LIMIT).assoc_id == second.assoc_id


def test_unknown_associations(backend):
    """Subscribing to an association that is not there is NoSuchAssociation (RFC 6458 section 6.2.2)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as sock:
        for event in (Event.ASSOC_CHANGE, Event.SENDER_DRY_EVENT):
            with pytest.raises(NoSuchAssociation):
                sock.subscribe(event, assoc_id=4711)


# -- what each tells


def test_peer_addr_change_tells_the_address(backend, two_hosts):
    """An address that the peer named itself is CONFIRMED once it answered a heartbeat (RFC 6458 section 6.1.2)."""
    family = 6 if any(":" in host for host in two_hosts) else 4
    text = "/".join(f"[{host}]" if ":" in host else host for host in two_hosts)
    head, port = listener(backend, f"{text}:0", family)
    with head, Socket(family, backend=backend) as client:
        client.settimeout(LIMIT)
        client.opts.rto_info = RtoInfo(300, 1000, 200)
        client.subscribe(Event.PEER_ADDR_CHANGE)
        client.bind(f"{text}:0")
        client.connect((two_hosts[0], port))
        server, _ = head.accept()
        with server:
            event = await_(client, PeerAddrChange)
            while event.address.host != two_hosts[1] or event.state is not PeerAddrState.CONFIRMED:
                event = await_(client, PeerAddrChange)
            assert event.address.port == port


def test_adaptation_indication(backend):
    """The peer's ADAPTATION_LAYER value comes as ADAPTATION_INDICATION at set-up (RFC 6458 section 6.1.6)."""
    with pair(backend, [Event.ADAPTATION_INDICATION], adaptation_layer=0xCAFEBABE) as both:
        for sock in (both.client, both.server):
            event = await_(sock, AdaptationIndication)
            assert event.indication == 0xCAFEBABE
        assert both.client.opts.adaptation_layer == 0xCAFEBABE


def test_sender_dry(backend):
    """SENDER_DRY comes when everything sent is acknowledged (RFC 6458 section 6.1.9)."""
    with pair(backend) as both:
        both.client.send(b"x" * 1000)
        both.client.subscribe(Event.SENDER_DRY_EVENT)
        event = await_(both.client, SenderDryEvent)
        assert event.type is Event.SENDER_DRY_EVENT
        assert event.source == both.client.peer_addresses()[0]


@pytest.mark.parametrize("event", [Event.SEND_FAILED_EVENT, Event.SEND_FAILED], ids=str)
def test_send_failed_at_the_end(backend, event):
    """What was not acknowledged when the peer aborts comes back, with its stream, PPID and context (section 6.1.11)."""
    with pair(backend, [event], receive_buffer_bytes=5000, nodelay=True) as both:
        both.client.opts.receive_buffer_bytes = 100_000  # BSD drops notifications for which there is no room
        for number in range(12):
            both.client.send(bytes([number]) * 1000, stream=2, ppid=46, context=number, timeout=LIMIT)
        both.server.abort()
        failures = []
        while not failures or failures[-1].context != 11:
            failures.append(await_(both.client, SendFailed if event is Event.SEND_FAILED else SendFailedEvent))
        for failure in failures:
            assert failure.type is event
            assert failure.data == bytes([failure.context]) * 1000
            assert (failure.stream, failure.ppid) == (2, 46)
            assert failure.whole
            assert failure.flags & (FailedFlag.SENT | FailedFlag.UNSENT)
        assert [f.context for f in failures] == sorted(f.context for f in failures)


def test_send_failed_of_a_long_message(backend):
    """A long message may fail in pieces; the first and the last one say so, unless they arrived (section 6.1.11)."""
    with pair(backend, [Event.SEND_FAILED_EVENT], receive_buffer_bytes=5000, max_segment_bytes=1000) as both:
        both.client.opts.receive_buffer_bytes = 100_000  # BSD drops notifications for which there is no room
        data = bytes(range(250)) * 100
        both.client.send(data, stream=1, context=5)
        both.server.abort()
        pieces = []
        while not pieces or not pieces[-1].flags & FailedFlag.LAST:
            pieces.append(await_(both.client, SendFailedEvent))
        assert all(piece.context == 5 for piece in pieces)
        assert data.endswith(b"".join(piece.data for piece in pieces))


def test_remote_error(backend):
    """An ERROR chunk of the peer comes as REMOTE_ERROR with its causes (RFC 6458 section 6.1.3)."""
    # Only a stale cookie or an unknown parameter makes a peer send ERROR, which no socket can be told to do: the
    # decoding is proved on bytes in tests/abi, the subscription here.
    with Socket(backend=backend) as sock:
        sock.subscribe(Event.REMOTE_ERROR)
        assert sock.subscribed(Event.REMOTE_ERROR)
    assert (
        RemoteError(1, None, Cause.INVALID_STREAM, b"\0\1\0\x08\0\7\0\0").text == "invalid stream identifier: stream 7"
    )


def test_abort_cause_in_words(backend):
    """COMM_LOST tells the peer's cause, in words too, with the reason that the peer gave (RFC 6458 section 6.1.1)."""
    server, client, first = many_pair(backend, [Event.ASSOC_CHANGE])
    with server, client:
        client.abort(b"enough", assoc_id=client.associations()[0])
        event = await_(server, AssocChange)
        while event.state is not AssocChangeState.COMM_LOST:
            event = await_(server, AssocChange)
        assert event.assoc_id == first.assoc_id
        assert event.cause is Cause.USER_INITIATED_ABORT
        assert [(cause.code, cause.data) for cause in event.causes] == [(Cause.USER_INITIATED_ABORT, b"enough")]
        assert event.text == "user-initiated abort: 'enough'"


def test_shutdown_event(backend):
    """SHUTDOWN_EVENT comes when the peer shuts down, before the end (RFC 6458 section 6.1.5)."""
    with pair(backend, [Event.SHUTDOWN_EVENT]) as both:
        both.client.shutdown()
        assert isinstance(both.server.recv(timeout=LIMIT), ShutdownEvent)


def test_nothing_comes_unasked(linked):
    """Without a subscription no notification is seen, whatever happens (RFC 6458 section 6.2)."""
    linked.client.send(b"x")
    assert isinstance(linked.server.recv(timeout=LIMIT), Message)
    with pytest.raises(WaitTimeout):
        linked.client.recv(timeout=0.1)
    linked.client.abort()
    with pytest.raises(AssociationAborted):
        linked.server.recv(timeout=LIMIT)


LITTLE_ROOM = {"receive_buffer_bytes": 5000, "partial_delivery_point_bytes": 1000, "max_segment_bytes": 1000}


def test_partial_delivery_event(backend):
    """PARTIAL_DELIVERY_EVENT tells of which message the rest will not come (RFC 6458 section 6.1.7)."""
    with pair(backend, [Event.PARTIAL_DELIVERY_EVENT], **LITTLE_ROOM) as both:
        both.client.send(b"x" * 50_000, stream=3)
        piece = both.server.recv_partial(500, timeout=LIMIT)
        both.client.abort()
        found = [piece]
        with pytest.raises(AssociationAborted):
            while True:
                found.append(both.server.recv_partial(timeout=LIMIT))
        pieces = [item for item in found if isinstance(item, Message)]
        assert not any(piece.complete for piece in pieces)
        events = [item for item in found if isinstance(item, PartialDeliveryEvent)]
        assert len(events) == (1 if expected("partial_delivery_event_after_abort", backend) else 0)
        for event in events:
            assert event.indication is PartialDelivery.ABORTED
            assert (event.stream == 3) is expected("partial_delivery_tells_stream", backend)
            assert event.ssn == 0


@pytest.mark.parametrize("size", [50_000, 500_000])
def test_half_a_message_is_never_delivered(backend, size):
    """A message that the peer gave up half-way is not delivered as if it were whole (RFC 6458 section 6.1.7)."""
    with pair(backend, send_buffer_bytes=1_000_000, **LITTLE_ROOM) as both:
        both.client.opts.send_buffer_bytes = 1_000_000
        both.client.send(b"whole", stream=3)
        both.client.send(b"x" * min(size, both.client.opts.send_buffer_bytes // 2), stream=3)
        assert both.server.recv(timeout=LIMIT).data == b"whole"
        assert both.server.wait_readable(LIMIT)
        both.client.abort()
        with pytest.raises(AssociationAborted):
            both.server.recv(timeout=LIMIT)
