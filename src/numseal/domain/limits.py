"""Budgets and ladders: how often what may be tried. Counting is the store's; what counts as too much is decided here.

A budget is counted durably before the thing it guards happens. Nothing exhausted here touches an existing binding.
"""

from dataclasses import dataclass

from numseal.domain.errors import Refusal, exhausted

MINUTE, HOUR, DAY = 60, 3_600, 86_400

UNLIMITED = 2**62
"""The limit of what is counted without being limited."""

GUESS_LADDER = (0, 0, 30, 60, 120)
"""Seconds to wait before the n-th guess of a verification, counted from the guess before; its length is the cap."""

SEND_LADDER = (60, 120, 300, 600)
"""Seconds between the n-th code of a verification and the next; one more than its length is the cap."""

MAX_GUESSES = len(GUESS_LADDER)
MAX_SENDS = len(SEND_LADDER) + 1


@dataclass(frozen=True, slots=True)
class Budget:
    """A counter over a fixed window.

    `key` names what is counted, without the window; `window` is in seconds; `limit` is the most that may be counted.
    """

    name: str
    key: str
    limit: int
    window: int

    def row(self, now: int) -> str:
        """Return the key of the counter of the window that holds `now`."""
        return f"{self.name}|{self.key}|{now // self.window}"

    def end(self, now: int) -> int:
        """Return when the window that holds `now` ends, Unix seconds."""
        return (now // self.window + 1) * self.window

    def refuse(self, now: int) -> Refusal:
        """Return the refusal for when the budget is used up."""
        delay = self.end(now) - now
        return exhausted(
            f"{self.name}_EXHAUSTED",
            f"the budget {self.name} is used up; it frees in {delay} s",
            quota=self.name,
            retry_delay=delay,
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """How large each budget is; a configuration value each. Costs are counted as codes sent.

    Once `conversion_min_sends` codes went into a number range on a day, no more go where fewer than
    `conversion_min_percent` of them came back (`conversion`).
    """

    wrong_guesses_per_number_day: int = 10
    sends_per_number_day: int = 10
    sends_per_relying_party_minute: int = 6_000
    sends_per_relying_party_day: int = 100_000
    sends_per_range_day: int = 100
    conversion_min_sends: int = 50
    conversion_min_percent: int = 10
    refreshes_per_binding_hour: int = 60
    starts_per_client_network_hour: int = 1_000
    starts_per_relying_party_minute: int = 12_000


RANGE_DIGITS = 4
"""A number range is a number without its last digits, so many."""


def guess_budget(limits: Limits, relying_party: str, phone_number: str) -> Budget:
    """Return what a wrong guess counts against.

    Each relying party has its own: one shared between them would let one lock another's users out, and tell it of them.
    """
    return Budget("NUMBER_GUESSES", f"{relying_party}|{phone_number}", limits.wrong_guesses_per_number_day, DAY)


def send_budgets(limits: Limits, relying_party: str, phone_number: str) -> tuple[Budget, ...]:
    """Return what one more code counts against."""
    return (
        Budget("NUMBER_SENDS", f"{relying_party}|{phone_number}", limits.sends_per_number_day, DAY),
        Budget("RELYING_PARTY_SENDS", relying_party, limits.sends_per_relying_party_minute, MINUTE),
        Budget("RELYING_PARTY_DAY_SENDS", relying_party, limits.sends_per_relying_party_day, DAY),
        Budget("RANGE_SENDS", f"{relying_party}|{phone_number[:-RANGE_DIGITS]}", limits.sends_per_range_day, DAY),
    )


def page_budgets(limits: Limits, relying_party: str, phone_number: str) -> tuple[Budget, ...]:
    """Return what one more network page counts against: as many a number and day as codes."""
    return (Budget("NUMBER_PAGES", f"{relying_party}|{phone_number}", limits.sends_per_number_day, DAY),)


def refresh_budget(limits: Limits, binding_id: str) -> Budget:
    """Return what one more lookup of a binding on its relying party's word counts against."""
    return Budget("BINDING_REFRESHES", binding_id, limits.refreshes_per_binding_hour, HOUR)


def start_budgets(limits: Limits, relying_party: str, client_network: str) -> tuple[Budget, ...]:
    """Return what one more verification counts against; `client_network` is empty where it is not known."""
    own = Budget("RELYING_PARTY_STARTS", relying_party, limits.starts_per_relying_party_minute, MINUTE)
    if not client_network:
        return (own,)
    return (
        own,
        Budget(
            "CLIENT_NETWORK_STARTS", f"{relying_party}|{client_network}", limits.starts_per_client_network_hour, HOUR
        ),
    )


def guess_delay(wrong_guesses: int) -> int:
    """Return the seconds to wait after that many wrong guesses, fewer than MAX_GUESSES, before the next."""
    return GUESS_LADDER[wrong_guesses]


def send_delay(sends: int) -> int | None:
    """Return the seconds to wait after that many codes (1 or more) before the next, or None where no more is sent."""
    return SEND_LADDER[sends - 1] if sends < MAX_SENDS else None
