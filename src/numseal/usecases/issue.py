"""Make an attestation of a binding: compose before its leaf is appended, sign after, bundle with its proof."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numseal.attestation import commitment, sd_jwt
from numseal.attestation.bundle import Bundle, BundleKeys
from numseal.attestation.claims import Claims, Disclosed
from numseal.attestation.entry import attestation_entry
from numseal.domain.binding import Binding
from numseal.domain.evidence import Evidence
from numseal.domain.log import AttestationRecord, Leaf
from numseal.domain.verdict import Verdict
from numseal.ports.signer import Signer
from numseal.ports.store import Store
from numseal.tlog import tlog_proof


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who attests: name, type of attestation, log origin, and the public keys as a JSON document."""

    issuer: str
    vct: str
    log_origin: str
    keys: Mapping[str, Any]


class Issue:
    """Composes, signs and bundles attestations of one issuer."""

    def __init__(self, *, issuer: Issuer, signer: Signer, store: Store) -> None:
        """Take what it needs by name."""
        self._issuer = issuer
        self._signer = signer
        self._store = store
        self._keys = BundleKeys(dict(issuer.keys), None)

    def compose(
        self,
        binding: Binding,
        verdict: Verdict,
        evidence: Evidence,
        *,
        subject_key: bytes,
        evidence_salt: bytes,
        confirmation_jwk: dict[str, str] | None,
        superseded_jti: str,
    ) -> tuple[AttestationRecord, bytes]:
        """Return the attestation without its signature, and its log entry. Pure: may be called within a batch."""
        canonical = commitment.canonical_record(evidence)
        claims = Claims(
            issuer=self._issuer.issuer,
            vct=self._issuer.vct,
            jti=binding.jti,
            issued_at=binding.verified_time,
            not_before=binding.verified_time,
            expires_at=binding.expire_time,
            status=None,
            log_origin=self._issuer.log_origin,
            assurance_level=binding.level.name,
            evidence_commitment=commitment.commit(evidence_salt, canonical),
            confirmation_jwk=confirmation_jwk,
        )
        disclosed = Disclosed(
            phone_number=binding.phone_number,
            account_id=binding.account_id,
            relying_party=binding.relying_party,
            verified_at=binding.verified_time,
            method=binding.method.value,
            operator=binding.operator_id,
            policy=verdict.policy_hash,
            supersedes=superseded_jti or None,
        )
        unsigned = sd_jwt.compose(self._signer.key_id, claims, disclosed, sd_jwt.salts_of(subject_key, binding.jti))
        record = AttestationRecord(
            jti=binding.jti,
            binding_id=binding.binding_id,
            verification_id=binding.verification_id,
            relying_party=binding.relying_party,
            phone_number=binding.phone_number,
            key_id=self._signer.key_id,
            signing_input=unsigned.signing_input,
            disclosures=unsigned.disclosures,
            evidence=canonical,
            evidence_salt=evidence_salt,
        )
        return record, attestation_entry(unsigned.signing_input)

    async def bundle(self, jti: str, leaf: Leaf | None = None, record: AttestationRecord | None = None) -> Bundle:
        """Return an issued attestation with its proof; signs it where its signature is not kept yet.

        Only for attestations whose leaf is durable: what is read from the store is.
        """
        if record is None:
            record = await self._store.attestation(jti)
        if record is None:
            raise LookupError(f"attestation {jti} is not in the store")
        signature = record.signature
        if signature is None:
            signature = await self._signer.sign(record.signing_input)
            self._store.keep_signature(jti, signature)
        if leaf is None:
            leaf = await self._store.leaf(record.leaf_index, 0)
        proof = tlog_proof.Proof(leaf.index, leaf.path, leaf.published.checkpoint, None)
        text = sd_jwt.assemble(record.signing_input, signature, record.disclosures)
        return Bundle(text, tlog_proof.format(proof), None, self._keys)
