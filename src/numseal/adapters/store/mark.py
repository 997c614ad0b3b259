"""The mark: outside the database, how far its log was published, so that a restored older copy is noticed on start.

Only the small file lives here; when it is written and what is compared is the store's business. It has two slots that
are written in turn and in place: a write that a crash tore leaves the other one, and a full disk does not hinder it.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import orjson

from numseal.ports.store import StoreError
from numseal.tlog.hashing import HASH_SIZE

SLOT_BYTES = 1_024
_SLOTS = 2


@dataclass(frozen=True, slots=True)
class Mark:
    """A head that was published."""

    origin: str
    size: int
    root: bytes


class MarkFile:
    """The newest mark, in one file. Not for several threads at once."""

    __slots__ = ("_next", "_path")

    def __init__(self, path: Path) -> None:
        """Take the file's path; it need not exist."""
        self._path = path
        self._next = 0

    def __str__(self) -> str:
        """Return the path."""
        return str(self._path)

    def read(self) -> Mark | None:
        """Return the newest mark, None where there is no file; raises StoreError for a file that holds none."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError("MARK_UNREADABLE", f"{self._path}: cannot be read: {error.strerror}") from None
        marks = [_parse(content[SLOT_BYTES * slot : SLOT_BYTES * (slot + 1)]) for slot in range(_SLOTS)]
        found = [(mark.size, slot, mark) for slot, mark in enumerate(marks) if mark is not None]
        if not found:
            raise StoreError(
                "MARK_UNREADABLE",
                f"{self._path}: does not hold the log's mark. It guards against an older copy of the database: "
                "restore it, or remove it if you are sure that the database is the newest one",
            )
        _, slot, newest = max(found, key=lambda item: item[:2])
        self._next = (slot + 1) % _SLOTS
        return newest

    def write(self, mark: Mark) -> None:
        """Write a mark durably; raises OSError, and leaves the last one then."""
        made = not self._path.exists()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, _format(mark), SLOT_BYTES * self._next)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if made:
            _sync_directory(self._path.parent)
        self._next = (self._next + 1) % _SLOTS


def _format(mark: Mark) -> bytes:
    fields = orjson.dumps([mark.origin, mark.size, mark.root.hex()])
    line = orjson.dumps([fields.decode(), hashlib.sha256(fields).hexdigest()])
    return line.ljust(SLOT_BYTES - 1) + b"\n"


def _parse(slot: bytes) -> Mark | None:
    """Read a slot; None for one that was never written, or was torn."""
    try:
        fields, check = orjson.loads(slot)
        if hashlib.sha256(fields.encode()).hexdigest() != check:
            return None
        origin, size, root = orjson.loads(fields)
        mark = Mark(origin, size, bytes.fromhex(root))
    except (ValueError, TypeError, AttributeError):
        return None
    sound = type(origin) is str and type(size) is int and len(mark.root) == HASH_SIZE
    return mark if sound else None


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
