"""The audit trail: what administrators did, in a sequence without gaps, each event chained to the one before.

The chain hash of an event is SHA-256 over that of the event before (32 zero bytes before the first) and the event's
canonical JSON: sorted keys, no spaces, UTF-8. Whoever has all events up to one that somebody else has seen can tell
whether any of them was changed or left out.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

BEGINNING = bytes(32)
"""What stands for the chain hash of the event before the first."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did, and to what; `detail` is a JSON object without secrets, numbers and accounts."""

    administrator_id: str
    action: str
    resource: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event: its number from 1, its time in Unix seconds, the deed, and the 32 bytes that chain it."""

    sequence: int
    time: int
    administrator_id: str
    action: str
    resource: str
    detail: str
    chain_hash: bytes


def next_event(tail: tuple[int, bytes] | None, deed: Deed, now: int) -> AuditEvent:
    """Return the event after the one whose sequence and chain hash are given, the first where there is none."""
    last, before = tail or (0, BEGINNING)
    unchained = AuditEvent(last + 1, now, deed.administrator_id, deed.action, deed.resource, deed.detail, b"")
    return AuditEvent(
        last + 1, now, deed.administrator_id, deed.action, deed.resource, deed.detail, _chain(before, unchained)
    )


def first_break(events: Iterable[AuditEvent]) -> int | None:
    """Return the number at which a whole trail, in its order, is not what was recorded; None where all of it is."""
    before, expected = BEGINNING, 1
    for event in events:
        if event.sequence != expected or event.chain_hash != _chain(before, event):
            return expected
        before, expected = event.chain_hash, expected + 1
    return None


def _chain(before: bytes, event: AuditEvent) -> bytes:
    content = {
        "action": event.action,
        "administrator_id": event.administrator_id,
        "detail": event.detail,
        "resource": event.resource,
        "sequence": event.sequence,
        "time": event.time,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(before + text.encode()).digest()
