"""One operator's stream of events, distrusted: a plugin's iterator runs in a task of its own and is read strictly.

Only one reading of a stream lives here, from its opening to its end. Opening it again, and what follows from an event,
is for those who consume it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable

from numseal.domain.operator import OperatorEvent
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import CursorTooOldError, OperatorBackend, OperatorError
from numseal.usecases.answer_checks import ImpossibleAnswer
from numseal.usecases.operator_events import read_event
from numseal.usecases.operator_failures import BROKEN_CONTRACT, CURSOR_TOO_OLD, Failed, failure_of

BUFFER = 256
"""Events that are read ahead of their consumer, and read in a row before other tasks get their turn."""

_log = logging.getLogger(__name__)


class OperatorStream:
    """Reads one stream, once. Owns the task that the plugin's iterator runs in, and the events it is ahead by."""

    def __init__(
        self,
        operator_id: str,
        backend: OperatorBackend,
        clock: Clock,
        let_go: Callable[[asyncio.Task[Failed | None]], None],
    ) -> None:
        """Take the operator, its backend, the clock that events are judged by, and who ends a task that goes on."""
        self._operator_id = operator_id
        self._backend = backend
        self._clock = clock
        self._ahead: deque[OperatorEvent] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._skipped = 0
        self._let_go = let_go

    async def events(self, cursor: str) -> AsyncGenerator[OperatorEvent, None]:
        """Yield events until the stream ends; raise CursorTooOldError, or OperatorError where it ended badly.

        Whoever closes the generator ends the reading.
        """
        task = asyncio.create_task(self._read(cursor))
        task.add_done_callback(lambda _: self._news.set())
        try:
            while self._ahead or not task.done():
                while self._ahead:
                    yield self._ahead.popleft()
                    self._room.set()
                if not task.done():
                    self._news.clear()
                    await self._news.wait()
        finally:
            self._let_go(task)
        self._end(Failed(BROKEN_CONTRACT, breach="it canceled itself") if task.cancelled() else task.result())

    def _end(self, failed: Failed | None) -> None:
        if failed is None:
            return
        if failed.breach:
            _log.error("operator %s broke its contract in stream_events: %s", self._operator_id, failed.breach)
        if failed.reason == CURSOR_TOO_OLD:
            raise CursorTooOldError
        raise OperatorError(failed.reason, f"the events of operator {self._operator_id} broke off")

    async def _read(self, cursor: str) -> Failed | None:
        """Read the plugin's iterator to its end; raises nothing."""
        try:
            stream = self._backend.stream_events(cursor)
            try:
                count = 0
                async for answer in stream:
                    self._take(answer)
                    count += 1
                    if count % BUFFER == 0:
                        # An iterator that always has an event would never let another task run.
                        await asyncio.sleep(0)
                    while len(self._ahead) >= BUFFER:
                        self._room.clear()
                        await self._room.wait()
            finally:
                if (close := getattr(stream, "aclose", None)) is not None:
                    await close()
        except BaseException as error:  # noqa: BLE001 - a plugin's SystemExit would end the server
            return failure_of(error)
        return None

    def _take(self, answer: object) -> None:
        try:
            event = read_event(answer, self._clock.now())
        except Exception as error:  # noqa: BLE001 - an event of a plugin's own making may fail when it is looked at
            self._skip(error)
        else:
            self._ahead.append(event)
            self._news.set()

    def _skip(self, error: Exception) -> None:
        """Tell of an impossible event, of many in a row only the 1st, 2nd, 4th, 8th …"""
        self._skipped += 1
        if self._skipped & (self._skipped - 1) == 0:
            why = str(error) if isinstance(error, ImpossibleAnswer) else failure_of(error).breach
            _log.error(
                "operator %s broke its contract in stream_events, %d times so far: an event is skipped: %s",
                self._operator_id,
                self._skipped,
                why,
            )
