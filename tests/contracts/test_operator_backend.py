"""The operator port's contract, put to every adapter that answers it.

An adapter joins by a factory in `WORLDS`: it sets up a world in which one operator has the numbers that `World` names.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from fakes.clock import FakeClock
from fakes.orders import EXPIRE_TIME, code_order, lookup_request, text_order
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.domain.evidence import SIGNAL_NAMES, LookupOutcome, Method, Reachability, ServiceState, SignalState
from numseal.domain.operator import CodeCheck, CodeChecked, CodeOutcome, SendOutcome
from numseal.domain.simulation import PortNumber, SetReachability, SetServices
from numseal.ports.operator_backend import OperatorBackend, OperatorError

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


WORLDS: dict[str, Callable[[], World]] = {"simulated": simulated}


@pytest.fixture(params=list(WORLDS.values()), ids=list(WORLDS))
def world(request: pytest.FixtureRequest) -> World:
    made: World = request.param()
    return made


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
