"""tools/wheel.py and tools/smoke.py: which interpreters are taken, and that what is not good is refused by name.

Nothing is built or installed here: the commands are recorded. The environment `wheel` runs them.
"""

from __future__ import annotations

import hashlib
import sys
import types
import zipfile
from pathlib import Path

import pytest

import sctpffi

from .loading import ROOT, load_by_path

# The tools import each other as the scripts that they are.
sys.modules["bootstrap"] = load_by_path("bootstrap", "tools", "bootstrap.py")
sys.modules["results"] = load_by_path("results", "tools", "results.py")
check = sys.modules["check"] = load_by_path("check", "tools", "check.py")
sys.modules["build_wheel"] = load_by_path("build_wheel", "tools", "build_wheel.py")
sys.modules["installed"] = load_by_path("installed", "tools", "installed.py")
wheel = load_by_path("wheel_tool", "tools", "wheel.py")
smoke = load_by_path("smoke", "tools", "smoke.py")
libusrsctp = load_by_path("libusrsctp", "tools", "libusrsctp.py")

LIBRARY = "sctpffi.libs/libusrsctp-1234abcd.so.2.0.0"


def interpreters(*names):
    return {name: check.Interpreter(name, f"/opt/{name}", name) for name in names}


# -- which interpreters


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        (("py310", "py39", "py311", "py313"), ["py39", "py313"]),
        (("py39", "py310", "py311"), ["py39", "py310"]),
        (("py311", "py312"), ["py312"]),
        (("py311",), ["py311"]),
        (("py39", "pypy3", "py314t"), ["py39"]),
        ((), []),
    ],
)
def test_others(there, chosen):
    """The lowest and the highest that did not build the wheel; never PyPy or a free-threaded one."""
    assert [found.env for found in wheel.others(interpreters(*there), "py311")] == chosen


# -- building


def zipped(path, *names):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("sctpffi/backends/_ffi_usrsctp.abi3.so", *names):
            archive.writestr(name, b"")
    return path


@pytest.mark.parametrize(
    ("names", "tag", "complaint"),
    [
        ((LIBRARY,), "manylinux_2_34_x86_64", ""),
        ((), "manylinux_2_34_x86_64", "and there is nothing"),
        ((LIBRARY, "sctpffi.libs/libc-1.so.6"), "manylinux_2_34_x86_64", "libc-1.so.6"),
        (("sctpffi.libs/libcrypto-1.so.3",), "manylinux_2_34_x86_64", "libcrypto-1.so.3"),
        ((LIBRARY,), "linux_x86_64", "is for no manylinux"),
    ],
)
def test_repaired_wheel_has_libusrsctp_alone(tmp_path, monkeypatch, names, tag, complaint):
    """After the repair the wheel has libusrsctp, nothing else, and a name for manylinux; else it is refused."""
    name = f"sctpffi-1-cp39-abi3-{tag}.whl"
    asked = []

    def python(*command, **options):
        asked.append(command)
        if "repair" in command:
            zipped(tmp_path / "out" / name, *names)

    monkeypatch.setattr(wheel, "python", python)
    if complaint:
        with pytest.raises(wheel.WheelError, match=complaint):
            wheel.repair(tmp_path / "in.whl", tmp_path / "out")
    else:
        assert wheel.repair(tmp_path / "in.whl", tmp_path / "out").name == name
    assert asked[0] == ("auditwheel", "repair", "--wheel-dir", str(tmp_path / "out"), str(tmp_path / "in.whl"))


@pytest.mark.parametrize("lost", ["", "tests/test_a.py"])
def test_sdist_has_everything(tmp_path, monkeypatch, lost):
    """A file of the tree that the sdist lacks is named; what a build or a tool left there is not asked for."""
    tree, out = tmp_path / "tree", tmp_path / "out"
    sources = ("setup.py", "csrc/a.c", "tests/test_a.py", "docs/a.md")
    left = (".git/config", ".tox/x", "build/x", "a.egg-info/x", "sctpffi/_ffi_a.c", "tests/__pycache__/x.pyc", "a.so")
    for name in (*sources, *left):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()

    def run(*command, **options):
        if "build" in command:
            assert options["env"] == {"SCTPFFI_BACKENDS": "linux,usrsctp"}
            zipped(out / "dist" / "a-1.whl")
            (out / "dist" / "a-1.tar.gz").touch()
            (out / "copy" / "a.egg-info").mkdir()
        elif command[0] == "tar":
            for name in sources:
                path = out / "sdist" / "a-1" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            if lost:
                (out / "sdist" / "a-1" / lost).unlink()

    monkeypatch.setattr(wheel, "run", run)
    monkeypatch.setattr(wheel, "repair", lambda path, folder: path)
    if lost:
        with pytest.raises(wheel.WheelError, match="the sdist lacks tests/test_a.py; see MANIFEST.in"):
            wheel.build(out, tree)
    else:
        assert wheel.build(out, tree) == (out / "dist" / "a-1.tar.gz", out / "dist" / "a-1.whl", out / "sdist" / "a-1")


@pytest.mark.parametrize(("tag", "good"), [("", True), ("v1.2.0", True), ("v1.2", False), ("v1.2.0rc1", False)])
def test_tag_is_of_the_version(tag, good):
    """A tag of another version ends the build before anything can be published."""
    sdist = Path("dist/sctpffi-1.2.0.tar.gz")
    if good:
        wheel.check_tag(tag, sdist)
    else:
        with pytest.raises(wheel.WheelError, match=f"the tag {tag} is not of sctpffi-1.2.0.tar.gz"):
            wheel.check_tag(tag, sdist)


def test_failed_command_is_named(capfd):
    """A command that fails ends it, with its status and how to run it again."""
    with pytest.raises(wheel.WheelError, match=r"status 3 of: .*-c 'raise SystemExit\(3\)'"):
        wheel.run(sys.executable, "-c", "raise SystemExit(3)")
    assert "$ " in capfd.readouterr().out


def test_two_wheels_are_not_one(tmp_path):
    """What an older build left is never taken for what was built."""
    for name in ("a.whl", "b.whl"):
        (tmp_path / name).touch()
    with pytest.raises(wheel.WheelError, match=r"2 files \*.whl"):
        wheel.the_one(tmp_path, "*.whl")


def test_tried_with_the_tests_of_the_sdist(tmp_path, monkeypatch):
    """The package comes from the wheel, tests and tools from the sdist, and the working directory has neither."""
    built = wheel.Built(tmp_path / "a.tar.gz", tmp_path / "a.whl", tmp_path / "sdist")
    ran = []
    monkeypatch.setattr(wheel, "run", lambda *command, **options: ran.append((command, options)))
    monkeypatch.setattr(wheel.check, "find_interpreters", lambda: interpreters("py39", "py313"))
    monkeypatch.setattr(wheel.check, "own_env", lambda: "py311")
    assert list(wheel.try_out(built, tmp_path, tmp_path / "j.xml")) == [
        "py39 with cffi==1.15.0",
        "py313, with the contract suite",
    ]
    made = [command for command, _ in ran if "venv" in command]
    assert [command[0] for command in made] == ["/opt/py39", "/opt/py313"]
    tried = [(command, options) for command, options in ran if "cwd" in options]
    assert len(tried) == 3
    for command, options in tried:
        assert options["cwd"] == tmp_path / "empty"
        assert not any(str(ROOT) in word for word in command)
    assert str(tmp_path / "sdist" / "tests" / "contract") in tried[-1][0]


def test_lowest_cffi_is_the_declared_one():
    """What is tried as the lowest cffi is what pyproject.toml declares."""
    declared = wheel.LOWEST_CFFI.replace("==", ">=")
    assert declared.startswith("cffi>=1.15")
    assert f'"{declared.rpartition(".")[0]}; implementation_name' in (ROOT / "pyproject.toml").read_text()


# -- the first steps


def test_built_for_others(monkeypatch):
    """A wheel that was built for other backends than those that it should have is refused with both."""
    record = types.ModuleType("sctpffi.backends._build_info")
    record.BUILT = ("linux",)
    monkeypatch.setitem(sys.modules, "sctpffi.backends._build_info", record)
    with pytest.raises(smoke.SmokeError, match="built for linux, and not for linux, usrsctp"):
        smoke.built(["linux", "usrsctp"])


def test_module_that_does_not_load(monkeypatch):
    """A backend that was built and does not load is refused with the reason."""
    record = types.ModuleType("sctpffi.backends._build_info")
    record.BUILT = ("usrsctp",)
    monkeypatch.setitem(sys.modules, "sctpffi.backends._build_info", record)

    def load(name):
        raise sctpffi.BackendUnavailable(name, {name: "cannot open shared object file"})

    monkeypatch.setattr(smoke.backends, "load", load)
    with pytest.raises(smoke.SmokeError, match="cannot open shared object file"):
        smoke.built(["usrsctp"])


@pytest.mark.parametrize(
    ("paths", "good"),
    [
        ([f"{{own}}/{LIBRARY}"], True),
        (["/usr/lib/libusrsctp.so.2.0.0"], False),
        ([f"{{own}}/{LIBRARY}", "/usr/lib/libusrsctp.so.2.0.0"], False),
        ([], False),
    ],
)
def test_whose_libusrsctp(tmp_path, monkeypatch, paths, good):
    """The libusrsctp that the process has mapped must be the wheel's, and the only one."""
    own = Path(sctpffi.__file__).resolve().parent.parent
    lines = ["7f00-7f01 r-xp 00000000 fe:00 11 /usr/lib/libc.so.6", "7f02-7f03 rw-p 00000000 00:00 0"]
    lines += [
        f"7f04-7f05 {mode} 00000000 fe:00 12 {path.format(own=own)}" for path in paths for mode in ("r-xp", "rw-p")
    ]
    (tmp_path / "maps").write_text("\n".join(lines))
    monkeypatch.setattr(smoke, "MAPS", tmp_path / "maps")
    if good:
        smoke.bundled()
    else:
        with pytest.raises(smoke.SmokeError, match="libusrsctp is not the wheel's"):
            smoke.bundled()


def test_command_that_fails(tmp_path, monkeypatch):
    """A `sctpffi` command that fails is told with its output."""
    (tmp_path / "sctpffi").write_text("#!/bin/sh\necho it broke; exit 2\n")
    (tmp_path / "sctpffi").chmod(0o755)
    monkeypatch.setattr(smoke.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(smoke.SmokeError, match=r"sctpffi info ended with status 2:\nit broke"):
        smoke.command("info")


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ('{"sctpffi": "0", "backends": []}', "is of version 0"),
        ('{"sctpffi": "%s", "backends": [{"name": "usrsctp", "usable": false}]}', "says that usrsctp can't be used"),
    ],
)
def test_info_of_another_package(monkeypatch, facts, complaint):
    """`sctpffi info` must be of the package that is tried, and say that the stack works."""
    text = facts.replace("%s", sctpffi.__version__)
    monkeypatch.setattr(smoke, "command", lambda *arguments: text)
    with pytest.raises(smoke.SmokeError, match=complaint):
        smoke.info("usrsctp")


# -- libusrsctp


@pytest.fixture
def commands(monkeypatch):
    """What tools/libusrsctp.py would run."""
    ran = []
    monkeypatch.setattr(libusrsctp, "run", lambda *command: ran.append(command))
    return ran


def test_pinned_release_alone_is_built(tmp_path, commands, monkeypatch, capsys):
    """An archive that is not the pinned release is refused with both hashes; the pinned one is unpacked and built."""
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(b"something else")
    arguments = ["--prefix", str(tmp_path / "there"), "--source", str(archive)]
    assert libusrsctp.main(arguments) == 1
    found = hashlib.sha256(b"something else").hexdigest()
    assert f"its SHA-256 is {found}, and not {libusrsctp.SHA256}" in capsys.readouterr().err
    assert commands == []
    monkeypatch.setattr(libusrsctp, "SHA256", found)
    monkeypatch.setattr(libusrsctp, "run", unpacking(commands))
    assert libusrsctp.main(arguments) == 0
    assert [command[:2] for command in commands[1:]] == [("cmake", "-S"), ("cmake", "--build"), ("cmake", "--install")]
    assert f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'there'}" in commands[1]


def unpacking(ran):
    """A `run` for which tar makes a folder."""

    def run(*command):
        ran.append(command)
        if command[0] == "tar":
            Path(command[-1], "usrsctp-1").mkdir()

    return run


def test_sources_are_taken_as_they_are(tmp_path, commands):
    """A folder of sources is built without a download, and is not written to."""
    (tmp_path / "sources").mkdir()
    assert libusrsctp.main(["--prefix", str(tmp_path / "p"), "--source", str(tmp_path / "sources")]) == 0
    assert commands[0][2] == str(tmp_path / "sources")
    assert str(tmp_path) not in commands[0][4]


def test_download_that_fails_says_what_to_do(tmp_path, commands, monkeypatch, capsys):
    """Without a network it names the address, and that a copy may be given."""
    monkeypatch.setattr(libusrsctp, "URL", (tmp_path / "none.tar.gz").as_uri())
    assert libusrsctp.main(["--prefix", str(tmp_path / "p")]) == 1
    assert "none.tar.gz can't be had" in (told := capsys.readouterr().err)
    assert "give a copy by --source" in told


def test_missing_cmake_is_a_sentence(monkeypatch):
    """A tool that is not there is named."""
    with pytest.raises(libusrsctp.BuildError, match="no-such-cmake is missing: install it"):
        libusrsctp.run("no-such-cmake")
    with pytest.raises(libusrsctp.BuildError, match="status 2 of: sh -c 'exit 2'"):
        libusrsctp.run("sh", "-c", "exit 2")
