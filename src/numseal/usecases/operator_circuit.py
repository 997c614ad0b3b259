"""Circuit breakers and shares: an operator that answers badly is left alone for a while, and nobody takes all of it.

One circuit for each kind of call of an operator under an agreement: a lost HLR does not keep its codes from being sent,
and what one relying party's questions come to does not keep another's from being asked. Only when to ask and when not
lives here; how to ask is `ask_operator`'s. Owners of mutable state: each `Circuit` owns its counts, `Circuits` which
there are, `Shares` who has how many calls under way.
"""

from collections import Counter
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

MOST_CIRCUITS = 10_000
"""Circuits that are kept; beyond it the one that was used longest ago is forgotten, and begins closed again."""

SHARE = 2
"""One agreement has at most one call in `SHARE` of those that an operator may have under way, and one in any case."""

_PERCENT = 100


class CircuitState(StrEnum):
    """Whether calls go through: CLOSED all, OPEN none, HALF_OPEN the one that tries."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


_BADNESS = (CircuitState.CLOSED, CircuitState.HALF_OPEN, CircuitState.OPEN)


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
        "_used",
        "_window_end",
    )

    def __init__(self, clock: Clock) -> None:
        """Begin closed."""
        self._clock = clock
        self._generation = 0
        self._open_until: float | None = None
        self._pause = FIRST_PAUSE
        self._trying = False
        self._used = clock.monotonic()
        self._window_end = self._used + WINDOW / 2
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

    @property
    def idle(self) -> bool:
        """Whether it says nothing of the present: unused for a window, and for the longest pause where it opened."""
        kept = WINDOW if self._open_until is None else LONGEST_PAUSE
        return self._clock.monotonic() - max(self._used, self._open_until or 0.0) > kept

    def admit(self) -> int | None:
        """Let a call through, under a number that its outcome is told with, or return None."""
        self._used = self._clock.monotonic()
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
        self._used = self._clock.monotonic()
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


class Circuits:
    """The circuits of all operators, by operator, kind of call and agreement; "" is the agreement of Numseal's own."""

    def __init__(self, clock: Clock) -> None:
        """Begin without any."""
        self._clock = clock
        self._kept: dict[tuple[str, str, str], Circuit] = {}  # those used last are the last
        self._sweep_time = clock.monotonic() + WINDOW

    def get(self, operator_id: str, name: str, agreement_id: str) -> Circuit:
        """Return a circuit, closed where there was none."""
        key = operator_id, name, agreement_id
        circuit = self._kept.pop(key, None)
        if circuit is None:
            circuit = Circuit(self._clock)
            if self._clock.monotonic() >= self._sweep_time:
                self._sweep()
            if len(self._kept) >= MOST_CIRCUITS:
                del self._kept[next(iter(self._kept))]
        self._kept[key] = circuit
        return circuit

    def worst(self, operator_id: str) -> dict[str, CircuitState]:
        """Return for each kind of call the worst state over the agreements: OPEN, else HALF_OPEN, else CLOSED."""
        self._sweep()
        worst: dict[str, CircuitState] = {}
        for (known, name, _), circuit in self._kept.items():
            if known == operator_id:
                worst[name] = max(worst.get(name, CircuitState.CLOSED), circuit.state, key=_BADNESS.index)
        return worst

    def _sweep(self) -> None:
        self._sweep_time = self._clock.monotonic() + WINDOW
        self._kept = {key: circuit for key, circuit in self._kept.items() if not circuit.idle}


class Shares:
    """Who has how many calls of one operator under way; one agreement never has them all."""

    def __init__(self, most: int) -> None:
        """Take how many calls may be under way at once."""
        self._most = most
        self._share = max(1, most // SHARE)
        self._held: Counter[str] = Counter()
        self._total = 0

    def take(self, agreement_id: str) -> bool:
        """Take a call's place, or return that there is none."""
        if self._total >= self._most or self._held[agreement_id] >= self._share:
            return False
        self._held[agreement_id] += 1
        self._total += 1
        return True

    def give_back(self, agreement_id: str) -> None:
        """Give the place of a call that has ended back."""
        self._total -= 1
        self._held[agreement_id] -= 1
        if not self._held[agreement_id]:
            del self._held[agreement_id]
