import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from numseal.tlog import tlog_proof
from numseal.tlog.canonical import MAX_SIZE, encode_base64
from numseal.tlog.checkpoint import Checkpoint, sign_checkpoint
from numseal.tlog.errors import ProofError
from numseal.tlog.tlog_proof import MAX_EXTRA_BYTES, MAX_PATH, MAX_PROOF_CHARS, Proof

CHECKPOINT = sign_checkpoint(Checkpoint("log.example/a", 109482, bytes(32)), Ed25519PrivateKey.generate())
HASH = bytes(range(32))
LINE = encode_base64(HASH)


def test_the_text_is_the_specifications() -> None:
    text = tlog_proof.format(Proof(73894, (HASH, bytes(32)), CHECKPOINT, b"age-v1.2.1"))
    assert text == (
        "c2sp.org/tlog-proof@v1\n"
        "extra YWdlLXYxLjIuMQ==\n"
        "index 73894\n"
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
        "\n" + CHECKPOINT
    )


@given(
    st.integers(0, MAX_SIZE),
    st.lists(st.binary(min_size=32, max_size=32), max_size=MAX_PATH).map(tuple),
    st.none() | st.binary(min_size=1, max_size=100),
)
def test_proofs_come_back(index: int, path: tuple[bytes, ...], extra: bytes | None) -> None:
    proof = Proof(index, path, CHECKPOINT, extra)
    text = tlog_proof.format(proof)
    assert tlog_proof.parse(text) == proof
    assert tlog_proof.format(tlog_proof.parse(text)) == text


HEAD = "c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty line before its checkpoint"),
        (HEAD + "index 0\n", "empty line before its checkpoint"),
        ("\n\n" + CHECKPOINT, "first line must be c2sp.org/tlog-proof@v1"),
        (f"c2sp.org/tlog-proof@v2\nindex 0\n\n{CHECKPOINT}", "first line must be"),
        (f"{HEAD}\n{CHECKPOINT}", "line 2 of the proof must be: index"),
        (f"{HEAD}extra AA==\n\n{CHECKPOINT}", "line 3 of the proof must be: index"),
        (f"{HEAD}extra AA==\nextra AA==\nindex 0\n\n{CHECKPOINT}", "line 3 of the proof must be: index"),
        (f"{HEAD}index 0\nextra AA==\n\n{CHECKPOINT}", "hash in line 3 is not base64"),
        (f"{HEAD}{LINE}\n\n{CHECKPOINT}", "line 2 of the proof must be: index"),
        (f"{HEAD}extra \nindex 0\n\n{CHECKPOINT}", "extra data has 1 to 16384 bytes"),
        (f"{HEAD}extra A\nindex 0\n\n{CHECKPOINT}", "extra data \\(line 2\\) is not base64"),
        (f"{HEAD}index 00\n\n{CHECKPOINT}", "index \\(line 2\\) is not a decimal"),
        (f"{HEAD}extra AA==\nindex x\n\n{CHECKPOINT}", "index \\(line 3\\) is not a decimal"),
        (f"{HEAD}index 0\nAAAA\n\n{CHECKPOINT}", "line 3 is 3 bytes where a hash has 32"),
        (f"{HEAD}index 0\n{LINE}\n{LINE}\r\n\n{CHECKPOINT}", "line 4 is not base64"),
        (f"{HEAD}index 0\n{LINE}\n\n\n{CHECKPOINT}", "checkpoint cannot be read"),
        (f"{HEAD}index 0\n" + f"{LINE}\n" * 64 + f"\n{CHECKPOINT}", "63 hashes"),
        (f"{HEAD}index 0\n\n", "checkpoint cannot be read"),
        (f"{HEAD}index 0\n\n{CHECKPOINT}trailing", "checkpoint cannot be read"),
        (f"{HEAD}index 0\n\nhello\n\n— a AAAAAAAA\n", "lines origin, size and root"),
        ("x" * (MAX_PROOF_CHARS + 1), "characters at most"),
    ],
)
def test_other_texts_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(ProofError, match=sentence):
        tlog_proof.parse(text)


@given(st.text() | st.text().map(lambda text: f"{HEAD}index 0\n{text}\n\n{CHECKPOINT}"))
def test_any_text_is_a_proof_or_a_proof_error(text: str) -> None:
    try:
        proof = tlog_proof.parse(text)
    except ProofError:
        return
    assert tlog_proof.format(proof) == text


def test_what_the_text_cannot_hold_is_refused() -> None:
    with pytest.raises(ProofError, match="index must be"):
        Proof(-1, (), CHECKPOINT)
    with pytest.raises(ProofError, match="hashes of 32 bytes"):
        Proof(0, (bytes(31),), CHECKPOINT)
    with pytest.raises(ProofError, match="1 to 16384 bytes"):
        Proof(0, (), CHECKPOINT, bytes(MAX_EXTRA_BYTES + 1))


def test_the_largest_proof_fits() -> None:
    largest = Proof(MAX_SIZE, (HASH,) * MAX_PATH, CHECKPOINT, bytes(MAX_EXTRA_BYTES))
    assert tlog_proof.parse(tlog_proof.format(largest)) == largest
