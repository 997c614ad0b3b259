"""What commands see of one batch: the rows that were loaded, and over them what was staged. No I/O, no engine.

One object serves all commands of a batch in turn, so a later one sees what earlier ones staged. Everything staged is
written to a journal first; a command that raises is undone from it and leaves no trace.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from numseal.adapters.store.batch_administration import BatchAdministration
from numseal.adapters.store.batch_bindings import BatchBindings, Sealed
from numseal.adapters.store.batch_counts import BatchCounts
from numseal.adapters.store.batch_journal import Journal
from numseal.adapters.store.batch_subjects import BatchSubjects
from numseal.adapters.store.codec import Codec
from numseal.adapters.store.engine import Changes, Head, Loaded, Wanted
from numseal.adapters.store.recent import Recent, RecentVerifications
from numseal.domain.agreement import AgreementRecord
from numseal.domain.audit_trail import AuditEvent, Deed
from numseal.domain.binding import Binding
from numseal.domain.limits import Budget
from numseal.domain.log import AttestationRecord
from numseal.domain.velocity import Sighting
from numseal.domain.verdict import Finding
from numseal.domain.verification import Verification
from numseal.ports.store import Command, Needs, Recall
from numseal.tlog.tile import MAX_ENTRY_SIZE

T = TypeVar("T")


@dataclass(slots=True)
class Decided(Generic[T]):
    """What a command came to: its answer or what it raised, and the leaves it appended, as a range of indexes."""

    value: T | None
    error: Exception | None
    leaves: range


class BatchRows:
    """The rows of one batch; implements `ports.store.Rows` for the command that is being decided."""

    def __init__(self, codec: Codec, now: int, head: Head, recent: RecentVerifications) -> None:
        """Begin a batch at a time, behind a head; what `recent` has is not loaded."""
        self._codec = codec
        self._recent = recent
        self._now = now
        self._head = head
        self._needs = Needs()
        self._named: dict[int, Needs] = {}
        self._journal = Journal()
        self._subjects = BatchSubjects(codec, self._journal)
        self._bindings = BatchBindings(codec, self._journal, self._subjects)
        self._counts = BatchCounts(codec.sealer, self._journal, now)
        self._administration = BatchAdministration(codec, self._journal, now)
        self._verifications: dict[str, Verification | Sealed | None] = {}
        self._changed_verifications: dict[str, Verification] = {}
        self._request_refs: dict[tuple[str, str], bytes] = {}
        self._requests: dict[tuple[str, str], Recall | bytes | None] = {}
        self._changed_requests: dict[tuple[str, str], Recall] = {}
        self._cursors: dict[str, str] = {}
        self._changed_cursors: dict[str, str] = {}
        self._policies: dict[str, str] = {}
        self._attestations: list[AttestationRecord] = []
        self._entries: list[bytes] = []

    # Loading

    def wanted(self, commands: Iterable[Command[Any]], *, purge: bool) -> Wanted:
        """Unite what the commands need."""
        for command in commands:
            needs = self._named[id(command)] = command.needs
            self._want(needs)
        return Wanted(
            self._now,
            verifications=tuple(name for name, row in self._verifications.items() if row is None),
            requests=tuple(self._request_refs.values()),
            subjects=self._subjects.wanted,
            bindings=self._bindings.wanted,
            budgets=self._counts.wanted_budgets,
            sightings=self._counts.wanted_sightings,
            watches=self._bindings.wanted_watches,
            streams=tuple(self._cursors),
            agreements=self._administration.wanted,
            audit=self._administration.audited,
            purge=purge,
        )

    def _want(self, needs: Needs) -> None:
        for verification_id in needs.verifications:
            self._want_verification(verification_id)
        for binding_id in needs.bindings:
            self._bindings.want(binding_id)
        for subject in needs.subjects:
            self._subjects.want(subject)
        for request in needs.requests:
            if request not in self._requests:
                self._requests[request] = None
                self._request_refs[request] = self._codec.sealer.request_ref(*request)
        for budget in needs.budgets:
            self._counts.want_budget(budget)
        for sighting in needs.sightings:
            self._counts.want_sighting(sighting)
        for watch in needs.watches:
            self._bindings.want_watch(watch)
        self._cursors.update(dict.fromkeys(needs.streams, ""))
        self._administration.want(needs)

    def _want_verification(self, verification_id: str) -> None:
        recent = self._recent.get(verification_id)
        if recent is None:
            self._verifications[verification_id] = None
        else:
            self._verifications[verification_id] = recent.verification
            self._subjects.know(recent.ref, recent.key)

    def fill(self, loaded: Loaded) -> None:
        """Take the rows that are there."""
        self._subjects.fill(loaded)
        self._bindings.fill(loaded)
        self._counts.fill(loaded)
        self._administration.fill(loaded)
        self._cursors.update(loaded.streams)
        self._verifications.update({name: Sealed(*row) for name, row in loaded.verifications.items()})
        for request, ref in self._request_refs.items():
            self._requests[request] = loaded.requests.get(ref)

    # Deciding

    def decide(self, command: Command[T]) -> Decided[T]:
        """Let a command decide; whatever it raises is its own answer and undoes what it staged."""
        # Working out what it needs may take longer than deciding.
        self._needs = self._named.get(id(command)) or command.needs
        self._journal.begin()
        size, first = self._head.size, len(self._entries)
        try:
            value = command.decide(self)
        except Exception as error:  # noqa: BLE001 - it goes to the caller of this command, and to no other
            self._journal.undo()
            return Decided(None, error, range(0))
        return Decided(value, None, range(size + first, size + len(self._entries)))

    # ports.store.Rows

    @property
    def now(self) -> int:
        """The batch's time."""
        return self._now

    def verification(self, verification_id: str) -> Verification | None:
        """Return a verification."""
        if verification_id not in self._needs.verifications:
            raise KeyError(f"the command did not name verification {verification_id} among its needs")
        found = self._verifications[verification_id]
        if not isinstance(found, Sealed):
            return found
        opened = self._codec.open_verification(verification_id, found.body, self._subjects.key(found.ref))
        self._verifications[verification_id] = opened
        return opened

    def put_verification(self, verification: Verification) -> None:
        """Stage a verification."""
        self._subjects.of_row(verification.opening.relying_party, verification.opening.phone_number)
        self._journal.stage(self._verifications, verification.verification_id, verification)
        self._journal.stage(self._changed_verifications, verification.verification_id, verification)

    def recall(self, relying_party: str, request_id: str) -> Recall | None:
        """Return what a request id stands for."""
        request = self._request(relying_party, request_id)
        found = self._requests[request]
        if isinstance(found, bytes):
            found = self._requests[request] = self._codec.open_request(self._request_refs[request], found)
        return found

    def remember(self, relying_party: str, request_id: str, recall: Recall) -> None:
        """Stage what a request id stands for."""
        request = self._request(relying_party, request_id)
        self._journal.stage(self._requests, request, recall)
        self._journal.stage(self._changed_requests, request, recall)

    def _request(self, relying_party: str, request_id: str) -> tuple[str, str]:
        request = (relying_party, request_id)
        if request not in self._needs.requests:
            raise KeyError(f"the command did not name request {request_id!r} among its needs")
        return request

    def subject_key(self, relying_party: str, phone_number: str) -> bytes:
        """Return the subject's key, made on first use."""
        self._needed(relying_party, phone_number)
        return self._subjects.key(self._subjects.of_row(relying_party, phone_number)).key

    def live_binding(self, relying_party: str, phone_number: str) -> Binding | None:
        """Return the binding that holds the number now."""
        self._needed(relying_party, phone_number)
        return self._bindings.live(self._subjects.ref(relying_party, phone_number))

    def binding(self, binding_id: str) -> Binding | None:
        """Return a binding."""
        if binding_id not in self._needs.bindings:
            raise KeyError(f"the command did not name binding {binding_id} among its needs")
        return self._bindings.get(binding_id)

    def put_binding(self, binding: Binding, *findings: Finding) -> None:
        """Stage a binding; ValueError where another live one holds the number."""
        self._bindings.put(binding, findings)

    def watched(self, operator_id: str, watch_id: str) -> tuple[Binding, ...]:
        """Return the live bindings of a watch."""
        if (operator_id, watch_id) not in self._needs.watches:
            raise KeyError(f"the command did not name watch {watch_id!r} of {operator_id} among its needs")
        return self._bindings.watched((operator_id, watch_id))

    def cursor(self, operator_id: str) -> str:
        """Return where a stream goes on."""
        self._streaming(operator_id)
        return self._cursors[operator_id]

    def put_cursor(self, operator_id: str, cursor: str) -> None:
        """Stage where a stream goes on."""
        self._streaming(operator_id)
        self._journal.stage(self._cursors, operator_id, cursor)
        self._journal.stage(self._changed_cursors, operator_id, cursor)

    def _streaming(self, operator_id: str) -> None:
        if operator_id not in self._needs.streams:
            raise KeyError(f"the command did not name the stream of {operator_id} among its needs")

    def spent(self, budget: Budget) -> int:
        """Return what the budget's present window has counted."""
        return self._counts.spent(self._counted(budget))

    def spend(self, budget: Budget, count: int = 1) -> None:
        """Count, or give back."""
        self._counts.spend(self._counted(budget), count)

    def _counted(self, budget: Budget) -> Budget:
        if budget not in self._needs.budgets:
            raise KeyError(f"the command did not name budget {budget.name} among its needs")
        return budget

    def seen(self, sighting: Sighting) -> int:
        """Return how many different values the window has."""
        return self._counts.spent(self._sighted(sighting).tally)

    def see(self, sighting: Sighting) -> int:
        """Count a value, once in a window."""
        return self._counts.see(self._sighted(sighting))

    def _sighted(self, sighting: Sighting) -> Sighting:
        if sighting not in self._needs.sightings:
            raise KeyError(f"the command did not name sighting {sighting.kind} among its needs")
        return sighting

    def keep_policy(self, digest: str, document: str) -> None:
        """Stage a policy."""
        if digest not in self._policies:
            self._journal.stage(self._policies, digest, document)

    def agreement(self, agreement_id: str) -> AgreementRecord | None:
        """Return an agreement as it stands."""
        if agreement_id not in self._needs.agreements:
            raise KeyError(f"the command did not name agreement {agreement_id!r} among its needs")
        return self._administration.agreement(agreement_id)

    def put_agreement(self, record: AgreementRecord) -> None:
        """Stage an agreement."""
        self._administration.put_agreement(record)

    def record_deed(self, deed: Deed) -> AuditEvent:
        """Stage the next event of the audit trail."""
        if not self._needs.audit:
            raise KeyError("the command did not name the audit trail among its needs")
        return self._administration.record(deed)

    def append_entry(self, entry: bytes) -> int:
        """Append an entry to the log."""
        if len(entry) > MAX_ENTRY_SIZE:
            raise ValueError(f"a log entry has {MAX_ENTRY_SIZE} bytes at most, not {len(entry)}")
        index = self._head.size + len(self._entries)
        self._journal.append(self._entries, entry)
        return index

    def attest(self, record: AttestationRecord, entry: bytes) -> int:
        """Stage an attestation and its leaf."""
        self._subjects.of_row(record.relying_party, record.phone_number)
        index = self.append_entry(entry)
        self._journal.append(self._attestations, replace(record, leaf_index=index))
        return index

    def _needed(self, relying_party: str, phone_number: str) -> None:
        if (relying_party, phone_number) not in self._needs.subjects:
            raise KeyError("the command did not name this subject among its needs")

    # Flushing

    @property
    def entries(self) -> list[bytes]:
        """The log entries that the batch appends, in order."""
        return self._entries

    @property
    def change_sequence(self) -> int:
        """The sequence number of the newest change of a binding, with those of the batch."""
        return self._head.change_sequence + self._bindings.change_count

    @property
    def changed_accounts(self) -> list[tuple[str, str]]:
        """The (relying party, account id) whose bindings the batch changes."""
        return self._bindings.changed_accounts

    @property
    def changed_verifications(self) -> list[Recent]:
        """The verifications that the batch changes, as they are after it."""
        changed = []
        for verification in self._changed_verifications.values():
            ref = self._subjects.ref(verification.opening.relying_party, verification.opening.phone_number)
            changed.append(Recent(verification, ref, self._subjects.key(ref)))
        return changed

    @property
    def changed_agreements(self) -> list[AgreementRecord]:
        """The agreements that the batch changes, as they are after it."""
        return self._administration.changed_agreements

    @property
    def changed(self) -> bool:
        """Whether anything was staged."""
        return bool(
            self._changed_verifications
            or self._bindings.changed
            or self._counts.changed
            or self._changed_requests
            or self._subjects.changed
            or self._attestations
            or self._changed_cursors
            or self._policies
            or self._administration.changed
            or self._entries
        )

    def write(self, changes: Changes) -> None:
        """Seal everything that was staged into the changes, but for leaves and tiles."""
        codec, subjects = self._codec, self._subjects
        subjects.write(changes)
        for verification in self._changed_verifications.values():
            ref = subjects.ref(verification.opening.relying_party, verification.opening.phone_number)
            changes.verifications.append(codec.verification_row(verification, ref, subjects.key(ref)))
        for request, recall in self._changed_requests.items():
            changes.requests.append(codec.request_row(self._request_refs[request], recall, self._now))
        self._bindings.write(changes, self._head.change_sequence + 1, self._now)
        self._counts.write(changes)
        changes.streams.extend(self._changed_cursors.items())
        changes.policies.extend(self._policies.items())
        self._administration.write(changes)
        for record in self._attestations:
            ref = subjects.ref(record.relying_party, record.phone_number)
            changes.attestations.append(codec.attestation_row(record, ref, subjects.key(ref)))
