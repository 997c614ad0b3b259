"""Events into messages. Pure."""

from collections.abc import Callable, Mapping

from numseal.adapters.operators.remote.enums import BARRINGS, DELIVERIES, SIM_CHANGES
from numseal.adapters.operators.remote.evidence_to_wire import (
    device_ref_message,
    sim_ref_message,
    subscriber_ref_message,
)
from numseal.adapters.operators.remote.fields import timestamp
from numseal.api.operator.v1 import event_pb2 as pb
from numseal.domain.evidence import DeliveryState, SimChangeKind
from numseal.domain.operator import BarredReason, EventKind, OperatorEvent


def event_message(event: OperatorEvent) -> pb.Event:
    """Write one event."""
    message = pb.Event(
        event_id=event.event_id,
        cursor=event.cursor,
        watch_id=event.watch_id,
        occur_time=timestamp(event.occur_time or None),
        observe_time=timestamp(event.observe_time),
    )
    _KINDS[event.kind](message, event)
    return message


def _sim_change(message: pb.Event, event: OperatorEvent) -> None:
    found = message.sim_change
    found.kind = SIM_CHANGES.to_wire[event.sim_change or SimChangeKind.UNKNOWN]
    found.fraud_suspected = event.fraud_suspected
    if event.sim_ref is not None:
        found.sim_ref.CopyFrom(sim_ref_message(event.sim_ref))


def _device_change(message: pb.Event, event: OperatorEvent) -> None:
    message.device_change.SetInParent()
    if event.device_ref is not None:
        message.device_change.device_ref.CopyFrom(device_ref_message(event.device_ref))


def _port_out(message: pb.Event, event: OperatorEvent) -> None:
    message.port_out.CopyFrom(pb.PortOutEvent(to_operator_id=event.to_operator, to_plmn=event.to_plmn))


def _terminated(message: pb.Event, _event: OperatorEvent) -> None:
    message.terminated.SetInParent()


def _reassigned(message: pb.Event, event: OperatorEvent) -> None:
    message.reassigned.SetInParent()
    if event.subscriber_ref is not None:
        message.reassigned.subscriber_ref.CopyFrom(subscriber_ref_message(event.subscriber_ref))


def _barred(message: pb.Event, event: OperatorEvent) -> None:
    message.barred.reason = BARRINGS.to_wire[event.barred or BarredReason.OTHER]


def _delivery(message: pb.Event, event: OperatorEvent) -> None:
    status = DELIVERIES.to_wire[event.delivery or DeliveryState.UNKNOWN]
    message.delivery.CopyFrom(pb.DeliveryEvent(delivery_id=event.delivery_id, status=status, error=event.error))


def _heartbeat(message: pb.Event, _event: OperatorEvent) -> None:
    message.heartbeat.SetInParent()


_KINDS: Mapping[EventKind, Callable[[pb.Event, OperatorEvent], None]] = {
    EventKind.SIM_CHANGE: _sim_change,
    EventKind.DEVICE_CHANGE: _device_change,
    EventKind.PORT_OUT: _port_out,
    EventKind.TERMINATED: _terminated,
    EventKind.REASSIGNED: _reassigned,
    EventKind.BARRED: _barred,
    EventKind.DELIVERY: _delivery,
    EventKind.HEARTBEAT: _heartbeat,
}
