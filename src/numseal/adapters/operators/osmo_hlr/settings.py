"""What an OsmoHLR is told to Numseal by. Plain values, checked; no secrets (the key of references is apart)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

CTRL_PORT = 4_259
"""The port that OsmoHLR serves CTRL on; it cannot be changed there."""

_PLMN = re.compile(r"[0-9]{3}-[0-9]{2,3}")
_NODE_PREFIX = re.compile(r"[!-*,-~]{1,64}")
_OWN_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where an HLR is, how hard it may be asked, and what its node numbers mean. Durations in seconds.

    `host`, `port`: of the CTRL interface. It knows no peers and encrypts nothing, and IMSIs cross it: keep it on
    loopback or on a network of its own.
    `connections`: how many are kept. `in_flight`: lookups under way on all of them together; OsmoHLR drops answers
    where thousands wait for a reader that lags. `waiting`: lookups that wait for their turn; any more are refused.
    `connect_timeout`: for a connection to be made. `answer_timeout`: for a whole lookup, waiting included; a connection
    with a lookup that is older is replaced.
    `least_backoff`, `most_backoff`: between attempts to connect; doubled from one to the other while they fail.
    `node_networks`: which PLMN, as "250-01", the nodes belong to whose number (or IPA name) begins so; the longest
    prefix counts, and numbers stand there as in the HLR, without "+".
    `own_prefixes`: ranges of which this HLR has every number in use, as "+7916": a number of them that it does not have
    is NOT_ASSIGNED, any other NOT_SERVED.
    `handsets_only`: the operator says that no SIM for machines is in this HLR; `line_type` is told only then.
    `key_epoch`: the name of the key that references are made with; 1 to 64 printable characters.
    """

    host: str
    port: int = CTRL_PORT
    connections: int = 2
    in_flight: int = 256
    waiting: int = 2_000
    connect_timeout: float = 1.0
    answer_timeout: float = 1.0
    least_backoff: float = 0.05
    most_backoff: float = 2.0
    node_networks: Mapping[str, str] = field(default_factory=dict)
    own_prefixes: tuple[str, ...] = ()
    handsets_only: bool = False
    key_epoch: str = "1"

    def __post_init__(self) -> None:
        """Raise `ValueError` for the first value that cannot be, naming it and what is expected."""
        for name, fits, expected in _CHECKS:
            value = getattr(self, name)
            if not fits(value):
                shown = list(value) if isinstance(value, tuple) else value
                raise ValueError(f"{name}: found {shown!r}, expected {expected}")
        if self.least_backoff > self.most_backoff:
            raise ValueError(f"least_backoff: found {self.least_backoff}, expected most_backoff at most")


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _seconds(most: float) -> Callable[[Any], bool]:
    return lambda value: type(value) in {int, float} and 0.01 <= value <= most  # noqa: PLR2004 - named in the sentence


def _text(most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and 1 <= len(value) <= most and value.isprintable()


def _places_nodes(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(prefix, str)
        and isinstance(plmn, str)
        and _NODE_PREFIX.fullmatch(prefix) is not None
        and _PLMN.fullmatch(plmn) is not None
        for prefix, plmn in value.items()
    )


def _prefixes(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, str) and _OWN_PREFIX.fullmatch(item) for item in value)


_CHECKS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("host", _text(253), "a host name or address"),
    ("port", _whole(1, 65_535), "a port from 1 to 65535"),
    ("connections", _whole(1, 16), "1 to 16"),
    ("in_flight", _whole(1, 1_000), "1 to 1000"),
    ("waiting", _whole(0, 100_000), "0 to 100000"),
    ("connect_timeout", _seconds(60), "0.01 to 60 seconds"),
    ("answer_timeout", _seconds(60), "0.01 to 60 seconds"),
    ("least_backoff", _seconds(60), "0.01 to 60 seconds"),
    ("most_backoff", _seconds(600), "0.01 to 600 seconds"),
    ("node_networks", _places_nodes, 'prefixes of node numbers, without "+", with PLMNs as "250-01"'),
    ("own_prefixes", _prefixes, 'prefixes of numbers, each as "+7916"'),
    ("handsets_only", lambda value: isinstance(value, bool), "true or false"),
    ("key_epoch", _text(64), "1 to 64 printable characters"),
)
