"""Agreements and the audit trail in one batch, as loaded and staged over. No I/O, and nothing is decided."""

from numseal.adapters.store.batch_journal import Journal
from numseal.adapters.store.codec import Codec
from numseal.adapters.store.engine import Changes, Loaded
from numseal.domain.agreement import AgreementRecord
from numseal.domain.audit_trail import AuditEvent, Deed, next_event
from numseal.ports.store import Needs


class BatchAdministration:
    """What administrators keep, within one batch."""

    def __init__(self, codec: Codec, journal: Journal, now: int) -> None:
        """Begin a batch."""
        self._codec = codec
        self._journal = journal
        self._now = now
        self._agreements: dict[str, AgreementRecord | None] = {}
        self._changed: dict[str, AgreementRecord] = {}
        self._tail: tuple[int, bytes] | None = None
        self._events: list[AuditEvent] = []
        self.audited = False

    def want(self, needs: Needs) -> None:
        """Have agreements and the end of the trail loaded."""
        if needs.agreements:
            self._agreements.update(dict.fromkeys(needs.agreements))
        self.audited = self.audited or needs.audit

    @property
    def wanted(self) -> tuple[str, ...]:
        """The ids of the agreements to load."""
        return tuple(self._agreements)

    def fill(self, loaded: Loaded) -> None:
        """Take the rows that are there."""
        self._tail = loaded.audit_tail
        for name, body in loaded.agreements.items():
            self._agreements[name] = self._codec.open_agreement(name, body)

    def agreement(self, agreement_id: str) -> AgreementRecord | None:
        """Return an agreement."""
        return self._agreements[agreement_id]

    def put_agreement(self, record: AgreementRecord) -> None:
        """Stage an agreement."""
        self._journal.stage(self._agreements, record.terms.agreement_id, record)
        self._journal.stage(self._changed, record.terms.agreement_id, record)

    def record(self, deed: Deed) -> AuditEvent:
        """Stage the next event."""
        last = self._events[-1] if self._events else None
        event = next_event(self._tail if last is None else (last.sequence, last.chain_hash), deed, self._now)
        self._journal.append(self._events, event)
        return event

    @property
    def changed_agreements(self) -> list[AgreementRecord]:
        """The agreements that were staged, as they are after the batch."""
        return list(self._changed.values())

    @property
    def changed(self) -> bool:
        """Whether anything was staged."""
        return bool(self._changed or self._events)

    def write(self, changes: Changes) -> None:
        """Add what was staged to the changes."""
        changes.agreements.extend(self._codec.agreement_row(record) for record in self._changed.values())
        changes.audit_events.extend(
            (
                event.sequence,
                event.time,
                event.administrator_id,
                event.action,
                event.resource,
                event.detail,
                event.chain_hash,
            )
            for event in self._events
        )
