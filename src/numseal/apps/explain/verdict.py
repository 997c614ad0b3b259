"""The page of a verdict: what was found, what each finding rests on, and why the level is not higher."""

from collections.abc import Iterator

from numseal.apps.explain.evidence import at_path
from numseal.apps.explain.page import Row, Section, row, section
from numseal.domain.evidence import Evidence
from numseal.domain.verdict import Decision, Finding, Level, Severity, Verdict

_TONES = {Severity.NOTE: "", Severity.CAUTION: "warn", Severity.SEVERE: "bad", Severity.FATAL: "bad"}
_DECISIONS = {Decision.ACCEPT: "good", Decision.STEP_UP: "warn", Decision.REJECT: "bad"}


def verdict_sections(verdict: Verdict, evidence: Evidence | None) -> list[Section]:
    """Write findings, gravest first, then the verdict; what a finding rests on is taken from the evidence."""
    ordered = sorted(verdict.findings, key=lambda finding: -finding.severity)
    rows = [line for finding in ordered for line in _finding(finding, evidence)]
    return [
        section("Findings", rows or [row("none")]),
        section("Verdict", _verdict(verdict)),
    ]


def holding_back(verdict: Verdict) -> tuple[Finding, ...]:
    """Return the findings for which the level is not higher: caps that it is held at, and requirements not met."""
    following = Level(min(verdict.level + 1, Level.HIGH))
    return tuple(
        finding
        for finding in verdict.findings
        if (finding.cap is not None and finding.cap <= verdict.level < Level.HIGH)
        # What a level lacks is a note that names the level first.
        or finding.sentence.startswith(f"{following.name} requires")
        or (verdict.decision is Decision.REJECT and finding.severity is Severity.FATAL)
    )


def _finding(finding: Finding, evidence: Evidence | None) -> Iterator[Row]:
    tone = _TONES[finding.severity]
    cap = "" if finding.cap is None else f" (at most {finding.cap.name})"
    yield row(finding.severity.name, finding.code, finding.sentence + cap, tone=tone)
    for path in finding.evidence:
        found = "" if evidence is None else at_path(evidence, path)
        yield row("", "", f"{path}: {found}" if found else path)


def _verdict(verdict: Verdict) -> Iterator[Row]:
    yield row("decision", verdict.decision.value, tone=_DECISIONS[verdict.decision])
    yield row("level", verdict.level.name)
    for finding in holding_back(verdict):
        yield row("not higher", f"{finding.code}: {finding.sentence}")
    if verdict.answers:
        yield row("answered by", ", ".join(answer.value for answer in verdict.answers))
    yield row("policy", verdict.policy_hash)
