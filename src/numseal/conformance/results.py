"""What a check comes to, and how it says so. Plain values and the three exceptions that end a check early.

A check that could not be made is never counted as one that holds.
"""

from dataclasses import dataclass
from enum import StrEnum

from numseal.conformance.clause import Clause


class Outcome(StrEnum):
    """What became of a check.

    SKIPPED: the backend does not announce what is checked. NOT_CHECKED: the kit lacks what it needs, such as a number.
    """

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Result:
    """One check's outcome; `sentences` say why it failed or was left out, or what was seen. `seconds` it took."""

    id: str
    title: str
    clause: Clause
    outcome: Outcome
    sentences: tuple[str, ...]
    seconds: float


class Broken(Exception):  # noqa: N818 - what it names is the contract
    """The backend does not hold the clause; each sentence says what was seen and what would be right."""

    def __init__(self, *sentences: str) -> None:
        """Take one sentence for each thing that is wrong."""
        super().__init__("; ".join(sentences))
        self.sentences = sentences


class DoesNotApply(Exception):  # noqa: N818 - not an error
    """The backend does not announce what the check is about; the message says what."""


class CannotCheck(Exception):  # noqa: N818 - not the backend's error
    """The kit lacks something to make the check with; the message says what, and where it is given."""


def expect(condition: object, sentence: str) -> None:
    """Raise `Broken` with the sentence unless the condition holds."""
    if not condition:
        raise Broken(sentence)


def expect_all(problems: list[str]) -> None:
    """Raise `Broken` with every problem, the first ten of them; nothing where there is none."""
    most = 10
    if problems:
        more = [f"and {len(problems) - most} more of the kind"] if len(problems) > most else []
        raise Broken(*problems[:most], *more)
