"""Ids that are told in another way than they were given."""

import pytest

from numseal.adapters.operators.smpp.message_ids import SHARING, Likeness, MessageIds


@pytest.mark.parametrize(
    ("given", "told", "likeness"),
    [
        ("17", "17", Likeness.SAME),
        ("17", "0000000017", Likeness.SAME),
        ("0000000017", "17", Likeness.SAME),
        ("A0B1", "a0b1", Likeness.SAME),
        ("0a0b1", "a0b1", Likeness.SAME),
        ("A0000001", "2684354561", Likeness.HEX_TOLD_DECIMAL),
        ("10", "16", Likeness.HEX_TOLD_DECIMAL),
        ("2684354561", "a0000001", Likeness.DECIMAL_TOLD_HEX),
        ("16", "10", Likeness.DECIMAL_TOLD_HEX),
        ("0", "000", Likeness.SAME),
        ("9f0c2f4e-1c1d-4b64-9a3b-0a8a5d3b7c11", "9F0C2F4E-1C1D-4B64-9A3B-0A8A5D3B7C11", Likeness.SAME),
    ],
)
def test_an_id_is_found_as_it_is_told(given: str, told: str, likeness: Likeness) -> None:
    ids: MessageIds[str] = MessageIds()
    ids.add(given, "value")
    assert list(ids.find(told)) == [(likeness, "value")]
    back: MessageIds[str] = MessageIds()
    back.add(told, "value")
    assert list(back.find(given, told_by_receipt=False)) == [(likeness, "value")]
    ids.remove(given, "value")
    assert list(ids.find(told)) == []


@pytest.mark.parametrize(("given", "told"), [("17", "18"), ("1f", "30"), ("x1", "1"), ("17", ""), ("١٧", "17")])
def test_another_id_is_not_found(given: str, told: str) -> None:
    ids: MessageIds[str] = MessageIds()
    ids.add(given, "value")
    assert list(ids.find(told)) == []


def test_all_that_a_text_may_name_are_found_once() -> None:
    ids: MessageIds[str] = MessageIds()
    for message_id in ("10", "16", "22", "a"):
        ids.add(message_id, f"value of {message_id}")
    assert sorted(ids.find("16")) == [
        (Likeness.SAME, "value of 16"),
        (Likeness.HEX_TOLD_DECIMAL, "value of 10"),
        (Likeness.DECIMAL_TOLD_HEX, "value of 22"),
    ]


def test_one_value_of_an_id_is_removed_and_the_other_stays() -> None:
    ids: MessageIds[object] = MessageIds()
    one, other = object(), object()
    ids.add("17", one)
    ids.add("17", other)
    ids.remove("17", one)
    assert [value for _, value in ids.find("23")] == [other]


def test_of_many_that_share_an_id_the_newest_are_found() -> None:
    ids: MessageIds[int] = MessageIds()
    values = list(range(1_000, 1_000 + 3 * SHARING))
    for value in values:
        ids.add("1", value)
    assert [value for _, value in ids.find("01")] == values[-SHARING:]
    # Those that are found no more can be removed as well.
    for value in values:
        ids.remove("1", value)
    assert list(ids.find("1")) == []
    ids.remove("1", values[0])


def test_one_that_is_found_no_more_by_a_reading_that_many_share_is_found_by_its_own() -> None:
    ids: MessageIds[str] = MessageIds()
    ids.add("10", "first")
    for count in range(SHARING):
        ids.add("0" * count + "a", f"value {count}")
    assert [value for _, value in ids.find("10") if value == "first"] == ["first"]
    assert "first" not in [value for _, value in ids.find("A")]
