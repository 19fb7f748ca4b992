"""inherited_descriptors: systemd's variables, read as sd_listen_fds(3) reads them.

A service that is really started this way is in tests/contract/test_inherited.py.
"""

from __future__ import annotations

import os

import pytest

from sctpffi import InheritedDescriptor, activation, errors, inherited_descriptors

FIRST = 700  # in place of 3, which the tests' own process has in use


@pytest.fixture
def opened(monkeypatch):
    """Three inheritable descriptors that were passed to this process, and the variables that say so."""
    monkeypatch.setattr(activation, "FIRST", FIRST)
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "3")
    monkeypatch.delenv("LISTEN_FDNAMES", raising=False)
    source = os.open(os.devnull, os.O_RDONLY)
    filenos = [os.dup2(source, FIRST + i) for i in range(3)]
    os.close(source)
    yield filenos
    for fileno in filenos:
        os.close(fileno)


def test_the_first_is_three():
    """Descriptors begin after the standard ones (sd_listen_fds(3))."""
    assert activation.FIRST == 3


def test_descriptors_without_names(opened):
    """As many as LISTEN_FDS says, in their order, called "unknown"; each becomes close-on-exec."""
    assert [os.get_inheritable(fileno) for fileno in opened] == [True] * 3
    assert inherited_descriptors() == [InheritedDescriptor(fileno, "unknown") for fileno in opened]
    assert [os.get_inheritable(fileno) for fileno in opened] == [False] * 3
    assert "LISTEN_FDS" in os.environ
    assert len(inherited_descriptors()) == 3


def test_names(opened, monkeypatch):
    """LISTEN_FDNAMES has their names, which may be empty or the same."""
    monkeypatch.setenv("LISTEN_FDNAMES", "m3ua::m3ua")
    assert [(each.fileno, each.name) for each in inherited_descriptors()] == [
        (opened[0], "m3ua"),
        (opened[1], ""),
        (opened[2], "m3ua"),
    ]


def test_the_variables_can_be_taken_away(opened, monkeypatch):
    """With unset_environment a second call, and programs that are started, find nothing."""
    monkeypatch.setenv("LISTEN_FDNAMES", "a:b:c")
    monkeypatch.setenv("LISTEN_PIDFDID", "12345")
    assert len(inherited_descriptors(unset_environment=True)) == 3
    assert [name for name in os.environ if name.startswith("LISTEN_")] == []
    assert inherited_descriptors() == []


@pytest.mark.parametrize("missing", ["LISTEN_PID", "LISTEN_FDS"])
@pytest.mark.parametrize("empty", [True, False])
def test_nothing_was_passed(opened, monkeypatch, missing, empty):
    """Without either variable, or with an empty one, there is nothing; descriptors are left as they are."""
    if empty:
        monkeypatch.setenv(missing, "")
    else:
        monkeypatch.delenv(missing)
    assert inherited_descriptors() == []
    assert os.get_inheritable(opened[0]) is True


def test_another_process_was_meant(opened, monkeypatch):
    """What was passed to another process, such as the parent, is not for this one; the variables may go still."""
    monkeypatch.setenv("LISTEN_PID", str(os.getppid()))
    assert inherited_descriptors(unset_environment=True) == []
    assert "LISTEN_FDS" not in os.environ
    assert os.get_inheritable(opened[0]) is True


NO_NUMBERS = ["0", "-1", "three", "1.0", " 1", "٣", "9" * 5000]


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *((variable, text) for variable in ("LISTEN_FDS", "LISTEN_PID") for text in NO_NUMBERS),
        ("LISTEN_FDS", str(2**31)),
    ],
)
def test_what_can_not_be_understood(opened, monkeypatch, variable, text):
    """A number that is none is refused by the variable's name."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(errors.ArgumentError) as caught:
        inherited_descriptors()
    assert caught.value.argument == variable


@pytest.mark.parametrize("names", ["", "one", "one:two", "one:two:three:four"])
def test_names_for_others(opened, monkeypatch, names):
    """There have to be as many names as descriptors."""
    monkeypatch.setenv("LISTEN_FDNAMES", names)
    with pytest.raises(errors.ArgumentError, match="LISTEN_FDNAMES: . names for 3"):
        inherited_descriptors()


def test_a_descriptor_that_is_not_open(opened, monkeypatch):
    """One that is not open is named; the variables are taken away if that was asked for."""
    monkeypatch.setenv("LISTEN_FDS", "5")
    with pytest.raises(errors.ArgumentError, match=f"descriptor {FIRST + 3} is not open"):
        inherited_descriptors(unset_environment=True)
    assert "LISTEN_FDS" not in os.environ
