"""Ask the operator about a bound number now, on its relying party's word."""

import hashlib
import json
from dataclasses import dataclass

from numseal.domain.agreement_quota import Charge
from numseal.domain.binding import LIVE, Binding, Monitoring
from numseal.domain.errors import Kind, Reasoning, Refusal, invalid, precondition, unavailable
from numseal.domain.limits import Budget, Limits, refresh_budget
from numseal.domain.monitoring import at
from numseal.domain.verdict import Finding
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Recall, Rows, Store
from numseal.usecases.find_binding import find_binding
from numseal.usecases.flights import Flights
from numseal.usecases.look_again import Ask, LookAgain
from numseal.usecases.operator_access import OperatorAccess, count_charges
from numseal.usecases.start_verification import check_request_id
from numseal.usecases.stream_health import StreamHealth

MAX_REFERENCE = 255
RETRY_DELAY = 5
"""Seconds after which to ask again where the operator did not answer."""

Refreshed = tuple[Binding, tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class Refresh:
    """What is asked; `max_age` in seconds, None to ask the operator in any case."""

    binding_id: str
    max_age: int | None = None
    consent_reference: str = ""
    request_id: str = ""

    @property
    def digest(self) -> str:
        """The hash of what is asked, apart from the request's id."""
        body = json.dumps(["refresh", self.binding_id, self.max_age, self.consent_reference])
        return hashlib.sha256(body.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Recalled:
    """Tell whether the request was answered before; raises Refusal where the id stands for another one."""

    relying_party: str
    wish: Refresh

    @property
    def needs(self) -> Needs:
        return Needs(requests=((self.relying_party, self.wish.request_id),))

    def decide(self, rows: Rows) -> Recall | None:
        recall = rows.recall(self.relying_party, self.wish.request_id)
        if recall is not None and recall.body_hash != self.wish.digest:
            raise Refusal(
                Reasoning(Kind.ALREADY_EXISTS, "REQUEST_ID_REUSED", field="request_id"),
                "request_id: was used for another request within 24 hours",
            )
        return recall


@dataclass(frozen=True, slots=True)
class _Count:
    """Count a lookup before the operator is asked, and billed for."""

    budget: Budget
    charges: tuple[Charge, ...]

    @property
    def needs(self) -> Needs:
        return Needs(budgets=(self.budget, *(charge.budget for charge in self.charges)))

    def decide(self, rows: Rows) -> None:
        if rows.spent(self.budget) >= self.budget.limit:
            raise self.budget.refuse(rows.now)
        count_charges(rows, self.charges)
        rows.spend(self.budget)


class RefreshBinding:
    """Refreshes bindings."""

    def __init__(
        self,
        *,
        store: Store,
        look_again: LookAgain,
        access: OperatorAccess,
        limits: Limits,
        clock: Clock,
        health: StreamHealth,
        flights: Flights,
    ) -> None:
        """Take what it needs by name."""
        self._store = store
        self._look_again = look_again
        self._access = access
        self._limits = limits
        self._clock = clock
        self._health = health
        self._flights = flights

    async def __call__(self, relying_party: str, wish: Refresh) -> Refreshed:
        """Return the binding and what the lookup found.

        A request id that was answered within 24 hours gets the binding as it stands and what lookups have found so far.
        Raises Refusal: for a binding that is not live, without an agreement, and UNAVAILABLE where the operator does
        not answer; then nothing has changed.
        """
        _check(wish)
        found = await find_binding(self._store, relying_party, wish.binding_id)
        if wish.request_id and (await self._store.apply(_Recalled(relying_party, wish))).value is not None:
            return found, tuple(item for item in found.findings if item.evidence[0].startswith("recheck."))
        now = self._clock.now()
        current = at(found, now)
        if current.state not in LIVE:
            state = current.state
            raise precondition(f"BINDING_{state}", f"the binding is {state}; only a live one can be refreshed")
        if wish.max_age is not None and now - self._observed(current) <= wish.max_age:
            return current, ()
        return await self._flights.join(
            f"refresh {current.binding_id} {wish.request_id}", lambda: self._ask(current, wish)
        )

    def _observed(self, binding: Binding) -> int:
        stream = self._health.streams.get(binding.operator_id)
        if binding.monitoring is not Monitoring.WATCHED or stream is None:
            return binding.observed_time
        return stream.observed(binding.observed_time)

    async def _ask(self, binding: Binding, wish: Refresh) -> Refreshed:
        now = self._clock.now()
        consent = wish.consent_reference or binding.consent_reference
        agreement = self._access.agreement(binding.relying_party, binding.operator_id, consent=consent)
        charges = await self._access.lookups(agreement)
        await self._store.apply(_Count(refresh_budget(self._limits, binding.binding_id), charges))
        # Something else may have been decided while that was counted.
        agreement = self._access.agreement(binding.relying_party, binding.operator_id, consent=consent)
        looked = await self._look_again(
            binding,
            Ask(
                # Not the relying party's own id: an operator's answer from hours ago would pass for one of now.
                request_id=f"{binding.binding_id}-refresh-{now}",
                agreement=agreement,
                consent_reference=wish.consent_reference,
                request=(wish.request_id, wish.digest) if wish.request_id else None,
            ),
        )
        if looked.failure:
            reason = f"the operator did not answer ({looked.failure}); nothing has changed"
            raise unavailable("OPERATOR_UNANSWERED", reason, retry_delay=RETRY_DELAY)
        return looked.binding, looked.findings


def _check(wish: Refresh) -> None:
    check_request_id(wish.request_id)
    if wish.max_age is not None and wish.max_age < 0:
        raise invalid("max_age", "MAX_AGE_NEGATIVE", "max_age: a duration of 0 or more is expected")
    if len(wish.consent_reference.encode()) > MAX_REFERENCE:
        raise invalid(
            "consent_reference",
            "CONSENT_REFERENCE_TOO_LONG",
            f"consent_reference: at most {MAX_REFERENCE} bytes are expected",
        )
