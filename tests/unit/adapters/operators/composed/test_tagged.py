"""What is kept for a part leads back to it, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.adapters.operators.composed import tagged
from numseal.adapters.operators.composed.parts import Part
from numseal.adapters.operators.composed.tagged import Cursor, TooLongError

TAGS = st.text("abcXYZ019_-", min_size=4, max_size=4)


@given(TAGS, st.binary(max_size=1_019))
def test_a_challenge_comes_back_whole(tag: str, challenge: bytes) -> None:
    sealed = tagged.seal(tag, challenge)
    assert len(sealed) <= 1_024
    assert tagged.unseal(sealed) == (tag, challenge)


def test_a_challenge_has_an_end() -> None:
    with pytest.raises(TooLongError, match="has 1020 bytes, expected at most 1019"):
        tagged.seal("abcd", b"c" * 1_020)


@pytest.mark.parametrize("challenge", [b"", b"1", b"1abc", b"2abcdx", b"made up", b"1ab\xffdx"])
def test_what_is_no_challenge_of_ours_is_nobodys(challenge: bytes) -> None:
    assert tagged.unseal(challenge) == ("", b"")


@given(TAGS, st.text(max_size=300), st.sampled_from([64, 256]))
def test_names_of_parts_fit_and_stay_the_same(tag: str, name: str, most: int) -> None:
    told = tagged.told_apart(tag, name, most)
    assert told == tagged.told_apart(tag, name, most)
    assert len(told) <= most
    assert bool(told) == bool(name)
    assert told == f"{tag}:{name}" or len(f"{tag}:{name}") > most or not name


def test_long_names_stay_different() -> None:
    names = {tagged.told_apart("abcd", "n" * 60 + str(number), 64) for number in range(100)}
    assert len(names) == 100
    # A short name that looks like the hash of a long one is another name.
    hashed = tagged.told_apart("abcd", "n" * 64, 64)
    assert tagged.told_apart("abcd", hashed[5:], 64) != hashed


def test_a_watch_leads_back_and_has_an_end() -> None:
    assert tagged.watch_of(tagged.watch_name("abcd", "w:1")) == ("abcd", "w:1")
    assert len(tagged.watch_name("abcd", "w" * 123)) == 128
    with pytest.raises(TooLongError, match="has 124 characters, expected at most 123"):
        tagged.watch_name("abcd", "w" * 124)
    for other in ("", "abcd", "never-was", "abc:w"):
        assert tagged.watch_of(other) == ("", "")


CURSORS = st.builds(
    Cursor, st.one_of(st.just(""), TAGS), st.dictionaries(TAGS, st.text(min_size=1, max_size=90), max_size=4)
)


@given(CURSORS)
def test_a_cursor_comes_back_whole_or_is_too_long(cursor: Cursor) -> None:
    size = 5 + sum(5 + len(str(len(position))) + len(position) for position in cursor.positions.values())
    if size > 256:
        with pytest.raises(TooLongError, match=f"make {size} characters, expected at most 256"):
            cursor.text()
    else:
        assert len(cursor.text()) == size
        assert Cursor.of(cursor.text()) == cursor


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_an_error(text: str) -> None:
    for candidate in (text, f"1....{text}"):
        try:
            cursor = Cursor.of(candidate)
        except ValueError:
            continue
        assert Cursor.of(cursor.text()) == cursor


@pytest.mark.parametrize("text", ["", "7" * 32, "2....", "1...", "1....abcd", "1....abcd3.xy", "1....ab cd1.x"])
def test_what_is_no_cursor_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no cursor of a composed operator"):
        Cursor.of(text)


def test_tags_come_from_names_alone() -> None:
    names = [f"part-{number}" for number in range(200)]
    tags = [Part(name, None).tag for name in names]  # type: ignore[arg-type]
    assert len(set(tags)) == 200
    assert tags == [Part(name, None).tag for name in names]  # type: ignore[arg-type]
    assert Part("hlr", None).tag == "ERUe"  # type: ignore[arg-type]
    assert all(len(tag) == 4 and tag.isascii() and "." not in tag for tag in tags)
