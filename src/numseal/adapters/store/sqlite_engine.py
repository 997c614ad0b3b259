"""The built-in engine: one SQLite file, one writing and one reading connection of this process.

Only rows and transactions live here; opening, locking and checking the file is `sqlite_file`. Reads run inline on the
loop, on a snapshot that `show` moves: they see what was published and nothing later. COMMIT and checkpoints run in one
thread of their own. The write-ahead log is checkpointed between two batches only (SQLite before 3.51.3 can corrupt a
file when a checkpoint meets another writer).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.dialects import sqlite

from numseal.adapters.store.engine import Attestation, Changes, EngineError, Head, Loaded, Narrow, Wanted, Whole
from numseal.adapters.store.statements import BATCHED, PURGE_ROWS, Statements

CHECKPOINT_ROWS = 4_000
"""Rows written before the write-ahead log is checkpointed; each touches a few pages, so it stays below 100 MB."""

SQL: Final = Statements(sqlite.dialect(), sqlite.insert)

_REASONS = {
    "SQLITE_FULL": "STORAGE_FULL",
    "SQLITE_CORRUPT": "STORAGE_CORRUPT",
    "SQLITE_NOTADB": "STORAGE_CORRUPT",
    "SQLITE_BUSY": "STORAGE_BUSY",
    "SQLITE_CONSTRAINT": "ROWS_REFUSED",
}

# The commit's last frame is written last, so a write that failed means that it is not there: nothing was committed.
# Only a failed sync leaves it open whether the frames survive.
_SETTLED = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_BUSY", "SQLITE_CONSTRAINT", "SQLITE_READONLY")


def engine_error(error: sqlite3.Error, *, during: str, settled: bool = True) -> EngineError:
    """Translate a driver's error; `during` says what was being done."""
    name = getattr(error, "sqlite_errorname", "")
    primary = "_".join(name.split("_")[:2])
    return EngineError(_REASONS.get(primary, "STORAGE_FAILED"), f"{during}: {error} ({name})", settled=settled)


@contextmanager
def _translated(during: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise engine_error(error, during=during) from error


class SqliteLogRows:
    """The log's rows as one connection sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take the connection."""
        self._db = connection
        self._cursor = connection.cursor()

    def _all(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        with _translated("reading the database"):
            return self._cursor.execute(sql, parameters).fetchall()

    def _one(self, sql: str, parameters: Sequence[Any]) -> Any:
        with _translated("reading the database"):
            return self._cursor.execute(sql, parameters).fetchone()

    async def leaf_hashes(self, start: int, count: int) -> list[bytes]:
        """Return hashes of leaves."""
        return [row[0] for row in self._all(SQL.leaf_hashes, (start, start + count))]

    async def tile_roots(self, level: int, start: int, count: int) -> list[bytes]:
        """Return roots of full tiles."""
        return [row[0] for row in self._all(SQL.tile_roots, (level, start, start + count))]


class SqliteReads(SqliteLogRows):
    """Reads on a snapshot; implements `engine.Reads`."""

    def show(self) -> None:
        """Move the snapshot to what is committed now."""
        with _translated("reading the database"):
            if self._db.in_transaction:
                self._cursor.execute("COMMIT")
            self._cursor.execute("BEGIN")
            # The snapshot is taken by the first read.
            self._cursor.execute(SQL.head).fetchone()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    async def verification(self, verification_id: str) -> Whole | None:
        """Return a verification."""
        return self._one(SQL.verification, (verification_id,))  # type: ignore[no-any-return]

    async def binding(self, binding_id: str) -> Whole | None:
        """Return a binding."""
        return self._one(SQL.binding, (binding_id,))  # type: ignore[no-any-return]

    async def account(self, account_ref: bytes) -> list[Narrow]:
        """Return the bindings of an account; without `_all`, since every microsecond counts here."""
        try:
            return self._cursor.execute(SQL.account, (account_ref,)).fetchall()
        except sqlite3.Error as error:
            raise engine_error(error, during="reading the database") from error

    async def holder(self, subject_ref: bytes) -> bytes | None:
        """Return who holds a number."""
        row = self._one(SQL.holder, (subject_ref,))
        return row and row[0]  # type: ignore[no-any-return]

    async def account_bindings(self, account_ref: bytes, after: str, limit: int) -> list[Whole]:
        """Return bindings of an account."""
        return self._all(SQL.account_bindings, (account_ref, after, limit))

    async def party_bindings(self, relying_party: str, after: str, limit: int) -> list[Whole]:
        """Return bindings of a relying party."""
        return self._all(SQL.party_bindings, (relying_party, after, limit))

    async def attestation(self, jti: str) -> Attestation | None:
        """Return an attestation."""
        return self._one(SQL.attestation, (jti,))  # type: ignore[no-any-return]

    async def tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile."""
        row = self._one(SQL.tile, (level, index))
        return row and row[0]  # type: ignore[no-any-return]

    async def entries(self, start: int, count: int) -> list[bytes]:
        """Return entries."""
        return [row[0] for row in self._all(SQL.entries, (start, start + count))]

    async def find_leaf(self, leaf_hash: bytes) -> int | None:
        """Return the first leaf with a hash."""
        return self._one(SQL.find_leaf, (leaf_hash,))[0]  # type: ignore[no-any-return]


class SqliteEngine(SqliteLogRows):
    """The writing side; implements `engine.Engine`.

    `connect` opens a further connection to the file; `release` lets go of the file at the end.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], release: Callable[[], None]) -> None:
        """Open both connections; raises sqlite3.Error."""
        super().__init__(connect())
        self._connect = connect
        self._release = release
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="numseal-commit")
        self._rows_since_checkpoint = CHECKPOINT_ROWS
        self.reads = SqliteReads(connect())

    async def begin(self) -> Head:
        """Open a batch. This process alone writes, so the lock is there at once."""
        with _translated("beginning a batch"):
            self._cursor.execute("BEGIN IMMEDIATE")
            return self._head()

    def _head(self) -> Head:
        row = self._cursor.execute(SQL.head).fetchone()
        if row is None:
            raise EngineError("STORAGE_CORRUPT", "the database has no head row")
        return Head(*row)

    async def load(self, wanted: Wanted) -> Loaded:
        """Load rows in pieces of a few fixed sizes."""
        loaded = Loaded()
        with _translated("loading rows"):
            for name, ref, body, key in self._many(SQL.load_verifications, wanted.verifications):
                loaded.verifications[name] = (ref, body)
                loaded.subjects[ref] = key
            for name, ref, body, key in self._many(SQL.load_bindings, wanted.bindings):
                loaded.bindings[name] = (ref, body)
                loaded.subjects[ref] = key
            for ref, key, binding_id, body in self._many(SQL.load_subjects, wanted.subjects):
                loaded.subjects[ref] = key
                if binding_id is not None:
                    loaded.live[ref] = binding_id
                    loaded.bindings[binding_id] = (ref, body)
            loaded.requests.update(self._many(SQL.load_requests, wanted.requests, wanted.now))
            loaded.budgets.update(self._many(SQL.load_budgets, wanted.budgets))
            if wanted.purge:
                found = self._cursor.execute(SQL.any_expired, (wanted.now, wanted.now, wanted.now, 1))
                loaded.expired = found.fetchone() is not None
        return loaded

    def _many(self, texts: dict[int, str], keys: Sequence[Any], *rest: Any) -> Iterator[Any]:
        start = 0
        for size in BATCHED:
            while len(keys) - start >= size:
                piece = keys[start : start + size]
                yield from self._cursor.execute(texts[size], (*piece, *rest))
                start += size

    async def flush(self, changes: Changes) -> None:
        """Write rows, each kind with one prepared statement."""
        head = changes.head
        bulk: tuple[tuple[str, Sequence[Any]], ...] = (
            (SQL.insert_subject, changes.subjects),
            (SQL.upsert_verification, changes.verifications),
            (SQL.upsert_request, changes.requests),
            (SQL.upsert_binding, changes.bindings),
            (SQL.upsert_binding_body, changes.binding_bodies),
            (SQL.upsert_budget, changes.budgets),
            (SQL.insert_attestation, changes.attestations),
            (SQL.insert_leaf, changes.leaves),
            (SQL.insert_tile, changes.tiles),
            (SQL.update_signature, changes.signatures),
        )
        with _translated("writing rows"):
            for sql, rows in bulk:
                if rows:
                    self._cursor.executemany(sql, rows)
                    self._rows_since_checkpoint += len(rows)
            if changes.purge is not None:
                self._purge(changes.purge)
            self._cursor.execute(
                SQL.update_head,
                (head.origin, head.size, head.root, head.frontier, head.time, head.batch_id, head.key_check),
            )

    def _purge(self, now: int) -> None:
        bounded = (now, PURGE_ROWS)
        subjects = self._cursor.execute(SQL.purged_subjects, bounded).fetchall()
        self._cursor.execute(SQL.purge_verifications, bounded)
        self._cursor.executemany(SQL.purge_subject, subjects)
        self._cursor.execute(SQL.purge_requests, bounded)
        self._cursor.execute(SQL.purge_budgets, bounded)

    async def commit(self) -> None:
        """Commit in the thread; returns when the write-ahead log is synced."""
        try:
            await self._in_thread(self._db.execute, "COMMIT")
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            raise engine_error(error, during="committing", settled=name.startswith(_SETTLED)) from error

    async def _in_thread(self, call: Callable[..., object], *arguments: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    async def rollback(self) -> None:
        """Drop the open batch, if any."""
        with _translated("rolling back"):
            if self._db.in_transaction:
                self._cursor.execute("ROLLBACK")

    async def recover(self) -> Head:
        """Reconnect and commit a raised fence: what was left of the unknown commit is then in it or written over."""
        with _translated("reopening the database"):
            self._db.close()
            super().__init__(self._connect())
            self._cursor.execute("BEGIN IMMEDIATE")
            self._cursor.execute(SQL.raise_fence)
            head = self._head()
            await self._in_thread(self._db.execute, "COMMIT")
            return head

    def show(self) -> None:
        """Move the readers' snapshot."""
        self.reads.show()

    async def tidy(self) -> None:
        """Checkpoint when enough was written, then let the readers leave the log, so that it begins anew."""
        if self._rows_since_checkpoint < CHECKPOINT_ROWS:
            return
        self._rows_since_checkpoint = 0
        with _translated("checkpointing"):
            await self._in_thread(self._checkpoint)
        self.reads.show()

    def _checkpoint(self) -> None:
        # A statement whose rows nobody fetched stays open, and no COMMIT is possible beside it.
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    async def close(self) -> None:
        """Close both connections; the last one checkpoints the log and removes it."""
        self._thread.shutdown()
        try:
            with _translated("closing the database"):
                self.reads.close()
                self._db.close()
        finally:
            self._release()
