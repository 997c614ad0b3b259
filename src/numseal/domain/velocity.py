"""Velocity: how many different things are seen together within a window. Counting is the store's; what is too much is
the policy's.

A sighting is one value seen with one subject. Windows are fixed, so a count begins anew at a window's edge. What runs
across relying parties is counted only once control of the number was shown: otherwise one relying party could make
another's people look suspect by asking for their numbers.
"""

from dataclasses import dataclass

from numseal.domain.limits import DAY, UNLIMITED, Budget

FRESH = 14 * DAY
"""Seconds for which a subscription counts as fresh."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """`value` seen with `subject`; distinct values of a (`kind`, `subject`) are counted within `window` seconds.

    Neither is stored in clear: the store keeps keyed hashes of both.
    """

    kind: str
    subject: str
    value: str
    window: int

    @property
    def tally(self) -> Budget:
        """The counter of distinct values."""
        return Budget(self.kind, self.subject, UNLIMITED, self.window)

    def row(self, now: int) -> str:
        """Return the key under which this value is remembered in the window that holds `now`."""
        return f"{self.tally.row(now)}|{self.value}"

    def end(self, now: int) -> int:
        """Return when that window ends, Unix seconds."""
        return self.tally.end(now)


def account_of_number(phone_number: str, relying_party: str, account_id: str) -> Sighting:
    """Count a relying party's own accounts that showed possession of a number, over 30 days.

    Another's accounts are its own business, and only its word: across relying parties they count themselves.
    """
    return Sighting("ACCOUNTS_OF_NUMBER", f"{len(relying_party)}|{relying_party}|{phone_number}", account_id, 30 * DAY)


def relying_party_of_number(phone_number: str, relying_party: str) -> Sighting:
    """Count relying parties at which possession of a number was shown, over 30 days."""
    return Sighting("RELYING_PARTIES_OF_NUMBER", phone_number, relying_party, 30 * DAY)


def number_of_account(relying_party: str, account_id: str, phone_number: str) -> Sighting:
    """Count numbers that an account showed possession of, over 30 days."""
    return Sighting("NUMBERS_OF_ACCOUNT", f"{len(relying_party)}|{relying_party}|{account_id}", phone_number, 30 * DAY)


def number_of_device_key(thumbprint: str, phone_number: str) -> Sighting:
    """Count numbers shown under one device key (RFC 7638 thumbprint), over 30 days and all relying parties."""
    return Sighting("NUMBERS_OF_DEVICE_KEY", thumbprint, phone_number, 30 * DAY)


def number_of_client_network(relying_party: str, client_network: str, phone_number: str) -> Sighting:
    """Count numbers shown from one client network (/24, /56), over a day.

    Where a client is, only its relying party says: its word counts for itself alone.
    """
    return Sighting(
        "NUMBERS_OF_CLIENT_NETWORK", f"{len(relying_party)}|{relying_party}|{client_network}", phone_number, DAY
    )


def number_of_device(operator_id: str, device: str, phone_number: str) -> Sighting:
    """Count numbers shown whose SIM was in one device, as its operator hashes it, over 30 days."""
    return Sighting("NUMBERS_OF_DEVICE", f"{operator_id}|{device}", phone_number, 30 * DAY)


def fresh_number_of_range(number_range: str, phone_number: str) -> Sighting:
    """Count numbers of a range of 10,000 that were shown while their subscription was young, over 7 days."""
    return Sighting("FRESH_NUMBERS_OF_RANGE", number_range, phone_number, 7 * DAY)


def report_of_number(relying_party: str, phone_number: str, subject: str) -> Sighting:
    """Count verifications and bindings of a number that a relying party reported for fraud or spam, over 30 days.

    A relying party's reports count for itself alone: another's word proves nothing to it.
    """
    return Sighting("REPORTS_OF_NUMBER", f"{len(relying_party)}|{relying_party}|{phone_number}", subject, 30 * DAY)


def report_of_device_key(relying_party: str, thumbprint: str, subject: str) -> Sighting:
    """Count verifications and bindings under a device key that a relying party reported so, over 30 days."""
    return Sighting("REPORTS_OF_DEVICE_KEY", f"{len(relying_party)}|{relying_party}|{thumbprint}", subject, 30 * DAY)
