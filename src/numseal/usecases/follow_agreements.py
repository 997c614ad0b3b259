"""Follow agreements: have the bindings under one that came into force, or is in force no more, attended to at once.

Attending is `recheck_bindings`': where no operator may be asked it ends the watch and says UNMONITORED, and where one
may be asked again it looks and watches. What a crash cut off here comes with each binding's own recheck.
"""

import asyncio
from collections.abc import Callable

from numseal.domain.agreement import AgreementRecord, Agreements, AgreementState
from numseal.domain.binding import Binding, Monitoring
from numseal.domain.errors import Refusal
from numseal.domain.limits import DAY
from numseal.ports.clock import Clock
from numseal.ports.store import Store
from numseal.usecases.take_events import MakeDue

PAGE = 256
"""Bindings that are looked at, and made due, at a time."""


class FollowAgreements:
    """Follows agreements; `run` is one task. Owns the sides whose bindings are to be attended to."""

    def __init__(self, *, store: Store, agreements: Agreements, clock: Clock, wake: Callable[[], None]) -> None:
        """Take what it needs by name; `wake` is called once bindings came due."""
        self._store = store
        self._agreements = agreements
        self._clock = clock
        self._wake = wake
        self._sides: dict[tuple[str, str], None] = {}
        self._changed = asyncio.Event()
        store.follow_agreements(self._take)

    def _take(self, record: AgreementRecord) -> None:
        self._sides[record.terms.relying_party, record.terms.operator_id] = None
        self._changed.set()

    async def run(self) -> None:
        """Follow until cancelled; changes of the last day are taken up again, since a crash may have cut them off."""
        now = self._clock.now()
        for record in self._agreements.records():
            if record.state is not AgreementState.ACTIVE and now - record.update_time < DAY:
                self._take(record)
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self.once()

    async def once(self) -> None:
        """Make the bindings due that changes since concern."""
        while self._sides:
            sides = next(iter(self._sides))
            del self._sides[sides]
            try:
                await self._attend(*sides)
            except BaseException:
                self._sides[sides] = None
                self._changed.set()
                raise

    async def _attend(self, relying_party: str, operator_id: str) -> None:
        after = ""
        while page := await self._store.operator_bindings(operator_id, after, PAGE):
            after = page[-1].binding_id
            due = tuple(
                binding.binding_id
                for binding in page
                if binding.relying_party == relying_party and self._concerned(binding)
            )
            if due:
                await self._store.apply(MakeDue(due))
                self._wake()

    def _concerned(self, binding: Binding) -> bool:
        """Tell whether a binding is followed though nobody may be asked, or is not though somebody may."""
        try:
            self._agreements.in_force(
                binding.relying_party, binding.operator_id, self._clock.now(), consent=binding.consent_reference
            )
        except Refusal:
            return binding.monitoring is not Monitoring.UNMONITORED
        return binding.monitoring is Monitoring.UNMONITORED
