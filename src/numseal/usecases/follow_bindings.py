"""Follow what becomes of bindings, so that every number that is bound gets watched and no other stays so.

The place up to which the changes of a relying party were followed is kept with the operators' cursors, under a name
that no operator can have. It moves only behind what was done, so a crash loses no watch; behind changes that ask for
nothing it may stay, or each watch, which is a change itself, would cost one more commit.
"""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass

from numseal.domain.binding import LIVE
from numseal.domain.binding_change import BindingChange, ChangeKind
from numseal.ports.clock import Clock
from numseal.ports.store import Needs, Rows, Store, StoreError
from numseal.usecases.take_events import MakeDue
from numseal.usecases.watch_number import WatchNumber

LATE = 60
"""Seconds after the last look at a number from which a watch that begins comes too late for what happened before."""

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
    """Follows the bindings of relying parties; `run` is one task. Owns the places it has come to and those kept."""

    def __init__(self, *, store: Store, watch: WatchNumber, clock: Clock, relying_parties: Collection[str]) -> None:
        """Take what it needs by name."""
        self._store = store
        self._clock = clock
        self._watch = watch
        self._relying_parties = tuple(relying_parties)
        self._places: dict[str, int] = {}
        self._kept: dict[str, int] = {}

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
            place = self._kept[relying_party] = int(await self._store.cursor(name) or 0)
        changes = await self._store.changes(relying_party, max(place, self._store.change_bounds()[0]), PAGE)
        if changes:
            for outcome in await asyncio.gather(*map(self._begin, changes), return_exceptions=True):
                if isinstance(outcome, StoreError | asyncio.CancelledError):
                    raise outcome
            for change in changes:
                if change.kind in _ENDED:
                    await self._watch.release(change.binding)
            place = changes[-1].sequence
            asked = any(change.kind in _MADE or change.kind in _ENDED for change in changes)
            if asked or place - self._kept[relying_party] >= PAGE:
                await self._store.apply(_PutPlace(name, place))
                self._kept[relying_party] = place
        self._places[relying_party] = place
        return len(changes)

    async def _begin(self, change: BindingChange) -> None:
        if change.kind not in _MADE:
            return
        try:
            current = await self._store.binding(change.binding.binding_id)
            if current is None or current.state not in LIVE:
                return
            if self._clock.now() - current.observed_time > LATE:
                # What happened until now no watch will tell: it is watched and looked up as what is due.
                await self._store.apply(MakeDue((current.binding_id,)))
            else:
                # One that is due already stays due.
                await self._watch(current, schedule=current.recheck_time > self._clock.now())
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - its recheck, which was set when it was made, tries again
            _log.exception("binding %s could not be watched", change.binding.binding_id)
