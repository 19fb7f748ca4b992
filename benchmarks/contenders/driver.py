"""What all Python contenders share: the arguments of a job, the clock, what is counted, JSON lines.

driver.h is its twin. A contender is a class with coroutines, so that blocking and asynchronous ones have
the same driver; those of a blocking one never wait in the loop. Its loops over messages are its own, as they are what
is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import time
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Protocol

CHUNK = 64  # messages between two looks at the clock
PPID = 46
BACKLOG = 1024  # so many may connect before they are accepted
CHECKPOINTS = 10  # of a run of so many messages: the peak of the memory by then
LONGER = 1.1  # the sender goes on, so that the receiver's window does not see the end

clock = time.perf_counter


class Job(NamedTuple):
    """What to do. role: receiver, sender, or both in one process. mode: a contender's own. buffers: bytes.

    seconds: length of the window; warmup before it. ping: seconds of round trips before the messages. messages: so many
    instead of seconds. answer: that many messages are under way and each is answered. pause: seconds between sending
    and receiving, in one process.
    """

    role: str
    mode: str = "one"
    backend: str = ""
    size: int = 1000
    seconds: float = 0.3
    warmup: float = 0.05
    ping: float = 0.0
    messages: int = 0
    associations: int = 1
    streams: int = 1
    batch: int = CHUNK
    buffers: int = 2 << 20
    port: int = 0
    udp_port: int = 0
    answer: int = 0
    pause: float = 0.0


class JobError(Exception):
    """A contender got what it did not expect."""


class Contender(Protocol):
    """One way to send and receive messages."""

    payload: bytes

    async def listen(self) -> Dict[str, int]:
        """Listen on loopback; returns port, and udp_port if there is one."""

    async def accept(self) -> None:
        """Take as many associations as the job has."""

    async def connect(self) -> None:
        """Set up as many."""

    async def send(self, count: int) -> None:
        """Send messages of payload, in turn over associations and streams."""

    async def receive(self, count: int) -> int:
        """Receive messages; returns how many came, 0 at the end."""

    async def ping(self) -> None:
        """One round trip."""

    async def echo(self) -> bool:
        """Take a message; a ping is sent back, of data it returns False."""

    async def exchange(self, count: int) -> None:
        """Send, in turn over the associations, and take the answers."""

    async def serve(self, count: int) -> int:
        """Answer some count messages of all associations; returns 0 when one has ended."""

    async def finish(self) -> None:
        """The sender's end: until the peer has everything, if the stack tells. Of many, only the first is ended."""


def parse(words: Iterable[str]) -> Job:
    """The job of `name=value` words."""
    kinds: Dict[str, Callable[[str], Any]] = {
        "role": str,
        **{name: type(default) for name, default in Job._field_defaults.items()},
    }
    pairs = [word.split("=", 1) for word in words]
    return Job(**{name: kinds.get(name, str)(value) for name, value in pairs})


def cpu() -> float:
    """Seconds of processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_kib() -> int:
    """The most memory that this process had; on Linux without what it took over from its parent."""
    try:
        with open("/proc/self/status") as status:
            found = re.search(r"VmHWM:\s*(\d+)", status.read())
    except OSError:
        found = None
    return int(found.group(1)) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Meter:
    """Counts all messages, and apart those of a window of job.seconds after the warm-up."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.began = self.latest = clock()
        self.total = self.first = self.last = 0
        self.start = self.end = self.start_cpu = self.end_cpu = 0.0
        self.peaks: List[int] = []

    def add(self, count: int) -> None:
        """So many more."""
        now = self.latest = clock()
        self.total += count
        if not self.start:
            if now - self.began >= self.job.warmup:
                self.start = self.end = now
                self.start_cpu = self.end_cpu = cpu()
                self.first = self.last = self.total
        elif self.job.messages or self.end - self.start < self.job.seconds:
            self.end = now
            self.end_cpu = cpu()
            self.last = self.total
        while self.job.messages and len(self.peaks) < CHECKPOINTS and self.total >= self._next():
            self.peaks.append(peak_kib())

    def _next(self) -> int:
        return self.job.messages // CHECKPOINTS * (len(self.peaks) + 1)

    def goes_on(self, longer: float) -> bool:
        """Whether the sender has to go on."""
        if self.job.messages:
            return self.total < self.job.messages
        return clock() - self.began < self.job.warmup + longer * self.job.seconds

    def as_dict(self) -> Dict[str, Any]:
        """What came of it."""
        found = {
            "role": self.job.role,
            "total": self.total,
            "elapsed": self.latest - self.began,
            "messages": self.last - self.first,
            "seconds": self.end - self.start,
            "cpu": self.end_cpu - self.start_cpu,
            "peak_kib": peak_kib(),
        }
        return {**found, "peaks_kib": self.peaks} if self.peaks else found


def say(line: Dict[str, Any]) -> None:
    """One line for the one who started us, in one piece."""
    os.write(1, (json.dumps(line) + "\n").encode())


async def _receive_all(contender: Contender, job: Job) -> Dict[str, Any]:
    say(await contender.listen())
    await contender.accept()
    if job.ping:
        while await contender.echo():
            pass
    meter = Meter(job)
    meter.total = 1 if job.ping else 0  # the data that ended the echo
    receive = contender.serve if job.answer else contender.receive
    count = await receive(CHUNK)
    while count:
        meter.add(count)
        count = await receive(CHUNK)
    return meter.as_dict()


async def _round_trips(contender: Contender, job: Job) -> Dict[str, Any]:
    """How long a message takes there and back, one at a time."""
    trips: List[float] = []
    began = start = clock()
    while start - began < job.warmup + job.ping:
        start = clock()
        await contender.ping()
        if start - began >= job.warmup:
            trips.append(clock() - start)
    trips.sort()
    if not trips:
        return {}
    p50, p99 = trips[len(trips) // 2] * 1e6, trips[len(trips) * 99 // 100] * 1e6
    return {"trips": len(trips), "trip_seconds": sum(trips), "p50_us": p50, "p99_us": p99}


async def _send_all(contender: Contender, job: Job) -> Dict[str, Any]:
    await contender.connect()
    contender.payload = b"p" * job.size
    trips = await _round_trips(contender, job) if job.ping else {}
    contender.payload = b"d" * job.size
    meter = Meter(job)
    send = contender.exchange if job.answer else contender.send
    count = job.answer or CHUNK
    while meter.goes_on(LONGER):
        await send(count)
        meter.add(count)
    await contender.finish()
    return {**meter.as_dict(), **trips}


async def _take_turns(contender: Contender, job: Job) -> Dict[str, Any]:
    """Both ends in one thread: fill the queue, drain it; nothing waits, so the thread's time is that of the calls."""
    await contender.listen()
    await contender.connect()
    await contender.accept()
    contender.payload = b"d" * job.size
    meter = Meter(job)
    spent = [0.0, 0.0]
    counted = 0
    while meter.goes_on(1) or not counted:
        times = [time.thread_time()]
        await contender.send(CHUNK)
        times.append(time.thread_time())
        if job.pause:
            time.sleep(job.pause)
        times.append(time.thread_time())
        got = 0
        while got < CHUNK:
            got += await contender.receive(CHUNK - got)
        times.append(time.thread_time())
        if meter.start:
            spent[0] += times[1] - times[0]
            spent[1] += times[3] - times[2]
            counted += CHUNK
        meter.add(CHUNK)
    return {**meter.as_dict(), "counted": counted, "send_cpu": spent[0], "receive_cpu": spent[1]}


def run(make: Callable[[Job], Contender], job: Job) -> None:
    """Do a job and say what came of it; JobError and what the library raises are the caller's."""
    roles = {"receiver": _receive_all, "sender": _send_all, "both": _take_turns}

    async def work() -> Dict[str, Any]:
        return await roles[job.role](make(job), job)  # made in the loop, to which Python 3.9 ties what it makes

    say(asyncio.run(work()))
    if job.role == "receiver":
        time.sleep(0.05)  # the stack answers the peer's SHUTDOWN
