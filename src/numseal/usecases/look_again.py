"""Look a bound number up again and apply what its operator says."""

from dataclasses import dataclass, replace

from numseal.domain.agreement import Agreement
from numseal.domain.binding import LIVE, Binding, Monitoring
from numseal.domain.binding_effect import UNANSWERED, with_finding
from numseal.domain.evidence import Lookup, LookupOutcome
from numseal.domain.monitoring import after_lookup, at, next_recheck
from numseal.domain.operator import LookupRequest, Phase, since_binding
from numseal.domain.policy import MonitoringSetting, Policies
from numseal.domain.verdict import Finding
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Recall, Rows, Store
from numseal.usecases.look_up import LookUp

SETTLED = 60
"""Seconds after an observation from which a number that is said to have moved is followed at once.

Two operators that each say the other has it are not asked over and over.
"""

MOVING = 600
"""Seconds after which it is followed otherwise."""


@dataclass(frozen=True, slots=True)
class Ask:
    """How to ask, and what for.

    `due` is by when the number must be looked up again at the latest. `retry` is after how many seconds where the
    operator does not answer, None where that is nobody's concern. `request` is the relying party's request id and the
    hash of its body, remembered with the answer.
    """

    request_id: str
    agreement: Agreement
    consent_reference: str = ""
    due: int | None = None
    retry: int | None = None
    request: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """The binding after the lookup, what was found, and why the operator did not answer, empty where it did."""

    binding: Binding
    findings: tuple[Finding, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class _Apply:
    """Apply a lookup of the operator that the binding had when it was asked."""

    binding: Binding
    lookup: Lookup
    setting: MonitoringSetting
    ask: Ask

    @property
    def needs(self) -> Needs:
        request = () if self.ask.request is None else ((self.binding.relying_party, self.ask.request[0]),)
        return Needs(bindings=(self.binding.binding_id,), requests=request)

    def decide(self, rows: Rows) -> Looked:
        stored = rows.binding(self.binding.binding_id)
        current = self.binding if stored is None else at(stored, rows.now)
        if stored is None or current.state not in LIVE or current.operator_id != self.binding.operator_id:
            return Looked(current)
        if self.lookup.outcome is LookupOutcome.UNANSWERED:
            if self.ask.retry is not None:
                due = min(rows.now + self.ask.retry, current.expire_time)
                rows.put_binding(replace(with_finding(current, UNANSWERED.upon("recheck.lookup")), recheck_time=due))
            return Looked(current, failure=self.lookup.failure)
        after, findings = after_lookup(current, self.lookup, rows.now, self.setting.reverify)
        after = replace(after, recheck_time=self._due(current, after, rows.now))
        rows.put_binding(after, *findings)
        if self.ask.request is not None:
            request_id, digest = self.ask.request
            rows.remember(after.relying_party, request_id, Recall(digest, after.binding_id))
        return Looked(after, findings)

    def _due(self, current: Binding, after: Binding, now: int) -> int:
        watched = after.monitoring is Monitoring.WATCHED
        due = next_recheck(after, self.setting.recheck_watched if watched else self.setting.recheck_polled, now)
        if after.operator_id != current.operator_id:
            return min(due, now if now - current.observed_time >= SETTLED else now + MOVING)
        return due if self.ask.due is None else min(due, self.ask.due)


class LookAgain:
    """Looks bound numbers up."""

    def __init__(self, *, store: Store, look_up: LookUp, policies: Policies, clock: Clock) -> None:
        """Take what it needs by name."""
        self._store = store
        self._look_up = look_up
        self._policies = policies
        self._clock = clock

    async def __call__(self, binding: Binding, ask: Ask) -> Looked:
        """Ask the binding's operator and return the binding with what that changed; it also sets when it is due next.

        Where the operator does not answer, nothing that anybody relies on changes.
        """
        request = LookupRequest(
            request_id=ask.request_id,
            phone_number=binding.phone_number,
            phase=Phase.RECHECK,
            agreement_id=ask.agreement.agreement_id,
            signals=ask.agreement.signals,
            purpose=binding.purpose,
            since_time=since_binding(binding.verified_time, self._clock.now()),
            consent_reference=ask.consent_reference or binding.consent_reference,
        )
        lookup = await self._look_up(binding.operator_id, request)
        if lookup.outcome is LookupOutcome.PORTED:
            lookup = replace(lookup, ported_to=await self._look_up.carried_to(lookup))
        setting = self._policies.for_party(binding.relying_party).monitoring
        return (await self._store.apply(_Apply(binding, lookup, setting, ask))).value
