"""Rules about sources that contradict each other: one of them is wrong, so neither is trusted far."""

from numseal.domain.evidence import SimChangeKind
from numseal.domain.map_codes import MapGroup, map_error
from numseal.domain.policy import RuleSetting
from numseal.domain.rules.references import other_ref
from numseal.domain.rules.view import HOUR, View, found
from numseal.domain.verdict import Finding

_NOBODY = frozenset({MapGroup.GONE, MapGroup.IDENTITY})


def active_yet_unknown(view: View, setting: RuleSetting) -> Finding | None:
    """Find a subscriber of whom some source of the same operator says that there is none (TS 29.002 §7.6.1.1)."""
    for path, meta in view.marked:
        error = map_error(meta.code_space, meta.code)
        if error is not None and error.group in _NOBODY:
            sentence = f"The operator names a subscriber, and one of its sources says {error.name}."
            return found("ACTIVE_YET_UNKNOWN", setting, sentence, path)
    return None


def sim_older_than_subscription(view: View, setting: RuleSetting) -> Finding | None:
    """Find a last change of SIM that lies before the contract by more than `tolerance_hours`."""
    tolerance = setting.thresholds["tolerance_hours"] * HOUR
    for seen in view.seen:
        change, start = seen.sim_change, seen.activate_time
        if change is not None and start is not None and start - change.time > tolerance:
            sentence = "The operator dates the number's SIM before the contract it belongs to."
            paths = f"{seen.where}.sim_change", f"{seen.where}.activate_time"
            return found("SIM_OLDER_THAN_SUBSCRIPTION", setting, sentence, *paths)
    return None


def swap_contradicts_recycling(view: View, setting: RuleSetting) -> Finding | None:
    """Find signs of another subscriber beside the word that there is none since the number was bound."""
    previous = view.previous
    if previous is None:
        return None
    facts, bound = previous.facts, previous.verified_time
    for seen in view.seen:
        # Carried to another operator, the same person has another contract, SIM and reference.
        if seen.recycled is not False or seen.operator_id != facts.operator_id:
            continue
        change = seen.sim_change
        if other_ref(facts.subscriber_ref, seen.subscriber_ref):
            name = "subscriber_ref"
        elif seen.activate_time is not None and seen.activate_time > bound:
            name = "activate_time"
        elif change is not None and change.kind is SimChangeKind.NEW and change.time > bound:
            name = "sim_change"
        else:
            continue
        sentence = "The operator says that the number was not given anew, and shows that it was."
        return found("SWAP_CONTRADICTS_RECYCLING", setting, sentence, f"{seen.where}.recycled", f"{seen.where}.{name}")
    return None
