"""Rules about the number itself and whether its operator answers for it."""

from numseal.domain.evidence import Lookup, LookupOutcome, SignalState
from numseal.domain.policy import RuleSetting
from numseal.domain.rules.view import View, found
from numseal.domain.verdict import Finding

# Named once: to look up a member of an enumeration costs ten times what comparing it does.
_NOT_ASSIGNED, _NOT_SERVED, _PORTED = LookupOutcome.NOT_ASSIGNED, LookupOutcome.NOT_SERVED, LookupOutcome.PORTED


def number_unallocated(view: View, setting: RuleSetting) -> Finding | None:
    """Find a number that its operator has given to nobody (MAP 1 unknownSubscriber, TS 29.002 §17.6.6)."""
    for where, lookup in view.lookups:
        if lookup.outcome is _NOT_ASSIGNED:
            sentence = "The operator says that nobody has this number."
            return found("NUMBER_UNALLOCATED", setting, sentence, f"{where}.outcome")
    return None


def number_not_served(view: View, setting: RuleSetting) -> Finding | None:
    """Find a number that the operator asked does not serve, ported numbers that lead nowhere or on included."""
    for where, lookup in view.lookups:
        if lookup.outcome is _NOT_SERVED:
            sentence = f"Operator {lookup.operator_id} does not serve this number."
            return found("NUMBER_NOT_SERVED", setting, sentence, f"{where}.outcome")
        if lookup.outcome is _PORTED:
            return _not_followed(view, setting, where, lookup)
    return None


def _not_followed(view: View, setting: RuleSetting, where: str, lookup: Lookup) -> Finding:
    """Say why the answer that a number was ported led no further."""
    porting = view.evidence.porting
    says = f"Operator {lookup.operator_id} says that the number was ported to"
    if not lookup.ported_to:
        sentence = (
            f"{says} the network {lookup.ported_plmn or 'of another one'}, which is not known to be one operator's."
        )
    elif lookup.ported_to == lookup.operator_id:
        sentence = f"{says} itself."
    elif porting is not None and where == "before":
        sentence = (
            f"{says} {lookup.ported_to}, after {porting.operator_id} had named {lookup.operator_id}: it is nobody's."
        )
        return found("NUMBER_NOT_SERVED", setting, sentence, f"{where}.outcome", "porting.outcome")
    else:
        sentence = f"{says} {lookup.ported_to}."
    return found("NUMBER_NOT_SERVED", setting, sentence, f"{where}.outcome")


def line_not_mobile(view: View, setting: RuleSetting) -> Finding | None:
    """Find a line that its operator names as none of the types accepted (`line_types`)."""
    for seen in view.seen:
        if seen.line_type is not None and seen.line_type not in setting.line_types:
            sentence = f"The operator says that this is a {seen.line_type.value} line."
            return found("LINE_NOT_MOBILE", setting, sentence, f"{seen.where}.line_type")
    return None


def operator_mismatch(view: View, setting: RuleSetting) -> Finding | None:
    """Find an answer by an operator other than the one that number plan and porting name."""
    routed = view.evidence.routed_operator
    for where, lookup in view.lookups:
        if lookup.operator_id != routed:
            sentence = f"Operator {lookup.operator_id} answered for a number of {routed}."
            return found("OPERATOR_MISMATCH", setting, sentence, f"{where}.operator_id", "routed_operator")
    return None


def lookup_unanswered(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the operator left a lookup unanswered, or that control was shown and nobody was asked after it."""
    names = view.unanswered
    if view.evidence.after is None and view.possessions:
        names = ("after", *names)
    if not names:
        return None
    sentence = "The operator did not answer when it was asked about the number."
    return found("LOOKUP_UNANSWERED", setting, sentence, *(f"{where}.outcome" for where in names))


def signal_failed(view: View, setting: RuleSetting) -> Finding | None:
    """Find signals whose source failed."""
    failed = [path for path, meta in view.marked if meta.state is SignalState.ERROR]
    if not failed:
        return None
    return found("SIGNAL_FAILED", setting, "Some of the operator's sources failed.", *failed)
