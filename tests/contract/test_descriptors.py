"""Descriptors that come from elsewhere and go elsewhere: detach, dup, Socket(fileno=...), socket activation, CLOEXEC.

What usrsctp, which has none, says to it is tested here too (docs/differences.md, descriptor_is_the_socket).
"""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
import warnings
from contextlib import contextmanager

import pytest

from sctpffi import (
    AssocChangeState,
    ClosedError,
    EndOfAssociation,
    Event,
    SctpOSError,
    ShutdownEvent,
    Socket,
    Style,
    UnsupportedOption,
    errors,
)
from sctpffi.testing import LIMIT, Worker, delivered, expected, many_pair, pair
from sctpffi.testing.pairs import listener

SCTP = 132


def refused(backend, call):
    """Whether a stack has no descriptors; then the call has to say so, by name."""
    if expected("descriptor_is_the_socket", backend):
        return False
    with pytest.raises(UnsupportedOption, match="usrsctp has no descriptors"):
        call()
    return True


@contextmanager
def adopted(backend, fileno):
    """A Socket of a descriptor, which is closed at the end."""
    with Socket(fileno=fileno, backend=backend) as sock:
        sock.settimeout(LIMIT)
        yield sock


def moved(backend, sock):
    """The same socket as another Socket, as if another process had it."""
    return adopted(backend, sock.detach())


def is_open(fileno):
    """Whether there is a descriptor of this number."""
    try:
        os.fstat(fileno)
    except OSError:
        return False
    return True


# -- detach


def test_detach(linked, backend):
    """detach gives up the descriptor, open and close-on-exec; the association lives on, and the Socket is closed."""
    if refused(backend, linked.server.detach):
        assert not linked.server.closed
        return
    number = linked.server.fileno()
    linked.client.send(b"before")
    fileno = linked.server.detach()
    assert fileno == number
    assert linked.server.closed
    assert "closed" in repr(linked.server)
    assert os.get_inheritable(fileno) is False
    assert os.get_blocking(fileno) is False
    linked.server.close()
    assert is_open(fileno)
    linked.client.send(b"after")
    with adopted(backend, fileno) as sock:
        assert [sock.recv().data for _ in range(2)] == [b"before", b"after"]
        sock.send(b"answer")
        assert linked.client.recv().data == b"answer"


CALLS = {
    "accept": lambda sock: sock.accept(timeout=0),
    "abort": lambda sock: sock.abort(),
    "bind": lambda sock: sock.bind("127.0.0.1:0"),
    "connect": lambda sock: sock.connect("127.0.0.1:9"),
    "detach": lambda sock: sock.detach(),
    "dup": lambda sock: sock.dup(),
    "fileno": lambda sock: sock.fileno(),
    "listen": lambda sock: sock.listen(),
    "local_addresses": lambda sock: sock.local_addresses(),
    "option": lambda sock: sock.opts.nodelay,
    "peek": lambda sock: sock.peek(timeout=0),
    "recv": lambda sock: sock.recv(timeout=0),
    "recv_into": lambda sock: sock.recv_into(bytearray(9), timeout=0),
    "recvmsg": lambda sock: sock.recvmsg(9, timeout=0),
    "recvmsg_into": lambda sock: sock.recvmsg_into([bytearray(9)], timeout=0),
    "send": lambda sock: sock.send(b"x"),
    "sendmsg": lambda sock: sock.sendmsg([b"x"]),
    "settimeout": lambda sock: sock.settimeout(1),
    "shutdown": lambda sock: sock.shutdown(),
    "status": lambda sock: sock.status(),
    "subscribe": lambda sock: sock.subscribe(Event.SENDER_DRY_EVENT),
    "wait_readable": lambda sock: sock.wait_readable(0),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_detached_socket_is_closed(linked, backend, name):
    """Every call on a Socket whose descriptor was given up raises ClosedError, and the descriptor is left alone."""
    if refused(backend, linked.server.detach):
        return
    fileno = linked.server.detach()
    with pytest.raises(ClosedError):
        CALLS[name](linked.server)
    with adopted(backend, fileno) as sock:
        linked.client.send(b"alive")
        assert sock.recv().data == b"alive"


@pytest.mark.parametrize("waiting", ["recv", "accept", "peek", "recv_into", "send", "wait_readable"])
def test_detach_wakes_waiters(backend, waiting):
    """Giving the descriptor up wakes whoever waits on the socket with ClosedError, as closing does."""
    with pair(backend) as both:
        sock = both.listener if waiting == "accept" else both.server
        if refused(backend, sock.detach):
            return
        calls = {
            "recv_into": lambda: sock.recv_into(bytearray(9)),
            "send": lambda: sock.send(b"x" * 10_000),
            "wait_readable": lambda: sock.wait_readable(LIMIT),
        }
        entered = threading.Event()

        def wait() -> object:
            while True:
                entered.set()
                try:
                    calls.get(waiting, lambda: getattr(sock, waiting)(timeout=LIMIT))()
                except errors.Error as exc:
                    return exc

        worker = Worker(wait)
        entered.wait()
        worker._thread.join(0.05)  # on its way to where it waits; if it is late it needs no waking
        start = time.monotonic()
        fileno = sock.detach()
        assert isinstance(worker.join(), ClosedError)
        assert time.monotonic() - start < LIMIT / 2  # and not when their own time was up
        assert is_open(fileno)
        os.close(fileno)


def test_a_call_that_is_inside_keeps_the_descriptor(linked, backend):
    """The descriptor is handed out when the last call has left, and not before; nobody gets in meanwhile."""
    handle = linked.server._handle
    if refused(backend, linked.server.detach):
        return
    users = handle._ffi.cast("unsigned int *", handle._ptr)  # first in the handle: how many calls are inside
    users[0] += 1
    worker = Worker(linked.server.detach)
    end = time.monotonic() + LIMIT
    while True:
        try:
            linked.server.fileno()
        except ClosedError:
            break  # the detach is under way
        assert time.monotonic() < end
    for call in (linked.server.detach, linked.server.dup, linked.server.fileno):
        with pytest.raises(ClosedError):
            call()
    worker._thread.join(0.1)
    assert worker.alive()
    users[0] -= 1
    fileno = worker.join()
    assert is_open(fileno)
    os.close(fileno)


@pytest.mark.parametrize("doing", ["receives", "sends", "asks"])
def test_nobody_touches_a_descriptor_that_was_handed_out(backend, doing):
    """Threads that were in calls never use the number again, which is somebody else's from then on."""
    with pair(backend) as both:
        if refused(backend, both.server.detach):
            return
        calls = {
            "receives": lambda sock: sock.recv(timeout=0),
            "sends": lambda sock: sock.send(b"SCTP", timeout=0),
            "asks": lambda sock: sock.opts.set("send_buffer_bytes", 7777),
        }
        for _ in range(60):
            client = Socket(backend=backend)
            client.bind("127.0.0.1:0")
            client.connect(f"127.0.0.1:{both.listener.getsockname()[1]}", timeout=LIMIT)
            peer, _ = both.listener.accept()
            ready = threading.Barrier(3)

            def work(sock, ready) -> object:
                ready.wait(LIMIT)
                while True:
                    try:
                        calls[doing](sock)
                    except ClosedError:
                        return "closed"
                    except errors.Error:
                        pass  # nothing to read, or nobody there any more

            workers = [Worker(work, client, ready) for _ in range(2)]
            ready.wait(LIMIT)
            fileno = client.detach()
            ours, stranger = socket.socketpair()  # what would show that somebody reads, writes or sets
            with ours, stranger:
                ours.setblocking(False)
                ours.sendall(b"a stranger's")
                room = stranger.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
                os.dup2(stranger.fileno(), fileno)
                assert [worker.join() for worker in workers] == ["closed", "closed"]
                assert os.read(fileno, 100) == b"a stranger's"
                with pytest.raises(BlockingIOError):
                    ours.recv(100)
                assert stranger.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == room
                os.close(fileno)
            peer.close()


def test_one_of_two_detaches(backend):
    """Of several threads that give up a descriptor, or close, at once, one has it and the others get ClosedError."""
    with Socket(backend=backend) as probe:
        if refused(backend, probe.detach):
            return
    for _ in range(50):
        sock = Socket(backend=backend)
        ready = threading.Barrier(3)

        def give_up(sock, ready) -> object:
            ready.wait(LIMIT)
            try:
                return sock.detach()
            except ClosedError:
                return None

        workers = [Worker(give_up, sock, ready) for _ in range(2)]
        ready.wait(LIMIT)
        sock.close()
        found = [fileno for worker in workers for fileno in [worker.join()] if fileno is not None]
        assert len(found) <= 1
        for fileno in found:
            os.close(fileno)


def test_detach_loses_nothing_that_was_read(linked, backend):
    """While something was read that nobody has got yet, the descriptor is not given up (EBUSY); afterwards it is."""
    if refused(backend, linked.server.detach):
        return
    linked.client.send(b"0123456789")
    assert linked.server.recv_partial(4).data == b"0123"
    linked.server._inbox.catch_up()
    with pytest.raises(SctpOSError, match="recv") as caught:
        linked.server.detach()
    assert caught.value.errno == errno.EBUSY
    assert linked.server.recv().data == b"456789"
    os.close(linked.server.detach())


def test_detach_under_an_event_loop(linked, backend):
    """While an event loop of another thread watches the descriptor it is not given up (EBUSY)."""
    if refused(backend, linked.server.detach):
        return
    linked.server._keeper = lambda close: True
    with pytest.raises(SctpOSError, match="event loop") as caught:
        linked.server.detach()
    assert caught.value.errno == errno.EBUSY
    linked.server._keeper = None


# -- dup


def test_dup(linked, backend):
    """dup gives a Socket of the same socket, which lives until both are closed, and ends gracefully then."""
    if refused(backend, linked.server.dup):
        return
    linked.server.subscribe(Event.SHUTDOWN_EVENT)
    linked.server.settimeout(LIMIT - 1)
    with linked.server.dup() as other:
        assert other.fileno() != linked.server.fileno()
        assert os.get_inheritable(other.fileno()) is False
        assert (other.gettimeout(), other.subscriptions) == (LIMIT - 1, {Event.SHUTDOWN_EVENT})
        assert (other.getsockname(), other.getpeername()) == (linked.server.getsockname(), linked.server.getpeername())
        linked.server.close()
        linked.client.send(b"for the other")
        assert other.recv().data == b"for the other"
        other.send(b"from the other")
        assert linked.client.recv().data == b"from the other"
    with pytest.raises(EndOfAssociation):
        linked.client.recv()


def test_dup_of_a_listener(backend):
    """Closing one Socket of a listener leaves who waits to be accepted to the other one."""
    head, port = listener(backend)
    with head, Socket(backend=backend) as client:
        if refused(backend, head.dup):
            return
        with head.dup() as other:
            client.bind("127.0.0.1:0")
            client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
            head.close()
            with other.accept()[0] as server:
                client.send(b"x")
                assert server.recv(timeout=LIMIT).data == b"x"


def test_a_detached_descriptor_is_another_holder(backend):
    """Closing a second Socket leaves who waits to be accepted to whoever has the descriptor that was given up."""
    head, port = listener(backend)
    with head, Socket(backend=backend) as client:
        if refused(backend, head.dup):
            return
        with head.dup():
            fileno = head.detach()
            client.bind("127.0.0.1:0")
            client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
        with adopted(backend, fileno) as other, other.accept()[0] as server:
            client.send(b"x")
            assert server.recv(timeout=LIMIT).data == b"x"


def test_dup_of_a_one_to_many_socket(backend):
    """A second Socket of a one-to-many one shows what the first one showed, of each association."""
    server, client, first = many_pair(backend)
    with server, client:
        if refused(backend, server.dup):
            return
        server.subscribe(Event.ASSOC_CHANGE, assoc_id=first.assoc_id)
        with server.dup() as other:
            assert other.subscribed(Event.ASSOC_CHANGE, first.assoc_id) is True
            assert other.subscribed(Event.ASSOC_CHANGE) is False
            server.unsubscribe(Event.ASSOC_CHANGE, assoc_id=first.assoc_id)
            assert other.subscribed(Event.ASSOC_CHANGE, first.assoc_id) is True
            client.close()
            assert other.recv().state is AssocChangeState.SHUTDOWN_COMP


def test_dup_of_a_peeled_off_socket(backend):
    """A second Socket of a peeled-off one ends its association too."""
    server, client, first = many_pair(backend)
    with server, client, server.peeloff(first.assoc_id) as peeled:
        if refused(backend, peeled.dup):
            return
        client.subscribe(Event.SHUTDOWN_EVENT, assoc_id=client.associations()[0])
        with peeled.dup() as other:
            assert other.style is Style.PEELED
            other.shutdown()
            assert isinstance(client.recv(), ShutdownEvent)


def test_the_last_of_several_ends_gracefully(backend):
    """With notifications unread, closing one of several takes none from the others, and the last one ends well."""
    with pair(backend) as both:
        if refused(backend, both.server.dup):
            return
        with both.server.dup() as other, both.server.dup() as third:
            both.server.subscribe(Event.SENDER_DRY_EVENT)  # lies there from now on
            both.server.close()
            other.close()
            delivered(both.client)
            assert third.recv().type is Event.SENDER_DRY_EVENT
            third.unsubscribe(Event.SENDER_DRY_EVENT)
            third.subscribe(Event.SENDER_DRY_EVENT)  # another one, which stays unread
        with pytest.raises(EndOfAssociation):
            both.client.recv()


# -- forks


def in_child(work):
    """What a forked child says, or what it raised."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which are the point
        pid = os.fork()
    if pid == 0:
        try:
            text = str(work())
        except BaseException as exc:  # noqa: BLE001  # a child has nobody to tell but the pipe
            text = repr(exc)
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(pid, 0)
    return answer


def test_a_child_closes_what_a_thread_of_its_parent_waits_on(linked, backend):
    """Calls of threads that a forked child does not have don't keep it from closing its descriptor."""
    reader = Worker(linked.server.recv)
    linked.client.send(b"one")
    assert reader.join().data == b"one"
    reader = Worker(linked.server.recv)
    number = linked.server.fileno()

    def child() -> object:
        linked.server.close()
        return is_open(number)

    until_somebody_reads(linked.server)
    assert in_child(child) == "False"
    linked.client.send(b"two")
    assert reader.join().data == b"two"


def until_somebody_reads(sock):
    """Wait until a thread has begun to wait for something to read."""
    end = time.monotonic() + LIMIT
    while not sock._inbox._turn.taken():
        assert time.monotonic() < end


def test_a_child_detaches_what_a_thread_of_its_parent_waits_on(linked, backend):
    """A forked child gives its descriptor up at once, whoever waited in the parent, who waits on."""
    reader = Worker(linked.server.recv)
    until_somebody_reads(linked.server)

    def child() -> object:
        return is_open(linked.server.detach())

    answer = in_child(child)
    assert answer == "True" if expected("descriptor_is_the_socket", backend) else "UnsupportedOption" in answer
    linked.client.send(b"for the parent")
    assert reader.join().data == b"for the parent"
