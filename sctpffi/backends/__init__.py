"""The registry of backends and how one is chosen: the only run-time platform switch.

Choice: the `backend=` argument, else SCTPFFI_BACKEND, else this platform's kernel; never another stack in
silence. A backend is loaded when it is first asked for.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
import threading
from typing import Dict, List, Optional

from sctpffi.backends.base import Backend, Handle, Support
from sctpffi.errors import BackendUnavailable, SctpOSError

NAMES = ("linux", "freebsd", "usrsctp")

_loaded: Dict[str, Backend] = {}
_lock = threading.Lock()

_ADVICE = {
    "linux": "load the kernel's module (modprobe sctp), or use backend='usrsctp'",
    "freebsd": 'load the kernel\'s module (kldload sctp; or sctp_load="YES" in /boot/loader.conf),'
    " or use backend='usrsctp'",
    "usrsctp": "install libusrsctp with its header and rebuild sctpffi",
}


def kernel_name() -> Optional[str]:
    """The backend of this platform's kernel, or None."""
    for name in ("linux", "freebsd"):
        if sys.platform.startswith(name):
            return name
    return None


_ADVICE_LOAD = {
    "linux": "install sctpffi again, for this system and this Python",
    "freebsd": "install sctpffi again, for this system and this Python",
    "usrsctp": "install libusrsctp again (Debian: libusrsctp2), or sctpffi, whose wheels on PyPI have it inside",
}


def _why_not_built(name: str, exc: ImportError) -> str:
    try:
        record = importlib.import_module("sctpffi.backends._build_info")
    except ImportError:
        return f"not built ({exc}); build it from a checkout or an sdist with `pip install .`"
    reason = record.NOT_BUILT.get(name)
    return f"not built: {reason}" if reason else f"its compiled module does not load: {exc}: {_ADVICE_LOAD[name]}"


def load(name: str) -> Backend:
    """The backend of a name, loaded now if need be; whether its stack works is another question, see `probe`.

    Raises BackendUnavailable, with the reasons of all backends, if it was not built or can't be loaded.
    """
    backend = _loaded.get(name)
    if backend is not None:
        return backend
    if name not in NAMES:
        raise BackendUnavailable(name, {name: f"there is no such backend; there are {', '.join(NAMES)}"})
    with _lock:
        if name not in _loaded:
            try:
                module = importlib.import_module(f"sctpffi.backends.{name}")
            except ImportError as exc:
                reasons = {name: _why_not_built(name, exc)}
                raise BackendUnavailable(name, reasons) from exc
            _loaded[name] = module.backend
    return _loaded[name]


def probe(name: str) -> Support:
    """Whether a backend can be used here and now, and if not, why and what to do. Never raises."""
    try:
        support = load(name).probe()
    except BackendUnavailable as exc:
        return Support(name, False, exc.reasons.get(name, str(exc)), "")
    if support.usable:
        return support
    return support._replace(reason=f"{support.reason}: {_ADVICE[name]}")


def probe_all() -> List[Support]:
    """`probe` of every backend."""
    return [probe(name) for name in NAMES]


def default_name() -> str:
    """The name that is used when no `backend=` is given."""
    chosen = os.environ.get("SCTPFFI_BACKEND", "").strip()
    if chosen:
        return chosen
    name = kernel_name()
    if name is None:
        reasons = {s.name: s.reason or "usable" for s in probe_all()}
        raise BackendUnavailable(f"the kernel of {sys.platform}", reasons)
    return name


def _unavailable(wanted: str) -> BackendUnavailable:
    return BackendUnavailable(wanted, {s.name: s.reason or "usable" for s in probe_all()})


def select(name: Optional[str] = None) -> Backend:
    """The backend for a `backend=` argument; None is the default one.

    Raises BackendUnavailable, listing every backend with its reason, if it was not built; whether the stack is
    there shows when a socket is opened.
    """
    wanted = default_name() if name is None else name
    backend = _loaded.get(wanted)
    if backend is not None:
        return backend
    if wanted not in NAMES:
        load(wanted)  # says which names there are
    try:
        return load(wanted)
    except BackendUnavailable as exc:
        raise _unavailable(wanted) from exc


def open_handle(backend: Backend, family: int, style: int) -> Handle:
    """Open a socket of a stack. Raises BackendUnavailable if the stack is not there."""
    try:
        return backend.open(family, style)
    except SctpOSError as exc:
        if exc.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT):
            raise _unavailable(backend.name) from exc
        raise


__all__ = [
    "NAMES",
    "Backend",
    "Handle",
    "Support",
    "default_name",
    "kernel_name",
    "load",
    "open_handle",
    "probe",
    "probe_all",
    "select",
]
