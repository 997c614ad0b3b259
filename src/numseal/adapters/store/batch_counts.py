"""The counters of one batch: budgets, and sightings, whose tallies are budgets too. No I/O, and no limit is judged."""

from numseal.adapters.store.batch_journal import Journal
from numseal.adapters.store.engine import Changes, Loaded
from numseal.adapters.store.sealing import Sealer
from numseal.domain.limits import Budget
from numseal.domain.velocity import Sighting


class BatchCounts:
    """Counts and what has been counted, as loaded and staged over."""

    def __init__(self, sealer: Sealer, journal: Journal, now: int) -> None:
        """Begin a batch."""
        self._sealer = sealer
        self._journal = journal
        self._now = now
        self._budget_refs: dict[str, bytes] = {}
        self._budgets: dict[str, int] = {}
        self._changed_budgets: dict[str, Budget] = {}
        self._sighting_refs: dict[str, bytes] = {}
        self._seen: dict[str, bool] = {}
        self._new_sightings: dict[str, int] = {}

    def want_budget(self, budget: Budget) -> None:
        """Have a counter loaded."""
        row = budget.row(self._now)
        if row not in self._budgets:
            self._budgets[row] = 0
            self._budget_refs[row] = self._sealer.budget_ref(row)

    def want_sighting(self, sighting: Sighting) -> None:
        """Have a sighting and its tally loaded."""
        self.want_budget(sighting.tally)
        row = sighting.row(self._now)
        if row not in self._seen:
            self._seen[row] = False
            self._sighting_refs[row] = self._sealer.sighting_ref(row)

    @property
    def wanted_budgets(self) -> tuple[bytes, ...]:
        """The refs of the counters to load."""
        return tuple(self._budget_refs.values())

    @property
    def wanted_sightings(self) -> tuple[bytes, ...]:
        """The refs of the sightings to load."""
        return tuple(self._sighting_refs.values())

    def fill(self, loaded: Loaded) -> None:
        """Take the rows that are there."""
        for row, ref in self._budget_refs.items():
            self._budgets[row] = loaded.budgets.get(ref, 0)
        for row, ref in self._sighting_refs.items():
            self._seen[row] = ref in loaded.sightings

    def spent(self, budget: Budget) -> int:
        """Return a count."""
        return self._budgets[budget.row(self._now)]

    def spend(self, budget: Budget, count: int) -> None:
        """Count, or give back."""
        row = budget.row(self._now)
        self._journal.stage(self._budgets, row, max(0, self._budgets[row] + count))
        self._journal.stage(self._changed_budgets, row, budget)

    def see(self, sighting: Sighting) -> int:
        """Count a value that the window has not seen."""
        row = sighting.row(self._now)
        if not self._seen[row]:
            self._journal.stage(self._seen, row, value=True)
            self._journal.stage(self._new_sightings, row, sighting.end(self._now))
            self.spend(sighting.tally, 1)
        return self.spent(sighting.tally)

    @property
    def changed(self) -> bool:
        """Whether anything was staged; a sighting always counts."""
        return bool(self._changed_budgets)

    def write(self, changes: Changes) -> None:
        """Add what was staged to the changes."""
        for row, budget in self._changed_budgets.items():
            changes.budgets.append((self._budget_refs[row], self._budgets[row], budget.end(self._now)))
        for row, end_time in self._new_sightings.items():
            changes.sightings.append((self._sighting_refs[row], end_time))
