"""Lookups into messages: what a backend found, as the contract's answer. Pure.

A reference that is no hash in hex is hashed once more, so that equal ones stay equal and no others become so.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from numseal.adapters.operators.remote.enums import (
    BASES,
    CONTRACT_TYPES,
    DOMAINS,
    FORWARDINGS,
    LINE_TYPES,
    REACHABILITIES,
    SERVICES,
    SIM_CHANGES,
    STATES,
)
from numseal.adapters.operators.remote.fields import MAX_REFERENCE, MIN_REFERENCE, timestamp
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.api.operator.v1 import subscriber_pb2 as sub
from numseal.domain.evidence import (
    DeviceRef,
    Forwarding,
    Lookup,
    LookupOutcome,
    Meta,
    Port,
    Serving,
    Signal,
    SignalState,
    SimChange,
    SimRef,
    Subscriber,
    SubscriberRef,
)
from numseal.domain.operator import LookupRequest

SOURCE = "operator"
"""Source of a signal whose backend names none."""

_TOLD = frozenset({SignalState.OK, SignalState.STALE})


def lookup_message(lookup: Lookup, request: LookupRequest) -> pb.LookUpSubscriberResponse:
    """Write an answer to a request, apart from its statement; raise `ValueError` for UNANSWERED, which is none.

    Where the backend gives its answer no name, it is the request's.
    """
    answer = pb.LookUpSubscriberResponse(
        request_id=request.request_id,
        phone_number=request.phone_number,
        lookup_reference=lookup.lookup_reference or request.request_id,
    )
    if lookup.outcome is LookupOutcome.SUBSCRIBER and lookup.subscriber is not None:
        answer.subscriber.CopyFrom(_subscriber(lookup.subscriber, request))
    elif lookup.outcome is LookupOutcome.PORTED:
        answer.ported.CopyFrom(pb.Ported(operator_id=lookup.ported_to, plmn=lookup.ported_plmn))
    elif lookup.outcome is LookupOutcome.NOT_ASSIGNED:
        answer.not_assigned.SetInParent()
    elif lookup.outcome is LookupOutcome.NOT_SERVED:
        answer.not_served.SetInParent()
    else:
        raise ValueError("outcome: an answer with one of the contract's outcomes is expected")
    return answer


def reference_bytes(text: str) -> bytes:
    """Return a reference's bytes, 16 to 64."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    # Another spelling of the same bytes is another reference to those who compare texts.
    fits = MIN_REFERENCE <= len(raw) <= MAX_REFERENCE and raw.hex() == text
    return raw if fits else hashlib.sha256(text.encode()).digest()


def subscriber_ref_message(value: SubscriberRef) -> sub.Reference:
    """Write a subscriber's reference."""
    return sub.Reference(reference=reference_bytes(value.ref), key_epoch=value.key_epoch)


def sim_ref_message(value: SimRef) -> sub.SimRef:
    """Write a SIM's reference."""
    return sub.SimRef(reference=reference_bytes(value.ref), key_epoch=value.key_epoch, basis=BASES.to_wire[value.basis])


def device_ref_message(value: DeviceRef) -> sub.DeviceRef:
    """Write a device's reference."""
    return sub.DeviceRef(reference=reference_bytes(value.ref), key_epoch=value.key_epoch, tac=value.tac)


def _subscriber(found: Subscriber, request: LookupRequest) -> sub.Subscriber:
    """Write the signals that were asked for; one that is not supported is absent."""
    asked, metas = frozenset(request.signals), dict[int, sub.SignalMeta]()
    return sub.Subscriber(
        **{
            name: _signal(name, signal, request, metas)
            for name, signal in found.signals()
            if name in asked and signal.meta.state is not SignalState.NOT_SUPPORTED
        }
    )


def _signal(name: str, signal: Signal[object], request: LookupRequest, metas: dict[int, sub.SignalMeta]) -> Any:
    kind, value = _KINDS[name], signal.value
    if name == "recycled" and value is not None and request.since_time is None:
        # The contract has no answer to a question without its time.
        return kind(meta=_meta(signal.meta, SignalState.UNKNOWN))
    # Signals of one source share their meta, which the answer keeps alive: its id is its own.
    meta = metas.get(id(signal.meta))
    if meta is None:
        meta = metas[id(signal.meta)] = _meta(signal.meta, signal.meta.state)
    if value is None or signal.meta.state not in _TOLD:
        return kind(meta=meta)
    if name in _MANY:
        return kind(meta=meta, values=_MANY[name](value))
    message = kind(meta=meta, value=_ONE[name](value))
    if name == "recycled":
        message.since_time.CopyFrom(timestamp(request.since_time))
    return message


def _meta(meta: Meta, state: SignalState) -> sub.SignalMeta:
    return sub.SignalMeta(
        state=STATES.to_wire[state],
        observe_time=timestamp(meta.observe_time),
        coverage_start_time=timestamp(meta.coverage_start_time),
        source=meta.source or SOURCE,
        code_space=meta.code_space,
        code=meta.code,
    )


def _sim_change(value: SimChange) -> sub.SimChange:
    return sub.SimChange(change_time=timestamp(value.time), kind=SIM_CHANGES.to_wire[value.kind])


def _port(value: Port) -> sub.Port:
    return sub.Port(port_time=timestamp(value.time), from_operator_id=value.from_operator)


def _forwarding(values: tuple[Forwarding, ...]) -> list[sub.Forwarding]:
    return [sub.Forwarding(kind=FORWARDINGS.to_wire[value.kind], active=value.active) for value in values]


def _serving(values: tuple[Serving, ...]) -> list[sub.ServingNode]:
    return [
        sub.ServingNode(
            plmn=value.plmn,
            node_ref=reference_bytes(value.node_ref) if value.node_ref else b"",
            domain=DOMAINS.to_wire[value.domain],
            basis=BASES.to_wire[value.basis],
            update_time=timestamp(value.update_time or None),
            key_epoch=value.key_epoch,
        )
        for value in values
    ]


_KINDS: Mapping[str, Any] = {
    "subscriber_ref": sub.SubscriberRefSignal,
    "sim_ref": sub.SimRefSignal,
    "device_ref": sub.DeviceRefSignal,
    "line_type": sub.LineTypeSignal,
    "contract_type": sub.ContractTypeSignal,
    "identity_on_file": sub.IdentityOnFileSignal,
    "activate_time": sub.TimeSignal,
    "sim_change": sub.SimChangeSignal,
    "port": sub.PortSignal,
    "recycled": sub.RecycledSignal,
    "forwarding": sub.ForwardingSignal,
    "sms_service": sub.ServiceSignal,
    "voice_service": sub.ServiceSignal,
    "data_service": sub.ServiceSignal,
    "reachability": sub.ReachabilitySignal,
    "last_seen": sub.TimeSignal,
    "serving": sub.ServingSignal,
    "sims_on_device": sub.SimsOnDeviceSignal,
}
_ONE: Mapping[str, Callable[[Any], Any]] = {
    "subscriber_ref": subscriber_ref_message,
    "sim_ref": sim_ref_message,
    "device_ref": device_ref_message,
    "line_type": LINE_TYPES.to_wire.__getitem__,
    "contract_type": CONTRACT_TYPES.to_wire.__getitem__,
    "identity_on_file": bool,
    "activate_time": timestamp,
    "sim_change": _sim_change,
    "port": _port,
    "recycled": bool,
    "sms_service": SERVICES.to_wire.__getitem__,
    "voice_service": SERVICES.to_wire.__getitem__,
    "data_service": SERVICES.to_wire.__getitem__,
    "reachability": REACHABILITIES.to_wire.__getitem__,
    "last_seen": timestamp,
    "sims_on_device": int,
}
_MANY: Mapping[str, Callable[[Any], Any]] = {"forwarding": _forwarding, "serving": _serving}
