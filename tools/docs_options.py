"""docs/options.md: every typed option, value, enumeration and notification, and the native options without a type.

Everything is read from sctpffi's own tables and docstrings; only the reasons why an option has no type stand here.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from enum import Enum
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple, Type

from docs_tests import Proof, by_section, links, sections_of, using

from sctpffi import notifications, optvalues
from sctpffi._optrows import OptionRow, pick
from sctpffi._tables import BACKENDS, CONSTANTS, LINUX_SINCE, OPTIONS
from sctpffi.enums import Event
from sctpffi.options import Options

TESTS = "../tests/contract"
# The constants of the tables that are options: from the first name to before the second.
FIRST_OPTION, AFTER_OPTIONS = "SCTP_RTOINFO", "SCTP_UNORDERED"
FREEBSD_SINCE = {"SCTP_ACCEPT_ZERO_CHECKSUM": "14"}  # others are in 13.2, the oldest that is supported
GROUPS = (
    ("RFC 6458 section 8.1", "RFC 6458 section 8.1: to read and to write"),
    ("RFC 6458 section 8.2", "RFC 6458 section 8.2: to read"),
    ("RFC 6458 section 8.3", "RFC 6458 section 8.3: to write"),
    ("RFC 6525", "RFC 6525: stream reconfiguration"),
    ("RFC 7496", "RFC 7496: partial reliability"),
    ("RFC 8260", "RFC 8260: schedulers and interleaving"),
    ("RFC 6951", "RFC 6951: UDP encapsulation"),
    ("RFC 7829", "RFC 7829: paths that may have failed"),
    ("RFC 9653", "RFC 9653: zero checksum"),
    ("", "Of no RFC"),
)

_SUBSCRIBE = "deprecated (RFC 6458 section 6.2.1); `subscribe` uses SCTP_EVENT"
_VRF = "virtual routing tables, of which these stacks have one"
_DEBUG = "for those who debug the stack itself"
_BIND, _PEEL = "use `bind`, `bind_add` and `bind_remove`", "use `peeloff`"
_CONNECT, _ADDRESSES = "use `connect`", "use `local_addresses` and `peer_addresses`"
UNTYPED: Dict[str, str] = {
    "SCTP_DEFAULT_SEND_PARAM": "deprecated (RFC 6458 section 8.1.13); use `default_sndinfo` and `default_prinfo`",
    "SCTP_EVENTS": _SUBSCRIBE,
    "SCTP_EVENT": "use `subscribe`, `unsubscribe` and `subscribed` (RFC 6458 section 6.2.2)",
    "SCTP_USE_EXT_RCVINFO": "deprecated (RFC 6458 section 8.1.22); use `receive_nxtinfo`",
    "SCTP_PEER_ADDR_THLDS": "the older form on Linux, without `primary_switchover`; use `path_thresholds`",
    "SCTP_CMT_USE_DAC": "a detail of experimental multipath sending; `cmt` switches that",
    "SCTP_PCB_STATUS": "counts of the stack's memory; use `stack_counters`",
    "SCTP_GET_NONCE_VALUES": "verification tags: for tests of a stack",
    "SCTP_SET_DYNAMIC_PRIMARY": "changes every association of the host; use `primary_address` and `request_primary`",
    "SCTP_VRF_ID": _VRF,
    "SCTP_ADD_VRF_ID": _VRF,
    "SCTP_GET_VRF_IDS": _VRF,
    "SCTP_GET_ASOC_VRF": _VRF,
    "SCTP_DEL_VRF_ID": _VRF,
    "SCTP_GET_PACKET_LOG": _DEBUG,
    "SCTP_SET_DEBUG_LEVEL": _DEBUG,
    "SCTP_CLR_STAT_LOG": _DEBUG,
    "SCTP_GET_STAT_LOG": _DEBUG,
    "SCTP_SET_INITIAL_DBG_SEQ": _DEBUG,
    "SCTP_SENDMSG_CONNECT": "a part of a C library's sctp_sendv(); use `send(..., to=...)`",
    "SCTP_SOCKOPT_BINDX_ADD": _BIND,
    "SCTP_SOCKOPT_BINDX_REM": _BIND,
    "SCTP_SOCKOPT_PEELOFF": _PEEL,
    "SCTP_SOCKOPT_PEELOFF_FLAGS": _PEEL,
    "SCTP_SOCKOPT_CONNECTX_OLD": _CONNECT,
    "SCTP_SOCKOPT_CONNECTX": _CONNECT,
    "SCTP_SOCKOPT_CONNECTX3": _CONNECT,
    "SCTP_GET_PEER_ADDRS": _ADDRESSES,
    "SCTP_GET_LOCAL_ADDRS": _ADDRESSES,
    "SCTP_BINDX_ADD_ADDR": _BIND,
    "SCTP_BINDX_REM_ADDR": _BIND,
    "SCTP_GET_PEER_ADDRESSES": _ADDRESSES,
    "SCTP_GET_LOCAL_ADDRESSES": _ADDRESSES,
    "SCTP_GET_LOCAL_ADDR_SIZE": _ADDRESSES,
    "SCTP_GET_REMOTE_ADDR_SIZE": _ADDRESSES,
    "SCTP_CONNECT_X": _CONNECT,
    "SCTP_CONNECT_X_DELAYED": _CONNECT,
    "SCTP_CONNECT_X_COMPLETE": _CONNECT,
    "SCTP_PEELOFF": _PEEL,
    "SCTP_GET_ADDR_LEN": "the length of a socket address, which the shim knows",
}
UNITS = (("_ms", "milliseconds"), ("_bytes", "bytes"), ("_s", "seconds"), ("seconds", "seconds"))
_SPAN = re.compile(r"RFC (\d+) section (\d+(?:\.\d+)*)")


# -- Markdown


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> List[str]:
    """A table, and an empty line after it."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines] + [""]


def rfc_link(text: str) -> str:
    """A text with the section that it names made a link to the RFC."""
    return _SPAN.sub(lambda m: f"[{m[1]} {m[2]}](https://www.rfc-editor.org/rfc/rfc{m[1]}#section-{m[2]})", text)


def _doc(cls: Any) -> str:
    """A docstring with its paragraphs, each on one line."""
    paragraphs = inspect.cleandoc(cls.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


# -- what is where


def available(c_name: str, lacks: str = "") -> Tuple[str, str, str]:
    """Since which version each backend has a native name: "no", "yes" or the version."""
    numbers = CONSTANTS.get(c_name, (0, 0, 0))  # names of the socket level are everywhere
    since = (LINUX_SINCE.get(c_name, "yes"), FREEBSD_SINCE.get(c_name, "yes"), "yes")
    linux, freebsd, usrsctp = (
        "no" if number is None or backend == lacks else version
        for backend, number, version in zip(BACKENDS, numbers, since)
    )
    return linux, freebsd, usrsctp


def option_available(row: OptionRow) -> Tuple[str, str, str]:
    """The same for an option, whatever it is called on each."""
    linux, freebsd, usrsctp = (
        available(pick(row.c_name, backend), row.lacks)[column] for column, backend in enumerate(BACKENDS)
    )
    return linux, freebsd, usrsctp


def untyped() -> Dict[str, Tuple[bool, ...]]:
    """The native options that no row is for: on which backends."""
    names = list(CONSTANTS)
    names = names[names.index(FIRST_OPTION) : names.index(AFTER_OPTIONS)]
    found: Dict[str, Tuple[bool, ...]] = {}
    typed = [{CONSTANTS[c][i] for c in {pick(r.c_name, b) for r in OPTIONS} & CONSTANTS.keys()} for i, b in _columns()]
    for name in names:
        where = tuple(CONSTANTS[name][i] is not None and CONSTANTS[name][i] not in typed[i] for i, _ in _columns())
        if any(where):
            found[name] = where
    return found


def _columns() -> List[Tuple[int, str]]:
    return list(enumerate(BACKENDS))


def proofs_of(row: OptionRow, proofs: Sequence[Proof]) -> List[Proof]:
    """The tests of an option: those that name its section or, where it has none, its own name."""
    if row.rfc.startswith("RFC "):
        sections = sections_of(row.rfc)
        return [proof for proof in proofs if sections & proof.sections]
    c_names = {pick(row.c_name, backend) for backend in BACKENDS}
    return using(proofs, row.name, *c_names, *(name.partition("_")[2] for name in c_names))


def problems(proofs: Sequence[Proof]) -> List[str]:
    """What keeps the page from being true; of options with a section of an RFC, docs.py looks after the section."""
    names = untyped()
    found = [f"{name}: neither a row in _optrows.OPTIONS nor in UNTYPED" for name in names if name not in UNTYPED]
    found += [f"{name}: in UNTYPED, though it has a row or is no option" for name in UNTYPED if name not in names]
    own = [row for row in OPTIONS if not row.rfc.startswith("RFC ")]
    return found + [f"opts.{row.name}: no contract test has its name" for row in own if not proofs_of(row, proofs)]


# -- the page


def _linked(text: str, names: Sequence[str]) -> str:
    """A type with each part that this page explains made a link to it."""
    return re.sub(r"\w+", lambda m: f"[{m[0]}](#{m[0].lower()})" if m[0] in names else m[0], text)


def unit(name: str) -> str:
    """The unit that a name ends in."""
    return next((text for end, text in UNITS if name.endswith(end)), "")


def _value(row: OptionRow, explained: Sequence[str]) -> str:
    option = vars(Options)[row.name]
    kind, item = option.kind, option.item
    if hasattr(kind, "__dataclass_fields__"):
        return f"{_linked(kind.__name__, explained)}({', '.join(f.name for f in dataclasses.fields(kind))})"
    if kind is tuple:
        return f"tuple of {_linked(item.__name__, explained) if item else 'int'}"
    text = _linked(kind.__name__, explained)
    return f"{text}, {unit(row.name)}" if kind is int and unit(row.name) else text


def _ids(row: OptionRow) -> str:
    to_set, _, to_get = row.ids.partition("/")
    return f"{' '.join(to_set) or '-'} / {' '.join(to_get) or '-'}" if row.ids != "/" else ""


def _option(row: OptionRow, proofs: Sequence[Proof], explained: Sequence[str]) -> List[str]:
    linux, bsd = pick(row.c_name, "linux"), pick(row.c_name, "bsd")
    name = f'<a id="opt-{row.name}"></a>`opts.{row.name}`<br>{linux}'
    name += f"<br>BSD: {bsd}" if bsd != linux else ""
    name += "".join(f"<br>`of({key}=...)`" for key in row.keys)
    style = "" if row.styles == "both" else f"<br>{row.styles.replace('_', '-')} only"
    cells = [name, _value(row, explained), rfc_link(row.rfc), row.scope + style, row.access, _ids(row)]
    return [*cells, *option_available(row), row.needs, links(proofs_of(row, proofs), TESTS)]


def _fields(cls: Type[Any], explained: Sequence[str]) -> List[str]:
    rows = []
    for field in dataclasses.fields(cls):
        default = "" if field.default is dataclasses.MISSING else f"`{_shown(field.default)}`"
        rows.append([f"`{field.name}`", _linked(str(field.type), explained), unit(field.name), default])
    return table(["field", "type", "unit", "default"], rows) if rows else []


def _shown(value: object) -> str:
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)


def _properties(cls: Type[Any]) -> List[str]:
    found = [name for name, part in vars(cls).items() if isinstance(part, property) and name != "type"]
    return [f"- `{name}`: {_doc(vars(cls)[name])}" for name in found] + [""] * bool(found)


def enumerations(source: Path) -> Iterator[Tuple[str, str, List[Tuple[str, str]]]]:
    """The enumerations of a module: name, docstring, and the members with theirs."""
    for cls in ast.parse(source.read_text(encoding="utf-8")).body:
        if not isinstance(cls, ast.ClassDef) or cls.name.startswith("_"):
            continue
        members: List[Tuple[str, str]] = []
        for part in cls.body:
            if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
                members.append((part.targets[0].id, ""))
            elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) and members:
                members[-1] = (members[-1][0], " ".join(str(part.value.value).split()))
        yield cls.name, " ".join((ast.get_docstring(cls) or "").split()), members


def _classes(module: Any) -> List[Type[Any]]:
    """The dataclasses that a module defines."""
    own = (each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__)
    return [each for each in own if isinstance(each, type) and dataclasses.is_dataclass(each)]


def _event(event: Event, explained: Sequence[str], tests: Dict[Tuple[int, str], List[Proof]]) -> List[str]:
    cls = next(each for each in _classes(notifications) if getattr(each, "event", None) is event)
    rfc = next(_SPAN.finditer(_doc(cls)))[0]
    (section,) = sections_of(rfc)
    cells = [f"`Event.{event.name}`", _linked(cls.__name__, explained), rfc_link(rfc)]
    return [*cells, *available(f"SCTP_{event.name}"), links(tests.get(section, ()), TESTS)]


def page(proofs: Sequence[Proof], sources: Path) -> str:
    """docs/options.md."""
    enums = list(enumerations(sources / "enums.py"))
    explained = [c.__name__ for c in (*_classes(optvalues), *_classes(notifications))] + [name for name, *_ in enums]
    lines = [*INTRODUCTION, ""]
    left = list(OPTIONS)
    head = ["option", "value", "RFC", "scope", "access", "ids", *BACKENDS, "needs", "proved by"]
    for prefix, title in GROUPS:
        group = [row for row in left if row.rfc.startswith(prefix)]
        left = [row for row in left if row not in group]
        lines += [f"## {title}", "", *table(head, [_option(row, proofs, explained) for row in group])]
    lines += ["## Values", "", "Frozen dataclasses; a name that ends in a unit is in that unit.", ""]
    for cls in _classes(optvalues):
        lines += [f"### {cls.__name__}", "", _doc(cls), "", *_fields(cls, explained)]
    lines += ["## Enumerations", "", "The members are the same on every backend.", ""]
    for name, doc, members in enums:
        rows = [[f"`{name}.{member}`", text] for member, text in members]
        lines += [f"### {name}", "", doc, "", *table(["member", "meaning"], rows)]
    head = ["event", "class", "RFC", *BACKENDS, "proved by"]
    tests = by_section(proofs)
    lines += ["## Notifications", "", "`subscribe` has them delivered by `recv`.", ""]
    lines += table(head, [_event(event, explained, tests) for event in Event])
    for cls in _classes(notifications):
        lines += [f"### {cls.__name__}", "", _doc(cls), "", *_fields(cls, explained), *_properties(cls)]
    lines += [*UNTYPED_INTRODUCTION, ""]
    found = [[name, *("yes" if on else "" for on in where), UNTYPED.get(name, "")] for name, where in untyped().items()]
    lines += table(["C name", *BACKENDS, "why"], found)
    return "\n".join(lines).rstrip("\n") + "\n"


INTRODUCTION = """\
# Options, values, enumerations, notifications

Made by `make docs` from the tables and docstrings of the package. Don't edit it.

`sock.opts.NAME` is an option of a socket, `sock.opts.of(assoc_id, address).NAME` the same of an association or a path.
`opts.get(name)`, `opts.set(name, value)` and `opts.supports(name)` take the name as a string.

- **scope**: what it is an option of: the socket, an association, or a path.
- **access**: `r` is read, `w` is set.
- **ids**: which association ids one-to-many sockets take, to set / to get. F, C, A are `AssocId.FUTURE`, `CURRENT` and
  `ALL`; I is the id of an association. One-to-one sockets need none.
- **linux**, **freebsd**, **usrsctp**: "no", or "yes", or the first version that has it. The oldest ones that are
  supported are Linux 5.0, FreeBSD 13.2 and usrsctp 0.9.5.
- **needs**: the extension that has to be on: `opts.auth_supported`, `asconf_supported` or `reconfig_supported`. Where
  it is off, `ExtensionOff` is raised. Where a backend lacks an option, `UnsupportedOption` is.
- **proved by**: the contract tests of its section, or of its name where it has none. They run on every backend.

What a stack does with a value is in [stacks.md](stacks.md), what a program may notice of it in
[differences.md](differences.md), and where the rest of the RFCs is in [rfc6458.md](rfc6458.md).
""".splitlines()

UNTYPED_INTRODUCTION = """\
## Native options without a type

On purpose. `getsockopt_raw(level, number, size)` and `setsockopt_raw(level, number, value)` reach them by the stack's
own number; what those take and give is the stack's, byte for byte.
""".splitlines()
