"""What a relying party later learned of an account; recorded for evaluation, never a verdict by itself."""

from dataclasses import dataclass
from enum import StrEnum

MAX_REPORTS = 10
"""How many reports are kept for one verification or binding; the oldest go first."""


class Outcome(StrEnum):
    """What was learned."""

    FRAUD = "FRAUD"
    SPAM = "SPAM"
    GENUINE = "GENUINE"


@dataclass(frozen=True, slots=True)
class Report:
    """One report; times in Unix seconds."""

    outcome: Outcome
    occur_time: int
    record_time: int
    request_id: str = ""


def add_report(reports: tuple[Report, ...], report: Report) -> tuple[Report, ...]:
    """Add a report, once for a request id, keeping the newest MAX_REPORTS."""
    if report.request_id and any(item.request_id == report.request_id for item in reports):
        return reports
    return (*reports, report)[-MAX_REPORTS:]
