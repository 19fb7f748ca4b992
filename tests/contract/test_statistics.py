"""Counters and snapshots: of an association, of its paths, and of the whole stack (RFC 6458 section 8.2, RFC 3873)."""

from __future__ import annotations

import json

import pytest

from sctpffi import (
    AssocStats,
    BufferUse,
    NoSuchAssociation,
    Snapshot,
    Socket,
    StackCounters,
    Style,
    Timeouts,
    UnsupportedOption,
    WrongStyle,
    stack_counters,
)
from sctpffi.testing import LIMIT, delivered, expected, many_pair, pair


def test_stack_counters_count(backend):
    """The stack's counters go up with what happens, under the same names on every stack (RFC 3873 section 3.1.1)."""
    before = stack_counters(backend)
    with pair(backend) as both:
        during = stack_counters(backend)
        for number in range(10):
            both.client.send(b"x", unordered=number % 2 == 0)
        for _ in range(10):
            both.server.recv(timeout=LIMIT)
        both.server.abort()
    after = stack_counters(backend)
    assert isinstance(after, StackCounters)
    assert during.active_established == before.active_established + 1
    assert during.passive_established == before.passive_established + 1
    assert during.current_established >= before.current_established + 2
    assert after.out_ordered_chunks >= before.out_ordered_chunks + 5
    assert after.out_unordered_chunks >= before.out_unordered_chunks + 5
    assert after.in_ordered_chunks >= before.in_ordered_chunks + 5
    assert after.out_packets > before.out_packets
    assert after.in_packets > before.in_packets
    assert after.in_control_chunks > before.in_control_chunks
    assert after.aborted > before.aborted


def test_a_fragmented_message_counts(backend):
    """A message over the fragmentation point counts as fragmented and as reassembled (RFC 3873 section 3.1.1)."""
    before = stack_counters(backend)
    with pair(backend, max_segment_bytes=1000) as both:
        both.client.send(bytes(5000))
        both.server.recv(timeout=LIMIT)
    after = stack_counters(backend)
    assert after.fragmented_messages > before.fragmented_messages
    assert after.reassembled_messages > before.reassembled_messages


def test_the_stacks_own_counters(backend):
    """What a stack counts besides is there under its own names."""
    found = stack_counters(backend).other
    assert len(found) > 10
    assert all(isinstance(value, int) and value >= 0 for value in found.values())


def test_association_counters(backend):
    """The counters of an association: its chunks on Linux, its timers on BSD, with None for what a stack lacks."""
    with pair(backend) as both:
        for _ in range(5):
            both.client.send(b"x")
        for _ in range(5):
            both.server.recv(timeout=LIMIT)
        delivered(both.client)
        (found,) = both.client.snapshot().associations
        assert isinstance(found.stats, AssocStats) is expected("association_counters", backend)
        assert isinstance(found.timeouts, Timeouts) is not expected("association_counters", backend)
        if found.stats is not None:
            assert found.stats.out_ordered_chunks == 5
            assert both.server.opts.assoc_stats.in_ordered_chunks == 5
            assert found.stats.out_control_chunks > 0
        else:
            with pytest.raises(UnsupportedOption):
                both.client.opts.get("assoc_stats")
            assert found.timeouts.data >= 0


def test_buffer_use(backend):
    """How much of its buffers an association uses is told on BSD, and refused by name on Linux."""
    with pair(backend, receive_buffer_bytes=5000) as both:
        if expected("association_counters", backend):
            with pytest.raises(UnsupportedOption):
                both.client.opts.get("buffer_use")
            return
        assert both.client.opts.buffer_use == BufferUse(0, 0)
        for _ in range(12):
            both.client.send(bytes(1000))
        assert both.client.opts.buffer_use.send_bytes >= 6000  # the peer has room for 5000 and does not read


def test_snapshot(linked, backend):
    """A snapshot has the stack's counters, the association's status and paths, and turns into JSON."""
    found = linked.client.snapshot()
    assert isinstance(found, Snapshot)
    assert found.backend == backend
    assert found.version
    (one,) = found.associations
    assert one.status.state.name == "ESTABLISHED"
    assert [path.address for path in one.paths] == linked.client.peer_addresses()
    assert (one.pr.unsent, one.pr.sent) == (0, 0)
    plain = json.loads(found.to_json())
    assert plain == json.loads(json.dumps(found.as_dict()))
    assert plain["associations"][0]["status"]["state"] == "ESTABLISHED"
    assert plain["associations"][0]["paths"][0]["address"] == str(linked.client.peer_addresses()[0])
    assert plain["stack"]["current_established"] >= 2


def test_snapshot_without_an_association(backend):
    """Without an association a snapshot has the stack's counters only."""
    with Socket(backend=backend) as sock:
        assert sock.snapshot().associations == []


def test_snapshot_of_many(backend):
    """On one-to-many sockets a snapshot has every association, or the one that is named."""
    server, client, first = many_pair(backend)
    with server, client:
        found = server.snapshot()
        assert [item.status.assoc_id for item in found.associations] == [first.assoc_id]
        assert server.snapshot(first.assoc_id).associations[0].status.assoc_id == first.assoc_id
        assert server.snapshot(4711).associations == []


def test_associations_are_found(backend):
    """GET_ASSOC_NUMBER and GET_ASSOC_ID_LIST tell the associations, find_association by address (RFC 6458 8.2.6)."""
    server, client, first = many_pair(backend)
    with server, client:
        assert server.opts.assoc_number == 1
        assert server.associations() == (first.assoc_id,)
        assert server.find_association(first.address) == first.assoc_id
        with pytest.raises(NoSuchAssociation):
            server.find_association(("127.0.0.1", 9))
        server.send(b"bye", assoc_id=first.assoc_id)
    with Socket(backend=backend) as one, pytest.raises(WrongStyle):
        one.associations()


def test_many_association_ids(backend):
    """However many associations there are, all their ids are told, each once (RFC 6458 section 8.2.6)."""
    server, client, _ = many_pair(backend)
    with server, client:
        port = server.local_addresses()[0].port
        others = [Socket(4, Style.ONE_TO_MANY, backend=backend) for _ in range(30)]
        try:
            for sock in others:
                sock.settimeout(LIMIT)
                sock.bind("127.0.0.1:0")
                sock.send(b"hi", to=f"127.0.0.1:{port}")
            ids = {server.recv(timeout=LIMIT).assoc_id for _ in others}
            assert len(ids) == 30
            assert ids < set(server.associations())
            assert len(server.associations()) == server.opts.assoc_number == 31
        finally:
            for sock in others:
                sock.close()
