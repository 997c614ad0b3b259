"""An operator's signature over an answer: a compact JWS (RFC 7515 §7.1) whose payload is the answer's own bytes.

The protected header has `alg` (ES256; EdDSA on Ed25519, RFC 8037 §3.1, or Ed25519, RFC 9864), `kid` of a registered
key, and, where it says what it is, `typ` "numseal-statement+jws" (RFC 8725 §3.11): a token that the same key signed for
another purpose is no statement. `crit` is refused, since no extension is understood. Keys are a JWK set (RFC 7517 §5).
Both ends of the signature live here, over plain bytes and messages; what follows from a broken one does not.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from google.protobuf.message import DecodeError

from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.attestation import base64url, jwk, jws, strict_json
from numseal.attestation.errors import AttestationError
from numseal.domain.evidence import MAX_STATEMENT

TYPE = "numseal-statement+jws"
ES256, EDDSA, ED25519 = "ES256", "EdDSA", "Ed25519"

MAX_KEYS = 64
MAX_KEYS_BYTES = 64 * 1024
MAX_HEADER = 4 * 1024
MAX_KID = 128

_ED25519_BYTES = 32
_OF_ED25519 = (EDDSA, ED25519)

PublicKey = ec.EllipticCurvePublicKey | Ed25519PublicKey
Keys = Mapping[str, PublicKey]
"""An operator's registered keys by `kid`."""

Signed = TypeVar("Signed", pb.LookUpSubscriberResponse, pb.FinishNetworkCheckResponse)


def read_keys(data: bytes) -> dict[str, PublicKey]:
    """Read a JWK set of public keys, 1 to 64 of P-256 or Ed25519.

    A key without `kid` has its RFC 7638 thumbprint for one. Raises AttestationError (KEYS_MALFORMED, KEY_INVALID,
    JSON_*).
    """
    document = strict_json.loads_object(data, "the JWK set", MAX_KEYS_BYTES)
    found = document.get("keys")
    if type(found) is not list or not 0 < len(found) <= MAX_KEYS:
        raise AttestationError("KEYS_MALFORMED", f"`keys` of the JWK set must be an array of 1 to {MAX_KEYS} JWKs")
    keys: dict[str, PublicKey] = {}
    for number, item in enumerate(found):
        kid, key = _read_key(item, f"key {number}")
        if kid in keys:
            raise AttestationError("KEYS_MALFORMED", f"key {number} has the `kid` of another")
        keys[kid] = key
    return keys


def _read_key(item: object, what: str) -> tuple[str, PublicKey]:
    if type(item) is not dict:
        raise AttestationError("KEY_INVALID", f"{what} is not a JSON object")
    # An operator names its keys as it likes, so that `kid` need not be the thumbprint.
    members = {name: value for name, value in item.items() if name != "kid"}
    key = _read_ed25519(members, what) if members.get("kty") == "OKP" else jwk.load_p256(members, what)
    kid = item.get("kid", thumbprint(key))
    if type(kid) is not str or not 0 < len(kid) <= MAX_KID:
        raise AttestationError("KEY_INVALID", f"{what} has a `kid` that is no text of 1 to {MAX_KID} characters")
    return kid, key


def _read_ed25519(members: Mapping[str, Any], what: str) -> Ed25519PublicKey:
    if "d" in members:
        raise AttestationError("KEY_INVALID", f"{what} contains a private or secret member; give the public key")
    if (
        members.get("crv") != ED25519
        or members.get("alg", EDDSA) not in _OF_ED25519
        or members.get("use", "sig") != "sig"
    ):
        raise AttestationError(
            "KEY_INVALID", f"{what} has another `crv`, `alg` or `use` than a key on {ED25519} that signs"
        )
    x = members.get("x")
    raw = base64url.decode(x, f"{what} `x`") if type(x) is str else b""
    if len(raw) != _ED25519_BYTES:
        raise AttestationError("KEY_INVALID", f"{what} `x` is not {_ED25519_BYTES} bytes of base64url")
    return Ed25519PublicKey.from_public_bytes(raw)


def public_jwk(key: PublicKey) -> dict[str, str]:
    """Write a key as the members that make it; raises AttestationError (KEY_INVALID) for a curve other than P-256."""
    if isinstance(key, Ed25519PublicKey):
        x = base64url.encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
        return {"crv": "Ed25519", "kty": "OKP", "x": x}
    return jwk.public_jwk(key)


def thumbprint(key: PublicKey) -> str:
    """Compute the SHA-256 thumbprint of a key (RFC 7638 §3, RFC 8037 §2)."""
    canonical = orjson.dumps(public_jwk(key), option=orjson.OPT_SORT_KEYS)
    return base64url.encode(hashlib.sha256(canonical).digest())


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs an operator's answers; the same answer always gets the same statement."""

    key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey
    kid: str

    @classmethod
    def from_pem(cls, data: bytes) -> "Signer":
        """Read a private key on P-256 or Ed25519, PKCS #8 without passphrase; `kid` is its thumbprint.

        Raises `ValueError` for anything else.
        """
        try:
            key = load_pem_private_key(data, None)
        except (ValueError, TypeError):
            key = None
        if isinstance(key, Ed25519PrivateKey) or (
            isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
        ):
            return cls(key, thumbprint(key.public_key()))
        raise ValueError("a private key on P-256 or Ed25519 is expected, as PEM without passphrase")

    def keys_json(self) -> str:
        """Write the JWK set that is registered at Numseal."""
        members = {**public_jwk(self.key.public_key()), "kid": self.kid, "alg": self._alg, "use": "sig"}
        return orjson.dumps({"keys": [members]}).decode()

    def sign(self, answer: pb.LookUpSubscriberResponse | pb.FinishNetworkCheckResponse) -> None:
        """Set an answer's statement, over all the rest of it."""
        answer.ClearField("statement")
        header = orjson.dumps({"alg": self._alg, "kid": self.kid, "typ": TYPE})
        signed = jws.signing_input(header, answer.SerializeToString(deterministic=True))
        if isinstance(self.key, Ed25519PrivateKey):
            signature = self.key.sign(signed)
        else:
            # RFC 6979: a repeated request gets the same answer, its statement included.
            algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
            signature = jws.raw_from_der(self.key.sign(signed, algorithm))
        answer.statement = f"{signed.decode()}.{base64url.encode(signature)}"

    @property
    def _alg(self) -> str:
        return EDDSA if isinstance(self.key, Ed25519PrivateKey) else ES256


def check_statement(answer: Signed, keys: Keys) -> str:
    """Return the hex SHA-256 of an answer's statement, which says what the answer says under one of the keys.

    Raises `BrokenContractError` where it does not; fields of a later contract count as well.
    """
    said = type(answer)()
    said.CopyFrom(answer)
    said.ClearField("statement")
    try:
        payload = read_statement(answer.statement, keys, type(answer))
    except AttestationError as error:
        raise BrokenContractError(f"statement: {error}") from None
    if payload.SerializeToString(deterministic=True) != said.SerializeToString(deterministic=True):
        raise BrokenContractError("statement: what the operator signed is expected to be this answer")
    return hashlib.sha256(answer.statement.encode()).hexdigest()


def read_statement(text: str, keys: Keys, kind: type[Signed]) -> Signed:
    """Return the answer that a key signed.

    Raises AttestationError (STATEMENT_TOO_LARGE, STATEMENT_HEADER, KEY_UNKNOWN, SIGNATURE_INVALID, STATEMENT_MALFORMED,
    JWS_MALFORMED, BASE64URL_INVALID, JSON_*).
    """
    if len(text) > MAX_STATEMENT:
        raise AttestationError("STATEMENT_TOO_LARGE", f"at most {MAX_STATEMENT} characters are expected")
    parts = jws.split_compact(text)
    header = strict_json.loads_object(parts.header, "the header", MAX_HEADER)
    if "crit" in header or header.get("typ", TYPE) != TYPE:
        raise AttestationError("STATEMENT_HEADER", f"the header must have no `crit`, and {TYPE} for a `typ`")
    kid = header.get("kid")
    key = keys.get(kid) if type(kid) is str else None
    if key is None:
        raise AttestationError("KEY_UNKNOWN", "the key that `kid` names is not registered for this operator")
    if header.get("alg") not in (_OF_ED25519 if isinstance(key, Ed25519PublicKey) else (ES256,)):
        raise AttestationError("STATEMENT_HEADER", "`alg` is not that of the key")
    _verify(parts, key)
    try:
        answer = kind.FromString(parts.payload)
    except DecodeError:
        answer = None
    if answer is None or answer.statement:
        sentence = "the payload is not the answer's protobuf bytes with an empty statement"
        raise AttestationError("STATEMENT_MALFORMED", sentence)
    return answer


def _verify(parts: jws.Compact, key: PublicKey) -> None:
    if not isinstance(key, Ed25519PublicKey):
        jws.verify_es256(parts.signing_input, parts.signature, key)
        return
    try:
        key.verify(parts.signature, parts.signing_input)
    except InvalidSignature:
        raise AttestationError("SIGNATURE_INVALID", "the signature does not match the signed text") from None
