"""Events kept and streamed: places, forgetting, breaking off."""

from contextlib import aclosing

import pytest

from fakes.clock import FakeClock
from numseal.adapters.operators.camara import journal as journals
from numseal.adapters.operators.camara.journal import RETENTION, Journal
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.ports.operator_backend import CursorTooOldError


def event(clock: FakeClock, name: str) -> OperatorEvent:
    return OperatorEvent(EventKind.SIM_CHANGE, "", clock.now(), event_id=name)


async def read(journal: Journal, cursor: str) -> list[OperatorEvent]:
    """Return what comes before the first heartbeat."""
    found: list[OperatorEvent] = []
    async with aclosing(journal.stream(cursor)) as stream:
        async for one in stream:
            if one.kind is EventKind.HEARTBEAT:
                return found
            found.append(one)
    return found


async def begin(journal: Journal) -> str:
    async with aclosing(journal.stream("")) as stream:
        return (await anext(stream)).cursor


async def test_a_stream_goes_on_where_it_was() -> None:
    clock = FakeClock()
    journal = Journal(clock)
    begun = await begin(journal)
    for name in "abc":
        journal.append(event(clock, name))
    found = await read(journal, begun)
    assert [one.event_id for one in found] == ["a", "b", "c"]
    assert [one.event_id for one in await read(journal, found[1].cursor)] == ["c"]
    assert await read(journal, "") == []


async def test_what_is_too_old_is_forgotten_and_said_so() -> None:
    clock = FakeClock()
    journal = Journal(clock)
    begun = await begin(journal)
    journal.append(event(clock, "a"))
    after_a = (await read(journal, begun))[0].cursor
    clock.advance(RETENTION + 1)
    journal.append(event(clock, "b"))
    with pytest.raises(CursorTooOldError):
        await read(journal, begun)
    assert [one.event_id for one in await read(journal, after_a)] == ["b"]


async def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "LIMIT", 2)
    clock = FakeClock()
    journal = Journal(clock)
    begun = await begin(journal)
    for name in "abc":
        journal.append(event(clock, name))
    with pytest.raises(CursorTooOldError):
        await read(journal, begun)


async def test_breaking_off_makes_every_cursor_too_old() -> None:
    clock = FakeClock()
    journal = Journal(clock)
    begun = await begin(journal)
    journal.append(event(clock, "a"))
    journal.break_off()
    with pytest.raises(CursorTooOldError):
        await read(journal, begun)
    assert await read(journal, "") == []


@pytest.mark.parametrize("place", ["", "x", "-1", "²", "2", "1" * 17])
async def test_cursors_that_were_never_given(place: str) -> None:
    clock = FakeClock()
    journal = Journal(clock)
    journal.append(event(clock, "a"))
    epoch = (await begin(journal)).partition(".")[0]
    for cursor in (f"{epoch}.{place}", f"other.{place}", place or "."):
        with pytest.raises(CursorTooOldError):
            await read(journal, cursor)
