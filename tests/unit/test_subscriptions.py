"""Wanted: which notifications are shown, of which association (RFC 6458 section 6.2.2).

Sockets keep it and the inbox asks it; nothing here needs either. What the stacks are told is in tests/contract.
"""

from __future__ import annotations

import pytest

from sctpffi.enums import AssocChangeState, AssocId, Cause, Event
from sctpffi.notifications import (
    AssocChange,
    PartialDeliveryEvent,
    SenderDryEvent,
    ShutdownEvent,
    UnknownNotification,
)
from sctpffi.subscriptions import INTERNAL, Wanted

UP, DOWN, HALF = Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT, Event.PARTIAL_DELIVERY_EVENT


def change(assoc_id):
    """An ASSOC_CHANGE of an association."""
    return AssocChange(assoc_id, None, AssocChangeState.COMM_UP, Cause.NONE, 1, 1, None, b"")


def test_three_types_are_internal():
    """Three types are always subscribed with the stack; whether they are shown is decided here."""
    assert {UP, DOWN, HALF} == INTERNAL


def test_nothing_internal_is_shown_unasked():
    """What nobody subscribed to is not shown."""
    wanted = Wanted()
    assert not wanted.shows(change(1))
    assert not wanted.shows(ShutdownEvent(1, None))
    assert not wanted.shows(PartialDeliveryEvent(1, None, 1, 0, 0))
    assert wanted.of(1) == set()


def test_other_types_are_shown():
    """A type that the stack sends only if asked was asked for; so is one that has no name yet."""
    wanted = Wanted()
    assert wanted.shows(SenderDryEvent(1, None))
    assert wanted.shows(UnknownNotification(1, None, Event(0x10099), 0, b""))


def test_base_holds_for_all():
    """What was subscribed to begin with holds for every association, and the given set stays the caller's."""
    events = {UP}
    wanted = Wanted(events)
    events.add(DOWN)
    assert wanted.of(1) == wanted.of(2) == {UP}
    assert wanted.shows(change(5))
    assert not wanted.shows(ShutdownEvent(5, None))


@pytest.mark.parametrize("on", [True, False])
def test_future_is_for_those_to_come(on):
    """FUTURE changes those to come; those that there are keep what they have (RFC 6458 section 7.1)."""
    wanted = Wanted(() if on else {UP})
    wanted.change(UP, on, AssocId.FUTURE, (3, 4))
    assert wanted.shows(change(5)) is on
    assert wanted.shows(change(3)) is wanted.shows(change(4)) is not on


@pytest.mark.parametrize("on", [True, False])
def test_current_is_for_those_that_there_are(on):
    """CURRENT changes those that there are, and none to come."""
    wanted = Wanted(() if on else {UP})
    wanted.change(UP, on, AssocId.CURRENT, (3, 4))
    assert wanted.shows(change(3)) is wanted.shows(change(4)) is on
    assert wanted.shows(change(5)) is not on


@pytest.mark.parametrize("on", [True, False])
def test_all_is_for_both(on):
    """ALL changes those that there are and those to come, an own choice of one of them too."""
    wanted = Wanted(() if on else {UP})
    wanted.change(UP, not on, 3, ())
    wanted.change(UP, on, AssocId.ALL, (3, 4))
    assert wanted.shows(change(3)) is wanted.shows(change(4)) is wanted.shows(change(5)) is on


@pytest.mark.parametrize("on", [True, False])
def test_one_association_has_its_own(on):
    """An id changes that association alone, whoever else there is."""
    wanted = Wanted(() if on else {UP})
    wanted.change(UP, on, 3, (3, 4))
    assert wanted.shows(change(3)) is on
    assert wanted.shows(change(4)) is not on
    assert wanted.shows(change(5)) is not on


def test_own_choice_outlives_future():
    """What one association chose is not touched by what is chosen for those to come."""
    wanted = Wanted()
    wanted.change(UP, True, 3, ())
    wanted.change(UP, True, AssocId.FUTURE, (3, 4))
    wanted.change(UP, False, AssocId.FUTURE, (3, 4))
    assert wanted.of(3) == {UP}
    assert wanted.of(4) == wanted.of(5) == set()


def test_types_are_apart():
    """A choice about one type leaves the others alone."""
    wanted = Wanted({UP, DOWN})
    wanted.change(UP, False, 3, ())
    wanted.change(HALF, True, AssocId.CURRENT, (3,))
    assert wanted.of(3) == {DOWN, HALF}
    assert wanted.of(4) == {UP, DOWN}


def test_one_to_one_knows_no_others():
    """A one-to-one socket names no associations: FUTURE and ALL are its own, CURRENT changes nothing to come."""
    wanted = Wanted()
    wanted.change(UP, True, AssocId.FUTURE, ())
    assert wanted.shows(change(9))
    wanted.change(UP, False, AssocId.CURRENT, ())
    assert wanted.shows(change(9))
    wanted.change(UP, False, AssocId.ALL, ())
    assert not wanted.shows(change(9))


def test_ended_associations_are_forgotten():
    """After its end an association's number means another one, which has what holds for those to come."""
    wanted = Wanted({UP})
    wanted.change(UP, False, 3, ())
    wanted.forget(3)
    wanted.forget(77)
    assert wanted.shows(change(3))
    assert wanted._own == {}


def test_other_types_are_kept_too():
    """The choice of a type that the stack filters is kept, so that `of` tells all that there is."""
    wanted = Wanted()
    wanted.change(Event.SENDER_DRY_EVENT, True, 3, ())
    assert wanted.of(3) == {Event.SENDER_DRY_EVENT}
