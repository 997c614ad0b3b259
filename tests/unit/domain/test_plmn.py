"""PLMN codes as they are written."""

import pytest

from numseal.domain.plmn import Plmn


@pytest.mark.parametrize("text", ["250-01", "262-01", "310-410", "001-001"])
def test_a_plmn_is_read_and_written_alike(text: str) -> None:
    assert str(Plmn.parse(text)) == text


def test_leading_zeros_of_the_mnc_count() -> None:
    assert Plmn.parse("001-01") != Plmn.parse("001-001")


@pytest.mark.parametrize(
    "text", ["", "25001", "250-1", "25-01", "250-0100", "250_01", " 250-01", "250-01\n", "٢٥٠-01", "2" * 9999]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 250-01") as caught:
        Plmn.parse(text)
    assert len(str(caught.value)) < 200


def test_parts_are_checked_too() -> None:
    with pytest.raises(ValueError, match="expected three digits and two or three digits"):
        Plmn("25", "001")
