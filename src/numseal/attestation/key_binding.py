"""Key binding: the KB-JWT by which the holder of an attestation's key presents it (RFC 9901 section 4.3).

Written for one verifier, one nonce and one choice of disclosures, and checked strictly. Which disclosures to
choose, and whether the attestation itself is genuine, belongs to `presentation` and `sd_jwt`; no clock and no
private key here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from numseal.attestation import disclosures, jwk, jws, sd_jwt, strict_json
from numseal.attestation.claims import MAX_TIME
from numseal.attestation.errors import AttestationError

TYPE = "kb+jwt"
MAX_AGE = 300
"""Seconds that a KB-JWT may be old, unless the verifier says otherwise."""
LEEWAY = 60
"""Seconds that the holder's clock may be ahead of the verifier's."""
MAX_TEXT_BYTES = 255
"""Bytes of UTF-8 that a nonce or an audience may have."""
_MAX_BYTES = 4096
_HEADER = {"alg": sd_jwt.ALGORITHM, "typ": TYPE}
_PAYLOAD_NAMES = frozenset(("iat", "aud", "nonce", "sd_hash"))


@dataclass(frozen=True, slots=True)
class Demand:
    """What a verifier demands: the nonce it gave out, its own name as audience, and freshness.

    `at` is the time judged for, Unix seconds; `max_age` is in seconds.
    """

    nonce: str
    audience: str
    at: int
    max_age: int = MAX_AGE


def signing_input(bare: str, *, nonce: str, audience: str, issued_at: int) -> bytes:
    """Write header and payload of the KB-JWT over an SD-JWT that ends in ~.

    `issued_at` is in Unix seconds. Raises AttestationError (NONCE_INVALID, AUDIENCE_INVALID) unless both have 1 to
    255 bytes.
    """
    _check_text("nonce", nonce)
    _check_text("audience", audience)
    payload = {"nonce": nonce, "aud": audience, "iat": issued_at, "sd_hash": disclosures.digest(bare)}
    return jws.signing_input(orjson.dumps(_HEADER), orjson.dumps(payload))


def check(parts: sd_jwt.Parts, confirmation_jwk: Mapping[str, Any], demand: Demand) -> None:
    """Check that the holder of the key in `cnf` made this presentation for this demand (RFC 9901 section 7.3).

    `confirmation_jwk` comes from an attestation that is known to be genuine. Raises AttestationError
    (KEY_BINDING_MISSING, KEY_BINDING_HEADER, KEY_BINDING_CLAIMS, KEY_BINDING_NONCE, KEY_BINDING_AUDIENCE,
    KEY_BINDING_TOO_OLD, KEY_BINDING_IN_FUTURE, KEY_BINDING_HASH, SIGNATURE_INVALID, and those of JWS and JSON).
    """
    if parts.key_binding is None:  # section 7.3 step 2
        raise missing()
    compact = jws.split_compact(parts.key_binding)
    # Section 4.3 and, for `alg`, section 7.3 step 5.2. What the header may name besides is refused: nothing here
    # would act on it.
    if strict_json.loads_object(compact.header, "the KB-JWT's header", _MAX_BYTES) != _HEADER:
        raise AttestationError(
            "KEY_BINDING_HEADER", f"the KB-JWT's header is not exactly `alg` {sd_jwt.ALGORITHM} and `typ` {TYPE}"
        )
    jws.verify_es256(compact.signing_input, compact.signature, jwk.load_p256(confirmation_jwk, "the key in `cnf`"))
    payload = _read_payload(compact.payload)
    if payload["nonce"] != demand.nonce:  # section 7.3 step 5.6
        raise AttestationError("KEY_BINDING_NONCE", "the KB-JWT answers another nonce than the one that was demanded")
    if payload["aud"] != demand.audience:
        raise AttestationError("KEY_BINDING_AUDIENCE", "the KB-JWT was made for another audience")
    _check_age(payload["iat"], demand)
    if payload["sd_hash"] != disclosures.digest(parts.bare):  # section 4.3.1
        raise AttestationError("KEY_BINDING_HASH", "the KB-JWT was made for other text: `sd_hash` does not match")


def missing() -> AttestationError:
    """Give the error for an attestation that is bound to a key and shown without proof of it."""
    return AttestationError(
        "KEY_BINDING_MISSING", "the attestation is bound to a key, and no KB-JWT shows that its holder presents it"
    )


def refuse_without_key(parts: sd_jwt.Parts) -> None:
    """Refuse a KB-JWT beside an attestation without `cnf`: nothing says whose key made it.

    Raises AttestationError (KEY_BINDING_UNEXPECTED).
    """
    if parts.key_binding is not None:
        raise AttestationError(
            "KEY_BINDING_UNEXPECTED", "a KB-JWT is attached to an attestation that is bound to no key"
        )


def _read_payload(data: bytes) -> dict[str, Any]:
    payload = strict_json.loads_object(data, "the KB-JWT's payload", _MAX_BYTES)
    if payload.keys() != _PAYLOAD_NAMES:
        raise AttestationError("KEY_BINDING_CLAIMS", "the KB-JWT must consist of `iat`, `aud`, `nonce` and `sd_hash`")
    # `type`, not isinstance: true is no integer in JSON. Section 4.3 wants one audience, so an array is refused.
    if type(payload["iat"]) is not int or not 0 <= payload["iat"] <= MAX_TIME:
        raise AttestationError("KEY_BINDING_CLAIMS", f"`iat` of the KB-JWT is not an integer from 0 to {MAX_TIME}")
    for name in ("aud", "nonce", "sd_hash"):
        if type(payload[name]) is not str:
            raise AttestationError("KEY_BINDING_CLAIMS", f"`{name}` of the KB-JWT is not a string")
    return payload


def _check_age(issued_at: int, demand: Demand) -> None:
    """Hold `iat` against the verifier's window (RFC 9901 section 7.3 step 5.5)."""
    if issued_at > demand.at + LEEWAY:
        raise AttestationError("KEY_BINDING_IN_FUTURE", f"the KB-JWT was made {issued_at - demand.at} s from now")
    if demand.at - issued_at > demand.max_age:
        age = demand.at - issued_at
        raise AttestationError("KEY_BINDING_TOO_OLD", f"the KB-JWT is {age} s old, at most {demand.max_age} s are good")


def _check_text(name: str, value: str) -> None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:  # a lone surrogate, as from an argument that is not UTF-8
        size = 0
    if not 0 < size <= MAX_TEXT_BYTES:
        raise AttestationError(
            f"{name.upper()}_INVALID", f"the {name} must be text of 1 to {MAX_TEXT_BYTES} bytes in UTF-8"
        )
