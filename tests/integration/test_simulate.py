"""`numseal simulate` through a real server: a short run of everybody, and what the command prints and writes."""

import json
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from numseal.apps.cli.main import main
from numseal.apps.simulate.mix import ATTACKS, SEGMENTS
from numseal.apps.simulate.nuisances import NUISANCES

SMALL = ["simulate", "--subscribers", "150", "--days", "2", "--seed", "3"]


@pytest.mark.timeout(300)
def test_a_short_run_measures_people_and_attackers(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [*SMALL, "--json", "--output", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    (run,) = document["runs"]
    assert (document["mix"], document["seed"], run["label"]) == ("default", 3, "all")
    segments = {item["segment"]: item for item in run["segments"]}
    assert set(segments) - {"all"} <= set(SEGMENTS)
    assert segments["all"]["people"] == 150
    assert segments["all"]["accepted"] > 135
    attacks = {item["attack"]: item for item in run["attacks"]}
    assert set(attacks) == set(ATTACKS)
    for name in NUISANCES - {"pumper_completes"}:
        assert attacks[name]["stages"]["missed"] == 0, attacks[name]
    for name in ("unallocated_number", "landline_number", "other_operator_number"):
        assert attacks[name]["stages"]["before"] == attacks[name]["attempts"], attacks[name]
    assert "" not in attacks["sim_swap_at_once"]["reasons"], attacks["sim_swap_at_once"]
    for name in ("relayed_code", "rented_sim"):
        assert attacks[name]["levels"]["SUBSTANTIAL"] == attacks[name]["levels"]["HIGH"] == 0, attacks[name]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "attacks.csv",
        "figures.json",
        "segments.csv",
        "trade-off.svg",
    ]


@pytest.mark.timeout(300)
def test_runs_with_fewer_signals_are_played_side_by_side(tmp_path: Path) -> None:
    tiny = ["simulate", "--subscribers", "5", "--days", "1", "--mix", str(few_attacks(tmp_path))]
    done = CliRunner().invoke(main, [*tiny, "--signals", "compare", "--thresholds", "2", "--check"])
    assert done.exit_code in {0, 3}, done.output
    assert [label for label in ("code", "hlr", "all", "all x2") if f"signals: {label}  " in done.stdout] == [
        "code",
        "hlr",
        "all",
        "all x2",
    ]
    assert "share caught" in done.stdout


def few_attacks(directory: Path) -> Path:
    """Write the packaged mix without its long runs."""
    text = resources.files("numseal.apps").joinpath("data", "mix.toml").read_text(encoding="utf-8")
    path = directory / "mix.toml"
    path.write_text(text.replace("numbers_at_once = 120", "numbers_at_once = 5"), encoding="utf-8")
    return path


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    tiny = ["simulate", "--subscribers", "2", "--days", "1", "--mix", str(few_attacks(tmp_path))]
    done = CliRunner().invoke(main, [*tiny, "--output", str(blocked)])
    assert done.exit_code == 2
    assert str(blocked) in done.stderr


def test_a_bad_mix_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mix.toml"
    path.write_text("name = 1\n")
    done = CliRunner().invoke(main, [*SMALL, "--mix", str(path)])
    assert done.exit_code == 2
    assert str(path) in done.stderr
