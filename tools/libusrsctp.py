"""Builds libusrsctp where no package has it: `libusrsctp.py --prefix DIR [--source FILE_OR_FOLDER]`.

For the images that wheels are built in, and macOS. The release is pinned by its hash; cmake and a C compiler are
wanted. Who uses the library is told where it is by SCTPFFI_PREFIX, see build_ffi.py.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Optional, Sequence

VERSION = "0.9.5.0"
URL = f"https://github.com/sctplab/usrsctp/archive/refs/tags/{VERSION}.tar.gz"
SHA256 = "260107caf318650a57a8caa593550e39bca6943e93f970c80d6c17e59d62cd92"
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "CMAKE_INSTALL_LIBDIR": "lib",
    "CMAKE_POLICY_VERSION_MINIMUM": "3.5",  # the release asks for 3.0, which cmake 4 no longer knows
    "CMAKE_SHARED_LINKER_FLAGS": "-pthread",  # which a glibc before 2.34 has in a library of its own
    "sctp_build_shared_lib": "1",
    "sctp_build_programs": "0",
    "sctp_debug": "0",
    "sctp_werror": "0",  # newer compilers warn of more
}


class BuildError(Exception):
    """The library can't be built; the text says what to do."""


def run(*command: str) -> None:
    """Run a command, shown before it starts."""
    print(f"$ {shlex.join(command)}", flush=True)
    try:
        status = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is missing: install it") from None
    if status != 0:
        raise BuildError(f"status {status} of: {shlex.join(command)}")


def fetch(url: str, target: Path) -> Path:
    """Download the release."""
    print(f"fetching {url}", flush=True)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, open(target, "wb") as file:
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, OSError) as exc:
        raise BuildError(f"{url} can't be had ({exc}); give a copy by --source") from exc
    return target


def check(archive: Path) -> None:
    """Refuse any file but the pinned release."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise BuildError(f"{archive} is not libusrsctp {VERSION}: its SHA-256 is {found}, and not {SHA256}")


def sources(given: Optional[Path], scratch: Path) -> Path:
    """The unpacked sources: of a folder as they are, of an archive or the download if they are the pinned release."""
    if given is not None and given.is_dir():
        return given
    archive = given or fetch(URL, scratch / "usrsctp.tar.gz")
    if not archive.exists():
        raise BuildError(f"there is no {archive}")
    check(archive)
    run("tar", "-xzf", str(archive), "-C", str(scratch))
    return next(path for path in scratch.iterdir() if path.is_dir())


def build(source: Path, scratch: Path, prefix: Path) -> None:
    """Compile and install."""
    options = {
        **OPTIONS,
        "CMAKE_INSTALL_PREFIX": str(prefix),
        # On macOS, so that the tool which bundles the library finds it.
        "CMAKE_INSTALL_NAME_DIR": str(prefix / "lib"),
    }
    folder = str(scratch / "build")
    run("cmake", "-S", str(source), "-B", folder, *(f"-D{name}={value}" for name, value in options.items()))
    run("cmake", "--build", folder, "--parallel", str(os.cpu_count() or 1))
    run("cmake", "--install", folder)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=f"Build libusrsctp {VERSION}.")
    parser.add_argument("--prefix", required=True, type=Path, help="where to install it")
    parser.add_argument("--source", type=Path, help="its archive or unpacked sources, instead of a download")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="libusrsctp-") as scratch:
            build(sources(options.source, Path(scratch)), Path(scratch), options.prefix.resolve())
    except BuildError as exc:
        print(f"libusrsctp.py: {exc}", file=sys.stderr)
        return 1
    print(f"libusrsctp {VERSION} is in {options.prefix}; build sctpffi with SCTPFFI_PREFIX={options.prefix}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
