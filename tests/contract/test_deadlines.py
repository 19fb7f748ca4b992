"""Time-outs that another thread changes while calls wait, and what they leave alone.

Waiting as such is in test_waiting.py.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import Callable, List, Optional

import pytest

import sctpffi
from sctpffi import ClosedError, Connection, Event, Socket, WaitTimeout, WouldBlock, errors
from sctpffi.testing import LIMIT, Worker, listener


def _caught(call: Callable[[], object]) -> Optional[errors.Error]:
    try:
        call()
    except errors.Error as exc:
        return exc
    return None


def _fill(sock: Socket) -> Callable[[], object]:
    """Sends until there is no more room, by the socket's own time-out."""

    def fill() -> None:
        while True:
            sock.send(b"x" * 10_000)

    return fill


def _calls(linked: object, name: str) -> Callable[[], object]:
    client = linked.client  # type: ignore[attr-defined]  # a Pair
    return {"recv": client.recv, "wait_readable": client.wait_readable, "send": _fill(client)}[name]


@pytest.mark.parametrize("name", ["recv", "send"])
def test_a_shorter_timeout_ends_a_wait_for_ever(linked, name):
    """settimeout in one thread ends a call of another that waits for ever, counted from when it began."""
    linked.client.settimeout(None)
    worker = Worker(_caught, _calls(linked, name))
    linked.client.settimeout(0.05)
    assert isinstance(worker.join(), WaitTimeout)


def test_a_shorter_timeout_ends_wait_readable(linked):
    """wait_readable by the socket's own time-out obeys a change, too."""
    with pytest.raises(WouldBlock):
        while True:
            linked.client.recv(timeout=0)
    linked.client.settimeout(None)
    worker = Worker(linked.client.wait_readable)
    linked.client.settimeout(0.05)
    worker.join()


def test_zero_turns_a_wait_into_a_refusal(linked):
    """setblocking(False) in one thread ends a recv of another with WouldBlock."""
    worker = Worker(_caught, linked.client.recv)
    linked.client.setblocking(False)
    assert isinstance(worker.join(), WouldBlock)


def test_a_longer_timeout_prolongs_a_wait(linked):
    """settimeout in one thread lets a recv of another wait longer than it was going to."""
    linked.client.settimeout(1)
    worker = Worker(linked.client.recv)
    linked.client.settimeout(LIMIT)
    time.sleep(1.3)  # not to synchronise: the first time-out has to pass
    linked.server.send(b"late")
    assert worker.join().data == b"late"


def test_a_calls_own_argument_stays(linked):
    """A call that was given a time-out is not touched by settimeout."""
    worker = Worker(lambda: linked.client.recv(timeout=LIMIT))
    linked.client.settimeout(0)
    linked.server.send(b"still here")
    assert worker.join().data == b"still here"


def test_every_waiting_accept_obeys(backend):
    """Several threads in accept on one socket all hear of a new time-out."""
    head, _ = listener(backend)
    with head:
        head.settimeout(None)
        workers = [Worker(_caught, head.accept) for _ in range(4)]
        head.settimeout(0.05)
        assert all(isinstance(worker.join(), WaitTimeout) for worker in workers)


def test_several_changes_while_several_wait(backend):
    """Changes that follow each other fast reach everybody: the last one counts."""
    head, _ = listener(backend)
    with head:
        head.settimeout(None)
        workers = [Worker(_caught, head.accept) for _ in range(4)]
        for _ in range(200):
            head.settimeout(LIMIT)
            head.settimeout(None)
        head.settimeout(0.01)
        assert all(isinstance(worker.join(), WaitTimeout) for worker in workers)


def test_changes_do_not_wake_without_need(linked):
    """A recv whose time-out is changed all the time still gets its message, and no error."""
    linked.server.opts.nodelay = True
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            linked.client.settimeout(LIMIT)

    changer = Worker(change)
    try:
        found: List[bytes] = []
        for number in range(50):
            reader = Worker(linked.client.recv)
            linked.server.send(b"%d" % number)
            found.append(reader.join().data)
    finally:
        stop.set()
        changer.join()
    assert found == [b"%d" % number for number in range(50)]


def test_close_after_a_change(linked):
    """Closing still ends a wait whose time-out was changed before."""
    linked.client.settimeout(None)
    worker = Worker(_caught, linked.client.recv)
    linked.client.settimeout(LIMIT)
    linked.client.close()
    assert isinstance(worker.join(), ClosedError)


def test_settimeout_on_a_closed_socket(linked):
    """settimeout on a closed socket raises ClosedError, as in the standard library."""
    linked.client.close()
    with pytest.raises(ClosedError):
        linked.client.settimeout(1)


def _receive(conn: Connection, name: str, timeout: float) -> object:
    if name == "recv_into":
        return conn.recv_into(bytearray(10), timeout=timeout)
    return getattr(conn, name)(timeout=timeout)


@pytest.mark.parametrize("name", ["recv", "recv_into", "recv_partial", "recv_many"])
def test_a_handler_that_takes_all_the_time(backend, name):
    """A time-out that ran out while notifications were dealt with is WaitTimeout, as one that was waited for."""
    heard = threading.Event()

    def hear(event: object) -> None:
        heard.set()
        time.sleep(0.2)  # it does something that takes longer than the time-out

    with ExitStack() as stack:
        head = stack.enter_context(sctpffi.listen("127.0.0.1:0", backend=backend))
        there = f"127.0.0.1:{head.port}"
        conn = stack.enter_context(sctpffi.connect(there, backend=backend, events=(Event.SENDER_DRY_EVENT,)))
        peer = stack.enter_context(head.accept(timeout=LIMIT)[0])
        conn.on_notification = hear
        conn.send(b"x")
        assert peer.recv(timeout=LIMIT).data == b"x"
        assert conn.socket.wait_readable(LIMIT)
        with pytest.raises(WaitTimeout):
            _receive(conn, name, 0.1)
    assert heard.is_set()
