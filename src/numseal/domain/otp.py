"""One-time codes that Numseal makes: making, keyed hash, comparison, and the text that carries them."""

import hashlib
import hmac

LIFETIME = 10 * 60
"""Seconds that a code may be entered."""

DIGITS = 6

PLACEHOLDER = "{{code}}"
"""What a text or template has in every place where the code goes."""


def code_of(key: bytes, verification_id: str, number: int) -> str:
    """Make the n-th code of a verification (1 is the first): six digits, never one of the earlier ones.

    Derived under a key that is never stored, so that a sending which a crash cut off can be repeated with the
    same code, as the operator expects of a repeated order. The bias of the remainder is below 2^-100.
    """
    codes: list[str] = []
    attempt = 0
    while len(codes) < number:
        attempt += 1
        block = hmac.digest(key, f"code|{verification_id}|{attempt}".encode(), hashlib.sha256)
        code = f"{int.from_bytes(block[:16]) % 10**DIGITS:0{DIGITS}d}"
        if code not in codes:
            codes.append(code)
    return codes[-1]


def digest(key: bytes, verification_id: str, code: str) -> str:
    """Return the keyed hash of a code, hex; bound to its verification so that equal codes look different."""
    return hmac.digest(key, f"{verification_id}|{code}".encode(), hashlib.sha256).hex()


def page_state(key: bytes, verification_id: str, number: int) -> str:
    """Return the OAuth 2 state of a verification's n-th network page, 32 hex digits; the same again after a crash."""
    return hmac.digest(key, f"page|{verification_id}|{number}".encode(), hashlib.sha256).hex()[:32]


def proof_digest(key: bytes, verification_id: str, authorization_code: str) -> str:
    """Return the keyed hash of an authorization code, hex; never that of a code of digits."""
    return hmac.digest(key, f"proof|{verification_id}|{authorization_code}".encode(), hashlib.sha256).hex()


def same(left: str, right: str) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(left, right)


def is_code(text: str) -> bool:
    """Tell whether a text could be a code at all: 4 to 10 ASCII digits (operators' codes vary in length)."""
    return 4 <= len(text) <= 10 and text.isascii() and text.isdigit()  # noqa: PLR2004


def message(template: str, code: str) -> str:
    """Put a code in every place that a text has for it."""
    return template.replace(PLACEHOLDER, code)
