"""An attestation with everything an auditor is given to replay its verdict: evidence file, policy, public keys.

case = Audited.make()                              # an ordinary sign-up, level as the packaged policy gives it
case = Audited.make(evidence(...), level="HIGH")   # an attestation that says HIGH of that evidence
"""

import secrets
from dataclasses import dataclass
from importlib import resources
from typing import Any

from fakes.attestation_issuer import SUBJECT_KEY, Issuer, sample_claims, sample_disclosed
from fakes.evidence import evidence as ordinary_evidence
from fakes.evidence import packaged_policy
from numseal.attestation import sd_jwt
from numseal.attestation.commitment import canonical_record, commit
from numseal.attestation.evidence_record import write_evidence_file
from numseal.domain.evidence import Evidence
from numseal.domain.verdicts import evaluate

POLICY = resources.files("numseal.apps").joinpath("data", "policy.toml").read_bytes()
"""The packaged policy's text."""


@dataclass(frozen=True)
class Audited:
    """What is handed to the auditor; `issuer` signs."""

    issuer: Issuer
    evidence: bytes
    policy: bytes
    sd_jwt: str
    salt: bytes

    @classmethod
    def make(cls, evidence: Evidence | None = None, *, disclose: bool = True, **changes: Any) -> "Audited":
        """Attest evidence; `level` and disclosed claims may be given otherwise than the evidence has them."""
        evidence = evidence or ordinary_evidence()
        issuer, salt, policy = Issuer.make(), secrets.token_bytes(32), packaged_policy()
        canonical = canonical_record(evidence)
        level = changes.pop("level", evaluate(evidence, policy).level.name)
        claims = sample_claims(assurance_level=level, evidence_commitment=commit(salt, canonical))
        shown = evidence.possession
        disclosed = {
            "phone_number": evidence.phone_number,
            "operator": evidence.routed_operator,
            "method": shown.method.value if shown else "SMS",
            "verified_at": evidence.time,
            "policy": policy.digest,
            **changes,
        }
        salts = sd_jwt.salts_of(SUBJECT_KEY, claims.jti)
        unsigned = sd_jwt.compose(issuer.kid, claims, sample_disclosed(**disclosed), salts)
        text = issuer.signed(unsigned.signing_input, unsigned.disclosures if disclose else ())
        return cls(issuer, write_evidence_file(claims.jti, canonical, salt), POLICY, text, salt)
