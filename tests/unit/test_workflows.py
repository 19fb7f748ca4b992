"""The workflows of .github: each step is a tox call or sets something up, and what they name is there.

Read as text, so that nothing has to be installed; their grammar is yamllint's business.
"""

from __future__ import annotations

import re

import pytest

from .loading import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TOX = (ROOT / "tox.ini").read_text(encoding="utf-8")
CALL = re.compile(r"(?:~/\.local/bin/)?tox run (?:--skip-missing-interpreters false )?-e (\S+|\$\{\{ matrix\.env \}\})")


def text_of(path):
    """A workflow without comments; a folded line is one."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return re.sub(r"(run: )>-\n\s+", r"\1", text)


def steps(path):
    """Each step's lines."""
    for part in re.split(r"^ {6}- ", text_of(path), flags=re.MULTILINE)[1:]:
        yield re.split(r"\n {0,5}\S", part)[0]


def environments(path):
    """The tox environments that a workflow runs."""
    found = set()
    text = text_of(path)
    for name in CALL.findall(text):
        if name.startswith("$"):
            for values in re.findall(r"^ +env: \[(.*)\]$", text, re.MULTILINE):
                found |= set(values.split(", "))
        else:
            found.add(name)
    return found


def known(env):
    """Whether tox.ini has an environment, or makes it of its name."""
    return f"[testenv:{env}]" in TOX or re.fullmatch(r"py3\d+", env) is not None


def test_they_are_there():
    """Tests, FreeBSD, wheels and pages have a workflow each."""
    assert [path.stem for path in WORKFLOWS] == ["docs", "freebsd", "tests", "wheels"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_step_is_a_tox_call_or_sets_up(path):
    """Nothing is checked by a workflow that a developer could not check by the same tox call."""
    found = list(steps(path))
    assert len(found) > 3
    for step in found:
        ran = re.search(r"run: (.*)", step)
        if ran is not None:
            assert step.startswith("name: Set up ") or CALL.fullmatch(ran.group(1)), step
        else:
            assert "uses: " in step, step


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_environments_are_known(path):
    """What a workflow runs is in tox.ini."""
    found = environments(path)
    assert found
    assert [env for env in found if not known(env)] == []


def test_every_check_is_run_somewhere():
    """No environment of the default list is forgotten."""
    wanted = re.search(r"^env_list = (.*)$", TOX, re.MULTILINE).group(1).split(", ")
    run = set().union(*(environments(path) for path in WORKFLOWS))
    assert sorted(set(wanted) - run) == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned(path):
    """Each action is named with its version; a branch may change without a word."""
    used = re.findall(r"uses: (\S+)", text_of(path))
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+(\.\d+)*", name)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_rights_and_time_are_bounded(path):
    """A workflow may read, a job what it must beyond that, and each job ends by itself."""
    text = text_of(path)
    assert re.search(r"^permissions:\n  contents: read\n(?! )", text, re.MULTILINE)
    assert text.count("runs-on:") == text.count("timeout-minutes:")
    writes = set(re.findall(r"^ +([\w-]+): write$", text, re.MULTILINE))
    assert writes <= {"docs": {"pages", "id-token"}, "wheels": {"id-token"}}.get(path.stem, set())


def test_only_a_tag_is_published():
    """PyPI gets what a tag stands for, after everything that was built was good."""
    text = text_of(ROOT / ".github" / "workflows" / "wheels.yml")
    publish = text.split("\n  publish:\n")[1]
    assert "if: github.event_name == 'push' && github.ref_type == 'tag'" in publish
    assert "needs: [sdist, wheels]" in publish
    assert "gh-action-pypi-publish" not in text.split("\n  publish:\n")[0]
