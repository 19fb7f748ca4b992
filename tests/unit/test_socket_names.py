"""docs/sockets.md: its table has every public name of the standard library's socket, and tells the truth about ours.

What the calls do is tested in tests/contract; here are names, and the little functions around them.
"""

from __future__ import annotations

import inspect
import re
import socket

import pytest

from sctpffi import AssocState, AuthKey, InitParams, PrInfo, PrPolicy, SendFlag, SndInfo, Socket, errors
from sctpffi._socket_base import UNSET
from sctpffi._socket_habits import SocketHabits, _gather, _host_port, _peer, _receiving, _sending
from sctpffi.addresses import Address
from sctpffi.lifecycle import Phase
from sctpffi.sockets import _life_of

from .loading import ROOT

PAGE = (ROOT / "docs" / "sockets.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## Names")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| `(\w+)` \| (same|differs|left out) \| (.*?) ?\|$", TABLE, re.MULTILINE)
ELSEWHERE = {"ioctl", "share", "sendmsg_afalg"}  # of other systems


def public(cls):
    return {name for name in dir(cls) if not name.startswith("_")}


def test_every_row_is_read():
    """Each line of the table is a row as the tests below read it, in alphabetic order and once."""
    lines = [line for line in TABLE.splitlines() if line.startswith("|")][2:]
    assert len(lines) == len(ROWS)
    names = [name for name, _, _ in ROWS]
    assert names == sorted(set(names))


def test_every_name_of_the_standard_library_has_a_row():
    """All public attributes of the running Python's socket.socket are in the table, and nothing else."""
    names = {name for name, _, _ in ROWS}
    assert public(socket.socket) - names == set()
    assert names - public(socket.socket) - ELSEWHERE == set()


@pytest.mark.parametrize(("name", "here", "how"), ROWS)
def test_what_the_table_says_of_a_name(name, here, how):
    """A name that is left out is not there, with the reason; another one is, with what differs."""
    assert hasattr(Socket, name) is (here != "left out")
    assert bool(how) or here == "same"
    if here != "left out" and not isinstance(getattr(Socket, name), property):
        assert inspect.getdoc(getattr(Socket, name))


def test_timeouts_go_by_name():
    """timeout is keyword-only wherever it is a parameter of what waits (docs/sockets.md)."""
    for name in public(Socket) - {"wait_readable", "wait_writable", "settimeout"}:
        member = getattr(Socket, name)
        if inspect.isfunction(member):
            found = inspect.signature(member).parameters.get("timeout")
            assert found is None or found.kind is inspect.Parameter.KEYWORD_ONLY, name


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, None),
        (Address("10.0.0.1", 5), ("10.0.0.1", 5)),
        (Address("::1", 5), ("::1", 5)),
        (Address("fe80::1", 5, 3), ("fe80::1%3", 5)),
    ],
)
def test_host_and_port(address, expected):
    """An address is shown as (host, port), with the zone of one that has one, as sendto takes it back."""
    assert _host_port(address) == expected


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (None, None),
        ("10.0.0.1:5", "10.0.0.1:5"),
        (("10.0.0.1", 5), ("10.0.0.1", 5)),
        (("::1", 5, 0, 0), ("::1", 5)),
        (("fe80::1", 5, 0, 3), ("fe80::1%3", 5)),
        (("fe80::1%eth0", 5, 0, 3), ("fe80::1%eth0", 5)),
        (Address("fe80::1", 5, 3), Address("fe80::1", 5, 3)),
    ],
)
def test_addresses_of_the_standard_library(given, taken):
    """Four items for IPv6 are taken, with the zone; all else is for send to judge."""
    assert _peer(given) == taken


class Recorder(SocketHabits):
    """Keeps what send is asked for, in place of sending it."""

    def __init__(self) -> None:
        self.sent = []

    def send(self, data, stream=None, ppid=None, **how):
        self.sent.append((bytes(data), stream, ppid, how))
        return len(data)


def test_what_sendmsg_asks_of_send():
    """Each kind of ancillary data becomes the argument of send that it stands for (RFC 6458 section 5.3)."""
    sock = Recorder()
    prinfo, init = PrInfo(PrPolicy.RTX, 2), InitParams(3)
    ancillary = [AuthKey(7), SndInfo(1, SendFlag.UNORDERED, 46, 5), init, prinfo]
    sock.sendmsg([b"a", b"b"], ancillary, SendFlag.SACK_IMMEDIATELY, "10.0.0.1:5", assoc_id=8, timeout=2)
    flags = SendFlag.UNORDERED | SendFlag.SACK_IMMEDIATELY
    how = {"prinfo": prinfo, "init": init, "auth_key": 7, "context": 5, "flags": flags}
    assert sock.sent == [(b"ab", 1, 46, {**how, "assoc_id": 8, "to": "10.0.0.1:5", "timeout": 2})]


def test_what_sendmsg_leaves_to_send():
    """What no ancillary data says is left to send, which knows the defaults."""
    sock = Recorder()
    sock.sendmsg([b"a"])
    how = {"prinfo": None, "init": None, "auth_key": None, "context": None, "flags": 0}
    assert sock.sent == [(b"a", None, None, {**how, "assoc_id": 0, "to": None, "timeout": UNSET})]


def test_one_buffer_is_not_copied():
    """The bytes of a single buffer go on as they are."""
    data = bytearray(b"one")
    assert _gather([data]).obj is data


def test_flags_without_a_name_elsewhere():
    """A flag of 0 is no flag, whatever its type; bool and text are none."""
    assert _sending(0, 5.0) == (0, 5.0)
    assert _receiving(0, None) == (False, None)
    for wrong in (True, "0", None, 0.0):
        with pytest.raises(errors.ArgumentTypeError, match="flags"):
            _sending(wrong, None)


@pytest.mark.parametrize(
    ("used", "state", "phase", "shut_down", "peer_shut_down"),
    [
        (0, 0, Phase.NEW, False, False),
        (1, 0, Phase.ENDED, False, False),
        (1, AssocState.COOKIE_WAIT, Phase.CONNECTING, False, False),
        (1, AssocState.COOKIE_ECHOED, Phase.CONNECTING, False, False),
        (1, AssocState.ESTABLISHED, Phase.UP, False, False),
        (1, AssocState.SHUTDOWN_PENDING, Phase.UP, True, False),
        (1, AssocState.SHUTDOWN_SENT, Phase.UP, True, False),
        (1, AssocState.SHUTDOWN_RECEIVED, Phase.UP, False, True),
        (1, AssocState.SHUTDOWN_ACK_SENT, Phase.UP, False, True),
        (1, 0x10009, Phase.UP, False, False),  # which no canonical name is for
    ],
)
def test_the_life_of_an_inherited_association(used, state, phase, shut_down, peer_shut_down):
    """The state that the stack tells says where the association's life stands (RFC 9260 section 4)."""
    life = _life_of(used, state, 7)
    assert (life.phase, life.shut_down, life.peer_shut_down) == (phase, shut_down, peer_shut_down)
    assert (life.assoc_id, life.drained) == (7, False)
