"""A database, operators and use cases for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.desk import Desk, Ground, open_ground


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    opened = await open_ground(tmp_path / "numseal.db")
    yield opened
    await opened.store.close()


@pytest.fixture
def desk(ground: Ground) -> Desk:
    return Desk(ground)
