"""What only usrsctp has: its UDP ports (RFC 6951), one stack a process, peers that stay silent.

Each test runs a small program in a fresh interpreter, because a process starts the stack once.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap

PROLOGUE = """
import os, socket, subprocess, sys, time
import sctpffi
from sctpffi import InitParams, RtoInfo, Socket, UdpEncaps, errors
from sctpffi.backends.usrsctp import usrsctp
from sctpffi.testing import LIMIT, pair

LISTEN = '''
import sys, sctpffi
from sctpffi.backends.usrsctp import usrsctp
usrsctp.configure(udp_port=0)
listener = sctpffi.listen("127.0.0.1:0")
print(listener.port, usrsctp.udp_port, flush=True)
conn, _ = listener.accept(timeout=30)
'''
PEER = LISTEN + "print(conn.recv(timeout=30).data, flush=True); sys.stdin.read()"
ECHO = LISTEN + "for message in conn: conn.send(message.data.upper())"

def start(code):
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdin=-1, stdout=-1, text=True)
"""


def run(program, **environment):
    """Run a program in a fresh interpreter; its standard output."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SCTPFFI_BACKEND": "usrsctp", **environment}
    done = subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", PROLOGUE + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=90,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SILENT = """
quiet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
quiet.bind(("127.0.0.1", 0))
client = Socket()
client.opts.udp_encaps_port = UdpEncaps(None, quiet.getsockname()[1])
client.opts.rto_info = RtoInfo(initial_ms=100, max_ms=200, min_ms=50)
"""


def test_connect_waits_no_longer_than_told():
    """connect to a peer that never answers raises WaitTimeout after its time-out."""
    program = """
    start = time.monotonic()
    try:
        client.connect("127.0.0.1:7777", timeout=0.4)
    except errors.WaitTimeout as exc:
        print(isinstance(exc, TimeoutError), 0.39 < time.monotonic() - start < LIMIT)
    """
    assert run(SILENT + textwrap.dedent(program)) == "True True\n"


def test_connect_ends_when_init_is_exhausted():
    """connect to a peer that never answers raises ConnectTimeout after INIT's last attempt (RFC 9260 section 5.1)."""
    program = """
    client.opts.init_params = InitParams(attempts=2, timeout_ms=200)
    try:
        client.connect("127.0.0.1:7777", timeout=LIMIT)
    except errors.ConnectTimeout as exc:
        print(isinstance(exc, TimeoutError), exc.remote)
    for call in (client.recv, client.connect_done):
        try:
            call()
        except errors.ConnectTimeout:
            print("again")
    """
    assert run(SILENT + textwrap.dedent(program)) == "True 127.0.0.1:7777\nagain\nagain\n"


def test_close_wakes_a_connect():
    """Closing from another thread wakes a connect to a peer that never answers."""
    program = """
    import threading
    threading.Timer(0.2, client.close).start()
    try:
        client.connect("127.0.0.1:7777", timeout=LIMIT)
    except errors.ClosedError:
        print("woken")
    """
    assert run(SILENT + textwrap.dedent(program)) == "woken\n"


def test_a_lost_peer_times_out():
    """An association whose peer falls silent ends with AssociationTimedOut (RFC 9260 section 8.1)."""
    program = """
    from sctpffi import AssocParams
    child = start(PEER)
    port, udp = map(int, child.stdout.readline().split())
    usrsctp.configure(udp_port=0, remote_udp_port=udp)
    client = Socket()
    client.opts.rto_info = RtoInfo(initial_ms=100, max_ms=200, min_ms=50)
    client.opts.assoc_params = AssocParams(max_retrans=2)
    client.connect(f"127.0.0.1:{port}", timeout=LIMIT)
    client.send(b"x")
    child.stdout.readline()
    child.kill()
    child.wait()
    client.send(b"into the void")
    for _ in range(2):
        try:
            client.recv(timeout=LIMIT)
        except errors.AssociationTimedOut as exc:
            print(isinstance(exc, TimeoutError))
    """
    assert run(program) == "True\nTrue\n"


def test_two_processes_by_their_ports():
    """Two processes with UDP ports of their own talk when one knows the other's (RFC 6951 section 4)."""
    program = """
    child = start(ECHO)
    port, udp = map(int, child.stdout.readline().split())
    usrsctp.configure(udp_port=0, remote_udp_port=udp)
    with sctpffi.connect(f"127.0.0.1:{port}", timeout=LIMIT) as conn:
        conn.send(b"across")
        print(conn.recv(timeout=LIMIT).data.decode())
        with pair("usrsctp") as both:  # and still within this process
            both.client.send(b"within")
            print(both.server.recv(timeout=LIMIT).data.decode())
    print(child.wait(30))
    """
    assert run(program) == "ACROSS\nwithin\n0\n"


def test_configure_comes_first():
    """configure is refused once the stack runs."""
    program = """
    Socket().close()
    try:
        usrsctp.configure(udp_port=0)
    except RuntimeError as exc:
        print("before the first socket" in str(exc))
    """
    assert run(program) == "True\n"


def test_the_port_by_environment():
    """SCTPFFI_USRSCTP_UDP_PORT chooses the UDP port; one that is taken or no port is refused by name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        port = taken.getsockname()[1]
        program = """
        try:
            Socket()
        except errors.AddressInUse as exc:
            print(exc.detail)
        """
        assert run(program, SCTPFFI_USRSCTP_UDP_PORT=str(port)) == f"UDP port {port} is taken\n"
    program = """
    Socket().close()
    print(usrsctp.udp_port)
    """
    assert run(program, SCTPFFI_USRSCTP_UDP_PORT=str(port)) == f"{port}\n"
    program = """
    try:
        Socket()
    except errors.ArgumentError as exc:
        print(exc.argument)
    """
    assert run(program, SCTPFFI_USRSCTP_UDP_PORT="many") == "SCTPFFI_USRSCTP_UDP_PORT\n"


def test_a_kernel_beside_it_is_left_alone():
    """As root the stack opens raw SCTP sockets too; in UDP mode a filter on them lets nothing in."""
    program = """
    Socket().close()
    found = []
    for fd in range(3, 64):
        try:
            sock = socket.socket(fileno=os.dup(fd))
        except OSError:
            continue
        if sock.type == socket.SOCK_RAW and sock.proto == 132:
            found.append(len(sock.getsockopt(socket.SOL_SOCKET, 26, 8 * 16)))  # SO_GET_FILTER: its instructions
        sock.close()
    print(all(found), os.geteuid() != 0 or len(found) > 0)
    """
    assert run(program) == "True True\n"


CLOSING = """
import threading
from sctpffi.testing import many_pair

server, client, first = many_pair("usrsctp")
end = time.monotonic() + 3

def keep_waiting():  # a send that waits on one-to-many makes the timer look every 5 ms
    try:
        while time.monotonic() < end:
            client.send(bytes(1000), assoc_id=client.associations()[0], timeout=0.2)
    except errors.WaitTimeout:
        keep_waiting()

def open_and_close():
    while time.monotonic() < end:
        Socket().close()

threads = [threading.Thread(target=work) for work in (keep_waiting, *[open_and_close] * 4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
client.close()
server.close()
print("done")
"""


def test_the_timer_looks_while_sockets_close():
    """The slow timer and closing threads never wait for each other, however often they meet."""
    assert run(CLOSING) == "done\n"
