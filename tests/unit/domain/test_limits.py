import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.domain.errors import Kind
from numseal.domain.limits import (
    DAY,
    GUESS_LADDER,
    HOUR,
    MAX_GUESSES,
    MAX_SENDS,
    MINUTE,
    Budget,
    Limits,
    guess_budget,
    guess_delay,
    send_budgets,
    send_delay,
    start_budgets,
)

NUMBER = "+79161234567"


def test_five_guesses_two_at_once_then_30_60_120_seconds() -> None:
    assert GUESS_LADDER == (0, 0, 30, 60, 120)
    assert [guess_delay(wrong) for wrong in range(MAX_GUESSES)] == [0, 0, 30, 60, 120]


def test_five_codes_60_120_300_600_seconds_apart() -> None:
    assert [send_delay(sends) for sends in range(1, MAX_SENDS + 1)] == [60, 120, 300, 600, None]
    assert MAX_SENDS == 5


@given(now=st.integers(0, 2**40), window=st.integers(1, 10**6))
def test_a_budgets_windows_follow_one_another(now: int, window: int) -> None:
    budget = Budget("SENDS", "k", 3, window)
    end = budget.end(now)
    assert now < end <= now + window
    assert budget.row(now) == budget.row(end - 1) != budget.row(end)


def test_rows_of_different_budgets_differ() -> None:
    rows = {Budget(name, key, 3, DAY).row(0) for name in "ab" for key in "xy"}
    assert len(rows) == 4


@pytest.mark.parametrize(("now", "delay"), [(0, 60), (59, 1), (60, 60)])
def test_a_used_up_budget_says_when_it_frees(now: int, delay: int) -> None:
    reasoning = Budget("NUMBER_SENDS", NUMBER, 3, MINUTE).refuse(now).reasoning
    assert (reasoning.kind, reasoning.reason) == (Kind.RESOURCE_EXHAUSTED, "NUMBER_SENDS_EXHAUSTED")
    assert (reasoning.quota, reasoning.retry_delay) == ("NUMBER_SENDS", delay)


def test_a_refusal_does_not_tell_the_key() -> None:
    assert NUMBER not in Budget("NUMBER_SENDS", NUMBER, 3, MINUTE).refuse(0).message


def test_wrong_guesses_count_for_the_number_and_each_relying_party_alone() -> None:
    budget = guess_budget(Limits(), "messenger", NUMBER)
    assert (budget.limit, budget.window) == (10, DAY)
    assert budget.key != guess_budget(Limits(), "another", NUMBER).key


def test_a_code_counts_for_number_relying_party_and_range() -> None:
    number, party, day, block = send_budgets(Limits(), "messenger", NUMBER)
    assert [budget.name for budget in (number, party, day, block)] == [
        "NUMBER_SENDS",
        "RELYING_PARTY_SENDS",
        "RELYING_PARTY_DAY_SENDS",
        "RANGE_SENDS",
    ]
    assert (number.limit, party.limit, day.limit, block.limit) == (10, 6_000, 100_000, 100)
    assert (number.window, party.window, day.window, block.window) == (DAY, MINUTE, DAY, DAY)
    assert (party.key, day.key, block.key) == ("messenger", "messenger", "messenger|+7916123")
    assert number.key != send_budgets(Limits(), "another", NUMBER)[0].key


def test_a_start_counts_for_the_clients_network_where_it_is_known() -> None:
    (only,) = start_budgets(Limits(), "messenger", "")
    own, network = start_budgets(Limits(), "messenger", "192.0.2.0/24")
    assert own == only
    assert (own.window, network.window, network.limit, network.key) == (MINUTE, HOUR, 1_000, "messenger|192.0.2.0/24")


def test_limits_are_the_configurations() -> None:
    limits = Limits(sends_per_number_day=1, wrong_guesses_per_number_day=2, starts_per_client_network_hour=3)
    assert send_budgets(limits, "messenger", NUMBER)[0].limit == 1
    capped = Limits(sends_per_relying_party_minute=4, sends_per_relying_party_day=5, sends_per_range_day=6)
    assert [budget.limit for budget in send_budgets(capped, "messenger", NUMBER)] == [10, 4, 5, 6]
    assert guess_budget(limits, "messenger", NUMBER).limit == 2
    assert start_budgets(limits, "messenger", "192.0.2.0/24")[1].limit == 3
