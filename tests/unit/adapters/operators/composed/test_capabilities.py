"""What the whole can do, from what its parts can; and what is left of that where some say nothing."""

import asyncio
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.composed import Whole, able
from fakes.evidence import NOW
from fakes.operator import HANG
from numseal.domain.agreement_quota import PriceList
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
        # Both are asked, and what one of them costs in EUR is not known.
        rub(look, 3),
        rub(send, 10, method=Method.SMS),
        rub(send, 30, method=Method.VOICE),
        rub(send, 10, method=Method.OPERATOR_CODE),
        rub(Operation.CHECK_CODE, 2),
        rub(Operation.NETWORK_CHECK, 8),
        rub(Operation.WATCH_SUBSCRIBER, 3),
    }


LOOK, SEND = Operation.LOOK_UP_SUBSCRIBER, Operation.SEND_CODE
CHEAP = able(signals=("port",), methods=(Method.SMS,), prices=(rub(LOOK, 1), rub(SEND, 10)))
DEAR = able(signals=("line_type",), methods=(Method.SMS,), prices=(rub(LOOK, 5_000), rub(SEND, 900)))


async def counted(made: Whole) -> tuple[int | None, int | None]:
    """Return what is counted for a lookup of the two signals, and for a code by SMS."""
    told = await made.operator.capabilities()
    assert read_capabilities(told, "mts") is told
    prices = PriceList(told.prices, "RUB", told.signals)
    return prices.lookup(("port", "line_type")), prices.challenge(Method.SMS)


async def test_a_part_that_is_away_costs_what_it_told_last() -> None:
    made = whole(dear=DEAR, cheap=CHEAP)
    assert await counted(made) == (5_001, 900)
    made["dear"].able = DOWN
    made.clock.advance(60)
    assert (await made.operator.capabilities()).signals == ("port",)
    assert await counted(made) == (5_001, 900)


async def test_one_that_comes_after_does_not_cost_what_another_does() -> None:
    assert await counted(whole(cheap=CHEAP, dear=DEAR)) == (5_001, 10)


@pytest.mark.parametrize(("order", "code"), [(("dear", "cheap"), None), (("cheap", "dear"), 10)])
async def test_nothing_is_known_of_what_a_part_costs_that_never_told(order: tuple[str, ...], code: int | None) -> None:
    told: dict[str, Any] = {"dear": DOWN, "cheap": CHEAP}
    made = whole(**{name: told[name] for name in order})
    # It would send the code where it comes first, and whatever it knows is asked of it.
    assert await counted(made) == (None, code)
    made["dear"].able = DEAR
    made.clock.advance(10)
    assert await counted(made) == (5_001, 900 if order[0] == "dear" else 10)


async def test_the_price_of_a_signal_that_is_away_is_in_that_of_every_lookup() -> None:
    by_signal = able(signals=("line_type",), prices=(rub(LOOK, 70, signal="line_type"),))
    made = whole(a=by_signal, b=able(signals=("port",), prices=(rub(LOOK, 5, signal="port"),)))
    assert (await counted(made))[0] == 75
    made["a"].able = DOWN
    made.clock.advance(60)
    assert (await counted(made))[0] == 75


async def test_the_dearest_of_those_that_may_be_asked_for_a_signal_is_counted() -> None:
    dear = able(signals=("port",), prices=(rub(LOOK, 70, signal="port"),))
    made = whole(a=dear, b=able(signals=("port",), prices=(rub(LOOK, 5, signal="port"),)))
    assert (await counted(made))[0] == 70
    made["a"].able = DOWN
    made.clock.advance(60)
    assert (await counted(made))[0] == 70


@pytest.mark.parametrize("away", [False, True])
async def test_a_part_that_announces_no_price_leaves_none_to_be_counted(away: bool) -> None:
    silent = able(signals=("line_type",), methods=(Method.SMS,))
    by_signal = able(signals=("port",), prices=(rub(LOOK, 5, signal="port"),))
    for priced in (CHEAP, by_signal):
        made = whole(silent=silent, priced=priced)
        await made.operator.capabilities()
        if away:
            made["silent"].able = DOWN
            made.clock.advance(60)
        assert await counted(made) == (None, None)


async def test_a_code_that_was_sent_can_be_compared_at_a_price_while_a_part_never_told() -> None:
    comparing = able(methods=(Method.OPERATOR_CODE,), prices=(rub(SEND, 10), rub(Operation.CHECK_CODE, 2)))
    told = await whole(a=DOWN, b=comparing).operator.capabilities()
    assert told.prices == (rub(Operation.CHECK_CODE, 2),)
