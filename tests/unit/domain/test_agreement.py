from dataclasses import replace

import pytest

from numseal.domain.agreement import Agreement, AgreementRecord, Agreements, AgreementState
from numseal.domain.errors import Kind, Refusal
from numseal.domain.evidence import Method

FIRST = Agreement("first", "messenger", "mts", 1_000, 2_000)
RENEWED = Agreement("renewed", "messenger", "mts", 2_000, 3_000)
LONGER = Agreement("longer", "messenger", "mts", 1_500, 2_500)
OPEN = Agreement("open", "messenger", "mts", 1_500)


def known(*records: AgreementRecord) -> Agreements:
    agreements = Agreements()
    for record in records:
        agreements.put(record)
    return agreements


def record(terms: Agreement, state: AgreementState, version: int = 1) -> AgreementRecord:
    return AgreementRecord(terms, state, version=version)


def reason(agreements: Agreements, now: int = 1_500, **asked: object) -> str:
    with pytest.raises(Refusal) as caught:
        agreements.in_force("messenger", "mts", now, **asked)  # type: ignore[arg-type]
    return caught.value.reason


@pytest.mark.parametrize(("now", "found"), [(1_000, "first"), (1_999, "first"), (2_000, "renewed"), (2_999, "renewed")])
@pytest.mark.parametrize("order", [(FIRST, RENEWED), (RENEWED, FIRST)])
def test_a_renewed_agreement_follows_the_first_without_a_gap(
    order: tuple[Agreement, ...], now: int, found: str
) -> None:
    assert Agreements(order).in_force("messenger", "mts", now).agreement_id == found


def test_of_two_in_force_the_longer_one_counts() -> None:
    assert Agreements((FIRST, LONGER)).in_force("messenger", "mts", 1_600) == LONGER
    assert Agreements((FIRST, LONGER)).in_force("messenger", "mts", 1_400) == FIRST
    assert Agreements((OPEN, LONGER)).in_force("messenger", "mts", 1_600) == OPEN
    assert Agreements((LONGER, OPEN)).in_force("messenger", "mts", 2**50) == OPEN


@pytest.mark.parametrize(
    ("relying_party", "operator", "now", "reason"),
    [
        ("messenger", "mts", 999, "NO_AGREEMENT"),
        ("messenger", "mts", 2_000, "AGREEMENT_EXPIRED"),
        ("messenger", "beeline", 1_500, "NO_AGREEMENT"),
        ("another", "mts", 1_500, "NO_AGREEMENT"),
    ],
)
def test_no_operator_is_asked_without_an_agreement_in_force(
    relying_party: str, operator: str, now: int, reason: str
) -> None:
    with pytest.raises(Refusal) as caught:
        Agreements((FIRST,)).in_force(relying_party, operator, now)
    assert (caught.value.reason, caught.value.reasoning.kind) == (reason, Kind.PERMISSION_DENIED)


def test_none_at_all() -> None:
    with pytest.raises(Refusal, match="no agreement with operator mts"):
        Agreements().in_force("messenger", "mts", 0)


@pytest.mark.parametrize(
    ("state", "now", "expected"),
    [
        (AgreementState.PROPOSED, 1_500, "NO_AGREEMENT"),
        (AgreementState.SUSPENDED, 1_500, "AGREEMENT_SUSPENDED"),
        (AgreementState.SUSPENDED, 999, "NO_AGREEMENT"),
        (AgreementState.SUSPENDED, 2_000, "AGREEMENT_EXPIRED"),
        (AgreementState.ENDED, 1_500, "AGREEMENT_EXPIRED"),
        (AgreementState.ENDED, 999, "AGREEMENT_EXPIRED"),
    ],
)
def test_only_an_active_one_is_in_force_and_the_reason_says_what_it_is(
    state: AgreementState, now: int, expected: str
) -> None:
    assert reason(known(record(FIRST, state)), now) == expected


def test_a_suspended_one_is_told_before_one_that_ended_and_another_in_force_holds() -> None:
    suspended, ended = record(LONGER, AgreementState.SUSPENDED), record(FIRST, AgreementState.ENDED)
    assert reason(known(ended, suspended), 1_700) == "AGREEMENT_SUSPENDED"
    active = record(OPEN, AgreementState.ACTIVE)
    assert known(ended, suspended, active).in_force("messenger", "mts", 1_700) == OPEN


def test_an_agreement_covers_its_methods_and_no_other() -> None:
    sms = replace(LONGER, methods=(Method.SMS,))
    agreements = Agreements((sms,))
    assert agreements.in_force("messenger", "mts", 1_600, method=Method.SMS) == sms
    assert agreements.in_force("messenger", "mts", 1_600) == sms
    assert reason(agreements, 1_600, method=Method.VOICE) == "METHOD_NOT_COVERED"
    both = Agreements((sms, replace(FIRST, methods=(Method.VOICE,))))
    assert both.in_force("messenger", "mts", 1_600, method=Method.VOICE).agreement_id == "first"
    assert reason(agreements, 2_500, method=Method.VOICE) == "AGREEMENT_EXPIRED"


def test_where_consent_is_required_nothing_is_asked_without_a_reference_to_it() -> None:
    agreements = Agreements((replace(FIRST, consent_purpose="number check"),))
    with pytest.raises(Refusal, match="consent for: number check") as caught:
        agreements.in_force("messenger", "mts", 1_500, consent="")
    reasoning = caught.value.reasoning
    assert (reasoning.kind, reasoning.reason, reasoning.field) == (
        Kind.INVALID_ARGUMENT,
        "CONSENT_REQUIRED",
        "consent_reference",
    )
    assert agreements.in_force("messenger", "mts", 1_500, consent="c-1").agreement_id == "first"
    assert Agreements((FIRST,)).in_force("messenger", "mts", 1_500, consent="") == FIRST


def test_what_is_put_last_holds_unless_it_is_older() -> None:
    agreements = Agreements((FIRST,))
    agreements.put(record(FIRST, AgreementState.SUSPENDED, version=3))
    assert reason(agreements) == "AGREEMENT_SUSPENDED"
    agreements.put(record(FIRST, AgreementState.ACTIVE, version=2))
    assert reason(agreements) == "AGREEMENT_SUSPENDED"
    agreements.put(record(FIRST, AgreementState.ACTIVE, version=4))
    assert agreements.in_force("messenger", "mts", 1_500) == FIRST
    assert [item.terms.agreement_id for item in agreements.records()] == ["first"]
    assert agreements.get("first") == record(FIRST, AgreementState.ACTIVE, version=4)
    assert agreements.get("second") is None


def test_an_agreement_is_over_as_its_end_passes() -> None:
    active = record(FIRST, AgreementState.ACTIVE)
    assert (active.state_at(1_999), active.state_at(2_000)) == (AgreementState.ACTIVE, AgreementState.ENDED)
    assert record(OPEN, AgreementState.ACTIVE).state_at(2**50) is AgreementState.ACTIVE
    assert (OPEN.holds(1_499), OPEN.holds(1_500)) == (False, True)
