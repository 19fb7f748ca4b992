"""Waiting: time-outs, selectors, threads, closing from another thread, signals (docs/stacks.md, trap 5).

Two threads, one sending and one receiving, on one socket; a third that closes.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import threading
import time

import pytest

from sctpffi import ClosedError, EndOfAssociation, Message, Socket, Style, WaitTimeout, WouldBlock, errors
from sctpffi.testing import LIMIT, Worker, expected, many_pair, pair
from sctpffi.testing.pairs import listener


def _raised(call, *args, **kwargs):
    """The exception that a call raises, or None."""
    try:
        call(*args, **kwargs)
    except errors.Error as exc:
        return exc
    return None


def _signal_main(number) -> None:
    """As a terminal's Ctrl-C reaches the main thread; the kernel might pick another one of a process's threads."""
    signal.pthread_kill(threading.main_thread().ident, number)


def test_recv_times_out(linked):
    """recv with a time-out waits that long and raises WaitTimeout, a TimeoutError."""
    start = time.monotonic()
    with pytest.raises(WaitTimeout) as caught:
        linked.client.recv(timeout=0.2)
    assert time.monotonic() - start >= 0.19
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.op == "recv"


def test_recv_without_waiting(linked):
    """recv with time-out 0 raises WouldBlock, a BlockingIOError, at once."""
    with pytest.raises(BlockingIOError):
        linked.client.recv(timeout=0)


def test_accept_times_out(backend):
    """accept with a time-out raises WaitTimeout, with 0 WouldBlock."""
    head, _ = listener(backend)
    with head:
        with pytest.raises(WaitTimeout):
            head.accept(timeout=0.1)
        with pytest.raises(WouldBlock):
            head.accept(timeout=0)


def test_the_sockets_own_timeout(linked):
    """settimeout is the time-out of calls that give none; gettimeout tells it, setblocking sets it."""
    linked.client.settimeout(0.05)
    assert linked.client.gettimeout() == 0.05
    with pytest.raises(WaitTimeout):
        linked.client.recv()
    linked.client.setblocking(False)
    assert linked.client.gettimeout() == 0
    with pytest.raises(WouldBlock):
        linked.client.recv()
    linked.client.setblocking(True)
    assert linked.client.gettimeout() is None


def test_wait_readable_and_writable(linked):
    """wait_readable and wait_writable tell what poll does (docs/stacks.md: poll on an idle association)."""
    for _ in range(1000):  # a mark may stay when something just arrived
        with pytest.raises(WouldBlock):
            linked.server.recv(timeout=0)  # takes what is internal
        if not linked.server.wait_readable(0):
            break
    assert not linked.server.wait_readable(0)
    assert linked.server.wait_writable(0)
    linked.client.send(b"x")
    assert linked.server.wait_readable(LIMIT)
    linked.server.recv()


def test_a_late_message_wakes_a_waiting_recv(linked):
    """A recv that waits returns the message that comes."""
    reader = Worker(lambda: linked.server.recv(timeout=LIMIT))
    linked.client.send(b"wake up")
    assert reader.join().data == b"wake up"


@pytest.mark.parametrize("waiting", ["recv", "accept", "peek", "wait_readable"])
def test_close_wakes_waiters(backend, waiting):
    """Closing from another thread wakes whoever waits with ClosedError, on every stack (docs/stacks.md, trap 5)."""
    with pair(backend) as both:
        sock = both.listener if waiting == "accept" else both.server
        entered = threading.Event()

        def wait() -> object:
            entered.set()
            while True:  # an internal notification may make it readable
                exc = _raised(getattr(sock, waiting), timeout=LIMIT)
                if exc is not None or waiting != "wait_readable":
                    return exc

        workers = [Worker(wait) for _ in range(2 if waiting in ("accept", "wait_readable") else 1)]
        entered.wait()
        sock.close()
        for worker in workers:
            assert isinstance(worker.join(), ClosedError)


def test_close_wakes_a_waiting_sender(linked):
    """Closing wakes a send that waits for room, with ClosedError."""

    def fill() -> object:
        while True:
            exc = _raised(linked.client.send, b"x" * 20_000, timeout=LIMIT)
            if exc is not None:
                return exc

    sender = Worker(fill)
    try:
        for _ in range(100_000):
            linked.client.send(b"y" * 20_000, timeout=0)
    except WouldBlock:
        pass
    linked.client.close()
    assert isinstance(sender.join(), ClosedError)


def test_close_wakes_sender_and_receiver(linked):
    """One thread sends, one receives on one socket; closing from a third ends both (issue of every peer)."""

    def send_all() -> object:
        while True:
            exc = _raised(linked.client.send, b"x" * 10_000, timeout=LIMIT)
            if exc is not None:
                return exc

    def recv_all() -> object:
        while True:
            exc = _raised(linked.client.recv, timeout=LIMIT)
            if exc is not None:
                return exc

    sender, reader = Worker(send_all), Worker(recv_all)
    linked.server.send(b"hello")
    linked.server.recv(timeout=LIMIT)
    linked.client.close()
    assert isinstance(sender.join(), ClosedError)
    assert isinstance(reader.join(), ClosedError)


def test_close_wakes_a_connect(backend):
    """Closing wakes a connect that waits."""
    head, port = listener(backend)
    with head:
        client = Socket(backend=backend)
        worker = Worker(lambda: _raised(client.connect, f"127.0.0.1:{port}", timeout=LIMIT))
        client.close()
        found = worker.join()
        assert found is None or isinstance(found, (ClosedError, errors.SctpOSError))


def test_two_threads_on_one_socket(linked):
    """One thread sends while another receives on the same socket; nothing is lost either way."""
    count = 300

    def send(sock) -> None:
        for number in range(count):
            sock.send(b"%d" % number, timeout=LIMIT)

    def recv(sock) -> list:
        return [int(sock.recv(timeout=LIMIT).data) for _ in range(count)]

    workers = [Worker(recv, linked.client), Worker(recv, linked.server)]
    senders = [Worker(send, linked.client), Worker(send, linked.server)]
    for worker in senders:
        worker.join()
    for worker in workers:
        assert worker.join() == list(range(count))


def test_two_readers_take_turns(linked):
    """Two threads that receive on one socket get every message once."""
    count = 200

    def recv() -> list:
        got = []
        while True:
            try:
                got.append(int(linked.server.recv(timeout=LIMIT).data))
            except EndOfAssociation:
                return got

    readers = [Worker(recv), Worker(recv)]
    for number in range(count):
        linked.client.send(b"%d" % number)
    linked.client.shutdown()
    assert sorted(readers[0].join() + readers[1].join()) == list(range(count))


def test_close_while_many_threads_use_it(linked):
    """Threads that use a socket while it is closed get ClosedError or an end, never a stranger's descriptor."""
    start = threading.Event()

    def use() -> list:
        start.wait()
        found = []
        for _ in range(200):
            for call in (
                lambda: linked.client.send(b"x", timeout=0),
                lambda: linked.client.recv(timeout=0),
                linked.client.status,
                linked.client.fileno,
                linked.client.local_addresses,
            ):
                exc = _raised(call)
                if exc is not None and not isinstance(exc, WouldBlock):
                    found.append(exc)
        return found

    workers = [Worker(use) for _ in range(4)]
    start.set()
    linked.client.close()
    for worker in workers:
        assert all(isinstance(exc, ClosedError) for exc in worker.join())


def settle(sock) -> None:
    """Take what is internal, until the socket does not look readable: a mark may stay for a while on usrsctp."""
    for _ in range(100):
        with pytest.raises(WouldBlock):
            sock.recv(timeout=0)
        if not sock.wait_readable(0.05):
            return
    raise AssertionError("it stays readable")


@pytest.mark.parametrize("call", ["recv", "accept", "wait_readable"])
def test_ctrl_c_interrupts(backend, call):
    """Ctrl-C interrupts every waiting call in the main thread (PEP 475)."""
    with pair(backend) as both:
        sock = both.listener if call == "accept" else both.server
        if call != "accept":
            settle(sock)
        timer = threading.Timer(0.3, _signal_main, (signal.SIGINT,))
        try:
            with pytest.raises(KeyboardInterrupt):  # on a busy machine it may come before the call
                timer.start()
                getattr(sock, call)(timeout=LIMIT)
        finally:
            timer.join()


def test_ctrl_c_interrupts_a_waiting_send(tight):
    """Ctrl-C interrupts a send that waits for room."""
    with pytest.raises(WaitTimeout):  # now the peer's window is full too
        for _ in range(100_000):
            tight.client.send(b"x" * 10_000, timeout=0.5)
    timer = threading.Timer(0.3, _signal_main, (signal.SIGINT,))
    try:
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            while True:  # some room may come late
                tight.client.send(b"x" * 10_000, timeout=LIMIT)
    finally:
        timer.join()


def test_a_handled_signal_does_not_end_the_wait(linked):
    """After a signal whose handler returns, the wait goes on for what is left of its time (PEP 475)."""
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    timer = threading.Timer(0.1, _signal_main, (signal.SIGUSR1,))
    start = time.monotonic()
    timer.start()
    try:
        with pytest.raises(WaitTimeout):
            linked.server.recv(timeout=0.5)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert seen == [1]
    assert 0.45 < time.monotonic() - start < LIMIT


def _silent(selector, sock, call) -> bool:
    """Whether the selector reports nothing once the call would block; a mark may stay when something just arrived."""
    for _ in range(1000):
        with pytest.raises(WouldBlock):
            call(sock)
        if selector.select(0) == []:
            return True
    return False


def test_selectors_see_messages_and_ends(linked):
    """fileno works with selectors: readable with a message, not before, and at the end of the association."""
    with selectors.DefaultSelector() as selector:
        selector.register(linked.server.fileno(), selectors.EVENT_READ)
        assert _silent(selector, linked.server, lambda sock: sock.recv(timeout=0))
        linked.client.send(b"x")
        assert selector.select(LIMIT)
        assert linked.server.recv(timeout=LIMIT).data == b"x"
        assert _silent(selector, linked.server, lambda sock: sock.recv(timeout=0))
        linked.client.close()
        with pytest.raises(EndOfAssociation):
            while True:
                assert selector.select(LIMIT)
                try:
                    linked.server.recv(timeout=0)
                except WouldBlock:  # what was internal made it readable
                    continue


def test_selectors_see_a_connection(backend):
    """A listener's fileno gets readable when a client waits to be accepted, and silent when none does."""
    head, port = listener(backend)
    with head, Socket(backend=backend) as client, selectors.DefaultSelector() as selector:
        selector.register(head.fileno(), selectors.EVENT_READ)
        assert selector.select(0) == []
        client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
        assert selector.select(LIMIT)
        server, _ = head.accept(timeout=LIMIT)
        server.close()
        assert _silent(selector, head, lambda sock: sock.accept(timeout=0))


def test_selectors_see_a_connect(backend):
    """A connecting socket's fileno gets writable when the connect is decided."""
    head, port = listener(backend)
    with head, Socket(backend=backend) as client, selectors.DefaultSelector() as selector:
        try:
            client.connect(f"127.0.0.1:{port}", timeout=0)
        except errors.ConnectInProgress:
            selector.register(client.fileno(), selectors.EVENT_WRITE)
            assert selector.select(LIMIT)
        assert client.connect_done()


# How many messages each way: the emulated and the user-mode kernels are slow, the wake-ups are usrsctp's risk.
STRESS = {"usrsctp": 100_000}


@pytest.mark.timeout(300)
def test_no_wake_up_is_lost(linked, backend):
    """Selectors drive both directions at once without ever missing a wake-up (docs/stacks.md)."""
    count = STRESS.get(backend, 3000)
    sent = {linked.client: 0, linked.server: 0}
    got = {linked.client: 0, linked.server: 0}
    with selectors.DefaultSelector() as selector:
        for sock in sent:
            selector.register(sock.fileno(), selectors.EVENT_READ | selectors.EVENT_WRITE, sock)
        while min(got.values()) < count:
            ready = selector.select(LIMIT)
            assert ready, f"no wake-up: sent {list(sent.values())}, got {list(got.values())}"
            for key, mask in ready:
                sock = key.data
                if mask & selectors.EVENT_READ:
                    _receive_some(sock, got)
                if mask & selectors.EVENT_WRITE:
                    _send_some(sock, sent, count)
                if sent[sock] == count:
                    selector.modify(sock.fileno(), selectors.EVENT_READ, sock)
    assert sent == got


def _receive_some(sock, got) -> None:
    try:
        for _ in range(100):
            message = sock.recv(timeout=0)
            assert int(message.data[:8]) == got[sock]
            got[sock] += 1
    except WouldBlock:
        pass


def _send_some(sock, sent, count) -> None:
    try:
        for _ in range(100):
            if sent[sock] == count:
                return
            sock.send(b"%08d" % sent[sock] + b"." * 100, timeout=0)
            sent[sock] += 1
    except WouldBlock:
        pass


def test_one_to_many_sends_wait_for_room(backend):
    """A one-to-many socket that is full waits and goes on, although BSD says nothing useful there (RFC 6458 3.1.4)."""
    server, client, first = many_pair(backend)
    count = 300
    with server, client:
        sender = Worker(
            lambda: [
                server.send(b"%06d" % n + b"." * 8000, assoc_id=first.assoc_id, timeout=LIMIT) for n in range(count)
            ]
        )
        for number in range(count):
            message = client.recv(timeout=LIMIT)
            assert isinstance(message, Message)
            assert message.data[:6] == b"%06d" % number
        sender.join()


def test_interrupting_many_times_loses_nothing(linked):
    """Time-outs that strike again and again lose no message and no wake-up."""
    count = 300
    sender = Worker(lambda: [linked.client.send(b"%d" % n) for n in range(count)])
    got = []
    deadline = time.monotonic() + LIMIT
    while len(got) < count and time.monotonic() < deadline:
        try:
            got.append(int(linked.server.recv(timeout=0.001).data))
        except WaitTimeout:
            continue
    sender.join()
    assert got == list(range(count))


def test_what_fileno_is(backend):
    """fileno is the socket itself where the table says so, else a stand-in of the AF_UNIX family."""
    with Socket(backend=backend) as sock:
        sock.bind("127.0.0.1:0")  # FreeBSD has no name for it before
        with socket.socket(fileno=os.dup(sock.fileno())) as seen:
            assert (seen.family != socket.AF_UNIX) is expected("descriptor_is_the_socket", backend)


def test_styles_of_fileno(backend):
    """fileno is a descriptor of this process on every backend and style (RFC 6458 sections 3.1.1 and 4.1.1)."""
    for style in (Style.ONE_TO_ONE, Style.ONE_TO_MANY):
        with Socket(4, style, backend=backend) as sock:
            assert os.fstat(sock.fileno()) is not None


def test_readable_means_readable(backend):
    """A selector calls a socket readable while something is there for its program, and not afterwards.

    Its next call may be one that waits; what is subscribed inside only must not show.
    """
    head, port = listener(backend)
    with head, Socket(4, backend=backend) as client, selectors.DefaultSelector() as selector:
        selector.register(head, selectors.EVENT_READ)
        client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
        assert [key.fileobj for key, _ in selector.select(LIMIT)] == [head]
        server, _ = head.accept()
        with server:
            for sock in (client, server):
                selector.register(sock, selectors.EVENT_READ)
            assert selector.select(0) == []
            client.send(b"x")
            assert [key.fileobj for key, _ in selector.select(LIMIT)] == [server]
            server.recv()
            assert selector.select(0) == []
            assert not server.wait_readable(0)
            server.close()
            assert [key.fileobj for key, _ in selector.select(LIMIT)] == [client]


def test_our_own_abort_is_a_close(backend):
    """Who waits in recv while another thread aborts gets ClosedError: AssociationAborted would blame the peer."""
    for _ in range(20):
        with pair(backend) as both:
            reader = Worker(lambda sock=both.client: _raised(sock.recv, timeout=LIMIT))
            both.client.abort(b"ours")
            assert isinstance(reader.join(), ClosedError)
