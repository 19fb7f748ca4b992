"""Options that a socket hands on to its associations: what the public apitester suite checks, in our words.

Delayed SACK, MAXSEG, the default send parameters, CONTEXT and MAX_BURST (its suites dsack, maxseg, defsend, context,
maxburst). SCTP_DEFAULT_SEND_PARAM is checked by its successor, SCTP_DEFAULT_SNDINFO (RFC 6458 section 8.1.13).
Which upstream check is which test: tests/suites/apitester.txt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from sctpffi import AssocId, DelayedSack, SndInfo, Style


class Case(NamedTuple):
    """An option: what it starts with, and two other values."""

    name: str
    start: Any
    first: Any
    second: Any


CASES = [
    Case("delayed_sack", DelayedSack(200, 2), DelayedSack(300, 2), DelayedSack(260, 2)),  # in ticks of 10, 4 and 1 ms
    Case("max_segment_bytes", 0, 1200, 1300),
    Case("default_sndinfo", SndInfo(), SndInfo(stream=1), SndInfo(stream=2)),
    Case("context", 0, 4960, 5060),
    Case("max_burst", 4, 3, 5),
]
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
MANY = pytest.mark.parametrize("style", [Style.ONE_TO_MANY], ids=["one_to_many"], indirect=True)


@EACH
def test_defaults(fresh, case):
    """A fresh socket has RFC 9260's values (RFC 6458 sections 8.1.16, 8.1.19, 8.1.24, 8.1.25, 8.1.31)."""
    assert fresh.opts.get(case.name) == case.start


@EACH
def test_of_a_socket(fresh, case):
    """What is set on a socket reads back (RFC 6458 sections 8.1.16, 8.1.19, 8.1.24, 8.1.25, 8.1.31)."""
    for wanted in (case.first, case.second):
        fresh.opts.set(case.name, wanted, strict=True)
        assert fresh.opts.of(AssocId.FUTURE).get(case.name) == wanted


@pytest.mark.parametrize("wanted", [DelayedSack(delay_ms=300), DelayedSack(frequency=3)], ids=["delay", "frequency"])
def test_delay_or_frequency(fresh, wanted):
    """Of delay and frequency the one that is 0 stays (RFC 6458 section 8.1.19)."""
    before = fresh.opts.delayed_sack
    fresh.opts.delayed_sack = wanted
    after = replace(before, delay_ms=wanted.delay_ms or 200, frequency=wanted.frequency or 2)
    assert fresh.opts.delayed_sack == after != before


def test_a_segment_is_no_larger_than_asked_for(fresh):
    """MAXSEG reads back no larger than it was set (RFC 6458 section 8.1.16)."""
    fresh.opts.max_segment_bytes = 1452
    assert 0 < fresh.opts.max_segment_bytes <= 1452


@pytest.mark.parametrize("field", ["stream", "ppid", "context"])
def test_one_default_of_sending(fresh, field):
    """A default of sending changes, and the others stay as they are given (RFC 6458 section 8.1.31)."""
    before = fresh.opts.default_sndinfo
    wanted = replace(before, **{field: getattr(before, field) + 1})
    fresh.opts.default_sndinfo = wanted
    assert fresh.opts.default_sndinfo == wanted


@EACH
def test_of_an_association(associate, case):
    """What is set on an association reads back there, and its socket keeps its own (RFC 6458 section 7.2)."""
    found = associate()
    for wanted in (case.first, case.second):
        found.own.set(case.name, wanted, strict=True)
        assert found.base.get(case.name) == case.start


@EACH
def test_inherited(associate, case):
    """An association starts with what was set on its socket (RFC 6458 section 7.2)."""
    found = associate(before=lambda sock: sock.opts.set(case.name, case.first))
    assert found.own.get(case.name) == case.first


@EACH
def test_the_socket_keeps_what_its_association_changes(associate, case):
    """Changing what was inherited does not change it on the socket (RFC 6458 section 7.2)."""
    found = associate(before=lambda sock: sock.opts.set(case.name, case.first))
    found.own.set(case.name, case.second)
    assert found.own.get(case.name) == case.second
    assert found.base.get(case.name) == case.first


@MANY
@EACH
def test_associations_keep_what_another_changes(associate, case):
    """Changing an option of one association changes neither the socket nor another association (RFC 6458 7.2)."""
    found = associate(before=lambda sock: sock.opts.set(case.name, case.first))
    other = associate(hub=found.sock)
    found.own.set(case.name, case.second)
    assert found.own.get(case.name) == case.second
    assert [opts.get(case.name) for opts in (found.base, other.own)] == [case.first] * 2
