"""What the Linux kernels of uml.py and qemu.py share: this machine's files, the modules, the first process, the watch.

Both kernels see this machine's file system. A folder on it is where the guest leaves its output and its status.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Dict, List, Optional, Sequence

from guest import Job, RunnerError

MODULES = ("sctp", "sctp_diag", "ipv6", "veth", "sch_netem")
LOOPBACK = ("127.0.0.2/8", "127.0.0.3/8")
# The host's variables that would mislead a guest are few: its own init sets PATH and HOME.
NOT_PASSED = frozenset({"TMPDIR", "LD_PRELOAD", "OLDPWD", "PWD", "_"})
SYSTEM_PATH = ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
TOOLS = (("modprobe", "kmod"), ("depmod", "kmod"), ("ip", "iproute2"))


def setup_lines(job: Job) -> List[str]:
    """Shell lines that make a fresh network namespace ready."""
    lines = ["ip link set lo up" + (f" mtu {job.mtu}" if job.mtu else "")]
    lines += [f"ip addr add {address} dev lo 2>/dev/null || true" for address in LOOPBACK]
    for item in job.sysctls:
        name, _, value = item.partition("=")
        path = "/proc/sys/" + name.replace(".", "/")
        lines.append(f"echo {shlex.quote(value)} > {shlex.quote(path)}")
    return lines


def guest_env() -> Dict[str, str]:
    """The host's environment as the guest sees it."""
    env = {name: value for name, value in os.environ.items() if name not in NOT_PASSED}
    env["PATH"] = os.environ.get("PATH", "") + SYSTEM_PATH
    env.setdefault("HOME", "/root")
    return env


def find_tool(name: str, package: str) -> str:
    """Where a tool is; the system's own folders are looked into even if PATH leaves them out."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + SYSTEM_PATH)
    if found is None:
        raise RunnerError(f"{name} is missing: install Debian's package {package}")
    return found


def check_tools() -> None:
    """What both need."""
    for name, package in TOOLS:
        find_tool(name, package)


def module_tree(folder: Path, source: Path, release: str) -> None:
    """A module tree with its index, made beside the package's files, which may not be writable or have no index."""
    tree = folder / "lib" / "modules" / release
    tree.mkdir(parents=True)
    for item in source.iterdir():
        if item.is_dir() or item.name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            (tree / item.name).symlink_to(item)
    done = subprocess.run([find_tool("depmod", "kmod"), "-b", str(folder), release], capture_output=True, text=True)
    if done.returncode != 0:
        raise RunnerError(f"depmod: {done.stderr.strip()}")


def init_script(folder: Path, job: Job, env: Dict[str, str], devices: Sequence[str], power_off: Sequence[str]) -> str:
    """What the guest runs as its first process."""
    lines = ["#!/bin/sh"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in env.items() if name.isidentifier()]
    lines += [
        "mount -t proc proc /proc",
        "mount -t sysfs sysfs /sys",
        "mount -t tmpfs tmpfs /run",
        *devices,
        "mkdir -p /dev/shm; mount -t tmpfs tmpfs /dev/shm; [ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd",
        # The kernel itself loads modules too (SCTP's cookie wants an hmac): by this helper, from our tree.
        f"printf '#!/bin/sh\\nexec /sbin/modprobe -d {folder} \"$@\"\\n' > {folder}/modprobe",
        f"chmod 755 {folder}/modprobe; echo {folder}/modprobe > /proc/sys/kernel/modprobe",
        f'for m in {" ".join(MODULES)}; do modprobe -d {folder} $m || echo "no module $m" >&2; done',
        *setup_lines(job),
        f"cd {shlex.quote(os.getcwd())}",
        f"touch {folder}/up",
        f"{shlex.join(job.command)} </dev/null >{folder}/output 2>&1",
        f"echo $? >{folder}/status.part; mv {folder}/status.part {folder}/status",
        "sync",
        *power_off,
    ]
    return "\n".join(lines) + "\n"


def write_init(folder: Path, script: str) -> Path:
    """Put the first process, and a place for its output, into the folder."""
    (folder / "output").touch()
    init = folder / "init.sh"
    init.write_text(script)
    init.chmod(0o755)
    return init


def pass_on(source: IO[str]) -> None:
    """Copy what the command has written since the last time."""
    text = source.read()
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()


def watch(process: subprocess.Popen[bytes], folder: Path, boot_s: float, timeout_s: float) -> Optional[str]:
    """Pass output on until the guest is gone; returns what went wrong, if anything."""
    start = time.monotonic()
    begun: Optional[float] = None  # the command; its time does not count the boot
    with open(folder / "output", errors="replace") as output:
        while process.poll() is None:
            pass_on(output)
            now = time.monotonic()
            if begun is None and (folder / "up").exists():
                begun = now
            if begun is None and now - start > boot_s:
                return f"the kernel did not come up within {boot_s:.0f} s"
            if begun is not None and now - begun > timeout_s:
                return f"no end after {timeout_s:.0f} s"
            time.sleep(0.05)
        pass_on(output)
    return None if (folder / "status").exists() else "the kernel ended without a status (panic?)"
