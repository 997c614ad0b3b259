"""What a composed operator is set up with, apart from its parts. Plain values only."""

from dataclasses import dataclass

LONGEST_BEFORE = 1.5
LONGEST_AFTER = 3.0
"""Seconds that the caller waits for the whole; a part that took as long would cost the others' answers."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How long a part may take for a lookup, in seconds, counted from when the whole was asked.

    `before_timeout` (1.3, below 1.5) holds before a code is sent, `after_timeout` (2.7, below 3) from then on.
    """

    before_timeout: float = 1.3
    after_timeout: float = 2.7

    def __post_init__(self) -> None:
        """Refuse times that leave nothing of the caller's."""
        for name, value, most in (
            ("before_timeout", self.before_timeout, LONGEST_BEFORE),
            ("after_timeout", self.after_timeout, LONGEST_AFTER),
        ):
            if not 0 < value < most:
                raise ValueError(f"{name}: found {value}, expected more than 0 and less than {most} seconds")
