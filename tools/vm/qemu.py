"""The runner `qemu`: Debian's kernels in a virtual machine, on this machine's files over 9p.

Boots an initramfs with busybox and the modules that reach the files, then goes over to them. More than one kernel
can be named; each runs the job once. Debian's packages: linux-image-amd64, qemu-system-x86, busybox-static, kmod.
"""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import List, NamedTuple, Sequence

import linux_guest
from guest import Job, RunnerError, bring_here, say
from machine import EMULATION, Machine, Running

BOOT_DIR = Path("/boot")
REACH_FILES = ("virtio_pci", "9pnet_virtio", "9p")
# Everything that lies on this machine and changes only by the guest may be kept in the guest's memory: imports over an
# uncached 9p take minutes under emulation. The folder where output and status go is read from here at the same time.
SHARE = "trans=virtio,version=9p2000.L,msize=262144"
CACHED, UNCACHED = f"{SHARE},cache=loose", f"{SHARE},cache=none"


class Kernel(NamedTuple):
    """A kernel and where its modules are."""

    release: str
    image: Path
    modules: Path


class Qemu(NamedTuple):
    """Debian kernels in QEMU."""

    kernels: Sequence[str] = ()
    machine: Machine = Machine()
    boot_s: float = 180  # it takes 10 when emulated

    def prepare(self) -> None:
        """See that the kernels and all tools are there."""
        self.machine.check()
        linux_guest.check_tools()
        busybox()
        for kernel in self.chosen():
            if not kernel.modules.is_dir():
                raise RunnerError(f"{kernel.image} has no modules: {kernel.modules} is missing")

    def chosen(self) -> List[Kernel]:
        """The kernels to run on."""
        return [find_kernel(name) for name in self.kernels] or [newest_kernel()]

    def run(self, job: Job) -> int:
        """Run on each kernel; the first status that is not 0."""
        accel = self.machine.accelerator()
        statuses = []
        for kernel in self.chosen():
            how = "emulated, some ten times slower" if accel == EMULATION else f"by {accel}"
            say(f"Linux {kernel.release}, {how}")
            on_it = job.on(kernel.release)
            statuses.append(self.run_on(kernel, accel, on_it))
            bring_here(on_it, Path.cwd(), statuses[-1])
        return next((status for status in statuses if status != 0), 0)

    def run_on(self, kernel: Kernel, accel: str, job: Job) -> int:
        """Boot one kernel and run the job."""
        folder = Path(tempfile.mkdtemp(prefix="sctpffi-qemu-"))
        try:
            linux_guest.module_tree(folder, kernel.modules, kernel.release)
            env = {**linux_guest.guest_env(), "TMPDIR": "/run"}
            script = linux_guest.init_script(folder, job, env, DEVICES, POWER_OFF)
            init = linux_guest.write_init(folder, script)
            initramfs = make_initramfs(folder, kernel.release, init)
            return self.boot(folder, accel, kernel, initramfs, job.timeout_s)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def boot(self, folder: Path, accel: str, kernel: Kernel, initramfs: Path, timeout_s: float) -> int:
        """Start the machine and watch it to its end."""
        rest = ["-kernel", str(kernel.image), "-initrd", str(initramfs)]
        # An oops is no little thing in tests of a kernel; a panic ends the machine at once.
        rest += ["-append", "console=ttyS0 oops=panic panic=-1"]
        rest += [*shared("/", "root"), *shared(str(folder), "folder")]
        with Running(self.machine, accel, folder, rest) as guest:
            trouble = linux_guest.watch(guest.process, folder, self.boot_s, timeout_s)
            if trouble is not None:
                raise guest.trouble(trouble)
        return int((folder / "status").read_text())


DEVICES = (
    "mount -t devtmpfs devtmpfs /dev",
    "mkdir -p /dev/pts; mount -t devpts devpts /dev/pts",
)
# The switch works in the background, and a first process must not end.
POWER_OFF = ("echo o > /proc/sysrq-trigger", "sleep 60")


def shared(path: str, tag: str) -> List[str]:
    """A folder of this machine for the guest; its root is who we are. Comma is QEMU's own, so it is doubled."""
    place = path.replace(",", ",,")
    return [
        "-fsdev",
        f"local,id={tag},path={place},security_model=none,multidevs=remap",
        "-device",
        f"virtio-9p-pci,fsdev={tag},mount_tag={tag}",
    ]


# -- kernels


def find_kernel(name: str) -> Kernel:
    """A kernel by its file or its release. A package that was only unpacked (dpkg -x) will do."""
    image = Path(name) if "/" in name else BOOT_DIR / f"vmlinuz-{name}"
    if not image.is_file():
        raise RunnerError(f"--kernel {name}: there is no file {image}")
    found = re.fullmatch(r"vmlinuz-(.+)", image.name)
    if found is None:
        raise RunnerError(f"--kernel {name}: a file named vmlinuz-RELEASE is wanted, beside lib/modules/RELEASE")
    above = image.resolve().parent.parent
    places = [above / "lib" / "modules" / found[1], above / "usr" / "lib" / "modules" / found[1]]
    return Kernel(found[1], image.resolve(), next((place for place in places if place.is_dir()), places[0]))


def newest_kernel() -> Kernel:
    """The newest installed kernel."""
    names = [path.name[len("vmlinuz-") :] for path in BOOT_DIR.glob("vmlinuz-*")]
    if not names:
        raise RunnerError(
            f"there is no kernel in {BOOT_DIR}: install Debian's package linux-image-amd64, or unpack it"
            " (dpkg -x FILE DIR) and name its DIR/boot/vmlinuz-RELEASE by --kernel"
        )
    return find_kernel(max(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)]))


def needed_modules(folder: Path, release: str) -> List[Path]:
    """The files of the modules that reach the files, each after those that it needs."""
    tool = linux_guest.find_tool("modprobe", "kmod")
    files: List[Path] = []
    for module in (*REACH_FILES, "sctp"):
        done = subprocess.run(
            [tool, "-d", str(folder), "-S", release, "--show-depends", module], capture_output=True, text=True
        )
        if done.returncode != 0:
            raise RunnerError(
                f"the kernel {release} has no module {module} (Debian's cloud kernels leave some out):"
                f" {done.stderr.strip()}"
            )
        if module in REACH_FILES:
            files += [Path(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("insmod ")]
    return list(dict.fromkeys(files))


def unpacked(path: Path) -> bytes:
    """A module as insmod takes it."""
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        zstd = linux_guest.find_tool("zstd", "zstd")
        return subprocess.run([zstd, "-dc", str(path)], capture_output=True, check=True).stdout
    return data


# -- the initramfs


def busybox() -> str:
    """A busybox that needs no library, since there are none where it runs."""
    found = linux_guest.find_tool("busybox", "busybox-static")
    with open(found, "rb") as program:
        if b"/ld-" in program.read(4096):
            raise RunnerError(f"{found} needs libraries: install Debian's package busybox-static in its place")
    return found


def first_script(modules: Sequence[str], init: Path) -> str:
    """What runs in the initramfs."""
    folder = init.parent
    lines = ["#!/bin/busybox sh", "set -e", "export PATH=/bin"]
    lines += [f"busybox insmod /modules/{name}" for name in modules]
    lines += [
        f"busybox mount -t 9p -o {CACHED} root /host",
        f"busybox mount -t 9p -o {UNCACHED} folder /host{folder}",
        f"exec busybox switch_root /host {init}",
    ]
    return "\n".join(lines) + "\n"


def make_initramfs(folder: Path, release: str, init: Path) -> Path:
    """Pack busybox, the modules and the first script."""
    tree = folder / "initramfs"
    for name in ("bin", "dev", "host", "modules"):
        (tree / name).mkdir(parents=True)
    program = shutil.copy(busybox(), tree / "bin" / "busybox")
    names = []
    for path in needed_modules(folder, release):
        names.append(path.name.split(".ko")[0] + ".ko")
        (tree / "modules" / names[-1]).write_bytes(unpacked(path))
    (tree / "init").write_text(first_script(names, init))
    (tree / "init").chmod(0o755)
    listing = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*"))).encode()
    target = folder / "initramfs.cpio"
    pack = [program, "cpio", "-o", "-H", "newc"]
    with open(target, "wb") as archive:
        done = subprocess.run(pack, cwd=tree, input=listing, stdout=archive, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RunnerError(f"busybox cpio: {done.stderr.decode(errors='replace').strip()}")
    return target
