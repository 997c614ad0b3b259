"""A holder of attestations for tests: a key made on the spot, and presentations good and bad.

    holder = Holder.make()
    text = ISSUER.attestation(claims=holder.claims())
    shown = holder.present(text)                              # genuine, everything disclosed
    shown = holder.present(text, payload={"nonce": "other"})  # signed, but with another nonce

The KB-JWT is written here from nothing but JSON and base64, so that the code under test does not judge itself.
"""

import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fakes.attestation_issuer import NOW, REMOVE, b64url, digest_of, sample_claims
from numseal.attestation import jwk, jws
from numseal.attestation.claims import Claims

NONCE = "n-0S6_WzA2Mj"
AUDIENCE = "https://messenger.test"


@dataclass(frozen=True)
class Holder:
    """Owns the key that attestations are bound to."""

    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls) -> "Holder":
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @property
    def jwk(self) -> dict[str, str]:
        return jwk.public_jwk(self.key.public_key())

    @property
    def pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def claims(self, **changes: Any) -> Claims:
        """Claims of an attestation that is bound to this key."""
        return sample_claims(confirmation_jwk=self.jwk, **changes)

    def present(self, bare: str, header: dict[str, Any] | None = None, payload: dict[str, Any] | None = None) -> str:
        """Put a KB-JWT behind an SD-JWT that ends in ~; the overrides are signed as well."""
        values = {"nonce": NONCE, "aud": AUDIENCE, "iat": NOW, "sd_hash": digest_of(bare)}
        return bare + self.signed(_changed({"alg": "ES256", "typ": "kb+jwt"}, header), _changed(values, payload))

    def signed(self, header: str, payload: str) -> str:
        """Sign two JSON texts as a compact JWS."""
        signing_input = f"{b64url(header.encode())}.{b64url(payload.encode())}"
        return f"{signing_input}.{b64url(jws.sign_es256(signing_input.encode(), self.key))}"


def _changed(values: dict[str, Any], changes: dict[str, Any] | None) -> str:
    merged = values | (changes or {})
    return json.dumps({name: value for name, value in merged.items() if value is not REMOVE})
