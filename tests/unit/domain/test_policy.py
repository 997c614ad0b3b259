"""Reading a policy: the packaged one, its hash, and every refusal."""

import tomllib
from copy import deepcopy
from datetime import date
from importlib import resources
from typing import Any

import pytest

from fakes.evidence import packaged_policy
from numseal.domain.evidence import Method
from numseal.domain.policy import Policies, PolicyError, parse_policy
from numseal.domain.rules import SHAPES
from numseal.domain.verdict import Level, Severity


def packaged() -> dict[str, Any]:
    text = resources.files("numseal.apps").joinpath("data", "policy.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def test_the_packaged_policy_sets_every_rule_as_documented() -> None:
    policy = packaged_policy()
    severities = {code: setting.severity for code, setting in policy.rules.items()}
    fatal, severe, caution = Severity.FATAL, Severity.SEVERE, Severity.CAUTION
    assert severities == {
        "NUMBER_UNALLOCATED": fatal,
        "NUMBER_NOT_SERVED": fatal,
        "LINE_NOT_MOBILE": fatal,
        "OPERATOR_MISMATCH": fatal,
        "SIM_CHANGED_SINCE_BINDING": severe,
        "PORTED_SINCE_BINDING": severe,
        "SIM_CHANGED_DURING_VERIFICATION": severe,
        "VOICE_CODE_FORWARDED": severe,
        "SIM_RECENT": caution,
        "PORT_RECENT": caution,
        "FORWARDING_ACTIVE": caution,
    }
    assert {setting.cap for setting in policy.rules.values() if setting.severity is caution} == {Level.LOW}
    assert policy.rules["SIM_RECENT"].thresholds == policy.rules["PORT_RECENT"].thresholds == {"max_age_days": 3}
    assert policy.levels[Level.HIGH].methods == {Method.NETWORK}
    assert policy.levels[Level.LOW].before == policy.levels[Level.LOW].after == ()


def test_the_hash_is_over_values_not_layout() -> None:
    document = packaged()
    turned = dict(reversed(document.items()))
    assert parse_policy(turned, SHAPES).digest == parse_policy(document, SHAPES).digest
    document["rules"]["SIM_RECENT"]["max_age_days"] = 4
    assert parse_policy(document, SHAPES).digest != parse_policy(turned | {"name": "x"}, SHAPES).digest


def test_one_threshold_makes_another_hash() -> None:
    changed = packaged()
    changed["rules"]["SIM_RECENT"]["max_age_days"] = 4
    assert parse_policy(changed, SHAPES).digest != packaged_policy().digest


def test_policies_are_found_by_digest() -> None:
    document = packaged()
    old = parse_policy(document, SHAPES)
    current = parse_policy(document | {"name": "current"}, SHAPES)
    policies = Policies(current, (old,))
    assert policies.of(old.digest) is old
    assert policies.of(current.digest) is current
    assert policies.of("0" * 64) is current


MISSING = object()

REFUSALS: list[tuple[tuple[str, ...], Any, str]] = [
    (("name",), MISSING, "name: None is not a non-empty text"),
    (("name",), "", "name: '' is not a non-empty text"),
    (("name",), 3, "name: 3 is not a non-empty text"),
    (("extra",), 1, "extra: no such key; expected one of levels, name, rules"),
    (("rules",), [], "rules: a table is expected, not []"),
    (("rules", "SIM_RECENT"), MISSING, "rules.SIM_RECENT: missing"),
    (("rules", "SIM_RECENT"), 1, "rules.SIM_RECENT: a table is expected, not 1"),
    (("rules", "SIM_OLD"), {"severity": "NOTE"}, "rules.SIM_OLD: no such rule; the rules are FORWARDING_ACTIVE"),
    (("rules", "SIM_RECENT", "severity"), "BAD", "rules.SIM_RECENT.severity: 'BAD' is not one of NOTE, CAUTION"),
    (("rules", "SIM_RECENT", "severity"), MISSING, "rules.SIM_RECENT.severity: None is not one of"),
    (("rules", "SIM_RECENT", "cap"), MISSING, "rules.SIM_RECENT.cap: None is not one of NONE, LOW"),
    (("rules", "SIM_RECENT", "cap"), ["LOW"], "rules.SIM_RECENT.cap: ['LOW'] is not one of"),
    (("rules", "SIM_RECENT", "max_age_days"), MISSING, "rules.SIM_RECENT.max_age_days: None is not a whole number"),
    (("rules", "SIM_RECENT", "max_age_days"), -1, "rules.SIM_RECENT.max_age_days: -1 is not a whole number"),
    (("rules", "SIM_RECENT", "max_age_days"), True, "rules.SIM_RECENT.max_age_days: True is not a whole number"),
    (("rules", "SIM_RECENT", "max_age_days"), date(2026, 1, 1), "is not a whole number of 0 or more"),
    (("rules", "SIM_RECENT", "max_age_hours"), 3, "rules.SIM_RECENT.max_age_hours: no such key"),
    (("rules", "LINE_NOT_MOBILE", "cap"), "LOW", 'rules.LINE_NOT_MOBILE.cap: only a rule of severity "CAUTION"'),
    (("levels",), MISSING, "levels: a table is expected, not None"),
    (("levels", "LOW"), MISSING, "levels.LOW: missing"),
    (("levels", "LOW"), "none", "levels.LOW: a table is expected, not 'none'"),
    (("levels", "NONE"), {}, "levels.NONE: no such key; expected one of HIGH, LOW, SUBSTANTIAL"),
    (("levels", "LOW", "methods"), [], "levels.LOW.methods: empty"),
    (("levels", "LOW", "methods"), MISSING, "levels.LOW.methods: empty"),
    (("levels", "LOW", "methods"), "SMS", "levels.LOW.methods: 'SMS' is not a list of names"),
    (("levels", "LOW", "methods"), ["PIGEON"], "levels.LOW.methods: 'PIGEON' is not one of SMS, VOICE"),
    (("levels", "LOW", "methods"), [["SMS"]], "levels.LOW.methods: ['SMS'] is not one of"),
    (("levels", "HIGH", "before"), ["sim"], "levels.HIGH.before: 'sim' is not one of subscriber_ref"),
    (("levels", "HIGH", "during"), [], "levels.HIGH.during: no such key"),
]


@pytest.mark.parametrize(("path", "value", "message"), REFUSALS)
def test_refusals_name_key_and_what_would_be_right(path: tuple[str, ...], value: Any, message: str) -> None:
    document = deepcopy(packaged())
    table = document
    for key in path[:-1]:
        table = table[key]
    if value is MISSING:
        del table[path[-1]]
    else:
        table[path[-1]] = value
    with pytest.raises(PolicyError) as caught:
        parse_policy(document, SHAPES)
    assert message in str(caught.value)
