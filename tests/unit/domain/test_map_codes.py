"""MAP errors mean something in their own code space only."""

import pytest

from numseal.domain.map_codes import MAP_ERRORS, MapGroup, map_error


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        (MapGroup.GONE, {"1", "44"}),
        (MapGroup.IDENTITY, {"5", "9", "12"}),
        (MapGroup.SERVICE, {"8", "10", "11", "13", "21"}),
        (MapGroup.ABSENCE, {"27", "6"}),
        (MapGroup.TRANSIENT, {"31", "32", "34", "35", "36"}),
    ],
)
def test_groups(group: MapGroup, codes: set[str]) -> None:
    assert {code for code, error in MAP_ERRORS.items() if error.group is group} == codes


def test_a_code_is_read_in_its_space_only() -> None:
    error = map_error("map", "1")
    assert error is not None
    assert error.name == "unknownSubscriber"
    assert map_error("camara", "1") is None
    assert map_error("", "1") is None
    assert map_error("map", "2") is None
