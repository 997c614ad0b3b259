"""One operator's events: kept for a while, in order, and read from any place in between.

What happened is the callers' to say; who listens is no concern of this file.
"""

import asyncio
import secrets
from collections import deque
from dataclasses import replace

from numseal.domain.operator import OperatorEvent
from numseal.ports.operator_backend import CursorTooOldError

KEPT_EVENTS = 200_000
RETENTION = 7 * 86_400
"""Seconds an event is kept; the clock's."""


class Journal:
    """Owns the newest 200,000 events of one operator that are no older than a week, in this process's memory.

    Events are numbered from 1. A cursor is the number of the last event seen, under a name that no other process gives.
    """

    def __init__(self) -> None:
        """Begin with no events."""
        self._epoch = secrets.token_hex(8)
        self._events: deque[OperatorEvent] = deque()
        self._last = 0
        self._ids = 0
        self.changed = asyncio.Event()
        """Set at the next event or `wake`; each such has an Event of its own."""

    def new_id(self) -> str:
        """Return an id for an event, given out once; 28 hex digits."""
        self._ids += 1
        return f"{self._epoch}{self._ids:012x}"

    def append(self, event: OperatorEvent) -> None:
        """Keep an event under the next cursor, and forget what is too old or too much."""
        self._last += 1
        self._events.append(replace(event, cursor=self.cursor(self._last)))
        kept_from = event.observe_time - RETENTION
        while len(self._events) > KEPT_EVENTS or self._events[0].observe_time < kept_from:
            self._events.popleft()
        self.wake()

    def wake(self) -> None:
        """Have everybody who waits look again."""
        self.changed.set()
        self.changed = asyncio.Event()

    def cursor(self, number: int) -> str:
        """Return the cursor of the event with a number, 0 for the one before the first."""
        return f"{self._epoch}-{number:x}"

    def position(self, cursor: str) -> int:
        """Return the number a cursor stands for, that of the newest event for an empty one.

        Raises `CursorTooOldError` for a cursor that this journal did not give out.
        """
        if not cursor:
            return self._last
        epoch, _, digits = cursor.partition("-")
        if epoch != self._epoch or not digits or set(digits) - set("0123456789abcdef") or len(digits) > len(epoch):
            raise CursorTooOldError(self.cursor(self._last - len(self._events)))
        number = int(digits, 16)
        if number > self._last:
            raise CursorTooOldError(self.cursor(self._last - len(self._events)))
        return number

    def after(self, number: int) -> OperatorEvent | None:
        """Return the event after the one with that number, None for none yet.

        Raises `CursorTooOldError` where it is kept no more.
        """
        index = number - (self._last - len(self._events))
        if index < 0:
            raise CursorTooOldError(self.cursor(self._last - len(self._events)))
        return self._events[index] if index < len(self._events) else None
