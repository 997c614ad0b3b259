"""[[agreements]] and [[administrators]] of the configuration file."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from numseal.apps.config_administrators import read_administrators
from numseal.apps.config_agreements import read_agreements, read_terms
from numseal.apps.config_parties import RegisteredParty
from numseal.apps.config_reader import ConfigError, Table
from numseal.domain.agreement import Agreement, Offer, Quota
from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.relying_party import RelyingParty

PARTY = RegisteredParty(RelyingParty("messenger", "Messenger", ()), frozenset(), frozenset())
VALUES: dict[str, Any] = {
    "id": "a1",
    "relying_party": "messenger",
    "operators": ["mts"],
    "valid_from": date(2026, 1, 1),
    "valid_until": date(2027, 1, 1),
}
FROM, UNTIL = 1_767_225_600, 1_798_761_600
DIGEST = "0123456789abcdef" * 4


def agreements(*changes: dict[str, Any]) -> tuple[Agreement, ...]:
    tables = [
        Table(Path("f.toml"), f"agreements[{number}]", {**VALUES, **change})
        for number, change in enumerate(changes or ({},), 1)
    ]
    return read_agreements(tables, (PARTY,), frozenset({"mts", "megafon", "b-mts"}))


def refusal(*changes: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        agreements(*changes)
    return str(caught.value)


def test_each_operator_has_an_agreement_of_its_own() -> None:
    assert agreements({"operators": ["mts", "megafon"]}, {"id": "b"}) == (
        Agreement("a1-mts", "messenger", "mts", FROM, UNTIL),
        Agreement("a1-megafon", "messenger", "megafon", FROM, UNTIL),
        Agreement("b-mts", "messenger", "mts", FROM, UNTIL),
    )


def test_everything_may_be_said() -> None:
    assert agreements(
        {
            "methods": ["SMS", "NETWORK"],
            "signals": ["port"],
            "daily_verifications": 5,
            "calls_per_second": 2,
            "daily_cost_cap_micros": 7,
            "currency": "RUB",
            "consent_purpose": "number check",
            "notification_reference": "n-1",
            "offer_uri": "https://o.example",
            "offer_sha256": DIGEST,
            "offer_approval_reference": "order 1",
        }
    ) == (
        Agreement(
            "a1-mts",
            "messenger",
            "mts",
            FROM,
            UNTIL,
            (Method.SMS, Method.NETWORK),
            ("port",),
            Quota(5, 2, 7, "RUB"),
            Offer("https://o.example", DIGEST, "order 1"),
            "number check",
            "n-1",
        ),
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": "A"}, "id: found 'A'"),
        ({"relying_party": "other"}, "relying_party: found 'other', expected one of messenger"),
        ({"operators": []}, "operators: found nothing"),
        ({"operators": ["t2"]}, "operators: found 't2', expected some of b-mts, megafon, mts"),
        (
            {"valid_until": date(2026, 1, 1)},
            "valid_until: found 2026-01-01, expected a later time than valid_from, 2026-01-01",
        ),
        ({"methods": []}, "methods: found nothing, expected at least one"),
        ({"methods": ["MAIL"]}, "methods: found 'MAIL', expected one of SMS, VOICE"),
        ({"signals": []}, "signals: found nothing, expected at least one"),
        ({"signals": ["name"]}, f"signals: found 'name', expected one of {SIGNAL_NAMES[0]}"),
        ({"daily_verifications": -1}, "daily_verifications: found -1"),
        ({"calls_per_second": "x"}, "calls_per_second: found 'x'"),
        ({"daily_cost_cap_micros": 1}, "currency: found nothing, expected the currency of daily_cost_cap_micros"),
        ({"currency": "rub"}, "currency: found 'rub'"),
        ({"offer_uri": "x"}, "offer_sha256: found nothing"),
        ({"offer_sha256": DIGEST}, "offer_uri: found nothing"),
        ({"offer_approval_reference": "x"}, "offer_uri: found nothing"),
        ({"consent_purpose": "x" * 256}, "consent_purpose: found"),
        ({"consent_purpose": "п" * 200}, "consent_purpose: at most 255 bytes"),
        ({"id": "x" * 62}, "of too many characters"),
        ({"extra": 1}, "extra: no such key"),
    ],
)
def test_what_cannot_be_is_named(change: dict[str, Any], expected: str) -> None:
    assert expected in refusal(change)


def test_ids_are_each_once() -> None:
    assert "id: found 'a1' a second time" in refusal({}, {})
    assert "an agreement 'a-b-mts' a second time" in refusal(
        {"id": "a", "operators": ["b-mts"]}, {"id": "a-b", "operators": ["mts"]}
    )


def test_an_end_may_be_left_open_where_nobody_declares() -> None:
    assert "valid_until: found nothing" in refusal({"valid_until": None})
    table = Table(Path("f"), "", {"valid_from": date(2026, 1, 1)})
    assert read_terms(table, open_end=True)["valid_until"] is None
    table = Table(Path("f"), "", {"valid_from": date(2026, 1, 1), "valid_until": date(2027, 1, 1)})
    assert read_terms(table, open_end=True)["valid_until"] == UNTIL


def administrators(*values: dict[str, Any], holders: dict[str, str] | None = None, certificates: bool = True) -> Any:
    tables = [Table(Path("f.toml"), f"administrators[{number}]", value) for number, value in enumerate(values, 1)]
    return read_administrators(tables, {} if holders is None else holders, client_certificates=certificates)


def test_administrators_have_credentials_of_their_own() -> None:
    ada, bob = administrators(
        {"id": "ada", "token_sha256": [DIGEST]}, {"id": "bob", "certificate_sha256": ["AB:" * 31 + "AB"]}
    )
    assert (ada.administrator.administrator_id, ada.token_sha256) == ("ada", frozenset({DIGEST}))
    assert (bob.administrator.administrator_id, bob.certificate_sha256) == ("bob", frozenset({"ab" * 32}))
    assert administrators() == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([{"id": "configuration", "token_sha256": [DIGEST]}], "id: found 'configuration'"),
        ([{"id": "ada"}], "token_sha256: found nothing"),
        ([{"id": "ada", "token_sha256": ["secret"]}], "found a text of 6 characters"),
        ([{"id": "ada", "token_sha256": [DIGEST]}] * 2, "id: found 'ada' a second time"),
        (
            [{"id": "ada", "token_sha256": [DIGEST]}, {"id": "bob", "token_sha256": [DIGEST]}],
            "shares a token or certificate with ada",
        ),
        ([{"id": "ada", "token_sha256": [DIGEST], "name": "x"}], "name: no such key"),
    ],
)
def test_administrators_that_cannot_be(values: list[dict[str, Any]], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        administrators(*values)
    assert expected in str(caught.value)


def test_an_administrator_shares_no_credential_with_a_relying_party() -> None:
    with pytest.raises(ConfigError, match="shares a token or certificate with messenger"):
        administrators({"id": "ada", "token_sha256": [DIGEST]}, holders={DIGEST: "messenger"})
    with pytest.raises(ConfigError, match=r"listen\.client_ca"):
        administrators({"id": "ada", "certificate_sha256": [DIGEST]}, certificates=False)
