"""When an operator is left alone, and when it is asked again: both sides of each edge."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import FakeClock
from fakes.evidence import NOW, answer
from fakes.operator import HANG, FakeOperator
from fakes.orders import lookup_request, network_order, text_order, watch_order
from fakes.plugin import Plugin
from numseal.domain.evidence import LookupOutcome
from numseal.domain.operator import CodeCheck, NetworkOffer
from numseal.ports.operator_backend import OperatorBackend, OperatorError
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.operator_circuit import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MIN_CALLS,
    MOST_CIRCUITS,
    WINDOW,
    Circuit,
    Circuits,
    CircuitState,
    Shares,
)

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


# Many of them


def spoil(circuits: Circuits, name: str, agreement_id: str) -> None:
    count(circuits.get("mts", name, agreement_id), MIN_CALLS)


def test_what_one_agreement_comes_to_is_no_concern_of_another() -> None:
    circuits = Circuits(FakeClock(NOW))
    spoil(circuits, "look_up", "eves")
    assert circuits.get("mts", "look_up", "eves").state is S.OPEN
    for other in (("mts", "look_up", "bobs"), ("mts", "send_code", "eves"), ("t2", "look_up", "eves")):
        assert circuits.get(*other).admit() is not None


def test_the_worst_state_over_agreements_is_told() -> None:
    clock = FakeClock(NOW)
    circuits = Circuits(clock)
    for agreement_id in ("a", "c"):
        count(circuits.get("mts", "look_up", agreement_id), 1)
    assert circuits.worst("mts") == {"look_up": S.CLOSED}
    spoil(circuits, "look_up", "b")
    clock.advance(int(FIRST_PAUSE))
    assert circuits.worst("mts") == {"look_up": S.HALF_OPEN}
    spoil(circuits, "look_up", "d")
    count(circuits.get("mts", "send_code", "c"), 1)
    assert circuits.worst("mts") == {"look_up": S.OPEN, "send_code": S.CLOSED}
    assert circuits.worst("t2") == {}


def test_a_closed_circuit_is_forgotten_once_its_window_is_over() -> None:
    clock = FakeClock(NOW)
    circuits = Circuits(clock)
    count(circuits.get("mts", "look_up", "a"), MIN_CALLS - 1)
    clock.advance(int(WINDOW))
    assert circuits.worst("mts") == {"look_up": S.CLOSED}
    clock.advance(1)
    assert circuits.worst("mts") == {}


def test_an_open_circuit_that_nobody_asks_through_is_forgotten_after_the_longest_pause() -> None:
    clock = FakeClock(NOW)
    circuits = Circuits(clock)
    spoil(circuits, "look_up", "a")
    clock.advance(int(FIRST_PAUSE + LONGEST_PAUSE))
    assert circuits.worst("mts") == {"look_up": S.HALF_OPEN}
    clock.advance(1)
    assert circuits.worst("mts") == {}


def test_circuits_are_swept_where_others_begin() -> None:
    clock = FakeClock(NOW)
    circuits = Circuits(clock)
    for number in range(100):
        count(circuits.get("mts", "look_up", str(number)), 1)
    clock.advance(int(WINDOW) + 1)
    circuits.get("mts", "look_up", "another")
    assert len(circuits._kept) == 1


def test_no_more_circuits_are_kept_than_may_be_and_those_in_use_stay() -> None:
    circuits = Circuits(FakeClock(NOW))
    spoil(circuits, "look_up", "eves")
    for number in range(MOST_CIRCUITS + 10):
        circuits.get("mts", "look_up", str(number))
        assert circuits.get("mts", "look_up", "eves").state is S.OPEN
    assert len(circuits._kept) == MOST_CIRCUITS
    assert ("mts", "look_up", "0") not in circuits._kept


@pytest.mark.parametrize(("most", "share"), [(512, 256), (9, 4), (3, 1), (2, 1), (1, 1)])
def test_one_agreement_has_half_of_the_places_at_most(most: int, share: int) -> None:
    shares = Shares(most)
    assert [shares.take("eves") for _ in range(share + 1)] == [True] * share + [False]
    left = most - share
    assert [shares.take(f"{number}s") for number in range(left + 1)] == [True] * left + [False]
    shares.give_back("eves")
    assert shares.take("eves")
    assert not shares.take("eves")


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
    assert [record.message for record in caplog.records] == [
        "operator 0: look_up under agreement agreement is OPEN after UNAVAILABLE"
    ]
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


@pytest.mark.parametrize(
    "reason", ["NOT_OURS", "REQUEST_REFUSED", "KINDS_MALFORMED", "RATE_EXCEEDED", "LOOKUP_NOT_SUPPORTED"]
)
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

    ask = asking(freeze, well, clock=FakeClock(NOW), most=6)
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


async def test_credentials_that_are_refused_count() -> None:
    async def refuse() -> Any:
        raise OperatorError("CREDENTIALS_REFUSED", "who are you")

    ask = asking(refuse, clock=FakeClock(NOW))
    for _ in range(MIN_CALLS):
        await ask.look_up("0", lookup_request("+79161234567"), 1)
    assert ask.circuits("0") == {"look_up": S.OPEN}


KINDS: list[tuple[str, Callable[[AskOperator, str], Awaitable[Any]]]] = [
    ("look_up", lambda ask, of: ask.look_up("mts", replace(lookup_request("+79161234567"), agreement_id=of), 1)),
    ("send_code", lambda ask, of: ask.send_code("mts", replace(text_order("+79161234567"), agreement_id=of), 1)),
    (
        "check_code",
        lambda ask, of: ask.check_code("mts", CodeCheck("k", "+79161234567", b"c", "1"), 1, agreement_id=of),
    ),
    (
        "start_network_check",
        lambda ask, of: ask.start_network_check("mts", replace(network_order("+79161234567"), agreement_id=of), 1),
    ),
    (
        "finish_network_check",
        lambda ask, of: ask.finish_network_check(
            "mts", NetworkOffer("f", "+79161234567", b"c", "code", "state"), 1, agreement_id=of
        ),
    ),
    ("watch_subscriber", lambda ask, of: ask.watch("mts", replace(watch_order("+79161234567"), agreement_id=of), 1)),
]


@pytest.mark.parametrize(("name", "call"), KINDS, ids=[name for name, _ in KINDS])
async def test_what_one_relying_party_provokes_keeps_no_other_from_asking(
    name: str, call: Callable[[AskOperator, str], Awaitable[Any]]
) -> None:
    down = OperatorError("DOWN", "no route")
    ill = FakeOperator("mts", [down], down, down, started=down, finished=down, watch=down)
    well = FakeOperator("mts")
    operators: dict[str, OperatorBackend] = {"mts": ill}
    ask = AskOperator(operators, FakeClock(NOW))
    for _ in range(MIN_CALLS):
        assert "OPERATOR_UNWELL" not in str(await call(ask, "eves"))
    assert ask.circuits("mts") == {name: S.OPEN}
    operators["mts"] = well
    assert "OPERATOR_UNWELL" in str(await call(ask, "eves"))
    answered = await call(ask, "bobs")
    assert "OPERATOR_UNWELL" not in str(answered)
    assert answered == await call(AskOperator({"mts": well}, FakeClock(NOW)), "bobs")


async def test_what_one_relying_party_leaves_hanging_keeps_no_other_from_asking() -> None:
    operator = FakeOperator("mts", found=[HANG])
    ask = AskOperator({"mts": operator}, FakeClock(NOW), max_in_flight={"mts": 8})
    eves = replace(lookup_request("+79161234567"), agreement_id="eves")
    hanging = [asyncio.create_task(ask.look_up("mts", eves, 60)) for _ in range(8)]
    await asyncio.wait(hanging, return_when=asyncio.FIRST_COMPLETED)
    ended = [task.result().failure for task in hanging if task.done()]
    assert ended == ["OPERATOR_OVERLOADED"] * 4
    operator.found = [answer()]
    bobs = replace(eves, agreement_id="bobs")
    assert (await ask.look_up("mts", bobs, 1)).outcome is LookupOutcome.SUBSCRIBER
    # A code that eve may well order, in another kind of call, is of the same share.
    assert (await ask.send_code("mts", replace(text_order("+79161234567"), agreement_id="eves"), 1)) == (
        None,
        "OPERATOR_OVERLOADED",
    )
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    await asyncio.sleep(0)
    assert (await ask.look_up("mts", eves, 1)).outcome is LookupOutcome.SUBSCRIBER


async def test_a_circuit_that_refuses_takes_no_place() -> None:
    clock = FakeClock(NOW)
    ask = asking(fail, clock=clock, most=2)
    for _ in range(3 * MIN_CALLS):
        last = (await ask.look_up("0", lookup_request("+79161234567"), 1)).failure
    assert last == "OPERATOR_UNWELL"
    clock.advance(int(FIRST_PAUSE))
    assert (await ask.look_up("0", lookup_request("+79161234567"), 1)).failure == "UNAVAILABLE"
