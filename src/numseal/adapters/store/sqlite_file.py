"""The SQLite file: making, locking, checking and connecting to it. What is in its tables is not this module's business.

Beside the database stand its lock and its mark; all have mode 0600. Every error names the file and what would be right.
"""

import fcntl
import os
import sqlite3
import sys
from pathlib import Path

from numseal.adapters.store.schema import REVISION
from numseal.ports.store import StoreError

_BUSY_SECONDS = 5.0


def lock(path: Path) -> int:
    """Take the lock beside the database and return its descriptor; raises StoreError where another process has it."""
    beside = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError("STORAGE_FAILED", f"{beside}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StoreError(
            "DATABASE_IN_USE",
            f"{path}: is in use by another process: stop that one, or give this one a database of its own",
        ) from None
    return descriptor


def create(path: Path) -> None:
    """Make an empty file of mode 0600 where there is none; raises StoreError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError("STORAGE_FAILED", f"{path}: cannot be opened: {error.strerror}") from None


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection as the engine needs it; raises sqlite3.Error."""
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA mmap_size = 0")
        connection.execute("PRAGMA trusted_schema = OFF")
        if sys.platform == "darwin":
            connection.execute("PRAGMA fullfsync = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def bring_up_to_date(path: Path) -> None:
    """Check that the file is a database of ours, and migrate an older or an empty one; raises StoreError."""
    try:
        found = _revision(path)
    except sqlite3.Error as error:
        raise unreadable(path, error) from error
    if found == REVISION:
        return
    # Alembic is large, and needed only where there is something to migrate.
    from numseal.adapters.store.migrations.run import is_older, migrate  # noqa: PLC0415

    if found is not None and not is_older(found):
        raise StoreError(
            "DATABASE_NEWER",
            f"{path}: has schema {found}, and this version of Numseal knows up to {REVISION}: it was written by a "
            "newer version; use that one",
        )
    try:
        migrate(path)
    except sqlite3.Error as error:
        raise unreadable(path, error) from error


def _revision(path: Path) -> str | None:
    """Return the file's schema revision, None for an empty database."""
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return None
        if "alembic_version" not in tables:
            raise StoreError(
                "DATABASE_FOREIGN", f"{path}: is an SQLite database, but not one of Numseal: give another path"
            )
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return row and str(row[0])
    finally:
        connection.close()


def unreadable(path: Path, error: sqlite3.Error) -> StoreError:
    """Tell that SQLite cannot work with the file."""
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_NOTADB":
        return StoreError("STORAGE_CORRUPT", f"{path}: is not an SQLite database: give the path of one, or of no file")
    if name.startswith("SQLITE_CORRUPT"):
        return StoreError("STORAGE_CORRUPT", f"{path}: the database is damaged ({error}): restore it")
    reason = "STORAGE_FULL" if name == "SQLITE_FULL" else "STORAGE_FAILED"
    return StoreError(reason, f"{path}: cannot be used: {error} ({name})")
