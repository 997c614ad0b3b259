"""A connection that has ended takes no questions; what the pool sees of connections is tested with it."""

import asyncio

import pytest

from fakes.ctrl_server import DIGITS, FakeHlr
from numseal.adapters.operators.osmo_hlr.connection import Connection, ConnectionEndedError


async def connect(hlr: FakeHlr, seen: list[int]) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        lambda: Connection(5, lambda connection: seen.append(connection.under_way)), "127.0.0.1", hlr.port
    )
    return connection


async def test_a_record_is_answered_and_progress_is_told(hlr: FakeHlr) -> None:
    seen: list[int] = []
    connection = await connect(hlr, seen)
    assert connection.open
    assert not connection.answered
    record = await connection.ask(DIGITS)
    assert record is not None
    assert await connection.ask("79160001234") is None
    assert (seen, connection.under_way, connection.answered) == ([0, 0], 0, True)
    connection.end("done")
    assert await connection.ended == "done"


async def test_an_end_ends_what_was_just_asked_and_what_is_asked_then(hlr: FakeHlr) -> None:
    seen: list[int] = []
    connection = await connect(hlr, seen)
    asked = asyncio.create_task(connection.ask(DIGITS))
    await asyncio.sleep(0)
    connection.end("done")
    connection.end("again")
    for question in (asked, connection.ask(DIGITS)):
        with pytest.raises(ConnectionEndedError, match=r"^done$"):
            await question
    assert not connection.open
    assert await connection.ended == "done"
    assert seen == [0]
    assert hlr.asked == []


async def test_only_digits_are_asked_about(hlr: FakeHlr) -> None:
    connection = await connect(hlr, [])
    with pytest.raises(ValueError, match="7 to 15 digits"):
        await connection.ask(f"{DIGITS}.info-all")
    assert connection.under_way == 0
    connection.end("done")
    await connection.ended
