"""Sockets of descriptors that were inherited: Socket(fileno=...) in every state, socket activation, CLOEXEC.

What usrsctp, which has none, says to it is tested here too (docs/differences.md, descriptor_is_the_socket).
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import contextmanager

import pytest

from sctpffi import (
    AssocChangeState,
    AssociationAborted,
    EndOfAssociation,
    Event,
    NotConnected,
    ShutdownEvent,
    SndInfo,
    Socket,
    Style,
    UnsupportedOption,
    errors,
)
from sctpffi.testing import LIMIT, expected, many_pair, pair
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


# -- Socket(fileno=...)


@contextmanager
def plain(kind=socket.SOCK_STREAM, family=socket.AF_INET):
    """An SCTP socket as the standard library makes it: blocking, and inheritable for a while."""
    sock = socket.socket(family, kind, SCTP)
    os.set_inheritable(sock.fileno(), True)
    with sock:
        yield sock


def test_a_fresh_descriptor(backend):
    """A socket that nothing was done to is taken as it is: one-to-one, to be bound, connected and used."""
    if refused(backend, lambda: Socket(fileno=0, backend=backend)):
        return
    head, port = listener(backend)
    with head, plain() as made, adopted(backend, made.detach()) as sock:
        assert (sock.family, sock.style, sock.type, sock.proto) == (4, Style.ONE_TO_ONE, socket.SOCK_STREAM, SCTP)
        assert os.get_inheritable(sock.fileno()) is False
        assert os.get_blocking(sock.fileno()) is False
        with pytest.raises(NotConnected):
            sock.recv()
        sock.bind("127.0.0.1:0")
        sock.connect(f"127.0.0.1:{port}")
        sock.send(b"hello", stream=2, ppid=7)
        with head.accept()[0] as server:
            message = server.recv(timeout=LIMIT)
            assert (message.data, message.stream, message.ppid) == (b"hello", 2, 7)
            server.send(b"hi", ppid=46)
            assert sock.recv().ppid == 46


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_listener(backend, family, host):
    """A socket that listens is found to listen, on IPv4 and IPv6, and accepts."""
    if refused(backend, lambda: Socket(fileno=0, backend=backend)):
        return
    with plain(family=family) as made:
        made.bind((host, 0))
        made.listen(5)
        port = made.getsockname()[1]
        with adopted(backend, made.detach()) as head:
            assert head.family == (4 if family == socket.AF_INET else 6)
            assert head.getsockname() == (host, port)
            with Socket(family, backend=backend) as client:
                client.bind((host, 0))
                client.connect((host, port), timeout=LIMIT)
                server, peer = head.accept()
                with server:
                    assert peer.host == host
                    assert os.get_inheritable(server.fileno()) is False
                    client.send(b"x")
                    assert server.recv(timeout=LIMIT).data == b"x"
            with pytest.raises(errors.ArgumentError, match="does not listen"):
                head.connect((host, 9))


def test_a_listeners_switches_hold_for_accepted_sockets(backend):
    """Extensions that the maker of an inherited listener switched on work for those it accepts (RFC 6458 8.3.1)."""
    head, port = listener(backend, auth_supported=True, asconf_supported=True)
    with head, Socket(backend=backend) as client:
        if refused(backend, head.detach):
            return
        client.opts.auth_supported = client.opts.asconf_supported = True
        with moved(backend, head) as inherited:
            client.bind("127.0.0.1:0")
            client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
            with inherited.accept()[0] as server:
                server.request_primary(server.local_addresses()[0])  # by ASCONF


def test_closing_an_inherited_listener_leaves_its_queue_alone(backend):
    """Who waits to be accepted is left to those who have the socket too, as a service manager does."""
    head, port = listener(backend)
    with head, Socket(backend=backend) as client:
        if refused(backend, head.detach):
            return
        fileno = head.detach()
        client.bind("127.0.0.1:0")
        client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
        Socket(fileno=os.dup(fileno), backend=backend).close()
        with adopted(backend, fileno) as other, other.accept()[0] as server:
            client.send(b"still here")
            assert server.recv(timeout=LIMIT).data == b"still here"


def test_an_association(linked, backend):
    """A connected socket is found to be connected: to whom, and its association's id."""
    if refused(backend, linked.client.detach):
        return
    here, there = linked.client.getsockname(), linked.client.getpeername()
    assoc_id = linked.client.status().assoc_id
    with moved(backend, linked.client) as sock:
        assert (sock.style, sock.getsockname(), sock.getpeername()) == (Style.ONE_TO_ONE, here, there)
        assert sock.status().assoc_id == assoc_id
        assert f"{there[0]}:{there[1]}" in repr(sock)
        with pytest.raises(errors.AlreadyConnected):
            sock.connect("127.0.0.1:9")
        with pytest.raises(errors.WouldBlock):
            sock.recv(timeout=0)
        sock.send(b"x", to=f"{there[0]}")
        assert linked.server.recv().data == b"x"
        linked.server.shutdown()
        with pytest.raises(EndOfAssociation):
            sock.recv()


def test_events_are_subscribed_to_anew(linked, backend):
    """Nothing is shown that was not subscribed to, and the end of the association is heard all the same."""
    if refused(backend, linked.client.detach):
        return
    with plain() as made:
        made.bind(("127.0.0.1", 0))
        made.connect(linked.listener.getsockname())
        with linked.listener.accept()[0] as server, adopted(backend, made.detach()) as sock:
            sock.subscribe(Event.SHUTDOWN_EVENT)
            server.send(b"x")
            server.shutdown()
            assert sock.recv().data == b"x"
            assert isinstance(sock.recv(), ShutdownEvent)
            with pytest.raises(EndOfAssociation):
                sock.recv()


def test_an_association_that_the_peer_has_ended(backend):
    """What was sent before the end is read, and then EndOfAssociation, each time."""
    with pair(backend) as both:
        if refused(backend, both.server.detach):
            return
        both.client.send(b"last words")
        both.client.shutdown()
        with pytest.raises(EndOfAssociation):  # at both ends
            both.client.recv()
        with moved(backend, both.server) as sock:
            assert sock.recv().data == b"last words"
            for _ in range(2):
                with pytest.raises(EndOfAssociation):
                    sock.recv()
            with pytest.raises(NotConnected):
                sock.send(b"x")


def test_an_association_that_we_have_ended(backend):
    """Of one's own shutdown, complete before the descriptor went on, receiving knows too: it does not wait for ever."""
    head, port = listener(backend)
    with head:
        if refused(backend, head.detach):
            return
        with plain() as made:
            made.bind(("127.0.0.1", 0))
            made.connect(("127.0.0.1", port))
            with head.accept()[0] as server:
                made.shutdown(socket.SHUT_WR)
                with pytest.raises(EndOfAssociation):
                    server.recv(timeout=LIMIT)
            with adopted(backend, made.detach()) as sock:
                with pytest.raises(EndOfAssociation):
                    sock.recv()
                with pytest.raises(NotConnected):
                    sock.send(b"x")


def test_an_association_that_is_being_ended(linked, backend):
    """After our shutdown, while the peer still sends, nothing can be sent and all that comes is received."""
    if refused(backend, linked.client.detach):
        return
    for _ in range(10):
        linked.server.send(b"x" * 20_000)
    linked.client.shutdown()
    with moved(backend, linked.client) as sock:
        with pytest.raises(NotConnected):
            sock.send(b"x")
        assert [len(sock.recv()) for _ in range(10)] == [20_000] * 10
        with pytest.raises(EndOfAssociation):
            sock.recv()


def test_an_association_that_was_aborted(backend):
    """Of an ABORT that came before, receiving tells, each time."""
    with pair(backend) as both:
        if refused(backend, both.server.detach):
            return
        both.client.abort()
        end = time.monotonic() + LIMIT
        while both.server.peer_addresses():  # until it is gone
            assert time.monotonic() < end
        with moved(backend, both.server) as sock:
            for _ in range(2):
                with pytest.raises(AssociationAborted):
                    sock.recv()
            with pytest.raises(AssociationAborted):
                sock.send(b"x")


def test_a_connect_in_progress(backend):
    """A connect that is under way goes on."""
    head, port = listener(backend)
    with head, Socket(backend=backend) as client:
        if refused(backend, client.detach):
            return
        client.bind("127.0.0.1:0")
        try:
            client.connect(f"127.0.0.1:{port}", timeout=0)
        except errors.ConnectInProgress:
            pass  # on Linux it is up at once
        with moved(backend, client) as sock, head.accept()[0] as server:
            sock.send(b"x")
            assert server.recv(timeout=LIMIT).data == b"x"


def test_a_one_to_many_socket(backend):
    """A one-to-many socket has its associations still, by the same ids, and is heard of their ends."""
    server, client, first = many_pair(backend)
    with server, client:
        if refused(backend, server.detach):
            return
        client.send(b"waits", assoc_id=client.associations()[0])
        with moved(backend, server) as sock:
            assert (sock.style, sock.type) == (Style.ONE_TO_MANY, socket.SOCK_SEQPACKET)
            assert sock.associations() == (first.assoc_id,)
            message = sock.recv()
            assert (message.data, message.assoc_id) == (b"waits", first.assoc_id)
            sock.subscribe(Event.ASSOC_CHANGE, assoc_id=first.assoc_id)
            sock.send(b"answer", assoc_id=first.assoc_id)
            assert client.recv().data == b"answer"
            client.close()
            assert sock.recv().state.name == "SHUTDOWN_COMP"


def test_a_one_to_many_socket_of_another_maker(backend):
    """Of associations that were there before, the end is heard and receive information comes, though nobody asked."""
    if refused(backend, lambda: Socket(fileno=0, backend=backend)):
        return
    with plain(socket.SOCK_SEQPACKET) as made, Socket(backend=backend) as client:
        made.bind(("127.0.0.1", 0))
        made.listen(5)
        client.bind("127.0.0.1:0")
        client.connect(made.getsockname(), timeout=LIMIT)
        client.send(b"first")
        assert made.recv(100) == b"first"
        client.send(b"second", stream=3)
        with adopted(backend, made.detach()) as sock:
            message = sock.recv()
            assert (message.data, message.stream) == (b"second", 3)
            assert message.assoc_id in sock.associations()
            sock.subscribe(Event.ASSOC_CHANGE, assoc_id=message.assoc_id)
            client.close()
            assert sock.recv().state is AssocChangeState.SHUTDOWN_COMP


def test_a_descriptor_stays_the_callers_if_it_can_not_be_taken(backend, monkeypatch):
    """If anything fails while a descriptor is looked at, it is still open and the caller's."""
    if refused(backend, lambda: Socket(fileno=0, backend=backend)):
        return

    def fail(sock) -> None:
        raise MemoryError

    monkeypatch.setattr(Socket, "refresh", fail)
    with plain() as made:
        with pytest.raises(MemoryError):
            Socket(fileno=made.fileno(), backend=backend)
        assert is_open(made.fileno())


def test_a_peeled_off_socket(backend):
    """A peeled-off socket is known for one, whatever the type that the kernel tells; it ends its association alone."""
    server, client, first = many_pair(backend)
    with server, client, server.peeloff(first.assoc_id) as peeled:
        peeled.settimeout(LIMIT)
        if refused(backend, peeled.detach):
            return
        with moved(backend, peeled) as sock:
            assert (sock.style, sock.type) == (Style.PEELED, socket.SOCK_STREAM)
            assert sock.getpeername()[1] == client.getsockname()[1]
            sock.send(b"x")
            assert client.recv().data == b"x"
            client.subscribe(Event.SHUTDOWN_EVENT, assoc_id=client.associations()[0])
            sock.shutdown()
            assert isinstance(client.recv(), ShutdownEvent)
            with pytest.raises(EndOfAssociation):
                sock.recv()


def test_defaults_that_its_maker_set(linked, backend):
    """Defaults for messages that were set before hold for what a send leaves out (RFC 6458 section 8.1.31)."""
    if refused(backend, linked.client.detach):
        return
    linked.client.opts.default_sndinfo = SndInfo(stream=3, ppid=46)
    with moved(backend, linked.client) as sock:
        sock.send(b"x", ppid=5)
        message = linked.server.recv()
        assert (message.stream, message.ppid) == (3, 5)


def tcp():
    return socket.socket()


def udp():
    return socket.socket(type=socket.SOCK_DGRAM)


def local():
    return socket.socket(socket.AF_UNIX)


@pytest.mark.parametrize("make", [tcp, udp, local, tempfile.TemporaryFile])
def test_what_is_no_sctp_socket(backend, make):
    """Any other descriptor is refused by name, and stays open and as it was."""
    with make() as other:
        os.set_inheritable(other.fileno(), True)
        before = fcntl.fcntl(other.fileno(), fcntl.F_GETFL)
        if refused(backend, lambda: Socket(fileno=other.fileno(), backend=backend)):
            return
        with pytest.raises(errors.ArgumentError, match=f"fileno: {other.fileno()} is no (SCTP )?socket"):
            Socket(fileno=other.fileno(), backend=backend)
        assert os.get_inheritable(other.fileno()) is True
        assert fcntl.fcntl(other.fileno(), fcntl.F_GETFL) == before


def test_a_number_that_is_no_descriptor(backend):
    """A number without a descriptor is refused by name."""
    if refused(backend, lambda: Socket(fileno=500, backend=backend)):
        return
    assert not is_open(500)
    with pytest.raises(errors.ArgumentError, match="500 is no open descriptor"):
        Socket(fileno=500, backend=backend)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [(-1, ValueError), (2**31, ValueError), (2**70, ValueError), ("3", TypeError), (True, TypeError)],
)
def test_what_is_no_number_of_a_descriptor(backend, wrong, error):
    """What can't be a descriptor's number is refused by name, on every stack."""
    with pytest.raises(error, match="fileno"):
        Socket(fileno=wrong, backend=backend)


# -- programs

PROLOGUE = """
import os, socket, subprocess, sys, threading
import sctpffi
from sctpffi import Event, Socket, Style
from sctpffi.testing import LIMIT, many_pair, pair
backend = sys.argv[1]
LIST = "import os, sys\\nopen_ = []\\nfor fd in range(3, 200):\\n    try:\\n        os.fstat(fd); open_.append(fd)"
LIST += "\\n    except OSError:\\n        pass\\nprint(open_)"
"""


def run(backend, program):
    """Run a program in a fresh interpreter; its standard output."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    code = PROLOGUE + textwrap.dedent(program)
    arguments = [sys.executable, "-W", "ignore::ResourceWarning", "-c", code, backend]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=90, env=env, check=False)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done.stdout


def test_no_descriptor_goes_along(backend):
    """Whatever opened a descriptor, no program that is started has it: sockets, waiters, peeled-off, dup, inherited."""
    program = """
    both = pair(backend)
    server, client, first = many_pair(backend)
    kept = [server.peeloff(first.assoc_id), Socket(6, backend=backend)]
    for sock in (both.listener, both.server, both.client, server, client, *kept):
        sock.wait_readable(0.01)  # makes whatever a wait needs
    waiter = threading.Thread(target=both.server.recv, daemon=True)
    waiter.start()
    if sys.argv[1] != "usrsctp":
        kept.append(both.client.dup())
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
        os.set_inheritable(made.fileno(), True)
        kept.append(Socket(fileno=made.detach(), backend=backend))
        kept[0].detach()
    run = [sys.executable, "-c", LIST]
    print(subprocess.run(run, close_fds=False, capture_output=True, text=True).stdout, end="", flush=True)
    os._exit(0)
    """
    assert run(backend, program) == "[]\n"


def test_the_list_of_descriptors_is_one(backend):
    """The program that lists descriptors sees those that are meant to go along."""
    program = """
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    run = [sys.executable, "-c", LIST]
    found = subprocess.run(run, close_fds=False, capture_output=True, text=True).stdout
    print(found == f"[{reading}]\\n")
    """
    assert run(backend, program) == "True\n"


def test_socket_activation(backend):
    """A process that a service manager starts finds its sockets by number and name, and serves by them."""
    if refused(backend, lambda: Socket(fileno=0, backend=backend)):
        return
    program = """
    SERVICE = '''
    import os, sys, sctpffi
    found = sctpffi.inherited_descriptors(unset_environment=True)
    print([tuple(each) for each in found], sctpffi.inherited_descriptors(), flush=True)
    with sctpffi.Socket(fileno=found[0].fileno, backend=sys.argv[1]) as head:
        server, peer = head.accept(timeout=30)
        with server:
            print(server.recv(timeout=30).data.decode(), os.get_inheritable(3), os.get_inheritable(4), flush=True)
    '''
    import textwrap
    head = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
    head.bind(("127.0.0.1", 0))
    head.listen(5)
    address = head.getsockname()
    ready, done = os.pipe()
    service = os.fork()
    if service == 0:
        for number in (head.fileno(), ready, done):
            assert number > 4 or number in (3, 4)
        spare = os.dup(head.fileno())
        other = os.open("/dev/null", os.O_RDONLY)
        spare, other = os.dup2(spare, 90), os.dup2(other, 91)
        os.dup2(spare, 3)
        os.dup2(other, 4)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="association:nothing")
        os.execv(sys.executable, [sys.executable, "-c", textwrap.dedent(SERVICE), backend])
    head.close()
    client = Socket(backend=backend)
    client.bind("127.0.0.1:0")
    client.connect(address, timeout=LIMIT)
    client.send(b"served")
    assert os.waitpid(service, 0)[1] == 0
    """
    assert run(backend, program) == "[(3, 'association'), (4, 'nothing')] []\nserved False False\n"
