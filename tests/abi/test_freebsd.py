"""The FreeBSD backend without FreeBSD: its tables against the headers that ziglang carries, and the cross build.

Numbers are read out of an object file, so nothing of FreeBSD runs; all of a table are asked in one compiler run
for each architecture. A missing ziglang is a failure, not a skip.
"""

from __future__ import annotations

import os
import re
import runpy
import shutil
from pathlib import Path
from typing import Dict, NamedTuple

import pytest

from sctpffi._structs import STAND_INS, layout
from sctpffi._tables import BACKENDS, CONSTANTS

from .elf import AARCH64, X86_64, Elf
from .probing import ROOT, load_by_path, missing_structs, stand_in_checks, struct_expressions

cross = load_by_path("freebsd_cross", "tools", "freebsd_cross.py")
COLUMN = BACKENDS.index("freebsd")
UNDEFINED = -(2**40)
MACHINES = {"x86_64": X86_64, "aarch64": AARCH64}


class Answers(NamedTuple):
    """What FreeBSD's headers say on one architecture; UNDEFINED where no macro has the name."""

    constants: Dict[str, int]
    structs: Dict[str, int]


@pytest.fixture(scope="module", params=cross.ARCHES)
def answers(request: pytest.FixtureRequest) -> Answers:
    """Every constant and struct of the tables in one probe."""
    structs = list(struct_expressions("freebsd"))
    # Directives may stand inside an expression, on lines of their own.
    constants = [f"\n#ifdef {name}\n{name}\n#else\n{UNDEFINED}\n#endif\n" for name in CONSTANTS]
    values = cross.probe(request.param, [*constants, *structs])
    return Answers(dict(zip(CONSTANTS, values)), dict(zip(structs, values[len(constants) :])))


@pytest.fixture(scope="module", params=cross.ARCHES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross build, made over the rests of an older one."""
    out = tmp_path_factory.mktemp(request.param)
    stale = out / "sctpffi" / "stale.py"
    stale.parent.mkdir()
    stale.touch()
    target = cross.build(request.param, out)
    assert target == out / "sctpffi" / "backends" / "_ffi_freebsd.abi3.so"
    assert not stale.exists()
    assert Elf(target).machine == MACHINES[request.param]
    return out


@pytest.fixture
def copied_root(tmp_path, monkeypatch) -> Path:
    """The tool thinks that this copy of the C files is the checkout, so that they may be broken."""
    root = tmp_path / "root"
    shutil.copytree(ROOT / "csrc", root / "csrc")
    os.symlink(ROOT / "sctpffi", root / "sctpffi")
    monkeypatch.setattr(cross, "ROOT", root)
    return root


def test_constants_have_freebsds_numbers(answers):
    """Every constant of the table has the number of FreeBSD's headers, and none is missing there."""
    wanted = {name: row[COLUMN] for name, row in CONSTANTS.items() if row[COLUMN] is not None}
    wrong = {n: (number, answers.constants[n]) for n, number in wanted.items() if answers.constants[n] != number}
    assert wrong == {}


def test_constants_absent_from_the_table_are_absent_from_freebsd(answers):
    """Where the table says that FreeBSD has no such name, its headers define none."""
    absent = [name for name, row in CONSTANTS.items() if row[COLUMN] is None]
    assert {n: answers.constants[n] for n in absent if answers.constants[n] != UNDEFINED} == {}


def test_structs_have_freebsds_layout(answers):
    """Size of every struct and offset of every field are those of FreeBSD's headers."""
    wrong = {e: (at, answers.structs[e]) for e, at in struct_expressions("freebsd").items() if answers.structs[e] != at}
    assert wrong == {}


@pytest.mark.parametrize("struct", missing_structs("freebsd"))
def test_structs_absent_from_the_table_are_absent_from_freebsd(struct):
    """A struct without a layout for FreeBSD does not exist in its headers."""
    with pytest.raises(cross.CrossError, match=f"incomplete type 'struct {struct}'"):
        cross.probe("x86_64", [f"sizeof(struct {struct})"])


@pytest.mark.parametrize("arch", cross.ARCHES)
def test_stand_ins_are_laid_out_as_freebsds_own(arch, tmp_path):
    """Structs that the C files declare themselves are FreeBSD's, field by field, on each architecture."""
    same = []
    for name, real in STAND_INS.items():
        size, offsets = layout(real, "freebsd")
        same.append(f'_Static_assert(sizeof(struct {name}) == sizeof(struct {real}), "{name}");')
        for field in offsets:
            both = " == ".join(f"offsetof(struct {struct}, {field})" for struct in (name, real))
            same.append(f'_Static_assert({both}, "{name}.{field}");')
        assert size > 0
    source = tmp_path / "checks.c"
    source.write_text('#include "sfi_freebsd.c"\n' + "\n".join([*stand_in_checks("freebsd"), *same]) + "\n")
    flags = ["-std=c11", "-w", "-I", str(ROOT / "csrc"), "-c"]
    cross.run([*cross.compiler(arch), *flags, str(source), "-o", str(tmp_path / "checks.o")])


def test_probe_reads_signed_and_large_values():
    """probe gives each expression's value in order, negative and 64-bit ones included."""
    values = [0, -1, 2**31, 2**63 - 1, -(2**63) + 1]
    assert cross.probe("x86_64", [f"{value}LL" for value in values]) == values


def test_module_needs_python_and_libc_only(built):
    """What the cross-built module leaves undefined is Python's, or has a version of FreeBSD's own libraries."""
    module = Elf(built / "sctpffi" / "backends" / "_ffi_freebsd.abi3.so")
    undefined = module.undefined()
    others = {n: v for n, v in undefined.items() if not v.startswith("FBSD_") and not re.match("_?Py", n)}
    assert others == {}
    assert "sctp_connectx" in undefined  # the reader reads
    assert sorted(module.needed()) == ["libc.so.7", "libthr.so.3"]


def test_module_has_pythons_entry_point(built):
    """The cross-built module can be imported under its name."""
    assert "PyInit__ffi_freebsd" in Elf(built / "sctpffi" / "backends" / "_ffi_freebsd.abi3.so").defined()


def test_out_has_the_whole_package(built):
    """DIR/sctpffi has every file of the package, the freebsd module, and no other compiled one."""
    package = ROOT / "sctpffi"
    wanted = {str(p.relative_to(package)) for p in package.rglob("*") if p.suffix in (".py", ".typed", ".pyi")}
    found = {str(p.relative_to(built / "sctpffi")) for p in (built / "sctpffi").rglob("*") if p.is_file()}
    made = {"backends/_ffi_freebsd.abi3.so", "backends/_build_info.py"}  # the record is the checkout's too, once built
    assert found - wanted - made == set()
    assert (wanted | made) - found == set()


def test_out_says_what_was_built(built):
    """The build record in DIR names freebsd alone, and has a reason for each of the others."""
    record = runpy.run_path(str(built / "sctpffi" / "backends" / "_build_info.py"))
    assert record["BUILT"] == ("freebsd",)
    assert set(record["NOT_BUILT"]) == set(BACKENDS) - {"freebsd"}
    assert all(record["NOT_BUILT"].values())


def test_nothing_compiled_is_left_in_the_checkout(built):
    """A cross build writes no module and no generated C file beside the sources."""
    assert list((ROOT / "sctpffi").rglob("*_ffi_freebsd*")) == []
    assert list(ROOT.glob("*_ffi_freebsd*")) == []


def test_broken_source_gives_the_compilers_message(copied_root, tmp_path):
    """A C file that does not compile ends the build with the compiler's own message and the command."""
    with open(copied_root / "csrc" / "sfi_freebsd.c", "a") as source:
        source.write("\nint broken(void) { return no_such_name; }\n")
    with pytest.raises(cross.CrossError) as caught:
        cross.build("x86_64", tmp_path / "out")
    assert "use of undeclared identifier 'no_such_name'" in str(caught.value)
    assert "ziglang cc -target x86_64-freebsd" in str(caught.value)


def test_warnings_are_errors(copied_root, tmp_path):
    """A C file that only warns is refused too."""
    with open(copied_root / "csrc" / "sfi_freebsd.c", "a") as source:
        source.write("\nint warned(int a) { return 0; }\n")
    with pytest.raises(cross.CrossError, match="unused parameter 'a'"):
        cross.build("x86_64", tmp_path / "out")


def test_call_that_libc_lacks_is_an_error(copied_root, tmp_path):
    """A function that FreeBSD's libc does not have is found by the linker, before the module meets FreeBSD."""
    with open(copied_root / "csrc" / "sfi_freebsd.c", "a") as source:
        source.write("\nint sctp_no_such_call(int);\nint call_it(void) { return sctp_no_such_call(1); }\n")
    with pytest.raises(cross.CrossError, match="sctp_no_such_call"):
        cross.build("x86_64", tmp_path / "out")


def test_failing_command_line_says_why(copied_root, tmp_path, capsys):
    """The command line ends with status 1 and the message on stderr."""
    (copied_root / "csrc" / "sfi_freebsd.c").write_text("#error stop here\n")
    assert cross.main(["--arch", "aarch64", "--out", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("freebsd_cross.py: ")
    assert "stop here" in err


def test_missing_ziglang_says_what_to_install(monkeypatch, tmp_path, capsys):
    """Without ziglang the build ends with the sentence that helps."""
    monkeypatch.setattr(cross.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(cross.CrossError, match="has no ziglang: pip install ziglang"):
        cross.compiler("x86_64")
    assert cross.main(["--out", str(tmp_path)]) == 1
    assert "pip install ziglang" in capsys.readouterr().err


def test_missing_python_headers_say_what_to_install(monkeypatch, tmp_path):
    """Without Python.h the build ends with the name of the package to install."""
    monkeypatch.setattr(cross.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(cross.CrossError, match="Python.h is missing.*python3-dev"):
        cross.python_headers()


def test_unknown_architecture_is_refused(tmp_path):
    """An architecture that the build does not know is refused by name, and nothing is written."""
    with pytest.raises(cross.CrossError, match="--arch riscv64: there are x86_64, aarch64"):
        cross.build("riscv64", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_lost_probe_is_noticed(monkeypatch):
    """An object file with fewer values than were asked for is an error, never a shift of the others."""
    monkeypatch.setattr(cross, "run", lambda command: Path(command[-1]).write_bytes(b""))
    with pytest.raises(cross.CrossError, match="2 probes went in and 0 came out"):
        cross.probe("x86_64", ["1", "2"])
