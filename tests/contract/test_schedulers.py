"""Stream schedulers and interleaving of messages (RFC 8260).

A scheduler shows while messages wait, so the peer does not read at first. What each stack's schedulers are and what is
wrong with some of them stands in docs/stacks.md.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sctpffi import (
    ArgumentError,
    ArgumentTypeError,
    Event,
    ExtensionOff,
    OptionRefused,
    PathFlag,
    PathParams,
    PeerFeature,
    Socket,
    StreamScheduler,
    UnsupportedOption,
)
from sctpffi.backends import load
from sctpffi.testing import LIMIT, expected, pair

ROOM = 5000


@pytest.fixture
def waiting(backend):
    """A pair whose server has little room and does not read, so that what the client sends waits."""
    with pair(backend, receive_buffer_bytes=ROOM, nodelay=True) as both:
        # A packet of an ordinary network: the larger one of loopback is filled with what waits before a choice is made.
        both.client.opts.path_params = PathParams(mtu_bytes=1500, flags=PathFlag.PMTUD_DISABLE)
        yield both


def order(both, plan):
    """Send 1000-byte messages on these streams, then read: the streams in their order of arrival."""
    for stream in plan:
        both.client.send(bytes([stream]) * 1000, stream=stream)
    return [both.server.recv(timeout=LIMIT).stream for _ in plan]


def test_first_come_first_served(waiting):
    """With FCFS messages leave in the order in which they were sent (RFC 8260 section 3.1)."""
    waiting.client.opts.set("stream_scheduler", StreamScheduler.FCFS, strict=True)
    plan = [1] * 8 + [2] * 4 + [1] * 2
    assert order(waiting, plan) == plan


def test_round_robin(waiting):
    """With RR the streams take turns, whatever waits on each (RFC 8260 section 3.2)."""
    waiting.client.opts.set("stream_scheduler", StreamScheduler.RR, strict=True)
    found = order(waiting, [1] * 14 + [2] * 4 + [3] * 4)
    assert sorted(found) == [1] * 14 + [2] * 4 + [3] * 4
    after = found[found.index(3) :]
    assert after.count(1) >= 2, found  # in their order of sending all of stream 1 would be over
    assert found[-1] == 1, found


def test_priority(waiting):
    """With PRIO a stream of a lower number goes first, though its messages were sent last (RFC 8260 section 3.4)."""
    client = waiting.client
    client.opts.set("stream_scheduler", StreamScheduler.PRIO, strict=True)
    for stream, priority in ((1, 30), (2, 20), (3, 10)):
        client.opts.of(stream=stream).stream_scheduler_value = priority
        assert client.opts.of(stream=stream).stream_scheduler_value == priority
    found = order(waiting, [1] * 14 + [2] * 3 + [3] * 3)
    assert sorted(found) == [1] * 14 + [2] * 3 + [3] * 3
    assert found.index(3) < found.index(2), found
    assert found[-3:] == [1, 1, 1], found


def schedulers_of(backend):
    """The names of those that the running stack has."""
    names = expected("schedulers", backend).split()
    more, _, since = expected("later_schedulers", backend).partition(" from ")
    if since:
        running, wanted = (tuple(map(int, re.findall(r"\d+", text)[:2])) for text in (load(backend).version(), since))
        names += more.split() if running >= wanted else []
    return names


def test_the_schedulers_of_each_stack(backend):
    """A scheduler that the stack has reads back; another one is not taken (RFC 8260 section 4.3.2)."""
    with Socket(backend=backend) as sock:
        for scheduler in StreamScheduler:
            if scheduler.name in schedulers_of(backend):
                sock.opts.stream_scheduler = scheduler
                assert sock.opts.stream_scheduler in (scheduler, StreamScheduler.FCFS)
                if scheduler is not StreamScheduler.DEFAULT:
                    assert sock.opts.stream_scheduler is scheduler
            else:
                with pytest.raises((UnsupportedOption, OptionRefused)):
                    sock.opts.stream_scheduler = scheduler


def test_the_scheduler_at_first(backend):
    """A fresh socket has the stack's default scheduler (RFC 8260 section 4.3.2)."""
    with Socket(backend=backend) as sock:
        assert sock.opts.stream_scheduler.name == expected("default_scheduler", backend)


def test_values_without_a_scheduler_that_uses_them(linked, backend):
    """A value under a scheduler that has none is 0 on Linux and refused on BSD (RFC 8260 section 4.3.3)."""
    assert linked.client.opts.stream_scheduler.name == expected("default_scheduler", backend)
    options = linked.client.opts.of(stream=1)
    if expected("scheduler_values_always", backend):
        assert options.stream_scheduler_value == 0
    else:
        with pytest.raises(OptionRefused):
            options.get("stream_scheduler_value")


def test_bad_schedulers(linked):
    """What is no scheduler, stream or value is refused by name (RFC 8260 section 4.3)."""
    options = linked.client.opts
    for name, call in {
        "stream_scheduler": lambda: options.set("stream_scheduler", 99),
        "stream": lambda: options.of(stream=65536),
        "stream_scheduler_value": lambda: options.set("stream_scheduler_value", 65536),
    }.items():
        with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
            call()
        assert caught.value.argument == name
    options.stream_scheduler = StreamScheduler.PRIO
    with pytest.raises(OptionRefused):
        options.of(stream=5000).stream_scheduler_value = 1


def test_a_new_scheduler_keeps_what_waits(waiting):
    """Changing the scheduler while messages wait loses none of them (RFC 8260 section 4.3.2)."""
    plan = [1, 2, 3] * 5
    for stream in plan:
        waiting.client.send(bytes([stream]) * 1000, stream=stream)
    waiting.client.opts.stream_scheduler = StreamScheduler.PRIO
    waiting.client.opts.stream_scheduler = StreamScheduler.RR
    assert sorted(waiting.server.recv(timeout=LIMIT).stream for _ in plan) == sorted(plan)


# -- interleaving

GATE = Path("/proc/sys/net/sctp/intl_enable")  # Linux' own switch, of the network namespace


@pytest.fixture
def gate():
    """Sets the gate where there is one, and puts it back."""
    if not GATE.exists():
        yield lambda value: None
        return
    before = GATE.read_text()
    yield lambda value: GATE.write_text(value)
    GATE.write_text(before)


def test_interleaving_supported(backend, gate):
    """INTERLEAVING_SUPPORTED is off at first; on Linux a sysctl has to allow it (RFC 8260 section 4.3.1)."""
    gate("0")
    with Socket(backend=backend) as sock:
        assert sock.opts.interleaving_supported is False
        sock.opts.fragment_interleave = 2
        if expected("interleaving_without_root", backend):
            sock.opts.set("interleaving_supported", True, strict=True)
        else:
            with pytest.raises(ExtensionOff, match="intl_enable"):
                sock.opts.interleaving_supported = True
    gate("1")
    with Socket(backend=backend) as sock:
        sock.opts.fragment_interleave = 2
        sock.opts.set("interleaving_supported", True, strict=True)


@pytest.fixture
def interleaved(backend, gate):
    """A pair that may interleave messages, whose server has little room."""
    gate("1")
    options = {"fragment_interleave": 2, "interleaving_supported": True, "stream_scheduler": StreamScheduler.RR}
    options["max_segment_bytes"] = 1200  # loopback would take each message in two pieces
    options["partial_delivery_point_bytes"] = 2000  # else BSD keeps three halves, and has no room for an end
    with pair(backend, receive_buffer_bytes=20_000, send_buffer_bytes=400_000, nodelay=True, **options) as both:
        assert both.client.opts.interleaving_supported is True
        yield both


LONG = {1: b"a" * 50_000, 2: b"b" * 50_000, 3: b"c" * 50_000}


def test_the_peer_tells_that_it_interleaves(backend, gate):
    """COMM_UP tells whether the peer may interleave, on the stacks that tell features (RFC 8260 section 4.2)."""
    gate("1")
    options = {"fragment_interleave": 2, "interleaving_supported": True}
    with pair(backend, [Event.ASSOC_CHANGE], **options) as both:
        event = both.client.recv(timeout=LIMIT)
        if expected("features_in_comm_up", backend):
            assert PeerFeature.INTERLEAVING in event.features
        else:
            assert event.features is None
        assert both.client.opts.interleaving_supported is True


def test_long_messages_interleave(interleaved):
    """With I-DATA the pieces of messages on several streams come by turns (RFC 8260 section 2)."""
    for stream, data in LONG.items():
        interleaved.client.send(data, stream=stream)
    parts = dict.fromkeys(LONG, b"")
    turns = []
    while parts != LONG:
        piece = interleaved.server.recv_partial(timeout=LIMIT)
        parts[piece.stream] += piece.data
        turns.append((piece.stream, piece.complete))
    first_end = next(at for at, (_, complete) in enumerate(turns) if complete)
    assert len({stream for stream, _ in turns[:first_end]}) > 1, turns


def test_interleaved_messages_are_put_together(interleaved):
    """recv gives messages whole, however their pieces were interleaved (RFC 8260 section 2)."""
    for stream, data in LONG.items():
        interleaved.client.send(data, stream=stream)
    interleaved.client.send(b"short", stream=4)
    found = [interleaved.server.recv(timeout=LIMIT) for _ in range(len(LONG) + 1)]
    assert {item.stream: item.data for item in found} == {**LONG, 4: b"short"}
    assert all(item.complete for item in found)
