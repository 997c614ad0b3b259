"""What commands see of one batch: the rows that were loaded, and over them what was staged. No I/O, no engine.

One object serves all commands of a batch in turn, so a later one sees what earlier ones staged. Everything staged is
written to a journal first; a command that raises is undone from it and leaves no trace.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from numseal.adapters.store.codec import Codec
from numseal.adapters.store.engine import Changes, Loaded, Wanted
from numseal.adapters.store.recent import Recent, RecentVerifications
from numseal.adapters.store.sealing import SubjectKey
from numseal.domain.binding import LIVE, Binding
from numseal.domain.limits import Budget
from numseal.domain.log import AttestationRecord
from numseal.domain.verification import Verification
from numseal.ports.store import Command, Needs, Recall
from numseal.tlog.tile import MAX_ENTRY_SIZE

T = TypeVar("T")
_ABSENT = object()


@dataclass(slots=True)
class Decided(Generic[T]):
    """What a command came to: its answer or what it raised, and the leaves it appended, as a range of indexes."""

    value: T | None
    error: Exception | None
    leaves: range


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A row that no command has looked at yet."""

    ref: bytes
    body: bytes


class BatchRows:
    """The rows of one batch; implements `ports.store.Rows` for the command that is being decided."""

    def __init__(self, codec: Codec, now: int, size: int, recent: RecentVerifications) -> None:
        """Begin a batch at a time, on a log of `size` leaves; what `recent` has is not loaded."""
        self._codec = codec
        self._recent = recent
        self._recent_keys: dict[bytes, SubjectKey] = {}
        self._now = now
        self._size = size
        self._needs = Needs()
        self._journal: list[tuple[dict[Any, Any], Any, Any]] = []
        self._refs: dict[tuple[str, str], bytes] = {}
        self._request_refs: dict[tuple[str, str], bytes] = {}
        self._budget_refs: dict[str, bytes] = {}
        self._subjects: dict[bytes, SubjectKey | bytes | None] = {}
        self._new_subjects: dict[bytes, tuple[str, str]] = {}
        self._verifications: dict[str, Verification | _Sealed | None] = {}
        self._changed_verifications: dict[str, Verification] = {}
        self._requests: dict[tuple[str, str], Recall | bytes | None] = {}
        self._changed_requests: dict[tuple[str, str], Recall] = {}
        self._bindings: dict[str, Binding | _Sealed | None] = {}
        self._changed_bindings: dict[str, Binding] = {}
        self._live: dict[bytes, str | None] = {}
        self._budgets: dict[str, int] = {}
        self._changed_budgets: dict[str, Budget] = {}
        self._attestations: list[AttestationRecord] = []
        self._entries: list[bytes] = []

    # Loading

    def wanted(self, commands: Iterable[Command[Any]], *, purge: bool) -> Wanted:
        """Unite what the commands need."""
        sealer = self._codec.sealer
        for command in commands:
            needs = command.needs
            for verification_id in needs.verifications:
                self._want_verification(verification_id)
            for binding_id in needs.bindings:
                self._bindings[binding_id] = None
            for subject in needs.subjects:
                if subject not in self._refs:
                    self._refs[subject] = sealer.subject_ref(*subject)
            for request in needs.requests:
                if request not in self._requests:
                    self._requests[request] = None
                    self._request_refs[request] = sealer.request_ref(*request)
            for budget in needs.budgets:
                row = budget.row(self._now)
                if row not in self._budgets:
                    self._budgets[row] = 0
                    self._budget_refs[row] = sealer.budget_ref(row)
        return Wanted(
            self._now,
            tuple(name for name, row in self._verifications.items() if row is None),
            tuple(self._request_refs.values()),
            tuple(self._refs.values()),
            tuple(self._bindings),
            tuple(self._budget_refs.values()),
            purge,
        )

    def _want_verification(self, verification_id: str) -> None:
        recent = self._recent.get(verification_id)
        if recent is None:
            self._verifications[verification_id] = None
        else:
            self._verifications[verification_id] = recent.verification
            self._recent_keys[recent.ref] = recent.key

    def fill(self, loaded: Loaded) -> None:
        """Take the rows that are there."""
        for ref in self._refs.values():
            self._subjects[ref] = None
            self._live[ref] = loaded.live.get(ref)
        self._subjects.update(loaded.subjects)
        self._subjects.update(self._recent_keys)
        self._verifications.update({name: _Sealed(*row) for name, row in loaded.verifications.items()})
        self._bindings.update({name: _Sealed(*row) for name, row in loaded.bindings.items()})
        for request, ref in self._request_refs.items():
            self._requests[request] = loaded.requests.get(ref)
        for row, ref in self._budget_refs.items():
            self._budgets[row] = loaded.budgets.get(ref, 0)

    # Deciding

    def decide(self, command: Command[T]) -> Decided[T]:
        """Let a command decide; whatever it raises is its own answer and undoes what it staged."""
        self._needs = command.needs
        self._journal.clear()
        first, attested = len(self._entries), len(self._attestations)
        try:
            value = command.decide(self)
        except Exception as error:  # noqa: BLE001 - it goes to the caller of this command, and to no other
            for table, key, before in reversed(self._journal):
                if before is _ABSENT:
                    del table[key]
                else:
                    table[key] = before
            del self._entries[first:], self._attestations[attested:]
            return Decided(None, error, range(0))
        return Decided(value, None, range(self._size + first, self._size + len(self._entries)))

    def _stage(self, table: dict[Any, Any], key: object, value: object) -> None:
        self._journal.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

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
        if not isinstance(found, _Sealed):
            return found
        opened = self._codec.open_verification(verification_id, found.body, self._key(found.ref))
        self._verifications[verification_id] = opened
        return opened

    def put_verification(self, verification: Verification) -> None:
        """Stage a verification."""
        self._subject(verification.opening.relying_party, verification.opening.phone_number)
        self._stage(self._verifications, verification.verification_id, verification)
        self._stage(self._changed_verifications, verification.verification_id, verification)

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
        self._stage(self._requests, request, recall)
        self._stage(self._changed_requests, request, recall)

    def _request(self, relying_party: str, request_id: str) -> tuple[str, str]:
        request = (relying_party, request_id)
        if request not in self._needs.requests:
            raise KeyError(f"the command did not name request {request_id!r} among its needs")
        return request

    def subject_key(self, relying_party: str, phone_number: str) -> bytes:
        """Return the subject's key, made on first use."""
        self._needed(relying_party, phone_number)
        return self._key(self._subject(relying_party, phone_number)).key

    def live_binding(self, relying_party: str, phone_number: str) -> Binding | None:
        """Return the binding that holds the number now."""
        live = self._live[self._needed(relying_party, phone_number)]
        return None if live is None else self._binding(live)

    def binding(self, binding_id: str) -> Binding | None:
        """Return a binding."""
        if binding_id not in self._needs.bindings:
            raise KeyError(f"the command did not name binding {binding_id} among its needs")
        return self._binding(binding_id)

    def put_binding(self, binding: Binding) -> None:
        """Stage a binding; ValueError where another live one holds the number."""
        name = binding.binding_id
        ref = self._subject(binding.relying_party, binding.phone_number)
        if ref in self._live:
            live = self._live[ref]
            if binding.state in LIVE:
                if live not in (None, name):
                    raise ValueError(f"binding {live} holds the number: stage its end before binding {name}")
                self._stage(self._live, ref, name)
            elif live == name:
                self._stage(self._live, ref, None)
        self._stage(self._bindings, name, binding)
        self._stage(self._changed_bindings, name, binding)

    def spent(self, budget: Budget) -> int:
        """Return what the budget's present window has counted."""
        return self._budgets[self._budget(budget)]

    def spend(self, budget: Budget, count: int = 1) -> None:
        """Count, or give back."""
        row = self._budget(budget)
        self._stage(self._budgets, row, max(0, self._budgets[row] + count))
        self._stage(self._changed_budgets, row, budget)

    def _budget(self, budget: Budget) -> str:
        if budget not in self._needs.budgets:
            raise KeyError(f"the command did not name budget {budget.name} among its needs")
        return budget.row(self._now)

    def attest(self, record: AttestationRecord, entry: bytes) -> int:
        """Stage an attestation and its leaf."""
        if len(entry) > MAX_ENTRY_SIZE:
            raise ValueError(f"a log entry has {MAX_ENTRY_SIZE} bytes at most, not {len(entry)}")
        self._subject(record.relying_party, record.phone_number)
        index = self._size + len(self._entries)
        self._entries.append(entry)
        self._attestations.append(replace(record, leaf_index=index))
        return index

    # Rows and keys

    def _binding(self, binding_id: str) -> Binding | None:
        found = self._bindings[binding_id]
        if not isinstance(found, _Sealed):
            return found
        opened = self._codec.open_binding(binding_id, found.body, self._key(found.ref))
        self._bindings[binding_id] = opened
        return opened

    def _needed(self, relying_party: str, phone_number: str) -> bytes:
        subject = (relying_party, phone_number)
        if subject not in self._needs.subjects:
            raise KeyError("the command did not name this subject among its needs")
        return self._refs[subject]

    def _ref(self, relying_party: str, phone_number: str) -> bytes:
        ref = self._refs.get((relying_party, phone_number))
        return self._codec.sealer.subject_ref(relying_party, phone_number) if ref is None else ref

    def _subject(self, relying_party: str, phone_number: str) -> bytes:
        """Return the ref of a subject whose row was loaded, making its key where there is none."""
        ref = self._ref(relying_party, phone_number)
        if ref not in self._subjects:
            raise KeyError("a row was staged whose subject is not among the command's needs")
        if self._subjects[ref] is None:
            self._stage(self._subjects, ref, self._codec.sealer.new_subject())
            self._stage(self._new_subjects, ref, (relying_party, phone_number))
        return ref

    def _key(self, ref: bytes) -> SubjectKey:
        found = self._subjects[ref]
        if isinstance(found, bytes):
            found = self._subjects[ref] = self._codec.unwrap(found, ref)
        assert found is not None, "rows have subjects"  # noqa: S101 - `_subject` made it, or a foreign key holds
        return found

    # Flushing

    @property
    def entries(self) -> list[bytes]:
        """The log entries that the batch appends, in order."""
        return self._entries

    @property
    def changed_accounts(self) -> list[tuple[str, str]]:
        """The (relying party, account id) whose bindings the batch changes."""
        return [(binding.relying_party, binding.account_id) for binding in self._changed_bindings.values()]

    @property
    def changed_verifications(self) -> list[Recent]:
        """The verifications that the batch changes, as they are after it."""
        changed = []
        for verification in self._changed_verifications.values():
            ref = self._ref(verification.opening.relying_party, verification.opening.phone_number)
            changed.append(Recent(verification, ref, self._key(ref)))
        return changed

    @property
    def changed(self) -> bool:
        """Whether anything was staged."""
        return bool(
            self._changed_verifications
            or self._changed_bindings
            or self._changed_budgets
            or self._changed_requests
            or self._new_subjects
            or self._attestations
        )

    def write(self, changes: Changes) -> None:
        """Seal everything that was staged into the changes, but for leaves and tiles."""
        codec = self._codec
        for ref, (relying_party, phone_number) in self._new_subjects.items():
            changes.subjects.append(codec.subject_row(ref, relying_party, phone_number, self._key(ref)))
        for verification in self._changed_verifications.values():
            ref = self._ref(verification.opening.relying_party, verification.opening.phone_number)
            changes.verifications.append(codec.verification_row(verification, ref, self._key(ref)))
        for request, recall in self._changed_requests.items():
            changes.requests.append(codec.request_row(self._request_refs[request], recall, self._now))
        # A binding that ends gives the number free before another takes it.
        for binding in sorted(self._changed_bindings.values(), key=lambda item: item.state in LIVE):
            ref = self._ref(binding.relying_party, binding.phone_number)
            narrow, body = codec.binding_rows(binding, ref, self._key(ref))
            changes.bindings.append(narrow)
            changes.binding_bodies.append(body)
        for row, budget in self._changed_budgets.items():
            changes.budgets.append((self._budget_refs[row], self._budgets[row], budget.end(self._now)))
        for record in self._attestations:
            ref = self._ref(record.relying_party, record.phone_number)
            changes.attestations.append(codec.attestation_row(record, ref, self._key(ref)))
