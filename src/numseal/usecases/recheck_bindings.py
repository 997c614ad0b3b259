"""Look bound numbers up again as their time comes, within what their operators can bear, and end what has expired."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from numseal.domain.agreement import Agreement
from numseal.domain.binding import LIVE, Binding
from numseal.domain.errors import Refusal
from numseal.domain.monitoring import at
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Rows, Store, StoreError
from numseal.usecases.look_again import Ask, LookAgain, Looked
from numseal.usecases.operator_access import OperatorAccess
from numseal.usecases.watch_number import WatchNumber

PAGE = 256
"""Due bindings that are read at a time."""

GATHERING = 0.1
"""Seconds in which changes of bindings gather before it is looked whether one is due."""

FIRST_RETRY, LAST_RETRY = 60, 3_600
"""Seconds until a number is asked about again, doubled with each time in a row that its operator did not answer."""

_FAR = 2**62

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Pass:
    """Let time pass for bindings that have come to an end, or to that of a contest."""

    names: tuple[str, ...]

    @property
    def needs(self) -> Needs:
        return Needs(bindings=self.names)

    def decide(self, rows: Rows) -> None:
        for name in self.names:
            binding = rows.binding(name)
            if binding is not None and (after := at(binding, rows.now)) is not binding:
                rows.put_binding(after)


@dataclass(frozen=True, slots=True)
class _PutOff:
    """Make bindings due at later times."""

    times: dict[str, int]

    @property
    def needs(self) -> Needs:
        return Needs(bindings=tuple(self.times))

    def decide(self, rows: Rows) -> None:
        for name, time in self.times.items():
            binding = rows.binding(name)
            if binding is not None and binding.state in LIVE:
                rows.put_binding(replace(binding, recheck_time=min(time, binding.expire_time)))


class RecheckBindings:
    """Attends to due bindings; `run` is one task.

    Owns the lookups under way, what each operator was asked in this second, and how often in a row each has not
    answered.
    """

    def __init__(
        self,
        *,
        store: Store,
        watch: WatchNumber,
        look_again: LookAgain,
        access: OperatorAccess,
        clock: Clock,
        per_operator_second: int,
    ) -> None:
        """Take what it needs by name; `per_operator_second` bounds the lookups."""
        self._store = store
        self._watch = watch
        self._look_again = look_again
        self._access = access
        self._clock = clock
        self._rate = per_operator_second
        self._second = 0
        self._asked: Counter[str] = Counter()
        self._silent: Counter[str] = Counter()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Have it looked again whether bindings are due: some came due earlier, and no change tells that."""
        self._woken.set()

    async def run(self) -> None:
        """Attend to bindings as they come due, until cancelled."""
        try:
            while True:
                newest = self._store.change_bounds()[1]
                self._woken.clear()
                if not await self.begin():
                    await self._wait(newest)
                self._finish()
        finally:
            for task in (left := list(self._under_way.values())):
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self._under_way.clear()

    async def begin(self) -> int:
        """Begin to attend to a page of what is due now; return how many bindings that were."""
        now = self._clock.now()
        page = await self._store.due_bindings(now, PAGE + len(self._under_way))
        due = [binding for binding in page if binding.binding_id not in self._under_way]
        passed = tuple(binding.binding_id for binding in due if at(binding, now) is not binding)
        if passed:
            await self._store.apply(_Pass(passed))
        # One whose contest ended is due like any other; one that expired is due no more.
        present, later = self._within_budget([binding for binding in due if now < binding.expire_time], now)
        if later:
            await self._store.apply(_PutOff(later))
        for binding in present:
            self._under_way[binding.binding_id] = asyncio.create_task(self._attend(binding))
        return len(due)

    async def finish(self) -> None:
        """Wait until nothing is under way."""
        if self._under_way:
            await asyncio.wait(list(self._under_way.values()))
        self._finish()

    def _finish(self) -> None:
        """Forget what has been done; raise what kept it from being done."""
        for name, task in list(self._under_way.items()):
            if task.done():
                del self._under_way[name]
                task.result()

    def _within_budget(self, due: Sequence[Binding], now: int) -> tuple[list[Binding], dict[str, int]]:
        """Return what may be asked about in this second, and when the rest may, by binding id."""
        if now != self._second:
            self._second = now
            self._asked.clear()
        present, later = [], {}
        for binding in due:
            turn = self._asked[binding.operator_id] // self._rate
            self._asked[binding.operator_id] += 1
            if turn:
                later[binding.binding_id] = now + turn
            else:
                present.append(binding)
        return present, later

    async def _attend(self, binding: Binding) -> None:
        try:
            await self._look(binding)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - one that cannot be attended to must not keep the others waiting
            _log.exception("binding %s could not be looked up again", binding.binding_id)
            await self._store.apply(_PutOff({binding.binding_id: self._clock.now() + LAST_RETRY}))

    async def _look(self, binding: Binding) -> None:
        """Watch first, then look: what happens after the look comes through the watch."""
        agreement = self._watch.agreement(binding)
        current, followed = await self._watch(binding, schedule=agreement is None)
        if agreement is not None and current.state in LIVE:
            agreement = await self._permitted(current)
        if agreement is not None and current.state in LIVE:
            now = self._clock.now()
            ask = Ask(
                request_id=f"{binding.binding_id}-recheck-{now}",
                agreement=agreement,
                due=followed.due,
                retry=min(FIRST_RETRY << min(self._silent[binding.operator_id], 16), LAST_RETRY),
            )
            looked = await self._look_again(current, ask)
            self._count(binding.operator_id, looked)
            current = looked.binding
        if current.watch_id != binding.watch_id:
            await self._watch.release(binding)

    async def _permitted(self, binding: Binding) -> Agreement | None:
        """Return the agreement to ask under once the lookup is counted; None, and put off, where none is to be made."""
        agreement, delay = self._watch.agreement(binding), 0
        if agreement is not None:
            try:
                await self._access.count(await self._access.lookups(agreement))
                agreement = self._watch.agreement(binding)
            except Refusal as refusal:
                agreement, delay = None, refusal.reasoning.retry_delay or LAST_RETRY
        if agreement is None:
            await self._store.apply(_PutOff({binding.binding_id: self._clock.now() + delay}))
        return agreement

    def _count(self, operator_id: str, looked: Looked) -> None:
        if looked.failure:
            self._silent[operator_id] += 1
        else:
            del self._silent[operator_id]

    async def _wait(self, newest: int) -> None:
        """Wait until the next binding is due or a lookup is done, or a change may have made one due earlier."""
        upcoming = await self._store.due_bindings(_FAR, 1 + len(self._under_way))
        changed = asyncio.create_task(self._store.changed(newest))
        waits: list[asyncio.Task[Any]] = [changed, asyncio.create_task(self._woken.wait())]
        times = [binding.recheck_time for binding in upcoming if binding.binding_id not in self._under_way]
        if times:
            waits.append(asyncio.create_task(self._clock.sleep_until(times[0])))
        try:
            done, _ = await asyncio.wait([*waits, *self._under_way.values()], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        if changed in done:
            await asyncio.sleep(GATHERING)
