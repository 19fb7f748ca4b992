"""Connection and Listener of inherited descriptors, blocking and for event loops (docs/connections.md).

What Socket makes of descriptors is in test_descriptors.py and test_inherited.py.
"""

from __future__ import annotations

import os
import socket

import pytest

import sctpffi
from sctpffi import ArgumentError, Connection, Endpoint, Listener, UnsupportedOption, aio
from sctpffi.testing import LIMIT, expected, pair

HERE = "127.0.0.1:0"


def test_a_connection_of_a_descriptor(backend):
    """A Connection is made of a connected socket's descriptor and goes on with its association; usrsctp has none."""
    with pair(backend) as both:
        if not expected("descriptor_is_the_socket", backend):
            with pytest.raises(UnsupportedOption):
                Connection.from_fileno(both.client.fileno(), backend=backend)
            return
        with Connection.from_fileno(both.client.detach(), backend=backend) as conn:
            assert not os.get_inheritable(conn.fileno())
            conn.send(b"from the new owner", stream=1)
            assert both.server.recv().data == b"from the new owner"
            both.server.send(b"and back")
            assert conn.recv(timeout=LIMIT).data == b"and back"
            conn.close(timeout=LIMIT)


def test_a_listener_of_a_descriptor(backend):
    """A Listener is made of a listening socket's descriptor, as systemd passes it."""
    listener = sctpffi.listen(HERE, backend=backend)
    if not expected("descriptor_is_the_socket", backend):
        with listener, pytest.raises(UnsupportedOption):
            Listener.from_fileno(listener.fileno(), backend=backend)
        return
    again = Listener.from_fileno(listener.socket.detach(), backend=backend)
    with again, sctpffi.connect(f"127.0.0.1:{again.port}", backend=backend, timeout=LIMIT) as client:
        server, _ = again.accept(timeout=LIMIT)
        with server:
            client.send(b"x")
            assert server.recv(timeout=LIMIT).data == b"x"


def test_in_a_loop(loop, backend):
    """The asynchronous twins take descriptors, too."""
    if not expected("descriptor_is_the_socket", backend):
        with sctpffi.listen(HERE, backend=backend) as listener, pytest.raises(UnsupportedOption):
            loop.api.Listener.from_fileno(listener.fileno(), backend=backend)
        return

    async def main():
        listener = loop.api.Listener.from_fileno(sctpffi.listen(HERE, backend=backend).socket.detach(), backend=backend)
        client = await loop.api.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT)
        async with listener, client:
            server, _ = await listener.accept(timeout=LIMIT)
            async with loop.api.Connection.from_fileno(server.socket.detach(), backend=backend) as again:
                await client.send(b"x")
                assert (await again.recv(timeout=LIMIT)).data == b"x"

    loop.run(main, 2 * LIMIT)


def test_what_is_refused(backend):
    """A descriptor of no SCTP socket, of one that does not listen, or a one-to-many one is refused and stays open."""
    if not expected("descriptor_is_the_socket", backend):
        with pytest.raises(UnsupportedOption):
            aio.Connection.from_fileno(0, backend=backend)
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for kind in (Connection, Listener):
            with pytest.raises(ArgumentError):
                kind.from_fileno(udp.fileno(), backend=backend)
        assert udp.getsockname()
    with pair(backend) as both:
        fd = both.client.detach()
        with pytest.raises(ArgumentError):
            Listener.from_fileno(fd, backend=backend)
        Connection.from_fileno(fd, backend=backend).close()
    with Endpoint(HERE, backend=backend) as endpoint:
        fd = endpoint.socket.detach()
    with pytest.raises(sctpffi.WrongStyle):
        Connection.from_fileno(fd, backend=backend)
    os.close(fd)
