"""What Numseal keeps for a part and hands back: challenges, names and cursors, under the part's tag.

Pure. Tags come from names alone, so that what was kept leads to its part after the parts were put in another order.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_CHALLENGE = 1_024
MAX_CURSOR = 256
MAX_REQUEST_ID = 128
MAX_WATCH_ID = 128
MAX_EVENT_ID = 64
MAX_DELIVERY_ID = 256

_TAG = 4
_VERSION = "1"
_NOBODY = "." * _TAG
_ENTRY = re.compile(r"([A-Za-z0-9_-]{4})([0-9]{1,3})\.")
_HEX = 40


class TooLongError(ValueError):
    """What a part said does not fit beside its tag."""


def seal(tag: str, challenge: bytes) -> bytes:
    """Put a part's challenge under its tag; raise `TooLongError` for one over 1,019 bytes."""
    sealed = f"{_VERSION}{tag}".encode() + challenge
    if len(sealed) > MAX_CHALLENGE:
        raise TooLongError(f"the challenge has {len(challenge)} bytes, expected at most {MAX_CHALLENGE - _TAG - 1}")
    return sealed


def unseal(challenge: bytes) -> tuple[str, bytes]:
    """Return the tag and the part's challenge; the tag is empty where it is none of ours."""
    head = challenge[: 1 + _TAG]
    if len(head) <= _TAG or head[:1] != _VERSION.encode() or not head.isascii():
        return "", b""
    return head[1:].decode(), challenge[1 + _TAG :]


def told_apart(tag: str, name: str, most: int) -> str:
    """Return a name of an event, delivery or request under its part's tag, hashed where too long; empty stays empty.

    The same name comes out the same, always: that is how a delivery or a request is known again.
    """
    if not name or len(name) + _TAG < most:
        return name and f"{tag}:{name}"
    return f"{tag}#{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:_HEX]}"


def watch_name(tag: str, watch_id: str) -> str:
    """Return a watch's name under its part's tag; raise `TooLongError` for one over 123 characters."""
    name = f"{tag}:{watch_id}"
    if len(name) > MAX_WATCH_ID:
        raise TooLongError(f"the watch's name has {len(watch_id)} characters, expected at most {MAX_WATCH_ID - 5}")
    return name


def watch_of(name: str) -> tuple[str, str]:
    """Return the tag and the part's own name of a watch; the tag is empty where it is none of ours."""
    return (name[:_TAG], name[_TAG + 1 :]) if name[_TAG : _TAG + 1] == ":" else ("", "")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where each part's stream goes on, by tags, and the tag of the part that watches numbers, empty for none."""

    watching: str
    positions: Mapping[str, str]

    def text(self) -> str:
        """Return it as text; raise `TooLongError` where the parts' cursors do not fit into 256 characters."""
        entries = "".join(f"{tag}{len(cursor)}.{cursor}" for tag, cursor in self.positions.items())
        text = f"{_VERSION}{self.watching or _NOBODY}{entries}"
        if len(text) > MAX_CURSOR:
            raise TooLongError(f"the parts' cursors make {len(text)} characters, expected at most {MAX_CURSOR}")
        return text

    @classmethod
    def of(cls, text: str) -> "Cursor":
        """Read one back; raise `ValueError` for any other text."""
        watching, at = text[1 : 1 + _TAG], 1 + _TAG
        if text[:1] != _VERSION or len(watching) < _TAG:
            raise ValueError("this is no cursor of a composed operator")
        positions: dict[str, str] = {}
        while at < len(text):
            entry = _ENTRY.match(text, at)
            if entry is None or entry.end() + int(entry[2]) > len(text):
                raise ValueError("this is no cursor of a composed operator")
            at = entry.end() + int(entry[2])
            positions[entry[1]] = text[entry.end() : at]
        return cls("" if watching == _NOBODY else watching, positions)
