"""Which numbers a relying party may verify."""

import pytest

from numseal.domain.errors import Kind, Refusal
from numseal.domain.permissions import COUNTRIES, EVERYTHING, Permissions
from numseal.domain.region import region_code_of

RUSSIAN = "+79161234567"
KAZAKH = "+77011234567"


def refusal(permissions: Permissions, number: str, region: str | None = None) -> str:
    """Return the reason of the refusal, empty where the number is permitted."""
    try:
        permissions.check(number, region_code_of(number) if region is None else region)
    except Refusal as refused:
        return refused.reason
    return ""


def test_a_refusal_names_the_field_and_not_the_number() -> None:
    with pytest.raises(Refusal) as caught:
        Permissions(blocked_ranges=("+7",)).check(RUSSIAN, "RU")
    assert (caught.value.reasoning.kind, caught.value.reasoning.field) == (Kind.PERMISSION_DENIED, "phone_number")
    assert RUSSIAN not in caught.value.message


@pytest.mark.parametrize("number", [RUSSIAN, KAZAKH, "+4915112345678", "+80012345678"])
def test_everything_is_permitted_unless_it_is_said_otherwise(number: str) -> None:
    assert refusal(EVERYTHING, number) == ""


def test_countries_that_share_a_code_are_told_apart() -> None:
    assert refusal(Permissions(frozenset({"RU"})), RUSSIAN) == ""
    assert refusal(Permissions(frozenset({"RU"})), KAZAKH) == "COUNTRY_NOT_PERMITTED"
    assert refusal(Permissions(frozenset({"KZ", "DE"})), RUSSIAN) == "COUNTRY_NOT_PERMITTED"
    assert refusal(Permissions(frozenset({"KZ", "DE"})), KAZAKH) == ""


@pytest.mark.parametrize(
    ("number", "countries", "reason"),
    [
        # Only Germany has +49; +7 is Russia's and Kazakhstan's.
        ("+4915112345678", {"DE"}, ""),
        ("+4915112345678", {"FR"}, "COUNTRY_NOT_PERMITTED"),
        (RUSSIAN, {"RU"}, "COUNTRY_NOT_PERMITTED"),
        (RUSSIAN, {"KZ"}, "COUNTRY_NOT_PERMITTED"),
        (RUSSIAN, {"RU", "KZ"}, ""),
        ("+380501234567", {"UA"}, ""),
        # A global service, and a code that nobody has.
        ("+80012345678", set(COUNTRIES), "COUNTRY_NOT_PERMITTED"),
        ("+99912345678", set(COUNTRIES), "COUNTRY_NOT_PERMITTED"),
    ],
)
def test_a_number_the_metadata_does_not_know_needs_all_countries_it_could_be_of(
    number: str, countries: set[str], reason: str
) -> None:
    assert refusal(Permissions(frozenset(countries)), number, region="") == reason


@pytest.mark.parametrize(
    ("blocked", "reason"),
    [
        (("+7916",), "RANGE_NOT_PERMITTED"),
        ((RUSSIAN,), "RANGE_NOT_PERMITTED"),
        (("+49", "+7"), "RANGE_NOT_PERMITTED"),
        (("+7917", "+791612345678"), ""),
    ],
)
def test_blocked_ranges_are_beginnings_of_numbers(blocked: tuple[str, ...], reason: str) -> None:
    assert refusal(Permissions(blocked_ranges=blocked), RUSSIAN) == reason
    assert refusal(Permissions(frozenset({"RU"}), blocked), RUSSIAN) == reason


def test_the_country_is_told_first() -> None:
    assert refusal(Permissions(frozenset({"DE"}), ("+7",)), RUSSIAN) == "COUNTRY_NOT_PERMITTED"


def test_countries_are_those_that_have_numbers() -> None:
    assert {"RU", "KZ", "DE", "US"} <= COUNTRIES
    assert "XX" not in COUNTRIES
