"""Every text of ours is one short message, whatever an app's autofill lines are."""

import re

import pytest

from numseal.domain import otp, short_message
from numseal.domain.code_texts import DEFAULT_LANGUAGE, TEXTS, CodeText, language_of, text_of, texts_for
from numseal.domain.relying_party import App

ANDROID_HASH = "FA+9qCX9VSu"
ORIGIN = "signup.of.messenger.example.org"
LINES = {
    "none": ("", ""),
    "android": (ANDROID_HASH, ""),
    "origin": ("", ORIGIN),
    "both": (ANDROID_HASH, ORIGIN),
}
LANGUAGES = {"ar", "de", "en", "es", "fr", "hi", "kk", "pt", "ru", "tr", "uk", "zh"}


def lines_of(android_hash: str, origin: str) -> str:
    """Return what `App.text` puts behind a text."""
    bare = App("app", "Sender", {"en": ""}, "en", origin=origin, android_hash=android_hash)
    return bare.text("en")[1]


def test_the_longest_lines_are_as_long_as_promised() -> None:
    lines = otp.message(lines_of(ANDROID_HASH, ORIGIN), "123456").split("\n")
    assert [len(line) for line in lines] == [0, 11, 40]


def test_the_languages() -> None:
    assert set(TEXTS) == LANGUAGES
    assert DEFAULT_LANGUAGE in TEXTS


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
@pytest.mark.parametrize("language", sorted(TEXTS))
def test_a_text_is_one_short_message_with_its_lines(language: str, lines: tuple[str, str]) -> None:
    android_hash, origin = lines
    text = text_of(language, lines_of(*lines))
    app = App("app", "Sender", {language: text}, language, origin=origin, android_hash=android_hash)
    sent = otp.message(app.text(language)[1], "123456")
    size, most = short_message.length(sent)
    assert size <= most
    assert most == (160 if language in {"de", "en", "es", "fr", "pt", "tr"} else 70)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_has_its_code_once_and_no_other_digits(text: CodeText) -> None:
    for one in (text.full, text.brief):
        assert one.count(otp.PLACEHOLDER) == 1
        assert not re.search(r"\d", one)
        assert "\n" not in one
        assert "@" not in one
        assert "#" not in one
    assert len(text.brief) < len(text.full)


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_the_full_text_is_used_where_there_is_room(language: str) -> None:
    assert text_of(language) == TEXTS[language].full


def test_the_brief_text_is_used_where_there_is_none() -> None:
    lines = lines_of(ANDROID_HASH, ORIGIN)
    assert text_of("ru", lines) == TEXTS["ru"].brief
    assert text_of("en", lines) == TEXTS["en"].full
    assert text_of("ru", lines_of("", "x" * 200)) == TEXTS["ru"].brief


def test_texts_for_all_languages_at_once() -> None:
    lines = lines_of(ANDROID_HASH, ORIGIN)
    assert texts_for(lines) == {language: text_of(language, lines) for language in TEXTS}
    assert texts_for() == {language: text.full for language, text in TEXTS.items()}


@pytest.mark.parametrize(
    ("locale", "language"),
    [("pt-BR", "pt"), ("pt_BR", "pt"), ("RU", "ru"), ("zh-Hant-TW", "zh"), ("xx", "en"), ("", "en")],
)
def test_the_language_of_a_locale(locale: str, language: str) -> None:
    assert language_of(locale) == language
