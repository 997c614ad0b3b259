"""What an operator's SMSCs are and how to speak to them. Plain values, checked for what no SMSC could mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from numseal.adapters.operators.smpp.encoding import LongTexts
from numseal.adapters.operators.smpp.statuses import VENDOR_STATUSES
from numseal.domain.operator import SendOutcome

VALIDITIES = ("relative", "absolute", "none")
_PORTS = range(1, 65_536)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")
_MAX_SYSTEM_ID = 15
_MAX_SYSTEM_TYPE = 12
_MAX_PASSWORD = 64
_MAX_TON = 255


@dataclass(frozen=True, slots=True)
class SmscSettings:
    """One SMSC.

    `name` is in logs and challenges: 1 to 32 of letters, digits, `.`, `_`, `-`, and once an operator. `password` is
    raw, at most 64 octets (the specification allows 8, some SMSCs more). `bind_ton`, `bind_npi` and `address_range` go
    into the bind as they are (SMPP 3.4 §5.2.5 to §5.2.7). With `tls` the certificate must name `server_name`, or `host`
    where it is empty, and lead to a certificate in `ca` (PEM), or to the system's where it is empty.
    """

    name: str
    host: str
    port: int
    system_id: str
    password: bytes = field(repr=False)
    system_type: str = ""
    bind_ton: int = 0
    bind_npi: int = 0
    address_range: str = ""
    tls: bool = False
    ca: bytes = b""
    server_name: str = ""

    def __post_init__(self) -> None:
        """Refuse what no bind could carry."""
        _need(_NAME.fullmatch(self.name), "name", "1 to 32 letters, digits, '.', '_' and '-'")
        _need(self.host, "host", "a host")
        _need(self.port in _PORTS, "port", f"found {self.port}, 1 to 65535")
        _need(_is_text(self.system_id, 1, _MAX_SYSTEM_ID), "system_id", "1 to 15 ASCII characters")
        _need(_is_text(self.system_type, 0, _MAX_SYSTEM_TYPE), "system_type", "at most 12 ASCII characters")
        _need(_is_text(self.address_range, 0, 40), "address_range", "at most 40 ASCII characters")
        _need(0 not in self.password, "password", "no zero octet")
        _need(len(self.password) <= _MAX_PASSWORD, "password", f"at most {_MAX_PASSWORD} octets")
        _need(0 <= self.bind_ton <= _MAX_TON, "bind_ton", f"found {self.bind_ton}, 0 to 255")
        _need(0 <= self.bind_npi <= _MAX_TON, "bind_npi", f"found {self.bind_npi}, 0 to 255")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to use an operator's SMSCs, in the order in which they are preferred. Times in seconds.

    `source_address` is sent in place of every app's sender id, empty for none. A sender id of at most
    `short_code_digits` digits is a short code and goes out with `short_code_ton` and `short_code_npi`; more digits are
    an international number, anything else is alphanumeric (TON 5). `service_type`, `protocol_id` and `priority` go into
    every submit_sm as they are. `validity` says how the order's expiry is told: "relative" (§7.1.1.2), "absolute" (UTC,
    §7.1.1.1) or "none". `long_texts` is what becomes of a text that does not fit one message: "udh", "payload" or
    "refuse"; more than `max_messages` of them are refused.

    `window` submits wait for responses on a session at a time. `connect_timeout` is for connection, TLS and bind
    together, `response_timeout` for each response, `send_timeout` for a whole order of one message: what it has more
    than `response_timeout` may be waited for a session, room in the window, or the end of a pause. A link that was
    silent for `enquire_interval` is asked whether it lives. Reconnects pause for `reconnect_min`, twice as long each
    time, up to `reconnect_max`, less a random half. A throttled SMSC is left alone for `throttle_min`, twice as long
    each time, up to `throttle_max`.

    A delivery without receipt within `receipt_timeout` is UNKNOWN. An SMSC is suspect, and others are preferred, for
    `suspect_time` once more than `missing_share` (0 to 1) of its fates in `missing_window`, `missing_sample` at least,
    were missing receipts or responses. `statuses` gives vendors' statuses (0x400 to 0x4FF) their outcome.
    """

    smscs: tuple[SmscSettings, ...]
    source_address: str = ""
    short_code_digits: int = 8
    short_code_ton: int = 3
    short_code_npi: int = 0
    service_type: str = ""
    protocol_id: int = 0
    priority: int = 0
    validity: str = "relative"
    long_texts: str = LongTexts.UDH
    max_messages: int = 4
    window: int = 50
    connect_timeout: float = 3.0
    response_timeout: float = 2.5
    send_timeout: float = 4.5
    enquire_interval: float = 30.0
    reconnect_min: float = 0.5
    reconnect_max: float = 30.0
    throttle_min: float = 1.0
    throttle_max: float = 30.0
    receipt_timeout: int = 300
    missing_share: float = 0.5
    missing_sample: int = 20
    missing_window: float = 900.0
    suspect_time: float = 300.0
    statuses: Mapping[int, SendOutcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could not work."""
        _need(self.smscs, "smscs", "at least one")
        names = [smsc.name for smsc in self.smscs]
        _need(len(set(names)) == len(names), "smscs", "a name of its own for each")
        _need(_is_text(self.source_address, 0, 20), "source_address", "at most 20 ASCII characters")
        _need(_is_text(self.service_type, 0, 5), "service_type", "at most 5 ASCII characters")
        _need(self.validity in VALIDITIES, "validity", f"one of {', '.join(VALIDITIES)}")
        _need(self.long_texts in set(LongTexts), "long_texts", f"one of {', '.join(LongTexts)}")
        for name, least, most in _BOUNDS:
            value = getattr(self, name)
            _need(least <= value <= most, name, f"found {value}, {least} to {most}")
        _need(self.response_timeout < self.send_timeout, "send_timeout", "more than response_timeout")
        _need(self.reconnect_min <= self.reconnect_max, "reconnect_max", "at least reconnect_min")
        _need(self.throttle_min <= self.throttle_max, "throttle_max", "at least throttle_min")
        for status, outcome in self.statuses.items():
            _need(status in VENDOR_STATUSES, "statuses", "statuses from 0x400 to 0x4FF")
            _need(outcome is not SendOutcome.ACCEPTED, "statuses", "any outcome but ACCEPTED")


_BOUNDS: tuple[tuple[str, float, float], ...] = (
    ("short_code_digits", 0, 20),
    ("short_code_ton", 0, _MAX_TON),
    ("short_code_npi", 0, _MAX_TON),
    ("protocol_id", 0, 255),
    ("priority", 0, 3),
    ("max_messages", 1, 10),
    ("window", 1, 10_000),
    ("connect_timeout", 0.1, 60),
    ("response_timeout", 0.1, 60),
    ("send_timeout", 0.1, 120),
    ("enquire_interval", 0.1, 3_600),
    ("reconnect_min", 0.01, 3_600),
    ("reconnect_max", 0.01, 3_600),
    ("throttle_min", 0.01, 3_600),
    ("throttle_max", 0.01, 3_600),
    ("receipt_timeout", 1, 86_400),
    ("missing_share", 0, 1),
    ("missing_sample", 1, 10_000),
    ("missing_window", 1, 86_400),
    ("suspect_time", 1, 86_400),
)
"""The least and the most of each number; some that could be less would only overload the SMSC."""


def _is_text(text: str, least: int, most: int) -> bool:
    return least <= len(text) <= most and text.isascii() and "\0" not in text


def _need(holds: object, name: str, expected: str) -> None:
    if not holds:
        raise ValueError(f"{name}: {expected} expected")
