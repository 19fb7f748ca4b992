"""Disk images of guests: what a file is, and a copy on write over it, so that the image stays as it was.

How an image is booted is the business of image.py.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from guest import RunnerError

TOOL = "qemu-img"
MAGIC = {
    b"QFI\xfb": "qcow2",
    b"\xfd7zXZ\0": "xz",
    b"\x1f\x8b": "gz",
    b"\x28\xb5\x2f\xfd": "zst",
    b"KDMV": "vmdk",
    b"conectix": "vhd",
    b"vhdxfile": "vhdx",
}
UNPACK = {"xz": "xz -dk", "gz": "gzip -dk", "zst": "zstd -dk"}
UNITS = {"M": 1 << 20, "G": 1 << 30}


def check() -> None:
    """See that there is qemu-img."""
    if not shutil.which(TOOL):
        raise RunnerError(f"{TOOL} is missing: it comes with QEMU (Debian: qemu-utils)")


def kind_of(image: Path) -> str:
    """raw or qcow2; RunnerError says what to do with anything else."""
    if image.is_dir() or not image.exists():
        raise RunnerError(f"the image {image}: there is no such file")
    try:
        with open(image, "rb") as file:
            head = file.read(0x8006)
    except OSError as exc:
        raise RunnerError(f"the image {image} can't be read: {exc.strerror}") from exc
    found = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "")
    if found == "qcow2":
        return found
    if found in UNPACK:
        raise RunnerError(f"the image {image} is compressed; unpack it: {UNPACK[found]} {image}")
    if found:
        raise RunnerError(f"the image {image} is a {found}; convert it: {TOOL} convert -O qcow2 {image} image.qcow2")
    if head[0x8001:0x8006] == b"CD001":
        raise RunnerError(f"the image {image} is an installer's CD; the image of a virtual machine is wanted")
    if head[510:512] != b"\x55\xaa":
        raise RunnerError(f"the image {image} is no disk that can be booted (raw or qcow2)")
    return "raw"


def bytes_of(size: str) -> int:
    """12G in bytes."""
    found = re.fullmatch(r"(\d+)([MG])", size)
    if found is None:
        raise RunnerError(f"--disk {size}: a size such as 12G or 900M is wanted")
    return int(found[1]) * UNITS[found[2]]


def overlay(image: Path, folder: Path, size: str) -> Path:
    """A disk that has the image's content and takes what is written; at least of that size."""
    kind = kind_of(image)
    done = subprocess.run([TOOL, "info", "--output=json", "-f", kind, str(image)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RunnerError(f"the image {image} is damaged: {done.stderr.strip()}")
    there = int(json.loads(done.stdout)["virtual-size"])
    target = folder / "disk.qcow2"
    command = [TOOL, "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(image.resolve()), str(target)]
    if size and bytes_of(size) > there:
        command.append(str(bytes_of(size)))
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RunnerError(f"{TOOL}: {done.stderr.strip()}")
    return target
