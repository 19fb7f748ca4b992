"""The runner `host`: the running kernel, in a network namespace of its own where that is allowed.

On FreeBSD and macOS the command runs as it is.
"""

from __future__ import annotations

import platform
import shutil
import signal
import subprocess
from pathlib import Path
from typing import List, NamedTuple, Optional

import linux_guest
from guest import LATE, Job, bring_here, say


class Host(NamedTuple):
    """The running kernel."""

    def prepare(self) -> None:
        """Everything is there."""

    def run(self, job: Job) -> int:
        """Run in a namespace if that is allowed, else as it is, and say so."""
        job = job.on(platform.release())
        option = namespace()
        command = list(job.command)
        if option is None or not shutil.which("ip"):
            say("no network namespace here; running on the host's own loopback")
        else:
            script = "\n".join([*linux_guest.setup_lines(job), 'exec "$@"'])
            command = [*option, "sh", "-e", "-c", script, "sh", *command]
        status = finish(subprocess.Popen(command), job.timeout_s)
        bring_here(job, Path.cwd(), status)
        return status


def namespace() -> Optional[List[str]]:
    """The command that makes a network namespace, None if none may be made."""
    if not shutil.which("unshare"):
        return None
    for option in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        if subprocess.run([*option, "true"], capture_output=True).returncode == 0:
            return option
    return None


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
        say(f"ended after {timeout:.0f} s")
        return LATE
