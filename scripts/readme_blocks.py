"""Generate the pages' blocks from the code, and write or compare them. Called by scripts/readme.

Keys and defaults are noted while the configuration reader asks for them, so that none can be forgotten or outlive the
code; only the sentences stand here.
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from numseal.adapters.operators.camara.settings import Settings as CamaraSettings
from numseal.adapters.operators.osmo_hlr.settings import Settings as OsmoHlrSettings
from numseal.adapters.operators.remote.settings import Settings as RemoteSettings
from numseal.adapters.operators.smpp.settings import Settings as SmppSettings
from numseal.apps import config, config_reader
from numseal.apps.config_operators import read_operators
from numseal.apps.development import prepare_development
from numseal.domain.verification import mermaid

REQUIRED, NONE = "required", "none"

SECTIONS = (
    "listen",
    "store",
    "keys",
    "issuer",
    "policy",
    "limits",
    "number_plan",
    "client_networks",
    "monitoring",
    "simulator",
    "operators[]",
    "relying_parties[]",
    "administrators[]",
    "agreements[]",
)
"""The order of the table: from the server to whoever asks whom under which agreement."""

ADAPTERS: dict[str, tuple[type, dict[str, str]]] = {
    "remote": (RemoteSettings, {"token": "token_file", "statement_keys": "statement_keys_file"}),
    "smpp": (SmppSettings, {}),
    "osmo_hlr": (OsmoHlrSettings, {"": "reference_key_file"}),
    "camara": (CamaraSettings, {"": "private_key_file, seal_key_file"}),
}
"""Each adapter's settings, and the files that take a field's place or (without a field) are required besides."""

OPERATOR = """
[[operators]]
id = "example"
plmns = ["001-01"]
[[operators.parts]]
adapter = "remote"
address = "127.0.0.1:1"
tls = false
"""

DERIVED = {
    "relying_parties[].display_name": "its `id`",
    "relying_parties[].apps[].default_language": "the first of `texts`",
    "relying_parties[].policy": "that of `policy.file`",
    "relying_parties[].permissions.countries": "all",
    "client_networks.file": "the simulator's, or none",
    "relying_parties[].apps[].texts.LANGUAGE": "Numseal's own",
    "operators[].name": "its `id`",
    "operators[].parts[].name": "its `adapter`",
    "agreements[].methods": "all",
    "agreements[].signals": "all",
}
"""Defaults that depend on other keys."""

MEANINGS = {
    "listen.grpc": "where gRPC is served; loopback only without TLS",
    "listen.http": "where the public files are served; loopback only without TLS",
    "listen.tls_certificate": "PEM file of the server's certificate chain, for both listeners",
    "listen.tls_key": "PEM file of its key",
    "listen.client_ca": "PEM file of authorities; with it every gRPC client must show a certificate they signed",
    "store.path": "the SQLite file, made where it is missing",
    "store.cache_rows": "accounts whose bindings are kept in memory, 0 for none",
    "keys.attestation": "PEM file of the P-256 key that signs attestations",
    "keys.log": "PEM file of the Ed25519 key that signs checkpoints",
    "keys.master": "file of the 32 bytes under which numbers, accounts and evidence are sealed",
    "issuer.name": "the attestations' `iss`: an https URL, http on loopback only",
    "issuer.vct": "the attestations' `vct`: a URI that names their type",
    "issuer.log_origin": "the log's name, first line of every checkpoint",
    "policy.file": "a policy in place of the packaged one",
    "policy.further": "files of policies besides it, each known by its `name`",
    "limits.wrong_guesses_per_number_day": "wrong codes a relying party, number and day",
    "limits.sends_per_number_day": "codes a relying party, number and day",
    "limits.sends_per_relying_party_minute": "codes a relying party and minute",
    "limits.sends_per_relying_party_day": "codes a relying party and day",
    "limits.sends_per_range_day": "codes a relying party, range of 10,000 numbers and day: the spend cap",
    "limits.refreshes_per_binding_hour": "lookups that `RefreshBinding` makes of a binding in an hour",
    "limits.conversion_min_sends": "codes into a range of 10,000 on a day before its conversion counts",
    "limits.conversion_min_percent": "percent of a relying party's codes into a range that must come back that day",
    "limits.starts_per_client_network_hour": "verifications a relying party, client network (/24, /56) and hour",
    "limits.starts_per_relying_party_minute": "verifications a relying party and minute",
    "number_plan.porting_file": "ported numbers: CSV with number, operator, or first, last, operator; reread on SIGHUP",
    "number_plan.file": "a plan in place of the simulator's: CSV with the columns prefix, length, operator",
    "client_networks.file": "networks of clients' addresses: CSV with the columns prefix, country, kind, operator",
    "monitoring.watch": "whether operators are asked to send events about bound numbers",
    "monitoring.rechecks_per_operator_second": "scheduled lookups of bound numbers, at most, an operator and second",
    "simulator.enabled": "whether simulated operators answer",
    "simulator.seed": "draws the simulated subscribers; the same seed, the same subscribers",
    "relying_parties[].id": "1 to 64 of a-z, 0-9 and -",
    "relying_parties[].display_name": "for people",
    "relying_parties[].token_sha256": "SHA-256 of its bearer tokens, hex; this or a certificate is required",
    "relying_parties[].certificate_sha256": "SHA-256 fingerprints of its client certificates, hex",
    "relying_parties[].policy": "name of the policy its verifications are judged by",
    "relying_parties[].permissions.countries": "countries whose numbers it may verify, ISO 3166-1 alpha-2",
    "relying_parties[].permissions.blocked_ranges": "beginnings of numbers that it may not verify, such as `+7900`",
    "relying_parties[].apps[].id": "1 to 64 of a-z, 0-9 and -; the first app is the default",
    "relying_parties[].apps[].sender_id": "whom a message comes from: 1 to 15 printable ASCII characters",
    "relying_parties[].apps[].default_language": "the text for locales that have none",
    "relying_parties[].apps[].texts.LANGUAGE": "what a message says in a language, `{{code}}` once; fits one SMS",
    "relying_parties[].apps[].network_redirect_uri": "where operators' pages return clients to; network proof needs it",
    "relying_parties[].apps[].origin": "host for WebOTP",
    "relying_parties[].apps[].android_hash": "the 11 characters of the SMS Retriever",
    "operators[].id": "1 to 64 of a-z, 0-9 and -; the number plan's name for it",
    "operators[].name": "for people",
    "operators[].country": "ISO 3166-1 alpha-2",
    "operators[].plmns": "its networks, such as `250-01`; virtual operators may share them",
    "operators[].max_in_flight": "calls that may be under way there at once",
    "operators[].before_timeout": "seconds that each of several parts has for a lookup before a code, below 1.5",
    "operators[].after_timeout": "the same from then on, below 3",
    "operators[].parts[].adapter": "remote, smpp, osmo_hlr, camara, or an installed package's",
    "operators[].parts[].name": "what evidence names as the source",
    "administrators[].id": "1 to 64 of a-z, 0-9 and -; a suspension takes two of them",
    "administrators[].token_sha256": "SHA-256 of its bearer tokens, hex; this or a certificate is required",
    "administrators[].certificate_sha256": "SHA-256 fingerprints of its client certificates, hex",
    "agreements[].methods": "methods that it covers",
    "agreements[].signals": "signals that it covers; others are not asked for",
    "agreements[].daily_verifications": "verifications a day (UTC), 0 for no limit",
    "agreements[].calls_per_second": "calls to the operator a second, 0 for no limit",
    "agreements[].daily_cost_cap_micros": "cost a day in millionths of `currency`, by announced prices; 0 for no cap",
    "agreements[].currency": "ISO 4217; required with a cap",
    "agreements[].offer_uri": "where the public offer is that it rests on",
    "agreements[].offer_sha256": "SHA-256 of the offer, hex; required with `offer_uri`",
    "agreements[].offer_approval_reference": "reference to the offer's approval",
    "agreements[].consent_purpose": "purpose that a verification's consent reference must be for",
    "agreements[].notification_reference": "reference to the regulator's notification",
    "agreements[].id": "1 to 64 of a-z, 0-9 and -",
    "agreements[].relying_party": "for whom operators may be asked",
    "agreements[].operators": "who may be asked, ids of the number plan",
    "agreements[].valid_from": "a date (its beginning, UTC) or a time with offset",
    "agreements[].valid_until": "likewise, itself not included",
}

_asked: dict[str, str] = {}
_expected: list[tuple[config_reader.Table, str]] = []


def _note(table: config_reader.Table, key: str, default: Any) -> None:
    """Note a key and its default as the table shows them; the first asking counts."""
    name = re.sub(r"\[\d+\]", "[]", table.name(key))
    name = re.sub(r"\.texts\..+", ".texts.LANGUAGE", name)
    if default is None:
        shown = REQUIRED
    elif default in {"", NONE}:
        shown = NONE
    else:
        shown = f"`{str(default).lower() if isinstance(default, bool) else default}`"
    _asked.setdefault(name, DERIVED.get(name, shown))


class NotingTable(config_reader.Table):
    """A configuration table that notes what it is asked for."""

    def text(self, key: str, default: str | None = None, **options: Any) -> str:
        _note(self, key, default)
        return super().text(key, default, **options)

    def integer(self, key: str, default: int | None = None, **options: Any) -> int:
        _note(self, key, default)
        return super().integer(key, default, **options)

    def flag(self, key: str, *, default: bool) -> bool:
        _note(self, key, default)
        return super().flag(key, default=default)

    def texts(self, key: str, **options: Any) -> tuple[str, ...]:
        # An empty list of operators is refused by the reader of agreements, one of networks by that of operators.
        _note(self, key, None if key in {"operators", "plmns"} else NONE)
        return super().texts(key, **options)

    def number(self, key: str, default: float | None = None, **options: Any) -> float:
        _note(self, key, default)
        return super().number(key, default, **options)

    def expect(self, key: str) -> None:
        _expected.append((self, key))
        super().expect(key)

    def moment(self, key: str) -> int:
        _note(self, key, None)
        return super().moment(key)

    def optional_file(self, key: str) -> Path | None:
        _note(self, key, NONE)
        return super().optional_file(key)


def _ask_for_everything() -> None:
    """Have the reader ask for every key: of the development's configuration, and of an operator that is reached."""
    config_reader.Table = config.Table = NotingTable  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as directory:
        prepare_development(Path(directory) / "data")
        path = Path(directory) / "operator.toml"
        path.write_text(OPERATOR, encoding="utf-8")
        read_operators(NotingTable(path, "", config_reader.read_toml(path, "configuration")).tables("operators"))
    for table, key in _expected:
        # Where a key is read too, what is read then says more.
        _note(table, key, NONE)
    parts = "operators[].parts[]."
    for key in [key for key in _asked if key.startswith(parts) and key not in {f"{parts}adapter", f"{parts}name"}]:
        del _asked[key]


def configuration() -> str:
    """Return the table of keys; raises ValueError where sentences and keys do not fit together."""
    _ask_for_everything()
    if _asked.keys() != MEANINGS.keys():
        others = sorted(_asked.keys() ^ MEANINGS.keys())
        raise ValueError(f"scripts/readme_blocks.py: keys and sentences differ: {others}")
    keys = sorted(_asked, key=_place)
    rows = [f"| `{key}` | {_asked[key]} | {MEANINGS[key]} |" for key in keys]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows]) + "\n"


def _place(key: str) -> tuple[int, str, bool]:
    """Say where a key stands: by section, then table by table, each with its id first, then as the reader asks."""
    table, _, name = key.rpartition(".")
    return SECTIONS.index(key.split(".", maxsplit=1)[0]), table, name != "id"


def adapters() -> str:
    """Return each adapter's keys with their defaults, and where their meanings stand."""
    sections = []
    for name, (kind, files) in ADAPTERS.items():
        source = f"../adapters/operators/{name}/settings.py"
        rows = [f"| `{key}` | {default} |" for key, default in _keys(kind, "", files)]
        rows += [f"| `{key}` | required |" for key in files.get("", "").split(", ") if key]
        head = [f"### `{name}`", "", f"What each means and may be: [`settings.py`]({source}).", ""]
        sections.append("\n".join([*head, "| key | default |", "|---|---|", *rows]))
    return "\n\n".join(sections) + "\n"


def _keys(kind: Any, before: str, files: dict[str, str]) -> Iterator[tuple[str, str]]:
    hints = get_type_hints(kind)
    for item in fields(kind):
        hint = hints[item.name]
        inner = get_args(hint)
        if is_dataclass(hint):
            yield from _keys(hint, f"{before}{item.name}.", {})
        elif inner and is_dataclass(inner[0]):
            yield from _keys(inner[0], f"{before}{item.name}[].", {})
        else:
            key = files.get(item.name, f"{item.name}_file" if hint is bytes else item.name)
            yield before + key, _default(item.default, item.default_factory)


def _default(value: Any, factory: Any) -> str:
    if value is MISSING and factory is MISSING:
        return REQUIRED
    if value is MISSING or value in ("", b"", ()):
        return NONE
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


PAGES = {
    "README.md": {"states": lambda: f"```mermaid\n{mermaid()}```\n"},
    "src/numseal/apps/CONFIGURATION.md": {"configuration": configuration, "adapters": adapters},
}
"""The pages with generated blocks."""


def filled(name: str, text: str) -> str:
    """Return a page with its blocks as the code gives them."""
    for block, made in PAGES[name].items():
        pattern = re.compile(rf"(<!-- {block} -->\n).*?(<!-- /{block} -->\n)", re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise ValueError(f"{name}: <!-- {block} --> … <!-- /{block} --> must stand in it once")
        content = made()
        text = pattern.sub(lambda found, content=content: found[1] + content + found[2], text)
    return text


def main(root: str, *options: str) -> int:
    """Write or compare; return the exit code."""
    if options not in {(), ("--check",)}:
        print("usage: scripts/readme [--check]", file=sys.stderr)
        return 2
    stale = 0
    for name in PAGES:
        path = Path(root) / name
        text = path.read_text(encoding="utf-8")
        try:
            wanted = filled(name, text)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
        if not options:
            path.write_text(wanted, encoding="utf-8")
        elif text != wanted:
            print(f"{name}: its generated blocks are not what the code gives; run scripts/readme", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
