"""Work under way outlives its callers, and runs once for all who ask for it."""

import asyncio

import pytest

from numseal.usecases.flights import Flights


async def test_those_who_ask_at_the_same_time_share_one_run() -> None:
    flights, runs = Flights(), []

    async def work() -> int:
        runs.append(1)
        await asyncio.sleep(0)
        return len(runs)

    assert list(await asyncio.gather(flights.join("a", work), flights.join("a", work))) == [1, 1]
    assert await flights.join("a", work) == 2


async def test_land_waits_for_what_its_callers_have_left_even_where_it_fails() -> None:
    flights, go, done = Flights(), asyncio.Event(), []

    async def work() -> None:
        await go.wait()
        done.append(1)
        raise LookupError("nobody hears this")

    caller = asyncio.create_task(flights.join("a", work))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    landing = asyncio.create_task(flights.land())
    await asyncio.sleep(0)
    assert not landing.done()
    go.set()
    await landing
    assert done == [1]
    await flights.land()
