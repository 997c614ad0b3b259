"""Everybody's plan and story, against a desk that answers as told."""

from dataclasses import replace

import pytest

from fakes.simulated_desk import FakeDesk, MovedClock
from numseal.api.verification.v1 import binding_pb2
from numseal.api.verification.v1 import verification_pb2 as pb
from numseal.apps.simulate import attacks, nuisances, segments
from numseal.apps.simulate.claim import Claimant
from numseal.apps.simulate.mix import ATTACKS, SEGMENTS, Mix, Section, load_mix
from numseal.apps.simulate.nuisances import NUISANCES, alter
from numseal.apps.simulate.outcomes import Outcome, Stage
from numseal.apps.simulate.people import People
from numseal.apps.simulate.play import LEAD_DAYS, START, Cast, Order, make_plan
from numseal.apps.simulate.timeline import HOUR, Timeline

DAY = 86_400
TIME = START + LEAD_DAYS * DAY


def certain(mix: Mix, group: str, name: str, **values: object) -> Mix:
    """Return the mix with values of one section changed."""
    sections = getattr(mix, group)
    changed = Section({**sections[name].values, **values})
    return replace(mix, **{group: {**sections, name: changed}})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SEGMENTS)
async def test_a_life_is_played_in_order(name: str, desk: FakeDesk, clock: MovedClock, timeline: Timeline) -> None:
    mix = certain(load_mix(None), "segments", name, first_time=0)
    people = People(mix, 3)
    for index in range(12):
        life = segments.plan_life(people, f"person-{index}", name, TIME)
        assert life.earlier_time is not None
        times = [life.earlier_time, *(time for time, _ in life.happenings), life.time]
        assert times == sorted(times)
        assert segments.begins(life) == life.earlier_time
        lived: list[segments.Lived] = []

        async def story(life: segments.Life = life, lived: list[segments.Lived] = lived) -> None:
            lived.append(await segments.live(life, desk, timeline, Claimant(desk, timeline)))

        clock.time = segments.begins(life)
        timeline.add(clock.time, story)
        await timeline.play(TIME)
        assert lived[0].result.bound
        assert lived[0].earlier is not None


def test_a_first_time_has_nothing_before_it() -> None:
    mix = certain(load_mix(None), "segments", "new_phone", first_time=1)
    life = segments.plan_life(People(mix, 3), "person", "new_phone", TIME)
    assert life.earlier is None
    assert segments.begins(life) == life.happenings[0][0]


def test_a_recycled_number_comes_to_another_account_than_the_last_owners() -> None:
    life = segments.plan_life(People(load_mix(None), 3), "person", "recycled_owner", TIME)
    assert life.earlier is not None
    assert life.claim.account != life.earlier.account
    assert life.claim.new_subscriber


@pytest.mark.parametrize("name", attacks.KINDS)
async def test_an_attempt_is_played_in_order(
    name: str, desk: FakeDesk, clock: MovedClock, timeline: Timeline, people: People
) -> None:
    (first, *others) = attacks.plan_run(people, name, name, TIME)
    assert len({attempt.claim.address for attempt in others}) <= 1
    for attempt in (first, *others[:2]):
        assert attacks.begins(attempt) <= attempt.crime_time <= attempt.time
        found: list[attacks.Attacked] = []

        async def story(attempt: attacks.Attempt = attempt, found: list[attacks.Attacked] = found) -> None:
            found.append(await attacks.attack(attempt, desk, timeline, Claimant(desk, timeline)))

        clock.time = attacks.begins(attempt)
        timeline.add(clock.time, story)
        await timeline.play(attempt.time)
        assert found[0].result.began >= attempt.time
        assert (found[0].victim is not None) is (attempt.bind_time is not None)
        assert bool(found[0].unseen) or not attempt.kind.unseen


def test_every_attack_of_the_mix_is_played_once() -> None:
    assert set(attacks.KINDS) | NUISANCES == set(ATTACKS)
    assert not set(attacks.KINDS) & NUISANCES


@pytest.mark.parametrize(
    ("missing", "silent", "delay", "part"),
    [
        ((), False, 0, ""),
        ((), True, 0, "answers no lookup"),
        (attacks.KINDS["sim_swap_at_once"].seen_by, False, 0, "does not tell the signals"),
        ((), False, 3 * DAY, "more than a day after"),
    ],
)
async def test_what_an_operator_leaves_unsaid_is_named(
    missing: tuple[int, ...], silent: bool, delay: int, part: str,
    desk: FakeDesk, clock: MovedClock, timeline: Timeline, people: People,
) -> None:  # fmt: skip
    (attempt,) = attacks.plan_run(people, "a", "sim_swap_at_once", TIME)
    attempt.person.missing, attempt.person.silent = missing, silent
    for made in attempt.made:
        made.report_delay.seconds = delay
    attempt.person.operator_id = "mts"
    clock.time = TIME
    found = await attacks.attack(attempt, desk, timeline, Claimant(desk, timeline))
    assert part in found.unseen
    assert bool(part) is bool(found.unseen)


@pytest.mark.parametrize("name", sorted(NUISANCES))
async def test_a_nuisance_is_judged_by_the_answers(
    name: str, desk: FakeDesk, clock: MovedClock, timeline: Timeline, people: People
) -> None:
    nuisance = nuisances.plan_nuisance(people, name, name, TIME)
    found: list[Outcome] = []

    async def story() -> None:
        found.append(await nuisances.annoy(nuisance, desk, timeline, Claimant(desk, timeline)))

    clock.time = TIME - nuisance.before
    timeline.add(clock.time, story)
    await timeline.play(TIME + 30 * HOUR)
    missed = {"pumper_completes", "pumper_incomplete", "resend_flooding"}
    assert (found[0].stage is Stage.MISSED) is (name in missed)


@pytest.mark.parametrize(
    ("name", "call", "after", "stage"),
    [
        ("brute_force_parallel", "start", 0, Stage.BEFORE),
        ("brute_force_parallel", "check", 5, Stage.REJECTED),
        ("brute_force_sessions", "start", 2, Stage.REJECTED),
        ("resend_flooding", "resend", 3, Stage.REJECTED),
        ("resend_flooding", "start", 2, Stage.MISSED),
        ("resend_flooding", "start", 0, Stage.BEFORE),
        ("pumper_incomplete", "start", 40, Stage.REJECTED),
        ("pumper_completes", "start", 0, Stage.BEFORE),
        ("pumper_completes", "check", 30, Stage.REJECTED),
        ("replayed_altered", "shown", 0, Stage.BEFORE),
        ("replayed_by_account", "start", 0, Stage.BEFORE),
        ("enumeration", "start", 0, Stage.BEFORE),
        ("enumeration", "start", 40, Stage.MISSED),
    ],
)
async def test_a_nuisance_that_is_refused_is_stopped(
    name: str, call: str, after: int, stage: Stage,
    desk: FakeDesk, clock: MovedClock, timeline: Timeline, people: People,
) -> None:  # fmt: skip
    desk.refusals[call], desk.refuse_after[call] = "ENOUGH", after
    nuisance = nuisances.plan_nuisance(people, name, name, TIME)
    found: list[Outcome] = []

    async def story() -> None:
        found.append(await nuisances.annoy(nuisance, desk, timeline, Claimant(desk, timeline)))

    clock.time = TIME - nuisance.before
    timeline.add(clock.time, story)
    await timeline.play(TIME + 30 * HOUR)
    assert found[0].stage is stage


async def test_a_number_that_passes_for_genuine_is_missed(
    desk: FakeDesk, timeline: Timeline, people: People, clock: MovedClock
) -> None:
    desk.result = binding_pb2.NUMBER_CHECK_RESULT_GENUINE
    clock.time = TIME
    nuisance = nuisances.plan_nuisance(people, "a", "shown_number_not_bound", TIME)
    found = await nuisances.annoy(nuisance, desk, timeline, Claimant(desk, timeline))
    assert found.stage is Stage.MISSED


def test_an_altered_presentation_differs_in_one_disclosure() -> None:
    assert alter("token~aaaa~bbbb~") == "token~aaAa~bbbb~"
    assert alter("token~AAAA~bbbb~") == "token~AABA~bbbb~"


async def test_a_whole_plan_is_played(desk: FakeDesk, clock: MovedClock) -> None:
    order = Order(subscribers=20, days=2, seed=5, mix=load_mix(None))
    plan = make_plan(order, People(order.mix, 5))
    again = make_plan(order, People(order.mix, 5))
    assert [life.person.number for life in plan.lives] == [life.person.number for life in again.lives]
    assert len(plan) == len(plan.lives) + len(plan.runs) + len(plan.nuisances)
    clock.time = START
    timeline = Timeline(clock, 32, settle=0)
    cast = Cast(desk, timeline)
    cast.enter(plan)
    await timeline.play(TIME + 10 * DAY)
    assert len(cast.lives) == 20
    assert {item.attack for item in cast.attacked.values()} == set(attacks.KINDS)
    assert {item.attack for item in cast.outcomes.values()} == set(NUISANCES)


def test_runs_are_labelled_by_signals_and_thresholds() -> None:
    order = Order(1, 1, 1, load_mix(None), "hlr")
    assert (order.label, replace(order, signals="all", factor=2).label) == ("hlr", "all x2")


async def test_a_code_on_ims_is_read_though_the_handset_looks_absent() -> None:
    mix = certain(load_mix(None), "segments", "behind_sms_router", looks_absent=1)
    life = segments.plan_life(People(mix, 3), "person", "behind_sms_router", TIME)
    assert life.claim.overhears
    assert life.claim.purpose in {pb.PURPOSE_SIGN_UP, pb.PURPOSE_RE_REGISTER}
