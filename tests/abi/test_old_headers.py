"""The module of the Linux backend is the same whichever <linux/sctp.h> it was built with.

Older headers are made of the installed one: what came later is taken out. That a kernel has less than the module
knows is another matter: it answers ENOPROTOOPT, and nothing here asks it.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from sctpffi._tables import CONSTANTS, LINUX_SINCE

from .probing import BUILT, CSRC, compile_c, compiler, evaluate, load_by_path

pytestmark = pytest.mark.skipif("linux" not in BUILT, reason="this build has no linux backend")

# Structs, and members of structs and enumerations, that came together with a constant.
STRUCTS_WITH = {
    "SCTP_RESET_STREAMS": "sctp_reset_streams sctp_add_streams sctp_stream_reset_event",
    "SCTP_ASSOC_RESET_EVENT": "sctp_assoc_reset_event sctp_stream_change_event",
    "SCTP_SOCKOPT_PEELOFF_FLAGS": "sctp_peeloff_flags_arg_t",
    "SCTP_STREAM_SCHEDULER": "sctp_stream_value",
    "SCTP_PRINFO": "sctp_prinfo sctp_authinfo",
    "SCTP_EVENT": "sctp_event",
    "SCTP_SEND_FAILED_EVENT": "sctp_send_failed_event",
    "SCTP_PEER_ADDR_THLDS_V2": "sctp_paddrthlds_v2",
    "SCTP_REMOTE_UDP_ENCAPS_PORT": "sctp_udpencaps",
    "SCTP_PLPMTUD_PROBE_INTERVAL": "sctp_probeinterval",
}
MEMBERS_WITH = {
    "SCTP_INTERLEAVING_SUPPORTED": "pdapi_stream pdapi_seq",
    "SCTP_REUSE_PORT": "spp_ipv6_flowlabel spp_dscp SPP_IPV6_FLOWLABEL SPP_DSCP",
    "SCTP_ASSOC_RESET_EVENT": "SCTP_ASSOC_RESET_DENIED SCTP_ASSOC_RESET_FAILED SCTP_ASSOC_CHANGE_DENIED",
    "SCTP_SEND_FAILED_EVENT": "sctp_send_failure_event_event",
    "SCTP_EXPOSE_POTENTIALLY_FAILED_STATE": "SCTP_ADDR_PF",
}


def release(text: str) -> Tuple[int, ...]:
    """A Linux version as numbers."""
    return tuple(map(int, text.split(".")))


# Just before something came, and the oldest that is promised.
VERSIONS = ["4.9", *sorted(set(LINUX_SINCE.values()), key=release)[:-1]]


def younger(version: str) -> List[str]:
    """The constants that came after a Linux version."""
    return [name for name, since in LINUX_SINCE.items() if release(since) > release(version)]


def taken_out(version: str) -> Tuple[List[str], List[str]]:
    """The structs and the words that a header of that version lacks."""
    names = younger(version)
    structs = " ".join(STRUCTS_WITH.get(name, "") for name in names).split()
    members = " ".join(MEMBERS_WITH.get(name, "") for name in names).split()
    return structs, [*names, *members, *structs]


def older(text: str, version: str) -> str:
    """A header without what came after a version: whole structs, then each line that has one of the words."""
    structs, words = taken_out(version)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    for name in structs:
        text = re.sub(rf"^struct {name} \{{.*?^\}}[^;]*;", "", text, flags=re.DOTALL | re.MULTILINE)
        text = re.sub(rf"^typedef struct \{{[^}}]*\}} {name};", "", text, flags=re.MULTILINE)
    gone = re.compile(rf"\b({'|'.join(words)})\b")
    text = "\n".join(line for line in text.splitlines() if not gone.search(line))
    return re.sub(r"\benum\s*\w*\s*\{\s*\};", "", text)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The installed header's text."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "probe.c").write_text("#include <linux/sctp.h>\n")
    said = compile_c([*compiler(), "-E", str(folder / "probe.c")])
    found = re.search(r'^# 1 "(.*/linux/sctp\.h)"', said.stdout, re.MULTILINE)
    assert found is not None, said.stderr
    return Path(found.group(1)).read_text(encoding="utf-8")


def header_of(version: str, installed: str, folder: Path) -> Path:
    """The folder to give to -I for a header of a version."""
    (folder / "linux").mkdir()
    (folder / "linux" / "sctp.h").write_text(older(installed, version))
    return folder


def flags() -> List[str]:
    """How the shim is compiled, with every warning an error."""
    return ["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-address-of-packed-member"]


def test_old_headers_are_old(installed: str, tmp_path: Path) -> None:
    """What is taken out is in the installed header, as far as that is young enough, and in no older one."""
    code = evaluate("linux", ["LINUX_VERSION_CODE"], tmp_path)["LINUX_VERSION_CODE"]
    assert code is not None
    mine = f"{code >> 16}.{code >> 8 & 255}"
    there = set(re.findall(r"\w+", installed))
    words = taken_out("4.9")[1]
    come_later = set(taken_out(mine)[1])
    assert sorted(set(words) - there - come_later) == []
    for version in VERSIONS:
        assert set(re.findall(r"\w+", older(installed, version))) & set(taken_out(version)[1]) == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_shim_compiles_with_an_old_header(version: str, installed: str, tmp_path: Path) -> None:
    """From 4.9 on, each header will do, without a warning."""
    include = header_of(version, installed, tmp_path)
    done = compile_c([*compiler(), *flags(), "-fsyntax-only", f"-I{include}", str(CSRC / "sfi_linux.c")])
    assert (done.returncode, done.stderr) == (0, "")


def test_names_have_their_numbers(installed: str, tmp_path: Path) -> None:
    """With the header of 4.9, each constant that the shim supplies is the number that the table says."""
    include, source = header_of("4.9", installed, tmp_path), tmp_path / "names.c"
    text = (CSRC / "sfi_linux_names.h").read_text(encoding="utf-8")
    names = re.findall(r"#define (SCTP_\w+) ", text)
    assert len(names) > 30
    checks = [f'_Static_assert({name} == {CONSTANTS[name][0]}, "{name}");' for name in names]
    lines = ["#include <netinet/in.h>", "#include <stdint.h>", "#include <linux/sctp.h>"]
    source.write_text("\n".join([*lines, '#include "sfi_linux_names.h"', *checks, ""]))
    done = compile_c([*compiler(), *flags(), "-fsyntax-only", f"-I{include}", f"-I{CSRC}", str(source)])
    assert (done.returncode, done.stderr) == (0, "")


def facts(path: Path) -> Any:
    """What a compiled module says of itself, in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("facts.py")), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_module_is_the_same(installed: str, tmp_path: Path) -> None:
    """Built with the header of 4.9, it loads, asks the kernel, and has the structs and numbers of the installed one."""
    include = header_of("4.9", installed, tmp_path)
    source, target = tmp_path / "_ffi_linux.c", tmp_path / "_ffi_linux.abi3.so"
    load_by_path("build_ffi_old_header", "build_ffi.py").make_ffi("linux").emit_c_code(str(source))
    python = [f"-I{sysconfig.get_path(name)}" for name in ("include", "platinclude")]
    command = [*compiler(), *flags(), "-shared", "-fPIC", f"-I{include}", f"-I{CSRC}", *python]
    done = compile_c([*command, str(source), "-o", str(target)])
    assert done.returncode == 0, done.stderr
    mine: Any = importlib.import_module("sctpffi.backends._ffi_linux")
    old, new = facts(target), facts(Path(mine.__file__))
    assert {"sctp_event", "sctp_pdapi_event", "sctp_paddrparams", "sctp_udpencaps"} <= set(new["structs"])
    assert len(set(new["options"])) > 50
    for what in new:
        assert old[what] == new[what], what
