"""The registry of backends: which one is chosen, and what is said of those that can't be used.

Modules of backends are fakes, loaded by a fake import, so that every state is met on every platform: not built,
built and not loading, loading and not working.
"""

from __future__ import annotations

import errno
import sys
import types

import pytest

from sctpffi import backends, errors
from sctpffi.backends import NAMES, Support
from sctpffi.errors import BackendUnavailable, from_code


class Fake:
    """A backend whose stack is there, or answers every open with an errno."""

    def __init__(self, name, error=0) -> None:
        self.name = name
        self.features = frozenset()
        self.error = error
        self.opened = []

    def probe(self):
        """Whether the stack can be used."""
        return Support(self.name, not self.error, "no stack" if self.error else "", "1.0")

    def open(self, family, style):
        """Open a socket."""
        self.opened.append((family, style))
        if self.error:
            raise from_code(-self.error, "open", backend=self.name)
        return "handle"


class World:
    """Which backends there are, and what importing each of them gives."""

    def __init__(self) -> None:
        self.modules = {}
        self.imports = []

    def add(self, name, error=0):
        """A backend that was built."""
        self.modules[name] = types.SimpleNamespace(backend=Fake(name, error))
        return self.modules[name].backend

    def import_module(self, name):
        """importlib.import_module of a backend's module."""
        if name == "sctpffi.backends._build_info":
            if sys.modules.get(name) is None:
                raise ModuleNotFoundError(name)
            return sys.modules[name]
        self.imports.append(name)
        short = name.rpartition(".")[2]
        if short not in self.modules:
            raise ImportError(f"No module named '_ffi_{short}'")
        if isinstance(self.modules[short], ImportError):
            raise self.modules[short]
        return self.modules[short]


@pytest.fixture
def world(monkeypatch):
    """A registry that has loaded nothing, on Linux, with nothing built and nothing chosen."""
    world = World()
    monkeypatch.setattr(backends, "_loaded", {})
    monkeypatch.setattr(backends.importlib, "import_module", world.import_module)
    monkeypatch.setattr(backends.sys, "platform", "linux")
    monkeypatch.delenv("SCTPFFI_BACKEND", raising=False)
    build_record(monkeypatch, {"freebsd": "it is for freebsd, and this is linux"})
    return world


def build_record(monkeypatch, reasons):
    """What the build wrote down of the backends that it did not build; None if it wrote nothing."""
    record = None if reasons is None else types.ModuleType("sctpffi.backends._build_info")
    if record is not None:
        record.NOT_BUILT = reasons
    monkeypatch.setitem(sys.modules, "sctpffi.backends._build_info", record)


# -- which one


@pytest.mark.parametrize(
    ("platform", "name"),
    [("linux", "linux"), ("freebsd13", "freebsd"), ("freebsd14", "freebsd"), ("darwin", None), ("win32", None)],
)
def test_kernel_of_the_platform(world, monkeypatch, platform, name):
    """Linux and FreeBSD have a kernel backend, no other platform does."""
    monkeypatch.setattr(backends.sys, "platform", platform)
    assert backends.kernel_name() == name


def test_default_is_the_kernel(world):
    """Without a choice it is this platform's kernel, even if usrsctp would work."""
    kernel = world.add("linux", errno.EPROTONOSUPPORT)
    world.add("usrsctp")
    assert backends.default_name() == "linux"
    assert backends.select() is kernel


@pytest.mark.parametrize("value", ["usrsctp", "  usrsctp "])
def test_environment_chooses(world, monkeypatch, value):
    """SCTPFFI_BACKEND chooses where no argument does."""
    usrsctp, linux = world.add("usrsctp"), world.add("linux")
    monkeypatch.setenv("SCTPFFI_BACKEND", value)
    assert backends.select() is usrsctp
    assert backends.select("linux") is linux


@pytest.mark.parametrize("value", ["", "  "])
def test_empty_environment_chooses_nothing(world, monkeypatch, value):
    """An empty SCTPFFI_BACKEND is none."""
    monkeypatch.setenv("SCTPFFI_BACKEND", value)
    assert backends.default_name() == "linux"


def test_no_kernel_lists_all(world, monkeypatch):
    """On a platform without SCTP in its kernel nothing is chosen in silence; what could be used is listed."""
    world.add("usrsctp")
    monkeypatch.setattr(backends.sys, "platform", "darwin")
    with pytest.raises(BackendUnavailable) as caught:
        backends.select()
    assert caught.value.wanted == "the kernel of darwin"
    assert list(caught.value.reasons) == list(NAMES)
    assert caught.value.reasons["usrsctp"] == "usable"


@pytest.mark.parametrize("by", ["argument", "environment"])
@pytest.mark.parametrize("name", ["nope", "Linux", "kernel"])
def test_unknown_name_lists_the_names(world, monkeypatch, by, name):
    """A name that is no backend is refused with the names that there are, and nothing is imported for it."""
    monkeypatch.setenv("SCTPFFI_BACKEND", name)
    with pytest.raises(BackendUnavailable) as caught:
        backends.select(name if by == "argument" else None)
    assert caught.value.wanted == name
    assert "there are linux, freebsd, usrsctp" in str(caught.value)
    assert world.imports == []


def test_empty_argument_is_no_default(world):
    """backend="" is a wrong name, not the default."""
    world.add("linux")
    with pytest.raises(BackendUnavailable):
        backends.select("")


# -- loading


def test_backend_is_loaded_when_first_asked_for(world):
    """A backend's module is imported once, when it is first asked for; others are left alone."""
    usrsctp = world.add("usrsctp")
    world.add("linux")
    assert world.imports == []
    assert backends.load("usrsctp") is backends.load("usrsctp") is backends.select("usrsctp") is usrsctp
    assert world.imports == ["sctpffi.backends.usrsctp"]


def test_failed_import_is_tried_again(world):
    """A backend that did not load may load later, after a rebuild in place."""
    with pytest.raises(BackendUnavailable):
        backends.load("usrsctp")
    usrsctp = world.add("usrsctp")
    assert backends.load("usrsctp") is usrsctp


def test_not_built_tells_the_builds_reason(world):
    """Of a backend that was not built, the reason is the one that the build wrote down."""
    with pytest.raises(BackendUnavailable) as caught:
        backends.load("freebsd")
    assert caught.value.reasons == {"freebsd": "not built: it is for freebsd, and this is linux"}
    assert isinstance(caught.value.__cause__, ImportError)


@pytest.mark.parametrize(
    ("name", "advice"), [("usrsctp", "install libusrsctp again"), ("linux", "install sctpffi again, for this system")]
)
def test_broken_module_tells_the_loaders_reason(world, name, advice):
    """Of a backend that was built and does not load, the reason is the loader's own message, and what to do."""
    world.modules[name] = ImportError("libusrsctp.so.1: cannot open shared object file")
    with pytest.raises(BackendUnavailable) as caught:
        backends.load(name)
    reason = caught.value.reasons[name]
    assert reason.startswith(
        f"its compiled module does not load: libusrsctp.so.1: cannot open shared object file: {advice}"
    )


def test_no_build_record_tells_the_import_error(world, monkeypatch):
    """Without a record of the build, in a bare checkout, the import's own message is the reason."""
    build_record(monkeypatch, None)
    with pytest.raises(BackendUnavailable) as caught:
        backends.load("linux")
    assert caught.value.reasons == {
        "linux": "not built (No module named '_ffi_linux'); build it from a checkout or an sdist with `pip install .`"
    }


def test_select_lists_every_backend_with_its_reason(world):
    """A backend that can't be had is refused with every backend's reason, so that one sees what to do instead."""
    world.add("usrsctp")
    with pytest.raises(BackendUnavailable) as caught:
        backends.select("freebsd")
    assert caught.value.wanted == "freebsd"
    assert caught.value.reasons == {
        "linux": "its compiled module does not load: No module named '_ffi_linux': install sctpffi again, for this"
        " system and this Python",
        "freebsd": "not built: it is for freebsd, and this is linux",
        "usrsctp": "usable",
    }
    assert str(caught.value).count("\n") == 3


# -- whether it works


def test_probe_of_a_working_stack(world):
    """A stack that works is usable, with its version and no reason."""
    world.add("usrsctp")
    assert backends.probe("usrsctp") == Support("usrsctp", True, "", "1.0")


@pytest.mark.parametrize(
    ("name", "advice"),
    [("linux", "modprobe sctp"), ("freebsd", "kldload sctp"), ("usrsctp", "install libusrsctp")],
)
def test_probe_of_a_missing_stack_says_what_to_do(world, name, advice):
    """A stack that does not answer is not usable, with its reason and what to do about it."""
    world.add(name, errno.EPROTONOSUPPORT)
    support = backends.probe(name)
    assert (support.name, support.usable, support.version) == (name, False, "1.0")
    assert support.reason.startswith("no stack: ")
    assert advice in support.reason


@pytest.mark.parametrize("name", [*NAMES, "nope"])
def test_probe_never_raises(world, name):
    """A backend that can't be loaded is simply not usable."""
    support = backends.probe(name)
    assert (support.name, support.usable, support.version) == (name, False, "")
    assert support.reason


def test_probe_all_has_every_backend(world):
    """probe_all tells of every backend, in the registry's order."""
    world.add("usrsctp")
    found = backends.probe_all()
    assert [support.name for support in found] == list(NAMES)
    assert [support.usable for support in found] == [False, False, True]


# -- opening


def test_open_gives_the_handle(world):
    """Opening hands family and style to the stack."""
    backend = world.add("usrsctp")
    assert backends.open_handle(backend, 6, 2) == "handle"
    assert backend.opened == [(6, 2)]


@pytest.mark.parametrize("number", [errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT])
def test_missing_kernel_module_lists_all_backends(world, number):
    """A kernel without SCTP shows when a socket is opened, and is told as a missing backend."""
    backend = world.add("linux", number)
    with pytest.raises(BackendUnavailable) as caught:
        backends.open_handle(backend, 4, 1)
    assert caught.value.wanted == "linux"
    assert list(caught.value.reasons) == list(NAMES)
    assert "modprobe sctp" in caught.value.reasons["linux"]
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EAFNOSUPPORT])
def test_other_errors_of_opening_are_kept(world, number):
    """An error that is not about a missing stack is raised as it is."""
    backend = world.add("linux", number)
    with pytest.raises(errors.SctpOSError) as caught:
        backends.open_handle(backend, 4, 1)
    assert caught.value.errno == number
