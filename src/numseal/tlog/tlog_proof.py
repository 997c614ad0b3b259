"""The C2SP tlog-proof text, `c2sp.org/tlog-proof@v1`: index, inclusion path and checkpoint in one file.

Reading and writing the text lives here. Checking the path is `proof.verify_inclusion`, and the checkpoint,
carried verbatim, is opened by `checkpoint.open_checkpoint`; nothing in a parsed proof is trusted before.
"""

from dataclasses import dataclass

from numseal.tlog.canonical import MAX_SIZE, decode_base64, decode_hash, encode_base64, parse_decimal
from numseal.tlog.checkpoint import Checkpoint
from numseal.tlog.errors import ProofError, TlogError
from numseal.tlog.hashing import HASH_SIZE
from numseal.tlog.note import MAX_NOTE_BYTES, parse_note

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PATH = 63
MAX_EXTRA_BYTES = 16 * 1024
MAX_PROOF_CHARS = MAX_NOTE_BYTES + 32 * 1024  # checkpoint; extra in base64, 63 lines of 45 characters


@dataclass(frozen=True, slots=True)
class Proof:
    """Hold a proof: leaf index, path from the leaf up, checkpoint, extra data nobody vouches for.

    The checkpoint is the signed note as `checkpoint.sign_checkpoint` wrote it; only `parse` looks into it.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse, with ProofError, an index, path or extra data the text form cannot hold."""
        if not 0 <= self.index <= MAX_SIZE:
            raise ProofError(f"a proof's index must be 0 to 2^63-1, not {self.index}")
        if len(self.path) > MAX_PATH or any(len(value) != HASH_SIZE for value in self.path):
            raise ProofError(f"a proof's path has {MAX_PATH} hashes of {HASH_SIZE} bytes at most")
        if self.extra is not None and not 1 <= len(self.extra) <= MAX_EXTRA_BYTES:
            raise ProofError(f"a proof's extra data has 1 to {MAX_EXTRA_BYTES} bytes, or is left out")


def format(proof: Proof) -> str:  # noqa: A001 - always written tlog_proof.format
    """Write the proof's text; `parse` of it gives the proof back."""
    lines = [HEADER]
    if proof.extra is not None:
        lines.append(f"extra {encode_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += [encode_base64(value) for value in proof.path]
    return "\n".join(lines) + "\n\n" + proof.checkpoint


def parse(text: str) -> Proof:
    """Read a proof strictly; ProofError names the line that is wrong. Its `format` is the same text again."""
    if len(text) > MAX_PROOF_CHARS:
        raise ProofError(f"a proof has {MAX_PROOF_CHARS} characters at most here, not {len(text)}")
    head, blank, checkpoint = text.partition("\n\n")
    if not blank:
        raise ProofError("a proof has an empty line before its checkpoint")
    lines = head.split("\n")
    if lines[0] != HEADER:
        raise ProofError(f"a proof's first line must be {HEADER}")
    at = 1
    extra = None
    if len(lines) > at and lines[at].startswith("extra "):
        extra = _extra(lines[at].removeprefix("extra "))
        at += 1
    if len(lines) == at or not lines[at].startswith("index "):
        raise ProofError(f"line {at + 1} of the proof must be: index, space, number")
    try:
        index = parse_decimal(lines[at].removeprefix("index "))
    except ValueError as error:
        raise ProofError(f"the proof's index (line {at + 1}) is {error}") from None
    path = tuple(_hash(number, line) for number, line in enumerate(lines[at + 1 :], start=at + 2))
    try:
        Checkpoint.parse(parse_note(checkpoint).text)
    except TlogError as error:
        raise ProofError(f"the proof's checkpoint cannot be read: {error}") from None
    return Proof(index, path, checkpoint, extra)


def _extra(encoded: str) -> bytes:
    try:
        return decode_base64(encoded)
    except ValueError as error:
        raise ProofError(f"the proof's extra data (line 2) is {error}") from None


def _hash(number: int, line: str) -> bytes:
    try:
        return decode_hash(line)
    except ValueError as error:
        raise ProofError(f"the proof's hash in line {number} is {error}") from None
