"""`sctpffi info`: what each backend can do on this machine, and which one is the default and why.

Reads `backends` only and opens no socket. It has to work where nothing was built.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import Any, Dict, List

from sctpffi import backends
from sctpffi._version import __version__
from sctpffi.errors import BackendUnavailable

WIDTH = 100


def _features(name: str) -> List[str]:
    try:
        return sorted(backends.load(name).features)
    except BackendUnavailable:
        return []


def _default(usable: Dict[str, bool]) -> Dict[str, Any]:
    """Which backend a program gets that names none, and why."""
    wanted = os.environ.get("SCTPFFI_BACKEND", "").strip()
    try:
        name = backends.default_name()
    except BackendUnavailable:
        why = "SCTPFFI_BACKEND is not set, and sctpffi knows no SCTP in this platform's kernel"
        return {"name": None, "usable": False, "why": why}
    if wanted and name not in backends.NAMES:
        why = f"SCTPFFI_BACKEND says so, but there is no such backend; there are {', '.join(backends.NAMES)}"
    elif wanted:
        why = "SCTPFFI_BACKEND says so"
    else:
        why = "it is this platform's kernel, and SCTPFFI_BACKEND is not set"
    return {"name": name, "usable": usable.get(name, False), "why": why}


def gather() -> Dict[str, Any]:
    """Everything that `info` tells, as it is printed by --json. Never raises."""
    found = backends.probe_all()
    version = sys.version_info
    return {
        "sctpffi": __version__,
        "python": f"{version.major}.{version.minor}.{version.micro}",
        "implementation": sys.implementation.name,
        "executable": sys.executable,
        "default": _default({support.name: support.usable for support in found}),
        "backends": [{**support._asdict(), "features": _features(support.name)} for support in found],
    }


def _advice(facts: Dict[str, Any]) -> str:
    """What follows from the default; empty if all is well."""
    default = facts["default"]
    if default["usable"]:
        return ""
    others = [b["name"] for b in facts["backends"] if b["usable"]]
    if not others:
        return (
            "No backend can be used here, for the reasons above. What was not built needs sctpffi to be installed"
            " again: pip install --force-reinstall --no-cache-dir sctpffi (in a checkout: pip install -e .)."
        )
    subject = "It can't be used here" if default["name"] else "So there is no default"
    return f"{subject}: pass backend={others[0]!r} or set SCTPFFI_BACKEND={others[0]}."


def _wrapped(label: str, text: str) -> List[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"{label:<10}", subsequent_indent=" " * 10, break_on_hyphens=False)


def render(facts: Dict[str, Any]) -> str:
    """The text for people, of at most 100 columns where no single word is longer."""
    lines = [f"sctpffi {facts['sctpffi']} on {facts['implementation']} {facts['python']} ({facts['executable']})", ""]
    versions = [backend["version"] or "-" for backend in facts["backends"]]
    width = max(len(text) for text in (*versions, "version")) + 2
    lines.append(f"{'backend':<10}{'usable':<8}{'version':<{width}}features")
    for backend, version in zip(facts["backends"], versions):
        usable = "yes" if backend["usable"] else "no"
        features = ", ".join(backend["features"]) or "-"
        head = f"{backend['name']:<10}{usable:<8}{version:<{width}}"
        lines += textwrap.wrap(features, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
    lines.append("")
    for backend in facts["backends"]:
        if not backend["usable"]:
            lines += _wrapped(backend["name"], backend["reason"])
    default = facts["default"]
    lines += ["", *_wrapped("default", f"{default['name'] or 'none'}: {default['why']}. {_advice(facts)}".strip())]
    return "\n".join(lines)


def run(as_json: bool) -> int:
    """Print it and return the exit status, which is 0 whatever was found."""
    facts = gather()
    print(json.dumps(facts, indent=2) if as_json else render(facts))
    return 0
