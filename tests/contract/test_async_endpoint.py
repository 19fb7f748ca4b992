"""Endpoint for event loops: associations as objects, set up and ended by tasks (docs/asyncio.md)."""

from __future__ import annotations

import pytest

from sctpffi import (
    AssociationAborted,
    ClosedError,
    ConnectionRefused,
    EndOfAssociation,
    Error,
    Event,
    NoSuchAssociation,
    ResourceBusy,
    Socket,
    WaitTimeout,
)
from sctpffi.testing import LIMIT

HERE = "127.0.0.1:0"


@pytest.fixture
def on_loop(loop, backend):
    """Runs a test function with two endpoints: `on_loop(test)`."""

    def run(test):
        async def main():
            wanted = {"backend": backend, "events": [Event.ASSOC_CHANGE]}
            async with loop.api.Endpoint(HERE, **wanted) as ours, loop.api.Endpoint(HERE, **wanted) as theirs:
                await test(ours, theirs)

        loop.run(main, 2 * LIMIT)

    return run


def there(endpoint):
    """Where an endpoint is."""
    return f"127.0.0.1:{endpoint.port}"


async def raised(awaitable):
    """The exception that an awaitable raises, or None."""
    try:
        await awaitable
    except Error as exc:
        return exc
    return None


async def gone(endpoint):
    """Read on until an endpoint has no association left."""
    items = endpoint.events(timeout=LIMIT)
    while endpoint.associations():
        await items.__anext__()


def test_connect_send_and_recv(on_loop):
    """connect gives an association; messages go both ways, by object and by id (RFC 6458 section 3.1)."""

    async def test(ours, theirs):
        found = await ours.connect(there(theirs), timeout=LIMIT)
        assert ours.associations() == [found]
        await found.send(b"hello", stream=1)
        message = await theirs.recv(timeout=LIMIT)
        await theirs.send(b"back", to=message.assoc_id, ppid=5)
        reply = await ours.recv(timeout=LIMIT)
        assert (message.data, message.stream, reply.data, reply.ppid) == (b"hello", 1, b"back", 5)
        assert ours.association(reply) is found

    on_loop(test)


def test_the_first_send_sets_it_up(on_loop):
    """send to an address without an association sets one up (RFC 6458 section 3.1.4)."""

    async def test(ours, theirs):
        await ours.send(b"first", to=there(theirs))
        assert (await theirs.recv(timeout=LIMIT)).data == b"first"

    on_loop(test)


def test_a_refused_connect(on_loop, backend):
    """connect to a port where nobody listens raises ConnectionRefused."""

    async def test(ours, theirs):
        with Socket(4, backend=backend) as probe:
            probe.bind(HERE)
            port = probe.getsockname()[1]
        assert isinstance(await raised(ours.connect(f"127.0.0.1:{port}", timeout=LIMIT)), ConnectionRefused)
        assert ours.associations() == []

    on_loop(test)


def test_connect_while_another_task_receives(loop, on_loop):
    """Tasks connect while another is in recv, which gets what is for it."""

    async def test(ours, theirs):
        reader = loop.start(lambda: ours.recv(timeout=LIMIT))
        await loop.settle()
        found = await ours.connect(there(theirs), timeout=LIMIT)
        await found.send(b"ask")
        await theirs.send(b"answer", to=(await theirs.recv(timeout=LIMIT)).assoc_id)
        assert (await reader.result()).data == b"answer"

    on_loop(test)


def test_what_comes_while_connecting(loop, on_loop, backend):
    """What others send while connect reads is delivered afterwards, in order, also to a task that began to wait."""

    async def test(ours, theirs):
        async with loop.api.Endpoint(HERE, backend=backend) as third:
            other = await third.connect(there(ours), timeout=LIMIT)
            for number in range(20):
                await other.send(b"%d" % number)
            await ours.connect(there(theirs), timeout=LIMIT)
            assert [(await ours.recv(timeout=LIMIT)).data for _ in range(20)] == [b"%d" % n for n in range(20)]

    on_loop(test)


def test_many_connect_at_once(loop, on_loop, backend):
    """Tasks connect to several peers side by side."""

    async def test(ours, theirs):
        peers = [loop.api.Endpoint(HERE, backend=backend) for _ in range(10)]
        jobs = [loop.start(lambda peer=peer: ours.connect(there(peer), timeout=LIMIT)) for peer in peers]
        found = [await job.result() for job in jobs]
        assert len({each.id for each in found}) == 10
        assert set(await ours.send_all(b"everybody")) == {each.id for each in found}
        for peer in peers:
            assert (await peer.recv(timeout=LIMIT)).data == b"everybody"
            await peer.close()

    on_loop(test)


def test_ends_of_associations(on_loop):
    """shutdown and abort of an association end it alone, and its object says so (RFC 9260 section 9)."""

    async def test(ours, theirs):
        found = await ours.connect(there(theirs), timeout=LIMIT)
        found.shutdown()
        await gone(theirs)
        items = ours.events(timeout=LIMIT)
        while not found.ended:
            await items.__anext__()
        assert isinstance(await raised(found.send(b"x")), NoSuchAssociation)
        found = await ours.connect(there(theirs), timeout=LIMIT)
        await found.send(b"x")
        other = theirs.association(await theirs.recv(timeout=LIMIT))
        found.abort(b"why")
        items = theirs.events(timeout=LIMIT)
        while not other.ended:
            await items.__anext__()
        assert isinstance(await raised(other.send(b"x")), AssociationAborted)

    on_loop(test)


def test_peeloff(loop, on_loop):
    """peeloff gives a Connection of the same loop (RFC 6458 section 9.2)."""

    async def test(ours, theirs):
        found = await ours.connect(there(theirs), timeout=LIMIT)
        await found.send(b"one")
        first = await theirs.recv(timeout=LIMIT)
        async with theirs.peeloff(first.assoc_id) as conn:
            assert isinstance(conn, loop.api.Connection)
            await found.send(b"two")
            assert (await conn.recv(timeout=LIMIT)).data == b"two"
            found.shutdown()
            assert isinstance(await raised(conn.recv(timeout=LIMIT)), EndOfAssociation)

    on_loop(test)


def test_two_readers_and_closing(loop, on_loop):
    """A second recv is ResourceBusy; closing ends the first, and a connect that waits, with ClosedError."""

    async def test(ours, theirs):
        first = loop.start(lambda: raised(ours.recv()))
        await loop.settle()
        assert isinstance(await raised(ours.recv()), ResourceBusy)
        await ours.close()
        assert isinstance(await first.result(), ClosedError)
        assert isinstance(await raised(ours.connect(there(theirs))), ClosedError)

    on_loop(test)


def test_close_waits_for_the_peers(loop, on_loop):
    """close(timeout=) returns when every peer has what was sent; when the time is up it aborts and raises."""

    async def test(ours, theirs):
        found = await ours.connect(there(theirs), timeout=LIMIT)
        for number in range(10):
            await found.send(b"%d" % number * 1000)
        job = loop.start(lambda: ours.close(timeout=LIMIT))
        assert [(await theirs.recv(timeout=LIMIT)).data[:1] for _ in range(10)] == [b"%d" % n for n in range(10)]
        await gone(theirs)
        await job.result()

    on_loop(test)


def test_close_aborts_when_the_time_is_up(on_loop):
    """close(timeout=) with a peer that does not read raises WaitTimeout and aborts."""

    async def test(ours, theirs):
        found = await ours.connect(there(theirs), timeout=LIMIT)
        while not isinstance(await raised(found.send(b"x" * 10_000, timeout=0.1)), WaitTimeout):
            pass
        assert isinstance(await raised(ours.close(timeout=0.2)), WaitTimeout)
        assert ours.closed
        await gone(theirs)

    on_loop(test)


def test_send_all_that_times_out(on_loop):
    """send_all raises WaitTimeout with the ids of those that it went to before."""

    async def test(ours, theirs):
        await ours.connect(there(theirs), timeout=LIMIT)
        error = None
        while error is None:
            error = await raised(ours.send_all(b"x" * 10_000, timeout=0.1))
        assert isinstance(error, WaitTimeout)
        assert error.sent == ()

    on_loop(test)
