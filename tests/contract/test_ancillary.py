"""Ancillary data: what goes with a message out and in (RFC 6458 section 5.3).

SNDINFO and RCVINFO are in test_messages.py too; PRINFO in test_reliability.py, AUTHINFO in test_auth.py.
"""

from __future__ import annotations

import pytest

from sctpffi import (
    AddressError,
    ArgumentError,
    ArgumentTypeError,
    EndOfAssociation,
    Event,
    InitParams,
    Message,
    NextFlag,
    SendFlag,
    SndInfo,
    Socket,
    Style,
    UnsupportedOption,
    WouldBlock,
)
from sctpffi.testing import LIMIT, delivered, expected, pair


@pytest.fixture
def many(backend):
    """Two one-to-many sockets without an association; and the address text of the first."""
    server, client = (Socket(4, Style.ONE_TO_MANY, backend=backend) for _ in range(2))
    with server, client:
        for sock in (server, client):
            sock.settimeout(LIMIT)
        server.bind("127.0.0.1:0")
        server.listen()
        client.bind("127.0.0.1:0")
        yield server, client, f"127.0.0.1:{server.local_addresses()[0].port}"


# -- NXTINFO


def test_next_info(backend):
    """NXTINFO tells stream, PPID, length and order of the message after this one (RFC 6458 section 5.3.6)."""
    with pair(backend, receive_nxtinfo=True) as both:
        both.client.send(b"first", stream=1, ppid=10)
        both.client.send(b"the second", stream=2, ppid=20, unordered=True)
        both.client.send(b"third", stream=3, ppid=30)
        delivered(both.client)
        found = {item.data: item.next for item in (both.server.recv(timeout=LIMIT) for _ in range(3))}
        assert found[b"third"] is None or b"third" in found
        tells = [info for info in found.values() if info is not None]
        assert len(tells) == 2
        for info in tells:
            assert (info.stream, info.ppid) in ((1, 10), (2, 20), (3, 30))
            assert info.length_bytes == {1: 5, 2: 10, 3: 5}[info.stream]
            assert bool(info.flags & NextFlag.UNORDERED) is (info.stream == 2)
            assert not info.flags & NextFlag.NOTIFICATION
            assert bool(info.flags & NextFlag.COMPLETE) is expected("next_info_tells_complete", backend)


def test_no_next_info_unless_asked(linked):
    """Without RECVNXTINFO a message has no NXTINFO (RFC 6458 section 8.1.30)."""
    assert linked.server.opts.receive_nxtinfo is False
    linked.client.send(b"first")
    linked.client.send(b"second")
    delivered(linked.client)
    assert linked.server.recv(timeout=LIMIT).next is None


def test_no_next_info_of_the_last_message(backend):
    """The only message in the queue has no NXTINFO (RFC 6458 section 5.3.6)."""
    with pair(backend, receive_nxtinfo=True) as both:
        both.client.send(b"alone")
        assert both.server.recv(timeout=LIMIT).next is None


def test_a_notification_comes_next(backend):
    """NXTINFO says that what comes next is a notification, of any kind (RFC 6458 section 5.3.6)."""
    with pair(backend, [Event.SHUTDOWN_EVENT], receive_nxtinfo=True) as both:
        both.client.unsubscribe(Event.SHUTDOWN_EVENT)
        both.client.send(b"the last")
        both.client.shutdown()
        with pytest.raises(EndOfAssociation):
            both.client.recv(timeout=LIMIT)  # so the server's SHUTDOWN_EVENT is there
        found = both.server.recv(timeout=LIMIT)
        assert found.data == b"the last"
        assert found.next.flags & NextFlag.NOTIFICATION


# -- SNDINFO and its defaults


def test_default_sndinfo(backend):
    """DEFAULT_SNDINFO reads back at socket and association scope (RFC 6458 section 8.1.31)."""
    wanted = SndInfo(3, SendFlag.UNORDERED, 46, 77)
    with pair(backend) as both:
        both.client.opts.set("default_sndinfo", wanted, strict=True)
        assert both.client.opts.default_sndinfo == wanted
    with Socket(backend=backend) as sock:
        sock.opts.set("default_sndinfo", wanted, strict=True)


def test_default_sndinfo_holds_for_what_is_left_out(linked):
    """What send() is not told comes from DEFAULT_SNDINFO, each field for itself (RFC 6458 section 8.1.31)."""
    linked.client.opts.default_sndinfo = SndInfo(stream=3, ppid=46)
    linked.client.send(b"all by default")
    linked.client.send(b"stream given", stream=0)
    linked.client.send(b"ppid given", ppid=0)
    found = [linked.server.recv(timeout=LIMIT) for _ in range(3)]
    assert [(m.stream, m.ppid) for m in sorted(found, key=lambda m: m.data)] == [(3, 46), (3, 0), (0, 46)]


def test_default_flags(linked):
    """UNORDERED as a default makes messages unordered (RFC 6458 section 8.1.31)."""
    linked.client.opts.default_sndinfo = SndInfo(flags=SendFlag.UNORDERED)
    linked.client.send(b"by default")
    assert linked.server.recv(timeout=LIMIT).unordered


def test_accepted_sockets_inherit_defaults(backend):
    """Accepted sockets send with the listener's DEFAULT_SNDINFO (RFC 6458 section 8.1.31)."""
    with pair(backend, default_sndinfo=SndInfo(stream=2, ppid=99)) as both:
        both.server.send(b"inherited")
        found = both.client.recv(timeout=LIMIT)
        assert (found.stream, found.ppid) == (2, 99)


@pytest.mark.parametrize("flag", [SendFlag.ABORT, SendFlag.EOF, SendFlag.ADDR_OVER, SendFlag.SENDALL])
def test_flags_that_are_no_default(backend, flag):
    """Flags that are for one message only are refused as a default by name (RFC 6458 section 8.1.31)."""
    with Socket(backend=backend) as sock, pytest.raises(ArgumentError, match="default_sndinfo.flags"):
        sock.opts.default_sndinfo = SndInfo(flags=flag)


def test_unknown_flags(linked):
    """Bits that are no SendFlag are refused by name (RFC 6458 section 5.3.4)."""
    for flags in (0x80, 0x10000, -1, "x"):
        with pytest.raises((ArgumentError, ArgumentTypeError, ValueError)):
            linked.client.send(b"x", flags=flags)


# -- INIT


def test_init_with_the_first_message(many, backend):
    """INIT parameters that come with the first message hold for its association (RFC 6458 section 5.3.1)."""
    server, client, where = many
    if not expected("init_per_message", backend):
        with pytest.raises(UnsupportedOption, match="init"):
            client.send(b"hi", to=where, init=InitParams(out_streams=3, in_streams=4))
        return
    client.send(b"hi", to=where, init=InitParams(out_streams=3, in_streams=4))
    found = server.recv(timeout=LIMIT)
    status = server.status(found.assoc_id)
    assert (status.in_streams, status.out_streams) == (3, 4)
    assert client.opts.init_params.out_streams != 3


def test_bad_init(many):
    """INIT parameters of a wrong type or range are refused by name, and on one-to-one sockets (section 5.3.1)."""
    _, client, where = many
    with pytest.raises(ArgumentTypeError, match="init"):
        client.send(b"x", to=where, init=5)
    with pytest.raises(ArgumentError, match="init.attempts"):
        client.send(b"x", to=where, init=InitParams(attempts=65536))


def test_init_is_for_one_to_many(linked):
    """A connected socket takes no INIT parameters with a message (RFC 6458 section 5.3.1)."""
    with pytest.raises(ArgumentError, match="init"):
        linked.client.send(b"x", init=InitParams(out_streams=3))


# -- destinations


def test_several_destinations(backend, two_hosts):
    """The first message sets its association up to all addresses that `to` names (RFC 6458 section 5.3.9)."""
    family = 6 if any(":" in host for host in two_hosts) else 4
    text = "/".join(f"[{host}]" if ":" in host else host for host in two_hosts)
    server, client = (Socket(family, Style.ONE_TO_MANY, backend=backend) for _ in range(2))
    with server, client:
        for sock in (server, client):
            sock.settimeout(LIMIT)
            sock.bind(f"{text}:0")
            sock.listen()
        port = server.local_addresses()[0].port
        client.send(b"hi", to=f"{text}:{port}", ppid=46, stream=2)
        found = server.recv(timeout=LIMIT)
        assert (found.data, found.ppid, found.stream) == (b"hi", 46, 2)
        (assoc_id,) = client.associations()
        assert {a.host for a in client.peer_addresses(assoc_id)} == set(two_hosts)
        client.send(b"again", to=f"{text}:{port}")
        assert server.recv(timeout=LIMIT).data == b"again"
        assert client.associations() == (assoc_id,)


def test_one_path_on_one_to_one(linked):
    """On one-to-one sockets `to` is one path; several are refused by name (RFC 6458 section 5.3.9)."""
    port = linked.client.peer_addresses()[0].port
    with pytest.raises(ArgumentError, match="to"):
        linked.client.send(b"x", to=f"127.0.0.1/127.0.0.2:{port}")
    with pytest.raises(AddressError):
        linked.client.send(b"x", to="nonsense")


# -- truncation


def test_nothing_is_truncated(backend):
    """With everything asked for the ancillary data fits, and the message says so (RFC 6458 section 5.2)."""
    with pair(backend, receive_nxtinfo=True) as both:
        both.client.send(b"one")
        both.client.send(b"two")
        delivered(both.client)
        found = both.server.recv(timeout=LIMIT)
        assert isinstance(found, Message)
        assert found.next is not None
        assert not found.control_truncated


# -- EXPLICIT_EOR


def test_explicit_eor(backend):
    """With EXPLICIT_EOR a message goes out in several sends and ends with SendFlag.EOR (RFC 6458 section 8.1.26)."""
    with pair(backend) as both:
        if not expected("explicit_eor", backend):
            assert both.client.opts.supports("explicit_eor") is False
            with pytest.raises(UnsupportedOption, match="EXPLICIT_EOR"):
                both.client.opts.explicit_eor = True
            with pytest.raises(UnsupportedOption, match="flags"):
                both.client.send(b"x", flags=SendFlag.EOR)
            return
        both.client.opts.set("explicit_eor", True, strict=True)
        both.client.send(b"one ", stream=3)
        both.client.send(b"message", stream=3)
        both.client.send(b".", stream=3, flags=SendFlag.EOR)
        found = both.server.recv(timeout=LIMIT)
        assert (found.data, found.stream) == (b"one message.", 3)


def test_explicit_eor_takes_what_fits(backend):
    """With EXPLICIT_EOR of a message over the send buffer a part is taken, send tells how much (section 8.1.26)."""
    if not expected("explicit_eor", backend):
        return  # the test above shows that it is refused
    with pair(backend, send_buffer_bytes=50_000) as both:
        both.client.opts.explicit_eor = True
        data = bytes(200_000)
        sent = 0
        with pytest.raises(WouldBlock):
            while True:
                taken = both.client.send(data, timeout=0)
                assert 0 < taken <= len(data)
                sent += taken
        assert sent % len(data) != 0
