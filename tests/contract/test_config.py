"""Config: everything that has to be set before an association can be, as one value (docs/connections.md)."""

from __future__ import annotations

from dataclasses import fields

import pytest

import sctpffi
from sctpffi import (
    ArgumentError,
    ArgumentTypeError,
    AssocParams,
    AuthKey,
    ChunkType,
    Config,
    DelayedSack,
    Endpoint,
    Event,
    InitParams,
    Linger,
    PathFlag,
    PathParams,
    PrInfo,
    PrPolicy,
    ReceiveLimitExceeded,
    RtoInfo,
    SndInfo,
    StreamResetAllow,
    StreamScheduler,
    errors,
)
from sctpffi.testing import LIMIT

HERE = "127.0.0.1:0"


@pytest.fixture
def connected(backend):
    """Makes a client and an accepted server, both of one Config: `connected(config)`."""
    opened = []

    def make(config, **arguments):
        listener = sctpffi.listen(HERE, backend=backend, config=config, **arguments)
        opened.append(listener)
        client = sctpffi.connect(
            f"127.0.0.1:{listener.port}", local=HERE, backend=backend, config=config, timeout=LIMIT, **arguments
        )
        opened.append(client)
        server, _ = listener.accept(timeout=LIMIT)
        opened.append(server)
        return client, server

    yield make
    for each in opened:
        each.close()


# A value for each field that is set as it is, and how it is read back.
PLAIN = {
    "nodelay": (False, lambda c: c.opts.nodelay, False),
    "rto": (RtoInfo(2000, 5000, 1500), lambda c: c.opts.rto_info, RtoInfo(2000, 5000, 1500)),
    "association": (AssocParams(max_retrans=4), lambda c: c.opts.assoc_params.max_retrans, 4),
    "path": (
        PathParams(heartbeat_ms=12340, flags=PathFlag.HB_ENABLE),
        lambda c: c.opts.of(0, c.peer_addresses[0]).path_params.heartbeat_ms,
        12340,
    ),
    "delayed_sack": (DelayedSack(120, 2), lambda c: c.opts.delayed_sack.delay_ms, 120),
    "linger": (Linger(True, 7), lambda c: c.opts.linger, Linger(True, 7)),
    "partial_reliability": (False, lambda c: c.opts.pr_supported, False),
    "ecn": (False, lambda c: c.opts.ecn_supported, False),
    "reset_allowed": (
        StreamResetAllow.RESET_STREAMS,
        lambda c: c.opts.enable_stream_reset,
        StreamResetAllow.RESET_STREAMS,
    ),
    "scheduler": (StreamScheduler.PRIO, lambda c: c.opts.stream_scheduler, StreamScheduler.PRIO),
    "send_defaults": (SndInfo(stream=3, ppid=46), lambda c: c.opts.default_sndinfo.ppid, 46),
    "pr_defaults": (PrInfo(PrPolicy.TTL, 60_000), lambda c: c.opts.default_prinfo, PrInfo(PrPolicy.TTL, 60_000)),
    "max_message_bytes": (4321, lambda c: c.socket.max_message_bytes, 4321),
    "options": ({"max_burst": 8}, lambda c: c.opts.max_burst, 8),
}


@pytest.mark.parametrize("name", PLAIN)
def test_each_field_is_in_force(connected, name):
    """Each field of Config holds for the connection that is made and for the one that is accepted (RFC 6458 8.1)."""
    value, read, wanted = PLAIN[name]
    for connection in connected(Config(**{name: value})):
        assert read(connection) == wanted


def test_no_field_is_forgotten():
    """Every field of Config is tested in this file."""
    elsewhere = {"init", "adaptation", "send_buffer_bytes", "receive_buffer_bytes", "events", "interleaving"}
    elsewhere |= {"auth", "asconf", "reconfig", "auth_chunks", "auth_hmacs", "auth_keys", "auth_active_key"}
    assert {field.name for field in fields(Config)} == set(PLAIN) | elsewhere


def test_streams_and_buffers(connected):
    """init and the buffers count before an association is set up; 0 streams in init are 10 (RFC 6458 8.1.3)."""
    config = Config(init=InitParams(out_streams=20), send_buffer_bytes=50_000, receive_buffer_bytes=60_000)
    for connection in connected(config):
        assert (connection.status().out_streams, connection.status().in_streams) == (10, 10)
        assert 50_000 <= connection.opts.send_buffer_bytes <= 100_000
        assert 60_000 <= connection.opts.receive_buffer_bytes <= 120_000


def test_arguments_beside_config(connected):
    """init= takes the place of the Config's, events= come in addition."""
    config = Config(init=InitParams(5, 5), events=(Event.ASSOC_CHANGE,))
    client, server = connected(config, init=InitParams(3, 3), events=[Event.SHUTDOWN_EVENT])
    assert client.status().out_streams == 3
    assert server.socket.subscriptions == {Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT}


@pytest.mark.parametrize("name", ["auth", "asconf", "reconfig"])
@pytest.mark.parametrize("wanted", [True, False])
def test_extensions(connected, name, wanted):
    """An extension is switched as the field says, at both ends; ASCONF goes with AUTH (RFC 5061 section 4.2.7)."""
    for connection in connected(Config(**{name: wanted})):
        assert getattr(connection.opts, f"{name}_supported") is wanted
        if name == "auth":
            assert connection.opts.asconf_supported is wanted


def test_extensions_by_default(connected):
    """Without a word AUTH, ASCONF and RE-CONFIG are on, interleaving is off."""
    for connection in connected(Config()):
        for name in ("auth", "asconf", "reconfig"):
            assert getattr(connection.opts, f"{name}_supported") is True


def test_authenticated_messages(connected):
    """auth_chunks, auth_keys and auth_active_key make an association whose DATA is authenticated (RFC 4895)."""
    config = Config(auth_chunks=(ChunkType.DATA,), auth_keys=(AuthKey(5, b"secret"),), auth_active_key=5)
    client, server = connected(config)
    assert ChunkType.DATA in client.auth.local_chunks
    assert ChunkType.DATA in client.auth.peer_chunks
    assert client.auth.active == server.auth.active == 5
    client.send(b"authenticated")
    assert server.recv(timeout=LIMIT).data == b"authenticated"


def test_send_defaults(connected):
    """send takes what it is not told from send_defaults (RFC 6458 section 8.1.31)."""
    client, server = connected(Config(send_defaults=SndInfo(stream=4, ppid=60)))
    client.send(b"x")
    client.send(b"y", stream=2)
    first, second = server.recv(timeout=LIMIT), server.recv(timeout=LIMIT)
    assert (first.stream, first.ppid, second.stream, second.ppid) == (4, 60, 2, 60)


def test_adaptation(connected):
    """adaptation is the word that the peer gets (RFC 6458 section 6.1.6, RFC 5061 section 4.2.6)."""
    for connection in connected(Config(adaptation=99, events=(Event.ADAPTATION_INDICATION,))):
        assert next(connection.events(timeout=LIMIT)).indication == 99


def test_the_limit_of_a_message(connected):
    """max_message_bytes bounds what recv puts together; the next message is intact."""
    client, server = connected(Config(max_message_bytes=10))
    client.send(b"x" * 11)
    client.send(b"next")
    with pytest.raises(ReceiveLimitExceeded):
        server.recv(timeout=LIMIT)
    assert server.recv(timeout=LIMIT).data == b"next"


@pytest.mark.parametrize(
    ("config", "error"),
    [
        (5, ArgumentTypeError),
        ({"nodelay": True}, ArgumentTypeError),
        (Config(init=5), ArgumentTypeError),  # type: ignore[arg-type]  # deliberate
        (Config(nodelay="x"), ArgumentTypeError),  # type: ignore[arg-type]  # deliberate
        (Config(rto=RtoInfo(5, 3, 1)), ArgumentError),
        (Config(auth=False, asconf=True), ArgumentError),
        (Config(auth=False, auth_keys=(AuthKey(1, b"x"),)), ArgumentError),
        (Config(auth_chunks=(ChunkType.INIT,)), ArgumentError),
        (Config(options={"no_such_option": 1}), ArgumentError),
        (Config(max_message_bytes=-1), ArgumentError),
        (Config(events=(99,)), ArgumentError),  # type: ignore[arg-type]  # deliberate
    ],
)
def test_bad_values(backend, config, error):
    """What can't be is refused by name, by connect, listen and Endpoint, and nothing stays open."""
    for make in (
        lambda: sctpffi.connect("127.0.0.1:9", backend=backend, config=config),
        lambda: sctpffi.listen(HERE, backend=backend, config=config),
        lambda: Endpoint(HERE, backend=backend, config=config),
    ):
        with pytest.raises(error) as caught:
            make()
        assert isinstance(caught.value, errors.Error)


def test_events_have_to_be_several(backend):
    """A single Event in the place of a list is refused."""
    with pytest.raises(ArgumentTypeError, match="events"):
        sctpffi.listen(HERE, backend=backend, events=Event.ASSOC_CHANGE)  # type: ignore[arg-type]  # deliberate
