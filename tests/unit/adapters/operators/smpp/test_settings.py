"""Settings that no SMSC could mean."""

import re
from typing import Any

import pytest

from fakes.certificates import Authority
from numseal.adapters.operators.smpp.settings import Settings, SmscSettings
from numseal.adapters.operators.smpp.tls import context_of
from numseal.domain.operator import SendOutcome


def smsc(**changes: Any) -> SmscSettings:
    values: dict[str, Any] = {
        "name": "one",
        "host": "localhost",
        "port": 2775,
        "system_id": "numseal",
        "password": b"secret",
    }
    return SmscSettings(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"name": ""}, "name"),
        ({"name": "a:b"}, "name"),
        ({"name": "a" * 33}, "name"),
        ({"host": ""}, "host"),
        ({"port": 0}, "port"),
        ({"port": 65_536}, "port"),
        ({"system_id": ""}, "system_id"),
        ({"system_id": "a" * 16}, "system_id"),
        ({"system_id": "é"}, "system_id"),
        ({"system_type": "a" * 13}, "system_type"),
        ({"address_range": "1" * 41}, "address_range"),
        ({"password": b"a\0b"}, "password"),
        ({"password": b"a" * 65}, "password"),
        ({"bind_ton": 256}, "bind_ton"),
        ({"bind_npi": -1}, "bind_npi"),
    ],
)
def test_an_smsc_that_cannot_be(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: .* expected$"):
        smsc(**changes)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"smscs": ()}, "smscs"),
        ({"smscs": (smsc(), smsc())}, "smscs"),
        ({"source_address": "a" * 21}, "source_address"),
        ({"service_type": "abcdef"}, "service_type"),
        ({"validity": "forever"}, "validity"),
        ({"long_texts": "cut"}, "long_texts"),
        ({"window": 0}, "window"),
        ({"priority": 4}, "priority"),
        ({"missing_share": 1.1}, "missing_share"),
        ({"receipt_timeout": 0}, "receipt_timeout"),
        ({"response_timeout": 5.0}, "send_timeout"),
        ({"reconnect_min": 31.0}, "reconnect_max"),
        ({"throttle_min": 31.0}, "throttle_max"),
        ({"statuses": {0x58: SendOutcome.BARRED}}, "statuses"),
        ({"statuses": {0x400: SendOutcome.ACCEPTED}}, "statuses"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: .* expected$"):
        Settings(**({"smscs": (smsc(),)} | changes))


def test_a_password_is_not_shown() -> None:
    assert not re.search("secret", repr(Settings((smsc(),))))


def test_tls_only_where_it_is_wanted() -> None:
    assert context_of(smsc()) is None
    context = context_of(smsc(tls=True, ca=Authority("own").certificate))
    assert context is not None
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1
    system = context_of(smsc(tls=True))
    assert system is not None
    assert system.check_hostname


@pytest.mark.parametrize("ca", [b"nothing", "é".encode()])
def test_a_ca_without_certificates_is_refused(ca: bytes) -> None:
    with pytest.raises(ValueError, match="ca: PEM certificates expected for SMSC one"):
        context_of(smsc(tls=True, ca=ca))
