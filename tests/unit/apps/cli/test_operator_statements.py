"""`numseal audit replay --operator-keys`: a line for each answer, whether its operator signed it so."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.audited import Audited
from fakes.clock import FakeClock
from fakes.evidence import NOW, answer, evidence, known
from fakes.operator import FakeOperator
from fakes.orders import lookup_request
from fakes.remote_world import remote
from numseal.adapters.operators.remote.statement import Signer
from numseal.apps.cli.audit import audit
from numseal.domain.evidence import Evidence, Lookup, LookupOutcome, Method, Possession
from numseal.domain.operator import NetworkChecked, NetworkOffer, NetworkOutcome

NUMBER = "+79161234567"
SIGNER = Signer(Ed25519PrivateKey.generate(), "k1")
OFFER = NetworkOffer("f1", NUMBER, b"challenge", "code", "state-of-16-chars")


async def told(at: int) -> tuple[Lookup, NetworkChecked]:
    """Return what an operator across the wire signed of an ordinary subscriber, and of his SIM."""
    fake = FakeOperator("mts", found=[answer()], finished=NetworkChecked(NetworkOutcome.MATCH, at))
    keys = {"k1": SIGNER.key.public_key()}
    async with remote(fake, FakeClock(at), signer=SIGNER, statement_keys=keys) as operator:
        found = await operator.look_up(lookup_request(NUMBER, since_time=None))
        return replace(found, time=at), await operator.finish_network_check(OFFER)


async def signed() -> Evidence:
    before, checked = await told(NOW - 60)
    after, _ = await told(NOW)
    shown = Possession(
        Method.NETWORK, NOW - 30, NOW, statement=checked.statement, statement_hash=checked.statement_hash
    )
    return evidence(before=before, after=after, possession=shown)


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NUMSEAL_KEYS", raising=False)
    (tmp_path / "operator.jwks").write_text(SIGNER.keys_json())
    return tmp_path


def replay(what: Evidence, *options: str) -> Result:
    case = Audited.make(what)
    Path("evidence.json").write_bytes(case.evidence)
    Path("policy.toml").write_bytes(case.policy)
    Path("attestation.txt").write_text(case.sd_jwt)
    Path("keys.json").write_bytes(case.issuer.public_keys().to_json())
    arguments = ("replay", "evidence.json", "policy.toml", "attestation.txt", "--keys", "keys.json", *options)
    result = CliRunner().invoke(audit, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def lines(result: Result) -> dict[str, str]:
    """Return the mark of each line about a statement, by the answer's name."""
    found = [line.split() for line in result.stdout.splitlines() if "statement" in line.split()[1:2]]
    return {words[2]: words[0] for words in found}


KEYS = ("--operator-keys", "operator.jwks")


async def test_every_signed_answer_has_its_line() -> None:
    result = replay(await signed(), *KEYS)
    assert result.exit_code == 0, result.stdout
    assert lines(result) == {"before": "ok", "after": "ok", "possession": "ok"}
    assert "NOT checked" not in result.stdout


async def test_without_keys_a_signature_is_said_to_be_not_checked() -> None:
    result = replay(await signed())
    assert result.exit_code == 0
    assert lines(result) == {"before": "--", "after": "--", "possession": "--"}
    assert result.stdout.splitlines()[-1].endswith(
        "NOT checked: statement before, statement after, statement possession."
    )


def test_evidence_that_nobody_signed_says_so_where_it_is_asked() -> None:
    assert lines(replay(evidence())) == {}
    result = replay(evidence(before_resend=(answer(),)), *KEYS)
    assert result.exit_code == 0
    assert lines(result) == {"before": "--", "before_resend.1": "--", "after": "--"}
    assert "did not sign this answer" in result.stdout


async def test_evidence_that_the_operator_did_not_give_differs() -> None:
    """Numseal attests what an operator never said: its commitment, level and claims are all in order."""
    before = (await signed()).before
    assert before.subscriber is not None
    invented = replace(before, subscriber=replace(before.subscriber, sims_on_device=known(3)))
    result = replay(replace(await signed(), before=invented), *KEYS, "--json")
    report = json.loads(result.stdout)
    (differs,) = [step for step in report["steps"] if step["outcome"] == "failed"]
    assert (result.exit_code, report["same"], differs["name"]) == (1, False, "statement before")
    assert differs["reason"] == "STATEMENT_DIFFERS"
    assert "sims_on_device" in differs["sentence"]


async def test_a_statement_that_was_moved_to_another_number_differs() -> None:
    result = replay(replace(await signed(), phone_number="+79161234568"), *KEYS)
    assert result.exit_code == 1
    assert (lines(result)["before"], lines(result)["after"]) == ("DIFFERS", "DIFFERS")
    assert "another number" in result.stdout


async def test_another_operators_keys_show_nothing() -> None:
    Path("operator.jwks").write_text(Signer(Ed25519PrivateKey.generate(), "k2").keys_json())
    result = replay(await signed(), *KEYS)
    assert result.exit_code == 1
    assert "KEY_UNKNOWN" in result.stdout


async def test_a_lookup_without_an_answer_has_no_line() -> None:
    unanswered = Lookup(LookupOutcome.UNANSWERED, "mts", NOW, failure="TIMEOUT")
    assert lines(replay(replace(await signed(), after=unanswered), *KEYS)) == {"before": "ok", "possession": "ok"}


@pytest.mark.parametrize("content", [b"", b"{}", b'{"keys": []}'])
def test_keys_that_cannot_be_used(content: bytes) -> None:
    Path("operator.jwks").write_bytes(content)
    result = replay(evidence(), *KEYS)
    assert result.exit_code == 2
    assert "operator.jwks" in result.stderr


def test_a_key_file_that_is_not_there() -> None:
    result = replay(evidence(), "--operator-keys", "none.jwks")
    assert result.exit_code == 2
    assert "none.jwks" in result.stderr
