"""How a text travels: GSM 7-bit or UCS-2, in one message, in several with a header each, or in one payload. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from numseal.adapters.operators.smpp.commands import DEFAULT_ALPHABET, UCS2, UDHI
from numseal.domain import short_message

ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet in order of its codes (TS 23.038 §6.2.1); 0x1B escapes to the extension table."""

EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""The extension table (TS 23.038 §6.2.1.1)."""

ESCAPE = 0x1B
_CODES = {ord(letter): code for code, letter in enumerate(ALPHABET) if code != ESCAPE} | {
    ord(letter): chr(ESCAPE) + chr(code) for letter, code in EXTENSION.items()
}
_LETTERS = frozenset(map(chr, _CODES))

_SEPTETS_OF_PART = 153
"""Septets beside a header of six octets: 160 less the seven that it and its fill bits take (TS 23.040 §9.2.3.24)."""

_OCTETS_OF_PART = 134
"""Octets of UCS-2 beside the same header: 140 less six."""

_CONCATENATION = 0x00
"""Information element: concatenated short messages, 8-bit reference (TS 23.040 §9.2.3.24.1)."""


class LongTexts(StrEnum):
    """What to do with a text that does not fit one short message."""

    UDH = "udh"
    PAYLOAD = "payload"
    REFUSE = "refuse"


class TextRefusedError(ValueError):
    """The text cannot travel: it has a half of a surrogate pair, or is too long."""


@dataclass(frozen=True, slots=True)
class Part:
    """One short message: its octets with the header, how they are coded, and the bits of `esm_class` they need.

    With `payload` the octets travel in message_payload (§5.3.2.32).
    """

    octets: bytes
    data_coding: int
    esm_class: int = 0
    payload: bool = False


def parts_of(text: str, long_texts: LongTexts, most: int, reference: int) -> tuple[Part, ...]:
    """Return the messages that carry a text, at most `most`; raise `TextRefusedError`.

    `reference` joins the parts of one text, 0 to 255.
    """
    coding, octets = encode(text)
    units, one = short_message.length(text)
    if units <= one:
        return (Part(octets, coding),)
    size = _SEPTETS_OF_PART if coding == DEFAULT_ALPHABET else _OCTETS_OF_PART
    pieces = _split(octets, size, coding)
    if long_texts is LongTexts.REFUSE or len(pieces) > most:
        raise TextRefusedError(f"a text of {len(pieces)} short messages, expected at most {most}")
    if long_texts is LongTexts.PAYLOAD:
        return (Part(octets, coding, payload=True),)
    head = bytes((5, _CONCATENATION, 3, reference, len(pieces)))
    return tuple(
        Part(head + bytes((number,)) + piece, coding, esm_class=UDHI) for number, piece in enumerate(pieces, 1)
    )


def encode(text: str) -> tuple[int, bytes]:
    """Return data_coding and octets: one septet an octet where the default alphabet has all letters, else UCS-2."""
    if _LETTERS.issuperset(text):
        return DEFAULT_ALPHABET, text.translate(_CODES).encode("latin-1")
    try:
        return UCS2, text.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise TextRefusedError("a text with a half of a surrogate pair, expected whole characters") from error


def _split(octets: bytes, size: int, coding: int) -> list[bytes]:
    """Cut octets into pieces, never between an escape and its letter nor within a surrogate pair."""
    pieces: list[bytes] = []
    start = 0
    while start < len(octets):
        end = min(start + size, len(octets))
        if end < len(octets) and _joined(octets, end, coding):
            end -= 1 if coding == DEFAULT_ALPHABET else 2
        pieces.append(octets[start:end])
        start = end
    return pieces


def _joined(octets: bytes, end: int, coding: int) -> bool:
    """Tell whether what stands before and after a cut is one character."""
    if coding == DEFAULT_ALPHABET:
        return octets[end - 1] == ESCAPE
    return 0xD8 <= octets[end - 2] <= 0xDB  # noqa: PLR2004 - a high surrogate's first octet
