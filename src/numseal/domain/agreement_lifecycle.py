"""How an agreement comes to stand as it does: its states as a table, and what administrators and the file do to it.

Pure: the record before in, the record after out; a Refusal changes nothing. Who may call is the use cases' to say, but
that two administrators suspend is part of what a suspension is, and is held to here.
"""

import json
from dataclasses import replace
from enum import StrEnum

from numseal.domain.agreement import Acceptance, Agreement, AgreementRecord, AgreementState, Side, Suspension
from numseal.domain.errors import Kind, Reasoning, Refusal, denied, invalid, not_found, precondition

CONFIGURATION = "configuration"
"""Who acts where the configuration file declares an agreement; no administrator has this name."""


class AgreementEvent(StrEnum):
    """What happens to an agreement."""

    ACCEPT = "accept"
    CHANGE = "change"
    NOTE = "note"
    SUSPEND = "suspend"
    RESUME = "resume"
    RESUME_UNACCEPTED = "resume what is not accepted"
    END = "end"


_S, _E = AgreementState, AgreementEvent

TRANSITIONS: dict[AgreementState, dict[AgreementEvent, AgreementState]] = {
    _S.PROPOSED: {_E.ACCEPT: _S.ACTIVE, _E.CHANGE: _S.PROPOSED, _E.NOTE: _S.PROPOSED, _E.END: _S.ENDED},
    _S.ACTIVE: {_E.NOTE: _S.ACTIVE, _E.SUSPEND: _S.SUSPENDED, _E.END: _S.ENDED},
    _S.SUSPENDED: {
        _E.NOTE: _S.SUSPENDED,
        _E.RESUME: _S.ACTIVE,
        _E.RESUME_UNACCEPTED: _S.PROPOSED,
        _E.END: _S.ENDED,
    },
    _S.ENDED: {},
}
"""What each event makes of each state. ACCEPT is the second side's; CHANGE is one that both must accept anew.

What both have accepted has no CHANGE: it would be in force no more, without the second administrator and the entry in
the log that a suspension takes.
"""


_DONE: dict[AgreementEvent, str] = {
    _E.ACCEPT: "accepted",
    _E.CHANGE: "changed",
    _E.NOTE: "changed",
    _E.SUSPEND: "suspended",
    _E.RESUME: "resumed",
    _E.RESUME_UNACCEPTED: "resumed",
    _E.END: "ended",
}
"""What each event does to an agreement, in the words of a refusal."""


def propose(terms: Agreement, now: int) -> AgreementRecord:
    """Return a new agreement that nobody has accepted yet; raises Refusal PERIOD_OVER for one that nobody could."""
    _not_over(terms, now)
    return AgreementRecord(terms, _S.PROPOSED, create_time=now, update_time=now)


def accept(record: AgreementRecord, side: Side, administrator_id: str, reference: str, now: int) -> AgreementRecord:
    """Record a side's acceptance; with the second one the agreement is ACTIVE."""
    _administered(record)
    following = _following(record, _E.ACCEPT, now)
    if any(item.side is side for item in record.acceptances):
        who = side.value.lower().replace("_", " ")
        raise precondition("SIDE_ACCEPTED_ALREADY", f"the {who} has accepted these terms already")
    acceptances = (*record.acceptances, Acceptance(side, administrator_id, reference, now))
    state = following if len(acceptances) == len(Side) else record.state
    return _changed(record, now, acceptances=acceptances, state=state)


def update(record: AgreementRecord, terms: Agreement, now: int) -> AgreementRecord:
    """Put other terms in place; what one side accepted before, it must accept anew.

    Once both have accepted, only the regulator's notification may change: raises Refusal AGREEMENT_IN_FORCE. Of one
    that is ENDED, because its time has passed too, nothing may.
    """
    _administered(record)
    noted = replace(record.terms, notification_reference=terms.notification_reference)
    if terms == noted:
        return _changed(record, now, terms=terms, state=_following(record, _E.NOTE, now))
    stands = record.state_at(now)
    if stands in {_S.ACTIVE, _S.SUSPENDED}:
        raise precondition(
            "AGREEMENT_IN_FORCE",
            f"the agreement is {stands}: of terms that both sides accepted only notification_reference changes. "
            "Propose another agreement with the changed terms, have both sides accept it, and end this one: of several "
            "in force the one that lasts longest counts; or end this one",
            state=stands.value,
        )
    state = _following(record, _E.CHANGE, now)
    _not_over(terms, now)
    return _changed(record, now, terms=terms, acceptances=(), state=state)


def propose_suspension(record: AgreementRecord, suspension: Suspension) -> AgreementRecord:
    """Note a proposed suspension, in place of an unconfirmed one by the same administrator; nothing stops by it."""
    now = suspension.propose_time
    _following(record, _E.SUSPEND, now)
    others = tuple(
        item
        for item in record.suspensions
        if item.effect_time is not None or item.proposed_by != suspension.proposed_by
    )
    return _changed(record, now, suspensions=(suspension, *others))


def confirm_suspension(
    record: AgreementRecord, suspension_id: str, administrator_id: str, leaf_index: int, now: int
) -> AgreementRecord:
    """Suspend the agreement; other proposals fall. Raises Refusal for who proposed it."""
    found = find_suspension(record, suspension_id)
    following = _following(record, _E.SUSPEND, now)
    if found.effect_time is not None:
        raise precondition("SUSPENSION_CONFIRMED_ALREADY", "this suspension took effect before; propose another one")
    if found.proposed_by == administrator_id:
        raise denied("SAME_ADMINISTRATOR", "a suspension is confirmed by another administrator than who proposed it")
    confirmed = replace(found, confirmed_by=administrator_id, effect_time=now, leaf_index=leaf_index)
    past = (item for item in record.suspensions if item.effect_time is not None)
    return _changed(record, now, state=following, suspensions=(confirmed, *past))


def resume(record: AgreementRecord, administrator_id: str, now: int) -> AgreementRecord:
    """Bring a suspended agreement into force again; to PROPOSED where the file has ceased to declare it."""
    accepted = len(record.acceptances) == len(Side)
    following = _following(record, _E.RESUME if accepted else _E.RESUME_UNACCEPTED, now)
    latest, *earlier = record.suspensions
    resumed = replace(latest, resumed_by=administrator_id, resume_time=now)
    return _changed(record, now, state=following, suspensions=(resumed, *earlier))


def end(record: AgreementRecord, now: int) -> AgreementRecord:
    """End an agreement for good."""
    return _changed(record, now, state=_following(record, _E.END, now))


def declare(known: AgreementRecord | None, terms: Agreement, now: int) -> AgreementRecord:
    """Return what the configuration file makes of an agreement: its terms, accepted; suspended or ended stays so.

    Returns the known record itself where nothing changes. Raises Refusal where the id is another agreement's.
    """
    accepted = tuple(Acceptance(side, CONFIGURATION, "configuration file", now) for side in Side)
    if known is None:
        return AgreementRecord(terms, _S.ACTIVE, True, accepted, create_time=now, update_time=now)
    sides = (terms.relying_party, terms.operator_id)
    if not known.declared or sides != (known.terms.relying_party, known.terms.operator_id):
        raise precondition(
            "AGREEMENT_ID_TAKEN",
            f"the agreement {terms.agreement_id} is in the database as another one, made by "
            f"{'the file' if known.declared else 'an administrator'} between {known.terms.relying_party} and "
            f"{known.terms.operator_id}; expected an id of its own",
        )
    if known.state is _S.ENDED or (known.terms == terms and known.acceptances):
        return known
    state = _S.ACTIVE if known.state is _S.PROPOSED else known.state
    return _changed(known, now, terms=terms, acceptances=accepted, state=state)


def withdraw(known: AgreementRecord, now: int) -> AgreementRecord:
    """Return what becomes of a declared agreement that the file has no more: accepted by nobody, in force no more."""
    if known.state is _S.ENDED or not known.acceptances:
        return known
    state = _S.PROPOSED if known.state is _S.ACTIVE else known.state
    return _changed(known, now, acceptances=(), state=state)


def find_suspension(record: AgreementRecord, suspension_id: str) -> Suspension:
    """Return a suspension of an agreement; raises Refusal NOT_FOUND."""
    for item in record.suspensions:
        if item.suspension_id == suspension_id:
            return item
    raise not_found("SUSPENSION_NOT_FOUND", "suspension_id: the agreement has no such suspension, or no longer")


def check_etag(record: AgreementRecord, etag: str, field: str) -> None:
    """Refuse a change that was made against no version, or another one than the present; `field` is the etag's path."""
    if not etag:
        raise invalid(field, "ETAG_REQUIRED", f"{field}: the etag of the agreement as last read is expected")
    if etag != record.etag:
        raise Refusal(
            Reasoning(Kind.ABORTED, "ETAG_MISMATCH", field=field, metadata={"etag": record.etag}),
            f"{field}: the agreement has changed since; read it again",
        )


def change_document(before: AgreementRecord, after: AgreementRecord, change_id: str, now: int, **facts: str) -> bytes:
    """Return a change of state as canonical JSON (sorted keys, UTF-8, no spaces), whose SHA-256 the log's entry has.

    `change_id` keeps the hash from being guessed; `facts` are who decided it and why.
    """
    terms = after.terms
    document = {
        "agreement_id": terms.agreement_id,
        "change_id": change_id,
        "from": before.state.value,
        "operator_id": terms.operator_id,
        "relying_party_id": terms.relying_party,
        "time": now,
        "to": after.state.value,
        "version": 1,
        **facts,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _administered(record: AgreementRecord) -> None:
    if record.declared:
        raise precondition(
            "AGREEMENT_DECLARED", "the configuration file declares this agreement: its terms are changed there"
        )


def _not_over(terms: Agreement, now: int) -> None:
    if terms.over(now):
        raise invalid(
            "agreement.end_time",
            "PERIOD_OVER",
            "agreement.end_time: the agreement would be over already; a time still to come is expected, or none",
        )


def _following(record: AgreementRecord, event: AgreementEvent, now: int) -> AgreementState:
    state = record.state_at(now)
    following = TRANSITIONS[state].get(event)
    if following is None:
        expected = " or ".join(item.value for item in _S if event in TRANSITIONS[item])
        since = ", since its time has passed," if state is not record.state else ""
        raise precondition(
            f"AGREEMENT_{state}",
            f"the agreement is {state}{since} and cannot be {_DONE[event]}: one that is {expected} is expected",
            state=state.value,
        )
    return following


def _changed(record: AgreementRecord, now: int, **changes: object) -> AgreementRecord:
    return replace(record, update_time=now, version=record.version + 1, **changes)  # type: ignore[arg-type]
