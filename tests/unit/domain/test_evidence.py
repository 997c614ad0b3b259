from dataclasses import fields, replace
from typing import Any

import pytest

from fakes.evidence import DAY, NOW, OWNER, SIM, answer, known, subscriber, unknown
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Basis,
    DeviceRef,
    Facts,
    LookupOutcome,
    Meta,
    Port,
    Signal,
    SignalState,
    Subscriber,
    facts_of,
)


@pytest.mark.parametrize("state", SignalState)
def test_a_value_is_known_only_where_the_state_is_ok(state: SignalState) -> None:
    assert Signal(Meta(state), "x").known == ("x" if state is SignalState.OK else None)


def test_a_signal_is_unknown_unless_said_otherwise() -> None:
    assert all(signal.meta.state is SignalState.UNKNOWN for _, signal in Subscriber().signals())


def test_signals_are_all_there_in_the_contracts_order() -> None:
    found = subscriber()
    assert tuple(name for name, _ in found.signals()) == SIGNAL_NAMES == tuple(item.name for item in fields(found))
    assert dict(found.signals())["sim_ref"] is found.sim_ref
    assert len(SIGNAL_NAMES) == 18


def test_facts_keep_what_later_evidence_is_compared_with() -> None:
    device, changed = DeviceRef("d" * 32, "1", "35123456"), NOW - 400 * DAY
    found = facts_of(answer(port=known(Port(NOW - 5, "beeline"))))
    assert found == Facts("mts", NOW, OWNER, SIM, NOW - 5, device, changed)
    assert facts_of(answer()).port_time is None


def test_facts_keep_no_reference_of_home_routing() -> None:
    assert facts_of(answer(sim_ref=known(replace(SIM, basis=Basis.HOME_ROUTED)))).sim_ref is None
    nothing: dict[str, Any] = dict.fromkeys(("sim_ref", "subscriber_ref", "device_ref", "sim_change"), unknown())
    assert facts_of(answer(**nothing)) == Facts("mts", NOW)


def test_facts_of_no_subscriber_are_empty() -> None:
    assert facts_of(answer(LookupOutcome.NOT_SERVED)) == Facts("mts", NOW)
