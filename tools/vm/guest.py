"""What all runners share: the job, the interface, the one error, and how the end of a console is shown.

A runner is one file: host.py, uml.py, qemu.py, image.py. Nothing here starts anything, or knows what is run.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import List, NamedTuple, Protocol, Sequence, Tuple

FAILED = 125  # the kernel could not be had, hung or panicked
LATE = 124  # the command was ended on a kernel that goes on, as timeout(1) has it
ROOT = Path(__file__).resolve().parents[2]
KERNEL = "@KERNEL@"
SHOWN = 60  # lines of a console; the trace of a panic is some 50
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])|[\x00-\x08\x0b-\x1f]")


class RunnerError(Exception):
    """The kernel could not be had; the command's own failure is not one. The text says what to do."""


class Job(NamedTuple):
    """What is to be run."""

    command: Sequence[str]
    sysctls: Sequence[str] = ()  # NAME=VALUE
    timeout_s: float = 900
    bring: Sequence[Tuple[str, Path]] = ()  # a file of the command's directory, and where it is to be here
    mtu: int = 0  # of lo; 0: the kernel's own

    def on(self, release: str) -> Job:
        """The job on a kernel, whose release stands for @KERNEL@: so results of several don't overwrite each other."""
        bring = [(name.replace(KERNEL, release), Path(str(path).replace(KERNEL, release))) for name, path in self.bring]
        return self._replace(command=[word.replace(KERNEL, release) for word in self.command], bring=bring)


class Runner(Protocol):
    """A place to run commands in."""

    def prepare(self) -> None:
        """See that everything is there; RunnerError says what is to be installed or named."""

    def run(self, job: Job) -> int:
        """Run a job to its end, within its time; its status. RunnerError has the end of the console."""


def say(text: str) -> None:
    """Progress, beside the command's own output."""
    print(f"run.py: {text}", file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """What a console shows, without what moves its cursor."""
    return _ESCAPES.sub("", text.replace("\r", "\n"))


def last_lines(path: Path, count: int = SHOWN) -> List[str]:
    """The last lines of a file that are not empty; of a file that isn't there, none."""
    try:
        lines = plain(path.read_text(errors="replace")).splitlines()
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in lines if line.strip()][-count:]


def with_console(trouble: str, console: Path, log: Path) -> RunnerError:
    """The error of a guest: what went wrong, what its machine said, and the end of its console."""
    said = last_lines(log, 10)
    shown = last_lines(console)
    text = trouble
    if said:
        text += "; the machine said:\n" + "\n".join(said) + "\nand"
    elif shown:
        text += ";"
    return RunnerError(text + (" the end of the console:\n" + "\n".join(shown) if shown else " its console is empty"))


def bring_here(job: Job, folder: Path, status: int) -> None:
    """Copy what a command has left in a folder of this machine."""
    for name, target in job.bring:
        source = folder / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.resolve() != target.resolve():
                shutil.copyfile(source, target)
        else:
            missing(name, status)


def missing(name: str, status: int) -> None:
    """A file that should have come: an error of ours unless the command failed, which is told already."""
    if status == 0:
        raise RunnerError(f"the command ended well and left no {name}; write it into the directory that it runs in")
    say(f"the command left no {name}")
