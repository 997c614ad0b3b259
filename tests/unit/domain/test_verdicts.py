"""How findings and requirements become decision and level, under the packaged policy."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import DAY, NOW, SIM, answer, evidence, known, packaged_policy, previous, unknown
from numseal.domain.evidence import (
    Forwarding,
    ForwardingKind,
    LineType,
    Lookup,
    LookupOutcome,
    Meta,
    Method,
    Port,
    Possession,
    SignalState,
    SimChange,
    SimChangeKind,
)
from numseal.domain.rules import RULES
from numseal.domain.verdict import Decision, Level, Severity, Verdict
from numseal.domain.verdicts import evaluate

POLICY = packaged_policy()


def judge(**changes: Any) -> Verdict:
    return evaluate(evidence(**changes), POLICY)


def codes(verdict: Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def network() -> Possession:
    return Possession(Method.NETWORK, NOW - 30, NOW)


def new_sim() -> Lookup:
    return answer(sim_change=known(SimChange(NOW - DAY, SimChangeKind.NEW)))


def test_a_code_and_all_signals_reach_substantial_and_say_why_not_high() -> None:
    verdict = judge()
    assert (verdict.decision, verdict.level) == (Decision.ACCEPT, Level.SUBSTANTIAL)
    assert codes(verdict) == ["METHOD_BELOW_LEVEL"]
    assert verdict.findings[0].sentence == "HIGH requires NETWORK."
    assert verdict.policy_hash == POLICY.digest


def test_network_possession_and_all_signals_reach_high() -> None:
    verdict = judge(possession=network())
    assert (verdict.decision, verdict.level, verdict.findings) == (Decision.ACCEPT, Level.HIGH, ())


def test_before_the_code_only_the_decision_counts() -> None:
    verdict = judge(possession=None, after=None)
    assert (verdict.decision, verdict.level, verdict.findings) == (Decision.ACCEPT, Level.NONE, ())


@pytest.mark.parametrize(
    ("changes", "level", "missing"),
    [
        ({"after": answer(sim_change=unknown())}, Level.LOW, ("after.sim_change",)),
        ({"before": answer(line_type=unknown())}, Level.LOW, ("before.line_type",)),
        ({"after": answer(serving=unknown())}, Level.SUBSTANTIAL, ("after.serving",)),
        ({"after": answer(serving=known(()))}, Level.SUBSTANTIAL, ("after.serving",)),
        ({"after": answer(forwarding=known(None))}, Level.LOW, ("after.forwarding",)),
        ({"after": answer(reachability=unknown())}, Level.SUBSTANTIAL, ("after.reachability",)),
        ({"after": answer(activate_time=known(None))}, Level.SUBSTANTIAL, ("after.activate_time",)),
        ({"after": answer(sim_ref=known(None))}, Level.LOW, ("after.sim_ref",)),
        ({"after": None}, Level.LOW, ("after.sim_ref", "after.sim_change", "after.port", "after.forwarding")),
        (
            {"before": Lookup(LookupOutcome.UNANSWERED, "mts", NOW)},
            Level.LOW,
            ("before.line_type", "before.subscriber_ref", "before.sim_ref"),
        ),
    ],
)
def test_what_is_missing_lowers_the_level(changes: dict[str, Any], level: Level, missing: tuple[str, ...]) -> None:
    verdict = judge(possession=network(), **changes)
    assert (verdict.decision, verdict.level) == (Decision.ACCEPT, level)
    assert [finding.evidence for finding in verdict.findings if finding.code == "SIGNAL_MISSING"] == [missing]


@pytest.mark.parametrize("name", ["port", "sim_change"])
def test_what_never_happened_is_known_without_a_value(name: str) -> None:
    never: dict[str, Any] = {name: known(None)}
    assert judge(after=answer(**never)).level is Level.SUBSTANTIAL


def test_no_forwarding_at_all_is_an_answer() -> None:
    assert judge(possession=network(), after=answer(forwarding=known(()))).level is Level.HIGH


@pytest.mark.parametrize("state", [state for state in SignalState if state is not SignalState.OK])
def test_no_state_but_ok_is_read_as_known(state: SignalState) -> None:
    signal = replace(known(SIM), meta=Meta(state))
    assert judge(after=answer(sim_ref=signal)).level is Level.LOW


@pytest.mark.parametrize(
    "after",
    [
        new_sim(),
        answer(port=known(Port(NOW - DAY, "beeline"))),
        answer(forwarding=known((Forwarding(ForwardingKind.UNCONDITIONAL, active=True),))),
    ],
)
def test_a_caution_caps_the_level_and_still_accepts(after: Lookup) -> None:
    verdict = judge(possession=network(), before=after, after=after)
    assert (verdict.decision, verdict.level) == (Decision.ACCEPT, Level.LOW)


def test_a_cap_never_raises_a_level() -> None:
    rule = replace(POLICY.rules["SIM_RECENT"], cap=Level.HIGH)
    policy = replace(POLICY, rules={**POLICY.rules, "SIM_RECENT": rule})
    assert evaluate(evidence(before=new_sim(), after=new_sim()), policy).level is Level.SUBSTANTIAL


def test_a_severe_finding_asks_for_more() -> None:
    verdict = judge(previous=previous(), after=answer(sim_ref=known(replace(SIM, ref="6" * 32))))
    assert verdict.decision is Decision.STEP_UP
    assert verdict.findings[0].severity is Severity.SEVERE


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (
            {
                "before": answer(forwarding=known((Forwarding(ForwardingKind.UNCONDITIONAL, active=True),))),
                "possession": Possession(Method.VOICE, NOW - 30, NOW),
            },
            "VOICE_CODE_FORWARDED",
        ),
        (
            {
                "previous": previous(),
                "before": answer(sim_ref=known(replace(SIM, ref="6" * 32))),
                "after": answer(sim_ref=unknown(), sim_change=unknown()),
            },
            "SIM_CHANGED_SINCE_BINDING",
        ),
    ],
)
def test_what_was_seen_before_the_code_still_asks_for_more_after_it(changes: dict[str, Any], code: str) -> None:
    verdict = judge(**changes)
    assert verdict.decision is Decision.STEP_UP
    assert codes(verdict)[0] == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"after": answer(LookupOutcome.NOT_ASSIGNED)}, "NUMBER_UNALLOCATED"),
        ({"after": answer(LookupOutcome.NOT_SERVED)}, "NUMBER_NOT_SERVED"),
        ({"after": answer(line_type=known(LineType.FIXED))}, "LINE_NOT_MOBILE"),
        ({"after": answer(operator="beeline")}, "OPERATOR_MISMATCH"),
    ],
)
def test_a_fatal_finding_rejects(changes: dict[str, Any], code: str) -> None:
    verdict = judge(**changes)
    assert (verdict.decision, verdict.level) == (Decision.REJECT, Level.NONE)
    assert codes(verdict)[0] == code


def test_the_worst_finding_comes_first_and_decides() -> None:
    fixed = replace(new_sim(), subscriber=answer(line_type=known(LineType.FIXED), sim_ref=unknown()).subscriber)
    verdict = judge(previous=previous(operator_id="beeline"), after=fixed)
    assert verdict.decision is Decision.REJECT
    severities = [finding.severity for finding in verdict.findings]
    assert severities == sorted(severities, reverse=True)
    assert len(set(severities)) > 1


def test_the_order_of_the_policy_file_does_not_count() -> None:
    turned = replace(POLICY, rules=dict(reversed(list(POLICY.rules.items()))))
    held = evidence(after=answer(operator="beeline", line_type=known(LineType.VOIP)), previous=previous())
    assert evaluate(held, turned) == evaluate(held, POLICY)


def test_a_rule_set_to_note_changes_nothing() -> None:
    notes = {code: replace(POLICY.rules[code], severity=Severity.NOTE, cap=None) for code in RULES}
    verdict = evaluate(evidence(after=new_sim()), replace(POLICY, rules=notes))
    assert (verdict.decision, verdict.level) == (Decision.ACCEPT, Level.SUBSTANTIAL)
    assert "SIM_RECENT" in codes(verdict)
