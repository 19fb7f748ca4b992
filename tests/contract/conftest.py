"""Fixtures of the contract suite: every test takes `backend` and runs unchanged on each stack.

Needs nothing but pytest, pytest-timeout and sctpffi.testing, so that it runs on a bare FreeBSD.
"""

from __future__ import annotations

from typing import Iterator, Tuple

import pytest

from sctpffi import AddressNotAvailable, Event, Socket
from sctpffi.testing import Pair, pair


@pytest.fixture
def linked(backend: str) -> Iterator[Pair]:
    """Two associated one-to-one sockets that subscribed to nothing."""
    with pair(backend) as both:
        yield both


@pytest.fixture
def watched(backend: str) -> Iterator[Pair]:
    """Two associated one-to-one sockets that subscribed to ASSOC_CHANGE and SHUTDOWN_EVENT."""
    with pair(backend, [Event.ASSOC_CHANGE, Event.SHUTDOWN_EVENT]) as both:
        yield both


@pytest.fixture
def two_hosts(backend: str) -> Tuple[str, str]:
    """Two loopback addresses that this stack has: usrsctp knows 127.0.0.2 only if it is configured on lo."""
    with Socket(4, backend=backend) as probe:
        try:
            probe.bind("127.0.0.2:0")
        except AddressNotAvailable:
            return "127.0.0.1", "::1"
    return "127.0.0.1", "127.0.0.2"
