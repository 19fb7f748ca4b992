"""The asynchronous twins have the names and parameters of the blocking API; what waits is a coroutine, nothing else."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
from typing import Any, Dict, List

import pytest

import sctpffi

MODULES = ["aio"] + (["trio"] if "trio" in os.environ.get("SCTPFFI_EXPECT_LOOPS", "asyncio").split(",") else [])
CLASSES = ["Association", "Connection", "Endpoint", "Listener"]
FUNCTIONS = ["connect", "listen"]
WAITING = {
    "Association": {"send"},
    "Connection": {"close", "recv", "recv_into", "recv_many", "recv_partial", "send", "send_many"},
    "Endpoint": {"close", "connect", "recv", "recv_many", "recv_partial", "send", "send_all", "send_many"},
    "Listener": {"accept"},
}
PROTOCOLS = {"__iter__": "__aiter__", "__enter__": "__aenter__", "__exit__": "__aexit__"}


def twin(module: str, name: str) -> Any:
    """The asynchronous twin of a name."""
    return getattr(importlib.import_module(f"sctpffi.{module}"), name)


def public(cls: type) -> Dict[str, Any]:
    """The public names of a class, as they stand in it or in its bases."""
    return {name: inspect.getattr_static(cls, name) for name in dir(cls) if not name.startswith("_")}


def parameters(function: Any) -> List[Any]:
    """Names, kinds and defaults of parameters, without self."""
    function = getattr(function, "__func__", function)
    found = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in found if p.name not in ("self", "cls")]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", CLASSES)
def test_the_same_names(module, name):
    """A twin has every public name of the blocking class, and no other."""
    assert set(public(twin(module, name))) == set(public(getattr(sctpffi, name)))


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", CLASSES)
def test_the_same_parameters(module, name):
    """Each method of a twin, and its constructor, has the same parameters with the same defaults."""
    ours, theirs = public(getattr(sctpffi, name)), public(twin(module, name))
    for method, value in ours.items():
        assert callable(value) == callable(theirs[method]), method
        if inspect.isfunction(value) or isinstance(value, classmethod):
            assert parameters(theirs[method]) == parameters(value), method
    assert parameters(twin(module, name).__init__) == parameters(getattr(sctpffi, name).__init__)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_functions(module, name):
    """connect and listen have the same parameters; connect waits, listen does not."""
    found = twin(module, name)
    assert parameters(found) == parameters(getattr(sctpffi, name))
    assert inspect.iscoroutinefunction(found) == (name == "connect")


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", CLASSES)
def test_what_waits_is_a_coroutine(module, name):
    """Exactly what may wait is a coroutine function."""
    found = {m for m, value in public(twin(module, name)).items() if inspect.iscoroutinefunction(value)}
    assert found == WAITING[name]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", CLASSES)
def test_the_protocols(module, name):
    """Iterating and `with` have their asynchronous forms, and only those."""
    for ours, theirs in PROTOCOLS.items():
        assert hasattr(getattr(sctpffi, name), ours) == hasattr(twin(module, name), theirs)
        assert not hasattr(twin(module, name), ours)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", CLASSES)
def test_every_public_method_says_what_it_does(module, name):
    """Every public method and property of the twins has a docstring."""
    for method, value in public(twin(module, name)).items():
        assert inspect.getdoc(value) or not (callable(value) or isinstance(value, property)), method


@pytest.mark.parametrize("module", MODULES)
def test_serve_has_the_parameters_of_listen(module):
    """serve takes what listen takes, beside the handler and its own."""
    own = {"handler", "max_connections", "task_status"}
    found = [p for p in parameters(twin(module, "serve")) if p[0] not in own]
    assert found == parameters(sctpffi.listen)
