"""The development directory: made once, completed where it was cut off, never overwritten."""

import hashlib
from importlib import resources
from pathlib import Path

import pytest

from numseal.adapters.signers.pem import read_ed25519, read_es256
from numseal.adapters.signers.secret_file import KeyFileError, read_secret
from numseal.apps import development
from numseal.apps.config import ConfigError, load_config
from numseal.apps.development import prepare_development
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.limits import Limits
from numseal.domain.permissions import EVERYTHING

TOKENS = ["token", "admin-a.token", "admin-b.token"]
SECRETS = ["keys/attestation.pem", "keys/log.pem", "keys/master.key", "numseal.toml", *TOKENS]


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_an_empty_place_becomes_a_directory_that_serves(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "numseal"
    made = prepare_development(directory)
    assert sorted(contents(directory)) == sorted([*SECRETS, "public-keys.json"])
    assert made.config.simulator.enabled
    assert made.config.listen.grpc.loopback
    (party,) = made.config.relying_parties
    assert party.token_sha256 == {hashlib.sha256(made.token.encode()).hexdigest()}
    assert len(made.token) >= 43
    assert (directory / "token").read_text().strip() == made.token
    app = party.party.app("")
    assert app is not None
    assert set(app.texts) == {"en", "ru"}
    assert app.network_redirect_uri == "https://demo.example/numseal"
    assert (party.party.policy, party.party.permissions) == ("", EVERYTHING)
    assert {agreement.operator_id for agreement in made.config.agreements} == made.config.plan.operators()
    assert len(read_secret(made.config.keys.master)) == 32


def test_secrets_are_the_owners_alone(tmp_path: Path) -> None:
    prepare_development(tmp_path / "d")
    assert {(tmp_path / "d" / name).stat().st_mode & 0o777 for name in SECRETS} == {0o600}
    assert (tmp_path / "d").stat().st_mode & 0o077 == 0


def test_public_keys_are_those_of_the_key_files(tmp_path: Path) -> None:
    made = prepare_development(tmp_path)
    keys = PublicKeys.from_json(made.public_keys)
    assert (tmp_path / "public-keys.json").read_bytes() == made.public_keys
    issuer = made.config.issuer
    assert (keys.issuer, keys.vct, keys.log_origin) == (issuer.name, issuer.vct, issuer.log_origin)
    assert list(keys.attestation_keys) == [read_es256(made.config.keys.attestation).key_id]
    assert keys.log_vkey == read_ed25519(made.config.keys.log, issuer.log_origin).vkey


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    first = prepare_development(tmp_path)
    before = contents(tmp_path)
    again = prepare_development(tmp_path)
    assert (again.token, again.public_keys) == (first.token, first.public_keys)
    assert contents(tmp_path) == before


def test_options_take_the_place_of_its_addresses(tmp_path: Path) -> None:
    listen = prepare_development(tmp_path, grpc="127.0.0.1:0", http="127.0.0.1:1").config.listen
    assert (listen.grpc.port, listen.http.port) == (0, 1)


def test_two_directories_share_no_secret(tmp_path: Path) -> None:
    prepare_development(tmp_path / "a")
    prepare_development(tmp_path / "b")
    one, two = contents(tmp_path / "a"), contents(tmp_path / "b")
    assert all(one[name] != two[name] for name in SECRETS)


@pytest.mark.parametrize("kept", range(len(SECRETS)))
def test_a_directory_cut_off_at_any_file_is_completed_with_what_it_has(tmp_path: Path, kept: int) -> None:
    order = ["keys/attestation.pem", "keys/log.pem", "keys/master.key", *TOKENS, "numseal.toml"]
    prepare_development(tmp_path)
    before = contents(tmp_path)
    for name in [*order[kept:], "public-keys.json"]:
        (tmp_path / name).unlink()
    (tmp_path / ".token.draft").write_bytes(b"half a")
    made = prepare_development(tmp_path)
    after = contents(tmp_path)
    assert all(after[name] == before[name] for name in order[:kept])
    assert made.config.relying_parties[0].token_sha256 == {hashlib.sha256(made.token.encode()).hexdigest()}


def test_a_crash_while_a_file_is_written_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", crash)
        with pytest.raises(KeyboardInterrupt):
            development._write_new(tmp_path / "token", b"secret")
    assert not (tmp_path / "token").exists()
    development._write_new(tmp_path / "token", b"other")
    assert contents(tmp_path) == {"token": b"other"}


def test_no_file_is_ever_replaced(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        development._write_new(tmp_path / "token", b"other")
    assert (tmp_path / "token").read_bytes() == b"mine"


def test_an_edited_configuration_stays(tmp_path: Path) -> None:
    prepare_development(tmp_path)
    path = tmp_path / "numseal.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("seed = 1", "seed = 7"), encoding="utf-8")
    assert prepare_development(tmp_path).config.simulator.seed == 7


def test_strangers_things_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match=r"holds 'thesis\.tex' and no numseal\.toml; expected an empty directory"):
        prepare_development(tmp_path)
    assert list(contents(tmp_path)) == ["thesis.tex"]


def test_a_database_without_its_configuration_is_refused(tmp_path: Path) -> None:
    prepare_development(tmp_path)
    (tmp_path / "numseal.db").write_bytes(b"x")
    (tmp_path / "numseal.toml").unlink()
    with pytest.raises(ConfigError, match=r"holds 'numseal\.db' and no numseal\.toml"):
        prepare_development(tmp_path)


def test_lost_keys_are_not_made_anew_behind_a_configuration(tmp_path: Path) -> None:
    prepare_development(tmp_path)
    (tmp_path / "keys/log.pem").unlink()
    with pytest.raises(KeyFileError, match=r"log\.pem: cannot be read: No such file"):
        prepare_development(tmp_path)


def test_a_broken_key_of_a_half_made_directory_is_named(tmp_path: Path) -> None:
    prepare_development(tmp_path)
    (tmp_path / "numseal.toml").unlink()
    (tmp_path / "keys/attestation.pem").write_bytes(b"")
    with pytest.raises(KeyFileError, match=r"attestation\.pem: .*expected a P-256 private key"):
        prepare_development(tmp_path)


def test_public_keys_of_other_keys_are_refused(tmp_path: Path) -> None:
    prepare_development(tmp_path)
    (tmp_path / "public-keys.json").write_bytes(b"{}")
    with pytest.raises(ConfigError, match=r"public-keys\.json: is not what numseal\.toml and its keys give; expected"):
        prepare_development(tmp_path)


def test_a_place_that_is_no_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="file: File exists; expected a directory"):
        prepare_development(tmp_path / "file")


def test_the_configuration_mentions_every_key_it_can_have(tmp_path: Path) -> None:
    """Uncommenting what the file offers gives a configuration with other values in place of the defaults."""
    prepare_development(tmp_path)
    path = tmp_path / "numseal.toml"
    for name in ("tls/certificate.pem", "tls/key.pem", "tls/client-ca.pem"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("PEM")
    packaged = resources.files("numseal.apps").joinpath("data", "policy.toml").read_text(encoding="utf-8")
    (tmp_path / "strict.toml").write_text(packaged.replace("numseal-default", "strict"), encoding="utf-8")
    lines = path.read_text(encoding="utf-8").splitlines()
    offered = [line.removeprefix("# ") for line in lines if " = " in line and not line.startswith("# file")]
    text = "\n".join(line if line not in {f"# {item}" for item in offered} else line[2:] for line in lines)
    path.write_text(text, encoding="utf-8")
    config = load_config(path)
    assert config.listen.tls is not None
    assert config.store.cache_rows == 100_000
    assert config.limits == Limits()
    assert set(config.policies) == {"numseal-default", "strict"}
    party = config.relying_parties[0].party
    assert (party.policy, party.permissions.countries) == ("numseal-default", frozenset({"DE", "KZ", "RU"}))
    assert party.apps[0].origin == "demo.example"
