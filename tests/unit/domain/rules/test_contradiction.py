"""Sources that contradict each other, where `test_either_lookup` does not say it already."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import DAY, NOW, OWNER, answer, known, previous, unknown
from fakes.rules import own, rests_on
from numseal.domain.evidence import Lookup, LookupOutcome, Meta, Signal, SignalState, SimChange, SimChangeKind

OTHER_OWNER = known(replace(OWNER, ref="b" * 32))


def coded(space: str, code: str) -> Lookup:
    return answer(serving=Signal(Meta(SignalState.ERROR, NOW, code_space=space, code=code)))


@pytest.mark.parametrize("code", ["1", "5", "9", "12", "44"])
def test_a_subscriber_of_whom_a_source_knows_nothing(code: str) -> None:
    assert rests_on("ACTIVE_YET_UNKNOWN", after=coded("map", code)) == ("after.serving",)


@pytest.mark.parametrize(
    ("space", "code"),
    [("map", other) for other in ("8", "10", "11", "13", "21", "27", "6", "31", "34", "35", "36", "2", "01", "")]
    + [("camara", "1"), ("", "1"), ("MAP", "1")],
)
def test_other_codes_say_nothing_of_the_kind(space: str, code: str) -> None:
    assert rests_on("ACTIVE_YET_UNKNOWN", after=coded(space, code)) is None


def test_a_number_that_nobody_has_contradicts_nothing() -> None:
    assert rests_on("ACTIVE_YET_UNKNOWN", after=answer(LookupOutcome.NOT_ASSIGNED)) is None


@pytest.mark.parametrize(
    "signals",
    [
        {"activate_time": unknown(), "sim_change": known(SimChange(0, SimChangeKind.NEW))},
        {"sim_change": unknown()},
        {"sim_change": known(None)},
    ],
)
def test_a_sim_or_contract_without_a_date_is_not_older(signals: dict[str, Any]) -> None:
    assert rests_on("SIM_OLDER_THAN_SUBSCRIPTION", before=answer(**signals), after=answer(**signals)) is None


@pytest.mark.parametrize(
    ("earlier", "signals", "found"),
    [
        (own(), {"subscriber_ref": OTHER_OWNER}, True),
        (previous(), {"subscriber_ref": OTHER_OWNER}, True),
        (None, {"subscriber_ref": OTHER_OWNER}, False),
        (own(), {"subscriber_ref": OTHER_OWNER, "recycled": unknown()}, False),
        (own(), {"subscriber_ref": OTHER_OWNER, "recycled": known(True)}, False),
        (own(), {"subscriber_ref": OTHER_OWNER, "operator": "beeline"}, False),
        (own(), {"activate_time": known(NOW - DAY), "operator": "beeline"}, False),
        (own(), {"activate_time": unknown(), "sim_change": known(None)}, False),
    ],
)
def test_a_number_not_given_anew_and_yet_anothers(earlier: Any, signals: dict[str, Any], found: bool) -> None:
    assert (rests_on("SWAP_CONTRADICTS_RECYCLING", previous=earlier, after=answer(**signals)) is not None) is found
