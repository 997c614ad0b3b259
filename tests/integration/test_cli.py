"""`numseal signup` against a server that is a process of its own, and `numseal demo`, which brings its own."""

import asyncio
import json
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fakes.server_process import ServerProcess, spawn
from numseal.apps.cli import demo as demo_module
from numseal.apps.cli.main import main


@dataclass(frozen=True, slots=True)
class Site:
    """A running server and its directory."""

    server: ServerProcess
    directory: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("served") / "data"
    server = spawn(directory)
    try:
        asyncio.run(server.serving())
        yield Site(server, directory)
    finally:
        server.kill()
        server.process.wait()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NUMSEAL_KEYS", raising=False)
    return tmp_path


def numseal(*arguments: str) -> Result:
    """Run a command; it ends by its exit code, never by a traceback."""
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "\x1b" not in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    return result


def signup(site: Site, *arguments: str) -> Result:
    # An account of its own for each number: many numbers of one account look like a farm.
    own = () if "--account" in arguments else ("--account", f"account-{arguments[0]}")
    return numseal("signup", "--server", site.server.grpc, "--directory", str(site.directory), *arguments, *own)


def verify(site: Site, bundle: Path | str) -> Result:
    return numseal("verify", str(bundle), "--keys", str(site.directory / "public-keys.json"))


def test_a_sign_up_in_words(site: Site, here: Path) -> None:
    result = signup(site, "+79161230001")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    sent, code, verified, level, bundle = [line for line in lines if line[0] != "found"]
    assert sent == ["state", "CODE_SENT", "+7916*****01", "at", "MTS"]
    assert code[0] == "code"
    assert len(code[1]) == 6
    assert verified[:2] == ["state", "VERIFIED"]
    assert level == ["level", "LOW"]
    assert bundle[:2] == ["bundle", "numseal-bundle.json"]
    hint = bundle[bundle.index("numseal") :]
    assert hint == ["numseal", "verify", "numseal-bundle.json", "--keys", f"{site.directory}/public-keys.json"]
    assert numseal(*hint[1:]).exit_code == 0
    assert verify(site, here / "numseal-bundle.json").exit_code == 0


def test_a_sign_up_as_json(site: Site, here: Path) -> None:
    result = signup(site, "+79161230002", "--json", "--output", "b.json", "--account", "ann")
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert (document["state"], document["assurance_level"]) == ("VERIFIED", "LOW")
    assert (document["bundle"], document["failure_reason"]) == ("b.json", "")
    assert len(document["binding_id"]) == 32
    assert document["code_result"] == "MATCH"
    report = json.loads(numseal("verify", "b.json", "--json", "--keys", f"{site.directory}/public-keys.json").stdout)
    assert report["claims"]["account_id"] == "ann"


@pytest.mark.parametrize(
    ("method", "number"), [("voice", "+79161230003"), ("operator-code", "+79161230004"), ("sms", "+79161230005")]
)
def test_every_kind_of_code_is_read_from_the_handset(site: Site, method: str, number: str) -> None:
    result = signup(site, number, "--method", method)
    assert result.exit_code == 0, result.output
    assert "VERIFIED" in result.stdout


def test_a_network_page_is_opened_by_the_handset(site: Site) -> None:
    result = signup(site, "+79161230014", "--method", "network")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [words[1] for words in lines if words[0] == "state"] == ["NETWORK_PENDING", "VERIFIED"]
    assert ["level", "HIGH"] in lines


def test_a_contest_names_its_ways(site: Site) -> None:
    assert signup(site, "+79161230015", "--account", "ann").exit_code == 0
    result = signup(site, "+79161230015", "--account", "ben")
    assert result.exit_code == 1
    ways = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("way")]
    assert ways == ["WAIT", "REGISTRATION_LOCK", "NEW_SUBSCRIBER"]
    document = json.loads(signup(site, "+79161230015", "--account", "cas", "--json").stdout)
    assert [way.split()[0] for way in document["ways"]] == ways


def test_a_number_in_national_format(site: Site) -> None:
    assert signup(site, "8 (916) 123-00-06", "--region", "RU").exit_code == 0
    result = signup(site, "8 (916) 123-00-06")
    assert result.exit_code == 1
    assert result.stderr.startswith("REGION_CODE_REQUIRED: ")


def test_a_number_that_cannot_be_one(site: Site, here: Path) -> None:
    result = signup(site, "+7916")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("PHONE_NUMBER_IMPOSSIBLE: ")
    error = json.loads(signup(site, "+7916", "--json").stdout)["error"]
    assert (error["code"], error["reason"]) == ("INVALID_ARGUMENT", "PHONE_NUMBER_IMPOSSIBLE")
    assert not (here / "numseal-bundle.json").exists()


def test_a_number_that_is_rejected(site: Site, here: Path) -> None:
    result = signup(site, "+74951234567")
    assert result.exit_code == 1
    assert "REJECTED" in result.stdout
    assert "LINE_NOT_MOBILE" in result.stdout
    document = json.loads(signup(site, "+74951234567", "--json").stdout)
    assert (document["state"], document["bundle"]) == ("REJECTED", None)
    assert "LINE_NOT_MOBILE" in {finding["code"] for finding in document["findings"]}
    assert not (here / "numseal-bundle.json").exists()


def test_a_wrong_code(site: Site) -> None:
    result = signup(site, "+79161230007", "--code", "0000000")
    assert result.exit_code == 1
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [words[1] for words in lines if words[0] != "found"] == ["CODE_SENT", "0000000", "CODE_SENT", "MISMATCH"]
    assert " ".join(lines[-1][2:]).startswith("attempts remaining: 4")
    document = json.loads(signup(site, "+79161230016", "--code", "0000000", "--json").stdout)
    assert (document["code_result"], document["attempts_remaining"]) == ("MISMATCH", 4)
    # The first wrong guess may cost no waiting; the time is told as soon as there is one.
    assert document["next_check_time"] is None or document["next_check_time"].endswith("Z")
    malformed = signup(site, "+79161230007", "--code", "guess")
    assert malformed.exit_code == 1
    assert malformed.stderr.startswith("CODE_MALFORMED: ")


def test_a_number_without_a_simulated_handset(site: Site) -> None:
    result = signup(site, "+442079460000")
    assert result.exit_code == 1
    assert result.stderr.startswith("NUMBER_NOT_SERVED: ")


def test_no_server(site: Site) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = ("signup", "+79161230008", "--server", nowhere, "--directory", str(site.directory))
    result = numseal(*arguments)
    assert result.exit_code == 2
    assert f"(is the server running at {nowhere}?)" in result.stderr
    error = json.loads(numseal(*arguments, "--json").stdout)["error"]
    assert (error["code"], error["reason"]) == ("UNAVAILABLE", "UNAVAILABLE")


def test_no_token(site: Site, here: Path) -> None:
    missing = numseal("signup", "+79161230009", "--server", site.server.grpc)
    assert missing.exit_code == 2
    assert missing.stderr.startswith(".numseal/token: No such file or directory; ")
    (here / "token").write_bytes(b"\xff\xfe")
    unreadable = signup(site, "+79161230009", "--token-file", "token")
    assert unreadable.exit_code == 2
    assert unreadable.stderr.startswith("token: one line of printable ASCII characters is expected, a relying party's")
    (here / "token").write_text("guessed\n")
    unknown = signup(site, "+79161230009", "--token-file", "token")
    assert unknown.exit_code == 1
    assert unknown.stderr.startswith("TOKEN_UNKNOWN: ")


def test_authorities_that_cannot_be_read(site: Site) -> None:
    result = signup(site, "+79161230010", "--ca", "none.pem")
    assert result.exit_code == 2
    assert result.stderr.startswith("--ca: none.pem: No such file or directory; ")


def test_a_bundle_that_cannot_be_written(site: Site) -> None:
    result = signup(site, "+79161230011", "--output", "no/such/directory/b.json")
    assert result.exit_code == 2
    assert "no/such/directory/b.json: No such file or directory; the number is verified" in result.stderr


def test_the_token_is_for_its_owner_only(site: Site) -> None:
    assert stat.S_IMODE((site.directory / "token").stat().st_mode) == 0o600


def test_the_demo_finds_everything_and_its_bundle_holds(here: Path) -> None:
    result = numseal("demo", "--json", "--output", "demo.json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    assert document["ok"] is True
    assert [scene["ok"] for scene in document["scenes"]] == [True] * len(demo_module.SCENES)
    assert document["bundle"] == "demo.json"
    assert document["verified"]["exit_code"] == 0
    # The demo's keys are gone with its server: only what is in the bundle can be looked at.
    assert numseal("verify", "demo.json", "--insecure-keys-from-bundle").exit_code == 0


def test_the_demo_in_words_and_what_it_did_not_expect(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, landline = demo_module.SCENES[0], demo_module.SCENES[3]
    monkeypatch.setattr(demo_module, "SCENES", (good, replace(landline, expected="VERIFIED HIGH")))
    result = numseal("demo")
    assert result.exit_code == 1
    assert "VERIFIED LOW; shown: GENUINE" in result.stdout
    assert "no: VERIFIED HIGH" in result.stdout
    assert "Checked: bundle format" in result.stdout
    assert (here / "numseal-bundle.json").exists()


def test_the_demo_says_where_it_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_module, "SCENES", demo_module.SCENES[:1])
    result = numseal("demo", "--output", "no/such/directory/b.json")
    assert result.exit_code == 2
    assert "no/such/directory/b.json: No such file or directory; --output names another file" in result.stderr
