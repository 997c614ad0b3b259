"""Connections to an HLR that is slow, silent, gone or wrong: lookups end in time, and the next is answered."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

import pytest
import uvloop

from fakes.clock import FakeClock
from fakes.ctrl_server import DIGITS, IMSI, NUMBER, FakeHlr, answer, frame, printed, until
from fakes.orders import lookup_request
from numseal.adapters.operators.osmo_hlr.backend import OsmoHlrOperator
from numseal.adapters.operators.osmo_hlr.settings import Settings
from numseal.domain.evidence import LookupOutcome
from numseal.ports.operator_backend import OperatorError

Make = Callable[..., OsmoHlrOperator]
TIMEOUT = 0.3
LATE = 5.0
"""Far beyond every timeout here, and within what an idle machine never takes."""


async def ask(operator: OsmoHlrOperator, number: str = NUMBER) -> LookupOutcome:
    return (await operator.look_up(lookup_request(number))).outcome


async def reason(operator: OsmoHlrOperator) -> str:
    """Ask, and return why there was no answer; it must not take long."""
    began = time.monotonic()
    with pytest.raises(OperatorError) as caught:
        await ask(operator)
    assert time.monotonic() - began < LATE
    assert IMSI not in str(caught.value)
    return caught.value.reason


async def recovers(operator: OsmoHlrOperator) -> LookupOutcome:
    async with asyncio.timeout(10):
        while True:
            try:
                return await ask(operator)
            except OperatorError:
                await asyncio.sleep(0.01)


async def test_connections_are_made_at_the_first_lookup_and_then_kept(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=3)
    await asyncio.sleep(0)
    assert hlr.accepted == 0
    for _ in range(10):
        assert await ask(operator) is LookupOutcome.SUBSCRIBER
    await until(lambda: hlr.accepted == 3)


async def test_questions_are_put_without_waiting_for_answers(make: Make, hlr: FakeHlr) -> None:
    held: list[str] = []

    def hold(text: str) -> bytes:
        held.append(text)
        # Answered in reverse: an answer is known by its id alone.
        return b"".join(map(answer, reversed(held))) if len(held) == 50 else b""

    hlr.says = hold
    operator = make(connections=1)
    asked = [NUMBER if at % 2 else f"+7916000{at:04d}" for at in range(50)]
    outcomes = await asyncio.gather(*(ask(operator, number) for number in asked))
    expected = [LookupOutcome.SUBSCRIBER if number == NUMBER else LookupOutcome.NOT_SERVED for number in asked]
    assert outcomes == expected
    assert [int(text.split()[1]) for text in held] == list(range(1, 51))


async def test_lookups_are_spread_over_the_connections(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=2)
    await ask(operator)
    await until(lambda: hlr.accepted == 2)
    await asyncio.gather(*(ask(operator) for _ in range(20)))
    # Each connection counts its questions from 1.
    assert max(int(text.split()[1]) for text in hlr.asked) <= 12


async def test_more_lookups_than_may_be_under_way_wait_for_their_turn(make: Make, hlr: FakeHlr) -> None:
    most, under_way = 0, 0
    go = asyncio.Event()

    async def later(text: str) -> None:
        nonlocal under_way
        await go.wait()
        under_way -= 1
        hlr.send(answer(text))

    tasks: list[asyncio.Task[None]] = []

    def says(text: str) -> bytes:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        tasks.append(asyncio.create_task(later(text)))
        return b""

    hlr.says = says
    operator = make(connections=1, in_flight=5)
    lookups = [asyncio.create_task(ask(operator)) for _ in range(40)]
    await until(lambda: len(hlr.asked) == 5)
    go.set()
    assert await asyncio.gather(*lookups) == [LookupOutcome.SUBSCRIBER] * 40
    assert most == 5
    await asyncio.gather(*tasks)


async def test_more_than_may_wait_are_refused_at_once(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=1, in_flight=2, waiting=3, answer_timeout=1)
    await ask(operator)
    hlr.says = lambda _: b""
    lookups = [asyncio.create_task(ask(operator)) for _ in range(5)]
    await until(lambda: len(hlr.asked) == 3)
    assert await reason(operator) == "OVERLOADED"
    results = await asyncio.gather(*lookups, return_exceptions=True)
    assert {getattr(result, "reason", "") for result in results} <= {"TIMEOUT", "UNAVAILABLE"}
    hlr.says = answer
    assert await recovers(operator) is LookupOutcome.SUBSCRIBER


async def test_who_is_canceled_while_waiting_leaves_his_place_to_another(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=1, in_flight=1, waiting=1)
    await ask(operator)
    hlr.says = lambda _: b""
    first = asyncio.create_task(ask(operator))
    await until(lambda: len(hlr.asked) == 2)
    canceled = asyncio.create_task(ask(operator))
    await asyncio.sleep(0)
    assert await reason(operator) == "OVERLOADED"
    canceled.cancel()
    await asyncio.gather(canceled, return_exceptions=True)
    next_one = asyncio.create_task(ask(operator))
    await asyncio.sleep(0)
    hlr.says = answer
    hlr.send(answer(hlr.asked[1]))
    assert await first is LookupOutcome.SUBSCRIBER
    assert await next_one is LookupOutcome.SUBSCRIBER
    assert canceled.cancelled()


async def test_who_is_canceled_as_his_turn_comes_leaves_it_to_the_next(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda _: b""
    operator = make(connections=1, in_flight=1)

    async def ask_and_cancel() -> LookupOutcome:
        outcome = await ask(operator)
        # The answer that ended this lookup called the next in line, who has not run yet.
        canceled.cancel()
        return outcome

    first = asyncio.create_task(ask_and_cancel())
    await until(lambda: len(hlr.asked) == 1)
    canceled, next_one = (asyncio.create_task(ask(operator)) for _ in range(2))
    await asyncio.sleep(0)
    hlr.says = answer
    hlr.send(answer(hlr.asked[0]))
    assert await first is LookupOutcome.SUBSCRIBER
    assert await next_one is LookupOutcome.SUBSCRIBER
    assert canceled.cancelled()


async def test_who_is_canceled_before_his_turn_comes_takes_none(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda _: b""
    operator = make(connections=1, in_flight=1)
    first = asyncio.create_task(ask(operator))
    await until(lambda: len(hlr.asked) == 1)
    canceled, next_one = (asyncio.create_task(ask(operator)) for _ in range(2))
    await asyncio.sleep(0)
    canceled.cancel()
    # As when an attempt to connect fails in that very moment: all look again whether they wait in vain.
    operator._pool._call_all()
    hlr.says = answer
    hlr.send(answer(hlr.asked[0]))
    assert await first is LookupOutcome.SUBSCRIBER
    assert await next_one is LookupOutcome.SUBSCRIBER


async def test_an_answer_to_who_has_left_is_no_trouble(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda _: b""
    operator = make(connections=1)
    left = asyncio.create_task(ask(operator))
    await until(lambda: len(hlr.asked) == 1)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    hlr.send(answer(hlr.asked[0]))
    hlr.says = answer
    assert await ask(operator) is LookupOutcome.SUBSCRIBER
    assert hlr.accepted == 1


async def test_a_silent_hlr_is_given_up_in_time_and_its_connection_is_replaced(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=1, answer_timeout=TIMEOUT)
    await ask(operator)
    hlr.says = lambda _: b""
    assert await reason(operator) == "TIMEOUT"
    hlr.says = answer
    assert await recovers(operator) is LookupOutcome.SUBSCRIBER
    assert hlr.accepted == 2


async def test_an_answer_that_stops_half_way_is_given_up_in_time(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda text: answer(text)[:-1]
    operator = make(connections=1, answer_timeout=TIMEOUT)
    assert await reason(operator) == "TIMEOUT"
    hlr.says = answer
    assert await recovers(operator) is LookupOutcome.SUBSCRIBER


async def test_who_leaves_a_silent_hlr_has_its_connection_replaced_all_the_same(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda _: b""
    operator = make(connections=1, answer_timeout=TIMEOUT)
    left = asyncio.create_task(ask(operator))
    await until(lambda: hlr.asked)
    left.cancel()
    await until(lambda: hlr.accepted == 2)


async def test_answers_that_come_keep_the_connection(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=1, answer_timeout=1)
    until_then = time.monotonic() + 1.5
    while time.monotonic() < until_then:
        assert await ask(operator) is LookupOutcome.SUBSCRIBER
        await asyncio.sleep(0.01)
    assert hlr.accepted == 1


async def test_a_connection_that_ends_under_a_lookup_is_not_noticed(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=1)
    await ask(operator)
    hlr.says = lambda _: b""
    lookup = asyncio.create_task(ask(operator))
    await until(lambda: len(hlr.asked) == 2)
    hlr.says = answer
    await hlr.drop()
    assert await lookup is LookupOutcome.SUBSCRIBER
    assert hlr.accepted == 2


async def test_a_connection_that_was_of_use_is_replaced_without_a_pause(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=1, least_backoff=60, most_backoff=60)
    for _ in range(3):
        assert await ask(operator) is LookupOutcome.SUBSCRIBER
        await hlr.drop()
    await until(lambda: hlr.accepted == 4)


async def test_a_lookup_is_put_twice_at_most(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=1, least_backoff=0.01)
    hlr.says = lambda _: b""
    lookup = asyncio.create_task(reason(operator))
    await until(lambda: len(hlr.asked) == 1)
    await hlr.drop()
    await until(lambda: len(hlr.asked) == 2)
    await hlr.drop()
    assert await lookup == "UNAVAILABLE"
    assert len(hlr.asked) == 2


async def test_an_hlr_that_is_gone_is_unavailable_and_found_again(make: Make, hlr: FakeHlr) -> None:
    operator = make(most_backoff=0.1, answer_timeout=TIMEOUT)
    await ask(operator)
    await hlr.stop()
    assert await reason(operator) == "UNAVAILABLE"
    await hlr.start()
    assert await recovers(operator) is LookupOutcome.SUBSCRIBER


async def test_lookups_are_refused_at_once_while_no_attempt_to_connect_is_near(make: Make, hlr: FakeHlr) -> None:
    operator = make(least_backoff=60, most_backoff=60)
    await hlr.stop()
    assert await reason(operator) == "UNAVAILABLE"
    with pytest.raises(OperatorError, match=f"127.0.0.1:{hlr.port} cannot be asked: connecting failed: .*refused"):
        await ask(operator)


async def test_attempts_to_connect_come_more_and_more_seldom(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=1, least_backoff=0.05, most_backoff=0.4)
    hlr.says = lambda _: b"nonsense"
    began = time.monotonic()
    while time.monotonic() - began < 1.0:
        with pytest.raises(OperatorError):
            await ask(operator)
        await asyncio.sleep(0.005)
    # After 0.05, 0.1, 0.2 and then every 0.4 seconds.
    assert 3 <= hlr.accepted <= 6


@pytest.mark.parametrize(
    "says",
    [
        lambda _: b"HTTP/1.1 400 Bad Request\r\n",
        lambda _: b"\xff\xff\xee\x00",
        lambda _: b"\x00\x02\xfe\x00x",
        lambda text: frame(f"GET_REPLY 999 {text.split()[2]} {printed()}"),
        lambda text: frame(
            f"GET_REPLY {text.split()[1]} subscriber.by-msisdn-79161234568.info {printed('79161234568')}"
        ),
        lambda text: frame(f"GET_REPLY {text.split()[1]} {text.split()[2]} {printed('79161234568')}"),
        lambda text: frame(f"GET_REPLY {text.split()[1]} subscriber.by-msisdn-{DIGITS}.info-all {printed()}"),
        lambda text: frame(f"GET_REPLY {text.split()[1]} {text.split()[2]} {printed(imsi='x')}"),
        lambda text: frame(f"GET_REPLY {text.split()[1]} {text.split()[2]} {'x' * 5_000}"),
        lambda text: frame(f"SET_REPLY {text.split()[1]} {text.split()[2]} OK"),
        lambda _: frame("ERROR err Invalid message ID number"),
    ],
    ids=["http", "long", "protocol", "id", "variable", "msisdn", "name", "imsi", "text", "kind", "error"],
)
async def test_a_wrong_answer_is_refused_and_its_connection_closed(
    make: Make, hlr: FakeHlr, says: Callable[[str], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    hlr.says = says
    operator = make(connections=1, least_backoff=0.01)
    with caplog.at_level(logging.DEBUG):
        assert await reason(operator) == "BROKEN_CONTRACT"
        hlr.says = answer
        assert await recovers(operator) is LookupOutcome.SUBSCRIBER
    assert hlr.accepted == 2
    assert IMSI not in caplog.text


async def test_an_answer_given_twice_is_refused(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda text: answer(text) * 2
    operator = make(connections=1)
    assert await ask(operator) is LookupOutcome.SUBSCRIBER
    hlr.says = answer
    assert await ask(operator) is LookupOutcome.SUBSCRIBER
    assert hlr.accepted == 2


async def test_what_was_under_way_beside_a_wrong_answer_is_not_answered_either(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda text: b"" if text.startswith("GET 1 ") else b"nonsense"
    operator = make(connections=1)
    results = await asyncio.gather(*(ask(operator) for _ in range(2)), return_exceptions=True)
    assert [getattr(result, "reason", "") for result in results] == ["BROKEN_CONTRACT"] * 2


async def test_an_error_of_the_hlr_is_told_and_its_connection_kept(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda text: frame(f"ERROR {text.split()[1]} An unknown error about {IMSI}.")
    operator = make(connections=1)
    assert await reason(operator) == "HLR_ERROR"
    hlr.says = answer
    assert await ask(operator) is LookupOutcome.SUBSCRIBER
    assert hlr.accepted == 1


async def test_an_error_to_who_has_left_is_no_trouble(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda _: b""
    operator = make(connections=1)
    left = asyncio.create_task(ask(operator))
    await until(lambda: hlr.asked)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    hlr.send(frame("ERROR 1 An unknown error."))
    hlr.says = answer
    assert await ask(operator) is LookupOutcome.SUBSCRIBER


async def test_what_is_told_unasked_answers_nothing(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda text: frame("TRAP 0 something 1") + answer(text)
    operator = make(connections=1)
    assert [await ask(operator) for _ in range(3)] == [LookupOutcome.SUBSCRIBER] * 3
    assert hlr.accepted == 1


async def test_a_closed_operator_fails_what_is_under_way_and_what_comes(make: Make, hlr: FakeHlr) -> None:
    hlr.says = lambda _: b""
    operator = make(connections=1, in_flight=1)
    lookups = [asyncio.create_task(ask(operator)) for _ in range(3)]
    await until(lambda: hlr.asked)
    await operator.close()
    assert not any("Pool" in repr(task.get_coro()) for task in asyncio.all_tasks())
    async with asyncio.timeout(LATE):
        results = await asyncio.gather(*lookups, return_exceptions=True)
    assert [getattr(result, "reason", "") for result in results] == ["UNAVAILABLE"] * 3
    assert await reason(operator) == "UNAVAILABLE"


async def test_an_operator_that_was_never_asked_closes(make: Make) -> None:
    operator = make()
    await operator.close()
    await operator.close()


async def test_an_operator_is_closed_while_it_connects(make: Make, hlr: FakeHlr) -> None:
    operator = make(connections=2)
    lookup = asyncio.create_task(ask(operator))
    await asyncio.sleep(0)
    await operator.close()
    with pytest.raises(OperatorError):
        await asyncio.wait_for(lookup, LATE)
    assert hlr.asked == []


def test_it_works_on_the_servers_loop_too(clock: FakeClock) -> None:
    async def live() -> None:
        hlr = FakeHlr()
        await hlr.start()
        settings = Settings("127.0.0.1", hlr.port, connections=1, answer_timeout=TIMEOUT)
        operator = OsmoHlrOperator(settings, "mts", (), clock, secrets.token_bytes(32))
        try:
            assert await recovers(operator) is LookupOutcome.SUBSCRIBER
            await hlr.drop()
            assert await recovers(operator) is LookupOutcome.SUBSCRIBER
            hlr.says = lambda _: b""
            assert await reason(operator) == "TIMEOUT"
            hlr.says = lambda _: b"nonsense"
            assert await reason(operator) == "BROKEN_CONTRACT"
        finally:
            await operator.close()
            await hlr.stop()

    uvloop.run(live())
