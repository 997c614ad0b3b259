"""What an operator says it can do, as administrators are shown it."""

from dataclasses import replace

from fakes.operator import everything
from numseal.adapters.rpc.admin_operator_messages import operator_message
from numseal.api.admin.v1 import resource_pb2
from numseal.api.operator.v1 import event_pb2, operator_pb2, subscriber_pb2
from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.operator import Operation, Price
from numseal.usecases.list_operators import OperatorView
from numseal.usecases.operator_circuit import CircuitState


def test_capabilities_are_shown_whole() -> None:
    told = replace(
        everything("mts"),
        max_watches=7,
        prices=(
            Price(Operation.LOOK_UP_SUBSCRIBER, 5, "RUB", "sim_ref"),
            Price(Operation.SEND_CODE, 100, "RUB", method=Method.VOICE),
        ),
    )
    whole = operator_message(OperatorView("mts", "MTS", ("250-01",), told, "", {"look_up": CircuitState.OPEN}))
    assert [(item.call, item.state) for item in whole.circuits] == [
        ("LookUpSubscriber", resource_pb2.CIRCUIT_STATE_OPEN)
    ]
    message = whole.capabilities
    assert [item.signal for item in message.signals] == [
        subscriber_pb2.SignalKind.Value(f"SIGNAL_KIND_{name.upper()}") for name in SIGNAL_NAMES
    ]
    assert [item.kind for item in message.events] == list(event_pb2.EventKind.values())[1:]
    assert (message.idempotency_window.seconds, message.event_retention.seconds, message.max_watches) == (
        86_400,
        86_400,
        7,
    )
    lookup, code = message.prices
    assert (lookup.operation, lookup.signal, lookup.price_micros, lookup.currency_code) == (
        operator_pb2.OPERATION_LOOK_UP_SUBSCRIBER,
        subscriber_pb2.SIGNAL_KIND_SIM_REF,
        5,
        "RUB",
    )
    assert (code.operation, code.method) == (operator_pb2.OPERATION_SEND_CODE, operator_pb2.METHOD_VOICE)
    less = operator_message(OperatorView("mts", "MTS", (), replace(told, idempotent=False, event_retention=0), "X", {}))
    assert not less.capabilities.HasField("idempotency_window")
    assert not less.capabilities.HasField("event_retention")
    assert not operator_message(OperatorView("t2", "T2", (), None, "X", {})).HasField("capabilities")
