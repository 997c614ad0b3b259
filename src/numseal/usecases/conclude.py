"""Conclude a verification: evidence to verdict over what is stored now, and the binding with its attestation.

One command, decided within a batch: whether the number is held already comes from the store, never from what the
relying party declared, and what was seen together is counted with it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from numseal.domain import binding as bindings
from numseal.domain import velocity, ways
from numseal.domain.binding import Binding, BindingState
from numseal.domain.evidence import (
    Answer,
    Evidence,
    Facts,
    Grant,
    Lookup,
    LookupOutcome,
    Method,
    PreviousBinding,
    Signal,
    Velocity,
    facts_of,
)
from numseal.domain.limits import RANGE_DIGITS
from numseal.domain.log import AttestationRecord
from numseal.domain.policy import Policy
from numseal.domain.rules.waiting import waited_out
from numseal.domain.velocity import Sighting
from numseal.domain.verdict import Decision, Severity, Verdict
from numseal.domain.verdicts import evaluate
from numseal.domain.verification import Event, State, Verification
from numseal.ports.store import Needs, Rows
from numseal.usecases.device_key import device_key_thumbprint
from numseal.usecases.issue import Issue
from numseal.usecases.start_verification import limited_network

_FRAUD = frozenset({"FRAUD_SUSPECTED", "BARRED_FOR_FRAUD", "BARRED_AS_LOST"})
_SIM_CHANGED = frozenset({"SIM_CHANGED_SINCE_BINDING", "PORTED_SINCE_BINDING"})


@dataclass(frozen=True, slots=True)
class Concluded:
    """The verification after the verdict, and the attestation where there is one."""

    verification: Verification
    record: AttestationRecord | None = None


@dataclass(frozen=True, slots=True)
class Operator:
    """What is known of the operator now: its networks as "MCC-MNC" and the methods it offers; empty for not known."""

    plmns: tuple[str, ...] = ()
    methods: tuple[Method, ...] = ()


@dataclass(frozen=True, slots=True)
class Fresh:
    """Identifiers and salt for what a conclusion may make."""

    binding_id: str
    jti: str
    evidence_salt: bytes


@dataclass(frozen=True, slots=True)
class Conclude:
    """Reach the verdict, and bind and attest where it is ACCEPT."""

    verification: Verification
    after: Lookup
    operator: Operator
    app_opens_pages: bool
    policy: Policy
    issue: Issue
    fresh: Fresh

    @property
    def needs(self) -> Needs:
        """The verification, its number and what is counted with it."""
        opening = self.verification.opening
        return Needs(
            verifications=(self.verification.verification_id,),
            subjects=((opening.relying_party, opening.phone_number),),
            bindings=(opening.replaces_binding,) if opening.replaces_binding else (),
            sightings=(*self._sightings().values(), *self._reports().values()),
        )

    def decide(self, rows: Rows) -> Concluded:
        """Conclude what is ASSESSING; anything else stays as it is."""
        current = rows.verification(self.verification.verification_id)
        if current is None:
            raise LookupError("the verification vanished while it was being assessed")
        current = current.at(rows.now)
        if current.state is not State.ASSESSING:
            return Concluded(current)
        opening = current.opening
        counted = Velocity(
            **{name: rows.see(sighting) for name, sighting in self._sightings().items()},
            **{name: rows.seen(sighting) for name, sighting in self._reports().items()},
        )
        current = replace(current, after=self.after, velocity=counted)
        held = rows.live_binding(opening.relying_party, opening.phone_number)
        # A binding past its time vouches for nobody, so it contests nothing; it ends when another takes its place.
        holder = held if held is not None and rows.now < held.expire_time else None
        evidence, verdict = self._judge(current, holder, rows.now)
        contested = holder is not None and holder.account_id != opening.account_id
        if contested and _operator_confirms(verdict) and Answer.NEW_SUBSCRIBER in self.policy.contest_ways:
            contested = False
            current = replace(current, grants=(*current.grants, Grant(Answer.NEW_SUBSCRIBER, rows.now)))
            evidence, verdict = self._judge(current, holder, rows.now)
        if verdict.decision is Decision.REJECT:
            return _end(rows, current.on(Event.REJECTED, rows.now, verdict=verdict))
        if holder is not None and contested and not self._granted(current, holder, evidence):
            return self._contest(rows, current, verdict, holder)
        if verdict.decision is Decision.STEP_UP:
            return self._step_up(rows, current, verdict, holder)
        return self._bind(rows, current, evidence, verdict, held)

    def _judge(self, current: Verification, holder: Binding | None, now: int) -> tuple[Evidence, Verdict]:
        evidence = evidence_of(current, holder, self.operator.plmns, now)
        return evidence, evaluate(evidence, self.policy)

    def _granted(self, current: Verification, holder: Binding, evidence: Evidence) -> bool:
        """Tell whether a way out of the contest with this very binding was taken, and led out of it."""
        if current.contested_binding != holder.binding_id:
            return False
        taken = {grant.answer for grant in current.grants}.intersection(self.policy.contest_ways)
        return bool(taken - {Answer.WAIT}) or (Answer.WAIT in taken and waited_out(evidence))

    def _contest(self, rows: Rows, current: Verification, verdict: Verdict, holder: Binding) -> Concluded:
        goes_on = current.contested_binding == holder.binding_id
        # A contest that goes on begins no other waiting time.
        begin = min(shown.shown_time for shown in current.shown) if goes_on else rows.now
        wait_until = begin + self.policy.waiting.contest
        options = ways.contest_options(
            self.policy.contest_ways, old_account_has_key=bool(holder.account_jwk), wait_until=wait_until, now=rows.now
        )
        contested = current.on(
            Event.CONFLICT,
            rows.now,
            verdict=verdict,
            contested_binding=holder.binding_id,
            # What was granted against another binding is nothing against this one.
            grants=current.grants if goes_on else (),
            options=options,
            option_time=rows.now,
            expire_time=ways.last_moment(current.expire_time, options),
        )
        flagged = bindings.contested(holder, current.verification_id, contested.expire_time, rows.now)
        _put_holder(rows, _doubted(flagged, verdict, rows.now), holder, verdict)
        return _end(rows, contested)

    def _step_up(self, rows: Rows, current: Verification, verdict: Verdict, holder: Binding | None) -> Concluded:
        methods = [*self.operator.methods]
        if not self.app_opens_pages and Method.NETWORK in methods:
            methods.remove(Method.NETWORK)
        options = ways.step_up_options(
            verdict.answers,
            methods=methods,
            shown={possession.method for possession in current.shown},
            wait_until=rows.now + self.policy.waiting.step_up,
            next_send_time=current.next_send_time,
            now=rows.now,
        )
        if holder is not None:
            _put_holder(rows, _doubted(holder, verdict, rows.now), holder, verdict)
        stepped = current.on(
            Event.STEP_UP,
            rows.now,
            verdict=verdict,
            options=options,
            option_time=rows.now,
            expire_time=ways.last_moment(current.expire_time, options),
        )
        return _end(rows, stepped)

    def _bind(
        self, rows: Rows, current: Verification, evidence: Evidence, verdict: Verdict, holder: Binding | None
    ) -> Concluded:
        opening = current.opening
        replaced = rows.binding(opening.replaces_binding) if opening.replaces_binding else None
        ending = {old.binding_id: old for old in (holder, replaced) if old is not None and old.state in bindings.LIVE}
        for old in ending.values():
            rows.put_binding(_superseded(old, opening.account_id, self.fresh.binding_id, rows.now))
        jwk, thumbprint = confirmation(current)
        binding = Binding(
            binding_id=self.fresh.binding_id,
            relying_party=opening.relying_party,
            account_id=opening.account_id,
            phone_number=opening.phone_number,
            state=BindingState.ACTIVE,
            level=verdict.level,
            method=current.shown[-1].method,
            operator_id=opening.operator_id,
            verification_id=current.verification_id,
            jti=self.fresh.jti,
            leaf_index=-1,
            verified_time=rows.now,
            observed_time=_observed(evidence),
            expire_time=rows.now + bindings.LIFETIME,
            facts=_facts(evidence),
            purpose=opening.purpose.value,
            region_code=opening.region_code,
            account_key=thumbprint,
            account_jwk=opening.client.device_public_key_jwk if thumbprint else "",
            supersedes=tuple(ending),
            agreement_id=opening.agreement_id,
            consent_reference=opening.consent_reference,
            recheck_time=rows.now + self.policy.monitoring.recheck_polled,
            update_time=rows.now,
            renews=holder is not None and holder.account_id == opening.account_id,
        )
        record, entry = self.issue.compose(
            binding,
            verdict,
            evidence,
            subject_key=rows.subject_key(opening.relying_party, opening.phone_number),
            evidence_salt=self.fresh.evidence_salt,
            confirmation_jwk=jwk,
            superseded_jti=next((old.jti for old in ending.values()), ""),
        )
        index = rows.attest(record, entry)
        rows.put_binding(replace(binding, leaf_index=index), *verdict.findings)
        verified = current.on(
            Event.ACCEPTED,
            rows.now,
            verdict=verdict,
            binding_id=self.fresh.binding_id,
            jti=self.fresh.jti,
            supersedes=tuple(ending),
        )
        rows.put_verification(verified)
        return Concluded(verified, record)

    def _sightings(self) -> dict[str, Sighting]:
        """Return what is seen together now that control of the number was shown, by the field of `Velocity`."""
        opening = self.verification.opening
        number = opening.phone_number
        seen = {
            "accounts_of_number": velocity.account_of_number(number, opening.relying_party, opening.account_id),
            "relying_parties_of_number": velocity.relying_party_of_number(number, opening.relying_party),
            "numbers_of_account": velocity.number_of_account(opening.relying_party, opening.account_id, number),
        }
        _, thumbprint = confirmation(self.verification)
        if thumbprint:
            seen["numbers_of_device_key"] = velocity.number_of_device_key(thumbprint, number)
        network = limited_network(opening)
        if network:
            seen["numbers_of_client_network"] = velocity.number_of_client_network(
                opening.relying_party, network, number
            )
        lookup = newest(self.after, self.verification.before)
        found = None if lookup is None else lookup.subscriber
        if lookup is None or found is None:
            return seen
        device, activated = found.device_ref.known, found.activate_time.known
        if device is not None:
            name = f"{device.key_epoch}|{device.ref}"
            seen["numbers_of_device"] = velocity.number_of_device(lookup.operator_id, name, number)
        if activated is not None and lookup.time - activated < velocity.FRESH:
            seen["fresh_numbers_of_range"] = velocity.fresh_number_of_range(number[:-RANGE_DIGITS], number)
        return seen

    def _reports(self) -> dict[str, Sighting]:
        """Return what the relying party may have reported, by the field of `Velocity`; it is looked at, not counted."""
        opening = self.verification.opening
        reported = {"reports_of_number": velocity.report_of_number(opening.relying_party, opening.phone_number, "")}
        _, thumbprint = confirmation(self.verification)
        if thumbprint:
            reported["reports_of_device_key"] = velocity.report_of_device_key(opening.relying_party, thumbprint, "")
        return reported


def evidence_of(verification: Verification, holder: Binding | None, home_plmns: Collection[str], now: int) -> Evidence:
    """Put together what a verdict rests on; `holder` is the number's live binding at the relying party.

    Raises LookupError for a verification that never got as far as an answer to its challenge.
    """
    opening = verification.opening
    if verification.before is None or not verification.shown:
        raise LookupError("the verification has no lookup before the challenge, or none of its challenges was met")
    *earlier, possession = verification.shown
    return Evidence(
        phone_number=opening.phone_number,
        routed_operator=opening.operator_id,
        time=now,
        before=_answered_for(verification.before, verification, holder),
        after=None if verification.after is None else _answered_for(verification.after, verification, holder),
        possession=possession,
        previous=None if holder is None else _previous(verification, holder),
        before_resend=verification.before_resend,
        earlier=tuple(earlier),
        client=opening.client_network,
        velocity=verification.velocity,
        grants=verification.grants,
        network_mismatches=verification.network_mismatches,
        country=opening.region_code,
        home_plmns=tuple(home_plmns),
        required_level=opening.required_level,
        porting=verification.porting,
    )


def _answered_for(lookup: Lookup, verification: Verification, holder: Binding | None) -> Lookup:
    """Return a lookup without `recycled` where that was asked for a time before the present binding."""
    since = verification.since_time
    if lookup.subscriber is None or holder is None or (since is not None and since >= holder.verified_time):
        return lookup
    return replace(lookup, subscriber=replace(lookup.subscriber, recycled=Signal()))


def confirmation(verification: Verification) -> tuple[dict[str, str] | None, str]:
    """Return the account's key and its thumbprint where the account proved that it holds it."""
    if not verification.key_proven:
        return None, ""
    return device_key_thumbprint(verification.opening.client.device_public_key_jwk)


def newest(*lookups: Lookup | None) -> Lookup | None:
    """Return the first of the lookups, given newest first, that found a subscriber."""
    found = (lookup for lookup in lookups if lookup is not None and lookup.outcome is LookupOutcome.SUBSCRIBER)
    return next(found, None)


def _previous(verification: Verification, holder: Binding) -> PreviousBinding:
    _, thumbprint = confirmation(verification)
    return PreviousBinding(
        binding_id=holder.binding_id,
        same_account=holder.account_id == verification.opening.account_id,
        verified_time=holder.verified_time,
        facts=holder.facts,
        level=holder.level,
        same_key=bool(thumbprint) and thumbprint == holder.account_key,
        has_key=bool(holder.account_key),
        sim_changed_time=holder.sim_changed_time,
        fraud_suspected=any(finding.code in _FRAUD for finding in holder.findings),
    )


def _operator_confirms(verdict: Verdict) -> bool:
    """Tell whether the operator says by itself that another subscriber has the number since the earlier binding."""
    return any(finding.code == "NEW_SUBSCRIBER" for finding in verdict.findings)


def _doubted(holder: Binding, verdict: Verdict, now: int) -> Binding:
    """Suspend a binding whose SIM changed and whose number somebody registers again without its key."""
    changed = any(finding.code in _SIM_CHANGED and finding.severity is Severity.SEVERE for finding in verdict.findings)
    if not changed or holder.state is not BindingState.ACTIVE:
        return holder
    return replace(
        holder,
        state=BindingState.SUSPENDED,
        end_reason="SIM_CHANGED",
        sim_changed_time=holder.sim_changed_time or now,
        update_time=now,
    )


def _put_holder(rows: Rows, changed: Binding, holder: Binding, verdict: Verdict) -> None:
    if changed != holder:
        rows.put_binding(replace(changed, update_time=rows.now), *verdict.findings)


def _superseded(old: Binding, account_id: str, binding_id: str, now: int) -> Binding:
    return replace(
        old,
        state=BindingState.SUPERSEDED,
        # Another account's binding is nothing that the old account's answers may name.
        superseded_by=binding_id if old.account_id == account_id else "",
        end_time=now,
        end_reason="SUPERSEDED",
        contested_time=None,
        contests=(),
        contest_end=None,
        update_time=now,
    )


def _end(rows: Rows, verification: Verification) -> Concluded:
    rows.put_verification(verification)
    return Concluded(verification)


def _facts(evidence: Evidence) -> Facts:
    lookup = newest(evidence.after, evidence.before)
    if lookup is None:
        return Facts(operator_id=evidence.routed_operator, observed_time=evidence.time)
    return facts_of(lookup)


def _observed(evidence: Evidence) -> int:
    """Return when the operator last answered; a right code alone is an observation of the code's time."""
    lookup = newest(evidence.after, evidence.before)
    if lookup is not None:
        return lookup.time
    return evidence.possession.shown_time if evidence.possession else evidence.time
