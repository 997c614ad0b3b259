"""All rules together: what is ordinary is without findings, and every rule is set by the policy."""

from dataclasses import fields, replace
from typing import Any

import pytest

from fakes.evidence import NOW, answer, evidence, known, previous, subscriber, unknown
from fakes.rules import POLICY, find, no_answer, own, says_nothing
from numseal.domain.evidence import SIGNAL_NAMES, Lookup, LookupOutcome, Method, Possession, Subscriber
from numseal.domain.rules import RULES, SHAPES
from numseal.domain.rules.view import Seen, view_of
from numseal.domain.verdict import Level, Severity


@pytest.mark.parametrize("earlier", [None, previous(), own(), own(has_key=True, same_key=True)])
@pytest.mark.parametrize("method", list(Method))
def test_what_is_ordinary_is_without_findings(earlier: Any, method: Method) -> None:
    shown = Possession(method, NOW - 30, NOW)
    assert [code for code in RULES if find(code, previous=earlier, possession=shown)] == []


def test_before_the_code_an_ordinary_number_is_without_findings() -> None:
    assert [code for code in RULES if find(code, possession=None, after=None)] == []


def test_what_nobody_knows_is_no_finding_but_that_nobody_answered() -> None:
    held = evidence(before=no_answer(), after=no_answer(), client=None, country="", home_plmns=(), previous=own())
    findings = [rule(view_of(held), POLICY.rules[code]) for code, (rule, _) in RULES.items()]
    assert [finding.code for finding in findings if finding] == ["LOOKUP_UNANSWERED"]


def test_signals_that_say_nothing_are_no_findings() -> None:
    assert [code for code in RULES if find(code, before=says_nothing(), after=says_nothing(), previous=own())] == []


def test_every_rule_has_a_shape_and_a_setting() -> None:
    assert SHAPES.keys() == RULES.keys() == POLICY.rules.keys()


def test_severity_cap_and_threshold_are_the_policys() -> None:
    rule, _ = RULES["MANY_SIMS_IN_DEVICE"]
    setting = replace(
        POLICY.rules["MANY_SIMS_IN_DEVICE"],
        severity=Severity.CAUTION,
        cap=Level.SUBSTANTIAL,
        thresholds={"max_sims": 9},
    )
    finding = rule(view_of(evidence(after=answer(sims_on_device=known(10)))), setting)
    assert finding is not None
    assert (finding.severity, finding.cap) == (Severity.CAUTION, Level.SUBSTANTIAL)
    assert rule(view_of(evidence(after=answer(sims_on_device=known(9)))), setting) is None


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
def test_a_view_has_the_newest_lookup_first_and_none_without_an_answer(
    before: Lookup, further: Lookup | None, after: Lookup | None, names: list[str]
) -> None:
    view = view_of(evidence(before=before, before_resend=() if further is None else (further,), after=after))
    by_name = {"before": before, "before_resend": further, "after": after}
    assert list(view.lookups) == [(name, by_name[name]) for name in names]
    assert [seen.where for seen in view.seen] == [name for name in names if by_name[name] == answer()]


def test_a_view_reads_every_signal_into_the_place_of_its_name() -> None:
    full = subscriber()
    (seen, _) = view_of(evidence(after=answer())).seen
    assert Seen._fields[3:] == SIGNAL_NAMES == tuple(item.name for item in fields(Subscriber))
    assert {name: getattr(seen, name) for name in SIGNAL_NAMES} == {
        name: getattr(full, name).known for name in SIGNAL_NAMES
    }


def test_a_view_shows_no_value_whose_signal_is_not_ok() -> None:
    stale = replace(known(99), meta=unknown().meta)
    assert view_of(evidence(after=answer(sims_on_device=stale))).seen[0].sims_on_device is None


@pytest.mark.parametrize(
    ("country", "plmns", "home"),
    [
        ("RU", ("250-01",), {"RU"}),
        ("JE", ("234-50",), {"JE", "GB"}),
        ("RU", (), {"RU"}),
        ("", ("401-02",), {"KZ"}),
        ("001", ("901-01",), set()),
    ],
)
def test_home_is_where_number_and_networks_are(country: str, plmns: tuple[str, ...], home: set[str]) -> None:
    assert view_of(evidence(country=country, home_plmns=plmns)).home == home
