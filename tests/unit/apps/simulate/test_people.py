import ipaddress
from dataclasses import replace
from importlib import resources

import pytest

from numseal.apps.simulate.addresses import Addresses
from numseal.apps.simulate.dice import Dice
from numseal.apps.simulate.mix import load_mix
from numseal.apps.simulate.people import UNWATCHED, People
from numseal.apps.simulate.signal_sets import HLR, profiles_for
from numseal.apps.simulate.thresholds import scaled_policy
from numseal.domain.client_network import ClientNetworks, parse_client_networks
from numseal.domain.evidence import SIGNAL_NAMES, LineType, NetworkKind
from numseal.domain.simulation import SubscriptionState


@pytest.fixture(scope="module")
def networks() -> ClientNetworks:
    packaged = resources.files("numseal.adapters.operators.simulator").joinpath("networks.csv")
    return parse_client_networks(packaged.read_text(encoding="utf-8"))


def test_the_same_seed_and_name_give_the_same_person() -> None:
    mix = load_mix(None)
    one, same, other = (People(mix, seed).person("person-1") for seed in (7, 7, 8))
    assert (one.number, one.party, one.method, one.missing) == (same.number, same.party, same.method, same.missing)
    assert one.number != other.number


def test_numbers_are_ordinary_and_given_once(people: People) -> None:
    persons = [people.person(f"person-{index}") for index in range(300)]
    assert len({person.number for person in persons}) == 300
    for person in persons:
        subscriber = people.network.subscriber(person.number)
        assert subscriber.state is SubscriptionState.ACTIVE
        assert subscriber.line_type is LineType.MOBILE
        assert subscriber.serving_plmn == subscriber.plmn
        assert person.operator_id != UNWATCHED or person.party == "alpha"
        assert len(person.setup) <= 13
    missing = sum(len(person.missing) for person in persons) / (300 * len(SIGNAL_NAMES))
    assert 0.03 < missing < 0.07


def test_special_numbers_are_what_they_are_called(people: People) -> None:
    dice = Dice(1)
    assert people.network.subscriber(people.landline(dice)).line_type is LineType.FIXED
    assert people.network.subscriber(people.unallocated(dice)).state is SubscriptionState.NOT_ASSIGNED
    operator_id, block = people.block(dice)
    assert people.number(dice, operator_id, block).startswith(block)


def test_addresses_are_where_they_are_said_to_be(people: People, networks: ClientNetworks) -> None:
    dice = Dice(1)
    addresses = people.addresses

    def of(address: str) -> tuple[str, NetworkKind, str]:
        found = networks.find(address)
        assert found is not None
        return found.country, found.kind, found.operator_id

    for _ in range(50):
        assert of(addresses.mobile("mts", dice)) == ("RU", NetworkKind.MOBILE, "mts")
        home = addresses.fixed("DE", dice)
        assert of(home) == ("DE", NetworkKind.FIXED, "")
        assert addresses.is_home(home, "DE")
        assert not addresses.is_home(home, "RU")
        assert of(addresses.hosting(dice))[1] is NetworkKind.HOSTING
        assert of(addresses.abroad("RU", dice))[:2] in {("KZ", NetworkKind.FIXED), ("DE", NetworkKind.FIXED)}
    assert ipaddress.ip_address(addresses.mobile("rostelecom-fixed", dice))


def test_attackers_and_people_are_in_all_the_places_of_the_mix(people: People, networks: ClientNetworks) -> None:
    person, dice = people.person("victim"), Dice(1)
    kinds = {networks.find(people.attacker_address(person, dice)).kind for _ in range(100)}  # type: ignore[union-attr]
    assert kinds == set(NetworkKind)
    assert {networks.find(people.at_home(person)).kind for _ in range(200)} == set(NetworkKind)  # type: ignore[union-attr]


def test_a_file_without_wide_networks_will_do() -> None:
    only = Addresses("prefix,country,kind,operator\n198.18.0.0/17,RU,FIXED,\n100.64.0.0/16,RU,MOBILE,mts\n")
    assert only.fixed("RU", Dice(1)).startswith("198.18.")


def test_a_rival_is_of_the_same_country(people: People) -> None:
    person = people.person("somebody")
    for operator_id, country in (("mts", "RU"), ("telekom-de", "DE"), ("kcell", "KZ")):
        moved = replace(person, operator_id=operator_id, country=country)
        rival = people.rival(moved)
        assert people.countries[rival] == country
        assert (rival != operator_id) is (country == "RU")
        abroad, plmn = people.abroad(moved)
        assert abroad != country
        assert plmn in people.plmns.values()


def test_signal_sets_hide_what_they_do_not_buy() -> None:
    for profile in profiles_for("code"):
        assert profile.unsupported == frozenset(SIGNAL_NAMES)
        assert not profile.events
        assert not profile.recognizes_sims
    for profile in profiles_for("hlr"):
        assert not profile.unsupported >= HLR
    assert any(profile.events for profile in profiles_for("all"))


def test_thresholds_are_scaled_and_nothing_else() -> None:
    assert scaled_policy(1) is None
    once, twice = scaled_policy(1.0000001), scaled_policy(2)
    assert once is not None
    assert twice is not None
    days = {policy.rules["SIM_RECENT"].thresholds["max_age_days"] for policy in (once, twice)}
    assert len(days) == 2
    assert max(days) == 2 * min(days)
    assert {code: rule.severity for code, rule in once.rules.items()} == {
        code: rule.severity for code, rule in twice.rules.items()
    }
