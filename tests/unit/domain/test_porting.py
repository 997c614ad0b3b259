"""Ported numbers: what a file of them says, and files that cannot be used."""

import contextlib
import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.domain.porting import MAX_OPERATORS, NO_PORTING, Porting, PortingError, parse_porting

NUMBERS = """# as of today
number,operator

+79161234567,megafon
+7916123456,beeline
# a comment, with a comma
+79161234568, mvno-1
"""
BLOCKS = """first,last,operator
+79161230000,+79161239999,t2
# a comment
+79160000000,+79160000000,mts
"""


def parse(text: str) -> Porting:
    return parse_porting(text.splitlines(keepends=True))


def test_a_number_is_found_by_all_of_its_digits() -> None:
    porting = parse(NUMBERS)
    assert porting.operator("+79161234567") == "megafon"
    assert porting.operator("+79161234568") == "mvno-1"
    assert porting.operator("+7916123456") == "beeline"
    for other in ("+79161234566", "+79161234569", "+791612345670", "+7916", "+999999999999999", "", "alice"):
        assert porting.operator(other) is None
    assert porting.operators() == {"megafon", "beeline", "mvno-1"}
    assert len(porting) == 3


def test_a_block_has_both_its_ends() -> None:
    porting = parse(BLOCKS)
    for number in ("+79161230000", "+79161234567", "+79161239999"):
        assert porting.operator(number) == "t2"
    assert porting.operator("+79160000000") == "mts"
    for other in ("+79161229999", "+79161240000", "+7916123000", "+79159999999", "+79160000001"):
        assert porting.operator(other) is None
    assert len(porting) == 2


@pytest.mark.parametrize("text", ["number,operator\n", "first,last,operator\n"])
def test_an_empty_file_ports_nothing(text: str) -> None:
    for porting in (parse(text), NO_PORTING):
        assert porting.operator("+79161234567") is None
        assert len(porting) == 0


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("", "line 1: expected the header number,operator or first,last,operator"),
        ("# nothing\nnumber\n", "line 2: expected the header"),
        ("number,operator\n+79161234567\n", "line 2: expected a number such as +79161234567 and an operator"),
        ("number,operator\n+79161234567,a,b\n", "line 2: expected a number"),
        ("number,operator\n79161234567,mts\n", "line 2: expected a number"),
        ("number,operator\n+٧9161234567,mts\n", "line 2: expected a number"),
        ("number,operator\n+7916123456789012,mts\n", "line 2: expected a number"),
        ("number,operator\n+79161234567,MTS\n", "line 2: expected an operator id of 1 to 64 of [a-z0-9-]"),
        ("number,operator\n+79161234567,\n", "line 2: expected an operator id"),
        ("number,operator\n+79161234567,mts\n+79161234567,mts\n", "the number +7916*****67 is given twice"),
        ("number,operator\n+79161234567,mts\n+79161234567,t2\n+79161234566,t2\n", "is given twice"),
        ('number,operator\n"+79161234567,mts\n', "not CSV"),
        ("first,last,operator\n+79161234567,mts\n", "line 2: expected 3 columns (first,last,operator)"),
        ("first,last,operator\n+79161234567,+7916123456x,mts\n", "line 2: expected numbers such as"),
        ("first,last,operator\n+79161234567,+79161234566,mts\n", "line 2: expected a last number that is not below"),
        ("first,last,operator\n+7916123456,+79161234567,mts\n", "with as many digits"),
        ("first,last,operator\n+79161234560,+79161234567,mts\n+79161234567,+79161234569,t2\n", "two blocks have"),
        ("first,last,operator\n+79161234560,+79161234567,MTS\n", "line 2: expected an operator id"),
    ],
)
def test_an_unusable_file_names_line_and_expectation(text: str, tells: str) -> None:
    with pytest.raises(PortingError) as caught:
        parse(text)
    assert tells in str(caught.value)


def test_there_is_an_end_to_operators() -> None:
    rows = [f"+7{number:010d},o{number}" for number in range(MAX_OPERATORS + 1)]
    assert len(parse("\n".join(["number,operator", *rows[:-1]])).operators()) == MAX_OPERATORS
    with pytest.raises(PortingError, match=f"line {MAX_OPERATORS + 2}: expected at most {MAX_OPERATORS} operators"):
        parse("\n".join(["number,operator", *rows]))


@given(
    st.dictionaries(st.integers(1_000_000, 1_000_040), st.sampled_from(["mts", "t2", "kcell"])),
    st.randoms(use_true_random=False),
)
def test_rows_may_stand_in_any_order(rows: dict[int, str], order: Any) -> None:
    items = list(rows.items())
    order.shuffle(items)
    porting = parse("\n".join(["number,operator", *(f"+{number},{name}" for number, name in items)]))
    for number in range(1_000_000 - 2, 1_000_040 + 3):
        assert porting.operator(f"+{number}") == rows.get(number)


@given(st.lists(st.tuples(st.integers(1_000_000, 1_000_060), st.integers(0, 9)), max_size=8))
def test_blocks_say_what_their_numbers_would(blocks: list[tuple[int, int]]) -> None:
    spelled: dict[int, str] = {}
    rows = []
    for count, (first, size) in enumerate(blocks):
        numbers = range(first, first + size + 1)
        if spelled.keys().isdisjoint(numbers):
            spelled |= dict.fromkeys(numbers, f"o{count}")
            rows.append(f"+{first},+{first + size},o{count}")
    porting = parse("\n".join(["first,last,operator", *rows]))
    for number in range(999_998, 1_000_075):
        assert porting.operator(f"+{number}") == spelled.get(number)


@given(st.text(max_size=200))
def test_any_text_is_a_file_or_an_error(text: str) -> None:
    for head in ("", "number,operator\n", "first,last,operator\n"):
        with contextlib.suppress(PortingError):
            parse(head + text)


def test_a_number_is_found_in_microseconds_among_many() -> None:
    porting = parse_porting(["number,operator\n", *(f"+79{number:09d},mts\n" for number in range(0, 2_000_000, 20))])
    best = min(timeit.repeat(lambda: porting.operator("+79000000020"), number=1_000, repeat=5)) / 1_000
    assert best < 10e-6
