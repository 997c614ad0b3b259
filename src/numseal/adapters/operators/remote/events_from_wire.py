"""Events out of messages. Pure.

What an event cannot be without raises `BrokenContractError`; a reference, a network or an error of its that cannot be
is left out, since the change that it tells of is what counts.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from numseal.adapters.operators.remote.enums import BARRINGS, DELIVERIES
from numseal.adapters.operators.remote.evidence_from_wire import (
    device_ref_of,
    moment_or_none,
    sim_change_kind_of,
    sim_ref_of,
    subscriber_ref_of,
)
from numseal.adapters.operators.remote.fields import PLMN, BrokenContractError, text
from numseal.api.operator.v1 import event_pb2 as pb
from numseal.domain.evidence import DeliveryState
from numseal.domain.operator import BarredReason, EventKind, OperatorEvent
from numseal.usecases.answer_checks import OPERATOR_ID

MAX_CURSOR = 256
MAX_ERROR = 128
MAX_EVENT_ID = 64
MAX_WATCH_ID = MAX_DELIVERY_ID = 128

T = TypeVar("T")


def event_of(message: pb.Event) -> OperatorEvent:
    """Read one event; raise `BrokenContractError`, also for a kind that is not known here."""
    name = message.WhichOneof("kind")
    if name is None:
        raise BrokenContractError("kind: one of the contract's is expected")
    observed = moment_or_none(message, "observe_time")
    if observed is None:
        raise BrokenContractError("observe_time: is expected")
    cursor = text("cursor", message.cursor, 1, MAX_CURSOR)
    kind, read = _KINDS[name]
    if kind is EventKind.HEARTBEAT:
        return OperatorEvent(kind, cursor, observed)
    occurred = moment_or_none(message, "occur_time")
    if occurred is None:
        raise BrokenContractError("occur_time: is expected of all but heartbeats")
    watched = kind is not EventKind.DELIVERY
    return OperatorEvent(
        kind,
        cursor,
        observed,
        event_id=text("event_id", message.event_id, 1, MAX_EVENT_ID),
        watch_id=text("watch_id", message.watch_id, 1, MAX_WATCH_ID) if watched else "",
        occur_time=occurred,
        **read(getattr(message, name)),
    )


def _sim_change(value: pb.SimChangeEvent) -> dict[str, Any]:
    return {
        "sim_change": sim_change_kind_of(value.kind),
        "sim_ref": _possible(sim_ref_of, value.sim_ref) if value.HasField("sim_ref") else None,
        "fraud_suspected": value.fraud_suspected,
    }


def _device_change(value: pb.DeviceChangeEvent) -> dict[str, Any]:
    return {"device_ref": _possible(device_ref_of, value.device_ref) if value.HasField("device_ref") else None}


def _port_out(value: pb.PortOutEvent) -> dict[str, Any]:
    name, network = value.to_operator_id, value.to_plmn
    return {
        "to_operator": name if OPERATOR_ID.fullmatch(name) else "",
        "to_plmn": network if PLMN.fullmatch(network) else "",
    }


def _reassigned(value: pb.ReassignedEvent) -> dict[str, Any]:
    known = value.HasField("subscriber_ref")
    return {"subscriber_ref": _possible(subscriber_ref_of, value.subscriber_ref) if known else None}


def _barred(value: pb.BarredEvent) -> dict[str, Any]:
    return {"barred": BARRINGS.from_wire.get(value.reason, BarredReason.OTHER)}


def _delivery(value: pb.DeliveryEvent) -> dict[str, Any]:
    return {
        "delivery_id": text("delivery_id", value.delivery_id, 1, MAX_DELIVERY_ID),
        "delivery": DELIVERIES.from_wire.get(value.status, DeliveryState.UNKNOWN),
        "error": value.error if len(value.error) <= MAX_ERROR and value.error.isprintable() else "",
    }


def _nothing(_value: object) -> dict[str, Any]:
    return {}


def _possible(read: Callable[[Any], T], value: object) -> T | None:
    try:
        return read(value)
    except BrokenContractError:
        return None


_KINDS: Mapping[str, tuple[EventKind, Callable[[Any], dict[str, Any]]]] = {
    "sim_change": (EventKind.SIM_CHANGE, _sim_change),
    "device_change": (EventKind.DEVICE_CHANGE, _device_change),
    "port_out": (EventKind.PORT_OUT, _port_out),
    "terminated": (EventKind.TERMINATED, _nothing),
    "reassigned": (EventKind.REASSIGNED, _reassigned),
    "barred": (EventKind.BARRED, _barred),
    "delivery": (EventKind.DELIVERY, _delivery),
    "heartbeat": (EventKind.HEARTBEAT, _nothing),
}
