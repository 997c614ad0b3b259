"""Reading the configuration: what a small file means, and a sentence for everything that can be wrong with one."""

import json
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from numseal.apps.config import Address, Config, ConfigError, MonitoringConfig, load_config
from numseal.domain import code_texts
from numseal.domain.agreement import Agreement
from numseal.domain.evidence import ClientNetwork, NetworkKind
from numseal.domain.limits import Limits
from numseal.domain.permissions import EVERYTHING, Permissions

TOKEN = "0" * 64
OTHER_TOKEN = "1" * 64
FINGERPRINT = ":".join(["AB"] * 32)

SMALL = f"""
[issuer]
name = "https://numseal.example"
vct = "https://numseal.example/phone-number"
log_origin = "numseal.example/log"

[simulator]
enabled = true

[[relying_parties]]
id = "messenger"
token_sha256 = ["{TOKEN}"]

[[relying_parties.apps]]
id = "app"
sender_id = "Messenger"
texts = {{ en = "{{{{code}}}} is your code" }}

[[agreements]]
id = "a1"
relying_party = "messenger"
operators = ["mts", "megafon"]
valid_from = 2026-01-01
valid_until = 2027-01-01T03:00:00+03:00
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "numseal.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def replaced(file: Path, old: str, new: str) -> Path:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    return file


def appended(file: Path, text: str) -> Path:
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
    return file


def refusal(file: Path, **addresses: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(file, **addresses)
    return str(caught.value)


def test_a_small_file_and_what_holds_without_saying(file: Path) -> None:
    config = load_config(file)
    assert isinstance(config, Config)
    assert (config.listen.grpc, config.listen.http) == (Address("127.0.0.1", 50051), Address("127.0.0.1", 8080))
    assert config.listen.tls is None
    assert (config.store.path, config.store.cache_rows) == (file.parent / "numseal.db", 100_000)
    assert config.keys.attestation == file.parent / "keys/attestation.pem"
    assert config.keys.log == file.parent / "keys/log.pem"
    assert config.keys.master == file.parent / "keys/master.key"
    assert config.issuer.log_origin == "numseal.example/log"
    assert config.policy.name == "numseal-default"
    assert config.limits == Limits()
    assert config.plan.owner("+79161234567") == "mts"
    assert (config.simulator.enabled, config.simulator.seed) == (True, 1)
    assert config.agreements == (
        Agreement("a1-mts", "messenger", "mts", 1_767_225_600, 1_798_761_600),
        Agreement("a1-megafon", "messenger", "megafon", 1_767_225_600, 1_798_761_600),
    )
    (registered,) = config.relying_parties
    assert (registered.token_sha256, registered.certificate_sha256) == (frozenset({TOKEN}), frozenset())
    assert (registered.party.display_name, registered.party.apps[0].default_language) == ("messenger", "en")


def test_every_limit_is_a_key(file: Path) -> None:
    values = {item.name: number for number, item in enumerate(fields(Limits))}
    appended(file, "[limits]\n" + "\n".join(f"{name} = {value}" for name, value in values.items()))
    assert load_config(file).limits == Limits(**values)


def test_options_take_the_place_of_the_files_addresses(file: Path) -> None:
    listen = load_config(file, grpc="[::1]:0", http="localhost:1").listen
    assert (str(listen.grpc), str(listen.http)) == ("[::1]:0", "localhost:1")
    assert "listen.grpc: found 0.0.0.0:1 without TLS" in refusal(file, grpc="0.0.0.0:1")


def tls_files(file: Path) -> str:
    for name in ("c.pem", "k.pem", "ca.pem"):
        (file.parent / name).write_text("PEM")
    return '[listen]\ngrpc = "0.0.0.0:443"\ntls_certificate = "c.pem"\ntls_key = "k.pem"\nclient_ca = "ca.pem"\n'


def test_tls_opens_other_addresses_and_client_certificates(file: Path) -> None:
    appended(file, tls_files(file))
    replaced(file, f'token_sha256 = ["{TOKEN}"]', f'certificate_sha256 = ["{FINGERPRINT}"]')
    config = load_config(file)
    tls = config.listen.tls
    assert tls is not None
    assert (tls.certificate, tls.key, tls.client_ca) == tuple(file.parent / n for n in ("c.pem", "k.pem", "ca.pem"))
    assert config.relying_parties[0].certificate_sha256 == {"ab" * 32}


def test_another_policy_and_plan(file: Path) -> None:
    (file.parent / "plan.csv").write_text("prefix,length,operator\n+7916,11,mts\n+7926,11,megafon\n")
    appended(file, '[number_plan]\nfile = "plan.csv"\n')
    assert load_config(file).plan.operators() == {"mts", "megafon"}
    policy_file(file, "policy.toml", "x")
    appended(file, '[policy]\nfile = "policy.toml"\n')
    config = load_config(file)
    assert (config.policy.name, set(config.policies)) == ("x", {"x"})
    replaced(file.parent / "policy.toml", "[rules.LINE_NOT_MOBILE]", "[rules.LINE_NOT_MOBILES]")
    assert refusal(file).startswith(f"{file.parent / 'policy.toml'}: rules")


def policy_file(file: Path, name: str, policy: str) -> Path:
    """Write the packaged policy under another name beside the configuration."""
    packaged = resources.files("numseal.apps").joinpath("data", "policy.toml").read_text(encoding="utf-8")
    path = file.parent / name
    path.write_text(packaged.replace('name = "numseal-default"', f'name = "{policy}"'), encoding="utf-8")
    return path


def test_relying_parties_name_their_policies(file: Path) -> None:
    policy_file(file, "strict.toml", "strict")
    replaced(file, "[issuer]", '[policy]\nfurther = ["strict.toml"]\n[issuer]')
    replaced(file, 'id = "messenger"', 'id = "messenger"\npolicy = "strict"')
    config = load_config(appended(file, second_party()))
    assert set(config.policies) == {"numseal-default", "strict"}
    assert config.policies["numseal-default"] is config.policy
    assert [known.party.policy for known in config.relying_parties] == ["strict", ""]


def test_a_policy_that_nobody_wrote_is_refused_with_those_there_are(file: Path) -> None:
    policy_file(file, "strict.toml", "strict")
    replaced(file, "[issuer]", '[policy]\nfurther = ["strict.toml"]\n[issuer]')
    replaced(file, 'id = "messenger"', 'id = "messenger"\npolicy = "strickt"')
    assert refusal(file) == (
        f"{file}: relying_parties[1].policy: found 'strickt', expected one of numseal-default, strict"
    )


def test_two_policies_of_one_name_are_refused(file: Path) -> None:
    other = policy_file(file, "other.toml", "numseal-default")
    replaced(file, "[issuer]", '[policy]\nfurther = ["other.toml"]\n[issuer]')
    assert refusal(file) == (
        f"{file}: policy.further: found {other}, a second policy named 'numseal-default', "
        "expected policies with names of their own"
    )
    other.write_text("name = 7")
    assert refusal(file).startswith(f"{other}: name: 7 is not")


def test_client_networks_are_the_simulators_a_files_or_none(file: Path) -> None:
    simulated = ClientNetwork("RU", NetworkKind.MOBILE, "mts")
    assert load_config(file).client_networks.find("100.64.0.1") == simulated
    networks = file.parent / "networks.csv"
    networks.write_text("prefix,country,kind,operator\n192.0.2.0/24,DE,FIXED,\n198.18.0.0/16,RU,MOBILE,megafon\n")
    replaced(file, "[issuer]", '[client_networks]\nfile = "networks.csv"\n[issuer]')
    known = load_config(file).client_networks
    assert known.find("192.0.2.1") == ClientNetwork("DE", NetworkKind.FIXED)
    assert known.find("100.64.0.1") is None
    networks.write_text("prefix,country,kind,operator\n192.0.2.0/24,DE,MOBILE,nobody\n")
    assert f"client_networks.file: found the operator nobody in {networks}, expected those of the" in refusal(file)
    networks.write_text("prefix,country,kind,operator\n192.0.2.0/8,DE,FIXED,\n")
    assert refusal(file).startswith(f"{networks}: line 2, column prefix: expected a prefix without host bits")
    networks.write_bytes(b"\xff")
    assert refusal(file).startswith(f"{networks}: 'utf-8' codec can't decode")


def test_without_the_simulator_no_client_network_is_known(file: Path) -> None:
    (file.parent / "plan.csv").write_text("prefix,length,operator\n+7916,11,mts\n+7926,11,megafon\n")
    appended(file, '[number_plan]\nfile = "plan.csv"\n')
    replaced(file, "enabled = true", "enabled = false")
    assert load_config(file).client_networks.operators() == set()


def test_how_bindings_are_followed(file: Path) -> None:
    assert load_config(file).monitoring == MonitoringConfig(watch=True, rechecks_per_operator_second=20)
    appended(file, "[monitoring]\nwatch = false\nrechecks_per_operator_second = 1\n")
    assert load_config(file).monitoring == MonitoringConfig(watch=False, rechecks_per_operator_second=1)


def test_permissions_are_a_relying_partys(file: Path) -> None:
    (registered,) = load_config(file).relying_parties
    assert registered.party.permissions == EVERYTHING
    permissions = 'countries = ["RU", "DE"]\nblocked_ranges = ["+7900", "+49"]'
    replaced(
        file, "[[relying_parties.apps]]", f"[relying_parties.permissions]\n{permissions}\n[[relying_parties.apps]]"
    )
    (registered,) = load_config(file).relying_parties
    assert registered.party.permissions == Permissions(frozenset({"RU", "DE"}), ("+7900", "+49"))


@pytest.mark.parametrize(
    ("permissions", "sentence"),
    [
        ("countries = []", "permissions.countries: found no country, expected at least one, or no such key"),
        ('countries = ["ru"]', "permissions.countries: found 'ru', expected an ISO 3166-1 alpha-2 code"),
        ('countries = ["XX"]', "permissions.countries: found 'XX', expected an ISO 3166-1 alpha-2 code"),
        ('blocked_ranges = ["7900"]', "permissions.blocked_ranges: found '7900', expected the beginning"),
        ('blocked_ranges = "+7900"', "permissions.blocked_ranges: found '+7900', expected a list"),
        ('blocked_ranges = ["+"]', "permissions.blocked_ranges: found '+', expected the beginning"),
        ('line_types = ["MOBILE"]', "permissions.line_types: no such key, expected one of countries, blocked_ranges"),
    ],
)
def test_permissions_that_cannot_be_are_refused(file: Path, permissions: str, sentence: str) -> None:
    replaced(
        file, "[[relying_parties.apps]]", f"[relying_parties.permissions]\n{permissions}\n[[relying_parties.apps]]"
    )
    assert sentence in refusal(file)


@pytest.mark.parametrize("address", ["https://demo.example/numseal?x=1", "http://127.0.0.1:8080/", "http://[::1]/a"])
def test_where_a_network_page_returns_to(file: Path, address: str) -> None:
    (registered,) = load_config(file).relying_parties
    assert registered.party.apps[0].network_redirect_uri == ""
    replaced(file, 'id = "app"', f'id = "app"\nnetwork_redirect_uri = "{address}"')
    (registered,) = load_config(file).relying_parties
    assert registered.party.apps[0].network_redirect_uri == address


def test_a_plan_without_the_simulator_may_name_any_operator(file: Path) -> None:
    (file.parent / "plan.csv").write_text("prefix,length,operator\n+7916,11,mts\n+7926,11,megafon\n+44,12,ours\n")
    appended(file, '[number_plan]\nfile = "plan.csv"\n')
    assert "found the operator ours in" in refusal(file)
    replaced(file, "enabled = true", "enabled = false")
    assert load_config(file).plan.owner("+447781123456") == "ours"


ONE_LINE: list[tuple[str, str, str]] = [
    # old, new, what the sentence says
    ("[issuer]", "[issuers]", "issuers: no such key, expected one of listen, store, keys, issuer"),
    ('vct = "https', 'vtc = "https', "issuer.vct: found nothing, expected a URI that names the type"),
    ("enabled = true", "enabled = 1", "simulator.enabled: found 1, expected true or false"),
    ("enabled = true", "enabled = true\nseed = -1", "simulator.seed: found -1, expected a whole number from 0 to"),
    ("enabled = true", "enabled = true\nseed = true", "simulator.seed: found True, expected a whole number"),
    ("enabled = true", "enabled = true\nspeed = 1", "simulator.speed: no such key, expected one of enabled, seed"),
    ("enabled = true", "", "number_plan.file: found nothing, expected a number plan, since the simulator is off"),
    ("enabled = true", "enabled = false", "number_plan.file: found nothing, expected a number plan, since"),
    ('name = "https://numseal.example"', "name = 5", "issuer.name: found 5, expected an https URL"),
    ('"https://numseal.example"', '"http://numseal.example"', "expected an https URL (http on loopback only)"),
    ('"https://numseal.example"', '"https://[::1"', "issuer.name: found 'https://[::1', expected"),
    ('"https://numseal.example"', '"https:///x"', "issuer.name: found 'https:///x', expected"),
    ('"https://numseal.example"', '"https://numseal.example?a=b"', "without query or fragment"),
    ("numseal.example/log", "numseal example", "issuer.log_origin: found 'numseal example', expected a name"),
    ("numseal.example/log", "a+b", "issuer.log_origin: found 'a+b', expected a name"),
    ('id = "messenger"', 'id = "Messenger|1"', "relying_parties[1].id: found 'Messenger|1', expected 1 to 64"),
    (f'"{TOKEN}"', f'"{"A" * 64}"', "relying_parties[1].token_sha256: found a text of 64 characters, expected"),
    (f'"{TOKEN}"', "7", "relying_parties[1].token_sha256: found something else, expected"),
    (f'["{TOKEN}"]', f'"{TOKEN}"', "relying_parties[1].token_sha256: found a text of 64 characters, expected a list"),
    (f'["{TOKEN}"]', f'["{TOKEN}", "{TOKEN}"]', "found a text of 64 characters twice, expected every one once"),
    (f'["{TOKEN}"]', "[]", "relying_parties[1].token_sha256: found nothing, expected the hash of a token"),
    (f'["{TOKEN}"]', f'[]\ncertificate_sha256 = ["{FINGERPRINT}"]', "expected listen.client_ca to be set, or none"),
    ("[[relying_parties.apps]]", "[[relying_parties.app]]", "relying_parties[1].apps: found nothing, expected at"),
    ('id = "app"', 'id = "app"\nicon = 1', "relying_parties[1].apps[1].icon: no such key, expected one of origin"),
    ('"Messenger"', '"Ein Messenger mehr"', "apps[1].sender_id: found 'Ein Messenger mehr', expected 1 to 15"),
    ('id = "app"', 'id = "app"\norigin = "https://x.example"', "apps[1].origin: found 'https://x.example', expected"),
    ('id = "app"', 'id = "app"\nandroid_hash = "short"', "apps[1].android_hash: found 'short', expected the 11"),
    *(
        (
            'id = "app"',
            f'id = "app"\nnetwork_redirect_uri = "{address}"',
            f"network_redirect_uri: found '{address[:70]}",
        )
        for address in (
            "",
            "http://demo.example/",
            "https:///numseal",
            "https://demo.example/#here",
            "https://user@demo.example/",
            "https://demo.example/ x",
            "https://demo.example:99999/",
            "com.example.app:/numseal",
            "https://demo.example/" + "x" * 2_028,
        )
    ),
    ("[issuer]", "[limits]\nconversion_min_percent = 101\n[issuer]", "min_percent: found 101, expected a whole number"),
    (
        "[issuer]",
        "[monitoring]\nrechecks_per_operator_second = 0\n[issuer]",
        "second: found 0, expected a whole number",
    ),
    ("[issuer]", '[policy]\nfurther = ["p.toml"]\n[issuer]', "p.toml: No such file or directory, expected a file that"),
    ('id = "app"', 'id = "app"\ndefault_language = "de"', "apps[1].default_language: found 'de', expected one of en"),
    ("{{code}} is your code", "no place", "texts.en: found {{code}} 0 times, expected {{code}} once"),
    ("{{code}}", "{{code}}{{code}}", "texts.en: found {{code}} 2 times, expected {{code}} once"),
    ("{{code}} is", "{{code}}" + "x" * 150 + " is", "texts.en: found 169 units of text, code and autofill lines"),
    ('{ en = "', '{ EN = "', "texts.EN: found 'EN', expected a language as the key"),
    ('{ en = "{{code}} is your code" }', '"hi"', "apps[1].texts: found 'hi', expected a table: [relying_parties[1]"),
    ('relying_party = "messenger"', 'relying_party = "m"', "agreements[1].relying_party: found 'm', expected one of"),
    ('"mts", ', '"vodafone", ', "agreements[1].operators: found 'vodafone', expected some of beeline, kcell"),
    ('["mts", "megafon"]', "[]", "agreements[1].operators: found nothing, expected some of"),
    ('["mts", "megafon"]', '["mts", "mts"]', "agreements[1].operators: found 'mts' twice, expected every one once"),
    ("2026-01-01\n", '"2026-01-01"\n', "agreements[1].valid_from: found '2026-01-01', expected a date such as"),
    ("2026-01-01\n", "2026-01-01T00:00:00\n", "agreements[1].valid_from: found 2026-01-01T00:00:00, expected a date"),
    ("valid_from = 2026-01-01\n", "", "agreements[1].valid_from: found nothing, expected a date"),
    (
        "2026-01-01\n",
        "2027-01-01\n",
        "agreements[1].valid_until: found 2027-01-01T03:00:00+03:00, expected a later time",
    ),
    ("[[agreements]]", "[agreements]", "agreements: found {"),
    ("[simulator]", 'listen = "here"\n[simulator]', "issuer.listen: no such key"),
    ("[issuer]", 'listen = "here"\n[issuer]', "listen: found 'here', expected a table: [listen]"),
    ("[issuer]", "[listen]\ngrpc = 1\n[issuer]", "listen.grpc: found 1, expected host:port"),
    ("[issuer]", '[listen]\ngrpc = "x"\n[issuer]', "listen.grpc: found 'x', expected host:port"),
    ("[issuer]", '[listen]\nhttp = "127.0.0.1:65536"\n[issuer]', "listen.http: found '127.0.0.1:65536', expected"),
    ("[issuer]", '[listen]\nhttp = "example.org:80"\n[issuer]', "listen.http: found example.org:80 without TLS"),
    ("[issuer]", '[listen]\ntls_key = "k.pem"\n[issuer]', "k.pem: No such file or directory, expected a file that"),
    ("[issuer]", '[store]\npath = ""\n[issuer]', "store.path: found '', expected a path"),
    ("[issuer]", '[policy]\nfile = "p.toml"\n[issuer]', "p.toml: No such file or directory, expected a file that"),
    ("[issuer]", f'x = "{"y" * 100}"\n[issuer]', "x: no such key"),
    ("[issuer]", f'[store]\npath = ["{"y" * 100}"]\n[issuer]', "store.path: found ['yyyyyy"),
    ("[issuer]", "[issuer", "the configuration is not TOML: "),
]


@pytest.mark.parametrize(("old", "new", "sentence"), ONE_LINE)
def test_refusals_name_file_key_found_and_expected(file: Path, old: str, new: str, sentence: str) -> None:
    message = refusal(replaced(file, old, new))
    assert message.startswith(f"{file}: ")
    assert sentence in message
    assert "\n" not in message
    assert len(message) < 400


def test_a_token_given_in_place_of_its_hash_is_not_shown(file: Path) -> None:
    assert "hunter2" not in refusal(replaced(file, TOKEN, "hunter2"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('tls_certificate = "c.pem"', "listen.tls_key: found nothing, expected the key of listen.tls_certificate"),
        ('tls_key = "k.pem"', "listen.tls_certificate: found nothing, expected a certificate"),
        ('client_ca = "ca.pem"', "listen.tls_certificate: found nothing, expected a certificate"),
    ],
)
def test_half_of_tls_is_refused(file: Path, line: str, sentence: str) -> None:
    tls_files(file)
    assert sentence in refusal(appended(file, f"[listen]\n{line}\n"))


def second_party(**changes: Any) -> str:
    values = {"id": "second", "token_sha256": [OTHER_TOKEN]} | changes
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
    return f'[[relying_parties]]\n{lines}\n[[relying_parties.apps]]\nid = "app"\nsender_id = "S"\ntexts.en = "{{{{code}}}}"\n'  # noqa: E501


def test_relying_parties_share_nothing(file: Path) -> None:
    first = file.read_text(encoding="utf-8")
    assert len(load_config(appended(file, second_party())).relying_parties) == 2
    file.write_text(first, encoding="utf-8")
    assert "relying_parties[2].id: found 'messenger' a second time" in refusal(
        appended(file, second_party(id="messenger"))
    )
    file.write_text(first, encoding="utf-8")
    message = refusal(appended(file, second_party(token_sha256=[TOKEN])))
    assert "relying_parties[2]: shares a token or certificate with messenger, expected" in message


def test_apps_and_agreements_have_ids_of_their_own(file: Path) -> None:
    first = file.read_text(encoding="utf-8")
    agreement = first[first.index("[[agreements]]") :]
    assert "agreements[2].id: found 'a1' a second time" in refusal(appended(file, agreement))
    app = '[[relying_parties.apps]]\nid = "app"\nsender_id = "S"\ntexts = { en = "{{code}}" }\n'
    file.write_text(first.replace("[[agreements]]", f"{app}\n[[agreements]]"), encoding="utf-8")
    assert "relying_parties[1].apps[2].id: found 'app' a second time" in refusal(file)


def text_of(file: Path, text: str, **lines: str) -> Path:
    more = "\n".join(f'{key} = "{value}"' for key, value in lines.items())
    return replaced(replaced(file, "{{code}} is your code", text), 'id = "app"', f'id = "app"\n{more}')


@pytest.mark.parametrize(
    ("text", "lines", "fits"),
    [
        ("{{code}}" + "x" * 154, {}, True),
        ("{{code}}" + "x" * 155, {}, False),
        ("{{code}}" + "ы" * 64, {}, True),
        ("{{code}}" + "ы" * 65, {}, False),
        ("{{code}}" + "x" * 142, {"android_hash": "FA+9qCX9VSu"}, True),
        ("{{code}}" + "x" * 143, {"android_hash": "FA+9qCX9VSu"}, False),
        # "\n@a.example #123456" is 19 more
        ("{{code}}" + "x" * 135, {"origin": "a.example"}, True),
        ("{{code}}" + "x" * 136, {"origin": "a.example"}, False),
    ],
)
def test_a_text_fits_one_sms_with_its_autofill_lines(file: Path, text: str, lines: dict[str, str], fits: bool) -> None:
    text_of(file, text, **lines)
    if fits:
        load_config(file)
    else:
        assert "to fit one SMS" in refusal(file)


def test_an_app_without_texts_has_numseals_own_in_every_language(file: Path) -> None:
    replaced(file, 'texts = { en = "{{code}} is your code" }', 'origin = "example.org"\nandroid_hash = "AbCdEfGhIjK"')
    (registered,) = load_config(file).relying_parties
    (app,) = registered.party.apps
    assert set(app.texts) == set(code_texts.TEXTS)
    assert app.text("ru-RU") == ("ru", "{{code}} — ваш код\nAbCdEfGhIjK\n@example.org #{{code}}")
    assert app.text("ja")[0] == "en"
    replaced(file, 'origin = "example.org"', 'default_language = "ru"')
    assert load_config(file).relying_parties[0].party.apps[0].text("ja")[0] == "ru"


def test_an_origin_too_long_for_any_text_is_refused(file: Path) -> None:
    origin = ".".join(["long-host-name"] * 5)
    replaced(file, 'texts = { en = "{{code}} is your code" }', f'origin = "{origin}"')
    assert "units of text, code and autofill lines included, expected at most 70, to fit one SMS" in refusal(file)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.toml") == (
        f"{tmp_path / 'none.toml'}: the configuration cannot be read: No such file or directory; expected a TOML file"
    )
    assert "cannot be read: Is a directory" in refusal(tmp_path)


def test_a_file_that_is_not_utf_8_or_much_too_large(tmp_path: Path) -> None:
    path = tmp_path / "numseal.toml"
    path.write_bytes(b"# \xff")
    assert "the configuration is not UTF-8 at byte 2" in refusal(path)
    path.write_bytes(b"#" * (1 << 20) + b"#")
    assert "the configuration is larger than 1048576 bytes" in refusal(path)
    path.write_bytes(b"a = " + b"[" * 100_000)
    assert "the configuration is not TOML" in refusal(path)


def test_a_broken_plan_is_named(file: Path) -> None:
    plan = file.parent / "plan.csv"
    plan.write_text("prefix,length,operator\n7916,11,mts\n")
    appended(file, '[number_plan]\nfile = "plan.csv"\n')
    assert refusal(file).startswith(f"{plan}: line 2, column prefix: expected a plus sign")
    plan.write_bytes(b"\xff")
    assert refusal(file).startswith(f"{plan}: 'utf-8' codec can't decode")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("192.0.2.1", False),
        ("a.b", False),
    ],
)
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert Address(host, 1).loopback is loopback
