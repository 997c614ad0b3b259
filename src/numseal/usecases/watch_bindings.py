"""Follow the changes of a relying party's bindings from a cursor on, each at least once, in the order of commit."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass

from numseal.domain.binding_change import BindingChange
from numseal.domain.errors import Kind, Reasoning, Refusal, exhausted, invalid, unavailable
from numseal.ports.clock import Clock
from numseal.ports.store import Store

HEARTBEAT = 15.0
"""Seconds of quiet after which a heartbeat comes, by the steady clock of the machine."""

PAGE = 256
GATHERING = 0.05
"""Seconds in which changes gather, where those of others keep coming."""

MAX_STREAMS = 64
"""Streams of one relying party at a time, so that it leaves calls to others."""

_CURSOR = re.compile(r"c1-([0-9a-f]{1,15})")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: where to go on after it, and the change; without one it is a heartbeat. `time` is when it was sent."""

    cursor: str
    time: int
    change: BindingChange | None = None


class WatchBindings:
    """Streams changes. Owns the number of streams by relying party, and whether they are being ended."""

    def __init__(self, *, store: Store, clock: Clock, heartbeat: float = HEARTBEAT) -> None:
        """Take what it needs by name."""
        self._store = store
        self._clock = clock
        self._heartbeat = heartbeat
        self._streams: Counter[str] = Counter()
        self._closed = asyncio.Event()

    def close(self) -> None:
        """End every stream with UNAVAILABLE and begin no other: a server that stops does not wait for them."""
        self._closed.set()

    async def __call__(self, relying_party: str, cursor: str) -> AsyncGenerator[Step, None]:
        """Yield steps for ever, from behind a cursor, from now on for an empty one.

        Raises Refusal: a malformed cursor; OUT_OF_RANGE for one that is too old, with the oldest one, or ahead of all
        that has happened; UNAVAILABLE once closed. The consumer closes the generator (`contextlib.aclosing`).
        """
        after = self._place(cursor)
        if self._streams[relying_party] >= MAX_STREAMS:
            raise exhausted(
                "TOO_MANY_STREAMS",
                f"at most {MAX_STREAMS} streams at a time are expected",
                quota=f"streams of {relying_party}",
                retry_delay=1,
            )
        self._streams[relying_party] += 1
        try:
            async for step in self._steps(relying_party, after):
                yield step
        finally:
            self._streams[relying_party] -= 1

    async def _steps(self, relying_party: str, after: int) -> AsyncGenerator[Step, None]:
        silent_since = asyncio.get_running_loop().time()
        while True:
            oldest, newest = self._store.change_bounds()
            if after < oldest:
                raise _too_old(oldest)
            page = await self._store.changes(relying_party, after, PAGE)
            for change in page:
                after = change.sequence
                yield Step(cursor_of(after), self._clock.now(), change)
            if len(page) < PAGE:
                # What lies between is others'.
                after = max(after, newest)
            now = asyncio.get_running_loop().time()
            if not page and now - silent_since >= self._heartbeat:
                yield Step(cursor_of(after), self._clock.now())
                silent_since = now
            elif page:
                silent_since = now
            if len(page) < PAGE:
                await self._wait(after, silent_since + self._heartbeat - now)

    async def _wait(self, after: int, limit: float) -> None:
        """Return once there may be a later change, or `limit` seconds have passed; raise Refusal once closed."""
        waits = [asyncio.create_task(self._store.changed(after)), asyncio.create_task(self._closed.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=max(limit, 0), return_when=asyncio.FIRST_COMPLETED)
            if done:
                await asyncio.wait(waits[1:], timeout=GATHERING)
        finally:
            for wait in waits:
                wait.cancel()
                with suppress(asyncio.CancelledError):
                    await wait
        if self._closed.is_set():
            raise unavailable("SERVER_STOPPING", "the server stops; go on from the last cursor", retry_delay=1)

    def _place(self, cursor: str) -> int:
        oldest, newest = self._store.change_bounds()
        if not cursor:
            return newest
        read = _CURSOR.fullmatch(cursor)
        if read is None:
            raise invalid("cursor", "CURSOR_MALFORMED", "cursor: that of an answer of this stream is expected")
        place = int(read[1], 16)
        if place > newest:
            raise Refusal(
                Reasoning(Kind.OUT_OF_RANGE, "CURSOR_AHEAD", field="cursor"),
                "cursor: lies ahead of all changes that this server knows of",
            )
        if place < oldest:
            raise _too_old(oldest)
        return place


def cursor_of(sequence: int) -> str:
    """Return the cursor behind a change."""
    return f"c1-{sequence:x}"


def _too_old(oldest: int) -> Refusal:
    return Refusal(
        Reasoning(Kind.OUT_OF_RANGE, "CURSOR_TOO_OLD", field="cursor", metadata={"oldest_cursor": cursor_of(oldest)}),
        "cursor: changes behind it are kept no more; read the bindings, then go on from the oldest cursor",
    )
