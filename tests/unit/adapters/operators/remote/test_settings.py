"""Settings of a remote operator: what can be used, and what is refused with its name."""

from typing import Any

import pytest

from fakes.certificates import Authority
from numseal.adapters.operators.remote.settings import Settings

AUTHORITY = Authority("settings")
CLIENT = AUTHORITY.issue("client")


@pytest.mark.parametrize(
    "given",
    [
        {"address": "operator.example:443"},
        {"address": "[2001:db8::1]:443", "server_name": "operator.example"},
        {"address": "127.0.0.1:50061", "tls": False},
        {"address": "localhost:50061", "tls": False, "token": "a-token"},
        {"address": "[::1]:50061", "tls": False, "template": "otp-1"},
        {
            "address": "operator.example:443",
            "authorities": AUTHORITY.certificate,
            "certificate": CLIENT.certificate,
            "key": CLIENT.key,
            "send_timeout": 60,
        },
    ],
)
def test_what_can_be_used(given: dict[str, Any]) -> None:
    settings = Settings(**given)
    assert all(getattr(settings, name) == value for name, value in given.items())


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("address", {"address": "operator.example"}),
        ("address", {"address": "operator.example:0"}),
        ("address", {"address": "operator.example:65536"}),
        ("address", {"address": "unix:/tmp/socket"}),
        ("address", {"address": "[operator]:443"}),
        ("tls", {"address": "operator.example:443", "tls": False}),
        ("tls", {"address": "192.0.2.1:443", "tls": False}),
        ("tls", {"address": "127.0.0.1:443", "tls": False, "authorities": AUTHORITY.certificate}),
        ("tls", {"address": "127.0.0.1:443", "tls": False, "server_name": "operator.example"}),
        ("certificate, key", {"certificate": CLIENT.certificate}),
        ("certificate, key", {"key": CLIENT.key}),
        ("authorities", {"authorities": b"no certificate"}),
        ("certificate", {"certificate": b"no certificate", "key": CLIENT.key}),
        ("key", {"certificate": CLIENT.certificate, "key": b"no key"}),
        ("token", {"token": "two words"}),
        ("token", {"token": "t" * 4_097}),
        ("token", {"token": "пароль"}),
        ("template", {"template": "a\nb"}),
        ("template", {"template": "t" * 65}),
        ("look_up_timeout", {"look_up_timeout": 0.0}),
        ("send_timeout", {"send_timeout": 60.1}),
        ("connect_timeout", {"connect_timeout": -1.0}),
        ("check_timeout", {"check_timeout": float("nan")}),
    ],
)
def test_what_cannot_be_used(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        Settings(**{"address": "operator.example:443", **given})


def test_secrets_are_not_shown() -> None:
    settings = Settings("operator.example:443", certificate=CLIENT.certificate, key=CLIENT.key, token="a-secret-token")
    assert "a-secret-token" not in repr(settings)
    assert "PRIVATE KEY" not in repr(settings)
