"""Which numbers a relying party may verify at all, as its registration says; asked before anything is spent.

Which lines may be verified is the policy's to say (`LINE_NOT_MOBILE`), since only the operator knows a line's type.
"""

from dataclasses import dataclass

import phonenumbers

from numseal.domain.errors import Kind, Reasoning, Refusal

COUNTRIES: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The ISO 3166-1 alpha-2 codes of all countries that have numbers."""

_LONGEST_COUNTRY_CODE = 3


@dataclass(frozen=True, slots=True)
class Permissions:
    """What is permitted: numbers of `countries` (ISO 3166-1 alpha-2, none for all) but not of `blocked_ranges`.

    A range is a prefix of E.164 with the plus sign: "+7900".
    """

    countries: frozenset[str] = frozenset()
    blocked_ranges: tuple[str, ...] = ()

    def check(self, phone_number: str, region_code: str) -> None:
        """Raise Refusal PERMISSION_DENIED, COUNTRY_NOT_PERMITTED or RANGE_NOT_PERMITTED, for other numbers.

        `region_code` is empty where the metadata does not know the number's country: then all that it could be of must
        be permitted.
        """
        if (
            self.countries
            and not (frozenset({region_code}) if region_code else _possible(phone_number)) <= self.countries
        ):
            raise _denied("COUNTRY_NOT_PERMITTED", "the relying party verifies no numbers of this country")
        if phone_number.startswith(self.blocked_ranges):
            raise _denied("RANGE_NOT_PERMITTED", "the relying party verifies no numbers of this range")


EVERYTHING = Permissions()
"""Every number is permitted."""


def _possible(msisdn: str) -> frozenset[str]:
    """Return the regions that share the number's country code (no country code begins another, E.164 §6.2.1)."""
    for size in range(1, _LONGEST_COUNTRY_CODE + 1):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(msisdn[1 : 1 + size]))
        if regions is not None:
            return frozenset(regions)
    return frozenset({""})


def _denied(reason: str, message: str) -> Refusal:
    return Refusal(Reasoning(Kind.PERMISSION_DENIED, reason, field="phone_number"), message)
