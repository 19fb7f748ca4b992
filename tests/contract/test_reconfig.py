"""Stream reconfiguration: reset streams or the association, add streams, grant or deny (RFC 6525).

What a request does is read from both ends: their notifications, their status, and the numbering of messages.
"""

from __future__ import annotations

import pytest

import sctpffi
from sctpffi import (
    ArgumentError,
    AssocResetEvent,
    Config,
    Event,
    ExtensionOff,
    InitParams,
    Message,
    NotConnected,
    OptionRefused,
    RequestPending,
    ResetFlag,
    SenderDryEvent,
    Socket,
    StreamChangeEvent,
    StreamResetAllow,
    StreamResetEvent,
    Style,
    WaitTimeout,
)
from sctpffi.testing import LIMIT, delivered, expected, pair

EVENTS = [Event.STREAM_RESET_EVENT, Event.ASSOC_RESET_EVENT, Event.STREAM_CHANGE_EVENT]
ALL = int(StreamResetAllow.RESET_STREAMS | StreamResetAllow.RESET_ASSOC | StreamResetAllow.CHANGE_ASSOC)


@pytest.fixture
def ready(backend):
    """Two associated sockets that grant each other every reconfiguration and hear of it."""
    with pair(backend, EVENTS, reconfig_supported=True, enable_stream_reset=ALL) as both:
        yield both


def say(sender, receiver, stream, times=1):
    """Send messages on a stream; their stream sequence numbers as they arrive."""
    for _ in range(times):
        sender.send(b"x", stream=stream)
    found = [receiver.recv(timeout=LIMIT) for _ in range(times)]
    assert all(isinstance(item, Message) and item.stream == stream for item in found), found
    return [item.ssn for item in found]


def event(sock, kind):
    """The next item, which must be a notification of this class."""
    found = sock.recv(timeout=LIMIT)
    assert type(found) is kind, found
    return found


def test_reset_of_outgoing_streams(ready):
    """A reset of our streams starts their numbering anew, and both ends hear which (RFC 6525 sections 6.1.1, 6.3.2)."""
    assert say(ready.client, ready.server, 1, 3) == [0, 1, 2]
    assert say(ready.client, ready.server, 2, 2) == [0, 1]
    ready.client.reset_streams([1])
    ours, theirs = event(ready.client, StreamResetEvent), event(ready.server, StreamResetEvent)
    assert (ours.ok, ours.streams, ours.flags) == (True, (1,), ResetFlag.OUTGOING)
    assert (theirs.ok, theirs.streams, theirs.flags) == (True, (1,), ResetFlag.INCOMING)
    assert say(ready.client, ready.server, 1) == [0]
    assert say(ready.client, ready.server, 2) == [2]


def test_reset_of_incoming_streams(ready):
    """Asking for a reset of the peer's streams starts his numbering anew (RFC 6525 section 6.3.2)."""
    assert say(ready.server, ready.client, 4, 2) == [0, 1]
    ready.client.reset_streams([4], outgoing=False, incoming=True)
    theirs, ours = event(ready.server, StreamResetEvent), event(ready.client, StreamResetEvent)
    assert (theirs.ok, theirs.streams, theirs.flags) == (True, (4,), ResetFlag.OUTGOING)
    assert (ours.ok, ours.streams, ours.flags) == (True, (4,), ResetFlag.INCOMING)
    assert say(ready.server, ready.client, 4) == [0]


def test_reset_of_all_streams(ready):
    """A reset that names no stream is of all (RFC 6525 section 6.3.2)."""
    for stream in (0, 5):
        say(ready.client, ready.server, stream, 2)
    ready.client.reset_streams()
    for sock, direction in ((ready.client, ResetFlag.OUTGOING), (ready.server, ResetFlag.INCOMING)):
        seen = set()
        while not {0, 5} <= seen:  # BSD resets each stream when it has nothing unacknowledged
            found = event(sock, StreamResetEvent)
            assert found.ok
            assert found.flags == direction
            seen |= set(found.streams) or {0, 5}
    assert [say(ready.client, ready.server, stream) for stream in (0, 5)] == [[0], [0]]


def test_several_streams_in_one_reset(ready):
    """One reset names several streams, and the event tells them all (RFC 6525 section 6.1.1)."""
    ready.client.reset_streams([7, 2, 9])
    assert sorted(event(ready.server, StreamResetEvent).streams) == [2, 7, 9]


def test_added_outgoing_streams(ready):
    """Added streams of ours can be used, and STATUS shows them at both ends (RFC 6525 section 6.3.4)."""
    before = ready.client.status().out_streams
    ready.client.add_streams(outgoing=3)
    assert event(ready.client, StreamChangeEvent).ok
    assert event(ready.server, StreamChangeEvent).ok
    assert ready.client.status().out_streams == before + 3
    assert ready.server.status().in_streams == before + 3
    assert say(ready.client, ready.server, before + 2) == [0]


def test_added_incoming_streams(ready):
    """Streams asked of the peer are his to use (RFC 6525 section 6.3.4)."""
    before = ready.server.status().out_streams
    ready.client.add_streams(incoming=2)
    assert event(ready.server, StreamChangeEvent).ok
    assert event(ready.client, StreamChangeEvent).ok
    assert ready.server.status().out_streams == before + 2
    assert say(ready.server, ready.client, before + 1) == [0]


def test_numbers_in_the_event_of_added_streams(ready, backend):
    """STREAM_CHANGE_EVENT tells how many streams were added, or how many there are now (RFC 6525 section 6.1.3)."""
    total = ready.client.status().out_streams
    ready.client.add_streams(outgoing=3)
    found = event(ready.client, StreamChangeEvent)
    assert found.out_streams == (3 if expected("stream_change_tells_added", backend) else total + 3)


@pytest.fixture
def resettable(backend):
    """Two associated sockets that grant each other a reset of the association, and hear of nothing else."""
    with pair(backend, [Event.ASSOC_RESET_EVENT], reconfig_supported=True, enable_stream_reset=ALL) as both:
        yield both


def test_reset_of_the_association(resettable):
    """A reset of the association starts TSNs and all numbering anew at both ends (RFC 6525 sections 6.1.2, 6.3.3)."""
    client, server = resettable.client, resettable.server
    say(client, server, 3, 2)
    say(server, client, 3, 2)
    for sock in (client, server):
        delivered(sock)  # a reset of the association has to wait for that (RFC 6525 section 5.1.4)
    client.reset_association()
    ours, theirs = event(client, AssocResetEvent), event(server, AssocResetEvent)
    assert ours.ok
    assert theirs.ok
    # BSD counts from the last TSN at one end and from the next one at the other.
    assert abs(ours.local_tsn - theirs.remote_tsn) <= 1
    assert abs(ours.remote_tsn - theirs.local_tsn) <= 1
    assert say(client, server, 3) == [0]
    assert say(server, client, 3) == [0]


def test_a_reset_of_the_association_may_stall_its_asker(resettable, backend):
    """After a reset all is acknowledged, but on BSD only if the TSNs happen to lie right (RFC 6525 section 5.2.4)."""
    client, server = resettable.client, resettable.server
    client.reset_association()
    told = event(client, AssocResetEvent)
    event(server, AssocResetEvent)
    unlucky = (told.remote_tsn - 1 - told.local_tsn) % 2**32 < 2**31
    stalls = unlucky and expected("reset_association_may_stall", backend)
    client.send(b"x")
    assert server.recv(timeout=LIMIT).data == b"x"
    client.subscribe(Event.SENDER_DRY_EVENT)
    if stalls:
        with pytest.raises(WaitTimeout):
            client.recv(timeout=1)
        client.abort()
    else:
        event(client, SenderDryEvent)


def test_reset_of_the_association_tells_of_streams(ready, backend):
    """Whether a reset of the association brings STREAM_RESET_EVENTs besides is a documented difference."""
    ready.client.reset_association()
    kinds = [type(ready.client.recv(timeout=LIMIT))]
    while kinds[-1] is not AssocResetEvent:
        kinds.append(type(ready.client.recv(timeout=LIMIT)))
    assert (StreamResetEvent in kinds) is expected("assoc_reset_tells_streams", backend)


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (lambda sock: sock.reset_streams([1], outgoing=False, incoming=True), StreamResetEvent),
        (lambda sock: sock.reset_association(), AssocResetEvent),
        (lambda sock: sock.add_streams(outgoing=1), StreamChangeEvent),
    ],
    ids=["streams", "association", "add"],
)
def test_the_peer_denies_what_it_does_not_allow(backend, request_, kind):
    """A request that the peer's ENABLE_STREAM_RESET does not allow is denied, and nothing changes (section 6.3.1)."""
    with pair(backend, EVENTS, reconfig_supported=True, enable_stream_reset=ALL) as both:
        both.server.opts.enable_stream_reset = StreamResetAllow.NONE
        before = both.client.status().out_streams
        request_(both.client)
        found = event(both.client, kind)
        assert not found.ok
        assert found.flags & ResetFlag.DENIED
        assert both.client.status().out_streams == before


def test_a_request_that_has_to_wait(backend):
    """While data is on its way a reset of the association is RequestPending, a BlockingIOError (section 5.1.4)."""
    with pair(backend, reconfig_supported=True, enable_stream_reset=ALL, receive_buffer_bytes=5000) as both:
        for _ in range(12):
            both.client.send(bytes(1000))  # the peer has room for 5000 and does not read
        with pytest.raises(RequestPending) as caught:
            both.client.reset_association()
        assert isinstance(caught.value, BlockingIOError)
        assert [len(both.server.recv(timeout=LIMIT).data) for _ in range(12)] == [1000] * 12


def test_enable_stream_reset(ready, backend):
    """ENABLE_STREAM_RESET reads back, at socket and association scope; nothing is allowed at first (section 6.3.1)."""
    with Socket(backend=backend) as sock:
        assert sock.opts.enable_stream_reset == StreamResetAllow.NONE
        for value in StreamResetAllow:
            sock.opts.set("enable_stream_reset", value, strict=True)
    ready.client.opts.set("enable_stream_reset", StreamResetAllow.CHANGE_ASSOC, strict=True)
    assert ready.client.opts.enable_stream_reset is StreamResetAllow.CHANGE_ASSOC


def test_without_the_extension(backend):
    """Requests on an association that did not negotiate RE-CONFIG raise ExtensionOff that says what to set."""
    with pair(backend, reconfig_supported=False, enable_stream_reset=ALL) as both:
        for request_ in (
            lambda: both.client.reset_streams([1]),
            lambda: both.client.add_streams(outgoing=1),
            lambda: both.client.reset_association(),
        ):
            with pytest.raises(ExtensionOff, match="reconfig_supported") as caught:
                request_()
            assert caught.value.extension == "reconfig"
        both.client.send(b"still works")
        assert both.server.recv().data == b"still works"


def test_without_an_association(backend):
    """Requests without an association raise NotConnected (RFC 6525 section 6.3)."""
    with Socket(backend=backend) as sock:
        for request_ in (lambda: sock.reset_streams([1]), lambda: sock.add_streams(1), sock.reset_association):
            with pytest.raises(NotConnected):
                request_()


def test_bad_requests(ready):
    """Streams that do not exist, no direction and nothing to add are refused by name (RFC 6525 section 6.3)."""
    with pytest.raises(OptionRefused):
        ready.client.reset_streams([ready.client.status().out_streams])
    with pytest.raises(ArgumentError, match="flags"):
        ready.client.reset_streams([1], outgoing=False)
    with pytest.raises(ArgumentError, match="add_streams"):
        ready.client.add_streams()
    with pytest.raises(ArgumentError, match="streams"):
        ready.client.reset_streams([65536])
    with pytest.raises(ArgumentError, match="reset_assoc"):
        ready.client.opts.reset_assoc = False
    with pytest.raises(AttributeError, match="only be set"):
        ready.client.opts.get("reset_streams")


def test_one_to_many(backend):
    """On one-to-many sockets a request names its association, and without one it is refused (RFC 6525 section 6.3)."""
    socks = []
    try:
        for _ in range(2):
            sock = Socket(4, Style.ONE_TO_MANY, backend=backend)
            socks.append(sock)
            sock.settimeout(LIMIT)
            sock.opts.init_params = InitParams(out_streams=4)
            sock.opts.reconfig_supported = True
            sock.opts.enable_stream_reset = ALL
            sock.subscribe(Event.STREAM_RESET_EVENT)
            sock.bind("127.0.0.1:0")
            sock.listen()
        server, client = socks
        client.send(b"hi", to=f"127.0.0.1:{server.local_addresses()[0].port}", stream=1)
        here, there = client.associations()[0], server.recv().assoc_id
        delivered(client, here)  # the server may have the message before the client has COOKIE ACK
        with pytest.raises(ArgumentError, match="of\\(assoc_id\\)"):
            client.reset_streams([1])
        client.reset_streams([1], assoc_id=here)
        assert event(client, StreamResetEvent).assoc_id == here
        assert event(server, StreamResetEvent).assoc_id == there
        client.send(b"again", assoc_id=here, stream=1)
        assert server.recv().ssn == 0
    finally:
        for sock in socks:
            sock.close()


def test_whose_permission_it_takes(backend):
    """The peer's enable_stream_reset allows a request; Linux wants the asker's, too, and says so (RFC 6525 6.3.1)."""
    allowed = Config(reset_allowed=StreamResetAllow.RESET_STREAMS)
    with sctpffi.listen("127.0.0.1:0", backend=backend, config=allowed) as head:
        client = sctpffi.connect(f"127.0.0.1:{head.port}", backend=backend, events=[Event.STREAM_RESET_EVENT])
        with client, head.accept(timeout=LIMIT)[0]:
            if expected("asking_needs_permission", backend):
                with pytest.raises(ExtensionOff, match="enable_stream_reset"):
                    client.reset_streams([1])
            else:
                client.reset_streams([1])
                assert isinstance(next(client.events(timeout=LIMIT)), StreamResetEvent)
