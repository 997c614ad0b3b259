"""Addresses in the configuration: where to listen, and the web addresses that others are sent to."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_PORT = 65_535

_PLACE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 is any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address | None":
        """Read "host:port", an IPv6 address in brackets; None where it is something else."""
        found = _PLACE.fullmatch(text)
        if found is None or int(found[3]) > MAX_PORT:
            return None
        return cls(found[1] or found[2], int(found[3]))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """Return "host:port", an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_web_address(text: str, *, query: bool) -> bool:
    """Tell whether it is an https URL with a host (http on loopback only), without user and fragment.

    `query` tells whether it may have one.
    """
    if not re.fullmatch(r"https?://[!-~]+", text):
        return False
    try:
        url = urlsplit(text)
        host = Address(url.hostname or "", url.port or 0)
    except ValueError:
        return False
    if not host.host or "@" in url.netloc or "#" in text or ("?" in text and not query):
        return False
    return url.scheme == "https" or host.loopback
