"""The contender that is sctpffi.aio. mode: one, bulk."""

from __future__ import annotations

import asyncio
import itertools
from typing import Dict, Iterator, List, Optional

from contenders.driver import BACKLOG, PPID, Job, JobError
from contenders.sctpffi_blocking import configure, ready
from sctpffi import EndOfAssociation, aio


class Asynchronous:
    """One message for each call."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.config = configure(job)
        self.payload = b""
        self.listener: Optional[aio.Listener] = None
        self.out: List[aio.Connection] = []
        self.inn: List[aio.Connection] = []
        self.streams: Iterator[int] = itertools.cycle(range(job.streams))
        self.senders: Iterator[aio.Connection] = iter(())
        self.tasks: List[asyncio.Task[None]] = []
        self.served = self.told = self.wanted = 0
        self.enough = asyncio.Event()
        self.port = job.port
        self.over = False

    # -- setting up

    async def listen(self) -> Dict[str, int]:
        self.listener = aio.listen("127.0.0.1:0", backlog=BACKLOG, config=self.config, backend=self.job.backend)
        self.port = self.listener.port
        return ready(self.port, self.job)

    async def accept(self) -> None:
        assert self.listener is not None
        for _ in range(self.job.associations):
            connection, _ = await self.listener.accept(timeout=30)
            self.inn.append(connection)
            if self.job.answer:
                self.tasks.append(asyncio.ensure_future(self._answer(connection)))

    async def connect(self) -> None:
        for _ in range(self.job.associations):
            connection = await aio.connect(
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
                await send(payload, 0, PPID)
        else:
            for stream in itertools.islice(self.streams, count):
                await send(payload, stream, PPID)

    async def receive(self, count: int) -> int:
        recv, size = self.inn[0].recv, self.job.size
        done = 0
        try:
            for done in range(count):  # noqa: B007  # how many are whole at the end
                if len((await recv()).data) != size:
                    raise JobError("a message of another length")
        except EndOfAssociation:
            return done
        return count

    async def ping(self) -> None:
        await self.out[0].send(self.payload, 0, PPID)
        await self.out[0].recv()

    async def echo(self) -> bool:
        message = await self.inn[0].recv()
        if message.data[:1] != b"p":
            return False
        await self.inn[0].send(message.data, 0, PPID)
        return True

    async def exchange(self, count: int) -> None:
        chosen = list(itertools.islice(self.senders, count))
        for connection in chosen:
            await connection.send(self.payload, 0, PPID)
        for connection in chosen:
            if len((await connection.recv()).data) != self.job.size:
                raise JobError("an answer of another length")

    async def _answer(self, connection: aio.Connection) -> None:
        try:
            while True:
                message = await connection.recv()
                await connection.send(message.data, 0, PPID)
                self.served += 1
                if self.served >= self.wanted:
                    self.enough.set()
        except EndOfAssociation:
            self.over = True
            self.enough.set()

    async def serve(self, count: int) -> int:
        self.wanted = self.told + count
        self.enough.clear()
        while self.served < self.wanted and not self.over:
            await self.enough.wait()
            self.enough.clear()
        served = self.served - self.told
        self.told = self.served
        return served

    async def finish(self) -> None:
        await self.out[0].close(timeout=30)


class Bulk(Asynchronous):
    """Many messages for each call."""

    async def send(self, count: int) -> None:
        send_many, batch = self.out[0].send_many, self.job.batch
        for done in range(0, count, batch):
            await send_many([self.payload] * min(batch, count - done), 0, PPID)

    async def receive(self, count: int) -> int:
        size = self.job.size
        try:
            messages = await self.inn[0].recv_many(min(count, self.job.batch))
        except EndOfAssociation:
            return 0
        for message in messages:
            if len(message.data) != size:
                raise JobError("a message of another length")
        return len(messages)


def make(job: Job) -> Asynchronous:
    """The contender of a job's mode."""
    return {"one": Asynchronous, "bulk": Bulk}[job.mode](job)
