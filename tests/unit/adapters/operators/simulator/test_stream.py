"""Streams of events: order, resumption, heartbeats, silence, failure."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import cast

import pytest

from fakes.clock import FakeClock
from fakes.orders import lookup_request, text_order, watch_order
from numseal.adapters.operators.simulator import journal
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.stream import HEARTBEAT
from numseal.domain.errors import Refusal
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.domain.simulation import At, EmittedEvent, OperatorBehavior, SwapSim
from numseal.ports.operator_backend import CursorTooOldError, OperatorError

NUMBER = "+79161234567"
Operators = Callable[[str], SimulatedOperator]


@pytest.fixture
def mts(operator: Operators) -> SimulatedOperator:
    return operator("mts")


async def next_of(stream: AsyncIterator[OperatorEvent]) -> OperatorEvent:
    async with asyncio.timeout(5):
        return await anext(stream)


async def waiting(stream: AsyncIterator[OperatorEvent]) -> "asyncio.Task[OperatorEvent]":
    """Ask for the next event, and let the stream find that there is none yet."""
    task = asyncio.create_task(next_of(stream))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    return task


async def close(stream: AsyncIterator[OperatorEvent]) -> None:
    await cast("AsyncGenerator[OperatorEvent, None]", stream).aclose()


async def test_a_heartbeat_comes_at_once_and_every_so_often(mts: SimulatedOperator, clock: FakeClock) -> None:
    stream = mts.stream_events("")
    first = await next_of(stream)
    assert (first.kind, first.observe_time, first.event_id) == (EventKind.HEARTBEAT, clock.now(), "")
    for seconds in (HEARTBEAT, 86_400, HEARTBEAT):
        task = await waiting(stream)
        clock.advance(seconds)
        beat = await task
        assert (beat.kind, beat.observe_time, beat.cursor) == (EventKind.HEARTBEAT, clock.now(), first.cursor)
    await close(stream)


async def test_events_come_as_they_happen_to_every_stream(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    streams = [mts.stream_events("") for _ in range(2)]
    for stream in streams:
        await next_of(stream)
    tasks = [await waiting(stream) for stream in streams]
    network.change(NUMBER, SwapSim())
    first, second = await asyncio.gather(*tasks)
    assert first == second
    assert first.kind is EventKind.SIM_CHANGE
    for stream in streams:
        await close(stream)


async def test_a_stream_goes_on_after_any_cursor(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    stream = mts.stream_events("")
    begun = await next_of(stream)
    network.emit(NUMBER, EmittedEvent(EventKind.BARRED, copies=3))
    events = [await next_of(stream) for _ in range(3)]
    await close(stream)
    for number, cursor in enumerate([begun.cursor, *(event.cursor for event in events)]):
        again = mts.stream_events(cursor)
        assert [await next_of(again) for _ in range(3 - number)] == events[number:]
        assert (await next_of(again)).cursor == events[-1].cursor
        await close(again)


async def test_a_strange_cursor_is_too_old(mts: SimulatedOperator) -> None:
    with pytest.raises(CursorTooOldError):
        await next_of(mts.stream_events("another-process"))


async def test_who_reads_too_slowly_is_told_so(
    mts: SimulatedOperator, network: SimulatedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "KEPT_EVENTS", 2)
    await mts.watch_subscriber(watch_order(NUMBER))
    stream = mts.stream_events("")
    await next_of(stream)
    network.emit(NUMBER, EmittedEvent(EventKind.BARRED, copies=3))
    with pytest.raises(CursorTooOldError):
        await next_of(stream)


async def test_what_the_records_show_later_is_told_by_the_clock(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    stream = mts.stream_events("")
    await next_of(stream)
    task = await waiting(stream)
    network.change(NUMBER, At(None, SwapSim(), 4))
    for _ in range(5):
        await asyncio.sleep(0)
    clock.advance(3)
    network.set_behavior("mts", OperatorBehavior())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    clock.advance(1)
    event = await task
    assert (event.kind, event.observe_time) == (EventKind.SIM_CHANGE, clock.now())
    await close(stream)


async def test_a_report_due_before_the_next_heartbeat_wakes_a_sleeping_stream(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    stream = mts.stream_events("")
    await next_of(stream)
    network.change(NUMBER, At(None, SwapSim(), 4))
    task = await waiting(stream)
    clock.advance(4)
    assert (await task).kind is EventKind.SIM_CHANGE
    await close(stream)


async def test_a_change_that_is_to_be_told_soon_is_told_in_time(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    stream = mts.stream_events("")
    await next_of(stream)
    task = await waiting(stream)
    network.change(NUMBER, At(None, SwapSim(), 4))
    for _ in range(5):
        await asyncio.sleep(0)
    clock.advance(4)
    assert (await task).kind is EventKind.SIM_CHANGE
    await close(stream)


async def test_a_clock_set_back_while_a_stream_wakes_makes_it_sleep_again(
    mts: SimulatedOperator, clock: FakeClock
) -> None:
    stream = mts.stream_events("")
    begun = await next_of(stream)
    task = await waiting(stream)
    clock.advance(HEARTBEAT)
    clock.step(begun.observe_time)
    for _ in range(9):
        await asyncio.sleep(0)
    assert len(clock._waiting) == 1
    clock.advance(HEARTBEAT)
    assert (await task).kind is EventKind.HEARTBEAT
    await close(stream)


async def test_a_held_stream_is_silent_until_it_is_let_go(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    stream = mts.stream_events("")
    await next_of(stream)
    network.set_behavior("mts", OperatorBehavior(hold_events=True))
    network.change(NUMBER, SwapSim())
    task = await waiting(stream)
    clock.advance(3_600)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    network.set_behavior("mts", OperatorBehavior())
    assert (await task).kind is EventKind.SIM_CHANGE
    assert (await next_of(stream)).kind is EventKind.HEARTBEAT
    await close(stream)


async def test_a_failing_operator_breaks_its_streams_and_opens_none(
    mts: SimulatedOperator, network: SimulatedNetwork
) -> None:
    stream = mts.stream_events("")
    await next_of(stream)
    task = await waiting(stream)
    network.set_behavior("mts", OperatorBehavior(fail=True))
    with pytest.raises(OperatorError, match="told to fail"):
        await task
    with pytest.raises(OperatorError, match="told to fail"):
        await next_of(mts.stream_events(""))


async def test_a_failing_operator_answers_nothing(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    network.set_behavior("mts", OperatorBehavior(fail=True))
    for call in (
        mts.capabilities(),
        mts.look_up(lookup_request(NUMBER)),
        mts.send_code(text_order(NUMBER)),
        mts.watch_subscriber(watch_order(NUMBER)),
    ):
        with pytest.raises(OperatorError, match="told to fail") as caught:
            await call
        assert not caught.value.sent
    assert await network.inbox(NUMBER) == ()


async def test_a_slow_operator_answers_late(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    network.set_behavior("mts", OperatorBehavior(delay=0.02))
    task = asyncio.create_task(mts.capabilities())
    await asyncio.sleep(0)
    assert not task.done()
    assert (await task).operator_id == "mts"


@pytest.mark.parametrize("delay", [-1, 3_601, float("nan")])
def test_no_operator_is_that_slow(network: SimulatedNetwork, delay: float) -> None:
    with pytest.raises(Refusal, match="0 to 3600 seconds"):
        network.set_behavior("mts", OperatorBehavior(delay=delay))


async def test_a_closed_stream_leaves_no_task(mts: SimulatedOperator) -> None:
    before = asyncio.all_tasks()
    stream = mts.stream_events("")
    await next_of(stream)
    task = await waiting(stream)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_hundred_thousand_watches_are_no_burden(network: SimulatedNetwork) -> None:
    office = network.office("mts")
    for number in range(100_000):
        office.watches.begin(watch_order(f"+7916{number:07d}"), str(number), 0)
    stream = SimulatedOperator(network, "mts").stream_events("")
    await next_of(stream)
    for number in range(0, 100_000, 100):
        network.emit(f"+7916{number:07d}", EmittedEvent(EventKind.BARRED))
    told = [(await next_of(stream)).watch_id for _ in range(900)]
    assert told == sorted(told, key=int)
    await close(stream)
