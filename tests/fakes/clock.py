"""A clock that stands still until it is told to move."""


class FakeClock:
    """Implements `ports.clock`; `advance` moves both its times."""

    def __init__(self, now: int = 1_750_000_000) -> None:
        self._now = float(now)
        self._monotonic = 0.0

    def now(self) -> int:
        return int(self._now)

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds
        self._monotonic += seconds

    def step(self, now: int) -> None:
        """Set the wall clock, as an administrator does; durations do not notice."""
        self._now = float(now)
