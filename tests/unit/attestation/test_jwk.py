from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from numseal.attestation import jwk
from numseal.attestation.errors import AttestationError

# RFC 7517 appendix A.1, the public EC key.
RFC_7517_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}


def a_jwk() -> dict[str, Any]:
    return dict(jwk.public_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))


def test_the_key_of_rfc_7517_is_read_and_written_back() -> None:
    assert jwk.public_jwk(jwk.load_p256({**RFC_7517_KEY, "use": "sig", "ext": True})) == RFC_7517_KEY


def test_kid_must_be_the_thumbprint() -> None:
    key = a_jwk()
    assert jwk.load_p256({**key, "kid": jwk.thumbprint(key), "alg": "ES256"})
    with pytest.raises(AttestationError, match="RFC 7638"):
        jwk.load_p256({**key, "kid": "1"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"d": "AA"}, "private"),
        ({"k": "AA"}, "private"),
        ({"kty": "RSA"}, "`kty`"),
        ({"kty": []}, "`kty`"),
        ({"crv": "P-384"}, "`crv`"),
        ({"crv": None}, "`crv`"),
        ({"alg": "ES384"}, "`alg`"),
        ({"use": "enc"}, "`use`"),
        ({"x": None}, "missing"),
        ({"x": "AA"}, "1 bytes"),
        ({"x": "A" * 44}, "33 bytes"),
        ({"y": "===="}, "base64url"),
        ({"y": "A" * 43}, "point"),
        ({"x": "_" * 42 + "8"}, "point"),
    ],
)
def test_refuses(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(AttestationError, match=words) as caught:
        jwk.load_p256({**a_jwk(), **changes}, "the key")
    assert caught.value.reason == "KEY_INVALID"


def test_refuses_what_is_no_object() -> None:
    with pytest.raises(AttestationError, match="not a JSON object"):
        jwk.load_p256(["kty"])


def test_another_curve_has_no_jwk_here() -> None:
    with pytest.raises(AttestationError, match="secp384r1"):
        jwk.public_jwk(ec.generate_private_key(ec.SECP384R1()).public_key())
