"""Which event a change makes, where it goes, and which watches it ends."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes.clock import FakeClock
from fakes.orders import lookup_request, text_order, watch_order
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.signals import Edge
from numseal.domain.evidence import (
    DeliveryState,
    LineType,
    Method,
    Reachability,
    ServiceState,
    SimChangeKind,
    Subscriber,
)
from numseal.domain.operator import WATCHED_KINDS, BarredReason, EventKind, OperatorEvent
from numseal.domain.simulation import (
    Change,
    ChangeDevice,
    DeliveryBehavior,
    EmittedEvent,
    PortNumber,
    Recycle,
    Roam,
    SetDelivery,
    SetHomeRouted,
    SetLineType,
    SetReachability,
    SetServices,
    SwapSim,
    Terminate,
)
from numseal.ports.operator_backend import OperatorError

NUMBER = "+79161234567"
KCELL = "+77011234568"
Operators = Callable[[str], SimulatedOperator]


@pytest.fixture
def mts(operator: Operators) -> SimulatedOperator:
    return operator("mts")


def told(network: SimulatedNetwork, operator_id: str = "mts") -> list[OperatorEvent]:
    """Return all events of an operator so far."""
    found: list[OperatorEvent] = []
    while (event := network.office(operator_id).journal.after(len(found))) is not None:
        found.append(event)
    return found


async def signals(operator: SimulatedOperator, request_id: str = "l1") -> Subscriber:
    answer = await operator.look_up(lookup_request(NUMBER, request_id))
    assert answer.subscriber is not None
    return answer.subscriber


async def test_a_sim_change_tells_the_sim_that_lookups_show(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    watch = await mts.watch_subscriber(watch_order(NUMBER))
    network.change(NUMBER, SwapSim(SimChangeKind.ESIM))
    (event,) = told(network)
    assert (event.kind, event.watch_id, event.sim_change) == (EventKind.SIM_CHANGE, watch.watch_id, SimChangeKind.ESIM)
    assert event.sim_ref == (await signals(mts)).sim_ref.known
    assert not event.fraud_suspected


async def test_a_router_in_front_of_the_hlr_leaves_the_sim_unnamed(
    mts: SimulatedOperator, network: SimulatedNetwork
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    network.change(NUMBER, SetHomeRouted(home_routed=True), SwapSim())
    assert [event.sim_ref for event in told(network)] == [None]


async def test_a_device_change_tells_the_device_that_lookups_show(
    mts: SimulatedOperator, network: SimulatedNetwork
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    network.change(NUMBER, ChangeDevice())
    (event,) = told(network)
    assert (event.kind, event.device_ref) == (EventKind.DEVICE_CHANGE, (await signals(mts)).device_ref.known)


async def test_a_number_that_leaves_is_watched_where_it_goes(
    mts: SimulatedOperator, operator: Operators, network: SimulatedNetwork
) -> None:
    old = await mts.watch_subscriber(watch_order(NUMBER))
    network.change(NUMBER, PortNumber("megafon"))
    network.change(NUMBER, SwapSim())
    (event,) = told(network)
    assert (event.kind, event.to_operator, event.to_plmn) == (EventKind.PORT_OUT, "megafon", "250-02")
    with pytest.raises(OperatorError, match="no such subscriber"):
        await mts.watch_subscriber(watch_order(NUMBER, "w2"))
    new = await operator("megafon").watch_subscriber(watch_order(NUMBER))
    assert new.watch_id != old.watch_id
    network.change(NUMBER, SwapSim())
    assert [event.watch_id for event in told(network, "megafon")] == [new.watch_id]


async def test_a_number_in_other_hands_has_no_watch(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    first = await mts.watch_subscriber(watch_order(NUMBER))
    network.change(NUMBER, Recycle(), SwapSim())
    second = await mts.watch_subscriber(watch_order(NUMBER, "w2"))
    network.change(NUMBER, Terminate())
    reassigned, terminated = told(network)
    assert (reassigned.kind, reassigned.watch_id) == (EventKind.REASSIGNED, first.watch_id)
    assert (terminated.kind, terminated.watch_id) == (EventKind.TERMINATED, second.watch_id)
    assert first.watch_id != second.watch_id
    network.change(NUMBER, Recycle())
    assert len(told(network)) == 2


async def test_the_new_owner_is_named_as_lookups_name_him(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    network.change(NUMBER, Recycle())
    (event,) = told(network)
    assert event.subscriber_ref == (await signals(mts)).subscriber_ref.known


@pytest.mark.parametrize(
    ("change", "barred"),
    [
        (SetServices(sms=ServiceState.BARRED), True),
        (SetServices(voice=ServiceState.BARRED), True),
        (SetServices(data=ServiceState.BARRED), True),
        (SetServices(sms=ServiceState.OFF), False),
        (Roam("262-01"), False),
        (SetReachability(Reachability.NOT_REACHABLE), False),
    ],
)
async def test_barring_is_told_once(
    mts: SimulatedOperator, network: SimulatedNetwork, change: Change, *, barred: bool
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    network.change(NUMBER, change)
    network.change(NUMBER, change)
    expected = [(EventKind.BARRED, BarredReason.OTHER)] if barred else []
    assert [(event.kind, event.barred) for event in told(network)] == expected


async def test_only_wanted_kinds_are_told_but_the_watch_ends_all_the_same(
    mts: SimulatedOperator, network: SimulatedNetwork
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER, kinds=(EventKind.SIM_CHANGE,)))
    network.change(NUMBER, ChangeDevice(), SwapSim(), Terminate())
    assert [event.kind for event in told(network)] == [EventKind.SIM_CHANGE]
    assert network.office("mts").watches.of(NUMBER, 0) is None


async def test_nobody_is_told_of_numbers_that_are_not_watched(
    mts: SimulatedOperator, network: SimulatedNetwork
) -> None:
    watch = await mts.watch_subscriber(watch_order(NUMBER))
    await mts.unwatch_subscriber("u1", watch.watch_id)
    await mts.unwatch_subscriber("u2", watch.watch_id)
    network.change(NUMBER, SwapSim())
    network.change("+79161234568", SwapSim(), Terminate())
    assert told(network) == []


async def test_one_operator_tells_nothing(operator: Operators, network: SimulatedNetwork) -> None:
    kcell = operator("kcell")
    capabilities = await kcell.capabilities()
    assert (capabilities.events, capabilities.event_retention, capabilities.max_watches) == ((), 0, 0)
    for call in (kcell.watch_subscriber(watch_order(KCELL)), kcell.unwatch_subscriber("u", "w")):
        with pytest.raises(OperatorError, match="no events"):
            await call
    with pytest.raises(OperatorError, match="no events"):
        await anext(kcell.stream_events(""))
    network.change(KCELL, SwapSim())
    await kcell.send_code(text_order(KCELL))
    assert network.emit(KCELL, EmittedEvent(EventKind.SIM_CHANGE)) == ""
    assert told(network, "kcell") == []


async def test_a_landline_operator_knows_no_sims(operator: Operators, network: SimulatedNetwork) -> None:
    fixed, number = operator("rostelecom-fixed"), "+74951234567"
    await fixed.watch_subscriber(watch_order(number))
    network.change(number, SetLineType(LineType.MOBILE), SwapSim(), Terminate())
    assert [event.kind for event in told(network, "rostelecom-fixed")] == [EventKind.TERMINATED]
    assert EventKind.SIM_CHANGE not in (await fixed.capabilities()).events


async def test_references_an_operator_does_not_tell_are_not_in_its_events(network: SimulatedNetwork) -> None:
    edge = network.office("rostelecom-fixed").edge
    found = network.subscriber("+74951234567")
    assert (edge.sim_ref(found), edge.device_ref(found)) == (None, None)
    assert edge.subscriber_ref(found) is not None
    silent = replace(network.profiles["mts"], unsupported=frozenset({"subscriber_ref"}))
    assert Edge(silent, b"key").subscriber_ref(found) is None


@pytest.mark.parametrize("kinds", [(), (EventKind.DELIVERY,), (EventKind.SIM_CHANGE, EventKind.HEARTBEAT)])
async def test_a_watch_is_for_kinds_that_can_be_watched(mts: SimulatedOperator, kinds: tuple[EventKind, ...]) -> None:
    with pytest.raises(OperatorError, match="kinds: one or more of SIM_CHANGE"):
        await mts.watch_subscriber(watch_order(NUMBER, kinds=kinds))


@pytest.mark.parametrize(
    ("behavior", "states"),
    [
        (DeliveryBehavior.DELIVER, [DeliveryState.DELIVERED]),
        (DeliveryBehavior.FAIL, [DeliveryState.FAILED]),
        (DeliveryBehavior.VANISH, []),
        (DeliveryBehavior.NO_RECEIPT, []),
    ],
)
async def test_every_codes_fate_is_told_where_it_is_known(
    mts: SimulatedOperator,
    network: SimulatedNetwork,
    clock: FakeClock,
    behavior: DeliveryBehavior,
    states: list[DeliveryState],
) -> None:
    network.change(NUMBER, SetDelivery(behavior))
    sent = await mts.send_code(text_order(NUMBER, method=Method.VOICE))
    events = told(network)
    assert [event.delivery for event in events] == states
    for event in events:
        assert (event.kind, event.delivery_id, event.watch_id) == (EventKind.DELIVERY, sent.delivery_id, "")
        assert event.occur_time == event.observe_time == clock.now()


async def test_emitted_events_change_nothing(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    watch = await mts.watch_subscriber(watch_order(NUMBER))
    before = network.subscriber(NUMBER)
    ids = [network.emit(NUMBER, EmittedEvent(kind, copies=2)) for kind in WATCHED_KINDS]
    assert network.subscriber(NUMBER) == before
    assert network.office("mts").watches.of(NUMBER, clock.now()) is not None
    events = told(network)
    assert [event.event_id for event in events] == [item for item in ids for _ in range(2)]
    assert len(set(ids)) == len(WATCHED_KINDS)
    assert len({event.cursor for event in events}) == len(events)
    assert {event.watch_id for event in events} == {watch.watch_id}


async def test_emitted_events_say_what_was_asked(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    network.emit(NUMBER, EmittedEvent(EventKind.SIM_CHANGE, occur_time=5, fraud_suspected=True))
    network.emit(NUMBER, EmittedEvent(EventKind.BARRED, occur_time=clock.now() + 9, fraud_suspected=True))
    network.emit(NUMBER, EmittedEvent(EventKind.BARRED))
    swap, fraud, other = told(network)
    assert (swap.occur_time, swap.fraud_suspected, swap.sim_change) == (5, True, SimChangeKind.REPLACED)
    assert (fraud.occur_time, fraud.barred, fraud.fraud_suspected) == (clock.now() + 9, BarredReason.FRAUD, False)
    assert (other.occur_time, other.barred) == (clock.now(), BarredReason.OTHER)


async def test_nobody_is_told_of_a_number_that_went_beyond_the_simulation(
    mts: SimulatedOperator, network: SimulatedNetwork
) -> None:
    await mts.watch_subscriber(watch_order(NUMBER))
    network.change(NUMBER, PortNumber("yota", "250-11"))
    assert network.emit(NUMBER, EmittedEvent(EventKind.SIM_CHANGE)) == ""
    network.change(NUMBER, PortNumber("megafon"))
    assert [event.to_operator for event in told(network)] == ["yota"]
