"""A clock that stands still until it is told to move."""

import asyncio


class FakeClock:
    """Implements `ports.clock`; `advance` moves both its times."""

    def __init__(self, now: int = 1_750_000_000) -> None:
        self._now = float(now)
        self._monotonic = 0.0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> int:
        return int(self._now)

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
        self._monotonic += seconds
        self._wake()

    def step(self, now: int) -> None:
        """Set the wall clock, as an administrator does; durations do not notice."""
        self._now = float(now)
        self._wake()

    async def sleep_until(self, time: int) -> None:
        if time > self._now:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((time, waiter))
            await waiter

    def _wake(self) -> None:
        due = [entry for entry in self._waiting if entry[0] <= self._now]
        self._waiting = [entry for entry in self._waiting if entry not in due]
        for _, waiter in due:
            if not waiter.done():
                waiter.set_result(None)
