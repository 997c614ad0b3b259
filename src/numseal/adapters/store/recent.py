"""Verifications as this process committed and published them last, so that the next step need not read them back.

Only for an engine that no other process writes. What is here is what a read would give, opened: it is put in when its
batch is published, and leaves when its row is purged.
"""

from collections import OrderedDict
from dataclasses import dataclass

from numseal.adapters.store.codec import purge_time
from numseal.adapters.store.sealing import SubjectKey
from numseal.domain.verification import Verification


@dataclass(frozen=True, slots=True)
class Recent:
    """A verification with the ref and the opened key of its subject."""

    verification: Verification
    ref: bytes
    key: SubjectKey


class RecentVerifications:
    """Keeps the newest ones; owned by the store, filled by its writer."""

    __slots__ = ("_rows", "_size")

    def __init__(self, size: int) -> None:
        """Keep up to `size`; 0 keeps none."""
        self._size = size
        self._rows: OrderedDict[str, Recent] = OrderedDict()

    def get(self, verification_id: str) -> Recent | None:
        """Return what is kept."""
        return self._rows.get(verification_id)

    def keep(self, recent: Recent) -> None:
        """Keep a verification in place of what was kept of it."""
        if not self._size:
            return
        name = recent.verification.verification_id
        self._rows[name] = recent
        self._rows.move_to_end(name)
        if len(self._rows) > self._size:
            self._rows.popitem(last=False)

    def purge(self, now: int) -> None:
        """Drop what a purge at `now` may have deleted."""
        ended = [name for name, row in self._rows.items() if purge_time(row.verification) <= now]
        for name in ended:
            del self._rows[name]
