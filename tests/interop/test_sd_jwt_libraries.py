"""Our attestations under independent implementations, and theirs under our strict reader.

joserfc and jwcrypto check the JWS; digests of disclosures are recomputed by hand; sd-jwt (the reference
implementation) reads ours and writes one that ours reads; pymerkle checks the log proof of a bundle.
"""

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from jwcrypto.jws import JWS, InvalidJWSSignature  # type: ignore[import-untyped]
from pymerkle import InclusionProof, InmemoryTree, InvalidProof, verify_inclusion  # type: ignore[import-untyped]
from sd_jwt.common import SDObj  # type: ignore[import-untyped]
from sd_jwt.issuer import SDJWTIssuer  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]

from fakes.attestation_issuer import Issuer, digest_of, sample_claims, sample_disclosed
from numseal.attestation import claims as claim_formats
from numseal.attestation import sd_jwt
from numseal.attestation.entry import attestation_entry
from numseal.attestation.errors import AttestationError
from numseal.attestation.jwk import public_jwk, thumbprint
from numseal.tlog import tlog_proof
from numseal.tlog.checkpoint import Checkpoint
from numseal.tlog.note import parse_note

ISSUER = Issuer.make()
PUBLIC = public_jwk(ISSUER.attestation_key.public_key())
TEXT = ISSUER.attestation()
COMPACT, *DISCLOSURES = TEXT.rstrip("~").split("~")
TAMPERED = COMPACT.replace(".eyJ", ".eyK", 1)


def disclosed_by_hand(payload: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for text in DISCLOSURES:
        assert digest_of(text) in payload["_sd"]
        _, name, value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        found[name] = value
    return found


def test_joserfc_verifies_our_signature() -> None:
    key = ECKey.import_key({**PUBLIC})
    verified = joserfc_jws.deserialize_compact(COMPACT, key, algorithms=["ES256"])
    assert verified.headers()["kid"] == key.thumbprint() == ISSUER.kid
    assert disclosed_by_hand(json.loads(verified.payload)) == sample_disclosed().to_dict()
    with pytest.raises(Exception, match="bad_signature"):
        joserfc_jws.deserialize_compact(TAMPERED, key, algorithms=["ES256"])


def test_jwcrypto_verifies_our_signature() -> None:
    key = JWK(**PUBLIC)
    token = JWS()
    token.deserialize(COMPACT, key, alg="ES256")
    assert token.jose_header["kid"] == key.thumbprint() == ISSUER.kid
    assert disclosed_by_hand(json.loads(token.payload)) == sample_disclosed().to_dict()
    with pytest.raises(InvalidJWSSignature):
        JWS().deserialize(TAMPERED, key, alg="ES256")


def test_the_reference_implementation_reads_our_attestation() -> None:
    payload = SDJWTVerifier(TEXT, lambda _issuer, _header: JWK(**PUBLIC)).get_verified_payload()
    expected = claim_formats.to_payload(sample_claims()) | sample_disclosed().to_dict()
    del expected["cnf"], payload["cnf"]  # a key made on the spot
    assert payload == expected


def by_the_reference_implementation(claims: claim_formats.Claims, decoys: bool = False) -> str:
    user_claims: dict[Any, Any] = dict(claim_formats.to_payload(claims))
    user_claims |= {SDObj(name): value for name, value in sample_disclosed().to_dict().items()}
    pem = ISSUER.attestation_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    header = {"typ": "dc+sd-jwt", "kid": thumbprint(PUBLIC)}
    issued = SDJWTIssuer(user_claims, JWK.from_pem(pem), add_decoy_claims=decoys, extra_header_parameters=header)
    text: str = issued.sd_jwt_issuance
    return text


@pytest.mark.parametrize("cnf", [None, PUBLIC])
def test_we_read_what_the_reference_implementation_writes(cnf: dict[str, str] | None) -> None:
    claims = sample_claims(confirmation_jwk=cnf)
    opened = sd_jwt.open_sd_jwt(by_the_reference_implementation(claims), ISSUER.public_keys().attestation_keys)
    assert opened.claims == claims
    assert opened.disclosed == sample_disclosed().to_dict()


def test_we_refuse_the_reference_implementations_nested_decoys() -> None:
    text = by_the_reference_implementation(sample_claims(), decoys=True)
    with pytest.raises(AttestationError, match="below the top"):
        sd_jwt.open_sd_jwt(text, ISSUER.public_keys().attestation_keys)


def test_pymerkle_verifies_the_log_proof_of_a_bundle() -> None:
    proof = tlog_proof.parse(ISSUER.bundle(TEXT).proof)
    checkpoint = Checkpoint.parse(parse_note(proof.checkpoint).text)
    entry = attestation_entry(COMPACT.rpartition(".")[0].encode())
    leaf = hashlib.sha256(b"\x00" + entry).digest()
    # The rule (on which side each hash joins) follows from index and size; pymerkle counts leaves from one.
    oracle = InmemoryTree(algorithm="sha256")
    for number in range(checkpoint.size):
        oracle.append_entry(b"%d" % number)
    position = proof.index + 1
    rule = oracle.prove_inclusion(position, checkpoint.size).rule
    theirs = InclusionProof("sha256", True, checkpoint.size, position, rule, [leaf, *proof.path])
    verify_inclusion(leaf, checkpoint.root, theirs, index=position, size=checkpoint.size)
    theirs.path[0] = other = hashlib.sha256(b"\x00another entry").digest()
    with pytest.raises(InvalidProof):
        verify_inclusion(other, checkpoint.root, theirs, index=position, size=checkpoint.size)
