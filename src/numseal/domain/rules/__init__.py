"""The rules: each a pure function of evidence and its setting to a finding or none. No I/O, no clock, no store.

A rule looks only at values whose signal is OK; what is missing is the level's business (`verdicts`), never a pass.
A rule holds against every answered lookup: what one of them shows, another that says less or better does not undo.
A finding names the newest lookup that shows it.
"""

from collections.abc import Mapping

from numseal.domain.policy import RuleShape
from numseal.domain.rules import (
    client,
    contradiction,
    during,
    number,
    path,
    since_binding,
    tenure,
    velocity,
)
from numseal.domain.rules.view import Rule

__all__ = ["RULES", "SHAPES"]


def _shape(*thresholds: str) -> RuleShape:
    return RuleShape(frozenset(thresholds))


_PLAIN = _shape()
_AGED = _shape("max_age_days")
_TIMED = _shape("max_minutes")
_COUNTED = _shape("max_numbers")

RULES: Mapping[str, tuple[Rule, RuleShape]] = {
    "NUMBER_UNALLOCATED": (number.number_unallocated, _PLAIN),
    "NUMBER_NOT_SERVED": (number.number_not_served, _PLAIN),
    "LINE_NOT_MOBILE": (number.line_not_mobile, RuleShape(frozenset(), line_types=True)),
    "OPERATOR_MISMATCH": (number.operator_mismatch, _PLAIN),
    "LOOKUP_UNANSWERED": (number.lookup_unanswered, _PLAIN),
    "SIGNAL_FAILED": (number.signal_failed, _PLAIN),
    "SIM_CHANGED_SINCE_BINDING": (since_binding.sim_changed_since_binding, _AGED),
    "SIM_CHANGED_EARLIER": (since_binding.sim_changed_earlier, _AGED),
    "SIM_CHANGED_SAME_DEVICE": (since_binding.sim_changed_same_device, _PLAIN),
    "PORTED_SINCE_BINDING": (since_binding.ported_since_binding, _AGED),
    "PORTED_EARLIER": (since_binding.ported_earlier, _AGED),
    "REASSIGNED_SINCE_BINDING": (since_binding.reassigned_since_binding, _PLAIN),
    "NEW_SUBSCRIBER": (since_binding.new_subscriber, _PLAIN),
    "FRAUD_SUSPECTED_SINCE_BINDING": (since_binding.fraud_suspected_since_binding, _PLAIN),
    "DEVICE_CHANGED_SINCE_BINDING": (since_binding.device_changed_since_binding, _PLAIN),
    "ACCOUNT_KEY_CHANGED": (since_binding.account_key_changed, _PLAIN),
    "SIM_RECENT": (tenure.sim_recent, _AGED),
    "PORT_RECENT": (tenure.port_recent, _AGED),
    "SUBSCRIPTION_RECENT": (tenure.subscription_recent, _AGED),
    "MANY_SIMS_IN_DEVICE": (tenure.many_sims_in_device, _shape("max_sims")),
    "MANY_ACCOUNTS_OF_NUMBER": (velocity.many_accounts_of_number, _shape("max_accounts")),
    "MANY_RELYING_PARTIES_OF_NUMBER": (
        velocity.many_relying_parties_of_number,
        _shape("max_relying_parties"),
    ),
    "MANY_NUMBERS_OF_ACCOUNT": (velocity.many_numbers_of_account, _COUNTED),
    "MANY_NUMBERS_OF_DEVICE_KEY": (velocity.many_numbers_of_device_key, _COUNTED),
    "MANY_NUMBERS_IN_DEVICE": (velocity.many_numbers_in_device, _COUNTED),
    "MANY_NUMBERS_OF_CLIENT_NETWORK": (velocity.many_numbers_of_client_network, _COUNTED),
    "MANY_NUMBERS_OF_SHARED_NETWORK": (velocity.many_numbers_of_shared_network, _COUNTED),
    "REPORTED_BEFORE": (velocity.reported_before, _shape("max_reports")),
    "FRESH_BURST_IN_RANGE": (velocity.fresh_burst_in_range, _shape("max_numbers", "max_age_days")),
    "SIM_CHANGED_DURING_VERIFICATION": (during.sim_changed_during_verification, _PLAIN),
    "SERVING_CHANGED_DURING_VERIFICATION": (during.serving_changed_during_verification, _PLAIN),
    "NODE_CHANGED": (during.node_changed, _PLAIN),
    "FORWARDING_CHANGED_DURING_VERIFICATION": (during.forwarding_changed_during_verification, _PLAIN),
    "FORWARDING_ACTIVE": (path.forwarding_active, _PLAIN),
    "VOICE_CODE_FORWARDED": (path.voice_code_forwarded, _PLAIN),
    "CODE_ANSWERED_UNDELIVERED": (path.code_answered_undelivered, _PLAIN),
    "CODE_COULD_NOT_ARRIVE": (path.code_could_not_arrive, _PLAIN),
    "FOREIGN_LOCATION_FRESH": (path.foreign_location_fresh, _TIMED),
    "OTHER_NETWORK_FRESH": (path.other_network_fresh, _TIMED),
    "ROAMING": (path.roaming, _PLAIN),
    "CLIENT_HOSTING": (client.client_hosting, _PLAIN),
    "CLIENT_ELSEWHERE": (client.client_elsewhere, _PLAIN),
    "NETWORK_MISMATCH": (client.network_mismatch, _PLAIN),
    "ACTIVE_YET_UNKNOWN": (contradiction.active_yet_unknown, _PLAIN),
    "SIM_OLDER_THAN_SUBSCRIPTION": (contradiction.sim_older_than_subscription, _shape("tolerance_hours")),
    "SWAP_CONTRADICTS_RECYCLING": (contradiction.swap_contradicts_recycling, _PLAIN),
}
"""Every rule by its code, in the order their findings are told; a policy sets each of them."""

SHAPES: Mapping[str, RuleShape] = {code: shape for code, (_, shape) in RULES.items()}
"""What a policy says of each rule."""
