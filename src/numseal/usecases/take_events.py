"""Take operators' events: resume each stream where it broke off, apply what it tells, lose nothing.

Events and the cursor behind them are committed together, so a crash repeats some and drops none. What an event does to
a binding is the domain's to say.
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

from numseal.domain.binding import LIVE
from numseal.domain.evidence import DeliveryState
from numseal.domain.monitoring import after_event
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.domain.policy import Policies
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import CursorTooOldError, OperatorError
from numseal.ports.store import Needs, Rows, Store, StoreError
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.stream_health import StreamHealth

BATCH = 128
"""Events that one command takes, so that deciding never holds up other calls for long."""

PAGE = 256
"""Bindings that one command makes due."""

LONGEST_PAUSE = 60
"""Seconds until a stream that keeps breaking off is opened again."""

RETRY_PAUSE = 10
"""Seconds until an operator that did not say what it can do is asked again."""

NO_EVENTS_PAUSE = 300
"""Seconds until an operator that has no stream is asked again whether it has one."""

CURSOR_LAG = 60
"""Seconds for which a cursor may stay behind events that no binding is concerned in.

Were each delivery committed, a code would cost a commit more; those that are told again after a crash do no harm.
"""

KEPT_STRAYS = 4_096
STRAYS_OF_A_WATCH = 16
"""Watches of an operator whose events are kept although no binding has them, and how many of each: the newest."""

Deliveries = Callable[[str, str, DeliveryState], None]
"""Takes operator id, delivery id and what became of the code; quick."""

_Heard = tuple[OperatorEvent, int]
"""An event and when it was read."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a stream goes on, and since when it has had no gap (Unix seconds)."""

    since: int = 0
    cursor: str = ""

    def text(self) -> str:
        return f"{self.since} {self.cursor}"

    @classmethod
    def of(cls, text: str) -> "_Position":
        since, _, cursor = text.partition(" ")
        return cls(int(since), cursor) if cursor else cls()


@dataclass(frozen=True, slots=True)
class _Taken:
    """The events that no live binding has, and whether a binding came due earlier."""

    strays: tuple[OperatorEvent, ...] = ()
    made_due: bool = False


@dataclass(frozen=True, slots=True)
class _Take:
    """Apply events of watches."""

    operator_id: str
    events: tuple[OperatorEvent, ...]
    position: str
    policies: Policies
    needs: Needs

    def decide(self, rows: Rows) -> _Taken:
        strays, made_due = [], False
        for event in self.events:
            bindings = rows.watched(self.operator_id, event.watch_id)
            for binding in bindings:
                reverify = self.policies.for_party(binding.relying_party).monitoring.reverify
                after, findings = after_event(binding, event, rows.now, reverify)
                if after is not binding:
                    rows.put_binding(after, *findings)
                made_due |= after.recheck_time < binding.recheck_time
            if not bindings:
                strays.append(event)
        if self.position:
            rows.put_cursor(self.operator_id, self.position)
        return _Taken(tuple(strays), made_due)


@dataclass(frozen=True, slots=True)
class MakeDue:
    """Make live bindings due to be looked up now."""

    names: tuple[str, ...]

    @property
    def needs(self) -> Needs:
        """The bindings."""
        return Needs(bindings=self.names)

    def decide(self, rows: Rows) -> None:
        """Bring each forward that is still live."""
        for name in self.names:
            binding = rows.binding(name)
            if binding is not None and binding.state in LIVE:
                rows.put_binding(replace(binding, recheck_time=min(binding.recheck_time, rows.now)))


class TakeEvents:
    """Takes the events of operators, one `run` each.

    Owns the strays, events that came before their binding's watch, and the positions kept and since when.
    """

    def __init__(
        self,
        *,
        store: Store,
        ask: AskOperator,
        policies: Policies,
        clock: Clock,
        health: StreamHealth,
        deliveries: Deliveries,
    ) -> None:
        """Take what it needs by name."""
        self._store = store
        self._ask = ask
        self._policies = policies
        self._clock = clock
        self._health = health
        self._deliveries = deliveries
        self._strays: dict[str, OrderedDict[str, tuple[OperatorEvent, ...]]] = {}
        self._kept: dict[str, tuple[_Position, int]] = {}
        self.when_due: Callable[[], None] = _nobody
        """Called once bindings came due earlier than they were; those who look them up set it."""
        self._dropped: Counter[str] = Counter()

    @property
    def dropped(self) -> int:
        """Events of watches that no binding had; they are applied all the same where one takes the watch soon."""
        return self._dropped.total()

    async def run(self, operator_id: str) -> None:
        """Take an operator's events until cancelled; a stream that breaks off is opened again, later each time."""
        pause = 1
        while True:
            capabilities = await self._ask.capabilities(operator_id)
            if capabilities is None or not capabilities.events:
                # Not known is tried again soon; whether there is a stream is the operator's to say.
                wait = RETRY_PAUSE if capabilities is None else NO_EVENTS_PAUSE
                await self._clock.sleep_until(self._clock.now() + wait)
                continue
            opened = self._clock.now()
            try:
                await self._follow(operator_id)
            except (OperatorError, StoreError) as error:
                _log.warning("operator %s: its events broke off: %s", operator_id, error)
            if self._clock.now() - opened > LONGEST_PAUSE:
                pause = 1
            await self._clock.sleep_until(self._clock.now() + pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def claim(self, operator_id: str, watch_id: str) -> None:
        """Apply what came for a watch before a binding was known to have it."""
        events = self._strays.get(operator_id, OrderedDict()).pop(watch_id, ())
        if events:
            await self._commit(operator_id, events)

    async def _follow(self, operator_id: str) -> None:
        """Take one stream to its end, and begin anew where it cannot be resumed."""
        position = _Position.of(await self._store.cursor(operator_id))
        self._kept[operator_id] = (position, self._clock.now())
        try:
            await self._take(operator_id, position)
        except CursorTooOldError:
            if not position.cursor:
                raise
            _log.warning("operator %s: events were lost; its bound numbers are looked up again", operator_id)
            await self._take(operator_id, _Position())

    async def _take(self, operator_id: str, position: _Position) -> None:
        # A stream that is resumed may say that it lives before it tells what was missed.
        caught_up, lived = not position.cursor, 0
        if position.cursor:
            self._health.begin(operator_id, position.since)
        inbox: asyncio.Queue[_Heard | Exception | None] = asyncio.Queue(2 * BATCH)
        reader = asyncio.create_task(self._read(operator_id, position.cursor, inbox))
        try:
            while True:
                heard, ended = await _arrived(inbox)
                if heard and not position.cursor:
                    # Only now that the stream is open: what happens after a number was looked up comes through it.
                    position = await self._begin(operator_id, heard[0][1])
                if heard:
                    position = await self._apply(operator_id, [event for event, _ in heard], position)
                if signs := [time for event, time in heard if event.kind is not EventKind.DELIVERY]:
                    # Whoever sends codes need not be who watches: a delivery says nothing of the watches.
                    lived = signs[-1] if caught_up else 0
                    caught_up = True
                if lived and inbox.empty():
                    self._health.heard(operator_id, lived)
                if isinstance(ended, Exception):
                    raise ended
                if ended:
                    return
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader

    async def _read(self, operator_id: str, cursor: str, inbox: "asyncio.Queue[_Heard | Exception | None]") -> None:
        try:
            async with aclosing(self._ask.events(operator_id, cursor)) as events:
                async for event in events:
                    await inbox.put((event, self._clock.now()))
        except Exception as error:  # noqa: BLE001 - whoever takes the events raises it
            await inbox.put(error)
        else:
            await inbox.put(None)

    async def _begin(self, operator_id: str, now: int) -> _Position:
        """Make every bound number of the operator due: what happened to it up to now, the stream does not tell."""
        after = ""
        while page := await self._store.operator_bindings(operator_id, after, PAGE):
            after = page[-1].binding_id
            await self._store.apply(MakeDue(tuple(binding.binding_id for binding in page)))
        self._health.begin(operator_id, now)
        self.when_due()
        position = _Position(now)
        self._kept[operator_id] = (position, now)
        return position

    async def _apply(self, operator_id: str, events: Sequence[OperatorEvent], position: _Position) -> _Position:
        """Apply events, then return the position behind them, committed with them."""
        for event in events:
            if event.kind is EventKind.DELIVERY and event.delivery is not None:
                self._deliveries(operator_id, event.delivery_id, event.delivery)
        watched = tuple(event for event in events if event.watch_id)
        after = replace(position, cursor=events[-1].cursor)
        if not watched and self._may_lag(operator_id, after):
            return after
        now = self._clock.now()
        try:
            strays = await self._commit(operator_id, watched, after.text())
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - one event that cannot be applied must not hold up all others for ever
            strays = await self._one_by_one(operator_id, watched, after)
        self._kept[operator_id] = (after, now)
        if strays:
            await self._keep(operator_id, strays)
        return after

    def _may_lag(self, operator_id: str, after: _Position) -> bool:
        """Tell whether a position behind which nothing was committed need not be committed itself yet."""
        kept, kept_time = self._kept[operator_id]
        # A stream that has just begun needs a cursor to be resumed from, or it would have to begin once more.
        return after == kept or (bool(kept.cursor) and self._clock.now() - kept_time < CURSOR_LAG)

    async def _one_by_one(
        self, operator_id: str, events: Sequence[OperatorEvent], after: _Position
    ) -> tuple[OperatorEvent, ...]:
        strays: list[OperatorEvent] = []
        for event in events:
            try:
                strays += await self._commit(operator_id, (event,))
            except StoreError:
                raise
            except Exception:  # noqa: BLE001 - it is told, and left out
                _log.exception("operator %s: event %s could not be applied", operator_id, event.event_id)
        await self._commit(operator_id, (), after.text())
        return tuple(strays)

    async def _keep(self, operator_id: str, strays: Sequence[OperatorEvent]) -> None:
        """Keep strays for a while: the binding whose watch they tell of may be committed at this very moment."""
        # Each operator has its own: none pushes out another's.
        kept, unheard = self._strays.setdefault(operator_id, OrderedDict()), []
        for event in strays:
            known = kept.get(event.watch_id, ())
            if not known:
                unheard.append(event)
            kept[event.watch_id] = (*known, event)[-STRAYS_OF_A_WATCH:]
            self._dropped[operator_id] += 1
            count = self._dropped[operator_id]
            if count & (count - 1) == 0:
                _log.info("operator %s: %d events so far were about numbers that nobody watches", operator_id, count)
        while len(kept) > KEPT_STRAYS:
            kept.popitem(last=False)
        if unheard:
            await self._commit(operator_id, tuple(unheard))

    async def _commit(
        self, operator_id: str, events: tuple[OperatorEvent, ...], position: str = ""
    ) -> tuple[OperatorEvent, ...]:
        """Apply events in one command, with the position behind them where there is one; return the strays."""
        watches = tuple({(operator_id, event.watch_id) for event in events})
        needs = Needs(watches=watches, streams=(operator_id,))
        taken = (await self._store.apply(_Take(operator_id, events, position, self._policies, needs))).value
        if taken.made_due:
            self.when_due()
        return taken.strays


def _nobody() -> None:
    """Tell nobody."""


async def _arrived(
    inbox: "asyncio.Queue[_Heard | Exception | None]",
) -> tuple[list[_Heard], Exception | bool]:
    """Wait for events; return those that are there, at most BATCH, and how the stream ended, False where it goes on."""
    heard: list[_Heard] = []
    item = await inbox.get()
    while True:
        if not isinstance(item, tuple):
            return heard, item or True
        heard.append(item)
        if len(heard) == BATCH or inbox.empty():
            return heard, False
        item = inbox.get_nowait()
