"""`numseal explain`: from the options to the page, over a database that a server left."""

import asyncio
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.clock import FakeClock
from fakes.evidence import evidence
from fakes.store_rows import Do, binding, entry_of, name_of, put, record, subject_of, verification
from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.signers.pem import read_ed25519
from numseal.adapters.signers.secret_file import read_secret
from numseal.adapters.store.sealing import StoreKeys
from numseal.adapters.store.sqlite import open_sqlite_store
from numseal.apps.cli.explain import explain
from numseal.apps.config import Config
from numseal.apps.development import prepare_development
from numseal.attestation.commitment import canonical_record, commit
from numseal.attestation.evidence_record import EvidenceRecord
from numseal.domain.log import AttestationRecord
from numseal.domain.verification import State, Verification
from numseal.ports.store import Command, Needs, Rows

POLICY = '{"name":"first"}'
VERIFICATION = name_of(1, "a")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)
    return prepare_development(tmp_path / ".numseal").config


def fill(config: Config, *commands: Command[object]) -> None:
    """Let a server's store do this, and end."""

    async def run() -> None:
        log = read_ed25519(config.keys.log, config.issuer.log_origin)
        keys = StoreKeys(read_secret(config.keys.master))
        store = await open_sqlite_store(
            config.store.path, keys=keys, clock=FakeClock(), entropy=SystemEntropy(), signer=log, vkey=log.vkey
        )
        for command in commands:
            await store.apply(command)
        await store.close()

    asyncio.run(run())


def attest(made: AttestationRecord) -> Command[object]:
    def do(rows: Rows) -> None:
        rows.subject_key(*subject_of(1))
        index = rows.attest(made, entry_of(1))
        rows.put_binding(binding(1, leaf_index=index))

    return Do(Needs(subjects=(subject_of(1),)), do)


def verified() -> Verification:
    return verification(1, state=State.VERIFIED, binding_id=name_of(1, "b"), jti=name_of(1, "c"))


RECORD = record(1, evidence=canonical_record(evidence()))
KEEP_POLICY: Command[object] = Do(Needs(), lambda rows: rows.keep_policy("d" * 64, POLICY))


@pytest.fixture
def filled(config: Config) -> Config:
    """Keep one verification with its attestation and policy."""
    fill(config, attest(RECORD), put(verified()), KEEP_POLICY)
    return config


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(explain, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_verification_is_explained(filled: Config) -> None:
    result = run(VERIFICATION)
    assert result.exit_code == 0, result.stderr
    assert "  state        VERIFIED\n" in result.stdout
    assert "Binding made\n" in result.stdout
    assert "+79160000001" not in result.stdout
    assert "+79161234567" not in result.stdout
    assert "\x1b" not in result.stdout
    assert "+79160000001" in run(VERIFICATION, "--unmasked").stdout


@pytest.mark.parametrize("kind", ["b", "c"])
def test_the_ids_of_binding_and_attestation_do_as_well(filled: Config, kind: str) -> None:
    assert run(name_of(1, kind)).stdout == run(VERIFICATION).stdout


@pytest.mark.parametrize(
    "options",
    [
        lambda config: ("--directory", str(config.file.parent)),
        lambda config: ("--config", str(config.file)),
    ],
)
def test_where_the_server_runs_from(
    filled: Config, options: Callable[[Config], tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run(VERIFICATION, *options(filled)).exit_code == 0
    assert list(elsewhere.iterdir()) == []


def test_as_json(filled: Config) -> None:
    document = json.loads(run(VERIFICATION, "--json").stdout)
    assert document["verification"]["state"] == "VERIFIED"
    assert document["evidence"]["phone_number"] == "+7916*****67"


def test_evidence_and_policy_are_written_for_an_auditor(filled: Config, tmp_path: Path) -> None:
    assert run(VERIFICATION, "--evidence", "evidence.json", "--policy", "policy.json").exit_code == 0
    written = tmp_path / "evidence.json"
    read = EvidenceRecord.from_json(written.read_bytes())
    assert (read.attestation_id, read.evidence) == (name_of(1, "c"), evidence())
    assert read.commitment() == commit(RECORD.evidence_salt, RECORD.evidence)
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert (tmp_path / "policy.json").read_text() == POLICY


def test_no_file_is_written_over(filled: Config, tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_text("mine")
    result = run(VERIFICATION, "--evidence", "evidence.json")
    assert result.exit_code == 2
    assert "The file evidence.json cannot be written: File exists." in result.stderr
    assert (tmp_path / "evidence.json").read_text() == "mine"


def test_without_an_attestation_there_is_nothing_to_audit(config: Config, tmp_path: Path) -> None:
    fill(config, put(verification(1)))
    shown = run(VERIFICATION)
    assert shown.exit_code == 0
    assert "Lookup before the code\n" in shown.stdout
    assert "  state     EXPIRED\n" in shown.stdout
    for option, sentence in (
        ("--evidence", "nothing is committed to this evidence"),
        ("--policy", "The policy that it was judged under is not kept."),
    ):
        result = run(VERIFICATION, option, "file")
        assert result.exit_code == 1
        assert sentence in result.stderr
    assert not (tmp_path / "file").exists()


def test_an_attestation_outlives_its_verification(config: Config) -> None:
    fill(config, attest(RECORD))
    result = run(name_of(1, "c"))
    assert result.exit_code == 0
    assert result.stdout.startswith("Number\n")


def test_what_is_not_there_exits_with_1(filled: Config) -> None:
    result = run("nobody")
    assert result.exit_code == 1
    assert "There is no verification, binding or attestation 'nobody'" in result.stderr


def test_evidence_that_cannot_be_read_is_told(config: Config) -> None:
    fill(config, attest(record(1)))
    result = run(name_of(1, "c"))
    assert result.exit_code == 2
    assert f"The evidence of {name_of(1, 'c')} cannot be read: `evidence` is not an object with" in result.stderr


def test_either_configuration_or_directory(config: Config) -> None:
    result = run(VERIFICATION, "--config", str(config.file), "--directory", str(config.file.parent))
    assert result.exit_code == 2
    assert "Give either --config or --directory." in result.stderr


def test_no_server_has_run_here(config: Config) -> None:
    result = run(VERIFICATION)
    assert result.exit_code == 2
    assert f"{config.store.path.name}: is not there" in result.stderr
    assert not config.store.path.exists()


def test_nothing_is_made_where_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(VERIFICATION)
    assert result.exit_code == 2
    assert "numseal.toml" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_another_master_key_is_told(filled: Config) -> None:
    filled.keys.master.write_text("ab" * 32 + "\n")
    result = run(VERIFICATION)
    assert result.exit_code == 2
    assert "was made with another master key" in result.stderr


def test_a_name_that_no_file_can_have_is_told(filled: Config) -> None:
    text = filled.file.read_text()
    assert replace(filled).store.path.name in text
    filled.file.write_text(text.replace(filled.store.path.name, "x" * 300))
    assert run(VERIFICATION).exit_code == 2
