"""Reconfiguration, I-DATA and AUTH's lists: what lksctp-tools' re_conf and interleave and packetdrill's scripts check.

One flow each, on IPv4 and IPv6. The rules of these extensions are in test_reconfig.py, test_schedulers.py and
test_auth.py; tests/suites/*.txt say which check is which test.
"""

from __future__ import annotations

import pytest

from sctpffi import (
    AssocChange,
    AssocChangeState,
    AssocResetEvent,
    ChunkType,
    EndOfAssociation,
    Event,
    ExtensionOff,
    Message,
    StreamChangeEvent,
    StreamResetAllow,
    StreamResetEvent,
    Style,
)
from sctpffi.testing import LIMIT, expected

ALL = int(StreamResetAllow.RESET_STREAMS | StreamResetAllow.RESET_ASSOC | StreamResetAllow.CHANGE_ASSOC)
RECONFIG = {"reconfig_supported": True, "enable_stream_reset": ALL}
CHUNK = b"m" * 1000


def until(sock, kind, enough=lambda found: True):
    """Read until a notification of this class is as wanted."""
    while True:
        found = sock.recv(timeout=LIMIT)
        if isinstance(found, kind) and enough(found):
            return found


def test_streams_reset_and_added(net):
    """Streams are reset in both directions, then added in both, and the end is graceful (RFC 6525 6.3.2, 6.3.4)."""
    both = net.linked([Event.STREAM_RESET_EVENT, Event.STREAM_CHANGE_EVENT], **RECONFIG)
    client, server = both.client, both.server
    for sender, receiver in ((client, server), (server, client)):
        sender.send(CHUNK, 1)
        assert receiver.recv().ssn == 0
    client.reset_streams([0, 1, 2], outgoing=True, incoming=True)
    for sock in (client, server):
        heard = set()
        while len(heard) < 2:  # one of each direction
            found = until(sock, StreamResetEvent)
            assert found.ok
            heard.add(found.flags)
    for sender, receiver in ((client, server), (server, client)):
        sender.send(CHUNK, 1)
        assert until(receiver, Message).ssn == 0
    before = client.status()
    client.add_streams(outgoing=2, incoming=2)
    wanted = (before.out_streams + 2, before.in_streams + 2)
    for sock in (client, server):
        while (sock.status().out_streams, sock.status().in_streams) != wanted:
            assert until(sock, StreamChangeEvent).ok
    for sender, receiver in ((client, server), (server, client)):
        sender.send(CHUNK, wanted[0] - 1)
        assert until(receiver, Message).stream == wanted[0] - 1
    client.close()
    with pytest.raises(EndOfAssociation):
        while True:
            server.recv(timeout=LIMIT)


def test_reset_of_an_association(net):
    """After a reset of the association every stream counts from 0, in both directions (RFC 6525 section 6.3.3)."""
    both = net.linked([Event.ASSOC_RESET_EVENT], **RECONFIG)
    for sock in (both.client, both.server):
        assert sock.opts.enable_stream_reset == ALL
    both.client.reset_association()
    for sock in (both.client, both.server):
        assert until(sock, AssocResetEvent).ok
    for sender, receiver in ((both.client, both.server), (both.server, both.client)):
        sender.send(CHUNK, 1)
        assert until(receiver, Message).ssn == 0
    both.client.abort()


@pytest.mark.parametrize("value", range(8))
def test_what_the_peer_may_ask_for(net, value):
    """Each combination of what the peer may ask for reads back; none is allowed at first (RFC 6525 section 6.3.1)."""
    sock = net.open()
    assert sock.opts.enable_stream_reset == StreamResetAllow.NONE
    sock.opts.enable_stream_reset = value
    assert sock.opts.enable_stream_reset == value


def test_interleaved_messages(net, backend):
    """With I-DATA on both ends a message keeps its length, stream and PPID; the end is graceful (RFC 8260 4.3.1)."""
    if not expected("interleaving_without_root", backend):
        with pytest.raises(ExtensionOff):
            net.open(Style.ONE_TO_MANY, fragment_interleave=2, interleaving_supported=True)
        return
    options = {"fragment_interleave": 2, "interleaving_supported": True}
    server, there, client, here = net.couple([Event.ASSOC_CHANGE], **options)
    for sock, number in ((server, there), (client, here)):
        assert sock.opts.fragment_interleave == 2
        assert sock.opts.of(number).interleaving_supported is True
    client.send(CHUNK, 1, 1234, assoc_id=here)
    message = server.recv()
    assert (message.data, message.stream, message.ppid, message.complete) == (CHUNK, 1, 1234, True)
    client.close()
    assert until(server, AssocChange).state is AssocChangeState.SHUTDOWN_COMP


def test_chunks_to_authenticate(net):
    """With ASCONF its two chunks are on the list of what the peer has to authenticate (RFC 5061 section 4.1.1)."""
    both = {}
    for name in ("head", "client"):
        sock = both[name] = net.open()
        sock.auth.enable([])
        sock.opts.asconf_supported = True
        sock.bind(f"{net.host}:0")
        assert {ChunkType.ASCONF, ChunkType.ASCONF_ACK} <= set(sock.auth.local_chunks)
    both["head"].listen()
    client = both["client"]
    client.connect(net.where(both["head"]))
    net.keep(both["head"].accept()[0])
    own = client.opts.of(client.status().assoc_id)
    for opts in (client.opts, own):
        assert {ChunkType.ASCONF, ChunkType.ASCONF_ACK} == set(opts.local_auth_chunks)
        assert {ChunkType.ASCONF, ChunkType.ASCONF_ACK} == set(opts.peer_auth_chunks)


def test_the_chunks_of_a_peer_without_auth(net):
    """What a peer without AUTH wants authenticated is no list, but that AUTH was not negotiated (RFC 6458 8.2.3)."""
    head, client = net.open(), net.open()
    head.opts.asconf_supported = False
    head.opts.auth_supported = False
    client.auth.enable([])
    for sock in (head, client):
        sock.bind(f"{net.host}:0")
    head.listen()
    client.connect(net.where(head))
    net.keep(head.accept()[0])
    with pytest.raises(ExtensionOff):
        _ = client.opts.peer_auth_chunks
