"""Fixtures of the interoperation suite: this kernel's SCTP and usrsctp in one process, an association between them.

Both carry SCTP in UDP on loopback (RFC 6951), each on a port of its own: the kernel's is `net.sctp.udp_port`, which
tools/vm/run.py sets. Every test runs twice, with either stack in either place.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Tuple

import pytest

import sctpffi
from sctpffi import Config, Connection, Endpoint, Listener, UdpEncaps
from sctpffi.backends import usrsctp
from sctpffi.testing import LIMIT, Census

# Where each stack takes packets; the peers of one are at the other's.
UDP_PORTS = {"linux": 9899, "usrsctp": 9900}
KERNELS_OWN = Path("/proc/sys/net/sctp/udp_port")
HERE = "127.0.0.1:0"
PLAIN = Config()


@pytest.fixture(scope="session", autouse=True)
def stacks() -> None:
    """Start usrsctp where the kernel looks for it. A kernel that takes no UDP is a failure: it was asked for."""
    port = KERNELS_OWN.read_text(encoding="utf-8").strip() if KERNELS_OWN.exists() else "none"
    if port != str(UDP_PORTS["linux"]):
        pytest.exit(f"net.sctp.udp_port is {port}, and not {UDP_PORTS['linux']}; see docs/testing.md", returncode=2)
    usrsctp.usrsctp.configure(udp_port=UDP_PORTS["usrsctp"], remote_udp_port=UDP_PORTS["linux"])
    for name in UDP_PORTS:
        sctpffi.Socket(4, backend=name).close()  # usrsctp starts its threads and sockets with the first


@pytest.fixture(params=[("linux", "usrsctp"), ("usrsctp", "linux")], ids=lambda pair: f"{pair[0]}_serves")
def roles(request: pytest.FixtureRequest) -> Tuple[str, str]:
    """Which stack listens, and which one connects."""
    return request.param  # type: ignore[no-any-return]  # pytest's params have no type


@pytest.fixture(autouse=True)
def census() -> Iterator[None]:
    """After every test nothing that it opened is open, on either stack."""
    before = [Census(name) for name in UDP_PORTS]
    yield
    leaked = [line for each in before for line in each.leaks()]
    assert not leaked, "; ".join(leaked)


class Both(NamedTuple):
    """An association between the stacks, by its two ends."""

    listener: Listener
    client: Connection
    server: Connection


class Net:
    """Makes ends on one stack or the other whose peers are on the other one; all are closed at the end of a test."""

    def __init__(self, stack: ExitStack, roles: Tuple[str, str]) -> None:
        self._stack = stack
        self.server, self.client = roles

    def config(self, backend: str, config: Config, **fields: Any) -> Config:
        """A Config whose peers are at the other stack's UDP port."""
        (other,) = UDP_PORTS.keys() - {backend}
        options: Dict[str, Any] = {**config.options, "udp_encaps_port": UdpEncaps(None, UDP_PORTS[other])}
        return replace(config, options=options, **fields)

    def listen(self, config: Config = PLAIN, address: str = HERE, **fields: Any) -> Listener:
        """A listener on the stack that serves."""
        config = self.config(self.server, config, **fields)
        return self._stack.enter_context(sctpffi.listen(address, backend=self.server, config=config))

    def connect(self, listener: Listener, config: Config = PLAIN, local: str = HERE, **fields: Any) -> Connection:
        """A connection of the other stack's."""
        config = self.config(self.client, config, **fields)
        address = f"127.0.0.1:{listener.port}"
        conn = sctpffi.connect(address, local=local, timeout=LIMIT, backend=self.client, config=config)
        conn.settimeout(LIMIT)
        return self._stack.enter_context(conn)

    def accept(self, listener: Listener) -> Connection:
        """What the listener accepts."""
        conn, _ = listener.accept(timeout=LIMIT)
        conn.settimeout(LIMIT)
        return self._stack.enter_context(conn)

    def both(self, config: Config = PLAIN, **fields: Any) -> Both:
        """Two ends with one Config."""
        listener = self.listen(config, **fields)
        client = self.connect(listener, config, **fields)
        return Both(listener, client, self.accept(listener))

    def endpoint(self, backend: str, **fields: Any) -> Endpoint:
        """A one-to-many endpoint."""
        config = self.config(backend, PLAIN, **fields)
        return self._stack.enter_context(Endpoint(HERE, backend=backend, config=config))


@pytest.fixture
def net(roles: Tuple[str, str]) -> Iterator[Net]:
    """See `Net`."""
    with ExitStack() as stack:
        yield Net(stack, roles)
