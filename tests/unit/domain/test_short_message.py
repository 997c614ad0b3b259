import pytest

from numseal.domain.short_message import length


@pytest.mark.parametrize(
    ("text", "size", "most"),
    [
        ("", 0, 160),
        ("a" * 160, 160, 160),
        ("é\n@£", 4, 160),
        ("€[]", 6, 160),
        ("код", 3, 70),
        ("ы" + "a" * 69, 70, 70),
        ("😀", 2, 70),
        ("`", 1, 70),
        ("\ud800", 1, 70),
    ],
)
def test_units_and_how_many_one_message_holds(text: str, size: int, most: int) -> None:
    assert length(text) == (size, most)
