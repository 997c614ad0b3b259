"""Read what administrators did, the latest first, page by page."""

from dataclasses import dataclass

from numseal.domain.audit_trail import AuditEvent
from numseal.domain.errors import invalid
from numseal.ports.store import Store

_NEWEST = 2**62


@dataclass(frozen=True, slots=True)
class Trail:
    """Events, the latest first, and the number before which the next page begins, None on the last one."""

    events: tuple[AuditEvent, ...]
    before: int | None


class ReadAuditTrail:
    """Reads the audit trail."""

    def __init__(self, *, store: Store) -> None:
        """Take the store."""
        self._store = store

    async def __call__(
        self,
        *,
        size: int,
        before: int | None = None,
        resource: str = "",
        start: int | None = None,
        end: int | None = None,
    ) -> Trail:
        """Return a page; raises Refusal for a time that ends before it starts."""
        if start is not None and end is not None and end < start:
            raise invalid("end_time", "END_TIME_TOO_EARLY", "end_time: a time not before start_time is expected")
        found = await self._store.audit_events(
            _NEWEST if before is None else before, size + 1, resource=resource, start=start, end=end
        )
        shown = tuple(found[:size])
        return Trail(shown, shown[-1].sequence if len(found) > size else None)
