from dataclasses import replace
from typing import Any

import click
import pytest

from fakes.evidence import DAY, NOW, answer
from fakes.store_rows import binding, verification
from numseal.apps.explain.page import text_of
from numseal.apps.explain.verification import evidence_behind, history, page_of, values_of
from numseal.domain.binding import Binding, BindingState
from numseal.domain.evidence import Answer, Grant, LookupOutcome, Method, Possession
from numseal.domain.report import Outcome, Report
from numseal.domain.verdict import Decision, Finding, Level, Severity, Verdict
from numseal.domain.verification import Client, NetworkPage, Option, State, Verification

FINDING = Finding("SIM_RECENT", Severity.SEVERE, "The SIM is young.", ("after.sim_change",))
SHOWN = verification(
    1,
    state=State.STEP_UP_REQUIRED,
    update_time=NOW + 60,
    guesses=2,
    page=NetworkPage("https://mts.test/p", "s" * 32, b"c", NOW + 40, NOW + 600),
    shown=(Possession(Method.SMS, NOW, NOW + 30),),
    after=replace(answer(), time=NOW + 31),
    grants=(Grant(Answer.WAIT, NOW + 50),),
    options=(Option(Answer.NETWORK, NOW + 60, Method.NETWORK, Level.HIGH), Option(Answer.WAIT, NOW + DAY)),
    option_time=NOW + 60,
    verdict=Verdict(Decision.STEP_UP, Level.LOW, (FINDING,), "d" * 64),
    reports=(Report(Outcome.FRAUD, NOW, NOW + 99),),
)


def page(made: Verification | None, holder: Binding | None = None, *, unmasked: bool = False, **more: Any) -> str:
    evidence = None if made is None else evidence_behind(made, holder)
    sections = page_of(made, evidence, more.get("binding"), holder, unmasked=unmasked)
    return click.unstyle(text_of(sections))


def rows(text: str, title: str) -> list[str]:
    """Return a section's rows, single spaces between words."""
    part = ("\n" + text).split(f"\n{title}\n", 1)[1].split("\n\n", 1)[0]
    return [" ".join(line.split()) for line in part.splitlines()]


def test_who_asked_and_how_it_stands() -> None:
    shown = rows(page(SHOWN), "Verification")
    assert "state STEP_UP_REQUIRED" in shown
    assert "number +7916*****01" in shown
    assert "asked by acme, for its account account-1" in shown
    assert "codes 1 of 5 sent, 2 of 5 guesses wrong" in shown
    assert "+79160000001" not in page(SHOWN)
    assert "number +79160000001" in rows(page(SHOWN, unmasked=True), "Verification")


def test_what_is_told_only_where_it_is() -> None:
    client = Client("192.0.2.7", "app/1", '{"kty":"EC"}')
    opening = replace(SHOWN.opening, client=client, consent_reference="consent-9")
    made = replace(
        SHOWN, opening=opening, failure="GUESSES", supersedes=("f" * 32,), contested_binding="b" * 32, jti="c" * 32
    )
    shown = rows(page(made, unmasked=True), "Verification")
    for row in (
        "client key named, not proved",
        "client 192.0.2.7 app/1",
        "consent consent-9",
        "state STEP_UP_REQUIRED GUESSES",
        f"attestation {'c' * 32}",
        f"supersedes {'f' * 32}",
        f"contested by {'b' * 32}",
    ):
        assert row in shown
    assert "192.0.2.7" not in page(made)


def test_a_proved_key_is_said_to_be() -> None:
    opening = replace(SHOWN.opening, client=Client(device_public_key_jwk="{}"))
    made = replace(verification(1), opening=opening, key_proven=True)
    assert "client key proved" in rows(page(made), "Verification")


def test_the_history_is_in_order() -> None:
    assert [words for _, words in history(SHOWN)] == [
        "opened: SIGN_UP, by SMS",
        "asked mts: SUBSCRIBER",
        "code of 6 digits sent by SMS, delivery ACCEPTED",
        "control shown by SMS",
        "asked mts: SUBSCRIBER",
        "network page made",
        "answer given: WAIT",
        "ways on offered: NETWORK, WAIT",
        "now STEP_UP_REQUIRED",
        "reported as FRAUD",
    ]
    assert [words for _, words in history(verification(1))][-1] == "now CODE_SENT"


def test_what_happened_within_a_second_stands_in_the_order_of_things() -> None:
    made = verification(1, shown=(Possession(Method.SMS, NOW, NOW),), after=answer(), update_time=NOW)
    assert [words.split()[0] for _, words in history(made)] == ["opened:", "asked", "code", "control", "asked", "now"]


def test_evidence_findings_and_ways_on_stand_on_the_page() -> None:
    text = page(SHOWN)
    assert "SEVERE SIM_RECENT The SIM is young." in rows(text, "Findings")
    assert "decision STEP_UP" in rows(text, "Verdict")
    assert rows(text, "Ways on") == [
        "NETWORK NETWORK from 2025-06-15T15:07:40Z, up to HIGH",
        "WAIT from 2025-06-16T15:06:40Z (23 h 59 min later), up to LOW",
    ]
    assert "Lookup after the code" in text


@pytest.mark.parametrize("state", State)
def test_every_state_makes_a_page(state: State) -> None:
    assert f"state {state}" in rows(page(replace(SHOWN, state=state)), "Verification")


def test_before_the_code_the_evidence_has_no_possession() -> None:
    made = verification(1, before=answer(LookupOutcome.NOT_ASSIGNED), state=State.REJECTED, codes=())
    evidence = evidence_behind(made, None)
    assert evidence is not None
    assert evidence.possession is None
    assert rows(page(made), "Control of the number") == ["not shown"]
    assert evidence_behind(replace(made, before=None), None) is None
    assert "Lookup" not in page(replace(made, before=None))


def test_the_binding_against_it_is_the_previous_one() -> None:
    held = replace(
        binding(1, account="other"),
        contested_time=NOW + 60,
        sim_changed_time=NOW + 5,
        reverify_by=NOW + DAY,
        end_reason="SIM_CHANGED",
        state=BindingState.SUSPENDED,
        findings=(FINDING,),
    )
    evidence = evidence_behind(SHOWN, held)
    assert evidence is not None
    assert evidence.previous is not None
    assert (evidence.previous.same_account, evidence.previous.sim_changed_time is not None) == (False, True)
    shown = rows(page(SHOWN, held), "Binding that has the number")
    for row in (
        "account other",
        "state SUSPENDED SIM_CHANGED",
        "contested 2025-06-15T15:07:40Z (1 min later)",
        "sim changed 2025-06-15T15:06:45Z (5 s later)",
        "verify by 2025-06-16T15:06:40Z (1 d later)",
        "found since SIM_RECENT: The SIM is young.",
        "followed UNMONITORED",
    ):
        assert row in shown


def test_a_verification_kept_no_more_leaves_its_binding() -> None:
    text = page(None, binding=binding(1))
    assert text.startswith("Binding made\n")


def test_the_same_as_values() -> None:
    evidence = evidence_behind(SHOWN, None)
    values = values_of(SHOWN, evidence, None, binding(1), unmasked=False)
    assert values["verification"]["state"] == "STEP_UP_REQUIRED"
    assert values["verification"]["phone_number"] == values["evidence"]["phone_number"] == "+7916*****01"
    assert values["history"][0] == {"time": NOW, "event": "opened: SIGN_UP, by SMS"}
    assert values["verdict"]["findings"][0]["code"] == "SIM_RECENT"
    assert values["options"][1] == {
        "answer": "WAIT",
        "method": None,
        "available_time": NOW + DAY,
        "level": "LOW",
    }
    assert values["holder"]["account_id"] == "account-1"
    assert values["binding"] is None
    assert values_of(SHOWN, evidence, None, None, unmasked=True)["verification"]["phone_number"] == "+79160000001"


def test_nothing_known_gives_empty_values() -> None:
    values = values_of(None, None, None, None, unmasked=False)
    assert not any(values.values())
    assert values_of(verification(1), None, binding(1), None, unmasked=False)["verdict"] is None
