"""A CAMARA platform on loopback, at a time that stands still, and adapters that ask it."""

from collections.abc import AsyncIterator

import pytest

from fakes.camara_operators import NUMBER, OTHER, Operators
from fakes.camara_stub import CamaraStub, CamaraSubscriber
from fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def stub(clock: FakeClock) -> AsyncIterator[CamaraStub]:
    platform = CamaraStub(clock)
    platform.subscribers = {NUMBER: CamaraSubscriber(), OTHER: CamaraSubscriber()}
    await platform.start()
    yield platform
    await platform.close()


@pytest.fixture
async def operators(stub: CamaraStub) -> AsyncIterator[Operators]:
    made = Operators(stub)
    yield made
    await made.close()
