"""WatchBindings: every change in order, from any cursor, with heartbeats between, until the server stops."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from fakes.desk import Ground
from fakes.evidence import NOW
from fakes.following import Following, until
from fakes.store_rows import PARTY, binding
from numseal.domain.binding import BindingState
from numseal.domain.binding_change import ChangeKind
from numseal.domain.errors import Kind, Refusal
from numseal.domain.verdict import Level
from numseal.usecases import watch_bindings
from numseal.usecases.watch_bindings import Step, WatchBindings, cursor_of

K = ChangeKind


@pytest.fixture
def following(ground: Ground) -> Following:
    return Following(ground)


@asynccontextmanager
async def stream(following: Following, cursor: str = "c1-0") -> AsyncIterator[AsyncGenerator[Step, None]]:
    async with asyncio.timeout(10), aclosing(following.stream(PARTY, cursor)) as steps:
        yield steps


async def changes(steps: AsyncGenerator[Step, None], count: int) -> list[Step]:
    found: list[Step] = []
    async for step in steps:
        if step.change is not None:
            found.append(step)
        if len(found) == count:
            return found
    raise AssertionError("the stream ended")


async def refused(following: Following, cursor: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        async with stream(following, cursor) as steps:
            await anext(steps)
    return caught.value


async def story(following: Following) -> list[ChangeKind]:
    """Make three bindings and change two of them, with another relying party's in between."""
    await following.bind(binding(1), replace(binding(8), relying_party="other"), binding(2))
    await following.bind(replace(await following.bound(1), level=Level.LOW))
    await following.bind(binding(3), replace(await following.bound(2), state=BindingState.REVOKED))
    return [K.CREATED, K.CREATED, K.LEVEL_CHANGED, K.CREATED, K.REVOKED]


async def test_every_change_comes_in_order_and_goes_on_from_any_cursor(following: Following) -> None:
    expected = await story(following)
    async with stream(following) as steps:
        found = await changes(steps, 5)
    assert [step.change.kind for step in found if step.change] == expected
    sequences = [step.change.sequence for step in found if step.change]
    assert sequences == sorted(sequences)
    assert [step.cursor for step in found] == [cursor_of(sequence) for sequence in sequences]
    for count, step in enumerate(found[:-1], start=1):
        async with stream(following, step.cursor) as steps:
            assert await changes(steps, 5 - count) == found[count:]


@pytest.mark.parametrize("page", [1, 2, 5])
async def test_a_page_of_any_size_leaves_nothing_out(
    following: Following, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(watch_bindings, "PAGE", page)
    expected = await story(following)
    async with stream(following) as steps:
        assert [step.change.kind for step in await changes(steps, 5) if step.change] == expected


async def test_without_a_cursor_it_begins_now(following: Following) -> None:
    await following.bind(binding(1))
    async with stream(following, "") as steps:
        first = asyncio.create_task(anext(steps))
        await asyncio.sleep(0)
        await following.bind(binding(2))
        found = await first
    assert found.change is not None
    assert found.change.binding == await following.bound(2)


async def test_a_quiet_stream_has_a_heart_that_beats_past_others_changes(following: Following) -> None:
    await following.bind(replace(binding(8), relying_party="other"))
    async with stream(following) as steps:
        for _ in range(2):
            await following.bind(replace(binding(8), relying_party="other", level=Level.LOW))
            await following.bind(replace(binding(8), relying_party="other", level=Level.HIGH))
            beat = await anext(steps)
            assert (beat.change, beat.time) == (None, NOW)
        assert beat.cursor == cursor_of(following.store.change_bounds()[1])


async def test_others_changes_do_not_keep_the_heart_from_beating(following: Following) -> None:
    async def busy() -> None:
        while True:
            for level in (Level.LOW, Level.HIGH):
                await following.bind(replace(binding(8), relying_party="other", level=level))

    task = asyncio.create_task(busy())
    async with stream(following, "") as steps:
        assert (await anext(steps)).change is None
    task.cancel()


@pytest.mark.parametrize(
    ("cursor", "kind", "reason"),
    [
        ("x", Kind.INVALID_ARGUMENT, "CURSOR_MALFORMED"),
        ("c1-", Kind.INVALID_ARGUMENT, "CURSOR_MALFORMED"),
        ("c1-0 ", Kind.INVALID_ARGUMENT, "CURSOR_MALFORMED"),
        ("c1-" + "f" * 16, Kind.INVALID_ARGUMENT, "CURSOR_MALFORMED"),
        ("c1-" + "0" * 4096, Kind.INVALID_ARGUMENT, "CURSOR_MALFORMED"),
        ("c1-f", Kind.OUT_OF_RANGE, "CURSOR_AHEAD"),
    ],
)
async def test_cursors_that_are_none(following: Following, cursor: str, kind: Kind, reason: str) -> None:
    error = await refused(following, cursor)
    assert (error.reasoning.kind, error.reason, error.reasoning.field) == (kind, reason, "cursor")


async def test_a_cursor_that_is_too_old_names_the_oldest(following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    await story(following)
    monkeypatch.setattr(following.stream, "_store", Purged(following.store, 3))
    error = await refused(following, cursor_of(2))
    assert (error.reasoning.kind, error.reason) == (Kind.OUT_OF_RANGE, "CURSOR_TOO_OLD")
    async with stream(following, error.reasoning.metadata["oldest_cursor"]) as steps:
        await changes(steps, 3)


async def test_a_reader_that_is_overtaken_by_the_purge_is_told(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    await story(following)
    monkeypatch.setattr(watch_bindings, "PAGE", 1)
    async with stream(following) as steps:
        await changes(steps, 1)
        monkeypatch.setattr(following.stream, "_store", Purged(following.store, 3))
        with pytest.raises(Refusal) as caught:
            await changes(steps, 1)
    assert caught.value.reason == "CURSOR_TOO_OLD"


class Purged:
    """A store that keeps no changes up to one."""

    def __init__(self, store: object, oldest: int) -> None:
        self._store = store
        self._oldest = oldest

    def change_bounds(self) -> tuple[int, int]:
        return self._oldest, self._store.change_bounds()[1]  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


async def test_a_server_that_stops_ends_streams_and_begins_no_other(following: Following) -> None:
    async with stream(following, "") as steps:
        waiting = asyncio.create_task(anext(steps))
        await until(lambda: following.stream._streams[PARTY] == 1)
        following.stream.close()
        with pytest.raises(Refusal) as caught:
            await waiting
    assert (caught.value.reasoning.kind, caught.value.reason) == (Kind.UNAVAILABLE, "SERVER_STOPPING")
    assert (await refused(following, "")).reason == "SERVER_STOPPING"


async def test_one_relying_party_has_so_many_streams(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_bindings, "MAX_STREAMS", 1)
    watching = WatchBindings(store=ground.store, clock=ground.clock, heartbeat=0.01)
    async with aclosing(watching(PARTY, "")) as first:
        await anext(first)
        with pytest.raises(Refusal) as caught:
            await anext(watching(PARTY, ""))
        assert (caught.value.reasoning.kind, caught.value.reason) == (Kind.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
        async with aclosing(watching("other", "")) as others:
            await anext(others)
    async with aclosing(watching(PARTY, "")) as again:
        await anext(again)


async def test_a_restart_loses_no_change(ground: Ground, following: Following) -> None:
    await story(following)
    async with stream(following) as steps:
        cursor = (await changes(steps, 2))[-1].cursor
    again = Following(ground)
    async with stream(again, cursor) as steps:
        assert len(await changes(steps, 3)) == 3
