"""The reading side of the SQLite engine: rows as one connection sees them, on a snapshot that `show` moves.

Reads run inline on the loop and see what was published and nothing later. Nothing is written here.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.dialects import sqlite

from numseal.adapters.store.engine import Attestation, Audit, EngineError, Narrow, SealedChange, Whole
from numseal.adapters.store.statements import Statements

SQL: Final = Statements(sqlite.dialect(), sqlite.insert)

_REASONS = {
    "SQLITE_FULL": "STORAGE_FULL",
    "SQLITE_CORRUPT": "STORAGE_CORRUPT",
    "SQLITE_NOTADB": "STORAGE_CORRUPT",
    "SQLITE_BUSY": "STORAGE_BUSY",
    "SQLITE_CONSTRAINT": "ROWS_REFUSED",
}


def engine_error(error: sqlite3.Error, *, during: str, settled: bool = True) -> EngineError:
    """Translate a driver's error; `during` says what was being done."""
    name = getattr(error, "sqlite_errorname", "")
    primary = "_".join(name.split("_")[:2])
    return EngineError(_REASONS.get(primary, "STORAGE_FAILED"), f"{during}: {error} ({name})", settled=settled)


@contextmanager
def translated(during: str) -> Iterator[None]:
    """Turn a driver's error into an EngineError."""
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
        with translated("reading the database"):
            return self._cursor.execute(sql, parameters).fetchall()

    def _one(self, sql: str, parameters: Sequence[Any]) -> Any:
        with translated("reading the database"):
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
        with translated("reading the database"):
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

    async def due_bindings(self, now: int, limit: int) -> list[Whole]:
        """Return live bindings that are due."""
        return self._all(SQL.due_bindings, (now, limit))

    async def operator_bindings(self, operator_id: str, after: str, limit: int) -> list[Whole]:
        """Return live bindings of an operator."""
        return self._all(SQL.operator_bindings, (operator_id, after, limit))

    async def changes(self, relying_party: str, after: int, limit: int) -> list[SealedChange]:
        """Return changes."""
        return self._all(SQL.changes, (relying_party, after, limit))

    async def cursor(self, operator_id: str) -> str | None:
        """Return a stream's cursor."""
        row = self._one(SQL.cursor, (operator_id,))
        return row and row[0]  # type: ignore[no-any-return]

    async def policies(self) -> list[tuple[str, str]]:
        """Return all policies."""
        return self._all(SQL.policies, ())

    async def agreements(self) -> list[tuple[str, bytes]]:
        """Return all agreements."""
        return self._all(SQL.agreements, ())

    async def audit_events(self, before: int, limit: int, resource: str, start: int, end: int) -> list[Audit]:
        """Return events of the audit trail."""
        if resource:
            return self._all(SQL.audit_events_of, (before, start, end, resource, limit))
        return self._all(SQL.audit_events, (before, start, end, limit))

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
