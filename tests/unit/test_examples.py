"""What readers copy has to work: the examples, the README's code, and the tables of docs/differences.md."""

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
LIMIT = 60.0  # seconds; each takes less than one


def free_udp_port() -> int:
    """A port for a usrsctp process of our own, so that processes on this machine don't meet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(udp_port, remote_udp_port):
    """Ours, with usrsctp chosen and its ports set. Nothing of the checkout is put into the path."""
    return {
        **os.environ,
        "SCTPFFI_BACKEND": "usrsctp",
        "SCTPFFI_USRSCTP_UDP_PORT": str(udp_port),
        "SCTPFFI_USRSCTP_REMOTE_UDP_PORT": str(remote_udp_port),
    }


def run(*arguments, **more):
    """Run Python, where a socket left open is an error; what it printed."""
    support = backends.probe("usrsctp")
    assert support.usable, f"usrsctp has to be there: {support.reason}"  # a failure, never a skip
    env = more.pop("env", None) or environment(0, 9899)  # sockets of one process find each other by themselves
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=LIMIT,
        env=env,
        **more,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_run_echo():
    """Server and client in one process."""
    lines = run(str(ROOT / "examples" / "echo.py"), "--backend", "usrsctp").splitlines()
    assert re.fullmatch(r"listening on 127\.0\.0\.1:\d+, usrsctp", lines[0])
    assert lines[1:] == ["stream 0 ppid 0: hello", "stream 1 ppid 1: world"]


def test_run_auth():
    """Keys are rotated, and a stranger is not heard."""
    lines = run(str(ROOT / "examples" / "auth.py"), "--backend", "usrsctp").splitlines()
    assert [line.split()[0] for line in lines] == ["both", "received", "received", "key", "an", "nothing"]
    assert "sent with key 1" in lines[1]
    assert "sent with key 2" in lines[2]
    assert lines[3] == "  key 1 was free and is deleted; key 2 is active"


def test_run_echo_in_two_processes():
    """Server and client in processes of their own, each with a stack of its own."""
    script = str(ROOT / "examples" / "echo.py")
    port = free_udp_port()
    server = subprocess.Popen(
        [sys.executable, script, "--backend", "usrsctp", "server"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(port, port),
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[2].rstrip(",")
        said = run(script, "client", address, "one", "two", "three", env=environment(0, port))
    finally:
        server.terminate()
        server.communicate(timeout=LIMIT)
    assert said.splitlines() == [f"stream {n} ppid {n}: {word}" for n, word in enumerate(["one", "two", "three"])]


def test_run_many_peers():
    """Three peers on one socket, one of them peeled off."""
    lines = run(str(ROOT / "examples" / "many_peers.py"), "--backend", "usrsctp", "--peers", "3").splitlines()
    assert [line for line in lines if line.startswith("HELLO")] == [f"HELLO FROM {n}" for n in range(3)]
    assert "'hello from 0' was peeled off: this is yours alone" in lines
    assert lines[-2:] == ["it ended gracefully", "2 more ended gracefully"]


def readme_examples():
    """The README's Python code, one item a block."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("number", range(len(readme_examples())))
def test_run_readme(number, tmp_path):
    """Every piece of Python in the README runs, and prints what its comments say."""
    code = readme_examples()[number]
    said = run("-c", code, cwd=tmp_path)
    assert said.split() == " ".join(re.findall(r"^ *print\(.*\)  # (.*)$", code, re.M)).split()


def test_the_readme_has_examples():
    """There is one of the high level and one of each style of Socket."""
    code = readme_examples()
    assert any("sctpffi.connect(" in block for block in code)
    assert any("Style.ONE_TO_MANY" in block for block in code)
    assert any("sctpffi.Socket()" in block for block in code)


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
