"""Reading a policy: the packaged one, its hash, and every refusal."""

import hashlib
import json
import tomllib
from copy import deepcopy
from datetime import date
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.evidence import packaged_policy
from numseal.domain.evidence import Answer, LineType, Method
from numseal.domain.policy import (
    MonitoringSetting,
    Policies,
    Policy,
    PolicyError,
    Waiting,
    parse_policy,
    policy_of_document,
)
from numseal.domain.rules import SHAPES
from numseal.domain.verdict import Level, Severity


def packaged() -> dict[str, Any]:
    text = resources.files("numseal.apps").joinpath("data", "policy.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


FATAL = {"NUMBER_UNALLOCATED", "NUMBER_NOT_SERVED", "LINE_NOT_MOBILE", "OPERATOR_MISMATCH"}
NOTES = {"SIGNAL_FAILED", "NEW_SUBSCRIBER", "DEVICE_CHANGED_SINCE_BINDING", "NODE_CHANGED", "ROAMING"}
SHOWN_TO_BE_OURS = (
    Answer.WAIT,
    Answer.SAME_KEY,
    Answer.OLD_ACCOUNT_KEY,
    Answer.REGISTRATION_LOCK,
    Answer.NEW_SUBSCRIBER,
)
POOL = (Answer.NETWORK,)
ANOTHER_WAY = (Answer.NETWORK, Answer.METHOD)
SEVERE: dict[str, tuple[Answer, ...]] = {
    "SIM_CHANGED_SINCE_BINDING": SHOWN_TO_BE_OURS,
    "FRAUD_SUSPECTED_SINCE_BINDING": (Answer.WAIT, Answer.REGISTRATION_LOCK, Answer.NEW_SUBSCRIBER),
    "PORTED_SINCE_BINDING": SHOWN_TO_BE_OURS,
    "REASSIGNED_SINCE_BINDING": (Answer.SAME_KEY, Answer.OLD_ACCOUNT_KEY, Answer.REGISTRATION_LOCK),
    "MANY_SIMS_IN_DEVICE": POOL,
    "MANY_NUMBERS_IN_DEVICE": POOL,
    "MANY_ACCOUNTS_OF_NUMBER": POOL,
    "MANY_NUMBERS_OF_DEVICE_KEY": POOL,
    "MANY_NUMBERS_OF_CLIENT_NETWORK": POOL,
    "FRESH_BURST_IN_RANGE": POOL,
    "SIM_CHANGED_DURING_VERIFICATION": (Answer.WAIT, Answer.SAME_KEY, Answer.REGISTRATION_LOCK),
    "SERVING_CHANGED_DURING_VERIFICATION": (Answer.NETWORK,),
    "FOREIGN_LOCATION_FRESH": (Answer.NETWORK,),
    "OTHER_NETWORK_FRESH": (Answer.NETWORK,),
    "VOICE_CODE_FORWARDED": ANOTHER_WAY,
    "CODE_ANSWERED_UNDELIVERED": ANOTHER_WAY,
    "CODE_COULD_NOT_ARRIVE": ANOTHER_WAY,
}


def test_the_packaged_policy_sets_every_rule_as_documented() -> None:
    policy = packaged_policy()
    by_severity = {
        severity: {code for code, setting in policy.rules.items() if setting.severity is severity}
        for severity in Severity
    }
    assert by_severity[Severity.FATAL] == FATAL
    assert by_severity[Severity.NOTE] == NOTES
    assert {code: policy.rules[code].answers for code in by_severity[Severity.SEVERE]} == SEVERE
    assert {policy.rules[code].cap for code in by_severity[Severity.CAUTION]} == {Level.LOW}
    assert {policy.rules[code].cap for code in FATAL | NOTES} == {None}
    assert policy.rules["LINE_NOT_MOBILE"].line_types == {LineType.MOBILE}


def test_what_a_pool_or_a_new_sim_leaves_is_low_whatever_answers_it() -> None:
    rules = packaged_policy().rules
    above = {code for code in SEVERE if rules[code].cap is not Level.LOW}
    # What doubts the code alone leaves what the other way is worth: a code by itself is LOW in any case.
    assert above == {
        "SERVING_CHANGED_DURING_VERIFICATION",
        "FOREIGN_LOCATION_FRESH",
        "OTHER_NETWORK_FRESH",
        "VOICE_CODE_FORWARDED",
        "CODE_ANSWERED_UNDELIVERED",
        "CODE_COULD_NOT_ARRIVE",
    }
    assert {rules[code].cap for code in above} == {Level.SUBSTANTIAL}


def test_two_rules_of_one_change_share_their_threshold() -> None:
    rules = packaged_policy().rules
    for lately, earlier in (
        ("SIM_CHANGED_SINCE_BINDING", "SIM_CHANGED_EARLIER"),
        ("PORTED_SINCE_BINDING", "PORTED_EARLIER"),
    ):
        assert rules[lately].thresholds == rules[earlier].thresholds == {"max_age_days": 1}


def test_the_packaged_levels_and_times() -> None:
    policy = packaged_policy()
    low, substantial, high = (policy.levels[level] for level in (Level.LOW, Level.SUBSTANTIAL, Level.HIGH))
    assert low.methods == set(Method)
    assert low.before == low.after == ()
    assert (low.max_signal_age, low.renews) == (0, False)
    assert substantial.methods == high.methods == {Method.NETWORK}
    assert (substantial.renews, high.renews) == (True, False)
    assert (substantial.max_signal_age, high.max_signal_age) == (86_400, 3_600)
    assert set(substantial.before) < set(high.before)
    assert set(substantial.after) < set(high.after)
    assert policy.waiting == Waiting(contest=7 * 86_400, step_up=3 * 86_400)
    assert set(policy.contest_ways) == {
        Answer.OLD_ACCOUNT_KEY,
        Answer.REGISTRATION_LOCK,
        Answer.NEW_SUBSCRIBER,
        Answer.WAIT,
    }
    assert policy.monitoring == MonitoringSetting(
        reverify=7 * 86_400, recheck_watched=7 * 86_400, recheck_polled=86_400, max_age=0
    )


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


def test_a_policy_is_read_back_from_its_document() -> None:
    policy = packaged_policy()
    assert hashlib.sha256(policy.document.encode()).hexdigest() == policy.digest
    assert policy_of_document(policy.document, SHAPES) == policy
    laid_out = json.dumps(json.loads(policy.document), indent=2)
    assert policy_of_document(laid_out, SHAPES) == policy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the policy is not JSON: "),
        ("{", "the policy is not JSON: "),
        ("[" * 100_000, "the policy is not JSON: "),
        ("[]", "the policy is not a JSON object but '[]'"),
        ("null", "the policy is not a JSON object but 'None'"),
        ('{"name": "a", "name": "b"}', "name: stands there more than once; once is right"),
        ('{"name": "\\ud800"}', "name: '\\ud800' is not a text of 1 to 64 printable characters"),
        ('{"name": NaN}', "name: nan is not a text"),
        ("{}", "name: None is not a text"),
    ],
)
def test_a_document_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policy_of_document(text, SHAPES)
    assert str(caught.value).startswith(message)


def named(name: str) -> Policy:
    return parse_policy(packaged() | {"name": name}, SHAPES)


def test_a_relying_party_has_its_own_policy_or_the_default() -> None:
    default, strict = named("default"), named("strict")
    policies = Policies(default, {"bank": strict})
    assert policies.current is default
    assert policies.for_party("bank") is strict
    assert policies.for_party("chat") is default
    assert policies.all() == (default, strict)


def test_policies_are_found_by_digest_else_the_default_is() -> None:
    default, strict, old = named("default"), named("strict"), named("old")
    policies = Policies(default, {"bank": strict}, (old,))
    assert [policies.of(policy.digest) for policy in (default, strict, old)] == [default, strict, old]
    assert policies.of("0" * 64) is default
    assert policies.all() == (default, strict, old)
    assert Policies(default).of(old.digest) is default


def test_a_replaced_policy_is_still_found_by_digest() -> None:
    default, strict, old, later = named("default"), named("strict"), named("old"), named("later")
    policies = Policies(default, {"bank": strict}, (old,))
    policies.replace(later, {"chat": strict})
    assert policies.current is policies.for_party("bank") is policies.of("0" * 64) is later
    assert policies.for_party("chat") is strict
    assert [policies.of(policy.digest) for policy in (default, strict, old)] == [default, strict, old]
    assert policies.all() == (later, strict, old, default)
    policies.replace(later)
    assert policies.for_party("chat") is later


def test_what_a_caller_does_with_his_mapping_later_changes_nothing() -> None:
    default, strict = named("default"), named("strict")
    by_party = {"bank": strict}
    policies = Policies(default, by_party)
    by_party.clear()
    assert policies.for_party("bank") is strict


MISSING = object()

REFUSALS: list[tuple[tuple[str, ...], Any, str]] = [
    (("name",), MISSING, "name: None is not a text of 1 to 64 printable characters"),
    (("name",), "", "name: '' is not a text"),
    (("name",), "x" * 65, "xxx' is not a text of 1 to 64"),
    (("name",), "a\nb", "name: 'a\\nb' is not a text"),
    (("name",), 3, "name: 3 is not a text"),
    (("extra",), 1, "extra: no such key; expected one of contest, levels, monitoring, name, rules, waiting"),
    (("waiting",), MISSING, "waiting: a table is expected, not None"),
    (("waiting", "contest_hours"), 0, "waiting.contest_hours: 0 is not a whole number from 1 to 1000000"),
    (("waiting", "step_up_hours"), 1_000_001, "waiting.step_up_hours: 1000001 is not a whole number from 1"),
    (("waiting", "days"), 1, "waiting.days: no such key; expected one of contest_hours, step_up_hours"),
    (("contest",), MISSING, "contest: a table is expected, not None"),
    (("contest", "ways"), MISSING, "contest.ways: None is not a list of names"),
    (("contest", "ways"), ["NETWORK"], "contest.ways: 'NETWORK' is not one of WAIT, OLD_ACCOUNT_KEY"),
    (("contest", "ways"), ["WAIT", "WAIT"], "contest.ways: 'WAIT' stands there more than once"),
    (("contest", "other"), [], "contest.other: no such key; expected one of ways"),
    (("monitoring",), MISSING, "monitoring: a table is expected, not None"),
    (("monitoring", "reverify_days"), 0, "monitoring.reverify_days: 0 is not a whole number from 1"),
    (("monitoring", "recheck_hours_watched"), MISSING, "monitoring.recheck_hours_watched: None is not a whole"),
    (("monitoring", "recheck_hours_polled"), 1.5, "monitoring.recheck_hours_polled: 1.5 is not a whole number"),
    (("monitoring", "max_age_hours"), -1, "monitoring.max_age_hours: -1 is not a whole number from 0"),
    (("monitoring", "often"), 1, "monitoring.often: no such key"),
    (("rules",), [], "rules: a table is expected, not []"),
    (("rules", "SIM_RECENT"), MISSING, "rules.SIM_RECENT: missing"),
    (("rules", "SIM_RECENT"), 1, "rules.SIM_RECENT: a table is expected, not 1"),
    (("rules", "SIM_OLD"), {"severity": "NOTE"}, "rules.SIM_OLD: no such rule; the rules are ACCOUNT_KEY_CHANGED"),
    (("rules", "SIM_RECENT", "severity"), "BAD", "rules.SIM_RECENT.severity: 'BAD' is not one of NOTE, CAUTION"),
    (("rules", "SIM_RECENT", "severity"), MISSING, "rules.SIM_RECENT.severity: None is not one of"),
    (("rules", "SIM_RECENT", "cap"), MISSING, "rules.SIM_RECENT.cap: None is not one of NONE, LOW"),
    (("rules", "SIM_RECENT", "cap"), ["LOW"], "rules.SIM_RECENT.cap: ['LOW'] is not one of"),
    (("rules", "SIM_RECENT", "max_age_days"), MISSING, "rules.SIM_RECENT.max_age_days: None is not a whole number"),
    (("rules", "SIM_RECENT", "max_age_days"), -1, "rules.SIM_RECENT.max_age_days: -1 is not a whole number"),
    (("rules", "SIM_RECENT", "max_age_days"), True, "rules.SIM_RECENT.max_age_days: True is not a whole number"),
    (("rules", "SIM_RECENT", "max_age_days"), date(2026, 1, 1), "is not a whole number from 0 to 1000000"),
    (("rules", "SIM_RECENT", "answers"), ["WAIT"], 'rules.SIM_RECENT.answers: only a rule of severity "SEVERE"'),
    (("rules", "SIM_RECENT", "line_types"), ["MOBILE"], "rules.SIM_RECENT.line_types: no such key"),
    (("rules", "LINE_NOT_MOBILE", "line_types"), MISSING, "rules.LINE_NOT_MOBILE.line_types: None is not a list"),
    (("rules", "LINE_NOT_MOBILE", "line_types"), ["TIN"], "rules.LINE_NOT_MOBILE.line_types: 'TIN' is not one of MOB"),
    (("rules", "VOICE_CODE_FORWARDED", "cap"), MISSING, "rules.VOICE_CODE_FORWARDED.cap: None is not one of NONE"),
    (("rules", "VOICE_CODE_FORWARDED", "answers"), MISSING, "rules.VOICE_CODE_FORWARDED.answers: None is not a list"),
    (("rules", "VOICE_CODE_FORWARDED", "answers"), ["PRAY"], "answers: 'PRAY' is not one of NETWORK, METHOD, WAIT"),
    (("rules", "SIM_RECENT", "max_age_hours"), 3, "rules.SIM_RECENT.max_age_hours: no such key"),
    (
        ("rules", "LINE_NOT_MOBILE", "cap"),
        "LOW",
        'rules.LINE_NOT_MOBILE.cap: only a rule of severity "CAUTION" or "SEVERE"',
    ),
    (("levels",), MISSING, "levels: a table is expected, not None"),
    (("levels", "LOW"), MISSING, "levels.LOW: missing"),
    (("levels", "LOW"), "none", "levels.LOW: a table is expected, not 'none'"),
    (("levels", "NONE"), {}, "levels.NONE: no such key; expected one of HIGH, LOW, SUBSTANTIAL"),
    (("levels", "LOW", "methods"), [], "levels.LOW.methods: empty"),
    (("levels", "LOW", "methods"), MISSING, "levels.LOW.methods: None is not a list of names"),
    (("levels", "SUBSTANTIAL", "methods"), ["SMS"], "levels.SUBSTANTIAL.methods: a code alone is never above LOW"),
    (("levels", "HIGH", "methods"), ["SMS", "NETWORK"], 'never above LOW; expected ["NETWORK"]'),
    (("levels", "HIGH", "max_signal_age_hours"), "1", "levels.HIGH.max_signal_age_hours: '1' is not a whole number"),
    (("levels", "HIGH", "renews"), 1, "levels.HIGH.renews: 1 is neither true nor false"),
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


def test_what_may_be_left_out_of_a_level() -> None:
    document = packaged()
    document["levels"]["HIGH"] = {"methods": ["NETWORK"]}
    level = parse_policy(document, SHAPES).levels[Level.HIGH]
    assert (level.before, level.after, level.max_signal_age, level.renews) == ((), (), 0, False)


def test_lists_are_read_in_the_contracts_order() -> None:
    document = packaged()
    document["rules"]["VOICE_CODE_FORWARDED"]["answers"] = ["METHOD", "NETWORK"]
    document["levels"]["HIGH"]["after"] = ["serving", "sim_ref"]
    policy = parse_policy(document, SHAPES)
    assert policy.rules["VOICE_CODE_FORWARDED"].answers == (Answer.NETWORK, Answer.METHOD)
    assert policy.levels[Level.HIGH].after == ("sim_ref", "serving")


def _paths(table: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in table.items():
        found.append((*above, key))
        if isinstance(value, dict):
            found += _paths(value, (*above, key))
    return found


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(path=st.sampled_from(_paths(packaged())), value=_json_values)
def test_any_value_in_any_place_is_taken_or_refused_by_the_name_of_its_key(path: tuple[str, ...], value: Any) -> None:
    document = packaged()
    table = document
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    policy, refusal = taken_or_refused(document)
    if policy is not None:
        assert policy_of_document(policy.document, SHAPES) == policy
    else:
        assert refusal.startswith(path[0])


def taken_or_refused(document: dict[str, Any]) -> tuple[Policy | None, str]:
    try:
        return parse_policy(document, SHAPES), ""
    except PolicyError as error:
        return None, str(error)


def test_a_refusal_can_be_written_whatever_was_refused() -> None:
    _, refusal = taken_or_refused({"\ud800": 1})
    assert refusal.startswith("\\ud800: no such key")
    _, refusal = taken_or_refused(packaged() | {"name": "x" * 1_000_000})
    assert len(refusal) == 2_000
