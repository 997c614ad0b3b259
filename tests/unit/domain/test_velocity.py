"""Sightings: what is counted with what, in which window, and that no two subjects share a row."""

from hypothesis import given
from hypothesis import strategies as st

from numseal.domain import velocity
from numseal.domain.limits import DAY
from numseal.domain.velocity import Sighting

NOW = 1_750_000_000
NUMBER, OTHER = "+79161234567", "+79161234568"

SIGHTINGS = (
    velocity.account_of_number(NUMBER, "messenger", "alice"),
    velocity.number_of_account("messenger", "alice", NUMBER),
    velocity.number_of_device_key("thumbprint", NUMBER),
    velocity.number_of_client_network("messenger", "192.0.2.0/24", NUMBER),
    velocity.number_of_device("mts", "1|device", NUMBER),
    velocity.fresh_number_of_range(NUMBER[:-4], NUMBER),
)


def test_every_kind_has_a_counter_of_its_own() -> None:
    assert len({sighting.tally.row(NOW) for sighting in SIGHTINGS}) == len(SIGHTINGS)
    assert len({sighting.row(NOW) for sighting in SIGHTINGS}) == len(SIGHTINGS)


def test_a_window_ends_and_another_begins() -> None:
    seen = velocity.number_of_client_network("messenger", "192.0.2.0/24", NUMBER)
    assert seen.end(NOW) == (NOW // DAY + 1) * DAY
    assert seen.row(NOW) != seen.row(seen.end(NOW))
    assert seen.row(NOW) == seen.row(seen.end(NOW) - 1)


def test_two_values_share_the_counter_and_not_the_row() -> None:
    one, two = (velocity.number_of_device_key("thumbprint", number) for number in (NUMBER, OTHER))
    assert one.tally == two.tally
    assert one.row(NOW) != two.row(NOW)


def test_accounts_of_two_relying_parties_are_counted_apart_and_they_themselves_together() -> None:
    one, two = (velocity.account_of_number(NUMBER, party, "alice") for party in ("messenger", "other"))
    assert one.tally != two.tally
    first, second = (velocity.relying_party_of_number(NUMBER, party) for party in ("messenger", "other"))
    assert first.tally == second.tally


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_no_account_can_be_made_to_look_like_another_relying_partys(a: str, b: str, c: str, d: str) -> None:
    if (a, b) != (c, d):
        first, second = velocity.account_of_number(NUMBER, a, b), velocity.account_of_number(NUMBER, c, d)
        assert (first.subject, first.value) != (second.subject, second.value)


def test_a_sighting_names_its_parts() -> None:
    assert Sighting("KIND", "subject", "value", DAY).row(NOW) == f"KIND|subject|{NOW // DAY}|value"
