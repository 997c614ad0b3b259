from dataclasses import replace
from typing import Any

import pytest

from numseal.domain.agreement import Agreement, Offer, Quota
from numseal.domain.agreement_terms import check_terms
from numseal.domain.errors import Kind, Refusal
from numseal.domain.evidence import Method

TERMS = Agreement("a-1", "messenger", "mts", 0, 2_000)
OFFER = Offer("https://operator.example/offer", "0" * 64)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"agreement_id": "a" * 64, "valid_until": None},
        {"valid_until": 1},
        {"methods": (Method.SMS,), "signals": ("port",)},
        {"quota": Quota(2**53, 2**31 - 1, 2**53, "RUB"), "offer": OFFER},
        {"quota": Quota(currency="RUB")},
        {"consent_purpose": "x" * 255, "notification_reference": "y" * 255},
        {"offer": replace(OFFER, uri="x" * 2_048, approval_reference="z" * 255)},
    ],
)
def test_terms_that_hold(changes: dict[str, Any]) -> None:
    check_terms(replace(TERMS, **changes))


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("agreement_id", {"agreement_id": ""}),
        ("agreement_id", {"agreement_id": "a" * 65}),
        ("agreement_id", {"agreement_id": "A"}),
        ("methods", {"methods": ()}),
        ("methods", {"methods": (Method.SMS, Method.SMS)}),
        ("signals", {"signals": ()}),
        ("signals", {"signals": ("port", "port")}),
        ("signals", {"signals": ("port", "name")}),
        ("start_time", {"valid_from": -1}),
        ("start_time", {"valid_from": 253_402_300_800, "valid_until": None}),
        ("end_time", {"valid_until": 0}),
        ("end_time", {"valid_until": 253_402_300_800}),
        ("quota.daily_verifications", {"quota": Quota(-1)}),
        ("quota.calls_per_second", {"quota": Quota(0, 2**31)}),
        ("quota.daily_cost_cap_micros", {"quota": Quota(0, 0, -1, "RUB")}),
        ("quota.currency_code", {"quota": Quota(0, 0, 1)}),
        ("quota.currency_code", {"quota": Quota(0, 0, 1, "rub")}),
        ("offer.uri", {"offer": replace(OFFER, uri="")}),
        ("offer.uri", {"offer": replace(OFFER, uri="x" * 2_049)}),
        ("offer.sha256", {"offer": replace(OFFER, sha256="0" * 63)}),
        ("offer.approval_reference", {"offer": replace(OFFER, approval_reference="z" * 256)}),
        ("consent_purpose", {"consent_purpose": "x" * 256}),
        ("notification_reference", {"notification_reference": "a\nb"}),
    ],
)
def test_terms_that_do_not(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match=f"^agreement.{field}: ") as caught:
        check_terms(replace(TERMS, **changes))
    reasoning = caught.value.reasoning
    assert (reasoning.kind, reasoning.field) == (Kind.INVALID_ARGUMENT, f"agreement.{field}")
    assert reasoning.reason == field.rpartition(".")[2].upper() + "_MALFORMED"


@pytest.mark.parametrize("number", ["+79161234567", "79161234567", "8 (916) 123-45-67"])
@pytest.mark.parametrize(
    "field", ["consent_purpose", "notification_reference", "offer.approval_reference", "offer.uri"]
)
def test_no_text_of_the_terms_names_a_phone_number(field: str, number: str) -> None:
    name = field.rpartition(".")[2]
    changed = {"offer": replace(OFFER, **{name: number})} if "." in field else {name: number}
    with pytest.raises(Refusal, match=f"^agreement.{field}: names a phone number") as caught:
        check_terms(replace(TERMS, **changed))
    reasoning = caught.value.reasoning
    assert (reasoning.kind, reasoning.reason, reasoning.field) == (
        Kind.INVALID_ARGUMENT,
        f"{name.upper()}_NAMES_NUMBER",
        f"agreement.{field}",
    )


def test_no_agreement_is_named_after_a_phone_number() -> None:
    with pytest.raises(Refusal) as caught:
        check_terms(replace(TERMS, agreement_id="alice-7-916-1234567"))
    assert caught.value.reason == "AGREEMENT_ID_NAMES_NUMBER"


def test_terms_with_dates_and_registered_numbers_hold() -> None:
    offer = Offer("https://o.example/document/1300863612", "1234567890" * 6 + "1234", "order 2016-12345678")
    check_terms(
        replace(
            TERMS,
            agreement_id="mts-2026-11-24",
            offer=offer,
            consent_purpose="offer of 2026-11-24, case A-2026/1234",
            notification_reference="77-14-003321",
        )
    )
