"""The subjects of one batch: what they are found by, and their keys, loaded or made. No I/O."""

from numseal.adapters.store.batch_journal import Journal
from numseal.adapters.store.codec import Codec
from numseal.adapters.store.engine import Changes, Loaded
from numseal.adapters.store.sealing import SubjectKey


class BatchSubjects:
    """Refs and keys of subjects; a key that no command asks for stays wrapped."""

    def __init__(self, codec: Codec, journal: Journal) -> None:
        """Begin a batch."""
        self._codec = codec
        self._journal = journal
        self._refs: dict[tuple[str, str], bytes] = {}
        self._unwanted: dict[tuple[str, str], bytes] = {}
        self._keys: dict[bytes, SubjectKey | bytes | None] = {}
        self._opened: dict[bytes, SubjectKey] = {}
        self._new: dict[bytes, tuple[str, str]] = {}

    def want(self, subject: tuple[str, str]) -> None:
        """Have a subject loaded."""
        if subject not in self._refs:
            self._refs[subject] = self._codec.sealer.subject_ref(*subject)

    def know(self, ref: bytes, key: SubjectKey) -> None:
        """Take a key that is open already."""
        self._opened[ref] = key

    @property
    def wanted(self) -> tuple[bytes, ...]:
        """The refs of the subjects to load."""
        return tuple(self._refs.values())

    def fill(self, loaded: Loaded) -> None:
        """Take the rows that are there."""
        self._keys.update(dict.fromkeys(self._refs.values()))
        self._keys.update(loaded.subjects)
        self._keys.update(self._opened)

    def ref(self, relying_party: str, phone_number: str) -> bytes:
        """Return what a subject is found by, wanted or not."""
        subject = (relying_party, phone_number)
        ref = self._refs.get(subject) or self._unwanted.get(subject)
        if ref is None:
            ref = self._unwanted[subject] = self._codec.sealer.subject_ref(relying_party, phone_number)
        return ref

    def of_row(self, relying_party: str, phone_number: str) -> bytes:
        """Return the ref of the subject of a row that is staged, making its key where there is none."""
        ref = self.ref(relying_party, phone_number)
        if ref not in self._keys:
            raise KeyError("a row was staged whose subject is not among the command's needs")
        if self._keys[ref] is None:
            self._journal.stage(self._keys, ref, self._codec.sealer.new_subject())
            self._journal.stage(self._new, ref, (relying_party, phone_number))
        return ref

    def key(self, ref: bytes) -> SubjectKey:
        """Return the key of a subject that has rows."""
        found = self._keys[ref]
        if isinstance(found, bytes):
            found = self._keys[ref] = self._codec.unwrap(found, ref)
        assert found is not None, "rows have subjects"  # noqa: S101 - `of_row` made it, or a foreign key holds
        return found

    @property
    def changed(self) -> bool:
        """Whether a subject was made."""
        return bool(self._new)

    def write(self, changes: Changes) -> None:
        """Add what was made to the changes."""
        for ref, (relying_party, phone_number) in self._new.items():
            changes.subjects.append(self._codec.subject_row(ref, relying_party, phone_number, self.key(ref)))
