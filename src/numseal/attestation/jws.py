"""JWS compact serialization with ES256 (RFC 7515 section 7.1, RFC 7518 section 3.4).

Signing input, compact form and the two encodings of an ECDSA signature. What the payload means, and which
key may sign it, is decided elsewhere.
"""

from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from numseal.attestation import base64url
from numseal.attestation.errors import AttestationError

SIGNATURE_BYTES = 64
_HALF = SIGNATURE_BYTES // 2
_ES256 = ec.ECDSA(hashes.SHA256())


class Compact(NamedTuple):
    """A compact JWS taken apart: what was signed, decoded header and payload, decoded signature."""

    signing_input: bytes
    header: bytes
    payload: bytes
    signature: bytes


def signing_input(header: bytes, payload: bytes) -> bytes:
    """Build the JWS signing input, `base64url(header).base64url(payload)`, from two JSON texts."""
    return base64url.encode_bytes(header) + b"." + base64url.encode_bytes(payload)


def split_compact(text: str) -> Compact:
    """Take a compact JWS apart; raises AttestationError (JWS_MALFORMED, BASE64URL_INVALID)."""
    segments = text.split(".")
    if len(segments) != 3:  # noqa: PLR2004  RFC 7515 section 3.1: header, payload, signature
        raise AttestationError("JWS_MALFORMED", f"the JWS has {len(segments)} segments, it must have 3")
    header, payload, signature = (
        base64url.decode(segment, f"JWS {name}")
        for segment, name in zip(segments, ("header", "payload", "signature"), strict=True)
    )
    return Compact(text.rpartition(".")[0].encode("ascii"), header, payload, signature)


def raw_from_der(der: bytes) -> bytes:
    """Turn an ASN.1 ECDSA signature on P-256, as most signers return it, into the 64 bytes r || s."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def der_from_raw(raw: bytes) -> bytes:
    """Turn r || s into ASN.1; raises AttestationError (SIGNATURE_INVALID) unless it has 64 bytes."""
    if len(raw) != SIGNATURE_BYTES:
        raise AttestationError("SIGNATURE_INVALID", f"the signature has {len(raw)} bytes, ES256 has {SIGNATURE_BYTES}")
    return encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))


def sign_es256(signing_input: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Sign with a P-256 private key in memory; 64 bytes r || s."""
    return raw_from_der(key.sign(signing_input, _ES256))


def verify_es256(signing_input: bytes, signature: bytes, key: ec.EllipticCurvePublicKey) -> None:
    """Verify r || s over the signing input.

    Raises AttestationError: KEY_INVALID for a key that is not on P-256, SIGNATURE_INVALID otherwise.
    """
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise AttestationError("KEY_INVALID", "ES256 needs a key on P-256")
    try:
        key.verify(der_from_raw(signature), signing_input, _ES256)
    except InvalidSignature:
        raise AttestationError("SIGNATURE_INVALID", "the signature does not match the signed text") from None
