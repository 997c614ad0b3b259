"""Our presentations under independent implementations, and theirs under our strict reader.

sd-jwt (the reference implementation) makes and checks whole presentations, with jwcrypto beneath it; joserfc makes
and checks the KB-JWT.
"""

import json
import time
from typing import Any

import pytest
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from jwcrypto.jws import InvalidJWSSignature  # type: ignore[import-untyped]
from sd_jwt.holder import SDJWTHolder  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]

from fakes.attestation_issuer import NOW, Issuer, digest_of, sample_disclosed
from fakes.holder import AUDIENCE, NONCE, Holder
from numseal.attestation import jws, key_binding, sd_jwt
from numseal.attestation.errors import AttestationError
from numseal.attestation.jwk import public_jwk
from numseal.attestation.key_binding import Demand
from numseal.attestation.presentation import bind, open_presentation, presentation

ISSUER = Issuer.make()
HOLDER = Holder.make()
ISSUER_JWK = JWK(**public_jwk(ISSUER.attestation_key.public_key()))
HELD = ISSUER.attestation(claims=HOLDER.claims())
CHOSEN = {"phone_number", "method"}


def ours(bare: str, holder: Holder = HOLDER, *, nonce: str = NONCE, audience: str = AUDIENCE) -> str:
    signing_input = key_binding.signing_input(bare, nonce=nonce, audience=audience, issued_at=NOW)
    return bind(bare, signing_input, jws.sign_es256(signing_input, holder.key))


def read_by_the_reference_implementation(text: str) -> dict[str, Any]:
    verifier = SDJWTVerifier(text, lambda _issuer, _header: ISSUER_JWK, AUDIENCE, NONCE)
    payload: dict[str, Any] = verifier.get_verified_payload()
    return payload


def made_by_the_reference_implementation(nonce: str = NONCE, audience: str = AUDIENCE) -> str:
    holder = SDJWTHolder(HELD)
    holder.create_presentation(dict.fromkeys(CHOSEN, True), nonce, audience, JWK.from_pem(HOLDER.pem))
    text: str = holder.sd_jwt_presentation
    return text


def check(text: str, nonce: str = NONCE, audience: str = AUDIENCE, at: int = NOW) -> None:
    parts = open_presentation(text, ISSUER.public_keys().attestation_keys).parts
    key_binding.check(parts, HOLDER.jwk, Demand(nonce, audience, at))


def test_the_reference_implementation_accepts_our_presentation() -> None:
    payload = read_by_the_reference_implementation(ours(presentation(HELD, CHOSEN)))
    expected = {name: value for name, value in sample_disclosed().to_dict().items() if name in CHOSEN}
    assert expected.items() <= payload.items()
    assert "account_id" not in payload


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ours(HELD, nonce="other"), "Invalid nonce"),
        (ours(HELD, audience="other"), "Invalid audience"),
        (presentation(HELD, CHOSEN) + ours(HELD).rpartition("~")[2], "Invalid digest"),
    ],
)
def test_it_refuses_what_we_refuse(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_by_the_reference_implementation(text)
    with pytest.raises(AttestationError):
        check(text)


def test_it_refuses_another_holder_s_key_as_we_do() -> None:
    text = ours(HELD, Holder.make())
    with pytest.raises(InvalidJWSSignature):
        read_by_the_reference_implementation(text)
    with pytest.raises(AttestationError):
        check(text)


def test_we_accept_what_the_reference_implementation_makes() -> None:
    text = made_by_the_reference_implementation()
    now = int(time.time())  # noqa: TID251  the library reads the machine's clock
    check(text, at=now)
    opened = open_presentation(text, ISSUER.public_keys().attestation_keys)
    assert opened.disclosed.keys() == CHOSEN
    for nonce, audience, at in (("other", AUDIENCE, now), (NONCE, "other", now), (NONCE, AUDIENCE, now + 1000)):
        with pytest.raises(AttestationError):
            check(text, nonce, audience, at)


def test_joserfc_checks_our_kb_jwt() -> None:
    bare, _, kb_jwt = ours(HELD).rpartition("~")
    verified = joserfc_jws.deserialize_compact(kb_jwt, ECKey.import_key({**HOLDER.jwk}), algorithms=["ES256"])
    assert verified.headers() == {"alg": "ES256", "typ": "kb+jwt"}
    assert json.loads(verified.payload) == {
        "nonce": NONCE,
        "aud": AUDIENCE,
        "iat": NOW,
        "sd_hash": digest_of(f"{bare}~"),
    }


def test_we_check_joserfc_s_kb_jwt() -> None:
    payload = {"iat": NOW, "aud": AUDIENCE, "nonce": NONCE, "sd_hash": digest_of(HELD)}
    key = ECKey.import_key(HOLDER.pem)
    text = joserfc_jws.serialize_compact({"alg": "ES256", "typ": "kb+jwt"}, json.dumps(payload), key)
    check(HELD + text)
    other = joserfc_jws.serialize_compact({"alg": "ES256", "typ": "JWT"}, json.dumps(payload), key)
    with pytest.raises(AttestationError):
        check(HELD + other)


def test_a_holder_of_theirs_reads_what_a_holder_of_ours_has_narrowed() -> None:
    holder = SDJWTHolder(presentation(HELD, CHOSEN))
    holder.create_presentation({"method": True})
    opened = sd_jwt.open_sd_jwt(holder.sd_jwt_presentation, ISSUER.public_keys().attestation_keys)
    assert opened.disclosed == {"method": "SMS"}
