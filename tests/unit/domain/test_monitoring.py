"""What events, later lookups and time do to a binding: each effect, both sides of each edge, events in any order."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.evidence import DAY, NOW, OWNER, SIM, answer, known, unknown
from fakes.store_rows import binding
from numseal.domain import binding_effect as effects
from numseal.domain.binding import LIFETIME, Binding, BindingState, Monitoring
from numseal.domain.binding_effect import MAX_FINDINGS, with_finding, without_finding
from numseal.domain.evidence import (
    Basis,
    DeviceRef,
    Facts,
    Forwarding,
    ForwardingKind,
    Lookup,
    LookupOutcome,
    Port,
    SimChange,
    SimChangeKind,
    SubscriberRef,
)
from numseal.domain.monitoring import after_event, after_lookup, at, next_recheck
from numseal.domain.operator import CLOCK_SKEW, BarredReason, EventKind, OperatorEvent
from numseal.domain.verdict import Finding, Level, Severity

REVERIFY = 7 * DAY
LATER = NOW + 3_600
DEVICE = DeviceRef("d" * 32, "1", "35123456")
OTHER_SIM = replace(SIM, ref="6" * 32)
BOUND = binding(
    1,
    level=Level.HIGH,
    monitoring=Monitoring.WATCHED,
    watch_id="w1",
    recheck_time=NOW + 9 * DAY,
    update_time=NOW,
    facts=Facts("mts", NOW, OWNER, SIM, NOW - 900 * DAY, DEVICE, NOW - 400 * DAY),
)


def event(kind: EventKind, time: int = NOW + 60, **more: Any) -> OperatorEvent:
    made = OperatorEvent(kind, "c1", observe_time=time + 5, event_id="e1", watch_id="w1", occur_time=time)
    if kind is EventKind.SIM_CHANGE:
        made = replace(made, sim_change=SimChangeKind.REPLACED)
    return replace(made, **more)


def told(*events: OperatorEvent, bound: Binding = BOUND) -> tuple[Binding, list[str]]:
    codes: list[str] = []
    for one in events:
        bound, findings = after_event(bound, one, LATER, REVERIFY)
        codes += [finding.code for finding in findings]
    return bound, codes


def looked(found: Lookup, bound: Binding = BOUND, now: int = LATER) -> tuple[Binding, list[str]]:
    after, findings = after_lookup(bound, replace(found, time=now), now, REVERIFY)
    return after, [finding.code for finding in findings]


def changes(after: Binding, before: Binding = BOUND) -> dict[str, Any]:
    """Return the fields that differ, but for the findings and when something was learned."""
    names = [name for name in Binding.__dataclass_fields__ if name not in {"findings", "update_time", "observed_time"}]
    return {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}


DOUBTED = {"level": Level.LOW, "reverify_by": NOW + 60 + REVERIFY}
SWAPPED = {**DOUBTED, "sim_changed_time": NOW + 60}
REVOKED = {"state": BindingState.REVOKED, "end_time": LATER}
SUSPENDED = {"state": BindingState.SUSPENDED}
K = EventKind

EVENTS: list[tuple[str, OperatorEvent, dict[str, Any], list[str]]] = [
    ("terminated", event(K.TERMINATED), {**REVOKED, "end_reason": "TERMINATED"}, ["TERMINATED_SINCE_BINDING"]),
    ("reassigned", event(K.REASSIGNED), {**REVOKED, "end_reason": "REASSIGNED"}, ["REASSIGNED_SINCE_BINDING"]),
    ("sim change", event(K.SIM_CHANGE), SWAPPED, ["SIM_CHANGED_SINCE_BINDING"]),
    ("another sim", event(K.SIM_CHANGE, sim_ref=OTHER_SIM), SWAPPED, ["SIM_CHANGED_SINCE_BINDING"]),
    ("the sim that was bound", event(K.SIM_CHANGE, sim_ref=SIM), {}, []),
    (
        "it, as a router knows it",
        event(K.SIM_CHANGE, sim_ref=replace(SIM, basis=Basis.HOME_ROUTED)),
        SWAPPED,
        ["SIM_CHANGED_SINCE_BINDING"],
    ),
    ("a further sim", event(K.SIM_CHANGE, sim_change=SimChangeKind.MULTISIM), {}, ["SIM_ADDED_SINCE_BINDING"]),
    (
        "fraud suspected",
        event(K.SIM_CHANGE, fraud_suspected=True),
        {**SWAPPED, **SUSPENDED, "end_reason": "SIM_CHANGED"},
        ["SIM_CHANGED_SINCE_BINDING", "FRAUD_SUSPECTED"],
    ),
    (
        "fraud suspected of a further sim",
        event(K.SIM_CHANGE, sim_change=SimChangeKind.MULTISIM, fraud_suspected=True),
        {**SUSPENDED, "end_reason": "SIM_CHANGED"},
        ["SIM_ADDED_SINCE_BINDING", "FRAUD_SUSPECTED"],
    ),
    ("another device", event(K.DEVICE_CHANGE), {}, ["DEVICE_CHANGED_SINCE_BINDING"]),
    (
        "ported",
        event(K.PORT_OUT, to_operator="megafon"),
        {
            **SWAPPED,
            "operator_id": "megafon",
            "monitoring": Monitoring.UNMONITORED,
            "watch_id": "",
            "recheck_time": LATER,
        },
        ["PORTED_SINCE_BINDING"],
    ),
    (
        "ported, nobody knows where",
        event(K.PORT_OUT),
        {**SWAPPED, "monitoring": Monitoring.UNMONITORED, "watch_id": "", "recheck_time": LATER},
        ["PORTED_SINCE_BINDING"],
    ),
    (
        "barred for fraud",
        event(K.BARRED, barred=BarredReason.FRAUD),
        {**SUSPENDED, "end_reason": "BARRED"},
        ["BARRED_FOR_FRAUD"],
    ),
    ("lost", event(K.BARRED, barred=BarredReason.LOST), {**SUSPENDED, "end_reason": "BARRED"}, ["BARRED_AS_LOST"]),
    ("unpaid", event(K.BARRED, barred=BarredReason.PAYMENT), {}, ["BARRED_FOR_PAYMENT"]),
    ("barred", event(K.BARRED, barred=BarredReason.OTHER), {}, ["BARRED"]),
    ("barred, unsaid why", event(K.BARRED), {}, ["BARRED"]),
    ("a delivery", event(K.DELIVERY), {}, []),
    ("a heartbeat", event(K.HEARTBEAT), {}, []),
]


@pytest.mark.parametrize(("made", "expected", "codes"), [row[1:] for row in EVENTS], ids=[row[0] for row in EVENTS])
def test_what_an_event_does(made: OperatorEvent, expected: dict[str, Any], codes: list[str]) -> None:
    after, found = told(made)
    assert (changes(after), found) == (expected, codes)
    assert [finding.code for finding in after.findings] == codes
    assert after.update_time == (LATER if codes else NOW)
    twice, _ = told(made, bound=after)
    assert twice is after or after.state is BindingState.REVOKED


@pytest.mark.parametrize("kind", [kind for kind in K if kind is not K.SIM_CHANGE])
def test_what_happened_before_the_binding_is_somebody_else_s(kind: EventKind) -> None:
    made = event(kind, time=NOW - CLOCK_SKEW - 1, barred=BarredReason.FRAUD, to_operator="megafon")
    after, findings = told(replace(made, observe_time=NOW + 60))
    assert after is BOUND
    assert findings == []
    at_once = event(kind, time=NOW, barred=BarredReason.FRAUD, to_operator="megafon")
    if kind not in {K.TERMINATED, K.REASSIGNED, K.PORT_OUT}:
        assert told(at_once)[0] is BOUND


def test_the_coming_of_the_subscriber_bound_ends_nothing() -> None:
    own, other = (
        event(K.REASSIGNED, subscriber_ref=OWNER),
        event(K.REASSIGNED, subscriber_ref=replace(OWNER, ref="9" * 32)),
    )
    assert (changes(told(own)[0]), told(own)[1]) == ({}, [])
    assert changes(told(other)[0]) == {**REVOKED, "end_reason": "REASSIGNED"}


@pytest.mark.parametrize("kind", [K.TERMINATED, K.REASSIGNED, K.PORT_OUT])
@pytest.mark.parametrize(("age", "due"), [(0, LATER), (CLOCK_SKEW, LATER), (CLOCK_SKEW + 1, NOW + 9 * DAY)])
def test_what_clocks_may_have_told_wrongly_is_looked_up(kind: EventKind, age: int, due: int) -> None:
    after, _ = told(event(kind, time=NOW - age))
    assert changes(after) == ({"recheck_time": due} if due == LATER else {})


@pytest.mark.parametrize("kind", [kind for kind in K if kind not in {K.DELIVERY, K.HEARTBEAT}])
@pytest.mark.parametrize("ahead", [CLOCK_SKEW + 1, 30 * DAY])
def test_what_is_dated_far_ahead_is_looked_up_now(kind: EventKind, ahead: int) -> None:
    made = event(kind, time=LATER + ahead, barred=BarredReason.FRAUD, to_operator="megafon")
    after, codes = told(made)
    assert (changes(after), codes) == ({"recheck_time": LATER}, [])
    assert told(made, bound=after)[0] is after


LATE = ["SIM_CHANGED_BEFORE_BINDING"]


@pytest.mark.parametrize(
    ("made", "expected", "codes"),
    [
        (event(K.SIM_CHANGE, NOW, observe_time=NOW + 1), {"level": Level.LOW, "reverify_by": NOW + REVERIFY}, LATE),
        (event(K.SIM_CHANGE, NOW, observe_time=NOW), {}, []),
        (event(K.SIM_CHANGE, NOW, observe_time=NOW + 1, sim_change=SimChangeKind.MULTISIM), {}, []),
        (
            event(K.SIM_CHANGE, NOW - REVERIFY + 1, observe_time=NOW + 1),
            {"level": Level.LOW, "reverify_by": NOW + 1},
            LATE,
        ),
        (event(K.SIM_CHANGE, NOW - REVERIFY, observe_time=NOW + 1), {}, []),
        (
            event(K.SIM_CHANGE, NOW - 60, observe_time=NOW + 1, fraud_suspected=True),
            {"level": Level.LOW, "reverify_by": NOW - 60 + REVERIFY, **SUSPENDED, "end_reason": "SIM_CHANGED"},
            [*LATE, "FRAUD_SUSPECTED"],
        ),
    ],
)
def test_a_change_of_sim_that_was_learned_too_late(
    made: OperatorEvent, expected: dict[str, Any], codes: list[str]
) -> None:
    after, found = told(made)
    assert (changes(after), found) == (expected, codes)
    facts = replace(BOUND.facts, sim_change_time=made.occur_time)
    assert told(made, bound=replace(BOUND, facts=facts))[1] == []


def test_an_event_moves_the_observation_but_not_into_the_future() -> None:
    assert told(event(K.DEVICE_CHANGE))[0].observed_time == NOW + 65
    assert told(event(K.DEVICE_CHANGE, observe_time=LATER + 200))[0].observed_time == LATER
    assert told(event(K.DEVICE_CHANGE, observe_time=NOW - 1))[0].observed_time == NOW


def test_what_ended_stays_as_it_ended() -> None:
    for state in (BindingState.REVOKED, BindingState.SUPERSEDED, BindingState.EXPIRED):
        ended = replace(BOUND, state=state)
        assert told(event(K.SIM_CHANGE), bound=ended)[0] is ended
        assert looked(answer(LookupOutcome.NOT_ASSIGNED), ended)[0] is ended
        assert at(ended, NOW + LIFETIME) is ended


def test_the_first_date_to_verify_again_stays() -> None:
    after, _ = told(event(K.SIM_CHANGE, NOW + 50), event(K.SIM_CHANGE, NOW + 90))
    assert (after.reverify_by, after.sim_changed_time) == (NOW + 50 + REVERIFY, NOW + 90)


def test_a_suspension_for_a_bar_gives_way_to_a_change_of_sim_and_no_other_does() -> None:
    barred, swapped = event(K.BARRED, barred=BarredReason.LOST), event(K.SIM_CHANGE, fraud_suspected=True)
    assert {told(*order)[0].end_reason for order in itertools.permutations([barred, swapped])} == {"SIM_CHANGED"}
    by_key = replace(BOUND, state=BindingState.SUSPENDED, end_reason="KEY_COMPROMISED")
    assert told(swapped, bound=by_key)[0].end_reason == "KEY_COMPROMISED"


def test_a_revocation_ends_a_contest() -> None:
    contested = replace(BOUND, contested_time=NOW, contests=("a" * 32,), contest_end=LATER + DAY)
    after, _ = told(event(K.TERMINATED), bound=contested)
    assert (after.contested_time, after.contests, after.contest_end) == (None, (), None)


TIMES = st.integers(NOW - 2 * REVERIFY, LATER)
ANY_EVENT = st.builds(
    event,
    kind=st.sampled_from([kind for kind in K if kind not in {K.PORT_OUT, K.TERMINATED, K.REASSIGNED}]),
    time=TIMES,
    sim_change=st.sampled_from(SimChangeKind),
    sim_ref=st.sampled_from([None, SIM, OTHER_SIM]),
    fraud_suspected=st.booleans(),
    barred=st.sampled_from(BarredReason),
) | st.builds(event, kind=st.just(K.PORT_OUT), time=TIMES, to_operator=st.just("megafon"))


@given(events=st.lists(ANY_EVENT, max_size=6), order=st.randoms(use_true_random=False))
def test_events_may_come_twice_and_in_any_order(events: list[OperatorEvent], order: Any) -> None:
    once, _ = told(*events)
    again = events * 2
    order.shuffle(again)
    other, _ = told(*again)
    assert set(other.findings) == set(once.findings)
    assert replace(other, findings=()) == replace(once, findings=())


@given(
    events=st.lists(ANY_EVENT, max_size=4),
    end=st.builds(event, kind=st.sampled_from([K.TERMINATED, K.REASSIGNED]), time=TIMES),
    place=st.integers(0, 4),
)
def test_an_end_is_an_end_wherever_it_comes(events: list[OperatorEvent], end: OperatorEvent, place: int) -> None:
    after, _ = told(*events[:place], end, *events[place:])
    assert (after.state is BindingState.REVOKED) == (end.occur_time > NOW)


# Lookups

AFTER = NOW + 60
CHANGED = {"level": Level.LOW, "reverify_by": AFTER + REVERIFY, "sim_changed_time": AFTER}
FORWARDED = (Forwarding(ForwardingKind.UNCONDITIONAL, active=True),)


def sim(**changed: Any) -> Any:
    return known(replace(OTHER_SIM, **changed))


def swap(time: int, kind: SimChangeKind = SimChangeKind.REPLACED) -> Any:
    return known(SimChange(time, kind))


SWAPPED_CODE, OWNER_CODE = ["SIM_CHANGED_SINCE_BINDING"], ["REASSIGNED_SINCE_BINDING"]
TAKEN = {**REVOKED, "end_reason": "REASSIGNED"}
UNDATED = {"level": Level.LOW, "reverify_by": LATER + REVERIFY, "sim_changed_time": LATER}

LOOKUPS: list[tuple[str, Lookup, dict[str, Any], list[str]]] = [
    ("all as it was", answer(), {}, []),
    (
        "nothing known",
        answer(
            subscriber_ref=unknown(), sim_ref=unknown(), sim_change=unknown(), recycled=unknown(), forwarding=unknown()
        ),
        {},
        [],
    ),
    (
        "not assigned",
        answer(LookupOutcome.NOT_ASSIGNED),
        {**REVOKED, "end_reason": "TERMINATED"},
        ["TERMINATED_SINCE_BINDING"],
    ),
    (
        "not served",
        answer(LookupOutcome.NOT_SERVED),
        {"level": Level.LOW, "reverify_by": LATER + REVERIFY},
        ["NOT_SERVED_SINCE_BINDING"],
    ),
    (
        "ported",
        replace(answer(LookupOutcome.PORTED), ported_to="megafon"),
        {**UNDATED, "operator_id": "megafon", "monitoring": Monitoring.UNMONITORED, "watch_id": ""},
        ["PORTED_SINCE_BINDING"],
    ),
    ("another owner", answer(subscriber_ref=known(SubscriberRef("b" * 32, "1"))), TAKEN, OWNER_CODE),
    ("owners under another key", answer(subscriber_ref=known(SubscriberRef("b" * 32, "2"))), {}, []),
    ("owners of another operator", answer(operator="megafon", subscriber_ref=known(SubscriberRef("b", "1"))), {}, []),
    ("recycled", answer(recycled=known(True)), TAKEN, OWNER_CODE),
    ("another sim", answer(sim_ref=sim()), UNDATED, SWAPPED_CODE),
    ("another sim and its date", answer(sim_ref=sim(), sim_change=swap(AFTER)), CHANGED, SWAPPED_CODE),
    ("sims under another key", answer(sim_ref=sim(key_epoch="2")), {}, []),
    ("a router's sim", answer(sim_ref=sim(basis=Basis.HOME_ROUTED)), {}, []),
    ("another operator's sim", answer(operator="megafon", sim_ref=sim()), {}, []),
    ("a change, sim unknown", answer(sim_ref=unknown(), sim_change=swap(AFTER)), CHANGED, SWAPPED_CODE),
    ("a change before, sim unknown", answer(sim_ref=unknown(), sim_change=swap(NOW)), {}, []),
    (
        "a change just after, sim unknown",
        answer(sim_ref=unknown(), sim_change=swap(NOW + 1)),
        {**CHANGED, "reverify_by": NOW + 1 + REVERIFY, "sim_changed_time": NOW + 1},
        SWAPPED_CODE,
    ),
    ("the same sim, within the clocks' difference", answer(sim_change=swap(NOW + CLOCK_SKEW)), {}, []),
    (
        "the same sim, beyond it",
        answer(sim_change=swap(NOW + CLOCK_SKEW + 1)),
        {
            "level": Level.LOW,
            "reverify_by": NOW + CLOCK_SKEW + 1 + REVERIFY,
            "sim_changed_time": NOW + CLOCK_SKEW + 1,
        },
        SWAPPED_CODE,
    ),
    ("a further sim", answer(sim_ref=unknown(), sim_change=swap(AFTER, SimChangeKind.MULTISIM)), {}, []),
    ("a port in", answer(port=known(Port(AFTER, "megafon"))), CHANGED, ["PORTED_SINCE_BINDING"]),
    ("a port before", answer(port=known(Port(NOW, "megafon"))), {}, []),
    ("another device", answer(device_ref=known(replace(DEVICE, ref="e" * 32))), {}, ["DEVICE_CHANGED_SINCE_BINDING"]),
    ("calls forwarded", answer(forwarding=known(FORWARDED)), {}, ["FORWARDING_ACTIVE"]),
    (
        "calls forwarded when busy",
        answer(forwarding=known((Forwarding(ForwardingKind.BUSY, active=True),))),
        {},
        [],
    ),
]


@pytest.mark.parametrize(("found", "expected", "codes"), [row[1:] for row in LOOKUPS], ids=[row[0] for row in LOOKUPS])
def test_what_a_lookup_does(found: Lookup, expected: dict[str, Any], codes: list[str]) -> None:
    after, seen = looked(found)
    assert (changes(after), seen) == (expected, codes)
    assert after.observed_time == LATER
    again, _ = looked(found, after, LATER + 60)
    assert replace(again, observed_time=after.observed_time) == after


def test_dates_known_when_it_was_bound_are_not_of_a_change_since() -> None:
    facts = replace(BOUND.facts, sim_change_time=AFTER, port_time=AFTER)
    found = answer(sim_ref=unknown(), sim_change=swap(AFTER), port=known(Port(AFTER, "megafon")))
    assert looked(found, replace(BOUND, facts=facts))[1] == []


def test_an_undated_change_is_dated_once() -> None:
    first, _ = looked(answer(sim_ref=sim()))
    assert looked(answer(sim_ref=sim()), first, LATER + DAY)[0].sim_changed_time == LATER


@pytest.mark.parametrize("to", ["", "mts"])
def test_a_port_to_nowhere_is_dated_once(to: str) -> None:
    found = replace(answer(LookupOutcome.PORTED), ported_to=to)
    first, _ = looked(found)
    assert (first.operator_id, first.monitoring) == ("mts", Monitoring.UNMONITORED)
    assert looked(found, first, LATER + DAY)[0].sim_changed_time == LATER


def test_silence_changes_nothing_and_an_answer_ends_it() -> None:
    silent = Lookup(LookupOutcome.UNANSWERED, "mts", LATER, failure="TIMEOUT")
    noted = with_finding(BOUND, effects.UNANSWERED.upon("recheck.lookup"))
    assert looked(silent, noted) == (noted, [])
    assert looked(answer(), noted)[0].findings == ()


def test_several_findings_of_one_lookup_keep_the_graver_values() -> None:
    found = answer(sim_ref=sim(), sim_change=swap(AFTER + 9), port=known(Port(AFTER, "megafon")))
    after, codes = looked(found)
    assert codes == ["SIM_CHANGED_SINCE_BINDING", "PORTED_SINCE_BINDING"]
    assert (after.reverify_by, after.sim_changed_time) == (AFTER + REVERIFY, AFTER + 9)


# Time and findings


def test_time_ends_a_contest_and_then_the_binding() -> None:
    contested = replace(BOUND, contested_time=NOW, contests=("a" * 32,), contest_end=NOW + DAY)
    assert at(contested, NOW + DAY - 1) is contested
    after = at(contested, NOW + DAY)
    assert changes(after, contested) == {"contested_time": None, "contests": (), "contest_end": None}
    assert at(after, BOUND.expire_time - 1) is after
    expired = at(contested, BOUND.expire_time)
    assert (expired.state, expired.end_time, expired.contested_time) == (
        BindingState.EXPIRED,
        BOUND.expire_time,
        None,
    )


def test_rechecks_are_spread_within_their_period_and_ends_are_due() -> None:
    times = {next_recheck(binding(number), DAY, NOW) for number in range(200)}
    assert len(times) > 190
    assert min(times) >= NOW + DAY - DAY // 4
    assert max(times) <= NOW + DAY
    assert max(times) - min(times) > DAY // 5
    assert next_recheck(BOUND, LIFETIME * 2, NOW) == BOUND.expire_time
    assert next_recheck(replace(BOUND, contest_end=NOW + 5), DAY, NOW) == NOW + 5


def test_a_binding_keeps_one_finding_of_a_code_and_the_newest_of_all() -> None:
    bound = BOUND
    for number in range(MAX_FINDINGS + 2):
        bound = with_finding(bound, Finding(f"F{number}", Severity.NOTE, "x"))
    assert [finding.code for finding in bound.findings] == [f"F{number}" for number in range(2, MAX_FINDINGS + 2)]
    again = with_finding(bound, Finding("F2", Severity.NOTE, "another sentence"))
    assert again.findings[-1].sentence == "another sentence"
    assert len(again.findings) == MAX_FINDINGS
    assert with_finding(again, again.findings[0]) is again
    assert without_finding(again, "F0") is again
    assert len(without_finding(again, "F2").findings) == MAX_FINDINGS - 1
