"""Reading tables of a policy document strictly. What the keys mean is in `policy`; only forms are checked here.

Every refusal names the key, what stands there and what would be right.
"""

from collections.abc import Collection, Mapping
from typing import TypeVar

E = TypeVar("E")

Table = Mapping[str, object]
MAX_WHOLE = 1_000_000


MAX_MESSAGE = 2_000


class PolicyError(ValueError):
    """The policy cannot be used; the message names the key, what stands there and what would be right."""

    def __init__(self, message: str) -> None:
        """Take the message; what cannot be written as UTF-8 is escaped, what is endless is cut."""
        super().__init__(message[:MAX_MESSAGE].encode("utf-8", "backslashreplace").decode())


def only(table: Table, allowed: Collection[str], where: str) -> None:
    """Refuse keys other than those allowed; `where` is the table's name with a dot after it."""
    for key in table:
        if key not in allowed:
            raise PolicyError(f"{where}{key}: no such key; expected one of {', '.join(sorted(allowed))}")


def table_of(document: Table, key: str, where: str = "") -> Table:
    """Return a table that must be there."""
    value = document.get(key)
    if not isinstance(value, dict):
        raise PolicyError(f"{where}{key}: a table is expected, not {value!r}")
    return value


def whole(table: Table, key: str, where: str, least: int = 0) -> int:
    """Return a whole number from `least` to a million that must be there."""
    value = table.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_WHOLE:
        raise PolicyError(f"{where}{key}: {value!r} is not a whole number from {least} to {MAX_WHOLE}")
    return value


def truth(table: Table, key: str, where: str) -> bool:
    """Return true or false, which must be there."""
    value = table.get(key)
    if not isinstance(value, bool):
        raise PolicyError(f"{where}{key}: {value!r} is neither true nor false")
    return value


def choice(table: Table, key: str, where: str, allowed: Mapping[str, E]) -> E:
    """Return what one name that must be there stands for."""
    value = table.get(key)
    if not isinstance(value, str) or value not in allowed:
        raise PolicyError(f"{where}{key}: {value!r} is not one of {', '.join(allowed)}")
    return allowed[value]


def choices(table: Table, key: str, where: str, allowed: Mapping[str, E]) -> tuple[E, ...]:
    """Return what a list of names stands for, in the order of `allowed`; it must be there, and name nothing twice."""
    value = table.get(key)
    if not isinstance(value, list):
        raise PolicyError(f"{where}{key}: {value!r} is not a list of names")
    for name in value:
        if not isinstance(name, str) or name not in allowed:
            raise PolicyError(f"{where}{key}: {name!r} is not one of {', '.join(allowed)}")
        if value.count(name) > 1:
            raise PolicyError(f"{where}{key}: {name!r} stands there more than once; once is enough")
    return tuple(meaning for name, meaning in allowed.items() if name in value)
