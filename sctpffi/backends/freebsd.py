"""The FreeBSD kernel's SCTP: the compiled module and what it can do. Importing this fails where it was not built."""

from __future__ import annotations

from sctpffi.backends._ffi_freebsd import ffi, lib
from sctpffi.backends._shim import ShimBackend
from sctpffi.backends.base import Backend

# What a program may want to know in advance; each is explained in docs/differences.md.
FEATURES = frozenset({"kernel", "descriptors", "peer_features", "abort_reason"})

backend: Backend = ShimBackend("freebsd", ffi, lib, FEATURES)
