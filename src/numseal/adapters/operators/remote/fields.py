"""Single fields of messages, read as the contract's comments have them: sizes, times, names. Pure.

What is said of one field lives here; which fields a message needs is for those who read it. An error names the field
and never tells what it holds.
"""

import re

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from numseal.usecases.answer_checks import ImpossibleAnswer

MAX_TIME = 253_402_300_799
"""The last second of the year 9999, where `google.protobuf.Timestamp` ends."""

MAX_SPAN = 315_576_000_000
"""Ten thousand years in seconds, where `google.protobuf.Duration` ends."""

MIN_REFERENCE, MAX_REFERENCE = 16, 64
"""Bytes of a keyed hash."""

MAX_NAME = 64

PLMN = re.compile(r"[0-9]{3}-[0-9]{2,3}")

_NANOS = 1_000_000_000


class BrokenContractError(ImpossibleAnswer, ValueError):
    """A message that the contract does not allow; the sentence names the field."""


def text(path: str, value: str, least: int, most: int) -> str:
    """Return printable text of so many characters; raise `BrokenContractError`."""
    if not least <= len(value) <= most or not value.isprintable():
        raise BrokenContractError(f"{path}: {least} to {most} printable characters are expected")
    return value


def reference(path: str, value: bytes) -> str:
    """Return a keyed hash as hex; raise `BrokenContractError` unless it has 16 to 64 bytes."""
    if not MIN_REFERENCE <= len(value) <= MAX_REFERENCE:
        raise BrokenContractError(f"{path}: {MIN_REFERENCE} to {MAX_REFERENCE} bytes are expected")
    return value.hex()


def opaque(path: str, value: bytes, most: int) -> bytes:
    """Return bytes, at most so many; raise `BrokenContractError`."""
    if len(value) > most:
        raise BrokenContractError(f"{path}: at most {most} bytes are expected")
    return value


def plmn(path: str, value: str) -> str:
    """Return a network as "MCC-MNC"; raise `BrokenContractError`."""
    if not PLMN.fullmatch(value):
        raise BrokenContractError(f'{path}: a network as "MCC-MNC" is expected')
    return value


def moment(path: str, value: Timestamp) -> int:
    """Return Unix seconds, fractions cut off; raise `BrokenContractError` for a time before 1970 or beyond 9999."""
    if not (0 <= value.seconds <= MAX_TIME and 0 <= value.nanos < _NANOS):
        raise BrokenContractError(f"{path}: a time between the years 1970 and 9999 is expected")
    return value.seconds


def span(path: str, value: Duration) -> int:
    """Return whole seconds, a begun one counted; raise `BrokenContractError` for what is no span."""
    if not (0 <= value.seconds <= MAX_SPAN and 0 <= value.nanos < _NANOS):
        raise BrokenContractError(f"{path}: a span of 0 seconds or more is expected")
    return value.seconds + (value.nanos > 0)


def timestamp(time: int | None) -> Timestamp | None:
    """Write Unix seconds; None stays away."""
    return None if time is None else Timestamp(seconds=time)


def duration(seconds: int | None) -> Duration | None:
    """Write seconds; None stays away."""
    return None if seconds is None else Duration(seconds=seconds)
