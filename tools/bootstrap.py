"""Gets a fresh machine ready: `bootstrap.py demo`, `test`, `bench`, or `tox`. Standard library only, Python 3.9+.

Installs what the system lacks if it may, else names the one command that does, and makes .venv with what the step
needs. Done again it changes nothing. What is run afterwards is no concern of this file.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOX = "tox>=4.11"
PLATFORM = str(sys.platform)  # a plain str, so that mypy checks the code of all platforms


class BootstrapError(Exception):
    """The machine can't be made ready from here; the text says what to do."""


class Needs(NamedTuple):
    """Packages of the system: those without which it can't go on, and those that only allow more."""

    required: Sequence[str]
    optional: Sequence[str] = ()


def say(text: str) -> None:
    """Progress goes to the user at once."""
    print(f"bootstrap: {text}", flush=True)


def quiet(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command for its status and output."""
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)


# -- what is needed


def is_system_python() -> bool:
    """Whether the running Python is the system's package, so that its missing parts are packages too."""
    return os.path.realpath(sys.base_prefix) == "/usr"


def has_headers() -> bool:
    """Whether extensions can be built for the running Python."""
    return (Path(sysconfig.get_paths()["include"]) / "Python.h").exists()


def kernel_has_sctp() -> bool:
    """Whether the running kernel opens SCTP sockets; it loads its module for that if it may."""
    import socket

    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132).close()
    except OSError:
        return False
    return True


def debian_needs(step: str) -> Needs:
    """The Debian packages of a step."""
    if step == "tox":
        return Needs(["python3-venv"] if is_system_python() else [])
    required = ["libusrsctp-dev"]
    if not shutil.which("gcc"):
        required += ["gcc"]
    if not Path("/usr/include/linux/sctp.h").exists():
        required += ["libc6-dev", "linux-libc-dev"]  # which gcc only recommends
    if is_system_python():
        required += ["python3-venv", *([] if has_headers() else ["python3-dev"])]
    optional = [] if shutil.which("pkg-config") else ["pkg-config"]  # tells libusrsctp's version
    if step != "demo":
        if not kernel_has_sctp():
            required += ["user-mode-linux", "kmod"]
        required += ["iproute2"]
        optional += ["pypy3", "pypy3-dev"]
    if step == "bench":
        optional += ["libsctp-dev"]  # pysctp, which is compared with, is built against it
    return Needs(required, optional)


def freebsd_needs(step: str) -> Needs:
    """The FreeBSD packages of a step; pip builds cffi there, so it wants libffi. Further Pythons are not asked for."""
    return Needs([] if step == "tox" else ["libusrsctp", "libffi", "pkgconf"])


def elsewhere_needs(step: str) -> str:
    """What a system needs of which the package names are not known here."""
    found = "a C compiler, Python's headers, libusrsctp with its header, pkg-config"
    return found + {"test": ", and further Python versions to test with", "bench": ", and PyPy"}.get(step, "")


# -- Debian's packages


def apt_installed(package: str) -> bool:
    """Whether dpkg has it installed."""
    done = quiet(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package])
    return done.returncode == 0 and done.stdout.startswith("ii")


def has_candidate(policy: str) -> bool:
    """Whether apt could install it, from what `apt-cache policy` says."""
    found = re.search(r"^\s*Candidate:\s*(\S+)", policy, re.MULTILINE)
    return found is not None and found.group(1) != "(none)"


def apt_offers(package: str) -> bool:
    """Whether the package lists have it; always in English, because the answer is read."""
    done = subprocess.run(
        ["apt-cache", "policy", package], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}
    )
    return has_candidate(done.stdout)


def apt_get(*arguments: str) -> bool:
    """Run apt-get without questions, waiting for another one to end; whether it worked."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=180", *arguments]
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        print("\n".join(done.stdout.splitlines()[-15:]), file=sys.stderr)
    return done.returncode == 0


def ensure_debian(needs: Needs) -> None:
    """Install what is missing; a missing optional package that can't be had is only said."""
    required = [package for package in needs.required if not apt_installed(package)]
    optional = [package for package in needs.optional if not apt_installed(package)]
    if not required and not optional:
        return
    if os.geteuid() != 0:
        if required:
            raise BootstrapError(by_hand(["sudo", "apt-get", "install", "-y"], [*required, *optional]))
        say(f"not installed, and not needed to go on: {' '.join(optional)}")
        return
    if not all(apt_offers(package) for package in [*required, *optional]):
        apt_get("update")
    wanted = [*required, *filter(apt_offers, optional)]
    left_out = [package for package in optional if package not in wanted]
    if left_out:
        say(f"apt has no {' '.join(left_out)}; going on without")
    if not wanted:
        return
    say(f"apt-get install {' '.join(wanted)}")
    install = ["install", "--no-install-recommends", *wanted]
    # Lists that are too old name files that the mirror has no more.
    if not apt_get(*install) and not (apt_get("update") and apt_get(*install)):
        raise BootstrapError(by_hand(["apt-get", "install", "-y"], wanted))


# -- the other systems


def ensure_freebsd(needs: Needs) -> None:
    """As ensure_debian, with pkg."""
    missing = [package for package in needs.required if quiet(["pkg", "info", "-e", package]).returncode != 0]
    if not missing:
        return
    if os.geteuid() != 0:
        raise BootstrapError(by_hand(["sudo", "pkg", "install", "-y"], missing))
    say(f"pkg install {' '.join(missing)}")
    if subprocess.run(["pkg", "install", "-y", *missing], stdin=subprocess.DEVNULL).returncode != 0:
        raise BootstrapError(by_hand(["pkg", "install", "-y"], missing))


def by_hand(command: Sequence[str], packages: Sequence[str]) -> str:
    """The one command that helps."""
    return f"packages are missing; install them with:\n\n    {' '.join([*command, *packages])}\n"


def ensure_packages(step: str) -> None:
    """See to it that the system has what the step needs."""
    if shutil.which("apt-get") and shutil.which("dpkg-query"):
        ensure_debian(debian_needs(step))
    elif PLATFORM.startswith("freebsd"):
        ensure_freebsd(freebsd_needs(step))
    elif step != "tox":
        say(f"this system's packages are not known here; needed are: {elsewhere_needs(step)}")


# -- .venv


def venv_python() -> Path:
    """The interpreter of .venv."""
    return VENV / "bin" / "python"


def make_venv() -> None:
    """Make .venv, again if the one that is there does not run (a moved checkout, an interpreter that is gone)."""
    works = [str(venv_python()), "-m", "pip", "--version"]
    if venv_python().exists() and quiet(works).returncode == 0:
        return
    say(f"making {VENV.name} with {sys.executable}")
    done = quiet([sys.executable, "-m", "venv", "--clear", str(VENV)])
    if done.returncode != 0:
        raise BootstrapError(f"{sys.executable} -m venv failed:\n{done.stdout}{done.stderr}")


def once(name: str, content: str, command: Sequence[str]) -> None:
    """Run a command, unless it was run in this .venv with the same content."""
    stamp = VENV / f"{name}.stamp"
    wanted = hashlib.sha256(f"{sys.version}\0{VENV}\0{content}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"installing {name} into {VENV.name}")
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        raise BootstrapError(f"this failed: {' '.join(command)}")
    stamp.write_text(wanted)


def pip_install(*arguments: str) -> List[str]:
    """The command that installs into .venv."""
    return [str(venv_python()), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments]


def build_wheel(out: Path) -> Path:
    """The project's wheel, built with .venv's interpreter; not built again without need."""
    command = [str(venv_python()), str(ROOT / "tools" / "build_wheel.py"), "--out", str(out)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise BootstrapError("the package can't be built; see above")
    return Path(done.stdout.splitlines()[-1])


def install_project() -> None:
    """Install the project itself, as a user gets it; the checkout stays as it is."""
    wheel = build_wheel(VENV / "wheel")
    content = (wheel.parent / "fingerprint").read_text()
    once("sctpffi", content, pip_install("--force-reinstall", str(wheel)))  # the version may be that of an older build


def ensure(step: str) -> None:
    """Make this machine ready for "demo", "test", "bench" or "tox"; BootstrapError says what is left to do by hand."""
    if sys.version_info < (3, 9):  # noqa: UP036  # who runs it by hand may have any python3
        raise BootstrapError(f"Python 3.9 or newer is needed; {sys.executable} is {sys.version.split()[0]}")
    ensure_packages(step)
    make_venv()
    if step == "demo":
        install_project()
    else:
        once("tox", TOX, pip_install(TOX))


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Get this machine ready.")
    parser.add_argument("step", choices=("demo", "test", "bench", "tox"))
    options = parser.parse_args(arguments)
    try:
        ensure(options.step)
    except BootstrapError as exc:
        print(f"bootstrap: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
