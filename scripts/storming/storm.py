"""Events all at once, then at a steady rate; and how long it takes from an event to the answer of CheckNumber.

One process does everything, on one event loop: it plays the operators, follows the bindings, and asks.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.subjects import Subject

from numseal.adapters.clock import SystemClock
from numseal.apps.development import prepare_development
from numseal.apps.server import assembled
from numseal.domain.binding import CheckResult
from numseal.domain.binding_change import ChangeKind
from numseal.domain.evidence import SimChangeKind
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.domain.simulation import EmittedEvent
from numseal.usecases.check_number import Shown
from storming.ground import AGE, CALM, PARTY, STORMY, Ground

GOAL_SECONDS = 60.0
GOAL_ANSWER_MS = 1_000.0
STRANGE_EVERY = 20
"""One event in so many comes twice, and one is about a number that nobody watches."""

STEADY_SECONDS = 10.0
PROBES = 300
_PROBE_PAUSE = 0.1
_POLL = 0.002
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from an event to the first answer of CheckNumber that tells of it."""

    count: int
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Latency":
        """Sum up; there must be at least one."""
        ordered = sorted(seconds)
        return cls(len(ordered), _ms(ordered[len(ordered) // 2]), _ms(ordered[int(len(ordered) * 0.99)]))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured. `burst` is of events of another operator while the storm was worked off."""

    events: int
    bindings: int
    changes: int
    wall_seconds: float
    cpu_seconds: float
    events_per_second: float
    burst: Latency
    steady_per_second: int
    steady: Latency

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @property
    def met(self) -> bool:
        """Whether the goals are met."""
        answers = max(self.burst.p99_ms, self.steady.p99_ms)
        return self.wall_seconds * 100_000 < GOAL_SECONDS * max(self.events, 100_000) and answers < GOAL_ANSWER_MS


async def storm(directory: Path, events: int, bindings: int, seconds: float = STEADY_SECONDS) -> Outcome:
    """Measure in a free directory; `seconds` is how long the steady part lasts."""
    config = prepare_development(directory).config
    clock = SystemClock()
    async with assembled(config, clock) as parts:
        parts.monitor.start()
        try:
            # Numbers bound before a stream has begun would all be looked up first.
            while not set(parts.served.binding.health.streams) >= {*STORMY, *CALM}:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
            return await _Storm(Ground(parts, clock, config.simulator.seed), events, seconds).blow(bindings)
        finally:
            await parts.monitor.stop()


class _Storm:
    def __init__(self, ground: Ground, events: int, seconds: float) -> None:
        self._ground = ground
        self._events = events
        self._seconds = seconds
        self._changes = 0
        self._revoked: set[str] = set()

    async def blow(self, bindings: int) -> Outcome:
        ground = self._ground
        shaken = await ground.bind(STORMY, bindings)
        steady = await ground.bind(STORMY, bindings)
        calm_probes, stormy_probes = await ground.bind(CALM, PROBES), await ground.bind(STORMY, PROBES)
        await ground.watched()
        begun = asyncio.Event()
        follower = asyncio.create_task(self._follow_changes(begun))
        await begun.wait()
        try:
            wall, cpu = time.perf_counter(), time.process_time()
            told = {subject.phone_number for subject in shaken}
            burst = await self._beside(self._burst(shaken, told), calm_probes)
            wall, cpu, changes = time.perf_counter() - wall, time.process_time() - cpu, self._changes
            rate = max(round(self._events / GOAL_SECONDS), 1)
            paced = await self._beside(self._steadily(steady, rate), stormy_probes)
        finally:
            follower.cancel()
        return Outcome(
            events=self._events,
            bindings=bindings,
            changes=changes,
            wall_seconds=round(wall, 2),
            cpu_seconds=round(cpu, 2),
            events_per_second=round(self._events / wall),
            burst=Latency.of(burst),
            steady_per_second=rate,
            steady=Latency.of(paced),
        )

    async def _beside(self, work: Coroutine[Any, Any, None], probes: Sequence[Subject]) -> list[float]:
        """Do the work and probe meanwhile, at least once; return the seconds of each probe."""
        task = asyncio.create_task(work)
        found: list[float] = []
        try:
            for subject in probes:
                found.append(await self._probe(subject))
                if task.done():
                    break
                await asyncio.sleep(_PROBE_PAUSE)
            await task
        finally:
            task.cancel()
        return found

    async def _probe(self, subject: Subject) -> float:
        shown = Shown(subject.account_id, subject.phone_number)
        begun = time.perf_counter()
        self._ground.network.emit(subject.phone_number, EmittedEvent(EventKind.TERMINATED))
        while True:
            answer, _ = await self._ground.parts.served.binding.check(PARTY, shown)
            if answer.result is CheckResult.REVOKED:
                return time.perf_counter() - begun
            await asyncio.sleep(_POLL)

    async def _burst(self, shaken: Sequence[Subject], told: set[str]) -> None:
        """Send everything as fast as it can be made, then wait until all that ended is told as ended."""
        for count, (subject, event) in enumerate(self._script(shaken)):
            self._send(count, subject, event)
            if count % _CHUNK == 0:
                await asyncio.sleep(0)
        while not told <= self._revoked:  # noqa: ASYNC110 - a stream of another task
            await asyncio.sleep(0.01)

    async def _steadily(self, shaken: Sequence[Subject], rate: int) -> None:
        begun = time.perf_counter()
        for count, (subject, event) in enumerate(self._script(shaken)):
            ahead = begun + count / rate - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            if time.perf_counter() - begun > self._seconds:
                return
            self._send(count, subject, event)

    def _script(self, shaken: Sequence[Subject]) -> Iterator[tuple[Subject, EmittedEvent]]:
        """Yield events: changes of SIM in no order of time, each making a difference; a contract's end as the last."""
        now, ordinary = self._ground.clock.now(), self._events - len(shaken)
        for count in range(max(ordinary, 0)):
            back = (
                (ordinary - count) * 7_919 % (AGE - 1) if count % 3 == 0 else AGE * (ordinary - count) // ordinary // 2
            )
            yield shaken[count % len(shaken)], EmittedEvent(EventKind.SIM_CHANGE, now - back)
        for subject in shaken:
            yield subject, EmittedEvent(EventKind.TERMINATED)

    def _send(self, count: int, subject: Subject, event: EmittedEvent) -> None:
        twice, nobodys = count % STRANGE_EVERY == 0, count % STRANGE_EVERY == 1
        if nobodys and event.kind is EventKind.SIM_CHANGE:
            self._send_to_nobody(count)
        else:
            asked = replace(event, copies=2) if twice else event
            self._ground.network.emit(subject.phone_number, asked)

    def _send_to_nobody(self, count: int) -> None:
        journal, now = self._ground.network.office(STORMY[count % len(STORMY)]).journal, self._ground.clock.now()
        event = OperatorEvent(EventKind.SIM_CHANGE, "", now, event_id=journal.new_id(), watch_id=f"nobody-{count}")
        journal.append(replace(event, occur_time=now, sim_change=SimChangeKind.NEW))

    async def _follow_changes(self, begun: asyncio.Event) -> None:
        """Follow the stream of changes as a relying party does."""
        async with aclosing(self._ground.parts.served.binding.watch(PARTY, "")) as steps:
            asyncio.get_running_loop().call_later(0.05, begun.set)
            async for step in steps:
                if step.change is not None:
                    self._changes += 1
                    if step.change.kind is ChangeKind.REVOKED:
                        self._revoked.add(step.change.binding.phone_number)


def _ms(seconds: float) -> float:
    return round(seconds * 1_000, 1)
