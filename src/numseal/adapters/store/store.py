"""The store port over any engine: hands commands to the writer, answers reads from the shown state.

Opening checks what was found before anything is signed: `opening`. No SQL, no transaction and no decision live here.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from numseal.adapters.store.change_feed import ChangeFeed
from numseal.adapters.store.codec import Codec
from numseal.adapters.store.engine import Engine, EngineError, Whole
from numseal.adapters.store.log_reader import LogReader
from numseal.adapters.store.marker import Marker
from numseal.adapters.store.recent import RecentVerifications
from numseal.adapters.store.row_cache import RowCache
from numseal.adapters.store.writer import OnPublish, Writer
from numseal.domain.agreement import AgreementRecord
from numseal.domain.audit_trail import AuditEvent
from numseal.domain.binding import LIVE, Binding, BindingRow, BindingState
from numseal.domain.binding_change import BindingChange
from numseal.domain.errors import Kind, Reasoning, Refusal
from numseal.domain.log import AttestationRecord, Leaf, Published
from numseal.domain.verdict import Level
from numseal.domain.verification import Verification
from numseal.ports.store import AccountRows, Applied, Command, StoreError
from numseal.tlog.proof import NodeReader, consistency_path, inclusion_path, root_at

BREATH_CHECKS = 32
"""Checks of one bulk read before other tasks of the loop get their turn."""

BREATH_ROWS = 16
"""Rows opened before other tasks of the loop get their turn."""

T = TypeVar("T")
_FAR = 2**62
_STATES = {state.value: state for state in BindingState}
_LEVELS = tuple(Level)
_LIVE = frozenset(state.value for state in LIVE)


class DurableStore:
    """Implements `ports.store.Store`; made by `opening.open_store`."""

    def __init__(
        self,
        engine: Engine,
        codec: Codec,
        make_writer: Callable[[OnPublish], Writer],
        marker: Marker,
        cache_rows: int,
        recent: RecentVerifications,
        feed: ChangeFeed,
    ) -> None:
        """Take the opened engine; `make_writer` is given what to call at each publication."""
        self._engine = engine
        self._reads = engine.reads
        self._codec = codec
        self._log = LogReader(engine.reads)
        self._cache = RowCache(cache_rows)
        self._recent = recent
        self._feed = feed
        self._marker = marker
        self._closed = False
        self._agreement_followers: list[Callable[[AgreementRecord], None]] = []
        self._writer = make_writer(self._on_publish)
        self._writer.start()

    def _on_publish(
        self, published: Published, accounts: Sequence[tuple[str, str]], agreements: Sequence[AgreementRecord]
    ) -> None:
        for account in accounts:
            self._cache.forget(account)
        for record in agreements:
            for told in self._agreement_followers:
                told(record)

    # Writing

    async def apply(self, command: Command[T]) -> Applied[T]:
        """Apply a command with the next batch."""
        return await self._writer.apply(command)

    def keep_signature(self, jti: str, signature: bytes) -> None:
        """Keep a signature with a later batch."""
        self._writer.keep_signature(jti, signature)

    async def ready(self) -> None:
        """Return if a batch could be committed now."""
        await self._writer.ready()

    async def close(self) -> None:
        """Commit what waits, then release everything; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._writer.close()
            self._feed.end(StoreError("STORE_CLOSED", "the store is being closed"))
            self._marker.close()
        finally:
            try:
                await self._engine.close()
            except EngineError as error:
                raise _failed(error) from error

    # Rows

    async def verification(self, verification_id: str) -> Verification | None:
        """Read a verification."""
        recent = self._recent.get(verification_id)
        if recent is not None:
            return recent.verification
        with _translated():
            row = await self._reads.verification(verification_id)
        if row is None:
            return None
        name, body, wrapped, ref = row
        return self._codec.open_verification(name, body, self._codec.unwrap(wrapped, ref))

    async def binding(self, binding_id: str) -> Binding | None:
        """Read a binding."""
        with _translated():
            row = await self._reads.binding(binding_id)
        return None if row is None else self._open_binding(row)

    def _open_binding(self, row: Whole) -> Binding:
        name, body, wrapped, ref = row
        return self._codec.open_binding(name, body, self._codec.unwrap(wrapped, ref))

    async def account_rows(self, relying_party: str, account_id: str, phone_number: str) -> AccountRows:
        """Read what a check needs."""
        account = (relying_party, account_id)
        known = self._cache.get(account, phone_number)
        if known is not None:
            return known
        sealer = self._codec.sealer
        account_ref = sealer.account_ref(relying_party, account_id)
        subject_ref = sealer.subject_ref(relying_party, phone_number)
        holds = False
        rows = []
        try:
            for row in await self._reads.account(account_ref):
                same = row[1] == subject_ref
                holds = holds or (same and row[2] in _LIVE)
                rows.append(BindingRow(row[0], same, _STATES[row[2]], _LEVELS[row[3]], *row[4:]))
            # A number has one holder; only if it is not this account can it be another.
            held_by_other = not holds and await self._reads.holder(subject_ref) is not None
        except EngineError as error:
            raise _failed(error) from error
        answer = AccountRows(tuple(rows), held_by_other)
        self._cache.keep(account, phone_number, answer)
        return answer

    async def account_rows_many(self, relying_party: str, shown: Sequence[tuple[str, str]]) -> list[AccountRows]:
        """Read what many checks need."""
        answers = []
        for count, (account_id, phone_number) in enumerate(shown, start=1):
            answers.append(await self.account_rows(relying_party, account_id, phone_number))
            if not count % BREATH_CHECKS:
                await asyncio.sleep(0)
        return answers

    async def list_bindings(self, relying_party: str, account_id: str, page_size: int, after: str) -> list[Binding]:
        """Read bindings in the order of their ids."""
        with _translated():
            if account_id:
                ref = self._codec.sealer.account_ref(relying_party, account_id)
                rows = await self._reads.account_bindings(ref, after, page_size)
            else:
                rows = await self._reads.party_bindings(relying_party, after, page_size)
        return await self._open_bindings(rows)

    async def due_bindings(self, now: int, limit: int) -> list[Binding]:
        """Read live bindings that are due."""
        with _translated():
            rows = await self._reads.due_bindings(now, limit)
        return await self._open_bindings(rows)

    async def operator_bindings(self, operator_id: str, after: str, limit: int) -> list[Binding]:
        """Read live bindings of an operator's numbers."""
        with _translated():
            rows = await self._reads.operator_bindings(operator_id, after, limit)
        return await self._open_bindings(rows)

    async def _open_bindings(self, rows: Sequence[Whole]) -> list[Binding]:
        found = []
        for count, row in enumerate(rows, start=1):
            found.append(self._open_binding(row))
            if not count % BREATH_ROWS:
                await asyncio.sleep(0)
        return found

    async def cursor(self, operator_id: str) -> str:
        """Read where a stream goes on."""
        with _translated():
            return await self._reads.cursor(operator_id) or ""

    async def policies(self) -> list[tuple[str, str]]:
        """Read the policies kept."""
        with _translated():
            return await self._reads.policies()

    # Administration

    async def agreements(self) -> list[AgreementRecord]:
        """Read all agreements."""
        with _translated():
            rows = await self._reads.agreements()
        return [self._codec.open_agreement(*row) for row in rows]

    def follow_agreements(self, told: Callable[[AgreementRecord], None]) -> None:
        """Have a function told of every agreement that changes."""
        self._agreement_followers.append(told)

    async def audit_events(
        self, before: int, limit: int, *, resource: str = "", start: int | None = None, end: int | None = None
    ) -> list[AuditEvent]:
        """Read events of the audit trail, the latest first."""
        with _translated():
            rows = await self._reads.audit_events(
                before, limit, resource, 0 if start is None else start, _FAR if end is None else end
            )
        return [AuditEvent(*row) for row in rows]

    # Changes

    def change_bounds(self) -> tuple[int, int]:
        """Return the newest purged and the newest published sequence number."""
        return self._feed.bounds

    async def changes(self, relying_party: str, after: int, limit: int) -> list[BindingChange]:
        """Read a relying party's changes."""
        with _translated():
            rows = await self._reads.changes(relying_party, after, limit)
        found = []
        for count, row in enumerate(rows, start=1):
            found.append(self._codec.open_change(row))
            if not count % BREATH_ROWS:
                await asyncio.sleep(0)
        return found

    async def changed(self, after: int) -> None:
        """Return once a later change is published."""
        await self._feed.changed(after)

    async def attestation(self, jti: str) -> AttestationRecord | None:
        """Read an attestation."""
        with _translated():
            row = await self._reads.attestation(jti)
        if row is None:
            return None
        *fields, leaf_index, signing_input, signature, body, wrapped, ref = row
        binding_id, verification_id, relying_party, key_id = fields
        record = AttestationRecord(
            jti, binding_id, verification_id, relying_party, "", key_id, signing_input, (), b"", b"",
            leaf_index, signature,
        )  # fmt: skip
        return self._codec.open_attestation(record, body, self._codec.unwrap(wrapped, ref))

    # The log

    def published(self) -> Published:
        """Return the newest published head."""
        return self._writer.published

    async def leaf(self, index: int, size: int) -> Leaf:
        """Read a leaf's inclusion path."""
        published = self.published()
        size = size or published.size
        if not 0 <= index < size <= published.size:
            raise _out_of_range(
                "LEAF_OUT_OF_RANGE",
                f"leaf {index} of a tree of {size} leaves was asked for; the log has {published.size}",
            )

        path = await self._prove(published.size, lambda node: tuple(inclusion_path(index, size, node)))
        if size < published.size:
            # Only the newest head's checkpoint is kept.
            root = await self._prove(published.size, lambda node: root_at(size, node))
            published = Published(published.origin, size, root, "")
        return Leaf(index, path, published)

    async def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """Read a consistency path."""
        size = self.published().size
        if not 0 <= old_size <= new_size <= size:
            raise _out_of_range(
                "TREE_SIZE_OUT_OF_RANGE",
                f"consistency from size {old_size} to {new_size} was asked for; "
                f"sizes must not fall, and the log has {size}",
            )
        return await self._prove(size, lambda node: tuple(consistency_path(old_size, new_size, node)))

    async def _prove(self, size: int, make: Callable[[NodeReader], T]) -> T:
        with _translated():
            return await self._log.prove(size, make)

    async def find_leaf(self, entry_hash: bytes) -> int | None:
        """Return the index of the first leaf with this hash."""
        with _translated():
            return await self._reads.find_leaf(entry_hash)

    async def tile(self, level: int, index: int, width: int) -> bytes | None:
        """Read hashes of a tile."""
        with _translated():
            return await self._log.tile(level, index, width, self.published().size)

    async def entries(self, start: int, count: int) -> list[bytes] | None:
        """Read entries."""
        with _translated():
            return await self._log.entries(start, count, self.published().size)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        raise _failed(error) from error


def _failed(error: EngineError) -> StoreError:
    return StoreError(error.reason, str(error))


def _out_of_range(reason: str, message: str) -> Refusal:
    return Refusal(Reasoning(Kind.OUT_OF_RANGE, reason), message)
