"""Assess a verification whose code was right: look again, reach the verdict, bind, attest."""

from dataclasses import dataclass, replace

from numseal.attestation.bundle import Bundle
from numseal.domain import binding as bindings
from numseal.domain.binding import Binding, BindingState
from numseal.domain.evidence import (
    Evidence,
    Facts,
    Lookup,
    LookupOutcome,
    Possession,
    PreviousBinding,
    facts_of,
)
from numseal.domain.log import AttestationRecord
from numseal.domain.operator import LookupRequest, Phase
from numseal.domain.policy import Policies
from numseal.domain.verdict import Decision, Finding, Severity, Verdict
from numseal.domain.verdicts import evaluate
from numseal.domain.verification import Event, State, Verification
from numseal.ports.clock import Clock
from numseal.ports.entropy import Entropy
from numseal.ports.store import Needs, Rows, Store
from numseal.usecases.device_key import device_key_thumbprint
from numseal.usecases.flights import Flights
from numseal.usecases.issue import Issue
from numseal.usecases.look_up import LookUp


@dataclass(frozen=True, slots=True)
class _Concluded:
    verification: Verification
    record: AttestationRecord | None = None


@dataclass(frozen=True, slots=True)
class _Conclude:
    """Reach the verdict over what is stored now, and bind and attest where it is ACCEPT.

    Whether the number is held already comes from the store, never from what the relying party declared.
    """

    assess: "Assess"
    verification: Verification
    after: Lookup
    binding_id: str
    jti: str
    evidence_salt: bytes

    @property
    def needs(self) -> Needs:
        opening = self.verification.opening
        return Needs(
            verifications=(self.verification.verification_id,),
            subjects=((opening.relying_party, opening.phone_number),),
            bindings=(opening.replaces_binding,) if opening.replaces_binding else (),
        )

    def decide(self, rows: Rows) -> _Concluded:
        current = rows.verification(self.verification.verification_id)
        if current is None:
            raise LookupError("the verification vanished while it was being assessed")
        current = current.at(rows.now)
        if current.state is not State.ASSESSING:
            return _Concluded(current)
        opening = current.opening
        held = rows.live_binding(opening.relying_party, opening.phone_number)
        # A binding past its time vouches for nobody, so it contests nothing; it ends when another takes its place.
        holder = held if held is not None and rows.now < held.expire_time else None
        evidence = _evidence(current, self.after, holder, rows.now)
        verdict = self.assess.judge(current, evidence)
        if verdict.decision is Decision.REJECT:
            return self._end(rows, current.on(Event.REJECTED, rows.now, verdict=verdict))
        if holder is not None and holder.account_id != opening.account_id:
            rows.put_binding(replace(holder, contested_time=rows.now))
            contested = current.on(Event.CONFLICT, rows.now, verdict=verdict, contested_binding=holder.binding_id)
            return self._end(rows, contested)
        if verdict.decision is Decision.STEP_UP:
            return self._end(rows, current.on(Event.STEP_UP, rows.now, verdict=verdict))
        return self._bind(rows, current, evidence, verdict, held)

    def _end(self, rows: Rows, verification: Verification) -> _Concluded:
        rows.put_verification(verification)
        return _Concluded(verification)

    def _bind(
        self, rows: Rows, current: Verification, evidence: Evidence, verdict: Verdict, holder: Binding | None
    ) -> _Concluded:
        opening = current.opening
        replaced = rows.binding(opening.replaces_binding) if opening.replaces_binding else None
        ending = {old.binding_id: old for old in (holder, replaced) if old is not None and old.state in bindings.LIVE}
        for old in ending.values():
            rows.put_binding(
                replace(
                    old,
                    state=BindingState.SUPERSEDED,
                    superseded_by=self.binding_id,
                    end_time=rows.now,
                    end_reason="SUPERSEDED",
                )
            )
        jwk, thumbprint = self.assess.confirmation(current)
        binding = Binding(
            binding_id=self.binding_id,
            relying_party=opening.relying_party,
            account_id=opening.account_id,
            phone_number=opening.phone_number,
            state=BindingState.ACTIVE,
            level=verdict.level,
            method=current.accepted_method or opening.method,
            operator_id=opening.operator_id,
            verification_id=current.verification_id,
            jti=self.jti,
            leaf_index=-1,
            verified_time=rows.now,
            observed_time=_observed(evidence),
            expire_time=rows.now + bindings.LIFETIME,
            facts=_facts(evidence),
            purpose=opening.purpose.value,
            region_code=opening.region_code,
            account_key=thumbprint,
            supersedes=tuple(ending),
        )
        record, entry = self.assess.issue.compose(
            binding,
            verdict,
            evidence,
            subject_key=rows.subject_key(opening.relying_party, opening.phone_number),
            evidence_salt=self.evidence_salt,
            confirmation_jwk=jwk,
            superseded_jti=next((old.jti for old in ending.values()), ""),
        )
        index = rows.attest(record, entry)
        rows.put_binding(replace(binding, leaf_index=index))
        verified = current.on(
            Event.ACCEPTED,
            rows.now,
            verdict=verdict,
            binding_id=self.binding_id,
            jti=self.jti,
            supersedes=tuple(ending),
        )
        rows.put_verification(verified)
        return _Concluded(verified, record)


class Assess:
    """Assesses verifications, once each, however many ask."""

    def __init__(
        self,
        *,
        store: Store,
        look_up: LookUp,
        policies: Policies,
        issue: Issue,
        clock: Clock,
        entropy: Entropy,
        flights: Flights,
    ) -> None:
        """Take what it needs by name."""
        self._store = store
        self._look_up = look_up
        self._policies = policies
        self.issue = issue
        self._clock = clock
        self._entropy = entropy
        self._flights = flights

    async def __call__(self, verification: Verification) -> tuple[Verification, Bundle | None]:
        """Return the verification as it stands, assessed first where it is ASSESSING, and its bundle once VERIFIED."""
        present = verification.at(self._clock.now())
        if present.state is State.ASSESSING:
            return await self._flights.join(f"assess {present.verification_id}", lambda: self._run(present))
        if present.state is State.VERIFIED:
            return present, await self.issue.bundle(present.jti)
        return present, None

    async def _run(self, verification: Verification) -> tuple[Verification, Bundle | None]:
        opening = verification.opening
        request = LookupRequest(
            # Asked anew after a crash, not answered from memory: it is the present that counts.
            request_id=f"{verification.verification_id}-after-{self._clock.now()}",
            phone_number=opening.phone_number,
            phase=Phase.AFTER,
            agreement_id=opening.agreement_id,
            purpose=opening.purpose.value,
            consent_reference=opening.consent_reference,
        )
        after = await self._look_up(opening.operator_id, request)
        command = _Conclude(
            self,
            verification,
            after,
            self._entropy.identifier(),
            self._entropy.identifier(),
            self._entropy.bytes(32),
        )
        applied = await self._store.apply(command)
        concluded = applied.value
        if concluded.record is not None:
            bundle = await self.issue.bundle(concluded.verification.jti, applied.leaves[0], concluded.record)
            return concluded.verification, bundle
        if concluded.verification.state is State.VERIFIED:
            return concluded.verification, await self.issue.bundle(concluded.verification.jti)
        return concluded.verification, None

    def judge(self, verification: Verification, evidence: Evidence) -> Verdict:
        """Reach the verdict under the policy that the verification began with, and hold it to the level required."""
        opening = verification.opening
        verdict = evaluate(evidence, self._policies.of(opening.policy_digest))
        if verdict.decision is not Decision.ACCEPT or verdict.level >= opening.required_level:
            return verdict
        finding = Finding(
            "LEVEL_BELOW_REQUIRED",
            Severity.SEVERE,
            f"The level reached is {verdict.level.name}; the relying party requires {opening.required_level.name}.",
        )
        return replace(verdict, decision=Decision.STEP_UP, findings=(*verdict.findings, finding))

    def confirmation(self, verification: Verification) -> tuple[dict[str, str] | None, str]:
        """Return the account's key and its thumbprint where the account proved that it holds it."""
        if not verification.key_proven:
            return None, ""
        return device_key_thumbprint(verification.opening.client.device_public_key_jwk)


def _evidence(current: Verification, after: Lookup, holder: Binding | None, now: int) -> Evidence:
    opening = current.opening
    if current.before is None or current.accepted_method is None:
        raise LookupError("a verification is ASSESSING without a lookup before the code and an accepted code")
    previous = None
    if holder is not None:
        previous = PreviousBinding(
            binding_id=holder.binding_id,
            same_account=holder.account_id == opening.account_id,
            verified_time=holder.verified_time,
            facts=holder.facts,
        )
    return Evidence(
        phone_number=opening.phone_number,
        routed_operator=opening.operator_id,
        time=now,
        before=current.before,
        after=after,
        possession=Possession(current.accepted_method, current.accepted_sent_time, current.accepted_time),
        previous=previous,
        before_resend=current.before_resend,
    )


def _newest(evidence: Evidence) -> Lookup | None:
    for lookup in (evidence.after, evidence.before):
        if lookup is not None and lookup.outcome is LookupOutcome.SUBSCRIBER:
            return lookup
    return None


def _facts(evidence: Evidence) -> Facts:
    lookup = _newest(evidence)
    if lookup is None:
        return Facts(operator_id=evidence.routed_operator, observed_time=evidence.time)
    return facts_of(lookup)


def _observed(evidence: Evidence) -> int:
    """Return when the operator last answered; a right code alone is an observation of the code's time."""
    lookup = _newest(evidence)
    if lookup is not None:
        return lookup.time
    return evidence.possession.shown_time if evidence.possession else evidence.time
