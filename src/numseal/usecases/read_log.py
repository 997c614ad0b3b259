"""Read what the log has published: heads, entries, and the proofs that tie an entry or an older head to a newer one."""

from dataclasses import dataclass

from numseal.attestation.entry import EntryKind, parse_entry
from numseal.domain.errors import Kind, Reasoning, Refusal, invalid, not_found
from numseal.domain.log import Leaf, Published
from numseal.ports.store import Store, StoreError
from numseal.tlog import tlog_proof
from numseal.tlog.hashing import HASH_SIZE, leaf_hash
from numseal.usecases.find_verification import check_id

DEFAULT_PAGE, MAX_PAGE = 256, 1_000


@dataclass(frozen=True, slots=True)
class Inclusion:
    """An entry's RFC 6962 leaf hash, its leaf with the path to the head, and all of it as C2SP tlog-proof text."""

    leaf_hash: bytes
    leaf: Leaf
    proof: str


@dataclass(frozen=True, slots=True)
class Consistency:
    """The path from `old_size` to `new_size` (RFC 6962 §2.1.2), and a head that is not smaller."""

    old_size: int
    new_size: int
    path: tuple[bytes, ...]
    published: Published


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry by its index, with its bytes as the entry bundles hold them."""

    index: int
    kind: EntryKind
    data: bytes


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Some entries in order; `next_index` is where the next page begins, `size` that of the published tree."""

    entries: tuple[LogEntry, ...]
    next_index: int
    size: int


class ReadLog:
    """Reads the log for anyone; nothing goes past the published head."""

    def __init__(self, *, store: Store) -> None:
        """Take what it needs by name."""
        self._store = store

    def head(self) -> Published:
        """Return the newest published head."""
        return self._store.published()

    async def inclusion(self, index: int) -> Inclusion:
        """Prove the entry at an index; raises Refusal INVALID_ARGUMENT or OUT_OF_RANGE."""
        size = self._store.published().size
        if index < 0:
            raise invalid("leaf_index", "LEAF_INDEX_NEGATIVE", "leaf_index: an index from 0 is expected")
        if index >= size:
            message = f"leaf_index: {index}; the published tree has {size} entries, the first of them at index 0"
            raise _beyond("leaf_index", "LEAF_INDEX_NOT_PUBLISHED", message, size)
        (data,) = await self._entries(index, 1)
        leaf = await self._store.leaf(index, 0)
        proof = tlog_proof.Proof(leaf.index, leaf.path, leaf.published.checkpoint)
        return Inclusion(leaf_hash(data), leaf, tlog_proof.format(proof))

    async def inclusion_of_attestation(self, jti: str) -> Inclusion:
        """Prove an attestation's entry; raises Refusal INVALID_ARGUMENT or NOT_FOUND."""
        check_id(jti, "attestation_id")
        record = await self._store.attestation(jti)
        if record is None:
            raise not_found("ATTESTATION_NOT_FOUND", "attestation_id: no attestation has this `jti`")
        return await self.inclusion(record.leaf_index)

    async def inclusion_of_hash(self, entry_hash: bytes) -> Inclusion:
        """Prove the first entry with an RFC 6962 leaf hash; raises Refusal INVALID_ARGUMENT or NOT_FOUND."""
        if len(entry_hash) != HASH_SIZE:
            message = f"leaf_hash: {len(entry_hash)} bytes; {HASH_SIZE} are expected"
            raise invalid("leaf_hash", "LEAF_HASH_MALFORMED", message)
        index = await self._store.find_leaf(entry_hash)
        if index is None:
            raise not_found("LEAF_NOT_FOUND", "leaf_hash: the published tree has no entry with this hash")
        return await self.inclusion(index)

    async def consistency(self, old_size: int, new_size: int) -> Consistency:
        """Prove that the tree of `new_size`, by 0 the published one, begins with that of `old_size`.

        Raises Refusal INVALID_ARGUMENT for sizes that no two trees have, OUT_OF_RANGE for unpublished ones.
        """
        published = self._store.published()
        if old_size < 1:
            raise invalid("old_size", "OLD_SIZE_TOO_SMALL", "old_size: a size from 1 is expected")
        if new_size < 0 or 0 < new_size < old_size:
            message = f"new_size: {new_size}; 0 or a size from old_size, {old_size}, is expected"
            raise invalid("new_size", "NEW_SIZE_TOO_SMALL", message)
        for field, size in (("new_size", new_size), ("old_size", old_size)):
            if size > published.size:
                message = f"{field}: {size}; the published tree has {published.size} entries"
                raise _beyond(field, "SIZE_NOT_PUBLISHED", message, published.size)
        new_size = new_size or published.size
        return Consistency(old_size, new_size, await self._store.consistency(old_size, new_size), published)

    async def page(self, start: int, page_size: int, kind: EntryKind | None) -> EntryPage:
        """Return entries from an index on, of one kind or of all; a page may be short where others are left out.

        Raises Refusal INVALID_ARGUMENT for negative numbers, OUT_OF_RANGE for a start behind the published tree.
        """
        size = self._store.published().size
        if start < 0:
            raise invalid("start_index", "START_INDEX_NEGATIVE", "start_index: an index from 0 is expected")
        if page_size < 0:
            raise invalid("page_size", "PAGE_SIZE_NEGATIVE", f"page_size: 0 to {MAX_PAGE} are expected")
        if start > size:
            message = f"start_index: {start}; the published tree has {size} entries"
            raise _beyond("start_index", "START_INDEX_NOT_PUBLISHED", message, size)
        count = min(page_size or DEFAULT_PAGE, MAX_PAGE, size - start)
        found = await self._entries(start, count) if count else []
        entries = [_entry(index, data) for index, data in enumerate(found, start)]
        kept = tuple(entry for entry in entries if kind is None or entry.kind is kind)
        return EntryPage(kept, start + count, size)

    async def _entries(self, start: int, count: int) -> list[bytes]:
        found = await self._store.entries(start, count)
        if found is None:
            raise StoreError("LOG_UNREADABLE", f"published entries from {start} on cannot be read")
        return found


def _entry(index: int, data: bytes) -> LogEntry:
    return LogEntry(index, parse_entry(data).kind, data)


def _beyond(field: str, reason: str, message: str, size: int) -> Refusal:
    return Refusal(Reasoning(Kind.OUT_OF_RANGE, reason, field=field, metadata={"tree_size": str(size)}), message)
