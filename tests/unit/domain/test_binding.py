"""The answers about a number shown: the published precedence, row by row."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.store_rows import binding
from numseal.domain.binding import (
    LIVE,
    SILENCE,
    BindingRow,
    BindingState,
    Check,
    CheckResult,
    Stream,
    check_number,
    contested,
    uncontested,
)
from numseal.domain.verdict import Level

NOW = 1_750_000_000
ROW = BindingRow("b1", True, BindingState.ACTIVE, Level.SUBSTANTIAL, NOW - 100, NOW - 50, NOW + 10, None)
OTHER_NUMBER = replace(ROW, binding_id="b2", same_number=False)
SUSPENDED = replace(ROW, state=BindingState.SUSPENDED)
REVOKED = replace(ROW, binding_id="b3", state=BindingState.REVOKED)
SUPERSEDED = replace(ROW, binding_id="b4", state=BindingState.SUPERSEDED)
EXPIRED = replace(ROW, expire_time=NOW)
ENDED_BY_TIME = replace(ROW, binding_id="b5", state=BindingState.EXPIRED)
OVERDUE = replace(ROW, reverify_by=NOW)
R = CheckResult


def check(*rows: BindingRow, **more: Any) -> Check:
    asked: dict[str, Any] = {"held_by_other": False, "min_level": Level.NONE, "max_age": None, "now": NOW} | more
    return check_number(rows, **asked)


PRECEDENCE: list[tuple[list[BindingRow], dict[str, Any], CheckResult, str]] = [
    # 1. suspended, before anything else that also holds
    ([SUSPENDED], {}, R.SUSPENDED, "BINDING_SUSPENDED"),
    ([replace(SUSPENDED, expire_time=NOW)], {"max_age": 0, "min_level": Level.HIGH}, R.SUSPENDED, "BINDING_SUSPENDED"),
    # 2. past its time or observed too long ago
    ([EXPIRED], {}, R.STALE, "BINDING_EXPIRED"),
    ([replace(ROW, expire_time=NOW + 1)], {}, R.GENUINE, ""),
    ([OVERDUE], {}, R.STALE, "REVERIFICATION_OVERDUE"),
    ([replace(ROW, reverify_by=NOW + 1)], {}, R.GENUINE, ""),
    ([replace(OVERDUE, expire_time=NOW)], {}, R.STALE, "BINDING_EXPIRED"),
    ([OVERDUE], {"max_age": 0, "min_level": Level.HIGH}, R.STALE, "REVERIFICATION_OVERDUE"),
    ([ROW], {"max_age": 49}, R.STALE, "OBSERVATION_TOO_OLD"),
    ([ROW], {"max_age": 50}, R.GENUINE, ""),
    ([ROW], {"max_age": 49, "min_level": Level.HIGH}, R.STALE, "OBSERVATION_TOO_OLD"),
    # 3. below the level asked for
    ([ROW], {"min_level": Level.HIGH}, R.UNVERIFIED, "LEVEL_BELOW_MINIMUM"),
    ([ROW], {"min_level": Level.SUBSTANTIAL}, R.GENUINE, ""),
    # 4. genuine, whatever else the account has had
    ([ROW], {"held_by_other": True}, R.GENUINE, ""),
    ([REVOKED, OTHER_NUMBER, ROW], {}, R.GENUINE, ""),
    # 5. the account had this number
    ([REVOKED], {}, R.REVOKED, "BINDING_REVOKED"),
    ([SUPERSEDED], {"held_by_other": True}, R.SUPERSEDED, "BINDING_SUPERSEDED"),
    ([REVOKED, replace(SUPERSEDED, verified_time=NOW - 99)], {}, R.SUPERSEDED, "BINDING_SUPERSEDED"),
    ([replace(SUPERSEDED, verified_time=NOW - 101), REVOKED], {}, R.REVOKED, "BINDING_REVOKED"),
    ([SUPERSEDED, OTHER_NUMBER], {}, R.SUPERSEDED, "BINDING_SUPERSEDED"),
    ([ENDED_BY_TIME], {}, R.STALE, "BINDING_EXPIRED"),
    ([ENDED_BY_TIME], {"held_by_other": True}, R.SUPERSEDED, "NUMBER_HELD_BY_ANOTHER_ACCOUNT"),
    ([REVOKED], {"held_by_other": True}, R.REVOKED, "BINDING_REVOKED"),
    # 6. somebody else's number, or another number than the account's
    ([], {"held_by_other": True}, R.SPOOFED, "NUMBER_HELD_BY_ANOTHER_ACCOUNT"),
    ([OTHER_NUMBER], {"held_by_other": True}, R.SPOOFED, "NUMBER_HELD_BY_ANOTHER_ACCOUNT"),
    ([OTHER_NUMBER], {}, R.SPOOFED, "ACCOUNT_HOLDS_ANOTHER_NUMBER"),
    ([replace(OTHER_NUMBER, state=BindingState.SUSPENDED)], {}, R.SPOOFED, "ACCOUNT_HOLDS_ANOTHER_NUMBER"),
    # 7. nothing is known
    ([], {}, R.UNVERIFIED, "NOT_BOUND"),
    ([replace(OTHER_NUMBER, state=BindingState.REVOKED)], {}, R.UNVERIFIED, "NOT_BOUND"),
]


@pytest.mark.parametrize(("rows", "asked", "result", "reason"), PRECEDENCE)
def test_precedence(rows: list[BindingRow], asked: dict[str, Any], result: CheckResult, reason: str) -> None:
    found = check(*rows, **asked)
    assert found.result is result
    assert [finding.code for finding in found.findings] == ([reason] if reason else [])


def test_dual_sim_both_numbers_count() -> None:
    assert check(OTHER_NUMBER, ROW).binding is ROW
    assert check(ROW, OTHER_NUMBER).binding is ROW


def test_a_contest_is_told_whatever_the_answer() -> None:
    for row in (ROW, SUSPENDED, EXPIRED):
        plain, contested = check(row), check(replace(row, contested_time=NOW - 5))
        assert contested.result is plain.result
        assert [finding.code for finding in contested.findings] == [
            "CONTESTED",
            *(finding.code for finding in plain.findings),
        ]


WATCHED = replace(ROW, watched_by="mts", observed_time=NOW - 1_000)


@pytest.mark.parametrize(
    ("stream", "observed", "interrupted"),
    [
        (Stream(NOW - 2_000, NOW - 5), NOW - 5, False),
        (Stream(NOW - 1_000, NOW - SILENCE), NOW - SILENCE, False),
        (Stream(NOW - 1_000, NOW - SILENCE - 1), NOW - SILENCE - 1, True),
        # It was observed before the stream began, so something may have happened in between.
        (Stream(NOW - 999, NOW - 5), NOW - 1_000, False),
        (Stream(NOW - 2_000, NOW - 1_500), NOW - 1_000, True),
        (None, NOW - 1_000, True),
    ],
)
def test_a_watched_number_is_observed_as_long_as_its_stream_lives(
    stream: Stream | None, observed: int, interrupted: bool
) -> None:
    streams = {} if stream is None else {"mts": stream}
    found = check(WATCHED, streams=streams)
    assert found.observed_time == observed
    assert [finding.code for finding in found.findings] == ["MONITORING_INTERRUPTED"] * interrupted
    assert check(WATCHED, streams=streams, max_age=NOW - observed).result is R.GENUINE
    assert check(WATCHED, streams=streams, max_age=NOW - observed - 1).result is R.STALE


def test_another_operator_s_stream_says_nothing() -> None:
    found = check(ROW, streams={"mts": Stream(0, NOW)})
    assert found.binding is ROW
    assert not found.findings


@pytest.mark.parametrize("row", [SUSPENDED, EXPIRED, REVOKED, SUPERSEDED, ENDED_BY_TIME])
def test_what_vouches_no_more_has_no_level(row: BindingRow) -> None:
    assert check(row).level is Level.NONE


ROWS = st.lists(
    st.builds(
        BindingRow,
        binding_id=st.text("0123456789abcdef", min_size=4, max_size=4),
        same_number=st.booleans(),
        state=st.sampled_from(BindingState),
        level=st.sampled_from(Level),
        verified_time=st.integers(NOW - 100, NOW),
        observed_time=st.integers(NOW - 100, NOW),
        expire_time=st.integers(NOW - 100, NOW + 100),
        contested_time=st.none() | st.integers(NOW - 100, NOW),
        reverify_by=st.none() | st.integers(NOW - 100, NOW + 100),
    ),
    max_size=6,
    unique_by=lambda row: row.binding_id,
).filter(lambda rows: sum(row.same_number and row.state in LIVE for row in rows) <= 1)


@given(
    rows=ROWS,
    held=st.booleans(),
    level=st.sampled_from(Level),
    max_age=st.none() | st.integers(0, 200),
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_count_and_genuine_needs_a_sound_binding(
    rows: list[BindingRow], held: bool, level: Level, max_age: int | None, order: Any
) -> None:
    asked = {"held_by_other": held, "min_level": level, "max_age": max_age}
    found = check(*rows, **asked)
    order.shuffle(rows)
    assert check(*rows, **asked) == found
    if found.result is CheckResult.GENUINE:
        row = found.binding
        assert row is not None
        assert row.same_number
        assert row.state is BindingState.ACTIVE
        assert row.level >= level
        assert row.expire_time > NOW
        assert row.reverify_by is None or row.reverify_by > NOW
        assert max_age is None or NOW - row.observed_time <= max_age


def test_a_binding_is_contested_until_the_last_contest_is_taken_back() -> None:
    one = contested(binding(1), "v1", NOW + 10, NOW)
    two = contested(one, "v2", NOW + 5, NOW + 1)
    assert (two.contests, two.contested_time, two.contest_end) == (("v1", "v2"), NOW + 1, NOW + 10)

    left = uncontested(two, "v1", NOW + 2)
    assert (left.contests, left.contested_time, left.contest_end) == (("v2",), NOW + 1, NOW + 10)
    assert uncontested(left, "v1", NOW + 3) == left
    free = uncontested(left, "v2", NOW + 4)
    assert (free.contests, free.contested_time, free.contest_end, free.update_time) == ((), None, None, NOW + 4)
