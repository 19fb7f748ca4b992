"""The life of one association: what was heard of it, and what receiving and sending answer once it ended.

Fed with notifications and errors by `sockets.py`; asks no stack, because the stacks disagree: Linux gives no EOF
after our own shutdown and ECONNRESET only once, BSD reports other errnos on send (see ARCHITECTURE.md).
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Dict, Type

from sctpffi import errors
from sctpffi.enums import AssocChangeState, Cause
from sctpffi.notifications import AssocChange, Notification, ShutdownEvent


class Phase(Enum):
    """Where an association is in its life."""

    NEW = "new"
    CONNECTING = "connecting"
    UP = "up"
    ENDED = "ended"  # by SHUTDOWN
    LOST = "lost"  # by ABORT, time-out, or never came up


class Life:
    """One association's life. Not locked: a socket's receive lock guards it."""

    __slots__ = ("phase", "assoc_id", "shut_down", "aborting", "peer_shut_down", "drained", "_class", "_sure", "_facts")

    def __init__(self, phase: Phase = Phase.NEW) -> None:
        self.phase = phase
        self.assoc_id = 0
        self.shut_down = False  # we asked for it
        self.aborting = False  # we do, and close: whoever waits hears of the close, not of our own ABORT
        self.peer_shut_down = False
        self.drained = False  # the stack has nothing more to give
        self._class: Type[errors.SctpOSError] = errors.AssociationAborted
        self._sure = False  # whether _class is known, or guessed from a notification that does not tell
        self._facts: Dict[str, Any] = {}

    @property
    def over(self) -> bool:
        """Whether the association ended, in whatever way."""
        return self.phase in (Phase.ENDED, Phase.LOST)

    @property
    def up(self) -> bool:
        """Whether messages can come and go."""
        return self.phase is Phase.UP

    @property
    def lost(self) -> bool:
        """Whether it ended otherwise than by SHUTDOWN."""
        return self.phase is Phase.LOST

    def hear(self, event: Notification) -> None:
        """Take in a notification of this association."""
        if isinstance(event, ShutdownEvent):
            self.peer_shut_down = True
        elif isinstance(event, AssocChange):
            self._change(event)

    def _change(self, event: AssocChange) -> None:
        if event.state in (AssocChangeState.COMM_UP, AssocChangeState.RESTART):
            self.phase = Phase.UP
            self.assoc_id = event.assoc_id
        elif event.state == AssocChangeState.SHUTDOWN_COMP:
            self.phase = Phase.ENDED
        elif event.state == AssocChangeState.COMM_LOST:
            # No cause and no ABORT chunk: our own retransmissions ran out (RFC 9260 section 8.1).
            aborted = event.cause != Cause.NONE or bool(event.info)
            self._lose(errors.AssociationAborted if aborted else errors.AssociationTimedOut, aborted)
            self._facts = {"cause": event.cause, "info": event.info}
        elif event.state == AssocChangeState.CANT_STR_ASSOC:
            refused = event.cause != Cause.NONE or bool(event.info)
            self._lose(errors.ConnectionRefused if refused else errors.ConnectTimeout, refused)

    def _lose(self, cls: Type[errors.SctpOSError], sure: bool) -> None:
        if not self._sure:
            self._class = cls
            self._sure = sure
        self.phase = Phase.LOST

    @property
    def guessed(self) -> bool:
        """Whether it is lost for a reason that the stack's errno may tell better."""
        return self.phase is Phase.LOST and not self._sure

    def fail(self, error: errors.SctpOSError) -> None:
        """Take in an error that ends the association: a failed connect, a reset, a time-out. The first counts."""
        self._lose(type(error), True)

    def end(self) -> None:
        """Take in an EOF from the stack."""
        if not self.over:
            self.phase = Phase.ENDED
        self.drained = True

    def receive_error(self, op: str, **context: Any) -> errors.Error:
        """What receiving answers from now on, a new exception each time."""
        if self.phase is Phase.LOST:
            return self.loss(op, **context)
        return errors.EndOfAssociation(f"{op}: the association was shut down")

    def loss(self, op: str, **context: Any) -> errors.SctpOSError:
        """The stored reason why the association was lost."""
        facts = self._facts if issubclass(self._class, errors.AssociationLost) else {}
        return errors.build(self._class, op, **context, **facts)

    def send_error(self, op: str, **context: Any) -> errors.SctpOSError:
        """What sending answers once it is impossible."""
        if self.phase is Phase.LOST:
            return self.loss(op, **context)
        if self.phase is Phase.ENDED or self.peer_shut_down:
            detail = "the association was shut down"
        elif self.shut_down:
            detail = "shutdown() was called"
        else:
            detail = "there is no association"
        return errors.build(errors.NotConnected, op, detail=detail, **context)
