import pytest

from fakes.simulated_desk import FakeDesk, MovedClock
from numseal.apps.simulate.claim import Claimant
from numseal.apps.simulate.mix import load_mix
from numseal.apps.simulate.people import People
from numseal.apps.simulate.timeline import Timeline


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def desk(clock: MovedClock) -> FakeDesk:
    return FakeDesk(clock)


@pytest.fixture
def timeline(clock: MovedClock) -> Timeline:
    return Timeline(clock, 4, settle=0)


@pytest.fixture
def claimant(desk: FakeDesk, timeline: Timeline) -> Claimant:
    return Claimant(desk, timeline)


@pytest.fixture
def people() -> People:
    return People(load_mix(None), 7)
