"""Run a command on a kernel with SCTP: `run.py --runner {host,uml} -- command args...`.

host  the running kernel, in a network namespace of its own where that is allowed
uml   user-mode Linux: a real Linux kernel as an ordinary process, on this file system, booted in seconds

Inside: lo is up with 127.0.0.1, .2, .3 and ::1, the SCTP modules are loaded, `--sysctl name=value` and `--mtu` are set.
The output is passed on as it comes; the exit status is the command's. A kernel that does not come up, hangs or
panics is an error (status 125) with the end of its console, never a skip. Nothing here knows what it runs.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Dict, List, Optional, Sequence

FAILED = 125
UML_MODULES = Path("/usr/lib/uml/modules")
MODULES = ("sctp", "sctp_diag", "ipv6", "veth", "sch_netem")
DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
LOOPBACK = ("127.0.0.2/8", "127.0.0.3/8")
# The host's variables that would mislead a guest are few: its own init sets PATH and HOME.
NOT_PASSED = frozenset({"TMPDIR", "LD_PRELOAD", "OLDPWD", "PWD", "_"})


class RunnerError(Exception):
    """The kernel could not be had; the command's own failure is not one."""


def setup_lines(sysctls: Sequence[str], mtu: int = 0) -> List[str]:
    """Shell lines that make a fresh network namespace ready. mtu: of lo, if not 0."""
    lines = ["ip link set lo up" + (f" mtu {mtu}" if mtu else "")]
    lines += [f"ip addr add {address} dev lo 2>/dev/null || true" for address in LOOPBACK]
    for item in sysctls:
        name, _, value = item.partition("=")
        path = "/proc/sys/" + name.replace(".", "/")
        lines.append(f"echo {shlex.quote(value)} > {shlex.quote(path)}")
    return lines


def run_host(command: Sequence[str], setup: Sequence[str], timeout: float) -> int:
    """Run on this kernel; in a network namespace if that is allowed, else as it is, and say so."""
    unshare = next(
        (
            option
            for option in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"])
            if shutil.which("unshare") and subprocess.run([*option, "true"], capture_output=True).returncode == 0
        ),
        None,
    )
    if unshare is None or not shutil.which("ip"):
        print("run.py: no network namespace here; running on the host's own loopback", file=sys.stderr)
        return finish(subprocess.Popen(list(command)), timeout)
    script = "\n".join([*setup, 'exec "$@"'])
    return finish(subprocess.Popen([*unshare, "sh", "-e", "-c", script, "sh", *command]), timeout)


def finish(process: subprocess.Popen[bytes], timeout: float) -> int:
    """Wait for a command; 124 if it takes too long."""
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        print(f"run.py: ended after {timeout:.0f} s", file=sys.stderr)
        return 124


def uml_release() -> str:
    """The version of the installed user-mode kernel."""
    if not shutil.which("linux.uml"):
        raise RunnerError("linux.uml is missing: install Debian's package user-mode-linux")
    for tool, package in (("modprobe", "kmod"), ("ip", "iproute2")):
        if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin"):
            raise RunnerError(f"{tool} is missing: install Debian's package {package}")
    found = sorted(p.name for p in UML_MODULES.iterdir()) if UML_MODULES.is_dir() else []
    if not found:
        raise RunnerError(f"no modules in {UML_MODULES}: install Debian's package user-mode-linux")
    return found[-1]


def prepare_modules(folder: Path, release: str) -> None:
    """A module tree with its index, made beside the package's files, which may not be writable."""
    tree = folder / "lib" / "modules" / release
    tree.mkdir(parents=True)
    for item in (UML_MODULES / release).iterdir():
        if item.is_dir() or item.name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            (tree / item.name).symlink_to(item)
    env = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/sbin:/usr/sbin"}
    done = subprocess.run(["depmod", "-b", str(folder), release], capture_output=True, text=True, env=env)
    if done.returncode != 0:
        raise RunnerError(f"depmod: {done.stderr.strip()}")


POWER_OFF = "import ctypes; ctypes.CDLL(None).reboot(0x4321fedc)"


def init_script(folder: Path, command: Sequence[str], setup: Sequence[str], env: Dict[str, str]) -> str:
    """What the guest runs as its first process."""
    lines = ["#!/bin/sh"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in env.items() if name.isidentifier()]
    lines += [
        "mount -t proc proc /proc",
        "mount -t sysfs sysfs /sys",
        "mount -t tmpfs tmpfs /run",
        # A /dev of the guest's own: this kernel has no devtmpfs, and the host's must stay as it is.
        "mount -t tmpfs tmpfs /dev",
        *(f"mknod -m 666 /dev/{name} c 1 {minor}" for name, minor in DEVICES.items()),
        "mkdir /dev/shm; mount -t tmpfs tmpfs /dev/shm; ln -s /proc/self/fd /dev/fd",
        # The kernel itself loads modules too (SCTP's cookie wants an hmac): by this helper, from our tree.
        f"printf '#!/bin/sh\\nexec /sbin/modprobe -d {folder} \"$@\"\\n' > {folder}/modprobe",
        f"chmod 755 {folder}/modprobe; echo {folder}/modprobe > /proc/sys/kernel/modprobe",
        f'for m in {" ".join(MODULES)}; do modprobe -d {folder} $m || echo "no module $m" >&2; done',
        *setup,
        f"cd {shlex.quote(os.getcwd())}",
        f"touch {folder}/up",
        f"{shlex.join(command)} </dev/null >{folder}/output 2>&1",
        f"echo $? >{folder}/status.part; mv {folder}/status.part {folder}/status",
        "sync",
        f"{shlex.quote(sys.executable)} -c {shlex.quote(POWER_OFF)}",
    ]
    return "\n".join(lines) + "\n"


def guest_env() -> Dict[str, str]:
    """The host's environment as the guest sees it."""
    env = {name: value for name, value in os.environ.items() if name not in NOT_PASSED}
    env["PATH"] = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
    env.setdefault("HOME", "/root")
    return env


def pass_on(source: IO[str]) -> None:
    """Copy what the command has written since the last time."""
    text = source.read()
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()


def console_end(folder: Path) -> str:
    """The last lines that the kernel printed."""
    text = (folder / "console").read_text(errors="replace")
    return "\n".join(text.splitlines()[-25:])


def watch(process: subprocess.Popen[bytes], folder: Path, timeout: float) -> Optional[str]:
    """Pass output on until the guest is gone; returns what went wrong, if anything."""
    start = time.monotonic()
    up = folder / "up"
    with open(folder / "output", errors="replace") as output:
        while process.poll() is None:
            pass_on(output)
            spent = time.monotonic() - start
            if spent > 60 and not up.exists():
                return "the kernel did not come up within 60 s"
            if spent > timeout:
                return f"no end after {timeout:.0f} s"
            time.sleep(0.05)
        pass_on(output)
    return None if (folder / "status").exists() else "the kernel ended without a status (panic?)"


def run_uml(command: Sequence[str], setup: Sequence[str], timeout: float, memory: str) -> int:
    """Boot user-mode Linux on this file system and run the command as root inside."""
    release = uml_release()
    folder = Path(tempfile.mkdtemp(prefix="sctpffi-uml-"))
    try:
        prepare_modules(folder, release)
        (folder / "output").touch()
        init = folder / "init.sh"
        init.write_text(init_script(folder, command, setup, guest_env()))
        init.chmod(0o755)
        boot = ["linux.uml", f"mem={memory}", "rootfstype=hostfs", "root=/dev/root", "rw", f"init={init}"]
        boot += ["con=null", "con0=fd:0,fd:1", "ssl=null", "quiet", f"uml_dir={folder}"]
        with open(folder / "console", "wb") as console:
            process = subprocess.Popen(
                boot, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )
            try:
                trouble = watch(process, folder, timeout)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        if trouble is not None:
            raise RunnerError(f"{trouble}; the end of the console:\n{console_end(folder)}")
        return int((folder / "status").read_text())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def assignment(text: str) -> str:
    """Check an argument that must be name=value."""
    name, equals, _ = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return text


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run a command on a kernel with SCTP.")
    parser.add_argument("--runner", choices=("host", "uml"), required=True)
    parser.add_argument("--timeout", type=float, default=900, help="seconds (default %(default)s)")
    parser.add_argument("--memory", default="1024M", help="of the user-mode kernel (default %(default)s)")
    parser.add_argument("--sysctl", action="append", default=[], metavar="NAME=VALUE", type=assignment)
    parser.add_argument("--mtu", type=int, default=0, help="of lo (default: the kernel's)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("no command; write it after --")
    setup = setup_lines(options.sysctl, options.mtu)
    try:
        if options.runner == "uml":
            return run_uml(command, setup, options.timeout, options.memory)
        return run_host(command, setup, options.timeout)
    except RunnerError as exc:
        print(f"run.py: {exc}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
