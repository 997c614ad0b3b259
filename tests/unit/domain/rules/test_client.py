"""Where the client is, and whose SIM opened the operator's page."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import NODE, answer, known, unknown
from fakes.rules import no_answer, rests_on, shown
from numseal.domain.evidence import Basis, ClientNetwork, Lookup, Method, NetworkKind


def served(**changes: Any) -> Lookup:
    return answer(serving=known((replace(NODE, **changes),)))


@pytest.mark.parametrize("kind", [None, *NetworkKind])
def test_a_client_in_a_data_centre(kind: NetworkKind | None) -> None:
    client = None if kind is None else ClientNetwork("RU", kind)
    found = ("client.kind",) if kind is NetworkKind.HOSTING else None
    assert rests_on("CLIENT_HOSTING", client=client) == found


@pytest.mark.parametrize(
    ("client", "changes", "where"),
    [
        ("NL", {}, "after"),
        ("NL", {"after": no_answer()}, "before"),
        ("NL", {"before": answer(serving=unknown()), "after": served(plmn="262-01")}, "after"),
        ("RU", {}, None),
        ("DE", {"after": served(plmn="262-01")}, None),
        ("DE", {"before": served(plmn="262-01")}, None),
        ("NL", {"before": answer(serving=unknown()), "after": answer(serving=unknown())}, None),
        ("NL", {"before": served(basis=Basis.HOME_ROUTED), "after": served(basis=Basis.HOME_ROUTED)}, None),
        ("NL", {"country": "", "home_plmns": ()}, None),
    ],
)
def test_a_client_elsewhere(client: str, changes: dict[str, Any], where: str | None) -> None:
    paths = rests_on("CLIENT_ELSEWHERE", client=ClientNetwork(client, NetworkKind.FIXED), **changes)
    assert paths == (None if where is None else ("client.country", f"{where}.serving"))


def test_an_unknown_client_is_not_elsewhere() -> None:
    assert rests_on("CLIENT_ELSEWHERE", client=None) is None


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"network_mismatches": 1}, True),
        ({"network_mismatches": 0}, False),
        ({"network_mismatches": 1, "possession": None}, True),
        ({"network_mismatches": 1, "possession": shown(Method.NETWORK)}, False),
        ({"network_mismatches": 1, "earlier": (shown(Method.NETWORK),)}, False),
    ],
)
def test_another_sim_opened_the_page(changes: dict[str, Any], found: bool) -> None:
    assert rests_on("NETWORK_MISMATCH", **changes) == (("network_mismatches",) if found else None)
