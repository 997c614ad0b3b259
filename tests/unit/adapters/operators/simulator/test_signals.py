"""What the edge of an operator lets out."""

from collections.abc import Callable

import pytest

from fakes.clock import FakeClock
from fakes.orders import lookup_request
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.operators import RECORDS_START
from numseal.adapters.operators.simulator.signals import KEY_EPOCH, UPDATE_PERIOD
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Basis,
    ForwardingKind,
    Reachability,
    ServiceState,
    Serving,
    ServingDomain,
    SignalState,
    SimChange,
    SimChangeKind,
    Subscriber,
)
from numseal.domain.simulation import (
    ChangeDevice,
    OverrideSignal,
    PortNumber,
    Recycle,
    Roam,
    SetForwarding,
    SetHomeRouted,
    SetReachability,
    SetServices,
    SwapSim,
)

NUMBER = "+79161234567"
Operators = Callable[[str], SimulatedOperator]


@pytest.fixture
def mts(operator: Operators) -> SimulatedOperator:
    return operator("mts")


async def observe(
    backend: SimulatedOperator,
    request_id: str = "l1",
    number: str = NUMBER,
    signals: tuple[str, ...] = SIGNAL_NAMES,
    since_time: int | None = 1_700_000_000,
) -> Subscriber:
    answer = await backend.look_up(lookup_request(number, request_id, signals, since_time))
    assert answer.subscriber is not None
    return answer.subscriber


def the_one(found: Subscriber) -> Serving:
    assert found.serving.value is not None
    (serving,) = found.serving.value
    return serving


async def test_an_ordinary_subscriber_has_every_signal(mts: SimulatedOperator, clock: FakeClock) -> None:
    found = await observe(mts)
    for _, signal in found.signals():
        assert signal.meta.state is SignalState.OK
        assert signal.meta.observe_time == clock.now()
        assert signal.meta.coverage_start_time == RECORDS_START
        assert signal.meta.source in {"hlr", "crm"}
    assert found.port.value is None
    assert found.forwarding.value is not None
    assert {item.kind for item in found.forwarding.value if not item.active} == set(ForwardingKind)


async def test_only_what_was_asked_for_is_told(mts: SimulatedOperator) -> None:
    found = await observe(mts, signals=("line_type", "mood"))
    assert [name for name, signal in found.signals() if signal.known is not None] == ["line_type"]
    assert await observe(mts, "l2", signals=()) == Subscriber()


async def test_references_are_hashes_of_the_operators_own(
    mts: SimulatedOperator, operator: Operators, network: SimulatedNetwork
) -> None:
    first = await observe(mts)
    assert first.subscriber_ref.value is not None
    assert first.sim_ref.value is not None
    assert first.device_ref.value is not None
    references = {first.subscriber_ref.value.ref, first.sim_ref.value.ref, first.device_ref.value.ref}
    assert len(references) == 3
    assert all(reference and len(reference) == 32 and int(reference, 16) for reference in references)
    network.change(NUMBER, PortNumber("megafon"))
    second = await observe(operator("megafon"))
    assert second.subscriber_ref != first.subscriber_ref


async def test_references_change_with_what_they_stand_for(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    first = await observe(mts)
    network.change(NUMBER, SwapSim())
    swapped = await observe(mts, "l2")
    assert swapped.sim_ref != first.sim_ref
    assert (swapped.subscriber_ref, swapped.device_ref) == (first.subscriber_ref, first.device_ref)
    network.change(NUMBER, ChangeDevice())
    moved = await observe(mts, "l3")
    assert moved.device_ref != swapped.device_ref
    assert moved.sim_ref == swapped.sim_ref
    network.change(NUMBER, Recycle())
    recycled = await observe(mts, "l4")
    assert recycled.subscriber_ref != moved.subscriber_ref
    assert recycled.sim_ref not in {first.sim_ref, moved.sim_ref}


async def test_a_restart_keeps_references(mts: SimulatedOperator, clock: FakeClock) -> None:
    again = SimulatedOperator(SimulatedNetwork(1, clock), "mts")
    assert await observe(mts) == await observe(again)


async def test_a_home_router_answers_with_another_id_each_time(
    mts: SimulatedOperator, network: SimulatedNetwork
) -> None:
    network.change(NUMBER, SetHomeRouted(home_routed=True))
    first, second = (await observe(mts, "l1")).sim_ref.value, (await observe(mts, "l2")).sim_ref.value
    assert first is not None
    assert second is not None
    assert first.basis is second.basis is Basis.HOME_ROUTED
    assert first.ref != second.ref


async def test_a_sim_change_is_told(mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock) -> None:
    network.change(NUMBER, SwapSim(SimChangeKind.ESIM))
    assert (await observe(mts)).sim_change.value == SimChange(clock.now(), SimChangeKind.ESIM)


async def test_recycling_is_judged_by_the_time_asked_about(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    network.change(NUMBER, Recycle())
    start = clock.now()
    assert (await observe(mts, "l1", since_time=start - 1)).recycled.known is True
    assert (await observe(mts, "l2", since_time=start)).recycled.known is False
    unasked = (await observe(mts, "l3", since_time=None)).recycled
    assert (unasked.meta.state, unasked.value) == (SignalState.UNKNOWN, None)
    too_old = (await observe(mts, "l4", since_time=RECORDS_START - 1)).recycled
    assert (too_old.meta.state, too_old.value) == (SignalState.NO_COVERAGE, None)


async def test_forwarding_is_told_by_kind(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    network.change(NUMBER, SetForwarding(ForwardingKind.UNCONDITIONAL))
    value = (await observe(mts)).forwarding.value
    assert value is not None
    assert [item.kind for item in value if item.active] == [ForwardingKind.UNCONDITIONAL]


async def test_a_handset_that_stays_updates_now_and_then(mts: SimulatedOperator, clock: FakeClock) -> None:
    seen = []
    for number in range(20):
        serving = the_one(await observe(mts, f"l{number}"))
        assert 0 <= clock.now() - serving.update_time < UPDATE_PERIOD
        seen.append(serving)
        clock.advance(3_600)
    assert len({serving.node_ref for serving in seen}) == 1
    assert 2 < len({serving.update_time for serving in seen}) < 6


async def test_a_handset_that_roams_is_somewhere_else(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    home = the_one(await observe(mts))
    network.change(NUMBER, Roam("262-01"))
    away = the_one(await observe(mts, "l2"))
    assert (home.plmn, away.plmn, away.update_time) == ("250-01", "262-01", clock.now())
    assert home.node_ref != away.node_ref
    assert home.key_epoch == away.key_epoch == KEY_EPOCH


async def test_an_absent_handset_was_seen_long_ago(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock
) -> None:
    assert (await observe(mts)).last_seen.value or clock.now() - 300 <= 0
    network.change(NUMBER, SetReachability(Reachability.NOT_REACHABLE))
    found = await observe(mts, "l2")
    assert found.reachability.value is Reachability.NOT_REACHABLE
    assert (found.last_seen.value or 0) <= clock.now() - 3_600


@pytest.mark.parametrize(
    ("reachability", "domain"), [(Reachability.SMS_ONLY, ServingDomain.CS), (Reachability.DATA_ONLY, ServingDomain.PS)]
)
async def test_a_handset_reached_in_one_way_is_seen_and_served_there(
    mts: SimulatedOperator,
    network: SimulatedNetwork,
    clock: FakeClock,
    reachability: Reachability,
    domain: ServingDomain,
) -> None:
    network.change(NUMBER, SetReachability(reachability))
    found = await observe(mts)
    assert found.reachability.known is reachability
    assert (found.last_seen.known or 0) > clock.now() - 3_600
    assert the_one(found).domain is domain


@pytest.mark.parametrize("state", ServiceState)
async def test_services_are_told_as_they_are(
    mts: SimulatedOperator, network: SimulatedNetwork, state: ServiceState
) -> None:
    network.change(NUMBER, SetServices(sms=state, data=state))
    found = await observe(mts)
    assert found.sms_service.known is found.data_service.known is state
    assert found.voice_service.known is ServiceState.ON


@pytest.mark.parametrize("state", [state for state in SignalState if state is not SignalState.OK])
async def test_an_override_hides_a_signal(
    mts: SimulatedOperator, network: SimulatedNetwork, clock: FakeClock, state: SignalState
) -> None:
    network.change(NUMBER, OverrideSignal("sim_change", state, "map", "34"))
    signal = (await observe(mts)).sim_change
    assert (signal.meta.state, signal.meta.code_space, signal.meta.code) == (state, "map", "34")
    assert signal.known is None
    assert (signal.value is not None) == (state is SignalState.STALE)
    assert (signal.meta.observe_time != clock.now()) == (state is SignalState.STALE)


async def test_an_override_does_not_add_a_signal(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    network.change(NUMBER, OverrideSignal("sim_change", SignalState.ERROR))
    assert (await observe(mts, signals=("port",))).sim_change == Subscriber().sim_change


@pytest.mark.parametrize(
    ("operator_id", "number"),
    [("kcell", "+77011234568"), ("t2", "+79041234570"), ("telekom-de", "+491711234572"), ("beeline", "+79031234568")],
)
async def test_operators_differ_in_what_they_tell(operator: Operators, operator_id: str, number: str) -> None:
    backend = operator(operator_id)
    found = await observe(backend, number=number)
    told = {name for name, signal in found.signals() if signal.meta.state is SignalState.OK}
    assert told == set((await backend.capabilities()).signals)
    assert told < set(SIGNAL_NAMES)


async def test_a_landline_has_no_sim_to_tell_of(operator: Operators) -> None:
    found = await observe(operator("rostelecom-fixed"), number="+74951234567", signals=("sim_ref", "line_type"))
    assert found.sim_ref.meta.state is SignalState.NOT_SUPPORTED
    assert found.line_type.known == "FIXED"


async def test_an_override_of_a_signal_never_told_keeps_no_value(
    operator: Operators, network: SimulatedNetwork
) -> None:
    network.change("+74951234567", OverrideSignal("sim_ref", SignalState.STALE))
    signal = (await observe(operator("rostelecom-fixed"), number="+74951234567")).sim_ref
    assert (signal.meta.state, signal.value) == (SignalState.STALE, None)
