"""An event is read with the fields of its kind; whatever cannot be is refused, never repaired."""

from dataclasses import fields, replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.evidence import NOW
from numseal.domain.evidence import Basis, DeliveryState, DeviceRef, SimChangeKind, SimRef, SubscriberRef
from numseal.domain.operator import BarredReason, EventKind, OperatorEvent
from numseal.usecases.answer_checks import ImpossibleAnswer
from numseal.usecases.operator_events import read_event

SIM = SimRef("5" * 32, "1", Basis.DIRECT)
DEVICE = DeviceRef("d" * 32, "1", "35123456")
OWNER = SubscriberRef("a" * 32, "1")
EVERYTHING = OperatorEvent(
    EventKind.SIM_CHANGE,
    "c1",
    NOW,
    event_id="e1",
    watch_id="w1",
    occur_time=NOW - 10,
    sim_change=SimChangeKind.REPLACED,
    sim_ref=SIM,
    fraud_suspected=True,
    device_ref=DEVICE,
    to_operator="megafon",
    to_plmn="250-02",
    subscriber_ref=OWNER,
    barred=BarredReason.FRAUD,
    delivery_id="d1",
    delivery=DeliveryState.FAILED,
    error="map:27",
)
"""An event with every field set, whatever its kind."""

HEAD = {"kind", "cursor", "observe_time", "event_id", "watch_id", "occur_time"}
OWN = {
    EventKind.SIM_CHANGE: {"sim_change", "sim_ref", "fraud_suspected"},
    EventKind.DEVICE_CHANGE: {"device_ref"},
    EventKind.PORT_OUT: {"to_operator", "to_plmn"},
    EventKind.TERMINATED: set(),
    EventKind.REASSIGNED: {"subscriber_ref"},
    EventKind.BARRED: {"barred"},
    EventKind.DELIVERY: {"delivery_id", "delivery", "error"},
    EventKind.HEARTBEAT: set(),
}


def event(kind: EventKind, **wrong: Any) -> Any:
    """Return an event of a kind with fields that the annotations need not allow."""
    return replace(EVERYTHING, kind=kind, **wrong)


def only_its_own(given: OperatorEvent) -> OperatorEvent:
    """Return the event as it is read."""
    kept = HEAD | OWN[given.kind]
    if given.kind is EventKind.DELIVERY:
        kept = kept - {"watch_id"}
    if given.kind is EventKind.HEARTBEAT:
        kept = {"kind", "cursor", "observe_time"}
    chosen: dict[str, Any] = {item.name: getattr(given, item.name) for item in fields(given) if item.name in kept}
    return OperatorEvent(**chosen)


@pytest.mark.parametrize("kind", EventKind)
def test_an_event_has_the_fields_of_its_kind(kind: EventKind) -> None:
    assert read_event(event(kind), NOW) == only_its_own(event(kind))


@pytest.mark.parametrize("kind", EventKind)
def test_fields_of_other_kinds_are_not_even_looked_at(kind: EventKind) -> None:
    others: dict[str, Any] = {item.name: object() for item in fields(EVERYTHING) if item.name not in HEAD | OWN[kind]}
    assert read_event(event(kind, **others), NOW) == only_its_own(event(kind))


@pytest.mark.parametrize(
    "given",
    [
        event(EventKind.SIM_CHANGE, sim_ref=None, fraud_suspected=False),
        event(EventKind.SIM_CHANGE, cursor="c" * 256, event_id="e" * 64, watch_id="w" * 128),
        event(EventKind.SIM_CHANGE, occur_time=NOW + 300, observe_time=NOW + 300),
        event(EventKind.TERMINATED, occur_time=1, observe_time=0),
        event(EventKind.DEVICE_CHANGE, device_ref=None),
        event(EventKind.PORT_OUT, to_operator="", to_plmn=""),
        event(EventKind.REASSIGNED, subscriber_ref=None),
        event(EventKind.DELIVERY, delivery_id="d" * 256, error="e" * 128),
        event(EventKind.DELIVERY, error=""),
        event(EventKind.HEARTBEAT, event_id="", watch_id="", occur_time=0),
        event(EventKind.HEARTBEAT, event_id=None, watch_id=None, occur_time=NOW + 9_999),
    ],
)
def test_what_may_be_is_taken(given: OperatorEvent) -> None:
    assert read_event(given, NOW) == only_its_own(given)


@pytest.mark.parametrize("ahead", [301, 600, 365 * 86_400])
@pytest.mark.parametrize("kind", [EventKind.HEARTBEAT, EventKind.SIM_CHANGE, EventKind.DELIVERY])
def test_what_a_clock_far_ahead_observed_was_observed_by_now(kind: EventKind, ahead: int) -> None:
    dated = event(kind, occur_time=NOW + ahead, observe_time=NOW + ahead)
    assert read_event(dated, NOW) == only_its_own(replace(dated, observe_time=NOW))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(None, id="nothing"),
        pytest.param({"kind": "HEARTBEAT"}, id="a dict"),
        pytest.param(event(EventKind.HEARTBEAT, cursor=""), id="no cursor"),
        pytest.param(event(EventKind.HEARTBEAT, cursor="c" * 257), id="a long cursor"),
        pytest.param(event(EventKind.HEARTBEAT, cursor=b"c"), id="a cursor of bytes"),
        pytest.param(event(EventKind.HEARTBEAT, observe_time=-1), id="a heartbeat before 1970"),
        pytest.param(event(EventKind.TERMINATED, observe_time=True), id="observed at True"),
        pytest.param(event(EventKind.TERMINATED, event_id=""), id="no event id"),
        pytest.param(event(EventKind.TERMINATED, event_id="e" * 65), id="a long event id"),
        pytest.param(event(EventKind.TERMINATED, event_id="e\n"), id="a line break"),
        pytest.param(event(EventKind.DELIVERY, event_id=""), id="a delivery without event id"),
        pytest.param(event(EventKind.TERMINATED, watch_id=""), id="no watch"),
        pytest.param(event(EventKind.TERMINATED, watch_id="w" * 129), id="a long watch"),
        pytest.param(event(EventKind.TERMINATED, occur_time=0), id="it never happened"),
        pytest.param(event(EventKind.TERMINATED, occur_time=float(NOW)), id="a time with a point"),
        pytest.param(event(EventKind.DELIVERY, occur_time=None), id="a delivery without a time"),
        pytest.param(event(EventKind.SIM_CHANGE, sim_change=None), id="no kind of change"),
        pytest.param(event(EventKind.SIM_CHANGE, sim_change="NEW"), id="a kind of change as text"),
        pytest.param(event(EventKind.SIM_CHANGE, sim_ref=replace(SIM, ref="")), id="an empty reference"),
        pytest.param(event(EventKind.SIM_CHANGE, sim_ref=OWNER), id="the owner for a SIM"),
        pytest.param(event(EventKind.SIM_CHANGE, fraud_suspected=1), id="suspicion as a number"),
        pytest.param(event(EventKind.DEVICE_CHANGE, device_ref=replace(DEVICE, tac="3" * 17)), id="a long TAC"),
        pytest.param(event(EventKind.PORT_OUT, to_operator="Mega Fon"), id="to no operator's id"),
        pytest.param(event(EventKind.PORT_OUT, to_operator=None), id="to None"),
        pytest.param(event(EventKind.PORT_OUT, to_plmn="25002"), id="to no PLMN"),
        pytest.param(event(EventKind.REASSIGNED, subscriber_ref="a" * 32), id="an owner as text"),
        pytest.param(event(EventKind.BARRED, barred=None), id="barred without a reason"),
        pytest.param(event(EventKind.DELIVERY, delivery_id=""), id="no delivery"),
        pytest.param(event(EventKind.DELIVERY, delivery_id="d" * 257), id="a long delivery id"),
        pytest.param(event(EventKind.DELIVERY, delivery="FAILED"), id="a state as text"),
        pytest.param(event(EventKind.DELIVERY, error="e" * 129), id="a long error"),
    ],
)
def test_what_cannot_be_is_refused(given: Any) -> None:
    with pytest.raises(ImpossibleAnswer):
        read_event(given, NOW)


def test_a_kind_as_text_is_refused() -> None:
    with pytest.raises(ImpossibleAnswer, match="kind: a EventKind is expected"):
        read_event(replace(EVERYTHING, kind=cast("EventKind", "TERMINATED")), NOW)


ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=300), st.binary(max_size=4), st.floats())


@given(
    kind=st.sampled_from(EventKind),
    wrong=st.dictionaries(st.sampled_from([item.name for item in fields(EVERYTHING)][1:]), ANYTHING, max_size=4),
)
def test_any_event_is_read_or_refused(kind: EventKind, wrong: dict[str, Any]) -> None:
    given = replace(EVERYTHING, kind=kind, **wrong)
    try:
        read = read_event(given, NOW)
    except ImpossibleAnswer:
        return
    assert read == only_its_own(given)
