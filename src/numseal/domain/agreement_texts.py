"""What administrators write about agreements in their own words: how long it may be, and that it names no phone number.

An agreement is between two organisations and is suspended as a whole, never a person; its texts are kept for good, in
the audit trail and behind the hash in the log. Which field a text stands in is the caller's to say. That a text names
an account or a person by other means cannot be seen here, and is the administrator's to see to.

What reads as a phone number, in a text after Unicode's NFKC:

- 10 to 15 digits in whole groups that stand side by side: "79161234567", "8 (916) 123-45-67". Between the groups there
  may be spaces, dots, dashes, parentheses and plus signs. A letter, a slash or another character ends a number.
- 7 digits or more behind a plus sign.
- In a URI, after percent-decoding, the same but for 11 digits at least where there is no plus sign: documents are
  published under identifiers of 10 digits.

Taken out before are dates ("2026-11-24", "20261124", "24.11.2026"), UUIDs and hexadecimal digests of 32 digits or more;
and where no plus sign is before them, a year with a running number of 4 to 8 digits ("2016-12345678") and numbers of
the register of personal data operators ("77-14-003321"). A local number of fewer than 10 digits reads like any
reference, and passes; a taxpayer's number of 10 digits or more reads like a phone number, and is refused.
"""

import re
import unicodedata
from urllib.parse import unquote

from numseal.domain.errors import Refusal, invalid
from numseal.domain.msisdn import MAX_DIGITS

MIN_DIGITS, MIN_URI_DIGITS = 10, 11
"""Fewest digits that are a number without a plus sign: a national one, and one with its country or trunk code."""

_BETWEEN = r"\s().\u2010-\u2015\u2212\-"
_RUN = re.compile(rf"\d(?:[{_BETWEEN}+]*\d)*")
_INTERNATIONAL = re.compile(rf"\+[{_BETWEEN}]*(?:\d[{_BETWEEN}]*){{7,}}")

_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DIGEST = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{32,}\b", re.IGNORECASE)
_DATE = re.compile(rf"(?<!\d)(?:{_YEAR}-{_MONTH}-{_DAY}|{_DAY}\.{_MONTH}\.{_YEAR}|{_YEAR}{_MONTH}{_DAY})(?!\d)")
# What has more digits joined to it is a number after all.
_RUNNING = re.compile(rf"(?<![\d(])(?<!\d[.-])(?:{_YEAR}-\d{{4,8}}|\d\d-\d\d-\d{{6}})(?![.-]?\d)")


def check_words(field: str, text: str, most: int) -> None:
    """Refuse a reason or reference that is empty, of more bytes than `most`, or names a phone number."""
    if not 0 < len(text.encode()) <= most or not text.isprintable():
        raise invalid(
            field, f"{field.upper()}_MALFORMED", f"{field}: 1 to {most} bytes that can be printed are expected"
        )
    if names_number(text):
        raise number_named(field)


def names_number(text: str, fewest: int = MIN_DIGITS) -> bool:
    """Tell whether something in a text reads as a phone number; `fewest` digits are one without a plus sign."""
    text = _DATE.sub("|", _DIGEST.sub("|", unicodedata.normalize("NFKC", text)))
    if _INTERNATIONAL.search(text):
        return True
    runs = _RUN.findall(_RUNNING.sub("|", text))
    return any(_adds_up([len(group) for group in re.findall(r"\d+", run)], fewest) for run in runs)


def uri_names_number(uri: str) -> bool:
    """Tell whether something in a URI reads as a phone number."""
    return names_number(unquote(uri), MIN_URI_DIGITS)


def number_named(field: str) -> Refusal:
    """Return the refusal for a text that names a phone number; `field` is its path in the request."""
    return invalid(
        field,
        f"{field.rpartition('.')[2].upper()}_NAMES_NUMBER",
        f"{field}: names a phone number; an agreement is between organisations and never about a person. A reference "
        f"that only looks like one is written with a letter or a slash between its digits",
    )


def _adds_up(groups: list[int], fewest: int) -> bool:
    for first in range(len(groups)):
        digits = 0
        for group in groups[first:]:
            digits += group
            if digits > MAX_DIGITS:
                break
            if digits >= fewest:
                return True
    return False
