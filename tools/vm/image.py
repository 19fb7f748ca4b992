"""The runners `freebsd` and `debian`: a disk image of a system, booted in a virtual machine and reached by ssh.

The image stays as it was. The source tree is carried in, Python and what the tests need come from the system's
packages, the package is built there from its sdist, the job runs, its status and files come back. What differs between
the systems stands in systems.py.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, NoReturn, Sequence

import disk
import source
import ssh
from guest import ROOT, Job, RunnerError, last_lines, missing, say
from machine import EMULATION, Machine, Running
from systems import PROBE, Facts, System, lacks, read_facts, wrong_system

WORK = "/root/sctpffi"  # in the guest
PREFIX = "SCTPFFI_"
# Names things of this machine.
NOT_PASSED = ("SCTPFFI_FREEBSD_IMAGE", "SCTPFFI_DEBIAN_IMAGE", "SCTPFFI_KERNELS", "SCTPFFI_CFLAGS", "SCTPFFI_PREFIX")


class Settings(NamedTuple):
    """What can differ from image to image; each is an option of run.py."""

    image: str = ""
    offline: bool = False  # nothing is installed or built in the guest, and it has no way out
    source: Path = ROOT  # the tree, or an sdist of it
    packages: Sequence[str] = ()  # in place of the system's; names change with releases
    user: str = "root"  # an image of one's own may have another, who must be able to do everything
    key: str = ""  # or want a key
    disk: str = "12G"  # official images have little room left; they grow into a larger disk when they start
    boot_s: float = 900  # emulated, a first start makes ssh's keys and may take minutes
    setup_s: float = 3600  # packages, and the build, emulated and over a slow network


class Image(NamedTuple):
    """A system on a disk image."""

    system: System
    settings: Settings
    machine: Machine = Machine()

    def prepare(self) -> None:
        """See that the image and all tools are there."""
        if not self.settings.image:
            raise RunnerError(
                f"no image is named: set {self.system.variable}=FILE, or --image FILE, to {self.system.source}"
            )
        disk.kind_of(Path(self.settings.image))
        self.machine.check()
        disk.check()
        ssh.check()

    def run(self, job: Job) -> int:
        """Boot, set up, run, bring back."""
        folder = Path(tempfile.mkdtemp(prefix=f"sctpffi-{self.system.name}-"))
        try:
            place = disk.overlay(Path(self.settings.image), folder, self.settings.disk)
            accel = self.machine.accelerator()
            how = "emulated, some ten times slower" if accel == EMULATION else f"by {accel}"
            say(f"booting {self.settings.image}, {how}")
            port = ssh.free_port()
            rest = disk_and_network(place, self.machine.nic, port, self.settings.offline)
            with Running(self.machine, accel, folder, rest) as guest:
                address = ssh.Address(port, self.settings.user, self.settings.key)
                return Visit(self, guest, ssh.Shell(address, folder)).run(job)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def disk_and_network(place: Path, nic: str, port: int, offline: bool) -> List[str]:
    """QEMU's options for them. The guest's sshd is reached on loopback only; offline, nothing else is."""
    drive = f"file={str(place).replace(',', ',,')},format=qcow2,if=virtio,cache=unsafe"
    network = f"user,model={nic},hostfwd=tcp:127.0.0.1:{port}-:22" + (",restrict=on" if offline else "")
    return ["-drive", drive, "-nic", network]


class Visit:
    """One guest, from its boot to the job's end."""

    def __init__(self, image: Image, guest: Running, shell: ssh.Shell) -> None:
        self.image, self.system, self.settings = image, image.system, image.settings
        self.guest, self.shell = guest, shell
        self.deadline = float("inf")

    def run(self, job: Job) -> int:
        """All of it."""
        self.wait_for_ssh()
        self.deadline = time.monotonic() + self.settings.setup_s
        facts = self.greet()
        self.set_up(job)
        if not self.settings.offline:
            self.install()
            facts = self.look()
        sentence = lacks(facts, self.system, self.settings.offline)
        if sentence:
            raise RunnerError(sentence)
        self.carry_in(facts)
        if not self.settings.offline:
            self.build()
        say(f"set up after {self.guest.seconds():.0f} s; {self.system.kernel} {facts.release}, Python {facts.version}")
        job = job.on(facts.release)
        status = self.run_job(job)
        self.bring(job, status)
        return status

    # -- steps

    def wait_for_ssh(self) -> None:
        """Until the system is up."""
        trouble = ssh.wait_for(self.shell.address.port, self.guest.ended, self.at_login, self.settings.boot_s)
        if trouble is not None:
            raise self.guest.trouble(trouble)
        say(f"its sshd answers after {self.guest.seconds():.0f} s")

    def at_login(self) -> bool:
        """Whether the console asks for a login."""
        return any("login:" in line for line in last_lines(self.guest.console, 3))

    def greet(self) -> Facts:
        """The first script: whether we are let in, and into what."""
        answer = self.shell.script(PROBE, self.left())
        if answer.lost and "denied" in answer.text:
            raise RunnerError(
                f"the guest's sshd does not let {self.settings.user} in without a password ({answer.text.strip()}):"
                " use an image that does (of FreeBSD's, those named BASIC-CI), or name a key (--ssh-key, --ssh-user)"
            )
        facts = read_facts(self.settled("the first command", answer).text)
        sentence = wrong_system(facts, self.system)
        if sentence:
            raise RunnerError(sentence)
        return facts

    def look(self) -> Facts:
        """What the guest has now."""
        return read_facts(self.script("looking for Python", PROBE).text)

    def set_up(self, job: Job) -> None:
        """Make a machine for tests of it: panics end it, SCTP is there, sysctls and MTU are set."""
        self.script("setting up", self.system.calm)
        answer = self.script("loading SCTP", self.system.module)
        if answer.status != 0:
            raise RunnerError(
                f"the guest's kernel has no SCTP: `{self.system.module}` said: {answer.text.strip()};"
                f" {self.system.module_advice}"
            )
        for item in job.sysctls:
            self.wanted(f"--sysctl {item}", f"sysctl {shlex.quote(item)}")
        if job.mtu:
            self.wanted(f"--mtu {job.mtu}", f"{self.system.mtu} {job.mtu}")

    def install(self) -> None:
        """Packages: first those whose names don't depend on Python's version, then the others."""
        names = list(self.settings.packages or self.system.packages)
        self.install_some([name for name in names if "{py}" not in name])
        rest = [name for name in names if "{py}" in name]
        if rest:
            py = self.look().py
            if not py:
                raise RunnerError(f"there is no python3 to which {', '.join(rest)} could belong: name one (--packages)")
            self.install_some([name.replace("{py}", py) for name in rest])

    def install_some(self, names: Sequence[str]) -> None:
        """Install them."""
        if not names:
            return
        say(f"installing {' '.join(names)}")
        answer = self.script("installing packages", f"{self.system.installer} {shlex.join(names)}")
        if answer.status != 0:
            raise RunnerError(
                f"these packages could not be installed: {', '.join(names)}; {self.system.installer_advice}. Without a"
                f" network, use --offline. What was said:\n{ending(answer.text)}"
            )

    def carry_in(self, facts: Facts) -> None:
        """Copy the tree in, and give the interpreter a name that the job may count on."""
        archive = self.shell.folder / "source.tar"
        if self.settings.offline:
            say("building here")
            source.pack_built(self.system, self.system.arches[facts.machine], self.shell.folder, archive)
        else:
            source.pack_source(self.settings.source, archive)
            source.add_setuptools(archive, self.shell.folder)
        self.done("making a folder", self.script("making a folder", f"mkdir -p {WORK}/bin {WORK}/run {WORK}/site"))
        self.done("copying", self.settled("copying", self.shell.send(archive, WORK, self.left())))
        lines = f"ln -s {facts.python} {WORK}/bin/python3 && cp -R {WORK}/source/tests {WORK}/run/tests"
        self.done("arranging files", self.script("arranging files", lines))

    def build(self) -> None:
        """Make the sdist there and install it, with the system's own cffi and the setuptools that was carried in."""
        say("building")
        lines = [
            f"cd {WORK}/source && {self.exports()} || return 1",
            f"export SCTPFFI_BACKENDS={shlex.quote(os.environ.get('SCTPFFI_BACKENDS') or self.system.backend)}",
            "export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1",
            f"python3 -m pip install -q --no-index --no-deps --target {WORK}/build {WORK}/wheels/*.whl || return 1",
            f"export PYTHONPATH={WORK}/build:$PYTHONPATH",
            "python3 setup.py -q sdist -d ../dist || return 1",
            "python3 -m pip install -q --no-build-isolation --no-deps --no-index --target ../site ../dist/*.tar.gz",
        ]
        self.done("building", self.script("building", "\n".join(lines)))

    def run_job(self, job: Job) -> int:
        """Run it; its output goes where ours does."""
        # 255 is ssh's own, for a connection that broke off.
        lines = [f"cd {WORK}/run && {self.exports()} || return 254", shlex.join(job.command)]
        lines += ["status=$?", "[ $status -ne 255 ] || status=254", "return $status"]
        answer = self.shell.script("\n".join(lines), job.timeout_s, show=True)
        if answer.status is None:
            raise self.guest.trouble(f"no end after {job.timeout_s:.0f} s (--timeout)")
        if answer.lost:
            self.lost("the command", answer)
        return answer.status

    def bring(self, job: Job, status: int) -> None:
        """Copy files from the guest."""
        for name, target in job.bring:
            answer = self.shell.fetch(f"{WORK}/run/{name}", target, 120)
            if answer.lost:
                self.lost(f"fetching {name}", answer)
            if answer.status != 0:
                missing(name, status)

    # -- what each step needs

    def exports(self) -> str:
        """The environment of what runs in the guest: our own variables, and where things are."""
        own = {name: value for name, value in os.environ.items() if name.startswith(PREFIX) and name not in NOT_PASSED}
        env: Dict[str, str] = {**own, "PYTHONPATH": f"{WORK}/site", "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}
        # A login by ssh need not have the packages' place in its PATH.
        words = [f"PATH={WORK}/bin:$PATH:/usr/local/bin:/usr/sbin:/sbin"]
        return "export " + " ".join([*words, *(f"{name}={shlex.quote(value)}" for name, value in env.items())])

    def left(self) -> float:
        """Seconds that are left for setting up."""
        return max(1.0, self.deadline - time.monotonic())

    def script(self, what: str, lines: str) -> ssh.Answer:
        """A step of the set-up."""
        return self.settled(what, self.shell.script(lines, self.left()))

    def settled(self, what: str, answer: ssh.Answer) -> ssh.Answer:
        """The answer of a guest that is still there."""
        if answer.status is None:
            limit = self.settings.setup_s
            raise self.guest.trouble(f"{what}: setting up took more than {limit:.0f} s (--setup-timeout)")
        if answer.lost:
            self.lost(what, answer)
        return answer

    def wanted(self, option: str, line: str) -> None:
        """What an option asks for; the guest may refuse it."""
        answer = self.script(option, line)
        if answer.status != 0:
            raise RunnerError(f"{option}: {answer.text.strip()}")

    def done(self, what: str, answer: ssh.Answer) -> None:
        """A step that has to work."""
        if answer.status != 0:
            raise RunnerError(f"{what} failed in the guest with status {answer.status}:\n{ending(answer.text)}")

    def lost(self, what: str, answer: ssh.Answer) -> NoReturn:
        """The connection broke off: the guest panicked, hung, or ended."""
        said = f" ({answer.text.strip()})" if answer.text.strip() else ""
        raise self.guest.trouble(f"{what}: the guest is gone, it panicked or hung{said}")


def ending(text: str) -> str:
    """The last lines of an output."""
    return "\n".join(f"  | {line}" for line in text.strip().splitlines()[-15:])
