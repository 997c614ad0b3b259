"""C2SP tlog-cosignature, Ed25519 form (type 0x04, `cosignature/v1`): a witness's timed word on a checkpoint.

Making and checking single cosignatures lives here. How many are enough, from whom, and how old they may be is
the verifier's policy.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from numseal.tlog import note
from numseal.tlog.canonical import MAX_SIZE
from numseal.tlog.checkpoint import Checkpoint
from numseal.tlog.errors import NoteError, SignatureError

_TIME_BYTES = 8
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Cosignature:
    """State that the witness saw the checkpoint as the largest consistent one at `time`, Unix seconds."""

    witness: note.VerifierKey
    time: int


def signed_message(body: str, time: int) -> bytes:
    """Write what a witness signs over a checkpoint's body at `time`, Unix seconds (C2SP tlog-cosignature)."""
    return f"cosignature/v1\ntime {time}\n{body}".encode()


def cosign(name: str, private_key: Ed25519PrivateKey, body: str, time: int) -> str:
    """Cosign a checkpoint's body as witness `name` at `time` and return the signature line with its newline.

    A body that is no checkpoint raises CheckpointError, a time outside 0 to 2^63-1 NoteError.
    """
    Checkpoint.parse(body)
    if not 0 <= time <= MAX_SIZE:
        raise NoteError(f"a cosignature's time must be 0 to 2^63-1, not {time}")
    key = note.verifier_key(name, private_key, note.COSIGNATURE_V1)
    value = time.to_bytes(_TIME_BYTES, "big") + private_key.sign(signed_message(body, time))
    return note.signature_line(name, key.key_id, value)


def verify_cosignatures(checkpoint: note.Note, witnesses: Iterable[note.VerifierKey]) -> tuple[Cosignature, ...]:
    """Return the valid cosignatures of these witnesses (keys of type 0x04), in the note's order.

    Lines of other keys are ignored; none at all is an empty tuple. A wrong line of a known witness raises
    SignatureError, a text that is no checkpoint CheckpointError, a key of another type NoteError.
    """
    Checkpoint.parse(checkpoint.text)
    known: dict[tuple[str, bytes], note.VerifierKey] = {}
    for key in witnesses:
        if key.algorithm != note.COSIGNATURE_V1:
            raise NoteError(f"the key {key.name} is not for cosignatures (type 0x04)")
        known[key.name, key.key_id] = key
    found = []
    for line in checkpoint.signatures:
        witness = known.get((line.name, line.key_id))
        if witness is not None:
            found.append(Cosignature(witness, _verified_time(checkpoint.text, line, witness)))
    return tuple(found)


def _verified_time(body: str, line: note.Signature, witness: note.VerifierKey) -> int:
    if len(line.value) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise SignatureError(f"the cosignature by {line.name} must hold a time and an Ed25519 signature")
    time = int.from_bytes(line.value[:_TIME_BYTES], "big")
    if time > MAX_SIZE:
        raise SignatureError(f"the cosignature by {line.name} has a time over 2^63-1")
    if not witness.accepts(line.value[_TIME_BYTES:], signed_message(body, time)):
        raise SignatureError(f"the cosignature by {line.name} is wrong")
    return time
