"""Keep bindings true for as long as a server runs: take events, watch what is bound, look again.

Owner of mutable state: `Monitor` owns the tasks; each of them is begun again where it fails.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from functools import partial

from numseal.ports.store import StoreError
from numseal.usecases.follow_agreements import FollowAgreements
from numseal.usecases.follow_bindings import FollowBindings
from numseal.usecases.recheck_bindings import RecheckBindings
from numseal.usecases.take_events import TakeEvents

PAUSE = 1.0
"""Seconds until work that failed is begun again."""

_log = logging.getLogger(__name__)


class Monitor:
    """Runs what follows bindings, from `start` to `stop`."""

    def __init__(
        self,
        *,
        operators: Collection[str],
        events: TakeEvents,
        follow: FollowBindings,
        agreements: FollowAgreements,
        recheck: RecheckBindings,
        pause: float = PAUSE,
    ) -> None:
        """Take the ids of the operators connected, and what is run."""
        self._work: dict[str, Callable[[], Awaitable[None]]] = {
            "watches": follow.run,
            "rechecks": recheck.run,
            "agreements": agreements.run,
        }
        self._work |= {f"events of {operator_id}": partial(events.run, operator_id) for operator_id in operators}
        events.when_due = recheck.wake
        self._pause = pause
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; the store must be open."""
        self._tasks = [asyncio.create_task(self._forever(name, work)) for name, work in self._work.items()]

    async def stop(self) -> None:
        """End all of it; what was under way goes on from its last commit when it is begun again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _forever(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except StoreError as error:
                _log.warning("%s: begun again: %s", name, error)
            except Exception:  # noqa: BLE001 - a fault must not end the following of all bindings
                _log.exception("%s: begun again", name)
            await asyncio.sleep(self._pause)
