"""Builds the FFI object of each backend: what cffi parses, which C file, which libraries.

This is the only build-time platform switch. Nothing here is imported at run time, and no SCTP constant
belongs here: the C files and the stack's header know them.

Environment: SCTPFFI_BACKENDS=linux,usrsctp builds exactly these; one that cannot be built is then an error.
Without it, everything that can be built here is, and what can't is recorded with its reason in
sctpffi/backends/_build_info.py, which `sctpffi info` shows. SCTPFFI_PREFIX=/opt/usrsctp is where libusrsctp was
installed, if it is not in the system's own places. SCTPFFI_CFLAGS has further flags of the compiler.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from cffi import FFI

HERE = Path(__file__).resolve().parent
CSRC = HERE / "csrc"
PLATFORM = str(sys.platform)  # a plain str, so that mypy checks the code of all platforms
BUILD_INFO = HERE / "sctpffi" / "backends" / "_build_info.py"


class Spec(NamedTuple):
    """What one backend is built from."""

    source: str
    cdefs: Tuple[str, ...]
    spc_type: str  # of spc_state and spc_error, which differ in sign
    header: str
    libraries: Tuple[str, ...]
    platforms: Tuple[str, ...]
    advice: str


SPECS: Dict[str, Spec] = {
    "linux": Spec(
        "sfi_linux.c",
        ("structs.cdef.h", "structs_linux.cdef.h"),
        "int32_t",
        "linux/sctp.h",
        (),
        ("linux",),
        "install the kernel's headers (Debian: linux-libc-dev)",
    ),
    "freebsd": Spec(
        "sfi_freebsd.c",
        ("structs.cdef.h", "structs_bsd.cdef.h"),
        "uint32_t",
        "netinet/sctp.h",
        (),
        ("freebsd",),
        "install FreeBSD's base system with its headers, of which netinet/sctp.h is one",
    ),
    "usrsctp": Spec(
        "sfi_usrsctp.c",
        ("structs.cdef.h", "structs_bsd.cdef.h"),
        "uint32_t",
        "usrsctp.h",
        ("usrsctp",),
        ("linux", "freebsd", "darwin"),
        "install libusrsctp with its header (Debian: libusrsctp-dev; FreeBSD and macOS: package libusrsctp)",
    ),
}


def shim_cdef() -> str:
    """The part of sfi.h between its cdef marks."""
    text = (CSRC / "sfi.h").read_text()
    return text.split("/* cdef: begin */")[1].split("/* cdef: end */")[0]


def struct_cdef(spec: Spec) -> str:
    """The native structs, with cffi's notation in place of the macros that keep the files valid C."""
    text = "\n".join((CSRC / name).read_text() for name in spec.cdefs)
    text = text.replace("typedef SFI_INT ", "typedef int... ").replace("SFI_SPC", spec.spc_type)
    return re.sub(r"SFI_DOTS", "...", text)


def prefixes() -> List[str]:
    """Where packages are installed besides the system's own place: SCTPFFI_PREFIX first."""
    given = os.environ.get("SCTPFFI_PREFIX", "")
    others = ("/usr/local", "/opt/homebrew") if PLATFORM != "linux" else ()
    return [p for p in (given, *others) if p and os.path.isdir(p + "/include")]


def include_dirs() -> List[str]:
    """Where headers lie besides the compiler's own places: FreeBSD's and macOS' package prefixes."""
    found = [str(CSRC)]
    return found + [prefix + "/include" for prefix in prefixes()]


def library_dirs() -> List[str]:
    """As include_dirs, for libraries."""
    return [prefix + "/lib" for prefix in prefixes()]


def usrsctp_version() -> str:
    """The installed library's version as its file for pkg-config tells it; the header has none."""
    for folder in library_dirs():
        told = Path(folder) / "pkgconfig" / "usrsctp.pc"
        found = re.search(r"^Version: *(\S+)", told.read_text(), re.MULTILINE) if told.exists() else None
        if found is not None:
            return found.group(1)
    try:
        done = subprocess.run(["pkg-config", "--modversion", "usrsctp"], capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def own_flags() -> List[str]:
    """Further compiler flags, for sanitizers and the like."""
    return shlex.split(os.environ.get("SCTPFFI_CFLAGS", ""))


def make_ffi(name: str) -> FFI:
    """The FFI object of one backend, ready to compile."""
    spec = SPECS[name]
    ffi = FFI()
    ffi.cdef(struct_cdef(spec))
    ffi.cdef(shim_cdef())
    macros = [("SFI_USRSCTP_VERSION", '"%s"' % usrsctp_version())] if name == "usrsctp" else []
    ffi.set_source(
        "sctpffi.backends._ffi_%s" % name,
        '#include "%s"' % spec.source,
        include_dirs=include_dirs(),
        library_dirs=library_dirs(),
        libraries=list(spec.libraries),
        define_macros=macros,
        depends=[str(p) for p in sorted(CSRC.iterdir())],
        # Linux packs some structs, and cffi's own checks take the address of their members.
        extra_compile_args=["-std=c11", "-Wno-address-of-packed-member", *own_flags()],
    )
    return ffi


def ffi_linux() -> FFI:
    """Entry point for setup.py."""
    return make_ffi("linux")


def ffi_freebsd() -> FFI:
    """Entry point for setup.py."""
    return make_ffi("freebsd")


def ffi_usrsctp() -> FFI:
    """Entry point for setup.py."""
    return make_ffi("usrsctp")


def compiler() -> List[str]:
    """The C compiler that the extension will be built with."""
    return shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")


def first_error(includes: List[str], *flags: str) -> Optional[str]:
    """What the compiler says about a program that includes these headers, linked without -c; None if it is content."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.c"
        lines = ["#include <%s>\n" % header for header in includes]
        probe.write_text("".join(lines) + "int main(void) { return 0; }\n")
        command = [*compiler(), str(probe), "-o", str(Path(folder) / "probe"), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    text = done.stderr.replace(folder + os.sep, "").splitlines()
    # The linker says what it misses one line before the compiler says that it failed.
    telling = [line for line in text if "error" in line.lower() or "cannot find" in line]
    return (telling or text or ["no message"])[0]


def no_tools() -> Optional[str]:
    """Why nothing at all can be built here, or None."""
    try:
        # Not linked: PyPy's header refers to functions that only its own process has.
        trouble = first_error(["Python.h"], "-c", *("-I" + d for d in python_includes()))
    except OSError as exc:
        return (
            "no C compiler: %s; install one (Debian: gcc; macOS: xcode-select --install) or name one by CC, and build"
            " again" % exc
        )
    if trouble is None:
        return None
    return (
        "<Python.h> is missing or unusable (%s): install the headers of this Python (Debian: python3-dev, pypy3-dev;"
        " Fedora: python3-devel), and build again" % trouble
    )


def python_includes() -> List[str]:
    """Where the headers of the running Python lie."""
    return list(dict.fromkeys(sysconfig.get_path(name) for name in ("include", "platinclude")))


def wrong_platform(name: str) -> Optional[str]:
    """Why a backend can't be for this platform, or None."""
    platforms = SPECS[name].platforms
    if PLATFORM.startswith(platforms):
        return None
    return "it is for %s, and this is %s" % (", ".join(platforms), PLATFORM)


def why_not(name: str) -> Optional[str]:
    """The reason why a backend can't be built here, or None: tried with the compiler, not guessed."""
    reason = wrong_platform(name) or no_tools()
    if reason is not None:
        return reason
    spec = SPECS[name]
    flags = ["-I" + d for d in include_dirs()] + ["-L" + d for d in library_dirs()]
    flags += ["-l" + library for library in spec.libraries]
    # The BSD header wants these before it.
    trouble = first_error(["sys/types.h", "sys/socket.h", "netinet/in.h", "stdint.h", spec.header], *flags)
    if trouble is None:
        return None
    return "<%s> is missing or unusable (%s): %s, and build again" % (spec.header, trouble, spec.advice)


def left_out(name: str) -> str:
    """Why a backend that SCTPFFI_BACKENDS does not name is not built."""
    return wrong_platform(name) or "SCTPFFI_BACKENDS left it out; build again without that variable"


def plan() -> Tuple[List[str], Dict[str, str]]:
    """Which backends to build, and why the others are not."""
    wanted = [name.strip() for name in os.environ.get("SCTPFFI_BACKENDS", "").split(",") if name.strip()]
    unknown = [name for name in wanted if name not in SPECS]
    if unknown:
        raise SystemExit("SCTPFFI_BACKENDS names %s; there are only %s" % (", ".join(unknown), ", ".join(SPECS)))
    reasons: Dict[str, str] = {}
    build: List[str] = []
    for name in SPECS:
        reason = why_not(name) if not wanted or name in wanted else left_out(name)
        if reason is None:
            build.append(name)
        elif name in wanted:
            raise SystemExit("SCTPFFI_BACKENDS asks for %r, which can't be built: %s" % (name, reason))
        else:
            reasons[name] = reason
    return build, reasons


def record(build: List[str], reasons: Dict[str, str]) -> None:
    """Write down for run time what was built and what was not."""
    BUILD_INFO.write_text(
        '"""Written by build_ffi.py: which backends were built, and why others were not. Not edited by hand."""\n\n'
        "from __future__ import annotations\n\nfrom typing import Dict, Tuple\n\n"
        "BUILT: Tuple[str, ...] = %r\nNOT_BUILT: Dict[str, str] = %r\n" % (tuple(build), reasons)
    )


def cffi_modules() -> List[str]:
    """What setup.py hands to cffi's setuptools hook."""
    build, reasons = plan()
    record(build, reasons)
    return ["build_ffi.py:ffi_%s" % name for name in build]
