"""How one operator is reached across the wire: plain values, checked when they are put together."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from numseal.adapters.operators.remote.statement import PublicKey

MAX_TIMEOUT = 60.0
MAX_TOKEN = 4_096
MAX_TEMPLATE = 64

_PLACE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,253})):([0-9]{1,5})")
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Settings:
    """One operator's address, credentials, deadlines and keys; raises `ValueError` for what cannot be used.

    `address` is host:port. With `tls` the operator's certificate is checked for `server_name`, or the address's host,
    under `authorities` (PEM; empty: those that gRPC comes with); `certificate` and `key` (PEM) are shown to an operator
    that asks for them. Without `tls` the address is on loopback. `token` goes along as a bearer token (RFC 6750 §2.1).
    `template` names the operator's own text for codes that it makes, empty where it takes Numseal's. The timeouts are
    seconds that a call may take, over 0 and up to 60, its second try included; `connect_timeout` those that a code
    waits for a connection before it is given up as not sent. `statement_keys` are those that the operator signs its
    answers with, by `kid`; without any, its statements are not trusted and not kept.
    """

    address: str
    tls: bool = True
    authorities: bytes = b""
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    server_name: str = ""
    token: str = field(default="", repr=False)
    template: str = ""
    connect_timeout: float = 2.0
    capabilities_timeout: float = 1.5
    look_up_timeout: float = 3.0
    send_timeout: float = 5.0
    check_timeout: float = 3.0
    network_timeout: float = 3.0
    watch_timeout: float = 3.0
    statement_keys: Mapping[str, PublicKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check every value."""
        host = _host(self.address)
        if not self.tls:
            if not _is_loopback(host):
                raise ValueError("tls: is expected for every address that is not on loopback")
            if self.authorities or self.certificate or self.key or self.server_name:
                raise ValueError("tls: is expected where certificates or a server name are given")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate, key: both are expected, or none")
        _check_certificates("authorities", self.authorities)
        _check_certificates("certificate", self.certificate)
        _check_key(self.key)
        if len(self.token) > MAX_TOKEN or not re.fullmatch(r"[!-~]*", self.token):
            raise ValueError(f"token: at most {MAX_TOKEN} characters of ASCII without spaces are expected")
        if len(self.template) > MAX_TEMPLATE or not self.template.isprintable():
            raise ValueError(f"template: a name of at most {MAX_TEMPLATE} printable characters is expected")
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.endswith("_timeout") and not 0 < value <= MAX_TIMEOUT:
                raise ValueError(f"{item.name}: found {value}, a number over 0 and up to {MAX_TIMEOUT:g} is expected")


def _host(address: str) -> str:
    found = _PLACE.fullmatch(address)
    if found is None or not 0 < int(found[3]) <= _MAX_PORT:
        raise ValueError("address: host:port is expected, an IPv6 host in brackets")
    return found[1] or found[2]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_certificates(name: str, pem: bytes) -> None:
    try:
        if pem:
            x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError(f"{name}: certificates as PEM are expected") from None


def _check_key(pem: bytes) -> None:
    try:
        if pem:
            load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise ValueError("key: a private key without passphrase is expected, as PEM") from None
