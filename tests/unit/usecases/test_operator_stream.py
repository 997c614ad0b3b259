"""Whatever an operator's stream does, its consumer gets events that the contract allows, an end or an OperatorError."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from fakes.evidence import NOW
from fakes.plugin import SECONDS, Plugin, asking
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.ports.operator_backend import CursorTooOldError, OperatorError
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.operator_stream import BUFFER


def event(number: int) -> OperatorEvent:
    return OperatorEvent(EventKind.TERMINATED, f"c{number}", NOW, f"e{number}", "w1", NOW)


def streaming(*said: Any) -> AskOperator:
    """Ask an operator that streams these, an exception among them raised and "wait" never followed by anything."""

    async def stream(_cursor: str) -> AsyncIterator[Any]:
        for item in said:
            if item == "wait":
                await asyncio.Event().wait()
            if isinstance(item, BaseException):
                raise item
            yield item

    return asking(Plugin(stream=stream))


async def collected(
    ask: AskOperator, count: int | None = None, read: list[OperatorEvent] | None = None
) -> list[OperatorEvent]:
    """Read so many events, or all; into `read`, where what comes before an error counts."""
    read = [] if read is None else read
    async with asyncio.timeout(SECONDS), aclosing(ask.events("mts", "c0")) as events:
        async for item in events:
            read.append(item)
            if len(read) == count:
                break
    return read


async def test_events_come_in_order_until_the_end() -> None:
    events = [event(number) for number in range(3 * BUFFER)]
    assert await collected(streaming(*events)) == events


async def test_the_stream_begins_at_the_cursor() -> None:
    begun = []

    async def stream(cursor: str) -> AsyncIterator[Any]:
        begun.append(cursor)
        yield event(1)

    assert await collected(asking(Plugin(stream=stream))) == [event(1)]
    assert begun == ["c0"]


async def test_an_event_is_there_at_once() -> None:
    assert await collected(streaming(event(1), "wait"), count=1) == [event(1)]


async def test_impossible_events_are_left_out_and_logged_ever_more_rarely(caplog: pytest.LogCaptureFixture) -> None:
    said = [event(1), *[None] * 100, event(2), object.__new__(OperatorEvent), event(3)]
    assert await collected(streaming(*said)) == [event(1), event(2), event(3)]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"operator mts broke its contract in stream_events, {count} times so far" for count in (1, 2, 4, 8, 16, 32, 64)
    ]
    assert "an OperatorEvent is expected" in caplog.records[0].getMessage()


async def test_an_event_that_fails_when_looked_at_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert await collected(streaming(object.__new__(OperatorEvent), event(1))) == [event(1)]
    assert "AttributeError at" in caplog.records[0].getMessage()


async def test_a_cursor_too_old_is_told_as_such() -> None:
    with pytest.raises(CursorTooOldError):
        await collected(streaming(CursorTooOldError()))


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (OperatorError("STREAM_DOWN", "no route"), "STREAM_DOWN"),
        (OperatorError("stream down", "no route"), "OPERATOR_ERROR"),
        (OperatorError("OPERATOR_NOT_CONNECTED", "no route"), "OPERATOR_ERROR"),
        (OperatorError("CURSOR_TOO_OLD", "no route"), "OPERATOR_ERROR"),
        (ValueError("a bug"), "BROKEN_CONTRACT"),
        (asyncio.CancelledError(), "BROKEN_CONTRACT"),
        (SystemExit(1), "BROKEN_CONTRACT"),
        (TimeoutError(), "BROKEN_CONTRACT"),
    ],
)
async def test_what_is_raised_comes_after_what_was_said_as_an_operators_error(
    raised: BaseException, reason: str
) -> None:
    read: list[OperatorEvent] = []
    with pytest.raises(OperatorError) as caught:
        await collected(streaming(event(1), raised), read=read)
    assert read == [event(1)]
    assert type(caught.value) is OperatorError
    assert caught.value.reason == reason


class NoIterator:
    """Has no stream."""


@pytest.mark.parametrize("backend", [NoIterator(), Plugin(stream=lambda _: [event(1)]), Plugin(stream=lambda _: None)])
async def test_what_is_no_stream_is_a_broken_contract(backend: object, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OperatorError) as caught:
        await collected(asking(backend))
    assert caught.value.reason == "BROKEN_CONTRACT"
    assert len(caplog.records) == 1


async def test_a_stream_that_cancels_its_own_task(caplog: pytest.LogCaptureFixture) -> None:
    async def stream(_cursor: str) -> AsyncIterator[Any]:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        yield event(1)

    with pytest.raises(OperatorError) as caught:
        await collected(asking(Plugin(stream=stream)))
    assert caught.value.reason == "BROKEN_CONTRACT"
    assert "it canceled itself" in caplog.text or "CancelledError" in caplog.text


async def test_an_operator_that_is_not_connected() -> None:
    with pytest.raises(OperatorError) as caught:
        await collected(asking())
    assert caught.value.reason == "OPERATOR_NOT_CONNECTED"


async def test_who_closes_the_stream_ends_the_plugins() -> None:
    ended = asyncio.Event()

    async def stream(_cursor: str) -> AsyncIterator[Any]:
        try:
            yield event(1)
            await asyncio.Event().wait()
        finally:
            ended.set()

    ask = asking(Plugin(stream=stream))
    await collected(ask, count=1)
    async with asyncio.timeout(SECONDS):
        await ended.wait()
        await let_go(ask)


async def test_a_consumer_that_is_canceled_ends_the_plugins() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def stream(_cursor: str) -> AsyncIterator[Any]:
        begun.set()
        try:
            await asyncio.Event().wait()
            yield event(1)
        finally:
            ended.set()

    consumer = asyncio.create_task(collected(asking(Plugin(stream=stream))))
    await begun.wait()
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    async with asyncio.timeout(SECONDS):
        await ended.wait()


async def test_a_plugin_that_does_not_let_go_keeps_nobody() -> None:
    go_on = asyncio.Event()

    async def stream(_cursor: str) -> AsyncIterator[Any]:
        yield event(1)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await go_on.wait()

    ask = asking(Plugin(stream=stream))
    async with asyncio.timeout(SECONDS):
        async with aclosing(ask.events("mts", "")) as events:
            assert await anext(events) == event(1)
            await asyncio.sleep(0)
        assert len(ask._abandoned) == 1
        go_on.set()
        await let_go(ask)


async def test_a_stream_that_never_waits_does_not_keep_others_from_running() -> None:
    class Endless:
        """An asynchronous iterator that is always ready, with nothing that can be, and cannot be closed."""

        def __aiter__(self) -> "Endless":
            return self

        async def __anext__(self) -> object:
            return None

    async with asyncio.timeout(SECONDS):
        consumer = asyncio.create_task(collected(asking(Plugin(stream=lambda _: Endless()))))
        for _ in range(10):
            await asyncio.sleep(0)
        consumer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await consumer


async def test_an_iterator_that_cannot_be_closed_ends_as_others_do() -> None:
    class Once:
        """Gives one event."""

        said = False

        def __aiter__(self) -> "Once":
            return self

        async def __anext__(self) -> object:
            if self.said:
                raise StopAsyncIteration
            self.said = True
            return event(1)

    assert await collected(asking(Plugin(stream=lambda _: Once()))) == [event(1)]


async def test_no_more_than_a_buffer_is_read_ahead() -> None:
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    async def stream(_cursor: str) -> AsyncIterator[Any]:
        for number in numbers():
            yield event(number)

    async with asyncio.timeout(SECONDS), aclosing(asking(Plugin(stream=stream)).events("mts", "")) as events:
        assert await anext(events) == event(1)
        for _ in range(10):
            await asyncio.sleep(0)
        assert taken <= BUFFER + 1
        for number in range(2, 2 * BUFFER):
            assert await anext(events) == event(number)


async def let_go(ask: AskOperator) -> None:
    """Wait until nothing is left of what was abandoned."""
    while ask._abandoned:  # noqa: ASYNC110 - what is kept of a call is let go by the loop itself
        await asyncio.sleep(0)
