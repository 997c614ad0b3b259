import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from numseal.attestation import base64url, jwk, jws
from numseal.attestation.errors import AttestationError

# RFC 7515 appendix A.3: a JWS with ES256, its key and its signature.
RFC_7515_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
RFC_7515_JWS = (
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)


def test_the_vector_of_rfc_7515_verifies() -> None:
    compact = jws.split_compact(RFC_7515_JWS)
    assert compact.header == b'{"alg":"ES256"}'
    assert jws.signing_input(compact.header, compact.payload) == compact.signing_input
    jws.verify_es256(compact.signing_input, compact.signature, jwk.load_p256(RFC_7515_KEY))


def test_signs_what_verifies_and_nothing_else() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signature = jws.sign_es256(b"a.b", key)
    assert len(signature) == jws.SIGNATURE_BYTES
    assert jws.raw_from_der(jws.der_from_raw(signature)) == signature
    jws.verify_es256(b"a.b", signature, key.public_key())
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    for text, sig, public in (
        (b"a.c", signature, key.public_key()),
        (b"a.b", signature, other),
        (b"a.b", bytes(64), key.public_key()),
        (b"a.b", b"\xff" * 64, key.public_key()),
        (b"a.b", signature[:-1], key.public_key()),
        (b"a.b", jws.der_from_raw(signature), key.public_key()),
    ):
        with pytest.raises(AttestationError) as caught:
            jws.verify_es256(text, sig, public)
        assert caught.value.reason == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()).public_key(), Ed25519PrivateKey.generate().public_key()]
)
def test_a_key_of_another_kind_is_refused(key: ec.EllipticCurvePublicKey) -> None:
    with pytest.raises(AttestationError, match="P-256") as caught:
        jws.verify_es256(b"a.b", bytes(64), key)
    assert caught.value.reason == "KEY_INVALID"


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c.d", "YQ.YQ.YR", "YQ.Y Q.YQ"])
def test_refuses_a_malformed_compact_jws(text: str) -> None:
    with pytest.raises(AttestationError):
        jws.split_compact(text)


def test_the_signing_input_encodes_both_texts() -> None:
    assert jws.signing_input(b"{}", b"a?>") == f"{base64url.encode(b'{}')}.YT8-".encode()
