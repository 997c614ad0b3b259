"""base64url without padding, one text for one value (RFC 7515 section 2, RFC 4648 sections 3.5 and 5).

Only the encoding lives here. Lenient decoding does not: two texts for the same bytes would let one
signed statement wear two faces.
"""

import binascii
import re

from numseal.attestation.errors import AttestationError

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*\Z")


def encode(data: bytes) -> str:
    """Encode bytes as base64url text without padding."""
    return encode_bytes(data).decode("ascii")


def encode_bytes(data: bytes) -> bytes:
    """Encode bytes as base64url without padding, as ASCII bytes."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)


def decode(text: str, what: str = "value") -> bytes:
    """Decode canonical base64url text.

    `what` names the value in the error. Raises AttestationError (BASE64URL_INVALID) for padding, a foreign
    character, an impossible length, or unused bits that are not zero (RFC 4648 section 3.5).
    """
    if not _ALPHABET.match(text) or len(text) % 4 == 1:
        raise AttestationError("BASE64URL_INVALID", f"{what} is not base64url without padding")
    raw = text.encode("ascii").translate(_FROM_URL)
    data = binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
    if encode(data) != text:
        raise AttestationError("BASE64URL_INVALID", f"{what} is base64url with stray bits at its end")
    return data
