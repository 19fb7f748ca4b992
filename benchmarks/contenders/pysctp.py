"""The contender that is pysctp from PyPI: sctp_send and sctp_recv, with stream and PPID of each message."""

from __future__ import annotations

import socket
from typing import Any

import sctp

from contenders.bare_socket import LARGEST, Bare
from contenders.driver import PPID, Job, JobError


class Pysctp(Bare):
    """Its sockets have the names of CPython's, but for messages and options."""

    def open(self) -> Any:
        sock = sctp.sctpsocket_tcp(socket.AF_INET)
        sock.nodelay = True
        sock.set_sndbuf(2 * self.job.buffers)  # it sets half of what it is told
        sock.set_rcvbuf(2 * self.job.buffers)
        sock.initparams.num_ostreams = sock.initparams.max_instreams = self.job.streams
        sock.events.clear()
        sock.events.data_io = 1  # without it there is neither stream nor PPID
        sock.bind(("127.0.0.1", 0))
        return sock

    def send_one(self, sock: Any) -> None:
        sock.sctp_send(self.payload, ppid=PPID, stream=0)

    def recv_one(self, sock: Any) -> bytes:
        _, flags, data, info = sock.sctp_recv(LARGEST)
        whole: bytes = data
        if whole and (info.stream or socket.ntohl(info.ppid) != PPID):
            raise JobError(f"stream {info.stream}, PPID {info.ppid}")
        while whole and not flags & sctp.FLAG_EOR:
            _, flags, data, info = sock.sctp_recv(LARGEST)
            whole += data
        return whole


def make(job: Job) -> Pysctp:
    """The one that there is."""
    return Pysctp(job)
