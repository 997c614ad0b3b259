"""The account's device key: read it as it was registered, and check that the account holds it."""

from cryptography.hazmat.primitives.asymmetric import ec

from numseal.attestation import jwk, jws, strict_json
from numseal.attestation.errors import AttestationError
from numseal.domain.errors import invalid

MAX_JWK = 1024


def read_device_key(text: str) -> tuple[dict[str, str], ec.EllipticCurvePublicKey]:
    """Return the JWK's four public members and the key; raises Refusal for anything but an EC P-256 public key."""
    try:
        document = strict_json.loads_object(text.encode(), "device_public_key_jwk", MAX_JWK)
        key = jwk.load_p256(document, "device_public_key_jwk")
    except AttestationError as error:
        raise invalid(
            "client.device_public_key_jwk",
            "DEVICE_KEY_MALFORMED",
            f"client.device_public_key_jwk: {error}; an EC P-256 public key is expected (RFC 7517)",
        ) from None
    return jwk.public_jwk(key), key


def device_key_thumbprint(text: str) -> tuple[dict[str, str], str]:
    """Return the JWK's four public members and its RFC 7638 thumbprint."""
    members, _ = read_device_key(text)
    return members, jwk.thumbprint(members)


def check_release(account_jwk: str, verification_id: str, signature: bytes) -> None:
    """Check that the old account's key gives its number up to a verification; raises Refusal where it does not."""
    _, key = read_device_key(account_jwk)
    try:
        jws.verify_es256(f"numseal/v1\nrelease\n{verification_id}\n".encode(), signature, key)
    except AttestationError:
        raise invalid(
            "old_account_key.signature",
            "RELEASE_INVALID",
            "old_account_key.signature: not an ES256 signature by the old account's key over "
            '"numseal/v1\\nrelease\\n<verification_id>\\n"',
        ) from None


def check_key_proof(device_public_key_jwk: str, verification_id: str, proof: bytes) -> None:
    """Check a signature by the device key over the verification id; raises Refusal where it does not hold."""
    if not device_public_key_jwk:
        raise invalid(
            "key_proof",
            "DEVICE_KEY_MISSING",
            "key_proof: the verification was started without client.device_public_key_jwk",
        )
    _, key = read_device_key(device_public_key_jwk)
    try:
        jws.verify_es256(f"numseal/v1\nkey-proof\n{verification_id}\n".encode(), proof, key)
    except AttestationError:
        raise invalid(
            "key_proof",
            "KEY_PROOF_INVALID",
            'key_proof: not an ES256 signature by the device key over "numseal/v1\\nkey-proof\\n<verification_id>\\n"',
        ) from None
