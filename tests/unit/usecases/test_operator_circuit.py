"""When an operator is left alone, and when it is asked again: both sides of each edge."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import FakeClock
from fakes.evidence import NOW, answer
from fakes.orders import lookup_request, text_order
from fakes.plugin import Plugin
from numseal.domain.evidence import LookupOutcome
from numseal.ports.operator_backend import OperatorBackend, OperatorError
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.operator_circuit import FIRST_PAUSE, LONGEST_PAUSE, MIN_CALLS, WINDOW, Circuit, CircuitState

S = CircuitState


def count(circuit: Circuit, failed: int, well: int = 0) -> None:
    for outcome in [False] * well + [True] * failed:
        admitted = circuit.admit()
        assert admitted is not None
        circuit.done(admitted, failed=outcome)


def opened(clock: FakeClock) -> Circuit:
    circuit = Circuit(clock)
    count(circuit, MIN_CALLS)
    assert circuit.state is S.OPEN
    return circuit


@pytest.mark.parametrize(
    ("well", "failed", "state"),
    [
        (0, MIN_CALLS - 1, S.CLOSED),
        (0, MIN_CALLS, S.OPEN),
        (MIN_CALLS, MIN_CALLS - 1, S.CLOSED),
        (MIN_CALLS, MIN_CALLS, S.OPEN),
    ],
)
def test_it_opens_where_half_of_enough_calls_fail(well: int, failed: int, state: S) -> None:
    circuit = Circuit(FakeClock(NOW))
    count(circuit, failed, well)
    assert circuit.state is state


def test_what_lies_further_back_than_the_window_is_forgotten() -> None:
    clock = FakeClock(NOW)
    circuit = Circuit(clock)
    count(circuit, MIN_CALLS - 1)
    clock.advance(int(WINDOW))
    count(circuit, 1)
    assert circuit.state is S.CLOSED


def test_what_lies_within_the_window_is_not() -> None:
    clock = FakeClock(NOW)
    circuit = Circuit(clock)
    count(circuit, MIN_CALLS - 1)
    clock.advance(int(WINDOW / 2))
    count(circuit, 1)
    assert circuit.state is S.OPEN


def test_after_its_pause_one_call_tries() -> None:
    clock = FakeClock(NOW)
    circuit = opened(clock)
    clock.advance(int(FIRST_PAUSE) - 1)
    assert circuit.admit() is None
    clock.advance(1)
    assert circuit.state is S.HALF_OPEN
    admitted = circuit.admit()
    assert admitted is not None
    assert circuit.admit() is None
    assert circuit.done(admitted, failed=False)
    count(circuit, MIN_CALLS - 1)
    assert str(circuit.state) == "CLOSED"


def test_each_try_that_fails_doubles_the_pause_up_to_a_minute() -> None:
    clock = FakeClock(NOW)
    circuit, pause = opened(clock), int(FIRST_PAUSE)
    for _ in range(6):
        clock.advance(pause)
        admitted = circuit.admit()
        assert admitted is not None
        assert not circuit.done(admitted, failed=True)
        pause = min(2 * pause, int(LONGEST_PAUSE))
        clock.advance(pause - 1)
        assert circuit.admit() is None
        clock.advance(1)
        assert circuit.state is S.HALF_OPEN
        clock.advance(-pause)
    assert pause == LONGEST_PAUSE


def test_what_was_let_through_before_tells_nothing_of_the_present() -> None:
    clock = FakeClock(NOW)
    circuit = Circuit(clock)
    early = circuit.admit()
    assert early is not None
    count(circuit, MIN_CALLS)
    clock.advance(int(FIRST_PAUSE))
    trying = circuit.admit()
    assert trying is not None
    assert not circuit.done(early, failed=False)
    assert circuit.state is S.HALF_OPEN
    assert circuit.done(trying, failed=False)


def test_a_try_whose_caller_left_leaves_it_to_the_next() -> None:
    clock = FakeClock(NOW)
    circuit = opened(clock)
    clock.advance(int(FIRST_PAUSE))
    admitted = circuit.admit()
    assert admitted is not None
    circuit.dropped(admitted)
    assert circuit.admit() is not None
    circuit.dropped(admitted)
    assert circuit.admit() is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=200))
def test_an_operator_is_never_left_alone_for_good(steps: list[tuple[bool, int]]) -> None:
    clock = FakeClock(NOW)
    circuit = Circuit(clock)
    for failed, wait in steps:
        admitted = circuit.admit()
        if admitted is not None:
            circuit.done(admitted, failed=failed)
        clock.advance(wait)
    clock.advance(int(LONGEST_PAUSE))
    assert circuit.admit() is not None


# Through the facade


def asking(*calls: Callable[[], Awaitable[Any]], clock: FakeClock, most: int = 512) -> AskOperator:
    backends: dict[str, OperatorBackend] = {str(at): Plugin(call) for at, call in enumerate(calls)}
    return AskOperator(backends, clock, max_in_flight=dict.fromkeys(backends, most))


async def fail() -> Any:
    raise OperatorError("UNAVAILABLE", "the backend is down")


async def test_a_failing_operator_is_left_alone_and_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, calls, well = FakeClock(NOW), 0, False

    async def count_and_fail() -> Any:
        nonlocal calls
        calls += 1
        return answer(operator="0") if well else await fail()

    ask = asking(count_and_fail, clock=clock)
    for _ in range(MIN_CALLS):
        assert (await ask.look_up("0", lookup_request("+79161234567"), 1)).failure == "UNAVAILABLE"
    assert ask.circuits("0") == {"look_up": S.OPEN}
    assert (await ask.look_up("0", lookup_request("+79161234567"), 1)).failure == "OPERATOR_UNWELL"
    assert calls == MIN_CALLS
    assert [record.message for record in caplog.records] == ["operator 0: look_up is OPEN after UNAVAILABLE"]
    # Another kind of call goes on: a lost HLR does not keep codes from being sent.
    assert await ask.send_code("0", text_order("+79161234567"), 1) == (None, "UNAVAILABLE")
    clock.advance(int(FIRST_PAUSE))
    well = True
    assert (await ask.look_up("0", lookup_request("+79161234567"), 1)).outcome is LookupOutcome.SUBSCRIBER
    assert ask.circuits("0")["look_up"] is S.CLOSED


async def test_a_code_that_an_unwell_operator_is_not_asked_for_was_certainly_not_sent() -> None:
    ask = asking(fail, clock=FakeClock(NOW))
    for _ in range(MIN_CALLS):
        await ask.send_code("0", text_order("+79161234567"), 1)
    assert await ask.send_code("0", text_order("+79161234567"), 1) == (None, "OPERATOR_UNWELL")


@pytest.mark.parametrize("reason", ["NOT_OURS", "REQUEST_REFUSED", "LOOKUP_NOT_SUPPORTED"])
async def test_what_tells_of_the_question_is_not_held_against_the_operator(reason: str) -> None:
    async def refuse() -> Any:
        raise OperatorError(reason, "not for this number")

    ask = asking(refuse, clock=FakeClock(NOW))
    for _ in range(2 * MIN_CALLS):
        assert (await ask.look_up("0", lookup_request("+79161234567"), 1)).failure == reason
    assert ask.circuits("0") == {"look_up": S.CLOSED}


async def test_an_operator_holds_no_more_than_its_share() -> None:
    frozen = asyncio.Event()

    async def freeze() -> Any:
        await frozen.wait()

    async def well() -> Any:
        return answer(operator="1")

    ask = asking(freeze, well, clock=FakeClock(NOW), most=3)
    waiting = [asyncio.create_task(ask.look_up("0", lookup_request("+79161234567"), 60)) for _ in range(3)]
    await asyncio.sleep(0)
    assert (await ask.look_up("0", lookup_request("+79161234567"), 60)).failure == "OPERATOR_OVERLOADED"
    assert (await ask.look_up("1", lookup_request("+79161234567"), 60)).outcome is LookupOutcome.SUBSCRIBER
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0)
    frozen.set()
    assert (await ask.look_up("0", lookup_request("+79161234567"), 60)).failure == "BROKEN_CONTRACT"
