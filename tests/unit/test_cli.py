"""The `sctpffi` command: `info`, and `demo` from end to end in processes of its own, with everything that can go wrong.

The demo runs on usrsctp, which needs nothing of the kernel; on Linux its absence is a failure, never a skip.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

import sctpffi
from sctpffi import AssocChange, AssocChangeState, Cause, Message, MsgFlag, PeerAddrChange, ShutdownEvent, backends, cli
from sctpffi.cli import demo, demo_compare, demo_files, demo_process, demo_server, demo_show, demo_wire, info
from sctpffi.cli.demo_files import DemoError, Entry
from sctpffi.cli.demo_sender import Sender, Sent, large_chunk
from sctpffi.cli.demo_wire import Head, Kind, Tally

LIMIT_S = 100
CONTENTS = {
    "empty": b"",
    "one byte": b"x",
    "binary.bin": bytes(range(256)) * 400,
    "deep/er/nested.txt": b"nested\n" * 100,
    "Übung mit Leerzeichen €.txt": "Grüße\n".encode(),
}
SENDING = re.compile(r"streams? in use")


@pytest.fixture(scope="session")
def stack() -> str:
    """The stack that the demo runs on here."""
    support = backends.probe("usrsctp")
    if support.usable:
        return "usrsctp"
    kernel = backends.kernel_name()
    if kernel in (None, "linux"):
        pytest.fail(f"usrsctp has to be there: {support.reason}")
    return str(kernel)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with files of every kind."""
    root = tmp_path / "to send"
    for name, content in CONTENTS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.fixture
def heavy(tmp_path: Path) -> Path:
    """A directory that takes seconds to send."""
    root = tmp_path / "heavy"
    root.mkdir()
    with open(root / "zeros", "wb") as file:
        file.truncate(60 << 20)
    return root


def environment(**extra: str) -> Dict[str, str]:
    """A clean environment in which this very package is found from any directory."""
    own = str(Path(sctpffi.__file__).resolve().parent.parent)
    kept = {key: value for key, value in os.environ.items() if key not in ("SCTPFFI_BACKEND", "NO_COLOR")}
    path = os.pathsep.join(part for part in (own, kept.get("PYTHONPATH", "")) if part)
    return {**kept, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **extra}


def command(*arguments: str) -> List[str]:
    """The command line as a process."""
    return [sys.executable, "-m", "sctpffi", *arguments]


def sctpffi_command(*arguments: str, cwd: Optional[Path] = None, **extra: str) -> Tuple[int, str, str]:
    """Run the command and return exit status, output and errors."""
    done = subprocess.run(
        command(*arguments), capture_output=True, cwd=cwd, env=environment(**extra), timeout=LIMIT_S, encoding="utf-8"
    )
    return done.returncode, done.stdout, done.stderr


def one_sentence(status: int, errors: str) -> str:
    """Check that a failure was told in one line, without a traceback; the line."""
    assert status == 1, errors
    lines = errors.splitlines()
    assert len(lines) == 1, errors
    assert lines[0].startswith("sctpffi demo: ")
    return lines[0]


# -- the command itself


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints the package's version."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"sctpffi {sctpffi.__version__}\n"


def test_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a subcommand the help is shown and the status is that of a usage error."""
    assert cli.main([]) == cli.USAGE_ERROR
    assert "demo" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--backend", "tcp"], ["--streams", "0"], ["--streams", "65536"], ["--bogus"]])
def test_usage_errors(arguments: List[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments that make no sense are refused by name before anything starts."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["demo", *arguments])
    assert caught.value.code == cli.USAGE_ERROR
    assert arguments[0] in capsys.readouterr().err


# -- info


def test_info_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`info` names every backend, and gives the reason of each that can't be used, within 100 columns."""
    monkeypatch.delenv("SCTPFFI_BACKEND", raising=False)
    assert cli.main(["info"]) == 0
    out = capsys.readouterr().out
    flat = " ".join(out.split())
    for support in backends.probe_all():
        assert re.search(rf"^{support.name} +{'yes' if support.usable else 'no'} ", out, re.MULTILINE)
        assert " ".join(support.reason.split()) in flat
    assert max(len(line) for line in out.splitlines()[1:]) <= info.WIDTH
    assert "default" in out


def test_info_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`info --json` has the same facts, with the reason for the default."""
    monkeypatch.setenv("SCTPFFI_BACKEND", "usrsctp")
    assert cli.main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [item["name"] for item in facts["backends"]] == list(backends.NAMES)
    assert facts["default"]["name"] == "usrsctp"
    assert "SCTPFFI_BACKEND" in facts["default"]["why"]
    usable = {item["name"]: item["usable"] for item in facts["backends"]}
    assert facts["default"]["usable"] is usable["usrsctp"]
    for item in facts["backends"]:
        assert bool(item["reason"]) is not item["usable"]


def test_info_unknown_backend(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`info` says so when SCTPFFI_BACKEND names no backend."""
    monkeypatch.setenv("SCTPFFI_BACKEND", "tcp")
    assert cli.main(["info"]) == 0
    assert "there is no such backend" in " ".join(capsys.readouterr().out.split())


def test_info_nothing_built(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`info` works where no backend was built."""

    def load(name: str) -> backends.Backend:
        raise sctpffi.BackendUnavailable(name, {name: "not built: no compiler"})

    monkeypatch.setattr(backends, "load", load)
    monkeypatch.delenv("SCTPFFI_BACKEND", raising=False)
    assert cli.main(["info"]) == 0
    out = capsys.readouterr().out
    assert out.count("not built: no compiler") == len(backends.NAMES)
    assert "No backend can be used here" in " ".join(out.split())


# -- demo, from end to end


def test_demo(tree: Path, tmp_path: Path, stack: str) -> None:
    """The demo sends every kind of file, shows all it promises, and every SHA-256 agrees."""
    status, out, errors = sctpffi_command(
        "demo", str(tree), "--backend", stack, "--verbose", "--streams", "4", cwd=tmp_path
    )
    assert (status, errors) == (0, ""), out + errors
    first = out.splitlines()[0]
    assert demo.TITLES[stack] in first
    for name, content in CONTENTS.items():
        line = next(line for line in out.splitlines() if line.endswith(name))
        assert line.split()[:2] == ["ok", hashlib.sha256(content).hexdigest()[:16]]
    assert [row[0] for row in table(out, "stream ")] == ["0", "1", "2", "3", "all"]
    total = table(out, "stream ")[-1]
    assert int(total[2]) > 0, "some are unordered"
    assert not re.search(r"^ +0 messages larger than the path MTU", out, re.MULTILINE)
    assert all("ACTIVE" in row[1] for row in table(out, "to "))
    assert out.count("COMM_UP: 4 streams out, 4 in") == 2
    assert out.count("SHUTDOWN_COMP") == 2
    assert out.splitlines()[-1].startswith(f"All {len(CONTENTS)} files arrived intact")
    assert "\033" not in out
    assert "\r" not in out
    assert max(map(len, out.splitlines()[1:])) <= demo_show.WIDTH + len(str(tree))


def table(out: str, start: str) -> List[List[str]]:
    """The rows below a table's head that starts so, split at blanks."""
    lines = out.splitlines()
    first = next(i for i, line in enumerate(lines) if line.strip().startswith(start)) + 1
    rows = []
    while lines[first].startswith("  "):
        rows.append(lines[first].split())
        first += 1
    return rows


def test_demo_chooses(tree: Path) -> None:
    """Without --backend the demo takes the kernel if it can, else usrsctp, and says which in its first line."""
    kernel = backends.kernel_name()
    best = kernel if kernel and backends.probe(kernel).usable else "usrsctp"
    status, out, errors = sctpffi_command("demo", str(tree))
    assert status == 0, errors
    assert f"demo on {demo.TITLES[best]}" in out.splitlines()[0]


def test_demo_asked_by_environment(tree: Path, stack: str) -> None:
    """SCTPFFI_BACKEND is obeyed, and the first line says so."""
    status, out, errors = sctpffi_command("demo", str(tree), SCTPFFI_BACKEND=stack)
    assert status == 0, errors
    assert "asked for by SCTPFFI_BACKEND" in out.splitlines()[0]


def test_demo_small_files(tmp_path: Path, stack: str) -> None:
    """A directory of tiny files gets a made-up one, so that fragmentation is seen; the output says so."""
    (tmp_path / "tiny").write_bytes(b"1")
    status, out, errors = sctpffi_command("demo", str(tmp_path), "--backend", stack)
    assert status == 0, errors
    assert "made-up file" in out
    assert out.splitlines()[-1].startswith("All 2 files arrived intact")


def test_demo_own_sources() -> None:
    """Without a directory the demo sends the project's sources, this package's among them."""
    plan = demo_files.collect(None, everything=False)
    assert any(os.path.basename(entry.name) == "demo_files.py" for entry in plan.entries)


def test_no_such_directory(tmp_path: Path) -> None:
    """A directory that is not there is one sentence and status 1."""
    status, _, errors = sctpffi_command("demo", str(tmp_path / "nowhere"))
    assert "there is no directory" in one_sentence(status, errors)


def test_not_a_directory(tmp_path: Path) -> None:
    """A file in the place of the directory is one sentence and status 1."""
    (tmp_path / "file").write_text("x")
    status, _, errors = sctpffi_command("demo", str(tmp_path / "file"))
    assert "is not a directory" in one_sentence(status, errors)


def test_empty_directory(tmp_path: Path) -> None:
    """A directory without files is one sentence and status 1."""
    status, _, errors = sctpffi_command("demo", str(tmp_path))
    assert "no file to send" in one_sentence(status, errors)


def test_unusable_backend(tree: Path) -> None:
    """A backend that can't be used is one sentence with the reason, and status 1; another is not taken instead."""
    other = "freebsd" if backends.kernel_name() == "linux" else "linux"
    status, _, errors = sctpffi_command("demo", str(tree), "--backend", other)
    assert f"backend {other!r} can't be used here: not built" in one_sentence(status, errors)


def test_unknown_backend_in_environment(tree: Path) -> None:
    """A bogus SCTPFFI_BACKEND is one sentence that lists the backends."""
    status, _, errors = sctpffi_command("demo", str(tree), SCTPFFI_BACKEND="tcp")
    assert "there is no backend 'tcp'; there are linux, freebsd, usrsctp" in one_sentence(status, errors)


def started(heavy: Path, stack: str) -> Tuple[subprocess.Popen[str], int]:
    """A demo in the midst of sending, and its server's process id."""
    process = subprocess.Popen(
        command("demo", str(heavy), "--backend", stack),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        encoding="utf-8",
    )
    assert process.stdout is not None
    server = 0
    for line in process.stdout:
        found = re.match(r"server +process (\d+)", line)
        server = int(found.group(1)) if found else server
        if SENDING.search(line):
            return process, server
    raise AssertionError(process.communicate()[1])


def test_interrupted(heavy: Path, stack: str) -> None:
    """Ctrl-C ends both processes, says so in one line, and gives status 130."""
    process, server = started(heavy, stack)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == cli.INTERRUPTED
    assert errors.split() == ["sctpffi", "demo:", "interrupted"]
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_server_dies(heavy: Path, stack: str) -> None:
    """A server that is killed while it receives is one sentence and status 1, within seconds."""
    process, server = started(heavy, stack)
    os.kill(server, signal.SIGKILL)
    _, errors = process.communicate(timeout=LIMIT_S)
    assert f"the server process {server} was killed by SIGKILL" in one_sentence(process.returncode, errors)


def test_server_ends_with_its_parent(stack: str) -> None:
    """A server whose parent is gone does not live on."""
    process = subprocess.Popen(
        demo_process.server_command(stack, 2),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        assert "ready" in json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(LIMIT_S) != 0


def test_output_closed(tree: Path, stack: str) -> None:
    """When whoever reads the output has gone away the demo ends without a traceback."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        command("demo", str(tree), "--backend", stack),
        stdout=write_end,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=LIMIT_S,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (cli.BROKEN_PIPE, b"")


# -- the server as a process


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit(3)", "ended with status 3"),
        ("import sys; sys.exit('no such luck')", "ended with status 1: no such luck"),
        ('print(\'{"error": "out of luck"}\')', "gave up: out of luck"),
        ("print('nonsense')", "ended with status 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "was killed by SIGTERM"),
    ],
)
def test_server_never_ready(code: str, told: str) -> None:
    """A server that ends before it is ready is an error that tells how it ended."""
    server = demo_process.ServerProcess([sys.executable, "-c", code])
    try:
        with pytest.raises(DemoError, match=re.escape(told)):
            server.take("ready", LIMIT_S)
    finally:
        server.stop()


def test_server_silent() -> None:
    """A server that says nothing is given up after its time, and ended."""
    server = demo_process.ServerProcess([sys.executable, "-c", "import sys; sys.stdin.read()"])
    try:
        with pytest.raises(DemoError, match="said nothing"):
            server.take("ready", 0.05)
        server.check()
    finally:
        server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


# -- sender and receiver, without a stack between them

Posted = Tuple[bytes, int, int, bool]


class Line:
    """Messages from a sender, to be given to a receiver in any order, as they are or changed."""

    def __init__(self, entries: List[Entry], streams: int = 3, mtu: int = 1460) -> None:
        self.posted: List[Posted] = []
        self.sender = Sender(lambda *message: self.posted.append(message), streams, mtu)
        self.sent = [self.sender.send_file(number, entry, lambda _: None) for number, entry in enumerate(entries)]
        self.sender.finish()

    def deliver(self, order: Callable[[List[Posted]], List[Posted]] = lambda posted: posted) -> Dict[str, Any]:
        """Bring everything to a receiver; its report."""
        receiver = demo_server.Receiver()
        ssns: Dict[int, int] = {}
        for data, stream, ppid, unordered in order(self.posted):
            ssn = 0 if unordered else ssns.get(stream, 0)
            ssns[stream] = ssns.get(stream, 0) + (not unordered)
            flags = MsgFlag.EOR | (MsgFlag.UNORDERED if unordered else 0)
            receiver.take(Message(data, stream, ssn, ppid, 0, 0, int(flags), 0, 1, (0, 0, 0, b"")))
        assert receiver.complete
        return receiver.report()

    def verdicts(self, report: Dict[str, Any]) -> List[bool]:
        """Which files agree."""
        return [verdict.same for verdict in demo_compare.compare_files(self.sent, report)]


@pytest.fixture
def line(tree: Path) -> Line:
    """The tree's files, cut into messages."""
    return Line(demo_files.collect(str(tree), everything=False).entries)


def test_in_memory(line: Line) -> None:
    """What is cut up by the sender is whole again at the receiver, and the streams' counts agree."""
    report = line.deliver()
    assert line.verdicts(report) == [True] * len(CONTENTS)
    assert demo_compare.compare_streams(line.sender.tallies, report) == []


def test_any_order(line: Line) -> None:
    """Pieces that arrive before their file's header, or backwards, are put in place."""
    assert all(line.verdicts(line.deliver(lambda posted: posted[::-1])))


def changed(posted: List[Posted], where: int, change: Callable[[bytearray], None]) -> List[Posted]:
    """The same messages with one of them changed."""
    data, *rest = posted[where]
    copy = bytearray(data)
    change(copy)
    return [*posted[:where], (bytes(copy), *rest), *posted[where + 1 :]]  # type: ignore[list-item]  # star of a tuple


def _flip_last(data: bytearray) -> None:
    data[-1] ^= 1


def test_corrupted_byte(line: Line) -> None:
    """One bit that differs at the far end makes its file differ, and only that."""
    chunk = next(i for i, posted in enumerate(line.posted) if demo_wire.unpack(posted[0])[0].kind is Kind.CHUNK)
    number = demo_wire.unpack(line.posted[chunk][0])[0].file_id
    report = line.deliver(lambda posted: changed(posted, chunk, _flip_last))
    assert [n for n, same in enumerate(line.verdicts(report)) if not same] == [number]


def test_wrong_stream_and_ppid(line: Line) -> None:
    """A message that arrives with another PPID or on another stream than it was sent is a problem."""
    data, stream, ppid, unordered = line.posted[0]
    report = line.deliver(lambda posted: [(data, stream + 1, ppid + 1, unordered), *posted[1:]])
    text = " ".join(demo_compare.compare_streams(line.sender.tallies, report))
    assert f"stream {stream} arrived as {stream + 1}" in text
    assert f"PPID {ppid} arrived as {ppid + 1}" in text


def test_twice_and_missing(line: Line) -> None:
    """A message that comes twice in the place of another is a problem, and the file of the lost one differs."""
    chunks = [i for i, posted in enumerate(line.posted) if demo_wire.unpack(posted[0])[0].kind is Kind.CHUNK]
    lost, twice = chunks[1], chunks[2]
    report = line.deliver(lambda posted: [*posted[:lost], posted[twice], *posted[lost + 1 :]])
    assert not all(line.verdicts(report))
    assert any("came twice" in text for text in report["problems"])


def test_gap_in_ssns() -> None:
    """An SSN that is not the next one is told, and the wrap after 65535 is none."""
    tally = Tally()
    assert tally.follow(0) is None
    assert tally.follow(2) == "SSN 2 came where 1 was due"
    tally.last_ssn = 65535
    assert tally.follow(0) is None


def test_missing_file() -> None:
    """A file that the receiver never saw, or not whole, differs."""
    sent = [Sent("a", 3, "aa"), Sent("b", 3, "bb"), Sent("c", 3, "cc")]
    files = [
        {"id": 0, "name": "a", "bytes": 3, "sha256": "aa"},
        {"id": 2, "name": "c", "bytes": 2, "sha256": None},
    ]
    assert [v.arrived for v in demo_compare.compare_files(sent, {"files": files})] == ["aa", None, None]


def test_judgement() -> None:
    """The exit status is 0 only if every file agrees and no stream has a problem."""
    same = demo_compare.Verdict(Sent("a", 1, "aa"), "aa")
    differs = demo_compare.Verdict(Sent("b", 1, "bb"), "cc")
    out = io.StringIO()
    screen = demo_show.Screen(True, out)
    assert demo.judge(screen, [same], []) == 0
    assert demo.judge(screen, [same, differs], []) == 1
    assert demo.judge(screen, [same], ["stream 1: lost"]) == 1
    demo_show.show_files(screen, [same, differs], verbose=False)
    assert "DIFFERS  b" in out.getvalue()
    assert "1 of 2 files differ" in out.getvalue()


def test_foreign_message() -> None:
    """Bytes that are no message of the demo's are refused by name."""
    with pytest.raises(demo_wire.WireError, match="shorter"):
        demo_wire.unpack(b"x")
    with pytest.raises(demo_wire.WireError, match="kind 0"):
        demo_wire.unpack(bytes(demo_wire.HEAD_BYTES))


def test_head_round_trip() -> None:
    """A head comes back from its bytes as it was."""
    head = Head(Kind.CHUNK, True, 65535, 0xFFFFFFFF, 7, 1 << 40)
    assert demo_wire.unpack(head.pack() + b"rest") == (head, b"rest")


@pytest.mark.parametrize("mtu", [1220, 1460, 16352, 65532])
@pytest.mark.parametrize("streams", [1, 2, 3, 4, 5, 7, 8])
def test_every_kind_of_message(mtu: int, streams: int) -> None:
    """Every stream carries unordered messages, ordered ones, and some above the path MTU, on every stack."""
    line = Line([demo_files.made_up(60 * large_chunk(mtu))], streams, mtu)
    assert len(line.sender.tallies) == streams
    for tally in line.sender.tallies.values():
        assert 0 < tally.unordered < tally.messages / 2
        assert tally.largest > mtu
    assert line.verdicts(line.deliver()) == [True]


@pytest.mark.parametrize("mtu", [1220, 1460, 16352, 65532])
def test_made_up_file_suffices(mtu: int) -> None:
    """The made-up file alone is enough for an unordered message and one above the path MTU."""
    line = Line([demo_files.made_up(4 * large_chunk(mtu))], 8, mtu)
    assert line.sender.over_mtu > 0
    assert sum(tally.unordered for tally in line.sender.tallies.values()) > 0


def test_file_that_shrinks(tmp_path: Path) -> None:
    """A file that became shorter since it was listed ends the demo with its name."""
    (tmp_path / "log").write_bytes(b"12")
    with pytest.raises(DemoError, match="log became shorter"):
        Line([Entry("log", str(tmp_path / "log"), 3)])


def test_file_that_vanishes(tmp_path: Path) -> None:
    """A file that can't be read ends the demo with its name."""
    with pytest.raises(DemoError, match="cannot read gone"):
        Line([Entry("gone", str(tmp_path / "gone"), 3)])


# -- which files


def test_left_out(tree: Path) -> None:
    """Version control, build products, links and what is no file are left out; --all brings the first two back."""
    for name in (".git/config", "__pycache__/x.pyc", "module.so"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("x")
    (tree / "link").symlink_to(tree / "empty")
    os.mkfifo(tree / "fifo")
    plan = demo_files.collect(str(tree), everything=False)
    assert {entry.name for entry in plan.entries} == set(CONTENTS)
    assert plan.left_out == [".git", "__pycache__", "1 *.so"]
    everything = demo_files.collect(str(tree), everything=True)
    assert len(everything.entries) == len(CONTENTS) + 3
    assert everything.left_out == []


def test_limit(tmp_path: Path) -> None:
    """More than 64 MiB is sent only with --all, and what is left out is told."""
    for name in ("a", "b"):
        with open(tmp_path / name, "wb") as file:
            file.truncate(40 << 20)
    plan = demo_files.collect(str(tmp_path), everything=False)
    assert [entry.name for entry in plan.entries] == ["a"]
    assert plan.left_out == ["1 beyond 64 MiB"]
    assert len(demo_files.collect(str(tmp_path), everything=True).entries) == 2


def test_nothing_but_products(tmp_path: Path) -> None:
    """A directory of build products alone has nothing to send, and the error says what was left out."""
    (tmp_path / "build").mkdir()
    with pytest.raises(DemoError, match="left out: build; --all sends them"):
        demo_files.collect(str(tmp_path), everything=False)


# -- how it looks


def test_names_do_not_drive_the_terminal() -> None:
    """Control characters and undecodable bytes in a file's name are shown escaped."""
    assert demo_files.shown("a\033[2Jb\n\udcff é") == "a\\x1b[2Jb\\n\\udcff é"


class Terminal(io.StringIO):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_progress_is_live_on_terminals_only() -> None:
    """The bar is drawn and wiped on a terminal, and never elsewhere."""
    terminal, pipe = Terminal(), io.StringIO()
    for out in (terminal, pipe):
        screen = demo_show.Screen(True, out)
        demo_show.Progress(screen, 100).add(50)
        screen.wipe()
    assert "50%" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\033[K")
    assert pipe.getvalue() == ""


@pytest.mark.parametrize(("no_color", "option", "colored"), [("", True, True), ("1", True, False), ("", False, False)])
def test_colors(
    no_color: str, option: bool, colored: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Colours appear on terminals, unless NO_COLOR or --no-color says otherwise."""
    monkeypatch.setenv("NO_COLOR", no_color)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    demo.screen_for(demo.Options(color=option)).heading("text")
    assert ("\033[1m" in terminal.getvalue()) is colored


def test_notifications_in_words() -> None:
    """Each notification of an association's life is told in one line."""
    up = AssocChange(1, None, AssocChangeState.COMM_UP, Cause.NONE, 8, 9, None, b"")
    lost = AssocChange(1, None, AssocChangeState.COMM_LOST, Cause.USER_INITIATED_ABORT, None, None, None, b"")
    path = PeerAddrChange(1, None, sctpffi.Address("::1", 5), sctpffi.PeerAddrState.CONFIRMED, 0)
    assert demo_wire.describe(up) == "COMM_UP: 8 streams out, 9 in"
    assert demo_wire.describe(lost) == "COMM_LOST: USER_INITIATED_ABORT"
    assert demo_wire.describe(path) == "PEER_ADDR_CHANGE: ::1 is CONFIRMED"
    assert demo_wire.describe(ShutdownEvent(1, None)).startswith("SHUTDOWN_EVENT")


def test_default_is_the_checkout_in_which_it_is_started(tmp_path, monkeypatch):
    """Without DIR the demo sends the checkout that is the current directory, else the package's own files."""
    monkeypatch.setattr(demo_files.sctpffi, "__file__", str(tmp_path / "lib" / "sctpffi" / "__init__.py"))
    monkeypatch.chdir(tmp_path)
    assert demo_files.default_root() == str((tmp_path / "lib" / "sctpffi").resolve())
    (tmp_path / "csrc").mkdir()
    (tmp_path / "csrc" / "sfi.h").touch()
    (tmp_path / "pyproject.toml").touch()
    assert demo_files.default_root() == str(tmp_path)
