"""The cost of a verdict is measured and reported in its promised form. Speeds are not judged here."""

import json
import math
import subprocess
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "scripts" / "bench"


def _bench(*arguments: str) -> str:
    done = subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(100)
def test_it_prints_the_microseconds_of_a_verdict() -> None:
    lines = _bench("--verdicts").splitlines()
    assert lines[0].split() == ["verdict", "over", "µs"]
    costs = [float(line.split()[-1]) for line in lines[1:-1]]
    assert len(costs) == 4
    assert all(math.isfinite(cost) and cost > 0 for cost in costs)
    assert lines[-1].startswith("goal: each under 50 µs: ")


@pytest.mark.timeout(100)
def test_it_gives_the_same_figures_as_json() -> None:
    costs = json.loads(_bench("--verdicts", "--json"))["verdict_us"]
    assert len(costs) == 4
    assert all(math.isfinite(cost) and cost > 0 for cost in costs.values())
