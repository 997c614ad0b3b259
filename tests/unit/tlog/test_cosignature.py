import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from numseal.tlog import note
from numseal.tlog.canonical import MAX_SIZE
from numseal.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from numseal.tlog.cosignature import Cosignature, cosign, signed_message, verify_cosignatures
from numseal.tlog.errors import CheckpointError, NoteError, SignatureError

LOG_KEY = Ed25519PrivateKey.generate()
KEY = Ed25519PrivateKey.generate()
OTHER_KEY = Ed25519PrivateKey.generate()
WITNESS = note.verifier_key("witness.example/w1", KEY, note.COSIGNATURE_V1)
OTHER = note.verifier_key("witness.example/w2", OTHER_KEY, note.COSIGNATURE_V1)
HEAD = Checkpoint("log.example/a", 3, bytes(32))
SIGNED = sign_checkpoint(HEAD, LOG_KEY)
TIME = 1679315147


def opened(*lines: str) -> note.Note:
    return note.parse_note(SIGNED + "".join(lines))


def line_of(witness: note.VerifierKey, value: bytes) -> str:
    return note.signature_line(witness.name, witness.key_id, value)


def test_the_message_is_the_specifications() -> None:
    body = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert signed_message(body, TIME).decode() == "cosignature/v1\ntime 1679315147\n" + body


def test_cosignatures_are_found_in_the_notes_order() -> None:
    witnessed = opened(
        cosign(OTHER.name, OTHER_KEY, HEAD.body(), TIME + 1), cosign(WITNESS.name, KEY, HEAD.body(), TIME)
    )
    assert verify_cosignatures(witnessed, [WITNESS, OTHER]) == (
        Cosignature(OTHER, TIME + 1),
        Cosignature(WITNESS, TIME),
    )
    assert verify_cosignatures(witnessed, [WITNESS]) == (Cosignature(WITNESS, TIME),)
    assert verify_cosignatures(witnessed, []) == ()


def test_a_cosigned_checkpoint_still_opens() -> None:
    vkey = note.verifier_key(HEAD.origin, LOG_KEY).text()
    assert open_checkpoint(SIGNED + cosign(WITNESS.name, KEY, HEAD.body(), TIME), vkey) == HEAD


@pytest.mark.parametrize("time", [0, MAX_SIZE])
def test_extreme_times(time: int) -> None:
    line = cosign(WITNESS.name, KEY, HEAD.body(), time)
    assert verify_cosignatures(opened(line), [WITNESS]) == (Cosignature(WITNESS, time),)


@pytest.mark.parametrize("time", [-1, MAX_SIZE + 1])
def test_times_out_of_range_are_not_signed(time: int) -> None:
    with pytest.raises(NoteError, match="time must be 0 to"):
        cosign(WITNESS.name, KEY, HEAD.body(), time)


def test_only_checkpoints_are_cosigned() -> None:
    with pytest.raises(CheckpointError, match="lines origin"):
        cosign(WITNESS.name, KEY, "hello\n", TIME)
    with pytest.raises(CheckpointError, match="lines origin"):
        verify_cosignatures(note.Note("hello\n", ()), [WITNESS])


def test_a_cosignature_of_another_body_or_time_is_refused() -> None:
    other_body = Checkpoint("log.example/a", 4, bytes(32)).body()
    good = bytes(8) + KEY.sign(signed_message(HEAD.body(), 0))
    for line in (
        cosign(WITNESS.name, KEY, other_body, TIME),
        line_of(WITNESS, (1).to_bytes(8, "big") + good[8:]),
        line_of(WITNESS, bytes(8) + KEY.sign(HEAD.body().encode())),
    ):
        with pytest.raises(SignatureError, match=r"cosignature by witness\.example/w1 is wrong"):
            verify_cosignatures(opened(line), [WITNESS])


def test_malformed_cosignatures_are_refused() -> None:
    with pytest.raises(SignatureError, match="must hold a time and an Ed25519 signature"):
        verify_cosignatures(opened(line_of(WITNESS, bytes(71))), [WITNESS])
    with pytest.raises(SignatureError, match="time over 2\\^63-1"):
        verify_cosignatures(opened(line_of(WITNESS, b"\x80" + bytes(71))), [WITNESS])


def test_a_plain_note_key_does_not_cosign() -> None:
    with pytest.raises(NoteError, match="type 0x04"):
        verify_cosignatures(opened(), [note.verifier_key("witness.example/w1", KEY)])
