"""Watches: begun for every binding, ended once none needs them, and never lost to a crash."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from fakes.desk import Ground
from fakes.evidence import DAY, NOW, answer
from fakes.following import AGREEMENTS, Following, event, until
from fakes.operator import HANG, everything
from fakes.store_rows import PARTY, binding, name_of, phone_of
from numseal.domain.binding import Binding, BindingState, Monitoring
from numseal.domain.binding_change import ChangeKind
from numseal.domain.evidence import LookupOutcome
from numseal.domain.operator import WATCHED_KINDS, EventKind, Watch
from numseal.ports.operator_backend import OperatorError
from numseal.ports.store import StoreError
from numseal.usecases import watch_number
from numseal.usecases.follow_bindings import FollowBindings

K = EventKind
DOWN = OperatorError("DOWN", "no route")
POLLED_WITHIN = (NOW + DAY - DAY // 4, NOW + DAY)
WATCHED_WITHIN = (NOW + 7 * DAY - 7 * DAY // 4, NOW + 7 * DAY)

FEW_EVENTS = replace(everything("mts"), events=(K.SIM_CHANGE, K.PORT_OUT, K.DELIVERY))


@pytest.fixture
def following(ground: Ground) -> Following:
    return Following(ground)


def fresh(number: int = 1, **more: Any) -> Binding:
    """Return a binding as a verification leaves it."""
    return binding(number, **{"recheck_time": NOW + DAY, "agreement_id": "old", **more})


async def test_what_is_bound_is_watched(ground: Ground, following: Following) -> None:
    await following.bind(fresh())
    assert await following.follow.once() == 1
    bound = await following.bound()
    assert (bound.monitoring, bound.watch_id, bound.agreement_id) == (
        Monitoring.WATCHED,
        f"watch-{phone_of(1)}",
        "with-mts",
    )
    assert WATCHED_WITHIN[0] <= bound.recheck_time <= WATCHED_WITHIN[1]
    (order,) = ground.mts.watch_orders
    assert (order.phone_number, order.agreement_id, order.kinds) == (phone_of(1), "with-mts", WATCHED_KINDS)
    assert order.request_id.startswith(name_of(1, "b"))


@pytest.mark.parametrize(
    ("able", "watch", "monitoring", "asked", "latest"),
    [
        (replace(everything("mts"), events=()), None, Monitoring.POLLED, 0, POLLED_WITHIN),
        (
            replace(everything("mts"), events=(K.SIM_CHANGE, K.PORT_OUT, K.DELIVERY)),
            None,
            Monitoring.POLLED,
            0,
            POLLED_WITHIN,
        ),
        (DOWN, None, Monitoring.POLLED, 0, (NOW + watch_number.RETRY,) * 2),
        (None, DOWN, Monitoring.POLLED, 1, (NOW + watch_number.RETRY,) * 2),
        (None, Watch("w1", NOW + 5_000), Monitoring.WATCHED, 1, (NOW + 5_000,) * 2),
        (None, Watch("w1", NOW + 90 * DAY), Monitoring.WATCHED, 1, WATCHED_WITHIN),
    ],
)
async def test_how_a_number_is_followed(
    ground: Ground,
    following: Following,
    able: Any,
    watch: Any,
    monitoring: Monitoring,
    asked: int,
    latest: tuple[int, int],
) -> None:
    ground.mts.able, ground.mts.watch = able, watch
    await following.bind(fresh())
    await following.follow.once()
    bound = await following.bound()
    assert (bound.monitoring, len(ground.mts.watch_orders)) == (monitoring, asked)
    assert latest[0] <= bound.recheck_time <= latest[1]


@pytest.mark.parametrize("options", [{"agreements": ()}, {"connected": ("megafon",)}])
async def test_nobody_is_asked_without_agreement_or_connection(ground: Ground, options: dict[str, Any]) -> None:
    following = Following(ground, **options)
    await following.bind(fresh(monitoring=Monitoring.POLLED))
    await following.follow.once()
    assert (await following.bound()).monitoring is Monitoring.UNMONITORED
    assert not ground.mts.watch_orders
    assert not ground.mts.capability_calls


async def test_watching_can_be_left(ground: Ground) -> None:
    following = Following(ground, watch=False)
    await following.bind(fresh())
    await following.follow.once()
    assert (await following.bound()).monitoring is Monitoring.POLLED
    assert not ground.mts.capability_calls


async def test_a_watch_ends_with_the_last_binding_that_needs_it(ground: Ground, following: Following) -> None:
    other = replace(fresh(1), binding_id=name_of(2, "b"), relying_party="other")
    agreements = (*AGREEMENTS, replace(AGREEMENTS[0], relying_party="other"))
    following = Following(ground, agreements=agreements)
    following.follow = FollowBindings(
        store=ground.store, watch=following.watch, clock=ground.clock, relying_parties=[PARTY, "other"]
    )
    await following.bind(fresh(1), other)
    await following.follow.once()
    bound = [await following.bound(number) for number in (1, 2)]
    await following.bind(replace(bound[0], state=BindingState.REVOKED))
    await following.follow.once()
    assert ground.mts.unwatch_orders == []
    await following.bind(replace(bound[1], state=BindingState.EXPIRED))
    await following.follow.once()
    assert [watch for _, watch in ground.mts.unwatch_orders] == [f"watch-{phone_of(1)}"]


async def test_a_watch_goes_over_to_the_binding_that_takes_the_place(ground: Ground, following: Following) -> None:
    await following.bind(fresh())
    await following.follow.once()
    await following.bind(
        replace(await following.bound(), state=BindingState.SUPERSEDED), replace(fresh(), binding_id=name_of(2, "b"))
    )
    # As if the end had been seen before the beginning.
    await following.watch.release(await following.bound(1))
    while await following.follow.once():
        pass
    assert ground.mts.unwatch_orders == []
    assert (await following.bound(2)).watch_id == f"watch-{phone_of(1)}"


async def test_a_watch_that_does_not_end_is_told_of(
    ground: Ground, following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    ground.mts.unwatched = DOWN
    await following.bind(fresh())
    await following.follow.once()
    await following.bind(replace(await following.bound(), state=BindingState.REVOKED))
    await following.follow.once()
    await following.follow.once()
    assert "a watch that nobody needs may go on: DOWN" in caplog.text
    assert len(ground.mts.unwatch_orders) == 1


async def test_a_watch_that_begins_is_not_ended_by_one_that_ends(ground: Ground, following: Following) -> None:
    await following.bind(fresh())
    await following.follow.once()
    old = replace(await following.bound(), state=BindingState.SUPERSEDED)
    await following.bind(old, replace(fresh(), binding_id=name_of(2, "b"), account_id="other"))
    new = await following.bound(2)
    await asyncio.gather(following.watch(new, schedule=True), following.watch.release(old))
    assert ground.mts.unwatch_orders == []
    await asyncio.gather(following.watch.release(old), following.watch(new, schedule=True))
    assert ground.mts.unwatch_orders == []


async def test_what_never_had_a_watch_has_none_to_end(ground: Ground, following: Following) -> None:
    await following.bind(fresh())
    await following.watch.release(await following.bound())
    assert ground.mts.unwatch_orders == []


async def test_a_watch_is_a_change_that_costs_no_commit(ground: Ground, following: Following) -> None:
    await following.bind(fresh())
    assert await following.follow.once() == 1
    place = await following.store.cursor(f"bindings of {PARTY}")
    assert await following.follow.once() == 1  # MONITORING_CHANGED
    assert await following.store.cursor(f"bindings of {PARTY}") == place == "1"
    assert await following.follow.once() == 0


async def test_a_crash_loses_no_watch(ground: Ground, following: Following) -> None:
    await following.bind(fresh(1), fresh(2))
    await following.follow.once()
    await following.bind(fresh(3))
    # The process ended while the operator was being asked; another one goes on.
    ground.mts.watch = HANG
    task = asyncio.create_task(following.follow.once())
    await until(lambda: len(ground.mts.watch_orders) == 3)
    task.cancel()
    ground.mts.watch = None
    again = Following(ground)
    while await again.follow.once():
        pass
    assert [order.phone_number for order in ground.mts.watch_orders] == [phone_of(n) for n in (1, 2, 3, 3)]
    assert (await again.bound(3)).monitoring is Monitoring.WATCHED


async def test_what_ended_or_moved_while_the_operator_was_asked_stays_as_it_is(
    ground: Ground, following: Following
) -> None:
    await following.bind(fresh(1), fresh(2))
    stale = [await following.bound(number) for number in (1, 2)]
    await following.bind(
        replace(stale[0], state=BindingState.REVOKED), replace(stale[1], operator_id="megafon", recheck_time=5)
    )
    for one in stale:
        current, _ = await following.watch(one, schedule=True)
        assert current.monitoring is Monitoring.UNMONITORED
    assert (await following.bound(2)).recheck_time == 5
    ended = replace(stale[0], binding_id=name_of(9, "b"))
    assert (await following.watch(ended, schedule=True))[0] == ended


async def test_one_that_is_due_already_stays_due(following: Following) -> None:
    await following.bind(fresh(recheck_time=NOW))
    await following.follow.once()
    bound = await following.bound()
    assert (bound.monitoring, bound.recheck_time) == (Monitoring.WATCHED, NOW)


async def test_a_binding_that_has_ended_by_then_is_not_watched(ground: Ground, following: Following) -> None:
    await following.bind(fresh())
    await following.bind(replace(await following.bound(), state=BindingState.REVOKED))
    await following.follow.once()
    assert ground.mts.watch_orders == []


async def test_one_binding_that_cannot_be_watched_holds_up_no_other(
    ground: Ground, following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    await following.bind(fresh(1), fresh(2))
    real = following.watch.agreement

    def agreement(bound: Binding) -> Any:
        if bound.binding_id == name_of(1, "b"):
            raise ValueError("a fault")
        return real(bound)

    following.watch.agreement = agreement  # type: ignore[method-assign,assignment]
    await following.follow.once()
    assert [(await following.bound(number)).monitoring for number in (1, 2)] == [
        Monitoring.UNMONITORED,
        Monitoring.WATCHED,
    ]
    assert "could not be watched" in caplog.text


async def test_what_the_store_refuses_is_followed_again(ground: Ground, following: Following) -> None:
    await following.bind(fresh())
    real = following.watch.agreement

    def agreement(_: Binding) -> Any:
        raise StoreError("DISK_FULL", "the disk is full")

    following.watch.agreement = agreement  # type: ignore[method-assign,assignment]
    with pytest.raises(StoreError):
        await following.follow.once()
    following.watch.agreement = real  # type: ignore[method-assign]
    await following.follow.once()
    assert (await following.bound()).monitoring is Monitoring.WATCHED


async def test_all_of_it_runs(ground: Ground, following: Following) -> None:
    ground.megafon.found = [answer(operator="megafon")]
    async with following.running():
        await following.bind(fresh(1), fresh(2))
        watched = await following.became(1, lambda bound: bound.monitoring is Monitoring.WATCHED)
        ground.mts.tell(event(K.PORT_OUT, watched, to_operator="megafon"))
        moved = await following.became(
            1, lambda bound: bound.monitoring is Monitoring.WATCHED and bound.operator_id == "megafon"
        )
        await until(lambda: len(ground.megafon.lookups) == 1)
    assert moved.watch_id == f"watch-{phone_of(1)}"
    assert [order.phone_number for order in ground.megafon.watch_orders] == [phone_of(1)]
    kinds = [
        change.kind
        for change in await ground.store.changes(PARTY, 0, 100)
        if change.binding.binding_id == moved.binding_id
    ]
    assert kinds == [
        ChangeKind.CREATED,
        ChangeKind.MONITORING_CHANGED,
        ChangeKind.LEVEL_CHANGED,
        ChangeKind.MONITORING_CHANGED,
        ChangeKind.MONITORING_CHANGED,
    ]


async def test_work_that_fails_is_begun_again(
    ground: Ground, following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [ValueError("a fault"), StoreError("DISK_FULL", "the disk is full")]
    real = following.recheck.run

    async def run() -> None:
        if failures:
            raise failures.pop()
        await real()

    following.monitor._work["rechecks"] = run
    ground.mts.found = [answer(LookupOutcome.NOT_ASSIGNED)]
    async with following.running():
        await following.bind(fresh(recheck_time=NOW))
        await following.became(1, lambda bound: bound.state is BindingState.REVOKED)
    assert caplog.text.count("rechecks: begun again") == 2
    await following.monitor.stop()
