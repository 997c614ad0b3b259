"""Ranges, their owners, and plans that cannot be used."""

import contextlib
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.domain.number_plan import NumberPlan, NumberPlanError, Range, parse_plan

PLAN = """# public facts
prefix,length,operator

+7916,11,mts
+79161,11,megafon
+49151,13,telekom-de
"""


def test_the_longest_prefix_owns_the_number() -> None:
    plan = parse_plan(PLAN)
    assert plan.owner("+79162234567") == "mts"
    assert plan.owner("+79161234567") == "megafon"
    assert plan.owner("+4915112345678") == "telekom-de"
    assert plan.owner("+15550123456") is None
    assert plan.owner("") is None


@pytest.mark.parametrize("number", ["+7916223456", "+791622345678", "+7916", "+7916123456"])
def test_a_number_of_another_length_has_no_owner(number: str) -> None:
    plan = parse_plan(PLAN)
    assert plan.owner(number) is None
    assert not plan.matches(number)


def test_what_a_plan_holds_can_be_read() -> None:
    plan = parse_plan(PLAN)
    assert plan.matches("+79162234567")
    assert plan.operators() == {"mts", "megafon", "telekom-de"}
    assert plan.ranges()[0] == Range("+7916", 11, "mts")
    assert plan.find("+79162234567") == Range("+7916", 11, "mts")


def test_an_empty_plan_owns_nothing() -> None:
    assert NumberPlan([]).owner("+79161234567") is None


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("", "line 1: expected the header prefix,length,operator, found nothing"),
        ("# nothing\n", "expected the header"),
        ("prefix,length,operator\n# nothing\n", "no ranges, expected at least one row under the header prefix,"),
        ("prefix,operator\n", "line 1: expected the header prefix,length,operator, found 'prefix,operator'"),
        ("prefix,length,operator\n+7916,11\n", "line 2: expected 3 columns (prefix,length,operator), found 2"),
        ("prefix,length,operator\n7916,11,mts\n", "line 2, column prefix: expected a plus sign and digits"),
        ("prefix,length,operator\n+,11,mts\n", "line 2, column prefix"),
        ("prefix,length,operator\n,11,mts\n", "line 2, column prefix"),
        ("prefix,length,operator\n+0916,11,mts\n", "line 2, column prefix"),
        ("prefix,length,operator\n+٧916,11,mts\n", "line 2, column prefix"),
        (
            "prefix,length,operator\n+7916,eleven,mts\n",
            "line 2, column length: expected 7 to 15 digits, found 'eleven'",
        ),
        ("prefix,length,operator\n+7916,16,mts\n", "line 2, column length"),
        ("prefix,length,operator\n+79161234567,7,mts\n", "line 2, column length: expected at least the 11 digits"),
        ("prefix,length,operator\n+7916,11, \n", "line 2, column operator: expected an operator id"),
        ("prefix,length,operator\n+7916,11,mts\n\n+7916,11,t2\n", "line 4, column prefix: expected one row for +7916"),
        ('prefix,length,operator\n"+7916,11,mts\n', "not CSV"),
    ],
)
def test_an_unusable_plan_names_line_and_column(text: str, tells: str) -> None:
    with pytest.raises(NumberPlanError) as caught:
        parse_plan(text)
    assert tells in str(caught.value)


def test_rows_with_one_prefix_are_refused() -> None:
    with pytest.raises(NumberPlanError, match=r"\+7916 is given twice"):
        NumberPlan([Range("+7916", 11, "mts"), Range("+7916", 12, "mts")])


@given(st.text(max_size=200))
def test_any_text_is_a_plan_or_an_error(text: str) -> None:
    for candidate in (text, f"prefix,length,operator\n{text}"):
        with contextlib.suppress(NumberPlanError):
            parse_plan(candidate)


@given(
    st.dictionaries(st.text("12", min_size=1, max_size=7), st.tuples(st.integers(7, 9), st.sampled_from("abc"))),
    st.lists(st.text("12", min_size=6, max_size=10), max_size=20),
)
def test_the_longest_prefix_is_the_one_that_all_prefixes_tried_would_give(
    rows: dict[str, tuple[int, str]], numbers: list[str]
) -> None:
    plan = NumberPlan(Range(f"+{prefix}", length, owner) for prefix, (length, owner) in rows.items())
    for number in numbers:
        longest = max((prefix for prefix in rows if number.startswith(prefix)), key=len, default=None)
        expected = rows[longest][1] if longest is not None and rows[longest][0] == len(number) else None
        assert plan.owner(f"+{number}") == expected


def test_an_owner_is_found_in_microseconds() -> None:
    plan = NumberPlan(Range(f"+79{number:03d}", 11, "mts") for number in range(1_000))
    best = min(timeit.repeat(lambda: plan.owner("+79161234567"), number=1_000, repeat=5)) / 1_000
    assert best < 10e-6
