r"""Entries of the log: `numseal/v1\n<kind>\n<base64 payload>\n`.

Nothing in an entry tells a number or an account: an attestation, a status token, a key manifest and an agreement's
change of state appear as SHA-256 hashes. Tree hashing belongs to `numseal.tlog`.
"""

import binascii
import hashlib
from dataclasses import dataclass
from enum import StrEnum

from numseal.attestation.errors import AttestationError

HASH_BYTES = 32
MAX_PAYLOAD_BYTES = 1024
_PREFIX = b"numseal/v1\n"


class EntryKind(StrEnum):
    """What an entry commits to."""

    ATTESTATION = "att"
    STATUS_TOKEN = "sl"  # noqa: S105  a kind of log entry
    KEY_MANIFEST = "key"
    AGREEMENT = "agr"


@dataclass(frozen=True, slots=True)
class Entry:
    """One log entry: its kind, and 32 bytes of hash, or up to 1,024 bytes for an agreement state change."""

    kind: EntryKind
    payload: bytes


def attestation_entry(signing_input: bytes) -> bytes:
    """Write the entry of an attestation: the hash of its JWS signing input.

    The signature is left out, since a second valid ECDSA signature exists for the same statement.
    """
    return b"numseal/v1\natt\n" + binascii.b2a_base64(hashlib.sha256(signing_input).digest())


def agreement_entry(document: bytes) -> bytes:
    """Write the entry of an agreement's change of state: the hash of the document that tells of it."""
    return b"numseal/v1\nagr\n" + binascii.b2a_base64(hashlib.sha256(document).digest())


def format_entry(entry: Entry) -> bytes:
    """Write an entry; raises AttestationError (ENTRY_INVALID) for a payload of the wrong length."""
    _check_length(entry)
    return _PREFIX + entry.kind.encode() + b"\n" + binascii.b2a_base64(entry.payload)


def parse_entry(data: bytes) -> Entry:
    """Read an entry strictly; raises AttestationError (ENTRY_INVALID)."""
    lines = data.split(b"\n")
    # A final newline leaves one empty piece: prefix, kind, payload, nothing.
    if len(lines) != 4 or lines[0] + b"\n" != _PREFIX or lines[3]:  # noqa: PLR2004
        raise AttestationError("ENTRY_INVALID", "the log entry is not three lines that begin with numseal/v1")
    try:
        kind = EntryKind(lines[1].decode("ascii"))
        payload = binascii.a2b_base64(lines[2], strict_mode=True)
    except ValueError:
        raise AttestationError("ENTRY_INVALID", "the log entry has an unknown kind or is not base64") from None
    entry = Entry(kind, payload)
    if format_entry(entry) != data:
        raise AttestationError("ENTRY_INVALID", "the log entry has stray bits at the end of its base64")
    return entry


def _check_length(entry: Entry) -> None:
    size = len(entry.payload)
    if entry.kind is EntryKind.AGREEMENT:
        if not 0 < size <= MAX_PAYLOAD_BYTES:
            raise AttestationError("ENTRY_INVALID", f"an agr entry has {size} bytes, it must have 1 to 1024")
    elif size != HASH_BYTES:
        raise AttestationError("ENTRY_INVALID", f"an {entry.kind} entry has {size} bytes, it must have {HASH_BYTES}")
