import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fakes.attestation_issuer import (
    REMOVE,
    SUBJECT_KEY,
    Issuer,
    digest_of,
    raw_disclosure,
    sample_claims,
    sample_disclosed,
)
from numseal.attestation import base64url, disclosures, sd_jwt
from numseal.attestation.errors import AttestationError

ISSUER = Issuer.make()
KEYS = ISSUER.public_keys().attestation_keys
JWK = {"kty": "EC", "crv": "P-256"}


def refused(text: str) -> str:
    with pytest.raises(AttestationError) as caught:
        sd_jwt.open_sd_jwt(text, KEYS)
    assert str(caught.value)
    return caught.value.reason


def test_what_is_composed_opens() -> None:
    claims = sample_claims()
    opened = sd_jwt.open_sd_jwt(ISSUER.attestation(claims=claims), KEYS)
    assert opened.header == {"alg": "ES256", "typ": "dc+sd-jwt", "kid": ISSUER.kid}
    assert opened.claims == claims
    assert opened.disclosed == sample_disclosed().to_dict()


def test_optional_claims_may_be_absent() -> None:
    claims = sample_claims(status=None, confirmation_jwk=None)
    unsigned = sd_jwt.compose(
        ISSUER.kid, claims, sample_disclosed(supersedes=None), sd_jwt.salts_of(SUBJECT_KEY, claims.jti)
    )
    opened = sd_jwt.open_sd_jwt(ISSUER.signed(unsigned.signing_input, unsigned.disclosures), KEYS)
    assert opened.claims == claims
    assert "supersedes" not in opened.disclosed


def test_a_presentation_may_withhold_disclosures() -> None:
    unsigned = ISSUER.unsigned()
    text = ISSUER.signed(unsigned.signing_input, unsigned.disclosures[1:2])
    assert sd_jwt.open_sd_jwt(text, KEYS).disclosed == {"account_id": "account-1"}
    assert sd_jwt.open_sd_jwt(ISSUER.signed(unsigned.signing_input, ()), KEYS).disclosed == {}


def test_the_order_of_digests_tells_nothing() -> None:
    digests = ISSUER.unsigned_payload(ISSUER.unsigned())["_sd"]
    assert digests == sorted(digests)
    assert set(digests) == set(map(digest_of, ISSUER.unsigned().disclosures))


def test_salts_are_hkdf_of_the_subject_key() -> None:
    jti = "ab" * 16
    expected = HKDF(SHA256(), 16, None, (jti + "phone_number").encode()).derive(SUBJECT_KEY)
    assert sd_jwt.derive_salt(SUBJECT_KEY, jti, "phone_number") == expected
    assert sd_jwt.derive_salt(SUBJECT_KEY, jti, "account_id") != expected
    assert sd_jwt.derive_salt(bytes(32), jti, "phone_number") != expected


def test_the_disclosure_digest_of_rfc_9901() -> None:
    # RFC 9901 section 4.2.3: the Disclosure of `family_name` and its digest.
    text = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert disclosures.digest(text) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none"}, "ALG_REFUSED"),
        ({"alg": "HS256"}, "ALG_REFUSED"),
        ({"alg": "ES384"}, "ALG_REFUSED"),
        ({"alg": ["ES256"]}, "ALG_REFUSED"),
        ({"alg": REMOVE}, "ALG_REFUSED"),
        ({"typ": "JWT"}, "TYP_REFUSED"),
        ({"typ": "vc+sd-jwt"}, "TYP_REFUSED"),
        ({"typ": REMOVE}, "TYP_REFUSED"),
        ({"kid": "unknown"}, "KID_UNKNOWN"),
        ({"kid": 1}, "KID_UNKNOWN"),
        ({"kid": ["a"]}, "KID_UNKNOWN"),
        ({"kid": REMOVE}, "HEADER_INVALID"),
        ({"jwk": JWK}, "HEADER_INVALID"),
        ({"crit": ["exp"]}, "CRIT_REFUSED"),
        ({"crit": []}, "CRIT_REFUSED"),
    ],
)
def test_refuses_a_header(header: dict[str, Any], reason: str) -> None:
    assert refused(ISSUER.attestation(header=header)) == reason


def point_of_another_key() -> dict[str, Any]:
    return {"jwk": {**JWK, "x": "AA", "y": "AA"}}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"_sd_alg": "sha-512"}, "SD_ALG"),
        ({"_sd_alg": REMOVE}, "SD_ALG"),
        ({"_sd": REMOVE}, "SD_MALFORMED"),
        ({"_sd": {}}, "SD_MALFORMED"),
        ({"_sd": [1]}, "SD_MALFORMED"),
        ({"_sd": ["AA"]}, "SD_MALFORMED"),
        ({"_sd": ["A" * 42 + "B"]}, "BASE64URL_INVALID"),
        ({"_sd": [digest_of(str(number)) for number in range(65)]}, "SD_MALFORMED"),
        ({"_sd": [digest_of("a"), digest_of("a")]}, "DIGEST_REPEATED"),
        ({"log": {"origin": "o", "_sd": []}}, "NESTED_DIGESTS"),
        ({"log": [{"...": digest_of("a")}]}, "NESTED_DIGESTS"),
        ({"...": digest_of("a")}, "NESTED_DIGESTS"),
        ({"extra": 1}, "CLAIM_UNKNOWN"),
        ({"phone_number": "+79160000000"}, "CLAIM_UNKNOWN"),
        ({"iss": REMOVE}, "CLAIM_MISSING"),
        ({"iss": 1}, "CLAIM_INVALID"),
        ({"iss": ""}, "CLAIM_INVALID"),
        ({"vct": "v" * 1025}, "CLAIM_INVALID"),
        ({"jti": "A" * 32}, "CLAIM_INVALID"),
        ({"iat": "1"}, "CLAIM_INVALID"),
        ({"iat": True}, "CLAIM_INVALID"),
        ({"iat": 1.0}, "CLAIM_INVALID"),
        ({"nbf": -1}, "CLAIM_INVALID"),
        ({"exp": 10**30}, "CLAIM_INVALID"),
        ({"exp": REMOVE}, "CLAIM_MISSING"),
        ({"exp": 5, "nbf": 5}, "CLAIM_INVALID"),
        ({"status": None}, "CLAIM_INVALID"),
        ({"status": {"status_list": {"idx": 1}}}, "CLAIM_INVALID"),
        ({"status": {"status_list": {"idx": "1", "uri": "u"}}}, "CLAIM_INVALID"),
        ({"status": {"status_list": {"idx": 2**32, "uri": "u"}}}, "CLAIM_INVALID"),
        ({"log": "o"}, "CLAIM_INVALID"),
        ({"assurance_level": "MAXIMAL"}, "CLAIM_INVALID"),
        ({"evidence": {"alg": "md5", "commitment": "A" * 43}}, "CLAIM_INVALID"),
        ({"evidence": {"alg": "sha-256", "commitment": "AA"}}, "CLAIM_INVALID"),
        ({"evidence": {"alg": "sha-256", "commitment": "===="}}, "BASE64URL_INVALID"),
        ({"cnf": {"kid": "a"}}, "CLAIM_INVALID"),
        ({"cnf": point_of_another_key()}, "KEY_INVALID"),
    ],
)
def test_refuses_a_payload(payload: dict[str, Any], reason: str) -> None:
    assert refused(ISSUER.attestation(payload=payload)) == reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (["salt", "exp", 1], "DISCLOSURE_NAME"),
        (["salt", "vct", "other"], "DISCLOSURE_NAME"),
        (["salt", "iss", "other"], "DISCLOSURE_NAME"),
        (["salt", "cnf", {}], "DISCLOSURE_NAME"),
        (["salt", "_sd", []], "DISCLOSURE_NAME"),
        (["salt", "_sd_alg", "sha-256"], "DISCLOSURE_NAME"),
        (["salt", "...", "x"], "DISCLOSURE_NAME"),
        (["salt", "nickname", "x"], "DISCLOSURE_NAME"),
        (["salt", "account_id", "account-2"], "DISCLOSURE_DUPLICATE_NAME"),
        (["salt", "an array element"], "DISCLOSURE_MALFORMED"),
        (["salt", "method", "SMS", "more"], "DISCLOSURE_MALFORMED"),
        ({"method": "SMS"}, "DISCLOSURE_MALFORMED"),
        ([1, "method", "SMS"], "DISCLOSURE_MALFORMED"),
        (["salt", 1, "SMS"], "DISCLOSURE_MALFORMED"),
    ],
)
def test_refuses_a_signed_disclosure(value: Any, reason: str) -> None:
    assert refused(ISSUER.attestation(extra_disclosures=(raw_disclosure(value),))) == reason


def alone(value: Any) -> str:
    """Sign an attestation whose only disclosure is this one."""
    text = raw_disclosure(value)
    signing_input = ISSUER.signing_input(ISSUER.unsigned(), payload={"_sd": [digest_of(text)]})
    return ISSUER.signed(signing_input, (text,))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phone_number", "79161234567"),
        ("phone_number", "+0123"),
        ("phone_number", "+7916123456789012"),
        ("phone_number", "+7916١٢٣"),
        ("phone_number", 79161234567),
        ("account_id", {"_sd": []}),
        ("account_id", [{"...": "x"}]),
        ("verified_at", "1"),
        ("method", None),
        ("supersedes", ""),
    ],
)
def test_refuses_a_disclosed_value_of_the_wrong_type(name: str, value: Any) -> None:
    assert refused(alone(["salt", name, value])) == "CLAIM_INVALID"


def test_refuses_a_disclosure_with_a_name_twice_in_its_value() -> None:
    text = base64url.encode(b'["salt","method",{"a":1,"a":2}]')
    signing_input = ISSUER.signing_input(ISSUER.unsigned(), payload={"_sd": [digest_of(text)]})
    assert refused(ISSUER.signed(signing_input, (text,))) == "JSON_DUPLICATE_NAME"


def swap_tail(text: str) -> str:
    """Change only the unused bits of the last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


UNSIGNED = ISSUER.unsigned()
SIGNED = ISSUER.signed(UNSIGNED.signing_input, UNSIGNED.disclosures)
COMPACT, *_ = SIGNED.split("~")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "SD_JWT_MALFORMED"),
        (COMPACT, "SD_JWT_MALFORMED"),
        ("~", "JWS_MALFORMED"),
        (SIGNED + "~", "SD_JWT_MALFORMED"),
        (SIGNED + "a.b.c", "KEY_BINDING_NOT_CHECKED"),
        (SIGNED + "é~", "SD_JWT_MALFORMED"),
        (SIGNED + "a" * 65_536 + "~", "SD_JWT_TOO_LARGE"),
        (COMPACT + "~" + "a~" * 65, "SD_JWT_MALFORMED"),
        (COMPACT.replace(".", "=.", 1) + "~", "BASE64URL_INVALID"),
        (swap_tail(COMPACT) + "~", "BASE64URL_INVALID"),
        (SIGNED + UNSIGNED.disclosures[0] + "~", "DISCLOSURE_REPEATED"),
        (SIGNED + raw_disclosure(["salt", "method", "VOICE"]) + "~", "DISCLOSURE_UNREFERENCED"),
        (SIGNED.replace("~", "=~", 2).replace("=~", "~", 1), "DISCLOSURE_UNREFERENCED"),
    ],
)
def test_refuses_a_text(text: str, reason: str) -> None:
    assert refused(text) == reason


def test_a_signed_disclosure_that_is_not_canonical_is_refused() -> None:
    text = raw_disclosure(["salt", "method", "SMS"]) + "="
    assert refused(ISSUER.attestation(extra_disclosures=(text,))) == "BASE64URL_INVALID"


def test_a_signature_by_another_key_under_a_known_kid_is_refused() -> None:
    other = Issuer(ec.generate_private_key(ec.SECP256R1()), ISSUER.log_key)
    assert refused(other.attestation(header={"kid": ISSUER.kid})) == "SIGNATURE_INVALID"


def test_a_payload_exchanged_after_signing_is_refused() -> None:
    header, _, signature = COMPACT.split(".")
    other = base64url.encode(json.dumps({"iss": "other"}).encode())
    assert refused(f"{header}.{other}.{signature}~") == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("rewrite", "reason"),
    [
        (lambda header, payload: (b'{"alg":"none",' + header[1:], payload), "JSON_DUPLICATE_NAME"),
        (lambda header, payload: (header, b'{"iss":"other",' + payload[1:]), "JSON_DUPLICATE_NAME"),
        (lambda header, _: (header, b"[]"), "JSON_INVALID"),
        (lambda _, payload: (b'"header"', payload), "JSON_INVALID"),
    ],
)
def test_refuses_json_of_two_meanings(rewrite: Callable[[bytes, bytes], tuple[bytes, bytes]], reason: str) -> None:
    segments = [base64url.decode(segment) for segment in UNSIGNED.signing_input.decode().split(".")]
    signing_input = ".".join(base64url.encode(part) for part in rewrite(segments[0], segments[1])).encode()
    assert refused(ISSUER.signed(signing_input, ())) == reason
