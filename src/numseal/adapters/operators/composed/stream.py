"""The events of several parts as one stream, resumable by one cursor.

Numseal takes whatever comes through as a sign that numbers are watched. So nothing passes that would claim it for a
part that is dead: other parts' events wait while the part that watches numbers is quiet, their heartbeats never pass,
and the whole ends once it is silent. Another part's stream that ends is opened again in here, later each time.

Owner of mutable state: `MergedStream` owns the tasks that read the parts, what they are ahead by, and the positions.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from numseal.adapters.operators.composed.calls import CLOSING, Calls, failure
from numseal.adapters.operators.composed.parts import Part
from numseal.adapters.operators.composed.tagged import (
    MAX_DELIVERY_ID,
    MAX_EVENT_ID,
    Cursor,
    TooLongError,
    told_apart,
    watch_name,
)
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import CursorTooOldError, OperatorError

QUIET = 25
"""Seconds without a word from the part that watches after which others' events wait; the contract has one every 20."""

SILENCE = 60
"""Seconds after which the whole stream ends."""

STEP = 5
"""Seconds by which a clock is past the time waited for where it was moved, or the machine slept."""

LONGEST_PAUSE = 60
"""Seconds until another part's stream that keeps ending is opened again."""

BUFFER = 128
"""Events that are read ahead, of the part that watches and of all others each."""

_log = logging.getLogger(__name__)

_Read = tuple[Part, OperatorEvent]


class MergedStream:
    """Reads the parts' streams, once."""

    def __init__(
        self,
        sources: Sequence[Part],
        watching: Part | None,
        cursor: Cursor,
        *,
        clock: Clock,
        calls: Calls,
        still: Callable[[], bool],
    ) -> None:
        """Take the parts that have events, the one that watches numbers, and where each goes on.

        `still` tells whether these are the parts to read; the stream ends where they are not any more.
        """
        self._sources, self._watching = tuple(sources), watching
        self._positions = {part.tag: cursor.positions[part.tag] for part in sources if part.tag in cursor.positions}
        self._clock, self._calls, self._still = clock, calls, still
        self._watched: deque[_Read] = deque()
        self._others: deque[_Read] = deque()
        self._others_next = False
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._alive: float | None = None
        self._opened = clock.monotonic()
        self._patience_end = -math.inf
        self._ended = False
        self._end: OperatorError | None = None
        self._skipped = 0

    async def events(self) -> AsyncGenerator[OperatorEvent, None]:
        """Yield events for ever; raise CursorTooOldError or OperatorError where the part that watches does.

        Raises OperatorError STREAM_SILENT where that part says nothing for a minute, and CURSOR_TOO_LONG where the
        parts' cursors do not fit into one.
        """
        tasks = [asyncio.create_task(self._follow(part)) for part in self._sources if part is not self._watching]
        if self._watching is not None:
            tasks += [asyncio.create_task(self._watch(self._watching)), asyncio.create_task(self._listen())]
        try:
            while self._still():
                event = self._next()
                if event is not None:
                    yield event
                elif self._ended:
                    if self._end is not None:
                        raise self._end
                    return
                else:
                    self._check_silence()
                    self._news.clear()
                    await self._news.wait()
        finally:
            for task in tasks:
                self._calls.let_go(task)
            if tasks:
                await asyncio.wait(tasks, timeout=CLOSING)

    def _next(self) -> OperatorEvent | None:
        while read := self._taken():
            part, event = read
            self._room.set()
            told = self._told(part, event)
            passes = self._watching is None or self._watching is part or not _is_heartbeat(read)
            if told is not None and passes:
                return told
        return None

    def _taken(self) -> _Read | None:
        others = bool(self._others) and (self._watching is None or self._spoke_within(QUIET))
        # Turn by turn, so that a flood of one holds up nobody. Others' heartbeats go first: they are passed on to
        # nobody, and say how far to go on from.
        if others and (self._others_next or not self._watched or _is_heartbeat(self._others[0])):
            self._others_next = False
            return self._others.popleft()
        self._others_next = True
        return self._watched.popleft() if self._watched else None

    def _spoke_within(self, seconds: int) -> bool:
        return self._alive is not None and self._clock.monotonic() - self._alive <= seconds

    def _check_silence(self) -> None:
        now, since = self._clock.monotonic(), self._opened if self._alive is None else self._alive
        if self._watching is not None and now - since > SILENCE and now >= self._patience_end:
            raise OperatorError("STREAM_SILENT", f"part {self._watching.name} says nothing of the numbers it watches")

    def _told(self, part: Part, event: OperatorEvent) -> OperatorEvent | None:
        """Return the event as the whole's, under the cursor behind it; None for one that is none."""
        tag, watching = part.tag, self._watching
        try:
            cursor, watch_id = event.cursor, event.watch_id and watch_name(tag, event.watch_id)
            positions = {**self._positions, tag: _printable(cursor)}
            event = replace(
                event,
                cursor="",
                event_id=told_apart(tag, event.event_id, MAX_EVENT_ID),
                watch_id=watch_id,
                delivery_id=told_apart(tag, event.delivery_id, MAX_DELIVERY_ID),
            )
        except (AttributeError, TypeError, TooLongError):
            self._skip(part)
            return None
        self._positions = positions
        try:
            return replace(event, cursor=Cursor("" if watching is None else watching.tag, positions).text())
        except TooLongError as error:
            raise OperatorError("CURSOR_TOO_LONG", str(error)) from None

    def _skip(self, part: Part) -> None:
        """Tell of an impossible event, of many in a row only the 1st, 2nd, 4th, 8th …"""
        self._skipped += 1
        if self._skipped & (self._skipped - 1) == 0:
            _log.error(
                "operator %s, part %s told an impossible event, %d so far: it is skipped",
                part.backend.operator_id,
                part.name,
                self._skipped,
            )

    async def _watch(self, part: Part) -> None:
        """Read the part that watches; its stream's end is the whole's."""
        try:
            async with aclosing(_events(part, self._positions.get(part.tag, ""))) as events:
                async for event in events:
                    self._alive = self._clock.monotonic()
                    await self._put(self._watched, part, event)
        except BaseException as error:  # noqa: BLE001 - a plugin's SystemExit would end the server
            self._end = error if isinstance(error, CursorTooOldError) else failure(error)
        finally:
            self._ended = True
            self._news.set()

    async def _follow(self, part: Part) -> None:
        """Read another part for ever."""
        cursor, pause = self._positions.get(part.tag, ""), 1
        while True:
            why = "it ended"
            try:
                async with aclosing(_events(part, cursor)) as events:
                    async for event in events:
                        cursor, pause = event.cursor, 1
                        await self._put(self._others, part, event)
            except asyncio.CancelledError:
                raise
            except CursorTooOldError:
                # What became of some codes is never told; of watched numbers nothing is lost.
                why, cursor = "its cursor is too old", ""
            except BaseException as error:  # noqa: BLE001 - a plugin's SystemExit would end the server
                why = failure(error).reason
            _log.warning("operator %s, part %s: its events broke off: %s", part.backend.operator_id, part.name, why)
            await self._clock.sleep_until(self._clock.now() + pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _put(self, ahead: deque[_Read], part: Part, event: OperatorEvent) -> None:
        ahead.append((part, event))
        self._news.set()
        # An iterator that always has an event would never let another task run.
        await asyncio.sleep(0)
        while len(ahead) >= BUFFER:
            self._room.clear()
            await self._room.wait()

    async def _listen(self) -> None:
        """Have the silence of the part that watches noticed."""
        while True:
            spoke = self._opened if self._alive is None else self._alive
            now = self._clock.monotonic()
            until = self._clock.now() + max(int(max(spoke + SILENCE, self._patience_end) - now) + 1, 1)
            await self._clock.sleep_until(until)
            if self._clock.now() - until > STEP:
                # The machine slept, or its clock was moved: nobody could speak meanwhile.
                self._patience_end = self._clock.monotonic() + QUIET
            self._news.set()


async def _events(part: Part, cursor: str) -> AsyncGenerator[OperatorEvent, None]:
    """Yield a part's events and close its stream in any case."""
    stream = part.backend.stream_events(cursor)
    try:
        async for event in stream:
            yield event
    finally:
        if (close := getattr(stream, "aclose", None)) is not None:
            await close()


def _printable(cursor: str) -> str:
    """Return a part's cursor; raise `TypeError` for what is none."""
    if type(cursor) is not str or not cursor or not cursor.isprintable():
        raise TypeError
    return cursor


def _is_heartbeat(read: _Read) -> bool:
    return getattr(read[1], "kind", None) is EventKind.HEARTBEAT
