"""Records that lag behind: what lookups show, when watchers are told, and in which order."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import FakeClock
from fakes.orders import lookup_request, text_order, watch_order
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.domain.errors import Refusal
from numseal.domain.evidence import LookupOutcome, SimChange, SimChangeKind
from numseal.domain.operator import EventKind, SendOutcome
from numseal.domain.simulation import (
    Activate,
    At,
    Change,
    ChangeDevice,
    PortNumber,
    Recycle,
    Roam,
    SwapSim,
    Terminate,
)

NUMBER = "+79161234567"
HOUR = 3_600
Operators = Callable[[str], SimulatedOperator]


@pytest.fixture
def mts(operator: Operators) -> SimulatedOperator:
    return operator("mts")


def shown(network: SimulatedNetwork) -> tuple[SimChange | None, int | None]:
    found = network.recorded(network.subscriber(NUMBER))
    return found.sim_change, None if found.port is None else found.port.time


async def test_dates_are_told_when_the_records_have_them_and_the_sim_at_once(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    before = await mts.look_up(lookup_request(NUMBER, "1"))
    happened = clock.now() - 60
    after = network.change(NUMBER, At(happened, SwapSim(SimChangeKind.ESIM), HOUR))
    clock.advance(HOUR - 61)
    held = await mts.look_up(lookup_request(NUMBER, "2"))
    clock.advance(1)
    told = await mts.look_up(lookup_request(NUMBER, "3"))
    assert before.subscriber is not None
    assert held.subscriber is not None
    assert told.subscriber is not None
    assert held.subscriber.sim_change.known == before.subscriber.sim_change.known
    assert told.subscriber.sim_change.known == after.sim_change == SimChange(happened, SimChangeKind.ESIM)
    assert held.subscriber.sim_ref.known == told.subscriber.sim_ref.known != before.subscriber.sim_ref.known
    assert network.next_report() is None


async def test_a_delay_that_is_over_is_none(network: SimulatedNetwork, clock: FakeClock) -> None:
    network.change(NUMBER, At(clock.now() - HOUR, SwapSim(), HOUR))
    assert network.next_report() is None
    assert shown(network)[0] == SimChange(clock.now() - HOUR, SimChangeKind.REPLACED)


async def test_a_new_contract_is_in_the_records_later(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    async def recycled(request_id: str) -> bool | None:
        answer = await mts.look_up(lookup_request(NUMBER, request_id, since_time=clock.now() - 2 * HOUR))
        assert answer.subscriber is not None
        return answer.subscriber.recycled.known

    network.change(NUMBER, At(None, Recycle(), HOUR))
    assert await recycled("1") is False
    clock.advance(HOUR)
    assert await recycled("2") is True


async def test_who_serves_a_number_is_known_at_once(
    mts: SimulatedOperator, operator: Operators, network: SimulatedNetwork
) -> None:
    network.change(NUMBER, At(None, PortNumber("megafon"), HOUR))
    assert (await mts.look_up(lookup_request(NUMBER))).outcome is LookupOutcome.PORTED
    answer = await operator("megafon").look_up(lookup_request(NUMBER))
    assert answer.subscriber is not None
    assert answer.subscriber.port.known is None
    assert (await mts.send_code(text_order(NUMBER))).outcome is SendOutcome.NOT_OURS


async def test_a_port_is_told_late_to_who_watched_the_number(
    mts: SimulatedOperator, operator: Operators, network: SimulatedNetwork, clock: FakeClock
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    network.change(NUMBER, At(None, PortNumber("megafon"), HOUR))
    await operator("megafon").watch_subscriber(watch_order(NUMBER))
    assert network.office("mts").journal.after(0) is None
    clock.advance(HOUR)
    network.settle()
    event = network.office("mts").journal.after(0)
    assert event is not None
    assert event.kind is EventKind.PORT_OUT
    assert network.office("mts").watches.of(NUMBER, clock.now()) is None
    assert network.office("megafon").watches.of(NUMBER, clock.now()) is not None


async def test_changes_after_one_that_waits_are_shown_before_it(network: SimulatedNetwork, clock: FakeClock) -> None:
    begun = clock.now()
    old = shown(network)
    network.change(NUMBER, At(None, SwapSim(), HOUR), ChangeDevice())
    assert shown(network) == old
    clock.advance(60)
    network.change(NUMBER, SwapSim(SimChangeKind.ESIM), At(None, PortNumber("megafon"), 2 * HOUR))
    assert shown(network) == (SimChange(begun + 60, SimChangeKind.ESIM), old[1])
    clock.advance(HOUR)
    assert shown(network) == (SimChange(begun, SimChangeKind.REPLACED), old[1])
    clock.advance(HOUR)
    assert network.recorded(network.subscriber(NUMBER)) == network.subscriber(NUMBER)


async def test_a_change_that_does_not_go_with_the_records_brings_all_to_light(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    journal = network.office("mts").journal
    network.change(NUMBER, At(None, SwapSim(), HOUR), At(None, Terminate(), HOUR))
    assert journal.after(0) is None
    clock.advance(60)
    network.change(NUMBER, Activate())
    assert network.recorded(network.subscriber(NUMBER)) == network.subscriber(NUMBER)
    events = [journal.after(number) for number in range(3)]
    assert [event and (event.kind, event.observe_time) for event in events] == [
        (EventKind.SIM_CHANGE, clock.now()),
        (EventKind.TERMINATED, clock.now()),
        None,
    ]
    clock.advance(HOUR)
    network.settle()
    assert journal.after(2) is None


async def test_what_was_shown_is_not_brought_to_light_again(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    journal = network.office("mts").journal
    network.change(NUMBER, At(None, SwapSim(), HOUR), At(None, Terminate(), 2 * HOUR))
    clock.advance(HOUR)
    network.change(NUMBER, Activate())
    kinds = [event and event.kind for event in (journal.after(0), journal.after(1), journal.after(2))]
    assert kinds == [EventKind.SIM_CHANGE, EventKind.TERMINATED, None]


async def test_a_change_that_was_overtaken_changes_the_records_no_more(
    network: SimulatedNetwork, clock: FakeClock
) -> None:
    old = shown(network)
    network.change(NUMBER, At(None, SwapSim(), HOUR), At(None, ChangeDevice(), 2 * HOUR), Terminate())
    clock.advance(HOUR)
    assert shown(network) == old
    clock.advance(HOUR)
    assert network.recorded(network.subscriber(NUMBER)) == network.subscriber(NUMBER)


async def test_watchers_are_told_when_the_records_show_it(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    happened = clock.now()
    network.change(NUMBER, At(None, SwapSim(), HOUR))
    assert network.next_report() == happened + HOUR
    clock.advance(2 * HOUR)
    network.settle()
    event = network.office("mts").journal.after(0)
    assert event is not None
    assert (event.occur_time, event.observe_time) == (happened, happened + HOUR)


CHANGES = st.sampled_from(
    [SwapSim(), ChangeDevice(), Roam("262-01"), Terminate(), Activate(), Recycle(), PortNumber("t2"), PortNumber("mts")]
)


@given(st.lists(st.tuples(CHANGES, st.integers(0, 5), st.integers(0, 3)), max_size=12))
def test_records_come_true_and_every_change_is_shown_once(steps: list[tuple[Change, int, int]]) -> None:
    clock = FakeClock()
    network = SimulatedNetwork(1, clock)
    told: list[int] = []
    network._records._tell = lambda step, _time: told.append(id(step))
    kept = 0
    for change, delay, pause in steps:
        try:
            network.change(NUMBER, At(None, change, delay))
            kept += 1
        except Refusal:
            pass
        clock.advance(pause)
        network.settle()
    clock.advance(5)
    assert network.recorded(network.subscriber(NUMBER)) == network.subscriber(NUMBER)
    assert len(told) == kept
    assert network._records._lagging == {}
