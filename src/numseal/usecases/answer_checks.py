"""What the strict readers of operators' answers are made of: one check for each kind of field, built once, at import.

A check looks at one value: its exact type, size and range. Which fields an answer has, and which of them belong
together, is for the readers. Pure.
"""

import re
from collections.abc import Callable
from dataclasses import is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

MAX_CHALLENGE = 1_024
MAX_ITEMS = 16
MAX_NAME = 64
MAX_REFERENCE = 256
MAX_TIME = 2**40
MAX_INT = 2**63 - 1

OPERATOR_ID = re.compile(r"[a-z0-9-]{1,64}")
PLMN = re.compile(r"([0-9]{3}-[0-9]{2,3})?")

_TEXTS: dict[str, tuple[int, int] | re.Pattern[str]] = {
    "Meta.source": (0, MAX_NAME),
    "Meta.code_space": (0, MAX_NAME),
    "Meta.code": (0, 128),
    "SubscriberRef.ref": (1, MAX_REFERENCE),
    "SubscriberRef.key_epoch": (1, MAX_NAME),
    "SimRef.ref": (1, MAX_REFERENCE),
    "SimRef.key_epoch": (1, MAX_NAME),
    "DeviceRef.ref": (1, MAX_REFERENCE),
    "DeviceRef.key_epoch": (1, MAX_NAME),
    "DeviceRef.tac": (0, 16),
    "Port.from_operator": (0, MAX_NAME),
    "Serving.plmn": PLMN,
    "Serving.node_ref": (0, MAX_REFERENCE),
    "Serving.key_epoch": (0, MAX_NAME),
}
"""Fewest and most characters of every text in evidence, or its pattern; an empty reference would equal any other."""

Check = Callable[[Any], int]
"""Raises `ImpossibleAnswer` for what cannot be; returns the latest time found inside, 0 for none."""


class ImpossibleAnswer(Exception):  # noqa: N818 - what it names is the answer
    """An answer that the contract does not allow; the message names the field, and of what it holds operators only."""


def evidence(path: str, kind: Any) -> Check:
    """Build the check of a field of evidence from its annotation; a kind that has none here fails at import."""
    inner = get_args(kind)
    if get_origin(kind) is tuple:
        return many(path, evidence(path, inner[0]))
    if get_origin(kind) is UnionType and inner[1:] == (type(None),):
        return optional(evidence(path, inner[0]))
    if is_dataclass(kind) and isinstance(kind, type):
        return record(path, kind)
    if kind is str:
        size = _TEXTS[path]
        return matching(path, size) if isinstance(size, re.Pattern) else text(path, *size)
    if kind is int:
        return moment(path) if path.endswith(("time", "last_seen")) else count(path)
    return exactly(path, kind)


def record(path: str, kind: type) -> Check:
    """Take this dataclass of evidence, every field checked."""
    checks = tuple((name, evidence(f"{kind.__name__}.{name}", hint)) for name, hint in get_type_hints(kind).items())

    def check(value: Any) -> int:
        if type(value) is not kind:
            raise ImpossibleAnswer(f"{path}: a {kind.__name__} is expected")
        latest = 0
        for name, one in checks:
            time = one(getattr(value, name))
            if time > latest:  # noqa: PLR1730 - half the cost of max()
                latest = time
        return latest

    return check


def many(path: str, one: Check, most: int = MAX_ITEMS) -> Check:
    """Take a tuple of at most so many."""

    def check(value: Any) -> int:
        if type(value) is not tuple:
            raise ImpossibleAnswer(f"{path}: a tuple is expected")
        if len(value) > most:
            raise ImpossibleAnswer(f"{path}: found {len(value)}, expected at most {most}")
        return max(map(one, value), default=0)

    return check


def optional(one: Check) -> Check:
    """Take None too."""
    return lambda value: 0 if value is None else one(value)


def text(path: str, least: int, most: int) -> Check:
    """Take printable text of so many characters."""

    def check(value: Any) -> int:
        if type(value) is not str or not least <= len(value) <= most or not value.isprintable():
            raise ImpossibleAnswer(f"{path}: {least} to {most} printable characters are expected")
        return 0

    return check


def opaque(path: str, most: int) -> Check:
    """Take bytes, at most so many."""

    def check(value: Any) -> int:
        if type(value) is not bytes or len(value) > most:
            raise ImpossibleAnswer(f"{path}: at most {most} bytes are expected")
        return 0

    return check


def matching(path: str, form: re.Pattern[str]) -> Check:
    """Take text that matches whole."""

    def check(value: Any) -> int:
        if type(value) is not str or not form.fullmatch(value):
            raise ImpossibleAnswer(f"{path}: text like {form.pattern} is expected")
        return 0

    return check


def moment(path: str) -> Check:
    """Take Unix seconds."""

    def check(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= MAX_TIME:
            raise ImpossibleAnswer(f"{path}: Unix seconds are expected")
        return value

    return check


def count(path: str) -> Check:
    """Take a number from 0 on."""

    def check(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= MAX_INT:
            raise ImpossibleAnswer(f"{path}: a count of at most 63 bits is expected")
        return 0

    return check


def exactly(path: str, kind: type) -> Check:
    """Take a value of this very type: an enum's member, a truth."""

    def check(value: Any) -> int:
        if type(value) is not kind:
            raise ImpossibleAnswer(f"{path}: a {kind.__name__} is expected")
        return 0

    return check


def one_of(path: str, names: frozenset[str]) -> Check:
    """Take one of these names."""

    def check(value: Any) -> int:
        if type(value) is not str or value not in names:
            raise ImpossibleAnswer(f"{path}: a name of the contract is expected")
        return 0

    return check
