"""tools/docs.py: the committed pages are what it writes, and it notices what would make them untrue.

The pages are read as text here; whether the named tests pass is for those tests to say.
"""

from __future__ import annotations

import re
import sys

import pytest

import sctpffi
from sctpffi import enums
from sctpffi._tables import OPTIONS
from sctpffi.auth import AuthKeys
from sctpffi.messages import Message
from sctpffi.options import Options

from .loading import ROOT, load_by_path

# The tools import each other as the scripts that they are.
docs_tests = sys.modules["docs_tests"] = load_by_path("docs_tests", "tools", "docs_tests.py")
docs_options = sys.modules["docs_options"] = load_by_path("docs_options", "tools", "docs_options.py")
docs_rfc6458 = sys.modules["docs_rfc6458"] = load_by_path("docs_rfc6458", "tools", "docs_rfc6458.py")
docs = load_by_path("docs", "tools", "docs.py")

PROOFS = docs_tests.scan(ROOT / "tests" / "contract")
PAGES = docs.pages(ROOT, PROOFS)
SECTIONS = [*docs_rfc6458.RFC_6458, *(each for _, _, sections in docs_rfc6458.OTHERS for each in sections)]


def proof(*sections, test="test_it", words=()):
    return docs_tests.Proof("test_a.py", test, frozenset(sections), frozenset(words))


# -- the pages of this checkout


def test_the_pages_are_current():
    """The committed pages are what the tool writes; `make docs` makes them so."""
    assert docs.stale(ROOT / "docs", PAGES) == []


def test_the_pages_are_true():
    """Every section and option has its test, every test a section that is, every native option a row or a reason."""
    assert docs.problems(PROOFS) == []


def test_every_option_has_one_row():
    """Each row of the table of options has one place to link to."""
    found = re.findall(r'<a id="opt-(\w+)"></a>', PAGES["options.md"])
    assert sorted(found) == sorted(row.name for row in OPTIONS)


def test_every_enumeration_and_member_is_there():
    """Each public enumeration of the package is on the page with all its members."""
    public = [cls for name, cls in vars(enums).items() if name in sctpffi.__all__]
    assert len(public) > 20
    for cls in public:
        members = [f"| `{cls.__name__}.{name}` |" for name in cls.__members__]
        assert [member for member in members if member not in PAGES["options.md"]] == []


def test_links_inside_the_pages_have_a_target():
    """What a page links to is an anchor, a heading or a file."""
    anchors = {}
    for name, text in PAGES.items():
        headings = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)}
        anchors[name] = headings | set(re.findall(r'<a id="([^"]+)">', text))
    for name, text in PAGES.items():
        for target in set(re.findall(r"\]\((?!https:)([^)]+)\)", text)):
            file, _, anchor = target.partition("#")
            assert not file or (ROOT / "docs" / file).is_file(), f"{name}: {target}"
            assert not anchor or anchor in anchors[file or name], f"{name}: {target}"


def test_named_tests_are_in_their_files():
    """A link's text is a test of the file that it leads to."""
    found = {match for text in PAGES.values() for match in re.findall(r"\[(test_\w+)\]\(\.\./(tests/[^)]+)\)", text)}
    assert found
    for test, file in found:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")


def test_sections_are_in_order():
    """Sections are numbered upwards, none twice, none without the one that holds it."""
    for sections in (docs_rfc6458.RFC_6458, *(each for _, _, each in docs_rfc6458.OTHERS)):
        numbers = [[int(part) for part in section.number.split(".")] for section in sections]
        assert numbers == sorted(numbers)
        assert len({section.number for section in sections}) == len(sections)
    known = {section.number for section in docs_rfc6458.RFC_6458}
    assert [n for n in known if "." in n and n.rpartition(".")[0] not in known] == []


def test_names_in_the_sections_are_names_of_the_package():
    """What a section is called in sctpffi is there: an export, a method, an option, an attribute of a message."""
    places = (sctpffi, sctpffi.Socket, sctpffi.Connection, Message)
    inside = {"opts": Options, "auth": AuthKeys}
    for section in SECTIONS:
        for name in re.findall(r"`([A-Za-z_][\w.]*)[`(]", section.how):
            first, _, rest = name.partition(".")
            found = inside.get(first) or next((getattr(p, first) for p in places if hasattr(p, first)), None)
            assert found is not None, f"{section.number}: {name}"
            assert not rest or hasattr(found, rest) or rest in found.__annotations__, f"{section.number}: {name}"


# -- which tests prove what


@pytest.mark.parametrize(
    ("docstring", "module", "expected"),
    [
        ("It is so (RFC 6458 section 8.1.19).", "", [(6458, "8.1.19")]),
        ("It is so (RFC 6458 sections 5.3 and 5.4).", "", [(6458, "5.3"), (6458, "5.4")]),
        ("It is so (RFC 6458 sections 9.1, 9.3, and 9.9).", "", [(6458, "9.1"), (6458, "9.3"), (6458, "9.9")]),
        ("It is so (RFC 6458 section 8.1.19 and 8.2.1).", "", [(6458, "8.1.19"), (6458, "8.2.1")]),
        ("It is so (RFC 6458 section 8.3.1 and section 8.3.2).", "", [(6458, "8.3.1"), (6458, "8.3.2")]),
        ("It is so (RFC 6458 section 8.3.1; RFC 5061 section 5.4).", "", [(5061, "5.4"), (6458, "8.3.1")]),
        ("It is so (RFC 6458 section 8.3.1, RFC 5061).", "", [(6458, "8.3.1")]),
        ("It is so (RFC 6458 9.2; RFC 4895 3.2 and 3.3).", "", [(4895, "3.2"), (4895, "3.3"), (6458, "9.2")]),
        ("It is so (section 6.3.1).", "All about RFC 6525.", [(6525, "6.3.1")]),
        ("It is so (section 6.3.1).", "About RFC 6525 and RFC 6458.", []),
        ("It is so (RFC 6458).", "", []),
        ("It is so (RFC 6458 2 times over).", "", []),
        ("A section of 8 bytes.", "", []),
    ],
)
def test_sections_of_a_docstring(docstring, module, expected):
    """Docstrings name sections in many forms; one without an RFC is of the only one that the module is about."""
    assert sorted(docs_tests.sections_of(docstring, module)) == expected


def test_scanning(tmp_path):
    """Tests are found in functions and classes, with their sections and the names that they use; helpers are not."""
    (tmp_path / "test_x.py").write_text(
        '"""X."""\n'
        "def helper():\n"
        '    """(RFC 6458 section 8.1.1)."""\n'
        "class TestA:\n"
        "    def test_one(self, sock):\n"
        '        """ASSOC_STATS counts\n        (RFC 6458\n        section 8.1.5)."""\n'
        "        sock.opts.nodelay = True\n"
        'BSD = ["cmt"]\nALL = {"a": 1, "b": (ALL, BSD)}\n'
        '@pytest.mark.parametrize("name", ALL["b"])\n'
        "def test_two(sock, name):\n"
        "    sock.opts.get(name)\n"
    )
    one, two = docs_tests.scan(tmp_path)
    assert (one.file, one.test, one.sections) == ("test_x.py", "test_one", {(6458, "8.1.5")})
    assert {"nodelay", "ASSOC_STATS"} <= one.words
    assert docs_tests.using([one, two], "cmt") == [two]
    assert docs_tests.by_section([one, two]) == {(6458, "8.1.5"): [one]}


def test_links_are_few_and_of_many_files():
    """A cell shows some tests, one of each file before a second one, and says how many more there are."""
    many = [
        docs_tests.Proof(file, f"test_{n}", frozenset(), frozenset()) for file in ("a.py", "b.py") for n in range(4)
    ]
    shown = docs_tests.links(many, "t").split("<br>")
    assert shown == ["[test_0](t/a.py)", "[test_0](t/b.py)", "[test_1](t/a.py)", "[test_1](t/b.py)", "and 4 more"]
    assert docs_tests.links(many[:1], "t") == "[test_0](t/a.py)"
    assert docs_tests.links([], "t") == ""


def test_an_option_is_proved_by_its_section_or_else_by_its_name():
    """The tests of an option name its section; one without a section is found by its Python or C name."""
    rows = {row.name: row for row in OPTIONS}
    by_number, by_name = proof((6458, "8.1.5")), proof(words=["nodelay", "cmt"])
    by_c_name = proof(words=["CMT_ON_OFF"])
    assert docs_options.proofs_of(rows["nodelay"], [by_number, by_name]) == [by_number]
    assert docs_options.proofs_of(rows["cmt"], [by_number, by_name, by_c_name]) == [by_name, by_c_name]


# -- what it notices


def test_a_section_without_a_test_is_noticed():
    """Each section that is said to be there needs a test that names it; one that is not there needs none."""
    found = docs.problems([])
    named = {re.split(r"[ ,]", line)[3] for line in found if line.startswith("RFC 6458 section")}
    assert named == {section.number for section in docs_rfc6458.RFC_6458 if section.status == docs_rfc6458.YES}
    assert not any("section 8.1.1," in line for line in docs.problems([proof((6458, "8.1.1"))]))


def test_an_option_without_a_test_is_noticed():
    """An option of no RFC needs a test that has its name."""
    assert "opts.cmt: no contract test has its name" in docs.problems([])
    assert "opts.cmt: no contract test has its name" not in docs.problems([proof(words=["cmt"])])


def test_a_test_of_no_section_is_noticed():
    """A test that names a section that RFC 6458 does not have is named."""
    (line,) = [line for line in docs.problems([proof((6458, "9.14"), (9260, "9.14"))]) if "::" in line]
    assert line == "test_a.py::test_it: RFC 6458 has no section 9.14 about the socket API"


def test_an_option_of_no_section_is_noticed(monkeypatch):
    """An option's section has to be one that the page describes."""
    row = OPTIONS[0]._replace(rfc="RFC 6458 section 8.1.99")
    monkeypatch.setattr(docs, "OPTIONS", [row])
    assert "opts.rto_info: RFC 6458 section 8.1.99 is no section of docs_rfc6458.py" in docs.problems([])


def test_an_unlisted_constant_is_noticed(monkeypatch):
    """A native option that has neither a row nor a reason is named; so is a reason that is not needed."""
    constants = {"SCTP_RTOINFO": (0, 1, 1), "SCTP_NEW": (None, None, 4711), **docs_options.CONSTANTS}
    monkeypatch.setattr(docs_options, "CONSTANTS", constants)
    monkeypatch.setattr(docs_options, "UNTYPED", {**docs_options.UNTYPED, "SCTP_NODELAY": "why", "SCTP_GONE": "why"})
    found = docs_options.problems(PROOFS)
    assert "SCTP_NEW: neither a row in _optrows.OPTIONS nor in UNTYPED" in found
    assert [line.split(":")[0] for line in found if "though it has a row" in line] == ["SCTP_NODELAY", "SCTP_GONE"]


def test_other_names_of_one_option_need_no_reason():
    """A second name with the number of a typed option is that option; an older form on one stack is not."""
    found = docs_options.untyped()
    assert "SCTP_STREAM_SCHEDULER" not in found
    assert found["SCTP_PEER_ADDR_THLDS"] == (True, False, False)


@pytest.mark.parametrize(
    ("c_name", "lacks", "expected"),
    [
        ("SCTP_NODELAY", "", ("yes", "yes", "yes")),
        ("SCTP_EVENT", "", ("5.0", "yes", "yes")),
        ("SCTP_GET_ASSOC_STATS", "", ("yes", "no", "no")),
        ("SCTP_ACCEPT_ZERO_CHECKSUM", "usrsctp", ("no", "14", "no")),
        ("SO_REUSEADDR", "usrsctp", ("yes", "yes", "no")),
    ],
)
def test_availability(c_name, lacks, expected):
    """Each backend has a name since a version, always or not at all."""
    assert docs_options.available(c_name, lacks) == expected


# -- writing and checking


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout with nothing to complain about but its pages."""
    for folder in ("docs", "sctpffi", "tests/contract"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "sctpffi" / "enums.py").write_bytes((ROOT / "sctpffi" / "enums.py").read_bytes())
    monkeypatch.setattr(docs, "problems", lambda proofs: [])
    return tmp_path


def test_write_then_check(root, capsys):
    """What write wrote is not stale."""
    assert docs.main(["write"], root) == 0
    assert docs.main(["check"], root) == 0
    assert capsys.readouterr().err == ""


def test_a_stale_page_is_noticed(root, capsys):
    """A page that was changed by hand fails the check, which shows where and says what helps."""
    docs.main(["write"], root)
    page = root / "docs" / "options.md"
    page.write_text(page.read_text().replace("# Options", "# My options", 1))
    assert docs.main(["check"], root) == 1
    told = capsys.readouterr().err
    assert "docs/options.md is stale; `make docs` writes it" in told
    assert "-# My options" in told
    assert "rfc6458.md" not in told


def test_a_missing_page_is_noticed(root, capsys):
    """A page that is not there is stale."""
    assert docs.main(["check"], root) == 1
    assert capsys.readouterr().err.count("is stale") == 2


def test_problems_fail_both(root, monkeypatch, capsys):
    """Pages that can't be true are written, and fail."""
    monkeypatch.setattr(docs, "problems", lambda proofs: ["this is not so"])
    assert docs.main(["write"], root) == 1
    assert docs.main(["check"], root) == 1
    assert capsys.readouterr().err.splitlines() == ["this is not so"] * 2


@pytest.mark.parametrize("arguments", [[], ["read"], ["write", "check"]])
def test_usage(arguments, root, capsys):
    """Anything else than write or check is refused, and nothing is written."""
    assert docs.main(arguments, root) == 2
    assert "write|check" in capsys.readouterr().err
    assert list((root / "docs").iterdir()) == []
