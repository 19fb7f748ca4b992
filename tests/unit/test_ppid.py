"""Payload protocol identifiers: the registry's numbers, how they are shown, and the page that explains them.

That they travel in host order is for tests/contract to say.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sctpffi import Message, NextFlag, NextInfo, Ppid, SendFailed, SendFailedEvent, SndInfo
from sctpffi.cli import demo_wire
from sctpffi.enums import Cause, FailedFlag, SendFlag

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ppid.md"
# The registry in its own order; "-" is unassigned. Read off IANA's list, not off the enumeration.
NAMES = """
    UNSPECIFIED IUA M2UA M3UA SUA M2PA V5UA H248 BICC TALI DUA ASAP ENRP H323 Q_IPC SIMCO DDP_SEGMENT DDP_STREAM_SESSION
    S1AP RUA HNBAP FORCES_HP FORCES_MP FORCES_LP SBC_AP NBAP - X2AP IRCP LCS_AP MPICH2 SABP FGP PPP CALCAPP SSP
    NPMP_CONTROL NPMP_DATA ECHO DISCARD DAYTIME CHARGEN RNA M2AP M3AP SSH DIAMETER DIAMETER_DTLS R14P GDT WEBRTC_DCEP
    WEBRTC_STRING WEBRTC_BINARY_PARTIAL WEBRTC_BINARY WEBRTC_STRING_PARTIAL PUA WEBRTC_STRING_EMPTY WEBRTC_BINARY_EMPTY
    XWAP XW_CP NGAP XNAP F1AP HTTP E1AP ELE2 NGAP_DTLS XNAP_DTLS F1AP_DTLS E1AP_DTLS E2_CP O_RAN_D2 E2_DU W1AP
"""
REGISTRY = NAMES.split()
FAILURE = (9, None, FailedFlag.SENT, Cause.NONE, b"data", 3)  # up to the stream


def message(ppid):
    """A message that came with this PPID."""
    return Message(b"hello", 3, 4, ppid, 5, 6, 1, 7, 9, (0, 0, 0, b""))


def test_the_registrys_numbers():
    """0 to 73 without 26, and 4242, are named as the registry names them (RFC 9260 section 15.5)."""
    wanted = {number: name for number, name in enumerate(REGISTRY) if name != "-"}
    assert {int(member): member.name for member in Ppid} == {**wanted, 4242: "DTLS_KEY_MANAGEMENT"}


@pytest.mark.parametrize(
    ("number", "name"),
    [(3, "M3UA"), (18, "S1AP"), (46, "DIAMETER"), (47, "DIAMETER_DTLS"), (51, "WEBRTC_STRING"), (60, "NGAP")],
)
def test_numbers_that_programs_depend_on(number, name):
    """Some of the best known ones, each by its own specification."""
    assert Ppid[name] == number


def test_rfc_8831_has_six():
    """Strings and binaries, whole, in parts and empty, are the six of RFC 8831 section 8."""
    found = [Ppid.WEBRTC_STRING, Ppid.WEBRTC_BINARY_PARTIAL, Ppid.WEBRTC_BINARY, Ppid.WEBRTC_STRING_PARTIAL]
    assert [*found, Ppid.WEBRTC_STRING_EMPTY, Ppid.WEBRTC_BINARY_EMPTY] == [51, 52, 53, 54, 56, 57]


@pytest.mark.parametrize("number", [26, 74, 4241, 4243, 0xFFFF, 0x10000, 0x1002E, 0xFFFFFFFF])
def test_unassigned_numbers(number):
    """A number that nobody registered is named by all of its digits, whichever side of 16 bits it lies on."""
    assert (Ppid(number).known, str(Ppid(number))) == (False, f"UNKNOWN_{number}")
    assert message(number).ppid_name == f"UNKNOWN_{number}"


SHOWN = [(46, "DIAMETER"), (4242, "DTLS_KEY_MANAGEMENT"), (0, "UNSPECIFIED"), (0x1002E, "UNKNOWN_65582")]


@pytest.mark.parametrize(("number", "name"), SHOWN)
def test_shown_by_name(number, name):
    """Everything that carries a PPID shows its name in repr(), and still holds the plain int."""
    carriers = [
        message(number),
        NextInfo(3, NextFlag.NONE, number, 100, 9),
        SendFailedEvent(*FAILURE, number, 1),
        SendFailed(*FAILURE, number, 1, 4),
    ]
    for carrier in carriers:
        assert name in repr(carrier)
        assert carrier.ppid_name == name
        assert type(carrier.ppid) is int
        assert carrier.ppid == number
    assert f"ppid=<Ppid.{name}: {number}>" in repr(SndInfo(ppid=number))
    assert type(SndInfo(ppid=number).ppid) is int


def test_the_whole_repr():
    """Apart from the PPID, they are shown as dataclasses and named tuples show themselves."""
    flags = repr(SendFlag.UNORDERED)
    assert (
        repr(SndInfo(1, SendFlag.UNORDERED, 60, 2))
        == f"SndInfo(stream=1, flags={flags}, ppid=<Ppid.NGAP: 60>, context=2)"
    )
    shown = f"NextInfo(stream=3, flags={NextFlag.COMPLETE!r}, ppid=<Ppid.NGAP: 60>, length_bytes=100, assoc_id=9)"
    assert repr(NextInfo(3, NextFlag.COMPLETE, 60, 100, 9)) == shown
    parts = f"assoc_id=9, source=None, flags={FailedFlag.SENT!r}, cause={Cause.NONE!r}, data=b'data', stream=3"
    parts += ", ppid=<Ppid.NGAP: 60>, context=1"
    assert repr(SendFailedEvent(*FAILURE, 60, 1)) == f"SendFailedEvent({parts})"
    assert repr(SendFailed(*FAILURE, 60, 1, 4)) == f"SendFailed({parts}, ssn=4)"


@pytest.mark.parametrize("value", ["46", None, 46.0])
def test_what_is_no_number_can_be_shown(value):
    """A wrong PPID that a user gave is refused later; showing it never fails."""
    assert f"ppid={value!r}" in repr(SndInfo(ppid=value))


def test_the_demo_names_them():
    """When the demo finds that a PPID changed on the way, it says so by number and by name."""
    head = demo_wire.Head(demo_wire.Kind.FILE, False, 3, 46, 0, 0)
    assert demo_wire.misdelivered(message(47), head) == "PPID 46 arrived as 47; DIAMETER became DIAMETER_DTLS"
    assert demo_wire.misdelivered(message(46), head) is None


def test_the_page_has_every_member():
    """docs/ppid.md has one row for each member, in order, with its number."""
    rows = re.findall(r"^\| (\d+) \| `Ppid\.(\w+)` \| (.+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    assert [(int(number), name) for number, name, _, _ in rows] == [(int(member), member.name) for member in Ppid]
    assert all(what.strip() for _, _, what, _ in rows)
