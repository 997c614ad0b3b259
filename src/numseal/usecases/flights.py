"""Work that must finish although its caller has gone, once for all who ask for it at the same time.

Owner of mutable state: `Flights` owns the tasks under way.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Flights:
    """Tasks under way, each under a key; whoever asks for a key that is under way joins it."""

    def __init__(self) -> None:
        """Start with none."""
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    async def join(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run `work`, or join it where it runs already, and return its result; a caller's leaving does not stop it."""
        task: asyncio.Task[T] | None = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(work())
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    def _landed(self, key: str, task: asyncio.Task[Any]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            # Every caller may have left; an exception nobody fetches would be reported as forgotten.
            task.exception()

    async def land(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(list(self._tasks.values()))
