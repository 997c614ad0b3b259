"""Bindings under agreements: not asked about while none is in force, followed again once one is, within their quota."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.desk import Ground
from fakes.evidence import DAY, NOW
from fakes.following import AGREEMENTS, Following
from fakes.operator import everything
from fakes.store_rows import PARTY, Do, binding, name_of, watched
from numseal.domain.agreement import Agreement, AgreementRecord, AgreementState, Quota
from numseal.domain.agreement_quota import COST
from numseal.domain.binding import BindingState, Monitoring
from numseal.domain.errors import Kind, Refusal
from numseal.domain.limits import Budget
from numseal.domain.operator import Operation, Price
from numseal.ports.store import Needs, StoreError
from numseal.usecases.recheck_bindings import LAST_RETRY
from numseal.usecases.refresh_binding import Refresh
from numseal.usecases.watch_number import RETRY

S, M = AgreementState, Monitoring
MTS = AGREEMENTS[0]
ID = name_of(1, "b")
PRICES = (Price(Operation.LOOK_UP_SUBSCRIBER, 10, "RUB"), Price(Operation.WATCH_SUBSCRIBER, 3, "RUB"))


async def stand(following: Following, state: AgreementState, agreement: Agreement = MTS, **changes: Any) -> None:
    """Have an agreement stand otherwise, durably, as an administrator does; all that follow it are told."""
    known = following.agreements.get(agreement.agreement_id)
    version = 1 if known is None else known.version + 1
    record = AgreementRecord(agreement, state, version=version, **changes)
    await following.store.apply(Do(Needs(), lambda rows: rows.put_agreement(record)))


@pytest.fixture
def following(ground: Ground) -> Following:
    made = Following(ground)
    made.store.follow_agreements(made.agreements.put)
    return made


async def settled(following: Following) -> None:
    """Attend to what changes of agreements concern."""
    await following.follow_agreements.once()
    while await following.rechecked():
        pass


async def spent(following: Following) -> int:
    budget = Budget(COST, f"{MTS.agreement_id}|RUB", 0, DAY)
    counted: int = (await following.store.apply(Do(Needs(budgets=(budget,)), lambda rows: rows.spent(budget)))).value
    return counted


async def test_under_a_suspended_agreement_nothing_is_watched_or_looked_up_and_monitoring_says_so(
    ground: Ground, following: Following
) -> None:
    far = NOW + 7 * DAY
    await following.bind(watched(1, recheck_time=far), binding(2, monitoring=M.POLLED, recheck_time=far))
    await stand(following, S.SUSPENDED)
    await settled(following)
    for number in (1, 2):
        bound = await following.bound(number)
        assert (bound.state, bound.monitoring, bound.watch_id) == (BindingState.ACTIVE, M.UNMONITORED, "")
    assert (ground.mts.lookups, ground.mts.watch_orders) == ([], [])
    assert [watch for _, watch in ground.mts.unwatch_orders] == [watched(1).watch_id]


async def test_once_it_is_resumed_they_are_watched_and_looked_up_again(ground: Ground, following: Following) -> None:
    await following.bind(binding(1, monitoring=M.UNMONITORED, recheck_time=NOW + DAY))
    await stand(following, S.SUSPENDED)
    await settled(following)
    # It is as it should be: nobody attends to it.
    assert (await following.bound()).recheck_time == NOW + DAY
    await stand(following, S.ACTIVE)
    await settled(following)
    assert (await following.bound()).monitoring is M.WATCHED
    assert len(ground.mts.lookups) == 1


async def test_other_sides_bindings_are_left_alone(ground: Ground, following: Following) -> None:
    far = NOW + 7 * DAY
    await following.bind(
        watched(1, recheck_time=far, operator_id="megafon"),
        watched(2, recheck_time=far, relying_party="other"),
        watched(3, recheck_time=far, state=BindingState.REVOKED),
    )
    await stand(following, S.ENDED)
    await settled(following)
    for number in (1, 2, 3):
        assert (await following.bound(number)).recheck_time == far
    assert ground.mts.unwatch_orders == []


async def test_a_running_server_follows_at_once(ground: Ground, following: Following) -> None:
    await following.bind(watched(1, recheck_time=NOW + 7 * DAY))
    async with following.running():
        await stand(following, S.SUSPENDED)
        await following.became(1, lambda bound: bound.monitoring is M.UNMONITORED)
        await stand(following, S.ACTIVE)
        await following.became(1, lambda bound: bound.monitoring is M.WATCHED)


async def test_a_change_that_a_crash_cut_off_is_taken_up_again(ground: Ground) -> None:
    for age, monitoring in ((DAY - 1, M.UNMONITORED), (DAY, M.WATCHED)):
        following = Following(ground)
        following.agreements.put(AgreementRecord(MTS, S.SUSPENDED, version=2, update_time=NOW - age))
        await following.bind(watched(1, recheck_time=NOW + 7 * DAY))
        async with following.running():
            await following.bind(watched(2, recheck_time=NOW))
            await following.became(2, lambda bound: bound.monitoring is M.UNMONITORED)
            if monitoring is M.UNMONITORED:
                await following.became(1, lambda bound: bound.monitoring is M.UNMONITORED)
        assert (await following.bound(1)).monitoring is monitoring


async def test_a_watch_ends_with_its_agreement(ground: Ground) -> None:
    following = Following(ground, agreements=(replace(MTS, valid_until=NOW + 100),))
    await following.bind(binding(1, recheck_time=NOW))
    await following.rechecked()
    assert ground.mts.watch_orders[0].expire_time == NOW + 100
    assert (await following.bound()).recheck_time <= NOW + 100
    ground.clock.advance(100)
    await following.rechecked()
    assert (await following.bound()).monitoring is M.UNMONITORED


async def test_only_covered_signals_are_asked_for_again(ground: Ground) -> None:
    following = Following(ground, agreements=(replace(MTS, signals=("sim_ref", "sim_change")),))
    await following.bind(binding(1, recheck_time=NOW))
    await following.rechecked()
    await following.refresh(PARTY, Refresh(ID))
    assert [request.signals for request in ground.mts.lookups] == [("sim_ref", "sim_change")] * 2


async def test_where_consent_is_required_only_those_are_asked_about_who_gave_it(ground: Ground) -> None:
    following = Following(ground, agreements=(replace(MTS, consent_purpose="number check"),))
    await following.bind(
        binding(1, recheck_time=NOW, consent_reference="c-1"), watched(2, recheck_time=NOW, consent_reference="")
    )
    await following.rechecked()
    assert [request.consent_reference for request in ground.mts.lookups] == ["c-1"]
    assert (await following.bound(2)).monitoring is M.UNMONITORED
    with pytest.raises(Refusal) as caught:
        await following.refresh(PARTY, Refresh(name_of(2, "b")))
    assert caught.value.reason == "CONSENT_REQUIRED"
    await following.refresh(PARTY, Refresh(name_of(2, "b"), consent_reference="c-2"))
    assert ground.mts.lookups[-1].consent_reference == "c-2"


async def test_rechecks_and_watches_are_counted_and_put_off_once_the_cap_is_reached(ground: Ground) -> None:
    ground.mts.able = replace(everything("mts"), prices=PRICES)
    following = Following(ground, agreements=(replace(MTS, quota=Quota(0, 0, 23, "RUB")),))
    await following.bind(*(binding(number, recheck_time=NOW, monitoring=M.POLLED) for number in (1, 2)))
    await following.rechecked()
    assert (len(ground.mts.lookups), len(ground.mts.watch_orders)) == (1, 2)
    assert await spent(following) == 16
    bound = [await following.bound(number) for number in (1, 2)]
    late = max(bound, key=lambda item: item.recheck_time == NOW + DAY - NOW % DAY)
    assert late.recheck_time == NOW + DAY - NOW % DAY
    ground.clock.advance(DAY - NOW % DAY)
    await following.rechecked()
    assert len(ground.mts.lookups) == 2


@pytest.mark.parametrize("prices", [(), PRICES[1:]], ids=["none", "no lookup's"])
async def test_a_recheck_whose_cost_nobody_knows_is_put_off(ground: Ground, prices: tuple[Price, ...]) -> None:
    ground.mts.able = replace(everything("mts"), prices=prices)
    following = Following(ground, agreements=(replace(MTS, quota=Quota(0, 0, 10**9, "RUB")),))
    await following.bind(binding(1, recheck_time=NOW, monitoring=M.POLLED))
    await following.rechecked()
    assert ground.mts.lookups == []
    assert (await following.bound()).recheck_time == NOW + LAST_RETRY
    assert len(ground.mts.watch_orders) == (1 if prices else 0)


async def test_a_watch_whose_cost_nobody_knows_is_not_begun(ground: Ground) -> None:
    ground.mts.able = replace(everything("mts"), prices=PRICES[:1])
    following = Following(ground, agreements=(replace(MTS, quota=Quota(0, 0, 10**9, "RUB")),))
    await following.bind(binding(1, recheck_time=NOW, monitoring=M.POLLED))
    await following.rechecked()
    assert (len(ground.mts.lookups), ground.mts.watch_orders) == (1, [])
    bound = await following.bound()
    assert (bound.monitoring, bound.recheck_time) == (M.POLLED, NOW + RETRY)


async def test_a_refresh_is_held_to_the_agreement_and_counted_before_it_is_asked(ground: Ground) -> None:
    ground.mts.able = replace(everything("mts"), prices=PRICES)
    following = Following(ground, agreements=(replace(MTS, quota=Quota(0, 0, 10, "RUB")),))
    await following.bind(binding(1, recheck_time=NOW + DAY))
    await following.refresh(PARTY, Refresh(ID))
    assert (await spent(following), len(ground.mts.lookups)) == (10, 1)
    with pytest.raises(Refusal) as caught:
        await following.refresh(PARTY, Refresh(ID))
    assert (caught.value.reason, caught.value.reasoning.retry_delay) == ("QUOTA_EXCEEDED", DAY - NOW % DAY)
    following.agreements.put(AgreementRecord(MTS, S.SUSPENDED, version=2))
    with pytest.raises(Refusal) as caught:
        await following.refresh(PARTY, Refresh(ID))
    assert (caught.value.reasoning.kind, caught.value.reason) == (Kind.PERMISSION_DENIED, "AGREEMENT_SUSPENDED")
    assert len(ground.mts.lookups) == 1


async def test_a_refresh_takes_its_turn_among_the_calls_a_second(ground: Ground) -> None:
    following = Following(ground, agreements=(replace(MTS, quota=Quota(0, 1)),))
    await following.bind(binding(1, recheck_time=NOW + DAY))
    await following.refresh(PARTY, Refresh(ID))
    with pytest.raises(Refusal) as caught:
        await following.refresh(PARTY, Refresh(ID))
    assert (caught.value.reason, caught.value.reasoning.retry_delay) == ("QUOTA_EXCEEDED", 1)
    ground.clock.advance(1)
    await following.refresh(PARTY, Refresh(ID))
    assert len(ground.mts.lookups) == 2


async def test_one_that_is_suspended_while_its_watch_is_counted_is_not_watched(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = Following(ground)
    await following.bind(binding(1, recheck_time=NOW))

    async def suspended_meanwhile(_agreement: Agreement) -> None:
        following.agreements.put(AgreementRecord(MTS, S.SUSPENDED, version=2))

    monkeypatch.setattr(following.access, "watch", suspended_meanwhile)
    await following.rechecked()
    assert (ground.mts.watch_orders, ground.mts.lookups) == ([], [])
    # It is due at once, to be scheduled as what nobody may ask about.
    assert (await following.bound()).recheck_time == NOW
    await following.rechecked()
    bound = await following.bound()
    assert (bound.monitoring, bound.recheck_time > NOW) == (M.UNMONITORED, True)


async def test_what_the_store_could_not_do_is_taken_up_again(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    await following.bind(watched(1, recheck_time=NOW + 7 * DAY))
    await stand(following, S.SUSPENDED)

    async def broken(*_values: object) -> None:
        raise StoreError("STORAGE_FAILED", "the disk is away")

    with monkeypatch.context() as trouble:
        trouble.setattr(following.store, "operator_bindings", broken)
        with pytest.raises(StoreError):
            await following.follow_agreements.once()
    await settled(following)
    assert (await following.bound()).monitoring is M.UNMONITORED
