"""Ask several parts at once, none of them for longer than it is given, and take whatever they do as a plain value.

What to ask, and what an answer means, is for others. Nothing that a part raises, and no part that hangs or swallows its
cancellation, reaches another part's answer.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from numseal.ports.operator_backend import OperatorError

TIMEOUT = "TIMEOUT"
BROKEN_CONTRACT = "BROKEN_CONTRACT"

CLOSING = 1.0
"""Seconds that calls which were given up have to end in, when all is closed."""

_REASON = re.compile(r"(?=.{1,64}\Z)[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")

T = TypeVar("T")


class BreachError(OperatorError):
    """A part did what its contract does not allow; the message is our own and tells nothing of the answer."""

    def __init__(self, what: str, *, sent: bool = True) -> None:
        """Take what it did; the reason is BROKEN_CONTRACT."""
        super().__init__(BROKEN_CONTRACT, what, sent=sent)


class Calls:
    """Owns the calls under way that nobody waits for any more."""

    def __init__(self) -> None:
        """Begin with none."""
        self._abandoned: set[asyncio.Task[Any]] = set()  # the loop holds them weakly

    async def ask(self, asks: Iterable[Callable[[], Coroutine[Any, Any, T]]], limit: float) -> list[T | OperatorError]:
        """Return every answer in order, an `OperatorError` for each that did not come in `limit` seconds."""
        tasks = [asyncio.create_task(_answer(ask)) for ask in asks]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=max(limit, 0.0))
        finally:
            for task in tasks:
                self.let_go(task)
        return [_result(task) if task.done() else OperatorError(TIMEOUT, "it took too long") for task in tasks]

    def let_go(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task that goes on, whether it ends or not."""
        if not task.done():
            self._abandoned.add(task)
            task.add_done_callback(self._abandoned.discard)
            task.cancel()

    async def close(self) -> None:
        """Wait for what was given up to end, for a second at most."""
        loop = asyncio.get_running_loop()
        end = loop.time() + CLOSING
        # A call that ends may leave one of its own.
        while self._abandoned and (left := end - loop.time()) > 0:
            await asyncio.wait(set(self._abandoned), timeout=left)


def failure(error: BaseException) -> OperatorError:
    """Return what a part raised as an `OperatorError` whose reason can be told, with `sent` as it was."""
    try:
        if isinstance(error, OperatorError):
            fit = type(error.reason) is str and _REASON.fullmatch(error.reason) is not None
            return OperatorError(error.reason if fit else "OPERATOR_ERROR", str(error), sent=error.sent)
    except BaseException as sly:  # noqa: BLE001 - an error of a part's own making may fail when it is looked at
        error = sly
    return BreachError(f"it raised {type(error).__name__}")


async def _answer(ask: Callable[[], Coroutine[Any, Any, T]]) -> T | OperatorError:
    try:
        return await ask()
    except BaseException as error:  # noqa: BLE001 - a part's SystemExit would end the server, its cancellation the whole
        return failure(error)


def _result(task: "asyncio.Task[T | OperatorError]") -> T | OperatorError:
    # A part that cancels the task it runs in and returns leaves it canceled.
    return BreachError("it canceled itself") if task.cancelled() else task.result()
