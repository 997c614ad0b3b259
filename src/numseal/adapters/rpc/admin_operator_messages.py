"""Translate operators, and what they say they can do, to messages."""

from google.protobuf.duration_pb2 import Duration

from numseal.adapters.rpc.admin_messages import METHODS, SIGNALS
from numseal.adapters.rpc.assurance_messages import timestamp
from numseal.api.admin.v1 import resource_pb2 as pb
from numseal.api.operator.v1 import event_pb2, operator_pb2
from numseal.domain.operator import WATCHED_KINDS, Capabilities, EventKind, Operation, Price
from numseal.usecases.list_operators import OperatorView

_IDEMPOTENCY = 86_400
"""Seconds for which an operator that is idempotent remembers a request (operator.proto)."""

_OPERATIONS = {operation: operator_pb2.Operation.Value(f"OPERATION_{operation.name}") for operation in Operation}
_EVENTS = {kind: event_pb2.EventKind.Value(f"EVENT_KIND_{kind.name}") for kind in (*WATCHED_KINDS, EventKind.DELIVERY)}
_CALLS = {
    "capabilities": "GetCapabilities",
    "look_up": "LookUpSubscriber",
    "send_code": "SendCode",
    "check_code": "CheckCode",
    "start_network_check": "StartNetworkCheck",
    "finish_network_check": "FinishNetworkCheck",
    "watch_subscriber": "WatchSubscriber",
    "unwatch_subscriber": "UnwatchSubscriber",
}


def operator_message(view: OperatorView) -> pb.Operator:
    """Return an operator; its backend is named like it."""
    return pb.Operator(
        operator_id=view.operator_id,
        display_name=view.display_name,
        plmns=view.plmns,
        backend=view.operator_id,
        capabilities=None if view.capabilities is None else _capabilities_message(view.capabilities),
        unavailable_reason=view.unavailable_reason,
        circuits=[
            pb.Circuit(call=_CALLS[name], state=pb.CircuitState.Value(f"CIRCUIT_STATE_{state.value}"))
            for name, state in sorted(view.circuits.items())
        ],
    )


def _capabilities_message(told: Capabilities) -> operator_pb2.GetCapabilitiesResponse:
    return operator_pb2.GetCapabilitiesResponse(
        contract_version=told.contract_version,
        operator_id=told.operator_id,
        plmns=told.plmns,
        signals=[operator_pb2.SignalCapability(signal=SIGNALS[name]) for name in told.signals],
        methods=[operator_pb2.MethodCapability(method=METHODS[method]) for method in told.methods],
        idempotency_window=Duration(seconds=_IDEMPOTENCY) if told.idempotent else None,
        prior_codes_valid=told.prior_codes_valid,
        events=[operator_pb2.EventCapability(kind=_EVENTS[kind]) for kind in told.events if kind in _EVENTS],
        event_retention=Duration(seconds=told.event_retention) if told.event_retention else None,
        max_watches=told.max_watches,
        prices=[_price_message(price) for price in told.prices],
        signs_statements=told.signs_statements,
        server_time=timestamp(told.server_time),
    )


def _price_message(price: Price) -> operator_pb2.Price:
    message = operator_pb2.Price(
        operation=_OPERATIONS[price.operation], price_micros=price.price_micros, currency_code=price.currency
    )
    if price.signal:
        message.signal = SIGNALS[price.signal]
    if price.method is not None:
        message.method = METHODS[price.method]
    return message
