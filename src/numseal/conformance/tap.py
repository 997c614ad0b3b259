"""One stream of events, read by a task of its own while checks cause things and wait for what comes of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import grpc

from numseal.api.operator.v1 import event_pb2, operator_pb2
from numseal.conformance.kit import Kit, Refused
from numseal.conformance.results import DoesNotApply

MAX_KEPT = 10_000
Wanted = Callable[[event_pb2.Event], bool]


class Tap:
    """Owns a stream's reader and the events that came, with the time of each by the kit's monotonic clock."""

    def __init__(self, kit: Kit, cursor: str) -> None:
        """Take the cursor to begin after, empty for now."""
        self._kit = kit
        self._cursor = cursor
        self._came = asyncio.Event()
        self.events: list[event_pb2.Event] = []
        self.times: list[float] = []
        self.begun = kit.clock.monotonic()
        self.refused: Refused | None = None
        self.ended = False

    async def read(self) -> None:
        """Read until the stream ends."""
        request = operator_pb2.StreamEventsRequest(cursor=self._cursor)
        call = self._kit.stub.StreamEvents(request, metadata=self._kit.target.metadata)
        try:
            async for answer in call:
                if len(self.events) == MAX_KEPT:
                    break
                self.events.append(answer.event)
                self.times.append(self._kit.clock.monotonic())
                self._came.set()
        except grpc.aio.AioRpcError as error:
            self.refused = Refused("StreamEvents", error)
        finally:
            call.cancel()
            self.ended = True
            self._came.set()

    async def read_for(self, limit: float) -> None:
        """Read for so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self.read()

    async def first(self, wanted: Wanted, within: float) -> event_pb2.Event | None:
        """Return the first event that is wanted, among those that came or come within so many seconds, else None.

        Raises `Refused` where the stream was refused.
        """
        looked = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while True:
                    self._came.clear()
                    for event in self.events[looked:]:
                        looked += 1
                        if wanted(event):
                            return event
                    if self.refused is not None:
                        raise self.refused
                    if self.ended:
                        return None
                    await self._came.wait()
        return None

    def about(self, watch_id: str) -> list[event_pb2.Event]:
        """Return the watch's events so far, in the order they came, each once."""
        seen = {event.event_id: event for event in self.events if event.watch_id == watch_id}
        return list(seen.values())


@asynccontextmanager
async def tapped(kit: Kit, cursor: str = "", *, wait: bool = True) -> AsyncIterator[Tap]:
    """Open a stream, and wait for it to show that it has begun unless told otherwise; raise `DoesNotApply`."""
    if not kit.told.events:
        raise DoesNotApply("GetCapabilities announces no events")
    tap = Tap(kit, cursor)
    reader = asyncio.create_task(tap.read())
    try:
        if wait:
            await tap.first(lambda _event: True, kit.pace.opening)
        yield tap
    finally:
        reader.cancel()
        await asyncio.wait((reader,))


def is_sim_change(watch_id: str) -> Wanted:
    """Return whether an event is a SIM change of a watch."""
    return lambda event: event.watch_id == watch_id and event.WhichOneof("kind") == "sim_change"
