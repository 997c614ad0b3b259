"""A network of the default seed, its clock, and its operators."""

from collections.abc import Callable

import pytest

from fakes.clock import FakeClock
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def network(clock: FakeClock) -> SimulatedNetwork:
    return SimulatedNetwork(1, clock)


@pytest.fixture
def operator(network: SimulatedNetwork) -> Callable[[str], SimulatedOperator]:
    known: dict[str, SimulatedOperator] = {}

    def get(operator_id: str) -> SimulatedOperator:
        return known.setdefault(operator_id, SimulatedOperator(network, operator_id))

    return get
