"""SD-JWT in the profile of Numseal: composed, assembled, taken apart, opened strictly (RFC 9901).

Signing happens elsewhere, between `compose` and `assemble`. `open_sd_jwt` decides whether the text is a
genuine attestation under given keys; whether its time, issuer, log and status suit the reader is
`numseal.verify`'s.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec

from numseal.attestation import base64url, claims, disclosures, jws, strict_json
from numseal.attestation.errors import AttestationError

ALGORITHM = "ES256"
TYPE = "dc+sd-jwt"
MAX_BYTES = 64 * 1024
MAX_HEADER_BYTES = 1024
SALT_BYTES = 16
_HASH_BYTES = 32
_HEADER_NAMES = frozenset(("alg", "typ", "kid"))


@dataclass(frozen=True, slots=True)
class Unsigned:
    """An attestation before its signature: what to sign, and the disclosures that go with it."""

    signing_input: bytes
    disclosures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """An SD-JWT taken apart, nothing verified.

    `bare` is its text up to and with the last ~, which a KB-JWT covers; `key_binding` is the KB-JWT's text, if
    there is one.
    """

    jws: jws.Compact
    disclosures: tuple[str, ...]
    key_binding: str | None
    bare: str


@dataclass(frozen=True, slots=True)
class Profile:
    """The payload, read: plain claims as values and as JSON, and the digests of what may be disclosed."""

    claims: claims.Claims
    plain: dict[str, Any]
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """A genuine attestation: header, plain claims, and what was disclosed by name."""

    header: dict[str, Any]
    claims: claims.Claims
    disclosed: dict[str, str | int]


def salts_of(subject_key: bytes, jti: str) -> Callable[[str], bytes]:
    """Give the function from claim name to salt for one attestation: HKDF-SHA256 (RFC 5869).

    The subject key is the input key material, `jti || claim` the info; a `jti` has fixed length, so two pairs
    never share an info. Destroying the subject key makes every undisclosed claim unguessable.
    """
    # RFC 5869 section 2.2 with no salt given, then one block of section 2.3.
    pseudorandom_key = hmac.digest(bytes(_HASH_BYTES), subject_key, "sha256")
    prefix = jti.encode("ascii")

    def salt(claim: str) -> bytes:
        return hmac.digest(pseudorandom_key, prefix + claim.encode() + b"\x01", "sha256")[:SALT_BYTES]

    return salt


def derive_salt(subject_key: bytes, jti: str, claim: str) -> bytes:
    """Derive the 16-byte salt of one claim; see `salts_of`."""
    return salts_of(subject_key, jti)(claim)


def compose(kid: str, plain: claims.Claims, disclosed: claims.Disclosed, salts: Callable[[str], bytes]) -> Unsigned:
    """Write header and payload of an attestation, and its disclosures.

    `kid` is the signing key's RFC 7638 thumbprint. The digests are sorted, so that their order tells nothing
    (RFC 9901 section 4.2.4.1).
    """
    texts = tuple(disclosures.disclosure(salts(name), name, value) for name, value in disclosed.to_dict().items())
    payload = claims.to_payload(plain)
    payload["_sd_alg"] = disclosures.HASH_NAME
    payload["_sd"] = sorted(map(disclosures.digest, texts))
    return Unsigned(_encoded_header(kid) + base64url.encode_bytes(orjson.dumps(payload)), texts)


def assemble(signing_input: bytes, signature: bytes, texts: Sequence[str]) -> str:
    """Join signing input, 64-byte signature and disclosures into an SD-JWT without key binding."""
    compact = f"{signing_input.decode('ascii')}.{base64url.encode(signature)}"
    return "~".join((compact, *texts, ""))


def split(text: str) -> Parts:
    """Take an SD-JWT apart (RFC 9901 section 4) without verifying anything.

    Raises AttestationError (SD_JWT_TOO_LARGE, SD_JWT_MALFORMED, JWS_MALFORMED, BASE64URL_INVALID).
    """
    if len(text) > MAX_BYTES:
        raise AttestationError("SD_JWT_TOO_LARGE", f"the SD-JWT is longer than {MAX_BYTES} bytes")
    if not text.isascii():
        raise AttestationError("SD_JWT_MALFORMED", "the SD-JWT contains characters outside ASCII")
    compact, *texts = text.split("~")
    if not texts:
        raise AttestationError("SD_JWT_MALFORMED", "there is no ~ after the JWS: this is no SD-JWT")
    key_binding = texts.pop()
    if len(texts) > disclosures.MAX_DISCLOSURES:
        raise AttestationError("SD_JWT_MALFORMED", f"more than {disclosures.MAX_DISCLOSURES} disclosures are given")
    if not all(texts):
        raise AttestationError("SD_JWT_MALFORMED", "an empty disclosure stands between two ~")
    bare = text.removesuffix(key_binding)
    return Parts(jws.split_compact(compact), tuple(texts), key_binding or None, bare)


def check_signature(parts: Parts, keys: Mapping[str, ec.EllipticCurvePublicKey]) -> dict[str, Any]:
    """Check the header strictly, then the signature by the key that `kid` names among the trusted ones.

    Gives the header. Raises AttestationError (HEADER_INVALID, CRIT_REFUSED, ALG_REFUSED, TYP_REFUSED,
    KID_UNKNOWN, KEY_INVALID, SIGNATURE_INVALID).
    """
    header = strict_json.loads_object(parts.jws.header, "the JWS header", MAX_HEADER_BYTES)
    if "crit" in header:  # RFC 7515 section 4.1.11: an extension that is not understood
        raise AttestationError("CRIT_REFUSED", "the header demands extensions with `crit`; none is supported")
    if header.get("alg") != ALGORITHM:  # RFC 9901 section 7.1 step 2; RFC 8725 section 3.1
        raise AttestationError("ALG_REFUSED", f"the header's `alg` is not {ALGORITHM}")
    if header.get("typ") != TYPE:
        raise AttestationError("TYP_REFUSED", f"the header's `typ` is not {TYPE}")
    if header.keys() != _HEADER_NAMES:
        raise AttestationError("HEADER_INVALID", "the header must consist of `alg`, `typ` and `kid`")
    kid = header["kid"]
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        raise AttestationError("KID_UNKNOWN", "the header's `kid` names none of the trusted keys")
    jws.verify_es256(parts.jws.signing_input, parts.jws.signature, key)
    return header


def read_profile(parts: Parts) -> Profile:
    """Read the payload by the profile; what it says counts only after `check_signature`.

    Raises AttestationError (those of the payload, digests and claims).
    """
    payload = strict_json.loads_object(parts.jws.payload, "the JWS payload", MAX_BYTES)
    plain, digests = disclosures.take_digests(payload)
    return Profile(claims.from_payload(plain), plain, digests)


def refuse_key_binding(parts: Parts) -> None:
    """Refuse an SD-JWT with a KB-JWT where none is checked (RFC 9901 section 7.2).

    Raises AttestationError (KEY_BINDING_NOT_CHECKED).
    """
    if parts.key_binding is not None:
        raise AttestationError(
            "KEY_BINDING_NOT_CHECKED",
            "a key binding JWT is attached: this is a presentation, and key binding is not checked here",
        )


def open_sd_jwt(text: str, keys: Mapping[str, ec.EllipticCurvePublicKey]) -> Opened:
    """Verify an attestation strictly: form, header, signature, profile, disclosures (RFC 9901 section 7.1).

    `keys` maps the `kid` of each trusted key to it. Times are not compared with a clock here, and a KB-JWT is
    refused: `presentation` opens those. Raises AttestationError with the reason of the first check that fails.
    """
    parts = split(text)
    header = check_signature(parts, keys)
    refuse_key_binding(parts)
    profile = read_profile(parts)
    return Opened(header, profile.claims, disclosures.resolve(parts.disclosures, profile.digests, profile.plain))


@lru_cache(maxsize=16)
def _encoded_header(kid: str) -> bytes:
    """Give the encoded header with its dot; an issuer has few keys."""
    return base64url.encode_bytes(orjson.dumps({"alg": ALGORITHM, "typ": TYPE, "kid": kid})) + b"."
