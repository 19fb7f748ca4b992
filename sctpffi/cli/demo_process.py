"""The demo's server as its parent sees it: started, listened to, and ended whatever happens.

Knows processes and JSON lines; of SCTP it knows nothing.
"""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Dict, List, Optional, Sequence

from sctpffi.cli.demo_files import DemoError

ENDING_S = 5.0

# Not -m: that would look in the working directory first, and find another sctpffi if it is a checkout.
_START = (
    "import sys; sys.path[:] = sys.argv.pop(1).split('\\n'); from sctpffi.cli.demo_server import main; sys.exit(main())"
)


def server_command(backend: str, streams: int) -> List[str]:
    """The command that starts the server with this very interpreter and package."""
    path = "\n".join(sys.path)
    return [sys.executable, "-c", _START, path, "--backend", backend, "--streams", str(streams)]


class ServerProcess:
    """A child that says JSON lines, in a session of its own: Ctrl-C reaches the parent, who ends both in order.

    command: program and arguments.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process, see stop()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._lines: queue.Queue[Optional[Dict[str, Any]]] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._lines.put(json.loads(line))
            except ValueError:
                break  # not from our server: as if it had died
        self._lines.put(None)

    def take(self, name: str, seconds: float) -> Dict[str, Any]:
        """Wait for the line of this name and return what it holds. Raises DemoError if the server ends before."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise DemoError(f"the server process {self.pid} said nothing for {seconds:.0f} s") from None
        if line is None:
            raise self.death()
        if name not in line:
            raise DemoError(f"the server process {self.pid} gave up: {line.get('error', line)}")
        found: Dict[str, Any] = line[name]
        return found

    def check(self) -> None:
        """Raise DemoError if the server is no longer there, with the error that it told, if it did."""
        if self._process.poll() is None:
            return
        while True:
            line = self._lines.get()
            if line is None:
                raise self.death()
            if "error" in line:
                raise DemoError(f"the server process {self.pid} gave up: {line['error']}")

    def death(self) -> DemoError:
        """How it ended, as an error."""
        try:
            status = self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            return DemoError(f"the server process {self.pid} closed its output and went on")
        how = f"was killed by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"
        last = self._last_words()
        return DemoError(f"the server process {self.pid} {how}{': ' + last if last else ''}")

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def wait(self, seconds: float) -> int:
        """Let it end by itself and return its exit status. Raises DemoError if it does not."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise DemoError(f"the server process {self.pid} did not end within {seconds:.0f} s") from None

    def stop(self) -> None:
        """End it, gently if it listens; any number of times. It is gone afterwards."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()  # it ends with its input
        deadline = time.monotonic() + ENDING_S
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._listener.join(ENDING_S)
        self._process.stdout.close()
        self._errors.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
