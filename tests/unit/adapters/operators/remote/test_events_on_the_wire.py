"""Events across the wire: each kind as it was told, and what is impossible in one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes.evidence import DEVICE, NOW, OWNER, SIM
from numseal.adapters.operators.remote.events_from_wire import event_of
from numseal.adapters.operators.remote.events_to_wire import event_message
from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.api.operator.v1 import event_pb2 as pb
from numseal.domain.evidence import DeliveryState, SimChangeKind
from numseal.domain.operator import BarredReason, EventKind, OperatorEvent
from numseal.usecases.operator_events import read_event

BASE = OperatorEvent(EventKind.TERMINATED, "7", NOW, event_id="e1", watch_id="w1", occur_time=NOW - 5)
DELIVERY = replace(BASE, kind=EventKind.DELIVERY, watch_id="", delivery_id="d1", delivery=DeliveryState.FAILED)
HEARTBEAT = OperatorEvent(EventKind.HEARTBEAT, "7", NOW)
EVENTS = [
    BASE,
    HEARTBEAT,
    *[replace(BASE, kind=EventKind.SIM_CHANGE, sim_change=kind, sim_ref=SIM) for kind in SimChangeKind],
    replace(BASE, kind=EventKind.SIM_CHANGE, sim_change=SimChangeKind.ESIM, fraud_suspected=True),
    replace(BASE, kind=EventKind.DEVICE_CHANGE, device_ref=DEVICE),
    replace(BASE, kind=EventKind.DEVICE_CHANGE),
    replace(BASE, kind=EventKind.PORT_OUT, to_operator="megafon", to_plmn="250-02"),
    replace(BASE, kind=EventKind.PORT_OUT),
    replace(BASE, kind=EventKind.REASSIGNED, subscriber_ref=OWNER),
    replace(BASE, kind=EventKind.REASSIGNED),
    *[replace(BASE, kind=EventKind.BARRED, barred=reason) for reason in BarredReason],
    *[replace(DELIVERY, delivery=state, error="map:27") for state in DeliveryState],
]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_arrives_as_it_was_told(event: OperatorEvent) -> None:
    arrived = event_of(event_message(event))
    assert arrived == event
    assert read_event(arrived, NOW) == event


def test_every_kind_is_there() -> None:
    assert {event.kind for event in EVENTS} == set(EventKind)


@pytest.mark.parametrize("kind", [EventKind.SIM_CHANGE, EventKind.BARRED, EventKind.DELIVERY])
def test_a_backend_that_does_not_tell_all_is_told_as_unknown(kind: EventKind) -> None:
    arrived = event_of(event_message(replace(DELIVERY, kind=kind, watch_id="w1", delivery=None)))
    told = {
        EventKind.SIM_CHANGE: SimChangeKind.UNKNOWN,
        EventKind.BARRED: BarredReason.OTHER,
        EventKind.DELIVERY: DeliveryState.UNKNOWN,
    }
    assert (arrived.sim_change or arrived.barred or arrived.delivery) is told[kind]


@pytest.mark.parametrize("number", [0, 99])
def test_words_that_are_not_stated_read_as_the_contract_has_it(number: int) -> None:
    swap = event_message(replace(BASE, kind=EventKind.SIM_CHANGE, sim_change=SimChangeKind.NEW))
    swap.sim_change.kind = number  # type: ignore[assignment]
    assert event_of(swap).sim_change is SimChangeKind.UNKNOWN
    barred = event_message(replace(BASE, kind=EventKind.BARRED, barred=BarredReason.FRAUD))
    barred.barred.reason = number  # type: ignore[assignment]
    assert event_of(barred).barred is BarredReason.OTHER
    delivery = event_message(DELIVERY)
    delivery.delivery.status = number  # type: ignore[assignment]
    assert event_of(delivery).delivery is DeliveryState.UNKNOWN


def test_what_is_wrong_beside_the_change_does_not_hide_it() -> None:
    swap = event_message(replace(BASE, kind=EventKind.SIM_CHANGE, sim_change=SimChangeKind.NEW, sim_ref=SIM))
    swap.sim_change.sim_ref.reference = b"short"
    assert event_of(swap) == replace(BASE, kind=EventKind.SIM_CHANGE, sim_change=SimChangeKind.NEW)
    device = event_message(replace(BASE, kind=EventKind.DEVICE_CHANGE, device_ref=DEVICE))
    device.device_change.device_ref.tac = "x"
    assert event_of(device) == replace(BASE, kind=EventKind.DEVICE_CHANGE)
    owner = event_message(replace(BASE, kind=EventKind.REASSIGNED, subscriber_ref=OWNER))
    owner.reassigned.subscriber_ref.key_epoch = ""
    assert event_of(owner) == replace(BASE, kind=EventKind.REASSIGNED)
    gone = event_message(replace(BASE, kind=EventKind.PORT_OUT, to_operator="No Such!", to_plmn="25001"))
    assert event_of(gone) == replace(BASE, kind=EventKind.PORT_OUT)
    lost = event_message(replace(DELIVERY, error="e" * 129))
    assert event_of(lost) == DELIVERY


@pytest.mark.parametrize(
    ("field", "event", "change"),
    [
        ("kind", BASE, lambda m: m.ClearField("kind")),
        ("observe_time", BASE, lambda m: m.ClearField("observe_time")),
        ("observe_time", HEARTBEAT, lambda m: m.observe_time.FromSeconds(-1)),
        ("cursor", BASE, lambda m: m.ClearField("cursor")),
        ("cursor", HEARTBEAT, lambda m: setattr(m, "cursor", "c" * 257)),
        ("occur_time", BASE, lambda m: m.ClearField("occur_time")),
        ("event_id", BASE, lambda m: m.ClearField("event_id")),
        ("event_id", BASE, lambda m: setattr(m, "event_id", "e" * 65)),
        ("watch_id", BASE, lambda m: m.ClearField("watch_id")),
        ("watch_id", BASE, lambda m: setattr(m, "watch_id", "w" * 129)),
        ("delivery_id", DELIVERY, lambda m: m.delivery.ClearField("delivery_id")),
        ("delivery_id", DELIVERY, lambda m: setattr(m.delivery, "delivery_id", "d" * 129)),
    ],
)
def test_an_impossible_event(field: str, event: OperatorEvent, change: Callable[[pb.Event], object]) -> None:
    message = event_message(event)
    change(message)
    with pytest.raises(BrokenContractError, match=f"^{field}: "):
        event_of(message)
