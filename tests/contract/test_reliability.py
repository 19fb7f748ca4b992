"""Partial reliability: messages that are given up, by age, retransmissions or priority (RFC 3758, RFC 7496).

A message is only given up while it waits, so the tests fill the peer's receive window first: nobody reads there.
"""

from __future__ import annotations

import pytest

from sctpffi import (
    ArgumentError,
    ArgumentTypeError,
    Cause,
    DelayedSack,
    Event,
    FailedFlag,
    NotConnected,
    OptionRefused,
    PathFlag,
    PathParams,
    PrInfo,
    PrPolicy,
    PrStatus,
    RtoInfo,
    SendFailedEvent,
    Socket,
    WaitTimeout,
    WouldBlock,
)
from sctpffi.testing import LIMIT, expected, pair

CHUNK = b"x" * 1000


def stalled(backend, **options):
    """A pair whose server reads nothing and has little room, so that messages wait at the client."""
    options.setdefault("rto_info", RtoInfo(400, 1000, 300))
    options.setdefault("delayed_sack", DelayedSack(0, 1))  # no message is taken for lost that is only not acknowledged
    both = pair(backend, [Event.SEND_FAILED_EVENT], receive_buffer_bytes=5000, nodelay=True, **options)
    both.client.opts.receive_buffer_bytes = 100_000  # BSD drops notifications for which there is no room
    # One message a packet: those that share a packet of loopback's size are lost together.
    both.client.opts.path_params = PathParams(mtu_bytes=1500, flags=PathFlag.PMTUD_DISABLE)
    return both


def numbered(number):
    """A message of 1000 bytes that tells its number."""
    return number.to_bytes(4, "big") * 250


def outcome(both, backend):
    """Wait until a message on stream 3 was given up, then read: what arrived, and the failures of the others."""
    failures = [both.client.recv(timeout=LIMIT)]
    both.client.send(b"end", stream=3, prinfo=PrInfo())
    received = []
    while not received or received[-1] != b"end":
        received.append(both.server.recv(timeout=LIMIT).data)
    counted = both.client.pr_status()
    told = counted.unsent + (counted.sent if expected("sent_in_vain_comes_back", backend) else 0)
    while len(failures) < told:
        failures.append(both.client.recv(timeout=LIMIT))
    assert all(type(item) is SendFailedEvent for item in failures)
    return received[:-1], failures


def test_an_expired_message_comes_back(backend):
    """A message over its TTL is given up, and SEND_FAILED_EVENT brings it back (RFC 6458 section 6.1.11)."""
    with stalled(backend) as both:
        for number in range(12):
            both.client.send(numbered(number), stream=3, ppid=46, ttl=0.1, context=number)
        received, failures = outcome(both, backend)
        for event in failures:
            assert (event.data, event.stream, event.ppid) == (numbered(event.context), 3, 46)
            assert event.sent is bool(event.flags & FailedFlag.SENT)
            assert event.whole
            assert event.cause is Cause.NONE
        assert not {event.data for event in failures if not event.sent} & {*received}
        lost = {numbered(n) for n in range(12)} - {*received, *(event.data for event in failures)}
        assert len(lost) == (0 if expected("sent_in_vain_comes_back", backend) else both.client.pr_status().sent)


def test_whether_expired_messages_are_sent(backend):
    """A message that expired while it waited is never sent on Linux, and still is on BSD (RFC 3758 section 4.1)."""
    with stalled(backend) as both:
        for number in range(12):
            both.client.send(numbered(number), stream=3, ttl=0.1)
        received, _ = outcome(both, backend)
        late = {numbered(n) for n in range(6, 12)} & {*received}
        assert (not late) is expected("expired_before_it_is_sent", backend)


def test_pr_status_counts_what_was_given_up(backend):
    """PR_ASSOC_STATUS and PR_STREAM_STATUS count what was abandoned, by stream and policy (RFC 7496 4.3, 4.4)."""
    with stalled(backend) as both:
        assert both.client.pr_status() == PrStatus(0, 0)
        for number in range(12):
            both.client.send(numbered(number), stream=3, ttl=0.1)
        _, failures = outcome(both, backend)
        counted = both.client.pr_status()
        assert counted.unsent == sum(not event.sent for event in failures)
        assert counted.unsent + counted.sent >= len(failures) > 0
        assert both.client.pr_status(PrPolicy.TTL) == counted
        assert both.client.pr_status(PrPolicy.RTX) == PrStatus(0, 0)
        assert both.client.pr_status(stream=3) == counted
        assert both.client.pr_status(stream=4) == PrStatus(0, 0)
        if expected("pr_stream_status_by_policy", backend):
            assert both.client.pr_status(PrPolicy.TTL, stream=3) == counted
            assert both.client.pr_status(PrPolicy.RTX, stream=3) == PrStatus(0, 0)
        else:
            with pytest.raises(OptionRefused):
                both.client.pr_status(PrPolicy.TTL, stream=3)


def test_messages_of_low_priority_make_room(backend):
    """With PRIO a full send buffer gives up messages of lower priority, the highest numbers (RFC 7496 section 3.2)."""
    with stalled(backend, send_buffer_bytes=30_000) as both:
        sent = 0
        with pytest.raises(WaitTimeout):
            while True:  # until there is no room, and none comes: the peer's window is full too
                both.client.send(CHUNK, prinfo=PrInfo(PrPolicy.PRIO, 200), timeout=0.5)
                sent += 1
        urgent = PrInfo(PrPolicy.PRIO, 1)
        if not expected("priority_makes_room", backend):
            with pytest.raises(WouldBlock):
                both.client.send(CHUNK, prinfo=urgent, timeout=0)
            assert both.client.pr_status(PrPolicy.PRIO) == PrStatus(0, 0)
            return
        both.client.send(b"urgent", prinfo=urgent, stream=1, timeout=LIMIT)
        given_up = both.client.pr_status(PrPolicy.PRIO)
        assert given_up.unsent + given_up.sent > 0
        received = 0
        while both.server.recv(timeout=LIMIT).data != b"urgent":
            received += 1
        assert received < sent


@pytest.mark.parametrize(
    "prinfo", [PrInfo(PrPolicy.TTL, 60_000), PrInfo(PrPolicy.RTX, 3), PrInfo(PrPolicy.PRIO, 5), PrInfo()]
)
def test_every_policy_delivers(linked, prinfo):
    """A message of any policy arrives where nothing is lost (RFC 7496 section 4.2)."""
    linked.client.send(b"arrives", prinfo=prinfo)
    assert linked.server.recv(timeout=LIMIT).data == b"arrives"


@pytest.mark.parametrize("prinfo", [PrInfo(PrPolicy.TTL, 60_000), PrInfo(PrPolicy.RTX, 1000)])
def test_a_generous_value_keeps_messages(backend, prinfo):
    """What may wait for a minute, or be sent a thousand times, is kept for a second (RFC 7496 section 4.2)."""
    with stalled(backend) as both:
        for number in range(12):
            both.client.send(numbered(number), stream=3, prinfo=prinfo)
        with pytest.raises(WaitTimeout):
            both.client.recv(timeout=1)
        assert [both.server.recv(timeout=LIMIT).data for _ in range(12)] == [numbered(n) for n in range(12)]
        assert both.client.pr_status() == PrStatus(0, 0)


@pytest.mark.parametrize("policy", [PrPolicy.TTL, PrPolicy.RTX, PrPolicy.PRIO])
def test_default_prinfo(backend, policy):
    """DEFAULT_PRINFO reads back at socket and association scope (RFC 6458 section 8.1.32)."""
    wanted = PrInfo(policy, 7)
    with pair(backend) as both:
        both.client.opts.set("default_prinfo", wanted, strict=True)
        assert both.client.opts.default_prinfo == wanted
    with Socket(backend=backend) as sock:
        sock.opts.set("default_prinfo", wanted, strict=True)


def test_default_prinfo_holds_for_messages_without(backend):
    """A message for which send() is told nothing is given up as DEFAULT_PRINFO says (RFC 6458 section 8.1.32)."""
    with stalled(backend) as both:
        both.client.opts.default_prinfo = PrInfo(PrPolicy.TTL, 100)
        for number in range(12):
            both.client.send(numbered(number), stream=3)
        _, failures = outcome(both, backend)
        assert failures
        counted = both.client.pr_status(PrPolicy.TTL)
        assert counted.unsent + counted.sent >= len(failures)


def test_a_message_can_be_reliable_against_the_default(backend):
    """PrInfo() makes one message reliable where the default is not (RFC 6458 section 5.3.7)."""
    with stalled(backend) as both:
        both.client.opts.default_prinfo = PrInfo(PrPolicy.TTL, 1)
        for number in range(20):
            both.client.send(numbered(number), prinfo=PrInfo())
        assert [both.server.recv(timeout=LIMIT).data for _ in range(20)] == [numbered(n) for n in range(20)]
        assert both.client.pr_status() == PrStatus(0, 0)


def test_pr_supported(backend):
    """PR_SUPPORTED is on at first, and off it turns the policies off (RFC 7496 section 4.5)."""
    with Socket(backend=backend) as sock:
        assert sock.opts.pr_supported is True
        sock.opts.set("pr_supported", False, strict=True)
    with stalled(backend, pr_supported=False) as both:
        assert both.client.opts.pr_supported is False
        for number in range(12):
            both.client.send(numbered(number), ttl=0.05)
        with pytest.raises(WaitTimeout):
            both.client.recv(timeout=0.3)  # far more than the TTL
        assert [both.server.recv(timeout=LIMIT).data for _ in range(12)] == [numbered(n) for n in range(12)]


def test_bad_reliability(linked):
    """What is no reliability is refused by name (RFC 6458 section 5.3.7)."""
    for name, call in {
        "ttl": lambda: linked.client.send(b"x", ttl=1, prinfo=PrInfo(PrPolicy.TTL, 1)),
        "prinfo.policy": lambda: linked.client.send(b"x", prinfo=PrInfo(PrPolicy.ALL, 1)),
        "prinfo.value": lambda: linked.client.send(b"x", prinfo=PrInfo(PrPolicy.NONE, 1)),
        "prinfo": lambda: linked.client.send(b"x", prinfo=5),
        "default_prinfo.policy": lambda: linked.client.opts.set("default_prinfo", PrInfo(PrPolicy.ALL)),
        "policy": lambda: linked.client.pr_status(9),
        "stream": lambda: linked.client.pr_status(stream=65536),
    }.items():
        with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
            call()
        assert caught.value.argument == name


def test_pr_status_without_an_association(backend):
    """Without an association there is no PR status (RFC 7496 section 4.3)."""
    with Socket(backend=backend) as sock, pytest.raises(NotConnected):
        sock.pr_status()
