from dataclasses import replace
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings

from fakes.any_evidence import any_evidence
from fakes.evidence import DAY, NOW, answer, evidence, known, packaged_policy, previous
from numseal.apps.explain.evidence import at_path, evidence_sections, evidence_values
from numseal.apps.explain.page import text_of
from numseal.apps.explain.verdict import holding_back, verdict_sections
from numseal.domain.evidence import (
    Answer,
    ClientNetwork,
    DeliveryState,
    Evidence,
    Grant,
    Lookup,
    LookupOutcome,
    Meta,
    Method,
    NetworkKind,
    Possession,
    Signal,
    SignalState,
    SimChange,
    SimChangeKind,
    Statement,
    Velocity,
)
from numseal.domain.verdict import Decision, Finding, Level, Severity, Verdict
from numseal.domain.verdicts import evaluate

NUMBER = "+79161234567"


def page(value: Evidence, *, unmasked: bool = False) -> str:
    return click.unstyle(text_of(evidence_sections(value, unmasked=unmasked)))


def lines(text: str, title: str) -> list[str]:
    """Return a section's rows, single spaces between words."""
    after = text.split(f"{title}\n", 1)[1]
    return [" ".join(line.split()) for line in after.split("\n\n", 1)[0].splitlines()]


def test_the_number_is_masked() -> None:
    assert NUMBER not in page(evidence())
    assert lines(page(evidence()), "Number")[0] == "number +7916*****67"
    assert NUMBER in page(evidence(), unmasked=True)
    assert evidence_values(evidence(), unmasked=False)["phone_number"] == "+7916*****67"
    assert evidence_values(evidence(), unmasked=True)["phone_number"] == NUMBER


def test_what_an_operator_signed_names_the_number_too() -> None:
    signed = replace(answer(), statement=Statement("e30.KzcA.c2ln"), statement_hash="ab" * 32)
    shown = Possession(Method.NETWORK, NOW, NOW, statement=Statement("e30.KzcB.c2ln"), statement_hash="cd" * 32)
    said = evidence(before=signed, after=signed, before_resend=(signed,), possession=shown, earlier=(shown,))
    masked = str(evidence_values(said, unmasked=False))
    assert "KzcA" not in masked
    assert "KzcB" not in masked
    assert masked.count("ab" * 32) == 3
    assert masked.count("cd" * 32) == 2
    whole = str(evidence_values(said, unmasked=True))
    assert (whole.count("KzcA"), whole.count("KzcB")) == (3, 2)
    assert "KzcB" not in page(said)
    assert "KzcA" not in page(said)


def test_who_serves_the_number_and_what_is_asked_for() -> None:
    shown = lines(page(evidence(country="RU", home_plmns=("250-01",), required_level=Level.HIGH)), "Number")
    assert "country RU" in shown
    assert "operator mts 250-01" in shown
    assert "required HIGH" in shown


def test_every_signal_has_state_value_age_and_source() -> None:
    meta = Meta(SignalState.STALE, NOW - DAY, source="HLR", code_space="map", code="27")
    found = answer(sim_change=Signal(meta, SimChange(NOW - 2 * DAY, SimChangeKind.NEW)), port=Signal())
    shown = lines(page(evidence(after=found)), "Lookup after the code")
    assert len(shown) == 2 + 18
    assert "sim_change STALE NEW, 2025-06-13T15:06:40Z (2 d before) 1 d old, by HLR (map 27)" in shown
    assert "port UNKNOWN" in shown


@pytest.mark.parametrize(
    ("lookup", "row"),
    [
        (Lookup(LookupOutcome.UNANSWERED, "mts", NOW, failure="DEADLINE"), "failure DEADLINE"),
        (
            Lookup(LookupOutcome.PORTED, "mts", NOW, ported_to="beeline", ported_plmn="250-99"),
            "ported to beeline 250-99",
        ),
        (Lookup(LookupOutcome.NOT_SERVED, "mts", NOW, lookup_reference="ref-7"), "reference ref-7"),
        (Lookup(LookupOutcome.NOT_SERVED, "mts", NOW, statement_hash="ab" * 32), f"statement {'ab' * 32}"),
    ],
)
def test_what_else_a_lookup_says(lookup: Lookup, row: str) -> None:
    assert row in lines(page(evidence(before=lookup)), "Lookup before the code")


def test_lookups_before_further_codes_have_sections_of_their_own() -> None:
    text = page(evidence(before_resend=(answer(), answer(LookupOutcome.NOT_SERVED)), after=None))
    assert lines(text, "Lookup before further code 2") == [
        "outcome NOT_SERVED mts, 2025-06-15T15:06:40Z",
    ]
    assert "Lookup after the code" not in text


def test_control_shown_with_delivery_and_by_another_sim() -> None:
    shown = (Possession(Method.SMS, NOW - 90, NOW - 60, DeliveryState.DELIVERED),)
    text = page(evidence(earlier=shown, possession=Possession(Method.NETWORK, NOW - 9, NOW), network_mismatches=2))
    assert lines(text, "Control of the number") == [
        "NETWORK shown 2025-06-15T15:06:40Z, 9 s after it was sent",
        "SMS shown 2025-06-15T15:05:40Z (1 min before), 30 s after it was sent, delivery DELIVERED",
        "2 network pages were opened by another SIM",
    ]


def test_control_not_shown() -> None:
    assert lines(page(evidence(possession=None)), "Control of the number") == ["not shown"]


def test_context() -> None:
    text = page(
        evidence(
            client=ClientNetwork("RU", NetworkKind.MOBILE, "mts"),
            velocity=Velocity(accounts_of_number=3),
            grants=(Grant(Answer.REGISTRATION_LOCK, NOW, "lock-1"),),
            previous=replace(previous(), level=Level.LOW, same_key=True),
        )
    )
    assert lines(text, "Client network") == ["MOBILE in RU mts"]
    assert "accounts of number 3" in lines(text, "Seen together")
    assert "numbers of account not counted" in lines(text, "Seen together")
    assert lines(text, "Answers given") == ["REGISTRATION_LOCK 2025-06-15T15:06:40Z lock-1"]
    before = lines(text, "Previous binding")
    assert "same key yes" in before
    assert "level LOW" in before
    assert "then operator id mts" in before
    nowhere = evidence(client=ClientNetwork("", NetworkKind.FIXED))
    assert lines(page(nowhere), "Client network") == ["FIXED in no country named"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("after.sim_ref", "55555555… (epoch 1, DIRECT)"),
        ("before.outcome", "SUBSCRIBER"),
        ("possession.method", "SMS"),
        ("previous.facts.operator_id", "mts"),
        ("velocity.accounts_of_number", "7"),
        ("before_resend.recycled", "no; UNKNOWN"),
        ("before_resend.nothing", ""),
        ("before_resend", "SUBSCRIBER from mts, 2025-06-15T15:06:40Z; NOT_SERVED from mts, 2025-06-15T15:06:40Z"),
        ("after.nothing", ""),
        ("phone_number", "+7916*****67"),
        ("phone_number.length", ""),
        ("", ""),
    ],
)
def test_what_stands_at_a_path(path: str, words: str) -> None:
    resends = (answer(recycled=known(False)), answer(LookupOutcome.NOT_SERVED))
    whole = evidence(previous=previous(), before_resend=resends, velocity=Velocity(accounts_of_number=7))
    assert at_path(whole, path) == words


def test_a_signal_of_a_lookup_without_subscriber_is_unknown() -> None:
    assert at_path(evidence(after=answer(LookupOutcome.NOT_SERVED)), "after.sim_ref") == "UNKNOWN"
    assert at_path(evidence(after=None), "after.sim_ref") == ""


CAUTION = Finding("SIM_RECENT", Severity.CAUTION, "The SIM is young.", ("after.sim_change",), Level.LOW)
LACK = Finding("METHOD_BELOW_LEVEL", Severity.NOTE, "SUBSTANTIAL requires NETWORK.", ("possession.method",))
SEVERE = Finding("SIM_CHANGED", Severity.SEVERE, "Another SIM.", ("after.nowhere",), Level.LOW)
FATAL = Finding("NUMBER_UNALLOCATED", Severity.FATAL, "Nobody has it.")


def verdict_page(verdict: Verdict, value: Evidence | None = None) -> str:
    return click.unstyle(text_of(verdict_sections(verdict, value)))


def test_findings_stand_with_what_they_rest_on_the_gravest_first() -> None:
    text = verdict_page(Verdict(Decision.STEP_UP, Level.LOW, (CAUTION, SEVERE), "ab", (Answer.WAIT,)), evidence())
    assert lines(text, "Findings") == [
        "SEVERE SIM_CHANGED Another SIM. (at most LOW)",
        "after.nowhere",
        "CAUTION SIM_RECENT The SIM is young. (at most LOW)",
        "after.sim_change: NEW, 2024-05-11T15:06:40Z (400 d before)",
    ]
    assert "answered by WAIT" in lines(text, "Verdict")
    assert "after.sim_change" in lines(verdict_page(Verdict(Decision.ACCEPT, Level.LOW, (CAUTION,), "ab")), "Findings")
    assert lines(verdict_page(Verdict(Decision.ACCEPT, Level.LOW, (), "ab")), "Findings") == ["none"]


@pytest.mark.parametrize(
    ("verdict", "findings"),
    [
        (Verdict(Decision.ACCEPT, Level.LOW, (CAUTION, LACK), ""), (CAUTION, LACK)),
        (Verdict(Decision.ACCEPT, Level.HIGH, (CAUTION,), ""), ()),
        (Verdict(Decision.ACCEPT, Level.NONE, (CAUTION, LACK), ""), ()),
        (Verdict(Decision.REJECT, Level.NONE, (FATAL, CAUTION), ""), (FATAL,)),
    ],
)
def test_why_the_level_is_not_higher(verdict: Verdict, findings: tuple[Finding, ...]) -> None:
    assert holding_back(verdict) == findings


def test_the_packaged_policy_says_why_a_level_is_not_higher() -> None:
    verdict = evaluate(evidence(), packaged_policy())
    assert verdict.level < Level.HIGH
    assert holding_back(verdict)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(any_evidence())
def test_whatever_the_evidence_it_makes_a_page(value: Evidence) -> None:
    verdict = evaluate(value, packaged_policy())
    for width in (0, 80):
        text: Any = text_of([*evidence_sections(value, unmasked=True), *verdict_sections(verdict, value)], width)
        assert all(line.isprintable() for line in click.unstyle(text).split("\n"))
