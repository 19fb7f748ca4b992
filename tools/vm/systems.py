"""The systems that image.py can boot: what differs between FreeBSD and Debian, as data and shell lines.

How an image is booted, reached and used is the same for all, and stands in image.py.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Sequence, Tuple


class System(NamedTuple):
    """A system as the runner needs to know it. Shell lines run as root by /bin/sh, with an empty input."""

    name: str
    kernel: str  # what `uname -s` says
    backend: str  # the backend of its kernel
    variable: str  # names the image, if --image doesn't
    source: str  # where an image comes from
    calm: str  # lines that make a test machine of it; they may fail
    module: str  # loads SCTP, unless the kernel has it
    module_advice: str
    mtu: str  # sets that of lo to the number that follows
    installer: str  # installs the packages that follow
    installer_advice: str
    packages: Sequence[str]  # {py} is the digits of the Python that the first of them brings
    compiler_advice: str
    headers_advice: str
    arches: Dict[str, str]  # from `uname -m` to the names of tools/freebsd_cross.py


COMPILER = ("gcc", "libc6-dev")

FREEBSD = System(
    name="freebsd",
    kernel="FreeBSD",
    backend="freebsd",
    variable="SCTPFFI_FREEBSD_IMAGE",
    source="an official BASIC-CI image, unpacked; docs/freebsd.md says where it is",
    # A panic is to end the machine, not to wait at the debugger's prompt.
    calm="sysctl debug.debugger_on_panic=0\nsysctl kern.panic_reboot_wait_time=1",
    module="sysctl -n net.inet.sctp.sendspace >/dev/null 2>&1 || kldload sctp",
    module_advice="the kernel must be built with `options SCTP_SUPPORT` or `options SCTP`, as the releases' GENERIC is",
    mtu="ifconfig lo0 mtu",
    # The packages of a release may be older or newer than its image, which pkg would ask about.
    installer="env ASSUME_ALWAYS_YES=yes IGNORE_OSVERSION=yes pkg install -y",
    installer_advice="pkg wants the network, a clock that is right, and room on the disk (--disk)",
    packages=("python3", *(f"py{{py}}-{name}" for name in ("cffi", "pytest", "pytest-timeout", "pip"))),
    compiler_advice="use an image whose base system has clang, as the official ones, or install one (--packages), or"
    " build on this machine (--offline)",
    headers_advice="FreeBSD's packages have them; use those (no --packages), or build on this machine (--offline)",
    arches={"amd64": "x86_64", "arm64": "aarch64"},
)

DEBIAN = System(
    name="debian",
    kernel="Linux",
    backend="linux",
    variable="SCTPFFI_DEBIAN_IMAGE",
    source="tools/vm/debian_image.py makes one",
    calm="sysctl kernel.panic=-1\nsysctl kernel.panic_on_oops=1\nip link set lo up",
    module="[ -d /proc/sys/net/sctp ] || modprobe sctp",
    module_advice="the kernel must have the module sctp, as Debian's linux-image-amd64 does",
    mtu="ip link set lo mtu",
    installer="apt-get -q -o Acquire::Retries=3 update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y"
    " --no-install-recommends",
    installer_advice="apt-get wants the network, a clock that is right, and room on the disk (--disk)",
    packages=(
        "python3",
        *(f"python3-{name}" for name in ("cffi", "pytest", "pytest-timeout", "pip", "dev")),
        *COMPILER,
    ),
    compiler_advice="install gcc and libc6-dev (--packages), or build on this machine (--offline)",
    headers_advice="install python3-dev (--packages), or build on this machine (--offline)",
    arches={"x86_64": "x86_64"},
)

SYSTEMS: Tuple[System, ...] = (FREEBSD, DEBIAN)

MODULES = {"cffi": "cffi", "pytest": "pytest", "pytest_timeout": "pytest-timeout"}  # imported as, and called

# Finds an interpreter by every name that one may have, and says what it can do: lines of `name value`.
PROBE = """
PATH=$PATH:/usr/local/bin:/usr/bin
for name in python3 $(ls /usr/local/bin /usr/bin 2>/dev/null | grep -E '^python3[.][0-9]+$' | sort -t. -k2 -n -r); do
    found=$(command -v $name) || continue
    "$found" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || continue
    echo "python $found"
    "$found" - <<'END'
import importlib.util, os, sys, sysconfig
print("py %d%d" % sys.version_info[:2])
print("version %d.%d.%d" % sys.version_info[:3])
for name in ("cffi", "pytest", "pytest_timeout"):
    if importlib.util.find_spec(name):
        print("module", name)
if os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
    print("headers yes")
END
    break
done
compiler=$(command -v cc) && echo "compiler $compiler"
echo "machine $(uname -m)"
echo "kernel $(uname -s)"
echo "release $(uname -r)"
"""


class Facts(NamedTuple):
    """What PROBE found in the guest."""

    kernel: str
    release: str
    machine: str
    python: str  # "" if there is none that will do
    version: str
    py: str
    modules: Sequence[str]
    headers: bool
    compiler: bool


def read_facts(text: str) -> Facts:
    """What PROBE said; lines that are none of its own are passed over."""
    found: Dict[str, List[str]] = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        found.setdefault(name, []).append(value)
    one = {name: values[-1] for name, values in found.items()}
    return Facts(
        one.get("kernel", ""),
        one.get("release", ""),
        one.get("machine", ""),
        one.get("python", ""),
        one.get("version", ""),
        one.get("py", ""),
        found.get("module", []),
        "headers" in one,
        "compiler" in one,
    )


def wrong_system(facts: Facts, system: System) -> str:
    """The sentence about an image of another system; "" if it is right."""
    if facts.kernel == system.kernel:
        return ""
    return f"the image runs {facts.kernel or 'an unknown system'}, and --runner {system.name} wants {system.kernel}"


def lacks(facts: Facts, system: System, offline: bool) -> str:
    """The sentence about what is missing in the guest; "" if it has everything."""
    if not facts.python:
        there = "the image has no Python 3.9 or later"
        if offline:
            return f"{there}, and --offline installs nothing: leave --offline out, or put Python into the image"
        return f"{there} after {', '.join(system.packages)} were installed: name packages that bring one (--packages)"
    absent = [title for name, title in MODULES.items() if name not in facts.modules]
    if absent:
        named = f"{facts.python} ({facts.version}) in the guest has no {', '.join(absent)}"
        if offline:
            return f"{named}, and --offline installs nothing: leave --offline out, or put them into the image"
        return f"{named}: name packages that bring them (--packages)"
    if offline:
        return "" if facts.machine in system.arches else f"there is no build for a guest of {facts.machine} (--offline)"
    if not facts.compiler:
        return f"the guest has no compiler (cc): {system.compiler_advice}"
    if not facts.headers:
        return f"{facts.python} in the guest has no headers (Python.h): {system.headers_advice}"
    return ""
