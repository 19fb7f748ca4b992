"""inherited_descriptors: what a service manager opened for this process, by systemd's protocol of socket activation.

Only reads the environment and marks descriptors close-on-exec; what they are, `Socket(fileno=...)` finds out.
"""

from __future__ import annotations

import os
from typing import List, NamedTuple

from sctpffi.errors import ArgumentError

FIRST = 3  # SD_LISTEN_FDS_START
_MOST = 0x7FFFFFFF - FIRST
_VARIABLES = ("LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES")
_NAMELESS = "unknown"  # as sd_listen_fds_with_names() calls one


class InheritedDescriptor(NamedTuple):
    """A descriptor that was open when this process began, and its name, FileDescriptorName= of systemd.socket."""

    fileno: int
    name: str


def inherited_descriptors(*, unset_environment: bool = False) -> List[InheritedDescriptor]:
    """The descriptors that a service manager passed to this process, LISTEN_FDS of them from 3 on, in its order.

    Empty if there are none, or LISTEN_PID says that they are another process's. Each is made close-on-exec.
    unset_environment: take the variables away, so that a second call and programs that are started find nothing.
    Raises ArgumentError, naming the variable, for what can't be understood and descriptors that are not open.
    As sd_listen_fds(3). Availability: every platform; `Socket(fileno=...)` wants a kernel's SCTP.
    """
    try:
        return _listed()
    finally:
        if unset_environment:
            for name in _VARIABLES:
                os.environ.pop(name, None)


def _listed() -> List[InheritedDescriptor]:
    owner, count = os.environ.get("LISTEN_PID", ""), os.environ.get("LISTEN_FDS", "")
    if not owner or not count or _number("LISTEN_PID", owner) != os.getpid():
        return []
    filenos = range(FIRST, FIRST + _number("LISTEN_FDS", count))
    text = os.environ.get("LISTEN_FDNAMES")
    names = [_NAMELESS] * len(filenos) if text is None else text.split(":")
    if len(names) != len(filenos):
        raise ArgumentError("LISTEN_FDNAMES", f"{len(names)} names for {len(filenos)} descriptors")
    for fileno in filenos:
        try:
            os.set_inheritable(fileno, False)
        except OSError:  # EBADF, the only way in which it can fail
            raise ArgumentError("LISTEN_FDS", f"descriptor {fileno} is not open") from None
    return [InheritedDescriptor(fileno, name) for fileno, name in zip(filenos, names)]


def _number(variable: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10) or not 0 < int(text) <= _MOST:
        raise ArgumentError(variable, f"{text!r} is not in 1..{_MOST}")
    return int(text)
