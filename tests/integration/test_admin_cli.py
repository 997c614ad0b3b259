"""`numseal admin` against a server that is a process of its own: all of an agreement's life."""

import asyncio
import hashlib
import json
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fakes.administered import WHY, Site
from fakes.server_process import spawn
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
offer_approval_reference = "decree 3"
notification_reference = "n-1"
"""


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
    assert "state     ACTIVE" in site.run("agreements", "show", "new").stdout
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
    assert f"entry     {detail['leaf_index']} of the log" in confirmed
    assert "numseal admin audit-trail --resource agreements/new" in confirmed
    again = site.json("agreements", "confirm", "new", suspension, "--as", "admin-b")
    assert again["document"] == detail["document"]
    stopped = site.run("agreements", "show", "new").stdout
    assert f"\nstopped   {suspension} codes were sold on (order 7) proposed by admin-a " in stopped
    assert f"; confirmed by admin-b {again['agreement']['suspensions'][0]['effect_time']}, entry " in stopped
    listed = site.run("agreements", "list", "--state", "SUSPENDED").stdout
    assert listed.startswith("new  SUSPENDED")
    resumed = site.json("agreements", "resume", "new", *WHY)
    assert resumed["agreement"]["state"] == "AGREEMENT_STATE_ACTIVE"
    document = json.loads(resumed["document"])
    assert (document["from"], document["to"], document["decided_by"]) == ("SUSPENDED", "ACTIVE", "admin-a")
    _verify(site, resumed["proof"], resumed["document"], tlog_proof.parse(resumed["proof"]).index)
    terms_file(file, "new", "valid_until = 2100-01-01\n")
    update = ("agreements", "update", "--file", str(file), "--etag")
    assert "AGREEMENT_IN_FORCE" in site.run(*update, resumed["agreement"]["etag"], code=1).stderr
    assert "ETAG_MISMATCH" in site.run(*update, "v1", code=1).stderr
    assert "ENDED" in site.run("agreements", "end", "new", *WHY).stdout
    assert site.run("agreements", "list", "--operator", "mts", "--relying-party", "other").stdout == ""
    listed = site.json("agreements", "list", "--operator", "mts")
    assert {"demo-mts", "new"} <= {item["agreement_id"] for item in listed}


def test_all_that_was_agreed_is_shown(site: Site, tmp_path: Path) -> None:
    file = terms_file(tmp_path / "agreement.toml", "shown")
    made = site.json("agreements", "create", "--file", str(file))
    assert "\naccepted  by nobody\n" in site.run("agreements", "show", "shown").stdout
    etag = made["etag"]
    for side in ("operator", "relying-party"):
        accept = ("accept", "shown", "--side", side, "--reference", "letter 1", "--etag", etag)
        etag = site.json("agreements", *accept)["etag"]
    shown = site.run("agreements", "show", "shown").stdout
    assert "until it is ended" in shown
    for row in (
        "state     ACTIVE",
        f"etag      {etag}",
        "between   demo-messenger and mts",
        "time      from 2020-01-01T00:00:00Z",
        "methods   SMS",
        "signals   2 of 18: sim_ref, port",
        "quota     10 verifications a day",
        "rate      5 calls a second",
        "cost cap  2.5 RUB a day",
        "consent   required, for: number check",
        "notified  n-1",
        "offer     https://operator.example/offer",
        f"sha256    {'0' * 64}",
        "approval  decree 3",
        f"accepted  OPERATOR: letter 1 recorded by admin-a {made['create_time'][:11]}",
        "accepted  RELYING_PARTY: letter 1 recorded by admin-a ",
        f"made      {made['create_time']}",
        f"changed   {made['create_time'][:11]}",
    ):
        assert f"\n{row}" in shown
    bare = site.run("agreements", "show", "demo-t2").stdout
    for row in (
        "quota     no limit",
        "rate      no limit",
        "cost cap  no limit",
        "consent   none required",
        "offer     none",
    ):
        assert f"\n{row}" in bare
    site.run("agreements", "end", "shown", *WHY)


def test_one_that_has_ended_is_not_changed(site: Site, tmp_path: Path) -> None:
    file = terms_file(tmp_path / "agreement.toml", "gone")
    site.run("agreements", "create", "--file", str(file))
    etag = site.json("agreements", "end", "gone", *WHY)["agreement"]["etag"]
    for more in ("", "valid_until = 2100-01-01\n"):
        terms_file(file, "gone", more)
        done = site.run("agreements", "update", "--file", str(file), "--etag", etag, code=1)
        assert "AGREEMENT_ENDED: the agreement is ENDED and cannot be changed: one that is PROPOSED" in done.stderr


def test_a_proposed_agreement_is_changed(site: Site, tmp_path: Path) -> None:
    file = terms_file(tmp_path / "agreement.toml", "changed")
    made = site.json("agreements", "create", "--file", str(file))
    terms_file(file, "changed", "valid_until = 2100-01-01\n")
    changed = site.json("agreements", "update", "--file", str(file), "--etag", made["etag"])
    assert (changed["state"], changed["end_time"]) == ("AGREEMENT_STATE_PROPOSED", "2100-01-01T00:00:00Z")
    site.run("agreements", "end", "changed", *WHY)


def _verify(site: Site, proof: str, document: str, index: int) -> None:
    keys = PublicKeys.from_json((site.directory / "public-keys.json").read_bytes())
    parsed = tlog_proof.parse(proof)
    checkpoint = open_checkpoint(parsed.checkpoint, keys.log_vkey)
    assert parsed.index == index
    entry = leaf_hash(agreement_entry(document.encode()))
    verify_inclusion(entry, index, checkpoint.size, parsed.path, checkpoint.root)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id = 1", "id: found 1, expected"),
        (TERMS.format(name="a", digest="0" * 63), "offer_sha256"),
        (TERMS.format(name="a", digest="0" * 64) + 'extra = "x"', "extra: no such key"),
        ("id = ", "is not TOML"),
        (
            TERMS.format(name="a", digest="0" * 64) + "valid_until = 2020-01-01T00:00:00Z\n",
            "valid_until: found 2020-01-01T00:00:00+00:00, expected a later time than valid_from, 2020-01-01",
        ),
        (
            TERMS.format(name="a", digest="0" * 64) + "valid_until = [2021-01-01]\n",
            "valid_until: found [2021-01-01], expected a date such as 2026-01-31, or a time with offset",
        ),
        (
            TERMS.format(name="a", digest="0" * 64) + "valid_until = 2021-01-01T00:00:00\n",
            "valid_until: found 2021-01-01T00:00:00, expected a date such as 2026-01-31, or a time with offset",
        ),
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
    assert "printable ASCII" in site.run("agreements", "list", "--token-file", str(tmp_path / "token"), code=2).stderr
    gone = CliRunner().invoke(
        main,
        ["admin", "agreements", "list", "--address", "127.0.0.1:1", "--directory", str(site.directory)],
    )
    assert gone.exit_code == 2
    assert "is the server running at 127.0.0.1:1?" in gone.stderr


def test_an_end_without_a_place_for_its_proof_is_not_begun(site: Site, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("another proof")
    for proof, words in (
        (tmp_path / "no" / "proof", "No such file or directory"),
        (taken, "is there already"),
    ):
        for command in (("end", "demo-t2", *WHY), ("resume", "demo-t2", *WHY), ("confirm", "demo-t2", "0" * 32)):
            done = site.run("agreements", *command, "--proof", str(proof), code=2)
            assert f"{proof}: {words}" in done.stderr
            assert "Nothing was done" in done.stderr
    assert taken.read_text() == "another proof"
    assert site.json("agreements", "show", "demo-t2")["state"] == "AGREEMENT_STATE_ACTIVE"


def test_a_refused_change_leaves_no_file_and_one_that_is_made_its_proof(site: Site, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    refused = site.run("agreements", "resume", "demo-beeline", *WHY, "--proof", str(proof), code=1)
    assert "AGREEMENT_ACTIVE: the agreement is ACTIVE and cannot be resumed: one that is SUSPENDED" in refused.stderr
    assert not proof.exists()
    ended = site.json("agreements", "end", "demo-beeline", *WHY, "--proof", str(proof))
    assert proof.read_text() == ended["proof"]


def test_a_disk_that_is_full_costs_the_file_and_not_the_proof(site: Site, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        done = site.run("agreements", "end", "demo-telekom-de", *WHY, "--proof", str(proof), code=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "it is done, only the proof was not written to the file: it is printed" in done.stderr
    assert not proof.exists()
    parsed = tlog_proof.parse(done.stdout[done.stdout.index(tlog_proof.HEADER) :].removesuffix("\n"))
    assert f"entry     {parsed.index} of the log" in done.stdout


def test_a_version_must_be_named(site: Site, tmp_path: Path) -> None:
    file = terms_file(tmp_path / "agreement.toml", "new")
    accept = ("accept", "demo-mts", "--side", "operator", "--reference", "letter 1")
    for command in (("update", "--file", str(file)), accept):
        for etag in ("", " "):
            done = site.run("agreements", *command, "--etag", etag, code=2)
            assert "--etag" in done.stderr
            assert "found nothing, expected the etag that `numseal admin agreements show` prints" in done.stderr


def test_what_would_be_over_already_is_not_proposed(site: Site, tmp_path: Path) -> None:
    file = terms_file(tmp_path / "agreement.toml", "over", "valid_until = 2020-02-01\n")
    refused = site.run("agreements", "create", "--file", str(file), code=1)
    assert "PERIOD_OVER: agreement.end_time: the agreement would be over already" in refused.stderr
    assert "AGREEMENT_NOT_FOUND" in site.run("agreements", "show", "over", code=1).stderr


def test_a_proposal_that_takes_the_place_of_another_says_so(site: Site) -> None:
    suspend = ("agreements", "suspend", "demo-megafon", *WHY)
    first = site.json(*suspend)
    assert first["replaced"] is None
    of_another = site.run(*suspend, "--as", "admin-b").stdout
    assert "replaced" not in of_another
    name = first["suspension"]["suspension_id"]
    second = site.run(*suspend).stdout
    assert f"replaced  {name}, which the same administrator proposed before" in second
    third = site.json(*suspend)
    assert third["replaced"] == second.split()[1]
    gone = site.run("agreements", "confirm", "demo-megafon", name, "--as", "admin-b", code=1)
    assert "SUSPENSION_NOT_FOUND" in gone.stderr
    # What took effect before stays, and is replaced by nothing.
    site.run("agreements", "confirm", "demo-megafon", third["suspension"]["suspension_id"], "--as", "admin-b")
    site.run("agreements", "resume", "demo-megafon", *WHY)
    assert site.json(*suspend)["replaced"] is None
    details = [
        json.loads(e["detail_json"])
        for e in site.json("audit-trail", "--resource", "agreements/demo-megafon")["events"]
    ]
    replaced = [detail.get("replaced") for detail in details]
    assert replaced == [None, None, None, name, third["replaced"], None, None, None]
