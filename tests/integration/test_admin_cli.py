"""`numseal admin` against a server that is a process of its own: all of an agreement's life, and the trail of it."""

import asyncio
import hashlib
import json
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fakes.server_process import ServerProcess, spawn
from numseal.apps.cli.main import main
from numseal.apps.development import ADMINISTRATORS
from numseal.attestation.entry import agreement_entry
from numseal.attestation.public_keys import PublicKeys
from numseal.tlog import tlog_proof
from numseal.tlog.checkpoint import open_checkpoint
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import verify_inclusion

TERMS = """
id = "{name}"
relying_party = "demo-messenger"
operator = "mts"
valid_from = 2020-01-01
methods = ["SMS"]
signals = ["sim_ref", "port"]
daily_verifications = 10
calls_per_second = 5
daily_cost_cap_micros = 2500000
currency = "RUB"
consent_purpose = "number check"
offer_uri = "https://operator.example/offer"
offer_sha256 = "{digest}"
notification_reference = "n-1"
"""
WHY = ("--reason", "codes were sold on", "--reference", "order 7")


@dataclass(frozen=True, slots=True)
class Site:
    """A running server and its directory."""

    server: ServerProcess
    directory: Path

    def run(self, *arguments: str, code: int = 0) -> Result:
        """Run a command of administrators."""
        where = ("--address", self.server.grpc, "--directory", str(self.directory))
        done = CliRunner().invoke(main, ["admin", *arguments, *where])
        assert done.exit_code == code, done.output
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("administered") / "data"
    server = spawn(directory)
    try:
        asyncio.run(server.serving())
        yield Site(server, directory)
    finally:
        server.kill()
        server.process.wait()


def terms_file(path: Path, name: str, more: str = "") -> Path:
    path.write_text(TERMS.format(name=name, digest="0" * 64) + more, encoding="utf-8")
    return path


def test_the_administrators_tokens_are_the_owners_alone(site: Site) -> None:
    for name in ADMINISTRATORS:
        token = site.directory / f"{name}.token"
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        digest = hashlib.sha256(token.read_text().strip().encode()).hexdigest()
        assert digest in (site.directory / "numseal.toml").read_text()


def test_an_agreement_is_made_accepted_suspended_resumed_and_ended(site: Site, tmp_path: Path) -> None:
    file = terms_file(tmp_path / "agreement.toml", "new")
    made = site.json("agreements", "create", "--file", str(file), "--request-id", "r-1")
    assert site.json("agreements", "create", "--file", str(file), "--request-id", "r-1") == made
    assert (made["state"], made["methods"]) == ("AGREEMENT_STATE_PROPOSED", ["METHOD_SMS"])
    assert made["quota"] == {
        "daily_verifications": "10",
        "calls_per_second": 5,
        "daily_cost_cap_micros": "2500000",
        "currency_code": "RUB",
    }
    assert "end_time" not in made
    etag = made["etag"]
    for side in ("operator", "relying-party"):
        accept = ("accept", "new", "--side", side, "--reference", "letter 1", "--etag", etag)
        etag = site.json("agreements", *accept)["etag"]
    shown = site.run("agreements", "show", "new").stdout
    for words in ("ACTIVE", "2 of 18", "10 verifications a day, 5 calls a second, 2.5 RUB a day", "OPERATOR: letter 1"):
        assert words in shown
    proposed = site.run("agreements", "suspend", "new", *WHY).stdout
    suspension = proposed.split()[1]
    assert f"numseal admin agreements confirm new {suspension}" in proposed
    same = site.run("agreements", "confirm", "new", suspension, code=1)
    assert "SAME_ADMINISTRATOR" in same.stderr
    proof = tmp_path / "proof.txt"
    confirmed = site.run("agreements", "confirm", "new", suspension, "--as", "admin-b", "--proof", str(proof)).stdout
    assert "SUSPENDED" in confirmed
    assert str(proof) in confirmed
    trail = site.json("audit-trail", "--resource", "agreements/new")
    assert trail["chain"] == "NOT_CHECKED"
    detail = json.loads(trail["events"][-1]["detail_json"])
    _verify(site, proof.read_text(), detail["document"], detail["leaf_index"])
    listed = site.run("agreements", "list", "--state", "SUSPENDED").stdout
    assert listed.startswith("new  SUSPENDED")
    resumed = site.json("agreements", "resume", "new", *WHY)
    assert resumed["agreement"]["state"] == "AGREEMENT_STATE_ACTIVE"
    assert resumed["proof"].startswith("c2sp.org/tlog-proof@v1")
    terms_file(file, "new", "valid_until = 2100-01-01\n")
    changed = site.json("agreements", "update", "--file", str(file), "--etag", resumed["agreement"]["etag"])
    assert (changed["state"], changed["end_time"]) == ("AGREEMENT_STATE_PROPOSED", "2100-01-01T00:00:00Z")
    assert "ETAG_MISMATCH" in site.run("agreements", "update", "--file", str(file), "--etag", "v1", code=1).stderr
    assert "ENDED" in site.run("agreements", "end", "new", *WHY).stdout
    assert site.run("agreements", "list", "--operator", "mts", "--relying-party", "other").stdout == ""
    assert len(site.json("agreements", "list", "--operator", "mts")) == 2


def _verify(site: Site, proof: str, document: str, index: int) -> None:
    keys = PublicKeys.from_json((site.directory / "public-keys.json").read_bytes())
    parsed = tlog_proof.parse(proof)
    checkpoint = open_checkpoint(parsed.checkpoint, keys.log_vkey)
    assert parsed.index == index
    entry = leaf_hash(agreement_entry(document.encode()))
    verify_inclusion(entry, index, checkpoint.size, parsed.path, checkpoint.root)


def test_the_trail_is_printed_and_its_chain_checked(site: Site) -> None:
    printed = site.run("audit-trail").stdout
    assert "configuration  DeclareAgreement  agreements/demo-mts" in printed
    assert "is whole" in printed
    trail = site.json("audit-trail")
    assert (trail["chain"], trail["broken_at"]) == ("WHOLE", None)
    assert [event["sequence"] for event in trail["events"]] == list(range(1, len(trail["events"]) + 1))
    assert "not checked" in site.run("audit-trail", "--resource", "agreements/demo-mts").stdout


def test_a_trail_that_was_tampered_with_is_found(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    for tampered in (False, True):
        server = spawn(directory)
        try:
            asyncio.run(server.serving())
            site = Site(server, directory)
            if tampered:
                assert "broken at event 2" in site.run("audit-trail", code=1).stdout
                assert site.json("audit-trail", code=1)["broken_at"] == 2
            server.terminate()
            asyncio.run(server.ended())
        finally:
            server.kill()
            server.process.wait()
        with closing(sqlite3.connect(directory / "numseal.db")) as database:
            database.execute("UPDATE audit_event SET administrator_id = 'nobody' WHERE sequence = 2")
            database.commit()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id = 1", "id: found 1, expected"),
        (TERMS.format(name="a", digest="0" * 63), "offer_sha256"),
        (TERMS.format(name="a", digest="0" * 64) + 'extra = "x"', "extra: no such key"),
        ("id = ", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(site: Site, tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "agreement.toml"
    file.write_text(text)
    done = site.run("agreements", "create", "--file", str(file), code=2)
    assert str(file) in done.stderr
    assert expected in done.stderr


def test_who_may_not_or_cannot_be_reached_is_told(site: Site, tmp_path: Path) -> None:
    messenger = str(site.directory / "token")
    done = site.run("agreements", "list", "--token-file", messenger, code=1)
    assert "NOT_AN_ADMINISTRATOR" in done.stderr
    refused = site.json("agreements", "list", "--token-file", messenger, code=1)
    assert refused["error"]["reason"] == "NOT_AN_ADMINISTRATOR"
    assert "--token-file" in site.run("agreements", "list", "--as", "nobody", code=2).stderr
    (tmp_path / "token").write_bytes(b"\xff")
    assert "not a token" in site.run("agreements", "list", "--token-file", str(tmp_path / "token"), code=2).stderr
    gone = CliRunner().invoke(
        main,
        ["admin", "agreements", "list", "--address", "127.0.0.1:1", "--directory", str(site.directory)],
    )
    assert gone.exit_code == 2
    assert "is the server running at 127.0.0.1:1?" in gone.stderr


def test_a_proof_that_cannot_be_written_is_told_and_the_deed_is_done(site: Site, tmp_path: Path) -> None:
    proof = tmp_path / "no" / "proof"
    done = site.run("agreements", "end", "demo-t2", *WHY, "--proof", str(proof), code=2)
    assert "it is done, only the proof was not written" in done.stderr
    assert site.json("agreements", "show", "demo-t2")["state"] == "AGREEMENT_STATE_ENDED"
