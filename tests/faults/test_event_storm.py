"""A storm of events is worked off to every status, and its report has the promised form. Speeds are not judged."""

import json
import subprocess
from pathlib import Path

import pytest

STORM = Path(__file__).parents[2] / "scripts" / "storm"


def _storm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([STORM, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.timeout(70)
def test_the_storm_is_worked_off_and_told_of() -> None:
    done = _storm("--events", "3000", "--bindings", "300", "--seconds", "0.5", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["events"], report["bindings"]) == (3_000, 300)
    # Every number's end was told, and each by one change at least.
    assert report["changes"] >= 300
    assert report["wall_seconds"] > 0
    assert report["cpu_seconds"] > 0
    for part in ("burst", "steady"):
        assert report[part]["count"] >= 1
        assert 0 < report[part]["p50_ms"] <= report[part]["p99_ms"]


def test_it_says_what_is_expected_of_its_options() -> None:
    done = _storm("--events", "10", "--bindings", "11")
    assert done.returncode == 2
    assert "--bindings 11: expected at most --events 10" in done.stderr
