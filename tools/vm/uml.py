"""The runner `uml`: user-mode Linux, a real kernel as an ordinary process, booted in seconds on this machine's files.

Debian's packages user-mode-linux, kmod, iproute2; no privileges, no virtualisation.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, NamedTuple

import linux_guest
from guest import Job, RunnerError, bring_here, with_console

UML_MODULES = Path("/usr/lib/uml/modules")
DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
POWER_OFF = "import ctypes; ctypes.CDLL(None).reboot(0x4321fedc)"


class Uml(NamedTuple):
    """User-mode Linux."""

    memory: str = "1024M"
    boot_s: float = 60  # it takes 3; a machine at work may take ten times as long

    def prepare(self) -> None:
        """See that the kernel, its modules and the tools are there."""
        uml_release()

    def run(self, job: Job) -> int:
        """Boot on this file system and run the command as root inside."""
        release = uml_release()
        job = job.on(release)
        folder = Path(tempfile.mkdtemp(prefix="sctpffi-uml-"))
        try:
            linux_guest.module_tree(folder, UML_MODULES / release, release)
            script = linux_guest.init_script(folder, job, linux_guest.guest_env(), device_lines(), [power_off()])
            status = self.boot(folder, linux_guest.write_init(folder, script), job.timeout_s)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        bring_here(job, Path.cwd(), status)
        return status

    def boot(self, folder: Path, init: Path, timeout_s: float) -> int:
        """Start the kernel and watch it to its end."""
        command = ["linux.uml", f"mem={self.memory}", "rootfstype=hostfs", "root=/dev/root", "rw", f"init={init}"]
        command += ["con=null", "con0=fd:0,fd:1", "ssl=null", "quiet", f"uml_dir={folder}"]
        with open(folder / "console", "wb") as console:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )
            try:
                trouble = linux_guest.watch(process, folder, self.boot_s, timeout_s)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        if trouble is not None:
            raise with_console(trouble, folder / "console", folder / "none")
        return int((folder / "status").read_text())


def device_lines() -> List[str]:
    """A /dev of the guest's own: this kernel has no devtmpfs, and the host's must stay as it is."""
    nodes = [f"mknod -m 666 /dev/{name} c 1 {minor}" for name, minor in DEVICES.items()]
    return ["mount -t tmpfs tmpfs /dev", *nodes]


def power_off() -> str:
    """The line that ends the guest; there need be no halt(8) here."""
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(POWER_OFF)}"


def uml_release() -> str:
    """The version of the installed user-mode kernel."""
    if not shutil.which("linux.uml"):
        raise RunnerError("linux.uml is missing: install Debian's package user-mode-linux")
    linux_guest.check_tools()
    found = sorted(p.name for p in UML_MODULES.iterdir()) if UML_MODULES.is_dir() else []
    if not found:
        raise RunnerError(f"no modules in {UML_MODULES}: install Debian's package user-mode-linux")
    return found[-1]
