"""From records to figures, tables, files and the plot."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from rich.console import Console

from fakes.simulated_desk import NOW
from numseal.api.verification.v1 import assurance_pb2 as asr
from numseal.api.verification.v1 import binding_pb2 as pb
from numseal.apps.simulate.attacks import Attacked
from numseal.apps.simulate.claim import Result
from numseal.apps.simulate.measure import ALL, Figures, measure
from numseal.apps.simulate.outcomes import DAY, Outcome, Stage, judge
from numseal.apps.simulate.plot import plot
from numseal.apps.simulate.report import attacks_csv, print_figures, segments_csv, to_json, write_files
from numseal.apps.simulate.segments import Lived

HOUR = 3_600


def result(first: str, final: str = "", *, challenged: bool = True, level: str = "LOW") -> Result:
    made = Result(began=NOW, ended=NOW, first=first, final=final or first, challenged=challenged, level=level)
    made.verification.binding_id = "own"
    return made


def told(kind: int, after: int, code: str = "") -> pb.BindingChange:
    change = pb.BindingChange(kind=kind)  # type: ignore[arg-type]
    change.commit_time.seconds = NOW + after
    if code:
        change.findings.add(code=code, severity=asr.SEVERITY_CAUTION)
    return change


@pytest.mark.parametrize(
    ("end", "stage"),
    [
        (result("REJECTED", challenged=False), Stage.BEFORE),
        (result("REJECTED"), Stage.REJECTED),
        (result("STEP_UP_REQUIRED"), Stage.STEPPED_UP),
        (result("STEP_UP_REQUIRED", "REJECTED"), Stage.STEPPED_UP),
        (result("CONTESTED", "CANCELED"), Stage.CONTESTED),
        (result("VERIFIED"), Stage.MISSED),
    ],
)
def test_an_attempt_that_was_not_told_of_ends_where_it_ended(end: Result, stage: Stage) -> None:
    outcome = judge(Attacked("a", end, None, NOW - HOUR, "a reason"), {})
    assert outcome.stage is stage
    assert outcome.unseen == ("a reason" if stage is Stage.MISSED else "")


@pytest.mark.parametrize(
    ("change", "stage", "delay"),
    [
        (told(pb.BINDING_CHANGE_KIND_SUSPENDED, DAY), Stage.FOUND, DAY),
        (told(pb.BINDING_CHANGE_KIND_SUSPENDED, DAY + 1), Stage.MISSED, None),
        (told(pb.BINDING_CHANGE_KIND_LEVEL_CHANGED, -HOUR), Stage.FOUND, 0),
        (told(pb.BINDING_CHANGE_KIND_LEVEL_CHANGED, -HOUR - 1), Stage.MISSED, None),
        (told(pb.BINDING_CHANGE_KIND_RENEWED, 60), Stage.MISSED, None),
    ],
)
def test_what_was_told_since_the_crime_and_within_a_day_is_found(
    change: pb.BindingChange, stage: Stage, delay: int | None
) -> None:
    outcome = judge(Attacked("a", result("VERIFIED"), None, NOW - HOUR, ""), {"own": [change]})
    assert (outcome.stage, outcome.delay) == (stage, delay)


def test_the_victims_binding_counts_too_and_the_first_telling_decides() -> None:
    victim = result("VERIFIED")
    victim.verification.binding_id = "victims"
    changes = {
        "own": [told(pb.BINDING_CHANGE_KIND_REVOKED, 500, "LATER")],
        "victims": [told(pb.BINDING_CHANGE_KIND_SUSPENDED, 60, "SIM_CHANGED")],
    }
    outcome = judge(Attacked("a", result("VERIFIED"), victim, NOW, ""), changes)
    assert (outcome.codes, outcome.delay) == (("SIM_CHANGED",), 60)
    bare = judge(Attacked("a", result("VERIFIED"), None, NOW, ""), {"own": [told(pb.BINDING_CHANGE_KIND_REVOKED, 5)]})
    assert bare.codes == ("REVOKED",)


def lives(**ends: int) -> list[Lived]:
    return [Lived("stayed_home", result(end), None, 0) for end, count in ends.items() for _ in range(count)]


def figures(**ends: int) -> Figures:
    outcomes = [
        Outcome("sim_swap_at_once", Stage.CONTESTED, ("SIM_CHANGED_SINCE_BINDING",)),
        Outcome("sim_swap_at_once", Stage.FOUND, ("SIM_CHANGED",), "LOW", delay=7_200),
        Outcome("relayed_code", Stage.MISSED, level="LOW", unseen="handed over"),
    ]
    return measure("all", lives(**ends), outcomes, 1.25)


def test_people_are_counted_by_their_first_answer() -> None:
    found = figures(VERIFIED=90, STEP_UP_REQUIRED=2, CONTESTED=1, REJECTED=1, REFUSED=1, CODE_SENT=5)
    everyone = found.segments[-1]
    assert everyone.segment == ALL
    assert (everyone.people, everyone.accepted, everyone.held, everyone.refused, everyone.undelivered) == (
        100, 90, 3, 2, 5,
    )  # fmt: skip
    assert everyone.levels == {"LOW": 90, "SUBSTANTIAL": 0, "HIGH": 0}
    assert found.friction == pytest.approx(0.1)
    assert found.caught == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("ends", "met"),
    [
        ({"VERIFIED": 965, "REJECTED": 5, "CONTESTED": 30}, [True, True, True, True]),
        ({"VERIFIED": 964, "REJECTED": 6, "CONTESTED": 30}, [False, True, True, True]),
        ({"VERIFIED": 964, "REJECTED": 5, "CONTESTED": 31}, [True, True, False, True]),
        ({"VERIFIED": 989, "FAILED": 11}, [False, False, True, True]),
        ({"VERIFIED": 899, "STEP_UP_REQUIRED": 101}, [True, True, False, False]),
    ],
)
def test_goals_for_people_hold_up_to_their_bounds(ends: dict[str, int], met: list[bool]) -> None:
    assert [goal.met for goal in figures(**ends).goals[2:]] == met


@pytest.mark.parametrize(
    ("outcome", "met"),
    [
        (Outcome("voicemail", Stage.MISSED, level="LOW", unseen="a reason"), [True, True]),
        (Outcome("voicemail", Stage.MISSED, level="LOW"), [False, True]),
        (Outcome("rented_sim", Stage.MISSED, level="SUBSTANTIAL", unseen="a reason"), [True, False]),
        (Outcome("rented_sim", Stage.MISSED, level="HIGH", network=True, unseen="a reason"), [True, True]),
    ],
)
def test_goals_against_attackers(outcome: Outcome, met: list[bool]) -> None:
    assert [goal.met for goal in measure("all", lives(VERIFIED=1), [outcome], 0).goals[:2]] == met


def test_nobody_at_all_is_no_error() -> None:
    nobody = measure("all", [], [], 0)
    assert (nobody.friction, nobody.caught) == (0, 0)
    assert all(goal.met for goal in nobody.goals)


def test_tables_name_goals_and_reasons() -> None:
    console = Console(record=True, width=180, file=io.StringIO())
    print_figures([figures(VERIFIED=9, REJECTED=1), figures(VERIFIED=10)], console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "relayed_code: 1 missed: handed over" in text
    assert "NOT MET" in text
    assert "share caught" in text
    assert "2.0 h" in text


def test_files_hold_the_same_figures(tmp_path: Path) -> None:
    runs = [figures(VERIFIED=9, REJECTED=1)]
    write_files(runs, {"seed": 1}, tmp_path / "made")
    document = json.loads((tmp_path / "made" / "figures.json").read_text())
    assert document == json.loads(to_json(runs, {"seed": 1}))
    assert document["runs"][0]["attacks"][0]["median_delay"] == 7_200
    rows = list(csv.DictReader(io.StringIO((tmp_path / "made" / "segments.csv").read_text())))
    assert [(row["segment"], row["people"], row["LOW"]) for row in rows] == [
        ("stayed_home", "10", "9"),
        ("all", "10", "9"),
    ]
    attacks = list(csv.DictReader(io.StringIO((tmp_path / "made" / "attacks.csv").read_text())))
    assert attacks[1]["reasons"] == "handed over 1"
    assert segments_csv(runs).startswith("run,segment,people")
    assert attacks_csv(runs).startswith("run,attack,attempts,before")
    ET.fromstring((tmp_path / "made" / "trade-off.svg").read_text())  # noqa: S314 - made right here


def test_the_plot_has_a_point_a_run_and_labels_apart() -> None:
    root = ET.fromstring(plot([figures(VERIFIED=9, REJECTED=1), figures(VERIFIED=10)]))  # noqa: S314
    namespace = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{namespace}circle")) == 2
    labels = [
        float(item.attrib["y"]) for item in root.findall(f"{namespace}text") if (item.text or "").startswith("all:")
    ]
    assert abs(labels[0] - labels[1]) >= 15


def test_short_delays_are_in_minutes() -> None:
    found = measure("all", lives(VERIFIED=1), [Outcome("a", Stage.FOUND, (), "LOW", delay=600)], 0)
    console = Console(width=180, file=io.StringIO())
    print_figures([found], console)
    assert "10 min" in console.file.getvalue()  # type: ignore[attr-defined]
