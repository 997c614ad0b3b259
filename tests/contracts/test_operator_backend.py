"""The operator port's contract, put to every adapter that answers it.

An adapter joins by a factory in `WORLDS`: it sets up a world in which one operator has the numbers that `World` names.
Network checks, watches and events are put to the fake operator too, by `FURTHER_WORLDS`: other tests lean on it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.composed import in_three_parts
from fakes.operator import FakeOperator
from fakes.orders import EXPIRE_TIME, code_order, lookup_request, network_order, text_order, watch_order
from fakes.remote_world import remote
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.domain.evidence import SIGNAL_NAMES, LookupOutcome, Method, Reachability, ServiceState, SignalState
from numseal.domain.operator import (
    WATCHED_KINDS,
    CodeCheck,
    CodeChecked,
    CodeOutcome,
    EventKind,
    NetworkOffer,
    NetworkOutcome,
    OperatorEvent,
    SendOutcome,
)
from numseal.domain.simulation import EmittedEvent, OpenedPage, PortNumber, SetReachability, SetServices
from numseal.ports.operator_backend import CursorTooOldError, OperatorBackend, OperatorError

DAY = 86_400


@dataclass(frozen=True)
class World:
    """One operator and what is behind some numbers.

    `own` has a subscriber of this operator, `absent` too, out of coverage; `ported` left for `ported_to`; `unassigned`
    is in the operator's range; `foreign` is another's; `barred` takes no SMS. `texts` reads what `own` received.
    """

    backend: OperatorBackend
    clock: FakeClock
    texts: Callable[[str], Awaitable[list[str]]]
    own: str
    absent: str
    ported: str
    ported_to: str
    unassigned: str
    foreign: str
    barred: str


def simulated() -> World:
    clock = FakeClock()
    network = SimulatedNetwork(1, clock)
    absent, ported, barred = "+79161234568", "+79161234569", "+79161234571"
    network.change(absent, SetReachability(Reachability.NOT_REACHABLE))
    network.change(ported, PortNumber("megafon"))
    network.change(barred, SetServices(sms=ServiceState.BARRED))

    async def texts(number: str) -> list[str]:
        return [message.text for message in await network.inbox(number)]

    return World(
        backend=SimulatedOperator(network, "mts"),
        clock=clock,
        texts=texts,
        own="+79161234567",
        absent=absent,
        ported=ported,
        ported_to="megafon",
        unassigned="+79160001234",
        foreign="+491711234567",
        barred=barred,
    )


def composed() -> World:
    whole = simulated()
    return replace(whole, backend=in_three_parts(whole.backend, whole.clock))


@asynccontextmanager
async def served() -> AsyncIterator[World]:
    """Ask the simulated operator across the wire."""
    world = simulated()
    async with remote(world.backend, world.clock) as backend:
        yield replace(world, backend=backend)


WORLDS: dict[str, Callable[[], World | AbstractAsyncContextManager[World]]] = {
    "simulated": simulated,
    "composed": composed,
    "served": served,
}


@pytest.fixture(params=list(WORLDS.values()), ids=list(WORLDS))
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made: World | AbstractAsyncContextManager[World] = request.param()
    async with nullcontext(made) if isinstance(made, World) else made as world:
        yield world


async def check(world: World, request_id: str, challenge: bytes, code: str) -> CodeChecked:
    return await world.backend.check_code(CodeCheck(request_id, world.own, challenge, code))


async def sent(world: World, request_id: str = "c1") -> tuple[bytes, str]:
    """Have the operator make a code; return the challenge and the code that arrived."""
    answer = await world.backend.send_code(code_order(world.own, request_id, template="{{code}}"))
    assert answer.outcome is SendOutcome.ACCEPTED
    return answer.challenge, (await world.texts(world.own))[-1]


def wrong(code: str, step: int = 1) -> str:
    """Return another code of the same length."""
    return str((int(code) + step) % 10 ** len(code)).zfill(len(code))


async def test_capabilities_tell_who_and_what(world: World) -> None:
    told = await world.backend.capabilities()
    assert told.operator_id == world.backend.operator_id
    assert told.contract_version
    assert set(told.signals) <= set(SIGNAL_NAMES)
    assert Method.SMS in told.methods
    assert told.server_time == world.clock.now()


async def test_an_own_number_has_a_subscriber(world: World) -> None:
    answer = await world.backend.look_up(lookup_request(world.own))
    assert (answer.outcome, answer.operator_id) == (LookupOutcome.SUBSCRIBER, world.backend.operator_id)
    assert answer.time == world.clock.now()
    assert answer.lookup_reference
    assert answer.subscriber is not None
    told = set((await world.backend.capabilities()).signals)
    for name, signal in answer.subscriber.signals():
        assert (signal.meta.state is SignalState.NOT_SUPPORTED) == (name not in told)


async def test_signals_not_asked_for_are_not_told(world: World) -> None:
    answer = await world.backend.look_up(lookup_request(world.own, signals=("line_type",)))
    assert answer.subscriber is not None
    assert [name for name, signal in answer.subscriber.signals() if signal.value is not None] == ["line_type"]


async def test_a_ported_number_names_the_operator_it_went_to(world: World) -> None:
    answer = await world.backend.look_up(lookup_request(world.ported))
    assert (answer.outcome, answer.ported_to) == (LookupOutcome.PORTED, world.ported_to)
    assert answer.ported_plmn
    assert answer.subscriber is None


async def test_an_unassigned_number_is_told(world: World) -> None:
    answer = await world.backend.look_up(lookup_request(world.unassigned))
    assert (answer.outcome, answer.subscriber) == (LookupOutcome.NOT_ASSIGNED, None)


async def test_a_foreign_number_is_not_served(world: World) -> None:
    answer = await world.backend.look_up(lookup_request(world.foreign))
    assert (answer.outcome, answer.subscriber) == (LookupOutcome.NOT_SERVED, None)


async def test_the_same_lookup_has_the_same_answer_for_a_day(world: World) -> None:
    first = await world.backend.look_up(lookup_request(world.own))
    world.clock.advance(DAY - 1)
    assert await world.backend.look_up(lookup_request(world.own)) == first
    world.clock.advance(1)
    assert (await world.backend.look_up(lookup_request(world.own))).time == first.time + DAY


async def test_a_text_arrives_as_ordered(world: World) -> None:
    answer = await world.backend.send_code(text_order(world.own, text="Код 123456"))
    assert answer.outcome is SendOutcome.ACCEPTED
    assert answer.delivery_id
    assert len(answer.challenge) <= 1_024
    assert await world.texts(world.own) == ["Код 123456"]


async def test_the_same_order_sends_once(world: World) -> None:
    first = await world.backend.send_code(text_order(world.own))
    world.clock.advance(DAY - 1)
    assert await world.backend.send_code(text_order(world.own)) == first
    assert len(await world.texts(world.own)) == 1


async def test_an_id_is_not_for_two_orders(world: World) -> None:
    await world.backend.send_code(text_order(world.own))
    with pytest.raises(OperatorError) as caught:
        await world.backend.send_code(text_order(world.own, text="another"))
    assert not caught.value.sent
    assert len(await world.texts(world.own)) == 1


async def test_absence_does_not_stop_sending(world: World) -> None:
    assert (await world.backend.send_code(text_order(world.absent))).outcome is SendOutcome.ACCEPTED


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("ported", SendOutcome.NOT_OURS),
        ("unassigned", SendOutcome.NOT_OURS),
        ("foreign", SendOutcome.NOT_OURS),
        ("barred", SendOutcome.BARRED),
    ],
)
async def test_some_numbers_take_no_code(world: World, name: str, outcome: SendOutcome) -> None:
    answer = await world.backend.send_code(text_order(getattr(world, name)))
    assert (answer.outcome, answer.delivery_id) == (outcome, "")


async def test_an_operators_code_stands_in_every_place_for_it(world: World) -> None:
    template = "{{code}} is your code\n@example.org #{{code}}"
    answer = await world.backend.send_code(code_order(world.own, template=template))
    assert answer.outcome is SendOutcome.ACCEPTED
    (text,) = await world.texts(world.own)
    code = text[:6]
    assert text == f"{code} is your code\n@example.org #{code}"
    assert (await check(world, "1", answer.challenge, code)).outcome is CodeOutcome.MATCH


async def test_no_text_is_no_content(world: World) -> None:
    assert (await world.backend.send_code(text_order(world.own, text=""))).outcome is SendOutcome.CONTENT


@pytest.mark.parametrize("length", [4, 6, 8])
async def test_an_operators_code_is_as_long_as_ordered(world: World, length: int) -> None:
    answer = await world.backend.send_code(code_order(world.own, template="Code {{code}}.", length=length))
    assert answer.outcome is SendOutcome.ACCEPTED
    assert answer.challenge
    assert answer.expire_time == EXPIRE_TIME
    (text,) = await world.texts(world.own)
    code = text.removeprefix("Code ").removesuffix(".")
    assert len(code) == length
    assert code.isdigit()


async def test_the_right_code_matches_once(world: World) -> None:
    challenge, code = await sent(world)
    assert (await check(world, "1", challenge, code)).outcome is CodeOutcome.MATCH
    assert (await check(world, "2", challenge, code)).outcome is CodeOutcome.USED
    assert (await check(world, "3", challenge, wrong(code))).outcome is CodeOutcome.USED


async def test_the_same_check_has_the_same_answer(world: World) -> None:
    challenge, code = await sent(world)
    first = await check(world, "1", challenge, wrong(code))
    assert await check(world, "1", challenge, wrong(code)) == first
    match = await check(world, "2", challenge, code)
    assert match.outcome is CodeOutcome.MATCH
    assert await check(world, "2", challenge, code) == match


async def test_wrong_codes_use_up_the_attempts(world: World) -> None:
    challenge, code = await sent(world)
    remaining = []
    for number in range(1, 6):
        answer = await check(world, str(number), challenge, wrong(code, number))
        if answer.outcome is not CodeOutcome.MISMATCH:
            break
        remaining.append(answer.attempts_remaining)
    assert remaining == list(range(len(remaining) - 1, -1, -1))
    assert 3 <= len(remaining) <= 5
    assert (await check(world, "right", challenge, code)).outcome is CodeOutcome.EXHAUSTED


@pytest.mark.parametrize("code", ["", "1" * 10_000, "１２３４５６", "\ud800"])
async def test_a_strange_code_is_a_mismatch(world: World, code: str) -> None:
    challenge, _ = await sent(world)
    assert (await check(world, "1", challenge, code)).outcome is CodeOutcome.MISMATCH


async def test_a_late_code_is_expired(world: World) -> None:
    challenge, code = await sent(world)
    world.clock.advance(EXPIRE_TIME - world.clock.now())
    assert (await check(world, "1", challenge, code)).outcome is CodeOutcome.EXPIRED


async def test_a_resend_makes_a_code_of_its_own(world: World) -> None:
    first, old = await sent(world, "c1")
    order = replace(code_order(world.own, "c2", template="{{code}}"), previous_challenge=first)
    answer = await world.backend.send_code(order)
    new = (await world.texts(world.own))[-1]
    assert answer.challenge != first
    assert (await check(world, "1", answer.challenge, new)).outcome is CodeOutcome.MATCH
    expected = CodeOutcome.MATCH if answer.prior_codes_valid else CodeOutcome.EXPIRED
    assert (await check(world, "2", first, old)).outcome is expected


async def test_a_challenge_is_good_for_its_number_only(world: World) -> None:
    challenge, code = await sent(world)
    stolen = CodeCheck("1", world.absent, challenge, code)
    assert (await world.backend.check_code(stolen)).outcome is CodeOutcome.UNKNOWN
    assert (await check(world, "2", b"made up", code)).outcome is CodeOutcome.UNKNOWN
    assert (await check(world, "3", challenge, code)).outcome is CodeOutcome.MATCH


@dataclass(frozen=True)
class FurtherWorld:
    """One operator that checks SIMs and sends events.

    `own` has a subscriber. `visit` opens a page from his handset. `bar` has the operator tell that he was barred, so
    many times as it is told; nothing is told of a number that is not watched.
    """

    backend: OperatorBackend
    clock: FakeClock
    own: str
    visit: Callable[[str], OpenedPage]
    bar: Callable[[int], object]


def simulated_further() -> FurtherWorld:
    clock = FakeClock()
    network = SimulatedNetwork(1, clock)
    own = "+79161234567"
    return FurtherWorld(
        backend=SimulatedOperator(network, "mts"),
        clock=clock,
        own=own,
        visit=lambda url: network.open_page(own, url),
        bar=lambda count: [network.emit(own, EmittedEvent(EventKind.BARRED)) for _ in range(count)],
    )


def faked_further() -> FurtherWorld:
    clock = FakeClock()
    fake = FakeOperator("mts")
    own = "+79161234567"

    def bar(count: int) -> None:
        for _ in range(count):
            number = len(fake.events) + 1
            fake.tell(
                OperatorEvent(
                    EventKind.BARRED,
                    "",
                    clock.now(),
                    event_id=f"e{number}",
                    watch_id=f"watch-{own}",
                    occur_time=clock.now(),
                )
            )

    return FurtherWorld(fake, clock, own, lambda _url: OpenedPage(network_order(own).state, "code"), bar)


def composed_further() -> FurtherWorld:
    whole = simulated_further()
    return replace(whole, backend=in_three_parts(whole.backend, whole.clock))


@asynccontextmanager
async def served_further() -> AsyncIterator[FurtherWorld]:
    """Ask the simulated operator across the wire."""
    further = simulated_further()
    async with remote(further.backend, further.clock) as backend:
        yield replace(further, backend=backend)


FURTHER_WORLDS: dict[str, Callable[[], FurtherWorld | AbstractAsyncContextManager[FurtherWorld]]] = {
    "simulated": simulated_further,
    "fake": faked_further,
    "composed": composed_further,
    "served": served_further,
}


@pytest.fixture(params=list(FURTHER_WORLDS.values()), ids=list(FURTHER_WORLDS))
async def further(request: pytest.FixtureRequest) -> AsyncIterator[FurtherWorld]:
    made: FurtherWorld | AbstractAsyncContextManager[FurtherWorld] = request.param()
    async with nullcontext(made) if isinstance(made, FurtherWorld) else made as further:
        yield further


@asynccontextmanager
async def streaming(further: FurtherWorld, cursor: str = "") -> AsyncIterator[AsyncIterator[OperatorEvent]]:
    stream: Any = further.backend.stream_events(cursor)
    async with aclosing(stream):
        yield stream


async def test_further_calls_are_announced(further: FurtherWorld) -> None:
    told = await further.backend.capabilities()
    assert Method.NETWORK in told.methods
    assert set(told.events) == {*WATCHED_KINDS, EventKind.DELIVERY}
    assert told.event_retention > 0


async def test_a_page_is_an_https_address_for_a_time(further: FurtherWorld) -> None:
    page = await further.backend.start_network_check(network_order(further.own))
    assert page.auth_url.startswith("https://")
    assert len(page.auth_url.encode()) <= 2_048
    assert len(page.challenge) <= 1_024
    assert page.expire_time > further.clock.now()


async def test_the_same_network_check_has_the_same_answers(further: FurtherWorld) -> None:
    page = await further.backend.start_network_check(network_order(further.own))
    assert await further.backend.start_network_check(network_order(further.own)) == page
    opened = further.visit(page.auth_url)
    assert opened.error == ""
    offer = NetworkOffer("f1", further.own, page.challenge, opened.authorization_code, opened.state)
    checked = await further.backend.finish_network_check(offer)
    assert (checked.outcome, checked.observe_time) == (NetworkOutcome.MATCH, further.clock.now())
    assert await further.backend.finish_network_check(offer) == checked


async def test_a_watched_number_keeps_its_watch(further: FurtherWorld) -> None:
    watch = await further.backend.watch_subscriber(watch_order(further.own, "1"))
    assert 1 <= len(watch.watch_id) <= 128
    assert watch.expire_time is None
    assert await further.backend.watch_subscriber(watch_order(further.own, "1")) == watch
    assert (await further.backend.watch_subscriber(watch_order(further.own, "2"))).watch_id == watch.watch_id


async def test_a_watch_can_be_ended_twice_and_before_it_was(further: FurtherWorld) -> None:
    watch = await further.backend.watch_subscriber(watch_order(further.own))
    for request_id, watch_id in (("1", watch.watch_id), ("2", watch.watch_id), ("3", "never-was")):
        await further.backend.unwatch_subscriber(request_id, watch_id)


async def test_a_stream_begins_with_a_heartbeat_and_tells_what_happens_then(further: FurtherWorld) -> None:
    watch = await further.backend.watch_subscriber(watch_order(further.own))
    further.bar(1)
    async with streaming(further) as stream:
        beat = await anext(stream)
        assert (beat.kind, beat.event_id, beat.watch_id) == (EventKind.HEARTBEAT, "", "")
        assert beat.observe_time == further.clock.now()
        further.bar(3)
        events = [await anext(stream) for _ in range(3)]
    assert {(event.kind, event.watch_id) for event in events} == {(EventKind.BARRED, watch.watch_id)}
    assert len({event.event_id for event in events}) == 3
    assert all(1 <= len(event.event_id) <= 64 and 1 <= len(event.cursor) <= 256 for event in events)


async def test_a_stream_resumes_after_a_cursor_with_nothing_missing(further: FurtherWorld) -> None:
    await further.backend.watch_subscriber(watch_order(further.own))
    async with streaming(further) as stream:
        begun = await anext(stream)
        further.bar(3)
        first = await anext(stream)
    async with streaming(further, begun.cursor) as stream:
        events = [event async for event in _until(stream, 3)]
    # Where several sources make one stream, the same event may come under another cursor.
    assert replace(events[0], cursor="") == replace(first, cursor="")
    async with streaming(further, first.cursor) as stream:
        again = [event async for event in _until(stream, 2)]
    assert [replace(event, cursor="") for event in again] == [replace(event, cursor="") for event in events[1:]]


async def _until(stream: AsyncIterator[OperatorEvent], count: int) -> AsyncIterator[OperatorEvent]:
    """Pass on so many events that are no heartbeats."""
    while count:
        event = await anext(stream)
        if event.kind is not EventKind.HEARTBEAT:
            count -= 1
            yield event


async def test_a_cursor_from_before_all_that_is_kept_is_too_old(further: FurtherWorld) -> None:
    async with streaming(further, "7" * 32) as stream:
        with pytest.raises(CursorTooOldError) as caught:
            await anext(stream)
    assert caught.value.reason == "CURSOR_TOO_OLD"
