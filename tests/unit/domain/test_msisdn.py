"""Parsing, masking and the metadata's hints."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.domain.errors import Kind, Refusal
from numseal.domain.msisdn import mask, parse_msisdn


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+79161234567", "", "+79161234567"),
        ("+7 (916) 123-45-67", "", "+79161234567"),
        ("+7\u00a0916 123\u201145\u201167", "", "+79161234567"),
        ("＋７９１６１２３４５６７", "", "+79161234567"),
        ("8 916 123-45-67", "RU", "+79161234567"),
        ("8~10 49 151 12345678", "RU", "+4915112345678"),
        ("0079161234567", "DE", "+79161234567"),
        ("+49 (0)151 12345678", "", "+4915112345678"),
        ("+39 06 1234567", "", "+39061234567"),
        ("06 1234567", "IT", "+39061234567"),
        ("2125550123", "US", "+12125550123"),
        ("+79161234567", "DE", "+79161234567"),
        ("+80012345678", "", "+80012345678"),
    ],
)
def test_a_number_becomes_e164(text: str, region: str, expected: str) -> None:
    assert parse_msisdn(text, region) == expected


def test_a_number_that_metadata_does_not_know_passes() -> None:
    assert parse_msisdn("+7 116 123-45-67") == "+71161234567"


@pytest.mark.parametrize(
    ("text", "region", "field", "reason", "tells"),
    [
        ("", "", "phone_number", "PHONE_NUMBER_REQUIRED", "required"),
        (" \u2003", "", "phone_number", "PHONE_NUMBER_REQUIRED", "required"),
        ("+" + "7" * 64, "", "phone_number", "PHONE_NUMBER_TOO_LONG", "at most 64"),
        ("+7916123\x004567", "", "phone_number", "PHONE_NUMBER_NOT_A_NUMBER", "control"),
        ("+79161234567\n", "", "phone_number", "PHONE_NUMBER_NOT_A_NUMBER", "control"),
        ("+7916\ud8001234567", "", "phone_number", "PHONE_NUMBER_NOT_A_NUMBER", "control"),
        ("hello", "", "phone_number", "PHONE_NUMBER_NOT_A_NUMBER", "digits"),
        ("+1 800 FLOWERS", "", "phone_number", "PHONE_NUMBER_NOT_A_NUMBER", "letters"),
        ("tel:+79161234567", "", "phone_number", "PHONE_NUMBER_NOT_A_NUMBER", "letters"),
        ("+7 916 123 45 67, 8 926 123 45 67", "", "phone_number", "PHONE_NUMBER_NOT_A_NUMBER", "digits"),
        ("+7 495 123-45-67 ext. 12", "", "phone_number", "PHONE_NUMBER_HAS_EXTENSION", "extension"),
        ("+79161234567;ext=5", "", "phone_number", "PHONE_NUMBER_HAS_EXTENSION", "extension"),
        ("+7916", "", "phone_number", "PHONE_NUMBER_IMPOSSIBLE", "too short"),
        ("+49 1", "", "phone_number", "PHONE_NUMBER_IMPOSSIBLE", "too short"),
        ("5550123", "US", "phone_number", "PHONE_NUMBER_IMPOSSIBLE", "area or network code"),
        ("+1 212 555 01234", "", "phone_number", "PHONE_NUMBER_IMPOSSIBLE", "too long"),
        ("+7 916 123 45 67 8", "", "phone_number", "PHONE_NUMBER_IMPOSSIBLE", "length"),
        ("+4915112345678901", "", "phone_number", "PHONE_NUMBER_IMPOSSIBLE", "15 digits"),
        ("+4915112345678901234567", "", "phone_number", "PHONE_NUMBER_IMPOSSIBLE", "too long"),
        ("+999123456", "", "phone_number", "COUNTRY_CODE_UNKNOWN", "country code"),
        ("+999123456", "RU", "phone_number", "COUNTRY_CODE_UNKNOWN", "country code"),
        ("+0123456789", "", "phone_number", "COUNTRY_CODE_UNKNOWN", "country code"),
        ("8 916 123-45-67", "", "region_code", "REGION_CODE_REQUIRED", "region"),
        ("79161234567", "", "region_code", "REGION_CODE_REQUIRED", "region"),
        ("8 916 123-45-67", "ru", "region_code", "REGION_CODE_UNKNOWN", "capital"),
        ("+79161234567", "XX", "region_code", "REGION_CODE_UNKNOWN", "ISO 3166-1"),
        ("+79161234567", "R" * 10_000, "region_code", "REGION_CODE_UNKNOWN", "RU"),
    ],
)
def test_a_refusal_names_field_and_reason(text: str, region: str, field: str, reason: str, tells: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_msisdn(text, region)
    assert caught.value.reasoning.kind is Kind.INVALID_ARGUMENT
    assert (caught.value.reasoning.field, caught.value.reason) == (field, reason)
    assert tells in caught.value.message
    assert len(caught.value.message) < 200


def test_a_known_number_need_not_be_possible_to_the_metadata() -> None:
    with pytest.raises(Refusal):
        parse_msisdn("+99912345678")
    assert parse_msisdn("+99912345678", known=lambda number: number == "+99912345678") == "+99912345678"


@pytest.mark.parametrize(
    "text", ["+7916", "+0123456789", "+７9161234567", "+7 9161234567", "+79161234567\n", "+" + "7" * 16]
)
def test_only_well_formed_e164_is_put_to_the_number_plan(text: str) -> None:
    asked: list[str] = []

    def known(number: str) -> bool:
        asked.append(number)
        return True

    with contextlib.suppress(Refusal):
        parse_msisdn(text, known=known)
    assert asked == []


def test_a_region_is_checked_even_for_a_known_number() -> None:
    with pytest.raises(Refusal, match="region code"):
        parse_msisdn("+79161234567", "XX", known=lambda _: True)


@given(st.text(max_size=70), st.sampled_from(["", "RU", "DE", "US", "IT", "KZ"]))
def test_any_text_is_refused_or_becomes_e164(text: str, region: str) -> None:
    with contextlib.suppress(Refusal):
        number = parse_msisdn(text, region)
        assert re.fullmatch(r"\+[1-9][0-9]{1,14}", number)
        assert parse_msisdn(number) == number


@given(st.text(alphabet="+0123456789 -().;,x/~＋７\u00a0#*", max_size=64))
def test_anything_like_a_number_is_refused_or_becomes_e164(text: str) -> None:
    with contextlib.suppress(Refusal):
        number = parse_msisdn(text, "RU")
        assert re.fullmatch(r"\+[1-9][0-9]{1,14}", number)


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+79161234567", "+7916*****67"),
        ("+4915112345678", "+4915*******78"),
        ("+491711234567", "+4917******67"),
        ("+123456789012345", "+1234*********45"),
        ("+29012345", "+2*****45"),
        ("+2901234", "+2****34"),
        ("+290123", "+2*****"),
    ],
)
def test_a_mask_shows_the_network_and_two_digits(number: str, masked: str) -> None:
    assert mask(number) == masked


@given(st.integers(min_value=10**6, max_value=10**15 - 1))
def test_a_mask_hides_four_digits_at_least(digits: int) -> None:
    masked = mask(f"+{digits}")
    assert masked.count("*") >= 4
    assert len(masked) == len(f"+{digits}")
