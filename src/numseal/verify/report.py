"""What a verification found: steps, the exit code they add up to, and words for it.

Values only; what is checked, and how, stands in `steps`. A step that was not checked never reads as ok.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any

from numseal.attestation.claims import MAX_TIME

MAX_SENTENCE = 400


class ExitCode(IntEnum):
    """How a verification ends; the number is the exit code of `numseal verify`."""

    VALID = 0
    INVALID = 1
    USAGE = 2
    REVOKED = 3
    OUTSIDE_VALIDITY = 4
    STATUS_MISSING = 5
    WITNESS_QUORUM = 6
    EQUIVOCATION = 7


# A question that cannot be asked has no answer; then evidence against the issuer, then the worst news.
_WORST_FIRST = (
    ExitCode.USAGE,
    ExitCode.EQUIVOCATION,
    ExitCode.INVALID,
    ExitCode.REVOKED,
    ExitCode.OUTSIDE_VALIDITY,
    ExitCode.WITNESS_QUORUM,
    ExitCode.STATUS_MISSING,
    ExitCode.VALID,
)


class Outcome(StrEnum):
    """What came of one step."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Step:
    """One check: its name, what came of it, a sentence for people, and a stable UPPER_SNAKE reason.

    `exit_code` is VALID unless the step failed. The sentence holds printable characters only, so that hostile
    text cannot steer a terminal.
    """

    name: str
    outcome: Outcome
    sentence: str
    reason: str
    exit_code: ExitCode = ExitCode.VALID


@dataclass(frozen=True, slots=True)
class Report:
    """The steps of one verification in order, the worst exit code among them, the time it was judged for.

    `claims` holds plain and disclosed claims by name, and is None unless the attestation is genuine: look at
    `exit_code` before use, since a genuine attestation may be expired.
    """

    steps: tuple[Step, ...]
    exit_code: ExitCode
    at: int
    claims: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Give the report as JSON values."""
        return {
            "valid": self.exit_code is ExitCode.VALID,
            "exit_code": int(self.exit_code),
            "at": self.at,
            "summary": self.summary(),
            "steps": [
                {
                    "name": step.name,
                    "outcome": step.outcome.value,
                    "reason": step.reason,
                    "sentence": step.sentence,
                }
                for step in self.steps
            ],
            "claims": self.claims,
        }

    def summary(self) -> str:
        """Say in words what was verified, what failed and what was not checked."""
        by_outcome = {
            outcome: ", ".join(step.name for step in self.steps if step.outcome is outcome) for outcome in Outcome
        }
        verdict = "Verified" if self.exit_code is ExitCode.VALID else "Not valid"
        parts = [f"{verdict} for {written_time(self.at)}."]
        for outcome, words in (
            (Outcome.FAILED, "Failed"),
            (Outcome.OK, "Checked"),
            (Outcome.NOT_CHECKED, "NOT checked"),
        ):
            if by_outcome[outcome]:
                parts.append(f"{words}: {by_outcome[outcome]}.")
        return " ".join(parts)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Give the worst of the exit codes, VALID when there is none."""
    return min(codes, key=_WORST_FIRST.index, default=ExitCode.VALID)


def printable(text: str) -> str:
    """Make a sentence safe for a terminal: unprintable characters replaced, length bounded."""
    safe = (
        text
        if text.isprintable()
        else "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    )
    return safe if len(safe) <= MAX_SENTENCE else safe[: MAX_SENTENCE - 1] + "…"


def written_time(seconds: int) -> str:
    """Write Unix seconds in RFC 3339, or as a number where RFC 3339 has no such year."""
    if not 0 <= seconds <= MAX_TIME:
        return f"Unix time {seconds}"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
