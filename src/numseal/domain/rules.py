"""The rules: each a pure function of evidence and its setting to a finding or none. No I/O, no clock, no store.

A rule looks only at values whose signal is OK; what is missing is the level's business (`verdicts`), never a pass.
"Previous binding" rules speak only where the number has a live binding: people install messengers on new phones
and new SIMs, so the same fact at a first sign-up only caps the level.
"""

from collections.abc import Callable, Mapping

from numseal.domain.evidence import (
    Basis,
    Evidence,
    ForwardingKind,
    LineType,
    Lookup,
    LookupOutcome,
    Method,
    SimRef,
    Subscriber,
)
from numseal.domain.policy import RuleSetting, RuleShape
from numseal.domain.verdict import Finding

DAY = 86_400

Rule = Callable[[Evidence, RuleSetting], Finding | None]

_NOBODY = Subscriber()


def latest(evidence: Evidence) -> tuple[str, Lookup]:
    """Return the newest lookup that was answered, with its name in evidence paths."""
    after = evidence.after
    if after is not None and after.outcome is not LookupOutcome.UNANSWERED:
        return "after", after
    return "before", evidence.before


def _finding(code: str, setting: RuleSetting, sentence: str, *evidence: str) -> Finding:
    return Finding(code, setting.severity, sentence, evidence, setting.cap)


def number_unallocated(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find a number that its operator has given to nobody (MAP 1 unknownSubscriber, TS 29.002 §17.6)."""
    where, lookup = latest(evidence)
    if lookup.outcome is not LookupOutcome.NOT_ASSIGNED:
        return None
    return _finding("NUMBER_UNALLOCATED", setting, "The operator says that nobody has this number.", f"{where}.outcome")


def number_not_served(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find a number that the operator asked does not serve, ported numbers that lead nowhere included."""
    where, lookup = latest(evidence)
    if lookup.outcome not in {LookupOutcome.NOT_SERVED, LookupOutcome.PORTED}:
        return None
    return _finding(
        "NUMBER_NOT_SERVED",
        setting,
        f"Operator {lookup.operator_id} does not serve this number.",
        f"{where}.outcome",
    )


def line_not_mobile(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find a line that its operator names as something other than mobile, a SIM for machines included."""
    where, lookup = latest(evidence)
    line = (lookup.subscriber or _NOBODY).line_type.known
    if line is None or line is LineType.MOBILE:
        return None
    return _finding(
        "LINE_NOT_MOBILE",
        setting,
        f"The operator says that this is a {line.value} line.",
        f"{where}.line_type",
    )


def operator_mismatch(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find an answer by an operator other than the one that number plan and porting name."""
    where, lookup = latest(evidence)
    if lookup.operator_id == evidence.routed_operator:
        return None
    return _finding(
        "OPERATOR_MISMATCH",
        setting,
        f"Operator {lookup.operator_id} answered for a number of {evidence.routed_operator}.",
        f"{where}.operator_id",
        "routed_operator",
    )


def sim_changed_since_binding(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find that the SIM of an already bound number is another one now."""
    previous = evidence.previous
    if previous is None:
        return None
    where, lookup = latest(evidence)
    found = lookup.subscriber or _NOBODY
    if _other_sim(previous.facts.sim_ref, found.sim_ref.known):
        return _finding(
            "SIM_CHANGED_SINCE_BINDING",
            setting,
            "The number's SIM is not the one it was bound with.",
            f"{where}.sim_ref",
            "previous.facts.sim_ref",
        )
    change = found.sim_change.known
    if change is None or change.time <= previous.verified_time:
        return None
    return _finding(
        "SIM_CHANGED_SINCE_BINDING",
        setting,
        "The operator changed the number's SIM after the number was bound.",
        f"{where}.sim_change",
        "previous.verified_time",
    )


def ported_since_binding(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find that an already bound number was carried to another operator since."""
    previous = evidence.previous
    if previous is None:
        return None
    where, lookup = latest(evidence)
    port = (lookup.subscriber or _NOBODY).port.known
    ported = port is not None and port.time > previous.verified_time
    if not ported and previous.facts.operator_id == lookup.operator_id:
        return None
    return _finding(
        "PORTED_SINCE_BINDING",
        setting,
        "The number was ported to another operator after it was bound.",
        f"{where}.port",
        "previous.facts.operator_id",
    )


def sim_recent(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find a SIM younger than the threshold (`max_age_days`)."""
    where, lookup = latest(evidence)
    change = (lookup.subscriber or _NOBODY).sim_change.known
    if change is None or evidence.time - change.time >= setting.thresholds["max_age_days"] * DAY:
        return None
    return _finding("SIM_RECENT", setting, "The number's SIM is new.", f"{where}.sim_change")


def port_recent(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find a port younger than the threshold (`max_age_days`)."""
    where, lookup = latest(evidence)
    port = (lookup.subscriber or _NOBODY).port.known
    if port is None or evidence.time - port.time >= setting.thresholds["max_age_days"] * DAY:
        return None
    return _finding("PORT_RECENT", setting, "The number was ported to this operator lately.", f"{where}.port")


def sim_changed_during_verification(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find that the SIM is another one after the code than before it."""
    before, after = evidence.before.subscriber, evidence.after.subscriber if evidence.after else None
    if before is None or after is None or not _other_sim(before.sim_ref.known, after.sim_ref.known):
        return None
    return _finding(
        "SIM_CHANGED_DURING_VERIFICATION",
        setting,
        "The number's SIM changed between the sending of the code and its return.",
        "before.sim_ref",
        "after.sim_ref",
    )


def forwarding_active(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find that all calls of the line go elsewhere (TS 22.082 §1, call forwarding unconditional)."""
    where, lookup = latest(evidence)
    for forwarding in (lookup.subscriber or _NOBODY).forwarding.known or ():
        if forwarding.active and forwarding.kind is ForwardingKind.UNCONDITIONAL:
            return _finding(
                "FORWARDING_ACTIVE", setting, "All calls to this number are forwarded.", f"{where}.forwarding"
            )
    return None


def voice_code_forwarded(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find that a spoken code went out over a line that forwards calls of any kind."""
    if evidence.possession is None or evidence.possession.method is not Method.VOICE:
        return None
    where, lookup = latest(evidence)
    if not any(item.active for item in (lookup.subscriber or _NOBODY).forwarding.known or ()):
        return None
    return _finding(
        "VOICE_CODE_FORWARDED",
        setting,
        "A spoken code was sent to a line that forwards calls, so somebody else may have heard it.",
        f"{where}.forwarding",
        "possession.method",
    )


def _other_sim(earlier: SimRef | None, later: SimRef | None) -> bool:
    """Tell whether two references name two SIMs; those of other key epochs or of home routing cannot be compared."""
    if earlier is None or later is None or earlier.key_epoch != later.key_epoch:
        return False
    return earlier.basis is Basis.DIRECT and later.basis is Basis.DIRECT and earlier.ref != later.ref


_PLAIN = RuleShape(frozenset())
_AGED = RuleShape(frozenset({"max_age_days"}))

RULES: Mapping[str, tuple[Rule, RuleShape]] = {
    "NUMBER_UNALLOCATED": (number_unallocated, _PLAIN),
    "NUMBER_NOT_SERVED": (number_not_served, _PLAIN),
    "LINE_NOT_MOBILE": (line_not_mobile, _PLAIN),
    "OPERATOR_MISMATCH": (operator_mismatch, _PLAIN),
    "SIM_CHANGED_SINCE_BINDING": (sim_changed_since_binding, _PLAIN),
    "PORTED_SINCE_BINDING": (ported_since_binding, _PLAIN),
    "SIM_RECENT": (sim_recent, _AGED),
    "PORT_RECENT": (port_recent, _AGED),
    "SIM_CHANGED_DURING_VERIFICATION": (sim_changed_during_verification, _PLAIN),
    "FORWARDING_ACTIVE": (forwarding_active, _PLAIN),
    "VOICE_CODE_FORWARDED": (voice_code_forwarded, _PLAIN),
}
"""Every rule by its code; a policy sets each of them."""

SHAPES: Mapping[str, RuleShape] = {code: shape for code, (_, shape) in RULES.items()}
