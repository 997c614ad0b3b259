"""Several parts' events as one stream: nothing is lost over an end, and no sign of life is claimed for a dead part."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.composed import Whole, able
from fakes.evidence import NOW
from fakes.operator import FakeOperator, reached
from fakes.orders import text_order, watch_order
from numseal.adapters.operators.composed.backend import ComposedOperator
from numseal.adapters.operators.composed.tagged import Cursor
from numseal.domain.evidence import DeliveryState, Method
from numseal.domain.operator import WATCHED_KINDS, BarredReason, EventKind, OperatorEvent
from numseal.ports.operator_backend import CursorTooOldError, OperatorError
from numseal.usecases.operator_events import read_event

BEAT = OperatorEvent(EventKind.HEARTBEAT, "", NOW)
DOWN = OperatorError("SMSC_DOWN", "no route")


def barred(number: int = 1) -> OperatorEvent:
    return OperatorEvent(
        EventKind.BARRED, "", NOW, f"b{number}", "watch-1", occur_time=NOW, barred=BarredReason.PAYMENT
    )


def delivered(number: int = 1) -> OperatorEvent:
    return OperatorEvent(
        EventKind.DELIVERY,
        "",
        NOW,
        f"d{number}",
        occur_time=NOW,
        delivery_id=f"order-{number}",
        delivery=DeliveryState.DELIVERED,
    )


@pytest.fixture
def whole() -> Whole:
    """A part that tells what became of codes, and one that watches."""
    return Whole(FakeClock(NOW), smsc=able(events=(EventKind.DELIVERY,)), hlr=able(events=WATCHED_KINDS))


class Reader:
    """Reads a stream, one event at a time, in a task that outlives a wait in vain."""

    def __init__(self, stream: AsyncIterator[OperatorEvent]) -> None:
        self._stream = stream
        self._next: asyncio.Task[OperatorEvent] | None = None

    async def one(self) -> OperatorEvent:
        self._next = self._next or asyncio.ensure_future(anext(self._stream))
        async with asyncio.timeout(5):
            event = await asyncio.shield(self._next)
        self._next = None
        # As strict as Numseal is.
        assert read_event(event, NOW) == event
        return event

    async def kinds(self, count: int) -> list[EventKind]:
        return [(await self.one()).kind for _ in range(count)]

    async def nothing(self) -> bool:
        """Tell that nothing comes, though all that is ready has had its turns."""
        self._next = self._next or asyncio.ensure_future(anext(self._stream))
        for _ in range(20):
            await asyncio.sleep(0)
        return not self._next.done()

    async def end(self) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)


@asynccontextmanager
async def reading(operator: ComposedOperator, cursor: str = "") -> AsyncIterator[Reader]:
    stream: Any = operator.stream_events(cursor)
    before = asyncio.all_tasks()
    async with aclosing(stream):
        reader = Reader(stream)
        yield reader
        await reader.end()
    assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()


async def test_events_of_both_parts_come_under_names_of_their_own(whole: Whole) -> None:
    async with reading(whole.operator) as reader:
        assert (await reader.one()).kind is EventKind.HEARTBEAT
        whole["smsc"].tell(delivered())
        delivery = await reader.one()
        whole["hlr"].tell(barred(), replace(barred(), event_id="d1"))
        event, other = await reader.one(), await reader.one()
    assert delivery == replace(
        delivered(), cursor=delivery.cursor, event_id=delivery.event_id, delivery_id=delivery.delivery_id
    )
    assert event == replace(barred(), cursor=event.cursor, event_id=event.event_id, watch_id=event.watch_id)
    assert delivery.delivery_id.endswith(":order-1")
    assert event.watch_id.endswith(":watch-1")
    assert len({delivery.event_id, event.event_id, other.event_id}) == 3


async def test_names_are_those_that_the_calls_gave(whole: Whole) -> None:
    whole["smsc"].able = able(events=(EventKind.DELIVERY,), methods=(Method.SMS,))
    sent = await whole.operator.send_code(text_order("+79161234567"))
    watch = await whole.operator.watch_subscriber(watch_order("+79161234567"))
    async with reading(whole.operator) as reader:
        await reader.one()
        whole["smsc"].tell(replace(delivered(), delivery_id="d1"))
        assert (await reader.one()).delivery_id == sent.delivery_id
        whole["hlr"].tell(replace(barred(), watch_id="watch-+79161234567"))
        assert (await reader.one()).watch_id == watch.watch_id


@pytest.mark.parametrize("names", [("smsc", "hlr"), ("hlr", "smsc")])
async def test_each_part_goes_on_where_it_was_whatever_the_order_is_by_then(
    whole: Whole, names: tuple[str, str]
) -> None:
    async with reading(whole.operator) as reader:
        await reader.one()
        whole["smsc"].tell(delivered(1), delivered(2))
        whole["hlr"].tell(barred(1), barred(2))
        events = [await reader.one() for _ in range(4)]
    for count, last in enumerate(events):
        async with reading(whole.made(*names), last.cursor) as reader:
            rest = [event for event in [await reader.one() for _ in range(4 - count)] if event.event_id]
        assert {event.event_id for event in rest} == {event.event_id for event in events[count + 1 :]}


async def test_a_part_that_is_none_any_more_is_left_out_and_one_that_came_begins_now(whole: Whole) -> None:
    async with reading(whole.operator) as reader:
        await reader.one()
        whole["smsc"].tell(delivered())
        cursor = (await reader.one()).cursor
    async with reading(whole.made("hlr"), cursor) as reader:
        alone = (await reader.one()).cursor
    whole["smsc"].tell(delivered(2))
    async with reading(whole.operator, alone) as reader:
        assert (await reader.one()).kind is EventKind.HEARTBEAT
        whole["smsc"].tell(delivered(3))
        assert (await reader.one()).delivery_id.endswith(":order-3")


async def test_heartbeats_are_those_of_the_part_that_watches(whole: Whole) -> None:
    whole["hlr"].beat = None
    async with reading(whole.operator) as reader:
        # The other part lives, and has told of it.
        assert await reader.nothing()
        assert whole["smsc"].cursors == [""]
        whole["hlr"].tell(BEAT)
        beat = await reader.one()
        assert beat.kind is EventKind.HEARTBEAT
        assert len(Cursor.of(beat.cursor).positions) == 2


async def test_nothing_passes_before_the_part_that_watches_has_spoken(whole: Whole) -> None:
    whole["hlr"].beat = None
    async with reading(whole.operator) as reader:
        assert await reader.nothing()
        whole["smsc"].tell(delivered())
        assert await reader.nothing()
        whole["hlr"].tell(BEAT)
        assert await reader.kinds(2) == [EventKind.HEARTBEAT, EventKind.DELIVERY]


async def test_deliveries_wait_while_the_part_that_watches_is_quiet(whole: Whole) -> None:
    async with reading(whole.operator) as reader:
        await reader.one()
        whole.clock.advance(25)
        whole["smsc"].tell(delivered(1))
        assert await reader.kinds(1) == [EventKind.DELIVERY]
        whole.clock.advance(1)
        whole["smsc"].tell(delivered(2))
        assert await reader.nothing()
        whole["hlr"].tell(BEAT)
        assert set(await reader.kinds(2)) == {EventKind.HEARTBEAT, EventKind.DELIVERY}


@pytest.mark.parametrize("spoke", [True, False])
async def test_the_stream_ends_once_the_part_that_watches_is_silent(whole: Whole, spoke: bool) -> None:
    whole["hlr"].beat = BEAT if spoke else None
    async with reading(whole.operator) as reader:
        if spoke:
            await reader.one()
        assert await reader.nothing()
        whole.clock.advance(60)
        assert await reader.nothing()
        whole.clock.advance(1)
        with pytest.raises(OperatorError, match="part hlr says nothing") as caught:
            await reader.one()
    assert caught.value.reason == "STREAM_SILENT"


async def test_after_the_machine_slept_the_part_that_watches_has_time_to_speak(whole: Whole) -> None:
    async with reading(whole.operator) as reader:
        await reader.one()
        assert await reader.nothing()
        whole.clock.advance(3_600)
        whole["smsc"].tell(delivered())
        assert await reader.nothing()
        whole["hlr"].tell(BEAT)
        assert set(await reader.kinds(2)) == {EventKind.HEARTBEAT, EventKind.DELIVERY}
        assert await reader.nothing()
        whole.clock.advance(3_600)
        assert await reader.nothing()
        whole.clock.advance(26)
        with pytest.raises(OperatorError) as caught:
            await reader.one()
    assert caught.value.reason == "STREAM_SILENT"


@pytest.mark.parametrize(("error", "reason"), [(DOWN, "SMSC_DOWN"), (RuntimeError("a bug"), "BROKEN_CONTRACT")])
async def test_the_end_of_the_part_that_watches_is_the_end_of_all(whole: Whole, error: Exception, reason: str) -> None:
    async with reading(whole.operator) as reader:
        await reader.one()
        whole["hlr"].tell(barred(), error)
        assert await reader.kinds(1) == [EventKind.BARRED]
        with pytest.raises(OperatorError) as caught:
            await reader.one()
    assert caught.value.reason == reason


async def test_another_parts_end_costs_nobody_else_and_it_is_opened_again(
    whole: Whole, caplog: pytest.LogCaptureFixture
) -> None:
    async with reading(whole.operator) as reader:
        await reader.one()
        whole["smsc"].tell(delivered(1), DOWN)
        assert await reader.kinds(1) == [EventKind.DELIVERY]
        whole["hlr"].tell(barred())
        assert await reader.kinds(1) == [EventKind.BARRED]
        whole["smsc"].tell(delivered(2))
        assert await reader.nothing()
        whole.clock.advance(1)
        assert (await reader.one()).delivery_id.endswith(":order-2")
    assert whole["smsc"].cursors == ["", "1"]
    assert "operator mts, part smsc: its events broke off: SMSC_DOWN" in caplog.messages


async def test_a_part_that_keeps_ending_is_opened_ever_later(whole: Whole) -> None:
    whole["smsc"].beat = None
    async with reading(whole.operator) as reader:
        await reader.one()
        for pause in (1, 2, 4, 8, 16, 32, 60, 60):
            whole["smsc"].tell(DOWN)
            assert await reader.nothing()
            opened = len(whole["smsc"].cursors)
            whole["hlr"].tell(BEAT)
            await reader.one()
            whole.clock.advance(pause - 1)
            assert await reader.nothing()
            assert len(whole["smsc"].cursors) == opened
            whole["hlr"].tell(BEAT)
            await reader.one()
            whole.clock.advance(1)
            await reached(whole["smsc"].cursors, opened + 1)


async def test_a_cursor_too_old_of_the_part_that_watches_is_that_of_all(whole: Whole) -> None:
    async with reading(whole.operator) as reader:
        await reader.one()
        whole["hlr"].tell(barred(1))
        cursor = (await reader.one()).cursor
    whole["hlr"].tell(barred(2), barred(3))
    whole["hlr"].forget(before=3)
    async with reading(whole.operator, cursor) as reader:
        with pytest.raises(CursorTooOldError):
            await reader.one()


async def test_lost_deliveries_are_no_reason_to_look_every_number_up(whole: Whole) -> None:
    async with reading(whole.operator) as reader:
        await reader.one()
        whole["smsc"].tell(delivered(1))
        cursor = (await reader.one()).cursor
    whole["smsc"].tell(delivered(2), delivered(3))
    whole["smsc"].forget(before=4)
    async with reading(whole.operator, cursor) as reader:
        await reader.one()
        assert await reader.nothing()
        whole.clock.advance(1)
        await reached(whole["smsc"].cursors, 3)
        whole["smsc"].tell(delivered(4))
        assert (await reader.one()).delivery_id.endswith(":order-4")
    assert whole["smsc"].cursors == ["", "1", ""]


@pytest.mark.parametrize("cursor", ["7" * 32, "1", Cursor("abcd", {"abcd": "1"}).text(), Cursor("ERUe", {}).text()])
async def test_a_cursor_of_another_part_that_watches_or_of_none_is_too_old(whole: Whole, cursor: str) -> None:
    async with reading(whole.operator, cursor) as reader:
        with pytest.raises(CursorTooOldError):
            await reader.one()
    assert whole["hlr"].cursors == []


async def test_where_another_part_comes_to_watch_the_stream_ends_and_its_cursor_is_too_old(whole: Whole) -> None:
    async with reading(whole.operator) as reader:
        cursor = (await reader.one()).cursor
        whole["smsc"].able = able(events=(EventKind.DELIVERY, EventKind.SIM_CHANGE))
        whole.clock.advance(60)
        whole["hlr"].tell(BEAT)
        await reader.one()
        await whole.operator.capabilities()
        whole["hlr"].tell(BEAT)
        with pytest.raises(StopAsyncIteration):
            await reader.one()
    async with reading(whole.operator, cursor) as reader:
        with pytest.raises(CursorTooOldError):
            await reader.one()


async def test_while_a_part_never_told_that_may_watch_nothing_is_streamed() -> None:
    whole = Whole(FakeClock(NOW), camara=OperatorError("GATEWAY_DOWN", ""), hlr=able(events=WATCHED_KINDS))
    async with reading(whole.operator) as reader:
        with pytest.raises(OperatorError) as caught:
            await reader.one()
    assert caught.value.reason == "GATEWAY_DOWN"
    whole["camara"].able = able()
    whole.clock.advance(10)
    await whole.operator.capabilities()
    async with reading(whole.operator) as reader:
        assert await reader.kinds(1) == [EventKind.HEARTBEAT]


async def test_no_part_has_events() -> None:
    async with reading(Whole(FakeClock(NOW), a=able()).operator) as reader:
        with pytest.raises(OperatorError) as caught:
            await reader.one()
    assert caught.value.reason == "EVENTS_NOT_SUPPORTED"


async def test_deliveries_alone_need_nobody_that_watches() -> None:
    whole = Whole(FakeClock(NOW), a=able(events=(EventKind.DELIVERY,)), b=able(events=(EventKind.DELIVERY,)))
    async with reading(whole.operator) as reader:
        assert await reader.kinds(2) == [EventKind.HEARTBEAT] * 2
        whole["b"].tell(delivered())
        cursor = (await reader.one()).cursor
        whole.clock.advance(3_600)
        assert await reader.nothing()
    async with reading(whole.operator, cursor) as reader:
        assert await reader.kinds(2) == [EventKind.HEARTBEAT] * 2


class LongCursors(FakeOperator):
    """A part whose cursors are as long as the contract lets them be."""

    async def stream_events(self, cursor: str) -> AsyncIterator[OperatorEvent]:
        yield replace(BEAT, cursor="c" * 256)
        await asyncio.Event().wait()


async def test_cursors_that_do_not_fit_together_are_a_clear_error(whole: Whole) -> None:
    whole.fakes["hlr"] = LongCursors("mts", able=able(events=WATCHED_KINDS))
    async with reading(whole.made("smsc", "hlr")) as reader:
        with pytest.raises(OperatorError, match="characters, expected at most 256") as caught:
            await reader.one()
    assert caught.value.reason == "CURSOR_TOO_LONG"


class Strange(FakeOperator):
    """A part that tells what is no event."""

    async def stream_events(self, cursor: str) -> AsyncIterator[OperatorEvent]:
        wrong: Any = [
            replace(BEAT, cursor=""),
            replace(BEAT, cursor="\n"),
            replace(BEAT, cursor=7),  # type: ignore[arg-type]
            replace(barred(), cursor="1", watch_id="w" * 124),
            replace(barred(), cursor="1", event_id=7),  # type: ignore[arg-type]
            "an event",
            None,
        ]
        for event in wrong:
            yield event
        yield replace(barred(), cursor="2")
        while True:
            # Never lets anybody else run by itself.
            yield replace(BEAT, cursor="3")


async def test_events_that_cannot_be_are_left_out(whole: Whole, caplog: pytest.LogCaptureFixture) -> None:
    whole.fakes["hlr"] = Strange("mts", able=able(events=WATCHED_KINDS))
    async with reading(whole.made("smsc", "hlr")) as reader:
        assert await reader.kinds(1) == [EventKind.BARRED]
        # More than are read ahead, and the other part has its turn.
        whole["smsc"].tell(delivered())
        kinds = await reader.kinds(400)
        assert set(kinds) == {EventKind.HEARTBEAT, EventKind.DELIVERY}
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        f"operator mts, part hlr told an impossible event, {count} so far: it is skipped" for count in (1, 2, 4)
    ]
