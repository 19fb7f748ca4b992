"""usrsctp, the stack in user space: the compiled module, how its one stack per process is started and ended.

Importing this fails where it was not built. Ports and life of the stack are decided here; everything else is
in csrc/sfi_usrsctp.c.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from typing import Optional

from sctpffi import errors
from sctpffi.backends._ffi_usrsctp import ffi, lib
from sctpffi.backends._shim import ShimBackend, ShimHandle
from sctpffi.backends.base import Backend

# What a program may want to know in advance; each is explained in docs/differences.md.
FEATURES = frozenset({"userland", "peer_features", "abort_reason"})

IANA_PORT = 9899  # of SCTP over UDP (RFC 6951 section 5.1)


def _udp_port_is_free(port: int) -> int:
    """The port, or the one that was chosen for 0; -1 if it is taken. The stack itself would keep silent."""
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((host, port))
                port = int(probe.getsockname()[1])
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                return -1
            if family == socket.AF_INET:
                raise  # without IPv6 the stack runs on IPv4 alone
    return port


def _number(name: str, value: Optional[str]) -> Optional[int]:
    if value is None or value == "":
        return None
    if not (value.isascii() and value.isdigit()) or int(value) > 65535:
        raise errors.ArgumentError(name, f"{value!r} is not a UDP port, 0..65535")
    return int(value)


class UsrsctpBackend(ShimBackend):
    """usrsctp behind its compiled module; the stack starts with the first socket."""

    def __init__(self) -> None:
        super().__init__("usrsctp", ffi, lib, FEATURES)
        self._lock = threading.Lock()
        self._started_by = 0  # process id
        self.udp_port: Optional[int] = None
        self.remote_udp_port: Optional[int] = None
        self.raw = False

    def configure(
        self, udp_port: Optional[int] = None, remote_udp_port: Optional[int] = None, *, raw: bool = False
    ) -> None:
        """Choose how packets travel, before the first socket of the process.

        udp_port: the local UDP port; 0 picks a free one; None: 9899 if it is free, else a free one, or what
            SCTPFFI_USRSCTP_UDP_PORT says.
        remote_udp_port: where peers in other processes are; None: 9899, or SCTPFFI_USRSCTP_REMOTE_UDP_PORT.
        raw: plain SCTP over IP; needs CAP_NET_RAW and a host whose kernel has no SCTP; every usrsctp process of the
            host then stays silent to packets that are not its own, so connections are never refused.
        Raises RuntimeError when the stack already runs.
        RFC 6951. Availability: usrsctp. Concurrency: any thread.
        """
        with self._lock:
            if self._started_by:
                raise RuntimeError("usrsctp already runs in this process; configure it before the first socket")
            self.udp_port = udp_port
            self.remote_udp_port = remote_udp_port
            self.raw = raw

    def open(self, family: int, style: int) -> ShimHandle:
        """Open a socket; starts the stack if it does not run yet."""
        if not self._started_by:
            self._start()
        return super().open(family, style)

    def _start(self) -> None:
        with self._lock:
            if self._started_by:
                return
            port = self._choose_port()
            remote = self.remote_udp_port
            if remote is None:
                remote = _number("SCTPFFI_USRSCTP_REMOTE_UDP_PORT", os.environ.get("SCTPFFI_USRSCTP_REMOTE_UDP_PORT"))
            code = lib.sfi_stack_start(port, IANA_PORT if remote is None else remote)
            if code < 0:
                raise errors.from_code(code, "start", backend="usrsctp", detail=f"UDP port {port}")
            self._started_by = os.getpid()
            self.udp_port = port

    def _choose_port(self) -> int:
        if self.raw:
            return 0
        wanted = self.udp_port
        if wanted is None:
            wanted = _number("SCTPFFI_USRSCTP_UDP_PORT", os.environ.get("SCTPFFI_USRSCTP_UDP_PORT"))
        if wanted is not None:
            port = _udp_port_is_free(wanted)
            if port < 0:
                raise errors.build(
                    errors.AddressInUse, "start", backend="usrsctp", detail=f"UDP port {wanted} is taken"
                )
            return port
        port = _udp_port_is_free(IANA_PORT)
        for _ in range(10):  # a free IPv4 port may be taken on IPv6
            if port > 0:
                break
            port = _udp_port_is_free(0)
        return port


usrsctp = UsrsctpBackend()
backend: Backend = usrsctp
