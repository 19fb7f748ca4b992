"""Addresses that come and go: what gomaja/go-sctp's bindx tests verify (RFC 6458 section 9.1)."""

from __future__ import annotations

import time
from typing import Iterator

import pytest

import sctpffi
from sctpffi import (
    Address,
    AddressError,
    AddressInUse,
    AddressNotAvailable,
    ClosedError,
    Endpoint,
    Error,
    Listener,
)
from sctpffi.testing import LIMIT, Worker


@pytest.fixture
def listener(backend, free_port) -> Iterator[Listener]:
    """A listener on ::1 alone, which takes IPv4 too."""
    with sctpffi.listen(f"[::1]:{free_port}", backend=backend) as found:
        yield found


def hosts(listener: Listener) -> list:
    """Where it listens; each host as often as the stack has it."""
    return sorted(address.host for address in listener.addresses)


@pytest.mark.parametrize("form", ["text", "mapped", "bound port", "no port", "list"])
def test_the_port_of_a_further_address(listener, form):
    """A further address has the port that there is, whether it is told or not; what the caller gave is not changed."""
    port = listener.port
    given = {
        "text": "127.0.0.1",
        "mapped": "::ffff:127.0.0.1",
        "bound port": Address("127.0.0.1", port),
        "no port": Address("127.0.0.1", 0),
        "list": [Address("127.0.0.1", 0)],
    }[form]
    listener.bind_add(given)
    assert hosts(listener) == ["127.0.0.1", "::1"]
    assert {address.port for address in listener.addresses} == {port}
    listener.bind_remove(given)
    assert hosts(listener) == ["::1"]
    assert form != "no port" or given == Address("127.0.0.1", 0)


def test_another_port(listener):
    """An address with another port is refused by name, to be added and to be removed, and nothing changes."""
    other = Address("127.0.0.1", listener.port % 65_535 + 1)
    for call in (listener.bind_add, listener.bind_remove):
        with pytest.raises((AddressError, AddressNotAvailable)):
            call(other)
        assert hosts(listener) == ["::1"]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ("", Error),
        ("127.0.0.1:5", AddressError),
        ("nonsense", AddressError),
        ([], AddressError),
        (None, TypeError),
        (5, TypeError),
        (["127.0.0.1", 5], TypeError),
        (Address("127.0.0.1", -1), AddressError),
        (Address("127.0.0.1", 65_536), AddressError),
        (Address("127.0.0", 0), AddressError),
        (Address("127.0.0.1", 0, 3), AddressError),
        ("::1%no-such-interface", AddressError),
        ("192.0.2.77", AddressNotAvailable),
        (["127.0.0.1", "192.0.2.77"], AddressNotAvailable),
        (["127.0.0.1", "127.0.0.1"], AddressError),
    ],
)
def test_what_is_no_further_address(listener, wrong, error):
    """What is no address, or none of this host's, is refused, all or nothing, by both calls."""
    for call in (listener.bind_add, listener.bind_remove):
        with pytest.raises(error):
            call(wrong)
        assert hosts(listener) == ["::1"]


@pytest.mark.parametrize("all_of_them", ["::1", ["::1", "127.0.0.1"], ["127.0.0.1", "::1"], "::", "0.0.0.0"])
def test_one_address_stays(listener, all_of_them):
    """Neither all addresses can be removed, in any order, nor the wildcard, which is none of them; nothing changes."""
    if isinstance(all_of_them, list):
        listener.bind_add("127.0.0.1")
    before = hosts(listener)
    with pytest.raises(Error):
        listener.bind_remove(all_of_them)
    assert hosts(listener) == before


def test_threads_add_one_address(listener):
    """Threads that add the same address at once add it once, and threads that remove it remove no more than that."""
    for _ in range(20):
        for worker in [Worker(_added, listener) for _ in range(4)]:
            worker.join()
        assert hosts(listener) == ["127.0.0.1", "::1"]
        for worker in [Worker(_gone, listener) for _ in range(4)]:
            worker.join()
        assert hosts(listener) == ["::1"]


def _added(listener: Listener) -> None:
    """Add the address; BSD may hold it a moment after it was taken away (docs/differences.md), and nothing tells."""
    end = time.monotonic() + LIMIT
    while True:
        try:
            listener.bind_add("127.0.0.1")
            return
        except AddressInUse:
            assert time.monotonic() < end


def _gone(listener: Listener) -> None:
    """Remove an address that somebody else may have removed."""
    try:
        listener.bind_remove("127.0.0.1")
    except AddressNotAvailable:
        pass


def test_messages_flow_while_addresses_change(backend, listener):
    """While a thread adds and removes an address of the listener its connections go on."""

    def change() -> None:
        for _ in range(50):
            _added(listener)
            listener.bind_remove("127.0.0.1")

    with sctpffi.connect(f"[::1]:{listener.port}", backend=backend, timeout=LIMIT) as client:
        server, _ = listener.accept(timeout=LIMIT)
        with server:
            changer = Worker(change)
            for number in range(50):
                client.send(b"%d" % number)
                assert server.recv(timeout=LIMIT).data == b"%d" % number
                server.send(b"%d" % number)
                assert client.recv(timeout=LIMIT).data == b"%d" % number
            changer.join()
            assert [address.host for address in server.local_addresses] == ["::1"]
    assert hosts(listener) == ["::1"]


def test_an_address_that_another_has(backend, listener):
    """An address on which another one has the port is not added."""
    with sctpffi.listen(f"127.0.0.1:{listener.port}", backend=backend):
        with pytest.raises(AddressInUse):
            listener.bind_add("127.0.0.1")
        assert hosts(listener) == ["::1"]
    listener.bind_add("127.0.0.1")
    assert hosts(listener) == ["127.0.0.1", "::1"]


def test_the_list_is_the_callers(listener):
    """The list of addresses is a new one each time."""
    listener.addresses.clear()
    assert hosts(listener) == ["::1"]


@pytest.mark.parametrize("kind", ["listener", "connection", "endpoint"])
def test_closed(backend, listener, kind):
    """Of what is closed no address is added or removed (RFC 6458 section 9.1)."""
    with (
        sctpffi.connect(f"[::1]:{listener.port}", backend=backend, timeout=LIMIT) as connection,
        Endpoint("[::1]:0", backend=backend) as endpoint,
    ):
        closed = {"listener": listener, "connection": connection, "endpoint": endpoint}[kind]
        closed.close()
        for call in (closed.bind_add, closed.bind_remove):
            with pytest.raises(ClosedError):
                call("127.0.0.1")
