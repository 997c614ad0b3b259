"""What the whole can do, from what its parts can; and what is left of that where some say nothing."""

import asyncio
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.composed import Whole, able
from fakes.evidence import NOW
from fakes.operator import HANG
from numseal.domain.evidence import Method
from numseal.domain.operator import WATCHED_KINDS, EventKind, Operation, Price
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.operator_answers import read_capabilities

DOWN = OperatorError("HLR_DOWN", "no route")
DELIVERY = (EventKind.DELIVERY,)
SENDING = {"methods": (Method.OPERATOR_CODE, Method.SMS), "events": DELIVERY, "event_retention": 600, "max_watches": 9}
STATE: dict[str, Any] = {
    "signals": ("line_type", "port"),
    "events": (*WATCHED_KINDS, EventKind.DELIVERY),
    "event_retention": 3_600,
    "max_watches": 5,
}


def whole(**told: Any) -> Whole:
    return Whole(FakeClock(NOW), **told)


async def test_the_whole_can_do_what_its_parts_can() -> None:
    made = whole(
        smsc=able(**SENDING),
        hlr=able(**STATE),
        camara=able(signals=("sim_change", "port"), methods=(Method.SMS, Method.NETWORK)),
    )
    told = await made.operator.capabilities()
    assert read_capabilities(told, "mts") is told
    assert (told.contract_version, told.operator_id, told.plmns) == ("1.0", "mts", ("250-01",))
    assert told.signals == ("line_type", "sim_change", "port")
    assert told.methods == (Method.SMS, Method.OPERATOR_CODE, Method.NETWORK)
    assert set(told.events) == {*WATCHED_KINDS, EventKind.DELIVERY}
    assert (told.event_retention, told.max_watches, told.server_time) == (600, 5, NOW)
    assert told.idempotent
    assert told.prior_codes_valid
    assert not told.signs_statements


async def test_events_about_numbers_are_the_watching_parts_alone() -> None:
    few = able(events=(EventKind.SIM_CHANGE,), event_retention=60)
    told = await whole(camara=few, hlr=able(**STATE)).operator.capabilities()
    # The other one is never asked to watch, so that a port-out would not be told.
    assert set(told.events) == {EventKind.SIM_CHANGE, EventKind.DELIVERY}


@pytest.mark.parametrize("field", ["idempotent", "prior_codes_valid"])
async def test_a_promise_about_sending_holds_where_all_that_send_make_it(field: str) -> None:
    breaking: dict[str, Any] = {field: False}
    sends, sends_not = able(methods=(Method.SMS,)), able(methods=(Method.NETWORK,), signals=("port",), **breaking)
    assert getattr(await whole(a=sends, b=sends_not).operator.capabilities(), field)
    made = whole(a=sends, b=able(methods=(Method.VOICE,), **breaking))
    assert not getattr(await made.operator.capabilities(), field)
    # Nor is it made while the one that breaks it says nothing.
    made["b"].able = DOWN
    made.clock.advance(60)
    assert not getattr(await made.operator.capabilities(), field)
    assert not getattr(await whole(b=sends_not).operator.capabilities(), field)


async def test_statements_are_signed_where_one_part_gives_every_signal() -> None:
    signing = able(signals=("port",), signs_statements=True)
    assert (await whole(smsc=able(**SENDING), a=signing).operator.capabilities()).signs_statements
    assert not (await whole(a=signing, b=signing).operator.capabilities()).signs_statements


async def test_a_part_that_says_nothing_adds_nothing_while_it_does() -> None:
    made = whole(smsc=able(**SENDING), hlr=able(**STATE))
    await made.operator.capabilities()
    made["hlr"].able, well = HANG, made["hlr"].able
    made.clock.advance(60)
    told = await made.operator.capabilities()
    assert (told.signals, told.events, told.max_watches) == ((), DELIVERY, 0)
    made["hlr"].able = well
    assert (await made.operator.capabilities()).signals == ()
    made.clock.advance(10)
    assert (await made.operator.capabilities()).signals == ("line_type", "port")


async def test_where_all_say_nothing_the_first_says_why() -> None:
    with pytest.raises(OperatorError, match="part hlr") as caught:
        await whole(hlr=DOWN, camara=OperatorError("GATEWAY_DOWN", "")).operator.capabilities()
    assert caught.value.reason == "HLR_DOWN"


@pytest.mark.parametrize(
    "changes",
    [
        {"signals": ["port"]},
        {"signals": (7,)},
        {"methods": ("SMS",)},
        {"events": ("DELIVERY",)},
        {"prices": ("free",)},
        {"event_retention": "long"},
        {"max_watches": None},
        {"operator_id": "t2"},
    ],
)
async def test_capabilities_that_cannot_be_are_none(changes: dict[str, Any]) -> None:
    told = await whole(a=able(methods=(Method.SMS,)), b=able(**changes)).operator.capabilities()
    assert (told.methods, told.signals) == ((Method.SMS,), ())
    with pytest.raises(OperatorError) as caught:
        await whole(b=able(**changes)).operator.capabilities()
    assert caught.value.reason == "BROKEN_CONTRACT"


async def test_parts_are_asked_once_for_many() -> None:
    made = whole(a=able(**SENDING), b=able(**STATE))
    told = await asyncio.gather(*(made.operator.capabilities() for _ in range(20)))
    assert len(set(told)) == 1
    assert len(made["a"].capability_calls) == 1
    made.clock.advance(59)
    await made.operator.capabilities()
    assert len(made["a"].capability_calls) == 1
    made.clock.advance(1)
    await made.operator.capabilities()
    assert len(made["a"].capability_calls) == 2


def rub(operation: Operation, micros: int, **more: Any) -> Price:
    return Price(operation, micros, "RUB", **more)


async def test_prices_are_those_of_the_parts_that_would_be_asked() -> None:
    look, send = Operation.LOOK_UP_SUBSCRIBER, Operation.SEND_CODE
    a = able(
        signals=("port",),
        methods=(Method.SMS, Method.VOICE, Method.OPERATOR_CODE),
        prices=(
            rub(look, 5, signal="port"),
            rub(look, 1),
            rub(send, 10),
            rub(send, 30, method=Method.VOICE),
            rub(Operation.CHECK_CODE, 2),
            rub(Operation.NETWORK_CHECK, 7),
            rub(Operation.WATCH_SUBSCRIBER, 1),
        ),
    )
    b = able(
        signals=("port", "line_type"),
        methods=(Method.SMS, Method.NETWORK),
        events=WATCHED_KINDS,
        prices=(
            rub(look, 6, signal="port"),
            rub(look, 6, signal="line_type"),
            rub(look, 2),
            Price(look, 3, "EUR"),
            rub(send, 99),
            rub(Operation.CHECK_CODE, 99),
            rub(Operation.NETWORK_CHECK, 8),
            rub(Operation.WATCH_SUBSCRIBER, 3),
        ),
    )
    told = await whole(a=a, b=b).operator.capabilities()
    assert read_capabilities(told, "mts") is told
    assert len(told.prices) == len(set(told.prices))
    assert set(told.prices) == {
        rub(look, 5, signal="port"),
        rub(look, 6, signal="line_type"),
        # Both are asked.
        rub(look, 3),
        Price(look, 3, "EUR"),
        rub(send, 10, method=Method.SMS),
        rub(send, 30, method=Method.VOICE),
        rub(send, 10, method=Method.OPERATOR_CODE),
        rub(Operation.CHECK_CODE, 2),
        rub(Operation.NETWORK_CHECK, 8),
        rub(Operation.WATCH_SUBSCRIBER, 3),
    }
