"""Run a command on a kernel with SCTP: `run.py --runner NAME -- command args...`.

host     the running kernel, in a network namespace of its own where that is allowed
uml      user-mode Linux: a real Linux kernel as an ordinary process, on this machine's files, booted in seconds
qemu     Debian's kernels, in QEMU, on this machine's files; more than one can be named
freebsd  FreeBSD's BASIC-CI image, in QEMU: the source is carried in, built and run there
debian   the same with an image that debian_image.py makes

Inside: lo is up with 127.0.0.1, .2, .3 and ::1 (in images the tests see to the further ones), SCTP is loaded,
`--sysctl name=value` and `--mtu` are set. The output is passed on as it comes; the exit status is the command's. A
kernel that does not come up, hangs or panics is an error (status 125) with the end of its console, never a skip.
Nothing here knows what it runs.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Callable, Dict, Mapping, NoReturn, Optional, Sequence, Tuple

import systems
from guest import FAILED, KERNEL, ROOT, Job, Runner, RunnerError, say
from host import Host
from image import Image, Settings
from machine import Machine
from qemu import Qemu
from uml import Uml

KERNELS = "SCTPFFI_KERNELS"
WITH_IMAGE = {system.name: system for system in systems.SYSTEMS}
NAMES = ("host", "uml", "qemu", *WITH_IMAGE)


def assignment(text: str) -> str:
    """Check an argument that must be name=value."""
    name, equals, _ = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return text


def brought(text: str) -> Tuple[str, Path]:
    """An argument of --bring."""
    name, _, place = assignment(text).partition("=")
    if not place:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE")
    return name, Path(place)


def names(text: str) -> Sequence[str]:
    """A comma list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def seconds(text: str) -> float:
    """A time limit."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return value


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(description="Run a command on a kernel with SCTP.")
    top.add_argument("--runner", choices=NAMES, required=True)
    top.add_argument("--timeout", type=seconds, default=900, help="of the command, in seconds (default %(default)s)")
    top.add_argument("--boot-timeout", type=seconds, help="until the kernel is up, in seconds (default: by runner)")
    top.add_argument("--memory", help="of the guest (default: by runner)")
    top.add_argument("--sysctl", action="append", default=[], metavar="NAME=VALUE", type=assignment)
    top.add_argument("--mtu", type=int, default=0, help="of lo (default: the kernel's)")
    top.add_argument(
        "--bring",
        action="append",
        default=[],
        metavar="NAME=FILE",
        type=brought,
        help=f"copy NAME, of the directory that the command runs in, to FILE here; {KERNEL} is the kernel's release",
    )
    qemu = top.add_argument_group("qemu")
    qemu.add_argument(
        "--kernel",
        action="append",
        metavar="NAME",
        help=f"a release, or a file vmlinuz-RELEASE; again for more (default: {KERNELS}, a comma list; or the newest)",
    )
    add_machine(top.add_argument_group("qemu, freebsd, debian"))
    add_image(top.add_argument_group("freebsd, debian"))
    top.add_argument("command", nargs=argparse.REMAINDER, help=f"after --; {KERNEL} is the kernel's release")
    return top


def add_machine(group: argparse._ArgumentGroup) -> None:
    """Options of a virtual machine; the reasons stand in machine.py."""
    default = Machine()
    group.add_argument("--qemu", metavar="PROGRAM", default=default.program, help="default %(default)s")
    group.add_argument("--accel", metavar="NAME", default=default.accel, help="default: kvm if it works, else tcg")
    group.add_argument("--cpu", metavar="MODEL", default=default.cpu, help="default %(default)s")
    group.add_argument("--cpus", metavar="N", type=int, default=default.cpus, help="default %(default)s")
    group.add_argument("--nic", metavar="MODEL", default=default.nic, help="default %(default)s")
    group.add_argument("--qemu-options", metavar="TEXT", default=default.options, help="further options for QEMU")


def add_image(group: argparse._ArgumentGroup) -> None:
    """Options of a disk image; the reasons stand in image.py."""
    default = Settings()
    variables = ", ".join(system.variable for system in systems.SYSTEMS)
    group.add_argument("--image", metavar="FILE", help=f"raw or qcow2, stays as it is (default: {variables})")
    group.add_argument("--offline", action="store_true", help="build here, install nothing; the image has Python")
    group.add_argument("--source", metavar="PATH", type=Path, default=ROOT, help="tree or sdist (default: this tree)")
    group.add_argument("--packages", metavar="A,B", type=names, default=(), help="in place of those of systems.py")
    group.add_argument("--ssh-user", metavar="NAME", default=default.user, help="default %(default)s")
    group.add_argument("--ssh-key", metavar="FILE", default=default.key, help="for an image that wants one")
    group.add_argument("--disk", metavar="SIZE", default=default.disk, help="at least (default %(default)s)")
    group.add_argument("--setup-timeout", type=seconds, default=default.setup_s, help="default %(default)s s")


def machine(options: argparse.Namespace) -> Machine:
    """The virtual machine that is asked for."""
    memory = options.memory or Machine().memory
    return Machine(options.qemu, options.accel, options.cpu, options.cpus, memory, options.nic, options.qemu_options)


def make_host(options: argparse.Namespace, env: Mapping[str, str]) -> Runner:
    """The runner `host`."""
    return Host()


def make_uml(options: argparse.Namespace, env: Mapping[str, str]) -> Runner:
    """The runner `uml`."""
    default = Uml()
    return Uml(options.memory or default.memory, options.boot_timeout or default.boot_s)


def make_qemu(options: argparse.Namespace, env: Mapping[str, str]) -> Runner:
    """The runner `qemu`."""
    kernels = options.kernel or names(env.get(KERNELS, ""))
    return Qemu(kernels, machine(options), options.boot_timeout or Qemu().boot_s)


def make_image(options: argparse.Namespace, env: Mapping[str, str]) -> Runner:
    """The runners `freebsd` and `debian`."""
    system = WITH_IMAGE[options.runner]
    settings = Settings(
        options.image or env.get(system.variable, ""),
        options.offline,
        options.source,
        options.packages,
        options.ssh_user,
        options.ssh_key,
        options.disk,
        options.boot_timeout or Settings().boot_s,
        options.setup_timeout,
    )
    return Image(system, settings, machine(options))


Maker = Callable[[argparse.Namespace, Mapping[str, str]], Runner]
MAKERS: Dict[str, Maker] = {"host": make_host, "uml": make_uml, "qemu": make_qemu}
MAKERS.update(dict.fromkeys(WITH_IMAGE, make_image))


def end(number: int, frame: object) -> NoReturn:
    """Unwind, so that no guest is left behind by who ends us."""
    say(f"ended by signal {number}")
    sys.exit(128 + number)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Read the command line and run."""
    top = parser()
    options = top.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        top.error("no command; write it after --")
    signal.signal(signal.SIGTERM, end)
    try:
        runner = MAKERS[options.runner](options, os.environ)
        runner.prepare()
        return runner.run(Job(command, options.sysctl, options.timeout, options.bring, options.mtu))
    except RunnerError as exc:
        print(f"run.py: {exc}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
