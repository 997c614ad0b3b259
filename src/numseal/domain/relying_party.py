"""Relying parties: the messengers that ask, and the apps they registered."""

from collections.abc import Mapping
from dataclasses import dataclass

from numseal.domain.permissions import EVERYTHING, Permissions


@dataclass(frozen=True, slots=True)
class App:
    """A registered app: who a code's message comes from and what it says.

    `texts` maps a language (BCP 47 primary tag) to a text with `{{code}}` in it. `origin` (WebOTP) and `android_hash`
    (SMS Retriever) are empty where the app does not fill codes in by itself. `network_redirect_uri` is where an
    operator's network page returns the client to, empty where the app is not offered network proof.
    """

    app_id: str
    sender_id: str
    texts: Mapping[str, str]
    default_language: str
    origin: str = ""
    android_hash: str = ""
    network_redirect_uri: str = ""

    def text(self, locale: str) -> tuple[str, str]:
        """Return language and text for a locale, or those of the default language; autofill lines included."""
        language = locale.replace("_", "-").split("-")[0].lower()
        if language not in self.texts:
            language = self.default_language
        return language, self.texts[language] + autofill_lines(self.origin, self.android_hash)


def autofill_lines(origin: str, android_hash: str) -> str:
    """Return the lines by which a handset finds a code's app, each with its line break before it; either may be empty.

    The WebOTP line is the last one (WICG origin-bound one-time codes §2).
    """
    hash_line = f"\n{android_hash}" if android_hash else ""
    return hash_line + (f"\n@{origin} #{{{{code}}}}" if origin else "")


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """A messenger under agreement; the first of its apps is the default one.

    `policy` names the policy that its verifications are judged by, empty for the default one.
    """

    relying_party: str
    display_name: str
    apps: tuple[App, ...]
    policy: str = ""
    permissions: Permissions = EVERYTHING

    def app(self, app_id: str) -> App | None:
        """Return a registered app, the default one for an empty id."""
        if not app_id:
            return self.apps[0]
        return next((app for app in self.apps if app.app_id == app_id), None)
