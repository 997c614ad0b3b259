"""A number range whose codes do not come back is throttled, and nothing else is."""

import pytest

from numseal.domain.conversion import Conversion
from numseal.domain.errors import Refusal
from numseal.domain.limits import DAY, Limits, send_budgets

NOW = 1_750_000_000
CONVERSION = Conversion.of(Limits(), "messenger", "+79161234567")


@pytest.mark.parametrize(("sends", "successes"), [(0, 0), (49, 0), (50, 5), (500, 50)])
def test_few_codes_or_enough_that_came_back_are_fine(sends: int, successes: int) -> None:
    CONVERSION.check(sends, successes, NOW)


@pytest.mark.parametrize(("sends", "successes"), [(50, 4), (500, 49), (50, 0)])
def test_too_few_that_came_back_throttle_until_the_day_ends(sends: int, successes: int) -> None:
    with pytest.raises(Refusal) as refused:
        CONVERSION.check(sends, successes, NOW)
    reasoning = refused.value.reasoning
    assert (reasoning.reason, reasoning.quota) == ("RANGE_CONVERSION_LOW", "RANGE_CONVERSION")
    assert reasoning.retry_delay == DAY - NOW % DAY


def test_codes_are_counted_by_the_spend_caps_own_counter() -> None:
    assert CONVERSION.sends in send_budgets(Limits(), "messenger", "+79161234567")
    other = Conversion.of(Limits(), "messenger", "+79161239999")
    assert other.successes == CONVERSION.successes
    assert Conversion.of(Limits(), "other", "+79161234567").successes != CONVERSION.successes
