"""Messages between the kernel's SCTP and usrsctp: what one sends, the other has, with all that belongs to it."""

from __future__ import annotations

import pytest

import sctpffi
from sctpffi import (
    AssocChange,
    AssocChangeState,
    AssociationAborted,
    AuthKey,
    Cause,
    ChunkType,
    Config,
    DelayedSack,
    Event,
    InitParams,
    NoSuchAssociation,
    PathFlag,
    PathParams,
    PrInfo,
    RtoInfo,
    SendFailedEvent,
    StreamScheduler,
    WaitTimeout,
)
from sctpffi.testing import LIMIT

SMALL_PACKETS = PathParams(mtu_bytes=1500, flags=PathFlag.PMTUD_DISABLE)
CHUNK = b"x" * 1000


def both_ways(both):
    """Each end as the sender, the other as the receiver."""
    return (both.client, both.server), (both.server, both.client)


def exchange(both, data=b"x"):
    """A message each way."""
    for sender, receiver in both_ways(both):
        sender.send(data)
        assert receiver.recv().data == data


def test_what_belongs_to_a_message(net):
    """Stream, PPID, order and numbers arrive as they were sent, both ways."""
    both = net.both()
    for sender, receiver in both_ways(both):
        for number in range(3):
            sender.send(b"ordered %d" % number, stream=9, ppid=46)
        sender.send(b"unordered", stream=2, ppid=0xFFFFFFFE, unordered=True)
        found = [receiver.recv() for _ in range(4)]
        assert [(m.data, m.stream, m.ssn, m.ppid) for m in found if not m.unordered] == [
            (b"ordered %d" % number, 9, number, 46) for number in range(3)
        ]
        assert [(m.data, m.stream, m.ppid) for m in found if m.unordered] == [(b"unordered", 2, 0xFFFFFFFE)]
        assert len({m.tsn for m in found}) == 4


@pytest.mark.parametrize("size", [1, 1400, 70_000, 300_000])
def test_sizes(net, size):
    """Messages of one byte, of nearly a packet, and of many, arrive whole."""
    both = net.both()
    data = bytes(range(256)) * (size // 256 + 1)
    for sender, receiver in both_ways(both):
        sender.send(data[:size], stream=1)
        assert receiver.recv().data == data[:size]


def test_many_at_once(net):
    """Five hundred messages on ten streams, both ways at once: none is lost or doubled, each stream keeps its order."""
    both = net.both()
    for number in range(500):
        for sender, _ in both_ways(both):
            sender.send(b"%d" % number, stream=number % 10)
    for _, receiver in both_ways(both):
        found = [receiver.recv() for _ in range(500)]
        for stream in range(10):
            came = [int(m.data) for m in found if m.stream == stream]
            assert came == list(range(stream, 500, 10))


def test_streams_are_negotiated(net):
    """Each direction has as many streams as the one offers and the other takes (RFC 9260 section 5.1.1)."""
    listener = net.listen(init=InitParams(out_streams=7, in_streams=4))
    client = net.connect(listener, init=InitParams(out_streams=12, in_streams=5))
    server = net.accept(listener)
    assert (client.status().out_streams, client.status().in_streams) == (4, 5)
    assert (server.status().out_streams, server.status().in_streams) == (5, 4)
    client.send(b"last", stream=3)
    assert server.recv().stream == 3


def test_both_measure_the_path(net):
    """Each end knows the other's address and UDP port, and has measured the way to it."""
    both = net.both()
    exchange(both)
    for end, stack in ((both.client, net.server), (both.server, net.client)):
        (path,) = end.paths()
        assert path.state is sctpffi.PathState.ACTIVE
        assert end.opts.of(address=path.address).udp_encaps_port.port == {"linux": 9899, "usrsctp": 9900}[stack]
        end.heartbeat()
    exchange(both)


def test_endpoints(net):
    """One-to-many sockets of both stacks: a first message sets the association up, the other answers by its id."""
    hub, peer = net.endpoint(net.server), net.endpoint(net.client)
    peer.send(b"hello", stream=2, to=f"127.0.0.1:{hub.port}")
    message = hub.recv(timeout=LIMIT)
    assert (message.data, message.stream, message.address.port) == (b"hello", 2, peer.port)
    hub.send(b"welcome", to=message.assoc_id)
    assert peer.recv(timeout=LIMIT).data == b"welcome"
    with hub.peeloff(message.assoc_id) as conn:
        conn.send(b"just you")
        assert peer.recv(timeout=LIMIT).data == b"just you"
    with pytest.raises(NoSuchAssociation):
        hub.send(b"x", to=message.assoc_id)


def test_many_associations(net):
    """Fifty associations between two endpoints' hosts, each with a message of its own."""
    hub = net.endpoint(net.server)
    clients = [net.endpoint(net.client) for _ in range(50)]
    for number, client in enumerate(clients):
        client.send(b"%d" % number, to=f"127.0.0.1:{hub.port}")
    for _ in clients:
        message = hub.recv(timeout=LIMIT)
        hub.send(b"to " + message.data, to=message.assoc_id)
    for number, client in enumerate(clients):
        assert client.recv(timeout=LIMIT).data == b"to %d" % number
    assert len(hub.associations()) == 50


# -- AUTH


def keyed(secret):
    """A Config that authenticates DATA by one key."""
    return Config(auth_keys=(AuthKey(3, secret),), auth_active_key=3, auth_chunks=(ChunkType.DATA,))


def test_authenticated_messages(net):
    """With the same key, DATA is authenticated both ways, and each end knows what the other wants (RFC 4895)."""
    both = net.both(keyed(b"a secret of both stacks"))
    exchange(both)
    for end in (both.client, both.server):
        assert ChunkType.DATA in end.auth.peer_chunks
        assert end.auth.active == 3


def test_another_key_is_not_heard(net):
    """With different keys the association comes up, and DATA is dropped by either stack (RFC 4895 section 6.3)."""
    listener = net.listen(keyed(b"one"))
    client = net.connect(listener, keyed(b"another"))
    server = net.accept(listener)
    for sender, receiver in ((client, server), (server, client)):
        sender.send(b"forged")
        with pytest.raises(WaitTimeout):
            receiver.recv(timeout=0.4)


# -- interleaving and partial reliability


def stalled(net, **fields):
    """Both ends; they have little room, and send small packets, so that what nobody reads waits at the sender."""
    return net.both(
        receive_buffer_bytes=20_000,
        path=SMALL_PACKETS,
        rto=RtoInfo(400, 1000, 300),
        delayed_sack=DelayedSack(0, 1),
        **fields,
    )


def test_order_without_interleaving(net):
    """A short message waits behind the long one that was sent before it, on another stream too (RFC 9260 6.6)."""
    both = stalled(net, scheduler=StreamScheduler.RR)
    long = bytes(range(256)) * 600
    for sender, receiver in both_ways(both):
        sender.send(long, stream=1)
        sender.send(b"short", stream=2)
        assert [receiver.recv().data for _ in range(2)] == [long, b"short"]


def test_i_data(net):
    """I-DATA carries messages of one fragment between the stacks, with 32 bits of numbers (RFC 8260 section 2.1)."""
    both = net.both(interleaving=True)
    for sender, receiver in both_ways(both):
        assert sender.opts.interleaving_supported is True
        for number in range(3):
            sender.send(CHUNK, stream=5, ppid=46)
            message = receiver.recv()
            assert (message.data, message.stream, message.ssn, message.ppid) == (CHUNK, 5, number, 46)
        sender.send(CHUNK, stream=6, ppid=47, unordered=True)
        message = receiver.recv()
        assert (message.data, message.stream, message.ppid, message.unordered) == (CHUNK, 6, 47, True)


def test_i_data_of_several_fragments(net):
    """Linux counts fragments of I-DATA otherwise, so that long messages never arrive: docs/stacks.md (RFC 8260 2.1).

    If this fails, Linux was mended: docs/stacks.md has to tell from which version on.
    """
    both = net.both(interleaving=True, path=SMALL_PACKETS, events=(Event.ASSOC_CHANGE,))
    kernel, other = (both.server, both.client) if net.server == "linux" else (both.client, both.server)
    other.send(CHUNK * 5)
    with pytest.raises(WaitTimeout):
        kernel.recv(timeout=0.5)
    kernel.send(CHUNK * 5)
    with pytest.raises(AssociationAborted):
        kernel.recv()
    (lost,) = [item for item in kernel.notifications if item.state is AssocChangeState.COMM_LOST]
    assert [code for code, _ in lost.causes] == [Cause.PROTOCOL_VIOLATION]
    assert b"FSN" in lost.info


def test_expired_messages(net):
    """What is given up is skipped on the other stack too: the message after it arrives (RFC 3758 section 3.6)."""
    both = stalled(net, events=(Event.SEND_FAILED_EVENT,))
    for sender, receiver in both_ways(both):
        for number in range(60):
            sender.send(b"%03d" % number + CHUNK, stream=3, ttl=0.2)
        assert isinstance(next(sender.events()), SendFailedEvent)  # the receiver reads nothing until then
        sender.send(b"end", stream=3, prinfo=PrInfo())
        found = []
        while not found or found[-1] != b"end":
            found.append(receiver.recv().data)
        numbers = [int(data[:3]) for data in found[:-1]]
        assert numbers == sorted(set(numbers))
        assert len(numbers) < 60


def test_comm_up_is_told_to_both(net):
    """Both hear COMM_UP with the numbers of streams that status has."""
    both = net.both(events=(Event.ASSOC_CHANGE,))
    for end in (both.client, both.server):
        exchange(both)
        ups = [item for item in end.notifications if isinstance(item, AssocChange)]
        assert [item.state for item in ups] == [AssocChangeState.COMM_UP]
        assert (ups[0].out_streams, ups[0].in_streams) == (end.status().out_streams, end.status().in_streams)
