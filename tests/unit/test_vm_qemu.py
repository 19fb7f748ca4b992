"""tools/vm: virtual machines and the runner `qemu`: command lines, kernels, the initramfs, what is told.

Small shell scripts stand in for QEMU, modprobe and busybox; no kernel is booted here.
"""

from __future__ import annotations

import gzip
import lzma
import os
import subprocess
import time

import pytest

from .loading import load_runners

vm = load_runners("guest", "linux_guest", "machine", "qemu")


def program(path, text):
    """A shell script to run."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def after(command, option):
    """What stands behind an option."""
    return command[command.index(option) + 1]


# -- machines


def test_command_line_of_a_machine(tmp_path):
    """No window and no monitor; the console goes into a file; a guest that starts anew ends."""
    machine = vm.machine.Machine(memory="3G", cpus=4, cpu="qemu64", options="-bios 'a file'")
    command = machine.command("kvm", tmp_path / "console", ["-kernel", "k"])
    assert command[0] == "qemu-system-x86_64"
    assert [after(command, name) for name in ("-accel", "-cpu", "-smp", "-m")] == ["kvm", "qemu64", "4", "3G"]
    assert after(command, "-serial") == f"file:{tmp_path}/console"
    assert {"-nodefaults", "-no-reboot"} <= set(command)
    assert [after(command, name) for name in ("-display", "-monitor")] == ["none", "none"]
    assert command[-4:] == ["-kernel", "k", "-bios", "a file"]
    assert after(machine.command("tcg", tmp_path / "console", []), "-accel") == "tcg,thread=multi"


def test_missing_qemu_names_its_packages():
    """QEMU that is missing is told with what to install."""
    with pytest.raises(vm.guest.RunnerError, match="qemu-none is missing: install QEMU .*qemu-system-x86"):
        vm.machine.Machine(program="qemu-none").check()


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (f"exit {vm.machine.PROBE_STATUS}", True),
        ("exit 0", False),  # it ended, but not by the boot sector
        ("exit 1", False),  # no such accelerator
        ("kill -ABRT $$", False),  # it can't be set up here
        ("exec sleep 60", False),  # it takes the guest and never runs it
    ],
)
def test_accelerator_has_to_carry_a_guest(tmp_path, monkeypatch, text, good):
    """An accelerator works if a small guest comes to its end by it, in time; a /dev/kvm alone says little."""
    monkeypatch.setattr(vm.machine, "PROGRAM", program(tmp_path / "qemu", text))
    monkeypatch.setattr(vm.machine, "PROBE_S", 60.0 if good else 1.0)
    monkeypatch.setattr(vm.machine.os, "access", lambda path, mode: True)
    assert vm.machine.Machine(program=vm.machine.PROGRAM).works("kvm") is good


def test_accelerator_is_chosen(monkeypatch):
    """The first that works, emulation if none does, and what was named without a question."""
    asked = []
    monkeypatch.setattr(vm.machine.Machine, "works", lambda self, name: asked.append(name) or name == "hvf")
    assert vm.machine.Machine().accelerator() == "hvf"
    monkeypatch.setattr(vm.machine.Machine, "works", lambda self, name: False)
    assert vm.machine.Machine().accelerator() == "tcg"
    assert vm.machine.Machine(accel="kvm").accelerator() == "kvm"
    assert asked == ["kvm", "hvf"]


def test_kvm_needs_its_device(monkeypatch):
    """Without a /dev/kvm that we may open, nothing is tried; a boot sector is for a PC only."""
    monkeypatch.setattr(vm.machine.subprocess, "run", lambda *_, **__: pytest.fail("started"))
    monkeypatch.setattr(vm.machine.os, "access", lambda path, mode: False)
    assert not vm.machine.Machine().works("kvm")
    assert not vm.machine.Machine(program="qemu-system-aarch64").works("hvf")


def test_machine_is_ended(tmp_path):
    """Leaving the `with` ends a machine that still runs, with all that it started."""
    machine = vm.machine.Machine(program=program(tmp_path / "qemu", "sleep 60 & echo $! > $0.pid; wait"))
    with vm.machine.Running(machine, "tcg", tmp_path, []) as guest:
        assert not guest.ended()
        end = time.monotonic() + 30
        while not (tmp_path / "qemu.pid").exists() or not (tmp_path / "qemu.pid").read_text():
            assert time.monotonic() < end
            time.sleep(0.01)
    assert guest.ended()
    child = int((tmp_path / "qemu.pid").read_text())
    while os.path.exists(f"/proc/{child}/exe"):  # a zombie has none; where there is no /proc, nothing is known
        assert time.monotonic() < end
        time.sleep(0.01)


def test_trouble_of_a_machine(tmp_path):
    """What QEMU said and what the guest's console showed are in the error."""
    machine = vm.machine.Machine(program=program(tmp_path / "qemu", f"echo oh >&2; echo boot > {tmp_path}/console"))
    with vm.machine.Running(machine, "tcg", tmp_path, []) as guest:
        guest.process.wait(30)
        assert guest.ended()
        text = str(guest.trouble("it ended"))
    assert text == "it ended; the machine said:\noh\nand the end of the console:\nboot"


# -- kernels


@pytest.fixture
def boot(tmp_path, monkeypatch):
    """A machine with kernels, two of them installed in full."""
    (tmp_path / "boot").mkdir()
    for release in ("6.1.0-9-amd64", "6.1.0-10-amd64"):
        (tmp_path / "boot" / f"vmlinuz-{release}").touch()
        (tmp_path / "lib" / "modules" / release).mkdir(parents=True)
    monkeypatch.setattr(vm.qemu, "BOOT_DIR", tmp_path / "boot")
    return tmp_path


def test_newest_kernel(boot):
    """Without a name it is the newest that is installed; versions are numbers."""
    kernel = vm.qemu.newest_kernel()
    assert kernel.release == "6.1.0-10-amd64"
    assert kernel.modules == (boot / "lib" / "modules" / "6.1.0-10-amd64").resolve()


def test_kernel_by_release_or_file(boot):
    """A kernel is named by its release or by its file; a package that was only unpacked has its modules beside it."""
    release = "6.12-amd64"
    (boot / "x" / "boot").mkdir(parents=True)
    (boot / "x" / "usr" / "lib" / "modules" / release).mkdir(parents=True)
    file = boot / "x" / "boot" / f"vmlinuz-{release}"
    file.touch()
    kernel = vm.qemu.find_kernel(str(file))
    assert kernel == (release, file.resolve(), (boot / "x" / "usr" / "lib" / "modules" / release).resolve())
    assert vm.qemu.find_kernel("6.1.0-9-amd64").image == (boot / "boot" / "vmlinuz-6.1.0-9-amd64").resolve()


def test_kernels_that_are_not_there(boot, monkeypatch):
    """A kernel without its file, its release or its modules, or none at all: each says what is wanted."""
    (boot / "boot" / "bzImage").touch()
    for name, text in (
        ("6.9", "there is no file .*vmlinuz-6.9"),
        (f"{boot}/boot/bzImage", "vmlinuz-RELEASE is wanted"),
    ):
        with pytest.raises(vm.guest.RunnerError, match=text):
            vm.qemu.find_kernel(name)
    (boot / "boot" / "vmlinuz-7").touch()
    monkeypatch.setattr(vm.machine.Machine, "check", lambda self: None)
    monkeypatch.setattr(vm.linux_guest, "check_tools", lambda: None)
    monkeypatch.setattr(vm.qemu, "busybox", lambda: "busybox")
    with pytest.raises(vm.guest.RunnerError, match="vmlinuz-7 has no modules: .*lib/modules/7 is missing"):
        vm.qemu.Qemu(["7"]).prepare()
    monkeypatch.setattr(vm.qemu, "BOOT_DIR", boot / "lib")
    with pytest.raises(vm.guest.RunnerError, match="no kernel in .*linux-image-amd64.*--kernel"):
        vm.qemu.newest_kernel()


def test_each_kernel_runs_the_job(boot, monkeypatch, capsys):
    """Every kernel that was named runs the job, with its release in it; the first status that is not 0 counts."""
    seen = []
    statuses = {"6.1.0-9-amd64": 0, "6.1.0-10-amd64": 5}
    monkeypatch.setattr(vm.machine.Machine, "accelerator", lambda self: "tcg")
    monkeypatch.setattr(
        vm.qemu.Qemu, "run_on", lambda self, kernel, accel, job: seen.append(job.command) or statuses[kernel.release]
    )
    assert vm.qemu.Qemu(list(statuses)).run(vm.guest.Job(["x", "@KERNEL@"])) == 5
    assert seen == [["x", "6.1.0-9-amd64"], ["x", "6.1.0-10-amd64"]]
    assert "Linux 6.1.0-10-amd64, emulated" in capsys.readouterr().err


def test_folders_are_shared_by_tag():
    """A folder is handed to the guest under its tag; a comma in its name is doubled, as QEMU wants it."""
    found = vm.qemu.shared("/a,b", "root")
    assert after(found, "-fsdev") == "local,id=root,path=/a,,b,security_model=none,multidevs=remap"
    assert after(found, "-device") == "virtio-9p-pci,fsdev=root,mount_tag=root"


# -- the initramfs

MODPROBE = """
for name; do :; done
[ $name != rare ] || { echo "not found" >&2; exit 1; }
echo "builtin virtio"
echo "insmod /m/base.ko.xz"
echo "insmod /m/$name.ko.xz some=option"
"""


def test_modules_in_order(tmp_path, monkeypatch):
    """What reaches the files is loaded once each, after what it needs; SCTP comes later, but must be there."""
    monkeypatch.setattr(vm.linux_guest, "find_tool", lambda name, package: program(tmp_path / name, MODPROBE))
    found = vm.qemu.needed_modules(tmp_path, "6.1")
    assert [path.name for path in found] == [f"{name}.ko.xz" for name in ("base", *vm.qemu.REACH_FILES)]
    monkeypatch.setattr(vm.qemu, "REACH_FILES", ("rare",))
    with pytest.raises(vm.guest.RunnerError, match="6.1 has no module rare .*: not found"):
        vm.qemu.needed_modules(tmp_path, "6.1")


def test_modules_are_unpacked(tmp_path):
    """Packed modules become what insmod takes."""
    for name, data in (("a.ko", b"x"), ("a.ko.xz", lzma.compress(b"x")), ("a.ko.gz", gzip.compress(b"x"))):
        (tmp_path / name).write_bytes(data)
        assert vm.qemu.unpacked(tmp_path / name) == b"x"


def test_busybox_has_to_be_static(tmp_path, monkeypatch):
    """A busybox that asks for a dynamic loader can't run where there is none; the package that can is named."""
    found = tmp_path / "busybox"
    monkeypatch.setattr(vm.linux_guest, "find_tool", lambda name, package: str(found))
    found.write_bytes(b"\x7fELF" + bytes(500) + b"/lib64/ld-linux-x86-64.so.2\0")
    with pytest.raises(vm.guest.RunnerError, match="busybox-static"):
        vm.qemu.busybox()
    found.write_bytes(b"\x7fELF" + bytes(500))
    assert vm.qemu.busybox() == str(found)


def test_initramfs(tmp_path, monkeypatch):
    """It has busybox, the modules, and a first script that mounts this machine's files and goes over to them."""
    packer = program(tmp_path / "busybox", 'cat > "$0.list"; echo packed "$@"')
    module = tmp_path / "m" / "9p.ko.xz"
    module.parent.mkdir()
    module.write_bytes(lzma.compress(b"module"))
    monkeypatch.setattr(vm.qemu, "busybox", lambda: packer)
    monkeypatch.setattr(vm.qemu, "needed_modules", lambda folder, release: [module])
    target = vm.qemu.make_initramfs(tmp_path, "6.1", tmp_path / "init.sh")
    assert target.read_text() == "packed cpio -o -H newc\n"
    tree = tmp_path / "initramfs"
    listed = (tree / "bin" / "busybox.list").read_text().split()
    assert listed == sorted(["bin", "bin/busybox", "dev", "host", "init", "modules", "modules/9p.ko"])
    assert (tree / "modules" / "9p.ko").read_bytes() == b"module"
    script = (tree / "init").read_text()
    assert subprocess.run(["sh", "-n"], input=script, text=True).returncode == 0
    lines = script.splitlines()
    assert "busybox insmod /modules/9p.ko" in lines
    assert lines[-1] == f"exec busybox switch_root /host {tmp_path}/init.sh"
    assert f"cache=none folder /host{tmp_path}" in lines[-2]
    assert "cache=loose root /host" in lines[-3]
