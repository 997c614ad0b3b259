"""What a command has staged, so that it can be taken back. It knows nothing of what is in the tables of a batch."""

from typing import Any

_ABSENT = object()


class Journal:
    """Notes what stood where before it was staged over; owned by the batch, begun anew for each command."""

    __slots__ = ("_notes",)

    def __init__(self) -> None:
        """Begin with nothing staged."""
        self._notes: list[tuple[Any, Any, Any]] = []

    def begin(self) -> None:
        """Forget the command before."""
        self._notes.clear()

    def stage(self, table: dict[Any, Any], key: object, value: object) -> None:
        """Put a row into a table."""
        self._notes.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def append(self, rows: list[Any], row: object) -> None:
        """Put a row at the end of a list."""
        self._notes.append((rows, len(rows), _ABSENT))
        rows.append(row)

    def undo(self) -> None:
        """Take back everything since `begin`."""
        for table, key, before in reversed(self._notes):
            if before is _ABSENT:
                del table[key]
            else:
                table[key] = before
