"""C2SP tlog-checkpoint: the signed statement of a log's size and root.

The body's lines, and signing and opening it as a note, live here. Whether a head may be signed at all (only
after its entries are durable) is decided where it is stored.
"""

from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from numseal.tlog import note
from numseal.tlog.canonical import MAX_SIZE, decode_hash, encode_base64, parse_decimal
from numseal.tlog.errors import CheckpointError
from numseal.tlog.hashing import EMPTY_ROOT, HASH_SIZE

_MANDATORY_LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State that the log `origin` has `size` leaves and that 32-byte root; extension lines are opaque."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse, with CheckpointError, what no checkpoint may state."""
        if any(not line or any(char < " " for char in line) for line in (self.origin, *self.extensions)):
            raise CheckpointError("a checkpoint's origin and extension lines are not empty and of one line each")
        if not 0 <= self.size <= MAX_SIZE:
            raise CheckpointError(f"a checkpoint's size must be 0 to 2^63-1, not {self.size}")
        if len(self.root) != HASH_SIZE:
            raise CheckpointError(f"a checkpoint's root has {HASH_SIZE} bytes, not {len(self.root)}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise CheckpointError("a checkpoint of size 0 has the root of the empty tree (RFC 6962 §2.1)")

    def body(self) -> str:
        """Write the note text that is signed, with the final newline (C2SP tlog-checkpoint, Note text)."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, body: str) -> Self:
        """Read what `body` writes, strictly; CheckpointError names the line that is wrong."""
        lines = body.split("\n")
        if lines.pop() or len(lines) < _MANDATORY_LINES:
            raise CheckpointError("a checkpoint has the lines origin, size and root, each ended by a newline")
        try:
            size = parse_decimal(lines[1])
        except ValueError as error:
            raise CheckpointError(f"the checkpoint's size (line 2) is {error}") from None
        try:
            root = decode_hash(lines[2])
        except ValueError as error:
            raise CheckpointError(f"the checkpoint's root (line 3) is {error}") from None
        return cls(lines[0], size, root, tuple(lines[_MANDATORY_LINES:]))


def sign_checkpoint(checkpoint: Checkpoint, private_key: Ed25519PrivateKey) -> str:
    """Sign with the log's key, named as the origin, and return the note (C2SP tlog-checkpoint, Signatures).

    Ed25519 is deterministic: the same checkpoint and key give the same note. An origin with a space or a plus
    sign cannot be a key name and raises NoteError.
    """
    body = checkpoint.body()
    return note.format_note(body, [note.sign(checkpoint.origin, private_key, body)])


def open_checkpoint(note_text: str, vkey: str, origin: str | None = None) -> Checkpoint:
    """Verify a signed checkpoint with the log's vkey and return what it states.

    The origin must be `origin`, or the key's name where none is given. Other signatures are ignored. Errors:
    NoteError for a malformed note or vkey, SignatureError for a missing or wrong signature, CheckpointError
    for malformed lines or another origin.
    """
    key = note.parse_vkey(vkey)
    signed = note.parse_note(note_text)
    note.verify(signed, [key])
    checkpoint = Checkpoint.parse(signed.text)
    wanted = key.name if origin is None else origin
    if checkpoint.origin != wanted:
        raise CheckpointError(f"the checkpoint's origin is {checkpoint.origin}, not {wanted}")
    return checkpoint
