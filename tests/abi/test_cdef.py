"""The C files and the shape of the sources: what cffi parses is valid C, and everything compiles without a warning.

Each backend that was built here is compiled alone, by every compiler there is. The rules on length and
headers of files are here as well, because they need nothing but the files.
"""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import List

import pytest

from .probing import BUILT, CSRC, ROOT, compile_c, load_by_path

build_ffi = load_by_path("build_ffi", "build_ffi.py")

COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)] or ["cc"]
AS_C = ["-DSFI_DOTS=", "-DSFI_INT=int32_t", "-DSFI_SPC=int32_t", "-include", "stdint.h", "-x", "c"]
MOST_LINES = 620
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Werror"]


def _sources(*folders: str) -> List[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*"))]
    return [p for p in found if p.suffix in (".py", ".c", ".h", ".pyi") and "__pycache__" not in p.parts]


def _header(path: Path) -> str:
    """The docstring or comment that a file begins with; "" if there is none."""
    text = path.read_text()
    if path.suffix in (".py", ".pyi"):
        return ast.get_docstring(ast.parse(text)) or ""
    return text[2 : text.index("*/")].replace("*", "").strip() if text.startswith("/*") else ""


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _structs_before(path: Path) -> List[str]:
    """What a stack's own file takes for granted: the structs of all stacks."""
    return [] if path.name == "structs.cdef.h" else ["-include", str(CSRC / "structs.cdef.h")]


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("path", sorted(CSRC.glob("*.cdef.h")), ids=lambda p: p.name)
def test_cdef_files_are_valid_c(path, compiler):
    """What cffi parses, with its notation as macros, is C that a compiler takes."""
    done = compile_c([compiler, "-std=c11", "-fsyntax-only", *AS_C, *_structs_before(path), str(path)])
    assert done.returncode == 0, done.stderr


def test_a_broken_cdef_file_is_noticed(tmp_path):
    """The check above fails on a file that is not C."""
    broken = tmp_path / "broken.cdef.h"
    broken.write_text("struct sctp_event { no_such_type se_assoc_id; SFI_DOTS; };\n")
    done = compile_c([COMPILERS[0], "-std=c11", "-fsyntax-only", *AS_C, str(broken)])
    assert "no_such_type" in done.stderr
    assert done.returncode != 0


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_shims_header_is_valid_c_by_itself(compiler):
    """csrc/sfi.h can be included first, and alone."""
    done = compile_c([compiler, *STRICT, "-fsyntax-only", "-x", "c", str(CSRC / "sfi.h")])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", build_ffi.SPECS)
def test_cffi_parses_the_declarations(name):
    """cffi takes the declarations of every backend, those that can't be built here included."""
    ffi = build_ffi.make_ffi(name)
    assert ffi.typeof("sfi_rcv").kind == "struct"
    typedefs, structs, _ = ffi.list_types()
    assert {"sctp_rcvinfo", "sctp_assoc_change", "sctp_status"} <= set(structs)
    assert {"sfi_addr", "sfi_ntf", "sfi_rcv", "sfi_sock", "sctp_assoc_t"} <= set(typedefs)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", BUILT)
def test_c_files_compile_without_a_warning(name, compiler, tmp_path):
    """Each backend's C file compiles with all warnings on, as errors."""
    macros = ['-DSFI_USRSCTP_VERSION="0"'] if name == "usrsctp" else []
    source = CSRC / build_ffi.SPECS[name].source
    flags = [*STRICT, "-O2", *macros, *("-I" + d for d in build_ffi.include_dirs())]
    done = compile_c([compiler, *flags, "-c", str(source), "-o", str(tmp_path / "out.o")])
    assert done.returncode == 0, done.stderr


def test_every_c_file_belongs_to_a_backend():
    """No C file lies about unused: each is a backend's source, or included by one."""
    text = "".join(path.read_text() for path in CSRC.iterdir() if path.suffix in (".c", ".h"))
    sources = {spec.source for spec in build_ffi.SPECS.values()}
    cdefs = {name for spec in build_ffi.SPECS.values() for name in spec.cdefs}
    unused = [p.name for p in CSRC.iterdir() if p.name not in sources | cdefs and f'#include "{p.name}"' not in text]
    assert unused == []


def test_no_file_is_too_long():
    """A file of the library has a few hundred lines at most, so that it can be read."""
    lengths = {_name(path): len(path.read_text().splitlines()) for path in _sources("csrc", "sctpffi")}
    assert len(lengths) > 30
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_every_file_says_what_it_is():
    """Every file begins with a docstring or a comment that tells what lives in it."""
    assert [_name(path) for path in _sources("csrc", "sctpffi", "tools", "tests") if len(_header(path)) < 40] == []


def test_c_headers_begin_with_the_files_name():
    """The comment at the head of a C file names the file, so that a copy or a rename shows."""
    assert [p.name for p in _sources("csrc") if not _header(p).startswith(f"{p.name} - ")] == []
