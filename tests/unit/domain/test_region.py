import phonenumbers
import pytest

from numseal.domain.region import region_code_of


@pytest.mark.parametrize(
    ("msisdn", "region"),
    [
        ("+79161234567", "RU"),
        ("+77011234567", "KZ"),
        ("+491711234567", "DE"),
        ("+12042345678", "CA"),
        ("+12125550123", "US"),
        ("+447781123456", "GG"),
        ("+80012345678", ""),
        ("+79991234567", "RU"),
    ],
)
def test_region(msisdn: str, region: str) -> None:
    assert region_code_of(msisdn) == region


def test_every_regions_example_number_is_that_regions() -> None:
    """The leading digits, by which answers are remembered, tell what the whole number tells."""
    wrong = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        if example is None:
            continue
        msisdn = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        if region_code_of(msisdn) != phonenumbers.region_code_for_number(example):
            wrong.append((region, msisdn))
    assert wrong == []


def test_a_number_of_no_known_region() -> None:
    assert region_code_of("+10000000000") == ""


def test_a_country_code_that_the_metadata_does_not_know_has_no_region() -> None:
    assert region_code_of("+9991234567") == ""
