"""The built-in engine: one SQLite file, one writing and one reading connection of this process.

Only rows and transactions live here; opening, locking and checking the file is `sqlite_file`, reading is
`sqlite_reads`. COMMIT and checkpoints run in one thread of their own. The write-ahead log is checkpointed between two
batches only (SQLite before 3.51.3 can corrupt a file when a checkpoint meets another writer).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numseal.adapters.store.engine import Changes, EngineError, Head, Loaded, Wanted
from numseal.adapters.store.sqlite_reads import SQL, SqliteLogRows, SqliteReads, engine_error, translated
from numseal.adapters.store.statements import BATCHED, PURGE_ROWS

CHECKPOINT_ROWS = 4_000
"""Rows written before the write-ahead log is checkpointed; each touches a few pages, so it stays below 100 MB."""

# The commit's last frame is written last, so a write that failed means that it is not there: nothing was committed.
# Only a failed sync leaves it open whether the frames survive.
_SETTLED = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_BUSY", "SQLITE_CONSTRAINT", "SQLITE_READONLY")


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
        with translated("beginning a batch"):
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
        with translated("loading rows"):
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
            loaded.sightings.update(ref for (ref,) in self._many(SQL.load_sightings, wanted.sightings))
            loaded.streams.update(self._many(SQL.load_streams, wanted.streams))
            loaded.agreements.update(self._many(SQL.load_agreements, wanted.agreements))
            if wanted.audit:
                loaded.audit_tail = self._cursor.execute(SQL.audit_tail).fetchone()
            for watch_ref, name, ref, body, key in self._many(SQL.load_watches, wanted.watches):
                loaded.watched.setdefault(watch_ref, []).append(name)
                loaded.bindings[name] = (ref, body)
                loaded.subjects[ref] = key
            if wanted.purge:
                self._find_expired(wanted.now, loaded)
        return loaded

    def _find_expired(self, now: int, loaded: Loaded) -> None:
        loaded.expired_change = self._cursor.execute(SQL.expired_change, (PURGE_ROWS, now)).fetchone()[0] or 0
        found = self._cursor.execute(SQL.any_expired, (now, now, now, now, 1)).fetchone()
        loaded.expired = found is not None or loaded.expired_change > 0

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
            (SQL.insert_change, changes.changes),
            (SQL.upsert_budget, changes.budgets),
            (SQL.insert_sighting, changes.sightings),
            (SQL.upsert_stream, changes.streams),
            (SQL.keep_policy, changes.policies),
            (SQL.upsert_agreement, changes.agreements),
            (SQL.insert_audit_event, changes.audit_events),
            (SQL.insert_attestation, changes.attestations),
            (SQL.insert_leaf, changes.leaves),
            (SQL.insert_tile, changes.tiles),
            (SQL.update_signature, changes.signatures),
        )
        with translated("writing rows"):
            for sql, rows in bulk:
                if rows:
                    self._cursor.executemany(sql, rows)
                    self._rows_since_checkpoint += len(rows)
            if changes.purge is not None:
                self._purge(changes.purge, head.purged_sequence)
            self._cursor.execute(
                SQL.update_head,
                (
                    head.origin, head.size, head.root, head.frontier, head.time, head.batch_id, head.key_check,
                    head.change_sequence, head.purged_sequence,
                ),
            )  # fmt: skip

    def _purge(self, now: int, purged_sequence: int) -> None:
        bounded = (now, PURGE_ROWS)
        subjects = self._cursor.execute(SQL.purged_subjects, bounded).fetchall()
        subjects += self._cursor.execute(SQL.purged_change_subjects, (purged_sequence,)).fetchall()
        self._cursor.execute(SQL.purge_verifications, bounded)
        self._cursor.execute(SQL.purge_changes, (purged_sequence,))
        self._cursor.executemany(SQL.purge_subject, subjects)
        self._cursor.execute(SQL.purge_requests, bounded)
        self._cursor.execute(SQL.purge_budgets, bounded)
        self._cursor.execute(SQL.purge_sightings, bounded)

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
        with translated("rolling back"):
            if self._db.in_transaction:
                self._cursor.execute("ROLLBACK")

    async def recover(self) -> Head:
        """Reconnect and commit a raised fence: what was left of the unknown commit is then in it or written over."""
        with translated("reopening the database"):
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
        with translated("checkpointing"):
            await self._in_thread(self._checkpoint)
        self.reads.show()

    def _checkpoint(self) -> None:
        # A statement whose rows nobody fetched stays open, and no COMMIT is possible beside it.
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    async def close(self) -> None:
        """Close both connections; the last one checkpoints the log and removes it."""
        self._thread.shutdown()
        try:
            with translated("closing the database"):
                self.reads.close()
                self._db.close()
        finally:
            self._release()
