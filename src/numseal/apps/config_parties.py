"""The relying parties of the configuration file, their apps and credentials."""

import re
from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass

from numseal.apps.addresses import is_web_address
from numseal.apps.config_reader import ConfigError, Table
from numseal.domain import code_texts, otp, short_message
from numseal.domain.permissions import COUNTRIES, Permissions
from numseal.domain.relying_party import App, RelyingParty, autofill_lines

ID = r"[a-z0-9-]{1,64}"
ID_EXPECTED = "1 to 64 characters of a-z, 0-9 and -"
_SHA256 = r"[0-9a-f]{64}"
_FINGERPRINT = r"[0-9A-Fa-f]{64}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}"
_LANGUAGE = r"[a-z]{2,3}"
_PLACEHOLDER = "{{code}}"
_MAX_ADDRESS = 2_048


@dataclass(frozen=True, slots=True)
class RegisteredParty:
    """A relying party and how it shows who it is.

    Both are sets of lowercase hex SHA-256: of bearer tokens' UTF-8 text, and of client certificates' DER.
    """

    party: RelyingParty
    token_sha256: frozenset[str]
    certificate_sha256: frozenset[str]


def read_parties(
    tables: list[Table], policies: Collection[str], holders: dict[str, str], *, client_certificates: bool
) -> tuple[RegisteredParty, ...]:
    """Read [[relying_parties]]; `policies` are the names there are, `holders` who holds which credential.

    `client_certificates` tells whether clients can show any.
    """
    parties: dict[str, RegisteredParty] = {}
    for table in tables:
        registered = _party(table, policies, client_certificates=client_certificates)
        name = registered.party.relying_party
        once(table, name, parties)
        hold_credentials(table, name, registered.token_sha256 | registered.certificate_sha256, holders)
        parties[name] = registered
    return tuple(parties.values())


def read_credentials(table: Table, *, client_certificates: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Read how somebody shows who it is: hashes of tokens, and fingerprints of certificates."""
    tokens = table.texts(
        "token_sha256", pattern=_SHA256, expected="a SHA-256 in 64 lowercase hexadecimal digits", secret=True
    )
    certificates = table.texts(
        "certificate_sha256", pattern=_FINGERPRINT, expected="a SHA-256 fingerprint in hexadecimal"
    )
    if certificates and not client_certificates:
        raise table.error("certificate_sha256", "a fingerprint", "listen.client_ca to be set, or none here")
    if not tokens and not certificates:
        raise table.error("token_sha256", "nothing", "the hash of a token here, or a fingerprint in certificate_sha256")
    return frozenset(tokens), frozenset(fingerprint.replace(":", "").lower() for fingerprint in certificates)


def hold_credentials(table: Table, name: str, credentials: Iterable[str], holders: dict[str, str]) -> None:
    """Note who holds credentials; refuse those that somebody else holds."""
    for credential in credentials:
        if credential in holders:
            raise ConfigError(
                f"{table.file}: {table.path}: shares a token or certificate with {holders[credential]}, "
                "expected credentials of its own"
            )
        holders[credential] = name


def _party(table: Table, policies: Collection[str], *, client_certificates: bool) -> RegisteredParty:
    name = table.text("id", pattern=ID, expected=ID_EXPECTED)
    display_name = table.text("display_name", name, pattern=".{1,100}", expected="1 to 100 characters")
    tokens, certificates = read_credentials(table, client_certificates=client_certificates)
    policy = table.text("policy", "", expected="the name of a policy")
    if policy and policy not in policies:
        raise table.error("policy", repr(policy), f"one of {listed(policies)}")
    permissions = _permissions(table.table("permissions"))
    apps: dict[str, App] = {}
    for app_table in table.tables("apps"):
        app = _app(app_table)
        once(app_table, app.app_id, apps)
        apps[app.app_id] = app
    if not apps:
        raise table.error("apps", "nothing", "at least one [[relying_parties.apps]]")
    table.close()
    return RegisteredParty(
        RelyingParty(name, display_name, tuple(apps.values()), policy, permissions),
        tokens,
        certificates,
    )


def _permissions(table: Table) -> Permissions:
    expected = "an ISO 3166-1 alpha-2 code in capitals, such as RU"
    countries = table.texts("countries", pattern="[A-Z]{2}", expected=expected)
    if "countries" in table.keys() and not countries:  # noqa: SIM118 - not a mapping
        raise table.error("countries", "no country", "at least one, or no such key where all are permitted")
    for country in countries:
        if country not in COUNTRIES:
            raise table.error("countries", repr(country), expected)
    blocked = table.texts(
        "blocked_ranges", pattern=r"\+[1-9][0-9]{0,14}", expected="the beginning of numbers, such as +7900"
    )
    table.close()
    return Permissions(frozenset(countries), blocked)


def _app(table: Table) -> App:
    """Read an app; one that gives no texts gets Numseal's own."""
    origin = table.text("origin", "", pattern=r"[a-z0-9-]+(\.[a-z0-9-]+)*", expected="a host such as example.org")
    android_hash = table.text(
        "android_hash", "", pattern="[A-Za-z0-9+/]{11}", expected="the 11 characters of the SMS Retriever hash"
    )
    texts_table = table.table("texts")
    texts = _texts(texts_table) or code_texts.texts_for(autofill_lines(origin, android_hash))
    first = next(iter(texts)) if texts_table.keys() else code_texts.DEFAULT_LANGUAGE
    default_language = table.text("default_language", first)
    if default_language not in texts:
        raise table.error("default_language", repr(default_language), f"one of {listed(texts)}")
    app = App(
        app_id=table.text("id", pattern=ID, expected=ID_EXPECTED),
        sender_id=table.text("sender_id", pattern="[ -~]{1,15}", expected="1 to 15 printable ASCII characters"),
        texts=texts,
        default_language=default_language,
        origin=origin,
        android_hash=android_hash,
        network_redirect_uri=_redirect_uri(table),
    )
    table.close()
    for language in texts:
        _check_text(texts_table, app, language)
    return app


def _texts(table: Table) -> dict[str, str]:
    texts = {}
    for language in table.keys():  # noqa: SIM118 - not a mapping
        if not re.fullmatch(_LANGUAGE, language):
            raise table.error(language, repr(language), 'a language as the key, such as "en"')
        texts[language] = table.text(language, pattern="(?s).+")
    return texts


def _redirect_uri(table: Table) -> str:
    """Return where an operator's page returns a client to; without a fragment (RFC 6749 §3.1.2)."""
    expected = f"an https URL of at most {_MAX_ADDRESS} characters without fragment (http on loopback only)"
    return table.text(
        "network_redirect_uri",
        "",
        pattern=f".{{1,{_MAX_ADDRESS}}}",
        fits=lambda text: is_web_address(text, query=True),
        expected=expected,
    )


def _check_text(table: Table, app: App, language: str) -> None:
    """Refuse a text without one place for the code, or that needs a second message with its autofill lines."""
    count = app.texts[language].count(_PLACEHOLDER)
    if count != 1:
        raise table.error(language, f"{_PLACEHOLDER} {count} times", f"{_PLACEHOLDER} once")
    sent = otp.message(app.text(language)[1], "0" * otp.DIGITS)
    size, most = short_message.length(sent)
    if size > most:
        raise table.error(
            language, f"{size} units of text, code and autofill lines included", f"at most {most}, to fit one SMS"
        )


def once(table: Table, name: str, known: Container[str]) -> None:
    """Refuse an id that is known already."""
    if name in known:
        raise table.error("id", f"{name!r} a second time", "an id of its own")


def listed(names: Iterable[str]) -> str:
    """Return names for a sentence."""
    return ", ".join(sorted(names)) or "none: there is none"
