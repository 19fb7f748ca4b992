"""Poller: batches from many sources, in one thread or several, in order, and nothing lost.

What is in a batch is in the test_bulk files; Linux' EPOLLEXCLUSIVE is in test_poller_threads.py.
"""

from __future__ import annotations

import gc
import queue
import threading
from contextlib import ExitStack
from typing import Any, Dict, Iterator, List

import pytest

import sctpffi
from sctpffi import (
    ArgumentError,
    ArgumentTypeError,
    AssociationAborted,
    Batch,
    ClosedError,
    Connection,
    EndOfAssociation,
    Endpoint,
    Event,
    Message,
    Poller,
    ReceiveLimitExceeded,
    ResourceBusy,
    Socket,
)
from sctpffi.testing import LIMIT, Worker

HERE = "127.0.0.1:0"


@pytest.fixture
def several(backend) -> Iterator[Any]:
    """Makes so many connections: those at the near end, and those at the far end in the same order."""
    with ExitStack() as stack:
        head = stack.enter_context(sctpffi.listen(HERE, backend=backend))

        def make(count: int, **options: Any) -> Any:
            near, far = [], []
            for _ in range(count):
                far.append(stack.enter_context(sctpffi.connect(f"127.0.0.1:{head.port}", backend=backend)))
                near.append(stack.enter_context(head.accept(timeout=LIMIT)[0]))
            return near, far

        yield make


def texts(batch: Batch) -> List[bytes]:
    return [item.data for item in batch.items]


def next_of(poller: Poller) -> Batch:
    """The next batch, which must come in time."""
    with poller.batches(timeout=LIMIT) as batches:
        return next(batches)


# -- what comes


def test_a_batch_has_its_source_and_its_messages_in_order(several):
    """What was sent to one of many sources comes as batches that name it, in the order in which it was sent."""
    near, far = several(3)
    with Poller() as poller:
        for each in near:
            poller.add(each)
        far[1].send_many([b"%d" % number for number in range(20)])
        got: List[bytes] = []
        while len(got) < 20:
            batch = next_of(poller)
            assert batch.source is near[1]
            assert batch.error is None
            got += texts(batch)
        assert got == [b"%d" % number for number in range(20)]


def test_all_sources_are_served(several):
    """Every source that has something is served, also while others have more."""
    near, far = several(5)
    with Poller(count=2) as poller:
        for each in near:
            poller.add(each)
        for each in far:
            each.send_many([b"x"] * 10)
        got: Dict[int, int] = {}
        for batch in poller:
            number = near.index(batch.source)
            got[number] = got.get(number, 0) + len(batch.items)
            assert len(batch.items) <= 2
            if sum(got.values()) == 50:
                break
        assert got == dict.fromkeys(range(5), 10)


def test_what_is_there_already_comes(several):
    """What came, or was read early, before a source was added is in its first batches."""
    near, far = several(1)
    far[0].send(b"read early")
    far[0].send(b"in the stack")
    near[0].socket.wait_readable(LIMIT)
    assert near[0].socket._inbox.store("test")
    with Poller() as poller:
        poller.add(near[0])
        got: List[bytes] = []
        while len(got) < 2:
            got += texts(next_of(poller))
        assert got == [b"read early", b"in the stack"]


def test_what_others_read_early_comes(several):
    """What another thread's call reads while the poller waits is delivered too."""
    near, far = several(1)
    with Poller() as poller:
        poller.add(near[0])
        waiter = Worker(next_of, poller)
        near[0].socket._inbox.put_first([_message(b"put back")])
        assert texts(waiter.join()) == [b"put back"]
        far[0].send(b"next")
        assert texts(next_of(poller)) == [b"next"]


def _message(data: bytes) -> Message:
    return Message(data, 0, 0, 0, 0, 0, 1, 0, 0, (0, 0, 0, b""))


def test_notifications_are_in_the_batch(several):
    """Notifications that a source subscribed to stand in its batches, where they came."""
    near, far = several(1)
    near[0].subscribe(Event.SHUTDOWN_EVENT)
    with Poller() as poller:
        poller.add(near[0])
        far[0].send(b"last")
        far[0].shutdown()
        found: List[Any] = []
        for batch in poller:
            if batch.error is not None:
                break
            found += batch.items
        assert [type(item).__name__ for item in found] == ["Message", "ShutdownEvent"]
        assert isinstance(batch.error, EndOfAssociation)


def test_the_end_is_a_batch_of_its_own(several):
    """After the last message the error comes alone, and the source is watched no longer; it stays open."""
    near, far = several(2)
    with Poller() as poller:
        for each in near:
            poller.add(each)
        far[0].send(b"last")
        far[0].close()
        assert texts(next_of(poller)) == [b"last"]
        batch = next_of(poller)
        assert (batch.source, batch.items) == (near[0], [])
        assert isinstance(batch.error, EndOfAssociation)
        assert near[0] not in poller
        assert near[1] in poller
        assert not near[0].closed


def test_a_loss_is_told_by_name(several):
    """An association that the peer aborts ends with AssociationAborted."""
    near, far = several(1)
    with Poller() as poller:
        poller.add(near[0])
        far[0].abort(b"enough")
        batch = next_of(poller)
        assert isinstance(batch.error, AssociationAborted)
        assert len(poller) == 0


def test_too_long_a_message_does_not_end_it(several):
    """ReceiveLimitExceeded is told in its turn, and what follows comes."""
    near, far = several(1)
    near[0].socket.max_message_bytes = 10
    with Poller() as poller:
        poller.add(near[0])
        far[0].send_many([b"a", bytes(11), b"b"])
        found: List[Any] = []
        while len(found) < 3:
            batch = next_of(poller)
            found += texts(batch) if batch.error is None else [type(batch.error)]
        assert found == [b"a", ReceiveLimitExceeded, b"b"]
        assert near[0] in poller


def test_a_listener_gives_connections(backend):
    """A Listener's batches hold new Connections, which can be added at once."""
    with sctpffi.listen(HERE, backend=backend) as head, Poller() as poller, ExitStack() as stack:
        poller.add(head)
        for _ in range(3):
            far = stack.enter_context(sctpffi.connect(f"127.0.0.1:{head.port}", backend=backend))
            far.send(b"hello")
        got = 0
        for batch in poller:
            if batch.source is head:
                for connection in batch.items:
                    assert isinstance(connection, Connection)
                    poller.add(stack.enter_context(connection))
            else:
                assert texts(batch) == [b"hello"]
                got += 1
                if got == 3:
                    break


@pytest.mark.parametrize("kind", ["endpoint", "socket"])
def test_one_to_many(backend, kind):
    """An Endpoint, or its Socket, gives messages of all its associations, whose ids tell them apart."""
    with Endpoint(HERE, backend=backend) as near, ExitStack() as stack, Poller() as poller:
        poller.add(near if kind == "endpoint" else near.socket)
        for number in range(3):
            far = stack.enter_context(sctpffi.connect(f"127.0.0.1:{near.port}", backend=backend))
            far.send(b"%d" % number)
        found: List[Any] = []
        while len(found) < 3:
            batch = next_of(poller)
            assert batch.source is (near if kind == "endpoint" else near.socket)
            found += batch.items
        assert len({message.assoc_id for message in found}) == 3
        assert sorted(message.data for message in found) == [b"0", b"1", b"2"]


def test_views_end_with_the_next_batch(several):
    """With views the data of a batch is in memory that the thread's next batch uses again."""
    near, far = several(1)
    with Poller(views=True, count=1) as poller, poller.batches(timeout=LIMIT) as batches:
        poller.add(near[0])
        far[0].send_many([b"a", b"b"])
        first = next(batches)
        assert bytes(first.items[0].data) == b"a"
        assert bytes(next(batches).items[0].data) == b"b"
        with pytest.raises(ValueError, match="released"):
            bytes(first.items[0].data)


# -- to whom


def test_run_calls_back(several):
    """`run` calls with each batch until the poller is closed, which the callback may do."""
    near, far = several(2)
    seen: List[bytes] = []
    poller = Poller()

    def called(batch: Batch) -> None:
        seen.extend(texts(batch))
        if len(seen) == 2:
            poller.close()

    with poller:
        for each in near:
            poller.add(each)
        for number, each in enumerate(far):
            each.send(b"%d" % number)
        poller.run(called)
    assert sorted(seen) == [b"0", b"1"]


def test_what_the_callback_raises(several):
    """What a callback raises ends `run`, closes the poller, and is raised to the caller."""
    near, far = several(1)

    def called(batch: Batch) -> None:
        raise LookupError("from the callback")

    with Poller() as poller:
        poller.add(near[0])
        far[0].send(b"x")
        with pytest.raises(LookupError, match="from the callback"):
            poller.run(called)
        assert poller.closed


def test_feed_fills_a_queue(several):
    """`feed` puts batches into a queue; a full one makes it wait, and nothing is lost."""
    near, far = several(2)
    with Poller(count=1) as poller:
        for each in near:
            poller.add(each)
        box: queue.Queue[Batch] = queue.Queue(maxsize=1)
        feeder = Worker(poller.feed, box)
        for each in far:
            each.send_many([b"%d" % number for number in range(10)])
        got: Dict[int, List[bytes]] = {0: [], 1: []}
        for _ in range(20):
            batch = box.get(timeout=LIMIT)
            got[near.index(batch.source)] += texts(batch)
        assert got == {0: [b"%d" % n for n in range(10)], 1: [b"%d" % n for n in range(10)]}
        poller.close()
        feeder.join()


# -- coming and going


def test_added_and_removed_while_it_waits(several):
    """Sources may be added and removed while a thread waits."""
    near, far = several(2)
    with Poller() as poller:
        poller.add(near[0])
        waiter = Worker(next_of, poller)
        poller.add(near[1])
        poller.remove(near[0])
        far[0].send(b"nobody wants it")
        far[1].send(b"it")
        assert waiter.join().source is near[1]
        assert near[0].recv(timeout=LIMIT).data == b"nobody wants it"


def test_a_source_that_is_closed_is_forgotten(several):
    """Closing a source takes it out of the poller, silently, also when its descriptor's number is used again."""
    near, far = several(1)
    with Poller() as poller:
        poller.add(near[0])
        near[0].close()
        assert len(poller) == 0
        again, others = several(1)
        poller.add(again[0])
        others[0].send(b"new")
        batch = next_of(poller)
        assert batch.source is again[0]


def test_a_source_in_use_may_be_closed(several):
    """Whoever has a batch may close its source and take the next."""
    near, far = several(2)
    with Poller() as poller:
        for each in near:
            poller.add(each)
        for each in far:
            each.send(b"x")
        for count, batch in enumerate(poller, 1):
            batch.source.close()
            if count == 2:
                break
        assert len(poller) == 0


def test_removed_and_added_again(several):
    """A source may come and go many times; its close is heard once more."""
    near, far = several(1)
    with Poller() as poller:
        for _ in range(50):
            poller.add(near[0])
            poller.remove(near[0])
        poller.add(near[0])
        far[0].send(b"x")
        assert texts(next_of(poller)) == [b"x"]
    assert near[0].socket._keeper is None
    assert near[0].socket._inbox.on_store == []


def test_close_ends_the_waiting(several):
    """Closing the poller ends the iterations of all threads; sources stay open."""
    near, _ = several(1)
    poller = Poller(threads=3)
    poller.add(near[0])
    waiters = [Worker(list, poller) for _ in range(3)]
    poller.close()
    poller.close()
    assert [waiter.join() for waiter in waiters] == [[], [], []]
    assert not near[0].closed
    for call in (poller.batches, lambda: poller.add(near[0]), lambda: poller.run(print)):
        with pytest.raises(ClosedError):
            call()


def test_nothing_for_a_while(several):
    """`batches(timeout=)` ends when nothing has come for so long; there may be another."""
    near, far = several(1)
    with Poller() as poller:
        poller.add(near[0])
        assert list(poller.batches(timeout=0.05)) == []
        assert list(poller.batches(timeout=0)) == []
        far[0].send(b"x")
        assert [texts(batch) for batch in poller.batches(timeout=0.5)] == [[b"x"]]


def test_an_iteration_that_is_left_gives_its_source_back(several):
    """A loop that is left by break has given its source back, for the next loop."""
    near, far = several(1)
    with Poller(count=1, threads=2) as poller:
        poller.add(near[0])
        far[0].send_many([b"a", b"b"])
        with poller.batches(timeout=LIMIT) as batches:
            for batch in batches:
                assert texts(batch) == [b"a"]
                break
        assert texts(next_of(poller)) == [b"b"]


# -- misuse


@pytest.mark.parametrize("source", [None, 3, b"x", "a connection", object()])
def test_what_is_no_source(source):
    """What can't be received from is refused by name."""
    with Poller() as poller, pytest.raises(ArgumentTypeError) as caught:
        poller.add(source)
    assert caught.value.argument == "source"


def test_a_source_twice(several):
    """A source is watched once, whether itself or its socket was added; removed it is not there."""
    near, _ = several(1)
    with Poller() as poller:
        poller.add(near[0])
        for again in (near[0], near[0].socket):
            with pytest.raises(ArgumentError):
                poller.add(again)
        poller.remove(near[0])
        with pytest.raises(ArgumentError):
            poller.remove(near[0])


def test_a_closed_source(several):
    """A source that is closed is refused."""
    near, _ = several(1)
    near[0].close()
    with Poller() as poller, pytest.raises(ClosedError):
        poller.add(near[0])


def test_a_source_without_an_association(backend):
    """A socket that was never connected is told by its error, and is watched no longer."""
    with Socket(backend=backend) as sock, Poller() as poller:
        poller.add(sock)
        batches = list(poller.batches(timeout=0.2))
        assert [type(batch.error).__name__ for batch in batches] in ([], ["NotConnected"])


def test_more_threads_than_said(several):
    """More iterations at a time than `threads` are refused; after one has ended there is room."""
    with Poller() as poller:
        first = poller.batches(timeout=0)
        with pytest.raises(ResourceBusy):
            poller.batches()
        first.close()
        poller.batches(timeout=0).close()


@pytest.mark.parametrize("name", ["count", "threads"])
@pytest.mark.parametrize("value", [0, -1, 1 << 20, "1", None, 1.5])
def test_bad_numbers(name, value):
    """Numbers that make no sense are refused by name."""
    with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
        Poller(**{name: value})
    assert caught.value.argument == name


def test_bad_receivers():
    """What can't be called, or put into, is refused by name; so are views for a queue."""
    with Poller() as poller:
        with pytest.raises(ArgumentTypeError):
            poller.run(None)  # type: ignore[arg-type]  # that is the misuse
        with pytest.raises(ArgumentTypeError):
            poller.feed([])
    with Poller(views=True) as poller, pytest.raises(ArgumentError):
        poller.feed(queue.Queue())


def test_exclusive_is_for_pollers_of_one_thread(several):
    """Threads of one poller share sources without it, so both together are refused."""
    near, _ = several(1)
    with Poller(threads=2) as poller, pytest.raises(ArgumentError) as caught:
        poller.add(near[0], exclusive=True)
    assert caught.value.argument == "exclusive"


def test_forgotten_pollers_warn():
    """A poller that nobody closed warns, and gives its descriptors back."""
    with pytest.warns(ResourceWarning, match="unclosed"):
        _forget_one()
        gc.collect()


def _forget_one() -> None:
    poller = Poller()
    assert "0 sources" in repr(poller)


def test_closing_from_the_callback_of_many_threads(several):
    """`run` with several threads returns when one of them closes the poller."""
    near, far = several(4)
    poller = Poller(threads=4)
    met = threading.Event()

    def called(batch: Batch) -> None:
        met.set()
        poller.close()

    with poller:
        for each in near:
            poller.add(each)
        far[2].send(b"x")
        poller.run(called)
    assert met.is_set()
