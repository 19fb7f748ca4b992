"""Runs contenders and collects what they say: C programs, and servers that fork Python ones.

Which samples is plan.py's affair, what becomes of them report.py's.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Protocol, Sequence

import plan
from plan import Contender, Effort, Point

HERE = Path(__file__).resolve().parent
SERVE = HERE / "contenders" / "serve.py"
START_S = 60.0  # for an interpreter and its imports, on a slow kernel
PATIENCE_S = 60.0  # far more than a sample should take, on a machine that does other things too
LEAVE_S = 2.0  # for one that has said everything
SLOWEST = 1000.0  # messages a second

Line = Dict[str, Any]
Sample = Dict[str, Any]


class MeasureError(Exception):
    """A sample could not be taken; the text goes into the report."""


class Tools(NamedTuple):
    """What contenders are made of here. programs: C files' names to binaries. interpreters: where to command."""

    programs: Mapping[str, Path]
    interpreters: Mapping[str, str]
    standin: Optional[Path] = None


class Side(Protocol):
    """One contender at work."""

    def line(self, seconds: float) -> Line:
        """The next line that it says. Raises MeasureError if it ends, fails or takes too long."""

    def end(self, seconds: float) -> None:
        """It is gone afterwards, of itself if that takes no longer."""


class Lines:
    """The JSON lines of a process's output, with a limit for each."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._lines: queue.Queue[Optional[bytes]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def close(self) -> None:
        """The process is gone: so are its output and the one who read it."""
        assert self._process.stdout is not None
        self._reader.join(LEAVE_S)
        self._process.stdout.close()

    def next(self, seconds: float) -> Line:
        """The next line, whatever it says."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise MeasureError(f"nothing was said for {seconds:g} s") from None
        if line is None:
            self._lines.put(None)
            raise MeasureError(f"it ended with status {self._process.wait()}")
        try:
            found: Line = json.loads(line)
        except ValueError:
            raise MeasureError(f"not understood: {line.decode(errors='replace').strip()}") from None
        return found


def _checked(line: Line) -> Line:
    if "error" in line:
        raise MeasureError(str(line["error"]))
    if "status" in line:
        raise MeasureError(f"it ended with status {line['status']}")
    return line


class Program:
    """A side that is a program of its own."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=dict(env))
        self._lines = Lines(self._process)

    def line(self, seconds: float) -> Line:
        return _checked(self._lines.next(seconds))

    def end(self, seconds: float) -> None:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._lines.close()


class Server:
    """A Python process that forks one side after the other, see contenders/serve.py."""

    def __init__(self, interpreter: str, env: Mapping[str, str], libraries: Sequence[str]) -> None:
        command = [interpreter, str(SERVE), *libraries]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(env))
        self._lines = Lines(self._process)
        hello = self._lines.next(START_S)
        self.missing: Dict[str, str] = hello["missing"]
        self._child = 0

    def start(self, library: str, words: str) -> Server:
        """Begin a job; it has to be ended before the next."""
        assert self._process.stdin is not None
        if library in self.missing:
            raise MeasureError(f"not installed: {self.missing[library]}")
        self._process.stdin.write(f"{library} {words}\n".encode())
        self._process.stdin.flush()
        self._child = int(self._lines.next(START_S)["pid"])
        return self

    def line(self, seconds: float) -> Line:
        line = self._lines.next(seconds)
        if "status" in line:
            self._child = 0
        return _checked(line)

    def end(self, seconds: float) -> None:
        """The job is over; what it left unsaid is dropped."""
        while self._child:
            try:
                if "status" in self._lines.next(seconds):
                    self._child = 0
            except MeasureError:
                if self._process.poll() is not None:
                    return
                try:
                    os.kill(self._child, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it has ended just now
                seconds = START_S

    def stop(self) -> None:
        """End the server, and what it runs."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            if self._child:
                os.kill(self._child, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
        self._lines.close()


class Bench:
    """Takes samples; keeps the servers that it needs until it is closed."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._servers: Dict[str, Server] = {}

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *exc: object) -> None:
        for server in self._servers.values():
            server.stop()

    def missing(self, where: str) -> Dict[str, str]:
        """Libraries that an interpreter does not have, and why."""
        return self._server(where, "receiver", dict(os.environ)).missing

    def _server(self, where: str, role: object, env: Mapping[str, str]) -> Server:
        """The server of an interpreter, a role and an environment; each role has its own, as both run at once."""
        key = f"{where} {role} {env.get('LD_PRELOAD')}"
        if key not in self._servers:
            libraries = {each.library for each in plan.CONTENDERS if each.where == where}
            self._servers[key] = Server(self._tools.interpreters[where], env, sorted(libraries))
        return self._servers[key]

    def _env(self, backend: str) -> Dict[str, str]:
        env = dict(os.environ)
        if backend == plan.STANDIN:
            if self._tools.standin is None:
                raise MeasureError("standin.c could not be compiled")
            env["LD_PRELOAD"] = str(self._tools.standin)
        return env

    def _start(self, point: Point, contender: Contender, job: Mapping[str, object]) -> Side:
        """One side of a sample."""
        env = self._env(point.backend)
        if contender.where == "c":
            program = self._tools.programs.get(contender.library)
            if program is None:
                raise MeasureError(f"{contender.library}.c could not be compiled")
            return Program([str(program), *(f"{name}={value}" for name, value in job.items())], env)
        text = " ".join(f"{name}={value}" for name, value in job.items())
        return self._server(contender.where, job["role"], env).start(contender.library, text)

    def sample(self, point: Point, contender: Contender, job: Mapping[str, object], patience: float) -> Sample:
        """One sample of one contender: what its sides said, or the error."""
        found: Sample = {
            "backend": point.backend,
            "test": point.test,
            "size": point.size,
            "associations": point.associations,
            "streams": point.streams,
            "contender": contender.name,
            "seconds": job["seconds"],
        }
        try:
            if job.get("role") == "both":
                found["both"] = self._alone(point, contender, job, patience)
            else:
                found.update(self._pair(point, contender, job, patience))
        except MeasureError as exc:
            found["error"] = str(exc)
        return found

    def _alone(self, point: Point, contender: Contender, job: Mapping[str, object], patience: float) -> Line:
        side = self._start(point, contender, job)
        grace = 0.0
        try:
            line = side.line(patience)
            grace = LEAVE_S
        finally:
            side.end(grace)
        return line

    def _pair(self, point: Point, contender: Contender, job: Mapping[str, object], patience: float) -> Dict[str, Line]:
        sides: List[Side] = []
        grace = 0.0
        try:
            sides.append(self._start(point, contender, {**job, "role": "receiver"}))
            ready = sides[0].line(START_S)
            ports = {"port": ready["port"], "udp_port": ready["udp_port"]}
            sides.append(self._start(point, contender, {**job, **ports, "role": "sender"}))
            said = {"sender": sides[1].line(patience), "receiver": sides[0].line(patience)}
            grace = LEAVE_S
        finally:
            for side in sides:
                side.end(grace)
        totals = [said[role]["total"] for role in ("sender", "receiver")]
        if totals[0] != totals[1] and contender.mode != "udp":
            raise MeasureError(f"{totals[0]} messages were sent, {totals[1]} arrived")
        return said


def run(
    bench: Bench,
    points: Sequence[Point],
    effort: Effort,
    messages: int,
    tell: Callable[[Point, List[Sample]], None],
) -> List[Sample]:
    """All samples of the points, the contenders of each by turns; tell: called after each point with its own.

    messages: so many for each sample, instead of the effort's seconds, if not 0.
    """
    everything: List[Sample] = []
    for point in points:
        found: List[Sample] = []
        for turn in range(point.rounds):
            # Nobody always comes after the same one.
            order = point.contenders[turn % len(point.contenders) :] + point.contenders[: turn % len(point.contenders)]
            for contender in order:
                job = plan.words(point, contender, effort, messages)
                patience = PATIENCE_S + 4 * effort.seconds + 0.05 * point.associations + messages / SLOWEST
                found.append({**bench.sample(point, contender, job, patience), "round": turn})
        tell(point, found)
        everything += found
    return everything
