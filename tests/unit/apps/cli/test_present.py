import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.attestation_issuer import DAY, Issuer, sample_claims, sample_disclosed
from fakes.holder import AUDIENCE, NONCE, Holder
from numseal.apps.cli.main import main
from numseal.attestation import sd_jwt
from numseal.verify import ExitCode, verify_presentation

ISSUER = Issuer.make()
HOLDER = Holder.make()
BOUND = ISSUER.attestation(claims=HOLDER.claims())
UNBOUND = ISSUER.attestation(claims=sample_claims(confirmation_jwk=None))
KEY = ("--key", "account-key.pem", "--nonce", NONCE, "--audience", AUDIENCE)
NAMES = list(sample_disclosed().to_dict())


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a directory with bundles of both kinds, the account's key, and another."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bound.json").write_bytes(ISSUER.bundle(BOUND).to_json())
    (tmp_path / "unbound.json").write_bytes(ISSUER.bundle(UNBOUND).to_json())
    for name, holder in (("account-key.pem", HOLDER), ("other-key.pem", Holder.make())):
        path = tmp_path / name
        path.write_bytes(holder.pem)
        path.chmod(0o600)
    return tmp_path


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["present", *arguments], input=stdin, catch_exceptions=False)


def disclosed(text: str) -> dict[str, str | int]:
    return sd_jwt.open_sd_jwt(text, ISSUER.public_keys().attestation_keys).disclosed


def test_by_default_the_number_is_disclosed_and_nothing_else() -> None:
    result = run("unbound.json")
    assert result.exit_code == 0
    assert disclosed(result.stdout.strip()) == {"phone_number": "+79161234567"}
    assert result.stderr.splitlines() == [
        "disclosed phone_number",
        "withheld  account_id, relying_party, verified_at, method, operator, policy, supersedes",
        "bound     to no key: whoever gets a copy can present it too",
    ]


def test_what_is_chosen_is_disclosed() -> None:
    result = run("unbound.json", "--disclose", "method", "--disclose", "account_id")
    assert disclosed(result.stdout.strip()) == {"account_id": "account-1", "method": "SMS"}


def test_nothing_is_disclosed_on_demand() -> None:
    result = run("unbound.json", "--disclose", "none")
    assert disclosed(result.stdout.strip()) == {}
    assert "disclosed nothing" in result.stderr
    everything = run("unbound.json", *(word for name in NAMES for word in ("--disclose", name)))
    assert "withheld  nothing" in everything.stderr


def test_what_was_left_out_of_it_before_counts_as_withheld(directory: Path) -> None:
    reduced = run("unbound.json", "--disclose", "method", "--disclose", "phone_number").stdout
    again = run("-", "--disclose", "method", stdin=reduced)
    assert disclosed(again.stdout.strip()) == {"method": "SMS"}
    assert f"withheld  phone_number, {len(NAMES) - 2} left out of it before\n" in again.stderr
    document = json.loads(run("-", "--disclose", "method", "--json", stdin=again.stdout).stdout)
    assert (document["disclosed"], document["withheld"]) == (["method"], [])
    assert document["withheld_before"] == len(NAMES) - 1


def test_a_key_bound_attestation_is_presented_with_its_key() -> None:
    now = int(time.time())  # noqa: TID251  the command reads the machine's clock
    text = ISSUER.attestation(claims=HOLDER.claims(issued_at=now, not_before=now, expires_at=now + DAY))
    result = run("-", "--disclose", "none", *KEY, stdin=text)
    assert result.exit_code == 0
    shown = result.stdout.strip().encode()
    report = verify_presentation(shown, ISSUER.public_keys(), now + 5, nonce=NONCE, audience=AUDIENCE)
    assert report.exit_code is ExitCode.VALID
    assert f"to {AUDIENCE} and its nonce, good for 300 s" in result.stderr


def test_an_attestation_itself_is_taken_from_a_file_or_standard_input(directory: Path) -> None:
    (directory / "attestation.txt").write_text(f"{UNBOUND}\n")
    assert disclosed(run("attestation.txt").stdout.strip()) == {"phone_number": "+79161234567"}
    assert disclosed(run("-", stdin=UNBOUND).stdout.strip()) == {"phone_number": "+79161234567"}


def test_it_is_written_to_a_file(directory: Path) -> None:
    result = run("unbound.json", "--output", "shown.txt")
    assert disclosed((directory / "shown.txt").read_text().removesuffix("\n")) == {"phone_number": "+79161234567"}
    assert result.stdout.splitlines()[-1] == "written   shown.txt"
    assert result.stderr == ""


@pytest.mark.parametrize("output", [None, "shown.txt"])
def test_as_json(directory: Path, output: str | None) -> None:
    result = run("bound.json", "--json", *KEY, *(("--output", output) if output else ()))
    document = json.loads(result.stdout)
    shown = document.pop("presentation")
    assert document == {
        "disclosed": ["phone_number"],
        "withheld": [name for name in NAMES if name != "phone_number"],
        "withheld_before": 0,
        "key_bound": True,
        "output": output,
    }
    if output:
        assert (directory / output).read_text() == f"{shown}\n"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bound.json",), "bound to the account's key: give --key, --nonce and --audience"),
        (("bound.json", *KEY[:4]), "give --key, --nonce and --audience"),
        (("unbound.json", *KEY), "bound to no key: leave --key, --nonce and --audience out"),
        (("unbound.json", "--nonce", ""), "bound to no key"),
        (("unbound.json", "--disclose", "none", "--disclose", "method"), "--disclose none stands alone"),
        (("missing.json",), "The bundle file missing.json cannot be read: No such file"),
        (("bound.json", *KEY[2:], "--key", "missing.pem"), "missing.pem: cannot be read"),
        (("bound.json", *KEY[2:], "--key", "bound.json"), "bound.json: mode"),
        (
            ("unbound.json", "--output", "missing/shown.txt"),
            "missing/shown.txt: No such file or directory; the presentation was not",
        ),
        ((".",), "is a directory"),
        ((), "Missing argument"),
    ],
)
def test_what_cannot_be_used_exits_with_2_and_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("unbound.json", "--disclose", "email"), "CLAIM_NOT_DISCLOSABLE: 'email' is not among what"),
        (("bound.json", *KEY[2:], "--key", "other-key.pem"), "KEY_MISMATCH: other-key.pem holds another key"),
        (("bound.json", *KEY, "--nonce", ""), "NONCE_INVALID: the nonce must be text of 1 to 255 bytes"),
        (("bound.json", *KEY, "--nonce", "n" * 256), "NONCE_INVALID"),
        (("account-key.pem",), "SD_JWT_MALFORMED"),
    ],
)
def test_what_cannot_be_presented_exits_with_1_and_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "SD_JWT_MALFORMED"),
        ("{}", "BUNDLE_MALFORMED"),
        ("é~", "SD_JWT_MALFORMED"),
        ("{" * 300_000, "JSON_TOO_LARGE"),
        (HOLDER.present(BOUND), "KEY_BINDING_NOT_CHECKED"),
        (ISSUER.attestation(payload={"exp": "never"}), "CLAIM_INVALID"),
    ],
)
def test_what_is_no_attestation_exits_with_1(text: str, reason: str) -> None:
    result = run("-", *KEY, stdin=text)
    assert result.exit_code == 1
    assert reason in result.stderr
    assert result.stdout == ""


def test_starts_without_grpc_or_a_database() -> None:
    code = (
        "import sys, numseal.apps.cli.present; "
        "print([m for m in ('grpc', 'sqlalchemy', 'aiohttp', 'uvloop', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
