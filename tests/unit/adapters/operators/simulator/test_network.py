"""The network's own facts: its plan, its operators, its keys."""

from importlib import resources
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from fakes.clock import FakeClock
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.operators import OPERATORS, load_plan
from numseal.domain.evidence import SIGNAL_NAMES, LineType, NetworkKind
from numseal.domain.number_plan import NumberPlan, OperatorInfo, Range
from numseal.domain.plmn import Plmn

if TYPE_CHECKING:
    from numseal.ports.simulated_network import SimulatedNetwork as Port


def test_it_is_what_the_port_asks_for(network: SimulatedNetwork) -> None:
    port: Port = network
    assert [item.info.operator_id for item in port.operators()] == sorted(load_plan().operators())


def test_networks_have_their_codes() -> None:
    assert {p.info.operator_id: tuple(map(str, p.info.plmns)) for p in OPERATORS} == {
        "beeline": ("250-99",),
        "kcell": ("401-02",),
        "megafon": ("250-02",),
        "mts": ("250-01",),
        "rostelecom-fixed": (),
        "t2": ("250-20",),
        "telekom-de": ("262-01",),
    }


def test_operators_only_lack_signals_of_the_contract() -> None:
    for profile in OPERATORS:
        assert profile.unsupported <= set(SIGNAL_NAMES)
        assert load_plan().owner(profile.example) == profile.info.operator_id


def test_client_networks_are_of_these_operators_and_overlap_nowhere() -> None:
    found = resources.files("numseal.adapters.operators.simulator").joinpath("networks.csv").read_text("utf-8")
    header, *rows = [line.split(",") for line in found.splitlines() if not line.startswith("#")]
    assert header == ["prefix", "country", "kind", "operator"]
    countries = {profile.info.operator_id: profile.info.country for profile in OPERATORS}
    mobile = {profile.info.operator_id for profile in OPERATORS if profile.line_type is LineType.MOBILE}
    networks = [ip_network(prefix) for prefix, *_ in rows]
    for number, one in enumerate(networks):
        for other in networks[number + 1 :]:
            assert one.version != other.version or not one.overlaps(other)
    assert {operator for _, _, kind, operator in rows if kind == "MOBILE"} == mobile
    for _, country, kind, operator in rows:
        assert kind in NetworkKind.__members__
        assert (kind == "MOBILE") == bool(operator)
        assert country == countries.get(operator, country)


def test_every_operator_lists_its_ranges(network: SimulatedNetwork) -> None:
    (mts,) = [item for item in network.operators() if item.info.operator_id == "mts"]
    assert mts.info == OperatorInfo("mts", "MTS", (Plmn("250", "01"),), "RU")
    assert Range("+7916", 11, "mts") in mts.ranges
    assert sum(len(item.ranges) for item in network.operators()) == len(load_plan().ranges())


def test_a_plan_must_name_simulated_operators() -> None:
    plan = NumberPlan([Range("+7916", 11, "yota"), Range("+7917", 11, "mts")])
    with pytest.raises(ValueError, match="not simulated: yota"):
        SimulatedNetwork(1, FakeClock(), plan)


def test_keys_differ_by_operator_purpose_and_seed(network: SimulatedNetwork) -> None:
    keys = {
        network.secret("mts", "codes"),
        network.secret("mts", "references"),
        network.secret("t2", "codes"),
        SimulatedNetwork(2, FakeClock()).secret("mts", "codes"),
    }
    assert len(keys) == 4


def test_a_network_without_abroad_keeps_everybody_home() -> None:
    profiles = tuple(profile for profile in OPERATORS if profile.info.operator_id in {"mts", "rostelecom-fixed"})
    for prefix, owner in (("+7916", "mts"), ("+7495", "rostelecom-fixed")):
        network = SimulatedNetwork(1, FakeClock(), NumberPlan([Range(prefix, 11, owner)]), profiles)
        people = [network.subscriber(f"{prefix}{number:07d}") for number in range(500)]
        assert {(person.operator_id, person.plmn == person.serving_plmn) for person in people} == {(owner, True)}


def test_a_network_of_landlines_needs_no_plmn() -> None:
    profiles = tuple(profile for profile in OPERATORS if profile.info.operator_id == "rostelecom-fixed")
    network = SimulatedNetwork(1, FakeClock(), NumberPlan([Range("+7495", 11, "rostelecom-fixed")]), profiles)
    assert network.subscriber("+74951234567").serving_plmn == ""
