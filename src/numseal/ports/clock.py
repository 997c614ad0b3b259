"""Time as the use cases see it."""

from typing import Protocol


class Clock(Protocol):
    """Tells the time; safe to call from any task.

    `now` may be stepped by the machine's administrator; `monotonic` never goes back and is for durations only.
    """

    def now(self) -> int:
        """Return Unix seconds, UTC."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start."""

    async def sleep_until(self, time: int) -> None:
        """Return once `now` is `time` or later; at once where it is already."""
