"""The contract's enumerations beside the domain's: the same names, each with the other's value. Data only.

A number that is not in a table is UNSPECIFIED or of a later contract; what it is read as is said where it is read.
"""

from enum import StrEnum
from typing import Any, Generic, TypeVar

from numseal.api.operator.v1 import event_pb2, operator_pb2, subscriber_pb2
from numseal.domain import evidence, operator
from numseal.domain.verification import Purpose

T = TypeVar("T", bound=str)
E = TypeVar("E", bound=StrEnum)


class Names(Generic[T]):
    """One enumeration, both ways: `to_wire` by the domain's value, `from_wire` by the message's number."""

    __slots__ = ("from_wire", "to_wire")

    def __init__(self, wire: Any, prefix: str, values: tuple[T, ...]) -> None:
        """Pair the values with the numbers of the same names; raise `ValueError` where a name is missing."""
        self.to_wire: dict[T, Any] = {value: wire.Value(f"{prefix}_{value.upper()}") for value in values}
        self.from_wire: dict[int, T] = {number: value for value, number in self.to_wire.items()}


def _all(wire: Any, prefix: str, kind: type[E]) -> "Names[E]":
    return Names(wire, prefix, tuple(kind))


SIGNALS = Names(subscriber_pb2.SignalKind, "SIGNAL_KIND", evidence.SIGNAL_NAMES)
STATES = _all(subscriber_pb2.SignalState, "SIGNAL_STATE", evidence.SignalState)
BASES = _all(subscriber_pb2.ReferenceBasis, "REFERENCE_BASIS", evidence.Basis)
LINE_TYPES = _all(subscriber_pb2.LineType, "LINE_TYPE", evidence.LineType)
CONTRACT_TYPES = _all(subscriber_pb2.ContractType, "CONTRACT_TYPE", evidence.ContractType)
SIM_CHANGES = _all(subscriber_pb2.SimChangeKind, "SIM_CHANGE_KIND", evidence.SimChangeKind)
FORWARDINGS = _all(subscriber_pb2.ForwardingKind, "FORWARDING_KIND", evidence.ForwardingKind)
SERVICES = _all(subscriber_pb2.ServiceState, "SERVICE_STATE", evidence.ServiceState)
REACHABILITIES = _all(subscriber_pb2.Reachability, "REACHABILITY", evidence.Reachability)
DOMAINS = _all(subscriber_pb2.ServingDomain, "SERVING_DOMAIN", evidence.ServingDomain)
PHASES = _all(operator_pb2.LookupPhase, "LOOKUP_PHASE", operator.Phase)
PURPOSES = _all(operator_pb2.Purpose, "PURPOSE", Purpose)
METHODS = _all(operator_pb2.Method, "METHOD", evidence.Method)
SENDS = _all(operator_pb2.SendOutcome, "SEND_OUTCOME", operator.SendOutcome)
CHECKS = _all(operator_pb2.CheckOutcome, "CHECK_OUTCOME", operator.CodeOutcome)
NETWORK_CHECKS = _all(operator_pb2.NetworkOutcome, "NETWORK_OUTCOME", operator.NetworkOutcome)
OPERATIONS = _all(operator_pb2.Operation, "OPERATION", operator.Operation)
DELIVERIES = _all(event_pb2.DeliveryStatus, "DELIVERY_STATUS", evidence.DeliveryState)
BARRINGS = _all(event_pb2.BarredReason, "BARRED_REASON", operator.BarredReason)
EVENTS: Names[operator.EventKind] = Names(
    event_pb2.EventKind, "EVENT_KIND", (*operator.WATCHED_KINDS, operator.EventKind.DELIVERY)
)
