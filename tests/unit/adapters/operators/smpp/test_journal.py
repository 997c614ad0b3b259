"""Events of deliveries: kept, resumed, forgotten."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from fakes.clock import FakeClock
from numseal.adapters.operators.smpp.journal import HEARTBEAT, RETENTION, Journal
from numseal.domain.evidence import DeliveryState
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.ports.operator_backend import CursorTooOldError


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def journal(clock: FakeClock) -> Journal:
    return Journal(clock, kept=3)


def tell(journal: Journal, *names: str) -> None:
    for name in names:
        journal.tell(name, DeliveryState.DELIVERED, "")


async def deliveries(stream: AsyncIterator[OperatorEvent], count: int) -> list[OperatorEvent]:
    found: list[OperatorEvent] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            event = await anext(stream)
            if event.kind is EventKind.DELIVERY:
                found.append(event)
    return found


async def test_a_stream_begins_now_with_a_heartbeat(journal: Journal, clock: FakeClock) -> None:
    tell(journal, "before")
    async with aclosing(journal.stream("")) as stream:
        beat = await anext(stream)
        assert (beat.kind, beat.event_id, beat.observe_time) == (EventKind.HEARTBEAT, "", clock.now())
        journal.tell("d1", DeliveryState.FAILED, "smpp:err=001")
        (event,) = await deliveries(stream, 1)
    assert (event.delivery_id, event.delivery, event.error) == ("d1", DeliveryState.FAILED, "smpp:err=001")
    assert event.observe_time == event.occur_time == clock.now()
    assert 1 <= len(event.event_id) <= 64
    assert event.watch_id == ""


async def test_a_stream_waits_for_events_and_beats(journal: Journal, clock: FakeClock) -> None:
    async with aclosing(journal.stream("")) as stream:
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        while not clock._waiting:  # noqa: ASYNC110
            await asyncio.sleep(0)
        clock.advance(HEARTBEAT - 1)
        await asyncio.sleep(0)
        assert not waiting.done()
        clock.advance(1)
        assert (await waiting).kind is EventKind.HEARTBEAT
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        tell(journal, "d1")
        assert (await waiting).delivery_id == "d1"


async def test_two_streams_tell_the_same(journal: Journal) -> None:
    async with aclosing(journal.stream("")) as one, aclosing(journal.stream("")) as other:
        await anext(one)
        await anext(other)
        both = asyncio.gather(deliveries(one, 2), deliveries(other, 2))
        for name in ("d1", "d2"):
            await asyncio.sleep(0)
            tell(journal, name)
        mine, others = await both
    assert mine == others
    assert [event.delivery_id for event in mine] == ["d1", "d2"]


async def test_a_stream_resumes_after_a_cursor(journal: Journal) -> None:
    async with aclosing(journal.stream("")) as stream:
        begun = await anext(stream)
        tell(journal, "d1", "d2", "d3")
        first = (await deliveries(stream, 1))[0]
    async with aclosing(journal.stream(begun.cursor)) as stream:
        assert [event.delivery_id for event in await deliveries(stream, 3)] == ["d1", "d2", "d3"]
    async with aclosing(journal.stream(first.cursor)) as stream:
        events = await deliveries(stream, 2)
    assert [event.delivery_id for event in events] == ["d2", "d3"]
    assert len({event.event_id for event in (first, *events)}) == 3


async def test_more_than_is_kept_is_too_old(journal: Journal) -> None:
    async with aclosing(journal.stream("")) as stream:
        begun = await anext(stream)
    tell(journal, "d1", "d2", "d3", "d4")
    async with aclosing(journal.stream(begun.cursor)) as stream:
        await anext(stream)
        with pytest.raises(CursorTooOldError):
            await anext(stream)


async def test_a_stream_that_is_overtaken_ends(journal: Journal) -> None:
    async with aclosing(journal.stream("")) as stream:
        await anext(stream)
        tell(journal, "d1", "d2", "d3", "d4")
        with pytest.raises(CursorTooOldError):
            await anext(stream)


async def test_what_is_older_than_a_day_is_too_old(journal: Journal, clock: FakeClock) -> None:
    async with aclosing(journal.stream("")) as stream:
        begun = await anext(stream)
    tell(journal, "d1")
    clock.advance(RETENTION)
    tell(journal, "d2")
    async with aclosing(journal.stream(begun.cursor)) as stream:
        await anext(stream)
        with pytest.raises(CursorTooOldError):
            await anext(stream)


async def test_cursors_that_this_journal_never_gave(journal: Journal, clock: FakeClock) -> None:
    async with aclosing(journal.stream("")) as stream:
        own = (await anext(stream)).cursor
    async with aclosing(Journal(clock).stream("")) as stream:
        other = (await anext(stream)).cursor
    epoch = own.split("-")[0]
    for cursor in (other, "7" * 32, f"{epoch}-1", f"{epoch}-", f"{epoch}-+0", f"{epoch}-{'0' * 17}", epoch):
        async with aclosing(journal.stream(cursor)) as stream:
            with pytest.raises(CursorTooOldError):
                await anext(stream)
