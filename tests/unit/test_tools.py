"""The tools behind `make test` and `make demo`: what they would run and install, and how they read results.

Nothing is installed, no interpreter but the running one is started, tox never runs here.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from .loading import ROOT, load_by_path

asan = load_by_path("asan", "tools", "asan.py")
# The tools import each other as the scripts that they are.
bootstrap = sys.modules["bootstrap"] = load_by_path("bootstrap", "tools", "bootstrap.py")
results = sys.modules["results"] = load_by_path("results", "tools", "results.py")
check = load_by_path("check", "tools", "check.py")
build_wheel = load_by_path("build_wheel", "tools", "build_wheel.py")

JUNIT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="a" name="good" time="1.5"/>
<testcase classname="a" name="bad" time="0.25"><failure message="assert 1 == 2&#10; more">long</failure></testcase>
<testcase classname="a" name="twice"><failure message="first"/></testcase>
<testcase classname="a" name="twice"><error message="second"/></testcase>
<testcase classname="a" name="setup"><error message="boom"/></testcase>
<testcase classname="a" name="left out"><skipped type="pytest.skip" message="not on FreeBSD"/></testcase>
<testcase classname="a" name="silent"><skipped type="pytest.skip" message=""/></testcase>
</testsuite></testsuites>
"""


def trouble(test="t", reason="why"):
    return results.Trouble(test, reason)


def suite(backend="", passed=1, failed=(), skipped=()):
    return results.Suite(backend, passed, list(failed), list(skipped), 2.0)


def outcome(env="py39", status=0, suites=(), absent=()):
    return results.Outcome(env, "CPython 3.9.1", status, 3.0, list(suites), list(absent))


@pytest.fixture
def junit(tmp_path):
    """A result file with one test of each kind."""
    path = tmp_path / "py39.xml"
    path.write_text(JUNIT)
    return path


# -- results


def test_junit_is_counted_by_tests(junit):
    """A test counts once, whatever its call and its teardown made of it."""
    found = results.read_suite(junit, "usrsctp")
    assert found.backend == "usrsctp"
    assert found.passed == 1
    assert [t.test for t in found.failed] == ["a::bad", "a::twice", "a::setup"]
    assert [t.reason for t in found.failed] == ["assert 1 == 2", "first", "boom"]
    assert found.skipped == [trouble("a::left out", "not on FreeBSD"), trouble("a::silent", "")]
    assert found.seconds == 1.75


@pytest.mark.parametrize(
    ("env", "name", "expected"),
    [
        ("py39", "py39.xml", ""),
        ("py39", "py39-usrsctp.xml", "usrsctp"),
        ("linux-uml", "linux-uml-linux.xml", "linux"),
        ("linux", "linux-uml.xml", None),
        ("py3", "py39.xml", None),
        ("linux-qemu", "linux-qemu-linux-6.1.0-9-amd64.xml", "linux"),
        ("linux-qemu", "linux-qemu-linuxes.xml", None),
        ("freebsd-vm", "freebsd-vm-offline-freebsd.xml", None),
    ],
)
def test_backend_of_a_result_file(env, name, expected):
    """The file's name says whose it is, and of which backend."""
    assert results.suite_of(env, name) == expected


def test_first_line():
    """Messages are cut to their first line that says something."""
    assert results.first_line("\n  \n  text  \nmore") == "text"
    assert results.first_line(None) == results.first_line(" \n") == ""
    assert len(results.first_line("x" * 1000)) == 200


@pytest.mark.parametrize(
    ("what", "numbers"),
    [
        (outcome(suites=[suite(passed=3, skipped=[trouble()]), suite(passed=4)]), (7, 0, 1)),
        (outcome(status=1, suites=[suite(passed=3, failed=[trouble()])]), (3, 1, 0)),
        (outcome(status=1, suites=[suite(passed=3)]), (3, 1, 0)),  # the tests were good, something else was not
        (outcome(status=1, suites=[suite(passed=3)], absent=["py39-usrsctp.xml"]), (3, 1, 0)),
        (outcome("lint"), (1, 0, 0)),
        (outcome("lint", status=1), (0, 1, 0)),
        (outcome(status=0, absent=["py39.xml"]), (0, 1, 0)),
    ],
)
def test_counts(what, numbers):
    """Nothing that failed counts as nothing, and a check without tests is one check."""
    assert results.counts(what) == numbers


def test_last_line():
    """The last line is plain, and there even if nothing ran."""
    assert results.last_line([]) == "0 passed, 0 failed, 0 skipped"
    both = [outcome(suites=[suite(passed=3, skipped=[trouble()])]), outcome("lint", status=1)]
    assert results.last_line(both) == "3 passed, 1 failed, 1 skipped"


def test_table_has_a_row_for_each_result_file():
    """Each suite has a line, a missing file as well, and columns are aligned."""
    lines = results.table(
        [
            outcome(suites=[suite(passed=3), suite("usrsctp", passed=44)]),
            outcome("linux-uml", status=125, absent=["linux-uml-linux.xml"]),
            outcome("lint"),
        ]
    )
    assert lines[0].split() == ["environment", "backend", "interpreter", "passed", "failed", "skipped", "seconds"]
    assert set(lines[1]) == {"-"}
    assert [line.split() for line in lines[2:]] == [
        ["py39", "-", "CPython", "3.9.1", "3", "0", "0", "2"],
        ["py39", "usrsctp", "CPython", "3.9.1", "44", "0", "0", "2"],
        ["linux-uml", "linux", "CPython", "3.9.1", "0", "1", "0", "-", "NO", "RESULTS"],
        ["lint", "-", "CPython", "3.9.1", "1", "0", "0", "3"],
    ]
    column = lines[0].index("passed") + len("passed")
    assert {line[column - 1] for line in lines[2:]} <= set("0123456789")
    assert not any(line.endswith(" ") for line in lines)


def test_table_marks_what_failed():
    """A suite with a failure is marked; an environment that failed without one is marked on each of its lines."""
    mixed = outcome(status=1, suites=[suite(), suite("usrsctp", failed=[trouble()])])
    lines = results.table([outcome(status=1, suites=[suite()]), outcome("types", status=1), mixed])
    assert [line.split()[-1] for line in lines[2:]] == ["FAILED", "FAILED", "2", "FAILED"]


def test_skips_are_listed_by_reason():
    """Tests of one reason stand together; no reason is said to be none."""
    skipped = [trouble("a", "no IPv6"), trouble("b", ""), trouble("c", "no IPv6")]
    lines = results.skip_lines([outcome(suites=[suite(skipped=skipped)]), outcome("lint")])
    assert lines == ["py39: no IPv6", "    a", "    c", "py39: NO REASON GIVEN", "    b"]


def test_failures_are_listed():
    """Failed tests with their error, and environments that failed without one, with what they said at last."""
    lines = results.failure_lines(
        [
            outcome(status=1, suites=[suite(failed=[trouble("a", "boom")])]),
            outcome("linux-uml", status=125, absent=["linux-uml-linux.xml"]),
            outcome("lint", status=1)._replace(said=["x.py:1: wrong", "lint: exit 1"]),
            outcome("types"),
        ]
    )
    assert lines == [
        "py39: a: boom",
        "linux-uml: no results in linux-uml-linux.xml: the tests crashed or never began",
        "lint: ended with status 1",
        "    | x.py:1: wrong",
        "    | lint: exit 1",
    ]


def test_complaints():
    """A backend without a test is a complaint, even if its suite was there; so is a skip without a reason."""
    good = [outcome(suites=[suite("usrsctp"), suite("linux", failed=[trouble()], passed=0)])]
    assert results.complaints(good, ["linux", "usrsctp"]) == []
    empty = [
        outcome(suites=[suite("usrsctp", passed=0, skipped=[trouble("a", "x")]), suite(skipped=[trouble("b", "")])])
    ]
    found = results.complaints(empty, ["usrsctp"])
    assert len(found) == 2
    assert "'usrsctp'" in found[0]
    assert found[1] == "py39: skipped without a reason: b"


# -- what is run


@pytest.mark.parametrize(
    ("system", "has_sctp", "first"),
    [
        ("linux", False, "linux-uml"),
        ("linux", True, "linux-host"),
        ("freebsd", True, "freebsd-host"),
        ("darwin", False, "abi"),
    ],
)
def test_kernel_of_a_system(system, has_sctp, first):
    """The running kernel is tested if it can be, else user-mode Linux on Linux."""
    assert check.plan(system, has_sctp, [])[0] == first


def test_plan_starts_with_the_slow_ones():
    """The kernel, PyPy, then the interpreters in the order of their versions."""
    envs = check.plan("linux", False, ["py313", "py39", "pypy3", "py310"])
    others = ["asan", "wheel", "interop", "fuzz", "freebsd-cross", "abi", "docs", "lint", "types"]
    assert envs == ["linux-uml", "pypy3", "py39", "py310", "py313", *others]
    assert check.plan("freebsd", True, ["py39"]) == ["freebsd-host", "py39", "abi"]


def test_each_system_must_test_its_own_kernel():
    """A backend that this system has can't be left out in silence."""
    assert check.required_backends("linux") == ["linux", "usrsctp"]
    assert check.required_backends("freebsd") == ["freebsd", "usrsctp"]
    assert check.required_backends("darwin") == ["usrsctp"]


def test_only():
    """--only takes names and two words; nothing is run twice."""
    everything = ["linux-uml", "pypy3", "py39", "lint"]
    assert check.expand("lint, py39,,lint", everything, "py311") == ["lint", "py39"]
    assert check.expand("usrsctp,py39", everything, "py311") == ["pypy3", "py39"]
    assert check.expand("this", everything, "py311") == ["py311"]


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        (("CPython", "3.9", False), "py39"),
        (("CPython", "3.13", False), "py313"),
        (("CPython", "3.13", True), None),  # cffi is not for it
        (("CPython", "3.14", True), "py314t"),
        (("CPython", "3.8", False), None),
        (("CPython", "2.7", False), None),
        (("PyPy", "3.9", False), "pypy3"),
        (("PyPy", "2.7", False), None),
        (("GraalVM", "3.11", False), None),
    ],
)
def test_environment_of_an_interpreter(arguments, env):
    """Interpreters that the wheel is not for have no environment."""
    assert check.env_name(*arguments) == env


def test_versions_are_sorted_as_numbers():
    """3.13 is newer than 3.9."""
    assert sorted(["py313", "py39", "py310"], key=check.version_key) == ["py39", "py310", "py313"]


def test_ask_the_running_interpreter():
    """An interpreter says what it is; the environment is that of the running one."""
    found = check.ask(sys.executable)
    assert found is not None
    assert found.env == check.own_env()
    assert found.title.split()[1] == "%d.%d.%d" % sys.version_info[:3]


def test_stand_ins_that_do_not_run_are_no_interpreters(tmp_path):
    """A command that fails, says something else or isn't there is left out."""
    for name, text in (("fails", "exit 127"), ("talks", "echo hello")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
        assert check.ask(str(tmp_path / name)) is None
    assert check.ask(str(tmp_path / "none")) is None


def test_candidates_are_executables_of_known_names(tmp_path):
    """Only what may be an interpreter of use is started."""
    for name, mode in (("python3.9", 0o755), ("python3.10", 0o644), ("python3.8", 0o755), ("pypy3", 0o755)):
        (tmp_path / name).touch(mode)
    (tmp_path / "python3.14t").touch(0o755)
    expected = [str(tmp_path / name) for name in ("python3.9", "python3.14t", "pypy3")]
    assert list(check.candidates([tmp_path])) == expected


def test_every_environment_is_in_tox_ini(monkeypatch, tmp_path):
    """What check.py runs, and where it looks for results, is what tox.ini has."""
    monkeypatch.setattr(check, "JUNIT", tmp_path)
    monkeypatch.delenv("SCTPFFI_KERNELS", raising=False)
    text = (ROOT / "tox.ini").read_text()
    described = set(re.findall(r"^\[testenv:([\w-]+)\]", text, re.MULTILINE))
    envs = {*check.KERNEL_ENVS, *check.OTHER_ENVS, *check.IMAGE_ENVS, check.QEMU_ENV}
    assert {*envs, "pypy3", "py314t"} <= described
    assert {f"py{version.replace('.', '')}t" for version in check.FREE_THREADED} <= {*check.OWN_WHEEL, *described}
    for env in envs:
        section = text.split(f"[testenv:{env}]")[1].split("\n[")[0]
        written = set(re.findall(r"\{env_name\}([\w-]*?)(?:-@KERNEL@)?\.xml", section))
        assert written == {name[len(env) : -len(".xml")] for name in check.result_files(env)}


def test_results_that_are_expected():
    """Unit tests leave a file with no backend in its name, contract suites one with."""
    assert check.result_files("py39") == ["py39.xml", "py39-usrsctp.xml"]
    assert check.result_files("pypy3") == ["pypy3.xml", "pypy3-usrsctp.xml"]
    assert check.result_files("linux-uml") == ["linux-uml-linux.xml"]
    assert check.result_files("freebsd-host") == ["freebsd-host-freebsd.xml"]
    assert check.result_files("abi") == ["abi.xml"]
    assert check.result_files("docs") == ["docs.xml"]
    assert check.result_files("interop") == ["interop.xml"]
    assert check.result_files("fuzz") == ["fuzz.xml"]
    assert check.result_files("asan") == ["asan.xml", "asan-usrsctp.xml"]
    assert check.result_files("wheel") == ["wheel-usrsctp.xml"]
    assert check.result_files("lint") == []
    assert check.result_files("freebsd-vm") == ["freebsd-vm-freebsd.xml"]
    assert check.result_files("debian-vm") == ["debian-vm-linux.xml"]


def test_results_of_several_kernels(tmp_path, monkeypatch):
    """Each kernel in QEMU leaves a file with its release, which is shown; if there is none, that is told."""
    monkeypatch.setattr(check, "JUNIT", tmp_path)
    monkeypatch.delenv("SCTPFFI_KERNELS", raising=False)
    assert check.Runner({}, None).outcome("linux-qemu", 125, 5.0).absent == ["linux-qemu-linux.xml"]
    for release in ("6.12", "6.1"):
        (tmp_path / f"linux-qemu-linux-{release}.xml").write_text(JUNIT)
    (tmp_path / "linux-uml-linux.xml").write_text(JUNIT)
    found = check.Runner({}, None).outcome("linux-qemu", 1, 5.0)
    assert [(s.backend, s.kernel) for s in found.suites] == [("linux", "6.1"), ("linux", "6.12")]
    assert [row[1] for row in results.rows_of(found)] == ["linux 6.1", "linux 6.12"]
    assert results.failure_lines([found])[0].startswith("linux-qemu 6.1: a::bad: ")
    monkeypatch.setenv("SCTPFFI_KERNELS", "6.1, /x/vmlinuz-6.12,/x/boot/vmlinuz-6.13")
    assert check.Runner({}, None).outcome("linux-qemu", 1, 5.0).absent == ["linux-qemu-linux-6.13.xml"]


def test_machine_is_made_ready_for_what_runs():
    """Who only boots an image is not asked for the packages of everything else."""
    assert check.step("freebsd-vm") == check.step("freebsd-vm,debian-vm") == "tox"
    assert check.step(None) == check.step("lint") == check.step("linux-qemu") == check.step("freebsd-vm,py39") == "test"


def test_wheel_is_for_cpythons_only(tmp_path):
    """PyPy and the sanitizer have their own, what installs nothing gets none; a found interpreter is handed to tox."""
    runner = check.Runner({"py39": check.Interpreter("py39", "/opt/python3.9", "CPython 3.9.1")}, tmp_path / "x.whl")
    assert "--installpkg" in runner.command("py39")
    assert runner.command("py39")[runner.command("py39").index("--discover") + 1] == "/opt/python3.9"
    for env in ("pypy3", "py314t", "asan", "wheel", "lint", "types", *check.IMAGE_ENVS):
        assert "--installpkg" not in runner.command(env)
    assert "--installpkg" in runner.command("fuzz")
    assert "--installpkg" in runner.command("linux-qemu")


def test_crash_is_no_silence(tmp_path, monkeypatch, junit):
    """A result file that isn't there, or was not finished, is said to be absent."""
    monkeypatch.setattr(check, "JUNIT", tmp_path)
    (tmp_path / "py39-usrsctp.xml").write_text(JUNIT[:100])
    found = check.Runner({}, None).outcome("py39", 1, 5.0)
    assert [s.passed for s in found.suites] == [1]
    assert found.absent == ["py39-usrsctp.xml"]


def test_report_ends_with_the_sum(capsys):
    """Good is 0; a failure, a complaint or nothing at all is 1; the last line is the sum alone."""
    good = [outcome(suites=[suite("usrsctp", passed=5)])]
    assert check.report(good, ["PyPy 3"], ["usrsctp"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 0 failed, 0 skipped"
    assert check.report(good, [], ["usrsctp", "linux"]) == 1
    assert check.report([outcome("lint", status=1)], [], []) == 1
    assert check.report([outcome(suites=[suite(skipped=[trouble("a", "")])])], [], []) == 1
    assert check.report([], [], []) == 1


def test_what_is_not_here():
    """Interpreters and kernels that were not there are named."""
    lines = "\n".join(check.not_here("linux", False, {"py39": None}, ["linux-uml"]))
    assert "CPython 3.9" not in lines
    assert all(word in lines for word in ("CPython 3.14", "3.14, free-threaded", "PyPy", "user-mode Linux", "FreeBSD"))
    everything = dict.fromkeys(("py39", "py314", "py314t", "pypy3"))
    assert not any("3.14" in line for line in check.not_here("linux", False, everything, []))
    assert not any("running kernel" in line for line in check.not_here("linux", True, {}, []))


def test_kernels_that_are_only_run_when_asked_for():
    """`make test` says which kernels it did not run, and the command that does; not where they ran or can't."""
    lines = "\n".join(check.not_here("linux", False, {}, ["linux-uml"]))
    assert "make linux-qemu" in lines
    assert "SCTPFFI_FREEBSD_IMAGE=FILE make freebsd-vm" in lines
    lines = "\n".join(check.not_here("linux", False, {}, ["linux-qemu", "freebsd-vm"]))
    assert "make" not in lines
    assert "make" not in "\n".join(check.not_here("freebsd", True, {}, ["freebsd-host"]))


# -- what is installed


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("pypy3:\n  Installed: (none)\n  Candidate: 7.3.11\n", True),
        ("pypy3:\n  Installed: (none)\n  Candidate: (none)\n", False),
        ("", False),
    ],
)
def test_candidate(policy, expected):
    """A package that apt only knows by name can't be installed."""
    assert bootstrap.has_candidate(policy) is expected


@pytest.fixture
def machine(monkeypatch):
    """A Debian that has nothing; what apt-get is called with is kept."""
    calls = []
    monkeypatch.setattr(bootstrap, "apt_installed", lambda package: False)
    monkeypatch.setattr(bootstrap, "apt_offers", lambda package: package != "pypy3")
    monkeypatch.setattr(bootstrap, "apt_get", lambda *arguments: calls.append(arguments) or True)
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 0)
    return calls


def test_root_installs(machine, capsys):
    """Lists are read anew if they lack something; an optional package that still isn't offered is left out."""
    bootstrap.ensure_debian(bootstrap.Needs(["gcc"], ["pypy3", "pkg-config"]))
    assert machine == [("update",), ("install", "--no-install-recommends", "gcc", "pkg-config")]
    assert "pypy3" in capsys.readouterr().out


def test_old_lists_are_renewed(machine, monkeypatch):
    """If the install fails it is tried once more with new lists, and then told."""
    monkeypatch.setattr(bootstrap, "apt_get", lambda *arguments: machine.append(arguments) or arguments[0] == "update")
    with pytest.raises(bootstrap.BootstrapError, match="apt-get install -y gcc"):
        bootstrap.ensure_debian(bootstrap.Needs(["gcc"]))
    assert [call[0] for call in machine] == ["install", "update", "install"]


def test_others_are_told_one_command(machine, monkeypatch):
    """Who may not install gets the whole command; what is only optional stops nobody."""
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 1000)
    with pytest.raises(bootstrap.BootstrapError, match="sudo apt-get install -y gcc make pypy3\n"):
        bootstrap.ensure_debian(bootstrap.Needs(["gcc", "make"], ["pypy3"]))
    bootstrap.ensure_debian(bootstrap.Needs([], ["pypy3"]))
    assert machine == []


def test_nothing_is_done_twice(machine, monkeypatch):
    """A machine that has everything is left alone."""
    monkeypatch.setattr(bootstrap, "apt_installed", lambda package: True)
    bootstrap.ensure_debian(bootstrap.Needs(["gcc"], ["pypy3"]))
    assert machine == []


@pytest.mark.parametrize(("has_sctp", "wanted"), [(True, False), (False, True)])
def test_user_mode_linux_is_for_kernels_without_sctp(monkeypatch, has_sctp, wanted):
    """Tests want a kernel, the demo does not."""
    monkeypatch.setattr(bootstrap, "kernel_has_sctp", lambda: has_sctp)
    assert ("user-mode-linux" in bootstrap.debian_needs("test").required) is wanted
    assert "user-mode-linux" not in bootstrap.debian_needs("demo").required
    assert "libusrsctp-dev" in bootstrap.debian_needs("demo").required
    assert {*bootstrap.debian_needs("tox").required} <= {"python3-venv"}


def test_headers_are_asked_of_debian_for_its_own_python(monkeypatch):
    """python3-dev does not help a Python that was built by hand."""
    monkeypatch.setattr(bootstrap, "has_headers", lambda: False)
    for system, expected in ((True, True), (False, False)):
        monkeypatch.setattr(bootstrap, "is_system_python", lambda system=system: system)
        assert ("python3-dev" in bootstrap.debian_needs("demo").required) is expected


def test_once(tmp_path, monkeypatch):
    """An installation is repeated when its content changed or it failed, not otherwise."""
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    log = tmp_path / "log"
    command = [sys.executable, "-c", f"open({str(log)!r}, 'a').write('x')"]
    for content in ("1", "1", "2"):
        bootstrap.once("tox", content, command)
    assert log.read_text() == "xx"
    with pytest.raises(bootstrap.BootstrapError):
        bootstrap.once("tox", "3", [sys.executable, "-c", "raise SystemExit(1)"])
    bootstrap.once("tox", "3", command)
    assert log.read_text() == "xxx"


# -- the wheel


@pytest.fixture
def tree(tmp_path):
    """A tree as it looks after a build inside it."""
    root = tmp_path / "tree"
    for name in ("pyproject.toml", "csrc/a.c", "sctpffi/__init__.py", "sctpffi/backends/linux.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    for name in ("_ffi_linux.abi3.so", "_ffi_linux.c", "_build_info.py", "__pycache__/linux.pyc"):
        (root / "sctpffi" / "backends" / name).parent.mkdir(exist_ok=True)
        (root / "sctpffi" / "backends" / name).touch()
    (root / "build").mkdir()
    (root / "tox.ini").touch()
    return root


def test_clean_copy(tree, tmp_path):
    """Sources are copied; what a build left is not."""
    build_wheel.copy_sources(tmp_path / "copy", tree)
    found = [path.relative_to(tmp_path / "copy").as_posix() for path in build_wheel.files_below(tmp_path / "copy")]
    assert found == ["csrc/a.c", "pyproject.toml", "sctpffi/__init__.py", "sctpffi/backends/linux.py"]


def test_fingerprint_changes_with_content_names_and_variables(tree, monkeypatch):
    """Everything that makes another wheel makes another fingerprint."""
    monkeypatch.delenv("SCTPFFI_BACKENDS", raising=False)
    seen = [build_wheel.fingerprint(tree)]
    assert build_wheel.fingerprint(tree) == seen[0]
    (tree / "csrc" / "a.c").write_text("other")
    seen.append(build_wheel.fingerprint(tree))
    (tree / "csrc" / "a.c").rename(tree / "csrc" / "b.c")
    seen.append(build_wheel.fingerprint(tree))
    monkeypatch.setenv("SCTPFFI_BACKENDS", "usrsctp")
    seen.append(build_wheel.fingerprint(tree))
    assert len(set(seen)) == 4


def test_wheel_is_built_when_sources_changed(tree, tmp_path, monkeypatch):
    """The same sources are built once; a new build leaves one wheel."""
    built = []

    def run(command, **options):
        out = build_wheel.Path(command[command.index("--wheel-dir") + 1])
        out.mkdir()
        (out / f"x-{len(built)}.whl").touch()
        built.append(command)

    monkeypatch.setattr(build_wheel.subprocess, "run", run)
    out = tmp_path / "out"
    assert build_wheel.build(out, tree) == build_wheel.build(out, tree) == out / "x-0.whl"
    (tree / "csrc" / "a.c").write_text("other")
    assert build_wheel.build(out, tree) == out / "x-1.whl"
    assert len(built) == 2
    assert [path.name for path in out.glob("*.whl")] == ["x-1.whl"]


@pytest.mark.parametrize("name", ["bootstrap.py", "check.py", "build_wheel.py"])
def test_help_needs_nothing(name):
    """Each tool is a command of its own, with nothing installed."""
    command = [sys.executable, "-S", str(ROOT / "tools" / name), "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage:")


# -- the sanitizer


def test_hypothesis_is_wanted_by_few():
    """Only the environments that fuzz install hypothesis, so that the unit tests run without it."""
    text = (ROOT / "tox.ini").read_text()
    sections = {part.split("]")[0]: part for part in text.split("\n[testenv:")[1:]}
    deps = {env: part.split("deps =")[1].split("commands")[0] for env, part in sections.items() if "deps =" in part}
    assert "hypothesis" in deps["fuzz"]
    assert deps["asan"].strip().startswith("{[testenv:fuzz]deps}")
    assert [env for env, found in deps.items() if "hypothesis" in found] == ["fuzz"]
    for path in (ROOT / "tests").rglob("*.py"):
        if path.parent.name != "fuzz" and "__pycache__" not in path.parts:
            assert not re.search(r"^(import|from) hypothesis", path.read_text(), re.MULTILINE), path


def test_sanitizers_library_comes_first(tmp_path, monkeypatch):
    """The compiler says where its library is; Python allocates each object by itself, and leaks are not looked for."""
    cc = tmp_path / "cc"
    cc.write_text("#!/bin/sh\necho /lib/here/libasan.so.8\n")
    cc.chmod(0o755)
    monkeypatch.setenv("CC", f"{cc} -m64")
    monkeypatch.setenv("ASAN_OPTIONS", "halt_on_error=1")
    env = asan.environment()
    assert env["LD_PRELOAD"] == "/lib/here/libasan.so.8"
    assert (env["PYTHONMALLOC"], env["ASAN_OPTIONS"]) == ("malloc", "detect_leaks=0:halt_on_error=1")


def test_compiler_without_a_sanitizer_says_so(tmp_path, monkeypatch, capsys):
    """A compiler that has no such library gives back the bare name; that is told, and nothing is run."""
    cc = tmp_path / "cc"
    cc.write_text("#!/bin/sh\necho libasan.so\n")
    cc.chmod(0o755)
    monkeypatch.setenv("CC", str(cc))
    assert asan.main(["--", "touch", str(tmp_path / "ran")]) == 1
    assert "has no libasan.so" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()


def test_module_without_the_sanitizer_is_refused(tmp_path, monkeypatch):
    """A module that was built without it would see nothing; that is a failure."""
    package = tmp_path / "sctpffi"
    (package / "backends").mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "sctpffi", raising=False)
    with pytest.raises(asan.AsanError, match="nothing is built"):
        asan.instrumented()
    (package / "backends" / "_ffi_linux.abi3.so").write_bytes(b"\x7fELF __asan_init")
    assert asan.instrumented() == ["linux"]
    (package / "backends" / "_ffi_usrsctp.abi3.so").write_bytes(b"\x7fELF")
    with pytest.raises(asan.AsanError, match="_ffi_usrsctp"):
        asan.instrumented()


@pytest.mark.parametrize(
    ("script", "good"),
    [
        ("echo 'ERROR: AddressSanitizer: in sfi_canonical' >&2; exit 1", True),
        ("echo 'ERROR: AddressSanitizer: elsewhere' >&2; exit 1", False),
        ("echo not found", False),
        ("exit 1", False),
    ],
)
def test_a_read_astray_must_be_found_first(script, good, tmp_path, monkeypatch):
    """Before anything is run, a read beyond a buffer must end in the sanitizer's report."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    if good:
        asan.prove("linux", {})
    else:
        with pytest.raises(asan.AsanError, match="was not found"):
            asan.prove("linux", {})
