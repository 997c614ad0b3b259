"""CheckNumber: the store's rows, the streams' life and the policy's default come together in one answer."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, cast

import pytest

from fakes.desk import Ground
from fakes.evidence import NOW, packaged_policy
from fakes.following import Following
from fakes.store_rows import PARTY, binding, phone_of
from numseal.domain.binding import Check, CheckResult, Monitoring
from numseal.domain.errors import Kind, Refusal, invalid
from numseal.domain.number_plan import NumberPlan, Range
from numseal.domain.policy import Policies
from numseal.domain.verdict import Level
from numseal.usecases.check_number import MAX_BATCH, CheckNumber, Shown

PLAN = NumberPlan([Range("+7916", 11, "mts")])
SHOWN = Shown("account-1", phone_of(1))


class Judge:
    """Judges presentations as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refusal: Refusal | None = None

    async def __call__(self, relying_party: str, **asked: Any) -> Check:
        self.asked.append({"relying_party": relying_party, **asked})
        if self.refusal is not None:
            raise self.refusal
        return Check(CheckResult.SPOOFED, Level.NONE, (), None)


@pytest.fixture
async def following(ground: Ground) -> Following:
    made = Following(ground)
    await made.bind(binding(1), binding(2, monitoring=Monitoring.WATCHED, watch_id="w2"))
    ground.clock.advance(1_000)
    return made


def checking(following: Following, judge: Judge | None = None, max_age: int = 0) -> CheckNumber:
    policy = packaged_policy()
    policy = replace(policy, monitoring=replace(policy.monitoring, max_age=max_age))
    return CheckNumber(
        store=following.store,
        plan=PLAN,
        policies=Policies(policy),
        clock=following.ground.clock,
        health=following.health,
        presentations=cast("Any", judge or Judge()),
    )


async def refused(call: Callable[[], Coroutine[Any, Any, object]]) -> tuple[Kind, str]:
    with pytest.raises(Refusal) as caught:
        await call()
    return caught.value.reasoning.kind, caught.value.reason


async def test_the_answer_has_its_time(following: Following) -> None:
    check, now = await checking(following)(PARTY, SHOWN)
    assert (check.result, now) == (CheckResult.GENUINE, NOW + 1_000)


@pytest.mark.parametrize(
    ("default", "asked", "result"),
    [
        (0, None, CheckResult.GENUINE),
        (999, None, CheckResult.STALE),
        (1_000, None, CheckResult.GENUINE),
        (999, 1_000, CheckResult.GENUINE),
        (0, 999, CheckResult.STALE),
    ],
)
async def test_the_policy_says_how_old_an_observation_may_be(
    following: Following, default: int, asked: int | None, result: CheckResult
) -> None:
    shown = replace(SHOWN, max_age=asked)
    check, _ = await checking(following, max_age=default)(PARTY, shown)
    (batched,), _ = await checking(following, max_age=default).many(PARTY, [shown])
    assert isinstance(batched, Check)
    assert check.result is batched.result is result


async def test_a_level_of_none_is_not_enough_unless_asked_for(following: Following) -> None:
    await following.bind(replace(await following.bound(), level=Level.NONE))
    check = checking(following)
    assert (await check(PARTY, SHOWN))[0].result is CheckResult.UNVERIFIED
    assert (await check(PARTY, replace(SHOWN, min_level=Level.NONE)))[0].result is CheckResult.GENUINE


async def test_a_watched_number_stays_observed_while_events_come(following: Following) -> None:
    check = checking(following)
    shown = Shown("account-2", phone_of(2), max_age=10)
    before, _ = await check(PARTY, shown)
    following.health.begin("mts", NOW)
    following.health.heard("mts", NOW + 995)
    after, _ = await check(PARTY, shown)
    assert [(found.result, [item.code for item in found.findings]) for found in (before, after)] == [
        (CheckResult.STALE, ["MONITORING_INTERRUPTED", "OBSERVATION_TOO_OLD"]),
        (CheckResult.GENUINE, []),
    ]
    assert after.binding is not None
    assert after.observed_time == NOW + 995


async def test_a_presentation_is_judged_elsewhere(following: Following) -> None:
    judge = Judge()
    shown = Shown("account-1", presentation="e.y.J~", nonce="n", audience="a", min_level=Level.HIGH)
    check, now = await checking(following, judge, max_age=60)(PARTY, shown)
    assert (check.result, now) == (CheckResult.SPOOFED, NOW + 1_000)
    assert judge.asked == [
        {
            "relying_party": PARTY,
            "account_id": "account-1",
            "presentation": "e.y.J~",
            "nonce": "n",
            "audience": "a",
            "min_level": Level.HIGH,
            "max_age": 60,
        }
    ]


async def test_a_batch_has_an_answer_for_each_in_order(following: Following) -> None:
    judge = Judge()
    presented = Shown("account-1", presentation="e.y.J~")
    items = [
        Shown("", phone_of(1)),
        SHOWN,
        replace(SHOWN, max_age=-1),
        presented,
        Shown("account-9", phone_of(1)),
        SHOWN,
    ]
    answers, _ = await checking(following, judge).many(PARTY, items)
    assert [answer.reason if isinstance(answer, Refusal) else answer.result for answer in answers] == [
        "ACCOUNT_ID_REQUIRED",
        CheckResult.GENUINE,
        "MAX_AGE_NEGATIVE",
        CheckResult.SPOOFED,
        CheckResult.SPOOFED,
        CheckResult.GENUINE,
    ]
    judge.refusal = invalid("nonce", "NONCE_REQUIRED", "nonce: empty")
    (refusal, genuine), _ = await checking(following, judge).many(PARTY, [presented, SHOWN])
    assert refusal is judge.refusal
    assert isinstance(genuine, Check)


async def test_a_batch_has_a_bound(following: Following) -> None:
    check = checking(following)
    assert len((await check.many(PARTY, [SHOWN] * MAX_BATCH))[0]) == MAX_BATCH
    assert await refused(lambda: check.many(PARTY, [SHOWN] * (MAX_BATCH + 1))) == (
        Kind.INVALID_ARGUMENT,
        "TOO_MANY_REQUESTS",
    )
