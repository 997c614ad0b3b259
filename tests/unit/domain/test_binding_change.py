"""What a relying party is told between two states of a binding."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.store_rows import binding
from numseal.domain.binding import BindingState, Monitoring
from numseal.domain.binding_change import ChangeKind, changes_between
from numseal.domain.verdict import Finding, Level, Severity

BOUND = binding(1)
K = ChangeKind
CONTESTED: dict[str, Any] = {"contested_time": 5, "contests": ("v1",)}

ROWS: list[tuple[dict[str, Any], dict[str, Any], tuple[ChangeKind, ...]]] = [
    ({}, {}, ()),
    ({}, {"observed_time": 7, "recheck_time": 9, "update_time": 7, "watch_id": "w2"}, ()),
    ({}, {"findings": (Finding("X", Severity.NOTE, "x"),)}, ()),
    ({}, {"state": BindingState.REVOKED, "level": Level.LOW, "contested_time": None}, (K.REVOKED,)),
    ({}, {"state": BindingState.SUPERSEDED}, (K.SUPERSEDED,)),
    ({}, {"state": BindingState.EXPIRED}, (K.EXPIRED,)),
    ({}, {"state": BindingState.SUSPENDED}, (K.SUSPENDED,)),
    ({"state": BindingState.SUSPENDED}, {"state": BindingState.ACTIVE}, (K.RESUMED,)),
    ({"state": BindingState.SUSPENDED}, {"state": BindingState.REVOKED}, (K.REVOKED,)),
    ({"state": BindingState.SUSPENDED}, {"end_reason": "SIM_CHANGED"}, ()),
    ({}, {"level": Level.LOW}, (K.LEVEL_CHANGED,)),
    ({}, {"reverify_by": 9}, (K.LEVEL_CHANGED,)),
    ({}, {"level": Level.LOW, "reverify_by": 9}, (K.LEVEL_CHANGED,)),
    ({}, CONTESTED, (K.CONTESTED,)),
    (CONTESTED, {"contests": ("v1", "v2")}, (K.CONTESTED,)),
    (CONTESTED, {"contested_time": 6}, ()),
    (CONTESTED, {"contested_time": None, "contests": ()}, (K.CONTEST_ENDED,)),
    ({}, {"monitoring": Monitoring.WATCHED, "watch_id": "w1"}, (K.MONITORING_CHANGED,)),
    ({}, {"operator_id": "megafon"}, (K.MONITORING_CHANGED,)),
    (
        {},
        {**CONTESTED, "state": BindingState.SUSPENDED, "level": Level.LOW, "operator_id": "megafon"},
        (K.CONTESTED, K.SUSPENDED, K.LEVEL_CHANGED, K.MONITORING_CHANGED),
    ),
]


@pytest.mark.parametrize(("before", "changed", "kinds"), ROWS)
def test_what_is_told(before: dict[str, Any], changed: dict[str, Any], kinds: tuple[ChangeKind, ...]) -> None:
    stood = replace(BOUND, **before)
    assert changes_between(stood, replace(stood, **changed)) == kinds


def test_a_binding_is_made_or_made_anew() -> None:
    assert changes_between(None, BOUND) == (K.CREATED,)
    assert changes_between(None, replace(BOUND, renews=True)) == (K.RENEWED,)


STATES = st.builds(
    lambda **changed: replace(BOUND, **changed),
    state=st.sampled_from(BindingState),
    level=st.sampled_from(Level),
    reverify_by=st.none() | st.integers(0, 2),
    operator_id=st.sampled_from(["mts", "megafon"]),
    monitoring=st.sampled_from(Monitoring),
)


@given(before=STATES, after=STATES)
def test_an_end_is_told_alone_and_whatever_stays_is_not_told(before: Any, after: Any) -> None:
    kinds = changes_between(before, after)
    assert len(kinds) == len(set(kinds))
    ends = {K.REVOKED, K.SUPERSEDED, K.EXPIRED}.intersection(kinds)
    assert not ends or len(kinds) == 1
    if before == after:
        assert kinds == ()
