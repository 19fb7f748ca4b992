"""recv_into: whole messages in the caller's own memory, on every stack; and memory that can't be taken.

The same on made-up pieces, in any order, is in tests/unit/test_inbox_into.py.
"""

from __future__ import annotations

import array
import os
import threading
import time
import warnings
from functools import partial

import pytest

from sctpffi import (
    AssociationAborted,
    ClosedError,
    EndOfAssociation,
    Event,
    Message,
    NotConnected,
    Ppid,
    ReceiveLimitExceeded,
    Socket,
    WaitTimeout,
    WouldBlock,
    errors,
)
from sctpffi.notifications import SenderDryEvent, ShutdownEvent
from sctpffi.testing import LIMIT, Worker, expected, many_pair, pair


@pytest.fixture
def linked(prompt):
    """What was sent is acknowledged at once, not after 200 ms: most tests here wait until all has arrived."""
    return prompt


def some(size):
    """Bytes that tell when they are in a wrong place."""
    return bytes(i * 7 & 0xFF for i in range(size))


def test_a_message_in_the_buffer(linked):
    """A message lies in the buffer, which its data is a view of, with all of its rcvinfo (RFC 6458 section 5.3.5)."""
    buffer = bytearray(10)
    linked.client.send(b"hello", stream=3, ppid=Ppid.NGAP)
    message = linked.server.recv_into(buffer)
    assert buffer[:5] == b"hello"
    assert isinstance(message, Message)
    assert isinstance(message.data, memoryview)
    assert message.data.obj is buffer
    assert (message.data, message.stream, message.ppid, message.complete) == (b"hello", 3, Ppid.NGAP, True)
    assert (bytes(message), len(message)) == (b"hello", 5)
    assert "b'hello'" in repr(message)
    assert message.address == linked.peer


@pytest.mark.parametrize("size", [1, 2, 1452, 1453, 16384, 65535, 65536, 65537, 100_000])
@pytest.mark.parametrize("spare", [0, 1, 70_000])
def test_sizes(linked, size, spare):
    """A message of any size is whole in a buffer of its size or more (RFC 9260 section 6.9)."""
    buffer = bytearray(size + spare)
    linked.client.send(some(size))
    message = linked.server.recv_into(buffer)
    assert message.data == some(size)
    assert buffer[:size] == some(size)
    assert message.data.obj is buffer


def test_a_message_larger_than_the_receive_window(linked):
    """A message that the stack delivers in pieces is put together in the buffer (RFC 6458 section 3.1.4)."""
    data = some(204_800)
    buffer = bytearray(300_000)
    sender = Worker(linked.client.send, data)
    message = linked.server.recv_into(buffer)
    sender.join()
    assert (message.data == data, message.complete, message.data.obj is buffer) == (True, True, True)


@pytest.mark.parametrize("size", [11, 1000, 65537, 200_000])
def test_a_longer_message_is_dropped_and_the_next_is_intact(linked, size):
    """A message longer than the buffer is taken off whole and told with both numbers; the next one is intact."""
    buffer = bytearray(10)
    sender = Worker(linked.client.send, b"x" * size)
    with pytest.raises(ReceiveLimitExceeded) as caught:
        linked.server.recv_into(buffer)
    sender.join()
    assert (caught.value.limit_bytes, caught.value.length_bytes) == (10, size)
    linked.client.send(b"next")
    assert linked.server.recv_into(buffer).data == b"next"


def test_the_buffer_is_the_limit(linked):
    """max_message_bytes is recv's limit and not that of a buffer."""
    linked.server.max_message_bytes = 5
    linked.client.send(b"longer than five")
    assert linked.server.recv_into(bytearray(100)).data == b"longer than five"


def test_the_same_buffer_again_and_again(linked):
    """One buffer serves for many messages; each view shows the bytes that are there now."""
    linked.client.opts.nodelay = True
    buffer = bytearray(100)
    for number in range(200):
        linked.client.send(b"message %d" % number)
        assert linked.server.recv_into(buffer).data == b"message %d" % number


def test_mixed_with_other_reads(linked):
    """recv, recv_into, recvmsg, recv_partial and peek read one queue in its order."""
    for number in range(5):
        linked.client.send(b"%d" % number)
    server, buffer = linked.server, bytearray(9)
    assert server.recv().data == b"0"
    assert server.peek().data == b"1"
    assert server.recv_into(buffer).data == b"1"
    assert server.recvmsg(9)[0] == b"2"
    assert server.recv_into(buffer).data == b"3"
    assert server.recv_partial().data == b"4"


def test_pieces_that_wait(backend):
    """What was read of a message before comes with the rest of it, in the buffer (RFC 6458 section 3.1.4)."""
    data = some(150_000)
    with pair(backend, receive_buffer_bytes=20_000, send_buffer_bytes=400_000, nodelay=True) as both:
        sender = Worker(both.client.send, data)
        end = time.monotonic() + LIMIT
        while not both.server._inbox.holds():
            assert time.monotonic() < end
            both.server._inbox.store("recv")  # one piece, if there is one
        message = both.server.recv_into(bytearray(150_000))
        sender.join()
        assert message.data == data


LONG = {1: b"a" * 50_000, 2: b"b" * 50_000, 3: b"c" * 50_000}


def test_interleaved_messages(interleaved):
    """Messages whose pieces interleave come whole, each in the buffer of its call (RFC 8260 section 2)."""
    for stream, data in LONG.items():
        interleaved.client.send(data, stream=stream)
    interleaved.client.send(b"short", stream=4)
    found = {}
    for _ in range(len(LONG) + 1):
        message = interleaved.server.recv_into(bytearray(50_000))
        found[message.stream] = bytes(message)
    assert found == {**LONG, 4: b"short"}


def test_one_of_the_interleaved_messages_is_too_long(interleaved):
    """Of messages whose pieces interleave only the one that is too long is dropped (RFC 8260 section 2)."""
    sizes = {1: 20_000, 2: 50_000, 3: 20_000}
    for stream, size in sizes.items():
        interleaved.client.send(bytes([stream]) * size, stream=stream)
    found, buffer = [], bytearray(30_000)
    for _ in sizes:
        try:
            message = interleaved.server.recv_into(buffer)
            assert message.data == bytes([message.stream]) * 20_000
            found.append(message.stream)
        except ReceiveLimitExceeded as exc:
            found.append((exc.limit_bytes, exc.length_bytes))
    assert sorted(found, key=str) == [(30_000, 50_000), 1, 3]


def test_messages_of_many_associations(backend):
    """Long messages of several associations of a one-to-many socket come whole (RFC 6458 section 8.1.20)."""
    server, first, greeting = many_pair(backend, receive_buffer_bytes=20_000, send_buffer_bytes=400_000)
    assert greeting.data == b"hi"
    with server, first, Socket(4, 2, backend=backend) as second:
        second.settimeout(LIMIT)
        second.opts.send_buffer_bytes = 400_000
        second.bind("127.0.0.1:0")
        there = f"127.0.0.1:{server.getsockname()[1]}"
        pairs = ((first, b"1"), (second, b"2"))
        senders = [Worker(partial(sock.send, mark * 60_000, to=there)) for sock, mark in pairs]
        found = {bytes(server.recv_into(bytearray(60_000))) for _ in senders}
        for sender in senders:
            sender.join()
        assert found == {b"1" * 60_000, b"2" * 60_000}


# -- what is no message


def test_notifications_that_are_wanted(linked):
    """A notification that was subscribed to comes out as it does of recv, whatever the buffer's size."""
    linked.server.subscribe(Event.SENDER_DRY_EVENT, Event.SHUTDOWN_EVENT)
    assert isinstance(linked.server.recv_into(bytearray(1)), SenderDryEvent)
    linked.client.send(b"x")
    linked.client.shutdown()
    assert linked.server.recv_into(bytearray(1)).data == b"x"
    assert isinstance(linked.server.recv_into(bytearray(1)), ShutdownEvent)


def test_the_graceful_end(linked):
    """After the peer's shutdown, what was sent and then EndOfAssociation, each time (RFC 6458 section 4.1.7)."""
    linked.client.send(b"last")
    linked.client.shutdown()
    buffer = bytearray(9)
    assert linked.server.recv_into(buffer).data == b"last"
    for _ in range(3):
        with pytest.raises(EndOfAssociation):
            linked.server.recv_into(buffer)


def test_an_abort(linked):
    """After the peer's ABORT, AssociationAborted, each time (RFC 9260 section 9.1)."""
    linked.client.abort()
    for _ in range(2):
        with pytest.raises(AssociationAborted):
            linked.server.recv_into(bytearray(9))


def test_times(linked):
    """recv_into waits as long as it is told to, or by the socket's own time-out; 0 does not wait."""
    with pytest.raises(WouldBlock):
        linked.server.recv_into(bytearray(9), timeout=0)
    linked.server.settimeout(0.05)
    with pytest.raises(WaitTimeout) as caught:
        linked.server.recv_into(bytearray(9))
    assert caught.value.op == "recv_into"


def test_without_an_association(backend):
    """A socket that has no association has nothing to read (ENOTCONN)."""
    with Socket(backend=backend) as sock, pytest.raises(NotConnected):
        sock.recv_into(bytearray(9))


# -- memory


@pytest.mark.parametrize(
    "make",
    [
        lambda: bytearray(8),
        lambda: memoryview(bytearray(8)),
        lambda: memoryview(bytearray(20))[5:13],
        lambda: array.array("B", bytes(8)),
        lambda: array.array("H", bytes(8)),
        lambda: memoryview(bytearray(8)).cast("B", (2, 4)),
    ],
    ids=["bytearray", "memoryview", "part", "array", "numbers", "two_dimensions"],
)
def test_kinds_of_memory(linked, make):
    """Any writable memory without gaps will do, whatever its items are."""
    memory = make()
    linked.client.send(b"12345678")
    assert linked.server.recv_into(memory).data == b"12345678"
    assert memoryview(memory).tobytes() == b"12345678"


def test_nothing_is_written_beside_the_part(linked):
    """Of a part of memory nothing but that part is written to."""
    memory = bytearray(b"-" * 12)
    linked.client.send(b"1234")
    linked.server.recv_into(memoryview(memory)[4:8])  # notifications go through it too
    assert memory == b"----1234----"


@pytest.mark.parametrize("wrong", [None, 5, "text", b"read-only", memoryview(b"read-only"), [bytearray(4)], object()])
def test_what_can_not_be_written_to(linked, wrong):
    """What is no writable memory is refused by name, and nothing is read."""
    linked.client.send(b"x")
    with pytest.raises(TypeError) as caught:
        linked.server.recv_into(wrong)
    assert isinstance(caught.value, errors.ArgumentTypeError)
    assert caught.value.argument == "buffer"
    assert linked.server.recv().data == b"x"


@pytest.mark.parametrize("wrong", [bytearray(), memoryview(bytearray(9))[::2], array.array("H")])
def test_memory_of_no_use(linked, wrong):
    """Empty memory, which would read as the end, and memory with gaps are refused by name."""
    linked.client.send(b"x")
    with pytest.raises(errors.ArgumentError, match="buffer"):
        linked.server.recv_into(wrong)
    assert linked.server.recv().data == b"x"


def test_a_wrong_timeout(linked):
    """The time-out goes by name, and is checked."""
    with pytest.raises(TypeError):
        linked.server.recv_into(bytearray(9), 5)
    with pytest.raises(errors.ArgumentError, match="timeout"):
        linked.server.recv_into(bytearray(9), timeout=-1)


def test_huge_memory(linked):
    """A buffer larger than any message, and than what may be put together, is taken as it is."""
    memory = bytearray(linked.server.max_message_bytes + 10)
    linked.client.send(b"small")
    assert linked.server.recv_into(memory).data == b"small"


def test_the_memory_is_free_after_a_failure(linked):
    """A call that failed holds no memory: a bytearray can change its size, even while the error is kept."""
    memory = bytearray(9)
    with pytest.raises(WouldBlock) as kept:
        linked.server.recv_into(memory, timeout=0)
    memory.extend(b"more")
    assert (len(memory), kept.value.op) == (13, "recv_into")


def test_the_view_is_the_memory(linked):
    """The message's data is the memory itself and no copy of it: what is written there is seen."""
    memory = bytearray(9)
    linked.client.send(b"hello")
    message = linked.server.recv_into(memory)
    memory[0:1] = b"J"
    assert bytes(message) == b"Jello"


# -- threads, closing, forks


def test_closed(linked):
    """A closed socket refuses by name."""
    linked.server.close()
    with pytest.raises(ClosedError):
        linked.server.recv_into(bytearray(9))


def test_close_wakes_it(linked):
    """Closing from another thread wakes who waits, with ClosedError, and leaves the buffer alone."""
    memory = bytearray(b"-" * 9)
    entered = threading.Event()

    def wait() -> object:
        entered.set()
        with pytest.raises(ClosedError):
            linked.server.recv_into(memory)
        return None

    reader = Worker(wait)
    entered.wait()
    linked.server.close()
    reader.join()
    memory.extend(b"free")


def test_readers_take_turns(linked):
    """Several threads read one socket, each into a buffer of its own: every message comes once and whole."""
    count, readers = 300, 3

    def read() -> list:
        found, memory = [], bytearray(3000)
        while True:
            try:
                message = linked.server.recv_into(memory)
            except EndOfAssociation:
                return found
            number = int(bytes(message.data[:6]))
            assert message.data == b"%06d" % number * (number + 1)
            found.append(number)

    workers = [Worker(read) for _ in range(readers)]
    for number in range(count):
        linked.client.send(b"%06d" % number * (number + 1))
    linked.client.shutdown()
    assert sorted(number for worker in workers for number in worker.join()) == list(range(count))


def test_in_a_forked_child(linked, backend):
    """After a fork the child reads into its own memory, or is told clearly that it can't (differences table)."""
    linked.client.send(b"for the child")
    linked.server.peek()  # it is there
    memory = bytearray(20)
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: usrsctp has some
        pid = os.fork()
    if pid == 0:
        try:
            text = bytes(linked.server.recv_into(memory))
        except errors.ForkedError:
            text = b"ForkedError"
        except BaseException as exc:  # noqa: BLE001  # a child has nobody to tell but the pipe
            text = repr(exc).encode()
        os.write(writing, text)
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    assert answer == (b"for the child" if expected("works_after_fork", backend) else b"ForkedError")
    assert memory == bytes(20)
