"""Phone numbers as E.164 text: parse and mask.

Only the text of a number lives here. Who owns a number is for the number plan (`number_plan`) and the
operator to say: a possible number passes even where the metadata does not know it, since metadata lags.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import NewType

import phonenumbers
from phonenumbers import NumberParseException, ValidationResult

from numseal.domain.errors import Refusal, invalid

Msisdn = NewType("Msisdn", str)
"""A number in E.164 with the plus sign and ASCII digits: "+79161234567"."""

MAX_TEXT = 64
"""Characters a number may be written with; longer text is refused before it is parsed."""

MAX_DIGITS = 15
"""ITU-T E.164 §6.2.1: country code and national number together."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_INTERNATIONAL = re.compile(r"[^\w+＋]*[+＋]")
_REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
_FIELD = "phone_number"

_LENGTHS = {
    ValidationResult.TOO_SHORT: "too short",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "too short: the area or network code is missing",
    ValidationResult.TOO_LONG: "too long",
    ValidationResult.INVALID_LENGTH: "of a length that its country does not use",
}


def parse_msisdn(text: str, region_code: str = "", known: Callable[[str], bool] | None = None) -> Msisdn:
    """Return the number in E.164, from international text or from national text and its region.

    `region_code` is an ISO 3166-1 alpha-2 code in capitals, or empty. `known` tells of a well-formed E.164
    string whether the number plan has it; such a number need not be parsed any further.
    Raises `Refusal` with the field at fault and one of the reasons PHONE_NUMBER_REQUIRED,
    PHONE_NUMBER_TOO_LONG, PHONE_NUMBER_NOT_A_NUMBER, PHONE_NUMBER_HAS_EXTENSION, PHONE_NUMBER_IMPOSSIBLE,
    COUNTRY_CODE_UNKNOWN, REGION_CODE_REQUIRED, REGION_CODE_UNKNOWN.
    """
    if region_code and region_code not in _REGIONS:
        raise invalid(
            "region_code",
            "REGION_CODE_UNKNOWN",
            "The region code is not known: give two capital letters of ISO 3166-1, such as RU.",
        )
    if known is not None and _E164.fullmatch(text) and known(text):
        return Msisdn(text)
    _refuse_unreadable(text)
    number = _parse(text, region_code)
    if number.extension:
        raise invalid(
            _FIELD,
            "PHONE_NUMBER_HAS_EXTENSION",
            "An extension cannot be verified: leave it out.",
        )
    if any(character.isalpha() for character in text):
        raise _not_a_number("it contains letters")
    length = phonenumbers.is_possible_number_with_reason(number)
    if length in _LENGTHS:
        raise _impossible(_LENGTHS[length])
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if len(e164) > MAX_DIGITS + 1:
        raise _impossible(f"too long: E.164 allows {MAX_DIGITS} digits")
    return Msisdn(e164)


def _refuse_unreadable(text: str) -> None:
    if not text or text.isspace():
        raise invalid(
            _FIELD,
            "PHONE_NUMBER_REQUIRED",
            "A phone number is required, such as +79161234567.",
        )
    if len(text) > MAX_TEXT:
        raise invalid(
            _FIELD,
            "PHONE_NUMBER_TOO_LONG",
            f"The phone number is written with {len(text)} characters; at most {MAX_TEXT} are read.",
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise _not_a_number("it contains control characters")


def _parse(text: str, region_code: str) -> phonenumbers.PhoneNumber:
    try:
        return phonenumbers.parse(text, region_code or None)
    except NumberParseException as error:
        raise _refusal_of(error, text, region_code) from None


def _refusal_of(error: NumberParseException, text: str, region_code: str) -> Refusal:
    match error.error_type:
        case NumberParseException.INVALID_COUNTRY_CODE:
            if region_code or _INTERNATIONAL.match(text):
                return invalid(
                    _FIELD,
                    "COUNTRY_CODE_UNKNOWN",
                    "The number begins with a country code not in use.",
                )
            return invalid(
                "region_code",
                "REGION_CODE_REQUIRED",
                "A number without + and country code needs the region it is dialled in, such as RU.",
            )
        case NumberParseException.TOO_LONG:
            return _impossible("too long")
        case NumberParseException.TOO_SHORT_NSN | NumberParseException.TOO_SHORT_AFTER_IDD:
            return _impossible("too short")
        case _:
            return _not_a_number("it cannot be read as digits with the usual punctuation")


def _not_a_number(why: str) -> Refusal:
    return invalid(
        _FIELD, "PHONE_NUMBER_NOT_A_NUMBER", f"This is not a phone number: {why}. Write it like +79161234567."
    )


def _impossible(what: str) -> Refusal:
    return invalid(_FIELD, "PHONE_NUMBER_IMPOSSIBLE", f"No such number can exist: it is {what}.")


def mask(msisdn: str) -> str:
    """Return the number fit for logs and screens: at most four leading and two trailing digits, five hidden.

    A number of fewer than seven digits keeps its first digit only.
    """
    digits = len(msisdn) - 1
    tail = 2 if digits >= 7 else 0  # noqa: PLR2004
    head = max(1, min(4, digits - 7))
    return msisdn[: head + 1] + "*" * (digits - head - tail) + msisdn[digits + 1 - tail :]
