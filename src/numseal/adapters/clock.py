"""The machine's clock behind the clock port: the only place that reads the wall clock."""

import asyncio
import time

# Goes on while the machine sleeps, where the system has such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_LONGEST_SLEEP = 60


class SystemClock:
    """Tell the time as the machine has it."""

    __slots__ = ()

    def now(self) -> int:
        """Return Unix seconds, UTC."""
        return int(time.time())  # noqa: TID251 - this is the adapter that the others ask

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        return time.clock_gettime(_STEADY)

    async def sleep_until(self, time: int) -> None:
        """Return once it is that time; an administrator's step of the clock is noticed within a minute."""
        while (left := time - self.now()) > 0:  # noqa: ASYNC110 - the wall clock has no event to wait for
            await asyncio.sleep(min(left, _LONGEST_SLEEP))


class SimulatedClock:
    """A clock that stands still until it is moved: for a server whose network is simulated too.

    Owns its time and those who wait for one. Belongs to the event loop's thread.
    """

    def __init__(self, now: int) -> None:
        """Begin at a time, Unix seconds."""
        self._now = now
        self._moved = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> int:
        """Return Unix seconds, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that it was moved by."""
        return float(self._moved)

    async def sleep_until(self, time: int) -> None:
        """Return once it has been moved that far."""
        if time > self._now:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((time, waiter))
            await waiter

    def advance(self, seconds: int) -> int:
        """Move forward and wake whoever's time has come; return the time now."""
        self._now += seconds
        self._moved += seconds
        for wanted, waiter in self._waiting:
            if wanted <= self._now and not waiter.done():
                waiter.set_result(None)
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]
        return self._now
