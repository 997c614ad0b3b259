"""What an agreement's terms must hold to before anybody may accept them. Fields are named as the admin API spells them.

What they mean is `agreement`'s; nothing here looks at any other agreement.
"""

import re

from numseal.domain.agreement import Agreement, Offer, Quota
from numseal.domain.errors import Refusal, invalid
from numseal.domain.evidence import SIGNAL_NAMES

MAX_TEXT, MAX_URI = 255, 2_048
MAX_COUNT = 2**53
MAX_RATE = 2**31 - 1
AGREEMENT_ID = re.compile(r"[a-z0-9-]{1,64}")
SHA256 = re.compile(r"[0-9a-f]{64}")
CURRENCY = re.compile(r"[A-Z]{3}")


def check_terms(terms: Agreement) -> None:
    """Raise Refusal INVALID_ARGUMENT for the first field that cannot be."""
    if not AGREEMENT_ID.fullmatch(terms.agreement_id):
        raise _malformed("agreement_id", "1 to 64 characters of a-z, 0-9 and - are expected")
    covered: tuple[tuple[str, tuple[str, ...]], ...] = (("methods", terms.methods), ("signals", terms.signals))
    for field, names in covered:
        if not names or len(set(names)) < len(names):
            raise _malformed(field, "at least one is expected, and each once")
    if others := set(terms.signals) - set(SIGNAL_NAMES):
        raise _malformed("signals", f"{min(others)!r} is no signal of the operator's contract")
    if terms.valid_from < 0:
        raise _malformed("start_time", "a time since 1970 is expected")
    if terms.valid_until is not None and terms.valid_until <= terms.valid_from:
        raise _malformed("end_time", "a time after start_time is expected")
    _check_quota(terms.quota)
    if terms.offer is not None:
        _check_offer(terms.offer)
    for field, text in (
        ("consent_purpose", terms.consent_purpose),
        ("notification_reference", terms.notification_reference),
    ):
        if len(text.encode()) > MAX_TEXT or not text.isprintable():
            raise _malformed(field, f"at most {MAX_TEXT} bytes that can be printed are expected")


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
    if not SHA256.fullmatch(offer.sha256):
        raise _malformed("offer.sha256", "a SHA-256 in 64 lowercase hexadecimal digits is expected")
    if len(offer.approval_reference.encode()) > MAX_TEXT or not offer.approval_reference.isprintable():
        raise _malformed("offer.approval_reference", f"at most {MAX_TEXT} bytes that can be printed are expected")


def _malformed(field: str, expected: str) -> Refusal:
    reason = field.rpartition(".")[2].upper() + "_MALFORMED"
    return invalid(f"agreement.{field}", reason, f"agreement.{field}: {expected}")
