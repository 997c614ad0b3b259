"""How many are too many."""

from typing import Any

import pytest

from fakes.evidence import DAY, NOW, answer, known, unknown
from fakes.rules import find, no_answer, rests_on
from numseal.domain.evidence import ClientNetwork, NetworkKind, Velocity


@pytest.mark.parametrize(
    ("code", "name", "most"),
    [
        ("MANY_ACCOUNTS_OF_NUMBER", "accounts_of_number", 6),
        ("MANY_NUMBERS_OF_ACCOUNT", "numbers_of_account", 4),
        ("MANY_NUMBERS_OF_DEVICE_KEY", "numbers_of_device_key", 4),
        ("MANY_NUMBERS_IN_DEVICE", "numbers_of_device", 4),
        ("MANY_NUMBERS_OF_CLIENT_NETWORK", "numbers_of_client_network", 20),
    ],
)
def test_counts(code: str, name: str, most: int) -> None:
    def count(value: int | None) -> Any:
        return rests_on(code, velocity=Velocity(**{name: value}))

    assert count(most + 1) == (f"velocity.{name}",)
    assert count(most) is None
    assert count(None) is None


@pytest.mark.parametrize(
    ("client", "changes", "own"),
    [
        (ClientNetwork("RU", NetworkKind.FIXED), {}, True),
        (ClientNetwork("FR", NetworkKind.FIXED), {}, False),
        (ClientNetwork("RU", NetworkKind.HOSTING), {}, False),
        (ClientNetwork("RU", NetworkKind.MOBILE, "mts"), {}, False),
        (ClientNetwork("RU", NetworkKind.FIXED), {"country": "", "home_plmns": ()}, False),
        (None, {}, False),
    ],
)
def test_only_a_fixed_network_at_home_is_few_peoples(client: Any, changes: dict[str, Any], own: bool) -> None:
    many: dict[str, Any] = {"velocity": Velocity(numbers_of_client_network=21), "client": client, **changes}
    assert (rests_on("MANY_NUMBERS_OF_CLIENT_NETWORK", **many) is not None) is own
    assert (rests_on("MANY_NUMBERS_OF_SHARED_NETWORK", **many) is not None) is not own
    few = many | {"velocity": Velocity(numbers_of_client_network=20)}
    assert rests_on("MANY_NUMBERS_OF_SHARED_NETWORK", **few) is None


@pytest.mark.parametrize(
    ("count", "changes", "found"),
    [
        (11, {"after": answer(activate_time=known(NOW - 14 * DAY + 1)), "before": no_answer()}, True),
        (10, {"after": answer(activate_time=known(NOW - 14 * DAY + 1)), "before": no_answer()}, False),
        (11, {"after": answer(activate_time=known(NOW - 14 * DAY)), "before": no_answer()}, False),
        (11, {"after": answer(activate_time=unknown()), "before": no_answer()}, True),
        (11, {"after": answer(activate_time=unknown())}, False),
        (None, {"after": answer(activate_time=known(NOW)), "before": no_answer()}, False),
    ],
)
def test_a_burst_of_young_numbers(count: int | None, changes: dict[str, Any], found: bool) -> None:
    paths = rests_on("FRESH_BURST_IN_RANGE", velocity=Velocity(fresh_numbers_of_range=count), **changes)
    assert paths == (("velocity.fresh_numbers_of_range",) if found else None)


def test_messengers_of_a_number() -> None:
    def shown(count: int | None) -> Any:
        return rests_on("MANY_RELYING_PARTIES_OF_NUMBER", velocity=Velocity(relying_parties_of_number=count))

    assert shown(11) == ("velocity.relying_parties_of_number",)
    assert shown(10) is None
    assert shown(None) is None


@pytest.mark.parametrize("name", ["reports_of_number", "reports_of_device_key"])
def test_reports_of_the_relying_party_itself(name: str) -> None:
    assert rests_on("REPORTED_BEFORE", velocity=Velocity(**{name: 1})) == (f"velocity.{name}",)
    assert rests_on("REPORTED_BEFORE", velocity=Velocity(**{name: 0})) is None
    assert rests_on("REPORTED_BEFORE", velocity=Velocity(**{name: None})) is None


def test_no_sentence_tells_how_many_there_are_elsewhere() -> None:
    for code, name in (
        ("MANY_ACCOUNTS_OF_NUMBER", "accounts_of_number"),
        ("MANY_NUMBERS_IN_DEVICE", "numbers_of_device"),
    ):
        finding = find(code, velocity=Velocity(**{name: 4_711}))
        assert finding is not None
        assert not any(character.isdigit() for character in finding.sentence)
