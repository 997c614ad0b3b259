"""Texts as octets: alphabets, parts, and what cannot travel."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numseal.adapters.operators.smpp.commands import DEFAULT_ALPHABET, UCS2, UDHI
from numseal.adapters.operators.smpp.encoding import (
    ALPHABET,
    EXTENSION,
    LongTexts,
    Part,
    TextRefusedError,
    encode,
    parts_of,
)
from numseal.domain import short_message

EVERY_LETTER = ALPHABET.replace("\x1b", "")


def decoded(octets: bytes, coding: int) -> str:
    """Read octets by the tables, the other way round."""
    if coding == UCS2:
        return octets.decode("utf-16-be")
    extended = {code: letter for letter, code in EXTENSION.items()}
    text, escaped = "", False
    for octet in octets:
        if octet == 0x1B:
            escaped = True
            continue
        text += extended[octet] if escaped else ALPHABET[octet]
        escaped = False
    return text


def test_the_alphabet_is_that_of_ts_23_038() -> None:
    assert len(ALPHABET) == 128
    assert [ALPHABET.index(letter) for letter in "@Δ A¡aà"] == [0x00, 0x10, 0x20, 0x41, 0x40, 0x61, 0x7F]


@pytest.mark.parametrize(
    ("text", "coding", "octets"),
    [
        ("@example.org #123456", 0, "00 6578616D706C652E6F7267 20 23 313233343536"),
        ("€[]", 0, "1B65 1B3C 1B3E"),
        ("à\n_", 0, "7F 0A 11"),
        ("код", 8, "043A 043E 0434"),
        ("`", 8, "0060"),
        ("😀", 8, "D83D DE00"),
        ("\x1b", 8, "001B"),
    ],
)
def test_texts_in_octets(text: str, coding: int, octets: str) -> None:
    assert encode(text) == (coding, bytes.fromhex(octets))


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(TextRefusedError, match="whole characters"):
        parts_of("\ud800", LongTexts.UDH, 4, 0)


@given(st.text(st.sampled_from(EVERY_LETTER + "".join(EXTENSION))))
def test_every_letter_of_the_alphabet_survives(text: str) -> None:
    coding, octets = encode(text)
    assert coding == DEFAULT_ALPHABET
    assert decoded(octets, coding) == text
    assert len(octets) == short_message.length(text)[0]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_a_text_is_coded_as_it_is_counted(text: str) -> None:
    coding, octets = encode(text)
    units, most = short_message.length(text)
    assert coding == (DEFAULT_ALPHABET if most == short_message.MAX_SEPTETS else UCS2)
    assert len(octets) == (units if coding == DEFAULT_ALPHABET else 2 * units)


@given(
    st.text(st.sampled_from(EVERY_LETTER + "€[]"), min_size=120, max_size=400)
    | st.text(st.sampled_from("кодa😀"), min_size=50, max_size=200),
    st.integers(0, 255),
)
@example("a" * 152 + "€" + "a" * 20, 7)
@example("ы" * 66 + "😀" + "ы" * 10, 7)
def test_parts_bring_the_whole_text_and_none_is_too_long(text: str, reference: int) -> None:
    parts = parts_of(text, LongTexts.UDH, 255, reference)
    coding = parts[0].data_coding
    if len(parts) == 1:
        assert parts[0].esm_class == 0
        assert decoded(parts[0].octets, coding) == text
        return
    whole = ""
    for number, part in enumerate(parts, 1):
        assert (part.data_coding, part.esm_class, part.payload) == (coding, UDHI, False)
        assert part.octets[:6] == bytes((5, 0, 3, reference, len(parts), number))
        assert len(part.octets) <= (6 + 153 if coding == DEFAULT_ALPHABET else 140)
        # Decoded by itself: no character is cut in two.
        whole += decoded(part.octets[6:], coding)
    assert whole == text


@pytest.mark.parametrize(("text", "count"), [("a" * 160, 1), ("a" * 161, 2), ("ы" * 70, 1), ("ы" * 71, 2)])
def test_how_many_parts_a_text_has(text: str, count: int) -> None:
    assert len(parts_of(text, LongTexts.UDH, 4, 0)) == count


def test_a_long_text_may_travel_in_one_payload() -> None:
    assert parts_of("ы" * 71, LongTexts.PAYLOAD, 4, 0) == (Part(("ы" * 71).encode("utf-16-be"), UCS2, payload=True),)
    assert parts_of("ы" * 70, LongTexts.PAYLOAD, 4, 0) == (Part(("ы" * 70).encode("utf-16-be"), UCS2),)


@pytest.mark.parametrize(
    ("text", "long_texts"),
    [("a" * 161, LongTexts.REFUSE), ("a" * 613, LongTexts.UDH), ("a" * 613, LongTexts.PAYLOAD)],
)
def test_a_text_that_is_too_long_is_refused(text: str, long_texts: LongTexts) -> None:
    with pytest.raises(TextRefusedError, match="expected at most 4"):
        parts_of(text, long_texts, 4, 0)
