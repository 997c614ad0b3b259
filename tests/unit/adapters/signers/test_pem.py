import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from numseal.adapters.signers.pem import (
    Ed25519Signer,
    Es256Signer,
    create_ed25519,
    create_es256,
    read_ed25519,
    read_es256,
)
from numseal.adapters.signers.secret_file import MAX_BYTES, KeyFileError, create_secret, read_secret
from numseal.attestation import jwk, jws
from numseal.tlog import note
from numseal.tlog.errors import NoteError

NAME = "numseal.test/log"


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


async def test_an_attestation_key_signs_and_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "es256.pem"
    made = create_es256(path)
    assert path.stat().st_mode & 0o777 == 0o600
    read = read_es256(path)
    assert read.key_id == made.key_id == jwk.thumbprint(jwk.public_jwk(made.public_key))
    signature = await read.sign(b"message")
    assert len(signature) == 64
    jws.verify_es256(b"message", signature, made.public_key)


async def test_es256_is_deterministic_rfc_6979() -> None:
    """RFC 6979 §A.2.5, P-256 with SHA-256, message "sample"."""
    secret = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    signature = await Es256Signer(ec.derive_private_key(secret, ec.SECP256R1())).sign(b"sample")
    assert signature.hex() == (
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    )


async def test_a_log_key_signs_and_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    made = create_ed25519(path, NAME)
    assert path.stat().st_mode & 0o777 == 0o600
    read = read_ed25519(path, NAME)
    assert (read.key_id, read.vkey) == (NAME, made.vkey)
    signature = await read.sign(b"message")
    assert signature == await made.sign(b"message")
    assert note.parse_vkey(read.vkey).accepts(signature, b"message")


def test_a_name_that_no_log_can_have_is_refused_and_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(NoteError):
        create_ed25519(tmp_path / "log.pem", "two words")
    assert not (tmp_path / "log.pem").exists()
    with pytest.raises(NoteError):
        Ed25519Signer(ed25519.Ed25519PrivateKey.generate(), "a+b")


@pytest.mark.parametrize("create", [create_es256, lambda path: create_ed25519(path, NAME)])
def test_a_key_is_never_replaced(tmp_path: Path, create: object) -> None:
    path = write(tmp_path / "key.pem", b"precious")
    with pytest.raises(KeyFileError, match="is there already"):
        create(path)  # type: ignore[operator]
    assert path.read_bytes() == b"precious"


def test_a_key_in_no_directory_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be created: No such file"):
        create_es256(tmp_path / "nowhere" / "key.pem")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not a key that can be read; expected a P-256 private key as PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is not a key that can be read"),
        (os.urandom(100), "is not a key that can be read"),
        (pem(ed25519.Ed25519PrivateKey.generate()), r"of another kind \(Ed25519PrivateKey\); expected a P-256"),
        (pem(ec.generate_private_key(ec.SECP384R1())), r"of another kind \(secp384r1\); expected a P-256"),
        (
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
            ),
            "is protected by a passphrase",
        ),
        (
            ec.generate_private_key(ec.SECP256R1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "is not a key that can be read",
        ),
        (b"x" * (MAX_BYTES + 1), "a key file has 65536 at most"),
    ],
    ids=["empty", "garbled", "random", "ed25519", "p384", "passphrase", "public", "huge"],
)
def test_what_is_no_attestation_key_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = write(tmp_path / "es256.pem", content)
    with pytest.raises(KeyFileError, match=sentence) as refused:
        read_es256(path)
    assert str(path) in str(refused.value)


def test_an_attestation_key_is_no_log_key(tmp_path: Path) -> None:
    create_es256(tmp_path / "key.pem")
    with pytest.raises(KeyFileError, match=r"of another kind \(secp256r1\); expected an Ed25519"):
        read_ed25519(tmp_path / "key.pem", NAME)
    rsa_key = rsa.generate_private_key(65537, 2048)
    with pytest.raises(KeyFileError, match="of another kind"):
        read_ed25519(write(tmp_path / "rsa.pem", pem(rsa_key)), NAME)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    create_es256(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o} lets others at the secret; expected 0600"):
        read_es256(tmp_path / "key.pem")


def test_a_key_that_is_not_there_or_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read: No such file"):
        read_es256(tmp_path / "none.pem")
    with pytest.raises(KeyFileError, match="is not a file"):
        read_es256(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(KeyFileError, match="is not a file"):
        read_es256(tmp_path / "pipe")


def test_a_secret_is_written_and_read(tmp_path: Path) -> None:
    secret = os.urandom(32)
    create_secret(tmp_path / "master", secret)
    assert (tmp_path / "master").stat().st_mode & 0o777 == 0o600
    assert read_secret(tmp_path / "master") == secret
    with pytest.raises(KeyFileError, match="is there already"):
        create_secret(tmp_path / "master", secret)
    with pytest.raises(ValueError, match="32 bytes"):
        create_secret(tmp_path / "short", b"x")


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"00" * 33, b"zz" * 32, b"\xff" * 64], ids=range(5))
def test_what_is_no_secret_is_named(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "master", content)
    with pytest.raises(KeyFileError, match="master: does not hold a secret; expected 64 hex digits"):
        read_secret(path)
