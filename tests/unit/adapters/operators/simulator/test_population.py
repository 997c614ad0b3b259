"""Subscribers that nobody touched: the same for the same seed, ordinary, and free of charge."""

import sys
from collections import Counter

import pytest

from fakes.clock import FakeClock
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.operators import OPERATORS, OperatorProfile, load_plan
from numseal.adapters.operators.simulator.population import DRAWN_END
from numseal.domain.evidence import LineType, Reachability, ServiceState, SimChangeKind
from numseal.domain.simulation import SimulatedSubscriber, SubscriptionState

NUMBERS = [f"+7916{number * 7_919 % 10**7:07d}" for number in range(3_000)]


def drawn(network: SimulatedNetwork) -> list[SimulatedSubscriber]:
    found = [network.subscriber(number) for number in NUMBERS]
    return [subscriber for subscriber in found if subscriber.state is SubscriptionState.ACTIVE]


def test_the_same_seed_draws_the_same_network_at_any_time() -> None:
    first, second = SimulatedNetwork(7, FakeClock()), SimulatedNetwork(7, FakeClock(now=1_900_000_000))
    assert drawn(first) == drawn(second)


def test_another_seed_draws_another_network() -> None:
    assert drawn(SimulatedNetwork(1, FakeClock())) != drawn(SimulatedNetwork(2, FakeClock()))


@pytest.mark.parametrize("profile", OPERATORS, ids=lambda profile: profile.info.operator_id)
def test_examples_are_ordinary_subscribers_of_the_default_seed(
    network: SimulatedNetwork, profile: OperatorProfile
) -> None:
    (info,) = [item for item in network.operators() if item.info is profile.info]
    found = network.subscriber(info.example)
    assert (found.operator_id, found.state) == (info.info.operator_id, SubscriptionState.ACTIVE)
    assert found.port is None
    assert not found.forwarding
    assert not found.home_routed
    assert found.identity_on_file
    assert found.serving_plmn == found.plmn
    assert found.sims_on_device == 1


def test_the_number_of_the_docs_is_of_mts(network: SimulatedNetwork) -> None:
    found = network.subscriber("+79161234567")
    assert (found.operator_id, found.plmn, found.line_type) == ("mts", "250-01", LineType.MOBILE)


def test_a_population_is_mixed_and_takes_codes(network: SimulatedNetwork) -> None:
    people = drawn(network)
    assert 0.015 < sum(person.port is not None for person in people) / len(people) < 0.05
    assert {person.operator_id for person in people} == {"mts", "megafon", "beeline", "t2"}
    assert len(Counter(person.contract_type for person in people)) == 3
    assert 0.005 < sum(person.home_routed for person in people) / len(people) < 0.05
    assert 0 < sum(person.serving_plmn != person.plmn for person in people) / len(people) < 0.05
    assert {person.sim_change.kind for person in people if person.sim_change} >= {
        SimChangeKind.NEW,
        SimChangeKind.REPLACED,
        SimChangeKind.ESIM,
        SimChangeKind.PORT_IN,
    }
    assert all(
        person.sms_service is ServiceState.ON and person.reachability is Reachability.REACHABLE for person in people
    )


def test_a_drawn_history_is_in_order_and_long_past(network: SimulatedNetwork) -> None:
    for person in drawn(network):
        assert person.sim_change is not None
        assert person.activate_time <= person.sim_change.time <= DRAWN_END
        if person.port is not None:
            assert person.sim_change.kind is SimChangeKind.PORT_IN
            assert person.port.time == person.sim_change.time
            assert person.port.from_operator == "mts"
            assert person.operator_id != "mts"


def test_a_block_of_every_range_is_given_to_nobody(network: SimulatedNetwork) -> None:
    assert network.subscriber("+79160001234").state is SubscriptionState.NOT_ASSIGNED
    for item in load_plan().ranges():
        number = (item.prefix + "000").ljust(item.length + 1, "5")
        assert network.subscriber(number).state is SubscriptionState.NOT_ASSIGNED


def test_landlines_have_no_sim(network: SimulatedNetwork) -> None:
    found = network.subscriber("+74951234567")
    assert found.line_type is LineType.FIXED
    assert found.sim_change is None
    assert found.sms_service is found.data_service is ServiceState.OFF
    assert found.voice_service is ServiceState.ON


def test_untouched_subscribers_take_no_memory(network: SimulatedNetwork) -> None:
    network.subscriber("+79170000000")
    before = sys.getallocatedblocks()
    for number in range(100_000):
        network.subscriber(f"+7917{number:07d}")
    assert sys.getallocatedblocks() - before < 1_000
