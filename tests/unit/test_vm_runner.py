"""tools/vm/run.py: the scripts that it writes, and what it says when something is missing.

No kernel is booted here; tests/kernel and the tox environments do that.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .loading import load_by_path

run = load_by_path("vm_run", "tools", "vm", "run.py")


def sh_accepts(script):
    """Whether the shell can parse a script."""
    return subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True).returncode == 0


def test_setup_brings_up_the_loopback():
    """A fresh namespace gets lo up and the two more addresses that multi-homed tests want."""
    lines = run.setup_lines([])
    assert lines[0] == "ip link set lo up"
    assert [line.split()[3] for line in lines[1:]] == ["127.0.0.2/8", "127.0.0.3/8"]
    assert all(line.endswith("|| true") for line in lines[1:])


def test_mtu_of_the_loopback():
    """--mtu is lo's; without it lo has the kernel's."""
    assert run.setup_lines([], 1500)[0] == "ip link set lo up mtu 1500"
    assert "mtu" not in "".join(run.setup_lines([]))


def test_sysctls_become_writes():
    """Each name=value is written to the file that its dotted name means; the value may hold = signs."""
    lines = run.setup_lines(["net.sctp.auth_enable=1", "net.sctp.rto_min=a=b"])
    assert lines[-2:] == [
        "echo 1 > /proc/sys/net/sctp/auth_enable",
        "echo a=b > /proc/sys/net/sctp/rto_min",
    ]


def test_sysctls_are_quoted():
    """A value is a value, whatever the shell would make of it."""
    (line,) = run.setup_lines(["net.sctp.x=1; touch /tmp/$(id)"])[3:]
    assert line == "echo '1; touch /tmp/$(id)' > /proc/sys/net/sctp/x"


@pytest.mark.parametrize("item", ["net.sctp.auth_enable", "=1", ""])
def test_sysctl_without_a_name_or_value_is_an_argument_error(item, capsys, monkeypatch):
    """--sysctl wants name=value; anything else ends with status 2 before a kernel is started."""
    monkeypatch.setattr(run, "run_host", lambda *arguments: 0)
    with pytest.raises(SystemExit) as caught:
        run.main(["--runner", "host", "--sysctl", item, "--", "true"])
    assert caught.value.code == 2
    assert "--sysctl" in capsys.readouterr().err


def test_init_script_runs_the_command_after_the_setup(monkeypatch):
    """The guest's first process mounts, sets up, says it is up, runs the command, keeps its status, powers off."""
    monkeypatch.chdir("/")
    script = run.init_script(Path("/f"), ["echo", "a b", "$HOME"], run.setup_lines(["net.sctp.x=1"]), {"PATH": "/bin"})
    lines = script.splitlines()
    wanted = [
        "#!/bin/sh",
        "export PATH=/bin",
        "mount -t proc proc /proc",
        "ip link set lo up",
        "echo 1 > /proc/sys/net/sctp/x",
        "cd /",
        "touch /f/up",
        "echo 'a b' '$HOME' </dev/null >/f/output 2>&1",
        "echo $? >/f/status.part; mv /f/status.part /f/status",
    ]
    places = [lines.index(line) for line in wanted]
    assert places == sorted(places)
    assert "reboot" in lines[-1]
    assert script.endswith("\n")
    assert sh_accepts(script)


def test_init_script_loads_every_module():
    """The modules are those that the tests need, and one that is missing is told, not passed over."""
    script = run.init_script(Path("/f"), ["true"], [], {})
    assert f"for m in {' '.join(run.MODULES)}; do" in script
    assert {"sctp", "sctp_diag"} <= set(run.MODULES)
    assert 'echo "no module $m" >&2' in script


def test_init_script_quotes_the_environment():
    """Values of the environment are passed as they are; names that no shell takes are left out."""
    env = {"A": "it's $HOME", "BASH_FUNC_x%%": "() { :; }", "B": ""}
    script = run.init_script(Path("/f"), ["true"], [], env)
    assert "export A='it'\"'\"'s $HOME'" in script
    assert "export B=''" in script
    assert "BASH_FUNC" not in script
    assert sh_accepts(script)


def test_guest_environment(monkeypatch):
    """The guest has the host's environment without what would mislead it, and the system's directories in PATH."""
    for name in run.NOT_PASSED:
        monkeypatch.setenv(name, "misleading")
    monkeypatch.setenv("PATH", "/venv/bin")
    monkeypatch.setenv("SCTPFFI_EXPECT_BACKENDS", "linux")
    monkeypatch.delenv("HOME", raising=False)
    env = run.guest_env()
    assert not run.NOT_PASSED & set(env)
    assert env["PATH"].split(":")[0] == "/venv/bin"
    assert {"/sbin", "/usr/sbin"} <= set(env["PATH"].split(":"))
    assert env["SCTPFFI_EXPECT_BACKENDS"] == "linux"
    assert env["HOME"] == "/root"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--runner", "host"],
        ["--runner", "host", "--"],
        ["--runner", "qemu", "--", "true"],
        ["--", "true"],
        ["--runner", "host", "--timeout", "soon", "--", "true"],
        ["--runner", "host", "--no-such-option", "--", "true"],
    ],
    ids=" ".join,
)
def test_bad_arguments_are_refused(arguments, monkeypatch, capsys):
    """Wrong arguments end with status 2 and a message, and nothing is run."""
    monkeypatch.setattr(run, "run_host", None)
    monkeypatch.setattr(run, "run_uml", None)
    with pytest.raises(SystemExit) as caught:
        run.main(arguments)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("dashes", [["--"], []])
def test_command_is_what_follows(dashes, monkeypatch):
    """The command, with all its options, is what follows; its status is the runner's."""
    seen = []
    monkeypatch.setattr(run, "run_host", lambda *arguments: seen.append(arguments) or 7)
    options = ["--runner", "host", "--sysctl", "a=1", "--sysctl", "b=2", "--mtu", "1500", "--timeout", "5"]
    assert run.main([*options, *dashes, "pytest", "-k", "--x"]) == 7
    assert seen == [(["pytest", "-k", "--x"], run.setup_lines(["a=1", "b=2"], 1500), 5.0)]


def test_user_mode_kernel_gets_its_memory(monkeypatch):
    """--memory reaches the user-mode kernel."""
    seen = []
    monkeypatch.setattr(run, "run_uml", lambda *arguments: seen.append(arguments) or 0)
    assert run.main(["--runner", "uml", "--memory", "512M", "--", "true"]) == 0
    assert seen == [(["true"], run.setup_lines([]), 900, "512M")]


def test_runner_trouble_is_status_125(monkeypatch, capsys):
    """A kernel that can't be had is status 125 with a message, so that it is never taken for the command's failure."""

    def fail(*arguments):
        raise run.RunnerError("no kernel today")

    monkeypatch.setattr(run, "run_uml", fail)
    assert run.main(["--runner", "uml", "--", "true"]) == run.FAILED == 125
    assert capsys.readouterr().err == "run.py: no kernel today\n"


@pytest.mark.parametrize(
    ("missing", "package"), [("linux.uml", "user-mode-linux"), ("modprobe", "kmod"), ("ip", "iproute2")]
)
def test_missing_tools_name_their_package(monkeypatch, missing, package):
    """A tool that is missing is told with the package to install."""
    monkeypatch.setattr(shutil, "which", lambda tool, path=None: None if tool == missing else f"/bin/{tool}")
    with pytest.raises(run.RunnerError, match=f"{missing} is missing: install Debian's package {package}"):
        run.uml_release()


def test_missing_modules_name_their_package(monkeypatch, tmp_path):
    """A user-mode kernel without its modules is told with the package to install."""
    monkeypatch.setattr(shutil, "which", lambda tool, path=None: f"/bin/{tool}")
    for folder in (tmp_path, tmp_path / "none"):
        monkeypatch.setattr(run, "UML_MODULES", folder)
        with pytest.raises(run.RunnerError, match="no modules in .*user-mode-linux"):
            run.uml_release()


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
    assert run.finish(process, 5) == 124
    assert process.signals == [run.signal.SIGTERM] + ["kill"] * stubborn
    assert "ended after 5 s" in capsys.readouterr().err


def test_command_in_time_keeps_its_status():
    """A command that ends in time gives its status."""
    process = Process(False)
    process.done = True
    assert run.finish(process, 5) == -15


def test_console_end_is_the_last_lines(tmp_path):
    """Of a console only the end is shown, bytes that are no text included."""
    (tmp_path / "console").write_bytes(b"".join(b"line %d\n" % n for n in range(100)) + b"\xff panic\n")
    text = run.console_end(tmp_path)
    assert text.splitlines()[0] == "line 76"
    assert text.endswith("\ufffd panic")
