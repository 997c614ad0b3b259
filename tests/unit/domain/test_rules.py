"""Every rule, just inside and just outside of what it finds, under the packaged policy."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fakes.evidence import DAY, NOW, SIM, answer, evidence, known, packaged_policy, previous, unknown
from numseal.domain.evidence import (
    Basis,
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
    Subscriber,
)
from numseal.domain.rules import RULES, SHAPES, answered
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
    ("before", "further", "after", "names"),
    [
        (answer(), None, answer(), ["after", "before"]),
        (answer(), answer(), answer(), ["after", "before_resend", "before"]),
        (answer(), None, None, ["before"]),
        (answer(), None, no_answer(), ["before"]),
        (no_answer(), answer(), None, ["before_resend"]),
        (no_answer(), None, answer(LookupOutcome.NOT_ASSIGNED), ["after"]),
        (no_answer(), no_answer(), no_answer(), []),
    ],
)
def test_answered_yields_the_newest_lookup_first_and_none_without_an_answer(
    before: Lookup, further: Lookup | None, after: Lookup | None, names: list[str]
) -> None:
    held = evidence(before=before, before_resend=() if further is None else (further,), after=after)
    by_name = {"before": before, "before_resend": further, "after": after}
    assert list(answered(held)) == [(name, by_name[name]) for name in names]


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
    ("OPERATOR_MISMATCH", {"after": replace(no_answer(), operator_id="beeline")}, None),
    (
        "OPERATOR_MISMATCH",
        {"routed_operator": "beeline", "before": answer(operator="beeline"), "after": answer(operator="beeline")},
        None,
    ),
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
        ("after.port", "previous.verified_time"),
    ),
    ("PORTED_SINCE_BINDING", {"previous": previous(), "after": ported(30 * DAY)}, None),
    ("PORTED_SINCE_BINDING", {"after": ported(1)}, None),
    (
        "PORTED_SINCE_BINDING",
        {"previous": previous(operator_id="beeline")},
        ("after.operator_id", "previous.facts.operator_id"),
    ),
    (
        "PORTED_SINCE_BINDING",
        {"previous": previous(operator_id="beeline"), "before": no_answer(), "after": no_answer()},
        ("routed_operator", "previous.facts.operator_id"),
    ),
    ("PORTED_SINCE_BINDING", {"previous": previous(), "before": no_answer(), "after": no_answer()}, None),
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
    *[
        (
            "SIM_CHANGED_DURING_VERIFICATION",
            {"before_resend": (answer(sim_ref=known(OTHER_SIM)),), "after": after},
            names,
        )
        for after, names in [
            (None, ("before.sim_ref", "before_resend.sim_ref")),
            (no_answer(), ("before.sim_ref", "before_resend.sim_ref")),
            (answer(sim_ref=unknown()), ("before.sim_ref", "before_resend.sim_ref")),
            (answer(sim_ref=known(OTHER_SIM)), ("before.sim_ref", "after.sim_ref")),
            (answer(), ("before_resend.sim_ref", "after.sim_ref")),
        ]
    ],
    ("SIM_CHANGED_DURING_VERIFICATION", {"before_resend": (answer(),)}, None),
    ("SIM_CHANGED_DURING_VERIFICATION", {"before_resend": (answer(sim_ref=unknown()),)}, None),
    (
        "SIM_CHANGED_DURING_VERIFICATION",
        {"before": sim_changed(401 * DAY), "after": sim_changed(400 * DAY)},
        ("before.sim_change", "after.sim_change"),
    ),
    ("SIM_CHANGED_DURING_VERIFICATION", {"before": sim_changed(400 * DAY), "after": sim_changed(400 * DAY)}, None),
    ("SIM_CHANGED_DURING_VERIFICATION", {"before": answer(sim_change=unknown()), "after": sim_changed(0)}, None),
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


@dataclass(frozen=True, slots=True)
class Shows:
    """A rule that holds against either lookup: an answer just inside, one just outside, and what the finding names.

    `path` is within the lookup, `beside` elsewhere in the evidence, `context` what both need around them.
    """

    code: str
    inside: Lookup
    outside: Lookup
    path: str
    beside: tuple[str, ...] = ()
    context: dict[str, Any] = field(default_factory=dict)

    def rests_on(self, where: str) -> tuple[str, ...]:
        return (f"{where}.{self.path}", *self.beside)

    def find(self, before: Lookup, after: Lookup | None, further: Lookup | None = None) -> tuple[str, ...] | None:
        finding = find(self.code, before=before, before_resend=(further,), after=after, **self.context)
        return None if finding is None else finding.evidence


REBINDING: dict[str, Any] = {"previous": previous()}
SPOKEN: dict[str, Any] = {"possession": shown(Method.VOICE)}

EITHER = [
    Shows("NUMBER_UNALLOCATED", answer(LookupOutcome.NOT_ASSIGNED), answer(LookupOutcome.NOT_SERVED), "outcome"),
    Shows("NUMBER_NOT_SERVED", answer(LookupOutcome.NOT_SERVED), answer(LookupOutcome.NOT_ASSIGNED), "outcome"),
    Shows("NUMBER_NOT_SERVED", answer(LookupOutcome.PORTED), answer(), "outcome"),
    *[
        Shows("LINE_NOT_MOBILE", answer(line_type=known(line)), answer(), "line_type")
        for line in LineType
        if line is not LineType.MOBILE
    ],
    Shows("OPERATOR_MISMATCH", answer(operator="beeline"), answer(), "operator_id", ("routed_operator",)),
    Shows(
        "SIM_CHANGED_SINCE_BINDING",
        answer(sim_ref=known(OTHER_SIM)),
        answer(sim_ref=known(replace(OTHER_SIM, key_epoch="2"))),
        "sim_ref",
        ("previous.facts.sim_ref",),
        REBINDING,
    ),
    Shows(
        "SIM_CHANGED_SINCE_BINDING",
        sim_changed(30 * DAY - 1),
        sim_changed(30 * DAY),
        "sim_change",
        ("previous.verified_time",),
        REBINDING,
    ),
    Shows(
        "PORTED_SINCE_BINDING",
        ported(30 * DAY - 1),
        ported(30 * DAY),
        "port",
        ("previous.verified_time",),
        REBINDING,
    ),
    Shows(
        "PORTED_SINCE_BINDING",
        answer(operator="beeline"),
        answer(),
        "operator_id",
        ("previous.facts.operator_id",),
        REBINDING,
    ),
    Shows("SIM_RECENT", sim_changed(3 * DAY - 1), sim_changed(3 * DAY), "sim_change"),
    Shows("PORT_RECENT", ported(3 * DAY - 1), ported(3 * DAY), "port"),
    Shows(
        "FORWARDING_ACTIVE",
        forwards(ForwardingKind.UNCONDITIONAL),
        forwards(ForwardingKind.UNCONDITIONAL, active=False),
        "forwarding",
    ),
    *[
        Shows(
            "VOICE_CODE_FORWARDED",
            forwards(kind),
            forwards(kind, active=False),
            "forwarding",
            ("possession.method",),
            SPOKEN,
        )
        for kind in ForwardingKind
    ],
]

either = pytest.mark.parametrize("shows", EITHER, ids=lambda shows: f"{shows.code}-{shows.path}")


def says_nothing() -> Lookup:
    """An answer whose signals are all UNKNOWN."""
    return replace(answer(), subscriber=Subscriber())


def test_every_rule_but_the_one_that_compares_them_holds_against_either_lookup() -> None:
    assert {shows.code for shows in EITHER} == RULES.keys() - {"SIM_CHANGED_DURING_VERIFICATION"}


@either
def test_what_the_lookup_before_the_code_shows_counts_before_there_is_another(shows: Shows) -> None:
    assert shows.find(shows.inside, None) == shows.rests_on("before")
    assert shows.find(shows.outside, None) is None


@either
def test_what_the_lookup_before_the_code_shows_is_not_undone_by_a_better_answer(shows: Shows) -> None:
    assert shows.find(shows.inside, shows.outside) == shows.rests_on("before")
    assert shows.find(shows.inside, answer()) == shows.rests_on("before")


@either
def test_what_the_lookup_before_the_code_shows_is_not_undone_by_an_answer_that_says_less(shows: Shows) -> None:
    for after in (says_nothing(), no_answer()):
        assert shows.find(shows.inside, after) == shows.rests_on("before")
        assert shows.find(shows.outside, after) is None


@either
def test_what_the_lookup_after_the_code_shows_counts_whatever_the_one_before_said(shows: Shows) -> None:
    for before in (shows.outside, answer(), says_nothing(), no_answer()):
        assert shows.find(before, shows.inside) == shows.rests_on("after")


@either
def test_what_the_lookup_before_a_further_code_shows_counts_too(shows: Shows) -> None:
    for before in (shows.outside, says_nothing(), no_answer()):
        for after in (None, shows.outside, says_nothing(), no_answer()):
            assert shows.find(before, after, shows.inside) == shows.rests_on("before_resend")
            assert shows.find(before, after, shows.outside) is None


@either
def test_a_further_lookup_does_not_undo_what_the_first_one_shows(shows: Shows) -> None:
    for further in (shows.outside, says_nothing(), no_answer()):
        assert shows.find(shows.inside, says_nothing(), further) == shows.rests_on("before")


@either
def test_where_both_lookups_show_it_the_later_one_is_named(shows: Shows) -> None:
    assert shows.find(shows.inside, shows.inside) == shows.rests_on("after")


@either
def test_where_neither_lookup_shows_it_there_is_no_finding(shows: Shows) -> None:
    assert shows.find(shows.outside, shows.outside) is None
    assert shows.find(says_nothing(), says_nothing()) is None
    assert shows.find(no_answer(), no_answer()) is None


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
