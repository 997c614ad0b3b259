"""The agreements that the configuration file declares: `[[agreements]]`, one for each operator named.

What is declared here is accepted for both sides by whoever writes the file. What must hold between the terms of one is
`domain.agreement_terms`'.
"""

from typing import Any

from numseal.apps.config_parties import ID, ID_EXPECTED, RegisteredParty, listed, once
from numseal.apps.config_reader import ConfigError, Table
from numseal.domain.agreement import Agreement, Offer, Quota
from numseal.domain.agreement_terms import MAX_COUNT, MAX_RATE, MAX_TEXT, MAX_URI, check_terms
from numseal.domain.errors import Refusal
from numseal.domain.evidence import SIGNAL_NAMES, Method

_ID_MOST = 64
_OFFER_KEYS = ("offer_uri", "offer_sha256", "offer_approval_reference")


def read_agreements(
    tables: list[Table], parties: tuple[RegisteredParty, ...], operators: frozenset[str]
) -> tuple[Agreement, ...]:
    """Read [[agreements]]; `operators` are those that may be named.

    Each operator's is an agreement of its own, named `id`-`operator`, so that one can be suspended without the others.
    """
    known_parties = {registered.party.relying_party for registered in parties}
    agreements: dict[str, Agreement] = {}
    ids: set[str] = set()
    for table in tables:
        agreement_id = table.text("id", pattern=ID, expected=ID_EXPECTED)
        once(table, agreement_id, ids)
        ids.add(agreement_id)
        relying_party = table.text("relying_party", expected="a relying party's id")
        if relying_party not in known_parties:
            raise table.error("relying_party", repr(relying_party), f"one of {listed(known_parties)}")
        named = table.texts("operators", pattern=".+", expected="an operator's id")
        if not named:
            raise table.error("operators", "nothing", f"some of {listed(operators)}")
        terms = read_terms(table)
        table.close()
        for operator_id in named:
            if operator_id not in operators:
                raise table.error("operators", repr(operator_id), f"some of {listed(operators)}")
            name = f"{agreement_id}-{operator_id}"
            if len(name) > _ID_MOST or name in agreements:
                found = f"an agreement {name!r} {'of too many characters' if len(name) > _ID_MOST else 'a second time'}"
                raise table.error("id", found, f"one that with the operator's makes at most {_ID_MOST}, and no other's")
            agreements[name] = _checked(table, Agreement(name, relying_party, operator_id, **terms))
    return tuple(agreements.values())


def read_terms(table: Table, *, open_end: bool = False) -> dict[str, Any]:
    """Read what an agreement says but for its id and sides, by the names of its fields; `open_end` permits no end."""
    valid_from = table.moment("valid_from")
    if open_end and "valid_until" not in table.keys():  # noqa: SIM118 - not a mapping
        table.expect("valid_until")
        valid_until = None
    else:
        valid_until = table.moment("valid_until")
    if valid_until is not None and valid_until <= valid_from:
        raise table.error(
            "valid_until", table.given("valid_until"), f"a later time than valid_from, {table.given('valid_from')}"
        )
    methods = table.texts("methods", pattern="|".join(Method), expected=f"one of {', '.join(Method)}")
    signals = table.texts("signals", pattern="|".join(SIGNAL_NAMES), expected=f"one of {', '.join(SIGNAL_NAMES)}")
    for key, values in (("methods", methods), ("signals", signals)):
        if key in table.keys() and not values:  # noqa: SIM118 - not a mapping
            raise table.error(key, "nothing", "at least one, or no such key where all are covered")
    return {
        "valid_from": valid_from,
        "valid_until": valid_until,
        "methods": tuple(Method(name) for name in methods) or tuple(Method),
        "signals": signals or SIGNAL_NAMES,
        "quota": _quota(table),
        "offer": _offer(table),
        "consent_purpose": _text(table, "consent_purpose"),
        "notification_reference": _text(table, "notification_reference"),
    }


def _quota(table: Table) -> Quota:
    quota = Quota(
        table.integer("daily_verifications", 0, low=0, high=MAX_COUNT),
        table.integer("calls_per_second", 0, low=0, high=MAX_RATE),
        table.integer("daily_cost_cap_micros", 0, low=0, high=MAX_COUNT),
        table.text("currency", "", pattern="[A-Z]{3}", expected="an ISO 4217 code in capitals, such as RUB"),
    )
    if quota.daily_cost_cap_micros and not quota.currency:
        raise table.error("currency", "nothing", "the currency of daily_cost_cap_micros, such as RUB")
    return quota


def _offer(table: Table) -> Offer | None:
    given = [key for key in _OFFER_KEYS if key in table.keys()]  # noqa: SIM118 - not a mapping
    for key in _OFFER_KEYS:
        table.expect(key)
    if not given:
        return None
    return Offer(
        table.text("offer_uri", pattern=f".{{1,{MAX_URI}}}", expected="where the public offer is"),
        table.text("offer_sha256", pattern="[0-9a-f]{64}", expected="a SHA-256 in 64 lowercase hexadecimal digits"),
        _text(table, "offer_approval_reference"),
    )


def _text(table: Table, key: str) -> str:
    return table.text(key, "", pattern=f".{{1,{MAX_TEXT}}}", expected=f"a text of at most {MAX_TEXT} characters")


def _checked(table: Table, terms: Agreement) -> Agreement:
    try:
        check_terms(terms)
    except Refusal as refusal:
        raise ConfigError(f"{table.file}: {table.path}: {refusal.message}") from None
    return terms
