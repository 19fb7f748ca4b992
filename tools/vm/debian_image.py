"""Make a disk image of Debian for the runner `debian`: `debian_image.py --out FILE`, as root.

A small system that a BASIC-CI image of FreeBSD resembles: boots by BIOS, serial console, DHCP, sshd that lets root in
without a password. It is what image.py is tested with, where no image of FreeBSD can be had. Never put it on a network.
Debian's packages debootstrap, grub-common, grub-pc-bin, e2fsprogs, fdisk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Optional, Sequence

MIRROR = "http://deb.debian.org/debian"
SUITE = "bookworm"
PACKAGES = ("linux-image-amd64", "systemd-sysv", "udev", "openssh-server", "iproute2", "kmod", "procps")
TOOLS = (
    ("debootstrap", "debootstrap"),
    ("grub-mkimage", "grub-common"),
    ("mke2fs", "e2fsprogs"),
    ("sfdisk", "fdisk"),
)
GRUB = Path("/usr/lib/grub/i386-pc")
GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "linux", "serial")
SECTOR = 512
FIRST = 2048  # the partition's first sector; the boot loader lies before it
CODE = 440  # bytes of the first sector that are the loader's; behind them is the partition table
# Run by the loader as it starts: no menu, no waiting.
LOADER = """serial --unit=0 --speed=115200
terminal_output serial
set root=(hd0,msdos1)
linux /vmlinuz root=/dev/vda1 rw console=ttyS0 net.ifnames=0 panic=-1
initrd /initrd.img
boot
"""
NETWORK = "[Match]\nName=eth*\n\n[Network]\nDHCP=ipv4\n"
# As FreeBSD's release/tools/basic-ci.conf has it.
SSHD = "PermitRootLogin yes\nPasswordAuthentication yes\nPermitEmptyPasswords yes\nUsePAM no\n"
PATH = "/usr/local/sbin:/usr/sbin:/sbin"


class ImageError(Exception):
    """The image can't be made; the text says what to do."""


def run(*command: str, text: Optional[str] = None) -> None:
    """Run a command, which says what it has to say only if it fails."""
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-15:])
        raise ImageError(f"{command[0]} failed with status {done.returncode}:\n{said}")


def check() -> None:
    """See that everything is there."""
    if os.geteuid() != 0:
        raise ImageError("debootstrap wants to be root: run this by sudo")
    for tool, package in TOOLS:
        if not shutil.which(tool):
            raise ImageError(f"{tool} is missing: install Debian's package {package}")
    if not (GRUB / "boot.img").exists():
        raise ImageError(f"{GRUB}/boot.img is missing: install Debian's package grub-pc-bin")


def make_root(root: Path, suite: str, mirror: str, further: Sequence[str]) -> None:
    """Install the system into a folder."""
    names = ",".join([*PACKAGES, *further])
    run("debootstrap", "--variant=minbase", f"--include={names}", suite, str(root), mirror)
    files = {
        "etc/systemd/network/tests.network": NETWORK,
        "etc/ssh/sshd_config.d/tests.conf": SSHD,
        "etc/hostname": "tests\n",
        "etc/fstab": "/dev/vda1 / ext4 defaults 0 1\n",
        "etc/resolv.conf": "nameserver 10.0.2.3\n",  # QEMU's own
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    run("chroot", str(root), "passwd", "-d", "root")
    run("chroot", str(root), "systemctl", "enable", "systemd-networkd", "ssh")
    for archive in (root / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()


def make_disk(root: Path, folder: Path, out: Path, mebibytes: int) -> None:
    """A disk with one partition that has the folder's content, and a boot loader before it."""
    partition = folder / "partition"
    with open(partition, "wb") as file:
        file.truncate(mebibytes << 20)
    run("mke2fs", "-q", "-t", "ext4", "-d", str(root), str(partition))
    (folder / "loader.cfg").write_text(LOADER)
    core = folder / "core.img"
    run("grub-mkimage", "-O", "i386-pc", "-o", str(core), "-p", "(hd0,msdos1)/boot/grub",
        "-c", str(folder / "loader.cfg"), *GRUB_MODULES)  # fmt: skip
    if core.stat().st_size > (FIRST - 1) * SECTOR:
        raise ImageError("the boot loader does not fit before the partition")
    part = out.with_name(out.name + ".part")
    with open(part, "wb") as disk:
        disk.truncate((mebibytes << 20) + FIRST * SECTOR)
    run("sfdisk", "-q", str(part), text=f"label: dos\n{FIRST},,L,*\n")
    run("dd", f"if={partition}", f"of={part}", "bs=1M", f"seek={FIRST * SECTOR >> 20}", "conv=sparse,notrunc")
    with open(part, "r+b") as disk:
        disk.write((GRUB / "boot.img").read_bytes()[:CODE])
        disk.seek(SECTOR)
        disk.write(core.read_bytes())
    part.replace(out)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make a disk image of Debian for tools/vm/run.py --runner debian.")
    parser.add_argument("--out", required=True, type=Path, help="the image; one that is there is left as it is")
    parser.add_argument("--suite", default=SUITE, help="Debian's release (default %(default)s)")
    parser.add_argument("--mirror", default=MIRROR, help="default %(default)s")
    parser.add_argument("--include", default="", metavar="A,B", help="further packages")
    parser.add_argument("--size", type=int, default=3072, metavar="MIB", help="default %(default)s")
    options = parser.parse_args(arguments)
    if options.out.exists():
        print(f"{options.out} is there; remove it to have a new one")
        return 0
    os.environ["PATH"] = os.environ.get("PATH", "") + ":" + PATH
    try:
        check()
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="sctpffi-debian-", dir=options.out.parent) as scratch:
            folder = Path(scratch)
            make_root(folder / "root", options.suite, options.mirror, list(filter(None, options.include.split(","))))
            make_disk(folder / "root", folder, options.out, options.size)
    except ImageError as exc:
        print(f"debian_image.py: {exc}", file=sys.stderr)
        return 1
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
