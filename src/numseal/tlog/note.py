"""C2SP signed notes: verifier keys, signature lines, and the note's text form, with Ed25519 (type 0x01).

What the text says is not this module's business. Cosignatures (type 0x04) share the note and key forms and
are made and checked in `cosignature`. A note's text must not be used before its signature is verified.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from numseal.tlog.canonical import decode_base64, encode_base64
from numseal.tlog.errors import NoteError, SignatureError

ED25519: Final = 0x01
COSIGNATURE_V1: Final = 0x04

MAX_NOTE_BYTES = 128 * 1024  # sixteen post-quantum signatures of 5 kB must fit (C2SP signed-note)
MAX_SIGNATURES = 64
KEY_ID_BYTES = 4
_KEY_BYTES = 32
_MAX_VKEY_CHARS = 1024
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Name a public key as notes do: key name, signature type byte, 32-byte Ed25519 key."""

    name: str
    algorithm: int
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse, with NoteError, a name, type or key no note could be checked with."""
        _check_name(self.name)
        if self.algorithm not in (ED25519, COSIGNATURE_V1):
            raise NoteError(f"signature type {self.algorithm:#04x} is not supported: 0x01 and 0x04 are")
        if len(self.public_key) != _KEY_BYTES:
            raise NoteError(f"an Ed25519 public key has {_KEY_BYTES} bytes, not {len(self.public_key)}")

    @property
    def key_id(self) -> bytes:
        """Return the 4-byte key id."""
        return key_id(self.name, self.algorithm, self.public_key)

    def text(self) -> str:
        """Write the key as a vkey, `name+hex(key id)+base64(type ‖ key)`."""
        material = encode_base64(bytes([self.algorithm]) + self.public_key)
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def accepts(self, signature: bytes, message: bytes) -> bool:
        """Tell whether these 64 bytes are the key's Ed25519 signature over the message (RFC 8032)."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signature:
    """Hold one signature line: key name, 4-byte key id, and what follows the id in the base64."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """Hold a note as read: its text with the final newline, and its signatures in order, none verified."""

    text: str
    signatures: tuple[Signature, ...]


def key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    """Compute the 4-byte key id: SHA-256(name ‖ 0x0A ‖ type ‖ public key)[:4] (C2SP signed-note)."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key).digest()[:KEY_ID_BYTES]


def verifier_key(name: str, key: Ed25519PublicKey | Ed25519PrivateKey, algorithm: int = ED25519) -> VerifierKey:
    """Make the verifier key of an Ed25519 key under that name."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return VerifierKey(name, algorithm, public.public_bytes_raw())


def parse_vkey(text: str) -> VerifierKey:
    """Read a vkey, `name+hex(key id)+base64(type ‖ key)`; NoteError says what is wrong with it."""
    parts = text.split("+", 2) if len(text) <= _MAX_VKEY_CHARS else []
    if len(parts) != len(("name", "id", "material")):
        raise NoteError("a verifier key has the form name+hash+base64")
    name, written_id, material = parts
    try:
        raw = decode_base64(material)
    except ValueError as error:
        raise NoteError(f"the verifier key's last part is {error}") from None
    if not raw:
        raise NoteError("the verifier key's last part is empty")
    key = VerifierKey(name, raw[0], raw[1:])
    if key.key_id.hex() != written_id:
        raise NoteError("the verifier key's hash is not the one of its name and key")
    return key


def signature_line(name: str, key_id: bytes, value: bytes) -> str:
    """Write one signature line with its newline: em dash, name, base64(key id ‖ signature)."""
    _check_name(name)
    return f"{_DASH}{name} {encode_base64(key_id + value)}\n"


def sign(name: str, private_key: Ed25519PrivateKey, text: str) -> str:
    """Sign a note's text (final newline included) and return the signature line with its newline."""
    key = verifier_key(name, private_key)
    return signature_line(name, key.key_id, private_key.sign(text.encode()))


def format_note(text: str, lines: Iterable[str]) -> str:
    """Put text and signature lines (each with its newline) together; NoteError when that makes no note."""
    joined = f"{text}\n{''.join(lines)}"
    if parse_note(joined).text != text:
        raise NoteError("the note's text must end in a newline, and no line be taken for its signatures")
    return joined


def parse_note(raw: str) -> Note:
    """Read a signed note strictly (C2SP signed-note, Format); no signature is verified by this."""
    _check_characters(raw)
    text_end = raw.rfind("\n\n")
    if text_end < 0:
        raise NoteError("a note has a blank line between its text and its signatures")
    if not raw.endswith("\n"):
        raise NoteError("a note ends in a newline")
    lines = raw[text_end + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"a note has {MAX_SIGNATURES} signatures at most here, not {len(lines)}")
    signatures = tuple(_parse_signature(number, line) for number, line in enumerate(lines, start=1))
    return Note(raw[: text_end + 1], signatures)


def verify(note: Note, verifiers: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Return the keys among `verifiers` (type 0x01) that signed the note, in the note's order, each once.

    Signatures of other keys are ignored, even where name or id alone is a known one. A wrong signature of a
    known key, or no signature of a known key at all, raises SignatureError (C2SP signed-note, Signatures).
    """
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in verifiers:
        if key.algorithm != ED25519:
            raise NoteError(f"the key {key.name} is not for plain note signatures (type 0x01)")
        if known.setdefault((key.name, key.key_id), key) != key:
            raise NoteError(f"two different keys share the name {key.name} and one key id")
    message = note.text.encode()
    signed: dict[VerifierKey, None] = {}
    for signature in note.signatures:
        signer = known.get((signature.name, signature.key_id))
        if signer is None:
            continue
        if not signer.accepts(signature.value, message):
            raise SignatureError(f"the note's signature by {signature.name} is wrong")
        signed[signer] = None
    if not signed:
        names = ", ".join(sorted(name for name, _ in known)) or "no key"
        raise SignatureError(f"the note has no signature by a known key ({names})")
    return tuple(signed)


def _parse_signature(number: int, line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise NoteError(f"signature line {number} must be: em dash, space, key name, space, base64")
    _check_name(name)
    try:
        raw = decode_base64(encoded)
    except ValueError as error:
        raise NoteError(f"the signature in line {number} is {error}") from None
    if len(raw) <= KEY_ID_BYTES:
        raise NoteError(f"the signature in line {number} is too short for a key id and a signature")
    return Signature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def _check_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() for char in name):
        raise NoteError("a key name is not empty and has no spaces and no plus sign")
    _check_characters(name)


def _check_characters(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise NoteError("a note is valid UTF-8") from None
    if size > MAX_NOTE_BYTES:
        raise NoteError(f"a note has {MAX_NOTE_BYTES} bytes at most here, not {size}")
    if _CONTROL.search(text):
        raise NoteError("a note has no control characters other than newline")
