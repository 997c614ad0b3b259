"""Numseal's own texts for codes, by language, for apps that registered none. Data and its reader; pure.

Each is short enough to travel as one short message with an app's autofill lines, in Cyrillic too; a test holds them to
it. Where TS 23.038's default alphabet lacks a letter of the language, words without it were chosen: one such letter
halves what a message holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from numseal.domain import otp, short_message

DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class CodeText:
    """One language's texts, `{{code}}` once in each: `full` says not to pass it on, `brief` just tells it."""

    full: str
    brief: str


TEXTS: Mapping[str, CodeText] = {
    "ar": CodeText("{{code}} هو رمزك. لا تشاركه مع أحد.", "رمزك: {{code}}"),
    "de": CodeText(
        "{{code}} ist Ihr Code. Geben Sie ihn niemandem weiter.",  # codespell:ignore
        "{{code}} ist Ihr Code.",  # codespell:ignore
    ),
    "en": CodeText("{{code}} is your code. Do not share it with anyone.", "{{code}} is your code."),
    "es": CodeText("{{code}} es su clave. No la comparta con nadie.", "{{code}} es su clave."),
    "fr": CodeText("{{code}} est votre code. Ne le donnez à personne.", "{{code}} est votre code."),
    "hi": CodeText("{{code}} आपका कोड है। इसे किसी को न बताएं।", "कोड: {{code}}"),
    "kk": CodeText("{{code}} — кодыңыз. Оны ешкімге айтпаңыз.", "{{code}} — кодыңыз"),
    "pt": CodeText("{{code}} é a sua senha. Nunca a passe a outra pessoa.", "{{code}} é a sua senha."),
    "ru": CodeText("{{code}} — ваш код. Никому его не сообщайте.", "{{code}} — ваш код"),
    "tr": CodeText("Kodunuz {{code}}. Onu kimseye vermeyin.", "Kodunuz {{code}}."),
    "uk": CodeText("{{code}} — ваш код. Нікому його не кажіть.", "{{code}} — ваш код"),
    "zh": CodeText("{{code}} 是您的验证码，请勿告诉他人。", "验证码：{{code}}"),
}
"""The texts by language (BCP 47 primary tag)."""


def language_of(locale: str) -> str:
    """Return the language that a locale such as "pt-BR" or "pt_BR" is told in: its own, or DEFAULT_LANGUAGE."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return language if language in TEXTS else DEFAULT_LANGUAGE


def text_of(language: str, autofill: str = "") -> str:
    """Return a text that fits one short message with the autofill lines, which follow it as they are.

    `autofill` begins with its own line break and may hold `{{code}}`; it is not part of what is returned. The brief
    text is returned too where it does not fit either: then the origin is longer than any text could leave room for.
    """
    texts = TEXTS[language]
    size, most = short_message.length(otp.message(texts.full + autofill, "0" * otp.DIGITS))
    return texts.full if size <= most else texts.brief


def texts_for(autofill: str = "") -> dict[str, str]:
    """Return a text for every language, each with `{{code}}` in it."""
    return {language: text_of(language, autofill) for language in TEXTS}
