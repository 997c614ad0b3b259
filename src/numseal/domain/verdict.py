"""The verdict: what evidence under a policy comes to. Values only; rules are in `rules`, thresholds in `policy`."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from numseal.domain.evidence import Answer
from numseal.domain.level import Level

__all__ = ["Decision", "Finding", "Level", "Severity", "Verdict"]


class Severity(IntEnum):
    """What a finding does to the verdict; ordered.

    NOTE: nothing. CAUTION: lowers the level to the finding's cap. SEVERE: more proof is needed. FATAL: no binding.
    """

    NOTE = 0
    CAUTION = 1
    SEVERE = 2
    FATAL = 3


class Decision(StrEnum):
    """What is to be done with the verification."""

    ACCEPT = "ACCEPT"
    STEP_UP = "STEP_UP"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a rule found.

    `code` is UPPER_SNAKE. `evidence` names what it rests on as paths into the evidence ("after.sim_change").
    `cap` is the highest level that the finding leaves: CAUTION, and SEVERE too once it is answered.
    """

    code: str
    severity: Severity
    sentence: str
    evidence: tuple[str, ...] = ()
    cap: Level | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Decision, level and reasons; `policy_hash` is the hex hash of the policy it was reached under.

    With STEP_UP, `answers` are all that could answer one of the open severe findings, in Answer's order.
    """

    decision: Decision
    level: Level
    findings: tuple[Finding, ...]
    policy_hash: str
    answers: tuple[Answer, ...] = ()
