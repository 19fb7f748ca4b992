"""optvalues: the frozen classes of structured options: defaults, comparison, and what must never be shown.

Which fields belong to which option is in test_options.py.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import logging
import pickle
import traceback

import pytest

from sctpffi import optvalues
from sctpffi.enums import PathFlag, PrPolicy, ResetFlag, SendFlag
from sctpffi.errors import ArgumentError, OptionNotTaken
from sctpffi.options import Options
from sctpffi.optvalues import (
    AddStreams,
    AuthKey,
    Linger,
    PathParams,
    PathThresholds,
    PrInfo,
    ResetStreams,
    RtoInfo,
    SndInfo,
)

CLASSES = [c for c in vars(optvalues).values() if inspect.isclass(c) and dataclasses.is_dataclass(c)]
SECRET = b"correct horse battery staple"


def test_defaults_change_nothing():
    """A value made without arguments asks for what the stack does anyway."""
    assert PathParams() == PathParams(None, 0, 0, 0, PathFlag.NONE, 0, 0)
    assert (RtoInfo(), Linger(), AddStreams()) == (RtoInfo(0, 0, 0), Linger(False, 0), AddStreams(0, 0))
    assert SndInfo() == SndInfo(0, SendFlag.NONE, 0, 0)
    assert PrInfo() == PrInfo(PrPolicy.NONE, 0)
    assert ResetStreams() == ResetStreams(ResetFlag.OUTGOING, ())
    assert PathThresholds() == PathThresholds(None, 5, 0xFFFF, 0xFFFF)


@pytest.mark.parametrize("cls", CLASSES)
def test_values_are_explained(cls):
    """Each class says what it is; times and sizes have their unit in the name (RFC 6458 section 8)."""
    assert cls.__dict__["__doc__"]
    assert not cls.__doc__.startswith(f"{cls.__name__}(")  # what dataclass makes of none
    bad = [part.name for part in dataclasses.fields(cls) if part.name.endswith(("_time", "_size", "delay", "interval"))]
    assert bad == []


@pytest.mark.parametrize("cls", CLASSES)
def test_values_are_frozen(cls):
    """A value can't be changed, so that what was read is not taken for what the stack has."""
    value = cls(**{part.name: 0 for part in dataclasses.fields(cls)})
    name = dataclasses.fields(cls)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, 1)
    assert dataclasses.replace(value) == value
    assert dataclasses.replace(value, **{name: 1}) != value
    assert copy.copy(value) == pickle.loads(pickle.dumps(value)) == value


# -- the secret


def test_secret_is_in_no_text():
    """A key's secret is in no representation of it (RFC 4895 section 7: shared keys are kept secret)."""
    key = AuthKey(7, SECRET)
    texts = [repr(key), str(key), f"{key}", "%s %r" % (key, key), format(key), repr([key]), repr({"key": key})]
    assert not any("horse" in text for text in texts)
    assert repr(key) == "AuthKey(number=7)"


def test_secret_is_in_no_log():
    """A key that is logged shows its number alone."""
    record = logging.LogRecord("sctpffi", logging.INFO, "x.py", 1, "set %s %r", (AuthKey(7, SECRET), AuthKey(8)), None)
    assert record.getMessage() == "set AuthKey(number=7) AuthKey(number=8)"


@pytest.mark.parametrize("number", [-1, 65536, 2**70])
def test_secret_is_in_no_error(number):
    """An error about a key shows its number and not its secret, nor does its traceback."""
    with pytest.raises(ArgumentError) as caught:
        Options(None).auth_key = AuthKey(number, SECRET)
    text = "".join(traceback.format_exception(type(caught.value), caught.value, caught.value.__traceback__))
    assert "horse" not in text
    assert str(number) in str(caught.value)
    assert "horse" not in str(OptionNotTaken("auth_key", AuthKey(7, SECRET), AuthKey(7)))


def test_too_long_secret_is_not_shown_either():
    """A secret that is refused for its length is not in the error."""
    with pytest.raises(ArgumentError, match="65536 bytes; at most 65535") as caught:
        Options(None).auth_key = AuthKey(7, SECRET[:1] * 65536)
    assert "cc" not in str(caught.value)


def test_keys_differ_by_their_secret():
    """Two keys of one number with other secrets are not equal, though they look alike."""
    assert AuthKey(7, b"a") != AuthKey(7, b"b")
    assert repr(AuthKey(7, b"a")) == repr(AuthKey(7, b"b"))
    assert AuthKey(7).secret == b""
