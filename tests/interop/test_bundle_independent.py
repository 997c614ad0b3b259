"""A live server's bundle, checked without a line of our own code: formats taken apart by hand, other people's crypto.

SD-JWT: RFC 9901 with joserfc and jwcrypto. Log proof: RFC 9162 §2.1.3.2 recomputed; pymerkle over the entries.
Checkpoint: C2SP signed-note, an Ed25519 signature over the note's text, checked by `cryptography`.
"""

import asyncio
import base64
import hashlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from jwcrypto.jws import JWS  # type: ignore[import-untyped]
from pymerkle import InmemoryTree  # type: ignore[import-untyped]

from fakes.server_process import NUMSEAL, ServerProcess, spawn

NUMBERS = [f"+7916555000{digit}" for digit in range(5)]


@dataclass(frozen=True, slots=True)
class Published:
    """A bundle as it lies on disk, the issuer's public keys as pinned, and the log as served."""

    bundle: dict[str, Any]
    keys: dict[str, Any]
    checkpoint: bytes
    entries: tuple[bytes, ...]
    keys_over_http: dict[str, Any]
    jwks: dict[str, Any]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    directory = tmp_path_factory.mktemp("served") / "data"
    server = spawn(directory)
    try:
        asyncio.run(server.serving())
        for number in NUMBERS:
            sign_up(server, directory, number)
        yield Published(
            json.loads((directory.parent / f"{NUMBERS[-1]}.json").read_bytes()),
            json.loads((directory / "public-keys.json").read_bytes()),
            fetch(server, "log/checkpoint"),
            tuple(entries_of(fetch(server, f"log/tile/entries/000.p/{len(NUMBERS)}"))),
            json.loads(fetch(server, ".well-known/numseal-keys.json")),
            json.loads(fetch(server, ".well-known/jwks.json")),
        )
    finally:
        server.kill()
        server.process.wait()


def sign_up(server: ServerProcess, directory: Path, number: str) -> None:
    output = directory.parent / f"{number}.json"
    options = ("--server", server.grpc, "--directory", str(directory), "--output", str(output))
    subprocess.run([NUMSEAL, "signup", number, *options], check=True, capture_output=True)


def fetch(server: ServerProcess, path: str) -> bytes:
    with urllib.request.urlopen(f"http://{server.http}/{path}", timeout=10) as answer:
        body: bytes = answer.read()
        return body


def entries_of(bundle: bytes) -> Iterator[bytes]:
    """Read a C2SP entry bundle: two bytes of length before each entry."""
    while bundle:
        size = int.from_bytes(bundle[:2])
        yield bundle[2 : 2 + size]
        bundle = bundle[2 + size :]


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def attestation_key(published: Published) -> dict[str, str]:
    (key,) = published.keys["attestation_keys"]["keys"]
    return {name: key[name] for name in ("kty", "crv", "x", "y")}


def note_of(published: Published) -> tuple[str, list[bytes], str]:
    """Take a proof apart: the leaf's index, the path, and the checkpoint's note."""
    head, _, note = published.bundle["proof"].partition("\n\n")
    version, index, *path = head.split("\n")
    assert version == "c2sp.org/tlog-proof@v1"
    return index.removeprefix("index "), [base64.b64decode(line, validate=True) for line in path], note


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Recompute the root (RFC 9162 §2.1.3.2)."""
    node, last, result = index, size - 1, leaf
    for sibling in path:
        assert last > 0
        if node % 2 or node == last:
            result = sha256(b"\x01" + sibling + result)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            result = sha256(b"\x01" + result + sibling)
        node, last = node >> 1, last >> 1
    assert last == 0
    return result


def leaf_of(published: Published) -> bytes:
    compact = published.bundle["sd_jwt"].split("~")[0]
    signing_input = compact.rpartition(".")[0].encode()
    entry = b"numseal/v1\natt\n" + base64.b64encode(sha256(signing_input)) + b"\n"
    assert entry in published.entries
    return sha256(b"\x00" + entry)


def disclosed(sd_jwt: str, payload: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for text in sd_jwt.split("~")[1:-1]:
        digest = base64.urlsafe_b64encode(sha256(text.encode())).rstrip(b"=").decode()
        assert digest in payload["_sd"]
        _, name, value = json.loads(unpadded(text))
        found[name] = value
    return found


def test_joserfc_and_jwcrypto_verify_the_attestation(published: Published) -> None:
    text = published.bundle["sd_jwt"]
    compact, key = text.split("~")[0], attestation_key(published)
    verified = joserfc_jws.deserialize_compact(compact, ECKey.import_key({**key}), algorithms=["ES256"])
    token = JWS()
    token.deserialize(compact, JWK(**key), alg="ES256")
    assert verified.payload == token.payload
    payload = json.loads(verified.payload)
    assert verified.headers() == {"alg": "ES256", "typ": "dc+sd-jwt", "kid": JWK(**key).thumbprint()}
    assert (payload["iss"], payload["assurance_level"]) == (published.keys["issuer"], "LOW")
    claims = disclosed(text, payload)
    assert (claims["phone_number"], claims["account_id"]) == (NUMBERS[-1], "demo-account")
    altered = compact[:-4] + ("AAAA" if not compact.endswith("AAAA") else "BBBB")
    with pytest.raises(Exception, match="bad_signature"):
        joserfc_jws.deserialize_compact(altered, ECKey.import_key({**key}), algorithms=["ES256"])


def test_the_inclusion_proof_leads_to_the_checkpoints_root(published: Published) -> None:
    index, path, note = note_of(published)
    origin, size, root = note.split("\n")[:3]
    assert origin == published.keys["log"]["origin"]
    assert (int(index), int(size)) == (len(NUMBERS) - 1, len(NUMBERS))
    assert root_of(leaf_of(published), int(index), int(size), path) == base64.b64decode(root)
    assert root_of(sha256(b"other"), int(index), int(size), path) != base64.b64decode(root)


def test_pymerkle_grows_the_same_root_from_the_published_entries(published: Published) -> None:
    tree = InmemoryTree(algorithm="sha256")
    for entry in published.entries:
        tree.append_entry(entry)
    _, _, note = note_of(published)
    assert tree.get_root() == base64.b64decode(note.split("\n")[2])


def test_cryptography_verifies_the_checkpoints_signature(published: Published) -> None:
    name, key_hash, encoded = published.keys["log"]["vkey"].split("+", 2)
    algorithm, key = base64.b64decode(encoded)[:1], base64.b64decode(encoded)[1:]
    assert algorithm == b"\x01"
    assert sha256(name.encode() + b"\n" + algorithm + key)[:4].hex() == key_hash
    for note in (note_of(published)[2], published.checkpoint.decode()):
        text, _, signatures = note.rpartition("\n\n")
        dash, signer, signature = signatures.rstrip("\n").split(" ")
        assert (dash, signer) == ("—", name)
        raw = base64.b64decode(signature)
        assert raw[:4].hex() == key_hash
        public = Ed25519PublicKey.from_public_bytes(key)
        public.verify(raw[4:], text.encode() + b"\n")
        with pytest.raises(InvalidSignature):
            public.verify(raw[4:], text.encode() + b" \n")


def test_the_keys_are_the_same_wherever_they_are_published(published: Published) -> None:
    assert published.keys_over_http == published.keys
    assert published.jwks == published.keys["attestation_keys"]
    assert published.bundle["keys"]["manifest"] == published.keys
