"""A loaded server is killed at random moments, and keeps what it acknowledged. `scripts/soak` is the long version."""

import json
import subprocess
from pathlib import Path

import pytest

from fakes.killing import Killing

SOAK = Path(__file__).parents[2] / "scripts" / "soak"
KILLS = 20
SEED = 20_261_123


@pytest.mark.timeout(180)
async def test_a_killed_server_loses_nothing_and_its_log_never_shrinks_or_forks(tmp_path: Path) -> None:
    report = await Killing(tmp_path / "data", SEED).run(KILLS)
    assert report.kills >= KILLS
    assert report.kills_while_starting >= 1
    # Without these the audits would have had nothing to find.
    assert report.verified > KILLS
    assert report.contested >= 1
    assert report.resumed >= KILLS
    assert report.taken_up_pending >= 1
    assert report.taken_up_assessing >= 1


def test_the_soak_tells_what_it_did(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    arguments = ["--kills", "2", "--seed", "7", "--directory", str(directory), "--json"]
    done = subprocess.run([SOAK, *arguments], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["seed"], report["failure"], report["kills"]) == (7, None, 2)
    assert report["verified"] == report["log_size"] > 0
    again = subprocess.run([SOAK, *arguments], capture_output=True, text=True, timeout=90, check=False)
    assert again.returncode == 2
    assert f"{directory}: is there already" in again.stderr
