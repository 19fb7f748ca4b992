"""The contender that is CPython's socket alone. mode: sctp (control messages made by hand), tcp, udp.

TCP has no messages: it sends and receives pieces of the messages' size. UDP loses some: what arrives is counted.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Dict, List

from contenders.driver import BACKLOG, PPID, Job, JobError

LARGEST = 65536
SCTP = socket.IPPROTO_SCTP
LINUX = sys.platform == "linux"
# By number, since the module has none of these names.
NODELAY, INITMSG, RECVRCVINFO = (3, 2, 32) if LINUX else (4, 3, 31)
SNDINFO, RCVINFO = (2, 3) if LINUX else (4, 5)
SND = struct.Struct("=HHIIi")  # stream, flags, PPID, context, association
RCV = struct.Struct("=HHHxxIIIIi")  # stream, SSN, flags, PPID, TSN, cumulative TSN, context, association
ROOM = socket.CMSG_SPACE(RCV.size)
END = b"end"  # of the datagrams, of a size that none of them has
SILENCE_S = 1.0


class Bare:
    """What the three have in common."""

    kind = (socket.SOCK_STREAM, 0)

    def __init__(self, job: Job) -> None:
        self.job = job
        self.payload = b""
        self.listener = socket.socket(socket.AF_INET, *self.kind)
        self.out: List[socket.socket] = []
        self.inn: List[socket.socket] = []
        self.port = job.port

    def open(self) -> socket.socket:
        """A socket with the options that all contenders have."""
        sock = socket.socket(socket.AF_INET, *self.kind)
        self.prepare(sock)
        sock.bind(("127.0.0.1", 0))
        return sock

    def prepare(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.job.buffers)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.job.buffers)

    def send_one(self, sock: socket.socket) -> None:
        raise NotImplementedError

    def recv_one(self, sock: socket.socket) -> bytes:
        """A whole message, b"" at the end."""
        raise NotImplementedError

    async def listen(self) -> Dict[str, int]:
        self.listener.close()
        self.listener = self.open()
        self.port = self.listener.getsockname()[1]
        self.listener.listen(BACKLOG)
        return {"port": self.port, "udp_port": 0}

    async def accept(self) -> None:
        self.inn.append(self.listener.accept()[0])

    async def connect(self) -> None:
        self.out.append(self.open())
        self.out[0].connect(("127.0.0.1", self.port))

    async def send(self, count: int) -> None:
        send_one, sock = self.send_one, self.out[0]
        for _ in range(count):
            send_one(sock)

    async def receive(self, count: int) -> int:
        recv_one, sock, size = self.recv_one, self.inn[0], self.job.size
        for done in range(count):
            length = len(recv_one(sock))
            if length != size:
                if length == 0:
                    return done
                raise JobError("a message of another length")
        return count

    async def ping(self) -> None:
        self.send_one(self.out[0])
        self.recv_one(self.out[0])

    async def echo(self) -> bool:
        self.payload = self.recv_one(self.inn[0])
        if self.payload[:1] != b"p":
            return False
        self.send_one(self.inn[0])
        return True

    async def exchange(self, count: int) -> None:
        raise NotImplementedError

    async def serve(self, count: int) -> int:
        raise NotImplementedError

    async def finish(self) -> None:
        self.out[0].close()


class Sctp(Bare):
    """sendmsg and recvmsg; stream and PPID in control messages."""

    kind = (socket.SOCK_STREAM, SCTP)

    def prepare(self, sock: socket.socket) -> None:
        super().prepare(sock)
        sock.setsockopt(SCTP, NODELAY, 1)
        sock.setsockopt(SCTP, RECVRCVINFO, 1)
        sock.setsockopt(SCTP, INITMSG, struct.pack("=HHHH", self.job.streams, self.job.streams, 0, 0))

    def send_one(self, sock: socket.socket) -> None:
        sock.sendmsg([self.payload], [(SCTP, SNDINFO, SND.pack(0, 0, socket.htonl(PPID), 0, 0))])

    def recv_one(self, sock: socket.socket) -> bytes:
        data, control, flags, _ = sock.recvmsg(LARGEST, ROOM)
        for level, kind, value in control if data else ():  # FreeBSD gives an end some zeros
            if level == SCTP and kind == RCVINFO:
                stream, _, _, ppid, _, _, _, _ = RCV.unpack(value)
                if stream or socket.ntohl(ppid) != PPID:
                    raise JobError(f"stream {stream}, PPID {ppid}")
        while data and not flags & socket.MSG_EOR:
            more, control, flags, _ = sock.recvmsg(LARGEST, ROOM)
            data += more
        return data


class Tcp(Bare):
    """Pieces of a stream."""

    def prepare(self, sock: socket.socket) -> None:
        super().prepare(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send_one(self, sock: socket.socket) -> None:
        sock.sendall(self.payload)

    def recv_one(self, sock: socket.socket) -> bytes:
        return sock.recv(self.job.size, socket.MSG_WAITALL)


class Udp(Bare):
    """Datagrams; an end of the kind that the others have is made of a datagram, or of silence."""

    kind = (socket.SOCK_DGRAM, 0)

    def send_one(self, sock: socket.socket) -> None:
        sock.send(self.payload)

    def recv_one(self, sock: socket.socket) -> bytes:
        try:
            data = sock.recv(LARGEST)
        except socket.timeout:
            return b""
        return b"" if data == END else data

    async def listen(self) -> Dict[str, int]:
        self.inn.append(self.open())
        self.port = self.inn[0].getsockname()[1]
        return {"port": self.port, "udp_port": 0}

    async def accept(self) -> None:
        self.listener.close()
        self.inn[0].connect(self.inn[0].recvfrom(LARGEST, socket.MSG_PEEK)[1])
        self.inn[0].settimeout(SILENCE_S)

    async def finish(self) -> None:
        self.out[0].send(END)
        self.out[0].close()


def make(job: Job) -> Bare:
    """The contender of a job's mode."""
    return {"sctp": Sctp, "tcp": Tcp, "udp": Udp}[job.mode](job)
