"""What an administrator may write down, and what is refused with the name of the setting."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fakes.clock import FakeClock
from numseal.adapters.operators.camara.backend import CamaraOperator
from numseal.adapters.operators.camara.settings import Apis, Settings, SettingsError

PROOF = Apis(number_verification="https://api.example/number-verification/v2")
WATCHES = Apis(sim_swap_subscriptions="https://api.example/sim-swap-subscriptions/v0.3")
SINK = {"sink_url": "https://numseal.example/events", "sink_listen": "127.0.0.1:8443"}


def settings(**changes: Any) -> Settings:
    given: dict[str, Any] = {"client_id": "numseal", "token_url": "https://auth.example/token", "apis": Apis()}
    return Settings(**(given | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"token_url": "http://127.0.0.1:8080/token"},
        {"token_url": "http://[::1]/token"},
        {"apis": PROOF, "authorization_url": "https://auth.example/authorize"},
        {"apis": WATCHES, **SINK},
        {"apis": WATCHES, **SINK, "sink_listen": "[::1]:0"},
        {"purpose": ""},
        {"before_timeout": 2.5, "timeout": 2.5},
    ],
)
def test_what_is_taken(changes: dict[str, Any]) -> None:
    assert settings(**changes).algorithm == "ES256"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("client_id", {"client_id": ""}),
        ("client_id", {"client_id": "a\nb"}),
        ("algorithm", {"algorithm": "none"}),
        ("algorithm", {"algorithm": "HS256"}),
        ("purpose", {"purpose": "dpv:\nX"}),
        ("token_url", {"token_url": ""}),
        ("token_url", {"token_url": "http://auth.example/token"}),
        ("token_url", {"token_url": "http://localhost/token"}),
        ("token_url", {"token_url": "https://user@auth.example/token"}),
        ("token_url", {"token_url": "https://auth.example/token?x=1"}),
        ("token_url", {"token_url": "https://auth.example:99999/token"}),
        ("token_url", {"token_url": "https://[/token"}),
        ("apis.sim_swap", {"apis": Apis(sim_swap="ftp://api.example")}),
        ("authorization_url", {"apis": PROOF}),
        ("sink_url", {"apis": WATCHES}),
        ("sink_url", {"apis": WATCHES, **SINK, "sink_url": "http://numseal.example/events"}),
        ("sink_listen", {"apis": WATCHES, **SINK, "sink_listen": ""}),
        ("sink_listen", {"apis": WATCHES, **SINK, "sink_listen": "127.0.0.1"}),
        ("sink_listen", {"apis": WATCHES, **SINK, "sink_listen": "127.0.0.1:x"}),
        ("sink_listen", {"apis": WATCHES, **SINK, "sink_listen": "0.0.0.0:8443"}),
        ("before_timeout", {"before_timeout": 2.6}),
        ("timeout", {"timeout": 61.0}),
        ("send_timeout", {"send_timeout": 0.0}),
        ("connections", {"connections": 0}),
        ("tenure_days", {"tenure_days": 0}),
        ("subscription_days", {"subscription_days": 367}),
    ],
)
def test_what_is_refused(name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=rf"^{name}: .*expected"):
        settings(**changes)


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def operator(private_key: bytes, key: bytes = bytes(32), algorithm: str = "ES256") -> CamaraOperator:
    return CamaraOperator(
        settings(algorithm=algorithm),
        operator_id="mts",
        plmns=(),
        clock=FakeClock(),
        private_key=private_key,
        key=key,
    )


def test_keys_must_fit() -> None:
    curve, rsa_key = pem(ec.generate_private_key(ec.SECP256R1())), pem(rsa.generate_private_key(65_537, 2_048))
    assert operator(curve).operator_id == "mts"
    assert operator(rsa_key, algorithm="RS256").sink_port == 0
    assert operator(rsa_key, algorithm="PS256").sink_port == 0
    for wrong, algorithm in (
        (b"", "ES256"),
        (b"no key", "ES256"),
        (rsa_key, "ES256"),
        (curve, "RS256"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "ES256"),
    ):
        with pytest.raises(SettingsError, match=f"private key: a PEM key for {algorithm}"):
            operator(wrong, algorithm=algorithm)
    with pytest.raises(SettingsError, match="key: 32 secret bytes"):
        operator(curve, key=bytes(31))
