import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from numseal.tlog.errors import NoteError, SignatureError
from numseal.tlog.note import (
    COSIGNATURE_V1,
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Note,
    Signature,
    VerifierKey,
    format_note,
    key_id,
    parse_note,
    parse_vkey,
    sign,
    signature_line,
    verifier_key,
    verify,
)

# The published example of golang.org/x/mod/sumdb/note.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    TEXT + "\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

KEY = Ed25519PrivateKey.generate()
OTHER_KEY = Ed25519PrivateKey.generate()
MINE = verifier_key("log.example/a", KEY)
OTHER = verifier_key("log.example/b", OTHER_KEY)


def test_the_published_note_verifies() -> None:
    peter = parse_vkey(VKEY)
    note = parse_note(NOTE)
    assert note.text == TEXT
    assert verify(note, [MINE, peter]) == (peter,)
    assert peter.text() == VKEY


def test_the_key_of_the_go_checksum_database_is_read() -> None:
    # Its base64 has a plus sign in it: a vkey is split at the first two only.
    vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert parse_vkey(vkey).name == "sum.golang.org"
    assert parse_vkey(vkey).text() == vkey


def test_a_changed_published_note_is_refused() -> None:
    with pytest.raises(SignatureError, match="signature by PeterNeumann is wrong"):
        verify(parse_note(NOTE.replace("answer", "Answer")), [parse_vkey(VKEY)])


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n")))
def test_what_is_signed_verifies_and_comes_back(words: str) -> None:
    text = words + "\n"
    note = parse_note(format_note(text, [sign(MINE.name, KEY, text), sign(OTHER.name, OTHER_KEY, text)]))
    assert note.text == text
    assert verify(note, [MINE, OTHER]) == (MINE, OTHER)


def test_signing_is_deterministic() -> None:
    assert sign("a", KEY, TEXT) == sign("a", KEY, TEXT)


def test_public_and_private_key_name_one_verifier() -> None:
    assert verifier_key("log.example/a", KEY.public_key()) == MINE


# --- verifier keys ---


def test_vkey_comes_back() -> None:
    witness = verifier_key("w.example", KEY, COSIGNATURE_V1)
    assert parse_vkey(MINE.text()) == MINE
    assert parse_vkey(witness.text()) == witness
    assert witness.key_id != verifier_key("w.example", KEY).key_id


def test_no_part_of_a_vkey_is_a_vkey() -> None:
    for start in range(len(VKEY)):
        for end in range(start, len(VKEY) + 1):
            if end - start < len(VKEY):
                with pytest.raises(NoteError):
                    parse_vkey(VKEY[start:end])


def vkey_of(material: bytes) -> str:
    return f"a+{key_id('a', material[0], material[1:]).hex()}+{base64.b64encode(material).decode()}"


@pytest.mark.parametrize(
    ("vkey", "sentence"),
    [
        ("", "form name"),
        ("a+b", "form name"),
        ("x" * 1025, "form name"),
        ("a+00000000+", "last part is empty"),
        ("a+00000000+AQ", "last part is not base64"),
        ("a+00000000+AR==", "last part is not canonical base64"),
        (VKEY.replace("c74f20a3", "c74f20a4"), "not the one of its name and key"),
        (VKEY.replace("c74f20a3", "C74F20A3"), "not the one of its name and key"),
        (VKEY.replace("Peter", "Petra"), "not the one of its name and key"),
        (vkey_of(bytes([1]) + bytes(31)), "has 32 bytes, not 31"),
        (vkey_of(bytes([2]) + bytes(32)), "signature type 0x02 is not supported"),
        ("+" + VKEY.split("+", 1)[1], "not empty"),
        ("a b+" + VKEY.split("+", 1)[1], "no spaces"),
        ("a\ud800+" + VKEY.split("+", 1)[1], "UTF-8"),
        ("a\x7f\x01+" + VKEY.split("+", 1)[1], "control characters"),
    ],
)
def test_other_vkeys_are_refused(vkey: str, sentence: str) -> None:
    with pytest.raises(NoteError, match=sentence):
        parse_vkey(vkey)


# --- the note's form ---

LINE = sign("log.example/a", KEY, TEXT)
B64_OF_4 = base64.b64encode(bytes(4)).decode()


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ("", "blank line"),
        ("text\n", "blank line"),
        ("text\n" + LINE, "blank line"),
        (TEXT + "\n" + LINE.rstrip("\n"), "ends in a newline"),
        (TEXT + "\n", "signature line 1 must be"),
        (TEXT + "\n" + LINE + "\n", "signature line 1 must be"),
        (TEXT + "\n" + LINE + "text\n", "signature line 2 must be"),
        (TEXT + "\n- a AAAAAAAA\n", "signature line 1 must be"),
        (TEXT + "\n—a AAAAAAAA\n", "signature line 1 must be"),
        (TEXT + "\n— a\n", "signature line 1 must be"),
        (TEXT + "\n—  AAAAAAAA\n", "not empty"),
        (TEXT + "\n— a+b AAAAAAAA\n", "no plus sign"),
        (TEXT + "\n— a\u00a0b AAAAAAAA\n", "no spaces"),
        (TEXT + "\n— a b AAAAAAAA\n", "line 1 is not base64"),
        (TEXT + "\n— a AAAAAAA\n", "line 1 is not base64"),
        (TEXT + f"\n— a {B64_OF_4}\n", "line 1 is too short"),
        (TEXT.replace("\n", "\r\n") + "\n" + LINE, "control characters"),
        ("\0" + TEXT + "\n" + LINE, "control characters"),
        ("\ud800" + TEXT + "\n" + LINE, "UTF-8"),
        ("x" * MAX_NOTE_BYTES + "\n\n" + LINE, "131072 bytes at most"),
        (TEXT + "\n" + LINE * (MAX_SIGNATURES + 1), "64 signatures at most here, not 65"),
    ],
)
def test_other_notes_are_refused(raw: str, sentence: str) -> None:
    with pytest.raises(NoteError, match=sentence):
        parse_note(raw)


@given(st.text() | st.text().map(lambda text: f"{text}\n\n— a {text}\n"))
def test_any_text_is_a_note_or_a_note_error(raw: str) -> None:
    try:
        note = parse_note(raw)
    except NoteError:
        return
    with pytest.raises(SignatureError):
        verify(note, [MINE])


def test_the_text_may_have_blank_lines() -> None:
    text = "a\n\n— b AAAAAAAA\n\nc\n"
    assert parse_note(format_note(text, [sign("a", KEY, text)])).text == text


@pytest.mark.parametrize("text", ["", "no newline"])
def test_a_text_without_final_newline_makes_no_note(text: str) -> None:
    with pytest.raises(NoteError):
        format_note(text, [LINE])


def test_a_line_that_hides_text_makes_no_note() -> None:
    with pytest.raises(NoteError, match="no line be taken"):
        format_note(TEXT, ["\n" + LINE])


def test_sixteen_post_quantum_signatures_fit() -> None:
    line = signature_line("log.example/pq", bytes(4), bytes(5000))
    assert len(parse_note(format_note(TEXT, [line] * 16)).signatures) == 16


def test_a_name_with_a_plus_makes_no_line() -> None:
    with pytest.raises(NoteError, match="plus sign"):
        sign("a+b", KEY, TEXT)


# --- verification ---


def test_unknown_signatures_are_ignored() -> None:
    same_name = verifier_key(MINE.name, OTHER_KEY)
    lines = [
        signature_line("unknown.example", bytes(4), b"x"),
        sign(MINE.name, OTHER_KEY, TEXT),  # a known name, another id
        signature_line("other.example", MINE.key_id, b"x"),  # a known id, another name
        sign(MINE.name, KEY, TEXT),
        sign(MINE.name, KEY, TEXT),
    ]
    note = parse_note(format_note(TEXT, lines))
    assert verify(note, [MINE]) == (MINE,)
    assert verify(note, [MINE, same_name]) == (same_name, MINE)


def test_no_known_signature_is_an_error() -> None:
    note = parse_note(format_note(TEXT, [LINE]))
    with pytest.raises(SignatureError, match=r"no signature by a known key \(log\.example/b\)"):
        verify(note, [OTHER])
    with pytest.raises(SignatureError, match=r"no signature by a known key \(no key\)"):
        verify(note, [])


@pytest.mark.parametrize("value", [b"x", bytes(64), bytes(63), bytes(65)])
def test_a_wrong_signature_of_a_known_key_is_an_error_beside_a_right_one(value: bytes) -> None:
    note = Note(TEXT, (*parse_note(NOTE).signatures, Signature(MINE.name, MINE.key_id, value)))
    with pytest.raises(SignatureError, match=r"signature by log\.example/a is wrong"):
        verify(note, [parse_vkey(VKEY), MINE])


def test_a_signature_over_another_text_is_an_error() -> None:
    with pytest.raises(SignatureError, match="is wrong"):
        verify(parse_note(format_note("other\n", [LINE])), [MINE])


def test_a_cosigner_key_does_not_sign_plain_notes() -> None:
    with pytest.raises(NoteError, match="type 0x01"):
        verify(parse_note(NOTE), [verifier_key("w.example", KEY, COSIGNATURE_V1)])


def test_keys_whose_ids_collide_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numseal.tlog.note.key_id", lambda *_: b"same")
    one, two = VerifierKey("a", 1, bytes(32)), VerifierKey("a", 1, bytes([1] * 32))
    with pytest.raises(NoteError, match="two different keys share the name a"):
        verify(parse_note(NOTE), [one, two])
