"""Bad input and misuse: each is a clear, typed error that names the argument or the cause, on every backend.

Nothing leaks: the census in tests/conftest.py counts after each.
"""

from __future__ import annotations

import gc
import pickle
import warnings

import pytest

import sctpffi
from sctpffi import (
    AddressError,
    AddressNotAvailable,
    ArgumentError,
    ArgumentTypeError,
    BackendUnavailable,
    ClosedError,
    Event,
    NotConnected,
    Socket,
    Style,
    errors,
)
from sctpffi.testing import LIMIT


@pytest.mark.parametrize(
    "text",
    [
        "", "127.0.0.1", "127.0.0.1:", "127.0.0.1:port", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:1:2", "1.2.3:5",
        "256.0.0.1:5", "localhost:5", "::1:5", "[::1:5", "[127.0.0.1]:5", "127.0.0.1/:5", "127.0.0.1//127.0.0.2:5",
        "127.0.0.1/127.0.0.1:5", "0.0.0.0/127.0.0.1:5", "[::1%]:5", "[::1%nosuchif0]:5", "127.0.0.1%lo:5",
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", ["bind", "connect"])
def test_bad_address_text(backend, call, text):
    """An address that can't be understood is refused before the stack sees it, naming the argument."""
    with Socket(backend=backend) as sock, pytest.raises(AddressError) as caught:
        getattr(sock, call)(text)
    assert caught.value.argument == "address"
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [None, 5, b"127.0.0.1:5", ("127.0.0.1",), ("127.0.0.1", "5"), ["127.0.0.1:5"], []])
def test_bad_address_type(backend, value):
    """An address of a wrong type is a TypeError naming the argument."""
    with Socket(backend=backend) as sock, pytest.raises(ArgumentTypeError) as caught:
        sock.bind(value)
    assert caught.value.argument == "address"


@pytest.mark.parametrize("text", ["0.0.0.0:5", "[::]:5", "127.0.0.1:0", ":5"])
def test_addresses_that_are_no_peer(backend, text):
    """The wildcard and port 0 are nobody's address: connect refuses them (docs/stacks.md)."""
    with Socket(6, backend=backend) as sock, pytest.raises(AddressError):
        sock.connect(text)


def test_ipv6_on_an_ipv4_socket(backend):
    """An IPv4 socket refuses IPv6 addresses, naming them."""
    with Socket(4, backend=backend) as sock:
        for call in (sock.bind, sock.connect):
            with pytest.raises(AddressError, match="::1"):
                call("[::1]:5")


def test_foreign_address(backend):
    """Binding to an address that is not this host's says so, with the address."""
    with Socket(backend=backend) as sock, pytest.raises(AddressNotAvailable) as caught:
        sock.bind("192.0.2.1:0")
    assert caught.value.local == "192.0.2.1:0"


BAD_NUMBERS = [
    ("stream", -1), ("stream", 65536), ("stream", "1"), ("stream", 1.5), ("stream", b"1"), ("stream", True),
    ("ppid", -1), ("ppid", 2**32), ("ppid", b"\0\0\0\1"), ("ppid", 1.0),
    ("context", -1), ("context", 2**32), ("context", "x"),
    ("ttl", 0), ("ttl", -1.0), ("ttl", 10**10), ("ttl", "1"), ("ttl", float("nan")),
    ("timeout", -1), ("timeout", "1"), ("timeout", float("nan")), ("timeout", True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD_NUMBERS)
def test_bad_numbers_in_send(linked, name, value):
    """A number out of range or of a wrong type is refused by name, and nothing is sent."""
    with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
        linked.client.send(b"x", **{name: value})
    assert caught.value.argument == name
    linked.client.send(b"next")
    assert linked.server.recv().data == b"next"


@pytest.mark.parametrize("data", ["text", 5, None, [1], object()])
def test_bad_payload_types(linked, data):
    """A payload that is no buffer is a TypeError naming `data`."""
    with pytest.raises(ArgumentTypeError) as caught:
        linked.client.send(data)
    assert caught.value.argument == "data"


@pytest.mark.parametrize("data", [b"", bytearray(), memoryview(b"")])
def test_empty_messages(linked, data):
    """An empty message is refused: SCTP has none (RFC 9260 section 3.3.10.9, RFC 6458 section 7.1)."""
    with pytest.raises(ArgumentError) as caught:
        linked.client.send(data)
    assert caught.value.argument == "data"


@pytest.mark.parametrize("value", [-1, "1", float("nan"), True, object()])
@pytest.mark.parametrize("call", ["recv", "accept", "wait_readable"])
def test_bad_timeouts(linked, call, value):
    """A time-out that is no number of seconds >= 0 is refused by name."""
    sock = linked.listener if call == "accept" else linked.server
    with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
        getattr(sock, call)(timeout=value)
    assert caught.value.argument == "timeout"


@pytest.mark.parametrize("size", [0, -1, 65537, "4", None])
def test_bad_sizes(linked, size):
    """A receive size out of 1..65536 is refused by name: an empty buffer would read as the end."""
    for call in (linked.server.recv_partial, linked.server.peek):
        with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
            call(size, timeout=0)
        assert caught.value.argument == "size"


@pytest.mark.parametrize(
    "arguments", [{"family": 1}, {"family": "4"}, {"family": 99}, {"style": 0}, {"style": 3}, {"style": "stream"}]
)
def test_bad_families_and_styles(backend, arguments):
    """A family or style that does not exist is refused by name."""
    with pytest.raises(ArgumentError) as caught:
        Socket(backend=backend, **arguments)
    assert caught.value.argument in arguments


@pytest.mark.parametrize("events", [(), (0,), (99,), ("ASSOC_CHANGE",), (None,)])
def test_bad_events(backend, events):
    """Subscribing to what is no Event is refused by name."""
    with Socket(backend=backend) as sock, pytest.raises(ArgumentError) as caught:
        sock.subscribe(*events)
    assert caught.value.argument == "events"


CALLS = {
    "bind": lambda s: s.bind("127.0.0.1:0"),
    "bind_add": lambda s: s.bind_add("127.0.0.1"),
    "bind_remove": lambda s: s.bind_remove("127.0.0.1"),
    "listen": lambda s: s.listen(),
    "accept": lambda s: s.accept(timeout=0),
    "connect": lambda s: s.connect("127.0.0.1:5"),
    "connect_done": lambda s: s.connect_done(),
    "send": lambda s: s.send(b"x"),
    "recv": lambda s: s.recv(timeout=0),
    "recv_partial": lambda s: s.recv_partial(timeout=0),
    "peek": lambda s: s.peek(timeout=0),
    "shutdown": lambda s: s.shutdown(),
    "abort": lambda s: s.abort(),
    "subscribe": lambda s: s.subscribe(Event.ASSOC_CHANGE),
    "unsubscribe": lambda s: s.unsubscribe(Event.ASSOC_CHANGE),
    "local_addresses": lambda s: s.local_addresses(),
    "peer_addresses": lambda s: s.peer_addresses(),
    "status": lambda s: s.status(),
    "option": lambda s: s.opts.nodelay,
    "set option": lambda s: setattr(s.opts, "nodelay", True),
    "fileno": lambda s: s.fileno(),
    "wait_readable": lambda s: s.wait_readable(0),
    "wait_writable": lambda s: s.wait_writable(0),
    "getsockopt_raw": lambda s: s.getsockopt_raw(132, 0, 16),
}


@pytest.mark.parametrize("call", sorted(CALLS))
def test_closed_sockets(linked, call):
    """Every call on a closed socket raises ClosedError with EBADF, also when it was associated."""
    linked.client.close()
    with pytest.raises(ClosedError) as caught:
        CALLS[call](linked.client)
    assert isinstance(caught.value, OSError)


@pytest.mark.parametrize("call", ["send", "recv", "shutdown", "status", "connect_done", "getpeername", "peek"])
def test_not_connected(backend, call):
    """A call that needs an association says so on a fresh socket, on every stack alike (docs/stacks.md)."""
    actions = {**CALLS, "getpeername": lambda s: s.getpeername()}
    with Socket(backend=backend) as sock, pytest.raises(NotConnected):
        actions[call](sock)


def test_accept_without_listen(backend):
    """accept on a socket that does not listen says what is missing."""
    with Socket(backend=backend) as sock, pytest.raises(ArgumentError, match=r"listen\(\)"):
        sock.accept(timeout=0)


def test_a_long_reason(linked):
    """An abort reason that would not fit the chunk is refused by name, and the association lives."""
    with pytest.raises(ArgumentError) as caught:
        linked.client.abort(b"x" * 2000)
    assert caught.value.argument == "reason"
    with pytest.raises(ArgumentTypeError):
        linked.client.abort("text")
    linked.client.send(b"alive")
    assert linked.server.recv().data == b"alive"


def test_unknown_backend():
    """A backend that does not exist is refused with the names of those that do."""
    with pytest.raises(BackendUnavailable, match="linux, freebsd, usrsctp"):
        Socket(backend="netsctp")


def test_a_backend_that_is_not_there():
    """A backend that can't be used here says why, of every backend, and what to do (ARCHITECTURE.md)."""
    from sctpffi import backends

    absent = [s.name for s in backends.probe_all() if not s.usable]
    for name in absent:
        with pytest.raises(BackendUnavailable) as caught:
            Socket(backend=name)
        assert set(caught.value.reasons) == set(backends.NAMES)
        assert len(caught.value.reasons[name]) > 10
    assert absent  # no machine has both kernels


def test_errors_say_where(linked):
    """An error tells the operation, both ends and the backend (ARCHITECTURE.md)."""
    linked.client.shutdown()
    with pytest.raises(NotConnected) as caught:
        linked.client.send(b"x")
    exc = caught.value
    assert exc.op == "send"
    assert exc.local == str(linked.client.local_addresses()[0]) or exc.local is not None
    assert exc.remote is not None
    text = str(exc)
    assert text.startswith("send sctp ")
    assert f"[{linked.client.backend}]" in text
    assert str(pickle.loads(pickle.dumps(exc))) == text
    with pytest.raises(errors.EndOfAssociation):
        linked.server.recv(timeout=LIMIT)


def test_forgotten_sockets_warn_and_close(backend):
    """A socket that is dropped without close warns and is closed, like socket.socket."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        sock = Socket(backend=backend)
        del sock
        for _ in range(3):
            gc.collect()
    assert any(issubclass(w.category, ResourceWarning) for w in seen)


def test_close_twice(linked):
    """close may be called any number of times."""
    linked.client.close()
    linked.client.close()
    assert linked.client.closed


def test_listening_twice_and_bind_twice(backend):
    """A second bind is refused by the stack with a SctpOSError that names the address; listen again is harmless."""
    with Socket(backend=backend) as sock:
        sock.bind("127.0.0.1:0")
        with pytest.raises(errors.SctpOSError):
            sock.bind("127.0.0.1:0")
        sock.listen()
        sock.listen()


def test_huge_backlog_is_refused_by_name(backend):
    """A backlog that is no C int is refused by name."""
    with Socket(backend=backend) as sock:
        for value in (-1, 2**40, "5"):
            with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
                sock.listen(value)
            assert caught.value.argument == "backlog"


def test_error_tree():
    """Everything that sctpffi raises is a sctpffi.Error."""
    names = [n for n in sctpffi.__all__ if isinstance(getattr(sctpffi, n), type) and n not in ("Style",)]
    raised = [getattr(sctpffi, n) for n in names if issubclass(getattr(sctpffi, n), Exception)]
    assert len(raised) > 20
    assert all(issubclass(cls, sctpffi.Error) for cls in raised)
    assert Style.ONE_TO_ONE == 1
