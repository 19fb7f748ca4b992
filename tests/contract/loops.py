"""Event loops for tests of the asynchronous API: one small face over asyncio, uvloop and trio.

Loaded by conftest.py, whose fixture `loop` gives one after the other. Nothing of SCTP belongs here.
"""

from __future__ import annotations

import asyncio
import importlib
from types import ModuleType
from typing import Any, Awaitable, Callable, List, Type

NAMES = ("asyncio", "uvloop", "trio")
Function = Callable[[], Awaitable[Any]]


class Job:
    """A function that runs beside the test: `cancel` it, or wait for its `result`."""

    def __init__(self, cancel: Callable[[], object], done: Callable[[], Awaitable[Any]]) -> None:
        self.cancel = cancel
        self.result = done  # its value; raises what it raised


class Cancelled(Exception):
    """The job was cancelled."""


class Loop:
    """One kind of event loop. api: sctpffi's module for it."""

    Cancelled = Cancelled

    def __init__(self, name: str) -> None:
        self.name = name
        if name == "uvloop":
            importlib.import_module("uvloop").new_event_loop().close()  # opens what it keeps for good
        self.api: ModuleType = importlib.import_module("sctpffi.trio" if name == "trio" else "sctpffi.aio")

    def run(self, main: Function, limit: float) -> Any:
        """Run the test; nothing that it started may be left."""
        raise NotImplementedError

    def start(self, function: Function) -> Job:
        """Run a function beside the test."""
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        """Let time pass; 0 gives others a turn."""
        raise NotImplementedError

    async def settle(self) -> None:
        """Let everybody run until they wait for something."""
        for _ in range(5):
            await self.sleep(0)

    async def together(self, *functions: Function) -> List[Any]:
        """What functions give that run side by side."""
        jobs = [self.start(function) for function in functions]
        return [await job.result() for job in jobs]

    async def within(self, seconds: float, function: Function) -> bool:
        """Run a function and cancel it when its time is up; whether it came to its end."""
        raise NotImplementedError


class AsyncioLoop(Loop):
    """asyncio, with its own loop or uvloop's."""

    def run(self, main: Function, limit: float) -> Any:
        make = importlib.import_module("uvloop" if self.name == "uvloop" else "asyncio").new_event_loop
        loop = make()
        try:
            loop.set_exception_handler(self._unhandled)
            self.complaints: List[Any] = []
            result = loop.run_until_complete(asyncio.wait_for(main(), limit))
            loop.run_until_complete(asyncio.sleep(0))
            loop.run_until_complete(loop.shutdown_asyncgens())
            left = asyncio.all_tasks(loop)
            assert not left, f"tasks are left: {left}"
            assert not self.complaints, self.complaints
            return result
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: Any) -> None:
        self.complaints.append(context)

    def start(self, function: Function) -> Job:
        task = asyncio.ensure_future(function())

        async def done() -> Any:
            await asyncio.wait([task])
            if task.cancelled():
                raise Cancelled
            return task.result()

        return Job(task.cancel, done)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def within(self, seconds: float, function: Function) -> bool:
        task = asyncio.ensure_future(function())
        try:
            await asyncio.wait([task], timeout=seconds)
        finally:
            task.cancel()
            await asyncio.wait([task])
        if task.cancelled():
            return False
        task.result()
        return True


class TrioLoop(Loop):
    """trio."""

    def run(self, main: Function, limit: float) -> Any:
        trio = self._trio = importlib.import_module("trio")

        async def bounded() -> Any:
            with trio.fail_after(limit):
                async with trio.open_nursery() as self._nursery:
                    result = await main()
                    assert not self._nursery.child_tasks, f"tasks are left: {self._nursery.child_tasks}"
                    return result

        return trio.run(bounded)

    def start(self, function: Function) -> Job:
        trio = self._trio
        scope, over = trio.CancelScope(), trio.Event()
        found: List[Any] = []

        async def run() -> None:
            try:
                with scope:
                    found.append((await function(), None))
                if not found:
                    found.append((None, Cancelled()))
            except Exception as exc:  # noqa: BLE001  # handed over to whoever asks for the result
                found.append((None, exc))
            finally:
                over.set()

        async def done() -> Any:
            await over.wait()
            await trio.lowlevel.checkpoint()  # the task itself ends after it
            value, error = found[0]
            if error is not None:
                raise error
            return value

        self._nursery.start_soon(run)
        return Job(scope.cancel, done)

    async def sleep(self, seconds: float) -> None:
        await self._trio.sleep(seconds)

    async def within(self, seconds: float, function: Function) -> bool:
        with self._trio.move_on_after(seconds) as scope:
            await function()
        return not scope.cancelled_caught


def make(name: str) -> Loop:
    """The loop of a name."""
    kinds: dict[str, Type[Loop]] = {"trio": TrioLoop}
    return kinds.get(name, AsyncioLoop)(name)
