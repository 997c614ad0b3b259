"""An SMSC on a free loopback port: a Node process built on npm `smpp`, a codec that is not ours.

async with smsc(receipt="before", ids="hex") as center:      # behaviours: tests/parts/smsc/smsc.js
    settings = Settings((center.settings(),))
    await center.set(submit="silent")
    (message,) = await center.messages()

Where Node or the package is missing, tests skip loudly; with CI=true they fail.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fakes.certificates import Identity
from numseal.adapters.operators.smpp.settings import SmscSettings

PART = Path(__file__).parents[1] / "parts" / "smsc"
SECONDS = 20.0
SYSTEM_ID = "numseal"
PASSWORD = b"secret"


class SmscError(Exception):
    """The process did not do what was asked."""


@dataclass
class Smsc:
    """One SMSC that runs."""

    process: asyncio.subprocess.Process
    port: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def settings(self, name: str = "one", **changes: Any) -> SmscSettings:
        """Return what reaches it."""
        values = {"system_id": SYSTEM_ID, "password": PASSWORD} | changes
        return SmscSettings(name, values.pop("host", "127.0.0.1"), self.port, **values)

    async def set(self, **behaviors: Any) -> None:
        """Change behaviours."""
        await self.order(set=behaviors)

    async def messages(self) -> list[dict[str, Any]]:
        """Return what was submitted, oldest first."""
        return list((await self.order(seen=True))["messages"])

    async def counts(self) -> dict[str, int]:
        """Return how often what happened."""
        return dict((await self.order(seen=True))["counts"])

    async def counted(self, what: str, least: int) -> dict[str, int]:
        """Wait until something happened so often; return the counts."""
        async with asyncio.timeout(SECONDS):
            while (counts := await self.counts())[what] < least:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return counts

    async def order(self, **order: Any) -> dict[str, Any]:
        """Give one order and return the answer."""
        async with self._turn, asyncio.timeout(SECONDS):
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            return await self.line()

    async def line(self) -> dict[str, Any]:
        """Return the next line it writes."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise SmscError(f"the SMSC ended with {await self.process.wait()}")
        return dict(json.loads(line))


@asynccontextmanager
async def smsc(identity: Identity | None = None, **behaviors: Any) -> AsyncIterator[Smsc]:
    """Give an SMSC; over TLS where it has an identity. Its process has ended at the end of the block."""
    node = _node()
    environment = dict(os.environ)
    if identity is not None:
        environment |= {"SMSC_CERTIFICATE": identity.certificate.decode(), "SMSC_KEY": identity.key.decode()}
    process = await asyncio.create_subprocess_exec(
        node,
        str(PART / "smsc.js"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        limit=1 << 24,
    )
    center = Smsc(process)
    try:
        async with asyncio.timeout(SECONDS):
            center.port = (await center.line())["port"]
        if behaviors:
            await center.set(**behaviors)
        yield center
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
    assert process.stdin is not None
    process.stdin.close()
    assert process.stdout is not None
    await process.stdout.read()


def _node() -> str:
    node = shutil.which("node")
    if node is not None and (PART / "node_modules" / "smpp").is_dir():
        return node
    missing = f"the SMSC needs node and npm's packages: run `npm ci` in {PART.relative_to(PART.parents[2])}"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
