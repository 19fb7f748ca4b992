"""The contender that is sctpffi's blocking API.

mode: one; into, which is recv_into; bulk; views, which is bulk without copies; poller, which serves many associations.
"""

from __future__ import annotations

import itertools
import selectors
from typing import Dict, Iterator, List, Optional

import sctpffi
from contenders.driver import BACKLOG, PPID, Job, JobError
from sctpffi import Config, Connection, EndOfAssociation, InitParams, Listener, Poller, WouldBlock, backends

LARGEST = 65536
backends.probe_all()  # their modules are loaded now, and not in each fork


def configure(job: Job) -> Config:
    """What both ends are set to; and where usrsctp finds the other one."""
    if job.backend == "usrsctp":
        from sctpffi.backends.usrsctp import usrsctp

        usrsctp.configure(udp_port=0, remote_udp_port=job.udp_port or None)
    return Config(
        init=InitParams(out_streams=job.streams, in_streams=job.streams),
        nodelay=True,
        send_buffer_bytes=job.buffers,
        receive_buffer_bytes=job.buffers,
    )


def ready(port: int, job: Job) -> Dict[str, int]:
    """What the sender has to know."""
    udp_port = None
    if job.backend == "usrsctp":
        from sctpffi.backends.usrsctp import usrsctp

        udp_port = usrsctp.udp_port
    return {"port": port, "udp_port": udp_port or 0}


class Blocking:
    """One message for each call."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.config = configure(job)
        self.payload = b""
        self.listener: Optional[Listener] = None
        self.out: List[Connection] = []
        self.inn: List[Connection] = []
        self.streams: Iterator[int] = itertools.cycle(range(job.streams))
        self.senders: Iterator[Connection] = iter(())
        self.selector = selectors.DefaultSelector()
        self.port = job.port
        self.over = False

    # -- setting up

    async def listen(self) -> Dict[str, int]:
        self.listener = sctpffi.listen("127.0.0.1:0", backlog=BACKLOG, config=self.config, backend=self.job.backend)
        self.port = self.listener.port
        return ready(self.port, self.job)

    async def accept(self) -> None:
        assert self.listener is not None
        for _ in range(self.job.associations):
            connection, _ = self.listener.accept(timeout=30)
            self.inn.append(connection)
            if self.job.answer:
                self.selector.register(connection, selectors.EVENT_READ)

    async def connect(self) -> None:
        for _ in range(self.job.associations):
            connection = sctpffi.connect(
                f"127.0.0.1:{self.port}",
                local="127.0.0.1:0",
                timeout=30,
                config=self.config,
                backend=self.job.backend,
            )
            self.out.append(connection)
        self.senders = itertools.cycle(self.out)

    # -- messages

    async def send(self, count: int) -> None:
        send, payload = self.out[0].send, self.payload
        if self.job.streams == 1:
            for _ in range(count):
                send(payload, 0, PPID)
        else:
            for stream in itertools.islice(self.streams, count):
                send(payload, stream, PPID)

    async def receive(self, count: int) -> int:
        recv, size = self.inn[0].recv, self.job.size
        done = 0
        try:
            for done in range(count):  # noqa: B007  # how many are whole at the end
                if len(recv().data) != size:
                    raise JobError("a message of another length")
        except EndOfAssociation:
            return done
        return count

    async def ping(self) -> None:
        self.out[0].send(self.payload, 0, PPID)
        self.out[0].recv()

    async def echo(self) -> bool:
        message = self.inn[0].recv()
        if message.data[:1] != b"p":
            return False
        self.inn[0].send(message.data, 0, PPID)
        return True

    async def exchange(self, count: int) -> None:
        chosen = list(itertools.islice(self.senders, count))
        for connection in chosen:
            connection.send(self.payload, 0, PPID)
        for connection in chosen:
            if len(connection.recv().data) != self.job.size:
                raise JobError("an answer of another length")

    async def serve(self, count: int) -> int:
        served = 0
        while served < count and not self.over:
            for key, _ in self.selector.select():
                connection = key.fileobj
                assert isinstance(connection, Connection)
                try:
                    message = connection.recv(timeout=0)
                except WouldBlock:
                    continue  # it was readable for something else
                except EndOfAssociation:
                    self.over = True
                    break
                connection.send(message.data, 0, PPID)
                served += 1
        return served

    async def finish(self) -> None:
        self.out[0].close(timeout=30)


class Into(Blocking):
    """Received into a buffer of ours."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.buffer = bytearray(LARGEST)

    async def receive(self, count: int) -> int:
        recv_into, buffer, size = self.inn[0].recv_into, self.buffer, self.job.size
        done = 0
        try:
            for done in range(count):  # noqa: B007  # how many are whole at the end
                if len(recv_into(buffer).data) != size:
                    raise JobError("a message of another length")
        except EndOfAssociation:
            return done
        return count


class Bulk(Blocking):
    """Many messages for each call."""

    views = False

    async def send(self, count: int) -> None:
        send_many, batch = self.out[0].send_many, self.job.batch
        for done in range(0, count, batch):
            send_many([self.payload] * min(batch, count - done), 0, PPID)

    async def receive(self, count: int) -> int:
        size = self.job.size
        try:
            messages = self.inn[0].recv_many(min(count, self.job.batch), views=self.views)
        except EndOfAssociation:
            return 0
        for message in messages:
            if len(message.data) != size:
                raise JobError("a message of another length")
        return len(messages)


class Views(Bulk):
    """The same, without copies."""

    views = True


class Polled(Blocking):
    """Many associations, served by the batch."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.poller = Poller()
        self.batches = iter(self.poller)

    async def accept(self) -> None:
        await super().accept()
        for connection in self.inn:
            self.poller.add(connection)

    async def serve(self, count: int) -> int:
        served = 0
        while served < count and not self.over:
            batch = next(self.batches)
            if batch.error is not None:
                self.over = True
            for message in batch.items:
                batch.source.send(message.data, 0, PPID)
                served += 1
        return served


def make(job: Job) -> Blocking:
    """The contender of a job's mode."""
    return {"one": Blocking, "into": Into, "bulk": Bulk, "views": Views, "poller": Polled}[job.mode](job)
