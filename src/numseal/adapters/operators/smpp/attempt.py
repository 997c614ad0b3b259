"""What one order has tried so far: which links are left, and how long may still be waited."""

import asyncio
from collections.abc import Awaitable

from numseal.adapters.operators.smpp.link import Link
from numseal.adapters.operators.smpp.session import Session


class Attempt:
    """One order's way through the links. Owns the links that were given up for it, and until when it may wait."""

    def __init__(self, ranked: tuple[Link, ...], seconds: float) -> None:
        """Take the links, likeliest first, and how long may be waited before something is written."""
        self._ranked = ranked
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._given_up: dict[Link, str] = {}
        self.full = False
        """Whether a link was given up because its window had no room."""

    def left(self) -> float:
        """Return the seconds that may still be waited; below 0 for none."""
        return self._deadline - asyncio.get_running_loop().time()

    def give_up(self, link: Link, why: str) -> None:
        """Ask a link no more."""
        self._given_up[link] = why

    async def bound(self) -> list[tuple[Link, Session]]:
        """Return the links that are bound and their sessions, likeliest first; each had its first chance to be."""
        found: list[tuple[Link, Session]] = []
        for link in self._candidates():
            if not link.was_tried and all(other.throttled for other, _ in found):
                await self._within(link.tried())
            if link.session is not None:
                found.append((link, link.session))
        return found

    async def any_settles(self) -> bool:
        """Wait while links are being bound; tell whether one is now."""
        for link in self._candidates():
            await self._within(link.settled())
            if link.session is not None:
                return True
        return False

    def why(self) -> str:
        """Tell why no link could be used."""
        return "; ".join(self._given_up.get(link) or f"SMSC {link.name}: {link.failure}" for link in self._ranked)

    def _candidates(self) -> list[Link]:
        return [link for link in self._ranked if link not in self._given_up]

    async def _within(self, wait: Awaitable[None]) -> None:
        """Wait for something, as long as may be waited."""
        try:
            async with asyncio.timeout(max(self.left(), 0)):
                await wait
        except TimeoutError:
            return
