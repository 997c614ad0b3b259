"""A fake HLR, and operators that ask it."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.ctrl_server import FakeHlr
from numseal.adapters.operators.osmo_hlr.backend import OsmoHlrOperator
from numseal.adapters.operators.osmo_hlr.settings import Settings

PATIENT = 20.0


@pytest.fixture
async def hlr() -> AsyncIterator[FakeHlr]:
    fake = FakeHlr()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def make(hlr: FakeHlr, clock: FakeClock) -> AsyncIterator[Callable[..., OsmoHlrOperator]]:
    """Give operators that ask the fake HLR, by their settings; they are closed at the end."""
    async with AsyncExitStack() as stack:

        def made(**settings: Any) -> OsmoHlrOperator:
            values = {"port": hlr.port, "answer_timeout": PATIENT, "connect_timeout": PATIENT, **settings}
            operator = OsmoHlrOperator(
                Settings("127.0.0.1", **values), "mts", ("250-01",), clock, secrets.token_bytes(32)
            )
            stack.push_async_callback(operator.close)
            return operator

        yield made
