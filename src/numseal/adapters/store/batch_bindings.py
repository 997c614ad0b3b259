"""The bindings of one batch: by id, by the number they hold, by the watch on it; and what became of them. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass

from numseal.adapters.store.batch_journal import Journal
from numseal.adapters.store.batch_subjects import BatchSubjects
from numseal.adapters.store.codec import Codec
from numseal.adapters.store.engine import Changes, Loaded
from numseal.domain.binding import LIVE, Binding, Monitoring
from numseal.domain.binding_change import ChangeKind, changes_between
from numseal.domain.verdict import Finding


@dataclass(frozen=True, slots=True)
class Sealed:
    """A row that no command has looked at yet."""

    ref: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class _Change:
    kind: ChangeKind
    binding: Binding
    findings: Sequence[Finding]


class BatchBindings:
    """Bindings as loaded and staged over, with their changes in the order in which they were staged."""

    def __init__(self, codec: Codec, journal: Journal, subjects: BatchSubjects) -> None:
        """Begin a batch."""
        self._codec = codec
        self._journal = journal
        self._subjects = subjects
        self._bindings: dict[str, Binding | Sealed | None] = {}
        self._changed: dict[str, Binding] = {}
        self._live: dict[bytes, str | None] = {}
        self._watch_refs: dict[tuple[str, str], bytes] = {}
        self._watched: dict[tuple[str, str], tuple[str, ...]] = {}
        self._changes: list[_Change] = []

    def want(self, binding_id: str) -> None:
        """Have a binding loaded."""
        self._bindings[binding_id] = None

    def want_watch(self, watch: tuple[str, str]) -> None:
        """Have the bindings of a watch loaded."""
        if watch not in self._watch_refs:
            self._watch_refs[watch] = self._codec.sealer.watch_ref(*watch)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The ids of the bindings to load."""
        return tuple(self._bindings)

    @property
    def wanted_watches(self) -> tuple[bytes, ...]:
        """The refs of the watches to load."""
        return tuple(self._watch_refs.values())

    def fill(self, loaded: Loaded) -> None:
        """Take the rows that are there."""
        for ref in self._subjects.wanted:
            self._live[ref] = loaded.live.get(ref)
        for watch, ref in self._watch_refs.items():
            self._watched[watch] = tuple(loaded.watched.get(ref, ()))
        self._bindings.update({name: Sealed(*row) for name, row in loaded.bindings.items()})

    def get(self, binding_id: str) -> Binding | None:
        """Return a binding that was loaded or staged."""
        found = self._bindings.get(binding_id)
        if not isinstance(found, Sealed):
            return found
        opened = self._codec.open_binding(binding_id, found.body, self._subjects.key(found.ref))
        self._bindings[binding_id] = opened
        return opened

    def live(self, ref: bytes) -> Binding | None:
        """Return the binding that holds a wanted subject's number."""
        name = self._live[ref]
        return None if name is None else self.get(name)

    def watched(self, watch: tuple[str, str]) -> tuple[Binding, ...]:
        """Return the live bindings of a wanted watch."""
        found = (self.get(name) for name in self._watched[watch])
        return tuple(binding for binding in found if binding is not None)

    def put(self, binding: Binding, findings: Sequence[Finding]) -> None:
        """Stage a binding and its changes; ValueError where another live one holds the number."""
        stage, name = self._journal.stage, binding.binding_id
        before = self.get(name)
        ref = self._subjects.of_row(binding.relying_party, binding.phone_number)
        if ref in self._live:
            live = self._live[ref]
            if binding.state in LIVE:
                if live not in (None, name):
                    raise ValueError(f"binding {live} holds the number: stage its end before binding {name}")
                stage(self._live, ref, name)
            elif live == name:
                stage(self._live, ref, None)
        self._watch(name, None if before is None else _watch_of(before), _watch_of(binding))
        for kind in changes_between(before, binding):
            self._journal.append(self._changes, _Change(kind, binding, findings))
        stage(self._bindings, name, binding)
        stage(self._changed, name, binding)

    def _watch(self, name: str, before: tuple[str, str] | None, after: tuple[str, str] | None) -> None:
        if before == after:
            return
        if before in self._watched:
            left = tuple(other for other in self._watched[before] if other != name)
            self._journal.stage(self._watched, before, left)
        if after in self._watched:
            self._journal.stage(self._watched, after, tuple(sorted((*self._watched[after], name))))

    @property
    def changed(self) -> bool:
        """Whether anything was staged."""
        return bool(self._changed)

    @property
    def changed_accounts(self) -> list[tuple[str, str]]:
        """The (relying party, account id) whose bindings the batch changes."""
        return [(binding.relying_party, binding.account_id) for binding in self._changed.values()]

    @property
    def change_count(self) -> int:
        """How many changes of bindings were staged."""
        return len(self._changes)

    def write(self, changes: Changes, first_sequence: int, now: int) -> None:
        """Add what was staged to the changes; those of bindings are numbered from `first_sequence`."""
        codec, subjects = self._codec, self._subjects
        bodies = {id(binding): codec.binding_body(binding) for binding in self._changed.values()}
        # A binding that ends gives the number free before another takes it.
        for binding in sorted(self._changed.values(), key=lambda item: item.state in LIVE):
            ref = subjects.ref(binding.relying_party, binding.phone_number)
            narrow, body = codec.binding_rows(binding, bodies[id(binding)], ref, subjects.key(ref))
            changes.bindings.append(narrow)
            changes.binding_bodies.append(body)
        for sequence, change in enumerate(self._changes, start=first_sequence):
            binding = change.binding
            plain = bodies.get(id(binding)) or codec.binding_body(binding)
            ref = subjects.ref(binding.relying_party, binding.phone_number)
            changes.changes.append(
                codec.change_row(sequence, change.kind, binding, plain, change.findings, ref, subjects.key(ref), now)
            )


def _watch_of(binding: Binding) -> tuple[str, str] | None:
    """Return what a binding is watched by, if events about it are to be heeded."""
    if binding.state in LIVE and binding.monitoring is Monitoring.WATCHED:
        return binding.operator_id, binding.watch_id
    return None
