"""Finds what a message id names, however it is written: as it is, in another case, or the same number in another base.

SMSCs answer a submit with a hexadecimal id and tell of it in decimal, or the other way round, pad with zeros, or use
UUIDs. So one text may name several messages; who looks chooses among them. In memory, bounded by its user.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

V = TypeVar("V")

SHARING = 16
"""Values that are kept under one reading of an id, the newest: who uses one id for all costs no more than that."""

_DECIMAL = frozenset("0123456789")
_HEXADECIMAL = frozenset("0123456789abcdef")


class Likeness(IntEnum):
    """How a text names an id, in the order of what is likelier where nothing else decides."""

    SAME = 0
    HEX_TOLD_DECIMAL = 1
    DECIMAL_TOLD_HEX = 2


@dataclass(frozen=True, slots=True)
class _Reading:
    """An id in lower case, and the numbers it may be, None where it is none."""

    text: str
    hexadecimal: int | None
    decimal: int | None

    @classmethod
    def of(cls, message_id: str) -> "_Reading":
        text = message_id.lower()
        letters = set(text)
        if not letters or not letters <= _HEXADECIMAL:
            return cls(text, None, None)
        return cls(text, int(text, 16), int(text) if letters <= _DECIMAL else None)

    @property
    def keys(self) -> set[str | int]:
        """All that the id is found by."""
        return {key for key in (self.text, self.hexadecimal, self.decimal) if key is not None}


class MessageIds(Generic[V]):
    """Owns values by the ids that SMSCs gave; an id may have several, of which the newest are found."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_key: dict[str | int, list[tuple[_Reading, V]]] = {}

    def add(self, message_id: str, value: V) -> None:
        """Keep a value under an id; the oldest of more than 16 that read alike is found by that no more."""
        reading = _Reading.of(message_id)
        for key in reading.keys:
            kept = self._by_key.setdefault(key, [])
            kept.append((reading, value))
            if len(kept) > SHARING:
                del kept[0]

    def remove(self, message_id: str, value: V) -> None:
        """Forget a value that was kept under an id, where it still is."""
        for key in _Reading.of(message_id).keys:
            kept = [entry for entry in self._by_key.get(key, ()) if entry[1] is not value]
            if kept:
                self._by_key[key] = kept
            else:
                self._by_key.pop(key, None)

    def find(self, told: str, *, told_by_receipt: bool = True) -> Iterator[tuple[Likeness, V]]:
        """Yield the values that a text may name, each once, and how.

        `told_by_receipt` says that ids of responses are kept and `told` is a receipt's; False, the other way round.
        """
        seen: set[int] = set()
        reading = _Reading.of(told)
        for key in reading.keys:
            for kept, value in self._by_key.get(key, ()):
                if id(value) not in seen:
                    seen.add(id(value))
                    given, asked = (kept, reading) if told_by_receipt else (reading, kept)
                    yield _likeness(given, asked), value


def _likeness(given: _Reading, told: _Reading) -> Likeness:
    """Tell how an id given in a response was told in a receipt that names the same number."""
    if given.text == told.text or given.text.lstrip("0") == told.text.lstrip("0"):
        return Likeness.SAME
    if told.decimal is not None and given.hexadecimal == told.decimal:
        return Likeness.HEX_TOLD_DECIMAL
    return Likeness.DECIMAL_TOLD_HEX
