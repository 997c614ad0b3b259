"""Have the operator of a bound number tell what happens to it, for as long as a binding needs that."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from numseal.domain.agreement import Agreement
from numseal.domain.binding import LIVE, Binding, Monitoring
from numseal.domain.errors import Refusal
from numseal.domain.monitoring import next_recheck
from numseal.domain.operator import TELLING, WATCHED_KINDS, EventKind, WatchOrder
from numseal.domain.policy import Policies
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.operator_access import OperatorAccess
from numseal.usecases.take_events import TakeEvents

TIMEOUT = 3.0
"""Seconds an operator has to begin or end a watch."""

RETRY = 600
"""Seconds until a number is due again whose operator could have watched it and did not."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Followed:
    """How a number is followed from now on; `due` is by when it must be looked up at the latest, if anything asks that.

    `agreement_id` is empty where no operator may be asked, or none is there to be asked.
    """

    monitoring: Monitoring
    watch_id: str = ""
    agreement_id: str = ""
    due: int | None = None


@dataclass(frozen=True, slots=True)
class _Follow:
    """Write down how a binding is followed, unless it ended or moved in the meantime."""

    binding: Binding
    followed: Followed
    period: int
    schedule: bool

    @property
    def needs(self) -> Needs:
        return Needs(bindings=(self.binding.binding_id,))

    def decide(self, rows: Rows) -> Binding:
        current = rows.binding(self.binding.binding_id)
        if current is None or current.state not in LIVE or current.operator_id != self.binding.operator_id:
            return current or self.binding
        due = current.recheck_time
        if self.schedule:
            due = next_recheck(current, self.period, rows.now)
            due = due if self.followed.due is None else min(due, self.followed.due)
        followed = replace(
            current,
            monitoring=self.followed.monitoring,
            watch_id=self.followed.watch_id,
            agreement_id=self.followed.agreement_id or current.agreement_id,
            recheck_time=due,
        )
        if followed != current:
            rows.put_binding(followed)
        return followed


@dataclass(frozen=True, slots=True)
class _Needed:
    """Tell whether a live binding needs the watch that another one had, or is about to take it over."""

    ended: Binding

    @property
    def needs(self) -> Needs:
        return Needs(
            watches=((self.ended.operator_id, self.ended.watch_id),),
            subjects=((self.ended.relying_party, self.ended.phone_number),),
        )

    def decide(self, rows: Rows) -> bool:
        if rows.watched(self.ended.operator_id, self.ended.watch_id):
            return True
        live = rows.live_binding(self.ended.relying_party, self.ended.phone_number)
        if live is None or live.binding_id == self.ended.binding_id:
            return False
        return live.operator_id == self.ended.operator_id


class WatchNumber:
    """Begins and ends watches. Owns a lock a number, so that a watch that begins is not ended by one that ends."""

    def __init__(
        self,
        *,
        store: Store,
        ask: AskOperator,
        access: OperatorAccess,
        policies: Policies,
        clock: Clock,
        events: TakeEvents,
        operators: Collection[str],
        watch: bool = True,
    ) -> None:
        """Take what it needs by name; `operators` are those connected, `watch` False has all of them polled."""
        self._store = store
        self._ask = ask
        self._access = access
        self._policies = policies
        self._clock = clock
        self._events = events
        self._operators = frozenset(operators)
        self._watch = watch
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, binding: Binding, *, schedule: bool) -> tuple[Binding, Followed]:
        """Have a live binding's number watched where that can be had; return the binding and how it is followed now.

        `schedule` also sets when it is due next. A binding that had a watch keeps it, or gets another one.
        """
        async with self._lock(binding):
            followed = await self._follow(binding)
            monitoring = self._policies.for_party(binding.relying_party).monitoring
            watched = followed.monitoring is Monitoring.WATCHED
            period = monitoring.recheck_watched if watched else monitoring.recheck_polled
            after = (await self._store.apply(_Follow(binding, followed, period, schedule))).value
        if watched:
            await self._events.claim(binding.operator_id, followed.watch_id)
        return after, followed

    async def release(self, ended: Binding) -> None:
        """End the watch that a binding had, unless another one needs it; nothing where it had none."""
        if not ended.watch_id:
            return
        async with self._lock(ended):
            if (await self._store.apply(_Needed(ended))).value:
                return
            request_id = f"{ended.binding_id}-unwatch-{self._clock.now()}"
            reason = await self._ask.unwatch(ended.operator_id, request_id, ended.watch_id, TIMEOUT)
        if reason:
            _log.warning("operator %s: a watch that nobody needs may go on: %s", ended.operator_id, reason)

    async def _follow(self, binding: Binding) -> Followed:
        agreement = self.agreement(binding)
        if agreement is None:
            return Followed(Monitoring.UNMONITORED)
        polled = Followed(Monitoring.POLLED, agreement_id=agreement.agreement_id)
        if not self._watch:
            return polled
        capabilities = await self._ask.capabilities(binding.operator_id)
        retry = replace(polled, due=self._clock.now() + RETRY)
        if capabilities is None:
            return retry
        if not set(capabilities.events) >= TELLING:
            return polled
        return await self._begin(binding, agreement, capabilities.events) or retry

    async def _begin(self, binding: Binding, agreement: Agreement, events: tuple[EventKind, ...]) -> Followed | None:
        """Have the operator watch, counted before; None where that is not to be had now."""
        try:
            await self._access.watch(agreement)
        except Refusal as refusal:
            _log.info("operator %s is not asked to watch a number: %s", binding.operator_id, refusal.message)
            return None
        present = self.agreement(binding)
        if present is None:
            return Followed(Monitoring.UNMONITORED)
        order = WatchOrder(
            request_id=f"{binding.binding_id}-watch-{self._clock.now()}",
            phone_number=binding.phone_number,
            agreement_id=present.agreement_id,
            kinds=tuple(kind for kind in WATCHED_KINDS if kind in events),
            # It ends with the agreement, whatever becomes of us.
            expire_time=present.valid_until,
        )
        watch, _ = await self._ask.watch(binding.operator_id, order, TIMEOUT)
        if watch is None:
            return None
        return Followed(Monitoring.WATCHED, watch.watch_id, present.agreement_id, watch.expire_time)

    def agreement(self, binding: Binding) -> Agreement | None:
        """Return the agreement under which the number's operator may be asked now, None where there is none.

        An operator that is not connected is asked under none.
        """
        if binding.operator_id not in self._operators:
            return None
        try:
            return self._access.agreement(binding.relying_party, binding.operator_id, consent=binding.consent_reference)
        except Refusal:
            return None

    def _lock(self, binding: Binding) -> asyncio.Lock:
        key = (binding.operator_id, binding.phone_number)
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock
