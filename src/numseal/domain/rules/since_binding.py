"""Rules that hold the present against the number's earlier live binding; without one they are silent.

People install messengers on new phones and new SIMs: the same fact at a first sign-up is `tenure`'s, and only caps.
"""

from numseal.domain.evidence import PreviousBinding, SimChangeKind
from numseal.domain.operator import CLOCK_SKEW
from numseal.domain.policy import RuleSetting
from numseal.domain.rules.references import other_ref, other_sim, same_sim
from numseal.domain.rules.view import DAY, View, found
from numseal.domain.verdict import Finding

_BOUND = "previous.verified_time"


def sim_changed_since_binding(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the SIM became another one since the binding, less than `max_age_days` ago or nobody says when.

    A SIM that changed in the very handset it was bound in is `sim_changed_same_device`'s.
    """
    previous = view.previous
    if previous is None or _same_device(view, previous):
        return None
    when, paths = _sim_changed(view, previous)
    if not paths or (when is not None and view.evidence.time - when >= setting.thresholds["max_age_days"] * DAY):
        return None
    sentence = "The number's SIM is not the one it was bound with."
    return found("SIM_CHANGED_SINCE_BINDING", setting, sentence, *paths)


def sim_changed_same_device(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the SIM became another one since the binding, in the handset that it was bound in.

    Whoever steals a number by a swap has a handset of his own; whoever replaces a SIM mostly keeps the phone.
    """
    previous = view.previous
    if previous is None or not _same_device(view, previous):
        return None
    _, paths = _sim_changed(view, previous)
    if not paths:
        return None
    sentence = "The number's SIM is not the one it was bound with, but its handset is."
    return found("SIM_CHANGED_SAME_DEVICE", setting, sentence, *paths, "previous.facts.device_ref")


def _same_device(view: View, previous: PreviousBinding) -> bool:
    """Tell whether every lookup that names the handset names the bound one, the lookup after the code for certain."""
    device, operator_id = previous.facts.device_ref, previous.facts.operator_id
    if device is None or not view.seen or view.seen[0].where != "after":
        return False
    named = [(seen.operator_id, seen.device_ref) for seen in view.seen]
    if named[0] != (operator_id, device):
        return False
    return all(ref is None or (operator, ref) == (operator_id, device) for operator, ref in named)


def sim_changed_earlier(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the SIM became another one since the binding, `max_age_days` ago or longer."""
    previous = view.previous
    if previous is None or _same_device(view, previous):
        return None
    when, paths = _sim_changed(view, previous)
    if when is None or view.evidence.time - when < setting.thresholds["max_age_days"] * DAY:
        return None
    sentence = "The number's SIM is not the one it was bound with, and has not been for some time."
    return found("SIM_CHANGED_EARLIER", setting, sentence, *paths)


def _sim_changed(view: View, previous: PreviousBinding) -> tuple[int | None, tuple[str, ...]]:
    """Return when the SIM changed since the binding, None where nobody says, and what shows it, if anything does."""
    facts = previous.facts
    # A change that was known when the binding was made is none since, whatever the two clocks say.
    bound = max(previous.verified_time, facts.sim_change_time or 0)
    when: int | None = None
    dated: tuple[str, ...] = ()
    undated: tuple[str, ...] = ()
    for seen in reversed(view.since):
        change = seen.sim_change
        # A reference means something to the operator that made it only.
        sim_ref = seen.sim_ref if seen.operator_id == facts.operator_id else None
        if other_sim(facts.sim_ref, sim_ref):
            undated = (f"{seen.where}.sim_ref", "previous.facts.sim_ref")
        elif change is not None and change.kind is SimChangeKind.MULTISIM and same_sim(facts.sim_ref, sim_ref):
            # A second SIM beside the one that was bound.
            continue
        # While the bound SIM is still in place, a date within the clocks' difference is that of its own coming.
        since = bound + CLOCK_SKEW if same_sim(facts.sim_ref, sim_ref) else bound
        if change is not None and change.time > since and (when is None or change.time >= when):
            when, dated = change.time, (f"{seen.where}.sim_change", _BOUND)
    told = previous.sim_changed_time
    if told is not None and (when is None or told > when):
        # The records may not have yet what an event told when it happened.
        return told, ("previous.sim_changed_time",)
    return when, dated or undated


def ported_since_binding(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the number was carried to another operator since, less than `max_age_days` ago or nobody says when."""
    previous = view.previous
    if previous is None:
        return None
    when, paths = _ported(view, previous)
    if not paths or (when is not None and view.evidence.time - when >= setting.thresholds["max_age_days"] * DAY):
        return None
    sentence = "The number was ported to another operator after it was bound."
    return found("PORTED_SINCE_BINDING", setting, sentence, *paths)


def ported_earlier(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the number was carried to another operator since, `max_age_days` ago or longer."""
    previous = view.previous
    if previous is None:
        return None
    when, paths = _ported(view, previous)
    if when is None or view.evidence.time - when < setting.thresholds["max_age_days"] * DAY:
        return None
    sentence = "The number was ported to another operator after it was bound, some time ago."
    return found("PORTED_EARLIER", setting, sentence, *paths)


def _ported(view: View, previous: PreviousBinding) -> tuple[int | None, tuple[str, ...]]:
    """Return when the number was ported since the binding, None where nobody says, and what shows it."""
    bound = max(previous.verified_time, previous.facts.port_time or 0)
    dates = [
        (seen.port.time, (f"{seen.where}.port", _BOUND))
        for seen in view.since
        if seen.port is not None and seen.port.time > bound
    ]
    # A SIM that came with a port dates it as well, where the port's own date is missing.
    dates = dates or [
        (change.time, (f"{seen.where}.sim_change", _BOUND))
        for seen in view.since
        if (change := seen.sim_change) is not None and change.kind is SimChangeKind.PORT_IN and change.time > bound
    ]
    if dates:
        return max(dates, key=lambda item: item[0])
    then, named = previous.facts.operator_id, "previous.facts.operator_id"
    for where, lookup in view.lookups:
        if lookup.operator_id != then:
            return None, (f"{where}.operator_id", named)
    # Number plan and porting answer name the operator even where it answered nothing itself.
    if view.evidence.routed_operator != then:
        return None, ("routed_operator", named)
    return None, ()


def fraud_suspected_since_binding(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the operator suspected fraud since the binding, or barred the handset as lost.

    Whoever has the handset has the account's key too, so that this answers nothing here.
    """
    if view.previous is None or not view.previous.fraud_suspected:
        return None
    sentence = "The operator suspected fraud, or the handset was reported lost, after the number was bound."
    return found("FRAUD_SUSPECTED_SINCE_BINDING", setting, sentence, "previous.fraud_suspected")


def reassigned_since_binding(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the number has another subscriber, while the account that was bound before claims it still."""
    previous = view.previous
    if previous is None or not previous.same_account:
        return None
    paths = _reassigned(view, previous)
    if not paths:
        return None
    sentence = "The operator has given the number to another subscriber since it was bound."
    return found("REASSIGNED_SINCE_BINDING", setting, sentence, *paths)


def new_subscriber(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the number has another subscriber than when another account was bound: that speaks for the claimant."""
    previous = view.previous
    if previous is None or previous.same_account:
        return None
    paths = _reassigned(view, previous)
    if not paths:
        return None
    sentence = "The operator has given the number to another subscriber since another account was bound to it."
    return found("NEW_SUBSCRIBER", setting, sentence, *paths)


def _reassigned(view: View, previous: PreviousBinding) -> tuple[str, ...]:
    facts = previous.facts
    for seen in view.since:
        # To the operator it was carried to, everybody's contract is new: whoever steals a number by porting it must
        # not pass for its rightful new owner.
        if seen.operator_id != facts.operator_id:
            continue
        if other_ref(facts.subscriber_ref, seen.subscriber_ref):
            return f"{seen.where}.subscriber_ref", "previous.facts.subscriber_ref"
        if seen.recycled:
            return f"{seen.where}.recycled", _BOUND
    return ()


def device_changed_since_binding(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the SIM is in another handset than when the number was bound."""
    previous = view.previous
    if previous is None:
        return None
    facts = previous.facts
    for seen in view.since:
        if seen.operator_id == facts.operator_id and other_ref(facts.device_ref, seen.device_ref):
            paths = f"{seen.where}.device_ref", "previous.facts.device_ref"
            sentence = "The number is in another handset than when it was bound."
            return found("DEVICE_CHANGED_SINCE_BINDING", setting, sentence, *paths)
    return None


def account_key_changed(view: View, setting: RuleSetting) -> Finding | None:
    """Find that the account has not proved the key that it was bound with."""
    previous = view.previous
    if previous is None or not previous.same_account or not previous.has_key or previous.same_key:
        return None
    sentence = "The account did not prove the key it was bound with."
    return found("ACCOUNT_KEY_CHANGED", setting, sentence, "previous.same_key")
