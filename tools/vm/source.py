"""What is carried into a guest: the source tree, or a tree that was built here; each as a tar file.

How it gets there is the business of ssh.py.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Optional

from guest import ROOT, RunnerError
from systems import System

# What the sdist is made of, and the suite.
FILES = ("pyproject.toml", "setup.py", "build_ffi.py", "MANIFEST.in", "LICENSE", "Makefile", "tox.ini")
FOLDERS = ("csrc", "sctpffi", "tests", "tools", "docs", "examples")
PIP = (sys.executable, "-m", "pip")
LEFT_OVER = (".so", ".o", ".pyc", ".pyo", "_build_info.py")


def wanted(item: tarfile.TarInfo) -> Optional[tarfile.TarInfo]:
    """Nothing that a build in the tree has left, and no owner of this machine."""
    name = Path(item.name)
    if "__pycache__" in name.parts or item.name.endswith(LEFT_OVER):
        return None
    if name.name.startswith("_ffi_") and name.suffix == ".c":
        return None
    item.uid = item.gid = 0
    item.uname = item.gname = "root"
    return item


def pack_tree(target: Path, root: Path = ROOT) -> None:
    """Pack a checkout, or an unpacked sdist."""
    if not (root / "setup.py").is_file():
        raise RunnerError(f"{root} is no source tree of this project: it has no setup.py")
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        names = [*FILES, *FOLDERS, *(path.name for path in sorted(root.glob("*.md")))]
        for name in names:
            if (root / name).exists():
                archive.add(root / name, f"source/{name}", filter=wanted)


def repack_sdist(sdist: Path, target: Path) -> None:
    """An sdist under the same names as a tree."""
    try:
        with tarfile.open(sdist) as old, tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as new:
            for item in old:
                _, _, rest = item.name.partition("/")
                if rest and item.isfile():
                    item.name = f"source/{rest}"
                    new.addfile(item, old.extractfile(item))
    except (OSError, tarfile.TarError) as exc:
        raise RunnerError(f"--source {sdist} can't be read as an sdist (.tar.gz): {exc}") from exc


def pack_source(source: Path, target: Path) -> None:
    """Pack what --source names."""
    if source.is_dir():
        pack_tree(target, source)
    elif source.exists():
        repack_sdist(source, target)
    else:
        raise RunnerError(f"--source {source}: there is no such file or folder")


def add_setuptools(archive: Path, folder: Path) -> None:
    """Add the setuptools that the build asks for: the guest's is often older, and this machine knows the network."""
    asked = re.search(r'"(setuptools[^"]*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted_one = asked[1] if asked else "setuptools"
    options = ("download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder / "wheels"))
    done = subprocess.run([*PIP, *options, wanted_one], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunnerError(
            f"{wanted_one}, for the build in the guest, could not be downloaded by {' '.join(PIP)}; without a network,"
            f" use --offline. What was said:\n{done.stderr.strip()}"
        )
    with tarfile.open(archive, "a", format=tarfile.GNU_FORMAT) as carried:
        carried.add(folder / "wheels", "wheels", filter=owned)


def pack_built(system: System, arch: str, folder: Path, target: Path) -> None:
    """Build here for the guest, and pack the built package and the tests: what --offline carries in."""
    site = folder / "site"
    if system.backend == "freebsd":
        tool = load_tool("freebsd_cross")
        try:
            tool.build(arch, site)
        except tool.CrossError as exc:
            raise RunnerError(f"tools/freebsd_cross.py: {exc}") from exc
    else:
        unpack_wheel(load_tool("build_wheel"), folder, site)
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(site, "site", filter=owned)
        archive.add(ROOT / "tests", "source/tests", filter=wanted)


def owned(item: tarfile.TarInfo) -> Optional[tarfile.TarInfo]:
    """A file of root; unlike `wanted`, what was built is what is wanted."""
    item.uid = item.gid = 0
    item.uname = item.gname = "root"
    return None if "__pycache__" in item.name else item


def unpack_wheel(tool: ModuleType, folder: Path, site: Path) -> None:
    """Another Linux takes the wheel of this one: it is for the stable ABI."""
    try:
        wheel = tool.build(folder / "wheel")
    except subprocess.CalledProcessError as exc:
        raise RunnerError("tools/build_wheel.py could not build the wheel; see above") from exc
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


def load_tool(name: str) -> ModuleType:
    """A tool of the folder above."""
    path = ROOT / "tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
