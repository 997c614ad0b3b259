from typing import Any

import pytest

from fakes.attestation_issuer import NOW, REMOVE, Issuer, digest_of
from fakes.holder import AUDIENCE, NONCE, Holder
from numseal.attestation import jws, key_binding, sd_jwt
from numseal.attestation.errors import AttestationError
from numseal.attestation.key_binding import LEEWAY, MAX_AGE, Demand
from numseal.attestation.presentation import bind

ISSUER = Issuer.make()
HOLDER = Holder.make()
BARE = ISSUER.attestation(claims=HOLDER.claims())
DEMAND = Demand(NONCE, AUDIENCE, NOW)


def check(text: str, demand: Demand = DEMAND, key: dict[str, str] = HOLDER.jwk) -> None:
    key_binding.check(sd_jwt.split(text), key, demand)


def refused(text: str, demand: Demand = DEMAND) -> str:
    with pytest.raises(AttestationError) as caught:
        check(text, demand)
    assert str(caught.value)
    return caught.value.reason


def test_a_kb_jwt_of_the_holder_is_accepted() -> None:
    check(HOLDER.present(BARE))


def test_what_is_written_is_accepted() -> None:
    signing_input = key_binding.signing_input(BARE, nonce=NONCE, audience=AUDIENCE, issued_at=NOW)
    check(bind(BARE, signing_input, jws.sign_es256(signing_input, HOLDER.key)))


def test_the_order_of_header_members_does_not_matter() -> None:
    payload = HOLDER.present(BARE).rpartition("~")[2].split(".")[1]
    turned = HOLDER.signed('{"typ":"kb+jwt","alg":"ES256"}', "{}")
    header = turned.split(".")[0]
    signing_input = f"{header}.{payload}".encode()
    check(bind(BARE, signing_input, jws.sign_es256(signing_input, HOLDER.key)))


def test_an_attestation_without_its_kb_jwt_is_refused() -> None:
    assert refused(BARE) == "KEY_BINDING_MISSING"


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "dc+sd-jwt"},
        {"typ": REMOVE},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES384"},
        {"alg": REMOVE},
        {"kid": "a"},
        {"crit": ["exp"]},
        {"jwk": Holder.make().jwk},
    ],
)
def test_refuses_a_header(header: dict[str, Any]) -> None:
    assert refused(HOLDER.present(BARE, header)) == "KEY_BINDING_HEADER"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"nonce": REMOVE}, "KEY_BINDING_CLAIMS"),
        ({"aud": REMOVE}, "KEY_BINDING_CLAIMS"),
        ({"iat": REMOVE}, "KEY_BINDING_CLAIMS"),
        ({"sd_hash": REMOVE}, "KEY_BINDING_CLAIMS"),
        ({"exp": NOW + 60}, "KEY_BINDING_CLAIMS"),
        ({"aud": [AUDIENCE]}, "KEY_BINDING_CLAIMS"),
        ({"nonce": 1}, "KEY_BINDING_CLAIMS"),
        ({"sd_hash": None}, "KEY_BINDING_CLAIMS"),
        ({"iat": True}, "KEY_BINDING_CLAIMS"),
        ({"iat": float(NOW)}, "KEY_BINDING_CLAIMS"),
        ({"iat": str(NOW)}, "KEY_BINDING_CLAIMS"),
        ({"iat": -1}, "KEY_BINDING_CLAIMS"),
        ({"iat": 10**30}, "KEY_BINDING_CLAIMS"),
        ({"nonce": "another"}, "KEY_BINDING_NONCE"),
        ({"nonce": NONCE.lower()}, "KEY_BINDING_NONCE"),
        ({"nonce": f" {NONCE}"}, "KEY_BINDING_NONCE"),
        ({"nonce": ""}, "KEY_BINDING_NONCE"),
        ({"aud": f"{AUDIENCE}/"}, "KEY_BINDING_AUDIENCE"),
        ({"sd_hash": digest_of(BARE[:-1])}, "KEY_BINDING_HASH"),
        ({"sd_hash": ""}, "KEY_BINDING_HASH"),
        ({"nonce": "\ud800"}, "JSON_INVALID"),
        ({"nonce": "x" * 5000}, "JSON_TOO_LARGE"),
    ],
)
def test_refuses_a_payload(payload: dict[str, Any], reason: str) -> None:
    assert refused(HOLDER.present(BARE, payload=payload)) == reason


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW - LEEWAY - 1, "KEY_BINDING_IN_FUTURE"),
        (NOW - LEEWAY, None),
        (NOW, None),
        (NOW + MAX_AGE, None),
        (NOW + MAX_AGE + 1, "KEY_BINDING_TOO_OLD"),
    ],
)
def test_a_kb_jwt_is_good_for_a_while(at: int, reason: str | None) -> None:
    demand = Demand(NONCE, AUDIENCE, at)
    shown = HOLDER.present(BARE)
    if reason is None:
        check(shown, demand)
    else:
        assert refused(shown, demand) == reason


def test_the_verifier_may_ask_for_a_fresher_one() -> None:
    shown = HOLDER.present(BARE)
    check(shown, Demand(NONCE, AUDIENCE, NOW + 5, max_age=5))
    assert refused(shown, Demand(NONCE, AUDIENCE, NOW + 6, max_age=5)) == "KEY_BINDING_TOO_OLD"


def test_another_key_cannot_present_it() -> None:
    assert refused(Holder.make().present(BARE)) == "SIGNATURE_INVALID"


def test_a_disclosure_added_or_withheld_after_signing_is_refused() -> None:
    first, second = BARE.split("~")[1:3]
    kb_jwt = HOLDER.present(BARE).rpartition("~")[2]
    assert refused(BARE.replace(f"{second}~", "") + kb_jwt) == "KEY_BINDING_HASH"
    assert refused(BARE.replace(f"~{first}~{second}~", f"~{second}~{first}~") + kb_jwt) == "KEY_BINDING_HASH"


@pytest.mark.parametrize(
    ("kb_jwt", "reason"),
    [
        ("a.b", "JWS_MALFORMED"),
        ("a", "JWS_MALFORMED"),
        ("e30=.e30.AA", "BASE64URL_INVALID"),
        (HOLDER.signed('{"alg":"ES256","typ":"kb+jwt","alg":"ES256"}', "{}"), "JSON_DUPLICATE_NAME"),
        (HOLDER.signed('{"alg":"ES256","typ":"kb+jwt"}', '{"iat":1,"iat":2}'), "JSON_DUPLICATE_NAME"),
        (HOLDER.signed('{"alg":"ES256","typ":"kb+jwt"}', "[]"), "JSON_INVALID"),
        (HOLDER.signed("[]", "{}"), "JSON_INVALID"),
        (HOLDER.signed('{"alg":"ES256","typ":"kb+jwt"}', "{}")[:-2], "SIGNATURE_INVALID"),
    ],
    # The key is another one each time, and so would the names be.
    ids=["parts", "part", "padding", "header twice", "payload twice", "payload array", "header array", "signature"],
)
def test_refuses_a_text(kb_jwt: str, reason: str) -> None:
    assert refused(BARE + kb_jwt) == reason


def test_a_kb_jwt_beside_an_attestation_without_a_key_is_refused() -> None:
    key_binding.refuse_without_key(sd_jwt.split(BARE))
    with pytest.raises(AttestationError) as caught:
        key_binding.refuse_without_key(sd_jwt.split(HOLDER.present(BARE)))
    assert caught.value.reason == "KEY_BINDING_UNEXPECTED"


@pytest.mark.parametrize(
    ("nonce", "audience", "reason"),
    [
        ("", AUDIENCE, "NONCE_INVALID"),
        (NONCE, "", "AUDIENCE_INVALID"),
        ("x" * 256, AUDIENCE, "NONCE_INVALID"),
        (NONCE, "ж" * 128, "AUDIENCE_INVALID"),
        ("\udcff", AUDIENCE, "NONCE_INVALID"),
    ],
)
def test_a_demand_that_cannot_be_met_is_refused(nonce: str, audience: str, reason: str) -> None:
    with pytest.raises(AttestationError) as caught:
        key_binding.signing_input(BARE, nonce=nonce, audience=audience, issued_at=NOW)
    assert caught.value.reason == reason


def test_the_longest_demand_is_met() -> None:
    nonce = audience = "ж" * 127 + "x"
    signing_input = key_binding.signing_input(BARE, nonce=nonce, audience=audience, issued_at=NOW)
    shown = bind(BARE, signing_input, jws.sign_es256(signing_input, HOLDER.key))
    check(shown, Demand(nonce, audience, NOW))
