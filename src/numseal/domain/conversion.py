"""Conversion: of the codes sent into a number range for one relying party, how many come back.

Traffic that is pumped into a range that somebody earns from does not come back, or comes back at a cost that only the
spend cap (`limits`, RANGE_SENDS) bounds. Throttled ranges free themselves as the day ends.
"""

from dataclasses import dataclass

from numseal.domain.errors import exhausted
from numseal.domain.limits import DAY, RANGE_DIGITS, UNLIMITED, Budget, Limits

_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Conversion:
    """The day's counters of one relying party and range of 10,000 numbers, and what they must hold to.

    `sends` is the spend cap's own counter; nothing is refused before it reaches `min_sends`.
    """

    sends: Budget
    successes: Budget
    min_sends: int
    min_percent: int

    @classmethod
    def of(cls, limits: Limits, relying_party: str, phone_number: str) -> "Conversion":
        """Return the counters of a number's range."""
        key = f"{relying_party}|{phone_number[:-RANGE_DIGITS]}"
        return cls(
            Budget("RANGE_SENDS", key, limits.sends_per_range_day, DAY),
            Budget("RANGE_SUCCESSES", key, UNLIMITED, DAY),
            limits.conversion_min_sends,
            limits.conversion_min_percent,
        )

    def check(self, sends: int, successes: int, now: int) -> None:
        """Raise Refusal where too few of the codes sent today came back."""
        if sends < self.min_sends or successes * _PERCENT >= sends * self.min_percent:
            return
        delay = self.sends.end(now) - now
        raise exhausted(
            "RANGE_CONVERSION_LOW",
            f"of the codes sent into this number range today fewer than {self.min_percent} % were entered; "
            f"it is throttled for {delay} s",
            quota="RANGE_CONVERSION",
            retry_delay=delay,
        )
