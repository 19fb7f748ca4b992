"""Everything that a compiled module knows of its stack, as JSON: `facts.py MODULE`. No socket is opened but to probe.

A process loads one module of each name only, so that two builds of one backend are asked in processes of their own.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import Any, Dict

KINDS, VALUES, EVENTS = range(16), range(33), range(32)


def layouts(ffi: Any) -> Dict[str, Any]:
    """Size and fields of every struct that a module shows; the handle is opaque."""
    found = {}
    for name in set(ffi.list_types()[1]) - {"sfi_sock"}:
        kind = ffi.typeof(f"struct {name}")
        found[name] = [ffi.sizeof(kind), [[field, at.offset, at.type.cname] for field, at in kind.fields]]
    return found


def facts(path: str) -> Dict[str, Any]:
    """What the module in a file says."""
    spec = importlib.util.spec_from_file_location("sctpffi.backends._ffi_linux", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lib = module.lib
    return {
        "abi": lib.sfi_abi(),
        "probe": lib.sfi_probe(),
        "structs": layouts(module.ffi),
        "options": [lib.sfi_native_option(number) for number in range(lib.SFI_OPT_MAX + 1)],
        "events": [lib.sfi_native_event(number) for number in EVENTS],
        "to_native": [[lib.sfi_to_native(kind, value) for value in VALUES] for kind in KINDS],
        "to_canonical": [[lib.sfi_to_canonical(kind, value) for value in VALUES] for kind in KINDS],
    }


if __name__ == "__main__":
    print(json.dumps(facts(sys.argv[1])))
