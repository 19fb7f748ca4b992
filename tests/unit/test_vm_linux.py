"""tools/vm: the runners `host` and `uml`, and what all Linux kernels share: scripts, environment, what is told.

No kernel is booted here; the tox environments do that.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .loading import load_runners

vm = load_runners("guest", "linux_guest", "host", "uml")
UML_END = ["the end"]


def sh_accepts(script):
    """Whether the shell can parse a script."""
    return subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True).returncode == 0


def init_script(command=("true",), sysctls=(), env=None, folder="/f"):
    """A first process as the user-mode kernel gets it."""
    job = vm.guest.Job(command, sysctls)
    return vm.linux_guest.init_script(Path(folder), job, env or {}, vm.uml.device_lines(), UML_END)


# -- scripts


def test_setup_brings_up_the_loopback():
    """A fresh namespace gets lo up and the two more addresses that multi-homed tests want."""
    lines = vm.linux_guest.setup_lines(vm.guest.Job([]))
    assert lines[0] == "ip link set lo up"
    assert [line.split()[3] for line in lines[1:]] == ["127.0.0.2/8", "127.0.0.3/8"]
    assert all(line.endswith("|| true") for line in lines[1:])


def test_mtu_of_the_loopback():
    """--mtu is that of lo; without it, lo keeps its own."""
    assert vm.linux_guest.setup_lines(vm.guest.Job([], mtu=1500))[0] == "ip link set lo up mtu 1500"


def test_sysctls_become_writes():
    """Each name=value is written to the file that its dotted name means; the value may hold = signs."""
    lines = vm.linux_guest.setup_lines(vm.guest.Job([], ["net.sctp.auth_enable=1", "net.sctp.rto_min=a=b"]))
    assert lines[-2:] == [
        "echo 1 > /proc/sys/net/sctp/auth_enable",
        "echo a=b > /proc/sys/net/sctp/rto_min",
    ]


def test_sysctls_are_quoted():
    """A value is a value, whatever the shell would make of it."""
    (line,) = vm.linux_guest.setup_lines(vm.guest.Job([], ["net.sctp.x=1; touch /tmp/$(id)"]))[3:]
    assert line == "echo '1; touch /tmp/$(id)' > /proc/sys/net/sctp/x"


def test_init_script_runs_the_command_after_the_setup(monkeypatch):
    """The guest's first process mounts, sets up, says it is up, runs the command, keeps its status, powers off."""
    monkeypatch.chdir("/")
    script = init_script(["echo", "a b", "$HOME"], ["net.sctp.x=1"], {"PATH": "/bin"})
    lines = script.splitlines()
    wanted = [
        "#!/bin/sh",
        "export PATH=/bin",
        "mount -t proc proc /proc",
        "mount -t tmpfs tmpfs /dev",
        "mknod -m 666 /dev/null c 1 3",
        "ip link set lo up",
        "echo 1 > /proc/sys/net/sctp/x",
        "cd /",
        "touch /f/up",
        "echo 'a b' '$HOME' </dev/null >/f/output 2>&1",
        "echo $? >/f/status.part; mv /f/status.part /f/status",
        "sync",
        "the end",
    ]
    places = [lines.index(line) for line in wanted]
    assert places == sorted(places)
    assert script.endswith("the end\n")
    assert sh_accepts(script)


def test_user_mode_linux_ends_by_a_system_call():
    """The user-mode kernel is ended by Python, as there need be no halt(8) on this machine."""
    assert "reboot" in vm.uml.power_off()
    assert sh_accepts(vm.uml.power_off())


def test_init_script_loads_every_module():
    """The modules are those that the tests need, and one that is missing is told, not passed over."""
    script = init_script()
    assert f"for m in {' '.join(vm.linux_guest.MODULES)}; do" in script
    assert {"sctp", "sctp_diag"} <= set(vm.linux_guest.MODULES)
    assert 'echo "no module $m" >&2' in script


def test_init_script_quotes_the_environment():
    """Values of the environment are passed as they are; names that no shell takes are left out."""
    script = init_script(env={"A": "it's $HOME", "BASH_FUNC_x%%": "() { :; }", "B": ""})
    assert "export A='it'\"'\"'s $HOME'" in script
    assert "export B=''" in script
    assert "BASH_FUNC" not in script
    assert sh_accepts(script)


def test_guest_environment(monkeypatch):
    """The guest has the host's environment without what would mislead it, and the system's directories in PATH."""
    for name in vm.linux_guest.NOT_PASSED:
        monkeypatch.setenv(name, "misleading")
    monkeypatch.setenv("PATH", "/venv/bin")
    monkeypatch.setenv("SCTPFFI_EXPECT_BACKENDS", "linux")
    monkeypatch.delenv("HOME", raising=False)
    env = vm.linux_guest.guest_env()
    assert not vm.linux_guest.NOT_PASSED & set(env)
    assert env["PATH"].split(":")[0] == "/venv/bin"
    assert {"/sbin", "/usr/sbin"} <= set(env["PATH"].split(":"))
    assert env["SCTPFFI_EXPECT_BACKENDS"] == "linux"
    assert env["HOME"] == "/root"


# -- jobs and their results


def test_a_release_stands_for_the_kernels_name():
    """@KERNEL@ in the command and in names of files becomes the release, so that results of two kernels stay apart."""
    job = vm.guest.Job(["pytest", "--junitxml=/r/@KERNEL@.xml"], bring=[("@KERNEL@.xml", Path("/out/@KERNEL@.xml"))])
    found = job.on("6.1.0-1")
    assert found.command == ["pytest", "--junitxml=/r/6.1.0-1.xml"]
    assert found.bring == [("6.1.0-1.xml", Path("/out/6.1.0-1.xml"))]


def test_files_are_brought(tmp_path):
    """What the command left is copied to where it is wanted; a file that is there already is no mistake."""
    (tmp_path / "a.xml").write_text("a")
    job = vm.guest.Job(["true"], bring=[("a.xml", tmp_path / "b.xml"), ("a.xml", tmp_path / "a.xml")])
    vm.guest.bring_here(job, tmp_path, 0)
    assert (tmp_path / "b.xml").read_text() == "a"


def test_file_that_did_not_come(tmp_path, capsys):
    """A file that is missing is an error after a command that ended well, and a remark after one that failed."""
    job = vm.guest.Job(["true"], bring=[("a.xml", tmp_path / "b.xml")])
    with pytest.raises(vm.guest.RunnerError, match="left no a.xml"):
        vm.guest.bring_here(job, tmp_path, 0)
    vm.guest.bring_here(job, tmp_path, 3)
    assert "left no a.xml" in capsys.readouterr().err


# -- consoles


def test_console_end_is_the_last_lines(tmp_path):
    """Of a console only the end is shown, bytes that are no text included, what moves the cursor not."""
    lines = b"".join(b"line %d\r\n\r\n" % n for n in range(100))
    (tmp_path / "console").write_bytes(lines + b"\x1b[31;1m\xff panic\x1b[0m\x07\r\n")
    shown = vm.guest.last_lines(tmp_path / "console")
    assert shown[0] == "line 41"
    assert shown[-1] == "\ufffd panic"
    assert len(shown) == vm.guest.SHOWN == 60


def test_error_of_a_guest_has_its_console(tmp_path):
    """The error says what went wrong, what the machine said and what the console showed; or that it showed nothing."""
    console, log = tmp_path / "console", tmp_path / "log"
    assert str(vm.guest.with_console("it hung", console, log)) == "it hung its console is empty"
    console.write_text("booting\npanic: oh\n")
    assert str(vm.guest.with_console("it hung", console, log)) == "it hung; the end of the console:\nbooting\npanic: oh"
    log.write_text("no such disk\n")
    text = str(vm.guest.with_console("it hung", console, log))
    assert text.splitlines()[:2] == ["it hung; the machine said:", "no such disk"]
    assert text.endswith("panic: oh")


# -- what is missing


@pytest.mark.parametrize(
    ("missing", "package"), [("linux.uml", "user-mode-linux"), ("modprobe", "kmod"), ("ip", "iproute2")]
)
def test_missing_tools_name_their_package(monkeypatch, missing, package):
    """A tool that is missing is told with the package to install."""
    monkeypatch.setattr(shutil, "which", lambda tool, path=None: None if tool == missing else f"/bin/{tool}")
    with pytest.raises(vm.guest.RunnerError, match=f"{missing} is missing: install Debian's package {package}"):
        vm.uml.Uml().prepare()


def test_missing_modules_name_their_package(monkeypatch, tmp_path):
    """A user-mode kernel without its modules is told with the package to install."""
    monkeypatch.setattr(shutil, "which", lambda tool, path=None: f"/bin/{tool}")
    for folder in (tmp_path, tmp_path / "none"):
        monkeypatch.setattr(vm.uml, "UML_MODULES", folder)
        with pytest.raises(vm.guest.RunnerError, match="no modules in .*user-mode-linux"):
            vm.uml.Uml().prepare()


# -- waiting


class Process:
    """A command that goes on until it is killed, or until it is asked to end."""

    def __init__(self, stubborn) -> None:
        self.stubborn, self.done = stubborn, False
        self.signals = []

    def wait(self, timeout=None):
        """Wait for it, in no time."""
        if not self.done:
            raise subprocess.TimeoutExpired("command", timeout)
        return -15

    def send_signal(self, number):
        """Ask it to end."""
        self.signals.append(number)
        self.done = not self.stubborn

    def kill(self):
        """Make it end."""
        self.signals.append("kill")
        self.done = True


@pytest.mark.parametrize("stubborn", [False, True])
def test_command_that_takes_too_long_is_ended(stubborn, capsys):
    """A command that takes too long is asked to end, then killed, and its status is 124, as timeout(1) has it."""
    process = Process(stubborn)
    assert vm.host.finish(process, 5) == 124
    assert process.signals == [vm.host.signal.SIGTERM] + ["kill"] * stubborn
    assert "ended after 5 s" in capsys.readouterr().err


def test_command_in_time_keeps_its_status():
    """A command that ends in time gives its status."""
    process = Process(False)
    process.done = True
    assert vm.host.finish(process, 5) == -15


class Guest:
    """A guest that does something each time that it is looked at, and ends with the last."""

    def __init__(self, *steps) -> None:
        self.steps = list(steps)

    def poll(self):
        """None while it runs."""
        self.steps.pop(0)()
        return None if self.steps else 0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a guest; a look at it takes a second of a clock that is not the real one."""
    clock = [100.0]
    monkeypatch.setattr(vm.linux_guest.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(vm.linux_guest.time, "sleep", lambda _: clock.__setitem__(0, clock[0] + 1))
    (tmp_path / "output").touch()
    return tmp_path


def nothing():
    """A guest that is busy."""


def test_watch_passes_on_to_the_end(folder, capsys):
    """What the command writes is passed on as it comes, to its last word; a guest that left a status is fine."""
    output = folder / "output"
    steps = [(folder / "up").touch, lambda: output.write_text("one\n"), (folder / "status").touch]
    guest = Guest(*steps, lambda: output.write_text("one\ntwo\n"))
    assert vm.linux_guest.watch(guest, folder, 10, 10) is None
    assert capsys.readouterr().out == "one\ntwo\n"


@pytest.mark.parametrize(
    ("steps", "trouble"),
    [
        ([nothing] * 99, "the kernel did not come up within 5 s"),
        ([nothing] * 3, "the kernel ended without a status (panic?)"),
        ([*[nothing] * 4, "up", *[nothing] * 99], "no end after 30 s"),
    ],
)
def test_watch_tells_what_went_wrong(folder, steps, trouble):
    """A kernel that doesn't come up, ends by itself or goes on for ever is told; the command's time begins with it."""
    guest = Guest(*((folder / step).touch if step == "up" else step for step in steps))
    assert vm.linux_guest.watch(guest, folder, 5, 30) == trouble
    if "no end" in trouble:
        assert len(guest.steps) == 99 - 31
