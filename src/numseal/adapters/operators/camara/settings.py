"""What an administrator writes down about an operator's CAMARA APIs: plain values, checked once. No secret is here."""

from dataclasses import dataclass, fields
from ipaddress import ip_address
from urllib.parse import urlsplit

ALGORITHMS = ("ES256", "RS256", "PS256")
"""Signatures of client assertions (RFC 7518 §3.1) that CAMARA's security profile allows."""

_LONGEST_TIMEOUT = 60.0
_LONGEST_TENURE = 3_650
_LONGEST_SUBSCRIPTION = 366


class SettingsError(ValueError):
    """A setting is missing, out of bounds or unsafe; the message names it and says what would be right."""


@dataclass(frozen=True, slots=True)
class Apis:
    """Where each API is, its version's path included: "https://api.example.com/sim-swap/v2". Empty: not offered."""

    one_time_password_sms: str = ""
    sim_swap: str = ""
    device_swap: str = ""
    number_recycling: str = ""
    call_forwarding_signal: str = ""
    kyc_tenure: str = ""
    subscription_status: str = ""
    device_reachability_status: str = ""
    device_roaming_status: str = ""
    number_verification: str = ""
    sim_swap_subscriptions: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """One operator's APIs, how Numseal authenticates there, and how long it waits.

    `purpose` is the scope that names what the data is for, as agreed at onboarding ("dpv:FraudPreventionAndDetection").
    `audience` of client assertions is the token address where it is empty. Times are in seconds, tenure and
    subscriptions in days. `sink_url` is the public https address that the operator notifies; whatever ends its TLS
    passes requests on to `sink_listen`, host and port on loopback.
    """

    client_id: str
    token_url: str
    apis: Apis
    purpose: str = "dpv:FraudPreventionAndDetection"
    algorithm: str = "ES256"
    key_id: str = ""
    audience: str = ""
    authorization_url: str = ""
    issuer: str = ""
    pkce: bool = True
    hash_number: bool = True
    before_timeout: float = 1.2
    timeout: float = 2.5
    send_timeout: float = 4.5
    connections: int = 100
    tenure_days: int = 30
    subscription_days: int = 30
    sink_url: str = ""
    sink_listen: str = ""

    def __post_init__(self) -> None:
        """Raise `SettingsError` for what cannot be meant."""
        _present("client_id", self.client_id)
        if self.algorithm not in ALGORITHMS:
            raise SettingsError(f"algorithm: one of {', '.join(ALGORITHMS)} is expected")
        if any(not part.isascii() or not part.isprintable() or '"' in part for part in self.purpose.split(" ")):
            raise SettingsError("purpose: a scope is expected, such as dpv:FraudPreventionAndDetection")
        check_address("token_url", self.token_url)
        for field in fields(Apis):
            if address := getattr(self.apis, field.name):
                check_address(f"apis.{field.name}", address)
        for name, most in (("before_timeout", self.timeout), ("timeout", _LONGEST_TIMEOUT)):
            _within(name, getattr(self, name), 0.05, most)
        _within("send_timeout", self.send_timeout, 0.05, _LONGEST_TIMEOUT)
        _within("connections", self.connections, 1, 10_000)
        _within("tenure_days", self.tenure_days, 1, _LONGEST_TENURE)
        _within("subscription_days", self.subscription_days, 1, _LONGEST_SUBSCRIPTION)
        if self.apis.number_verification:
            check_address("authorization_url", self.authorization_url)
        if self.apis.sim_swap_subscriptions:
            self._check_sink()

    def _check_sink(self) -> None:
        if urlsplit(self.sink_url).scheme != "https" or not urlsplit(self.sink_url).hostname:
            raise SettingsError("sink_url: the public https address that the operator notifies is expected")
        host, _ = self.sink_address
        if not is_loopback(host):
            raise SettingsError("sink_listen: a loopback address is expected, behind what ends the TLS of sink_url")

    @property
    def sink_address(self) -> tuple[str, int]:
        """Host and port that notifications are taken at; port 0 is any free one."""
        parts = urlsplit(f"//{self.sink_listen}")
        try:
            port = parts.port
        except ValueError:
            port = None
        if not parts.hostname or port is None:
            raise SettingsError("sink_listen: host and port are expected, such as 127.0.0.1:8443")
        return parts.hostname, port


def check_address(name: str, address: str) -> None:
    """Raise `SettingsError` for an address that is not https, but for http on loopback, where nobody listens in."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
        parts = urlsplit("")
    if not host or parts.username is not None or parts.query or parts.fragment:
        raise SettingsError(f"{name}: an address is expected, such as https://api.example.com/v1")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SettingsError(f"{name}: https is expected, http on loopback only")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its address: a name can come to mean another."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _present(name: str, value: str) -> None:
    if not value or not value.isprintable():
        raise SettingsError(f"{name}: printable text is expected")


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise SettingsError(f"{name}: found {value}, {least} to {most} is expected")
