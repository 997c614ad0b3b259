"""What reaching operators costs is measured and reported in its promised form. Speeds are not judged here."""

import json
import subprocess
from pathlib import Path

import pytest

from fakes import osmo_hlr_process
from fakes.smsc import _node

BENCH = Path(__file__).parents[2] / "scripts" / "bench"


@pytest.mark.timeout(100)
def test_it_measures_the_remote_backend_an_hlr_and_an_smsc() -> None:
    osmo_hlr_process.needed()
    _node()
    command = [str(BENCH), "--operators", "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["remote"]["overhead_p50_ms"] < figures["remote"]["remote_p50_ms"]
    assert figures["osmo_hlr"]["goals"][0]["value"] > 0
    assert figures["smpp"]["codes_per_s"] > 0
