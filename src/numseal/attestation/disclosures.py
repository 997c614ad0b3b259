"""Disclosures and their digests (RFC 9901 sections 4.2.1, 4.2.3 and 7.1), for flat object properties only.

Array elements, nested `_sd` and decoys inside values do not exist in this profile and are refused.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from numseal.attestation import base64url, claims, strict_json
from numseal.attestation.errors import AttestationError

HASH_NAME = "sha-256"
DIGEST_BYTES = 32
MAX_DISCLOSURES = 64
MAX_DISCLOSURE_BYTES = 8192
_OBJECT_PROPERTY = 3
_RESERVED = ("_sd", "...")


def disclosure(salt: bytes, name: str, value: str | int) -> str:
    """Write one disclosure: base64url of the JSON array salt, name, value (RFC 9901 section 4.2.1)."""
    return base64url.encode(orjson.dumps((base64url.encode(salt), name, value)))


def digest(text: str) -> str:
    """Hash a disclosure as it is written, in base64url (RFC 9901 section 4.2.3)."""
    return base64url.encode(hashlib.sha256(text.encode("ascii")).digest())


def take_digests(payload: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Part the payload into plain claims and the digests of `_sd`.

    Refuses another `_sd_alg`, a malformed `_sd`, the same digest twice, and `_sd` or `...` anywhere below.
    Raises AttestationError (SD_ALG, SD_MALFORMED, DIGEST_REPEATED, NESTED_DIGESTS).
    """
    plain = dict(payload)
    # RFC 9901 section 4.1.1 lets it be left out; this profile writes it always.
    if plain.pop("_sd_alg", None) != HASH_NAME:
        raise AttestationError("SD_ALG", f"`_sd_alg` is not {HASH_NAME}")
    digests = plain.pop("_sd", None)
    if type(digests) is not list or len(digests) > MAX_DISCLOSURES:
        raise AttestationError("SD_MALFORMED", f"`_sd` is not an array of at most {MAX_DISCLOSURES} digests")
    for text in digests:
        if type(text) is not str or len(base64url.decode(text, "a digest in `_sd`")) != DIGEST_BYTES:
            raise AttestationError("SD_MALFORMED", "`_sd` holds something that is no SHA-256 digest")
    if len(set(digests)) != len(digests):  # RFC 9901 section 7.1 step 4
        raise AttestationError("DIGEST_REPEATED", "`_sd` holds the same digest twice")
    _refuse_nested(plain)
    return plain, tuple(digests)


def resolve(texts: Sequence[str], digests: Sequence[str], plain: Mapping[str, Any]) -> dict[str, str | int]:
    """Give name and value of every disclosure (RFC 9901 section 7.1 step 3).

    Refuses a disclosure that is repeated, not referenced by a digest, not canonical, of an array element,
    named like a plain or reserved claim, or naming the same claim as another. Raises AttestationError.
    """
    unused = set(digests)
    seen: set[str] = set()
    values: dict[str, str | int] = {}
    for text in texts:
        hashed = digest(text)
        if hashed in seen:  # RFC 9901 section 4: a disclosure is sent once
            raise AttestationError("DISCLOSURE_REPEATED", "the same disclosure is given twice")
        seen.add(hashed)
        if hashed not in unused:  # RFC 9901 section 7.1 step 5
            raise AttestationError("DISCLOSURE_UNREFERENCED", "a disclosure is not covered by the signature")
        name, value = _read(text)
        if name in plain or name in claims.PLAIN_NAMES:  # RFC 9901 section 7.1 step 3; SD-JWT VC, registered claims
            raise AttestationError("DISCLOSURE_NAME", f"the claim `{name}` must stand in the clear")
        if name in values:
            raise AttestationError("DISCLOSURE_DUPLICATE_NAME", f"two disclosures give the claim `{name}`")
        claims.check_disclosed(name, value)
        values[name] = value
    return values


def _read(text: str) -> tuple[str, Any]:
    raw = base64url.decode(text, "a disclosure")
    array = strict_json.loads(raw, "a disclosure", MAX_DISCLOSURE_BYTES)
    if type(array) is not list or len(array) != _OBJECT_PROPERTY:  # RFC 9901 section 7.1 step 3
        raise AttestationError("DISCLOSURE_MALFORMED", "a disclosure is not an array of salt, name and value")
    salt, name, value = array
    if type(salt) is not str or type(name) is not str:
        raise AttestationError("DISCLOSURE_MALFORMED", "salt and name of a disclosure must be strings")
    if name in _RESERVED or name == "_sd_alg":
        raise AttestationError("DISCLOSURE_NAME", f"`{name}` must not be the name of a disclosed claim")
    return name, value


def _refuse_nested(plain: Mapping[str, Any]) -> None:
    pending: list[Any] = [plain]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if any(name in node for name in _RESERVED):
                raise AttestationError("NESTED_DIGESTS", "`_sd` or `...` stands below the top of the payload")
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
