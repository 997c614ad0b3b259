"""The mark: outside the database, how far its log had grown, so that a restored older copy is noticed on start.

Only the small file lives here; when it is written and what is compared is the store's business.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import orjson

from numseal.ports.store import StoreError
from numseal.tlog.hashing import HASH_SIZE


@dataclass(frozen=True, slots=True)
class Mark:
    """A head that was published."""

    origin: str
    size: int
    root: bytes


class MarkFile:
    """One mark in one file, replaced as a whole."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        """Take the file's path; it need not exist."""
        self._path = path

    def __str__(self) -> str:
        """Return the path."""
        return str(self._path)

    def read(self) -> Mark | None:
        """Return the mark, None where there is none; raises StoreError for a file that holds no mark."""
        try:
            fields = orjson.loads(self._path.read_bytes())
            mark = Mark(fields["origin"], fields["size"], bytes.fromhex(fields["root"]))
            if type(mark.origin) is str and type(mark.size) is int and len(mark.root) == HASH_SIZE:
                return mark
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError("MARK_UNREADABLE", f"{self._path}: cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, LookupError):
            pass
        raise StoreError(
            "MARK_UNREADABLE",
            f"{self._path}: does not hold the log's mark (origin, size, root as JSON). It guards against an older copy "
            "of the database: restore it, or remove it if you are sure that the database is the newest one",
        )

    def write(self, mark: Mark) -> None:
        """Replace the mark durably; raises OSError."""
        content = orjson.dumps({"origin": mark.origin, "size": mark.size, "root": mark.root.hex()})
        beside = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, content + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
