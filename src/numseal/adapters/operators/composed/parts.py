"""The parts that one operator is made of. Values only; what they answer is read elsewhere.

A part is known again by its name, wherever it stands in the order: its tag goes into what Numseal keeps.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from numseal.ports.operator_backend import OperatorBackend

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Part:
    """A backend by its name ("hlr"), which evidence tells as the source; 1 to 32 of [a-z0-9-], no - at its ends."""

    name: str
    backend: OperatorBackend

    @property
    def tag(self) -> str:
        """Four characters of [A-Za-z0-9_-] that stand for the name."""
        return _tag(self.name)


def checked(operator_id: str, parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return the parts; raise `ValueError` where they cannot be those of one operator."""
    if not parts:
        raise ValueError(f"operator {operator_id}: found no parts, expected at least one")
    for part in parts:
        if not NAME.fullmatch(part.name):
            raise ValueError(
                f"operator {operator_id}: found the part {part.name[:40]!r}, expected a name of 1 to 32 of [a-z0-9-]"
            )
        if part.backend.operator_id != operator_id:
            raise ValueError(
                f"operator {operator_id}, part {part.name}: found a backend of operator "
                f"{part.backend.operator_id[:64]!r}, expected one of the operator's own"
            )
    names, tags = {part.name for part in parts}, {part.tag for part in parts}
    if len(names) < len(parts):
        raise ValueError(f"operator {operator_id}: found two parts of one name, expected every name once")
    if len(tags) < len(parts):
        raise ValueError(f"operator {operator_id}: found part names with one tag; rename one of {', '.join(names)}")
    return tuple(parts)


@lru_cache(maxsize=1_024)
def _tag(name: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()[:3]).decode()
