"""Secrets in files of their own: reading with the owner's eyes only, creating without ever replacing one.

What a secret is for is its reader's business; nothing here parses one.
"""

import os
import stat
from pathlib import Path

MAX_BYTES = 64 * 1024
SECRET_BYTES = 32


class KeyFileError(Exception):
    """A key file cannot be used or made; the message names the file, what is wrong, and what would be right."""


def read_secret_file(path: Path) -> bytes:
    """Return a file's bytes, 64 KiB at most, if nobody but its owner may read or write it; raises KeyFileError."""
    try:
        # Not to wait for a writer, should the path be a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _check(path, os.fstat(descriptor))
            return os.read(descriptor, MAX_BYTES)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from None


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyFileError(f"{path}: is not a file")
    mode = stat.S_IMODE(status.st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"{path}: mode {mode:04o} lets others at the secret; expected 0600: chmod 600 it")
    if status.st_size > MAX_BYTES:
        raise KeyFileError(f"{path}: has {status.st_size} bytes; a key file has {MAX_BYTES} at most")


def create_secret_file(path: Path, content: bytes) -> None:
    """Write a new file of mode 0600, durably; raises KeyFileError where one is there already or none can be made."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - O_EXCL and the mode need os.open
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(path.parent)
    except FileExistsError:
        raise KeyFileError(f"{path}: is there already; a key is never replaced in place") from None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be created: {error.strerror}") from None


def sync_directory(path: Path) -> None:
    """Make a directory's entries durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_secret(path: Path) -> bytes:
    """Return the 32 bytes that a file holds as 64 hex digits (a master key, a code key); raises KeyFileError."""
    text = read_secret_file(path).strip()
    try:
        secret = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise KeyFileError(f"{path}: does not hold a secret; expected {2 * SECRET_BYTES} hex digits on one line")
    return secret


def create_secret(path: Path, secret: bytes) -> None:
    """Write 32 bytes as hex digits to a new file; raises KeyFileError, and ValueError for another length."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} bytes, not {len(secret)}")
    create_secret_file(path, secret.hex().encode() + b"\n")
