"""Randomness as the use cases see it."""

from typing import Protocol


class Entropy(Protocol):
    """Gives unpredictable bytes, fit for keys and codes; safe to call from any task."""

    def bytes(self, count: int) -> bytes:
        """Return `count` bytes."""

    def identifier(self) -> str:
        """Return 32 lowercase hex digits: 48 bits of Unix milliseconds, then 80 random bits (sorts by time)."""
