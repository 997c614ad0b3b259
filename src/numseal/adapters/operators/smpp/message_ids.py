"""Finds what a message id names, however it is written: as it is, in another case, or the same number in another base.

SMSCs answer a submit with a hexadecimal id and tell of it in decimal, or the other way round, pad with zeros, or use
UUIDs. So one text may name several messages; who looks chooses among them. In memory, bounded by its user.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Generic, TypeVar

V = TypeVar("V")

_DECIMAL = frozenset("0123456789")
_HEXADECIMAL = frozenset("0123456789abcdef")


class Likeness(IntEnum):
    """How a text names an id, in the order of what is likelier where nothing else decides."""

    SAME = 0
    HEX_TOLD_DECIMAL = 1
    DECIMAL_TOLD_HEX = 2


class MessageIds(Generic[V]):
    """Owns values by the ids that SMSCs gave; an id may have several."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_key: dict[str | int, list[tuple[str, V]]] = {}

    def add(self, message_id: str, value: V) -> None:
        """Keep a value under an id."""
        for key in _keys(message_id):
            self._by_key.setdefault(key, []).append((message_id, value))

    def remove(self, message_id: str, value: V) -> None:
        """Forget a value that was kept under an id."""
        for key in _keys(message_id):
            kept = [entry for entry in self._by_key[key] if entry[1] is not value]
            if kept:
                self._by_key[key] = kept
            else:
                del self._by_key[key]

    def find(self, told: str, *, told_by_receipt: bool = True) -> Iterator[tuple[Likeness, V]]:
        """Yield the values that a text may name, each once, and how.

        `told_by_receipt` says that ids of responses are kept and `told` is a receipt's; False, the other way round.
        """
        seen: set[int] = set()
        for key in _keys(told):
            for kept, value in self._by_key.get(key, ()):
                if id(value) not in seen:
                    seen.add(id(value))
                    given, asked = (kept, told) if told_by_receipt else (told, kept)
                    yield _likeness(given, asked), value


def _keys(message_id: str) -> set[str | int]:
    """Return all that an id is found by: its text, and the numbers it may be."""
    text = message_id.lower()
    letters = set(text)
    keys: set[str | int] = {text}
    if letters and letters <= _HEXADECIMAL:
        keys.add(int(text, 16))
        if letters <= _DECIMAL:
            keys.add(int(text))
    return keys


def _likeness(given: str, told: str) -> Likeness:
    """Tell how an id given in a response was told in a receipt that names the same number."""
    given, told = given.lower().lstrip("0"), told.lower().lstrip("0")
    if given == told:
        return Likeness.SAME
    if set(told) <= _DECIMAL and int(given or "0", 16) == int(told or "0"):
        return Likeness.HEX_TOLD_DECIMAL
    return Likeness.DECIMAL_TOLD_HEX
