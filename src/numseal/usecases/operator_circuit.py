"""Circuit breakers: an operator that answers badly is left alone for a while, so that nobody waits for it in vain.

One circuit for each kind of call of an operator: a lost HLR does not keep its codes from being sent. Only when to ask
and when not lives here; how to ask is `ask_operator`'s. Owner of mutable state: each `Circuit` owns its counts.
"""

from enum import StrEnum

from numseal.ports.clock import Clock

WINDOW = 10.0
"""Seconds of the past that are counted, in halves."""

MIN_CALLS = 20
"""Calls in a window before it says anything."""

FAILING_PERCENT = 50
"""Share of failures in a window at which a circuit opens."""

FIRST_PAUSE = 5.0
"""Seconds that a circuit is open before one call tries again; doubled for each try that fails."""

LONGEST_PAUSE = 60.0

_PERCENT = 100


class CircuitState(StrEnum):
    """Whether calls go through: CLOSED all, OPEN none, HALF_OPEN the one that tries."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Circuit:
    """The circuit of one kind of call."""

    __slots__ = (
        "_before",
        "_clock",
        "_failed",
        "_generation",
        "_open_until",
        "_pause",
        "_total",
        "_trying",
        "_window_end",
    )

    def __init__(self, clock: Clock) -> None:
        """Begin closed."""
        self._clock = clock
        self._generation = 0
        self._open_until: float | None = None
        self._pause = FIRST_PAUSE
        self._trying = False
        self._window_end = clock.monotonic() + WINDOW / 2
        self._total = self._failed = 0
        self._before = (0, 0)

    @property
    def state(self) -> CircuitState:
        """Whether a call would go through now."""
        if self._open_until is None:
            return CircuitState.CLOSED
        if self._trying or self._clock.monotonic() >= self._open_until:
            return CircuitState.HALF_OPEN
        return CircuitState.OPEN

    def admit(self) -> int | None:
        """Let a call through, under a number that its outcome is told with, or return None."""
        if self._open_until is None:
            return self._generation
        if self._trying or self._clock.monotonic() < self._open_until:
            return None
        self._trying = True
        self._generation += 1
        return self._generation

    def done(self, admitted: int, *, failed: bool) -> bool:
        """Count the outcome of a call; return whether the circuit opened or closed by it.

        What was let through before the circuit last opened or closed tells of the past and is not counted.
        """
        if admitted != self._generation:
            return False
        if self._trying:
            return self._tried(failed=failed)
        self._roll()
        self._total += 1
        self._failed += failed
        total, bad = self._total + self._before[0], self._failed + self._before[1]
        if not failed or total < MIN_CALLS or bad * _PERCENT < total * FAILING_PERCENT:
            return False
        self._open(FIRST_PAUSE)
        return True

    def dropped(self, admitted: int) -> None:
        """Forget a call whose caller left before an outcome; where it was the one that tries, the next one tries."""
        if admitted == self._generation:
            self._trying = False

    def _tried(self, *, failed: bool) -> bool:
        self._trying = False
        if failed:
            self._open(min(self._pause * 2, LONGEST_PAUSE))
            return False
        self._generation += 1
        self._open_until = None
        self._total = self._failed = 0
        self._before = (0, 0)
        return True

    def _open(self, pause: float) -> None:
        self._generation += 1
        self._pause = pause
        self._open_until = self._clock.monotonic() + pause

    def _roll(self) -> None:
        now = self._clock.monotonic()
        if now < self._window_end:
            return
        fresh = now < self._window_end + WINDOW / 2
        self._before = (self._total, self._failed) if fresh else (0, 0)
        self._total = self._failed = 0
        self._window_end = now + WINDOW / 2
