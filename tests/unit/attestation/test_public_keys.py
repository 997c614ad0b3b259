from collections.abc import Callable
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from numseal.attestation.errors import AttestationError
from numseal.attestation.public_keys import PublicKeys


def some_keys(vct: str | None = None) -> PublicKeys:
    keys = [ec.generate_private_key(ec.SECP256R1()).public_key() for _ in range(2)]
    return PublicKeys.of("https://numseal.test", keys, "numseal.test/log", "a vkey", vct)


@pytest.mark.parametrize("vct", [None, "https://numseal.test/vct"])
def test_is_read_as_written(vct: str | None) -> None:
    keys = some_keys(vct)
    assert PublicKeys.from_json(keys.to_json()) == keys
    jwks = keys.to_object()["attestation_keys"]["keys"]
    assert [jwk["kid"] for jwk in jwks] == sorted(keys.attestation_keys)


def changed(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: {**document, **changes}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changed(more=1), "KEYS_MALFORMED"),
        (lambda document: {"issuer": document["issuer"]}, "KEYS_MALFORMED"),
        (changed(issuer=1), "KEYS_MALFORMED"),
        (changed(issuer=""), "KEYS_MALFORMED"),
        (changed(vct=None), "KEYS_MALFORMED"),
        (changed(log="vkey"), "KEYS_MALFORMED"),
        (changed(log={"origin": "o"}), "KEYS_MALFORMED"),
        (changed(log={"origin": "o", "vkey": "v" * 1025}), "KEYS_MALFORMED"),
        (changed(attestation_keys={"keys": []}), "KEYS_MALFORMED"),
        (changed(attestation_keys={"keys": "none"}), "KEYS_MALFORMED"),
        (changed(attestation_keys={"keys": [{}] * 65}), "KEYS_MALFORMED"),
        (changed(attestation_keys={"keys": ["x"]}), "KEY_INVALID"),
        (
            lambda document: {
                **document,
                "attestation_keys": {"keys": document["attestation_keys"]["keys"] * 2},
            },
            "KEYS_MALFORMED",
        ),
    ],
)
def test_refuses(change: Callable[[dict[str, Any]], dict[str, Any]], reason: str) -> None:
    document = change(some_keys().to_object())
    with pytest.raises(AttestationError) as caught:
        PublicKeys.from_json(orjson.dumps(document))
    assert caught.value.reason == reason
