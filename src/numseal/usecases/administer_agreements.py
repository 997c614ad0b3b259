"""Administer agreements: propose, change, accept, suspend, resume, end.

Each change is one command: the agreement, its event in the audit trail and, where its state changes in public, its
entry in the log become durable together, before anything is answered.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace

from numseal.attestation.entry import agreement_entry
from numseal.domain import agreement_lifecycle as lifecycle
from numseal.domain.administrator import Administrator
from numseal.domain.agreement import Agreement, AgreementRecord, Agreements, AgreementState, Side, Suspension
from numseal.domain.agreement_terms import check_terms
from numseal.domain.agreement_texts import check_words
from numseal.domain.audit_trail import Deed
from numseal.domain.errors import Kind, Reasoning, Refusal, invalid, not_found
from numseal.ports.clock import Clock
from numseal.ports.entropy import Entropy
from numseal.ports.store import Applied, Needs, Recall, Rows, Store
from numseal.usecases.read_log import ReadLog
from numseal.usecases.start_verification import check_request_id

MAX_REASON, MAX_REFERENCE = 1_024, 255

Change = Callable[[AgreementRecord, Rows], "Done"]


@dataclass(frozen=True, slots=True)
class Done:
    """An agreement after a change, what the audit trail says of it, and the index of its entry in the log, if any."""

    record: AgreementRecord
    detail: Mapping[str, object] = field(default_factory=dict)
    leaf_index: int | None = None


@dataclass(frozen=True, slots=True)
class _Create:
    """Put a proposed agreement in, or find it there by its request id."""

    terms: Agreement
    administrator_id: str
    request_id: str

    @property
    def needs(self) -> Needs:
        requests = ((self._caller, self.request_id),) if self.request_id else ()
        return Needs(agreements=(self.terms.agreement_id,), requests=requests, audit=True)

    @property
    def _caller(self) -> str:
        # No relying party's id has a space in it, so that neither finds the other's requests.
        return f"administrator {self.administrator_id}"

    def decide(self, rows: Rows) -> AgreementRecord:
        name, known = self.terms.agreement_id, rows.agreement(self.terms.agreement_id)
        digest = hashlib.sha256(repr(self.terms).encode()).hexdigest()
        recall = rows.recall(self._caller, self.request_id) if self.request_id else None
        if recall is not None:
            if known is not None and recall == Recall(digest, name):
                return known
            raise Refusal(
                Reasoning(Kind.ALREADY_EXISTS, "REQUEST_ID_REUSED", field="request_id"),
                "request_id: was used within 24 hours with another body; use a fresh one for a fresh wish",
            )
        if known is not None:
            raise Refusal(
                Reasoning(Kind.ALREADY_EXISTS, "AGREEMENT_EXISTS", field="agreement.agreement_id"),
                f"agreement.agreement_id: there is an agreement {name} already",
            )
        record = lifecycle.propose(self.terms, rows.now)
        rows.put_agreement(record)
        if self.request_id:
            rows.remember(self._caller, self.request_id, Recall(digest, name))
        rows.record_deed(_deed(self.administrator_id, "CreateAgreement", record, {"terms": asdict(record.terms)}))
        return record


@dataclass(frozen=True, slots=True)
class _Change:
    """Change an agreement; one that its change leaves as it is leaves no trace."""

    agreement_id: str
    administrator_id: str
    action: str
    change: Change

    @property
    def needs(self) -> Needs:
        return Needs(agreements=(self.agreement_id,), audit=True)

    def decide(self, rows: Rows) -> Done:
        known = rows.agreement(self.agreement_id)
        if known is None:
            raise unknown_agreement()
        done = self.change(known, rows)
        if done.record is not known:
            rows.put_agreement(done.record)
            rows.record_deed(_deed(self.administrator_id, self.action, done.record, done.detail))
        return done


def _deed(administrator_id: str, action: str, record: AgreementRecord, detail: Mapping[str, object]) -> Deed:
    text = json.dumps({**detail, "etag": record.etag, "state": record.state.value}, sort_keys=True, ensure_ascii=False)
    return Deed(administrator_id, action, f"agreements/{record.terms.agreement_id}", text)


@dataclass(frozen=True, slots=True)
class Page:
    """Agreements in the order of their ids, and the id behind which the next page begins, empty on the last one."""

    records: tuple[AgreementRecord, ...]
    after: str


class AdministerAgreements:
    """What administrators do to agreements."""

    def __init__(
        self,
        *,
        store: Store,
        agreements: Agreements,
        read_log: ReadLog,
        relying_parties: Collection[str],
        operators: Collection[str],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """Take what it needs by name; `relying_parties` and `operators` are those that an agreement can be between."""
        self._store = store
        self._agreements = agreements
        self._read_log = read_log
        self._relying_parties = frozenset(relying_parties)
        self._operators = frozenset(operators)
        self._clock = clock
        self._entropy = entropy

    def get(self, agreement_id: str) -> AgreementRecord:
        """Return an agreement as it stands; raises Refusal NOT_FOUND."""
        found = self._agreements.get(agreement_id)
        if found is None:
            raise unknown_agreement()
        return found

    def page(
        self,
        *,
        relying_party: str = "",
        operator_id: str = "",
        state: AgreementState | None = None,
        after: str = "",
        size: int = 100,
    ) -> Page:
        """Return agreements behind an id; empty texts and None mean every one."""
        now = self._clock.now()
        fitting = [
            record
            for record in self._agreements.records()
            if record.terms.agreement_id > after
            and relying_party in {"", record.terms.relying_party}
            and operator_id in {"", record.terms.operator_id}
            and state in {None, record.state_at(now)}
        ]
        shown = tuple(fitting[:size])
        return Page(shown, shown[-1].terms.agreement_id if len(fitting) > size else "")

    async def create(self, who: Administrator, terms: Agreement, request_id: str) -> AgreementRecord:
        """Propose an agreement; the same request id again within 24 hours answers with it as it stands.

        Raises Refusal PERIOD_OVER for one whose time has passed already.
        """
        check_request_id(request_id)
        self._check_sides(terms)
        check_terms(terms)
        return (await self._store.apply(_Create(terms, who.administrator_id, request_id))).value

    async def update(self, who: Administrator, terms: Agreement, etag: str) -> AgreementRecord:
        """Put other terms in place of the version that the etag names, as long as not both sides have accepted it.

        Raises Refusal ETAG_REQUIRED, ETAG_MISMATCH, SIDES_CHANGED, AGREEMENT_DECLARED for one of the configuration
        file's, AGREEMENT_IN_FORCE for an ACTIVE or SUSPENDED one, whose notification_reference only may change, and
        AGREEMENT_ENDED for an ENDED one, whatever is to change.
        """
        check_terms(terms)

        def change(known: AgreementRecord, rows: Rows) -> Done:
            lifecycle.check_etag(known, etag, "agreement.etag")
            if (terms.relying_party, terms.operator_id) != (known.terms.relying_party, known.terms.operator_id):
                raise invalid(
                    "agreement",
                    "SIDES_CHANGED",
                    "agreement: its relying party and operator never change; propose another agreement",
                )
            if terms == known.terms and known.state_at(rows.now) is not AgreementState.ENDED:
                return Done(known)
            return Done(lifecycle.update(known, terms, rows.now), {"terms": asdict(terms)})

        return (await self._change(who, terms.agreement_id, "UpdateAgreement", change)).value.record

    async def accept(
        self, who: Administrator, agreement_id: str, side: Side, reference: str, etag: str
    ) -> AgreementRecord:
        """Record a side's acceptance of the version that the etag names."""
        check_words("reference", reference, MAX_REFERENCE)

        def change(known: AgreementRecord, rows: Rows) -> Done:
            lifecycle.check_etag(known, etag, "etag")
            after = lifecycle.accept(known, side, who.administrator_id, reference, rows.now)
            return Done(after, {"side": side.value, "reference": reference, "accepted_etag": etag})

        return (await self._change(who, agreement_id, "AcceptAgreement", change)).value.record

    async def propose_suspension(
        self, who: Administrator, agreement_id: str, reason: str, reference: str
    ) -> tuple[AgreementRecord, Suspension]:
        """Propose to suspend an agreement; nothing stops by it.

        It takes the place of what the same administrator proposed and nobody confirmed; the audit trail names that.
        """
        _check_decision(reason, reference)
        suspension_id = self._entropy.identifier()

        def change(known: AgreementRecord, rows: Rows) -> Done:
            proposed = Suspension(suspension_id, reason, reference, who.administrator_id, rows.now)
            after = lifecycle.propose_suspension(known, proposed)
            facts = {"suspension_id": suspension_id, "reason": reason, "reference": reference}
            replaced = [item.suspension_id for item in known.suspensions if item not in after.suspensions]
            return Done(after, facts | ({"replaced": replaced[0]} if replaced else {}))

        record = (await self._change(who, agreement_id, "ProposeSuspension", change)).value.record
        return record, lifecycle.find_suspension(record, suspension_id)

    async def confirm_suspension(
        self, who: Administrator, agreement_id: str, suspension_id: str
    ) -> tuple[AgreementRecord, str]:
        """Suspend an agreement; return it and the proof of its entry in the log (C2SP tlog-proof text).

        What the same administrator confirmed and is still in effect is answered again.
        """

        def change(known: AgreementRecord, rows: Rows) -> Done:
            found = lifecycle.find_suspension(known, suspension_id)
            again = found.confirmed_by == who.administrator_id and found.resume_time is None
            if again and known.state is AgreementState.SUSPENDED:
                return Done(known, leaf_index=found.leaf_index)
            after = lifecycle.confirm_suspension(known, suspension_id, who.administrator_id, -1, rows.now)
            facts = {
                "confirmed_by": who.administrator_id,
                "proposed_by": found.proposed_by,
                "reason": found.reason,
                "reference": found.reference,
            }
            done = self._logged(known, after, suspension_id, rows, facts)
            latest, *past = after.suspensions
            logged = replace(after, suspensions=(replace(latest, leaf_index=done.leaf_index), *past))
            return replace(done, record=logged)

        return await self._proved(await self._change(who, agreement_id, "ConfirmSuspension", change))

    async def resume(
        self, who: Administrator, agreement_id: str, reason: str, reference: str
    ) -> tuple[AgreementRecord, str]:
        """Bring a suspended agreement into force again; return it and the proof of its entry in the log."""
        return await self._decide(who, agreement_id, "ResumeAgreement", reason, reference)

    async def end(
        self, who: Administrator, agreement_id: str, reason: str, reference: str
    ) -> tuple[AgreementRecord, str]:
        """End an agreement for good; return it and the proof of its entry in the log."""
        return await self._decide(who, agreement_id, "EndAgreement", reason, reference)

    async def _decide(
        self, who: Administrator, agreement_id: str, action: str, reason: str, reference: str
    ) -> tuple[AgreementRecord, str]:
        _check_decision(reason, reference)
        change_id = self._entropy.identifier()

        def change(known: AgreementRecord, rows: Rows) -> Done:
            if action == "EndAgreement":
                after = lifecycle.end(known, rows.now)
            else:
                after = lifecycle.resume(known, who.administrator_id, rows.now)
            facts = {"decided_by": who.administrator_id, "reason": reason, "reference": reference}
            return self._logged(known, after, change_id, rows, facts)

        return await self._proved(await self._change(who, agreement_id, action, change))

    def _logged(
        self, known: AgreementRecord, after: AgreementRecord, change_id: str, rows: Rows, facts: dict[str, str]
    ) -> Done:
        """Append the entry of a change of state; the document that it is the hash of is kept in the audit trail."""
        document = lifecycle.change_document(known, after, change_id, rows.now, **facts)
        index = rows.append_entry(agreement_entry(document))
        return Done(after, {"document": document.decode(), "leaf_index": index}, index)

    async def _proved(self, applied: Applied[Done]) -> tuple[AgreementRecord, str]:
        done = applied.value
        if done.leaf_index is None:
            raise LookupError("a change of state has no entry in the log")
        return done.record, (await self._read_log.inclusion(done.leaf_index)).proof

    async def _change(self, who: Administrator, agreement_id: str, action: str, change: Change) -> Applied[Done]:
        return await self._store.apply(_Change(agreement_id, who.administrator_id, action, change))

    def _check_sides(self, terms: Agreement) -> None:
        if terms.relying_party not in self._relying_parties:
            raise invalid(
                "agreement.relying_party_id",
                "RELYING_PARTY_UNKNOWN",
                "agreement.relying_party_id: there is no such relying party",
            )
        if terms.operator_id not in self._operators:
            raise invalid(
                "agreement.operator_id", "OPERATOR_UNKNOWN", "agreement.operator_id: there is no such operator"
            )


def unknown_agreement() -> Refusal:
    """Return the refusal for an agreement that there is not."""
    return not_found("AGREEMENT_NOT_FOUND", "agreement_id: there is no such agreement")


def _check_decision(reason: str, reference: str) -> None:
    check_words("reason", reason, MAX_REASON)
    check_words("reference", reference, MAX_REFERENCE)
