"""How long an operator's word about itself holds, and how often it is asked for."""

import asyncio
from dataclasses import replace

from fakes.clock import FakeClock
from fakes.evidence import NOW
from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.operator import Capabilities
from numseal.usecases.operator_capabilities import OperatorCapabilities

FIRST = Capabilities("1.0", "mts", ("250-01",), SIGNAL_NAMES, (Method.SMS,), True, True, NOW)
SECOND = replace(FIRST, methods=(Method.SMS, Method.NETWORK))


class Operator:
    """Tells `answer`, and counts how often it is asked."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.answer: Capabilities | None = FIRST
        self.asked = 0
        self.gate: asyncio.Event | None = None
        self.known = OperatorCapabilities(self._fetch, self.clock)

    async def _fetch(self, operator_id: str) -> Capabilities | None:
        assert operator_id == "mts"
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        return self.answer

    async def says(self) -> Capabilities | None:
        return await self.known("mts")


async def test_an_answer_is_kept_for_five_minutes() -> None:
    operator = Operator()
    assert await operator.says() is FIRST
    operator.answer = SECOND
    operator.clock.advance(299.9)
    assert await operator.says() is FIRST
    assert operator.asked == 1
    operator.clock.advance(0.1)
    assert await operator.says() is SECOND
    assert operator.asked == 2
    operator.clock.advance(299.9)
    assert await operator.says() is SECOND
    assert operator.asked == 2


async def test_a_step_of_the_wall_clock_changes_nothing() -> None:
    operator = Operator()
    await operator.says()
    operator.clock.step(NOW + 86_400)
    assert await operator.says() is FIRST
    assert operator.asked == 1


async def test_an_old_answer_holds_for_fifteen_minutes_while_there_is_no_other() -> None:
    operator = Operator()
    await operator.says()
    operator.answer = None
    operator.clock.advance(899.9)
    assert await operator.says() is FIRST
    assert operator.asked == 2
    operator.clock.advance(0.1)
    assert await operator.says() is None
    operator.clock.advance(10)
    assert await operator.says() is None
    operator.clock.advance(10)
    operator.answer = SECOND
    assert await operator.says() is SECOND


async def test_a_failure_is_not_waited_for_again_at_once() -> None:
    operator = Operator()
    operator.answer = None
    assert await operator.says() is None
    operator.answer = FIRST
    operator.clock.advance(9.9)
    assert await operator.says() is None
    assert operator.asked == 1
    operator.clock.advance(0.1)
    assert await operator.says() is FIRST


async def test_an_old_answer_that_holds_is_given_between_two_failures() -> None:
    operator = Operator()
    await operator.says()
    operator.answer = None
    operator.clock.advance(300)
    assert await operator.says() is FIRST
    assert await operator.says() is FIRST
    assert operator.asked == 2
    operator.clock.advance(10)
    assert await operator.says() is FIRST
    assert operator.asked == 3


async def test_many_who_ask_at_once_ask_once_and_the_first_may_leave() -> None:
    operator = Operator()
    operator.gate = asyncio.Event()
    asking = [asyncio.create_task(operator.says()) for _ in range(50)]
    while not operator.asked:  # noqa: ASYNC110 - the tasks begin by themselves
        await asyncio.sleep(0)
    asking[0].cancel()
    operator.gate.set()
    assert await asyncio.gather(*asking[1:]) == [FIRST] * 49
    assert operator.asked == 1
