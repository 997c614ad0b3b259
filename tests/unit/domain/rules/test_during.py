"""What moved while a number was being verified."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import DAY, NODE, NOW, SIM, answer, known, unknown
from fakes.rules import no_answer, rests_on
from numseal.domain.evidence import (
    Basis,
    Forwarding,
    ForwardingKind,
    Lookup,
    ServingDomain,
    SimChange,
    SimChangeKind,
)

OTHER_SIM = replace(SIM, ref="6" * 32)


def changed(age: int) -> Lookup:
    return answer(sim_change=known(SimChange(NOW - age, SimChangeKind.REPLACED)))


def served(*nodes: Any) -> Lookup:
    return answer(serving=known(nodes))


def forwards(*kinds: ForwardingKind, active: bool = True) -> Lookup:
    return answer(forwarding=known(tuple(Forwarding(kind, active) for kind in kinds)))


def both(name: str) -> tuple[str, str]:
    return f"before.{name}", f"after.{name}"


SIM_CASES: list[tuple[dict[str, Any], tuple[str, ...] | None]] = [
    ({"after": answer(sim_ref=known(OTHER_SIM))}, both("sim_ref")),
    ({"after": answer(sim_ref=known(replace(OTHER_SIM, key_epoch="2")))}, None),
    ({"after": answer(sim_ref=known(replace(OTHER_SIM, basis=Basis.HOME_ROUTED)))}, None),
    ({"after": answer(operator="beeline", sim_ref=known(OTHER_SIM))}, None),
    ({"after": None}, None),
    ({"before": no_answer(), "after": answer(sim_ref=known(OTHER_SIM))}, None),
    *[
        ({"before_resend": (answer(sim_ref=known(OTHER_SIM)),), "after": after}, names)
        for after, names in [
            (None, ("before.sim_ref", "before_resend.sim_ref")),
            (no_answer(), ("before.sim_ref", "before_resend.sim_ref")),
            (answer(sim_ref=unknown()), ("before.sim_ref", "before_resend.sim_ref")),
            (answer(sim_ref=known(OTHER_SIM)), ("before.sim_ref", "after.sim_ref")),
            (answer(), ("before_resend.sim_ref", "after.sim_ref")),
        ]
    ],
    ({"before_resend": (answer(),)}, None),
    ({"before_resend": (answer(sim_ref=unknown()),)}, None),
    ({"before": changed(401 * DAY), "after": changed(401 * DAY - 1)}, both("sim_change")),
    ({"before": changed(400 * DAY), "after": changed(400 * DAY)}, None),
    ({"before": changed(399 * DAY), "after": changed(400 * DAY)}, None),
    ({"before": answer(sim_change=unknown()), "after": changed(0)}, None),
    ({"before": changed(0), "after": answer(sim_change=unknown())}, None),
]


@pytest.mark.parametrize(("changes", "paths"), SIM_CASES)
def test_another_sim(changes: dict[str, Any], paths: tuple[str, ...] | None) -> None:
    assert rests_on("SIM_CHANGED_DURING_VERIFICATION", **changes) == paths


ABROAD = replace(NODE, plmn="262-01", node_ref="f" * 32)
PACKETS = replace(ABROAD, domain=ServingDomain.PS)


@pytest.mark.parametrize(
    ("before", "after", "network", "node"),
    [
        (served(NODE), served(NODE), False, False),
        (served(NODE), served(replace(NODE, node_ref="f" * 32)), False, True),
        (served(NODE), served(replace(NODE, node_ref="f" * 32, key_epoch="2")), False, False),
        (served(NODE), served(replace(NODE, update_time=NOW)), False, False),
        # into another network
        (served(NODE), served(ABROAD), True, False),
        (served(ABROAD), served(NODE), True, False),
        (served(NODE), served(replace(NODE, plmn="262-01")), True, False),
        (served(NODE), served(replace(NODE, plmn="250-02")), True, False),
        (served(replace(NODE, plmn="250-20")), served(replace(NODE, plmn="250-02")), True, False),
        (served(ABROAD), served(replace(ABROAD, plmn="208-01")), True, False),
        (served(replace(NODE, plmn="901-01")), served(replace(NODE, plmn="901-14")), True, False),
        # the networks of one foreign country, and the operator's own
        (served(ABROAD), served(replace(ABROAD, plmn="262-02")), False, True),
        (served(NODE), served(replace(NODE, plmn="250-35")), False, True),
        # nothing to compare
        (served(NODE), served(PACKETS), False, False),
        (served(NODE), served(), False, False),
        (served(NODE), answer(serving=unknown()), False, False),
        (served(NODE), served(replace(ABROAD, basis=Basis.HOME_ROUTED)), False, False),
        (served(replace(NODE, basis=Basis.HOME_ROUTED)), served(ABROAD), False, False),
        (served(NODE), answer(operator="beeline", serving=known((ABROAD,))), False, False),
        (no_answer(), served(ABROAD), False, False),
        # one domain stays, the other moves
        (served(NODE, replace(NODE, domain=ServingDomain.PS)), served(NODE, PACKETS), True, False),
    ],
)
def test_another_network_or_node(before: Lookup, after: Lookup, network: bool, node: bool) -> None:
    changes: dict[str, Any] = {"before": before, "after": after, "home_plmns": ("250-01", "250-35")}
    assert rests_on("SERVING_CHANGED_DURING_VERIFICATION", **changes) == (both("serving") if network else None)
    assert rests_on("NODE_CHANGED", **changes) == (both("serving") if node else None)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (forwards(), forwards(ForwardingKind.UNCONDITIONAL), True),
        (forwards(ForwardingKind.UNCONDITIONAL), forwards(), True),
        (forwards(ForwardingKind.BUSY), forwards(ForwardingKind.NO_REPLY), True),
        (forwards(ForwardingKind.BUSY), forwards(ForwardingKind.BUSY), False),
        (forwards(), forwards(ForwardingKind.BUSY, active=False), False),
        (forwards(ForwardingKind.BUSY), answer(forwarding=unknown()), False),
        (answer(forwarding=unknown()), forwards(ForwardingKind.BUSY), False),
        (forwards(), no_answer(), False),
    ],
)
def test_other_forwarding(before: Lookup, after: Lookup, found: bool) -> None:
    paths = rests_on("FORWARDING_CHANGED_DURING_VERIFICATION", before=before, after=after)
    assert paths == (both("forwarding") if found else None)
