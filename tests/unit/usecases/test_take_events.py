"""Streams of events: applied once and for all, resumed where they broke off, begun anew where they cannot be."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from fakes.desk import Ground
from fakes.evidence import NOW
from fakes.following import Following, event, heartbeat, until
from fakes.operator import everything, reached
from fakes.store_rows import binding, name_of
from numseal.domain.binding import Binding, BindingState, Monitoring, Stream
from numseal.domain.evidence import DeliveryState
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.ports.operator_backend import OperatorError
from numseal.ports.store import StoreError
from numseal.usecases import take_events

K = EventKind


@pytest.fixture
def following(ground: Ground) -> Following:
    ground.mts.beat = heartbeat(NOW)
    return Following(ground)


def watched(number: int = 1, **more: Any) -> Binding:
    made = binding(number, monitoring=Monitoring.WATCHED, watch_id=f"w{number}", recheck_time=NOW + 900_000)
    return replace(made, **more)


@asynccontextmanager
async def taking(following: Following, operator: str = "mts") -> AsyncIterator[None]:
    task = asyncio.create_task(following.take.run(operator))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_an_event_changes_its_binding_and_the_cursor_goes_with_it(ground: Ground, following: Following) -> None:
    await following.bind(watched(1), watched(2))
    async with taking(following):
        await following.cursor("mts", "0")
        ground.mts.tell(event(K.TERMINATED, watched(1)))
        ended = await following.became(1, lambda bound: bound.state is BindingState.REVOKED)
        await following.cursor("mts", "1")
    assert ended.end_reason == "TERMINATED"
    assert (await following.bound(2)).state is BindingState.ACTIVE


async def test_a_stream_goes_on_where_it_broke_off(ground: Ground, following: Following) -> None:
    await following.bind(watched())
    async with taking(following):
        await following.cursor("mts", "0")
        ground.mts.tell(event(K.DEVICE_CHANGE, watched()))
        await following.cursor("mts", "1")
    ground.mts.tell(event(K.SIM_CHANGE, watched()), OperatorError("DOWN", "no route"), event(K.TERMINATED, watched()))
    async with taking(following):
        await following.became(1, lambda bound: bound.reverify_by is not None)
        await reached(ground.mts.cursors, 2)
        await waiting(ground)
        ground.clock.advance(1)
        await following.became(1, lambda bound: bound.state is BindingState.REVOKED)
    assert ground.mts.cursors == ["", "1", "2"]


async def waiting(ground: Ground) -> None:
    await until(lambda: bool(ground.clock._waiting))


async def test_where_events_were_lost_every_number_is_due_again(ground: Ground, following: Following) -> None:
    await following.bind(watched(1), watched(2), watched(3, operator_id="megafon"))
    async with taking(following):
        await following.cursor("mts", "0")
    ground.mts.tell(*[event(K.DEVICE_CHANGE, watched(9))] * 5)
    ground.mts.forget(before=4)
    ground.clock.advance(100)
    async with taking(following):
        await until(lambda: following.health.streams.get("mts") == Stream(NOW + 100, NOW + 100))
    assert ground.mts.cursors == ["", "0", ""]
    due = [(await following.bound(number)).recheck_time for number in (1, 2, 3)]
    assert due == [NOW, NOW, NOW + 900_000]
    assert (await following.store.cursor("mts")) == f"{NOW + 100} 5"


async def test_a_resumed_stream_lives_once_it_told_what_was_missed(ground: Ground, following: Following) -> None:
    async with taking(following):
        await following.cursor("mts", "0")
        await until(lambda: following.health.streams["mts"] == Stream(NOW, NOW))
    again = Following(ground)
    ground.clock.advance(50)
    async with taking(again):
        await reached(ground.mts.cursors, 2)
        ground.mts.tell(event(K.DEVICE_CHANGE, watched()))
        await again.cursor("mts", "1")
        ground.mts.tell(event(K.DEVICE_CHANGE, watched()))
        await again.cursor("mts", "2")
        await until(lambda: again.health.streams["mts"].heard > 0)
    assert again.health.streams["mts"] == Stream(NOW, NOW + 50)


async def test_events_of_nobody_are_counted_and_passed_over(
    ground: Ground, following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, take_events.__name__)
    async with taking(following):
        await following.cursor("mts", "0")
        ground.mts.tell(*(event(K.TERMINATED, watched(number)) for number in range(1, 31)))
        await until(lambda: following.take.dropped == 30)
        await following.cursor("mts", "30")
    told = [line for line in caplog.messages if "nobody watches" in line]
    assert told == [
        f"operator mts: {count} events so far were about numbers that nobody watches" for count in (1, 2, 4, 8, 16)
    ]


async def test_an_event_that_overtakes_its_watch_is_not_lost(ground: Ground, following: Following) -> None:
    async with taking(following):
        await following.cursor("mts", "0")
        ground.mts.tell(event(K.SIM_CHANGE, watched()), event(K.SIM_CHANGE, watched(2)))
        await until(lambda: following.take.dropped == 2)
        await following.bind(watched())
        await following.take.claim("mts", "w1")
        await following.take.claim("mts", "w1")
    assert (await following.bound()).sim_changed_time == NOW + 60


async def test_a_binding_that_takes_its_watch_at_that_very_moment_gets_the_event(
    ground: Ground, following: Following
) -> None:
    real = following.store.apply

    async def apply(command: Any) -> Any:
        applied = await real(command)
        if isinstance(command, take_events._Take) and command.position and applied.value.strays:
            await following.bind(watched())
        return applied

    following.take._store = Diverted(following.store, apply)
    async with taking(following):
        await following.cursor("mts", "0")
        ground.mts.tell(event(K.SIM_CHANGE, watched()))
        await following.cursor("mts", "1")
        await following.became(1, lambda bound: bound.sim_changed_time is not None)


class Diverted:
    """A store with another way to apply commands."""

    def __init__(self, store: Any, apply: Any) -> None:
        self._store = store
        self.apply = apply

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_few_strays_are_kept(ground: Ground, following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_events, "KEPT_STRAYS", 2)
    async with taking(following):
        await following.cursor("mts", "0")
        ground.mts.tell(*[event(K.DEVICE_CHANGE, watched(1))] * 20)
        ground.mts.tell(*(event(K.DEVICE_CHANGE, watched(number)) for number in (2, 3)))
        await until(lambda: following.take.dropped == 22)
    assert [len(events) for events in following.take._strays["mts"].values()] == [1, 1]


async def test_whoever_looks_numbers_up_is_told_of_those_that_came_due(ground: Ground, following: Following) -> None:
    told: list[None] = []
    following.take.when_due = lambda: told.append(None)
    await following.bind(watched())
    ground.clock.advance(10)
    async with taking(following):
        await following.cursor("mts", "0")
        assert len(told) == 1
        ground.mts.tell(event(K.DEVICE_CHANGE, watched()))
        await following.cursor("mts", "1")
        assert len(told) == 1
        await following.bind(replace(await following.bound(), recheck_time=NOW + 900_000))
        ground.mts.tell(event(K.TERMINATED, watched(), occur_time=NOW))
        await until(lambda: len(told) == 2)
    assert (await following.bound()).recheck_time == NOW + 10


def delivery(number: int) -> OperatorEvent:
    made = OperatorEvent(K.DELIVERY, "", NOW, f"e{number}", occur_time=NOW, delivery_id=f"d{number}")
    return replace(made, delivery=DeliveryState.DELIVERED)


async def test_deliveries_are_told_and_cost_no_commit(ground: Ground, following: Following) -> None:
    await following.bind(watched())
    real = following.store.apply
    positions: list[str] = []

    async def apply(command: Any) -> Any:
        if isinstance(command, take_events._Take):
            positions.append(command.position)
        return await real(command)

    following.take._store = Diverted(following.store, apply)
    async with taking(following):
        await following.cursor("mts", "0")
        ground.mts.tell(delivery(1))
        await until(lambda: following.delivered == [("mts", "d1", DeliveryState.DELIVERED)])
        ground.mts.tell(event(K.DEVICE_CHANGE, watched()))
        await following.cursor("mts", "2")
    assert positions == [f"{NOW} 0", f"{NOW} 2"]


async def test_a_delivery_is_no_sign_that_numbers_are_watched(ground: Ground, following: Following) -> None:
    async with taking(following):
        await following.cursor("mts", "0")
        await until(lambda: following.health.streams["mts"].heard == NOW)
        ground.clock.advance(take_events.CURSOR_LAG)
        ground.mts.tell(delivery(1))
        await following.cursor("mts", "1")
        assert following.health.streams["mts"].heard == NOW
        ground.mts.tell(delivery(2), replace(heartbeat(NOW), cursor="3"), delivery(4))
        await until(lambda: following.health.streams["mts"].heard == NOW + take_events.CURSOR_LAG)


async def test_a_stream_has_not_told_what_was_missed_with_a_delivery(
    ground: Ground, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with taking(following):
        await following.cursor("mts", "0")
    again, heard = Following(ground), []
    monkeypatch.setattr(again.health, "heard", lambda _, time: heard.append(time))
    ground.mts.beat = None
    async with taking(again):
        await reached(ground.mts.cursors, 2)
        # The heartbeat in the middle may have come before what was missed.
        for count, told in enumerate((delivery(1), delivery(2), heartbeat(NOW), delivery(4), heartbeat(NOW)), 1):
            ground.clock.advance(take_events.CURSOR_LAG)
            ground.mts.tell(told)
            await again.cursor("mts", str(count))
        await until(lambda: bool(heard))
    assert heard == [NOW + 5 * take_events.CURSOR_LAG]


async def test_a_cursor_does_not_stay_behind_for_long(ground: Ground, following: Following) -> None:
    async with taking(following):
        await following.cursor("mts", "0")
        ground.clock.advance(take_events.CURSOR_LAG)
        ground.mts.tell(delivery(1))
        await following.cursor("mts", "1")
        ground.mts.tell(delivery(2))
        await until(lambda: len(following.delivered) == 2)
    async with taking(following):
        await until(lambda: len(following.delivered) == 3)
    assert ground.mts.cursors == ["", "1"]


async def test_one_event_that_cannot_be_applied_holds_up_no_other(ground: Ground, following: Following) -> None:
    await following.bind(watched(1), watched(2))
    real = following.store.apply

    async def apply(command: Any) -> Any:
        if isinstance(command, take_events._Take) and any(item.watch_id == "w1" for item in command.events):
            raise ValueError("a damaged row")
        return await real(command)

    following.take._store = Diverted(following.store, apply)
    async with taking(following):
        await following.cursor("mts", "0")
        ground.mts.tell(event(K.TERMINATED, watched(1)), event(K.TERMINATED, watched(2)))
        await following.became(2, lambda bound: bound.state is BindingState.REVOKED)
        await following.cursor("mts", "2")
    assert (await following.bound(1)).state is BindingState.ACTIVE


@pytest.mark.parametrize("singly", [False, True])
async def test_what_a_store_refuses_is_taken_again(ground: Ground, following: Following, singly: bool) -> None:
    await following.bind(watched())
    real = following.store.apply
    failures = ([ValueError("a damaged row")] if singly else []) + [StoreError("DISK_FULL", "the disk is full")]

    async def apply(command: Any) -> Any:
        if isinstance(command, take_events._Take) and command.events and failures:
            raise failures.pop(0)
        return await real(command)

    following.take._store = Diverted(following.store, apply)
    async with taking(following):
        await following.cursor("mts", "0")
        ground.mts.tell(event(K.TERMINATED, watched()))
        await waiting(ground)
        assert (await following.store.cursor("mts")).endswith(" 0")
        ground.clock.advance(1)
        await following.became(1, lambda bound: bound.state is BindingState.REVOKED)


async def test_a_stream_that_ends_is_opened_again_later_each_time(ground: Ground, following: Following) -> None:
    ground.mts.events = []
    ground.mts.beat = None
    ends = OperatorError("DOWN", "no route")
    pauses = []
    async with taking(following):
        for count in range(1, 9):
            await reached(ground.mts.cursors, count)
            ground.mts.tell(ends)
            await waiting(ground)
            pauses.append(ground.clock._waiting[0][0] - ground.clock.now())
            ground.clock.advance(pauses[-1])
        await reached(ground.mts.cursors, 9)
        ground.clock.advance(61)
        ground.mts.tell(ends)
        await waiting(ground)
        assert ground.clock._waiting[0][0] - ground.clock.now() == 1
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_an_operator_that_forgets_even_the_present_is_asked_later(ground: Ground, following: Following) -> None:
    ground.mts.oldest = 5
    async with taking(following):
        await waiting(ground)
        ground.mts.oldest = 0
        ground.clock.advance(1)
        await following.cursor("mts", "0")


async def test_an_operator_without_events_is_not_streamed(ground: Ground, following: Following) -> None:
    ground.mts.able = replace(everything("mts"), events=())
    async with taking(following):
        await waiting(ground)
        assert ground.mts.cursors == []
        ground.mts.able = None
        ground.clock.advance(take_events.NO_EVENTS_PAUSE)
        await reached(ground.mts.cursors)


def test_what_ended_is_not_made_due() -> None:
    rows: Any = FewRows({name_of(1, "b"): watched(state=BindingState.REVOKED)})
    take_events.MakeDue((name_of(1, "b"), name_of(2, "b"))).decide(rows)


class FewRows:
    """Rows that nothing may be put into."""

    now = NOW

    def __init__(self, bindings: dict[str, Binding]) -> None:
        self._bindings = bindings

    def binding(self, name: str) -> Binding | None:
        return self._bindings.get(name)

    def put_binding(self, *_: object) -> None:
        raise AssertionError("nothing is to be put")


async def test_a_stream_that_simply_ends_is_opened_again(
    ground: Ground, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    async def stream_events(cursor: str) -> AsyncIterator[OperatorEvent]:
        opened.append(cursor)
        yield replace(heartbeat(NOW), cursor="7")

    monkeypatch.setattr(ground.mts, "stream_events", stream_events)
    async with taking(following):
        await following.cursor("mts", "7")
        await waiting(ground)
        ground.clock.advance(1)
        await until(lambda: opened == ["", "7"])
