"""How findings and requirements become decision, level and ways on, under the packaged policy."""

from dataclasses import replace
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.evidence import DAY, NODE, NOW, SIM, answer, evidence, known, packaged_policy, previous, unknown
from fakes.rules import no_answer, own, shown
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Answer,
    Basis,
    ClientNetwork,
    DeliveryState,
    Evidence,
    Forwarding,
    ForwardingKind,
    Grant,
    LineType,
    Lookup,
    LookupOutcome,
    Meta,
    Method,
    Port,
    Possession,
    PreviousBinding,
    ServiceState,
    Signal,
    SignalState,
    SimChange,
    SimChangeKind,
    Subscriber,
    Velocity,
)
from numseal.domain.policy import Policy
from numseal.domain.rules import RULES
from numseal.domain.verdict import Decision, Finding, Level, Severity, Verdict
from numseal.domain.verdicts import evaluate

POLICY = packaged_policy()
HIGH_AFTER = POLICY.levels[Level.HIGH].after
HIGH_BEFORE = POLICY.levels[Level.HIGH].before
OTHER_SIM = replace(SIM, ref="6" * 32)
NETWORK = shown(Method.NETWORK)
SMS, VOICE = shown(Method.SMS), shown(Method.VOICE)
LOST = shown(Method.SMS, delivery=DeliveryState.FAILED)


def judge(policy: Policy = POLICY, **changes: Any) -> Verdict:
    return evaluate(evidence(**changes), policy)


def codes(verdict: Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def of(verdict: Verdict, code: str) -> Finding:
    return next(finding for finding in verdict.findings if finding.code == code)


def under(code: str, **changes: Any) -> Policy:
    return replace(POLICY, rules={**POLICY.rules, code: replace(POLICY.rules[code], **changes)})


def new_sim() -> Lookup:
    return answer(sim_change=known(SimChange(NOW - DAY, SimChangeKind.NEW)))


def swapped() -> Lookup:
    return answer(sim_ref=known(OTHER_SIM))


def forwards(kind: ForwardingKind = ForwardingKind.UNCONDITIONAL) -> Lookup:
    return answer(forwarding=known((Forwarding(kind, active=True),)))


def aged(lookup: Lookup, age: int | None) -> Lookup:
    """All signals of a lookup, observed so many seconds before it."""
    time = None if age is None else lookup.time - age
    signals: dict[str, Signal[Any]] = {
        name: Signal(Meta(SignalState.OK, time), getattr(lookup.subscriber, name).value) for name in SIGNAL_NAMES
    }
    assert lookup.subscriber is not None
    return replace(lookup, subscriber=replace(lookup.subscriber, **signals))


# Levels


def test_a_code_alone_is_low_and_says_what_more_requires() -> None:
    verdict = judge()
    assert (verdict.decision, verdict.level, verdict.answers) == (Decision.ACCEPT, Level.LOW, ())
    assert codes(verdict) == ["METHOD_BELOW_LEVEL"]
    assert verdict.findings[0].sentence == "SUBSTANTIAL requires NETWORK."
    assert verdict.policy_hash == POLICY.digest


def test_network_possession_and_all_signals_reach_high() -> None:
    verdict = judge(possession=NETWORK)
    assert (verdict.decision, verdict.level, verdict.findings) == (Decision.ACCEPT, Level.HIGH, ())


def test_network_possession_counts_though_a_code_came_later() -> None:
    assert judge(possession=SMS, earlier=(NETWORK,)).level is Level.HIGH


def test_before_the_code_only_the_decision_counts() -> None:
    verdict = judge(possession=None, after=None, required_level=Level.HIGH)
    assert (verdict.decision, verdict.level, verdict.findings) == (Decision.ACCEPT, Level.NONE, ())


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"same_key": True, "level": Level.SUBSTANTIAL}, Level.SUBSTANTIAL),
        ({"same_key": True, "level": Level.HIGH}, Level.SUBSTANTIAL),
        ({"same_key": True, "level": Level.LOW}, Level.LOW),
        ({"same_key": False, "level": Level.SUBSTANTIAL}, Level.LOW),
        ({"same_key": True, "level": Level.SUBSTANTIAL, "same_account": False}, Level.LOW),
    ],
)
@pytest.mark.parametrize("method", [Method.SMS, Method.VOICE, Method.OPERATOR_CODE])
def test_a_code_renews_what_the_accounts_key_had(changes: dict[str, Any], level: Level, method: Method) -> None:
    earlier = replace(own(has_key=True), **changes)
    assert judge(possession=shown(method), previous=earlier).level is level


def test_a_code_renews_nothing_where_signals_are_missing() -> None:
    earlier = own(has_key=True, same_key=True, level=Level.SUBSTANTIAL)
    assert judge(previous=earlier, after=answer(sim_change=unknown())).level is Level.LOW


@pytest.mark.parametrize(
    ("changes", "level", "missing"),
    [
        ({"after": answer(sim_change=unknown())}, Level.LOW, ("after.sim_change",)),
        ({"before": answer(line_type=unknown())}, Level.LOW, ("before.line_type",)),
        ({"before": answer(forwarding=unknown())}, Level.SUBSTANTIAL, ("before.forwarding",)),
        ({"after": answer(serving=unknown())}, Level.SUBSTANTIAL, ("after.serving",)),
        ({"after": answer(serving=known(()))}, Level.SUBSTANTIAL, ("after.serving",)),
        (
            {"after": answer(serving=known((replace(NODE, basis=Basis.HOME_ROUTED),)))},
            Level.SUBSTANTIAL,
            ("after.serving",),
        ),
        ({"after": answer(sim_ref=known(replace(SIM, basis=Basis.HOME_ROUTED)))}, Level.LOW, ("after.sim_ref",)),
        ({"after": answer(forwarding=known(None))}, Level.LOW, ("after.forwarding",)),
        ({"after": answer(activate_time=known(None))}, Level.SUBSTANTIAL, ("after.activate_time",)),
        ({"after": answer(sim_ref=known(None))}, Level.LOW, ("after.sim_ref",)),
        ({"after": None}, Level.LOW, ("after.sim_ref", "after.sim_change", "after.port", "after.forwarding")),
        (
            {"before": no_answer()},
            Level.LOW,
            ("before.subscriber_ref", "before.sim_ref", "before.line_type"),
        ),
    ],
)
def test_what_is_missing_lowers_the_level(changes: dict[str, Any], level: Level, missing: tuple[str, ...]) -> None:
    verdict = judge(possession=NETWORK, **changes)
    assert (verdict.decision, verdict.level) == (Decision.ACCEPT, level)
    assert of(verdict, "SIGNAL_MISSING").evidence == missing


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_lookup_that_nobody_answered_is_recorded_and_leaves_low(where: str) -> None:
    unanswered: dict[str, Any] = {where: no_answer()}
    verdict = judge(possession=NETWORK, **unanswered)
    assert (verdict.decision, verdict.level) == (Decision.ACCEPT, Level.LOW)
    assert of(verdict, "LOOKUP_UNANSWERED").evidence == (f"{where}.outcome",)


def test_network_possession_without_a_lookup_after_it_is_low() -> None:
    lax = replace(POLICY.levels[Level.HIGH], before=(), after=())
    policy = replace(POLICY, levels=dict.fromkeys(POLICY.levels, lax))
    assert judge(policy, possession=NETWORK).level is Level.HIGH
    assert judge(policy, possession=NETWORK, after=None).level is Level.LOW


@pytest.mark.parametrize("state", [state for state in SignalState if state is not SignalState.OK])
@pytest.mark.parametrize(
    ("where", "name"), [*(("after", name) for name in HIGH_AFTER), *(("before", name) for name in HIGH_BEFORE)]
)
def test_no_state_but_ok_reaches_high(state: SignalState, where: str, name: str) -> None:
    ordinary = getattr(answer().subscriber, name)
    lookup: dict[str, Any] = {where: answer(at=NOW - 60, **{name: replace(ordinary, meta=Meta(state, NOW))})}
    assert judge(possession=NETWORK, **lookup).level < Level.HIGH


@pytest.mark.parametrize(
    ("age", "level"),
    [
        (0, Level.HIGH),
        (3_600, Level.HIGH),
        (3_601, Level.SUBSTANTIAL),
        (86_400, Level.SUBSTANTIAL),
        (86_401, Level.LOW),
        (None, Level.LOW),
    ],
)
@pytest.mark.parametrize("where", ["before", "after"])
def test_what_was_observed_long_before_its_lookup_lowers_the_level(where: str, age: int | None, level: Level) -> None:
    lookup: dict[str, Any] = {where: aged(answer(at=NOW - 60 if where == "before" else NOW), age)}
    verdict = judge(possession=NETWORK, **lookup)
    assert verdict.level is level
    if level is not Level.HIGH:
        assert f"or older than {1 if level is Level.SUBSTANTIAL else 24} h: {where}." in verdict.findings[0].sentence


def test_a_level_may_take_signals_of_any_age() -> None:
    ageless = {level: replace(required, max_signal_age=0) for level, required in POLICY.levels.items()}
    policy = replace(POLICY, levels=ageless)
    assert judge(policy, possession=NETWORK, after=aged(answer(), None)).level is Level.HIGH
    missing = judge(policy, possession=NETWORK, after=answer(serving=unknown()))
    assert missing.findings[0].sentence == "HIGH requires signals that are missing: after.serving."


@pytest.mark.parametrize("name", ["port", "sim_change"])
def test_what_never_happened_is_known_without_a_value(name: str) -> None:
    never: dict[str, Any] = {name: known(None)}
    assert judge(possession=NETWORK, after=answer(**never)).level is Level.HIGH


def test_no_forwarding_at_all_is_an_answer() -> None:
    assert judge(possession=NETWORK, after=answer(forwarding=known(()))).level is Level.HIGH


# Severities


@pytest.mark.parametrize("after", [new_sim(), answer(port=known(Port(NOW - DAY, "beeline"))), forwards()])
def test_a_caution_caps_the_level_and_still_accepts(after: Lookup) -> None:
    verdict = judge(possession=NETWORK, before=after, after=after)
    assert (verdict.decision, verdict.level) == (Decision.ACCEPT, Level.LOW)


def test_a_cap_never_raises_a_level() -> None:
    policy = under("SIM_RECENT", cap=Level.HIGH)
    assert judge(policy, before=new_sim(), after=new_sim()).level is Level.LOW


def test_a_severe_finding_asks_for_more() -> None:
    verdict = judge(previous=own(), after=swapped(), before=swapped())
    assert verdict.decision is Decision.STEP_UP
    assert verdict.findings[0].code == "SIM_CHANGED_SINCE_BINDING"
    assert verdict.findings[0].severity is Severity.SEVERE


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
    verdict = judge(required_level=Level.LOW, **changes)
    assert (verdict.decision, verdict.level, verdict.answers) == (Decision.REJECT, Level.NONE, ())
    assert codes(verdict)[0] == code


def test_a_fatal_finding_before_the_code_rejects() -> None:
    verdict = judge(before=answer(LookupOutcome.NOT_ASSIGNED), after=None, possession=None)
    assert verdict.decision is Decision.REJECT


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
    verdict = evaluate(evidence(after=new_sim(), possession=NETWORK), replace(POLICY, rules=notes))
    assert (verdict.decision, verdict.level) == (Decision.ACCEPT, Level.HIGH)
    assert "SIM_RECENT" in codes(verdict)


# Answers


@pytest.mark.parametrize(
    ("held", "given"),
    [
        ({"previous": own(has_key=True, same_key=True)}, "the account's own key"),
        ({"previous": own(), "grants": (Grant(Answer.WAIT, NOW),)}, "the waiting time"),
        (
            {"previous": own(), "grants": (Grant(Answer.OLD_ACCOUNT_KEY, NOW),)},
            "the key of the account that holds the number",
        ),
        (
            {"previous": own(), "grants": (Grant(Answer.REGISTRATION_LOCK, NOW, "lock-1"),)},
            "the relying party's registration lock",
        ),
        (
            {"previous": previous(), "grants": (Grant(Answer.NEW_SUBSCRIBER, NOW),)},
            "the operator, which confirms a new subscriber",
        ),
    ],
)
def test_an_answered_finding_keeps_its_code_and_only_caps(held: dict[str, Any], given: str) -> None:
    verdict = judge(before=swapped(), after=swapped(), possession=NETWORK, **held)
    assert (verdict.decision, verdict.level, verdict.answers) == (Decision.ACCEPT, Level.LOW, ())
    finding = of(verdict, "SIM_CHANGED_SINCE_BINDING")
    assert finding.severity is Severity.CAUTION
    assert finding.sentence.endswith(f"not the one it was bound with. This was answered by {given}.")


@pytest.mark.parametrize(
    "held",
    [
        {"previous": own()},
        {"previous": own(has_key=True)},
        {"previous": replace(own(has_key=True, same_key=True), same_account=False)},
        {"previous": own(), "possession": NETWORK},
        {"previous": own(), "grants": (Grant(Answer.NETWORK, NOW), Grant(Answer.METHOD, NOW))},
        {"previous": own(), "grants": (Grant(Answer.SAME_KEY, NOW),)},
    ],
)
def test_what_is_no_answer_to_another_sim(held: dict[str, Any]) -> None:
    assert judge(before=swapped(), after=swapped(), **held).decision is Decision.STEP_UP


def test_an_answer_that_the_policy_does_not_take_is_none() -> None:
    policy = under("SIM_CHANGED_SINCE_BINDING", answers=(Answer.SAME_KEY,))
    waited = (Grant(Answer.WAIT, NOW),)
    assert judge(policy, before=swapped(), after=swapped(), previous=own(), grants=waited).decision is Decision.STEP_UP


BANK: dict[str, Any] = {"velocity": Velocity(), "after": answer(sims_on_device=known(64))}


def test_network_possession_answers_a_sim_bank_and_leaves_low() -> None:
    assert judge(**BANK).answers == (Answer.NETWORK,)
    verdict = judge(possession=NETWORK, **BANK)
    assert (verdict.decision, verdict.level) == (Decision.ACCEPT, Level.LOW)
    assert of(verdict, "MANY_SIMS_IN_DEVICE").sentence.endswith("answered by possession shown through the network.")


@pytest.mark.parametrize(
    ("possession", "earlier", "decision"),
    [
        (LOST, (), Decision.STEP_UP),
        # by another method, itself beyond doubt, before or after
        (VOICE, (LOST,), Decision.ACCEPT),
        (LOST, (VOICE,), Decision.ACCEPT),
        (shown(Method.OPERATOR_CODE), (LOST,), Decision.ACCEPT),
        (NETWORK, (LOST,), Decision.ACCEPT),
        (LOST, (NETWORK,), Decision.ACCEPT),
        # by the same method again
        (SMS, (LOST,), Decision.STEP_UP),
        (LOST, (LOST,), Decision.STEP_UP),
        # by another one that is in doubt as well
        (shown(Method.VOICE, delivery=DeliveryState.FAILED), (LOST,), Decision.STEP_UP),
        # of two in doubt, it is the newest that is to be answered
        (shown(Method.VOICE, delivery=DeliveryState.FAILED), (SMS, LOST), Decision.ACCEPT),
        (LOST, (shown(Method.VOICE, delivery=DeliveryState.FAILED), SMS), Decision.STEP_UP),
    ],
)
def test_another_method_answers_a_code_in_doubt(
    possession: Possession, earlier: tuple[Possession, ...], decision: Decision
) -> None:
    verdict = judge(possession=possession, earlier=earlier)
    assert verdict.decision is decision
    assert "CODE_ANSWERED_UNDELIVERED" in codes(verdict)
    assert verdict.answers == ((Answer.NETWORK, Answer.METHOD) if decision is Decision.STEP_UP else ())
    assert verdict.level is (Level.SUBSTANTIAL if NETWORK in (possession, *earlier) else Level.LOW)


def test_a_spoken_code_that_was_forwarded_answers_nothing() -> None:
    verdict = judge(possession=VOICE, earlier=(LOST,), after=forwards(ForwardingKind.BUSY))
    assert verdict.decision is Decision.STEP_UP
    answered = judge(possession=SMS, earlier=(VOICE,), after=forwards(ForwardingKind.BUSY))
    assert answered.decision is Decision.ACCEPT
    assert "answered by a code by another method" in of(answered, "VOICE_CODE_FORWARDED").sentence


def test_a_code_that_could_not_arrive_answers_nothing() -> None:
    off: dict[str, Any] = {"sms_service": known(ServiceState.OFF)}
    lookups: dict[str, Any] = {"before": answer(at=NOW - 60, **off), "after": answer(**off)}
    failed = shown(Method.VOICE, delivery=DeliveryState.FAILED)
    assert judge(possession=SMS, earlier=(failed,), **lookups).decision is Decision.STEP_UP
    assert judge(possession=VOICE, earlier=(SMS,), **lookups).decision is Decision.ACCEPT


def test_a_doubt_about_more_than_one_codes_way_is_answered_by_a_second_method() -> None:
    policy = under("MANY_SIMS_IN_DEVICE", answers=(Answer.METHOD,))
    assert judge(policy, **BANK).decision is Decision.STEP_UP
    assert judge(policy, possession=VOICE, earlier=(SMS,), **BANK).decision is Decision.ACCEPT
    assert judge(policy, possession=SMS, earlier=(SMS,), **BANK).decision is Decision.STEP_UP
    assert judge(policy, possession=None, **BANK).decision is Decision.STEP_UP
    assert judge(policy, possession=NETWORK, **BANK).decision is Decision.STEP_UP


@pytest.mark.parametrize(
    ("changes", "answers"),
    [
        ({"previous": own()}, (Answer.WAIT, Answer.REGISTRATION_LOCK, Answer.NEW_SUBSCRIBER)),
        (
            {"previous": own(has_key=True)},
            (
                Answer.WAIT,
                Answer.SAME_KEY,
                Answer.OLD_ACCOUNT_KEY,
                Answer.REGISTRATION_LOCK,
                Answer.NEW_SUBSCRIBER,
            ),
        ),
        (
            {"previous": replace(previous(), has_key=True)},
            (Answer.WAIT, Answer.OLD_ACCOUNT_KEY, Answer.REGISTRATION_LOCK, Answer.NEW_SUBSCRIBER),
        ),
        (
            {"previous": own(), "possession": LOST},
            (Answer.NETWORK, Answer.METHOD, Answer.WAIT, Answer.REGISTRATION_LOCK, Answer.NEW_SUBSCRIBER),
        ),
    ],
)
def test_a_step_up_names_all_that_could_answer_in_one_order(
    changes: dict[str, Any], answers: tuple[Answer, ...]
) -> None:
    assert judge(before=swapped(), after=swapped(), **changes).answers == answers


def test_a_sim_changed_while_it_ran_is_not_answered_through_the_network() -> None:
    verdict = judge(possession=NETWORK, after=swapped())
    assert verdict.decision is Decision.STEP_UP
    assert verdict.answers == (Answer.WAIT, Answer.REGISTRATION_LOCK)


# The level required


@pytest.mark.parametrize(
    ("changes", "decision", "answers"),
    [
        ({"required_level": Level.LOW}, Decision.ACCEPT, ()),
        ({"required_level": Level.SUBSTANTIAL}, Decision.STEP_UP, (Answer.NETWORK,)),
        ({"required_level": Level.HIGH}, Decision.STEP_UP, (Answer.NETWORK,)),
        ({"required_level": Level.HIGH, "possession": NETWORK}, Decision.ACCEPT, ()),
        # shown already, and yet not enough
        (
            {"required_level": Level.HIGH, "possession": NETWORK, "after": answer(serving=unknown())},
            Decision.STEP_UP,
            (),
        ),
        # a cap that would stay
        ({"required_level": Level.SUBSTANTIAL, "after": new_sim(), "before": new_sim()}, Decision.STEP_UP, ()),
        # a cap that would go
        ({"required_level": Level.SUBSTANTIAL, "network_mismatches": 1}, Decision.STEP_UP, (Answer.NETWORK,)),
        # the lookup before the code is not made again, the one after it is
        ({"required_level": Level.SUBSTANTIAL, "before": answer(line_type=unknown())}, Decision.STEP_UP, ()),
        ({"required_level": Level.SUBSTANTIAL, "before": no_answer()}, Decision.STEP_UP, ()),
        ({"required_level": Level.SUBSTANTIAL, "after": no_answer()}, Decision.STEP_UP, (Answer.NETWORK,)),
        (
            {"required_level": Level.SUBSTANTIAL, "after": answer(sim_change=unknown())},
            Decision.STEP_UP,
            (Answer.NETWORK,),
        ),
        # a doubt that network possession answers, and what it then leaves
        ({"required_level": Level.SUBSTANTIAL, "possession": LOST}, Decision.STEP_UP, (Answer.NETWORK, Answer.METHOD)),
        ({"required_level": Level.HIGH, "possession": LOST}, Decision.STEP_UP, (Answer.NETWORK, Answer.METHOD)),
    ],
)
def test_below_the_level_required(changes: dict[str, Any], decision: Decision, answers: tuple[Answer, ...]) -> None:
    verdict = judge(**changes)
    assert (verdict.decision, verdict.answers) == (decision, answers)
    assert ("LEVEL_BELOW_REQUIRED" in codes(verdict)) is (decision is Decision.STEP_UP)


def test_what_is_below_the_level_required_says_so() -> None:
    finding = of(judge(required_level=Level.HIGH), "LEVEL_BELOW_REQUIRED")
    assert finding.sentence == "The level reached is LOW; the relying party requires HIGH."
    assert finding.severity is Severity.SEVERE


def test_a_level_that_takes_no_network_possession_is_not_reached_by_it() -> None:
    low = replace(POLICY.levels[Level.LOW], methods=frozenset({Method.SMS}))
    policy = replace(POLICY, levels={**POLICY.levels, Level.LOW: low})
    verdict = judge(policy, possession=VOICE, required_level=Level.LOW)
    assert (verdict.decision, verdict.level, verdict.answers) == (Decision.STEP_UP, Level.NONE, ())


# Whatever is unknown


_masks = st.fixed_dictionaries({}, optional={name: st.sampled_from(list(SignalState)) for name in SIGNAL_NAMES})


def masked(lookup: Lookup, states: dict[str, SignalState]) -> Lookup:
    assert lookup.subscriber is not None
    signals: dict[str, Signal[Any]] = {
        name: replace(getattr(lookup.subscriber, name), meta=Meta(state, lookup.time)) for name, state in states.items()
    }
    return replace(lookup, subscriber=replace(lookup.subscriber, **signals))


@given(before=_masks, after=_masks, method=st.sampled_from(list(Method)), same_key=st.booleans())
def test_what_is_unknown_never_raises_a_level_nor_lets_a_code_pass_low(
    before: dict[str, SignalState], after: dict[str, SignalState], method: Method, same_key: bool
) -> None:
    held: dict[str, Any] = {
        "possession": shown(method),
        "previous": own(has_key=True, same_key=same_key, level=Level.LOW),
    }
    verdict = judge(before=masked(answer(at=NOW - 60), before), after=masked(answer(), after), **held)
    assert verdict.level <= judge(**held).level
    assert verdict.decision is Decision.ACCEPT
    if method is not Method.NETWORK:
        assert verdict.level is Level.LOW
    if verdict.level is Level.HIGH:
        assert all(after.get(name, SignalState.OK) is SignalState.OK for name in HIGH_AFTER)
        assert all(before.get(name, SignalState.OK) is SignalState.OK for name in HIGH_BEFORE)


def _signals() -> st.SearchStrategy[Any]:
    hints = get_type_hints(Subscriber)
    return st.builds(
        Subscriber,
        **{
            name: st.builds(Signal, meta=st.from_type(Meta), value=st.none() | st.from_type(get_args(hints[name])[0]))
            for name in SIGNAL_NAMES
        },
    )


_lookups = st.builds(
    Lookup,
    outcome=st.sampled_from(LookupOutcome),
    operator_id=st.sampled_from(["mts", "t2"]),
    time=st.integers(),
    subscriber=st.none() | _signals(),
)
_any_evidence = st.builds(
    evidence,
    time=st.integers(),
    before=_lookups,
    after=st.none() | _lookups,
    before_resend=st.lists(_lookups, max_size=2).map(tuple),
    possession=st.none() | st.from_type(Possession),
    earlier=st.lists(st.from_type(Possession), max_size=2).map(tuple),
    previous=st.none() | st.from_type(PreviousBinding),
    client=st.none() | st.from_type(ClientNetwork),
    velocity=st.from_type(Velocity),
    grants=st.lists(st.from_type(Grant), max_size=2).map(tuple),
    country=st.text(max_size=3),
    home_plmns=st.lists(st.text(max_size=7) | st.just("250-01"), max_size=2).map(tuple),
    network_mismatches=st.integers(0, 3),
    required_level=st.sampled_from(Level),
)


@given(held=_any_evidence)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_operators_say_there_is_a_verdict_that_keeps_its_promises(held: Evidence) -> None:
    verdict = evaluate(held, POLICY)
    assert verdict == evaluate(held, POLICY)
    worst = max((finding.severity for finding in verdict.findings), default=Severity.NOTE)
    assert verdict.decision is {Severity.FATAL: Decision.REJECT, Severity.SEVERE: Decision.STEP_UP}.get(
        worst, Decision.ACCEPT
    )
    assert verdict.decision is Decision.STEP_UP or verdict.answers == ()
    assert all(finding.cap is None or verdict.level <= finding.cap for finding in verdict.findings)
    proved = held.previous is not None and held.previous.same_account and held.previous.same_key
    if not proved and all(possession.method is not Method.NETWORK for possession in held.possessions()):
        assert verdict.level <= Level.LOW
    if verdict.decision is Decision.ACCEPT and held.possessions():
        assert verdict.level >= held.required_level
