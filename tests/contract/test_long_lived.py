"""Sockets that have waited often: their calls may wait in another way, and must obey all the same.

On Linux such a socket waits in the kernel for a moment before it waits by poll (csrc/sfi_moments.inc.c). What waits,
time-outs and closing are on a new socket is in test_waiting.py and test_deadlines.py.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from contextlib import ExitStack
from typing import Callable, Dict, Iterator, Optional, Tuple

import pytest

import sctpffi
from sctpffi import (
    AuthKey,
    ChunkType,
    ClosedError,
    Config,
    Connection,
    EndOfAssociation,
    Endpoint,
    Socket,
    Style,
    WaitTimeout,
    WouldBlock,
    errors,
)
from sctpffi.testing import LIMIT, Worker, expected, many_pair

WAITS = 12
OFTEN = 10  # a moment may be missed once
SOON = 5.0  # seconds: a bound for machines that are busy, not what it takes


def wear(sock: Socket) -> None:
    """Have a socket wait often."""
    for _ in range(WAITS):
        with pytest.raises(WaitTimeout):
            sock.recv(timeout=0.001)


@pytest.fixture
def worn(tight):
    """Two associated one-to-one sockets that have waited often."""
    wear(tight.client)
    wear(tight.server)
    return tight


def _caught(call: Callable[[], object]) -> Optional[errors.Error]:
    try:
        call()
    except errors.Error as exc:
        return exc
    return None


def _until_reading(sock: Socket) -> None:
    end = time.monotonic() + LIMIT
    while not sock._inbox._turn.taken():
        assert time.monotonic() < end


def test_messages_one_by_one(worn):
    """Each end waits for the other's message, by its own time-out, by one of the call, and for ever."""
    for timeout in (LIMIT, None):
        worn.client.settimeout(timeout)
        worn.server.settimeout(timeout)
        answers = Worker(lambda: [worn.server.send(worn.server.recv().data + b"!") for _ in range(50)])
        for number in range(50):
            worn.client.send(b"%d" % number)
            assert worn.client.recv().data == b"%d!" % number
        assert answers.join() == [len(b"%d!" % number) for number in range(50)]


def test_batches(worn):
    """recv_many waits for the first, takes what is there, and then waits again."""
    got = []
    reader = Worker(
        lambda: [got.extend(m.data for m in worn.server.recv_many(64)) for _ in iter(lambda: len(got) < 640, False)]
    )
    for start in range(0, 640, 64):
        assert worn.client.send_many([b"%d" % n for n in range(start, start + 64)]) == 64
    reader.join()
    assert got == [b"%d" % n for n in range(640)]


@pytest.mark.parametrize("call", ["recv", "recv_many", "recv_into", "send", "send_many"])
def test_close_by_another_thread(worn, call):
    """close() ends a call of another thread that waits, with ClosedError."""
    sock = worn.client
    sock.settimeout(None)
    worker = Worker(_caught, calls(sock)[call])
    if call.startswith("recv"):
        _until_reading(sock)
    else:
        _until_full(sock)
    start = time.monotonic()
    sock.close()
    assert isinstance(worker.join(), ClosedError)
    assert time.monotonic() - start < SOON


def _until_full(sock: Socket) -> None:
    """Wait until another thread's sends wait for room."""
    end = time.monotonic() + LIMIT
    last = -1
    while time.monotonic() < end:
        unsent = sock.status().unacked
        if unsent == last and unsent > 0:
            return
        last = unsent
        time.sleep(0.05)  # not to synchronise: full is what no longer grows
    raise AssertionError("the socket does not fill")


def calls(sock: Socket) -> Dict[str, Callable[[], object]]:
    """Calls that wait: for a message, or for room until there is none."""

    def fill() -> None:
        while True:
            sock.send(b"x" * 10_000)

    def fill_many() -> None:
        while True:
            sock.send_many([b"x" * 10_000] * 20)

    return {
        "recv": sock.recv,
        "recv_many": sock.recv_many,
        "recv_into": lambda: sock.recv_into(bytearray(10_000)),
        "send": fill,
        "send_many": fill_many,
    }


@pytest.mark.parametrize("call", ["recv", "recv_many", "recv_into", "send", "send_many"])
def test_a_new_timeout_is_obeyed(worn, call):
    """settimeout ends a call of another thread that waits for ever."""
    worn.client.settimeout(None)
    worker = Worker(_caught, calls(worn.client)[call])
    if call.startswith("recv"):
        _until_reading(worn.client)
    worn.client.settimeout(0.05)
    assert isinstance(worker.join(), WaitTimeout)


@pytest.mark.parametrize("call", ["recv", "recv_many", "recv_into", "send", "send_many"])
@pytest.mark.parametrize("timeout", [0.05, 0.15, 0.4])
def test_no_wait_ends_early(worn, call, timeout):
    """A call waits for all of its time-out, and not much longer."""
    sock = worn.client
    sock.settimeout(timeout)
    if call.startswith("send"):
        assert isinstance(_caught(calls(sock)["send"]), WaitTimeout)  # until there is no room
    start = time.monotonic()
    assert isinstance(_caught(calls(sock)[call]), WaitTimeout)
    assert timeout <= time.monotonic() - start < timeout + SOON


@pytest.mark.parametrize("call", ["recv", "recv_many", "recv_into"])
def test_without_waiting(worn, call):
    """timeout 0 does not wait, not even for a moment."""
    took = []
    worn.client.settimeout(0)
    for _ in range(OFTEN):
        start = time.monotonic()
        assert isinstance(_caught(calls(worn.client)[call]), WouldBlock)
        took.append(time.monotonic() - start)
    assert min(took) < 0.008


def test_a_short_wait_is_short(worn):
    """A time-out of a millisecond is not made longer by a moment."""
    took = []
    for _ in range(OFTEN):
        start = time.monotonic()
        with pytest.raises(WaitTimeout):
            worn.client.recv(timeout=0.001)
        took.append(time.monotonic() - start)
    assert 0.001 <= min(took) < 0.008


@pytest.mark.parametrize("many", [False, True])
def test_a_full_socket_does_not_wait(worn, many):
    """A send with timeout 0 that finds no room does not wait, not even for a moment."""
    worn.client.settimeout(0)
    took = []
    for _ in range(OFTEN):
        assert isinstance(_caught(calls(worn.client)["send"]), WouldBlock)
        start = time.monotonic()
        found = _caught(lambda: worn.client.send_many([b"x" * 10_000]) if many else worn.client.send(b"x" * 10_000))
        if found is not None:
            took.append(time.monotonic() - start)
    assert min(took) < 0.008


def test_a_batch_does_not_wait_for_more(worn):
    """recv_many gives what is there as soon as there is one message."""
    took = []
    for _ in range(OFTEN):
        worn.client.send(b"alone")
        start = time.monotonic()
        assert len(worn.server.recv_many(64)) == 1
        took.append(time.monotonic() - start)
    assert min(took) < 0.008


def test_its_descriptor_is_non_blocking(worn):
    """fileno() gives a descriptor with O_NONBLOCK, and calls wait and return on it as before."""
    number = worn.client.fileno()
    assert fcntl.fcntl(number, fcntl.F_GETFL) & os.O_NONBLOCK
    with pytest.raises(WaitTimeout):
        worn.client.recv(timeout=0.15)
    assert fcntl.fcntl(number, fcntl.F_GETFL) & os.O_NONBLOCK
    worn.server.send(b"to it")
    assert worn.client.recv().data == b"to it"


def test_it_is_asked_for_while_a_thread_waits(worn):
    """fileno() in one thread leaves another one waiting, which then gets its message."""
    reader = Worker(worn.client.recv)
    _until_reading(worn.client)
    assert fcntl.fcntl(worn.client.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK
    worn.server.send(b"to it")
    assert reader.join().data == b"to it"


def test_it_is_detached(worn, backend):
    """What detach() gives is non-blocking and can be adopted."""
    if not expected("descriptor_is_the_socket", backend):
        with pytest.raises(errors.UnsupportedOption):
            worn.client.detach()
        return
    number = worn.client.detach()
    assert fcntl.fcntl(number, fcntl.F_GETFL) & os.O_NONBLOCK
    with Connection.from_fileno(number, backend=backend) as again:
        worn.server.send(b"to it")
        assert again.recv(timeout=LIMIT).data == b"to it"


def test_a_signal_interrupts(worn):
    """A signal's handler runs while a call waits, and what it raises ends the call (RFC 6458 has no word on it)."""

    class Rang(Exception):
        pass

    def ring(number, frame):
        raise Rang

    worn.client.settimeout(None)
    before = signal.signal(signal.SIGALRM, ring)
    try:
        for call in ("recv", "recv_many", "recv_into"):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Rang):
                calls(worn.client)[call]()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    worn.server.send(b"goes on")
    assert worn.client.recv().data == b"goes on"


def test_signals_all_the_time(worn):
    """Signals whose handlers return do not keep a message from its reader, nor make a wait end early."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    try:
        start = time.monotonic()
        with pytest.raises(WaitTimeout):
            worn.client.recv(timeout=0.3)
        assert time.monotonic() - start >= 0.3
        answers = Worker(lambda: [worn.server.send(worn.server.recv().data) for _ in range(50)])
        for _ in range(50):
            worn.client.send(b"there and back")
            assert worn.client.recv().data == b"there and back"
        answers.join()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("call", ["recv", "recv_many"])
def test_the_end(worn, call):
    """A graceful end by the peer ends a wait, and an ABORT does, too (RFC 9260 sections 9.1 and 9.2)."""
    reader = Worker(_caught, calls(worn.client)[call])
    _until_reading(worn.client)
    worn.server.close()
    assert isinstance(reader.join(), EndOfAssociation)


@pytest.mark.parametrize("call", ["recv", "recv_many"])
def test_an_abort(worn, call):
    """An ABORT ends a wait with its error, each time; what had come before it is received first (RFC 9260 9.1)."""
    worn.server.send(b"before")
    worn.server.abort()
    found = []
    for _ in range(3):
        error = _caught(lambda: found.append(worn.client.recv_many(4) if call == "recv_many" else worn.client.recv()))
        if error is not None:
            assert isinstance(error, errors.AssociationAborted)
    assert len(found) <= 1  # Linux delivers what was before an ABORT, unless that was faster
    assert isinstance(_caught(calls(worn.client)[call]), errors.AssociationAborted)


def test_an_abort_of_who_waits(worn):
    """An ABORT ends a wait that is under way (RFC 9260 section 9.1)."""
    worn.client.settimeout(None)
    reader = Worker(_caught, worn.client.recv)
    _until_reading(worn.client)
    worn.server.abort()
    assert isinstance(reader.join(), errors.AssociationAborted)


def test_several_readers(worn):
    """Threads that take turns each get messages, and all of them end at close."""
    got, lock = [], threading.Lock()

    def read() -> Optional[errors.Error]:
        while True:
            try:
                message = worn.server.recv()
            except errors.Error as exc:
                return exc
            with lock:
                got.append(message.data)

    readers = [Worker(read) for _ in range(4)]
    for number in range(200):
        worn.client.send(b"%d" % number)
    end = time.monotonic() + LIMIT
    while len(got) < 200:
        assert time.monotonic() < end
        time.sleep(0.001)  # a look now and then
    worn.server.close()
    assert all(isinstance(reader.join(), ClosedError) for reader in readers)
    assert sorted(got) == sorted(b"%d" % number for number in range(200))


# -- one-to-many sockets, and those that are peeled off


@pytest.fixture
def many(backend) -> Iterator[Socket]:
    """A one-to-many socket that has waited often, with an association."""
    server, client, first = many_pair(backend)
    with server, client:
        wear(server)
        wear(client)
        yield server, client, first.assoc_id


def test_one_to_many(many):
    """A one-to-many socket waits for messages of its associations, and after the last one for more."""
    server, client, assoc_id = many
    reader = Worker(server.recv)
    _until_reading(server)
    client.send(b"one", assoc_id=client.associations()[0])
    assert reader.join().data == b"one"
    server.abort(assoc_id=assoc_id)
    with pytest.raises(WaitTimeout):
        server.recv(timeout=0.3)


def test_without_an_association(backend):
    """A one-to-many socket that neither listens nor has an association waits all the same (RFC 6458 section 3)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as sock:
        sock.bind("127.0.0.1:0")
        wear(sock)
        start = time.monotonic()
        with pytest.raises(WaitTimeout):
            sock.recv(timeout=0.3)
        assert time.monotonic() - start >= 0.3


def test_peeled_off(many):
    """A peeled-off socket that has waited often waits for its peer, and for the end (RFC 6458 section 9.2)."""
    server, client, assoc_id = many
    with server.peeloff(assoc_id) as sock:
        sock.settimeout(LIMIT)
        wear(sock)
        reader = Worker(sock.recv)
        _until_reading(sock)
        client.send(b"to you alone", assoc_id=client.associations()[0])
        assert reader.join().data == b"to you alone"
        reader = Worker(_caught, sock.recv)
        _until_reading(sock)
        client.close()
        assert isinstance(reader.join(), EndOfAssociation)


@pytest.fixture
def stranger(backend) -> Iterator[Tuple[Endpoint, Callable[[], str]]]:
    """An endpoint that has waited often, and a call that gives where nobody answers it: it lacks the listener's key."""
    silent = Config(auth_chunks=(ChunkType.COOKIE_ECHO,))
    config = Config(auth_keys=(AuthKey(7, b"not the listener's"),), auth_active_key=7)
    with ExitStack() as stack:
        endpoint = stack.enter_context(Endpoint("127.0.0.1:0", backend=backend, config=config))
        wear(endpoint.socket)

        def nobody() -> str:
            listener = stack.enter_context(sctpffi.listen("127.0.0.1:0", backend=backend, config=silent))
            return f"127.0.0.1:{listener.port}"

        yield endpoint, nobody


def test_connecting_does_not_wait(stranger):
    """An endpoint that has waited often does not wait in connect longer than it is told to, not even for a moment."""
    endpoint, nobody = stranger
    took = []
    for _ in range(OFTEN):
        there = nobody()
        start = time.monotonic()
        with pytest.raises(WouldBlock):
            endpoint.connect(there, timeout=0)
        took.append(time.monotonic() - start)
    assert min(took) < 0.008


@pytest.mark.parametrize("many", [False, True])
def test_a_first_message_does_not_wait(stranger, many):
    """A message that sets an association up is sent without waiting for that, by a socket that has waited often."""
    endpoint, nobody = stranger
    took = []
    for _ in range(OFTEN):
        there = nobody()
        start = time.monotonic()
        if many:
            assert endpoint.send_many([b"hello"], to=there) == 1
        else:
            endpoint.send(b"hello", to=there)
        took.append(time.monotonic() - start)
    assert min(took) < 0.008
