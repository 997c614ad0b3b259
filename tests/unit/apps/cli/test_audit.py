"""`numseal audit`: replaying a verdict, and reading an evidence file."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.audited import POLICY, Audited
from fakes.evidence import NOW, answer, evidence, known
from numseal.apps.cli.audit import audit
from numseal.attestation.commitment import canonical_record
from numseal.attestation.evidence_record import write_evidence_file
from numseal.domain.evidence import SubscriberRef

CASE = Audited.make()
JTI = json.loads(CASE.evidence)["attestation_id"]
NUMBER = "+79161234567"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a directory with what an auditor is given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NUMSEAL_KEYS", raising=False)
    (tmp_path / "evidence.json").write_bytes(CASE.evidence)
    (tmp_path / "policy.toml").write_bytes(CASE.policy)
    (tmp_path / "attestation.txt").write_text(CASE.sd_jwt + "\n")
    (tmp_path / "keys.json").write_bytes(CASE.issuer.public_keys().to_json())
    return tmp_path


def run(*arguments: str, color: bool = False, env: dict[str, str] | None = None) -> Result:
    result = CliRunner(env=env).invoke(audit, arguments, color=color)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def replay(*options: str, color: bool = False) -> Result:
    return run("replay", "evidence.json", "policy.toml", "attestation.txt", *options, color=color)


def test_the_same_exits_with_0_and_a_line_a_step() -> None:
    result = replay("--keys", "keys.json")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "Replay"
    assert [line.split()[0] for line in lines[1:10]] == ["ok"] * 9
    assert lines[-1] == "The same: the attestation says what this evidence comes to under this policy."
    assert any(line.split() == ["decision", "ACCEPT"] for line in lines)
    assert NUMBER not in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_colours_where_a_terminal_is_attached() -> None:
    assert "\x1b[32m" in replay(color=True).stdout


def test_the_keys_may_stand_in_the_environment() -> None:
    result = run("replay", "evidence.json", "policy.toml", "attestation.txt", env={"NUMSEAL_KEYS": "keys.json"})
    assert "NOT checked" not in result.stdout


def test_without_keys_the_signature_is_said_to_be_not_checked() -> None:
    result = replay()
    assert result.exit_code == 0
    assert "not checked: no keys were given" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("NOT checked: signature.")


def test_the_report_as_json() -> None:
    report = json.loads(replay("--json").stdout)
    assert (report["same"], report["exit_code"]) == (True, 0)
    assert report["verdict"]["decision"] == "ACCEPT"
    assert [step["name"] for step in report["steps"]][:3] == ["evidence file", "policy file", "attestation"]


def test_changed_evidence_exits_with_1(directory: Path) -> None:
    other = canonical_record(evidence(time=NOW + 1))
    (directory / "evidence.json").write_bytes(write_evidence_file(JTI, other, CASE.salt))
    result = replay()
    assert result.exit_code == 1
    assert "DIFFERS  evidence" in result.stdout
    assert "[COMMITMENT_DIFFERS]" in result.stdout


def test_a_changed_policy_exits_with_1_and_tells_its_verdict(directory: Path) -> None:
    document = tomllib.loads(POLICY.decode())
    document["rules"]["NUMBER_UNALLOCATED"] = {"severity": "NOTE"}
    (directory / "policy.toml").write_text(json.dumps(document))
    result = replay()
    assert result.exit_code == 1
    last = result.stdout.splitlines()[-1]
    assert last.startswith("Not the same. Differs: policy.")
    assert "This evidence under this policy comes to ACCEPT at " in last


@pytest.mark.parametrize("name", ["evidence.json", "policy.toml", "attestation.txt", "keys.json"])
def test_a_file_that_is_not_there_exits_with_2(name: str, directory: Path) -> None:
    (directory / name).unlink()
    result = replay("--keys", "keys.json")
    assert result.exit_code == 2
    assert f"file {name} cannot be read: No such file or directory." in result.stderr


def test_a_file_that_cannot_be_used_exits_with_2(directory: Path) -> None:
    (directory / "policy.toml").write_text("name = 1")
    result = replay()
    assert result.exit_code == 2
    assert "name: 1 is not a text" in result.stdout
    assert "Nothing was compared: the policy file cannot be used." in result.stdout


def test_keys_that_cannot_be_used_exit_with_2(directory: Path) -> None:
    (directory / "keys.json").write_text("{}")
    result = replay("--keys", "keys.json")
    assert result.exit_code == 2
    assert "The key file keys.json cannot be used: " in result.stderr


def test_evidence_as_a_page() -> None:
    result = run("explain", "evidence.json")
    assert result.exit_code == 0
    assert "  number     +7916*****67\n" in result.stdout
    assert "Lookup before the code\n" in result.stdout
    assert "not judged: name a policy with --policy" in result.stdout
    assert NUMBER not in result.stdout
    assert NUMBER in run("explain", "evidence.json", "--unmasked").stdout


def test_evidence_judged_under_a_policy() -> None:
    result = run("explain", "evidence.json", "--policy", "policy.toml")
    assert result.exit_code == 0
    assert "  decision " in result.stdout


def test_evidence_as_json() -> None:
    document = json.loads(run("explain", "evidence.json", "--json").stdout)
    assert document["attestation_id"] == JTI
    assert document["evidence"]["phone_number"] == "+7916*****67"
    assert document["verdict"] is None
    judged = json.loads(run("explain", "evidence.json", "--json", "--unmasked", "--policy", "policy.toml").stdout)
    assert judged["evidence"] == json.loads(canonical_record(evidence()))
    assert judged["verdict"]["decision"] == "ACCEPT"


def test_what_an_operator_wrote_cannot_steer_the_terminal(directory: Path) -> None:
    hostile = evidence(after=answer(subscriber_ref=known(SubscriberRef("\x1b[2J", "\n\u202e"))))
    (directory / "evidence.json").write_bytes(write_evidence_file(JTI, canonical_record(hostile), CASE.salt))
    shown = run("explain", "evidence.json", "--policy", "policy.toml").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("none.json",), "The evidence file none.json cannot be read: "),
        (("policy.toml",), "The evidence file policy.toml cannot be used: "),
        (("evidence.json", "--policy", "evidence.json"), "The policy file evidence.json cannot be used: "),
    ],
)
def test_what_cannot_be_explained_exits_with_2(arguments: tuple[str, ...], sentence: str) -> None:
    result = run("explain", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_an_auditor_needs_neither_grpc_nor_a_database() -> None:
    code = (
        "import sys\n"
        "from numseal.apps.cli.main import main\n"
        "main(['audit', 'explain', 'evidence.json', '--policy', 'policy.toml'], standalone_mode=False)\n"
        "print('heavy:', sorted({'grpc', 'aiohttp', 'sqlalchemy', 'sqlite3', 'uvloop'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout
