"""Keeps the mark behind the published head: at most one write a second, off the loop, and one at the end.

A mark that cannot be written is alarmed and does not stop the service; it only guards a later restore less well.
"""

import asyncio
import logging

from numseal.adapters.store.mark import Mark, MarkFile
from numseal.domain.log import Published

MARK_SECONDS = 1

_LOG = logging.getLogger(__name__)


class Marker:
    """Owns the mark file while the store is open."""

    def __init__(self, file: MarkFile) -> None:
        """Take the file."""
        self._file = file
        self._newest: Mark | None = None
        self._written: Mark | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    def note(self, published: Published) -> None:
        """Have a head written soon."""
        self._newest = Mark(published.origin, published.size, published.root)
        if self._newest != self._written and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._follow(), name="numseal store mark")

    async def _follow(self) -> None:
        while self._newest != self._written:
            await self._write()
            try:
                async with asyncio.timeout(MARK_SECONDS):
                    await self._ending.wait()
            except TimeoutError:
                continue
            return

    async def _write(self) -> None:
        mark = self._newest
        if mark is not None and mark != self._written:
            try:
                await asyncio.to_thread(self._file.write, mark)
            except OSError as error:
                _LOG.warning("the log's mark %s cannot be written: %s", self._file, error)
            else:
                self._written = mark

    async def close(self) -> None:
        """Write the newest head and end."""
        self._ending.set()
        if self._task is not None:
            await self._task
        await self._write()
