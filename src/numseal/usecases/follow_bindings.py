"""Follow what becomes of bindings, so that every number that is bound gets watched and no other stays so.

The place up to which the changes of a relying party were followed is kept with the operators' cursors, under a name
that no operator can have. It moves only behind what was done, so a crash loses no watch.
"""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass

from numseal.domain.binding import LIVE
from numseal.domain.binding_change import BindingChange, ChangeKind
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Rows, Store, StoreError
from numseal.usecases.watch_number import WatchNumber

PAGE = 64
"""Changes that are followed at a time, and watches that are begun beside each other."""

_MADE = frozenset({ChangeKind.CREATED, ChangeKind.RENEWED})
_ENDED = frozenset({ChangeKind.REVOKED, ChangeKind.SUPERSEDED, ChangeKind.EXPIRED})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _PutPlace:
    name: str
    place: int

    @property
    def needs(self) -> Needs:
        return Needs(streams=(self.name,))

    def decide(self, rows: Rows) -> None:
        rows.put_cursor(self.name, str(self.place))


class FollowBindings:
    """Follows the bindings of relying parties; `run` is one task. Owns the places it has come to."""

    def __init__(self, *, store: Store, watch: WatchNumber, clock: Clock, relying_parties: Collection[str]) -> None:
        """Take what it needs by name."""
        self._store = store
        self._clock = clock
        self._watch = watch
        self._relying_parties = tuple(relying_parties)
        self._places: dict[str, int] = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            newest = self._store.change_bounds()[1]
            if not await self.once():
                await self._store.changed(newest)

    async def once(self) -> int:
        """Follow a page of each relying party's changes; return how many changes there were."""
        return sum([await self._page(party) for party in self._relying_parties])

    async def _page(self, relying_party: str) -> int:
        name = f"bindings of {relying_party}"
        place = self._places.get(relying_party)
        if place is None:
            place = int(await self._store.cursor(name) or 0)
        changes = await self._store.changes(relying_party, max(place, self._store.change_bounds()[0]), PAGE)
        if changes:
            for outcome in await asyncio.gather(*map(self._begin, changes), return_exceptions=True):
                if isinstance(outcome, StoreError | asyncio.CancelledError):
                    raise outcome
            for change in changes:
                if change.kind in _ENDED:
                    await self._watch.release(change.binding)
            place = changes[-1].sequence
            await self._store.apply(_PutPlace(name, place))
        self._places[relying_party] = place
        return len(changes)

    async def _begin(self, change: BindingChange) -> None:
        if change.kind not in _MADE:
            return
        try:
            current = await self._store.binding(change.binding.binding_id)
            if current is not None and current.state in LIVE:
                # One that is due already stays due.
                await self._watch(current, schedule=current.recheck_time > self._clock.now())
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - its recheck, which was set when it was made, tries again
            _log.exception("binding %s could not be watched", change.binding.binding_id)
