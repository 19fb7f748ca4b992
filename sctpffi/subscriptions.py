"""Which notifications the user wants to see, of which association.

Three types are always subscribed with the stack, because `lifecycle` and reassembly need them; whether those are shown
is decided here, by the rules of RFC 6458 section 6.2.2 that the stacks keep for all other types.
"""

from __future__ import annotations

from typing import Dict, Iterable, Set

from sctpffi.enums import AssocId, Event
from sctpffi.notifications import Notification

INTERNAL = frozenset({Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT, Event.PARTIAL_DELIVERY_EVENT})


class Wanted:
    """The types that are delivered: `base` for associations to come, and what differs for those that there are."""

    __slots__ = ("base", "_own")

    def __init__(self, base: Iterable[Event] = ()) -> None:
        self.base: Set[Event] = set(base)
        self._own: Dict[int, Dict[Event, bool]] = {}

    def change(self, event: Event, on: bool, assoc_id: int, existing: Iterable[int]) -> None:
        """Take in a subscription. existing: the associations of a one-to-many socket; none on one-to-one."""
        if assoc_id > AssocId.ALL:
            self._own.setdefault(assoc_id, {})[event] = on
            return
        for each in existing:
            own = self._own.setdefault(each, {})
            if assoc_id == AssocId.FUTURE:
                own.setdefault(event, event in self.base)  # those that there are keep theirs
            else:
                own[event] = on
        if assoc_id != AssocId.CURRENT:
            self.base.add(event) if on else self.base.discard(event)

    def of(self, assoc_id: int) -> Set[Event]:
        """The types that are delivered of one association."""
        own = self._own.get(assoc_id, {})
        return {event for event in self.base | set(own) if own.get(event, event in self.base)}

    def shows(self, event: Notification) -> bool:
        """Whether to show a notification; those that the stack sends only if asked are all shown."""
        kind = event.type
        return kind not in INTERNAL or self._own.get(event.assoc_id, {}).get(kind, kind in self.base)

    def forget(self, assoc_id: int) -> None:
        """The association ended."""
        self._own.pop(assoc_id, None)
