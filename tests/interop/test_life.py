"""How associations between the kernel's SCTP and usrsctp begin, change and end."""

from __future__ import annotations

import pytest

import sctpffi
from sctpffi import (
    AdaptationIndication,
    AssociationAborted,
    AssocResetEvent,
    AssocState,
    Cause,
    ConnectionRefused,
    EndOfAssociation,
    Event,
    InitParams,
    PeerAddrChange,
    PeerAddrState,
    ResetFlag,
    StreamChangeEvent,
    StreamResetAllow,
    StreamResetEvent,
)
from sctpffi.testing import LIMIT, delivered

ALL = StreamResetAllow.RESET_STREAMS | StreamResetAllow.RESET_ASSOC | StreamResetAllow.CHANGE_ASSOC


def event(end, kind):
    """The next notification of a class; no message may be before it."""
    for item in end.events(timeout=LIMIT):
        if type(item) is kind:
            return item
        assert not isinstance(item, sctpffi.Message), item
    raise AssertionError("the association ended")


def numbers(sender, receiver, stream, times):
    """Send messages on a stream; their stream sequence numbers as they arrive."""
    for _ in range(times):
        sender.send(b"x", stream=stream)
    return [receiver.recv().ssn for _ in range(times)]


# -- ends


@pytest.mark.parametrize("who", ["client", "server"])
def test_graceful_end(net, who):
    """What was sent before a shutdown arrives, then both ends are over, with EOF (RFC 9260 section 9.2)."""
    both = net.both()
    mine, peer = (both.client, both.server) if who == "client" else (both.server, both.client)
    for number in range(20):
        mine.send(b"%d" % number)
    mine.shutdown()
    assert [message.data for message in peer] == [b"%d" % number for number in range(20)]
    for end in (peer, mine):
        with pytest.raises(EndOfAssociation):
            end.recv()


@pytest.mark.parametrize("who", ["client", "server"])
def test_close_waits_for_the_peer(net, who):
    """close(timeout=) returns when the other stack has acknowledged everything (RFC 9260 section 9.2)."""
    both = net.both()
    mine, peer = (both.client, both.server) if who == "client" else (both.server, both.client)
    mine.send(b"last words")
    mine.close(timeout=LIMIT)
    assert [message.data for message in peer] == [b"last words"]


@pytest.mark.parametrize("who", ["client", "server"])
def test_abort(net, who):
    """An abort ends the other stack's association at once, as one by the user (RFC 9260 section 3.3.10.12)."""
    both = net.both(events=(Event.ASSOC_CHANGE,))
    mine, peer = (both.client, both.server) if who == "client" else (both.server, both.client)
    mine.abort()
    with pytest.raises(AssociationAborted) as caught:
        peer.recv()
    assert caught.value.cause is Cause.USER_INITIATED_ABORT


def test_abort_of_an_endpoint_has_its_reason(net):
    """The text of an abort on a one-to-many socket arrives on the other stack (RFC 9260 section 3.3.10.12)."""
    hub, peer = net.endpoint(net.server, events=(Event.ASSOC_CHANGE,)), net.endpoint(net.client)
    association = peer.connect(f"127.0.0.1:{hub.port}", timeout=LIMIT)
    association.abort(b"why not")
    for item in hub.events(timeout=LIMIT):
        if item.state is sctpffi.AssocChangeState.COMM_LOST:
            break
    assert [(cause.code, cause.data) for cause in item.causes] == [(Cause.USER_INITIATED_ABORT, b"why not")]


def test_refused(net):
    """Where nobody listens, the other stack's connect is refused, not left to time out (RFC 9260 section 8.4)."""
    listener = net.listen()
    nobody = listener.port
    listener.close()
    config = net.config(net.client, sctpffi.Config())
    with pytest.raises(ConnectionRefused):
        sctpffi.connect(f"127.0.0.1:{nobody}", timeout=LIMIT, backend=net.client, config=config)


# -- changes


def reconfigurable(net, *events):
    """Two ends that grant each other every reconfiguration, have room for more streams, and hear of it."""
    both = net.both(reset_allowed=ALL, init=InitParams(10, 100), events=events)
    return (both.client, both.server), (both.server, both.client)


def test_reset_of_outgoing_streams(net):
    """A reset of our streams starts their numbers anew on both stacks, and no others (RFC 6525 section 5.2.2)."""
    for mine, peer in reconfigurable(net, Event.STREAM_RESET_EVENT):
        assert numbers(mine, peer, 1, 3) == [0, 1, 2]
        assert numbers(mine, peer, 2, 2) == [0, 1]
        mine.reset_streams([1])
        ours, theirs = event(mine, StreamResetEvent), event(peer, StreamResetEvent)
        assert (ours.ok, ours.streams, ours.flags) == (True, (1,), ResetFlag.OUTGOING)
        assert (theirs.ok, theirs.streams, theirs.flags) == (True, (1,), ResetFlag.INCOMING)
        assert numbers(mine, peer, 1, 1) == [0]
        assert numbers(mine, peer, 2, 1) == [2]


def test_reset_of_incoming_streams(net):
    """A reset that is asked of the other stack starts the numbers of its streams anew (RFC 6525 section 5.2.3)."""
    for mine, peer in reconfigurable(net, Event.STREAM_RESET_EVENT):
        assert numbers(peer, mine, 4, 2) == [0, 1]
        mine.reset_streams([4], outgoing=False, incoming=True)
        theirs, ours = event(peer, StreamResetEvent), event(mine, StreamResetEvent)
        assert (theirs.ok, theirs.streams, theirs.flags) == (True, (4,), ResetFlag.OUTGOING)
        assert (ours.ok, ours.streams, ours.flags) == (True, (4,), ResetFlag.INCOMING)
        assert numbers(peer, mine, 4, 1) == [0]


def test_reset_of_the_association(net):
    """A reset of the association starts all numbers anew, both ways (RFC 6525 section 5.2.4)."""
    ((mine, peer), _) = reconfigurable(net, Event.ASSOC_RESET_EVENT)
    for sender, receiver in ((mine, peer), (peer, mine)):
        assert numbers(sender, receiver, 3, 2) == [0, 1]
    for end in (mine, peer):
        delivered(end.socket)  # else usrsctp grants it and aborts: docs/stacks.md, bug l
    mine.reset_association()
    assert event(mine, AssocResetEvent).ok
    assert event(peer, AssocResetEvent).ok
    for sender, receiver in ((mine, peer), (peer, mine)):
        assert numbers(sender, receiver, 3, 1) == [0]


def test_added_streams(net):
    """Added streams are there at both ends, and carry messages (RFC 6525 sections 5.2.5 and 5.2.6)."""
    for mine, peer in reconfigurable(net, Event.STREAM_CHANGE_EVENT):
        before = mine.status().out_streams
        mine.add_streams(outgoing=3)
        assert event(mine, StreamChangeEvent).ok
        assert event(peer, StreamChangeEvent).ok
        assert (mine.status().out_streams, peer.status().in_streams) == (before + 3, before + 3)
        assert numbers(mine, peer, before + 2, 1) == [0]


def test_adaptation_indication(net):
    """Each end hears the other's adaptation indication (RFC 5061 section 4.2.6)."""
    listener = net.listen(adaptation=7, events=(Event.ADAPTATION_INDICATION,))
    client = net.connect(listener, adaptation=0xFFFFFFFE, events=(Event.ADAPTATION_INDICATION,))
    server = net.accept(listener)
    assert event(client, AdaptationIndication).indication == 7
    assert event(server, AdaptationIndication).indication == 0xFFFFFFFE


def test_two_addresses(net):
    """Both addresses of both ends are known, and messages go either way to each (RFC 9260 section 5.1.2)."""
    listener = net.listen(address="127.0.0.1/127.0.0.2:0")
    client = net.connect(listener, local="127.0.0.1/127.0.0.2:0")
    server = net.accept(listener)
    for mine, peer in ((client, server), (server, client)):
        assert {address.host for address in mine.peer_addresses} == {"127.0.0.1", "127.0.0.2"}
        for path in mine.peer_addresses:
            mine.send(path.host.encode(), to=path)
            assert peer.recv().data == path.host.encode()


@pytest.mark.parametrize("who", ["client", "server"])
def test_addresses_come_and_go(net, who):
    """An address that is added is announced to the other stack and can be sent to, until it goes (RFC 5061 4.2.1)."""
    both = net.both(events=(Event.PEER_ADDR_CHANGE,))
    mine, peer = (both.client, both.server) if who == "client" else (both.server, both.client)
    mine.bind_add("127.0.0.2")
    while True:
        change = event(peer, PeerAddrChange)
        if change.state is PeerAddrState.ADDED:
            break
    assert change.address.host == "127.0.0.2"
    peer.send(b"there", to=change.address)
    assert mine.recv().data == b"there"
    mine.bind_remove("127.0.0.2")
    while event(peer, PeerAddrChange).state is not PeerAddrState.REMOVED:
        pass
    assert [address.host for address in peer.peer_addresses] == ["127.0.0.1"]
    assert peer.status().state is AssocState.ESTABLISHED
