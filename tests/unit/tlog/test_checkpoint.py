import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from numseal.tlog import note
from numseal.tlog.canonical import MAX_SIZE
from numseal.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from numseal.tlog.errors import CheckpointError, NoteError, SignatureError, TlogError
from numseal.tlog.hashing import EMPTY_ROOT

# The example of C2SP tlog-checkpoint.
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
BODY = f"example.com/behind-the-sofa\n20852163\n{ROOT}\n"

KEY = Ed25519PrivateKey.generate()
ORIGIN = "log.example/a"
VKEY = note.verifier_key(ORIGIN, KEY).text()
HEAD = Checkpoint(ORIGIN, 3, bytes(range(32)))

lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)


def test_the_published_body() -> None:
    checkpoint = Checkpoint.parse(BODY)
    assert checkpoint == Checkpoint("example.com/behind-the-sofa", 20852163, base64.b64decode(ROOT))
    assert checkpoint.body() == BODY


@given(lines, st.integers(1, MAX_SIZE), st.binary(min_size=32, max_size=32), st.lists(lines).map(tuple))
def test_body_comes_back(origin: str, size: int, root: bytes, extensions: tuple[str, ...]) -> None:
    checkpoint = Checkpoint(origin, size, root, extensions)
    assert Checkpoint.parse(checkpoint.body()) == checkpoint


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "lines origin, size and root"),
        (BODY.rstrip("\n"), "each ended by a newline"),
        ("a\n1\n", "lines origin, size and root"),
        (f"\n1\n{ROOT}\n", "not empty"),
        (f"a\tb\n1\n{ROOT}\n", "of one line each"),
        (BODY + "\n", "not empty"),
        (BODY + "x\n\ny\n", "not empty"),
        (f"a\n01\n{ROOT}\n", "size \\(line 2\\) is not a decimal"),
        (f"a\n-1\n{ROOT}\n", "size \\(line 2\\)"),
        (f"a\n{MAX_SIZE + 1}\n{ROOT}\n", "size \\(line 2\\)"),
        ("a\n1\nAAAA\n", "root \\(line 3\\) is 3 bytes"),
        (f"a\n1\n{ROOT[:-1]}\n", "root \\(line 3\\) is not base64"),
        (f"a\n0\n{ROOT}\n", "root of the empty tree"),
    ],
)
def test_other_bodies_are_refused(body: str, sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence):
        Checkpoint.parse(body)


def test_what_cannot_be_stated_is_refused() -> None:
    with pytest.raises(CheckpointError, match="size must be 0 to"):
        Checkpoint("a", -1, bytes(32))
    with pytest.raises(CheckpointError, match="32 bytes, not 31"):
        Checkpoint("a", 1, bytes(31))
    with pytest.raises(CheckpointError, match="of one line each"):
        Checkpoint("a\n", 1, bytes(32))


def test_signed_checkpoint_opens() -> None:
    assert open_checkpoint(sign_checkpoint(HEAD, KEY), VKEY) == HEAD
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert open_checkpoint(sign_checkpoint(empty, KEY), VKEY) == empty


def test_any_node_signs_alike() -> None:
    again = Ed25519PrivateKey.from_private_bytes(KEY.private_bytes_raw())
    assert sign_checkpoint(HEAD, KEY) == sign_checkpoint(HEAD, again)


def test_unknown_signatures_are_ignored() -> None:
    witnessed = sign_checkpoint(HEAD, KEY) + note.signature_line("w.example", b"wwww", bytes(72))
    assert open_checkpoint(witnessed, VKEY) == HEAD


def test_extension_lines_are_kept() -> None:
    head = Checkpoint(ORIGIN, 3, bytes(32), ("one", "two"))
    assert open_checkpoint(sign_checkpoint(head, KEY), VKEY).extensions == ("one", "two")


def test_another_key_is_refused() -> None:
    with pytest.raises(SignatureError, match="no signature by a known key"):
        open_checkpoint(sign_checkpoint(HEAD, Ed25519PrivateKey.generate()), VKEY)


@pytest.mark.parametrize("change", [("\n3\n", "\n4\n"), (ORIGIN + "\n3", "log.example/c\n3"), ("AAEC", "AAED")])
def test_a_changed_checkpoint_is_refused(change: tuple[str, str]) -> None:
    signed = sign_checkpoint(HEAD, KEY)
    assert signed.replace(*change, 1) != signed
    with pytest.raises(SignatureError, match="is wrong"):
        open_checkpoint(signed.replace(*change, 1), VKEY)


def test_the_origin_is_checked() -> None:
    body = Checkpoint("other.example", 3, bytes(32)).body()
    signed = note.format_note(body, [note.sign(ORIGIN, KEY, body)])
    with pytest.raises(CheckpointError, match=r"origin is other\.example, not log"):
        open_checkpoint(signed, VKEY)
    assert open_checkpoint(signed, VKEY, "other.example").size == 3


def test_a_signed_text_that_is_no_checkpoint_is_refused() -> None:
    signed = note.format_note("hello\n", [note.sign(ORIGIN, KEY, "hello\n")])
    with pytest.raises(CheckpointError, match="lines origin, size and root"):
        open_checkpoint(signed, VKEY)


def test_an_origin_that_is_no_key_name_cannot_be_signed() -> None:
    with pytest.raises(NoteError, match="no plus sign"):
        sign_checkpoint(Checkpoint("a+b", 1, bytes(32)), KEY)


@given(st.text(), st.text())
def test_hostile_input_ends_in_a_tlog_error(text: str, vkey: str) -> None:
    for raw, key in (
        (text, VKEY),
        (sign_checkpoint(HEAD, KEY), vkey),
        (text + sign_checkpoint(HEAD, KEY), VKEY),
    ):
        if raw.startswith(ORIGIN) and key == VKEY:
            continue
        with pytest.raises(TlogError):
            open_checkpoint(raw, key)
