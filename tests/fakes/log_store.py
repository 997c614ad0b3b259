"""A store that has a log and nothing else, in memory.

    store = FakeLogStore(entries, key)                  # publishes all of them
    store = FakeLogStore(entries, key, published=5)     # the rest is durable and not yet signed

Every call that is not about the log ends in an AssertionError.
"""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from numseal.domain.agreement import AgreementRecord
from numseal.domain.audit_trail import AuditEvent
from numseal.domain.binding import Binding
from numseal.domain.binding_change import BindingChange
from numseal.domain.log import AttestationRecord, Leaf, Published
from numseal.domain.verification import Verification
from numseal.ports.store import AccountRows, Applied, Command
from numseal.tlog.checkpoint import Checkpoint, sign_checkpoint
from numseal.tlog.compact_range import EMPTY, extend, root
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import consistency_path, inclusion_path

T = TypeVar("T")


def _not_log() -> NoReturn:
    raise AssertionError("this store has a log only")


class FakeLogStore:
    """Implements `ports.store` as far as the log goes; `records` are attestations by jti."""

    def __init__(
        self, entries: Sequence[bytes], key: Ed25519PrivateKey, origin: str = "numseal.test/log", *, published: int = -1
    ) -> None:
        size = len(entries) if published < 0 else published
        self._entries = list(entries)
        self._nodes: dict[tuple[int, int], bytes] = {}
        frontier = extend(EMPTY, map(leaf_hash, entries[:size]), self._nodes)
        head = Checkpoint(origin, size, root(frontier))
        self._published = Published(origin, size, head.root, sign_checkpoint(head, key))
        self.records: dict[str, AttestationRecord] = {}
        self.unreadable = False

    def published(self) -> Published:
        return self._published

    async def leaf(self, index: int, size: int) -> Leaf:
        assert size == 0
        assert 0 <= index < self._published.size
        return Leaf(index, tuple(inclusion_path(index, self._published.size, self._node)), self._published)

    async def find_leaf(self, entry_hash: bytes) -> int | None:
        hashes = [leaf_hash(entry) for entry in self._entries[: self._published.size]]
        return hashes.index(entry_hash) if entry_hash in hashes else None

    async def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        assert 0 < old_size <= new_size <= self._published.size
        return tuple(consistency_path(old_size, new_size, self._node))

    async def entries(self, start: int, count: int) -> list[bytes] | None:
        if self.unreadable or start + count > self._published.size:
            return None
        return self._entries[start : start + count]

    async def attestation(self, jti: str) -> AttestationRecord | None:
        return self.records.get(jti)

    def _node(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]

    async def apply(self, command: Command[T]) -> Applied[T]:
        _not_log()

    async def verification(self, verification_id: str) -> Verification | None:
        _not_log()

    async def binding(self, binding_id: str) -> Binding | None:
        _not_log()

    async def account_rows(self, relying_party: str, account_id: str, phone_number: str) -> AccountRows:
        _not_log()

    async def account_rows_many(self, relying_party: str, shown: Sequence[tuple[str, str]]) -> list[AccountRows]:
        _not_log()

    async def list_bindings(self, relying_party: str, account_id: str, page_size: int, after: str) -> list[Binding]:
        _not_log()

    async def due_bindings(self, now: int, limit: int) -> list[Binding]:
        _not_log()

    async def operator_bindings(self, operator_id: str, after: str, limit: int) -> list[Binding]:
        _not_log()

    async def cursor(self, operator_id: str) -> str:
        _not_log()

    async def policies(self) -> list[tuple[str, str]]:
        _not_log()

    async def agreements(self) -> list[AgreementRecord]:
        _not_log()

    def follow_agreements(self, told: Callable[[AgreementRecord], None]) -> None:
        _not_log()

    async def audit_events(
        self, before: int, limit: int, *, resource: str = "", start: int | None = None, end: int | None = None
    ) -> list[AuditEvent]:
        _not_log()

    def change_bounds(self) -> tuple[int, int]:
        _not_log()

    async def changes(self, relying_party: str, after: int, limit: int) -> list[BindingChange]:
        _not_log()

    async def changed(self, after: int) -> None:
        _not_log()

    def keep_signature(self, jti: str, signature: bytes) -> None:
        _not_log()

    async def tile(self, level: int, index: int, width: int) -> bytes | None:
        _not_log()

    async def ready(self) -> None:
        _not_log()

    async def close(self) -> None:
        _not_log()


def record_of(jti: str, leaf_index: int, **changes: Any) -> AttestationRecord:
    """Return a record of which only jti and leaf index matter."""
    values: dict[str, Any] = {
        "jti": jti,
        "binding_id": "b" * 32,
        "verification_id": "c" * 32,
        "relying_party": "messenger-1",
        "phone_number": "+79161234567",
        "key_id": "kid",
        "signing_input": b"header.payload",
        "disclosures": (),
        "evidence": b"{}",
        "evidence_salt": bytes(32),
        "leaf_index": leaf_index,
    }
    return AttestationRecord(**(values | changes))
