"""A whole server in this process, on loopback, with simulated operators and a clock that the test moves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes import channels
from fakes.clock import FakeClock
from fakes.messenger import Messenger
from fakes.world import NOW, OTHER_TOKEN, World, with_other_party
from numseal.apps.config import Config
from numseal.apps.development import Development, prepare_development
from numseal.apps.server import serving
from numseal.attestation.public_keys import PublicKeys


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def setup(tmp_path: Path) -> Development:
    return prepare_development(tmp_path / "data", grpc="127.0.0.1:0", http="127.0.0.1:0")


@pytest.fixture
def config(setup: Development) -> Config:
    return with_other_party(setup.config)


@pytest.fixture
async def world(setup: Development, config: Config, clock: FakeClock) -> AsyncIterator[World]:
    async with (
        serving(config, clock) as addresses,
        channels.plain(addresses.grpc) as channel,
        channels.plain(addresses.grpc) as second,
    ):
        yield World(
            messenger=Messenger(channel, (("authorization", f"Bearer {setup.token}"),)),
            other=Messenger(second, (("authorization", f"Bearer {OTHER_TOKEN}"),)),
            clock=clock,
            keys=PublicKeys.from_json(setup.public_keys),
            http=addresses.http,
            grpc=addresses.grpc,
            setup=setup,
        )
