"""Public keys as JWK (RFC 7517, RFC 7518 section 6.2): EC P-256 only, also in `cnf`.

Only public keys pass here; private keys never leave their signer. Ed25519 keys of the log are vkeys and
belong to `numseal.tlog`.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from numseal.attestation import base64url
from numseal.attestation.errors import AttestationError

_COORDINATE_BYTES = 32
# RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1: members that hold a secret.
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """Write a P-256 public key as the four members `kty`, `crv`, `x`, `y`.

    Raises AttestationError (KEY_INVALID) for another curve.
    """
    if not isinstance(key.curve, ec.SECP256R1):
        raise AttestationError("KEY_INVALID", f"the key is on {key.curve.name}, it must be on P-256")
    numbers = key.public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": base64url.encode(numbers.x.to_bytes(_COORDINATE_BYTES, "big")),
        "y": base64url.encode(numbers.y.to_bytes(_COORDINATE_BYTES, "big")),
    }


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Compute the SHA-256 thumbprint of an EC JWK as base64url (RFC 7638 sections 3.1 and 3.2).

    The JWK must have come from `public_jwk` or passed `load_p256`.
    """
    canonical = '{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}'.format_map(jwk)
    return base64url.encode(hashlib.sha256(canonical.encode()).digest())


def load_p256(jwk: object, what: str = "JWK") -> ec.EllipticCurvePublicKey:
    """Read a P-256 public key from a JWK strictly.

    Refuses secret members, another key type, curve, use or algorithm, a `kid` that is not the thumbprint,
    coordinates that are not 32 bytes and points off the curve. Members unknown to RFC 7517 are ignored, as
    its section 4 demands. Raises AttestationError (KEY_INVALID).
    """
    if not isinstance(jwk, dict):
        raise AttestationError("KEY_INVALID", f"{what} is not a JSON object")
    if not _SECRET_MEMBERS.isdisjoint(jwk):
        raise AttestationError("KEY_INVALID", f"{what} contains a private or secret member; give the public key")
    for member, wanted in (("kty", "EC"), ("crv", "P-256")):
        if jwk.get(member) != wanted:
            raise AttestationError("KEY_INVALID", f"{what} has another `{member}` than {wanted}")
    for member, wanted in (("alg", "ES256"), ("use", "sig")):
        if jwk.get(member, wanted) != wanted:
            raise AttestationError("KEY_INVALID", f"{what} has another `{member}` than {wanted}")
    x, y = (_coordinate(jwk.get(member), f"{what} `{member}`") for member in ("x", "y"))
    if "kid" in jwk and jwk["kid"] != thumbprint(jwk):
        raise AttestationError("KEY_INVALID", f"{what} has a `kid` that is not its RFC 7638 thumbprint")
    try:
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError:
        raise AttestationError("KEY_INVALID", f"{what} is not a point on P-256") from None


def _coordinate(text: object, what: str) -> int:
    if not isinstance(text, str):
        raise AttestationError("KEY_INVALID", f"{what} is missing or not a string")
    try:
        raw = base64url.decode(text, what)
    except AttestationError as error:
        raise AttestationError("KEY_INVALID", str(error)) from None
    if len(raw) != _COORDINATE_BYTES:
        raise AttestationError("KEY_INVALID", f"{what} has {len(raw)} bytes, it must have {_COORDINATE_BYTES}")
    return int.from_bytes(raw, "big")
