"""A virtual machine by QEMU: its command line, whether KVM works here, starting it and ending it.

What runs in it is the business of qemu.py and image.py.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import List, NamedTuple, Sequence

from guest import RunnerError, with_console

PROGRAM = "qemu-system-x86_64"
# Hardware that runs guests at full speed: Linux', then macOS'. Emulation works everywhere, some ten times slower.
ACCELERATORS = ("kvm", "hvf")
EMULATION = "tcg"
# A boot sector that ends the machine through a port (0x501) with status 2 * 0x10 + 1:
# mov al, 0x10; mov dx, 0x501; out dx, al; hlt; jmp to the hlt.
PROBE = bytes([0xB0, 0x10, 0xBA, 0x01, 0x05, 0xEE, 0xF4, 0xEB, 0xFD])
PROBE_STATUS = 33
PROBE_S = 5.0  # 0.2 s where it works; where it can't carry a guest it may take for ever


class Machine(NamedTuple):
    """What the guest is given. Each can differ, so each is an option of run.py."""

    program: str = PROGRAM  # another architecture is another program
    accel: str = ""  # "": the fastest that works; a name if finding out goes wrong
    cpu: str = "max"  # a few kernels dislike the newest features of a processor; then a named model helps
    cpus: int = 2
    memory: str = "2G"
    nic: str = "virtio-net-pci"  # FreeBSD 13 is said to have trouble with it on some hosts; then e1000 or rtl8139
    options: str = ""  # whatever else QEMU takes: firmware, another machine type

    def check(self) -> None:
        """See that there is QEMU."""
        if not shutil.which(self.program):
            raise RunnerError(
                f"{self.program} is missing: install QEMU (Debian: qemu-system-x86 and qemu-utils;"
                " FreeBSD and macOS: the package qemu), or name it by --qemu"
            )

    def command(self, accel: str, console: Path, rest: Sequence[str]) -> List[str]:
        """The whole command line: no window, no monitor, the console into a file; a guest that restarts ends."""
        kind = f"{EMULATION},thread=multi" if accel == EMULATION else accel
        line = [self.program, "-accel", kind, "-cpu", self.cpu, "-smp", str(self.cpus), "-m", self.memory]
        line += ["-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot", "-serial", f"file:{console}"]
        # Keys and ports want randomness at once.
        line += ["-device", "virtio-rng-pci"]
        return [*line, *rest, *shlex.split(self.options)]

    def accelerator(self) -> str:
        """What will run the guest."""
        if self.accel:
            return self.accel
        return next((name for name in ACCELERATORS if self.works(name)), EMULATION)

    def works(self, accel: str) -> bool:
        """Whether an accelerator carries a guest to its end: that there is a /dev/kvm says little."""
        if self.program != PROGRAM:
            return False  # the boot sector is a PC's
        if accel == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
            return False
        with tempfile.NamedTemporaryFile(prefix="sctpffi-probe-") as disk:
            disk.write(PROBE.ljust(510, b"\0") + b"\x55\xaa")
            disk.flush()
            command = [self.program, "-accel", accel, "-cpu", self.cpu, "-nodefaults", "-display", "none"]
            command += ["-drive", f"file={disk.name},format=raw,if=ide", "-no-reboot"]
            command += ["-device", "isa-debug-exit,iobase=0x501,iosize=1"]
            try:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_S)
            except subprocess.TimeoutExpired:
                return False
        return done.returncode == PROBE_STATUS


class Running:
    """A machine that was started; leaving the `with` ends it."""

    def __init__(self, machine: Machine, accel: str, folder: Path, rest: Sequence[str]) -> None:
        self.folder = folder
        self.console = folder / "console"
        self.log = folder / "machine.log"
        self.begun = time.monotonic()
        command = machine.command(accel, self.console, rest)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *why: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ended(self) -> bool:
        """Whether the machine is gone."""
        return self.process.poll() is not None

    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.begun

    def trouble(self, text: str) -> RunnerError:
        """An error with the end of the console."""
        return with_console(text, self.console, self.log)
