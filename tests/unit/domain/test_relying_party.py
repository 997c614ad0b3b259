import pytest

from numseal.domain.permissions import EVERYTHING
from numseal.domain.relying_party import App, RelyingParty

APP = App("demo", "Demo", {"en": "{{code}} is it", "ru": "код {{code}}"}, "en")


@pytest.mark.parametrize(
    ("locale", "language"),
    [("ru", "ru"), ("ru-RU", "ru"), ("ru_RU", "ru"), ("RU", "ru"), ("en-GB", "en"), ("de", "en"), ("", "en")],
)
def test_a_text_is_in_the_locales_language_or_the_default_one(locale: str, language: str) -> None:
    assert APP.text(locale) == (language, APP.texts[language])


def test_autofill_lines_follow_the_text_webotp_last() -> None:
    app = App("demo", "Demo", {"en": "{{code}} is it"}, "en", origin="example.org", android_hash="FA+9qCX9VSu")
    assert app.text("en")[1] == "{{code}} is it\nFA+9qCX9VSu\n@example.org #{{code}}"


def test_the_first_app_is_the_default_one() -> None:
    other = App("other", "Other", APP.texts, "en")
    party = RelyingParty("messenger", "Messenger", (APP, other))
    assert party.app("") is APP
    assert party.app("other") is other
    assert party.app("third") is None


def test_what_is_not_registered_is_neither_offered_nor_forbidden() -> None:
    party = RelyingParty("messenger", "Messenger", (APP,))
    assert (party.policy, party.permissions) == ("", EVERYTHING)
    assert APP.network_redirect_uri == ""
