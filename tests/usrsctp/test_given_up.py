"""usrsctp only: sockets that are closed while they connect (docs/stacks.md, bug b).

The peer is a UDP socket that never answers: UDP encapsulation makes that possible on loopback.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import Iterator

import pytest

import sctpffi
from sctpffi import AddressInUse, ConnectInProgress, Socket, UdpEncaps, WaitTimeout
from sctpffi.testing import LIMIT, Census


@pytest.fixture
def mute() -> Iterator[int]:
    """The UDP port of somebody who never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def calling(mute: int, local: str = "127.0.0.1:0") -> Socket:
    """A socket that is connecting, in vain."""
    sock = Socket(4, backend="usrsctp")
    sock.opts.udp_encaps_port = UdpEncaps(None, mute)
    sock.bind(local)
    with pytest.raises(ConnectInProgress):
        sock.connect("127.0.0.1:7", timeout=0)
    return sock


def test_a_connect_that_nobody_answers(mute):
    """connect gives up when its time is over; nothing of it can be seen any more."""
    config = sctpffi.Config(options={"udp_encaps_port": UdpEncaps(None, mute)})
    with pytest.raises(WaitTimeout):
        sctpffi.connect("127.0.0.1:7", backend="usrsctp", config=config, timeout=0.1)


def test_its_port_comes_back(mute):
    """The port of a connect that was given up is free again a few seconds later, when its INITs have run out."""
    sock = calling(mute)
    port = sock.getsockname()[1]
    sock.close()
    end = time.monotonic() + LIMIT
    while True:
        with Socket(4, backend="usrsctp") as again:
            try:
                again.bind(f"127.0.0.1:{port}")
                break
            except AddressInUse:
                assert time.monotonic() < end
                again.wait_readable(0.05)


def test_many_that_are_given_up(mute):
    """Hundreds of sockets that are closed while they connect leave nothing."""
    calling(mute).close()  # starts the stack
    before = Census("usrsctp")
    for _ in range(200):
        calling(mute).close()
    assert before.leaks() == []


def test_a_process_that_ends_while_connecting():
    """A process with sockets that connect in vain, open ones and closed ones, ends by itself and soon."""
    program = (
        "import socket, sys, time\n"
        "from sctpffi import Socket, UdpEncaps, Error\n"
        "mute = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); mute.bind(('127.0.0.1', 0))\n"
        "socks = []\n"
        "for n in range(20):\n"
        "    sock = Socket(4, backend='usrsctp'); socks.append(sock)\n"
        "    sock.opts.udp_encaps_port = UdpEncaps(None, mute.getsockname()[1])\n"
        "    try: sock.connect('127.0.0.1:7', timeout=0)\n"
        "    except Error: pass\n"
        "for sock in socks[::2]: sock.close()\n"
        "print('at its end')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert (done.returncode, done.stdout) == (0, "at its end\n")
