"""Keeps the mark level with the published head: written durably before anybody is answered from that head.

Were it written later, a database restored to just before a crash could grow another history without anybody noticing.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from numseal.adapters.store.mark import Mark, MarkFile
from numseal.domain.log import Published
from numseal.ports.store import StoreError


class Marker:
    """Owns the mark file while the store is open."""

    def __init__(self, file: MarkFile) -> None:
        """Take the file."""
        self._file = file
        self._written: Mark | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="numseal-mark")

    async def keep(self, published: Published) -> None:
        """Return once the mark of this head is durable; raises StoreError where it cannot be written."""
        mark = Mark(published.origin, published.size, published.root)
        if mark == self._written:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._file.write, mark)
        except OSError as error:
            sentence = f"the log's mark {self._file} cannot be written: {error}"
            raise StoreError("MARK_FAILED", sentence, unknown=True) from error
        self._written = mark

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()
