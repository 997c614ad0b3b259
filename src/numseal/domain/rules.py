"""The rules: each a pure function of evidence and its setting to a finding or none. No I/O, no clock, no store.

A rule looks only at values whose signal is OK; what is missing is the level's business (`verdicts`), never a pass.
A rule holds against every answered lookup: what one of them shows, another that says less or better does not undo.
A finding names the newest lookup that shows it. "Previous binding" rules speak only where the number has a live
binding: people install messengers on new phones and new SIMs, so the same fact at a first sign-up only caps the level.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

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


def answered(evidence: Evidence) -> Iterator[tuple[str, Lookup]]:
    """Yield every lookup that was answered, the newest first, with its name in evidence paths."""
    further = (("before_resend", lookup) for lookup in reversed(evidence.before_resend))
    lookups = (("after", evidence.after), *further, ("before", evidence.before))
    for where, lookup in lookups:
        if lookup is not None and lookup.outcome is not LookupOutcome.UNANSWERED:
            yield where, lookup


def _subscribers(evidence: Evidence) -> Iterator[tuple[str, Subscriber]]:
    for where, lookup in answered(evidence):
        if lookup.subscriber is not None:
            yield where, lookup.subscriber


def _finding(code: str, setting: RuleSetting, sentence: str, *evidence: str) -> Finding:
    return Finding(code, setting.severity, sentence, evidence, setting.cap)


def number_unallocated(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find a number that its operator has given to nobody (MAP 1 unknownSubscriber, TS 29.002 §17.6)."""
    for where, lookup in answered(evidence):
        if lookup.outcome is LookupOutcome.NOT_ASSIGNED:
            sentence = "The operator says that nobody has this number."
            return _finding("NUMBER_UNALLOCATED", setting, sentence, f"{where}.outcome")
    return None


def number_not_served(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find a number that the operator asked does not serve, ported numbers that lead nowhere included."""
    for where, lookup in answered(evidence):
        if lookup.outcome in {LookupOutcome.NOT_SERVED, LookupOutcome.PORTED}:
            sentence = f"Operator {lookup.operator_id} does not serve this number."
            return _finding("NUMBER_NOT_SERVED", setting, sentence, f"{where}.outcome")
    return None


def line_not_mobile(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find a line that its operator names as something other than mobile, a SIM for machines included."""
    for where, found in _subscribers(evidence):
        line = found.line_type.known
        if line is not None and line is not LineType.MOBILE:
            sentence = f"The operator says that this is a {line.value} line."
            return _finding("LINE_NOT_MOBILE", setting, sentence, f"{where}.line_type")
    return None


def operator_mismatch(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find an answer by an operator other than the one that number plan and porting name."""
    for where, lookup in answered(evidence):
        if lookup.operator_id != evidence.routed_operator:
            sentence = f"Operator {lookup.operator_id} answered for a number of {evidence.routed_operator}."
            return _finding("OPERATOR_MISMATCH", setting, sentence, f"{where}.operator_id", "routed_operator")
    return None


def sim_changed_since_binding(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find that the SIM of an already bound number is another one now."""
    previous, code = evidence.previous, "SIM_CHANGED_SINCE_BINDING"
    if previous is None:
        return None
    for where, found in _subscribers(evidence):
        if _other_sim(previous.facts.sim_ref, found.sim_ref.known):
            sentence = "The number's SIM is not the one it was bound with."
            return _finding(code, setting, sentence, f"{where}.sim_ref", "previous.facts.sim_ref")
        change = found.sim_change.known
        if change is not None and change.time > previous.verified_time:
            sentence = "The operator changed the number's SIM after the number was bound."
            return _finding(code, setting, sentence, f"{where}.sim_change", "previous.verified_time")
    return None


def ported_since_binding(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find that an already bound number was carried to another operator since."""
    previous, code = evidence.previous, "PORTED_SINCE_BINDING"
    if previous is None:
        return None
    sentence = "The number was ported to another operator after it was bound."
    for where, found in _subscribers(evidence):
        port = found.port.known
        if port is not None and port.time > previous.verified_time:
            return _finding(code, setting, sentence, f"{where}.port", "previous.verified_time")
    for where, lookup in answered(evidence):
        if lookup.operator_id != previous.facts.operator_id:
            return _finding(code, setting, sentence, f"{where}.operator_id", "previous.facts.operator_id")
    # Number plan and porting answer name the operator even where it answered nothing itself.
    if evidence.routed_operator != previous.facts.operator_id:
        return _finding(code, setting, sentence, "routed_operator", "previous.facts.operator_id")
    return None


def sim_recent(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find a SIM younger than the threshold (`max_age_days`)."""
    for where, found in _subscribers(evidence):
        change = found.sim_change.known
        if change is not None and evidence.time - change.time < setting.thresholds["max_age_days"] * DAY:
            return _finding("SIM_RECENT", setting, "The number's SIM is new.", f"{where}.sim_change")
    return None


def port_recent(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find a port younger than the threshold (`max_age_days`)."""
    for where, found in _subscribers(evidence):
        port = found.port.known
        if port is not None and evidence.time - port.time < setting.thresholds["max_age_days"] * DAY:
            return _finding("PORT_RECENT", setting, "The number was ported to this operator lately.", f"{where}.port")
    return None


def sim_changed_during_verification(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find that two lookups of one verification, before and after a code, saw two SIMs."""
    for (later, new), (earlier, old) in combinations(_subscribers(evidence), 2):
        if _other_sim(old.sim_ref.known, new.sim_ref.known):
            names = f"{earlier}.sim_ref", f"{later}.sim_ref"
        elif _newer_sim_change(old, new):
            names = f"{earlier}.sim_change", f"{later}.sim_change"
        else:
            continue
        sentence = "The number's SIM changed while the number was being verified."
        return _finding("SIM_CHANGED_DURING_VERIFICATION", setting, sentence, *names)
    return None


def _newer_sim_change(earlier: Subscriber, later: Subscriber) -> bool:
    """Tell whether an operator that named its last change of SIM names a newer one now: its own clock both times."""
    old, new = earlier.sim_change.known, later.sim_change.known
    return old is not None and new is not None and new.time > old.time


def forwarding_active(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find that all calls of the line go elsewhere (TS 22.082 §1, call forwarding unconditional)."""
    for where, found in _subscribers(evidence):
        for forwarding in found.forwarding.known or ():
            if forwarding.active and forwarding.kind is ForwardingKind.UNCONDITIONAL:
                sentence = "All calls to this number are forwarded."
                return _finding("FORWARDING_ACTIVE", setting, sentence, f"{where}.forwarding")
    return None


def voice_code_forwarded(evidence: Evidence, setting: RuleSetting) -> Finding | None:
    """Find that a spoken code went out over a line that forwards calls of any kind, then or by now."""
    if evidence.possession is None or evidence.possession.method is not Method.VOICE:
        return None
    for where, found in _subscribers(evidence):
        if any(item.active for item in found.forwarding.known or ()):
            sentence = "A spoken code was sent to a line that forwards calls, so somebody else may have heard it."
            return _finding("VOICE_CODE_FORWARDED", setting, sentence, f"{where}.forwarding", "possession.method")
    return None


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
