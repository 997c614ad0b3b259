import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.attestation_issuer import DAY, NOW, Issuer, sample_claims
from fakes.holder import AUDIENCE, NONCE, Holder
from numseal.apps.cli.verify import verify

ISSUER = Issuer.make()
GOOD = ISSUER.bundle()


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a directory with a bundle and a key file, none of them in the default place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NUMSEAL_KEYS", raising=False)
    (tmp_path / "bundle.json").write_bytes(GOOD.to_json())
    (tmp_path / "keys.json").write_bytes(ISSUER.public_keys().to_json())
    return tmp_path


def run(*arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None, color: bool = False) -> Result:
    return CliRunner(env=env).invoke(verify, arguments, input=stdin, color=color, catch_exceptions=False)


def test_a_valid_bundle_exits_with_0_and_a_line_a_step() -> None:
    result = run("bundle.json", "--keys", "keys.json", "--at", str(NOW))
    assert result.exit_code == 0
    *lines, blank, closing = result.stdout.splitlines()
    assert len(lines) == 10
    assert [line.split()[0] for line in lines] == ["ok"] * 8 + ["--"] * 2
    assert all("not checked: " in line for line in lines[8:])
    assert (blank, closing.endswith("NOT checked: status, witnesses.")) == ("", True)
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_colours_where_a_terminal_is_attached() -> None:
    assert "\x1b[32m" in run("bundle.json", "--keys", "keys.json", "--at", str(NOW), color=True).stdout


def test_the_report_as_json() -> None:
    result = run("bundle.json", "--keys", "keys.json", "--at", str(NOW), "--json")
    report = json.loads(result.stdout)
    assert (report["valid"], report["exit_code"], report["at"]) == (True, 0, NOW)
    assert report["claims"]["phone_number"] == "+79161234567"
    assert {step["outcome"] for step in report["steps"]} == {"ok", "not checked"}


@pytest.mark.parametrize("at", [str(NOW), "2026-09-21T14:13:20Z", "2026-09-21T17:13:20+03:00"])
def test_times_in_both_forms(at: str) -> None:
    result = run("bundle.json", "--keys", "keys.json", "--json", "--at", at)
    assert json.loads(result.stdout)["at"] == NOW


def test_without_a_time_the_machines_clock_counts() -> None:
    report = json.loads(run("bundle.json", "--keys", "keys.json", "--json").stdout)
    assert report["at"] > 1_700_000_000


@pytest.mark.parametrize("at", ["yesterday", "2026-09-21T14:13:20", "9" * 13, "-5", "١٢"])
def test_a_time_that_is_none_is_a_usage_error(at: str) -> None:
    result = run("bundle.json", "--keys", "keys.json", f"--at={at}")
    assert result.exit_code == 2
    assert "2026-11-23T19:00:00Z" in result.stderr


def test_an_expired_bundle_exits_with_4() -> None:
    result = run("bundle.json", "--keys", "keys.json", "--at", str(NOW + 40 * DAY))
    assert result.exit_code == 4
    assert "[EXPIRED]" in result.stdout
    assert "Not valid" in result.stdout


def test_a_forged_bundle_exits_with_1(directory: Path) -> None:
    (directory / "bundle.json").write_bytes(replace(GOOD, sd_jwt=Issuer.make().attestation()).to_json())
    result = run("bundle.json", "--keys", "keys.json", "--at", str(NOW))
    assert result.exit_code == 1
    assert "FAILED  signature" in result.stdout


def test_reads_standard_input() -> None:
    assert run("-", "--keys", "keys.json", "--at", str(NOW), stdin=GOOD.to_json()).exit_code == 0


def test_an_endless_input_is_cut_off() -> None:
    result = run("-", "--keys", "keys.json", stdin=b" " * 2_000_000)
    assert result.exit_code == 1
    assert "JSON_TOO_LARGE" in result.stdout


def test_keys_come_from_the_environment_or_the_default_place(directory: Path) -> None:
    at = ("--at", str(NOW))
    assert run("bundle.json", *at, env={"NUMSEAL_KEYS": "keys.json"}).exit_code == 0
    (directory / ".numseal").mkdir()
    (directory / "keys.json").rename(directory / ".numseal" / "public-keys.json")
    assert run("bundle.json", *at).exit_code == 0


def test_without_keys_it_says_how_to_get_them() -> None:
    result = run("bundle.json")
    assert result.exit_code == 2
    assert "/.well-known/numseal-keys.json" in result.stderr
    assert "out of band" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing.json", "--keys", "keys.json"), "The bundle file missing.json cannot be read: No such file"),
        (("bundle.json", "--keys", "missing.json"), "The key file missing.json cannot be read: No such file"),
        (("bundle.json", "--keys", "."), "The key file . cannot be read: Is a directory"),
        (("bundle.json", "--keys", "bundle.json"), "The key file bundle.json cannot be used: the key document"),
        ((".", "--keys", "keys.json"), "is a directory"),
        ((), "Missing argument"),
        (("bundle.json", "--keys", "keys.json", "--insecure-keys-from-bundle"), "either"),
    ],
)
def test_what_cannot_be_used_exits_with_2_and_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_an_unusable_vkey_in_the_pinned_keys_exits_with_2(directory: Path) -> None:
    (directory / "keys.json").write_bytes(ISSUER.public_keys(log_vkey="nonsense").to_json())
    result = run("bundle.json", "--keys", "keys.json", "--at", str(NOW))
    assert result.exit_code == 2
    assert "KEYS_UNUSABLE" in result.stdout


def test_keys_from_the_bundle_only_on_demand_and_with_a_warning(directory: Path) -> None:
    (directory / "other.json").write_bytes(Issuer.make().bundle().to_json())
    assert run("other.json", "--keys", "keys.json", "--at", str(NOW)).exit_code == 1
    result = run("other.json", "--insecure-keys-from-bundle", "--at", str(NOW), env={"NUMSEAL_KEYS": "keys.json"})
    assert result.exit_code == 0
    assert "WARNING" in result.stderr
    assert "NOT checked: keys, status, witnesses." in result.stdout


HOLDER = Holder.make()
DEMAND = ("--nonce", NONCE, "--audience", AUDIENCE)


def test_a_presentation_is_checked_and_what_it_cannot_show_is_named(directory: Path) -> None:
    shown = HOLDER.present(ISSUER.attestation(claims=HOLDER.claims()))
    (directory / "shown.txt").write_text(f"{shown}\n")
    result = run("shown.txt", "--keys", "keys.json", "--at", str(NOW), *DEMAND)
    assert result.exit_code == 0
    *lines, _, closing = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 7 + ["--"] * 2
    assert closing.endswith("NOT checked: log inclusion, status.")
    for arguments, exit_code, reason in (
        ((*DEMAND[:2], "--audience", "other"), 1, "KEY_BINDING_AUDIENCE"),
        ((), 2, "NONCE_REQUIRED"),
    ):
        result = run("shown.txt", "--keys", "keys.json", "--at", str(NOW), *arguments)
        assert (result.exit_code, f"[{reason}]" in result.stdout) == (exit_code, True)


def test_an_expired_presentation_exits_with_4() -> None:
    text = ISSUER.attestation(claims=sample_claims(confirmation_jwk=None))
    result = run("-", "--keys", "keys.json", "--at", str(NOW + 40 * DAY), stdin=text.encode())
    assert result.exit_code == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bundle.json", "--keys", "keys.json", *DEMAND), "A bundle carries no key binding"),
        (("bundle.json", "--keys", "keys.json", *DEMAND[:2]), "Give --nonce and --audience together"),
        (("bundle.json", "--keys", "keys.json", "--nonce", "", "--audience", "a"), "Give --nonce and --audience"),
        (("bundle.json", "--insecure-keys-from-bundle", *DEMAND), "A presentation carries no keys"),
        (("shown.txt", "--insecure-keys-from-bundle"), "A presentation carries no keys"),
    ],
)
def test_options_that_do_not_fit_the_file_exit_with_2(directory: Path, arguments: tuple[str, ...], words: str) -> None:
    (directory / "shown.txt").write_text(ISSUER.attestation())
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_starts_without_grpc_or_a_database() -> None:
    code = (
        "import sys, numseal.apps.cli.verify; "
        "print([m for m in ('grpc', 'sqlalchemy', 'aiohttp', 'uvloop', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
