"""Rules about how long SIM, contract and port have lasted, and how many SIMs share a handset.

At a first sign-up something new is ordinary: such findings cap the level and turn nobody away.
"""

from numseal.domain.policy import RuleSetting
from numseal.domain.rules.view import DAY, View, found
from numseal.domain.verdict import Finding


def sim_recent(view: View, setting: RuleSetting) -> Finding | None:
    """Find a SIM younger than the threshold (`max_age_days`)."""
    newest = view.evidence.time - setting.thresholds["max_age_days"] * DAY
    for seen in view.seen:
        if seen.sim_change is not None and seen.sim_change.time > newest:
            return found("SIM_RECENT", setting, "The number's SIM is new.", f"{seen.where}.sim_change")
    return None


def port_recent(view: View, setting: RuleSetting) -> Finding | None:
    """Find a port younger than the threshold (`max_age_days`)."""
    newest = view.evidence.time - setting.thresholds["max_age_days"] * DAY
    for seen in view.seen:
        if seen.port is not None and seen.port.time > newest:
            return found("PORT_RECENT", setting, "The number was ported to this operator lately.", f"{seen.where}.port")
    return None


def subscription_recent(view: View, setting: RuleSetting) -> Finding | None:
    """Find a contract younger than the threshold (`max_age_days`)."""
    newest = view.evidence.time - setting.thresholds["max_age_days"] * DAY
    for seen in view.seen:
        if seen.activate_time is not None and seen.activate_time > newest:
            sentence = "The number was given to its subscriber lately."
            return found("SUBSCRIPTION_RECENT", setting, sentence, f"{seen.where}.activate_time")
    return None


def many_sims_in_device(view: View, setting: RuleSetting) -> Finding | None:
    """Find a handset in which the operator saw more than `max_sims` SIMs: a SIM bank."""
    most = setting.thresholds["max_sims"]
    for seen in view.seen:
        if seen.sims_on_device is not None and seen.sims_on_device > most:
            sentence = f"{seen.sims_on_device} SIMs have been seen in the number's handset."
            return found("MANY_SIMS_IN_DEVICE", setting, sentence, f"{seen.where}.sims_on_device")
    return None
