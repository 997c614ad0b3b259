"""What the use cases need of a store: commands that change rows, in batches, and reads of what is durable.

A command names the rows it needs, is shown them, and decides. All commands that wait while a batch commits form the
next batch: rows are loaded in bulk, commands decide one after the other, what they changed is flushed in bulk, their
leaves are appended to the log, and the whole is committed once, together with the unsigned head. Only after the commit
is known to be durable is the checkpoint signed, and only then does any command of the batch get its answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from numseal.domain.agreement import AgreementRecord
from numseal.domain.audit_trail import AuditEvent, Deed
from numseal.domain.binding import Binding, BindingRow
from numseal.domain.binding_change import BindingChange
from numseal.domain.limits import Budget
from numseal.domain.log import AttestationRecord, Leaf, Published
from numseal.domain.velocity import Sighting
from numseal.domain.verdict import Finding
from numseal.domain.verification import Verification

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Needs:
    """The rows that a command is shown; asking for others is a KeyError.

    `requests` are (relying party, request id); `subjects` are (relying party, phone number) and bring the subject's key
    and its live binding. `watches` are (operator id, watch id) and bring the live bindings that are watched by that
    name; `streams` are operators whose events' cursor is wanted. `agreements` are ids; `audit` brings the end of the
    audit trail, which `record_deed` needs.
    """

    verifications: tuple[str, ...] = ()
    requests: tuple[tuple[str, str], ...] = ()
    subjects: tuple[tuple[str, str], ...] = ()
    bindings: tuple[str, ...] = ()
    budgets: tuple[Budget, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    watches: tuple[tuple[str, str], ...] = ()
    streams: tuple[str, ...] = ()
    agreements: tuple[str, ...] = ()
    audit: bool = False


@dataclass(frozen=True, slots=True)
class Recall:
    """A request that was answered before: the hash of its body and the verification it opened."""

    body_hash: str
    verification_id: str


class Rows(Protocol):
    """A command's view of one batch: what it stages is seen by later commands, unless it raises."""

    @property
    def now(self) -> int:
        """The batch's time, Unix seconds; never less than that of any earlier batch."""

    def verification(self, verification_id: str) -> Verification | None:
        """Return a verification."""

    def put_verification(self, verification: Verification) -> None:
        """Stage a verification, known or not."""

    def recall(self, relying_party: str, request_id: str) -> Recall | None:
        """Return what a request id stands for; forgotten after 24 h."""

    def remember(self, relying_party: str, request_id: str, recall: Recall) -> None:
        """Stage what a request id stands for."""

    def subject_key(self, relying_party: str, phone_number: str) -> bytes:
        """Return the subject's 32-byte key, made on first use; its destruction is the subject's erasure."""

    def live_binding(self, relying_party: str, phone_number: str) -> Binding | None:
        """Return the binding that holds the number now."""

    def binding(self, binding_id: str) -> Binding | None:
        """Return a binding."""

    def put_binding(self, binding: Binding, *findings: Finding) -> None:
        """Stage a binding; at most one live one for a subject, so stage the end of the old one first.

        Every change between the binding as it stood and this one (`domain.binding_change`) is recorded with it, with
        the findings that it rests on, for those who follow the relying party's bindings.
        """

    def watched(self, operator_id: str, watch_id: str) -> tuple[Binding, ...]:
        """Return the live bindings that an operator watches by this name, in the order of their ids."""

    def cursor(self, operator_id: str) -> str:
        """Return where an operator's stream of events goes on, empty where it has not begun."""

    def put_cursor(self, operator_id: str, cursor: str) -> None:
        """Stage where an operator's stream goes on."""

    def spent(self, budget: Budget) -> int:
        """Return what the budget's present window has counted."""

    def spend(self, budget: Budget, count: int = 1) -> None:
        """Count; a negative count gives back, never below zero."""

    def seen(self, sighting: Sighting) -> int:
        """Return how many different values the sighting's present window has for its subject."""

    def see(self, sighting: Sighting) -> int:
        """Count the sighting's value, once in a window, and return how many there are with it."""

    def keep_policy(self, digest: str, document: str) -> None:
        """Stage a policy's text (JSON) under its hash, for verifications that begin under it; known ones stay."""

    def agreement(self, agreement_id: str) -> AgreementRecord | None:
        """Return an agreement as it stands."""

    def put_agreement(self, record: AgreementRecord) -> None:
        """Stage an agreement as it stands from now on; those who follow them are told once it is published."""

    def record_deed(self, deed: Deed) -> AuditEvent:
        """Stage what an administrator did as the next event of the audit trail, and return that."""

    def append_entry(self, entry: bytes) -> int:
        """Append an entry to the log that belongs to no attestation, and return the leaf's index."""

    def attest(self, record: AttestationRecord, entry: bytes) -> int:
        """Stage an attestation, append its log entry, and return the leaf's index."""


class Command(Protocol[T_co]):
    """One decision over rows. `decide` is pure but for what it stages, quick, and may run more than once."""

    @property
    def needs(self) -> Needs:
        """The rows it must be shown."""

    def decide(self, rows: Rows) -> T_co:
        """Look, stage changes, and return the answer; a Refusal stages nothing."""


@dataclass(frozen=True, slots=True)
class Applied(Generic[T]):
    """A command's answer after its batch became durable, with the leaves that it appended."""

    value: T
    published: Published
    leaves: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountRows:
    """What a check of a number shown needs: all bindings of the account, and whether another one holds the number."""

    rows: tuple[BindingRow, ...]
    held_by_other: bool


class Store(Protocol):
    """Keeps everything Numseal must not lose.

    Concurrency: any call beside any other, from one event loop. Cancelling `apply` does not undo the command.
    Durability: what a call returns is on disk; a read never shows what could still be lost.
    Errors: a command's own Refusal, or `StoreError`. After a StoreError the command has not been applied, unless
    `unknown` is True.
    """

    async def apply(self, command: Command[T]) -> Applied[T]:
        """Put a command into the next batch and return its answer once that is durable and its head signed."""

    async def verification(self, verification_id: str) -> Verification | None:
        """Read a verification."""

    async def binding(self, binding_id: str) -> Binding | None:
        """Read a binding."""

    async def account_rows(self, relying_party: str, account_id: str, phone_number: str) -> AccountRows:
        """Read what a check needs; the hot path, a few microseconds."""

    async def account_rows_many(self, relying_party: str, shown: Sequence[tuple[str, str]]) -> list[AccountRows]:
        """Read what many checks need, for (account id, phone number) each; gives way to other tasks in between."""

    async def list_bindings(self, relying_party: str, account_id: str, page_size: int, after: str) -> list[Binding]:
        """Read bindings in the order of their ids, from the one behind `after`; an empty account id means all."""

    async def due_bindings(self, now: int, limit: int) -> list[Binding]:
        """Read live bindings whose `recheck_time` is at most `now`, the longest due first."""

    async def operator_bindings(self, operator_id: str, after: str, limit: int) -> list[Binding]:
        """Read live bindings of an operator's numbers in the order of their ids, from behind `after`."""

    async def cursor(self, operator_id: str) -> str:
        """Read where an operator's stream of events goes on, empty where it has not begun."""

    async def policies(self) -> list[tuple[str, str]]:
        """Read the policies kept: hash and text."""

    async def agreements(self) -> list[AgreementRecord]:
        """Read all agreements in the order of their ids."""

    def follow_agreements(self, told: Callable[[AgreementRecord], None]) -> None:
        """Have `told` called with every agreement that changes, once that is published and before it is answered.

        It is quick and raises nothing.
        """

    async def audit_events(
        self, before: int, limit: int, *, resource: str = "", start: int | None = None, end: int | None = None
    ) -> list[AuditEvent]:
        """Read events of the audit trail before a sequence number, the latest first.

        `resource` leaves only its own, `start` those at or after that time, `end` those before it.
        """

    def change_bounds(self) -> tuple[int, int]:
        """Return the sequence numbers before the oldest change that is kept, and of the newest published one.

        Equal where none is kept. A change is kept for 30 days.
        """

    async def changes(self, relying_party: str, after: int, limit: int) -> list[BindingChange]:
        """Read a relying party's changes in order, from behind a sequence number."""

    async def changed(self, after: int) -> None:
        """Return once a change later than `after`, of whatever relying party, has been published."""

    async def attestation(self, jti: str) -> AttestationRecord | None:
        """Read an attestation."""

    def keep_signature(self, jti: str, signature: bytes) -> None:
        """Keep an attestation's signature with a later batch; where it gets lost, signing again is harmless."""

    def published(self) -> Published:
        """Return the newest published head."""

    async def leaf(self, index: int, size: int) -> Leaf:
        """Read a leaf's inclusion path; `size` is at most the published size, 0 means that; the path fits that head.

        The head of an older size has its root and an empty checkpoint. Raises Refusal OUT_OF_RANGE.
        """

    async def find_leaf(self, entry_hash: bytes) -> int | None:
        """Return the index of the first leaf with this RFC 6962 leaf hash, if published."""

    async def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """Read a consistency path between two sizes up to the published one. Raises Refusal OUT_OF_RANGE."""

    async def tile(self, level: int, index: int, width: int) -> bytes | None:
        """Read `width` hashes of a tile, or None where the published tree does not have them."""

    async def entries(self, start: int, count: int) -> list[bytes] | None:
        """Read entries, or None where the published tree does not have all of them."""

    async def ready(self) -> None:
        """Return if a batch could be committed now; raises StoreError where not."""

    async def close(self) -> None:
        """Commit what waits, then release everything."""


class StoreError(Exception):
    """The store cannot do this now; the message names the cause (a full disk, a broken file).

    `unknown` is True where the command may have been applied all the same.
    """

    def __init__(self, reason: str, message: str, *, unknown: bool = False) -> None:
        """Take an UPPER_SNAKE reason and a sentence for people."""
        super().__init__(message)
        self.reason = reason
        self.unknown = unknown
