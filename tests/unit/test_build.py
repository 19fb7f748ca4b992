"""build_ffi.py: which backends are built, why others are not, and what is written down about it.

Nothing is compiled but the probes of why_not, which are empty programs.
"""

from __future__ import annotations

import platform
import runpy
import sys
import sysconfig
import types
from pathlib import Path

import pytest

from .loading import ROOT, load_by_path


@pytest.fixture
def build(monkeypatch):
    """The build script, with nothing chosen."""
    module = load_by_path("build_ffi_under_test", "build_ffi.py")
    monkeypatch.delenv("SCTPFFI_BACKENDS", raising=False)
    return module


@pytest.fixture
def planned(build, monkeypatch):
    """The build script where linux and usrsctp can be built and freebsd can't."""
    asked = []

    def why_not(name):
        asked.append(name)
        return "no such kernel" if name == "freebsd" else None

    monkeypatch.setattr(build, "why_not", why_not)
    build.asked = asked
    return build


def test_everything_that_can_be_built_is(planned):
    """Without a choice every backend that can be built is, and the others have their reason."""
    assert planned.plan() == (["linux", "usrsctp"], {"freebsd": "no such kernel"})


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("usrsctp", ["usrsctp"]),
        ("linux,usrsctp", ["linux", "usrsctp"]),
        (" usrsctp , linux ,", ["linux", "usrsctp"]),
        ("usrsctp,usrsctp", ["usrsctp"]),
    ],
)
def test_chosen_backends_are_built(planned, monkeypatch, value, names):
    """SCTPFFI_BACKENDS builds exactly those it names; of the others is said that they were left out."""
    monkeypatch.setenv("SCTPFFI_BACKENDS", value)
    built, reasons = planned.plan()
    assert built == names
    assert set(reasons) == set(planned.SPECS) - set(names)


def test_left_out_is_no_reason_where_there_is_a_better_one(planned, monkeypatch):
    """A backend that SCTPFFI_BACKENDS left out says so, but one for another platform would never have been built."""
    monkeypatch.setattr(planned, "PLATFORM", "linux")
    monkeypatch.setenv("SCTPFFI_BACKENDS", "linux")
    assert planned.plan()[1] == {
        "freebsd": "it is for freebsd, and this is linux",
        "usrsctp": "SCTPFFI_BACKENDS left it out; build again without that variable",
    }


@pytest.mark.parametrize("value", ["", " ", ","])
def test_empty_choice_is_none(planned, monkeypatch, value):
    """An empty SCTPFFI_BACKENDS chooses nothing."""
    monkeypatch.setenv("SCTPFFI_BACKENDS", value)
    assert planned.plan()[0] == ["linux", "usrsctp"]


@pytest.mark.parametrize("value", ["nope", "linux,nope", "Linux"])
def test_unknown_backend_is_an_error(planned, monkeypatch, value):
    """SCTPFFI_BACKENDS with an unknown name ends the build with the names that there are, before anything is tried."""
    monkeypatch.setenv("SCTPFFI_BACKENDS", value)
    with pytest.raises(SystemExit, match=r"SCTPFFI_BACKENDS names \w+; there are only linux, freebsd, usrsctp"):
        planned.plan()
    assert planned.asked == []


@pytest.mark.parametrize("value", ["freebsd", "linux,freebsd"])
def test_chosen_backend_that_cannot_be_built_is_an_error(planned, monkeypatch, value):
    """SCTPFFI_BACKENDS with a backend that can't be built ends the build with its reason: no silent omission."""
    monkeypatch.setenv("SCTPFFI_BACKENDS", value)
    with pytest.raises(SystemExit, match="asks for 'freebsd', which can't be built: no such kernel"):
        planned.plan()


def test_result_is_written_down(planned, monkeypatch, tmp_path):
    """What was built and why others were not is written as a module that says the same."""
    monkeypatch.setattr(planned, "BUILD_INFO", tmp_path / "_build_info.py")
    monkeypatch.setattr(planned, "why_not", {"linux": None, "freebsd": 'it\'s "odd"\n', "usrsctp": None}.get)
    assert planned.cffi_modules() == ["build_ffi.py:ffi_linux", "build_ffi.py:ffi_usrsctp"]
    record = runpy.run_path(str(tmp_path / "_build_info.py"))
    assert record["BUILT"] == ("linux", "usrsctp")
    assert record["NOT_BUILT"] == {"freebsd": 'it\'s "odd"\n'}
    assert record["__doc__"]


def test_every_backend_has_an_entry_point(build):
    """setup.py finds a function for every backend that the plan may name."""
    assert all(callable(getattr(build, f"ffi_{name}")) for name in build.SPECS)


def test_backends_are_the_librarys(build):
    """The build knows the same backends as the library."""
    from sctpffi.backends import NAMES

    assert tuple(build.SPECS) == NAMES


def test_other_platform_is_a_reason(build, monkeypatch):
    """A backend for another platform is not tried: the reason names both platforms."""
    monkeypatch.setattr(build, "PLATFORM", "plan9")
    monkeypatch.setattr(build.subprocess, "run", None)
    for name, spec in build.SPECS.items():
        assert build.why_not(name) == "it is for %s, and this is plan9" % ", ".join(spec.platforms)


def here(build, **changed):
    """A backend for this platform whose spec was changed."""
    build.SPECS["linux"] = build.SPECS["linux"]._replace(platforms=(build.PLATFORM,), **changed)
    return build.why_not("linux")


def test_header_that_compiles_is_no_reason(build):
    """A backend whose header compiles can be built."""
    assert here(build, header="stdio.h") is None


def test_missing_header_is_a_reason_with_advice(build):
    """A missing header is a reason that has its name, the compiler's message, and what to install."""
    reason = here(build, header="no/such/header.h", advice="install it")
    assert reason.startswith("<no/such/header.h> is missing or unusable (")
    assert reason.endswith("): install it, and build again")
    assert "error" in reason


def test_missing_library_is_a_reason(build):
    """A library that can't be linked is a reason, in the linker's words, even if its header is there."""
    reason = here(build, header="stdio.h", libraries=("no_such_library_at_all",))
    assert "is missing or unusable" in reason
    assert "no_such_library_at_all" in reason


def test_missing_compiler_is_a_reason(build, monkeypatch):
    """Without a C compiler that is the reason, with what to install."""
    monkeypatch.setenv("CC", "/no/such/compiler")
    reason = here(build, header="stdio.h")
    assert reason.startswith("no C compiler: ")
    assert "/no/such/compiler" in reason
    assert "install one (Debian: gcc" in reason


def test_interpreter_without_headers_is_a_reason(build, monkeypatch, tmp_path):
    """Without Python's own headers that is the reason, with what to install, and not the stack's header."""
    monkeypatch.setattr(build, "python_includes", lambda: [str(tmp_path)])
    reason = here(build, header="stdio.h")
    assert reason.startswith("<Python.h> is missing or unusable (probe.c:")
    assert "Debian: python3-dev" in reason


def test_headers_of_the_running_interpreter(build):
    """Its headers are found where this Python says, so that what is tried is what will be used."""
    assert all(Path(folder).name.startswith(("python", "pypy")) for folder in build.python_includes())
    assert build.no_tools() is None


def test_failed_program_of_another_kind_has_a_reason(build, monkeypatch, tmp_path):
    """A compiler that fails in silence is told as one without a message."""
    (tmp_path / "cc").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "cc").chmod(0o755)
    monkeypatch.setenv("CC", str(tmp_path / "cc"))
    assert build.first_error(["stdio.h"]) == "no message"


def test_compiler_may_have_options(build, monkeypatch):
    """CC may hold options as well as a command."""
    monkeypatch.setenv("CC", "ccache 'my cc' -m64")
    assert build.compiler() == ["ccache", "my cc", "-m64"]


def test_cdef_is_the_marked_part_of_the_header(build):
    """What cffi parses of sfi.h lies between its marks: no preprocessor conditions, no includes."""
    text = build.shim_cdef()
    assert "typedef struct sfi_sock sfi_sock;" in text
    assert "#include" not in text
    assert "#ifndef" not in text


@pytest.mark.parametrize("name", ["linux", "freebsd", "usrsctp"])
def test_no_macro_is_left_for_cffi(build, name):
    """The macros that keep the struct files valid C are all replaced by cffi's notation."""
    text = build.struct_cdef(build.SPECS[name])
    code = "\n".join(part.partition("*/")[2] for part in text.split("/*"))
    assert "SFI_" not in code
    assert "typedef int... sctp_assoc_t;" in code


@pytest.mark.parametrize(
    ("implementation", "without_gil", "options"),
    [
        ("CPython", None, {"bdist_wheel": {"py_limited_api": "cp39"}}),
        ("CPython", 0, {"bdist_wheel": {"py_limited_api": "cp39"}}),
        ("CPython", 1, {}),
        ("PyPy", None, {}),
    ],
)
def test_stable_abi(monkeypatch, tmp_path, implementation, without_gil, options):
    """The wheel is one of the stable ABI on CPython, but not on a free-threaded one, nor on PyPy: they have none."""
    asked = []
    monkeypatch.setitem(
        sys.modules, "setuptools", types.SimpleNamespace(setup=lambda **arguments: asked.append(arguments))
    )
    build_script = types.SimpleNamespace(cffi_modules=lambda: ["build_ffi.py:ffi_usrsctp"])
    monkeypatch.setitem(sys.modules, "build_ffi", build_script)
    monkeypatch.setattr(platform, "python_implementation", lambda: implementation)
    monkeypatch.setattr(sysconfig, "get_config_var", {"Py_GIL_DISABLED": without_gil}.get)
    monkeypatch.setattr(sys, "path", list(sys.path))
    runpy.run_path(str(ROOT / "setup.py"))
    assert asked == [{"cffi_modules": ["build_ffi.py:ffi_usrsctp"], "options": options}]


# -- where libusrsctp was installed by hand


@pytest.fixture
def prefix(build, monkeypatch, tmp_path):
    """A folder with libusrsctp 1.2.3, which SCTPFFI_PREFIX names."""
    (tmp_path / "include").mkdir()
    (tmp_path / "lib" / "pkgconfig").mkdir(parents=True)
    (tmp_path / "lib" / "pkgconfig" / "usrsctp.pc").write_text("Name: usrsctp\nVersion: 1.2.3\nRequires:\n")
    monkeypatch.setenv("SCTPFFI_PREFIX", str(tmp_path))
    return tmp_path


def test_prefix_is_looked_at_first(build, prefix, monkeypatch):
    """Headers, library and version are taken from SCTPFFI_PREFIX before any other place, on every platform."""
    for platform_name in ("linux", "darwin", "freebsd14"):
        monkeypatch.setattr(build, "PLATFORM", platform_name)
        assert build.include_dirs()[:2] == [str(build.CSRC), str(prefix / "include")]
        assert build.library_dirs()[0] == str(prefix / "lib")
        assert build.usrsctp_version() == "1.2.3"


def test_prefix_without_a_library_is_passed_over(build, monkeypatch, tmp_path):
    """A SCTPFFI_PREFIX without headers changes nothing; the system's library is found as ever."""
    monkeypatch.setenv("SCTPFFI_PREFIX", str(tmp_path))
    monkeypatch.setattr(build, "PLATFORM", "linux")
    assert build.include_dirs() == [str(build.CSRC)]
    assert build.library_dirs() == []
