"""How far the changes of bindings are published, and waking those who wait for more. What changed is in the rows."""

import asyncio

from numseal.adapters.store.engine import Head
from numseal.ports.store import StoreError


class ChangeFeed:
    """Owned by the store; its writer publishes, once readers can see what is published."""

    __slots__ = ("_ended", "_more", "bounds")

    def __init__(self, head: Head) -> None:
        """Begin with what an opened database has."""
        self.bounds = (head.purged_sequence, head.change_sequence)
        self._more = asyncio.Event()
        self._ended: StoreError | None = None

    def publish(self, head: Head) -> None:
        """Take the published head, and wake whom it concerns."""
        newest = self.bounds[1]
        self.bounds = (head.purged_sequence, head.change_sequence)
        if head.change_sequence > newest:
            self._wake()

    def end(self, error: StoreError) -> None:
        """Let all who wait, or come to wait, have an error."""
        self._ended = error
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()

    async def changed(self, after: int) -> None:
        """Return once a change later than `after` is published; raises StoreError where none can come any more."""
        while self.bounds[1] <= after:
            if self._ended is not None:
                raise self._ended
            await self._more.wait()
