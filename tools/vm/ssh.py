"""Reaches a guest by ssh over a port of loopback: waiting for its sshd, running scripts, files there and back.

The guest is one that was made for tests: root, no password. Nothing of the user's own ssh configuration, keys or
known hosts is read or written.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import IO, Callable, List, NamedTuple, Optional, Union

from guest import RunnerError

PROGRAM = "ssh"
BANNER = b"SSH-"
ASK_S = 10.0  # for an answer; a guest that is busy starting its services takes a while
FOLDERS = "/usr/bin:/bin:/usr/local/bin"  # nothing else of the environment may steer ssh
LOST = 255  # ssh's own status: it could not connect, or lost the connection
# A prompt on the console says that the system is up. Keys are made at the first start, which takes its time.
AFTER_LOGIN_S = 180.0


class Address(NamedTuple):
    """Where the guest's sshd is, and who may come in."""

    port: int
    user: str = "root"
    key: str = ""  # a file, for images that want one


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, patience_s: float = ASK_S) -> bool:
    """Whether an sshd answers. QEMU itself takes connections from the start, so only the greeting tells."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as link:
            return link.recv(len(BANNER)) == BANNER
    except OSError:  # refused, reset, or silent: not yet
        return False


def wait_for(port: int, ended: Callable[[], bool], at_login: Callable[[], bool], limit_s: float) -> Optional[str]:
    """Wait for the guest's sshd; what went wrong, if anything."""
    start = time.monotonic()
    login: Optional[float] = None
    while not answers(port):
        now = time.monotonic()
        if ended():
            return "the machine ended, or started anew, before its sshd answered"
        if now - start > limit_s:
            return f"no sshd answered within {limit_s:.0f} s (--boot-timeout)"
        if login is None and at_login():
            login = now
        if login is not None and now - login > AFTER_LOGIN_S:
            return (
                f"the system asks for a login, but no sshd answers {AFTER_LOGIN_S:.0f} s later: the image must start"
                " sshd and get its address by DHCP (of FreeBSD's images, those named BASIC-CI do)"
            )
        time.sleep(0.5)
    return None


class Shell:
    """Runs scripts in the guest."""

    def __init__(self, address: Address, folder: Path) -> None:
        self.address = address
        self.folder = folder
        # Where a server asks for a password in spite of it being empty, this answers.
        self.askpass = folder / "askpass"
        self.askpass.write_text("#!/bin/sh\necho\n")
        self.askpass.chmod(0o700)

    def command(self, *words: str) -> List[str]:
        """The ssh command line. Guests are new each time, so there is nothing to know of their keys."""
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "GlobalKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "ConnectTimeout": "60",
            "NumberOfPasswordPrompts": "1",
            # Without this a guest that panics would be waited for until the time is over.
            "ServerAliveInterval": "20",
            "ServerAliveCountMax": "9",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "PubkeyAuthentication": "yes" if self.address.key else "no",
        }
        line = [PROGRAM, "-F", "/dev/null", "-T", "-p", str(self.address.port)]
        for name, value in options.items():
            line += ["-o", f"{name}={value}"]
        if self.address.key:
            line += ["-i", self.address.key]
        return [*line, f"{self.address.user}@127.0.0.1", *words]

    def start(
        self, words: List[str], stdin: Union[IO[bytes], int], stdout: Optional[int], stderr: Optional[int]
    ) -> subprocess.Popen[bytes]:
        """Start ssh."""
        env = {"PATH": FOLDERS, "SSH_ASKPASS": str(self.askpass), "SSH_ASKPASS_REQUIRE": "force"}
        program = shutil.which(PROGRAM) or PROGRAM
        command = [program, *self.command(*words)[1:]]
        return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, env=env, start_new_session=True)

    def script(self, text: str, limit_s: float, show: bool = False) -> Answer:
        """Run shell lines. They go in by the input, because the root of FreeBSD 13 has csh for a shell, which quotes
        otherwise; so they get an empty one. `show` passes the output on as it comes."""
        source = self.folder / "script"
        source.write_text(f"main() {{\n{text}\n}}\nmain </dev/null\nexit $?\n")
        with open(source, "rb") as stdin:
            pipe = None if show else subprocess.PIPE
            process = self.start(["/bin/sh"], stdin, pipe, None if show else subprocess.STDOUT)
            return finish(process, limit_s)

    def send(self, archive: Path, target: str, limit_s: float) -> Answer:
        """Unpack a tar file in a folder of the guest."""
        with open(archive, "rb") as stdin:
            process = self.start(["tar", "-xf", "-", "-C", target], stdin, subprocess.PIPE, subprocess.STDOUT)
            return finish(process, limit_s)

    def fetch(self, source: str, target: Path, limit_s: float) -> Answer:
        """Copy a file of the guest here; there is none unless it came whole."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        with open(part, "wb") as output:
            process = self.start(["cat", source], subprocess.DEVNULL, output.fileno(), subprocess.PIPE)
            answer = finish(process, limit_s)
        if answer.status == 0:
            part.replace(target)
        else:
            part.unlink()
        return answer


class Answer(NamedTuple):
    """How a command in the guest ended."""

    status: Optional[int]  # None: it took too long
    text: str = ""

    @property
    def lost(self) -> bool:
        """Whether the connection broke off, or ssh itself was killed."""
        return self.status is not None and (self.status == LOST or self.status < 0)


def finish(process: subprocess.Popen[bytes], limit_s: float) -> Answer:
    """Wait for ssh, for so long."""
    try:
        out, err = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        return Answer(None)
    finally:
        if process.poll() is None:
            # The whole group, and after it was interrupted, too.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return Answer(process.returncode, (out or err or b"").decode(errors="replace"))


def check() -> None:
    """See that there is ssh."""
    if not shutil.which(PROGRAM):
        raise RunnerError("ssh is missing: install OpenSSH's client (Debian: openssh-client)")
