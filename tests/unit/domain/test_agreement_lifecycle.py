import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from numseal.domain.agreement import Agreement, AgreementRecord, AgreementState, Offer, Quota, Side, Suspension
from numseal.domain.agreement_lifecycle import (
    CONFIGURATION,
    TRANSITIONS,
    AgreementEvent,
    accept,
    change_document,
    check_etag,
    confirm_suspension,
    declare,
    end,
    propose,
    propose_suspension,
    resume,
    update,
    withdraw,
)
from numseal.domain.errors import Kind, Refusal

S, E = AgreementState, AgreementEvent
TERMS = Agreement("a-1", "messenger", "mts", 1_000, 2_000)
OTHER = replace(TERMS, consent_purpose="number check")
PROPOSED = propose(TERMS, 900)


def active() -> AgreementRecord:
    once = accept(PROPOSED, Side.OPERATOR, "ada", "letter 1", 910)
    return accept(once, Side.RELYING_PARTY, "ada", "letter 2", 920)


def proposal(name: str = "1" * 32, who: str = "ada", time: int = 1_100) -> Suspension:
    return Suspension(name, "why", "order 1", who, time)


def suspended() -> AgreementRecord:
    return confirm_suspension(propose_suspension(active(), proposal()), "1" * 32, "bob", 7, 1_200)


def in_state(state: AgreementState) -> AgreementRecord:
    return {S.PROPOSED: PROPOSED, S.ACTIVE: active(), S.SUSPENDED: suspended(), S.ENDED: end(active(), 1_300)}[state]


def refused(do: Callable[[], object]) -> tuple[Kind, str]:
    with pytest.raises(Refusal) as caught:
        do()
    return caught.value.reasoning.kind, caught.value.reason


def test_the_table_has_every_state_and_reaches_each() -> None:
    assert set(TRANSITIONS) == set(S)
    reached = {S.PROPOSED} | {after for events in TRANSITIONS.values() for after in events.values()}
    assert reached == set(S)
    assert TRANSITIONS[S.ENDED] == {}
    assert {event for events in TRANSITIONS.values() for event in events} == set(E)


EVENTS: dict[AgreementEvent, Callable[[AgreementRecord], AgreementRecord]] = {
    E.ACCEPT: lambda record: accept(
        accept(record, Side.OPERATOR, "ada", "l", 1_400), Side.RELYING_PARTY, "ada", "l", 1_400
    ),
    E.CHANGE: lambda record: update(record, OTHER, 1_400),
    E.NOTE: lambda record: update(record, replace(TERMS, notification_reference="n"), 1_400),
    E.SUSPEND: lambda record: confirm_suspension(
        propose_suspension(record, proposal("2" * 32, time=1_400)), "2" * 32, "bob", 8, 1_400
    ),
    E.RESUME: lambda record: resume(record, "ada", 1_400),
    E.RESUME_UNACCEPTED: lambda record: resume(replace(record, acceptances=()), "ada", 1_400),
    E.END: lambda record: end(record, 1_400),
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", S)
def test_every_event_does_in_every_state_what_the_table_says(state: AgreementState, event: AgreementEvent) -> None:
    before = in_state(state)
    following = TRANSITIONS[state].get(event)
    if following is None:
        accepted = event is E.CHANGE and state is not S.ENDED
        reason = "AGREEMENT_IN_FORCE" if accepted else f"AGREEMENT_{state}"
        assert refused(lambda: EVENTS[event](before)) == (Kind.FAILED_PRECONDITION, reason)
    else:
        after = EVENTS[event](before)
        assert after.state is following
        assert after.version > before.version
        assert (after.update_time, after.create_time) == (1_400, 900)


@pytest.mark.parametrize("event", [E.ACCEPT, E.NOTE, E.SUSPEND, E.END])
def test_nothing_is_done_to_one_whose_time_has_passed(event: AgreementEvent) -> None:
    over = replace(in_state(S.ACTIVE if event is E.SUSPEND else S.PROPOSED), terms=replace(TERMS, valid_until=1_000))
    if event is E.NOTE:
        noted = replace(over.terms, notification_reference="n")
        assert refused(lambda: update(over, noted, 1_400))[1] == "AGREEMENT_ENDED"
    else:
        assert refused(lambda: EVENTS[event](over))[1] == "AGREEMENT_ENDED"
    assert refused(lambda: update(over, TERMS, 1_400))[1] == "AGREEMENT_ENDED"


def test_no_agreement_is_made_or_changed_to_be_over_already() -> None:
    assert propose(TERMS, 1_999).state is S.PROPOSED
    assert refused(lambda: propose(TERMS, 2_000)) == (Kind.INVALID_ARGUMENT, "PERIOD_OVER")
    assert refused(lambda: update(PROPOSED, replace(TERMS, valid_until=1_300), 1_300))[1] == "PERIOD_OVER"


def test_a_refusal_says_how_it_stands_and_what_is_expected() -> None:
    for record, do, sentence in (
        (in_state(S.ENDED), E.RESUME, "ENDED and cannot be resumed: one that is SUSPENDED is expected"),
        (
            in_state(S.ENDED),
            E.END,
            "ENDED and cannot be ended: one that is PROPOSED or ACTIVE or SUSPENDED is expected",
        ),
        (in_state(S.ACTIVE), E.ACCEPT, "ACTIVE and cannot be accepted: one that is PROPOSED is expected"),
        (PROPOSED, E.SUSPEND, "PROPOSED and cannot be suspended: one that is ACTIVE is expected"),
    ):
        with pytest.raises(Refusal, match=f"^the agreement is {sentence}$"):
            EVENTS[do](record)
    over = replace(active(), terms=replace(TERMS, valid_until=1_050))
    with pytest.raises(Refusal, match="is ENDED, since its time has passed, and cannot be suspended: "):
        EVENTS[E.SUSPEND](over)


@pytest.mark.parametrize(
    "changes",
    [
        {"consent_purpose": "x"},
        {"valid_from": 5_000},
        {"valid_until": 1_300},
        {"methods": TERMS.methods[:1]},
        {"signals": TERMS.signals[:1]},
        {"quota": Quota(daily_verifications=1)},
        {"offer": Offer("https://operator.example/offer", "0" * 64)},
        {"consent_purpose": "x", "notification_reference": "n"},
    ],
)
@pytest.mark.parametrize("state", [S.ACTIVE, S.SUSPENDED])
def test_no_change_of_terms_takes_out_of_force_what_both_sides_accepted(
    state: AgreementState, changes: dict[str, Any]
) -> None:
    before = in_state(state)
    with pytest.raises(Refusal, match="Propose another agreement") as caught:
        update(before, replace(TERMS, **changes), 1_250)
    reasoning = caught.value.reasoning
    assert (reasoning.kind, reasoning.reason, reasoning.metadata) == (
        Kind.FAILED_PRECONDITION,
        "AGREEMENT_IN_FORCE",
        {"state": state.value},
    )


def test_what_is_accepted_but_not_begun_is_not_changed_either() -> None:
    assert refused(lambda: update(active(), OTHER, TERMS.valid_from - 1))[1] == "AGREEMENT_IN_FORCE"


def test_an_agreement_is_active_once_both_sides_accepted_the_same_terms() -> None:
    once = accept(PROPOSED, Side.OPERATOR, "ada", "letter 1", 910)
    assert once.state is S.PROPOSED
    assert refused(lambda: accept(once, Side.OPERATOR, "bob", "letter 3", 915))[1] == "SIDE_ACCEPTED_ALREADY"
    changed = update(once, OTHER, 916)
    assert (changed.acceptances, changed.terms) == ((), OTHER)
    both = active()
    assert [(item.side, item.administrator_id, item.reference, item.time) for item in both.acceptances] == [
        (Side.OPERATOR, "ada", "letter 1", 910),
        (Side.RELYING_PARTY, "ada", "letter 2", 920),
    ]
    noted = update(both, replace(TERMS, notification_reference="n-1"), 930)
    assert (noted.state, noted.acceptances) == (S.ACTIVE, both.acceptances)


def test_a_suspension_takes_two_administrators() -> None:
    stopping = propose_suspension(active(), proposal())
    assert stopping.state is S.ACTIVE
    assert refused(lambda: confirm_suspension(stopping, "1" * 32, "ada", 7, 1_200)) == (
        Kind.PERMISSION_DENIED,
        "SAME_ADMINISTRATOR",
    )
    assert refused(lambda: confirm_suspension(stopping, "2" * 32, "bob", 7, 1_200)) == (
        Kind.NOT_FOUND,
        "SUSPENSION_NOT_FOUND",
    )
    after = confirm_suspension(stopping, "1" * 32, "bob", 7, 1_200)
    assert after.suspensions == (replace(proposal(), confirmed_by="bob", effect_time=1_200, leaf_index=7),)
    resumed = resume(after, "cyd", 1_300)
    assert (resumed.suspensions[0].resumed_by, resumed.suspensions[0].resume_time) == ("cyd", 1_300)
    assert refused(lambda: confirm_suspension(resumed, "1" * 32, "dan", 9, 1_310))[1] == "SUSPENSION_CONFIRMED_ALREADY"
    again = propose_suspension(resumed, proposal("2" * 32))
    assert [item.suspension_id[0] for item in again.suspensions] == ["2", "1"]


def test_proposals_stand_beside_each_other_until_one_is_confirmed() -> None:
    of_ada = propose_suspension(active(), proposal("1" * 32))
    both = propose_suspension(of_ada, proposal("2" * 32, "bob"))
    assert [item.suspension_id[0] for item in both.suspensions] == ["2", "1"]
    anew = propose_suspension(both, proposal("3" * 32, "ada"))
    assert [item.suspension_id[0] for item in anew.suspensions] == ["3", "2"]
    after = confirm_suspension(anew, "2" * 32, "ada", 7, 1_200)
    assert [item.suspension_id[0] for item in after.suspensions] == ["2"]


def test_what_the_file_declares_is_accepted_and_its_terms_hold() -> None:
    made = declare(None, TERMS, 900)
    assert (made.state, made.declared, made.terms) == (S.ACTIVE, True, TERMS)
    assert {(item.side, item.administrator_id) for item in made.acceptances} == {(side, CONFIGURATION) for side in Side}
    assert declare(made, TERMS, 950) is made
    changed = declare(made, OTHER, 950)
    assert (changed.terms, changed.state, changed.version) == (OTHER, S.ACTIVE, 2)


def test_what_was_suspended_or_ended_stays_so_whatever_the_file_says() -> None:
    made = declare(None, TERMS, 900)
    stopped = confirm_suspension(propose_suspension(made, proposal()), "1" * 32, "bob", 7, 1_200)
    assert declare(stopped, TERMS, 1_250) is stopped
    changed = declare(stopped, OTHER, 1_250)
    assert (changed.state, changed.terms, changed.suspensions) == (S.SUSPENDED, OTHER, stopped.suspensions)
    ended = end(made, 1_300)
    assert declare(ended, OTHER, 1_400) is ended


def test_what_the_file_has_no_more_is_accepted_by_nobody_until_it_is_there_again() -> None:
    made = declare(None, TERMS, 900)
    gone = withdraw(made, 950)
    assert (gone.state, gone.acceptances) == (S.PROPOSED, ())
    assert withdraw(gone, 960) is gone
    back = declare(gone, TERMS, 970)
    assert (back.state, len(back.acceptances)) == (S.ACTIVE, 2)
    stopped = confirm_suspension(propose_suspension(made, proposal()), "1" * 32, "bob", 7, 1_200)
    still = withdraw(stopped, 1_250)
    assert (still.state, resume(still, "ada", 1_300).state) == (S.SUSPENDED, S.PROPOSED)
    ended = end(made, 1_300)
    assert withdraw(ended, 1_400) is ended


@pytest.mark.parametrize(
    "known",
    [
        PROPOSED,
        declare(None, replace(TERMS, relying_party="other"), 1),
        declare(None, replace(TERMS, operator_id="b"), 1),
    ],
)
def test_an_id_is_one_agreements(known: AgreementRecord) -> None:
    assert refused(lambda: declare(known, TERMS, 900))[1] == "AGREEMENT_ID_TAKEN"


def test_a_declared_agreement_is_changed_in_the_file_only() -> None:
    made = declare(None, TERMS, 900)
    for do in (
        lambda: update(made, OTHER, 950),
        lambda: accept(withdraw(made, 940), Side.OPERATOR, "ada", "letter", 950),
    ):
        assert refused(do) == (Kind.FAILED_PRECONDITION, "AGREEMENT_DECLARED")


def test_a_change_is_made_against_the_version_that_was_read() -> None:
    check_etag(PROPOSED, PROPOSED.etag, "etag")
    with pytest.raises(Refusal) as caught:
        check_etag(active(), PROPOSED.etag, "agreement.etag")
    reasoning = caught.value.reasoning
    assert (reasoning.kind, reasoning.reason, reasoning.field, reasoning.metadata["etag"]) == (
        Kind.ABORTED,
        "ETAG_MISMATCH",
        "agreement.etag",
        active().etag,
    )
    assert refused(lambda: check_etag(PROPOSED, "", "etag")) == (Kind.INVALID_ARGUMENT, "ETAG_REQUIRED")


def test_the_document_of_a_change_is_canonical_and_says_who_and_why() -> None:
    document = change_document(active(), suspended(), "c" * 32, 1_200, reason="почему", confirmed_by="bob")
    assert (
        document
        == json.dumps(
            {
                "agreement_id": "a-1",
                "change_id": "c" * 32,
                "confirmed_by": "bob",
                "from": "ACTIVE",
                "operator_id": "mts",
                "reason": "почему",
                "relying_party_id": "messenger",
                "time": 1_200,
                "to": "SUSPENDED",
                "version": 1,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
    )
