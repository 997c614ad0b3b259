"""What each operator can do, as it said last: asked for when it is needed, kept for a while, forgotten when too old.

Only when to ask and how long an answer holds lives here; how to ask is `ask_operator`'s.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from numseal.domain.operator import Capabilities
from numseal.ports.clock import Clock
from numseal.usecases.flights import Flights

FRESH = 300
"""Seconds an answer is taken for the present one."""

KEPT = 900
"""Seconds an answer holds where no other is to be had."""

RETRY_DELAY = 10
"""Seconds after a failure in which nobody waits for another."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """The last answer, if any, when it came, and from when on another is asked for; in seconds of the steady clock."""

    answer: Capabilities | None
    answer_time: float
    ask_time: float


class OperatorCapabilities:
    """Keeps what operators said of themselves. Owns the answers, and the questions under way: one an operator."""

    def __init__(self, fetch: Callable[[str], Awaitable[Capabilities | None]], clock: Clock) -> None:
        """Take the one who asks an operator, in bounded time and without raising, and the clock."""
        self._fetch = fetch
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._flights = Flights()

    async def __call__(self, operator_id: str) -> Capabilities | None:
        """Return what the operator can do, None where that is not known."""
        kept = self._kept.get(operator_id)
        if kept is None or self._clock.monotonic() >= kept.ask_time:
            await self._flights.join(operator_id, lambda: self._ask(operator_id))
        return self.known(operator_id)

    def known(self, operator_id: str) -> Capabilities | None:
        """Return what the operator said last, None where it is not known; asks nobody."""
        kept = self._kept.get(operator_id)
        return kept.answer if kept is not None and self._clock.monotonic() - kept.answer_time < KEPT else None

    async def _ask(self, operator_id: str) -> None:
        answer = await self._fetch(operator_id)
        now = self._clock.monotonic()
        if answer is not None:
            kept = _Kept(answer, now, now + FRESH)
        else:
            kept = replace(self._kept.get(operator_id, _Kept(None, now, now)), ask_time=now + RETRY_DELAY)
        self._kept[operator_id] = kept
