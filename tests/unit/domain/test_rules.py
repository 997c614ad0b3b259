"""Every rule, just inside and just outside of what it finds, under the packaged policy."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import DAY, NOW, SIM, answer, evidence, known, packaged_policy, previous, unknown
from numseal.domain.evidence import (
    Basis,
    Evidence,
    Forwarding,
    ForwardingKind,
    LineType,
    Lookup,
    LookupOutcome,
    Method,
    Port,
    Possession,
    SimChange,
    SimChangeKind,
)
from numseal.domain.rules import RULES, SHAPES, latest
from numseal.domain.verdict import Finding, Level, Severity

POLICY = packaged_policy()
OTHER_SIM = replace(SIM, ref="6" * 32)


def find(code: str, **changes: Any) -> Finding | None:
    rule, _ = RULES[code]
    finding = rule(evidence(**changes), POLICY.rules[code])
    assert finding is None or finding.code == code
    return finding


def no_answer() -> Lookup:
    return Lookup(LookupOutcome.UNANSWERED, "mts", NOW, failure="TIMEOUT")


def sim_changed(age: int) -> Lookup:
    return answer(sim_change=known(SimChange(NOW - age, SimChangeKind.REPLACED)))


def ported(age: int, **more: Any) -> Lookup:
    return answer(port=known(Port(NOW - age, "beeline")), **more)


def forwards(kind: ForwardingKind, *, active: bool = True) -> Lookup:
    return answer(forwarding=known((Forwarding(kind, active),)))


def shown(method: Method) -> Possession:
    return Possession(method, NOW - 30, NOW)


def test_an_ordinary_first_sign_up_is_without_findings() -> None:
    assert [code for code in RULES if find(code)] == []


def test_an_ordinary_re_registration_is_without_findings() -> None:
    assert [code for code in RULES if find(code, previous=previous())] == []


def test_every_rule_has_a_shape() -> None:
    assert SHAPES.keys() == RULES.keys()


@pytest.mark.parametrize(
    ("after", "where"),
    [(None, "before"), (no_answer(), "before"), (answer(LookupOutcome.NOT_ASSIGNED), "after"), (answer(), "after")],
)
def test_latest_is_the_newest_lookup_that_was_answered(after: Lookup | None, where: str) -> None:
    held: Evidence = evidence(after=after)
    assert latest(held) == (where, getattr(held, where))


CASES: list[tuple[str, dict[str, Any], tuple[str, ...] | None]] = [
    # what an operator says of the number
    ("NUMBER_UNALLOCATED", {"before": answer(LookupOutcome.NOT_ASSIGNED), "after": None}, ("before.outcome",)),
    ("NUMBER_UNALLOCATED", {"after": answer(LookupOutcome.NOT_ASSIGNED)}, ("after.outcome",)),
    ("NUMBER_UNALLOCATED", {"after": answer(LookupOutcome.NOT_SERVED)}, None),
    ("NUMBER_UNALLOCATED", {"before": no_answer(), "after": None}, None),
    ("NUMBER_NOT_SERVED", {"after": answer(LookupOutcome.NOT_SERVED)}, ("after.outcome",)),
    ("NUMBER_NOT_SERVED", {"before": answer(LookupOutcome.PORTED), "after": None}, ("before.outcome",)),
    ("NUMBER_NOT_SERVED", {"after": answer(LookupOutcome.NOT_ASSIGNED)}, None),
    ("NUMBER_NOT_SERVED", {"before": no_answer(), "after": no_answer()}, None),
    # the line
    *[
        ("LINE_NOT_MOBILE", {"after": answer(line_type=known(line))}, ("after.line_type",))
        for line in LineType
        if line is not LineType.MOBILE
    ],
    ("LINE_NOT_MOBILE", {"after": answer(line_type=unknown())}, None),
    ("LINE_NOT_MOBILE", {"after": answer(line_type=known(LineType.MOBILE))}, None),
    ("LINE_NOT_MOBILE", {"after": answer(LookupOutcome.NOT_ASSIGNED)}, None),
    (
        "LINE_NOT_MOBILE",
        {"before": answer(line_type=known(LineType.VOIP)), "after": no_answer()},
        ("before.line_type",),
    ),
    # who answered
    ("OPERATOR_MISMATCH", {"after": answer(operator="beeline")}, ("after.operator_id", "routed_operator")),
    ("OPERATOR_MISMATCH", {"routed_operator": "beeline", "after": answer(operator="beeline")}, None),
    # against an earlier binding
    (
        "SIM_CHANGED_SINCE_BINDING",
        {"previous": previous(), "after": answer(sim_ref=known(OTHER_SIM))},
        ("after.sim_ref", "previous.facts.sim_ref"),
    ),
    ("SIM_CHANGED_SINCE_BINDING", {"after": answer(sim_ref=known(OTHER_SIM))}, None),
    (
        "SIM_CHANGED_SINCE_BINDING",
        {"previous": previous(sim_ref=None), "after": answer(sim_ref=known(OTHER_SIM))},
        None,
    ),
    ("SIM_CHANGED_SINCE_BINDING", {"previous": previous(), "after": answer(sim_ref=unknown())}, None),
    (
        "SIM_CHANGED_SINCE_BINDING",
        {"previous": previous(), "after": answer(sim_ref=known(replace(OTHER_SIM, key_epoch="2")))},
        None,
    ),
    (
        "SIM_CHANGED_SINCE_BINDING",
        {"previous": previous(), "after": answer(sim_ref=known(replace(OTHER_SIM, basis=Basis.HOME_ROUTED)))},
        None,
    ),
    (
        "SIM_CHANGED_SINCE_BINDING",
        {
            "previous": previous(sim_ref=replace(SIM, basis=Basis.HOME_ROUTED)),
            "after": answer(sim_ref=known(OTHER_SIM)),
        },
        None,
    ),
    (
        "SIM_CHANGED_SINCE_BINDING",
        {"previous": previous(), "after": sim_changed(30 * DAY - 1)},
        ("after.sim_change", "previous.verified_time"),
    ),
    ("SIM_CHANGED_SINCE_BINDING", {"previous": previous(), "after": sim_changed(30 * DAY)}, None),
    ("SIM_CHANGED_SINCE_BINDING", {"previous": previous(), "after": answer(sim_change=known(None))}, None),
    (
        "PORTED_SINCE_BINDING",
        {"previous": previous(), "after": ported(30 * DAY - 1)},
        ("after.port", "previous.facts.operator_id"),
    ),
    ("PORTED_SINCE_BINDING", {"previous": previous(), "after": ported(30 * DAY)}, None),
    ("PORTED_SINCE_BINDING", {"after": ported(1)}, None),
    (
        "PORTED_SINCE_BINDING",
        {"previous": previous(operator_id="beeline")},
        ("after.port", "previous.facts.operator_id"),
    ),
    # age
    ("SIM_RECENT", {"after": sim_changed(3 * DAY - 1)}, ("after.sim_change",)),
    ("SIM_RECENT", {"after": sim_changed(3 * DAY)}, None),
    ("SIM_RECENT", {"after": answer(sim_change=unknown())}, None),
    ("PORT_RECENT", {"after": ported(3 * DAY - 1)}, ("after.port",)),
    ("PORT_RECENT", {"after": ported(3 * DAY)}, None),
    ("PORT_RECENT", {"after": answer(port=unknown())}, None),
    # while it was being verified
    (
        "SIM_CHANGED_DURING_VERIFICATION",
        {"after": answer(sim_ref=known(OTHER_SIM))},
        ("before.sim_ref", "after.sim_ref"),
    ),
    ("SIM_CHANGED_DURING_VERIFICATION", {"after": answer(sim_ref=known(replace(OTHER_SIM, key_epoch="2")))}, None),
    ("SIM_CHANGED_DURING_VERIFICATION", {"after": None}, None),
    ("SIM_CHANGED_DURING_VERIFICATION", {"before": no_answer(), "after": answer(sim_ref=known(OTHER_SIM))}, None),
    # forwarding
    ("FORWARDING_ACTIVE", {"after": forwards(ForwardingKind.UNCONDITIONAL)}, ("after.forwarding",)),
    ("FORWARDING_ACTIVE", {"after": forwards(ForwardingKind.UNCONDITIONAL, active=False)}, None),
    ("FORWARDING_ACTIVE", {"after": forwards(ForwardingKind.NO_REPLY)}, None),
    ("FORWARDING_ACTIVE", {"after": answer(forwarding=unknown())}, None),
    (
        "VOICE_CODE_FORWARDED",
        {"possession": shown(Method.VOICE), "after": forwards(ForwardingKind.NO_REPLY)},
        ("after.forwarding", "possession.method"),
    ),
    (
        "VOICE_CODE_FORWARDED",
        {"possession": shown(Method.VOICE), "after": forwards(ForwardingKind.NO_REPLY, active=False)},
        None,
    ),
    ("VOICE_CODE_FORWARDED", {"possession": shown(Method.SMS), "after": forwards(ForwardingKind.NO_REPLY)}, None),
    ("VOICE_CODE_FORWARDED", {"possession": None, "after": forwards(ForwardingKind.NO_REPLY)}, None),
]


@pytest.mark.parametrize(("code", "changes", "rests_on"), CASES)
def test_rule(code: str, changes: dict[str, Any], rests_on: tuple[str, ...] | None) -> None:
    finding = find(code, **changes)
    assert (None if finding is None else finding.evidence) == rests_on


def test_a_signal_that_is_not_ok_is_not_looked_at() -> None:
    stale = replace(known(OTHER_SIM), meta=unknown().meta)
    assert find("SIM_CHANGED_SINCE_BINDING", previous=previous(), after=answer(sim_ref=stale)) is None


def test_severity_cap_and_threshold_are_the_policys() -> None:
    rule, _ = RULES["SIM_RECENT"]
    setting = replace(
        POLICY.rules["SIM_RECENT"], severity=Severity.CAUTION, cap=Level.SUBSTANTIAL, thresholds={"max_age_days": 10}
    )
    finding = rule(evidence(after=sim_changed(10 * DAY - 1)), setting)
    assert finding is not None
    assert (finding.severity, finding.cap) == (Severity.CAUTION, Level.SUBSTANTIAL)
    assert rule(evidence(after=sim_changed(10 * DAY)), setting) is None
