"""Authenticated chunks (RFC 4895): set keys, rotate them while messages flow, and lock out who lacks the key.

python examples/auth.py --backend usrsctp
python examples/auth.py --backend linux        no root needed, Linux 5.4 and later
"""

from __future__ import annotations

import argparse
from typing import Optional

from sctpffi import AuthenticationEvent, AuthIndication, ChunkType, Event, Notification, Socket, WaitTimeout

FIRST, SECOND = b"the first secret", b"the second secret"


def secured(backend: Optional[str], secret: bytes) -> Socket:
    """A socket that authenticates DATA with key 1, before it connects or listens."""
    sock = Socket(backend=backend)
    sock.settimeout(5)
    sock.auth.enable([ChunkType.DATA])
    sock.auth.set(1, secret)
    sock.auth.activate(1)
    return sock


def show(message: object) -> None:
    """One received message."""
    print(f"  received {message}")


def rotate(client: Socket, server: Socket) -> None:
    """A new key at both ends; what is on its way with the old one still arrives."""
    server.auth.set(2, SECOND)
    client.send(b"sent with key 1")
    client.subscribe(Event.AUTHENTICATION_EVENT)
    old = client.auth.rotate(2, SECOND)
    client.send(b"sent with key 2")
    for _ in range(2):
        show(server.recv())
    event = client.recv()
    while not (isinstance(event, AuthenticationEvent) and event.indication is AuthIndication.FREE_KEY):
        event = client.recv()
    client.auth.delete(old)
    print(f"  key {event.key} was free and is deleted; key {client.auth.active} is active")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Authenticated chunks.")
    parser.add_argument("--backend", help="linux, freebsd or usrsctp; else SCTPFFI_BACKEND, else this kernel")
    backend = parser.parse_args().backend
    with secured(backend, FIRST) as head:
        head.bind("127.0.0.1:0")
        head.listen()
        here = head.local_addresses()[0]

        print("both ends have the key:")
        with secured(backend, FIRST) as client:
            client.bind("127.0.0.1:0")
            client.connect(here)
            server, _ = head.accept()
            with server:
                rotate(client, server)

        print("an end with another key:")
        with secured(backend, b"a wrong secret") as stranger:
            stranger.bind("127.0.0.1:0")
            stranger.connect(here)
            server, _ = head.accept()
            with server:
                stranger.send(b"let me in")
                try:
                    item = server.recv(timeout=0.5)
                    assert not isinstance(item, Notification)
                    show(item)
                except WaitTimeout:
                    print("  nothing was received")
                stranger.abort()


if __name__ == "__main__":
    main()
