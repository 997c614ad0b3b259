"""Events of one operator, in the order in which they came, and streams of them. What an event means is not its own."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import replace

from numseal.domain.operator import EventKind, OperatorEvent
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import CursorTooOldError

LIMIT = 100_000
RETENTION = 7 * 86_400
"""Seconds that an event is kept."""

HEARTBEAT = 15
"""Seconds between heartbeats; the contract allows 20."""


class Journal:
    """Owns the newest 100,000 events that are no older than a week, in this process's memory.

    Cursors name the process and a place: another process, and this one after `break_off`, knows none of them.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin with no events."""
        self._clock = clock
        self._events: deque[OperatorEvent] = deque()
        self._epoch = secrets.token_hex(8)
        self._end = 0
        self._changed = asyncio.Event()

    def append(self, event: OperatorEvent) -> None:
        """Keep an event under the next cursor."""
        self._end += 1
        self._events.append(replace(event, cursor=self._cursor(self._end)))
        oldest = self._clock.now() - RETENTION
        while len(self._events) > LIMIT or self._events[0].observe_time < oldest:
            self._events.popleft()
        self._wake()

    def break_off(self) -> None:
        """Tell that events may be missing: every cursor is too old, and watched numbers are looked up again."""
        self._epoch = secrets.token_hex(8)
        self._events.clear()
        self._end = 0
        self._wake()

    async def stream(self, cursor: str) -> AsyncGenerator[OperatorEvent, None]:
        """Yield what comes after a cursor, from now on for an empty one; heartbeats in between, one at once."""
        epoch = self._epoch
        place = self._place(cursor) if cursor else self._end
        beat = self._clock.now()
        while True:
            if self._epoch != epoch or place < self._end - len(self._events):
                raise CursorTooOldError
            changed = self._changed
            if place < self._end:
                event = self._events[place - self._end]
                place += 1
                yield event
            elif self._clock.now() >= beat:
                beat = self._clock.now() + HEARTBEAT
                yield OperatorEvent(EventKind.HEARTBEAT, self._cursor(place), self._clock.now())
            else:
                await self._wait(changed, beat)

    async def _wait(self, changed: asyncio.Event, time: int) -> None:
        """Return once something changed or it is `time`."""
        waits = {asyncio.create_task(changed.wait()), asyncio.create_task(self._clock.sleep_until(time))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _cursor(self, place: int) -> str:
        return f"{self._epoch}.{place}"

    def _place(self, cursor: str) -> int:
        epoch, _, place = cursor.partition(".")
        if epoch != self._epoch or not place.isascii() or not place.isdigit() or len(place) > len(epoch):
            raise CursorTooOldError
        if int(place) > self._end:
            raise CursorTooOldError
        return int(place)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
