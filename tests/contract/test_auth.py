"""AUTH: keys set, activated, rotated, deactivated, deleted; who lacks the key is not heard (RFC 4895, RFC 6458 8.3).

AUTH is switched on for each socket, so no sysctl has to be changed on any stack.
"""

from __future__ import annotations

import pytest

from sctpffi import (
    ArgumentError,
    ArgumentTypeError,
    AssociationAborted,
    AuthenticationEvent,
    AuthIndication,
    AuthKey,
    ChunkType,
    Event,
    ExtensionOff,
    HmacId,
    Message,
    OptionRefused,
    Socket,
    UnsupportedOption,
    WaitTimeout,
)
from sctpffi.testing import LIMIT, expected, listener, many_pair

SECRET, OTHER = b"a secret of ours", b"another one"


def secured(backend, client_key=SECRET, server_key=SECRET, chunks=(ChunkType.DATA,), events=()):
    """Two associated sockets that authenticate, each with its key number 1: listener, client, server."""
    head, port = listener(backend)
    client = Socket(4, backend=backend)
    client.settimeout(LIMIT)
    try:
        for sock, secret in ((head, server_key), (client, client_key)):
            sock.auth.enable(chunks)
            sock.auth.set(1, secret)
            sock.auth.activate(1)
            if events:
                sock.subscribe(*events)
        client.bind("127.0.0.1:0")
        client.connect(f"127.0.0.1:{port}")
        server, _ = head.accept()
        server.settimeout(LIMIT)
    except BaseException:
        client.close()
        head.close()
        raise
    return head, client, server


@pytest.fixture
def keyed(backend):
    """A client and a server that authenticate DATA with the same key."""
    head, client, server = secured(backend)
    with head, client, server:
        yield client, server


def exchange(client, server, data=b"x"):
    """A message each way."""
    client.send(data)
    assert server.recv(timeout=LIMIT).data == data
    server.send(data)
    assert client.recv(timeout=LIMIT).data == data


def test_authenticated_messages_pass(keyed):
    """Peers with the same active key exchange messages, and know what has to be authenticated (RFC 6458 8.2.3)."""
    client, server = keyed
    exchange(client, server)
    for sock in keyed:
        assert sock.auth.active == 1
        assert ChunkType.DATA in sock.auth.peer_chunks
        assert ChunkType.DATA in sock.auth.local_chunks


def test_a_peer_without_the_key_is_not_heard(backend):
    """DATA that is authenticated with another secret is dropped, however often it is sent (RFC 4895 section 6.3)."""
    head, client, server = secured(backend, client_key=OTHER)
    with head, client, server:
        client.send(b"forged")
        with pytest.raises(WaitTimeout):
            server.recv(timeout=0.5)
        assert server.status().pending == 0
        assert client.status().unacked + client.status().pending >= 0
        client.abort()


def test_rotation_loses_no_message(keyed):
    """Rotating to a new key on both ends while messages flow loses none of them (RFC 6458 section 8.3.3)."""
    client, server = keyed
    for sock in (server, client):
        sock.auth.set(2, OTHER)
    client.send(b"with the old key")
    client.auth.activate(2)
    client.send(b"with the new key")
    assert [server.recv(timeout=LIMIT).data for _ in range(2)] == [b"with the old key", b"with the new key"]
    server.auth.activate(2)
    exchange(client, server)
    for sock in keyed:
        sock.auth.deactivate(1)
        assert sock.auth.active == 2
    exchange(client, server)


def test_rotate(keyed):
    """`rotate` sets, activates and deactivates in one go and tells the old key's number (RFC 6458 section 8.3.4)."""
    client, server = keyed
    server.auth.set(7, OTHER)
    assert client.auth.rotate(7, OTHER) == 1
    assert client.auth.active == 7
    assert server.auth.rotate(8, b"server's next") == 1
    client.send(b"to the server")
    assert server.recv(timeout=LIMIT).data == b"to the server"


def test_a_key_per_message(keyed, backend):
    """AUTHINFO chooses the key of one message, where the stack can carry it (RFC 6458 section 5.3.8)."""
    client, server = keyed
    for sock in keyed:
        sock.auth.set(5, OTHER)
    if expected("auth_key_per_message", backend):
        client.send(b"with key 5", auth_key=5)
        assert server.recv(timeout=LIMIT).data == b"with key 5"
        assert client.auth.active == 1
        exchange(client, server)
    else:
        with pytest.raises(UnsupportedOption, match="auth_key"):
            client.send(b"with key 5", auth_key=5)


@pytest.mark.parametrize("number", [-1, 65536, "1", 1.0])
def test_bad_key_numbers(keyed, number):
    """A key number out of range or of another type is refused by name (RFC 6458 section 5.3.8)."""
    client, _ = keyed
    with pytest.raises((ArgumentError, ArgumentTypeError), match="auth_key"):
        client.send(b"x", auth_key=number)
    with pytest.raises((ArgumentError, ArgumentTypeError), match="auth_active_key"):
        client.auth.activate(number)
    with pytest.raises((ArgumentError, ArgumentTypeError), match="number"):
        client.auth.set(number, b"x")


def test_the_active_key_stays(keyed):
    """The active key can neither be deleted nor deactivated (RFC 6458 sections 8.3.4 and 8.3.5)."""
    client, server = keyed
    for change in (client.auth.delete, client.auth.deactivate):
        with pytest.raises(ArgumentError, match="active key"):
            change(1)
    with pytest.raises(ArgumentError, match="rotate to another"):
        client.auth.rotate(1, OTHER)
    exchange(client, server)


def test_unknown_keys(keyed):
    """Activating, deactivating or deleting a key that was never set is refused (RFC 6458 section 8.1.18)."""
    client, server = keyed
    for change in (client.auth.activate, client.auth.deactivate, client.auth.delete):
        with pytest.raises(OptionRefused):
            change(99)
    exchange(client, server)


def test_a_deleted_key_is_gone(keyed):
    """A key that was deleted can't be activated any more (RFC 6458 section 8.3.5)."""
    client, server = keyed
    client.auth.set(3, OTHER)
    client.auth.delete(3)
    with pytest.raises(OptionRefused):
        client.auth.activate(3)
    exchange(client, server)


def test_key_zero_is_there_from_the_beginning(backend):
    """Key 0 exists and is active on a fresh socket (RFC 6458 section 8.1.18)."""
    with Socket(4, backend=backend) as sock:
        sock.auth.enable()
        assert sock.auth.active == 0
        sock.auth.set(1, SECRET)
        sock.auth.activate(1)
        sock.auth.activate(0)
        assert sock.auth.active == 0


def test_hmac_identifiers(backend):
    """HMAC_IDENT keeps the algorithms in order of preference (RFC 6458 section 8.1.17)."""
    with Socket(4, backend=backend) as sock:
        sock.auth.enable(hmacs=[HmacId.SHA1])
        assert sock.auth.hmacs == (HmacId.SHA1,)
        for hmacs in ((HmacId.SHA256, HmacId.SHA1), (HmacId.SHA1, HmacId.SHA256)):
            if expected("hmac_sha256", backend):
                sock.auth.enable(hmacs=hmacs)
                assert sock.auth.hmacs == hmacs
            else:
                with pytest.raises(OptionRefused):
                    sock.auth.enable(hmacs=hmacs)
        sock.auth.enable()
        assert HmacId.SHA1 in sock.auth.hmacs


@pytest.mark.parametrize("hmacs", [(), (HmacId.SHA256,), (HmacId.SHA1, 2), (1, 99)])
def test_bad_hmac_lists(backend, hmacs):
    """A list without SHA-1, or with an algorithm that is not, is refused by name (RFC 4895 section 3.3)."""
    with Socket(4, backend=backend) as sock:
        sock.auth.enable()
        with pytest.raises(ArgumentError, match="hmac_identifiers"):
            sock.opts.hmac_identifiers = hmacs


@pytest.mark.parametrize("chunk", [ChunkType.INIT, ChunkType.INIT_ACK, ChunkType.SHUTDOWN_COMPLETE, ChunkType.AUTH])
def test_chunks_that_are_never_authenticated(backend, chunk):
    """INIT, INIT ACK, SHUTDOWN COMPLETE and AUTH can't be authenticated (RFC 4895 section 3.2)."""
    with Socket(4, backend=backend) as sock:
        sock.auth.enable()
        with pytest.raises(ArgumentError, match="auth_chunk"):
            sock.opts.auth_chunk = chunk


def test_chunks_are_collected(backend):
    """Each AUTH_CHUNK adds a type to what the peer has to authenticate (RFC 6458 sections 8.3.2 and 8.2.4)."""
    with Socket(4, backend=backend) as sock:
        sock.auth.enable([ChunkType.DATA, ChunkType.HEARTBEAT])
        sock.opts.auth_chunk = ChunkType.SACK
        assert {ChunkType.DATA, ChunkType.HEARTBEAT, ChunkType.SACK} <= set(sock.auth.local_chunks)


def test_without_auth(backend):
    """With AUTH off the keys say so, and how to switch it on."""
    with Socket(4, backend=backend) as sock:
        sock.opts.asconf_supported = False
        sock.opts.auth_supported = False
        assert sock.opts.auth_supported is False
        with pytest.raises(ExtensionOff, match="auth.enable") as caught:
            sock.auth.set(1, SECRET)
        assert caught.value.extension == "auth"
        assert isinstance(caught.value, UnsupportedOption)


def test_no_auth_is_told(backend):
    """A peer without AUTH is told by AUTHENTICATION_EVENT NO_AUTH (RFC 6458 section 6.1.8)."""
    head, port = listener(backend)
    with head, Socket(4, backend=backend) as client:
        head.opts.asconf_supported = False
        head.opts.auth_supported = False
        client.settimeout(LIMIT)
        client.auth.enable([])
        client.subscribe(Event.AUTHENTICATION_EVENT)
        client.bind("127.0.0.1:0")
        client.connect(f"127.0.0.1:{port}")
        server, _ = head.accept()
        with server:
            event = client.recv(timeout=LIMIT)
            assert isinstance(event, AuthenticationEvent)
            assert event.indication is AuthIndication.NO_AUTH


def message(sock):
    """The next message; notifications before it are passed over."""
    item = sock.recv(timeout=LIMIT)
    while not isinstance(item, Message):
        item = sock.recv(timeout=LIMIT)
    return item


def test_free_key_is_told(backend):
    """Once nothing in flight needs a deactivated key FREE_KEY tells its number, and it can be deleted (RFC 6458)."""
    head, client, server = secured(backend, events=[Event.AUTHENTICATION_EVENT])
    with head, client, server:
        server.auth.set(2, OTHER)
        client.send(b"before")
        client.auth.rotate(2, OTHER)
        assert message(server).data == b"before"
        client.send(b"after")
        event = client.recv(timeout=LIMIT)
        while event.indication is not AuthIndication.FREE_KEY:
            event = client.recv(timeout=LIMIT)
        assert event.key == 1
        client.auth.delete(1)
        assert message(server).data == b"after"


def test_new_key_is_told(backend):
    """The first message with another key of the peer brings NEW_KEY with both numbers (RFC 6458 section 6.1.8)."""
    head, client, server = secured(backend, events=[Event.AUTHENTICATION_EVENT])
    with head, client, server:
        for sock in (server, client):
            sock.auth.set(2, OTHER)
        client.send(b"old")
        client.auth.activate(2)
        client.send(b"new")
        found = []
        while not (found and isinstance(found[-1], Message) and found[-1].data == b"new"):
            found.append(server.recv(timeout=LIMIT))
        events = [e for e in found if isinstance(e, AuthenticationEvent) and e.indication is AuthIndication.NEW_KEY]
        assert [e.key for e in events][-1:] == [2]


def test_secrets_are_not_shown():
    """A key's secret does not show in its repr."""
    assert "ours" not in repr(AuthKey(1, SECRET))


@pytest.mark.parametrize("secret", ["text", None, 5])
def test_secrets_are_bytes(keyed, secret):
    """A secret that is no bytes is refused by name."""
    with pytest.raises(ArgumentTypeError, match="secret"):
        keyed[0].auth.set(2, secret)


@pytest.mark.parametrize("length", [1, 64, 300])
def test_secrets_of_any_length(backend, length):
    """A key may be short or longer than the HMAC's block (RFC 2104 section 2)."""
    secret = bytes(range(256)) * 2
    head, client, server = secured(backend, secret[:length], secret[:length])
    with head, client, server:
        exchange(client, server)


def test_empty_secrets(backend):
    """An empty secret is the null key, which Linux refuses (RFC 6458 section 8.3.3)."""
    if expected("empty_auth_key", backend):
        head, client, server = secured(backend, b"", b"")
        with head, client, server:
            exchange(client, server)
    else:
        with Socket(4, backend=backend) as sock:
            sock.auth.enable()
            with pytest.raises(OptionRefused):
                sock.auth.set(1, b"")


def test_keys_of_one_association(backend):
    """On one-to-many sockets a key is of one association, or of those to come (RFC 6458 section 8.3.3)."""
    server, client, first = many_pair(backend, before=lambda sock: sock.auth.enable([]))
    with server, client:
        server.auth.of(first.assoc_id).set(4, SECRET)
        server.auth.of(first.assoc_id).activate(4)
        assert server.auth.of(first.assoc_id).active == 4
        assert server.auth.active == 0


def test_authenticated_shutdown(backend):
    """Other chunks than DATA can be authenticated, the shutdown included (RFC 4895 section 3.2)."""
    chunks = [ChunkType.DATA, ChunkType.SACK, ChunkType.SHUTDOWN, ChunkType.ABORT, ChunkType.HEARTBEAT]
    head, client, server = secured(backend, chunks=chunks)
    with head, client, server:
        exchange(client, server)
        client.abort(b"authenticated")
        with pytest.raises(AssociationAborted):
            server.recv(timeout=LIMIT)
