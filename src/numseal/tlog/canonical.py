"""Canonical texts of the C2SP formats: base64 and decimal numbers that can be written in one way only.

Strict readers of small tokens live here. They raise `ValueError`; the format that uses them names the line.
"""

import base64
import binascii
import re

from numseal.tlog.hashing import HASH_SIZE

MAX_SIZE = 2**63 - 1
"""Largest tree size, index and time accepted; int64 is what every implementation of the formats can hold."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def encode_base64(raw: bytes) -> str:
    """Write bytes in the standard base64 with padding (RFC 4648 §4)."""
    return base64.b64encode(raw).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Read standard base64; refuse line breaks, missing padding and trailing bits (RFC 4648 §3.5)."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if encode_base64(raw) != text:
        raise ValueError("not canonical base64")
    return raw


def decode_hash(text: str) -> bytes:
    """Read a base64 line that must hold exactly one 32-byte hash."""
    raw = decode_base64(text)
    if len(raw) != HASH_SIZE:
        raise ValueError(f"{len(raw)} bytes where a hash has {HASH_SIZE}")
    return raw


def parse_decimal(text: str) -> int:
    """Read an ASCII decimal of 0 to 2^63-1 without sign or leading zeroes."""
    if _DECIMAL.fullmatch(text) is None or int(text) > MAX_SIZE:
        raise ValueError("not a decimal number of 0 to 2^63-1 without leading zeroes")
    return int(text)
