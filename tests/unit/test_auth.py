"""AuthKeys: the order in which AUTH's keys are set, used and forgotten, over a fake source (RFC 4895, RFC 6458 8.3).

What a step needs is checked before the stack is asked. That real stacks do it is in tests/contract.
"""

from __future__ import annotations

import errno

import pytest

from sctpffi import errors
from sctpffi.auth import AuthKeys
from sctpffi.enums import AssocId, ChunkType, HmacId
from sctpffi.errors import ArgumentError, ArgumentTypeError, ExtensionOff, OptionRefused, UnsupportedOption
from sctpffi.options import Options


class Source:
    """A socket as far as its keys go: what was set last is read back."""

    def __init__(self, on=1, active=0, refuse=()) -> None:
        self.state = {"auth_supported": {"value": on}, "auth_active_key": {"value": active}}
        self.state["hmac_identifiers"] = {"value": (1,)}
        self.state["local_auth_chunks"] = {"value": (0, 0xC1, 0x80)}
        self.state["peer_auth_chunks"] = {"value": (0, 0x99)}
        self.refuse = refuse
        self.calls = []

    def get_option(self, row, assoc_id, address, keys):
        """What is so now; an exception stands for what the stack says."""
        found = self.state[row.name]
        if isinstance(found, Exception):
            raise found
        return dict(found)

    def set_option(self, row, values, assoc_id, address):
        """Take a value, unless the stack refuses it."""
        if values.get("value") in self.refuse:
            raise errors.build(OptionRefused, f"set {row.name}")
        self.calls.append((row.name, assoc_id, values))
        self.state[row.name] = values

    def has_option(self, row):
        """Everything is there."""
        return True

    def names(self):
        """What was set, in order."""
        return [name for name, _, _ in self.calls]


def keys(source, assoc_id=0):
    """The keys of a source."""
    return AuthKeys(Options(source)).of(assoc_id) if assoc_id else AuthKeys(Options(source))


# -- switching on


def test_enable_switches_on_then_says_how_and_what():
    """AUTH is switched on first, then come the algorithms, then one chunk type after the other."""
    source = Source(on=0)
    keys(source).enable([ChunkType.DATA, ChunkType.ASCONF], [HmacId.SHA1])
    assert source.calls == [
        ("auth_supported", 0, {"value": 1}),
        ("hmac_identifiers", 0, {"value": (1,)}),
        ("auth_chunk", 0, {"value": 0}),
        ("auth_chunk", 0, {"value": 0xC1}),
    ]


def test_enable_authenticates_data_by_default():
    """Without more words DATA has to be authenticated, by the better algorithm if the stack has it (RFC 4895 3.3)."""
    source = Source(on=0)
    keys(source).enable()
    assert source.calls[1:] == [("hmac_identifiers", 0, {"value": (3, 1)}), ("auth_chunk", 0, {"value": 0})]


def test_enable_takes_what_the_stack_has():
    """A stack without SHA-256 gets the one that every stack has to have (RFC 4895 section 3.3)."""
    source = Source(on=0, refuse=[(3, 1)])
    keys(source).enable()
    assert ("hmac_identifiers", 0, {"value": (1,)}) in source.calls


def test_enable_does_not_choose_for_others():
    """Algorithms that were named and that the stack refuses are refused, and not replaced."""
    source = Source(on=0, refuse=[(3, 1)])
    with pytest.raises(OptionRefused):
        keys(source).enable(hmacs=[3, 1])


@pytest.mark.parametrize(
    ("arguments", "cls"),
    [
        ({"chunks": [ChunkType.DATA, ChunkType.INIT]}, ArgumentError),
        ({"chunks": [ChunkType.AUTH]}, ArgumentError),
        ({"chunks": [0x33]}, ArgumentError),
        ({"chunks": ["DATA"]}, ArgumentTypeError),
        ({"hmacs": [HmacId.SHA256]}, ArgumentError),
        ({"hmacs": [1, 2]}, ArgumentError),
        ({"hmacs": ["SHA1"]}, ArgumentTypeError),
    ],
    ids=str,
)
def test_enable_does_all_or_nothing(arguments, cls):
    """What RFC 4895 sections 3.2 and 3.3 forbid is refused before anything is switched on."""
    source = Source(on=0)
    with pytest.raises(cls):
        keys(source).enable(**arguments)
    assert source.calls == []


# -- one key


def test_a_key_goes_its_way():
    """A key is set, activated, deactivated when another one is active, and deleted (RFC 6458 section 8.3)."""
    source = Source()
    ours = keys(source, 9)
    ours.set(1, bytearray(b"one"))
    ours.activate(1)
    ours.set(2, b"two")
    ours.activate(2)
    ours.deactivate(1)
    ours.delete(1)
    assert source.calls == [
        ("auth_key", 9, {"number": 1, "secret": b"one"}),
        ("auth_active_key", 9, {"value": 1}),
        ("auth_key", 9, {"number": 2, "secret": b"two"}),
        ("auth_active_key", 9, {"value": 2}),
        ("auth_deactivate_key", 9, {"value": 1}),
        ("auth_delete_key", 9, {"value": 1}),
    ]
    assert ours.active == 2


@pytest.mark.parametrize("step", ["deactivate", "delete"])
def test_the_active_key_stays(step):
    """The active key can't be deactivated or deleted (RFC 6458 sections 8.3.4 and 8.3.5)."""
    source = Source(active=7)
    with pytest.raises(ArgumentError, match=f"before you {step} it") as caught:
        getattr(keys(source), step)(7)
    assert caught.value.argument == "number"
    assert source.calls == []


@pytest.mark.parametrize("assoc_id", [AssocId.CURRENT, AssocId.ALL])
@pytest.mark.parametrize("step", ["deactivate", "delete", "activate"])
def test_of_all_associations_nothing_is_read(assoc_id, step):
    """Of several associations at once nothing can be read, so nothing is compared (RFC 6458 section 7.1)."""
    source = Source(active=7)
    source.state = {}  # a KeyError if it were
    getattr(keys(source, assoc_id), step)(7)
    assert source.calls == [(f"auth_{'active' if step == 'activate' else step}_key", assoc_id, {"value": 7})]


@pytest.mark.parametrize("secret", ["key", None, 7, ["k"]], ids=repr)
def test_a_secret_is_bytes(secret):
    """A secret of another type is refused before the stack is asked."""
    source = Source()
    for call in (lambda: keys(source).set(1, secret), lambda: keys(source).rotate(1, secret)):
        with pytest.raises(ArgumentTypeError) as caught:
            call()
        assert caught.value.argument == "secret"
        assert "key" not in str(caught.value).replace("auth_key", "")
    assert source.calls == []


# -- from one key to the next


def test_rotate_never_is_without_a_key():
    """The new key is set and active before the old one is given up, whose number comes back (RFC 6458 section 8.3)."""
    source = Source(active=7)
    assert keys(source, 9).rotate(8, b"new") == 7
    assert source.calls == [
        ("auth_key", 9, {"number": 8, "secret": b"new"}),
        ("auth_active_key", 9, {"value": 8}),
        ("auth_deactivate_key", 9, {"value": 7}),
    ]


def test_rotate_to_itself_is_refused():
    """A key can't be replaced by one of its own number."""
    source = Source(active=7)
    with pytest.raises(ArgumentError):
        keys(source).rotate(7, b"new")
    assert source.calls == []


# -- switched off


@pytest.mark.parametrize(
    "call",
    [
        lambda ours: ours.set(1, b"key"),
        lambda ours: ours.activate(1),
        lambda ours: ours.deactivate(1),
        lambda ours: ours.delete(1),
        lambda ours: ours.rotate(1, b"key"),
    ],
    ids=["set", "activate", "deactivate", "delete", "rotate"],
)
def test_keys_need_auth(call):
    """Without AUTH no key is of use: ExtensionOff says what to call, on every stack."""
    source = Source(on=0)
    with pytest.raises(ExtensionOff, match="enable") as caught:
        call(keys(source))
    assert (caught.value.extension, caught.value.errno) == ("auth", errno.EOPNOTSUPP)
    assert source.calls == []


def test_stack_without_the_switch_decides_itself():
    """Where the switch does not exist, as on Linux before 5.4, the stack is asked all the same."""
    source = Source()
    source.state["auth_supported"] = errors.build(UnsupportedOption, "get auth_supported")
    keys(source).set(1, b"key")
    assert source.names() == ["auth_key"]


# -- what is so


def test_chunks_and_algorithms_are_enumerations():
    """What is authenticated and how comes as members, one without a name with its number (RFC 6458 section 8.2.3)."""
    ours = keys(Source(active=3), 9)
    assert ours.active == 3
    assert ours.hmacs == (HmacId.SHA1,)
    assert ours.local_chunks == (ChunkType.DATA, ChunkType.ASCONF, ChunkType.ASCONF_ACK)
    assert [str(chunk) for chunk in ours.peer_chunks] == ["DATA", "UNKNOWN_153"]


def test_no_secret_is_kept():
    """AuthKeys keeps nothing but the options that it calls."""
    ours = keys(Source())
    ours.set(1, b"very secret")
    assert AuthKeys.__slots__ == ("opts",)
    assert "secret" not in repr(ours)
