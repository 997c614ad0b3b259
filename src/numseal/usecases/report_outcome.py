"""Record what a relying party later learned of a verification or binding; it never changes a verdict by itself."""

from dataclasses import dataclass, replace

from numseal.domain import velocity
from numseal.domain.errors import invalid
from numseal.domain.report import Outcome, Report, add_report
from numseal.domain.velocity import Sighting
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.conclude import confirmation
from numseal.usecases.find_binding import find_binding
from numseal.usecases.find_verification import find_verification
from numseal.usecases.start_verification import check_request_id

CLOCK_SKEW = 60
"""Seconds by which a relying party's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class _Record:
    verification_id: str
    binding_id: str
    outcome: Outcome
    occur_time: int | None
    request_id: str
    sightings: tuple[Sighting, ...]

    @property
    def needs(self) -> Needs:
        return Needs(
            verifications=(self.verification_id,) if self.verification_id else (),
            bindings=(self.binding_id,) if self.binding_id else (),
            sightings=self.sightings,
        )

    def decide(self, rows: Rows) -> int:
        occurred = rows.now if self.occur_time is None else min(self.occur_time, rows.now)
        report = Report(self.outcome, occurred, rows.now, self.request_id)
        if self.verification_id:
            verification = rows.verification(self.verification_id)
            if verification is None:
                raise LookupError("the verification vanished while a report was being recorded")
            reported = replace(verification, reports=add_report(verification.reports, report))
            if reported != verification:
                rows.put_verification(reported)
        else:
            binding = rows.binding(self.binding_id)
            if binding is None:
                raise LookupError("the binding vanished while a report was being recorded")
            kept = replace(binding, reports=add_report(binding.reports, report))
            if kept != binding:
                rows.put_binding(kept)
        for sighting in self.sightings:
            rows.see(sighting)
        return rows.now


_AGAINST = frozenset({Outcome.FRAUD, Outcome.SPAM})


class ReportOutcome:
    """Records reports."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        """Take what it needs by name."""
        self._store = store
        self._clock = clock

    async def __call__(
        self,
        relying_party: str,
        *,
        verification_id: str = "",
        binding_id: str = "",
        outcome: Outcome,
        occur_time: int | None,
        request_id: str,
    ) -> int:
        """Return when the report was recorded; exactly one of the ids is set. Raises Refusal."""
        check_request_id(request_id)
        if occur_time is not None and occur_time > self._clock.now() + CLOCK_SKEW:
            raise invalid("occur_time", "OCCUR_TIME_IN_FUTURE", "occur_time: a time in the past is expected")
        if verification_id:
            verification = await find_verification(self._store, relying_party, verification_id)
            number, (_, key), story = verification.opening.phone_number, confirmation(verification), verification_id
        else:
            binding = await find_binding(self._store, relying_party, binding_id)
            number, key, story = binding.phone_number, binding.account_key, binding.verification_id
        sightings: list[Sighting] = []
        if outcome in _AGAINST:
            # A binding and the verification that made it are one story, told twice perhaps.
            sightings.append(velocity.report_of_number(relying_party, number, story))
            if key:
                sightings.append(velocity.report_of_device_key(relying_party, key, story))
        command = _Record(verification_id, binding_id, outcome, occur_time, request_id, tuple(sightings))
        return (await self._store.apply(command)).value
