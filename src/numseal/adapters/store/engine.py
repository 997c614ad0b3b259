"""What an engine must do for the store: plain rows in, plain rows out, one open batch at a time.

An engine never sees a number, an account or a key: rows come sealed and are found by keyed hashes. A second engine
(PostgreSQL) implements these two Protocols and nothing else changes. Methods are coroutines so that an engine may
wait on a thread or a socket; one that answers from memory or from a local file does not suspend.
"""

from dataclasses import dataclass, field
from typing import Protocol

Binding = tuple[
    str, str, bytes, bytes, str, int, int, int, int, int | None, int | None, str, bytes | None, int
]  # fmt: skip
"""binding id, relying party, account ref, subject ref, state, level, verified, observed, expire, contested time,
reverify by, operator id, watch ref (None where no events come), recheck time."""

Whole = tuple[str, bytes, bytes, bytes]
"""row id, sealed body, wrapped subject key, subject ref."""

Narrow = tuple[str, bytes, str, int, int, int, int, int | None, int | None, str]
"""binding id, subject ref, state, level, verified, observed, expire, contested time, reverify by, watched by."""

Change = tuple[int, str, bytes, str, str, bytes, int, int]
"""sequence, relying party, subject ref, binding id, kind, sealed body, commit time, purge time."""

SealedChange = tuple[int, str, bytes, int, bytes, bytes]
"""sequence, kind, sealed body, commit time, wrapped subject key, subject ref."""

Audit = tuple[int, int, str, str, str, str, bytes]
"""sequence, event time, administrator id, action, resource, detail (JSON), chain hash."""

Attestation = tuple[str, str, str, str, int, bytes, bytes | None, bytes, bytes, bytes]
"""binding id, verification id, relying party, key id, leaf index, signing input, signature, sealed body, wrapped
subject key, subject ref."""


@dataclass(frozen=True, slots=True)
class Head:
    """The one row that every batch locks first; it is not signed, and must not be before it is durable.

    A database that was never opened has the head of the empty tree with the origin "".
    `frontier` is `tlog.compact_range.Frontier.to_bytes`; `time` the last batch's; `batch_id` names that batch, so that
    a batch of unknown outcome can be looked up. `key_check` tells the master key apart from any other.
    `change_sequence` is that of the newest change, `purged_sequence` of the newest one that was purged.
    """

    origin: str
    size: int
    root: bytes
    frontier: bytes
    time: int
    batch_id: str
    key_check: bytes
    change_sequence: int = 0
    purged_sequence: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows that a batch needs, each once. `now` is for what is expired, `purge` asks for a list of that."""

    now: int
    verifications: tuple[str, ...] = ()
    requests: tuple[bytes, ...] = ()
    subjects: tuple[bytes, ...] = ()
    bindings: tuple[str, ...] = ()
    budgets: tuple[bytes, ...] = ()
    sightings: tuple[bytes, ...] = ()
    watches: tuple[bytes, ...] = ()
    streams: tuple[str, ...] = ()
    agreements: tuple[str, ...] = ()
    audit: bool = False
    purge: bool = False


@dataclass(slots=True)
class Loaded:
    """The rows that are there; `subjects` holds also those of the verifications and bindings.

    Values: (subject ref, sealed body) of verifications and bindings; sealed body of requests; wrapped key of subjects;
    count of budgets; cursor of streams; body of agreements. `audit_tail` is the newest event of the audit trail, by its
    sequence and chain hash. `live` maps a wanted subject to its live binding, `watched` a watch ref to its
    live bindings in the order of their ids; their rows are then among `bindings`. `sightings` are those that are there.
    `expired` tells whether there is anything to purge, `expired_change` the newest change that one batch may purge, 0
    for none.
    """

    verifications: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    requests: dict[bytes, bytes] = field(default_factory=dict)
    subjects: dict[bytes, bytes] = field(default_factory=dict)
    bindings: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    live: dict[bytes, str] = field(default_factory=dict)
    budgets: dict[bytes, int] = field(default_factory=dict)
    sightings: set[bytes] = field(default_factory=set)
    watched: dict[bytes, list[str]] = field(default_factory=dict)
    streams: dict[str, str] = field(default_factory=dict)
    agreements: dict[str, bytes] = field(default_factory=dict)
    audit_tail: tuple[int, bytes] | None = None
    expired: bool = False
    expired_change: int = 0


@dataclass(slots=True)
class Changes:
    """What one batch writes, in the order of the fields; rows in the order of the schema's columns.

    New: `subjects`, `sightings`, `changes`, `audit_events`, `attestations`, `leaves`, `tiles`. New or known:
    `verifications`, `requests`, `bindings` (those that ended come first), `binding_bodies`, `budgets`, `streams`,
    `agreements` (id, body). `policies` (digest,
    document) and `signatures` (signature, jti) change nothing where one is there. `purge`, a time, deletes a bounded
    number of rows whose time is over by then, and all changes up to the head's `purged_sequence`; subjects that are
    left without any row go with them. `head` replaces the head.
    """

    head: Head
    subjects: list[tuple[bytes, str, bytes, bytes]] = field(default_factory=list)
    verifications: list[tuple[str, bytes, int, bytes]] = field(default_factory=list)
    requests: list[tuple[bytes, str, int, bytes]] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    binding_bodies: list[tuple[str, bytes]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    budgets: list[tuple[bytes, int, int]] = field(default_factory=list)
    sightings: list[tuple[bytes, int]] = field(default_factory=list)
    streams: list[tuple[str, str]] = field(default_factory=list)
    policies: list[tuple[str, str]] = field(default_factory=list)
    agreements: list[tuple[str, bytes]] = field(default_factory=list)
    audit_events: list[Audit] = field(default_factory=list)
    attestations: list[tuple[str, str, str, str, bytes, str, int, bytes, bytes | None, bytes]] = field(
        default_factory=list
    )
    leaves: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    tiles: list[tuple[int, int, bytes, bytes]] = field(default_factory=list)
    signatures: list[tuple[bytes, str]] = field(default_factory=list)
    purge: int | None = None


class LogRows(Protocol):
    """The log's rows, as an open batch or the shown state has them."""

    async def leaf_hashes(self, start: int, count: int) -> list[bytes]:
        """Return the hashes of up to `count` leaves from `start`, in order."""

    async def tile_roots(self, level: int, start: int, count: int) -> list[bytes]:
        """Return the roots of up to `count` full tiles of a tile level from `start`, in order."""


class Reads(LogRows, Protocol):
    """Reads of the shown state: what was committed when `Engine.show` was last called, all of it and nothing later."""

    async def verification(self, verification_id: str) -> Whole | None:
        """Return a verification."""

    async def binding(self, binding_id: str) -> Whole | None:
        """Return a binding."""

    async def account(self, account_ref: bytes) -> list[Narrow]:
        """Return the bindings of an account."""

    async def holder(self, subject_ref: bytes) -> bytes | None:
        """Return the account ref of the subject's live binding."""

    async def account_bindings(self, account_ref: bytes, after: str, limit: int) -> list[Whole]:
        """Return bindings of an account in the order of their ids, from behind `after`."""

    async def party_bindings(self, relying_party: str, after: str, limit: int) -> list[Whole]:
        """Return bindings of a relying party in the order of their ids, from behind `after`."""

    async def due_bindings(self, now: int, limit: int) -> list[Whole]:
        """Return live bindings with a recheck time of at most `now`, the longest due first."""

    async def operator_bindings(self, operator_id: str, after: str, limit: int) -> list[Whole]:
        """Return live bindings of an operator in the order of their ids, from behind `after`."""

    async def changes(self, relying_party: str, after: int, limit: int) -> list[SealedChange]:
        """Return changes of a relying party's bindings in order, from behind a sequence number."""

    async def cursor(self, operator_id: str) -> str | None:
        """Return the cursor of an operator's stream."""

    async def policies(self) -> list[tuple[str, str]]:
        """Return all policies, (digest, document), in the order of the digests."""

    async def agreements(self) -> list[tuple[str, bytes]]:
        """Return all agreements, (id, body), in the order of their ids."""

    async def audit_events(self, before: int, limit: int, resource: str, start: int, end: int) -> list[Audit]:
        """Return events of the audit trail with `start` <= time < `end`, the latest before a sequence number first.

        An empty `resource` means every one.
        """

    async def attestation(self, jti: str) -> Attestation | None:
        """Return an attestation."""

    async def tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile's hashes."""

    async def entries(self, start: int, count: int) -> list[bytes]:
        """Return up to `count` entries from `start`, in order."""

    async def find_leaf(self, leaf_hash: bytes) -> int | None:
        """Return the lowest index of a leaf with this hash."""


class Engine(LogRows, Protocol):
    """One writer's side of a database. The writer calls one method at a time, and `LogRows` only in an open batch.

    Errors: `EngineError` and nothing else.
    """

    @property
    def reads(self) -> Reads:
        """The readers' side; may be used at any time."""

    async def begin(self) -> Head:
        """Open a batch, lock the head row and return it."""

    async def load(self, wanted: Wanted) -> Loaded:
        """Load rows, locked until the batch ends."""

    async def flush(self, changes: Changes) -> None:
        """Write the changes into the open batch."""

    async def commit(self) -> None:
        """Make the batch durable; returns only when it is known to be. On an error the batch stays to be ended."""

    async def rollback(self) -> None:
        """Drop the open batch, if any."""

    async def recover(self) -> Head:
        """Settle a commit of unknown outcome: reconnect, commit something harmless durably, and return the head.

        After that the unknown batch is in the head's past or it never happens.
        """

    def show(self) -> None:
        """Let reads see what has been committed until now."""

    async def tidy(self) -> None:
        """Do what is best done between two batches; called after each."""

    async def close(self) -> None:
        """Release everything."""


class EngineError(Exception):
    """The engine could not do it; the message names the cause.

    `reason` is UPPER_SNAKE: STORAGE_FULL, STORAGE_FAILED, STORAGE_CORRUPT, STORAGE_BUSY; or ROWS_REFUSED where rows
    contradict what is stored, so that other rows might be taken. `settled` is False where a commit may have succeeded.
    """

    def __init__(self, reason: str, message: str, *, settled: bool = True) -> None:
        """Take a reason and a sentence for people."""
        super().__init__(message)
        self.reason = reason
        self.settled = settled
