"""The public keys of an issuer: what a verifier pins, the service publishes and a bundle carries.

{"issuer": str, "attestation_keys": {"keys": [JWK, ...]}, "log": {"origin": str, "vkey": str}, "vct": str}
`vct` may be absent; then the type of an attestation is not compared. The vkey is a signed-note verifier
key, whose own syntax `numseal.tlog` checks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec

from numseal.attestation import jwk, strict_json
from numseal.attestation.errors import AttestationError

MAX_BYTES = 64 * 1024
MAX_KEYS = 64
MAX_TEXT = 1024


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """An issuer's name, attestation keys by `kid`, log origin and log vkey, and its type of attestation."""

    issuer: str
    attestation_keys: Mapping[str, ec.EllipticCurvePublicKey]
    log_origin: str
    log_vkey: str
    vct: str | None = None

    @classmethod
    def of(
        cls,
        issuer: str,
        keys: Iterable[ec.EllipticCurvePublicKey],
        log_origin: str,
        log_vkey: str,
        vct: str | None = None,
    ) -> "PublicKeys":
        """Gather an issuer's keys; each `kid` is the key's RFC 7638 thumbprint."""
        by_kid = {jwk.thumbprint(jwk.public_jwk(key)): key for key in keys}
        return cls(issuer, by_kid, log_origin, log_vkey, vct)

    @classmethod
    def from_json(cls, data: bytes) -> "PublicKeys":
        """Read the document strictly; raises AttestationError (KEYS_MALFORMED, KEY_INVALID, JSON_*)."""
        return cls.from_object(strict_json.loads_object(data, "the key document", MAX_BYTES))

    @classmethod
    def from_object(cls, document: Mapping[str, Any]) -> "PublicKeys":
        """Read the parsed document strictly; raises AttestationError (KEYS_MALFORMED, KEY_INVALID)."""
        wanted = {"issuer", "attestation_keys", "log"}
        if document.keys() - {"vct"} != wanted:
            raise _malformed("it must have exactly `issuer`, `attestation_keys`, `log` and perhaps `vct`")
        jwks = _object(document, "attestation_keys", {"keys"})["keys"]
        if type(jwks) is not list or not 0 < len(jwks) <= MAX_KEYS:
            raise _malformed(f"`attestation_keys.keys` must be an array of 1 to {MAX_KEYS} JWKs")
        keys = [jwk.load_p256(item, f"attestation key {number}") for number, item in enumerate(jwks)]
        log = _object(document, "log", {"origin", "vkey"})
        result = cls.of(
            _text(document, "issuer"),
            keys,
            _text(log, "origin"),
            _text(log, "vkey"),
            _text(document, "vct") if "vct" in document else None,
        )
        if len(result.attestation_keys) != len(keys):
            raise _malformed("the same attestation key stands in it twice")
        return result

    def to_object(self) -> dict[str, Any]:
        """Write the document as JSON values, keys sorted by `kid`, each with `kid`, `alg` and `use`."""
        keys = [
            {**jwk.public_jwk(key), "kid": kid, "alg": "ES256", "use": "sig"}
            for kid, key in sorted(self.attestation_keys.items())
        ]
        document: dict[str, Any] = {
            "issuer": self.issuer,
            "attestation_keys": {"keys": keys},
            "log": {"origin": self.log_origin, "vkey": self.log_vkey},
        }
        if self.vct is not None:
            document["vct"] = self.vct
        return document

    def to_json(self) -> bytes:
        """Write the document as indented JSON with a final newline."""
        return orjson.dumps(self.to_object(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _object(document: Mapping[str, Any], name: str, members: set[str]) -> dict[str, Any]:
    value = document[name]
    if type(value) is not dict or value.keys() != members:
        raise _malformed(f"`{name}` must be an object with exactly " + ", ".join(f"`{m}`" for m in sorted(members)))
    return value


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document[name]
    if type(value) is not str or not 0 < len(value) <= MAX_TEXT:
        raise _malformed(f"`{name}` must be a string of 1 to {MAX_TEXT} characters")
    return value


def _malformed(sentence: str) -> AttestationError:
    return AttestationError("KEYS_MALFORMED", f"the key document is malformed: {sentence}")
