"""What each part can do, as it said last: asked for when it is needed, kept for a while, never waited for twice.

Only when to ask and what is known lives here; what follows for the whole is `merging`'s to say.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from numseal.adapters.operators.composed.calls import TIMEOUT, BreachError, Calls
from numseal.adapters.operators.composed.parts import Part
from numseal.domain.evidence import Method
from numseal.domain.operator import WATCHED_KINDS, Capabilities, EventKind, Price
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorError

FRESH = 60.0
"""Seconds an answer is taken for the present one."""

RETRY_DELAY = 10.0
"""Seconds after a failure in which a part is not asked again."""

ANSWER_TIMEOUT = 1.2
"""Seconds a part has to tell what it can do; the caller gives the whole 1.5."""

FIRST_WAIT = 0.4
"""Seconds that a lookup or an order waits for parts that never told; for others it does not wait."""

SLOW_LOOKUPS = 3
REST = 5.0
"""Lookups in a row that a part lets run out of time before it is left out of them, and for how many seconds."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Standing:
    """One part: what it told last, if ever, and why the last question had no answer, None where it had one.

    `looking` tells whether the last lookup had an answer, `slow` counts those in a row that it let run out of time, and
    `rest_end` is until when it is left out of them.
    """

    part: Part
    told: Capabilities | None = None
    failure: OperatorError | None = None
    ask_time: float = -math.inf
    looking: bool = True
    slow: int = 0
    rest_end: float = 0.0
    asking: asyncio.Task[None] | None = None

    @property
    def present(self) -> Capabilities | None:
        """What the part can do now; None where it failed when it was asked last, or never told."""
        return self.told if self.failure is None else None

    def error(self) -> OperatorError:
        """Make the error of a part that does not say what it can do."""
        if self.failure is None:
            return OperatorError(TIMEOUT, f"part {self.part.name} did not say in time what it can do")
        return OperatorError(self.failure.reason, f"part {self.part.name}: {self.failure}")


class Roster:
    """Knows the parts. Owns what they told, and the questions under way: one a part."""

    def __init__(self, parts: Sequence[Part], clock: Clock, calls: Calls) -> None:
        """Take the parts in their order, the clock, and who ends questions."""
        self._clock = clock
        self._calls = calls
        self._standings = tuple(Standing(part) for part in parts)
        self._by_tag = {part.tag: part for part in parts}

    def __iter__(self) -> Iterator[Standing]:
        """Go through all parts in order."""
        return iter(self._standings)

    def of(self, tag: str) -> Part | None:
        """Return the part of a tag, None where there is none any more."""
        return self._by_tag.get(tag)

    async def ask(self) -> None:
        """Have every part tell that is due, and wait for those, 1.2 s at most."""
        asking = self._refresh()
        if asking:
            await asyncio.wait(asking)

    async def ready(self) -> None:
        """Have every part tell that is due, and wait a little for those that never told."""
        self._refresh()
        unheard = [item.asking for item in self._standings if item.asking and not (item.told or item.failure)]
        if unheard:
            await asyncio.wait(unheard, timeout=FIRST_WAIT)

    def sender(self, method: Method) -> Part:
        """Return the first part that offers a method, one that did before where none does now; raise OperatorError."""
        return self._first(lambda told: method in told.methods, "METHOD_NOT_SUPPORTED", f"no part offers {method}")

    def senders(self) -> list[Capabilities]:
        """Return what the parts told that may send codes."""
        return [told for item in self._standings if (told := item.told) and set(told.methods) - {Method.NETWORK}]

    def watching(self) -> Part | None:
        """Return the part that watches numbers: the first that ever offered it, None where no part does.

        Raises OperatorError where a part never told that might come before: watches must not change from part to part,
        since those of one end unheard when another's stream is taken for a sign of life.
        """
        for item in self._standings:
            if item.told is None:
                raise item.error()
            if not set(WATCHED_KINDS).isdisjoint(item.told.events):
                return item.part
        return None

    def streaming(self) -> tuple[Part, ...]:
        """Return the parts that have events of any kind."""
        return tuple(item.part for item in self._standings if item.told is not None and item.told.events)

    def resting(self, part: Part) -> bool:
        """Tell whether a part is left out of lookups for a while, so that nobody waits for it in vain."""
        return self._clock.monotonic() < self._standing(part).rest_end

    def looked(self, part: Part, error: OperatorError | None) -> None:
        """Count a lookup that a part answered, or did not, and tell of the first and the last that fails."""
        item = self._standing(part)
        if isinstance(error, BreachError):
            _log.error(
                "operator %s, part %s broke its contract in look_up: %s", part.backend.operator_id, part.name, error
            )
        elif item.looking and error is not None:
            _log.warning(
                "operator %s, part %s does not answer lookups: %s", part.backend.operator_id, part.name, error.reason
            )
        elif error is None and not item.looking:
            _log.warning("operator %s, part %s answers lookups again", part.backend.operator_id, part.name)
        item.looking = error is None
        item.slow = item.slow + 1 if error is not None and error.reason == TIMEOUT else 0
        if item.slow >= SLOW_LOOKUPS:
            item.rest_end = self._clock.monotonic() + REST

    def close(self) -> None:
        """Ask no more."""
        for item in self._standings:
            if item.asking is not None:
                self._calls.let_go(item.asking)

    def _standing(self, part: Part) -> Standing:
        return next(item for item in self._standings if item.part is part)

    def _first(self, offers: Callable[[Capabilities], bool], reason: str, sentence: str) -> Part:
        for item in self._standings:
            if item.present is not None and offers(item.present):
                return item.part
        for item in self._standings:
            # It may be well again, or say best itself what the matter is.
            if item.told is not None and offers(item.told):
                return item.part
        for item in self._standings:
            if item.told is None:
                raise item.error()
        raise OperatorError(reason, sentence)

    def _refresh(self) -> list[asyncio.Task[None]]:
        now = self._clock.monotonic()
        for item in self._standings:
            if item.asking is None and now >= item.ask_time:
                item.asking = asyncio.create_task(self._ask(item))
        return [item.asking for item in self._standings if item.asking is not None]

    async def _ask(self, item: Standing) -> None:
        try:
            (answer,) = await self._calls.ask([item.part.backend.capabilities], ANSWER_TIMEOUT)
            if not isinstance(answer, OperatorError) and not _is_sound(answer, item.part):
                answer = BreachError("its capabilities are none, or another operator's")
            if isinstance(answer, OperatorError):
                if item.failure is None:
                    _log.warning(
                        "operator %s, part %s does not say what it can do: %s",
                        item.part.backend.operator_id,
                        item.part.name,
                        answer.reason,
                    )
                item.failure, wait = answer, RETRY_DELAY
            else:
                item.told, item.failure, wait = answer, None, FRESH
            item.ask_time = self._clock.monotonic() + wait
        finally:
            item.asking = None


def _is_sound(told: object, part: Part) -> bool:
    """Tell whether what a part told can be merged; what the whole then says is read strictly by the caller."""
    if type(told) is not Capabilities or told.operator_id != part.backend.operator_id:
        return False
    lists = (told.signals, str), (told.methods, Method), (told.events, EventKind), (told.prices, Price)
    if any(type(items) is not tuple or any(type(item) is not kind for item in items) for items, kind in lists):
        return False
    return all(type(count) is int for count in (told.event_retention, told.max_watches))
