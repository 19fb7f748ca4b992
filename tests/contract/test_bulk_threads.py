"""recv_many and send_many with others around: threads, closing, time-outs that change, signals, forks.

Messages are numbered, so that one that was lost or came twice is seen.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings

import pytest

from sctpffi import ClosedError, EndOfAssociation, Event, WaitTimeout, WouldBlock, errors
from sctpffi.bulk import Arena, Outgoing
from sctpffi.testing import LIMIT, Worker, delivered, expected, many_pair, pair

FULL = [b"%06d" % number + bytes(4000) for number in range(1500)]  # more than any stack takes at once


def data_of(items):
    """What the messages of a batch are."""
    return [bytes(item.data) for item in items]


def batches(sock, **how):
    """All messages up to the end of the association, by batches."""
    found = []
    while True:
        try:
            found += data_of(sock.recv_many(**how))
        except EndOfAssociation:
            return found


def inside(worker, sock):
    """Wait until a thread that sends has filled the socket, so that it waits."""
    end = time.monotonic() + LIMIT
    while sock.wait_writable(0) and expected("not_writable_when_full", sock.backend):
        assert time.monotonic() < end
        assert worker.alive()


# -- many threads


@pytest.mark.parametrize("views", [False, True])
def test_readers_take_turns(linked, views):
    """Several threads receive by batches from one socket: every message comes once and whole, to one of them."""
    total, readers = 600, 3

    def read():
        found, arena = [], Arena()
        while True:
            try:
                batch = linked.server.recv_many(7, views=views, arena=arena)
            except EndOfAssociation:
                return found
            for message in batch:
                number = int(bytes(message.data[:6]))
                assert message.data == b"%06d" % number * (1 + number % 9)
                found.append(number)

    workers = [Worker(read) for _ in range(readers)]
    linked.client.send_many([b"%06d" % number * (1 + number % 9) for number in range(total)])
    linked.client.shutdown()
    found = [worker.join() for worker in workers]
    assert sorted(sum(found, [])) == list(range(total))
    assert all(each == sorted(each) for each in found)


def test_readers_in_the_sockets_own_memory(linked):
    """Without arenas of their own, too: bytes are each reader's own."""
    workers = [Worker(batches, linked.server) for _ in range(2)]
    linked.client.send_many([b"%d" % number for number in range(500)])
    linked.client.shutdown()
    assert sorted(int(data) for worker in workers for data in worker.join()) == list(range(500))


def test_one_reads_one_by_one(linked):
    """A thread that calls recv and one that calls recv_many take turns, too."""

    def singly():
        found = []
        while True:
            try:
                found.append(linked.server.recv().data)
            except EndOfAssociation:
                return found

    workers = [Worker(singly), Worker(batches, linked.server)]
    linked.client.send_many([b"%d" % number for number in range(500)])
    linked.client.shutdown()
    assert sorted(int(data) for worker in workers for data in worker.join()) == list(range(500))


def test_senders_side_by_side(linked):
    """Many threads send by send_many at once: each message comes once and whole, those of one thread in its order."""
    total, senders = 300, 5

    def send(which):
        given = [Outgoing(b"%d %d" % (which, number), stream=which) for number in range(total)]
        sent = 0
        while sent < total:
            sent += linked.client.send_many(given[sent : sent + 97])
        return sent

    workers = [Worker(send, which) for which in range(senders)]
    found = []
    while len(found) < total * senders:
        found += linked.server.recv_many()
    assert [worker.join() for worker in workers] == [total] * senders
    for which in range(senders):
        mine = [message.data for message in found if message.stream == which]
        assert mine == [b"%d %d" % (which, number) for number in range(total)]


def test_senders_with_little_room(backend):
    """Threads whose calls are cut short by their time go on where they were: nothing is lost or sent twice."""
    senders, total = 3, 60
    with pair(backend, send_buffer_bytes=60_000, receive_buffer_bytes=60_000) as both:

        def send(which):
            given = [Outgoing(b"%d %06d" % (which, number) + bytes(3000), which) for number in range(total)]
            sent = stops = 0
            while sent < total:
                try:
                    sent += both.client.send_many(given[sent:], timeout=0.005)
                except WaitTimeout:
                    stops += 1
            return stops

        workers = [Worker(send, which) for which in range(senders)]
        found = []
        while len(found) < total * senders:
            found += [(message.stream, int(message.data[2:8])) for message in both.server.recv_many(5)]
        for worker in workers:
            worker.join()
        for which in range(senders):
            assert [number for stream, number in found if stream == which] == list(range(total))
        with pytest.raises(WouldBlock):
            both.server.recv_many(timeout=0)


def test_both_ways_at_once(linked):
    """One thread sends many and another receives many on each of two sockets; nothing is lost either way."""
    given = [b"%d" % number for number in range(2000)]

    def read(sock):
        found = []
        while len(found) < len(given):
            found += data_of(sock.recv_many())
        return found

    readers = [Worker(read, sock) for sock in (linked.client, linked.server)]
    senders = [Worker(sock.send_many, given) for sock in (linked.client, linked.server)]
    assert [worker.join() for worker in senders] == [len(given)] * 2
    assert [worker.join() for worker in readers] == [given] * 2


# -- closing, and time-outs that change


def test_close_wakes_a_reader(linked):
    """Closing from another thread wakes who waits in recv_many, with ClosedError; its arena is free then."""
    arena, entered = Arena(), threading.Event()

    def wait():
        entered.set()
        with pytest.raises(ClosedError):
            linked.server.recv_many(arena=arena)

    reader = Worker(wait)
    entered.wait()
    linked.server.close()
    reader.join()
    with pytest.raises(EndOfAssociation):
        linked.client.recv_many(arena=arena)


def test_close_wakes_a_sender(prompt):
    """Closing wakes who waits for room: it gives how many were sent, and the next call raises ClosedError."""
    sender = Worker(prompt.client.send_many, FULL)
    inside(sender, prompt.client)
    prompt.client.close()
    try:
        sent = sender.join()
    except ClosedError:  # it came before the first
        sent = 1
    assert 0 < sent < len(FULL)
    with pytest.raises(ClosedError):
        prompt.client.send_many(FULL[sent:])


def test_our_abort_wakes_both(prompt):
    """Our own abort from another thread wakes a reader and a sender as a close does."""
    reader = Worker(lambda: pytest.raises(ClosedError, prompt.client.recv_many))
    sender = Worker(prompt.client.send_many, FULL)
    inside(sender, prompt.client)
    prompt.client.abort()
    reader.join()
    try:
        assert sender.join() < len(FULL)
    except ClosedError:
        pass


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_a_sender_obeys_at_once(prompt, timeout):
    """A send_many that waits for ever ends when another thread sets a time-out, and gives how many were sent."""
    prompt.client.settimeout(None)
    sender = Worker(prompt.client.send_many, FULL)
    inside(sender, prompt.client)
    prompt.client.settimeout(timeout)
    sent = sender.join()
    assert 0 < sent < len(FULL)
    prompt.client.settimeout(LIMIT)
    reader = Worker(batches, prompt.server)
    assert prompt.client.send_many(FULL[sent:]) == len(FULL) - sent
    prompt.client.shutdown()
    assert reader.join() == FULL


def test_a_reader_obeys_at_once(linked):
    """A recv_many that waits for ever ends when another thread sets a time-out."""
    linked.server.settimeout(None)
    entered = threading.Event()

    def wait():
        entered.set()
        with pytest.raises(WaitTimeout):
            linked.server.recv_many()

    reader = Worker(wait)
    entered.wait()
    linked.server.settimeout(0.05)
    reader.join()


def test_peeloff_while_others_read(backend):
    """An association that is peeled off amid batches keeps all its messages, in order."""
    server, client, greeting = many_pair(backend)
    with server, client:
        (assoc_id,) = client.associations()
        client.send_many([b"%d" % number for number in range(100)], assoc_id=assoc_id)
        found = data_of(server.recv_many(10))
        with server.peeloff(greeting.assoc_id) as peeled:
            peeled.settimeout(LIMIT)
            while len(found) < 100:
                found += data_of(peeled.recv_many(10))
        assert found == [b"%d" % number for number in range(100)]


# -- signals


@pytest.fixture
def alarms():
    """Signals that strike the main thread every few milliseconds; their handler returns."""
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    try:
        yield seen
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_signals_while_it_waits_for_messages(linked, alarms):
    """A recv_many that signals interrupt again and again goes on, for what is left of its time (PEP 475)."""
    timer = threading.Timer(0.1, linked.client.send_many, [[b"late", b"later"]])
    timer.start()
    found = []
    while len(found) < 2:
        found += data_of(linked.server.recv_many())
    timer.join()
    assert found == [b"late", b"later"]
    begun = time.monotonic()
    with pytest.raises(WaitTimeout):
        linked.server.recv_many(timeout=0.1)
    assert time.monotonic() - begun >= 0.1
    assert alarms


def test_signals_while_it_waits_for_room(prompt, alarms):
    """A send_many that signals interrupt again and again sends each message once and in order (PEP 475)."""

    def read():
        while len(alarms) < 10:  # the sender is full and waits, and each signal interrupts it
            time.sleep(0.001)
        return batches(prompt.server)

    reader = Worker(read)
    assert prompt.client.send_many(FULL) == len(FULL)
    prompt.client.shutdown()
    assert reader.join() == FULL


@pytest.mark.parametrize("call", ["recv_many", "send_many"])
def test_ctrl_c_interrupts(backend, call):
    """Ctrl-C interrupts a call that waits; messages that come later are not lost, the socket and arena can be used."""

    def strike():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    arguments = {"recv_many": [64], "send_many": [FULL]}
    with pair(backend, nodelay=True) as both:
        sock = both.server if call == "recv_many" else both.client
        timer = threading.Timer(0.3, strike)
        try:
            with pytest.raises(KeyboardInterrupt):  # on a busy machine it may come before the call
                timer.start()
                getattr(sock, call)(*arguments[call], timeout=LIMIT)
        finally:
            timer.join()
        if call == "recv_many":
            both.client.send_many([b"1", b"2"])
            delivered(both.client)
            assert data_of(both.server.recv_many()) == [b"1", b"2"]
        else:
            both.client.shutdown()
            found = batches(both.server)
            assert found == FULL[: len(found)]
            assert len(found) < len(FULL)


# -- forks


def test_in_a_forked_child(linked, backend):
    """After a fork the child moves batches, or is told clearly that it can't (differences table)."""
    linked.client.send_many([b"for ", b"the ", b"child"])
    delivered(linked.client)
    linked.server.recv_many(1)
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: usrsctp has some
        pid = os.fork()
    if pid == 0:
        answers = []
        for call in (lambda: b"".join(data_of(linked.server.recv_many())), lambda: linked.server.send_many([b"x"] * 3)):
            try:
                answers.append(repr(call()))
            except errors.ForkedError:
                answers.append("ForkedError")
            except BaseException as exc:  # noqa: BLE001  # a child has nobody to tell but the pipe
                answers.append(repr(exc))
        os.write(writing, " ".join(answers).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    if not expected("works_after_fork", backend):
        assert answer == b"ForkedError ForkedError"
        assert data_of(linked.server.recv_many()) == [b"the ", b"child"]
        return
    assert answer == b"b'the child' 3"
    assert data_of([linked.client.recv() for _ in range(3)]) == [b"x"] * 3


def test_subscribing_meanwhile(linked):
    """What is subscribed to between batches is in the batches from then on, and nothing from before."""
    linked.client.send_many([b"1"])
    assert data_of(linked.server.recv_many()) == [b"1"]
    linked.server.subscribe(Event.SENDER_DRY_EVENT)
    assert [item.type for item in linked.server.recv_many()] == [Event.SENDER_DRY_EVENT]
    linked.server.unsubscribe(Event.SENDER_DRY_EVENT)
    linked.client.send_many([b"2"])
    assert data_of(linked.server.recv_many()) == [b"2"]
