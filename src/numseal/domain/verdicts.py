"""How findings and requirements become a verdict. Pure: the same evidence and policy give the same verdict."""

from numseal.domain.evidence import Evidence, Lookup, LookupOutcome, Signal, SignalState, Subscriber
from numseal.domain.policy import LevelRequirement, Policy
from numseal.domain.rules import RULES
from numseal.domain.verdict import Decision, Finding, Level, Severity, Verdict

_NOBODY = Subscriber()
# A port that never happened and a SIM never changed are known facts without a value.
_MAY_BE_EMPTY = frozenset({"port", "sim_change"})
# Registered nowhere is known too, and yet names no network that could have vouched for the SIM.
_MUST_NAME_ONE = frozenset({"serving"})


def evaluate(evidence: Evidence, policy: Policy) -> Verdict:
    """Hold evidence against a policy.

    Before the code (no `possession`) the level is NONE and only the decision counts.
    """
    findings = [
        finding for code, (rule, _) in RULES.items() if (finding := rule(evidence, policy.rules[code])) is not None
    ]
    worst = max((finding.severity for finding in findings), default=Severity.NOTE)
    level = Level.NONE
    if evidence.possession is not None:
        level, shortfall = _level(evidence, policy)
        findings += shortfall
    for finding in findings:
        if finding.cap is not None and finding.cap < level:
            level = finding.cap
    findings.sort(key=lambda finding: -finding.severity)
    if worst is Severity.FATAL:
        return Verdict(Decision.REJECT, Level.NONE, tuple(findings), policy.digest)
    decision = Decision.STEP_UP if worst is Severity.SEVERE else Decision.ACCEPT
    return Verdict(decision, level, tuple(findings), policy.digest)


def _level(evidence: Evidence, policy: Policy) -> tuple[Level, list[Finding]]:
    """Return the highest level whose requirements hold, and why the next one does not."""
    reached, shortfall = Level.NONE, []
    for level in (Level.LOW, Level.SUBSTANTIAL, Level.HIGH):
        shortfall = _shortfall(evidence, level, policy.levels[level])
        if shortfall:
            break
        reached = level
    return reached, shortfall


def _shortfall(evidence: Evidence, level: Level, required: LevelRequirement) -> list[Finding]:
    possession = evidence.possession
    if possession is None or possession.method not in required.methods:
        methods = ", ".join(sorted(required.methods))
        sentence = f"{level.name} requires {methods}."
        return [Finding("METHOD_BELOW_LEVEL", Severity.NOTE, sentence, ("possession.method",))]
    missing = [
        *(f"before.{name}" for name in required.before if not _usable(evidence.before, name)),
        *(f"after.{name}" for name in required.after if not _usable(evidence.after, name)),
    ]
    if not missing:
        return []
    sentence = f"{level.name} requires signals that are missing: {', '.join(missing)}."
    return [Finding("SIGNAL_MISSING", Severity.NOTE, sentence, tuple(missing))]


def _usable(lookup: Lookup | None, name: str) -> bool:
    if lookup is None or lookup.outcome is not LookupOutcome.SUBSCRIBER:
        return False
    signal: Signal[object] = getattr(lookup.subscriber or _NOBODY, name)
    if signal.meta.state is not SignalState.OK:
        return False
    if signal.value is None:
        return name in _MAY_BE_EMPTY
    return signal.value != () or name not in _MUST_NAME_ONE
