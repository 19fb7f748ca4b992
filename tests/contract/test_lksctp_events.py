"""Notifications, and messages that expire or are never acknowledged: what lksctp-tools and packetdrill check.

Of lksctp-tools basic, events, timetolive, sctp_sendrecvmsg; of packetdrill notifications. tests/suites/*.txt say which
check is which test. How associations end, and what is told then, is in test_lksctp_end.py.
"""

from __future__ import annotations

import pytest

from sctpffi import (
    AdaptationIndication,
    AssocChange,
    AssocChangeState,
    AssociationAborted,
    AssociationTimedOut,
    AssocParams,
    Cause,
    ChunkType,
    Event,
    FailedFlag,
    Message,
    PartialDelivery,
    PartialDeliveryEvent,
    PathFlag,
    PathParams,
    PeerAddrChange,
    PeerAddrState,
    PeerFeature,
    RtoInfo,
    SenderDryEvent,
    SendFailed,
    SendFailedEvent,
    ShutdownEvent,
    Style,
    WaitTimeout,
    WouldBlock,
    errors,
)
from sctpffi.testing import LIMIT, expected

MANY = Style.ONE_TO_MANY
CHUNK = b"m" * 1000
FAILURES = {Event.SEND_FAILED: SendFailed, Event.SEND_FAILED_EVENT: SendFailedEvent}


def change(sock, state=AssocChangeState.COMM_UP):
    """The next item, which must be this change of an association."""
    found = sock.recv(timeout=LIMIT)
    assert isinstance(found, AssocChange), found
    assert found.state is state
    return found


def until_the_end(sock):
    """Everything that is received until the association ends, and how it ended."""
    found = []
    while True:
        try:
            found.append(sock.recv(timeout=LIMIT))
        except errors.Error as exc:
            return found, exc


# -- an association from its beginning to its end


def test_the_life_of_an_association(net):
    """COMM_UP, two messages by id and by address, SHUTDOWN_COMP: each tells where it is from (RFC 6458 6.1.1)."""
    server, client = (net.listener(MANY, [Event.ASSOC_CHANGE]) for _ in range(2))
    client.send(b"first", 1, 1001, to=net.where(server))
    here, there = change(client), change(server)
    assert (here.source, there.source) == (server.local_addresses()[0], client.local_addresses()[0])
    for found in (here, there):
        assert (found.out_streams, found.in_streams, found.info, found.cause) == (10, 10, b"", Cause.NONE)
    client.send(b"second", 2, 1002, assoc_id=here.assoc_id)
    client.send(b"third", 2, 1003, assoc_id=here.assoc_id, to=net.where(server))
    messages = [server.recv() for _ in range(3)]
    assert sorted((m.data, m.stream, m.ppid) for m in messages) == [
        (b"first", 1, 1001),
        (b"second", 2, 1002),
        (b"third", 2, 1003),
    ]
    for message in messages:
        assert message.complete
        assert (message.assoc_id, message.address) == (there.assoc_id, client.local_addresses()[0])
    assert client.local_addresses(here.assoc_id) == server.peer_addresses(there.assoc_id)
    client.close()
    done = change(server, AssocChangeState.SHUTDOWN_COMP)
    assert (done.assoc_id, done.source) == (there.assoc_id, messages[0].address)
    assert (done.out_streams, done.in_streams) == (None, None)


def test_features_in_comm_up(net, backend):
    """COMM_UP tells what the peer supports where the stack does, on both ends (RFC 6458 section 6.1.1)."""
    both = net.linked([Event.ASSOC_CHANGE])
    for sock in (both.client, both.server):
        features = change(sock).features
        if expected("features_in_comm_up", backend):
            assert PeerFeature.PR in features
        else:
            assert features is None


def test_events_of_a_connection(net):
    """COMM_UP on both ends, the message, SHUTDOWN_EVENT and SHUTDOWN_COMP when the peer closes (RFC 6458 6.1.5)."""
    both = net.linked([Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT])
    assert change(both.client).assoc_id == both.client.status().assoc_id
    assert change(both.server).assoc_id == both.server.status().assoc_id
    both.client.send(CHUNK, 1, 1234)
    message = both.server.recv()
    assert (message.data, message.stream, message.ppid, message.complete) == (CHUNK, 1, 1234, True)
    both.client.close()
    ending = both.server.recv()
    assert isinstance(ending, ShutdownEvent)
    assert ending.assoc_id == message.assoc_id
    change(both.server, AssocChangeState.SHUTDOWN_COMP)


def test_events_switched_off_and_on(net):
    """After switching all events off data comes first; SHUTDOWN_EVENT alone brings that alone (RFC 6458 6.2.2)."""
    everything = [Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT, Event.PEER_ADDR_CHANGE]
    server, there, client, here = net.couple(everything)
    assert client.subscriptions == set(everything)
    for event in everything:
        assert server.subscribed(event, there)
    server.unsubscribe(*everything, assoc_id=there)
    for event in everything:
        assert not server.subscribed(event, there)
    client.send(CHUNK, assoc_id=here)
    assert server.recv().data == CHUNK
    server.subscribe(Event.SHUTDOWN_EVENT, assoc_id=there)
    client.shutdown(assoc_id=here)
    assert isinstance(server.recv(), ShutdownEvent)
    states = [client.recv()]
    while states[-1].event is not Event.ASSOC_CHANGE or states[-1].state is not AssocChangeState.SHUTDOWN_COMP:
        states.append(client.recv())
    with pytest.raises(WouldBlock):
        server.recv(timeout=0)


@pytest.mark.parametrize("event", [Event.SHUTDOWN_EVENT, Event.ASSOC_CHANGE, Event.SENDER_DRY_EVENT])
def test_one_event_of_a_connection(net, event):
    """An event of an association is off at first, goes on and off (RFC 6458 section 6.2.2)."""
    both = net.linked()
    assert not both.client.subscribed(event)
    both.client.subscribe(event)
    assert both.client.subscribed(event)
    both.client.unsubscribe(event)
    assert not both.client.subscribed(event)


def test_sender_dry_at_once(net, style):
    """SENDER_DRY comes at once with nothing outstanding, and when what was sent is acknowledged (RFC 6458 6.1.9)."""
    if style is MANY:
        server, _, client, number = net.couple()
    else:
        both = net.linked()
        server, client, number = both.server, both.client, 0
    client.subscribe(Event.SENDER_DRY_EVENT, assoc_id=number)
    dry = client.recv()
    assert isinstance(dry, SenderDryEvent)
    assert dry.assoc_id == (number or client.status().assoc_id)
    client.send(CHUNK, assoc_id=number)
    assert server.recv().data == CHUNK
    assert isinstance(client.recv(), SenderDryEvent)


def test_adaptation_layer(net, style):
    """Each end is told the other's adaptation layer indication at set-up (RFC 6458 sections 6.1.6 and 8.1.10)."""
    head = net.listener(style, [Event.ADAPTATION_INDICATION], adaptation_layer=3)
    client = net.bound(Style.ONE_TO_ONE, [Event.ADAPTATION_INDICATION], adaptation_layer=0xFFFFFFFF)
    client.connect(net.where(head))
    server = net.keep(head.accept()[0]) if style is Style.ONE_TO_ONE else head
    for sock, told in ((client, 3), (server, 0xFFFFFFFF)):
        found = sock.recv()
        assert isinstance(found, AdaptationIndication)
        assert found.indication == told
    assert client.opts.adaptation_layer == 0xFFFFFFFF


def test_the_rest_of_a_message_that_never_comes(net, backend):
    """A message whose sender aborts half-way ends in PARTIAL_DELIVERY_EVENT, but on FreeBSD (RFC 6458 6.1.7)."""
    options = {"receive_buffer_bytes": 5000, "max_segment_bytes": 500, "nodelay": True}
    both = net.linked([Event.PARTIAL_DELIVERY_EVENT], **options)
    both.client.send(b"x" * 40_000, 2)
    piece = both.server.recv_partial(1000)
    assert (piece.stream, piece.complete) == (2, False)
    both.client.abort()
    found = []
    with pytest.raises(AssociationAborted):
        while True:
            found.append(both.server.recv_partial(65536, timeout=LIMIT))
    assert not any(item.complete for item in found if isinstance(item, Message))
    events = [item for item in found if not isinstance(item, Message)]
    assert len(events) == (1 if expected("partial_delivery_event_after_abort", backend) else 0)
    for event in events:
        assert isinstance(event, PartialDeliveryEvent)
        assert event.indication is PartialDelivery.ABORTED


# -- messages that expire


@pytest.mark.parametrize("by", ["address", "id"])
@pytest.mark.parametrize("event", FAILURES)
def test_messages_that_expire(net, backend, event, by):
    """Behind a closed window messages over their TTL are given up, fragments too, others are not (RFC 3758 4.1)."""
    options = {"receive_buffer_bytes": 5000, "max_segment_bytes": 500, "nodelay": True}
    server, _, client, number = net.couple([event], **options)
    way = {"to": net.where(server)} if by == "address" else {"assoc_id": number}
    filling = client.status(number).rwnd_bytes // 500 + 2
    for _ in range(filling):
        client.send(b"f" * 500, **way)
    long = bytes(range(250)) * 6
    for data, context, ttl in ((b"short", 1, 0.05), (b"kept", 2, None), (long, 3, 0.05)):
        client.send(data, ppid=10 + context, context=context, ttl=ttl, **way)
    with pytest.raises(WaitTimeout):
        client.recv(timeout=0.2)  # their time passes
    for _ in range(filling):
        assert server.recv().data == b"f" * 500
    client.send(b"end", **way)
    received = {}
    while 0 not in received:
        message = server.recv()
        received[message.ppid and message.ppid - 10] = message.data
    assert received.pop(2) == b"kept"
    assert received.pop(0) == b"end"
    strictly = expected("expired_before_it_is_sent", backend)
    assert not received or not strictly
    for context, data in ((1, b"short"), (3, long)):
        failed = b""
        while context not in received and failed != data:
            found = client.recv()
            assert type(found) is FAILURES[event]
            assert found.ppid == 10 + found.context
            if found.context != context:
                continue
            if not strictly:  # sent in vain: what was acknowledged does not come back
                assert found.data in data
                break
            assert bool(found.flags & FailedFlag.FIRST) is (failed == b"")
            failed += found.data
            assert bool(found.flags & FailedFlag.LAST) is (failed == data)
        assert received.get(context, data) == data


# -- messages that nobody hears


def unheard(net, events, **options):
    """An association whose client's messages are dropped: they are authenticated with a key that the server lacks."""
    head, client = net.open(), net.open(Style.ONE_TO_ONE, events, rto_info=RtoInfo(100, 200, 100), **options)
    for sock, secret in ((head, b"one secret"), (client, b"another one")):
        sock.auth.enable([ChunkType.DATA])
        sock.auth.set(1, secret)
        sock.auth.activate(1)
        sock.bind(f"{net.host}:0")
    head.listen()
    client.connect(net.where(head))
    return client, net.keep(head.accept()[0])


@pytest.mark.parametrize("event", FAILURES)
def test_a_message_that_is_never_acknowledged(net, event):
    """When the peer acknowledges nothing the message comes back as sent, and all is lost (RFC 6458 6.1.4, 6.1.11)."""
    client, server = unheard(net, [Event.ASSOC_CHANGE, event], assoc_params=AssocParams(max_retrans=2))
    number = change(client).assoc_id
    client.send(CHUNK, 2, 1234, context=77)
    found, end = until_the_end(client)
    assert isinstance(end, AssociationTimedOut)
    failures = [item for item in found if not isinstance(item, AssocChange)]
    (failure,) = failures
    assert type(failure) is FAILURES[event]
    assert (failure.sent, failure.whole, failure.data) == (True, True, CHUNK)
    assert (failure.stream, failure.ppid, failure.context) == (2, 1234, 77)
    assert (failure.assoc_id, failure.cause) == (number, Cause.NONE)
    (lost,) = (item for item in found if isinstance(item, AssocChange))
    assert lost.state is AssocChangeState.COMM_LOST
    with pytest.raises((errors.AssociationLost, WouldBlock)):
        server.recv(timeout=0)


def test_a_path_that_goes_and_comes(net):
    """Unanswered retransmissions make the path UNREACHABLE, an answered heartbeat AVAILABLE again (RFC 6458 6.1.2)."""
    silent = PathParams(max_retrans=1, flags=PathFlag.HB_DISABLE)
    client, _ = unheard(net, [Event.PEER_ADDR_CHANGE], assoc_params=AssocParams(max_retrans=50), path_params=silent)
    number, (path,) = client.status().assoc_id, client.peer_addresses()
    client.send(CHUNK)
    for state in (PeerAddrState.UNREACHABLE, PeerAddrState.AVAILABLE):
        found = client.recv()
        while found.state is not state:  # CONFIRMED, POTENTIALLY_FAILED
            found = client.recv()
        assert isinstance(found, PeerAddrChange)
        assert (found.address, found.assoc_id) == (path, number)
        client.heartbeat()
    client.abort()
