"""Enums of the contract as people read them."""

from typing import Any


def word(enum: Any, number: int) -> str:
    """Return an enum value's name without its prefix, or the number itself where the contract does not know it."""
    prefix: str = enum.Name(0).removesuffix("UNSPECIFIED")
    return enum.Name(number).removeprefix(prefix) if number in enum.values() else str(number)
