"""The demo's client: sets the association up, sends the files, takes the report, ends gracefully.

What it learns goes into an `Outcome`; what of it is shown, and how, is `demo_show.py`'s affair.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import sctpffi
from sctpffi import Connection, InitParams, Message, PathInfo
from sctpffi.cli.demo_files import DemoError, Plan, made_up
from sctpffi.cli.demo_process import ServerProcess
from sctpffi.cli.demo_sender import LARGEST, Sender, Sent, large_chunk
from sctpffi.cli.demo_server import EVENTS
from sctpffi.cli.demo_wire import HEAD_BYTES, Kind, Tally, describe, unpack

PATIENCE_S = 30.0  # without any progress
READY_S = 60.0  # an emulated machine starts Python slowly
GLANCE_S = 0.5  # between two looks whether the server is alive


class Note(NamedTuple):
    """One thing that happened."""

    time: float  # seconds, of the system-wide monotonic clock
    who: str  # client or server
    text: str


@dataclass
class Outcome:
    """Everything that happened, to be shown."""

    streams: int = 0
    mtu: int = 0  # bytes, the largest of the paths when sending began
    made_up: bool = False  # whether a file was added, so that some messages exceed it
    over_mtu: int = 0  # messages
    started: float = 0.0
    seconds: float = 0.0  # from the first message to the report
    sent: List[Sent] = field(default_factory=list)
    tallies: Dict[int, Tally] = field(default_factory=dict)
    paths: List[PathInfo] = field(default_factory=list)
    primary: Optional[str] = None
    report: Dict[str, Any] = field(default_factory=dict)
    life: List[Note] = field(default_factory=list)

    @property
    def messages(self) -> int:
        """How many were sent."""
        return sum(tally.messages for tally in self.tallies.values())


class Listening(threading.Thread):
    """Reads all that comes over the association while the main thread sends."""

    def __init__(self, connection: Connection, note: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self.report: queue.Queue[Dict[str, Any]] = queue.Queue()
        self.error: Optional[Exception] = None
        self.heard = threading.Event()  # a notification
        self._connection = connection
        self._note = note

    def run(self) -> None:
        """Until the association ends, in whatever way."""
        text = b""
        try:
            for item in self._connection.events():
                if not isinstance(item, Message):
                    self._note(describe(item))
                    self.heard.set()
                    continue
                head, payload = unpack(item.data)
                text += payload
                if head.kind is Kind.REPORT_END:
                    self.report.put(json.loads(text))
        except Exception as exc:  # noqa: BLE001  # whatever it is, the main thread has to hear of it
            self.error = exc


class Client:
    """One run of the demo, step by step; `close` ends whatever was begun.

    plan: what to send. backend, streams: the stack's name and how many streams to ask for.
    """

    def __init__(self, plan: Plan, backend: str, streams: int) -> None:
        self.plan = plan
        self.outcome = Outcome()
        self.ready: Dict[str, Any] = {}
        self._backend = backend
        self._streams = streams
        self._server: Optional[ServerProcess] = None
        self._connection: Optional[Connection] = None
        self._listening: Optional[Listening] = None

    # -- setting up

    def start_server(self, command: List[str]) -> None:
        """Start the server process and wait until it says where it listens. Raises DemoError."""
        self._server = ServerProcess(command)
        self.ready = self._server.take("ready", READY_S)

    def hosts(self) -> str:
        """The addresses of either end, as text."""
        return "/".join(f"[{host}]" if ":" in host else host for host in sorted(self.ready["hosts"], key=_v4_first))

    def remote(self) -> str:
        """The server's addresses and port, as text."""
        return f"{self.hosts()}:{self.ready['port']}"

    def connect(self) -> Connection:
        """Set the association up, from as many addresses as the server has. Raises sctpffi.Error."""
        if self._backend == "usrsctp":
            from sctpffi.backends.usrsctp import usrsctp

            usrsctp.configure(udp_port=0, remote_udp_port=self.ready["udp_port"])
        outcome = self.outcome
        outcome.started = time.monotonic()
        self._note(f"connect() to {self.remote()}")
        connection = self._connection = sctpffi.connect(
            self.remote(),
            local=f"{self.hosts()}:0",
            timeout=PATIENCE_S,
            events=EVENTS,
            init=InitParams(out_streams=self._streams, in_streams=self._streams),
            backend=self._backend,
        )
        outcome.streams = min(self._streams, connection.status().out_streams)
        outcome.mtu = max(path.mtu_bytes for path in connection.paths())
        self._listening = Listening(connection, self._note)
        self._listening.start()
        self._listening.heard.wait(GLANCE_S)  # COMM_UP comes first, in the story that is told later too
        return connection

    def _note(self, text: str, who: str = "client") -> None:
        self.outcome.life.append(Note(time.monotonic(), who, text))

    # -- sending

    def add_made_up(self) -> None:
        """Add a file if none is large enough for a message above the path MTU."""
        mtu = self.outcome.mtu
        if all(entry.size + HEAD_BYTES <= mtu for entry in self.plan.entries) and mtu < LARGEST:
            self.plan.entries.append(made_up(4 * large_chunk(mtu)))
            self.outcome.made_up = True

    def send(self, progress: Callable[[int], None]) -> None:
        """Send every file and wait for the server's report. progress: called with bytes. Raises DemoError."""
        outcome = self.outcome
        sender = Sender(self._post, outcome.streams, outcome.mtu)
        outcome.tallies = sender.tallies
        begun = time.monotonic()
        self._note(f"sends {len(self.plan.entries)} files")
        for number, entry in enumerate(self.plan.entries):
            outcome.sent.append(sender.send_file(number, entry, progress))
        sender.finish()
        outcome.report = self._await_report()
        outcome.seconds = time.monotonic() - begun
        outcome.over_mtu = sender.over_mtu
        self._note("has the server's report")

    def _post(self, data: bytes, stream: int, ppid: int, unordered: bool) -> None:
        assert self._connection is not None and self._server is not None
        give_up = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._connection.send(data, stream, ppid, unordered=unordered, timeout=GLANCE_S)
                return
            except sctpffi.WaitTimeout:
                self._server.check()
                if time.monotonic() > give_up:
                    raise DemoError(f"the server took no data for {PATIENCE_S:.0f} s") from None
            except sctpffi.Error as exc:
                raise self._reason(exc) from None

    def _await_report(self) -> Dict[str, Any]:
        assert self._listening is not None and self._server is not None
        give_up = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._listening.report.get(timeout=GLANCE_S / 5)
            except queue.Empty:
                if not self._listening.is_alive():
                    raise self._reason(self._listening.error) from None
                self._server.check()
                if time.monotonic() > give_up:
                    raise DemoError(f"no report came for {PATIENCE_S:.0f} s after the last file") from None

    def _reason(self, error: Optional[Exception]) -> DemoError:
        """Why the association is gone: the server's own word if it has one, since it knows better."""
        assert self._server is not None
        try:
            time.sleep(GLANCE_S)  # a process that dies is gone a little after its sockets
            self._server.check()
        except DemoError as exc:
            return exc
        return DemoError(f"the association ended before its time: {error or 'the server shut it down'}")

    # -- ending

    def finish(self) -> None:
        """Look at the paths, shut the association down, and wait for both ends of it. Raises DemoError."""
        assert self._connection is not None and self._listening is not None and self._server is not None
        outcome = self.outcome
        outcome.paths = self._connection.paths()
        primary = self._connection.status().primary.address
        outcome.primary = primary.host if primary else None
        self._note("shutdown()")
        self._connection.shutdown()
        self._listening.join(PATIENCE_S)
        if self._listening.is_alive():
            raise DemoError(f"the association did not end within {PATIENCE_S:.0f} s of shutdown()")
        if self._listening.error is not None:
            raise self._reason(self._listening.error)
        self._connection.close()
        final = self._server.take("report", PATIENCE_S)
        outcome.life += [Note(item["time"], "server", item["text"]) for item in final["life"]]
        outcome.life.sort()
        if self._server.wait(PATIENCE_S) != 0:
            raise self._server.death()

    def close(self) -> None:
        """Abort the association if it is still there, and end the server process."""
        if self._connection is not None and not self._connection.closed:
            self._connection.abort(b"the demo gives up")
        if self._server is not None:
            self._server.stop()


def _v4_first(host: str) -> Any:
    return (":" in host, host)
