"""Counters: the stack's by names that all stacks share, and a snapshot as plain data that turns into JSON.

A fake backend counts. What real stacks count is in tests/contract.
"""

from __future__ import annotations

import dataclasses
import json

import pytest

import sctpffi
from sctpffi import backends
from sctpffi._tables import COUNTERS
from sctpffi.addresses import Address
from sctpffi.enums import UNKNOWN, AssocState, PathState
from sctpffi.optvalues import AssocStats, PathInfo, PrStatus, Status, Timeouts
from sctpffi.statistics import AssociationSnapshot, Snapshot, StackCounters, stack_counters

PEER = Address("fe80::1", 5000, 2)
PATH = PathInfo(PEER, PathState.ACTIVE, 4380, 10, 1000, 1500)
STATUS = Status(9, AssocState.ESTABLISHED, 1000, 1, 2, 3, 4, 1452, PATH)
STATS = AssocStats(None, *range(1, 16))
TIMEOUTS = Timeouts(*range(7))
STACK = StackCounters(*range(1, len(COUNTERS) + 1), other={"SctpT1InitExpireds": 5})


class Fake:
    """A backend that counts."""

    def __init__(self, name, counted) -> None:
        self.name, self.counted = name, counted

    def counters(self):
        """The counters by the stack's own names."""
        return dict(self.counted)


@pytest.fixture
def counting(monkeypatch):
    """Put a fake in the place of every backend."""

    def put(name, counted):
        monkeypatch.setattr(backends, "select", lambda wanted: Fake(name, counted))

    return put


@pytest.mark.parametrize(("name", "column"), [("linux", 1), ("freebsd", 2), ("usrsctp", 2)])
def test_counters_have_the_same_names_everywhere(counting, name, column):
    """A stack's own names become those of the MIB; what else it counts keeps its name (RFC 3873 section 4.1.1)."""
    counting(name, {**{row[column]: number for number, row in enumerate(COUNTERS)}, "own": 99})
    found = stack_counters()
    assert [getattr(found, row[0]) for row in COUNTERS] == list(range(len(COUNTERS)))
    assert found.other == {"own": 99}


@pytest.mark.parametrize("name", ["linux", "usrsctp"])
def test_counters_that_a_stack_lacks_are_zero(counting, name):
    """A counter that the running stack does not have is 0."""
    counting(name, {})
    found = stack_counters(name)
    assert all(getattr(found, row[0]) == 0 for row in COUNTERS)
    assert found.other == {}


def test_counters_of_no_backend_say_so():
    """A name that is no backend is refused."""
    with pytest.raises(sctpffi.Error):
        stack_counters("no such stack")


def snapshot(**changed):
    """A snapshot with one association."""
    fields = {"status": STATUS, "paths": [PATH], "stats": STATS, "timeouts": None, "pr": PrStatus(1, 2)}
    return Snapshot("linux", "6.1.0", STACK, [AssociationSnapshot(**{**fields, **changed})])


def test_snapshot_as_dicts():
    """A snapshot becomes dicts and lists; enumerations and addresses are told by name."""
    found = snapshot().as_dict()
    assert (found["backend"], found["version"]) == ("linux", "6.1.0")
    assert found["stack"]["current_established"] == 1
    assert found["stack"]["other"] == {"SctpT1InitExpireds": 5}
    (association,) = found["associations"]
    assert association["status"]["state"] == "ESTABLISHED"
    assert association["status"]["assoc_id"] == 9
    assert association["status"]["primary"] == association["paths"][0]
    assert association["paths"] == [
        {
            "address": "[fe80::1%2]:5000",
            "state": "ACTIVE",
            "cwnd_bytes": 4380,
            "srtt_ms": 10,
            "rto_ms": 1000,
            "mtu_bytes": 1500,
        }
    ]
    assert association["stats"]["max_rto_address"] is None
    assert association["stats"]["in_control_chunks"] == 15
    assert association["timeouts"] is None
    assert association["pr"] == {"unsent": 1, "sent": 2}


def test_states_without_a_name_are_told_by_number():
    """A state that this library has no name for is its number in words."""
    path = dataclasses.replace(PATH, state=PathState(UNKNOWN | 77), address=None)
    found = snapshot(paths=[path], timeouts=TIMEOUTS, stats=None, pr=None).as_dict()
    (association,) = found["associations"]
    assert association["paths"][0]["state"] == "UNKNOWN_77"
    assert association["paths"][0]["address"] is None
    assert association["timeouts"]["shutdown_ack"] == 6
    assert association["stats"] is association["pr"] is None


def _plain(value):
    """Whether a value is of JSON's own types, and not of a class of ours that happens to be one."""
    if type(value) is dict:
        return all(type(key) is str and _plain(item) for key, item in value.items())
    if type(value) is list:
        return all(map(_plain, value))
    return value is None or type(value) in (str, int, bool, float)


def test_snapshot_is_json():
    """A snapshot is written as JSON, which reads back as the dicts."""
    found = snapshot(timeouts=TIMEOUTS)
    assert _plain(found.as_dict())
    assert json.loads(found.to_json()) == json.loads(found.to_json(indent=2)) == found.as_dict()
    assert "\n" not in found.to_json()
    assert found.to_json(indent=2).startswith('{\n  "backend"')


def test_snapshot_of_nobody():
    """A socket without associations has the stack's counters alone."""
    found = Snapshot("usrsctp", "0.9.5", STACK, [])
    assert json.loads(found.to_json())["associations"] == []


def test_snapshot_has_everything():
    """No field of a snapshot is left out of its dicts."""

    def same(value, found):
        if not dataclasses.is_dataclass(value):
            return True
        fields = [part.name for part in dataclasses.fields(value)]
        return list(found) == fields and all(same(getattr(value, name), found[name]) for name in fields)

    whole = snapshot(timeouts=TIMEOUTS)
    assert same(whole, whole.as_dict())
    assert same(whole.associations[0], whole.as_dict()["associations"][0])


@pytest.mark.parametrize("cls", [StackCounters, AssociationSnapshot, Snapshot])
def test_snapshots_are_public_and_frozen(cls):
    """The classes are there for isinstance under their names in the package."""
    assert getattr(sctpffi, cls.__name__) is cls
    assert cls.__dataclass_params__.frozen
