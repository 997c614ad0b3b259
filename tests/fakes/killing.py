"""One server killed again and again under load, and audited after every restart.

The moments of the kills come from a seed; what is under way at them does not.
"""

import asyncio
import hashlib
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fakes import channels
from fakes.crowd import Crowd
from fakes.messenger import Messenger
from fakes.promises import Audit, Ledger, SignUp, hold
from fakes.server_process import ServerProcess, running, spawn
from numseal.adapters.clock import SystemClock
from numseal.apps.development import prepare_development
from numseal.attestation.public_keys import PublicKeys

LONGEST_LOAD = 0.8
LONGEST_START = 1.0
KILL_AT_START_EVERY = 5
SAMPLE = 40
"""Older sign-ups that are audited in full after one restart; all are at the end."""


@dataclass
class Report:
    """What happened; nothing was lost where there is a report at all."""

    kills: int = 0
    kills_while_starting: int = 0
    verified: int = 0
    contested: int = 0
    resumed: int = 0
    taken_up_pending: int = 0
    taken_up_assessing: int = 0
    heads_seen: int = 0
    log_size: int = 0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**asdict(self), "seconds": round(self.seconds, 1)}


def fraction(seed: int, what: str) -> float:
    """Return a number from 0 to 1, always the same one for the same seed and name."""
    return int.from_bytes(hashlib.sha256(f"{seed}|{what}".encode()).digest()[:8]) / 2**64


class Killing:
    """Owns the directory, the ledger and the crowd over all lives of the server."""

    def __init__(self, directory: Path, seed: int) -> None:
        """Make the development directory."""
        setup = prepare_development(directory)
        self._directory = directory
        self._seed = seed
        self._metadata = (("authorization", f"Bearer {setup.token}"),)
        self._ledger = Ledger(PublicKeys.from_json(setup.public_keys))
        self._crowd = Crowd(self._ledger, setup.config.keys.master)
        self.report = Report()
        self._killed = 0

    async def run(self, kills: int, progress: Callable[[Report], None] = lambda _: None) -> Report:
        """Live and die so often, then live once more and be audited in full."""
        began = time.monotonic()
        for life in range(kills):
            if life % KILL_AT_START_EVERY == KILL_AT_START_EVERY - 1:
                await self._die_starting(life)
            else:
                await self._live(life)
            self.report.kills += 1
            self._sum_up(time.monotonic() - began)
            progress(self.report)
        async with running(self._directory) as server, self._door(server) as messenger:
            await self._check(messenger, self._ledger.verified())
            # Every head that was ever seen, once more, to the last one.
            self._ledger.unproved = set(self._ledger.heads)
            await Audit(messenger, self._ledger).head()
        self._sum_up(time.monotonic() - began)
        return self.report

    def _sum_up(self, seconds: float) -> None:
        report, counts = self.report, self._crowd.counts
        report.verified = len(self._ledger.verified())
        report.contested = sum(item.outcome == "CONTESTED" for item in self._ledger.sign_ups)
        report.resumed = counts.resumed
        report.taken_up_pending = counts.taken_up_pending
        report.taken_up_assessing = counts.taken_up_assessing
        report.heads_seen = len(self._ledger.heads)
        report.log_size = max(self._ledger.heads, default=0)
        report.seconds = seconds

    @asynccontextmanager
    async def _door(self, server: ServerProcess) -> AsyncIterator[Messenger]:
        async with channels.plain(server.grpc) as channel:
            yield Messenger(channel, self._metadata)

    async def _die_starting(self, life: int) -> None:
        server = spawn(self._directory)
        try:
            await asyncio.sleep(fraction(self._seed, f"start {life}") * LONGEST_START)
        finally:
            server.kill()
            server.process.wait()
        self.report.kills_while_starting += 1

    async def _live(self, life: int) -> None:
        async with running(self._directory) as server, self._door(server) as messenger:
            await self._check(messenger, self._recent(life))
            await self._crowd.load(messenger, fraction(self._seed, f"load {life}") * LONGEST_LOAD)
            server.kill()
            self._killed = SystemClock().now()
            hold(await server.ended() == -signal.SIGKILL, "the server had ended before it was killed")
            await self._crowd.scatter()

    def _recent(self, life: int) -> list[SignUp]:
        """Return the verified that were never audited in full, and some of the others."""
        verified = self._ledger.verified()
        fresh = [item for item in verified if item.request_id not in self._ledger.audited]
        old = [item for item in verified if item.request_id in self._ledger.audited]
        old.sort(key=lambda item: fraction(self._seed, f"{life} {item.request_id}"))
        return fresh + old[:SAMPLE]

    async def _check(self, messenger: Messenger, chosen: list[SignUp]) -> None:
        started = SystemClock().now()
        audit = Audit(messenger, self._ledger)
        self._ledger.see_bundles(item for item in chosen if item.request_id not in self._ledger.audited)
        size = await audit.head()
        await audit.all_genuine()
        await audit.in_full(chosen)
        self._ledger.audited.update(item.request_id for item in chosen)
        left = await self._crowd.come_back(messenger, size, self._killed, started)
        ended = [item for item in left if item.outcome == "VERIFIED"]
        self._ledger.see_bundles(ended)
        await audit.head()
        await audit.in_full(ended)
        await audit.one_holder()
        self._races_are_settled()

    def _races_are_settled(self) -> None:
        """Of two accounts that raced for a number one has it."""
        raced: dict[str, list[str]] = {}
        for item in self._ledger.sign_ups:
            if item.raced:
                raced.setdefault(item.number, []).append(item.outcome)
        for number, outcomes in raced.items():
            hold(sorted(outcomes) == ["CONTESTED", "VERIFIED"], f"the race for {number} ended in {outcomes}")
