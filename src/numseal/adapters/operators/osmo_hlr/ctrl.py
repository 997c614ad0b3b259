"""OsmoHLR's CTRL interface as bytes: the one question that is asked of it, and its answers. No sockets, no clock.

A frame is `u16 length | 0xEE | 0x00 | text`, the length counting what follows the 0xEE (Osmocom CTRL in IPA, protocol
extension 0x00). Only `subscriber.by-msisdn-<digits>.info` is ever asked: `info-aud` and `info-all` answer with the
subscriber's secret keys in clear. Answers are refused for anything that is not as documented here.
"""

import re
from dataclasses import dataclass

MAX_TEXT = 4_096
"""Bytes of an answer's text; a record has about 250."""

MAX_ID = 2**31 - 1
"""Ids count from 1 to this one, and again."""

_HEADER = 4
_DIGITS = re.compile(r"[1-9][0-9]{6,14}")
_ID = re.compile(rb"[1-9][0-9]{0,9}")


class CtrlError(Exception):
    """What came is no answer of CTRL to our question; the message tells what it is and never what it holds."""


@dataclass(frozen=True, slots=True)
class Found:
    """`GET_REPLY`: the id and variable asked for, and the value as lines."""

    request_id: int
    variable: str
    value: str


@dataclass(frozen=True, slots=True)
class Refused:
    """`ERROR`: the id asked with, and why not."""

    request_id: int
    reason: str

    @property
    def no_subscriber(self) -> bool:
        """Whether the HLR has no subscriber with that number; any other reason is a fault."""
        return self.reason == "No such subscriber."


def is_digits(text: str) -> bool:
    """Tell whether a text is a number to ask about: 7 to 15 ASCII digits, no plus sign (ITU-T E.164 §6.2)."""
    return _DIGITS.fullmatch(text) is not None


def variable(digits: str) -> str:
    """Return the variable that is a number's record; raise `ValueError` for what is not `is_digits`."""
    if not is_digits(digits):
        raise ValueError("a number of 7 to 15 digits without + is expected")
    return f"subscriber.by-msisdn-{digits}.info"


def question(request_id: int, name: str) -> bytes:
    """Return the frame that asks for a variable of `variable`."""
    text = b"GET %d %b" % (request_id, name.encode())
    return (len(text) + 1).to_bytes(2) + b"\xee\x00" + text


class FrameReader:
    """Cuts a stream of bytes into frames' texts; keeps what is left of one, never more than `MAX_TEXT` bytes."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        """Begin at the start of a frame."""
        self._left = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the texts that are whole now; raise `CtrlError` as soon as a frame cannot be one."""
        if self._left:
            data = self._left + data
        texts, start, size = [], 0, len(data)
        while size - start >= _HEADER:
            length = data[start] << 8 | data[start + 1]
            if data[start + 2] != 0xEE or data[start + 3] != 0x00:  # noqa: PLR2004 - the header as documented above
                raise CtrlError("a frame of another protocol than CTRL")
            if not 1 < length <= MAX_TEXT + 1:
                raise CtrlError(f"a frame of {length - 1} bytes, expected 1 to {MAX_TEXT}")
            end = start + 3 + length
            if end > size:
                break
            texts.append(data[start + _HEADER : end])
            start = end
        self._left = data[start:]
        return texts


def read_answer(text: bytes) -> Found | Refused | None:
    """Return what a text answers; None for a TRAP, which answers nothing; raise `CtrlError`."""
    kind, _, rest = text.partition(b" ")
    if kind == b"TRAP":
        return None
    if kind not in {b"GET_REPLY", b"ERROR"}:
        raise CtrlError("neither a GET_REPLY nor an ERROR")
    number, _, rest = rest.partition(b" ")
    if not _ID.fullmatch(number):
        raise CtrlError("an answer to no id that was asked with")
    try:
        said = rest.decode("ascii")
    except UnicodeDecodeError:
        raise CtrlError("an answer that is not ASCII") from None
    if kind == b"ERROR":
        return Refused(int(number), said)
    name, _, value = said.partition(" ")
    return Found(int(number), name, value)
