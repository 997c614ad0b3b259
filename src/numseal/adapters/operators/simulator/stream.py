"""An operator's stream of events: what the journal holds after a cursor, then whatever comes, and heartbeats."""

import asyncio
from collections.abc import AsyncGenerator

from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.office import BackOffice
from numseal.domain.operator import EventKind, OperatorEvent
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorError

HEARTBEAT = 15
"""Seconds between heartbeats, the clock's; the contract allows 20."""


async def stream(network: SimulatedNetwork, office: BackOffice, cursor: str) -> AsyncGenerator[OperatorEvent, None]:
    """Yield events after a cursor, for ever; held back ones come once the operator is not told to hold them.

    Raises `CursorTooOldError`, and `OperatorError` as soon as the operator is told to fail. While there are events
    nothing is awaited: the reader gives others their turn.
    """
    journal, clock = office.journal, network.clock
    network.settle()
    seen = journal.position(cursor)
    beat = clock.now()
    alarm = _Alarm(clock)
    try:
        while True:
            if office.behavior.fail:
                raise OperatorError("UNAVAILABLE", "the simulated operator was told to fail")
            changed = journal.changed
            network.settle()
            if office.behavior.hold_events:
                await changed.wait()
                continue
            event = journal.after(seen)
            if event is not None:
                seen += 1
                yield event
            elif clock.now() >= beat:
                beat = clock.now() + HEARTBEAT
                yield OperatorEvent(EventKind.HEARTBEAT, journal.cursor(seen), observe_time=clock.now())
            else:
                report = network.next_report()
                await alarm.wait(changed, beat if report is None else min(beat, report))
    finally:
        alarm.cancel()


class _Alarm:
    """Owns the one task that sleeps until the next moment of a stream; kept while that moment stays."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._time: int | None = None
        self._sleeper: asyncio.Task[None] | None = None

    async def wait(self, changed: asyncio.Event, time: int) -> None:
        """Return once something changed, or it is `time`."""
        if self._sleeper is None or self._sleeper.done() or self._time != time:
            self.cancel()
            self._time = time
            self._sleeper = asyncio.create_task(self._clock.sleep_until(time))
        change = asyncio.create_task(changed.wait())
        try:
            await asyncio.wait({change, self._sleeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()

    def cancel(self) -> None:
        """Sleep no more."""
        if self._sleeper is not None:
            self._sleeper.cancel()
