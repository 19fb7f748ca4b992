"""Processes: exiting with open sockets, fork, exec, two processes that talk, on every backend.

Each runs a small program in a fresh interpreter, bounded in time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from sctpffi.testing import LIMIT, expected

PROLOGUE = """
import os, signal, sys, time
import sctpffi
from sctpffi import Socket
from sctpffi.testing import LIMIT, pair
backend = sys.argv[1]
"""


def run(backend, program, timeout=60, check=True):
    """Run a program in a fresh interpreter; its standard output."""
    code = PROLOGUE + textwrap.dedent(program)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", code, backend],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=env,
        check=False,
    )
    if check:
        assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done


@pytest.mark.parametrize("state", ["idle", "listening", "associated", "queued", "waiting"])
def test_exit_with_open_sockets(backend, state):
    """A process that exits with open sockets does so at once, with status 0 and silently (ARCHITECTURE.md)."""
    program = f"""
    import threading
    sock = Socket(backend=backend)
    if {state!r} == "listening":
        sock.bind("127.0.0.1:0"); sock.listen()
    if {state!r} in ("associated", "queued", "waiting"):
        both = pair(backend)
    if {state!r} == "queued":
        try:
            while True:
                both.client.send(b"x" * 5000, timeout=0)
        except sctpffi.WouldBlock:
            pass
    if {state!r} == "waiting":
        threading.Thread(target=both.server.recv, daemon=True).start()
    print("done", flush=True)
    """
    start = time.monotonic()
    done = run(backend, program)
    assert done.stdout == "done\n"
    assert done.stderr == ""
    assert time.monotonic() - start < LIMIT


def test_exit_by_an_exception(backend):
    """An uncaught exception with open sockets ends the process with its traceback and status 1."""
    done = run(backend, "both = pair(backend)\nraise ValueError('boom')", check=False)
    assert done.returncode == 1
    assert "ValueError: boom" in done.stderr


def test_what_was_sent_before_exit_arrives(backend):
    """Data sent just before close and exit reaches the peer in another thread's association (graceful exit)."""
    program = """
    both = pair(backend)
    both.client.send(b"last words")
    both.client.close()
    print(both.server.recv(timeout=LIMIT).data.decode(), flush=True)
    """
    assert run(backend, program).stdout == "last words\n"


def test_terminated_by_a_signal(backend):
    """SIGTERM ends a process that waits in recv at once."""
    program = """
    both = pair(backend)
    print("ready", flush=True)
    both.server.recv()
    """
    code = PROLOGUE + textwrap.dedent(program)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code, backend], stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.wait(LIMIT) == -signal.SIGTERM


def test_fork(backend):
    """After fork the child can use inherited sockets, or is told clearly that it can't (differences table)."""
    program = """
    both = pair(backend)
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        try:
            both.client.send(b"from the child")
            answer = "sent"
        except sctpffi.ForkedError as exc:
            answer = "ForkedError" if "fork" in str(exc) else str(exc)
        try:
            Socket(backend=backend).close()
            answer += " opened"
        except sctpffi.ForkedError:
            answer += " refused"
        both.close()
        os.write(1, answer.encode() + b"\\n")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    both.client.send(b"from the parent")
    got = both.server.recv(timeout=LIMIT).data
    if got == b"from the child":
        got = both.server.recv(timeout=LIMIT).data
    print(got.decode(), flush=True)
    """
    done = run(backend, program)
    works = expected("works_after_fork", backend)
    assert done.stdout == ("sent opened" if works else "ForkedError refused") + "\nfrom the parent\n"


def test_a_childs_close_leaves_the_parents_waiters_alone(backend):
    """Closing in a forked child neither wakes nor disturbs the parent's socket."""
    program = """
    both = pair(backend)
    try:
        both.server.recv(timeout=0.05)  # makes whatever a wait needs
    except sctpffi.WaitTimeout:
        pass
    pid = os.fork()
    if pid == 0:
        both.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    start = time.monotonic()
    try:
        both.server.recv(timeout=0.3)
    except sctpffi.WaitTimeout:
        print("waited", time.monotonic() - start >= 0.29, flush=True)
    both.client.send(b"x")
    print(both.server.recv(timeout=LIMIT).data.decode(), flush=True)
    """
    assert run(backend, program).stdout == "waited True\nx\n"


def test_multiprocessing_spawn(backend, tmp_path):
    """A process started by "spawn" uses the same backend from scratch."""
    script = tmp_path / "spawned.py"
    script.write_text(
        textwrap.dedent(
            """
            import multiprocessing, sys
            from sctpffi.testing import LIMIT, pair

            def child(backend, out):
                with pair(backend) as both:
                    both.client.send(b"spawned")
                    out.put(both.server.recv(timeout=LIMIT).data)

            if __name__ == "__main__":
                context = multiprocessing.get_context("spawn")
                with pair(sys.argv[1]) as both:
                    queue = context.SimpleQueue()
                    process = context.Process(target=child, args=(sys.argv[1], queue))
                    process.start()
                    print(queue.get().decode(), flush=True)
                    process.join()
                    sys.exit(process.exitcode)
            """
        )
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(script), backend], capture_output=True, text=True, timeout=90, env=env, check=False
    )
    assert (done.returncode, done.stdout) == (0, "spawned\n"), done.stderr


def test_descriptors_do_not_leak_into_programs(backend):
    """A program that is started has none of the library's descriptors, the stack's own included (CLOEXEC)."""
    program = """
    import subprocess
    both = pair(backend)
    code = "import os, sys\\nopen_ = []\\nfor fd in range(3, 100):\\n    try:\\n        os.fstat(fd); open_.append(fd)"
    code += "\\n    except OSError:\\n        pass\\nprint(open_)"
    print(subprocess.run([sys.executable, "-c", code], close_fds=False, capture_output=True, text=True).stdout, end="")
    """
    assert run(backend, program).stdout == "[]\n"


def test_a_second_process_that_exits_does_not_disturb(backend):
    """Associations of this process live on when another process with the same backend starts and exits."""
    program = """
    import subprocess
    both = pair(backend)
    code = "import sys\\nfrom sctpffi.testing import pair\\nboth = pair(sys.argv[1])\\nboth.client.send(b'x')"
    args = [sys.executable, "-W", "ignore", "-c", code, backend]
    assert subprocess.run(args).returncode == 0
    both.client.send(b"undisturbed")
    print(both.server.recv(timeout=LIMIT).data.decode(), flush=True)
    """
    assert run(backend, program, timeout=90).stdout == "undisturbed\n"
