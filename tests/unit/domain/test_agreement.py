import pytest

from numseal.domain.agreement import Agreement, Agreements
from numseal.domain.errors import Kind, Refusal

FIRST = Agreement("first", "messenger", "mts", 1_000, 2_000)
RENEWED = Agreement("renewed", "messenger", "mts", 2_000, 3_000)
LONGER = Agreement("longer", "messenger", "mts", 1_500, 2_500)


@pytest.mark.parametrize(("now", "found"), [(1_000, "first"), (1_999, "first"), (2_000, "renewed"), (2_999, "renewed")])
@pytest.mark.parametrize("order", [(FIRST, RENEWED), (RENEWED, FIRST)])
def test_a_renewed_agreement_follows_the_first_without_a_gap(
    order: tuple[Agreement, ...], now: int, found: str
) -> None:
    assert Agreements(order).in_force("messenger", "mts", now).agreement_id == found


def test_of_two_in_force_the_longer_one_counts() -> None:
    assert Agreements((FIRST, LONGER)).in_force("messenger", "mts", 1_600) == LONGER
    assert Agreements((FIRST, LONGER)).in_force("messenger", "mts", 1_400) == FIRST


@pytest.mark.parametrize(
    ("relying_party", "operator", "now", "reason"),
    [
        ("messenger", "mts", 999, "NO_AGREEMENT"),
        ("messenger", "mts", 2_000, "AGREEMENT_EXPIRED"),
        ("messenger", "beeline", 1_500, "NO_AGREEMENT"),
        ("another", "mts", 1_500, "NO_AGREEMENT"),
    ],
)
def test_no_operator_is_asked_without_an_agreement_in_force(
    relying_party: str, operator: str, now: int, reason: str
) -> None:
    with pytest.raises(Refusal) as caught:
        Agreements((FIRST,)).in_force(relying_party, operator, now)
    assert (caught.value.reason, caught.value.reasoning.kind) == (reason, Kind.PERMISSION_DENIED)


def test_none_at_all() -> None:
    with pytest.raises(Refusal, match="no agreement with operator mts"):
        Agreements().in_force("messenger", "mts", 0)
