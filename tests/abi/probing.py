"""Asks the host's C compiler for numbers of a stack's header: constants, sizes, offsets.

All expressions go into one file, one a line. Those that the compiler refuses are found by the line of its error,
so that nothing is dropped in silence: what a header lacks comes back as None. Also loads files of the checkout by path.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Dict, List, Optional, Sequence, Tuple

from sctpffi._structs import STAND_INS, STRUCTS, layout
from sctpffi.backends import _build_info

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
BUILT: Tuple[str, ...] = tuple(_build_info.BUILT)

_BEFORE = "#include <sys/types.h>\n#include <sys/socket.h>\n#include <netinet/in.h>\n#include <stdint.h>\n"
_BEFORE += "#include <stddef.h>\n#include <stdio.h>\n"
HEADERS = {
    "linux": _BEFORE + "#include <linux/version.h>\n#include <linux/sctp.h>\n",
    "freebsd": _BEFORE + "#include <netinet/sctp.h>\n#include <netinet/sctp_uio.h>\n",
    "usrsctp": _BEFORE + "#include <usrsctp.h>\n",
}


def load_by_path(name: str, *parts: str) -> ModuleType:
    """A Python file of the checkout that is no part of the package, as a module of its own."""
    spec = importlib.util.spec_from_file_location(name, ROOT.joinpath(*parts))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiler() -> List[str]:
    """The host's C compiler. A missing one makes the tests fail, not skip."""
    return shlex.split(os.environ.get("CC", "cc"))


def compile_c(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a compiler; its messages come in English, because lines of errors are looked for."""
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})


def _source(backend: str, expressions: Sequence[str]) -> Tuple[str, int]:
    head = HEADERS[backend] + "static const struct { const char *text; int64_t value; } rows[] = {\n"
    rows = "".join(f'{{"{text}", (int64_t)({text})}},\n' for text in expressions)
    tail = "};\nint main(void) { for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)\n"
    tail += ' printf("%s\\t%lld\\n", rows[i].text, (long long)rows[i].value); return 0; }\n'
    return head + rows + tail, head.count("\n")


def evaluate(backend: str, expressions: Sequence[str], folder: Path) -> Dict[str, Optional[int]]:
    """The value of each C expression by the header of a backend; None if the header does not know it."""
    source, program = folder / "probe.c", folder / "probe"
    known = list(dict.fromkeys(expressions))
    found: Dict[str, Optional[int]] = dict.fromkeys(known)
    while known:
        text, before = _source(backend, known)
        source.write_text(text)
        done = compile_c([*compiler(), "-w", str(source), "-o", str(program)])
        if done.returncode == 0:
            break
        lines = {int(n) - before - 1 for n in re.findall(r"probe\.c:(\d+):\d+: error", done.stderr)}
        assert any(0 <= n < len(known) for n in lines), done.stderr  # another error than an unknown name
        known = [text for n, text in enumerate(known) if n not in lines]
    assert known, f"the header of {backend} knows none of these names"
    output = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        expression, _, value = line.rpartition("\t")
        found[expression] = int(value)
    return found


def struct_expressions(backend: str) -> Dict[str, int]:
    """C expressions for the size and every offset of a backend's structs, and what the table says of each."""
    wanted: Dict[str, int] = {}
    for name in STRUCTS:
        row = layout(name, backend)
        if row is not None:
            size, offsets = row
            wanted[f"sizeof(struct {name})"] = size
            wanted.update({f"offsetof(struct {name}, {field})": at for field, at in offsets.items()})
    return wanted


def missing_structs(backend: str) -> List[str]:
    """Structs that the table says a backend's header lacks."""
    return [name for name in STRUCTS if layout(name, backend) is None]


# Structs of the shim that stand for one which every stack sends, by fields of their own names.
RENAMED = {
    "sfi_send_failed": (
        "sctp_send_failed",
        "type:ssf_type flags:ssf_flags length:ssf_length error:ssf_error sid:ssf_info assoc_id:ssf_assoc_id",
    ),
    "sfi_authkey_event": (
        "sctp_authkey_event",
        "type:auth_type flags:auth_flags length:auth_length key:auth_keynumber other_key:auth_altkeynumber "
        "indication:auth_indication assoc_id:auth_assoc_id",
    ),
}
# Where the message's own values lie inside, which both stacks' sctp_sndrcvinfo begin with.
INFO = "sid:sinfo_stream ssn:sinfo_ssn info_flags:sinfo_flags ppid:sinfo_ppid context:sinfo_context"


def _same(struct: str, field: str, at: int) -> str:
    return f'_Static_assert(offsetof(struct {struct}, {field}) == {at}, "{struct}.{field} at {at}");'


def stand_in_checks(backend: str) -> List[str]:
    """C that compiles if the structs which the shim declares itself are laid out as the stack's, by the table."""
    lines = ["#include <stddef.h>"]
    for name in STAND_INS if backend != "linux" else ():
        row = layout(name, backend)
        assert row is not None
        size, offsets = row
        lines.append(f'_Static_assert(sizeof(struct {name}) == {size}, "{name}");')
        lines += [_same(name, field, at) for field, at in offsets.items()]
    real = "linux" if backend == "linux" else "freebsd"  # usrsctp's header lacks them, the stack is FreeBSD's
    for name, (other, fields) in RENAMED.items():
        row = layout(other, real)
        assert row is not None
        size, offsets = row
        lines.append(f'_Static_assert(sizeof(struct {name}) == {size}, "{name}");')
        pairs = [pair.split(":") for pair in fields.split()]
        lines += [_same(name, ours, offsets[theirs]) for ours, theirs in pairs]
    failed, info = layout("sctp_send_failed", real), layout("sctp_sndrcvinfo", real)
    assert failed is not None and info is not None
    start = failed[1]["ssf_info"]
    pairs = [pair.split(":") for pair in INFO.split()]
    return lines + [_same("sfi_send_failed", ours, start + info[1][theirs]) for ours, theirs in pairs]


def include_flags() -> List[str]:
    """Where headers lie besides the compiler's own places."""
    build_ffi = load_by_path("build_ffi", "build_ffi.py")
    return ["-I" + folder for folder in build_ffi.include_dirs()]
