"""What is told of deliveries: kept for a while, in order, and streamed from any place in between, with heartbeats."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator

from numseal.domain.evidence import DeliveryState
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import CursorTooOldError

KEPT = 100_000
RETENTION = 86_400
"""Seconds an event is kept, where there are not more than KEPT."""

HEARTBEAT = 15
"""Seconds between heartbeats, the clock's; the contract allows 20."""


class Journal:
    """Owns the newest events of this process, numbered from 1.

    A cursor is the number of the last event seen behind the journal's own epoch: one of another process is too old.
    """

    def __init__(self, clock: Clock, kept: int = KEPT) -> None:
        """Begin with no events; keep the newest `kept`."""
        self._clock = clock
        self._size = kept
        self._epoch = secrets.token_hex(8)
        self._events: deque[OperatorEvent] = deque()
        self._last = 0
        self._changed = asyncio.Event()

    def tell(self, delivery_id: str, state: DeliveryState, error: str) -> None:
        """Keep what became of a delivery, and have every stream tell it."""
        now = self._clock.now()
        self._last += 1
        self._events.append(
            OperatorEvent(
                EventKind.DELIVERY,
                self._cursor(self._last),
                observe_time=now,
                event_id=f"{self._epoch}{self._last:012x}",
                # A receipt's own date is in the SMSC's local time, which it does not name.
                occur_time=now,
                delivery_id=delivery_id,
                delivery=state,
                error=error,
            )
        )
        while len(self._events) > self._size or self._events[0].observe_time <= now - RETENTION:
            self._events.popleft()
        self._changed.set()

    async def stream(self, cursor: str) -> AsyncGenerator[OperatorEvent, None]:
        """Yield the events after a cursor, for ever, a heartbeat first; raise `CursorTooOldError`.

        While there are events nothing is awaited: the reader gives others their turn.
        """
        seen = self._position(cursor)
        beat_time = self._clock.now()
        while True:
            if self._clock.now() >= beat_time:
                beat_time = self._clock.now() + HEARTBEAT
                yield OperatorEvent(EventKind.HEARTBEAT, self._cursor(seen), observe_time=self._clock.now())
            index = seen - (self._last - len(self._events))
            if index < 0:
                raise CursorTooOldError
            if index < len(self._events):
                seen += 1
                yield self._events[index]
            else:
                await self._news(beat_time)

    async def _news(self, until: int) -> None:
        """Return once an event came, or it is that time."""
        changed = self._changed
        if changed.is_set():
            changed = self._changed = asyncio.Event()
        waits = {asyncio.create_task(changed.wait()), asyncio.create_task(self._clock.sleep_until(until))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _cursor(self, number: int) -> str:
        return f"{self._epoch}-{number:x}"

    def _position(self, cursor: str) -> int:
        if not cursor:
            return self._last
        epoch, _, digits = cursor.partition("-")
        if epoch != self._epoch or not 0 < len(digits) <= len(epoch) or set(digits) - set("0123456789abcdef"):
            raise CursorTooOldError
        number = int(digits, 16)
        if number > self._last:
            raise CursorTooOldError
        return number
