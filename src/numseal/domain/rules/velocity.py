"""Rules about how many different things were seen together; the counting is done elsewhere, None is not counted.

Counts run across relying parties: no sentence says how many there are, since they may be another's.
"""

from numseal.domain.evidence import NetworkKind
from numseal.domain.policy import RuleSetting
from numseal.domain.rules.view import DAY, View, found
from numseal.domain.verdict import Finding


def many_accounts_of_number(view: View, setting: RuleSetting) -> Finding | None:
    """Find a number that more than `max_accounts` accounts have shown: one that is rented out."""
    count = view.evidence.velocity.accounts_of_number
    if count is None or count <= setting.thresholds["max_accounts"]:
        return None
    sentence = "More accounts than is usual have shown control of the number lately."
    return found("MANY_ACCOUNTS_OF_NUMBER", setting, sentence, "velocity.accounts_of_number")


def many_relying_parties_of_number(view: View, setting: RuleSetting) -> Finding | None:
    """Find a number that was shown at more than `max_relying_parties` messengers."""
    count = view.evidence.velocity.relying_parties_of_number
    if count is None or count <= setting.thresholds["max_relying_parties"]:
        return None
    sentence = "The number has been shown at more messengers than is usual lately."
    return found("MANY_RELYING_PARTIES_OF_NUMBER", setting, sentence, "velocity.relying_parties_of_number")


def many_numbers_of_account(view: View, setting: RuleSetting) -> Finding | None:
    """Find an account that has shown more than `max_numbers` numbers."""
    count = view.evidence.velocity.numbers_of_account
    return _many("MANY_NUMBERS_OF_ACCOUNT", setting, count, "the account", "velocity.numbers_of_account")


def many_numbers_of_device_key(view: View, setting: RuleSetting) -> Finding | None:
    """Find a device key under which more than `max_numbers` numbers were shown."""
    count = view.evidence.velocity.numbers_of_device_key
    return _many("MANY_NUMBERS_OF_DEVICE_KEY", setting, count, "the device's key", "velocity.numbers_of_device_key")


def many_numbers_in_device(view: View, setting: RuleSetting) -> Finding | None:
    """Find a handset in which more than `max_numbers` verified numbers have been."""
    count = view.evidence.velocity.numbers_of_device
    return _many("MANY_NUMBERS_IN_DEVICE", setting, count, "the handset", "velocity.numbers_of_device")


def many_numbers_of_client_network(view: View, setting: RuleSetting) -> Finding | None:
    """Find a fixed network in the number's country from which more than `max_numbers` numbers were shown."""
    if not _at_home(view):
        return None
    count = view.evidence.velocity.numbers_of_client_network
    where = "the client's network"
    return _many("MANY_NUMBERS_OF_CLIENT_NETWORK", setting, count, where, "velocity.numbers_of_client_network")


def many_numbers_of_shared_network(view: View, setting: RuleSetting) -> Finding | None:
    """Find any other network, a hotel's abroad or a proxy's, from which more than `max_numbers` numbers were shown."""
    if _at_home(view):
        return None
    count = view.evidence.velocity.numbers_of_client_network
    where = "the client's network, which many share"
    return _many("MANY_NUMBERS_OF_SHARED_NETWORK", setting, count, where, "velocity.numbers_of_client_network")


def _at_home(view: View) -> bool:
    client = view.evidence.client
    return client is not None and client.kind is NetworkKind.FIXED and client.country in view.home


def fresh_burst_in_range(view: View, setting: RuleSetting) -> Finding | None:
    """Find more than `max_numbers` young numbers of one range, where this one is not known to be older.

    `max_age_days` is when a number stops being young.
    """
    count = view.evidence.velocity.fresh_numbers_of_range
    if count is None or count <= setting.thresholds["max_numbers"]:
        return None
    newest = view.evidence.time - setting.thresholds["max_age_days"] * DAY
    if any(seen.activate_time is not None and seen.activate_time <= newest for seen in view.seen):
        return None
    sentence = "More young numbers of the same range than is usual have been shown lately."
    return found("FRESH_BURST_IN_RANGE", setting, sentence, "velocity.fresh_numbers_of_range")


def reported_before(view: View, setting: RuleSetting) -> Finding | None:
    """Find a number or a device key that this relying party reported more than `max_reports` times of late."""
    velocity = view.evidence.velocity
    for name, count in (
        ("reports_of_number", velocity.reports_of_number),
        ("reports_of_device_key", velocity.reports_of_device_key),
    ):
        if count is not None and count > setting.thresholds["max_reports"]:
            sentence = "The relying party reported fraud or spam of this number or device key lately."
            return found("REPORTED_BEFORE", setting, sentence, f"velocity.{name}")
    return None


def _many(code: str, setting: RuleSetting, count: int | None, by: str, path: str) -> Finding | None:
    if count is None or count <= setting.thresholds["max_numbers"]:
        return None
    return found(code, setting, f"More numbers than is usual have been shown with {by} lately.", path)
