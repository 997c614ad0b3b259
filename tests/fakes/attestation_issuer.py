"""An issuer of attestations for tests: keys made on the spot, a log in memory, bundles good and bad.

    issuer = Issuer.make()
    bundle = issuer.bundle()                            # genuine
    bundle = issuer.bundle(payload={"iss": "other"})    # signed and logged, but with another `iss`

What an override changes is signed and logged like the genuine thing, so that only the check under test can
refuse it.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from numseal.attestation import jwk, jws, sd_jwt
from numseal.attestation.bundle import Bundle, BundleKeys
from numseal.attestation.claims import Claims, Disclosed, StatusReference
from numseal.attestation.commitment import canonical_json, commit
from numseal.attestation.entry import attestation_entry
from numseal.attestation.public_keys import PublicKeys
from numseal.tlog import note, tlog_proof
from numseal.tlog.checkpoint import Checkpoint, sign_checkpoint
from numseal.tlog.compact_range import EMPTY, extend, root
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import inclusion_path

ISSUER = "https://numseal.test"
VCT = "https://numseal.test/vct/phone-number/1"
ORIGIN = "numseal.test/log"
NOW = 1_790_000_000
DAY = 86_400
SUBJECT_KEY = bytes(range(32))
REMOVE = object()
"""As an overriding value: leave the claim or header parameter out."""


def b64url(data: bytes) -> str:
    """Encode independently of the code under test."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def raw_disclosure(value: Any) -> str:
    """Write any JSON value as the text of a disclosure."""
    return b64url(json.dumps(value).encode())


def digest_of(text: str) -> str:
    return b64url(hashlib.sha256(text.encode()).digest())


def sample_claims(**changes: Any) -> Claims:
    claims = Claims(
        issuer=ISSUER,
        vct=VCT,
        jti="0123456789abcdef" * 2,
        issued_at=NOW,
        not_before=NOW,
        expires_at=NOW + 30 * DAY,
        status=StatusReference(7, "https://numseal.test/status/1"),
        log_origin=ORIGIN,
        assurance_level="LOW",
        evidence_commitment=commit(bytes(32), canonical_json({"code": "match"})),
        confirmation_jwk=jwk.public_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()),
    )
    return replace(claims, **changes)


def sample_disclosed(**changes: Any) -> Disclosed:
    disclosed = Disclosed(
        phone_number="+79161234567",
        account_id="account-1",
        relying_party="messenger-1",
        verified_at=NOW - 5,
        method="SMS",
        operator="mts-ru",
        policy="ab" * 32,
        supersedes="fedcba9876543210" * 2,
    )
    return replace(disclosed, **changes)


@dataclass(frozen=True)
class Issuer:
    """Signs attestations and the log; owns no state."""

    attestation_key: ec.EllipticCurvePrivateKey
    log_key: Ed25519PrivateKey

    @classmethod
    def make(cls) -> "Issuer":
        return cls(ec.generate_private_key(ec.SECP256R1()), Ed25519PrivateKey.generate())

    @property
    def kid(self) -> str:
        return jwk.thumbprint(jwk.public_jwk(self.attestation_key.public_key()))

    def public_keys(self, **changes: Any) -> PublicKeys:
        vkey = note.verifier_key(ORIGIN, self.log_key).text()
        keys = PublicKeys.of(ISSUER, [self.attestation_key.public_key()], ORIGIN, vkey, VCT)
        return replace(keys, **changes)

    def unsigned(self, claims: Claims | None = None) -> sd_jwt.Unsigned:
        claims = claims or sample_claims()
        return sd_jwt.compose(self.kid, claims, sample_disclosed(), sd_jwt.salts_of(SUBJECT_KEY, claims.jti))

    def signing_input(
        self,
        unsigned: sd_jwt.Unsigned,
        header: dict[str, Any] | None = None,
        payload: dict[str, Any] | None = None,
    ) -> bytes:
        """Rewrite header and payload with the overrides."""
        segments = []
        for segment, changes in zip(
            unsigned.signing_input.decode().split("."), (header or {}, payload or {}), strict=True
        ):
            values = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))) | changes
            kept = {name: value for name, value in values.items() if value is not REMOVE}
            segments.append(b64url(json.dumps(kept).encode()))
        return ".".join(segments).encode()

    def attestation(self, **overrides: Any) -> str:
        unsigned = self.unsigned(overrides.pop("claims", None))
        extra = overrides.pop("extra_disclosures", ())
        if extra:
            signed = self.unsigned_payload(unsigned)["_sd"]
            overrides["payload"] = {"_sd": [*signed, *map(digest_of, extra)], **overrides.get("payload", {})}
        signing_input = self.signing_input(unsigned, **overrides)
        return self.signed(signing_input, (*unsigned.disclosures, *extra))

    @staticmethod
    def unsigned_payload(unsigned: sd_jwt.Unsigned) -> dict[str, Any]:
        segment = unsigned.signing_input.decode().split(".")[1]
        values: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
        return values

    def signed(self, signing_input: bytes, disclosures: tuple[str, ...]) -> str:
        return sd_jwt.assemble(signing_input, jws.sign_es256(signing_input, self.attestation_key), disclosures)

    def proof(self, text: str, *, index: int = 5, size: int = 11, origin: str = ORIGIN) -> tlog_proof.Proof:
        """Log the attestation as entry `index` among `size` and prove it."""
        signing_input = text.partition("~")[0].rpartition(".")[0].encode()
        entries = [b"entry %d" % number for number in range(size)]
        entries[index] = attestation_entry(signing_input)
        nodes: dict[tuple[int, int], bytes] = {}
        frontier = extend(EMPTY, map(leaf_hash, entries), nodes)
        checkpoint = sign_checkpoint(Checkpoint(origin, size, root(frontier)), self.log_key)
        path = inclusion_path(index, size, lambda level, number: nodes[level, number])
        return tlog_proof.Proof(index, tuple(path), checkpoint)

    def bundle(self, text: str | None = None, **overrides: Any) -> Bundle:
        """Bundle an attestation: the genuine one, the given text, or one with overrides."""
        text = text or self.attestation(**overrides)
        keys = BundleKeys(self.public_keys().to_object(), None)
        return Bundle(text, tlog_proof.format(self.proof(text)), None, keys)
