"""Who administers: told by a credential of its own, and nothing else is known of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Administrator:
    """An administrator by its id, 1 to 64 characters of [a-z0-9-]."""

    administrator_id: str
