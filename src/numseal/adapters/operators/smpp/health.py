"""How far an SMSC can be trusted to bring messages to handsets, by the receipts that came and those that did not."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """When an SMSC is suspect: over `missing_share` (0 to 1) of at least `sample` fates in `window` seconds were bad.

    It stays so for `suspect_time` seconds, or until as many fates since have been good enough.
    """

    missing_share: float
    sample: int
    window: float
    suspect_time: float


class Health:
    """Owns what became of one SMSC's newest messages, and until when it is suspect."""

    def __init__(self, limits: HealthLimits, monotonic: Callable[[], float]) -> None:
        """Begin trusted."""
        self._limits = limits
        self._monotonic = monotonic
        self._fates: deque[tuple[float, bool]] = deque(maxlen=2 * limits.sample)
        self._missing = 0
        self._suspect_until: float | None = None

    @property
    def suspect(self) -> bool:
        """Whether another SMSC is to be preferred."""
        if self._suspect_until is not None and self._monotonic() >= self._suspect_until:
            self._suspect_until = None
            self._forget()
        return self._suspect_until is not None

    def heard(self) -> None:
        """Count a message whose fate was told, whatever it was."""
        self._add(missing=False)

    def missed(self) -> None:
        """Count a message that no receipt, or no response, came for in time."""
        self._add(missing=True)

    def _add(self, *, missing: bool) -> None:
        now, limits = self._monotonic(), self._limits
        suspect = self.suspect
        if len(self._fates) == self._fates.maxlen:
            self._drop()
        self._fates.append((now, missing))
        self._missing += missing
        while self._fates[0][0] <= now - limits.window:
            self._drop()
        if len(self._fates) < limits.sample:
            return
        bad = self._missing > limits.missing_share * len(self._fates)
        if bad and not suspect:
            self._suspect_until = now + limits.suspect_time
            self._forget()
        elif suspect and not bad:
            self._suspect_until = None

    def _drop(self) -> None:
        self._missing -= self._fates.popleft()[1]

    def _forget(self) -> None:
        self._fates.clear()
        self._missing = 0
