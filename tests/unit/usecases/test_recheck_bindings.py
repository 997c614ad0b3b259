"""Bindings that come due: looked up within the budget, asked about again later, and ended by time."""

import asyncio
from dataclasses import replace

import pytest

from fakes.desk import Ground
from fakes.evidence import DAY, NOW, answer, known
from fakes.following import AGREEMENTS, Following, until
from fakes.operator import HANG, everything
from fakes.store_rows import PARTY, binding, name_of, phone_of
from numseal.domain.binding import Binding, BindingState, Monitoring
from numseal.domain.binding_change import ChangeKind
from numseal.domain.evidence import LookupOutcome, SubscriberRef
from numseal.domain.operator import Phase
from numseal.domain.verdict import Level
from numseal.ports.operator_backend import OperatorError
from numseal.ports.store import StoreError
from numseal.usecases import recheck_bindings
from numseal.usecases.look_again import Ask

DOWN = OperatorError("DOWN", "no route")


@pytest.fixture
def following(ground: Ground) -> Following:
    ground.mts.able = replace(everything("mts"), events=())
    return Following(ground)


def due(number: int = 1, **more: object) -> Binding:
    return replace(binding(number, monitoring=Monitoring.POLLED, recheck_time=NOW, purpose="SIGN_UP"), **more)  # type: ignore[arg-type]


async def test_a_due_number_is_looked_up_for_the_time_since_it_was_bound(ground: Ground, following: Following) -> None:
    await following.bind(due(1, consent_reference="consent-1"), due(2, recheck_time=NOW + 1))
    ground.clock.advance(0.5)
    assert await following.rechecked() == 1
    (asked,) = ground.mts.lookups
    assert (asked.phone_number, asked.phase, asked.since_time, asked.agreement_id) == (
        phone_of(1),
        Phase.RECHECK,
        NOW,
        "with-mts",
    )
    assert (asked.purpose, asked.consent_reference) == ("SIGN_UP", "consent-1")
    bound = await following.bound()
    assert NOW + DAY - DAY // 4 <= bound.recheck_time <= NOW + DAY
    assert await following.rechecked() == 0


async def test_what_a_lookup_finds_is_told(ground: Ground, following: Following) -> None:
    ground.mts.found = [answer(subscriber_ref=known(SubscriberRef("b" * 32, "1")))]
    await following.bind(due())
    await following.rechecked()
    bound = await following.bound()
    assert (bound.state, bound.end_reason) == (BindingState.REVOKED, "REASSIGNED")
    change = (await ground.store.changes(PARTY, 0, 100))[-1]
    assert change.kind is ChangeKind.REVOKED
    assert [finding.code for finding in change.findings] == ["REASSIGNED_SINCE_BINDING"]


async def test_no_operator_is_asked_more_than_it_bears(ground: Ground) -> None:
    ground.mts.able = ground.megafon.able = replace(everything("mts"), events=())
    ground.megafon.found = [answer(operator="megafon")]
    following = Following(ground, rate=2)
    await following.bind(*(due(number) for number in range(1, 6)), due(6, operator_id="megafon"))
    await following.rechecked()
    await following.rechecked()
    assert (len(ground.mts.lookups), len(ground.megafon.lookups)) == (2, 1)
    times = sorted([(await following.bound(number)).recheck_time for number in range(1, 6)])
    assert times[:3] == [NOW + 1, NOW + 1, NOW + 2]
    ground.clock.advance(1)
    await following.rechecked()
    assert len(ground.mts.lookups) == 4
    ground.clock.advance(1)
    await following.rechecked()
    assert len(ground.mts.lookups) == 5


async def test_a_silent_operator_is_asked_again_later_each_time(ground: Ground, following: Following) -> None:
    ground.mts.found = [DOWN]
    await following.bind(due())
    delays = []
    for _ in range(8):
        await following.rechecked()
        bound = await following.bound()
        delays.append(bound.recheck_time - ground.clock.now())
        ground.clock.advance(delays[-1])
    assert delays == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert [finding.code for finding in bound.findings] == ["RECHECK_UNANSWERED"]
    assert (bound.observed_time, bound.level, bound.state) == (NOW, Level.SUBSTANTIAL, BindingState.ACTIVE)
    ground.mts.found = [answer()]
    await following.rechecked()
    bound = await following.bound()
    assert (bound.findings, bound.observed_time) == ((), ground.clock.now())
    ground.mts.found = [DOWN]
    ground.clock.advance(DAY)
    await following.rechecked()
    assert (await following.bound()).recheck_time == ground.clock.now() + 60


async def test_a_slow_operator_holds_up_no_other(ground: Ground, following: Following) -> None:
    ground.megafon.able = replace(everything("megafon"), events=())
    ground.megafon.found = [answer(operator="megafon")]
    ground.mts.found = [HANG]
    await following.bind(due(1))
    task = asyncio.create_task(following.recheck.run())
    await until(lambda: len(ground.mts.lookups) == 1)
    await following.bind(due(2, operator_id="megafon"))
    await until(lambda: any(time > NOW for time, _ in ground.clock._waiting))
    assert len(ground.megafon.lookups) == 1
    ground.clock.advance(2 * DAY)
    await until(lambda: len(ground.megafon.lookups) == 2)
    assert len(ground.mts.lookups) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_number_that_moved_is_looked_up_where_it_went(ground: Ground, following: Following) -> None:
    ground.mts.found = [replace(answer(LookupOutcome.PORTED), ported_to="megafon")]
    ground.megafon.found = [answer(operator="megafon")]
    await following.bind(due(observed_time=NOW - DAY))
    assert await following.rechecked() == 1
    assert (await following.bound()).monitoring is Monitoring.UNMONITORED
    assert await following.rechecked() == 1
    bound = await following.bound()
    assert (bound.operator_id, bound.monitoring, bound.agreement_id) == ("megafon", Monitoring.WATCHED, "with-megafon")
    assert len(ground.megafon.lookups) == 1
    assert await following.rechecked() == 0


@pytest.mark.parametrize(("plmn", "operator_id"), [("250-02", "megafon"), ("250-01", "mts"), ("250-11", "mts")])
async def test_a_number_that_moved_to_a_network_is_followed_where_one_operator_has_it(
    ground: Ground, following: Following, plmn: str, operator_id: str
) -> None:
    ground.mts.found = [replace(answer(LookupOutcome.PORTED), ported_plmn=plmn)]
    await following.bind(due(observed_time=NOW - DAY))
    await following.rechecked()
    bound = await following.bound()
    assert (bound.operator_id, bound.level) == (operator_id, Level.LOW)


async def test_two_operators_that_each_name_the_other_are_not_asked_over_and_over(
    ground: Ground, following: Following
) -> None:
    ground.mts.found = [replace(answer(LookupOutcome.PORTED), ported_to="megafon")]
    ground.megafon.found = [replace(answer(LookupOutcome.PORTED, operator="megafon"), ported_to="mts")]
    await following.bind(due(observed_time=NOW - DAY))
    while await following.rechecked():
        pass
    assert len(ground.mts.lookups) + len(ground.megafon.lookups) == 2
    assert (await following.bound()).recheck_time == NOW + 600


async def test_the_watch_at_an_operator_that_lost_the_number_ends(ground: Ground, following: Following) -> None:
    ground.mts.able = None
    ground.mts.found = [replace(answer(LookupOutcome.PORTED), ported_to="megafon")]
    await following.bind(due(monitoring=Monitoring.WATCHED, watch_id="w1"))
    await following.rechecked()
    assert [watch for _, watch in ground.mts.unwatch_orders] == ["w1"]


async def test_a_watch_that_was_lost_is_begun_again(ground: Ground, following: Following) -> None:
    ground.mts.able = None
    await following.bind(due(monitoring=Monitoring.WATCHED, watch_id="lost"))
    await following.rechecked()
    assert (await following.bound()).watch_id == f"watch-{phone_of(1)}"
    assert [watch for _, watch in ground.mts.unwatch_orders] == ["lost"]


async def test_without_an_agreement_nothing_is_asked_and_the_watch_ends(ground: Ground) -> None:
    agreements = (replace(AGREEMENTS[0], valid_until=NOW + 10),)
    following = Following(ground, agreements=agreements)
    await following.bind(due(monitoring=Monitoring.WATCHED, watch_id="w1"))
    ground.clock.advance(10)
    await following.rechecked()
    bound = await following.bound()
    assert (bound.monitoring, ground.mts.lookups, ground.mts.watch_orders) == (Monitoring.UNMONITORED, [], [])
    assert [watch for _, watch in ground.mts.unwatch_orders] == ["w1"]
    assert bound.recheck_time > ground.clock.now() + DAY // 2


async def test_time_ends_bindings_and_contests(ground: Ground, following: Following) -> None:
    contest = {
        "contested_time": NOW,
        "contests": (name_of(9, "a"),),
        "contest_end": NOW + 50,
        "recheck_time": NOW + 50,
    }
    await following.bind(due(1, expire_time=NOW + 50, recheck_time=NOW + 50), due(2, **contest))
    ground.clock.advance(50)
    assert await following.rechecked() == 2
    expired, contested = [await following.bound(number) for number in (1, 2)]
    assert (expired.state, expired.end_time) == (BindingState.EXPIRED, NOW + 50)
    assert contested.contested_time is None
    assert [order.phone_number for order in ground.mts.lookups] == [phone_of(2)]
    kinds = [change.kind for change in await ground.store.changes(PARTY, 0, 100)]
    assert ChangeKind.EXPIRED in kinds
    assert ChangeKind.CONTEST_ENDED in kinds


async def test_what_ended_while_it_was_asked_about_stays_ended(ground: Ground, following: Following) -> None:
    ground.mts.found = [answer(LookupOutcome.NOT_ASSIGNED)]
    await following.bind(due())
    page = await following.store.due_bindings(NOW, 9)
    await following.bind(replace(page[0], state=BindingState.SUPERSEDED))
    await following.recheck._attend(page[0])
    assert (await following.bound()).state is BindingState.SUPERSEDED
    for command in (recheck_bindings._PutOff({name_of(1, "b"): 1}), recheck_bindings._Pass((name_of(1, "b"),))):
        await following.store.apply(command)
    assert (await following.bound()).recheck_time == NOW


async def test_what_moved_while_it_was_asked_about_is_not_judged_by_the_old_operator(
    ground: Ground, following: Following
) -> None:
    await following.bind(due())
    stale = await following.bound()
    ground.mts.found = [answer(LookupOutcome.NOT_ASSIGNED)]
    agreement = following.watch.agreement(stale)
    assert agreement is not None
    await following.bind(replace(stale, operator_id="megafon"))
    looked = await following.look_again(stale, Ask("r1", agreement))
    assert (looked.binding.state, looked.findings) == (BindingState.ACTIVE, ())
    unknown = await following.look_again(replace(stale, binding_id=name_of(7, "b")), Ask("r1", agreement))
    assert unknown.binding.binding_id == name_of(7, "b")


async def test_one_binding_that_cannot_be_looked_up_comes_last(
    ground: Ground, following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    real = following.watch.agreement

    def agreement(bound: Binding) -> object:
        if bound.binding_id == name_of(1, "b"):
            raise ValueError("a fault")
        return real(bound)

    following.watch.agreement = agreement  # type: ignore[method-assign,assignment]
    await following.bind(due(1), due(2))
    await following.rechecked()
    assert (await following.bound(1)).recheck_time == NOW + 3600
    assert "could not be looked up again" in caplog.text
    assert len(ground.mts.lookups) == 1


async def test_what_the_store_refuses_is_raised(following: Following) -> None:
    def agreement(_: Binding) -> object:
        raise StoreError("DISK_FULL", "the disk is full")

    following.watch.agreement = agreement  # type: ignore[method-assign,assignment]
    await following.bind(due())
    with pytest.raises(StoreError):
        await following.rechecked()


async def test_they_are_attended_to_as_their_time_comes(ground: Ground, following: Following) -> None:
    await following.bind(due(1, recheck_time=NOW + 100))
    task = asyncio.create_task(following.recheck.run())
    await until(lambda: bool(ground.clock._waiting))
    assert ground.mts.lookups == []
    ground.clock.advance(100)
    await until(lambda: len(ground.mts.lookups) == 1)
    # Another one comes due earlier than any that was waited for.
    await following.bind(due(2, recheck_time=NOW + 150))
    await until(lambda: any(time == NOW + 150 for time, _ in ground.clock._waiting))
    ground.clock.advance(50)
    await until(lambda: len(ground.mts.lookups) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
