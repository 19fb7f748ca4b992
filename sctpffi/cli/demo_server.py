"""The demo's server process: takes one association, receives files, reports what arrived.

Speaks JSON lines on its standard output, where its parent, `demo_client.py`, listens: where it is ready, then its
report, or an error in one sentence. It ends as soon as its standard input does, so that it never outlives its parent.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from typing import Any, Dict, List, Optional, Sequence

import sctpffi
from sctpffi import Connection, Event, InitParams, Listener, Message
from sctpffi.cli.demo_wire import (
    SEGMENT_BYTES,
    Head,
    Kind,
    Pieces,
    Tally,
    WireError,
    describe,
    misdelivered,
    ppid_of,
    unpack,
)

EVENTS = (Event.ASSOC_CHANGE, Event.PEER_ADDR_CHANGE, Event.SHUTDOWN_EVENT)
# Two addresses of this host, as most machines allow them, or one.
HOSTS = ("127.0.0.1/127.0.0.2", "127.0.0.1/[::1]", "127.0.0.1")
PATIENCE_S = 60.0  # for a client that is silent; one that died is noticed at once
KEPT_PROBLEMS = 20


class Receiver:
    """What has arrived so far, message by message."""

    def __init__(self) -> None:
        self.files: Dict[int, Pieces] = {}
        self.streams: Dict[int, Tally] = {}
        self.problems: List[str] = []
        self._messages = 0
        self._expected: Optional[int] = None

    @property
    def complete(self) -> bool:
        """Whether all messages that the sender counted are here."""
        return self._expected is not None and self._messages >= self._expected

    def take(self, message: Message) -> None:
        """Take in one message."""
        self._messages += 1
        tally = self.streams.setdefault(message.stream, Tally())
        tally.add(len(message), message.ppid, message.unordered)
        where = f"stream {message.stream}"
        if not message.unordered:
            self._problem(where, tally.follow(message.ssn))
        try:
            head, payload = unpack(message.data)
        except WireError as exc:
            self._problem(where, str(exc))
            return
        self._problem(where, misdelivered(message, head))
        self._use(head, payload)

    def _use(self, head: Head, payload: bytes) -> None:
        if head.kind is Kind.END:
            self._expected = int(json.loads(payload)["messages"])
            return
        pieces = self.files.setdefault(head.file_id, Pieces())
        if head.kind is Kind.FILE:
            facts = json.loads(payload)
            pieces.name, pieces.size = facts["name"], facts["size"]
        elif head.kind is Kind.CHUNK:
            self._problem(f"file {head.file_id}", pieces.add(head.offset, payload))

    def _problem(self, where: str, text: Optional[str]) -> None:
        if text and len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(f"{where}: {text}")

    def report(self) -> Dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "messages": self._messages,
            "files": [
                {"id": number, "name": pieces.name, "bytes": pieces.arrived, "sha256": pieces.sha256}
                for number, pieces in sorted(self.files.items())
            ],
            "streams": {str(number): tally.as_json() for number, tally in sorted(self.streams.items())},
            "problems": self.problems,
        }


def send_report(connection: Connection, report: Dict[str, Any]) -> None:
    """Send the report back over the association, in pieces that fit any stack's buffer."""
    text = json.dumps(report).encode()
    for start in range(0, len(text), SEGMENT_BYTES):
        kind = Kind.REPORT if start + SEGMENT_BYTES < len(text) else Kind.REPORT_END
        head = Head(kind, False, 0, ppid_of(kind, 0), 0, start)
        connection.send(head.pack() + text[start : start + SEGMENT_BYTES], 0, head.ppid, timeout=PATIENCE_S)


def listen(backend: str, streams: int) -> Listener:
    """Listen on two addresses of this host, or on one if it has no two that can be bound."""
    for hosts in HOSTS[:-1]:
        try:
            return _listen_on(hosts, backend, streams)
        except sctpffi.SctpOSError:
            continue  # not configured here, or no IPv6: try the next
    return _listen_on(HOSTS[-1], backend, streams)


def _listen_on(hosts: str, backend: str, streams: int) -> Listener:
    init = InitParams(out_streams=streams, in_streams=streams)
    return sctpffi.listen(f"{hosts}:0", events=EVENTS, init=init, backend=backend)


def emit(**facts: Any) -> None:
    """One JSON line to the parent."""
    print(json.dumps(facts), flush=True)


def _udp_port(backend: str) -> Optional[int]:
    if backend != "usrsctp":
        return None
    from sctpffi.backends.usrsctp import usrsctp

    return usrsctp.udp_port


def serve(backend: str, streams: int) -> None:
    """Take one association, receive until the client shuts it down, and report. Raises sctpffi.Error."""
    if backend == "usrsctp":
        from sctpffi.backends.usrsctp import usrsctp

        usrsctp.configure(udp_port=0)
    with listen(backend, streams) as listener:
        hosts = [address.host for address in listener.addresses]
        emit(ready={"hosts": hosts, "port": listener.port, "udp_port": _udp_port(backend), "pid": os.getpid()})
        connection, _ = listener.accept(timeout=PATIENCE_S)
        with connection:
            emit(report=_receive(connection))


def _receive(connection: Connection) -> Dict[str, Any]:
    """Everything until the end of the association; its life with the system-wide monotonic clock's time in seconds."""
    receiver = Receiver()
    life = []
    reported = False
    for item in connection.events(timeout=PATIENCE_S):
        if not isinstance(item, Message):
            life.append({"time": time.monotonic(), "text": describe(item)})
            continue
        receiver.take(item)
        if receiver.complete and not reported:
            send_report(connection, receiver.report())
            reported = True
    return {**receiver.report(), "life": life}


def _end_with_parent() -> None:
    """Wait until standard input ends, then end the process: there is nobody left to report to."""
    # Not sys.stdin: a thread that waits inside it would be in the way of the interpreter's own end.
    while os.read(0, 4096):
        pass
    os._exit(1)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the server and return the exit status."""
    parser = argparse.ArgumentParser(prog="demo_server", description="One end of `sctpffi demo`, which starts it.")
    parser.add_argument("--backend", required=True)
    parser.add_argument("--streams", type=int, required=True)
    options = parser.parse_args(argv)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        serve(options.backend, options.streams)
    except (sctpffi.Error, OSError) as exc:
        emit(error=" ".join(str(exc).split()))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
