"""tools/vm/run.py: the command line, and what becomes of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .loading import ROOT, load_runners

vm = load_runners("guest", "run", "systems", "host", "uml", "qemu", "image", "machine")


class Fake:
    """A runner that keeps what it is asked to run."""

    def __init__(self, status=0, trouble=None) -> None:
        self.jobs, self.status, self.trouble = [], status, trouble

    def prepare(self):
        """Say what is missing."""
        if self.trouble:
            raise vm.guest.RunnerError(self.trouble)

    def run(self, job):
        """Keep it."""
        self.jobs.append(job)
        return self.status


@pytest.fixture
def fake(monkeypatch):
    """A runner in the place of all; the way to end us is left as it is."""
    found = Fake()
    monkeypatch.setattr(vm.run, "MAKERS", dict.fromkeys(vm.run.NAMES, lambda options, env: found))
    before = signal.getsignal(signal.SIGTERM)
    yield found
    signal.signal(signal.SIGTERM, before)


def made(*arguments, **env):
    """The runner that a command line makes."""
    options = vm.run.parser().parse_args(arguments)
    return vm.run.MAKERS[options.runner](options, env)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--runner", "host"],
        ["--runner", "host", "--"],
        ["--runner", "none", "--", "true"],
        ["--", "true"],
        ["--runner", "host", "--timeout", "soon", "--", "true"],
        ["--runner", "host", "--timeout", "0", "--", "true"],
        ["--runner", "host", "--timeout", "nan", "--", "true"],
        ["--runner", "host", "--no-such-option", "--", "true"],
        ["--runner", "host", "--bring", "a.xml", "--", "true"],
        ["--runner", "host", "--bring", "a.xml=", "--", "true"],
        ["--runner", "host", "--cpus", "many", "--", "true"],
    ],
    ids=" ".join,
)
def test_bad_arguments_are_refused(arguments, fake, capsys):
    """Wrong arguments end with status 2 and a message, and nothing is run."""
    with pytest.raises(SystemExit) as caught:
        vm.run.main(arguments)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err
    assert fake.jobs == []


@pytest.mark.parametrize("item", ["net.sctp.auth_enable", "=1", ""])
def test_sysctl_without_a_name_or_value_is_an_argument_error(item, fake, capsys):
    """--sysctl wants name=value; anything else ends with status 2 before a kernel is started."""
    with pytest.raises(SystemExit) as caught:
        vm.run.main(["--runner", "host", "--sysctl", item, "--", "true"])
    assert caught.value.code == 2
    assert "--sysctl" in capsys.readouterr().err


@pytest.mark.parametrize("dashes", [["--"], []])
def test_command_is_what_follows(dashes, fake):
    """The command, with all its options, is what follows; its status is the runner's."""
    fake.status = 7
    options = [
        "--runner",
        "uml",
        "--sysctl",
        "a=1",
        "--sysctl",
        "b=2",
        "--timeout",
        "5",
        "--bring",
        "x=/y=z",
        "--mtu",
        "9",
    ]
    assert vm.run.main([*options, *dashes, "pytest", "-k", "--x"]) == 7
    assert fake.jobs == [vm.guest.Job(["pytest", "-k", "--x"], ["a=1", "b=2"], 5.0, [("x", Path("/y=z"))], 9)]


def test_runner_trouble_is_status_125(fake, capsys):
    """A kernel that can't be had is status 125 with a message, so that it is never taken for the command's failure."""
    fake.trouble = "no kernel today"
    assert vm.run.main(["--runner", "uml", "--", "true"]) == vm.guest.FAILED == 125
    assert capsys.readouterr().err == "run.py: no kernel today\n"
    assert fake.jobs == []


def test_being_ended_leaves_nothing_behind(fake):
    """SIGTERM unwinds as an exception does, so that a machine which was started is ended too."""
    vm.run.main(["--runner", "host", "--", "true"])
    with pytest.raises(SystemExit) as caught:
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 128 + signal.SIGTERM


def test_defaults():
    """Without options each runner is as its own file says."""
    assert made("--runner", "host") == vm.host.Host()
    assert made("--runner", "uml") == vm.uml.Uml()
    assert made("--runner", "qemu") == vm.qemu.Qemu([])
    for system in vm.systems.SYSTEMS:
        assert made("--runner", system.name) == vm.image.Image(system, vm.image.Settings())


def test_user_mode_kernel_gets_its_memory():
    """--memory and --boot-timeout reach the user-mode kernel."""
    assert made("--runner", "uml", "--memory", "512M", "--boot-timeout", "9") == vm.uml.Uml("512M", 9.0)


def test_kernels_are_named_by_option_or_variable():
    """--kernel names a kernel, again for more; without it the variable has them."""
    both = {"SCTPFFI_KERNELS": "6.1, /x/vmlinuz-6.12"}
    assert made("--runner", "qemu", **both).kernels == ["6.1", "/x/vmlinuz-6.12"]
    assert made("--runner", "qemu", "--kernel", "a", "--kernel", "b", **both).kernels == ["a", "b"]


def test_image_is_named_by_option_or_variable():
    """--image names the image; without it, the variable of the system does, and no other's."""
    env = {"SCTPFFI_FREEBSD_IMAGE": "f", "SCTPFFI_DEBIAN_IMAGE": "d"}
    assert made("--runner", "freebsd", **env).settings.image == "f"
    assert made("--runner", "debian", **env).settings.image == "d"
    assert made("--runner", "freebsd", "--image", "x", **env).settings.image == "x"


def test_everything_that_can_differ_is_an_option():
    """Each setting of a machine and of an image has its option."""
    options = {
        "--qemu": "q",
        "--accel": "tcg",
        "--cpu": "qemu64",
        "--cpus": "4",
        "--memory": "4G",
        "--nic": "e1000",
        "--qemu-options": "-bios x",
        "--image": "f",
        "--source": "/s",
        "--packages": "a,b",
        "--ssh-user": "u",
        "--ssh-key": "k",
        "--disk": "20G",
        "--boot-timeout": "1",
        "--setup-timeout": "2",
    }
    runner = made("--runner", "freebsd", "--offline", *(word for item in options.items() for word in item))
    assert runner.machine == vm.machine.Machine("q", "tcg", "qemu64", 4, "4G", "e1000", "-bios x")
    assert runner.settings == vm.image.Settings("f", True, Path("/s"), ["a", "b"], "u", "k", "20G", 1.0, 2.0)
    for default, given in ((vm.machine.Machine(), runner.machine), (vm.image.Settings(), runner.settings)):
        assert all(before != after for before, after in zip(default, given))


def test_help_needs_nothing():
    """run.py is a command of its own, with nothing installed; each runner is named in its help."""
    command = [sys.executable, "-S", str(ROOT / "tools" / "vm" / "run.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in vm.run.NAMES)
