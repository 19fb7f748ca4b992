"""Poller with several threads, and several Pollers: order, nothing lost, and who is woken.

What a single thread sees is in test_poller.py.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any, Dict, Iterator, List, Optional

import pytest

import sctpffi
from sctpffi import Batch, Endpoint, Event, Poller
from sctpffi.testing import LIMIT, Worker

THREADS = 4


@pytest.fixture
def several(backend) -> Iterator[Any]:
    """Makes so many connections: those at the near end, and those at the far end in the same order."""
    with ExitStack() as stack:
        head = stack.enter_context(sctpffi.listen("127.0.0.1:0", backend=backend))

        def make(count: int) -> Any:
            near, far = [], []
            for _ in range(count):
                far.append(stack.enter_context(sctpffi.connect(f"127.0.0.1:{head.port}", backend=backend)))
                near.append(stack.enter_context(head.accept(timeout=LIMIT)[0]))
            return near, far

        yield make


class Counting:
    """A watcher that counts how often a thread came back from it with something."""

    def __init__(self, watcher: Any) -> None:
        self._watcher = watcher
        self.woken = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._watcher, name)

    def wait(self, seconds: Optional[float], most: int) -> List[int]:
        found: List[int] = self._watcher.wait(seconds, most)
        self.woken += bool(found)
        return found


def test_order_within_each_source(several):
    """Whatever threads deal with them, the messages of a source are dealt with in order, one thread at a time."""
    count, each = 8, 200
    near, far = several(count)
    seen: Dict[int, List[int]] = {number: [] for number in range(count)}
    inside: Dict[int, threading.Lock] = {number: threading.Lock() for number in range(count)}
    names = set()
    total = threading.Semaphore(0)
    poller = Poller(threads=THREADS, count=7)

    def called(batch: Batch) -> None:
        number = near.index(batch.source)
        assert inside[number].acquire(blocking=False), "two threads have one source"
        names.add(threading.current_thread().name)
        seen[number] += [int(item.data) for item in batch.items]
        inside[number].release()
        for _ in batch.items:
            total.release()

    with poller:
        for source in near:
            poller.add(source)
        runner = Worker(poller.run, called)
        senders = [Worker(_send, peer, each) for peer in far]
        for _ in range(count * each):
            assert total.acquire(timeout=LIMIT)
        for sender in senders:
            sender.join()
        poller.close()
        runner.join()
    assert seen == {number: list(range(each)) for number in range(count)}
    assert 1 <= len(names) <= THREADS


def _send(peer: Any, count: int) -> None:
    for start in range(0, count, 10):
        assert peer.send_many([b"%d" % n for n in range(start, min(start + 10, count))], timeout=LIMIT) == 10


def test_a_message_wakes_one_thread(several):
    """Of many threads that wait, one message wakes one (no thundering herd)."""
    near, far = several(1)
    with Poller(threads=8) as poller:
        counting = poller._watcher = Counting(poller._watcher)
        poller.add(near[0])
        got = threading.Semaphore(0)
        runner = Worker(poller.run, lambda batch: got.release(len(batch.items)))
        for number in range(50):
            far[0].send(b"%d" % number)
            assert got.acquire(timeout=LIMIT)
        woken = counting.woken
        poller.close()
        runner.join()
    # Besides one for each message: the bell that rings when the source is added, and looks that come too late.
    assert 50 <= woken <= 110


def test_a_slow_thread_holds_up_its_own_source_only(several):
    """While one thread is busy with a batch, the others serve all other sources."""
    near, far = several(2)
    blocked, go = threading.Event(), threading.Event()
    others = threading.Semaphore(0)

    def called(batch: Batch) -> None:
        if batch.source is near[0]:
            blocked.set()
            assert go.wait(LIMIT)
        else:
            others.release(len(batch.items))

    with Poller(threads=2) as poller:
        for source in near:
            poller.add(source)
        runner = Worker(poller.run, called)
        far[0].send(b"slow")
        assert blocked.wait(LIMIT)
        for _ in range(20):
            far[1].send(b"quick")
            assert others.acquire(timeout=LIMIT)
        go.set()
        poller.close()
        runner.join()


@pytest.mark.parametrize("exclusive", [True, False])
def test_several_pollers_share_a_socket(backend, exclusive):
    """Pollers that watch one socket share its messages: each goes to one of them, none is lost."""
    with Endpoint("127.0.0.1:0", backend=backend) as near, ExitStack() as stack:
        pollers = [stack.enter_context(Poller(count=3)) for _ in range(3)]
        seen: List[bytes] = []
        done = threading.Semaphore(0)

        def called(batch: Batch) -> None:
            seen.extend(item.data for item in batch.items)
            done.release(len(batch.items))

        for poller in pollers:
            poller.add(near, exclusive=exclusive)
        runners = [Worker(poller.run, called) for poller in pollers]
        sent = []
        for number in range(5):
            far = stack.enter_context(sctpffi.connect(f"127.0.0.1:{near.port}", backend=backend))
            sent += [b"%d/%d" % (number, each) for each in range(50)]
            assert far.send_many(sent[-50:], timeout=LIMIT) == 50
        for _ in sent:
            assert done.acquire(timeout=LIMIT)
        for poller in pollers:
            poller.close()
        for runner in runners:
            runner.join()
        assert sorted(seen) == sorted(sent)
    assert near.socket._inbox.on_store == []


def test_sources_come_and_go_while_threads_work(several):
    """Adding, removing and closing sources under load loses nothing of those that stay."""
    near, far = several(12)
    got = threading.Semaphore(0)
    with Poller(threads=THREADS) as poller:
        staying = near[:4]
        runner = Worker(poller.run, lambda batch: batch.source in staying and got.release(len(batch.items)))
        for source in staying:
            poller.add(source)
        senders = [Worker(_send, peer, 100) for peer in far[:4]]
        for source, peer in zip(near[4:], far[4:]):
            poller.add(source)
            peer.send(b"x")
            if peer in far[4:8]:
                poller.remove(source)
            source.close()
        for _ in range(400):
            assert got.acquire(timeout=LIMIT)
        for sender in senders:
            sender.join()
        poller.close()
        runner.join()


def test_peers_end_while_threads_work(several):
    """Each end is told once, to one thread."""
    near, far = several(10)
    ends: List[Any] = []
    done = threading.Semaphore(0)

    def called(batch: Batch) -> None:
        if batch.error is not None:
            ends.append(batch.source)
            done.release()

    with Poller(threads=THREADS) as poller:
        for source in near:
            source.subscribe(Event.ASSOC_CHANGE)
            poller.add(source)
        runner = Worker(poller.run, called)
        for peer in far:
            peer.send(b"last")
            peer.close()
        for _ in far:
            assert done.acquire(timeout=LIMIT)
        assert len(poller) == 0
        poller.close()
        runner.join()
    assert sorted(map(id, ends)) == sorted(map(id, near))
