"""What readers copy has to work: the examples, the pages' code, and the tables of docs/differences.md.

Programs run on each backend that is tested. The other tables of the pages are in test_guides.py.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sctpffi import backends
from sctpffi.testing import DIFFERENCES

ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ("linux", "freebsd", "usrsctp")
PAGES = ("README.md", "docs/connections.md", "docs/asyncio.md", "docs/bulk.md", "docs/poller.md")
LOOPS = os.environ.get("SCTPFFI_EXPECT_LOOPS", "asyncio").split(",")  # as in tests/contract/conftest.py
LIMIT = 60.0  # seconds; each takes less than one


def free_udp_port() -> int:
    """A port for a usrsctp process of our own, so that processes on this machine don't meet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(backend, udp_port=0, remote_udp_port=9899):
    """Ours, with a backend chosen, and usrsctp's ports. Nothing of the checkout is put into the path.

    The ports are good for one process, whose sockets find each other by themselves.
    """
    return {
        **os.environ,
        "SCTPFFI_BACKEND": backend,
        "SCTPFFI_USRSCTP_UDP_PORT": str(udp_port),
        "SCTPFFI_USRSCTP_REMOTE_UDP_PORT": str(remote_udp_port),
    }


def run(backend, *arguments, **more):
    """Run Python, where a socket left open is an error; what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=LIMIT,
        env=more.pop("env", None) or environment(backend),
        **more,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def example(backend, name, *arguments, **more):
    """Run an example; the lines that it printed."""
    return run(backend, str(ROOT / "examples" / f"{name}.py"), "--backend", backend, *arguments, **more).splitlines()


def test_run_echo(backend):
    """Server and client in one process."""
    lines = example(backend, "echo")
    assert re.fullmatch(rf"listening on 127\.0\.0\.1:\d+, {backend}", lines[0])
    assert lines[1:] == ["stream 0 ppid 0: hello", "stream 1 ppid 1: world"]


def test_run_auth(backend):
    """Keys are rotated, and a stranger is not heard."""
    lines = example(backend, "auth")
    assert [line.split()[0] for line in lines] == ["both", "received", "received", "key", "an", "nothing"]
    assert "sent with key 1" in lines[1]
    assert "sent with key 2" in lines[2]
    assert lines[3] == "  key 1 was free and is deleted; key 2 is active"


@pytest.mark.parametrize("name", ["aio_echo", *(["trio_echo"] if "trio" in LOOPS else [])])
def test_run_echo_in_an_event_loop(backend, name):
    """Server and three clients in one event loop; each client's answers are in its order."""
    lines = example(backend, name, "--clients", "3")
    assert re.fullmatch(rf"listening on 127\.0\.0\.1:\d+, {backend}", lines[0])
    for number in range(3):
        said = [line for line in lines[1:] if line.endswith(f" {number}")]
        assert [line.partition(": ")[2] for line in said] == [f"hello {number}", f"world {number}"]
        assert [line.split()[1] for line in said] == ["0", "1"]
    assert len(lines) == 7


@pytest.mark.parametrize("name", ["echo", "aio_echo"])
def test_run_echo_in_two_processes(backend, name):
    """Server and client in processes of their own; with usrsctp each has a stack of its own."""
    port = free_udp_port()
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / f"{name}.py"), "--backend", backend, "server"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(backend, port, port),
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[2].rstrip(",")
        words = ["one", "two", "three"]
        said = example(backend, name, "client", address, *words, env=environment(backend, 0, port))
    finally:
        server.terminate()
        server.communicate(timeout=LIMIT)
    assert said == [f"stream {n} ppid {n}: {word}" for n, word in enumerate(words)]


def test_run_many_peers(backend):
    """Three peers on one socket, one of them peeled off."""
    lines = example(backend, "many_peers", "--peers", "3")
    assert [line for line in lines if line.startswith("HELLO")] == [f"HELLO FROM {n}" for n in range(3)]
    assert "'hello from 0' was peeled off: this is yours alone" in lines
    assert lines[-2:] == ["it ended gracefully", "2 more ended gracefully"]


def test_run_endpoint(backend):
    """Three peers of one endpoint, one of them peeled off; all are told, and all hear the last word."""
    lines = example(backend, "endpoint", "--peers", "3")
    assert lines[:3] == [f"welcome, peer {number}" for number in range(3)]
    assert lines[3].startswith("told 3: ")
    assert lines[4:] == ["peer 0 alone: just you", "2 left on the hub", "goodbye", "goodbye"]


def samples(page):
    """A page's Python code, one item a block; without those for an event loop that is not expected here."""
    found = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)
    loops = [re.search(r"^import (trio|uvloop)$", code, re.M) for code in found]
    return [code for code, loop in zip(found, loops) if loop is None or loop.group(1) in LOOPS]


@pytest.mark.parametrize(("page", "number"), [(page, n) for page in PAGES for n in range(len(samples(page)))])
def test_run_sample(backend, page, number, tmp_path):
    """Every piece of Python in the README and the guides runs, and prints what its comments say."""
    code = samples(page)[number]
    said = run(backend, "-c", code, cwd=tmp_path)
    assert said.split() == " ".join(re.findall(r"^ *print\(.*\)  # (.*)$", code, re.M)).split()


def test_the_readme_has_samples():
    """There is one of Connection, Endpoint, asyncio, Config and Socket."""
    code = samples("README.md")
    for word in ("sctpffi.connect(", "Endpoint(", "aio.serve(", "Config(", "sctpffi.Socket()"):
        assert any(word in block for block in code), word


def differences_page():
    """The sections of docs/differences.md by their headings."""
    text = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


@pytest.mark.parametrize("name", sorted(DIFFERENCES))
def test_every_difference_is_documented(name):
    """A row has a section with its three values."""
    row = DIFFERENCES[name]
    cells = " | ".join(str(getattr(row, backend)) for backend in BACKENDS)
    assert f"| {' | '.join(BACKENDS)} |\n|---|---|---|\n| {cells} |\n" in differences_page()[name]


def test_no_difference_is_made_up():
    """What has a table of three values in the page is a row of the table."""
    tables = [name for name, text in differences_page().items() if f"| {' | '.join(BACKENDS)} |\n|---|---|---|" in text]
    assert tables == list(DIFFERENCES)


@pytest.mark.parametrize("stack", BACKENDS)
def test_every_feature_is_documented(stack):
    """The table of features has each backend's own, and no others. Read from the source: not all are built here."""
    source = (Path(backends.__file__).parent / f"{stack}.py").read_text(encoding="utf-8")
    features = re.findall(r'"(\w+)"', re.search(r"^FEATURES = frozenset\((.*?)\)$", source, re.M | re.S).group(1))
    rows = re.findall(r"^\| (\w+) \|(.*)\|$", differences_page()["backend.features"], re.M)
    column = BACKENDS.index(stack)
    documented = {name for name, cells in rows if name != "feature" and cells.split("|")[column].strip() == "yes"}
    assert documented == set(features)
