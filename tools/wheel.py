"""The sdist and the Linux wheel as they are published, and everything that is checked of them: `wheel.py --out DIR`.

The sdist is made of a copy of the tree, the wheel of the sdist; auditwheel puts libusrsctp into it. Both are tried in
clean environments of other CPythons, with the sdist's own tests. The checks themselves are other projects' tools.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set

import check
from build_wheel import LEFT_OVER, files_below

ROOT = Path(__file__).resolve().parent.parent
# What is in a checkout and of no use to those who have the sdist.
NOT_SOURCE = (".git", ".gitignore", ".ci", ".tox", ".venv", ".cache", ".benchmarks", ".*_cache", "build", "dist",
              "*.egg-info", "*.orig", "*.rej", *LEFT_OVER)  # fmt: skip
BACKENDS = "linux,usrsctp"
LOWEST_CFFI = "cffi==1.15.0"  # of pyproject.toml
LOOPS = "asyncio,trio"


class WheelError(Exception):
    """What would be published is not good; the text says why."""


class Built(NamedTuple):
    """What would be published, and the sdist's content."""

    sdist: Path
    wheel: Path
    unpacked: Path


def run(*command: str, env: Optional[Dict[str, str]] = None, cwd: Optional[Path] = None) -> None:
    """Run a command, shown before it starts."""
    print(f"\n$ {shlex.join(command)}", flush=True)
    status = subprocess.run(command, env={**os.environ, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL).returncode
    if status != 0:
        raise WheelError(f"status {status} of: {shlex.join(command)}")


def python(module: str, *arguments: str, env: Optional[Dict[str, str]] = None) -> None:
    """Run a module with the running interpreter."""
    run(sys.executable, "-m", module, *arguments, env=env)


def the_one(folder: Path, pattern: str) -> Path:
    """The only file of a kind."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise WheelError(f"{len(found)} files {pattern} in {folder}, and not one")
    return found[0]


# -- building


def names_below(folder: Path) -> Set[str]:
    """All files, as they are called from there."""
    return {path.relative_to(folder).as_posix() for path in files_below(folder)}


def check_tag(tag: str, sdist: Path) -> None:
    """A tag that is about to be published must be of this version."""
    if tag and sdist.name != f"sctpffi-{tag.lstrip('v')}.tar.gz":
        raise WheelError(f"the tag {tag} is not of {sdist.name}; see sctpffi/_version.py")


def build(out: Path, root: Path = ROOT) -> Built:
    """An sdist that has everything, and the wheel that is built of it."""
    shutil.rmtree(out, ignore_errors=True)
    copy = out / "copy"
    shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    wanted = names_below(copy)
    python("build", "--outdir", str(out / "dist"), str(copy), env={"SCTPFFI_BACKENDS": BACKENDS})
    sdist, wheel = the_one(out / "dist", "*.tar.gz"), the_one(out / "dist", "*.whl")
    (out / "sdist").mkdir()
    run("tar", "-xzf", str(sdist), "-C", str(out / "sdist"))
    unpacked = the_one(out / "sdist", "*")
    lacking = sorted(wanted - names_below(unpacked))
    if lacking:
        raise WheelError(f"the sdist lacks {', '.join(lacking)}; see MANIFEST.in")
    return Built(sdist, repair(wheel, out / "repaired"), unpacked)


def bundled(wheel: Path) -> List[str]:
    """The libraries that were put into a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if ".libs/" in name and ".so" in name]


def repair(wheel: Path, out: Path) -> Path:
    """The wheel with libusrsctp inside, and nothing else, for the oldest glibc that it can be for."""
    python("auditwheel", "repair", "--wheel-dir", str(out), str(wheel))
    repaired = the_one(out, "*.whl")
    python("auditwheel", "show", str(repaired))
    libraries = bundled(repaired)
    if len(libraries) != 1 or "/libusrsctp-" not in libraries[0]:
        raise WheelError(f"libusrsctp alone should be in the wheel, and there is {', '.join(libraries) or 'nothing'}")
    if "manylinux" not in repaired.name:
        raise WheelError(f"{repaired.name} is for no manylinux")
    return repaired


def audit(built: Built) -> None:
    """What PyPI would say of both, and whether the modules keep to the stable ABI that their names promise."""
    python("twine", "check", "--strict", str(built.sdist), str(built.wheel))
    python("abi3audit", "--strict", "--summary", str(built.wheel))


# -- trying


def clean_env(interpreter: str, folder: Path, *packages: str) -> Path:
    """The interpreter of a new environment that has these packages and what they depend on."""
    run(interpreter, "-m", "venv", "--clear", str(folder))
    mine = folder / "bin" / "python"
    run(str(mine), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *packages)
    return mine


def others(found: Dict[str, check.Interpreter], own: str) -> List[check.Interpreter]:
    """The lowest and the highest CPython that the wheel was not built with, or the one that there is."""
    names = sorted((name for name in found if name.startswith("py3") and not name.endswith("t")), key=check.version_key)
    names = [name for name in names if name != own] or names
    return [found[name] for name in dict.fromkeys([*names[:1], *names[-1:]])]


def try_out(built: Built, out: Path, junit: Path) -> Iterator[str]:
    """The first steps on the lowest CPython, with the lowest cffi; those and the contract suite on the highest.

    Yields what was tried. The package comes from the wheel, the tests from the sdist.
    """
    chosen = others(check.find_interpreters(), check.own_env())
    if not chosen:
        raise WheelError("there is no CPython from 3.9 on in PATH")
    empty = out / "empty"
    empty.mkdir()
    smoke = [str(built.unpacked / "tools" / "smoke.py"), "--backends", BACKENDS, "--bundled"]
    lowest = clean_env(chosen[0].path, out / "lowest", LOWEST_CFFI, str(built.wheel))
    run(str(lowest), "-W", "error", *smoke, cwd=empty)
    yield f"{chosen[0].title} with {LOWEST_CFFI}"
    highest = clean_env(chosen[-1].path, out / "highest", f"{built.wheel}[trio]", "pytest", "pytest-timeout")
    run(str(highest), "-W", "error", *smoke, cwd=empty)
    suite = [str(highest), str(built.unpacked / "tools" / "vm" / "run.py"), "--runner", "host", "--", str(highest)]
    suite += ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(built.unpacked / "tests" / "contract")]
    suite += ["--backend=usrsctp", f"--junitxml={junit}"]
    run(*suite, cwd=empty, env={"SCTPFFI_EXPECT_LOOPS": LOOPS})
    yield f"{chosen[-1].title}, with the contract suite"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build sdist and wheel as they are published, and check them.")
    parser.add_argument("--out", required=True, type=Path, help="a folder that is emptied first")
    parser.add_argument("--junitxml", required=True, type=Path, help="where the contract suite's results go")
    options = parser.parse_args(arguments)
    out = options.out.resolve()
    try:
        built = build(out)
        check_tag(os.environ.get("SCTPFFI_TAG", ""), built.sdist)
        audit(built)
        tried = list(try_out(built, out, options.junitxml.resolve()))
    except WheelError as exc:
        print(f"wheel.py: {exc}", file=sys.stderr)
        return 1
    print(f"\n{built.sdist}\n{built.wheel}\ntried on {' and '.join(tried)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
