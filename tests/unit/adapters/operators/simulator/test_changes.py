"""What happens to subscribers, and what cannot."""

import pytest

from fakes.clock import FakeClock
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.domain.errors import Kind, Refusal
from numseal.domain.evidence import (
    ContractType,
    ForwardingKind,
    LineType,
    Port,
    Reachability,
    ServiceState,
    SignalState,
    SimChange,
    SimChangeKind,
)
from numseal.domain.simulation import (
    Activate,
    At,
    Change,
    ChangeDevice,
    DeliveryBehavior,
    OverrideSignal,
    PortNumber,
    Recycle,
    Roam,
    ScriptLookup,
    ScriptSend,
    SetContractType,
    SetDelivery,
    SetForwarding,
    SetHomeRouted,
    SetIdentityOnFile,
    SetLineType,
    SetReachability,
    SetServices,
    SubscriptionState,
    SwapSim,
    Terminate,
)

NUMBER = "+79161234567"
UNASSIGNED = "+79160001234"


def test_a_sim_swap_is_dated_and_counted(network: SimulatedNetwork, clock: FakeClock) -> None:
    changed = network.change(NUMBER, SwapSim())
    assert changed.sim_change == SimChange(clock.now(), SimChangeKind.REPLACED)
    assert changed.sim_generation == 2
    assert network.subscriber(NUMBER) == changed
    earlier = network.change(NUMBER, At(clock.now() - 60, SwapSim(SimChangeKind.ESIM)))
    assert earlier.sim_change == SimChange(clock.now() - 60, SimChangeKind.ESIM)


def test_a_new_device_is_named_or_drawn(network: SimulatedNetwork) -> None:
    assert network.change(NUMBER, ChangeDevice("35000000", 40)).tac == "35000000"
    drawn = network.change(NUMBER, ChangeDevice())
    assert (drawn.device_generation, drawn.sims_on_device) == (3, 1)
    assert len(drawn.tac) == 8


def test_a_number_ports_and_ports_back(network: SimulatedNetwork, clock: FakeClock) -> None:
    away = network.change(NUMBER, PortNumber("megafon"))
    assert (away.operator_id, away.plmn, away.serving_plmn) == ("megafon", "250-02", "250-02")
    assert away.port == Port(clock.now(), "mts")
    assert away.sim_change == SimChange(clock.now(), SimChangeKind.PORT_IN)
    back = network.change(NUMBER, PortNumber("mts"))
    assert (back.operator_id, back.port) == ("mts", Port(clock.now(), "megafon"))


def test_a_number_ports_out_of_the_simulation_and_back(network: SimulatedNetwork) -> None:
    away = network.change(NUMBER, PortNumber("yota", "250-11"))
    assert (away.state, away.operator_id, away.plmn) == (SubscriptionState.PORTED_OUT, "yota", "250-11")
    with pytest.raises(Refusal, match="no subscriber who could change"):
        network.change(NUMBER, SwapSim())
    with pytest.raises(Refusal, match="another network's"):
        network.change(NUMBER, Recycle())
    assert network.change(NUMBER, PortNumber("mts")).state is SubscriptionState.ACTIVE


def test_a_fixed_operator_takes_a_number_without_a_plmn(network: SimulatedNetwork) -> None:
    assert network.change(NUMBER, PortNumber("rostelecom-fixed")).plmn == ""


def test_a_recycled_number_has_another_owner_and_no_old_traits(network: SimulatedNetwork, clock: FakeClock) -> None:
    network.change(NUMBER, SetForwarding(ForwardingKind.BUSY), SetDelivery(delay=5), SetHomeRouted(home_routed=True))
    changed = network.change(NUMBER, Recycle())
    assert changed.owner_generation == 2
    assert changed.activate_time == clock.now()
    assert changed.sim_change == SimChange(clock.now(), SimChangeKind.NEW)
    assert not changed.forwarding
    assert not changed.home_routed
    assert changed.delivery.delay == 5


def test_a_contract_ends_and_another_begins(network: SimulatedNetwork) -> None:
    assert network.change(NUMBER, Terminate()).state is SubscriptionState.TERMINATED
    changed = network.change(NUMBER, Activate())
    assert (changed.state, changed.owner_generation) == (SubscriptionState.ACTIVE, 2)


def test_an_unassigned_number_gets_its_first_owner(network: SimulatedNetwork) -> None:
    assert network.change(UNASSIGNED, Activate()).owner_generation == 1


def test_a_landline_gets_an_owner_without_a_sim(network: SimulatedNetwork) -> None:
    assert network.change("+74951234567", Recycle()).sim_change is None


def test_forwarding_is_switched_on_and_off(network: SimulatedNetwork) -> None:
    kinds = network.change(
        NUMBER, SetForwarding(ForwardingKind.BUSY), SetForwarding(ForwardingKind.UNCONDITIONAL)
    ).forwarding
    assert kinds == {ForwardingKind.BUSY, ForwardingKind.UNCONDITIONAL}
    assert network.change(NUMBER, SetForwarding(ForwardingKind.BUSY, active=False)).forwarding == {
        ForwardingKind.UNCONDITIONAL
    }


def test_a_roaming_handset_is_located_now_and_elsewhere(network: SimulatedNetwork, clock: FakeClock) -> None:
    changed = network.change(NUMBER, Roam("262-01"))
    assert (changed.serving_plmn, changed.serving_node, changed.located_time) == ("262-01", 1, clock.now())
    assert network.change(NUMBER, Roam("250-01")).serving_node == 2


@pytest.mark.parametrize(
    ("change", "attribute", "value"),
    [
        (SetServices(sms=ServiceState.OFF), "sms_service", ServiceState.OFF),
        (SetServices(voice=ServiceState.BARRED), "voice_service", ServiceState.BARRED),
        (SetServices(data=ServiceState.OFF), "data_service", ServiceState.OFF),
        (SetServices(voice=ServiceState.OFF), "sms_service", ServiceState.ON),
        (SetLineType(LineType.VOIP), "line_type", LineType.VOIP),
        (SetContractType(ContractType.CORPORATE), "contract_type", ContractType.CORPORATE),
        (SetIdentityOnFile(identity_on_file=False), "identity_on_file", False),
        (SetReachability(Reachability.NOT_REACHABLE), "reachability", Reachability.NOT_REACHABLE),
        (SetHomeRouted(home_routed=True), "home_routed", True),
        (ScriptLookup(delay=1), "lookup", ScriptLookup(delay=1)),
        (ScriptSend(fail=True), "sending", ScriptSend(fail=True)),
        (SetDelivery(DeliveryBehavior.FAIL), "delivery", SetDelivery(DeliveryBehavior.FAIL)),
    ],
)
def test_a_change_sets_what_it_names(network: SimulatedNetwork, change: Change, attribute: str, value: object) -> None:
    assert getattr(network.change(NUMBER, change), attribute) == value


def test_an_override_replaces_the_earlier_and_ends_with_ok(network: SimulatedNetwork) -> None:
    network.change(NUMBER, OverrideSignal("port", SignalState.UNKNOWN))
    second = OverrideSignal("port", SignalState.ERROR, "map", "34")
    assert network.change(NUMBER, second).overrides == (second,)
    assert network.change(NUMBER, OverrideSignal("port", SignalState.OK)).overrides == ()


@pytest.mark.parametrize(
    "change",
    [
        ScriptLookup(delay=61),
        ScriptLookup(delay=-1),
        ScriptLookup(delay=float("nan")),
        SetDelivery(delay=3_601),
        ChangeDevice("123"),
        ChangeDevice("1234567a"),
        ChangeDevice(sims_on_device=0),
        ChangeDevice(sims_on_device=1_001),
        PortNumber("yota"),
        PortNumber("", "250-11"),
        PortNumber("yota", "25011"),
        Roam("moon"),
        OverrideSignal("mood", SignalState.OK),
        At(10**12, SwapSim()),
    ],
)
def test_values_no_network_could_take_are_refused(network: SimulatedNetwork, change: Change | At) -> None:
    with pytest.raises(Refusal) as caught:
        network.change(NUMBER, change)
    assert caught.value.reasoning.kind is Kind.INVALID_ARGUMENT
    assert caught.value.reasoning.field == "changes"


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (NUMBER, Activate()),
        (NUMBER, PortNumber("mts")),
        (UNASSIGNED, SwapSim()),
        (UNASSIGNED, PortNumber("megafon")),
        (UNASSIGNED, Terminate()),
    ],
)
def test_a_state_forbids_what_does_not_suit_it(network: SimulatedNetwork, number: str, change: Change) -> None:
    with pytest.raises(Refusal) as caught:
        network.change(number, change)
    assert (caught.value.reasoning.kind, caught.value.reason) == (Kind.FAILED_PRECONDITION, "SUBSCRIBER_STATE")


def test_something_else_is_not_a_change(network: SimulatedNetwork) -> None:
    with pytest.raises(Refusal, match="str is not a change"):
        network.change(NUMBER, "swap")  # type: ignore[arg-type]


def test_changes_apply_together_or_not_at_all(network: SimulatedNetwork) -> None:
    before = network.subscriber(NUMBER)
    with pytest.raises(Refusal):
        network.change(NUMBER, SwapSim(), Terminate(), SwapSim())
    assert network.subscriber(NUMBER) == before


@pytest.mark.parametrize("number", ["+15550123456", "+7916", "", "+7916abcdefg", "+791612345６7"])
def test_a_number_outside_the_simulation_is_not_found(network: SimulatedNetwork, number: str) -> None:
    with pytest.raises(Refusal) as caught:
        network.change(number, SwapSim())
    assert caught.value.reason == "PHONE_NUMBER_NOT_SIMULATED"
