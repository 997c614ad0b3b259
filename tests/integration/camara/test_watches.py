"""Watches, notifications and events by the CAMARA adapter: the scenarios of sim-swap-subscriptions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from fakes.camara_operators import DAY, NUMBER, OTHER, Operators, looked_up
from fakes.camara_stub import SWAPPED, CamaraStub, Fault
from fakes.clock import FakeClock
from fakes.orders import watch_order
from numseal.adapters.operators.camara.backend import CamaraOperator
from numseal.domain.evidence import (
    SimChangeKind,
)
from numseal.domain.operator import (
    EventKind,
    OperatorEvent,
    Phase,
)
from numseal.ports.operator_backend import CursorTooOldError, OperatorError
from numseal.usecases.ask_operator import AskOperator


async def next_of(stream: AsyncIterator[OperatorEvent]) -> OperatorEvent:
    """Return the next event that is no heartbeat."""
    async with asyncio.timeout(2):
        while (event := await anext(stream)).kind is EventKind.HEARTBEAT:
            pass
    return event


async def watching(stub: CamaraStub, operator: CamaraOperator, **changes: Any) -> str:
    watch = await operator.watch_subscriber(watch_order(NUMBER, **changes))
    stub.sink_port = operator.sink_port
    return watch.watch_id


async def test_a_swap_is_an_event(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    operator = operators()
    async with aclosing(operator.stream_events("")) as stream:
        beat = await anext(stream)
        assert (beat.kind, beat.observe_time) == (EventKind.HEARTBEAT, clock.now())
        watch_id = await watching(stub, operator)
        clock.advance(5)
        await stub.swap(NUMBER)
        event = await next_of(stream)
    assert (event.kind, event.watch_id, event.occur_time) == (EventKind.SIM_CHANGE, watch_id, clock.now())
    assert event.sim_change is SimChangeKind.UNKNOWN
    async with aclosing(operator.stream_events(beat.cursor)) as stream:
        assert await next_of(stream) == event
    async with aclosing(operator.stream_events(event.cursor)) as stream:
        assert (await anext(stream)).kind is EventKind.HEARTBEAT
    with pytest.raises(CursorTooOldError):
        await anext(operators().stream_events(event.cursor))


async def test_events_by_the_facade(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    operator = operators()
    ask = AskOperator({"mts": operator}, clock)
    watch, reason = await ask.watch("mts", watch_order(NUMBER), 3.0)
    assert watch is not None, reason
    assert watch.expire_time == clock.now() + 30 * DAY
    stub.sink_port = operator.sink_port
    async with aclosing(ask.events("mts", "")) as stream:
        await anext(stream)
        await stub.swap(NUMBER)
        event = await next_of(stream)
    assert (event.kind, event.watch_id) == (EventKind.SIM_CHANGE, watch.watch_id)
    assert await ask.unwatch("mts", "u1", watch.watch_id, 3.0) == ""
    assert not stub.subscriptions


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_watched_number_keeps_its_watch(
    stub: CamaraStub, operators: Operators, clock: FakeClock, asynchronous: bool
) -> None:
    stub.asynchronous = asynchronous
    operator = operators()
    first = await operator.watch_subscriber(watch_order(NUMBER, "1", expire_time=clock.now() + 500))
    assert first.expire_time == clock.now() + 500
    assert await operator.watch_subscriber(watch_order(NUMBER, "2")) == first
    assert len(stub.subscriptions) == 1
    # A process that knows nothing of it finds it.
    assert await operators().watch_subscriber(watch_order(NUMBER, "3")) == first
    clock.advance(500)
    stub.subscriptions.clear()
    second = await operator.watch_subscriber(watch_order(NUMBER, "4"))
    assert second.watch_id != first.watch_id


async def test_two_at_once_begin_one_watch(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    watches = await asyncio.gather(*(operator.watch_subscriber(watch_order(NUMBER, str(n))) for n in range(5)))
    assert len(set(watches)) == 1
    assert stub.calls["/sim-swap-subscriptions/v0.3/subscriptions"] == 1


async def test_a_watch_can_be_ended_twice_by_anybody_and_before_it_was(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    watch_id = await watching(stub, operator)
    async with aclosing(operator.stream_events("")) as stream:
        beat = await anext(stream)
        await operators().unwatch_subscriber("1", watch_id)
        # The platform tells that it ended, which is no event.
        assert stub.notified == [204]
    another = (await operator.watch_subscriber(watch_order(OTHER, "w2"))).watch_id
    for gone in (watch_id, f"{another}?", f"x/../{another}", "", "x" * 200):
        await operator.unwatch_subscriber("2", gone)
    assert set(stub.subscriptions) == {another}
    async with aclosing(operator.stream_events(beat.cursor)) as stream:
        assert (await anext(stream)).kind is EventKind.HEARTBEAT


@pytest.mark.parametrize("reason", ["NETWORK_TERMINATED", "SUBSCRIPTION_EXPIRED", "MAX_EVENTS_REACHED"])
async def test_a_watch_that_ends_before_its_time_breaks_the_stream(
    stub: CamaraStub, operators: Operators, reason: str
) -> None:
    """Then every watched number is looked up again, and watched again: events may be missing."""
    operator = operators()
    first = await watching(stub, operator)
    stream = operator.stream_events("")
    async with aclosing(stream):
        await anext(stream)
        await stub.end(first, reason)
        with pytest.raises(CursorTooOldError):
            await next_of(stream)
    assert await watching(stub, operator, request_id="w2") != first


async def test_a_watch_that_ends_in_time_ends_quietly(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    operator = operators()
    first = await watching(stub, operator)
    async with aclosing(operator.stream_events("")) as stream:
        beat = await anext(stream)
    clock.advance(30 * DAY - 1)
    await stub.end(first, "SUBSCRIPTION_EXPIRED")
    async with aclosing(operator.stream_events(beat.cursor)) as stream:
        assert (await anext(stream)).kind is EventKind.HEARTBEAT


async def test_only_the_operator_notifies(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    operator = operators()
    watch_id = await watching(stub, operator)
    number = {"phoneNumber": NUMBER}
    token = stub.subscriptions[watch_id]["sinkCredential"]["accessToken"]
    ends, who, proof = token.split(".")
    forged = (f"{int(ends) + 1}.{who}.{proof}", f"{ends}.{who}.{proof[::-1]}", "x", f"²{ends}.{who}.{proof}", "a.b.c")
    for bad in forged[:3]:
        assert await stub.notify(watch_id, SWAPPED, number, bad) == 401
    assert await stub.notify(watch_id, SWAPPED, {"phoneNumber": OTHER}) == 403
    other = await operator.watch_subscriber(watch_order(OTHER, "w2"))
    theirs = stub.subscriptions[other.watch_id]["sinkCredential"]["accessToken"]
    for told in ({}, number, {"phoneNumber": OTHER}):
        assert await stub.notify(watch_id, SWAPPED, told, theirs) == 403
    assert await stub.notify(watch_id, SWAPPED, {}) == 204
    # A process that knows nothing of the watch takes the token for what it is.
    further = operators()
    await anext(further.stream_events(""))
    stub.sink_port = further.sink_port
    assert await stub.notify(watch_id, SWAPPED, {}) == 204
    assert await stub.notify(watch_id, SWAPPED, number, theirs) == 403
    clock.advance(30 * DAY)
    assert await stub.notify(watch_id, SWAPPED, number) == 401


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("type", "org.camaraproject.sim-swap-subscriptions.v0.unheard-of"),
        ("type", "org.camaraproject.device-swap.v0.swapped"),
        ("type", 5),
        ("time", "yesterday"),
        ("time", "2999-01-01T00:00:00Z"),
        ("id", ""),
        ("source", None),
        ("data", []),
        ("data", {}),
        ("data", {"subscriptionId": "s", "phoneNumber": 5}),
        ("data", {"subscriptionId": "s" * 129}),
        ("padding", "x" * 70_000),
    ],
)
async def test_what_is_no_notification_is_refused(
    stub: CamaraStub, operators: Operators, name: str, value: object
) -> None:
    operator = operators()
    watch_id = await watching(stub, operator)
    subscription = stub.subscriptions[watch_id]
    event = {
        "id": "1",
        "source": "s",
        "specversion": "1.0",
        "type": SWAPPED,
        "time": "2025-06-15T00:00:00Z",
        "data": {"subscriptionId": watch_id, "phoneNumber": NUMBER},
    }
    token = subscription["sinkCredential"]["accessToken"]
    assert await stub.post(subscription["sink"], event, token) == 204
    assert await stub.post(subscription["sink"], event | {name: value}, token) == 400
    assert await stub.post(subscription["sink"], [], token) == 400


async def test_other_news_of_a_subscription(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    watch_id = await watching(stub, operator)
    started = "org.camaraproject.sim-swap-subscriptions.v0.subscription-started"
    updated = "org.camaraproject.api-name.v0.subscription-updated"
    async with aclosing(operator.stream_events("")) as stream:
        await anext(stream)
        assert await stub.notify(watch_id, started, {"initiationReason": "SUBSCRIPTION_CREATED"}) == 204
        assert await stub.notify(watch_id, updated, {"updateReason": "SUBSCRIPTION_ACTIVE"}) == 204
        assert await stub.notify(watch_id, updated, {"updateReason": "SUBSCRIPTION_INACTIVE"}) == 204
        with pytest.raises(CursorTooOldError):
            await next_of(stream)


async def test_another_device_is_an_event_once(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    operator = operators()
    watch_id = await watching(stub, operator)
    async with aclosing(operator.stream_events("")) as stream:
        await anext(stream)
        await looked_up(operator, request_id="l1", phase=Phase.RECHECK)
        clock.advance(60)
        changed = stub.subscribers[NUMBER].device_change = clock.now()
        await looked_up(operator, request_id="l2")
        await looked_up(operator, request_id="l3")
        event = await next_of(stream)
        assert (event.kind, event.watch_id, event.occur_time) == (EventKind.DEVICE_CHANGE, watch_id, changed)
        await stub.swap(NUMBER)
        assert (await next_of(stream)).kind is EventKind.SIM_CHANGE


async def test_a_device_that_is_not_watched_is_not_asked_about(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    await looked_up(operator)
    await watching(stub, operator, kinds=(EventKind.SIM_CHANGE,))
    await looked_up(operator, request_id="l2")
    assert "/device-swap/v1/retrieve-date" not in stub.calls


async def test_a_failing_device_swap_spoils_no_lookup(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    await watching(stub, operator)
    stub.faults["/device-swap/v1/retrieve-date"] = Fault(503, "UNAVAILABLE")
    assert (await looked_up(operator)).sim_change.known is not None
    stub.subscribers[NUMBER].device_change = None
    stub.faults.clear()
    await looked_up(operator, request_id="l2")
    assert stub.calls["/device-swap/v1/retrieve-date"] == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(422, "SERVICE_NOT_APPLICABLE"), "REQUEST_REFUSED"),
        (Fault(409, "ALREADY_EXISTS"), "REQUEST_REFUSED"),
        (Fault(201, body=b'{"id": 5}'), "ANSWER_MALFORMED"),
        (Fault(201, body=b'{"id": "1", "expiresAt": "2020-01-01T00:00:00Z"}'), "ANSWER_MALFORMED"),
        (
            Fault(201, body=b'{"id": "1", "config": {"subscriptionDetail": {"phoneNumber": "+79161234569"}}}'),
            "ANSWER_OF_ANOTHER_NUMBER",
        ),
        (Fault(hang=True), "TIMEOUT"),
    ],
)
async def test_a_watch_that_cannot_be(stub: CamaraStub, operators: Operators, fault: Fault, reason: str) -> None:
    stub.faults["/sim-swap-subscriptions/v0.3/subscriptions"] = replace(fault, times=1)
    operator = operators(timeout=1.0, before_timeout=1.0)
    with pytest.raises(OperatorError) as caught:
        await operator.watch_subscriber(watch_order(NUMBER))
    assert caught.value.reason == reason
    assert (await operator.watch_subscriber(watch_order(NUMBER, "w2"))).watch_id in stub.subscriptions


async def test_watches_that_are_refused(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    with pytest.raises(OperatorError) as caught:
        await operator.watch_subscriber(watch_order(NUMBER, kinds=(EventKind.PORT_OUT,)))
    assert caught.value.reason == "KINDS_NOT_SUPPORTED"
    watch_id = await watching(stub, operator)
    stub.faults[f"/sim-swap-subscriptions/v0.3/subscriptions/{watch_id}"] = Fault(403, "PERMISSION_DENIED")
    with pytest.raises(OperatorError) as caught:
        await operator.unwatch_subscriber("u", watch_id)
    assert caught.value.reason == "PERMISSION_DENIED"
    taken = operators(sink_listen=f"127.0.0.1:{operator.sink_port}")
    with pytest.raises(OperatorError) as caught:
        await taken.watch_subscriber(watch_order(NUMBER))
    assert caught.value.reason == "SINK_UNAVAILABLE"


async def test_heartbeats_come_as_time_goes(operators: Operators, clock: FakeClock) -> None:
    async with aclosing(operators().stream_events("")) as stream:
        first = await anext(stream)
        second = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        assert not second.done()
        async with asyncio.timeout(2):
            while not second.done():
                clock.advance(15)
                await asyncio.sleep(0.001)
        assert second.result().cursor == first.cursor
