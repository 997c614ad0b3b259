"""Networks' countries."""

import phonenumbers
import pytest

from numseal.domain import mobile_country
from numseal.domain.mobile_country import country_of_plmn


@pytest.mark.parametrize(
    ("plmn", "country"),
    [("250-01", "RU"), ("401-02", "KZ"), ("262-01", "DE"), ("310-410", "US"), ("234-50", "GB"), ("901-01", None)],
)
def test_country(plmn: str, country: str | None) -> None:
    assert country_of_plmn(plmn) == country


@pytest.mark.parametrize("plmn", ["", "25", "000-00", "999-99"])
def test_what_is_assigned_to_nobody_lies_nowhere(plmn: str) -> None:
    assert country_of_plmn(plmn) is None


def test_every_country_is_one_that_has_telephones() -> None:
    regions = set(phonenumbers.SUPPORTED_REGIONS)
    assert set(mobile_country._COUNTRIES.values()) <= regions
    assert all(code.isdigit() and len(code) == 3 for code in mobile_country._COUNTRIES)
