"""Keys, algorithms and chunk types of AUTH: what the public apitester suite checks, in our words.

Its suites authkey, delkey, actkey, hmacid, authchk, and of read the two lists of chunks. What AUTH does to messages is
in test_auth.py. Which upstream check is which test: tests/suites/apitester.txt.
"""

from __future__ import annotations

import struct

import pytest

from sctpffi import ArgumentError, AuthKey, ChunkType, Error, HmacId, OptionRefused
from sctpffi._optrows import OPTIONS
from sctpffi.testing import expected

SECRET = b"k"
NEW, UNKNOWN = 0xFFFF, 0x1234


def number(name, backend):
    """An option's number on a stack, for the raw door."""
    row = next(row for row in OPTIONS if row.name == name)
    return row.linux if backend == "linux" else row.bsd


def enable(sock):
    """AUTH on, without any chunk that has to be authenticated."""
    sock.auth.enable([])


@pytest.fixture
def keyed(fresh):
    """A fresh socket with AUTH on."""
    enable(fresh)
    return fresh


@pytest.fixture(params=["socket", "association"])
def keys(request, backend, style):
    """The keys of a socket with AUTH on, or of an association between two."""
    if request.param == "socket":
        return request.getfixturevalue("keyed").auth
    found = request.getfixturevalue("associate")(before=enable, at_peer=enable)
    return found.sock.auth.of(found.assoc_id)


# -- AUTH_KEY


@pytest.mark.parametrize("name", ["auth_key", "auth_delete_key", "auth_chunk"])
@pytest.mark.parametrize("key", [0, UNKNOWN])
def test_keys_and_chunks_can_only_be_set(keyed, backend, name, key):
    """Keys and chunk types can't be read, neither by name nor by the stack's number (RFC 6458 section 8.3)."""
    with pytest.raises(AttributeError, match="can only be set"):
        keyed.opts.get(name)
    with pytest.raises(Error):
        keyed.getsockopt_raw(132, number(name, backend), 64)
    value = struct.pack("=IHH", 0, key, 0)
    with pytest.raises(Error):
        keyed.getsockopt_raw(132, number(name, backend), len(value))


def test_keys_of_an_association_can_only_be_set(associate, backend):
    """Keys of an association can't be read either (RFC 6458 section 8.3.3)."""
    found = associate(before=enable, at_peer=enable)
    with pytest.raises(AttributeError, match="can only be set"):
        _ = found.own.auth_key
    with pytest.raises(Error):
        found.sock.getsockopt_raw(132, number("auth_key", backend), 64)


@pytest.mark.parametrize("key", [0, NEW])
def test_set_a_key(keys, key):
    """A key can be set under number 0, and under a new one, which changes no active key (RFC 6458 section 8.3.3)."""
    keys.set(key, SECRET)
    assert keys.active == 0
    keys.opts.auth_key = AuthKey(key, SECRET * 2)
    keys.activate(key)
    assert keys.active == key


def test_set_an_empty_key(keys, backend):
    """A key of no bytes is the null key, which Linux refuses (RFC 6458 section 8.3.3)."""
    if expected("empty_auth_key", backend):
        keys.set(NEW, b"")
        keys.activate(NEW)
        assert keys.active == NEW
    else:
        with pytest.raises(OptionRefused):
            keys.set(NEW, b"")
        assert keys.active == 0


# -- AUTH_DELETE_KEY


def test_the_active_key_is_not_deleted(keyed):
    """The active key can't be deleted, key 0 at the beginning or another one later (RFC 6458 section 8.3.5)."""
    for key in (0, 1, NEW):
        keyed.auth.set(key, SECRET)
        keyed.auth.activate(key)
        with pytest.raises(ArgumentError, match="active key"):
            keyed.auth.delete(key)
        with pytest.raises(OptionRefused):
            keyed.opts.auth_delete_key = key
        assert keyed.auth.active == key


def test_an_unknown_key_is_not_deleted(keyed):
    """A key that was never set can't be deleted (RFC 6458 section 8.3.5)."""
    with pytest.raises(OptionRefused):
        keyed.auth.delete(1234)


def test_a_key_is_deleted_once(keyed):
    """A key that is set can be deleted, and then it is unknown (RFC 6458 section 8.3.5)."""
    keyed.auth.set(1, SECRET)
    keyed.auth.delete(1)
    with pytest.raises(OptionRefused):
        keyed.auth.delete(1)
    with pytest.raises(OptionRefused):
        keyed.auth.activate(1)


def test_key_zero_is_deleted_once(keyed):
    """Key 0 can be deleted when another is active, and then it is unknown (RFC 6458 section 8.3.5)."""
    keyed.auth.set(1, SECRET)
    keyed.auth.activate(1)
    keyed.auth.delete(0)
    with pytest.raises(OptionRefused):
        keyed.auth.delete(0)
    assert keyed.auth.active == 1


# -- AUTH_ACTIVE_KEY


def test_key_zero_is_active_at_first(keyed):
    """Key 0 is active on a fresh socket, and can be made it again (RFC 6458 section 8.1.18)."""
    assert keyed.auth.active == 0
    keyed.auth.activate(0)
    assert keyed.auth.active == 0


def test_an_unknown_key_is_not_activated(keyed):
    """A key that was never set can't be made the active one (RFC 6458 section 8.1.18)."""
    with pytest.raises(OptionRefused):
        keyed.auth.activate(UNKNOWN)
    assert keyed.auth.active == 0


def test_a_new_key_is_activated(keyed):
    """A key that was set can be made the active one (RFC 6458 section 8.1.18)."""
    keyed.auth.set(NEW, SECRET)
    keyed.auth.activate(NEW)
    assert keyed.auth.active == NEW


@pytest.mark.parametrize("key", [0, NEW])
def test_the_active_key_is_inherited(associate, key):
    """An association starts with its socket's keys and the active one among them (RFC 6458 section 8.1.18)."""

    def before(sock):
        enable(sock)
        sock.auth.set(key, SECRET)
        sock.auth.activate(key)

    found = associate(before=before, at_peer=before)
    assert found.own.auth_active_key == found.base.auth_active_key == key


def test_the_active_key_of_an_association(associate):
    """A key of the socket can be made active on one association alone (RFC 6458 section 8.1.18)."""

    def before(sock):
        enable(sock)
        sock.auth.set(1, SECRET)

    found = associate(before=before, at_peer=before)
    assert found.own.auth_active_key == 0
    found.own.auth_active_key = 1
    assert found.own.auth_active_key == 1
    assert found.base.auth_active_key == 0


# -- HMAC_IDENT


def test_hmac_identifiers(keyed, backend):
    """Algorithms read back in their order of preference, SHA-256 where the stack has it (RFC 6458 section 8.1.17)."""
    for wanted in ((HmacId.SHA256, HmacId.SHA1), (HmacId.SHA1,)):
        if HmacId.SHA256 in wanted and not expected("hmac_sha256", backend):
            with pytest.raises(OptionRefused):
                keyed.opts.hmac_identifiers = wanted
            continue
        keyed.opts.hmac_identifiers = wanted
        assert keyed.opts.hmac_identifiers == wanted


@pytest.mark.parametrize("wanted", [(1960, HmacId.SHA1), (HmacId.SHA256,)], ids=["unknown algorithm", "without SHA-1"])
def test_bad_hmac_identifiers(keyed, backend, wanted):
    """An unknown algorithm, or a list without SHA-1, is refused by name and by the stack (RFC 4895 section 3.3)."""
    before = keyed.opts.hmac_identifiers
    with pytest.raises(ArgumentError) as caught:
        keyed.opts.hmac_identifiers = wanted
    assert caught.value.argument == "hmac_identifiers"
    value = struct.pack(f"=I{len(wanted)}H", len(wanted), *wanted)
    with pytest.raises(Error):
        keyed.setsockopt_raw(132, number("hmac_identifiers", backend), value)
    assert keyed.opts.hmac_identifiers == before


# -- AUTH_CHUNK and the lists of chunks


def test_data_is_authenticated(fresh):
    """DATA may be what has to be authenticated (RFC 6458 section 8.3.2)."""
    enable(fresh)
    fresh.opts.auth_chunk = ChunkType.DATA
    assert ChunkType.DATA in fresh.opts.local_auth_chunks


def test_chunk_lists(associate):
    """With ASCONF on both ends have to authenticate ASCONF and ASCONF-ACK (RFC 5061 section 4.1, RFC 6458 8.2.3)."""

    def before(sock):
        enable(sock)
        sock.opts.asconf_supported = True

    found = associate(before=before, at_peer=before)
    for chunks in (found.own.peer_auth_chunks, found.own.local_auth_chunks):
        assert {ChunkType.ASCONF, ChunkType.ASCONF_ACK} <= set(chunks)
