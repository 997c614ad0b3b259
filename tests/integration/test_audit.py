"""From a sign-up to its audit: `explain` beside the running server, `audit replay` on what it wrote."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.server_process import spawn
from numseal.apps.cli.main import main


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run a server, sign up, and leave the bundle, the evidence and the policy beside its directory."""
    place = tmp_path_factory.mktemp("audited")
    directory = place / "data"
    server = spawn(directory)
    try:
        asyncio.run(server.serving())
        where = ("--server", server.grpc, "--directory", str(directory))
        output = ("--json", "--output", str(place / "bundle.json"))
        signed_up = json.loads(numseal("signup", "+79161230007", *where, *output).stdout)
        written = ("--evidence", str(place / "evidence.json"), "--policy", str(place / "policy.json"))
        explained = numseal("explain", signed_up["verification_id"], "--directory", str(directory), *written)
        (place / "page.txt").write_text(explained.stdout)
        yield place
    finally:
        server.kill()
        server.process.wait()


def numseal(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.stdout + result.stderr
    return result


def replay(site: Path, evidence: str = "evidence.json", policy: str = "policy.json") -> Result:
    files = [str(site / name) for name in (evidence, policy, "bundle.json")]
    return numseal("audit", "replay", *files, "--keys", str(site / "data" / "public-keys.json"))


def test_a_sign_up_is_explained_beside_the_server(site: Path) -> None:
    page = (site / "page.txt").read_text()
    for title in ("Verification", "History", "Lookup before the code", "Lookup after the code", "Findings", "Verdict"):
        assert f"{title}\n" in page
    assert "+7916*****07" in page
    assert "+79161230007" not in page


def test_its_verdict_is_replayed(site: Path) -> None:
    result = replay(site)
    assert result.exit_code == 0, result.stdout
    assert result.stdout.splitlines()[-1].startswith("The same: ")
    assert "NOT checked" not in result.stdout


def test_changed_evidence_is_told(site: Path) -> None:
    document = json.loads((site / "evidence.json").read_bytes())
    document["evidence"]["after"]["subscriber"]["recycled"]["value"] = True
    (site / "changed.json").write_text(json.dumps(document))
    result = replay(site, evidence="changed.json")
    assert result.exit_code == 1
    assert "the commitment does not hold" in result.stdout


def test_a_changed_policy_is_told(site: Path) -> None:
    document = json.loads((site / "policy.json").read_bytes())
    document["rules"]["SIM_RECENT"] = {**document["rules"]["SIM_RECENT"], "severity": "CAUTION", "cap": "NONE"}
    document["rules"]["SIM_RECENT"].pop("answers", None)
    (site / "stricter.json").write_text(json.dumps(document))
    result = replay(site, policy="stricter.json")
    assert result.exit_code == 1
    assert "this is another policy" in result.stdout
    assert "This evidence under this policy comes to " in result.stdout
