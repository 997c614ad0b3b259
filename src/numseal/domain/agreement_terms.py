"""What an agreement's terms must hold to before anybody may accept them. Fields are named as the admin API spells them.

What they mean is `agreement`'s; nothing here looks at any other agreement.
"""

import re

from numseal.domain.agreement import Agreement, Offer, Quota
from numseal.domain.agreement_texts import names_number, number_named, uri_names_number
from numseal.domain.errors import Refusal, invalid
from numseal.domain.evidence import SIGNAL_NAMES

MAX_TEXT, MAX_URI = 255, 2_048
MAX_COUNT = 2**53
MAX_RATE = 2**31 - 1
MAX_TIME = 253_402_300_799
"""The last second of the year 9999: RFC 3339 has none after it, and messages could not be printed."""

AGREEMENT_ID = re.compile(r"[a-z0-9-]{1,64}")
SHA256 = re.compile(r"[0-9a-f]{64}")
CURRENCY = re.compile(r"[A-Z]{3}")


def check_terms(terms: Agreement) -> None:
    """Raise Refusal INVALID_ARGUMENT for the first field that cannot be."""
    if not AGREEMENT_ID.fullmatch(terms.agreement_id):
        raise _malformed("agreement_id", "1 to 64 characters of a-z, 0-9 and - are expected")
    if names_number(terms.agreement_id):
        raise number_named("agreement.agreement_id")
    covered: tuple[tuple[str, tuple[str, ...]], ...] = (("methods", terms.methods), ("signals", terms.signals))
    for field, names in covered:
        if not names or len(set(names)) < len(names):
            raise _malformed(field, "at least one is expected, and each once")
    if others := set(terms.signals) - set(SIGNAL_NAMES):
        raise _malformed("signals", f"{min(others)!r} is no signal of the operator's contract")
    _check_period(terms)
    _check_quota(terms.quota)
    if terms.offer is not None:
        _check_offer(terms.offer)
    for field, text in (
        ("consent_purpose", terms.consent_purpose),
        ("notification_reference", terms.notification_reference),
    ):
        _check_text(field, text)


def _check_period(terms: Agreement) -> None:
    if not 0 <= terms.valid_from <= MAX_TIME:
        raise _malformed("start_time", "a time from 1970 to 9999 is expected")
    if terms.valid_until is not None and terms.valid_until <= terms.valid_from:
        raise _malformed("end_time", "a time after start_time is expected")
    if terms.valid_until is not None and terms.valid_until > MAX_TIME:
        raise _malformed("end_time", "a time up to the year 9999 is expected, or none where it is until it is ended")


def _check_quota(quota: Quota) -> None:
    for field, value, most in (
        ("daily_verifications", quota.daily_verifications, MAX_COUNT),
        ("calls_per_second", quota.calls_per_second, MAX_RATE),
        ("daily_cost_cap_micros", quota.daily_cost_cap_micros, MAX_COUNT),
    ):
        if not 0 <= value <= most:
            raise _malformed(f"quota.{field}", f"0 to {most} are expected")
    if quota.daily_cost_cap_micros and not quota.currency:
        raise _malformed("quota.currency_code", "the currency of the cost cap is expected")
    if quota.currency and not CURRENCY.fullmatch(quota.currency):
        raise _malformed("quota.currency_code", "an ISO 4217 code in capitals, such as RUB, is expected")


def _check_offer(offer: Offer) -> None:
    if not 0 < len(offer.uri.encode()) <= MAX_URI or not offer.uri.isprintable():
        raise _malformed("offer.uri", f"1 to {MAX_URI} bytes are expected")
    if uri_names_number(offer.uri):
        raise number_named("agreement.offer.uri")
    if not SHA256.fullmatch(offer.sha256):
        raise _malformed("offer.sha256", "a SHA-256 in 64 lowercase hexadecimal digits is expected")
    _check_text("offer.approval_reference", offer.approval_reference)


def _check_text(field: str, text: str) -> None:
    if len(text.encode()) > MAX_TEXT or not text.isprintable():
        raise _malformed(field, f"at most {MAX_TEXT} bytes that can be printed are expected")
    if names_number(text):
        raise number_named(f"agreement.{field}")


def _malformed(field: str, expected: str) -> Refusal:
    reason = field.rpartition(".")[2].upper() + "_MALFORMED"
    return invalid(f"agreement.{field}", reason, f"agreement.{field}: {expected}")
