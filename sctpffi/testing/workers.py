"""Worker: a function in a thread, whose result or exception comes back when it is joined.

For tests that need two sides at once.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Generic, Optional, TypeVar

T = TypeVar("T")


class Worker(Generic[T]):
    """Runs a function in a daemon thread from the moment it is made."""

    def __init__(self, function: Callable[..., T], *args: Any) -> None:
        self._function = function
        self._args = args
        self._result: Optional[T] = None
        self._error: Optional[BaseException] = None
        self.started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.started.wait()

    def _run(self) -> None:
        self.started.set()
        try:
            self._result = self._function(*self._args)
        except BaseException as exc:  # noqa: BLE001  # handed over to whoever joins
            self._error = exc
        finally:
            del self._function, self._args

    def join(self, limit: float = 30) -> T:
        """The function's result; raises what it raised, TimeoutError after limit seconds."""
        self._thread.join(limit)
        if self._thread.is_alive():
            raise TimeoutError(f"the worker still runs after {limit} s")
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set, since there was no error

    def alive(self) -> bool:
        """Whether the function still runs."""
        return self._thread.is_alive()
