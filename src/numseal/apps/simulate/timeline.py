"""Simulated time: stories begin and sleep on it, and the clock moves only while none of them is at work.

Owns the clock's movement. Belongs to one event loop.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from typing import Protocol

HOUR = 3_600
SLOT = HOUR
"""Seconds: verifications are planned for a multiple of this, so that the clock moves in few steps."""

TICK = 300
"""Seconds: what comes shortly before or after is planned for a multiple of this."""

_LONGEST_STEP = 6 * HOUR
_SETTLE_STEP = 60


class MovableClock(Protocol):
    """A clock that can be moved forward."""

    def now(self) -> int:
        """Return Unix seconds."""

    def advance(self, seconds: int) -> int:
        """Move forward and return the time then."""


def slot(time: float) -> int:
    """Return the planned time nearest behind `time`."""
    return int(time) // SLOT * SLOT


def tick(time: float) -> int:
    """Return the tick nearest behind `time`."""
    return int(time) // TICK * TICK


class Timeline:
    """Plays stories in the order of their times, a bounded number at work at once."""

    def __init__(self, clock: MovableClock, in_flight: int, settle: float = 0.002) -> None:
        """Take the clock, how many stories may be at work at once, and the server's real seconds a step of a minute."""
        self._clock = clock
        self._settle = settle
        self._free = in_flight
        self._in_flight = in_flight
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    def now(self) -> int:
        """Return the simulated time, Unix seconds."""
        return self._clock.now()

    def add(self, time: int, story: Callable[[], Awaitable[None]]) -> None:
        """Let a story begin at that time."""
        self._push(time, lambda: self._begin(story))

    async def sleep_until(self, time: int) -> None:
        """Let a story rest until that time; at once where it has come."""
        if time <= self.now():
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._push(time, lambda: woken.set_result(None))
        self._leave()
        await woken

    async def play(self, until: int, progress: Callable[[int], None] = lambda _now: None) -> None:
        """Play all stories to their ends and the clock on to `until`; raises what a story raised."""
        try:
            while True:
                if self._failure is not None:
                    raise self._failure
                due = self._heap[0][0] if self._heap else until
                idle = self._free == self._in_flight
                if self._heap and self._free and due <= self.now():
                    self._free -= 1
                    heapq.heappop(self._heap)[2]()
                elif not idle:
                    self._changed.clear()
                    await self._changed.wait()
                elif due > self.now():
                    await self._step(min(due, self.now() + _LONGEST_STEP))
                    progress(self.now())
                else:
                    return
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _push(self, time: int, wake: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (time, self._count, wake))

    def _begin(self, story: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._run(story))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, story: Callable[[], Awaitable[None]]) -> None:
        try:
            await story()
        except Exception as error:  # noqa: BLE001 - raised again by `play`
            self._failure = self._failure or error
        finally:
            self._leave()

    def _leave(self) -> None:
        self._free += 1
        self._changed.set()

    async def _step(self, time: int) -> None:
        """Move the clock, and give those whom it wakes in the server a moment of real time before it moves on."""
        moved = time - self.now()
        self._clock.advance(moved)
        await asyncio.sleep(self._settle if moved >= _SETTLE_STEP else 0)
