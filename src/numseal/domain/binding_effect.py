"""What can be done to a live binding by what is learned later: doubted, suspended, moved, revoked, and why.

Pure. Effects join in any order to the same end: of two values for a field the graver one stays. When one of them is
called for is `monitoring`'s to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from numseal.domain.binding import Binding, BindingState, Monitoring
from numseal.domain.operator import BarredReason
from numseal.domain.verdict import Finding, Level, Severity

MAX_FINDINGS = 16
"""Findings that a binding keeps, one of a code, the newest."""

NOT_CONTESTED: Mapping[str, Any] = {"contested_time": None, "contests": (), "contest_end": None}


@dataclass(frozen=True, slots=True)
class What:
    """A finding without the evidence it rests on.

    The sentence holds no times or names, so that a repeated event makes the very finding that is noted already.
    """

    code: str
    severity: Severity
    sentence: str

    def upon(self, path: str) -> Finding:
        """Return the finding that rests on a path like "event.sim_change"."""
        cap = Level.LOW if self.severity is Severity.CAUTION else None
        return Finding(self.code, self.severity, self.sentence, (path,), cap)


TERMINATED = What("TERMINATED_SINCE_BINDING", Severity.FATAL, "The contract that the number was bound under has ended.")
REASSIGNED = What("REASSIGNED_SINCE_BINDING", Severity.FATAL, "The number has another subscriber since it was bound.")
PORTED = What("PORTED_SINCE_BINDING", Severity.CAUTION, "The number has moved to another operator since it was bound.")
NOT_SERVED = What("NOT_SERVED_SINCE_BINDING", Severity.CAUTION, "The operator no longer serves the number.")
SIM_CHANGED = What("SIM_CHANGED_SINCE_BINDING", Severity.CAUTION, "The number's SIM has changed since it was bound.")
SIM_CHANGED_BEFORE = What(
    "SIM_CHANGED_BEFORE_BINDING",
    Severity.CAUTION,
    "The number's SIM had changed shortly before it was bound, which was not known then.",
)
SIM_ADDED = What("SIM_ADDED_SINCE_BINDING", Severity.NOTE, "The subscriber has a further SIM for the number.")
FRAUD_SUSPECTED = What("FRAUD_SUSPECTED", Severity.SEVERE, "The operator suspects fraud in the change of the SIM.")
DEVICE_CHANGED = What("DEVICE_CHANGED_SINCE_BINDING", Severity.NOTE, "The number's SIM has moved to another device.")
FORWARDED = What("FORWARDING_ACTIVE", Severity.NOTE, "All calls to this number are forwarded.")
UNANSWERED = What("RECHECK_UNANSWERED", Severity.NOTE, "The operator did not answer when it was asked again.")
BARRED: Mapping[BarredReason, What] = {
    BarredReason.FRAUD: What("BARRED_FOR_FRAUD", Severity.SEVERE, "The subscriber is barred for suspected fraud."),
    BarredReason.LOST: What("BARRED_AS_LOST", Severity.SEVERE, "The handset was reported lost or stolen."),
    BarredReason.PAYMENT: What("BARRED_FOR_PAYMENT", Severity.NOTE, "The subscriber is barred for unpaid bills."),
    BarredReason.OTHER: What("BARRED", Severity.NOTE, "The operator barred the subscriber."),
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What was found, and the fields of a binding that it changes."""

    findings: tuple[Finding, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)

    def on(self, binding: Binding, now: int) -> Binding:
        """Return the binding with the effect, the very same where it makes no difference."""
        changed = replace(binding, **self.changes)
        for finding in self.findings:
            changed = with_finding(changed, finding)
        return binding if changed == binding else replace(changed, update_time=now)

    def and_(self, other: "Effect") -> "Effect":
        """Return both effects on one binding."""
        changes = {**self.changes, **other.changes}
        for name, graver in (("reverify_by", min), ("sim_changed_time", max)):
            if name in self.changes and name in other.changes:
                changes[name] = graver(self.changes[name], other.changes[name])
        return Effect(self.findings + other.findings, changes)


def noted(what: What, path: str) -> Effect:
    """Note a finding and nothing else."""
    return Effect((what.upon(path),))


def doubted(binding: Binding, what: What, path: str, *, reverify_by: int) -> Effect:
    """Lower the level to LOW, and have control shown again by a time, Unix seconds, or by an earlier one set before."""
    due = reverify_by if binding.reverify_by is None else min(binding.reverify_by, reverify_by)
    return Effect((what.upon(path),), {"level": min(binding.level, Level.LOW), "reverify_by": due})


def sim_changed(binding: Binding, what: What, path: str, *, time: int, reverify: int) -> Effect:
    """Doubt a binding whose SIM changed at a time; control is to be shown again `reverify` seconds later."""
    doubt = doubted(binding, what, path, reverify_by=time + reverify)
    newest = time if binding.sim_changed_time is None else max(binding.sim_changed_time, time)
    return Effect(doubt.findings, {**doubt.changes, "sim_changed_time": newest})


def moved(binding: Binding, to_operator: str, path: str, *, time: int, reverify: int) -> Effect:
    """Follow a number to its new operator, where that is known; a port brings another SIM with it."""
    change = sim_changed(binding, PORTED, path, time=time, reverify=reverify)
    where = {"operator_id": to_operator or binding.operator_id, "monitoring": Monitoring.UNMONITORED, "watch_id": ""}
    return Effect(change.findings, {**change.changes, **where})


def suspended(binding: Binding, reason: str, what: What, path: str) -> Effect:
    """Suspend; a suspension keeps its reason, except that BARRED gives way to any other."""
    if binding.state is BindingState.SUSPENDED and binding.end_reason != "BARRED":
        return noted(what, path)
    return Effect((what.upon(path),), {"state": BindingState.SUSPENDED, "end_reason": reason})


def revoked(reason: str, what: What, path: str, *, now: int) -> Effect:
    """Revoke, which also ends a contest."""
    ended = {"state": BindingState.REVOKED, "end_reason": reason, "end_time": now, **NOT_CONTESTED}
    return Effect((what.upon(path),), ended)


def with_finding(binding: Binding, finding: Finding) -> Binding:
    """Return a binding with a finding noted, the same one where it is noted already."""
    if finding in binding.findings:
        return binding
    others = [known for known in binding.findings if known.code != finding.code]
    return replace(binding, findings=(*others, finding)[-MAX_FINDINGS:])


def without_finding(binding: Binding, code: str) -> Binding:
    """Return a binding without the finding of a code."""
    kept = tuple(known for known in binding.findings if known.code != code)
    return binding if len(kept) == len(binding.findings) else replace(binding, findings=kept)
