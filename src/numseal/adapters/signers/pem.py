"""Private keys in PEM files (PKCS #8): ES256 for attestations, Ed25519 for the log.

The keys live in this process. Making, reading and signing with them is all that is done here.
"""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from numseal.adapters.signers.secret_file import KeyFileError, create_secret_file, read_secret_file
from numseal.attestation import jwk, jws
from numseal.tlog import note


def _es256_algorithm() -> ec.ECDSA:
    try:
        return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)  # RFC 6979
    except UnsupportedAlgorithm:
        return ec.ECDSA(hashes.SHA256())


_ES256 = _es256_algorithm()


class Es256Signer:
    """Sign with a P-256 key (RFC 7518 §3.4); deterministic (RFC 6979) where the linked OpenSSL can be."""

    __slots__ = ("_key", "_key_id", "public_key")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        """Take a key on P-256; raises AttestationError for another curve."""
        self._key = key
        self.public_key = key.public_key()
        self._key_id = jwk.thumbprint(jwk.public_jwk(self.public_key))

    @property
    def key_id(self) -> str:
        """The RFC 7638 thumbprint."""
        return self._key_id

    async def sign(self, message: bytes) -> bytes:
        """Return r ‖ s, 64 bytes."""
        return jws.raw_from_der(self._key.sign(message, _ES256))


class Ed25519Signer:
    """Sign with an Ed25519 key (RFC 8032) under the name of a log; `vkey` is its C2SP verifier key."""

    __slots__ = ("_key", "_name", "vkey")

    def __init__(self, key: ed25519.Ed25519PrivateKey, name: str) -> None:
        """Take a key and the name it signs under, the log's origin; raises NoteError for a name no key can have."""
        self._key = key
        self._name = name
        self.vkey = note.verifier_key(name, key).text()

    @property
    def key_id(self) -> str:
        """The name in the verifier key."""
        return self._name

    async def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes; the same message gives the same one."""
        return self._key.sign(message)


def read_es256(path: Path) -> Es256Signer:
    """Read an attestation key; raises KeyFileError."""
    expected = "a P-256 private key"
    key = _read(path, expected)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _other_kind(path, key, expected)
    return Es256Signer(key)


def read_ed25519(path: Path, name: str) -> Ed25519Signer:
    """Read the key of the log `name`; raises KeyFileError."""
    expected = "an Ed25519 private key"
    key = _read(path, expected)
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise _other_kind(path, key, expected)
    return Ed25519Signer(key, name)


def create_es256(path: Path) -> Es256Signer:
    """Make an attestation key and write it to a new file of mode 0600; raises KeyFileError."""
    key = ec.generate_private_key(ec.SECP256R1())
    create_secret_file(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Es256Signer(key)


def create_ed25519(path: Path, name: str) -> Ed25519Signer:
    """Make a log key and write it to a new file of mode 0600; raises KeyFileError."""
    key = ed25519.Ed25519PrivateKey.generate()
    signer = Ed25519Signer(key, name)
    create_secret_file(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return signer


def _read(path: Path, expected: str) -> object:
    content = read_secret_file(path)
    try:
        return load_pem_private_key(content, password=None)
    except TypeError:
        raise KeyFileError(f"{path}: is protected by a passphrase; expected {expected} without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path}: is not a key that can be read; expected {expected} as PEM (PKCS #8)") from None


def _other_kind(path: Path, key: object, expected: str) -> KeyFileError:
    found = key.curve.name if isinstance(key, ec.EllipticCurvePrivateKey) else type(key).__name__
    return KeyFileError(f"{path}: holds a key of another kind ({found}); expected {expected}")
