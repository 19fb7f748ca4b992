"""tools/vm: the runners that boot an image: disks, ssh, what systems lack, and a whole visit.

A script stands in for ssh and runs on this machine what was meant for a guest. No image is booted here.
"""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import tarfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from .loading import ROOT, load_runners

vm = load_runners("guest", "machine", "disk", "ssh", "systems", "source", "image")
Error = vm.guest.RunnerError
BOTH = pytest.mark.parametrize("system", vm.systems.SYSTEMS, ids=lambda system: system.name)


# -- disks


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"\xfd7zXZ\0", "is compressed; unpack it: xz -dk"),
        (b"\x1f\x8b\x08", "is compressed; unpack it: gzip -dk"),
        (b"\x28\xb5\x2f\xfd", "is compressed; unpack it: zstd -dk"),
        (b"KDMV", "is a vmdk; convert it: qemu-img convert"),
        (b"vhdxfile", "is a vhdx; convert it"),
        (bytes(0x8001) + b"CD001", "is an installer's CD"),
        (b"hello", "is no disk that can be booted"),
        (b"", "is no disk that can be booted"),
    ],
)
def test_files_that_are_no_images(tmp_path, head, text):
    """Whatever else somebody may have downloaded is named, with what to do."""
    (tmp_path / "image").write_bytes(head)
    with pytest.raises(Error, match=text):
        vm.disk.kind_of(tmp_path / "image")


def test_images(tmp_path):
    """A raw disk is known by its boot sector, qcow2 by its first bytes; a folder is none, nor is what isn't there."""
    (tmp_path / "raw").write_bytes(bytes(510) + b"\x55\xaa")
    (tmp_path / "qcow2").write_bytes(b"QFI\xfb")
    for kind in ("raw", "qcow2"):
        assert vm.disk.kind_of(tmp_path / kind) == kind
    for name in ("none", "."):
        with pytest.raises(Error, match="there is no such file"):
            vm.disk.kind_of(tmp_path / name)


@pytest.fixture
def image(tmp_path, monkeypatch):
    """A raw image of a gigabyte, and what qemu-img was asked to do to it."""
    calls = []

    def run(command, **options):
        calls.append(command)
        return subprocess.CompletedProcess(command, 0, '{"virtual-size": 1073741824}', "")

    monkeypatch.setattr(vm.disk.subprocess, "run", run)
    (tmp_path / "image").write_bytes(bytes(510) + b"\x55\xaa")
    return tmp_path / "image", calls


@pytest.mark.parametrize(("size", "last"), [("2G", str(2 << 30)), ("1024M", None), ("900M", None), ("", None)])
def test_disk_is_written_over_the_image(image, tmp_path, size, last):
    """What the guest writes goes into another file; the disk grows if it is to, and is never cut."""
    path, calls = image
    disk = vm.disk.overlay(path, tmp_path, size)
    assert calls[1] == ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(path), str(disk)] + (
        [last] if last else []
    )
    assert disk != path


def test_bad_sizes_and_damaged_images(image, tmp_path, monkeypatch):
    """A size is a number with its unit; an image that qemu-img refuses is damaged."""
    with pytest.raises(Error, match="--disk large: a size such as 12G"):
        vm.disk.overlay(image[0], tmp_path, "large")
    monkeypatch.setattr(
        vm.disk.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", "corrupt\n")
    )
    with pytest.raises(Error, match="is damaged: corrupt"):
        vm.disk.overlay(image[0], tmp_path, "")


# -- ssh


@contextmanager
def server(greeting, rounds=1):
    """A port that greets so, that many times."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            for _ in range(rounds):
                link, _ = listener.accept()
                with link:
                    link.sendall(greeting)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(30)


def test_sshd_is_known_by_its_greeting():
    """QEMU takes connections for a guest that doesn't answer yet; only a greeting is an answer."""
    with server(b"SSH-2.0-OpenSSH") as port:
        assert vm.ssh.answers(port)
    with server(b"") as port:
        assert not vm.ssh.answers(port)
    assert not vm.ssh.answers(vm.ssh.free_port())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not vm.ssh.answers(silent.getsockname()[1], 0.1)


def no():
    """Nothing of the kind."""
    return False


def yes():
    """It is so."""
    return True


def test_waiting_for_sshd(monkeypatch):
    """It may come at the second try; that the machine ended, the time, or a login without sshd is told."""
    monkeypatch.setattr(vm.ssh.time, "sleep", lambda _: None)
    answers = iter([False, True])
    monkeypatch.setattr(vm.ssh, "answers", lambda port: next(answers, False))
    assert vm.ssh.wait_for(1, no, no, 60) is None
    assert "the machine ended" in vm.ssh.wait_for(1, yes, no, 60)
    assert "no sshd answered within 0 s (--boot-timeout)" in vm.ssh.wait_for(1, no, no, 0)
    monkeypatch.setattr(vm.ssh, "AFTER_LOGIN_S", -1.0)
    assert "asks for a login, but no sshd answers" in vm.ssh.wait_for(1, no, yes, 60)


def test_ssh_command_line(tmp_path):
    """Nothing of the user's own configuration, keys or known hosts is used, and a dead guest is noticed."""
    command = vm.ssh.Shell(vm.ssh.Address(2222), tmp_path).command("/bin/sh")
    text = " ".join(command)
    assert text.startswith("ssh -F /dev/null -T -p 2222 -o ")
    assert text.endswith(" root@127.0.0.1 /bin/sh")
    options = (
        "UserKnownHostsFile=/dev/null",
        "IdentityAgent=none",
        "PubkeyAuthentication=no",
        "ServerAliveInterval=20",
    )
    assert all(f"-o {option}" in text for option in options)
    text = " ".join(vm.ssh.Shell(vm.ssh.Address(1, "me", "/k"), tmp_path).command())
    assert "-o PubkeyAuthentication=yes -i /k me@127.0.0.1" in text


FAKE_SSH = """
while [ "${1#*@127.0.0.1}" = "$1" ]; do shift; done
shift
exec "$@"
"""


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A Shell whose guest is this machine."""
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\n{FAKE_SSH}")
    program.chmod(0o755)
    monkeypatch.setattr(vm.ssh, "PROGRAM", str(program))
    monkeypatch.setattr(vm.ssh, "FOLDERS", os.environ["PATH"])
    (tmp_path / "shell").mkdir()
    return vm.ssh.Shell(vm.ssh.Address(22), tmp_path / "shell")


def test_scripts(shell):
    """A script's output and status come back; its commands have an empty input, not the rest of the script."""
    assert shell.script("echo one; [ -c /dev/stdin ] && cat && echo two >&2; return 3", 60) == (3, "one\ntwo\n")
    assert shell.script("exec sleep 60", 0.1).status is None


def test_script_whose_output_is_shown(shell, capfd):
    """The job's output is passed on as it comes, each stream to its own."""
    assert shell.script("echo out; echo err >&2", 60, show=True) == (0, "")
    assert capfd.readouterr() == ("out\n", "err\n")


def test_files_go_and_come(shell, tmp_path):
    """An archive is unpacked there; a file comes whole or not at all."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        item = tarfile.TarInfo("file")
        item.size = 2
        archive.addfile(item, io.BytesIO(b"hi"))
    assert shell.send(tmp_path / "a.tar", str(tmp_path), 60).status == 0
    assert shell.fetch(f"{tmp_path}/file", tmp_path / "here", 60).status == 0
    assert (tmp_path / "here").read_bytes() == b"hi"
    assert shell.fetch(f"{tmp_path}/none", tmp_path / "there", 60).status == 1
    assert not list(tmp_path.glob("there*"))


# -- systems


def facts(**changes):
    """A guest that has everything."""
    full = vm.systems.Facts("FreeBSD", "14.3", "amd64", "/p", "3.11.1", "311", list(vm.systems.MODULES), True, True)
    return full._replace(**changes)


def test_probe_on_this_machine():
    """The script that asks a guest is understood by this machine's sh, and its answer by us."""
    done = subprocess.run(["sh"], input=vm.systems.PROBE, capture_output=True, text=True, check=True)
    found = vm.systems.read_facts("some banner\n" + done.stdout)
    assert (found.kernel, found.release, found.machine) == (os.uname().sysname, os.uname().release, os.uname().machine)
    if found.python:
        assert found.version.startswith("3.")
        assert found.py == "".join(found.version.split(".")[:2])


def test_facts_that_are_missing():
    """A guest that says nothing has nothing."""
    assert vm.systems.read_facts("") == ("", "", "", "", "", "", [], False, False)


@BOTH
def test_nothing_lacks(system):
    """A guest that has everything is fine."""
    machine = next(iter(system.arches))
    for offline in (False, True):
        assert vm.systems.lacks(facts(machine=machine), system, offline) == ""


@BOTH
@pytest.mark.parametrize(
    ("changes", "offline", "text"),
    [
        ({"python": ""}, True, "no Python 3.9 or later, and --offline installs nothing: leave --offline out, or put"),
        ({"python": ""}, False, "no Python 3.9 or later after python3, .* were installed: name packages"),
        ({"modules": ["cffi"]}, True, "/p .3.11.1. in the guest has no pytest, pytest-timeout, and --offline installs"),
        ({"modules": ["pytest", "pytest_timeout"]}, False, "has no cffi: name packages that bring them"),
        ({"machine": "riscv"}, True, "no build for a guest of riscv"),
        ({"compiler": False}, False, "no compiler .cc.: .*--offline"),
        ({"headers": False}, False, r"/p in the guest has no headers .Python.h.: .*--packages.*--offline"),
    ],
)
def test_what_a_guest_lacks(system, changes, offline, text):
    """Each thing that is missing in a guest is a sentence that says what to do."""
    changes = {"machine": next(iter(system.arches)), **changes}
    found = vm.systems.lacks(facts(**changes), system, offline)
    assert re.search(text, found), found


def test_offline_builds_nothing_there():
    """What is built here needs neither compiler nor headers there."""
    assert vm.systems.lacks(facts(compiler=False, headers=False), vm.systems.FREEBSD, True) == ""


def test_image_of_another_system():
    """An image of another system is told before anything is done to it."""
    assert vm.systems.wrong_system(facts(), vm.systems.FREEBSD) == ""
    text = vm.systems.wrong_system(facts(kernel="Linux"), vm.systems.FREEBSD)
    assert text == "the image runs Linux, and --runner freebsd wants FreeBSD"


# -- sources


def names_in(path):
    """What an archive has."""
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_tree_is_carried_without_what_builds_left(tmp_path):
    """The tree has what the sdist is made of and the tests, and nothing that was built in it."""
    for name in ("setup.py", "sctpffi/a.py", "sctpffi/_ffi_linux.c", "sctpffi/x.abi3.so", "tests/__pycache__/a.pyc"):
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).touch()
    vm.source.pack_source(tmp_path / "tree", tmp_path / "a.tar")
    files = [name for name in names_in(tmp_path / "a.tar") if "." in name]
    assert files == ["source/setup.py", "source/sctpffi/a.py"]


def test_this_tree_is_carried(tmp_path):
    """Of this tree everything goes that a build and the contract suite want."""
    vm.source.pack_source(ROOT, tmp_path / "a.tar")
    wanted = ("setup.py", "build_ffi.py", "README.md", "csrc/sfi_freebsd.c", "tests/pytest.ini", "tests/contract")
    assert {f"source/{name}" for name in wanted} <= set(names_in(tmp_path / "a.tar"))


def test_sdist_is_carried(tmp_path):
    """An sdist's files go under the same names as a tree's."""
    (tmp_path / "sctpffi-1").mkdir()
    (tmp_path / "sctpffi-1" / "setup.py").touch()
    with tarfile.open(tmp_path / "s.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "sctpffi-1", "sctpffi-1")
    vm.source.pack_source(tmp_path / "s.tar.gz", tmp_path / "a.tar")
    assert names_in(tmp_path / "a.tar") == ["source/setup.py"]


def test_sources_that_are_none(tmp_path):
    """A folder without the project, a file that is no archive, and nothing at all are told."""
    (tmp_path / "file").write_text("x")
    for path, text in (("file", "can't be read as an sdist"), (".", "no source tree"), ("none", "there is no such")):
        with pytest.raises(Error, match=text):
            vm.source.pack_source(tmp_path / path, tmp_path / "a.tar")


# -- images


@BOTH
def test_image_has_to_be_named(system):
    """Without an image the variable is named, and where an image comes from."""
    with pytest.raises(Error, match=f"set {system.variable}=FILE, or --image FILE, to "):
        vm.image.Image(system, vm.image.Settings()).prepare()


def test_disk_and_network_of_a_guest():
    """sshd is reached on loopback alone; offline, the guest reaches nothing."""
    command = vm.image.disk_and_network(Path("/a,b"), "e1000", 2222, False)
    assert command[1].startswith("file=/a,,b,format=qcow2,if=virtio")
    assert command[3] == "user,model=e1000,hostfwd=tcp:127.0.0.1:2222-:22"
    assert vm.image.disk_and_network(Path("/a"), "e1000", 2222, True)[3].endswith(",restrict=on")


class Running:
    """A machine that is up."""

    def __init__(self, folder) -> None:
        self.console = folder / "console"
        self.console.write_text("FreeBSD/amd64\nlogin: \n")

    def ended(self):
        """It goes on."""
        return False

    def seconds(self):
        """How long."""
        return 7.0

    def trouble(self, text):
        """As a machine does it."""
        return vm.guest.with_console(text, self.console, self.console.parent / "log")


PYTHON = """
case "$*" in
  -c*) exit 0 ;;
  -) cat > /dev/null; echo py 311; echo version 3.11.9; echo module cffi; echo module pytest; echo module pytest_timeout
     echo headers yes ;;
  *setup.py*) mkdir -p ../dist; touch ../dist/a.tar.gz ;;
  *pip*) mkdir -p ../site/sctpffi ;;
esac
"""


def downloads(tmp_path, does):
    """A pip that does that in place of a download; $6 is where to."""
    (tmp_path / "pip").write_text(f'mkdir -p "$6"; {does}\n')
    return ("sh", str(tmp_path / "pip"))


@pytest.fixture
def visit(tmp_path, shell, monkeypatch):
    """Makes visits to a guest that is this machine; an interpreter there builds what is asked of it."""
    (tmp_path / "bin").mkdir()
    for name, text in (("python3", PYTHON), ("cc", ""), ("installer", f'echo "$@" >> {tmp_path}/installed')):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    monkeypatch.setattr(vm.ssh, "FOLDERS", path)
    monkeypatch.setattr(vm.image, "WORK", str(tmp_path / "work"))
    monkeypatch.setattr(vm.ssh, "wait_for", lambda *_: None)
    monkeypatch.setenv("SCTPFFI_MANY", "3")
    monkeypatch.setattr(vm.source, "PIP", downloads(tmp_path, "touch $6/setuptools-99-py3-none-any.whl"))
    here = vm.systems.FREEBSD._replace(
        kernel=os.uname().sysname, calm="", module="true", installer="installer", arches={os.uname().machine: "x"}
    )

    def make(settings=None, **changes):
        settings = settings or vm.image.Settings()
        return vm.image.Visit(vm.image.Image(here._replace(**changes), settings), Running(tmp_path), shell)

    return make


def test_a_visit(visit, tmp_path, capfd):
    """Packages, the tree, the build, the job, its output, its status and its file: all as with a real guest."""
    command = ["sh", "-c", 'ls; echo "$SCTPFFI_MANY $1" > junit.xml; echo $PYTHONPATH; exit 3', "sh", "@KERNEL@"]
    job = vm.guest.Job(command, bring=[("junit.xml", tmp_path / "here.xml")])
    assert visit().run(job) == 3
    assert (tmp_path / "here.xml").read_text() == f"3 {os.uname().release}\n"
    assert capfd.readouterr().out == f"tests\n{tmp_path}/work/site\n"
    assert (tmp_path / "work" / "run" / "tests" / "contract").is_dir()
    assert (tmp_path / "work" / "site" / "sctpffi").is_dir()
    assert (tmp_path / "work" / "wheels" / "setuptools-99-py3-none-any.whl").is_file()
    # First python3, then those whose names it tells.
    first, second = (tmp_path / "installed").read_text().splitlines()
    assert (first, second.split()[0]) == ("python3", "py311-cffi")


def test_packages_of_ones_own(visit, tmp_path):
    """--packages stand in place of the system's."""
    assert visit(vm.image.Settings(packages=["a", "b"])).run(vm.guest.Job(["true"])) == 0
    assert (tmp_path / "installed").read_text() == "a b\n"


def test_status_of_ssh_is_not_the_commands(visit):
    """255 is what ssh says of itself; a command's own 255 is 254 then, and not taken for a guest that is gone."""
    assert visit().run(vm.guest.Job(["sh", "-c", "exit 255"])) == 254


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"kernel": "Plan9"}, "the image runs .*, and --runner freebsd wants Plan9"),
        ({"module": "echo no such file; false"}, "has no SCTP: `echo .*` said: no such file; .*options SCTP"),
        ({"installer": "echo no network; false"}, "(?s)could not be installed: python3; .*use --offline.*no network"),
    ],
)
def test_visits_that_fail(visit, changes, text):
    """A wrong system, a kernel without SCTP, packages that can't be had: each says what to do."""
    with pytest.raises(Error, match=text):
        visit(**changes).run(vm.guest.Job(["true"]))


def test_sysctl_that_is_refused(visit):
    """A sysctl that the guest doesn't know is told by its name."""
    with pytest.raises(Error, match="--sysctl no.such.name=1: "):
        visit().run(vm.guest.Job(["true"], ["no.such.name=1"]))


def test_mtu_is_asked_for_and_may_be_refused(visit, capfd):
    """--mtu goes to the system's own command, and a refusal is told."""
    assert visit(mtu="test 1500 -eq").run(vm.guest.Job(["true"], mtu=1500)) == 0
    with pytest.raises(Error, match="--mtu 9: too small"):
        visit(mtu="echo too small; false").run(vm.guest.Job(["true"], mtu=9))


def test_setuptools_that_can_not_be_had(visit, tmp_path, monkeypatch):
    """Without a network here there is no setuptools to carry in: what pip said, and what to do."""
    monkeypatch.setattr(vm.source, "PIP", downloads(tmp_path, "echo no network >&2; exit 1"))
    with pytest.raises(Error, match=r"(?s)setuptools>=\d+, for the build .*use --offline.*no network"):
        visit().run(vm.guest.Job(["true"]))


def test_build_that_fails(visit, tmp_path):
    """A build that fails shows the end of what it said."""
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\n" + PYTHON.replace("mkdir -p ../dist", "echo bad C; exit 9"))
    with pytest.raises(Error, match=r"(?s)building failed in the guest with status \d+:\n  \| bad C"):
        visit().run(vm.guest.Job(["true"]))


def test_guest_that_is_gone(visit):
    """A connection that breaks off is a guest that panicked or hung: an error with the end of its console."""
    with pytest.raises(
        Error, match="(?s)the command: the guest is gone, .*the end of the console:\nFreeBSD/amd64\nlogin:"
    ):
        visit().run(vm.guest.Job(["sh", "-c", "kill -9 $PPID"]))


def test_job_that_takes_too_long(visit):
    """A job that goes on for ever is ended, and told with the console."""
    with pytest.raises(Error, match="(?s)no end after 0 s .--timeout.; the end of the console"):
        visit().run(vm.guest.Job(["sleep", "60"], timeout_s=0.3))


def test_set_up_that_takes_too_long(visit):
    """The set-up has a limit of its own."""
    with pytest.raises(Error, match="setting up took more than 1 s .--setup-timeout."):
        visit(vm.image.Settings(setup_s=1), calm="sleep 60").run(vm.guest.Job(["true"]))


def test_guest_that_lets_nobody_in(visit, shell, tmp_path):
    """An sshd that wants a password is told, with the images that don't and the option for a key."""
    Path(vm.ssh.PROGRAM).write_text("#!/bin/sh\necho 'root@127.0.0.1: Permission denied (publickey).' >&2; exit 255\n")
    with pytest.raises(Error, match="does not let root in .*Permission denied.*BASIC-CI.*--ssh-key"):
        visit().run(vm.guest.Job(["true"]))


def test_offline_visit(visit, tmp_path, monkeypatch):
    """Offline, nothing is installed or built there: what was built here is carried in."""

    def pack(system, arch, folder, target):
        with tarfile.open(target, "w") as archive:
            for name in ("site/sctpffi", "source/tests"):
                item = tarfile.TarInfo(name)
                item.type, item.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(item)

    monkeypatch.setattr(vm.source, "pack_built", pack)
    assert visit(vm.image.Settings(offline=True)).run(vm.guest.Job(["test", "-d", "tests"])) == 0
    assert not (tmp_path / "installed").exists()
    assert not (tmp_path / "work" / "dist").exists()


@pytest.mark.parametrize(("line", "expected"), [("login: ", True), ("Password:", False), ("", False)])
def test_login_prompt(visit, line, expected):
    """A console that asks for a login shows that the system is up."""
    found = visit()
    found.guest.console.write_text(f"booting\n{line}")
    assert found.at_login() is expected
