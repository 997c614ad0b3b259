"""Which region a number belongs to, from the public metadata."""

from functools import lru_cache

import phonenumbers

_LEADING = 9
# Regions that share a country code are told apart within the first eight digits (North America, +7, +44).


def region_code_of(msisdn: str) -> str:
    """Return the ISO 3166-1 alpha-2 code of a number's region, or an empty text where it belongs to none."""
    return _region(msisdn[:_LEADING], len(msisdn))


@lru_cache(maxsize=65_536)
def _region(leading: str, length: int) -> str:
    try:
        number = phonenumbers.parse(leading.ljust(length, "0"))
    except phonenumbers.NumberParseException:
        # A number plan may know a country code sooner than the metadata does.
        return ""
    region = phonenumbers.region_code_for_number(number)
    # The metadata names global services, such as +800, by the UN M.49 code of the world.
    return region if region is not None and region.isalpha() else ""
